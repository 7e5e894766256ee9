"""Refinement: what is sampled again, and what it gains."""

import math

import numpy as np

from gradcheck_cli.derivatives.finite_differences.differences import differences
from gradcheck_cli.numerics.limits.finite_differences import DEFAULTS
from sampled_functions import ask, digits, sampled


def test_only_entries_that_need_it_are_sampled_again():
    asked = []
    inner = sampled(lambda m, x: m.sin(1000 * x) * (x > 0.5) + x * (x < 0.5), [0.2, 1.0, 0.3])

    def function(which, offsets):
        asked.append((which.tolist(), offsets.shape))
        return inner(which, offsets)

    answer = differences(function, np.array([0.2, 1.0, 0.3]))
    assert asked[0] == ([0, 1, 2], (3, 33))
    assert {tuple(which) for which, _ in asked[1:]} == {(1,)}
    assert answer.evaluations == sum(math.prod(shape) for _, shape in asked)


def test_a_ladder_that_is_too_coarse_is_climbed_down():
    """sin(1e6 x) needs step sizes below those of the first ladder's dense stretch."""

    def oscillation(m, x):
        return m.sin(1e6 * x)

    refined, first = ask(oscillation, 1.0), ask(oscillation, 1.0, limits=DEFAULTS._replace(rounds=1))
    for answer in (refined, first):
        assert abs(answer.value[0] - 1e6 * math.cos(1e6)) <= answer.bound[0]
    assert digits(refined) > digits(first) + 1
    assert refined.evaluations > first.evaluations


def test_what_is_known_well_enough_is_not_sampled_again():
    assert ask(lambda m, x: 3 * x, 0.3).evaluations == ask(
        lambda m, x: 3 * x, 0.3, limits=DEFAULTS._replace(rounds=1)
    ).evaluations
