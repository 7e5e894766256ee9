"""Reads gradients that were computed elsewhere, compared. Gives what people are shown of them as a whole.

Knows nothing of formats.
"""

from __future__ import annotations

from gradcheck_cli.render.rows import VERDICTS, count_verdicts
from gradcheck_cli.render.text_encoding import join_parts
from gradcheck_cli.results.gradient_results import ClaimResult, Comparison, Verdict

__all__ = ["compared_results", "comparison_heading"]


def comparison_heading(comparison: Comparison) -> str:
    """ "1 WRONG, 3 ok, in float32"."""
    counted = count_verdicts((result.verdict for result in comparison.results), VERDICTS[::-1])
    return join_parts((counted, f"in {comparison.precision}"))


def compared_results(comparison: Comparison, verbosity: int) -> list[ClaimResult]:
    """The parameters to list, worst first: all with -v, else those with something to say."""
    told = [r for r in comparison.results if verbosity > 0 or r.verdict is not Verdict.OK or r.note]
    return sorted(told, key=lambda result: -VERDICTS.index(result.verdict))
