"""Reads a seed and sizes. Gives random weights, biases and inputs of a batch of networks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.initialization.simulation.job import Job, UnitDraw
from gradcheck_cli.initialization.simulation.scaled_numbers import Array
from gradcheck_cli.model.initializers import unit_normal
from gradcheck_cli.model.random_points import stream

__all__ = ["Draws"]

_THREADS = 2  # that draw; more would wait for memory
_POOL = ThreadPoolExecutor(_THREADS)  # starts threads when it is used


@dataclass
class Draws:
    """The random numbers of a batch of networks, the same whenever they are asked for.

    Each network, layer and purpose has a stream of its own: a network is the same in every batch.
    """

    job: Job
    numbers: range
    keep: bool
    _kept: dict[int, Array] = field(default_factory=dict)

    def weights(self, k: int) -> Array:
        """W_k, entries of variance 1.

        Parameters
        ----------
        k : of the layer

        Returns
        -------
        (networks, fan_out, fan_in) float64
        """
        found = self._kept.get(k)
        if found is None:
            fan_in, fan_out = self.job.network.fans(k)
            found = self._draw("W", k, self.job.unit, (fan_out, fan_in))
            if self.keep:
                self._kept[k] = found
        return found

    def biases(self, k: int) -> Array:
        """b_k, entries of variance 1.

        Parameters
        ----------
        k : of the layer

        Returns
        -------
        (networks, fan_out, 1) float64
        """
        return self._draw("b", k, self.job.bias_unit, (self.job.network.widths[k + 1], 1))

    def inputs(self) -> Array:
        """Standard normal inputs; the first ones do not depend on how many follow.

        Returns
        -------
        (networks, n_0, inputs) float64
        """
        shape = (self.job.inputs, self.job.network.widths[0])
        return np.swapaxes(self._draw("h", 0, unit_normal, shape), 1, 2)

    def direction(self) -> Array:
        """The direction v of a linear loss, with |v|^2 = n_out.

        Returns
        -------
        (networks, n_out, 1) float64
        """
        outputs = self.job.network.widths[-1]
        v = self._draw("v", self.job.network.depth, unit_normal, (outputs, 1))
        return np.asarray(v / np.sqrt((v * v).mean(axis=1, keepdims=True)))

    def _draw(self, what: str, k: int, unit: UnitDraw, shape: tuple[int, int]) -> Array:
        found = np.empty((len(self.numbers), *shape), dtype=self.job.dtype)

        def draw(first: int) -> None:
            for place in range(first, len(self.numbers), _THREADS):
                name = f"{what}/{self.numbers[place]}/{k}"
                one = unit(stream(self.job.seed, name), shape)
                if np.shape(one) != shape:
                    raise OptionError(
                        f"the initializer drew the shape {np.shape(one)}, not {shape}",
                        help="shapes are (fan_out, fan_in)",
                    )
                found[place] = one

        list(_POOL.map(draw, range(_THREADS)))  # NumPy draws outside of the interpreter's lock
        return found
