"""Schemes: coefficients are exact, the order is a slope, offsets that make no scheme are refused."""

from fractions import Fraction

import numpy as np
import pytest

from gradcheck_cli.derivatives.finite_differences.schemes import SCHEMES, Scheme, find_scheme
from sampled_functions import HIGH, ask, covers

COEFFICIENTS = {
    "forward": {1: "1", 0: "-1"},
    "forward2": {2: "-1/2", 1: "2", 0: "-3/2"},
    "backward": {0: "1", -1: "-1"},
    "central": {1: "1/2", -1: "-1/2"},
    "central4": {2: "-1/12", 1: "2/3", -1: "-2/3", -2: "1/12"},
    "central6": {3: "1/60", 2: "-3/20", 1: "3/4", -1: "-3/4", -2: "3/20", -3: "-1/60"},
    "complex": {1: "1"},
    "complex4": {1: "4/3", 2: "-1/6"},
}
ORDERS = {"extrapolated": 2, "forward": 1, "backward": 1, "central": 2, "complex": 2, "by-node": 2}
PRINTED = {
    "central": "central: (f(x+h) - f(x-h)) / 2h, order 2",
    "forward": "forward: (f(x+h) - f(x)) / h, order 1",
    "forward2": "forward2: (-f(x+2h) + 4 f(x+h) - 3 f(x)) / 2h, order 2",
    "complex": "complex: Im f(x+ih) / h, order 2",
    "extrapolated": "extrapolated: extrapolated from (f(x+h) - f(x-h)) / 2h, order 2",
}


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_coefficients_are_the_known_ones(name):
    scheme = find_scheme(name)
    found = dict(zip(scheme.offsets, scheme.coefficients, strict=True))
    assert found == {o: Fraction(c) for o, c in COEFFICIENTS[name].items()}


@pytest.mark.parametrize("name", PRINTED)
def test_a_scheme_prints_itself(name):
    assert str(find_scheme(name)) == PRINTED[name]


def test_offsets_alone_make_a_scheme():
    scheme = Scheme([-2, 0, 5])
    assert scheme.coefficients == (Fraction(-5, 14), Fraction(3, 10), Fraction(2, 35))
    assert scheme.order == 2
    assert str(Scheme([0, Fraction(1, 2)])) == "scheme: (2 f(x+(1/2)h) - 2 f(x)) / h, order 1"
    assert covers(ask(lambda m, x: m.sin(x), 0.7, scheme=scheme), HIGH.cos(HIGH.mpf(0.7)))


@pytest.mark.parametrize("offsets", [(), (1,), (1, 1), (0, 0, 1)])
def test_offsets_that_make_none(offsets):
    with pytest.raises(ValueError, match="no scheme has the offsets"):
        Scheme(offsets)


@pytest.mark.parametrize("offsets", [(0,), (1, -1), ()])
def test_offsets_that_make_no_imaginary_one(offsets):
    with pytest.raises(ValueError, match="no scheme has the offsets"):
        Scheme(offsets, imaginary=True)


def test_an_unknown_scheme_names_the_known_ones():
    with pytest.raises(ValueError, match=r"'centrl'; known: extrapolated, forward, .*complex4"):
        find_scheme("centrl")


def slope(scheme, coefficients):
    """The order of a scheme as a slope: log of the error of exp' against log h, at 60 digits."""

    def error(h):
        x, unit = HIGH.mpf("0.3"), HIGH.mpc(0, 1) if scheme.imaginary else 1
        points = [HIGH.exp(x + HIGH.mpf(str(float(o))) * h * unit) for o in scheme.offsets]
        parts = [p.imag if scheme.imaginary else p for p in points]
        weights = [HIGH.mpf(c.numerator) / c.denominator for c in coefficients]
        return abs(HIGH.fdot(weights, parts) / h - HIGH.exp(x))

    steps = [HIGH.mpf(2) ** -k for k in range(6, 12)]
    errors = [float(HIGH.log(error(h), 2)) for h in steps]
    return float(np.polyfit([-k for k in range(6, 12)], errors, 1)[0])


@pytest.mark.parametrize("name", SCHEMES)
def test_the_order_is_a_slope(name):
    scheme = find_scheme(name)
    assert scheme.order == (ORDERS.get(name) or int(name[-1]))
    # the next term bends the line by less than 0.05 at h <= 2^-6
    assert slope(scheme, scheme.coefficients) == pytest.approx(scheme.order, abs=0.05)


@pytest.mark.parametrize("name", SCHEMES)
def test_a_wrong_coefficient_has_a_wrong_slope(name):
    scheme = find_scheme(name)
    wrong = (scheme.coefficients[0] + Fraction(1, 1000), *scheme.coefficients[1:])
    assert slope(scheme, wrong) < scheme.order - 0.5
