"""Functions of arrays: softmax and its kin far out, determinants and inverses against exact fractions,
the textbook's models with the right claim and its wrong twins, and messages that name shapes."""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
import pytest

from build import high, one_of
from gradcheck_cli import api
from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.derivatives import backprop, symbolic
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.formulas.passes import right_side
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.complex_step import COMPLEX128
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.gaussian_elimination import cofactors, determinant, inverse
from gradcheck_cli.results.gradient_results import ClaimResult, Report, Verdict

ULP = 2.0**-52


def run(model: str, *claims: str, **options: Any) -> Report:
    text = model + "".join(f"\nclaim {claim}" for claim in claims)
    return api.check(api.load(text), **{"points": 2, **options})


def only(model: str, claim: str, **options: Any) -> ClaimResult:
    (result,) = run(model, claim, **options).claims
    return result


# ---------------------------------------------------------------------------------------------
# softmax, log_softmax, logsumexp far out
# ---------------------------------------------------------------------------------------------

FAR = ([1000.0, -1000.0, 999.5, 3.0], [-1e4, -1e4 - 1, -2e4], [50.0, 0.0], [1e308, 0.0], [0.0, -1e-300])
HIGH = high(900)


def truth(z: list[float]) -> tuple[list[Any], list[Any], Any]:
    """softmax, log_softmax and logsumexp with 900 digits."""
    mp = HIGH.context
    largest = mp.mpf(max(z))
    parts = [mp.exp(max(mp.mpf(v) - largest, mp.mpf(-1e6))) for v in z]
    whole = largest + mp.log(mp.fsum(parts))
    return [p / mp.fsum(parts) for p in parts], [mp.mpf(v) - whole for v in z], whole


@pytest.mark.parametrize("z", FAR, ids=str)
def test_every_digit_is_right_far_out(z: list[float]) -> None:
    x, axes = np.array(z)[None, None], (-1,)
    soft, logs, whole = truth(z)
    # each difference z - max(z) is rounded once, and exp turns that into |z| as many half ulps
    bound = 4 * ULP * max(1.0, min(800.0, max(z) - min(z)))
    for m in (FLOAT64, COMPLEX128):
        with np.errstate(all="raise", under="ignore", over="ignore"):
            found = [np.real(f)[0, 0] for f in (m.softmax(x, axes), m.log_softmax(x, axes))]
            total = np.real(m.logsumexp(x, axes, False))[0, 0]
        for value, true in zip(found[0], soft, strict=True):
            assert abs(value - float(true)) <= bound * float(true) + 5e-324
        for value, true in zip(found[1], logs, strict=True):
            assert abs(value - float(true)) <= 4 * ULP * abs(float(true)) + 5e-324
        assert abs(total - float(whole)) <= 2 * ULP * abs(float(whole)) + 5e-324


def test_log_of_a_sure_thing_keeps_its_digits() -> None:
    """log(1 + exp(-50)) is 2e-22, where log of a rounded 1 is 0."""
    found = FLOAT64.log_softmax(np.array([[[50.0, 0.0]]]), (-1,))[0, 0, 0]
    assert found == pytest.approx(-np.exp(-50.0), rel=4 * ULP)


@pytest.mark.parametrize("z", one_of(3, [
    "[1000, -1000, 999.5, 3]", "[-1e4, -10001, -2e4]", "[50, 0]", "[800, 800]",
]))  # fmt: skip
@pytest.mark.parametrize("function", ["softmax(z)", "log_softmax(z)", "logsumexp(z)", "-log_softmax(z)/3"])
def test_the_verdict_far_out_is_ok(function: str, z: str) -> None:
    at = "" if function.startswith("logsumexp") else "[0]"
    report = run(f"param z = {z}\ny = {function}\nloss = sin(y{at} + 0.3)")
    if z == "[50, 0]" and "softmax" in function:  # 1 - p cancels in SymPy's form, and its column shows it
        first, second = report.parameters[0].entries
        assert (first.verdict, second.verdict) == (Verdict.UNRESOLVED, Verdict.OK)
        assert first.symbolic != pytest.approx(first.reference, rel=1e-6, abs=0)
        assert first.reference == pytest.approx(first.backprop or -(second.backprop or 0), rel=1e-9, abs=0)
    else:
        assert report.verdict is Verdict.OK
    assert "agree" in report.value_note


