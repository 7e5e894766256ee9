"""Reads nothing. Gives the click group to which every command belongs.

A command is imported when it is asked for: `gradcheck --help` and a syntax error pay for no other.
"""

from __future__ import annotations

from importlib import import_module

import click

from gradcheck_cli import __version__
from gradcheck_cli.common.errors import OptionError, printable

__all__ = ["COMMANDS", "commands"]

# Each command: its module in this folder, and the first sentence of its help.
COMMANDS = {
    "code": ("code_command", "Judge the gradient that a program computes of its loss; both are run."),
    "example": ("example_command", "List the example models, print one, or save it with its data files."),
    "explain": (
        "explain_command",
        "Show forward pass, backward pass #1 and backward pass #2 with formulas and numbers.",
    ),
    "functions": ("explain_command", "List the functions with their arguments, domains and derivatives."),
    "gain": (
        "init_stats_command", "Show the gain of an activation, its fixed point and its critical point."
    ),
    "init-stats": (
        "init_stats_command",
        "Show what an initialization does to activations and gradients of a deep network.",
    ),
    "run": ("run_command", 'Judge the gradients and the claims of model files ("-": standard input).'),
    "show": ("explain_command", "Print the model as it was read, fully bracketed, with shapes."),
    "trace": ("trace_command", "Print the model file of a function of NumPy, jax or torch, which is called."),
}  # fmt: skip


class Commands(click.Group):
    """The commands by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, which its module adds to the group."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            import_module(f"{__package__}.{COMMANDS[cmd_name][0]}")
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is asked for. Raises OptionError with the one that was meant."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            raise OptionError(f"no such command '{printable(name)}'", help=_find_command(name))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Names and first sentences, as many words as fit."""
        limit = formatter.width - 6 - max(map(len, COMMANDS))
        first = {name: click.Command(name, help=text) for name, (_, text) in sorted(COMMANDS.items())}
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.get_short_help_str(limit)) for name, one in first.items()])


def _find_command(name: str) -> str:
    """The command that was meant: by another word, or by the name of a model alone."""
    if any(sign in name for sign in "./") or name == "-":
        return f"write gradcheck run {printable(name)}"
    if name in _OTHER_WORDS:
        return f"did you mean {_OTHER_WORDS[name]}?"
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, n=1)
    return f"did you mean {near[0]}?" if near else "gradcheck --help shows what there is"


_OTHER_WORDS = {
    **dict.fromkeys(("check", "test", "validate", "verify", "judge", "grad", "gradcheck"), "run"),
    **dict.fromkeys(("examples", "models"), "example"),
    "print": "show", "init": "init-stats", "help": "--help",
}  # fmt: skip

# ---------------------------------------------------------------------------------------------
# The commands
# ---------------------------------------------------------------------------------------------


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True
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
