"""Reads claimed and true entries. Gives which simple relation explains them, if it is telling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.verdicts.claims.claim_samples import Evidence

__all__ = ["SAME", "explains", "is_moved", "misses", "repeats"]

SAME = 1e-12  # evidence is float64 of numbers known to 50 digits

_FEWEST_MOVED = 3  # places along an axis: two that are exchanged are in reverse, and off by one
Factor = Callable[[Evidence], Array | float]


def explains(evidence: Sequence[Evidence], repair: Callable[[Evidence], Array | float]) -> bool:
    """Whether a repair makes the claim right at all points, and is no accident."""
    with np.errstate(all="ignore"):
        return _is_telling(evidence) and all(_equal(repair(e), e.true, e) for e in evidence)


def _is_telling(evidence: Sequence[Evidence]) -> bool:
    """Whether the truth is not 0 at two points at least: of zeros everything is a factor."""
    return sum(bool(np.any(np.abs(e.true) > e.room)) for e in evidence) >= min(2, len(evidence))


def misses(evidence: Sequence[Evidence], factor: Factor) -> bool:
    """Whether the claim is right once it is multiplied by a factor."""
    return explains(evidence, lambda e: e.claimed * factor(e))


def repeats(evidence: Sequence[Evidence], factor: Factor) -> bool:
    """Whether the claim is the true value multiplied by a factor."""
    with np.errstate(all="ignore"):  # a factor may be 0 at some point, and the claim with it
        return _is_telling(evidence) and all(_equal(e.true * factor(e), e.claimed, e) for e in evidence)


def is_moved(evidence: Sequence[Evidence]) -> str | None:
    """The right entries in other places: transposed, in reverse, off by one, in the order of columns."""
    shape = evidence[0].claimed.shape
    inner = range(int(evidence[0].per_row), len(shape))
    if len(inner) > 1:
        if explains(evidence, lambda e: np.swapaxes(e.claimed, -1, -2)):
            return "is transposed"
        if explains(evidence, lambda e: e.claimed.reshape(-1).reshape(shape, order="F")):
            return "has its entries column by column, not row by row"
    for axis in range(len(shape)):
        what = "row" if axis < evidence[0].per_row else ("entry", "row")[len(inner) > 1]
        what = "column" if axis == len(shape) - 1 and len(inner) > 1 else what
        if shape[axis] < _FEWEST_MOVED:
            continue
        if explains(evidence, partial(_turned, axis)):
            return f"has its {_plural(what)} in reverse"
        for step in (1, -1):
            if explains(evidence, partial(_shifted, axis, step)):
                to = "after" if step == -1 else "before"
                return f"is off by one {what}: has in each place the value of the one {to}"
    return None


def _turned(axis: int, evidence: Evidence) -> Array:
    return np.flip(evidence.claimed, axis)


def _shifted(axis: int, step: int, evidence: Evidence) -> Array:
    """The entries moved by one place, and what has no place left taken as right."""
    found = np.roll(evidence.claimed, -step, axis)
    outer = [slice(None)] * found.ndim
    outer[axis] = slice(-1, None) if step == 1 else slice(0, 1)
    found[tuple(outer)] = evidence.true[tuple(outer)]
    return found


def _plural(what: str) -> str:
    return "entries" if what == "entry" else f"{what}s"


def _equal(made: Array | float, wanted: Array, evidence: Evidence) -> bool:
    if np.ndim(made) and np.shape(made) != np.shape(wanted):
        return False
    close = np.abs(made - wanted) <= np.maximum(SAME * np.abs(wanted), evidence.room)
    return bool(np.all(close))
