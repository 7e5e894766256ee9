"""Reads judged claims of values. Gives what a WRONG value is instead: another step's, a mean for a sum, the
true one with rows exchanged.

An explanation is tried at every point and given only if it makes all entries. Of a single number the more is
tried the more of its digits are written. Knows nothing of derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from gradcheck_cli.model.graph import Graph, Node, spell_shape
from gradcheck_cli.model.model import Claim, Model
from gradcheck_cli.model.primitives.slopes import has_slope
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.numerics.machine import MOST_DIGITS
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict
from gradcheck_cli.verdicts.claims.claim_samples import ClaimSample
from gradcheck_cli.verdicts.claims.judge_values import JudgedValues
from gradcheck_cli.verdicts.claims.true_values import entry_of
from gradcheck_cli.verdicts.diagnosis.chain_rule_slips import CONSTANTS, counts
from gradcheck_cli.verdicts.diagnosis.diagnose import explain_by_edit
from gradcheck_cli.verdicts.diagnosis.entry_tests import describe_permutation
from gradcheck_cli.verdicts.diagnosis.exchanged_rows import describe_exchange
from gradcheck_cli.verdicts.diagnosis.forward_chain import note_what_follows

__all__ = ["diagnose_values"]

Made = Callable[[ClaimSample], Array | None]
Explanation = tuple[str, Made]


def diagnose_values(
    model: Model, judged: JudgedValues, limits: DiagnosisLimits
) -> tuple[ClaimResult, ...]:
    """The results, the WRONG ones with what they are instead of the true value."""
    found = []
    for claim, result, samples in zip(judged.claims, judged.results, judged.samples, strict=True):
        is_open = samples and result.verdict is Verdict.WRONG and result.claimed != result.true
        said = _explain(model, claim, samples, limits) if is_open else None
        found.append(replace(result, diagnosis=said) if said else result)
    return tuple(note_what_follows(model, judged.claims, found, limits))


def _explain(
    model: Model, claim: Claim, samples: Sequence[ClaimSample], limits: DiagnosisLimits
) -> str | None:
    """The first explanation that makes what is claimed at every point."""
    digits = _digits(claim)
    if digits >= limits.fewest_sign_digits and _makes(samples, lambda s: -s.true, limits):
        return "has the wrong sign"
    if digits < limits.fewest_value_digits:
        return None
    if samples[0].true.ndim:
        moved = describe_permutation(samples, limits) or describe_exchange(samples, limits)
        if moved is not None:
            return moved
    explanations = (
        *_means(model, claim), *_other_steps(model, claim), *_factors(model), *_parts(model, claim),
        *_functions(model),
    )  # fmt: skip
    said = next((text for text, made in explanations if _makes(samples, made, limits)), None)
    if said is None and claim.numbers is None:
        return explain_by_edit(model, claim, samples, limits, partial(_is_made_of_earlier, model, claim))
    return said


def _is_made_of_earlier(model: Model, claim: Claim, graph: Graph) -> bool:
    """Whether a formula uses no value that the claimed one is not made of."""
    own = model.node(claim.target.of).index
    needed = model.graph.upstream([own])
    names = {node.key for node in graph.nodes if node.is_leaf and isinstance(node.key, str)}
    return all(needed[model.node(name).index] and model.node(name).index != own for name in names)


def _digits(claim: Claim) -> float:
    """How many digits a single number is written with; of an array and a formula the most there are."""
    if claim.numbers is None or claim.numbers.ndim:
        return MOST_DIGITS
    number = abs(float(claim.numbers))
    if claim.integers is not None:
        return float(len(str(abs(int(claim.integers)))))
    if claim.half_units is None or not number or not claim.half_units:
        return MOST_DIGITS
    return float(np.floor(np.log10(number)) + 1 - np.rint(np.log10(2 * float(claim.half_units))))


def _makes(samples: Sequence[ClaimSample], made: Made, limits: DiagnosisLimits) -> bool:
    """Whether an explanation gives all that is claimed, and that is not 0 at two points at least."""
    telling = sum(bool(np.any(np.abs(s.claimed) > s.tolerance)) for s in samples)
    if telling < min(2, len(samples)):
        return False
    with np.errstate(all="ignore"):
        return all(_is(sample, made(sample), limits) for sample in samples)


def _is(sample: ClaimSample, made: Array | None, limits: DiagnosisLimits) -> bool:
    if made is None or np.shape(made) != np.shape(sample.claimed):
        return False
    close = np.where(np.isfinite(made), np.maximum(limits.same * np.abs(made), sample.tolerance), 0)
    return bool(np.all(np.abs(made - sample.claimed) <= close))


def _node_value(node: Node, sample: ClaimSample) -> Array:
    """The value of a node, with the rows in front, in float64."""
    return np.asarray(sample.values.of_node(node), dtype=object).astype(np.float64)


# ---------------------------------------------------------------------------------------------
# What the value may be instead, likeliest first
# ---------------------------------------------------------------------------------------------


def _own_nodes(model: Model, claim: Claim) -> list[Node]:
    """The nodes of a step's own line, the last first."""
    named = {step.node for step in model.steps.values()} | {item.node for item in model.inputs.values()}
    todo, found = [model.node(claim.target.of).index], list[Node]()
    while todo:
        node = model.graph.nodes[todo.pop()]
        if node not in found and not node.is_literal:
            found.append(node)
            todo += [a for a in node.arguments if a not in named]
    return sorted(found, key=lambda node: -node.index)


