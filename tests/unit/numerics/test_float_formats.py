"""Rounding to a format is compared with exact arithmetic, the forecast with the law of the largest."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from gradcheck_cli.numerics.float_formats import FORMATS, forecast

# name: significant bits, exponent of the smallest normal number
LAYOUT = {"float16": (11, -14), "bfloat16": (8, -126), "float32": (24, -126)}


def nearest(x: float, name: str) -> float:
    """The number of the format nearest to x, ties to even, in exact fractions."""
    if not math.isfinite(x) or x == 0:
        return x
    bits, lowest = LAYOUT[name]
    exponent = max(math.frexp(x)[1] - 1, lowest) - (bits - 1)
    found = round(Fraction(x) / Fraction(2) ** exponent) * Fraction(2) ** exponent
    largest = (2 - Fraction(1, 2 ** (bits - 1))) * 2 ** (15 if name == "float16" else 127)
    return math.copysign(math.inf if abs(found) > largest else float(abs(found)), x)


def same(found: np.ndarray, wanted: np.ndarray) -> bool:
    return np.array_equal(found, wanted, equal_nan=True) and np.array_equal(
        np.signbit(found[found == 0]), np.signbit(wanted[wanted == 0])
    )


def hard_values(name: str) -> np.ndarray:
    """Random bit patterns, numbers of the format, the middles between them, and their neighbors."""
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2**32, 3000, dtype=np.uint64).astype(np.uint32)
    random = bits.view(np.float32)
    form = FORMATS[name]
    ends = np.array([form.largest, form.smallest, form.smallest / 2, 65504, 65519, 65520, 65536, 1, 0])
    low = rng.integers(0, 2**16, 500).astype(np.uint32) << np.uint32(16)
    middles = (low | np.uint32(0x8000)).view(np.float32)  # of bfloat16
    with np.errstate(all="ignore"):
        small = random.astype(np.float16).astype(np.float32)
        ends = ends.astype(np.float32)
        found = np.concatenate([random, ends, -ends, middles, small, small * np.float32(1 + 2**-11)])
        beside = [np.nextafter(found, np.float32(end)) for end in (np.inf, -np.inf)]
        found = np.concatenate([found, *beside, [np.inf, -np.inf, np.nan]]).astype(np.float32)
    if name != "float32":
        return found
    double = found[np.isfinite(found)].astype(np.float64)
    return np.concatenate([double, double * (1 + 2.0**-24), double + 2.0**-150])


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_rounding_is_exact_arithmetic(name: str) -> None:
    values = hard_values(name)
    wanted = np.array([nearest(float(x), name) for x in values], dtype=np.float32)
    found = FORMATS[name].rounded(values)
    assert found.dtype == np.float32
    assert found.shape == values.shape
    assert same(found, wanted)


def test_truncation_instead_of_rounding_is_seen() -> None:
    values = hard_values("bfloat16")
    cut: np.ndarray = (values.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    wanted = np.array([nearest(float(x), "bfloat16") for x in values], dtype=np.float32)
    assert not same(cut, wanted)


def test_every_float16_and_all_middles_between_them_as_numpy_rounds() -> None:
    all_bits = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)
    finite = np.sort(all_bits[np.isfinite(all_bits)])
    middles = (finite[1:] + finite[:-1]) / 2
    values = np.concatenate([all_bits, middles, np.nextafter(middles, np.float32(0))])
    with np.errstate(over="ignore"):
        wanted = values.astype(np.float16).astype(np.float32)
    assert same(FORMATS["float16"].rounded(values), wanted)
    assert same(FORMATS["float16"].rounded(all_bits), all_bits)


def test_every_bfloat16_is_its_own_rounding() -> None:
    all_bits = (np.arange(2**16, dtype=np.uint32) << np.uint32(16)).view(np.float32)
    assert same(FORMATS["bfloat16"].rounded(all_bits), all_bits)


@pytest.mark.parametrize("name", FORMATS)
def test_largest_and_smallest_are_the_ends_of_the_format(name: str) -> None:
    form = FORMATS[name]
    ends = np.array([form.largest, form.smallest])
    assert np.array_equal(form.rounded(ends), ends.astype(np.float32))
    with np.errstate(over="ignore"):
        outside = form.rounded(np.array([form.largest * (1 + 2.0**-7), form.smallest * 0.49]))
    assert outside.tolist() == [np.inf, 0]


def test_one_number_and_arrays_that_are_not_contiguous_keep_their_shape() -> None:
    for form in FORMATS.values():
        assert form.rounded(np.array(np.float32(-np.nan))).shape == ()
        assert form.rounded(np.ones((3, 4))[:, ::2]).tolist() == [[1, 1]] * 3


# ---------------------------------------------------------------------------------------------
# The forecast
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1, 2, 100, 10_000])
def test_overflow_is_where_the_median_of_the_largest_entry_is_the_largest_number(width: int) -> None:
    """P(all |z| <= m) = erf(m/sqrt(2))^width = 1/2, solved here by bisection."""
    low, high = 0.0, 10.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if math.erf(middle / math.sqrt(2)) ** width < 0.5 else (low, middle)
    form = FORMATS["float16"]
    border = math.log10(form.largest / low)
    assert forecast([border + 1e-9], [width], form) == ("overflow", 0)
    assert forecast([border - 1e-9], [width], form) is None
    border = math.log10(form.smallest / 2 / low)
    assert forecast([border - 1e-9], [width], form) == ("all zero", 0)
    assert forecast([border + 1e-9], [width], form) is None


def test_the_first_event_in_the_order_given_counts() -> None:
    half = FORMATS["float16"]
    assert forecast([0, 1, 9, -9], [10] * 4, half) == ("overflow", 2)
    assert forecast([-9, 9, 1, 0], [10] * 4, half) == ("all zero", 0)
    assert forecast([0, 1, 9, -9], [10] * 4, FORMATS["bfloat16"]) is None
    assert forecast([], [], half) is None


def test_zero_infinite_and_meaningless_sizes() -> None:
    half = FORMATS["float16"]
    assert forecast([0, -math.inf], [3, 3], half) == ("all zero", 1)
    assert forecast([0, math.inf], [3, 3], half) == ("overflow", 1)
    assert forecast([math.nan, 0], [3, 3], half) is None
    with pytest.raises(ValueError, match="shorter"):
        forecast([0.0, 0.0], [3], half)
