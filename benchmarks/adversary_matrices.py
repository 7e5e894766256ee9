"""The grammar's factors of matrices, products by letters and statistics: what they are in mpmath, their rules
as formulas.

Written without gradcheck's own arithmetic, from the definitions, at the oracle's many digits.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from adversary_functions import OPERATIONS
from adversary_table import (
    _array,
    _determinant,
    _dot_shape,
    _inverse,
    _matmul_shape,
    _outer_shape,
    _positive,
    _same_only,
    _square,
    _vector,
    f,
)
from adversary_trees import ZERO, C, Outside, Shape, need, snapped

__all__ = ["OPERATIONS"]


def _solve_shape(a: Shape, b: Shape) -> Shape:
    need(len(b) == 1)
    return _square(lambda s: s[:1])(a) if a[:1] == b else _vector(())


def _log_absolute(a: Any) -> Any:
    found = snapped(_determinant(a))
    if found == 0:
        raise Outside
    return C.log(abs(found))


def _cholesky(a: Any) -> Any:
    found = np.full(a.shape, ZERO, dtype=object)
    for i in range(len(a)):
        for j in range(i + 1):
            rest = a[i, j] - sum((found[i, k] * found[j, k] for k in range(j)), ZERO)
            found[i, j] = C.sqrt(_positive(snapped(rest))) if i == j else rest / found[j, j]
    return found


def _eigenvalues(a: Any) -> Any:
    with C.extraprec(64):
        found = C.eigsy(C.matrix(((a + a.T) / 2).tolist()), eigvals_only=True)
    return np.array(sorted(+x for x in found), dtype=object)


def _nearest(values: Any) -> Any:
    ordered = sorted(values)
    gaps = [snapped(b - a) for a, b in pairwise(ordered)]
    return min(gaps) if gaps else C.mpf(1)


def _form_shape(u: Shape, a: Shape, v: Shape) -> Shape:
    need(len(a) == 2 and u == a[:1] and v == a[1:])
    return ()


def _kron_shape(a: Shape, b: Shape) -> Shape:
    need(len(a) == len(b) == 2 and np.prod(a) * np.prod(b) <= 16)
    return a[0] * b[0], a[1] * b[1]


def _cross_shape(u: Shape, v: Shape) -> Shape:
    need(u == (3,))
    return _same_only(u, v)


def _cross(u: Any, v: Any) -> Any:
    places = ((1, 2), (2, 0), (0, 1))
    return np.array([u[i] * v[j] - u[j] * v[i] for i, j in places], dtype=object)


def _variance(a: Any, correction: int = 0) -> Any:
    return np.sum((a - np.sum(a) / len(a)) ** 2) / (len(a) - correction)


def _long_vector(least: int, result: Callable[[Shape], Shape]) -> Callable[[Shape], Shape]:
    def shape(given: Shape) -> Shape:
        need(len(given) == 1 and given[0] >= least)
        return result(given)

    return shape


OPERATIONS |= {
    "solve": _array("solve({0}, {1})", lambda a, b: _inverse(a) @ b, _solve_shape,
                    (lambda g, y, a, b: -f("outer")(f("solve")(a.T, g), y),
                     lambda g, y, a, b: f("solve")(a.T, g)), "solve"),
    "logdet": _array("logdet({0})", lambda a: C.log(_positive(snapped(_determinant(a)))),
                     _square(lambda s: ()), (lambda g, y, a: g * f("inv")(a).T,), "logdet"),
    "slogdet": _array("slogdet({0})", _log_absolute, _square(lambda s: ()),
                      (lambda g, y, a: g * f("inv")(a).T,), "slogdet"),
    "cholesky": _array("cholesky({0} @ ({0})')", lambda a: _cholesky(a @ a.T), _square(lambda s: s), None,
                       "cholesky"),
    "eigvalsh": _array("eigvalsh({0})", _eigenvalues, _square(lambda s: s[:1]), None, "eigvalsh",
                       tie=lambda a: _nearest(_eigenvalues(a))),
    "tril": _array("tril({0})", lambda a: np.where(np.tri(*a.shape) > 0, a, ZERO),
                   _square(lambda s: s), (lambda g, y, a: f("tril")(g),), "tril"),
    "einsum of columns": _array('einsum("ij->j", {0})', lambda a: np.sum(a, axis=0),
                                lambda s: need(len(s) == 2) or s[1:], None, "einsum1"),
    "einsum of a product": _array('einsum("ij,jk->ik", {0}, {1})', lambda a, b: a @ b, _matmul_shape,
                                  (lambda g, y, a, b: g @ b.T, lambda g, y, a, b: a.T @ g), "einsum2"),
    "einsum of a form": _array('einsum("i,ij,j", {0}, {1}, {2})', lambda u, a, v: np.sum(u @ a * v),
                               _form_shape, (lambda g, y, u, a, v: g * (a @ v), None,
                                             lambda g, y, u, a, v: g * (a.T @ u)), "einsum3"),
    "einsum of a pair": _array('einsum("i,j->ji", {0}, {1})', lambda u, v: np.outer(v, u),
                               lambda u, v: _outer_shape(v, u), None, "einsum2"),
    "einsum of rows": _array('einsum("i,i->", {0}, {1})', lambda u, v: np.sum(u * v), _dot_shape,
                             (lambda g, y, u, v: g * v, lambda g, y, u, v: g * u), "einsum2"),
    "kron": _array("kron({0}, {1})", np.kron, _kron_shape, None, "kron"),
    "cross": _array("cross({0}, {1})", _cross, _cross_shape,
                    (lambda g, y, u, v: f("cross")(v, g), lambda g, y, u, v: f("cross")(g, u)), "cross"),
    "var": _array("var({0})", _variance, _long_vector(1, lambda s: ()), None, "var"),
    "var of samples": _array("var({0}, correction=1)", lambda a: _variance(a, 1),
                             _long_vector(2, lambda s: ()), None, "var"),
    "std": _array("std({0}, ddof=1)", lambda a: C.sqrt(_variance(a, 1)), _long_vector(2, lambda s: ()),
                  None, "std", tie=lambda a: _variance(a)),
    "sort": _array("sort({0})", lambda a: np.array(sorted(a), dtype=object), _vector, None, "sort",
                   tie=_nearest),
}  # fmt: skip
