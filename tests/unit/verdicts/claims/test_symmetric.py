"""Claims that are right for symmetric matrices: ok with that note where the matrix is used as one, never for
that of a map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from build import one_of
from claimed import judged_alone
from gradcheck_cli import api
from gradcheck_cli.results.gradient_results import ClaimResult, Restriction, Verdict

C = "param C[2,2] = [[3, -0.4], [-0.4, 0.9]]\n"
GAUSS = f"data m[2] = [0.2, -1]\n{C}param x[2] = [1.5, 0.3]\nr = x - m\n"
TWO = f"{C}param D[2,2] = [[1, 0.25], [0.25, 2]]\n"


def only(text: str, claim: str, **options: object) -> ClaimResult:
    (result,) = judged_alone(api.load(f"{text}claim {claim}\n"), **options)
    return result


# (model, right for symmetric matrices, which, wrong twin)
SYMMETRIC = [
    (f"{C}loss = log(det(C))\n", "d loss/d C = inv(C)", "C", "2*inv(C)"),
    (f"{C}loss = trace(inv(C))\n", "d loss/d C = -inv(C) @ inv(C)", "C", "-inv(C)"),
    (f"{C}loss = log(det(C + 0.5*eye(2)))\n", "d loss/d C = inv(C + 0.5*eye(2))", "C", "inv(C)"),
    (f"{GAUSS}loss = r' @ inv(C) @ r/2 + log(det(C))/2\n",
     "d loss/d C = inv(C)/2 - inv(C) @ r @ r' @ inv(C)/2", "C", "inv(C)/2 + inv(C) @ r @ r' @ inv(C)/2"),
    (f"{GAUSS}q = r' @ inv(C) @ r\nloss = exp(-q/2)\n", "d q/d r = 2*inv(C) @ r", "C", "inv(C) @ r"),
    (f"{GAUSS}s = r'\nP = inv(C)\nloss = s @ P @ r\n", "d loss/d x = 2*P @ r", "C", "P @ r"),
    (f"{GAUSS}a = C @ r\nloss = dot(r, a)\n", "d loss/d r = C @ d loss/d a + a", "C", "C @ d loss/d a"),
    (f"{GAUSS.replace('param C', 'data C')}loss = r' @ C @ r\n", "d loss/d x = 2*C @ r", "C", "C @ r"),
    (f"{TWO}loss = trace(C @ D)\n", "d loss/d C = D", "D", "C"),
    (f"{TWO}loss = trace(C @ D @ C)\n", "d loss/d C = D @ C + C @ D", "C and D", "2*D @ C"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "right", "names", "wrong"), one_of(3, SYMMETRIC))
def test_right_for_symmetric_matrices(model: str, right: str, names: str, wrong: str) -> None:
    result = only(model, right)
    assert (result.verdict, result.note) == (Verdict.OK, f"right for every symmetric {names}")
    assert result.only == (Restriction.SYMMETRY,)
    assert only(model, right, strict=True).verdict is Verdict.WRONG
    assert only(model, f"{right.split(' = ')[0]} = {wrong}").verdict is Verdict.WRONG


def test_what_is_right_for_every_matrix_needs_no_note() -> None:
    assert only(f"{C}loss = log(det(C))\n", "d loss/d C = inv(C)'").note is None
    assert only(f"{C}loss = sum(C^2)\n", "d loss/d C = 2*C", strict=True).verdict is Verdict.OK


MAP = "data t[2] = [0.5, 1]\nparam W[2,2] = [[4, 1], [1, 2]], v[2] = [0.3, -0.4], c = 2\n"


@pytest.mark.parametrize(
    ("model", "wrong", "right"),
    [
        (f"{MAP}h = tanh(v)\nf = W @ h\nloss = sum((f - t)^2)\n",
         "d loss/d h = W @ d loss/d f", "W' @ d loss/d f"),
        (f"{MAP}f = W @ v\nloss = sum(f^2)\n", "d loss/d v = 2*W @ W @ v", "2*W' @ W @ v"),
        (f"{MAP}f = W @ W @ v\nloss = sum(f)\n", "d loss/d v = W @ W @ ones(2)", "W' @ W' @ ones(2)"),
        (f"{MAP}h = c*ones(2)\nf = W @ h\nloss = sum(f)\n", "d loss/d h = W @ d loss/d f", "W' @ d loss/d f"),
        (f"{MAP}f = W @ v\nloss = dot(f, v)\n", "d f/d v = W'", "W"),
    ],
)  # fmt: skip
def test_not_for_the_matrix_of_a_map(model: str, wrong: str, right: str) -> None:
    model = f"set layout = numerator\n{model}"
    result = only(model, wrong, points=4)
    assert result.verdict is Verdict.WRONG
    names = ("W where W' belongs", "is transposed", "has (2*W) @ W @ v where (2*W)' @ W @ v belongs")
    assert any(words in str(result.diagnosis) for words in names)
    assert only(model, f"{wrong.split(' = ')[0]} = {right}").verdict is Verdict.OK


@pytest.mark.parametrize("matrix", ["[[4, 0], [0, 2]]", "[[0, 0], [0, 0]]"])
def test_diagonal_and_zero_matrices_are_no_symmetric_ones(matrix: str) -> None:
    model = f"param A[2,2] = {matrix}, x[2] = [1, -2]\nloss = x' @ A @ x + x[0]\n"
    assert only(model, "d loss/d x = 2*A @ x + [1, 0]").verdict is Verdict.WRONG
    assert only(model, "d loss/d x = (A + A') @ x + [1, 0]").verdict is Verdict.OK


def test_a_matrix_that_is_not_symmetric_is_none() -> None:
    model = C.replace("[-0.4, 0.9]", "[0.4, 0.9]") + "loss = log(det(C))\n"
    assert only(model, "d loss/d C = inv(C)").verdict is Verdict.WRONG


def test_a_matrix_for_each_example(tmp_path: Path) -> None:
    np.save(tmp_path / "S.npy", np.array([[[2, 0.5], [0.5, 3]], [[1, -0.2], [-0.2, 4]]]))
    text = 'rows S[2,2] from "S.npy"\nparam x[2] = [1, -2]\nloss = sum_rows(x\' @ S @ x)\nclaim d loss/d x = '
    for formula, verdict in (("sum_rows(2*S @ x)", Verdict.OK), ("sum_rows(S @ x)", Verdict.WRONG)):
        (tmp_path / "m.txt").write_text(text + formula)
        (result,) = judged_alone(api.load(tmp_path / "m.txt"))
        assert result.verdict is verdict
        if verdict is Verdict.OK:
            assert (result.note, result.only) == ("right for every symmetric S", (Restriction.SYMMETRY,))


def test_a_kernel_matrix_that_is_nearly_singular() -> None:
    at = np.arange(3)
    rows = np.exp(-((at[:, None] - at) ** 2) / 40) + 1e-4 * np.eye(3)
    model = f"data K[3,3] = {rows.tolist()}, y[3] = [1, -1, 2]\nparam s = 0.3\nB = K + s*eye(3)\n"
    model += "a = inv(B) @ y\nloss = dot(y, a)/2 + log(det(B))/2\n"
    assert only(model, "d loss/d s = trace(inv(B))/2 - dot(a, a)/2").verdict is Verdict.OK
    assert only(model, "d loss/d B = inv(B)/2 - a @ a'/2").verdict is Verdict.OK
    assert only(model, "d loss/d B = inv(B)/2 + a @ a'/2").verdict is Verdict.WRONG


@pytest.mark.parametrize(("factor", "verdict"), [("1", Verdict.OK), ("1.001", Verdict.WRONG)])
def test_a_symmetric_matrix_that_the_loss_does_not_use(factor: str, verdict: Verdict) -> None:
    matrix = "param S[2,2] symmetric = [[-1.0, -1.8], [-1.8, 1.6]]\n"
    text = f"param p[2] = [2, 1]\n{matrix}s = where(p > 0, p, 1/(p - p))\nloss = var(s)\n"
    report = api.check(api.load(f"{text}claim d loss/d p = {factor}*(d loss/d s)\n"), points=2)
    assert report.claims[0].verdict is verdict
