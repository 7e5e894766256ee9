"""Matrices that are nearly singular, and poles that no change of sign shows: a right gradient is never
blamed, and a wrong one still is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from build import exchanged, high, part_of
from gradcheck_cli import api
from gradcheck_cli.derivatives import backprop, symbolic
from gradcheck_cli.derivatives.finite_differences.drivers.by_entry import derivative
from gradcheck_cli.derivatives.finite_differences.schemes import SCHEMES
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.gaussian_elimination import inverse, spectral_bound
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.results.gradient_results import Report, Verdict

EXTRAPOLATED = SCHEMES["extrapolated"]


def hilbert(n: int) -> np.ndarray:
    return np.array([[1 / (i + j + 1) for j in range(n)] for i in range(n)])


def conditioned(n: int, condition: float, seed: int) -> np.ndarray:
    """Singular values from 1 down to 1/condition, in equal ratios."""
    random = np.random.default_rng(seed)
    left, right = (np.linalg.qr(random.normal(size=(n, n)))[0] for _ in range(2))
    return np.asarray((left * np.logspace(0, -np.log10(condition), n)) @ right)


def beside(a: np.ndarray, loss: str, move: str = "all") -> str:
    """A model in which A = H + z is moved: entry by entry, all at once, or along the diagonal."""
    n = len(a)
    z = f"param z[{n},{n}] = 0" if move == "each" else "param z = 0"
    moved = f"H + z*eye({n})" if move == "diagonal" else "H + z"
    return f"data H[{n},{n}] = {a.tolist()}\n{z}\nA = {moved}\nloss = {loss}"


def check(text: str, **options: Any) -> Report:
    return api.check(api.load(text), **options)


def assert_not_blamed(report: Report) -> None:
    """Right, or UNRESOLVED with the reference's value: elimination may lose digits that the problem has."""
    assert report.verdict in (Verdict.OK, Verdict.UNRESOLVED)
    entries = [e for block in report.parameters for e in block.entries]
    for entry in (e for e in entries if e.verdict is not Verdict.OK):
        assert entry.reference is not None
        assert "float64 arithmetic keeps" in (entry.note or "")


MOVES = ("each", "all", "diagonal")
# log(det^2) and 1/det have their pole where det is 0; along the diagonal there are n such places
LOSSES = ("sum(inv(A))", "log(det(A)^2)", "1/det(A)", "det(A)^-3", "B[0,0]", "tan(log(det(A)^2))")


@pytest.mark.slow
@pytest.mark.parametrize(("n", "move"), [(n, m) for m in MOVES for n in (3, 5, 6 if m == "each" else 8)])
def test_hilbert_matrices_are_not_blamed(n: int, move: str) -> None:
    report = check(beside(hilbert(n), "sum(inv(A))", move), points=1)
    assert_not_blamed(report)
    (block,) = report.parameters
    assert block.total == block.checked


@pytest.mark.slow
@pytest.mark.parametrize(("n", "move", "loss"), part_of(
    [(n, m, loss) for n, m in ((4, "each"), (8, "all"), (8, "diagonal")) for loss in LOSSES[1:]], 2
))
def test_other_losses_of_hilbert_matrices_are_not_blamed(n: int, move: str, loss: str) -> None:
    text = beside(hilbert(n), loss, move).replace("loss =", "B = inv(A)\nloss =")
    assert_not_blamed(check(text, points=1))


CONDITIONED = [  # each size and each condition with all three losses
    (n, condition, LOSSES[(i + k) % 3])
    for i, n in enumerate((2, 5, 8)) for k, condition in enumerate((1e2, 1e11, 1e14))
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("n", "condition", "loss"), CONDITIONED)
def test_random_matrices_of_any_condition_are_not_blamed(n: int, condition: float, loss: str) -> None:
    a = conditioned(n, condition, n)
    assert_not_blamed(check(beside(a, loss, "each" if n < 8 else "diagonal"), points=1))


