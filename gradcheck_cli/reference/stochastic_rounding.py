"""Reads a Model and a point. Gives the forward pass with every operation's result jittered, and bounds.

Stochastic arithmetic (Vignes 1993): results are moved by a relative 2^-46 instead of the 2^-52 of float64,
at random, and what comes out is scaled back. An operation that is exact for these numbers is exact in
every program, and is not moved. Values and numbers of the text mean their decimals: those that no double
holds are moved by half a unit. Knows nothing of derivatives.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from gradcheck_cli.evaluation.evaluate import compute
from gradcheck_cli.model.graph import Graph, Key, Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64, Float64
from gradcheck_cli.numerics.gaussian_elimination import cofactors_and_bound, determinant, inverse
from gradcheck_cli.numerics.limits.reference import ReferenceLimits
from gradcheck_cli.numerics.machine import EPS, SMALLEST_NORMAL, TINY
from gradcheck_cli.numerics.namespace import Namespace

__all__ = [
    "Jittered",
    "bound",
    "formula_rounding",
    "is_own_decimal",
    "jittered_pass",
    "local_errors",
    "read",
    "round_randomly",
]  # fmt: skip

_LIMITS = ReferenceLimits()
_IEEE: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
}  # fmt: skip


class Jittered(Float64):
    """float64 arithmetic whose results are moved by a relative 2^-46, each by its own random sign; those of
    the first of its samples are not, so that what the others are off by needs no second computation.

    `narrow` stands for a format with fewer digits, into which the point itself has to be rounded, and in
    which nothing is taken to be exact.
    """

    def __init__(
        self, moved: int, seed: int, size: float | None = None, *, narrow: bool = False,
        reference: ReferenceLimits = _LIMITS,
    ) -> None:  # fmt: skip
        self.reference, self.size = reference, reference.jitter if size is None else size
        self.samples, self.narrow = 1 + moved, narrow
        self.random = np.random.Generator(np.random.PCG64(seed))
        self._pool, self._left = np.zeros(0), 0

    def round_randomly(self, x: Array, terms: int = 1, ulps: Array | float = 1.0) -> Array:
        """A result, jittered independently in every sample and entry, as if it were off by so many ulps.

        Parameters
        ----------
        x : (samples or 1, rows, *shape) float64
        terms : how many were added one after the other
            Every partial sum is rounded; a random walk of n steps is as if each term were off by the root
            of n/8 ulps.
        ulps : a number, or one for each entry

        Returns
        -------
        (samples, rows, *shape) float64
            The first sample is not jittered.

        References
        ----------
        Higham and Mary 2019.
        """
        found = np.empty((self.samples, *x.shape[1:]))
        found[0], moved = x[0], found[1:]  # in place: fresh memory takes longer than the arithmetic
        size = self.size * max(1.0, (terms / 8) ** 0.5)
        if np.ndim(ulps):
            self._draw(moved, -size, size)
            moved *= ulps
            moved += 1.0
        else:
            self._draw(moved, 1.0 - size * ulps, 1.0 + size * ulps)
        moved *= x if len(x) == 1 else x[1:]
        return found

    def _draw(self, into: Array, low: float, high: float) -> None:
        """One of two numbers for each entry, by random bits; for few entries by bits drawn beforehand,
        which takes a quarter of the time."""
        count, pool = into.size, self.reference.bit_pool
        if count > pool // 8:
            bits = self._bits(count)
        else:
            if self._left < count:
                self._pool, self._left = self._bits(pool).astype(float), pool
            self._left -= count
            bits = self._pool[self._left : self._left + count]
        np.multiply(bits.reshape(into.shape), high - low, out=into)  # to choose takes three times as long
        into += low

    def _bits(self, count: int) -> Array:
        return np.unpackbits(np.frombuffer(self.random.bytes(count // 8 + 1), np.uint8), count=count)

    def pow(self, a: Array, b: Array) -> Array:
        """a^b, where a whole number that was computed, as 2*m, is exact: a negative base has a power."""
        whole = np.rint(b)
        computed = (np.asarray(a) < 0) & (np.abs(b - whole) <= self.reference.whole_exponent * np.abs(b))
        return np.asarray(super().pow(a, np.where(computed, whole, b)))

    def exp(self, x: Array) -> Array:
        """The exponential, which is never 0: what has left the range of normal numbers is off by a unit of
        the smallest."""
        return self.with_underflow(np.asarray(super().exp(x)), np.isfinite(x))

    def with_underflow(self, y: Array, inexact: Array) -> Array:
        """y, off by one unit of the smallest number where it is below the normal ones and inexact.

        Parameters
        ----------
        y : (samples or 1, rows, *shape) float64
        inexact : bool, of a shape that fits y

        Returns
        -------
        (samples, rows, *shape) float64, or y itself
        """
        low = (np.abs(y) < SMALLEST_NORMAL) & inexact
        if not low.any():
            return y
        return np.asarray(y + np.where(low, (self.round_randomly(np.ones_like(y)) - 1) / EPS * TINY, 0.0))

    def erfc(self, x: Array) -> Array:
        """The complementary error function of an argument that was computed, and rounded: far out that
        is what counts, 2 x^2 times."""
        return np.asarray(super().erfc(self.round_randomly(x)))

    def det(self, x: Array) -> Array:
        """The determinant, with the rounding of every step of the elimination."""
        return determinant(x, self.round_randomly)

    def cofactors(self, x: Array) -> Array:
        """The cofactors, each off by as much as the better way to compute it may be."""
        found, off = cofactors_and_bound(x, self.limits)
        signs = np.sign(self.round_randomly(np.ones_like(x)) - 1)
        return np.asarray(found + signs * off * (self.size / EPS))

    def inv(self, x: Array) -> Array:
        """The inverse B, off by B @ R with |R| up to 2^-46 |A| |B|: what elimination leaves (Higham
        2002, 14.3)."""
        found = inverse(x)
        size = np.matmul(np.abs(x), np.abs(found))
        return np.asarray(found + np.matmul(found, self.round_randomly(size) - size))


def round_randomly(m: Namespace, x: Array, terms: int = 1, ulps: Array | float = 1.0) -> Array:
    """A result as it is, or jittered if the namespace does so; see Jittered.round_randomly.

    Parameters
    ----------
    m : any namespace
    x : (perturbations, rows, *shape)
    terms : how many were added one after the other
    ulps : by how many the result may be off; a number, or one for each entry

    Returns
    -------
    array of the shape of `x`, with the samples of `m` along the first axis where it jitters
    """
    jitter = getattr(m, "round_randomly", None)
    return x if jitter is None else jitter(x, terms, ulps)


def read(m: Namespace, x: Array) -> Array:
    """Doubles of a text or a file as they are, or jittered if the namespace does so: by half an ulp where
    they are not the decimals that they stand for.

    Parameters
    ----------
    m : a namespace that jitters, or any other
    x : (1, rows, *shape) float64

    Returns
    -------
    (samples, rows, *shape) float64; x itself where nothing is off
    """
    if not hasattr(m, "round_randomly"):
        return x
    inexact = ~is_own_decimal(x)
    return round_randomly(m, x, 1, np.where(inexact, 0.5, 0.0)) if inexact.any() else x


def is_own_decimal(x: Array, limits: ReferenceLimits = _LIMITS) -> Array:
    """Where a double equals the shortest decimal that gives it, as 0.5 does and 0.1 does not.

    Of more than `most_exact` numbers only those with at most 10 binary places and below 2^20 are known to be.

    Parameters
    ----------
    x : float64, any shape
    limits : how many numbers are compared with their texts

    Returns
    -------
    bool, of the shape of x
    """
    short = (np.abs(x) < 2.0**20) & (x * 1024.0 == np.rint(x * 1024.0))
    open_ = np.flatnonzero(~short)
    if 0 < open_.size <= limits.most_exact:
        flat = np.array(short).reshape(-1)
        flat[open_] = [_equals_its_text(float(v)) for v in np.ravel(x)[open_]]
        return flat.reshape(short.shape)
    return np.asarray(short)


def _equals_its_text(x: float) -> bool:
    return math.isfinite(x) and Decimal(repr(x)) == Decimal(x)


def bound(samples: Array, jitter: Jittered, ulps: int) -> Array:
    """What rounding may do, from samples of jitter.

    Parameters
    ----------
    samples : (samples, ...) float64
        The first one is not jittered.
    jitter : what the samples were computed with
    ulps : by how many the result may be off on top of that

    Returns
    -------
    (...) float64, in the unit of the samples
        inf where the samples are not finite.

    References
    ----------
    Vignes 1993.
    """
    plain = samples[0]
    with np.errstate(all="ignore"):
        spread = np.max(np.abs(samples - plain), axis=0)
        found = jitter.reference.safety * spread * (EPS / jitter.size)
        found = found + ulps * EPS * np.abs(plain) + TINY
    return np.where(np.isfinite(found), found, np.inf)


def jittered_pass(
    model: Model,
    point: Mapping[str, Array],
    m: Float64,
    errors: Mapping[int, Array] | None = None,
    *,
    doubles: bool = False,
) -> dict[int, Array]:
    """The forward pass, each operation jittered if the namespace does so.

    What is summed, multiplied as matrices or otherwise taken together is jittered entry by entry.

    Parameters
    ----------
    model : the graph
    point : name to float64 array
    m : a namespace that jitters, or plain float64
    errors : by how many ulps the result of a node may be off, where that is known (local_errors)
    doubles : the point is what the doubles say and not their decimals, as for differences, which move them

    Returns
    -------
    dict of node index to (samples, rows, *shape) float64 arrays
    """
    values: dict[int, Array] = {}
    with np.errstate(all="ignore"):
        for node in model.graph.nodes:
            if node.is_leaf:
                value = _leaf_value(node, point)
                if getattr(m, "narrow", False):
                    values[node.index] = round_randomly(m, value)
                else:
                    values[node.index] = value if doubles else read(m, value)
            else:
                known = errors or {}
                values[node.index] = _jitter_operation(model.graph, model.rows, node, values, m, known)
    return values


def formula_rounding(
    graph: Graph, rows: int | None, leaves: Mapping[Key, Array], tolerance: Mapping[Key, Array], m: Jittered
) -> Array:
    """What a formula in float64 may be off by where its leaves are off.

    Parameters
    ----------
    graph : the formula
    rows : how many, or None
    leaves : key of the leaf to (1, rows or 1, *shape) float64
    tolerance : key of the leaf to an array of that shape: by how much it may be off
    m : the namespace that jitters

    Returns
    -------
    (rows or 1, *shape) float64, in the unit of the formula
        inf where that cannot be told.
    """
    values: dict[int, Array] = {}
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            if node.is_leaf:
                x = leaves[node.key]
                off = tolerance[node.key] * (m.round_randomly(np.ones_like(x)) - 1)
                values[node.index] = x + off / EPS
            else:
                values[node.index] = _jitter_operation(graph, rows, node, values, m, {})
    return bound(values[graph.output], m, 1)


def _jitter_operation(
    graph: Graph,
    rows: int | None,
    node: Node,
    values: Mapping[int, Array],
    m: Float64,
    errors: Mapping[int, Array],
) -> Array:
    """One operation, jittered by its own error; what it adds up, entry by entry."""
    if node.is_literal:
        value = compute(node, values, m)
        return round_randomly(m, value) if node.is_pi else read(m, value)
    together = node.primitive.rounds and not node.primitive.elementwise
    terms = _terms(node, graph, rows) if together else 1
    given = {a: round_randomly(m, values[a], terms) if together else values[a] for a in node.arguments}
    value = compute(node, given, m)
    if not node.primitive.rounds:
        return value
    value = round_randomly(m, value, 1, errors.get(node.index, 1.0))
    return value if together else _with_underflow(m, node, value, [values[a] for a in node.arguments])


def _with_underflow(m: Float64, node: Node, value: Array, given: Sequence[Array]) -> Array:
    """Products, quotients and powers of numbers that are not 0 are not 0 either."""
    if node.operation not in ("mul", "div", "pow") or not isinstance(m, Jittered):
        return value
    return m.with_underflow(value, _all([x != 0 for x in given]))


def _leaf_value(node: Node, point: Mapping[str, Array]) -> Array:
    x = point[str(node.key)]
    return x[None] if node.per_row else x[None, None]


def _terms(node: Node, graph: Graph, rows: int | None) -> int:
    """How many numbers a node adds up for each of its entries."""
    given = graph.nodes[node.arguments[0]]
    if node.primitive.rows == "reduce":
        return rows or 1
    if node.primitive.product is not None:
        return given.shape[-1] if node.operation != "outer" else 1
    return max(1, math.prod(given.shape) // max(1, math.prod(node.shape)))


# ---------------------------------------------------------------------------------------------
# What an operation is off by, where that is the same in every program
# ---------------------------------------------------------------------------------------------


def local_errors(
    model: Model, point: Mapping[str, Array], limits: ReferenceLimits = _LIMITS
) -> dict[int, Array]:
    """By how many ulps the result of an operation may be off, entry by entry.

    Half an ulp for the operations of IEEE 754; 0 where the arguments are exact and the result is, too, or
    where nothing is rounded whatever the arguments are.

    Parameters
    ----------
    model : the graph
    point : name to float64 array
    limits : of how many results it is decided whether they are exact

    Returns
    -------
    dict of node index to float64 array, in ulps
        It broadcasts against the node's value; a node that is not in it may be off by a whole ulp.
    """
    values: dict[int, Array] = {}
    exact: dict[int, Array] = {}
    found: dict[int, Array] = {}
    left = limits.most_exact
    with np.errstate(all="ignore"):
        for node in model.graph.nodes:
            if node.is_leaf:
                values[node.index] = x = _leaf_value(node, point)
                exact[node.index] = is_own_decimal(x, limits)
                continue
            values[node.index] = y = compute(node, values, FLOAT64)
            given = [values[a] for a in node.arguments]
            together = not (node.is_literal or node.primitive.elementwise)
            known = _all([np.asarray(e.all()) if together else e for e in (exact[a] for a in node.arguments)])
            if node.is_literal:
                exact[node.index] = np.asarray(not node.is_pi) & is_own_decimal(y, limits)
            elif not node.primitive.rounds:
                exact[node.index] = known
            elif not node.primitive.elementwise:
                exact[node.index] = np.asarray(np.False_)
            elif node.operation in _IEEE or _is_square(node, model):
                asked = y.size < left and bool(known.any())
                left -= y.size if asked else 0
                exact[node.index] = known & (_is_exact(node, y, given) if asked else False)
                free = exact[node.index] | _is_free(node, given, [exact[a] for a in node.arguments])
                found[node.index] = np.where(free, 0.0, limits.correctly_rounded)
            else:
                simple = y + y == np.rint(y + y)  # exp(0) is 1 and sigmoid(0) 1/2; softplus(0) is log(2)
                exact[node.index] = known & simple & _all([x == 0 for x in given])
                found[node.index] = np.where(exact[node.index], 0.0, 1.0)
    return found


def _all(conditions: list[Array]) -> Array:
    result = np.asarray(np.True_)
    for condition in conditions:
        result = np.asarray(result & condition)
    return result


def _is_square(node: Node, model: Model) -> bool:
    """Whether it is x^2, which is computed as x*x."""
    return node.operation == "pow" and model.graph.nodes[node.arguments[1]].value == 2.0


def _is_exact(node: Node, y: Array, given: list[Array]) -> Array:
    """Where y is what comes out without rounding."""
    function: Callable[[Fraction, Fraction], Fraction] = _IEEE.get(node.operation, operator.mul)
    first, second = given[0], given[1] if node.operation in _IEEE else given[0]

    def is_exact(y: float, a: float, b: float) -> bool:
        if not np.isfinite([y, a, b]).all() or (b == 0 and node.operation == "div"):
            return False
        return function(Fraction(float(a)), Fraction(float(b))) == Fraction(float(y))

    each: Any = np.frompyfunc(is_exact, 3, 1)
    return np.asarray(each(y, first, second), dtype=bool)


def _is_free(node: Node, given: list[Array], exact: list[Array]) -> Array:
    """Where nothing is rounded, whatever the numbers came from: near ones are subtracted (Sterbenz 1974),
    a number is doubled, an exact 0 is added, or an exact power of 2 multiplies or divides."""
    a, b = given[0], given[-1]
    first, second = exact[0], exact[-1]
    match node.operation:
        case "add" if node.arguments[0] == node.arguments[1]:
            return np.asarray(np.True_)
        case "add" | "sub":
            same = np.sign(a) == np.sign(b if node.operation == "sub" else -b)
            near = (np.abs(a) <= 2 * np.abs(b)) & (np.abs(b) <= 2 * np.abs(a))
            return np.asarray(same & near | (a == 0) & first | (b == 0) & second)
        case "mul":
            return np.asarray(_is_power(a) & first | _is_power(b) & second)
        case "div":
            return np.asarray(_is_power(b) & second)
    return np.asarray(np.False_)


def _is_power(x: Array) -> Array:
    return np.asarray(np.abs(np.frexp(x)[0]) == 0.5)
