"""Reads an init-stats report. Gives its header, its sentences, and the cells of its smaller tables.

What screen and Markdown say besides panels and sparklines. Knows nothing of pages.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby, zip_longest

from gradcheck_cli.common.errors import plural
from gradcheck_cli.render import numbers
from gradcheck_cli.render.initialization_panels import (
    LONGEST_STEP,
    Roster,
    both,
    layers_by_place,
    level,
    quantity,
)
from gradcheck_cli.render.text_encoding import cut, join_parts, safe
from gradcheck_cli.results.initialization_results import (
    FormatForecast,
    InitReport,
    InitSummary,
    MatrixStats,
    Outcome,
    Series,
)

__all__ = [
    "FORMATS_HEADING", "MATRIX_HEADINGS", "about", "closing", "forecast", "format_rows",
    "matrix_rows", "meaning_of_lost", "ratios", "sentences",
]  # fmt: skip

_MOST_WIDTHS = 8  # of hidden layers that are listed one by one
_MOST_RUNS = 12

# ---------------------------------------------------------------------------------------------
# The header
# ---------------------------------------------------------------------------------------------


def about(report: InitReport) -> list[str]:
    """ "init-stats", what was looked at, and how often."""
    config = report.config
    counts = [
        plural(value, noun)
        for key, noun in (("nets", "network"), ("inputs", "input"))
        if isinstance(value := config.get(key), int)
    ]
    seed = "" if config.get("seed") is None else f"seed {config['seed']}"
    return ["init-stats", _network(config), join_parts((*counts, seed))]


def _network(config: Mapping[str, object]) -> str:
    """ "relu mlp, 50 hidden layers of 100 units, input 100, output 1, lsq"."""
    if config.get("model"):
        return str(config["model"])
    loss = {"None": "", "none": "no loss"}.get(str(config.get("loss")), str(config.get("loss")))
    parts = [f"{config.get('activation', '')} {_architecture(config)}".strip()]
    parts += [*_sizes(config.get("widths")), loss]
    if config.get("bias_var"):
        parts.append(f"bias variance {config['bias_var']}")
    if config.get("dtype") not in (None, "float64"):
        parts.append(str(config["dtype"]))
    return join_parts(parts)


def _architecture(config: Mapping[str, object]) -> str:
    """ "mlp", "residual:0.1414"."""
    scale = config.get("scale")
    scaled = isinstance(scale, int | float) and scale != 1
    return f"{config.get('arch', '')}{f':{scale:.4g}' if scaled else ''}"


def _sizes(widths: object) -> list[str]:
    if not (isinstance(widths, Sequence) and len(widths) > 2):
        return []
    first, *hidden, last = widths
    distinct = sorted(set(hidden))
    units = ", ".join(map(str, hidden if len(distinct) > 1 else distinct))
    if len(distinct) > 1 and len(hidden) > _MOST_WIDTHS:
        units = f"{distinct[0]} to {distinct[-1]}"
    plain = "unit" if units == "1" else "units"
    layers = plural(len(hidden), "hidden layer")
    return [f"{layers} of {units} {plain}", f"input {first}", f"output {last}"]


# ---------------------------------------------------------------------------------------------
# Sentences
# ---------------------------------------------------------------------------------------------


def sentences(report: InitReport, roster: Roster, verbosity: int) -> Iterator[str]:
    """Causes, the recommendation, and how far one network may be from the median."""
    yield from _causes(report.inits, roster, verbosity)
    if verbosity > 0:
        yield from (f"{roster.sentence(one.init)}: {_details(one)}" for one in report.inits)
    yield from filter(None, (report.recommendation, _scatter(report, roster)))


_NUMBER = re.compile(r"(?<!\S)[+-]?\d(?:[\d.]*\d)?(?:e[+-]?\d+)?(?=[,;:.]?(?:\s|$))")


def _causes(inits: Sequence[InitSummary], roster: Roster, verbosity: int) -> Iterator[str]:
    """One sentence for neighbors whose causes differ in one number at most."""
    stable = Outcome.STABLE
    shown = (one for one in inits if verbosity > 0 or one.verdict is not stable)
    shown = (one for one in shown if one.cause or one.verdict not in (None, stable))
    for _, members in groupby(shown, lambda one: (str(one.verdict), _NUMBER.sub("#", one.cause))):
        group = list(members)
        texts = list(zip(*(_NUMBER.findall(one.cause) for one in group), strict=True))
        alike = sum(len(set(column)) > 1 for column in texts) <= 1
        for some in [group] if alike else [[one] for one in group]:
            word = "" if some[0].verdict is None else str(some[0].verdict)
            who = roster.sentence(*(one.init for one in some))
            yield ": ".join(filter(None, (who, word, _merge([one.cause for one in some]))))


def _merge(causes: Sequence[str]) -> str:
    """Texts that are alike but for numbers, as one: "by 0.05 and 0.5"."""
    columns = zip(*map(_NUMBER.findall, causes), strict=True)
    found = (both(column if len(set(column)) > 1 else column[:1]) for column in columns)
    return "".join(chain.from_iterable(zip_longest(_NUMBER.split(causes[0]), found, fillvalue="")))


def _details(one: InitSummary) -> str:
    """What was drawn and what is predicted: for -v."""
    scatter = "" if one.scatter is None else f"scatter {one.scatter:.2f} decades"
    if scatter and one.expected_scatter is not None:
        scatter += f" (expected {one.expected_scatter:.2f})"
    parts = (
        f"sigma^2 = {one.formula}" if "fan" in one.formula else "",
        f"variance (std) {_runs(one.variances)}" if one.variances else "",
        "" if one.bias_variance is None else f"bias variance {one.bias_variance:.4g}",
        "" if one.chi is None else f"chi {one.chi:.4g}",
        "" if one.depth_scale is None else f"depth scale {one.depth_scale:.3g} layers",
        scatter,
    )
    return "; ".join(filter(None, parts))


def _runs(variances: Sequence[float]) -> str:
    """ "0.00255 (0.0505) of W_0, 0.02 (0.1414) of W_1 to W_50"."""
    parts, start = [], 0
    for text, run in groupby(f"{v:.4g} ({math.sqrt(v):.4g})" for v in variances):
        end = start + len(list(run)) - 1
        parts.append(f"{text} of W_{start}{f' to W_{end}' if end > start else ''}")
        start = end + 1
    return ", ".join(parts[:_MOST_RUNS]) + (", ..." if len(parts) > _MOST_RUNS else "")


def _scatter(report: InitReport, roster: Roster) -> str:
    """Where one network of the most stable initialization lies."""
    series = _steadiest(report)
    if series is None or not series.layers:
        return ""
    last = list(layers_by_place(series).values())[-1]
    if last.low is None or last.high is None or series.networks < 2:
        return ""
    who = series.label or roster.sentence(series.init)
    between = f"[{numbers.decimals(last.low)}, {numbers.decimals(last.high)}]"
    what = f"log10 {quantity(series, last)}"
    return f"one network of {who} has {what} in about {between} ({level(report.config)} probability)"


def _steadiest(report: InitReport) -> Series | None:
    """The forward series of the initialization that changes least, both directions considered."""
    order = list(Outcome)

    def unrest(forward: Series) -> tuple[int, float]:
        ways = [s for s in report.series if s.init == forward.init]
        worst = max(0 if s.verdict is None else order.index(s.verdict) for s in ways)
        return worst, max(abs(s.slope or 0.0) for s in ways)

    ahead = [s for s in report.series if s.direction == "forward"]
    return min((s for s in ahead if s.quantity == ahead[0].quantity), key=unrest, default=None)


def closing(report: InitReport, roster: Roster) -> Iterator[str]:
    """Dead units, dead networks, notes."""
    if report.dead_units:
        inputs = report.config.get("inputs")
        of = f"all {inputs:,} inputs" if isinstance(inputs, int) and inputs > 1 else "the input"
        share = f"{100 * report.dead_units:.3g} %"
        yield f"dead units: {share} of the hidden units are 0 for {of}"
    dead = [f"{i.dead_networks:,} under {roster.sentence(i.init)}" for i in report.inits if i.dead_networks]
    if dead or report.dead_networks:
        many = ", ".join(dead) or str(report.dead_networks)
        yield f"dead networks: {many}: their signal is exactly 0; counted apart, never averaged"
    yield from (f"note: {note}" for note in report.notes)


# ---------------------------------------------------------------------------------------------
# Number formats
# ---------------------------------------------------------------------------------------------

FORMATS_HEADING = "the layer where a format overflows or is all zero"


def meaning_of_lost(report: InitReport) -> str:
    """What "lost" means, where it is said."""
    said = any(one.event == "lost" for one in report.formats)
    return "lost: the forward pass was lost before, and the gradient with it" if said else ""


def format_rows(report: InitReport, roster: Roster) -> list[list[str]]:
    """A heading, then a row per initialization and direction; one for both where they are alike."""
    names = list(dict.fromkeys(one.format for one in report.formats))
    found: dict[str, dict[str, dict[str, str]]] = {}
    for one in report.formats:
        found.setdefault(one.init, {}).setdefault(one.direction, {})[one.format] = forecast(one)
    rows = [[*roster.headings(brief=True), "direction", *names]]
    for init, ways in found.items():
        first, *others = ways.values()
        alike = bool(others) and all(events == first for events in others)
        for way, events in [("both", first)] if alike else ways.items():
            cells = [events.get(name, "") for name in names]
            rows.append([*roster.cells(init, brief=True), way, *cells])
    return rows


def forecast(one: FormatForecast) -> str:
    """ "overflow at f_3", "lost", "-"; what the simulation says in parentheses."""
    place = "f" if one.direction == "forward" else "h"
    predicted = _event(one.event, one.layer, place) or numbers.ABSENT
    if not one.simulated:
        return predicted
    ran = _event(one.simulated_event, one.simulated_layer, place) or "neither"
    if one.event and one.event == one.simulated_event:
        ran = ran.removeprefix(f"{one.event} at ")
    return f"{predicted} (simulated: {ran})"


def _event(event: str | None, layer: int | None, place: str) -> str:
    return event or "" if event == "lost" or layer is None else f"{event} at {place}_{layer}"


# ---------------------------------------------------------------------------------------------
# A user's own matrices
# ---------------------------------------------------------------------------------------------

MATRIX_HEADINGS = ("matrix", "line", "shape", "mean", "variance", "std")


def matrix_rows(matrices: Sequence[MatrixStats], digits: int) -> list[list[str]]:
    """A heading and a row per matrix: what stands there, and how often each initializer's variance."""
    names = list(dict.fromkeys(name for one in matrices for name in one.ratios))
    return [[*MATRIX_HEADINGS, *names], *(_matrix_row(one, names, digits) for one in matrices)]


def _matrix_row(one: MatrixStats, names: Sequence[str], digits: int) -> list[str]:
    spread = math.sqrt(one.variance) if one.variance >= 0 else math.nan
    sizes = [f"{value + 0.0:.{digits}g}" for value in (one.mean, one.variance, spread)]
    shape = "x".join(map(str, one.shape))
    found = ratios(one)
    times = [found.get(name, numbers.ABSENT) for name in names]
    return [cut(safe(one.name), LONGEST_STEP), str(one.line), shape, *sizes, *times]


def ratios(one: MatrixStats) -> dict[str, str]:
    """By initializer: "x1.0" and so on."""
    return {name: f"x{numbers.two_digits(ratio)}" for name, ratio in one.ratios.items()}
