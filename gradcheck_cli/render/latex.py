"""Reads results. Gives LaTeX: a fragment for \\input, with booktabs tables and amsmath displays.

Knows nothing of how anything was judged. All user text is escaped; the fragment compiles with
pdfLaTeX, whatever the user's names are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

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
from gradcheck_cli.render.tally import tally
from gradcheck_cli.render.text_encoding import greek, safe
from gradcheck_cli.results.gradient_results import Comparison, ExplainedStep, Explanation, Report

__all__ = ["escape", "explain_latex", "run_latex", "symbol"]

_PREAMBLE = "% A fragment: \\input it into a document with \\usepackage{amsmath,booktabs}"
_ROWS_A_PAGE = 40
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",
    "`": r"\textasciigrave{}",
    **{character: f"\\{character}" for character in "#$%&_{}"},
}


@output_format("latex")
def run_latex(reports: Sequence[Report], options: OutputOptions) -> str:
    """A paragraph and tables per report, and a count under several."""
    parts = [_PREAMBLE]
    for report in reports:
        parts += _section(report, options.verbosity)
    if len(reports) > 1:
        parts.append(_paragraph(escape(tally(reports))))
    return "\n".join(filter(None, parts)) + "\n"


@output_format("latex", of="explain")
def explain_latex(explanation: Explanation, options: OutputOptions) -> str:
    """The three lists as aligned displays."""
    lists = (
        ("Forward pass", explanation.forward),
        ("Backward pass 1: intermediates, last first", explanation.backward_steps),
        ("Backward pass 2: parameters", explanation.backward_parameters),
    )
    whole = options.verbosity > 0
    given = (f"{symbol(s.title or s.name)}{_equals(s.value, whole)}" for s in explanation.inputs)
    parts = [_PREAMBLE, _heading(explanation.model)]
    if explanation.rows is not None:
        parts.append(_paragraph(f"Row {explanation.row} of {explanation.rows}"))
    parts.append(_paragraph(", ".join(f"${text}$" for text in given)))
    for title, steps in lists:
        parts += [_paragraph(f"\\textit{{{title}}}"), _display(steps, whole)]
    parts += [_paragraph(escape(note)) for note in explanation.notes]
    return "\n".join(filter(None, parts)) + "\n"


# ---------------------------------------------------------------------------------------------
# Text and numbers
# ---------------------------------------------------------------------------------------------


def escape(text: str) -> str:
    """User text as LaTeX text: nothing in it is a command, every letter is one pdfLaTeX has."""
    return re.sub("-(?=-)", "-{}", "".join(map(_escape_character, safe(text))))  # two signs, no dash


def symbol(name: str) -> str:
    """A name, or "d loss/d f2", in math: f_{2}, a derivative as a fraction; also "delta = d loss/d f2"."""
    from gradcheck_cli.formulas.writers import latex_derivative, latex_name

    if " = " in name:
        return " = ".join(map(symbol, name.split(" = ")))
    over = re.fullmatch(r"d (.+?)/d (.+)", name)
    return latex_derivative(over[1], over[2]) if over else latex_name(name)


def _escape_character(character: str) -> str:
    if character.isascii():
        return _SPECIAL.get(character, character)
    from gradcheck_cli.formulas.writers import GREEK

    name = greek(character)
    if name in GREEK:
        return f"\\ensuremath{{\\{name}}}"
    return "".join(_SPECIAL.get(c, c) for c in safe(character, "ascii"))


def _code(text: str) -> str:
    return f"\\texttt{{{escape(text)}}}"


def _number(text: str) -> str:
    """A number's text in math, with a power of ten; other cells as text."""
    parts = re.fullmatch(r"(-?[\d.]+)(?:e([+-]\d+))?", text)
    if parts is None:
        return escape(text)
    power = "" if parts[2] is None else rf" \times 10^{{{int(parts[2])}}}"
    return f"${parts[1]}{power}$"


def _equals(value: object, whole: bool) -> str:
    """What a formula is equal to, inside math; of a large array shape and norm."""
    large = None if whole else numbers.size(value)
    if large is None:
        return f" = {_value(value)}"
    shape, length = large
    size = r" \times ".join(map(str, shape)) if len(shape) > 1 else rf"{shape[0]} \text{{ entries}}"
    return rf" \quad \left({size},\ \text{{norm }} {_math(numbers.norm(length))}\right)"


