"""Reads what gradients are compared with, as it is typed. Gives them, each under a short name of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from gradcheck_cli.against.answers import gradient_of_json, parse_json, question
from gradcheck_cli.against.elsewhere import Asked, Elsewhere, ElsewhereError, check_numbers
from gradcheck_cli.against.given_digits import to_digits
from gradcheck_cli.common.errors import printable
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.limits.against import AGAINST, AgainstLimits

__all__ = ["COMMAND", "asked_twice", "gradients_elsewhere", "is_file"]

COMMAND = "cmd:"


def gradients_elsewhere(sources: Sequence[str], asked: Asked, *, again: bool = True) -> list[Elsewhere]:
    """The gradients that functions, commands and files give.

    Parameters
    ----------
    sources : FILE.py:FUNCTION, module:function, "cmd: ./program args", or a file of numbers
    asked : where, and by what
    again : whether functions and commands are asked twice, to see that they give the same

    Returns
    -------
    list of Elsewhere
        By the names of the parameters in `asked`; no two have one name.

    Raises
    ------
    GradcheckError
        If one gives no gradient, or one by other names, in other shapes, or that is not finite; or another
        one when it is asked again.
    """
    found = [_gradient(source, asked, again=again) for source in sources]
    for each in found:
        check_numbers(each.name, asked, each.gradient)
    return _told_apart([replace(each, gradient=to_digits(each.gradient, asked.digits)) for each in found])


def is_file(source: str) -> bool:
    """Whether it names a file of numbers, which are of one point."""
    return not source.startswith(COMMAND) and (os.path.exists(source) or ":" not in source)


def _gradient(source: str, asked: Asked, *, again: bool) -> Elsewhere:
    if is_file(source):
        from gradcheck_cli.against.files import gradient_of_file

        gradient, loss = gradient_of_file(source, asked)
        return Elsewhere(os.path.basename(source), source, gradient, loss)
    ask = partial(_of_command if source.startswith(COMMAND) else _of_function, source, asked)
    return asked_twice(ask) if again else ask()


def asked_twice(ask: Callable[[], Elsewhere], limits: AgainstLimits = AGAINST) -> Elsewhere:
    """What is given, where it is the same again; what took long is not asked again."""
    from gradcheck_cli.tracing.repeated_calls import between_gradients

    start = time.monotonic()
    first = ask()
    if time.monotonic() - start > limits.asked_again:
        return first
    if said := between_gradients(first.name, _arrays(first), _arrays(ask())):
        raise ElsewhereError(said, help="no verdict can be given of numbers that change")
    return first


def _arrays(found: Elsewhere) -> dict[str, Any]:
    """The gradients by name, in float32 where they were computed in it or narrower."""
    narrow = SIGNIFICANDS["float32"]
    return {
        name: each.values.astype("float32" if (each.bits or narrow + 1) <= narrow else "float64")
        for name, each in found.gradient.items()
    }


def _of_function(source: str, asked: Asked) -> Elsewhere:
    from gradcheck_cli.against.functions import gradient_of_function

    returned = gradient_of_function(source, asked)
    file, _, name = source.rpartition(":")
    short = f"{os.path.basename(file)}:{name}"
    return Elsewhere(short, source, returned.gradient, returned.loss, returned.notes)


def _of_command(source: str, asked: Asked) -> Elsewhere:
    from gradcheck_cli.against.commands import answer_of

    command = source.removeprefix(COMMAND).strip()
    name = _name_of_command(command)
    text = answer_of(command, question(asked), name, asked.seconds)
    try:
        found = parse_json(text)
    except ValueError:
        raise _not_json(name, text) from None
    gradient, loss = gradient_of_json(name, found, asked)
    return Elsewhere(name, source, gradient, loss)


def _name_of_command(command: str) -> str:
    """The last part that looks like a program or its file: of python3 grad.py the second."""
    words = [word for word in command.split() if not word.startswith("-")]
    files = [word for word in words[1:] if os.path.isfile(word)]
    return os.path.basename((files or words[:1] or [command])[0])


def _not_json(name: str, text: str) -> ElsewhereError:
    """What is said of output that is no JSON object, or holds more than one."""
    shown = printable(" ".join(text.split()), 60)
    start, end = text.find("{"), text.rfind("}")
    message = f"{name} writes no JSON object, but: {shown}" if shown else f"{name} writes nothing"
    if 0 <= start < end:
        try:
            parse_json(text[start : end + 1])
            message = f"{name} writes more than its answer: {shown}"
        except ValueError as error:
            message = f"{name} writes what is no JSON: {error}"
            if str(error).startswith("Extra data"):
                message = f"{name} writes more than one JSON object"
    help = "standard output is for the answer alone; messages go to standard error"
    return ElsewhereError(message, help=help)


def _told_apart(found: Sequence[Elsewhere]) -> list[Elsewhere]:
    """Names as short as tells them apart: with the folder, else with a number."""
    named = list(found)
    for k, each in enumerate(named):
        alike = [other for other in found if other.name == each.name]
        if len(alike) == 1:
            continue
        if len({other.source for other in alike}) == len(alike):
            longer = each.source.removeprefix(COMMAND).strip()
            named[k] = replace(each, name=longer)
        else:
            number = sum(other.name == each.name for other in found[: k + 1])
            named[k] = replace(each, name=f"{each.name} #{number}")
    return named