def test_a_wrong_value_far_out_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SymPy's form is infinite in float64, the forward pass must not go unchecked."""
    text = "param z = [1000, 3]\nloss = logsumexp(z)"
    assert run(text).loss_symbolic == 1000.0
    plain = type(FLOAT64).logsumexp
    monkeypatch.setattr(type(FLOAT64), "logsumexp", lambda *given: 1.001 * plain(*given))
    report = run(text)
    assert report.verdict is Verdict.WRONG
    assert "logsumexp" in report.value_note


def test_per_row_and_per_column() -> None:
    z = np.array([[1.0, 2.0, 0.5], [-1.0, 0.0, 3.0]])
    by_rows = FLOAT64.softmax(z[None, None], (-1,))[0, 0]
    assert by_rows.sum(axis=1) == pytest.approx([1, 1])
    rows = f"rows z[3] = {z.tolist()}\nparam b = 0\np = softmax(z + b)\nloss = sum_rows(p[0])"
    assert forward_pass(api.load(rows)).value("p") == pytest.approx(by_rows, rel=4 * ULP)
    columns = f"param Z[2,3] = {z.tolist()}\np = softmax(Z, axis=0)\nloss = p[0,0]"
    assert forward_pass(api.load(columns)).value("p").sum(axis=0) == pytest.approx([1, 1, 1])


# ---------------------------------------------------------------------------------------------
# det and inv against exact arithmetic
# ---------------------------------------------------------------------------------------------


def exact_determinant(a: list[list[Fraction]]) -> Fraction:
    """Leibniz: the sum over permutations."""
    total = Fraction(0)
    for order in itertools.permutations(range(len(a))):
        inversions = sum(order[i] > order[j] for i in range(len(a)) for j in range(i + 1, len(a)))
        total += (-1) ** inversions * prod((a[i][j] for i, j in enumerate(order)), start=Fraction(1))
    return total


def exact_cofactors(a: list[list[Fraction]]) -> list[list[Fraction]]:
    n = range(len(a))

    def left(i: int, j: int) -> list[list[Fraction]]:
        return [[a[r][c] for c in n if c != j] for r in n if r != i]

    return [[(-1) ** (i + j) * exact_determinant(left(i, j)) for j in n] for i in n]


def fractions(a: np.ndarray) -> list[list[Fraction]]:
    return [[Fraction(float(v)) for v in row] for row in a]


def whole_matrices() -> list[np.ndarray]:
    """Small whole numbers, many zeros: pivots that are missing, singular ones too."""
    random = np.random.default_rng(3)
    found = [random.integers(-2, 3, (n, n)).astype(float) for n in (1, 2, 3, 4, 5, 6) for _ in range(4)]
    found += [np.zeros((n, n)) for n in (1, 2, 4)]
    found += [np.eye(4)[[1, 0, 3, 2]], np.eye(5)[[4, 0, 1, 2, 3]]]
    found += [np.ones((3, 3)), np.arange(9.0).reshape(3, 3)]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("a", whole_matrices(), ids=lambda a: str(a.astype(int).tolist())[:30])
def test_determinants_and_cofactors_are_those_of_leibniz(a: np.ndarray) -> None:
    exact = float(exact_determinant(fractions(a)))
    expected = np.array(exact_cofactors(fractions(a)), dtype=float)
    bound = 64 * ULP * np.abs(a).sum(axis=1).prod()  # Hadamard's bound on what is added up
    assert abs(determinant(a) - exact) <= bound
    assert np.abs(cofactors(a) - expected).max() <= 64 * ULP * max(1.0, np.abs(a).sum()) ** (len(a) - 1)
    given = api.load(f"param A[{len(a)},{len(a)}] = {a.tolist()}\nd = det(A)\nloss = 2*d")
    m = high()
    program = symbolic.lower(given)
    assert symbolic.values(program, given.point(), m)["d"] == exact  # no division: exact
    truth = symbolic.derivative(program, given.point(), "d", ["A"], m)["A"]
    assert (truth.astype(float) == expected).all()


@pytest.mark.parametrize("n", range(1, 9))
def test_symbolic_inverses_are_inverses(n: int) -> None:
    a = np.random.default_rng(n).normal(size=(n, n))
    given = api.load(f"param A[{n},{n}] = {a.tolist()}\nB = inv(A)\nloss = sum(B)")
    m = high()
    found = symbolic.values(symbolic.lower(given), given.point(), m)["B"]
    assert np.abs((m.decimals(a) @ found - np.eye(n)).astype(float)).max() < 1e-45  # of 50 digits
    other = inverse(m.decimals(a))
    assert np.abs((found - other).astype(float)).max() < 1e-44


