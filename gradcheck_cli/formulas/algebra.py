"""Reads nothing. Gives formulas in a small form of their own.

Expressions are entries of a table, equal ones once, lightly simplified as they enter: factors 1, terms
0, like terms, small integers. Knows nothing of models, and not how a formula is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import prod
from types import MappingProxyType
from typing import Any, NamedTuple

from gradcheck_cli.model.primitives.record import Shape

__all__ = ["COMPARISONS", "LARGEST_INTEGER", "SMALL", "Algebra", "Form", "Number", "is_full"]

LARGEST_INTEGER = 1_000_000  # of the text that is computed with
SMALL = 6  # entries of an array that is written out
COMPARISONS = {"gt": ">", "lt": "<", "ge": ">=", "le": "<="}
_MOST_FACTORS = 64  # longer products stay nested, so that work stays linear

Number = int | Fraction


class Form(NamedTuple):
    """One expression. `derived`: a derivative stands in it. Its shape may be narrower than what it
    is used for: it is then repeated, as in a product with a number."""

    operation: str
    arguments: tuple[int, ...]
    data: Any
    shape: Shape
    per_row: bool
    derived: bool


class Algebra:
    """Makes expressions, simplifying as it goes. A product holds a coefficient and powers."""

    def __init__(self) -> None:
        self.forms: list[Form] = []
        self._known: dict[tuple[str, tuple[int, ...], Any, Shape], int] = {}
        self.zero, self.one = self.number(0), self.number(1)

    def make(
        self,
        operation: str,
        arguments: Sequence[int] = (),
        data: Any = None,
        shape: Shape = (),
        *,
        per_row: bool | None = None,
        derived: bool | None = None,
    ) -> int:
        """The expression, made once."""
        key = (operation, tuple(arguments), data, shape)
        found = self._known.get(key)
        if found is None:
            given = [self.forms[a] for a in arguments]
            if per_row is None:
                per_row = any(g.per_row for g in given)
            if derived is None:
                derived = any(g.derived for g in given)
            found = self._known[key] = len(self.forms)
            self.forms.append(Form(operation, key[1], data, shape, per_row, derived))
        return found

    def shape(self, e: int) -> Shape:
        """The shape of an expression, possibly narrower than what it stands for."""
        return self.forms[e].shape

    # -- numbers ------------------------------------------------------------------------------

    def number(self, value: Number) -> int:
        """An exact number that formulas compute with."""
        return self.make("product", (), (_whole(value), ()))

    def literal(self, value: float, text: str) -> int:
        """A number of the text: small integers count, others stay as the author wrote them."""
        if text.isdigit() and text.isascii() and int(text) <= LARGEST_INTEGER:
            return self.number(int(text))
        return self.make("number", (), (text, _exact(value, text)))

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
        return self._product(_power(coefficient, exponent), {b: p * exponent for b, p in parts})

    def parts(self, e: int) -> tuple[Number, Sequence[tuple[int, int]]]:
        """Coefficient and powers; products and quotients of the author's are taken apart."""
        coefficient: Number = 1
        found: list[tuple[int, int]] = []
        todo = [(e, 1)]
        while todo:
            part, exponent = todo.pop()
            form = self.forms[part]
            if len(todo) + len(found) > _MOST_FACTORS:
                found.append((part, exponent))
            elif form.operation == "product" and len(form.arguments) <= _MOST_FACTORS:
                inner, powers = form.data
                if inner != 1:
                    coefficient *= _power(inner, exponent)
                    if not _is_countable(coefficient):
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
        coefficient = _whole(coefficient)
        kept = self._recognized({base: power for base, power in powers.items() if power})
        if coefficient == 0:
            return self.zero
        if len(kept) > 1 and any(self.forms[b].operation == "number" for b in kept):
            order = sorted(kept, key=lambda base: self.forms[base].operation != "number")
            kept = {base: kept[base] for base in order}
        coefficient, kept = self._folded(coefficient, kept)
        if coefficient == 1 and list(kept.values()) == [1]:
            return next(iter(kept))
        shape = self.joined(self.shape(base) for base in kept)
        return self.make("product", tuple(kept), (coefficient, tuple(kept.values())), shape)

    def _recognized(self, powers: dict[int, int]) -> dict[int, int]:
        """exp(x)/sum(exp(x)) is softmax(x)."""
        for total in [base for base, power in powers.items() if power < 0]:
            form = self.forms[total]
            if form.operation != "call" or form.data[0] != "sum":
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

    def _folded(
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
            if whole is None or not _is_binary(coefficient * exact):
                continue
            rest = {b: p for b, p in powers.items() if b != base}
            if whole.denominator == 1:
                return _whole(coefficient * exact), rest
            return (1 if coefficient > 0 else -1), {self.decimal(whole): 1, **rest}
        return coefficient, powers

    @staticmethod
    def joined(shapes: Iterable[Shape]) -> Shape:
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
            return self.decimal(total) if decimal and _is_binary(total) else self.number(total)
        collected: dict[int, Number] = {}
        for term in given:
            coefficient, rest = self._split(term)
            collected[rest] = collected.get(rest, 0) + coefficient
        made = [self._scaled(c, rest) for rest, c in collected.items() if c]
        if len(made) < 2:
            return made[0] if made else self.zero
        made.sort(key=self.is_negative)
        return self.make("sum", made, None, self.joined(map(self.shape, made)))

    def factored(self, terms: Iterable[int]) -> int:
        """The sum with the number and the powers that all terms share in front."""
        whole = self.add(terms)
        given = self._terms(whole)
        if len(given) < 2:
            return whole
        parts = [self.parts(term) for term in given]
        found = [dict(powers) for _, powers in parts]
        common = {b: p for b, p in found[0].items() if all(f.get(b) == p for f in found[1:])}
        sizes = {_absolute(coefficient) for coefficient, _ in parts}
        number = sizes.pop() if len(sizes) == 1 else 1
        if not common and number == 1:
            return whole
        shared = self._product(number, common)
        rest = self.add(self.times(term, self.power(shared, -1)) for term in given)
        return self.times(shared, rest)

    def _terms(self, e: int) -> Sequence[int]:
        form = self.forms[e]
        is_short = form.operation == "sum" and len(form.arguments) <= _MOST_FACTORS
        return form.arguments if is_short else (e,)

    def _split(self, term: int) -> tuple[Number, int]:
        form = self.forms[term]
        if form.operation != "product" or form.data[0] == 1:
            return 1, term
        powers = dict(zip(form.arguments, form.data[1], strict=True))
        return form.data[0], self._product(1, powers)

    def _scaled(self, coefficient: Number, e: int) -> int:
        return e if coefficient == 1 else self.times(self.number(coefficient), e)

    def is_negative(self, e: int) -> bool:
        """Whether it is written with a minus in front."""
        form = self.forms[e]
        return form.operation == "neg" or (form.operation == "product" and form.data[0] < 0)

    # -- functions, selections ----------------------------------------------------------------

    def call(self, function: str, *arguments: int, shape: Shape | None = None, more: str = "") -> int:
        """A function of the language; elementwise unless a shape is given."""
        if shape is None:
            shape = self.joined(map(self.shape, arguments))
        per_row = False if function in ("sum_rows", "mean_rows") else None
        return self.make("call", arguments, (function, more), shape, per_row=per_row)

    def compare(self, operation: str, a: int, b: int) -> int:
        """1 where it holds, else 0."""
        if self.is_negative(a) and self.is_negative(b):
            operation = {"gt": "lt", "lt": "gt", "ge": "le", "le": "ge"}[operation]
            a, b = self.negative(a), self.negative(b)
        return self.make(operation, (a, b), None, self.joined((self.shape(a), self.shape(b))))

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

    # -- arrays -------------------------------------------------------------------------------

    def transpose(self, e: int) -> int:
        """The transpose; of a vector the row [1,n]."""
        form = self.forms[e]
        if not form.shape:
            return e
        if form.operation == "transpose" and len(self.shape(form.arguments[0])) == 2:
            return form.arguments[0]
        shape = (1, *form.shape) if len(form.shape) == 1 else form.shape[::-1]
        return self.make("transpose", (e,), None, shape)

    def turned(self, e: int) -> int:
        """The transpose of what was derived: (A @ B)' is B' @ A', (2*A)' is 2*A'."""
        form = self.forms[e]
        if form.operation == "matmul" and all(len(self.shape(a)) == 2 for a in form.arguments):
            left, right = form.arguments
            return self.matmul(self.turned(right), self.turned(left))
        arrays = [a for a in form.arguments if self.shape(a)]
        if form.operation == "product" and len(arrays) == 1:
            coefficient, powers = form.data
            factors = (self.transpose(a) if a in arrays else a for a in form.arguments)
            return self._product(coefficient, dict(zip(factors, powers, strict=True)))
        return self.transpose(e)

    def index(self, e: int, key: tuple[Any, ...]) -> int:
        """An entry or slice of it, or of what it repeats."""
        form = self.forms[e]
        if len(form.shape) < len(key):
            return e
        if form.operation == "transpose" and len(key) == 2 and key[0] == 0 and is_full(key[1]):
            inner = form.arguments[0]
            if len(self.shape(inner)) == 1:
                return inner
        shape = tuple(
            len(range(n)[k]) for k, n in zip(key, form.shape, strict=True) if isinstance(k, slice)
        )
        return self.make("index", (e,), _spell_key(key), shape)

    def stack(self, entries: Sequence[int]) -> int:
        """Numbers to a vector, vectors to the rows of a matrix."""
        inner = self.joined(map(self.shape, entries))
        return self.make("stack", entries, None, (len(entries), *inner))

    def ones(self, shape: Shape) -> int:
        """An array of ones: written out if it is small."""
        if not shape:
            return self.one
        if prod(shape) <= SMALL:
            row = self.stack([self.one] * shape[-1])
            return row if len(shape) == 1 else self.stack([row] * shape[0])
        return self.call("ones", *map(self.number, shape), shape=shape)

    def eye(self, n: int) -> int:
        """The identity matrix."""
        return self.call("eye", self.number(n), shape=(n, n))

    def fit(self, e: int, shape: Shape) -> int:
        """The expression in its full shape."""
        if self.shape(e) == shape:
            return e
        if e == self.zero and prod(shape) <= SMALL:
            row = self.stack([e] * shape[-1])
            return row if len(shape) == 1 else self.stack([row] * shape[0])
        return self.make("product", *self._repeated(e, shape))

    def _repeated(self, e: int, shape: Shape) -> tuple[tuple[int, ...], Any, Shape]:
        coefficient, powers = self.parts(e)
        kept = {**dict(powers), self.ones(shape): 1}
        return tuple(kept), (coefficient, tuple(kept.values())), shape

    def matmul(self, a: int, b: int) -> int:
        """The matrix product."""
        left, right = self.shape(a), self.shape(b)
        shape = (left[0], right[1]) if len(right) == 2 else (left[0],)
        return self.make("matmul", (a, b), None, shape)

    def total_apart(self, e: int, shape: Shape, small: Shape) -> int:
        """`total` with what is the same in all copies in front of the sum."""
        coefficient, powers = self.parts(e)
        lag = len(shape) - len(small)
        summed = [k - len(shape) for k, n in enumerate(shape) if k < lag or n != small[k - lag]]
        same = {b: p for b, p in powers if all(self._is_repeated(b, k) for k in summed)}
        inner = self._product(1, {b: p for b, p in powers if b not in same})
        if self.joined((self.shape(inner), small)) != self.joined((self.shape(e), small)):
            return self.total(e, shape, small)
        return self.times(self._product(coefficient, same), self.total(inner, shape, small))

    def _is_repeated(self, e: int, axis: int) -> bool:
        shape = self.shape(e)
        return len(shape) < -axis or shape[axis] == 1

    def total(self, e: int, shape: Shape, small: Shape) -> int:
        """What comes back through a repetition from `small` to `shape`: the sum of all copies."""
        given = self.shape(e)
        given = (1,) * (len(shape) - len(given)) + given
        target = (1,) * (len(shape) - len(small)) + small
        axes = [k for k, (n, t) in enumerate(zip(shape, target, strict=True)) if n != t]
        copies = prod(shape[k] for k in axes if given[k] == 1)
        axes = [k for k in axes if given[k] != 1]
        if len(axes) == 1 and self.forms[e].operation == "call" and self.forms[e].data[0] == "eye":
            return self.times(self.number(copies), self.one)  # each row has one 1
        if axes and (not small or len(axes) == len(shape)):
            e = self._sum(e, (), "")
        elif axes:
            kept = tuple(1 if k in axes else n for k, n in enumerate(given))
            e = self._sum(e, kept, f"axis={axes[0]}")
        if len(small) == 1 and len(self.shape(e)) == 2:
            e = self.index(e, (0, slice(None)))
        return e if copies == 1 else self.times(self.number(copies), e)

    def _sum(self, e: int, shape: Shape, more: str) -> int:
        """The sum over entries, single numbers in front of it: -sum(c*g)/s^2, not sum(-c/s^2*g)."""
        coefficient, powers = self.parts(e)
        same = {base: power for base, power in powers if not self.shape(base)}
        rest = self._product(1, {base: power for base, power in powers if base not in same})
        return self.times(
            self._product(coefficient, same), self.call("sum", rest, shape=shape, more=more)
        )

    def contract(self, a: tuple[str, int], b: tuple[str, int], out: str) -> int:
        """The einsum of two arrays as the matrix product a textbook writes."""
        if self.zero in (a[1], b[1]):
            return self.zero
        (x_letters, x), (y_letters, y) = self._lone(a, b[0] + out), self._lone(b, a[0] + out)
        present = "".join(c for c in out if c in x_letters + y_letters)
        if present != out:
            return self.turned(self.contract((x_letters, x), (y_letters, y), present))
        summed = [c for c in x_letters if c in y_letters and c not in out]
        if not x_letters or not y_letters or x_letters == y_letters == out:
            return self.times(x, y)
        if not summed:
            left, right = (x, y) if out == x_letters + y_letters else (y, x)
            return self.matmul(left, self.transpose(right))
        if len(x_letters) == len(y_letters) == 1:
            return self.call("dot", x, y, shape=())
        if len(summed) == 2:
            return self.call("sum", self.times(x, y), shape=())
        rest = [letters.replace(summed[0], "") for letters in (y_letters, x_letters)]
        if len(x_letters) == 1 or (all(rest) and out == "".join(rest)):
            (x_letters, x), (y_letters, y) = (y_letters, y), (x_letters, x)
        left = x if x_letters.endswith(summed[0]) else self.transpose(x)
        right = y if y_letters.startswith(summed[0]) else self.transpose(y)
        return self.matmul(left, right)

    def _lone(self, given: tuple[str, int], others: str) -> tuple[str, int]:
        """A letter that stands nowhere else is an axis of length 1."""
        letters, e = given
        lone = [c for c in letters if c not in others]
        if not lone:
            return given
        key = tuple(0 if c in lone else slice(None) for c in letters)
        return "".join(c for c in letters if c not in lone), self.index(e, key)

    # -- the whole ----------------------------------------------------------------------------

    def reachable(self, e: int, known: Mapping[int, Any] = MappingProxyType({})) -> list[int]:
        """All expressions that e is made of, arguments first, and not what is known already."""
        seen = set() if e in known else {e}
        todo = list(seen)
        while todo:
            for argument in self.forms[todo.pop()].arguments:
                if argument not in seen and argument not in known:
                    seen.add(argument)
                    todo.append(argument)
        return sorted(seen)

    def operations(self, e: int) -> int:
        """How many operations its text would hold, counted without writing it."""
        counts: dict[int, int] = {}
        for part in self.reachable(e):
            inner = sum(counts[a] for a in self.forms[part].arguments)
            counts[part] = min(1 + inner, 10**9)
        return counts[e]

    def replaced(self, e: int, given: Mapping[int, int]) -> int:
        """The expression with others put in."""
        done = dict(given)
        touched = set(given)
        for part in self.reachable(e):
            form = self.forms[part]
            if part in done:
                continue
            if not touched.intersection(form.arguments):
                done[part] = part
                continue
            touched.add(part)
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


def _exact(value: float, text: str) -> Fraction | None:
    """The value of a decimal that is a short binary fraction, as 0.5; None for 0.1."""
    if not text.replace(".", "", 1).isdigit() or len(text) > 12:
        return None
    exact = Fraction(text)
    return exact if exact == Fraction(value) and _is_binary(exact) else None


def _whole(value: Number) -> Number:
    """An int where it is one: most coefficients are, and they are quick."""
    return int(value) if value.denominator == 1 else value


def _absolute(value: Number) -> Number:
    return -value if value < 0 else value


def _power(value: Number, exponent: int) -> Number:
    return value if exponent == 1 else _whole(Fraction(value) ** exponent)


def _is_countable(value: Number) -> bool:
    return abs(value.numerator) <= 1 << 53 and value.denominator <= 1 << 53


def _is_binary(value: Number) -> bool:
    denominator = value.denominator
    return denominator & (denominator - 1) == 0 and denominator <= 1024


def is_full(part: Any) -> bool:
    """Whether an index part takes everything along its axis."""
    return isinstance(part, slice) and part.start is None and part.stop is None


def _spell_key(key: tuple[Any, ...]) -> str:
    return ",".join(str(k) if isinstance(k, int) else _spell_slice(k) for k in key)


def _spell_slice(part: slice) -> str:
    start, stop = part.start, part.stop
    return f"{'' if start is None else start}:{'' if stop is None else stop}"
