"""Reads results. Gives CSV and TSV: of a run one line per entry, claim, or file without either; of
init-stats one per series and layer.

Knows nothing of screens. Numbers round-trip exactly; an empty cell was not computed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

from gradcheck_cli.common.errors import printable
from gradcheck_cli.render.initialization_panels import columns, layers_by_place, panels
from gradcheck_cli.render.numbers import exact
from gradcheck_cli.render.registry import OutputOptions, output_format
from gradcheck_cli.render.text_encoding import entry_name
from gradcheck_cli.results.gradient_results import ClaimResult, Entry, Report
from gradcheck_cli.results.initialization_results import InitReport, LayerStats, Series

__all__ = ["FIELDS", "INIT_FIELDS", "init_csv", "init_tsv", "run_csv", "run_tsv"]

FIELDS = (
    *("model", "kind", "name", "line", "value", "symbolic", "backprop", "finite", "bound"),
    *("digits", "claimed", "true", "verdict", "diagnosis"),
)
INIT_FIELDS = (
    *("init", "label", "sigma2", "quantity", "stat", "direction", "k", "name", "median", "low", "high"),
    *("expected", "slope", "slope_ci", "expected_slope", "verdict"),
)
Line = dict[str, str]


@output_format("csv")
def run_csv(reports: Iterable[Report], options: OutputOptions) -> Iterator[str]:
    """RFC 4180 with one header for all files."""
    yield from _of_run(reports, ",")


@output_format("tsv")
def run_tsv(reports: Iterable[Report], options: OutputOptions) -> Iterator[str]:
    """The same with tabs."""
    yield from _of_run(reports, "\t")


@output_format("csv", of="init-stats")
def init_csv(report: InitReport, options: OutputOptions) -> str:
    """RFC 4180: every layer, or every Nth as asked."""
    return _write(INIT_FIELDS, _layers(report), ",")


@output_format("tsv", of="init-stats")
def init_tsv(report: InitReport, options: OutputOptions) -> str:
    """The same with tabs."""
    return _write(INIT_FIELDS, _layers(report), "\t")


def _of_run(reports: Iterable[Report], delimiter: str) -> Iterator[str]:
    yield _write(FIELDS, (), delimiter)
    for report in reports:
        yield _write(FIELDS, _lines(report), delimiter, header=False)


def _write(fields: Sequence[str], lines: Iterable[Line], delimiter: str, *, header: bool = True) -> str:
    file = StringIO()
    writer = csv.DictWriter(file, fields, "", delimiter=delimiter, lineterminator="\n")
    if header:
        writer.writeheader()
    for line in lines:
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
    for comparison in report.against:
        for block in report.parameters:
            for entry in block.entries:
                if comparison.name in entry.against:
                    yield model | _other(block.name, entry, comparison.name)
        for result in comparison.results:
            yield model | _claim(result) | {"kind": f"against {comparison.name}", "line": ""}


def _failure(report: Report) -> Line:
    assert report.error is not None
    line = "" if report.error.line is None else str(report.error.line)
    said = {"verdict": str(report.verdict), "diagnosis": report.error.message}
    return {"kind": "error", "line": line} | said


def _entry(name: str, entry: Entry) -> Line:
    at = f"at point {entry.point}" if entry.point else ""
    reference = "" if entry.reference is None else f"reference {exact(entry.reference)}"
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
        "diagnosis": "; ".join(filter(None, (at, reference, entry.note))),
    }


def _other(name: str, entry: Entry, other: str) -> Line:
    """An entry that was computed elsewhere."""
    return {
        "kind": f"against {other}",
        "name": entry_name(name, entry.index),
        "value": exact(entry.value),
        "claimed": exact(entry.against[other]),
        "true": exact(entry.true),
        "verdict": str(entry.against_verdicts.get(other, "")),
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


def _layers(report: InitReport) -> Iterator[Line]:
    for panel in panels(report):
        wanted = set(columns(panel, report.config))
        for series in panel.series:
            found = layers_by_place(series).items()
            yield from (_layer(series, layer) for place, layer in found if place in wanted)


def _layer(series: Series, layer: LayerStats) -> Line:
    return {
        "init": series.init,
        "label": series.label,
        "sigma2": exact(series.sigma2),
        "quantity": series.quantity,
        "stat": series.stat,
        "direction": series.direction,
        "k": str(layer.k),
        "name": layer.name or "",
        "median": exact(layer.median),
        "low": exact(layer.low),
        "high": exact(layer.high),
        "expected": exact(layer.expected),
        "slope": exact(series.slope),
        "slope_ci": exact(series.slope_ci),
        "expected_slope": exact(series.expected_slope),
        "verdict": "" if series.verdict is None else str(series.verdict),
    }