def test_graded_matrices_keep_their_digits() -> None:
    """Scales far apart: no norm hides the small entries."""
    a = np.diag([1e-150, 1.0, 1e100])
    assert np.diag(cofactors(a)) == pytest.approx([1e100, 1e-50, 1e-150], rel=8 * ULP)
    assert np.diag(FLOAT64.inv(a[None, None])[0, 0]) == pytest.approx([1e150, 1, 1e-100], rel=8 * ULP)
    small = 1e-200 * np.eye(2)  # its determinant is 1e-400
    assert determinant(small) == 0
    assert cofactors(small) == pytest.approx(small, rel=8 * ULP)
    assert FLOAT64.inv(small[None, None])[0, 0] == pytest.approx(1e200 * np.eye(2), rel=8 * ULP)


def test_a_stack_with_singular_matrices_among_others() -> None:
    stack = np.stack([np.eye(3), np.ones((3, 3)), np.diag([1.0, 2.0, 0.0]), np.arange(9.0).reshape(3, 3)])
    expected = [np.array(exact_cofactors(fractions(a)), dtype=float) for a in stack]
    assert np.abs(cofactors(stack) - expected).max() < 1e-13
    found = FLOAT64.inv(stack[None])[0]
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1:]).all()


@pytest.mark.parametrize("seed", one_of(3, range(4)))
def test_badly_conditioned_matrices_are_ok(seed: int) -> None:
    """Singular values over 9 orders: float64 carries fewer digits, and nobody is blamed."""
    random = np.random.default_rng(seed)
    left, right = (np.linalg.qr(random.normal(size=(4, 4)))[0] for _ in range(2))
    a = (left * np.logspace(0, -9, 4)) @ right
    text = f"param A[4,4] = {a.tolist()}\n"
    assert run(text + "loss = log(det(A)^2)").verdict is Verdict.OK
    assert run(text + "B = inv(A)\nloss = B[0,0] + B[2,3]").verdict is Verdict.OK


def test_what_is_zero_for_every_matrix_with_these_zeros_is_zero() -> None:
    """Three rows that live in two columns: elimination leaves 1e-17 of them, and nobody is blamed."""
    a = [[3, 0, 1, 0], [1, 0, 1, 0], [2, 0, 5, 0], [1, 7, 3, 2]]
    b = [[-1, 2, 0, 2, 0], [1, 1, 0, -1, -2], [-1, 0, 0, 0, 0], [3, 2, -1, 1, -1], [0, -1, -3, -5, 0]]
    assert not cofactors(np.array(a, dtype=float))[3].any()  # minors of the three
    for values in (a, b):
        n = len(values)
        report = run(f"param A[{n},{n}] = {values}\nloss = det(A) + sum(A^2)")
        assert report.verdict is Verdict.OK


@pytest.mark.slow
@pytest.mark.parametrize("z", ["[104.78, 15.37, 94.27, -63.61]", "[-1152.76, -176.8, 937.46, 348.9, 210.9]"])
@pytest.mark.parametrize("loss", ["p[0] + p[3]^2", "logsumexp(z)", "sum(log_softmax(z)*p)"])
def test_slopes_that_are_tiny_keep_their_digits(z: str, loss: str) -> None:
    """exp of a rounded difference of 100 would lose 100 half ulps, relative to 1e-45."""
    report = run(f"param z = {z}\np = softmax(z)\nloss = {loss}")
    left_range = z.startswith("[-1152") and loss.startswith("sum")  # slopes like exp(-2000): no float64
    assert report.verdict is (Verdict.UNRESOLVED if left_range else Verdict.OK)
    assert not left_range or all(e.reference is not None for b in report.parameters for e in b.entries
                                 if e.verdict is Verdict.UNRESOLVED)  # fmt: skip


SINGULAR = "param A[3,3] = [[1,2,3],[4,5,6],[7,8,9]]\n"


