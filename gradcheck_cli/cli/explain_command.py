"""Reads the options of `explain`, `show` and `functions`. Gives one library call and one rendering each."""

from __future__ import annotations

from typing import Any

import click

from gradcheck_cli.cli.delivery import deliver, load_model, print_text
from gradcheck_cli.cli.group import commands
from gradcheck_cli.cli.options import LOADING, Memory, file_type, loading_options, output_options
from gradcheck_cli.common import atomic_output

__all__ = ["explain", "functions", "show"]


@commands.command()
@click.argument("model", type=file_type)
@click.option("--row", type=click.IntRange(0), help="The training example to show, from 0.")
@click.option("--expand", is_flag=True, help="The closed formula of each derivative.")
@click.option("--memory", type=Memory(), metavar="MIB|GIB",
              help="Most held at a time beyond the data: 512MiB, 2GiB (default: 1GiB).")  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help="All numbers of large arrays, not shape and norm.")
@output_options("explain")
@loading_options
def explain(model: str, row: int | None, expand: bool, memory: int | None, **chosen: Any) -> int:
    """Show forward pass, backward pass #1 and backward pass #2 with formulas and numbers.

    \b
    Example:  gradcheck explain toy.txt
    Exit codes: 0, or 2 if the file could not be read or the model does not
    fit into memory.
    """
    from gradcheck_cli import api

    if chosen["output"] not in (None, "-"):
        atomic_output.check_target(chosen["output"], (model,))
    loading = {name: chosen[name] for name in LOADING}
    found = api.explain(load_model(model, loading), row=row, expand=expand, memory=memory)
    deliver(found, "explain", chosen, int(chosen["verbose"]))
    return 0


@commands.command()
@click.argument("model", type=file_type)
@loading_options
def show(model: str, **loading: Any) -> int:
    """Print the model as it was read, fully bracketed, with shapes.

    \b
    Example:  gradcheck show toy.txt
    Exit codes: 0, or 2 if the file could not be read.
    """
    from gradcheck_cli import api

    print_text(api.show(load_model(model, loading)))
    return 0


@commands.command()
def functions() -> int:
    """List the functions with their arguments, domains and derivatives.

    \b
    Example:  gradcheck functions
    Exit codes: 0.
    """
    from gradcheck_cli import api

    deliver(api.functions(), "functions", {})
    return 0
