"""Reads a Model. Gives the formulas of both backward passes, in the author's names, as text and LaTeX.

Every step is gone through in reverse once, node by node: the partials of a function are SymPy's, of
what its `symbolic` record is made of; contractions, sums and index maps follow from their patterns.
Knows nothing of vjps, values and verdicts.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod
from operator import or_
from typing import Any, NamedTuple

import numpy as np

from gradcheck_cli import symbolic
from gradcheck_cli.algebra import SMALL, Algebra, is_full
from gradcheck_cli.errors import OptionError
from gradcheck_cli.graph import Builder, Input, Model, Node, Step
from gradcheck_cli.notation import LONGEST, LatexWriter, Writer
from gradcheck_cli.primitives import Primitive, Shape
from gradcheck_cli.recording import CONSTANT
from gradcheck_cli.templates import Rules

__all__ = [
    *("Term", "backward", "closed", "closed_terms", "derivative_text", "forward", "partial_text"),
    *("Spelling", "right_side"),
]

_MOST_OPERATIONS = 2_000  # of one closed formula
_TOO_LONG = f"(more than {LONGEST:,} characters; give parts of it names of their own)"


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
# Derivations: reverse through the nodes of a step, or of the whole model for closed formulas
# ---------------------------------------------------------------------------------------------

_Sent = dict[int, list[int]]  # what arrives at each named node


class Link(NamedTuple):
    """What one step sends to a name it mentions; `partial` where the step is a single number.

    `fixed`: other names in the step that are computed from this one, which the partial holds fixed.
    """

    name: str
    user: str
    part: int
    partial: int | None
    fixed: tuple[str, ...] = ()


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
        if node.primitive.sizes:
            given = [algebra.number(n) for n in node.options["sizes"]]
            return algebra.call(node.primitive.function, *given, shape=node.shape)
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
        if not live:
            return
        if node.operation == "stack":
            for k in live:
                key = (k, *(slice(None) for _ in node.shape[1:]))
                yield k, self._entry(adjoint, node.shape, key)
        elif node.operation == "concat":
            axis, ends = node.options["axis"], node.options["ends"]
            for k in live:
                part = slice(ends[k], ends[k + 1])
                key = tuple(part if a == axis else slice(None) for a in range(len(node.shape)))
                yield k, self._entry(adjoint, node.shape, key)
        elif node.operation in ("identity", "expand"):
            inner = self.node(node.arguments[0]).shape
            yield 0, self.algebra.total(adjoint, node.shape, inner)
        elif node.operation == "index":
            key = node.options["key"]
            for k in live:
                yield k, self.algebra.make("scatter", (adjoint,), _frozen(key))
        elif node.operation in _IDENTITIES:
            own, given = self.value(node.index), [self.value(a) for a in node.arguments]
            for k in live:
                yield k, _IDENTITIES[node.operation](self.algebra, adjoint, own, *given)
        else:
            yield from _Passage(self, node, live).run(adjoint)

    def _entry(self, e: int, shape: Shape, key: tuple[Any, ...]) -> int:
        if self.algebra.shape(e) == ():
            return e
        return self.algebra.index(self.algebra.fit(e, shape), key)

    def gathered(self, parts: Sequence[int], node: Node) -> int:
        """The sum of what arrives at a node; entries and slices are put in their places."""
        algebra, parts = self.algebra, parts[::-1]  # the last node sends first: the author's order
        scattered = [p for p in parts if algebra.forms[p].operation == "scatter"]
        if not scattered:
            return algebra.add(parts)
        others = [p for p in parts if algebra.forms[p].operation != "scatter"]
        return algebra.add([*others, *_placed(algebra, scattered, node.shape)])

    # -- terms --------------------------------------------------------------------------------

    def contributions(self) -> dict[str, list[Link]]:
        """For each name what the steps that mention it send, in the order of the steps."""
        found: dict[str, list[Link]] = {}
        bits = {name: 1 << k for k, name in enumerate(self.names.values())}
        behind = dict.fromkeys(bits, 0)  # the names that each name is computed from, as bits
        steps = [s for s in self.model.steps.values() if self._above[s.node]]
        for step in sorted(steps, key=lambda s: s.node):
            links = list(self._links(step.name, self.node(step.node)))
            through = reduce(or_, (behind[link.name] for link in links), 0)
            for link in links:
                bit = bits[link.name]
                behind[step.name] |= bit | behind[link.name]
                if through & bit:
                    fixed = tuple(other.name for other in links if behind[other.name] & bit)
                    link = link._replace(fixed=fixed)
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
        """The right side of d of/d name in full shape; one sum over the rows, not one for each part."""
        algebra, forms = self.algebra, self.algebra.forms
        given = list(parts)
        over_rows = [p for p in given if forms[p].data == ("sum_rows", "")]
        if len(over_rows) > 1:
            inner = algebra.add(forms[p].arguments[0] for p in over_rows)
            given = [p for p in given if p not in over_rows]
            given.append(algebra.call("sum_rows", inner))
        return algebra.fit(algebra.add(given), self.model.node(name).shape)

    def term(self, name: str, links: Sequence[Link]) -> Term:
        """Everything about one derivative, as text and LaTeX."""
        whole = self.formula(name, [link.part for link in links])
        partials = [(link.fixed, equals) for link in links for equals in self._local(link)]
        return Term(
            name=name,
            title=f"d {self.model.display(self.of)}/d {self.model.display(name)}",
            formula=self.text.text(whole) or _TOO_LONG,
            local=", ".join(self._chain(self.text, *partial) for partial in partials),
            latex=self.latex.text(whole, 4 * LONGEST) or rf"\text{{{_TOO_LONG}}}",
            local_latex=r", \quad ".join(self._chain(self.latex, *partial) for partial in partials),
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

    def _chain(self, writer: Writer, fixed: Sequence[str], equals: Sequence[int]) -> str:
        texts = [text for text in map(writer.text, equals) if text is not None]
        if len(texts) < len(equals):
            return ""
        return writer.chain(texts, [self.model.display(name) for name in fixed])


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
            total = self.algebra.factored(arrived[index])
            position = self.leaves.get(index, -1)
            if position in self.live:
                yield position, self._by_name(total)
            for argument, part in self._pass(index, total) if position < 0 else ():
                arrived.setdefault(argument, []).append(part)

    def _by_name(self, e: int) -> int:
        """The expression with the step's own formula, as softmax(z), written by its name."""
        index = self.node.index
        own, named = self.derivation.spelled(index), self.derivation.value(index)
        return e if own == named else self.algebra.factored([self.algebra.replaced(e, {own: named})])

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
        if item.operation == "pi":
            return algebra.literal(item.data, "pi")
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
            case "copy" | "expand":
                return given[0]
            case "transpose":
                return algebra.transpose(given[0])
        raise self._unknown(item)

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
            case "expand":
                inner = self.items[arguments[0]].shape
                yield arguments[0], self.algebra.total_apart(adjoint, item.shape, inner)
            case "total" | "over_rows" | "copy":
                yield arguments[0], adjoint
            case _ if arguments:
                raise self._unknown(item)

    def _unknown(self, item: symbolic.Item) -> OptionError:
        return OptionError(
            f"no formula is known for {self.node.primitive.function} ({item.operation})",
            help="gradcheck run checks it all the same",
        )

    def _partials(self, index: int, applied: symbolic.Applied) -> Iterator[tuple[int, int]]:
        """(slot, SymPy's partial of a kernel by it)."""
        slots: list[int] | None = None
        for place, slot in enumerate(applied.slots):
            if self.items[slot].operation in CONSTANT:
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
        return self.algebra.turned(adjoint)


