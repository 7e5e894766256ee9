"""The ladder: steps are added exactly, ladders are joined without two rungs that nearly coincide."""

import math

import numpy as np

from gradcheck_cli.derivatives.finite_differences.differences import differences
from gradcheck_cli.derivatives.finite_differences.sampled_function import Sampler, Samples
from gradcheck_cli.derivatives.finite_differences.schemes import EXTRAPOLATED, SCHEMES
from gradcheck_cli.derivatives.finite_differences.step_ladder import first_step_sizes, sample_ladder, span
from gradcheck_cli.numerics.limits.finite_differences import DEFAULTS
from sampled_functions import sampled


def test_offsets_are_what_was_added():
    base = np.array([0.1, -1 / 3, 1e12 / 7, math.pi * 1e-5])

    def function(which, offsets):
        points = base[which][:, None] + offsets
        near = np.abs(offsets) < np.abs(base[which])[:, None]
        assert np.array_equal((points - base[which][:, None])[near], offsets[near])
        return Samples(points**2, np.ones(offsets.shape, bool))

    differences(function, base)


def sine(base):
    return Sampler(sampled(lambda m, x: m.sin(x), base), np.asarray(base), 0.0, DEFAULTS)


def test_steps_fall_and_begin_at_the_scale_of_the_entry():
    for name, scheme in SCHEMES.items():
        steps = first_step_sizes(np.array([1.0, 1e6, 0.01, 0.0]), scheme, DEFAULTS)
        assert (np.diff(steps, axis=1) < 0).all(), name
        assert np.allclose(steps[1] / steps[0], 1e6)
        assert np.allclose(steps[2] / steps[0], 0.1)  # the square root: between 1 and |x|
        assert np.array_equal(steps[3], steps[0])


def test_a_step_below_the_last_bits_is_no_rung():
    ladder = sample_ladder(sine([1e12]), np.array([0]), np.array([[1.0, 1e-3, 1e-5, 1e-9]]), EXTRAPOLATED)
    largest, smallest = span(ladder.steps)
    assert largest == 1.0
    assert smallest == 4 * np.spacing(1e12) * round(1e-3 / (4 * np.spacing(1e12)))
    assert np.isnan(ladder.values[0, 2:]).all()


def test_joined_ladders_are_sorted_and_keep_the_new_rungs_where_they_overlap():
    sampler, which = sine([0.7]), np.array([0])
    old = sample_ladder(sampler, which, np.array([[0.5, 0.25, 0.125, 2.0**-9]]), EXTRAPOLATED)
    new = sample_ladder(sampler, which, np.array([[0.26, 0.124]]), EXTRAPOLATED)
    joined = old.join(new)
    used = joined.steps[joined.steps > 0]
    assert np.allclose(used, [0.5, 0.26, 0.124, 2.0**-9])
    assert np.isfinite(joined.values).all(axis=(2, 3)).sum() == 4
    values = joined.values[0, :3, 1, 0]
    assert np.allclose(values, np.sin(0.7 + used[:3]))
