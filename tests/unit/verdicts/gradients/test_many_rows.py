"""More rows than high precision is asked for: formulas are judged in float64 over all, at high precision over
the first of them. Limits of a fifth let some hundred rows show it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from build import exchanged
from gradcheck_cli import api
from gradcheck_cli.checking.check import check
from gradcheck_cli.checking.options import Options
from gradcheck_cli.derivatives import backprop
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.numerics.limits.table import LIMITS
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.results.gradient_results import ClaimResult, Report, Verdict

A_FIFTH = LIMITS._replace(
    claims=LIMITS.claims._replace(many_rows=200, much_work=20_000, most_first_rows=40, first_rows_work=4_000)
)
ROWS = 300
MODEL = """rows x ~ normal(0, 1) count {rows}
rows y ~ uniform(0, 1) count {rows}
param w = 0.5, b = 0.1
z = w*x + b
p = sigmoid(z)
l = (p - y)^2
loss = mean_rows(l)
"""
NOTE = f"formulas were judged over all {ROWS:,} rows in float64, over 40 of them at high precision"


def report_of(text: str, **options: Any) -> Report:
    return check(api.load(text), Options(**options), limits=A_FIFTH)


def judged(claim: str, rows: int = ROWS, model: str = MODEL) -> tuple[ClaimResult, Report]:
    report = report_of(f"{model.format(rows=rows)}claim {claim}\n", wrt=("loss",))
    (result,) = report.claims
    return result, report


FORMULAS = {
    "d loss/d w = mean_rows(2*(p - y)*p*(1 - p)*x)": None,
    "d loss/d w = mean_rows(2*(p - y)*p*x)": "has p where p*(1 - p) belongs",
    "d loss/d b = mean_rows((p - y)*p*(1 - p))": "is 1/2 times the true value",
    "d loss/d w = sum_rows(2*(p - y)*p*(1 - p)*x)": "is 300 (the number of rows) times the true value",
}


@cache
def judged_together(rows: int, model: str, *claims: str) -> Report:
    """No claim bears on another."""
    lines = "".join(f"claim {claim}\n" for claim in claims)
    return report_of(model.format(rows=rows) + lines, wrt=("loss",))


@pytest.mark.slow
@pytest.mark.parametrize("k", range(len(FORMULAS)))
def test_right_and_wrong_formulas(k: int) -> None:
    report = judged_together(ROWS, MODEL, *FORMULAS)
    result, diagnosis = report.claims[k], list(FORMULAS.values())[k]
    assert result.verdict is (Verdict.WRONG if diagnosis else Verdict.OK)
    assert str(result.diagnosis).startswith(str(diagnosis))
    assert NOTE in report.notes
    few = judged_together(100, MODEL, *FORMULAS).claims[k]
    assert few.verdict is result.verdict
    assert str(few.diagnosis).replace("100 (", "300 (") == str(result.diagnosis)


@pytest.mark.slow
def test_a_formula_of_every_row_is_judged_over_all_of_them() -> None:
    result, report = judged("d loss/d z = 2*(p - y)*p*(1 - p)/300")
    assert result.verdict is Verdict.OK
    assert NOTE not in report.notes


@pytest.mark.slow
def test_most_of_the_rows_take_no_high_precision() -> None:
    """What is right and what is wrong is decided within operations that go through all rows not even once."""
    text = MODEL.format(rows=6_000) + "claim d loss/d w = mean_rows(2*(p - y)*p*(1 - p)*x)\n"
    wrong = text + "claim d loss/d b = mean_rows(2*(p - y)*p)\n"
    report = report_of(wrong, budget=80_000)  # a forward pass takes some 60,000
    assert [c.verdict for c in report.claims] == [Verdict.OK, Verdict.WRONG]
    assert not any("budget" in note for note in report.notes)


@pytest.mark.slow
def test_a_slip_that_float64_does_not_show() -> None:
    result, report = judged("d loss/d w = mean_rows(2*(p - y)*p*(1 - p)*x)*(1 + 1e-19)")
    assert result.verdict is Verdict.WRONG
    assert "float64 cannot show" in str(result.note)
    assert NOTE not in report.notes  # all rows were looked at


@pytest.mark.slow
def test_a_slip_that_the_first_rows_do_not_show() -> None:
    """Right where x < 3, and so are the first rows."""
    model = (
        "rows x ~ uniform(0, 1) count {rows}\nrows s ~ uniform(0, 1) count {rows}\nparam w = 0.5\n"
        "u = where(s > 0.997, w^3, w)\nl = u*x\nloss = mean_rows(l)\n"
    )
    text = model.format(rows=ROWS)
    s = api.load(text).inputs["s"].values
    assert s[:40].max() <= 0.997 < s.max()
    result, report = judged("d loss/d w = mean_rows(x)", model=model)
    assert result.verdict is Verdict.WRONG
    assert NOTE not in report.notes
    right, _ = judged("d loss/d w = mean_rows(where(s > 0.997, 3*w^2, 1)*x)", model=model)
    assert right.verdict is Verdict.OK


@pytest.mark.slow
def test_a_right_formula_that_overflows_in_float64_in_a_late_row() -> None:
    model = MODEL.replace("rows x ~ normal(0, 1)", "rows x ~ normal(0, 600)")
    x = api.load(model.format(rows=ROWS)).inputs["x"].values
    assert np.abs(x[:40]).max() * 0.5 < 709 < np.abs(x).max() * 0.5
    result, _ = judged("d loss/d w = mean_rows(2*(p - y)*exp(z)/(1 + exp(z))^2*x)", model=model)
    assert result.verdict is Verdict.OK


def test_formulas_right_only_for_these_data_are_noted() -> None:
    model = (
        "rows x ~ normal(0, 1) count {rows}\ndata c = 1\nparam w = 0.5\n"
        "l = (w*x)^2*c\nloss = mean_rows(l)\n"
    )
    result, _ = judged("d loss/d w = mean_rows(2*w*x^2)", model=model)
    assert result.verdict is Verdict.OK
    assert str(result.note).startswith("right only for this c")


@pytest.mark.slow
def test_a_missing_indicator_is_seen_beyond_the_kinks() -> None:
    model = (
        "rows x ~ uniform(1, 2) count {rows}\nparam w = 0.5, b = 3\n"
        "h = relu(w*x + b)\nloss = mean_rows(h)\n"
    )
    result, _ = judged("d loss/d w = mean_rows(x)", model=model)
    assert "right only for these sides of the kinks of relu" in str(result.note)
    result, _ = judged("d loss/d w = mean_rows(where((w*x + b) > 0, x, 0))", model=model)
    assert result.note is None


@pytest.mark.slow
@pytest.mark.parametrize("rows", [300, 5000])
def test_a_wrong_value_in_one_row_is_found(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    text = MODEL.format(rows=rows)
    z = np.sort(0.5 * api.load(text).inputs["x"].values + 0.1)
    border = (z[-1] + z[-2]) / 2
    right = PRIMITIVES["sigmoid"].forward
    exchanged(monkeypatch, "sigmoid", forward=lambda m, x: right(m, x) * (1 + 1e-9 * (x > border)))
    report = report_of(text)
    assert report.verdict is Verdict.WRONG
    assert str(report.value_note).startswith("the value of p (line 5) differs")


@pytest.mark.slow
def test_what_rounding_explains_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 5,000 values of w*x + b some cancel to fewer digits than two ways of adding agree on; a row that is
    off by more, in the test before this one, is."""
    looked_at: list[Model] = []
    another = Referee.for_model

    def noted(referee: Referee, model: Model) -> Referee:
        looked_at.append(model)
        return another(referee, model)

    monkeypatch.setattr(Referee, "for_model", noted)
    text = MODEL.format(rows=5000).replace("w*x + b", "w*x + b + 1000 - 1000")
    report = api.check(api.load(text))
    assert report.verdict is Verdict.OK
    assert not looked_at


