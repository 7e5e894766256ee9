"""Where functions saturate and values lie far out: digits are raised until a value is resolved.

Nothing that leaves the range of float64 is a defect of ours, or exactly zero.
"""

from __future__ import annotations

import pytest

from build import one_of
from gradcheck_cli import Report, Verdict, api

OK, WRONG, UNRESOLVED = Verdict.OK, Verdict.WRONG, Verdict.UNRESOLVED


def check(text: str) -> Report:
    return api.check(api.load(text + "\n"), points=2)


@pytest.mark.parametrize(
    ("model", "right", "wrong"),
    one_of(3, [
        ("param x = 170\nloss = tanh(x)", ["1/cosh(x)^2", "1 - tanh(x)^2"], ["0*x", "2/cosh(x)^2"]),
        ("param x = 21\nloss = tanh(x)", ["1/cosh(x)^2"], ["0*x"]),
        ("param x = -300\nloss = sinh(x) + cosh(x)", ["exp(x)", "cosh(x) + sinh(x)"], ["0*x", "2*exp(x)"]),
        ("param x = -1000\nloss = exp(x)", ["exp(x)"], ["0*x", "-exp(x)"]),
        ("param x = 1e4\nloss = sigmoid(x)", ["exp(-x)/(1 + exp(-x))^2"], ["0*x"]),
        ("param x = 1e300\nloss = tanh(x)", ["1/cosh(x)^2"], ["1 + 0*x"]),
        ("param x = 1e20\nloss = logsumexp([x, x])", ["1 + 0*x"], ["2 + 0*x"]),
        ("param x = 1e20\nloss = softplus(x)", ["sigmoid(x)", "1/(1 + exp(-x))"], ["0*x", "0.5 + 0*x"]),
        ("param x = 1e-160\nloss = 1/x", ["-1/x^2"], ["1/x^2"]),
        ("param x = 1e-200\nloss = sqrt(x^2)", ["x/abs(x)"], ["2*x/abs(x)"]),
        ("param x = 1e30\nloss = sin(x)", ["cos(x)"], ["-cos(x)"]),
        ("param x[2] = [200, -200]\nloss = -log_softmax(x)[0]", ["softmax(x) - [1, 0]"], ["0*x"]),
        (
            "param x[2,1] = [[2], [0]]\ns = softmax(x, axis=1)\nloss = norm(s)",
            ["s*(d loss/d s - sum(d loss/d s*s, axis=1))"], ["s*d loss/d s"],
        ),
        ("param x[3] = [0.2, -1, 0.5]\nloss = sum(softmax(x))", ["0*x"], ["softmax(x)"]),
    ]),
)
def test_claims(model: str, right: list[str], wrong: list[str]) -> None:
    lines = "".join(f"claim d loss/d x = {formula}\n" for formula in (*right, *wrong))
    found = [claim.verdict for claim in check(f"{model}\n{lines}").claims]
    assert found == [OK] * len(right) + [WRONG] * len(wrong)


@pytest.mark.parametrize(
    ("text", "verdicts", "note"),
    [
        ("param x = 170\nloss = tanh(x)", {UNRESOLVED}, "float64 arithmetic keeps 0 digits here"),
        ("param x = 1e-160\nloss = 1/x", {UNRESOLVED}, "beyond the range of float64"),
        ("param x = 1e-200\nloss = sqrt(x^2)", {UNRESOLVED}, "float64 arithmetic keeps 0 digits here"),
        ("param x = 0\nloss = sqrt(x^4)", {UNRESOLVED}, "high precision gives 0"),
        ("param x = -1000\nloss = exp(x)", {OK}, "5.075958898e-435, below the range of float64"),
        ("param x = 1e20\nloss = logsumexp([x, x + 1])", {OK, UNRESOLVED}, ""),
        ("param x[2] = [1e20, 1]\nloss = softmax(x)[0] + sum(x)", {OK}, ""),
        ("param x = 1e30\nloss = sin(x)", {OK, UNRESOLVED}, ""),
        ("param x = 1e-310\nloss = x^2 + x", {OK}, ""),
        # too many to be moved one by one
        pytest.param(
            "param x[20000] = 0.1\nloss = (sum(x*x) - 200)^2 + sum(x)", {OK}, "", marks=pytest.mark.slow
        ),
    ],
)
def test_entries_are_no_defects_of_ours(text: str, verdicts: set[Verdict], note: str) -> None:
    report = check(text)
    assert report.verdict in verdicts | {UNRESOLVED}
    for block in report.parameters:
        assert block.verdict in verdicts
        notes = [entry.note or "" for entry in block.entries]
        assert note in notes[0]
        assert not any("defect" in told for told in notes)
