"""The library. Reads text or paths. Gives models, reports and explanations; the command line is a skin
over these functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from gradcheck_cli.common.errors import GradcheckError, OptionError

if TYPE_CHECKING:
    from gradcheck_cli.initialization.options import InitOptions
    from gradcheck_cli.model.model import Claim, Model
    from gradcheck_cli.results.gradient_results import Explanation, Report
    from gradcheck_cli.results.initialization_results import GainReport, InitReport

__all__ = [
    "FunctionRecord", "check", "check_point_path", "explain", "functions", "gain", "init_stats", "load",
    "load_claims", "load_text", "model_stats", "save_point", "show", "unreadable",
]  # fmt: skip

_DRAWS = 100  # how often a parameter without a value is drawn until the loss is finite


class FunctionRecord(NamedTuple):
    """What the documentation says of a function of the language."""

    name: str
    signature: str
    aliases: tuple[str, ...]
    summary: str
    domain: str
    derivative: str


def load(
    text_or_path: str | Path,
    *,
    seed: int | None = None,
    ignore_set: bool = False,
    max_text: int | None = None,
    max_data: int | None = None,
) -> Model:
    r"""Read a model from a file, or from text.

    Parameters
    ----------
    text_or_path : str or Path
        A path. A str with a line break or "=" in it is the text of a model; its data files are looked up
        in the current folder.
    seed : int, optional
        Of all that is drawn; default: that of the model's `seed` line, else 0.
    ignore_set : bool
        Leave the model's `set` lines out.
    max_text, max_data : int, optional
        The most bytes of model text (default 16 MiB) and of each data file (256 MiB).

    Returns
    -------
    Model
        Its graph and the values of all inputs, float64 arrays of the declared shapes. Parameters without
        a value are drawn from a standard normal distribution, again while the loss is not finite.

    Raises
    ------
    LanguageError
        The text is no model; the error carries line and column.
    DataError
        A data file cannot be read, or does not fit the declared shape.

    Examples
    --------
    >>> from gradcheck_cli import load
    >>> model = load("data x = 3\nparam w = 2\nloss = (w*x - 1)^2")
    >>> model.loss, [parameter.name for parameter in model.parameters()]
    ('loss', ['w'])
    """
    data: str | bytes
    if isinstance(text_or_path, str) and ("\n" in text_or_path or "=" in text_or_path):
        data, file, folder = text_or_path, "-", Path()
    else:
        from gradcheck_cli.language.data.file_access import MAX_TEXT, read_path

        path = Path(text_or_path)
        data = read_path(path, limit=max_text or MAX_TEXT)
        file, folder = str(path), path.parent
    return load_text(
        data, file=file, folder=folder, seed=seed, ignore_set=ignore_set,
        max_text=max_text, max_data=max_data,
    )  # fmt: skip


def load_text(
    data: bytes | str,
    *,
    file: str,
    folder: Path,
    seed: int | None = None,
    ignore_set: bool = False,
    max_text: int | None = None,
    max_data: int | None = None,
) -> Model:
    """Read a model from text that is in memory already.

    As `load`; `file` is the name that messages show, data files are looked up in `folder`.
    """
    from gradcheck_cli.language import read_model
    from gradcheck_cli.language.data.file_access import MAX_DATA, MAX_TEXT

    model = read_model(
        data, file=file, folder=folder, seed=seed, ignore_set=ignore_set,
        max_text=max_text or MAX_TEXT, max_data=max_data or MAX_DATA,
    )  # fmt: skip
    return _with_finite_loss(model)


def _with_finite_loss(model: Model) -> Model:
    """Parameters without a value are drawn again while the loss is not finite."""
    free = [p for p in model.parameters() if p.origin == "free"]
    if not free:
        return model
    import numpy as np

    from gradcheck_cli.evaluation.tape import forward_pass
    from gradcheck_cli.model.random_points import draw_normal

    drawn = model
    for attempt in range(1, _DRAWS):
        if np.isfinite(forward_pass(drawn).loss):
            return drawn
        values = {
            p.name: draw_normal(model.seed, p.name, p.shape, attempt=attempt) for p in free
        }
        drawn = model.at(values)
    return model


def load_claims(path: str | Path, model: Model) -> tuple[Claim, ...]:
    r"""Read the claims of a file, to be judged against `model`.

    Parameters
    ----------
    path : str or Path
        A text with `claim` lines; its other lines are not used.
    model : Model
        The model that they speak of: its names and shapes.

    Returns
    -------
    tuple of Claim
        In the order of the file, for `check(model, claims=...)`.

    Raises
    ------
    LanguageError
        A line cannot be read, or speaks of a name that the model does not have.
    DataError
        The file, or numbers that it claims, cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from gradcheck_cli import check, load, load_claims
    >>> model = load("param w = 3\nloss = w^2")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "alice.txt")
    ...     _ = path.write_text("claim d loss/d w = w\n")
    ...     claims = load_claims(path, model)
    >>> [(claim.claimed, claim.true) for claim in check(model, claims=claims).claims]
    [(3.0, 6.0)]
    """
    from gradcheck_cli.language import read_claims
    from gradcheck_cli.language.data.file_access import read_path

    path = Path(path)
    return tuple(read_claims(read_path(path), file=str(path), folder=path.parent, model=model))


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
    require_claims: bool = False,
    all_entries: bool = False,
    progress: Callable[[float], None] | None = None,
    budget: int | None = None,
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
        Decimal digits that must be proved equal, 1 to 15.
    scheme : str, optional
        Finite-difference scheme: "extrapolated", "central", "complex", ...
    at : sequence of str
        Other values, as "NAME=VALUE".
    wrt : iterable of str
        Names to differentiate by, data among them; default: all parameters.
    strict : bool, optional
        Whether a claim that is right only for this data, or on one side of a kink, is WRONG.
    carry : bool, optional
        Whether claims also show the value that the author's own chain carries.
    hint : str, optional
        What is said of a wrong claim: "none", the verdict alone; "where" the chain goes wrong; the "kind"
        of mistake (default); the "truth", which is the right formula.
    show_truth : bool
        The same as hint="truth".
    claims : sequence of Claim, optional
        From `load_claims`, in place of those of the model.
    require_claims : bool
        Whether a parameter without a claim is WRONG.
    all_entries : bool
        Whether to report every entry of blocks beyond 10,000 entries.
    progress : callable, optional
        Called with the fraction that is done, 0 to 1.
    budget : int, optional
        Operations at high precision that may be spent; default 12,000,000.

    Returns
    -------
    Report
        Frozen: `verdict`, `exit_code`, one Block of Entries for each name, one ClaimResult for each claim.
        Its truth value raises TypeError: look at the verdict.

    Raises
    ------
    OptionError
        A name or value does not fit the model.

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
    from gradcheck_cli.numerics.work_budget import DEFAULT

    model = _at(model, at)
    options = Options(
        points=points, digits=digits, scheme=scheme, wrt=tuple(wrt) or None, strict=strict or None,
        carry=carry or None, hint="truth" if show_truth else hint, require_claims=require_claims or None,
        all_entries=all_entries, budget=DEFAULT if budget is None else budget,
    )  # fmt: skip
    return run(model, options, claims, progress)


def _at(model: Model, texts: Sequence[str]) -> Model:
    """The model at the values of "NAME=VALUE" texts."""
    if not texts:
        return model
    from gradcheck_cli.language import read_values

    values = dict(read_values(text, model) for text in texts)
    moved = model.at(values)
    inputs = {n: replace(i, origin="given") if n in values else i for n, i in moved.inputs.items()}
    return replace(moved, inputs=MappingProxyType(inputs))


def save_point(model: Model, path: str | Path, *, at: Sequence[str] = ()) -> None:
    r"""Keep the values of all data, rows and parameters in an .npz file, written whole or not at all.

    Every name, as the author wrote it, is a key; its array is float64 and has the declared shape, for
    rows (N, *shape). `param W1, b1 from "point.npz"` reads the very numbers back.

    Parameters
    ----------
    model : Model
        From `load`.
    path : str or Path
        Where to; it ends in .npz.
    at : sequence of str
        Other values, as in `check`.

    Raises
    ------
    OptionError
        The ending is another one, the folder does not exist, or the model reads that file.
    OutputError
        The file cannot be written; the old one, if any, is as it was.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from gradcheck_cli import load, save_point
    >>> model = load("param w[2] = [3, 4]\nloss = sum(w^2)")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "point.npz")
    ...     save_point(model, path, at=["w=[1, 2]"])
    ...     with np.load(path) as point:
    ...         point["w"].tolist()
    [1.0, 2.0]
    """
    from gradcheck_cli.common import atomic_output
    from gradcheck_cli.model import random_points

    check_point_path(path, model.files)
    values = _at(model, at).point()
    named = {model.display(name): array for name, array in values.items()}
    atomic_output.save(str(path), random_points.archive(named))


def check_point_path(path: str | Path, sources: Iterable[str] = ()) -> None:
    """Refuse, before any work, a file for `save_point` that cannot be it. Raises OptionError."""
    from gradcheck_cli.common import atomic_output

    if Path(path).suffix.lower() != ".npz":
        what = "is standard output" if str(path) == "-" else "has another ending"
        raise OptionError(
            f"--save-point: {path} {what}, and a point is kept in an .npz file",
            help="name one: --save-point point.npz",
        )
    atomic_output.check_target(str(path), sources, "--save-point")


def explain(model: Model, *, row: int | None = None, expand: bool = False) -> Explanation:
    r"""Give forward pass and both backward passes with formulas, numbers and local derivatives.

    Parameters
    ----------
    model : Model
        From `load`.
    row : int, optional
        The training example whose values are shown, from 0; default: the model's `set row`.
    expand : bool
        Whether to give the closed formula of each derivative; also where the model says `set expand`.

    Returns
    -------
    Explanation
        The steps of the three lists, in the order in which they are computed. A value is a float or nested
        lists in the step's shape; None where it is one per row and no row was chosen.

    Raises
    ------
    OptionError
        There is no such row.

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

    row = model.settings.get("row") if row is None else row
    return run(model, row=row, expand=expand or bool(model.settings.get("expand")))


