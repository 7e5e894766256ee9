"""Reads an init-stats report. Gives its picture: theory as lines, measurement as marks with intervals.

Knows nothing of how anything was measured. Matplotlib is asked for only when there is something to draw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.render.initialization_findings import about
from gradcheck_cli.render.initialization_panels import (
    Panel,
    Roster,
    has_names,
    layers_by_place,
    level,
    panels,
    quantity,
)
from gradcheck_cli.render.text_encoding import cut, safe, wrap
from gradcheck_cli.results.initialization_results import InitReport, LayerStats, Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_figure", "picture", "require"]

# Okabe and Ito's colors, told apart by everybody; without their yellow, which is faint on white
_COLORS = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#7A5195"),
    *("#000000", "#8C8C8C"),
)
_MARKERS = "os^Dv<>PX"
_MOST_MARKS = 25
_MOST_IN_LEGEND, _LEGEND_COLUMNS = 12, 6
_LETTERS_ACROSS = 62  # of the legend, in the width of one panel
_LONGEST_LABEL = 40
_TITLE_LETTERS = 72  # in the width of one panel
_MOST_NAMES = 8  # of steps, along the axis
_PANEL_SIZE = (5.6, 4.3)  # inches
_RESOLUTION = 150  # pixels per inch
_SETTINGS: dict[Any, Any] = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "font.family": "DejaVu Sans",  # it comes with matplotlib
    "font.size": 9.5,
    "grid.color": "#E4E4E4",
    "legend.frameon": False,
    "svg.hashsalt": "gradcheck",
}


def require() -> None:
    """Raises OptionError where matplotlib is missing."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise OptionError(
            "--plot needs matplotlib", help="pip install 'gradcheck-cli[plot]'"
        ) from None


def picture(report: InitReport, kind: str) -> bytes:
    """The panels as a file, kind "svg" or "png"; the same report gives the same bytes.

    Raises OptionError where matplotlib is missing.
    """
    require()
    from matplotlib import rc_context, rcdefaults
    from matplotlib.figure import Figure

    file = BytesIO()
    with rc_context():
        rcdefaults()  # the user's own style could break what was laid out here
        with rc_context(_SETTINGS):
            figure = draw_figure(Figure, report)
            stamp = {"Date": None} if kind == "svg" else {"Software": None}
            figure.savefig(file, format=kind, dpi=_RESOLUTION, metadata=stamp)
    return file.getvalue()


def draw_figure(figure_type: type[Figure], report: InitReport) -> Figure:
    """One panel per quantity, two side by side, and one legend for all under them."""
    shown, roster = panels(report), Roster(report)
    across = min(max(len(shown), 1), 2)
    down = max(math.ceil(len(shown) / across), 1)
    inits = list(dict.fromkeys(series.init for series in report.series))
    looks = dict(zip(inits, _looks(len(inits)), strict=True))
    labels = {init: _label(roster.caption(init)) for init in _spread(inits)}
    columns = _legend_columns(labels, across)
    rows = math.ceil(len(labels) / columns)
    about_it = (safe(about(report)[1], "ascii"), _caption(report))
    title = [line for text in about_it for line in wrap(text, _TITLE_LETTERS * across, longest=3)]
    height = _PANEL_SIZE[1] * down + 0.5 + 0.2 * len(title) + 0.25 * rows
    figure = figure_type(figsize=(_PANEL_SIZE[0] * across, height), layout="constrained")
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.08)
    grid = list(figure.subplots(down, across, squeeze=False).flat)
    for axes, panel in zip(grid, shown, strict=False):
        _panel(axes, panel, looks)
    for axes in grid[len(shown) :]:
        axes.set_visible(False)
    figure.suptitle("\n".join(title), fontsize=9.5).set_parse_math(False)
    _legend(figure, labels, looks, columns)
    named = "initialization" if roster.named else r"$\sigma^2$ of the weights"
    figure.legends[0].set_title(named)
    return figure


def _caption(report: InitReport) -> str:
    """What lines and marks are."""
    many = max((series.networks for series in report.series), default=0)
    measured = "one network" if many < 2 else f"medians of {many:,} networks"
    measured += f"; bars: where one network lies with {level(report.config)} probability"
    known = any(layer.expected is not None for series in report.series for layer in series.layers)
    return f"{'lines: theory; ' if known else ''}marks: {measured}"


def _looks(count: int) -> list[tuple[Any, str]]:
    """A color and a marker for each; more than nine get the colors of a scale."""
    marks = [_MARKERS[number % len(_MARKERS)] for number in range(count)]
    if count <= len(_COLORS):
        return list(zip(_COLORS, marks, strict=False))
    from matplotlib import colormaps

    scale = colormaps["viridis"]
    return [(scale(0.95 * number / (count - 1)), mark) for number, mark in enumerate(marks)]


