"""Formulas whose kinks stay where they are at every point: a row with x = 0 has w*x = 0 for every w."""

from __future__ import annotations

import pytest

from build import one_of
from claimed import judged_alone
from gradcheck_cli import Verdict, load

LOGISTIC = """rows x = [2, 0, 1]
rows y = [1, 0, 1]
param w = 0.5
z = w*x
l = max(z, 0) - y*z + log1p(exp(-abs(z)))
loss = mean_rows(l)
claim d loss/d z = d loss/d l * {0}
"""
ZERO = """param w = 1.5
s = w - w
r = max(s, 0) + log1p(exp(-abs(s)))
loss = w*r
claim d loss/d s = {0}
"""
DATUM = """data q = 0
param w = 1.5
h = q
r = relu(h) - relu(-h)
loss = r*w
claim d loss/d h = {0}
"""


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("text", "formula"), one_of(3, [
    (LOGISTIC, "(sigmoid(z) - y)"), (ZERO, "w*sigmoid(s)"), (ZERO, "w/2"),
    (DATUM, "w"), (DATUM, "d loss/d r"),
]))  # fmt: skip
def test_right_where_kinks_cancel_at_every_point(text: str, formula: str, strict: bool) -> None:
    (claim,) = judged_alone(load(text.format(formula)), strict=strict)
    assert claim.verdict is Verdict.OK
    assert claim.note is None


@pytest.mark.parametrize(("text", "formula"), one_of(3, [
    (LOGISTIC, "(sigmoid(2*z) - y)"), (LOGISTIC, "(sigmoid(z) - y + 2*(z <= 0)*(z >= 0))"),
    (LOGISTIC, "(sigmoid(z) + y)"), (ZERO, "0.51*w"), (ZERO, "-w*sigmoid(s)"), (DATUM, "1.01*w"),
    (DATUM, "w^2"),
]))  # fmt: skip
def test_wrong_ones_stay_wrong(text: str, formula: str) -> None:
    (claim,) = judged_alone(load(text.format(formula)))
    assert claim.verdict is Verdict.WRONG


def test_wrong_at_the_given_point_too_is_no_accident() -> None:
    (claim,) = judged_alone(load(LOGISTIC.format("(sigmoid(2*z) - y)")))
    assert "accident" not in (claim.note or "")


def test_other_points_outside_a_domain() -> None:
    text = "param p = 1\ns = asin(p)\nloss = (s < s)\nclaim d loss/d p = d loss/d s/sqrt(1 - p^2)\n"
    (claim,) = judged_alone(load(text))
    assert claim.verdict is not Verdict.OK
