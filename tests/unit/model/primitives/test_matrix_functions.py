"""Factors, log-determinants, eigenvalues, products by letters, variances and sorted entries, against values
and derivatives that are found here in other ways: fractions, complex steps through textbook loops, mpmath."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import permutations
from typing import Any

import mpmath
import numpy as np
import pytest

from build import high
from gradcheck_cli import api
from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.language.printer import show
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.results.gradient_results import Report, Verdict

ULP = 2.0**-52
A = np.array([[2.0, 0.5, -0.25], [0.75, 1.5, 0.5], [0.125, -0.5, 1.0]])
B = np.array([1.0, -2.0, 0.5])
GIVEN = f"param A[3,3] = {A.tolist()}, b[3] = {B.tolist()}, W[2,3] = [[1, 2, 4], [0.5, -1, 3]]\n"


def run(text: str, *claims: str, points: int = 1) -> Report:
    lines = "".join(f"\nclaim {c}" for c in claims)
    return api.check(api.load(text + lines), points=points)


def gradient(text: str, name: str = "A") -> np.ndarray:
    report = run(text)
    assert report.verdict is Verdict.OK, report
    (block,) = (p for p in report.parameters if p.name == name)
    found = np.empty(block.shape)
    for entry in block.entries:
        found[tuple(entry.index)] = entry.backprop
        assert entry.symbolic == pytest.approx(entry.backprop, rel=1e-11, abs=1e-14)
    return found


def complex_step(function: Any, at: np.ndarray) -> np.ndarray:
    found = np.empty(at.shape)
    for place in np.ndindex(at.shape):
        moved = at.astype(complex)
        moved[place] += 1e-200j
        found[place] = function(moved).imag / 1e-200
    return found


# --- the same in other words -------------------------------------------------------------------


def determinant(a: Any) -> Any:
    """Leibniz' sum over permutations."""
    n, found = len(a), 0
    for places in permutations(range(n)):
        swaps = sum(places[i] > places[j] for i in range(n) for j in range(i + 1, n))
        found = found + (-1) ** swaps * math.prod(a[i][j] for i, j in enumerate(places))
    return found


def cramer(a: Any, b: Any) -> list[Any]:
    """Cramer's rule."""
    n, whole = len(a), determinant(a)
    columns = ([[b[i] if j == k else a[i][j] for j in range(n)] for i in range(n)] for k in range(n))
    return [determinant(column) / whole for column in columns]


def lower_factor(a: Any) -> np.ndarray:
    """Banachiewicz' row by row, of the symmetric part."""
    a = (a + a.T) / 2
    found = np.zeros_like(a)
    for i, j in zip(*np.tril_indices(len(a)), strict=True):
        rest = a[i, j] - sum(found[i, k] * found[j, k] for k in range(j))
        found[i, j] = np.sqrt(rest) if i == j else rest / found[j, j]
    return found