# -- matrix calculus ----------------------------------------------------------------------------


def _others(algebra: Algebra, adjoint: int, own: int, x: int) -> int:
    """The products of the others: written out for a short vector, else the product over x."""
    shape = algebra.shape(x)
    if len(shape) != 1 or not 1 < shape[0] <= SMALL // 2 + 1:
        return algebra.times(adjoint, own, algebra.power(x, -1))
    entries = [algebra.index(x, (k,)) for k in range(shape[0])]
    products = [algebra.times(*(e for e in entries if e != one)) for one in entries]
    return algebra.times(adjoint, algebra.stack(products))


def _on_diagonal(algebra: Algebra, adjoint: int, own: int, x: int) -> int:
    eye = algebra.eye(algebra.shape(x)[0])
    return algebra.times(adjoint, eye)


def _diagonal(algebra: Algebra, adjoint: int, own: int, x: int) -> int:
    shape = algebra.shape(x)
    if len(shape) == 2:
        return algebra.call("diag", algebra.fit(adjoint, shape[:1]), shape=shape)
    return algebra.call("diag", algebra.fit(adjoint, (*shape, *shape)), shape=shape)


def _cofactors(algebra: Algebra, adjoint: int, own: int, a: int) -> int:
    back = algebra.transpose(algebra.call("inv", a, shape=algebra.shape(a)))
    return algebra.times(adjoint, own, back)


