"""Reads reports. Gives JUnit XML as Jenkins reads it: a suite for each model, a case for each claim.

The format has no attribute for a line; it stands in the name of a case and in the text of its failure.

References
----------
Jenkins, xUnit plugin, junit-10.xsd.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from gradcheck_cli.render.findings import Finding, findings, most_severe
from gradcheck_cli.render.registry import OutputOptions, output_format
from gradcheck_cli.render.rows import claim_title, label
from gradcheck_cli.render.text_encoding import safe
from gradcheck_cli.results.gradient_results import Report, Verdict

__all__ = ["run_junit"]

_FAILURES = (Verdict.WRONG, Verdict.UNRESOLVED)


@dataclass(frozen=True)
class _Case:
    """One test: what was judged, and what was found; a KINK passes, and its text is output."""

    name: str
    findings: tuple[Finding, ...] = ()

    @property
    def kind(self) -> str:
        """failure, error, or what a case that passes has."""
        verdicts = {finding.verdict for finding in self.findings}
        if Verdict.ERROR in verdicts:
            return "error"
        return "failure" if verdicts & set(_FAILURES) else "system-out" if verdicts else ""


@output_format("junit")
def run_junit(reports: Sequence[Report], options: OutputOptions) -> str:
    """All suites in one document, without times: the same models give the same text."""
    suites = [(report, list(_cases(report))) for report in reports]
    every = [case for _, cases in suites for case in cases]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites {_counts('gradcheck', every)}>"]
    for report, cases in suites:
        lines.append(f"  <testsuite {_counts(label(report), cases)}>")
        for case in cases:
            lines += _element(case, report)
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>", ""])


def _cases(report: Report) -> Iterator[_Case]:
    """The columns of each name, each claim, each gradient from elsewhere; what is said of all."""
    found = findings(report)
    for title, subject in _subjects(report):
        yield _Case(title, tuple(finding for finding in found if finding.subject is subject))
    for finding in found:
        if finding.subject is None:
            yield _Case("model" if finding.line is None else f"line {finding.line}: model", (finding,))


def _subjects(report: Report) -> Iterator[tuple[str, object]]:
    """What is judged in a report, each with its name."""
    yield from ((f"columns of d loss/d {block.name}", block) for block in report.parameters)
    yield from ((f"line {claim.line}: {claim_title(claim)}", claim) for claim in report.claims)
    for other in report.against:
        yield f"loss of {other.source}", other
        yield from ((f"{result.display} of {other.source}", result) for result in other.results)


def _counts(name: str, cases: Iterable[_Case]) -> str:
    kinds = [case.kind for case in cases]
    counted = {"tests": len(kinds), "failures": kinds.count("failure"), "errors": kinds.count("error")}
    return " ".join((f"name={_attribute(name)}", *(f'{key}="{n}"' for key, n in counted.items())))


def _element(case: _Case, report: Report) -> list[str]:
    opening = f"    <testcase classname={_attribute(label(report))} name={_attribute(case.name)}"
    if not case.findings:
        return [f"{opening}/>"]
    about = ""
    if case.kind != "system-out":
        first = most_severe(case.findings)[0]
        about = f" type={_attribute(str(first.verdict))} message={_attribute(first.short)}"
    text = "\n".join(line for finding in case.findings for line in _lines(finding))
    return [f"{opening}>", f"      <{case.kind}{about}>{escape(text)}</{case.kind}>", "    </testcase>"]


def _lines(finding: Finding) -> Iterator[str]:
    """As a compiler says it, so that editors find the line."""
    return map(safe, (f"{finding.place}: {finding.verdict}: {finding.about}", *finding.reasons))


def _attribute(text: str) -> str:
    return quoteattr(safe(text))
