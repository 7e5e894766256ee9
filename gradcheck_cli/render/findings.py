"""Reads reports. Gives what is not ok in them, each with its file, line, verdict and reason.

The one-line reports and the formats for continuous integration show these. Knows nothing of formats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gradcheck_cli.common.errors import plural
from gradcheck_cli.render import numbers
from gradcheck_cli.render.rows import claim_numbers, claim_sentences, claim_title, remarks, sentences
from gradcheck_cli.render.text_encoding import entry_name, join_parts
from gradcheck_cli.results.gradient_results import (
    Block,
    ClaimResult,
    Comparison,
    Failure,
    Report,
    Verdict,
    worst,
)

__all__ = ["Finding", "findings", "most_severe", "reason"]

_MOST_ENTRIES = 3  # of a block that are told one by one
_STANDARD_INPUT = "-"


@dataclass(frozen=True)
class Finding:
    """One thing that is not ok: where it stands, what it is about, and why."""

    verdict: Verdict
    about: str  # "d loss/d f2 = sin(f2) * d loss/d h3"; of a file that cannot be read, its message
    reasons: tuple[str, ...]  # sentences, and lines of numbers
    file: str | None  # None: standard input
    line: int | None = None
    column: int | None = None
    subject: Block | ClaimResult | Comparison | None = None

    @property
    def is_claim(self) -> bool:
        """Whether it is the author's own."""
        return isinstance(self.subject, ClaimResult)

    @property
    def short(self) -> str:
        """What is wrong, in one line."""
        if self.subject is None or self.verdict is Verdict.ERROR or not self.reasons:
            return self.about
        return self.reasons[0] if self.line is not None else f"{self.about}: {self.reasons[0]}"

    @property
    def place(self) -> str:
        """FILE:LINE, as far as they are known."""
        known = (self.file or _STANDARD_INPUT, *(str(n) for n in (self.line, self.column) if n is not None))
        return ":".join(known)


def findings(report: Report) -> list[Finding]:
    """What is not ok in a report.

    Parameters
    ----------
    report
        Of one model, or of one file of claims.

    Returns
    -------
    list of Finding
        What cannot be read or computed, names that are differentiated by, claims, gradients that were
        computed elsewhere. Where the verdict of the report is that of none of them, as of a value that
        differs, its own sentence is the last.
    """
    failures = report.errors or ((report.error,) if report.error else ())
    found = [_failure(failure, report, report.verdict) for failure in failures]
    found += [*_of_blocks(report), *_of_claims(report), *_of_comparisons(report)]
    if report.verdict is not Verdict.OK and report.verdict is not worst(f.verdict for f in found):
        about = next(reversed(sentences(report)), "") or report.value_note or report.summary
        found.append(Finding(report.verdict, about, (), _file(report.claims_file or report.model)))
    return found


def most_severe(found: Sequence[Finding]) -> list[Finding]:
    """Those of the worst verdict."""
    verdict = worst(finding.verdict for finding in found)
    return [finding for finding in found if finding.verdict is verdict]


def reason(report: Report) -> str:
    """One line of why a report is not ok, "line 21: has the wrong sign; and 2 others"; of others what was
    compared."""
    found = most_severe(findings(report))
    if not found:
        return report.summary
    at_claims = (finding for finding in found if finding.is_claim)
    first = found[0] if report.error else next(at_claims, found[0])
    elsewhere = isinstance(first.subject, ClaimResult) and first.subject.file
    line = f"{first.place if elsewhere else f'line {first.line}'}: " if first.line is not None else ""
    more = f"; and {plural(len(found) - 1, 'other')}" if len(found) > 1 else ""
    return f"{line}{first.short}{more}"


def _file(name: str | None) -> str | None:
    return None if name == _STANDARD_INPUT else name


def _failure(failure: Failure, report: Report, verdict: Verdict) -> Finding:
    help = (f"help: {failure.help}",) if failure.help else ()
    file = _file(failure.file or report.claims_file or report.model)
    return Finding(verdict, failure.message, help, file, failure.line, failure.column)


def _of_claims(report: Report) -> Iterator[Finding]:
    for claim in report.claims:
        file = _file(claim.file or report.claims_file or report.model)
        if claim.error is not None:
            yield replace(_failure(claim.error, report, Verdict.ERROR), subject=claim)
        elif claim.verdict is not Verdict.OK:
            yield Finding(
                claim.verdict, claim_title(claim), tuple(_why(claim)), file, claim.line, subject=claim
            )


def _of_comparisons(report: Report) -> Iterator[Finding]:
    """Gradients that were computed elsewhere: in the file of the program or the numbers, if there is one."""
    lines = {block.name: block.line for block in report.parameters}
    for other in report.against:
        own = _own_file(other.source)
        file = own or _file(report.model)
        bad = [result for result in other.results if result.verdict is not Verdict.OK]
        for result in bad:
            about, line = f"{result.display} of {other.source}", None if own else lines.get(result.by)
            yield Finding(result.verdict, about, tuple(_why(result)), file, line, subject=result)
        if other.verdict is not worst(result.verdict for result in bad):
            yield Finding(other.verdict, f"against {other.source}", other.notes, file, subject=other)


def _own_file(source: str) -> str | None:
    """The file of FILE.py:FUNCTION, or of numbers; None of a command and of a module."""
    file = source.rpartition(":")[0] if ".py:" in source else source
    return file if "." in file and ":" not in file else None


def _why(claim: ClaimResult) -> list[str]:
    """What is said of a claim, and its numbers; these come first where no mistake is named."""
    said, shown = claim_sentences(claim), [" ".join(line.split()) for line in claim_numbers(claim)]
    is_named = claim.diagnosis or claim.verdict is not Verdict.WRONG
    return said + shown if is_named else shown + said


def _of_blocks(report: Report) -> Iterator[Finding]:
    for block in report.parameters:
        file = _file(report.model if block.line is not None else report.claims_file or report.model)
        if block.verdict is not Verdict.OK:
            about = f"the columns of d loss/d {block.name}"
            yield Finding(block.verdict, about, tuple(_entries(block)), file, block.line, subject=block)
        if block.lacks:
            about = f"d loss/d {block.name}"
            yield Finding(Verdict.WRONG, about, (block.lacks,), file, block.line, subject=block)


def _entries(block: Block) -> Iterator[str]:
    """The entries of a block that are not ok, the first of them one by one."""
    bad = [entry for entry in block.entries if entry.verdict is not Verdict.OK]
    for entry in bad[:_MOST_ENTRIES]:
        columns = numbers.alike((entry.symbolic, entry.backprop, entry.finite), 10)
        told = zip(("symbolic", "backprop", "finite difference"), columns, strict=True)
        known = ((name, number.strip()) for name, number in told)
        shown = join_parts(f"{name} {number}" for name, number in known if number != numbers.ABSENT)
        said = filter(None, (*remarks(entry), shown))
        yield f"{entry_name(block.name, entry.index)}: {'; '.join(said)}"
    if len(bad) > _MOST_ENTRIES:
        yield f"and {plural(len(bad) - _MOST_ENTRIES, 'other')}"
