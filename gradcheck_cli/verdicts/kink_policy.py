"""Reads exact slopes to both sides. Gives what is said where they differ: one policy for entries and claims.

A declared kink or border of a domain at the point is met on purpose: however little the slopes differ, there
is no derivative. Elsewhere slopes that are left over by terms that cancel count as none. Knows nothing of
models, nor of how the slopes were computed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcheck_cli.numerics.limits.gradients import DEFAULTS, GradientsLimits

__all__ = ["Slopes", "describe_kink", "slopes_differ"]


def slopes_differ(
    left: float, right: float, least: float = 0.0, limits: GradientsLimits = DEFAULTS
) -> bool:
    """Whether two slopes at high precision are two, and not both below `least`."""
    size = max(abs(left), abs(right))
    return abs(left - right) > limits.same_slope * size and size > least


@dataclass(frozen=True)
class Slopes:
    """Exact one-sided slopes of one entry; `border`: a function declares a kink or border here."""

    left: float
    right: float
    border: bool
    limits: GradientsLimits = DEFAULTS

    def confirm(self, truth: float) -> bool:
        """Whether there is one slope, and it is `truth` where that is known."""
        least = 0.0 if self.border else self.limits.slope_noise
        if not np.isfinite([self.left, self.right]).all():
            return False
        if slopes_differ(self.left, self.right, least, self.limits):
            return False
        return not np.isfinite(truth) or not slopes_differ(self.left, truth, least, self.limits)


def describe_kink(left: float, right: float, limits: GradientsLimits = DEFAULTS) -> str | None:
    """Why there is no derivative between these slopes; None where there is one: kinks that cancel."""
    if np.isnan([left, right]).any():
        return "the border of a domain: there is no slope on one side"
    if np.isinf([left, right]).any():
        return "no derivative here: the value jumps, or the slope is infinite"
    if slopes_differ(left, right, limits=limits):
        return "no derivative here: left and right slopes differ; backprop's value is a convention"
    return None
