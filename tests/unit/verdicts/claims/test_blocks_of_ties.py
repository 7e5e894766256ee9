"""Claims at equal entries that are sorted and at repeated eigenvalues: one choice of slopes gives them."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from claimed import judged_alone
from gradcheck_cli import Verdict, load

OK, KINK, WRONG = Verdict.OK, Verdict.KINK, Verdict.WRONG


def verdicts(model: str, *claims: str) -> list[Verdict]:
    text = model + "".join(f"claim {claim}\n" for claim in claims)
    return [claim.verdict for claim in judged_alone(load(text))]


SORTED = "param v[4] = [1, 1, 3, 1]\ny = sort(v)\nloss = y[0] + 2*y[1] + 4*y[2] + 8*y[3]\n"


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        ("[1.0, 2.0, 8.0, 4.0]", KINK), ("[4.0, 1.0, 8.0, 2.0]", KINK), ("[2.5, 2.5, 8.0, 2.0]", KINK),
        ("[1.0, 1.0, 8.0, 1.0]", WRONG), ("[4.0, 4.0, 8.0, 4.0]", WRONG), ("[1.0, 2.0, 7.0, 4.0]", WRONG),
        ("[1.0, 1.0, 8.0, 5.0]", WRONG), ("[0.5, 3.5, 8.0, 3.0]", WRONG), ("[3.5, 3.5, 8.0, 0.0]", WRONG),
    ],
)  # fmt: skip
def test_equal_entries_have_each_rank_once(numbers: str, verdict: Verdict) -> None:
    assert verdicts(SORTED, f"d loss/d v = {numbers}") == [verdict]


def test_the_slope_along_a_direction_is_that_of_the_ranks() -> None:
    text = "param v[3] = [1, 1, 2]\nloss = sort(v)[0]\nclaim d loss/d v = [1.0, 1.0, 0.0]\n"
    (claim,) = judged_alone(load(text))
    told = "no one choice of slopes at the kinks gives all its entries"
    assert claim.note == f"{told}: along (1,1,0) the slope is 1, yours says 2"


def test_ranks_have_the_same_slopes_in_all_derivatives() -> None:
    ranks = "d y/d v = [[0,1,0,0], [1,0,0,0], [0,0,0,1], [0,0,1,0]]"
    assert verdicts(SORTED, ranks, "d loss/d v = [2.0, 1.0, 8.0, 4.0]") == [KINK, KINK]
    assert verdicts(SORTED, ranks, "d loss/d v = [1.0, 2.0, 8.0, 4.0]") == [WRONG, WRONG]
    assert verdicts(SORTED, ranks.replace("[1,0,0,0]", "[0,1,0,0]")) == [WRONG]


def test_the_sum_of_a_block_has_a_derivative() -> None:
    given = "param v[3] = [1, 1, 2]\ny = sort(v)\nloss = y[0] + y[1]\n"
    assert verdicts(given, "d loss/d v = [1.0, 1.0, 0.0]") == [OK]
    assert verdicts(given, "d loss/d v = [0.5, 1.5, 0.0]") == [WRONG]
    given = "param A[3,3] = [[1, 0, 0], [0, 1, 0], [0, 0, 2]]\nloss = sum(eigvalsh(A)[0:2])\n"
    assert verdicts(given, "d loss/d A = [[1.0, 0, 0], [0, 1.0, 0], [0, 0, 0]]") == [OK]
    assert verdicts(given, "d loss/d A = [[1.0, 0.1, 0], [0.1, 1.0, 0], [0, 0, 0]]") == [WRONG]


def test_columns_and_rows_have_blocks_of_their_own() -> None:
    given = (
        "param M[3,2] = [[1, 5], [1, 5], [0, 5]]\nloss = sum(sort(M, axis=0)*[[1, 2], [3, 4], [5, 6]])\n"
    )
    assert verdicts(given, "d loss/d M = [[3.0, 2.0], [5.0, 6.0], [1.0, 4.0]]") == [KINK]
    assert verdicts(given, "d loss/d M = [[3.0, 2.0], [3.0, 6.0], [1.0, 4.0]]") == [WRONG]
    given = "rows x[2] = [[1, 1], [2, 1]]\nparam w[2] = [1, 1]\nh = sort(w*x)\n"
    given += "loss = sum_rows(h[0] + 2*h[1])\n"
    for numbers, verdict in (("[5.0, 3.0]", KINK), ("[6.0, 2.0]", KINK), ("[6.0, 3.0]", WRONG)):
        assert verdicts(given, f"d loss/d w = {numbers}") == [verdict], numbers


SMALLEST = "param A[3,3] = [[1, 0, 0], [0, 1, 0], [0, 0, 2]]\nloss = eigvalsh(A)[0]\n"


@pytest.mark.parametrize(
    ("block", "verdict"),
    [
        ((1.0, 0.0, 0.0), KINK), ((0.5, 0.5, 0.5), KINK), ((0.64, -0.48, 0.36), KINK),
        ((0.5, 0.0, 0.5), KINK),
        ((1.0, 0.0, 1.0), WRONG), ((0.5, 0.51, 0.5), WRONG), ((0.64, 0.55, 0.36), WRONG),
        ((0.5, 0.0, 0.3), WRONG), ((1.2, 0.0, -0.2), WRONG),
    ],
)  # fmt: skip
def test_a_repeated_eigenvalue_has_all_directions(
    block: tuple[float, float, float], verdict: Verdict
) -> None:
    a, b, c = block
    assert verdicts(SMALLEST, f"d loss/d A = [[{a}, {b}, 0], [{b}, {c}, 0], [0, 0, 0]]") == [verdict]
    assert verdicts(SMALLEST, f"d loss/d A = [[{a}, {b}, 0], [{b}, {c}, 0.1], [0, 0, 0]]") == [WRONG]


def test_eigenvalues_of_one_block_share_their_directions() -> None:
    given = "param S[2,2] symmetric = [[1, 0], [0, 1]]\ny = eigvalsh(S)\nloss = y[0] + 3*y[1]\n"
    for entries, verdict in (("2.0, 1.0], [1.0, 2.0", KINK), ("2.0, 1.1], [1.1, 2.0", WRONG),
                             ("2.5, 0.0], [0.0, 2.0", WRONG), ("3.1, 0.0], [0.0, 0.9", WRONG)):  # fmt: skip
        assert verdicts(given, f"d loss/d S = [[{entries}]]") == [verdict], entries


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_what_any_program_gives_is_a_kink(seed: int) -> None:
    """Random orders and bases of a block pass, also their means; moved out of the hull they do not."""
    numbers = random.Random(seed)
    weights = [numbers.choice([-2.0, -1.0, 0.5, 1.0, 3.0]) for _ in range(3)]
    loss = " + ".join(f"{w}*y[{k}]" for k, w in enumerate(weights)) + "\n"
    orders = list(itertools.permutations(weights))
    some = np.mean(numbers.sample(orders, 2), axis=0).tolist()
    given = f"param v[3] = [2, 2, 2]\ny = sort(v)\nloss = {loss}"
    assert verdicts(given, f"d loss/d v = {some}")[0] in (OK, KINK)
    assert verdicts(given, f"d loss/d v = {[some[0] + 0.5, *some[1:]]}") == [WRONG]
    bases = [np.linalg.qr(np.reshape([numbers.gauss(0, 1) for _ in range(9)], (3, 3)))[0] for _ in range(2)]
    matrix = np.mean([q @ np.diag(weights) @ q.T for q in bases], axis=0)
    given = f"param A[3,3] = [[2, 0, 0], [0, 2, 0], [0, 0, 2]]\ny = eigvalsh(A)\nloss = {loss}"
    assert verdicts(given, f"d loss/d A = {matrix.tolist()}")[0] in (OK, KINK)
    low, middle, high = sorted(weights)
    far = bases[0] @ np.diag([low - 0.5, middle, high + 0.5]) @ bases[0].T
    assert verdicts(given, f"d loss/d A = {far.tolist()}") == [WRONG]
