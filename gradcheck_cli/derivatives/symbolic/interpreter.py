"""Reads a Program and a point. Gives the values of all its instructions, block by block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck_cli.derivatives.symbolic.array_operations import structural_value
from gradcheck_cli.derivatives.symbolic.kernels import Formula
from gradcheck_cli.derivatives.symbolic.program import Applied, Program
from gradcheck_cli.derivatives.symbolic.recording import CONSTANT, Item
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["Run"]


# ---------------------------------------------------------------------------------------------
# Running it: values, and tangents in the directions asked for
# ---------------------------------------------------------------------------------------------


@dataclass
class Run:
    """Values of a program's items at a point; shared ones once, per-row ones a block at a time."""

    program: Program
    point: Mapping[str, Array]
    m: Namespace = FLOAT64
    shared: dict[int, Array] = field(default_factory=dict)

    def leaf(self, item: Item, rows: slice) -> Array:
        """A leaf's value.

        Parameters
        ----------
        item : a leaf
        rows : the block, where it has one value per row

        Returns
        -------
        (1, rows or 1, *shape) in the numbers of `m`
        """
        values = self.point[item.data]
        return self.m.decimals(values[None, rows] if item.per_row else values[None, None])

    def value(self, item: Item, values: Mapping[int, Array], rows: slice) -> Array:
        """The value of one instruction from those of its arguments.

        Parameters
        ----------
        item : the instruction
        values : index of the instruction to (perturbations, rows, *shape) array
        rows : the block

        Returns
        -------
        (perturbations, rows, *shape) in the numbers of `m`
        """
        if item.operation in CONSTANT:
            number = self.m.array(np.full((1, 1), _constant(item, self.m)))
            return number.reshape((1, 1) + (1,) * len(item.shape)) if item.shape else number
        if item.operation == "leaf":
            return self.leaf(item, rows)
        applied = self.program.kernels.get(item.index)
        if applied is not None:
            return _of_kernel(applied.kernel.value, self.m, self.slot_values(item, applied, values))
        arguments = [values[a] for a in item.arguments]
        if item.operation == "over_rows":
            return self.m.sum(arguments[0], axis=(1,), keepdims=True)  # type: ignore[no-any-return]
        return structural_value(item, self.m, arguments)

    def slot_values(self, item: Item, applied: Applied, values: Mapping[int, Array]) -> list[Array]:
        """The values in a kernel's slots; numbers are given the axes of the others.

        Parameters
        ----------
        item : the instruction
        applied : its kernel, and which values go into the slots
        values : index of the instruction to (perturbations, rows, *shape) array

        Returns
        -------
        list of (perturbations, rows, *shape or 1...) arrays
        """
        rank = 2 + len(item.shape)
        found = []
        for slot in applied.slots:
            x = values[slot]
            found.append(x if x.ndim == rank else x.reshape(x.shape[:2] + (1,) * (rank - 2)))
        return found


def _of_kernel(formula: Formula, m: Namespace, slots: list[Array]) -> Array:
    """A kernel's value; where SymPy drops slots, as of v - v and v^0, in the shape that they give."""
    value = formula(m, slots)
    if not formula.drops_slots:
        return value
    return np.broadcast_to(value, np.broadcast_shapes(*(x.shape for x in slots)))


def _constant(item: Item, m: Namespace) -> Any:
    """A number of the text or of a formula, in the numbers of a namespace."""
    if item.operation == "constant":
        return m.decimal(item.data)
    return m.pi if item.operation == "pi" else float(item.data)
