"""Reads the series of an init-stats report. Gives panels: who, which layers, and the text of each row.

Table, Markdown, CSV and picture share it. Knows nothing of pages, and of how anything was measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from gradcheck_cli.render import numbers
from gradcheck_cli.render.page import Cell, style_verdict
from gradcheck_cli.render.text_encoding import cut, join_parts, safe
from gradcheck_cli.results.initialization_results import InitReport, InitSummary, LayerStats, Outcome, Series

__all__ = [
    "LONGEST_STEP",
    "MOST_COLUMNS",
    "Panel",
    "Roster",
    "Row",
    "both",
    "columns",
    "has_names",
    "heading_row",
    "layers_by_place",
    "level",
    "outcome",
    "panels",
    "quantity",
    "rows",
    "verdict",
]  # fmt: skip

LONGEST_STEP = 12
MOST_COLUMNS = 7  # layers shown where nobody says which
_LONGEST_NAME = 20
_SYMBOLS = {"h": "h", "f": "f", "dh": "dl/dh", "df": "dl/df", "dW": "dl/dW", "db": "dl/db"}
_STATS = {"ms": "mean square"}
_DISTRIBUTIONS = ("normal", "uniform", "trunc")  # a number stands behind their colon


# ---------------------------------------------------------------------------------------------
# One series
# ---------------------------------------------------------------------------------------------


def layers_by_place(series: Series) -> dict[int, LayerStats]:
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


def level(config: Mapping[str, object]) -> str:
    """With which probability one network lies between low and high: "90 %"."""
    asked = config.get("level")
    return f"{100 * (asked if isinstance(asked, int | float) else 0.9):.4g} %"


def outcome(word: Outcome | None) -> Cell:
    """The word with its color; a dash where nothing was judged."""
    return (numbers.ABSENT, "") if word is None else style_verdict(word)


def verdict(series: Series, short: bool = False) -> Cell:
    """The word and what comes with it: "VANISHES x0.05", "stable, grows like k^1.0"."""
    text, style = outcome(series.verdict)
    if series.verdict in (Outcome.VANISHES, Outcome.EXPLODES) and series.slope is not None:
        text += f" x{numbers.factor(series.slope)}"
    elif series.growth and series.verdict is Outcome.STABLE:
        text += f", ~{series.growth}" if short else f", {_law(series)}"
    return text, style


def _law(series: Series) -> str:
    """Backward, k falls on the way: growing with k is shrinking on the way."""
    if series.direction == "backward":
        return f"like {series.growth}"
    return f"{'shrinks' if '^-' in (series.growth or '') else 'grows'} like {series.growth}"


def _slope(series: Series, short: bool) -> str:
    slope = numbers.decimals(series.slope, 3, "+")
    if series.slope is None or series.slope_ci is None:
        return slope
    return f"{slope}{'' if short else ' '}±{numbers.decimals(series.slope_ci, 3)}"


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
            return [f"{self.variance(init):<{self._width}} {label}".rstrip()]
        name = cut(self._name(init), _LONGEST_NAME)
        return [name] if brief else [name, self.variance(init)]

    def variance(self, init: str) -> str:
        """Four digits; "by layer" where it differs."""
        one = self._known.get(init)
        if one is None:
            return numbers.ABSENT
        return "by layer" if one.sigma2 is None else f"{one.sigma2:.4g}"

    def sentence(self, *inits: str) -> str:
        """The names inside a sentence: "sigma^2 = 0.02 (He)", "glorot and lecun"."""
        if self.named:
            return both(map(self._name, inits))
        labels = (f" ({label})" if (label := self._label(init)) else "" for init in inits)
        pairs = zip(map(self.variance, inits), labels, strict=True)
        return f"sigma^2 = {both(map(''.join, pairs))}"

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
        return safe(join_parts(("" if kind == "normal" else kind, label)))


def both(parts: Iterable[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


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
        return sorted({place for series in self.series for place in layers_by_place(series)})

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
        layers = (layer for series in named for layer in layers_by_place(series).items())
        return {place: cut(safe(layer.name or ""), LONGEST_STEP) for place, layer in layers}

    def caption(self, interval: str = "") -> str:
        """What the numbers are: "log10 var h_k, median of 20 networks"; `interval`: of low and high."""
        networks = max(series.networks for series in self.series)
        of = ["towards the input"] if self.direction == "backward" else []
        many = {0: "", 1: "one network"}.get(networks, f"median of {networks:,} networks")
        low_to_high = f"low to high: {interval}" if interval else ""
        return join_parts((f"log10 {quantity(self.series[0])}", *of, many, low_to_high))


def panels(report: InitReport) -> list[Panel]:
    """One panel per quantity, in the order in which they first appear."""
    found: dict[str, list[Series]] = {}
    for series in report.series:
        found.setdefault(series.quantity, []).append(series)
    return [Panel(tuple(members)) for members in found.values()]


def columns(panel: Panel, config: Mapping[str, object], most: int | None = None) -> list[int]:
    """The layers to show: those asked for, otherwise at most `most` round ones; None: all."""
    every = config.get("every")
    asked_all = config.get("all_layers")
    if isinstance(every, int) and not asked_all:
        return _multiples(panel.hidden, every, 0)
    return panel.layers if asked_all or most is None else round_layers(panel.hidden, most)


def round_layers(layers: list[int], most: int) -> list[int]:
    """The first, evenly spaced round ones, and the last."""
    if len(layers) <= most:
        return layers
    for power in range(len(str(layers[-1]))):
        for digits in (10, 20, 25, 50):
            step = digits * 10**power // 10
            found = _multiples(layers, step, step / 2)
            if len(found) <= most:
                return found if len(found) >= min(most, 3) else _thirds(layers)
    return _thirds(layers)


def _multiples(layers: list[int], step: int, margin: float) -> list[int]:
    """The first, the multiples of `step` that end `margin` before the last, and the last."""
    if len(layers) < 2:
        return layers
    first, *middle, last = layers
    chosen = [k for k in middle if k % step == 0 and last - k >= margin]
    return [first, *chosen, last]


def _thirds(layers: list[int]) -> list[int]:
    return [layers[0], layers[len(layers) // 2], layers[-1]]


# ---------------------------------------------------------------------------------------------
# The rows of a panel, for people
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One row: who, one number per layer, and (rate per layer, what theory says of it, verdict)."""

    label: list[str]
    values: Mapping[int, str]
    tail: tuple[Cell, Cell, Cell]


