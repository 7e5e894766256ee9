"""Reads what init-stats and gain found out. Gives their screens, and init-stats as CSV, TSV and Markdown.

Knows nothing of how anything was measured, predicted or judged.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from itertools import pairwise
from statistics import median_low

from gradcheck_cli.render import numbers
from gradcheck_cli.render.markdown import code, escape, pipe_table
from gradcheck_cli.render.page import Cell, Page, laid_out, styled
from gradcheck_cli.render.registry import OutputOptions, output_format
from gradcheck_cli.render.words import cut, listed, plural, safe, width_of, wrap
from gradcheck_cli.results import (
    FormatForecast,
    GainReport,
    InitReport,
    InitSummary,
    LayerStats,
    MatrixStats,
    Outcome,
    Series,
)

__all__ = [
    "FIELDS",
    "Panel",
    "Roster",
    "about",
    "gain_table",
    "has_names",
    "init_csv",
    "init_markdown",
    "init_table",
    "init_tsv",
    "panels",
    "percent",
    "placed",
    "quantity",
]

FIELDS = (
    *("init", "label", "sigma2", "quantity", "stat", "direction", "k", "name", "median", "low", "high"),
    *("expected", "slope", "slope_ci", "expected_slope", "verdict"),
)
_SYMBOLS = {"h": "h", "f": "f", "dh": "dl/dh", "df": "dl/df", "dW": "dl/dW", "db": "dl/db"}
_STATS = {"ms": "mean square"}
_DISTRIBUTIONS = ("normal", "uniform", "trunc")  # a number stands behind their colon
_LONGEST_NAME, _LONGEST_STEP = 20, 12
_MOST_COLUMNS, _FEWEST_COLUMNS = 7, 3  # layers shown where nobody says which
_BLOCKS = "▁▂▃▄▅▆▇█"
_LONGEST_SPARKLINE = 24
_LEAST_RANGE = 8.0  # decades of a sparkline's whole height: what is stable then looks flat
_HEADING = "bold"
_TITLE = 10  # columns
_MOST_WIDTHS = 8  # of hidden layers that are listed one by one


# ---------------------------------------------------------------------------------------------
# Words and numbers
# ---------------------------------------------------------------------------------------------


def placed(series: Series) -> dict[int, LayerStats]:
    """The layers by their place, rising: k, or their position among the steps of a user's model.

    Steps between two weight matrices share their k.
    """
    if has_names(series):
        return dict(enumerate(series.layers))
    return {layer.k: layer for layer in sorted(series.layers, key=lambda layer: layer.k)}


def has_names(series: Series) -> bool:
    """Whether the layers are the steps of a user's model."""
    return any(layer.name is not None for layer in series.layers)


def quantity(series: Series, layer: LayerStats | None = None) -> str:
    """ "var h_k" of a series, "var of each step" of a model's; "var h_50", "var f2" of one layer."""
    stat = _STATS.get(series.stat, series.stat)
    before = "dl/d " if series.direction == "backward" else ""
    if layer is not None and layer.name is not None:
        return f"{stat} {before}{layer.name}"
    if has_names(series):
        return f"{stat} of {before or 'each '}step"
    k = "k" if layer is None else str(layer.k)
    return f"{stat} {_SYMBOLS.get(series.quantity, series.quantity)}_{k}"


def percent(level: object) -> str:
    """A probability in percent: "90 %"."""
    return f"{100 * float(level if isinstance(level, int | float) else 0.9):.4g} %"


def _decimals(value: float | None, places: int = 2, sign: str = "") -> str:
    if value is None:
        return numbers.ABSENT
    rounded = round(value, places) + 0.0 if math.isfinite(value) else value  # + 0.0: no -0.00
    return f"{rounded:{sign}.{places}f}"


def _two_digits(value: float) -> str:
    """A factor, to two digits: "1.0", "0.05", "120", "1.2e-5"; more where it is next to 1."""
    if not (math.isfinite(value) and value > 0):
        return numbers.number(value)
    away = abs(value - 1)
    if 1e-9 < away < 0.095:
        return f"{value:.{math.ceil(-math.log10(away))}f}"
    rounded = float(f"{value:.1e}")
    if 1 <= rounded < 10:
        return f"{rounded:.1f}"
    return f"{rounded:.10g}" if 1e-4 <= rounded < 1e5 else _short_exponent(rounded)


def _short_exponent(value: float) -> str:
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def _factor(slope: float) -> str:
    """10^slope to two digits, also where that is no double."""
    if abs(slope) < 300:
        return _two_digits(10.0**slope)
    whole = math.floor(slope) if math.isfinite(slope) else 0
    return f"{10 ** (slope - whole):.1f}e{whole}"


def _verdict(series: Series, brief: bool = False) -> Cell:
    """The word and what comes with it: "VANISHES x0.05", "stable, grows like k^1.0"."""
    if series.verdict is None:
        return numbers.ABSENT, ""
    text, style = styled(series.verdict)
    if series.verdict in (Outcome.VANISHES, Outcome.EXPLODES) and series.slope is not None:
        text += f" x{_factor(series.slope)}"
    elif series.growth and series.verdict is not Outcome.UNEXPECTED:
        verb = "shrinks" if "^-" in series.growth else "grows"
        text += f", ~{series.growth}" if brief else f", {verb} like {series.growth}"
    return text, style


