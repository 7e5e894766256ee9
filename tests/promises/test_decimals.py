"""A decimal means that decimal: in formulas, options, values, at kinks; each with a neighbor that is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradcheck_cli import Report, Verdict, api

OK, WRONG, KINK = Verdict.OK, Verdict.WRONG, Verdict.KINK


def check(text: str) -> Report:
    return api.check(api.load(text), points=2)


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        ("param x = 0.7\nloss = 0.1*x^4", "0.4*x^3", "0.4000000001*x^3"),
        ("param x = 0.7\nloss = 0.2*x^2 + 0.1*x^2", "0.6*x", "0.6000001*x"),
        ("param x = -1.3\nloss = leaky_relu(x)", "where(x > 0, 1, 1/100)", "where(x > 0, 1, 0.011)"),
        ("param x = -1.3\nloss = leaky_relu(x, slope=0.2)", "1/5 + 0*x", "1/4 + 0*x"),
        ("param x = -1.3\nloss = elu(x, alpha=0.3)", "3/10*exp(x)", "3/11*exp(x)"),
        ("data t = 0.1\nparam x = 3\nloss = (x*t - 0.1*x)*x + x", "1 + 0*x", "1 + 1e-9*x"),
        ("rows y = [0.1, 0.2, 0.3]\nparam x = 3\nloss = x*sum_rows(y)", "0.6 + 0*x", "0.60001 + 0*x"),
    ],
)
def test_formulas_with_decimals(text: str, right: str, wrong: str) -> None:
    for formula, verdict in ((right, OK), (wrong, WRONG)):
        report = check(f"{text}\nclaim d loss/d x = {formula}\n")
        assert [c.verdict for c in report.claims] == [verdict], formula
        assert report.parameters[0].verdict is OK


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("param q = 0.3\nloss = abs(q - 0.3)", KINK),
        ("param x = 0.3\nloss = relu(x - 0.1 - 0.2)", KINK),
        ("param x = 0.3\nloss = relu(x - (0.1 + 0.2))", KINK),
        ("param x = 0.3\nloss = max(x, 0.1 + 0.2)", KINK),
        ("param x = 0.1\nloss = where((3*x) > 0.3, x, 2*x)", KINK),
        ("data a[3] = [0.1, 0.2, -0.3]\nparam x = 1\nloss = abs(x*sum(a)) + x", OK),
        ("param x = 0.30000000000001\nloss = relu(x - 0.1 - 0.2)", OK),
        ("param q = 0.30000001\nloss = abs(q - 0.3)", OK),
        ("param x = 1\nloss = x*(relu(0.3 - 0.1 - 0.2) + 2)", OK),
    ],
)
def test_kinks_lie_at_decimals(text: str, verdict: Verdict) -> None:
    (block,) = check(text + "\n").parameters
    assert block.verdict is verdict
    assert block.zero == 0


def test_a_value_beside_a_kink_is_within_rounding_of_it() -> None:
    """1/3 is no decimal: the value lies to its left, and float64 cannot tell."""
    (block,) = check("param x = 0.3333333333333333\nloss = abs(x - 1/3)\n").parameters
    (entry,) = block.entries[:1]
    assert (entry.verdict, entry.left, entry.right) == (KINK, -1, 1)
    assert entry.note is not None
    assert "within rounding of a kink" in entry.note


def test_values_mean_the_shortest_decimals_of_their_doubles(tmp_path: Path) -> None:
    """Wherever they come from: typed, from a table, from a binary file, from a computation."""
    beside = 0.1 + 0.7  # 0.7999999999999999
    np.savez(tmp_path / "v.npz", v=np.array([beside, 0.1]))
    (tmp_path / "v.csv").write_text(f"v\n{beside!r}\n0.1\n")
    given = ["= [0.7999999999999999, 0.1]", 'from "v.npz"', 'from "v.csv"']
    found = []
    for value in given:
        (tmp_path / "m.txt").write_text(f"param v[2] {value}\nloss = 1/(v[0] - 8*v[1])\n")
        entries = api.check(api.load(tmp_path / "m.txt"), points=2).parameters[0].entries
        found.append(entries[0].reference)
    assert found == [pytest.approx(-1e32)] * 3


@pytest.mark.parametrize("text", ["1e-99999999", "1e-400", "0.1e-500"])
def test_tiny_decimals_do_not_hang(text: str) -> None:
    report = check(f"param x = 2\nloss = x^2 + {text}\nclaim d loss/d x = 2*x\n")
    assert report.claims[0].verdict is OK
    report = check(f"param x = 2\nloss = x^2 + {text}\nclaim d loss/d x = 2*x + 1e-9\n")
    assert report.claims[0].verdict is WRONG
