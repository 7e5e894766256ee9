"""Reads the nodes of a trace. Gives each a number, the same to all that compute one value in one way.

Value numbering (Cocke and Schwartz 1970). Knows nothing of what operations mean, but that sums and products
may be turned round.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck_cli.tracing.traced_nodes import TracedNode

__all__ = ["ValueNumbers"]


class ValueNumbers:
    """The numbers of the nodes of one trace."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}
        self._known: dict[TracedNode, int] = {}

    def of(self, node: TracedNode) -> int:
        """The number of a node: two nodes have one if they are the same function of the same values."""
        waiting = [node]
        while waiting:
            found = waiting[-1]
            missing = [argument for argument in found.arguments if argument not in self._known]
            if found in self._known or not missing:
                waiting.pop()
                if found not in self._known:
                    self._known[found] = self._numbers.setdefault(self._key(found), len(self._numbers))
            waiting.extend(missing)
        return self._known[node]

    def are_one(self, a: TracedNode, b: TracedNode) -> bool:
        """Whether two nodes are the same function of the same values."""
        return a is b or (a.shape == b.shape and self.of(a) == self.of(b))

    def _key(self, node: TracedNode) -> Any:
        if node.operation == "param":
            return node.operation, node.number
        if node.is_leaf:
            value = np.asarray(node.value, dtype=float)
            return value.shape, value.tobytes()
        given = [self._known[argument] for argument in node.arguments]
        if node.operation in ("+", "*"):
            given.sort()
        options = sorted((key, _frozen(value)) for key, value in node.options.items())
        return node.operation, node.shape, tuple(given), tuple(options)


def _frozen(value: Any) -> Any:
    """An option as text or bytes, which can be compared and looked up."""
    if isinstance(value, np.ndarray):
        return str(value.tobytes())
    return str(tuple(map(_frozen, value))) if isinstance(value, tuple) else str(value)
