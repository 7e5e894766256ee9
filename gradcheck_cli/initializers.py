"""Reads fan_in and fan_out of a weight matrix. Gives the variance its entries are drawn with.

A matrix [fan_out, fan_in] maps fan_in values to fan_out. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gradcheck_cli.errors import ShapeError

__all__ = ["INITIALIZERS", "Initializer", "fans"]


@dataclass(frozen=True)
class Initializer:
    """A normal distribution with mean 0 and this variance."""

    name: str
    variance: Callable[[int, int], float]
    formula: str
    source: str


def fans(shape: tuple[int, ...], name: str = "it") -> tuple[int, int]:
    """(fan_in, fan_out) of a weight matrix: its last and its first dimension.

    Raises ShapeError for scalars and vectors, which have none; `name` is for the message.
    """
    if len(shape) < 2:
        raise ShapeError(
            f"{name} has no fan_in and fan_out: they need a matrix",
            help=f"~ {name} is for weights such as W[4,3]; "
            "write ~ normal(0, 1) or a value for a bias",
        )
    return shape[-1], shape[0]


_GLOROT = "Glorot and Bengio 2010, equation 16"
_TABLE = (
    Initializer(
        "he", lambda fan_in, fan_out: 2 / fan_in, "2/fan_in", "He et al. 2015, equation 10"
    ),
    Initializer(
        "xavier",
        lambda fan_in, fan_out: 2 / (fan_in + fan_out),
        "2/(fan_in + fan_out)",
        _GLOROT,
    ),
    Initializer(
        "glorot",
        lambda fan_in, fan_out: 2 / (fan_in + fan_out),
        "2/(fan_in + fan_out)",
        _GLOROT,
    ),
    Initializer(
        "lecun", lambda fan_in, fan_out: 1 / fan_in, "1/fan_in", "LeCun et al. 1998, section 4.6"
    ),
)

INITIALIZERS: Mapping[str, Initializer] = MappingProxyType({i.name: i for i in _TABLE})
