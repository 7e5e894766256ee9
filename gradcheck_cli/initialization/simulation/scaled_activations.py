"""Reads an activation. Gives its values and slopes on scaled numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradcheck_cli.initialization.activations import Activation
from gradcheck_cli.initialization.simulation.scaled_numbers import (
    Array,
    Scaled,
    carry_scale,
    gather_scaled,
    times_power,
)
from gradcheck_cli.numerics.limits.initialization import InitializationLimits

__all__ = ["ScaledActivation"]


@dataclass(frozen=True)
class ScaledActivation:
    """An activation and its slope for scaled numbers.

    Where |z| < 2^-64 or |z| > 2^64 both are taken to be powers of |z|, if they look like it: relu, gelu
    and tanh are linear near 0, gelu on the far right too, tanh is constant there. Else they are
    evaluated at z itself, which may be beyond double precision.
    """

    activation: Activation

    def of(self, x: Scaled) -> tuple[Scaled, Scaled]:
        """phi(x) and phi'(x)."""
        dtype = x.mantissa.dtype
        if self.activation.homogeneous:
            value, slope = self.activation.both(x.mantissa)
            return Scaled(value.astype(dtype), x.exponent), Scaled(slope.astype(dtype), 0 * x.exponent)
        mantissa = x.mantissa.astype(np.float64)
        if (np.abs(x.exponent) <= self.activation.limits.power_law).all():
            found = [carry_scale(part) for part in self.activation.both(times_power(mantissa, x.exponent))]
        else:
            found = self._far(mantissa, x.exponent)
        first, second = (Scaled(part.mantissa.astype(dtype), part.exponent) for part in found)
        return first, second

    def _far(self, mantissa: Array, column: Array) -> list[Scaled]:
        """Every entry moved to where it can be evaluated, and its power of two put back."""
        part, own = np.frexp(mantissa)
        exponent = np.where(part == 0, 0, own + column)
        place = (exponent > 0).astype(int), (part > 0).astype(int)
        limit = self.activation.limits.power_law
        near = np.where(self._is_power[place], np.clip(exponent, -limit, limit), exponent)
        found = self.activation.both(times_power(part, near))
        return [
            gather_scaled(values, degrees[place] * (exponent - near))
            for values, degrees in zip(found, self._degrees, strict=True)
        ]

    @cached_property
    def _is_power(self) -> Array:
        """[near 0, far away][z < 0, z > 0]: whether value and slope both are powers of |z|."""
        return np.asarray(np.isfinite(self._found_degrees).all(axis=0))

    @cached_property
    def _degrees(self) -> Array:
        """[value, slope][near 0, far away][z < 0, z > 0]"""
        return np.where(np.isfinite(self._found_degrees), self._found_degrees, 0.0)

    @cached_property
    def _found_degrees(self) -> Array:
        limits = self.activation.limits
        ends, signs = np.array([-limits.power_law - 2, limits.power_law]), np.array([-1.0, 1.0])
        z = signs[:, None] * 2.0 ** (ends[:, None, None] + np.arange(3.0))
        return np.stack([_degree(np.abs(values), limits) for values in self.activation.both(z)])


def _degree(values: Array, limits: InitializationLimits) -> Array:
    """d where the last axis grows like 1, 2^d, 4^d; 0 where all is zero, nan where it is no power."""
    steps = np.diff(np.log2(values), axis=-1)
    first, second = steps[..., 0], steps[..., 1]
    same = np.abs(first - second) < limits.same_power
    power = np.where(same, np.round(second, limits.power_places), np.nan)
    return np.where((values == 0).all(axis=-1), 0.0, power)
