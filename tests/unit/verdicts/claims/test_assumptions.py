"""Claims under an assumption: right where it holds is ok, with a note; what is wrong stays WRONG."""

from __future__ import annotations

import pytest

from build import one_of
from claimed import judged_alone
from gradcheck_cli import api
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.verdicts.gradients.points import points_of

SOFTMAX = "param z[3] = [0.3, -0.2, 0.9]\np = softmax(z)\nloss = -sum(t*log(p))\nclaim d loss/d z = "
MARGIN = "param w = 0.7\nloss = log(1 + exp(-y*w))\nclaim d loss/d w = "

ROWS = (
    "rows y in {-1, 1} = [1, -1, 1]\nparam w = 0.7\nloss = sum_rows(log(1 + exp(-y*w)))\nclaim d loss/d w = "
)

# name: declaration and model, a right claim, the note, a wrong claim
KINDS = {
    "symmetric": (
        "param S[2,2] symmetric = [[2, 0.5], [0.5, 1]]\nloss = log(det(S))\nclaim d loss/d S = ",
        "inv(S)", "right where S is symmetric", "2*inv(S)",
    ),
    "positive": (
        "param s[2] positive = [2, 3]\nloss = sum(abs(s))\nclaim d loss/d s = ",
        "s/s", "right where s is positive", "-s/s",
    ),
    "lower": (
        "param L[2,2] lower = [[1, 0], [2, 3]]\nloss = log(det(L))\nclaim d loss/d L[0,0] = ",
        "1/L[0,0]", "right where L is lower triangular", "2/L[0,0]",
    ),
    "orthogonal": (
        "param Q[2,2] orthogonal = [[0.6, -0.8], [0.8, 0.6]]\nloss = log(det(Q))\nclaim d loss/d Q = ",
        "Q", "right where Q is orthogonal", "Q'",
    ),
    "one_hot": (f"data t[3] one_hot = [0, 1, 0]\n{SOFTMAX}", "p - t", "right where t is one-hot", "p + t"),
    "in": (f"data y in {{-1, 1}} = 1\n{MARGIN}", "-1/(y*(1 + exp(y*w)))", "right where y is in {-1, 1}",
           "y/(1 + exp(y*w))"),
    "sum": (f"data t[3] sum 1 = [0.2, 0.5, 0.3]\n{SOFTMAX}", "p - t", "right where sum(t) = 1", "t - p"),
    "unit": ("data u[2] unit = [0.6, 0.8]\nparam w = 1.5\nloss = w^2*sum(u^2)\nclaim d loss/d w = ",
             "2*w", "right where norm(u) = 1", "3*w"),
    "a norm that is rounded": (
        "data u[3] unit ~ normal(0, 1)\nparam w = 1.5\nloss = w^2*sum(u^2)\nclaim d loss/d w = ",
        "2*w", "right where norm(u) = 1", "w",
    ),
    "a parameter": ("param u[3] unit ~ normal(0, 1)\nloss = sum(u^2)^2\nclaim d loss/d u = ",
                    "4*u", "right where norm(u) = 1", "2*u"),
    "rows": (ROWS, "sum_rows(-1/(y*(1 + exp(y*w))))", "right where y is in {-1, 1}", "sum_rows(-1/exp(y*w))"),
}  # fmt: skip


@pytest.mark.parametrize("name", one_of(3, KINDS))
@pytest.mark.parametrize("strict", [False, True])
def test_a_claim_is_judged_under_what_is_assumed(name: str, strict: bool) -> None:
    model, right, note, wrong = KINDS[name]
    claims = f"{right}\n{model.splitlines()[-1]}{wrong}"  # the last line is that of the claim
    claim, twin = judged_alone(api.load(model + claims), strict=strict)
    assert (str(claim.verdict), claim.note, claim.only) == ("ok", note, ())
    assert str(twin.verdict) == "WRONG"


@pytest.mark.parametrize("name", [name for name in KINDS if name != "positive"])
def test_without_the_assumption_it_is_a_restriction_or_wrong(name: str) -> None:
    model, right, note, _ = KINDS[name]
    words = ("symmetric", "lower", "orthogonal", "one_hot", "in {-1, 1}", "sum 1", "unit")
    word = next(w for w in words if w in model)
    (claim,) = judged_alone(api.load(model.replace(f" {word}", "", 1) + right))
    assert claim.note != note
    assert claim.only or str(claim.verdict) == "WRONG"


def test_an_assumption_is_no_value() -> None:
    """y^2 is right for y = 1 alone, and -1 may be in its place."""
    (claim,) = api.check(api.load(KINDS["in"][0] + "-y^2/(1 + exp(y*w))")).claims
    assert claim.note == "right only for this y: y = 1"
    assert claim.only


def test_what_is_right_anyway_gets_no_note() -> None:
    for model, formula in ((KINDS["symmetric"][0], "inv(S)'"), (KINDS["in"][0], "-y/(1 + exp(y*w))")):
        (claim,) = judged_alone(api.load(model + formula))
        assert (str(claim.verdict), claim.note) == ("ok", None)


def test_the_names_of_mistakes_come_back() -> None:
    (claim,) = judged_alone(api.load(KINDS["one_hot"][0] + "p + t"))
    assert claim.diagnosis == "has p + t where p - t belongs"
    (claim,) = judged_alone(api.load(KINDS["sum"][0] + "t - p"))
    assert claim.diagnosis == "has the wrong sign"


@pytest.mark.parametrize("name", KINDS)
def test_every_point_keeps_it(name: str) -> None:
    model = api.load(KINDS[name][0] + "1")
    points = points_of(model, forward_pass(model), 6, ("param", "data", "rows"))
    assert len(points) == 6
    for point in points:
        for item in model.inputs.values():
            assert all(a.broken_by(point.values[item.name]) is None for a in item.assumptions)