@pytest.mark.slow
def test_the_row_says_how_little_float64_carries() -> None:
    report = check(beside(hilbert(8), "sum(inv(A))"), points=1)
    (entry,) = report.parameters[0].entries
    assert entry.note is not None
    assert "float64 arithmetic keeps 0 digits here" in entry.note
    assert entry.verdict is Verdict.UNRESOLVED
    assert entry.reference is not None
    assert entry.backprop != entry.symbolic  # nobody is blamed for that


@pytest.mark.parametrize("a", [hilbert(5), hilbert(8), conditioned(8, 1e6, 1), conditioned(20, 1e9, 2)])
def test_inverses_lose_no_more_than_the_referee_allows(a: np.ndarray) -> None:
    """Of gradcheck's own elimination and of LAPACK's: |A^-1||A||A^-1| ulps, entry by entry."""
    n = len(a)
    model = api.load(f"param A[{n},{n}] = {a.tolist()}\nB = inv(A)\nloss = sum(B)")
    true = inverse(high().array(a))
    bound = Referee(symbolic.lower(model)).value_rounding(model.point(), ["B"])["B"]
    for found in (FLOAT64.inv(a[None, None])[0, 0], np.linalg.inv(a)):
        assert np.all(abs((found - true).astype(float)) <= bound)
    size = np.abs(true.astype(float)) @ np.abs(a) @ np.abs(true.astype(float))
    assert np.all(bound <= 16 * n * 2.0**-52 * size)  # and is no blank check


# ---------------------------------------------------------------------------------------------
# Poles: how near one may be
# ---------------------------------------------------------------------------------------------


def differences(text: str) -> tuple[float, float, float]:
    """Value, bound, and the truth."""
    model = api.load(text)
    program, tape = symbolic.lower(model), forward_pass(model)
    referee = Referee(program)
    noise = referee.value_rounding(tape.point, ["loss"])["loss"]
    found = derivative(model, tape, "loss", ["z"], EXTRAPOLATED, noise)["z"]
    true = referee.derivative(tape.point, "loss", ["z"])["z"]
    return float(found.value), float(found.bound), float(true.item())


HIDDEN = {
    # poles at both sides, an even number of them, behind what rounding hides
    "inv": beside(conditioned(6, 1e11, 4), "sum(inv(A))", "diagonal"),
    "div": beside(conditioned(6, 1e11, 4), "1/det(A)", "diagonal"),
    "pow": beside(conditioned(6, 1e11, 4), "det(A)^-2", "diagonal"),
}  # fmt: skip


@pytest.mark.parametrize("name", HIDDEN)
def test_no_pole_lies_between_regular_samples(name: str) -> None:
    value, bound, true = differences(HIDDEN[name])
    assert abs(value - true) <= bound


