"""Reads a formula. Gives the text of its parts as an author writes them, with few brackets."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace

from gradcheck_cli.formulas.infix import ATOM, COMPARED, INFIX, PRODUCT, SIGNED, SUM, Piece
from gradcheck_cli.model.graph import Graph, Key, Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits

__all__ = ["FormulaText", "spell_key"]

# with fewer brackets than formulas that were made: x + -y, a + b > c
_INFIX = {
    **INFIX,
    "add": (" + ", SUM, SUM, SIGNED),
    **{name: (sign, COMPARED, SUM, SUM) for name, (sign, own, *_) in INFIX.items() if own == COMPARED},
}


class FormulaText:
    """The text of nodes of one formula. Each node is written once; what is too long stands as (...)."""

    def __init__(self, model: Model, nodes: Sequence[Node], limits: DiagnosisLimits) -> None:
        self.model, self.nodes, self.limits = model, nodes, limits
        self._written: dict[int, Piece] = {}
        self.taken: Container[str] = frozenset((*model.graph.names, *model.lets))

    def of(self, index: int) -> str:
        """The text of a node."""
        todo = [index]
        while todo:
            node = self.nodes[todo[-1]]
            waiting = [a for a in node.arguments if a not in self._written]
            if not waiting:
                self._written[todo.pop()] = self._piece(node)
            todo += waiting
        return self._written[index][0]

    def with_argument(self, index: int, place: int, new: int) -> str:
        """The text of a node with another argument."""
        node = self.nodes[index]
        arguments = (*node.arguments[:place], new, *node.arguments[place + 1 :])
        for argument in arguments:
            self.of(argument)
        return self._piece(replace(node, arguments=arguments))[0]

    def _piece(self, node: Node) -> Piece:
        """A node, its arguments being written."""
        found = self._write(node)
        return found if len(found[0]) <= self.limits.longest_shown else ("(...)", ATOM)

    def _write(self, node: Node) -> Piece:
        inner = [self._written[a] for a in node.arguments]
        if node.is_leaf:
            return spell_key(self.model, node.key), ATOM
        if node.operation in ("identity", "expand"):
            return inner[0]
        if node.operation in _INFIX:
            sign, tightness, left, right = _INFIX[node.operation]
            if node.operation == "mul" and self.nodes[node.arguments[1]].operation in ("mul", "div"):
                right = PRODUCT
            return _bracket(inner[0], left) + sign + _bracket(inner[1], right), tightness
        if node.operation == "neg":
            return f"-{_bracket(inner[0], PRODUCT)}", SIGNED
        if node.operation == "transpose":
            return f"{_bracket(inner[0], ATOM)}'", ATOM
        tight = node.operation in ("index", "take", "take_pairs")
        texts = [_bracket(piece, ATOM) if tight else piece[0] for piece in inner]
        return self._call(node, texts), ATOM

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


