"""Kinks and borders: the slopes of both sides, infinite ones among them."""

import math

import numpy as np
import pytest

from gradcheck_cli.derivatives.finite_differences.differences import differences
from gradcheck_cli.derivatives.finite_differences.sampled_function import Samples
from sampled_functions import ask, digits


def relu(x):
    return np.maximum(x, 0)


KINKS = [  # at 0: name, function, left slope, right slope (None: no such side), kink
    ("relu", relu, 0, 1, True),
    ("abs", np.abs, -1, 1, True),
    ("leaky relu + sin", lambda x: np.where(x > 0, x, 0.01 * x) + np.sin(x), 1.01, 2, True),
    ("exp |x|", lambda x: np.exp(np.abs(x)), -1, 1, True),
    ("max(x, 2x) + cos", lambda x: np.maximum(x, 2 * x) + np.cos(x), 1, 2, True),
    ("small kink", lambda x: np.sin(x) + 1e-9 * np.abs(x), 1 - 1e-9, 1 + 1e-9, True),
    ("norm", lambda x: np.sqrt(x * x), -1, 1, True),
    ("selu", lambda x: 1.0507 * np.where(x > 0, x, 2 * np.expm1(x)), 2.1014, 1.0507, True),
    ("relu(x) - relu(-x)", lambda x: relu(x) - relu(-x), 1, 1, False),
    ("x |x|", lambda x: x * np.abs(x), 0, 0, False),
    ("elu", lambda x: np.where(x > 0, x, np.expm1(x)), 1, 1, False),
    ("sqrt", np.sqrt, None, np.inf, True),
    ("x^1.5", lambda x: x**1.5, None, 0, False),
    ("x log x", lambda x: np.where(x == 0, 0, x * np.log(x)), None, -np.inf, True),
    ("exp on half a line", lambda x: np.where(x < 0, np.nan, np.exp(x)), None, 1, False),
    ("cbrt", np.cbrt, np.inf, np.inf, True),
    ("sign", np.sign, np.inf, np.inf, True),
    ("step", lambda x: x + 1.0 * (x > 0), 1, np.inf, True),
    ("step from the left", lambda x: np.where(x >= 0, 1.0, 3.0), -np.inf, 0, True),
]


def on_kink(f):
    def function(which, offsets):
        with np.errstate(all="ignore"):
            return Samples(np.asarray(f(0 + offsets)), np.ones(offsets.shape, bool))

    return differences(function, np.zeros(1), on_kink=np.array([True]))


@pytest.mark.parametrize(("name", "f", "left", "right", "kink"), KINKS)
def test_slopes_on_a_kink(name, f, left, right, kink):
    answer = on_kink(f)
    assert answer.kink[0] == kink
    for slope, value, bound in [
        (left, answer.left[0], answer.left_bound[0]),
        (right, answer.right[0], answer.right_bound[0]),
    ]:
        if slope is None:
            assert np.isnan(value)
        elif np.isinf(slope):
            assert (value, bound) == (slope, 0)
        else:
            assert abs(value - slope) <= bound < 1e-11
    if kink:
        assert np.isnan(answer.value[0])
        assert np.isinf(answer.bound[0])
    else:
        assert abs(answer.value[0] - right) <= answer.bound[0] < 1e-11


@pytest.mark.parametrize("distance", [1e-3, 1e-5, 1e-7, 1e-9])
def test_a_kink_beside_the_point_costs_no_digits(distance):
    answer = ask(lambda m, x: m.abs(x - 1) * m.exp(x), 1 + distance, (1.0,))
    assert not answer.kink[0]
    assert abs(answer.value[0] - math.exp(1 + distance) * (1 + distance)) <= answer.bound[0]
    assert digits(answer) >= 11


def test_what_lies_behind_a_border_is_not_looked_at():
    def function(which, offsets):
        beyond = offsets > 1e-6
        return Samples(np.where(beyond, 1e30, np.sin(0.7 + offsets)), ~beyond)

    answer = differences(function, np.array([0.7]))
    assert abs(answer.value[0] - math.cos(0.7)) <= answer.bound[0] < 1e-11


def test_a_hidden_kink_without_a_flag_is_found_by_the_slopes_nearby():
    # no flag was raised and all steps above 1e-6 agree on 0.5: the smaller ones object
    answer = ask(lambda m, x: (m.abs(x - 1) + x - 1) / 2, 1 + 1e-6)
    assert abs(answer.value[0] - 1) <= answer.bound[0]


def test_one_side_only_is_said():
    def function(which, offsets):
        return Samples(np.exp(offsets), offsets >= 0)

    answer = differences(function, np.zeros(1))
    assert abs(answer.right[0] - 1) <= answer.right_bound[0] < 1e-11
    assert answer.value[0] == answer.right[0]
    assert np.isnan(answer.left[0])


def test_nothing_can_be_said_without_samples():
    def function(which, offsets):
        return Samples(np.full(offsets.shape, np.nan), offsets == 0)

    for marked in (False, True):
        answer = differences(function, np.ones(1), on_kink=np.array([marked]))
        assert np.isnan(answer.value[0])
        assert np.isinf(answer.bound[0])
        assert not answer.kink[0]


def test_kinked_and_plain_entries_together():
    def function(which, offsets):
        points = np.array([0.5, 0.0, -2.0])[which][:, None] + offsets
        smooth = np.where(which[:, None] == 1, True, np.sign(points) == np.sign(points[:, :1]))
        return Samples(np.abs(points), smooth)

    answer = differences(
        function, np.array([0.5, 0.0, -2.0]), on_kink=np.array([False, True, False])
    )
    assert answer.kink.tolist() == [False, True, False]
    assert abs(answer.value[0] - 1) <= answer.bound[0]
    assert abs(answer.value[2] + 1) <= answer.bound[2]
    assert (round(answer.left[1]), round(answer.right[1])) == (-1, 1)
    assert np.isnan(answer.left[[0, 2]]).all()
