"""Numbers that are read are moved alike where they are alike, and in both ways over the samples."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from gradcheck_cli import check, load
from gradcheck_cli.reference.jittered_arithmetic import Jittered, read


def test_equal_numbers_are_moved_alike() -> None:
    jitter = Jittered(16, 3)
    x = np.array([[[0.3, 0.6, -0.3, 0.7]]])
    moves = (read(jitter, x) / x)[:, 0] - 1
    assert (moves[0] == 0).all()
    assert np.array_equal(moves[:, 0], moves[:, 1])
    assert np.array_equal(moves[:, 0], moves[:, 2])
    assert not np.array_equal(moves[:, 0], moves[:, 3])
    assert all(0.3 < np.mean(column > 0) < 0.7 for column in moves[1:].T)
    assert np.abs(moves[1:]).max() == pytest.approx(jitter.size / 2, rel=1e-2)


@pytest.mark.parametrize(("x", "ulps"), [
    (0.5, 0.5), (-3.0, 0.5), (1 - 5e-9, 25e-18 * 2**52), (-1 - 5e-9, 25e-18 * 2**52), (1 - 1e-12, 2.0**-6),
])  # fmt: skip
def test_a_square_beside_one_is_hardly_rounded(x: float, ulps: float) -> None:
    given = np.array([[[x]]])
    jitter = Jittered(16, 3)
    assert jitter.ulps_of_square(given) == pytest.approx(ulps, rel=1e-6)
    exact = Fraction(x) ** 2
    assert abs(Fraction(x * x) - exact) <= Fraction(ulps * 2.0**-52) * exact
    assert Jittered(16, 3, narrow=True).ulps_of_square(given) == 1.0


def test_what_is_short_stays() -> None:
    x = np.array([[[0.5, 3.0, 0.0, 1e300]]])
    moved = read(Jittered(16, 3), x)
    assert np.array_equal(moved[..., :3], np.broadcast_to(x, moved.shape)[..., :3])


def test_a_comparison_of_equal_decimals_is_decided() -> None:
    text = "param w = 2\ndata a = 0.1, b = 0.1\nloss = w*where(a >= b, 3, 5)\n"
    (entry, *_) = check(load(text)).parameters[0].entries
    assert entry.digits is not None
    assert entry.digits > 13
