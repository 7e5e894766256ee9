"""Reads a residual network, h_{k+1} = h_k + s f_k. Gives how one block passes on signals and gradients.

The sum may be normalized before ("preln") or after ("postln"). Knows nothing of plain layers.
"""

from __future__ import annotations

import math

import numpy as np

from gradcheck_cli.initialization.log_averages import log_sum
from gradcheck_cli.initialization.mean_field_pass import Array, MeanFieldPass

__all__ = ["ResidualPass"]


class ResidualPass(MeanFieldPass):
    """The passes through residual blocks."""

    def __post_init__(self) -> None:
        super().__post_init__()
        scale = self.network.scale
        self.log_scale = 2 * math.log(scale) if scale else -math.inf  # ln s^2
        self.total = np.zeros_like(self.log_square)  # ln of the mean square of h_k + s f_k
        self.echo = np.zeros_like(self.covariance)  # of the chance shares of the blocks before

    def _ratio(self, log_ratio: Array) -> Array:
        """The mean square of the branch over that of the stream, from its logarithm at points."""
        return np.asarray(np.exp(np.minimum(self.average(log_ratio), self.law.limits.largest_log_ratio)))

    def step(self, k: int) -> None:
        """h_{k+1} = h_k + s f_k, perhaps normalized before or after."""
        kind, n = self.network.architecture, self.widths[k + 1]
        points = self.over(k)
        at = self.law(np.zeros_like(points) if kind == "preln" else points)
        self.into[k] = self.average(at["second"])
        self.mean_share[k] = self.share_of_mean(at)
        q = self.preactivation(k, at["second"])
        self.enter_normal("f", k, q, n)
        branch = q + self.log_scale
        total = np.logaddexp(points, branch)
        c = self._ratio(branch - points)
        noise = self.finite_moments(log_sum(4 * c + 2 * c * c + self._persistent(c, at), 1 + c, n))
        self.total[k] = self.average(total) + noise[0]
        self.advance(k, points, total, noise)
        if kind == "postln":
            self.log_square[k + 1] = self.scatter[k + 1] = self.covariance = np.zeros_like(self.covariance)
        less = 0.0 if kind == "postln" else self.at_width(-1 / n)
        mean, scatter = self.log_square[k + 1], self.scatter[k + 1]
        self.enter("h", k + 1, (mean, scatter), (mean + less, scatter))

    def _persistent(self, c: Array, at: dict[str, Array]) -> Array:
        """What the chance share of a[h_k] in h_k adds to `relative` of log_sum.

        h_{k+1} keeps the part 1/(1 + c) of h_k, and with it of that chance: shares of several layers add up.
        """
        if self.network.architecture == "preln":  # what is normalized has little of it
            return np.zeros_like(c)
        found = self.average(at["kurtosis"]) - 1 - 2 * self.average(at["growth"]) ** 2
        part = c * c * np.maximum(found, 0.0) * (1 + 2 * self.echo)
        self.echo = (1 + self.echo) / (1 + c)
        return np.asarray(part)

    def back_step(self, k: int) -> None:
        """dl/dh_{k-1} = dl/du + s phi' W' dl/du, dl/du being dl/dh_k or what LN makes of it."""
        kind, n = self.network.architecture, self.widths[k]
        points = self.over(k - 1)
        at = self.law(np.zeros_like(points) if kind == "preln" else points)
        two = self.at_width(-2 / n)  # LN takes two directions away
        into = self.squares["dh"][k]
        if kind == "postln":
            into = into + two - self.total[k - 1]
        log_c = self.backward_gain[k - 1][:, None] + at["slope"] + self.log_scale
        if kind == "preln":
            log_c = log_c - points + two[:, None]
        c = self._ratio(log_c)
        kurtosis = 3 * self.average(at["slope_kurtosis"])
        noise = self.finite_moments(log_sum(4 * c + c * c * (kurtosis - 1), 1 + c, n))
        gained = np.logaddexp(0.0, log_c)
        self.gradient[k - 1] = into + self.log_scale
        mean = into + self.average(gained) + noise[0]
        self.backward_scatter[k - 1] = self.backward_scatter[k] + noise[1] + self.add_drift(gained)
        self.squares["dh"][k - 1] = mean
        self.mean["dh"][k - 1] = mean - (self.at_width(1 / n) if self.var else 0.0)
        self.variance["dh"][k - 1] = self.with_loss(self.backward_scatter[k - 1])
