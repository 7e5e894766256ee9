"""Reads nothing. Gives the names that a text may use, and which of them hide a function.

Knows nothing of values and shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gradcheck_cli.language.expansion.definitions import Definition
from gradcheck_cli.language.function_names import RESERVED, is_function
from gradcheck_cli.language.let_names import LetName
from gradcheck_cli.language.source_text import Source
from gradcheck_cli.language.statements import Name

__all__ = ["CONSTANTS", "KINDS", "PARAMETER_HERE", "Elsewhere", "KnownNames"]

PARAMETER_HERE = "a parameter here"  # what a parameter of a definition is
CONSTANTS = frozenset({"pi"})
KINDS = {
    "param": "a parameter", "rows": "a rows name", "data": "data", "step": "a step",
    "let": "the name of a derivative",
}  # fmt: skip


class Elsewhere(NamedTuple):
    """A name of the model that claims or values are about: as displayed, and what it is there."""

    display: str
    what: str


@dataclass
class KnownNames:
    """The names that a text may use; those of the file as far as it was looked at."""

    source: Source
    defined: dict[str, Name] = field(default_factory=dict)  # so far
    kinds: dict[str, str] = field(default_factory=dict)
    later: dict[str, Name] = field(default_factory=dict)  # anywhere in the file
    known: Mapping[str, Elsewhere] = field(default_factory=dict)  # of the model that claims are about
    alike: dict[str, Name] = field(default_factory=dict)
    is_ascii: bool = False  # the whole file: no letters of other alphabets
    functions: Mapping[str, Definition] = field(default_factory=dict)  # that the file defines
    indices: Mapping[str, Name] = field(default_factory=dict)  # of its loops and sums
    lets: Mapping[str, LetName] = field(default_factory=dict)  # names of derivatives
    hiding: Mapping[str, Elsewhere] = field(default_factory=dict)  # of a model that values are given to
    ways: dict[str, str] = field(default_factory=dict)  # how each name of the file is defined
    assumed: frozenset[str] = frozenset()  # of which another error was told: whatever they are, they fit

    def is_call(self, name: str) -> bool:
        """Whether a name calls a function, because nothing that has this name hides it."""
        every: tuple[Mapping[str, object], ...] = (
            self.later, self.known, self.functions, self.lets, self.hiding,
        )  # fmt: skip
        return name in RESERVED or (is_function(name) and not any(name in names for names in every))
