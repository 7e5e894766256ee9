"""The judge on problems from the literature and hard cases: nothing right is flagged, nothing wrong passes.

A part of the population at each run; GRADCHECK_SWEEPS=all examines all of it, as does
benchmarks/population.py, which prints the table. What takes the tally is slow.
"""

from __future__ import annotations

import pytest

from build import SWEEP_ALL
from problems import population
from slips import Author
from tally import NAMED, Tally, examine

EVERY = 1 if SWEEP_ALL else 60  # problems: some seconds on one core
FORMULAS, NUMBERS = (30, 60) if SWEEP_ALL else (8, 12)  # wrong ones a point
BOUNDS_HOLD = 0.999
# of wrong numbers where three programs agree with the truth to 1e-8: those that it takes luck to get right,
# where the bound on rounding allows more than the three programs show
MOST_MISSED = 0.01
LEAST_NAMED = 0.93  # of the kinds in NAMED; what has no name is WRONG all the same


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tally() -> Tally:
    found = Tally()
    for k, problem in enumerate(population()):
        if k % EVERY == 0:
            for at in problem.points if SWEEP_ALL else problem.points[:2]:
                examine(problem, at, found, formulas=FORMULAS, numbers=NUMBERS)
    return found


def test_there_are_enough_problems_of_every_family() -> None:
    sizes: dict[str, int] = {}
    for problem in population():
        sizes[problem.family] = sizes.get(problem.family, 0) + 1
    assert len(sizes) == 5
    assert sum(sizes.values()) >= 600
    assert min(sizes.values()) >= 100


def test_there_are_slips_of_many_kinds() -> None:
    authors = map(Author, population()[::3])
    kinds = {slip.kind for one in authors for target in one.targets() for slip in one.slips(target)}
    assert kinds >= NAMED.keys() | {"tiny", "another term"}
    assert len(kinds) >= 17


def test_nothing_right_is_wrong(tally: Tally) -> None:
    assert not tally.complaints_of("false alarm")
    assert tally["right formula", "ok"] > tally["right formula", "all"] * 0.9  # the others lie on kinks
    assert tally["right number", "ok"] > tally["right number", "all"] * 0.9


def test_no_wrong_formula_passes(tally: Tally) -> None:
    assert not tally.complaints_of("formula missed")


def test_wrong_numbers_are_told_apart_where_programs_can(tally: Tally) -> None:
    known = sum(tally[key] for key in tally.counts if key[0].startswith("wrong number, ") and key[1] == "all")
    assert known > 100
    assert len(tally.complaints_of("number missed")) <= MOST_MISSED * known


def test_where_float64_cannot_decide_it_says_so(tally: Tally) -> None:
    assert not tally.complaints_of("not said")


def test_kinks_are_kinks(tally: Tally) -> None:
    assert tally["parameter at a kink", "all"] > 0
    assert not tally.complaints_of("kink")


def test_outside_the_domain_nothing_is_decided(tally: Tally) -> None:
    assert not tally.complaints_of("outside")


def test_finite_differences_lie_within_their_bounds(tally: Tally) -> None:
    counted = tally["finite difference", "all"]
    assert tally["finite difference", "within its bound"] >= BOUNDS_HOLD * counted
    assert tally.median_digits >= 10


def test_mistakes_are_named(tally: Tally) -> None:
    asked = {f"wrong formula, {kind}" for kind in NAMED}
    wrong = sum(tally[kind, "all"] - tally[kind, "side"] for kind in asked)
    named = sum(tally[kind, "named"] for kind in asked)
    assert wrong > 50
    assert named >= LEAST_NAMED * wrong, tally.complaints_of("not named")
