"""Reads a seed and names. Gives the numbers drawn for them, points beside a given one, and points
as files.

Every name has a stream of its own, so a model keeps its numbers when a line is added. The bits are
PCG64's, whose sequence NumPy guarantees; what is made of them is written here, and rounded, so that
platforms agree and a report can be typed back. Knows nothing of graphs.
"""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.model.assumptions import Assumption, keep
from gradcheck_cli.numerics.chunked_arrays import allocate, pieces
from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits

__all__ = ["DIGITS", "archive", "draw_kept", "draw_normal", "draw_uniform", "moved_inputs", "signs", "stream"]

Array = NDArray[np.float64]
DIGITS = 6  # significant digits of every drawn number


class _HasInputs(Protocol):
    @property
    def seed(self) -> int: ...
    @property
    def inputs(self) -> Mapping[str, Any]: ...


def _unit(seed: int, name: str, count: int, skipped: int = 0) -> Array:
    """`count` numbers inside (0, 1), the middles of 2**53 equal intervals; those after some others."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    bits = np.random.PCG64(int.from_bytes(digest[:16], "little")).advance(skipped).random_raw(count)
    high = np.asarray(bits, dtype=np.uint64) >> np.uint64(11)
    return (high.astype(np.float64) + 0.5) * 2.0**-53


def signs(seed: int, name: str, shape: tuple[int, ...]) -> Array:
    """+1 and -1, each as likely.

    Parameters
    ----------
    seed, name : the stream is that of `name`/signs
    shape : of the array

    Returns
    -------
    float64 array of that shape
    """
    return np.where(_unit(seed, f"{name}/signs", math.prod(shape)) < 0.5, -1.0, 1.0).reshape(shape)


def stream(seed: int, name: str) -> np.random.Generator:
    """A generator for statistics, where the last digit of a single draw does not matter."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return np.random.Generator(np.random.SFC64(np.frombuffer(digest[:16], dtype="<u4")))


def _round_decimals(values: Array) -> Array:
    """Every number rounded to DIGITS significant decimal digits: the double nearest to them."""
    with np.errstate(divide="ignore"):
        exponent = np.floor(np.log10(np.abs(values)))
    places = DIGITS - 1 - exponent
    plain = (places >= 0) & (places <= 22)  # 10**places is exact, hence one rounding in all
    scale = 10.0 ** np.where(plain, places, 0)
    result = np.asarray(np.rint(values * scale) / scale)
    result[~plain] = [float(f"{v:.{DIGITS}g}") for v in values[~plain]]
    return result


def draw_uniform(
    seed: int, name: str, shape: tuple[int, ...], low: float = -1.0, high: float = 1.0, skipped: int = 0
) -> Array:
    """Uniform random numbers.

    Parameters
    ----------
    seed, name : of the stream
    shape : of the array
    low, high : the interval
    skipped : how many numbers of the stream come before

    Returns
    -------
    float64 array of that shape
    """
    u = _unit(seed, name, math.prod(shape), skipped)
    return _round_decimals(low + (high - low) * u).reshape(shape)


