"""Values that do not move keep their shape, and a branch that is not taken may be anything."""

from __future__ import annotations

import pytest

from build import one_of
from gradcheck_cli import Verdict, api

V, B = "param v[3] = [1, 2, 3]\n", "param B[2,2] = [[1, 2], [3, 5]]\n"
ROWS = "rows x[2] = [[1, 2], [3, 4]]\nparam w[2] = [1, 2]\n"


@pytest.mark.parametrize(
    ("text", "loss"),
    one_of(3, [
        (V + "loss = sum(v^0) + sum(v)", 9),
        (V + "loss = sum(v/v)*2 + sum(v)", 12),
        (V + "loss = logsumexp((v - v)*3) - log(3) + sum(v)", 6),
        (V + "loss = -sum(log_softmax(v - v)) - 3*log(3) + sum(v)", 6),
        (V + "loss = (v^0)[1] + sum(v)", 7),
        (V + "loss = prod(v - v) + sum(v)", 6),
        (V + "loss = sum(concat(v^0, v - v)) + sum(v)", 9),
        (V + "loss = sum(outer(v^0, v))", 18),
        (B + "loss = trace(B^0) + sum(B)", 13),
        (B + "loss = sum(max(B^0, axis=0)) + sum(B)", 13),
        (B + "loss = sum(mean(B/B, axis=1)) + sum(B)", 13),
        (B + "loss = sum(softmax(B - B, axis=0)) + sum(B)", 13),
        (B + "loss = det(B - B) + sum(B)", 11),
        (ROWS + "loss = sum_rows(sum((x*w)^0)) + sum(w)", 7),
        (ROWS + "loss = sum_rows(sum(x - x)) + sum(w)", 3),
        ("param u[3] = 1, v[2] = 1\nloss = sum(concat(sin(u), sin(v)))", None),
        ("param A[2,3] = 0.3, B[3,4] = 0.2\nloss = sum(tanh(A) @ tanh(B))", None),
        ("param u[3] = 1, v[2] = 1\nloss = sum(outer(sin(u), cos(v)))", None),
        ("param x = 2\nloss = where(x > 0, x, 1/(x - x))", 2),
        ("param x = 2\nloss = where(x > 0, x, log(x - x))", 2),
    ]),
)
def test_all_methods_agree(text: str, loss: float | None) -> None:
    report = api.check(api.load(text + "\n"), points=2)
    assert {block.verdict for block in report.parameters} == {Verdict.OK}
    assert loss is None or report.loss == pytest.approx(loss, rel=1e-14)


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        (V + "loss = sum(v^0*v)", "d loss/d v = ones(3)", "d loss/d v = 2*ones(3)"),
        (V + "h = v^0\nloss = sum(h*v)", "d loss/d h = v", "d loss/d h = v^0"),
        (B + "loss = sum(B/B) + sum(B)", "d loss/d B = ones(2,2)", "d loss/d B = 0*B"),
        (V + "loss = prod(v - v) + sum(v)", "d loss/d v = ones(3)", "d loss/d v = v"),
        ("param x = 2\nloss = where(x > 0, x, 1/(x - x))", "d loss/d x = x/x", "d loss/d x = x"),
    ],
)
def test_claims(text: str, right: str, wrong: str) -> None:
    report = api.check(api.load(f"{text}\nclaim {right}\nclaim {wrong}\n"), points=2)
    assert [c.verdict for c in report.claims] == [Verdict.OK, Verdict.WRONG]
