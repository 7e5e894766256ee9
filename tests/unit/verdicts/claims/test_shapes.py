"""Right sides of another shape than the derivative: read as it where every entry is right, with a note."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from build import one_of
from claimed import judged_alone
from gradcheck_cli import api
from gradcheck_cli.language import show
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict

BATCH = """data X[3,2] = [[1, 4], [-2, 0.5], [3, -1]], T[3,2] = [[1, 0], [0, 1], [1, 1]]
param b[2] = [0.2, -0.6], r[1,2] = [[0.3, 0.7]], c[3,1] = [[0.1], [-0.4], [0.9]], s = 0.7
F = s*X + b + r + c
loss = sum((F - T)^2)
"""
E = "2*(F - T)"


def only(text: str, **options: object) -> ClaimResult:
    (result,) = judged_alone(api.load(text), **options)
    return result


@pytest.mark.parametrize(
    ("right", "note", "wrong"),
    one_of(3, [
        (f"d loss/d b = sum({E}, axis=0)", "the shape [1,2] was read as [2]", f"mean({E}, axis=0)"),
        (f"d loss/d b = (sum({E}, axis=0))'", "the shape [2,1] was read as [2]", "(sum(F - T, axis=0))'"),
        (f"d loss/d r = sum({E}, axis=0)[0,:]", "the shape [2] was read as [1,2]", "sum(F, axis=0)[0,:]"),
        (f"d loss/d c = sum({E}, axis=1)[:,0]", "the shape [3] was read as [3,1]", "sum(F, axis=1)[:,0]"),
        (f"d loss/d r = sum({E}, axis=0)", None, f"(sum({E}, axis=0))'"),  # the transpose of a matrix
        (f"d loss/d c = sum({E}, axis=1)", None, f"(sum({E}, axis=1))'"),
        ("d F/d s = X", None, "X'"),
    ]),
)
def test_a_row_or_column_beside_a_vector(right: str, note: str | None, wrong: str) -> None:
    result = only(f"{BATCH}claim {right}\n")
    assert (result.verdict, result.note) == (Verdict.OK, note)
    assert only(f"{BATCH}claim {right}\n", strict=True).verdict is Verdict.OK
    assert only(f"{BATCH}claim {right.split(' = ')[0]} = {wrong}\n").verdict is Verdict.WRONG


SUM = "data c = 0.7\nparam v[3] = [4, -2, 0.5], W[2,2] = 1\nf = c*v\nloss = sum(f) + sum(W) + 0*sum(v^2)\n"


@pytest.mark.parametrize(
    ("right", "count", "wrong"),
    [
        ("d loss/d v = c", 3, "2*c"), ("d loss/d v = 0.70", 3, "0.71"), ("d loss/d W = 1", 4, "2"),
        ("d loss/d f = 1", 3, "0"),
    ],
)  # fmt: skip
def test_one_number_for_all_entries(right: str, count: int, wrong: str) -> None:
    result = only(f"{SUM}claim {right}\n")
    name = right.split(" = ")[0]
    assert result.verdict is Verdict.OK
    assert str(result.note).endswith(f"one number for all {count} entries of {name}")
    assert only(f"{SUM}claim {name} = {wrong}\n").verdict is Verdict.WRONG


def test_one_number_is_no_matrix_of_a_map() -> None:
    result = only(f"{SUM}claim d f/d v = c\n")
    assert result.verdict is Verdict.WRONG
    assert result.note == "one number for all 9 entries of d f/d v"
    assert result.place == "all but the diagonal of d f/d v"


def test_how_a_wrong_right_side_was_read_is_said_where_nothing_else_is() -> None:
    result = only("param v[2] = [3, 8]\nloss = sum(v^3)\nclaim d loss/d v = 77.7\n")
    assert (result.verdict, result.note) == (Verdict.WRONG, "one number for all 2 entries of d loss/d v")


@pytest.mark.parametrize("numbers", ["[[2.0, -6.0, 10.0]]", "[[2.0], [-6.0], [10.0]]", "[[2, -6, 10]]"])
def test_typed_rows_and_columns(numbers: str) -> None:
    text = "param v[3] = [1, -3, 5]\nloss = sum(v^2)\nclaim d loss/d v = "
    result = only(text + numbers)
    assert result.verdict is Verdict.OK
    assert "was read as [3]" in str(result.note)
    assert only(text + numbers.replace("6", "7")).verdict is Verdict.WRONG


@pytest.mark.parametrize("value", [10.0, 11.0])
def test_tables_and_arrays_of_one_row(tmp_path: Path, value: float) -> None:
    (tmp_path / "g.csv").write_text(f"a,b,c\n2.0,-6.0,{value}\n")
    np.save(tmp_path / "g.npy", np.array([[2.0, -6.0, value]]))
    np.save(tmp_path / "h.npy", np.array([[2.0], [-6.0], [value]]))
    verdict = Verdict.OK if value == 10 else Verdict.WRONG
    for file, note in (("g.csv", None), ("g.npy", "[1,3]"), ("h.npy", "[3,1]")):
        text = f'param v[3] = [1, -3, 5]\nloss = sum(v^2)\nclaim d loss/d v from "{file}"\n'
        (tmp_path / "m.txt").write_text(text)
        (result,) = judged_alone(api.load(tmp_path / "m.txt"))
        assert result.verdict is verdict, file
        if verdict is Verdict.OK and note:
            assert result.note == f"the shape {note} was read as [3]"


def test_rows_of_each_example() -> None:
    text = "rows x[2] = [[1, 2], [0.5, -1], [3, 1]]\nparam w[2] = [2, -1]\n"
    text += "f = dot(w, x)\nloss = sum_rows(f^2)\n"
    assert only(f"{text}claim d f/d w = x'\n").note == "the shape [1,2] was read as [2]"
    assert only(f"{text}claim d f/d w = w'\n").verdict is Verdict.WRONG
    assert only(f"{text}claim d loss/d w = sum_rows(2*f*x')\n").verdict is Verdict.OK


# ---------------------------------------------------------------------------------------------
# x' @ A @ x is a number
# ---------------------------------------------------------------------------------------------

FORM = "data A[2,2] = [[3, 1], [-0.5, 2]], m[2] = [0.2, -1]\nparam x[2] = [0.7, 1.2], v[2] = [1, -2]\n"


@pytest.mark.parametrize(
    ("steps", "right", "wrong"),
    one_of(3, [
        ("q = x' @ A @ x\nloss = q^2", "d q/d x = (A + A') @ x", "2*A @ x"),
        ("q = x' @ A @ x\nloss = q^2", "d loss/d q = 2*q[0]", "q[0]"),
        ("loss = sum((x' @ A @ x)*v)", "d loss/d v = (x' @ A @ x)*ones(2)", "(x' @ A @ v)*ones(2)"),
        ("q = (x - m)' @ inv(A) @ (x - m)/2\nloss = exp(-q)",
         "d q/d A = -inv(A)' @ (x - m) @ (x - m)' @ inv(A)'/2", "inv(A)' @ (x - m) @ (x - m)' @ inv(A)'/2"),
        ("q = [x' @ A @ x, v' @ A @ x]\nloss = sum(q^2)", "d loss/d q = 2*q", "q"),
        ("q = concat(x' @ A @ x, v)\nloss = sum(q^2)", "d loss/d q = 2*q", "q"),
        ("h = 2*x'\nq = h @ A @ x\nloss = q[0]", "d loss/d x = 2*(A + A') @ x", "2*A @ x"),
        ("q = x' @ A @ x\nloss = norm(q)", "d loss/d q = q/norm(q)", "q"),
    ]),
)  # fmt: skip
def test_a_quadratic_form_is_a_number_where_one_is_needed(steps: str, right: str, wrong: str) -> None:
    text = f"{FORM}{steps}\nclaim "
    assert only(f"{text}{right}\n").verdict is Verdict.OK
    assert only(f"{text}{right.split(' = ')[0]} = {wrong}\n").verdict is Verdict.WRONG
    printed = show(api.load(FORM + steps))
    assert show(api.load(printed)) == printed


def test_a_layer_of_one_unit_stays_a_vector_of_one() -> None:
    text = "data x[2] = [1, 2]\nparam W[1,2] = [[0.5, 1]], b[1] = 0.3\nf = W @ x + b\nloss = sum(f^2)\n"
    model = api.load(text)
    assert model.node("f").shape == (1,)
    assert only(f"{text}claim d loss/d W = 2*f @ x'\n").verdict is Verdict.OK


def test_one_number_for_all_entries_of_a_jacobian() -> None:
    model = "param v[2] = [1, 2]\nf = sum(v)*[1, 1]\nloss = sum(f)\n"
    for right in ("1", "1.0", "1 + 0*v[0]"):
        result = only(f"{model}claim d f/d v = {right}\n")
        assert (result.verdict, result.total) == (Verdict.OK, 4)
    for wrong in ("2", "1.1", "v[0] + 1"):
        assert only(f"{model}claim d f/d v = {wrong}\n").verdict is Verdict.WRONG
