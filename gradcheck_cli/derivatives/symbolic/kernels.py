"""Reads recorded formulas of scalars. Gives SymPy's value and partials as functions of arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck_cli.derivatives.symbolic.sympy_names import FUNCTIONS, SHARED_NAMES, WITH_DATA
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.symbolic import DEFAULTS
from gradcheck_cli.numerics.namespace import Namespace

if TYPE_CHECKING:
    import sympy

__all__ = ["Formula", "Kernel", "KernelKey", "kernel"]


# ---------------------------------------------------------------------------------------------
# Kernels: what SymPy sees
# ---------------------------------------------------------------------------------------------

KernelKey = tuple[tuple[Any, ...], ...]  # postfix: ("slot", live), ("integer", n), (name, data, args)


class Kernel:
    """A scalar formula over slots, and its partials by the slots that can vary."""

    def __init__(self, key: KernelKey) -> None:
        import sympy

        self.key = key
        self.slots: list[sympy.Symbol] = []
        self.live: list[bool] = []
        built: list[Any] = []
        for entry in key:
            if entry[0] == "slot":
                self.slots.append(sympy.Symbol(f"a{len(self.slots)}", real=True))
                self.live.append(entry[1])
                built.append(self.slots[-1])
            elif entry[0] == "integer":
                built.append(sympy.Integer(entry[1]))
            else:
                name, data, arguments = entry
                values = [built[a] for a in arguments]
                built.append(
                    FUNCTIONS[name](sympy, *values)
                    if name in FUNCTIONS
                    else WITH_DATA[name](sympy, data, *values)
                )
        self.expression = built[-1]

    @cached_property
    def value(self) -> Formula:
        """The formula itself."""
        return Formula(self.expression, self.slots)

    @cached_property
    def partials(self) -> list[Formula | None]:
        """SymPy's partial by each slot; None where it is 0 or the slot cannot vary."""
        found: list[Formula | None] = []
        for slot, live in zip(self.slots, self.live, strict=True):
            partial = _tidy(self.expression.diff(slot)) if live else 0
            found.append(None if partial == 0 else Formula(partial, self.slots, is_partial=True))
        return found


def kernel(key: KernelKey) -> Kernel:
    """The kernel of a key, which models share: its formulas hold nothing of a model."""
    return _made(key, tuple(type(entry[1]) for entry in key))  # x^2 and x^2.0 have equal keys


@lru_cache(maxsize=DEFAULTS.most_kernels)
def _made(key: KernelKey, types: tuple[type, ...]) -> Kernel:
    return Kernel(key)


def _tidy(expression: Any) -> Any:
    """c*x^c/x, which is 0/0 at 0, becomes c*x^(c-1)."""
    import sympy

    expression = _as_real(expression)
    return sympy.powsimp(expression, combine="exp") if _has_varying_exponent(expression) else expression


def _has_varying_exponent(expression: Any) -> bool:
    import sympy

    return any(power.exp.free_symbols for power in expression.atoms(sympy.Pow))


def _with_limits(expression: Any) -> Any:
    """What is computed of an expression: x^c*log(x) as a product that is 0 where x^c is."""
    if not _has_varying_exponent(expression):
        return expression
    return expression.replace(lambda part: part.is_Mul, _vanish)


def _as_real(expression: Any) -> Any:
    """All is real here. SymPy does not know that of Bessel functions, and differentiates sqrt(J(x)^2) to
    sign(conjugate(J(x)))."""
    import sympy

    if not expression.has(sympy.conjugate, sympy.re, sympy.im):
        return expression
    real = expression.replace(sympy.conjugate, lambda y: y).replace(sympy.re, lambda y: y)
    return real.replace(sympy.im, lambda y: sympy.Integer(0))


def _vanish(product: Any) -> Any:
    """x^c*log(x)^k as one function: its limit at x = 0 is 0 for c > 0."""
    import sympy

    for power in product.args:
        if not (power.is_Pow and power.exp.free_symbols and power.base.free_symbols):
            continue
        logs = [part for part in product.args if part.as_base_exp()[0] == sympy.log(power.base)]
        if len(logs) == 1 and logs[0].as_base_exp()[1].is_Integer:
            rest = [part for part in product.args if part not in (power, logs[0])]
            return sympy.Mul(*rest, sympy.Function(_VANISHING)(power, logs[0]))
    return product


_VANISHING = "vanishing_product"


class Formula:
    """A SymPy expression as a list of instructions for arrays; nothing is compiled or generated."""

    def __init__(self, expression: Any, slots: Sequence[Any], *, is_partial: bool = False) -> None:
        self.expression = expression
        self.is_one = bool(expression == 1)
        computed = _with_limits(expression) if is_partial else expression
        places: dict[Any, int] = {slot: k for k, slot in enumerate(slots)}
        self.start = len(slots)
        self.code: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
        todo = [computed]
        while todo:
            part = todo[-1]
            waiting = [a for a in _inner(part) if a not in places] if part not in places else []
            if part in places or not waiting:
                todo.pop()
                if part not in places:
                    self.code.append((_instruction(part), tuple(places[a] for a in _inner(part))))
                    places[part] = self.start + len(self.code) - 1
            else:
                todo.extend(waiting)
        self.result = places[computed]
        self.drops_slots = not set(slots) <= expression.free_symbols

    def __call__(self, m: Namespace, values: Sequence[Array]) -> Array:
        """The value of the formula for the slots' values, entry by entry.

        Parameters
        ----------
        m : the namespace in whose numbers it is computed
        values : of the slots, arrays of one rank that broadcast together

        Returns
        -------
        array of the broadcast shape, in the numbers of `m`
        """
        known = list(values)
        axes = (1,) * max((x.ndim for x in known), default=2)
        rounded = getattr(m, "round_randomly", None)  # the referee's float64 with jitter
        for function, places in self.code:
            if not places:
                known.append(function(m).reshape(axes))  # a number, with the axes of the slots
                continue
            given = [known[p] for p in places]
            result = function(m, *given)
            if rounded is not None:
                off = m.ulps_of_square(given[0]) if function is _square else 1.0  # type: ignore[attr-defined]
                result = result if function is _negative else rounded(result, 1, off)
            known.append(result)
        return known[self.result]


