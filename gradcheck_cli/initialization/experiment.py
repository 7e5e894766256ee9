"""Reads options. Gives the InitReport: what an initialization does to a deep network.

Measured beside predicted, with verdicts.
Knows nothing of how signals are propagated, nor of how they are predicted; it asks both and judges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.initialization import causes, layer_trends, outcomes
from gradcheck_cli.initialization.architectures import Network
from gradcheck_cli.initialization.gaussian_expectations import averages, depth_scale
from gradcheck_cli.initialization.mean_field_theory import Expected, predict
from gradcheck_cli.initialization.options import InitOptions, Setting, network_of, settings_of
from gradcheck_cli.initialization.simulation.measure import Measured, measure
from gradcheck_cli.initialization.simulation.number_formats import simulate
from gradcheck_cli.model.initializers import unit_normal, unit_orthogonal
from gradcheck_cli.numerics.float_formats import FORMATS, NumberFormat, forecast
from gradcheck_cli.numerics.student_t import student_t, typical
from gradcheck_cli.results.initialization_results import (
    FormatForecast,
    InitReport,
    InitSummary,
    LayerStats,
    Series,
    worst_outcome,
)

__all__ = ["init_stats"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Case:
    """What was measured and what was predicted for one initialization."""

    setting: Setting
    measured: Mapping[str, Array]  # quantity -> (nets, K+1)
    dead: Array  # (nets,)
    dead_units: float
    expected: Expected
    series: dict[str, Series] = field(default_factory=dict)


def init_stats(
    options: InitOptions, progress: Callable[[float], None] | None = None
) -> InitReport:
    """Measure and predict. `progress` is told the fraction that is done. Raises OptionError."""
    network = network_of(options)
    settings, notes = settings_of(options, network)
    cases = _cases(options, network, settings, progress or (lambda done: None))
    t = cache(student_t)  # every series asks for the same
    for case in cases:
        case.series.update({name: _series(options, network, case, name, t) for name in _shown(options)})
    summaries = [_summary(options, network, case) for case in cases]
    best = outcomes.best([case.series for case in cases])
    return InitReport(
        config=_config(options, network),
        series=tuple(case.series[name] for name in options.quantities for case in cases),
        inits=tuple(summaries),
        formats=tuple(_formats(options, network, cases)),
        dead_units=cases[best or 0].dead_units,
        dead_networks=sum(summary.dead_networks for summary in summaries),
        recommendation=causes.recommendation(network, summaries, best),
        notes=(*notes, *_notes(options, network, cases)),
    )


def _shown(options: InitOptions) -> tuple[str, ...]:
    """What is asked for, and what verdicts stand on."""
    return tuple(dict.fromkeys((*options.quantities, "h", "dh")))


# ---------------------------------------------------------------------------------------------
# Measured and predicted
# ---------------------------------------------------------------------------------------------


def _cases(
    options: InitOptions,
    network: Network,
    settings: list[Setting],
    progress: Callable[[float], None],
) -> list[_Case]:
    """Settings with the same distributions share their draws, and often the whole pass."""
    order = {id(setting): position for position, setting in enumerate(settings)}
    ranked = sorted(settings, key=lambda s: [id(unit) for unit in s.distributions])
    found: dict[int, _Case] = {}
    for _, members in groupby(ranked, key=lambda s: [id(unit) for unit in s.distributions]):
        group = sorted(members, key=lambda s: order[id(s)])
        before = len(found)

        def part(done: float, before: int = before, size: int = len(group)) -> None:
            progress((before + done * size) / len(settings))

        measured, expected = _measured(options, network, group, part), _expected(options, network, group)
        for row, setting in enumerate(group):
            found[order[id(setting)]] = _case(setting, measured, expected[row], row)
    return [found[position] for position in range(len(settings))]


def _measured(
    options: InitOptions, network: Network, group: list[Setting], progress: Callable[[float], None]
) -> Measured:
    first = group[0].initializer
    return measure(
        network,
        np.stack([setting.weights for setting in group]),
        np.stack([setting.biases for setting in group]),
        unit=first.unit,
        bias_unit=first.bias_unit,
        nets=options.nets,
        inputs=options.inputs,
        seed=options.seed,
        stat=options.stat,
        dtype=options.dtype,
        quantities=_shown(options),
        progress=progress,
    )


def _expected(options: InitOptions, network: Network, group: list[Setting]) -> list[Expected]:
    return predict(
        network,
        np.stack([setting.weights for setting in group]),
        np.stack([setting.biases for setting in group]),
        stat=options.stat,
        orthogonal=group[0].initializer.unit is unit_orthogonal,
    )


def _case(setting: Setting, measured: Measured, expected: Expected, row: int) -> _Case:
    return _Case(
        setting,
        {name: found[row] for name, found in measured.log10.items()},
        measured.dead[row],
        float(np.mean(measured.dead_units[row])),
        expected,
    )


def _series(
    options: InitOptions, network: Network, case: _Case, quantity: str, t: outcomes.Quantile
) -> Series:
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
    allowed = outcomes.allowance(
        network,
        predicted - float(layer_trends.per_layer(quantity, infinite)),
        pooled=options.inputs > 1,
        normal=case.setting.initializer.bias_unit is unit_normal,
    )
    differs = outcomes.contradicts(alive, _finite(predicted), expected.increment[quantity], allowed, t)
    lost = not len(alive) and dead < options.nets and _finite(predicted) is not None
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
        expected_slope=_finite(predicted),
        verdict=outcomes.verdict(
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


def _starts_wrong(network: Network, case: _Case, quantity: str, t: outcomes.Quantile) -> bool:
    """Whether the first layer, in the direction of travel, has another size than predicted.

    The matrix before it is in no slope.
    """
    k = layer_trends.first_layer(quantity, network.depth)
    values = case.measured[quantity][:, k]
    found = values[np.isfinite(values)]
    normal = case.setting.initializer.bias_unit is unit_normal
    allowed = outcomes.start_allowance(network, normal=normal)
    predicted, scatter = case.expected.log10[quantity][k], case.expected.scatter[quantity][k]
    return outcomes.contradicts(found, _finite(predicted), float(scatter), allowed, t)


def _mean_slope(
    slopes: Array, level: float, scatter: float, t: outcomes.Quantile
) -> tuple[float | None, float | None]:
    """The mean over networks and half its confidence interval; of one network, by the predicted scatter."""
    count = len(slopes)
    if not count:
        return None, None
    if count == 1:
        return float(slopes[0]), _finite(scatter * NormalDist().inv_cdf((1 + level) / 2))
    half = t(level, count - 1) * float(np.std(slopes, ddof=1)) / math.sqrt(count)
    return float(np.mean(slopes)), half


def _layers(options: InitOptions, values: Array, expected: Array) -> tuple[LayerStats, ...]:
    """Median and interval over the networks in which the layer is not 0; all dead: -inf."""
    median, low, high = typical(values, options.level)
    median = np.where(np.isfinite(values).any(axis=0), median, values[0])
    return tuple(
        LayerStats(k=k, median=_known(m), low=_finite(lo), high=_finite(hi), expected=_known(e))
        for k, (m, lo, hi, e) in enumerate(np.stack([median, low, high, expected], axis=1).tolist())
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


# ---------------------------------------------------------------------------------------------
# Summaries
# ---------------------------------------------------------------------------------------------


def _summary(options: InitOptions, network: Network, case: _Case) -> InitSummary:
    setting, expected = case.setting, case.expected
    forward, backward = case.series["h"], case.series["dh"]
    ends = case.measured["h"][:, -1]
    ends = ends[np.isfinite(ends)]
    return InitSummary(
        init=setting.initializer.name,
        label=setting.label,
        formula=setting.initializer.formula,
        sigma2=setting.sigma2,
        variances=tuple(map(float, setting.weights)),
        bias_variance=setting.bias_variance,
        verdict=worst_outcome((forward.verdict, backward.verdict)),
        cause=_cause(options, network, case),
        chi=_finite(expected.chi),
        depth_scale=depth_scale(expected.chi),
        scatter=float(np.std(ends, ddof=1)) if len(ends) > 1 else None,
        expected_scatter=_finite(float(expected.scatter["h"][-1])),
        dead_units=case.dead_units,
        dead_networks=forward.dead,
    )


def _cause(options: InitOptions, network: Network, case: _Case) -> str:
    per = 2.0 if options.stat == "std" else 1.0
    with np.errstate(over="ignore"):
        factors = [
            float(
                np.float_power(10, per * layer_trends.late_slope(network, name, case.expected.infinite[name]))
            )
            for name in ("h", "dh")
        ]
    inner = min(1, network.depth)
    sigma_w2 = float(case.setting.weights[inner]) * network.fans(inner)[0]
    balanced = averages(network.activation, 1.0)
    return causes.cause(
        network,
        case.series["h"],
        case.series["dh"],
        (factors[0], factors[1]),
        sigma_w2=sigma_w2,
        needed=1 / balanced.second,
        biases=bool(case.setting.biases.any()),
        dead=bool(case.dead.all()),
        repels=balanced.growth > 1 + 1e-6,
    )


def _formats(
    options: InitOptions, network: Network, cases: Iterable[_Case]
) -> Iterator[FormatForecast]:
    """Where the typical network leaves each number format, in both directions."""
    for case in cases:
        for name, number_format in FORMATS.items():
            predicted = _forecast(network, case.expected, number_format)
            seen: Mapping[str, Any] = {}
            if name in options.simulate:
                seen = simulate(
                    network,
                    case.setting.weights,
                    case.setting.biases,
                    number_format,
                    unit=case.setting.initializer.unit,
                    bias_unit=case.setting.initializer.bias_unit,
                    nets=options.nets,
                    inputs=options.inputs,
                    seed=options.seed,
                )
            for way, (event, layer) in predicted.items():
                event_seen, layer_seen = seen.get(way, (None, None))
                yield FormatForecast(
                    init=case.setting.initializer.name,
                    label=case.setting.label,
                    format=name,
                    direction=way,
                    event=event,
                    layer=layer,
                    simulated_event=event_seen,
                    simulated_layer=layer_seen,
                    simulated=way in seen,
                )


def _forecast(
    network: Network, expected: Expected, number_format: NumberFormat
) -> dict[str, tuple[str | None, int | None]]:
    """Event and layer: f_0 ... f_{K-1} forward, then dl/dh_K ... dl/dh_1 backward."""
    depth, widths = network.depth, network.widths[1:]
    none: tuple[str | None, int | None] = (None, None)
    ahead = forecast(expected.squares["f"] / 2, widths, number_format)
    forward = none if ahead is None or ahead[1] == depth else ahead
    if ahead is not None and (network.loss == "lsq" or ahead[0] == "overflow"):
        return {"forward": forward, "backward": ("lost", None)}
    if forward != none and not network.activation.slope(np.zeros(1)).any():  # relu'(0) = 0
        return {"forward": forward, "backward": ("all zero", depth - 1) if depth > 1 else none}
    back = forecast(expected.squares["dh"][:0:-1] / 2, widths[-2::-1], number_format)
    return {"forward": forward, "backward": none if back is None else (back[0], depth - back[1])}


def _config(options: InitOptions, network: Network) -> dict[str, object]:
    """What was run, complete: the widths say depth and dimensions."""
    return {
        "activation": network.activation.name,
        "arch": network.architecture,
        "scale": network.scale,
        "depth": network.depth,
        "widths": list(network.widths),
        "loss": network.loss,
        "bias_var": options.bias_var,
        "fan": options.fan,
        "stat": options.stat,
        "nets": options.nets,
        "inputs": options.inputs,
        "seed": options.seed,
        "level": options.level,
        "dtype": options.dtype,
        "every": options.every,
        "all_layers": options.all_layers,
    }


def _notes(options: InitOptions, network: Network, cases: Sequence[_Case]) -> Iterator[str]:
    hidden = network.widths[1:-1]
    if options.stat != "ms" and 1 in hidden:
        yield "the variance over a single unit means nothing; --stat ms takes the mean of squares"
    if network.depth == 1:
        yield "one hidden layer has no change from layer to layer: there is no verdict"
    ratio = sum(1 / n for n in hidden)
    if ratio > 1 and network.architecture == "mlp":
        yield (
            f"the network is deeper than wide (the sum of 1/width is {ratio:.2g}): the typical one loses "
            "much of its variance at any initialization, and one differs from the next by decades"
        )
    if options.inputs > 1:
        yield f"variances are taken over units and the {options.inputs} inputs together"
    if options.nets == 1:
        yield "one network says little: its intervals are predicted; --nets 20 measures them"
    lost = sum(case.series["h"].overflowed for case in cases)
    if lost:
        yield f"{lost} networks left the range of every number; they were not counted"
