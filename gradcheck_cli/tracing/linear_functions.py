"""Reads calls of SciPy that are linear in one array: filters, smoothing, transforms, sums by weights.

Gives products with the matrix that such a function makes of the unit arrays. One table, LINEAR, by module and
name. Knows nothing of nodes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck_cli.numerics.limits.tracing import TRACING
from gradcheck_cli.tracing.new_nodes import moves, recorded
from gradcheck_cli.tracing.recorded_array import fixed, plain
from gradcheck_cli.tracing.recording import Recording
from gradcheck_cli.tracing.shape_operations import Build
from gradcheck_cli.tracing.traced_nodes import too_many_numbers

__all__ = ["LINEAR", "linear_in"]


def linear_in(place: int, name: str, module: str) -> Build:
    """A function that is linear in the argument at a place, or under its name."""

    def build(recording: Recording, *args: Any, **options: Any) -> Any:
        function = getattr(sys.modules[module], name)
        if place >= len(args) or any(map(moves, (*args[:place], *args[place + 1 :], *options.values()))):
            raise recording.error(f"{module}.{name} is traced where its array moves, and nothing else")
        before, after = plain(tuple(args[:place])), plain(tuple(args[place + 1 :]))
        rest = plain(dict(options))
        return _product(recording, lambda x: function(*before, x, *after, **rest), args[place])

    return build


def _linear_in_each(name: str, module: str) -> Build:
    """A function that is linear in each of its first two arguments."""
    first, second = (linear_in(place, name, module) for place in (0, 1))

    def build(recording: Recording, *args: Any, **options: Any) -> Any:
        one, other = args[:2]
        if not (moves(one) and moves(other)):
            return (first if moves(one) else second)(recording, *args, **options)
        if np.ndim(one) != 1 or not name.endswith("convolve") or set(options) - {"mode", "method"}:
            raise recording.error(f"{module}.{name} of two arrays that move is not traced, but for sequences")
        mode = options.get("mode", args[2] if len(args) > 2 else "full")
        full = np.convolve(recorded(recording, one), recorded(recording, other))
        length = {"full": len(full), "same": len(one), "valid": abs(len(one) - len(other)) + 1}[mode]
        start = (len(full) - length)//2
        return full[start : start + length]

    return build


def _product(recording: Recording, function: Callable[[Any], Any], x: Any) -> Any:
    x = recorded(recording, x)
    constant = function(np.zeros(x.shape))  # not 0 where numbers are padded
    if isinstance(constant, tuple):
        raise recording.error("a function that gives several arrays is not traced")
    offset = np.asarray(constant, dtype=float)
    if offset.size*x.size > TRACING.most_numbers:
        error = too_many_numbers(offset.size*x.size)
        raise recording.error(error.message, error.help or "")
    units = np.eye(x.size).reshape(x.size, *x.shape)
    matrix = np.stack([(function(unit) - offset).reshape(-1) for unit in units], axis=1)
    found = (fixed(matrix, recording) @ x.reshape(-1)).reshape(offset.shape)
    return found + offset if offset.any() else found


def _of(module: str, *names: str, place: int = 0) -> dict[str, Build]:
    return {name: linear_in(place, name, module) for name in names}


def _of_both(module: str, *names: str) -> dict[str, Build]:
    return {name: _linear_in_each(name, module) for name in names}


LINEAR: Mapping[str, Mapping[str, Build]] = MappingProxyType({
    "scipy.signal": {
        **_of("scipy.signal", "savgol_filter", "detrend", "resample"),
        **_of("scipy.signal", "lfilter", "filtfilt", place=2), **_of("scipy.signal", "sosfilt", place=1),
        **_of_both("scipy.signal", "convolve", "fftconvolve", "oaconvolve", "correlate", "convolve2d",
                   "correlate2d"),
    },
    "scipy.ndimage": {
        **_of("scipy.ndimage", "gaussian_filter", "gaussian_filter1d", "uniform_filter", "uniform_filter1d",
              "laplace", "sobel"),
        **_of_both("scipy.ndimage", "convolve1d", "correlate1d", "correlate", "convolve"),
    },
    "scipy.fft": _of("scipy.fft", "dct", "idct", "dst", "idst", "dctn", "idctn"),
    "scipy.integrate": _of("scipy.integrate", "trapezoid", "simpson", "cumulative_trapezoid"),
    "scipy.linalg": _of("scipy.linalg", "lu_solve", place=1),
    "scipy.sparse.linalg": _of("scipy.sparse.linalg", "spsolve", place=1),
})  # fmt: skip
