"""Reads scaled numbers. Gives the arithmetic of a pass whose scale is carried along."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcheck_cli.initialization.architectures import Network
from gradcheck_cli.initialization.simulation.draws import Draws
from gradcheck_cli.initialization.simulation.layer_norm import layer_norm, norm_back
from gradcheck_cli.initialization.simulation.scaled_activations import ScaledActivation
from gradcheck_cli.initialization.simulation.scaled_numbers import (
    Array,
    Scaled,
    add_scaled,
    carry_scale,
    times_power,
)

__all__ = ["ScaledArithmetic"]


@dataclass(frozen=True)
class ScaledArithmetic:
    """Scaled values; column c has the standard deviations weight_sd[:, c], in mantissa and exponent."""

    network: Network
    draws: Draws
    activation: ScaledActivation
    weight_sd: tuple[Array, Array]  # (K + 1, columns) each
    bias_sd: tuple[Array, Array]

    def affine(self, k: int, x: Scaled) -> Scaled:
        """b_k + W_k @ x."""
        f = self._product(k, self.draws.weights(k), x)
        mantissa, exponent = (part[k] for part in self.bias_sd)
        if not mantissa.any():
            return f
        biases = self.draws.biases(k) * mantissa.astype(self.draws.job.dtype)
        return add_scaled(f, carry_scale(biases, exponent))

    def multiply_transposed(self, k: int, x: Scaled) -> Scaled:
        """W_k' @ x."""
        return self._product(k, np.swapaxes(self.draws.weights(k), 1, 2), x)

    def _product(self, k: int, unit: Array, x: Scaled) -> Scaled:
        mantissa, exponent = (part[k] for part in self.weight_sd)
        return carry_scale((unit @ x.mantissa) * mantissa.astype(unit.dtype), x.exponent + exponent)

    def activate(self, x: Scaled) -> tuple[Scaled, Scaled]:
        """phi(x) and phi'(x)."""
        return self.activation.of(x)

    def sum(self, x: Scaled, y: Scaled) -> Scaled:
        """x + y."""
        return add_scaled(x, y)

    def times(self, x: Scaled, y: Scaled) -> Scaled:
        """x*y, entry by entry."""
        return carry_scale(x.mantissa * y.mantissa, x.exponent + y.exponent)

    def scale(self, s: float, x: Scaled) -> Scaled:
        """s*x for a plain number s."""
        return carry_scale(x.mantissa * x.mantissa.dtype.type(s), x.exponent)

    def normalize(self, x: Scaled) -> tuple[Scaled, Scaled]:
        """Layer normalization, and the standard deviation it divided by."""
        normal, sd = layer_norm(x.mantissa)
        return carry_scale(normal), Scaled(sd, x.exponent)

    def through_norm(self, adjoint: Scaled, normal: Scaled, sd: Scaled) -> Scaled:
        """The adjoint behind a layer normalization."""
        plain, rounding = times_power(normal.mantissa, normal.exponent), self.network.limits.norm_rounding
        back = norm_back(adjoint.mantissa, plain, sd.mantissa, rounding)
        return carry_scale(back, adjoint.exponent - sd.exponent)

    def loss_adjoint(self, f: Scaled) -> Scaled:
        """The adjoint at the output: 2 f for least squares, else a random direction."""
        if self.network.loss == "lsq":
            return Scaled(f.mantissa, f.exponent + 1)
        v = self.draws.direction()
        return carry_scale(np.broadcast_to(v, f.mantissa.shape))
