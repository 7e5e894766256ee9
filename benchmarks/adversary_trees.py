"""Trees of operations: how they are written, what they are worth, what passes back through them.

Shares no code with the package: values are mpmath's at 800 digits, every decimal as that decimal, and the
derivatives of the table are formulas of its own, written in the language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import mpmath
import numpy as np

DIGITS = 800
C = mpmath.MPContext()
C.dps = DIGITS
ZERO = C.mpf(0)
_ROUNDED = C.mpf(10) ** (40 - DIGITS)  # a sum below this is 0: what is left is rounding
_PRIME = C.mpf(10) ** -250  # the step of f'(z)
_HUGE = C.mpf("1e300")


class Outside(Exception):
    """A value outside a domain, or too large or small to go on with."""


class Rows(list[Any]):
    """One value for each row."""


Shape = tuple[int, ...]


@dataclass(frozen=True)
class Tree:
    """An operation on trees. A leaf is a name, a derivative, a decimal or an array of decimals."""

    operation: str
    arguments: tuple[Tree, ...] = ()
    text: str = ""
    shape: Shape = ()
    rows: bool = False

    def __add__(self, other: Tree) -> Tree:
        return other if is_zero(self) else self if is_zero(other) else apply("add", self, other)

    def __sub__(self, other: Tree) -> Tree:
        return self if is_zero(other) else apply("sub", self, other)

    def __mul__(self, other: Tree) -> Tree:
        one = self.operation == "number" and self.text == "1"
        return other if one else apply("mul", self, other)

    def __truediv__(self, other: Tree) -> Tree:
        return apply("div", self, other)

    def __neg__(self) -> Tree:
        return apply("neg", self)

    def __matmul__(self, other: Tree) -> Tree:
        return apply("matmul" if len(other.shape) == 2 else "map", self, other)

    @property
    def T(self) -> Tree:
        """The transpose."""
        return apply("transpose", self)


def name(text: str, shape: Shape = (), rows: bool = False) -> Tree:
    """A leaf that stands for an input or a step."""
    return Tree("name", (), text, shape, rows)


def number(text: str) -> Tree:
    """A leaf that is a decimal."""
    return Tree("number", (), text)


def literal(values: Any) -> Tree:
    """A leaf that is an array of decimals."""
    return Tree("literal", (), json.dumps(values), np.shape(values))


def is_zero(tree: Tree) -> bool:
    """Whether it is the decimal 0."""
    return tree.operation == "number" and tree.text == "0"


def apply(operation: str, *arguments: Tree) -> Tree:
    """An operation on trees; its shape is that of its value. Raises ValueError where shapes do not fit."""
    shape = tuple(OPERATIONS[operation].shape(*(a.shape for a in arguments)))
    rows = operation not in REDUCERS and any(a.rows for a in arguments)
    return Tree(operation, arguments, shape=shape, rows=rows)


def written(tree: Tree) -> str:
    """A tree in the language of model files."""
    if not tree.arguments:
        bracketed = tree.operation == "turn" or tree.text.startswith(("-", "d "))
        return f"({tree.text})" if bracketed else tree.text
    return filled(tree.operation, list(map(written, tree.arguments)))


def filled(operation: str, parts: Sequence[str]) -> str:
    """The form of an operation with its arguments, as texts; a loop takes letters that those inside do
    not."""
    form = OPERATIONS[operation].form
    letters = ("i", "j") if "(i = " in form else ()
    for letter in letters:
        taken = {t for part in parts for t in re.findall(rf"\(({letter}\d*) = ", part)}
        if taken:
            form = re.sub(rf"\b{letter}\b", f"{letter}{len(taken)}", form)
    return form.format(*parts)


# ---------------------------------------------------------------------------------------------
# Values
# ---------------------------------------------------------------------------------------------


@dataclass
class Pass:
    """The values of one evaluation; `ties` are the places where a kink or a jump was met, or a border.
    `lost`: some value was so small that it counts as 0."""

    names: Mapping[str, Any]
    known: dict[Tree, Any] = field(default_factory=dict)
    ties: list[str] = field(default_factory=list)
    lost: bool = False

    def step(self, tree: Tree) -> Any:
        """The value of a whole step: what two steps have in common counts twice among the ties."""
        self.known = {}
        return self.value(tree)

    def value(self, tree: Tree) -> Any:
        """A number, an object array, or Rows of them. Raises Outside."""
        if tree in self.known:
            return self.known[tree]
        found = self._leaf(tree) if not tree.arguments else self._applied(tree)
        self.known[tree] = found
        return found

    def _leaf(self, tree: Tree) -> Any:
        if tree.operation in ("number", "turn"):
            return C.mpf(tree.text) if tree.text != "pi" else +C.pi
        if tree.operation == "literal":
            return np.frompyfunc(C.mpf, 1, 1)(np.array(json.loads(tree.text), dtype=object))
        if tree.operation == "constant":
            shape = json.loads(tree.text.partition("(")[2].join(("[", "")).replace(")", "]"))
            made = np.eye(*shape) if tree.text.startswith("eye") else np.ones(shape)
            return np.frompyfunc(C.mpf, 1, 1)(made.astype(int).astype(object))
        if tree.text not in self.names:
            raise Outside(tree.text)
        return self.names[tree.text]

    def _applied(self, tree: Tree) -> Any:
        operation = OPERATIONS[tree.operation]
        given = [self.value(a) for a in tree.arguments]
        if tree.operation in REDUCERS:
            rows = given[0]
            total = np.sum(np.array([*rows, None], dtype=object)[:-1], axis=0)
            return _checked(total if tree.operation == "sum_rows" else total / len(rows))
        count = next((len(v) for v in given if isinstance(v, Rows)), None)
        if count is None:
            return self._computed(operation, given)
        each = ([v[r] if isinstance(v, Rows) else v for v in given] for r in range(count))
        return Rows(self._computed(operation, one) for one in each)

    def _computed(self, operation: Operation, given: list[Any]) -> Any:
        try:
            if operation.tie is not None:
                margin = np.ravel(np.frompyfunc(snapped, 1, 1)(operation.tie(*given)))
                self.ties += [operation.form for x in margin if x == 0]
            if operation.entrywise:
                given = [np.asarray(v, dtype=object) for v in given]
                found = np.frompyfunc(operation.function, len(given), 1)(*given)
            else:
                found = operation.function(*given)
        except (ZeroDivisionError, OverflowError, ValueError, TypeError) as error:
            raise Outside from error
        self.lost |= any(isinstance(x, C.mpf) and x != 0 and snapped(x) == 0 for x in np.ravel(found))
        return _checked(found)


def snapped(x: Any) -> Any:
    return ZERO if abs(x) < _ROUNDED else x


def _checked(found: Any) -> Any:
    """Values as they are, sums that are rounding alone as 0. Raises Outside."""
    flat = np.ravel(found)
    if any(not isinstance(x, C.mpf) or not C.isfinite(x) or abs(x) > _HUGE for x in flat):
        raise Outside
    found = np.frompyfunc(snapped, 1, 1)(found)
    return found[()] if isinstance(found, np.ndarray) and not found.shape else found


# ---------------------------------------------------------------------------------------------
# What passes back
# ---------------------------------------------------------------------------------------------


def contributions(tree: Tree, adjoint: Tree, of: str, primes: bool = False) -> list[Tree] | None:
    """What d loss/d `of` gets through a tree with this adjoint; None where the table has no rule.

    With primes the derivative of a function is written f'(z) where the language can.
    """
    if tree.operation == "name":
        return [adjoint] if tree.text == of else []
    found: list[Tree] = []
    for place, argument in enumerate(tree.arguments):
        if of not in names_in(argument):
            continue
        prime = primed(tree.operation) if primes else None
        rules = OPERATIONS[tree.operation].rules
        if rules is None and prime is None:
            return None
        rule = rules[place] if rules else None
        if rule is None and prime is None:
            continue
        passed = adjoint * apply(prime, argument) if prime else rule(adjoint, tree, *tree.arguments)
        if passed is None:
            return None
        deeper = contributions(argument, fitted(passed, tree, argument), of, primes)
        if deeper is None:
            return None
        found += deeper
    return found


def primed(operation: str) -> str | None:
    """Its derivative, written f'(z); None where it has kinks or several arguments."""
    made = OPERATIONS[operation]
    found = re.fullmatch(r"(\w+)(\((\d, )?\{0\}[^{]*\))", made.form)
    if found is None or not made.entrywise or made.tie is not None or operation in REDUCERS:
        return None
    form = f"{found[1]}'{found[2]}"
    if form not in OPERATIONS:
        def slope(a: Any) -> Any:
            return (made.function(a + _PRIME) - made.function(a - _PRIME)) / (2 * _PRIME)

        OPERATIONS[form] = Operation(form, slope, None, drawn=False)
    return form


