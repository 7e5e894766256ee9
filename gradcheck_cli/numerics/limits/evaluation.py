"""Reads nothing. Gives the limits of evaluation."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["EvaluationLimits"]


class EvaluationLimits(NamedTuple):
    """Tolerances, safety factors and work limits of evaluation."""
