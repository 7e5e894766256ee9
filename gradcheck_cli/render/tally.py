"""Reads reports one by one. Gives their count: "40 models: 38 ok, 1 WRONG, 1 ERROR"."""

from __future__ import annotations

from collections.abc import Iterable

from gradcheck_cli.common.errors import plural
from gradcheck_cli.render import numbers
from gradcheck_cli.render.rows import count_verdicts
from gradcheck_cli.results.gradient_results import Report, Verdict

__all__ = ["Tally", "tally"]


class Tally:
    """The verdicts of reports that are not kept."""

    def __init__(self) -> None:
        self._verdicts: list[Verdict] = []
        self._noun = "model"

    def add(self, report: Report) -> None:
        """Count a report."""
        self._verdicts.append(report.verdict)
        if report.claims_file:
            self._noun = "file of claims"

    def text(self, asked: int = 0) -> str:
        """The count; of more that were `asked` for, how many were not run."""
        count = len(self._verdicts)
        counted = plural(count, self._noun).replace("file of claimss", "files of claims")
        left = f"; {numbers.count(asked - count)} not run" if asked > count else ""
        return f"{counted}: {count_verdicts(self._verdicts)}{left}"


def tally(reports: Iterable[Report]) -> str:
    """The count of reports that are all there."""
    counted = Tally()
    for report in reports:
        counted.add(report)
    return counted.text()
