"""Entries chosen by whole numbers, and what goes back to them: against loops, by both methods."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from build import high
from gradcheck_cli.derivatives.symbolic.chosen_entries import one_hot_entries, put_back, take_entries
from gradcheck_cli.numerics.float64 import FLOAT64

ALL = slice(None)
# the shape of the array, those of the whole numbers, and the key
CASES: list[tuple[tuple[int, ...], list[tuple[int, ...]], tuple[Any, ...]]] = [
    ((4,), [()], (None,)),
    ((4,), [(5,)], (None,)),
    ((4,), [(2, 3)], (None,)),
    ((4, 2), [(3,)], (None, ALL)),
    ((2, 4), [(3,)], (ALL, None)),
    ((2, 4), [()], (ALL, None)),
    ((3, 4), [(3,)], (range(3), None)),
    ((3, 4), [(2,)], (range(1, 3), None)),
    ((3, 4), [(2,)], (2, None)),
    ((3, 4), [(5,), (5,)], (None, None)),
    ((3, 4), [(5,), ()], (None, None)),
    ((2, 3, 4, 2), [(3,)], (ALL, range(3), None, ALL)),
    ((2, 3, 2), [(2,)], (ALL, None, ALL)),
]


def places(shape: tuple[int, ...], chosen: list[Any], key: tuple[Any, ...]) -> dict[Any, tuple[int, ...]]:
    """Where each entry of the choice comes from: the definition, in words of one loop."""
    along = max((np.shape(c) for c in chosen), key=len)
    axes = [k for k, part in enumerate(key) if part != ALL]
    found = {}
    outer = [range(n) for n in shape[: axes[0]]]
    inner = [range(n) for n in shape[axes[-1] + 1 :]]
    for before in itertools.product(*outer):
        for at in np.ndindex(along):
            for after in itertools.product(*inner):
                waiting, place = iter(chosen), []
                for part in key[axes[0] : axes[-1] + 1]:
                    if part is None:
                        numbers = np.asarray(next(waiting))
                        place.append(int(numbers[at] if numbers.ndim else numbers))
                    else:
                        place.append(part[at[0]] if isinstance(part, range) else part)
                found[(*before, *at, *after)] = (*before, *place, *after)
    return found


def numbers(shape: Any, chosen: Any, key: tuple[Any, ...], seed: int) -> list[Any]:
    random = np.random.default_rng(seed)
    axes = [k for k, part in enumerate(key) if part is None]
    return [random.integers(0, shape[axis], c) for axis, c in zip(axes, chosen, strict=True)]


@pytest.mark.parametrize(("shape", "chosen", "key"), CASES)
@pytest.mark.parametrize("rows", ["none", "x", "y", "both"])
def test_entries_and_the_way_back(shape: Any, chosen: Any, key: Any, rows: str) -> None:
    count = 3 if rows != "none" else 1
    each = [numbers(shape, chosen, key, seed) for seed in range(count)]
    if rows in ("none", "x"):
        each = each[:1] * count
    random = np.random.default_rng(5)
    x = random.normal(size=(1, count if rows in ("x", "both") else 1, *shape))
    lead = each if rows in ("y", "both") else each[:1]
    y = [np.stack([one[k] for one in lead])[None].astype(float) for k in range(len(chosen))]
    expected = []
    for row in range(count):
        own = x[0, row if x.shape[1] > 1 else 0]
        where = places(shape, each[row], key)
        size = tuple(max(k[a] for k in where) + 1 for a in range(len(next(iter(where)))))
        made = np.zeros(size)
        for to, source in where.items():
            made[to] = own[source]
        expected.append(made)
    for found in (FLOAT64.take(x, y, key), take_entries(x, y, key)):
        assert found.shape[:2] == (1, count)
        np.testing.assert_array_equal(found[0], expected)
    g = random.normal(size=(2, count, *np.shape(expected[0])))
    back = np.zeros((2, count, *shape))
    for row in range(count):
        for to, source in places(shape, each[row], key).items():
            back[(slice(None), row, *source)] += g[(slice(None), row, *to)]
    np.testing.assert_allclose(np.broadcast_to(put_back(g, shape, y, key), back.shape), back, atol=1e-14)
    added = back if x.shape[1] > 1 or count == 1 else back.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(FLOAT64.put(g, x, y, key), added, atol=1e-14)
    np.testing.assert_allclose(FLOAT64.put(g, x, y, key, rows_apart=True), back, atol=1e-14)


def test_at_high_precision() -> None:
    m = high()
    x, y = m.array(np.array([[[1.0, 2.0, 3.0]]])), m.array(np.array([[[2.0, 0.0, 2.0]]]))
    assert m.take(x, [y], (None,)).tolist() == take_entries(x, [y], (None,)).tolist() == [[[3, 1, 3]]]
    g = m.array(np.array([[[1.0, 10.0, 100.0]]]))
    assert m.put(g, x, [y], (None,)).tolist() == put_back(g, (3,), [y], (None,)).tolist() == [[[10, 0, 101]]]
    assert m.one_hot(y, 3).tolist() == one_hot_entries(y, 3, m).tolist() == [[np.eye(3)[[2, 0, 2]].tolist()]]


def test_numbers_between_and_outside_count_as_the_nearest_inside() -> None:
    x, y = np.array([[[1.0, 2.0, 3.0]]]), np.array([[[-4.0, 0.6, 1.2, 7.0]]])
    found = [FLOAT64.take(x, [y], (None,)).tolist(), take_entries(x, [y], (None,)).tolist()]
    assert found == [[[[1, 2, 2, 3]]]] * 2
    assert FLOAT64.one_hot(y, 3).tolist() == one_hot_entries(y, 3, FLOAT64).tolist()
    assert FLOAT64.one_hot(y, 3)[0, 0].argmax(axis=1).tolist() == [0, 1, 1, 2]
