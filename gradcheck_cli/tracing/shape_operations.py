"""Reads calls of NumPy that move entries: shapes, parts side by side, copies. Gives what they are built of.

One table, SHAPES. Knows nothing of arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck_cli.tracing.new_nodes import join, record, recorded
from gradcheck_cli.tracing.recorded_array import plain
from gradcheck_cli.tracing.recording import Recording

__all__ = ["SHAPES", "Build", "moved"]

Build = Callable[..., Any]


def _reshape(recording: Recording, x: Any, shape: Any = None, order: str = "C", newshape: Any = None) -> Any:
    x = recorded(recording, x)
    wanted = shape if newshape is None else newshape
    if order == "F" and max(x.ndim, np.size(wanted)) > 1:
        turned = x.T.reshape(tuple(np.ravel(plain(wanted)))[::-1])
        return turned.T
    value = np.reshape(plain(x), tuple(plain(wanted)) if isinstance(wanted, list | tuple) else wanted)
    return x if value.shape == x.shape else record(recording, "reshape", [x], value)


def _ravel(recording: Recording, x: Any, order: str = "C") -> Any:
    return _reshape(recording, x, -1, order)


def _squeeze(recording: Recording, x: Any, axis: Any = None) -> Any:
    return _reshape(recording, x, np.squeeze(plain(recorded(recording, x)), axis).shape)


def _expand(recording: Recording, x: Any, axis: Any) -> Any:
    return _reshape(recording, x, np.expand_dims(plain(recorded(recording, x)), axis).shape)


def _at_least(count: int) -> Build:
    def build(recording: Recording, x: Any) -> Any:
        x = recorded(recording, x)
        like = (np.atleast_1d, np.atleast_2d)[count - 1](plain(x))
        return _reshape(recording, x, like.shape)

    return build


def _transpose(recording: Recording, x: Any, axes: Any = None) -> Any:
    x = recorded(recording, x)
    order = tuple(range(x.ndim))[::-1] if axes is None else tuple(int(a) % x.ndim for a in axes)
    if order == tuple(range(x.ndim)):
        return x
    return record(recording, "transpose", [x], np.transpose(plain(x), order), axes=order)


def _swapped(recording: Recording, x: Any, first: int, second: int) -> Any:
    x = recorded(recording, x)
    order = list(range(x.ndim))
    order[first], order[second] = order[second], order[first]
    return _transpose(recording, x, order)


def _concatenate(recording: Recording, parts: Any, axis: Any = 0) -> Any:
    parts = [recorded(recording, part) for part in parts]
    if axis is None:
        parts, axis = [part.reshape(-1) for part in parts], 0
    value = np.concatenate([plain(part) for part in parts], axis)
    return record(recording, "concat", parts, value, axis=axis % value.ndim)


def _rows(recording: Recording, parts: Any) -> Any:
    return _concatenate(recording, [_at_least(2)(recording, part) for part in parts])


def _side_by_side(recording: Recording, parts: Any) -> Any:
    parts = [_at_least(1)(recording, part) for part in parts]
    return _concatenate(recording, parts, 0 if parts[0].ndim == 1 else 1)


def _columns(recording: Recording, parts: Any) -> Any:
    parts = [recorded(recording, part) for part in parts]
    return _concatenate(recording, [p.reshape(-1, 1) if p.ndim == 1 else p for p in parts], 1)


def _split(recording: Recording, x: Any, sections: Any, axis: int = 0) -> Any:
    x = recorded(recording, x)
    numbers = np.array_split(np.arange(x.shape[axis]), plain(sections))
    before = (slice(None),) * (axis % x.ndim)
    return [x[(*before, slice(int(part[0]), int(part[-1]) + 1))] for part in numbers if part.size]


def _inserted(recording: Recording, x: Any, obj: int, values: Any, axis: Any = None) -> Any:
    x = recorded(recording, x)
    if axis is None:
        x, axis = x.reshape(-1), 0
    before = (slice(None),) * (axis % x.ndim)
    shape = np.delete(x.shape, axis)
    part = recorded(recording, values) + np.zeros(shape)
    parts = [x[(*before, slice(None, obj))], np.expand_dims(part, axis), x[(*before, slice(obj, None))]]
    return _concatenate(recording, [each for each in parts if each.shape[axis]], axis)


def _padded(
    recording: Recording, x: Any, pad_width: Any, mode: str = "constant", constant_values: float = 0.0
) -> Any:
    x = recorded(recording, x)
    if mode in ("edge", "reflect", "symmetric", "wrap"):
        return moved(np.pad)(recording, x, pad_width, mode=mode)
    if mode != "constant":
        raise recording.error(f"np.pad with mode={mode} is not traced")
    filled = recorded(recording, np.pad(np.zeros(x.shape), pad_width, constant_values=constant_values))
    inner = np.pad(np.ones(x.shape, dtype=bool), pad_width)
    first = [int(places.min()) for places in np.nonzero(inner)]
    filled[tuple(slice(a, a + n) for a, n in zip(first, x.shape, strict=True))] = x
    return filled


def _append(recording: Recording, x: Any, values: Any, axis: Any = None) -> Any:
    return _concatenate(recording, [x, values], axis)


def _take(recording: Recording, x: Any, indices: Any, axis: Any = None) -> Any:
    x = recorded(recording, x)
    return x.reshape(-1)[indices] if axis is None else x[(slice(None),) * (axis % x.ndim) + (indices,)]


def _broadcast(recording: Recording, x: Any, shape: Any) -> Any:
    return recorded(recording, x) + np.zeros(shape)


def moved(function: Callable[..., Any], place: int = 0) -> Build:
    """A function that puts entries of its argument at a place elsewhere, some of them several times."""

    def build(recording: Recording, *args: Any, **options: Any) -> Any:
        x, rest = recorded(recording, args[place]), plain(dict(options))
        every = np.arange(x.size).reshape(x.shape)
        places = function(*plain(args[:place]), every, *plain(args[place + 1 :]), **rest)
        return x.reshape(-1)[np.asarray(places)]

    return build


def _copied(recording: Recording, x: Any) -> Any:
    return recorded(recording, x).copy()


SHAPES: Mapping[str, Build] = MappingProxyType({
    "reshape": _reshape, "ravel": _ravel, "squeeze": _squeeze, "expand_dims": _expand,
    "atleast_1d": _at_least(1), "atleast_2d": _at_least(2), "transpose": _transpose, "swapaxes": _swapped,
    "stack": join, "concatenate": _concatenate, "vstack": _rows, "hstack": _side_by_side,
    "column_stack": _columns, "append": _append, "insert": _inserted, "pad": _padded,
    **dict.fromkeys(("split", "array_split"), _split), "vsplit": _split,
    "hsplit": lambda recording, x, sections: _split(recording, x, sections, 1 if x.ndim > 1 else 0),
    **dict.fromkeys(("nan_to_num", "positive", "copy"), _copied),
    "take": _take, "broadcast_to": _broadcast, "tile": moved(np.tile), "repeat": moved(np.repeat),
    "roll": moved(np.roll), "rot90": moved(np.rot90), "resize": moved(np.resize),
    "fftshift": moved(np.fft.fftshift), "ifftshift": moved(np.fft.ifftshift),
    "compress": moved(np.compress, 1), "extract": moved(np.extract, 1),
})  # fmt: skip
