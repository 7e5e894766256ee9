"""Claims: for each that must pass a neighbor that must fail, and the message carries the right name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from build import one_of
from claimed import judged_alone
from gradcheck_cli import api
from gradcheck_cli.results.gradient_results import ClaimResult, Report, Restriction, Verdict

TOY = """
data  x = 2.3, y = 2
param b0 = 1.0, b1 = 2.0, b2 = -3.0, b3 = 0.4
param w0 = 0.1, w1 = -0.4, w2 = 2.0, w3 = 3.0
f0 = b0 + w0*x
h1 = sin(f0);  f1 = b1 + w1*h1
h2 = exp(f1);  f2 = b2 + w2*h2
h3 = cos(f2);  f3 = b3 + w3*h3
loss = (f3 - y)^2
"""
NETWORK = """
seed 7
data  x[3] = [0.5, -1.2, 0.3], y[2] = [1, -1]
param W0[3,3] = [[0.3, -0.4, 0.8], [1.1, 0.2, 0.5], [-0.7, -0.9, 0.6]], b0[3] = [0.5, 1.5, -2]
param W1[2,3] = [[0.9, -0.3, 0.4], [0.2, 1.3, -0.6]], b1[2] = 0
f0 = b0 + W0 @ x
h1 = relu(f0)
f1 = b1 + W1 @ h1
loss = sum((f1 - y)^2)
"""
ROWS = """
rows x = [0.5, -1, 2, 0.25], y = [1, 0, 2, -1]
param b = 0.3, w = -0.7
f = b + w*x
l = (f - y)^2
loss = sum_rows(l)
"""
CLOSED = (
    "-2*(f3 - y)*w1*w2*w3*x*cos[b0 + w0*x]*exp[b1 + w1*sin[b0 + w0*x]]"
    "*sin[b2 + w2*exp[b1 + w1*sin[b0 + w0*x]]]"
)


def run(model: str, *claims: str, **options: object) -> Report:
    text = model + "".join(f"claim {claim}\n" for claim in claims)
    return api.check(api.load(text), **{"points": 2, **options})  # type: ignore[arg-type]


def only(model: str, claim: str, **options: object) -> ClaimResult:
    (result,) = judged_alone(api.load(f"{model}claim {claim}\n"), **options)
    return result


# (model, right, wrong twin, a word of what is said about the twin)
TWINS = [
    (TOY, "d loss/d f3 = 2*(f3 - y)", "d loss/d f3 = (f3 - y)", "1/2 times the true value"),
    (TOY, "d loss/d f2 = -sin(f2) * d loss/d h3", "d loss/d f2 = sin(f2) * d loss/d h3", "wrong sign"),
    (TOY, "d h3/d f2 = -sin(f2)", "d h3/d f2 = sin(f2)", "cos stands in line 8"),
    (TOY, "d loss/d w0 = x * d loss/d f0", "d loss/d w0 = d loss/d f0", "misses the factor x"),
    (TOY, "d loss/d w1 = h1 * d loss/d f1", "d loss/d w1 = f0 * d loss/d f1", ""),
    (TOY, "d loss/d b0 = d loss/d f0", "d loss/d b0 = x*d loss/d f0", "x once too often"),
    (TOY, "d loss/d x = w0 * d loss/d f0", "d loss/d x = w1 * d loss/d f0", ""),
    (TOY, "d f3/d f1 = -w3*sin(f2)*w2*h2", "d f3/d f1 = -w3*sin(f2)*w2*f1", ""),
    (TOY, f"d loss/d w0 = {CLOSED}", f"d loss/d w0 = {CLOSED[1:]}", "wrong sign"),
    (TOY, "d loss/d f3 = 2*f3 - 2*y", "d loss/d f3 = 2*f3 - y", ""),
    (TOY, "d loss/d b3 = 0.745", "d loss/d b3 = 0.744", ""),
    (TOY, "d loss/d w3 = 0.489468759920", "d loss/d w3 = 0.489468759930", ""),
    (NETWORK, "d loss/d f1 = 2*(f1 - y)", "d loss/d f1 = f1 - y", "1/2 times"),
    (NETWORK, "d loss/d h1 = W1' @ d loss/d f1", "d loss/d h1 = d loss/d f1 @ W1", "shape"),
    (NETWORK, "d loss/d f0 = (f0 > 0) * d loss/d h1", "d loss/d f0 = d loss/d h1", ""),
    (NETWORK, "d loss/d W0 = d loss/d f0 @ x'", "d loss/d W0 = x @ d loss/d f0'", "transposed"),
    (NETWORK, "d loss/d W1 = d loss/d f1 @ h1'", "d loss/d W1 = d loss/d f1 @ f0'", ""),
    (NETWORK, "d loss/d W1[0,1] = 2*(f1[0] - y[0])*h1[1]", "d loss/d W1[0,1] = 2*(f1[1] - y[1])*h1[1]", ""),
    (NETWORK, "d f1/d h1 = W1", "d f1/d h1 = -W1", "wrong sign"),
    (ROWS, "d loss/d f = 2*(f - y)", "d loss/d f = 2*(f - y)/4", ""),
    (ROWS, "d loss/d w = sum_rows(2*(f - y)*x)", "d loss/d w = mean_rows(2*(f - y)*x)", "number of rows"),
    (ROWS, "d l/d w = 2*(f - y)*x", "d l/d w = 2*(f - y)", "misses the factor x"),
    (ROWS, "d loss/d b = sum_rows(d loss/d f)", "d loss/d b = d loss/d f", "sum_rows"),
]


@pytest.mark.parametrize(("model", "right", "wrong", "said"), one_of(3, TWINS))
def test_a_right_claim_is_ok_and_its_neighbor_is_not(model: str, right: str, wrong: str, said: str) -> None:
    found, result = judged_alone(api.load(f"{model}claim {right}\nclaim {wrong}\n"))
    assert (found.verdict, result.verdict) == (Verdict.OK, Verdict.WRONG)
    assert said in f"{result.diagnosis} {result.note}"


def test_no_explanation_that_holds_for_one_datum_only() -> None:
    model = "data x = 2\nparam w = 3\nloss = w^2*x\n"
    assert only(model, "d loss/d w = w").diagnosis is None
    assert only(model, "d loss/d w = 2*w").diagnosis == "misses the factor x"


def test_a_claim_that_is_almost_right_does_not_bear_on_what_is_said_of_another() -> None:
    """Data that are a rounding away, looked at for the first claim, are not the other data of the second."""
    model = "data x = 2\nparam w = 3\nloss = w^2*x\n"
    report = run(model, "d loss/d w = 2*w*x*(1 + 1e-15)", "d loss/d w = w")
    assert [c.verdict for c in report.claims] == [Verdict.WRONG] * 2
    assert [c.diagnosis for c in report.claims] == ["has 2*w*x*(1 + 1e-15) where 2*w*x belongs", None]


def test_the_smallest_slip_is_seen() -> None:
    # at 50 digits nothing hides: a relative 1e-14 is as wrong as a factor 2
    assert only(TOY, "d loss/d f3 = 2*(f3 - y)*(1 + 1e-14)").verdict is Verdict.WRONG


def test_equal_formulas_that_look_different_are_equal() -> None:
    text = "d h3/d f2 = -sqrt(1 - cos(f2)^2) * sign(sin(f2))"
    assert only(TOY, text).verdict is Verdict.OK


def test_right_by_accident_at_one_point() -> None:
    model = "param a = 2\nf = a^2\nloss = f + a\n"
    result = only(model, "d loss/d a = f + 1")
    assert result.verdict is Verdict.WRONG
    assert result.note == "right at the given point by accident"
    assert only(model, "d loss/d a = f + 1", points=1).verdict is Verdict.OK


def test_right_only_for_this_datum() -> None:
    model = "data x = 1\nparam a = 2\nloss = a^2*x\n"
    result = only(model, "d loss/d a = 2*a")
    assert result.verdict is Verdict.OK
    assert result.note == "right only for this x: x = 1"
    assert result.only == (Restriction.DATA,)
    assert only(model, "d loss/d a = 2*a", strict=True).verdict is Verdict.WRONG
    assert only(model, "d loss/d a = 2*a*x").note is None


ACTIVE = """
data x[2] = [1, 2]
param W[3,2] = [[1, 2], [0.5, 1], [2, 0.3]], v[3] = [1, -1, 2]
f = W @ x
h = relu(f)
g = dot(v, h)
loss = g^2
"""


@pytest.mark.parametrize(
    ("model", "right", "one_sided", "function"),
    one_of(3, [
        (ACTIVE, "d loss/d f = (f > 0) * d loss/d h", "d loss/d f = d loss/d h", "relu"),
        (ACTIVE, "d loss/d W = ((f > 0) * d loss/d h) @ x'", "d loss/d W = d loss/d h @ x'", "relu"),
        (ACTIVE, "d loss/d v = 2*g*h", "d loss/d v = 2*g*f", "relu"),
        ("param a = 3\nloss = a*abs(a)\n", "d loss/d a = 2*abs(a)", "d loss/d a = 2*a", "abs"),
        ("param a = 3\nloss = a^2\n", "d loss/d a = 2*a", "d loss/d a = 2*abs(a)", "abs"),
        ("param a = 3\nloss = a^2\n", "d loss/d a = 2*abs(a)*sign(a)", "d loss/d a = 2*a*(a > 0)", ">"),
    ]),
)
def test_right_only_because_nothing_crosses_a_kink(
    model: str, right: str, one_sided: str, function: str
) -> None:
    """No point of comparison lies across a kink: if all units are active, f is h and an indicator 1."""
    result = only(model, one_sided)
    assert result.verdict is Verdict.OK
    assert result.note == f"right only for these sides of the kinks of {function}"
    assert result.only == (Restriction.SIDE,)
    assert only(model, one_sided, strict=True).verdict is Verdict.WRONG
    assert only(model, right).note is None
    assert only(model, right, strict=True).verdict is Verdict.OK


def test_a_claim_is_not_judged_where_the_loss_is_not_defined() -> None:
    model = "param a = 3\nloss = sqrt(a)*relu(a)\n"
    assert only(model, "d loss/d a = 1.5*sqrt(a)*(a > 0)").note is None


def test_one_slip_gives_one_wrong_line_and_carry_shows_the_chain() -> None:
    claims = ("d loss/d f3 = -2*(f3 - y)", "d loss/d h3 = w3*d loss/d f3", "d loss/d b3 = d loss/d f3")
    report = run(TOY, *claims, carry=True)
    assert [c.verdict for c in report.claims] == [Verdict.WRONG, Verdict.OK, Verdict.OK]
    first, second, _ = report.claims
    assert second.carried == pytest.approx(-(second.true or 0.0))
    assert "2 claims that build on this one" in (first.note or "")


def test_where_the_chain_goes_wrong() -> None:
    report = run(TOY, "d loss/d h3 = w3*d loss/d f3", "d loss/d f2 = sin(f2)*d loss/d h3")
    assert report.claims[1].where == "h3"


def test_the_truth_is_shown_only_when_asked() -> None:
    wrong = "d loss/d f2 = sin(f2) * d loss/d h3"
    assert only(TOY, wrong).truth is None
    assert only(TOY, wrong, show_truth=True).truth == "-sin(f2) * d loss/d h3"


def test_jacobians_in_both_layouts_and_the_minority_is_wrong() -> None:
    model = NETWORK + "g = W1 @ h1\n"
    by_rows, by_columns = "d f1/d h1 = W1", "d f1/d h1 = W1'"
    assert only(NETWORK, by_rows).verdict is Verdict.OK
    assert only(NETWORK, by_columns).verdict is Verdict.OK
    report = run(model, by_rows, "d g/d h1 = W1", "d f1/d h1 = W1'")
    assert [c.verdict for c in report.claims] == [Verdict.OK, Verdict.OK, Verdict.WRONG]
    assert any("J[i,j]" in note for note in report.notes)


def test_a_claim_at_a_kink_is_held_to_the_slopes() -> None:
    model = "param a = 0\nloss = relu(a) + a\n"
    said = {"1.0": "KINK", "1.5": "KINK", "2.0": "KINK", "2.1": "WRONG", "0.9": "WRONG"}
    for value, verdict in said.items():
        assert str(only(model, f"d loss/d a = {value}").verdict) == verdict
    assert only("param a = 0\nloss = a*abs(a)\n", "d loss/d a = 2*abs(a)").verdict is Verdict.OK


def test_kinks_that_cancel_leave_a_derivative() -> None:
    model = "param a = 0\nloss = relu(a) - relu(-a)\n"
    report = run(model, "d loss/d a = (a >= 0) + (a < 0)")
    assert report.verdict is Verdict.OK
    assert "the derivative is 1" in (report.parameters[0].entries[0].note or "")
    assert "The columns above agree: 0 of 1 entry." in report.closing  # they show 0, 0 and 1
    textbook = "d loss/d a = (a > 0) + (a < 0)"  # 0 at 0, as the convention of relu says
    result = only(model, textbook)
    assert (result.verdict, result.true) == (Verdict.KINK, 1.0)
    assert result.note == "a convention: the derivative here is 1; right at the other points"
    assert result.only == (Restriction.CONVENTION,)
    assert run(model, textbook, strict=True).verdict is Verdict.WRONG
    zero = only(model, "d loss/d a = 0")  # as a number it is what programs print here
    assert (zero.verdict, zero.only) == (Verdict.KINK, (Restriction.CONVENTION,))
    assert only(model, "d loss/d a = 0", strict=True).verdict is Verdict.WRONG
    assert only(model, "d loss/d a = 2").verdict is Verdict.KINK  # of a program with relu'(0) = 1
    assert only(model, "d loss/d a = 3").verdict is Verdict.WRONG
    assert only(model, "d loss/d a = (a > 0) - (a < 0)").verdict is Verdict.WRONG


def test_numbers_are_judged_to_the_digits_written() -> None:
    truth, lines = 5.24607143098954017, []
    for digits in range(2, 13):
        last = 10.0 ** (1 - digits)
        lines += [f"claim d loss/d w0 = {number:.{digits}g}\n" for number in (truth, truth + 2 * last)]
    found = judged_alone(api.load(TOY + "".join(lines)))
    assert [result.verdict for result in found] == [Verdict.OK, Verdict.WRONG] * 11


@pytest.mark.parametrize(
    ("numbers", "verdict", "note"),
    [
        ("[0.9093, -0.7568, -0.2794]", Verdict.OK, "agrees to the digits given: 4 or more in each entry"),
        ("[0.9093, -0.76, -0.279415]", Verdict.OK, "agrees to the digits given: 2 or more in each entry"),
        ("[0.9093, -0.77, -0.279415]", Verdict.WRONG,
         "off in the last digit: w[1] is -0.76 to the digits written"),
        ("[0.9093, -0.78, -0.279415]", Verdict.WRONG, None),
        ("[0.90929742682568171, -0.75680249530792820, -0.27941549819892586]", Verdict.OK,  # as savetxt writes
         "agrees to the digits given: 14 or more in each entry"),
        ("[0.9092974268257, -0.7568024953079, -2.794154981989e-1]", Verdict.OK,
         "agrees to the digits given: 13 or more in each entry"),
    ],
)  # fmt: skip
def test_arrays_of_numbers_say_to_how_many_digits(numbers: str, verdict: Verdict, note: str | None) -> None:
    result = only("param w[3] = [1, 2, 3]\nloss = sum(sin(w)^2)\n", f"d loss/d w = {numbers}")
    assert (result.verdict, result.note) == (verdict, note)


def test_unclaimed_parameters_can_be_required() -> None:
    model = "param a = 2, b = 3\nloss = a*b\n"
    assert run(model, "d loss/d a = b").verdict is Verdict.OK
    report = run(model, "d loss/d a = b", require_claims=True)
    assert report.verdict is Verdict.WRONG
    assert any("b" in sentence for sentence in report.closing if "--require-claims" in sentence)
    assert run(model, "d loss/d a = b", "d loss/d b = a", require_claims=True).verdict is Verdict.OK


def test_claims_of_another_file(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    good, bad = folder / "alice.txt", folder / "bob.txt"
    good.write_text("claim d loss/d f3 = 2*(f3 - y)\n")
    bad.write_text("claim d loss/d f3 = 2*(y - f3)\n")
    model = api.load(TOY)
    for file, verdict in ((good, Verdict.OK), (bad, Verdict.WRONG)):
        report = api.check(model, claims=api.load_claims(file, model), points=2)
        assert report.claims[0].verdict is verdict


def test_numbers_from_a_file(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    model = folder / "m.txt"
    model.write_text('param w[3] = [1, 2, 3]\nloss = sum(w^2)\nclaim d loss/d w from "g.npy"\n')
    np.save(folder / "g.npy", np.array([2.0, 4.0, 6.0]))
    assert api.check(api.load(model), points=2).verdict is Verdict.OK
    np.save(folder / "g.npy", np.array([2.0, 4.0, 6.0 * (1 + 1e-12)]))
    report = api.check(api.load(model), points=2)
    assert report.verdict is Verdict.WRONG
    assert report.claims[0].index == (2,)


# (a line of the file, what then must be true of the report)
SETTINGS = [
    ("set points = 2", lambda r: r.points == 2),
    ("set scheme = central4", lambda r: r.scheme == "central4"),
    ("set wrt = x", lambda r: [b.name for b in r.parameters] == ["x"]),
    ("set digits = 13", lambda r: any(e.note for b in r.parameters for e in b.entries)),
    ("set carry = on", lambda r: r.claims[0].carried is not None),
    ("set show_truth = on", lambda r: r.claims[0].truth is not None),
    ("set require_claims = on", lambda r: any("--require-claims" in s for s in r.closing)),
]


SET = f"{TOY}claim d loss/d b3 = -d loss/d f3\n"


@pytest.mark.parametrize(("line", "holds"), SETTINGS)
def test_every_setting_of_the_file_counts(line: str, holds: Callable[[Report], bool]) -> None:
    assert holds(api.check(api.load(f"{line}\n{SET}")))


def test_the_settings_of_the_file_can_be_ignored() -> None:
    report = api.check(api.load("".join(f"{line}\n" for line, _ in SETTINGS) + SET, ignore_set=True))
    assert not [line for line, holds in SETTINGS if holds(report)]


def test_a_row_where_a_vector_is_needed_is_read_as_one() -> None:
    model = "data A[4,2] = [[1, 2], [3, 4], [5, 6], [7, 8]]\nparam b[2] = [0.5, -1]\nloss = sum(A @ b)\n"
    result = only(model, "d loss/d b = sum(A, axis=0)")
    assert (result.verdict, result.note) == (Verdict.OK, "the shape [1,2] was read as [2]")
    assert only(model, "d loss/d b = mean(A, axis=0)").verdict is Verdict.WRONG
    assert only(model, "d loss/d b = (sum(A, axis=0))[0,:]").note is None


def test_a_step_and_what_lies_upstream_of_it_can_be_asked_together() -> None:
    model = "data x = 0.7\nparam w = 1.3\nu = w*x\nloss = u^2\n"
    report = api.check(api.load(model), wrt=("x", "u", "w"), points=2)
    assert [b.verdict for b in report.parameters] == [Verdict.OK] * 3


def test_a_model_without_parameters_was_not_tested() -> None:
    report = api.check(api.load("data x = 1.5\nloss = x^2\n"))
    assert report.verdict is Verdict.UNRESOLVED
    assert "param" in report.closing[0]


def test_on_a_kink_a_formula_is_also_to_be_right_at_the_other_points() -> None:
    model = "param w = 0\nh = relu(w)\nloss = (h - 1)^2\n"
    lines = "claim d h/d w = cos(w)\nclaim d h/d w = (w > 0)\nclaim d loss/d w = d loss/d h\n"
    one, both, chain = api.check(api.load(model + lines)).claims
    assert [claim.verdict for claim in (one, both, chain)] == [Verdict.WRONG, Verdict.KINK, Verdict.WRONG]
    assert "right only" not in str(both.note)
    strict = [claim.verdict for claim in api.check(api.load(model + lines), strict=True).claims]
    assert strict == [Verdict.WRONG, Verdict.KINK, Verdict.WRONG]
