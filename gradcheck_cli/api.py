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
    """What the documentation says of a function."""

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
    """A model from a path, or from text: a str with a line break or "=" is text.

    `max_text` and `max_data` limit the bytes of model text (default 16 MiB) and of data (256 MiB).
    Raises LanguageError or DataError with the place of what is wrong.
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
    """A model from text that was read already; data files are looked up in `folder`."""
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
    """The claims of a file, to be judged against `model`."""
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
    """Three gradients of the model side by side, and its claims judged.

    `at` holds "NAME=VALUE" texts. None means: as the model's `set` lines say, else the default.
    `hint` says what a wrong claim is told: "none" the verdict, "where" the chain goes wrong, the "kind" of
    mistake (the default), or the "truth", the right formula (as `show_truth`).
    `all_entries` reports every entry of blocks beyond 10,000 one by one; `progress` is told the fraction
    that is done. `budget` is how many operations at high precision may be spent (default 12,000,000).
    Raises OptionError for names and values that do not fit the model.
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
    """Keep the values of all data, rows and parameters in an .npz file, written whole or not at all.

    Every name, as the author wrote it, is a key; its array is float64 and has the declared shape, for
    rows (N, *shape): `param W1, b1 from "point.npz"` reads the very numbers back. `at` as in `check`.
    Raises OptionError for a path without the ending .npz, a folder that does not exist and a file that
    the model reads; OutputError if the file cannot be written.
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
    """The forward pass and both backward passes with formulas, numbers and local derivatives.

    Where neither is asked for, the model's `set row` and `set expand` count.
    """
    from gradcheck_cli.formulas.explain import explain as run

    row = model.settings.get("row") if row is None else row
    return run(model, row=row, expand=expand or bool(model.settings.get("expand")))


def show(model: Model) -> str:
    """The model as it was read, fully bracketed, with shapes."""
    from gradcheck_cli.language import show as run

    return run(model)


def functions() -> list[FunctionRecord]:
    """All functions of the language, with domains and SymPy's derivatives."""
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
    """What an initialization does to a deep network; without options the chapter's experiment.

    `progress` is told the fraction that is done. Raises OptionError.
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
    """Weights, variances of steps and of their gradients, of a user's model: a path, or its text.

    `every` and `all_layers` choose what tables show.
    It is read with `nets` seeds, so that what it draws is drawn again; where it draws no parameter,
    once. Raises LanguageError, DataError, OptionError.
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
    """Gain, fixed point and critical point of an activation: a name, or an expression in z.

    `bias_var` is sigma_b^2 at the critical point. Raises OptionError, LanguageError.
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
