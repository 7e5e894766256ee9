"""Reads JSON: a file of numbers, or what a command answers. Gives gradients by name, as they are written.

Numbers are judged to the digits that are written. Knows nothing of processes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcheck_cli.against.elsewhere import Asked, ElsewhereError, Numbers
from gradcheck_cli.against.named_numbers import (
    LOSS,
    Written,
    as_printed,
    by_names,
    from_nested,
    parameter_called,
    unnamed,
)
from gradcheck_cli.common.errors import printable
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.limits.against import AGAINST, AgainstLimits
from gradcheck_cli.tracing.argument_trees import leaves_by_argument

__all__ = ["PROTOCOL", "gradient_of_json", "parse_json", "question"]

PROTOCOL = "gradcheck.gradient/1"
_GRADIENT = ("gradient", "gradients", "grad", "grads")
_FORM = '{"gradient": {"W": [[1.5, 2], [3, 4]]}}'


def question(asked: Asked) -> str:
    """What a command is asked: one JSON object on one line."""
    arrays: dict[str, Any] = {}
    for name, leaves in leaves_by_argument(asked.arguments).items():
        arrays |= _arrays(name, asked.arguments[name], leaves)
    arrays |= {name: array for name, array in asked.parameters.items() if name not in arrays}
    point = {name: array.tolist() for name, array in arrays.items()}
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    whole = {"protocol": PROTOCOL, "parameters": list(asked.parameters), "point": point, "shapes": shapes}
    try:
        return json.dumps(whole, allow_nan=False) + "\n"
    except ValueError:
        bad = next(name for name, array in arrays.items() if not np.isfinite(array.astype(float)).all())
        raise ElsewhereError(f"{bad} is not finite here, and JSON holds no such number") from None


def _arrays(name: str, value: Any, leaves: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of an argument: one array, or those in a dict, list or object by their names."""
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind in "fiub":
        return {name: array}
    return {leaf: np.asarray(held) for leaf, held in leaves.items()}


def parse_json(text: str, limits: AgainstLimits = AGAINST) -> Any:
    """The value of a JSON text, numbers as Written. Raises ValueError, also where it is nested too deeply, or
    too long."""
    if text.count(",") >= limits.most_numbers:
        raise ValueError(f"it holds more than {limits.most_numbers:,} numbers")
    try:
        return json.loads(text, parse_float=Written.of, parse_int=Written.of, parse_constant=float)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def gradient_of_json(
    source: str, found: Any, asked: Asked
) -> tuple[dict[str, Numbers], float | None]:
    """The gradients by name, and the loss beside them, of a JSON value. Raises ElsewhereError."""
    if isinstance(found, list | float):
        return _of_all(source, found, asked), None
    if not isinstance(found, dict):
        kind = type(found).__name__
        raise ElsewhereError(f"{source} gives {kind}, and no JSON object", help=f"write {_FORM}")
    _check_protocol(source, found)
    key = next((key for key in _GRADIENT if key in found and parameter_called(key, asked) is None), None)
    given = found if key is None else found[key]
    loss = next((found[key] for key in LOSS if isinstance(found.get(key), float)), None)
    bits = _bits(source, found["precision"]) if "precision" in found else None
    if not isinstance(given, dict):
        return _computed_in(bits, _of_all(source, given, asked)), loss
    kept = {name: value for name, value in given.items() if name not in ("protocol", "precision")}
    numbers = {
        name: from_nested(source, parameter_called(name, asked) or name, value, asked)
        for name, value in kept.items()
    }
    named, beside = by_names(source, _computed_in(bits, as_printed(numbers)), asked)
    return named, beside if loss is None else loss


def _computed_in(bits: int | None, found: dict[str, Numbers]) -> dict[str, Numbers]:
    """Numbers of a format that is told, which says more than their digits."""
    return found if bits is None else {name: Numbers(each.values, None, bits) for name, each in found.items()}


def _of_all(source: str, value: Any, asked: Asked) -> dict[str, Numbers]:
    """One list of all entries."""
    return as_printed(unnamed(source, from_nested(source, "all parameters", value, asked), asked))


def _check_protocol(source: str, found: dict[str, Any]) -> None:
    given = found.get("protocol", PROTOCOL)
    if given != PROTOCOL:
        raise ElsewhereError(
            f"{source} answers by the protocol {printable(str(given), 40)}", help=f"this is {PROTOCOL}"
        )


def _bits(source: str, precision: Any) -> int:
    if isinstance(precision, str) and precision in SIGNIFICANDS:
        return SIGNIFICANDS[precision]
    raise ElsewhereError(
        f"{source} computes in {printable(str(precision), 40)}, which is no format",
        help=f'"precision" is one of {", ".join(SIGNIFICANDS)}',
    )
