"""Columns that agree with one another and not with the reference are never ok."""

from __future__ import annotations

import pytest

from gradcheck_cli import Report, Verdict, api

OK, WRONG, KINK, UNRESOLVED = Verdict.OK, Verdict.WRONG, Verdict.KINK, Verdict.UNRESOLVED

T = "data t = 0.3\nparam w = 1\n"
ROWS = "rows t = [0.3, 1, 2]\nparam w = 1\n"


def check(text: str) -> Report:
    return api.check(api.load(text + "\n"), points=1)


@pytest.mark.parametrize(("other", "digits"), [("1.0000001", 7), ("1.000001", 6), ("1", 13)])
def test_digits_are_those_that_the_other_side_of_a_jump_leaves(other: str, digits: int) -> None:
    (entry,) = check(T + f"loss = w*where((t - 0.1 - 0.2) >= 0, 1, {other})").parameters[0].entries
    assert entry.verdict is OK
    assert entry.digits is not None
    assert digits <= entry.digits < digits + 1 or other == "1"


@pytest.mark.parametrize(
    ("text", "column", "true", "at"),
    [
        (T + "loss = w*where((t - 0.1 - 0.2) >= 0, 3, 5)", 5, 3, ">="),
        (T + "loss = w*where((t - 0.1 - 0.2) >= 0, 3, 3.1)", 3.1, 3, ">="),  # one digit is right
        (T + "loss = w*sign(t - 0.1 - 0.2)", -1, 0, "sign"),
        (T + "loss = w*where(t - 0.1 - 0.2, 3, 5)", 3, 5, "where"),
        (T + "loss = w*((t - 0.1 - 0.2) < 0)", 1, 0, "<"),
        (T + "loss = w*where((t*3) >= 0.9, 2, 4)", 4, 2, ">="),
        (ROWS + "loss = sum_rows(w*where((t - 0.1 - 0.2) >= 0, 3, 5))", 11, 9, ">="),
    ],
)
def test_data_beside_a_jump_are_unresolved(text: str, column: float, true: float, at: str) -> None:
    report = check(text)
    (entry,) = report.parameters[0].entries
    assert (entry.symbolic, entry.backprop) == (column, column)  # nobody writes to columns
    assert (entry.verdict, entry.digits) == (UNRESOLVED, 0)
    assert entry.reference == pytest.approx(true, rel=1e-12)
    assert entry.note is not None
    assert f"another side of {at} (line" in entry.note
    assert report.verdict is UNRESOLVED


@pytest.mark.parametrize(
    "text",
    [
        T + "loss = w*where((t - 0.1 - 0.2) > 0, 3, 5)",  # float64 has the side of the decimals
        T + "loss = w*where((t - 0.1 - 0.2) >= 0, 3, 3)",  # a jump of nothing
        T + "loss = w*where((t - 0.1) >= 0.1, 3, 5)",
        "data t = 0.5\nparam w = 1\nloss = w*where((t - 0.25 - 0.25) >= 0, 3, 5)",  # exact in float64
        T + "loss = w*exp(abs(t - 0.1 - 0.2))",  # a kink is no jump
    ],
)
def test_data_whose_side_is_known_are_ok(text: str) -> None:
    report = check(text)
    (entry,) = report.parameters[0].entries
    assert entry.verdict is OK
    assert entry.digits is not None
    assert entry.digits > 10


@pytest.mark.parametrize(
    ("claimed", "verdict"),
    [
        ("3.0", OK), ("5.0", UNRESOLVED),  # what a float64 program prints
        ("5", WRONG),  # worked by hand, with the decimals
        ("4.0", WRONG), ("7.5", WRONG), ("where((t - 0.1 - 0.2) >= 0, 3, 5)", OK),
        ("where((t - 0.1 - 0.2) > 0, 3, 5)", WRONG),
    ],
)  # fmt: skip
def test_numbers_beside_a_jump(claimed: str, verdict: Verdict) -> None:
    report = check(f"{T}loss = w*where((t - 0.1 - 0.2) >= 0, 3, 5)\nclaim d loss/d w = {claimed}")
    assert report.claims[0].verdict is verdict


