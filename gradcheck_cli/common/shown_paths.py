"""Reads paths. Gives them as one would type them."""

from __future__ import annotations

import os

__all__ = ["as_typed"]


def as_typed(file: str) -> str:
    """A file in the current folder by its path from there; any other as it is."""
    return file.removeprefix(os.path.join(os.getcwd(), ""))
