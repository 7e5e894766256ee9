"""x^n*log(x), the derivative of x^n by n, is 0 at x = 0 for n > 0, and for no other n."""

from __future__ import annotations

import math

import pytest

from gradcheck_cli import api
from gradcheck_cli.results.gradient_results import Verdict


def slope(text: str) -> float:
    """The symbolic column of n."""
    report = api.check(api.load(text), points=1, wrt=["n"])
    (entry,) = report.parameters[0].entries
    return math.nan if entry.symbolic is None else entry.symbolic


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("param n = 3, x = 0\nloss = x^n + n", 1.0),
        ("param n = 0.5, x = 0\nloss = x^n + n", 1.0),
        ("param n = 3, x = 0.5\nloss = x^n + n", 1 + 0.125 * math.log(0.5)),
        ("param n = 3, v[2] = [0, 2]\nloss = sum(v^n)", 8 * math.log(2)),
        ("param n = 3, x = 0\nloss = x^n*log(x + 1) + exp(2*n)", 2 * math.exp(6)),
        ("param n = 0, x = 0\nloss = x^n + n", -math.inf),
    ],
)
def test_the_slope_by_an_exponent_where_the_base_is_zero(text: str, expected: float) -> None:
    assert slope(text) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("sum(where(v > 0, v^n*log(v), 0))", Verdict.OK),
        ("5.458534046909569", Verdict.OK),
        ("sum(where(v > 0, v^n*log(v), 1))", Verdict.WRONG),
        ("sum(where(v > 0, v^(n - 1)*log(v), 0))", Verdict.WRONG),
    ],
)
def test_a_claim_by_an_exponent_is_judged_beside_a_zero(claim: str, verdict: Verdict) -> None:
    text = f"data v[3] = [0, 0.5, 2]\nparam n = 3\nloss = sum(v^n)\nclaim d loss/d n = {claim}\n"
    report = api.check(api.load(text), points=2)
    assert report.claims[0].verdict is verdict, report.claims
    assert report.parameters[0].verdict is Verdict.OK
