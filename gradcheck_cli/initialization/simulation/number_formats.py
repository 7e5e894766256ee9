"""Reads a network and a number format. Gives where values overflow, underflow or lose digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from gradcheck_cli.initialization.architectures import Network
from gradcheck_cli.initialization.simulation.draws import Draws
from gradcheck_cli.initialization.simulation.job import Job, UnitDraw, blocks, memory_sizes
from gradcheck_cli.initialization.simulation.layer_norm import layer_norm, norm_back
from gradcheck_cli.initialization.simulation.passes import Pass
from gradcheck_cli.initialization.simulation.scaled_numbers import Array
from gradcheck_cli.model.initializers import unit_normal
from gradcheck_cli.numerics.float_formats import NumberFormat
from gradcheck_cli.numerics.limits.initialization import DEFAULTS

__all__ = ["Event", "median_event", "simulate"]

Event = tuple[str | None, int | None]
Observer = Callable[[str, int, Array], None]


def simulate(
    network: Network,
    weight_variance: Array,
    bias_variance: Array,
    number_format: NumberFormat,
    *,
    unit: UnitDraw = unit_normal,
    bias_unit: UnitDraw = unit_normal,
    nets: int = DEFAULTS.networks,
    inputs: int = 1,
    seed: int = 0,
    see: Observer | None = None,
) -> dict[str, Event]:
    """Find where the median network leaves a number format.

    Weights and the result of every operation are rounded to the format; products are summed in float32
    first, as accelerators do.

    Parameters
    ----------
    network : Network
    weight_variance, bias_variance : ndarray, (K + 1,), float64
        Of the entries of W_k and b_k.
    number_format : NumberFormat
    unit, bias_unit, nets, inputs, seed
        As in `measure`.
    see : callable, optional
        Called with the quantity, k, and every array (networks, units, inputs), float32, as they come.

    Returns
    -------
    dict
        {"forward": (event, k), "backward": (event, k)}. The events: "overflow", an entry is infinite or not
        a number; "all zero", all entries of all inputs are. Forward they are looked for in f_0, f_1 ...
        f_{K-1}, backward in dl/dh_K ... dl/dh_1, and k is that of the first, as in `forecast`.
        ("lost", None): the backward pass has nothing to start from, since f_k was infinite somewhere or the
        loss f_K^2 has slope 0. (None, None): nothing happened. Of an even number of networks the median is
        the earlier of the two in the middle.
    """
    job = Job(network, unit, bias_unit, nets, inputs, seed, "ms", np.dtype(np.float32))
    sds = [np.sqrt(np.asarray(v, dtype=np.float64)) for v in (weight_variance, bias_variance)]
    sizes = memory_sizes(job, 1)
    together = sizes.networks if sizes.inputs == inputs else 1
    events: list[tuple[Event, Event]] = []
    with np.errstate(all="ignore"):
        for numbers in blocks(nets, together):
            draws = Draws(job, numbers, sizes.keep)
            found = _Events(network)
            arithmetic = _RoundedArithmetic(network, draws, sds[0], sds[1], number_format.rounded)
            Pass(network, arithmetic, _both(found.see, see)).run(number_format.rounded(draws.inputs()))
            events += [found.events(place) for place in range(len(numbers))]
    forward, backward = zip(*events, strict=True)
    return {"forward": median_event(forward, 1), "backward": median_event(backward, -1)}


def _both(first: Observer, second: Observer | None) -> Observer:
    """An observer for two."""
    if second is None:
        return first

    def see(name: str, k: int, x: Array) -> None:
        first(name, k, x)
        second(name, k, x)

    return see


@dataclass(frozen=True)
class _RoundedArithmetic:
    """float32 arrays whose entries are numbers of a format; weight_sd, bias_sd: (K + 1,)."""

    network: Network
    draws: Draws
    weight_sd: Array
    bias_sd: Array
    rounded: Callable[[Array], Array]

    def affine(self, k: int, x: Array) -> Array:
        f = self.rounded(self._weights(k) @ x)
        if self.bias_sd[k] == 0:
            return f
        return self.sum(f, self.rounded(self.bias_sd[k] * self.draws.biases(k)))

    def multiply_transposed(self, k: int, x: Array) -> Array:
        return self.rounded(np.swapaxes(self._weights(k), 1, 2) @ x)

    def _weights(self, k: int) -> Array:
        return self.rounded(self.weight_sd[k] * self.draws.weights(k))

    def activate(self, x: Array) -> tuple[Array, Array]:
        value, slope = self.network.activation.both(x.astype(np.float64))
        return self.rounded(value), self.rounded(slope)

    def sum(self, x: Array, y: Array) -> Array:
        return self.rounded(x + y)

    def times(self, x: Array, y: Array) -> Array:
        return self.rounded(x * y)

    def scale(self, s: float, x: Array) -> Array:
        return self.rounded(np.float32(s) * x)

    def normalize(self, x: Array) -> tuple[Array, Array]:
        normal, sd = layer_norm(x)
        return self.rounded(normal), sd

    def through_norm(self, adjoint: Array, normal: Array, sd: Array) -> Array:
        return self.rounded(norm_back(adjoint, normal, sd, self.network.limits.norm_rounding))

    def loss_adjoint(self, f: Array) -> Array:
        if self.network.loss == "lsq":
            return self.scale(2.0, f)
        return np.broadcast_to(self.rounded(self.draws.direction()), f.shape)


@dataclass(frozen=True)
class _Events:
    """Which f_k and dl/dh_k of which networks are lost."""

    network: Network
    _overflow: dict[tuple[str, int], Array] = field(default_factory=dict)
    _zero: dict[tuple[str, int], Array] = field(default_factory=dict)

    def see(self, name: str, k: int, x: Array) -> None:
        """What a pass shows: (networks, units, inputs)."""
        self._overflow[name, k] = np.asarray(~np.isfinite(x).all(axis=(1, 2)))
        self._zero[name, k] = np.asarray(~x.any(axis=(1, 2)))

    def events(self, place: int) -> tuple[Event, Event]:
        """The first event forward and the first one backward in one network of the batch."""
        depth = self.network.depth
        forward = self._first(place, "f", range(depth))
        backward = self._first(place, "dh", range(depth, 0, -1))
        without_slope = self.network.loss == "lsq" and self._zero["f", depth][place]
        lost = without_slope or any(self._overflow["f", k][place] for k in range(depth + 1))
        return forward, ("lost", None) if lost else backward

    def _first(self, place: int, name: str, layers: range) -> Event:
        for k in layers:
            if self._overflow[name, k][place]:
                return "overflow", k
            if self._zero[name, k][place]:
                return "all zero", k
        return None, None


def median_event(events: Sequence[Event], direction: int) -> Event:
    """The earlier of the two in the middle; "lost" comes before every layer, no event after all."""

    def time(event: Event) -> float:
        name, k = event
        return np.inf if name is None else -np.inf if k is None else float(direction * k)

    return sorted(events, key=time)[(len(events) - 1) // 2]