def show(model: Model) -> str:
    r"""Give the model as it was read, fully bracketed, with shapes.

    Examples
    --------
    >>> from gradcheck_cli.api import load, show
    >>> print(show(load("param w = 2\nloss = 2*w^2 - 1")).strip())
    param w = 2.0
    loss = ((2 * (w ^ 2)) - 1)
    """
    from gradcheck_cli.language import show as run

    return run(model)


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


def init_stats(
    options: InitOptions | None = None, *, progress: Callable[[float], None] | None = None
) -> InitReport:
    """Measure and predict what an initialization does to activations and gradients of a deep network.

    Parameters
    ----------
    options : InitOptions, optional
        Network, initializers and statistics; default: 50 ReLU layers of 100 units under five variances.
    progress : callable, optional
        Called with the fraction that is done, 0 to 1.

    Returns
    -------
    InitReport
        One Series for each quantity under each initializer, in log10 of the statistic layer by layer,
        measured beside predicted, and one InitSummary with verdict and cause for each initializer.

    Raises
    ------
    OptionError
        An option is impossible, or two exclude each other.

    Examples
    --------
    >>> from gradcheck_cli import InitOptions, init_stats
    >>> report = init_stats(InitOptions(depth=20, width=50, inits=("he", "lecun"), nets=5))
    >>> [(summary.init, str(summary.verdict)) for summary in report.inits]
    [('he', 'stable'), ('lecun', 'VANISHES')]
    """
    from gradcheck_cli.initialization.experiment import init_stats as run
    from gradcheck_cli.initialization.options import InitOptions

    return run(options or InitOptions(), progress)


