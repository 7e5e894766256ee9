"""Jumps so high that a slope is infinite in float64: a verdict, and nothing else on the screen."""

from __future__ import annotations

import pytest

from gradcheck_cli import Verdict, check, load


@pytest.mark.parametrize("claimed", ["0", "5.25", "-3"])
@pytest.mark.parametrize("loss", ["expm1(where(p <= 1, 0.1, p)/1e-3)", "sinh(900*where(p > 1, p, 0.1))"])
def test_no_number_is_a_plain_ok_and_nothing_is_printed(loss: str, claimed: str) -> None:
    report = check(load(f"param p = 1\nloss = {loss}\nclaim d loss/d p = {claimed}\n"), points=2)
    (claim,) = report.claims
    assert claim.verdict is not Verdict.OK
    assert claim.verdict is Verdict.WRONG or claimed == "0"
