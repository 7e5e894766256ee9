"""A program that writes into chosen places, and does not add, is told so; a right one is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradcheck_cli import api
from gradcheck_cli.language.printer import show
from gradcheck_cli.results.gradient_results import Verdict

WORDS = """data w[6] in 0 to 3 = [2, 0, 2, 3, 1, 2], t[6] = [0.3, -0.2, 0.5, 1, -1, 0.7]
param E[4,2] = [[0.3, -0.8], [0.5, 0.1], [-0.2, 0.9], [1.1, 0.4]], v[2] = [0.7, -0.4]
X = E[w,:]
loss = sum((tanh(X) @ v - t)^2)
"""
OF_ROWS = """rows w in 0 to 3 = [2, 0, 2, 3, 1, 2], t = [0.3, -0.2, 0.5, 1, -1, 0.7]
param E[4,2] = [[0.3, -0.8], [0.5, 0.1], [-0.2, 0.9], [1.1, 0.4]], v[2] = [0.7, -0.4]
x = E[w,:]
loss = sum_rows((tanh(x)' @ v - t)^2)
"""
LAST = "keeps the last of what is chosen twice, where all of it adds up (line 3)"


def program(*, adds: bool) -> np.ndarray:
    """The gradient of E, as one writes it."""
    w, t = np.array([2, 0, 2, 3, 1, 2]), np.array([0.3, -0.2, 0.5, 1, -1, 0.7])
    E, v = np.array([[0.3, -0.8], [0.5, 0.1], [-0.2, 0.9], [1.1, 0.4]]), np.array([0.7, -0.4])
    h = np.tanh(E[w])
    g = (2 * (h @ v - t))[:, None] * v * (1 - h**2)
    found = np.zeros_like(E)
    for k, word in enumerate(w):
        found[word] = found[word] + g[k] if adds else g[k]
    return found


@pytest.mark.parametrize("text", [WORDS, OF_ROWS])
@pytest.mark.parametrize("adds", [True, False])
def test_a_program_that_overwrites_is_told_so(text: str, adds: bool, tmp_path: Path) -> None:
    np.save(tmp_path / "E.npy", program(adds=adds))
    (tmp_path / "m.txt").write_text(text + 'claim d loss/d E from "E.npy"\n', encoding="utf-8")
    (claim,) = api.check(api.load(tmp_path / "m.txt"), wrt=("v",), points=2).claims
    assert (claim.verdict, claim.diagnosis) == (Verdict.OK, None) if adds else (Verdict.WRONG, LAST)


LABELS = """rows y in 0 to 2 = [0, 2, 1, 1], x[2] = [[1, 2], [0.5, -1], [0.3, 0.2], [2, 1]]
param W[3,2] = [[0.2, -0.4], [0.9, 0.3], [-0.5, 0.6]]
z = W @ x
p = softmax(z)
l = -log(p[y])
loss = sum_rows(l)
claim d l/d z = {}
"""


@pytest.mark.parametrize(("formula", "said"), [
    ("p - one_hot(y, 3)", None),
    ("p + one_hot(y, 3)", "has + where - belongs"),
    ("one_hot(y, 3) - p", "has the wrong sign"),
])  # fmt: skip
def test_cross_entropy_with_labels(formula: str, said: str | None) -> None:
    model = api.load(LABELS.format(formula))
    (claim,) = api.check(model, wrt=("loss",), points=2).claims
    assert (claim.verdict, claim.diagnosis) == (Verdict.WRONG if said else Verdict.OK, said)
    assert claim.note is None
    assert show(api.load(show(model))) == show(model)


def test_labels_of_other_points_are_other_labels() -> None:
    """A formula that is right for the given labels only is found."""
    model = api.load(LABELS.format("p - where(y > 1, [0, 0, 1], where(y > 0, [0, 1, 0], [1, 0, 0]))"))
    assert api.check(model, wrt=("loss",), points=2).claims[0].verdict is Verdict.OK
    text = "data y in 0 to 2 = 1\nparam z[3] = [0.2, 1, -0.5]\np = softmax(z)\nloss = -log(p[y])\n"
    (claim,) = api.check(api.load(text + "claim d loss/d z = p - [0, 1, 0]"), points=2).claims
    assert claim.note == "right only for this y: y = 1"


def test_what_is_wrong_beside_another_claim_alone_has_no_slip() -> None:
    model = "param x = 1\nloss = where(x >= 1, x^2, 3*x - 2)\nclaim d loss/d x = where(x >= 1, 2*x, 3)\n"
    (alone,) = api.check(api.load(model)).claims
    assert alone.verdict is Verdict.KINK
    beside, _ = api.check(api.load(model + "claim d loss/d x = 3.0\n")).claims
    assert beside.verdict is Verdict.WRONG
    assert "no one choice of slopes" in str(beside.note)
    assert beside.diagnosis is None
