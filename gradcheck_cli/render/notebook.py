"""Reads a report. Gives HTML for a notebook: the rows of the table, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from gradcheck_cli.render.comparisons import compared_results, comparison_heading
from gradcheck_cli.render.rows import (
    SUMMARY_HEADINGS,
    block_sentences,
    claim_numbers,
    claim_sentences,
    claim_title,
    claims_heading,
    entry_cells,
    entry_headings,
    header_parts,
    is_unread,
    other_names,
    remarks,
    select_claims,
    select_gradients,
    sentences,
    summary_cells,
    value_line,
)
from gradcheck_cli.render.text_encoding import safe
from gradcheck_cli.results.gradient_results import Report, Verdict

__all__ = ["as_html"]

_COLORS = {
    Verdict.OK: "green", Verdict.KINK: "#b58900", Verdict.UNRESOLVED: "#b58900",
    Verdict.WRONG: "#c00", Verdict.ERROR: "#c00",
}  # fmt: skip
_WORDS = ("", "block", "shape", "at", "line", "claim", "derivative")
_RIGHT = "text-align: right; font-family: monospace"
_LEFT = "text-align: left; font-family: monospace"


def as_html(report: Report) -> str:
    """A report as HTML without scripts, links or styles of the page; names are text, whatever they are."""
    parts = [*_header(report), *_gradients(report), *_claims(report), *_comparisons(report)]
    parts += [f"<p>note: {_text(note)}</p>" for note in report.notes]
    parts += [f"<p>{_text(sentence)}</p>" for sentence in sentences(report)]
    return f"<div>{''.join(parts)}</div>"


def _text(text: str) -> str:
    return escape(safe(text))


def _header(report: Report) -> Iterator[str]:
    yield f"<p><b>{_text(header_parts(report)[0])}</b> {_verdict(report.verdict)}</p>"
    if not is_unread(report):
        yield f"<p>{_text('   '.join((*header_parts(report)[1:], value_line(report))))}</p>"
    if report.error is not None:
        lines = (report.error.text or report.error.message).split("\n")
        yield f"<pre>{chr(10).join(map(_text, lines))}</pre>"


def _verdict(verdict: Verdict) -> str:
    return f'<b style="color: {_COLORS[verdict]}">{verdict}</b>'


def _gradients(report: Report) -> Iterator[str]:
    entries, blocks = select_gradients(report, 0)
    if entries.shown:
        others = other_names(report)
        yield _table((*entry_headings(others, report.columns), ""), [
            [*map(_text, entry_cells(row, others=others)[:-1]), _verdict(row.verdict),
             _lines(remarks(row.entry))]
            for row in entries.shown
        ])  # fmt: skip
    if blocks.shown:
        yield _table((*SUMMARY_HEADINGS, ""), [
            [*map(_text, summary_cells(block)[:-1]), _verdict(block.verdict), _lines(block_sentences(block))]
            for block in blocks.shown
        ])  # fmt: skip
    yield from (f"<p>{_text(more)}</p>" for more in (entries.more, blocks.more) if more)


def _claims(report: Report) -> Iterator[str]:
    if not report.claims:
        return
    yield f"<p><b>YOUR CLAIMS</b> {_text(claims_heading(report, 0))}</p>"
    claims = select_claims(report, 0)
    if claims.shown:
        yield _table(("line", "claim", "", ""), [
            [str(claim.line), _text(claim_title(claim)), _verdict(claim.verdict),
             _lines((*claim_numbers(claim), *claim_sentences(claim)))]
            for claim in claims.shown
        ])  # fmt: skip
    if claims.more:
        yield f"<p>{_text(claims.more)}</p>"


def _comparisons(report: Report) -> Iterator[str]:
    """What is said of gradients that were computed elsewhere; their numbers are columns."""
    for other in report.against:
        yield f"<p><b>AGAINST</b> {_text(f'{other.name}: {comparison_heading(other)}')}</p>"
        results = compared_results(other, 0)
        if results:
            yield _table(("derivative", "", ""), [
                [_text(result.display), _verdict(result.verdict),
                 _lines((*claim_numbers(result, "its"), *claim_sentences(result)))]
                for result in results
            ])  # fmt: skip
        yield from (f"<p>{_text(text)}</p>" for text in other.notes)


def _lines(texts: Iterable[str]) -> str:
    return "<br>".join(map(_text, texts))


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells that are HTML already, under headings."""
    styles = [_LEFT if heading in _WORDS else _RIGHT for heading in headings]
    head = "".join(map(_cell, ["th"]*len(styles), styles, map(_text, headings)))
    body = "".join(f"<tr>{''.join(map(_cell, ['td']*len(styles), styles, row))}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(tag: str, style: str, content: str) -> str:
    return f'<{tag} style="{style}">{content}</{tag}>'
