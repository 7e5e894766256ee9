"""Reads nothing. Gives the types of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Axes", "Mask"]

Array = NDArray[Any]
Axes = tuple[int, ...]
Mask = NDArray[np.bool_]
