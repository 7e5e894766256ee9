"""Reads kinds of nodes. Gives SymPy's partials of what they are made of, as templates to be filled in.

Each kind is lowered (by the symbolic method) and differentiated once. Partials are written in the function's
own value where that is shorter: exp(x) is h, 1 - h^2. Knows nothing of vjps, models and adjoints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from gradcheck_cli.derivatives import symbolic
from gradcheck_cli.formulas.array_algebra import Algebra
from gradcheck_cli.formulas.sympy_functions import in_functions_of_the_language
from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.primitives.record import Primitive, Shape
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.limits import symbolic as symbolic_limits
from gradcheck_cli.numerics.limits.formulas import DEFAULTS, FormulasLimits
from gradcheck_cli.numerics.limits.symbolic import SymbolicLimits

__all__ = ["Rules", "Template"]

_Code = list[tuple[str, Any, tuple[int, ...]]]  # a SymPy expression in postfix: kind, data, places
_OWN_NAMES = {"Abs": "abs", "Exp1": "e"}


class Template:
    """A SymPy expression over slots, to be written in other expressions."""

    def __init__(self, expression: Any, slots: Sequence[Any]) -> None:
        self.code: _Code = []
        self.mentions = {k for k, slot in enumerate(slots) if expression.has(slot)}
        places: dict[Any, int] = {}
        todo = [expression]
        while todo:
            part = todo[-1]
            arguments = _written_order(part)
            waiting = [a for a in arguments if a not in places]
            if part in places or not waiting:
                todo.pop()
                if part not in places:
                    places[part] = len(self.code)
                    kind, data = _kind(part, slots)
                    self.code.append((kind, data, tuple(places[a] for a in arguments)))
            else:
                todo.extend(waiting)

    def __call__(self, algebra: Algebra, slots: Sequence[int]) -> int:
        """The expression with these in its slots."""
        made: list[int] = []
        for kind, data, places in self.code:
            arguments = [made[p] for p in places]
            if kind == "slot":
                made.append(slots[data])
            else:
                made.append(_MAKERS[kind](algebra, data, arguments))
        return made[-1]


_MAKERS: dict[str, Callable[[Algebra, Any, list[int]], int]] = {
    "rational": lambda algebra, data, xs: algebra.number(data),
    "pi": lambda algebra, data, xs: algebra.make("name", (), "pi"),
    "add": lambda algebra, data, xs: algebra.add(xs),
    "mul": lambda algebra, data, xs: algebra.times(*xs),
    "power": lambda algebra, data, xs: _raise(algebra, xs[0], data),
    "pow": lambda algebra, data, xs: _exponential(algebra, *xs),
    "call": lambda algebra, data, xs: algebra.call(data, *xs),
}


def _raise(algebra: Algebra, base: int, exponent: Fraction) -> int:
    if exponent.denominator == 1:
        return algebra.power(base, int(exponent))
    root = {2: "sqrt", 3: "cbrt"}.get(exponent.denominator)
    if root is not None:
        return algebra.power(algebra.call(root, base), exponent.numerator)
    shape = algebra.shape(base)
    return algebra.make("pow", (base, algebra.number(exponent)), None, shape)


def _exponential(algebra: Algebra, base: int, exponent: int) -> int:
    exact = algebra.constant(exponent)
    if exact is not None and exact.denominator == 1 and abs(exact.numerator) < algebra.limits.largest_integer:
        return algebra.power(base, int(exact))
    shape = algebra.broadcast_shape((algebra.shape(base), algebra.shape(exponent)))
    return algebra.make("pow", (base, exponent), None, shape)


def _kind(part: Any, slots: Sequence[Any]) -> tuple[str, Any]:
    if part in slots:
        return "slot", list(slots).index(part)
    if part.is_Rational:
        return "rational", Fraction(int(part.p), int(part.q))
    name = type(part).__name__
    if name == "Pow" and part.exp.is_Rational:
        return "power", Fraction(int(part.exp.p), int(part.exp.q))
    if name in ("Add", "Mul", "Pow", "Pi"):
        return name.lower(), None
    return "call", _OWN_NAMES.get(name, name.lower())


def _written_order(part: Any) -> Sequence[Any]:
    """The arguments in the order in which they are written."""
    name = type(part).__name__
    if name == "Mul":
        return sorted(part.as_ordered_factors(), key=_place_in_product)
    if name == "Add":
        return sorted(part.as_ordered_terms(), key=lambda term: not term.is_number)
    if name == "Pow" and part.exp.is_Rational:
        return list(part.args[:1])
    return list(part.args)


def _place_in_product(factor: Any) -> int:
    """Numbers, then names, then powers and functions, then what is in brackets."""
    if factor.is_number:
        return 0
    return 1 if factor.is_Symbol else 3 if factor.is_Add else 2


class Rules:
    """Kinds of nodes that were met; each is lowered and differentiated once."""

    def __init__(
        self, limits: FormulasLimits = DEFAULTS, lowering: SymbolicLimits = symbolic_limits.DEFAULTS
    ) -> None:
        self.limits, self.lowering = limits, lowering
        self._programs: dict[Any, symbolic.Program] = {}
        self._partials: dict[Any, Template | None] = {}
        self._values: dict[symbolic.KernelKey, Template] = {}

    def program(self, node: Node, shapes: Sequence[Shape], exponent: Node | None) -> symbolic.Program:
        """What a node of this kind is made of; its arguments are leaves 0, 1, ..."""
        fixed = None if exponent is None else (exponent.value, exponent.text)
        options = tuple((k, repr(v)) for k, v in node.options.items())
        key = (node.operation, tuple(shapes), fixed, options)
        found = self._programs.get(key)
        if found is None:
            found = self._programs[key] = _lower(node, shapes, exponent, self.lowering)
        return found

    def value(self, kernel: symbolic.Kernel) -> Template:
        """The kernel's own formula."""
        found = self._values.get(kernel.key)
        if found is None:
            whole = in_functions_of_the_language(kernel.expression)
            found = self._values[kernel.key] = Template(whole, kernel.slots)
        return found

    def partial(self, kernel: symbolic.Kernel, place: int) -> Template | None:
        """SymPy's partial by a slot, over the slots and the kernel's own value (the last)."""
        key = (kernel.key, place)
        if key not in self._partials:
            partial, limits = kernel.partials[place], (self.limits, self.lowering)
            found = None if partial is None else _template_of(kernel, partial.expression, *limits)
            self._partials[key] = found
        return self._partials[key]


