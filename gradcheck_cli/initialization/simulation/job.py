"""Reads what is asked of a simulation. Gives how many networks and inputs fit into memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from gradcheck_cli.initialization.architectures import QUANTITIES, Network
from gradcheck_cli.initialization.simulation.scaled_numbers import Array
from gradcheck_cli.numerics.machine import DOUBLE_BYTES

__all__ = ["Job", "Sizes", "UnitDraw", "blocks", "memory_sizes"]

UnitDraw = Callable[[np.random.Generator, tuple[int, int]], Array]

_STATES = ("h", "f", "g", "dh", "df")  # g: what W_k multiplies
_MOMENTS = 3  # mean, variance and exponent of each state


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


class Sizes(NamedTuple):
    """How much is held at a time: networks, initializations, inputs; and whether weights are kept."""

    networks: int
    variances: int
    inputs: int
    keep: bool


def memory_sizes(job: Job, variances: int) -> Sizes:
    """How many networks fit into memory at a time, and how much of each is kept."""
    widths, bytes_each, limits = job.network.widths, job.dtype.itemsize, job.network.limits
    weights = bytes_each * sum(a * b for a, b in pairwise(widths))
    column = bytes_each * 2 * sum(widths) + DOUBLE_BYTES * _MOMENTS * len(_STATES) * len(widths)
    fixed = max(column, bytes_each * widths[0] * job.inputs)
    fitting = min(limits.kept_weights // weights, limits.kept_states // fixed)
    networks = min(job.nets, max(1, fitting))
    columns = max(1, limits.kept_states // (column * networks))
    inputs = min(job.inputs, columns)
    return Sizes(networks, min(variances, columns // inputs), inputs, weights <= limits.kept_weights)


def blocks(total: int, size: int) -> Iterator[range]:
    """The numbers below `total`, in ranges of at most `size`."""
    for start in range(0, total, size):
        yield range(start, min(start + size, total))
