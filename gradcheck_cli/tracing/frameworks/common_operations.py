"""Reads what frameworks have in common beyond NumPy: activations, windows, convolutions. Gives their nodes.

Knows nothing of jax or torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.tracing.new_nodes import moves, record, recorded
from gradcheck_cli.tracing.recorded_array import Recorded, fixed, plain
from gradcheck_cli.tracing.recording import Recording
from gradcheck_cli.tracing.traced_nodes import TracedNode

__all__ = ["as_float", "chosen", "convolution", "named", "of_windows", "pooled", "product_along"]

_LETTERS = "abcdefghijklmnop"


def named(recording: Recording, name: str, *values: Any, **options: Any) -> Any:
    """A function of the language, entry by entry.

    Parameters
    ----------
    recording : of the program
    name : in the language
    values : arrays
    options : of the function

    Returns
    -------
    Recorded
    """
    given = [np.asarray(plain(each), dtype=float)[None, None] for each in values]  # one move, one row
    known = PRIMITIVES[name]
    with np.errstate(all="ignore"):
        found = np.asarray(known.forward(FLOAT64, *given, **{**known.options, **options}))[0, 0]
    return record(recording, name, [recorded(recording, each) for each in values], found, **options)


def as_float(x: Any) -> Any:
    """Truth values as 0 and 1."""
    if type(x) is not Recorded or x.dtype.kind == "f":
        return np.asarray(plain(x), dtype=float) if type(x) is not Recorded else x
    node = x.node
    value = node.value.astype(float)
    return Recorded(TracedNode(node.operation, node.arguments, value, node.options, node.place), x.recording)


def chosen(recording: Recording, which: Any, a: Any, b: Any) -> Any:
    """a where it is true, else b; one of them, where the choice is data and alike everywhere."""
    if not moves(which):
        truth = np.asarray(plain(which), dtype=bool)
        if truth.size and truth.all() and np.ndim(a) >= np.ndim(truth):
            return a
        if truth.size and not truth.any() and np.ndim(b) >= np.ndim(truth):
            return b
        if not moves(a) and not moves(b):
            return np.where(truth, plain(a), plain(b))
        which = recorded(recording, truth.astype(float))
    return np.where(which, recorded(recording, a), recorded(recording, b))


def product_along(
    recording: Recording, a: Any, b: Any, contracted: Sequence[Any], batched: Sequence[Any]
) -> Any:
    """The product of two arrays, summed along pairs of axes.

    Parameters
    ----------
    recording : of the program
    a, b : arrays
    contracted : the axes of a, and those of b, that are summed
    batched : the axes of a, and those of b, that stand in front of the result

    Returns
    -------
    Recorded
        The batched axes, the others of a, the others of b; a matrix product, where it is one.
    """
    a, b = recorded(recording, a), recorded(recording, b)
    (left, right), (first, second) = _numbers(contracted), _numbers(batched)
    if not first and len(left) == 1 and a.ndim <= 2 and b.ndim <= 2:
        a = a if left[0] == a.ndim - 1 else a.T
        b = b if right[0] == 0 else b.T
        return np.matmul(a, b)
    letters = iter(_LETTERS)
    of_a, of_b = [""] * a.ndim, [""] * b.ndim
    for i, j in (*zip(first, second, strict=True), *zip(left, right, strict=True)):
        of_a[i] = of_b[j] = next(letters)
    of_a, of_b = ([each or next(letters) for each in part] for part in (of_a, of_b))
    front = [of_a[i] for i in first]
    rest = [x for part in (of_a, of_b) for x in part if x not in front and not (x in of_a and x in of_b)]
    return np.einsum(f"{''.join(of_a)},{''.join(of_b)}->{''.join(front + rest)}", a, b)


def _numbers(pair: Any) -> tuple[list[int], list[int]]:
    return [int(k) for k in pair[0]], [int(k) for k in pair[1]]


def convolution(
    recording: Recording, x: Any, w: Any, steps: Sequence[int], sides: Sequence[Sequence[int]],
    groups: int = 1, gaps: Sequence[int] = (), gaps_of_x: Sequence[int] = (),
) -> Any:  # fmt: skip
    """Correlation of images [N,C,H,W] or sequences [N,C,L] with kernels.

    Parameters
    ----------
    recording : of the program
    x : array [N,C,...]
    w : array [O,C/groups,...]
    steps : along each axis
    sides : zeros before and after, along each axis; entries are left out where negative
    groups : of channels
    gaps, gaps_of_x : the distance of the entries of w, and of x, along each axis

    Returns
    -------
    Recorded [N,O,...]
    """
    x, w = _spread(recording, x, gaps_of_x), _spread(recording, w, gaps)
    sides = [tuple(pair) for pair in sides]
    if len(set(sides)) > 1 or sides[0][0] != sides[0][1] or min(sides[0]) < 0:
        x = np.pad(x, [(0, 0), (0, 0), *((max(a, 0), max(b, 0)) for a, b in sides)])
        ends = [slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(sides, x.shape[2:], strict=True)]
        x, sides = x[(slice(None), slice(None), *ends)], [(0, 0)]
    if len(set(steps)) == 1:
        return _correlated(recording, x, w, steps[0], sides[0][0], groups)
    found = _correlated(recording, x, w, 1, sides[0][0], groups)
    return found[(slice(None), slice(None), *(slice(None, None, step) for step in steps))]


def _spread(recording: Recording, x: Any, gaps: Sequence[int]) -> Any:
    """With zeros between the entries."""
    x = recorded(recording, x)
    if all(gap == 1 for gap in gaps):
        return x
    lengths = ((n - 1) * gap + 1 for n, gap in zip(x.shape[2:], gaps, strict=True))
    found = fixed(np.zeros((*x.shape[:2], *lengths)), recording)
    found[(slice(None), slice(None), *(slice(None, None, gap) for gap in gaps))] = x
    return found


def _correlated(recording: Recording, x: Any, w: Any, stride: int, padding: int, groups: int) -> Any:
    count = x.ndim - 2
    sides = [(0, 0), (0, 0), *[(padding, padding)] * count]
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(plain(x), sides), w.shape[2:], tuple(range(2, x.ndim))
    )[(slice(None), slice(None), *[slice(None, None, stride)] * count)]
    n, o = x.shape[0], w.shape[0]
    parts = windows.reshape(n, groups, x.shape[1] // groups, *windows.shape[2:])
    space, kernel = "xyz"[:count], "uvw"[:count]
    kernels = plain(w).reshape(groups, o // groups, *w.shape[1:])
    found = np.einsum(f"ngc{space}{kernel},goc{kernel}->ngo{space}", parts, kernels)
    value = found.reshape(n, o, *windows.shape[2 : 2 + count])
    options = {"stride": stride, "padding": padding} | ({"groups": groups} if groups != 1 else {})
    return record(recording, f"conv{count}d", [x, w], value, **options)


def of_windows(
    recording: Recording, name: str, x: Any, window: Sequence[int], strides: Sequence[int],
    padding: Sequence[Any] = (),
) -> Any:
    """The largest entry, or the sum, of each window of an array.

    Parameters
    ----------
    recording : of the program
    name : "max" or "sum"
    x : array
    window, strides : for each axis
    padding : zeros before and after, for each axis; none, if empty

    Returns
    -------
    Recorded
    """
    x = recorded(recording, x)
    last = x.ndim - 2
    two = x.ndim in (3, 4) and all(n == 1 for n in window[:last]) and not any(map(any, padding))
    if two and name == "max":
        return pooled(recording, "max_pool", x, window[last:], strides[last:])
    if any(map(any, padding)):
        x = np.pad(x, padding)
    every = np.arange(x.size).reshape(x.shape)
    windows = np.lib.stride_tricks.sliding_window_view(every, window)
    windows = windows[tuple(slice(None, None, s) for s in strides)]
    places = windows.reshape(*windows.shape[: x.ndim], -1)
    return getattr(np, name)(x.reshape(-1)[places], axis=x.ndim)


def pooled(recording: Recording, name: str, x: Any, window: Sequence[int], strides: Sequence[int]) -> Any:
    """max_pool or avg_pool of the last two axes."""
    every = np.lib.stride_tricks.sliding_window_view(plain(x), tuple(window), (-2, -1))
    windows = every[..., :: strides[0], :: strides[1], :, :]
    value = windows.max((-2, -1)) if name == "max_pool" else windows.mean((-2, -1))
    return record(recording, name, [x], value, window=list(window), stride=list(strides))