WEIGHTS = np.array([[1.0, 9.0, 9.0], [-2.0, 0.5, 9.0], [3.0, 1.5, -1.0]])
SAME: dict[str, tuple[str, Any]] = {
    "solve": ("dot(solve(A, b), [1, 2, -3])", lambda a: np.dot(cramer(a, B), [1, 2, -3])),
    "solve a matrix": ("sum(solve(A, W')[1,:])", lambda a: sum(
        cramer(a, w)[1] for w in ([1.0, 2.0, 4.0], [0.5, -1.0, 3.0]))),
    "logdet": ("logdet(A)", lambda a: np.log(determinant(a))),
    "slogdet": ("slogdet(-A)", lambda a: np.log(determinant(a))),
    "cholesky": (f"sum({WEIGHTS.tolist()}*cholesky(A))", lambda a: np.sum(WEIGHTS * lower_factor(a))),
    "tril": ("sum(tril(A)^3)", lambda a: sum(a[i, j] ** 3 for i in range(3) for j in range(i + 1))),
    "kron": ("sum(kron(A, W)^2)", lambda a: np.sum(a * a) * (1 + 4 + 16 + 0.25 + 1 + 9)),
    "cross": ("dot(cross(A[:,0], b), A[1,:])", lambda a: determinant([a[:, 0], B, a[1]])),
    "einsum": ('einsum("i,ij,j", b, A, A[0,:])', lambda a: B @ a @ a[0]),
    "einsum of a diagonal": ('einsum("ii,ij->", A, A)', lambda a: np.trace(a) * 0 + sum(
        a[i, i] * a[i, j] for i in range(3) for j in range(3))),
    "var": ("var(A)", lambda a: np.sum((a - np.sum(a) / 9) ** 2) / 9),
    "var of samples": ("sum(var(A, axis=1, ddof=1)^2)", lambda a: sum(
        (np.sum((row - np.sum(row) / 3) ** 2) / 2) ** 2 for row in a)),
    "std": ("std(A, correction=1)", lambda a: np.sqrt(np.sum((a - np.sum(a) / 9) ** 2) / 8)),
    "sort": ("dot(sort(A[0,:]), [1, 10, 100])", lambda a: a[0, 2] + 10 * a[0, 1] + 100 * a[0, 0]),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_values_and_gradients_are_those_of_the_definition(name: str) -> None:
    formula, function = SAME[name]
    model = api.load(f"{GIVEN}loss = {formula}")
    assert api.check(model, points=1).loss == pytest.approx(function(A), rel=64 * ULP)
    expected = complex_step(function, A)
    assert gradient(f"{GIVEN}loss = {formula}") == pytest.approx(expected, rel=1e-13, abs=1e-13)


def test_a_solution_at_high_precision_is_exact() -> None:
    m = high()
    exact = cramer([[Fraction(x) for x in row] for row in A.tolist()], [Fraction(x) for x in B.tolist()])
    found = m.solve(m.array(A)[None, None], m.array(B)[None, None, :, None])[0, 0, :, 0]
    for x, e in zip(found, exact, strict=True):
        assert abs(x - m.context.mpf(e.numerator) / e.denominator) < m.context.mpf(10) ** -48


def test_eigenvalues_are_the_zeros_of_the_characteristic_polynomial() -> None:
    m = high()
    for values in (FLOAT64.eigenvalues(A[None, None])[0, 0], m.eigenvalues(m.array(A)[None, None])[0, 0]):
        assert list(values) == sorted(values)
        for value in values:
            shifted = [[mpmath.mpf(x) - (i == j) * mpmath.mpf(value) for j, x in enumerate(row)]
                       for i, row in enumerate(((A + A.T) / 2).tolist())]  # fmt: skip
            assert abs(determinant(shifted)) < 1e-13


def test_the_derivative_of_an_eigenvalue_is_that_of_its_polynomial() -> None:
    """By the implicit function theorem, from differences of the polynomial's zero at 60 digits."""
    context = mpmath.ctx_mp.MPContext()
    context.dps = 60

    def smallest(a: Any) -> Any:
        return min(context.eigsy(context.matrix(((a + a.T) / 2).tolist()), eigvals_only=True))

    found = gradient(f"{GIVEN}loss = eigvalsh(A)[0]")
    assert found == pytest.approx(found.T)
    for i, j in ((0, 0), (0, 1), (2, 1)):
        step = context.mpf(10) ** -20
        sides = []
        for h in (step, -step):
            moved = np.array([[context.mpf(x) for x in row] for row in A.tolist()], dtype=object)
            moved[i, j] += h
            sides.append(smallest(moved))
        assert found[i, j] == pytest.approx(float((sides[0] - sides[1]) / (2 * step)), rel=1e-12)


# --- where they end ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ("sum(cholesky(A))", "cholesky of an array [2,2], which is outside its domain (symmetric part"),
        ("logdet(A)", "logdet of an array [2,2], which is outside its domain (det(A) > 0)"),
        ("sum(solve(A - [[0, 0], [0, -3]], [1, 1]))", "solve of an array [2,2] and an array [2], which"),
    ],
)
def test_outside_the_domain_the_reason_is_said(loss: str, said: str) -> None:
    report = run(f"param A[2,2] = [[1, 2], [2, 1]]\nloss = {loss}")
    assert report.verdict is Verdict.UNRESOLVED
    assert said in report.value_note


def test_a_matrix_that_is_not_symmetric_has_a_note() -> None:
    said = "cholesky (line 2) is that of (A + A')/2: its matrix is not symmetric"
    text = "param A[2,2] = [[2, 0.5], [{}, 1]]\nloss = sum(cholesky(A))"
    assert said in run(text.format(0.1)).notes
    assert not run(text.format(0.5)).notes


