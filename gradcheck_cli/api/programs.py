"""Reads the names of a program's functions. Gives models of them."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["trace"]


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
