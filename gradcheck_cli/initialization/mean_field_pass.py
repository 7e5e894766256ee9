"""Reads a Network and variances. Gives one pass forward and backward: means and variances of logarithms.

What plain and residual networks share: the input, the output layer, the gradients by weights and biases.
How a layer or a block passes on its input is said in mean_field_plain and mean_field_residual. Knows
nothing of what is measured.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.initialization.architectures import Network
from gradcheck_cli.initialization.gaussian_expectations import Law
from gradcheck_cli.initialization.log_averages import LogMoments, log_average_of_half, log_chi_squared

__all__ = ["MeanFieldPass"]

Array = NDArray[np.float64]


@dataclass
class MeanFieldPass(ABC):
    """One pass for all initializations, each twice: row s at the given widths, row S + s at infinite width.

    Arrays are (K+1, 2 S): over k and rows; natural logarithms. `mean` and `variance` are those of ln of the
    statistic of each quantity, `squares` of ln of the mean square.

    Parameters
    ----------
    network : Network
    law : Law
        Expectations of its activation.
    weights, biases : ndarray, (S, K+1), float64
        Variances of the entries of W_k and b_k.
    var : bool
        Whether statistics are variances, not mean squares.
    orthogonal : bool
        Whether W_k is a multiple of an orthogonal matrix.
    """

    network: Network
    law: Law
    weights: Array
    biases: Array
    var: bool
    orthogonal: bool

    def __post_init__(self) -> None:
        self.depth = self.network.depth
        self.widths = self.network.widths
        self.points, self.shares = _normal_points(self.law.limits.mean_field_points)
        self.finite = np.repeat([True, False], len(self.weights))
        own = self.finite_moments  # widths come again
        steps = self.law.limits.digamma_steps
        self.chi_squared = cache(lambda freedom, n: own(log_chi_squared(freedom, n, steps)))
        self.average_of_half = cache(lambda n: own(log_average_of_half(n, steps)))
        weights, self.log_biases = (np.log(np.tile(v, (2, 1)).T) for v in (self.weights, self.biases))
        widths = np.log(self.widths)[:, None]
        self.forward_gain = weights + widths[:-1]  # ln sigma^2 fan_in
        self.backward_gain = weights + widths[1:]  # ln sigma^2 fan_out
        shape = (self.depth + 1, len(self.finite))
        names = ("h", "f", "dh", "df", "dW", "db")
        self.mean = {name: np.zeros(shape) for name in names}
        self.variance = {name: np.zeros(shape) for name in names}
        self.squares = {name: np.zeros(shape) for name in ("f", "dh")}
        self.log_square, self.scatter = np.zeros(shape), np.zeros(shape)  # of ln of the mean square of h_k
        self.covariance = np.zeros(shape[1])  # of ln of the mean squares of h_1 and h_k
        self.into = np.zeros(shape)  # ln of the mean square of what W_k multiplies
        self.mean_share = np.zeros(shape)  # (mean)^2/mean square of that
        self.gradient = np.zeros(shape)  # ln of the mean square of dl/df_k
        self.backward_scatter = np.zeros(shape)  # of ln of the mean square of dl/dh_k, the loss apart
        self.drift = np.zeros(shape[1])  # standard deviation of what the forward scatter does to phi'
        self.forward_scatter: Any = np.zeros(shape[1])
        self.loss_scatter: Any = np.zeros(shape[1])

    @abstractmethod
    def step(self, k: int) -> None:
        """From h_k to f_k and h_{k+1}."""

    @abstractmethod
    def back_step(self, k: int) -> None:
        """From dl/dh_k to dl/df_{k-1} and, in a residual network, dl/dh_{k-1}."""

    def run(self) -> None:
        """Both passes."""
        self._input()
        for k in range(self.depth):
            self.step(k)
        self.output()
        for k in range(self.depth, -1, -1):
            self._gradients(k)
            if k:
                self.back_step(k)
        self._leave_out_single_entries()

    # --- what only a finite width adds -------------------------------------------------------

    def at_width(self, value: Any) -> Array:
        """A value in rows of finite width, 0 in the others.

        Parameters
        ----------
        value : number, or array that broadcasts against (rows,)

        Returns
        -------
        (rows,) float64
        """
        return np.where(self.finite, value, 0.0)

    def finite_moments(self, moments: LogMoments) -> LogMoments:
        """The same of a mean and a variance."""
        return self.at_width(moments[0]), self.at_width(moments[1])

    # --- forward -----------------------------------------------------------------------------

    def _input(self) -> None:
        n = self.widths[0]
        self.enter("h", 0, self.chi_squared(n, n), self.chi_squared(n - 1, n))
        self.log_square[0], self.scatter[0] = self.chi_squared(n, n)

    def enter(self, name: str, k: int, ms: LogMoments, var: LogMoments) -> None:
        """Keep a statistic: the one that is asked for."""
        self.mean[name][k], self.variance[name][k] = var if self.var else ms

    def over(self, k: int) -> Array:
        """ln of the mean square of h_k at points of its distribution.

        Parameters
        ----------
        k : of the layer

        Returns
        -------
        (rows, points) float64
        """
        return np.asarray(self.log_square[k][:, None] + np.sqrt(self.scatter[k])[:, None] * self.points)

    def average(self, values: Array) -> Array:
        """The mean over the points of each row.

        Parameters
        ----------
        values : (rows, points) float64

        Returns
        -------
        (rows,) float64
        """
        return np.asarray(values @ self.shares)

    def spread(self, values: Array) -> Array:
        """The variance over the points of each row.

        Parameters
        ----------
        values : (rows, points) float64

        Returns
        -------
        (rows,) float64
            0 where the mean is infinite.
        """
        mean = self.average(values)
        return np.where(np.isfinite(mean), self.average((values - mean[:, None]) ** 2), 0.0)

    def share_of_mean(self, at: dict[str, Array]) -> Array:
        """(mean)^2/mean square of the activations.

        Parameters
        ----------
        at : expectations of the activation at the points, (rows, points) each

        Returns
        -------
        (rows,) float64
        """
        return np.asarray(-np.expm1(np.minimum(self.average(at["spread"] - at["second"]), 0.0)))

    def preactivation(self, k: int, log_square: Array) -> Array:
        """ln q_k from ln of the mean square of what W_k multiplies.

        Parameters
        ----------
        k : of the layer
        log_square : (rows,) or (rows, points) float64

        Returns
        -------
        float64 array of that shape
        """
        shape = (-1, *[1] * (log_square.ndim - 1))
        gain, bias = (part[k].reshape(shape) for part in (self.forward_gain, self.log_biases))
        return np.asarray(np.logaddexp(gain + log_square, bias))

    def enter_normal(self, name: str, k: int, log_square: Array, n: int) -> None:
        """Enter a quantity of n entries that are normal given the layers before.

        Parameters
        ----------
        name, k : of the quantity and the layer
        log_square : (rows, points) float64, ln of their variance
        n : how many entries
        """
        mean, variance = self.average(log_square), self.spread(log_square)
        own, apart = self.chi_squared(n, n), self.chi_squared(n - 1, n)
        self.squares[name][k] = mean + own[0]
        self.enter(name, k, (mean + own[0], variance + own[1]), (mean + apart[0], variance + apart[1]))

    def advance(self, k: int, points: Array, after: Array, noise: LogMoments) -> None:
        """Enter ln of the mean square of h_{k+1}.

        Parameters
        ----------
        k : of the layer before
        points : (rows, points) float64, ln of the mean square of h_k
        after : (rows, points) float64, what h_{k+1} has there
        noise : mean and variance of what the layer adds
        """
        self.log_square[k + 1] = self.average(after) + noise[0]
        self.scatter[k + 1] = self.at_width(self.spread(after) + noise[1])
        centered = points - self.log_square[k][:, None]
        passed = self.average(centered * after) / self.scatter[k]  # d after/d point, by regression
        kept = np.where(np.isfinite(passed), self.covariance * passed, 0.0)
        self.covariance = self.scatter[k + 1] if k == 0 else kept

    # --- backward ----------------------------------------------------------------------------

    def output(self) -> None:
        """f_K and dl/df_K."""
        k, n = self.depth, self.widths[-1]
        q = self.preactivation(k, self.over(k))
        self.into[k] = self.log_square[k]
        self.enter_normal("f", k, q, n)
        if self.network.loss == "lsq":
            own = self.chi_squared(n, n)
            self.gradient[k] = math.log(4) + self.average(q) + own[0]
            self.forward_scatter, self.loss_scatter = self.spread(q), own[1]

    def _gradients(self, k: int) -> None:
        """Enter df, db, dW of layer k and dh_k = W_k' dl/df_k (of a block: what came over the branch)."""
        m = self.widths[k + 1]
        lost = self.scatter_behind(k + 1) if k < self.depth else np.zeros_like(self.covariance)
        scatter = self.with_loss(lost)
        less = self.at_width(-1 / m) if self.var else 0.0
        for name in ("df", "db"):
            self.mean[name][k], self.variance[name][k] = self.gradient[k] + less, scatter
        self.mean["dW"][k] = self.gradient[k] + self.into[k]
        self.variance["dW"][k] = scatter + self.scatter[k]
        if self.var:  # of a single output the mean square is all mean
            share = self.mean_share[k]
            most = 1 - self.law.limits.mean_share_margin
            single = np.log1p(-np.minimum(share, most)) if m == 1 else -share / m
            self.mean["dW"][k] += self.at_width(single)
        if self.network.architecture == "mlp" or k == self.depth:
            self._enter_gradient(k, lost)

    def _enter_gradient(self, k: int, lost: Array) -> None:
        """dh_k = W_k' dl/df_k."""
        n = self.widths[k]
        mean, own = np.logaddexp(*self.backward_square(k)), self._rotated_moments(n)
        apart = own[0] - self.at_width(1 / n) if self.orthogonal else self.chi_squared(n - 1, n)[0]
        self.mean["dh"][k] = mean + (apart if self.var else own[0])
        self.squares["dh"][k] = mean + own[0]
        self.backward_scatter[k] = lost + own[1]
        self.variance["dh"][k] = self.with_loss(self.backward_scatter[k])

    def backward_square(self, k: int) -> tuple[Array, Array]:
        """ln of the mean square of W_k' dl/df_k, across h_k and along it.

        Parameters
        ----------
        k : of the layer

        Returns
        -------
        across, along : (rows,) float64
            -inf where there is no part along h_k.
        """
        across = self.backward_gain[k] + self.gradient[k]
        return across, np.full_like(across, -np.inf)

    def _rotated_moments(self, n: int) -> LogMoments:
        """Of ln |W'g|^2 over its expectation."""
        return (0.0, 0.0) if self.orthogonal else self.chi_squared(n, n)

    def scatter_behind(self, k: int) -> Array:
        """The variance of ln of the mean square of dl/dh_k, the loss apart.

        Parameters
        ----------
        k : of the layer

        Returns
        -------
        (rows,) float64
        """
        return np.asarray(self.backward_scatter[min(k, self.depth)])

    def with_loss(self, lost: Array) -> Array:
        """The scatter of a gradient together with that of the loss: the forward and the backward pass meet
        the same units, so that their logarithms scatter together.

        Parameters
        ----------
        lost : (rows,) float64, the variance without the loss

        Returns
        -------
        (rows,) float64
        """
        return np.asarray((np.sqrt(lost) + np.sqrt(self.forward_scatter)) ** 2 + self.loss_scatter)

    def add_drift(self, slopes: Array) -> Array:
        """What one more layer adds to the variance: the layers' shares go together, so deviations add.

        Parameters
        ----------
        slopes : (rows, points) float64, ln of what a layer makes of the mean square of a gradient

        Returns
        -------
        (rows,) float64
        """
        before = self.drift
        self.drift = before + np.sqrt(self.spread(slopes))
        return np.asarray(self.drift**2 - before**2)

    def _leave_out_single_entries(self) -> None:
        """The variance of a single entry means nothing."""
        if self.var:
            ins, outs = np.array(self.widths[:-1]), np.array(self.widths[1:])
            entries = {"h": ins, "dh": ins, "f": outs, "df": outs, "db": outs, "dW": ins * outs}
            for name, count in entries.items():
                self.mean[name][count == 1] = self.variance[name][count == 1] = np.nan


@cache
def _normal_points(count: int) -> tuple[Array, Array]:
    """Gauss-Hermite points of a standard normal distribution, and their shares."""
    points, shares = np.polynomial.hermite_e.hermegauss(count)
    return points, shares / shares.sum()
