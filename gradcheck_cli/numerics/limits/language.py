"""Reads nothing. Gives the limits of language."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["LanguageLimits"]


class LanguageLimits(NamedTuple):
    """Tolerances, safety factors and work limits of language."""
