"""Reads an item of a Program with the values and tangents of its arguments. Gives its own tangent.

The rules are those of the pushforward: SymPy's partials of a kernel, the product rule of a contraction,
and for what is linear in its arguments the same operation on their tangents. Arrays carry two leading
axes, (directions, rows), where 1 stands for all alike. Knows nothing of blocks of rows and of models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck_cli.derivatives.symbolic.array_operations import (
    place_of_largest,
    structural_value,
)
from gradcheck_cli.derivatives.symbolic.interpreter import Run
from gradcheck_cli.derivatives.symbolic.program import Applied
from gradcheck_cli.derivatives.symbolic.recording import WHOLE, Item
from gradcheck_cli.model.primitives.axes import axes_from_end
from gradcheck_cli.model.primitives.record import Shape
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["item_tangent"]


def item_tangent(
    run: Run, item: Item, values: Mapping[int, Array], tangent: Mapping[int, Array]
) -> Array | None:
    """How an item moves when its arguments do; sums over the rows are not its business.

    Parameters
    ----------
    run
        The program with its namespace; it evaluates the slots of kernels.
    values, tangent
        Of the items before this one: (1, rows or 1, *shape) and (directions or 1, rows or 1, *shape).
        An item without a tangent does not move.

    Returns
    -------
    (directions or 1, rows or 1, *shape), in the namespace's numbers; None where nothing moves it.
    nan where SymPy does not see into a matrix that moves.

    References
    ----------
    Griewank and Walther 2008, section 3.1.
    """
    applied = run.program.kernels.get(item.index)
    if applied is not None:
        return _of_kernel(run, item, applied, values, tangent)
    moving = [tangent.get(a) for a in item.arguments]
    if all(t is None for t in moving):
        return None
    match item.operation:
        case "compare" | "whole" | "one_hot" | "constant_eigenvalues" | "constant_eigenvectors" | "simple":
            return None
        case "take":
            chosen = [values[a] for a in item.arguments[1:]]
            return None if moving[0] is None else structural_value(item, run.m, [moving[0], *chosen])
        case "contract":
            return _product_rule(item, run.m, [values[a] for a in item.arguments], moving)
        case "select":
            return _of_choice(item, run.m, values, moving)
        case "sorted":
            return _of_sorted(item, run.m, values[item.arguments[0]], moving[0])
        case "largest":
            return _of_largest(item, run.m, values, moving[0])
        case _ if item.operation in WHOLE:
            return _unknown(moving[0], item.shape)
        case "stack" | "concat":
            inner = [run.program.items[a].shape for a in item.arguments]
            parts = zip(moving, inner, strict=True)
            full = [np.zeros((1, 1, *shape)) if t is None else t for t, shape in parts]
            return structural_value(item, run.m, full)
    return structural_value(item, run.m, [t for t in moving if t is not None])


def _of_kernel(
    run: Run, item: Item, applied: Applied, values: Mapping[int, Array], tangent: Mapping[int, Array]
) -> Array | None:
    """The chain rule: the sum over the slots of SymPy's partial times the slot's tangent."""
    total: Array | None = None
    slots: list[Array] | None = None
    for place, slot in enumerate(applied.slots):
        moving = tangent.get(slot)
        if moving is None:
            continue
        partial = applied.kernel.partials[place]
        if partial is None:
            continue
        if slots is None:
            slots = run.slot_values(item, applied, values)
        part = moving if partial.is_one else _times(partial(run.m, slots), moving)
        total = part if total is None else total + part
    return total


def _of_choice(
    item: Item, m: Namespace, values: Mapping[int, Array], moving: Sequence[Array | None]
) -> Array:
    """The tangent of the branch that is taken."""
    chosen = [_or_zero(t) for t in moving]
    condition = m.eq(values[item.arguments[0]], 0)
    return m.where(condition, chosen[2], chosen[1])  # type: ignore[no-any-return]


def _of_largest(item: Item, m: Namespace, values: Mapping[int, Array], moving: Array | None) -> Array:
    """The tangent of the (first) largest entry."""
    assert moving is not None
    rank, axis = item.data
    at = place_of_largest(item, m, values[item.arguments[0]], values[item.index])
    return np.asarray((moving * at).sum(axis=axes_from_end(rank, axis), keepdims=axis is not None))


def _of_sorted(item: Item, m: Namespace, x: Array, moving: Array | None) -> Array:
    """The tangents in the order of the entries."""
    assert moving is not None
    return np.asarray(m.ordered(moving, m.order(x, item.data), item.data))


def _unknown(moving: Array | None, shape: Shape) -> Array:
    """nan in every direction in which a matrix moves, 0 in the others."""
    assert moving is not None
    moves = np.any(moving != 0, axis=(-2, -1))
    found = np.where(moves, np.nan, 0.0).reshape(*moves.shape, *(1,) * len(shape))
    return np.broadcast_to(found, (*moves.shape, *shape))


def _or_zero(tangent: Array | None) -> Any:
    return 0.0 if tangent is None else tangent


def _times(partial: Array, tangent: Array) -> Array:
    """The product, where 0 times anything is 0: what does not move is not stopped by a pole."""
    product = partial * tangent
    if product.dtype != object and np.isfinite(product).all():
        return product
    return np.where(tangent == 0, 0 * tangent, product)


def _product_rule(
    item: Item, m: Namespace, values: Sequence[Array], tangents: Sequence[Array | None]
) -> Array:
    total: Array | None = None
    for place, moving in enumerate(tangents):
        if moving is None:
            continue
        operands = [moving if k == place else x for k, x in enumerate(values)]
        part = structural_value(item, m, operands)
        total = part if total is None else total + part
    assert total is not None
    return total
