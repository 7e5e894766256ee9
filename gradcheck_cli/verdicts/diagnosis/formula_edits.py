"""Reads a claim's formula. Gives the formulas in which one slip is undone, with words for the slip.

Another name of the same shape, a transpose, factors of a product turned round, a sum over rows for a
mean, a sum for a difference. Knows nothing of values and verdicts: whether that makes a claim right is for
others to find out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, islice

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import Derivative, Graph, Key, Node, spell_listed
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.numerics.named_constants import constants_near, last_place, significant_digits
from gradcheck_cli.verdicts.diagnosis.axis_edits import exchange_all_reductions, exchange_axes
from gradcheck_cli.verdicts.diagnosis.formula_text import FormulaText
from gradcheck_cli.verdicts.diagnosis.matrix_products import exchange_factors
from gradcheck_cli.verdicts.diagnosis.slope_edits import exchange_slopes

__all__ = ["FormulaEdit", "exchange_names", "replace_node", "undo_edits"]

_OVER_ROWS = {"sum_rows": "mean_rows", "mean_rows": "sum_rows"}
_WITH_KERNEL = ("conv1d", "conv2d", "conv1d_input", "conv2d_input")
_SIGNS = {"add": ("sub", "+", "-"), "sub": ("add", "-", "+")}
Make = Callable[[Builder, Sequence[int]], int]


@dataclass(frozen=True)
class FormulaEdit:
    """What a slip is called, and the formula without it."""

    text: str
    graph: Graph


def undo_edits(
    model: Model, graph: Graph, target: Derivative, limits: DiagnosisLimits
) -> Iterator[FormulaEdit]:
    """Every single slip that a formula of `target` may hold: the same shape comes out without it."""
    names = partial(_names, most=limits.most_derivatives)
    constants = partial(_constants, fewest=limits.fewest_constant_digits)
    products = partial(exchange_factors, limits=limits)
    slips = (
        _transposes, _kernels, _over_rows, _reverse, _signs, exchange_slopes, constants, names, exchange_axes,
        products,
    )  # fmt: skip
    for found in slips:
        for at, make, text in found(model, graph, target):
            formula = replace_node(graph, at, make)
            if formula is not None:
                yield FormulaEdit(text, formula)
    together = exchange_all_reductions(graph)
    formula = _replace_nodes(graph, together[0]) if together else None
    if together and formula is not None:
        yield FormulaEdit(together[1], formula)


def replace_node(graph: Graph, at: int, make: Make) -> Graph | None:
    """The formula with one node made anew; None where it has another shape then."""
    return _replace_nodes(graph, {at: make})


def _replace_nodes(graph: Graph, makes: Mapping[int, Make]) -> Graph | None:
    """The same for several nodes."""
    builder, new = Builder(rows_apart=False), dict[int, int]()
    for node in graph.nodes:
        arguments = [new[a] for a in node.arguments]
        if node.index not in makes:
            new[node.index] = builder.copy(node, arguments)
            continue
        try:
            made = builder.nodes[makes[node.index](builder, arguments)]
        except ShapeError:
            return None
        if (made.shape, made.per_row) != (node.shape, node.per_row):
            return None
        new[node.index] = made.index
    return builder.graph(new[graph.nodes[graph.output].index])


Slips = Iterator[tuple[int, Make, str]]


def _names(model: Model, graph: Graph, target: Derivative, *, most: int) -> Slips:
    """Another name, or another derivative, of the same shape."""
    for node in graph.nodes:
        if node.is_leaf:
            for key in _others(model, node, target, most):
                text = f"uses {_spell(model, node.key)} where {_spell(model, key)} belongs"
                yield node.index, _leaf(node, key), text


def _leaf(node: Node, key: Key) -> Make:
    return lambda builder, _: builder.leaf(
        key, node.shape, per_row=node.per_row, reduced=node.reduced
    )


def _others(model: Model, node: Node, target: Derivative, most: int) -> list[Key]:
    """Names that may stand in place of a leaf, the likeliest first."""
    kind = (node.shape, node.per_row)
    if isinstance(node.key, str):
        own = node.key
        names = [n for n in (*model.inputs, *model.steps) if n not in (own, model.loss)]
        alike = [n for n in names if (model.node(n).shape, model.node(n).per_row) == kind]
        return [*sorted(alike, key=lambda name: name[0] != own[0])]
    if target.is_value:
        return []
    of, by = model.node(node.key.of), model.node(target.by)
    if of.shape or node.key.index is not None or node.key.of != target.of:
        return []
    later = model.graph.downstream([by.index])
    steps = sorted(model.steps.values(), key=lambda step: step.node)
    found = [
        Derivative(node.key.of, step.name)
        for step in steps
        if later[step.node]
        and step.name not in (target.by, node.key.by, node.key.of)
        and (model.graph.nodes[step.node].shape, model.graph.nodes[step.node].per_row) == kind
    ]
    return list(found[:most])


def exchange_names(model: Model, graph: Graph, limits: DiagnosisLimits) -> Iterator[FormulaEdit]:
    """Two names, or two entries, each where the other belongs."""
    text = FormulaText(model, graph.nodes, limits)
    named = [node for node in graph.nodes if _is_name(graph, node)]
    for a, b in islice(combinations(named, 2), limits.most_exchanged_names):
        if (a.shape, a.per_row) == (b.shape, b.per_row):
            makes = {a.index: _copy_name(graph, b), b.index: _copy_name(graph, a)}
            formula = _replace_nodes(graph, makes)
            if formula is not None:
                yield FormulaEdit(f"has {text.of(a.index)} and {text.of(b.index)} exchanged", formula)


def _is_name(graph: Graph, node: Node) -> bool:
    is_entry = node.operation == "index" and graph.nodes[node.arguments[0]].is_leaf
    return node.is_leaf or (is_entry and not node.shape)


def _copy_name(graph: Graph, node: Node) -> Make:
    """A name, or an entry, once more."""

    def make(builder: Builder, arguments: Sequence[int]) -> int:
        if node.is_leaf:
            return builder.copy(node, ())
        return builder.copy(node, [builder.copy(graph.nodes[a], ()) for a in node.arguments])

    return make


def _transposes(model: Model, graph: Graph, target: Derivative) -> Slips:
    """A square matrix for its transpose, and the reverse."""
    turned = {n.arguments[0] for n in graph.nodes if n.operation == "transpose"}
    for node in graph.nodes:
        inner = graph.nodes[node.arguments[0]] if node.operation == "transpose" else node
        if not (inner.is_leaf and len(inner.shape) == 2 and inner.shape[0] == inner.shape[1]):
            continue
        name = _spell(model, inner.key)
        if node is not inner:
            yield node.index, lambda _, arguments: arguments[0], f"uses {name}' where {name} belongs"
        elif node.index not in turned:
            yield node.index, _transpose_leaf(node), f"uses {name} where {name}' belongs"


def _transpose_leaf(node: Node) -> Make:
    return lambda builder, none: builder.apply(
        "transpose", (_leaf(node, node.key)(builder, none),)
    )


def _kernels(model: Model, graph: Graph, target: Derivative) -> Slips:
    """A kernel that is not turned round where it has to be, and the reverse."""
    for node in graph.nodes:
        if node.operation not in _WITH_KERNEL:
            continue
        kernel, d = graph.nodes[node.arguments[1]], len(node.options["layout"].kernel)
        if kernel.operation == "flip":
            inner = _operand(model, graph, graph.nodes[kernel.arguments[0]])
            text = f"uses flip({inner}) where {inner} belongs" if inner else "turns the kernel round"
            yield kernel.index, lambda _, arguments: arguments[0], text
        else:
            name, rank = _operand(model, graph, kernel), len(kernel.shape)
            axes = f", axis={spell_listed(range(rank - d, rank))}" if rank > d else ""
            turned = f"uses {name} where flip({name}{axes}) belongs"
            text = turned if name else "does not turn the kernel round"
            yield node.index, partial(_turn_kernel, node, tuple(range(rank - d, rank))), text


def _turn_kernel(node: Node, axes: tuple[int, ...], builder: Builder, arguments: Sequence[int]) -> int:
    image, kernel = arguments
    return builder.copy(node, (image, builder.apply("flip", (kernel,), {"axis": axes})))


def _reverse(model: Model, graph: Graph, target: Derivative) -> Slips:
    """a @ b' for b @ a', and A @ B for B @ A."""
    for node in graph.nodes:
        if node.operation not in ("matmul", "outer"):
            continue
        a, b = (graph.nodes[k] for k in node.arguments)
        names = [_operand(model, graph, n) for n in (a, b)]
        if None in names:
            continue
        mine = _product(node, *names)
        yield node.index, _swap(node), f"has {mine} where {_product(node, *reversed(names))} belongs"
        if node.operation == "matmul":
            other = " @ ".join(_prime(str(name)) for name in reversed(names))
            yield node.index, _transposed_product, f"has {mine} where {other} belongs"


def _swap(node: Node) -> Make:
    return lambda builder, arguments: builder.apply(node.operation, tuple(reversed(arguments)))


def _transposed_product(builder: Builder, arguments: Sequence[int]) -> int:
    a, b = (_transpose(builder, k) for k in arguments)
    return builder.apply("matmul", (b, a))


def _transpose(builder: Builder, index: int) -> int:
    node = builder.nodes[index]
    return node.arguments[0] if node.operation == "transpose" else builder.apply("transpose", (index,))


def _product(node: Node, *names: str | None) -> str:
    a, b = names
    return f"{a} @ {b}" if node.operation == "matmul" else f"outer({a}, {b})"


def _operand(model: Model, graph: Graph, node: Node) -> str | None:
    """The name of an operand, or of the name that it is the transpose of."""
    if node.operation == "transpose":
        inner = graph.nodes[node.arguments[0]]
        return _prime(_spell(model, inner.key)) if inner.is_leaf else None
    return _spell(model, node.key) if node.is_leaf else None


def _prime(name: str) -> str:
    return name.removesuffix("'") if name.endswith("'") else f"{name}'"


def _over_rows(model: Model, graph: Graph, target: Derivative) -> Slips:
    for node in graph.nodes:
        other = _OVER_ROWS.get(node.operation)
        if other is not None:
            yield node.index, _reduction(model, other), f"uses {node.operation} where {other} belongs"


def _signs(model: Model, graph: Graph, target: Derivative) -> Slips:
    """a + b for a - b, and the reverse; of what has no name, where it is the only sign."""
    signed = [node for node in graph.nodes if node.operation in _SIGNS]
    for node in signed:
        other, mine, right = _SIGNS[node.operation]
        a, b = (_term(model, graph, graph.nodes[k]) for k in node.arguments)
        if a is not None and b is not None:
            yield node.index, _exchange(other), f"has {a} {mine} {b} where {a} {right} {b} belongs"
        elif len(signed) == 1:
            yield node.index, _exchange(other), f"has {mine} where {right} belongs"


def _constants(model: Model, graph: Graph, target: Derivative, *, fewest: int) -> Slips:
    """The constant that a decimal was rounded from: log(10) of 2.303."""
    for node in graph.nodes:
        if node.is_literal and significant_digits(node.text) >= fewest:
            for name, digits in constants_near(node.value, last_place(node.text)):
                yield node.index, _number(digits), f"{node.text} stands where {name} belongs"


def _number(digits: str) -> Make:
    return lambda builder, _: builder.literal(float(digits), digits)


def _exchange(operation: str) -> Make:
    return lambda builder, arguments: builder.apply(operation, arguments)


def _term(model: Model, graph: Graph, node: Node) -> str | None:
    """A name or a number, or the square of a name."""
    if node.is_literal:
        return node.text or f"{node.value:g}"
    if node.operation == "pow":
        base, exponent = (_term(model, graph, graph.nodes[k]) for k in node.arguments)
        return f"{base}^{exponent}" if base and exponent else None
    return _operand(model, graph, node)


def _reduction(model: Model, operation: str) -> Make:
    return lambda builder, arguments: builder.apply(operation, arguments, rows=model.rows)


def _spell(model: Model, key: Key) -> str:
    if isinstance(key, str):
        return model.display(key)
    entry = str(key).removeprefix(str(key.whole))
    return f"d {model.display(key.of)}/d {model.display(key.by)}{entry}"