def _lower(
    node: Node, shapes: Sequence[Shape], exponent: Node | None, limits: SymbolicLimits
) -> symbolic.Program:
    builder = Builder()
    leaves = [builder.leaf(f"a{k}", shape) for k, shape in enumerate(shapes)]
    if exponent is not None:
        leaves[1] = builder.literal(exponent.value, exponent.text)
    rows = {"sum_rows": 2, "mean_rows": node.options.get("count")}.get(node.operation)
    if rows is not None:
        return _over_rows(node, shapes[0], limits)
    known = node.primitive.options
    options = {k: v for k, v in node.options.items() if k in known}
    builder.name("y", builder.apply(node.operation, leaves, options))
    return symbolic.lower(Model("", builder.graph(), {}, {}), limits=limits)


def _over_rows(node: Node, shape: Shape, limits: SymbolicLimits) -> symbolic.Program:
    builder = Builder()
    leaf = builder.leaf("a0", shape, per_row=True)
    builder.name("y", builder.apply(node.operation, [leaf], rows=node.options["count"]))
    return symbolic.lower(Model("", builder.graph(), {}, {}), limits=limits)


def _template_of(
    kernel: symbolic.Kernel, partial: Any, limits: FormulasLimits, lowering: SymbolicLimits
) -> Template:
    """The partial, in the kernel's own value where that is shorter: exp(x) is h, 1 - h^2."""
    import sympy

    own = sympy.Symbol("own", real=True)
    whole = kernel.expression
    slots = [*kernel.slots, own]
    found = partial.subs(whole, own) if whole.has(sympy.erfc) else partial.xreplace({whole: own})
    if whole.is_Pow and whole.exp.is_Rational and not whole.exp.is_Integer:
        powers = {p: p.exp / whole.exp for p in found.atoms(sympy.Pow) if p.base == whole.base}
        found = found.xreplace({p: own**k for p, k in powers.items() if k.is_Integer})
    if len(kernel.slots) == 1 and not found.has(own) and found.count_ops() > limits.short_partial:
        known = _polynomial(kernel, found, own, limits) or _known_function(kernel, found, limits, lowering)
        found = known or found
    named, itself = in_functions_of_the_language(found), in_functions_of_the_language(whole)
    return Template(named.xreplace({itself: own}), slots)


def _sample(expression: Any, slots: Sequence[Any], limits: FormulasLimits) -> Any:
    at = np.array(limits.tried_at).reshape(1, 1, -1)
    with np.errstate(all="ignore"):
        values = symbolic.Formula(expression, slots)(FLOAT64, [at])
    return np.broadcast_to(values, at.shape).reshape(-1)


def _polynomial(kernel: symbolic.Kernel, partial: Any, own: Any, limits: FormulasLimits) -> Any:
    """The partial as a polynomial in the function itself, as own*(1 - own); None if it is none."""
    y, p = (_sample(part, kernel.slots, limits) for part in (kernel.expression, partial))
    if not (np.isfinite(y).all() and np.isfinite(p).all()):
        return None
    coefficients = np.linalg.lstsq(np.vander(y, 3), p, rcond=None)[0]
    whole: Any = np.round(coefficients)
    if abs(coefficients - whole).max() > limits.whole_coefficient:
        return None
    if abs(np.polyval(whole, y) - p).max() > limits.polynomial_miss:
        return None
    a, b, c = (int(whole[k]) for k in range(3))
    return own * (b + a * own) if c == 0 else c + b * own + a * own**2


def _known_function(
    kernel: symbolic.Kernel, partial: Any, limits: FormulasLimits, lowering: SymbolicLimits
) -> Any:
    """The partial as another function of the table, as sigmoid(x) for softplus; None if it is none."""
    import sympy

    p = _sample(partial, kernel.slots, limits)
    for record in PRIMITIVES.values():
        if record.elementwise and record.arguments == 1 and not record.options and record.analytic:
            program = _lower(_kind_node(record), [()], None, lowering)
            applied = program.kernels.get(program.of_node[-1])
            if applied is None or applied.kernel.expression.count_ops() < limits.least_function:
                continue
            if not _special_functions(applied.kernel.expression) <= _special_functions(partial):
                continue
            values = _sample(applied.kernel.expression, applied.kernel.slots, limits)
            if np.allclose(values, p, rtol=limits.function_miss, atol=0, equal_nan=False):
                return sympy.Function(record.name, real=True)(kernel.slots[0])
    return None


def _special_functions(expression: Any) -> set[Any]:
    """Those that no other function can be equal to, which are computed by SciPy."""
    import sympy

    found = {part.func for part in expression.atoms(sympy.Function)}
    return {function for function in found if ".special." in function.__module__}


def _kind_node(record: Primitive) -> Node:
    return Node(-1, record.name, (), (), options=record.options)
