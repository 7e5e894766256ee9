"""Reads arrays of numbers of any kind. Gives contractions, transposes and placements of the program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from gradcheck_cli.derivatives.symbolic.chosen_entries import one_hot_entries, take_entries
from gradcheck_cli.derivatives.symbolic.recording import Item
from gradcheck_cli.model.primitives.axes import axes_from_end
from gradcheck_cli.model.primitives.record import Shape
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.multiprecision import High
from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["diagonal_matrices", "permuted", "place_of_largest", "structural_value"]


# ---------------------------------------------------------------------------------------------
# Values and structure: shared with the referee, which goes the other way
# ---------------------------------------------------------------------------------------------

_COMPARE: dict[str, Callable[..., Any]] = {
    "gt": lambda m, a, b: m.gt(a, b),
    "lt": lambda m, a, b: m.gt(b, a),
    "ge": lambda m, a, b: m.ge(a, b),
    "le": lambda m, a, b: m.ge(b, a),
}


def _einsum(pattern: str, m: Namespace, *operands: Array) -> Array:
    inputs, output = pattern.split("->")
    dotted = ",".join(f"...{letters}" for letters in inputs.split(","))
    contracted = partial(np.einsum, f"{dotted}->...{output}")
    if isinstance(m, High):
        return m.multilinear(contracted, *operands)
    if len(operands) == 2:
        return _as_product(pattern, *operands, contracted)
    return np.asarray(contracted(*operands))


def _as_product(pattern: str, a: Array, b: Array, contracted: Callable[..., Array]) -> Array:
    """The contractions that @, dot and outer are, as matrix products; others as they are spelled."""
    if pattern == "ij,jk->ik":
        return np.asarray(np.matmul(a, b))
    if pattern == "ij,j->i":
        return np.asarray(np.matmul(a, b[..., None])[..., 0])
    if pattern == "i,jk->ik":
        return a[..., :, None] * b[..., 0, None, :]
    if pattern == "i,j->ij":
        return a[..., :, None] * b[..., None, :]
    if pattern == "i,i->":
        return np.asarray((a * b).sum(axis=-1))
    return np.asarray(contracted(a, b))


def _stretch(x: Array, rank: int, to: Shape) -> Array:
    lead, inner = x.shape[: x.ndim - rank], x.shape[x.ndim - rank :]
    return np.broadcast_to(x.reshape(lead + (1,) * (len(to) - rank) + inner), lead + to)


def _transpose(x: Array, rank: int) -> Array:
    return x if rank == 0 else x[..., None, :] if rank == 1 else x.swapaxes(-1, -2)


def _stack(xs: Sequence[Array], axis: int) -> Array:
    lead = np.broadcast_shapes(*(x.shape[:2] for x in xs))
    return np.stack([np.broadcast_to(x, lead + x.shape[2:]) for x in xs], axis=axis)


def _reshape(x: Array, rank: int, to: Shape) -> Array:
    return x.reshape(x.shape[: x.ndim - rank] + to)


def permuted(x: Array, axes: Sequence[int]) -> Array:
    """The last axes in another order.

    Parameters
    ----------
    x : (..., *shape) array of any dtype
    axes : which axis of the shape comes first, second, ...

    Returns
    -------
    (..., *other order) array of the same dtype
    """
    lead = x.ndim - len(axes)
    return x.transpose(*range(lead), *(lead + k for k in axes))


def diagonal_matrices(x: Array) -> Array:
    """Vectors on the diagonals of matrices that are 0 elsewhere.

    Parameters
    ----------
    x : (..., n) of any dtype

    Returns
    -------
    (..., n, n) of the same dtype
    """
    n = x.shape[-1]
    result = np.zeros((*x.shape, n), dtype=x.dtype) + 0 * x[..., None, :1]
    result[..., range(n), range(n)] = x
    return np.asarray(result)


def structural_value(item: Item, m: Namespace, xs: Sequence[Array]) -> Array:
    """The value of a structural instruction; linear in `xs` except compare, whole, one_hot, select, largest,
    contract, and in what chooses.

    Parameters
    ----------
    item : the instruction, with what it needs to know beside its arguments
    m : the namespace in whose numbers it is computed
    xs : values of its arguments, each (perturbations, rows, *shape)

    Returns
    -------
    (perturbations, rows, *shape of the item) in the numbers of `m`

    Raises
    ------
    KeyError
        If the operation is not structural.
    """
    match item.operation:
        case "copy":
            return xs[0]
        case "contract":
            return _einsum(item.data, m, *xs)
        case "total":
            rank, axis = item.data
            return m.sum(xs[0], axis=axes_from_end(rank, axis), keepdims=axis is not None)  # type: ignore[no-any-return]
        case "transpose":
            return _transpose(xs[0], item.data)
        case "expand":
            return _stretch(xs[0], *item.data)
        case "reshape":
            return _reshape(xs[0], *item.data)
        case "permute":
            return permuted(xs[0], item.data)
        case "gather":
            places, signs, shape = item.data
            picked = xs[0][..., places]
            picked = picked if (signs == 1).all() else picked * signs
            return np.asarray(picked.reshape((*xs[0].shape[:2], *shape)))
        case "take":
            return take_entries(xs[0], xs[1:], item.data)
        case "one_hot":
            return one_hot_entries(xs[0], item.data, m)
        case "diagonal":
            return np.diagonal(xs[0], axis1=-2, axis2=-1)
        case "on_diagonal":
            return diagonal_matrices(xs[0])
        case "index":
            return np.asarray(xs[0][(..., *item.data)])
        case "stack":
            return _stack(xs, item.data)
        case "concat":
            lead = np.broadcast_shapes(*(x.shape[:2] for x in xs))
            full = [np.broadcast_to(x, lead + x.shape[2:]) for x in xs]
            return np.concatenate(full, axis=item.data)
        case "compare":
            return _COMPARE[item.data](m, *xs)  # type: ignore[no-any-return]
        case "whole":
            return getattr(m, item.data)(xs[0])  # type: ignore[no-any-return]
        case "select":
            return m.where(m.eq(xs[0], 0), xs[2], xs[1])  # type: ignore[no-any-return]
        case "largest":
            rank, axis = item.data
            return m.max(xs[0], axis=axes_from_end(rank, axis), keepdims=axis is not None)  # type: ignore[no-any-return]
        case "inverse":
            return m.inv(xs[0])  # type: ignore[no-any-return]
        case "determinant":
            return m.det(xs[0])  # type: ignore[no-any-return]
        case "log_determinant":
            return m.log_det(xs[0], positive=not item.data)  # type: ignore[no-any-return]
        case "cholesky":
            return m.cholesky(xs[0])  # type: ignore[no-any-return]
        case "eigenvalues" | "constant_eigenvalues":
            return m.eigenvalues(xs[0])  # type: ignore[no-any-return]
        case "constant_eigenvectors":
            return m.eigenvectors(xs[0])[1]  # type: ignore[no-any-return]
        case "simple":
            largest = m.max(m.abs(xs[0]), axis=(-1,), keepdims=True)
            return m.gt(m.distances(xs[0]), largest * m.number(item.data))  # type: ignore[no-any-return]
        case "sorted":
            return m.ordered(xs[0], m.order(xs[0], item.data), item.data)  # type: ignore[no-any-return]
        case "lower":
            return m.lower(xs[0])  # type: ignore[no-any-return]
    raise KeyError(item.operation)


def place_of_largest(item: Item, m: Namespace, x: Array, y: Array) -> Array:
    """1 at the first largest entry, else 0: the slope of a maximum.

    Parameters
    ----------
    item : a "largest" instruction
    m : the namespace of the numbers
    x : (perturbations, rows, *shape), what the maximum is taken of
    y : the maximum, without the reduced axes, or with them as axes of size 1

    Returns
    -------
    array of the shape of `x`, in the numbers of `m`
    """
    rank, axis = item.data
    y = y if axis is not None else y.reshape(y.shape + (1,) * rank)
    return m.first_of(m.eq(x, y), axes_from_end(rank, axis))  # type: ignore[no-any-return]
