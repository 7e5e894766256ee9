"""Reads decorated functions. Gives the output formats by name. Knows nothing of any of them.

To add a format, write one function `(result, options) -> str` under `@output_format("name")` in a module,
and name the module in HOMES: the command line, its help and its completion follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from inspect import isgeneratorfunction
from typing import Any, TypeVar

__all__ = ["Formats", "OutputOptions", "formats", "output_format", "pieces", "render"]


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """What a format may know of where its text goes. `verbosity`: -2 for -qq up to 1 for -v."""

    width: int = 80
    color: bool = False
    encoding: str = "utf-8"
    verbosity: int = 0
    is_cut: bool = True  # whether the line of a model ends at the width, as on a terminal
    expected: tuple[str, ...] = ()  # what the reports to come are of, where they come one by one


# A generator takes reports as they come and gives their text piece by piece.
Renderer = TypeVar("Renderer", bound=Callable[..., str | Iterator[str]])
# The formats of each command and the modules that register them. Only what is asked for is imported: all
# of them together take as long as click does.
HOMES: dict[str, dict[str, str]] = {
    "run": {
        "table": "table", "json": "json_schema", "jsonl": "json_schema", "csv": "csv_tsv", "tsv": "csv_tsv",
        "latex": "latex", "markdown": "markdown", "github": "github", "junit": "junit", "sarif": "sarif",
    },
    "explain": {"table": "explained", "json": "json_schema", "latex": "latex", "markdown": "markdown"},
    "init-stats": {
        "table": "initialization_table", "json": "json_schema", "jsonl": "json_schema", "csv": "csv_tsv",
        "tsv": "csv_tsv", "markdown": "markdown",
    },
    "gain": {"table": "gains", "json": "json_schema"},
    "functions": {"table": "reference"},
}  # fmt: skip


@dataclass
class Formats:
    """The formats of each command: `homes` says which module registers which, `known` those that did."""

    homes: Mapping[str, Mapping[str, str]]
    known: dict[tuple[str, str], Callable[..., str | Iterator[str]]] = field(default_factory=dict)

    def register(self, name: str, of: str = "run") -> Callable[[Renderer], Renderer]:
        """A decorator that makes a function the format `name` of the results of the command `of`."""

        def add(function: Renderer) -> Renderer:
            self.known[of, name] = function
            return function

        return add

    def names(self, of: str = "run") -> tuple[str, ...]:
        """Those of one command, the table first."""
        added = (name for command, name in self.known if command == of)
        return tuple(dict.fromkeys((*self.homes.get(of, ()), *added)))

    def find(self, name: str, of: str = "run") -> Callable[..., str | Iterator[str]]:
        """The function of a format; its module is imported when it is first asked for."""
        if (of, name) not in self.known:
            import_module(f"{__package__}.{self.homes[of][name]}")
        return self.known[of, name]


FORMATS = Formats(HOMES)


def output_format(name: str, *, of: str = "run") -> Callable[[Renderer], Renderer]:
    """Register a function as the format `name` of the results of the command `of`."""
    return FORMATS.register(name, of)


def formats(of: str = "run") -> tuple[str, ...]:
    """The names of the formats of one command, the table first."""
    return FORMATS.names(of)


def render(
    result: Any,
    name: str = "table",
    options: OutputOptions | None = None,
    *,
    of: str = "run",
    known: Formats = FORMATS,
) -> str:
    """Write a result in one of the formats.

    Parameters
    ----------
    result : object
        What a command found; for `run` a sequence of reports.
    name : str
        The format.
    options : OutputOptions, optional
        What is known of where the text goes.
    of : str
        The command.
    known : Formats
        Where the format is looked up.

    Raises
    ------
    KeyError
        There is no such format.
    """
    text = known.find(name, of)(result, options or OutputOptions())
    return text if isinstance(text, str) else "".join(text)


def pieces(
    results: Iterable[Any], name: str, options: OutputOptions, *, of: str = "run", known: Formats = FORMATS
) -> Iterator[str]:
    """Write results as they come, piece by piece where the format does not need them all."""
    write = known.find(name, of)
    text = write(results if isgeneratorfunction(write) else list(results), options)
    yield from (text,) if isinstance(text, str) else text
