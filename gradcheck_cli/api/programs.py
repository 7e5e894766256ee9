"""Reads the names of a program's functions. Gives models of them."""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradcheck_cli.common.errors import OptionError

if TYPE_CHECKING:
    from gradcheck_cli.numerics.array_types import Array
    from gradcheck_cli.results.gradient_results import Report

__all__ = ["check_program", "trace"]


def trace(named: str, *, at: str | None = None, parameters: Collection[str] = ()) -> str:
    """The model file of what a function computes at a point; the function is run.

    Parameters
    ----------
    named
        FILE.py:FUNCTION.
    at
        Its arguments: FILE.npz, FILE.json, or FILE.py:FUNCTION.
    parameters
        The arguments that are differentiated; every float argument, if there are none.

    Returns
    -------
    str
        The text of a model whose loss is the function's to rounding, at the point and away from it.

    Raises
    ------
    GradcheckError
        If the program cannot be imported or raises an error, an argument is missing, or it does what no model
        says.
    """
    from gradcheck_cli.tracing.points import arguments_at
    from gradcheck_cli.tracing.programs import load_program
    from gradcheck_cli.tracing.trace import trace as traced

    program = load_program(named)
    return traced(program, arguments_at(program, at), parameters).text


def check_program(
    loss: str, *, grad: str, at: str | None = None, parameters: Collection[str] = (), **options: Any
) -> Report:
    """Judge the gradient that a program computes of a loss that it computes; both functions are run.

    Parameters
    ----------
    loss
        FILE.py:FUNCTION; it is traced.
    grad
        FILE.py:FUNCTION, which returns the gradient: an array, a flat vector, a tuple in the order of the
        arguments, a dict by name, or (loss, gradient). It takes arguments of the loss, by name.
    at
        The arguments of the loss: FILE.npz, FILE.json, or FILE.py:FUNCTION.
    parameters
        The arguments that are differentiated; those that `grad` returns, if there are none.
    options
        As of `check`. Where the program takes another branch near by, it is compared at the given point only.

    Returns
    -------
    Report
        As of a model whose claims are the gradients; diagnoses name lines of the program.

    Raises
    ------
    GradcheckError
        As of `trace`; or nothing tells which array belongs to which argument.
    """
    from gradcheck_cli.api.gradients import check
    from gradcheck_cli.api.models import load_claims, load_text
    from gradcheck_cli.tracing.points import arguments_at
    from gradcheck_cli.tracing.program_gradients import call, gradients_by_name
    from gradcheck_cli.tracing.programs import load_program
    from gradcheck_cli.tracing.replay import loss_of
    from gradcheck_cli.tracing.trace import trace as traced

    program, backward = load_program(loss), load_program(grad)
    arguments = arguments_at(program, at)
    value = loss_of(program, arguments)  # first: a gradient reads what the loss left
    if not math.isfinite(value):
        raise OptionError(f"{program.name} is {value} at this point: there is no gradient", file=program.file)
    result, seen = call(backward, arguments)
    gradients = gradients_by_name(backward, result, arguments, tuple(parameters), value)
    found = traced(program, arguments, parameters or _arguments_of(gradients, arguments))
    model = load_text(found.text, file=loss, folder=Path())
    places = {name: seen.place(array) for name, array in gradients.items()}
    lines = {name: line for name, (_, line) in places.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "claims.txt")
        path.write_text(_claims(gradients, lines, found.names, Path(folder)), encoding="utf-8")
        claims = load_claims(path, model)
    if not found.holds_far:
        options = {**options, "points": 1}
    where = next((file for file, _ in places.values()), backward.file)
    report = check(model, claims=claims, claims_file=where, **options)
    told = _Places(found.text.splitlines())
    return replace(
        report, notes=(*found.notes, *map(told, report.notes)),
        claims=tuple(
            replace(c, diagnosis=c.diagnosis and told(c.diagnosis), note=c.note and told(c.note),
                    formula=f"as {backward.name} returns it")
            for c in report.claims
        ),
    )  # fmt: skip


class _Places:
    """Says of lines of a model that was traced which lines of the program they are."""

    def __init__(self, lines: list[str]) -> None:
        self._comments = [line.rpartition("  # ")[2] for line in lines]

    def __call__(self, text: str) -> str:
        """The text with FILE.py:NUMBER for each `line NUMBER`."""
        return re.sub(r"\bline (\d+)\b", self._place, text)

    def _place(self, found: re.Match[str]) -> str:
        number = int(found[1])
        comment = self._comments[number - 1] if number <= len(self._comments) else ""
        return comment if re.fullmatch(r".+\.py:\d+", comment) else found[0]


def _arguments_of(gradients: Mapping[str, Array], arguments: Mapping[str, Any]) -> list[str]:
    from gradcheck_cli.tracing.argument_trees import is_float, named_arrays

    floats = {name: named_arrays(name, value) for name, value in arguments.items() if is_float(value)}
    return [name for name, leaves in floats.items() if any(leaf in gradients for leaf in leaves)]


def _claims(
    gradients: Mapping[str, Array], lines: Mapping[str, int], names: Mapping[str, str], folder: Path
) -> str:
    """A file of claims, each at the line of the program where its array came to be."""
    import numpy as np

    text: dict[int, list[str]] = {}
    for k, (name, value) in enumerate(gradients.items()):
        np.save(folder / f"{k}.npy", value)
        kind = np.asarray(value).dtype.name
        narrow = f" as {kind}" if kind in ("float32", "float16") else ""
        claim = f'claim d loss/d {names[name]} from "{k}.npy"{narrow}'
        text.setdefault(lines[name], []).append(claim)
    return "".join("; ".join(text.get(k, ())) + "\n" for k in range(1, max(text, default=0) + 1))
