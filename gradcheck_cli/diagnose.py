"""Reads judged claims with their evidence. Gives WHERE a chain goes wrong and WHAT is wrong.

An explanation is tried at every point and given only if it makes the claim right at all of them, entry
by entry; else nothing is said. Knows nothing of how truth was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np

from gradcheck_cli import backprop, formulas, patterns
from gradcheck_cli.claims import Judged
from gradcheck_cli.claims.court import name_of
from gradcheck_cli.claims.evidence import Evidence
from gradcheck_cli.forward import evaluate, forward_pass, trace
from gradcheck_cli.graph import Array, Builder, Claim, Derivative, Graph, Misfit, Model, Node, Step
from gradcheck_cli.hypotheses import CONSTANTS, SIGNED, Observed, counts, wrong_link
from gradcheck_cli.links import chain_at, links_between
from gradcheck_cli.namespaces import FLOAT64
from gradcheck_cli.relations import numbers_together
from gradcheck_cli.results import ClaimResult, Verdict
from gradcheck_cli.substitutions import undone
from gradcheck_cli.wrongrule import mistake, mistake_in, mistake_of

__all__ = ["diagnosed"]

_SAME = 1e-12  # evidence is float64 of numbers known to 50 digits
_NEAR = 1e-6  # of the largest entry: what is farther off in float64 is not tried at high precision
_MOST_TRIED, _MOST_ENTRIES = 400, 30_000_000  # formulas, and entries computed in all of them
_MOST_SLOPES, _MOST_NODES = 200, 30  # steps, and nodes in one
_FEWEST_MOVED = 3  # places along an axis: two that are exchanged are in reverse, and off by one
Factor = Callable[[Evidence], Array | float]


def diagnosed(
    model: Model, claims: Sequence[Claim], court: Judged, *, where: bool = True, what: bool = True
) -> list[ClaimResult]:
    """The claims, the wrong ones with how many others build on them, and with `where` and `what`."""
    right = [r.by for r in court.results if r.verdict is Verdict.OK and r.of == model.loss]
    found = []
    for claim, result, evidence in zip(claims, court.results, court.evidence, strict=True):
        if result.verdict is Verdict.WRONG:
            carried = result.carried is not None
            result = replace(result, note=result.note or _followers(claims, claim, shown=carried))
            if where:
                result = replace(
                    result, where=_where(model, result, right), inherited=_inherited(model, result)
                )
                result = _after(model, result, court.results)
            if what and evidence:
                first = evidence[0]
                result = replace(result, diagnosis=_what(first.model, first.claim, result, evidence))
        found.append(result)
    found = numbers_together(model, found, where=where, what=what)
    return _by_one_mistake(model, claims, found) if what else found


def _by_one_mistake(
    model: Model, claims: Sequence[Claim], results: Sequence[ClaimResult]
) -> list[ClaimResult]:
    """WRONG numbers that nothing is said of yet, with the one mistake that makes all numbers; where there is
    none, with one that makes these, or each."""
    silent = [
        r.verdict is Verdict.WRONG and r.kind == "number" and not (r.diagnosis or r.note) and r.left is None
        for r in results
    ]
    text = mistake(model, claims, results) if any(silent) else None
    some = [claim for claim, is_silent in zip(claims, silent, strict=True) if is_silent]
    if text is None and len(some) > 1:
        shared = mistake_of(model, some)
        text = shared and f"{shared}, in these {len(some)} alone"
    found = []
    for claim, result, is_silent in zip(claims, results, silent, strict=True):
        own = mistake_of(model, [claim], len(some)) if is_silent and text is None else None
        said = f"{own}, here alone" if own else text
        found.append(replace(result, diagnosis=said) if is_silent else result)
    return found


def _inherited(model: Model, result: ClaimResult) -> int:
    """How many parameters the step is computed from: their gradients pass through this derivative."""
    if result.by not in model.steps or result.of != model.loss:
        return 0
    above = model.graph.upstream([model.node(result.by).index])
    return sum(bool(above[model.node(p.name).index]) for p in model.parameters())


def _followers(claims: Sequence[Claim], wrong: Claim, *, shown: bool) -> str | None:
    """How many claims build on a wrong one: their right sides mention it, directly or not."""
    carried, count = {wrong.target}, 0
    for claim in claims:
        if claim is not wrong and claim.target not in carried and _mentions(claim) & carried:
            carried.add(claim.target)
            count += 1
    if not count:
        return None
    many = f"{count} claims that build on this one were" if count > 1 else "claim that builds on it was"
    return f"the {many} judged with its true value" + ("" if shown else "; --carry shows yours")


def _mentions(claim: Claim) -> set[Derivative]:
    formula = next(iter(claim.formulas.values()))
    if isinstance(formula, Misfit):
        return set()
    return {node.key for node in formula.nodes if isinstance(node.key, Derivative)}


def _where(model: Model, result: ClaimResult, right: Sequence[str]) -> str | None:
    """The nearest step with a right claim that this claim's chain passes through."""
    name = result.by.split("[")[0]
    if result.of != model.loss:
        return None
    reached = model.graph.downstream([model.node(name).index])
    steps = [model.steps[step] for step in right if step in model.steps and step != name]
    later = [step for step in steps if reached[step.node]]
    return min(later, key=lambda step: step.node).name if later else None


