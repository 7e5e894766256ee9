"""Reads wrong claims. Gives where a chain goes wrong, and which claims inherit it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradcheck_cli.model.graph import Derivative
from gradcheck_cli.model.model import Claim, Misfit, Model
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict

__all__ = [
    "attribute_to_later_step", "cited_derivatives", "count_affected_parameters", "dependents_note",
    "position_in_chain",
]  # fmt: skip


def count_affected_parameters(model: Model, result: ClaimResult) -> int:
    """How many parameters the step is computed from: their gradients pass through this derivative."""
    if result.by not in model.steps or result.of != model.loss:
        return 0
    above = model.graph.upstream([model.node(result.by).index])
    return sum(bool(above[model.node(p.name).index]) for p in model.parameters())


def dependents_note(claims: Sequence[Claim], wrong: Claim, *, shown: bool) -> str | None:
    """How many claims build on a wrong one: their right sides mention it, directly or not."""
    carried, count = {wrong.target}, 0
    for claim in claims:
        if claim is not wrong and claim.target not in carried and cited_derivatives(claim) & carried:
            carried.add(claim.target)
            count += 1
    if not count:
        return None
    many = f"{count} claims that build on this one were" if count > 1 else "claim that builds on it was"
    return f"the {many} judged with its true value" + ("" if shown else "; --carry shows yours")


def cited_derivatives(claim: Claim) -> set[Derivative]:
    """The derivatives that a claim's formula builds on."""
    formula = next(iter(claim.formulas.values()))
    if isinstance(formula, Misfit):
        return set()
    return {node.key for node in formula.nodes if isinstance(node.key, Derivative)}


def position_in_chain(model: Model, result: ClaimResult, right: Sequence[str]) -> str | None:
    """The nearest step with a right claim that this claim's chain passes through."""
    name = result.by.split("[")[0]
    if result.of != model.loss:
        return None
    reached = model.graph.downstream([model.node(name).index])
    steps = [model.steps[step] for step in right if step in model.steps and step != name]
    later = [step for step in steps if reached[step.node]]
    return min(later, key=lambda step: step.node).name if later else None


def attribute_to_later_step(model: Model, result: ClaimResult, results: Sequence[ClaimResult]) -> ClaimResult:
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
