"""The root of a sum of squares is a norm, however it is written: at 0 its slopes are the unit ball."""

from __future__ import annotations

import pytest

from build import one_of
from claimed import judged_alone
from gradcheck_cli import Verdict, api

KINK, WRONG = Verdict.KINK, Verdict.WRONG


def verdicts(text: str, *claims: str) -> list[Verdict]:
    lines = "".join(f"claim d loss/d {claim}\n" for claim in claims)
    return [claim.verdict for claim in judged_alone(api.load(f"{text}\n{lines}"))]


@pytest.mark.parametrize(
    "loss",
    one_of(4, [
        "norm(x)", "sqrt(sum(x^2))", "sqrt(x[0]^2 + x[1]^2)", "sqrt(dot(x, x))", "sqrt(sum(x*x))",
        "(sum(x^2))^0.5", "2*sqrt(mean(x^2)/2)", "sqrt(3*sum(x^2)/3)", "sqrt(0 + sum(x^2))",
        "sqrt(sum(x^2)/4)*2", "sum(sqrt(sum([x, [0, 0]]^2, axis=1)))",
    ]),
)  # fmt: skip
def test_entries_of_a_root_at_zero_are_judged_together(loss: str) -> None:
    text = f"param x[2] = [0, 0]\nloss = {loss}"
    right, wrong = ["[0.6, 0.8]", "[0, 0]"], ["[0.8, 0.8]", "[1.1, 0]"]  # inside of the unit ball, and not
    assert [verdicts(text, f"x = {c}") for c in right] == [[KINK]] * 2
    assert [verdicts(text, f"x = {c}") for c in wrong] == [[WRONG]] * 2


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [("0.6", "1.6", KINK), ("0", "2", KINK), ("0.5", "1.0", KINK), ("1", "2", WRONG), ("0.9", "1.8", WRONG)],
)
def test_squares_have_weights(a: str, b: str, verdict: Verdict) -> None:
    text = "param a = 0, b = 0\nloss = sqrt(a^2 + 4*b^2)"
    assert verdicts(text, f"a = {a}", f"b = {b}") == [verdict] * 2


@pytest.mark.parametrize(
    ("w", "verdict"), [("[3.0, 4.4]", KINK), ("[0, 0]", KINK), ("[3.200, 4.400]", WRONG), ("[4, 6]", WRONG)]
)
def test_residuals_that_vanish(w: str, verdict: Verdict) -> None:
    """A'u for u in the unit ball: (3, 4.4) for u = (0.6, 0.8), (4, 6) for u = (1, 1)."""
    text = "data A[2,2] = [[1, 2], [3, 4]]\nparam w[2] = [1, 2]\nloss = sqrt(sum((A@w - [5, 11])^2))"
    assert verdicts(text, f"w = {w}") == [verdict]


def test_rows_have_balls_of_their_own() -> None:
    text = "rows x[2] = [[0, 0], [3, 4]]\nparam b[2] = [0, 0]\nloss = sum_rows(sqrt(sum((x + b)^2)))"
    assert verdicts(text, "b = [1.2, 1.6]") == [KINK]
    assert verdicts(text, "b = [1.6, 1.8]") == [WRONG]


def test_a_root_of_something_else_is_no_norm() -> None:
    assert verdicts("param x[2] = [0, 0]\nloss = sqrt(sum(x^4))", "x = [0, 0]") != [WRONG]
    text = "param a = 0, b = 0\nloss = sqrt(a^2 - a*b + b^2)"
    assert verdicts(text, "a = 1.0", "b = 0.5") != [WRONG, WRONG]


def test_a_chain_of_squares() -> None:
    terms = " + ".join(f"x[{k}]^2" for k in range(40))
    text = f"param x[40] = 0\nloss = sqrt({terms})"
    assert verdicts(text, "x = 0.15") == [KINK]
    assert verdicts(text, "x = 0.200") == [WRONG]
