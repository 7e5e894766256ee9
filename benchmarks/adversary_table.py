"""The grammar: every function of the language, what it is in mpmath, its rule as a formula, its kinks.

Composite forms stand beside the functions where texts write them so: a stable softplus, the root of a square,
a kink that cancels, a decimal beside a kink, a constant that has a shape.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from adversary_trees import (
    OPERATIONS,
    ZERO,
    C,
    Operation,
    Outside,
    Rule,
    Shape,
    Tree,
    apply,
    entry_by_entry,
    literal,
    need,
    number,
    snapped,
    with_rows,
)  # fmt: skip

_REMEMBERED = 256  # values of each function


def no_rule(g: Tree, y: Tree, *arguments: Tree) -> Tree:
    """In the place of a rule: the table has none. None is the rule of what is constant between jumps."""
    raise NotImplementedError


def f(operation: str) -> Callable[..., Tree]:
    """An operation as a function of trees."""
    return lambda *arguments: apply(operation, *arguments)


def n(text: str) -> Tree:
    """A decimal, in brackets where negative."""
    return number(text)


def _positive(a: Any, zero: bool = False) -> Any:
    if a < 0 or (a == 0 and not zero):
        raise Outside
    return a


def _within(a: Any) -> Any:
    if abs(a) > 1:
        raise Outside
    return a


def _power(a: Any, b: Any) -> Any:
    whole = b == int(b) if abs(b) < 1000 else False
    if (a < 0 and not whole) or (a == 0 and b < 0):
        raise Outside
    if a == 0 and b == 0:
        return C.mpf(1)
    return a ** int(b) if whole else a**b


def _angle(y: Any, x: Any) -> Any:
    if y == 0 and x <= 0:
        raise Outside
    return C.atan2(y, x)


def _softplus(a: Any) -> Any:
    return C.log1p(C.exp(-abs(a))) + max(a, ZERO)


def _exponentials(a: Any, axis: int | None = None) -> Any:
    top = np.max(a, axis=axis, keepdims=True)
    return np.frompyfunc(C.exp, 1, 1)(a - top), top


def _softmax(a: Any, axis: int | None = None) -> Any:
    powers, _ = _exponentials(a, axis)
    return powers / np.sum(powers, axis=axis, keepdims=True)


def _logsumexp(a: Any, axis: int | None = None) -> Any:
    powers, top = _exponentials(a, axis)
    found = np.frompyfunc(C.log, 1, 1)(np.sum(powers, axis=axis, keepdims=True)) + top
    return found if axis is not None else found.ravel()[0]


def _determinant(a: Any) -> Any:
    size, found = len(a), ZERO
    for places in itertools.permutations(range(size)):
        swaps = sum(places[i] > places[j] for i in range(size) for j in range(i + 1, size))
        found += (-1) ** swaps * np.prod([a[i, j] for i, j in enumerate(places)])
    return found


def _inverse(a: Any) -> Any:
    size, det = len(a), snapped(_determinant(a))
    if det == 0:
        raise Outside
    if size == 1:
        return np.array([[1 / a[0, 0]]], dtype=object)
    made = np.empty((size, size), dtype=object)
    for i, j in np.ndindex(size, size):
        minor = np.delete(np.delete(a, i, 0), j, 1)
        made[j, i] = (-1) ** (i + j) * _determinant(minor) / det
    return made


def _norm(a: Any, axis: int | None = None) -> Any:
    squares = np.sum(a * a, axis=axis, keepdims=axis is not None)
    return np.frompyfunc(C.sqrt, 1, 1)(squares)


def _lead(sign: int) -> Callable[[Any], Any]:
    def tie(a: Any) -> Any:
        ordered = sorted((sign * x for x in np.ravel(a)), reverse=True)
        return ordered[0] - ordered[1] if len(ordered) > 1 else C.mpf(1)

    return tie


def _reduced(axis: int | None) -> Callable[[Shape], Shape]:
    def shape(given: Shape) -> Shape:
        need(len(given) == 2 if axis is not None else bool(given))
        return () if axis is None else tuple(1 if k == axis else m for k, m in enumerate(given))

    return shape


def _vector(given: Shape) -> Shape:
    need(len(given) == 1)
    return given


def _square(result: Callable[[Shape], Shape]) -> Callable[[Shape], Shape]:
    def shape(given: Shape) -> Shape:
        need(len(given) == 2 and given[0] == given[1] <= 3)
        return result(given)

    return shape


def _matmul_shape(a: Shape, b: Shape) -> Shape:
    need(len(a) == len(b) == 2 and a[1] == b[0])
    return a[0], b[1]


def _of_two(given: Shape) -> Shape:
    need(given == (2,))
    return ()


def _map_shape(a: Shape, b: Shape) -> Shape:
    need(len(a) == 2 and len(b) == 1 and a[1] == b[0])
    return (a[0],)


def _dot_shape(a: Shape, b: Shape) -> Shape:
    need(len(a) == len(b) == 1 and a == b)
    return ()


def _outer_shape(a: Shape, b: Shape) -> Shape:
    need(len(a) == len(b) == 1)
    return a[0], b[0]


def _concat_shape(axis: int) -> Callable[[Shape, Shape], Shape]:
    def shape(a: Shape, b: Shape) -> Shape:
        need(len(a) == len(b) > axis)
        need(a[:axis] + a[axis + 1 :] == b[:axis] + b[axis + 1 :])
        return (*a[:axis], a[axis] + b[axis], *a[axis + 1 :])

    return shape


def _same_only(a: Shape, b: Shape) -> Shape:
    need(a == b)
    return a


def _numbers_only(*shapes: Shape) -> Shape:
    need(not any(shapes))
    return (len(shapes),)


def _indexed(key: Any, rank: int) -> Callable[[Shape], Shape]:
    def shape(given: Shape) -> Shape:
        need(len(given) == rank)
        try:
            return np.empty(given)[key].shape
        except IndexError as error:
            raise ValueError from error

    return shape


def _scatter(key: Any) -> Rule:
    def rule(g: Tree, y: Tree, x: Tree) -> Tree | None:
        places = np.zeros(x.shape, dtype=int)
        places[key] = 1
        return g * literal(places.tolist()) if y.shape == () else None

    return rule  # type: ignore[return-value]


def _shaped(g: Tree, x: Tree) -> Tree:
    """One adjoint for all entries, or one for each row or column."""
    return g * Tree("constant", (), f"ones({', '.join(map(str, x.shape))})", x.shape)


def _part(rank: int, axis: int, start: int, stop: int) -> str:
    """The name of the operation that takes entries start to stop along an axis; entered where it is new."""
    form = "({0})[" + ":," * axis + f"{start}:{stop}" + ",:" * (rank - axis - 1) + "]"
    key = (slice(None),) * axis + (slice(start, stop),)
    if form not in OPERATIONS:
        OPERATIONS[form] = Operation(
            form, lambda a: a[key], None, lambda s: np.empty(s)[key].shape, False, drawn=False
        )
    return form


def _back_to(shape: Shape) -> str:
    """The name of the operation that gives a vector this shape; entered where it is new."""
    form = f"reshape({{0}}, [{', '.join(map(str, shape))}])"
    if form not in OPERATIONS:
        OPERATIONS[form] = _array(form, lambda a: a.reshape(shape), lambda s: shape, None, drawn=False)
    return form


def _joined(axis: int) -> tuple[Rule, ...]:
    """Of two arrays side by side each gets its part of the adjoint."""
    def first(g: Tree, y: Tree, a: Tree, b: Tree) -> Tree:
        return apply(_part(len(a.shape), axis, 0, a.shape[axis]), g)

    def second(g: Tree, y: Tree, a: Tree, b: Tree) -> Tree:
        return apply(_part(len(a.shape), axis, a.shape[axis], y.shape[axis]), g)

    return first, second


def _padded(g: Tree, y: Tree, x: Tree) -> Tree:
    """The adjoint of the first entries, followed by zeros."""
    (kept,), (all_,) = y.shape, x.shape
    return g if kept == all_ else apply("concat", g, literal([0] * (all_ - kept)))


def _first_of(length: int) -> Tree:
    return literal([1] + [0] * (length - 1))


def _slope_of_gelu(x: Tree) -> Tree:
    cdf = n("0.5") * (n("1.0") + f("erf")(x / f("sqrt")(n("2"))))
    return cdf + x * f("exp")(-(x * x) / n("2")) / f("sqrt")(n("2") * n("pi"))


def _sigma(x: Tree) -> Tree:
    return f("sigmoid")(x)


def _select(condition: str, compare: Callable[[Any, Any], Any], taken: str, left: str) -> Operation:
    return Operation(
        f"where({{0}} {condition} {{1}}, {{2}}, {{3}})", lambda a, b, u, v: u if compare(a, b) else v,
        (None, None, lambda g, y, a, b, u, v: g * f(taken)(a, b), lambda g, y, a, b, u, v: g * f(left)(a, b)),
        shape=lambda a, b, u, v: entry_by_entry(entry_by_entry(a, b), u, v),  # the comparison comes first
        tie=lambda a, b, u, v: a - b, covers=("where", taken),
    )  # fmt: skip


def _compared(sign: str, compare: Callable[[Any, Any], bool], covers: str) -> Operation:
    return Operation(f"({{0}} {sign} {{1}})", lambda a, b: C.mpf(1 if compare(a, b) else 0), (None, None),
                     tie=lambda a, b: a - b, covers=(covers,))  # fmt: skip


def _one(form: str, function: Callable[..., Any], rule: Rule, *covers: str, tie: Any = None) -> Operation:
    remembered = lru_cache(maxsize=_REMEMBERED)(function)  # most values are those of the step before
    return Operation(form, remembered, None if rule is no_rule else (rule,), tie=tie, covers=covers)


def _array(
    form: str, function: Callable[..., Any], shape: Any, rules: Any, *covers: str, tie: Any = None,
    drawn: bool = True,
) -> Operation:  # fmt: skip
    return Operation(form, function, rules, shape, False, tie, covers, drawn)


_SCALE, _ALPHA = "1.0507009873554804934193349852946", "1.6732632423543772848170429916717"

OPERATIONS |= {
    "add": Operation("({0} + {1})", lambda a, b: a + b, (lambda g, y, a, b: g, lambda g, y, a, b: g),
                     with_rows, covers=("add", "expand")),
    "sub": Operation("({0} - {1})", lambda a, b: a - b, (lambda g, y, a, b: g, lambda g, y, a, b: -g),
                     with_rows, covers=("sub",)),
    "mul": Operation("({0}*{1})", lambda a, b: a * b, (lambda g, y, a, b: g * b, lambda g, y, a, b: g * a),
                     covers=("mul",)),
    "div": Operation("({0}/{1})", lambda a, b: a / b,
                     (lambda g, y, a, b: g / b, lambda g, y, a, b: -(g * a) / f("square")(b)),
                     covers=("div",)),
    "pow": Operation("({0}^{1})", _power,
                     (lambda g, y, a, b: g * b * f("pow")(a, b - n("1.0")),
                      lambda g, y, a, b: g * y * f("log")(a)), tie=lambda a, b: a, covers=("pow",)),
    "square": _one("(({0})^2)", lambda a: a * a, lambda g, y, a: g * n("2") * a, "pow"),
    "cube": _one("(({0})^3)", lambda a: a**3, lambda g, y, a: g * n("3") * f("square")(a), "pow"),
    "nothing": _one("(({0})^0)", lambda a: a**0, lambda g, y, a: g * n("0") * a, "pow"),
    "difference": _one("({0} - {0})", lambda a: a - a, lambda g, y, a: g * n("0") * a, "sub"),
    "decimal cube": _one("(0.1*({0})^3)", lambda a: C.mpf("0.1") * a**3,
                         lambda g, y, a: g * n("0.3") * f("square")(a), "pow"),
    "neg": _one("(-{0})", lambda a: -a, lambda g, y, a: -g, "neg"),
    "sin": _one("sin({0})", C.sin, lambda g, y, a: g * f("cos")(a), "sin"),
    "cos": _one("cos({0})", C.cos, lambda g, y, a: -(g * f("sin")(a)), "cos"),
    "tan": _one("tan({0})", C.tan, lambda g, y, a: g / f("square")(f("cos")(a)), "tan"),
    "asin": _one("asin({0})", lambda a: C.asin(_within(a)),
                 lambda g, y, a: g / f("sqrt")(n("1.0") - f("square")(a)), "asin", tie=lambda a: 1 - a * a),
    "acos": _one("acos({0})", lambda a: C.acos(_within(a)),
                 lambda g, y, a: -g / f("sqrt")(n("1.0") - f("square")(a)), "acos", tie=lambda a: 1 - a * a),
    "atan": _one("atan({0})", C.atan, lambda g, y, a: g / (n("1.0") + f("square")(a)), "atan"),
    "atan2": Operation("atan2({0}, {1})", _angle,
                       (lambda g, y, a, b: g * b / (f("square")(a) + f("square")(b)),
                        lambda g, y, a, b: -(g * a) / (f("square")(a) + f("square")(b))), covers=("atan2",)),
    "sinh": _one("sinh({0})", C.sinh, lambda g, y, a: g * f("cosh")(a), "sinh"),
    "cosh": _one("cosh({0})", C.cosh, lambda g, y, a: g * f("sinh")(a), "cosh"),
    "tanh": _one("tanh({0})", C.tanh, lambda g, y, a: g / f("square")(f("cosh")(a)), "tanh"),
    "exp": _one("exp({0})", C.exp, lambda g, y, a: g * f("exp")(a), "exp"),
    "expm1": _one("expm1({0})", C.expm1, lambda g, y, a: g * f("exp")(a), "expm1"),
    "log": _one("log({0})", lambda a: C.log(_positive(a)), lambda g, y, a: g / a, "log"),
    "log1p": _one("log1p({0})", lambda a: C.log(_positive(1 + a)), lambda g, y, a: g / (n("1.0") + a),
                  "log1p"),
    "log2": _one("log2({0})", lambda a: C.log(_positive(a)) / C.log(2),
                 lambda g, y, a: g / (f("log")(n("2")) * a), "log2"),
    "log10": _one("log10({0})", lambda a: C.log(_positive(a)) / C.log(10),
                  lambda g, y, a: g / (f("log")(n("10")) * a), "log10"),
    "sqrt": _one("sqrt({0})", lambda a: C.sqrt(_positive(a, zero=True)),
                 lambda g, y, a: g / (n("2") * f("sqrt")(a)), "sqrt", tie=lambda a: a),
    "cbrt": _one("cbrt({0})", lambda a: C.sign(a) * C.cbrt(abs(a)),
                 lambda g, y, a: g / (n("3") * f("square")(f("cbrt")(a))), "cbrt", tie=lambda a: a),
    "abs": _one("abs({0})", abs, lambda g, y, a: g * f("sign")(a), "abs", tie=lambda a: a),
    "sign": _one("sign({0})", C.sign, None, "sign", tie=lambda a: a),
    "gt": _compared(">", lambda a, b: a > b, "gt"),
    "lt": _compared("<", lambda a, b: a < b, "lt"),
    "ge": _compared(">=", lambda a, b: a >= b, "ge"),
    "le": _compared("<=", lambda a, b: a <= b, "le"),
    "where gt": _select(">", lambda a, b: a > b, "gt", "le"),
    "where ge": _select(">=", lambda a, b: a >= b, "ge", "lt"),
    "where lt": _select("<", lambda a, b: a < b, "lt", "ge"),
    "where le": _select("<=", lambda a, b: a <= b, "le", "gt"),
    "where continuous": _one("where({0} >= 0, {0}, 0.5*{0})", lambda a: a if a >= 0 else a / 2,
                             lambda g, y, a: g * f("where ge")(a, n("0.0"), n("1.0"), n("0.5")),
                             "where", tie=lambda a: a),
    "where inverse": _one("where({0} > 0, {0}, 1/({0} - {0}))", _positive,
                          lambda g, y, a: g, "where", tie=lambda a: a),
    "max": Operation("max({0}, {1})", max, (lambda g, y, a, b: g * f("ge")(a, b),
                                            lambda g, y, a, b: g * f("lt")(a, b)),
                     tie=lambda a, b: a - b, covers=("maximum",)),
    "min": Operation("min({0}, {1})", min, (lambda g, y, a, b: g * f("le")(a, b),
                                            lambda g, y, a, b: g * f("gt")(a, b)),
                     tie=lambda a, b: a - b, covers=("minimum",)),
    "erf": _one("erf({0})", C.erf,
                lambda g, y, a: g * n("2") * f("exp")(-f("square")(a)) / f("sqrt")(n("pi")), "erf"),
    "sigmoid": _one("sigmoid({0})", lambda a: 1 / (1 + C.exp(-a)),
                    lambda g, y, a: g * _sigma(a) * _sigma(-a), "sigmoid"),
    "softplus": _one("softplus({0})", _softplus, lambda g, y, a: g * _sigma(a), "softplus"),
    "stable softplus": _one("(max({0}, 0) + log1p(exp(-abs({0}))))", _softplus,
                            lambda g, y, a: g * _sigma(a), "maximum", "abs", tie=lambda a: a),
    "relu": _one("relu({0})", lambda a: max(a, ZERO), lambda g, y, a: g * f("gt")(a, n("0.0")), "relu",
                 tie=lambda a: a),
    "two sides": _one("(relu({0}) - relu(-{0}))", lambda a: a, lambda g, y, a: g, "relu", tie=lambda a: a),
    "kink beside": _one("abs({0} - 0.3)", lambda a: abs(snapped(a - C.mpf("0.3"))),
                        lambda g, y, a: g * f("sign")(a - n("0.3")), "abs", tie=lambda a: a - C.mpf("0.3")),
    "kink by steps": _one("relu({0} - 0.1 - 0.2)", lambda a: max(snapped(a - C.mpf("0.3")), ZERO),
                          lambda g, y, a: g * f("gt")(a, n("0.3")), "relu", tie=lambda a: a - C.mpf("0.3")),
    "root of square": _one("sqrt(({0})^2)", abs, lambda g, y, a: g * a / f("abs")(a), "sqrt",
                           tie=lambda a: a),
    "root of fourth": _one("sqrt(({0})^4)", lambda a: a * a, lambda g, y, a: g * n("2") * a, "sqrt",
                           tie=lambda a: a),
    "three halves": _one("({0}*sqrt({0}))", lambda a: a * C.sqrt(_positive(a, zero=True)),
                         lambda g, y, a: g * n("1.5") * f("sqrt")(a), "sqrt", tie=lambda a: a),
    "two exponentials": _one("(sinh({0}) + cosh({0}))", C.exp, lambda g, y, a: g * f("exp")(a), "cosh"),
    "leaky_relu": _one("leaky_relu({0})", lambda a: a if a > 0 else a / 100,
                       lambda g, y, a: g * f("where gt")(a, n("0.0"), n("1.0"), n("0.01")), "leaky_relu",
                       tie=lambda a: a),
    "leaky_relu 0.3": _one("leaky_relu({0}, slope=0.3)", lambda a: a if a > 0 else a * C.mpf("0.3"),
                           lambda g, y, a: g * f("where gt")(a, n("0.0"), n("1.0"), n("0.3")), "leaky_relu",
                           tie=lambda a: a),
    "elu": _one("elu({0})", lambda a: a if a > 0 else C.expm1(a),
                lambda g, y, a: g * f("where gt")(a, n("0.0"), n("1.0"), f("exp")(a)), "elu",
                tie=lambda a: a),
    "elu 0.7": _one("elu({0}, alpha=0.7)", lambda a: a if a > 0 else C.mpf("0.7") * C.expm1(a),
                    lambda g, y, a: g * f("where gt")(a, n("0.0"), n("1.0"), n("0.7") * f("exp")(a)), "elu",
                    tie=lambda a: a),
    "selu": _one("selu({0})", lambda a: C.mpf(_SCALE) * (a if a > 0 else C.mpf(_ALPHA) * C.expm1(a)),
                 lambda g, y, a: g * n(_SCALE) * f("where gt")(a, n("0.0"), n("1.0"),
                                                              n(_ALPHA) * f("exp")(a)), "selu",
                 tie=lambda a: a),
    "gelu": _one("gelu({0})", lambda a: a * C.erfc(-a / C.sqrt(2)) / 2,
                 lambda g, y, a: g * _slope_of_gelu(a), "gelu"),
    "silu": _one("silu({0})", lambda a: a / (1 + C.exp(-a)),
                 lambda g, y, a: g * (_sigma(a) + a * _sigma(a) * _sigma(-a)), "silu"),
    "mish": _one("mish({0})", lambda a: a * C.tanh(_softplus(a)),
                 lambda g, y, a: g * (f("tanh")(f("softplus")(a)) + a * _sigma(a)
                                      / f("square")(f("cosh")(f("softplus")(a)))), "mish"),
    "softsign": _one("softsign({0})", lambda a: a / (1 + abs(a)),
                     lambda g, y, a: g / f("square")(n("1.0") + f("abs")(a)), "softsign"),
    "alias": _one("{0}", lambda a: a, lambda g, y, a: g, "identity"),
    "sum": _array("sum({0})", np.sum, _reduced(None), (lambda g, y, a: _shaped(g, a),), "sum"),
    "sum0": _array("sum({0}, axis=0)", lambda a: np.sum(a, axis=0, keepdims=True), _reduced(0),
                   (lambda g, y, a: _shaped(g, a),), "sum"),
    "sum1": _array("sum({0}, axis=1)", lambda a: np.sum(a, axis=1, keepdims=True), _reduced(1),
                   (lambda g, y, a: _shaped(g, a),), "sum"),
    "mean": _array("mean({0})", lambda a: np.sum(a) / a.size, _reduced(None),
                   (lambda g, y, a: _shaped(g / n(str(np.prod(a.shape))), a),), "mean"),
    "mean1": _array("mean({0}, axis=1)", lambda a: np.sum(a, axis=1, keepdims=True) / a.shape[1],
                    _reduced(1), (lambda g, y, a: _shaped(g / n(str(a.shape[1])), a),), "mean"),
    "prod": _array("prod({0})", np.prod, _reduced(None), (lambda g, y, a: g * f("prod")(a) / a,), "prod"),
    "norm": _array("norm({0})", _norm, _reduced(None), (lambda g, y, a: g * a / f("norm")(a),), "norm",
                   tie=_norm),
    "norm1": _array("norm({0}, axis=1)", lambda a: _norm(a, 1), _reduced(1),
                    (lambda g, y, a: g * a / f("norm1")(a),), "norm", tie=lambda a: _norm(a, 1)),
    "largest": _array("max({0})", lambda a: max(np.ravel(a)), _reduced(None),
                      (lambda g, y, a: g * f("ge")(a, f("largest")(a)),), "max", tie=_lead(1)),
    "smallest": _array("min({0})", lambda a: min(np.ravel(a)), _reduced(None),
                       (lambda g, y, a: g * f("le")(a, f("smallest")(a)),), "min", tie=_lead(-1)),
    "largest1": _array("max({0}, axis=1)", lambda a: np.max(a, axis=1, keepdims=True), _reduced(1),
                       (lambda g, y, a: g * f("ge")(a, f("largest1")(a)),), "max",
                       tie=lambda a: np.array([_lead(1)(row) for row in a], dtype=object)),
    "softmax": _array("softmax({0})", _softmax, _vector,
                      (lambda g, y, a: y * (g - f("sum")(g * y)),), "softmax"),
    "softmax1": _array("softmax({0}, axis=1)", lambda a: _softmax(a, 1),
                       lambda s: _reduced(1)(s) and s, (lambda g, y, a: y * (g - f("sum1")(g * y)),),
                       "softmax"),
    "log_softmax": _array("log_softmax({0})", lambda a: a - _logsumexp(a), _vector,
                          (lambda g, y, a: g - f("softmax")(a) * f("sum")(g),), "log_softmax"),
    "log_softmax1": _array("log_softmax({0}, axis=1)", lambda a: a - _logsumexp(a, 1),
                           lambda s: _reduced(1)(s) and s,
                           (lambda g, y, a: g - f("softmax1")(a) * f("sum1")(g),), "log_softmax"),
    "logsumexp": _array("logsumexp({0})", _logsumexp, lambda s: _vector(s) and (),
                        (lambda g, y, a: g * f("softmax")(a),), "logsumexp"),
    "logsumexp1": _array("logsumexp({0}, axis=1)", lambda a: _logsumexp(a, 1), _reduced(1),
                         (lambda g, y, a: g * f("softmax1")(a),), "logsumexp"),
    "transpose": _array("({0})'", lambda a: a.T if a.ndim == 2 else a[None],
                        lambda s: (s[1], s[0]) if len(s) == 2 else (1, *_vector(s)),
                        (lambda g, y, a: g.T if len(a.shape) == 2 else f("[0,:]")(g),), "transpose"),
    "permute": _array("transpose({0}, (1,0))", lambda a: a.T,
                      lambda s: need(len(s) == 2) or (s[1], s[0]),
                      (lambda g, y, a: g.T,), "permute"),
    "flat": _array("reshape({0}, [-1])", np.ravel, lambda s: need(len(s) == 2) or (s[0] * s[1],),
                   (lambda g, y, a: apply(_back_to(a.shape), g),), "reshape"),
    "side by side": _array("stack({0}, {1}, axis=1)", lambda a, b: np.stack([a, b], axis=1),
                           lambda a, b: need(len(a) == 1 and a == b) or (*a, 2),
                           (lambda g, y, a, b: f("[:,0]")(g), lambda g, y, a, b: f("[:,1]")(g)), "stack"),
    "[:,1]": _array("({0})[:,1]", lambda a: a[:, 1], _indexed((slice(None), 1), 2), None, "index"),
    "trace": _array("trace({0})", np.trace, _square(lambda s: ()),
                    (lambda g, y, a: g * Tree("constant", (), f"eye({a.shape[0]})", a.shape),), "trace"),
    "det": _array("det({0})", _determinant, _square(lambda s: ()),
                  (lambda g, y, a: g * y * f("inv")(a).T,), "det"),
    "inv": _array("inv({0})", _inverse, _square(lambda s: s),
                  (lambda g, y, a: -(f("inv")(a).T @ g @ f("inv")(a).T),), "inv"),
    "diag": _array("diag({0})", np.diag,
                   lambda s: (s[0], s[0]) if len(s) == 1 else _square(lambda t: t[:1])(s),
                   (lambda g, y, a: f("diag")(g),), "diag"),
    "matmul": _array("({0} @ {1})", lambda a, b: a @ b, _matmul_shape,
                     (lambda g, y, a, b: g @ b.T, lambda g, y, a, b: a.T @ g), "matmul"),
    "map": _array("({0} @ {1})", lambda a, b: a @ b, _map_shape,
                  (lambda g, y, a, b: f("outer")(g, b), lambda g, y, a, b: a.T @ g), "matmul"),
    "dot": _array("dot({0}, {1})", lambda a, b: np.sum(a * b), _dot_shape,
                  (lambda g, y, a, b: g * b, lambda g, y, a, b: g * a), "dot"),
    "inner": _array("({0}' @ {1})", lambda a, b: np.sum(a * b), _dot_shape,
                    (lambda g, y, a, b: g * b, lambda g, y, a, b: g * a), "matmul"),
    "outer": _array("outer({0}, {1})", np.multiply.outer, _outer_shape,
                    (lambda g, y, a, b: g @ b, lambda g, y, a, b: g.T @ a), "outer"),
    "column row": _array("({0} @ {1}')", np.multiply.outer, _outer_shape,
                         (lambda g, y, a, b: g @ b, lambda g, y, a, b: g.T @ a), "matmul"),
    "concat": _array("concat({0}, {1})", lambda a, b: np.concatenate([a, b]), _concat_shape(0),
                     _joined(0), "concat"),
    "concat1": _array("concat({0}, {1}, axis=1)", lambda a, b: np.concatenate([a, b], axis=1),
                      _concat_shape(1), _joined(1), "concat"),
    "stack": _array("[{0}, {1}]", lambda *xs: np.array(xs, dtype=object), _numbers_only,
                    (lambda g, y, a, b: f("[0]")(g), lambda g, y, a, b: f("[1]")(g)), "stack"),
    "[0]": _array("({0})[0]", lambda a: a[0], _indexed(0, 1), (_scatter(0),), "index"),
    "[1]": _array("({0})[1]", lambda a: a[1], _indexed(1, 1), (_scatter(1),), "index"),
    "[0:2]": _array("({0})[0:2]", lambda a: a[0:2], lambda s: need(s >= (2,)) or _indexed(slice(2), 1)(s),
                    (_padded,), "index"),
    "[0,1]": _array("({0})[0,1]", lambda a: a[0, 1], _indexed((0, 1), 2), (_scatter((0, 1)),), "index"),
    "[0,:]": _array("({0})[0,:]", lambda a: a[0, :], _indexed((0, slice(None)), 2),
                    (lambda g, y, a: f("outer")(_first_of(a.shape[0]), g),), "index"),
    "[:,0]": _array("({0})[:,0]", lambda a: a[:, 0], _indexed((slice(None), 0), 2),
                    (lambda g, y, a: f("outer")(g, _first_of(a.shape[1])),), "index"),
    "sum of entries": _array("sum(i = 0 to 1: ({0})[i])", np.sum, _of_two, (lambda g, y, a: _shaped(g, a),),
                             "index"),
    "product of entries": _array("prod(i = 0 to 1: ({0})[i])", np.prod, _of_two,
                                 (lambda g, y, a: g * f("prod")(a) / a,), "index"),
    "sum of pairs": _array("sum(i = 0 to 1: sum(j = 0 to i: ({0})[i]*({0})[j]))",
                           lambda a: a[0] * a[0] + a[1] * a[0] + a[1] * a[1], _of_two,
                           (lambda g, y, a: g * (a + f("sum of entries")(a)),), "index"),
    "sum of products": _array("sum(i = 0 to 1: ({0})[i]*({1})[i])", lambda a, b: np.sum(a * b),
                              lambda a, b: need(a == b == (2,)) or (),
                              (lambda g, y, a, b: g * b, lambda g, y, a, b: g * a), "index"),
    "power sum": _one("sum(i = 1 to 3: i*({0})^i)", lambda a: a + 2 * a**2 + 3 * a**3,
                      lambda g, y, a: g * f("squares in powers")(a), "pow"),
    "squares in powers": _one("sum(i = 1 to 3: i*i*({0})^(i-1))", lambda a: 1 + 4 * a + 9 * a**2,
                              lambda g, y, a: g * (n("4") + n("18") * a), "pow"),
    "plus ones": Operation("({0} + 2*ones(2))", lambda a: a + 2, (lambda g, y, a: g,),
                           lambda s: need(s == (2,)) or s, covers=("ones",)),
    "plus eye": _array("({0} + eye(2))", lambda a: a + np.eye(2).astype(int).astype(object),
                       lambda s: need(s == (2, 2)) or s, (lambda g, y, a: g,), "eye"),
    "sum_rows": Operation("sum_rows({0})", lambda a: a, (lambda g, y, a: g,), covers=("sum_rows",)),
    "mean_rows": Operation("mean_rows({0})", lambda a: a,
                           (lambda g, y, a: g / f("sum_rows")(a - a + n("1.0")),), covers=("mean_rows",)),
}  # fmt: skip