def test_without_the_way_to_the_pole_differences_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrong twin: signs of margins alone let samples through from behind a pole."""
    unit = [[float((i, j) == (0, 2)) for j in range(8)] for i in range(8)]
    text = f"data E[8,8] = {unit}\n" + beside(hilbert(8), "sum(inv(A))").replace("H + z", "H + z*E")
    value, bound, true = differences(text)
    assert abs(value - true) <= bound
    exchanged(monkeypatch, "inv", within=None)
    value, bound, true = differences(text)
    assert abs(value - true) > bound


@pytest.mark.parametrize("m", [FLOAT64, high()], ids=["float64", "high"])
def test_margins_end_at_the_nearest_pole(m: Any) -> None:
    """inv along the identity: the pole lies where the smallest eigenvalue does."""
    a = m.array(np.diag([3.0, -0.25, 7.0])[None, None])
    within = PRIMITIVES["inv"].within
    assert within is not None
    for move, regular in ((0.24, True), (-0.24, True), (0.26, False), (-0.26, False), (5.0, False)):
        moved = a + move * np.eye(3)
        assert bool(within(m, m.inv(a), moved, a) > 0) is regular, move


POLES: dict[str, tuple[Callable[..., Any], float, float]] = {
    "div": (lambda w, to, x: w(FLOAT64, 1 / x, 1.0, to, 1.0, x), 0.5, 0.0),
    "pow": (lambda w, to, x: w(FLOAT64, x**-1.5, to, -1.5, x, -1.5), 0.5, 0.0),
    "log": (lambda w, to, x: w(FLOAT64, np.log(x), to, x), 0.5, 0.0),
    "log1p": (lambda w, to, x: w(FLOAT64, np.log1p(x), to, x), -0.5, -1.0),
    "sqrt": (lambda w, to, x: w(FLOAT64, np.sqrt(x), to, x), 0.5, 0.0),
}  # fmt: skip


@pytest.mark.parametrize("name", POLES)
def test_margins_of_elementwise_functions_end_at_their_pole(name: str) -> None:
    call, x, pole = POLES[name]
    way = abs(x - pole)
    within = PRIMITIVES[name].within
    for share, regular in ((0.99, True), (-0.99, True), (1.01, False), (-1.01, False)):
        margin = call(within, np.array(x + share * way), np.array(x))
        assert bool(margin > 0) is regular, share


def test_whole_powers_have_no_pole() -> None:
    within = PRIMITIVES["pow"].within
    assert within is not None
    assert within(FLOAT64, 0.25, np.array(-9.0), 2.0, np.array(0.5), 2.0) > 0
    assert within(FLOAT64, 4.0, np.array(-9.0), -2.0, np.array(0.5), -2.0) < 0


def test_spectral_bounds() -> None:
    random = np.random.default_rng(5)
    for n in (1, 3, 8, 20):
        a = random.normal(size=(n, n))
        largest = np.max(np.abs(np.linalg.eigvals(a)))
        # |a^64|^(1/64): above the largest eigenvalue by (a constant)^(1/64), 1.2 for these
        assert largest * (1 - 1e-12) <= spectral_bound(a) <= 1.2 * largest
    assert spectral_bound(np.triu(np.ones((8, 8)), 1)) == 0  # nilpotent
    scaled = np.array([[0.5, 1e150], [1e-160, 0.25]])  # eigenvalues 0.5, 0.25, nearly
    assert spectral_bound(scaled) < 0.6 * 1e150 ** (1 / 64)


# ---------------------------------------------------------------------------------------------
# Wrong twins: what is wrong by 1e-3 is found and named
# ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["inv", "det"])
@pytest.mark.parametrize("n", [3, 8])
def test_a_wrong_rule_is_still_named(monkeypatch: pytest.MonkeyPatch, name: str, n: int) -> None:
    text = beside(conditioned(n, 50, 3), "sum(inv(A))" if name == "inv" else "det(A)", "each")
    assert check(text, points=1).verdict is Verdict.OK
    plain = PRIMITIVES[name].vjp[0]
    assert plain is not None
    exchanged(monkeypatch, name, vjp=(lambda *given, **options: (1 + 1e-3) * plain(*given, **options),))
    report = check(text, points=1)
    assert report.verdict is Verdict.WRONG
    bad = [e for e in report.parameters[0].entries if e.verdict is Verdict.WRONG]
    assert len(bad) == n * n
    for entry in bad:
        assert "backprop stands alone" in (entry.note or "")
        assert f"The fault lies in the vjp of {name} (line 4)" in (entry.note or "")


def test_backprop_of_a_bad_matrix_is_right_to_what_its_condition_leaves() -> None:
    model = api.load(f"param A[8,8] = {hilbert(8).tolist()}\nB = inv(A)\nloss = sum(B)")
    referee = Referee(symbolic.lower(model))
    found = backprop.derivative(model, forward_pass(model), "loss", ["A"])["A"]
    true = referee.derivative(model.point(), "loss", ["A"])["A"]
    bound = referee.rounding(model.point(), "loss", ["A"])["A"]
    assert np.all(abs((found - true).astype(float)) <= bound)
