"""Reads the panels of an init-stats report. Gives one line of bars per series, all on one scale.

Knows nothing of pages.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low

from gradcheck_cli.render import numbers
from gradcheck_cli.render.initialization_panels import Panel, Roster, layers_by_place, panels, quantity
from gradcheck_cli.results.initialization_results import InitReport, Series

__all__ = ["BLOCKS", "LONGEST", "Shapes", "shape_rows", "sparklines"]

BLOCKS = "▁▂▃▄▅▆▇█"
LONGEST = 24
_LEAST_RANGE = 8.0  # decades of a sparkline's whole height: what is stable then looks flat


@dataclass(frozen=True)
class Shapes:
    """A sparkline per initialization and direction, all on the scale from `low` to `high`."""

    low: float
    high: float
    titles: list[str]
    rows: dict[str, list[str]]  # init: one sparkline per title
    ends: tuple[str, str]  # the first and the last layer

    def heading(self, bars: str) -> str:
        """What left and right, low and high mean."""
        scale = f"{bars[0]} 10^{_end(self.low)}, {bars[-1]} 10^{_end(self.high)}"
        if self.high - self.low < _LEAST_RANGE + 1e-9:
            scale = f"{_LEAST_RANGE:.0f} decades from {bars[0]} to {bars[-1]}"
        return f"{self.ends[0]} left, {self.ends[1]} right; one scale: {scale}"


def sparklines(report: InitReport, bars: str = BLOCKS, longest: int = LONGEST) -> Shapes | None:
    """Of the first quantity forward and the first backward; None if nothing was measured."""
    chosen: dict[str, Panel] = {}
    for panel in panels(report):
        chosen.setdefault(panel.direction, panel)
    values = [_medians(s, panel) for panel in chosen.values() for s in panel.series]
    if not any(values):
        return None
    low, high = _scale([v for medians in values for v in medians if v is not None and math.isfinite(v)])
    found: dict[str, dict[str, str]] = {}
    for direction, panel in chosen.items():
        for series in panel.series:
            line = _sparkline(_medians(series, panel), low, high, bars, longest)
            found.setdefault(series.init, {})[direction] = line
    titles = [f"{direction}: {quantity(p.series[0])}" for direction, p in chosen.items()]
    lines = {init: [by_way.get(d, "") for d in chosen] for init, by_way in found.items()}
    return Shapes(low, high, titles, lines, _ends(chosen.values()))


def shape_rows(
    report: InitReport, roster: Roster, shapes: Shapes, brief: bool = False
) -> list[list[str]]:
    """A heading, then name, standard deviation and sparklines."""
    titles = [title.partition(":")[0] for title in shapes.titles] if brief else shapes.titles
    heads = [*roster.headings(brief), "std", *titles]
    lines = shapes.rows.items()
    return [heads, *([*roster.cells(i, brief), _deviation(report, i), *drawn] for i, drawn in lines)]


def _end(decades: float) -> str:
    return numbers.decimals(decades, 0 if abs(decades) >= 10 else 1)


def _ends(shown: Iterable[Panel]) -> tuple[str, str]:
    """What the first and the last bar of a sparkline are."""
    found = {
        tuple(panel.layer_title(k).replace("k=", "layer ") for k in (panel.hidden[0], panel.hidden[-1]))
        for panel in shown
        if panel.hidden
    }
    first, last = found.pop() if len(found) == 1 else ("first layer", "last layer")
    return first, last


def _medians(series: Series, panel: Panel) -> list[float | None]:
    found = layers_by_place(series)
    return [found[place].median if place in found else None for place in panel.hidden]


def _scale(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=0.0)
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


def _deviation(report: InitReport, init: str) -> str:
    """The standard deviation of the weights, or between which ones it lies."""
    found = {s.sigma2 for s in report.series if s.init == init and s.sigma2 is not None}
    found |= {v for one in report.inits if one.init == init and not found for v in one.variances}
    sizes = [f"{math.sqrt(v):.4g}" for v in (min(found), max(found))] if found else [numbers.ABSENT]
    return sizes[0] if sizes[0] == sizes[-1] else f"{sizes[0]} to {sizes[-1]}"