def fitted(tree: Tree, output: Tree, argument: Tree) -> Tree:
    """A contribution added over everything that the argument was repeated along."""
    if tree.shape != argument.shape and OPERATIONS[output.operation].entrywise:
        if argument.shape == () and tree.shape:
            tree = apply("sum", tree)
        elif len(argument.shape) == 1 and len(tree.shape) == 2:
            tree = tree.T @ Tree("constant", (), f"ones({tree.shape[0]})", (tree.shape[0],))
        elif len(argument.shape) == len(tree.shape) == 2:
            tree = apply("sum0" if argument.shape[0] == 1 else "sum1", tree)
    return apply("sum_rows", tree) if tree.rows and not argument.rows else tree


def replaced(tree: Tree, leaves: Mapping[Tree, Tree]) -> Tree:
    """A tree with other leaves."""
    if not tree.arguments:
        return leaves.get(tree, tree)
    return replace(tree, arguments=tuple(replaced(a, leaves) for a in tree.arguments))


def names_in(tree: Tree) -> frozenset[str]:
    """The names that it mentions."""
    if not tree.arguments:
        return frozenset([tree.text] if tree.operation == "name" else [])
    return frozenset().union(*map(names_in, tree.arguments))


# ---------------------------------------------------------------------------------------------
# Operations
# ---------------------------------------------------------------------------------------------