def test_the_gradient_of_det_at_a_singular_matrix_is_its_cofactors() -> None:
    minor = "A[{0},{2}]*A[{1},{3}] - A[{0},{3}]*A[{1},{2}]"
    others = {0: (1, 2), 1: (2, 0), 2: (0, 1)}  # in turn, so that the signs are right
    rows = [", ".join(minor.format(*others[i], *others[j]) for j in range(3)) for i in range(3)]
    claim = f"d loss/d A = [{', '.join(f'[{row}]' for row in rows)}]"
    for values in (SINGULAR, "param A[3,3] = [[1,2,3],[2,4,6],[0,0,1]]\n"):
        report = run(values + "loss = det(A)", claim)
        assert report.verdict is Verdict.OK
        assert only(values + "loss = det(A)", claim.replace("A[1,1]*A[2,2] -", "")).verdict is Verdict.WRONG


def test_the_inverse_of_a_singular_matrix_is_unresolved_with_its_reason() -> None:
    report = run(SINGULAR + "loss = sum(inv(A))")
    assert report.verdict is Verdict.UNRESOLVED
    assert "inv of an array [3,3], which is outside its domain (det(A) != 0)" in report.value_note
    beside = SINGULAR.replace("9", "9.1")
    assert run(beside + "loss = sum(inv(A))").verdict is Verdict.OK


def test_complex_steps_pass_det_and_inv() -> None:
    text = "param A[4,4] ~ normal(0, 1)\nloss = det(A)^2 + sum(inv(A))"
    report = run(text, scheme="complex")
    assert report.verdict is Verdict.OK
    assert min(e.digits or 0 for b in report.parameters for e in b.entries) > 10


# ---------------------------------------------------------------------------------------------
# Products, ties
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", ["[1, 2, 3]", "[1, 0, 3]", "[0, 0, 3]", "[-1e-200, 1e200, 2, 3, 4, 5, 6]"])
def test_products_with_zeros(values: str) -> None:
    report = run(f"param v = {values}\np = prod(v)\nloss = p + p^2/9")
    assert report.verdict is Verdict.OK


def test_a_tie_stays_a_kink() -> None:
    text = "param v[4] = [1, 2, 2, 0]\n"
    tie = run(text + "loss = max(v) + prod(v) + logsumexp(v)")
    verdicts = [e.verdict for e in tie.parameters[0].entries]
    assert verdicts == [Verdict.OK, Verdict.KINK, Verdict.KINK, Verdict.OK]
    assert run(text + "loss = prod(v) + logsumexp(v)").verdict is Verdict.OK


# ---------------------------------------------------------------------------------------------
# The textbook's models: what is right, and its wrong twins
# ---------------------------------------------------------------------------------------------

