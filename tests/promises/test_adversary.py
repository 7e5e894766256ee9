"""The oracle of the adversary: it knows slopes and kinks, and sees a rule that is made wrong."""

from __future__ import annotations

import sys

import pytest

from build import exchanged
from gradcheck_cli.model.primitives.table import PRIMITIVES
from paths import PROJECT

sys.path.insert(0, str(PROJECT / "benchmarks"))

import adversary
from adversary import C, Problem, Tree

X = Tree("name", text="p0")


def test_slopes_are_known_to_hundreds_of_digits() -> None:
    (slope,) = adversary.slopes(Problem({"p0": "0.3"}, Tree("sin", (X,))))["p0"].values()
    assert slope.is_smooth
    assert abs(slope.right - C.cos(C.mpf("0.3"))) < C.mpf("1e-240")


def test_a_kink_has_two_slopes() -> None:
    (slope,) = adversary.slopes(Problem({"p0": "0"}, Tree("abs", (X,))))["p0"].values()
    assert not slope.is_smooth
    assert (slope.left, slope.right) == (-1, 1)


@pytest.mark.parametrize("operation", adversary.ELEMENTWISE)
def test_its_formulas_are_right_claims(operation: str) -> None:
    """Of every function, at a place where it is smooth; a thousandth more is WRONG."""
    rules = adversary.ELEMENTWISE[operation][2]
    loss = Tree(operation, (X, Tree("name", text="p1"))[: len(rules)])
    problem = Problem({"p0": "0.7", "p1": "1.3"}, loss)
    claimed = adversary.with_claims(problem, adversary.slopes(problem), adversary.random.Random(1))
    assert {c.holds for c in claimed.claims} == {True, False}
    assert adversary.failure(claimed) is None


def test_a_wrong_rule_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = PRIMITIVES["sin"].vjp[0]
    assert rule is not None
    exchanged(monkeypatch, "sin", vjp=(lambda *given: 1.001 * rule(*given),))
    problem = Problem({"p0": "0.3", "p1": "2"}, Tree("mul", (Tree("sin", (X,)), Tree("name", text="p1"))))
    found = adversary.failure(problem)
    assert found is not None
    assert found[0] == "right column blamed"
    small = adversary.minimized(problem, found[0])
    assert small.text().endswith("loss = sin(p0)\n")
