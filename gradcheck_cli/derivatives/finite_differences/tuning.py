"""Reads nothing. Gives the constants of step choice and error bounds."""

from __future__ import annotations

import numpy as np

__all__ = [
    "ALL_NOISE", "CAUTION", "CLOSE", "COLUMNS", "DENSE", "EPS", "GOOD", "MANTISSA", "ROUNDOFF_SAFETY",
    "ROUNDS", "SMALL", "TINY", "TOGETHER", "TRUNCATION_SAFETY", "WEAK", "WIDEST",
]  # fmt: skip

EPS = float(np.finfo(float).eps)
TINY = 5e-324  # the spacing of the denormals: no result is known better than that
COLUMNS = 9  # of the Richardson tableau: at most nine step sizes are combined
ROUNDS = 4  # the first ladder and at most three refinements
DENSE = 8  # rungs a factor 2 apart, where the answer is expected
MANTISSA = 0.234  # of every step: round borders (0, 1/2, 1) are never hit exactly
TRUNCATION_SAFETY = 3.0  # factors on the two estimates; measured on the population of the tests
ROUNDOFF_SAFETY = 3.0
CAUTION = 5.0  # on the noise, where no second order of extrapolation confirms it
ALL_NOISE = 2.0**-7  # of the size of f: beyond, the samples are noise or hide what f does
WIDEST = 2.0**10.5  # the ratio of the step sizes that may be combined
CLOSE = 1e-4  # relative: less than that apart, larger step sizes are heard too
WEAK = 1e-3  # relative: a bound above may have to give way to a far better one
SMALL = 1e-6  # a base point below that says little about the scale of f
TOGETHER = 1 << 14  # samples
GOOD = 1e-12  # a relative bound that no refinement need improve
