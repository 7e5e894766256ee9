"""Reads a model whose loss is not finite, and where that begins. Gives the report: the step, the entry, the
row, and the form that would not overflow.

Knows nothing of derivatives: none is computed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradcheck_cli.checking.claimed_values import unread_result
from gradcheck_cli.checking.stable_forms import stable_form
from gradcheck_cli.evaluation.tape import Failing
from gradcheck_cli.model.graph import Node, spell_shape
from gradcheck_cli.model.model import Claim, Model
from gradcheck_cli.numerics.limits.gradients import DEFAULTS, GradientsLimits
from gradcheck_cli.results.gradient_results import Block, ClaimResult, Entry, Report, Verdict
from gradcheck_cli.verdicts.claims.judge_claims import blank_result

__all__ = ["unresolved_report"]

_NOT_FINITE = "the loss is not finite"
_WAY_OUT = (
    "UNRESOLVED: where the loss is not finite nothing can be said of its derivatives. "
    "Choose other values, or try --at NAME=VALUE."
)


def unresolved_report(
    model: Model, blank: Report, failing: Failing, names: Sequence[str], claims: Sequence[Claim],
    *, limits: GradientsLimits = DEFAULTS,
) -> Report:  # fmt: skip
    """The report on a loss that is not finite at the given point: where that begins, and what is in it."""
    note = _first_value(model, failing)
    form = stable_form(model, failing)
    closing = [_WAY_OUT]
    if form is not None:
        closing.insert(0, f"{form.written} is written without overflow as {form.stable}.")
    return replace(
        blank, verdict=Verdict.UNRESOLVED, loss=None, value_note=note, summary=f"{note}.",
        parameters=tuple(_block(model, name, limits.most_listed) for name in names),
        claims=tuple(_result(model, claim) for claim in claims), closing=tuple(closing),
    )  # fmt: skip


def _first_value(model: Model, failing: Failing) -> str:
    """The step and its line, what was computed from what, and in which entry and row."""
    step = model.steps.get(failing.step)
    where = f"step {step.display} (line {step.where})" if step else "the loss"
    entry = f" in entry {spell_shape(failing.entry)}" if failing.entry else ""
    row = f" in row {failing.row}" if failing.row is not None else ""
    return f"{where}: {_what(model, failing)} is {failing.value:g}{entry}{row} at the given point"


def _what(model: Model, failing: Failing) -> str:
    """The operation and the numbers that it was given."""
    node = failing.node
    if node.is_leaf or node.is_literal:
        return "the value"
    record = node.primitive
    if record.infix and len(failing.arguments) == 2:
        what = f"{failing.arguments[0]:.6g} {record.infix} {failing.arguments[1]:.6g}"
    elif record.elementwise or record.infix:
        what = f"{record.function}({', '.join(f'{a:.6g}' for a in failing.arguments)})"
    else:
        what = f"{record.function} of {_shapes(model, node)}"
    if record.domain_text != "all numbers" and math.isnan(failing.value):
        what += f", which is outside its domain ({record.domain_text}),"
    return what


def _shapes(model: Model, node: Node) -> str:
    """What a function of arrays was given: "an array [3,3]"."""
    shapes = [spell_shape(model.graph.nodes[a].shape) for a in node.arguments]
    return " and ".join(f"an array {shape}" if shape else "a number" for shape in shapes)


def _block(model: Model, name: str, most: int) -> Block:
    """A name by which nothing was differentiated; the entries of large ones and of rows are not listed."""
    known, shape = model.inputs.get(name), model.node(name).shape
    entries: list[Entry] = []
    if known is not None and not model.node(name).per_row and math.prod(shape) <= most:
        values = np.asarray(known.values, dtype=np.float64)
        entries = [_entry(index, float(values[index])) for index in np.ndindex(shape)]
    return Block(
        name=model.display(name), shape=shape, verdict=Verdict.UNRESOLVED, total=math.prod(shape), checked=0,
        zero=0, digits=None, worst=None, entries=tuple(entries),
    )  # fmt: skip


def _entry(index: tuple[int, ...], value: float) -> Entry:
    return Entry(
        index=index, value=value, symbolic=None, backprop=None, finite=None, bound=None, digits=None,
        verdict=Verdict.UNRESOLVED,
    )  # fmt: skip


def _result(model: Model, claim: Claim) -> ClaimResult:
    if claim.failure is not None:
        return unread_result(claim)
    return replace(blank_result(model, claim), verdict=Verdict.UNRESOLVED, note=_NOT_FINITE)