def _means(model: Model, claim: Claim) -> Iterator[Explanation]:
    """A mean where the sum is meant, or a sum for a mean."""
    line = model.steps[claim.target.of].line
    for node in _own_nodes(model, claim):
        if node.operation not in ("sum", "mean", "sum_rows", "mean_rows"):
            continue
        argument = model.graph.nodes[node.arguments[0]]
        count = (model.rows or 1) if node.adds_rows else argument.size // max(node.size, 1)
        is_sum = node.operation.startswith("sum")
        own, other = ("sum", "mean") if is_sum else ("mean", "sum")
        text = f"has the {other} of {count:,} numbers where the {own} is meant (line {line})"
        if count > 1:
            yield text, _times(1 / count if is_sum else float(count))


def _times(factor: float) -> Made:
    return lambda sample: np.asarray(sample.true * factor)


def _other_steps(model: Model, claim: Claim) -> Iterator[Explanation]:
    """The value of another name, or of an entry of it where one number is claimed."""
    own = model.node(claim.target.of)
    for name, index in model.graph.names.items():
        node, where = model.graph.nodes[index], ""
        if name in model.steps:
            where = f" (line {model.steps[name].line})"
        if index == own.index or node.per_row != own.per_row:
            continue
        if node.shape == (own.shape if claim.target.index is None else ()):
            yield f"is the value of {model.display(name)}{where}", _value_of(node, None)
    if claim.target.index is not None:
        for entry in np.ndindex(*own.shape):
            if entry != claim.target.index:
                yield f"is {model.display(claim.target.of)}{spell_shape(entry)}", _value_of(own, entry)


def _value_of(node: Node, entry: tuple[int, ...] | None) -> Made:
    def explain(sample: ClaimSample) -> Array:
        value = _node_value(node, sample)
        return value if entry is None else entry_of(value, entry)

    return explain


def _factors(model: Model) -> Iterator[Explanation]:
    for value, text in (*counts(model), *CONSTANTS, *_lengths(model)):
        yield f"is {text} times the true value", _times(value)
    for name, index in model.graph.names.items():
        node = model.graph.nodes[index]
        if not node.shape and not node.per_row and name != model.loss:
            yield f"misses the factor {model.display(name)}", _by(node, -1)
            yield f"has the factor {model.display(name)} once too often", _by(node, 1)


def _lengths(model: Model) -> Iterator[tuple[float, str]]:
    """The lengths of axes of the inputs, and their inverses."""
    for length in dict.fromkeys(n for item in model.inputs.values() for n in item.shape if n > 1):
        yield float(length), f"{length:,} (the length of an axis)"
        yield 1.0 / length, f"1/{length:,} (one over the length of an axis)"


def _by(node: Node, power: int) -> Made:
    """The true value times or divided by a number of the model that is not plus or minus 1."""
    def explain(sample: ClaimSample) -> Array | None:
        value = np.float64(_node_value(node, sample))  # its powers may overflow
        tells = np.isfinite(value) and value and abs(value) != 1
        return np.asarray(sample.true * value**power) if tells else None

    return explain


def _parts(model: Model, claim: Claim) -> Iterator[Explanation]:
    """A part of the step's own line."""
    own = model.node(claim.target.of)
    shown = {index: model.display(name) for name, index in model.graph.names.items()}
    for node in _own_nodes(model, claim):
        if node.index == own.index or (node.shape, node.per_row) != (own.shape, own.per_row):
            continue
        entry = claim.target.index
        text = model.graph.formula(node.index, shown)
        yield f"is {text}, a part of line {model.steps[claim.target.of].line}", _value_of(node, entry)


def _functions(model: Model) -> Iterator[Explanation]:
    """A function of the model once too often, and what is made of the true value alone."""
    records = {
        node.operation: node.primitive for node in model.graph.nodes
        if not (node.is_leaf or node.is_literal) and has_slope(node.primitive) and not node.options
    }  # fmt: skip
    for record in (r for r in records.values() if r.name != "identity"):
        yield f"has {record.function} once too often", partial(_apply_once_more, record.forward)
    yield "is 1 minus the true value", lambda sample: np.asarray(1 - sample.true)
    yield "is 1 over the true value", lambda sample: np.asarray(1 / sample.true)
    yield "is the logarithm of the true value", lambda sample: np.log(sample.true)
    yield "is exp of the true value", lambda sample: np.exp(sample.true)
    yield "is the square root of the true value", lambda sample: np.sqrt(sample.true)
    yield "is the square of the true value", lambda sample: np.asarray(sample.true**2)


def _apply_once_more(forward: Callable[..., Array], sample: ClaimSample) -> Array:
    return np.asarray(forward(FLOAT64, sample.true[None, None])[0, 0, ...])
