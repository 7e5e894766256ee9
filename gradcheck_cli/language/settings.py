"""Reads `set NAME = VALUE`. Gives the value in its type. Knows nothing of what a setting does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.language.identifiers import canonical, nearest

__all__ = ["SETTINGS", "setting"]


def _whole(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text) or int(text) < least:
            raise ValueError(f"a whole number from {least} on")
        return int(text)

    return read


def _one_of(**words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError("one of " + ", ".join(words))
        return words[text.lower()]

    return read


def _flag(text: str) -> bool:
    words = {"on": True, "yes": True, "true": True, "1": True}
    words |= {"off": False, "no": False, "false": False, "0": False}
    if text.lower() not in words:
        raise ValueError("on or off")
    return words[text.lower()]


def _word(text: str) -> str:
    if not re.fullmatch(r"[\w.+-]{1,60}", text):
        raise ValueError("one word")
    return text


def _names(text: str) -> tuple[str, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[^\W\d]\w*", part) for part in parts):
        raise ValueError("one or more names, separated by commas")
    return tuple(canonical(part) for part in parts)


_LAYOUTS = {
    "auto": "auto",
    "numerator": "numerator",
    "denominator": "denominator",
    "book": "denominator",
}
SETTINGS: Mapping[str, Callable[[str], Any]] = {
    "points": _whole(1),
    "digits": _whole(1),
    "layout": _one_of(**_LAYOUTS),
    "scheme": _word,
    "wrt": _names,
    "strict": _flag,
    "carry": _flag,
    "hint": _one_of(verdict="verdict", none="none", where="where", kind="kind", truth="truth"),
    "show_truth": _flag,
    "require_claims": _flag,
    "expand": _flag,
    "row": _whole(0),
}


def setting(name: str, text: str) -> tuple[str, Any]:
    """The setting's name, with _ for -, and its value. Raises OptionError."""
    key = name.replace("-", "_")
    if key in ("atol", "rtol", "tolerance", "tol"):
        raise OptionError(
            f"there is no {name}",
            help="bounds are computed, never given; set digits = 6 asks for proved digits",
        )
    if key == "seed":
        raise OptionError("the seed has a statement of its own", help=f"write seed {text}")
    if key not in SETTINGS:
        near = nearest(key, SETTINGS)
        listed = "known are " + ", ".join(SETTINGS)
        raise OptionError(
            f'there is no setting "{name}"', help=f"did you mean {near}?" if near else listed
        )
    value = text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
    try:
        return key, SETTINGS[key](value.strip())
    except ValueError as reason:
        raise OptionError(f'{name} cannot be "{value[:60]}"', help=f"it is {reason}") from None
