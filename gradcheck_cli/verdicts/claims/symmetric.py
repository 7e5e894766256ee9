"""Reads formulas that are right at the given point, where matrices are symmetric. Gives the matrices for
which they are right whenever these are symmetric.

A matrix counts if what is differentiated does not change when it is transposed, as of det(S), trace(S) and
x' @ S @ x: then it is used as a symmetric matrix. That of a map W @ h is not. Knows nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from gradcheck_cli.evaluation.evaluate import evaluate
from gradcheck_cli.model.graph import LEAF, NO_OPTIONS, Graph, Key
from gradcheck_cli.model.model import Claim, Input, Model
from gradcheck_cli.model.random_points import draw_uniform
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import floats
from gradcheck_cli.numerics.namespace import Namespace
from gradcheck_cli.verdicts.claims.context import FAILURES, ClaimContext
from gradcheck_cli.verdicts.claims.true_values import At

_SAME_ENTRIES = frozenset({"transpose", "identity", "neg"})  # what they are made of is moved in their place

__all__ = ["right_for_symmetric_data", "right_if_symmetric"]


def right_if_symmetric(
    context: ClaimContext, claim: Claim, formula: Graph, points: Sequence[At]
) -> list[str]:
    """The matrices that make a formula right at points where they are symmetric; none if it is not right
    there, or if one of them is used as another matrix."""

    def is_right(names: Iterable[str]) -> bool:
        return _is_right(context, claim, formula, [_symmetrize(at, names) for at in points])

    return _fewest(_candidates(context, claim), is_right)


def right_for_symmetric_data(
    context: ClaimContext, claim: Claim, formula: Graph, moved: Mapping[str, Array]
) -> list[str]:
    """The same of a formula that is right for the data at hand.

    Parameters
    ----------
    context : of all claims
    claim, formula : what is claimed, and the graph of its right side
    moved : name to float64 array, other values of all data

    Returns
    -------
    list of str
        The names of the matrices; empty where it is wrong for other symmetric ones, too.
    """
    at = context.points[0]
    there = At(at.number, at.values.with_values(moved))

    def is_right(names: Iterable[str]) -> bool:
        return _is_right(context, claim, formula, [_symmetrize(there, names)])

    return _fewest([name for name in _candidates(context, claim) if name in moved], is_right)


def _fewest(names: Sequence[str], is_right: Callable[[Iterable[str]], bool]) -> list[str]:
    """One of the names that is enough, else all of them; none where these are not enough."""
    for some in (*([name] for name in names), *([list(names)] if len(names) > 1 else [])):
        if is_right(some):
            return list(some)
    return []


def _is_right(context: ClaimContext, claim: Claim, formula: Graph, points: Sequence[At]) -> bool:
    """Whether it is right at some of the points, and wrong at none; some may lie outside the domain."""
    right = 0
    for at in points:
        try:
            found = context.compare(claim, formula, at)
        except FAILURES:
            continue
        if found.is_known():
            return False
        right += not found.wrong.any()
    return right > 0


def _symmetrize(at: At, names: Iterable[str]) -> At:
    means = {name: (at.values[name] + at.values[name].swapaxes(-1, -2)) / 2 for name in names}
    return At(at.number, at.values.with_values(means))


def _candidates(context: ClaimContext, claim: Claim) -> list[str]:
    """The symmetric matrices of the given point that are used as such."""
    found = _symmetric_inputs(context)
    rows = context.model.rows or 0
    if found and rows > context.first_row_count:
        context = context.first_rows
    return [name for name in found if _is_used_as_symmetric(context, claim.target.of, name)]


def _symmetric_inputs(context: ClaimContext) -> list[str]:
    given = context.points[0].values
    return [name for name, item in context.model.inputs.items() if _is_symmetric(item, given[name])]


def _is_symmetric(item: Input, values: Array) -> bool:
    """Whether it is a symmetric matrix that is not diagonal; where it has rows, in each of them."""
    if len(item.shape) != 2 or item.shape[0] != item.shape[1]:
        return False
    outside = values * (1 - np.eye(item.shape[0]))
    return bool(np.any(outside) and np.array_equal(values, values.swapaxes(-1, -2)))


def _is_used_as_symmetric(context: ClaimContext, of: str, name: str) -> bool:
    """Whether a step does not change when the matrix, which is not symmetric then, is transposed.

    Other steps that do not depend on the matrix take values of their own: W is no symmetric matrix in W @ h
    because the entries of h are equal. Other symmetric matrices stay symmetric, as T in trace(S @ T).
    """
    if (of, name) not in context.transposable:
        context.transposable[of, name] = _bears_transposition(context, of, name)
    return context.transposable[of, name]


def _bears_transposition(context: ClaimContext, of: str, name: str) -> bool:
    if not context.model.graph.upstream([context.model.node(of).index])[context.model.node(name).index]:
        return False  # the step does not know the matrix
    limits, precision, referee = context.limits, context.precision(), context.referee
    m: Namespace = precision.namespace
    passes = 2 * limits.transpositions
    if precision.exact:
        if not referee.budget.covers(passes * referee.work, precision.digits):
            return False
        referee.pay(m, passes)
    close = limits.equal_at_high_precision if precision.exact else limits.decidable
    free = _without_steps(context.model, of, name)
    for number in range(1, limits.transpositions + 1):
        leaves = _leaves(context, free, number)
        for other in {*_symmetric_inputs(context)} & {*leaves} - {name}:
            leaves[other] = (leaves[other] + leaves[other].swapaxes(-1, -2)) / 2
        turned = {**leaves, name: leaves[name].swapaxes(-1, -2)}
        given, after = (evaluate(free, _in(m, values), m) for values in (leaves, turned))
        with np.errstate(all="ignore"):
            same = abs(given - after) <= close * np.maximum(abs(given), abs(after))
        if not np.all(np.asarray(same, dtype=bool)):
            return False
    return True


def _in(m: Namespace, values: Mapping[Key, Array]) -> dict[Key, Array]:
    return {key: m.decimals(array) for key, array in values.items()}


def _without_steps(model: Model, of: str, name: str) -> Graph:
    """The graph of a step in which other steps that do not depend on a matrix are leaves."""
    graph, target = model.graph, model.node(of).index
    reached = graph.downstream([model.node(name).index])
    free = {
        step.node: step.name for step in model.steps.values()
        if not reached[step.node] and graph.nodes[step.node].operation not in _SAME_ENTRIES
    }  # fmt: skip
    nodes = (
        replace(node, operation=LEAF, arguments=(), options=NO_OPTIONS, key=free[node.index])
        if node.index in free else node
        for node in graph.nodes
    )  # fmt: skip
    return replace(graph, nodes=tuple(nodes), output=target)


def _leaves(context: ClaimContext, graph: Graph, number: int) -> dict[Key, Array]:
    """Values beside those of the given point, with the two leading axes, for each leaf that is needed."""
    truth = context.true_values(context.points[0])
    needed, found = graph.upstream([graph.output]), {}
    for node in graph.nodes:
        if node.is_leaf and needed[node.index]:
            value = floats(truth.leaf(node.key))
            u = draw_uniform(context.model.seed, f"{node.key}/transposed/{number}", value.shape)
            share = context.limits.transposed_reach * u
            found[node.key] = np.where(value == 0, share, value * (1 + share))
    return found
