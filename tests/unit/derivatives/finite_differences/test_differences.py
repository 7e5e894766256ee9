"""Differences of a population of functions: bounds cover the truth and are not bought; arrays."""

import math
from dataclasses import replace

import numpy as np
import pytest

from build import one_of
from gradcheck_cli.derivatives.finite_differences.differences import differences
from gradcheck_cli.derivatives.finite_differences.sampled_function import Samples
from gradcheck_cli.derivatives.finite_differences.schemes import EXTRAPOLATED, SCHEMES, find_scheme
from gradcheck_cli.numerics.limits.finite_differences import DEFAULTS
from sampled_functions import POPULATION, SMOOTH, ask, covers, digits, random_population, truth


@pytest.fixture(scope="module")
def table():
    """Each row of the tables with its answer and the truth."""
    return {name: (ask(f, x, borders), truth(f, x)) for name, f, x, borders in POPULATION}


@pytest.fixture(scope="module")
def random_answers():
    return [(ask(f, x), truth(f, x)) for f, x in random_population(400, seed=5)]


@pytest.mark.parametrize("name", [name for name, *_ in POPULATION])
def test_the_bound_covers_the_truth(table, name):
    answer, true = table[name]
    assert covers(answer, true), (answer.value, answer.bound, float(true))


def test_bounds_are_not_bought_with_infinity(table):
    # a derivative beyond 1e308, f that is nothing but noise, f that jumps at every step but 1e-20
    lost = [name for name, (answer, _) in table.items() if not np.isfinite(answer.bound[0])]
    assert set(lost) <= {"log near 0, overflow", "cancellation of all", "exp, steep at 0"}


def test_smooth_problems_have_twelve_digits(table):
    proved = [digits(table[name][0]) for name, *_ in SMOOTH]
    assert np.median(proved) >= 12
    assert min(proved) >= 10


def test_samples_are_few(table):
    counts = [table[name][0].evaluations for name, *_ in SMOOTH]
    assert np.median(counts) <= 40
    assert max(answer.evaluations for answer, _ in table.values()) <= 33 + 3 * 17


@pytest.mark.slow
def test_the_bound_covers_random_compositions(random_answers):
    # 2 of 2994 missed on a longer run: f rounded to a constant, and a rounding error that all
    # samples share; neither can be seen from samples
    assert sum(covers(answer, true) for answer, true in random_answers) >= 0.995 * len(random_answers)
    assert np.median([digits(answer) for answer, _ in random_answers]) >= 12
    assert np.mean([answer.evaluations for answer, _ in random_answers]) <= 42
    too_small = sum(covers(answer, true, shrink=1e-4) for answer, true in random_answers)
    assert too_small < 0.5 * len(random_answers)


def test_bounds_too_small_are_found_out(table):
    # the twin of the tests above: bounds are within 1e4 of what they must be
    assert sum(covers(answer, true, shrink=1e-4) for answer, true in table.values()) < 0.5 * len(table)


@pytest.mark.parametrize("name", one_of(3, [name for name in SCHEMES if name != "extrapolated"]))
def test_every_scheme_covers_the_truth(name):
    scheme, rows = find_scheme(name), list(random_population(60, seed=9, depth=4))
    answers = [(ask(f, x, scheme=scheme), truth(f, x)) for f, x in rows]
    # one step size, no extrapolation to confirm it: one miss in sixty is within what is measured
    assert sum(covers(answer, true) for answer, true in answers) >= len(rows) - 1
    least = {"forward": 6, "backward": 6, "central": 9, "complex": 13}.get(name, 8)
    assert np.median([digits(answer) for answer, _ in answers]) >= least


@pytest.mark.slow
def test_a_short_ladder_covers_the_truth(random_answers):
    """Three step sizes and the last entry of the tableau, which nothing confirms but those above it."""
    short = replace(EXTRAPOLATED, rungs=(10, 12, 14))
    rows = list(random_population(400, seed=5))
    pairs = zip(rows, random_answers, strict=True)
    answers = [(ask(f, x, scheme=short), true) for (f, x), (_, true) in pairs]
    assert sum(covers(answer, true) for answer, true in answers) >= 0.995 * len(rows)
    assert all(answer.evaluations == 7 for answer, _ in answers)
    known = [digits(answer) for answer, _ in answers]
    assert np.median(known) >= 10
    # the twin: what it cannot see it does not claim to know
    answer = ask(lambda m, x: m.sin(1e5 * x), 0.7, scheme=short)
    assert not answer.bound[0] < 1e-3 * 1e5


# --- arrays ---------------------------------------------------------------------------------------


def test_schemes_asked_together_say_what_they_say_alone():
    def function(which, offsets):
        x = np.array([0.3, 1e-9, 40.0])[which][:, None] + offsets
        values = np.stack([np.sin(x) * np.exp(x), np.sqrt(np.abs(x)), 0 * x + 2.5], axis=-1)
        return Samples(values, np.ones(offsets.shape, bool))

    base = np.array([0.3, 1e-9, 40.0])
    together = differences(function, base)
    alone = differences(function, base, limits=DEFAULTS._replace(together=0))
    for name in ("value", "bound", "left", "right", "steps"):
        assert np.array_equal(getattr(together, name), getattr(alone, name), equal_nan=True)


def test_entries_and_outputs_do_not_disturb_one_another():
    base = np.array([0.3, -1.2, 1e-9, 4e5, 0.0])

    def outputs(points):
        return np.stack([np.sin(points), np.exp(-points / 1e5), points**3], axis=-1)

    def function(which, offsets):
        values = outputs(base[which][:, None] + offsets)
        return Samples(values[..., None], np.ones(offsets.shape, bool))

    together = differences(function, base)
    assert together.value.shape == together.bound.shape == together.kink.shape == (5, 3, 1)
    exact = [np.cos(base), -np.exp(-base / 1e5) / 1e5, 3 * base**2]
    assert np.all(
        np.abs(together.value[..., 0] - np.stack(exact, axis=-1)) <= together.bound[..., 0]
    )
    for at in range(5):
        alone = differences(
            lambda which, offsets, at=at: function(which + at, offsets), base[at : at + 1]
        )
        assert np.array_equal(alone.value, together.value[at : at + 1])
        assert np.array_equal(alone.bound, together.bound[at : at + 1])


def test_smoothness_may_differ_between_outputs():
    def function(which, offsets):
        points = 1 + offsets[..., None] * np.ones(2)
        values = np.stack([np.sin(points[..., 0]), np.abs(offsets - 1e-4)], axis=-1)
        smooth = np.stack([np.ones(offsets.shape, bool), offsets < 1e-4], axis=-1)
        return Samples(values, smooth)

    answer = differences(function, np.ones(1))
    assert np.all(np.abs(answer.value[0] - [math.cos(1), -1]) <= answer.bound[0])
    assert np.all(answer.bound[0] < 1e-11)


def test_no_entries_make_an_empty_answer():
    assert ask_none().value.shape == (0, 2)


def ask_none():
    def function(which, offsets):
        return Samples(np.zeros((*offsets.shape, 2)), np.ones(offsets.shape, bool))

    return differences(function, np.zeros(0))


def test_an_answer_cannot_be_changed():
    answer = ask(lambda m, x: m.sin(x), 0.7)
    with pytest.raises(ValueError, match="read-only"):
        answer.value[0] = 0
