"""Expectations over z ~ N(0, 1) against closed forms; gains, fixed points and critical points."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gradcheck_cli.initialization.activations import ACTIVATIONS, find_activation
from gradcheck_cli.initialization.gaussian_expectations import (
    Law,
    averages,
    critical,
    depth_scale,
    describe,
    gain,
)

QS = [float(q) for q in 10.0 ** np.arange(-6, 6.5, 0.5)]


def normal(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def tail(x: float) -> float:
    return math.erfc(x / math.sqrt(2)) / 2


# ---------------------------------------------------------------------------------------------
# Closed forms
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("q", QS)
def test_erf_in_closed_form(q: float) -> None:
    found = averages(find_activation("erf"), q)
    assert found.second == pytest.approx(2 / math.pi * math.asin(2 * q / (1 + 2 * q)), rel=1e-10)
    assert found.slope == pytest.approx(4 / math.pi / math.sqrt(1 + 4 * q), rel=1e-10)


def test_plain_gauss_hermite_would_not_do() -> None:
    """The rule that was not taken misses erf at large q by more than a tenth, with 64 nodes."""
    z, weights = np.polynomial.hermite_e.hermegauss(64)
    q = 1e6
    slope = weights @ find_activation("erf").slope(math.sqrt(q) * z) ** 2 / weights.sum()
    assert abs(slope / (4 / math.pi / math.sqrt(1 + 4 * q)) - 1) > 0.1


@pytest.mark.parametrize("q", [1e-6, 0.3, 1.0, 50.0, 1e6])
def test_relu_and_its_relatives_in_closed_form(q: float) -> None:
    relu, leaky = averages(find_activation("relu"), q), averages(find_activation("leaky_relu:0.2"), q)
    assert relu.second == pytest.approx(q / 2, rel=1e-12)
    assert relu.slope == pytest.approx(0.5, rel=1e-12)
    assert relu.mean == pytest.approx(math.sqrt(q / (2 * math.pi)), rel=1e-12)
    assert relu.spread == pytest.approx(q * (0.5 - 1 / (2 * math.pi)), rel=1e-12)
    assert (relu.kurtosis, relu.slope_kurtosis) == pytest.approx((6, 2), rel=1e-12)
    assert leaky.second == pytest.approx(q * (1 + 0.04) / 2, rel=1e-12)
    assert (relu.growth, relu.spread_growth, relu.slope_growth) == pytest.approx((1, 1, 0), abs=1e-12)


@pytest.mark.parametrize("q", [0.01, 0.3, 1.0, 30.0])
def test_a_kink_that_is_not_at_zero(q: float) -> None:
    """max(z - 1.5, 0): at q = 0.01 all of it is a tail beyond 15 standard deviations."""
    edge, found = 1.5 / math.sqrt(q), averages(find_activation("max(z-1.5, 0)"), q)
    expected = q * ((1 + edge**2) * tail(edge) - edge * normal(edge))
    # the closed form itself cancels about 4 digits at edge 15: both terms are 225 times their difference
    assert found.second == pytest.approx(expected, rel=1e-8)
    assert found.slope == pytest.approx(tail(edge), rel=1e-10)


def test_other_closed_forms() -> None:
    for q in (0.1, 1.0, 10.0):
        sine = averages(find_activation("sin"), q)
        assert sine.second == pytest.approx((1 - math.exp(-2 * q)) / 2, rel=1e-12)
        assert sine.slope == pytest.approx((1 + math.exp(-2 * q)) / 2, rel=1e-12)
        line = averages(find_activation("linear"), q)
        assert (line.second, line.kurtosis, line.mean) == pytest.approx((q, 3, 0), abs=1e-12)
        assert averages(find_activation("abs(z)"), q).second == pytest.approx(q, rel=1e-12)
        step = averages(find_activation("where(z > 0.5, 1, 0)"), q)
        assert step.second == pytest.approx(tail(0.5 / math.sqrt(q)), rel=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_growths_are_derivatives(name: str) -> None:
    activation = find_activation(name)
    low, here, high = (averages(activation, 0.7 * math.exp(x)) for x in (-1e-4, 0, 1e-4))
    for value, slope in (("second", "growth"), ("spread", "spread_growth"), ("slope", "slope_growth")):
        difference = math.log(getattr(high, value) / getattr(low, value)) / 2e-4
        # truncation of the difference: 1e-8 times a third derivative of order 1
        assert getattr(here, slope) == pytest.approx(difference, abs=1e-6), value


# ---------------------------------------------------------------------------------------------
# The table in ln q
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gelu", "tanh", "softplus", "relu", "z*erf(z)"])
def test_interpolation_is_near_the_integral(name: str) -> None:
    activation = find_activation(name)
    law, x = Law(activation), np.array([-9.87, -3.33, -0.111, 0.1234, 2.71, 6.5])
    found = law(x)
    for value in ("second", "spread", "slope"):
        exact = [math.log(getattr(averages(activation, math.exp(v)), value)) for v in x]
        assert found[value] == pytest.approx(exact, abs=1e-5), value


def test_far_out_a_power_goes_on() -> None:
    """gelu is z/2 near 0 and relu far out; tanh is z near 0 and 1 far out."""
    far = np.array([-3000.0, 3000.0])
    gelu, tanh = (Law(find_activation(name))(far) for name in ("gelu", "tanh"))
    assert gelu["second"] == pytest.approx(far + np.log([0.25, 0.5]), abs=1e-6)
    assert tanh["second"] == pytest.approx([-3000, 0], abs=1e-6)
    zero = Law(find_activation("tanh"))(np.array([-np.inf]))
    assert zero["second"][0] == -np.inf


# ---------------------------------------------------------------------------------------------
# Gains, fixed points, critical points
# ---------------------------------------------------------------------------------------------

GAINS = {
    "relu": 1.4142, "tanh": 1.5925, "erf": 1.4672, "sigmoid": 1.8462, "selu": 1.0000, "gelu": 1.5335,
    "silu": 1.6765, "elu": 1.2452, "mish": 1.4868, "softplus": 1.0419, "softsign": 2.3375, "sin": 1.5209,
    "linear": 1.0,
}  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), GAINS.items())
def test_gains_to_four_digits(name: str, expected: float) -> None:
    assert gain(find_activation(name)) == pytest.approx(expected, abs=5e-5)


def test_fixed_points() -> None:
    """q = 1 is kept by the gain: tanh attracts, gelu repels, relu does neither."""
    words = {"tanh": "attracts", "relu": "neutral", "gelu": "repels", "silu": "repels", "selu": "attracts"}
    assert {name: describe(find_activation(name)).fixed_point for name in words} == words


@pytest.mark.parametrize("bias", [0.01, 0.05, 0.3])
def test_the_critical_point_of_erf_in_closed_form(bias: float) -> None:
    """chi = 1 where sigma_w^2 = (pi/4) sqrt(1 + 4 q), and q is its own successor."""
    found = critical(find_activation("erf"), bias)
    assert found.q is not None
    assert found.sigma_w is not None
    assert found.sigma_w**2 == pytest.approx(math.pi / 4 * math.sqrt(1 + 4 * found.q), rel=1e-9)
    again = found.sigma_w**2 * 2 / math.pi * math.asin(2 * found.q / (1 + 2 * found.q)) + bias
    assert again == pytest.approx(found.q, rel=1e-9)


CRITICAL = [
    ("relu", 0.0, math.sqrt(2), None, "any q"),
    ("linear", 0.0, 1.0, None, "any q"),
    ("tanh", 0.0, 1.0, 0.0, "in the limit"),
    ("gelu", 0.0, 2.0, 0.0, "in the limit"),
    ("min(max(z, -1), 1)", 0.0, 1.0, 0.0, "in the limit"),
    ("exp(z)", 0.0, math.exp(-1), pytest.approx(1, rel=1e-9), ""),
    ("relu", 0.1, None, None, "no variance"),
    ("softplus", 0.0, None, None, "no variance"),
]


@pytest.mark.parametrize(("name", "bias", "sigma", "q", "note"), CRITICAL)
def test_critical_points(
    name: str, bias: float, sigma: float | None, q: object, note: str
) -> None:
    found = critical(find_activation(name), bias)
    assert found.sigma_w == (None if sigma is None else pytest.approx(sigma, rel=1e-6))
    assert found.q == q
    assert note in found.note


def test_depth_scales() -> None:
    assert depth_scale(math.exp(-0.1)) == pytest.approx(10)
    assert depth_scale(math.exp(0.1)) == pytest.approx(-10)
    assert [depth_scale(chi) for chi in (1.0, 0.0, math.inf, math.nan)] == [None] * 4


def test_a_description_is_complete() -> None:
    found = describe(find_activation("tanh"), 0.05)
    assert found.gain == pytest.approx(1.5925, abs=5e-5)
    assert found.torch_gain == pytest.approx(5 / 3)
    assert found.chi_50 == pytest.approx(found.chi**50)
    assert found.critical_sigma_w is not None
    assert found.critical_sigma_w > 1
    assert found.notes == ()
    assert "repels" in describe(find_activation("silu")).notes[0]
