"""Reads nothing. Gives the columns: what each method computed for the entries of one point.

Columns are evidence: frozen records of read-only arrays. Whoever judges them cannot change them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.verdicts.gradients.plan import Strategy
from gradcheck_cli.verdicts.gradients.points import Point

__all__ = ["Collected", "Columns", "Projections", "entries_of"]


def _freeze(record: object) -> None:
    """Make every array of a record read-only."""
    for field in fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        if isinstance(value, np.ndarray):
            value.flags.writeable = False


@dataclass(frozen=True)
class Projections:
    """Sums of all entries with random signs, as each method has them, (D,) float64.

    `tolerance` is what rounding may make of one of them. A finite difference that is not known is nan. Where
    SymPy has no formula the sums are not `seen` by symbolic, and say nothing.
    """

    symbolic: Array
    backprop: Array
    finite: Array
    bound: Array
    tolerance: float
    seen: bool = True
    located: bool = False  # a difference is known to come from other entries

    def __post_init__(self) -> None:
        _freeze(self)

    @cached_property  # asked for each of thousands of names
    def differ(self) -> bool:
        """Whether symbolic and backprop differ by more than rounding."""
        return self.seen and bool(np.any(~(np.abs(self.symbolic - self.backprop) <= self.tolerance)))

    @cached_property
    def stray(self) -> bool:
        """Whether the differences, which are all that is left, see something else."""
        gap = np.abs(self.finite - self.backprop)
        return bool(np.any(gap > self.bound + self.tolerance))


@dataclass(frozen=True)
class Columns:
    """What the methods computed of d of/d name at one point: flat read-only arrays of one length.

    A number that was not computed is nan; where `unseen`, symbolic was not asked, or has no formula.
    `examined` are the entries that were differenced one by one; the others by node, or not at all (nan).
    `bound` is that of the differences: truncation, noise of the loss, and what rounding inside the function
    was measured to do, which is the same at all samples and moves the slope itself.
    """

    point: Point
    name: str
    strategy: Strategy
    symbolic: Array
    backprop: Array
    finite: Array
    bound: Array
    left: Array
    right: Array
    kink: Array
    unseen: Array
    examined: Array
    below: Array  # where the derivative is 0 as a double, and not at 50 digits
    precise: Array  # where symbolic was computed at 50 digits, because its form leaves the range of float64
    rounding: Array  # what a right float64 program may be off by
    by_node: Array | None = None  # differences by node, with their bounds: (2, entries)
    projections: Projections | None = None
    suspects: Array | None = None  # entries in which sums of entries showed symbolic and backprop to differ

    def __post_init__(self) -> None:
        _freeze(self)

    @cached_property
    def symbolic_or_backprop(self) -> Array:
        """The symbolic column, and backprop's number where there is none: for comparisons, never shown."""
        return np.where(self.unseen, self.backprop, self.symbolic)

    @cached_property
    def is_zero(self) -> Array:
        """Entries that are zero in all columns: nothing moves, or what moves is lost in float64."""
        nothing = (self.symbolic_or_backprop == 0) & (self.backprop == 0)
        return np.asarray(nothing & ((self.finite == 0) | (np.isnan(self.finite) & ~self.examined)))

    @cached_property
    def near_a_kink(self) -> Array:
        """Entries at a kink, or with one within rounding."""
        return np.asarray(self.kink | ~np.isnan(self.left) | ~np.isnan(self.right))


@dataclass(frozen=True)
class Collected:
    """The columns of all names at one point. `all` has their entries one after the other, in `places`; the
    columns of one name are views of it: thousands of names cost no more than their entries."""

    all: Columns
    places: Mapping[str, slice]
    parts: Mapping[str, Columns]
    pooled: bool = False  # there are so many small names that only some are differenced one by one

    def __getitem__(self, name: str) -> Columns:
        return self.parts[name]

    def entries_of(self, names: Iterable[str]) -> Array:
        """Which entries belong to some names.

        Parameters
        ----------
        names : those asked for

        Returns
        -------
        (entries,) bool
        """
        return entries_of(self.places, names, len(self.all.backprop))

    def unseen_entries(self, relative: float) -> Array:
        """Which entries could be off by a share of themselves and nobody would see it.

        Parameters
        ----------
        relative : the share

        Returns
        -------
        (entries,) bool
        """
        t, tolerance = self.all, np.full(len(self.all.backprop), -1.0)
        for name, part in self.parts.items():
            if part.projections is not None:  # both sides of the projection are off
                tolerance[self.places[name]] = 2 * part.projections.tolerance
        moved = relative * np.abs(t.backprop)
        seen = np.where(np.isfinite(t.bound), t.bound, np.inf)
        return np.asarray((moved <= np.minimum(seen, tolerance)) & ~t.examined & ~t.is_zero)

    def by_name(self, entries: Array) -> Iterator[tuple[str, Array]]:
        """The names that some entries belong to, with their places within them.

        Parameters
        ----------
        entries : (k,) indices, in order

        Yields
        ------
        name : str
        places : (j,) indices within the name
        """
        names, starts = list(self.places), [place.start for place in self.places.values()]
        owners, first = np.unique(np.searchsorted(starts, entries, side="right") - 1, return_index=True)
        for owner, some in zip(owners, np.split(entries, first[1:]), strict=False):
            yield names[owner], some - starts[owner]


def entries_of(places: Mapping[str, slice], names: Iterable[str], total: int) -> Array:
    """Which entries belong to some names.

    Parameters
    ----------
    places : name to its slice of the entries
    names : those asked for
    total : how many entries there are

    Returns
    -------
    (total,) bool
    """
    mask = np.zeros(total, dtype=bool)
    for name in names:
        mask[places[name]] = True
    return mask