def test_the_margin_of_cholesky_is_negative_from_the_first_pivot_that_is() -> None:
    margin = PRIMITIVES["cholesky"].domain
    assert margin is not None
    for matrix, sign in (([[1, 2], [2, 5]], 1), ([[1, 2], [2, 4]], 0), ([[1, 2], [2, 3]], -1),
                         ([[-1, 0], [0, 5]], -1), ([[0, 1], [1, 5]], 0)):  # fmt: skip
        for m in (FLOAT64, high()):
            found = margin(m, m.array(np.array(matrix, dtype=float))[None, None])
            assert np.sign(float(found[0, 0])) == sign, matrix


@pytest.mark.parametrize("n", [3, 60])
def test_signs_and_logarithms_of_determinants_do_not_underflow(n: int) -> None:
    tiny = np.diag(np.full(n, 1e-250)) + 1e-252
    for sign, matrix in ((1, tiny), (-1, tiny[::-1] if n % 4 in (2, 3) else tiny[[1, 0, *range(2, n)]])):
        assert np.sign(FLOAT64.det_sign(matrix[None, None] / 1e-250)) == sign
        found = FLOAT64.log_det(matrix[None, None], positive=False)[0, 0]
        expected = n * math.log(1e-250) + math.log1p(n * 0.01)
        assert found == pytest.approx(expected, rel=1e-14)
        assert np.isnan(FLOAT64.log_det(matrix[None, None], positive=True)[0, 0]) == (sign < 0)


def test_a_repeated_eigenvalue_is_a_kink_and_what_is_symmetric_in_it_is_none() -> None:
    given = "param S[3,3] symmetric = [[2, 1, 1], [1, 2, 1], [1, 1, 2]]\nw = eigvalsh(S)\n"
    assert run(f"{given}loss = w[0]").verdict is Verdict.KINK
    right = run(f"{given}loss = sum(w^2)", "d loss/d S = 2*S")
    assert right.verdict is Verdict.OK
    assert run(f"{given}loss = sum(w^2)", "d loss/d S = S").verdict is Verdict.WRONG
    assert run(f"{given}loss = w[2]").verdict is Verdict.OK


@pytest.mark.parametrize("gap", [1e-2, 1e-4, 1e-6, pytest.param(1e-8, marks=pytest.mark.slow)])
def test_eigenvalues_that_are_nearly_one_keep_their_digits(gap: float) -> None:
    given = f"param A[3,3] = [[2, 1, 1], [1, {2 + gap}, 1], [1, 1, 2]]\nw = eigvalsh(A)\n"
    assert run(f"{given}loss = w[0] + 2*w[1]^2").verdict is Verdict.OK


def test_equal_entries_are_a_kink_of_sort_alone() -> None:
    given = "param x[4] = [3, 1, 1, 2]\ny = sort(x)\n"
    assert run(f"{given}loss = 2*y[0] + 3*y[1]").verdict is Verdict.KINK
    assert run(f"{given}loss = 2*y[0] + 2*y[1] + y[3]^2", "d loss/d x = [6, 2, 2, 0]").verdict is Verdict.OK
    assert run("param x[3] = [0.7, 0.7, 0.7]\nloss = std(x)").verdict is Verdict.KINK


def test_no_two_orders_have_the_same_signs() -> None:
    orders = [np.array(p, dtype=float) for p in permutations(range(4))]
    margins = [PRIMITIVES["sort"].kink(FLOAT64, x[None, None], axis=0, along=-1) for x in orders]  # type: ignore[misc]
    signs = {tuple(np.sign(np.stack(m)).reshape(-1)) for m in margins}
    assert len(signs) == len(orders)


