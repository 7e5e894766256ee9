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


def test_a_derivative_beyond_float64_is_no_infinite_one() -> None:
    model = "param x = 1e-160\nloss = 1/x\n"
    right, number, sign = check(load(model + "".join(
        f"claim d loss/d x = {claim}\n" for claim in ("-1/x^2", "-1e200", "1/x^2")
    ))).claims  # fmt: skip
    assert [c.verdict for c in (right, number, sign)] == [Verdict.OK, Verdict.WRONG, Verdict.WRONG]
    assert number.note == "the derivative is -1.0e+320, beyond the range of float64"
    assert sign.diagnosis is None  # inf is twice -inf, and 3 times
    (infinite,) = check(load("param x = 0\nloss = 3*sqrt(x)\nclaim d loss/d x = 1e9\n")).claims
    assert infinite.note == "the derivative is infinite here"
