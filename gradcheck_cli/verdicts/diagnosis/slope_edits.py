"""Reads a claim's formula. Gives the slips around f'(z): another function's, the function itself, none.

Knows nothing of values and verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import Derivative, Graph, Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.primitives.slopes import PRIME, has_slope
from gradcheck_cli.model.primitives.table import record_of

__all__ = ["exchange_slopes"]


def exchange_slopes(
    model: Model, graph: Graph, target: Derivative
) -> Iterator[tuple[int, Callable[[Builder, Sequence[int]], int], str]]:
    """f'(z) for f(z), and the derivative of another function of the model: the node, what makes it anew, and
    what is said."""
    if target.is_value:
        return
    functions = list(dict.fromkeys(n.operation for n in model.graph.nodes if _has_slope(n)))
    for node in graph.nodes:
        own = node.operation
        if own.endswith(PRIME):
            others = [name + PRIME for name in functions if name + PRIME != own]
        else:
            others = [own + PRIME] if _has_slope(node) else []
        for other in others:
            mine, right = node.primitive.function, record_of(other).function
            yield node.index, _apply(other, node), f"uses {mine} where {right} belongs"


def _has_slope(node: Node) -> bool:
    """Whether a node is a function that has a derivative under f'(z)."""
    is_none = node.is_leaf or node.is_literal or node.operation == "identity"
    return not is_none and has_slope(node.primitive)


def _apply(operation: str, node: Node) -> Callable[[Builder, Sequence[int]], int]:
    """The same argument under another function; options are those of that function."""
    kept = node.options if operation.removesuffix(PRIME) == node.operation.removesuffix(PRIME) else None
    return lambda builder, arguments: builder.apply(operation, arguments, kept)
