"""What an operation may be off by: nothing where it is exact in every program, else half an ulp or one."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli import api
from gradcheck_cli.derivatives.symbolic.program import lower
from gradcheck_cli.reference.jittered_arithmetic import Jittered, bound
from gradcheck_cli.reference.operation_errors import local_errors
from gradcheck_cli.reference.referee import Referee

EXACT, HALF, WHOLE = 0.0, 0.5, 1.0


@pytest.mark.parametrize(
    ("formula", "ulps"),
    [
        ("3*x", EXACT),  # x is 0.75
        ("x/7", HALF),
        ("x/2", EXACT),
        ("x + 1e-3", HALF),
        ("x - 0.5", EXACT),
        ("x^2", EXACT),
        ("t^2", HALF),  # t is 0.1
        ("t*t", HALF),
        ("t + t", EXACT),
        ("t + 0", EXACT),
        ("t + x", HALF),
        ("t/4", EXACT),
        ("t/3", HALF),
        ("sqrt(x)", WHOLE),
        ("exp(z)", EXACT),  # z is 0
        ("cos(z)", EXACT),
        ("exp(x)", WHOLE),
        ("softplus(z)", WHOLE),  # log(2)
        ("pi*x", HALF),
        ("pi*2", EXACT),
        ("pi*2 - 6", EXACT),  # near numbers, wherever they come from
        ("pi*2 + 1", HALF),
    ],
)
def test_the_last_operation(formula: str, ulps: float) -> None:
    model = api.load(f"param x = 0.75, t = 0.1, z = 0\nloss = {formula}\n")
    found = local_errors(model, model.point())
    assert float(found.get(model.node("loss").index, np.array(WHOLE)).reshape(-1)[0]) == ulps


def test_the_first_sample_is_not_moved() -> None:
    """So that what the others are off by needs no second computation."""
    jitter, x = Jittered(5, 1), np.linspace(1, 2, 12).reshape(1, 3, 4)
    once = jitter.round_randomly(x)
    twice = jitter.round_randomly(once, 100, np.full(x.shape, 0.5))
    assert once.shape == twice.shape == (6, 3, 4)
    assert np.array_equal(once[0], x[0])
    assert np.array_equal(twice[0], x[0])
    assert (once[1:] != x).all()
    assert (twice[1:] != once[1:]).all()
    assert np.array_equal(bound(once, jitter, 0), 4 * np.abs(once - x).max(axis=0) / 2**6 + 5e-324)


def test_a_difference_of_exact_products_loses_no_digits() -> None:
    model = api.load("param a = 1, b = 1, c = 1, d = 1.0009765625\nf = a*d - b*c\nloss = 1/f\n")
    assert float(Referee(lower(model)).rounding(model.point(), "loss", ["a"])["a"]) < 1e-14 * 2**20


def test_a_value_that_no_double_holds_is_off_by_half_a_unit() -> None:
    """1e-16 of 1e-9 are 7 digits, of 1.000000001 as of any other decimal."""
    model = api.load("param a = 1, b = 1, c = 1, d = 1.000000001\nf = a*d - b*c\nloss = 1/f\n")
    assert float(Referee(lower(model)).rounding(model.point(), "loss", ["a"])["a"]) > 1e-9 * 1e18


def test_of_rounded_products_it_does() -> None:
    """1e-10 of 0.77 are left: 6 digits."""
    model = api.load("param a = 0.7, b = 0.7, c = 1.1, d = 1.1000000001\nf = a*d - b*c\nloss = 1/f\n")
    slope = 1.1 / (0.7 * 1e-10) ** 2
    assert float(Referee(lower(model)).rounding(model.point(), "loss", ["a"])["a"]) > 1e-7 * slope


def test_samples_that_are_infinite_say_nothing_and_warn_of_nothing() -> None:
    jitter = Jittered(2, 0)
    found = bound(np.array([[np.inf, 1.0], [np.inf, 1.0], [np.nan, 1.0]]), jitter, 1)
    assert np.isinf(found[0])
    assert 0 < found[1] < 1e-15
