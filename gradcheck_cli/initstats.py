"""Reads options. Gives the InitReport: what an initialization does to a deep network.

Measured beside predicted, with verdicts.
Knows nothing of how signals are propagated, nor of how they are predicted; it asks both and judges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli import outcomes
from gradcheck_cli.activations import find_activation
from gradcheck_cli.errors import OptionError, printable
from gradcheck_cli.expectations import averages, critical, depth_scale, gain
from gradcheck_cli.initializers import (
    INITIALIZERS,
    Initializer,
    check_bias_variance,
    find_initializer,
    unit_normal,
    unit_orthogonal,
)
from gradcheck_cli.networks import Network, find_architecture
from gradcheck_cli.numberformats import FORMATS, NumberFormat, forecast
from gradcheck_cli.predictions import Expected, predict
from gradcheck_cli.propagation import QUANTITIES, Measured, measure, simulate
from gradcheck_cli.quantiles import interval, student_t
from gradcheck_cli.results import FormatForecast, InitReport, InitSummary, LayerStats, Series

__all__ = ["InitOptions", "init_stats"]

Array = NDArray[np.float64]
CHAPTER = (0.001, 0.01, 0.02, 0.1, 1.0)  # the variances of the chapter's experiment, at width 100
USUAL = ("he", "auto", "glorot", "lecun", "torch-default")
_MOST_SWEPT = 1000
_LABELS = {"he": "He", "lecun": "LeCun", "glorot": "Glorot"}


@dataclass(frozen=True, kw_only=True)
class InitOptions:
    """What is looked at. `widths` = input, hidden ..., output; it excludes depth, width, input_dim."""

    depth: int | None = None
    width: int | None = None
    widths: tuple[int, ...] | None = None
    input_dim: int | None = None
    inits: tuple[str | Initializer, ...] = ()
    sweep: str | None = None
    critical: bool = False
    fan: str = "in"
    bias_var: float = 0.0
    activation: str = "relu"
    arch: str = "mlp"
    loss: str = "lsq"
    stat: str = "var"
    quantities: tuple[str, ...] = ("h", "dh")
    nets: int = 20
    inputs: int = 1
    seed: int = 0
    level: float = 0.9
    dtype: str = "float64"
    every: int | None = None
    all_layers: bool = False
    simulate: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Setting:
    """One initialization of the network at hand: the variances of W_0 ... W_K and b_0 ... b_K."""

    initializer: Initializer
    weights: Array
    biases: Array
    label: str = ""

    @property
    def sigma2(self) -> float | None:
        """The variance of the weights between hidden layers; None where it differs from layer to layer."""
        return _common(self.weights)

    @property
    def bias_variance(self) -> float | None:
        """The same of the biases."""
        return _common(self.biases)

    @property
    def distributions(self) -> tuple[Any, Any]:
        """Settings that share these share the draws."""
        return self.initializer.unit, self.initializer.bias_unit


def _common(values: Array) -> float | None:
    inner = values[1:-1] if len(values) > 2 else values[:1]
    return float(inner[0]) if np.ptp(inner) <= 1e-12 * inner[0] else None


@dataclass(frozen=True)
class _Case:
    """What was measured and what was predicted for one initialization."""

    setting: _Setting
    measured: Mapping[str, Array]  # quantity -> (nets, K+1)
    dead: Array  # (nets,)
    dead_units: float
    expected: Expected
    series: dict[str, Series] = field(default_factory=dict)


def init_stats(
    options: InitOptions, progress: Callable[[float], None] | None = None
) -> InitReport:
    """Measure and predict. `progress` is told the fraction that is done. Raises OptionError."""
    network = _network(options)
    settings, notes = _settings(options, network)
    cases = _cases(options, network, settings, progress or (lambda done: None))
    shown = dict.fromkeys((*options.quantities, "h", "dh"))
    for case in cases:
        case.series.update({name: _series(options, network, case, name) for name in shown})
    summaries = [_summary(options, network, case) for case in cases]
    best = outcomes.best([case.series for case in cases])
    return InitReport(
        config=_config(options, network),
        series=tuple(case.series[name] for name in options.quantities for case in cases),
        inits=tuple(summaries),
        formats=tuple(_formats(options, network, cases)),
        dead_units=cases[best or 0].dead_units,
        dead_networks=sum(summary.dead_networks for summary in summaries),
        recommendation=outcomes.recommendation(network, summaries, best),
        notes=(*notes, *_notes(options, network, cases)),
    )


# ---------------------------------------------------------------------------------------------
# Options
# ---------------------------------------------------------------------------------------------


def _network(options: InitOptions) -> Network:
    _check_numbers(options)
    _check_words(options)
    widths = _widths(options)
    _check_sizes(widths, options.inputs)
    depth = len(widths) - 2
    architecture, scale = find_architecture(options.arch, depth)
    if architecture != "mlp" and len(set(widths[:-1])) > 1:
        raise OptionError(
            f"{architecture} adds layers, which need equal widths",
            help="leave --widths and --input-dim out: --width 100 gives all of them 100",
        )
    activation = find_activation(options.activation)
    return Network(widths, activation, architecture, scale, options.loss)


def _widths(options: InitOptions) -> tuple[int, ...]:
    if options.widths is None:
        width = 100 if options.width is None else options.width
        depth = 50 if options.depth is None else options.depth
        first = width if options.input_dim is None else options.input_dim
        return (first, *[width] * depth, 1)
    for name in ("depth", "width", "input_dim"):
        if getattr(options, name) is not None:
            flag = name.replace("_", "-")
            raise OptionError(
                f"--widths and --{flag} exclude each other",
                help="--widths lists the input, every hidden layer and the output",
            )
    if len(options.widths) < 3:
        raise OptionError(
            "--widths needs three numbers or more", help="input, hidden layers, output: 784,300,100,10"
        )
    return options.widths


_CHOICES = {
    "stat": ("var", "ms", "std"),
    "loss": ("lsq", "none"),
    "fan": ("in", "out", "avg"),
    "dtype": ("float64", "float32"),
}
_MOST_ENTRIES = 1 << 27  # of one array: 1 GiB
_LOWEST = {"depth": 1, "width": 1, "input_dim": 1, "nets": 1, "inputs": 1, "every": 1, "seed": 0}


def _check_numbers(options: InitOptions) -> None:
    for name, lowest in _LOWEST.items():
        value = getattr(options, name)
        if value is not None and value < lowest:
            flag = name.replace("_", "-")
            raise OptionError(f"--{flag} is {value}", help=f"it must be {lowest} or more")
    if options.widths is not None and min(options.widths, default=1) < 1:
        raise OptionError("--widths holds a width below 1", help="such as 784,300,100,10")
    check_bias_variance(options.bias_var)
    if not 0 < options.level < 1:
        raise OptionError(f"--level is {options.level:g}", help="a probability, such as 0.9")


def _check_words(options: InitOptions) -> None:
    several = (("quantity", options.quantities, QUANTITIES), ("format", options.simulate, tuple(FORMATS)))
    single = ((name, (getattr(options, name),), known) for name, known in _CHOICES.items())
    for name, given, known in (*several, *single):
        for word in given:
            if word not in known:
                raise OptionError(
                    f'there is no {name} "{printable(str(word), 20)}"', help=f"known are {', '.join(known)}"
                )


def _check_sizes(widths: tuple[int, ...], inputs: int) -> None:
    """Networks may be deep as they like; one matrix, or one layer of all inputs, must fit into memory."""
    largest = max(a * b for a, b in pairwise(widths))
    if max(largest, max(widths) * inputs) > _MOST_ENTRIES:
        what = f"a weight matrix has {largest:,} entries" if largest > _MOST_ENTRIES else "too many inputs"
        raise OptionError(what, help=f"the limit is {_MOST_ENTRIES:,} numbers in one array")


def _settings(options: InitOptions, network: Network) -> tuple[list[_Setting], list[str]]:
    """Every initialization asked for, each once, in the order asked for."""
    found: dict[str, Initializer] = {}
    notes: list[str] = []
    for text in (*options.inits, *_swept(options.sweep)):
        one = text if isinstance(text, Initializer) else _initializer(options, network, text)
        found.setdefault(one.name, one)
    if options.critical:
        found["critical"] = _critical(network, options.bias_var, notes)
    if not found:
        chapter = network.widths[1:-1] == (100,) * network.depth and options.activation == "relu"
        names = [f"normal:{v:g}" for v in CHAPTER] if chapter and network.architecture == "mlp" else USUAL
        found = {name: _initializer(options, network, name) for name in names}
    return [_setting(options, network, one) for one in found.values()], notes


def _initializer(options: InitOptions, network: Network, text: str) -> Initializer:
    return find_initializer(text, gain(network.activation)).with_fan(options.fan)


def _critical(network: Network, bias_var: float, notes: list[str]) -> Initializer:
    point = critical(network.activation, bias_var)
    if point.sigma_w is None:
        raise OptionError(
            f"{network.activation.name} has no critical point at --bias-var {bias_var:g}: {point.note}",
            help="leave --critical out, or choose another --bias-var",
        )
    sigma_w = point.sigma_w
    where = f"q = {point.q:.4g}" if point.q is not None else point.note
    notes.append(
        f"edge of chaos of {network.activation.name} at bias variance {bias_var:g}: "
        f"sigma_w = {sigma_w:.4f} ({where}), that is sigma^2 = {sigma_w**2:.4g}/fan_in"
    )
    formula = f"{sigma_w**2:.6g}/fan_in"
    return Initializer("critical", lambda fan_in, fan_out: sigma_w**2 / fan_in, formula, "chi = 1")


def _swept(sweep: str | None) -> list[str]:
    """ "0.001:1:9log": nine variances from 0.001 to 1, evenly spaced in their logarithm ("lin": in them)."""
    if sweep is None:
        return []
    try:
        low, high, rest = sweep.split(":")
        count, kind = int(rest[:-3]), rest[-3:]
        first, last = float(low), float(high)
    except ValueError:
        kind, count, first, last = "", 0, 0.0, 0.0
    fits = 0 < first < math.inf or (first == 0 and kind == "lin")
    if kind not in ("log", "lin") or not (2 <= count <= _MOST_SWEPT and fits and first < last < math.inf):
        raise OptionError(
            f'--sweep "{printable(sweep, 40)}" is no range',
            help="from:to:how many, then log or lin, such as 0.001:1:9log",
        )
    spaced = np.geomspace if kind == "log" else np.linspace
    return [f"normal:{value:.6g}" for value in spaced(first, last, count)]


def _setting(options: InitOptions, network: Network, one: Initializer) -> _Setting:
    fans = [network.fans(k) for k in range(network.depth + 1)]
    weights = np.array([one.variance(*pair) for pair in fans], dtype=np.float64)
    own = one.bias_variance
    biases = [options.bias_var if own is None else own(fan_in) for fan_in, _ in fans]
    return _Setting(one, weights, np.array(biases), _label(one, weights, fans))


def _label(one: Initializer, weights: Array, fans: Sequence[tuple[int, int]]) -> str:
    """The name of a known initializer where a plain variance equals its variance."""
    if one.name in INITIALIZERS or not one.name.startswith(("normal:", "uniform:", "trunc:")):
        return ""
    for name, label in _LABELS.items():
        known = [INITIALIZERS[name].variance(*pair) for pair in fans]
        inner = slice(1, -1) if len(fans) > 2 else slice(None)
        if np.allclose(weights[inner], known[inner], rtol=1e-6, atol=0):
            return label
    return ""


# ---------------------------------------------------------------------------------------------
# Measured and predicted
# ---------------------------------------------------------------------------------------------


def _cases(
    options: InitOptions,
    network: Network,
    settings: list[_Setting],
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

        measured = _measured(options, network, group, part)
        for row, setting in enumerate(group):
            found[order[id(setting)]] = _case(options, network, setting, measured, row)
    return [found[position] for position in range(len(settings))]


def _measured(
    options: InitOptions, network: Network, group: list[_Setting], progress: Callable[[float], None]
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
        progress=progress,
    )


def _case(
    options: InitOptions, network: Network, setting: _Setting, measured: Measured, row: int
) -> _Case:
    orthogonal = setting.initializer.unit is unit_orthogonal
    return _Case(
        setting,
        {name: found[row] for name, found in measured.log10.items()},
        measured.dead[row],
        float(np.mean(measured.dead_units[row])),
        predict(network, setting.weights, setting.biases, stat=options.stat, orthogonal=orthogonal),
    )


def _series(options: InitOptions, network: Network, case: _Case, quantity: str) -> Series:
    values, expected = case.measured[quantity], case.expected
    own = outcomes.per_layer(quantity, values)
    alive = own[np.isfinite(own)]
    slope, ci = _mean_slope(alive, options.level, expected.increment[quantity])
    predicted = float(outcomes.per_layer(quantity, expected.log10[quantity]))
    infinite = expected.infinite[quantity]
    ends = values[:, outcomes.last_layer(quantity, network.depth)]
    dead = int(case.dead.sum())
    return Series(
        init=case.setting.initializer.name,
        label=case.setting.label,
        sigma2=case.setting.sigma2,
        quantity=quantity,
        stat=options.stat,
        direction=outcomes.direction(quantity),
        layers=_layers(options, values, expected.log10[quantity]),
        slope=slope,
        slope_ci=ci,
        expected_slope=_finite(predicted),
        verdict=outcomes.verdict(
            network,
            outcomes.late_slope(network, quantity, infinite),
            options.stat,
            surprise=outcomes.contradicts(
                alive,
                _finite(predicted),
                expected.increment[quantity],
                outcomes.allowance(
                    network,
                    predicted - float(outcomes.per_layer(quantity, infinite)),
                    pooled=options.inputs > 1,
                    normal=case.setting.initializer.bias_unit is unit_normal,
                ),
            ),
            dead=dead == options.nets,
        ),
        growth=outcomes.growth(network, quantity, infinite),
        networks=len(alive),
        dead=dead,
        overflowed=int(np.isposinf(ends).sum()),
    )


def _mean_slope(
    slopes: Array, level: float, scatter: float
) -> tuple[float | None, float | None]:
    """The mean over networks and half its confidence interval; of one network, by the predicted scatter."""
    count = len(slopes)
    if not count:
        return None, None
    if count == 1:
        return float(slopes[0]), _finite(scatter * NormalDist().inv_cdf((1 + level) / 2))
    half = student_t(level, count - 1) * float(np.std(slopes, ddof=1)) / math.sqrt(count)
    return float(np.mean(slopes)), half


def _layers(options: InitOptions, values: Array, expected: Array) -> tuple[LayerStats, ...]:
    """Median and interval over the networks in which the layer is not 0; all dead: -inf."""
    found = []
    for k, column in enumerate(values.T):
        known = column[np.isfinite(column)]
        low, high = interval(known, options.level) if len(known) > 1 else (math.nan, math.nan)
        median = float(np.median(known)) if len(known) else float(column[0])
        found.append(
            LayerStats(
                k=k,
                median=None if math.isnan(median) else median,
                low=_finite(low),
                high=_finite(high),
                expected=None if math.isnan(expected[k]) else float(expected[k]),
            )
        )
    return tuple(found)


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
        verdict=outcomes.worst_outcome((forward.verdict, backward.verdict)),
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
            float(np.float_power(10, per * outcomes.late_slope(network, name, case.expected.infinite[name])))
            for name in ("h", "dh")
        ]
    inner = min(1, network.depth)
    sigma_w2 = float(case.setting.weights[inner]) * network.fans(inner)[0]
    needed = gain(network.activation) ** 2
    return outcomes.cause(
        network,
        case.series["h"],
        case.series["dh"],
        (factors[0], factors[1]),
        sigma_w2=sigma_w2,
        needed=needed,
        biases=bool(case.setting.biases.any()),
        dead=bool(case.dead.all()),
        repels=averages(network.activation, 1.0).growth > 1 + 1e-6,
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
    if ratio >= 1 and network.architecture == "mlp":
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
