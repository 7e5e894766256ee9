"""Reads options. Gives the InitReport: what an initialization does to a deep network.

Measured beside predicted, with verdicts. Knows nothing of how signals are propagated, nor of how they are
predicted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np

from gradcheck_cli.initialization import causes, layer_trends, verdicts
from gradcheck_cli.initialization.architectures import Network
from gradcheck_cli.initialization.cases import Case, measure_cases, shown_quantities
from gradcheck_cli.initialization.format_forecasts import format_forecasts
from gradcheck_cli.initialization.gaussian_expectations import averages, depth_scale
from gradcheck_cli.initialization.options import InitOptions, network_of, settings_of
from gradcheck_cli.initialization.series import case_series, finite_or_none
from gradcheck_cli.numerics.limits.initialization import DEFAULTS, InitializationLimits
from gradcheck_cli.numerics.student_t import student_t
from gradcheck_cli.results.initialization_results import InitReport, InitSummary, worst_outcome

__all__ = ["init_stats"]


def init_stats(
    options: InitOptions,
    progress: Callable[[float], None] | None = None,
    limits: InitializationLimits = DEFAULTS,
) -> InitReport:
    """Measure and predict. `progress` is told the fraction that is done. Raises OptionError."""
    network = network_of(options, limits)
    settings, notes = settings_of(options, network)
    cases = measure_cases(options, network, settings, progress or (lambda done: None))
    t = cache(student_t)  # every series asks for the same
    for case in cases:
        for name in shown_quantities(options):
            case.series[name] = case_series(options, network, case, name, t)
    summaries = [_summary(options, network, case) for case in cases]
    best = verdicts.best_case([case.series for case in cases])
    return InitReport(
        config=_config(options, network),
        series=tuple(case.series[name] for name in options.quantities for case in cases),
        inits=tuple(summaries),
        formats=tuple(format_forecasts(options, network, cases)),
        dead_units=cases[best or 0].dead_units,
        dead_networks=sum(summary.dead_networks for summary in summaries),
        recommendation=causes.recommendation(network, summaries, best),
        notes=(*notes, *_notes(options, network, cases)),
    )


def _summary(options: InitOptions, network: Network, case: Case) -> InitSummary:
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
        chi=finite_or_none(expected.chi),
        depth_scale=depth_scale(expected.chi, network.limits),
        scatter=float(np.std(ends, ddof=1)) if len(ends) > 1 else None,
        expected_scatter=finite_or_none(float(expected.scatter["h"][-1])),
        dead_units=case.dead_units,
        dead_networks=forward.dead,
    )


def _cause(options: InitOptions, network: Network, case: Case) -> str:
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
        repels=balanced.growth > 1 + network.limits.same_growth,
    )


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


def _notes(options: InitOptions, network: Network, cases: Sequence[Case]) -> Iterator[str]:
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
