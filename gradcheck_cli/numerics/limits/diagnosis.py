"""Reads nothing. Gives the limits of diagnosis."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["DiagnosisLimits"]


class DiagnosisLimits(NamedTuple):
    """Tolerances, safety factors and work limits of diagnosis."""