ENTROPY = """
data t[4] = [0.1, 0.2, 0.3, 0.4]
param z[4] = [1, -1, 0.5, 3]
loss = -sum(t * log_softmax(z))
"""
ENTROPY_ROWS = """
rows x[3] ~ normal(0, 1) count 6
rows t[2] = [[1, 0], [0, 1], [0.3, 0.7], [0.1, 0.9], [1, 0], [0.5, 0.5]]
param W[2,3] ~ normal(0, 1), b[2] = 0
z = W @ x + b
p = softmax(z)
l = -sum(t * log(p))
loss = mean_rows(l)
"""
CONTRASTIVE = """
data  A[8,5] ~ normal(0, 1), B[8,5] ~ normal(0, 1), tau = 0.1
param W[3,5] ~ xavier
Z = A @ W';  nz = sqrt(sum(Z^2, axis=1));  Zn = Z / nz
Y = B @ W';  Yn = Y / sqrt(sum(Y^2, axis=1))
S = Zn @ Yn' / tau
loss = -trace(log_softmax(S, axis=1)) / 8
"""
ATTENTION = """
data Y[3,2] ~ normal(0, 1)
param Q[3,4] ~ normal(0, 1), K[5,4] ~ normal(0, 1), V[5,2] ~ normal(0, 1)
S = Q @ K' / sqrt(4)
P = softmax(S, axis=1)
O = P @ V
loss = sum((O - Y)^2)
"""
LAYER_NORM = """
data x[5] = [1, -2, 0.5, 3, 0.1], y[5] = [0, 1, 0, 1, 0], eps = 1e-5
param g[5] = [1, 0.5, 2, 1, -1], b[5] = 0, W[5,5] ~ normal(0, 1)
z = W @ x
c = z - mean(z)
s = sqrt(mean(c^2) + eps)
n = c / s
h = g * n + b
loss = sum((h - y)^2)
"""
LOG_DET = """
param A[3,3] = [[3, 1, 0.5], [-1, 2, 0.3], [0.1, 0.4, 1]]
loss = log(det(A))
"""
COVARIANCE = """
data X[6,3] ~ normal(0, 1)
param A[3,3] ~ normal(0, 1)
C = A @ A' + X' @ X
loss = log(det(C))
"""
SOLVE = """
param A[3,3] = [[3, 1, 0.5], [-1, 2, 0.3], [0.1, 0.4, 1]], b[3] = [1, 2, 3]
B = inv(A)
x = B @ b
loss = sum(x^2)
"""
PIECES = """
param a[2] = [1, 2], b[3] = [3, 4, 5], M[2,2] = [[1, 2], [3, 4]]
c = concat(a, b)
D = concat(M, diag(a), axis=1)
E = concat(D, ones(1,4))
p = prod(b)
q = prod(M, axis=0)
loss = sum(E^2) + sum(c^3) + p + sum(diag(M @ eye(2))) + prod(q)
"""
MODELS = {
    "entropy": ENTROPY, "entropy by rows": ENTROPY_ROWS, "contrastive": CONTRASTIVE,
    "attention": ATTENTION, "layer norm": LAYER_NORM, "log det": LOG_DET,
    "covariance": COVARIANCE, "solve": SOLVE, "pieces": PIECES,
}  # fmt: skip
RIGHT = [
    (ENTROPY, "d loss/d z = softmax(z) - t"),
    (ENTROPY_ROWS, "d l/d z = p - t"),
    (ENTROPY_ROWS, "d loss/d W = mean_rows((p - t) @ x')"),
    (CONTRASTIVE, "d loss/d S = (softmax(S, axis=1) - eye(8)) / 8"),
    (ATTENTION, "d loss/d S = P * (d loss/d P - sum(P * d loss/d P, axis=1))"),
    (ATTENTION, "d loss/d K = d loss/d S' @ Q / sqrt(4)"),
    (LAYER_NORM, "d loss/d z = (d loss/d n - mean(d loss/d n) - n * mean(n * d loss/d n)) / s"),
    (LOG_DET, "d loss/d A = inv(A)'"),
    (COVARIANCE, "d loss/d A = 2 * inv(C)' @ A"),
    (SOLVE, "d loss/d A = -B' @ d loss/d B @ B'"),
    (PIECES, "d p/d b = p / b"),
    (PIECES, "d c/d a = concat(eye(2), 0*ones(3,2))"),
    (PIECES, "d loss/d D = (d loss/d E)[0:2,:]"),
]
WRONG = [
    (ENTROPY, "d loss/d z = t - softmax(z)", "has the wrong sign"),
    (ENTROPY, "d loss/d z = softmax(z)", None),
    (ENTROPY, "d loss/d z = softmax(z) * (1 - softmax(z)) - t", None),
    (ENTROPY_ROWS, "d loss/d W = sum_rows((p - t) @ x')", "(the number of rows)"),
    (CONTRASTIVE, "d loss/d S = (softmax(S, axis=0) - eye(8)) / 8", None),
    (CONTRASTIVE, "d loss/d S = (softmax(S', axis=1)' - eye(8)) / 8", None),
    (CONTRASTIVE, "d loss/d S = (eye(8) - softmax(S, axis=1)) / 8", "has the wrong sign"),
    (CONTRASTIVE, "d loss/d S = softmax(S, axis=1) / 8", None),
    (CONTRASTIVE, "d loss/d S = (softmax(S, axis=1) - ones(8,8)) / 8", None),
    (ATTENTION, "d loss/d S = P * (d loss/d P - sum(P * d loss/d P, axis=0))", None),
    (ATTENTION, "d loss/d S = P * (1 - P) * d loss/d P", None),
    (ATTENTION, "d loss/d K = d loss/d S' @ Q", "2 times the true value"),
    (LAYER_NORM, "d loss/d z = (d loss/d n - mean(d loss/d n)) / s", None),
    (LAYER_NORM, "d loss/d z = (d loss/d n - n * mean(n * d loss/d n)) / s", None),
    (LAYER_NORM, "d loss/d z = d loss/d n / s", None),
    (LOG_DET, "d loss/d A = inv(A)", "is transposed"),
    (LOG_DET, "d loss/d A = -inv(A)'", "has the wrong sign"),
    (COVARIANCE, "d loss/d A = inv(C)' @ A", "is 1/2 times the true value"),
    (SOLVE, "d loss/d A = B' @ d loss/d B @ B'", "has the wrong sign"),
    (SOLVE, "d loss/d A = -B @ d loss/d B @ B", None),
    (PIECES, "d p/d b = p * b", None),
    (PIECES, "d c/d a = 2*concat(eye(2), 0*ones(3,2))", "is 2 times the true value"),
    (PIECES, "d loss/d D = (d loss/d E)[1:3,:]", None),
]


