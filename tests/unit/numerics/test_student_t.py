"""Student's t against printed tables and closed forms, and intervals against what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gradcheck_cli.numerics.student_t import interval, student_t, typical

# two-sided levels; Abramowitz and Stegun, table 26.10, with more digits from R's qt
TABLE = [
    (0.9, 1, 6.313751514675043),
    (0.9, 2, 2.919985580353725),
    (0.9, 3, 2.353363434801823),
    (0.9, 19, 1.729132811521367),
    (0.95, 4, 2.776445105197793),
    (0.95, 5, 2.570581835636314),
    (0.95, 10, 2.228138851964939),
    (0.95, 30, 2.042272456301238),
    (0.99, 1, 63.65674116287399),
    (0.99, 7, 3.499483297350494),
    (0.99, 120, 2.617421145106865),
    (0.5, 1, 1.0),
    (0.5, 5, 0.7266868438004229),
]


@pytest.mark.parametrize(("level", "freedom", "expected"), TABLE)
def test_the_quantiles_are_those_of_the_tables(level: float, freedom: int, expected: float) -> None:
    assert student_t(level, freedom) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("level", [0.001, 0.1, 0.5, 0.9, 0.99, 0.9999, 1 - 6e-7])
def test_closed_forms_of_one_two_and_four_degrees(level: float) -> None:
    assert student_t(level, 1) == pytest.approx(math.tan(math.pi * level / 2), rel=1e-8)
    assert student_t(level, 2) == pytest.approx(level * math.sqrt(2 / (1 - level**2)), rel=1e-8)
    alpha = 1 - level**2  # Shaw 2006, equation 38
    q = math.cos(math.acos(math.sqrt(alpha)) / 3) / math.sqrt(alpha)
    assert student_t(level, 4) == pytest.approx(2 * math.sqrt(q - 1), rel=1e-7)  # q - 1 cancels


@pytest.mark.parametrize("freedom", [3, 6, 19, 1000, 1001, 30_000])
@pytest.mark.parametrize("level", [0.1, 0.9, 0.999, 1 - 6e-7])
def test_the_density_between_plus_and_minus_t_adds_up_to_the_level(level: float, freedom: int) -> None:
    """Over the angle, t = sqrt(n) tan(angle), the density is c cos(angle)^(n - 1): no tails."""
    x, weights = np.polynomial.legendre.leggauss(200)  # smooth: exact to rounding
    half = math.atan(student_t(level, freedom) / math.sqrt(freedom))
    constant = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(math.pi)
    found = half * float(weights @ (constant * np.cos(half * x) ** (freedom - 1)))
    tail = 1 - level
    # 1e-8 of t changes the tail by up to 40 times that (t times density over tail); lgamma of 15,000,
    # a number of 129,000, is rounded to 1e-11
    assert found == pytest.approx(level, abs=4e-7 * tail + 1e-10)


def test_the_expansion_meets_the_sum() -> None:
    for level in (0.5, 0.9, 0.9999, 1 - 6e-7):
        difference = student_t(level, 1000) - student_t(level, 1001)
        before = student_t(level, 999) - student_t(level, 1000)
        # differences fall like 1/freedom^2, a fraction 2e-3 of 5e-6; an error of 1e-8 would show
        assert difference == pytest.approx(before, rel=5e-3, abs=1e-9)


@pytest.mark.parametrize(("level", "freedom"), [(1.0, 3), (-0.1, 3), (math.nan, 3), (0.9, 0)])
def test_what_has_no_quantile(level: float, freedom: int) -> None:
    with pytest.raises(ValueError, match="level"):
        student_t(level, freedom)


def test_a_level_that_is_almost_1_gives_a_number() -> None:
    for freedom in (1, 19, 1001):
        assert 8 < student_t(1 - 2.0**-53, freedom) < 1e17


# ---------------------------------------------------------------------------------------------
# Intervals
# ---------------------------------------------------------------------------------------------


def test_order_statistics_from_the_number_on_that_allows_them() -> None:
    values = np.arange(1.0, 20)  # 19 = 2/(1 - 0.9) - 1: the smallest and the largest
    assert interval(values, 0.9) == pytest.approx((1, 19), abs=1e-9)
    assert interval(values[::-1], 0.9) == pytest.approx((1, 19), abs=1e-9)
    assert interval(np.arange(1.0, 40), 0.9) == pytest.approx((2, 38), abs=1e-9)
    assert interval(np.arange(1.0, 30), 0.9) == pytest.approx((1.5, 28.5), abs=1e-9)


def test_with_fewer_as_if_they_were_normal() -> None:
    values = [1.0, 2.0, 4.0]
    reach = 2.919985580353725 * np.std(values, ddof=1) * math.sqrt(4 / 3)
    assert interval(values, 0.9) == pytest.approx((7 / 3 - reach, 7 / 3 + reach), rel=1e-12)
    low, high = interval(np.arange(1.0, 19), 0.9)  # 18 are one too few
    assert low < 1
    assert high > 18
    assert all(math.isnan(x) for number in ([], [3.0]) for x in interval(number, 0.9))


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 18, 50])
def test_intervals_hold_one_more_number_as_often_as_promised(n: int) -> None:
    rng = np.random.default_rng(5)
    repeats = 2000
    found = 0
    for values in rng.standard_normal((repeats, n + 1)):
        low, high = interval(values[:-1], 0.9)
        found += low <= values[-1] <= high
    # four standard errors of a share of 0.9 over 2000 repeats
    assert abs(found / repeats - 0.9) < 4 * math.sqrt(0.9 * 0.1 / repeats)


@pytest.mark.parametrize("n", [2, 7, 19, 20, 40])
def test_columns_are_taken_by_themselves_and_only_what_is_finite(n: int) -> None:
    """As if each column came alone, whatever its neighbours lack."""
    values = np.random.default_rng(3).standard_normal((n, 9)) * 10.0 ** np.arange(9)
    for column, lost in enumerate((0, 1, 1, 2, 0, n - 1, n, 1, 0)):
        values[:lost, column] = (-np.inf, np.nan, np.inf)[column % 3]
    median, low, high = typical(values, 0.9)
    for column, given in enumerate(values.T):
        known = given[np.isfinite(given)]
        ends = interval(known, 0.9)
        assert (low[column], high[column]) == pytest.approx(ends, rel=1e-12, nan_ok=True)
        assert math.isnan(low[column]) == (len(known) < 2)
        middle = np.median(known) if len(known) else math.nan
        assert median[column] == pytest.approx(middle, rel=1e-12, nan_ok=True)
