"""Reads the states of a pass. Gives their means and variances, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.initialization.architectures import Network
from gradcheck_cli.initialization.simulation.job import Job
from gradcheck_cli.initialization.simulation.scaled_numbers import NOTHING, Array, Scaled, times_power

__all__ = ["Moments", "Record", "entry_counts"]

_MADE_OF = {"db": ("df",), "dW": ("df", "g")}  # the others are seen themselves

_LOG10_2 = float(np.log10(2.0))


@dataclass(frozen=True)
class Moments:
    """Means, in units of 2^exponent, and variances, in units of 4^exponent: arrays of one shape."""

    mean: Array
    variance: Array
    exponent: Array

    @staticmethod
    def empty(shape: tuple[int, ...]) -> Moments:
        """Moments of nothing."""
        return Moments(np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=np.int64))

    @staticmethod
    def stack(parts: Sequence[Moments]) -> Moments:
        """Side by side, along a new last axis."""
        return Moments(
            np.stack([part.mean for part in parts], axis=-1),
            np.stack([part.variance for part in parts], axis=-1),
            np.stack([part.exponent for part in parts], axis=-1),
        )

    def outer(self, other: Moments) -> Moments:
        """Of all products of an entry of one with an entry of the other; a sum of positive terms."""
        a, b = self.mean, other.mean
        spread = self.variance * (other.variance + b * b) + a * a * other.variance
        return Moments(a * b, spread, self.exponent + other.exponent)

    def pool(self, counts: Array) -> Moments:
        """Mean and variance of all entries along the last axis.

        The variance of all is the mean of the variances plus the variance of the means.

        Parameters
        ----------
        counts : (n,) how many entries each has

        Returns
        -------
        Moments, without the last axis
        """
        zero = (self.mean == 0) & (self.variance == 0)
        top = np.where(zero, NOTHING, self.exponent).max(axis=-1, keepdims=True)
        means = times_power(self.mean, self.exponent - top)
        variances = times_power(self.variance, 2 * (self.exponent - top))
        first, share = means[..., :1], counts / counts.sum()
        offset = ((means - first) * share).sum(axis=-1, keepdims=True)
        between = (means - first - offset) ** 2
        whole = ((variances + between) * share).sum(axis=-1)
        return Moments((first + offset)[..., 0], whole, top[..., 0])

    def log10(self, stat: str, entries: Array) -> Array:
        """log10 of the statistic.

        Parameters
        ----------
        stat : "ms", "var" or "std"
        entries : (K + 1,) of how many numbers it is made

        Returns
        -------
        (variances, networks, K + 1) float64
            nan for the variance of a single number.
        """
        found = self.variance + self.mean**2 if stat == "ms" else self.variance
        found = np.where(np.isfinite(found), found, np.inf)
        logs = np.asarray((np.log10(found) + 2 * _LOG10_2 * self.exponent).T)
        if stat == "ms":
            return logs
        return np.where(entries == 1, np.nan, logs / 2 if stat == "std" else logs)


@dataclass
class Record:
    """Moments of all that a pass over some networks, initializations and inputs shows."""

    job: Job
    networks: int
    variances: int
    inputs: int

    def __post_init__(self) -> None:
        shape = (self.job.network.depth + 1, self.networks, self.variances, self.inputs)
        seen = {part for name in self.job.quantities for part in _MADE_OF.get(name, (name,))}
        self._moments = {name: Moments.empty(shape) for name in seen}
        self._alive: dict[int, Array] = {}

    def see(self, name: str, k: int, x: Scaled) -> None:
        """Take the moments of what is asked for, and which units are alive."""
        if name in self._moments:
            self._take(name, k, x)
        if name == "h" and k:
            shape = (*x.mantissa.shape[:2], self.variances, self.inputs)
            self._alive[k] = (x.mantissa != 0).reshape(shape).any(axis=-1)

    def _take(self, name: str, k: int, x: Scaled) -> None:
        """Mean and variance, the first unit taken away: equal units have variance exactly 0."""
        values = x.mantissa.astype(np.float64, copy=False)
        centered = values - values[:, :1]
        offset = centered.mean(axis=1, keepdims=True)
        centered -= offset
        moments = self._moments[name]
        moments.mean[k] = (values[:, :1] + offset).reshape(moments.mean[k].shape)
        moments.variance[k] = (centered * centered).mean(axis=1).reshape(moments.mean[k].shape)
        moments.exponent[k] = x.exponent.reshape(moments.mean[k].shape)

    def pool(self) -> dict[str, Moments]:
        """Of every quantity asked for, over all inputs."""
        return {name: self._of(name).pool(np.ones(self.inputs)) for name in self.job.quantities}

    def _of(self, name: str) -> Moments:
        found = [self._moments[part] for part in _MADE_OF.get(name, (name,))]
        return found[0] if len(found) == 1 else found[0].outer(found[1])

    def alive(self) -> Array:
        """Whether a unit is not 0 for some input.

        Returns
        -------
        (networks, units of h_1 ... h_K, variances) bool
        """
        return np.concatenate([self._alive[k] for k in sorted(self._alive)], axis=1)


def entry_counts(name: str, network: Network, inputs: int) -> Array:
    """Of how many numbers the statistic of one network is made, layer by layer.

    Parameters
    ----------
    name : "h", "f", "dh", "df", "db" or "dW"
    network : its widths
    inputs : how many inputs run through it

    Returns
    -------
    (K + 1,) int64
    """
    widths = np.array(network.widths)
    if name == "dW":
        return np.asarray(widths[:-1] * widths[1:] * inputs)
    return np.asarray((widths[:-1] if name in ("h", "dh") else widths[1:]) * inputs)
