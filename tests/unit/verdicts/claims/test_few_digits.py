"""Numbers where the bound of rounding is wide and float64 is right all the same: not any number is ok."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from build import one_of
from gradcheck_cli import Verdict, check, load
from gradcheck_cli.api import load_text

POWER = "param p[2] = [2, 0]\nparam q = 1\ns = elu(q)\nloss = sum(p^s)\n"  # 0^1: no bound for rounding
BRANCH = "param p = 2\nparam q = 2\nparam r = 1\nloss = norm([where(erf(q) > erf(q), r, p)])\n"
EXACT = "param w = 3\nparam t = 30\nloss = w*(exp(t)*cos(0) + 1.5 - exp(t))\n"  # bound 2 %, float64 is exact


@pytest.mark.parametrize(("text", "claim", "verdict"), one_of(3, [
    (POWER, "d loss/d p = [1.00, 1.00]", Verdict.OK),
    (POWER, "d loss/d p = [1.00, 0.96]", Verdict.UNRESOLVED),
    (POWER, "d loss/d p = [1.00, 0.5]", Verdict.WRONG),
    (BRANCH, "d loss/d p = 1.000", Verdict.OK),
    (BRANCH, "d loss/d p = 1.0001", Verdict.UNRESOLVED),
    (BRANCH, "d loss/d p = 1.2", Verdict.WRONG),
    (EXACT, "d loss/d w = 1.500", Verdict.OK),
    (EXACT, "d loss/d w = 1.502", Verdict.UNRESOLVED),
    (EXACT, "d loss/d w = 1.6", Verdict.WRONG),
]))  # fmt: skip
def test_a_number_that_is_not_the_true_one_is_not_ok(text: str, claim: str, verdict: Verdict) -> None:
    (found,) = check(load(f"{text}claim {claim}\n"), points=2).claims
    assert found.verdict is verdict, found.note


@pytest.mark.parametrize("x", [0.9999999999, 0.999999991, 0.99999999987])
def test_beside_the_border_of_acos_digits_are_kept(x: float) -> None:
    """1 - x^2 of an x that is known is hardly rounded there: 1e-6 is told from the rounding of a program."""
    programs = [-2 * np.arccos(x) / root for root in (np.sqrt(1 - x * x), np.sqrt((1 - x) * (1 + x)))]
    lines = [f"claim d loss/d x = {float(value)!r}" for value in programs]
    lines += [f"claim d loss/d x = {float(programs[1] * (1 + off))!r}" for off in (1e-6, -1e-6)]
    report = check(load(f"param x = {x}\nloss = acos(x)**2\n" + "\n".join(lines)), points=1)
    assert [c.verdict for c in report.claims] == [Verdict.OK] * 2 + [Verdict.WRONG] * 2


def test_what_float64_leaves_of_a_tail_is_not_wrong() -> None:
    """1 - erf(9) is 0: what programs print is the rounding of other terms, a small part of the true value."""
    text = "data x = 9.3\nparam w = 2\nloss = w*(1 - erf(x)) + w*1e-60*cos(x)\n"
    report = check(load(text + "claim d loss/d w = 1e-60\nclaim d loss/d w = 0.5\n"), points=2)
    assert [c.verdict for c in report.claims] == [Verdict.UNRESOLVED, Verdict.WRONG]


def test_outcomes_that_are_infinite_are_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = "param p[2] = [2, 2]\ns = (p >= p)\nloss = prod(p/s)\nclaim d loss/d p = [2.5, 2]\n"
        report = check(load(text), points=2)
    assert report.claims[0].verdict is not Verdict.OK


@pytest.mark.parametrize(("small", "off", "verdict"), [
    (1e-9, 4e-16, "ok"),  # two units in the last place of 1: it agrees to six digits, and terms cancelled
    (1e-9, 4e-15, "WRONG"),  # twenty units
    (1e-12, 4e-16, "WRONG"),  # agrees to three digits: the entry itself is another
    (1e-9, 2e-9, "WRONG"),
])
def test_an_entry_may_carry_the_rounding_of_a_larger_one(
    tmp_path: Path, small: float, off: float, verdict: str
) -> None:
    np.save(tmp_path / "g.npy", np.array([1.0, small + off]))
    text = f"param w[2] = [0.3, 0.5]\ndata c[2] = [1, {small!r}]\nloss = sum(c*w)\n"
    (claim,) = check(load_text(text + 'claim d loss/d w from "g.npy"', file="-", folder=tmp_path)).claims
    assert claim.verdict.value == verdict


def test_an_entry_that_is_typed_carries_no_rounding() -> None:
    text = "param w[2] = [0.3, 0.5]\ndata c[2] = [1, 1e-9]\nloss = sum(c*w)\nclaim d loss/d w = [1.0, {}]\n"
    right, wrong = (check(load(text.format(typed))).claims[0] for typed in ("1.0000000e-9", "1.0000004e-9"))
    assert (right.verdict, wrong.verdict) == (Verdict.OK, Verdict.WRONG)


SATURATED = "param p[2] = [2, 1e-9]\nloss = sum(sigmoid(beta(2, p)))\n"  # terms of 1e18 that saturate to 0
BESIDE_ONE = "param p[2] = [0.9999999999999999, 2]\ns = log2(p)\nloss = sum(p)\n"
CANCELS = "param p[3] = [0.3, 0.5, 0.7]\nloss = sum(softmax(p))\n"
CENTERED = "param p[3] = [100.3, 98.1, 99.7]\nloss = sum(p - mean(p))\n"  # the loss is 0, too


@pytest.mark.parametrize(("text", "claim", "verdict"), one_of(3, [
    (SATURATED, "d loss/d p = [-0.03448221, 0.0]", Verdict.OK),
    (SATURATED, "d loss/d p = [-0.03448221, 0.5]", Verdict.UNRESOLVED),
    (SATURATED, "d loss/d p[1] = 0.5", Verdict.UNRESOLVED),
    (BESIDE_ONE, "s = [-1.4426950408889635e-16, 1.0]", Verdict.OK),
    (BESIDE_ONE, "s = [-1.6017132519074588e-16, 1.0]", Verdict.OK),  # what a program makes of the double
    (BESIDE_ONE, "s = [1.4426950408889635e-16, 1.0]", Verdict.UNRESOLVED),
    (BESIDE_ONE, "s = [1.4426950408889635e-12, 1.0]", Verdict.WRONG),
    (CANCELS, "d loss/d p = [1e-17, -3e-17, 5.4e-17]", Verdict.OK),
    (CANCELS, "d loss/d p = [1e-17, -3e-17, 5.4e-13]", Verdict.WRONG),
    (CENTERED, "d loss/d p = [0.0, 1.1e-16, -2.2e-16]", Verdict.OK),
    (CENTERED, "d loss/d p = [0.0, 1.1e-16, -2.2e-9]", Verdict.WRONG),
]))  # fmt: skip
def test_an_entry_in_an_array_is_judged_as_it_is_alone(text: str, claim: str, verdict: Verdict) -> None:
    (found,) = check(load(f"{text}claim {claim}\n"), points=1).claims
    assert found.verdict is verdict, found.note


@pytest.mark.parametrize(("claimed", "verdict"), [("0", Verdict.OK), ("100", Verdict.WRONG)])
def test_a_whole_number_is_met_exactly_where_float64_keeps_no_digit(claimed: str, verdict: Verdict) -> None:
    text = f"param p = 1e-9\nloss = 3*sigmoid(beta(2, p))\nclaim d loss/d p = {claimed}\n"
    assert check(load(text), points=1).claims[0].verdict is verdict
