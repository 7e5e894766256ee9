"""What is taken for the derivative of a function by mistake is named, where a function has a usual slip."""

from __future__ import annotations

import pytest

from build import one_of
from gradcheck_cli.checking.check import check
from gradcheck_cli.checking.options import Options
from gradcheck_cli.language import read_model
from gradcheck_cli.results.gradient_results import Verdict

SLIPS = [
    ("erfc", 0.4, "exp(-x^2)", "-2*exp(-x^2)/sqrt(pi)"),
    ("normal_cdf", 0.4, "exp(-x^2/2)", "exp(-x^2/2)/sqrt(2*pi)"),
    ("acosh", 1.7, "1/sqrt(x^2 + 1)", "1/sqrt(x^2 - 1)"),
    ("atanh", 0.4, "1/(1 + x^2)", "1/(1 - x^2)"),
    ("logit", 0.3, "x*(1 - x)", "1/(x*(1 - x))"),
    ("exp2", 0.3, "exp2(x)", "log(2)*exp2(x)"),
    ("log_sigmoid", 0.3, "sigmoid(x)", "sigmoid(-x)"),
    ("gamma", 1.7, "digamma(x)", "gamma(x)*digamma(x)"),
    ("lgamma", 1.7, "gamma(x)*digamma(x)", "digamma(x)"),
    ("rsqrt", 1.7, "1/(2*sqrt(x))", "-1/(2*x*sqrt(x))"),
]

# what an edit of the formula, or a factor, says in fewer words
SAID = {
    "acosh": "x^2 - 1 belongs", "atanh": "1 - x^2 belongs", "exp2": "1/log(2) times", "gamma": "the factor f",
}  # fmt: skip


@pytest.mark.parametrize(("function", "x", "wrong", "right"), one_of(3, SLIPS), ids=[s[0] for s in SLIPS])
def test_a_usual_slip_is_named(function: str, x: float, wrong: str, right: str) -> None:
    text = f"param x = {x}, w = 2\nf = {function}(x)\nloss = w*f^2\nclaim d loss/d x = 2*w*f*"
    (claim,) = check(read_model(f"{text}({wrong})"), Options(points=2)).claims
    assert claim.verdict is Verdict.WRONG
    assert claim.diagnosis is not None
    assert SAID.get(function, function) in claim.diagnosis
    (claim,) = check(read_model(f"{text}({right})"), Options(points=2)).claims
    assert claim.verdict is Verdict.OK
