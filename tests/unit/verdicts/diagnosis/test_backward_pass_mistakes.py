"""Gradients that a program computed: right ones in float64 and float32, and one mistake named for all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from build import one_of
from claimed import judged_alone
from gradcheck_cli import api
from gradcheck_cli.results.gradient_results import ClaimResult, Report, Verdict

LAYERS = ("W2", "b2", "W1", "b1", "W0", "b0")
MODEL = """seed 2
rows x[5] ~ normal(0, 1) count 7
rows t[3] ~ normal(0, 1) count 7
param W0[4,5] ~ he, b0[4] ~ normal(0, 0.1)
param W1[4,4] ~ he, b1[4] ~ normal(0, 0.1)
param W2[3,4] ~ he, b2[3] ~ normal(0, 0.1)
h0 = tanh(b0 + W0 @ x)
h1 = relu(b1 + W1 @ h0)
f2 = b2 + W2 @ h1
l = sum((f2 - t)^2)
loss = mean_rows(l)
"""


def program(mistake: str = "", dtype: Any = np.float64) -> dict[str, Any]:
    """A backward pass as one writes it, with one mistake."""
    p = {name: np.asarray(item.values).astype(dtype) for name, item in api.load(MODEL).inputs.items()}
    x, t = p["x"], p["t"]
    f0 = x @ p["W0"].T + p["b0"]
    h0 = np.tanh(f0)
    f1 = h0 @ p["W1"].T + p["b1"]
    h1 = np.maximum(f1, 0)
    f2 = h1 @ p["W2"].T + p["b2"]
    d2 = 2 * (f2 - t) / len(x)
    if mistake == "one row":
        d2[:-1] = 0
    d1 = (d2 @ p["W2"]) * (1 if mistake == "relu" else f1 > 0)
    back = d1 @ (p["W1"].T if mistake == "transpose" else p["W1"])
    slope = {"tanh": 1, "at its value": 1 - np.tanh(h0) ** 2, "sign": h0**2 - 1}.get(mistake, 1 - h0**2)
    d0 = back * slope
    taken = f1 if mistake == "pre-activation" else h1
    return {
        "W2": d2.T @ taken, "b2": d2.sum(0), "W1": d1.T @ h0,
        "b1": d1[-1] if mistake == "bias of one row" else d1.sum(0),
        "W0": d0.T @ x, "b0": d0.sum(0),
    }  # fmt: skip


def judged(folder: Path, gradients: dict[str, Any], names: tuple[str, ...] = LAYERS) -> Report:
    np.savez(folder / "g.npz", **gradients)
    path = folder / "m.txt"
    path.write_text(MODEL + "".join(f'claim d loss/d {name} from "g.npz"\n' for name in names))
    return api.check(api.load(path), wrt=["loss"], points=2)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_a_right_program_prints_is_ok(tmp_path: Path, dtype: Any) -> None:
    found = judged(tmp_path, program(dtype=dtype)).claims
    assert {claim.verdict for claim in found} == {Verdict.OK}
    assert all(claim.note is None or "float32 carries no more" in claim.note for claim in found)


def test_no_mistake_is_said_to_give_two_numbers_of_one_derivative() -> None:
    claims = ("-1000000000000.0", "1.0e12", "999999999999.83")
    text = "param x = 1e-6\ny = csc(x)\nloss = y\n" + "".join(f"claim d loss/d x = {n}\n" for n in claims)
    said = {claim.claimed: claim.diagnosis for claim in api.check(api.load(text)).claims}
    assert said[-1e12] is None
    assert said[999999999999.83] == "has the wrong sign"


def test_float32_has_the_tolerance_of_float32_only(tmp_path: Path) -> None:
    gradients = program(dtype=np.float32)
    gradients["W1"][2, 3] *= 1 + 1e-3
    found = {claim.by: claim for claim in judged(tmp_path, gradients).claims}
    assert (found["W1"].verdict, found["W1"].place) == (Verdict.WRONG, "W1[2,3]")
    gradients = {name: value.astype(np.float64) for name, value in program(dtype=np.float32).items()}
    found = {claim.by: claim for claim in judged(tmp_path, gradients).claims}
    assert {claim.verdict for claim in found.values()} == {Verdict.OK}
    assert all("judged as float32: each entry is one" in str(claim.note) for claim in found.values())
    gradients = {name: value * (1 + 1e-8) for name, value in gradients.items()}
    found = {claim.by: claim for claim in judged(tmp_path, gradients).claims}
    assert {claim.verdict for claim in found.values()} == {Verdict.WRONG}
    assert {claim.note for claim in found.values()} == {
        "as float32 it would be right: if it was computed so, save it so"
    }


MISTAKES = {
    "relu": ("W1 b1 W0 b0", "leaves out the derivative of relu (line 8)"),
    "tanh": ("W0 b0", "leaves out the derivative of tanh (line 7)"),
    "at its value": ("W0 b0", "takes the derivative of tanh (line 7) at its value, not at its argument"),
    "transpose": ("W0 b0", "uses W1 where W1' belongs (line 8)"),
    "one row": ("W2 b2 W1 b1 W0 b0", "counts the last row only, instead of all of them (line 11)"),
    "bias of one row": ("b1", "counts the last row only, instead of all of them (line 8)"),
    "pre-activation": ("W2", "uses the argument of relu where its value belongs (line 9)"),
    "sign": ("W0 b0", "has the wrong sign"),
}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_mistake_explains_all_wrong_numbers(tmp_path: Path, mistake: str, dtype: Any) -> None:
    names, text = MISTAKES[mistake]
    wrong = [c for c in judged(tmp_path, program(mistake, dtype)).claims if c.verdict is Verdict.WRONG]
    assert " ".join(c.by for c in wrong) == names
    assert {c.diagnosis for c in wrong} == {text}


def test_a_right_number_beside_wrong_ones_is_not_said_to_have_the_mistake(tmp_path: Path) -> None:
    gradients = program("relu") | {"b0": program()["b0"]}  # which would have it, too
    wrong = [c for c in judged(tmp_path, gradients).claims if c.verdict is Verdict.WRONG]
    assert [c.by for c in wrong] == ["W1", "b1", "W0"]
    assert {c.diagnosis for c in wrong} == {"leaves out the derivative of relu (line 8), in these 3 alone"}


def test_two_mistakes_are_not_explained_by_one(tmp_path: Path) -> None:
    right = program()
    gradients = right | {"b1": program("relu")["b1"], "W0": program("tanh")["W0"]}
    wrong = {c.by: c.diagnosis for c in judged(tmp_path, gradients).claims if c.verdict is Verdict.WRONG}
    assert wrong == {
        "b1": "leaves out the derivative of relu (line 8), here alone",
        "W0": "leaves out the derivative of tanh (line 7), here alone",
    }
    gradients["W0"] = gradients["W0"] * (1 + 1e-6 * np.arange(right["W0"].size).reshape(right["W0"].shape))
    wrong = {c.by: c.diagnosis for c in judged(tmp_path, gradients).claims if c.verdict is Verdict.WRONG}
    assert wrong["W0"] is None  # near what the mistake gives is not what it gives


def test_noise_is_no_mistake_with_a_name(tmp_path: Path) -> None:
    noise = np.random.default_rng(3)
    gradients = {name: value + 0.1 * noise.standard_normal(value.shape) for name, value in program().items()}
    assert {c.diagnosis for c in judged(tmp_path, gradients).claims} == {None}


ELSEWHERE = "has in each place the value of the one"
BY_COLUMN = "has its entries column by column, not row by row"


def one(folder: Path, name: str, value: Any) -> ClaimResult:
    return judged(folder, {name: value}, (name,)).claims[0]


@pytest.mark.parametrize(
    ("name", "change", "text"),
    one_of(3, [
        ("W1", lambda g: g.T, "is transposed"),
        ("W1", lambda g: -g, "has the wrong sign"),
        ("W0", lambda g: 2 * g, "is 2 times the true value"),
        ("W0", lambda g: 7 * g, "is 7 (the number of rows) times the true value"),
        ("W0", lambda g: np.roll(g, 1, 0), f"is off by one row: {ELSEWHERE} before"),
        ("W0", lambda g: np.roll(g, -1, 1), f"is off by one column: {ELSEWHERE} after"),
        ("b1", lambda g: np.roll(g, 1), f"is off by one entry: {ELSEWHERE} before"),
        ("b1", lambda g: g[::-1], "has its entries in reverse"),
        ("W0", lambda g: g[::-1], "has its rows in reverse"),
        ("W0", lambda g: g.reshape(-1, order="F").reshape(g.shape), BY_COLUMN),
        ("W0", lambda g: np.where(np.arange(4)[:, None] == 2, 0, g), "row 2 of W0 is 0 in yours"),
        ("b1", lambda g: program()["b0"], "is d loss/d b0"),
    ]),
)  # fmt: skip
def test_an_array_with_its_entries_elsewhere(tmp_path: Path, name: str, change: Any, text: str) -> None:
    found = one(tmp_path, name, change(program()[name]))
    assert (found.verdict, found.diagnosis) == (Verdict.WRONG, text)


@pytest.mark.parametrize("name", ["W0", "W1", "b1"])
def test_the_array_itself_is_right(tmp_path: Path, name: str) -> None:
    assert one(tmp_path, name, program()[name]).verdict is Verdict.OK


@pytest.mark.slow
def test_few_digits_are_no_evidence(tmp_path: Path) -> None:
    (tmp_path / "g.csv").write_text("b\n" + "\n".join(f"{2 * v:.1g}" for v in program()["b1"]) + "\n")
    path = tmp_path / "m.txt"
    path.write_text(MODEL + 'claim d loss/d b1 from "g.csv"\n')
    found = judged_alone(api.load(path))[0]
    assert (found.verdict, found.diagnosis) == (Verdict.WRONG, None)


def test_a_table_is_judged_to_the_digits_written(tmp_path: Path) -> None:
    right = program()["b1"]
    path = tmp_path / "m.txt"
    path.write_text(MODEL + 'claim d loss/d b1 from "g.csv"\n')
    for change, verdict in ((1.0, Verdict.OK), (1 + 2e-3, Verdict.WRONG)):
        (tmp_path / "g.csv").write_text("b\n" + "\n".join(f"{v * change:.4g}" for v in right) + "\n")
        assert judged_alone(api.load(path))[0].verdict is verdict


@pytest.mark.parametrize(("size", "dtype"), [(1e-13, np.float64), (1e-4, np.float32), (1e-3, np.float32)])
def test_what_is_off_by_a_trifle_has_no_mistake_with_a_name(tmp_path: Path, size: float, dtype: Any) -> None:
    np.save(tmp_path / "g.npy", (np.array([7.2, -2.8, 4.4]) * (1 + size)).astype(dtype))
    path = tmp_path / "m.txt"
    model = "param w[3] = [0.3, -0.7, 1.1]\nloss = 2*(sum(w^2) + 3*w[0])\n"
    path.write_text(model + 'claim d loss/d w from "g.npy"\n')
    found = judged_alone(api.load(path))[0]
    assert (found.verdict, found.diagnosis) == (Verdict.WRONG, None)


def test_float16_is_not_said_to_agree_to_no_digit(tmp_path: Path) -> None:
    found = judged(tmp_path, program(dtype=np.float16)).claims
    assert {claim.verdict for claim in found} == {Verdict.OK}
    assert any("beyond 0 digits" in str(claim.note) for claim in found)


REGULARIZED = """rows x = [0.5, -1, 2], y = [0.3, 0.1, -0.4]
data lam = 0.1
param w = 0.8, u = -0.7, b = 0.2
h = tanh(w*x + b)
l = (u*h - y)^2
loss = mean_rows(l) + lam*(w^2 + u^2)
"""


@pytest.mark.parametrize(
    ("lam", "scale", "text"),
    [
        (0.0, 1.0, "leaves out the second term of the sum (line 6)"),
        (0.2, 1.0, "takes twice the second term of the sum (line 6)"),
        (0.05, 1.0, "takes half the second term of the sum (line 6)"),
        (0.1, 2.0, "takes twice the first term of the sum (line 6)"),
    ],
)
def test_a_term_of_the_loss_is_forgotten_or_scaled(lam: float, scale: float, text: str) -> None:
    x, y, w, u, b = np.array([0.5, -1, 2]), np.array([0.3, 0.1, -0.4]), 0.8, -0.7, 0.2
    h = np.tanh(w * x + b)
    d = scale * 2 * (u * h - y) / 3
    by_h = d * u * (1 - h * h)
    gradients = {"w": (by_h * x).sum() + 2 * lam * w, "u": (d * h).sum() + 2 * lam * u, "b": by_h.sum()}
    lines = "".join(f"claim d loss/d {name} = {float(value)!r}\n" for name, value in gradients.items())
    wrong = [c for c in judged_alone(api.load(REGULARIZED + lines)) if c.verdict is Verdict.WRONG]
    assert len(wrong) == (2 if scale == 1 else 3)
    assert text in {c.diagnosis for c in wrong}


def test_the_examples_of_a_batch_are_counted_by_their_axis(tmp_path: Path) -> None:
    model = "seed 1\ndata X[10,3] ~ normal(0, 1), y[10] ~ normal(0, 1)\nparam w[3] = [0.3, 0.8, -0.5]\n"
    path = tmp_path / "m.txt"
    path.write_text(model + 'r = X @ w - y\nloss = mean(r^2)\nclaim d loss/d w from "g.npy"\n')
    np.save(tmp_path / "g.npy", np.zeros(3))
    p = {name: np.asarray(item.values) for name, item in api.load(path).inputs.items()}
    right = 2 * p["X"].T @ (p["X"] @ p["w"] - p["y"]) / 10
    np.save(tmp_path / "g.npy", right * 10)
    found = judged_alone(api.load(path))[0]
    assert found.diagnosis == "is 10 (the length of axis 0 of X) times the true value"


def test_at_a_kink_only_the_entries_outside_the_slopes_are_wrong() -> None:
    model = "param c[3] = [0, 0, 0.5]\ndata a[3] = [1, 3, 5]\nloss = sum(a*relu(c))\nclaim d loss/d c = "
    wrong = judged_alone(api.load(f"{model}[0.5, 1.5, 2.5]\n"))[0]
    assert (wrong.verdict, wrong.place, wrong.wrong) == (Verdict.WRONG, "c[2]", 1)
    wrong = judged_alone(api.load(f"{model}[2.0, 3.0, 5.0]\n"))[0]
    assert (wrong.verdict, wrong.place) == (Verdict.WRONG, "c[0]")
    kink = judged_alone(api.load(f"{model}[0.5, 1.5, 5.0]\n"))[0]
    assert kink.verdict is Verdict.KINK
    assert (kink.claimed, kink.left, kink.right) == (1.5, 0.0, 3.0)
    assert str(kink.note).startswith("c[1]: no derivative here")


def test_the_value_that_is_carried_is_that_of_the_entry_shown() -> None:
    model = """rows x = [1, 2, 3]
