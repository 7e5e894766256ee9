"""Reads a text and the first error in it. Gives the other errors, so that several are seen at once.

The text is read again without the statement that holds an error, or with the name that it did not know; what
follows from that alone is no error.
Knows nothing of what a statement means.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gradcheck_cli.common.errors import GradcheckError, UnknownName
from gradcheck_cli.language.identifiers import canonical
from gradcheck_cli.language.recovery import remove_statement
from gradcheck_cli.numerics.limits.language import LanguageLimits

__all__ = ["further_errors"]


def further_errors(
    text: str, first: GradcheckError, file: str, read: Callable[[str, frozenset[str]], object],
    limits: LanguageLimits,
) -> tuple[GradcheckError, ...]:
    """The errors that `read` raises beside the first one, by line, at most so many that all fit a screen.

    It is given a text and the names that may be assumed to be known.
    """
    found: list[GradcheckError] = []
    missing: set[str] = set()
    error = first
    for _ in range(limits.most_unread):
        unknown = canonical(_name_at(error)) if isinstance(error, UnknownName) else ""
        if unknown and unknown not in missing:
            missing.add(unknown)
        else:
            removed = remove_statement(text, error, file)
            if removed is None:
                break
            text = removed.text
            missing |= removed.names
        try:
            read(text, frozenset(missing))
            break
        except GradcheckError as another:
            error = another
        if error.place is None:
            break
        if not _follows(error, missing):
            found.append(error)
        if len(found) + 1 >= limits.most_errors:
            break
    return tuple(sorted(found, key=lambda e: e.place.line if e.place else 0))


def _follows(error: GradcheckError, missing: set[str]) -> bool:
    """Whether an error is about a name whose statement was taken out, or about the loss that went with it."""
    if error.place is None:
        return True
    name = _name_at(error).strip("{}")
    stems = {_STEM.sub("", each) for each in missing}
    return name in missing or _STEM.sub("", name) in stems or ("loss" in missing and "loss" in error.message)


def _name_at(error: GradcheckError) -> str:
    """What the error points at."""
    place = error.place
    return "" if place is None else place.text[place.column - 1 : place.column - 1 + place.width]


_STEM = re.compile(r"(?:\{.*|[0-9][0-9_]*)$")  # h of h0 and h1_1, and of h{k-1}
