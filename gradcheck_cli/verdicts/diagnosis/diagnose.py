"""Reads judged claims with their claim samples. Gives WHERE a chain goes wrong and WHAT is wrong.

An explanation is tried at every point and given only if it makes the claim right at all of them, entry
by entry; else nothing is said. Knows nothing of how truth was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations, islice
from math import prod

import numpy as np

from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.model.graph import Derivative, Graph, Node
from gradcheck_cli.model.model import Claim, Misfit, Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.numerics.limits.evaluation import EVALUATION, EvaluationLimits
from gradcheck_cli.results import index_patterns
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict
from gradcheck_cli.verdicts.claims.claim_samples import ClaimSample
from gradcheck_cli.verdicts.claims.context import name_of
from gradcheck_cli.verdicts.claims.judge_claims import Judged
from gradcheck_cli.verdicts.diagnosis.backward_pass_mistakes import (
    find_edit_of_truth,
    find_mistake,
    find_mistake_in_formula,
    find_mistake_in_some,
)
from gradcheck_cli.verdicts.diagnosis.chain_position import (
    attribute_to_later_step,
    cited_derivatives,
    count_affected_parameters,
    dependents_note,
    position_in_chain,
)
from gradcheck_cli.verdicts.diagnosis.chain_rule import chain_at, edges_between
from gradcheck_cli.verdicts.diagnosis.chain_rule_slips import (
    CONSTANTS,
    SIGNED,
    Observation,
    counts,
    explain_by_edge,
)
from gradcheck_cli.verdicts.diagnosis.constant_ratio import describe_constant_ratio
from gradcheck_cli.verdicts.diagnosis.elementwise_steps import explain_by_elementwise_step
from gradcheck_cli.verdicts.diagnosis.entry_tests import (
    describe_permutation,
    is_repaired_by,
    misses_factor,
    repeats_factor,
)
from gradcheck_cli.verdicts.diagnosis.explain_single_edit import SingleEdits, is_near
from gradcheck_cli.verdicts.diagnosis.formula_edits import FormulaEdit, exchange_names, undo_edits
from gradcheck_cli.verdicts.diagnosis.idle_parts import count_constant_parts, values_of
from gradcheck_cli.verdicts.diagnosis.number_ratios import relate_numbers
from gradcheck_cli.verdicts.diagnosis.wrong_entries import describe_wrong_entries

__all__ = ["diagnose_claims", "explain_by_edit"]

DIAGNOSIS = DiagnosisLimits()


def diagnose_claims(
    model: Model, claims: Sequence[Claim], judged: Judged, *, where: bool = True, what: bool = True,
    limits: DiagnosisLimits = DIAGNOSIS, evaluation: EvaluationLimits = EVALUATION,
) -> list[ClaimResult]:
    """The claims, the wrong ones with how many others build on them, and with `where` and `what`."""
    right = [r.by for r in judged.results if r.verdict is Verdict.OK and r.of == model.loss]
    found = []
    for claim, result, samples in zip(claims, judged.results, judged.samples, strict=True):
        if result.verdict is Verdict.WRONG:
            carried = result.carried is not None
            result = replace(result, note=result.note or dependents_note(claims, claim, shown=carried))
            if where:
                result = replace(
                    result,
                    where=position_in_chain(model, result, right),
                    inherited=count_affected_parameters(model, result),
                )
                result = attribute_to_later_step(model, result, judged.results)
            misfit = claim.formulas[judged.layout] if claim.formulas else None
            if isinstance(misfit, Misfit):
                result = _with_shapes(model, claim, judged.layout, result, samples, what, limits)
            elif what and not all(s.accepts(s.formula) for s in samples):  # else wrong beside others alone
                first = samples[0]
                said = _explain(first.model, first.claim, result, samples, limits, evaluation)
                result = replace(result, diagnosis=said)
        found.append(result)
    found = relate_numbers(model, found, limits, evaluation, where=where, what=what)
    if what:
        found = _by_one_mistake(model, claims, found, limits, evaluation)
        found = [_by_ratio(r, samples, limits) for r, samples in zip(found, judged.samples, strict=True)]
    return [replace(r, note=r.reading or None) if _is_silent(r) else r for r in found]


def _with_shapes(
    model: Model, claim: Claim, layout: str, result: ClaimResult, samples: Sequence[ClaimSample], what: bool,
    limits: DiagnosisLimits,
) -> ClaimResult:
    """A claim that cannot be built, with what would fit if `what` is asked for."""
    from gradcheck_cli.verdicts.diagnosis.misfits import explain_misfit, without_advice

    misfit = claim.formulas[layout]
    if not what and isinstance(misfit, Misfit):
        return without_advice(result, misfit)
    if claim.numbers is not None:
        return result
    return explain_misfit(model, claim, layout, result, samples, partial(_is_right, limits), limits)


def _is_right(limits: DiagnosisLimits, samples: Sequence[ClaimSample], graph: Graph) -> bool:
    """Whether a formula is right at all points; the first is tried in float64 before."""
    return _near(samples[0], graph, limits) and all(e.accepts(graph) for e in samples)


def _by_one_mistake(
    model: Model, claims: Sequence[Claim], results: Sequence[ClaimResult], limits: DiagnosisLimits,
    evaluation: EvaluationLimits,
) -> list[ClaimResult]:
    """WRONG numbers that nothing is said of yet, with the one mistake that makes all numbers; where there is
    none, with one that makes these, or each."""
    silent = [_is_silent(r) and r.kind == "number" and r.left is None for r in results]
    if not any(silent):
        return list(results)
    tape = forward_pass(model, limits=evaluation)
    text = find_mistake(tape, claims, results, limits)
    some = [claim for claim, is_silent in zip(claims, silent, strict=True) if is_silent]
    if text is None and len(some) > 1:
        shared = find_mistake_in_some(tape, some, limits)
        text = shared and f"{shared}, in these {len(some)} alone"
    found = []
    for claim, result, is_silent in zip(claims, results, silent, strict=True):
        if is_silent and text is None:
            own = find_mistake_in_some(tape, [claim], limits, len(some))
            said = f"{own}, here alone" if own else find_edit_of_truth(tape, claim, limits)
            found.append(replace(result, diagnosis=said))
        else:
            found.append(replace(result, diagnosis=text) if is_silent else result)
    return found


def _by_ratio(
    result: ClaimResult, samples: Sequence[ClaimSample], limits: DiagnosisLimits
) -> ClaimResult:
    """A result; numbers that nothing is said of yet with their ratio to the truth."""
    if not (samples and _is_silent(result) and result.kind == "number"):
        return result
    said = describe_constant_ratio(samples, limits, limits.clear_factor)
    return replace(result, diagnosis=said) if said else result


def _is_silent(result: ClaimResult) -> bool:
    """Whether a claim is WRONG and nothing is said of it."""
    return result.verdict is Verdict.WRONG and not (result.diagnosis or result.note)


def _explain(
    model: Model, claim: Claim, result: ClaimResult, samples: Sequence[ClaimSample],
    limits: DiagnosisLimits, evaluation: EvaluationLimits,
) -> str | None:
    """The first explanation that makes the claim right at every point."""
    if is_repaired_by(samples, lambda e: -e.claimed, limits):
        return "has the wrong sign" + _sign_from(model, result.by)
    for value, text in (*counts(model), *CONSTANTS, *_lengths(model, limits)):
        if repeats_factor(samples, partial(_constant, value), limits):
            return f"is {text} times the true value"
    for node, text in _factors(model):
        if misses_factor(samples, partial(_value, node), limits):
            return f"misses the factor {text}"
        if repeats_factor(samples, partial(_value, node), limits):
            return f"has the factor {text} once too often"
    said = explain_by_elementwise_step(model, samples, limits)
    if said:
        return said
    found = (
        describe_permutation(samples, limits)
        or explain_by_edit(model, claim, samples, limits)
        or describe_wrong_entries(name_of(model, result), samples, limits)
        or _explain_by_other_name(model, claim, samples, limits)
    )
    if found or claim.numbers is not None:
        return found or _explain_by_edge(model, claim, samples, limits, evaluation)
    edits = SingleEdits(model, samples, limits)
    return (
        edits.by_other_name()
        or _explain_by_edge(model, claim, samples, limits, evaluation)
        or edits.by_simple_edit()
        or find_mistake_in_formula(model, claim, samples, limits, evaluation)
        or describe_constant_ratio(samples, limits, limits.visible_mistake)
        or edits.by_further_edit()
        or _first_right(model, samples, exchange_names(model, samples[0].formula, limits), limits)
        or edits.by_edit_and_factor()
    )


def _constant(value: float, sample: ClaimSample) -> float:
    return value


def _lengths(model: Model, limits: DiagnosisLimits) -> Iterator[tuple[float, str]]:
    """The lengths of axes, their products and the inverses: the examples of a batch that is declared as one
    matrix, the entries over which a mean is taken."""
    known: dict[int, str] = {}
    for item in model.inputs.values():
        for axis, length in enumerate(item.shape):
            where = f"axis {axis} of {item.display}" if item.shape[1:] else item.display
            known.setdefault(length, f"the length of {where}")
    for item in model.inputs.values():
        for axes in _several_axes(len(item.shape), limits):
            number = prod(item.shape[k] for k in axes)
            along = "" if len(axes) == len(item.shape) else f"along axes {index_patterns.numbers(axes)} "
            known.setdefault(number, f"the number of entries {along}of {item.display}")
    for length, meaning in known.items():
        if length > 1:
            yield float(length), f"{length:,} ({meaning})"
            yield 1.0 / length, f"1/{length:,} (one over {meaning})"


def _several_axes(rank: int, limits: DiagnosisLimits) -> Iterator[tuple[int, ...]]:
    """All axes, and two or more of them where they are few."""
    if rank > 1:
        yield tuple(range(rank))
    for count in range(2, rank if rank <= limits.most_counted_axes else 0):
        yield from combinations(range(rank), count)


def _factors(model: Model) -> Iterator[tuple[Node, str]]:
    """Values that a derivation may drop or repeat: inputs and steps, by name."""
    for item in model.inputs.values():
        yield model.node(item.name), item.display
    for step in model.steps.values():
        yield model.node(step.name), f"{step.display} (line {step.where})"


def _value(node: Node, sample: ClaimSample) -> Array:
    """A name's values as a factor: of the claim's shape, or one number for all, or for each row."""
    inner = sample.claimed.shape[sample.per_row :]
    if node.shape not in ((), inner) or (node.per_row and not sample.per_row):
        return np.asarray(np.nan)
    value = np.asarray(sample.values.of_node(node), dtype=object).astype(np.float64)
    return value.reshape(value.shape + (1,) * (len(inner) - len(node.shape)))


# ---------------------------------------------------------------------------------------------
# Slips in the formula, and what is 0
# ---------------------------------------------------------------------------------------------


def explain_by_edit(
    model: Model, claim: Claim, samples: Sequence[ClaimSample], limits: DiagnosisLimits,
    accepts: Callable[[Graph], bool] = lambda graph: True,
) -> str | None:
    """One exchange in the formula that makes it right everywhere, among the formulas that `accepts` lets
    through."""
    first = samples[0]
    edits = undo_edits(model, first.formula, claim.target, limits)
    return _first_right(model, samples, (edit for edit in edits if accepts(edit.graph)), limits)


def _first_right(
    model: Model, samples: Sequence[ClaimSample], edits: Iterable[FormulaEdit], limits: DiagnosisLimits
) -> str | None:
    """What the first edit is called that makes the formula right at all points."""
    if not any(np.any(np.abs(e.true) > e.tolerance) for e in samples):
        return None
    rows, formula = model.rows or 1, samples[0].formula
    size = sum(n.size * (rows if n.per_row else 1) for n in formula.nodes)
    for edit in islice(edits, min(limits.most_edits, limits.most_edit_entries // max(size, 1))):
        if _is_right(limits, samples, edit.graph) and _says_something(samples, edit.graph, limits):
            return edit.text
    return None


def _says_something(samples: Sequence[ClaimSample], graph: Graph, limits: DiagnosisLimits) -> bool:
    """Whether a formula is right without parts that cancel in it, and do not where the author put others."""
    own, edited = (
        count_constant_parts(formula, [values_of(sample, formula) for sample in samples], limits)
        for formula in (samples[0].formula, graph)
    )
    return edited <= own


def _near(sample: ClaimSample, graph: Graph, limits: DiagnosisLimits) -> bool:
    return is_near(sample, values_of(sample, graph)[graph.output], limits)


# ---------------------------------------------------------------------------------------------
# Another derivative, and one edge of the chain
# ---------------------------------------------------------------------------------------------


def _explain_by_other_name(
    model: Model, claim: Claim, samples: Sequence[ClaimSample], limits: DiagnosisLimits
) -> str | None:
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
        if is_repaired_by(samples, partial(_instead, other, limits), limits):
            return f"is d {model.display(other.of)}/d {model.display(name)}"
    return None


def _instead(other: Derivative, limits: DiagnosisLimits, sample: ClaimSample) -> Array:
    """The truth where the claim is another derivative, else nothing that could be right."""
    value = sample.as_claimed(sample.leaf(other))
    same = np.abs(value - sample.claimed) <= np.maximum(limits.same * np.abs(value), sample.tolerance)
    return sample.true if same.all() else np.asarray(np.nan)


def _explain_by_edge(
    model: Model, claim: Claim, samples: Sequence[ClaimSample], limits: DiagnosisLimits,
    evaluation: EvaluationLimits,
) -> str | None:
    """The edge of the chain that was derived wrongly."""
    of, by = claim.target.of, claim.target.by
    stops = [key.by for key in cited_derivatives(claim) if key.of == of]
    edges = edges_between(model, of, by, stops, limits)
    if not edges:
        return None
    points = [
        Observation(
            chain_at(forward_pass(model, FLOAT64, e.values.point, limits=evaluation), of, by, edges),
            np.atleast_1d(e.claimed), np.atleast_1d(e.true),
        )
        for e in samples
    ]  # fmt: skip
    return explain_by_edge(model, edges, points, limits)


def _sign_from(model: Model, by: str) -> str:
    """Which function's rule brings the minus sign, where just one of them does."""
    index = model.node(by.split("[")[0]).index
    for step in model.steps.values():
        operation = model.graph.nodes[step.node].operation
        if index in model.graph.nodes[step.node].arguments and operation in SIGNED:
            return f": {SIGNED[operation]}; {operation} stands in line {step.where}"
    return ""
