"""Reads judged claims. Gives WHERE a chain goes wrong and WHAT is wrong with a claim, in one sentence.

An explanation is given only if it makes the claim right; else nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradcheck_cli.graph import Model
from gradcheck_cli.results import ClaimResult, Verdict

__all__ = ["diagnosed"]


def diagnosed(model: Model, results: Sequence[ClaimResult]) -> list[ClaimResult]:
    """The claims, the wrong ones with the last right link before them."""
    right = [r.by for r in results if r.verdict is Verdict.OK and r.of == model.loss]
    return [_located(model, result, right) for result in results]


def _located(model: Model, result: ClaimResult, right: Sequence[str]) -> ClaimResult:
    """`where`: the nearest step with a right claim that this claim's chain passes through."""
    if result.verdict is not Verdict.WRONG or result.of != model.loss:
        return result
    name = result.by.split("[")[0]
    reached = model.graph.downstream([model.node(name).index])
    later = [
        step for step in right
        if step in model.steps and step != name and reached[model.steps[step].node]
    ]  # fmt: skip
    if not later:
        return result
    return replace(result, where=min(later, key=lambda step: model.steps[step].node))
