"""Reads judged claims. Gives how WRONG numbers relate to the truth and to one another, in sentences.

A formula is tried at many points; a number is one value, so less can be told: its sign, a constant, a
factor that stands in the model, another parameter's derivative. Several numbers that are off by one factor
share one mistake, and the step that they pass through says where it is. Nothing is said of numbers with
so few digits that it could be chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from gradcheck_cli.evaluation.tape import Tape, forward_pass
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.numerics.limits.evaluation import EvaluationLimits
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict
from gradcheck_cli.verdicts.claims.numbers import digits_given
from gradcheck_cli.verdicts.diagnosis.chain_rule_slips import CONSTANTS, counts

__all__ = ["relate_numbers"]


def relate_numbers(
    model: Model, results: Sequence[ClaimResult], limits: DiagnosisLimits, evaluation: EvaluationLimits, *,
    where: bool, what: bool,
) -> list[ClaimResult]:
    """The results; WRONG numbers with `where` they go wrong together, and `what` they are instead."""
    found = list(results)
    for place, result in enumerate(results):
        if result.by not in (*model.inputs, *model.steps):
            continue
        if what and _is_zero(result):
            said = f"is 0: every path from {model.display(result.by)} is left out"
            found[place] = replace(result, diagnosis=said)
        if not _factor(result, limits):
            continue
        group = [r for r in results if r is not result and r.of == result.of and _alike(r, result, limits)]
        first = _nearer(model, result, group)
        if where and first is not None:
            said = f"off by the same factor as {first.display} (line {first.line}), which it passes through"
            found[place] = replace(result, where=None, note=said, inherited=0)
        elif where and group and result.by in model.inputs:
            found[place] = replace(result, note=_meeting(model, [result, *group], results))
        if what and first is None:
            instead = _instead(model, result, results, limits, evaluation)
            found[place] = replace(found[place], diagnosis=instead)
    return found


def _is_zero(result: ClaimResult) -> bool:
    """Whether 0 is claimed of a single number that is not 0."""
    is_number = result.verdict is Verdict.WRONG and result.kind == "number" and result.total == 1
    return is_number and result.claimed == 0 and result.left is None


def _factor(result: ClaimResult, limits: DiagnosisLimits) -> float | None:
    """Claimed over true, of a single number that is WRONG."""
    if result.verdict is not Verdict.WRONG or result.kind != "number" or result.total != 1:
        return None
    if result.claimed is None or not result.true or digits_given(result.formula) < limits.fewest_digits:
        return None
    return result.claimed / result.true


def _tolerance(limits: DiagnosisLimits, *results: ClaimResult) -> float:
    """Relative: what the digits written leave open."""
    return sum(10.0 ** (1 - digits_given(r.formula)) for r in results) + limits.number_rounding


def _alike(one: ClaimResult, other: ClaimResult, limits: DiagnosisLimits) -> bool:
    """Whether both are off by one factor, as far as their digits tell."""
    a, b = _factor(one, limits), _factor(other, limits)
    if a is None or b is None or not (a and b):
        return False
    return abs(a - b) <= _tolerance(limits, one, other) * abs(a) < limits.clear_factor * abs(a - 1)


def _nearer(model: Model, result: ClaimResult, group: Sequence[ClaimResult]) -> ClaimResult | None:
    """The one nearest to the loss that the number passes through: then it needs no mistake of its own."""
    below = model.graph.downstream([model.node(result.by).index])
    passed = [r for r in group if r.by in model.steps and r.by != result.by and below[model.steps[r.by].node]]
    return max(passed, key=lambda r: model.steps[r.by].node, default=None)


def _meeting(model: Model, wrong: Sequence[ClaimResult], results: Sequence[ClaimResult]) -> str | None:
    """The step nearest to the parameters that all of the wrong ones pass through, and no right one."""
    names = {r.by for r in wrong}
    right = {r.by for r in results if r.verdict is Verdict.OK and r.of == wrong[0].of}
    given = {name: model.node(name).index for name in names | right if name in model.inputs}
    for step in sorted(model.steps.values(), key=lambda s: s.node):
        above = model.graph.upstream([step.node])
        if step.name != model.loss and {name for name, index in given.items() if above[index]} == names:
            listed = [r.by for r in sorted(wrong, key=lambda r: r.line)]
            several = f"{', '.join(listed[:-1])} and {listed[-1]}"
            those = several if len(listed) < 7 else f"{len(listed)} numbers"
            display = f"d {wrong[0].of}/d {step.display}"
            return f"{those} are off by one factor, and all pass through {display} (line {step.where})"
    return None


def _instead(
    model: Model, result: ClaimResult, results: Sequence[ClaimResult], limits: DiagnosisLimits,
    evaluation: EvaluationLimits,
) -> str | None:
    """What the number is, in place of the derivative."""
    factor, tolerance = _factor(result, limits), _tolerance(limits, result)
    if factor is None:
        return None
    for value, text in _explanations(forward_pass(model, limits=evaluation), limits):
        if abs(factor - value) <= tolerance * abs(value):
            return text
    for other in results:
        if other.of != result.of or other.by == result.by or not other.true or result.claimed is None:
            continue
        if abs(result.claimed - other.true) <= tolerance * abs(other.true):
            return f"is {other.display}"
    return None


def _explanations(tape: Tape, limits: DiagnosisLimits) -> Iterator[tuple[float, str]]:
    """Factors by which a number may be off, and what is said of them."""
    model = tape.model
    yield -1.0, "has the wrong sign"
    for value, text in (*counts(model), *CONSTANTS):
        yield value, f"is {text} times the true value"
    for name in (*model.inputs, *model.steps):
        node = model.node(name)
        if node.shape or node.per_row or name == model.loss:
            continue
        value = float(np.asarray(tape.value(name)))
        if value and np.isfinite(value) and abs(abs(value) - 1) > limits.number_rounding:
            yield 1 / value, f"misses the factor {model.display(name)}"
            yield value, f"has the factor {model.display(name)} once too often"
