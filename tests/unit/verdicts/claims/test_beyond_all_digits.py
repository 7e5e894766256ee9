"""Derivatives so small that the order of terms decides what is left of them: not ok, and blamed on nobody."""

from __future__ import annotations

import pytest

from build import one_of
from gradcheck_cli import Verdict, check, load


@pytest.mark.parametrize(("x", "factor", "verdict"), one_of(3, [
    ("3e3", "-1", Verdict.OK), ("3e3", "-2", Verdict.WRONG),
    ("3e4", "-1", Verdict.OK), ("3e4", "-2", Verdict.WRONG),
    ("3e6", "-1", Verdict.OK), ("3e6", "-2", Verdict.UNRESOLVED),
]))  # fmt: skip
def test_a_factor_of_what_no_format_holds(x: str, factor: str, verdict: Verdict) -> None:
    report = check(load(f"param x = {x}\nloss = exp(-x)\nclaim d loss/d x = {factor}*exp(-x)\n"), points=2)
    assert report.claims[0].verdict is verdict


def test_two_ways_to_one_vanishing_number() -> None:
    text = "param p[2] = [20, 2]\nh = log_softmax(sinh(p) + cosh(p))\nloss = norm(h)\n"
    (claim,) = check(load(f"{text}claim d loss/d h = h/norm(h)\n"), points=1).claims
    assert claim.verdict is not Verdict.WRONG
    (wrong,) = check(load(f"{text}claim d loss/d h = 2*h/norm(h)\n"), points=1).claims
    assert wrong.verdict is Verdict.WRONG


@pytest.mark.slow
def test_what_is_right_at_the_given_point_is_not_doubted_for_what_vanishes_elsewhere() -> None:
    text = "data k = 1.380649e-23\nparam E = 1.12e-18, mu = 1.12e-18, T = 1\nloss = sigmoid((mu - E)/(k*T))\n"
    claims = [f"claim d loss/d mu = {factor}loss*(1 - loss)/(k*T)\n" for factor in ("", "2*")]
    right, wrong = (check(load(text + claim), points=2).claims[0] for claim in claims)
    assert right.verdict is Verdict.OK
    assert wrong.verdict is Verdict.WRONG


@pytest.mark.parametrize(("factor", "verdict"), [("1", Verdict.OK), ("1.01", Verdict.WRONG)])
def test_what_rounding_leaves_at_the_last_raise_alone_is_no_number(factor: str, verdict: Verdict) -> None:
    """1 - softmax of one entry is 0 with 800 digits, and 1e-1601 with twice as many."""
    text = "param p[2,1] = [[1], [0.3]]\ns = gelu(p, approximate=1)\nh = log_softmax(s, axis=1)\n"
    text += "loss = sum(h)\n"
    rule = f"claim d loss/d s = d loss/d h - {factor}*softmax(s, axis=1)*sum(d loss/d h, axis=1)\n"
    assert check(load(text + rule), points=2).claims[0].verdict is verdict


def test_nor_where_no_more_digits_can_be_afforded() -> None:
    text = "param p[2,3] = [[0, 0.7, -1.763], [1e-160, -1.8, 0.3]], q[1,2] = [[2, 2]]\n"
    text += "s = normal_cdf(softsign(p))\n"
    text += "h = log_softmax(s, axis=1)\nk = softmax(s, axis=1)\nloss = sum(k)\n"
    rule = "k*(d loss/d k - sum(d loss/d k*k, axis=1))"
    claims = f"claim d loss/d s = d loss/d h + {rule}\nclaim d loss/d s = {rule} + 0.001*k\n"
    right, wrong = check(load(text + claims), points=2).claims
    assert (right.verdict, wrong.verdict) == (Verdict.OK, Verdict.WRONG)


def test_special_functions_are_not_computed_with_tens_of_thousands_of_digits() -> None:
    text = "param p[2] = [300, 2]\ns = erfc(p)\nloss = sum(s)\n"
    claim = "claim d loss/d p = {}*exp(-p^2)/sqrt(pi)\n"
    right, wrong = check(load(text + claim.format("-2") + claim.format("-2.001")), points=2).claims
    assert right.verdict is not Verdict.WRONG
    assert wrong.verdict is Verdict.WRONG


