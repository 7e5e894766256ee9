"""Reads the name of an operation that acts entry by entry. Gives how SymPy spells it.

Knows nothing of items and of numbers; SymPy itself is handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["ENTRYWISE", "FUNCTIONS", "SHARED_NAMES", "WITH_DATA"]

# functions that SymPy and the numeric namespaces call by the same name
SHARED_NAMES = (
    "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "exp", "log", "erf",
    "erfc",
)  # fmt: skip


def _cfunction(name: str) -> Callable[..., Any]:
    """A function of SymPy's that keeps digits where its definition would lose them."""

    def make(sp: Any, *xs: Any) -> Any:
        from sympy.codegen import cfunctions

        return getattr(cfunctions, name)(*xs)

    return make


# special functions under the names of SymPy's; the hypergeometric 0F1 is sin(pi x)/(pi x), its derivative too
# a function without cancellation
_SPECIAL: dict[str, Callable[..., Any]] = {
    **{
        name: (lambda sp, *xs, _name=name: getattr(sp, _name)(*xs))
        for name in ("loggamma", "gamma", "beta", "erfi", "erfinv", "erfcinv", "lowergamma", "asinh", "acosh",
                     "atanh", "sec", "csc", "cot")
    },
    "expm1": _cfunction("expm1"),
    "hypot": _cfunction("hypot"),
    "expint": lambda sp, a: sp.expint(1, a),
    "gelu_by_tanh": lambda sp, a, c: a / (1 + sp.exp(-2 * sp.sqrt(2 / sp.pi) * (a + c * a**3))),
    "dawson": lambda sp, a: sp.sqrt(sp.pi) / 2 * sp.exp(-(a**2)) * sp.erfi(a),
    "sinc": lambda sp, a: sp.hyper([], [sp.Rational(3, 2)], -(sp.pi**2) * a**2 / 4),
}  # fmt: skip

# name -> (how SymPy spells it); also what a kernel may be made of
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": lambda sp, a, b: a + b,
    "sub": lambda sp, a, b: a - b,
    "mul": lambda sp, a, b: a * b,
    "div": lambda sp, a, b: a / b,
    "neg": lambda sp, a: -a,
    "pow": lambda sp, a, b: a**b,
    **{
        name: (lambda sp, *xs, _name=name: getattr(sp, _name)(*xs))
        for name in (*SHARED_NAMES, "sqrt")
    },
    **_SPECIAL,
}
WITH_DATA: dict[str, Callable[..., Any]] = {
    "power": lambda sp, n, a: a**n,
    "root": lambda sp, n, a: a ** sp.Rational(1, n),
    **{
        name: (lambda sp, n, a, _name=name: getattr(sp, _name)(n, a))
        for name in ("polygamma", "besselj", "bessely", "besseli")
    },
}
ENTRYWISE = frozenset(FUNCTIONS) | frozenset(WITH_DATA)
