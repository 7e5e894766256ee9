"""Kinks of which float64, or 50 digits, do not see on which side a point lies."""

from __future__ import annotations

import pytest

from build import one_of
from gradcheck_cli import Verdict, check, load

OK, WRONG, KINK, UNRESOLVED = Verdict.OK, Verdict.WRONG, Verdict.KINK, Verdict.UNRESOLVED


@pytest.mark.parametrize(("p", "loss", "verdict"), one_of(4, [
    ("1e20", "max(p, round(p))", KINK), ("1e20", "max(p, floor(p))", OK),
    ("1e9", "max(p, round(p))", KINK), ("1e9", "max(p, floor(p))", OK),
    ("1e13", "max(p, ceil(p))", KINK), ("1e13", "max(2*p, p + round(p))", KINK),
    ("1e16", "where(p > floor(p), 2*p, p)", KINK), ("1e16", "where(p >= floor(p), 2*p, p)", OK),
    ("1e16", "max(p, -round(p))", OK), ("1e16", "max(p, p*sign(p))", OK),
]))  # fmt: skip
def test_a_tie_with_steps_that_doubles_step_over(p: str, loss: str, verdict: Verdict) -> None:
    """From 2^53 on all doubles are whole: round(p) is p for each of them."""
    (entry,) = check(load(f"param p = {p}\nloss = {loss}\n"), points=1).parameters[0].entries
    assert entry.verdict is verdict


@pytest.mark.parametrize(("x", "condition", "verdict", "derivative"), one_of(2, [
    ("200", "1 - tanh(x) > 0", UNRESOLVED, 400.0), ("200", "tanh(x) - 1 > 0", OK, 1600.0),
    ("300", "log_softmax([x, 2])[0] < 0", UNRESOLVED, 600.0),
    ("300", "log_softmax([x, 2])[0] > 0", OK, 2400.0),
]))  # fmt: skip
def test_a_side_that_shows_with_800_digits_alone(
    x: str, condition: str, verdict: Verdict, derivative: float
) -> None:
    """To 140 digits 1 - tanh(200) is 0, and where() took its other branch, "settled by high precision"."""
    text = f"param x = {x}\nloss = where({condition}, x, 2*x)^2\n"
    (entry,) = check(load(text), points=1).parameters[0].entries
    known = entry.symbolic if entry.reference is None else entry.reference
    assert (entry.verdict, known) == (verdict, derivative)


@pytest.mark.parametrize(("factor", "verdict"), [("1", OK), ("1.001", WRONG)])
def test_and_claims_are_held_to_it(factor: str, verdict: Verdict) -> None:
    text = "param p[2] = [300, 2]\ns = log_softmax(p)\nm = mean(s)\nq = hypot(m, sign(s[0]))\n"
    text += f"loss = q^2\nclaim d loss/d m = {factor}*d loss/d q*m/q\n"
    assert check(load(text), points=1).claims[0].verdict is verdict


def test_a_tie_proper_takes_no_more_digits() -> None:
    """0.3 - 0.1 - 0.2 is 0 with any number of them."""
    text = "data t = 0.3\nparam w = 1\nloss = w*where(t - 0.1 - 0.2 >= 0, 3, 5)\n"
    (entry,) = check(load(text), points=1).parameters[0].entries
    assert entry.reference == 3
