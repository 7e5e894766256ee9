"""det and inv beyond [8,8]: SymPy is not asked, and what is left still tells right from wrong."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from build import exchanged, high
from gradcheck_cli import api
from gradcheck_cli.derivatives import backprop, symbolic
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.numerics.gaussian_elimination import (
    by_factors,
    cofactors_and_bound,
    determinant,
    inverse,
    minors,
)
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.render.registry import render
from gradcheck_cli.results.gradient_results import Report, Verdict

SEED = np.random.default_rng(11)


def check(text: str, *claims: str, **options: Any) -> Report:
    return api.check(api.load(text + "".join(f"\nclaim {c}" for c in claims)), **options)


def process(n: int) -> str:
    """The negative log likelihood of a Gaussian process, twice and without its constant."""
    return f"""
data X[{n},2] ~ normal(0, 1), y[{n}] ~ normal(0, 1)
param a = 0.7, s = 0.3
q = sum(X^2, axis=1)
D = q @ ones(1,{n}) + ones({n},1) @ q' - 2 * X @ X'
K = exp(-D/(2*a^2)) + s^2*eye({n})
loss = y' @ inv(K) @ y + log(det(K))"""


RIGHT = "d loss/d K = inv(K) - inv(K) @ y @ y' @ inv(K)"
WRONG = (
    "d loss/d K = inv(K) + inv(K) @ y @ y' @ inv(K)",
    "d loss/d K = inv(K) - inv(K) @ y @ y'",
    "d loss/d K = 1.001*(inv(K) - inv(K) @ y @ y' @ inv(K))",
    "d loss/d K = (1 + 1e-9)*(inv(K) - inv(K) @ y @ y' @ inv(K))",
    "d loss/d s = 2*s*trace(inv(K))",
)


# 9 is judged at 50 digits, 90 is beyond the budget and judged by float64 bounds
@pytest.mark.slow
@pytest.mark.parametrize("n", [9, 90])
def test_a_likelihood_with_its_claims(n: int) -> None:
    report = check(process(n), RIGHT, *WRONG[: 5 if n < 90 else 3], points=1)
    verdicts = [r.verdict for r in report.claims]
    assert verdicts == [Verdict.OK] + [Verdict.WRONG] * (len(verdicts) - 1)
    for block in report.parameters:
        assert block.verdict is Verdict.OK
        assert block.digits is not None
        assert block.digits > 8
        assert all(e.symbolic is None for e in block.entries)
    assert report.loss_symbolic is None
    said = "high precision and forward pass agree" if n < 90 else "symbolic: not computed"
    assert said in report.value_note
    (note,) = report.notes
    assert f"inv of a matrix [{n},{n}] (line 7), det of a matrix [{n},{n}] (line 7)" in note
    assert ("high precision" in note) == (n < 90)


def test_the_column_is_null_only_where_the_way_leads_through_the_matrix() -> None:
    text = process(9).replace("param a", "param b = 2\nparam a").replace("log(det", "b^2 + log(det")
    report = check(text, points=2)
    seen = {b.name: b.entries[0].symbolic for b in report.parameters}
    assert seen["b"] == 4
    assert seen["a"] is None
    assert report.verdict is Verdict.OK
    assert check(text, wrt=("b",), points=1).notes == ()


@pytest.mark.slow
def test_eight_by_eight_is_seen_by_all() -> None:
    report = check(process(8), RIGHT, WRONG[0], points=1)
    assert report.notes == ()
    assert all(e.symbolic is not None for b in report.parameters for e in b.entries)
    assert [r.verdict for r in report.claims] == [Verdict.OK, Verdict.WRONG]


def test_numbers_that_were_not_computed_in_every_format() -> None:
    report = check(process(9), points=1)
    entry = json.loads(render([report], "json"))["reports"][0]["parameters"][0]["entries"][0]
    assert entry["symbolic"] is None
    assert entry["backprop"] is not None
    line = render([report], "tsv").splitlines()[1].split("\t")
    assert line[5] == ""
    assert " - " in render([report], "table")
    assert "| - |" in render([report], "markdown")


