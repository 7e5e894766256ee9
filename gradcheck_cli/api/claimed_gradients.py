"""Reads the gradients that a program gave. Gives the claims of a model that its derivatives are these."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradcheck_cli.api.gradient_arrays import save_array
from gradcheck_cli.api.models import load_claims

if TYPE_CHECKING:
    from gradcheck_cli.model.model import Claim, Model
    from gradcheck_cli.tracing.gradient_calls import Gradients

__all__ = ["claims_of"]


def claims_of(
    given: Gradients, names: Mapping[str, str], model: Model, digits: int | None = None
) -> list[Claim]:
    """The claims that gradients make, each at the line of the program where its array came to be.

    Parameters
    ----------
    given : the gradients
    names : those of the model, by the names of the arrays
    model : whose derivatives they are to be
    digits : how many of their digits count; None: all

    Returns
    -------
    list of Claim
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "claims.txt")
        path.write_text(_text(given, names, Path(folder)), encoding="utf-8")
        return [_to_digits(claim, digits) for claim in load_claims(path, model)]


def _text(given: Gradients, names: Mapping[str, str], folder: Path) -> str:
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
        return save_array(path, value)
    decimals = max(0, math.floor(-math.log10(2*float(np.max(rounding)))))
    lines = np.atleast_1d(value).reshape(len(np.atleast_1d(value)), -1)
    text = "\n".join(",".join(f"{each:.{decimals}f}" for each in line) for line in lines)
    path.with_suffix(".csv").write_text(text + "\n", encoding="utf-8")
    return f'"{path.name}.csv"'


def _to_digits(claim: Claim, digits: int | None) -> Claim:
    """The claim of an array of which no more than so many digits count."""
    if digits is None or claim.numbers is None:
        return claim
    import numpy as np

    from gradcheck_cli.against.given_digits import half_units

    written = 0.0 if claim.half_units is None else claim.half_units
    return replace(claim, half_units=np.maximum(half_units(claim.numbers, digits), written))
