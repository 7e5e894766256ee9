"""Reads a Network and variances. Gives what was MEASURED: statistics of h_k, f_k and all gradients.

Every network is drawn and run forward and backward. Numbers are mantissas times a carried power of two,
so a thousand layers neither overflow nor vanish; `simulate` runs the same pass in a number format, where
they do. Scaling the weights of a homogeneous network scales every layer, so one pass serves all
variances. Knows nothing of what theory predicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.activations import Activation
from gradcheck_cli.errors import OptionError
from gradcheck_cli.initializers import unit_normal
from gradcheck_cli.networks import QUANTITIES, Network
from gradcheck_cli.numberformats import NumberFormat
from gradcheck_cli.points import stream

__all__ = ["Measured", "measure", "simulate"]

Array = NDArray[Any]
UnitDraw = Callable[[np.random.Generator, tuple[int, int]], Array]
Event = tuple[str | None, int | None]
V = TypeVar("V")

_SEEN = ("h", "f", "g", "dh", "df")  # g: what W_k multiplies
_MADE_OF = {"db": ("df",), "dW": ("df", "g")}  # the others are seen themselves
_KEPT_WEIGHTS = 1 << 27  # bytes of weights kept for the backward pass; beyond, they are drawn again
_KEPT_STATES = 1 << 29  # bytes kept of everything else
_POWER_LAW = 64  # below 2^-64 and above 2^64 most functions are powers, to double precision
_BEYOND = 1 << 40  # a binary exponent beyond this is infinite, or zero
_NOTHING = -(1 << 60)  # the binary exponent of zero
_THREADS = 2  # that draw; more would wait for memory
_POOL = ThreadPoolExecutor(_THREADS)  # starts threads when it is used
_LOG10_2 = float(np.log10(2.0))


# ---------------------------------------------------------------------------------------------
# What is asked for, and what is found
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """Statistics of every network, and of every layer k = 0 ... K in it.

    `log10`: quantity -> (S, nets, K + 1), log10 of the statistic. -inf: it is exactly 0; +inf: it is
    beyond any number (only activations that grow faster than z do that); nan: it is meaningless, the
    variance of a single entry. `dead_units`: (S, nets), the fraction of the units of h_1 ... h_K that
    are exactly 0 for every input. `dead`: (S, nets), whether all of h_K is.
    """

    log10: Mapping[str, Array]
    dead_units: Array
    dead: Array


@dataclass(frozen=True)
class _Job:
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


def measure(
    network: Network,
    weight_variance: Array,
    bias_variance: Array,
    *,
    unit: UnitDraw = unit_normal,
    bias_unit: UnitDraw = unit_normal,
    nets: int = 20,
    inputs: int = 1,
    seed: int = 0,
    stat: str = "var",
    dtype: str = "float64",
    quantities: Sequence[str] = QUANTITIES,
    progress: Callable[[float], None] | None = None,
) -> Measured:
    """Forward and backward pass through `nets` networks under each of S initializations.

    weight_variance, bias_variance: (S, K + 1), of the entries of W_k and b_k; the draws that they scale
    are the same for all S. h_0 is standard normal. Gradients are those of one input's loss: dl/db_k is
    dl/df_k, and dl/dW_k its outer product with what W_k multiplies. `stat` is over all entries and
    inputs of one network: "var" (divided by their number), "std", or "ms", the mean square. With
    `dtype` "float32" products and sums are in single precision, activations are evaluated in double
    precision and rounded, statistics are in double precision. Only the `quantities` asked for are
    taken. `progress` is told the fraction done.
    """
    weights = np.asarray(weight_variance, dtype=np.float64)
    biases = np.asarray(bias_variance, dtype=np.float64)
    job = _Job(network, unit, bias_unit, nets, inputs, seed, stat, np.dtype(dtype), tuple(quantities))
    alike = network.homogeneous & (weights > 0).all(axis=1) & (biases == 0).all(axis=1)
    passes = [_scaled_from_one] * bool(alike.any()) + [_each] * (not alike.all())
    told = _told(progress, nets * len(passes))
    rows = {_scaled_from_one: np.flatnonzero(alike), _each: np.flatnonzero(~alike)}
    with np.errstate(all="ignore"):
        found = [run(job, weights[rows[run]], biases[rows[run]], told) for run in passes]
    order = np.argsort(np.concatenate([rows[run] for run in passes]))
    return _joined(found, axis=0, order=order)


def _told(progress: Callable[[float], None] | None, total: int) -> Callable[[int], None]:
    """Counts networks that are done, and tells which fraction of `total` they are."""
    done = 0

    def told(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(done / total)

    return told


def _scaled_from_one(
    job: _Job, weights: Array, biases: Array, told: Callable[[int], None]
) -> Measured:
    """A homogeneous network under S variances, from one pass with variance 1.

    Multiplying W_j by c multiplies every layer after it by c, every gradient before it, and with the
    loss f_K^2 all of them once more.
    """
    base = _each(job, np.ones((1, weights.shape[1])), biases[:1], told)
    logs = np.log10(weights) * (0.5 if job.stat == "std" else 1.0)
    after = np.cumsum(logs[:, ::-1], axis=1)[:, ::-1]
    upto = np.cumsum(logs, axis=1)
    loss = after[:, :1] if job.network.loss == "lsq" else 0.0
    before, beyond = upto - logs, after - logs
    shifts = {"h": before, "f": upto, "dh": after + loss, "df": beyond + loss}
    shifts |= {"db": shifts["df"], "dW": before + beyond + loss}
    return Measured(
        {name: found + shifts[name][:, None] for name, found in base.log10.items()},
        np.repeat(base.dead_units, len(weights), axis=0),
        np.repeat(base.dead, len(weights), axis=0),
    )


def _joined(parts: Sequence[Measured], axis: int, order: Array | None = None) -> Measured:
    """Several as one, along the axis of initializations (0) or networks (1)."""

    def join(arrays: list[Array]) -> Array:
        whole = np.concatenate(arrays, axis=axis)
        return whole if order is None else whole.take(order, axis=axis)

    return Measured(
        {name: join([part.log10[name] for part in parts]) for name in parts[0].log10},
        join([part.dead_units for part in parts]),
        join([part.dead for part in parts]),
    )


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


def _sizes(job: _Job, variances: int) -> _Sizes:
    widths, bytes_each = job.network.widths, job.dtype.itemsize
    weights = bytes_each * sum(a * b for a, b in pairwise(widths))
    column = bytes_each * 2 * sum(widths) + 8 * 3 * len(_SEEN) * len(widths)
    fixed = max(column, bytes_each * widths[0] * job.inputs)
    networks = min(job.nets, max(1, min(_KEPT_WEIGHTS // weights, _KEPT_STATES // fixed)))
    columns = max(1, _KEPT_STATES // (column * networks))
    inputs = min(job.inputs, columns)
    return _Sizes(networks, min(variances, columns // inputs), inputs, weights <= _KEPT_WEIGHTS)


def _blocks(total: int, size: int) -> Iterator[range]:
    for start in range(0, total, size):
        yield range(start, min(start + size, total))


def _each(job: _Job, weights: Array, biases: Array, told: Callable[[int], None]) -> Measured:
    """Every network under every initialization, without a shortcut."""
    sizes = _sizes(job, len(weights))
    batches = []
    for numbers in _blocks(job.nets, sizes.networks):
        draws = _Draws(job, numbers, sizes.keep)
        parts = [
            _batch(job, draws, weights[rows], biases[rows], sizes.inputs)
            for rows in _blocks(len(weights), sizes.variances)
        ]
        batches.append(_joined(parts, axis=0))
        told(len(numbers))
    return _joined(batches, axis=1)


def _batch(job: _Job, draws: _Draws, weights: Array, biases: Array, inputs: int) -> Measured:
    """A batch of networks under some initializations, a block of inputs after the other."""
    phi, every = _Phi(job.network.activation), draws.inputs()
    pooled, counts, alive = [], [], []
    for span in _blocks(job.inputs, inputs):
        columns = len(span)
        h = every[:, :, None, span.start : span.stop].repeat(len(weights), axis=2)
        sds = [np.frexp(np.sqrt(v).T.repeat(columns, axis=1)) for v in (weights, biases)]
        record = _Record(job, len(draws.numbers), len(weights), columns)
        arithmetic = _Carried(job.network, draws, phi, sds[0], sds[1])
        _Pass(job.network, arithmetic, record.see).run(_carried(h.reshape(*h.shape[:2], -1)))
        pooled.append(record.pooled())
        counts.append(columns)
        alive.append(record.alive())
    log10 = {}
    for name in job.quantities:
        whole = _Moments.stacked([part[name] for part in pooled]).pooled(np.array(counts))
        log10[name] = whole.log10(job.stat, _entries(name, job.network, job.inputs))
    units = np.logical_or.reduce(alive)
    silent = ~units[:, -job.network.widths[-2] :].any(axis=1)
    return Measured(log10, 1 - units.mean(axis=1).T, silent.T)


@dataclass
class _Draws:
    """The random numbers of a batch of networks, the same whenever they are asked for.

    Each network, layer and purpose has a stream of its own: a network is the same in every batch.
    """

    job: _Job
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


# ---------------------------------------------------------------------------------------------
# The pass itself, in any arithmetic
# ---------------------------------------------------------------------------------------------


class _Arithmetic(Protocol[V]):
    """Operations on values V, arrays (networks, units, columns) in some form."""

    def affine(self, k: int, x: V) -> V: ...  # b_k + W_k x
    def transposed(self, k: int, x: V) -> V: ...  # W_k^T x
    def activated(self, x: V) -> tuple[V, V]: ...  # phi(x), phi'(x)
    def sum(self, x: V, y: V) -> V: ...
    def times(self, x: V, y: V) -> V: ...
    def scaled(self, s: float, x: V) -> V: ...
    def normalized(self, x: V) -> tuple[V, V]: ...  # LN(x) and the standard deviation of x
    def through_norm(self, adjoint: V, normal: V, sd: V) -> V: ...
    def loss_adjoint(self, f: V) -> V: ...  # dl/df_K


@dataclass
class _Pass(Generic[V]):
    """Forward and backward pass through the architectures of networks.py.

    `see` is shown h_k, f_k, what W_k multiplies (g), dl/dh_k (dh) and dl/df_k (df) as they come.
    """

    network: Network
    arithmetic: _Arithmetic[V]
    see: Callable[[str, int, V], None]
    _slopes: dict[int, V] = field(default_factory=dict)
    _norms: dict[int, tuple[V, V]] = field(default_factory=dict)

    def run(self, h: V) -> None:
        """From h_0 to f_K and back to dl/dh_0."""
        depth = self.network.depth
        step, back = (
            (self._plain, self._plain_back)
            if self.network.architecture == "mlp"
            else (self._residual, self._residual_back)
        )
        for k in range(depth):
            self.see("h", k, h)
            h = step(k, h)
        self.see("h", depth, h)
        adjoint = self._plain_back(depth, self.arithmetic.loss_adjoint(self._affine(depth, h)))
        self.see("dh", depth, adjoint)
        for k in reversed(range(depth)):
            adjoint = back(k, adjoint)
            self.see("dh", k, adjoint)

    def _affine(self, k: int, g: V) -> V:
        self.see("g", k, g)
        f = self.arithmetic.affine(k, g)
        self.see("f", k, f)
        return f

    def _plain(self, k: int, h: V) -> V:
        h, self._slopes[k] = self.arithmetic.activated(self._affine(k, h))
        return h

    def _plain_back(self, k: int, adjoint: V) -> V:
        if k in self._slopes:  # all but the last, which has no activation behind it
            adjoint = self.arithmetic.times(adjoint, self._slopes.pop(k))
        self.see("df", k, adjoint)
        return self.arithmetic.transposed(k, adjoint)

    def _residual(self, k: int, h: V) -> V:
        a, kind = self.arithmetic, self.network.architecture
        inner = h
        if kind == "preln":
            inner, sd = a.normalized(h)
            self._norms[k] = inner, sd
        g, self._slopes[k] = a.activated(inner)
        after = a.sum(h, a.scaled(self.network.scale, self._affine(k, g)))
        if kind == "postln":
            after, sd = a.normalized(after)
            self._norms[k] = after, sd
        return after

    def _residual_back(self, k: int, adjoint: V) -> V:
        a, kind = self.arithmetic, self.network.architecture
        if kind == "postln":
            adjoint = a.through_norm(adjoint, *self._norms.pop(k))
        df = a.scaled(self.network.scale, adjoint)
        self.see("df", k, df)
        branch = a.times(a.transposed(k, df), self._slopes.pop(k))
        if kind == "preln":
            branch = a.through_norm(branch, *self._norms.pop(k))
        return a.sum(adjoint, branch)


# ---------------------------------------------------------------------------------------------
# Arithmetic with a carried scale
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Scaled:
    """mantissa * 2^exponent: (networks, units, columns) and, int64, (networks, 1, columns)."""

    mantissa: Array
    exponent: Array


def _carried(values: Array, exponent: Array | int = 0) -> _Scaled:
    """values * 2^exponent, the largest mantissa of each column in [1/2, 1); exact."""
    top = np.abs(values).max(axis=1, keepdims=True)
    limit = np.finfo(values.dtype).maxexp - 2
    shift = np.minimum(np.maximum(np.frexp(top)[1], -limit), limit)
    scale = np.ldexp(top.dtype.type(1), -shift)
    return _Scaled(values * scale, np.where(top == 0, 0, exponent + shift.astype(np.int64)))


def _times_power(values: Array, exponent: Array) -> Array:
    """values * 2^exponent for exponents of any size; rounded only where the result is subnormal."""
    return np.asarray(np.ldexp(values, np.clip(exponent, -5000, 5000).astype(np.int32)))


def _sum(x: _Scaled, y: _Scaled) -> _Scaled:
    sizes = (
        np.where(part.mantissa.any(axis=1, keepdims=True), part.exponent, _NOTHING)
        for part in (x, y)
    )
    top = np.maximum(*sizes)
    first, second = (_times_power(part.mantissa, part.exponent - top) for part in (x, y))
    return _carried(first + second, top)


@dataclass(frozen=True)
class _Carried:
    """Scaled values; column c has the standard deviations weight_sd[:, c], in mantissa and exponent."""

    network: Network
    draws: _Draws
    phi: _Phi
    weight_sd: tuple[Array, Array]  # (K + 1, columns) each
    bias_sd: tuple[Array, Array]

    def affine(self, k: int, x: _Scaled) -> _Scaled:
        f = self._weighed(k, self.draws.weights(k), x)
        mantissa, exponent = (part[k] for part in self.bias_sd)
        if not mantissa.any():
            return f
        biases = self.draws.biases(k) * mantissa.astype(self.draws.job.dtype)
        return _sum(f, _carried(biases, exponent))

    def transposed(self, k: int, x: _Scaled) -> _Scaled:
        return self._weighed(k, np.swapaxes(self.draws.weights(k), 1, 2), x)

    def _weighed(self, k: int, unit: Array, x: _Scaled) -> _Scaled:
        mantissa, exponent = (part[k] for part in self.weight_sd)
        return _carried((unit @ x.mantissa) * mantissa.astype(unit.dtype), x.exponent + exponent)

    def activated(self, x: _Scaled) -> tuple[_Scaled, _Scaled]:
        return self.phi.of(x)

    def sum(self, x: _Scaled, y: _Scaled) -> _Scaled:
        return _sum(x, y)

    def times(self, x: _Scaled, y: _Scaled) -> _Scaled:
        return _carried(x.mantissa * y.mantissa, x.exponent + y.exponent)

    def scaled(self, s: float, x: _Scaled) -> _Scaled:
        return _carried(x.mantissa * x.mantissa.dtype.type(s), x.exponent)

    def normalized(self, x: _Scaled) -> tuple[_Scaled, _Scaled]:
        normal, sd = _layer_norm(x.mantissa)
        return _carried(normal), _Scaled(sd, x.exponent)

    def through_norm(self, adjoint: _Scaled, normal: _Scaled, sd: _Scaled) -> _Scaled:
        back = _norm_back(adjoint.mantissa, _times_power(normal.mantissa, normal.exponent), sd.mantissa)
        return _carried(back, adjoint.exponent - sd.exponent)

    def loss_adjoint(self, f: _Scaled) -> _Scaled:
        if self.network.loss == "lsq":
            return _Scaled(f.mantissa, f.exponent + 1)
        v = self.draws.direction()
        return _carried(np.broadcast_to(v, f.mantissa.shape))


def _layer_norm(x: Array) -> tuple[Array, Array]:
    """(x - mean)/sd over the units, and sd; zeros where all units are the same.

    The first unit is taken away before the mean, so that equal units leave exactly nothing.
    """
    centered = x - x[:, :1]
    centered = centered - centered.mean(axis=1, keepdims=True)
    sd = np.sqrt((centered * centered).mean(axis=1, keepdims=True))
    return np.where(sd == 0, 0, centered / sd), sd


def _norm_back(adjoint: Array, normal: Array, sd: Array) -> Array:
    """(g - mean g - n mean(g n))/sd; what cancels down to rounding error is zero (of two units all)."""
    along = (adjoint * normal).mean(axis=1, keepdims=True)
    left = adjoint - adjoint.mean(axis=1, keepdims=True) - normal * along
    size, noise = (np.abs(part).max(axis=1, keepdims=True) for part in (left, adjoint))
    gone = (sd == 0) | (size <= 8 * np.finfo(left.dtype).eps * noise)
    return np.where(gone, 0, left / sd)


# ---------------------------------------------------------------------------------------------
# Activations of numbers of any size
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Phi:
    """An activation and its slope for scaled numbers.

    Where |z| < 2^-64 or |z| > 2^64 both are taken to be powers of |z|, if they look like it: relu, gelu
    and tanh are linear near 0, gelu on the far right too, tanh is constant there. Else they are
    evaluated at z itself, which may be beyond double precision.
    """

    activation: Activation

    def of(self, x: _Scaled) -> tuple[_Scaled, _Scaled]:
        """phi(x) and phi'(x)."""
        dtype = x.mantissa.dtype
        if self.activation.homogeneous:
            value, slope = self.activation.both(x.mantissa)
            return _Scaled(value.astype(dtype), x.exponent), _Scaled(slope.astype(dtype), 0 * x.exponent)
        mantissa = x.mantissa.astype(np.float64)
        if (np.abs(x.exponent) <= _POWER_LAW).all():
            found = [_carried(part) for part in self.activation.both(_times_power(mantissa, x.exponent))]
        else:
            found = self._far(mantissa, x.exponent)
        first, second = (_Scaled(part.mantissa.astype(dtype), part.exponent) for part in found)
        return first, second

    def _far(self, mantissa: Array, column: Array) -> list[_Scaled]:
        """Every entry moved to where it can be evaluated, and its power of two put back."""
        part, own = np.frexp(mantissa)
        exponent = np.where(part == 0, 0, own + column)
        place = (exponent > 0).astype(int), (part > 0).astype(int)
        near = np.where(self._is_power[place], np.clip(exponent, -_POWER_LAW, _POWER_LAW), exponent)
        found = self.activation.both(_times_power(part, near))
        return [
            _gathered(values, degrees[place] * (exponent - near))
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
        ends, signs = np.array([-_POWER_LAW - 2, _POWER_LAW]), np.array([-1.0, 1.0])
        z = signs[:, None] * 2.0 ** (ends[:, None, None] + np.arange(3.0))
        return np.stack([_degree(np.abs(values)) for values in self.activation.both(z)])


def _degree(values: Array) -> Array:
    """d where the last axis grows like 1, 2^d, 4^d; 0 where all is zero, nan where it is no power."""
    steps = np.diff(np.log2(values), axis=-1)
    first, second = steps[..., 0], steps[..., 1]
    power = np.where(np.abs(first - second) < 1e-9, np.round(second, 9), np.nan)
    return np.where((values == 0).all(axis=-1), 0.0, power)


def _gathered(values: Array, power: Array) -> _Scaled:
    """values * 2^power, entry by entry, as scaled columns."""
    whole = np.floor(power)
    part, own = np.frexp(values * 2.0 ** (power - whole))
    exponent = np.where(part == 0, _NOTHING, own + whole.astype(np.int64))
    top = exponent.max(axis=1, keepdims=True)
    part = np.where((top > _BEYOND) & (part != 0), np.copysign(np.inf, part), part)
    part = np.where(top < -_BEYOND, 0 * part, part)
    return _carried(_times_power(part, exponent - top), top)


# ---------------------------------------------------------------------------------------------
# Statistics
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Moments:
    """Means, in units of 2^exponent, and variances, in units of 4^exponent: arrays of one shape."""

    mean: Array
    variance: Array
    exponent: Array

    @staticmethod
    def empty(shape: tuple[int, ...]) -> _Moments:
        return _Moments(np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=np.int64))

    @staticmethod
    def stacked(parts: Sequence[_Moments]) -> _Moments:
        """Side by side, along a new last axis."""
        return _Moments(
            np.stack([part.mean for part in parts], axis=-1),
            np.stack([part.variance for part in parts], axis=-1),
            np.stack([part.exponent for part in parts], axis=-1),
        )

    def outer(self, other: _Moments) -> _Moments:
        """Of all products of an entry of one with an entry of the other; a sum of positive terms."""
        a, b = self.mean, other.mean
        spread = self.variance * (other.variance + b * b) + a * a * other.variance
        return _Moments(a * b, spread, self.exponent + other.exponent)

    def pooled(self, counts: Array) -> _Moments:
        """Of all along the last axis, of `counts` entries each.

        The variance of all is the mean of the variances plus the variance of the means.
        """
        zero = (self.mean == 0) & (self.variance == 0)
        top = np.where(zero, _NOTHING, self.exponent).max(axis=-1, keepdims=True)
        means = _times_power(self.mean, self.exponent - top)
        variances = _times_power(self.variance, 2 * (self.exponent - top))
        first, share = means[..., :1], counts / counts.sum()
        offset = ((means - first) * share).sum(axis=-1, keepdims=True)
        between = (means - first - offset) ** 2
        whole = ((variances + between) * share).sum(axis=-1)
        return _Moments((first + offset)[..., 0], whole, top[..., 0])

    def log10(self, stat: str, entries: Array) -> Array:
        """log10 of the statistic, from (K + 1, networks, variances) to (variances, networks, K + 1)."""
        found = self.variance + self.mean**2 if stat == "ms" else self.variance
        found = np.where(np.isfinite(found), found, np.inf)
        logs = np.asarray((np.log10(found) + 2 * _LOG10_2 * self.exponent).T)
        if stat == "ms":
            return logs
        return np.where(entries == 1, np.nan, logs / 2 if stat == "std" else logs)


