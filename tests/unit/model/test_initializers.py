"""The table of initializers: variances, distributions, names; and what a wrong name is told."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.model.initializers import (
    find_initializer,
    unit_normal,
    unit_orthogonal,
    unit_truncated,
    unit_uniform,
)

SHAPE = (300, 400)
# a sample variance of N entries scatters by sqrt((kurtosis - 1)/N), at most sqrt(2/120,000) = 0.004
FIVE_SIGMA = 5 * math.sqrt(2 / (SHAPE[0] * SHAPE[1]))


@pytest.mark.parametrize("unit", [unit_normal, unit_uniform, unit_truncated])
def test_unit_draws_have_mean_0_and_variance_1(unit: object) -> None:
    found = unit(np.random.default_rng(1), SHAPE)  # type: ignore[operator]
    assert found.shape == SHAPE
    assert abs(found.mean()) < 5 / math.sqrt(found.size)
    assert abs(found.var() - 1) < FIVE_SIGMA


def test_a_truncation_without_the_correction_would_be_seen() -> None:
    found = unit_truncated(np.random.default_rng(1), SHAPE) * 0.8796256610342398
    assert np.abs(found).max() <= 2
    assert abs(found.var() - 0.7737413) < FIVE_SIGMA


def test_the_limits_of_the_distributions() -> None:
    rng = np.random.default_rng(2)
    assert np.abs(unit_uniform(rng, SHAPE)).max() <= math.sqrt(3)
    assert np.abs(unit_truncated(rng, SHAPE)).max() <= 2 / 0.8796256610342398
    assert np.abs(unit_normal(rng, SHAPE)).max() > 3


@pytest.mark.parametrize("shape", [(5, 5), (4, 7), (7, 4), (1, 3), (3, 1), (1, 1)])
def test_orthogonal_matrices(shape: tuple[int, int]) -> None:
    found = unit_orthogonal(np.random.default_rng(3), shape) / math.sqrt(max(shape))
    assert found.shape == shape
    small = found @ found.T if shape[0] <= shape[1] else found.T @ found
    assert small == pytest.approx(np.eye(min(shape)), abs=1e-14 * max(shape))  # rounding


def test_orthogonal_matrices_have_no_preferred_sign() -> None:
    """QR alone would give diagonal entries of one sign (Mezzadri 2007)."""
    rng = np.random.default_rng(4)
    signs = [np.sign(unit_orthogonal(rng, (3, 3))[0, 0]) for _ in range(200)]
    assert abs(np.mean(signs)) < 5 / math.sqrt(200)


TABLE = [
    ("he", 2 / 30, 0.0),
    ("glorot", 2 / 70, 0.0),
    ("xavier", 2 / 70, 0.0),
    ("lecun", 1 / 30, 0.0),
    ("auto", 1.5**2 / 30, 0.0),
    ("torch-default", 1 / 90, 1 / 90),
    ("orthogonal", 1 / 40, 0.0),
    ("orthogonal:2", 4 / 40, 0.0),
    ("normal:0.02", 0.02, 0.0),
    ("normal:std=0.1", 0.01, 0.0),
    ("uniform:0.3", 0.3, 0.0),
    ("trunc:std=0.5", 0.25, 0.0),
    ("normal:0", 0.0, 0.0),
    ("normal:1e-3", 0.001, 0.0),
]


@pytest.mark.parametrize(("name", "variance", "bias"), TABLE, ids=[t[0] for t in TABLE])
def test_variances(name: str, variance: float, bias: float) -> None:
    found = find_initializer(name, gain=1.5)
    assert found.variance(30, 40) == pytest.approx(variance)
    assert (found.bias_variance(30) if found.bias_variance else 0.0) == pytest.approx(bias)


FANS = [
    ("he", "out", 2 / 40, "2/fan_out"),
    ("he", "avg", 2 / 35, "2/((fan_in + fan_out)/2)"),
    ("he", "in", 2 / 30, "2/fan_in"),
    ("auto", "out", 4 / 40, "gain^2/fan_out"),
    ("glorot", "out", 2 / 70, "2/(fan_in + fan_out)"),
    ("normal:0.02", "out", 0.02, "0.02"),
]


@pytest.mark.parametrize(("name", "fan", "variance", "formula"), FANS)
def test_fan_in_can_be_replaced(name: str, fan: str, variance: float, formula: str) -> None:
    found = find_initializer(name, gain=2.0).with_fan(fan)
    assert found.variance(30, 40) == pytest.approx(variance)
    assert found.formula == formula


BAD = [
    ("hee", "did you mean he?"),
    ("glorott", "did you mean glorot?"),
    ("something", "known are"),
    ("kaiming_normal", "did you mean he?"),
    ("xavier-uniform", "did you mean glorot?"),
    ("normal", "normal:0.02"),
    ("normal:", "normal:0.02"),
    ("normal:x", "normal:0.02"),
    ("normal:-1", "normal:0.02"),
    ("normal:nan", "normal:0.02"),
    ("normal:inf", "normal:0.02"),
    ("uniform:sd=1", "uniform:std=S"),
    ("orthogonal:x", "0 or larger"),
    ("he:2", "normal:VAR"),
    ("", "known are"),
]


@pytest.mark.parametrize(("name", "help"), BAD)
def test_wrong_names_have_a_way_out(name: str, help: str) -> None:
    with pytest.raises(OptionError) as caught:
        find_initializer(name, gain=1.0)
    assert help in (caught.value.help or "")
