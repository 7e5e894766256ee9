"""Reads reports. Gives CSV and TSV: one line per entry, claim, or file without either.

Knows nothing of screens. Numbers round-trip exactly; an empty cell was not computed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import chain

from gradcheck_cli.errors import printable
from gradcheck_cli.render.numbers import exact
from gradcheck_cli.render.registry import OutputOptions, output_format
from gradcheck_cli.render.words import entry_name
from gradcheck_cli.results import ClaimResult, Entry, Report

__all__ = ["FIELDS", "run_csv", "run_tsv"]

FIELDS = (
    *("model", "kind", "name", "line", "value", "symbolic", "backprop", "finite", "bound"),
    *("digits", "claimed", "true", "verdict", "diagnosis"),
)
Line = dict[str, str]


@output_format("csv")
def run_csv(reports: Sequence[Report], options: OutputOptions) -> str:
    """RFC 4180 with one header for all files."""
    return _written(reports, ",")


@output_format("tsv")
def run_tsv(reports: Sequence[Report], options: OutputOptions) -> str:
    """The same with tabs."""
    return _written(reports, "\t")


def _written(reports: Sequence[Report], delimiter: str) -> str:
    file = StringIO()
    writer = csv.DictWriter(file, FIELDS, "", delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    for line in chain.from_iterable(map(_lines, reports)):
        writer.writerow({field: _cell(text) for field, text in line.items()})
    return file.getvalue()


def _cell(text: str) -> str:
    return printable(text).replace("\t", " ")


def _lines(report: Report) -> Iterator[Line]:
    model = {"model": report.model}
    if report.error is not None:
        yield model | _failure(report)
    elif not (report.parameters or report.claims):
        yield model | {"kind": "model", "verdict": str(report.verdict), "diagnosis": report.summary}
    for block in report.parameters:
        for entry in block.entries:
            yield model | _entry(block.name, entry)
    for claim in report.claims:
        yield model | _claim(claim)


def _failure(report: Report) -> Line:
    assert report.error is not None
    line = "" if report.error.line is None else str(report.error.line)
    said = {"verdict": str(report.verdict), "diagnosis": report.error.message}
    return {"kind": "error", "line": line} | said


def _entry(name: str, entry: Entry) -> Line:
    at = [f"at point {entry.point}"] if entry.point else []
    return {
        "kind": "entry",
        "name": entry_name(name, entry.index),
        "value": exact(entry.value),
        "symbolic": exact(entry.symbolic),
        "backprop": exact(entry.backprop),
        "finite": exact(entry.finite),
        "bound": exact(entry.bound),
        "digits": exact(entry.digits),
        "verdict": str(entry.verdict),
        "diagnosis": "; ".join([*at, *([entry.note] if entry.note else [])]),
    }


def _claim(claim: ClaimResult) -> Line:
    return {
        "kind": "claim",
        "name": claim.display,
        "line": str(claim.line),
        "claimed": exact(claim.claimed),
        "true": exact(claim.true),
        "verdict": str(claim.verdict),
        "diagnosis": claim.diagnosis or claim.note or "",
    }
