"""Reads nothing. Gives formulas in a small form of their own.

Expressions are entries of a table, equal ones once, lightly simplified as they enter: factors 1, terms
0, like terms, small integers. Knows nothing of models, and not how a formula is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from gradcheck_cli.formulas.exact_numbers import (
    Number,
    absolute_value,
    exact_power,
    exact_value,
    is_binary,
    is_countable,
    whole_if_exact,
)
from gradcheck_cli.formulas.expression_table import ExpressionTable, Form
from gradcheck_cli.model.primitives.record import Shape
from gradcheck_cli.numerics.limits.formulas import DEFAULTS, FormulasLimits

__all__ = ["COMPARISONS", "ScalarAlgebra"]

COMPARISONS = {"gt": ">", "lt": "<", "ge": ">=", "le": "<="}


class ScalarAlgebra(ExpressionTable):
    """Makes expressions, simplifying as it goes. A product holds a coefficient and powers."""

    def __init__(self, limits: FormulasLimits = DEFAULTS) -> None:
        super().__init__(limits)
        self.zero, self.one = self.number(0), self.number(1)

    # -- numbers ------------------------------------------------------------------------------

    def number(self, value: Number) -> int:
        """An exact number that formulas compute with."""
        return self.make("product", (), (whole_if_exact(value), ()))

    def literal(self, value: float, text: str) -> int:
        """A number of the text: small integers count, others stay as the author wrote them."""
        if text.isdigit() and text.isascii() and int(text) <= self.limits.largest_integer:
            return self.number(int(text))
        return self.make("number", (), (text, exact_value(value, text, self.limits)))

    def decimal(self, value: Number) -> int:
        """An exact binary fraction as decimal text."""
        if value.denominator == 1:
            return self.number(value)
        digits = Decimal(value.numerator) / Decimal(value.denominator)
        made = self.make("number", (), (str(abs(digits)), abs(value)))
        return made if value > 0 else self.negative(made)

    def constant(self, e: int) -> Number | None:
        """The exact value of a number; None for anything else."""
        form = self.forms[e]
        sign = 1
        if form.operation == "neg" or (form.operation == "product" and form.data == (-1, (1,))):
            sign, form = -sign, self.forms[form.arguments[0]]
        if form.operation == "product" and not form.arguments:
            return sign * form.data[0]  # type: ignore[no-any-return]
        exact = form.data[1] if form.operation == "number" else None
        return None if exact is None else sign * exact

    def _is_decimal(self, e: int) -> bool:
        form = self.forms[e]
        return form.operation == "number" or any(map(self._is_decimal, form.arguments))

    # -- products -----------------------------------------------------------------------------

    def times(self, *factors: int) -> int:
        """The product, entry by entry."""
        factors = tuple(f for f in factors if f != self.one)
        if len(factors) < 2:
            return factors[0] if factors else self.one
        coefficient: Number = 1
        powers: dict[int, int] = {}
        for factor in factors:
            found, parts = self.parts(factor)
            coefficient *= found
            for base, exponent in parts:
                powers[base] = powers.get(base, 0) + exponent
        return self._product(coefficient, powers)

    def negative(self, e: int) -> int:
        """-e."""
        return self.times(self.number(-1), e)

    def power(self, e: int, exponent: int) -> int:
        """e^exponent for an integer."""
        if exponent < 0 and e == self.zero:
            return self.make("pow", (e, self.number(exponent)))
        coefficient, parts = self.parts(e)
        return self._product(exact_power(coefficient, exponent), {b: p * exponent for b, p in parts})

    def parts(self, e: int) -> tuple[Number, Sequence[tuple[int, int]]]:
        """Coefficient and powers; products and quotients of the author's are taken apart."""
        coefficient: Number = 1
        found: list[tuple[int, int]] = []
        todo = [(e, 1)]
        while todo:
            part, exponent = todo.pop()
            form = self.forms[part]
            if len(todo) + len(found) > self.limits.most_factors:
                found.append((part, exponent))
            elif form.operation == "product" and len(form.arguments) <= self.limits.most_factors:
                inner, powers = form.data
                if inner != 1:
                    coefficient *= exact_power(inner, exponent)
                    if not is_countable(coefficient):
                        return 1, [(e, 1)]
                pairs = zip(form.arguments, powers, strict=True)
                found += [(base, power * exponent) for base, power in pairs]
            elif form.operation in ("mul", "div", "neg"):
                todo += reversed(self._factors(form, exponent))
            elif (power := self._integer_power(form)) is not None:
                todo.append((form.arguments[0], power * exponent))
            else:
                found.append((part, exponent))
        return coefficient, found

    def _factors(self, form: Form, exponent: int) -> list[tuple[int, int]]:
        if form.operation == "neg":
            return [(self.number(-1), 1), (form.arguments[0], exponent)][exponent % 2 == 0 :]
        last = -exponent if form.operation == "div" else exponent
        if last < 0 and self.constant(form.arguments[1]) == 0:
            return [(form.arguments[0], exponent), (self._pole(form.arguments[1]), -last)]
        return [(form.arguments[0], exponent), (form.arguments[1], last)]

    def _pole(self, e: int) -> int:
        return self.make("pow", (e, self.number(-1)))

    def _integer_power(self, form: Form) -> int | None:
        if form.operation != "pow":
            return None
        power = self.constant(form.arguments[1])
        base = self.constant(form.arguments[0])
        return int(power) if power and power.denominator == 1 and base is None else None

    def _product(self, coefficient: Number, powers: Mapping[int, int]) -> int:
        coefficient = whole_if_exact(coefficient)
        coefficient, powers = self._square_roots(coefficient, powers)
        kept = self._recognize_softmax({base: power for base, power in powers.items() if power})
        if coefficient == 0:
            return self.zero
        if len(kept) > 1 and any(self.forms[b].operation == "number" for b in kept):
            order = sorted(kept, key=lambda base: self.forms[base].operation != "number")
            kept = {base: kept[base] for base in order}
        coefficient, kept = self._fold_decimals(coefficient, kept)
        if coefficient == 1 and list(kept.values()) == [1]:
            return next(iter(kept))
        shape = self.broadcast_shape(self.shape(base) for base in kept)
        return self.make("product", tuple(kept), (coefficient, tuple(kept.values())), shape)

    def _square_roots(
        self, coefficient: Number, powers: Mapping[int, int]
    ) -> tuple[Number, Mapping[int, int]]:
        """sqrt(2)^2 is 2."""
        found = dict(powers)
        for base, power in powers.items():
            form = self.forms[base]
            if abs(power) > 1 and form.operation == "call" and form.data[0] == "sqrt":
                exact = self.constant(form.arguments[0])
                if exact is not None and exact > 0 and self.forms[form.arguments[0]].operation == "product":
                    pairs = abs(power) // 2
                    coefficient *= exact_power(exact, pairs if power > 0 else -pairs)
                    found[base] = (abs(power) - 2 * pairs) * (1 if power > 0 else -1)
        return coefficient, found

    def _recognize_softmax(self, powers: dict[int, int]) -> dict[int, int]:
        """exp(x)/sum(exp(x)) is softmax(x)."""
        for total in [base for base, power in powers.items() if power < 0]:
            form = self.forms[total]
            if form.operation != "call" or form.data[0] != "sum" or "keepdims" in form.data[1]:
                continue
            top, axis = form.arguments[0], form.data[1]
            exponential = self.forms[top]
            is_one = exponential.operation == "call" and exponential.data[0] == "exp"
            if is_one and powers.get(top, 0) > 0 and (axis or len(exponential.shape) == 1):
                chosen = self.call("softmax", *exponential.arguments, more=axis)
                times = min(powers[top], -powers[total])
                moved = {top: -times, total: times, chosen: times}
                merged = {b: powers.get(b, 0) + moved.get(b, 0) for b in (*moved, *powers)}
                return {base: power for base, power in merged.items() if power}
        return powers

    def _fold_decimals(
        self, coefficient: Number, powers: dict[int, int]
    ) -> tuple[Number, dict[int, int]]:
        """2*0.5 is 1: a coefficient other than 1 is computed together with an exact decimal."""
        if abs(coefficient) == 1:
            return coefficient, powers
        for base, power in powers.items():
            exact = self.constant(base)
            if exact is None or power != 1:
                continue
            whole = self.constant(self.decimal(abs(Fraction(coefficient * exact))))
            if whole is None or not is_binary(coefficient * exact, self.limits):
                continue
            rest = {b: p for b, p in powers.items() if b != base}
            if whole.denominator == 1:
                return whole_if_exact(coefficient * exact), rest
            return (1 if coefficient > 0 else -1), {self.decimal(whole): 1, **rest}
        return coefficient, powers

    @staticmethod
    def broadcast_shape(shapes: Iterable[Shape]) -> Shape:
        """The shape of entries that are combined."""
        distinct = set(shapes)
        result: Shape = distinct.pop() if distinct else ()
        for shape in distinct:
            if len(shape) > len(result):
                result, shape = shape, result
            lag = len(result) - len(shape)
            result = result[:lag] + tuple(map(max, result[lag:], shape))
        return result

    # -- sums ---------------------------------------------------------------------------------

    def add(self, terms: Iterable[int]) -> int:
        """The sum; like terms are collected, a positive one stands first."""
        given = [part for term in terms for part in self._terms(term)]
        if len(given) == 1:
            return given[0]
        exact = [self.constant(t) for t in given]
        if given and None not in exact:
            total = sum((Fraction(v) for v in exact if v is not None), Fraction(0))
            decimal = any(self._is_decimal(t) for t in given)
            return self.decimal(total) if decimal and is_binary(total, self.limits) else self.number(total)
        collected: dict[int, Number] = {}
        for term in given:
            coefficient, rest = self._split(term)
            collected[rest] = collected.get(rest, 0) + coefficient
        made = [self._scale(c, rest) for rest, c in collected.items() if c]
        if len(made) < 2:
            return made[0] if made else self.zero
        made.sort(key=self.is_negative)
        return self.make("sum", made, None, self.broadcast_shape(map(self.shape, made)))

    def factor(self, terms: Iterable[int]) -> int:
        """The sum with the number and the powers that all terms share in front."""
        whole = self.add(terms)
        given = self._terms(whole)
        if len(given) < 2:
            return whole
        parts = [self.parts(term) for term in given]
        found = [dict(powers) for _, powers in parts]
        common = {b: p for b, p in found[0].items() if all(f.get(b) == p for f in found[1:])}
        sizes = {absolute_value(coefficient) for coefficient, _ in parts}
        number = sizes.pop() if len(sizes) == 1 else 1
        if not common and number == 1:
            return whole
        shared = self._product(number, common)
        rest = self.add(self.times(term, self.power(shared, -1)) for term in given)
        return self.times(shared, rest)

    def _terms(self, e: int) -> Sequence[int]:
        form = self.forms[e]
        is_short = form.operation == "sum" and len(form.arguments) <= self.limits.most_factors
        return form.arguments if is_short else (e,)

    def _split(self, term: int) -> tuple[Number, int]:
        form = self.forms[term]
        if form.operation != "product" or form.data[0] == 1:
            return 1, term
        powers = dict(zip(form.arguments, form.data[1], strict=True))
        return form.data[0], self._product(1, powers)

    def _scale(self, coefficient: Number, e: int) -> int:
        return e if coefficient == 1 else self.times(self.number(coefficient), e)

    def is_negative(self, e: int) -> bool:
        """Whether it is written with a minus in front."""
        form = self.forms[e]
        return form.operation == "neg" or (form.operation == "product" and form.data[0] < 0)

    # -- functions, selections ----------------------------------------------------------------

    def call(self, function: str, *arguments: int, shape: Shape | None = None, more: str = "") -> int:
        """A function of the language; elementwise unless a shape is given."""
        if shape is None:
            shape = self.broadcast_shape(map(self.shape, arguments))
        per_row = False if function in ("sum_rows", "mean_rows") else None
        return self.make("call", arguments, (function, more), shape, per_row=per_row)

    def compare(self, operation: str, a: int, b: int) -> int:
        """1 where it holds, else 0."""
        if self.is_negative(a) and self.is_negative(b):
            operation = {"gt": "lt", "lt": "gt", "ge": "le", "le": "ge"}[operation]
            a, b = self.negative(a), self.negative(b)
        return self.make(operation, (a, b), None, self.broadcast_shape((self.shape(a), self.shape(b))))

    def where(self, condition: int, a: int, b: int) -> int:
        """a where the condition holds, else b."""
        if a == b:
            return a
        if self._is_sign(condition, a, b):
            return self.call("sign", self.forms[condition].arguments[0])
        if self.forms[condition].operation in COMPARISONS and (a, b) == (self.one, self.zero):
            return condition
        if self.forms[condition].operation in COMPARISONS and (a, b) == (self.zero, self.one):
            return self._opposite(condition)
        return self.pick(condition, a, b)

    def _is_sign(self, condition: int, a: int, b: int) -> bool:
        """where(x > 0, 1, where(x < 0, -1, 0))."""
        if a != self.one or self.forms[condition].operation != "gt":
            return False
        below = self.make("lt", self.forms[condition].arguments, None, self.shape(condition))
        return b == self.pick(below, self.number(-1), self.zero)

    def pick(self, condition: int, a: int, b: int) -> int:
        """The same, left as it is: neither branch is multiplied by 0."""
        return self.call("where", condition, a, b)

    def _opposite(self, condition: int) -> int:
        form = self.forms[condition]
        other = {"gt": "le", "le": "gt", "ge": "lt", "lt": "ge"}[form.operation]
        return self.make(other, form.arguments, None, form.shape)

    def through(self, partial: int, adjoint: int) -> int:
        """The product, with selections outermost: what was not chosen may be infinite."""
        for selected, other in ((partial, adjoint), (adjoint, partial)):
            form = self.forms[selected]
            if self._is_mask(form) or (selected == adjoint and _is_selection(form)):
                condition, a, b = form.arguments
                return self.pick(condition, self.times(other, a), self.times(other, b))
        return self.times(partial, adjoint)

    def _is_mask(self, form: Form) -> bool:
        return _is_selection(form) and set(form.arguments[1:]) == {self.zero, self.one}

    # -- the whole ----------------------------------------------------------------------------

    def substitute(self, e: int, given: Mapping[int, int]) -> int:
        """The expression with others put in."""
        done = dict(given)
        changed = set(given)
        for part in self.reachable(e):
            form = self.forms[part]
            if part in done:
                continue
            if not changed.intersection(form.arguments):
                done[part] = part
                continue
            changed.add(part)
            arguments = [done[a] for a in form.arguments]
            done[part] = self._again(form, arguments)
        return done[e]

    def _again(self, form: Form, arguments: Sequence[int]) -> int:
        if form.operation == "product":
            factors = map(self.power, arguments, form.data[1])
            return self.times(self.number(form.data[0]), *factors)
        if form.operation == "sum":
            return self.add(arguments)
        return self.make(form.operation, arguments, form.data, form.shape)


def _is_selection(form: Form) -> bool:
    return form.operation == "call" and bool(form.data[0] == "where")
