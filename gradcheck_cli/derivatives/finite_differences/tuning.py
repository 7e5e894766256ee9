"""Reads nothing. Gives the constants of float64 that differences need."""

from __future__ import annotations

import numpy as np

__all__ = ["EPS", "TINY"]

EPS = float(np.finfo(float).eps)
TINY = 5e-324  # the spacing of the denormals: no result is known better than that