@pytest.mark.parametrize(
    "text",
    [
        "param v[3] = [2, -1.4, 1e20]\nloss = sin(prod(v))",
        "param a = 3, b = 1e25\nloss = cos(a*b*0.7)",
        "param v[2] = [1.7, 1e27]\nloss = tanh(sin(v[0]*v[1]))",
        "param x = 1e30\nloss = sin(x)",  # its double is another number by 2e13
    ],
)
def test_an_entry_without_a_digit_is_not_ok(text: str) -> None:
    for entry in check(text).parameters[0].entries:
        assert entry.verdict is UNRESOLVED
        assert entry.note is not None
        assert "no digit" in entry.note
        assert entry.reference is not None


@pytest.mark.parametrize(
    "text",
    [
        "param x = 1e22\nloss = sin(x)",  # the decimal is the double
        "param v[2] = [1.1, 1e19]\nloss = tanh(sin(v[0]*v[1]))",  # so is that of the product
        "param x = 0.9999999999999999\nloss = acos(x)",  # one digit, and the problem has no more
        "param a = 3\nloss = sin(1e5*a)",
    ],
)
def test_an_entry_with_digits_is_ok(text: str) -> None:
    for entry in check(text).parameters[0].entries:
        assert entry.verdict is OK
        assert entry.digits is not None
        assert entry.digits >= 1


@pytest.mark.parametrize(
    ("text", "left", "right"),
    [
        ("param v[2] = [0, 1e30]\nloss = mean(relu(v))", 0, 0.5),
        ("param a = 0, b = 1e25\nloss = relu(a) + b", 0, 1),
        ("param a = 0, b = 1e25\nloss = abs(a)*1e-3 + b^2", -1e-3, 1e-3),
        ("param p = 1\nloss = expm1(where(p <= 1, 0.1, p)/1e-3)", 0, float("inf")),
    ],
)
def test_a_kink_beside_large_numbers_is_one(text: str, left: float, right: float) -> None:
    entry = check(text).parameters[0].entries[0]
    assert entry.verdict is KINK
    assert (entry.left, entry.right) == (pytest.approx(left), pytest.approx(right))


def test_a_zero_beside_large_numbers_is_one() -> None:
    entry = check("param v[2] = [-1, 1e30]\nloss = mean(relu(v))").parameters[0].entries[0]
    assert (entry.verdict, entry.backprop) == (OK, 0)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("data a = 1e-200\nparam w = 1\nloss = w*a*a + 1", "1.0e-400"),
        ("param x = 1e-200\nloss = x^3", "3.0e-400"),
        ("param x = 40\nloss = exp(-x^2)", "-1.076264317e-693"),
        ("param x = 400\nloss = tanh(x)", "1.467149834e-347"),
        ("param x = 1e200\nloss = 1/x^2", "-2.0e-600"),
    ],
)
def test_what_is_below_the_range_of_float64_is_not_exactly_zero(text: str, size: str) -> None:
    report = check(text)
    entry = report.parameters[0].entries[0]
    assert entry.note == f"the derivative is {size}, below the range of float64"
    assert "1 entry is below the range of float64: NOT tested." in report.closing
    assert not any(s.startswith("1 entry is zero") for s in report.closing)
    assert report.verdict is UNRESOLVED


def test_what_is_exactly_zero_is_not_below() -> None:
    report = check("param x = -1\nloss = relu(x) + 1")
    assert not any("below the range" in s for s in report.closing)
    assert any(s.startswith("1 entry is zero") for s in report.closing)


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        (T + "loss = w*where((t - 0.1 - 0.2) > 0, 3, 5)", "5.0", "5.05"),
        ("param w = 0.7, u = 0.1\nloss = relu(w*u - 0.07) - relu(0.07 - w*u)", "0.1000000", "0.101"),
        ("param w = 0.7, u = 0.1\nloss = max(w*u, 0.07) - max(0.07, u*w)", "0.0", "0.01"),
    ],
)
def test_the_height_of_a_jump_is_no_rounding(text: str, right: str, wrong: str) -> None:
    """As a tolerance it let numbers pass that are off by a hundredth."""
    found = [check(f"{text}\nclaim d loss/d w = {number}").claims[0].verdict for number in (right, wrong)]
    assert found[0] in (OK, KINK)
    assert found[1] in (UNRESOLVED, WRONG)


