"""Reads claimed and true entries. Gives which of them alone are wrong, and what they are.

They are 0, of the wrong sign, a simple multiple. Knows nothing of formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.results import index_patterns
from gradcheck_cli.verdicts.claims.claim_samples import ClaimSample
from gradcheck_cli.verdicts.diagnosis.chain_rule_slips import CONSTANTS
from gradcheck_cli.verdicts.diagnosis.entry_tests import is_repaired_by

__all__ = ["describe_wrong_entries"]


def describe_wrong_entries(name: str, samples: Sequence[ClaimSample], limits: DiagnosisLimits) -> str | None:
    """What some entries are, the same ones at every point, where all others are right.

    Parameters
    ----------
    name : of the array
    samples : of one claim
    limits : how far entries may be off

    Returns
    -------
    str or None
        "row 2 of W is 0 in yours", "entry x[1] has the wrong sign in yours".
    """
    wrong = np.logical_or.reduce([_is_wrong(e, limits) for e in samples])
    per_row = samples[0].per_row
    if not wrong.ndim or not wrong.any() or index_patterns.picture(wrong, per_row=per_row):
        return None
    said = index_patterns.words(wrong, name, per_row=per_row)
    are = "are" if said.split()[0] in ("rows", "columns", "entries") else "is"
    if all(np.all(e.claimed[wrong] == 0) for e in samples):
        return f"{said} {are} 0 in yours" if _explains(wrong, lambda e: e.true, samples, limits) else None
    if wrong.all():
        return None
    if _explains(wrong, lambda e: -e.claimed, samples, limits):
        return f"{said} {'have' if are == 'are' else 'has'} the wrong sign, the other entries are right"
    for factor, text in CONSTANTS if len(samples) > 1 else ():  # of a few digits many factors are right
        if _explains(wrong, lambda e, f=factor: e.claimed / f, samples, limits):  # type: ignore[misc]
            return f"{said} {are} {text} times the true value, the other entries are right"
    return None


def _is_wrong(sample: ClaimSample, limits: DiagnosisLimits) -> Array:
    close = np.maximum(limits.same * np.abs(sample.true), sample.tolerance)
    with np.errstate(invalid="ignore"):  # of infinities
        return np.asarray(np.abs(sample.claimed - sample.true) > close)


def _explains(
    wrong: Array, mend: Callable[[ClaimSample], Array], samples: Sequence[ClaimSample],
    limits: DiagnosisLimits,
) -> bool:
    """Whether the wrong entries are right once they are mended."""
    return is_repaired_by(samples, lambda e: np.where(wrong, mend(e), e.claimed), limits)
