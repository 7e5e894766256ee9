"""Reads the adjoint of chosen entries. Gives what a program makes of it that writes where it has to add."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gradcheck_cli.derivatives.backprop.reverse_mode import Rule
from gradcheck_cli.model.graph import Node
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64

__all__ = ["overwrite"]


def overwrite(
    node: Node, rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]
) -> Array:
    """What a program does that writes to chosen places and does not add: x_grad[y] = g.

    Parameters
    ----------
    node : take or take_pairs
    rule : of its array
    adjoint, value, arguments : as of a rule; the array first, then the numbers of what is chosen

    Returns
    -------
    float64 array, the contribution to the adjoint of the array
    """
    array, *chosen = arguments
    places = np.arange(math.prod(array.shape[2:]), dtype=float).reshape(1, 1, *array.shape[2:])
    found = node.primitive.forward(FLOAT64, places, *chosen, **node.options)
    apart = adjoint.shape[1] if array.shape[1] > 1 else 1  # rows that share an array overwrite one another
    flat = np.broadcast_to(found, (1, adjoint.shape[1], *found.shape[2:])).reshape(apart, -1)
    kept = np.zeros_like(flat)
    for row, numbers in enumerate(flat):
        _, last = np.unique(numbers[::-1], return_index=True)
        kept[row, len(numbers) - 1 - last] = 1
    return rule(adjoint * kept.reshape((1, *adjoint.shape[1:])), value, arguments)
