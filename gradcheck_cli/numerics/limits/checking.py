"""Reads nothing. Gives the limits of checking."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CheckingLimits"]


class CheckingLimits(NamedTuple):
    """Tolerances, safety factors and work limits of checking."""
