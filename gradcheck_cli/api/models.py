"""Reads text or paths. Gives models and claims; keeps the values of a model in a file.

Knows nothing of gradients.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from gradcheck_cli.common.errors import LanguageError, OptionError, ShapeError, printable

if TYPE_CHECKING:
    from gradcheck_cli.model.model import Claim, Model
    from gradcheck_cli.numerics.array_types import Array
    from gradcheck_cli.numerics.limits.language import LanguageLimits

__all__ = [
    "at_values", "check_point_path", "claims_and_notes", "given_at", "load", "load_claims", "load_text",
    "save_point", "show",
]  # fmt: skip


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
        from gradcheck_cli.language.data.file_access import read_path

        path = Path(text_or_path)
        data = read_path(path, limits=_reading_limits(max_text, max_data))
        file, folder = str(path), path.parent
    try:
        return load_text(
            data, file=file, folder=folder, seed=seed, ignore_set=ignore_set,
            max_text=max_text, max_data=max_data,
        )  # fmt: skip
    except LanguageError as error:
        raise _of_no_model(error, Path(file).suffix.lower()) from None


def _of_no_model(error: LanguageError, suffix: str) -> LanguageError:
    """The error of a file that is no model by its name: a program, or data."""
    if suffix in _PROGRAMS:
        what, help = "a program, and not a model", _PROGRAM_HELP
    elif suffix in _TABLES:
        what, help = "data, and not a model", f'a line of a model takes it:  data X from "FILE{suffix}"'
    else:
        return error
    name = printable(Path(error.file or "").name)
    return LanguageError(f"{name} is {what}: {error.message}", place=error.place, help=help)


_PROGRAMS = frozenset((
    ".py", ".ipynb", ".m", ".r", ".jl", ".c", ".cc", ".cpp", ".h", ".js", ".java", ".tex", ".pdf",
))  # fmt: skip
_TABLES = frozenset((".csv", ".npy", ".npz", ".tsv"))
_PROGRAM_HELP = (
    "write its formulas as a model; numbers that it computed are judged by  claim d loss/d W from \"g.npz\""
)


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
    from gradcheck_cli.language import other_errors, read_model

    limits = _reading_limits(max_text, max_data)
    try:
        model = read_model(
            data, file=file, folder=folder, seed=seed, ignore_set=ignore_set, limits=limits
        )  # fmt: skip
    except (LanguageError, ShapeError) as error:
        error.others = other_errors(data, error, file=file, limits=limits)
        raise
    return _with_finite_loss(model, limits)


def _reading_limits(max_text: int | None, max_data: int | None) -> LanguageLimits:
    """The usual limits, but for those that are asked for."""
    from gradcheck_cli.numerics.limits.language import DEFAULTS

    return DEFAULTS._replace(
        max_text=max_text or DEFAULTS.max_text, max_data=max_data or DEFAULTS.max_data
    )


def _with_finite_loss(model: Model, limits: LanguageLimits) -> Model:
    """Parameters without a value are drawn again while the loss is not finite."""
    free = [p for p in model.parameters() if p.origin == "free"]
    if not free:
        return model
    import numpy as np

    from gradcheck_cli.evaluation.tape import forward_pass
    from gradcheck_cli.model.random_points import draw_kept, draw_normal

    drawn = model
    for attempt in range(1, limits.most_draws):
        if np.isfinite(forward_pass(drawn).loss):
            return drawn
        values = {
            p.name: draw_kept(
                p.assumptions, draw_normal(model.seed, p.name, p.shape, attempt=attempt),
                model.seed, p.name, attempt,
            )
            for p in free
        }  # fmt: skip
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
        In the order of the file, for `check(model, claims=...)`. One that cannot be read, or speaks of a name
        that the model does not have, has a `failure`; in the report its verdict is ERROR.

    Raises
    ------
    LanguageError
        The text is no file of claims: what cannot be read has no claim in it, or there is too much of it.
    DataError
        The file cannot be read.

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
    return claims_and_notes(Path(path), model)[0]


def claims_and_notes(path: Path, model: Model) -> tuple[tuple[Claim, ...], tuple[str, ...]]:
    """The claims of a file, and what is said of lines that look like one and are none."""
    from gradcheck_cli.language import notes_on_claims, read_claims
    from gradcheck_cli.language.data.file_access import read_path

    text, file = read_path(path), str(path)
    claims = tuple(read_claims(text, file=file, folder=path.parent, model=model))
    return claims, notes_on_claims(text, file=file, model=model)


def at_values(model: Model, texts: Sequence[str], seconds: float | None = None) -> Model:
    """The model at the values of "NAME=VALUE" texts, and of FILE.npz, FILE.json or FILE.py:FUNCTION, which
    may take so many seconds, or 60."""
    if not texts:
        return model
    from gradcheck_cli.language import read_values
    from gradcheck_cli.tracing.model_points import is_point, values_at

    points = [text for text in texts if is_point(text)]
    if len(points) > 1:
        raise OptionError("--at gives two points", help="one point, and NAME=VALUE for what differs from it")
    for point in points:
        model = given_at(model, values_at(model, point, seconds))
    values: dict[str, Array] = {}
    for text in (text for text in texts if text not in points):
        name, value = read_values(text, model)
        if name in values:
            display = model.display(name)
            raise OptionError(f"--at gives {display} twice", help=f"give one value: --at {display}=...")
        values[name] = value
    return given_at(model, values)


def given_at(model: Model, values: Mapping[str, Array]) -> Model:
    """The model at other values, which nobody drew.

    Parameters
    ----------
    model : from `load`
    values : by the names of data and parameters, in their shapes

    Returns
    -------
    Model
        Their origin is "given".

    Raises
    ------
    ShapeError
        A shape is another.
    """
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
    values = at_values(model, at).point()
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
