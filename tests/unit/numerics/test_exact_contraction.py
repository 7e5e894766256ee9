"""Products at high precision by whole numbers: those of mpmath's own numbers, rounded once."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.numerics.exact_contraction import multilinear
from gradcheck_cli.numerics.mpmath_context import private_context
from gradcheck_cli.numerics.multiprecision import High

HIGH = High(private_context(50))
EXACT = High(private_context(400))


def numbers(shape: tuple[int, ...], seed: int, m: High = HIGH) -> Any:
    random = np.random.default_rng(seed)
    return m.array(random.normal(size=shape)) / m.array(random.integers(1, 99, size=shape))


@pytest.mark.parametrize(
    ("pattern", "shapes"),
    [
        ("ij,jk->ik", [(3, 4), (4, 5)]),
        ("i,i->", [(7,), (7,)]),
        ("i,j->ij", [(2,), (3,)]),
        ("ij,j,i->", [(2, 3), (3,), (2,)]),
    ],
)
def test_what_mpmath_computes_in_more_digits(pattern: str, shapes: list[tuple[int, ...]]) -> None:
    contracted = partial(np.einsum, pattern)
    arrays = [numbers(shape, seed) for seed, shape in enumerate(shapes)]
    found = multilinear(contracted, HIGH.context, *arrays)
    true = HIGH.array(contracted(*(EXACT.array(array) for array in arrays)))  # to 50 digits
    assert found.shape == true.shape
    assert np.array_equal(found, true)
    wrong = arrays[0] * (1 + HIGH.context.mpf(10) ** -49)
    assert not np.array_equal(multilinear(contracted, HIGH.context, wrong, *arrays[1:]), true)


def test_nothing_is_lost_where_terms_cancel() -> None:
    one, large = HIGH.context.mpf(1), HIGH.context.mpf(10) ** 80
    row, ones = HIGH.array([large, one, -large]), HIGH.array([1, 1, 1])
    assert multilinear(np.dot, HIGH.context, row, ones)[()] == 1
    assert np.dot(row, ones) == 0  # number by number, at 50 digits


@pytest.mark.parametrize("odd", ["inf", "nan", "1e-800", "1e800"])
def test_what_whole_numbers_cannot_do_is_done_number_by_number(odd: str) -> None:
    context = HIGH.context
    row, column = HIGH.array([context.mpf(odd), 2, 0]), HIGH.array([3, context.mpf("1e-300"), 5])
    asked: list[str] = []

    def dot(a: Any, b: Any) -> Any:
        asked.append(type(a[0]).__name__)
        return np.dot(a, b)

    found, plain = multilinear(dot, context, row, column)[()], np.dot(row, column)
    assert found == plain or (context.isnan(found) and context.isnan(plain))
    assert asked == ["mpf"]
    multilinear(dot, context, HIGH.array([1, 2, 0]), column)
    assert asked == ["mpf", "int"]


def test_plain_numbers_and_nothing_at_all() -> None:
    mixed = np.array([0, 0.1, HIGH.context.mpf(3)], dtype=object)
    found = multilinear(np.dot, HIGH.context, mixed, mixed)[()]
    assert found == HIGH.context.mpf(0.1) ** 2 + 9
    empty = np.zeros((0, 3), dtype=object)
    assert multilinear(np.matmul, HIGH.context, empty, numbers((3, 2), 1)).shape == (0, 2)
    assert multilinear(np.matmul, HIGH.context, empty.T, empty).tolist() == [[0] * 3] * 3


@pytest.mark.parametrize("rows", [((1, 1), (1, 1)), ((1, 3), (1, 1)), ((2, 1), (1, 3)), ((2, 3), (2, 3))])
def test_matrix_products_of_the_namespace(rows: tuple[tuple[int, int], tuple[int, int]]) -> None:
    a, b = numbers((*rows[0], 2, 4), 1), numbers((*rows[1], 4, 3), 2)
    true = HIGH.array(np.einsum("...ij,...jk->...ik", EXACT.array(a), EXACT.array(b)))
    assert np.array_equal(HIGH.matmul(a, b), true)


def test_sums_lose_nothing_either() -> None:
    """As far as the digits of the terms reach: what is left below them is 0."""
    large = HIGH.array([[1e30, 1], [1e-6, 2], [-1e30, 3]])[None]
    found = HIGH.sum(large, axis=(1,), keepdims=True)
    assert found.shape == (1, 1, 2)
    assert list(found[0, 0]) == [HIGH.context.mpf(1e-6), 6]
    assert np.sum(large, axis=1)[0, 0] != HIGH.context.mpf(1e-6)  # number by number, at 50 digits


@pytest.mark.parametrize("m", [HIGH, High(private_context(140))])
def test_decimals_that_cancel_leave_nothing(m: High) -> None:
    terms = m.decimals([[0.1, 0.2, -0.3]])[None]
    ones = m.array(np.ones((1, 1, 3, 1)))
    assert m is not HIGH or np.sum(terms) != 0  # 7e-52, and less with more digits
    assert m.sum(terms, axis=(-1,), keepdims=False).item() == 0
    assert m.matmul(terms[:, :, None], ones).item() == 0
    assert m.sub(m.sub(m.decimals(0.3), m.decimals(0.1)), m.decimals(0.2)) == 0
    beside = m.decimals([[0.1, 0.2, -0.3000000000000001]])[None]
    assert abs(m.sum(beside, axis=(-1,), keepdims=False).item() + m.decimal("1e-16")) < 1e-48
    assert m.sub(m.decimals(0.3), m.decimals(0.3000000000000001)) != 0
