"""Reads the values of a traced model. Gives backward passes in which one rule of a line is done wrongly.

A line of a loop, or of a function that is called twice, is many nodes of the model: the same mistake is made
at each of them. Knows nothing of what a program's gradients are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from gradcheck_cli.derivatives.backprop.reverse_mode import Rule, Slip
from gradcheck_cli.evaluation.tape import Tape
from gradcheck_cli.model.graph import Node
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.programs.program_values import ProgramValues
from gradcheck_cli.verdicts.diagnosis.exchanged_values import exchange
from gradcheck_cli.verdicts.diagnosis.rule_slips import NOTHING, scale, slips_of_rule

__all__ = ["Edge", "Mistake", "SlipAt", "line_mistakes", "slips_at"]

_PRODUCTS = ("mul", "div", "pow", "dot", "sqrt", "exp", "log")
_KINDS_OF_FACTORS = {"div": ("numerator", "denominator"), "pow": ("base", "exponent")}

Edge = tuple[int, int]  # a node, and the place of an argument


@dataclass(frozen=True)
class Exchange:
    """A rule that reads the value of another node: in place of an argument, or of its own value (None)."""

    read: int | None
    other: Node

    def at(self, tape: Tape) -> Slip:
        """The slip at one point."""
        return partial(exchange, self.read, np.asarray(tape.with_both_axes(self.other), dtype=float))


SlipAt = Slip | Exchange
Mistake = tuple[Mapping[Edge, SlipAt], str]


def slips_at(slips: Mapping[Edge, SlipAt], tape: Tape) -> dict[Edge, Slip]:
    """The slips of a mistake at one point.

    Parameters
    ----------
    slips : by node and place of the argument
    tape : the values there
    """
    return {edge: slip.at(tape) if isinstance(slip, Exchange) else slip for edge, slip in slips.items()}


@dataclass
class _Group:
    """The places where one mistake is made, with what is said of it at the first of them."""

    text: str = ""
    slips: dict[Edge, SlipAt] = field(default_factory=dict)

    def add(self, edge: Edge, slip: SlipAt, text: str) -> None:
        if "value computed" in self.text or "value computed" not in text:
            self.text = text  # nodes come last first
        self.slips[edge] = slip


def line_mistakes(values: ProgramValues) -> Iterator[Mistake]:
    """One rule of a line done wrongly: where its operands are the same, then wherever it stands in that line.

    Parameters
    ----------
    values : the graph, with the program's names and lines

    Yields
    ------
    Mistake
    """
    narrow, wide = dict[object, _Group](), dict[object, _Group]()
    for node in reversed(values.nodes):
        place = values.place(node)
        for k, argument in enumerate(node.arguments):
            if not (values.live[argument] and place):
                continue
            for kind, (slip, text) in enumerate(_slips(values, node, k, place)):
                key = place, node.operation, k, kind
                operands = tuple(_operand(values, a) for a in node.arguments)
                narrow.setdefault((key, operands), _Group()).add((node.index, k), slip, text)
                wide.setdefault(key, _Group()).add((node.index, k), slip, text)
    tried = {frozenset(group.slips) for group in narrow.values()}
    for group in narrow.values():
        yield group.slips, group.text
    for group in wide.values():
        if frozenset(group.slips) not in tried:
            yield group.slips, group.text


def _operand(values: ProgramValues, index: int) -> str:
    node = values.model.graph.nodes[index]
    return values.name(node) or node.text or node.operation


def _slips(values: ProgramValues, node: Node, k: int, place: str) -> Iterator[tuple[SlipAt, str]]:
    argument = values.model.graph.nodes[node.arguments[k]]
    own = values.words(argument)
    yield NOTHING, f"takes {own} for constant in {place}"
    operands = [values.model.graph.nodes[index] for index in node.arguments]
    named = {a.index: said for a in operands if (said := values.name(a) or values.formula(a))}
    yield from slips_of_rule(values.model, named, node, k, f"({place})")
    yield partial(scale, -1.0), f"has the wrong sign for {own} ({place})"
    for factor, times in ((2.0, "twice"), (0.5, "half")):
        yield partial(scale, factor), f"takes {times} the derivative by {own} ({place})"
    if node.operation in _PRODUCTS:
        yield from _factors(values, node, k, place)
    yield _ones, f"has 1 where d loss/d {values.words(node)} belongs ({place})"
    yield from _exchanges(values, node, k, place)


def _factors(values: ProgramValues, node: Node, k: int, place: str) -> Iterator[tuple[SlipAt, str]]:
    """A factor that a rule forgets, or takes twice: one of the values that it computes with."""
    for which, index in enumerate(node.arguments):
        other = values.model.graph.nodes[index]
        kind = _KINDS_OF_FACTORS.get(node.operation)
        said = values.name(other) or values.formula(other)
        own = "the factor itself" if which == k else "the other factor"
        said = said or (f"the {kind[which]}" if kind else own)
        for power, words, opposite in ((-1, "divides", "multiplies"), (1, "multiplies", "divides")):
            text = f"{words} once too often by {said}, or {opposite} once too seldom ({place})"
            yield partial(_times, which, power), text


def _exchanges(values: ProgramValues, node: Node, k: int, place: str) -> Iterator[tuple[SlipAt, str]]:
    """A value that a rule reads taken for one that it is computed of: h for r*h, x for solve(A, x)."""
    nodes = values.model.graph.nodes
    reads: list[int | None] = [which for which in range(len(node.arguments)) if which != k]
    if len(node.arguments) == 1 or node.operation == "solve":
        reads += [None]
    for read in reads:
        right = node if read is None else nodes[node.arguments[read]]
        for other in (nodes[a] for a in right.arguments):
            if (other.shape, other.per_row) == (right.shape, right.per_row) and not other.is_literal:
                said = f"uses {values.words(other)} where {values.words(right)} belongs ({place})"
                yield Exchange(read, other), said


def _ones(rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]) -> Array:
    return rule(np.ones_like(adjoint), value, arguments)


def _times(
    place: int, power: int, rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]
) -> Array:
    """The contribution of a rule with an argument once more, or once less, as a factor of the adjoint; none,
    where that has another shape."""
    factor, right = arguments[place], rule(adjoint, value, arguments)
    try:
        found = rule(adjoint * factor if power > 0 else adjoint / factor, value, arguments)
    except ValueError:
        found = np.zeros(0)
    return found if np.shape(found) == np.shape(right) else np.asarray(0.0 * right)
