"""Reads the names of a program's functions. Gives models of them."""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradcheck_cli.common.errors import GradcheckError, OptionError
from gradcheck_cli.common.shown_paths import as_typed

if TYPE_CHECKING:
    from gradcheck_cli.against.elsewhere import Elsewhere
    from gradcheck_cli.model.model import Model
    from gradcheck_cli.results.gradient_results import Comparison, Report
    from gradcheck_cli.tracing.gradient_calls import Gradients
    from gradcheck_cli.tracing.programs import Program

__all__ = ["check_program", "trace"]

Function = Callable[..., Any]


def trace(
    named: str, *, at: str | None = None, parameters: Collection[str] = (), setup: str | None = None,
    framework: str | None = None,
) -> str:
    """The model file of what a function computes at a point; the function is run.

    Parameters
    ----------
    named
        FILE.py:FUNCTION, or FILE.py:Class.method.
    at
        Its arguments: FILE.npz, FILE.json, or FILE.py:FUNCTION.
    parameters
        The arguments, attributes or globals that are differentiated; every float argument, if there are none.
    setup
        What builds the object of a method: an expression, evaluated in the file; Class() by default.
    framework
        "numpy", "jax" or "torch"; if it is not given, the imports of the file tell.

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

    program = load_program(named, setup=setup, framework=framework)
    arguments = arguments_at(program, at)
    program, _, arguments = _with_globals(program, [], arguments, parameters)
    return traced(program, arguments, parameters).text


def check_program(
    loss: str | Function, *, grad: str | Function | Sequence[str | Function], at: Any = None,
    parameters: Collection[str] = (), setup: str | None = None, lr: float | None = None,
    against: Sequence[str] = (), flat: bool = False, seconds: float | None = None,
    framework: str | None = None, black_box: bool = False, **options: Any,
) -> Report:
    """Judge the gradient that a program computes of a loss that it computes; both functions are run.

    Parameters
    ----------
    loss
        FILE.py:FUNCTION, or FILE.py:Class.method, or the function itself; it is traced.
    grad
        FILE.py:FUNCTION, which returns the gradient: an array, a flat vector, a tuple in the order of the
        arguments, a dict by name, or (loss, gradient); or leaves it in attributes or globals, dW beside W, or
        takes a step, W -= lr*dW. It takes arguments of the loss, by name. Several: one for each argument.
        Or the word "autograd": what jax.grad, or the backward of torch, gives of the loss, with the program's
        own rules.
    at
        The arguments of the loss: FILE.npz, FILE.json, or FILE.py:FUNCTION; a dict or tuple of them.
    parameters
        The arguments, attributes or globals that are differentiated; those that `grad` gives, if there are
        none.
    setup
        What builds the object of a method: an expression, evaluated in the file; Class() by default.
    lr
        The step size of a `grad` that takes a step.
    against
        Other gradients of the loss: FILE.py:FUNCTION, module:function, "cmd: ./program args", a file of
        numbers.
    flat
        Whether the functions among them take one vector of all that is differentiated.
    seconds
        How long a command, or a call of a function, may run; 60 by default.
    framework
        "numpy", "jax" or "torch"; if it is not given, the imports of the file tell.
    black_box
        Whether the loss is differenced itself, and not traced; so it is, too, where it cannot be traced.
    options
        As of `check`. Where the program takes another branch near by, it is compared at the given point only.

    Returns
    -------
    Report
        As of a model whose claims are the gradients; diagnoses name lines of the program. UNRESOLVED where a
        function has several values for the same arguments.

    Raises
    ------
    GradcheckError
        As of `trace`; or nothing tells which array belongs to which argument.
    """
    from gradcheck_cli.api.gradients import check
    from gradcheck_cli.api.models import load_claims, load_text
    from gradcheck_cli.numerics.limits.checking import CHECKING
    from gradcheck_cli.numerics.limits.programs import PROGRAMS
    from gradcheck_cli.programs.black_box import check_black_box
    from gradcheck_cli.programs.black_box_report import unrepeatable
    from gradcheck_cli.programs.explanations import TracedProgram, explain
    from gradcheck_cli.programs.observations import elsewhere, sample_of
    from gradcheck_cli.programs.repeated_calls import between_gradients, between_losses
    from gradcheck_cli.programs.sampled_loss import SampledLoss
    from gradcheck_cli.programs.time_limit import within
    from gradcheck_cli.results.gradient_results import Verdict
    from gradcheck_cli.tracing.frameworks.autograd import AUTOGRAD, gradients_by_autograd
    from gradcheck_cli.tracing.gradient_calls import gradients_of
    from gradcheck_cli.tracing.points import arguments_at
    from gradcheck_cli.tracing.replay import loss_of
    from gradcheck_cli.tracing.trace import trace as traced
    from gradcheck_cli.tracing.traced_nodes import TraceError

    program = _program(loss, setup=setup, framework=framework)
    named = [grad] if isinstance(grad, str) or callable(grad) else list(grad)
    by_autograd = named == [AUTOGRAD]
    named = [] if by_autograd else named
    backward = [_program(each, beside=program, setup=setup) for each in named]
    arguments = arguments_at(program, at)
    program, backward, arguments = _with_globals(program, backward, arguments, parameters)
    limit = PROGRAMS.time_limit if seconds is None else seconds
    with within(limit, program):
        value = loss_of(program, arguments)  # first: a gradient reads what the loss left
    if not math.isfinite(value):
        raise OptionError(f"{program.name} is {value} at this point: there is no gradient", file=program.file)
    differentiate: Callable[..., Gradients] = partial(gradients_of, program, backward, lr=lr)
    if by_autograd:
        differentiate = partial(gradients_by_autograd, program)
    giver = backward[0].name if backward else AUTOGRAD
    call = partial(_timed, limit * max(1, len(backward)), program, giver, differentiate)
    given = call(arguments, wanted=tuple(parameters), value=value)
    rivals = _others(arguments, list(given.values), value, against, flat, seconds)
    named_loss = loss if isinstance(loss, str) else f"{program.file}:{program.name}"
    where = as_typed(next((file for file, _ in given.places.values()), program.file))
    with within(limit, program):
        again = loss_of(program, arguments, quiet=True)
    said = between_losses(program.name, value, again) or between_gradients(
        giver, given.values, call(arguments, wanted=tuple(parameters), value=value).values
    )
    if said:
        return unrepeatable(named_loss, where, said, value)
    found, reason = None, ""
    if not black_box:
        try:
            with within(PROGRAMS.calls_of_a_trace * limit, program):
                found = traced(program, arguments, list(given.values))
        except TraceError as error:
            reason = f"not traced: {_reason(error)}"
    if found is None and against:
        raise OptionError(f"--against needs a model of the loss; {reason or 'it is a black box'}")
    if found is None:
        sampled = SampledLoss(program, arguments, list(given.values), limit)
        return check_black_box(
            sampled, value, given, partial(call, wanted=tuple(given.values)), model=named_loss,
            claims_file=where, reason=reason, points=options.get("points") or CHECKING.points,
        )  # fmt: skip
    model = load_text(found.text, file=named_loss, folder=Path())
    if not found.holds_far:
        options = {**options, "points": 1}
    own = {shown: name for name, shown in found.names.items()}
    told = _Places(found.text.splitlines())

    def judge(there: Model, gradients: Gradients, **asked: Any) -> Report:
        """The report on gradients at a point, with lines of the program."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "claims.txt")
            path.write_text(_claims(gradients, found.names, Path(folder)), encoding="utf-8")
            claims = load_claims(path, there)
        report = check(there, claims=claims, claims_file=where, **asked)
        return replace(
            report, notes=tuple(told(note) for note in report.notes if note not in model.notes),
            claims=tuple(
                replace(c, diagnosis=c.diagnosis and told(c.diagnosis), note=c.note and told(c.note),
                        formula=gradients.ways[own[c.by]])
                for c in report.claims
            ),
            against=tuple(_in_lines(each, told) for each in report.against),
        )  # fmt: skip

    compared = [replace(o, gradient={found.names[n]: g for n, g in o.gradient.items()}) for o in rivals]
    report = judge(model, given, others=compared, **options)
    if report.verdict is Verdict.WRONG:
        others = elsewhere(program, arguments, model, found, partial(call, wanted=tuple(given.values)))
        samples = [sample_of(model, given, found.names), *(sample for sample, _ in others)]
        traced_program = TracedProgram(program, arguments, found.text, found.names, samples, found.notes)
        report = explain(report, traced_program, [judge(s.model, g, points=1) for s, g in others])
    files = {shown: as_typed(given.places[name][0]) for shown, name in own.items() if name in given.places}
    return replace(_in_files(report, files, where), notes=(*given.notes, *found.notes, *report.notes))


