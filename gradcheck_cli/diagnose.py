"""Reads judged claims with their evidence. Gives WHERE a chain goes wrong and WHAT is wrong.

An explanation is tried at every point and given only if it makes the claim right at all of them, entry
by entry; else nothing is said. Knows nothing of how truth was found.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from gradcheck_cli.claims import Evidence, Judged
from gradcheck_cli.graph import Array, Claim, Derivative, Misfit, Model, Node
from gradcheck_cli.results import ClaimResult, Verdict

__all__ = ["diagnosed"]

_SAME = 1e-12  # evidence is float64 of numbers known to 50 digits
_CONSTANTS = (
    (2.0, "2"), (3.0, "3"), (4.0, "4"), (0.5, "1/2"), (1 / 3, "1/3"), (0.25, "1/4"),
    (math.pi, "pi"), (2 * math.pi, "2*pi"), (math.log(10), "log(10)"), (1 / math.log(10), "1/log(10)"),
    (math.log(2), "log(2)"), (1 / math.log(2), "1/log(2)"), (-2.0, "-2"), (-0.5, "-1/2"),
)  # fmt: skip
# what differentiates to its negative partner: the usual place of a lost sign
_SIGNED = {"cos": "d cos(z)/dz = -sin(z)", "acos": "d acos(z)/dz = -1/sqrt(1 - z^2)"}


def diagnosed(model: Model, claims: Sequence[Claim], court: Judged) -> list[ClaimResult]:
    """The claims, the wrong ones with where, what, and how many others build on them."""
    right = [r.by for r in court.results if r.verdict is Verdict.OK and r.of == model.loss]
    found = []
    for claim, result, evidence in zip(claims, court.results, court.evidence, strict=True):
        if result.verdict is Verdict.WRONG:
            what = _what(model, result, evidence) if evidence else None
            note = result.note or _followers(claims, claim)
            where = _where(model, result, right)
            result = replace(result, diagnosis=what, where=where, note=note)
        found.append(result)
    return found


def _followers(claims: Sequence[Claim], wrong: Claim) -> str | None:
    """How many claims build on a wrong one: their right sides mention it, directly or not."""
    carried, count = {wrong.target}, 0
    for claim in claims:
        if claim is not wrong and claim.target not in carried and _mentions(claim) & carried:
            carried.add(claim.target)
            count += 1
    if not count:
        return None
    many = f"{count} claims that build on this one were" if count > 1 else "claim that builds on it was"
    return f"the {many} judged with its true value; --carry shows yours"


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


def _what(model: Model, result: ClaimResult, evidence: Sequence[Evidence]) -> str | None:
    """The first explanation that makes the claim right at every point."""
    if _explains(evidence, lambda e: -e.claimed):
        return "has the wrong sign" + _sign_from(model, result.by)
    for value, text in (*_counts(model), *_CONSTANTS):
        if _explains(evidence, lambda e, value=value: e.claimed / value):
            return f"is {text} times the true value"
    for node, text in _factors(model):
        if _explains(evidence, lambda e, node=node: e.claimed * _value(e, node)):
            return f"misses the factor {text}"
        if _explains(evidence, lambda e, node=node: e.claimed / _value(e, node)):
            return f"has the factor {text} once too often"
    if _explains(evidence, lambda e: np.swapaxes(e.claimed, -1, -2) if e.claimed.ndim > 1 else np.nan):
        return "is transposed"
    return None


def _explains(evidence: Sequence[Evidence], repair: object) -> bool:
    with np.errstate(all="ignore"):
        return all(_equal(repair(e), e.true) for e in evidence)  # type: ignore[operator]


def _equal(repaired: Array, true: Array) -> bool:
    if np.ndim(repaired) and np.shape(repaired) != np.shape(true):
        return False
    close = np.abs(repaired - true) <= _SAME * np.abs(true)
    return bool(np.all(close) and np.any(true != 0))


def _counts(model: Model) -> Iterator[tuple[float, str]]:
    """The number of rows and its inverse: sum for mean, or the reverse."""
    if model.rows and model.rows > 1:
        yield float(model.rows), f"{model.rows} (the number of rows)"
        yield 1.0 / model.rows, f"1/{model.rows} (one over the number of rows)"


def _factors(model: Model) -> Iterator[tuple[Node, str]]:
    """Values that a derivation may drop or repeat: inputs and steps, by name."""
    for item in model.inputs.values():
        yield model.node(item.name), item.display
    for step in model.steps.values():
        if step.name != model.loss:
            yield model.node(step.name), f"{step.display} (line {step.line})"


def _value(evidence: Evidence, node: Node) -> Array:
    value = np.asarray(evidence.values.of_node(node), dtype=object).astype(np.float64)
    return value if value.shape in ((), evidence.claimed.shape) else np.asarray(np.nan)


def _sign_from(model: Model, by: str) -> str:
    """Which function's rule brings the minus sign, where just one of them does."""
    index = model.node(by.split("[")[0]).index
    for step in model.steps.values():
        operation = model.graph.nodes[step.node].operation
        if index in model.graph.nodes[step.node].arguments and operation in _SIGNED:
            return f": {_SIGNED[operation]}; {operation} stands in line {step.line}"
    return ""
