"""Reads SymPy's expressions. Gives them in functions that the language has: digamma(x) for polygamma(0, x).

Knows nothing of models.
"""

from __future__ import annotations

from typing import Any

__all__ = ["in_functions_of_the_language"]


def in_functions_of_the_language(expression: Any) -> Any:
    """The same expression, with functions that a model file can call.

    Parameters
    ----------
    expression : of SymPy

    Returns
    -------
    expression of SymPy
        Its functions bear the names of the language.
    """
    import sympy
    from sympy.codegen import cfunctions

    rules = {
        sympy.polygamma: lambda n, x: _call("digamma", x) if n == 0 else _call("polygamma", n, x),
        sympy.loggamma: lambda x: _call("lgamma", x),
        sympy.besselj: lambda n, x: _bessel("j", n, x),
        sympy.bessely: lambda n, x: _bessel("y", n, x),
        sympy.besseli: lambda n, x: _bessel("i", n, x),
        sympy.erfcinv: lambda z: -_call("normal_quantile", z / 2) / sympy.sqrt(2),
        sympy.erfi: lambda x: 2 / sympy.sqrt(sympy.pi) * sympy.exp(x**2) * _call("dawson", x),
        sympy.expint: lambda n, x: _call("expint", x),
        sympy.lowergamma: lambda a, x: _call("gammainc", a, x) * _call("gamma", a),
        sympy.hyper: _sinc,
        cfunctions.expm1: lambda x: _call("expm1", x),
        cfunctions.hypot: lambda a, b: _call("hypot", a, b),
    }
    for function, rule in rules.items():
        if expression.has(function):
            expression = expression.replace(function, rule)
    return expression


def _call(name: str, *arguments: Any) -> Any:
    import sympy

    return sympy.Function(name, real=True)(*arguments)


def _bessel(letter: str, order: Any, x: Any) -> Any:
    return _call(f"{letter}{order}", x) if order in (0, 1) else _call(f"bessel_{letter}", order, x)


def _sinc(upper: Any, lower: Any, w: Any) -> Any:
    """0F1(; 3/2; -(pi x)^2/4) is sinc(x), with 5/2 it is 3 (sinc(x) - cos(pi x))/(pi x)^2."""
    import sympy

    x = sympy.sqrt(-4 * w / sympy.pi**2).replace(sympy.Abs, lambda a: a)
    if lower[0] == sympy.Rational(3, 2):
        return _call("sinc", x)
    return sympy.Mul(3, _call("sinc", x) - sympy.cos(sympy.pi * x), (sympy.pi * x) ** -2)
