"""Claims where float64 or the formula knows nothing, and on kinks and borders: right ones and wrong twins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from claimed import judged_alone
from gradcheck_cli import Report, Restriction, Verdict, check, load
from gradcheck_cli.verdicts.kink_policy import Kind, Standing, kind_of, standing_of

OK, KINK, OPEN, WRONG = Verdict.OK, Verdict.KINK, Verdict.UNRESOLVED, Verdict.WRONG
NAN, INF = float("nan"), float("inf")


def report(model: str, *claims: str, strict: bool = False) -> Report:
    return check(load(model + "".join(f"claim {claim}\n" for claim in claims)), strict=strict, points=2)


def verdicts(model: str, *claims: str, strict: bool = False) -> list[Verdict]:
    """Of each claim in a report of its own."""
    texts = (f"{model}claim {claim}\n" for claim in claims)
    return [judged_alone(load(text), strict=strict)[0].verdict for text in texts]


# ---------------------------------------------------------------------------------------------
# Nothing known is not ok
# ---------------------------------------------------------------------------------------------

MICHAELIS = """
rows s = [0, 0.25, 0.5, 4]
rows v = [0.05, 0.2, 0.3, 0.8]
param h = 1.5, K = 0.75
f = s^h/(K^h + s^h)
loss = mean_rows((f - v)^2)
"""
POWER_LAW = """data t[3] = [0, 1.5, 3], y[3] = [0.1, 2, 3.1]
param a = 0.9, b = 1.25
loss = sum((a*t^b - y)^2)
"""


def test_a_number_is_held_against_the_reference_where_a_column_is_nan() -> None:
    said = {"0.0077": OK, "0.008": OK, "0.00775": WRONG, "0.077": WRONG, "3.0": WRONG, "-0.0077": WRONG}
    s, v = np.array([0, 0.25, 0.5, 4]), np.array([0.05, 0.2, 0.3, 0.8])
    above, below = (np.mean((s**h / (0.75**h + s**h) - v) ** 2) for h in (1.5 + 1e-6, 1.5 - 1e-6))
    true = report(MICHAELIS, "d loss/d h = 1.0").claims[0].true
    assert true == pytest.approx((above - below) / 2e-6, rel=1e-6)
    for number, verdict in said.items():
        assert verdicts(MICHAELIS, f"d loss/d h = {number}") == [verdict], number


def test_a_power_with_a_base_of_zero() -> None:
    found = report(POWER_LAW, "d loss/d b = 2.0", "d loss/d a = 2.0")
    b, a = (float(claim.true or NAN) for claim in found.claims)
    assert found.verdict is WRONG
    assert verdicts(POWER_LAW, f"d loss/d b = {b:.6g}", f"d loss/d a = {a:.6g}") == [OK, OK]
    for factor in (1.01, 2, -1):
        assert verdicts(POWER_LAW, f"d loss/d b = {factor * b:.6g}") == [WRONG]


def test_beside_a_border_the_reference_is_known_all_the_same() -> None:
    model = "param x = -0.9999999999999999\nloss = asin(x)\n"
    assert verdicts(model, "d loss/d x = 67108864.0", "d loss/d x = 2.5", "d loss/d x = 3e12") == [
        OK, WRONG, WRONG,
    ]  # fmt: skip


@pytest.mark.parametrize("number", ["7.5", "0.0", "-3.0"])
def test_no_number_is_an_infinite_derivative(number: str) -> None:
    found = report("param w = 0\nloss = (sqrt(w) - 2)^2\n", f"d loss/d w = {number}")
    assert found.claims[0].verdict is WRONG
    assert "the derivative is infinite here" in (found.claims[0].note or "")
    entry = found.parameters[0].entries[0]
    assert (entry.verdict, entry.note) == (OPEN, "the derivative is infinite here")


def test_a_formula_that_is_infinite_where_the_derivative_is_stays_open() -> None:
    found = report("param w = 0\nloss = 3*sqrt(w)\n", "d loss/d w = 3/(2*sqrt(w))")
    assert (found.claims[0].verdict, found.verdict, found.exit_code) == (OPEN, OPEN, 3)
    assert "1 UNRESOLVED" in found.summary


def test_where_float64_carries_no_digit_only_the_reference_is_ok() -> None:
    """cosh(x) - 1 over x^2 at 1e-6: programs print the rounding of 1e-16/1e-18."""
    model = "param x = 1e-6\nloss = (cosh(x) - 1)/x^2\n"
    (claim,) = report(model, "d loss/d x = 8.3333e-8").claims
    assert claim.verdict is OK
    for number, verdict in {"88.9": OPEN, "9e-8": OPEN, "1e9": WRONG, "2e-10": WRONG}.items():
        found = report(model, f"d loss/d x = {number}")
        assert found.claims[0].verdict is verdict, number
        assert found.verdict is not OK


@pytest.mark.parametrize("number", ["4.6239089588755206e-17", "0.0000000000", "1.2e-16"])
def test_a_saturated_derivative_of_which_float64_keeps_nothing_is_not_any_number(number: str) -> None:
    model = "param u = 20\nloss = expm1(tanh(u))\n"
    found = report(model, f"d loss/d u = {number}")
    assert found.claims[0].verdict is (OK if number.startswith("0.") else OPEN)  # no digit of it is written
    assert verdicts(model, "d loss/d u = 4.6192897e-17") == [OK]


def test_what_rounding_leaves_of_a_zero_is_ok() -> None:
    model = "param z[3] = [0.3, -1.2, 2]\nloss = sum(softmax(z)) + 5\n"
    assert verdicts(model, "d loss/d z = [2.8e-17, 0.0, -5.6e-17]") == [OK]
    assert verdicts(model, "d loss/d z = [2.8e-7, 0.0, -5.6e-17]") == [WRONG]


def test_a_derivative_of_rows_and_an_array_is_had_from_the_slopes() -> None:
    """0*log(0) in one row, and in one entry."""
    model = "rows t = [0, 2]\nparam p = 1.5\nf = t^p\nloss = sum_rows(f)\n"
    assert verdicts(model, "d f/d p = [0.0, 1.96052]") == [OK]
    assert verdicts(model, "d f/d p = [0.4, 1.96052]") == [WRONG]
    model = "data t[2] = [0, 2]\nparam p = 1.5\nf = t^p\nloss = sum(f)\n"
    assert verdicts(model, "d f/d p = [0.0, 1.96052]") == [OK]
    assert verdicts(model, "d f/d p = [0.4, 1.96052]") == [WRONG]


# ---------------------------------------------------------------------------------------------
# Kinks that cancel, borders, what lies outside the slopes
# ---------------------------------------------------------------------------------------------

WHOSE = "as torch, tensorflow and pytensor give it at 0 of abs and max(a, a)"
LOGISTIC = "data t = 0.25\nparam z = 0\nloss = max(z, 0) - t*z + log1p(exp(-abs(z)))\n"


def test_at_kinks_that_cancel_the_derivative_is_right_and_the_convention_is_none() -> None:
    right, convention, wrong = "d loss/d z = 0.25", "d loss/d z = 0.75", "d loss/d z = 3.5"
    assert verdicts(LOGISTIC, right, convention, wrong) == [OK, KINK, WRONG]
    (claim,) = report(LOGISTIC, convention).claims
    assert (claim.note, claim.only) == (
        f"a convention: the derivative here is 0.25; {WHOSE}", (Restriction.CONVENTION,)
    )  # fmt: skip
    assert claim.true == 0.25
    assert verdicts(LOGISTIC, right, convention, strict=True) == [OK, WRONG]


def test_files_and_formulas_are_told_what_numbers_are(tmp_path: Path) -> None:
    np.save(tmp_path / "g.npy", np.array(0.75))
    (tmp_path / "m.txt").write_text(LOGISTIC + 'claim d loss/d z from "g.npy"\n')
    (claim,) = judged_alone(load(tmp_path / "m.txt"))
    assert (claim.verdict, claim.note) == (KINK, f"a convention: the derivative here is 0.25; {WHOSE}")
    (claim,) = report(LOGISTIC, "d loss/d z = (z >= 0) - t - sign(z)/(1 + exp(abs(z)))").claims
    assert claim.verdict is KINK
    assert claim.note == "a convention: the derivative here is 0.25; right at the other points"
    assert verdicts(LOGISTIC, "d loss/d z = sigmoid(z) - t") == [OK]


@pytest.mark.parametrize(
    ("model", "right", "wrong"),
    [
        ("param x = 0\nloss = 3*x*sqrt(x)\n", "0.0", "4.5"),
        ("param x = 0\nloss = x^2.5 + 2*x\n", "2.0", "2.5"),
        ("param x = 1\nloss = (1 - x)^1.5 - x\n", "-1.0", "-2.5"),
        ("param x = 1\nloss = sqrt(1 - x)*asin(x)\n", None, "0.5"),
    ],
)
def test_at_a_border_only_the_slope_of_its_side_is_right(model: str, right: str | None, wrong: str) -> None:
    assert verdicts(model, f"d loss/d x = {wrong}") == [WRONG]
    if right is not None:
        found = report(model, f"d loss/d x = {right}")
        assert (found.claims[0].verdict, found.exit_code) == (KINK, 0)


def test_borders_of_some_entries() -> None:
    model = "param w[3] = [0, 4, 0]\ndata c[3] = [1, 2, 5]\nloss = sum(c*w^1.5) + sum(w)\n"
    assert verdicts(model, "d loss/d w = [1.0, 7.0, 1.0]", "d loss/d w = 1.5*c*w^0.5 + 1") == [KINK, KINK]
    (claim,) = report(model, "d loss/d w = [1.0, 7.0, 6.0]").claims
    assert (claim.verdict, claim.place) == (WRONG, "w[2]")
    assert verdicts(model, "d loss/d w = [1.0, 7.5, 1.0]") == [WRONG]


def test_outside_the_slopes_is_wrong_also_where_the_formula_is_0_by_0() -> None:
    for model in ("loss = norm(x)\n", "loss = sqrt(sum(x^2))\n"):
        text = "param x[2] = [0, 0]\n" + model
        assert verdicts(text, "d loss/d x = [-1.25, 0.0]", "d loss/d x = [0.6, -0.8]") == [WRONG, KINK]
    model = "param x = 0\nloss = sqrt(x^2) + x\n"
    assert verdicts(model, "d loss/d x = 2.5", "d loss/d x = 1.5", "d loss/d x = -0.1") == [
        WRONG, KINK, WRONG,
    ]  # fmt: skip


def test_rows_and_jacobians_at_kinks() -> None:
    model = "rows x = [1, 0, -2]\nparam w = 0.5\nh = relu(w*x)\nl = h^2 + h\nloss = sum_rows(l)\n"
    for first, verdict in (("2.0", OK), ("2.5", WRONG)):
        assert verdicts(model, f"d l/d w = [{first}, 0.0, 0.0]") == [verdict]
    f = "param f[3] = [0, 2, 0]\nh = abs(f)\nloss = sum(h)\n"
    assert verdicts(f, "d h/d f = [[0.5, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]]") == [KINK]
    assert verdicts(f, "d h/d f = [[0.5, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.5]]") == [WRONG]
    assert verdicts(f, "d h/d f = [[0.5, 0.0, 0.1], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]]") == [WRONG]


def test_all_entries_are_looked_at() -> None:
    model = "param v[70] = 0\nloss = sum(relu(v)) + sum(v)\n"
    right, wrong = "d loss/d v = 1.5 + 0*ones(70)", "d loss/d v = concat(1.5*ones(60), 2.5*ones(10))"
    assert verdicts(model, right, wrong) == [KINK, WRONG]
    (claim,) = report(model, wrong).claims
    assert claim.wrong == 10


# ---------------------------------------------------------------------------------------------
# A formula at a kink; comparisons that hold with equality
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("points", [1, 4])
def test_a_formula_has_to_be_right_at_the_other_points_too(points: int) -> None:
    model = "param a = 0\nloss = abs(a)\n"
    said = {"sin(a)": WRONG, "sign(a)": KINK, "2*(a > 0) - 1": KINK, "1 + 0*a": WRONG}
    for formula, verdict in said.items():
        found = check(load(f"{model}claim d loss/d a = {formula}\n"), points=points)
        assert found.claims[0].verdict is verdict, formula


def test_a_formula_that_is_right_elsewhere_and_no_slope_here() -> None:
    model = "param a = 0\nloss = relu(a)\n"
    formula = "d loss/d a = (a > 0) + where(a >= 0, 1, 0)*where(a <= 0, 3, 0)"
    assert verdicts(model, formula) == [WRONG]


@pytest.mark.parametrize("condition", ["x > 0", "x >= 0", "1 - (x < 0)", "(x >= 0)*(1 - (x < 0))"])
def test_a_comparison_with_equality_is_the_kink_that_one_without_is(condition: str) -> None:
    model = f"param x = 0\nloss = where({condition}, 4*x, 1.5*x)\n"
    numbers = ("d loss/d x = 4.0", "d loss/d x = 1.5", "d loss/d x = 2.25", "d loss/d x = 1.25")
    assert verdicts(model, *numbers) == [KINK, KINK, KINK, WRONG]
    entry = report(model).parameters[0].entries[0]
    assert (entry.verdict, entry.left, entry.right) == (KINK, 1.5, 4.0)


def test_a_condition_that_is_no_comparison_is_a_kink_at_zero_alone() -> None:
    model = "param x = {}\nloss = where(x, 2*x, 5)\n"
    assert report(model.format(0.5)).parameters[0].verdict is OK
    assert report(model.format(0)).parameters[0].verdict is KINK


# ---------------------------------------------------------------------------------------------
# The policy
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "jumps", "kind"),
    [
        (2.0, 2.0, False, Kind.DERIVATIVE), (-1.0, 1.0, False, Kind.KINK), (NAN, 3.0, False, Kind.BORDER),
        (INF, 1.0, True, Kind.JUMP), (INF, INF, False, Kind.INFINITE), (NAN, INF, False, Kind.INFINITE),
        (NAN, NAN, False, Kind.UNKNOWN),
    ],
)  # fmt: skip
def test_kinds_of_slopes(left: float, right: float, jumps: bool, kind: Kind) -> None:
    assert kind_of(left, right, jumps) is kind


@pytest.mark.parametrize(
    ("claimed", "convention", "left", "right", "kind", "standing"),
    [
        (2.0, 2.0, 2.0, 2.0, Kind.DERIVATIVE, Standing.RIGHT),
        (0.0, 0.0, 2.0, 2.0, Kind.DERIVATIVE, Standing.CONVENTION),
        (1.0, 0.0, 2.0, 2.0, Kind.DERIVATIVE, Standing.WRONG),
        (0.5, 0.0, -1.0, 1.0, Kind.KINK, Standing.KINK),
        (1.5, 0.0, -1.0, 1.0, Kind.KINK, Standing.WRONG),
        (3.0, NAN, NAN, 3.0, Kind.BORDER, Standing.KINK),
        (2.0, NAN, NAN, 3.0, Kind.BORDER, Standing.WRONG),
        (2.0, 3.0, INF, 1.0, Kind.JUMP, Standing.KINK),
        (4.0, 3.0, INF, 1.0, Kind.JUMP, Standing.WRONG),
        (4.0, INF, NAN, INF, Kind.INFINITE, Standing.WRONG),
        (4.0, INF, 1.0, INF, Kind.INFINITE, Standing.KINK),
        (0.0, INF, 1.0, INF, Kind.INFINITE, Standing.WRONG),
        (0.0, NAN, NAN, NAN, Kind.UNKNOWN, Standing.UNDECIDED),
        (NAN, 1.0, 0.0, 1.0, Kind.KINK, Standing.UNDECIDED),
    ],
)
def test_where_a_number_stands(
    claimed: float, convention: float, left: float, right: float, kind: Kind, standing: Standing
) -> None:
    assert standing_of(claimed, convention, left, right, kind, 1e-12) is standing
