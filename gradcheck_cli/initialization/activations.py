"""Reads the name of an activation, or an expression in z. Gives the function phi and its slope phi'.

Both come from the graph: values by the forward pass, slopes by backprop. Knows nothing of networks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.common.errors import GradcheckError, OptionError, printable
from gradcheck_cli.derivatives.backprop.reverse_mode import slopes
from gradcheck_cli.evaluation.evaluate import margins, trace
from gradcheck_cli.language import read_expression
from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import Graph
from gradcheck_cli.model.primitives.table import resolve_function
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.limits.initialization import DEFAULTS, InitializationLimits

__all__ = ["ACTIVATIONS", "Activation", "find_activation"]

Array = NDArray[Any]
_VARIABLE = "z"


@dataclass(frozen=True)
class Activation:
    """phi and phi' at every place of an array. At a kink phi' is what backprop takes there."""

    name: str  # as it is typed: "leaky_relu:0.2", "z*erf(z)"
    formula: str
    graph: Graph
    torch_gain: float | None = None  # what PyTorch's calculate_gain returns
    limits: InitializationLimits = DEFAULTS

    def value(self, z: Array) -> Array:
        """phi(z).

        Parameters
        ----------
        z : float64 array

        Returns
        -------
        float64 array of the shape of z
        """
        values = self._trace(z)
        return self._in_shape_of(values[self.graph.output], z)

    def slope(self, z: Array) -> Array:
        """phi'(z).

        Parameters
        ----------
        z : float64 array

        Returns
        -------
        float64 array of the shape of z
        """
        return self.both(z)[1]

    def both(self, z: Array) -> tuple[Array, Array]:
        """phi(z) and phi'(z).

        Parameters
        ----------
        z : float64 array

        Returns
        -------
        value, slope : float64 arrays of the shape of z
        """
        values = self._trace(z)
        output = self.graph.output
        found = slopes(self.graph, values, output, self.graph.names[_VARIABLE])
        return self._in_shape_of(values[output], z), self._in_shape_of(found, z)

    @cached_property
    def homogeneous(self) -> bool:
        """Whether phi(c z) = c phi(z) for every c > 0, as for relu: checked at many z and c."""
        reach = self.limits.homogeneous_reach
        z = np.linspace(-reach, reach, self.limits.homogeneous_grid)
        base = self.value(z)
        with np.errstate(over="ignore"):
            scaled = [np.array_equal(self.value(c * z), c * base) for c in self.limits.homogeneous_factors]
        return bool(np.isfinite(base).all()) and all(scaled)

    @cached_property
    def kinks(self) -> tuple[float, ...]:
        """Where phi is made of pieces: between -100 and 100, to double precision.

        There phi jumps, or its slope does; rarely neither, as at the 0 of elu.
        """
        grid = self._grid()
        found: set[float] = set()
        for number, margin in enumerate(self._margins(grid)):
            signs = _signs(margin, grid)
            # where it is 0 over a stretch (relu(relu(z))), the kink at its end is that of another margin
            alone = (signs[1:-1] == 0) & (signs[:-2] != 0) & (signs[2:] != 0)
            found.update(float(z) for z in grid[1:-1][alone])
            for k in np.flatnonzero(signs[:-1] * signs[1:] < 0):
                found.add(self._crossing(number, float(grid[k]), float(grid[k + 1])))
        return tuple(sorted(found))

    def _trace(self, z: Array) -> Mapping[int, Array]:
        flat = np.ravel(z)[None, :]
        return trace(self.graph, {_VARIABLE: flat}, FLOAT64, self.graph.output)

    def _in_shape_of(self, found: Array, z: Array) -> Array:
        return np.broadcast_to(found, (1, np.size(z))).reshape(np.shape(z))

    @cached_property
    def pole(self) -> float | None:
        """A place, if there is one, beside which it passes a pole, as tan(z) or 1/(z - 0.3) does."""
        grid = self._grid()
        for _, margin in margins(self.graph, dict(self._trace(grid)), FLOAT64, of="domain"):
            signs = _signs(margin, grid)
            for k in sorted(np.flatnonzero(signs[:-1] * signs[1:] < 0), key=lambda k: abs(grid[k])):
                beside = self.value(np.linspace(grid[k], grid[k + 1], len(grid)))
                if not np.abs(beside).max() < self.limits.pole_value:
                    return float(grid[k])
        return None

    def _grid(self) -> Array:
        farthest = self.limits.farthest_kink
        return np.linspace(-farthest, farthest, self.limits.kink_grid)

    def _margins(self, z: Array) -> list[Array]:
        found = margins(self.graph, dict(self._trace(z)), FLOAT64, of="kink")
        return [margin for _, margin in found]

    def _crossing(self, number: int, low: float, high: float) -> float:
        """Bisection: the margin changes sign between `low` and `high`."""

        def sign(z: float) -> float:
            return float(np.sign(np.ravel(self._margins(np.array([z]))[number])[0]))

        before = sign(low)
        while low < (middle := (low + high) / 2) < high:
            low, high = (middle, high) if sign(middle) == before else (low, middle)
        return high


def _signs(margin: Array, grid: Array) -> Array:
    return np.asarray(np.sign(np.broadcast_to(np.real(margin), (1, len(grid)))[0]))


# name -> (primitive, PyTorch's gain); torch.nn.init.calculate_gain knows few
_NAMED: Mapping[str, tuple[str, float | None]] = MappingProxyType(
    {
        "relu": ("relu", math.sqrt(2)),
        "leaky_relu": ("leaky_relu", math.sqrt(2 / (1 + 0.01**2))),
        "tanh": ("tanh", 5 / 3),
        "erf": ("erf", None),
        "sigmoid": ("sigmoid", 1.0),
        "gelu": ("gelu", None),
        "silu": ("silu", None),
        "elu": ("elu", None),
        "selu": ("selu", 0.75),
        "softplus": ("softplus", None),
        "mish": ("mish", None),
        "softsign": ("softsign", None),
        "sin": ("sin", None),
        "linear": ("identity", 1.0),
    }
)
ACTIVATIONS: tuple[str, ...] = tuple(_NAMED)


def find_activation(text: str, limits: InitializationLimits = DEFAULTS) -> Activation:
    """The activation of a name ("gelu", "leaky_relu:0.2") or of an expression in z ("z*erf(z)").

    Raises
    ------
    OptionError
        The name is unknown (the nearest one is named), or the function is not finite everywhere.
    LanguageError
        The expression cannot be read; the error carries the place.
    """
    text = text.strip()
    name, colon, argument = text.partition(":")
    if name == "leaky_relu" and colon:
        return _leaky(text, argument, limits)
    if text in _NAMED:
        primitive, gain = _NAMED[text]
        return Activation(text, _formula(text), _graph(primitive), gain, limits)
    if name.isidentifier() and name != _VARIABLE:
        raise _unknown(text, name)
    graph = read_expression(text, _VARIABLE, "--activation")
    if not graph.upstream([graph.output])[graph.names[_VARIABLE]]:
        raise OptionError(
            f"--activation {printable(text, 40)}: it does not depend on z", help="such as z*sigmoid(z)"
        )
    return _check_defined(Activation(text, text, graph, limits=limits))


_EVERYWHERE = "an activation takes every number, such as z*sigmoid(z)"


def _check_defined(activation: Activation) -> Activation:
    """Refuse what is not a number somewhere: networks draw their pre-activations from all numbers."""
    within = activation.limits.finite_within
    z = np.linspace(-within, within, activation.limits.finite_grid)
    for what, found in zip(("it", "its slope"), activation.both(z), strict=True):
        bad = np.flatnonzero(~np.isfinite(found))
        if len(bad):
            raise OptionError(
                f"--activation {printable(activation.name, 40)}: {what} is not finite at z = "
                f"{z[bad[0]]:.6g}",
                help=_EVERYWHERE,
            )
    if activation.pole is not None:
        raise OptionError(
            f"--activation {printable(activation.name, 40)}: it has a pole near z = {activation.pole:.3g}",
            help=_EVERYWHERE,
        )
    return activation


def _formula(name: str) -> str:
    return _VARIABLE if name == "linear" else f"{name}({_VARIABLE})"


def _graph(primitive: str, **options: Any) -> Graph:
    builder = Builder()
    leaf = builder.leaf(_VARIABLE, ())
    return builder.graph(builder.apply(primitive, (leaf,), options))


def _leaky(text: str, argument: str, limits: InitializationLimits) -> Activation:
    try:
        slope = float(argument)
    except ValueError:
        slope = math.nan
    if not math.isfinite(slope):
        raise OptionError(
            f'leaky_relu: "{printable(argument, 20)}" is no slope', help="write leaky_relu:0.2"
        )
    gain = math.sqrt(2 / (1 + slope**2))
    formula = f"leaky_relu(z, slope={slope!r})"
    return Activation(text, formula, _graph("leaky_relu", slope=slope), gain, limits)


def _unknown(text: str, name: str) -> GradcheckError:
    from gradcheck_cli.language.identifiers import nearest

    if name in _NAMED:
        return OptionError(f"{name} takes no number", help="only leaky_relu does: leaky_relu:0.2")
    near = nearest(name, _NAMED) or _synonym(name)
    hint = f"did you mean {near}?" if near else f"known are {', '.join(_NAMED)}, or an expression in z"
    return OptionError(f'there is no activation "{printable(text, 40)}"', help=hint)


def _synonym(name: str) -> str | None:
    """What a function of the language is called here: silu for swish, the expression cos(z) for cos."""
    record = resolve_function(name, 1)
    if record is None or not record.elementwise:
        return None
    return record.name if record.name in _NAMED else f"{name}(z)"
