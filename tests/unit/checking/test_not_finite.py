"""A loss that is not finite: where it begins, and a form that can be followed."""

from __future__ import annotations

import math
import re

import pytest

from gradcheck_cli import api
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.results.gradient_results import Report, Verdict

GIVEN = """param x = 800, v[3] = [800, -800, 3], B[2,2] = [[1, 900], [0, 0]], n = 400
loss = """


def report_of(text: str) -> Report:
    return api.check(api.load(GIVEN + text), points=1)


STABLE = [
    ("log(softmax(v)[1])", "log_softmax(v)[1]"),
    ("sum(log(softmax(B, axis=1)))", "log_softmax(B, axis=1)"),
    ("sum((v > 0)*log(exp(v - x)/sum(exp(v - x))))", "log_softmax(v - x)"),
    ("log(sum(exp(v)))", "logsumexp(v)"),
    ("log(sum(exp(v - x*3)))", "logsumexp(v - x*3)"),
    ("log(exp(x) + exp(n))", "logaddexp(x, n)"),
    ("log(1 + exp(x))", "softplus(x)"),
    ("log1p(exp(x))", "softplus(x)"),
    ("log(sigmoid(-x))", "log_sigmoid(-x)"),
    ("log(exp(x)/(1 + exp(x)))", "log_sigmoid(x)"),
    ("log(1 - sigmoid(x))", "log_sigmoid(-x)"),
    ("log(1/(1 + exp(x)))", "log_sigmoid(-x)"),
    ("log(1 - 1/(1 + exp(-x)))", "log_sigmoid(-x)"),
    ("log(det(B*B*1e-200 + 1e-199*eye(2)))", "logdet(B*B*1e-200 + 1e-199*eye(2))"),
    ("log(abs(det(1e-200*B - 1e-199*eye(2))))", "slogdet(1e-200*B - 1e-199*eye(2))"),
    ("log(1 - exp(-x/1e20))", "log1mexp(-x/1e20)"),
    ("exp(x)/(1 + exp(x))", "sigmoid(x)"),
    ("sum(v*(exp(v)/sum(exp(v))))", "softmax(v)"),
    ("sinh(x)/cosh(x)", "tanh(x)"),
    ("log(cosh(x - 1))", "(x - 1) + softplus(-2*(x - 1)) - log(2)"),
    ("log(normal_cdf(-x))", "log_normal_cdf(-x)"),
    ("log(1 - normal_cdf(x))", "log_normal_cdf(-x)"),
    ("log(erfc(x))", "log(erfcx(x)) - x^2"),
    ("exp(x^2)*erfc(x)", "erfcx(x)"),
    ("log(gamma(x))", "lgamma(x)"),
    ("gamma(x)/gamma(x - 1)", "exp(lgamma(x) - lgamma(x - 1))"),
    ("log(beta(x, x))", "betaln(x, x)"),
    ("log(prod(v^2*1e200))", "sum(log(abs(v^2*1e200)))"),
    ("log(x^n)", "n*log(abs(x))"),
    ("log((-x)^400)", "400*log(abs(-x))"),
    ("log(exp(2*x))", "2*x"),
    ("(x - 800)*log(x - 800)", "xlogy(x - 800, x - 800)"),
    ("sqrt(sum((v*1e200)^2))", "norm(v*1e200)"),
    ("sqrt((x*1e200)^2 + n^2)", "hypot(x*1e200, n)"),
]


@pytest.mark.parametrize(("text", "stable"), STABLE)
def test_a_stable_form_is_named_and_helps(text: str, stable: str) -> None:
    report = report_of(text)
    assert report.verdict is Verdict.UNRESOLVED
    found = re.fullmatch(r"(.*) is written without overflow as (.*)\.", report.closing[0])
    assert found is not None, report.closing
    assert found[2] == stable
    after = text.replace(found[1], f"({found[2]})")
    assert after != text
    assert math.isfinite(forward_pass(api.load(GIVEN + after)).loss)


@pytest.mark.parametrize(
    "text",
    [
        "log(x - 800)", "1/(x - 800)", "x*log(x - 800)", "sqrt(-x)", "log(-x)", "exp(x) + softplus(x)",
        "log(det(B))", "log(abs(det(1e-200*B)))", "log(prod(v - v))", "log(softmax([x, -x])[0] - 1)",
        "exp(x)*log(1 + x)", "norm(v - v)/norm(v - v)", "log(1 + x*0)/(x - 800) + log(softmax(v)[0])",
    ],
)  # fmt: skip
def test_where_no_form_helps_none_is_named(text: str) -> None:
    assert len(report_of(text).closing) == 1


def test_steps_are_looked_through_and_rows_and_entries_are_said() -> None:
    text = "rows y[2] = [[1, 0], [0, 1]], t = [1, 2]\nparam w[2] = [900, 0]\n"
    text += "z = w*t\np = softmax(z)\nl = -sum(y*log(p))\nloss = sum_rows(l)\nclaim d loss/d w = w\n"
    report = api.check(api.load(text), points=2)
    assert report.value_note == "step l (line 5): log(0) is -inf in entry [1] in row 0 at the given point"
    assert report.closing[0] == "log(softmax(z)) is written without overflow as log_softmax(z)."


def test_parameters_and_claims_are_not_hidden() -> None:
    report = api.check(api.load(f"{GIVEN}log(x - 800)\nclaim d loss/d x = 1\nclaim d loss/d n = 0\n"))
    assert [(b.name, len(b.entries)) for b in report.parameters] == [("x", 1), ("v", 3), ("B", 4), ("n", 1)]
    assert {entry.symbolic for block in report.parameters for entry in block.entries} == {None}
    assert [(c.line, c.verdict, c.note) for c in report.claims] == [
        (3, Verdict.UNRESOLVED, "the loss is not finite"), (4, Verdict.UNRESOLVED, "the loss is not finite"),
    ]  # fmt: skip
