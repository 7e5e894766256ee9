"""Reads nothing. Gives the columns: what each method computed for the entries of one point."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.verdicts.gradients.plan import Way
from gradcheck_cli.verdicts.gradients.points import Point

__all__ = ["COLUMNS", "Projections", "Testimonies", "Testimony", "Truth"]


# ---------------------------------------------------------------------------------------------
# Testimony
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Projections:
    """Sums of all entries with random signs, as each witness has them, (D,); `room` is what rounding may
    make of one. A finite difference that is not known is nan."""

    symbolic: Array
    backprop: Array
    finite: Array
    bound: Array
    room: float
    located: bool = False  # a difference is known to come from other entries

    @cached_property  # asked for each of thousands of names
    def differ(self) -> bool:
        """Whether symbolic and backprop differ by more than rounding."""
        return bool(np.any(~(np.abs(self.symbolic - self.backprop) <= self.room)))

    @cached_property
    def stray(self) -> bool:
        """Whether the differences, which are all that is left, see something else."""
        gap = np.abs(self.finite - self.backprop)
        return bool(np.any(gap > self.bound + self.room))


@dataclass
class Testimony:
    """What the witnesses say about d of/d name at one point, flat arrays of one length.

    Where `unseen`, symbolic was not asked, or cannot see; its number is then backprop's. `examined` are
    the entries that were differenced one by one; the others by node, or not at all (nan).
    """

    point: Point
    name: str
    way: Way
    symbolic: Array
    backprop: Array
    finite: Array
    bound: Array
    left: Array
    right: Array
    kink: Array
    unseen: Array
    examined: Array
    by_node: Array | None = None  # differences by node, with their bounds: (2, entries)
    projections: Projections | None = None
    rounding: Array | None = None  # what a right float64 program may be off by, where it was asked for
    suspects: Array | None = None  # of the crowd: entries that were found to be wrong

    def is_zero(self) -> Array:
        """Entries that are exactly zero in all columns."""
        nothing = (self.symbolic == 0) & (self.backprop == 0)
        return np.asarray(nothing & ((self.finite == 0) | (np.isnan(self.finite) & ~self.examined)))


COLUMNS = ("symbolic", "backprop", "finite", "bound", "left", "right", "kink", "unseen", "examined")


@dataclass
class Testimonies:
    """The testimony on all names at one point. `all` has their entries one after the other, in `places`;
    the testimony on one name is a view of it: thousands of names are heard at the price of their entries."""

    all: Testimony
    places: Mapping[str, slice]
    parts: Mapping[str, Testimony]

    def __getitem__(self, name: str) -> Testimony:
        return self.parts[name]

    def some(self, names: Iterable[str]) -> Array:
        """Which entries belong to these names, as a mask."""
        mask = np.zeros(len(self.all.backprop), dtype=bool)
        for name in names:
            mask[self.places[name]] = True
        return mask

    def unseen(self, relative: float) -> Array:
        """Which entries could be off by so much of themselves and nobody would see it, as a mask."""
        t, room = self.all, np.full(len(self.all.backprop), -1.0)
        for name, part in self.parts.items():
            if part.projections is not None:
                room[self.places[name]] = 2 * part.projections.room  # both sides of the projection are off
        moved = relative * np.abs(t.backprop)
        seen = np.where(np.isfinite(t.bound), t.bound, np.inf)
        return np.asarray((moved <= np.minimum(seen, room)) & ~t.examined & ~t.is_zero())

    def by_name(self, entries: Array) -> Iterator[tuple[str, Array]]:
        """The names that these entries, in order, belong to, with their places within them."""
        names, starts = list(self.places), [place.start for place in self.places.values()]
        owners, first = np.unique(np.searchsorted(starts, entries, side="right") - 1, return_index=True)
        for owner, some in zip(owners, np.split(entries, first[1:]), strict=False):
            yield names[owner], some - starts[owner]

    def round_by(self, rounding: Array) -> None:
        """Let all entries, and those of each name, be off by what rounding may do to them."""
        self.all.rounding = rounding
        for name, part in self.parts.items():
            part.rounding = rounding[self.places[name]]


@dataclass(frozen=True)
class Truth:
    """What the referee's first way says of each name, nan where it says nothing, and where the second way
    confirms it; flat arrays."""

    value: Mapping[str, Array]
    confirmed: Mapping[str, Array]
