"""What theory predicts of deep networks, against closed forms, published numbers, and a small program
that draws networks and runs them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.activations import Activation, find_activation
from gradcheck_cli.meanfield import (
    Expected,
    critical,
    depth_scale,
    describe,
    fixed_point,
    gain,
    moments,
    predict,
)
from gradcheck_cli.networks import Network

Array = np.ndarray
QUANTITIES = ("h", "f", "dh", "df", "dW", "db")
LN10 = math.log(10)


@cache
def act(text: str) -> Activation:
    return find_activation(text)


def he(fan_in: int, fan_out: int) -> float:
    return 2 / fan_in


def expected(
    text: str,
    widths: tuple[int, ...],
    variance: float | Callable[[int, int], float] = he,
    bias: float = 0.0,
    *,
    arch: str = "mlp",
    scale: float = 1.0,
    loss: str = "none",
    **options: Any,
) -> Expected:
    network = Network(widths, act(text), arch, scale, loss)
    pairs = list(zip(widths[:-1], widths[1:], strict=True))
    weights = np.array([variance(*pair) if callable(variance) else variance for pair in pairs])
    return predict(network, weights, np.full(len(pairs), bias), **options)


# ---------------------------------------------------------------------------------------------
# Expectations
# ---------------------------------------------------------------------------------------------

PRECISE = 1e-10  # asked for; found are 1e-13
WIDE = [10.0**power for power in range(-6, 7)]


def erf_moments(q: float) -> tuple[float, float]:
    """E erf(sqrt(q) z)^2 and E of its slope squared (Williams 1997)."""
    return 2 / math.pi * math.asin(2 * q / (1 + 2 * q)), 4 / math.pi / math.sqrt(1 + 4 * q)


@pytest.mark.parametrize("q", WIDE)
def test_erf_in_closed_form(q: float) -> None:
    found, (second, slope) = moments(act("erf"), q), erf_moments(q)
    assert found.second == pytest.approx(second, rel=PRECISE)
    assert found.slope_second == pytest.approx(slope, rel=PRECISE)
    growth = 2 / math.pi * 2 * q / ((1 + 2 * q) * math.sqrt(1 + 4 * q)) / second
    assert found.log_slope == pytest.approx(growth, rel=1e-9)  # of a difference that cancels


def test_gauss_hermite_would_miss_a_steep_slope() -> None:
    """The reason for panels: 60 nodes in z fall on both sides of the step that erf is at q = 1e6."""
    z, weights = np.polynomial.hermite_e.hermegauss(60)
    slopes = act("erf").slope(1e3 * z) ** 2
    assert weights @ slopes / weights.sum() < 0.01 * erf_moments(1e6)[1]


def tail(t: float) -> float:
    return math.erfc(t / math.sqrt(2)) / 2


@pytest.mark.parametrize("q", [0.01, 0.3, 1.0, 50.0, 1e4])
def test_shifted_relu_in_closed_form(q: float) -> None:
    """max(z - a, 0): the kink lies at a/sqrt(q), 15 standard deviations out at q = 0.01."""
    a, s = 1.5, math.sqrt(q)
    t, found = a / s, moments(act("max(z-1.5,0)"), q)
    density = math.exp(-t * t / 2) / math.sqrt(2 * math.pi)
    assert found.slope_second == found.slope_fourth == pytest.approx(tail(t), rel=PRECISE)
    cancels = 1e-9 * (s * s + a * a) * tail(t) / found.second  # of the closed form, where t is large
    assert found.second == pytest.approx((s * s + a * a) * tail(t) - a * s * density, rel=cancels)


def test_other_closed_forms() -> None:
    q = 2.5
    folded = moments(act("abs(z)"), q)
    assert folded.mean == pytest.approx(math.sqrt(2 * q / math.pi), rel=PRECISE)
    assert folded.fourth == pytest.approx(3 * q * q, rel=PRECISE)
    assert folded.central_fourth == pytest.approx(q * q * (3 - 4 / math.pi - 12 / math.pi**2), rel=PRECISE)
    assert folded.log_slope == pytest.approx(1, rel=PRECISE)
    for variance in (1e-6, 1.0, 1e3):  # at 1e3 sin turns 60 times
        found = moments(act("sin"), variance)
        assert found.second == pytest.approx(-math.expm1(-2 * variance) / 2, rel=PRECISE)
        assert found.slope_second == pytest.approx((1 + math.exp(-2 * variance)) / 2, rel=PRECISE)
    assert moments(act("exp(z)"), q).second == pytest.approx(math.exp(2 * q), rel=PRECISE)
    jump = moments(act("sign(z)"), q)  # its slope is 0 where it has one
    assert (jump.second, jump.slope_second) == (pytest.approx(1), 0)
    assert abs(jump.log_slope) < PRECISE


def test_nothing_comes_in() -> None:
    assert moments(act("tanh"), 0.0).second == 0
    assert moments(act("sigmoid"), 0.0).mean == pytest.approx(0.5)


@pytest.mark.parametrize("text", ["tanh", "gelu", "selu", "softsign", "tanh(50*z)"])
def test_log_slope_is_the_derivative(text: str) -> None:
    step = 1e-4
    for q in (0.01, 1.0, 30.0):
        up, down = (math.log(moments(act(text), q * math.exp(h)).second) for h in (step, -step))
        difference = (up - down) / (2 * step)
        # truncation step^2/6, round-off 1e-16/step
        assert moments(act(text), q).log_slope == pytest.approx(difference, abs=1e-8)


GAINS = {
    "relu": 1.4142,
    "tanh": 1.5925,
    "erf": 1.4672,
    "sigmoid": 1.8462,
    "selu": 1.0000,
    "gelu": 1.5335,
    "silu": 1.6765,
    "elu": 1.2452,
    "mish": 1.4868,
    "softplus": 1.0419,
    "softsign": 2.3375,
    "sin": 1.5209,
    "linear": 1.0000,
}


@pytest.mark.parametrize(("text", "value"), GAINS.items())
def test_gains(text: str, value: float) -> None:
    assert f"{gain(act(text)):.4f}" == f"{value:.4f}"


# ---------------------------------------------------------------------------------------------
# Fixed points, the edge of chaos
# ---------------------------------------------------------------------------------------------


def test_fixed_point_of_erf() -> None:
    q, slope = fixed_point(act("erf"), 3.0, 0.2) or (0.0, 0.0)
    assert 3 * erf_moments(q)[0] + 0.2 == pytest.approx(q, rel=1e-12)
    near = [3 * erf_moments(q * factor)[0] + 0.2 for factor in (0.999, 1.001)]
    # truncation of the difference: 1e-6
    assert math.log(near[1] / near[0]) / math.log(1.001 / 0.999) == pytest.approx(slope, abs=1e-5)


def test_there_may_be_none() -> None:
    assert fixed_point(act("relu"), 2.0, 0.0) == (1.0, pytest.approx(1.0))
    assert fixed_point(act("relu"), 2.1, 0.0) is None  # grows
    assert fixed_point(act("relu"), 1.9, 0.0) is None  # shrinks
    assert fixed_point(act("relu"), 1.9, 0.1) == (pytest.approx(2.0), pytest.approx(0.95))
    assert fixed_point(act("tanh"), 1.0, 0.0) is None  # q -> 0, like 1/k
    assert fixed_point(act("gelu"), 2.0, 0.0) is None  # the start is below the fixed point, which repels


def test_edge_of_chaos_of_erf() -> None:
    point = critical(act("erf"), 0.1)
    assert point.sigma_w is not None
    assert point.q is not None
    second, slope = erf_moments(point.q)
    assert point.sigma_w**2 * slope == pytest.approx(1, rel=1e-10)
    assert point.sigma_w**2 * second + 0.1 == pytest.approx(point.q, rel=1e-10)
    assert point.note == ""


# Roberts, Yaida and Hanin 2022, section 5.3: sigma_b^2, sigma_w^2 where both susceptibilities are 1
PUBLISHED = {"silu": (0.55514317, 1.98800468), "gelu": (0.17292239, 1.98305826)}


@pytest.mark.parametrize("text", PUBLISHED)
def test_edge_of_chaos_as_published(text: str) -> None:
    bias, weight = PUBLISHED[text]
    point = critical(act(text), bias)
    assert point.sigma_w is not None
    assert f"{point.sigma_w**2:.8f}" == f"{weight:.8f}"
    # also the slope of the length map is 1 there, and elsewhere it is not
    other = critical(act(text), bias / 2)
    for each, neutral in ((point, True), (other, False)):
        assert each.sigma_w is not None
        assert each.q is not None
        at = moments(act(text), each.q)
        slope = each.sigma_w**2 * at.second * at.log_slope / each.q
        assert (abs(slope - 1) < 1e-6) == neutral  # eight digits are published


def test_edge_of_chaos_without_a_number() -> None:
    anywhere = critical(act("relu"), 0.0)
    assert (anywhere.q, anywhere.note) == (None, "any q")
    assert anywhere.sigma_w == pytest.approx(math.sqrt(2))
    limit = critical(act("tanh"), 0.0)
    assert (limit.sigma_w, limit.q, limit.note) == (pytest.approx(1), None, "in the limit q -> 0")
    assert critical(act("gelu"), 0.0).sigma_w == pytest.approx(2)
    none = critical(act("relu"), 0.1)
    assert none.sigma_w is None
    assert "every layer adds the bias" in none.note
    assert "grows" in critical(act("softplus"), 0.0).note
    assert "shrinks" in critical(act("z*erf(z)"), 0.0).note


def test_depth_scale() -> None:
    assert depth_scale(0.5) == pytest.approx(1 / math.log(2))
    assert depth_scale(2.0) == pytest.approx(-1 / math.log(2))
    assert depth_scale(1.0) is depth_scale(0.0) is depth_scale(math.inf) is None


def test_describe() -> None:
    words = {text: describe(act(text)).fixed_point for text in ("tanh", "relu", "gelu", "silu", "linear")}
    assert words == {
        "tanh": "attracts", "relu": "neutral", "gelu": "repels", "silu": "repels", "linear": "neutral"
    }  # fmt: skip
    gelu, relu = describe(act("gelu"), 0.17292239), describe(act("relu"))
    assert any("repels" in note for note in gelu.notes)
    assert not any("repels" in note for note in relu.notes)
    assert gelu.chi == pytest.approx(gelu.slope_moment / gelu.second_moment)
    assert gelu.chi_50 == pytest.approx(gelu.chi**50)
    assert (relu.chi, relu.kinks, relu.critical_note) == (pytest.approx(1), (0.0,), "any q")
    assert gelu.critical_sigma_w == pytest.approx(math.sqrt(1.98305826))
    assert describe(act("tanh")).torch_gain == pytest.approx(5 / 3)


# ---------------------------------------------------------------------------------------------
# Published and measured facts of deep networks
# ---------------------------------------------------------------------------------------------

CHAPTER = (100,) * 51 + (1,)


def test_he_at_depth_50() -> None:
    found = expected("relu", CHAPTER, loss="lsq")
    assert found.infinite["h"][1] == pytest.approx(math.log10(1 - 1 / math.pi), abs=1e-12)
    assert found.log10["h"][1] == pytest.approx(-0.18, abs=0.005)
    # -0.73 is the median of networks; the mean is as far below as the third cumulant says
    assert found.log10["h"][50] == pytest.approx(-0.73, abs=0.02)
    steps = np.diff(expected("relu", CHAPTER, stat="ms").log10["h"])
    assert np.allclose(steps, -0.01104, rtol=0, atol=5e-6)
    per_layer = found.increment["h"] * math.sqrt(49)  # a sum of 49 independent numbers, divided by 49
    assert per_layer == pytest.approx(0.0990, abs=5e-5)
    # one network scatters more than it drifts: [-1.91, 0.39] holds 90 % of them
    assert found.scatter["h"][50] * 2 * 1.645 == pytest.approx(2.30, abs=0.05)


@pytest.mark.parametrize("width", [50, 200, 1000])
def test_hanin_and_nica(width: int) -> None:
    """ln ms h_K is about N(-(5/2) S, 5 S), S = sum 1/n_j; exact are the terms beyond, 2/n relative."""
    found, total = expected("relu", (width,) * 11 + (1,), stat="ms"), 10 / width
    drift = (found.log10["h"][10] - found.log10["h"][0]) * LN10
    spread = (found.scatter["h"][10] ** 2 - found.scatter["h"][0] ** 2) * LN10**2
    assert drift == pytest.approx(-2.5 * total, rel=3 / width)
    assert spread == pytest.approx(5 * total, rel=6 / width)
    assert drift != pytest.approx(-2 * total, rel=3 / width)


def test_relu_is_recognized_by_its_values() -> None:
    widths = (5, 5, 5, 5, 1)
    relu, same, other = (expected(text, widths) for text in ("relu", "max(z,0)", "leaky_relu:1e-9"))
    for name in QUANTITIES:
        assert np.array_equal(relu.log10[name], same.log10[name], equal_nan=True)
    # over five units the first order and the exact law are worlds apart
    assert abs(relu.log10["h"][3] - other.log10["h"][3]) > 0.02


@pytest.mark.parametrize(("text", "decades"), [("gelu", -12), ("silu", -14)])
def test_he_collapses_where_the_fixed_point_repels(text: str, decades: int) -> None:
    found = expected(text, CHAPTER)
    assert round(float(found.infinite["f"][50])) == decades
    assert abs(expected("relu", CHAPTER).infinite["f"][50]) < 0.5


def decades(text: str, arch: str, scale: float = 1.0, own: bool = False) -> float:
    variance = gain(act(text)) ** 2 / 256 if own else 2 / 256
    found = expected(text, (256,) * 61 + (1,), variance, arch=arch, scale=scale, stat="ms")
    return float(found.log10["h"][60] - found.log10["h"][0])


def test_architectures_of_gelu() -> None:
    """60 layers of 256; the numbers are medians of 20 networks, to 0.2 decades."""
    assert decades("gelu", "residual") == pytest.approx(18.0, abs=0.2)
    assert decades("gelu", "residual", 1 / math.sqrt(60)) == pytest.approx(0.4, abs=0.2)
    assert decades("gelu", "preln") == pytest.approx(1.7, abs=0.2)
    wide = expected("gelu", (256,) * 61 + (1,), he).infinite["h"]
    assert wide[60] == pytest.approx(-12.9, abs=2.0)


def test_torch_default() -> None:
    """Stable forward, and gradients of 1e-38.7: only both directions together show it."""
    third = 1 / 300
    found = expected("relu", CHAPTER, third, third)
    assert found.infinite["f"][49] == pytest.approx(-2.3, abs=0.15)
    assert found.infinite["dh"][0] - found.infinite["dh"][50] == pytest.approx(-38.9, abs=0.3)
    assert found.chi == pytest.approx(1 / 6)
