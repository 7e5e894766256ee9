"""Reads the options of `trace`. Gives the model file of a function of a program."""

from __future__ import annotations

import click

from gradcheck_cli.cli.delivery import check_program_target, write_output
from gradcheck_cli.cli.group import commands
from gradcheck_cli.cli.options import Listed, file_type, framework_option, seconds_option
from gradcheck_cli.cli.own_output import keep_output
from gradcheck_cli.common import atomic_output

__all__ = ["trace"]


@commands.command()
@click.argument("function", metavar="FILE.py:FUNCTION")
@click.option("--at", metavar="POINT", help="Its arguments: FILE.npz, FILE.json or FILE.py:FUNCTION.")
@click.option("--wrt", type=Listed(), metavar="A,B", help="The arguments to differentiate by.")
@click.option("--setup", metavar="EXPRESSION", help="Builds the object of a method: Net(3, 4).")
@framework_option
@seconds_option
@click.option("--output", type=file_type, metavar="FILE", help="Write to FILE, whole.")
def trace(
    function: str, at: str | None, wrt: tuple[str, ...] | None, setup: str | None, framework: str | None,
    seconds: float | None, output: str | None,
) -> int:
    """Print the model file of a function of NumPy, jax or torch, which is called.

    \b
    Example:  gradcheck trace mlp.py:loss --at point.npz --wrt W1,b1
    Exit codes: 0, or 2 if the program could not be run or does what no
    model says.
    """
    from gradcheck_cli import api

    keep_output()
    check_program_target(output, function, at)
    text = api.trace(
        function, at=at, parameters=wrt or (), setup=setup, framework=framework, seconds=seconds
    )
    if output in (None, "-"):
        write_output(text)
    else:
        atomic_output.save(str(output), text.encode("utf-8"))
    return 0
