"""What is taken for float32 numbers: their shortest texts, their values, and nothing that is so by chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck_cli.numerics.float32_evidence import are_float32


def texts(values: Any) -> Any:
    """What float32 numbers are read as that were printed."""
    return np.array([float(str(value)) for value in np.asarray(values, dtype=np.float32)])


@pytest.mark.parametrize(
    "values",
    [
        [0.12345679, 3.1415927, 1.2345679, 2.7182817],
        [0.333333343267440796, 1],  # the value of a third in float32, in a float64 file
        [[0.100000001490116119]],
        [*texts(np.geomspace(1e-30, 1e30, 20)), 0.0, -0.5, 7],
    ],
)  # fmt: skip
def test_float32_numbers(values: Any) -> None:
    assert are_float32(np.array(values, dtype=float))


@pytest.mark.parametrize(
    "values",
    [
        [0.12345678, 3.1415927, 0.57721565, 2.7182817],  # the first is none
        [0.1234567, 3.141593, 0.5772157, 2.718282],  # 7 digits
        [1.5, 0.25, 0.125, 1024],
        [1.2000003, 1.3000001],  # two, as like as not
        0.100000001490116119,  # no array
        [9.8000002],
        [3.0000000000000004, 0.100000001490116119],
        [1e300, 0.100000001490116119],
        [1e-60, 0.100000001490116119],
        [],
    ],
)  # fmt: skip
def test_other_numbers(values: Any) -> None:
    assert not are_float32(np.array(values, dtype=float))


def test_doubles_are_not_taken_for_float32() -> None:
    random = np.random.default_rng(3)
    arrays = (random.normal(size=random.integers(2, 20)) * 10 ** random.uniform(-3, 3) for _ in range(3000))
    assert not any(map(are_float32, arrays))


@pytest.mark.parametrize("at", [0, 63, 64, 5000, 299_999])
def test_every_entry_is_looked_at(at: int) -> None:
    values = np.random.default_rng(0).normal(size=300_000).astype(np.float32).astype(float)
    assert are_float32(values)
    values[at] *= 1 + 1e-12
    assert not are_float32(values)


def test_decimals_of_eight_digits_are_float32_by_chance_no_more_often_than_allowed() -> None:
    random, taken = np.random.default_rng(5), 0
    for _ in range(2000):
        decimals = [float(f"{value:.7e}") for value in 10 ** random.uniform(-3, 3, size=6)]
        taken += are_float32(np.array(decimals))
    assert taken < 0.05 * 2000