param w = 0.5
data t[2] = [0.25, 0.75]
param z[2] = [0.3, 1.1]
l = -dot(t, log_softmax(z)) * x + w
loss = mean_rows(l)
claim d l/d z = x*(softmax(z) - t)
claim d loss/d z = mean_rows(d l/d z)
"""
    for claim in judged_alone(api.load(model), carry=True):
        assert claim.carried == pytest.approx(claim.claimed, rel=1e-12)


FORMULAS = """seed 2
rows x[3] ~ normal(0, 1) count 10
rows y ~ normal(0, 1) count 10
data lam = 0.1
param w[3] = [0.5, -0.2, 0.9], b = 0.1
l = (dot(w, x) + b - y)^2
loss = mean_rows(l) + lam*sum(w^2)
claim d loss/d w = mean_rows(2*(dot(w, x) + b - y)*x)"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rest", "text"),
    [
        ("", "leaves out the path through sum(w^2) (line 7)"),
        (" - 2*lam*w", "has - where + belongs before 2*lam*w"),
        (" + lam*w", "has lam*w where 2*lam*w belongs"),
        (" + 0.3*lam*w", None),
        (" + 2*lam*w", None),
    ],
)
def test_a_formula_is_explained_by_one_step_too(rest: str, text: str | None) -> None:
    found = judged_alone(api.load(f"{FORMULAS}{rest}\n"))[0]
    assert found.verdict is (Verdict.OK if rest == " + 2*lam*w" else Verdict.WRONG)
    assert found.diagnosis == text


