"""Reads models and what they are compared with. Gives gradients that are computed elsewhere, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gradcheck_cli.common.errors import GradcheckError, OptionError

if TYPE_CHECKING:
    from gradcheck_cli.against.elsewhere import Elsewhere
    from gradcheck_cli.checking.options import Options
    from gradcheck_cli.model.model import Model
    from gradcheck_cli.results.gradient_results import Report

__all__ = ["compare_at_random_points", "gradients_of_model"]


def gradients_of_model(
    model: Model, wrt: Sequence[str] | None, against: Sequence[str], *, flat: bool = False,
    seconds: float | None = None, digits: int | None = None, again: bool = True,
) -> list[Elsewhere]:
    """Gradients of the loss of a model at its point, that functions, commands and files give.

    Functions take the values by the names that the author wrote; `again`: they are asked twice. Raises
    GradcheckError.
    """
    from gradcheck_cli.against.elsewhere import Asked
    from gradcheck_cli.against.sources import gradients_elsewhere
    from gradcheck_cli.evaluation.tape import forward_pass

    names = list(wrt or [p.name for p in model.parameters()])
    if steps := [name for name in names if name in model.steps]:
        raise OptionError(
            f"--against gives gradients by inputs, and {steps[0]} is a step",
            help="--wrt names parameters and data",
        )
    if not all(name in model.inputs for name in names):
        return []  # the run says which name is none
    values = model.point()
    counts = {name for name in values if model.inputs[name].node in model.graph.whole}.difference(names)
    arguments = {
        model.display(name): value.astype(int if name in counts else float) for name, value in values.items()
    }
    parameters = {model.display(name): values[name] for name in names}
    loss = forward_pass(model).loss
    asked = Asked(arguments, parameters, loss, flat, seconds, digits)
    own = {model.display(name): name for name in names}
    found = gradients_elsewhere(against, asked, again=again)
    return [replace(each, gradient={own[n]: v for n, v in each.gradient.items()}) for each in found]


def compare_at_random_points(
    report: Report, model: Model, options: Options, against: Sequence[str], count: int, *,
    flat: bool = False, seconds: float | None = None, digits: int | None = None,
) -> Report:
    """The report with functions and commands asked at random points, too; files are of the given one."""
    from gradcheck_cli.against.sources import is_file
    from gradcheck_cli.api.other_points import at_random_points
    from gradcheck_cli.checking.check import check
    from gradcheck_cli.model.random_points import moved_inputs
    from gradcheck_cli.numerics.limits.checking import CHECKING

    distances = CHECKING.random_reaches
    called = [source for source in against if not is_file(source)]
    once = replace(options, points=1, claims_file=None, require_claims=None)

    def judge(number: int) -> Report | None:
        reach = distances[(number - 1) % len(distances)]
        there = model.at(moved_inputs(model, number, reach=reach))
        try:
            others = gradients_of_model(
                there, options.wrt, called, flat=flat, seconds=seconds, digits=digits, again=False
            )
        except GradcheckError:
            return None
        found = check(there, once, (), against=others)
        return found if found.against else None

    if not called:
        return report
    found = at_random_points(replace(report, claims=()), count, judge)
    return replace(found, claims=report.claims)
