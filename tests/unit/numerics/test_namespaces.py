"""Float64 and complex arithmetic against 40 digits; matrix products against the plain ones."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import numpy as np
import pytest

from gradcheck_cli.model.primitives.record import Primitive
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.numerics.complex_step import COMPLEX128
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.multiprecision import High

ELEMENTWISE = [record for record in PRIMITIVES.values() if record.elementwise]
CONTEXT = mpmath.MPContext()
CONTEXT.dps = 40
HIGH = High(CONTEXT)

SCIPY = {"gammainc": 2e-15, "bessel_i": 2e-15}  # relative; what SciPy 1.17 gives for these


def arguments(record: Primitive) -> list[Any]:
    rng = np.random.default_rng(1)
    count = record.arguments or 1
    ranges = (record.sample * count)[:count]
    return [rng.uniform(low, high, size=(1, 40)) for low, high in ranges]


def worst(found: Any, true: Any) -> float:
    pairs = zip(np.ravel(found).tolist(), np.ravel(true).tolist(), strict=True)
    return max(float(abs((a - b) / (b or 1))) for a, b in pairs)


@pytest.mark.parametrize("record", ELEMENTWISE, ids=lambda record: record.name)
def test_values_have_all_digits_of_a_double(record: Primitive) -> None:
    xs = arguments(record)
    true = record.forward(HIGH, *map(HIGH.array, xs), **record.options)
    within = SCIPY.get(record.name, 1e-15)
    assert worst(record.forward(FLOAT64, *xs, **record.options), true) < within
    if record.analytic:
        value = record.forward(COMPLEX128, *(x + 0j for x in xs), **record.options)
        assert worst(np.real(value), true) < 1e-15
        assert not np.imag(value).any()


@pytest.mark.parametrize("record", [r for r in ELEMENTWISE if r.analytic], ids=lambda record: record.name)
def test_continuations_carry_a_tiny_imaginary_part(record: Primitive) -> None:
    xs = arguments(record)
    high = [HIGH.array(x) for x in xs]
    value = record.forward(HIGH, *high, **record.options)
    for k, vjp in enumerate(record.vjp):
        assert vjp is not None
        steps = [x + (1e-40j if k == j else 0j) for j, x in enumerate(xs)]
        slope = np.imag(record.forward(COMPLEX128, *steps, **record.options)) * 1e40
        true = vjp(HIGH, HIGH.ones_like(value), value, *high, **record.options)
        assert worst(slope, true) < 1e-12  # where a slope nearly vanishes, terms cancel


EXTREMES = [
    ("softplus", [-800.0, 800.0, -40.0], [0.0, 800.0, 4.248354255291589e-18]),
    ("sech", [1000.0, 0.0], [0.0, 1.0]),
    ("erfc", [10.0, -10.0], [2.088487583762545e-45, 2.0]),
    ("expm1", [1e-20], [1e-20]),
    ("cbrt", [-8.0, 0.0], [-2.0, 0.0]),
]


@pytest.mark.parametrize(("name", "given", "expected"), EXTREMES)
def test_extremes(name: str, given: list[float], expected: list[float]) -> None:
    with np.errstate(all="ignore"):
        found = getattr(FLOAT64, name)(np.array([given]))
    assert found[0].tolist() == pytest.approx(expected, rel=1e-15, abs=0)


def test_outside_the_domain_is_nan_also_with_many_digits() -> None:
    for name in ("log", "sqrt", "log1p"):
        assert CONTEXT.isnan(getattr(HIGH, name)(HIGH.array([[-2.0]]))[0, 0])
    assert CONTEXT.isnan(HIGH.asin(HIGH.array([[2.0]]))[0, 0])
    assert CONTEXT.isnan(HIGH.pow(HIGH.array([[-2.0]]), HIGH.array([[0.5]]))[0, 0])
    assert HIGH.pow(HIGH.array([[-2.0]]), HIGH.array([[3.0]]))[0, 0] == -8
    with np.errstate(all="ignore"):
        assert np.isnan(COMPLEX128.log(np.array([[-1 + 1e-30j]]))).all()
        assert np.isnan(COMPLEX128.sqrt(np.array([[-1 + 1e-30j]]))).all()


def test_numbers_that_cannot_be_stored_do_not_hang() -> None:
    """The exponential of a double can be; that of an exponential cannot."""
    huge = HIGH.array([[1e300]])
    assert CONTEXT.isfinite(HIGH.exp(huge)[0, 0])
    assert HIGH.log(HIGH.exp(-huge))[0, 0] == -huge[0, 0]
    assert CONTEXT.isinf(HIGH.exp(HIGH.exp(huge))[0, 0])
    assert HIGH.exp(-HIGH.exp(huge))[0, 0] == 0
    assert CONTEXT.isnan(HIGH.sin(HIGH.pow(huge, HIGH.array([[1e9]])))[0, 0])
    assert CONTEXT.isinf(HIGH.pow(HIGH.exp(huge), huge)[0, 0])
    larger = HIGH.exp(huge)
    assert (HIGH.erf(larger)[0, 0], HIGH.erfc(larger)[0, 0], HIGH.erfc(-larger)[0, 0]) == (1, 0, 2)
    assert CONTEXT.isinf(HIGH.named("gamma", HIGH.named("gamma", huge))[0, 0])
    assert CONTEXT.isnan(HIGH.named("erfcx", larger)[0, 0])


def test_norm_neither_overflows_nor_vanishes() -> None:
    for scale in (1e200, 1e-200, 1.0, 5e-324, 1e308):
        x = np.array([[[scale, scale]]])
        expected = scale * np.hypot(1, 1)
        assert FLOAT64.norm(x, (-1,), False)[0, 0] == pytest.approx(expected, rel=1e-15)


def test_lead_is_measured_against_the_others() -> None:
    x = np.array([[[1.0, 5.0, 3.0]], [[2.0, 2.0, 0.0]]])[:, None]
    expected = [[-4.0, 2.0, -2.0], [0.0, 0.0, -2.0]]
    assert FLOAT64.lead(x, (-2, -1))[:, 0, 0].tolist() == expected
    assert FLOAT64.lead(x[..., :1], (-1,)).tolist() == np.ones((2, 1, 1, 1)).tolist()
    assert HIGH.lead(HIGH.array(x), (-1,)).astype(float)[:, 0, 0].tolist() == expected
    first = FLOAT64.first_of(FLOAT64.eq(x, FLOAT64.max(x, (-1,), True)), (-1,))
    assert first[:, 0, 0].tolist() == [[0, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize("columns", [1, 3])
def test_matrix_products_of_shared_and_per_row_sides(columns: int) -> None:
    rng = np.random.default_rng(2)
    for p, q, rows_a, rows_b in itertools.product((1, 2), (1, 2), (1, 6), (1, 6)):
        a = rng.normal(size=(p, rows_a, 4, 5))
        b = rng.normal(size=(q, rows_b, 5, columns))
        plain = a @ b
        assert np.allclose(FLOAT64.matmul(a, b), plain)
        shared = FLOAT64.matmul_onto(np.zeros((1, 1)), a, b)
        assert np.allclose(shared, plain.sum(axis=1, keepdims=True))
        per_row = FLOAT64.matmul_onto(np.zeros((1, plain.shape[1])), a, b)
        assert np.allclose(per_row, plain)
