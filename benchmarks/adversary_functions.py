"""The grammar's special functions, activations and jumps: what they are in mpmath, their rules as formulas.

Written without gradcheck's own arithmetic: where mpmath has a function it is taken as it is, else from its
definition, at the oracle's many digits.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from adversary_table import _one, _sigma, _vector, f, n, no_rule
from adversary_trees import DIGITS, OPERATIONS, ZERO, C, Operation, Outside, need, snapped

_MANY_TERMS = 1000  # an argument beyond which the recurrence of Bessel functions is long


def _above(a: Any, low: Any = 0) -> Any:
    if a <= low:
        raise Outside
    return a


def _between(a: Any, low: Any, high: Any) -> Any:
    if not low < a < high:
        raise Outside
    return a


def _cdf(a: Any) -> Any:
    return C.erfc(-a / C.sqrt(2)) / 2


def _whole(a: Any, function: Any) -> Any:
    near = C.nint(a)
    return near if snapped(a - near) == 0 and function is not C.nint else function(a)


def _to_whole(a: Any) -> Any:
    return np.frompyfunc(lambda x: x - C.nint(x), 1, 1)(a)


def _half_even(a: Any) -> Any:
    low = C.floor(a)
    rest = snapped(a - low - C.mpf(1) / 2)
    if rest == 0:
        return low if int(low) % 2 == 0 else low + 1
    return low if rest < 0 else low + 1


def _clip(a: Any, low: Any, high: Any) -> Any:
    return min(max(a, low), high)


def _glu(a: Any) -> Any:
    k = len(a) // 2
    return np.array([x / (1 + C.exp(-y)) for x, y in zip(a[:k], a[k:], strict=True)], dtype=object)


def _sinc(a: Any) -> Any:
    return C.sinpi(a) / (C.pi * a) if a else C.mpf(1)


def _bessel_y(order: int, a: Any) -> Any:
    """Of order 0 by Neumann's series of J, of order 1 by the Wronskian, of order 2 by recurrence."""
    if _above(a) > _MANY_TERMS:
        return C.bessely(order, a)
    j = _bessel_js(a)
    if abs(j[0]) < C.mpf("1e-40"):
        return C.bessely(order, a)
    series = sum(((-1) ** k * j[2 * k] / k for k in range(1, len(j) // 2)), ZERO)
    y0 = (2 * (C.log(a / 2) + C.euler) * j[0] - 4 * series) / C.pi
    y1 = (j[1] * y0 - 2 / (C.pi * a)) / j[0]
    return (y0, y1, 2 * y1 / a - y0)[order]


@lru_cache(maxsize=64)
def _bessel_js(a: Any) -> list[Any]:
    """J of all orders by Miller's recurrence backward, from an order at which J has no digit left."""
    top, term = 4, C.mpf(1)
    while term > C.mpf(10) ** (-DIGITS - 20):
        top += 1
        term *= a / (2 * (top - 4))
    found = [ZERO] * (top + 2)
    found[top] = C.mpf(10) ** -DIGITS
    for k in range(top, 0, -1):
        found[k - 1] = 2 * k / a * found[k] - found[k + 1]
    total = found[0] + 2 * sum(found[2::2], ZERO)
    return [x / total for x in found]


def _erfinv(a: Any) -> Any:
    return C.erfinv(_between(a, -1, 1))


def _gelu_by_tanh(a: Any) -> Any:
    return a / 2 * (1 + C.tanh(C.sqrt(2 / C.pi) * (a + C.mpf("0.044715") * a**3)))


def _trigamma(a: Any) -> Any:
    """By its reflection where mpmath would walk from a to 0 in steps of 1."""
    return C.psi(1, a) if a > 0 else (C.pi / C.sin(C.pi * a)) ** 2 - C.psi(1, 1 - a)


def _padded_by_one(a: Any) -> Any:
    return np.array([ZERO, *a, ZERO], dtype=object)


OPERATIONS |= {
    "lgamma": _one("lgamma({0})", lambda a: C.log(abs(C.gamma(a))), lambda g, y, a: g * f("digamma")(a),
                   "lgamma"),
    "gamma": _one("gamma({0})", C.gamma, lambda g, y, a: g * y * f("digamma")(a), "gamma"),
    "digamma": _one("digamma({0})", C.digamma, lambda g, y, a: g * f("trigamma")(a), "digamma"),
    "trigamma": _one("polygamma(1, {0})", _trigamma, no_rule, "polygamma"),
    "beta": Operation("beta({0}, {1})", lambda a, b: C.beta(_above(a), _above(b)), None, covers=("beta",)),
    "betaln": Operation("betaln({0}, {1})", lambda a, b: C.log(C.beta(_above(a), _above(b))),
                        (lambda g, y, a, b: g * (f("digamma")(a) - f("digamma")(a + b)),
                         lambda g, y, a, b: g * (f("digamma")(b) - f("digamma")(a + b))), covers=("betaln",)),
    "gammainc": _one("gammainc(2.5, {0})", lambda a: C.gammainc(C.mpf("2.5"), 0, _above(a), regularized=True),
                     lambda g, y, a: g * a * f("sqrt")(a) * f("exp")(-a) / f("gamma")(n("2.5")), "gammainc"),
    "erfc": _one("erfc({0})", C.erfc,
                 lambda g, y, a: -(g * n("2") * f("exp")(-f("square")(a)) / f("sqrt")(n("pi"))), "erfc"),
    "erfcx": _one("erfcx({0})", lambda a: C.exp(a * a) * C.erfc(a),
                  lambda g, y, a: g * (n("2") * a * y - n("2") / f("sqrt")(n("pi"))), "erfcx"),
    "erfinv": _one("erfinv({0})", _erfinv,
                   lambda g, y, a: g * f("sqrt")(n("pi")) * f("exp")(f("square")(y)) / n("2"), "erfinv"),
    "normal_cdf": _one("normal_cdf({0})", _cdf,
                       lambda g, y, a: g * f("exp")(-f("square")(a) / n("2")) / f("sqrt")(n("2") * n("pi")),
                       "normal_cdf"),
    "log_normal_cdf": _one("log_normal_cdf({0})", lambda a: C.log(_cdf(a)),
                           lambda g, y, a: g * f("exp")(-f("square")(a) / n("2"))
                           / f("sqrt")(n("2") * n("pi")) / f("normal_cdf")(a), "log_normal_cdf"),
    "normal_quantile": _one("normal_quantile({0})", lambda a: C.sqrt(2) * _erfinv(2 * a - 1),
                            lambda g, y, a: g * f("sqrt")(n("2") * n("pi"))
                            * f("exp")(f("square")(y) / n("2")), "normal_quantile"),
    "dawson": _one("dawson({0})", lambda a: C.sqrt(C.pi) / 2 * C.exp(-a * a) * C.erfi(a),
                   lambda g, y, a: g * (n("1.0") - n("2") * a * y), "dawson"),
    "expint": _one("expint({0})", lambda a: C.e1(_above(a)), lambda g, y, a: -(g * f("exp")(-a) / a),
                   "expint"),
    "sinc": _one("sinc({0})", _sinc, no_rule, "sinc"),
    "j0": _one("j0({0})", lambda a: C.besselj(0, a), lambda g, y, a: -(g * f("j1")(a)), "j0"),
    "j1": _one("j1({0})", lambda a: C.besselj(1, a), no_rule, "j1"),
    "y0": _one("y0({0})", lambda a: _bessel_y(0, a), lambda g, y, a: -(g * f("y1")(a)), "y0"),
    "y1": _one("y1({0})", lambda a: _bessel_y(1, a),
               lambda g, y, a: g * (f("y0")(a) - y / a), "y1"),
    "i0": _one("i0({0})", lambda a: C.besseli(0, a), lambda g, y, a: g * f("i1")(a), "i0"),
    "i1": _one("i1({0})", lambda a: C.besseli(1, a), no_rule, "i1"),
    "bessel_j": _one("bessel_j(2, {0})", lambda a: C.besselj(2, a), no_rule, "bessel_j"),
    "bessel_y": _one("bessel_y(2, {0})", lambda a: _bessel_y(2, a), no_rule, "bessel_y"),
    "bessel_i": _one("bessel_i(2, {0})", lambda a: C.besseli(2, a), no_rule, "bessel_i"),
    "sec": _one("sec({0})", C.sec, lambda g, y, a: g * y * f("tan")(a), "sec"),
    "csc": _one("csc({0})", C.csc, lambda g, y, a: -(g * y * f("cot")(a)), "csc"),
    "cot": _one("cot({0})", C.cot, lambda g, y, a: -(g * (n("1.0") + f("square")(y))), "cot"),
    "asinh": _one("asinh({0})", C.asinh, lambda g, y, a: g / f("sqrt")(n("1.0") + f("square")(a)), "asinh"),
    "acosh": _one("acosh({0})", lambda a: C.acosh(_above(a, 1)),
                  lambda g, y, a: g / f("sqrt")(f("square")(a) - n("1.0")), "acosh"),
    "atanh": _one("atanh({0})", lambda a: C.atanh(_between(a, -1, 1)),
                  lambda g, y, a: g / (n("1.0") - f("square")(a)), "atanh"),
    "hypot": Operation("hypot({0}, {1})", lambda a, b: C.sqrt(a * a + b * b),
                       (lambda g, y, a, b: g * a / y, lambda g, y, a, b: g * b / y),
                       tie=lambda a, b: np.frompyfunc(lambda u, v: C.sqrt(u * u + v * v), 2, 1)(a, b),
                       covers=("hypot",)),
    "exp2": _one("exp2({0})", lambda a: C.power(2, a), lambda g, y, a: g * y * f("log")(n("2")), "exp2"),
    "rsqrt": _one("rsqrt({0})", lambda a: 1 / C.sqrt(_above(a)), lambda g, y, a: -(g * y / (n("2") * a)),
                  "rsqrt"),
    "logit": _one("logit({0})", lambda a: C.log(a / (1 - _between(a, 0, 1))),
                  lambda g, y, a: g / (a * (n("1.0") - a)), "logit"),
    "logaddexp": Operation("logaddexp({0}, {1})", lambda a, b: C.log(C.exp(a) + C.exp(b)),
                           (lambda g, y, a, b: g * _sigma(a - b), lambda g, y, a, b: g * _sigma(b - a)),
                           covers=("logaddexp",)),
    "log1mexp": _one("log1mexp({0})", lambda a: C.log(-C.expm1(-_above(-a))),
                     lambda g, y, a: g / (n("1.0") - f("exp")(-a)), "log1mexp"),
    "xlogy": Operation("xlogy({0}, {1})", lambda a, b: a * C.log(_above(b)),
                       (lambda g, y, a, b: g * f("log")(b), lambda g, y, a, b: g * a / b), covers=("xlogy",)),
    "floor": _one("floor({0})", lambda a: _whole(a, C.floor), None, "floor", tie=_to_whole),
    "ceil": _one("ceil({0})", lambda a: _whole(a, C.ceil), None, "ceil", tie=_to_whole),
    "round": _one("round({0})", _half_even, None, "round", tie=lambda a: _to_whole(a - C.mpf(1) / 2)),
    "mod": _one("mod({0}, 0.7)", lambda a: a - C.mpf("0.7") * _whole(a / C.mpf("0.7"), C.floor),
                lambda g, y, a: g, "mod", tie=lambda a: _to_whole(a / C.mpf("0.7"))),
    "clip": _one("clip({0}, -0.5, 1)", lambda a: _clip(a, C.mpf("-0.5"), C.mpf(1)),
                 lambda g, y, a: g * f("gt")(a, n("-0.5")) * f("lt")(a, n("1.0")), "clip",
                 tie=lambda a: (a + C.mpf("0.5")) * (a - 1)),
    "copysign": _one("copysign({0}, -2)", lambda a: -abs(a), lambda g, y, a: -(g * f("sign")(a)),
                     "copysign", tie=lambda a: a),
    "hard_tanh": _one("hard_tanh({0})", lambda a: _clip(a, C.mpf(-1), C.mpf(1)),
                      lambda g, y, a: g * f("lt")(f("abs")(a), n("1.0")), "hard_tanh",
                      tie=lambda a: a * a - 1),
    "relu6": _one("relu6({0})", lambda a: _clip(a, ZERO, C.mpf(6)),
                  lambda g, y, a: g * f("gt")(a, n("0.0")) * f("lt")(a, n("6.0")), "relu6",
                  tie=lambda a: a * (a - 6)),
    "hard_sigmoid": _one("hard_sigmoid({0})", lambda a: _clip(a + 3, ZERO, C.mpf(6)) / 6, no_rule,
                         "hard_sigmoid", tie=lambda a: a * a - 9),
    "hard_swish": _one("hard_swish({0})", lambda a: a * _clip(a + 3, ZERO, C.mpf(6)) / 6, no_rule,
                       "hard_swish", tie=lambda a: a * a - 9),
    "softshrink": _one("softshrink({0})", lambda a: a - _clip(a, C.mpf("-0.5"), C.mpf("0.5")),
                       lambda g, y, a: g * f("gt")(f("abs")(a), n("0.5")), "softshrink",
                       tie=lambda a: a * a - C.mpf("0.25")),
    "squared_relu": _one("squared_relu({0})", lambda a: max(a, ZERO) ** 2,
                         lambda g, y, a: g * n("2") * f("relu")(a), "squared_relu", tie=lambda a: a),
    "celu": _one("celu({0}, alpha=1.3)",
                 lambda a: a if a > 0 else C.mpf("1.3") * C.expm1(a / C.mpf("1.3")), no_rule, "celu",
                 tie=lambda a: a),
    "log_sigmoid": _one("log_sigmoid({0})", lambda a: -C.log(1 + C.exp(-a)), lambda g, y, a: g * _sigma(-a),
                        "log_sigmoid"),
    "gelu by tanh": _one("gelu({0}, approximate=1)", _gelu_by_tanh, no_rule, "gelu"),
    "glu": Operation("glu({0})", _glu, None,
                     lambda s: need(len(s) == 1 and s[0] % 2 == 0) or (s[0] // 2,), False, None, ("glu",)),
    "take": Operation("({0})[[1, 0, 1]]", lambda a: a[[1, 0, 1]], None,
                      lambda s: need(len(s) == 1 and s[0] > 1) or (3,), False, None, ("take",)),
    "take_pairs": Operation("({0})[[1, 0, 1], [1, 1, 1]]", lambda a: a[[1, 0, 1], [1, 1, 1]], None,
                            lambda s: need(len(s) == 2 and min(s) > 1) or (3,), False, None,
                            ("take_pairs",)),
    "conv1d": Operation("conv1d({0}, [1, -2])", lambda a: a[:-1] - 2 * a[1:], None,
                        lambda s: need(len(s) == 1 and s[0] > 1) or (s[0] - 1,), False, None, ("conv1d",)),
    "conv1d padded": Operation(
        "conv1d({0}, [1, -2], padding=1)", lambda a: _padded_by_one(a)[:-1] - 2 * _padded_by_one(a)[1:], None,
        lambda s: need(len(s) == 1) or (s[0] + 1,), False, None, ("conv1d",),
    ),
    "conv2d": Operation("conv2d({0}, [[1, -2]])", lambda a: a[:, :-1] - 2 * a[:, 1:], None,
                        lambda s: need(len(s) == 2 and s[1] > 1) or (s[0], s[1] - 1), False, None,
                        ("conv2d",)),
    "conv1d_input": Operation(
        "conv1d_input({0}, [1, -2], 3)", lambda a: np.array([a[0], a[1] - 2 * a[0], -2 * a[1]], dtype=object),
        None, lambda s: need(s == (2,)) or (3,), False, None, ("conv1d_input",),
    ),
    "conv2d_input": Operation(
        "conv2d_input({0}, [[3]], 2, 2)", lambda a: 3 * a, None, lambda s: need(s == (2, 2)) or s, False,
        None, ("conv2d_input",),
    ),
    "conv1d_weight": Operation(
        "conv1d_weight({0}, [1, -2], 2)", lambda a: a[:-1] - 2 * a[1:], None,
        lambda s: need(s == (3,)) or (2,), False, None, ("conv1d_weight",),
    ),
    "conv2d_weight": Operation(
        "conv2d_weight({0}, [[2]], 2)", lambda a: 2 * a, None, lambda s: need(s == (2, 2)) or s, False, None,
        ("conv2d_weight",),
    ),
    "max_pool": Operation(
        "max_pool({0}, 2)", lambda a: np.array([max(a[0], a[1])], dtype=object), None,
        lambda s: need(s in ((2,), (3,))) or (1,), False, lambda a: a[0] - a[1], ("max_pool",),
    ),
    "avg_pool": Operation("avg_pool({0}, 2, stride=1)", lambda a: (a[:-1] + a[1:]) / 2, None,
                          lambda s: need(len(s) == 1 and s[0] > 1) or (s[0] - 1,), False, None,
                          ("avg_pool",)),
    "flip": Operation("flip({0})", lambda a: np.flip(a), (lambda g, y, a: f("flip")(g),),
                      lambda s: need(len(s) > 0) or s, False, None, ("flip",)),
    "plus one_hot": Operation("({0} + one_hot(1, 2))", lambda a: a + np.array([0, 1], dtype=object),
                              (lambda g, y, a: g,), lambda s: need(s == (2,)) or s, False, None,
                              ("one_hot",)),
    "cumsum": Operation("cumsum({0})", np.cumsum, (lambda g, y, a: f("sum")(g) - f("cumsum")(g) + g,),
                        _vector, False, None, ("cumsum",)),
    "cumprod": Operation("cumprod({0})", np.cumprod, None, _vector, False, None, ("cumprod",)),
}  # fmt: skip