def test_differences_of_another_number_are_no_defect() -> None:
    """The double of 1e23 is another number by 8e6: all columns have its sine."""
    entries = check("param a = 5\ndata b = 1e23\nloss = sin(b)*a").parameters[0].entries
    assert [entry.verdict for entry in entries] == [UNRESOLVED]
    assert entries[0].reference == pytest.approx(0.7011406399, rel=1e-9)


def test_columns_that_agree_have_no_more_digits_than_rounding_leaves() -> None:
    """acos of the decimal is 1.414e-8, of its double 1.490e-8: all columns have that, and no second digit."""
    report = check("data t = 0.9999999999999999\nparam w = 2\nloss = w*acos(t)")
    (entry,) = report.parameters[0].entries
    assert entry.verdict is OK
    assert entry.digits is not None
    assert entry.digits < 2
    assert entry.reference == pytest.approx(1.4142135623730951e-8)


@pytest.mark.parametrize("loss", ["j0(w*1e40)", "bessel_y(2, w)", "bessel_j(2, w)"])
def test_angles_that_no_double_knows_are_no_defect(loss: str) -> None:
    report = check(f"param w = 1e20\nloss = {loss}")
    (entry,) = report.parameters[0].entries
    assert entry.verdict is UNRESOLVED
    assert "float64 carries no digit" in (entry.note or "")


def test_a_step_is_no_other_step() -> None:
    """Where sums of one entry are that entry: rows were counted twice, and what nobody uses had a slope."""
    report = check("rows x[1] = [[2], [3]]\nparam w = 3\ns = x\nt = cumsum(s)\nloss = w*mean_rows(sum(s))\n"
                   "claim d loss/d t = 0*t\nclaim d loss/d s = w/2")  # fmt: skip
    assert [c.verdict for c in report.claims] == [OK, OK]


@pytest.mark.parametrize("loss", ["sin(exp(w))", "cos(exp(3*w))", "j0(exp(w))", "sin(w*1e200)"])
def test_rules_are_evaluated_with_as_many_digits_as_an_angle_takes(loss: str) -> None:
    """At 50 digits sin(exp(100)) has 7 of them, and backprop stood alone."""
    (entry,) = check(f"param w = 100\nloss = {loss}").parameters[0].entries
    assert entry.verdict is UNRESOLVED
    assert "float64 carries no digit" in (entry.note or "")


@pytest.mark.parametrize("loss", ["sin(exp(w/1e18))", "mod(exp(w/1e18), 0.7)"])
def test_a_value_without_a_digit_is_no_defect(loss: str) -> None:
    report = check(f"param w = 1e20\nloss = {loss}")
    assert report.verdict is UNRESOLVED
    assert "defect" not in str(report)


def test_bounds_of_far_angles_hold() -> None:
    """Perturbations of 128 units may not be scaled back: sec(1e30) is any number however small they are."""
    entry = check("param w = 2\ndata t = 1e30\nloss = sqrt(sec(w)^2 + sec(t)^2)").parameters[0].entries[0]
    assert entry.finite is not None
    assert entry.bound is not None
    assert 1e-3 < abs(entry.finite + 4.844717865) < entry.bound


@pytest.mark.parametrize(("function", "x"), [
    ("acosh", "1.00000000000009"), ("acosh", "1.00000000000019"),
    ("erfinv", "0.99999999999991"), ("erfinv", "-0.9999999999999"),
])  # fmt: skip
def test_a_pole_of_the_slope_within_rounding_is_nobodys_fault(function: str, x: str) -> None:
    """float64 knows the distance to the border, 1e-13, to three digits."""
    report = api.check(api.load(f"param x = {x}\nloss = {function}(x)\n"), points=2)
    assert report.verdict is not Verdict.WRONG


@pytest.mark.parametrize("step", ["", "s = sign(min(q))\n"])
def test_a_jump_elsewhere_does_not_hide_that_rounding_saturates(step: str) -> None:
    text = "param p[2] = [2, 1e30], q[2] = [2, 2]\n" + step + "loss = prod(sec(sec(p)))"
    entry = check(text).parameters[0].entries[0]
    true, shown = entry.reference, entry.symbolic
    assert true is not None
    assert shown is not None
    assert abs(true - shown) < 2 * abs(true) * 10.0 ** -int(entry.digits or 0)
