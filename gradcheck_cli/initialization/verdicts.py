"""Reads slopes, measured and predicted. Gives verdicts: stable, vanishes, explodes, or unexpected.

Slopes are in decades per layer in the direction of travel. Knows nothing of how values were measured or
predicted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.initialization.architectures import Network
from gradcheck_cli.numerics.limits.initialization import DEFAULTS, InitializationLimits
from gradcheck_cli.numerics.student_t import student_t
from gradcheck_cli.results.initialization_results import Outcome, Series

__all__ = ["Quantile", "best_case", "contradicts", "slope_allowance", "start_allowance", "verdict"]

Array = NDArray[np.float64]
Quantile = Callable[[float, int], float]


def contradicts(
    values: Array,
    expected: float | None,
    scatter: float,
    allowance: float,
    t: Quantile = student_t,
    limits: InitializationLimits = DEFAULTS,
) -> bool:
    """Whether the networks' slopes, or their values at one layer, cannot come from the predicted mean.

    Five standard errors, by the larger of both scatters: one in a million correct initializers is accused.

    Parameters
    ----------
    values : (networks,) float64
        Decades per layer, or log10 of the statistic.
    expected : float or None
        The prediction, in the same unit.
    scatter : float
        The predicted standard deviation of one network.
    allowance : float
        How far the prediction itself may be off.
    t : callable
        Student's quantiles.
    limits : how many standard errors

    Returns
    -------
    bool
        False without networks or without a prediction.
    """
    count = len(values)
    if not count or expected is None:
        return False
    margin = limits.contradiction_sigmas * scatter / math.sqrt(count) if math.isfinite(scatter) else 0.0
    if count > 1:
        own = float(np.std(values, ddof=1)) / math.sqrt(count)
        margin = max(margin, t(limits.contradiction_level, count - 1) * own)
    rounding = limits.slope_rounding * (1 + abs(expected))
    return abs(float(np.mean(values)) - expected) > margin + allowance + rounding


def slope_allowance(network: Network, correction: float, *, pooled: bool, normal: bool) -> float:
    """How far the predicted slope may be off, in decades per layer.

    `correction` is what finite width takes off it, to first order: half of that bounds the second order;
    `pooled` inputs scatter less within a network, and how much of it remains is unknown. The ends are
    known to about 1/width, each layer of a sum h + s f to as much; where biases are not `normal`, neither
    are pre-activations, and phi(z)^2 of a uniform z may differ by half a decade.
    """
    narrow, limits = 1 / min(network.widths[1:-1]), network.limits
    steps = max(network.depth - 1, 1)
    found = narrow / (steps if network.architecture == "mlp" else 2)
    if math.isfinite(correction):
        found += abs(correction) * (limits.second_order_pooled if pooled else limits.second_order)
    if not normal:
        found += limits.not_normal / steps
    return found


def start_allowance(network: Network, *, normal: bool) -> float:
    """The same for log10 of the first layer, in the direction of travel: a fifth of a decade and more."""
    limits = network.limits
    narrow = limits.start_widths / min(network.widths[1:-1])
    return limits.start_decades + narrow + (0.0 if normal else limits.not_normal)


def verdict(
    network: Network, late: float, stat: str, *, surprise: bool, dead: bool, overflowed: bool
) -> Outcome | None:
    """stable where the deep layers' factor, taken depth times, stays within one decade of variance.

    `dead`, `overflowed`: whether all networks are.
    """
    if surprise:
        return Outcome.UNEXPECTED
    if dead or overflowed:
        return Outcome.VANISHES if dead else Outcome.EXPLODES
    if math.isnan(late):
        return None
    decades = late * network.depth * (2 if stat == "std" else 1)
    if abs(decades) < network.limits.stable_decades:
        return Outcome.STABLE
    return Outcome.VANISHES if decades < 0 else Outcome.EXPLODES


def best_case(cases: Sequence[Mapping[str, Series]]) -> int | None:
    """The number of the stable case that changes least in both directions; None if none is stable."""
    ranked = []
    for number, series in enumerate(cases):
        both = (series["h"], series["dh"])
        if all(one.verdict is Outcome.STABLE for one in both):
            ranked.append((max(abs(one.slope or 0.0) for one in both), number))
    return min(ranked)[1] if ranked else None
