"""Constants typed as decimals: all digits of a double count as the constant, fewer do not."""

from __future__ import annotations

import pytest

from claimed import judged_alone
from gradcheck_cli import Verdict, api
from gradcheck_cli.results.gradient_results import ClaimResult


def judge(model: str, right: str) -> ClaimResult:
    (claim,) = judged_alone(api.load(f"{model}\nclaim d loss/d x = {right}\n"))
    return claim


LOG10 = "param x = 2.5\nloss = log10(x)"
NORMAL = "param x[3] = [0.3, -0.5, 1.2]\nloss = sum(gelu(x))"


@pytest.mark.parametrize(
    ("model", "right", "note"),
    [
        (LOG10, "1/(x*2.302585092994046)", "2.302585092994046 counts as log(10)"),
        (LOG10, "0.4342944819032518/x", "0.4342944819032518 counts as 1/log(10)"),
        ("param x = 2.5\nloss = 0.3333333333333333*x^3", "x^2", "0.3333333333333333 counts as 1/3"),
        ("param x = -0.7\nloss = selu(x)", "1.7580993408473769*exp(x)", "counts as scale*alpha of selu"),
        (
            NORMAL, "0.5*(1 + erf(x*0.7071067811865476)) + x*0.3989422804014327*exp(-x^2/2)",
            "0.7071067811865476 counts as sqrt(1/2), 0.3989422804014327 as 1/sqrt(2*pi)",
        ),
        (
            "param x = 0.5\nloss = 1.2345678901234567*x^2", "2.4691357802469135*x",
            "2.4691357802469135 counts as 2.4691357802469134",
        ),
    ],
)  # fmt: skip
def test_all_digits_of_a_double_are_the_constant(model: str, right: str, note: str) -> None:
    claim = judge(model, right)
    assert claim.verdict is Verdict.OK
    assert claim.note is not None
    assert note in claim.note
    assert claim.wrong == 0


def test_decimals_that_are_right_as_they_stand_need_no_note() -> None:
    long = "param x = 0.5\nloss = 0.123456789012345678901*x^2", "0.246913578024691357802*x"
    full = "1.0507009873554804934193349852946*1.6732632423543772848170429916717*exp(x)"
    for claim in (judge(*long), judge("param x = -0.7\nloss = selu(x)", full)):
        assert claim.verdict is Verdict.OK
        assert "counts" not in (claim.note or "")


@pytest.mark.parametrize(
    ("model", "wrong", "said"),
    [
        (LOG10, "1/(x*2.3026)", "2.3026 stands where log(10) belongs"),
        (LOG10, "1/(x*2.30258509299405)", None),  # 14 digits would do, 15 are off by 9 units
        (LOG10, "1/(x*2.302585092994048)", None),
        (LOG10, "1/(x*2.4)", None),
        (NORMAL, "(1 + erf(x*0.707))/2 + x*exp(-x^2/2)/sqrt(2*pi)", "0.707 stands where sqrt(1/2) belongs"),
        ("param x = 0.5\nloss = x^3/3", "3*0.333*x^2", "0.333 stands where 1/3 belongs"),
        ("param x = 1\nloss = sin(pi*x/180)", "0.01745*cos(pi*x/180)", "0.01745 stands where pi/180 belongs"),
        ("param x = 0.5\nloss = x^2", "2*x*(1 + 1e-14)", None),
        ("param x = 0.5\nloss = x^2", "2*x*1.00000000000001", None),
        ("param x = 0.5\nloss = x^2", "x*2.000000000000001", None),
        ("param x = 0.5\nloss = 0.3333333333333333*x^3", "x^2 + 1e-15", None),
    ],
)
def test_fewer_digits_are_wrong_and_named_where_they_have_a_name(
    model: str, wrong: str, said: str | None
) -> None:
    claim = judge(model, wrong)
    assert claim.verdict is Verdict.WRONG
    if said is not None:
        assert claim.diagnosis == said