def _slope(series: Series) -> str:
    known = series.slope is not None and series.slope_ci is not None
    return _decimals(series.slope, 3, "+") + (f" ±{_decimals(series.slope_ci, 3)}" if known else "")


# ---------------------------------------------------------------------------------------------
# Who: what each initialization is called
# ---------------------------------------------------------------------------------------------


class Roster:
    """The names of a report's initializations: by variance if all are plain ones, else by name."""

    def __init__(self, report: InitReport) -> None:
        known: dict[str, Series | InitSummary] = {series.init: series for series in report.series}
        known |= {one.init: one for one in report.inits}
        self._known = known
        self.named = not all(map(_is_plain, known))
        self._width = max((len(self.variance(init)) for init in known), default=0)

    def headings(self, brief: bool = False) -> list[str]:
        """The headings of `cells`."""
        if not self.named:
            return ["sigma^2"]
        return ["init"] if brief else ["init", "sigma^2"]

    def cells(self, init: str, brief: bool = False) -> list[str]:
        """The name in the columns of a table; `brief` leaves the variance beside a name out."""
        if not self.named:
            label = cut(self._label(init), _LONGEST_NAME)
            return [f"{self.variance(init):<{self._width}}  {label}".rstrip()]
        name = cut(self._name(init), _LONGEST_NAME)
        return [name] if brief else [name, self.variance(init)]

    def variance(self, init: str) -> str:
        """Four digits; "by layer" where it differs."""
        one = self._known.get(init)
        if one is None:
            return numbers.ABSENT
        return "by layer" if one.sigma2 is None else f"{one.sigma2:.4g}"

    def sentence(self, init: str) -> str:
        """The name inside a sentence: "sigma^2 = 0.02 (He)", "he"."""
        if self.named:
            return self._name(init)
        label = self._label(init)
        return f"sigma^2 = {self.variance(init)}" + (f" ({label})" if label else "")

    def caption(self, init: str) -> str:
        """The name in one piece: "0.02  He", "he  (0.02)"."""
        if not self.named:
            return "  ".join(filter(None, (self.variance(init), self._label(init))))
        return f"{self._name(init)}  ({self.variance(init)})"

    def _name(self, init: str) -> str:
        label = self._known[init].label if init in self._known else ""
        beside = label and init != "model" and label.lower() != init.lower()  # a model's is its file
        return safe(f"{init} ({label})" if beside else init)

    def _label(self, init: str) -> str:
        """What stands beside a plain variance: its distribution unless normal, and its label."""
        kind = init.partition(":")[0]
        label = self._known[init].label if init in self._known else ""
        return safe(listed(("" if kind == "normal" else kind, label)))


def _is_plain(init: str) -> bool:
    kind, colon, _ = init.partition(":")
    return kind in _DISTRIBUTIONS and bool(colon)


# ---------------------------------------------------------------------------------------------
# What: panels, and which layers they show
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Panel:
    """One quantity under every initialization."""

    series: tuple[Series, ...]

    @property
    def direction(self) -> str:
        """Forward or backward."""
        return self.series[0].direction

    @cached_property
    def layers(self) -> list[int]:
        """The place of every layer, rising."""
        return sorted({place for series in self.series for place in placed(series)})

    @property
    def hidden(self) -> list[int]:
        """The same without the input h_0, which no initialization changes."""
        layers = self.layers
        skipped = self.series[0].quantity in ("h", "dh") and layers[:1] == [0] and len(layers) > 1
        return layers[1:] if skipped and not self._names else layers

    def layer_title(self, k: int) -> str:
        """ "k=10", or the step's name."""
        return self._names.get(k, f"k={k}")

    @cached_property
    def _names(self) -> dict[int, str]:
        named = (series for series in self.series if has_names(series))
        layers = ((place, layer.name or "") for series in named for place, layer in placed(series).items())
        return {place: cut(safe(name), _LONGEST_STEP) for place, name in layers}

    def shown(self, level: str = "") -> str:
        """What the numbers are: "log10 var h_k, median of 20 networks"; `level` of low and high."""
        networks = max(series.networks for series in self.series)
        of = ["towards the input"] if self.direction == "backward" else []
        many = {0: "", 1: "one network"}.get(networks, f"median of {networks:,} networks")
        interval = f"low to high: {level}" if level else ""
        return listed((f"log10 {quantity(self.series[0])}", *of, many, interval))


def panels(report: InitReport) -> list[Panel]:
    """One panel per quantity, in the order in which they first appear."""
    found: dict[str, list[Series]] = {}
    for series in report.series:
        found.setdefault(series.quantity, []).append(series)
    return [Panel(tuple(members)) for members in found.values()]


def _columns(panel: Panel, config: Mapping[str, object], most: int) -> list[int]:
    """The layers to show: those asked for, otherwise at most `most` round ones."""
    every = config.get("every")
    if config.get("all_layers"):
        return panel.layers
    if isinstance(every, int):
        return _multiples(panel.hidden, every, 0)
    return _round_ones(panel.hidden, most)


