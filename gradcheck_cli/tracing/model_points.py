"""Reads a POINT for a model: an .npz, a .json, or a function that gives values. Gives values by name.

Knows nothing of programs that are traced.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck_cli.common.errors import DataError, OptionError
from gradcheck_cli.model.graph import spell_shape
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.tracing.points import read_point_file
from gradcheck_cli.tracing.programs import load_program

__all__ = ["is_point", "values_at"]


def is_point(text: str) -> bool:
    """Whether the text of --at names a point, and is no NAME=VALUE."""
    return "=" not in text or text.endswith((".npz", ".json"))


def values_at(model: Model, point: str, seconds: float | None = None) -> dict[str, Array]:
    """The values of a model's names at a point.

    Parameters
    ----------
    model : whose names and shapes they are
    point
        FILE.npz, as --save-point writes it, FILE.json, or FILE.py:FUNCTION, which gives a dict by name
    seconds : that its import, and the function, may take; None: 60

    Returns
    -------
    dict of float64 arrays
        In the shapes of the inputs; with rows, (N, *shape).

    Raises
    ------
    OptionError
        If the model has no such name, or the shape is another one.
    DataError
        If a file cannot be read, or a value is no array of finite numbers.
    """
    found = _read(model, point, seconds)
    names = {model.display(name): name for name in model.inputs} | {name: name for name in model.inputs}
    values: dict[str, Array] = {}
    for given, value in found.items():
        if given not in names:
            raise OptionError(
                f"--at {point}: the model has no data or parameter {given}",
                help=f"it has {', '.join(model.display(name) for name in model.inputs)}",
            )
        values[names[given]] = _array(model, names[given], point, value)
    return values


def _read(model: Model, point: str, seconds: float | None) -> dict[str, Any]:
    """What a file holds or a function gives, by name."""
    if point.endswith((".npz", ".json")):
        return read_point_file(point)
    if ":" not in point:
        raise OptionError(f"--at {point} is neither a value nor a point",
                          help="NAME=VALUE, FILE.npz, FILE.json or FILE.py:FUNCTION")  # fmt: skip
    maker = load_program(point, seconds=seconds)
    with maker.errors():
        found = maker.function()
    if not isinstance(found, dict):
        names = ", ".join(f'"{model.display(name)}": ...' for name in model.inputs)
        raise OptionError(f"--at {point} gives a {type(found).__name__}", help=f"return a dict: {{{names}}}")
    return dict(found)


def _array(model: Model, name: str, point: str, value: Any) -> Array:
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{point}: {model.display(name)} is no array of numbers") from None
    needed, display = model.inputs[name].values.shape, model.display(name)
    if array.shape != needed and array.size == 1 and int(np.prod(needed)) == 1:
        array = array.reshape(needed)
    if array.shape != needed:
        shapes = (spell_shape(shape) or "a single number" for shape in (array.shape, needed))
        raise OptionError("--at {}: {} is {}, the model's is {}".format(point, display, *shapes))
    if not np.isfinite(array).all():
        raise DataError(f"{point}: {display} is not finite")
    return array
