"""Reads the sums of a large name, and differences by node. Gives what they conclude of it.

Knows nothing of the reference.
"""

from __future__ import annotations

import numpy as np

from gradcheck_cli.numerics.limits.gradients import DEFAULTS, GradientsLimits
from gradcheck_cli.results.gradient_results import Verdict
from gradcheck_cli.verdicts.gradients.collect import differs_by_node
from gradcheck_cli.verdicts.gradients.outcomes import NameOutcome, Outcome
from gradcheck_cli.verdicts.gradients.without_reference import OURS

__all__ = ["judge_sums"]


def judge_sums(found: NameOutcome, limits: GradientsLimits = DEFAULTS) -> None:
    """Conclude from the sums of a large name, and from differences by node beside those entry by entry."""
    t = found.columns
    assert t.projections is not None
    if t.by_node is not None:
        off = differs_by_node(t.by_node, t.finite, t.bound, t.examined, limits.close)
        for entry in np.flatnonzero(off).tolist():
            note = (
                f"differences by node give {t.by_node[0][entry]:.10g}, entry by entry "
                f"{t.finite[entry]:.10g}: a step that is not affine although the table says so. {OURS}"
            )
            found.outcomes[entry] = Outcome(Verdict.WRONG, note, float(found.digits[entry]))
    if t.projections.located or any(verdict is Verdict.WRONG for _, verdict in found.verdicts()):
        return
    if t.projections.differ:
        found.together = Verdict.UNRESOLVED
        found.note = "sums with random signs differ, but no entry was found"
    elif t.projections.stray:
        found.together = Verdict.UNRESOLVED
        found.note = "differences along a random direction see another slope than symbolic and backprop"
