"""The values of all steps, where they are too many for rounding to be measured."""

from __future__ import annotations

import pytest

from build import exchanged
from gradcheck_cli import api
from gradcheck_cli.checking.check import check
from gradcheck_cli.checking.options import Options
from gradcheck_cli.numerics.limits.reference import ReferenceLimits
from gradcheck_cli.numerics.limits.table import LIMITS
from gradcheck_cli.results.gradient_results import Report, Verdict

LARGE = LIMITS._replace(reference=ReferenceLimits(most_jittered=100))
MODELS = (
    "param p[9,7] ~ normal(0, 1)\ns = sin(p)\nloss = mean(tanh(s))\n",
    "param p[9,7] ~ normal(0, 1)\nrows x = [1, 2, 3]\ns = sin(p)\nl = x*sum(s)\nloss = mean_rows(l)\n",
)


def run(text: str) -> Report:
    return check(api.load(text), Options(points=1), limits=LARGE)


@pytest.mark.parametrize("text", MODELS)
def test_arrays_without_rows(text: str) -> None:
    assert run(text).verdict is Verdict.OK


@pytest.mark.parametrize("text", MODELS)
def test_a_wrong_value_is_found(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exchanged(monkeypatch, "sin", forward=lambda m, x: m.sin(x) * 1.00001)
    report = run(text)
    assert report.verdict is Verdict.WRONG
    assert "differs: symbolic" in report.value_note


def test_a_formula_that_cancels_is_no_mistake() -> None:
    """SymPy writes log(1 + p), which loses what is below one unit in the last place of 1."""
    assert run("param p[9,7] ~ normal(0, 1e-8)\nloss = sum(log1p(p))\n").verdict is Verdict.OK
    assert run("param p[9,7] ~ normal(0, 1e-8)\ns = log1p(p)\nloss = sum(s)\n").verdict is Verdict.OK


def test_a_difference_between_rounding_and_a_mistake_is_not_decided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exchanged(monkeypatch, "sin", forward=lambda m, x: m.sin(x) * (1 + 1e-8))
    report = run(MODELS[0])
    assert report.verdict is Verdict.UNRESOLVED
    assert "rounding is not measured here" in report.value_note
