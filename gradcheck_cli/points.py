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
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["DIGITS", "archive", "draw_normal", "draw_uniform", "moved", "signs", "stream"]

Array = NDArray[np.float64]
DIGITS = 6  # significant digits of every drawn number


class _HasValues(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def values(self) -> Any: ...


class _HasInputs(Protocol):
    @property
    def seed(self) -> int: ...
    @property
    def inputs(self) -> Mapping[str, Any]: ...


def _unit(seed: int, name: str, count: int) -> Array:
    """`count` numbers inside (0, 1), the middles of 2**53 equal intervals."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    bits = np.random.PCG64(int.from_bytes(digest[:16], "little")).random_raw(count)
    high = np.asarray(bits, dtype=np.uint64) >> np.uint64(11)
    return (high.astype(np.float64) + 0.5) * 2.0**-53


def signs(seed: int, name: str, shape: tuple[int, ...]) -> Array:
    """+1 and -1, each as likely, from the stream of `name`/signs."""
    return np.where(_unit(seed, f"{name}/signs", math.prod(shape)) < 0.5, -1.0, 1.0).reshape(shape)


def stream(seed: int, name: str) -> np.random.Generator:
    """A generator for statistics, where the last digit of a single draw does not matter."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return np.random.Generator(np.random.SFC64(np.frombuffer(digest[:16], dtype="<u4")))


def _rounded(values: Array) -> Array:
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
    seed: int, name: str, shape: tuple[int, ...], low: float = -1.0, high: float = 1.0
) -> Array:
    """Uniform between `low` and `high`, from the stream of `name`."""
    u = _unit(seed, name, math.prod(shape))
    return _rounded(low + (high - low) * u).reshape(shape)


def draw_normal(
    seed: int,
    name: str,
    shape: tuple[int, ...],
    mean: float = 0.0,
    sd: float = 1.0,
    *,
    attempt: int = 0,
) -> Array:
    """Normal with this mean and standard deviation (Box and Muller 1958). `attempt`: draw again."""
    count = math.prod(shape)
    u = _unit(seed, name if not attempt else f"{name}/{attempt}", 2 * ((count + 1) // 2))
    radius, angle = np.sqrt(-2 * np.log(u[0::2])), 2 * np.pi * u[1::2]
    z = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)
    return _rounded(mean + sd * z[:count]).reshape(shape)


def moved(
    model: _HasInputs,
    number: int,
    *,
    kinds: tuple[str, ...] = ("param",),
    attempt: int = 0,
    reach: float = 1.0,
) -> dict[str, Array]:
    """The inputs of these kinds at point `number`: p*(1 + u/2), or u/10 where p is 0.

    u is uniform in [-reach, reach], from the model's seed; another `attempt` draws another u.
    Inputs of other kinds are not in the result; `kinds` may hold "param", "data" and "rows".
    """
    return {
        name: _beside(item.values, model.seed, f"{name}/moved/{number}/{attempt}", reach)
        for name, item in model.inputs.items()
        if item.kind in kinds
    }


def _beside(values: Array, seed: int, stream: str, reach: float) -> Array:
    u = reach * draw_uniform(seed, stream, values.shape)
    return np.asarray(np.where(values == 0, u / 10, values * (1 + u / 2)))


def archive(values: Mapping[str, Array]) -> bytes:
    """The arrays as an .npz file (NumPy's NEP 1 format in a zip), the same bytes every time.

    numpy.savez cannot name an array "file", and pickles what is no plain array; this cannot.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, array in values.items():
            with packed.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return stream.getvalue()
