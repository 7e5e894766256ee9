"""Reads nothing. Gives the records of what is made by elimination: solutions, log-determinants, Cholesky
factors; and of eigenvalues.

`cholesky` and `eigvalsh` are functions of all entries: they take the symmetric part (A + A')/2, so that their
derivatives are symmetric, as those of PyTorch and JAX are.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.model.primitives.linear_algebra import as_matrix, as_vector, regularity, square_rule
from gradcheck_cli.model.primitives.record import Primitive, Shape, enter, shape_in_words

if TYPE_CHECKING:
    from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["FAMILY"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY)


def _solve_shape(a: Shape, b: Shape) -> tuple[Shape, dict[str, Any]]:
    n = square_rule("solve", lambda n: (n,))(a)[0][0]
    if len(b) not in (1, 2) or b[0] != n:
        raise ShapeError(
            f"solve(A, b) with A of the shape {shape_in_words(a)} needs a b of {n} rows, "
            f"not {shape_in_words(b)}",
            help=f"b is a vector [{n}], or a matrix [{n},k] of k right sides",
        )
    return b, {"rank": len(b)}


def _times(m: Namespace, a: Any, b: Any, rank: int) -> Any:
    return as_vector(m.matmul(a, as_matrix(b, rank)), rank)


def _solve(m: Namespace, a: Any, b: Any, rank: int) -> Any:
    return as_vector(m.solve(a, as_matrix(b, rank)), rank)


def _solve_back(m: Namespace, g: Any, a: Any, rank: int) -> Any:
    return _solve(m, a.swapaxes(-1, -2), g, rank)


def _pole_of_inverse(m: Namespace, moved: Any, a: Any) -> Any:
    """Positive where no singular matrix is as near to a: poles on both sides leave the sign of det alone."""
    return 1 - m.spectral_bound(m.matmul(m.inv(a), moved - a))

define(
    "solve", "solve(A, b)", "the x with A @ x = b; b is a vector, or a matrix of several", arguments=2,
    shape=_solve_shape, sample=((-0.4, 0.4), (-2.0, 2.0)), eliminates=True, affine=(1,),
    forward=lambda m, a, b, rank: _solve(m, a, b, rank),
    vjp=(
        lambda m, g, y, a, b, rank: -m.matmul(
            as_matrix(_solve_back(m, g, a, rank), rank), as_matrix(y, rank).swapaxes(-1, -2)
        ),
        lambda m, g, y, a, b, rank: _solve_back(m, g, a, rank),
    ),
    symbolic=lambda s, a, b, rank: s.contract(
        "ij,jk->ik" if rank == 2 else "ij,j->i", s.inverse(a), b
    ),
    domain=lambda m, a, b, rank: regularity(m, a), domain_text="det(A) != 0",
    within=lambda m, y, to_a, to_b, a, b, rank: _pole_of_inverse(m, to_a, a),
)  # fmt: skip


def _through_log_det(m: Namespace, g: Any, a: Any) -> Any:
    return g[..., None, None] * m.inv(a).swapaxes(-1, -2)

define(
    "logdet", "logdet(A)", "log(det(A)) of a matrix with a positive determinant, without underflow",
    shape=square_rule("logdet", lambda n: ()), sample=((-0.4, 0.4),), eliminates=True,
    forward=lambda m, a: m.log_det(a, positive=True),
    vjp=(lambda m, g, y, a: _through_log_det(m, g, a),),
    symbolic=lambda s, a: s.log_determinant(a, absolute=False),
    domain=lambda m, a: regularity(m, a), domain_text="det(A) > 0",
    within=lambda m, y, moved, a: _pole_of_inverse(m, moved, a),
)  # fmt: skip
define(
    "slogdet", "slogdet(A)", "log(abs(det(A))), without underflow; the sign is not part of it",
    shape=square_rule("slogdet", lambda n: ()), sample=((-0.4, 0.4),), eliminates=True,
    forward=lambda m, a: m.log_det(a, positive=False),
    vjp=(lambda m, g, y, a: _through_log_det(m, g, a),),
    symbolic=lambda s, a: s.log_determinant(a, absolute=True),
    domain=lambda m, a: regularity(m, a), domain_text="det(A) != 0",
    within=lambda m, y, moved, a: _pole_of_inverse(m, moved, a),
)  # fmt: skip


def _matrix_rule(shape: Shape) -> tuple[Shape, dict[str, Any]]:
    if len(shape) != 2:
        raise ShapeError(
            f"tril takes a matrix, not {shape_in_words(shape)}", help="a matrix has two axes: W[3,3]"
        )
    return shape, {}

define(
    "tril", "tril(A)", "a matrix with 0 above its diagonal", shape=_matrix_rule, affine=(0,), rounds=False,
    forward=lambda m, a: m.lower(a),
    vjp=(lambda m, g, y, a: m.lower(g),),
    symbolic=lambda s, a: s.lower(a),
)  # fmt: skip


def _through_cholesky(m: Namespace, g: Any, lower: Any) -> Any:
    """L^-T P L^-1 for the symmetric P that has the lower triangle of L'g, halved (Murray 2016)."""
    turned = lower.swapaxes(-1, -2)
    below = m.lower(m.matmul(turned, g))
    both = below + below.swapaxes(-1, -2) - m.on_diagonal(m.diagonal(below))
    inverted = m.lower(m.inv(lower))
    return m.matmul(m.matmul(inverted.swapaxes(-1, -2), both), inverted) / 2

define(
    "cholesky", "cholesky(A)", "the lower L with L @ L' = A, of the symmetric part of A",
    shape=square_rule("cholesky", lambda n: (n, n)), sample=((-0.4, 0.4),), symmetrizes=True,
    eliminates=True,
    forward=lambda m, a: m.cholesky(a),
    vjp=(lambda m, g, y, a: _through_cholesky(m, g, y),),
    symbolic=lambda s, a: s.cholesky(a),
    domain=lambda m, a: m.smallest_pivot(a), domain_text="symmetric part positive definite",
    within=lambda m, y, moved, a: _pole_of_inverse(m, m.symmetric_part(moved), m.symmetric_part(a)),
)  # fmt: skip


def _through_eigenvalues(m: Namespace, g: Any, a: Any) -> Any:
    _, vectors = m.eigenvectors(a)
    return m.matmul(vectors * g[..., None, :], vectors.swapaxes(-1, -2))


def _nearest_crossing(m: Namespace, y: Any, moved: Any, a: Any) -> Any:
    """Positive where no two eigenvalues can meet as near to a: none moves by more than the norm (Weyl). Those
    that are one already are a kink, which lies at the point itself."""
    gaps = m.distances(y)
    apart = m.where(m.gt(gaps, 0), gaps, m.max(m.abs(y), axis=(-1,), keepdims=True) + 1)
    change = m.norm(m.symmetric_part(moved - a), (-2, -1), False)
    return m.min(apart, (-1,), False) / 2 - change

define(
    "eigvalsh", "eigvalsh(A)", "eigenvalues of the symmetric part of A, the smallest first",
    shape=square_rule("eigvalsh", lambda n: (n,)), sample=((-0.4, 0.4),), symmetrizes=True,
    eliminates=True, analytic=False, tie="eigenvalue",
    forward=lambda m, a: m.eigenvalues(a),
    vjp=(lambda m, g, y, a: _through_eigenvalues(m, g, a),),
    symbolic=lambda s, a: s.eigenvalues(a),
    kink=lambda m, a: m.distances(m.eigenvalues(a)),
    within=lambda m, y, moved, a: _nearest_crossing(m, y, moved, a),
)  # fmt: skip
