"""Reads a Model and drawn points. Gives the variances of its steps and gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.common.errors import OptionError, printable
from gradcheck_cli.derivatives.backprop.reverse_mode import derivative
from gradcheck_cli.evaluation.tape import Failing, Tape, forward_pass
from gradcheck_cli.initialization.user_model.layout import Layout
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.evaluation import EvaluationLimits

__all__ = ["QUANTITIES", "Array", "Measured", "measure_model"]

Array = NDArray[np.float64]
QUANTITIES: Mapping[str, str] = {"h": "forward", "dh": "backward"}


@dataclass
class Measured:
    """log10 of every step in every draw with a finite loss, (draws, steps); and whether it is all 0."""

    log10: dict[str, Array]
    zero: dict[str, NDArray[np.bool_]]
    weights: dict[str, list[Array]]  # by matrix, as they enter the product; of every draw
    failing: list[Failing]
    on_kinks: list[set[str]]  # functions that stand exactly on their kink, of every draw counted

    @property
    def draws(self) -> int:
        """How many were counted."""
        return len(self.on_kinks)

    def dead_in(self, quantity: str) -> NDArray[np.bool_]:
        """The draws in which nothing arrives: 0 at the last step, or in the gradient at the first.

        Parameters
        ----------
        quantity : "h", or a gradient

        Returns
        -------
        (draws,) bool
        """
        zero = self.zero[quantity]
        if not zero.size:
            return np.zeros(len(zero), dtype=bool)
        return zero[:, -1] if quantity == "h" else zero[:, 0]

    @property
    def dead(self) -> int:
        """How many draws are dead in either direction."""
        return int((self.dead_in("h") | self.dead_in("dh")).sum())


def measure_model(
    draws: Sequence[Model], layout: Layout, stat: str, limits: EvaluationLimits
) -> Measured:
    """The statistics of every step and its gradient over all draws."""
    names = [step.name for step in layout.steps]
    found: dict[str, list[list[float]]] = {name: [] for name in QUANTITIES}
    zero: dict[str, list[list[bool]]] = {name: [] for name in QUANTITIES}
    result = Measured({}, {}, {name: [] for name in layout.matrices}, [], [])
    for model in draws:
        tape = forward_pass(model, limits=limits)
        for name, kept in result.weights.items():
            kept.append(_weights(layout, tape, name))
        if (failing := tape.failing()) is not None:
            result.failing.append(failing)
            continue
        slopes = derivative(model, tape, model.loss, names)
        for quantity, of in (("h", tape.value), ("dh", slopes.__getitem__)):
            found[quantity].append([_log10(of(name), stat) for name in names])
            zero[quantity].append([not of(name).any() for name in names])
        result.on_kinks.append(_on_kinks(layout, tape))
    if not result.draws:
        raise _never_finite(draws[0], result.failing)
    shape = (result.draws, len(names))
    result.log10.update({name: np.reshape(rows, shape) for name, rows in found.items()})
    result.zero.update({name: np.array(rows, dtype=bool).reshape(shape) for name, rows in zero.items()})
    return result


def _weights(layout: Layout, tape: Tape, name: str) -> Array:
    """The matrix as it enters its product; as it is declared where that differs from row to row."""
    use = layout.uses.get(name)
    if use is None or layout.graph.nodes[use.node].per_row:
        return tape.model.inputs[name].values
    return np.asarray(tape.of_node(layout.graph.nodes[use.node]))


def _on_kinks(layout: Layout, tape: Tape) -> set[str]:
    hit = [n for n in tape.borders_hit() if layout.needed[n.index] and n.primitive.kink]
    return {n.primitive.function for n in hit}


def _never_finite(model: Model, failing: Sequence[Failing]) -> OptionError:
    first = failing[0]
    line = model.steps[first.step].where
    many = "" if len(failing) == 1 else f" in any of {len(failing)} draws"
    return OptionError(
        f"{printable(model.file)}: the loss is not finite{many}: the first value that is not is in "
        f"{model.display(first.step)} (line {line})",
        help="sizes need finite numbers: begin with smaller weights or inputs",
    )


def _log10(values: Array, stat: str) -> float:
    """log10 of the statistic; nothing overflows. -inf where it is 0, nan where a value is not finite."""
    largest = float(np.max(np.abs(values)))
    if not math.isfinite(largest):
        return math.nan
    if not largest:
        return -math.inf
    scaled = values / largest
    found = float(np.mean(scaled**2) if stat == "ms" else np.var(scaled))
    if not found:
        return -math.inf
    return (math.log10(found) + 2 * math.log10(largest)) / (2 if stat == "std" else 1)