def _value(value: object) -> str:
    """A number, a matrix, or a column written as the transpose of a row; of more axes a list of matrices."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return _math(numbers.array(value))
    is_matrix = isinstance(value[0], Sequence)
    if is_matrix and isinstance(value[0][0], Sequence) and not isinstance(value[0][0], str):
        return rf"\left[{', '.join(map(_value, value))}\right]"
    lines = value if is_matrix else [value]
    rows = [" & ".join(_math(numbers.array(entry, 6)) for entry in line) for line in lines]
    body = r" \\ ".join(rows)
    return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}" + ("" if is_matrix else "^{T}")


def _math(text: str) -> str:
    """The text of a number, inside math."""
    found = _number(text)
    return found.strip("$") if found.startswith("$") else rf"\text{{{found}}}"


def _paragraph(text: str) -> str:
    return f"\n\\noindent {text}\\par" if text else ""


def _heading(model: str) -> str:
    return f"\n\\medskip\\noindent\\textbf{{{escape(model)}}}\\par"


# ---------------------------------------------------------------------------------------------
# Tables and displays
# ---------------------------------------------------------------------------------------------


def _section(report: Report, verbosity: int) -> Iterator[str]:
    title, *about = header_parts(report)
    yield _heading(title)
    yield _paragraph(escape("; ".join(about)))
    yield _paragraph(escape(value_line(report)))
    if report.error is not None:
        yield _paragraph(escape(f"{report.error.message} {report.error.help or ''}".strip()))
    yield from _gradients(report, verbosity)
    if report.claims:
        yield _paragraph(f"Your claims: {escape(claims_heading(report, verbosity))}")
        yield from _claims(report, verbosity)
    for comparison in report.against:
        yield from _comparison(comparison, verbosity)
    for note in report.notes:
        yield _paragraph(f"Note: {escape(note)}")
    yield _paragraph(escape(" ".join(sentences(report))))


def _gradients(report: Report, verbosity: int) -> Iterator[str]:
    entries, blocks = select_gradients(report, verbosity)
    if entries.shown:
        others = other_names(report)
        rows = [[*entry_cells(r, others=others), "; ".join(remarks(r.entry))] for r in entries.shown]
        headings = entry_headings(others, report.columns)
        align = f"l{'r' * (len(headings) - 2)}l"
        if any(row[-1] for row in rows):
            headings, align = [*headings, ""], align + "p{0.2\\linewidth}"
        rows = [row[: len(headings)] for row in rows]
        yield _tabular(headings, align, map(_cells, rows))
        yield _paragraph(escape(entries.more))
    if blocks.shown:
        summaries = (_cells(summary_cells(block)) for block in blocks.shown)
        yield _tabular(SUMMARY_HEADINGS, "llrrrrrll", summaries)
        yield _paragraph(escape(blocks.more))
        for block in blocks.shown:
            said = (escape(f"{block.name}: {text}") for text in block_sentences(block))
            yield _paragraph("\\newline ".join([*said, *map(_code, block_map(block))]))


def _claims(report: Report, verbosity: int) -> Iterator[str]:
    claims = select_claims(report, verbosity)
    rows = []
    for claim in claims.shown:
        said = "; ".join([*claim_numbers(claim), *claim_sentences(claim)])
        lines = [escape(said), *map(_code, claim_map(claim))]
        title = "\\newline ".join([_code(claim_title(claim)), *filter(None, lines)])
        rows.append([str(claim.line), title, str(claim.verdict)])
    if rows:
        yield _tabular(("line", "claim", ""), "rp{0.7\\linewidth}l", rows)
    yield _paragraph(escape(claims.more))


def _comparison(comparison: Comparison, verbosity: int) -> Iterator[str]:
    """The parameters of a gradient that was computed elsewhere."""
    yield _paragraph(escape(f"Against {comparison.name}: {comparison_heading(comparison)}"))
    rows = []
    for result in compared_results(comparison, verbosity):
        said = escape("; ".join([*claim_numbers(result, "its"), *claim_sentences(result)]))
        title = "\\newline ".join(filter(None, [_code(result.display), said]))
        rows.append([title, str(result.verdict)])
    if rows:
        yield _tabular(("derivative", ""), "p{0.75\\linewidth}l", rows)
    yield from (_paragraph(escape(text)) for text in comparison.notes)


def _cells(row: Sequence[str]) -> list[str]:
    return [_code(row[0]), *map(_number, row[1:])]


def _tabular(headings: Sequence[str], align: str, rows: Iterable[Sequence[str]]) -> str:
    lines = [" & ".join(map(escape, headings)), *(" & ".join(row) for row in rows)]
    head, *body = [f"{line} \\\\" for line in lines]
    pages = [body[start : start + _ROWS_A_PAGE] for start in range(0, len(body), _ROWS_A_PAGE)]
    return "\n".join(_page(align, head, page) for page in pages)


def _page(align: str, head: str, body: Sequence[str]) -> str:
    return "\n".join(
        [
            "\\begin{center}\\footnotesize\\setlength{\\tabcolsep}{3pt}",
            f"\\begin{{tabular}}{{{align}}}",
            *("\\toprule", head, "\\midrule", *body, "\\bottomrule"),
            "\\end{tabular}\\end{center}",
        ]
    )


def _display(steps: Sequence[ExplainedStep], whole: bool) -> str:
    if not steps:
        return ""
    lines = [_align(step, whole) for step in steps]
    return "{\\allowdisplaybreaks\n\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}}"


def _align(step: ExplainedStep, whole: bool) -> str:
    """Title, formula and value, then the local derivative; formulas of ours are LaTeX already."""
    formula = step.latex or rf"\text{{{_code(step.formula)}}}"
    local = step.local_latex or (rf"\text{{{_code(step.local)}}}" if step.local else "")
    line = f"{symbol(step.title or step.name)} &= {formula}{_equals(step.value, whole)}"
    return f"{line} && {local}" if local else line
