"""Reads a formula. Gives the text of its parts as an author writes them, with few brackets."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace

from gradcheck_cli.model.graph import Graph, Key, Node
from gradcheck_cli.model.model import Model

__all__ = ["FormulaText", "spell_key"]

_COMPARED, _SUM, _SIGNED, _PRODUCT, _POWER, _ATOM = range(6)  # how tightly a text holds together
# operation: what stands between, how tight the whole is, and what its left and its right side need
_INFIX = {
    "add": (" + ", _SUM, _SUM, _SIGNED),
    "sub": (" - ", _SUM, _SUM, _PRODUCT),
    "mul": ("*", _PRODUCT, _SIGNED, _POWER),
    "div": ("/", _PRODUCT, _SIGNED, _POWER),
    "matmul": (" @ ", _PRODUCT, _SIGNED, _POWER),
    "pow": ("^", _POWER, _ATOM, _POWER),
    "gt": (" > ", _COMPARED, _SUM, _SUM),
    "lt": (" < ", _COMPARED, _SUM, _SUM),
    "ge": (" >= ", _COMPARED, _SUM, _SUM),
    "le": (" <= ", _COMPARED, _SUM, _SUM),
}
Piece = tuple[str, int]


class FormulaText:
    """The text of nodes of one formula."""

    def __init__(self, model: Model, nodes: Sequence[Node]) -> None:
        self.model, self.nodes = model, nodes
        self.taken: Container[str] = frozenset((*model.graph.names, *model.lets))

    def of(self, index: int) -> str:
        """The text of a node."""
        return self._piece(self.nodes[index])[0]

    def with_argument(self, index: int, place: int, new: int) -> str:
        """The text of a node with another argument."""
        node = self.nodes[index]
        arguments = (*node.arguments[:place], new, *node.arguments[place + 1 :])
        return self._piece(replace(node, arguments=arguments))[0]

    def _piece(self, node: Node) -> Piece:
        inner = [self._piece(self.nodes[a]) for a in node.arguments]
        if node.is_leaf:
            return spell_key(self.model, node.key), _ATOM
        if node.operation in ("identity", "expand"):
            return inner[0]
        if node.operation in _INFIX:
            sign, tightness, left, right = _INFIX[node.operation]
            if node.operation == "mul" and self.nodes[node.arguments[1]].operation in ("mul", "div"):
                right = _PRODUCT
            return _bracket(inner[0], left) + sign + _bracket(inner[1], right), tightness
        if node.operation == "neg":
            return f"-{_bracket(inner[0], _PRODUCT)}", _SIGNED
        if node.operation == "transpose":
            return f"{_bracket(inner[0], _ATOM)}'", _ATOM
        tight = node.operation in ("index", "take", "take_pairs")
        texts = [_bracket(piece, _ATOM) if tight else piece[0] for piece in inner]
        return self._call(node, texts), _ATOM

    def _call(self, node: Node, texts: Sequence[str]) -> str:
        """What is written around the texts of its arguments."""
        arguments = tuple(range(1, len(texts) + 1))
        nodes = (replace(node, index=0, arguments=arguments), *(replace(node, index=k) for k in arguments))
        return Graph(nodes, {}).formula(0, dict(zip(arguments, texts, strict=True)), self.taken)


def spell_key(model: Model, key: Key) -> str:
    """A leaf under the author's names: "w", "d loss/d h[0]"."""
    if isinstance(key, str):
        return model.display(key)
    entry = str(key).removeprefix(str(key.whole))
    return f"d {model.display(key.of)}/d {model.display(key.by)}{entry}"


def _bracket(piece: Piece, least: int) -> str:
    return piece[0] if piece[1] >= least else f"({piece[0]})"