def _after(model: Model, result: ClaimResult, results: Sequence[ClaimResult]) -> ClaimResult:
    """A wrong number passes through wrong ones nearer to the loss, and may be wrong because of them; a
    formula is filled with what is true, and stands for itself."""
    if result.kind != "number" or result.of != model.loss:
        return result
    below = model.graph.downstream([model.node(result.by.split("[")[0]).index])
    nearer = [
        r for r in results
        if r.verdict is Verdict.WRONG and r.kind == "number" and r.of == result.of and r.by != result.by
        and r.by in model.steps and below[model.steps[r.by].node]
    ]  # fmt: skip
    if not nearer:
        return result
    first = max(nearer, key=lambda r: model.steps[r.by].node)
    said = f"passes through {first.display} (line {first.line}), which is wrong already"
    return replace(result, where=None, inherited=0, note=result.note or said)


def _what(
    model: Model, claim: Claim, result: ClaimResult, evidence: Sequence[Evidence]
) -> str | None:
    """The first explanation that makes the claim right at every point."""
    if _explains(evidence, lambda e: -e.claimed):
        return "has the wrong sign" + _sign_from(model, result.by)
    for value, text in (*counts(model), *CONSTANTS, *_lengths(model)):
        if _repeats(evidence, partial(_constant, value)):
            return f"is {text} times the true value"
    for node, text in _factors(model):
        if _misses(evidence, partial(_value, node)):
            return f"misses the factor {text}"
        if _repeats(evidence, partial(_value, node)):
            return f"has the factor {text} once too often"
    said = _slope(model, evidence)
    if said:
        return said
    return (
        _moved(evidence)
        or _slip(model, claim, evidence)
        or _zeros(model, result, evidence)
        or _another(model, claim, evidence)
        or _link(model, claim, evidence)
        or (mistake_in(model, claim, evidence) if claim.numbers is None else None)
    )


def _explains(evidence: Sequence[Evidence], repair: Callable[[Evidence], Array | float]) -> bool:
    with np.errstate(all="ignore"):
        return _is_telling(evidence) and all(_equal(repair(e), e.true, e) for e in evidence)


def _is_telling(evidence: Sequence[Evidence]) -> bool:
    """Whether the truth is not 0 at two points at least: of zeros everything is a factor."""
    return sum(bool(np.any(np.abs(e.true) > e.room)) for e in evidence) >= min(2, len(evidence))


def _misses(evidence: Sequence[Evidence], factor: Factor) -> bool:
    return _explains(evidence, lambda e: e.claimed * factor(e))


def _repeats(evidence: Sequence[Evidence], factor: Factor) -> bool:
    with np.errstate(all="ignore"):  # a factor may be 0 at some point, and the claim with it
        return _is_telling(evidence) and all(_equal(e.true * factor(e), e.claimed, e) for e in evidence)


def _moved(evidence: Sequence[Evidence]) -> str | None:
    """The right entries in other places: transposed, in reverse, off by one, in the order of columns."""
    shape = evidence[0].claimed.shape
    inner = range(int(evidence[0].per_row), len(shape))
    if len(inner) > 1:
        if _explains(evidence, lambda e: np.swapaxes(e.claimed, -1, -2)):
            return "is transposed"
        if _explains(evidence, lambda e: e.claimed.reshape(-1).reshape(shape, order="F")):
            return "has its entries column by column, not row by row"
    for axis in range(len(shape)):
        what = "row" if axis < evidence[0].per_row else ("entry", "row")[len(inner) > 1]
        what = "column" if axis == len(shape) - 1 and len(inner) > 1 else what
        if shape[axis] < _FEWEST_MOVED:
            continue
        if _explains(evidence, partial(_turned, axis)):
            return f"has its {_plural(what)} in reverse"
        for step in (1, -1):
            if _explains(evidence, partial(_shifted, axis, step)):
                to = "after" if step == -1 else "before"
                return f"is off by one {what}: has in each place the value of the one {to}"
    return None


def _turned(axis: int, evidence: Evidence) -> Array:
    return np.flip(evidence.claimed, axis)


def _shifted(axis: int, step: int, evidence: Evidence) -> Array:
    """The entries moved by one place, and what has no place left taken as right."""
    found = np.roll(evidence.claimed, -step, axis)
    outer = [slice(None)] * found.ndim
    outer[axis] = slice(-1, None) if step == 1 else slice(0, 1)
    found[tuple(outer)] = evidence.true[tuple(outer)]
    return found