def model_stats(
    path_or_text: Path | bytes,
    *,
    nets: int = 20,
    seed: int | None = None,
    stat: str = "var",
    level: float = 0.9,
    quantities: Sequence[str] = ("h", "dh"),
    every: int | None = None,
    all_layers: bool = False,
) -> InitReport:
    r"""Measure the weight matrices of a user's model, and the sizes of its steps and their gradients.

    Parameters
    ----------
    path_or_text : Path or bytes
        A path, or the text of a model.
    nets : int
        How many seeds it is read with, so that what it draws is drawn again; once where it draws nothing.
    seed : int, optional
        The first of them; default: that of the model.
    stat : str
        Of the entries of a step: "var", their variance, "ms", their mean square, "std".
    level : float
        Probability of the intervals, between 0 and 1.
    quantities : sequence of str
        "h", the values of steps, and "dh", the loss differentiated by them.
    every, all_layers : int, bool
        Which layers tables show.

    Returns
    -------
    InitReport
        One MatrixStats for each parameter with two axes, one Series for each quantity.

    Raises
    ------
    LanguageError, DataError
        The model or its data cannot be read.
    OptionError
        An option is impossible, or no draw has a finite loss.

    Examples
    --------
    >>> from gradcheck_cli import model_stats
    >>> text = b"data x[3] = [1, -2, 1]\nparam W[400, 3] ~ he\nloss = sum(relu(W @ x)^2)"
    >>> [(matrix.name, matrix.shape, matrix.remark) for matrix in model_stats(text).matrices]
    [('W', (400, 3), 'He')]
    """
    from gradcheck_cli.initialization.user_model.model_stats import model_stats as run

    def drawn_with(seed: int | None) -> Model:
        if isinstance(path_or_text, bytes):
            return load_text(path_or_text, file="-", folder=Path(), seed=seed)
        return load(path_or_text, seed=seed)

    if nets < 1:
        raise OptionError(f"--nets is {nets}", help="it must be 1 or more")
    first = drawn_with(seed)
    drawn = any(p.origin in ("drawn", "free") for p in first.parameters())
    more = range(first.seed + 1, first.seed + nets) if drawn else range(0)
    draws = [first, *map(drawn_with, more)]
    return run(
        draws, stat=stat, level=level, quantities=quantities, every=every, all_layers=all_layers
    )


