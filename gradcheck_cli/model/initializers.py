"""Reads the name of an initializer. Gives the variance of its weights and how they are drawn.

The one table, for `param W[4,3] ~ he` and for init-stats. A matrix [fan_out, fan_in] maps fan_in values
to fan_out. Knows nothing of models.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.common.errors import OptionError, ShapeError, printable

__all__ = [
    "INITIALIZERS", "TRUNCATED_VARIANCE", "Initializer", "check_bias_variance", "fans",
    "find_initializer", "unit_normal", "unit_orthogonal", "unit_truncated", "unit_uniform",
]  # fmt: skip

Array = NDArray[np.float64]
UnitDraw = Callable[[np.random.Generator, tuple[int, int]], Array]
_TRUNCATION = 2.0  # standard deviations of the normal distribution that is truncated
TRUNCATED_VARIANCE = 1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2))  # of that one


# ---------------------------------------------------------------------------------------------
# Distributions: matrices whose entries have mean 0 and variance 1
# ---------------------------------------------------------------------------------------------


def unit_normal(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Independent standard normal entries.

    Parameters
    ----------
    rng : the stream of random numbers
    shape : (out, in)

    Returns
    -------
    (out, in) float64
    """
    return rng.standard_normal(shape)


def unit_uniform(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Independent entries, uniform in [-sqrt(3), sqrt(3)]."""
    return rng.uniform(-math.sqrt(3), math.sqrt(3), shape)


def unit_truncated(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Independent normal entries, truncated at 2 standard deviations; the variance is corrected."""
    found = rng.standard_normal(shape)
    while (outside := np.abs(found) > _TRUNCATION).any():
        found[outside] = rng.standard_normal(int(outside.sum()))
    return found / math.sqrt(TRUNCATED_VARIANCE)


def unit_orthogonal(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """sqrt(max(shape)) times a matrix with orthonormal rows or columns, drawn uniformly (Haar measure).

    Parameters
    ----------
    rng : the stream of random numbers
    shape : (out, in)

    Returns
    -------
    (out, in) float64

    References
    ----------
    Mezzadri 2007.
    """
    tall = (max(shape), min(shape))
    q, r = np.linalg.qr(rng.standard_normal(tall))
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return math.sqrt(tall[0]) * (q if shape == tall else q.T)


# ---------------------------------------------------------------------------------------------
# The table
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Initializer:
    """Weights with mean 0: their variance, and the distribution of (entry / standard deviation)."""

    name: str
    variance: Callable[[float, float], float]  # of fan_in and fan_out
    formula: str
    source: str = ""
    unit: UnitDraw = unit_normal
    bias_variance: Callable[[float], float] | None = None  # of fan_in; None: as asked for
    bias_unit: UnitDraw = unit_normal

    @classmethod
    def drawn(
        cls, name: str, draw: UnitDraw, variance: Callable[[float, float], float], formula: str = ""
    ) -> Initializer:
        """An initializer of your own, against the variance that it should have.

        Parameters
        ----------
        name : str
            For reports.
        draw : callable
            From a numpy Generator and the shape (fan_out, fan_in): the weights, an array of that shape.
        variance : callable
            Of one weight, from fan_in and fan_out.
        formula : str
            The same in writing.

        Examples
        --------
        >>> from gradcheck_cli import Initializer, InitOptions, init_stats
        >>> def mine(rng, shape):
        ...     return rng.normal(0, (1 / shape[1])**0.5, shape)
        >>> own = Initializer.drawn("mine", mine, lambda fan_in, fan_out: 2 / fan_in)
        >>> report = init_stats(InitOptions(inits=(own,), depth=20, width=200))
        >>> str(report.inits[0].verdict), report.inits[0].cause.partition(", as ")[2]
        ('UNEXPECTED', 'from a forgotten factor 2')
        """

        def unit(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
            return np.asarray(draw(rng, shape)) / math.sqrt(variance(shape[1], shape[0]))

        return cls(name, variance, formula, unit=unit)

    def with_fan(self, fan: str) -> Initializer:
        """The same with fan_out, or the average of both, in the place of fan_in."""
        choose: dict[str, Callable[[float, float], float]] = {
            "in": lambda fan_in, fan_out: fan_in,
            "out": lambda fan_in, fan_out: fan_out,
            "avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
        }
        of, chosen = self.variance, choose[fan]
        if fan == "in" or "fan_out" in self.formula or "fan_in" not in self.formula:
            return self
        written = {"out": "fan_out", "avg": "((fan_in + fan_out)/2)"}[fan]
        return replace(
            self,
            variance=lambda fan_in, fan_out: of(chosen(fan_in, fan_out), fan_out),
            formula=self.formula.replace("fan_in", written),
        )


def fans(shape: tuple[int, ...], name: str = "it") -> tuple[int, int]:
    """(fan_in, fan_out) of a weight matrix: its last and its first dimension.

    Raises ShapeError for scalars and vectors, which have none, and for arrays, of which libraries take
    different axes; `name` is for the message.
    """
    if len(shape) > 2:
        fan_in = math.prod(shape[1:])
        raise ShapeError(
            f"fan_in and fan_out of {len(shape)} axes are read in different ways: {name} needs a matrix",
            help=f"write the deviation: ~ normal(0, sqrt(2/{fan_in})) of a kernel, whose fan_in is {fan_in}",
        )
    if len(shape) < 2:
        raise ShapeError(
            f"{name} has no fan_in and fan_out: they need a matrix",
            help=f"~ {name} is for weights such as W[4,3]; "
            "write ~ normal(0, 1) or a value for a bias",
        )
    return shape[-1], shape[0]


def check_bias_variance(value: float) -> float:
    """The value, if it can be a variance. Raises OptionError."""
    if not (math.isfinite(value) and value >= 0):
        raise OptionError(f"--bias-var is {value:g}", help="a variance is 0 or more")
    return value


def _glorot(fan_in: float, fan_out: float) -> float:
    return 2 / (fan_in + fan_out)


_GLOROT = ("2/(fan_in + fan_out)", "Glorot and Bengio 2010, equation 16")
_TABLE = (
    Initializer(
        "he", lambda fan_in, fan_out: 2 / fan_in, "2/fan_in", "He et al. 2015, equation 10"
    ),
    Initializer("xavier", _glorot, *_GLOROT),
    Initializer("glorot", _glorot, *_GLOROT),
    Initializer(
        "lecun", lambda fan_in, fan_out: 1 / fan_in, "1/fan_in", "LeCun et al. 1998, section 4.6"
    ),
)

INITIALIZERS: Mapping[str, Initializer] = MappingProxyType({i.name: i for i in _TABLE})

# What init-stats knows beyond these: distributions with a number behind a colon, and
_DISTRIBUTIONS: Mapping[str, UnitDraw] = MappingProxyType(
    {"normal": unit_normal, "uniform": unit_uniform, "trunc": unit_truncated}
)
_TORCH_DEFAULT = Initializer(
    "torch-default",
    lambda fan_in, fan_out: 1 / (3 * fan_in),
    "1/(3*fan_in), biases too",
    "torch.nn.Linear: uniform in +-1/sqrt(fan_in)",
    unit=unit_uniform,
    bias_variance=lambda fan_in: 1 / (3 * fan_in),
    bias_unit=unit_uniform,
)
_KNOWN = (
    "he, glorot, xavier, lecun, auto, torch-default, orthogonal[:GAIN], normal:VAR, normal:std=S, "
    "uniform:VAR, trunc:VAR"
)


_ELSEWHERE = {"he": ("kaiming", "he_"), "glorot": ("xavier_", "xavier-", "glorot_"), "lecun": ("lecun_",)}


def find_initializer(text: str, gain: float) -> Initializer:
    """The initializer of a name such as "he", "auto", "normal:0.02", "trunc:std=0.1", "orthogonal:1.4".

    `gain` is that of the activation, for "auto". Raises OptionError with the nearest known name.
    """
    name, colon, argument = text.partition(":")
    plain = {**INITIALIZERS, "torch-default": _TORCH_DEFAULT, "auto": _auto(gain)}
    if name in plain and not colon:
        return plain[name]
    if name in plain:
        raise OptionError(f"{name} takes no number", help="normal:VAR, uniform:VAR and trunc:VAR do")
    if name == "orthogonal":
        return _orthogonal(text, _number(text, argument) if colon else 1.0)
    if name in _DISTRIBUTIONS and colon:
        return _of_variance(text, name, argument)
    raise _unknown(text, name, [*plain, *_DISTRIBUTIONS, "orthogonal"])


def _auto(gain: float) -> Initializer:
    return Initializer(
        "auto",
        lambda fan_in, fan_out: gain**2 / fan_in,
        "gain^2/fan_in",
        "the gain of this activation: 1/sqrt(E phi(z)^2)",
    )


def _orthogonal(text: str, gain: float) -> Initializer:
    return Initializer(
        text,
        lambda fan_in, fan_out: gain**2 / max(fan_in, fan_out),
        f"{gain:.6g}^2/max(fan_in, fan_out)",
        "Saxe et al. 2014",
        unit=unit_orthogonal,
    )


def _of_variance(text: str, name: str, argument: str) -> Initializer:
    prefix, equals, number = argument.rpartition("=")
    if equals and prefix != "std":
        raise OptionError(
            f'"{printable(text, 40)}": there is no {printable(prefix, 20)}',
            help=f"{name}:VAR gives the variance, {name}:std=S the standard deviation",
        )
    value = _number(text, number)
    variance = value**2 if equals else value
    return Initializer(
        text, lambda fan_in, fan_out: variance, f"{variance:.6g}", unit=_DISTRIBUTIONS[name]
    )


def _number(text: str, number: str) -> float:
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise OptionError(
            f'"{printable(text, 40)}": {printable(number, 20) or "nothing"} is no variance',
            help="a number that is 0 or larger stands behind the colon, such as normal:0.02",
        )
    return value


def _unknown(text: str, name: str, known: list[str]) -> OptionError:
    import difflib

    family = next((ours for ours, theirs in _ELSEWHERE.items() if name.startswith(theirs)), None)
    near = [family] if family else difflib.get_close_matches(name, known, 1)
    if name in _DISTRIBUTIONS:
        return OptionError(f"{name} needs a variance", help=f"write {name}:0.02 or {name}:std=0.14")
    hint = f"did you mean {near[0]}?" if near else f"known are {_KNOWN}"
    return OptionError(f'there is no initializer "{printable(text, 40)}"', help=hint)
