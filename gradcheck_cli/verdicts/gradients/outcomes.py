"""Reads nothing. Gives what is concluded of entries: verdicts, digits, notes and the reference's values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.results.gradient_results import Verdict
from gradcheck_cli.verdicts.gradients.columns import Collected, Columns

__all__ = ["NameOutcome", "Outcome", "PointOutcome"]


@dataclass(frozen=True)
class Outcome:
    """What is concluded of one disputed entry; `reference`: the value at high precision where it decided."""

    verdict: Verdict
    note: str | None = None
    digits: float = np.nan
    reference: float | None = None
    left: float | None = None  # exact slopes at a kink
    right: float | None = None
    below: bool = False  # it is not 0, and no double is so small


@dataclass
class NameOutcome:
    """What is concluded of one name: the outcomes of disputed entries, and what is said of all together."""

    columns: Columns
    digits: Array
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    together: Verdict = Verdict.OK
    note: str | None = None

    def verdicts(self) -> Iterator[tuple[int, Verdict]]:
        """The entries that are not ok, with their verdicts."""
        return ((k, found.verdict) for k, found in self.outcomes.items() if found.verdict is not Verdict.OK)

    def add(self, entry: int, outcome: Outcome) -> None:
        """Write down what is concluded of an entry."""
        self.outcomes[entry], self.digits[entry] = outcome, outcome.digits


@dataclass
class PointOutcome:
    """What is concluded of all names at one point: digits of all entries, and an outcome for each name of
    which there is more to say."""

    collected: Collected
    digits: Array
    opened: dict[str, NameOutcome] = field(default_factory=dict)

    def of(self, name: str) -> NameOutcome:
        """The outcome of one name, to be read."""
        found = self.opened.get(name)
        return found or NameOutcome(self.collected[name], self.digits[self.collected.places[name]])

    def open(self, name: str) -> NameOutcome:
        """The outcome of one name, to be added to."""
        return self.opened.setdefault(name, self.of(name))
