"""Reads nothing. Gives the limits of claims."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ClaimsLimits"]


class ClaimsLimits(NamedTuple):
    """Tolerances, safety factors and work limits of claims."""
