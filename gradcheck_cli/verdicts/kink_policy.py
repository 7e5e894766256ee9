"""Reads exact slopes to both sides. Gives what is said where they differ: one policy for entries and claims.

A declared kink or border of a domain at the point is met on purpose: however little the slopes differ, there
is no derivative. Elsewhere slopes that are left over by terms that cancel count as none. Knows nothing of
models, nor of how the slopes were computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from gradcheck_cli.numerics.limits.gradients import DEFAULTS, GradientsLimits
from gradcheck_cli.results.gradient_results import Verdict

__all__ = ["Kind", "Slopes", "Standing", "kind_of", "slopes_differ", "standing_of"]


class Kind(Enum):
    """What two one-sided slopes are, with what is said of them."""

    DERIVATIVE = "the slopes are one: kinks that cancel"
    KINK = "no derivative here: left and right slopes differ; backprop's value is a convention"
    BORDER = "the border of a domain: there is no slope on one side"
    JUMP = "no derivative here: the value jumps"
    INFINITE = "the derivative is infinite here"
    UNKNOWN = "no slope can be had here, on either side"

    @property
    def verdict(self) -> Verdict:
        """Of an entry with such slopes: an infinite slope and none at all are no numbers to compare with."""
        if self in (Kind.INFINITE, Kind.UNKNOWN):
            return Verdict.UNRESOLVED
        return Verdict.OK if self is Kind.DERIVATIVE else Verdict.KINK


def slopes_differ(
    left: float, right: float, least: float = 0.0, limits: GradientsLimits = DEFAULTS
) -> bool:
    """Whether two slopes at high precision are two, and not both below `least`."""
    size = max(abs(left), abs(right))
    return abs(left - right) > limits.same_slope * size and size > least


def kind_of(left: float, right: float, jumps: bool = False, limits: GradientsLimits = DEFAULTS) -> Kind:
    """What these slopes are; nan: there is none on that side. `jumps`: the value itself does."""
    known = [slope for slope in (left, right) if not np.isnan(slope)]
    if not known:
        return Kind.UNKNOWN
    if np.isinf(known).any():
        return Kind.JUMP if jumps else Kind.INFINITE
    if len(known) == 1:
        return Kind.BORDER
    return Kind.KINK if slopes_differ(left, right, limits=limits) else Kind.DERIVATIVE


@dataclass(frozen=True)
class Slopes:
    """Exact one-sided slopes of one entry; `border`: a function declares a kink or border here; `jumps`: the
    value itself does, to one side."""

    left: float
    right: float
    border: bool
    jumps: bool = False
    limits: GradientsLimits = DEFAULTS

    @property
    def kind(self) -> Kind:
        """What they are."""
        return kind_of(self.left, self.right, self.jumps, self.limits)

    def confirm(self, truth: float) -> bool:
        """Whether there is one slope, and it is `truth` where that is known."""
        least = 0.0 if self.border else self.limits.slope_noise
        if not np.isfinite([self.left, self.right]).all():
            return False
        if slopes_differ(self.left, self.right, least, self.limits):
            return False
        return not np.isfinite(truth) or not slopes_differ(self.left, truth, least, self.limits)


class Standing(Enum):
    """Where a claimed number stands beside the slopes of its entry."""

    RIGHT = "the derivative"
    KINK = "a slope, where there is no derivative"
    CONVENTION = "what programs give by convention"
    WRONG = "neither"
    UNDECIDED = "nothing is known"


def standing_of(
    claimed: float, convention: float, left: float, right: float, kind: Kind, tolerance: float
) -> Standing:
    """Where a number stands beside slopes of this kind.

    At a kink every value between the slopes is right; at a border only the slope of its one side; where the
    value jumps, a finite slope, or what lies between it and the `convention`, the value that derivatives of
    the formula give there; where a slope is infinite, what lies between it and the other side's.
    """
    if kind is Kind.UNKNOWN or not np.isfinite(claimed):
        return Standing.UNDECIDED
    bounds = [slope for slope in (left, right) if not np.isnan(slope)]
    if kind is Kind.JUMP:
        bounds = [slope for slope in (*bounds, convention) if np.isfinite(slope)]
    elif np.isinf(bounds).all():
        bounds = []
    if bounds and min(bounds) - tolerance <= claimed <= max(bounds) + tolerance:
        return Standing.RIGHT if kind is Kind.DERIVATIVE else Standing.KINK
    conventional = np.isfinite(convention) and abs(claimed - convention) <= tolerance
    return Standing.CONVENTION if conventional else Standing.WRONG
