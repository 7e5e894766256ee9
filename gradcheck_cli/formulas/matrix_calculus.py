"""Reads nodes of factors, products by letters and statistics, with the formula of their adjoint. Gives that
of an argument, as textbooks write it (Petersen and Pedersen 2012; Murray 2016; Magnus 1985).

What these functions are made of, columns of an elimination or zeros of a polynomial, would not be readable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

from gradcheck_cli.formulas.array_algebra import Algebra, spell_axis
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.primitives.axes import all_kept, axes_from_end
from gradcheck_cli.model.primitives.record import Shape

__all__ = ["MATRIX_CALCULUS"]


class _Call(NamedTuple):
    """A node, the argument that is asked for, and the expressions of its adjoint, value and arguments."""

    node: Node
    place: int
    adjoint: int
    own: int
    given: Sequence[int]


# -- factors ------------------------------------------------------------------------------------


def _inverse(algebra: Algebra, a: int) -> int:
    return algebra.call("inv", a, shape=algebra.shape(a))


def _of_solve(algebra: Algebra, call: _Call) -> int:
    a, _ = call.given
    adjoint = algebra.fit(call.adjoint, call.node.shape)
    back = algebra.call("solve", algebra.transpose(a), adjoint, shape=call.node.shape)
    if call.place == 1:
        return back
    return algebra.negative(algebra.matmul(back, algebra.transpose(call.own)))


def _of_log_det(algebra: Algebra, call: _Call) -> int:
    return algebra.times(call.adjoint, algebra.transpose(_inverse(algebra, call.given[0])))


def _of_tril(algebra: Algebra, call: _Call) -> int:
    shape = call.node.shape
    return algebra.call("tril", algebra.fit(call.adjoint, shape), shape=shape)


def _of_cholesky(algebra: Algebra, call: _Call) -> int:
    shape, lower = call.node.shape, call.own
    product = algebra.matmul(algebra.transpose(lower), algebra.fit(call.adjoint, shape))
    below = algebra.call("tril", product, shape=shape)
    diagonal = algebra.times(below, algebra.eye(shape[0]))
    both = algebra.add([below, algebra.transpose(below), algebra.negative(diagonal)])
    inverse = _inverse(algebra, lower)
    whole = algebra.matmul(algebra.matmul(algebra.transpose(inverse), both), inverse)
    return _half(algebra, whole)


def _half(algebra: Algebra, e: int) -> int:
    return algebra.times(e, algebra.power(algebra.number(2), -1))


def _of_eigenvalues(algebra: Algebra, call: _Call) -> int:
    """The projections on the eigenvectors, as polynomials of the matrix (Sylvester's formula)."""
    (n,), a = call.node.shape, call.given[0]
    adjoint = algebra.fit(call.adjoint, (n,))
    symmetric = _half(algebra, algebra.add([a, algebra.transpose(a)])) if n > 1 else a
    values = [algebra.index(call.own, (k,)) for k in range(n)]
    terms = []
    for k in range(n):
        factors = [_factor(algebra, symmetric, values[k], values[j], n) for j in range(n) if j != k]
        projection = factors[0] if factors else algebra.eye(1)
        for factor in factors[1:]:
            projection = algebra.matmul(projection, factor)
        terms.append(algebra.times(algebra.index(adjoint, (k,)), projection))
    return algebra.add(terms)


def _factor(algebra: Algebra, a: int, own: int, other: int, n: int) -> int:
    """(A - other*I)/(own - other): 1 on the eigenvector of `own`, 0 on the other one."""
    moved = algebra.add([a, algebra.negative(algebra.times(other, algebra.eye(n)))])
    gap = algebra.add([own, algebra.negative(other)])
    return algebra.times(moved, algebra.power(gap, -1))


# -- products -----------------------------------------------------------------------------------


def _of_cross(algebra: Algebra, call: _Call) -> int:
    u, v = call.given
    adjoint, shape = algebra.fit(call.adjoint, call.node.shape), call.node.shape
    sides = (v, adjoint) if call.place == 0 else (adjoint, u)
    return algebra.call("cross", *sides, shape=shape)


def _of_kron(algebra: Algebra, call: _Call) -> int:
    """Sums over blocks are products with Kronecker products of an identity and ones."""
    a, b = (algebra.shape(e) for e in call.given)
    first = call.place == 0
    ones = algebra.call("ones", *map(algebra.number, a if first else b), shape=a if first else b)
    sides = (ones, call.given[1]) if first else (call.given[0], ones)
    beside = algebra.call("kron", *sides, shape=call.node.shape)
    terms = algebra.times(algebra.fit(call.adjoint, call.node.shape), beside)
    rows = _adds_blocks(algebra, a[0], b[0], first)
    if len(a) == 1:
        return algebra.matmul(rows, terms)
    columns = algebra.transpose(_adds_blocks(algebra, a[1], b[1], first))
    return algebra.matmul(algebra.matmul(rows, terms), columns)


def _adds_blocks(algebra: Algebra, outer: int, inner: int, first: bool) -> int:
    """The matrix that adds up the entries of one block, or those in one place of all blocks."""
    size, count = (outer, inner) if first else (inner, outer)
    row = algebra.call("ones", algebra.one, algebra.number(count), shape=(1, count))
    sides = (algebra.eye(size), row) if first else (row, algebra.eye(size))
    return algebra.call("kron", *sides, shape=(size, outer * inner))


def _of_einsum(algebra: Algebra, call: _Call) -> int:
    inputs, output = call.node.options["subscripts"].split("->")
    letters = inputs.split(",")
    axes = letters[call.place]
    own = "".join(dict.fromkeys(axes))
    others = [(letters[k], e) for k, e in enumerate(call.given) if k != call.place]
    adjoint = algebra.fit(call.adjoint, call.node.shape)
    operands = [(output, adjoint), *others] if output else others
    known = "".join(c for c in own if any(c in given for given, _ in operands))
    shape = tuple(algebra.shape(call.given[call.place])[axes.index(c)] for c in own)
    found = _contraction(algebra, operands, known, own, shape)
    if not output:
        found = algebra.times(adjoint, found)
    found = _spread(algebra, found, known, own, shape)
    return found if own == axes else algebra.call("diag", found, shape=(*shape, *shape))


def _contraction(
    algebra: Algebra, operands: Sequence[tuple[str, int]], known: str, own: str, shape: Shape
) -> int:
    """The einsum of these, as a transpose or a matrix product where it is one."""
    if not operands:
        return algebra.one
    (letters, first), *rest = operands
    if not rest and letters in (known, known[::-1] if len(known) == 2 else known):
        return first if letters == known else algebra.transpose_derived(first)
    groups = [given for given, _ in operands]
    together = "".join(groups) + known
    narrow = all(len(group) <= 2 for group in [*groups, known]) and _apart([*groups, known])
    if narrow and len(operands) == 2 and all(together.count(c) == 2 for c in together):
        return algebra.contract(operands[0], operands[1], known)
    pattern = algebra.make("text", (), f"{','.join(groups)}->{known}")
    size = tuple(shape[own.index(c)] for c in known)
    return algebra.call("einsum", pattern, *(e for _, e in operands), shape=size)


def _apart(groups: Sequence[str]) -> bool:
    """Whether no array has an axis twice."""
    return all(len(set(group)) == len(group) for group in groups)


def _spread(algebra: Algebra, e: int, known: str, own: str, shape: Shape) -> int:
    """Repeated along the axes that nothing else has."""
    if known == own:
        return algebra.fit(e, shape)
    if not known:
        return algebra.times(e, algebra.ones(shape))
    rest = "".join(c for c in own if c not in known)
    pairs = ((e, known), (algebra.one, rest))
    e, ones = (algebra.fit(x, tuple(shape[own.index(c)] for c in axes)) for x, axes in pairs)
    pattern = algebra.make("text", (), f"{known},{rest}->{own}")
    return algebra.call("einsum", pattern, e, ones, shape=shape)


# -- statistics ---------------------------------------------------------------------------------


def _deviations(algebra: Algebra, call: _Call) -> tuple[int, int]:
    """x - mean(x), and what a variance is divided by."""
    (x,), axis = call.given, call.node.options["axis"]
    shape = algebra.shape(x)
    chosen = axes_from_end(len(shape), axis)
    more = "" if axis is None else spell_axis([len(shape) + k for k in chosen])
    mean = algebra.call("mean", x, shape=() if axis is None else all_kept(shape, axis), more=more)
    divisor = algebra.number(prod(shape[k] for k in chosen) - call.node.options["correction"])
    return algebra.add([x, algebra.negative(mean)]), divisor


def _beside(algebra: Algebra, call: _Call, e: int) -> int:
    """What was reduced, with its axes back: of one number for all entries, that number."""
    axis = call.node.options["axis"]
    if axis is None:
        return algebra.index(e, (0,) * len(call.node.shape)) if algebra.shape(e) else e
    full = algebra.full_or_number(e, call.node.shape)
    return algebra.reshape(full, all_kept(algebra.shape(call.given[0]), axis))


def _of_variance(algebra: Algebra, call: _Call) -> int:
    deviations, divisor = _deviations(algebra, call)
    adjoint = _beside(algebra, call, call.adjoint)
    return algebra.times(algebra.number(2), adjoint, deviations, algebra.power(divisor, -1))


def _of_deviation(algebra: Algebra, call: _Call) -> int:
    deviations, divisor = _deviations(algebra, call)
    adjoint, own = _beside(algebra, call, call.adjoint), _beside(algebra, call, call.own)
    return algebra.times(adjoint, deviations, algebra.power(algebra.times(divisor, own), -1))


def _of_sort(algebra: Algebra, call: _Call) -> int:
    """Each entry gets what arrives where its value stands in the sorted ones."""
    shape, axis = call.node.shape, call.node.options["axis"]
    adjoint = algebra.fit(call.adjoint, shape)
    if len(shape) > 2:
        return _of_sort_along(algebra, call, adjoint)
    if len(shape) == 1:
        return _unsorted(algebra, call.given[0], call.own, adjoint, shape[0])
    keys: list[Any] = [(k, slice(None)) if axis == 1 else (slice(None), k) for k in range(shape[1 - axis])]
    parts = []
    for key in keys:
        x, own, at = (algebra.index(e, key) for e in (call.given[0], call.own, adjoint))
        parts.append(_unsorted(algebra, x, own, at, shape[axis]))
    stacked = algebra.stack(parts)
    return stacked if axis == 1 else algebra.transpose(stacked)


def _of_sort_along(algebra: Algebra, call: _Call, adjoint: int) -> int:
    """The same of more axes: the one that is sorted last, the others in one."""
    shape = call.node.shape
    axis = call.node.options["axis"] % len(shape)
    order = [*(k for k in range(len(shape)) if k != axis), axis]
    n, moved = shape[axis], tuple(shape[k] for k in order)
    rows = prod(shape) // n
    x, own, at = (algebra.permute(e, order) for e in (call.given[0], call.own, adjoint))
    columns, beside = algebra.reshape(x, (rows, n, 1)), algebra.reshape(own, (rows, 1, n))
    same = algebra.times(*(algebra.compare(sign, columns, beside) for sign in ("ge", "le")))
    pattern = algebra.make("text", (), "aij,aj->ai")
    found = algebra.call("einsum", pattern, same, algebra.reshape(at, (rows, n)), shape=(rows, n))
    back = sorted(range(len(shape)), key=order.__getitem__)
    return algebra.permute(algebra.reshape(found, moved), back)


def _unsorted(algebra: Algebra, x: int, own: int, adjoint: int, n: int) -> int:
    ones = algebra.ones((n,))
    rows = algebra.call("outer", x, ones, shape=(n, n))
    columns = algebra.call("outer", ones, own, shape=(n, n))
    same = algebra.times(*(algebra.compare(sign, rows, columns) for sign in ("ge", "le")))
    return algebra.matmul(same, adjoint)


_RULES: dict[str, Callable[[Algebra, _Call], int]] = {
    "solve": _of_solve, "logdet": _of_log_det, "slogdet": _of_log_det, "tril": _of_tril,
    "cholesky": _of_cholesky, "eigvalsh": _of_eigenvalues, "cross": _of_cross, "kron": _of_kron,
    "einsum1": _of_einsum, "einsum2": _of_einsum, "einsum3": _of_einsum,
    "var": _of_variance, "std": _of_deviation, "sort": _of_sort,
}  # fmt: skip


def _rule(name: str) -> Callable[[Algebra, Node, int, int, int, Sequence[int]], int]:
    def adjoint_of(
        algebra: Algebra, node: Node, place: int, adjoint: int, own: int, given: Sequence[int]
    ) -> int:
        return _RULES[name](algebra, _Call(node, place, adjoint, own, given))

    return adjoint_of


# the adjoint of one argument, from the node, its adjoint, its value and its arguments
MATRIX_CALCULUS = {name: _rule(name) for name in _RULES}
