"""Reads a program and its arguments. Gives the gradients that its framework's own differentiation has.

Knows nothing of traces.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from gradcheck_cli.tracing.argument_trees import arrays_by_name, is_float, leaves_by_argument
from gradcheck_cli.tracing.gradient_calls import Gradients
from gradcheck_cli.tracing.program_gradients import gradients_by_name
from gradcheck_cli.tracing.programs import Program

__all__ = ["AUTOGRAD", "gradients_by_autograd"]

AUTOGRAD = "autograd"  # in place of the function that gives the gradient


def gradients_by_autograd(
    program: Program, arguments: Mapping[str, Any], wanted: Collection[str], value: float = math.nan
) -> Gradients:
    """What jax.grad, or the backward of torch, gives of a loss.

    Parameters
    ----------
    program : whose function is the loss
    arguments : of the loss, by name
    wanted : the names of arguments or arrays; every float, if there are none
    value : of the loss

    Returns
    -------
    Gradients

    Raises
    ------
    OptionError
        If the program is written with NumPy, or a gradient is not finite.
    ProgramError
        If it raises an error.
    """
    floats = {k: leaves for k, leaves in leaves_by_argument(arguments).items() if is_float(arguments[k])}
    names = [
        name for name, leaves in floats.items()
        if not wanted or name in wanted or not leaves.keys().isdisjoint(wanted)
    ]  # fmt: skip
    with program.errors():
        found, line = program.framework.gradient(program, arguments, names or list(floats))
    arrays = arrays_by_name(found, arguments)
    values = {
        leaf: arrays[leaf] for name, leaves in floats.items() for leaf in leaves
        if leaf in arrays and (not wanted or name in wanted or leaf in wanted)
    }  # fmt: skip
    checked = gradients_by_name(program, values, arguments, (), value)
    way = f"as {AUTOGRAD} gives it"
    return Gradients(checked, dict.fromkeys(checked, line), dict.fromkeys(checked, way))
