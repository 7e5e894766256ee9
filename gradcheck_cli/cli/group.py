"""Reads nothing. Gives the click group to which every command belongs."""

from __future__ import annotations

import click

from gradcheck_cli import __version__

__all__ = ["commands"]


# ---------------------------------------------------------------------------------------------
# The commands
# ---------------------------------------------------------------------------------------------


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True
)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
def commands() -> None:
    """Check gradients, and derivations by hand, with three independent witnesses.

    A model file reads like the page of a textbook. Its gradient is computed symbolically, by
    backprop and by finite differences; claims in it are judged line by line.

    \b
    Example:  gradcheck example toy | gradcheck run -
    Exit codes: 0 ok, 1 WRONG, 2 a file or option could not be read,
    3 UNRESOLVED, 70 a defect of gradcheck, 130 Ctrl-C.
    """
