"""Rounding, remainders, bounds and pieces: on a jump, within rounding of one, and on every kink."""

from __future__ import annotations

import pytest

from build import high
from gradcheck_cli.checking.check import check
from gradcheck_cli.checking.options import Options
from gradcheck_cli.language import read_model
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.results.gradient_results import Report, Verdict


def report(text: str) -> Report:
    return check(read_model(text), Options(points=1))


@pytest.mark.parametrize(
    ("formula", "x"),
    [("floor(x)", 2), ("ceil(x)", -1), ("round(x)", 2.5), ("mod(x, 0.5)", 1.5), ("copysign(2, x)", 0),
     ("floor(x/0.1)", 0.2)],
)  # fmt: skip
def test_on_a_jump_there_is_no_derivative(formula: str, x: float) -> None:
    (block,) = report(f"param x = {x}\nloss = {formula} + x").parameters
    (entry,) = block.entries
    assert entry.verdict is Verdict.KINK
    assert "jumps" in (entry.note or "")


@pytest.mark.parametrize("formula", ["floor(q)", "mod(x, 0.1)", "round(q + 0.5)", "(q >= 3)"])
def test_within_rounding_of_a_jump_nothing_is_known(formula: str) -> None:
    """0.3/0.1 is 3, and 2.9999999999999996 in float64; it is no defect that values differ."""
    found = report(f"param x = 0.3, w = 2\nq = x/0.1\nc = {formula}\nloss = c*w")
    assert found.verdict is Verdict.UNRESOLVED
    assert "stands on its jump, within rounding" in found.value_note
    beside = report(f"param x = 0.31, w = 2\nq = x/0.1\nc = {formula}\nloss = c*w + x")
    assert beside.verdict is Verdict.OK
    assert "agree" in beside.value_note


def test_whole_numbers_that_were_computed_are_whole() -> None:
    m = high()
    third = m.array(1) / m.array(3)
    assert m.floor(third * 3) == 1
    assert m.ceil(third * 3) == 1
    assert m.round(third * 3 / 2) == 0  # of two the even one
    assert [float(m.round(m.array(x))) for x in (2.5, -2.5, 3.5, 0.5, -0.2, 1e300)] == [2, -2, 4, 0, 0, 1e300]
    assert [float(m.floor(m.array(x))) for x in (-0.5, 0.0, 2.0, 2.9)] == [-1, 0, 2, 2]


@pytest.mark.parametrize(
    ("formula", "x", "left", "right"),
    [
        ("hard_tanh(x)", -1, 0, 1), ("hard_tanh(x)", 1, 1, 0), ("relu6(x)", 0, 0, 1), ("relu6(x)", 6, 1, 0),
        ("hard_swish(x)", -3, 0, -0.5), ("hard_swish(x)", 3, 1.5, 1), ("softshrink(x)", 0.5, 0, 1),
        ("softshrink(x, lambd=0.2)", -0.2, 1, 0), ("clip(x, -1, 2)", -1, 0, 1), ("clip(x, -1, 2)", 2, 1, 0),
        ("clip(2, -1, x)", 2, 1, 0), ("clip(1, x, 3)", 1, 0, 1), ("copysign(x, -1)", 0, 1, -1),
    ],
)
def test_slopes_of_pieces(formula: str, x: float, left: float, right: float) -> None:
    text = f"param x = {x}\nloss = {formula}\nclaim d loss/d x = {(left + right) / 2!r}/1"
    found = report(text)
    (entry,) = found.parameters[0].entries
    assert entry.verdict is Verdict.KINK
    assert (entry.left, entry.right) == pytest.approx((left, right))
    assert found.claims[0].verdict is Verdict.KINK
    beyond = report(f"param x = {x}\nloss = {formula}\nclaim d loss/d x = {max(left, right) + 0.1!r}")
    assert beyond.claims[0].verdict is Verdict.WRONG


def test_a_remainder_of_a_whole_multiple_is_nothing() -> None:
    m = high()
    seventh = m.array(1) / m.array(7)
    assert m.mod(seventh * 21 / 3, seventh) == 0
    assert m.mod(m.array(-0.7), m.array(0.7)) == 0
    assert float(m.mod(m.array(-0.8), m.array(0.7))) == pytest.approx(0.6)
    assert m.context.isnan(m.mod(m.array(1.0), m.array(0.0))[()])


@pytest.mark.parametrize("text", [
    "param p[3] = [2, -1.1, 2]\nloss = max(mod(mod(p, 0.7) - 1, 0.7))",
    "param p[2] = [2, -0.8]\nloss = max(mod(p, 0.7))",
])  # fmt: skip
def test_ties_of_remainders_are_kinks(text: str) -> None:
    entries = [e for b in report(text).parameters for e in b.entries if not e.point]
    assert {e.verdict for e in entries} == {Verdict.KINK}
    assert (entries[0].left, entries[0].right) == pytest.approx((0, 1))  # what is left of a tie is no jump


@pytest.mark.parametrize(("formula", "slope"), [
    ("clip(x, x, 5)^2", 4), ("clip(x, 0, x)", 1), ("clip(3, x, x)", 1), ("clip(x, x, x)", 1),
    ("clip(0, x, x)", 1),
])  # fmt: skip
def test_bounds_that_move_with_the_number(formula: str, slope: float) -> None:
    found = report(f"param x = 2\nloss = {formula}\nclaim d loss/d x = {slope}\nclaim d loss/d x = 0")
    assert found.parameters[0].verdict is Verdict.OK
    assert [c.verdict for c in found.claims] == [Verdict.OK, Verdict.WRONG]


@pytest.mark.parametrize("formula", ["celu(x, alpha=1.3)", "squared_relu(x)"])
def test_what_bends_softly_has_a_slope(formula: str) -> None:
    (block,) = report(f"param x = 0\nloss = {formula} + 2*x").parameters
    assert block.verdict is Verdict.OK


@pytest.mark.parametrize(
    ("a", "b", "value"), [(7.5, 3, 1.5), (-1.25, 3, 1.75), (1.25, -3, -1.75), (-7, 2.5, 0.5)]
)
def test_a_remainder_has_the_sign_of_its_divisor(a: float, b: float, value: float) -> None:
    found = report(f"param a = {a}, b = {b}\nloss = mod(a, b)\nclaim d loss/d b = -floor(a/b)")
    assert found.loss == value
    assert found.verdict is Verdict.OK


def test_several_borders_are_told_apart() -> None:
    """A move over both borders of clip, or over seven whole numbers, is seen."""
    m = high()
    for record, low, beyond in (("hard_tanh", -2.0, 2.0), ("floor", 0.5, 7.5), ("relu6", -1.0, 7.0)):
        rule = PRIMITIVES[record].kink
        assert rule is not None
        there, here = ([margin > 0 for margin in rule(m, m.array(x))] for x in (low, beyond))
        assert there != here