# --- claims, text and what does not fit ----------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "right", "wrong"),
    [
        ("logdet(A @ A')", "2*inv(A)'", "inv(A)'"),
        ("slogdet(A)", "inv(A)'", "inv(A)"),
        ("dot(b, solve(A, b))", "-solve(A', b) @ solve(A, b)'", "-solve(A, b) @ solve(A, b)'"),
        ("einsum(\"ij,ij->\", A, A)", "2*A", "A"),
        ("var(A)", "2*(A - mean(A))/9", "2*(A - mean(A))/8"),
        ("std(A, correction=1)", "(A - mean(A))/(8*std(A, correction=1))", "(A - mean(A))/(9*std(A))"),
        ("sum(kron(A, W))", "sum(W)*ones(3,3)", "ones(3,3)"),
        pytest.param("sum(eigvalsh(A))", "eye(3)", "ones(3,3)", marks=pytest.mark.slow),
        ("sum(eigvalsh(A)^2)", "A + A'", "2*A"),
    ],
)  # fmt: skip
def test_claims(loss: str, right: str, wrong: str) -> None:
    report = run(GIVEN + f"loss = {loss}", f"d loss/d A = {right}", f"d loss/d A = {wrong}", points=2)
    assert [c.verdict for c in report.claims] == [Verdict.OK, Verdict.WRONG]


def test_what_is_shown_is_read_again() -> None:
    text = GIVEN + 'v = einsum(" ij , j ", A, b)\ns = std(W, axis=1, ddof=1)\n'
    text += "loss = dot(v, sort(b)) + sum(s) + sum(kron(b, b)) + logdet(A) + var(b, correction=0.5)"
    printed = show(api.load(text))
    assert 'einsum("ij,j->i", A, b)' in printed
    assert "std(W, axis=1, correction=1)" in printed
    assert show(api.load(printed)) == printed


def test_names_of_a_file_hide_them() -> None:
    text = "param var = 2, std = 3, sort = 0.5, cross = 1, solve = 2, kron = 1, einsum = 1, tril = 1\n"
    model = api.load(text + "loss = var*std*sort*cross*solve*kron*einsum*tril + mean([var, std])")
    assert api.check(model, points=1).verdict is Verdict.OK
    with pytest.raises(GradcheckError, match="hides the function var"):
        api.load("param var = 2, x[2] = [1, 2]\nloss = var + var(x)")


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ('einsum("ij,jk->ik", A, W)', "the axis j has the length 3 so far, and 2 in array 2"),
        ('einsum("ij", A, b)', "are those of 1 arrays, not of 2"),
        ('einsum("ij->ik", A)', "the result has the axis k, and no array has it"),
        ('einsum("ii->ii", A)', "has an axis twice"),
        ('einsum("i...", A)', "write a letter for each axis that it stands for"),
        ('einsum("i1", A)', "hold more than letters, commas and one arrow"),
        ('einsum("i", A)', '"i" has 1 letters, and array 1 2 axes'),
        ("einsum(A, b)", "the first argument of einsum is a text in quotation marks"),
        ('sum("ij")', "a text in quotation marks is no number"),
        ("solve(A, W)", "needs a b of 3 rows, not [2,3]"),
        ("cross(b, W)", "cross takes two vectors [3]"),
        ("kron(A, b)", "kron takes two matrices, or two vectors"),
        ("var(b, ddof=3)", "the variance of 3 entries with correction=3 is divided by 0"),
        ("tril(b)", "tril takes a matrix, not [3]"),
        ("sort(W)", "sort of a matrix, here [2,3], needs an axis"),
    ],
)
def test_what_does_not_fit(formula: str, message: str) -> None:
    with pytest.raises(GradcheckError) as caught:
        api.load(f"{GIVEN}loss = sum({formula})")
    assert message in str(caught.value)
    assert caught.value.help


def test_a_matrix_for_each_row() -> None:
    text = """rows S[2,2] = [[[2, 0.5], [0.5, 1]], [[3, 1], [1, 2]]], y[2] = [[1, 2], [0.5, -1]]
param t = 0.3
C = S + t*eye(2)
l = dot(y, solve(C, y)) + logdet(C) + sum(cholesky(C)) + eigvalsh(C)[0] + std(y)
loss = sum_rows(l)"""
    expected = 0
    for s, y in (([[2, 0.5], [0.5, 1]], [1, 2]), ([[3, 1], [1, 2]], [0.5, -1])):
        c = np.array(s) + 0.3 * np.eye(2)
        expected += y @ np.linalg.inv(c) @ y + math.log(np.linalg.det(c)) + np.linalg.cholesky(c).sum()
        expected += np.linalg.eigvalsh(c)[0] + np.std(y)
    report = run(text)
    assert report.verdict is Verdict.OK
    assert report.loss == pytest.approx(expected, rel=1e-14)
