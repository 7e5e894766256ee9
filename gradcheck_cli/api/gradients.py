"""Reads models. Gives reports, explanations, and the table of functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from gradcheck_cli.api.models import at_values
from gradcheck_cli.common.errors import GradcheckError

if TYPE_CHECKING:
    from gradcheck_cli.against.elsewhere import Elsewhere
    from gradcheck_cli.model.model import Claim, Model
    from gradcheck_cli.results.gradient_results import Explanation, Report

__all__ = ["FunctionRecord", "check", "explain", "functions", "unreadable"]


class FunctionRecord(NamedTuple):
    """What the documentation says of a function of the language."""

    name: str
    signature: str
    aliases: tuple[str, ...]
    summary: str
    domain: str
    derivative: str


def check(
    model: Model,
    *,
    points: int | None = None,
    digits: int | None = None,
    scheme: str | None = None,
    at: Sequence[str] = (),
    wrt: Iterable[str] = (),
    strict: bool | None = None,
    carry: bool | None = None,
    hint: str | None = None,
    show_truth: bool = False,
    claims: Sequence[Claim] | None = None,
    claims_file: str | None = None,
    require_claims: bool = False,
    all_entries: bool = False,
    progress: Callable[[float], None] | None = None,
    budget: int | None = None,
    memory: int | None = None,
    against: Sequence[str] = (),
    flat: bool = False,
    seconds: float | None = None,
    others: Sequence[Elsewhere] = (),
    random: int = 0,
) -> Report:
    r"""Compare three gradients of a model entry by entry, and judge its claims.

    Parameters
    ----------
    model : Model
        From `load`.
    points : int, optional
        How many points in all, the given one first; the others are drawn. None here and below: as the
        model's `set` lines say, else the default, which `gradcheck run --help` names.
    digits : int, optional
        Decimal digits that must be proved equal, 1 to 15; if given, so many of `against` count.
    scheme : str, optional
        Finite-difference scheme: "extrapolated", "central", "complex", ...
    at : sequence of str
        Other values, as "NAME=VALUE"; a point, as "FILE.npz", "FILE.json" or "FILE.py:FUNCTION".
    wrt : iterable of str
        Names to differentiate by, data among them; default: all parameters.
    strict : bool, optional
        Whether a claim is WRONG that is right under a restriction only: for these data, at the given point,
        for symmetric matrices, on one side of a kink, by convention, if computed in float32
        (`ClaimResult.only` says which).
    carry : bool, optional
        Whether claims also show the value that the author's own chain carries.
    hint : str, optional
        What is told: with "verdict" no derivative that was computed; with "none" nothing of what is wrong
        with a claim but its numbers; "where" the chain goes wrong; the "kind" of mistake (default); the
        "truth", which is the right formula.
    show_truth : bool
        The same as hint="truth".
    claims : sequence of Claim, optional
        From `load_claims`, in place of those of the model.
    claims_file : str, optional
        The name of their file, for the report, which is UNRESOLVED if that file has no claim.
    require_claims : bool
        Whether a parameter is WRONG that has an entry without a claim, or whose claim rests on itself or on a
        derivative of the loss that is not claimed.
    all_entries : bool
        Whether to report every entry of blocks beyond 10,000 entries.
    progress : callable, optional
        Called with the fraction that is done, 0 to 1.
    budget : int, optional
        Operations at high precision that may be spent; default 12,000,000.
    memory : int, optional
        MiB that may be held at a time beyond the data; default 1,024.
    against : sequence of str
        Gradients that are computed elsewhere: "FILE.py:FUNCTION", "module:function", "cmd: ./program args",
        or a file of numbers. Functions and commands are run.
    flat : bool
        Whether the functions among them take one vector of all parameters.
    seconds : float, optional
        How long a command, or a call of a function, may run; default 60.
    others : sequence of Elsewhere
        Gradients to compare with that were computed already, by the names of the model.
    random : int
        How many random points there are besides the given one, in place of `points`; functions and commands
        of `against` are asked at these, too.

    Returns
    -------
    Report
        Frozen: `verdict`, `exit_code`, one Block of Entries for each name, one ClaimResult for each claim.
        Its truth value raises TypeError: look at the verdict.

    Raises
    ------
    OptionError
        A name or value does not fit the model; or one pass over it needs more memory.
    GradcheckError
        What is compared gives no gradient, or one by other names or in other shapes.

    Examples
    --------
    >>> from gradcheck_cli import check, load
    >>> model = load("param w = 3\nloss = w^2\nclaim d loss/d w = w")
    >>> report = check(model)
    >>> str(report.verdict), report.exit_code
    ('WRONG', 1)
    >>> [(str(block.verdict), block.entries[0].backprop) for block in report.parameters]
    [('ok', 6.0)]
    """
    from gradcheck_cli.checking.check import check as run
    from gradcheck_cli.checking.options import Options
    from gradcheck_cli.numerics.limits.numerics import NUMERICS

    model = at_values(model, at, seconds)
    options = Options(
        points=points if not random else random + 1,
        digits=digits, scheme=scheme, wrt=tuple(wrt) or None, strict=strict or None,
        carry=carry or None, hint="truth" if show_truth else hint, require_claims=require_claims or None,
        all_entries=all_entries, claims_file=claims_file,
        budget=NUMERICS.budget if budget is None else budget,
        memory=NUMERICS.memory if memory is None else memory,
    )  # fmt: skip
    if against:
        from gradcheck_cli.api.comparisons import gradients_of_model

        found = gradients_of_model(model, options.wrt, against, flat=flat, seconds=seconds, digits=digits)
        others = [*found, *others]
    report = run(model, options, claims, progress, against=others)
    if not (random and against and report.against):
        return report
    from gradcheck_cli.api.comparisons import compare_at_random_points

    return compare_at_random_points(
        report, model, options, against, random, flat=flat, seconds=seconds, digits=digits
    )


def explain(
    model: Model, *, row: int | None = None, expand: bool = False, memory: int | None = None
) -> Explanation:
    r"""Give forward pass and both backward passes with formulas, numbers and local derivatives.

    Parameters
    ----------
    model : Model
        From `load`.
    row : int, optional
        The training example whose values are shown, from 0; default: the model's `set row`.
    expand : bool
        Whether to give the closed formula of each derivative; also where the model says `set expand`.
    memory : int, optional
        MiB that may be held at a time beyond the data; default 1,024.

    Returns
    -------
    Explanation
        The steps of the three lists, in the order in which they are computed. A value is a float or nested
        lists in the step's shape; None where it is one per row and no row was chosen.

    Raises
    ------
    OptionError
        There is no such row; or one pass over the model needs more memory.

    Examples
    --------
    >>> from gradcheck_cli import explain, load
    >>> found = explain(load("data x = 3\nparam w = 2\nf = w*x\nloss = (f - 1)^2"))
    >>> for step in (*found.backward_steps, *found.backward_parameters):
    ...     print(step.title, "=", step.formula, "=", step.value)
    d loss/d f = 2*(f - 1) = 10.0
    d loss/d w = x * d loss/d f = 30.0
    """
    from gradcheck_cli.formulas.explain import explain as run
    from gradcheck_cli.numerics.limits.numerics import NUMERICS

    row = model.settings.get("row") if row is None else row
    expand = expand or bool(model.settings.get("expand"))
    return run(model, row=row, expand=expand, memory=NUMERICS.memory if memory is None else memory)


def functions() -> list[FunctionRecord]:
    """List the functions of the language, with domains and SymPy's derivatives.

    Examples
    --------
    >>> from gradcheck_cli.api import functions
    >>> {each.name: each.derivative for each in functions()}["sin"]
    'cos(x)'
    """
    from gradcheck_cli.formulas.function_table import derivative_text
    from gradcheck_cli.model.primitives.table import PRIMITIVES

    return [
        FunctionRecord(
            p.function, p.signature, p.aliases, p.summary, p.domain_text, derivative_text(p)
        )
        for p in PRIMITIVES.values()
        if p.name not in ("identity", "expand")
    ]


def unreadable(error: GradcheckError, file: str, claims_file: str | None = None) -> Report:
    """The report of a file that could not be read, or of a model whose file of claims could not."""
    from gradcheck_cli.results.gradient_results import Failure, Report, Verdict

    return Report(
        model=file, verdict=Verdict.ERROR, error=Failure.of(error), summary=error.message,
        errors=tuple(map(Failure.of, error.together)), claims_file=claims_file,
    )  # fmt: skip