@dataclass
class _Record:
    """Moments of all that a pass over some networks, initializations and inputs shows."""

    job: _Job
    networks: int
    variances: int
    inputs: int

    def __post_init__(self) -> None:
        shape = (self.job.network.depth + 1, self.networks, self.variances, self.inputs)
        seen = {part for name in self.job.quantities for part in _MADE_OF.get(name, (name,))}
        self._moments = {name: _Moments.empty(shape) for name in seen}
        self._alive: dict[int, Array] = {}

    def see(self, name: str, k: int, x: _Scaled) -> None:
        """Take the moments of what is asked for, and which units are alive."""
        if name in self._moments:
            self._take(name, k, x)
        if name == "h" and k:
            shape = (*x.mantissa.shape[:2], self.variances, self.inputs)
            self._alive[k] = (x.mantissa != 0).reshape(shape).any(axis=-1)

    def _take(self, name: str, k: int, x: _Scaled) -> None:
        """Mean and variance, the first unit taken away: equal units have variance exactly 0."""
        values = x.mantissa.astype(np.float64, copy=False)
        centered = values - values[:, :1]
        offset = centered.mean(axis=1, keepdims=True)
        centered -= offset
        moments = self._moments[name]
        moments.mean[k] = (values[:, :1] + offset).reshape(moments.mean[k].shape)
        moments.variance[k] = (centered * centered).mean(axis=1).reshape(moments.mean[k].shape)
        moments.exponent[k] = x.exponent.reshape(moments.mean[k].shape)

    def pooled(self) -> dict[str, _Moments]:
        """Of every quantity asked for, over all inputs."""
        return {name: self._of(name).pooled(np.ones(self.inputs)) for name in self.job.quantities}

    def _of(self, name: str) -> _Moments:
        found = [self._moments[part] for part in _MADE_OF.get(name, (name,))]
        return found[0] if len(found) == 1 else found[0].outer(found[1])

    def alive(self) -> Array:
        """(networks, units of h_1 ... h_K, variances): whether a unit is not 0 for some input."""
        return np.concatenate([self._alive[k] for k in sorted(self._alive)], axis=1)


