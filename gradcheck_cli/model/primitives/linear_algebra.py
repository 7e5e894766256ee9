"""Reads nothing. Gives the records of transposes, products, determinants and inverses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.model.primitives.record import Primitive, Shape, ShapeRule, enter, shape_in_words

if TYPE_CHECKING:
    from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["FAMILY", "as_matrix", "as_vector", "regularity", "square_rule"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY)


def _transpose_shape(shape: Shape) -> tuple[Shape, dict[str, Any]]:
    if len(shape) == 1:
        return (1, shape[0]), {"rank": 1}
    if len(shape) > 2:
        order = ", ".join(map(str, (*range(len(shape) - 2), len(shape) - 1, len(shape) - 2)))
        raise ShapeError(
            f"the transpose of {len(shape)} axes, here {shape_in_words(shape)}, is read in two ways",
            help=f"name their order: transpose(x, ({order})) exchanges the last two, "
            f"({', '.join(map(str, reversed(range(len(shape)))))}) reverses all",
        )
    return shape[::-1], {"rank": len(shape)}


def _transpose(x: Any, rank: int) -> Any:
    if rank == 1:
        return x[..., None, :]
    return x if rank == 0 else x.swapaxes(-1, -2)


def _transpose_back(g: Any, rank: int) -> Any:
    return g[..., 0, :] if rank == 1 else _transpose(g, rank)

define(
    "transpose", "transpose(x)", "transpose; of a vector, the row [1,n]", shape=_transpose_shape,
    affine=(0,),
    rounds=False,
    forward=lambda m, x, rank: _transpose(x, rank),
    vjp=(lambda m, g, y, x, rank: _transpose_back(g, rank),),
    symbolic=lambda s, x, rank: s.transpose(x),
)  # fmt: skip


def _square(function: str, shape: Shape) -> int:
    """How many rows a square matrix has. Raises ShapeError for anything else."""
    if len(shape) == 2 and shape[0] == shape[1]:
        return shape[0]
    way_out = "a matrix has two axes: W[3,3]"
    if len(shape) > 2:
        way_out = f"one of its matrices is A[{'0,' * (len(shape) - 2)}:,:]"
    if len(shape) == 2:
        least = min(shape)
        cut = f"[0:{least},:]" if shape[0] > least else f"[:,0:{least}]"
        way_out = f"A @ A' and A' @ A are square, and so is the part A{cut}"
    raise ShapeError(f"{function} needs a square matrix, this is {shape_in_words(shape)}", help=way_out)


def _trace_shape(shape: Shape) -> tuple[Shape, dict[str, Any]]:
    _square("trace", shape)
    return (), {}

define(
    "trace", "trace(A)", "sum of the diagonal of a square matrix", shape=_trace_shape, affine=(0,),
    forward=lambda m, a: m.sum(m.diagonal(a), axis=(-1,), keepdims=False),
    vjp=(lambda m, g, y, a: m.on_diagonal(g[..., None] * m.ones_like(m.diagonal(a))),),
    symbolic=lambda s, a: s.total(s.diagonal(a), None),
)  # fmt: skip


def square_rule(function: str, result: Callable[[int], Shape]) -> ShapeRule:
    """The shape rule of a function of a square matrix: `result` gives the shape, from the number of rows."""

    def rule(shape: Shape) -> tuple[Shape, dict[str, Any]]:
        return result(_square(function, shape)), {}

    return rule


def regularity(m: Namespace, a: Any) -> Any:
    """A margin with the sign of det(A): of the matrix over its largest entry, where it does not underflow."""
    largest = m.max(m.abs(a), axis=(-2, -1), keepdims=True)
    return m.det_sign(a / m.where(largest, largest, 1 + largest))

define(
    "det", "det(A)", "determinant of a square matrix", shape=square_rule("det", lambda n: ()),
    sample=((-0.4, 0.4),), eliminates=True,
    forward=lambda m, a: m.det(a),
    vjp=(lambda m, g, y, a: g[..., None, None] * m.cofactors(a),),
    symbolic=lambda s, a: s.determinant(a),
)  # fmt: skip
define(
    "inv", "inv(A)", "inverse of a square matrix", shape=square_rule("inv", lambda n: (n, n)),
    sample=((-0.4, 0.4),), eliminates=True,
    forward=lambda m, a: m.inv(a),
    vjp=(
        lambda m, g, y, a: -m.matmul(m.matmul(y.swapaxes(-1, -2), g), y.swapaxes(-1, -2)),
    ),
    symbolic=lambda s, a: s.inverse(a),
    domain=lambda m, a: regularity(m, a), domain_text="det(A) != 0",
    # inv(A + E) = (sum of (-inv(A) E)^k) inv(A); poles on both sides leave the sign of det alone
    within=lambda m, y, moved, a: 1 - m.spectral_bound(m.matmul(y, moved - a)),
)  # fmt: skip


def _diagonal(shape: Shape) -> tuple[Shape, dict[str, Any]]:
    if len(shape) == 1:
        return (shape[0], shape[0]), {"rank": 1}
    if not shape:
        raise ShapeError(
            "diag takes a vector or a square matrix, not a single number", help="of 3 rows: eye(3)"
        )
    return (_square("diag", shape),), {"rank": 2}

define(
    "diag", "diag(x)", "the matrix with a vector on its diagonal; of a square matrix, its diagonal",
    shape=_diagonal, affine=(0,),
    rounds=False,
    forward=lambda m, x, rank: m.on_diagonal(x) if rank == 1 else m.diagonal(x),
    vjp=(lambda m, g, y, x, rank: m.diagonal(g) if rank == 1 else m.on_diagonal(g),),
    symbolic=lambda s, x, rank: s.on_diagonal(x) if rank == 1 else s.diagonal(x),
)  # fmt: skip


def _product_shape(a: Shape, b: Shape) -> tuple[Shape, dict[str, Any]]:
    if not a or not b:
        raise ShapeError("@ needs vectors or matrices on both sides", help="a number multiplies by *")
    for one in (a, b):
        if len(one) > 2:
            raise ShapeError(
                f"@ multiplies vectors and matrices, {shape_in_words(one)} has {len(one)} axes",
                help=f"name the axes: {_batched(len(a), len(b))}",
            )
    if len(a) == 1 and len(b) == 1:
        raise ShapeError(
            f"u @ v of two vectors ({shape_in_words(a)} and {shape_in_words(b)}) is ambiguous",
            help="dot(u, v) is the number u' @ v, outer(u, v) is the matrix u @ v'",
        )
    left = a if len(a) == 2 else (a[0], 1)
    if left[1] != b[0]:
        given = f"{shape_in_words(a)} and {shape_in_words(b)}"
        raise ShapeError(f"the shapes {given} do not fit @", help=_fit(a, b))
    return (left[0], b[1]) if len(b) == 2 else (left[0],), {"ranks": (len(a), len(b))}


def _batched(left: int, right: int) -> str:
    """The einsum that multiplies the matrices on the last two axes; axes in front belong together."""
    batch = "abcdefgh"
    first, second = (batch[max(left, right) - n : max(left, right) - 2] for n in (left, right))
    rows, columns = "i" * (left > 1), "k" * (right > 1)
    output = max(first, second, key=len) + rows + columns
    return f'einsum("{first}{rows}j,{second}j{columns}->{output}", A, B)'


def _fit(a: Shape, b: Shape) -> str:
    if a == b:
        return "* multiplies entry by entry; for the product of matrices put ' behind one of them"
    if len(a) == 2 and a[0] == b[0]:
        return "the left side's transpose fits: put ' behind it"
    if len(b) == 2 and a[-1] == b[1]:
        return "the right side's transpose fits: put ' behind it"
    if b[-1:] == a[:1]:
        return "the other order fits"
    return "the columns of the left side must be as many as the rows of the right side"


def as_matrix(x: Any, rank: int) -> Any:
    """A vector as a matrix of one column."""
    return x if rank == 2 else x[..., None]


def as_vector(x: Any, rank: int) -> Any:
    """A matrix of one column as the vector that it was."""
    return x if rank == 2 else x[..., 0]


def _pattern(ranks: tuple[int, int]) -> str:
    return {(2, 2): "ij,jk->ik", (2, 1): "ij,j->i", (1, 2): "i,jk->ik"}[ranks]

define(
    "matmul", "A @ B", "matrix product", infix="@", arguments=2, shape=_product_shape, affine=(0, 1),
    product=_pattern,
    forward=lambda m, a, b, ranks: as_vector(
        m.matmul(as_matrix(a, ranks[0]), as_matrix(b, ranks[1])), ranks[1]
    ),
    vjp=(
        lambda m, g, y, a, b, ranks: as_vector(
            m.matmul_onto(a, as_matrix(g, ranks[1]), as_matrix(b, ranks[1]).swapaxes(-1, -2)), ranks[0]
        ),
        lambda m, g, y, a, b, ranks: as_vector(
            m.matmul_onto(b, as_matrix(a, ranks[0]).swapaxes(-1, -2), as_matrix(g, ranks[1])), ranks[1]
        ),
    ),
    symbolic=lambda s, a, b, ranks: s.contract(_pattern(ranks), a, b),
)  # fmt: skip


def _dot_shape(u: Shape, v: Shape) -> tuple[Shape, dict[str, Any]]:
    if len(u) != 1 or u != v:
        raise ShapeError(
            f"dot takes two vectors of one length, not {shape_in_words(u)} and {shape_in_words(v)}",
            help="a matrix product is written A @ B, the sum of all products of entries sum(A*B)"
            if len(u) == len(v) == 2 else "a matrix times a vector is written A @ v",
        )
    return (), {}

define(
    "dot", "dot(u, v)", "sum of u*v; the same as u' @ v", arguments=2, shape=_dot_shape, affine=(0, 1),
    product=lambda: "i,i->",
    forward=lambda m, u, v: m.sum(u * v, axis=(-1,), keepdims=False),
    vjp=(lambda m, g, y, u, v: g[..., None] * v, lambda m, g, y, u, v: g[..., None] * u),
    symbolic=lambda s, u, v: s.contract("i,i->", u, v),
)  # fmt: skip


def _outer_shape(u: Shape, v: Shape) -> tuple[Shape, dict[str, Any]]:
    if len(u) != 1 or len(v) != 1:
        raise ShapeError(
            f"outer takes two vectors, not {shape_in_words(u)} and {shape_in_words(v)}",
            help="outer(u, v)[i,j] = u[i]*v[j]",
        )
    return (u[0], v[0]), {}

define(
    "outer", "outer(u, v)", "the matrix u[i]*v[j]; the same as u @ v'", arguments=2, shape=_outer_shape,
    affine=(0, 1), product=lambda: "i,j->ij",
    forward=lambda m, u, v: u[..., :, None] * v[..., None, :],
    vjp=(
        lambda m, g, y, u, v: m.sum(g * v[..., None, :], axis=(-1,), keepdims=False),
        lambda m, g, y, u, v: m.sum(g * u[..., :, None], axis=(-2,), keepdims=False),
    ),
    symbolic=lambda s, u, v: s.contract("i,j->ij", u, v),
)  # fmt: skip
