"""Reads the options of `code`. Gives the report on a program's gradient."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from gradcheck_cli.cli.delivery import check_program_target, deliver
from gradcheck_cli.cli.group import commands
from gradcheck_cli.cli.judging import Judged, unread
from gradcheck_cli.cli.options import (
    Listed,
    against_options,
    check_against,
    fail_on_option,
    framework_option,
    output_options,
    random_option,
    refuse_two_counts,
)
from gradcheck_cli.cli.own_output import keep_output
from gradcheck_cli.common.errors import GradcheckError, OptionError
from gradcheck_cli.numerics.limits.checking import CHECKING

if TYPE_CHECKING:
    from gradcheck_cli.results.gradient_results import Report

__all__ = ["code"]


@commands.command()
@click.argument("loss", metavar="FILE.py:LOSS")
@click.option("--grad", multiple=True, metavar="FILE.py:GRAD",
              help="Gives the gradient, again for each argument; or autograd, of jax and torch.")  # fmt: skip
@click.option("--vjp", metavar="FILE.py:VJP", help="Of array outputs: arguments and cotangent to cotangents.")
@click.option("--jvp", metavar="FILE.py:JVP", help="Of array outputs: arguments and tangents to tangents.")
@click.option("--at", metavar="POINT", help="Arguments: FILE.npz, FILE.json or FILE.py:FUNCTION.")
@click.option("--wrt", "--params", type=Listed(), metavar="A,B", help="What GRAD differentiates by.")
@click.option("--setup", metavar="EXPRESSION", help="Builds the object of a method: Net(3, 4).")
@click.option("--lr", type=float, help="Step size of a GRAD that takes a step, W -= lr*dW.")
@framework_option
@click.option("--black-box", is_flag=True, help="Difference the loss itself, do not trace it.")
@click.option("--points", type=click.IntRange(1, CHECKING.most_points),
              help="Points in all, the given one first.")  # fmt: skip
@random_option
@click.option("--digits", type=click.IntRange(1, CHECKING.most_digits),
              help="How many digits of GRAD count, as 7 of differences.")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="One line.")
@click.option("-v", "--verbose", is_flag=True, help="Every claim, every table.")
@against_options
@fail_on_option
@output_options("run")
def code(loss: str, grad: tuple[str, ...], at: str | None, wrt: tuple[str, ...] | None, points: int | None,
         digits: int | None, setup: str | None, lr: float | None, framework: str | None,
         black_box: bool, vjp: str | None, jvp: str | None, **chosen: Any) -> int:  # fmt: skip
    """Judge the gradient that a program computes of its loss; both are run.

    \b
    Example:  gradcheck code mlp.py:loss --grad mlp.py:grad --at point.npz
    Exit codes: 0 ok (or KINK), 1 WRONG, 3 UNRESOLVED, 2 the program could
    not be run or does what no model says.
    """
    from gradcheck_cli import api
    from gradcheck_cli.results.gradient_results import exit_code

    if chosen["quiet"] and chosen["verbose"]:
        raise OptionError("-q and -v exclude each other", help="choose one of them")
    if bool(grad) + bool(vjp) + bool(jvp) != 1:
        raise OptionError("one of --grad, --vjp and --jvp gives the gradient", help="add --grad FILE.py:GRAD")
    check_against(chosen, ("flat",))
    keep_output()
    check_program_target(chosen["output"], loss, *grad, vjp, jvp, at, *chosen["against"])
    options: dict[str, Any] = {name: chosen[name] for name in ("against", "flat", "seconds")}
    options |= {} if points is None else {"points": points}
    options |= {} if digits is None else {"digits": digits}
    options["random"] = chosen["random"] or 0
    refuse_two_counts(points, chosen["random"])
    check = partial(
        api.check_program, loss, grad=grad, at=at, parameters=wrt or (), setup=setup, lr=lr,
        framework=framework, black_box=black_box, vjp=vjp, jvp=jvp, **options,
    )  # fmt: skip
    judged = _judge(check, loss, chosen)
    deliver([judged.report], "run", chosen, int(chosen["verbose"]) - int(chosen["quiet"]))
    return judged.code or exit_code([judged.report.verdict], chosen["fail_on"])


def _judge(check: Callable[[], Report], loss: str, chosen: dict[str, Any]) -> Judged:
    """The report; for a format that is read by programs, also on a program that could not be run."""
    try:
        return Judged(check())
    except GradcheckError as error:
        if chosen["format_name"] == "table":
            raise
        return unread(error, loss, loss.rpartition(":")[0] or None)
