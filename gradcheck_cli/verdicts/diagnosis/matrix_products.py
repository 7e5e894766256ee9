"""Reads a claim's formula. Gives its products of matrices as they may be meant, with words for the slip.

Other orders and transposes, one matrix more, or another one in place of one. Knows nothing of values and
verdicts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, permutations, product

from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import Derivative, Graph, Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.verdicts.diagnosis.formula_text import FormulaText

__all__ = ["Factor", "exchange_factors", "other_products", "spell_product", "transpose_text"]

_ALONE = re.compile(r"-?(\w+|d \w+/d \w+|\w*\([^()]*\))")
Make = Callable[[Builder, Sequence[int]], int]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Factor:
    """A factor of a product: a place in the product that the author wrote, or a name; transposed or not.

    `is_turned`: against the factor as it stands there. `text`: as it is written now. `shape`: empty where
    only the text is known.
    """

    source: int | str
    shape: Shape
    text: str
    is_turned: bool = False

    @property
    def sides(self) -> tuple[int, int]:
        """Rows and columns; a vector is a column."""
        return (self.shape[0], self.shape[1] if len(self.shape) == 2 else 1)

    def turn(self) -> Factor:
        """Its transpose."""
        shape = self.sides[::-1] if self.shape else ()
        return Factor(self.source, shape, transpose_text(self.text), not self.is_turned)


def transpose_text(text: str) -> str:
    """The text of a transpose, with brackets round what is more than a name, a derivative or a call."""
    if text.endswith("'") and _ALONE.fullmatch(text[:-1]):
        return text[:-1]
    return f"{text}'" if _ALONE.fullmatch(text) else f"({text})'"


def other_products(
    factors: Sequence[Factor], names: Sequence[Factor], limits: DiagnosisLimits
) -> Iterator[tuple[Factor, ...]]:
    """Products that may be meant, those with the smallest change first: other transposes, one name more, one
    in place of another, another order.

    Parameters
    ----------
    factors : of the product as it is written
    names : matrices and vectors that may belong to it
    limits : how many factors are put in other orders; of a product of more than there may be none is yielded

    Yields
    ------
    factors from left to right
    """
    if len(factors) > limits.most_turned_factors:
        return
    mine, every = tuple(factors), [*names, *(name.turn() for name in names)]
    found = [*_transposes(mine)]
    found += [(*mine[:k], name, *mine[k:]) for k in range(len(mine) + 1) for name in every]
    named = [k for k, factor in enumerate(mine) if not factor.text.startswith("(")]
    found += [(*mine[:k], name, *mine[k + 1 :]) for k in named for name in every]
    if len(mine) <= limits.most_ordered_factors:
        found += [some for order in permutations(mine) for some in _transposes(order)]
    yield from dict.fromkeys(some for some in found if some != mine)


def spell_product(factors: Sequence[Factor]) -> str:
    """The text of a product; a sign inside stands in brackets."""
    first, *others = (factor.text for factor in factors)
    return " @ ".join([first, *(f"({text})" if text.startswith("-") else text for text in others)])


def _transposes(factors: Sequence[Factor]) -> Iterator[tuple[Factor, ...]]:
    """Every choice of transposes, the fewest first."""
    choices = product(*((factor, factor.turn()) for factor in factors))
    yield from sorted(choices, key=lambda some: sum(factor.is_turned for factor in some))


def _fits(factors: Sequence[Factor]) -> bool:
    """Whether neighbors have a length in common."""
    return all(a.sides[1] == b.sides[0] for a, b in pairwise(factors))


def _shape_of(factors: Sequence[Factor]) -> Shape:
    """The shape of a product: with a vector on the right it is a vector."""
    return (factors[0].sides[0], *factors[-1].shape[1:])


def exchange_factors(
    model: Model, graph: Graph, target: Derivative, *, limits: DiagnosisLimits
) -> Iterator[tuple[int, Make, str]]:
    """Other products in place of each: the node, what makes it anew, and what is said."""
    text = FormulaText(model, graph.nodes, limits)
    inside = {a for n in graph.nodes if n.operation == "matmul" for a in n.arguments}
    for node in graph.nodes:
        if node.operation != "matmul" or node.index in inside:
            continue
        factors = [
            Factor(k, n.shape, _spell(text, n)) for k, n in enumerate(_flat(graph.nodes, node.index))
        ]
        mine = spell_product(factors)
        for found in other_products(factors, _names(model, node), limits):
            if _fits(found) and _shape_of(found) == node.shape:
                right = spell_product(found)
                yield node.index, partial(_make, model, found), f"has {mine} where {right} belongs"


def _flat(nodes: Sequence[Node], index: int) -> list[Node]:
    """The factors of a product of products, from left to right."""
    found, todo = list[Node](), [index]
    while todo:
        node = nodes[todo.pop()]
        if node.operation == "matmul":
            todo += reversed(node.arguments)
        else:
            found.append(node)
    return found


def _spell(text: FormulaText, node: Node) -> str:
    """A name, a transpose, a negative; what is longer stands in brackets."""
    is_short = node.is_leaf or node.operation in ("transpose", "neg")
    return text.of(node.index) if is_short else f"({text.of(node.index)})"


def _names(model: Model, node: Node) -> list[Factor]:
    """Inputs and steps that are matrices or vectors."""
    found = []
    for name in (*model.inputs, *model.steps):
        other = model.node(name)
        if len(other.shape) in (1, 2) and (node.per_row or not other.per_row):
            found.append(Factor(name, other.shape, model.display(name)))
    return found


def _make(
    model: Model, factors: Sequence[Factor], builder: Builder, arguments: Sequence[int]
) -> int:
    """The product of these factors, from left to right; `arguments` hold those that the author wrote."""
    own = [n.index for a in arguments for n in _flat(builder.nodes, a)]
    made = None
    for factor in factors:
        source = factor.source
        index = own[source] if isinstance(source, int) else _leaf(model, builder, source)
        index = builder.apply("transpose", (index,)) if factor.is_turned else index
        made = index if made is None else builder.apply("matmul", (made, index))
    assert made is not None
    return made


def _leaf(model: Model, builder: Builder, name: str) -> int:
    node = model.node(name)
    return builder.leaf(name, node.shape, per_row=node.per_row, reduced=node.reduced)
