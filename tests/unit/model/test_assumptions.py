"""What is assumed of values: whether they keep it, and others that do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck_cli.model.assumptions import KINDS, Assumption, keep

KEPT = {
    "symmetric": [[2, 0.5], [0.5, 1]],
    "positive": [0.1, 2],
    "lower": [[1, 0], [2, -3]],
    "orthogonal": [[0.6, -0.8], [0.8, 0.6]],
    "one_hot": [0, 1, 0],
    "in": [1, -1, -1, 1],
    "sum": [0.1, 0.2, 0.3, 0.4],
    "unit": [0.6, 0, 0.8],
}
BROKEN = {
    "symmetric": ([[2, 0.5], [0.4, 1]], (0, 1)),
    "positive": ([0.1, 0], (1,)),
    "lower": ([[1, 1e-300], [2, -3]], (0, 1)),
    "orthogonal": ([[0.6, -0.8], [0.8, 0.6000001]], ()),
    "one_hot": ([[0, 1], [1, 1]], (1,)),
    "in": ([1, -1, 0.5], (2,)),
    "sum": ([0.1, 0.2, 0.3, 0.5], ()),
    "unit": ([[0.6, 0.8], [0.6, 0.79]], (1,)),
}
NUMBERS = {"in": (-1.0, 1.0), "sum": (1.0,)}


def assumption(kind: str) -> Assumption:
    return Assumption(kind, NUMBERS.get(kind, ()), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_values_keep_or_break_it(kind: str) -> None:
    assert assumption(kind).broken_by(np.array(KEPT[kind], dtype=float)) is None
    values, place = BROKEN[kind]
    assert assumption(kind).broken_by(np.array(values, dtype=float)) == place


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [0, 3])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_other_values_keep_it(kind: str, rows: int, seed: int) -> None:
    draw = np.random.Generator(np.random.PCG64(seed))
    given_values = np.array(KEPT[kind], dtype=float)
    if rows:
        given_values = np.broadcast_to(given_values, (rows, *given_values.shape))
    uniform = draw.uniform(0.01, 0.99, given_values.shape)
    for start in (given_values, None):
        drawn = draw.normal(size=given_values.shape)
        moved = drawn if start is None else given_values * (1 + uniform / 2)
        found = keep([assumption(kind)], moved, uniform, start)
        assert found.shape == given_values.shape
        assert assumption(kind).broken_by(found) is None


def test_another_label_is_another_one() -> None:
    label = np.array([0.0, 1, 0])
    for u in (0.01, 0.4, 0.6, 0.99):
        assert not np.array_equal(keep([assumption("one_hot")], label, np.full(3, u), label), label)
    assert keep([assumption("one_hot")], np.array([1.0]), np.array([0.3]), np.array([1.0])) == [1.0]


def test_probabilities_stay_probabilities() -> None:
    given_values = np.array([0.0, 0.25, 0.75])
    found = keep([assumption("sum")], np.array([0.02, 0.3, 0.9]), np.full(3, 0.5), given_values)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1, abs=1e-15)


def test_where_nothing_keeps_all_the_given_values_stay() -> None:
    both = [assumption("unit"), assumption("sum")]
    given_values = np.array([1.0, 0, 0])
    found = keep(both, np.array([1.2, 0.1, 0.3]), np.full(3, 0.5), given_values)
    assert np.array_equal(found, given_values)


def test_a_sum_is_compared_within_rounding() -> None:
    tenth = Assumption("sum", (1.0,), "sum 1")
    assert tenth.broken_by(np.full(10, 0.1)) is None
    assert tenth.broken_by(np.full(3, 1 / 3)) is None
    assert tenth.broken_by(np.full(3, 0.333333)) == ()


def test_each_kind_says_itself() -> None:
    said = [Assumption(kind, NUMBERS.get(kind, ()), "in {-1, 1}").says("x") for kind in KINDS]
    assert said == [
        "x is symmetric", "x is positive", "x is lower triangular", "x is orthogonal", "x is one-hot",
        "x is in {-1, 1}", "sum(x) = 1", "norm(x) = 1",
    ]  # fmt: skip
