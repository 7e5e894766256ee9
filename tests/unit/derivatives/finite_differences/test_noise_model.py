"""The noise of a function, as its samples show it; and what no sample shows."""

import numpy as np
import pytest

from gradcheck_cli.api import load
from gradcheck_cli.derivatives.finite_differences.drivers.by_entry import derivative
from gradcheck_cli.derivatives.finite_differences.extrapolation import extrapolate, plain_slopes
from gradcheck_cli.derivatives.finite_differences.noise_model import even_residual, sample_noise
from gradcheck_cli.derivatives.finite_differences.sampled_function import Sampler
from gradcheck_cli.derivatives.finite_differences.schemes import EXTRAPOLATED
from gradcheck_cli.derivatives.finite_differences.step_ladder import first_step_sizes, sample_ladder
from gradcheck_cli.derivatives.symbolic.program import lower
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.numerics.limits.finite_differences import DEFAULTS
from gradcheck_cli.reference.referee import Referee
from sampled_functions import ask, sampled, truth


def noise(f, x, known=0.0):
    """The noise of each entry of the tableau, and what the even part misses."""
    sampler = Sampler(sampled(f, [x]), np.array([x]), known, DEFAULTS)
    which = np.array([0])
    steps = first_step_sizes(np.array([x]), EXTRAPOLATED, DEFAULTS)
    ladder = sample_ladder(sampler, which, steps, EXTRAPOLATED)
    plain = plain_slopes(ladder, EXTRAPOLATED)
    table = extrapolate(plain, np.array([[[2]]]), DEFAULTS.columns, lone=False)
    residual = even_residual(ladder, EXTRAPOLATED, DEFAULTS.columns)
    given = sampler.known_noise(which)
    return sample_noise(plain, table, residual, given, EXTRAPOLATED, DEFAULTS), residual


@pytest.mark.parametrize("size", [1e-12, 1e-9, 1e-6])
def test_noise_is_seen_at_its_size(size):
    """Rounding to multiples of 2 size is noise of that size: what is measured lies within a factor 30."""
    found, _ = noise(lambda m, x: 2 * size * np.round(m.sin(x) / (2 * size)), 0.7)
    least = np.nanmin(found[2:, 0, :8])
    assert size / 30 <= least <= 30 * size


def test_a_smooth_function_has_the_noise_of_its_rounding():
    found, residual = noise(lambda m, x: m.sin(x), 0.7)
    assert 2.0**-54 <= np.nanmin(found) <= 2.0**-50
    assert np.nanmin(residual) <= 2.0**-50


def test_noise_that_is_known_is_a_floor():
    found, _ = noise(lambda m, x: m.sin(x), 0.7, known=1e-5)
    assert np.nanmin(found) == 1e-5


def test_a_function_that_is_nothing_but_noise_has_no_entry():
    """Values that jump at every sample by all of their size."""
    found, _ = noise(lambda m, x: np.modf(np.sin(x * 1e9) * 43758.5453)[0], 0.7)
    assert np.isinf(found[2:][np.isfinite(found[2:]) | np.isinf(found[2:])]).mean() > 0.9


def test_noise_that_the_caller_knows_is_in_the_bound():
    plain, told = (ask(lambda m, x: m.sin(x), 0.7, noise=noise) for noise in (0.0, 1e-6))
    assert told.bound[0] > 1e-6 > 1e6 * plain.bound[0]
    hidden = ask(lambda m, x: 0 * x, -16.0, noise=1e-80)
    assert hidden.value[0] == 0
    assert hidden.bound[0] > 1e-81


@pytest.mark.slow
def test_rounding_that_all_samples_share_is_covered_by_measured_rounding_alone():
    """1 + x^2 near 0 is rounded alike at all samples: no difference of f shows it, and no safety factor mends
    it. The rounding of the forward pass, as a run hands it over, does."""
    missed = 0
    for x in np.random.default_rng(0).uniform(0.001, 0.03, 200):
        model = load(f"param x = {x}\nloss = log(1 + x^2)*x")
        tape = forward_pass(model)
        noise = Referee(lower(model)).value_rounding(model.point(), ["loss"])["loss"]
        true = truth(lambda m, x: m.log(1 + x * x) * x, x)
        alone, covered = (
            derivative(model, tape, "loss", ["x"], EXTRAPOLATED, given)["x"] for given in (0.0, noise)
        )
        missed += abs(alone.value - float(true)) > alone.bound
        assert abs(covered.value - float(true)) <= covered.bound <= 1e-6 * abs(float(true))
    assert missed
