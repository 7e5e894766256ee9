"""Reads nothing. Gives the limits of gradients."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["GradientsLimits"]


class GradientsLimits(NamedTuple):
    """Tolerances, safety factors and work limits of gradients."""