BATCH = """seed 4
data X[10,3] ~ normal(0, 1), y[10,2] ~ normal(0, 1)
param W1[3,4] ~ he, b1[4] ~ normal(0, 0.1), W2[4,2] ~ he, b2[2] ~ normal(0, 0.1)
Z1 = X @ W1 + b1
H1 = sigmoid(Z1)
Z2 = H1 @ W2 + b2
loss = sum((Z2 - y)^2)/10
"""


@pytest.mark.parametrize(
    ("mistake", "names", "text"),
    [
        ("", "", None),
        ("last", "b1", "counts the last row only, instead of all of them (line 4)"),
        ("pre-activation", "W2", "uses the argument of sigmoid where its value belongs (line 6)"),
        ("mean", "b2", "is 1/10 (one over the length of axis 0 of X) times the true value"),
        ("sum", "W2 b2 W1 b1", "is 10 (the length of axis 0 of X) times the true value"),
    ],
)
def test_a_batch_that_is_one_matrix(tmp_path: Path, mistake: str, names: str, text: str | None) -> None:
    p = {name: np.asarray(item.values) for name, item in api.load(BATCH).inputs.items()}
    z1 = p["X"] @ p["W1"] + p["b1"]
    h1 = 1 / (1 + np.exp(-z1))
    d2 = 2 * (h1 @ p["W2"] + p["b2"] - p["y"]) / (1 if mistake == "sum" else 10)
    d1 = d2 @ p["W2"].T * h1 * (1 - h1)
    gradients = {
        "W2": (z1 if mistake == "pre-activation" else h1).T @ d2,
        "b2": d2.mean(0) if mistake == "mean" else d2.sum(0),
        "W1": p["X"].T @ d1, "b1": d1[-1] if mistake == "last" else d1.sum(0),
    }  # fmt: skip
    np.savez(tmp_path / "g.npz", **gradients)
    path = tmp_path / "m.txt"
    path.write_text(BATCH + "".join(f'claim d loss/d {name} from "g.npz"\n' for name in gradients))
    wrong = [c for c in judged_alone(api.load(path)) if c.verdict is Verdict.WRONG]
    assert " ".join(c.by for c in wrong) == names
    assert {c.diagnosis for c in wrong} == ({text} if names else set())