@pytest.mark.slow
def test_a_likelihood_whose_determinant_underflows() -> None:
    """Beyond the budget of high precision: what is left tells right from wrong."""
    n = 150
    text = process(n).replace("loss = y' @ inv(K) @ y + log(det(K))", """C = 1e-4*K
L = cholesky(C)
z = solve(L, y)
loss = dot(z, z) + logdet(C)""")
    right = "d loss/d s = 2*s*1e-4*trace(inv(C) - solve(C, y) @ solve(C, y)')"
    wrong = "d loss/d s = 2*s*1e-4*trace(inv(C))"
    report = check(text, right, wrong, points=1)
    assert [claim.verdict for claim in report.claims] == [Verdict.OK, Verdict.WRONG]
    assert all(block.verdict is Verdict.OK for block in report.parameters)
    c = forward_pass(api.load(text)).value("C")
    y = api.load(text).inputs["y"].values
    assert np.linalg.det(c) == 0
    expected = y @ np.linalg.solve(c, y) + 2 * np.sum(np.log(np.diag(np.linalg.cholesky(c))))
    assert report.loss == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["inv", "det"])
@pytest.mark.parametrize("field", ["vjp", "forward"])
def test_a_wrong_rule_is_named(monkeypatch: pytest.MonkeyPatch, name: str, field: str) -> None:
    n = 10
    a = np.eye(n) + 0.2 * SEED.normal(size=(n, n))
    call = "sum(inv(A))" if name == "inv" else "det(A)"
    text = f"param A[{n},{n}] = {a.tolist()}\nloss = {call}"
    assert check(text, points=1).verdict is Verdict.OK
    record = PRIMITIVES[name]
    plain: Any = record.vjp[0] if field == "vjp" else record.forward

    def made(*given: Any, **options: Any) -> Any:
        return (1 + 1e-3) * plain(*given, **options)

    exchanged(monkeypatch, name, **{field: (made,) if field == "vjp" else made})
    report = check(text, points=1)
    assert report.verdict is Verdict.WRONG
    if field == "forward":
        assert report.value_note.endswith((f": {name}", f": {name}, sum"))
    else:
        notes = [e.note or "" for e in report.parameters[0].entries]
        assert all(f"The fault lies in the vjp of {name} (line 2)" in note for note in notes)


@pytest.mark.parametrize("rank", [8, 7])
def test_determinants_of_singular_matrices(rank: int) -> None:
    """One rank is missing: the cofactors are not 0. Two are: they are."""
    half = SEED.normal(size=(9, rank))
    text = f"data B[9,{rank}] = {half.tolist()}\nparam E[9,9] = 0\nloss = det(B @ B' + E) + sum(E)"
    report = check(text, points=1)
    assert report.verdict is Verdict.OK
    true = np.linalg.svd(half @ half.T)
    expected = np.prod(true.S[:8]) * np.linalg.det(true.U) * np.linalg.det(true.Vh)
    found = np.array([e.backprop for e in report.parameters[0].entries]).reshape(9, 9)
    claimed = expected * np.outer(true.U[:, 8], true.Vh[8]) + 1
    assert np.abs(found - claimed).max() < 1e-9 * max(1, np.abs(claimed).max())  # of cond 1e3 at most


@pytest.mark.slow
def test_matrices_with_many_zeros() -> None:
    """Block triangular: most cofactors are exactly 0, which elimination misses by 1e-17."""
    text = """
param A[6,6] ~ normal(0,1), C[6,6] ~ normal(0,1), Z[12,12] = 0
M = concat(concat(A, 0*eye(6), axis=1), concat(ones(6,6), C, axis=1)) + Z
B = inv(M)
loss = det(M) + B[0,0] + B[11,0]"""
    assert check(text, points=1).verdict is Verdict.OK


