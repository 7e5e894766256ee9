"""Reads the left side of a claim. Gives the shape that its right side must have, and what is said of another.

Knows nothing of formulas and of numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.language.data.file_access import Access
from gradcheck_cli.language.source_text import Source
from gradcheck_cli.language.statements import Op, Statement
from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import Derivative, Graph, Node, spell_listed, spell_shape
from gradcheck_cli.model.model import Misfit, Model
from gradcheck_cli.model.primitives.record import Shape

__all__ = [
    "LAYOUTS", "Built", "ClaimStatement", "Fit", "fit_of", "other_shape", "reading_of", "spell", "target_op",
]  # fmt: skip

LAYOUTS = ("numerator", "denominator")


@dataclass(frozen=True)
class ClaimStatement:
    """A claim's line with what is needed to read it, in one Jacobian layout."""

    source: Source
    model: Model
    access: Access
    statement: Statement
    layout: str = LAYOUTS[0]


@dataclass(frozen=True)
class Fit:
    """What a derivative's value looks like."""

    shape: Shape
    per_row: bool
    is_jacobian: bool


class Built(NamedTuple):
    """A right side, and how it was read where it has another shape than the derivative."""

    formula: Graph | Misfit
    reading: str = ""


def target_op(statement: Statement) -> Op:
    """The operation of its left side."""
    assert statement.target is not None
    return statement.ops[statement.target]


def fit_of(context: ClaimStatement, target: Derivative, op: Op) -> Fit:
    """What the derivative on the left looks like. Raises LanguageError where there is none."""
    if target.is_value:
        return _fit_of_value(context, target, op)
    above, below = context.model.node(target.of), context.model.node(target.by)
    shape = below.shape
    if target.index is not None:
        _check_index(context, target, below, op)
        shape = ()
    is_jacobian = len(above.shape) == len(shape) == 1
    is_turned = is_jacobian and context.layout != LAYOUTS[0]
    whole = shape + above.shape if is_turned else above.shape + shape
    return Fit(whole, above.per_row or below.per_row, is_jacobian)


def _fit_of_value(context: ClaimStatement, target: Derivative, op: Op) -> Fit:
    """What a value looks like, or its entry."""
    node = context.model.node(target.of)
    if target.index is not None:
        _check_index(context, target, node, op)
    return Fit(() if target.index is not None else node.shape, node.per_row, False)


def _check_index(context: ClaimStatement, target: Derivative, below: Node, op: Op) -> None:
    """The index fits. A misfit on a right side is passed on as a ShapeError."""
    index = target.index or ()
    if any(isinstance(part, slice) for part in index):
        if target.is_value:
            raise context.source.error(
                "a claim is of a whole value or of one entry, not of a slice", op.span,
                help=f"write claim {target.of} = ..., or claim {target.of}[0] = ...",
            )  # fmt: skip
        raise context.source.error(
            "a derivative is by one entry, not by a slice",
            op.span,
            help="the whole derivative can be sliced: (d loss/d W)[0,:]",
        )
    probe = Builder()
    try:
        probe.apply("index", (probe.leaf("x", below.shape),), {"key": index})
    except ShapeError as reason:
        raise context.source.locate(reason, op.span) from None


def reading_of(given: Shape, fit: Fit, target: str) -> str:
    """How a right side is read that has the entries of the derivative in another shape; empty where it has
    not."""
    needed, count = fit.shape, math.prod(fit.shape)
    if not given and needed:
        return f"one number for all {count:,} entries of {target}"
    if given and needed and len(given) != len(needed) and _long_axes(given) == _long_axes(needed):
        return f"the shape {spell(given)} was read as {spell(needed)}"
    return ""


def _long_axes(shape: Shape) -> list[int]:
    """The lengths other than 1."""
    return [n for n in shape if n != 1]


def other_shape(given: Shape, needed: Shape, target: str) -> Misfit:
    """What is said of a right side of another shape."""
    message = f"the right side has the shape {spell(given)}, {target} {spell(needed)}"
    if given == needed[::-1] and len(needed) == 2:
        return Misfit(message, "its transpose fits: (...)'")
    if len(given) > 2 and sorted(given) == sorted(needed):
        return Misfit(message, "its axes are in another order: transpose(..., axes)")
    if len(given) > 2 and math.prod(given) == math.prod(needed):
        return Misfit(message, f"it has as many entries: reshape(..., {spell(needed)})")
    if not given:
        return Misfit(message, "a value for every entry is needed")
    if len(given) == 2 and given[1:] == needed:
        return Misfit(message, "its rows added up fit: sum(..., axis=0)[0,:]")
    summed = _summed_axes(given, needed)
    if summed:
        return Misfit(message, f"summed it fits: sum(..., axis={spell_listed(summed)}, keepdims=0)")
    return Misfit(message, None)


def _summed_axes(given: Shape, needed: Shape) -> tuple[int, ...]:
    """The axes without which a shape is another one; none where it is not."""
    count = len(given) - len(needed)
    for axes in combinations(range(len(given)), count) if count > 0 else ():
        if tuple(n for k, n in enumerate(given) if k not in axes) == needed:
            return axes
    return ()


def spell(shape: Shape) -> str:
    """A shape in a message."""
    return spell_shape(shape) or "of a single number"