def _panel(axes: Axes, panel: Panel, looks: dict[str, tuple[Any, str]]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for number, series in enumerate(panel.series):
        _series(axes, series, *looks[series.init], number)
    what, towards = _math(panel.series[0]), ""
    if panel.direction == "backward":
        towards = r"   ($\longleftarrow$ the gradient travels towards the input)"
    axes.set_title(f"{panel.direction.capitalize()}: {what}", loc="left")
    axes.set_xlabel(f"{'step' if has_names(panel.series[0]) else 'layer k'}{towards}")
    axes.set_ylabel(what)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    _name_layers(axes, panel)
    low, high = axes.get_ylim()
    if high - low < 2:  # a flat panel is shown flat
        axes.set_ylim((low + high) / 2 - 1, (low + high) / 2 + 1)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=8, integer=high - low >= 4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"$10^{{{y:g}}}$"))


def _name_layers(axes: Axes, panel: Panel) -> None:
    """The steps' names in the place of k, where there are names and space."""
    titles = [panel.layer_title(k) for k in panel.layers]
    if len(titles) <= _MOST_NAMES and has_names(panel.series[0]):
        axes.set_xticks(panel.layers, [_label(title) for title in titles])
        for text in axes.get_xticklabels():
            text.set_parse_math(False)


def _series(axes: Axes, series: Series, color: Any, mark: str, number: int) -> None:
    """Theory as a line, measurement as marks on it."""
    places = layers_by_place(series)
    expected = [_number(layer.expected) for layer in places.values()]
    axes.plot(list(places), expected, color=color, linewidth=1.3, zorder=2)
    thinned = _thin_out(list(places), number)
    marks = [place for place in thinned if math.isfinite(_number(places[place].median))]
    marked = [places[place] for place in marks]
    if not marks:
        return
    axes.errorbar(
        marks,
        [_number(layer.median) for layer in marked],
        yerr=[_reach(marked, "low"), _reach(marked, "high")],
        fmt=mark,
        color=color,
        markersize=4.2,
        markerfacecolor="white",
        markeredgewidth=1.1,
        elinewidth=1.0,
        capsize=1.8,
        zorder=3,
    )


def _number(value: float | None) -> float:
    """For matplotlib: what is not a finite number leaves a gap."""
    return value if value is not None and math.isfinite(value) else math.nan


def _reach(layers: Sequence[LayerStats], side: str) -> list[float]:
    """How far the interval reaches from the median on one side; 0 where it is not known."""
    away = (abs(_number(getattr(layer, side)) - _number(layer.median)) for layer in layers)
    return [0.0 if math.isnan(size) else size for size in away]


def _thin_out(layers: Sequence[int], number: int) -> list[int]:
    """At most 25 of the layers, evenly spaced; neighboring series are marked at different ones."""
    step = max(math.ceil(len(layers) / _MOST_MARKS), 1)
    return list(layers[number % step :: step])


def _math(series: Series) -> str:
    """ "var $h_k$" of "var h_k"; what names steps stays text."""
    if has_names(series):
        return quantity(series)
    stat, _, symbol = quantity(series).rpartition(" ")
    shown = symbol.replace("dl/d", r"\partial\ell/\partial ")
    return f"{stat} ${shown}$"


def _legend_columns(labels: dict[str, str], across: int) -> int:
    """As many as fit, and no row much shorter than the others."""
    longest = max(map(len, labels.values()), default=0) + 7  # a line and a gap
    most = max(min(_LETTERS_ACROSS * across // longest, _LEGEND_COLUMNS), 1)
    rows = max(math.ceil(len(labels) / most), 1)
    return max(math.ceil(len(labels) / rows), 1)


def _legend(
    figure: Figure, labels: dict[str, str], looks: dict[str, tuple[Any, str]], columns: int
) -> None:
    from matplotlib.lines import Line2D

    handles = []
    for init in labels:
        color, mark = looks[init]
        handles.append(Line2D([], [], color=color, marker=mark, markerfacecolor="white", linewidth=1.3))
    legend = figure.legend(
        handles, list(labels.values()), loc="outside lower center", ncols=columns
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _spread(inits: list[str]) -> list[str]:
    """All, or a dozen of very many, the first and the last among them."""
    if len(inits) <= _MOST_IN_LEGEND:
        return inits
    most = _MOST_IN_LEGEND - 1
    return [inits[number * (len(inits) - 1) // most] for number in range(_MOST_IN_LEGEND)]


def _label(text: str) -> str:
    """A name as the font can show it; matplotlib 3.8 leaves out what begins with "_"."""
    plain = cut(safe(text, "ascii"), _LONGEST_LABEL)
    return f" {plain}" if plain.startswith("_") else plain
