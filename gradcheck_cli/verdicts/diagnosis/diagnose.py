"""Reads judged claims with their evidence. Gives WHERE a chain goes wrong and WHAT is wrong.

An explanation is tried at every point and given only if it makes the claim right at all of them, entry
by entry; else nothing is said. Knows nothing of how truth was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np

from gradcheck_cli.evaluation.evaluate import evaluate
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.model.graph import Derivative, Graph, Node
from gradcheck_cli.model.model import Claim, Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.results import index_patterns
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict
from gradcheck_cli.verdicts.claims.claim_samples import Evidence
from gradcheck_cli.verdicts.claims.context import name_of
from gradcheck_cli.verdicts.claims.judge_claims import Judged
from gradcheck_cli.verdicts.diagnosis.backward_pass_mistakes import mistake, mistake_in, mistake_of
from gradcheck_cli.verdicts.diagnosis.chain_position import (
    after,
    followers,
    inherited,
    mentions,
    position_in_chain,
)
from gradcheck_cli.verdicts.diagnosis.chain_rule import chain_at, links_between
from gradcheck_cli.verdicts.diagnosis.chain_rule_slips import CONSTANTS, SIGNED, Observed, counts, wrong_link
from gradcheck_cli.verdicts.diagnosis.elementwise_steps import scalar_slope
from gradcheck_cli.verdicts.diagnosis.entry_tests import SAME, explains, is_moved, misses, repeats
from gradcheck_cli.verdicts.diagnosis.formula_edits import undone
from gradcheck_cli.verdicts.diagnosis.number_ratios import numbers_together

__all__ = ["diagnosed"]

_NEAR = 1e-6  # of the largest entry: what is farther off in float64 is not tried at high precision
_MOST_TRIED, _MOST_ENTRIES = 400, 30_000_000  # formulas, and entries computed in all of them


def diagnosed(
    model: Model, claims: Sequence[Claim], court: Judged, *, where: bool = True, what: bool = True
) -> list[ClaimResult]:
    """The claims, the wrong ones with how many others build on them, and with `where` and `what`."""
    right = [r.by for r in court.results if r.verdict is Verdict.OK and r.of == model.loss]
    found = []
    for claim, result, evidence in zip(claims, court.results, court.evidence, strict=True):
        if result.verdict is Verdict.WRONG:
            carried = result.carried is not None
            result = replace(result, note=result.note or followers(claims, claim, shown=carried))
            if where:
                result = replace(
                    result, where=position_in_chain(model, result, right), inherited=inherited(model, result)
                )
                result = after(model, result, court.results)
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


def _what(
    model: Model, claim: Claim, result: ClaimResult, evidence: Sequence[Evidence]
) -> str | None:
    """The first explanation that makes the claim right at every point."""
    if explains(evidence, lambda e: -e.claimed):
        return "has the wrong sign" + _sign_from(model, result.by)
    for value, text in (*counts(model), *CONSTANTS, *_lengths(model)):
        if repeats(evidence, partial(_constant, value)):
            return f"is {text} times the true value"
    for node, text in _factors(model):
        if misses(evidence, partial(_value, node)):
            return f"misses the factor {text}"
        if repeats(evidence, partial(_value, node)):
            return f"has the factor {text} once too often"
    said = scalar_slope(model, evidence)
    if said:
        return said
    return (
        is_moved(evidence)
        or _slip(model, claim, evidence)
        or _zeros(model, result, evidence)
        or _another(model, claim, evidence)
        or _link(model, claim, evidence)
        or (mistake_in(model, claim, evidence) if claim.numbers is None else None)
    )


def _constant(value: float, evidence: Evidence) -> float:
    return value


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
    if index_patterns.picture(missing, per_row=per_row):
        return None
    if not explains(evidence, lambda e: np.where(missing, e.true, e.claimed)):
        return None
    said = index_patterns.words(missing, name_of(model, result), per_row=per_row)
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
        if explains(evidence, partial(_instead, other)):
            return f"is d {model.display(other.of)}/d {model.display(name)}"
    return None


def _instead(other: Derivative, evidence: Evidence) -> Array:
    """The truth where the claim is another derivative, else nothing that could be right."""
    found = evidence.leaf(other)
    value = found[0] if evidence.per_row else found[0, 0, ...]
    same = np.abs(value - evidence.claimed) <= np.maximum(SAME * np.abs(value), evidence.room)
    return evidence.true if same.all() else np.asarray(np.nan)


def _link(model: Model, claim: Claim, evidence: Sequence[Evidence]) -> str | None:
    """The link of the chain that was derived wrongly."""
    of, by = claim.target.of, claim.target.by
    stops = [key.by for key in mentions(claim) if key.of == of]
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
