"""Reads the names of a program's functions. Gives models of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from gradcheck_cli.common.errors import OptionError

if TYPE_CHECKING:
    from gradcheck_cli.results.gradient_results import Report

__all__ = ["check_program", "trace"]

Function = Callable[..., Any]


def trace(
    named: str, *, at: str | None = None, parameters: Collection[str] = (), setup: str | None = None,
    framework: str | None = None, seconds: float | None = None,
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
    seconds
        How long its import, or a call, may take; 60 by default.

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
    from gradcheck_cli.api.program_checks import slowly, with_globals
    from gradcheck_cli.tracing.points import arguments_at
    from gradcheck_cli.tracing.programs import load_program
    from gradcheck_cli.tracing.replay import outputs_of
    from gradcheck_cli.tracing.trace import trace as traced

    program = load_program(named, setup=setup, framework=framework, seconds=seconds)
    arguments = arguments_at(program, at)
    parameters = parameters or tuple(program.held)
    program, _, arguments = with_globals(program, [], arguments, parameters)
    outputs_of(program, arguments, quiet=True)  # it returns in time; what is recorded takes longer
    with slowly(program):
        return traced(program, arguments, parameters).text


def check_program(
    loss: str | Function, *, grad: str | Function | Sequence[str | Function] = (), at: Any = None,
    parameters: Collection[str] = (), setup: str | None = None, lr: float | None = None,
    against: Sequence[str] = (), flat: bool = False, seconds: float | None = None,
    framework: str | None = None, black_box: bool = False, vjp: str | Function | None = None,
    jvp: str | Function | None = None, random: int = 0, **options: Any,
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
        How long a command, an import, or a call of a function, may run; 60 by default.
    framework
        "numpy", "jax" or "torch"; if it is not given, the imports of the file tell.
    black_box
        Whether the loss is differenced itself, and not traced; so it is, too, where it cannot be traced.
    vjp, jvp
        In place of `grad`, of a function with array outputs: FILE.py:FUNCTION, which takes its arguments and
        a cotangent and returns those of the arguments; or the arguments and tangents, and returns the tangent
        of the outputs. Cotangents and tangents are drawn.
    random
        At how many random points the gradients are computed besides.
    options
        As of `check`. Where the program takes another branch near by, it is compared at the given point only.
        `digits`: how many digits of the gradients count, as 7 of forward differences; by default all that
        rounding leaves. Where the loss is differenced itself: points, digits; hint and the like are refused.

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
    from gradcheck_cli.api.program_checks import RandomPoints, check_traced, others_at, prepare, program_of

    if lr is not None and (lr == 0 or not math.isfinite(lr)):
        raise OptionError(f"--lr {lr:g} is no step")
    program = program_of(loss, setup=setup, framework=framework, seconds=seconds)
    given_by: Any = vjp or jvp or grad
    named = [given_by] if isinstance(given_by, str) or callable(given_by) else list(given_by)
    if not named:
        raise OptionError("nothing gives the gradient", help="--grad FILE.py:GRAD, --vjp or --jvp does")
    task = prepare(program, named, at, parameters, "vjp" if vjp else "jvp" if jvp else "", lr, setup)
    ask = partial(
        others_at, against=against, flat=flat, seconds=seconds, digits=options.get("digits")
    )
    rivals = ask(task.arguments, list(task.given.values), task.value)
    named_loss = loss if isinstance(loss, str) else f"{program.file}:{program.name}"
    report = task.unrepeatable(named_loss)
    if report is not None:
        return report
    found, reason = (None, "") if black_box else task.trace()
    if found is not None:
        report = check_traced(task, found, named_loss, rivals, options, RandomPoints(random, ask))
    else:
        options |= {"points": random + 1} if random else {}
        report = task.black_box(named_loss, reason, options, rivals)
    notes = (*task.given.notes, *(found.notes if found else ()), *report.notes)
    claims = (task.with_outputs(task.with_agreement(claim, report.parameters)) for claim in report.claims)
    return replace(report, notes=notes, claims=tuple(claims))
