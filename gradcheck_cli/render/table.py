"""Reads reports. Gives the screen of `gradcheck run`. Knows nothing of how anything was judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gradcheck_cli.render import numbers
from gradcheck_cli.render.comparisons import compared_results, comparison_heading
from gradcheck_cli.render.page import Cell, Page, column_widths, style_verdict
from gradcheck_cli.render.registry import OutputOptions, output_format
from gradcheck_cli.render.rows import (
    SUMMARY_HEADINGS,
    NamedEntry,
    Selection,
    block_map,
    block_sentences,
    claim_map,
    claim_numbers,
    claim_sentences,
    claim_title,
    claims_heading,
    entry_cells,
    entry_headings,
    header_parts,
    is_unread,
    label,
    other_cell,
    other_names,
    remarks,
    select_claims,
    select_gradients,
    sentences,
    shown_reference,
    summary_cells,
    value_line,
)
from gradcheck_cli.render.tally import Tally
from gradcheck_cli.render.text_encoding import width_of
from gradcheck_cli.results.gradient_results import Block, ClaimResult, Comparison, Report, Verdict

__all__ = ["as_table", "run_table"]

_CLAIM_INDENT = 10
_VERDICT = 10  # columns of UNRESOLVED
_LONGEST_NAME = 60  # columns to which names are filled up
_PRECISIONS = (  # digits of the value and of the three columns, until the table fits
    *((10, 10), (6, 10), (6, 9), (6, 8), (5, 7), (4, 6), (4, 5), (3, 4)),
)
_LEAST_BESIDE = 6  # of these precisions are tried with columns of others: six digits
_OTHER_WIDTH = 20  # columns for what heads them
_HEADING = "bold"


@output_format("table")
def run_table(reports: Iterable[Report], options: OutputOptions) -> Iterator[str]:
    """One report whole; of several the ok ones in a line each, and a count at the end."""
    if options.verbosity <= -2:
        return
    if not options.expected:
        reports = list(reports)
    expected = options.expected or tuple(map(label, reports))
    counted, several, text, apart = Tally(), len(expected) > 1, "", False
    widest = max(map(width_of, map(Page(options).safe, expected)), default=0)
    for report in reports:
        is_whole = not _is_brief(report, several, options.verbosity)
        between = "\n" if text and (is_whole or apart) else ""
        text = _text(report, options, widest, is_whole=is_whole, several=several)
        yield between + text
        apart = is_whole
        counted.add(report)
    if several:
        page = Page(options)
        page.line(counted.text(len(expected)))
        yield ("\n" if apart else "") + page.text()


def _text(report: Report, options: OutputOptions, widest: int, *, is_whole: bool, several: bool) -> str:
    """A report; of several the widest name has so many columns."""
    page = Page(options)
    if is_whole:
        _report(page, report)
    elif several or not is_unread(report) or options.verbosity < 0:
        page.line(*_brief_line(page, report, widest))  # a lone unreadable file: its error is all
    return page.text()


def as_table(report: Report) -> str:
    """A report as text of 80 columns without colors."""
    return "".join(run_table([report], OutputOptions())).rstrip("\n")


def _is_brief(report: Report, several: bool, verbosity: int) -> bool:
    if verbosity < 0 or is_unread(report):
        return True
    return several and report.verdict is Verdict.OK and verbosity <= 0


def _brief_line(page: Page, report: Report, widest: int) -> list[Cell]:
    """The model, the verdict, and why; cut at the width on a terminal, and nowhere else."""
    from gradcheck_cli.render.findings import reason

    name, why = page.safe(label(report)), page.safe(reason(report))
    if page.options.is_cut:
        space = page.width - 34
        name, widest = page.short(name, space), min(widest, space)
        why = page.short(why, page.width - 4 - max(widest, width_of(name)) - _VERDICT)
    gap = " " * (min(widest, _LONGEST_NAME) - width_of(name) + 2)
    verdict, style = style_verdict(report.verdict)
    return [(name + gap if gap else f"{name}  ", ""), (verdict.ljust(_VERDICT), style), (f"  {why}", "")]


def _report(page: Page, report: Report) -> None:
    page.flow(header_parts(report))
    page.wrap(value_line(report))
    if report.error is not None:
        page.verbatim(report.error.text or report.error.message)
    _gradients(page, report)
    _claims(page, report)
    for comparison in report.against:
        _comparison(page, comparison)
    for note in report.notes:
        page.wrap(f"note: {note}", hanging=6)
    for sentence in sentences(report):
        page.wrap(sentence)


# ---------------------------------------------------------------------------------------------
# The three columns
# ---------------------------------------------------------------------------------------------


def _gradients(page: Page, report: Report) -> None:
    entries, blocks = select_gradients(report, page.options.verbosity)
    if entries.shown:
        page.blank()
        _entry_table(page, entries, other_names(report))
    if blocks.shown:
        page.blank()
        _summary_table(page, blocks)


def _entry_table(page: Page, entries: Selection[NamedEntry], others: Sequence[str]) -> None:
    rows = _fitting(page, entries.shown, others)
    free = page.width - sum(column_widths(rows)) - 2 * len(rows[0])
    align = f"l{'r' * (len(rows[0]) - 2)}l"
    heading, *lines = page.grid([_headings(rows[0]), *map(_cells, rows[1:])], align)
    page.line(*heading)
    footnotes: dict[str, list[str]] = {}
    for row, cells in zip(entries.shown, lines, strict=True):
        said = "   ".join(remarks(row.entry))
        beside = width_of(page.safe(said)) <= free
        page.line(*cells, f"  {said}" if beside else "")
        if said and not beside and row.verdict is Verdict.OK and shown_reference(row.entry) is None:
            footnotes.setdefault(said, []).append(row.name)
        elif said and not beside:
            page.wrap(said, indent=4)
    if entries.more:
        page.line(entries.more)
    for said, names in footnotes.items():
        page.wrap(f"{', '.join(names)}: {said}", hanging=4)
    if others and len(rows[0]) == len(entry_headings((), entries.shown[0].methods)):
        page.blank()
        _other_table(page, entries.shown, others)


def _other_table(page: Page, entries: Sequence[NamedEntry], others: Sequence[str]) -> None:
    """What was computed elsewhere, in a table of its own beside backprop, or differences where these are all,
    where one is too narrow for all."""
    rows: list[list[str]] = []
    title = "backprop" if "backprop" in entries[0].methods else "finite diff."
    for _, significant in _PRECISIONS:
        rows = [["", title, *(page.short(name, _OTHER_WIDTH) for name in others)]]
        for row in entries:
            own = row.entry.backprop if "backprop" in row.methods else row.entry.finite
            cells = (other_cell(row.entry, name, significant) for name in others)
            rows.append([page.safe(text) for text in (row.name, numbers.number(own, significant), *cells)])
        if _excess(page, rows) <= 0:
            break
    for line in page.grid([_headings(rows[0]), *([(text, "") for text in row] for row in rows[1:])],
                          "l" + "r" * (len(rows[0]) - 1)):  # fmt: skip
        page.line(*line)


def _fitting(page: Page, entries: Sequence[NamedEntry], others: Sequence[str]) -> list[list[str]]:
    """The rows with as many digits as the page is wide, without columns of others where few digits would be
    left; then names are cut."""
    rows: list[list[str]] = []
    shown = [page.short(name, _OTHER_WIDTH) for name in others]
    for names, headings, precisions in (
        (others, shown, _PRECISIONS[:_LEAST_BESIDE] if others else ()), ((), (), _PRECISIONS),
    ):  # fmt: skip
        for value_digits, significant in precisions:
            rows = [entry_cells(row, value_digits, significant, names) for row in entries]
            first = entry_headings(headings, entries[0].methods)
            rows = [first, *([page.safe(cell) for cell in row] for row in rows)]
            if _excess(page, rows) <= 0:
                return rows
    return _shorten(page, rows, 0)


def _summary_table(page: Page, blocks: Selection[Block]) -> None:
    rows = [list(SUMMARY_HEADINGS), *(summary_cells(block) for block in blocks.shown)]
    if _excess(page, rows) > 0:
        rows[0][6] = "digits"
        rows = _shorten(page, _shorten(page, rows, 7), 0)
    heading, *lines = page.grid([_headings(rows[0]), *map(_cells, rows[1:])], "llrrrrrll")
    page.line(*heading)
    for block, line in zip(blocks.shown, lines, strict=True):
        page.line(*line)
        for sentence in block_sentences(block):
            page.wrap(sentence, 4)
        for row in block_map(block):
            page.line("    " + row)
    if blocks.more:
        page.line(blocks.more)


def _excess(page: Page, rows: Sequence[Sequence[str]]) -> int:
    """By how many columns a grid of these rows is wider than the page."""
    widths = column_widths([[page.safe(cell) for cell in row] for row in rows])
    return sum(widths) + 2 * len(widths) - 2 - page.width


def _shorten(page: Page, rows: Sequence[list[str]], column: int) -> list[list[str]]:
    """The rows with one column cut so that they fit, if they can."""
    safe = [[page.safe(cell) for cell in row] for row in rows]
    space = max(column_widths(safe)[column] - max(_excess(page, safe), 0), 12)
    return [[*row[:column], page.short(row[column], space), *row[column + 1 :]] for row in safe]


def _headings(row: Sequence[str]) -> list[Cell]:
    return [(text, _HEADING if text else "") for text in row]


def _cells(row: Sequence[str]) -> list[Cell]:
    return [*((text, "") for text in row[:-1]), style_verdict(row[-1])]


# ---------------------------------------------------------------------------------------------
# The claims
# ---------------------------------------------------------------------------------------------


def _claims(page: Page, report: Report) -> None:
    page.blank()
    if not report.claims:
        return
    heading = claims_heading(report, page.options.verbosity)
    page.line(("YOUR CLAIMS", _HEADING), f"   {heading}")
    claims = select_claims(report, page.options.verbosity)
    for claim in claims.shown:
        _claim(page, claim)
    if claims.more:
        page.line(claims.more)


def _comparison(page: Page, comparison: Comparison) -> None:
    """A gradient that was computed elsewhere: how its parameters fare."""
    page.line(("AGAINST ", _HEADING), (page.short(comparison.name, page.width - 40), _HEADING),
              f"   {comparison_heading(comparison)}")  # fmt: skip
    for sentence in comparison.notes:
        page.wrap(sentence, _CLAIM_INDENT)
    for result in compared_results(comparison, page.options.verbosity):
        _claim(page, result, "")


def _claim(page: Page, claim: ClaimResult, label: str | None = None) -> None:
    where = f"{claim.file}:{claim.line}" if claim.file else f"line {claim.line}"
    whose = "yours" if label is None else "its"
    label = (where if label is None else label).ljust(_CLAIM_INDENT - 1) + " "
    page.edges(label + claim_title(claim), style_verdict(claim.verdict), len(label))
    if claim.verdict is Verdict.OK and not claim.note and claim.carried is None:
        return
    for line in claim_numbers(claim, whose):
        page.wrap(line, _CLAIM_INDENT)
    for line in claim_map(claim):
        page.line(" " * _CLAIM_INDENT + line)
    for sentence in claim_sentences(claim):
        page.wrap(sentence, _CLAIM_INDENT)
