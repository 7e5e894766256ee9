"""Reads nothing. Gives the limits of reference."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ReferenceLimits"]


class ReferenceLimits(NamedTuple):
    """Tolerances, safety factors and work limits of reference."""
