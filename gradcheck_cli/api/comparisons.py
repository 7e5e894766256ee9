"""Reads models and what they are compared with. Gives gradients that are computed elsewhere, by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradcheck_cli.common.errors import OptionError

if TYPE_CHECKING:
    from gradcheck_cli.against.elsewhere import Elsewhere
    from gradcheck_cli.model.model import Model

__all__ = ["gradients_of_model"]


def gradients_of_model(
    model: Model, wrt: Sequence[str] | None, against: Sequence[str], *, flat: bool = False,
    seconds: float | None = None,
) -> list[Elsewhere]:
    """Gradients of the loss of a model at its point, that functions, commands and files give.

    Functions take the values by the names that the author wrote. Raises GradcheckError.
    """
    from dataclasses import replace

    from gradcheck_cli.against.elsewhere import Asked
    from gradcheck_cli.against.sources import gradients_elsewhere
    from gradcheck_cli.evaluation.tape import forward_pass

    names = list(wrt or [p.name for p in model.parameters()])
    if steps := [name for name in names if name not in model.inputs]:
        raise OptionError(
            f"--against gives gradients by inputs, and {steps[0]} is a step",
            help="--wrt names parameters and data",
        )
    values = model.point()
    arguments = {model.display(name): values[name].copy() for name in values}
    parameters = {model.display(name): values[name] for name in names}
    loss = forward_pass(model).loss
    asked = Asked(arguments, parameters, loss, flat, seconds)
    own = {model.display(name): name for name in names}
    found = gradients_elsewhere(against, asked)
    return [replace(each, gradient={own[n]: v for n, v in each.gradient.items()}) for each in found]