def _asked(config: Mapping[str, object]) -> bool:
    return bool(config.get("all_layers") or config.get("every"))


def _round_ones(layers: list[int], most: int) -> list[int]:
    """The first, evenly spaced round ones, and the last."""
    if len(layers) <= most:
        return layers
    for power in range(len(str(layers[-1]))):
        for digit in (1, 2, 2.5, 5):
            step = digit * 10**power
            found = _multiples(layers, int(step), step / 2) if step == int(step) else layers
            if len(found) <= most:
                return found if len(found) >= min(most, 3) else _thirds(layers)
    return _thirds(layers)


def _multiples(layers: list[int], step: int, room: float) -> list[int]:
    """The first, the multiples of `step` that end `room` before the last, and the last."""
    if len(layers) < 2:
        return layers
    first, *middle, last = layers
    chosen = [k for k in middle if k % step == 0 and last - k >= room]
    return [first, *chosen, last]


def _thirds(layers: list[int]) -> list[int]:
    return [layers[0], layers[len(layers) // 2], layers[-1]]


# ---------------------------------------------------------------------------------------------
# The rows of a panel, for people
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Row:
    """One row: who, one number per layer, and (rate per layer, its prediction, verdict)."""

    label: list[str]
    values: Mapping[int, str]
    tail: list[Cell]


_NO_TAIL: list[Cell] = [("", "")] * 3


def _rows(panel: Panel, roster: Roster, *, brief: bool, short: bool, whole: bool) -> Iterator[_Row]:
    """A row per series; with `whole` what is expected and the interval under each.

    `brief` names and `short` verdicts and numbers are for narrow pages.
    """
    for series in panel.series:
        ends: list[Cell] = [(_slope(series), ""), (_decimals(series.expected_slope, 3, "+"), "")]
        label = roster.cells(series.init, brief)
        yield _Row(label, _values(series, "median", short), [*ends, _verdict(series, short)])
        for name in ("expected", "low", "high") if whole else ():
            yield _Row([f"  {name}", *[""] * (len(label) - 1)], _values(series, name, short), _NO_TAIL)


def _values(series: Series, name: str, short: bool) -> dict[int, str]:
    return {place: _value(getattr(layer, name), short) for place, layer in placed(series).items()}


def _value(value: float | None, short: bool) -> str:
    """Two decimals; one beyond 100 where columns are short of room."""
    return _decimals(value, 1 if short and value is not None and abs(value) >= 100 else 2)


def _heading_row(panel: Panel, roster: Roster, brief: bool) -> _Row:
    titles = {k: panel.layer_title(k) for k in panel.layers}
    tail: list[Cell] = [("per layer", ""), ("expected", ""), ("verdict", "")]
    return _Row(roster.headings(brief), titles, tail)


# ---------------------------------------------------------------------------------------------
# The screen
# ---------------------------------------------------------------------------------------------


@output_format("table", of="init-stats")
def init_table(report: InitReport, options: OutputOptions) -> str:
    """Panels, sparklines, and what they mean; with -q a line per initialization."""
    page, roster = Page(options), Roster(report)
    if options.verbosity <= -2:
        return ""
    if options.verbosity < 0:
        _verdict_lines(page, report)
        return page.text()
    page.parted(about(report))
    _matrices(page, report.matrices)
    for panel in panels(report):
        _panel(page, panel, roster, report.config)
    _shapes(page, report, roster)
    page.blank()
    for sentence in _sentences(report, roster, options.verbosity):
        page.wrapped(sentence, hanging=2)
    _formats(page, report, roster)
    page.blank()
    for sentence in _closing(report, roster):
        page.wrapped(sentence, hanging=2)
    return page.text()


def _verdict_lines(page: Page, report: InitReport) -> None:
    rows: list[list[Cell]] = []
    for one in report.inits:
        name = f"{one.init} ({one.label})" if one.label else one.init
        rows.append([(page.short(name, page.width // 2), ""), _outcome(one.verdict)])
    for line in page.grid(rows, "ll"):
        page.line(*line)


def _outcome(verdict: Outcome | None) -> Cell:
    return (numbers.ABSENT, "") if verdict is None else styled(verdict)


def about(report: InitReport) -> list[str]:
    """ "init-stats", what was looked at, and how often."""
    config = report.config
    counts = [
        plural(value, noun)
        for key, noun in (("nets", "network"), ("inputs", "input"))
        if isinstance(value := config.get(key), int)
    ]
    seed = "" if config.get("seed") is None else f"seed {config['seed']}"
    return ["init-stats", _network(config), listed((*counts, seed))]


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
    return listed(parts)


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


def _title(page: Page, title: str, text: str) -> None:
    """A blank line, and a heading with what it means."""
    page.blank()
    _hung(page, (f"{title:<{_TITLE - 2}}  ", _HEADING), text)


def _hung(page: Page, head: Cell, text: str) -> None:
    """`head`, and beside it a sentence that goes on under itself."""
    label, style = page.safe(head[0]), head[1]
    for number, line in enumerate(wrap(page.safe(text), page.width - width_of(label))):
        page.line((" " * width_of(label), "") if number else (label, style), line)


def _level(page: Page, config: Mapping[str, object]) -> str:
    return percent(config.get("level")) if page.options.verbosity > 0 else ""


def _panel(page: Page, panel: Panel, roster: Roster, config: Mapping[str, object]) -> None:
    _title(page, panel.direction.upper(), panel.shown(_level(page, config)))
    style, blocks = _layout(page, panel, roster, config)
    for number, block in enumerate(blocks, 1):
        if number > 1:
            page.blank()
        for line in style.lines(page, block, ended=number == len(blocks)):
            page.line("  ", *line)


@dataclass(frozen=True)
class _Style:
    """The rows of a panel in one choice of words, and what they take: indent, names, end, each layer."""

    rows: list[_Row]
    names: int
    end: int
    costs: Mapping[int, int]

    def fits(self, layers: Iterable[int], width: int) -> bool:
        """Whether these layers fit together with the end of the rows."""
        return self.names + sum(self.costs[k] for k in layers) + self.end <= width

    def lines(self, page: Page, layers: Sequence[int], ended: bool) -> list[list[Cell]]:
        """The rows with these layers, and with their end."""
        rows = [self._cells(row, layers, ended) for row in self.rows]
        rows[0] = [(text, _HEADING if text not in ("", "|") else "") for text, _ in rows[0]]
        names, end = "l" * len(self.rows[0].label), "lrrll" if ended else ""
        return page.grid(rows, f"{names}{'r' * len(layers)}{end}", gap=1)

    def _cells(self, row: _Row, layers: Sequence[int], ended: bool) -> list[Cell]:
        cells: list[Cell] = [(text, "") for text in row.label]
        cells += [(row.values.get(k, numbers.ABSENT), "") for k in layers]
        return cells + _barred(row.tail) if ended else cells


def _barred(tail: Sequence[Cell]) -> list[Cell]:
    """The end of a row between bars."""
    (slope, _), (expected, _), verdict = tail
    return [("|", ""), (slope, ""), (expected, ""), ("|", ""), verdict]


def _styled(
    page: Page, panel: Panel, roster: Roster, layers: Iterable[int], brief: bool, short: bool
) -> _Style:
    """The rows in one choice of words; `layers` are those that may be shown."""
    whole = page.options.verbosity > 0
    rows = list(_rows(panel, roster, brief=brief, short=short, whole=whole))
    rows.insert(0, _heading_row(panel, roster, brief))
    names = laid_out([[page.safe(text) for text in row.label] for row in rows])
    end = laid_out([[page.safe(text) for text, _ in _barred(row.tail)] for row in rows])
    costs = {
        k: 1 + max(width_of(page.safe(row.values.get(k, numbers.ABSENT))) for row in rows)
        for k in layers
    }
    return _Style(rows, 1 + sum(names) + len(names), sum(end) + len(end), costs)


def _layout(
    page: Page, panel: Panel, roster: Roster, config: Mapping[str, object]
) -> tuple[_Style, list[list[int]]]:
    """The richest choice of words that leaves room for the layers; else blocks under each other."""
    counts = [_MOST_COLUMNS] if _asked(config) else range(_MOST_COLUMNS, _FEWEST_COLUMNS - 1, -1)
    wanted = [_columns(panel, config, most) for most in counts]
    possible = sorted({k for layers in wanted for k in layers})
    styles = []
    for brief, short in ((False, False), (True, False), (False, True), (True, True)):
        style = _styled(page, panel, roster, possible, brief, short)
        styles.append(style)
        for layers in wanted:
            if style.fits(layers, page.width):
                return style, [layers]
    fitting = (style for style in styles if style.fits(wanted[-1][-1:], page.width))
    style = next(fitting, styles[-1])
    return style, _blocks(wanted[-1], style, page.width)


def _blocks(layers: list[int], style: _Style, width: int) -> list[list[int]]:
    """The layers cut into blocks as wide as the page; the last leaves room for the end of the rows."""
    blocks = []
    while len(layers) > 1 and not style.fits(layers, width):
        taken, room = 1, width - style.names - style.costs[layers[0]]
        while taken < len(layers) - 1 and style.costs[layers[taken]] <= room:
            room -= style.costs[layers[taken]]
            taken += 1
        blocks.append(layers[:taken])
        layers = layers[taken:]
    return [*blocks, layers]


# ---------------------------------------------------------------------------------------------
# Sparklines
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Shapes:
    """A sparkline per initialization and direction, all on the scale from `low` to `high`."""

    low: float
    high: float
    titles: list[str]
    rows: list[tuple[str, list[str]]]  # init, one sparkline per title
    ends: tuple[str, str]  # the first and the last layer

    def heading(self, bars: str) -> str:
        """What left and right, low and high mean."""
        both = " in both" if len(self.titles) > 1 else ""
        places = 0 if self.high - self.low >= 20 else 1
        low, high = _decimals(self.low, places), _decimals(self.high, places)
        sides = f"{self.ends[0]} left, {self.ends[1]} right{both}"
        return f"{sides}; one scale: {bars[0]} 10^{low}, {bars[-1]} 10^{high}"


def _sparklines(report: InitReport, bars: str, longest: int) -> _Shapes | None:
    """Of the first quantity forward and the first backward; None if nothing was measured."""
    chosen: dict[str, Panel] = {}
    for panel in panels(report):
        chosen.setdefault(panel.direction, panel)
    values = [_medians(s, panel.hidden) for panel in chosen.values() for s in panel.series]
    finite = [v for medians in values for v in medians if v is not None and math.isfinite(v)]
    if not any(values):
        return None
    low, high = _scale(finite or [0.0])
    rows: dict[str, dict[str, str]] = {}
    for direction, panel in chosen.items():
        for series in panel.series:
            line = _sparkline(_medians(series, panel.hidden), low, high, bars, longest)
            rows.setdefault(series.init, {})[direction] = line
    titles = [f"{direction}: {quantity(p.series[0])}" for direction, p in chosen.items()]
    lines = [(init, [found.get(d, "") for d in chosen]) for init, found in rows.items()]
    return _Shapes(low, high, titles, lines, _ends(list(chosen.values())))


def _ends(shown: Sequence[Panel]) -> tuple[str, str]:
    """What the first and the last bar of a sparkline are."""
    found = {
        tuple(panel.layer_title(k).replace("k=", "layer ") for k in (panel.hidden[0], panel.hidden[-1]))
        for panel in shown
        if panel.hidden
    }
    first, last = found.pop() if len(found) == 1 else ("first layer", "last layer")
    return first, last


def _medians(series: Series, layers: Iterable[int]) -> list[float | None]:
    found = placed(series)
    return [found[place].median if place in found else None for place in layers]


def _scale(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    more = max(_LEAST_RANGE - (high - low), 0) / 2
    return low - more, high + more


def _sparkline(
    values: Sequence[float | None], low: float, high: float, bars: str, longest: int
) -> str:
    """One bar per layer, or per group of layers (their median) where there are more than `longest`."""
    count = min(len(values), longest)
    cuts = [number * len(values) // count for number in range(count + 1)]
    groups = (values[start:end] for start, end in pairwise(cuts))
    return "".join(_bar(group, low, high, bars) for group in groups)


def _bar(group: Sequence[float | None], low: float, high: float, bars: str) -> str:
    known = [value for value in group if value is not None and not math.isnan(value)]
    if not known:
        return " "
    share = (min(max(median_low(known), low), high) - low) / (high - low)
    return bars[min(int(share * len(bars)), len(bars) - 1)]


def _bars(page: Page) -> str:
    """Blocks of eight heights, or their twins: all or none, for half of them do not line up."""
    return _BLOCKS if page.safe(_BLOCKS) == _BLOCKS else safe(_BLOCKS, "ascii")


def _shapes(page: Page, report: InitReport, roster: Roster) -> None:
    """The sparklines with the longest names and bars that fit."""
    bars = _bars(page)
    for brief, longest in _SHAPE_CHOICES:
        shapes = _sparklines(report, bars, longest)
        if shapes is None:
            return
        rows = _shape_rows(report, roster, shapes, brief)
        if 2 + _grid_width(page, rows) <= page.width or (brief, longest) == _SHAPE_CHOICES[-1]:
            _title(page, "SHAPE", shapes.heading(bars))
            for line in page.grid(rows, "l" * len(rows[0])):
                page.line("  ", *line)
            return


_SHAPE_CHOICES = ((False, 24), (False, 20), (False, 16), (True, 24), (True, 20), (True, 16), (True, 12))


def _shape_rows(
    report: InitReport, roster: Roster, shapes: _Shapes, brief: bool = False
) -> list[list[Cell]]:
    """A heading, then name, standard deviation and sparklines."""
    titles = [title.partition(":")[0] for title in shapes.titles] if brief else shapes.titles
    heads = [*roster.headings(brief), "std", *titles]
    rows = [
        [*roster.cells(init, brief), _deviation(report, init), *lines] for init, lines in shapes.rows
    ]
    return [[(head, _HEADING) for head in heads], *([(text, "") for text in row] for row in rows)]


def _deviation(report: InitReport, init: str) -> str:
    """The standard deviation of the weights, or between which ones it lies."""
    found = {s.sigma2 for s in report.series if s.init == init and s.sigma2 is not None}
    found |= {v for one in report.inits if one.init == init and not found for v in one.variances}
    sizes = [f"{math.sqrt(v):.4g}" for v in (min(found), max(found))] if found else [numbers.ABSENT]
    return sizes[0] if sizes[0] == sizes[-1] else f"{sizes[0]} to {sizes[-1]}"


def _grid_width(page: Page, rows: Sequence[Sequence[Cell]], gap: int = 2) -> int:
    widths = laid_out([[page.safe(text) for text, _ in row] for row in rows])
    return sum(widths) + gap * (len(widths) - 1)


def _plain_cells(rows: Iterable[Sequence[str]]) -> list[list[Cell]]:
    """The texts as cells, the first row as headings."""
    cells: list[list[Cell]] = [[(text, "") for text in row] for row in rows]
    return [[(text, _HEADING if text else "") for text, _ in cells[0]], *cells[1:]]


# ---------------------------------------------------------------------------------------------
# Sentences
# ---------------------------------------------------------------------------------------------


def _sentences(report: InitReport, roster: Roster, verbosity: int) -> Iterator[str]:
    """Causes, the recommendation, and how far one network may be from the median."""
    for one in report.inits:
        stable = one.verdict is Outcome.STABLE
        if one.cause and (not stable or verbosity > 0):
            word = "" if one.verdict is None else f"{one.verdict}: "
            yield f"{roster.sentence(one.init)}: {word}{one.cause}"
        elif not stable and one.verdict is not None:
            yield f"{roster.sentence(one.init)}: {one.verdict}"
        if verbosity > 0:
            yield f"{roster.sentence(one.init)}: {_details(one)}"
    yield from filter(None, (report.recommendation, _scatter(report, roster)))


def _details(one: InitSummary) -> str:
    """What was drawn and what is predicted: for -v."""
    scale = "" if one.depth_scale is None else f"depth scale {one.depth_scale:.3g} layers"
    scatter = "" if one.scatter is None else f"scatter {one.scatter:.2f} decades"
    if scatter and one.expected_scatter is not None:
        scatter += f" (expected {one.expected_scatter:.2f})"
    return "; ".join(
        filter(
            None,
            (
                f"sigma^2 = {one.formula}" if "fan" in one.formula else "",
                f"variance (std) {_runs(one.variances)}" if one.variances else "",
                f"bias variance {one.bias_variance:.4g}" if one.bias_variance is not None else "",
                f"chi {one.chi:.4g}" if one.chi is not None else "",
                scale,
                scatter,
            ),
        )
    )


def _runs(variances: Sequence[float]) -> str:
    """ "0.00255 (0.0505) of W_0, 0.02 (0.1414) of W_1 to W_50"."""
    texts = [f"{v:.4g} ({math.sqrt(v):.4g})" for v in variances]
    starts = [k for k in range(len(texts)) if k == 0 or texts[k] != texts[k - 1]]
    parts = []
    for start, end in zip(starts, [*starts[1:], len(texts)], strict=True):
        last = f" to W_{end - 1}" if end - start > 1 else ""
        parts.append(f"{texts[start]} of W_{start}{last}")
    return ", ".join(parts[:12]) + (", ..." if len(parts) > 12 else "")


def _scatter(report: InitReport, roster: Roster) -> str:
    """Where one network of the most stable initialization lies."""
    series = _steadiest(report)
    if series is None or not series.layers:
        return ""
    last = list(placed(series).values())[-1]
    if last.low is None or last.high is None or series.networks < 2:
        return ""
    who = series.label or roster.sentence(series.init)
    between = f"[{_decimals(last.low)}, {_decimals(last.high)}]"
    level = percent(report.config.get("level"))
    what = f"log10 {quantity(series, last)}"
    return f"one network of {who}: {what} lies in {between} with {level} probability"


def _steadiest(report: InitReport) -> Series | None:
    """The forward series of the initialization that changes least, both directions considered."""
    order = list(Outcome)

    def unrest(forward: Series) -> tuple[int, float]:
        both = [s for s in report.series if s.init == forward.init]
        worst = max(0 if s.verdict is None else order.index(s.verdict) for s in both)
        return worst, max(abs(s.slope or 0.0) for s in both)

    ahead = [s for s in report.series if s.direction == "forward"]
    return min((s for s in ahead if s.quantity == ahead[0].quantity), key=unrest, default=None)


def _closing(report: InitReport, roster: Roster) -> Iterator[str]:
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


_FORMATS_HEADING = "the layer where a format overflows or is all zero"
_LOST = "lost: the forward pass was lost before, and the gradient with it"


def _formats(page: Page, report: InitReport, roster: Roster) -> None:
    if not report.formats:
        return
    _title(page, "NUMBER FORMATS", _FORMATS_HEADING)
    rows = _plain_cells(_format_rows(report, roster))
    if 2 + _grid_width(page, rows) <= page.width:
        for line in page.grid(rows, "l" * len(rows[0])):
            page.line("  ", *line)
    else:
        _format_lines(page, report, roster)
    if any(one.event == "lost" for one in report.formats):
        page.wrapped(_LOST, indent=2)


def _format_lines(page: Page, report: InitReport, roster: Roster) -> None:
    """One forecast a line; not those in which nothing happens."""
    eventful = [one for one in report.formats if one.event or one.simulated_event]
    cells = [[*roster.cells(one.init, brief=True), one.format, one.direction] for one in eventful]
    heads = [*roster.headings(brief=True), "format", "direction"]
    head, *lines = page.grid(_plain_cells([heads, *cells]), "l" * len(heads))
    page.line("  ", *head)
    for one, line in zip(eventful, lines, strict=True):
        _hung(page, (f"  {''.join(text for text, _ in line)}  ", ""), _forecast(one))
    if len(eventful) < len(report.formats):
        page.line("  nothing happens in the other cases")


def _format_rows(report: InitReport, roster: Roster) -> list[list[str]]:
    """A heading, then a row per initialization and direction; one for both where they are alike."""
    names = list(dict.fromkeys(one.format for one in report.formats))
    found: dict[str, dict[str, dict[str, str]]] = {}
    for one in report.formats:
        found.setdefault(one.init, {}).setdefault(one.direction, {})[one.format] = _forecast(one)
    rows = [[*roster.headings(brief=True), "direction", *names]]
    for init, ways in found.items():
        alike = len(ways) > 1 and len({tuple(sorted(events.items())) for events in ways.values()}) == 1
        for way, events in [("both", next(iter(ways.values())))] if alike else ways.items():
            cells = [events.get(name, "") for name in names]
            rows.append([*roster.cells(init, brief=True), way, *cells])
    return rows


def _forecast(one: FormatForecast) -> str:
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

_MATRIX_HEADINGS = ("matrix", "line", "shape", "mean", "variance", "std")


def _matrices(page: Page, matrices: Sequence[MatrixStats]) -> None:
    if not matrices:
        return
    _title(page, "WEIGHTS", "as they stand; x2.0: twice the variance of that initializer")
    whole, names = _matrix_rows(matrices, 3), _ratio_names(matrices)
    remarks = [page.safe(one.remark) for one in matrices]
    needed = max(map(width_of, remarks)) + 2
    cells = _plain_cells([[text.removesuffix("-default") for text in whole[0]], *whole[1:]])
    gap = 2 if 2 + _grid_width(page, cells) + needed <= page.width else 1
    if 2 + _grid_width(page, cells, gap) > page.width:
        cells, gap = [row[: len(_MATRIX_HEADINGS)] for row in cells], 2
        remarks = [listed((*_ratios(one, names), one.remark)) for one in matrices]
    _matrix_lines(page, cells, gap, remarks)


def _matrix_lines(page: Page, cells: list[list[Cell]], gap: int, remarks: list[str]) -> None:
    """The grid with each remark beside its row, or under it."""
    free = page.width - 2 - _grid_width(page, cells, gap)
    head, *lines = page.grid(cells, "lrl" + "r" * (len(cells[0]) - 3), gap)
    page.line("  ", *head)
    for remark, line in zip(remarks, lines, strict=True):
        beside = width_of(page.safe(remark)) + 2 <= free
        page.line("  ", *line, f"  {remark}" if beside else "")
        if remark and not beside:
            page.wrapped(remark, indent=6)


def _ratio_names(matrices: Sequence[MatrixStats]) -> list[str]:
    return list(dict.fromkeys(name for one in matrices for name in one.ratios))


def _ratios(one: MatrixStats, names: Sequence[str]) -> list[str]:
    """ "he x1.0" and so on."""
    return [f"{name} x{_two_digits(one.ratios[name])}" for name in names if name in one.ratios]


def _matrix_rows(matrices: Sequence[MatrixStats], digits: int) -> list[list[str]]:
    """A heading and a row per matrix, without the remarks."""
    names = _ratio_names(matrices)
    rows = [[*_MATRIX_HEADINGS, *names]]
    for one in matrices:
        spread = math.sqrt(one.variance) if one.variance >= 0 else math.nan
        sizes = [f"{value + 0.0:.{digits}g}" for value in (one.mean, one.variance, spread)]
        ratios = [f"x{_two_digits(one.ratios[n])}" if n in one.ratios else "-" for n in names]
        shape = "x".join(map(str, one.shape))
        rows.append([cut(safe(one.name), _LONGEST_STEP), str(one.line), shape, *sizes, *ratios])
    return rows


# ---------------------------------------------------------------------------------------------
# CSV and TSV
# ---------------------------------------------------------------------------------------------


@output_format("csv", of="init-stats")
def init_csv(report: InitReport, options: OutputOptions) -> str:
    """One line per series and layer, or every Nth as asked; numbers round-trip, empty: not computed."""
    return _delimited(report, ",")


@output_format("tsv", of="init-stats")
def init_tsv(report: InitReport, options: OutputOptions) -> str:
    """The same with tabs."""
    return _delimited(report, "\t")


def _delimited(report: InitReport, delimiter: str) -> str:
    file = StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    writer.writerow(FIELDS)
    for panel in panels(report):
        wanted = set(_columns(panel, report.config, 0) if _asked(report.config) else panel.layers)
        for series in panel.series:
            layers = placed(series).items()
            writer.writerows(_line(series, layer) for place, layer in layers if place in wanted)
    return file.getvalue()


def _line(series: Series, layer: LayerStats) -> list[str]:
    who = [safe(series.init), safe(series.label), numbers.exact(series.sigma2)]
    what = [series.quantity, series.stat, series.direction, str(layer.k), safe(layer.name or "")]
    sizes = (layer.median, layer.low, layer.high, layer.expected)
    slopes = (series.slope, series.slope_ci, series.expected_slope)
    verdict = "" if series.verdict is None else str(series.verdict)
    return [*who, *what, *map(numbers.exact, (*sizes, *slopes)), verdict]


# ---------------------------------------------------------------------------------------------
# Markdown
# ---------------------------------------------------------------------------------------------


@output_format("markdown", of="init-stats")
def init_markdown(report: InitReport, options: OutputOptions) -> str:
    """What the screen shows, as sections with pipe tables."""
    roster = Roster(report)
    title, *rest = about(report)
    parts = [f"## {escape(title)}", escape("; ".join(filter(None, rest)))]
    if report.matrices:
        heading, *rows = _matrix_rows(report.matrices, 6)
        remarked = [[*row, one.remark] for row, one in zip(rows, report.matrices, strict=True)]
        parts += ["### Weights", _piped([*heading, "remark"], remarked)]
    for panel in panels(report):
        parts += _panel_section(panel, roster, report.config, options.verbosity > 0)
    parts += _shape_section(report, roster)
    parts += map(escape, _sentences(report, roster, options.verbosity))
    if report.formats:
        heading, *rows = _format_rows(report, roster)
        parts += ["### Number formats", escape(f"{_FORMATS_HEADING}."), _piped(heading, rows)]
        parts += [escape(_LOST)] if any(one.event == "lost" for one in report.formats) else []
    parts += map(escape, _closing(report, roster))
    return "\n\n".join(filter(None, parts)) + "\n"


def _panel_section(
    panel: Panel, roster: Roster, config: Mapping[str, object], whole: bool
) -> list[str]:
    layers = _columns(panel, config, _MOST_COLUMNS)
    heading = _heading_row(panel, roster, False)
    rows = _rows(panel, roster, brief=False, short=False, whole=whole)
    heads, *cells = [
        [*row.label, *(row.values.get(k, numbers.ABSENT) for k in layers), *(text for text, _ in row.tail)]
        for row in (heading, *rows)
    ]
    return [f"### {escape(f'{panel.direction.capitalize()}: {panel.shown()}')}", _piped(heads, cells)]


def _shape_section(report: InitReport, roster: Roster) -> list[str]:
    shapes = _sparklines(report, _BLOCKS, _LONGEST_SPARKLINE)
    if shapes is None:
        return []
    heading, *rows = [[text for text, _ in row] for row in _shape_rows(report, roster, shapes)]
    drawn = len(shapes.titles)
    lines = [[*map(escape, row[:-drawn]), *map(code, row[-drawn:])] for row in rows]
    return ["### Shape", escape(f"{shapes.heading(_BLOCKS)}."), pipe_table(heading, lines)]


def _piped(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return pipe_table(headings, ([escape(text.strip()) for text in row] for row in rows))


# ---------------------------------------------------------------------------------------------
# gradcheck gain
# ---------------------------------------------------------------------------------------------

_GAIN_LABEL, _GAIN_VALUE = 13, 11
_FIXED_POINTS = {
    "attracts": "variances return to q = 1",
    "repels": "variances drift away from q = 1",
    "neutral": "every q stays where it is",
}


@output_format("table", of="gain")
def gain_table(gains: Sequence[GainReport], options: OutputOptions) -> str:
    """Each activation with its gain, what that does to gradients, and its critical point."""
    page = Page(options)
    for one in gains if options.verbosity > -2 else ():
        page.blank()
        page.wrapped(one.formula)
        for label, value, text in _gain_lines(one):
            _hung(page, (f"  {label:<{_GAIN_LABEL}}{value:<{_GAIN_VALUE}}", ""), text)
        for note in one.notes:
            page.wrapped(f"note: {note}", indent=2, hanging=6)
    return page.text()


def _gain_lines(one: GainReport) -> Iterator[tuple[str, str, str]]:
    yield "gain", numbers.number(one.gain, 7), f"1/sqrt(E phi^2); {_torch(one)}"
    moments = (("E phi", one.mean), ("E phi^2", one.second_moment), ("E phi'^2", one.slope_moment))
    yield "moments", "", ", ".join(f"{name} = {value:.6g}" for name, value in moments)
    multiplies = "gain^2 E phi'^2: what one layer multiplies the gradient's variance by"
    yield "chi", f"{one.chi:.4g}", multiplies
    yield "chi^50", f"{one.chi_50:.2g}", "over 50 layers"
    meaning = _FIXED_POINTS.get(one.fixed_point, "")
    slope = f"d ln q'/d ln q = {_decimals(one.fixed_point_slope, 3)}"
    yield "fixed point", one.fixed_point, "; ".join(filter(None, (meaning, slope)))
    yield "critical", "", _critical(one)
    if one.kinks:
        yield "kinks", "", f"z = {', '.join(f'{z:.6g}' for z in one.kinks)}"


def _torch(one: GainReport) -> str:
    if one.torch_gain is None:
        return "PyTorch's calculate_gain does not know it"
    if math.isclose(one.torch_gain, one.gain, rel_tol=1e-6):
        return "PyTorch's calculate_gain says the same"
    return f"PyTorch's calculate_gain says {numbers.number(one.torch_gain, 7)}"


def _critical(one: GainReport) -> str:
    """Where neither variances nor gradients change, with the bias variance it holds for."""
    biases = f"bias variance {one.bias_variance:.4g}"
    if one.critical_sigma_w is None:
        return f"none ({biases}){f': {one.critical_note}' if one.critical_note else ''}"
    where = "" if one.critical_q is None else f"at q = {one.critical_q:.4g}"
    words = " ".join(filter(None, (f"sigma_w = {one.critical_sigma_w:.6g}", where)))
    return f"{listed((words, one.critical_note))} ({biases}); a weight's variance is sigma_w^2/fan_in"
