"""Reads a model. Gives the names that are one: `loss = l` names a value once more.

Knows nothing of claims and of values.
"""

from __future__ import annotations

from functools import cached_property

from gradcheck_cli.model.graph import Derivative
from gradcheck_cli.model.model import Model

__all__ = ["Aliases"]


class Aliases:
    """The names of a model, and which of its derivatives are one."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._above: dict[str, list[bool]] = {}

    def one(self, target: Derivative) -> Derivative:
        """The derivative that stands for all that are one with this one, as d loss/d w for d l/d w where the
        loss is l; of the whole name below, whatever entry is asked for."""
        of = self.first_name(target.of)
        return Derivative(of, self._first_used(of, target.by))

    def first_name(self, name: str) -> str:
        """The first name of a value."""
        node = self.model.node(name)
        while node.operation == "identity":
            node = self.model.graph.nodes[node.arguments[0]]
        return self._names.get(node.index, name)

    def _first_used(self, of: str, name: str) -> str:
        """The first name of a value that `of` uses by its later name alone."""
        node = self.model.node(name)
        while node.operation == "identity":
            before = self.model.graph.nodes[node.arguments[0]]
            if sum(self._reaches(of)[user] for user in self._users[before.index]) > 1:
                break
            node = before
        return self._names.get(node.index, name)

    def _reaches(self, of: str) -> list[bool]:
        """For each node whether `of` is computed from it."""
        if of not in self._above:
            self._above[of] = self.model.graph.upstream([self.model.node(of).index])
        return self._above[of]

    @cached_property
    def _names(self) -> dict[int, str]:
        return {index: name for name, index in self.model.graph.names.items()}

    @cached_property
    def _users(self) -> dict[int, list[int]]:
        """For each node those that are computed from it, each once."""
        found: dict[int, list[int]] = {node.index: [] for node in self.model.graph.nodes}
        for node in self.model.graph.nodes:
            for argument in set(node.arguments):
                found[argument].append(node.index)
        return found