@pytest.mark.slow
def test_per_row_matrices() -> None:
    text = """
rows X[9,9] ~ normal(0, 0.1) count 3
param t = 1.5
l = log(det(X + t*eye(9))) + trace(inv(X + t*eye(9)))
loss = mean_rows(l)"""
    right = "d l/d t = trace(inv(X + t*eye(9))) - sum(inv(X + t*eye(9)) * inv(X + t*eye(9))')"
    wrong = right.replace("')", ")")
    report = check(text, right, wrong, points=1)
    assert [claim.verdict for claim in report.claims] == [Verdict.OK, Verdict.WRONG]
    assert all(block.verdict is Verdict.OK for block in report.parameters)


@pytest.mark.parametrize("condition", [1e3, 1e12])
def test_badly_conditioned(condition: float) -> None:
    left, right = (np.linalg.qr(SEED.normal(size=(12, 12)))[0] for _ in range(2))
    a = (left * np.logspace(0, -np.log10(condition), 12)) @ right
    text = f"data H[12,12] = {a.tolist()}\nparam z = 0, w[3] = 0\nA = H + z*eye(12) + "
    text += "diag(concat(w, w, w, w))"
    for loss in ("sum(inv(A))", "log(det(A)^2)", "1/det(A)"):
        assert check(f"{text}\nloss = {loss}", points=1).verdict is Verdict.OK, loss


# ---------------------------------------------------------------------------------------------
# The arithmetic, and the referee's two ways
# ---------------------------------------------------------------------------------------------


def whole_numbers(n: int, missing: int) -> np.ndarray:
    """Small whole numbers, many zeros, and rows that repeat others."""
    a = np.random.default_rng(n + 10 * missing).integers(-2, 3, (20, n, n)).astype(float)
    for k in range(missing):
        a[:, n - 1 - k] = a[:, k]
    return a


@pytest.mark.parametrize("missing", [0, 1, 2])
@pytest.mark.parametrize("n", [4, 6, 8])
def test_factors_give_the_cofactors_of_minors(n: int, missing: int) -> None:
    a = whole_numbers(n, missing)
    exact = minors(a)  # of whole numbers: no rounding
    found, bound = by_factors(a)
    assert np.all(np.abs(found - exact) <= bound)
    assert np.all(bound <= 1e-9 * n * np.max(np.abs(a)) ** n * 2.0**n)  # and is no blank check
    precise = by_factors(high().array(a))[0]
    assert np.abs((precise - exact).astype(float)).max() < 1e-40 * 4.0**n


@pytest.mark.parametrize("n", [5, 8, 14])
def test_cofactors_lose_no_more_than_their_bound(n: int) -> None:
    for power in (0, 4, 8, 12):
        left, right = (np.linalg.qr(SEED.normal(size=(n, n)))[0] for _ in range(2))
        a = (left * np.logspace(0, -power, n)) @ right
        found, bound = cofactors_and_bound(a)
        m = high()
        true = (determinant(m.array(a)) * inverse(m.array(a)).T).astype(float)
        assert np.all(np.abs(found - true) <= bound)


@pytest.mark.slow
@pytest.mark.parametrize("of", ["B", "d"])
def test_the_two_ways_of_the_referee_agree(of: str) -> None:
    """What it derives from A @ inv(A) = 1, and from cofactors, against differences at 140 digits."""
    a = np.eye(9) + 0.3 * SEED.normal(size=(9, 9))
    model = api.load(f"param A[9,9] = {a.tolist()}\nB = inv(A)\nd = det(A)\nloss = d + B[0,0]")
    referee = Referee(symbolic.lower(model))
    point = model.point()
    derived = referee.derivative(point, of, ["A"])["A"]
    ours = backprop.derivative(model, forward_pass(model), of, ["A"])["A"]
    for index in ((0, 0), (3, 7), (8, 2)):
        left, right = referee.slopes(point, of, "A", index)
        for found in (left, right):
            gap = np.abs(np.asarray(found - derived[..., index[0], index[1]], dtype=object).astype(float))
            assert np.max(gap) < 1e-38  # one-sided differences, h = 1e-45
    assert np.max(np.abs((ours - derived).astype(float))) < 1e-12
    dark = symbolic.derivative(symbolic.lower(model), point, of, ["A"])["A"]
    assert np.isnan(dark).all()
