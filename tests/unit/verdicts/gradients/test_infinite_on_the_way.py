"""At the border of a domain 0 times an infinite derivative is no number: no rule is to blame for that."""

from __future__ import annotations

import numpy as np
import pytest

from build import exchanged
from gradcheck_cli import Verdict, check, load
from gradcheck_cli.model.primitives.table import PRIMITIVES


@pytest.mark.parametrize("text", [
    "param p[2] = [2, 3]\nloss = sum(sqrt(log2(p^0)))\n",
    "param p = 1.5\nloss = sqrt(p - p) + p\n",
])  # fmt: skip
def test_nobody_is_blamed(text: str) -> None:
    (block,) = check(load(text), points=2).parameters
    assert {e.verdict for e in block.entries} == {Verdict.UNRESOLVED}
    assert {e.reference for e in block.entries} <= {0.0, 1.0}


@pytest.mark.parametrize("text", [
    "param p = 1.5\nloss = sin(p)\n", "param p = 1.5\nloss = sin(p) + sqrt(p)\n",
])  # fmt: skip
def test_a_rule_that_gives_no_number_elsewhere_is(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PRIMITIVES["sin"].vjp[0] is not None
    exchanged(monkeypatch, "sin", vjp=(lambda m, g, y, x: g * np.nan,))
    (entry,) = check(load(text), points=2).parameters[0].entries[:1]
    assert entry.verdict is Verdict.WRONG
    assert "backprop stands alone" in (entry.note or "")


def test_a_wrong_number_at_a_border_is(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = PRIMITIVES["sin"].vjp[0]
    assert rule is not None
    exchanged(monkeypatch, "sin", vjp=(lambda *given: 1.01 * rule(*given),))
    report = check(load("param p = 1.5, q = 0\nloss = sin(p) + q*sqrt(q)\n"), points=2)
    assert report.parameters[0].entries[0].verdict is Verdict.WRONG


@pytest.mark.parametrize("text", [
    "param a = -0.3, b = 170\ns = a^erfc(b)\nloss = s - s\n",
    "param a = 2, b = 40\ns = sqrt(0 - exp(-b^2))\nloss = a*(s - s)\n",
])  # fmt: skip
def test_a_loss_that_has_a_value_by_rounding_alone_is_nobodys_fault(text: str) -> None:
    report = check(load(text), points=2)
    assert {e.verdict for b in report.parameters for e in b.entries} == {Verdict.UNRESOLVED}
    assert "The columns above agree: 0 of 2 entries." in report.closing


def test_a_kink_that_is_not_declared_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    exchanged(monkeypatch, "abs", kink=None)
    (entry,) = check(load("param p = 0\nloss = abs(p) + p\n"), points=2).parameters[0].entries[:1]
    assert entry.verdict is Verdict.WRONG
    assert "does not declare" in (entry.note or "")


def test_a_column_that_is_no_number_beside_an_ok_is_explained() -> None:
    text = "param p[2] = [-1.002, 2]\nh = log1mexp(log_softmax(gamma(p)))\nloss = prod(h)\n"
    entry = check(load(text), points=1).parameters[0].entries[1]
    assert entry.verdict is Verdict.OK
    assert np.isnan(entry.symbolic or 0)
    assert "overflows" in (entry.note or "")
