"""Reads nothing. Gives the limits of finite differences."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FiniteDifferencesLimits"]


class FiniteDifferencesLimits(NamedTuple):
    """Tolerances, safety factors and work limits of finite differences."""