def gain(activation: str, *, bias_var: float = 0.0) -> GainReport:
    """Give gain, fixed point and critical point of an activation function.

    Parameters
    ----------
    activation : str
        A name ("relu", "leaky_relu:0.2") or an expression in z ("z*sigmoid(z)").
    bias_var : float
        Variance of the biases at the critical point, sigma_b^2.

    Returns
    -------
    GainReport
        Expectations over a standard normal z, without unit; `gain` is 1/sqrt(E phi(z)^2).

    Raises
    ------
    OptionError
        The name is unknown, the function is not finite everywhere, or the variance is negative.
    LanguageError
        The expression cannot be read.

    References
    ----------
    Schoenholz et al. 2017 (fixed and critical points).

    Examples
    --------
    >>> from gradcheck_cli import gain
    >>> found = gain("relu")
    >>> round(found.gain**2, 9), found.fixed_point
    (2.0, 'neutral')
    """
    from gradcheck_cli.initialization.activations import find_activation
    from gradcheck_cli.initialization.gaussian_expectations import describe
    from gradcheck_cli.model.initializers import check_bias_variance

    return describe(find_activation(activation), check_bias_variance(bias_var))


def unreadable(error: GradcheckError, file: str) -> Report:
    """The report of a file that could not be read."""
    from gradcheck_cli.results.gradient_results import Failure, Report, Verdict

    place = error.place
    failure = Failure(
        message=error.message,
        line=place.line if place else None,
        column=place.column if place else None,
        help=error.help,
        text=str(error),
    )
    return Report(model=file, verdict=Verdict.ERROR, error=failure, summary=error.message)