def _of_inverse(algebra: Algebra, adjoint: int, own: int, a: int) -> int:
    back = algebra.transpose(own)
    adjoint = algebra.fit(adjoint, algebra.shape(a))
    return algebra.negative(algebra.matmul(algebra.matmul(back, adjoint), back))


# What a function of matrices sends to its argument, as textbooks write it (Petersen and Pedersen
# 2012). What it IS, halves of a product or minors, would not be readable.
_IDENTITIES: dict[str, Callable[..., int]] = {
    "prod": _others,
    "trace": _on_diagonal,
    "diag": _diagonal,
    "det": _cofactors,
    "inv": _of_inverse,
}


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
        if all(isinstance(k, int) for k in key) and prod(shape) <= 2 * SMALL:
            entries.setdefault(key, []).append(e)
        elif all(map(is_full, key)):
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
        row = row if is_full(key[1]) else algebra.matmul(right, row)
        return algebra.matmul(left, algebra.transpose(row))
    if n is None:
        column = algebra.fit(e, (m,))
        column = column if is_full(key[0]) else algebra.matmul(left, column)
        return algebra.matmul(column, algebra.transpose(right))
    block = algebra.fit(e, (m, n))
    block = block if is_full(key[0]) else algebra.matmul(left, block)
    return block if is_full(key[1]) else algebra.matmul(block, algebra.transpose(right))


def _columns(algebra: Algebra, n: int, part: Any) -> int:
    if is_full(part):
        return algebra.one
    return algebra.index(algebra.eye(n), (slice(None), part))


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


def partial_text(model: Model, user: str, by: str) -> str | None:
    """The partial of a step that acts entry by entry, by a name it mentions: "(f3 > 0)"."""
    derivation = Derivation(model, user)
    node = derivation.node(derivation.target.index)
    sent = derivation.sent(node.index, derivation.algebra.one, apart=node.per_row)
    index = model.graph.names[by]
    if index not in sent:
        return None
    return derivation.text.text(derivation.gathered(sent[index], derivation.node(index)))


class Spelling:
    """Nodes of a model in words: their values, and the partials of elementwise functions."""

    def __init__(self, model: Model) -> None:
        self._derivation = Derivation(model, model.loss)

    def value(self, index: int) -> str:
        """A node's name, or the author's expression."""
        return self._text(self._derivation.value(index))

    def partial(self, index: int, place: int) -> str:
        """d node/d argument, "cos(f0)"."""
        node = self._derivation.node(index)
        return self._text(_Passage(self._derivation, node, [place]).partial(place))

    def _text(self, e: int) -> str:
        return self._derivation.text.text(e) or _TOO_LONG


def forward(model: Model) -> dict[str, tuple[str, str]]:
    """Text and LaTeX of every step's formula, by name; the text as the author wrote it."""
    derivation = Derivation(model, model.loss)
    found = {}
    for step in model.steps.values():
        value = derivation.spelled(step.node)
        text = step.text or derivation.text.text(value) or _TOO_LONG
        latex = derivation.latex.text(value, 4 * LONGEST) or rf"\text{{{_TOO_LONG}}}"
        found[step.name] = (text, latex)
    return found


_IN_WORDS = {
    "index": "g at the index, 0 elsewhere",
    "expand": "the sum over all copies of g",
    "concat": "of each its own part of g",
    "ones": "0",
    "eye": "0",
}


def derivative_text(primitive: Primitive) -> str:
    """A function's derivative in its own arguments, from SymPy: "cos(x)", or one for each argument.

    Of a function of arrays, what it sends back to its arguments when g = d loss/d result comes in.
    """
    if primitive.name in _IN_WORDS:
        return _IN_WORDS[primitive.name]
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
    matrices: dict[str, list[Shape]] = {
        "matmul": [(2, 3), (3, 4)],
        "transpose": [(2, 3)],
        "trace": [(_COUNT, _COUNT)],
        "det": [(2, 2)],
        "inv": [(2, 2)],
    }
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