def _entries(name: str, network: Network, inputs: int) -> Array:
    """(K + 1,): of how many numbers the statistic of one network is made."""
    widths = np.array(network.widths)
    if name == "dW":
        return np.asarray(widths[:-1] * widths[1:] * inputs)
    return np.asarray((widths[:-1] if name in ("h", "dh") else widths[1:]) * inputs)


# ---------------------------------------------------------------------------------------------
# The same pass in a number format
# ---------------------------------------------------------------------------------------------


def simulate(
    network: Network,
    weight_variance: Array,
    bias_variance: Array,
    number_format: NumberFormat,
    *,
    unit: UnitDraw = unit_normal,
    bias_unit: UnitDraw = unit_normal,
    nets: int = 20,
    inputs: int = 1,
    seed: int = 0,
) -> dict[str, Event]:
    """Where the median network leaves a number format: {"forward": (event, k), "backward": (event, k)}.

    weight_variance, bias_variance: (K + 1,). Weights and the result of every operation are rounded to
    the format; products are summed in float32 first, as accelerators do. The events: "overflow", an
    entry is infinite or not a number; "all zero", all entries of all inputs are. Forward they are
    looked for in f_0, f_1 ... f_{K-1}, backward in dl/dh_K ... dl/dh_1, and k is that of the first, as in
    numberformats.forecast. ("lost", None): the backward pass has nothing to start from, since f_k was
    infinite somewhere or the loss f_K^2 has slope 0. (None, None): nothing happened. Of an even number
    of networks the median is the earlier of the two in the middle.
    """
    job = _Job(network, unit, bias_unit, nets, inputs, seed, "ms", np.dtype(np.float32))
    sds = [np.sqrt(np.asarray(v, dtype=np.float64)) for v in (weight_variance, bias_variance)]
    sizes = _sizes(job, 1)
    together = sizes.networks if sizes.inputs == inputs else 1
    events: list[tuple[Event, Event]] = []
    with np.errstate(all="ignore"):
        for numbers in _blocks(nets, together):
            draws = _Draws(job, numbers, sizes.keep)
            watch = _Watch(network)
            arithmetic = _Rounded(network, draws, sds[0], sds[1], number_format.rounded)
            _Pass(network, arithmetic, watch.see).run(number_format.rounded(draws.inputs()))
            events += [watch.events(place) for place in range(len(numbers))]
    forward, backward = zip(*events, strict=True)
    return {"forward": _median_event(forward, 1), "backward": _median_event(backward, -1)}