@pytest.mark.parametrize("text", MODELS.values(), ids=MODELS)
def test_the_methods_agree(text: str) -> None:
    assert run(text).verdict is Verdict.OK


@pytest.mark.parametrize(("text", "claim"), one_of(3, RIGHT))
def test_what_the_textbook_says_is_ok(text: str, claim: str) -> None:
    assert only(text, claim).verdict is Verdict.OK


@pytest.mark.slow
@pytest.mark.parametrize(("text", "claim", "why"), WRONG)
def test_its_wrong_twins_are_wrong(text: str, claim: str, why: str | None) -> None:
    result = only(text, claim)
    assert result.verdict is Verdict.WRONG
    if why is not None:
        assert why in (result.diagnosis or "")


@pytest.mark.slow
@pytest.mark.parametrize("text", MODELS.values(), ids=MODELS)
def test_formulas_for_reading_are_true_claims(text: str) -> None:
    model: Model = api.load(text)
    names = [n for n in (*model.steps, *(p.name for p in model.parameters())) if n != "loss"]
    report = run(text, *(f"d loss/d {name} = {right_side(model, 'loss', name)}" for name in names))
    assert [claim.display for claim in report.claims if claim.verdict is not Verdict.OK] == []
    assert len(report.claims) == len(names)


@pytest.mark.parametrize(
    ("text", "by", "formula"),
    [
        (ENTROPY_ROWS, "z", "p * (d loss/d p - sum(p * d loss/d p))"),
        (CONTRASTIVE, "S", "(softmax(S, axis=1) - eye(8))/8"),
        (ATTENTION, "S", "P * (d loss/d P - sum(P * d loss/d P, axis=1))"),
        (LOG_DET, "A", "inv(A)'"),
        (SOLVE, "A", "-B' @ d loss/d B @ B'"),
        (PIECES, "D", "d loss/d E[0:2,:]"),
    ],
)
def test_formulas_are_those_of_the_textbook(text: str, by: str, formula: str) -> None:
    assert right_side(api.load(text), "loss", by) == formula


@pytest.mark.parametrize("text", MODELS.values(), ids=MODELS)
def test_shown_models_are_read_again(text: str) -> None:
    model = api.load(text)
    first, second = forward_pass(model), forward_pass(api.load(api.show(model)))
    for name in model.steps:
        assert np.array_equal(first.value(name), second.value(name))


# ---------------------------------------------------------------------------------------------
# Data that are rounded, and sums that make a claim right
# ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_claim_is_not_blamed_for_the_rounding_of_data() -> None:
    """In doubles 0.1 + 0.2 + 0.3 + 0.4 is not 1 but 1 + 2.8e-17."""
    result = only(ENTROPY, "d loss/d z = softmax(z) - t")
    assert (result.verdict, result.note) == (Verdict.OK, "right only where sum(t) = 1")
    assert only(ENTROPY, "d loss/d z = softmax(z)*sum(t) - t").note is None
    for off in ("1e-15", "1e-3"):
        wrong = only(ENTROPY, f"d loss/d z = (softmax(z) - t) * (1 + {off})")
        assert wrong.verdict is Verdict.WRONG, off


def test_a_sum_that_is_not_rounding_is_no_excuse() -> None:
    beside = ENTROPY.replace("0.4]", "0.4000000001]")
    assert only(beside, "d loss/d z = softmax(z) - t").verdict is Verdict.WRONG
    assert only(beside, "d loss/d z = softmax(z)*sum(t) - t").verdict is Verdict.OK


def test_the_note_names_the_axis_of_a_matrix() -> None:
    text = (
        "data T[3,2] = [[0.1, 0.9], [0.3, 0.7], [1, 0]], x = 3\nparam Z[3,2] ~ normal(0, 1)\n"
        "loss = -sum(T * log_softmax(x*Z, axis=1))"
    )
    claim = "d loss/d Z = {}*(softmax(x*Z, axis=1) - T)"
    assert only(text, claim.format("x")).note == "right only where sum(T, axis=1) = 1"
    assert only(text, claim.format("4")).verdict is Verdict.WRONG