_NO_TAIL: tuple[Cell, Cell, Cell] = (("", ""), ("", ""), ("", ""))
_UNDER = {"theory": "expected", "low": "low", "high": "high"}


def heading_row(panel: Panel, roster: Roster, brief: bool = False) -> Row:
    """The headings of `rows`."""
    titles = {k: panel.layer_title(k) for k in panel.layers}
    return Row(roster.headings(brief), titles, (("per layer", ""), ("theory", ""), ("verdict", "")))


def rows(
    panel: Panel, roster: Roster, *, whole: bool, brief: bool = False, short: int = 0
) -> Iterator[Row]:
    """A row per series; with `whole` what theory says and the interval under each.

    `brief` names and `short` verdicts and numbers (1, or shorter still: 2) are for narrow pages.
    """
    places = _places(panel, short)
    for series in panel.series:
        label = roster.cells(series.init, brief)
        theory = numbers.decimals(series.expected_slope, 3, "+")
        tail = (_slope(series, short > 0), ""), (theory, ""), verdict(series, short > 0)
        yield Row(label, _values(series, "median", places), tail)
        for title, name in _UNDER.items() if whole else ():
            yield Row([f"  {title}", *[""] * (len(label) - 1)], _values(series, name, places), _NO_TAIL)


def _places(panel: Panel, short: int) -> dict[int, int]:
    """Digits behind the point by layer: two; one where space is short and a number is large."""
    large = (math.inf, 100, 10)[short]
    found = dict.fromkeys(panel.layers, 2)
    for series in panel.series:
        for place, layer in layers_by_place(series).items():
            if layer.median is not None and large <= abs(layer.median) < math.inf:
                found[place] = 1
    return found


def _values(series: Series, name: str, places: Mapping[int, int]) -> dict[int, str]:
    layers = layers_by_place(series).items()
    return {place: numbers.decimals(getattr(layer, name), places[place]) for place, layer in layers}
