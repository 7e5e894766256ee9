"""Reads results. Gives Markdown with pipe tables. Knows nothing of how anything was judged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gradcheck_cli.render import initialization_findings as findings
from gradcheck_cli.render import initialization_panels as panels
from gradcheck_cli.render import numbers
from gradcheck_cli.render.comparisons import compared_results, comparison_heading
from gradcheck_cli.render.registry import OutputOptions, output_format
from gradcheck_cli.render.rows import (
    SUMMARY_HEADINGS,
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
    other_names,
    remarks,
    select_claims,
    select_gradients,
    sentences,
    summary_cells,
    value_line,
)
from gradcheck_cli.render.sparklines import BLOCKS, shape_rows, sparklines
from gradcheck_cli.render.tally import tally
from gradcheck_cli.render.text_encoding import safe
from gradcheck_cli.results.gradient_results import Comparison, ExplainedStep, Explanation, Report
from gradcheck_cli.results.initialization_results import InitReport

__all__ = ["code", "escape", "explain_markdown", "init_markdown", "pipe_table", "run_markdown"]


@output_format("markdown")
def run_markdown(reports: Sequence[Report], options: OutputOptions) -> str:
    """A section per report, and a count under several."""
    sections = [_section(report, options.verbosity) for report in reports]
    if len(reports) > 1:
        sections.append([tally(reports)])
    return "\n\n".join("\n\n".join(filter(None, section)) for section in sections) + "\n"


@output_format("markdown", of="explain")
def explain_markdown(explanation: Explanation, options: OutputOptions) -> str:
    """The three lists as tables."""
    loss = f"loss = {explanation.loss_formula} = {numbers.number(explanation.loss)}"
    text = numbers.array if options.verbosity > 0 else numbers.brief
    given = (f"{s.title or s.name} = {text(s.value)}" for s in explanation.inputs)
    lists = (
        ("Forward pass", explanation.forward),
        ("Backward pass #1: intermediates, last first", explanation.backward_steps),
        ("Backward pass #2: parameters", explanation.backward_parameters),
    )
    row = "" if explanation.rows is None else f"row {explanation.row} of {explanation.rows}"
    parts = [f"## {escape(explanation.model)}", code(loss), row, ", ".join(map(code, given))]
    for title, steps in lists:
        cells = (_step(step, text(step.value)) for step in steps)
        parts += [f"### {escape(title)}", pipe_table(("step", "value", "local"), cells)]
    parts += [escape(note) for note in explanation.notes]
    return "\n\n".join(filter(None, parts)) + "\n"


@output_format("markdown", of="init-stats")
def init_markdown(report: InitReport, options: OutputOptions) -> str:
    """What the screen shows, as sections with pipe tables."""
    roster = panels.Roster(report)
    title, *about = findings.about(report)
    parts = [f"## {escape(title)}", escape("; ".join(filter(None, about)))]
    if report.matrices:
        parts += ["### Weights", _matrices(report)]
    for panel in panels.panels(report):
        parts.append(f"### {escape(f'{panel.direction.capitalize()}: {panel.caption()}')}")
        parts.append(_panel(panel, roster, report.config, options.verbosity > 0))
    parts += _shapes(report, roster)
    parts += map(escape, findings.sentences(report, roster, options.verbosity))
    if report.formats:
        rows = findings.format_rows(report, roster)
        parts += ["### Number formats", escape(f"{findings.FORMATS_HEADING}."), _escaped_table(rows)]
        parts.append(escape(findings.meaning_of_lost(report)))
    parts += map(escape, findings.closing(report, roster))
    return "\n\n".join(filter(None, parts)) + "\n"


def escape(text: str) -> str:
    """User text as Markdown text: nothing in it means anything."""
    return re.sub(r"([\\`*_{}\[\]<>|~&$#!^])", r"\\\1", safe(text))


def code(text: str) -> str:
    """User text in a code span, also inside a table."""
    shown = safe(text).replace("|", "\\|")
    if not shown.strip():
        return ""
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    space = " " if "`" in shown else ""
    return f"{fence}{space}{shown}{space}{fence}"


def _panel(
    panel: panels.Panel, roster: panels.Roster, config: Mapping[str, object], whole: bool
) -> str:
    layers = panels.columns(panel, config, panels.MOST_COLUMNS)
    rows = [panels.heading_row(panel, roster), *panels.rows(panel, roster, whole=whole)]
    return _escaped_table(
        [
            [*row.label, *(row.values.get(k, numbers.ABSENT) for k in layers), *(t for t, _ in row.tail)]
            for row in rows
        ]
    )


def _shapes(report: InitReport, roster: panels.Roster) -> list[str]:
    shapes = sparklines(report)
    if shapes is None:
        return []
    drawn = len(shapes.titles)
    heading, *rows = shape_rows(report, roster, shapes)
    lines = [[*map(escape, row[:-drawn]), *map(code, row[-drawn:])] for row in rows]
    return ["### Shape", escape(f"{shapes.heading(BLOCKS)}."), pipe_table(heading, lines)]


def _matrices(report: InitReport) -> str:
    remarks = ["remark", *(one.remark for one in report.matrices)]
    rows = findings.matrix_rows(report.matrices, 6)
    return _escaped_table([[*row, remark] for row, remark in zip(rows, remarks, strict=True)])


def _section(report: Report, verbosity: int) -> list[str]:
    title, *about = header_parts(report)
    parts = [f"## {escape(title)}", escape("; ".join(about))]
    parts.append(escape(value_line(report)))
    if report.error is not None:
        parts.append(_verbatim(report.error.text or report.error.message))
    parts += _gradients(report, verbosity)
    if report.claims:
        parts.append(f"### Your claims: {claims_heading(report, verbosity)}")
        parts.append(_claims(report, verbosity))
    for comparison in report.against:
        parts.append(f"### Against {escape(comparison.name)}: {comparison_heading(comparison)}")
        parts.append(_comparison(comparison, verbosity))
        parts += map(escape, comparison.notes)
    parts += [escape(f"note: {note}") for note in report.notes]
    return [*parts, escape(" ".join(sentences(report)))]


def _gradients(report: Report, verbosity: int) -> Iterator[str]:
    entries, blocks = select_gradients(report, verbosity)
    if entries.shown:
        others = other_names(report)
        shown = ([*entry_cells(r, others=others), "; ".join(remarks(r.entry))] for r in entries.shown)
        yield pipe_table((*entry_headings(others, report.columns), ""), (_code_first(row) for row in shown))
        yield escape(entries.more)
    if blocks.shown:
        yield pipe_table(SUMMARY_HEADINGS, (_code_first(summary_cells(b)) for b in blocks.shown))
        yield escape(blocks.more)
        for block in blocks.shown:
            yield from (escape(f"{block.name}: {sentence}") for sentence in block_sentences(block))
            yield _verbatim("\n".join(block_map(block))) if block.map else ""


def _claims(report: Report, verbosity: int) -> str:
    claims = select_claims(report, verbosity)
    rows = []
    for claim in claims.shown:
        said = "; ".join([*claim_numbers(claim), *claim_sentences(claim)])
        rows.append([str(claim.line), code(claim_title(claim)), str(claim.verdict), escape(said)])
    table = pipe_table(("line", "claim", "verdict", ""), rows) if rows else ""
    maps = ((claim.line, claim_map(claim)) for claim in claims.shown)
    drawn = [f"Line {line}:\n\n{_verbatim(chr(10).join(lines))}" for line, lines in maps if lines]
    return "\n\n".join(filter(None, (table, *drawn, escape(claims.more))))


def _comparison(comparison: Comparison, verbosity: int) -> str:
    """The parameters of a gradient that was computed elsewhere."""
    rows = []
    for result in compared_results(comparison, verbosity):
        said = "; ".join([*claim_numbers(result, "its"), *claim_sentences(result)])
        rows.append([code(result.display), str(result.verdict), escape(said)])
    return pipe_table(("derivative", "verdict", ""), rows) if rows else ""


def _code_first(row: Sequence[str]) -> list[str]:
    return [code(row[0]), *map(escape, row[1:])]


def _step(step: ExplainedStep, value: str) -> list[str]:
    title = f"{step.title or step.name} = {step.formula}"
    return [code(title), escape(value), code(step.local)]


def pipe_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the headings are plain text, the cells are Markdown already."""
    lines = [_row([escape(heading) for heading in headings]), _row(["---"] * len(headings))]
    return "\n".join(lines + [_row(row) for row in rows])


def _escaped_table(rows: Sequence[Sequence[str]]) -> str:
    """A heading and rows of plain text."""
    heading, *lines = rows
    return pipe_table(heading, ([escape(text.strip()) for text in line] for line in lines))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _verbatim(text: str) -> str:
    lines = [f"    {safe(line)}" for line in text.split("\n")]
    return "\n".join(lines)
