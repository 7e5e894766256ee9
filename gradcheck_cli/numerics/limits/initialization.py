"""Reads nothing. Gives the limits of initialization."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["InitializationLimits"]


class InitializationLimits(NamedTuple):
    """Tolerances, safety factors and work limits of initialization."""
