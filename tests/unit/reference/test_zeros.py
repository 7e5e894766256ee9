"""What falls with the digits that are added is 0; what stays is a number, however small."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from gradcheck_cli.reference.zeros import AtDigits, falls, in_doubt, left_of, resolve_zeros

TRUE = np.asarray(True)


def of(text: str) -> np.ndarray:
    return np.asarray(mpmath.mpf(text), dtype=object)


@pytest.mark.parametrize(
    ("few", "many", "digits", "left"),
    [
        ("1e-55", "1e-805", (50, 800), 0),  # as many digits less as there were added
        ("1e-55", "1e-100", (50, 800), 1e-100),  # a number that 50 digits do not reach
        ("1e-100", "1e-100", (50, 800), 1e-100),
        ("0", "1e-200", (50, 800), 1e-200),  # 1 - tanh(170)^2
        ("1e-55", "0", (50, 800), 0),
        ("1e-145", "1e-805", (140, 800), 0),
        ("1e-60", "1e-60", (800, 800), 1e-60),  # no digits were added
    ],
)
def test_only_what_falls_is_zero(few: str, many: str, digits: tuple[int, int], left: float) -> None:
    found = resolve_zeros(AtDigits(of(few), digits[0]), TRUE, [AtDigits(of(many), digits[1])])
    assert float(found) == left


@pytest.mark.parametrize(("now", "left"), [
    ("6e-1602", "0"),  # begins in the last digits: what these leave of terms of size 1
    ("6e-1300", "6e-1300"), ("1", "1"),
])  # fmt: skip
def test_what_shows_with_the_last_digits_alone_is_zero(now: str, left: str) -> None:
    before, after = AtDigits(of("0"), 800), AtDigits(of(now), 1600)
    assert left_of(before, after, TRUE, 50, lambda: None)[()] == mpmath.mpf(left)


def test_numbers_beyond_doubt_are_not_asked_again() -> None:
    first = AtDigits(np.array([1.0, 1e-60]), 50)
    again = AtDigits(np.array([2.0, 0.0]), 800)
    assert resolve_zeros(first, np.array([False, True]), [again]).tolist() == [1.0, 0.0]


def test_a_number_has_to_fall_at_the_last_raise() -> None:
    """First noise falls, then a number stays: what is left is the number."""
    raises = [AtDigits(of("1e-500"), 800), AtDigits(of("1e-500"), 1600)]
    assert resolve_zeros(AtDigits(of("1e-55"), 50), TRUE, raises) == mpmath.mpf("1e-500")


def test_what_is_far_below_float64_falls_all_the_same() -> None:
    assert falls(AtDigits(of("1e-800"), 800), AtDigits(of("1e-9600"), 9600))
    assert not falls(AtDigits(of("1e-800"), 800), AtDigits(of("1e-810"), 9600))


def test_doubt_is_of_what_is_nothing_beside_rounding() -> None:
    values = np.array([0.0, 1e-40, 1e-10, np.nan])
    assert in_doubt(values, np.full(4, 1e-16)).tolist() == [True, True, False, True]
