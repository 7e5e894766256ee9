"""Entries whose slopes need more digits than differences have: beside another kink, and where partials of
SymPy have no value."""

from __future__ import annotations

import pytest

from gradcheck_cli import Verdict, check, load

CORNER = "param p[2] = [0, 2]\nloss = sum(relu(where(p > {width}, {beyond}, p))) + p[1]\n"
POWERS = "param p[2] = [{x}, 0]\nloss = norm(i0(sum(i = 1 to 2: i*(p)^({exponent}))))\n"


@pytest.mark.parametrize("width", ["1e-20", "1e-60", "1e-200"])
def test_a_kink_however_close_to_a_jump_is_one(width: str) -> None:
    report = check(load(CORNER.format(width=width, beyond="-7")), points=1)
    entry = report.parameters[0].entries[0]
    assert (entry.verdict, entry.left, entry.right) == (Verdict.KINK, 0, 1)


def test_beside_a_jump_without_a_kink_there_is_a_derivative() -> None:
    report = check(load("param p[2] = [0, 2]\nloss = sum(where(p > 1e-60, p, p)) + p[1]\n"), points=1)
    assert report.parameters[0].entries[0].verdict is Verdict.OK


@pytest.mark.parametrize(("x", "exponent", "is_zero"), [("30", "i-1", False), ("5.5", "2*i-2", True)])
def test_a_small_number_is_not_said_to_be_0(x: str, exponent: str, is_zero: bool) -> None:
    """The derivative by p[1] is nothing beside the bound of differences, or nothing at all."""
    entry = check(load(POWERS.format(x=x, exponent=exponent)), points=1).parameters[0].entries[1]
    assert (entry.reference == 0) is is_zero
    assert entry.note is not None
    assert ("exactly 0" in entry.note) is is_zero


@pytest.mark.parametrize(("p", "verdict"), [("1", Verdict.KINK), ("0.99", Verdict.OK)])
def test_slopes_that_differ_by_less_than_rounding_of_the_loss_are_asked_for(p: str, verdict: Verdict) -> None:
    """Differences know one of them to all digits, and of the other only that it is about 0."""
    entries = f"{p}, 0.291, 0.3, -0.3, 1e-9, 0.217, 0.1"
    report = check(load(f"param p[7] = [{entries}]\nloss = prod(clip(p, -0.5, 1))\n"), points=1)
    assert report.parameters[0].entries[0].verdict is verdict


@pytest.mark.parametrize("text", [
    "param p[2] = [1e30, 0]\nloss = sum(sinc(p))\n",  # all doubles there are whole numbers
    "param p = 0.453\nloss = abs(j1(0.52^digamma(bessel_i(2, p))))\n",
])
def test_differences_that_step_over_waves_are_not_blamed(text: str) -> None:
    report = check(load(text), points=1)
    assert report.verdict is not Verdict.WRONG
