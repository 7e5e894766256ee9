"""Reads decorated functions. Gives the output formats by name. Knows nothing of any of them.

To add a format, write one function `(result, options) -> str` under `@output_format("name")` in a
module that render/__init__.py imports: the command line, its help and its completion follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["OutputOptions", "formats", "output_format", "render"]


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """What a format may know of where its text goes. `verbosity`: -2 for -qq up to 1 for -v."""

    width: int = 80
    color: bool = False
    encoding: str = "utf-8"
    verbosity: int = 0


Renderer = TypeVar("Renderer", bound=Callable[..., str])
_FORMATS: dict[tuple[str, str], Callable[..., str]] = {}


def output_format(name: str, *, of: str = "run") -> Callable[[Renderer], Renderer]:
    """Register a function as the format `name` of the results of the command `of`."""

    def register(function: Renderer) -> Renderer:
        _FORMATS[of, name] = function
        return function

    return register


def formats(of: str = "run") -> tuple[str, ...]:
    """The names of the formats of one command, the table first."""
    names = [name for command, name in _FORMATS if command == of]
    return tuple(sorted(names, key=lambda name: name != "table"))


def render(
    result: Any, name: str = "table", options: OutputOptions | None = None, *, of: str = "run"
) -> str:
    """The text of a result; for `run` a sequence of reports. Raises KeyError: unknown format."""
    return _FORMATS[of, name](result, options or OutputOptions())
