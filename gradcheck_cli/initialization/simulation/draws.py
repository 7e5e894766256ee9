"""Reads a seed and sizes. Gives random weights, biases and inputs, drawn in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.initialization.architectures import QUANTITIES, Network
from gradcheck_cli.initialization.simulation.scaled_numbers import Array
from gradcheck_cli.model.initializers import unit_normal
from gradcheck_cli.model.random_points import stream

__all__ = ["Draws", "Job", "UnitDraw", "draw_blocks", "memory_sizes"]

UnitDraw = Callable[[np.random.Generator, tuple[int, int]], Array]

_SEEN = ("h", "f", "g", "dh", "df")  # g: what W_k multiplies

_KEPT_WEIGHTS = 1 << 27  # bytes of weights kept for the backward pass; beyond, they are drawn again
_KEPT_STATES = 1 << 29  # bytes kept of everything else

_THREADS = 2  # that draw; more would wait for memory
_POOL = ThreadPoolExecutor(_THREADS)  # starts threads when it is used


@dataclass(frozen=True)
class Job:
    """What all networks have in common."""

    network: Network
    unit: UnitDraw
    bias_unit: UnitDraw
    nets: int
    inputs: int
    seed: int
    stat: str
    dtype: np.dtype[Any]
    quantities: Sequence[str] = QUANTITIES


# ---------------------------------------------------------------------------------------------
# Networks in batches, so that memory is bounded
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sizes:
    """How much is held at a time: networks, initializations, inputs; and whether weights are kept."""

    networks: int
    variances: int
    inputs: int
    keep: bool


def memory_sizes(job: Job, variances: int) -> _Sizes:
    """How many networks fit into memory at a time, and how much of each is kept."""
    widths, bytes_each = job.network.widths, job.dtype.itemsize
    weights = bytes_each * sum(a * b for a, b in pairwise(widths))
    column = bytes_each * 2 * sum(widths) + 8 * 3 * len(_SEEN) * len(widths)
    fixed = max(column, bytes_each * widths[0] * job.inputs)
    networks = min(job.nets, max(1, min(_KEPT_WEIGHTS // weights, _KEPT_STATES // fixed)))
    columns = max(1, _KEPT_STATES // (column * networks))
    inputs = min(job.inputs, columns)
    return _Sizes(networks, min(variances, columns // inputs), inputs, weights <= _KEPT_WEIGHTS)


def draw_blocks(total: int, size: int) -> Iterator[range]:
    """Blocks of at most `size` draws."""
    for start in range(0, total, size):
        yield range(start, min(start + size, total))


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
        """(networks, fan_out, fan_in): W_k of variance 1."""
        found = self._kept.get(k)
        if found is None:
            fan_in, fan_out = self.job.network.fans(k)
            found = self._drawn("W", k, self.job.unit, (fan_out, fan_in))
            if self.keep:
                self._kept[k] = found
        return found

    def biases(self, k: int) -> Array:
        """(networks, fan_out, 1): b_k of variance 1."""
        return self._drawn("b", k, self.job.bias_unit, (self.job.network.widths[k + 1], 1))

    def inputs(self) -> Array:
        """(networks, n_0, inputs): standard normal; the first inputs do not depend on how many follow."""
        shape = (self.job.inputs, self.job.network.widths[0])
        return np.swapaxes(self._drawn("h", 0, unit_normal, shape), 1, 2)

    def direction(self) -> Array:
        """(networks, n_out, 1): v with |v|^2 = n_out."""
        outputs = self.job.network.widths[-1]
        v = self._drawn("v", self.job.network.depth, unit_normal, (outputs, 1))
        return np.asarray(v / np.sqrt((v * v).mean(axis=1, keepdims=True)))

    def _drawn(self, what: str, k: int, unit: UnitDraw, shape: tuple[int, int]) -> Array:
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
