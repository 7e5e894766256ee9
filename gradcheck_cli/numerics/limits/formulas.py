"""Reads nothing. Gives the limits of formulas."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FormulasLimits"]


class FormulasLimits(NamedTuple):
    """Tolerances, safety factors and work limits of formulas."""