NETWORK = """seed 7
rows x[20] ~ normal(0, 1) count {rows}
rows t[3] ~ normal(0, 1) count {rows}
param W1[20,20] ~ he, W2[3,20] ~ he
f1 = W1 @ x
h1 = relu(f1)
f2 = W2 @ h1
l = sum((f2 - t)^2)
loss = mean_rows(l)
"""


@pytest.mark.slow
def test_fewer_rows_stand_for_all_where_a_row_takes_much() -> None:
    text = NETWORK.format(rows=40) + (
        "claim d loss/d W1 = mean_rows(((f1 > 0) * (W2' @ (2*(f2 - t)))) @ x')\n"
        "claim d loss/d W1 = mean_rows((W2' @ (2*(f2 - t))) @ x')\n"
    )
    report = report_of(text, points=2, wrt=("W2",))
    assert [claim.verdict for claim in report.claims] == [Verdict.OK, Verdict.WRONG]
    (note,) = (n for n in report.notes if n.startswith("formulas were judged"))
    count = int(note.split(" of them")[0].split()[-1])
    assert 20 <= count < 40


REGRESSION = """rows x[2] ~ normal(0, 1) count {rows}
rows y ~ uniform(0, 1) count {rows}
param w[2] = [0.5, -0.3], b = 0.1
z = b + dot(w, x)
p = sigmoid(z)
l = -y*log(p) - (1 - y)*log(1 - p)
loss = mean_rows(l)
"""


FACTORS = {
    "p*(1 - p)*x": None,
    "p*x": "has p where p*(1 - p) belongs",
    "(1 - p)*x": "has 1 - p where p*(1 - p) belongs",
    "x": "leaves out the derivative of sigmoid (line 5)",
}


@pytest.mark.slow
@pytest.mark.parametrize("rows", [100, 300])
@pytest.mark.parametrize("k", range(len(FACTORS)))
def test_a_link_of_a_gradient_in_one_line(k: int, rows: int) -> None:
    claims = (f"d loss/d w = mean_rows((-y/p + (1 - y)/(1 - p))*{factor})" for factor in FACTORS)
    result, diagnosis = judged_together(rows, REGRESSION, *claims).claims[k], list(FACTORS.values())[k]
    assert result.verdict is (Verdict.WRONG if diagnosis else Verdict.OK)
    assert result.diagnosis == diagnosis


@pytest.mark.slow
@pytest.mark.parametrize(("off", "verdict"), [(0.0, Verdict.OK), (1e-9, Verdict.WRONG)])
def test_numbers_over_many_rows_are_judged_in_float64(
    monkeypatch: pytest.MonkeyPatch, off: float, verdict: Verdict
) -> None:
    """At high precision over all rows that took a hundred times as long."""
    text = MODEL.format(rows=6_000)
    model = api.load(text)
    true = backprop.derivative(model, forward_pass(model), "loss", ["w"])["w"]
    tape, asked = Referee.tape, []

    def noted(referee: Referee, point: Any, m: Any) -> Any:
        asked.append(referee.model.rows)
        return tape(referee, point, m)

    monkeypatch.setattr(Referee, "tape", noted)
    claims = f"{text}claim d loss/d w = {float(true) * (1 + off)!r}\n"
    assert report_of(claims).claims[0].verdict is verdict
    assert 6_000 not in asked
