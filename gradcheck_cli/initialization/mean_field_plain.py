"""Reads a plain network, h_{k+1} = a[f_k]. Gives how one layer passes on signals and gradients.

For relu and linear networks without biases the factors are known exactly (Hanin and Nica 2018). Knows
nothing of residual blocks.
"""

from __future__ import annotations

import math

import numpy as np

from gradcheck_cli.initialization.architectures import Network
from gradcheck_cli.initialization.log_averages import LogMoments, log_average
from gradcheck_cli.initialization.mean_field_pass import Array, MeanFieldPass
from gradcheck_cli.numerics.limits.initialization import InitializationLimits

__all__ = ["PlainPass"]


class PlainPass(MeanFieldPass):
    """The passes through an mlp."""

    def __post_init__(self) -> None:
        super().__post_init__()
        homogeneous = self.network.activation.homogeneous
        shared = homogeneous and not self.biases.any()
        self.is_relu = shared and _is_relu(self.network)
        self.is_linear = shared and _is_linear(self.network)
        many = self.network.loss == "lsq" and self.widths[-1] > 1
        self.splits = not self.orthogonal and (many or not homogeneous)
        self.aligned = np.zeros_like(self.covariance)  # ln (f_k . dl/df_k)^2

    # --- forward -----------------------------------------------------------------------------

    def step(self, k: int) -> None:
        """h_{k+1} = a[f_k] from h_k."""
        points = self.over(k)
        q = self.preactivation(k, points)
        self.into[k] = self.log_square[k]
        at = self.law(q)
        n = self.widths[k + 1]
        self.enter_normal("f", k, q, n)
        self.advance(k, points, at["second"], self._layer_noise(n, at))
        self.enter("h", k + 1, (self.log_square[k + 1], self.scatter[k + 1]), self._variance(n, at))
        self.mean_share[k + 1] = self.share_of_mean(at)

    def _variance(self, n: int, at: dict[str, Array]) -> LogMoments:
        """Of ln of the variance of the n entries of h_{k+1}."""
        if self.is_linear:
            own = self.chi_squared(n - 1, n)
            return self.average(at["second"]) + own[0], self.spread(at["second"]) + own[1]
        mean, variance = self.finite_moments(log_average(self.average(at["central_kurtosis"]), n))
        less = self.at_width(1 / n)
        return self.average(at["spread"]) + mean - less, self.spread(at["spread"]) + variance

    def _layer_noise(self, n: int, at: dict[str, Array]) -> LogMoments:
        """Of ln of the mean of n squares of a[f_k] over its expectation."""
        if self.is_relu and not self.orthogonal:
            return self.average_of_half(n)
        if self.is_linear and not self.orthogonal:
            return self.chi_squared(n, n)
        mean, variance = log_average(self.average(at["kurtosis"]), n)
        if self.orthogonal:
            growth = self.average(at["growth"])  # a vector of known length: no scatter of q_k by 2/n
            mean, variance = mean + growth / n, np.maximum(variance - 2 * growth**2 / n, 0.0)
        return self.finite_moments((mean, variance))

    # --- backward ----------------------------------------------------------------------------

    def output(self) -> None:
        """f_K and dl/df_K; of ln (f_K . dl/df_K)^2 with lsq the largest, |f_K|^2 |dl/df_K|^2, with a random
        direction 1/n of that."""
        super().output()
        k, n = self.depth, self.widths[-1]
        q = self.preactivation(k, self.over(k))
        outputs = 1 if self.network.loss == "none" else n
        self.aligned = self.gradient[k] + math.log(n) + self.average(q) + math.log(outputs)

    def back_step(self, k: int) -> None:
        """dl/df_{k-1} = dl/dh_k phi'(f_{k-1})."""
        at = self.law(self.preactivation(k - 1, self.over(k - 1)))
        across, along = self.backward_square(k)
        noise = self._slope_noise(self.widths[k], at)
        overlap = np.log(self.average(at["overlap"]))
        self.gradient[k - 1] = np.logaddexp(across + self.average(at["slope"]), along + overlap) + noise[0]
        if self.splits:
            self._align(k, across, at)
        before = self.backward_scatter[k + 1] if k < self.depth else 0.0
        self.backward_scatter[k] = before + noise[1] + self.add_drift(at["slope"])

    def _slope_noise(self, n: int, at: dict[str, Array]) -> LogMoments:
        """Of ln of the mean of n squares of (dl/dh_k phi') over its expectation."""
        if self.is_relu:
            mean, variance = self.average_of_half(n)
        elif self.is_linear:
            mean, variance = self.chi_squared(n, n)
        else:
            mean, variance = self.finite_moments(log_average(3 * self.average(at["slope_kurtosis"]), n))
        if not self.orthogonal:
            return mean, variance
        return self.finite_moments((mean + 1 / n, np.maximum(variance - 2 / n, 0.0)))

    def backward_square(self, k: int) -> tuple[Array, Array]:
        """ln of the mean square of W_k' dl/df_k, across h_k and along it.

        Given f_k = W_k h_k, the part of W_k' g along h_k is h_k (f_k . g)/|h_k|^2, and the rest is as if
        W_k had been drawn again. f_K . dl/df_K = 2 |f_K|^2 is large for "lsq" over many outputs. Where phi
        is homogeneous and there is one output, both parts together are as if W_k were new.
        """
        across, along = super().backward_square(k)
        if not self.splits:
            return across, along
        n = self.widths[k]
        along = self.aligned + 2 * self._weight_part(k) - self.log_square[k] - 2 * math.log(n)
        return across + self.at_width(np.log1p(-1 / n)), np.where(self.finite, along, -np.inf)

    def _weight_part(self, k: int) -> Array:
        """ln of the part of q_k that is not of b_k."""
        whole = self.preactivation(k, self.log_square[k])
        return np.asarray(self.forward_gain[k] + self.log_square[k] - whole)

    def _align(self, k: int, across: Array, at: dict[str, Array]) -> None:
        """ln (f_{k-1} . dl/df_{k-1})^2: what of f_k . dl/df_k passes phi', and chance."""
        growth = self.average(at["growth"])
        chance = np.maximum(self.average(at["lever"]) - growth**2, 0.0)
        passed = self.aligned + 2 * self._weight_part(k) + 2 * np.log(np.abs(growth))
        random = across + self.log_square[k] + math.log(self.widths[k]) + np.log(chance)
        self.aligned = np.logaddexp(passed, random)


def _grid(limits: InitializationLimits) -> Array:
    return np.linspace(-limits.form_reach, limits.form_reach, limits.form_grid)


def _is_relu(network: Network) -> bool:
    z = _grid(network.limits)
    return bool(np.array_equal(network.activation.value(z), np.maximum(z, 0)))


def _is_linear(network: Network) -> bool:
    z = _grid(network.limits)
    return bool(np.array_equal(network.activation.value(z), z))
