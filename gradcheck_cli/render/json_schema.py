"""Reads results. Gives JSON and JSON lines, the contract that scripts rely on (schema.json).

Knows nothing of screens. Within /1 keys are only added, at the end; their order is fixed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from gradcheck_cli import __version__
from gradcheck_cli.render.numbers import jsonable
from gradcheck_cli.render.registry import OutputOptions, output_format
from gradcheck_cli.results.gradient_results import (
    Block,
    ClaimResult,
    Comparison,
    Entry,
    ExplainedStep,
    Explanation,
    Failure,
    Report,
    worst,
)
from gradcheck_cli.results.initialization_results import GainReport, InitReport

__all__ = ["explain_json", "gain_json", "init_json", "init_jsonl", "run_json", "run_jsonl"]

Record = dict[str, Any]


@output_format("json")
def run_json(reports: Sequence[Report], options: OutputOptions) -> str:
    """One object for the whole run, one entry or claim a line."""
    whole = {
        "schema": "gradcheck.run/1",
        "version": __version__,
        "verdict": str(worst(report.verdict for report in reports)),
        "reports": [_report(report) for report in reports],
    }
    return _harmless(_spread(whole)) + "\n"


@output_format("jsonl")
def run_jsonl(reports: Iterable[Report], options: OutputOptions) -> Iterator[str]:
    """One report a line."""
    for report in reports:
        yield _harmless(_dump(_report(report))) + "\n"


@output_format("json", of="explain")
def explain_json(explanation: Explanation, options: OutputOptions) -> str:
    """The three lists, one step a line."""
    whole = {
        "schema": "gradcheck.explain/1",
        "model": explanation.model,
        "row": explanation.row,
        "forward": [_step(step) for step in explanation.forward],
        "backward_steps": [_step(step) for step in explanation.backward_steps],
        "backward_parameters": [_step(step) for step in explanation.backward_parameters],
    }
    return _harmless(_spread(whole)) + "\n"


@output_format("json", of="init-stats")
def init_json(report: InitReport, options: OutputOptions) -> str:
    """One object, one layer of one series a line; sizes are log10."""
    whole = {
        "schema": "gradcheck.init-stats/1",
        "version": __version__,
        "config": _plain(report.config),
        "series": _plain(report.series),
        "formats": _plain(report.formats),
        "dead_units": jsonable(report.dead_units),
        "dead_networks": report.dead_networks,
        "recommendation": report.recommendation,
        "inits": _plain(report.inits),
        "matrices": _plain(report.matrices),
        "notes": list(report.notes),
    }
    return _harmless(_spread(whole)) + "\n"


@output_format("jsonl", of="init-stats")
def init_jsonl(report: InitReport, options: OutputOptions) -> str:
    """One series a line."""
    return "".join(_harmless(_dump(_plain(series))) + "\n" for series in report.series)


@output_format("json", of="gain")
def gain_json(gains: Sequence[GainReport], options: OutputOptions) -> str:
    """One activation a line."""
    whole = {
        "schema": "gradcheck.gain/1",
        "version": __version__,
        "activations": _plain(gains),
    }
    return _harmless(_spread(whole)) + "\n"


# ---------------------------------------------------------------------------------------------
# The records
# ---------------------------------------------------------------------------------------------


def _report(report: Report) -> Record:
    coverage = report.coverage
    return {
        "model": report.model,
        "verdict": str(report.verdict),
        "summary": report.summary,
        "error": None if report.error is None else _failure(report.error),
        "loss": jsonable(report.loss),
        "loss_symbolic": jsonable(report.loss_symbolic),
        "rows": report.rows,
        "seed": report.seed,
        "points": report.points,
        "parameters": [_block(block) for block in report.parameters],
        "claims": [_claim(claim) for claim in report.claims],
        "coverage": {
            "entries": coverage.entries,
            "checked": coverage.checked,
            "zero": coverage.zero,
            "one_by_one": coverage.one_by_one,
            "unseen": jsonable(coverage.unseen),
        },
        "notes": list(report.notes),
        "claims_file": report.claims_file,
        "errors": [_failure(failure) for failure in report.errors],
        "against": [_comparison(comparison) for comparison in report.against],
    }


def _comparison(comparison: Comparison) -> Record:
    return {
        "name": comparison.name,
        "source": comparison.source,
        "verdict": str(comparison.verdict),
        "precision": comparison.precision,
        "loss": jsonable(comparison.loss),
        "results": [_claim(result) for result in comparison.results],
        "notes": list(comparison.notes),
    }


def _failure(failure: Failure) -> Record:
    return {
        "line": failure.line,
        "column": failure.column,
        "message": failure.message,
        "help": failure.help,
        "file": failure.file,
    }


def _block(block: Block) -> Record:
    return {
        "name": block.name,
        "shape": list(block.shape),
        "verdict": str(block.verdict),
        "total": block.total,
        "checked": block.checked,
        "zero": block.zero,
        "digits": jsonable(block.digits),
        "worst": _index(block.worst),
        "entries": [_entry(entry) for entry in block.entries],
        "way": block.way,
        "one_by_one": block.one_by_one,
        "unseen": jsonable(block.unseen),
        "wrong": block.where,
        "map": list(block.map),
        "note": block.note,
        "claimed": block.claimed,
        "lacks": block.lacks,
        "line": block.line,
    }


def _entry(entry: Entry) -> Record:
    return {
        "index": _index(entry.index),
        "value": jsonable(entry.value),
        "symbolic": jsonable(entry.symbolic),
        "backprop": jsonable(entry.backprop),
        "finite": jsonable(entry.finite),
        "bound": jsonable(entry.bound),
        "digits": jsonable(entry.digits),
        "verdict": str(entry.verdict),
        "note": entry.note,
        "left": jsonable(entry.left),
        "right": jsonable(entry.right),
        "against": {name: jsonable(value) for name, value in entry.against.items()},
        "tested": entry.tested,
        "point": entry.point,
        "reference": jsonable(entry.reference),
        "against_verdicts": {name: str(verdict) for name, verdict in entry.against_verdicts.items()},
    }


def _claim(claim: ClaimResult) -> Record:
    return {
        "line": claim.line,
        "of": claim.of,
        "by": claim.by or None,
        "formula": claim.formula,
        "kind": claim.kind,
        "claimed": jsonable(claim.claimed),
        "true": jsonable(claim.true),
        "point": claim.point,
        "row": claim.row,
        "index": _index(claim.index),
        "wrong": claim.wrong,
        "total": claim.total,
        "verdict": str(claim.verdict),
        "where": claim.where,
        "inherited": claim.inherited,
        "diagnosis": claim.diagnosis,
        "note": claim.note,
        "truth": claim.truth,
        "carried": jsonable(claim.carried),
        "left": jsonable(claim.left),
        "right": jsonable(claim.right),
        "place": claim.place,
        "map": list(claim.map),
        "only": [str(restriction) for restriction in claim.only],
        "error": _failure(claim.error) if claim.error else None,
        "file": claim.file,
    }


def _step(step: ExplainedStep) -> Record:
    return {
        "name": step.name,
        "formula": step.formula,
        "value": jsonable(step.value),
        "line": step.line,
        "local": step.local,
    }


def _plain(value: Any) -> Any:
    """A record as its fields in their order; what is inside likewise."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Enum) else jsonable(value)


def _index(index: tuple[int, ...] | None) -> list[int] | None:
    return None if index is None else [int(i) for i in index]


# ---------------------------------------------------------------------------------------------
# The text
# ---------------------------------------------------------------------------------------------


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _spread(value: Any, indent: int = 0) -> str:
    """JSON in which a record that holds no other records takes one line."""
    if not _holds_records(value):
        return _dump(value)
    inner, outer = "\n" + "  " * (indent + 1), "\n" + "  " * indent
    if isinstance(value, list):
        return f"[{inner}{f',{inner}'.join(_spread(v, indent + 1) for v in value)}{outer}]"
    items = (f"{_dump(key)}: {_spread(item, indent + 1)}" for key, item in value.items())
    return f"{{{inner}{f',{inner}'.join(items)}{outer}}}"


def _holds_records(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], dict)
    return isinstance(value, dict) and any(map(_holds_records, value.values()))


def _harmless(text: str) -> str:
    """JSON text in which what a terminal could obey is written as an escape."""
    return re.sub(r"[^\n -~]", _escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    return character if character.isprintable() else json.dumps(character)[1:-1]