def draw_normal(
    seed: int,
    name: str,
    shape: tuple[int, ...],
    mean: float = 0.0,
    sd: float = 1.0,
    *,
    attempt: int = 0,
) -> Array:
    """Normal random numbers, by the method of Box and Muller 1958.

    Parameters
    ----------
    seed, name : of the stream
    shape : of the array
    mean, sd : mean and standard deviation
    attempt : another number draws again, from a stream of its own

    Returns
    -------
    float64 array of that shape
    """
    count = math.prod(shape)
    u = _unit(seed, name if not attempt else f"{name}/{attempt}", 2 * ((count + 1) // 2))
    radius, angle = np.sqrt(-2 * np.log(u[0::2])), 2 * np.pi * u[1::2]
    z = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)
    return _round_decimals(mean + sd * z[:count]).reshape(shape)


def moved_inputs(
    model: _HasInputs,
    number: int,
    *,
    kinds: tuple[str, ...] = ("param",),
    attempt: int = 0,
    reach: float = 1.0,
    limits: NumericsLimits = NUMERICS,
    freely: bool = False,
) -> dict[str, Array]:
    """The inputs of some kinds at a comparison point: p*(1 + u/2), or u/10 where p is 0.

    What is assumed of a name is kept, unless it moves `freely`.

    Parameters
    ----------
    model : has inputs and a seed
    number : of the point
    kinds : of "param", "data" and "rows"
    attempt : another one draws another u
    reach : u is uniform in [-reach, reach]
    limits : how far numbers are moved, and how many together
    freely : whether assumptions may break

    Returns
    -------
    dict of str to float64 arrays, in the shapes and units of the inputs
        Inputs of other kinds are not in it.
    """
    given = {name: item.values for name, item in model.inputs.items() if item.kind in kinds}
    streams = {name: f"{name}/moved/{number}/{attempt}" for name in given}
    large = {name: values for name, values in given.items() if values.size > limits.moved_together}
    found = {n: _move_in_pieces(values, model.seed, streams[n], reach, limits) for n, values in large.items()}
    small = [name for name in given if name not in found]
    if small:  # thousands of single numbers are moved as if they were one array
        units = np.concatenate([_unit(model.seed, streams[n], given[n].size) for n in small])
        values = np.concatenate([np.ravel(given[n]) for n in small])
        ends = np.cumsum([given[n].size for n in small])
        parts = np.split(_move(values, reach * _round_decimals(-1.0 + 2.0 * units), limits), ends[:-1])
        found |= {n: part.reshape(given[n].shape) for n, part in zip(small, parts, strict=True)}
    for name in given:
        assumptions = model.inputs[name].assumptions
        if assumptions and not freely:
            uniform = _uniform(model.seed, streams[name], found[name].shape)
            found[name] = keep(assumptions, found[name], uniform, given[name])
    return {name: found[name] for name in given}


def draw_kept(
    assumptions: Sequence[Assumption], values: Array, seed: int, name: str, attempt: int = 0
) -> Array:
    """Drawn values, changed so that they keep what is assumed of them.

    Parameters
    ----------
    assumptions : of the name
    values : float64 array
    seed, name, attempt : of the stream that chooses where there is a choice

    Returns
    -------
    float64 array of the same shape
    """
    return keep(assumptions, values, _uniform(seed, f"{name}/{attempt}", values.shape))


def _uniform(seed: int, name: str, shape: tuple[int, ...]) -> Array:
    return _unit(seed, f"{name}/kept", math.prod(shape)).reshape(shape)


def _move_in_pieces(values: Array, seed: int, stream: str, reach: float, limits: NumericsLimits) -> Array:
    if values.size <= limits.piece:
        return _move_piece(values, seed, stream, reach, limits)
    found, width = allocate(values.shape, limits), math.prod(values.shape[1:])
    for piece in pieces(values.shape, limits):
        found[piece] = _move_piece(values[piece], seed, stream, reach, limits, piece.start * width)
    return found


def _move_piece(
    values: Array, seed: int, stream: str, reach: float, limits: NumericsLimits, skipped: int = 0
) -> Array:
    return _move(values, reach * draw_uniform(seed, stream, values.shape, skipped=skipped), limits)


def _move(values: Array, u: Array, limits: NumericsLimits) -> Array:
    moved = values * (1 + u / limits.value_divisor)
    return np.asarray(np.where(values == 0, u / limits.zero_divisor, moved))


def archive(values: Mapping[str, Array]) -> bytes:
    """Arrays as an .npz file (NumPy's NEP 1 format in a zip), the same bytes every time.

    numpy.savez cannot name an array "file", and pickles what is no plain array; this cannot.

    Parameters
    ----------
    values : name to array of numbers

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If an array holds objects.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, array in values.items():
            with packed.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return stream.getvalue()