def _plural(what: str) -> str:
    return "entries" if what == "entry" else f"{what}s"


def _constant(value: float, evidence: Evidence) -> float:
    return value


def _equal(made: Array | float, wanted: Array, evidence: Evidence) -> bool:
    if np.ndim(made) and np.shape(made) != np.shape(wanted):
        return False
    close = np.abs(made - wanted) <= np.maximum(_SAME * np.abs(wanted), evidence.room)
    return bool(np.all(close))


def _lengths(model: Model) -> Iterator[tuple[float, str]]:
    """The lengths of axes and their inverses: the examples of a batch that is declared as one matrix."""
    known: dict[int, str] = {}
    for item in model.inputs.values():
        for axis, length in enumerate(item.shape):
            known.setdefault(length, f"axis {axis} of {item.display}" if item.shape[1:] else item.display)
    for length, display in known.items():
        if length > 1:
            yield float(length), f"{length:,} (the length of {display})"
            yield 1.0 / length, f"1/{length:,} (one over the length of {display})"


def _factors(model: Model) -> Iterator[tuple[Node, str]]:
    """Values that a derivation may drop or repeat: inputs and steps, by name."""
    for item in model.inputs.values():
        yield model.node(item.name), item.display
    for step in model.steps.values():
        yield model.node(step.name), f"{step.display} (line {step.line})"


def _value(node: Node, evidence: Evidence) -> Array:
    """A name's values as a factor: of the claim's shape, or one number for all, or for each row."""
    inner = evidence.claimed.shape[evidence.per_row :]
    if node.shape not in ((), inner) or (node.per_row and not evidence.per_row):
        return np.asarray(np.nan)
    value = np.asarray(evidence.values.of_node(node), dtype=object).astype(np.float64)
    return value.reshape(value.shape + (1,) * (len(inner) - len(node.shape)))


# ---------------------------------------------------------------------------------------------
# The derivative of an elementwise step
# ---------------------------------------------------------------------------------------------


def _slope(model: Model, evidence: Sequence[Evidence]) -> str | None:
    """The derivative of one elementwise step by one name, left out or taken twice."""
    inner = evidence[0].claimed.shape[evidence[0].per_row :]
    found = (pair for pair in _elementwise(model) if pair[1].nodes[pair[1].output].shape == inner)
    for step, graph, by in islice(found, _MOST_SLOPES):
        if _misses(evidence, partial(_slopes, graph, by)):
            return f"misses the factor {_in_words(model, step, by)}"
        if _repeats(evidence, partial(_slopes, graph, by)):
            return f"has the factor {_in_words(model, step, by)}: once too often"
    return None


def _elementwise(model: Model) -> Iterator[tuple[Step, Graph, str]]:
    """Steps that act entry by entry, as formulas of the names they mention, with each of these."""
    for step in model.steps.values():
        graph = _alone(model, step)
        if graph is None:
            continue
        shape = graph.nodes[graph.output].shape
        for name, index in graph.names.items():
            if graph.nodes[index].shape == shape and len(graph.nodes) > 1:
                yield step, graph, name


def _acts(node: Node) -> bool:
    return node.primitive.elementwise or node.operation == "expand"


def _alone(model: Model, step: Step) -> Graph | None:
    """A step's own formula: other names are leaves. None if it is a name, or no short formula."""
    named = {index: name for name, index in model.graph.names.items()}
    order, todo = set[int](), [step.node]
    while todo:
        index = todo.pop()
        if index not in order:
            order.add(index)
            if index == step.node or index not in named:
                todo.extend(model.graph.nodes[index].arguments)
        if len(order) > _MOST_NODES:
            return None
    builder, new = Builder(rows_apart=False), dict[int, int]()
    for node in (model.graph.nodes[i] for i in sorted(order)):
        if node.index in named and node.index != step.node:
            key = named[node.index]
            new[node.index] = builder.leaf(key, node.shape, per_row=node.per_row)
        elif node.is_leaf or not (node.is_literal or _acts(node)):
            return None
        else:
            new[node.index] = builder.copy(node, [new[a] for a in node.arguments])
    return builder.graph(new[step.node])


def _slopes(graph: Graph, by: str, evidence: Evidence) -> Array:
    """d step/d name entry by entry, by backprop of that one step."""
    leaves = {n.key: evidence.leaf(n.key) for n in graph.nodes if n.is_leaf}
    values = trace(graph, leaves, FLOAT64, graph.output)
    found = backprop.slopes(graph, values, graph.output, graph.names[by])
    per_row = graph.nodes[graph.output].per_row
    if per_row and not evidence.per_row:
        return np.asarray(np.nan)
    return np.asarray(found[0] if per_row else found[0, 0, ...])


