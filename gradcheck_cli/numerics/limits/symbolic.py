"""Reads nothing. Gives the limits of symbolic."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["SymbolicLimits"]


class SymbolicLimits(NamedTuple):
    """Tolerances, safety factors and work limits of symbolic."""
