"""Reads the bench of a formula. Gives its edits of one term: a factor or a summand that is missing, a slope
in place of a value, an expression of the model in place of another.

Knows nothing of values and verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from gradcheck_cli.formulas import passes
from gradcheck_cli.model.graph import Derivative, Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.primitives.slopes import PRIME
from gradcheck_cli.verdicts.diagnosis.operator_edits import is_function
from gradcheck_cli.verdicts.diagnosis.single_edits import Edit, EditBench, Rank, Use

__all__ = [
    "edit_data", "edit_factors", "edit_model_parts", "edit_number_factors", "edit_slopes", "edit_summands",
]  # fmt: skip

Text = Callable[[], str | None]
_PRODUCTS = ("mul", "div", "neg")
_SUMS = ("add", "sub")


def edit_number_factors(bench: EditBench) -> Iterator[Edit]:
    """A number that is missing as a factor or a divisor in one term, or in an argument."""
    for use in _terms(bench):
        for number in (scale for scale in bench.limits.edit_scales if scale > 1):
            literal = bench.literal(number)
            for new in (bench.apply("mul", literal, use.inner), bench.apply("div", use.inner, literal)):
                yield from bench.edit(Rank.NUMBER_AS_FACTOR, use, new)


def edit_factors(bench: EditBench) -> Iterator[Edit]:
    """A factor or a divisor that is missing in one term, or in an argument."""
    for use in _terms(bench):
        for name in bench.names():
            yield from bench.edit(Rank.FACTOR, use, bench.apply("mul", name, use.inner))
            yield from bench.edit(Rank.DIVISOR, use, bench.apply("div", use.inner, name))
        for part in _factors_beside(bench):
            yield from bench.edit(Rank.LONG_FACTOR, use, bench.apply("mul", part, use.inner))
            yield from bench.edit(Rank.LONG_FACTOR, use, bench.apply("div", use.inner, part))


def _terms(bench: EditBench) -> Iterator[Use]:
    """The uses in which a factor stands for itself: those in a product are its factors."""
    for use in bench.uses():
        is_factor = use.user is None or bench.nodes[use.user].operation in _PRODUCTS
        if not (is_factor or bench.nodes[use.inner].is_literal):
            yield use


def _factors_beside(bench: EditBench) -> list[int]:
    """The expressions that the formula multiplies or divides by."""
    found = []
    for node in bench.graph.nodes:
        if node.operation in ("mul", "div"):
            found += [bench.plain(a) for a in node.arguments]
    return [k for k in dict.fromkeys(found) if not (bench.nodes[k].is_literal or bench.is_name(k))]


def edit_data(bench: EditBench) -> Iterator[Edit]:
    """A datum that is left out beside a name: r for r - q, p for p - t."""
    inputs = bench.model.inputs.values()
    data = [bench.leaf(i.name, bench.model.node(i.name)) for i in inputs if i.kind in ("data", "rows")]
    for use in bench.uses():
        if not bench.is_name(use.inner) or use.inner in data:
            continue
        if use.user is not None and bench.nodes[use.user].operation in _SUMS:
            continue
        for datum in data:
            for new in (("sub", use.inner, datum), ("sub", datum, use.inner), ("add", use.inner, datum)):
                yield from bench.edit(Rank.TERM, use, bench.apply(*new))


def edit_summands(bench: EditBench) -> Iterator[Edit]:
    """A summand that is missing in one place, or in the whole."""
    for use in bench.uses():
        if use.user is not None and bench.nodes[use.user].operation in _SUMS:
            continue
        own, one = bench.nodes[use.inner], bench.literal(1.0)
        for new in (k for k in (one, *bench.names()) if k != use.inner):
            rank = Rank.ONE_AS_TERM if new == one else Rank.TERM
            if own.operation == "neg":
                yield from bench.edit(rank, use, bench.apply("sub", new, own.arguments[0]))
            yield from bench.edit(rank, use, bench.apply("add", use.inner, new))
            yield from bench.edit(rank, use, bench.apply("sub", use.inner, new))
            yield from bench.edit(rank, use, bench.apply("sub", new, use.inner))


def edit_slopes(bench: EditBench) -> Iterator[Edit]:
    """The derivative of a step where its value stands, or where an expression of its names does."""
    for name, slope, text in _slopes(bench):
        related = bench.names_in(slope) | {name}
        for use in bench.uses():
            inner = bench.nodes[use.inner]
            is_other_leaf = inner.is_literal or (inner.is_leaf and inner.key != name)
            if use.user is not None and not is_other_leaf and related & bench.names_in(use.inner):
                yield from bench.edit(Rank.SLOPE, use, slope, text)


def _slopes(bench: EditBench) -> Iterator[tuple[str, int, Text]]:
    """The derivative of each step, entry by entry, or of a number by each number in its line; none that is
    claimed."""
    model, target = bench.model, bench.sample.claim.target
    parts = _parts_by_index(bench)
    for step in model.steps.values():
        node = model.graph.nodes[step.node]
        if is_function(node):
            slope = bench.apply(node.operation + PRIME, parts[node.arguments[0]])
            if slope is not None:
                yield step.name, slope, partial(_spell_slope, model, node.index)
            continue
        for by in _own_names(model, node):
            source = model.node(by)
            is_number = not (node.shape or source.shape or node.reduced) and node.per_row == source.per_row
            if is_number and target != Derivative(step.name, by):
                slope = bench.leaf(Derivative(step.name, by), node)
                yield step.name, slope, partial(passes.partial_text, model, step.name, by)


def _spell_slope(model: Model, index: int) -> str:
    return passes.Spelling(model).partial(index, 0)


def _own_names(model: Model, node: Node) -> list[str]:
    """The names that a step's line mentions."""
    named = {index: name for name, index in model.graph.names.items()}
    todo, found = list(node.arguments), dict[str, None]()
    while todo:
        index = todo.pop()
        if index in named:
            found[named[index]] = None
        else:
            todo += model.graph.nodes[index].arguments
    return list(found)


def edit_model_parts(bench: EditBench) -> Iterator[Edit]:
    """An expression that stands in the model, in place of one of the same names."""
    named = set(bench.model.graph.names.values())
    parts = [
        part for index, part in _parts_by_index(bench).items()
        if part is not None and index not in named and bench.nodes[part].arguments
    ]  # fmt: skip
    for use in bench.uses():
        inner = bench.nodes[use.inner]
        if use.user is None or inner.is_leaf or inner.is_literal:
            continue
        own = bench.names_in(use.inner)
        for part in parts:
            if own & bench.names_in(part):
                yield from bench.edit(Rank.PART_OF_MODEL, use, part)


def _parts_by_index(bench: EditBench) -> dict[int, int | None]:
    """Each node of the model as a node of the bench: a name, or an expression without one."""
    graph, made = bench.model.graph, dict[int, int | None]()
    named = {index: name for name, index in graph.names.items()}
    for node in graph.nodes:
        if node.index in named:
            made[node.index] = bench.leaf(named[node.index], node)
        else:
            made[node.index] = bench.copy(node, [made[a] for a in node.arguments])
    return made
