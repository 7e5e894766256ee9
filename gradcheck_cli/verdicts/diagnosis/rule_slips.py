"""Reads the nodes of a model and its values at a point. Gives the mistakes people make in a backward pass.

Each is one rule of one node, done wrongly. Knows nothing of claims.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np

from gradcheck_cli.derivatives.backprop.reverse_mode import Rule, Slip
from gradcheck_cli.evaluation.tape import Tape
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.verdicts.diagnosis.adjoint_of_output import starts_at_steps
from gradcheck_cli.verdicts.diagnosis.exchanged_values import ExchangedValues
from gradcheck_cli.verdicts.diagnosis.function_slips import slips_of_function
from gradcheck_cli.verdicts.diagnosis.matrix_products import transpose_text
from gradcheck_cli.verdicts.diagnosis.overwritten_entries import overwrite
from gradcheck_cli.verdicts.diagnosis.paths_left_out import paths_left_out
from gradcheck_cli.verdicts.diagnosis.softmax_slips import slips_of_softmax

__all__ = ["NOTHING", "Mistake", "mistakes", "scale", "slips_of_rule"]

_PLAIN = ("add", "sub", "neg", "expand", "index", "concat", "transpose", "identity")


@dataclass(frozen=True)
class Mistake:
    """What is done to rules, each at one argument of a node, and what is said of it."""

    slips: Mapping[tuple[int, int], Slip]
    text: str


def mistakes(
    model: Model, tape: Tape, claimed: Sequence[str], limits: DiagnosisLimits
) -> Iterator[Mistake]:
    """All that are tried: paths left out, rules done wrongly from the loss backward, exchanged values.

    Parameters
    ----------
    model : the graph
    tape : its values at a point
    claimed : names that derivatives of the loss are claimed by
    limits : how many paths are left out together, and how much is exchanged

    Yields
    ------
    Mistake
        The same ones in the same order at every point.
    """
    sources = [model.node(name).index for name in claimed]
    ahead, reached = model.graph.downstream(sources), model.graph.upstream([model.node(model.loss).index])
    names = {index: model.display(name) for name, index in model.graph.names.items()}
    for frozen, text in paths_left_out(model, ahead, sources, limits):
        yield Mistake({(n.index, place): NOTHING for n in frozen for place in range(len(n.arguments))}, text)
    places = [
        (node, place)
        for node in reversed(model.graph.nodes)
        for place, argument in enumerate(node.arguments)
        if reached[node.index] and ahead[argument]
    ]
    yield from _in_rules(model, names, tape, places)
    for slips, text in starts_at_steps(model, ahead):
        yield Mistake(slips, text)
    if tape.block_count <= 1:
        exchanged = _of_exchanged_values(model, ExchangedValues(tape, names), places)
        yield from islice(exchanged, limits.most_exchange_nodes // len(model.graph.nodes))


def _of_exchanged_values(
    model: Model, exchanged: ExchangedValues, places: Sequence[tuple[Node, int]]
) -> Iterator[Mistake]:
    """One value that a rule reads taken for another."""
    for node, place in places:
        where = f"(line {model.step_around(node.index).where})"
        for slip, text in exchanged.slips(node, place, where):
            yield Mistake({(node.index, place): slip}, text)


def _in_rules(
    model: Model, names: Mapping[int, str], tape: Tape, places: Sequence[tuple[Node, int]]
) -> Iterator[Mistake]:
    """One rule done wrongly, then the same rule wherever it stands: a loop, or a function of the program."""
    users: dict[int, int] = {}
    for node in model.graph.nodes:
        for argument in set(node.arguments):
            users[argument] = users.get(argument, 0) + 1
    alike: dict[str, list[tuple[tuple[int, int], Slip, str]]] = {}
    for node, place in places:
        where = f"(line {model.step_around(node.index).where})"
        argument = node.arguments[place]
        for slip, text in slips_of_rule(model, names, node, place, where):
            yield Mistake({(node.index, place): slip}, text)
            said = text.replace(f" {where}", "")
            alike.setdefault(said.replace("'", ""), []).append(((node.index, place), slip, said))
        if users[argument] > 1 and argument in names:
            yield Mistake({(node.index, place): NOTHING}, f"forgets the path from {names[argument]} {where}")
        for slip, text in _slips_of_rows(model, node, place, tape) if tape.block_count <= 1 else ():
            yield Mistake({(node.index, place): slip}, f"{text} {where}")
    for found in alike.values():
        if len(found) > 1:
            said = " and ".join(dict.fromkeys(text for _, _, text in found))
            first = model.step_around(found[0][0][0]).where
            said = f"{said}, in all {len(found)} places (line {first})"
            yield Mistake({at: slip for at, slip, _ in found}, said)


def _slips_of_rows(model: Model, node: Node, place: int, tape: Tape) -> Iterator[tuple[Slip, str]]:
    """What needs all rows at once."""
    argument = model.graph.nodes[node.arguments[place]]
    for row, what in ((-1, "last"), (0, "first")):
        text = f"counts the {what} row only, instead of all of them"
        if node.primitive.rows == "reduce":
            yield partial(_one_row, row), text
        elif node.per_row and not argument.per_row:
            yield partial(_send_one_row, 1, row), text
        elif node.operation == "expand" and len(node.shape) > len(argument.shape):  # of a batch
            yield partial(_send_one_row, 2, row), text
    if node.primitive.product is None:
        return
    partner = model.graph.nodes[node.arguments[1 - place]]
    if partner.is_leaf or not partner.primitive.elementwise or len(partner.arguments) != 1:
        return
    if partner.operation not in _PLAIN:
        before = tape.of_node(model.graph.nodes[partner.arguments[0]])
        value = before[None] if before.ndim > len(partner.shape) else before[None, None]
        text = f"uses the argument of {partner.primitive.function} where its value belongs"
        yield partial(_other_factor, 1 - place, value), text


def slips_of_rule(
    model: Model, names: Mapping[int, str], node: Node, place: int, where: str
) -> Iterator[tuple[Slip, str]]:
    """One rule of one node done wrongly.

    Parameters
    ----------
    model : the graph
    names : of nodes that have one
    node, place : whose rule is meant, by which of its arguments
    where : the line, as it is said

    Yields
    ------
    Slip, text
    """
    record = node.primitive
    partner = _partner(model, names, node, place)
    own = f"{_rule_in_words(node, place, partner)} {where}"
    if node.operation in ("add", "sub") and not node.per_row and not node.shape:
        named = names.get(node.arguments[place])
        term = f"the term {named}" if named else _rule_in_words(node, place, partner)
        yield NOTHING, f"leaves out {term} {where}"
        for factor, times in ((2.0, "twice"), (0.5, "half")):
            yield partial(scale, factor), f"takes {times} {term} {where}"
    if node.operation in ("sub", "neg"):
        yield _NEGATIVE, f"has the wrong sign for {own}"
    for constant, text in _constants(model, node, place, where):
        yield partial(scale, constant), text
    if node.operation in _PLAIN:
        return
    if record.elementwise:
        yield _leave_out, f"leaves out {own}"
        yield _NEGATIVE, f"has the wrong sign for {own}"
    yield from slips_of_function(model, names, node, place, own, where)
    if node.operation in ("conv1d", "conv2d"):
        name, d = names.get(node.arguments[1], "the kernel"), len(node.options["layout"].kernel)
        text = f"turns {name} round" if place == 1 else f"uses {name} turned round where {name} belongs"
        yield partial(_turn, place, d), f"{text} {where}"
    if node.operation == "max_pool":
        yield partial(_to_all, node), f"sends the adjoint of max_pool to all entries of a window {where}"
    if node.operation == "avg_pool":
        count = math.prod(node.options["layout"].kernel)
        yield partial(scale, float(count)), f"misses the factor 1/{count} of avg_pool {where}"
    if node.operation in ("take", "take_pairs"):
        text = f"keeps the last of what is chosen twice, where all of it adds up {where}"
        yield partial(overwrite, node), text
    if node.operation == "softmax":
        yield _diagonal, f"takes only the diagonal p*(1 - p) of {own}"
    if node.operation in ("softmax", "log_softmax"):
        yield _leave_out, f"leaves out {own}"
        yield from slips_of_softmax(model, names, node, where)
    if record.product is not None:
        yield from _slips_of_product(model, node, place, partner, where)


def _rule_in_words(node: Node, place: int, partner: str | None) -> str:
    """What the rule of one argument is called."""
    term = f"the {'second' if place else 'first'} term"
    match node.operation:
        case "mul":
            return f"the factor {partner}" if partner else "the other factor of the product"
        case "div" if place == 0:
            return f"the division by {partner}" if partner else "the division"
        case "div":
            return "the derivative of the quotient by its divisor"
        case "pow":
            return "the derivative of the power" + (" by its exponent" if place else "")
        case "add":
            return f"{term} of the sum"
        case "sub":
            return f"{term} of the difference"
        case "neg":
            return "the minus"
    return f"the derivative of {node.primitive.function}"


def _slips_of_product(
    model: Model, node: Node, place: int, partner: str | None, where: str
) -> Iterator[tuple[Slip, str]]:
    """A factor left out, a transpose, the outer product the wrong way round."""
    own, other = (model.graph.nodes[node.arguments[k]] for k in (place, 1 - place))
    if node.shape and (node.shape, node.per_row) == (own.shape, own.per_row):
        yield _leave_out, f"leaves out {f'the factor {partner}' if partner else 'a factor'} {where}"
    if len(other.shape) == 2 and len(set(other.shape)) == 1:
        text = f"uses {partner} where {transpose_text(partner)} belongs" if partner else "misses a transpose"
        yield partial(_transpose, 1 - place), f"{text} {where}"
    if len(own.shape) == 2 and len(set(own.shape)) == 1:
        yield _reverse, f"has the outer product the wrong way round {where}"


def _partner(model: Model, names: Mapping[int, str], node: Node, place: int) -> str | None:
    """The other argument of two, where it has a name or is a number."""
    if len(node.arguments) != 2:
        return None
    other = model.graph.nodes[node.arguments[1 - place]]
    if other.operation == "transpose" and other.arguments[0] in names:
        return f"{names[other.arguments[0]]}'"
    return names.get(other.index) or (other.text or f"{other.value:g}" if other.is_literal else None)


def _constants(model: Model, node: Node, place: int, where: str) -> Iterator[tuple[float, str]]:
    """A count or an exponent that was forgotten, or counted twice."""
    if node.operation == "pow" and place == 0:
        exponent = model.graph.nodes[node.arguments[1]]
        if exponent.is_literal and exponent.value not in (0.0, 1.0):
            yield 1 / exponent.value, f"misses the factor {exponent.value:g} of the power {where}"
    counts = []
    if node.primitive.rows == "reduce":
        counts.append((float(model.rows or 1), "rows"))
    elif node.operation in ("sum", "mean"):
        argument = model.graph.nodes[node.arguments[0]]
        counts.append((argument.size / max(1, node.size), "entries"))
    for count, what in counts:
        if count > 1:
            name = node.primitive.function
            if "mean" in node.operation:
                yield count, f"takes a sum where {name} belongs {where}"
                yield 1 / count, f"divides by the {count:g} {what} once too often {where}"
            else:
                yield 1 / count, f"takes a mean where {name} belongs {where}"


def scale(factor: float, rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]) -> Array:
    """A multiple of what a rule contributes; of NOTHING, zeros.

    Parameters
    ----------
    factor : by which it is multiplied
    rule : the right one
    adjoint, value : (seeds, rows or 1, *shape) float64, of the node
    arguments : the same, of its arguments

    Returns
    -------
    float64 array of the shape of the contribution
    """
    return factor * rule(adjoint, value, arguments)


def _leave_out(rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]) -> Array:
    return adjoint + 0.0 * rule(adjoint, value, arguments)


NOTHING, _NEGATIVE = partial(scale, 0.0), partial(scale, -1.0)


def _turn(
    place: int, d: int, rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]
) -> Array:
    """A convolution in place of a correlation: the kernel, or its gradient, turned round."""
    axes = tuple(range(-d, 0))
    if place == 1:
        return np.flip(rule(adjoint, value, arguments), axes)
    return rule(adjoint, value, [arguments[0], np.flip(arguments[1], axes)])


def _to_all(node: Node, rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]) -> Array:
    layout = node.options["layout"]
    spread = adjoint.reshape(*adjoint.shape[:2], layout.batch, math.prod(layout.places), 1)
    count = math.prod(layout.kernel)
    full = np.broadcast_to(spread, (*spread.shape[:-1], count))
    return np.asarray(FLOAT64.from_windows(full, layout))


def _diagonal(rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]) -> Array:
    return np.asarray(adjoint * value * (1 - value))


def _transpose(
    other: int, rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]
) -> Array:
    turned = [a.swapaxes(-1, -2) if k == other else a for k, a in enumerate(arguments)]
    return rule(adjoint, value, turned)


def _reverse(rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]) -> Array:
    return rule(adjoint, value, arguments).swapaxes(-1, -2)


def _other_factor(
    other: int, factor: Array, rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]
) -> Array:
    return rule(adjoint, value, [factor if k == other else a for k, a in enumerate(arguments)])


def _send_one_row(
    axis: int, row: int, rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]
) -> Array:
    only = np.zeros_like(adjoint)
    place: tuple[slice | int, ...] = (*(slice(None),) * axis, row)
    only[place] = adjoint[place]
    return rule(only, value, arguments)


def _one_row(row: int, rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]) -> Array:
    whole = rule(adjoint, value, arguments)
    found = np.zeros((whole.shape[0], *arguments[0].shape[1:]))
    found[:, row] = np.broadcast_to(whole, found.shape)[:, row]
    return found
