"""Reads what init-stats found out. Gives its screen. Knows nothing of how anything was measured or judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import product

from gradcheck_cli.render import numbers
from gradcheck_cli.render.initialization_findings import (
    FORMATS_HEADING,
    MATRIX_HEADINGS,
    about,
    closing,
    forecast,
    format_rows,
    matrix_rows,
    meaning_of_lost,
    ratios,
    sentences,
)
from gradcheck_cli.render.initialization_panels import (
    MOST_COLUMNS,
    Panel,
    Roster,
    Row,
    columns,
    heading_row,
    level,
    outcome,
    panels,
    rows,
)
from gradcheck_cli.render.page import Cell, Page, column_widths
from gradcheck_cli.render.registry import OutputOptions, output_format
from gradcheck_cli.render.sections import HEADING, hung, table, table_width, title, with_heading
from gradcheck_cli.render.sparklines import BLOCKS, LONGEST, shape_rows, sparklines
from gradcheck_cli.render.text_encoding import join_parts, safe, width_of
from gradcheck_cli.results.initialization_results import InitReport, MatrixStats

__all__ = ["init_table"]


@output_format("table", of="init-stats")
def init_table(report: InitReport, options: OutputOptions) -> str:
    """Panels, sparklines, and what they mean; with -q a line per initialization."""
    page, roster = Page(options), Roster(report)
    if options.verbosity > -2:
        (_verdict_lines if options.verbosity < 0 else _whole)(page, report, roster)
    return page.text()


def _verdict_lines(page: Page, report: InitReport, roster: Roster) -> None:
    rows: list[list[Cell]] = []
    for one in report.inits:
        name = f"{one.init} ({one.label})" if one.label else one.init
        rows.append([(page.short(name, page.width // 2), ""), outcome(one.verdict)])
    for line in page.grid(rows, "ll"):
        page.line(*line)


def _whole(page: Page, report: InitReport, roster: Roster) -> None:
    page.flow(about(report))
    _matrices(page, report.matrices)
    for panel in panels(report):
        _panel(page, panel, roster, report.config)
    _shapes(page, report, roster)
    _paragraph(page, sentences(report, roster, page.options.verbosity))
    _formats(page, report, roster)
    _paragraph(page, closing(report, roster))


def _paragraph(page: Page, lines: Iterable[str]) -> None:
    page.blank()
    for sentence in lines:
        page.wrap(sentence, hanging=2)


# ---------------------------------------------------------------------------------------------
# Panels
# ---------------------------------------------------------------------------------------------


def _panel(page: Page, panel: Panel, roster: Roster, config: Mapping[str, object]) -> None:
    interval = level(config) if page.options.verbosity > 0 else ""
    title(page, panel.direction.upper(), panel.caption(interval))
    style, blocks = _layout(page, panel, roster, config)
    for number, block in enumerate(blocks, 1):
        if number > 1:
            page.blank()
        for line in style.lines(page, block, ended=number == len(blocks)):
            page.line("  ", *line)


@dataclass(frozen=True)
class _Style:
    """The rows of a panel in one choice of words, and what they take: indent and names, end, each layer."""

    rows: list[Row]
    names: int
    end: int
    costs: Mapping[int, int]

    def fits(self, layers: Iterable[int], width: int, ended: bool = True) -> bool:
        """Whether these layers fit, together with the end of the rows."""
        end = self.end if ended else 0
        return self.names + sum(self.costs[k] for k in layers) + end <= width

    def lines(self, page: Page, layers: Sequence[int], ended: bool) -> list[list[Cell]]:
        """The rows with these layers, and with their end."""
        cells = [_cells(row, layers, ended) for row in self.rows]
        cells[0] = [(text, HEADING if text not in ("", "|") else "") for text, _ in cells[0]]
        names, end = "l" * len(self.rows[0].label), "lrrll" if ended else ""
        return page.grid(cells, f"{names}{'r' * len(layers)}{end}", gap=1)


def _cells(row: Row, layers: Iterable[int], ended: bool) -> list[Cell]:
    """Names, layers, and the end between bars."""
    slope, theory, verdict = row.tail
    texts = [*row.label, *(row.values.get(k, numbers.ABSENT) for k in layers)]
    end = [("|", ""), slope, theory, ("|", ""), verdict] if ended else []
    return [*((text, "") for text in texts), *end]


def _style(page: Page, panel: Panel, roster: Roster, brief: bool, short: int) -> _Style:
    whole = page.options.verbosity > 0
    found = [heading_row(panel, roster, brief)]
    found += rows(panel, roster, whole=whole, brief=brief, short=short)
    names = column_widths([[page.safe(text) for text in row.label] for row in found])
    end = column_widths([[page.safe(text) for text, _ in _cells(row, (), True)] for row in found])
    layers = column_widths([[text for text, _ in _cells(row, panel.layers, False)] for row in found])
    costs = {k: 1 + width for k, width in zip(panel.layers, layers[len(names) :], strict=True)}
    taken = sum(names) + len(names)
    return _Style(found, taken + 1, sum(end) + len(end) - taken, costs)


_WORDS = ((False, 0), (True, 0), (False, 1), (True, 1), (True, 2))  # brief names, short numbers
_ENOUGH, _FEWEST = 4, 3


def _layout(
    page: Page, panel: Panel, roster: Roster, config: Mapping[str, object]
) -> tuple[_Style, list[list[int]]]:
    """The richest choice of words that leaves space for the layers; else blocks under each other."""
    style_of = cache(partial(_style, page, panel, roster))  # as a rule the first fits
    for counts in (range(MOST_COLUMNS, _ENOUGH - 1, -1), (_FEWEST,)):
        for words in _WORDS:
            for most in counts:
                layers = columns(panel, config, most)
                if style_of(*words).fits(layers, page.width):
                    return style_of(*words), [layers]
    layers = columns(panel, config, _FEWEST)
    fitting = (style_of(*words) for words in _WORDS if style_of(*words).fits(layers[-1:], page.width))
    style = next(fitting, style_of(*_WORDS[-1]))
    return style, _blocks(layers, style, page.width)


def _blocks(layers: list[int], style: _Style, width: int) -> list[list[int]]:
    """The layers cut into blocks as wide as the page; the last leaves space for the end of the rows."""
    blocks: list[list[int]] = [[]]
    for k in layers:
        if blocks[-1] and not style.fits([*blocks[-1], k], width, ended=False):
            blocks.append([])
        blocks[-1].append(k)
    if len(blocks[-1]) > 1 and not style.fits(blocks[-1], width):
        blocks.append([blocks[-1].pop()])
    return blocks


# ---------------------------------------------------------------------------------------------
# Sparklines and tables
# ---------------------------------------------------------------------------------------------


_SHAPE_CHOICES = tuple(product((False, True), (LONGEST, 20, 16, 12)))  # brief names, length


def _shapes(page: Page, report: InitReport, roster: Roster) -> None:
    """The sparklines with the longest names and bars that fit."""
    # blocks of eight heights, or their twins: all or none, for half of them do not line up
    bars = BLOCKS if page.safe(BLOCKS) == BLOCKS else safe(BLOCKS, "ascii")
    for brief, longest in _SHAPE_CHOICES:
        shapes = sparklines(report, bars, longest)
        if shapes is None:
            return
        found = shape_rows(report, roster, shapes, brief)
        if table_width(page, found) <= page.width or (brief, longest) == _SHAPE_CHOICES[-1]:
            title(page, "SHAPE", shapes.heading(bars))
            return table(page, found)


def _formats(page: Page, report: InitReport, roster: Roster) -> None:
    if not report.formats:
        return
    title(page, "NUMBER FORMATS", FORMATS_HEADING)
    found = format_rows(report, roster)
    if table_width(page, found) <= page.width:
        table(page, found)
    else:
        _format_lines(page, report, roster)
    if meaning_of_lost(report):
        page.wrap(meaning_of_lost(report), indent=2)


def _format_lines(page: Page, report: InitReport, roster: Roster) -> None:
    """One forecast a line; not those in which nothing happens."""
    eventful = [one for one in report.formats if one.event or one.simulated_event]
    cells = [[*roster.cells(one.init, brief=True), one.format, one.direction] for one in eventful]
    heads = [*roster.headings(brief=True), "format", "direction"]
    head, *lines = page.grid(with_heading([heads, *cells]), "l" * len(heads))
    page.line("  ", *head)
    for one, line in zip(eventful, lines, strict=True):
        hung(page, f"  {''.join(text for text, _ in line)}  ", forecast(one))
    if len(eventful) < len(report.formats):
        page.line("  nothing happens in the other cases")


def _matrices(page: Page, matrices: Sequence[MatrixStats]) -> None:
    """A row per matrix with its remark; ratios that make it too wide stand before the remark."""
    if not matrices:
        return
    title(page, "WEIGHTS", "as they stand; x2.0: twice the variance of that initializer")
    heads, *others = matrix_rows(matrices, 3)
    found = [[text.removesuffix("-default") for text in heads], *others]
    remarks = [one.remark for one in matrices]
    needed = max(width_of(page.safe(remark)) for remark in remarks) + 2
    gap = 2 if table_width(page, found) + needed <= page.width else 1
    if table_width(page, found, gap) > page.width:
        found, gap = [row[: len(MATRIX_HEADINGS)] for row in found], 2
        remarks = [join_parts((*map(" ".join, ratios(one).items()), one.remark)) for one in matrices]
    _matrix_lines(page, found, gap, remarks)


def _matrix_lines(page: Page, found: list[list[str]], gap: int, remarks: list[str]) -> None:
    """The grid with each remark beside its row, or under it."""
    free = page.width - table_width(page, found, gap)
    head, *lines = page.grid(with_heading(found), "lrl" + "r" * (len(found[0]) - 3), gap)
    page.line("  ", *head)
    for remark, line in zip(remarks, lines, strict=True):
        beside = width_of(page.safe(remark)) + 2 <= free
        page.line("  ", *line, f"  {remark}" if beside else "")
        if remark and not beside:
            page.wrap(remark, indent=6)
