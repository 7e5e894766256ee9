"""Losses that turn between neighboring doubles: differences step over what they do, and nobody is blamed."""

from __future__ import annotations

import pytest

from build import exchanged
from gradcheck_cli import Verdict, check, load


@pytest.mark.parametrize("loss", ["abs(sin(p))", "relu(cos(p)) + 2", "max(sin(p), -2)", "abs(sin(1e17*q))"])
@pytest.mark.parametrize("value", ["1e15", "3e18", "-1e20"])
def test_differences_that_see_nothing_blame_nobody(loss: str, value: str) -> None:
    report = check(load(f"param p = {value}\nparam q = 1.5\nloss = {loss}\n"), points=2)
    assert report.verdict in (Verdict.OK, Verdict.UNRESOLVED)


def test_a_wrong_rule_is_still_found(monkeypatch: pytest.MonkeyPatch) -> None:
    exchanged(monkeypatch, "cos", vjp=(lambda m, g, y, x: 1.001 * -g * m.sin(x),))
    (block,) = check(load("param p = 1e14\nloss = abs(cos(p))\n"), points=1).parameters
    assert block.entries[0].verdict is Verdict.WRONG
    assert "backprop" in (block.entries[0].note or "")


def test_where_neighbors_are_near_differences_count() -> None:
    (block,) = check(load("param p = 1e12\nloss = abs(sin(p))\n"), points=1).parameters
    (entry,) = block.entries
    assert entry.verdict is Verdict.OK
    assert entry.finite == pytest.approx(entry.symbolic, rel=1e-9)