@dataclass(frozen=True)
class _Rounded:
    """float32 arrays whose entries are numbers of a format; weight_sd, bias_sd: (K + 1,)."""

    network: Network
    draws: _Draws
    weight_sd: Array
    bias_sd: Array
    rounded: Callable[[Array], Array]

    def affine(self, k: int, x: Array) -> Array:
        f = self.rounded(self._weights(k) @ x)
        if self.bias_sd[k] == 0:
            return f
        return self.sum(f, self.rounded(self.bias_sd[k] * self.draws.biases(k)))

    def transposed(self, k: int, x: Array) -> Array:
        return self.rounded(np.swapaxes(self._weights(k), 1, 2) @ x)

    def _weights(self, k: int) -> Array:
        return self.rounded(self.weight_sd[k] * self.draws.weights(k))

    def activated(self, x: Array) -> tuple[Array, Array]:
        value, slope = self.network.activation.both(x.astype(np.float64))
        return self.rounded(value), self.rounded(slope)

    def sum(self, x: Array, y: Array) -> Array:
        return self.rounded(x + y)

    def times(self, x: Array, y: Array) -> Array:
        return self.rounded(x * y)

    def scaled(self, s: float, x: Array) -> Array:
        return self.rounded(np.float32(s) * x)

    def normalized(self, x: Array) -> tuple[Array, Array]:
        normal, sd = _layer_norm(x)
        return self.rounded(normal), sd

    def through_norm(self, adjoint: Array, normal: Array, sd: Array) -> Array:
        return self.rounded(_norm_back(adjoint, normal, sd))

    def loss_adjoint(self, f: Array) -> Array:
        if self.network.loss == "lsq":
            return self.scaled(2.0, f)
        return np.broadcast_to(self.rounded(self.draws.direction()), f.shape)


@dataclass(frozen=True)
class _Watch:
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


def _median_event(events: Sequence[Event], direction: int) -> Event:
    """The earlier of the two in the middle; "lost" comes before every layer, no event after all."""

    def time(event: Event) -> float:
        name, k = event
        return np.inf if name is None else -np.inf if k is None else float(direction * k)

    return sorted(events, key=time)[(len(events) - 1) // 2]