def _inner(part: Any) -> tuple[Any, ...]:
    """What a part is computed from; the parameters of a hypergeometric function are fixed."""
    name = type(part).__name__
    return () if name in _CONSTANTS else tuple(part.args[-1:] if name == "hyper" else part.args)


def _instruction(part: Any) -> Callable[..., Any]:
    """How one node of a SymPy expression is computed in a namespace."""
    if part.is_Rational:
        p, q = int(part.p), int(part.q)
        return lambda m: m.array(np.full((1, 1), float(p))) / q if q != 1 else m.array(
            np.full((1, 1), float(p))
        )
    name = type(part).__name__
    if name == "Add":
        return _adding
    if name == "Mul":
        return _negative if len(part.args) == 2 and part.args[0] == -1 else _multiplying
    if name == "Pow":
        return _raising(part.exp)
    if name == "hyper":
        return _hypergeometric(*part.args[1])
    return partial(_constant, part) if name in _CONSTANTS else _NUMERIC[name]


_CONSTANTS = ("EulerGamma", "Catalan", "zeta")  # of whole numbers: what polygamma(n, x/x) is to SymPy


def _constant(part: Any, m: Namespace) -> Array:
    context = getattr(m, "context", None)
    if context is None:
        return m.array(np.full((1, 1), float(part)))
    return np.full((1, 1), context.mpf(str(part.evalf(2 * context.dps))), dtype=object)


def _adding(m: Namespace, first: Array, *others: Array) -> Array:
    """A sum."""
    for other in others:
        first = m.add(first, other)
    return first


def _multiplying(m: Namespace, first: Array, *others: Array) -> Array:
    for other in others:
        first = first * other
    return first


def _negative(m: Namespace, minus_one: Array, a: Array) -> Array:
    return -a


def _raising(exponent: Any) -> Callable[..., Any]:
    if exponent == -1:
        return lambda m, a, b: 1 / a
    if exponent == 2:
        return _square
    if exponent.is_Rational and exponent.q == 2 and abs(exponent.p) == 1:
        return (lambda m, a, b: m.sqrt(a)) if exponent.p > 0 else (lambda m, a, b: 1 / m.sqrt(a))
    return lambda m, a, b: m.pow(a, b)


def _square(m: Namespace, a: Array, b: Array) -> Array:
    return a * a


def _hypergeometric(lower: Any) -> Callable[..., Any]:
    """0F1(; 3/2; -(pi x)^2/4) is sinc(x); with 5/2 it is what its derivative is made of."""
    name = {"3/2": "sinc", "5/2": "second_sinc"}[str(lower)]
    return lambda m, w: m.named(name, 2 * m.sqrt(-w) / m.pi)


def _of_order(name: str) -> Callable[..., Any]:
    return lambda m, n, x: m.named(name, int(n.item()), x)


_NUMERIC: dict[str, Callable[..., Any]] = {
    name: (lambda m, *xs, _name=name: getattr(m, _name)(*xs))
    for name in SHARED_NAMES
}
_NUMERIC["Exp1"] = lambda m: m.exp(m.array(np.ones((1, 1))))
_NUMERIC["Pi"] = lambda m: 2 * m.asin(m.array(np.ones((1, 1))))
for _name, _value in (("ComplexInfinity", np.inf), ("Infinity", np.inf), ("NegativeInfinity", -np.inf)):
    _NUMERIC[_name] = lambda m, _value=_value: m.array(np.full((1, 1), _value))  # 1/(x - x)
_NUMERIC["NaN"] = lambda m: m.array(np.full((1, 1), np.nan))
_NUMERIC["Abs"] = lambda m, x: m.abs(x)
_NUMERIC["sign"] = lambda m, x: m.sign(x)
_NAMED = {
    "loggamma": "lgamma",
    **{name: name for name in ("gamma", "beta", "erfi", "erfinv", "erfcinv")},
    **{name: name for name in ("asinh", "acosh", "atanh", "hypot")},
}
for _name in _NAMED:
    _NUMERIC[_name] = lambda m, *xs, _name=_name: m.named(_NAMED[_name], *xs)
_NUMERIC["polygamma"] = _of_order("polygamma")
for _letter in "jyi":
    _NUMERIC[f"bessel{_letter}"] = _of_order(f"bessel_{_letter}")
_NUMERIC[_VANISHING] = lambda m, a, b: m.where(m.eq(a, 0), 0 * a, a * b)
_NUMERIC["expm1"] = lambda m, x: m.expm1(x)
_NUMERIC["sec"] = lambda m, x: 1 / m.cos(x)
_NUMERIC["csc"] = lambda m, x: 1 / m.sin(x)
_NUMERIC["cot"] = lambda m, x: m.cos(x) / m.sin(x)
_NUMERIC["expint"] = lambda m, n, x: m.named("expint", x)  # of order 1; that of order 0 is exp(-x)/x
_NUMERIC["lowergamma"] = lambda m, a, x: m.named("gammainc", a, x) * m.named("gamma", a)