def test_strict_refuses_what_only_a_sum_makes_right() -> None:
    claim = "d loss/d z = softmax(z) - t"
    assert only(ENTROPY, claim, strict=True).verdict is Verdict.WRONG
    assert only(ENTROPY, "d loss/d z = softmax(z)*sum(t) - t", strict=True).verdict is Verdict.OK


# ---------------------------------------------------------------------------------------------
# Constants
# ---------------------------------------------------------------------------------------------


def test_ones_and_eye_are_formulas_as_whole_numbers_are() -> None:
    text = "param v[3] = [1, 2, 3], A[3,3] = 0\nloss = sum(v) + trace(A)"
    for claim in ("d loss/d v = ones(3)", "d loss/d A = eye(3)", "d loss/d A = 2*eye(3) - eye(3)"):
        result = only(text, claim)
        assert (result.verdict, result.kind) == (Verdict.OK, "formula")
    assert only(text, "d loss/d v = 2*ones(3)").verdict is Verdict.WRONG
    assert only(text, "d loss/d A = ones(3,3)").verdict is Verdict.WRONG
    square = "param v[2] = [1, 1]\nloss = sum(v^2)/2"  # right at the given point only
    assert only(square, "d loss/d v = ones(2)").verdict is Verdict.WRONG


def test_constants_in_declarations() -> None:
    model = api.load("data A[2,2] = 3*eye(2)\nparam W[2,2] = 1\nloss = sum(A @ W)")
    assert model.inputs["A"].values.tolist() == [[3, 0], [0, 3]]


@pytest.mark.parametrize(
    ("line", "message", "help"),
    [
        ("trace(A)", "trace needs a square matrix, this is [2,3]", "A[:,0:2]"),
        ("det(A')", "det needs a square matrix, this is [3,2]", "A[0:2,:]"),
        ("inv(v)", "inv needs a square matrix, this is [3]", "W[3,3]"),
        ("diag(A)", "diag needs a square matrix", "A @ A'"),
        ("diag(s)", "not a single number", ""),
        ("softmax(A)", "softmax of a matrix, here [2,3], needs an axis", "axis=1"),
        ("log_softmax(A)", "needs an axis", "log_softmax(Z, axis=1)"),
        ("softmax(s)", "not a single number", "per row"),
        ("softmax(v, axis=1)", "axis=1 does not fit the shape [3]", ""),
        ("concat(v, s)", "not single numbers", "[b]"),
        ("concat(v, A)", "cannot join the shapes [3] and [2,3]", "v'"),
        ("concat(A, A')", "[2,3] and [3,2] do not fit below one another", "columns"),
        ("concat(A, A[0:1,:], axis=1)", "side by side (axis=1)", "axis=0 fits"),
        ("concat(v, v, axis=1)", "axis=1 does not fit the shape [3]", "[u, v]"),
        ("eye(s)", "whole numbers that are written out", "depends on no value"),
        ("eye(2, 3)", "eye does not take 2 arguments", "eye(n)"),
        ("ones(0)", "whole numbers that are written out", ""),
        ("ones(1.5)", "whole numbers that are written out", ""),
        ("ones(3, axis=1)", "ones has no keyword axis", ""),
        ("ones(100000, 100000)", "74.51 GiB", "--max-data"),
    ],
)
def test_messages_name_shapes_and_the_way_out(line: str, message: str, help: str) -> None:
    with pytest.raises(GradcheckError) as caught:
        api.load(f"param s = 2, v[3], A[2,3]\nloss = sum({line})")
    assert message in str(caught.value.message)
    assert help in (caught.value.help or "")


def test_large_arrays_stay_quick_to_lower() -> None:
    """A product of 4,000 entries is halved 12 times, not unrolled."""
    model = api.load("param v[4000] ~ normal(1, 0.01)\np = prod(v)\nloss = log(p^2)")
    program = symbolic.lower(model)
    assert len(program.items) < 60
    found = backprop.derivative(model, forward_pass(model), "loss", ["v"])["v"]
    assert found == pytest.approx(2 / model.point()["v"], rel=1e-12)  # 4,000 factors round 4,000 times
