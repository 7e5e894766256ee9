"""Reads the options of `example`. Gives the example models: listed, printed, or saved."""

from __future__ import annotations

import os

import click

from gradcheck_cli.cli.delivery import as_path, print_text, write_output
from gradcheck_cli.cli.group import commands
from gradcheck_cli.common.errors import OptionError

__all__ = ["example"]


def _complete_example(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    from gradcheck_cli.common import example_models

    return [name for name in example_models.names() if name.startswith(incomplete)]


@commands.command()
@click.argument("name", required=False, shell_complete=_complete_example)
@click.option("--save", is_flag=True, help="Write it, with its data files, into this folder.")
def example(name: str | None, save: bool) -> int:
    """List the example models, print one, or save it with its data files.

    \b
    Example:  gradcheck example toy | gradcheck run -
              gradcheck example toy_rows --save
    Exit codes: 0, or 2 if there is no such model or a file is in the way.
    """
    from gradcheck_cli.common import example_models

    if name is None and save:
        raise OptionError("--save needs a name", help="gradcheck example lists them")
    if name is None:
        known = example_models.names()
        width = max(map(len, known), default=0)
        print_text("\n".join(f"{each:<{width}}  {example_models.lesson(each)}".rstrip() for each in known))
    elif save:
        saved = example_models.save(name, as_path(os.getcwd()))
        print_text("\n".join(f"wrote {path.name}" for path in saved))
    else:
        write_output(example_models.text(name))
    return 0
