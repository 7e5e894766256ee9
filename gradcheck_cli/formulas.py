"""Reads a Model. Gives the formulas of both backward passes, in the author's names, as text and LaTeX.

Every step is gone through in reverse once, node by node: the partials of a function are SymPy's, of
what its `symbolic` record is made of (witness 1 lowers it); contractions, sums and index maps follow
from their patterns. What comes out is written in a small form of our own, lightly simplified: factors
1, terms 0, like terms, small integers. Knows nothing of vjps, values and verdicts.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import prod
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from gradcheck_cli import symbolic
from gradcheck_cli.errors import OptionError
from gradcheck_cli.forward import FLOAT64
from gradcheck_cli.graph import Builder, Input, Model, Node, Step
from gradcheck_cli.language.spelling import canonical
from gradcheck_cli.primitives import PRIMITIVES, Primitive, Shape

__all__ = ["Term", "backward", "closed", "closed_terms", "derivative_text", "forward", "right_side"]

_LONGEST = 4_000  # characters of one formula
_MOST_OPERATIONS = 2_000  # of one closed formula
_MOST_FACTORS = 64  # longer products stay nested, so that work stays linear
_LARGEST_INTEGER = 1_000_000  # of the text that is computed with
_SMALL = 6  # entries of an array that is written out
_COMPARISONS = {"gt": ">", "lt": "<", "ge": ">=", "le": "<="}
_TOO_LONG = f"(more than {_LONGEST:,} characters; give parts of it names of their own)"


@dataclass(frozen=True)
class Term:
    """One derivative. `formula` is its right side; `local` the partials of the steps that use it."""

    name: str
    title: str  # "d loss/d f2"
    formula: str
    local: str = ""  # "d h3/d f2 = -sin(f2)"
    latex: str = ""
    local_latex: str = ""


# ---------------------------------------------------------------------------------------------
# The small form: expressions are numbers of entries in a table, equal ones have equal numbers
# ---------------------------------------------------------------------------------------------


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
        if text.isdigit() and text.isascii() and int(text) <= _LARGEST_INTEGER:
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
        kept = {base: power for base, power in powers.items() if power}
        if coefficient == 0:
            return self.zero
        coefficient, kept = self._folded(coefficient, kept)
        if coefficient == 1 and list(kept.values()) == [1]:
            return next(iter(kept))
        shape = self.joined(self.shape(base) for base in kept)
        return self.make("product", tuple(kept), (coefficient, tuple(kept.values())), shape)

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
            return self.decimal(total) if _is_binary(total) else self.number(total)
        collected: dict[int, Number] = {}
        for term in given:
            coefficient, rest = self._split(term)
            collected[rest] = collected.get(rest, 0) + coefficient
        made = [self._scaled(c, rest) for rest, c in collected.items() if c]
        if len(made) < 2:
            return made[0] if made else self.zero
        made.sort(key=self.is_negative)
        return self.make("sum", made, None, self.joined(map(self.shape, made)))

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
        if self.forms[condition].operation in _COMPARISONS and (a, b) == (self.one, self.zero):
            return condition
        if self.forms[condition].operation in _COMPARISONS and (a, b) == (self.zero, self.one):
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

    def index(self, e: int, key: tuple[Any, ...]) -> int:
        """An entry or slice of it, or of what it repeats."""
        form = self.forms[e]
        if len(form.shape) < len(key):
            return e
        if form.operation == "transpose" and len(key) == 2 and key[0] == 0 and _is_full(key[1]):
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
        if prod(shape) <= _SMALL:
            row = self.stack([self.one] * shape[-1])
            return row if len(shape) == 1 else self.stack([row] * shape[0])
        return self.call("ones", *map(self.number, shape), shape=shape)

    def fit(self, e: int, shape: Shape) -> int:
        """The expression in its full shape."""
        if self.shape(e) == shape:
            return e
        if e == self.zero and prod(shape) <= _SMALL:
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

    def total(self, e: int, shape: Shape, small: Shape) -> int:
        """What comes back through a repetition from `small` to `shape`: the sum of all copies."""
        given = self.shape(e)
        given = (1,) * (len(shape) - len(given)) + given
        target = (1,) * (len(shape) - len(small)) + small
        axes = [k for k, (n, t) in enumerate(zip(shape, target, strict=True)) if n != t]
        copies = prod(shape[k] for k in axes if given[k] == 1)
        axes = [k for k in axes if given[k] != 1]
        if axes and (not small or len(axes) == len(shape)):
            e = self.call("sum", e, shape=())
        elif axes:
            kept = tuple(1 if k in axes else n for k, n in enumerate(given))
            e = self.call("sum", e, shape=kept, more=f"axis={axes[0]}")
        if len(small) == 1 and len(self.shape(e)) == 2:
            e = self.index(e, (0, slice(None)))
        return e if copies == 1 else self.times(self.number(copies), e)

    def contract(self, a: tuple[str, int], b: tuple[str, int], out: str) -> int:
        """The einsum of two arrays as the matrix product a textbook writes."""
        if self.zero in (a[1], b[1]):
            return self.zero
        (x_letters, x), (y_letters, y) = self._lone(a, b[0] + out), self._lone(b, a[0] + out)
        present = "".join(c for c in out if c in x_letters + y_letters)
        if present != out:
            return self.transpose(self.contract((x_letters, x), (y_letters, y), present))
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


def _power(value: Number, exponent: int) -> Number:
    return value if exponent == 1 else _whole(Fraction(value) ** exponent)


def _is_countable(value: Number) -> bool:
    return abs(value.numerator) <= 1 << 53 and value.denominator <= 1 << 53


def _is_binary(value: Number) -> bool:
    denominator = value.denominator
    return denominator & (denominator - 1) == 0 and denominator <= 1024


def _is_full(part: Any) -> bool:
    return isinstance(part, slice) and part.start is None and part.stop is None


def _spell_key(key: tuple[Any, ...]) -> str:
    return ",".join(str(k) if isinstance(k, int) else _spell_slice(k) for k in key)


def _spell_slice(part: slice) -> str:
    start, stop = part.start, part.stop
    return f"{'' if start is None else start}:{'' if stop is None else stop}"


# ---------------------------------------------------------------------------------------------
# Writing: text that the language reads again, and LaTeX
# ---------------------------------------------------------------------------------------------

_COMPARED, _SUM, _SIGNED, _PRODUCT, _POWER, _ATOM = range(6)  # how tightly a text holds together
Piece = tuple[str, int]

_SIGNS = {
    "add": (" + ", _SUM, _SUM, _PRODUCT),
    "sub": (" - ", _SUM, _SUM, _PRODUCT),
    "mul": ("*", _PRODUCT, _SIGNED, _POWER),
    "div": ("/", _PRODUCT, _SIGNED, _POWER),
    "matmul": (" @ ", _PRODUCT, _SIGNED, _POWER),
    "pow": ("^", _POWER, _ATOM, _POWER),
    **{name: (f" {sign} ", _COMPARED, _ATOM, _ATOM) for name, sign in _COMPARISONS.items()},
}  # operation: sign, its own tightness, and what it needs on either side


class Writer:
    """Text of expressions with as few brackets as a textbook. Each expression is written once."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra
        self._written: dict[int, Piece | None] = {}

    def text(self, e: int, longest: int = _LONGEST) -> str | None:
        """The text of an expression; None if it is longer than `longest`."""
        for part in self.algebra.reachable(e, self._written):
            self._written[part] = self._piece(self.algebra.forms[part], longest)
        found = self._written[e]
        return None if found is None else found[0]

    def _piece(self, form: Form, longest: int) -> Piece | None:
        inner = []
        for argument in form.arguments:
            piece = self._written[argument]
            if piece is None:
                return None
            inner.append(piece)
        if sum(len(text) for text, _ in inner) > longest:
            return None
        written = self.write(form, inner)
        return None if len(written[0]) > longest else written

    def write(self, form: Form, inner: Sequence[Piece]) -> Piece:
        """One expression, its arguments being written."""
        if form.operation in _SIGNS:
            return self.infix(form, inner[0], inner[1])
        return getattr(self, f"_{form.operation}")(form, inner)  # type: ignore[no-any-return]

    def infix(self, form: Form, left: Piece, right: Piece) -> Piece:
        """A sign between two expressions."""
        sign, tightness, before, after = _SIGNS[form.operation]
        if form.operation == "add" and right[1] == _SUM:
            after = _SUM
        return self.held(left, before) + sign + self.held(right, after), tightness

    def held(self, piece: Piece, least: int) -> str:
        """The text, in brackets where it does not hold together tightly enough."""
        return piece[0] if piece[1] >= least else self.bracketed(piece[0])

    def bracketed(self, text: str) -> str:
        """The text in brackets."""
        return f"({text})"

    def _name(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return form.data, _ATOM

    def _derivative(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return f"d {form.data[0]}/d {form.data[1]}", _ATOM

    def _number(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return form.data[0], _ATOM

    def _neg(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return f"-{self.held(inner[0], _PRODUCT)}", _SIGNED

    def _call(self, form: Form, inner: Sequence[Piece]) -> Piece:
        arguments = [text for text, _ in inner] + [form.data[1]] * bool(form.data[1])
        return f"{form.data[0]}({', '.join(arguments)})", _ATOM

    def _stack(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return f"[{', '.join(text for text, _ in inner)}]", _ATOM

    def _index(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return f"{self.held(inner[0], _ATOM)}[{form.data}]", _ATOM

    def _transpose(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return f"{self.held(inner[0], _ATOM)}'", _ATOM

    def _sum(self, form: Form, inner: Sequence[Piece]) -> Piece:
        text = self.held(inner[0], _SIGNED)
        for argument, piece in zip(form.arguments[1:], inner[1:], strict=True):
            if self.algebra.is_negative(argument) and piece[0].startswith("-"):
                text += f" - {piece[0][1:]}"
            else:
                text += f" + {self.held(piece, _PRODUCT if piece[0].startswith('-') else _SUM)}"
        return text, _SUM

    def _product(self, form: Form, inner: Sequence[Piece]) -> Piece:
        coefficient, powers = form.data
        sign = "-" if coefficient < 0 else ""
        groups = _grouped(self.algebra, form)
        above, below = abs(coefficient.numerator), coefficient.denominator
        plain = [self.raised(inner[k], powers[k]) for k in groups.above]
        last = [self.raised(inner[k], powers[k]) for k in groups.derived]
        under = [self.raised(inner[k], -powers[k]) for k in groups.below]
        if above != 1 or not (plain or (last and not under and below == 1)):
            plain = [(str(above), _ATOM), *plain]
        under = [(str(below), _ATOM), *under] if below != 1 else under
        piece = self.joined(plain, under, last, *self.signs(form))
        return (sign + self.held(piece, _PRODUCT), _SIGNED) if sign else piece

    def signs(self, form: Form) -> tuple[str, str]:
        """What stands between factors, and in front of derivatives."""
        return "*", " * "

    def joined(
        self,
        above: Sequence[Piece],
        below: Sequence[Piece],
        last: Sequence[Piece],
        tight: str,
        wide: str,
    ) -> Piece:
        """above/below * last, where `last` holds the derivatives."""
        first = self.fraction(above, below, tight) if above or below else None
        pieces = ([first] if first else []) + list(last)
        if len(pieces) == 1:
            return pieces[0]
        texts = [
            self.held(p, _PRODUCT if p is first and len(above) + len(below) > 1 else _POWER)
            for p in pieces
        ]
        return wide.join(texts), _PRODUCT

    def fraction(self, above: Sequence[Piece], below: Sequence[Piece], tight: str) -> Piece:
        """A product over a product."""
        top = above[0] if len(above) == 1 and not below else (self.row(above, tight), _PRODUCT)
        if not below:
            return top
        bottom = self.row(below, tight)
        return f"{top[0]}/{bottom if len(below) == 1 else self.bracketed(bottom)}", _PRODUCT

    def row(self, factors: Sequence[Piece], tight: str) -> str:
        """Factors side by side."""
        return tight.join(self.held(f, _POWER) for f in factors)

    def raised(self, base: Piece, power: int) -> Piece:
        """base^power."""
        if power == 1:
            return base
        spaced = base[0].startswith("d ")
        return f"{self.bracketed(base[0]) if spaced else self.held(base, _ATOM)}^{power}", _POWER


class _Groups(NamedTuple):
    """Which factors stand above, which below a fraction's line, and which are derivatives."""

    above: list[int]
    below: list[int]
    derived: list[int]


def _grouped(algebra: Algebra, form: Form) -> _Groups:
    groups = _Groups([], [], [])
    for k, (base, power) in enumerate(zip(form.arguments, form.data[1], strict=True)):
        derived = algebra.forms[base].derived
        (groups.below if power < 0 else groups.derived if derived else groups.above).append(k)
    return groups


_LATEX_FUNCTIONS = frozenset(["sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "max", "min"])
_LATEX_SPELLED = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "log": "log"}
_GREEK = frozenset(
    (
        *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"),
        *("lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
        *("Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega"),
    )
)


class LatexWriter(Writer):
    """The same in LaTeX (amsmath)."""

    def bracketed(self, text: str) -> str:
        """The text in brackets that grow."""
        return rf"\left({text}\right)"

    def infix(self, form: Form, left: Piece, right: Piece) -> Piece:
        """Fractions, exponents and products as they are printed."""
        _, tightness, before, after = _SIGNS[form.operation]
        if form.operation == "div":
            return rf"\frac{{{left[0]}}}{{{right[0]}}}", _ATOM
        if form.operation == "pow":
            return f"{self.held(left, _ATOM)}^{{{right[0]}}}", _POWER
        sign = {"mul": self.signs(form)[0], "matmul": r" \, ", "ge": r" \ge ", "le": r" \le "}
        text = sign.get(form.operation, _SIGNS[form.operation][0])
        return self.held(left, before) + text + self.held(right, after), tightness

    def _name(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return latex_name(form.data), _ATOM

    def _derivative(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return _latex_derivative(*form.data), _ATOM

    def _call(self, form: Form, inner: Sequence[Piece]) -> Piece:
        function, more = form.data
        text = ", ".join([t for t, _ in inner] + [rf"\text{{{more}}}"] * bool(more))
        if function == "sqrt":
            return rf"\sqrt{{{text}}}", _ATOM
        if function == "abs":
            return rf"\left|{text}\right|", _ATOM
        if function in ("sum", "sum_rows") and not more:
            below = r"_{\text{rows}}" if function == "sum_rows" else ""
            return rf"\sum{below} {self.held(inner[0], _PRODUCT)}", _SIGNED
        if function in _LATEX_FUNCTIONS or function in _LATEX_SPELLED:
            return rf"\{_LATEX_SPELLED.get(function, function)}\left({text}\right)", _ATOM
        return rf"\operatorname{{{function.replace('_', ' ')}}}\left({text}\right)", _ATOM

    def _index(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return rf"\left[{inner[0][0]}\right]_{{{form.data}}}", _ATOM

    def _stack(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return rf"\left[{', '.join(text for text, _ in inner)}\right]", _ATOM

    def _transpose(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return f"{self.held(inner[0], _ATOM)}^{{T}}", _POWER

    def held(self, piece: Piece, least: int) -> str:
        """A comparison as a factor is an indicator in square brackets."""
        if piece[1] == _COMPARED and least > _COMPARED:
            return rf"\left[{piece[0]}\right]"
        return super().held(piece, least)

    def signs(self, form: Form) -> tuple[str, str]:
        """Entry by entry, where several factors are arrays."""
        arrays = [a for a in form.arguments if self.algebra.shape(a)]
        sign = r" \odot " if len(arrays) > 1 else r" \, "
        return sign, sign

    def fraction(self, above: Sequence[Piece], below: Sequence[Piece], tight: str) -> Piece:
        """A product over a product."""
        top = above[0] if len(above) == 1 else (self.row(above, tight), _PRODUCT)
        return (rf"\frac{{{top[0]}}}{{{self.row(below, tight)}}}", _ATOM) if below else top

    def raised(self, base: Piece, power: int) -> Piece:
        """base^power."""
        return base if power == 1 else (f"{self.held(base, _ATOM)}^{{{power}}}", _POWER)


def latex_name(name: str) -> str:
    r"""A name in math: loss is \ell, f2 is f_{2}, beta0 is \beta_{0}."""
    spelled = canonical(name)
    letters = spelled.rstrip("0123456789").rstrip("_")
    digits = spelled[len(letters) :].strip("_")
    plain = "".join(c if c.isascii() else "?" for c in letters).replace("_", r"\_")
    if spelled == "loss":
        base = r"\ell"
    elif letters in _GREEK:
        base = f"\\{letters}"
    else:
        base = plain if len(letters) == 1 else rf"\mathrm{{{plain}}}"
    return base + (f"_{{{digits}}}" if digits else "")


def _latex_derivative(of: str, by: str) -> str:
    return rf"\frac{{\partial {latex_name(of)}}}{{\partial {latex_name(by)}}}"


# ---------------------------------------------------------------------------------------------
# Rules: how an adjoint passes through one kind of node, from SymPy's partials of what it is made of
# ---------------------------------------------------------------------------------------------

_Code = list[tuple[str, Any, tuple[int, ...]]]  # a SymPy expression in postfix: kind, data, places
_SAMPLE = np.array([0.37, 0.83, 1.31, 1.93, 2.6]).reshape(1, 1, -1)
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
            arguments = _ordered(part)
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
    "power": lambda algebra, data, xs: _raised(algebra, xs[0], data),
    "pow": lambda algebra, data, xs: _exponential(algebra, *xs),
    "call": lambda algebra, data, xs: algebra.call(data, *xs),
}


def _raised(algebra: Algebra, base: int, exponent: Fraction) -> int:
    if exponent.denominator == 1:
        return algebra.power(base, int(exponent))
    root = {2: "sqrt", 3: "cbrt"}.get(exponent.denominator)
    if root is not None:
        return algebra.power(algebra.call(root, base), exponent.numerator)
    shape = algebra.shape(base)
    return algebra.make("pow", (base, algebra.number(exponent)), None, shape)


def _exponential(algebra: Algebra, base: int, exponent: int) -> int:
    exact = algebra.constant(exponent)
    if exact is not None and exact.denominator == 1 and abs(exact.numerator) < _LARGEST_INTEGER:
        return algebra.power(base, int(exact))
    shape = algebra.joined((algebra.shape(base), algebra.shape(exponent)))
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


def _ordered(part: Any) -> Sequence[Any]:
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

    def __init__(self) -> None:
        self._programs: dict[Any, symbolic.Program] = {}
        self._partials: dict[Any, Template | None] = {}
        self._values: dict[int, Template] = {}

    def program(self, node: Node, shapes: Sequence[Shape], exponent: Node | None) -> symbolic.Program:
        """What a node of this kind is made of; its arguments are leaves 0, 1, ..."""
        fixed = None if exponent is None else (exponent.value, exponent.text)
        options = tuple((k, repr(v)) for k, v in node.options.items())
        key = (node.operation, tuple(shapes), fixed, options)
        found = self._programs.get(key)
        if found is None:
            found = self._programs[key] = _lowered(node, shapes, exponent)
        return found

    def value(self, kernel: symbolic.Kernel) -> Template:
        """The kernel's own formula."""
        found = self._values.get(id(kernel))
        if found is None:
            found = self._values[id(kernel)] = Template(kernel.expression, kernel.slots)
        return found

    def partial(self, kernel: symbolic.Kernel, place: int) -> Template | None:
        """SymPy's partial by a slot, over the slots and the kernel's own value (the last)."""
        key = (id(kernel), place)
        if key not in self._partials:
            partial = kernel.partials[place]
            self._partials[key] = None if partial is None else _written(kernel, partial.expression)
        return self._partials[key]


def _lowered(node: Node, shapes: Sequence[Shape], exponent: Node | None) -> symbolic.Program:
    builder = Builder()
    leaves = [builder.leaf(f"a{k}", shape) for k, shape in enumerate(shapes)]
    if exponent is not None:
        leaves[1] = builder.literal(exponent.value, exponent.text)
    rows = {"sum_rows": 2, "mean_rows": node.options.get("count")}.get(node.operation)
    if rows is not None:
        return _over_rows(node, shapes[0])
    known = node.primitive.options
    options = {k: v for k, v in node.options.items() if k in known}
    builder.name("y", builder.apply(node.operation, leaves, options))
    return symbolic.lower(Model("", builder.graph(), {}, {}))


def _over_rows(node: Node, shape: Shape) -> symbolic.Program:
    builder = Builder()
    leaf = builder.leaf("a0", shape, per_row=True)
    builder.name("y", builder.apply(node.operation, [leaf], rows=node.options["count"]))
    return symbolic.lower(Model("", builder.graph(), {}, {}))


def _written(kernel: symbolic.Kernel, partial: Any) -> Template:
    """The partial, in the kernel's own value where that is shorter: exp(x) is h, 1 - h^2."""
    import sympy

    own = sympy.Symbol("own", real=True)
    whole = kernel.expression
    slots = [*kernel.slots, own]
    found = partial.rewrite(sympy.erf) if partial.has(sympy.erfc) else partial
    found = found.xreplace({whole: own})
    if whole.is_Pow and whole.exp.is_Rational and not whole.exp.is_Integer:
        powers = {p: p.exp / whole.exp for p in found.atoms(sympy.Pow) if p.base == whole.base}
        found = found.xreplace({p: own**k for p, k in powers.items() if k.is_Integer})
    if len(kernel.slots) == 1 and not found.has(own) and found.count_ops() > 3:
        found = _polynomial(kernel, found, own) or _known_function(kernel, found) or found
    return Template(found, slots)


def _sampled(expression: Any, slots: Sequence[Any]) -> Any:
    with np.errstate(all="ignore"):
        values = symbolic.Formula(expression, slots)(FLOAT64, [_SAMPLE])
    return np.broadcast_to(values, _SAMPLE.shape).reshape(-1)


def _polynomial(kernel: symbolic.Kernel, partial: Any, own: Any) -> Any:
    """The partial as a polynomial in the function itself, as own*(1 - own); None if it is none."""
    y, p = _sampled(kernel.expression, kernel.slots), _sampled(partial, kernel.slots)
    if not (np.isfinite(y).all() and np.isfinite(p).all()):
        return None
    coefficients = np.linalg.lstsq(np.vander(y, 3), p, rcond=None)[0]
    whole: Any = np.round(coefficients)
    if abs(coefficients - whole).max() > 1e-6 or abs(np.polyval(whole, y) - p).max() > 1e-12:
        return None
    a, b, c = (int(whole[k]) for k in range(3))
    return own * (b + a * own) if c == 0 else c + b * own + a * own**2


def _known_function(kernel: symbolic.Kernel, partial: Any) -> Any:
    """The partial as another function of the table, as sigmoid(x) for softplus; None if it is none."""
    import sympy

    p = _sampled(partial, kernel.slots)
    for record in PRIMITIVES.values():
        if record.elementwise and record.arguments == 1 and not record.options and record.analytic:
            program = _lowered(_kind_node(record), [()], None)
            applied = program.kernels.get(program.of_node[-1])
            if applied is None or applied.kernel.expression.count_ops() < 2:
                continue
            values = _sampled(applied.kernel.expression, applied.kernel.slots)
            if np.allclose(values, p, rtol=1e-13, atol=0, equal_nan=False):
                return sympy.Function(record.name, real=True)(kernel.slots[0])
    return None


def _kind_node(record: Primitive) -> Node:
    return Node(-1, record.name, (), (), options=record.options)


# ---------------------------------------------------------------------------------------------
# Derivations: reverse through the nodes of a step, or of the whole model for closed formulas
# ---------------------------------------------------------------------------------------------

_Sent = dict[int, list[int]]  # what arrives at each named node


class Link(NamedTuple):
    """What one step sends to a name it mentions; `partial` where the step is a single number."""

    name: str
    user: str
    part: int
    partial: int | None


class Derivation:
    """Formulas of d of/d name. `whole`: steps are written out, only inputs keep their names."""

    def __init__(self, model: Model, of: str, *, whole: bool = False) -> None:
        self.model, self.of, self.whole = model, of, whole
        self.algebra = Algebra()
        self.text, self.latex = Writer(self.algebra), LatexWriter(self.algebra)
        self.rules = Rules()
        self.target = model.node(of)
        inputs, steps = model.inputs.items(), model.steps.items()
        self.names = {model.graph.names[name]: name for name, _ in (*inputs, *steps)}
        shown = {n for n in self.names if not whole or model.graph.nodes[n].is_leaf}
        self._shown = shown
        self._values: dict[int, int] = {}
        self._live = model.graph.downstream(self.names)
        self._above = model.graph.upstream([self.target.index])

    # -- values -------------------------------------------------------------------------------

    def node(self, index: int) -> Node:
        """A node of the model."""
        return self.model.graph.nodes[index]

    def value(self, index: int) -> int:
        """A node's value: its name, or the author's expression."""
        if index in self._shown:
            return self._named(index)
        return self.spelled(index)

    def spelled(self, index: int) -> int:
        """The author's expression of a node, also where the node has a name."""
        todo = [index]
        while todo:
            node = self.node(todo[-1])
            waiting = [a for a in node.arguments if self._is_waiting(a)]
            if waiting:
                todo.extend(waiting)
                continue
            todo.pop()
            if node.index not in self._values:
                self._values[node.index] = self._built(node)
        return self._values[index]

    def _is_waiting(self, index: int) -> bool:
        return index not in self._shown and index not in self._values

    def _named(self, index: int) -> int:
        node, name = self.node(index), self.model.display(self.names[index])
        return self.algebra.make("name", (), name, node.shape, per_row=node.per_row)

    def _argument(self, index: int) -> int:
        """An argument as the author wrote it: repetition to a larger shape is not written."""
        node = self.node(index)
        while node.operation == "expand" and node.index not in self._shown:
            node = self.node(node.arguments[0])
        return self._named(node.index) if node.index in self._shown else self._values[node.index]

    def _built(self, node: Node) -> int:
        algebra = self.algebra
        if node.is_literal:
            return algebra.literal(node.value, node.text)
        if node.is_leaf:
            return self._named(node.index)
        given = [self._argument(a) for a in node.arguments]
        match node.operation:
            case "identity":
                return given[0]
            case "expand":
                is_row = len(node.shape) == 2 and len(algebra.shape(given[0])) == 1
                return algebra.transpose(given[0]) if is_row else given[0]
            case "index":
                return algebra.index(given[0], node.options["key"])
            case "stack":
                return algebra.stack(given)
            case "transpose":
                return algebra.transpose(given[0])
        if node.primitive.infix is not None:
            return algebra.make(node.operation, given, None, node.shape)
        more = ", ".join(_spelled_options(node))
        return algebra.call(node.primitive.function, *given, shape=node.shape, more=more)

    # -- adjoints -----------------------------------------------------------------------------

    def sent(self, root: int, adjoint: int, *, apart: bool = False) -> _Sent:
        """What a step's adjoint sends to the names it mentions (or to all, if `whole`).

        `apart`: rows are kept apart, also in what goes to names that they share.
        """
        arrived: _Sent = {root: [adjoint]}
        waiting = [-root]
        while waiting:
            node = self.node(-heapq.heappop(waiting))
            if node.index != root and (node.index in self._shown or node.is_leaf):
                continue
            total = self.gathered(arrived[node.index], node)
            if node.is_leaf or total == self.algebra.zero:
                continue
            for position, part in self._passed(node, total):
                argument = self.node(node.arguments[position])
                if node.per_row and not argument.per_row and not apart:
                    part = self._summed(part)
                if argument.index not in arrived:
                    heapq.heappush(waiting, -argument.index)
                arrived.setdefault(argument.index, []).append(part)
        return {i: parts for i, parts in arrived.items() if i in self.names and i != root}

    def _summed(self, part: int) -> int:
        algebra = self.algebra
        if algebra.forms[part].per_row:
            return algebra.call("sum_rows", part)
        return algebra.times(algebra.number(self.model.rows or 1), part)

    def _passed(self, node: Node, adjoint: int) -> Iterator[tuple[int, int]]:
        live = [k for k, a in enumerate(node.arguments) if self._live[a]]
        if node.operation == "stack":
            for k in live:
                key = (k, *(slice(None) for _ in node.shape[1:]))
                yield k, self._entry(adjoint, node.shape, key)
        elif node.operation in ("identity", "expand"):
            inner = self.node(node.arguments[0]).shape
            if live:
                yield 0, self.algebra.total(adjoint, node.shape, inner)
        elif node.operation == "index":
            key = node.options["key"]
            for k in live:
                yield k, self.algebra.make("scatter", (adjoint,), _frozen(key))
        else:
            yield from _Passage(self, node, live).run(adjoint)

    def _entry(self, e: int, shape: Shape, key: tuple[Any, ...]) -> int:
        if self.algebra.shape(e) == ():
            return e
        return self.algebra.index(self.algebra.fit(e, shape), key)

    def gathered(self, parts: Sequence[int], node: Node) -> int:
        """The sum of what arrives at a node; entries and slices are put in their places."""
        algebra = self.algebra
        scattered = [p for p in parts if algebra.forms[p].operation == "scatter"]
        if not scattered:
            return algebra.add(parts)
        others = [p for p in parts if algebra.forms[p].operation != "scatter"]
        return algebra.add([*others, *_placed(algebra, scattered, node.shape)])

    # -- terms --------------------------------------------------------------------------------

    def contributions(self) -> dict[str, list[Link]]:
        """For each name what the steps that mention it send, in the order of the steps."""
        found: dict[str, list[Link]] = {}
        steps = [s for s in self.model.steps.values() if self._above[s.node]]
        for step in sorted(steps, key=lambda s: s.node):
            for link in self._links(step.name, self.node(step.node)):
                found.setdefault(link.name, []).append(link)
        return found

    def _links(self, user: str, node: Node) -> Iterator[Link]:
        """What one step sends. A single number sends its partials times its adjoint."""
        adjoint = self.adjoint(user)
        start, apart = (adjoint, False) if node.shape else (self.algebra.one, node.per_row)
        apart = apart or self.target.per_row
        for index, parts in self.sent(node.index, start, apart=apart).items():
            by = self.node(index)
            total = self.gathered(parts, by)
            if node.shape:
                yield Link(self.names[index], user, total, None)
                continue
            part = self.algebra.through(total, adjoint)
            if node.per_row and not by.per_row and not self.target.per_row:
                part = self._summed(part)
            yield Link(self.names[index], user, part, total)

    def adjoint(self, name: str) -> int:
        """d of/d name as a symbol; 1 for the name itself."""
        if name == self.of:
            return self.algebra.one
        node = self.model.node(name)
        data = (self.model.display(self.of), self.model.display(name))
        per_row = node.per_row or self.target.per_row
        return self.algebra.make(
            "derivative", (), data, node.shape, per_row=per_row, derived=True
        )

    def formula(self, name: str, parts: Iterable[int]) -> int:
        """The right side of d of/d name in full shape."""
        return self.algebra.fit(self.algebra.add(parts), self.model.node(name).shape)

    def term(self, name: str, links: Sequence[Link]) -> Term:
        """Everything about one derivative, as text and LaTeX."""
        whole = self.formula(name, [link.part for link in links])
        partials = [equals for link in links for equals in self._local(link)]
        return Term(
            name=name,
            title=f"d {self.model.display(self.of)}/d {self.model.display(name)}",
            formula=self.text.text(whole) or _TOO_LONG,
            local=", ".join(self._chain(self.text, equals) for equals in partials),
            latex=self.latex.text(whole, 4 * _LONGEST) or rf"\text{{{_TOO_LONG}}}",
            local_latex=r", \quad ".join(self._chain(self.latex, equals) for equals in partials),
        )

    def _local(self, link: Link) -> Iterator[list[int]]:
        """d user/d name and its partial, written out and then by the user's own name."""
        if link.partial is None or link.user == self.of:
            return
        node = self.model.node(link.user)
        data = (self.model.display(link.user), self.model.display(link.name))
        title = self.algebra.make("derivative", (), data, derived=True)
        partial = self.algebra.fit(link.partial, self.model.node(link.name).shape)
        own = self._named(node.index)
        written_out = self.algebra.replaced(partial, {own: self.spelled(node.index)})
        yield [title, written_out] if written_out == partial else [title, written_out, partial]

    @staticmethod
    def _chain(writer: Writer, equals: Sequence[int]) -> str:
        texts = [writer.text(e) for e in equals]
        return " = ".join(texts) if None not in texts else ""  # type: ignore[arg-type]


def _spelled_options(node: Node) -> Iterator[str]:
    """The keyword arguments that differ from the record's defaults."""
    for name, default in node.primitive.options.items():
        if node.options.get(name, default) != default:
            yield f"{name}={node.options[name]!r}"


class _Passage:
    """One adjoint on its way through one node, over the items that the node is made of."""

    def __init__(self, derivation: Derivation, node: Node, live: Sequence[int]) -> None:
        self.derivation, self.node, self.live = derivation, node, live
        self.algebra, self.rules = derivation.algebra, derivation.rules
        given = [derivation.node(a) for a in node.arguments]
        shapes = [() if node.primitive.elementwise else g.shape for g in given]
        exponent = _literal(derivation, given[1]) if node.operation == "pow" else None
        self.program = self.rules.program(node, shapes, exponent)
        self.items = self.program.items
        self.leaves = {
            item.index: int(item.data[1:]) for item in self.items if item.operation == "leaf"
        }
        self.known: dict[int, int] = {self.program.of_node[-1]: derivation.value(node.index)}
        if exponent is not None:
            self.known[self.program.of_node[1]] = self._argument(1)
        applied = self.program.kernels.get(self.program.of_node[-1])
        if applied is not None and applied.kernel.expression == -applied.kernel.slots[0]:
            self.known[applied.slots[0]] = self.algebra.negative(derivation.value(node.index))

    def run(self, adjoint: int) -> Iterator[tuple[int, int]]:
        """(position, what the argument gets)."""
        if self.node.primitive.elementwise:
            for position in self.live:
                partial = self.partial(position)
                if partial != self.algebra.zero:
                    yield position, self.algebra.through(partial, adjoint)
            return
        arrived: _Sent = {self.program.of_node[-1]: [adjoint]}
        for index in reversed(self.program.order):
            if index not in arrived:
                continue
            total = self.algebra.add(arrived[index])
            position = self.leaves.get(index, -1)
            if position in self.live:
                yield position, total
            for argument, part in self._pass(index, total) if position < 0 else ():
                arrived.setdefault(argument, []).append(part)

    def partial(self, position: int) -> int:
        """The partial of an elementwise function by one argument: selections stay selections."""
        algebra = self.algebra
        moving: dict[int, int] = {}
        for index in self.program.order:
            item, applied = self.items[index], self.program.kernels.get(index)
            if applied is not None:
                moving[index] = algebra.add(self._moved(index, applied, moving))
            elif self.leaves.get(index) == position:
                moving[index] = algebra.one
            elif item.operation == "select":
                condition, a, b = item.arguments
                moving[index] = self._selected(self.value(condition), moving[a], moving[b])
            elif item.operation == "copy":
                moving[index] = moving[item.arguments[0]]
            else:
                moving[index] = algebra.zero
        return moving[self.program.of_node[-1]]

    def _selected(self, condition: int, a: int, b: int) -> int:
        if a == b:
            return a
        make = self.algebra.pick if self.node.operation == "where" else self.algebra.where
        return make(condition, a, b)

    def _moved(
        self, index: int, applied: symbolic.Applied, moving: Mapping[int, int]
    ) -> Iterator[int]:
        for slot, partial in self._partials(index, applied):
            yield self.algebra.times(partial, moving[slot])

    def _argument(self, position: int) -> int:
        return self.derivation.value(self.node.arguments[position])

    def value(self, index: int) -> int:
        """The value of an item."""
        found = self.known.get(index)
        if found is None:
            found = self.known[index] = self._made(self.items[index])
        return found

    def _made(self, item: symbolic.Item) -> int:
        algebra = self.algebra
        if item.operation == "leaf":
            return self._argument(self.leaves[item.index])
        if item.operation == "integer":
            return algebra.number(item.data)
        if item.operation == "constant":
            return algebra.literal(item.data, _digits(item.data))
        applied = self.program.kernels.get(item.index)
        if applied is not None:
            return self.rules.value(applied.kernel)(algebra, [*map(self.value, applied.slots)])
        given = [self.value(a) for a in item.arguments]
        match item.operation:
            case "compare":
                return algebra.compare(item.data, *given)
            case "select":
                return algebra.where(*given)
            case "total" | "largest":
                function = "sum" if item.operation == "total" else "max"
                axis = item.data[1]
                more = "" if axis is None else f"axis={axis}"
                return algebra.call(function, *given, shape=item.shape, more=more)
        return given[0]

    def _pass(self, index: int, adjoint: int) -> Iterator[tuple[int, int]]:
        applied = self.program.kernels.get(index)
        if applied is not None:
            for slot, partial in self._partials(index, applied):
                part = self.algebra.through(partial, adjoint)
                yield slot, self.algebra.total(part, self.items[index].shape, self.items[slot].shape)
            return
        item = self.items[index]
        arguments = item.arguments
        match item.operation:
            case "contract":
                yield from self._contraction(item, adjoint)
            case "transpose":
                yield arguments[0], self._transposed(item, adjoint)
            case "largest":
                at = self.algebra.compare("ge", self.value(arguments[0]), self.value(index))
                yield arguments[0], self.algebra.times(at, adjoint)
            case "total" | "over_rows" | "copy":
                yield arguments[0], adjoint

    def _partials(self, index: int, applied: symbolic.Applied) -> Iterator[tuple[int, int]]:
        """(slot, SymPy's partial of a kernel by it)."""
        slots: list[int] | None = None
        for place, slot in enumerate(applied.slots):
            if self.items[slot].operation in ("constant", "integer"):
                continue
            template = self.rules.partial(applied.kernel, place)
            if template is None:
                continue
            if slots is None:
                slots = [*map(self.value, applied.slots), self.value(index)]
            yield slot, template(self.algebra, slots)

    def _contraction(self, item: symbolic.Item, adjoint: int) -> Iterator[tuple[int, int]]:
        inputs, out = item.data.split("->")
        a, b = inputs.split(",")
        first, second = item.arguments
        adjoint = self.algebra.fit(adjoint, item.shape)
        if self.leaves.get(first) in self.live:
            yield first, self.algebra.contract((out, adjoint), (b, self.value(second)), a)
        if self.leaves.get(second) in self.live:
            yield second, self.algebra.contract((a, self.value(first)), (out, adjoint), b)

    def _transposed(self, item: symbolic.Item, adjoint: int) -> int:
        if item.data == 1:
            return self.algebra.index(adjoint, (0, slice(None)))
        return self.algebra.transpose(adjoint)


def _literal(derivation: Derivation, node: Node) -> Node | None:
    """The number behind an exponent."""
    while node.operation == "expand":
        node = derivation.node(node.arguments[0])
    return node if node.is_literal else None


def _digits(value: float) -> str:
    """A number of a record as text: 1, not 1.0."""
    return str(int(value)) if value == int(value) else repr(value)


# -- entries and slices -------------------------------------------------------------------------


def _frozen(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(k if isinstance(k, int) else (k.start, k.stop) for k in key)


def _thawed(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(k if isinstance(k, int) else slice(*k) for k in key)


def _placed(algebra: Algebra, scattered: Sequence[int], shape: Shape) -> list[int]:
    """What is sent to entries and slices of an array, as arrays of its shape."""
    found = [(_thawed(algebra.forms[s].data), algebra.forms[s].arguments[0]) for s in scattered]
    entries: dict[tuple[int, ...], list[int]] = {}
    rest = []
    for key, e in found:
        if all(isinstance(k, int) for k in key) and prod(shape) <= 2 * _SMALL:
            entries.setdefault(key, []).append(e)
        elif all(map(_is_full, key)):
            rest.append(e)
        else:
            rest.append(_at(algebra, key, e, shape))
    if not entries:
        return rest
    if prod(shape) == 1:
        return [*rest, *(e for parts in entries.values() for e in parts)]
    filled = {key: algebra.add(parts) for key, parts in entries.items()}
    return [*rest, _filled(algebra, filled, shape)]


def _filled(algebra: Algebra, entries: Mapping[tuple[int, ...], int], shape: Shape) -> int:
    """An array written out, 0 where nothing arrived."""
    rows = [
        algebra.stack([entries.get((*row, k), algebra.zero) for k in range(shape[-1])])
        for row in np.ndindex(shape[:-1])
    ]
    return rows[0] if len(shape) == 1 else algebra.stack(rows)


def _at(algebra: Algebra, key: tuple[Any, ...], e: int, shape: Shape) -> int:
    """The array that holds e at an entry or slice and 0 elsewhere: columns of eye(n) times e."""
    if len(shape) == 1:
        chosen = _columns(algebra, shape[0], key[0])
        if isinstance(key[0], int):
            return algebra.times(chosen, e)
        return algebra.matmul(chosen, algebra.fit(e, (len(range(shape[0])[key[0]]),)))
    left, right = (_columns(algebra, n, k) for n, k in zip(shape, key, strict=True))
    m, n = (None if isinstance(k, int) else len(range(s)[k]) for s, k in zip(shape, key, strict=True))
    if m is None and n is None:
        return algebra.times(e, algebra.matmul(left, algebra.transpose(right)))
    if m is None:
        row = algebra.fit(e, (n or 0,))
        row = row if _is_full(key[1]) else algebra.matmul(right, row)
        return algebra.matmul(left, algebra.transpose(row))
    if n is None:
        column = algebra.fit(e, (m,))
        column = column if _is_full(key[0]) else algebra.matmul(left, column)
        return algebra.matmul(column, algebra.transpose(right))
    block = algebra.fit(e, (m, n))
    block = block if _is_full(key[0]) else algebra.matmul(left, block)
    return block if _is_full(key[1]) else algebra.matmul(block, algebra.transpose(right))


def _columns(algebra: Algebra, n: int, part: Any) -> int:
    if _is_full(part):
        return algebra.one
    eye = algebra.call("eye", algebra.number(n), shape=(n, n))
    return algebra.index(eye, (slice(None), part))


# ---------------------------------------------------------------------------------------------
# What others ask for
# ---------------------------------------------------------------------------------------------


def backward(model: Model, of: str = "loss") -> list[Term]:
    """d of/d name for every step that `of` is computed from, last first, then for every parameter.

    Raises OptionError if `of` is an array: the adjoints of an array are Jacobians.
    """
    derivation = _derivation(model, of)
    found = derivation.contributions()
    return [derivation.term(name, found.get(name, [])) for name in _order(derivation)]


def closed_terms(model: Model, of: str = "loss") -> list[Term]:
    """The same with all steps written out. Raises OptionError beyond 2,000 operations."""
    derivation = _derivation(model, of, whole=True)
    return [_closed_term(derivation, name, arrived) for name, arrived in _arrived(derivation)]


def closed(model: Model, of: str, by: str) -> str:
    """The closed formula of d of/d by. Raises OptionError beyond 2,000 operations, KeyError."""
    model.node(by)
    derivation = _derivation(model, of, whole=True)
    for name, arrived in _arrived(derivation):
        if name == by:
            return _closed_term(derivation, name, arrived).formula
    return "0"


def right_side(model: Model, of: str, by: str) -> str | None:
    """The right side of a true claim d of/d by, from the steps that mention `by`.

    None where `of` is an array: no formula of ours is a Jacobian. Raises KeyError.
    """
    by, _, entry = by.partition("[")
    model.node(by)
    if model.node(of).shape:
        return None
    derivation = _derivation(model, of)
    parts = [link.part for link in derivation.contributions().get(by, [])]
    whole = derivation.formula(by, parts)
    if entry:
        key = tuple(int(k) for k in entry.rstrip("]").split(","))
        whole = derivation.algebra.index(whole, key)
    return derivation.text.text(whole) or _TOO_LONG


def forward(model: Model) -> dict[str, tuple[str, str]]:
    """Text and LaTeX of every step's formula, by name; the text as the author wrote it."""
    derivation = Derivation(model, model.loss)
    found = {}
    for step in model.steps.values():
        value = derivation.spelled(step.node)
        text = step.text or derivation.text.text(value) or _TOO_LONG
        latex = derivation.latex.text(value, 4 * _LONGEST) or rf"\text{{{_TOO_LONG}}}"
        found[step.name] = (text, latex)
    return found


def derivative_text(primitive: Primitive) -> str:
    """A function's derivative in its own arguments, from SymPy: "cos(x)", or one for each argument.

    Of a function of arrays, what it sends back to its arguments when g = d loss/d result comes in.
    """
    if primitive.name in ("index", "expand"):
        at = "g at the index, 0 elsewhere"
        return at if primitive.name == "index" else "the sum over all copies of g"
    names, shapes = _arguments(primitive)
    derivation, root = _of_one_call(primitive, names, shapes)
    algebra = derivation.algebra
    result = derivation.node(root).shape
    start = algebra.one if primitive.elementwise else algebra.make("name", (), "g", result)
    sent = derivation.sent(root, start, apart=True)
    texts = []
    for name in names:
        index = derivation.model.graph.names[name]
        part = derivation.gathered(sent.get(index, []), derivation.node(index))
        texts.append((name, (derivation.text.text(part) or "").replace(str(_COUNT), "n")))
    if len({text for _, text in texts}) == 1:
        return texts[0][1]
    return ", ".join(f"d/d{name}: {text}" for name, text in texts)


_COUNT = 97  # entries of the arrays in derivative_text; stands for n


def _arguments(primitive: Primitive) -> tuple[list[str], list[Shape]]:
    """Names as in the signature, and shapes that fit."""
    _, bracket, inside = primitive.signature.rpartition("(")
    words = re.findall(r"\b[A-Za-z]\b(?!=)", inside if bracket else primitive.signature)
    names = list(dict.fromkeys(words))
    if primitive.elementwise or primitive.name == "stack":
        return names, [()] * len(names)
    matrices: dict[str, list[Shape]] = {"matmul": [(2, 3), (3, 4)], "transpose": [(2, 3)]}
    return names, matrices.get(primitive.name, [(_COUNT,)] * len(names))


def _of_one_call(
    primitive: Primitive, names: Sequence[str], shapes: Sequence[Shape]
) -> tuple[Derivation, int]:
    builder = Builder()
    over_rows = primitive.rows == "reduce"
    pairs = zip(names, shapes, strict=True)
    leaves = [builder.leaf(name, shape, per_row=over_rows) for name, shape in pairs]
    options = primitive.options if primitive.elementwise else {}
    root = builder.name("result", builder.apply(primitive.name, leaves, options, rows=_COUNT))
    step = Step("result", "result", root, 0, "")
    inputs = {name: _input(name, shape) for name, shape in zip(names, shapes, strict=True)}
    model = Model("", builder.graph(), inputs, {"result": step}, loss="result")
    return Derivation(model, "result", whole=True), root


def _input(name: str, shape: Shape) -> Input:
    return Input(name, name, "param", shape, np.zeros(shape), 0)


def _derivation(model: Model, of: str, *, whole: bool = False) -> Derivation:
    if model.node(of).shape:
        raise OptionError(
            f"{of} is an array; formulas are given for derivatives of a single number",
            help="name one entry of it as a step",
        )
    return Derivation(model, of, whole=whole)


def _order(derivation: Derivation) -> list[str]:
    """Steps before `of`, last first, then parameters."""
    model, above = derivation.model, derivation._above
    steps = [s for s in model.steps.values() if above[s.node] and s.name != derivation.of]
    steps.sort(key=lambda s: -s.node)
    return [s.name for s in steps] + [p.name for p in model.parameters()]


def _arrived(derivation: Derivation) -> Iterator[tuple[str, list[int]]]:
    one, apart = derivation.algebra.one, derivation.target.per_row
    sent = derivation.sent(derivation.target.index, one, apart=apart)
    for name in _order(derivation):
        yield name, sent.get(derivation.model.graph.names[name], [])


def _closed_term(derivation: Derivation, name: str, arrived: Sequence[int]) -> Term:
    node = derivation.model.node(name)
    gathered = derivation.gathered(arrived, node)
    size = derivation.algebra.operations(gathered)
    if size > _MOST_OPERATIONS:
        raise OptionError(
            f"the closed formula of d {derivation.of}/d {name} has "
            f"{'more than ' if size >= 10**9 else ''}{size:,} operations; "
            f"at most {_MOST_OPERATIONS:,} are written out",
            help="without --expand it is shown step by step",
        )
    return derivation.term(name, [Link(name, derivation.of, gathered, None)])
