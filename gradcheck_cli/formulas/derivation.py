"""Reads nothing. Gives what a derivation is made of: terms, links, and how options are spelled."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from gradcheck_cli.formulas.along_axis import ALONG_AXIS
from gradcheck_cli.formulas.array_algebra import Algebra
from gradcheck_cli.formulas.choices import CHOICES, choice, choice_back
from gradcheck_cli.formulas.convolutions import CONVOLUTIONS, through_convolution
from gradcheck_cli.formulas.matrix_calculus import MATRIX_CALCULUS
from gradcheck_cli.formulas.node_adjoints import (
    IDENTITIES,
    Contributions,
    NodeAdjoint,
    key_of_index,
    place_parts,
)
from gradcheck_cli.formulas.sympy_templates import Rules
from gradcheck_cli.formulas.writers import LatexWriter, Writer
from gradcheck_cli.model.graph import Node, spell_listed
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.primitives.axes import all_kept
from gradcheck_cli.model.primitives.record import Shape
from gradcheck_cli.numerics.limits.formulas import DEFAULTS, FormulasLimits

__all__ = ["Derivation", "Link", "Term"]


@dataclass(frozen=True)
class Term:
    """One derivative. `formula` is its right side; `local` the partials of the steps that use it."""

    name: str
    title: str  # "d loss/d f2"
    formula: str
    local: str = ""  # "d h3/d f2 = -sin(f2)"
    latex: str = ""
    local_latex: str = ""


class Link(NamedTuple):
    """What one step contributes to the adjoint of a name in it; `partial` where the step is a single number.

    `fixed`: other names in the step that are computed from this one, which the partial holds fixed.
    """

    name: str
    user: str
    part: int
    partial: int | None
    fixed: tuple[str, ...] = ()


class Derivation:
    """Formulas of d of/d name. `whole`: steps are written out, only inputs keep their names."""

    def __init__(
        self, model: Model, of: str, *, whole: bool = False, limits: FormulasLimits = DEFAULTS
    ) -> None:
        self.model, self.of, self.whole, self.limits = model, of, whole, limits
        self.algebra = Algebra(limits)
        taken = frozenset(model.graph.names)
        self.text, self.latex = Writer(self.algebra, taken), LatexWriter(self.algebra, taken)
        self.rules = Rules(limits)
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
            return self._name_of(index)
        return self.own_expression(index)

    def own_expression(self, index: int) -> int:
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
                self._values[node.index] = self._build(node)
        return self._values[index]

    def _is_waiting(self, index: int) -> bool:
        return index not in self._shown and index not in self._values

    def _name_of(self, index: int) -> int:
        node, name = self.node(index), self.model.display(self.names[index])
        return self.algebra.make("name", (), name, node.shape, per_row=node.per_row)

    def _argument(self, index: int) -> int:
        """An argument as the author wrote it: repetition to a larger shape is not written."""
        node = self.node(index)
        while node.operation == "expand" and node.index not in self._shown:
            node = self.node(node.arguments[0])
        return self._name_of(node.index) if node.index in self._shown else self._values[node.index]

    def _build(self, node: Node) -> int:
        algebra = self.algebra
        if node.is_literal:
            return algebra.literal(node.value, node.text)
        if node.is_leaf:
            return self._name_of(node.index)
        given = [self._argument(a) for a in node.arguments]
        match node.operation:
            case "identity":
                return given[0]
            case "expand":
                inner = algebra.shape(given[0])
                if 0 < len(inner) < len(node.shape) > 2:  # of which axes is then no question
                    return algebra.reshape(given[0], (1,) * (len(node.shape) - len(inner)) + inner)
                is_row = len(node.shape) == 2 and len(inner) == 1
                return algebra.transpose(given[0]) if is_row else given[0]
            case "index":
                return algebra.index(given[0], node.options["key"])
            case "stack" if node.options["axis"] == 0:
                return algebra.stack(given)
            case "transpose":
                return algebra.transpose(given[0])
        if node.operation in CHOICES:
            return choice(algebra, node, given)
        if node.primitive.sizes:
            given = [algebra.number(n) for n in node.options["sizes"]]
            return algebra.call(node.primitive.function, *given, shape=node.shape)
        if node.primitive.infix is not None:
            return algebra.make(node.operation, given, None, node.shape)
        more = ", ".join(_spell_options(node))
        orders = (node.options[name] for name in node.primitive.orders)
        given = [*map(self._order, orders), *given]
        return algebra.call(node.primitive.function, *given, shape=node.shape, more=more)

    def _order(self, order: float | str) -> int:
        """What stands first in polygamma(2, x) or einsum("ij,j", A, x)."""
        if isinstance(order, str):
            return self.algebra.make("text", (), order)
        return self.algebra.literal(float(order), f"{order:g}")

    # -- adjoints -----------------------------------------------------------------------------

    def pass_to_names(self, root: int, adjoint: int, *, apart: bool = False) -> Contributions:
        """What a step's adjoint contributes to the adjoints of names it mentions (or of all, if `whole`).

        `apart`: rows are kept apart, also in what goes to names that they share.
        """
        arrived: Contributions = {root: [adjoint]}
        waiting = [-root]
        while waiting:
            node = self.node(-heapq.heappop(waiting))
            if node.index != root and (node.index in self._shown or node.is_leaf):
                continue
            total = self.add_contributions(arrived[node.index], node)
            if node.is_leaf or total == self.algebra.zero:
                continue
            for position, part in self._pass_back(node, total):
                argument = self.node(node.arguments[position])
                if node.per_row and not argument.per_row and not apart:
                    part = self._sum_over_rows(part)
                if argument.index not in arrived:
                    heapq.heappush(waiting, -argument.index)
                arrived.setdefault(argument.index, []).append(part)
        return {i: parts for i, parts in arrived.items() if i in self.names and i != root}

    def _sum_over_rows(self, part: int) -> int:
        algebra = self.algebra
        if algebra.forms[part].per_row:
            return algebra.call("sum_rows", part)
        return algebra.times(algebra.number(self.model.rows or 1), part)

    def _pass_back(self, node: Node, adjoint: int) -> Iterator[tuple[int, int]]:
        live = [k for k, a in enumerate(node.arguments) if self._live[a]]
        if not live:
            return
        if node.operation == "stack":
            axis = node.options["axis"]
            for k in live:
                key = tuple(k if a == axis else slice(None) for a in range(len(node.shape)))
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
                yield k, self.algebra.make("scatter", (adjoint,), key_of_index(key))
        elif node.operation in IDENTITIES:
            own, given = self.value(node.index), [self.value(a) for a in node.arguments]
            if "axis" in node.options:  # of prod, whose axes are back as axes of length 1
                kept = all_kept(self.node(node.arguments[0]).shape, node.options["axis"])
                full = self.algebra.full_or_number(adjoint, node.shape)
                own, adjoint = (self.algebra.reshape(e, kept) for e in (own, full))
            for k in live:
                yield k, IDENTITIES[node.operation](self.algebra, adjoint, own, *given)
        elif node.operation in CHOICES:
            given, whole = [self.value(a) for a in node.arguments], self.node(node.arguments[0]).shape
            if 0 in live:
                yield 0, choice_back(self.algebra, node, adjoint, given, whole)
        elif node.operation == "one_hot":
            return
        elif node.operation in MATRIX_CALCULUS:
            own, given = self.value(node.index), [self.value(a) for a in node.arguments]
            for k in live:
                yield k, MATRIX_CALCULUS[node.operation](self.algebra, node, k, adjoint, own, given)
        elif node.operation in CONVOLUTIONS:
            own, given = self.value(node.index), [self.value(a) for a in node.arguments]
            for k in live:
                yield k, through_convolution(self.algebra, node, adjoint, own, given, k)
        elif node.operation == "flip":
            more = ", ".join(_spell_options(node))
            full = self.algebra.fit(adjoint, node.shape)
            yield 0, self.algebra.call("flip", full, shape=node.shape, more=more)
        elif node.operation in ALONG_AXIS:
            yield 0, ALONG_AXIS[node.operation](self.algebra, node, adjoint, self.value(node.arguments[0]))
        else:
            yield from NodeAdjoint(self, node, live).run(adjoint)

    def _entry(self, e: int, shape: Shape, key: tuple[Any, ...]) -> int:
        if self.algebra.shape(e) == ():
            return e
        return self.algebra.index(self.algebra.fit(e, shape), key)

    def add_contributions(self, parts: Sequence[int], node: Node) -> int:
        """The sum of what arrives at a node; entries and slices are put in their places."""
        algebra, parts = self.algebra, parts[::-1]  # the last node comes first: the author's order
        scattered = [p for p in parts if algebra.forms[p].operation == "scatter"]
        if not scattered:
            return algebra.add(parts)
        others = [p for p in parts if algebra.forms[p].operation != "scatter"]
        return algebra.add([*others, *place_parts(algebra, scattered, node.shape)])

    # -- text ---------------------------------------------------------------------------------

    @property
    def _too_long(self) -> str:
        return f"(more than {self.limits.longest_formula:,} characters; give parts of it names of their own)"

    def to_text(self, e: int) -> str:
        """An expression as text, or that it is too long."""
        return self.text.text(e) or self._too_long

    def to_latex(self, e: int) -> str:
        """The same in LaTeX."""
        return self.latex.text(e, self.limits.latex_length) or rf"\text{{{self._too_long}}}"

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
        """What one step contributes; a single number, its partials times its adjoint."""
        adjoint = self.adjoint(user)
        start, apart = (adjoint, False) if node.shape else (self.algebra.one, node.per_row)
        apart = apart or self.target.per_row
        for index, parts in self.pass_to_names(node.index, start, apart=apart).items():
            by = self.node(index)
            total = self.add_contributions(parts, by)
            if node.shape:
                yield Link(self.names[index], user, total, None)
                continue
            part = self.algebra.through(total, adjoint)
            if node.per_row and not by.per_row and not self.target.per_row:
                part = self._sum_over_rows(part)
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
            formula=self.to_text(whole),
            local=", ".join(self._chain(self.text, *partial) for partial in partials),
            latex=self.to_latex(whole),
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
        own = self._name_of(node.index)
        written_out = self.algebra.substitute(partial, {own: self.own_expression(node.index)})
        yield [title, written_out] if written_out == partial else [title, written_out, partial]

    def _chain(self, writer: Writer, fixed: Sequence[str], equals: Sequence[int]) -> str:
        texts = [text for text in map(writer.text, equals) if text is not None]
        if len(texts) < len(equals):
            return ""
        return writer.chain(texts, [self.model.display(name) for name in fixed])


def _spell_options(node: Node) -> Iterator[str]:
    """The keyword arguments that differ from the record's defaults."""
    for name, default in node.primitive.options.items():
        if name == node.primitive.listed:
            yield spell_listed(node.options[name])
        elif name not in node.primitive.orders and node.options.get(name, default) != default:
            yield f"{name}={node.options[name]!r}"
