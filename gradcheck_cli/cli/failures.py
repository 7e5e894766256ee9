"""Reads exceptions. Gives them in our own words: bad options, and defects of gradcheck."""

from __future__ import annotations

import os
import sys

import click

from gradcheck_cli import __version__
from gradcheck_cli.common.errors import InternalError, OptionError

__all__ = ["in_our_words", "internal"]


def in_our_words(error: click.ClickException) -> OptionError:
    """A bad option, in the words of our own errors."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    help = f"{context.command_path if context else 'gradcheck'} --help shows what there is"
    message = error.format_message().replace("a valid integer range", "a whole number")
    near = getattr(error, "possibilities", None)
    if near:
        message, help = error.message, f"did you mean {near[0]}?"  # the nearest comes first
    return OptionError(f"{message[:1].lower()}{message[1:]}".rstrip("."), help=help)


def internal(error: Exception) -> InternalError:
    """A defect of gradcheck, in one message; with GRADCHECK_DEBUG or -v the traceback before it."""
    if os.environ.get("GRADCHECK_DEBUG") or {"-v", "--verbose"} & set(sys.argv):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, InternalError):
        return error
    return InternalError(
        f"internal error: {type(error).__name__}: {error}",
        help=f"this is a defect of gradcheck {__version__}; please report the command, the model "
        "file and what GRADCHECK_DEBUG=1 prints",
    )
