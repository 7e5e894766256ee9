"""Reads decorated functions. Gives the output formats by name. Knows nothing of any of them.

To add a format, write one function `(result, options) -> str` under `@output_format("name")` in a module,
and name the module in HOMES: the command line, its help and its completion follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
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
# The formats of each command and the modules that register them. Only what is asked for is imported: all
# of them together take as long as click does.
HOMES: dict[str, dict[str, str]] = {
    "run": {
        "table": "table", "json": "json_schema", "jsonl": "json_schema", "csv": "csv_tsv", "tsv": "csv_tsv",
        "latex": "latex", "markdown": "markdown",
    },
    "explain": {"table": "explained", "json": "json_schema", "latex": "latex", "markdown": "markdown"},
    "init-stats": {
        "table": "initialization_table", "json": "json_schema", "jsonl": "json_schema", "csv": "csv_tsv",
        "tsv": "csv_tsv", "markdown": "markdown",
    },
    "gain": {"table": "gains", "json": "json_schema"},
    "functions": {"table": "reference"},
}  # fmt: skip
_FORMATS: dict[tuple[str, str], Callable[..., str]] = {}


def output_format(name: str, *, of: str = "run") -> Callable[[Renderer], Renderer]:
    """Register a function as the format `name` of the results of the command `of`."""

    def register(function: Renderer) -> Renderer:
        _FORMATS[of, name] = function
        return function

    return register


def formats(of: str = "run") -> tuple[str, ...]:
    """The names of the formats of one command, the table first."""
    return tuple(dict.fromkeys((*HOMES.get(of, ()), *(n for command, n in _FORMATS if command == of))))


def render(
    result: Any, name: str = "table", options: OutputOptions | None = None, *, of: str = "run"
) -> str:
    """The text of a result; for `run` a sequence of reports. Raises KeyError: unknown format."""
    if (of, name) not in _FORMATS:
        import_module(f"{__package__}.{HOMES[of][name]}")
    return _FORMATS[of, name](result, options or OutputOptions())
