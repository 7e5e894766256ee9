"""Reads a model and arrays by name. Gives the report on these as gradients of its loss."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradcheck_cli.api.models import given_at
from gradcheck_cli.common.errors import OptionError, ShapeError

if TYPE_CHECKING:
    from gradcheck_cli.model.model import Model
    from gradcheck_cli.results.gradient_results import Report

__all__ = ["at_arrays", "check_gradient", "save_array"]

_NARROW = ("float32", "float16")


def at_arrays(model: Model, values: Mapping[str, Any]) -> Model:
    """The model at other values.

    Parameters
    ----------
    model : from `load`
    values : numbers and arrays by the names of data and parameters, in their shapes

    Returns
    -------
    Model

    Raises
    ------
    OptionError
        The model has no such data or parameter, or the shape is another.
    """
    own = {given.display: name for name, given in model.inputs.items()}
    _refuse_unknown(values, own, "data or parameter")
    try:
        return given_at(model, {own[name]: _array(value) for name, value in values.items()})
    except ShapeError as error:
        raise OptionError(error.message) from None


def check_gradient(
    model: Model, gradient: Mapping[str, Any], *, file: str = "the gradient", line: int = 1, **options: Any
) -> Report:
    """Judge arrays that were computed elsewhere, as claims of d loss/d NAME.

    Parameters
    ----------
    model : from `load`
    gradient : arrays by the names of parameters, data or steps; float32 is judged as float32
    file, line : where the arrays come from, for the report
    options : as of `check`

    Returns
    -------
    Report

    Raises
    ------
    OptionError
        The model has no such name.
    """
    from gradcheck_cli.api.gradients import check
    from gradcheck_cli.api.models import load_claims

    names = {given.display for given in model.inputs.values()} | {s.display for s in model.steps.values()}
    _refuse_unknown(gradient, names, "name")
    with tempfile.TemporaryDirectory() as folder:
        claims = []
        for k, (name, value) in enumerate(gradient.items()):
            source = save_array(Path(folder, str(k)), _array(value))
            claims.append(f"claim d {model.display(model.loss)}/d {name} from {source}")
        path = Path(folder, "claims.txt")
        path.write_text("\n"*(line - 1) + "; ".join(claims) + "\n", encoding="utf-8")
        report = check(model, claims=load_claims(path, model), claims_file=file, **options)
    return replace(report, claims=tuple(replace(claim, formula="as given") for claim in report.claims))


def save_array(path: Path, value: Any) -> str:
    """Keep an array in a file, to whose name .npy is added. Gives it as a claim names it, with its format."""
    import numpy as np

    np.save(path.with_suffix(".npy"), value)
    kind = np.asarray(value).dtype.name
    return f'"{path.name}.npy"' + (f" as {kind}" if kind in _NARROW else "")


def _refuse_unknown(given: Mapping[str, Any], known: Any, what: str) -> None:
    for name in given:
        if name not in known:
            raise OptionError(f"the model has no {what} {name!r}", help=f"it has {', '.join(known)}")


def _array(value: Any) -> Any:
    """Numbers as an array; those of torch without what they remember."""
    import numpy as np

    for step in ("detach", "cpu"):
        value = getattr(value, step, lambda value=value: value)()
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise OptionError(f"a {type(value).__name__} is no array of numbers")
    return array
