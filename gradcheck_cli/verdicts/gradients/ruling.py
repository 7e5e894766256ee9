"""Reads columns. Gives what is made of them: digits, verdicts and notes, entry by entry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.reference.referee import MOST_DIGITS
from gradcheck_cli.results.gradient_results import Verdict
from gradcheck_cli.verdicts.gradients.columns import Testimonies, Testimony

__all__ = ["Ruling", "Rulings", "carried_digits", "near_a_kink", "on_digits", "proved_digits", "within"]

_ULP = 2.0**-52  # relative; the truth itself is rounded to float64


@dataclass
class Ruling:
    """What is made of a testimony: digits, verdicts other than ok and notes by entry; `wrong` entries as
    a mask, where more are than have a verdict of their own; what is said of all entries together."""

    t: Testimony
    digits: Array
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)
    wrong: Array | None = None
    together: Verdict = Verdict.OK
    note: str | None = None


@dataclass
class Rulings:
    """What is made of all names at one point: digits of all entries, and a ruling for each name of which
    there is more to say."""

    heard: Testimonies
    digits: Array
    opened: dict[str, Ruling] = field(default_factory=dict)

    def of(self, name: str) -> Ruling:
        """The ruling on one name, to be read."""
        found = self.opened.get(name)
        return found or Ruling(self.heard[name], self.digits[self.heard.places[name]])

    def open(self, name: str) -> Ruling:
        """The ruling on one name, to be added to."""
        return self.opened.setdefault(name, self.of(name))


def within(t: Testimony, entries: Any, truth: Array, bound: Array) -> list[Array]:
    """Which numbers of symbolic, backprop and the differences are where the truth is, as far as rounding and
    their own bounds let them; where there is none, it is not off."""
    slack = bound + _ULP * np.abs(truth)
    with np.errstate(all="ignore"):
        symbolic, backprop, finite = (
            np.abs(part[entries] - truth) for part in (t.symbolic, t.backprop, t.finite)
        )
        known = ~np.isnan(t.finite[entries])
        return [
            t.unseen[entries] | (symbolic <= slack),
            backprop <= slack,
            ~known | (finite <= t.bound[entries] + slack),
        ]


def carried_digits(t: Testimony, entries: Any, truth: Array, bound: Array) -> tuple[Array, Array]:
    """The digits that float64 carries, and those of them that the differences show."""
    carried = proved_digits(bound, np.abs(truth))
    return carried, np.fmin(carried, proved_digits(np.abs(t.finite[entries] - truth), np.abs(truth)))


def on_digits(carried: Array, wanted: float, unseen: Array) -> list[str]:
    """What is said of entries that high precision settled; nothing where it spoke for symbolic."""
    usual = np.where(unseen, "", "settled by high precision").tolist()
    return [_few(int(k)) if k < wanted else note for k, note in zip(carried, usual, strict=True)]


def _few(digits: int) -> str:
    s = "" if digits == 1 else "s"
    return f"float64 carries {digits} digit{s} here; high precision agrees"


def near_a_kink(t: Testimony) -> Array:
    """Entries at a kink, or with one within rounding."""
    return np.asarray(t.kink | ~np.isnan(t.left) | ~np.isnan(t.right))


def proved_digits(error: Array, size: Array) -> Array:
    """Proved digits: -log10 of the relative error."""
    with np.errstate(all="ignore"):
        return np.asarray(np.clip(-np.log10(error / size), 0, MOST_DIGITS) + 0.0)  # no -0.0
