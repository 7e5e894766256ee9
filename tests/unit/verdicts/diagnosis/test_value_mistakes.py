"""WRONG values: what they are instead, and which follow from one another; and what is not said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from build import one_of
from claimed import judged_alone
from gradcheck_cli import api
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict

NET = """data x[2] = [1, 2], y[3] = [1, 0, 2]
param W1[3,2] = [[0.5, -0.3], [0.2, 0.8], [-0.6, 0.1]], b1[3] = [0.2, 0.2, 0.3]
param W2[3,3] = [[0.5, -0.3, 0.1], [0.2, 0.8, 0.4], [-0.6, 0.1, 0.9]], c = 1.7
f1 = W1 @ x + b1
h1 = relu(f1)
f2 = W2 @ h1
h2 = tanh(f2)
A = W2 @ W2
k = concat(h2, [0.25])
s = sum(h2)
m = mean(h2)
r = c*dot(h2, y)
loss = sum((h2 - y)^2)
"""


def run(*claims: str, folder: Path | None = None, **options: object) -> list[ClaimResult]:
    text = NET + "".join(f"claim {claim}\n" for claim in claims)
    if folder is None:
        return judged_alone(api.load(text), **options)
    (folder / "model.txt").write_text(text, encoding="utf-8")
    return judged_alone(api.load(folder / "model.txt"))


def said(claim: str) -> str | None:
    (result,) = run(claim)
    assert result.verdict is Verdict.WRONG, result
    return result.diagnosis


TAPE = forward_pass(api.load(NET))


def typed(name: str, change: str = "v", digits: int = 6) -> str:
    v = np.array(TAPE.value(name))
    made = np.asarray(eval(change, {"v": v, "np": np}))
    return f"{name} = {_text(made, digits)}"


def _text(numbers: Array, digits: int = 5) -> str:
    return np.array2string(numbers, separator=", ", precision=digits, floatmode="fixed")


@pytest.mark.parametrize(("claim", "words"), one_of(3, [
    (typed("h2", "-v"), "has the wrong sign"),
    (typed("loss", "-v", 2), "has the wrong sign"),
    ("loss = -7", None),  # one digit says too little
    (typed("h2", "v[[1, 0, 2]]"), "has its entries 0 and 1 exchanged"),
    (typed("f2", "v[[1, 2, 0]]"), "is off by one entry: has in each place the value of the one after"),
    (typed("k", "v[[2, 0, 3, 1]]"), "has its entries in another order"),
    (typed("A", "v[[0, 2, 1]]"), "has its rows 1 and 2 exchanged"),
    (typed("A", "v[:, [2, 1, 0]]"), "has its columns in reverse"),
    (typed("A", "v.T"), "is transposed"),
    ("A = W2' @ W2", "uses W2' where W2 belongs"),
    (typed("h2", "np.arctanh(v)"), "is the value of f2 (line 6)"),
    ("h1 = f1", "is the value of f1 (line 4)"),
    ("h2[0] = 0.92462", "is h2[1]"),
    (typed("s", "v/3"), "has the mean of 3 numbers where the sum is meant (line 10)"),
    (typed("m", "3*v"), "has the sum of 3 numbers where the mean is meant (line 11)"),
    (typed("loss", "v/3"), "has the mean of 3 numbers where the sum is meant (line 13)"),
    ("loss = mean((h2 - y)^2)", "has the mean of 3 numbers where the sum is meant (line 13)"),
    (typed("loss", "v/2"), "is 1/2 times the true value"),
    (typed("r", "v/1.7"), "misses the factor c"),
    (typed("r", "v*1.7"), "has the factor c once too often"),
    ("f1 = [-0.1000, 1.8000, -0.4000]", "is (W1 @ x), a part of line 4"),
    ("f1 = W1 @ x", "is (W1 @ x), a part of line 4"),
    (typed("h2", "np.tanh(v)"), "has tanh once too often"),
    (typed("h2", "1 - v"), "is 1 minus the true value"),
    (typed("loss", "np.log(v)"), "is the logarithm of the true value"),
    (typed("h2", "v*[1, 1.01, 1]"), None),
    (typed("loss", "1.03*v"), None),
    ("h2 = relu(f2)", None),
    ("f2 = W2' @ h1", "uses W2' where W2 belongs"),
    ("f2 = W2 @ f1", "uses f1 where h1 belongs"),
    ("h2 = tanh(f2) - 0*y + y", None),
]))  # fmt: skip
def test_what_a_wrong_value_is(claim: str, words: str | None) -> None:
    assert said(claim) == words


@pytest.mark.parametrize("claim", [
    typed("h2"), typed("A"), typed("s"), typed("m"), typed("loss"), typed("r"), "A = W2 @ W2", "f2 = W2 @ h1",
])  # fmt: skip
def test_of_right_values_nothing_is_said(claim: str) -> None:
    (result,) = run(claim)
    assert (result.verdict, result.diagnosis) == (Verdict.OK, None)


@pytest.mark.parametrize("number", ["2.88831377935e-316", "2.8e-322", "5.77085670200e-316"])
def test_of_values_below_the_range_of_doubles_nothing_is_said_that_overflows(number: str) -> None:
    (result,) = judged_alone(api.load(f"param x = -38\ny = normal_cdf(x)\nloss = y\nclaim loss = {number}\n"))
    assert result.verdict is Verdict.WRONG
    assert result.diagnosis in (None, "is 2 times the true value")


def test_what_follows_from_a_wrong_value_says_so() -> None:
    h1 = np.array([0.1, 2, -0.1])  # relu left out
    f2 = np.array(TAPE.value("W2")) @ h1
    h2, y = np.tanh(f2), np.array([1, 0, 2])
    numbers = {"h1": h1, "f2": f2, "h2": h2, "loss": np.asarray(((h2 - y) ** 2).sum())}
    lines = [f"{name} = {_text(v)}" for name, v in numbers.items()]
    first, second, third, last = run(*lines)
    assert (first.diagnosis, first.note) == ("is the value of f1 (line 4)", None)
    assert second.note == "follows from h1 as line 14 has it"
    assert third.note == "follows from f2 as line 15 has it"
    assert last.note == "follows from h2 as line 16 has it"
    changed = [*lines[:3], "loss = 6.2"]
    assert run(*changed)[-1].note == "is made of h2, WRONG in line 16"
    mended = ["h1 = [0.1, 2, 0]", *lines[1:]]
    assert [r.verdict for r in run(*mended)] == [Verdict.OK, *[Verdict.WRONG] * 3]
    assert run(*mended)[1].note is None  # the mistake is here
    assert run(*mended)[2].note == "follows from f2 as line 15 has it"


@pytest.mark.parametrize(("hint", "diagnosis", "truth"), [
    ("none", None, None), ("where", None, None), ("kind", "uses W2' where W2 belongs", None),
    ("truth", "uses W2' where W2 belongs", "W2 @ h1"),
])  # fmt: skip
def test_hints(hint: str, diagnosis: str | None, truth: str | None) -> None:
    (result,) = run("f2 = W2' @ h1", hint=hint)
    assert (result.diagnosis, result.truth) == (diagnosis, truth)


def test_many_rows_and_two_of_them_exchanged(tmp_path: Path) -> None:
    numbers = np.linspace(-2, 3, 4000)
    wrong = np.tanh(numbers)
    wrong[[17, 3000]] = wrong[[3000, 17]]
    np.save(tmp_path / "x.npy", numbers)
    np.save(tmp_path / "h.npy", wrong)
    text = 'rows x from "x.npy"\nparam w = 1\nh = tanh(w*x)\nloss = mean_rows(h)\nclaim h from "h.npy"\n'
    (tmp_path / "model.txt").write_text(text, encoding="utf-8")
    (result,) = api.check(api.load(tmp_path / "model.txt"), points=2).claims
    assert (result.wrong, result.total) == (2, 4000)
    assert result.diagnosis == "has its rows 17 and 3000 exchanged"
