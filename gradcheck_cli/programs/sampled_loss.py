"""Reads a program and its arguments. Gives its loss as a function of the entries of its parameters, by calls.

Knows nothing of differences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.derivatives.finite_differences.sampled_function import Samples
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.tracing.argument_trees import arrays_by_name, map_arguments
from gradcheck_cli.tracing.programs import Program
from gradcheck_cli.tracing.replay import loss_of

__all__ = ["SampledLoss"]


@dataclass
class SampledLoss:
    """The loss of a program at a point x, the entries of its parameters one after the other."""

    program: Program
    arguments: Mapping[str, Any]
    names: Sequence[str]  # of the parameters
    calls: int = 0

    @cached_property
    def kept(self) -> dict[str, Any]:
        """The arrays and numbers in the arguments, by name."""
        return arrays_by_name(self.arguments)

    @property
    def is_narrow(self) -> bool:
        """Whether a parameter is in float32."""
        return any(np.asarray(self.kept[name]).dtype in (np.float32, np.float16) for name in self.names)

    @property
    def x(self) -> Array:
        """The point.

        Returns
        -------
        (E,) float64
        """
        return np.concatenate([np.ravel(np.asarray(self.kept[n], dtype=float)) for n in self.names])

    @property
    def blocks(self) -> dict[str, slice]:
        """Where the entries of each parameter stand."""
        found, start = {}, 0
        for name in self.names:
            stop = start + int(np.size(self.kept[name]))
            found[name], start = slice(start, stop), stop
        return found

    def shape(self, name: str) -> tuple[int, ...]:
        """Of a parameter."""
        return tuple(np.shape(self.kept[name]))

    def at(self, x: Array) -> dict[str, Any]:
        """The arguments with other parameters.

        Parameters
        ----------
        x : (E,) float64

        Returns
        -------
        dict
            Arrays in the number formats that they had.
        """
        blocks = self.blocks

        def put(name: str, array: Array) -> Any:
            own = self.kept[name]
            if name not in blocks:
                return own.copy() if isinstance(own, np.ndarray) else own
            if not isinstance(own, np.ndarray):
                return type(own)(x[blocks[name]][0])
            return x[blocks[name]].reshape(own.shape).astype(own.dtype)

        return map_arguments(self.arguments, put)

    def value(self, x: Array) -> float:
        """The loss at a point; nan where it raises an error.

        Parameters
        ----------
        x : (E,) float64

        Returns
        -------
        float
        """
        self.calls += 1
        try:
            return loss_of(self.program, self.at(x), quiet=True)
        except GradcheckError:
            return float("nan")

    def rounding(self, value: float) -> float:
        """What a value of the loss may be off by."""
        return float(np.finfo(np.float32 if self.is_narrow else np.float64).eps) * abs(value)

    def by_entry(self, which: Array, offsets: Array) -> Samples:
        """The function that finite differences sample: one entry moves.

        Parameters
        ----------
        which : (e,) indices of entries
        offsets : (e, S) float64

        Returns
        -------
        Samples
            Values (e, S); all are taken for smooth.
        """
        values = np.empty(offsets.shape)
        for row, entry in enumerate(which):
            for column, offset in enumerate(offsets[row]):
                moved = self.x
                moved[entry] += offset
                values[row, column] = self.value(moved)
        return Samples(values, np.ones(offsets.shape, dtype=bool))

    def along(self, directions: Array) -> Any:
        """The function that finite differences sample along directions.

        Parameters
        ----------
        directions : (D, E) float64
            How far each entry moves per unit step.

        Returns
        -------
        Function
            Of steps along the directions, at base points 0.
        """

        def sample(which: Array, offsets: Array) -> Samples:
            values = np.empty(offsets.shape)
            for row, number in enumerate(which):
                for column, step in enumerate(offsets[row]):
                    values[row, column] = self.value(self.x + step * directions[number])
            return Samples(values, np.ones(offsets.shape, dtype=bool))

        return sample