def need(good: bool) -> None:
    if not good:
        raise ValueError("shapes do not fit")


Rule = Callable[..., Tree] | None


def entry_by_entry(*shapes: Shape) -> Shape:
    """Equal shapes, single numbers, and [m,1] or [1,n] beside [m,n]."""
    arrays = {s for s in shapes if s}
    need(len({len(s) for s in arrays}) <= 1)
    need(all(len(s) == 2 for s in arrays) or len(arrays) < 2)
    found = np.broadcast_shapes(*arrays)
    need(not arrays or found in arrays)
    return found


def with_rows(a: Shape, b: Shape) -> Shape:
    """The same, and a vector added to every row of a matrix."""
    if {len(a), len(b)} == {1, 2}:
        matrix, vector = (a, b) if len(a) == 2 else (b, a)
        need(matrix[1] == vector[0] and matrix[0] > 1)  # a column and a row made of one are refused
        return matrix
    return entry_by_entry(a, b)


@dataclass(frozen=True)
class Operation:
    """How it is written, what it is, its shape, its rules (adjoint, output, arguments), where it has kinks.

    `covers` names what it shows of the language; what is not drawn occurs in rules alone.
    """

    form: str
    function: Callable[..., Any]
    rules: tuple[Rule, ...] | None
    shape: Callable[..., Shape] = entry_by_entry
    entrywise: bool = True
    tie: Callable[..., Any] | None = None
    covers: tuple[str, ...] = ()
    drawn: bool = True


OPERATIONS: dict[str, Operation] = {}  # adversary_table.py fills it
REDUCERS = ("sum_rows", "mean_rows")
