"""Reads a call of torch. Gives its parts, and where the entries come from that it moves.

Knows nothing of single operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.tracing.frameworks.moved_entries import entries_at
from gradcheck_cli.tracing.new_nodes import moves, recorded
from gradcheck_cli.tracing.recording import Recording

__all__ = ["Build", "Call"]

Build = Callable[..., Any]


@dataclass(frozen=True)
class Call:
    """A call that is being read; its arguments are torch's own."""

    recording: Recording
    func: Any
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]

    def moved(self, call: Any, x: Any, *rest: Any, **options: Any) -> Any:
        """Where each entry comes from, asked of the same call with the numbers of the places."""
        import torch

        x = recorded(self.recording, x)
        if any(map(moves, _flat(rest))):
            self.recording.leak("an index")
        every = torch.arange(x.size).reshape(x.shape)
        with torch._C._DisableTorchDispatch():
            found = self.func(every, *self.arguments[1:], **self.options)
        parts = found if isinstance(found, list | tuple) else [found]
        return [self._entries(x, part.numpy()) for part in parts]

    def _entries(self, x: Any, places: Any) -> Any:
        if places.size == x.size:
            if np.array_equal(places.reshape(-1), np.arange(x.size)):
                return x if places.shape == x.shape else np.reshape(x, places.shape)
            for axes in _orders(x.ndim):
                turned = np.transpose(np.arange(x.size).reshape(x.shape), axes)
                if turned.shape == places.shape and np.array_equal(turned, places):
                    return np.transpose(x, axes)
        elif places.size > x.size and _is_repeated(x.shape, places):
            return x * np.ones(places.shape)
        return entries_at(self.recording, x, places)


def _is_repeated(shape: tuple[int, ...], places: Array) -> bool:
    """Whether entries of a shape are repeated as NumPy repeats them."""
    ends = zip(shape[::-1], places.shape[::-1], strict=False)
    if len(shape) > places.ndim or not all(n in (1, m) for n, m in ends):
        return False
    every = np.arange(int(np.prod(shape))).reshape(shape)
    return np.array_equal(np.broadcast_to(every, places.shape), places)


def _orders(count: int) -> list[tuple[int, ...]]:
    """Transpositions: of two axes, and of all by a turn."""
    found = []
    for i in range(count):
        for j in range(i + 1, count):
            order = list(range(count))
            order[i], order[j] = order[j], order[i]
            found.append(tuple(order))
    return found + [tuple(np.roll(np.arange(count), k).tolist()) for k in range(1, count)]


def _flat(values: Any) -> list[Any]:
    return [x for v in values for x in (_flat(v) if isinstance(v, list | tuple) else [v])]