def _in_files(report: Report, files: Mapping[str, str], where: str) -> Report:
    """The report with the file of each claim that is not in the one `where` the others are. A parameter of a
    program has no line of its own."""
    others = {name: file for name, file in files.items() if file != where}
    return replace(
        report, claims=tuple(replace(c, file=others.get(c.by)) for c in report.claims),
        parameters=tuple(replace(b, line=None) for b in report.parameters),
    )  # fmt: skip


def _reason(error: GradcheckError) -> str:
    place = f"{Path(error.place.file).name}:{error.place.line}: " if error.place else ""
    return f"{place}{error.message}"


def _timed(
    seconds: float, program: Program, giver: str, differentiate: Callable[..., Gradients],
    arguments: Mapping[str, Any], value: float, wanted: Sequence[str],
) -> Gradients:
    """The gradients for arguments, within a time."""
    from gradcheck_cli.programs.time_limit import within

    with within(seconds, program, giver):
        return differentiate(arguments, wanted=wanted, value=value)


def _program(function: str | Function, **options: Any) -> Program:
    """A function that is named, or there."""
    if isinstance(function, str):
        from gradcheck_cli.tracing.programs import load_program

        return load_program(function, **options)
    from gradcheck_cli.tracing.live_functions import program_of

    return program_of(function, options.get("beside"), options.get("framework"))


