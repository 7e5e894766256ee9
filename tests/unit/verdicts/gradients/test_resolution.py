"""Columns are evidence that nobody rewrites, and few digits are ok only where the problem carries no more."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from gradcheck_cli import api
from gradcheck_cli.checking.check import check
from gradcheck_cli.checking.options import Options
from gradcheck_cli.derivatives import backprop, symbolic
from gradcheck_cli.derivatives.finite_differences.schemes import SCHEMES
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.numerics.limits.table import LIMITS
from gradcheck_cli.reference.problem_condition import derivative_movement
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.render.registry import OutputOptions, render
from gradcheck_cli.results.gradient_results import Entry, Report, Verdict
from gradcheck_cli.verdicts.gradients.collect import Collector
from gradcheck_cli.verdicts.gradients.columns import Columns
from gradcheck_cli.verdicts.gradients.points import Point
from paths import MODELS

TANH = "param x = 20\nloss = tanh(x)\n"
COSINE = "param x = 1e-6\nloss = (1 - cos(x))/x^2\n"
OPTIMUM = (MODELS / "cancellation.txt").read_text(encoding="utf-8")
ACOS = "param x = 0.9999999999999999\nloss = acos(x)\n"
SOFTPLUS = "param z = 800\nloss = softplus(z)\n"


def shown(report: Report, name: str) -> str:
    """A report in one format."""
    return render([report], name, OutputOptions())


def entry(text: str, **options: Any) -> Entry:
    """The first entry of the first parameter at the given point."""
    return check(api.load(text), Options(points=1, **options)).parameters[0].entries[0]


# ---------------------------------------------------------------------------------------------
# Evidence
# ---------------------------------------------------------------------------------------------


def test_what_a_method_computed_cannot_be_written_to() -> None:
    model = api.load(OPTIMUM)
    program = symbolic.lower(model)
    names = [p.name for p in model.parameters()]
    scheme = SCHEMES["extrapolated"]
    collector = Collector(model, program, Referee(program), names, scheme, model.loss, 6)
    collected = collector.collect(Point(0, model.point(), forward_pass(model)))
    for columns in (collected.all, *collected.parts.values()):
        arrays = [f.name for f in fields(Columns) if isinstance(getattr(columns, f.name), np.ndarray)]
        assert {"symbolic", "backprop", "finite", "bound", "rounding"} <= set(arrays)
        for name in arrays:
            with pytest.raises(ValueError, match="read-only"):
                getattr(columns, name)[0] = 1
        with pytest.raises(AttributeError):
            columns.symbolic = columns.backprop  # type: ignore[misc]


@pytest.mark.parametrize("text", [TANH, COSINE, OPTIMUM, ACOS, "param x = 0.7\nloss = sin(x)\n"])
def test_columns_show_what_the_methods_computed(text: str) -> None:
    model = api.load(text)
    program, tape = symbolic.lower(model), forward_pass(model)
    for block in api.check(model, points=1).parameters:
        (found,) = block.entries
        by_sympy = symbolic.derivative(program, model.point(), "loss", [block.name])
        by_rules = backprop.derivative(model, tape, "loss", [block.name])
        assert found.symbolic == float(by_sympy[block.name])
        assert found.backprop == float(by_rules[block.name])


def test_symbolic_is_empty_where_it_was_not_computed() -> None:
    rows = ", ".join(str([float((3 * i + 5 * j) % 11 + 20 * (i == j)) for j in range(10)]) for i in range(10))
    found = entry(f"param A[10,10] = [{rows}]\nloss = log(det(A))\n")
    assert (found.symbolic, found.verdict) == (None, Verdict.OK)
    assert found.reference == pytest.approx(found.backprop, rel=1e-9)


def test_symbolic_says_where_it_was_computed_at_fifty_digits() -> None:
    """exp(800) overflows: the precision is chosen from the column alone, before it is compared."""
    found = entry(SOFTPLUS)
    assert (found.symbolic, found.backprop, found.verdict) == (1.0, 1.0, Verdict.OK)
    assert found.note == "symbolic at 50 digits: its form leaves the range of float64"


# ---------------------------------------------------------------------------------------------
# Few digits
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "true"), [(TANH, 1.6993417021166355e-17), (COSINE, -8.333333333332778e-8)])
def test_digits_that_arithmetic_lost_are_unresolved(text: str, true: float) -> None:
    found = entry(text)
    assert found.verdict is Verdict.UNRESOLVED
    assert found.reference == pytest.approx(true, rel=1e-14)
    assert found.symbolic != found.reference  # nothing was computed again to look right
    report = api.check(api.load(text))
    assert report.exit_code == 3
    assert "The columns above agree: 0 of 1 entry." in report.closing


def test_digits_that_the_problem_does_not_have_are_ok() -> None:
    for block in api.check(api.load(OPTIMUM)).parameters:
        (found,) = block.entries
        assert found.verdict is Verdict.OK
        assert found.note == "float64 carries 1 digit here; high precision agrees"
        assert found.reference is not None
        assert found.digits is not None
        assert found.digits < 6


def test_where_a_last_digit_leaves_the_domain_the_value_at_the_point_decides() -> None:
    found = entry(ACOS)
    assert found.verdict is Verdict.OK
    assert found.reference == pytest.approx(-70710678.11865475, rel=1e-9)  # of 1 - 1e-16


def test_an_exact_zero_has_no_digits_to_lose() -> None:
    """A shift before a normalization moves nothing; what rounding leaves of its gradient is noise."""
    found = entry(
        "param b = 0\nz1 = 0.00003 + b\nz2 = b - 0.00011\nz3 = 0.00025 + b\nm = (z1 + z2 + z3)/3\n"
        "v = (z1^2 + z2^2 + z3^2)/3 - m^2\ns = sqrt(v + 1e-5)\n"
        "loss = ((z1 - m)/s)^2 + ((z2 - m)/s + 1)^2 + ((z3 - m)/s - 1)^2\n"
    )
    assert (found.verdict, found.reference) == (Verdict.OK, 0)


def test_a_saturated_slope_is_not_exactly_zero() -> None:
    """At 50 digits 1 - tanh(170)^2 is 0, at 800 it is 1e-147."""
    found = entry("param x = 170\nloss = tanh(x)\n")
    assert found.verdict is Verdict.UNRESOLVED
    assert found.reference == pytest.approx(8.748551328790873e-148, rel=1e-12)


def test_lost_digits_at_a_random_point_are_no_disagreement() -> None:
    """The points besides the given one are drawn at random, and softmax may be saturated there."""
    report = api.check(api.load("param z[2] = [1000, 999.5]\ny = softmax(z)\nloss = sin(y[0] + 0.3)\n"))
    assert report.verdict is Verdict.OK
    assert all(found.point == 0 for found in report.parameters[0].entries)


def test_strict_concerns_claims_alone() -> None:
    for text in (TANH, OPTIMUM):
        assert repr(entry(text)) == repr(entry(text, strict=True))


def test_the_factor_lies_between_what_was_measured() -> None:
    """The ratio of rounding bound and movement: small at an optimum, huge where arithmetic cancels."""
    ratios = {}
    for text in (OPTIMUM, TANH, COSINE):
        model = api.load(text)
        referee = Referee(symbolic.lower(model))
        names = [p.name for p in model.parameters()]
        bounds = referee.rounding(model.point(), "loss", names)
        moved = derivative_movement(referee, model.point(), "loss", names, 4)
        ratios[text] = [float(bounds[n]) / float(moved[n]) for n in names]
    assert all(0.1 < ratio < 10 for ratio in ratios[OPTIMUM])
    assert all(ratio > 1e12 for ratio in ratios[TANH] + ratios[COSINE])
    assert 1e3 * max(ratios[OPTIMUM]) < LIMITS.reference.problem_ratio < 1e-6 * min(ratios[TANH])


# ---------------------------------------------------------------------------------------------
# What is shown
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [TANH, COSINE, OPTIMUM])
def test_the_reference_stands_beside_the_columns_in_every_format(text: str) -> None:
    report = api.check(api.load(text), points=1)
    reference = report.parameters[0].entries[0].reference
    assert reference is not None
    digits = f"{reference:.9e}".split("e")[0].rstrip("0")
    text = f"reference {digits}"[:22]
    assert text in shown(report, "table")
    assert text in shown(report, "markdown").replace("\\", "")
    whole = json.loads(shown(report, "json"))
    assert whole["reports"][0]["parameters"][0]["entries"][0]["reference"] == reference
    first, *_ = csv.DictReader(io.StringIO(shown(report, "csv")))
    assert first["diagnosis"].startswith(f"reference {reference!r}; ")
    assert float(first["symbolic"]) == report.parameters[0].entries[0].symbolic


def test_no_reference_where_the_columns_decide() -> None:
    report = api.check(api.load("param x = 0.7\nloss = sin(x)\n"))
    assert report.parameters[0].entries[0].reference is None
    assert "reference" not in shown(report, "table")
