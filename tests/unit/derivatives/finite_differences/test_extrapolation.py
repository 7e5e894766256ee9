"""Extrapolation: exact where the truncation error has as many terms as the tableau cancels."""

import numpy as np
import pytest

from gradcheck_cli.derivatives.finite_differences.extrapolation import (
    extrapolate,
    neville,
    plain_slopes,
    step_exponent,
    step_ratios,
)
from gradcheck_cli.derivatives.finite_differences.sampled_function import Sampler
from gradcheck_cli.derivatives.finite_differences.schemes import EXTRAPOLATED, RIGHT
from gradcheck_cli.derivatives.finite_differences.step_ladder import sample_ladder
from gradcheck_cli.numerics.limits.finite_differences import DEFAULTS
from sampled_functions import sampled

STEPS = 0.5 ** np.arange(6.0)


def ladder(f, x, scheme=EXTRAPOLATED):
    sampler = Sampler(sampled(f, [x]), np.array([x]), 0.0, DEFAULTS)
    return sample_ladder(sampler, np.array([0]), STEPS[None], scheme)


@pytest.mark.parametrize("terms", [1, 2, 3])
def test_each_column_cancels_one_term(terms):
    """Values a + sum b_k h^(2k): column m is exact from m terms on, and one column less is not."""
    values = 3.0 + sum((k + 1.0) * STEPS ** (2 * k) for k in range(1, terms + 1))
    table = neville(values[None, :, None], step_ratios(STEPS[None], 5) ** 2, -1.0)
    assert np.allclose(table[terms, 0, : 6 - terms], 3.0, atol=1e-12)
    assert (abs(table[terms - 1, 0, : 7 - terms] - 3.0) > 1e-9).all()


def test_a_wrong_order_cancels_nothing():
    values = 3.0 + STEPS**2
    table = neville(values[None, :, None], step_ratios(STEPS[None], 3) ** 1, -1.0)
    assert (abs(table[1, 0, :5] - 3.0) > 1e-4).all()


def test_the_spread_is_what_noise_of_one_sign_each_makes():
    """Noise of size 1 that alternates from rung to rung is the worst case of the first extrapolation."""
    powers = step_ratios(STEPS[None], 4) ** 2
    spread = neville(np.ones((1, 6, 1)), powers, 1.0)
    noise = neville((-1.0) ** np.arange(6)[None, :, None], powers, -1.0)
    assert np.allclose(abs(noise[1]), spread[1], equal_nan=True)
    assert np.nanmax(abs(noise) - spread) <= 1e-15


def test_plain_slopes_are_those_of_the_scheme():
    found = ladder(lambda m, x: x**3, 0.75)
    unit = np.ldexp(1.0, -step_exponent(found))
    central, right = (plain_slopes(found, scheme) for scheme in (EXTRAPOLATED, RIGHT))
    assert np.allclose(central.value[0, :, 0] * unit, 3 * 0.75**2 + STEPS**2)
    assert np.allclose(right.value[0, :, 0] * unit, 3 * 0.75**2 + 3 * 0.75 * STEPS + STEPS**2)
    assert np.allclose(central.gains[0, :, 0] * unit, 1 / STEPS)
    assert np.allclose(right.gains[0, :, 0] * unit, 2 / STEPS)


def test_truncation_shows_what_has_not_converged():
    found = ladder(lambda m, x: m.sin(x), 0.7)
    table = extrapolate(plain_slopes(found, EXTRAPOLATED), np.array([[[2]]]), 5, lone=False)
    unit = np.ldexp(1.0, -step_exponent(found))
    error = abs(table.value * unit - np.cos(0.7))
    known = np.isfinite(table.truncation)
    estimate = table.truncation[known] * unit.item() + 1e-15
    assert (error[known] <= DEFAULTS.truncation_safety * estimate).all()
    assert not (error[known] <= estimate / 10).all()  # the estimate is not bought with its size
    assert not known[4, 0, -4:].any()