def _in_words(model: Model, step: Step, by: str) -> str:
    """ "(f3 > 0), the derivative of relu in line 17"."""
    node = model.graph.nodes[step.node]
    single = node.arguments == (model.node(by).index,) and not node.primitive.infix
    title = f"d {step.display}/d {model.display(by)}"
    what = f"the derivative of {node.primitive.function}" if single else title
    text = formulas.partial_text(model, step.name, by)
    return f"{text}, {what} in line {step.line}" if text else f"{title} of line {step.line}"


# ---------------------------------------------------------------------------------------------
# Slips in the formula, and what is 0
# ---------------------------------------------------------------------------------------------


def _slip(model: Model, claim: Claim, evidence: Sequence[Evidence]) -> str | None:
    """One exchange in the formula that makes it right everywhere."""
    first = evidence[0]
    if not any(np.any(np.abs(e.true) > e.room) for e in evidence):
        return None
    rows = model.rows or 1
    size = sum(n.size * (rows if n.per_row else 1) for n in first.formula.nodes)
    most = min(_MOST_TRIED, _MOST_ENTRIES // max(size, 1))
    for slip in islice(undone(model, first.formula, claim.target), most):
        if _near(first, slip.graph) and all(e.accepts(slip.graph) for e in evidence):
            return slip.text
    return None


def _near(evidence: Evidence, graph: Graph) -> bool:
    leaves = {n.key: evidence.leaf(n.key) for n in graph.nodes if n.is_leaf}
    value = evaluate(graph, leaves, FLOAT64)
    value = value[0] if evidence.per_row else value[0, 0, ...]
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(value - evidence.true) <= _NEAR * np.max(np.abs(evidence.true))))


def _zeros(model: Model, result: ClaimResult, evidence: Sequence[Evidence]) -> str | None:
    """Entries that are 0 in the claim everywhere, where all others are right."""
    zero = np.logical_and.reduce([e.claimed == 0 for e in evidence])
    missing = zero & np.logical_or.reduce([e.true != 0 for e in evidence])
    if not missing.ndim or not missing.any():
        return None
    per_row = evidence[0].per_row
    if patterns.picture(missing, per_row=per_row):
        return None
    if not _explains(evidence, lambda e: np.where(missing, e.true, e.claimed)):
        return None
    said = patterns.words(missing, name_of(model, result), per_row=per_row)
    many = said.split()[0] in ("rows", "columns", "entries")
    return f"{said} {'are' if many else 'is'} 0 in yours"


# ---------------------------------------------------------------------------------------------
# Another derivative, and one link of the chain
# ---------------------------------------------------------------------------------------------


def _another(model: Model, claim: Claim, evidence: Sequence[Evidence]) -> str | None:
    """The derivative by another name that the claim is."""
    of, by = model.node(claim.target.of), model.node(claim.target.by)
    if claim.target.index is not None or of.shape:
        return None
    above = model.graph.upstream([of.index])
    for name in (*model.inputs, *model.steps):
        node = model.node(name)
        alike = (node.shape, node.per_row) == (by.shape, by.per_row)
        if node in (by, of) or not (alike and above[node.index]):
            continue
        other = Derivative(claim.target.of, name)
        if _explains(evidence, partial(_instead, other)):
            return f"is d {model.display(other.of)}/d {model.display(name)}"
    return None


def _instead(other: Derivative, evidence: Evidence) -> Array:
    """The truth where the claim is another derivative, else nothing that could be right."""
    found = evidence.leaf(other)
    value = found[0] if evidence.per_row else found[0, 0, ...]
    same = np.abs(value - evidence.claimed) <= np.maximum(_SAME * np.abs(value), evidence.room)
    return evidence.true if same.all() else np.asarray(np.nan)


def _link(model: Model, claim: Claim, evidence: Sequence[Evidence]) -> str | None:
    """The link of the chain that was derived wrongly."""
    of, by = claim.target.of, claim.target.by
    stops = [key.by for key in _mentions(claim) if key.of == of]
    links = links_between(model, of, by, stops)
    if not links:
        return None
    points = [
        Observed(
            chain_at(forward_pass(model, FLOAT64, e.values.point), of, by, links),
            np.atleast_1d(e.claimed), np.atleast_1d(e.true),
        )
        for e in evidence
    ]  # fmt: skip
    return wrong_link(model, links, points)


def _sign_from(model: Model, by: str) -> str:
    """Which function's rule brings the minus sign, where just one of them does."""
    index = model.node(by.split("[")[0]).index
    for step in model.steps.values():
        operation = model.graph.nodes[step.node].operation
        if index in model.graph.nodes[step.node].arguments and operation in SIGNED:
            return f": {SIGNED[operation]}; {operation} stands in line {step.line}"
    return ""
