"""Reads a loss and its gradient, functions or a model. Gives an assertion for pytest and unittest."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradcheck_cli.model.model import Model
    from gradcheck_cli.results.gradient_results import Report

__all__ = ["assert_gradient", "assert_report"]

Function = Callable[..., Any]
__unittest = True  # unittest leaves the frames of this module out


def assert_gradient(
    loss: Function | str | Path | Model,
    gradient: Function | str | Sequence[Function | str] | Mapping[str, Any] | None = None,
    *, at: Any = None, wrt: Sequence[str] = (), fail_on: str = "unresolved", **options: Any,
) -> Report:  # fmt: skip
    r"""Assert that a gradient is right; the message is the table that `gradcheck run` shows.

    Parameters
    ----------
    loss : callable, str, Path or Model
        A function of a program, which is called and traced, or "FILE.py:FUNCTION"; or a model: its text, its
        path, or from `load`.
    gradient : callable, str, sequence of these, or mapping, optional
        Of a program, the function that gives the gradient, as of `gradcheck code`, or one for each argument.
        Of a model, arrays by name; without them the claims of the model are judged.
    at : optional
        Where. Of a program a dict or tuple of arguments, or a POINT of `gradcheck code`; of a model a dict,
        or "NAME=VALUE" texts.
    wrt : sequence of str
        What is differentiated by.
    fail_on : str
        "wrong"; "unresolved", which is also on UNRESOLVED; "kink", also on KINK.
    options
        As of `check`: points, digits, strict, ...; of a program also framework="numpy", "jax" or "torch",
        where neither the loss nor the point tells.

    Returns
    -------
    Report
        What was found, if it is right.

    Raises
    ------
    AssertionError
        The gradient is wrong.
    GradcheckError
        The program could not be run; the model cannot be read.

    Examples
    --------
    >>> from gradcheck_cli.testing import assert_gradient
    >>> assert_gradient("param w = 3\nloss = w^2", {"w": 6.0}).exit_code
    0
    >>> try:
    ...     assert_gradient("param w = 3.141593\nloss = w^2", {"w": 3.141593})
    ... except AssertionError as error:
    ...     print(str(error).partition("\n")[0])
    WRONG: line 2: misses the factor 2 of the power (line 2)
    """
    __tracebackhide__ = True
    from gradcheck_cli.common.errors import GradcheckError, InternalError

    caller = sys._getframe(1)
    try:
        if _is_program(loss):
            report = _of_program(loss, gradient, at=at, parameters=wrt, **options)
        else:
            place = caller.f_code.co_filename, caller.f_lineno
            report = _of_model(loss, gradient, at, place, wrt=wrt, **options)
    except InternalError:
        raise
    except GradcheckError as error:  # it says all that there is to say: no frames of ours
        raise error.with_traceback(None) from None
    assert_report(report, fail_on=fail_on)
    return report


def assert_report(report: Report, *, fail_on: str = "unresolved") -> None:
    """Assert that a report of `check` found nothing that fails.

    Parameters
    ----------
    report : Report
        From `check`.
    fail_on : str
        As of `assert_gradient`.

    Raises
    ------
    AssertionError
        Its message is the report as a table.
    """
    __tracebackhide__ = True
    from gradcheck_cli.render.findings import reason
    from gradcheck_cli.results.gradient_results import exit_code

    if exit_code([report.verdict], fail_on):
        raise AssertionError(f"{report.verdict}: {reason(report)}\n\n{report}")


def _is_program(loss: Any) -> bool:
    if isinstance(loss, str):
        file, _, name = loss.rpartition(":")
        return file.endswith(".py") and name.replace(".", "").isidentifier()
    return callable(loss)


def _of_program(loss: Any, gradient: Any, **options: Any) -> Report:
    from gradcheck_cli import api

    if gradient is None or isinstance(gradient, Mapping):
        raise TypeError("a loss that is a function needs the function that computes its gradient")
    if (framework := _framework_of(options["at"])) is not None:
        options.setdefault("framework", framework)
    return api.check_program(loss, grad=gradient, **options)


def _framework_of(point: Any) -> str | None:
    """The framework whose arrays are in a point; None where all are NumPy's, or numbers."""
    if isinstance(point, Mapping | list | tuple):
        inside = point.values() if isinstance(point, Mapping) else point
        return next((found for each in inside if (found := _framework_of(each))), None)
    home = type(point).__module__.partition(".")[0]
    return {"torch": "torch", "jax": "jax", "jaxlib": "jax"}.get(home)


def _of_model(loss: Any, gradient: Any, at: Any, place: tuple[str, int], **options: Any) -> Report:
    from gradcheck_cli import api
    from gradcheck_cli.common.shown_paths import as_typed
    from gradcheck_cli.model.model import Model

    if gradient is not None and not isinstance(gradient, Mapping):
        raise TypeError("the gradient of a model is a dict of arrays by name")
    model = loss if isinstance(loss, Model) else api.load(loss)
    if model.file == "-":
        model = replace(model, file="the model")
    if isinstance(at, Mapping):
        model = api.at_arrays(model, at)
    elif at is not None:
        options["at"] = [at] if isinstance(at, str) else list(at)
    if gradient is None:
        return api.check(model, **options)
    file, line = place
    return api.check_gradient(model, gradient, file=as_typed(file), line=line, **options)
