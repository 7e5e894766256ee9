"""Reads the command line. Gives the commands. Knows nothing of gradients.

Each is thin: options in, one library call, one rendering, an exit code. Help, version and
completion import click only; numpy and SymPy arrive with the first model.
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence

import click

from gradcheck_cli.cli.delivery import tell, write_output
from gradcheck_cli.cli.failures import in_our_words, internal
from gradcheck_cli.cli.group import commands
from gradcheck_cli.common import atomic_output
from gradcheck_cli.common.errors import GradcheckError

__all__ = ["commands", "main"]

# The collections at the interpreter's exit would go through every object for nothing: a fifth of the time
# that a small model takes.
atexit.register(gc.freeze)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code. Writes, but never raises."""
    try:
        return _finish(_dispatch(arguments))
    except (KeyboardInterrupt, click.Abort):
        atomic_output.abandon(sys.stdout)
        return 130
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        return _fail(in_our_words(error))
    except GradcheckError as error:
        return _fail(error)
    except Exception as error:
        return _fail(internal(error))


def _dispatch(arguments: Sequence[str] | None) -> int:
    try:
        # the width that click would find by way of shutil: a twentieth of the time that --help takes
        narrow = max(50, min(atomic_output.width(), 80) - 2)
        code = commands.main(
            arguments, prog_name="gradcheck", standalone_mode=False, terminal_width=narrow
        )
    except SystemExit as stop:  # click gave up on a closed pipe, or completed a word
        closed = type(sys.stdout).__name__.endswith("PacifyFlushWrapper")
        code = 0 if closed else stop.code
    return code if isinstance(code, int) else 0


def _finish(code: int) -> int:
    """Flush now, so that a closed pipe is met here and not at the interpreter's shutdown."""
    write_output("")
    return code


def _fail(error: GradcheckError) -> int:
    tell("\n".join(map(str, error.together)))
    return error.exit_code