@pytest.mark.parametrize(("more", "verdict"), [("0", Verdict.OK), ("1e-60", Verdict.WRONG)])
def test_what_800_digits_leave_of_a_minor_that_is_0_is_no_number(more: str, verdict: Verdict) -> None:
    """With 50 digits elimination gives 0, too."""
    text = "param s[3,3] = [[0.68, 0.7, 0.67], [0.71, 0, 0], [0.8, 0.69, 0.73]]\nloss = slogdet(s)\n"
    report = check(load(f"{text}claim d loss/d s = inv(s)' + {more}*ones(3, 3)\n"), points=1)
    assert report.claims[0].verdict is verdict


FLAT = "param x = {x}\nloss = 1 - tanh(x)\nclaim d loss/d x = {factor}/cosh(x)^2\n"
SHORT = "param x = {x}\nh = log_sigmoid([x, 1])\nloss = norm(h)\nclaim d loss/d h = {factor}*h/norm(h)\n"


@pytest.mark.parametrize(("text", "x", "factor", "verdict"), one_of(3, [
    (FLAT, "1000", "-1", Verdict.OK), (FLAT, "1000", "-2", Verdict.WRONG), (FLAT, "3000", "-1", Verdict.OK),
    (FLAT, "1e5", "-1", Verdict.UNRESOLVED), (SHORT, "3000", "1", Verdict.OK),
    (SHORT, "3000", "2", Verdict.WRONG), (SHORT, "76000", "1", Verdict.UNRESOLVED),
]))  # fmt: skip
def test_a_truth_that_is_0_to_800_digits_beside_a_formula_that_is_not(
    text: str, x: str, factor: str, verdict: Verdict
) -> None:
    """The gap says how many digits are asked for, and where they are too many nothing is known."""
    assert check(load(text.format(x=x, factor=factor)), points=1).claims[0].verdict is verdict


@pytest.mark.parametrize(("text", "number", "verdict"), one_of(3, [
    ("param p = 2.5e19\nloss = dawson(p)\n", "-8e-40", Verdict.OK),
    ("param p = 2.5e19\nloss = dawson(p)\n", "8e-40", Verdict.WRONG),
    ("param p = 2.5e19\nloss = dawson(p)\n", "2e-13", Verdict.WRONG),  # what 50 digits give
    ("param p = 170\ns = tanh(p)\nloss = asin(s)\n", "2.9577950112864268e-74", Verdict.OK),
    ("param p = 170\ns = tanh(p)\nloss = asin(s)\n", "3.9577950112864268e-74", Verdict.WRONG),
    ("param p = 1e155\nloss = erfc(p)\n", "0.0", Verdict.OK),
    ("param p = 1e155\nloss = erfc(p)\n", "1.5", Verdict.WRONG),
]))  # fmt: skip
def test_numbers_that_50_digits_do_not_give(text: str, number: str, verdict: Verdict) -> None:
    report = check(load(f"{text}claim d loss/d p = {number}\n"), points=1)
    assert report.claims[0].verdict is verdict


@pytest.mark.parametrize(("number", "verdict"), [
    ("3e-400", Verdict.UNRESOLVED), ("7e-400", Verdict.UNRESOLVED), ("3e-300", Verdict.WRONG),
    ("0", Verdict.WRONG), ("3*x^2", Verdict.OK),
])  # fmt: skip
def test_a_number_that_no_double_holds(number: str, verdict: Verdict) -> None:
    text = f"param x = 1e-200\nloss = x^3\nclaim d loss/d x = {number}\n"
    assert check(load(text), points=1).claims[0].verdict is verdict


@pytest.mark.parametrize(("number", "verdict"), [
    ("3.0000000000000005e-100", Verdict.OK), ("3.1e-100", Verdict.UNRESOLVED), ("-3e-100", Verdict.WRONG),
])  # fmt: skip
def test_where_float64_underflows_on_the_way_rounding_is_not_nothing(number: str, verdict: Verdict) -> None:
    """3*x^2 is 0 in float64, however it is perturbed."""
    text = f"param x = 1e-200\nloss = x^3/1e-300\nclaim d loss/d x = {number}\n"
    assert check(load(text), points=1).claims[0].verdict is verdict
