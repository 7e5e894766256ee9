"""Reads a traced model with the lines and variables of its program. Gives what its values are called there.

Knows nothing of mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property

from gradcheck_cli.formulas.passes import Spelling
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.programs import PROGRAMS, ProgramsLimits

__all__ = ["ProgramValues"]

_WORD = re.compile(r"[^\W\d]\w*")


class ProgramValues:
    """The graph of a model, with the program's names and lines."""

    def __init__(
        self, model: Model, places: Sequence[str], names: Mapping[str, str], limits: ProgramsLimits = PROGRAMS
    ) -> None:
        self.model, self.places, self.names, self.limits = model, places, names, limits
        reached = model.graph.upstream([model.node(model.loss).index])
        self.nodes = [n for n in model.graph.nodes if reached[n.index]]
        self.live = model.graph.downstream([p.index for p in self.parameters()])
        self.step_of = {step.node: name for name, step in model.steps.items()}
        self._name_of = {index: name for name, index in reversed([*model.graph.names.items()])}

    def parameters(self) -> list[Node]:
        """The nodes of all parameters."""
        return [self.model.node(item.name) for item in self.model.parameters()]

    def place(self, node: Node) -> str:
        """The line of the program that computes a node."""
        number = self.model.step_around(node.index).line
        return self.places[number - 1] if 0 < number <= len(self.places) else ""

    def edges(self, index: int) -> list[tuple[Node, int]]:
        """Where a node is used: the nodes, and the place of the argument."""
        return [(n, k) for n in self.nodes for k, a in enumerate(n.arguments) if a == index]

    def name(self, node: Node) -> str:
        """The program's name of an input or step; empty where it has none."""
        named = self._name_of.get(self._within(node).index, "")
        return self.names.get(named, named)

    def kind(self, node: Node, place: int) -> tuple[str, int, str]:
        """What a use of a value is: the function, the place of the argument, and the names of the others."""
        others = [self.model.graph.nodes[a] for k, a in enumerate(node.arguments) if k != place]
        return node.operation, place, ", ".join(map(self.name, others))

    def words(self, node: Node) -> str:
        """A value's name, else its formula if that is short, else the line that computes it."""
        found = self.name(node) or self.formula(node)
        place = self.place(node)
        return found or (f"a value computed in {place}" if place else "an unnamed value")

    def formula(self, node: Node) -> str:
        """The formula of a value in variables of the program, "..." for one that has none; empty where it is
        long."""
        node = self._within(node)
        if node.is_literal:
            return node.text or f"{node.value:g}"
        named = self._name_of.get(node.index)
        step = self.model.steps.get(named or "")
        if node.is_leaf or (step and not step.text):
            return ""
        text = step.text if step else self._spelling.value(node.index)
        said = _WORD.sub(lambda word: self.names.get(word[0], word[0]) or "...", text)
        return said if said != "..." and len(said) <= self.limits.longest_formula else ""

    @cached_property
    def _spelling(self) -> Spelling:
        return Spelling(self.model)

    def _within(self, node: Node) -> Node:
        """A node without what only gives it another shape."""
        while node.operation in ("expand", "identity") and node.index not in self.step_of:
            node = self.model.graph.nodes[node.arguments[0]]
        return node
