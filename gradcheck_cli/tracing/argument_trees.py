"""Reads an argument of a program: a number, an array, a dict or list of them. Gives its arrays by name.

An array of a dict has the name of its key, one of a list the name of the argument with its place.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array

__all__ = ["is_float", "map_arrays", "named_arrays"]


def is_float(value: Any) -> bool:
    """Whether an argument is a float, an array of floats, or a dict or list of such."""
    if isinstance(value, dict | list | tuple):
        parts = value.values() if isinstance(value, dict) else value
        return bool(value) and all(map(is_float, parts))
    is_array = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return is_array or isinstance(value, float | np.floating)


def map_arrays(name: str, value: Any, function: Callable[[str, Array], Any]) -> Any:
    """An argument with other values in place of its floats, and copies of all else.

    Parameters
    ----------
    name : of the argument
    value : the argument
    function : of the name of an array and its values, float64

    Returns
    -------
    A dict, list or tuple like the argument, or what the function gives.
    """
    if isinstance(value, dict):
        return {key: map_arrays(_name(name, key), each, function) for key, each in value.items()}
    if isinstance(value, list | tuple) and is_float(value):
        return type(value)(map_arrays(f"{name}{k}", each, function) for k, each in enumerate(value))
    return function(name, np.array(value, dtype=float)) if is_float(value) else copy.deepcopy(value)


def named_arrays(name: str, value: Any) -> dict[str, Array]:
    """The floats of an argument by name.

    Parameters
    ----------
    name : of the argument
    value : the argument

    Returns
    -------
    dict of float64 arrays
    """
    found: dict[str, Array] = {}
    map_arrays(name, value, found.__setitem__)
    return found


def _name(name: str, key: Any) -> str:
    return key if isinstance(key, str) and key.isidentifier() else re.sub(r"\W", "_", f"{name}_{key}")