def _in_lines(comparison: Comparison, told: _Places) -> Comparison:
    """The comparison with lines of the program in what is said of it."""
    results = (
        replace(r, diagnosis=r.diagnosis and told(r.diagnosis), note=r.note and told(r.note))
        for r in comparison.results
    )
    return replace(comparison, results=tuple(results))


def _others(
    arguments: Mapping[str, Any], names: Sequence[str], loss: float, against: Sequence[str], flat: bool,
    seconds: float | None,
) -> list[Elsewhere]:
    """Other gradients of the loss, by the names of its arrays."""
    if not against:
        return []
    from gradcheck_cli.against.elsewhere import Asked
    from gradcheck_cli.against.sources import gradients_elsewhere
    from gradcheck_cli.tracing.argument_trees import named_arrays

    inside = (named_arrays(name, held) for name, held in arguments.items())
    leaves = {leaf: part for each in inside for leaf, part in each.items()}
    parameters = {name: leaves[name] for name in names}
    return gradients_elsewhere(against, Asked(arguments, parameters, loss, flat=flat, seconds=seconds))


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


def _with_globals(
    program: Program, backward: list[Program], arguments: dict[str, Any], wanted: Collection[str]
) -> tuple[Program, list[Program], dict[str, Any]]:
    """The programs with globals as arguments: those that are wanted; all that the loss reads, where it has no
    float argument."""
    from gradcheck_cli.tracing.argument_trees import is_float, leaves_of
    from gradcheck_cli.tracing.global_values import globals_read, with_globals

    own = {leaf for name, value in arguments.items() for leaf in (name, *leaves_of(name, value))}
    read = globals_read(program)
    floats = any(map(is_float, arguments.values()))
    names = [name for name in read if (name in wanted if wanted else not floats) and name not in own]
    more = {name: read[name] for name in names}
    return with_globals(program, names), [with_globals(b, names) for b in backward], {**arguments, **more}


def _claims(given: Gradients, names: Mapping[str, str], folder: Path) -> str:
    """A file of claims, each at the line of the program where its array came to be."""
    text: dict[int, list[str]] = {}
    for k, (name, value) in enumerate(given.values.items()):
        source = _numbers(value, given.rounding.get(name), Path(folder, str(k)))
        claim = f"claim d loss/d {names[name]} from {source}"
        text.setdefault(given.places[name][1], []).append(claim)
    return "".join("; ".join(text.get(k, ())) + "\n" for k in range(1, max(text, default=0) + 1))


def _numbers(value: Any, rounding: Any, path: Path) -> str:
    """A file of numbers as a claim names it: as they are; of an update, which rounds, to as many decimals as
    are known."""
    import numpy as np

    if rounding is None or not np.any(rounding) or np.ndim(value) > 2:
        np.save(path.with_suffix(".npy"), value)
        kind = np.asarray(value).dtype.name
        return f'"{path.name}.npy"' + (f" as {kind}" if kind in ("float32", "float16") else "")
    decimals = max(0, math.floor(-math.log10(2*float(np.max(rounding)))))
    lines = np.atleast_1d(value).reshape(len(np.atleast_1d(value)), -1)
    text = "\n".join(",".join(f"{each:.{decimals}f}" for each in line) for line in lines)
    path.with_suffix(".csv").write_text(text + "\n", encoding="utf-8")
    return f'"{path.name}.csv"'
