"""Reads a case. Gives the Series of a quantity: its layers, its slope, and the verdict on it.

Knows nothing of what else was measured.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.initialization import layer_trends, verdicts
from gradcheck_cli.initialization.architectures import Network
from gradcheck_cli.initialization.cases import Case
from gradcheck_cli.initialization.options import InitOptions
from gradcheck_cli.model.initializers import unit_normal
from gradcheck_cli.numerics.student_t import typical
from gradcheck_cli.results.initialization_results import LayerStats, Series

__all__ = ["case_series", "finite_or_none"]

Array = NDArray[np.float64]


def case_series(
    options: InitOptions, network: Network, case: Case, quantity: str, t: verdicts.Quantile
) -> Series:
    """One quantity of one case: layers, slope with its interval, prediction and verdict."""
    values, expected = case.measured[quantity], case.expected
    own = layer_trends.per_layer(quantity, values)
    alive = own[np.isfinite(own)]
    slope, ci = _mean_slope(alive, options.level, expected.increment[quantity], t)
    predicted = float(layer_trends.per_layer(quantity, expected.log10[quantity]))
    infinite = expected.infinite[quantity]
    ends = values[:, layer_trends.last_layer(quantity, network.depth)]
    beyond = np.isposinf(ends)
    if options.stat == "ms" or 1 not in network.widths[1:-1]:  # else nan means nothing
        beyond = beyond | np.isnan(values[:, 1:-1]).any(axis=1)
    dead, overflowed = int(case.dead.sum()), int(beyond.sum())
    late = layer_trends.late_slope(network, quantity, infinite)
    allowed = verdicts.slope_allowance(
        network,
        predicted - float(layer_trends.per_layer(quantity, infinite)),
        pooled=options.inputs > 1,
        normal=case.setting.initializer.bias_unit is unit_normal,
    )
    scatter = expected.increment[quantity]
    differs = verdicts.contradicts(alive, finite_or_none(predicted), scatter, allowed, t, network.limits)
    lost = not len(alive) and dead < options.nets and finite_or_none(predicted) is not None
    surprise = differs or lost or (quantity in ("h", "dh") and _starts_wrong(network, case, quantity, t))
    return Series(
        init=case.setting.initializer.name,
        label=case.setting.label,
        sigma2=case.setting.sigma2,
        quantity=quantity,
        stat=options.stat,
        direction=layer_trends.direction(quantity),
        layers=_layers(options, values, expected.log10[quantity]),
        slope=slope,
        slope_ci=ci,
        expected_slope=finite_or_none(predicted),
        verdict=verdicts.verdict(
            network,
            late,
            options.stat,
            surprise=surprise,
            dead=dead == options.nets,
            overflowed=overflowed == options.nets,
        ),
        growth=layer_trends.growth(network, quantity, infinite),
        networks=len(alive),
        dead=dead,
        overflowed=overflowed,
        slope_differs=differs,
    )


def _starts_wrong(network: Network, case: Case, quantity: str, t: verdicts.Quantile) -> bool:
    """Whether the first layer, in the direction of travel, has another size than predicted.

    The matrix before it is in no slope.
    """
    k = layer_trends.first_layer(quantity, network.depth)
    values = case.measured[quantity][:, k]
    found = values[np.isfinite(values)]
    normal = case.setting.initializer.bias_unit is unit_normal
    allowed = verdicts.start_allowance(network, normal=normal)
    predicted, scatter = case.expected.log10[quantity][k], case.expected.scatter[quantity][k]
    return verdicts.contradicts(found, finite_or_none(predicted), float(scatter), allowed, t, network.limits)


def _mean_slope(
    slopes: Array, level: float, scatter: float, t: verdicts.Quantile
) -> tuple[float | None, float | None]:
    """The mean over networks and half its confidence interval; of one network, by the predicted scatter."""
    count = len(slopes)
    if not count:
        return None, None
    if count == 1:
        return float(slopes[0]), finite_or_none(scatter * NormalDist().inv_cdf((1 + level) / 2))
    half = t(level, count - 1) * float(np.std(slopes, ddof=1)) / math.sqrt(count)
    return float(np.mean(slopes)), half


def _layers(options: InitOptions, values: Array, expected: Array) -> tuple[LayerStats, ...]:
    """Median and interval over the networks in which the layer is not 0; all dead: -inf."""
    median, low, high = typical(values, options.level)
    median = np.where(np.isfinite(values).any(axis=0), median, values[0])
    return tuple(
        LayerStats(
            k=k, median=_or_none(m), low=finite_or_none(lo), high=finite_or_none(hi), expected=_or_none(e)
        )
        for k, (m, lo, hi, e) in enumerate(np.stack([median, low, high, expected], axis=1).tolist())
    )


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def finite_or_none(value: float) -> float | None:
    """The number, if it is one."""
    return float(value) if math.isfinite(value) else None
