"""Whole numbers worked by hand: met exactly at the given point, with a note on what the other points say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from build import one_of
from claimed import judged_alone
from gradcheck_cli import api
from gradcheck_cli.results.gradient_results import ClaimResult, Restriction, Verdict

LINE = "data x = 4, y = -1\nparam w = 3, b = 2\nf = w*x + b\nloss = (f - y)^2\n"  # f - y = 15
NETWORK = """
data x[2] = [2, -1], t = 3
param A[2,2] = [[1, -1], [-3, 2]], v[2] = [2, 5]
h = relu(A @ x)
f = dot(v, h)
loss = (f - t)^2
"""  # A x = [3, -8], h = [3, 0], f = 6, 2(f - t) = 6
ROWS = "rows x = [1, 2, -3], y = [0, 1, 1]\nparam w = 2\nf = w*x\nloss = sum_rows((f - y)^2)\n"


def only(model: str, claim: str, **options: object) -> ClaimResult:
    (result,) = judged_alone(api.load(f"{model}claim {claim}\n"), **options)
    return result


# (model, right, wrong twins)
TWINS = [
    (LINE, "d loss/d w = 120", ["119", "-120", "12"]),
    (LINE, "d loss/d b = 30", ["31", "0"]),
    (LINE, "d loss/d f = 30", ["15"]),
    (NETWORK, "d loss/d v = [18, 0]", ["[18, 1]", "[0, 18]", "[6, 0]"]),
    (NETWORK, "d loss/d A = [[24, -12], [0, 0]]", ["[[24, 0], [-12, 0]]", "[[24, -12], [60, -30]]"]),
    (NETWORK, "d loss/d A[0,1] = -12", ["12"]),
    (NETWORK, "d h/d v = [[0, 0], [0, 0]]", ["[[0, 0], [0, 1]]"]),
    (ROWS, "d loss/d f = [4, 6, -14]", ["[4, 6, 14]", "[2, 3, -7]"]),
    (ROWS, "d loss/d w = 58", ["57"]),
    ("param u = 7\nloss = -u^3\n", "d loss/d u = -147", ["147", "-146"]),
    ("param w = 10\nloss = w^20\n", "d loss/d w = 200000000000000000000", ["200000000000000000001"]),
]


@pytest.mark.parametrize(("model", "right", "wrong"), one_of(3, TWINS))
def test_whole_numbers_are_met_exactly(model: str, right: str, wrong: list[str]) -> None:
    target = right.split("=")[0]
    lines = [right, *(f"{target}= {number}" for number in wrong)]
    found = judged_alone(api.load(model + "".join(f"claim {line}\n" for line in lines)))
    assert [result.verdict for result in found] == [Verdict.OK] + [Verdict.WRONG] * len(wrong)


def test_that_it_is_no_constant_is_noted_and_strict_refuses_it() -> None:
    result = only(LINE, "d loss/d b = 30")
    assert (result.kind, result.note) == ("number", "30 at this point; it is no constant")
    assert result.only == (Restriction.POINT,)
    assert only(LINE, "d loss/d b = 30", strict=True).verdict is Verdict.WRONG
    assert only(LINE, "d loss/d b = 30", points=1, strict=True).verdict is Verdict.OK
    constant = only(LINE, "d f/d b = 1")
    assert (constant.note, constant.only) == (None, ())
    assert only(LINE, "d f/d b = 1", strict=True).verdict is Verdict.OK


def test_of_zero_it_is_always_said_what_other_points_say() -> None:
    model = "data y = 6\nparam w = 2, u = 5\nloss = (3*w - y)^2 + 0*u\n"
    assert only(model, "d loss/d w = 0").note == "0 at this point; it is no constant"
    assert only(model, "d loss/d w = 0", strict=True).verdict is Verdict.WRONG
    assert only(model, "d loss/d u = 0", points=4).note == "0 at this point, and at the 3 others"
    assert only(model, "d loss/d u = 0", points=2).note == "0 at this point, and at the other"
    assert only(model, "d loss/d u = 0", strict=True).verdict is Verdict.OK
    assert only(model, "d loss/d w = 0", points=1).note == "0 at this point"


def test_the_difference_that_float64_cannot_show() -> None:
    tiny = "param w = 45\nloss = w + exp(-w)\n"  # the derivative is 1 - 3e-20
    result = only(tiny, "d loss/d w = 1")
    assert (result.verdict, result.claimed, result.true) == (Verdict.WRONG, 1.0, 1.0)
    assert "which float64 cannot show" in str(result.note)
    assert only(tiny, "d loss/d w = 1.0").verdict is Verdict.OK


def test_values_that_only_rounding_keeps_from_a_whole_number() -> None:
    for model in ("param w = 1/3\nloss = 1.5*w^2\n", "param w = 1/3\ndata c = 3\nloss = c*w^2/2\n"):
        assert only(model, "d loss/d w = 1").verdict is Verdict.OK
        assert only(model, "d loss/d w = 2").verdict is Verdict.WRONG


def test_where_the_formula_of_the_truth_is_no_number() -> None:
    model = "param n = 2\ndata t = 0\nloss = t^n + n\n"  # 0^n*log(0) is 0 times infinity
    assert only(model, "d loss/d n = 1").verdict is Verdict.OK
    assert only(model, "d loss/d n = 2").verdict is Verdict.WRONG


@pytest.mark.parametrize("number", ["5.1", "5.15", "5.152"])
def test_a_rounded_value_says_how_it_can_be_written(number: str) -> None:
    model = "param w = 5.152\nloss = w^2/2\n"
    result = only(model, "d loss/d w = 5")
    assert result.verdict is Verdict.WRONG
    assert str(result.note).startswith("whole numbers are met exactly; 5.15 would be")
    assert only(model, f"d loss/d w = {number}").verdict is (Verdict.WRONG if number == "5.1" else Verdict.OK)
    assert only(model, "d loss/d w = 4").note is None


def test_a_number_that_is_off_in_its_last_digit_says_so() -> None:
    model = "param w = 0.511\nloss = w^2/2\n"
    result = only(model, "d loss/d w = 0.510")
    assert (result.verdict, result.note) == (
        Verdict.WRONG, "off in the last digit: it is 0.511 to the digits written",
    )  # fmt: skip
    for other in ("0.509", "0.61", "0.6"):
        assert only(model, f"d loss/d w = {other}").note is None, other
    assert only(model, "d loss/d w = 0.51").verdict is Verdict.OK
    small = only("param w = 1e300\nloss = rsqrt(w)\n", "loss = 1.001e-150")
    assert small.note == "off in the last digit: it is 1.000e-150 to the digits written"


def test_formulas_of_whole_numbers_hold_at_all_points() -> None:
    model = "param w[2] = [3, 3]\nloss = sum(w^2)\n"
    assert only(model, "d loss/d w = [6, 6]").verdict is Verdict.OK
    for formula in ("6*ones(2)", "[6, 6] + 0*w"):
        result = only(model, f"d loss/d w = {formula}")
        assert (result.verdict, result.kind) == (Verdict.WRONG, "formula")
    assert only("param w[2] = 1\nloss = sum(w)\n", "d loss/d w = ones(2)").verdict is Verdict.OK


def test_at_a_kink_a_whole_number_is_held_to_the_slopes() -> None:
    model = "param w = 0\nloss = relu(w) + w\n"
    for number, verdict in (("1", Verdict.KINK), ("2", Verdict.KINK), ("3", Verdict.WRONG)):
        assert only(model, f"d loss/d w = {number}").verdict is verdict
    assert only(model, "d loss/d w = 2", strict=True).verdict is Verdict.KINK  # as 2.0 is


def test_whole_numbers_of_a_file_of_claims_and_of_an_alias(tmp_path: Path) -> None:
    model = api.load(LINE.replace("loss = (f - y)^2", "l = (f - y)^2\nloss = l"))
    for text, verdict in (("120", Verdict.OK), ("60", Verdict.WRONG)):
        file = tmp_path / "hand.txt"
        file.write_text(f"claim d l/d w = {text}\nclaim d loss/d b = 30\n")
        report = api.check(model, claims=api.load_claims(file, model), points=2)
        assert report.claims[0].verdict is verdict
        assert report.verdict is verdict


def test_whole_numbers_are_carried_on() -> None:
    text = LINE + "claim d loss/d f = 10\nclaim d loss/d w = x * d loss/d f\n"
    wrong, chain = api.check(api.load(text), carry=True, points=2).claims
    assert (wrong.verdict, chain.verdict, chain.carried) == (Verdict.WRONG, Verdict.OK, 40.0)


def test_whole_numbers_over_many_rows(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(3000.0) % 7 - 3)
    text = 'rows x from "x.npy"\nparam w = 2, b = 5\nloss = sum_rows(w*x + b)\nclaim d loss/d b = '
    for number, verdict in ((3000, Verdict.OK), (2999, Verdict.WRONG)):
        (tmp_path / "m.txt").write_text(f"{text}{number}\n")
        assert api.check(api.load(tmp_path / "m.txt"), points=2).claims[0].verdict is verdict


@pytest.mark.parametrize(
    ("claimed", "verdict"), [("0", "KINK"), ("1", "KINK"), ("0.5", "KINK"), ("2", "WRONG")]
)
def test_at_a_kink_strict_asks_no_more_of_whole_numbers_than_of_others(claimed: str, verdict: str) -> None:
    model = api.load(f"param x = 0\nloss = relu(x)\nclaim d loss/d x = {claimed}\n")
    (claim,) = api.check(model, strict=True, points=2).claims
    assert str(claim.verdict) == verdict


def test_what_strict_refuses_says_so() -> None:
    model = api.load("data x = 3\nparam w = 5\nloss = x*w^2\nclaim d loss/d w = 30\n")
    (plain,), (strict,) = api.check(model, points=2).claims, api.check(model, strict=True, points=2).claims
    assert "--strict" not in (plain.note or "")
    assert (strict.note or "").endswith("; --strict refuses that")