SMALL = """rows x[2] = [[1, 2], [0.5, -1], [2, 0.3]]
param W[3,2] = [[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]], b[3] = [0.1, -0.2, 0.3]
h = tanh(W @ x + b)
loss = sum_rows(sum(h^2)/2)
"""


@pytest.mark.parametrize(
    ("slip", "text"),
    [
        (lambda h: 1 + h**2, "has 1 + tanh(z)^2 in place of the derivative of tanh (line 3)"),
        (lambda h: 1 - h, "has 1 - tanh(z) in place of the derivative of tanh (line 3)"),
        (lambda h: 1 - h**2 / 3, "has h^2/3 where h^2 belongs"),
        (lambda h: 1 - h**2 / 3.3, None),
    ],
)
def test_what_stands_in_place_of_a_derivative_in_numbers(slip: Any, text: str | None) -> None:
    x = np.array([[1, 2], [0.5, -1], [2, 0.3]])
    h = np.tanh(x @ np.array([[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]]).T + [0.1, -0.2, 0.3])
    numbers = ", ".join(f"{g!r}" for g in (h * slip(h)).sum(axis=0).tolist())
    (claim,) = judged_alone(api.load(f"{SMALL}claim d loss/d b = [{numbers}]\n"))
    assert (claim.verdict, claim.diagnosis) == (Verdict.WRONG, text)


def test_undecidable_names_the_entry_with_the_fewest_digits(tmp_path: Path) -> None:
    """Two entries cancel to 1e-12 and 1e-10 of what they are made of."""
    (tmp_path / "m.txt").write_text(
        "param w[3] = [1, 1, 1]\ndata u[3] = [1, 1, 1], v[3] = [0.5, 0.9999999999, 0.999999999999]\n"
        'loss = sum(u*sin(w) - v*sin(w))\nclaim d loss/d w from "g.npy"\n'
    )
    u, v = np.ones(3), np.array([0.5, 0.9999999999, 0.999999999999])
    np.save(tmp_path / "g.npy", u * np.cos(1) - v * np.cos(1))
    (claim,) = judged_alone(api.load(tmp_path / "m.txt"))
    assert claim.verdict is Verdict.OK
    assert "the least in w[2]: float64 carries no more" in str(claim.note)
