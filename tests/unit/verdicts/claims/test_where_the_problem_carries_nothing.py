"""What float64 leaves of a gradient at an optimum is no mistake; of a saturated function it tells nothing."""

from __future__ import annotations

import pytest

from gradcheck_cli import api
from gradcheck_cli.results.gradient_results import Verdict


@pytest.mark.parametrize(
    ("model", "claim", "verdict"),
    [
        ("param x = 20\nloss = tanh(x)", "d loss/d x = 3e-17", Verdict.UNRESOLVED),
        ("param x = 40\nloss = tanh(x)", "d loss/d x = 1e-20", Verdict.UNRESOLVED),
        ("param x = 0.7071067811865476\nloss = (2*x^2 - 1)^2", "d loss/d x = 3e-16", Verdict.OK),
        ("param x = 0.7071067811865476\nloss = (2*x^2 - 1)^2", "d loss/d x = 1e-3", Verdict.WRONG),
        ("param x = 1.4142135623730951\nloss = (x^2 - 2)^2*1e6", "d loss/d x = -2e-9", Verdict.OK),
        ("param x = 1.4142135623730951\nloss = (x^2 - 2)^2*1e6", "d loss/d x = 1e-5", Verdict.WRONG),
    ],
)
def test_numbers_where_float64_carries_no_digit(model: str, claim: str, verdict: Verdict) -> None:
    (found,) = api.check(api.load(f"{model}\nclaim {claim}\n"), points=2).claims
    assert found.verdict is verdict
