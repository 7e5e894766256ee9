"""Reads command lines. Gives the options that several commands share, as click decorators and types."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import click

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.common.fail_on import FAIL_ON
from gradcheck_cli.numerics.limits.checking import CHECKING

__all__ = [
    "BINARY", "LOADING", "Count", "Listed", "Memory", "Result", "Widths", "against_options", "check_against",
    "fail_on_option", "file_type", "framework_option", "loading_options", "output_options", "random_option",
    "refuse_two_counts", "seconds_option",
]  # fmt: skip

BINARY = ("github", "json", "jsonl", "junit", "sarif")  # always UTF-8
Command = TypeVar("Command", bound=Callable[..., Any])
Result = TypeVar("Result")

framework_option = click.option(
    "--framework", type=click.Choice(["numpy", "jax", "torch"]), help="What the program is written with."
)
file_type = click.Path(allow_dash=True, readable=False)


# ---------------------------------------------------------------------------------------------
# What several commands share
# ---------------------------------------------------------------------------------------------


class _FormatName(click.Choice[str]):
    """The registered formats of a command, looked up when they are needed."""

    name = "format"

    def __init__(self, of: str) -> None:
        self._of = of
        self.case_sensitive = True

    @property
    def choices(self) -> tuple[str, ...]:  # type: ignore[override]
        from gradcheck_cli.render.registry import formats

        return formats(self._of)


class Count(click.ParamType[int]):
    """A whole number that is not small: 1000000, 1,000,000 and 1e6 are the same."""

    name = "count"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> int:
        """The number. Fails below 1."""
        with suppress(ValueError):
            number = float(re.sub(r",(?=\d{3}(,|$))", "", str(value)))
            if 1 <= number < math.inf and number == int(number):
                return int(number)
        self.fail(f"'{value}' is not a whole number of 1 or more", parameter, context)


class Memory(click.ParamType[int]):
    """An amount of memory: 512MiB, 2GiB, 1.5 GiB; a plain number is MiB."""

    name = "memory"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> int:
        """MiB. Fails below 1."""
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*(MiB|GiB|)", str(value).strip(), re.IGNORECASE)
        if found:
            mebibytes = int(float(found[1]) * (1024 if found[2].lower() == "gib" else 1))
            if mebibytes >= 1:
                return mebibytes
        self.fail(f"'{value}' is no amount of memory such as 512MiB or 2GiB", parameter, context)


def fail_on_option(command: Command) -> Command:
    """The option that decides which verdicts make the exit code 1."""
    return click.option(
        "--fail-on", type=click.Choice(FAIL_ON),
        help="Exit 1 on this verdict and worse, 0 on milder ones.",
    )(command)  # fmt: skip


def random_option(command: Command) -> Command:
    """The option that asks for random points."""
    most = CHECKING.most_points - 1
    return click.option("--random", type=click.IntRange(1, most), metavar="N",
                        help="N random points besides the given one.")(command)  # fmt: skip


def refuse_two_counts(points: int | None, random: int | None) -> None:
    """Refuse two numbers of points."""
    if points is not None and random is not None:
        raise OptionError("--points and --random exclude each other", help="--random N is --points N + 1")


LOADING = ("seed", "ignore_set", "max_text", "max_data")


def loading_options(command: Command) -> Command:
    """The options that decide how a model file is read."""
    seed = click.option("--seed", type=click.IntRange(0), help="Seed of drawn values and points.")
    ignore = click.option("--ignore-set", is_flag=True, help="Ignore `set` lines of the file.")
    text = click.option(
        "--max-text", type=click.IntRange(1), metavar="MIB", help="Largest model file (default: 16)."
    )
    data = click.option(
        "--max-data", type=click.IntRange(1), metavar="MIB", help="Most data in all (default: 256)."
    )
    return seed(ignore(text(data(command))))


def against_options(command: Command) -> Command:
    """The options that name gradients to be compared with."""
    against = click.option(
        "--against", multiple=True, metavar="OTHER",
        help="Compare with the gradient of FILE.py:FUNCTION, 'cmd: ./program' or a file of numbers.",
    )  # fmt: skip
    flat = click.option("--flat", is_flag=True, help="OTHER takes one vector of all parameters.")
    return against(flat(seconds_option(command)))


def seconds_option(command: Command) -> Command:
    """The option that limits the time of programs."""
    return click.option("--seconds", type=click.FloatRange(0, min_open=True),
                        help="How long a command or function may run (default: 60).")(command)  # fmt: skip


def check_against(chosen: dict[str, Any], names: Sequence[str] = ("flat", "seconds")) -> None:
    """Refuse options of comparisons where nothing is compared."""
    for name in names:
        if chosen[name] and not chosen["against"]:
            raise OptionError(f"--{name} is of --against, and there is none", help="add --against OTHER")


def output_options(of: str) -> Callable[[Command], Command]:
    """The options that decide what the result looks like and where it goes."""
    options = (
        click.option(
            "--format",
            "format_name",
            type=_FormatName(of),
            default="table",
            help="What to write (default: table).",
        ),
        click.option("--output", type=file_type, metavar="FILE", help="Write to FILE, whole."),
        click.option(
            "--color",
            type=click.Choice(("auto", "always", "never")),
            default="auto",
            help="Color the table (default: on a terminal; NO_COLOR and FORCE_COLOR count).",
        ),
    )

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


class Listed(click.ParamType[tuple[str, ...]]):
    """Words with commas between them, each one of the known ones if there are any."""

    name = "list"

    def __init__(self, known: tuple[str, ...] = ()) -> None:
        self.known = known

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[str, ...]:
        """The words. Fails with the known ones."""
        words = tuple(word.strip() for word in str(value).split(","))
        unknown = [word for word in words if self.known and word not in self.known]
        if unknown:
            self.fail(f'"{unknown[0]}" is none of {", ".join(self.known)}', parameter, context)
        return words


class Widths(Listed):
    """Whole numbers with commas between them."""

    name = "widths"

    def convert(self, value: Any, parameter: Any, context: Any) -> Any:
        """The numbers."""
        try:
            return tuple(int(word) for word in super().convert(value, parameter, context))
        except ValueError:
            self.fail(f'"{value}" is no list of whole numbers', parameter, context)
