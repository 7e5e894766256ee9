"""Reads reports. Gives SARIF 2.1.0, the log of a static analysis tool: a result for each finding.

References
----------
OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0 Plus Errata 01 (2023).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from gradcheck_cli import __version__
from gradcheck_cli.render.findings import Finding, findings
from gradcheck_cli.render.registry import OutputOptions, output_format
from gradcheck_cli.render.text_encoding import safe
from gradcheck_cli.results.gradient_results import Report, Verdict

__all__ = ["run_sarif"]

Record = dict[str, Any]
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# Each rule: what it finds, and the level of its results unless they say another.
_RULES = {
    "wrong-claim": ("A claimed derivative or value is not the true one.", "error"),
    "wrong-gradient": ("Three ways to compute a gradient do not agree, or a claim is missing.", "error"),
    "unreadable": ("A model, a claim or a data file cannot be read.", "error"),
    "unresolved": ("Not even high precision settles whether a derivative is right.", "warning"),
    "kink": ("The function has no derivative at this point.", "note"),
}


@output_format("sarif")
def run_sarif(reports: Sequence[Report], options: OutputOptions) -> str:
    """One run with all findings; no results where all is ok."""
    rules = [
        {"id": name, "shortDescription": {"text": text}, "defaultConfiguration": {"level": level}}
        for name, (text, level) in _RULES.items()
    ]
    driver = {"name": "gradcheck", "version": __version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding) for report in reports for finding in findings(report)],
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _result(finding: Finding) -> Record:
    rule = _rule(finding)
    lines = (f"{finding.verdict}: {finding.about}", *finding.reasons)
    result: Record = {
        "ruleId": rule,
        "ruleIndex": list(_RULES).index(rule),
        "level": _RULES[rule][1],
        "message": {"text": "\n".join(map(safe, lines))},
    }
    if finding.file is not None:
        result["locations"] = [{"physicalLocation": _location(finding.file, finding.line, finding.column)}]
    return result


def _rule(finding: Finding) -> str:
    if finding.verdict is Verdict.WRONG:
        return "wrong-claim" if finding.is_claim else "wrong-gradient"
    others = {Verdict.ERROR: "unreadable", Verdict.UNRESOLVED: "unresolved"}
    return others.get(finding.verdict, "kink")


def _location(file: str, line: int | None, column: int | None) -> Record:
    """GitHub shows no result without a line: what is of the whole file stands at its first."""
    region = {"startLine": line or 1} | ({"startColumn": column} if column and line else {})
    return {"artifactLocation": {"uri": _uri(file)}, "region": region}


def _uri(file: str) -> str:
    """A path as typed, as a reference relative to where the log is read; an absolute one with its scheme."""
    path = PurePath(file)
    if path.is_absolute():
        return path.as_uri()
    return quote(os.fsencode(path.as_posix()))
