"""Reads an equation of a jaxpr. Gives its parts, and what jax itself computes by it.

Knows nothing of single operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.tracing.recorded_array import Recorded, plain
from gradcheck_cli.tracing.recording import Recording

__all__ = ["Build", "Call", "bound", "expanded"]

Build = Callable[..., Any]


@dataclass(frozen=True)
class Call:
    """An equation that is being read."""

    recording: Recording
    equation: Any
    is_inside: bool = False  # a function of jax, not the program

    def __getitem__(self, name: str) -> Any:
        return self.equation.params[name]

    def full(self, value: Any, place: int) -> Any:
        """An argument in the shape that jax gives it: those of entries alike are kept shorter."""
        return expanded(self.recording, value, self.equation.invars[place].aval.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return tuple(self.equation.outvars[0].aval.shape)

    def is_of_jax(self, function: str) -> bool:
        """Whether a function of jax that was called here was called by another one of jax."""
        traceback = self.equation.source_info.traceback
        frames = list(traceback.frames) if traceback is not None else []
        called = [k for k, frame in enumerate(frames) if frame.function_name == function]
        return bool(called) and "/jax/" in "".join(frame.file_name for frame in frames[called[-1] + 1 :][:1])

    def again(self, *arrays: Array) -> Array:
        """The same equation, of plain numbers.

        Parameters
        ----------
        arrays : one for each argument

        Returns
        -------
        array
        """
        import jax

        types = [variable.aval.dtype for variable in self.equation.invars]
        kinds = [kind if kind.kind in "iu" else None for kind in types]
        return np.asarray(bound(self.equation, map(jax.numpy.asarray, arrays, kinds)))


def bound(equation: Any, values: Iterable[Any]) -> Any:
    """What jax itself computes by an equation of arrays."""
    params = equation.primitive.get_bind_params(equation.params)
    functions, params = params if isinstance(params, tuple) else ((), params)  # two before jax 0.10
    return equation.primitive.bind(*functions, *values, **params)


def expanded(recording: Recording, value: Any, shape: Sequence[int]) -> Any:
    """An array in a larger shape, its entries repeated."""
    if np.shape(value) == tuple(shape):
        return value
    if type(value) is Recorded:
        return value + np.zeros(shape) if value.node.depends else np.broadcast_to(plain(value), shape)
    is_array = hasattr(value, "ndim") or isinstance(value, float | int)
    return np.broadcast_to(value, shape) if is_array else value
