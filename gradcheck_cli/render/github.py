"""Reads reports. Gives the workflow commands of GitHub Actions: an annotation for each finding, at its line.

::error file=toy.txt,line=21,title=WRONG::message; what is in it is escaped, so that no name in a model is a
command of its own.

References
----------
GitHub Docs, Workflow commands for GitHub Actions: "Setting an error message". The escapes are those of
`command.ts` in the toolkit that GitHub gives to actions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gradcheck_cli.render.findings import Finding, findings
from gradcheck_cli.render.registry import OutputOptions, output_format
from gradcheck_cli.render.tally import Tally
from gradcheck_cli.render.text_encoding import safe
from gradcheck_cli.results.gradient_results import Report, Verdict

__all__ = ["run_github"]

_COMMANDS = {
    Verdict.ERROR: "error", Verdict.WRONG: "error", Verdict.UNRESOLVED: "warning", Verdict.KINK: "notice",
}  # fmt: skip


@output_format("github")
def run_github(reports: Iterable[Report], options: OutputOptions) -> Iterator[str]:
    """One command a finding, then the count of verdicts."""
    counted = Tally()
    for report in reports:
        yield "".join(f"{_command(finding)}\n" for finding in findings(report))
        counted.add(report)
    yield f"{counted.text(len(options.expected))}\n"


def _command(finding: Finding) -> str:
    known = {"file": finding.file, "line": finding.line, "col": finding.column}
    properties = {name: str(value) for name, value in known.items() if value is not None}
    properties["title"] = f"{finding.verdict}: {finding.about}"
    told = ",".join(f"{name}={_property(safe(value))}" for name, value in properties.items())
    lines = (safe(line) for line in finding.reasons or (finding.about,))
    return f"::{_COMMANDS[finding.verdict]} {told}::{_data(chr(10).join(lines))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
