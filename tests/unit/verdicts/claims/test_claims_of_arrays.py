"""Claims of derivatives with three axes and more: right ones, wrong twins, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gradcheck_cli as gc
from build import one_of
from gradcheck_cli.api import load_text
from gradcheck_cli.results.gradient_results import ClaimResult

HEAD = """\
param W[2,3] = [[1, 2, 3], [0.5, -1, 2]], x[3] = [0.3, -0.7, 1.1]
data T[2,3,2] = [[[1, 2], [3, 4], [5, 6]], [[1, -2], [3, -4], [5, -7]]]
param S[2,2,2] = [[[0.1, 0.9], [0.4, -0.3]], [[0.7, 0.2], [-0.6, 0.5]]]
f = W @ x
Z = T*reshape(x, [1,3,1])
Q = sin(Z)
U = S^2 + S[0,1,1]
loss = sum(Q*T) + sum(f^2) + sum(U^3)
"""


def _claims(lines: str, folder: Path = Path()) -> list[ClaimResult]:
    model = load_text(HEAD + lines, file="-", folder=folder)
    return sorted(gc.check(model, wrt=("loss",), points=2).claims, key=lambda claim: claim.line)


RIGHT = [
    "claim d f/d W = [[[0.3,-0.7,1.1],[0,0,0]],[[0,0,0],[0.3,-0.7,1.1]]]",
    "claim d f/d W = stack(stack(x, 0*x), stack(0*x, x))",
    "claim d f/d W[1,2] = [0, x[2]]",
    "claim d Q/d x[1] = cos(Z)*T*reshape([0,1,0], [1,3,1])",
    "claim d Z/d x[2] = T*reshape([0,0,1], [1,3,1])",
    "claim d loss/d Z = T*cos(Z)",
    "claim d loss/d Q = T",
    "claim d loss/d Q[1,2,1] = T[1,2,1]",
    "claim d loss/d Q[1,2,1] = -7.0",
    "claim d loss/d Q = [[[1.0,2],[3,4],[5,6]], [[1,-2],[3,-4],[5,-7]]]",
    "claim d loss/d U = 3*U^2",
    "claim d loss/d x = 2*f' @ W + reshape(sum(T*d loss/d Z, axis=(0,2)), 3)'",
    "claim d loss/d x = sum(T*d loss/d Z, axis=(0,-1), keepdims=0) + W' @ d loss/d f",
    "claim Q[0,1,0] = sin(Z[0,1,0])",
    "claim Z[1,2,1] = -7.7",
    "claim d f/d x = W",
]


def test_right_claims() -> None:
    found = _claims("\n".join(RIGHT))
    assert [claim.display for claim in found if claim.verdict is not gc.Verdict.OK] == []
    assert len(found) == len(RIGHT)


WRONG = [  # a claim, which entries are wrong, and what is said
    ("d loss/d Q = 2*T", "all of Q", "is 2 times the true value"),
    ("d loss/d Q = -T", "all of Q", "has the wrong sign"),
    ("d loss/d Q = [[[1,2],[3,4],[5,6]], [[0,0],[0,0],[0,0]]]", "Q[1,:,:]", "Q[1,:,:] is 0 in yours"),
    ("d loss/d Q = [[[1,2],[3,4],[5,6]], [[1,-2],[3,-4],[5,7]]]", "Q[1,2,1]", None),
    ("d loss/d Q = [[[1,2],[4,3],[5,6]], [[1,-2],[3,-4],[5,-7]]]", "Q[0,1,:]", None),
    ("Q = stack(Q[1,:,:], Q[0,:,:])", "Q[:,:,1]", None),
    ("d loss/d Q = T*reshape([1,2,1], [1,3,1])", "Q[:,1,:]", None),
    ("d loss/d Q = T*reshape([2,1,2], [1,3,1])", "all but Q[:,1,:]", None),
    ("d loss/d U = transpose(3*U^2, (2,1,0))", None, "has its axes 0 and 2 exchanged"),
    ("d loss/d U = transpose(3*U^2, (0,2,1))", None, "has its axes 1 and 2 exchanged"),
    ("d f/d W = 1", None, None),
    ("d f/d W[1,2] = [x[2], 0]", "all of d f/d W[1,2]", None),
    ("d loss/d Q[1,2,1] = 7", None, None),
    ("Q[0,1,0] = 2", None, None),
]  # fmt: skip


@pytest.mark.parametrize(("line", "place", "said"), one_of(3, WRONG))
def test_wrong_twins_are_named(line: str, place: str | None, said: str | None) -> None:
    (claim,) = _claims(f"claim {line}")
    assert claim.verdict is gc.Verdict.WRONG
    assert place is None or claim.place == place
    assert said is None or claim.diagnosis == said


MISFITS = [
    ("d loss/d x = sum(T*d loss/d Z, axis=(0,2)) + W' @ d loss/d f", "[1,3,1] and [3] do not fit +"),
    ("d loss/d Q = T[0,:,:]", "the right side has the shape [3,2], d loss/d Q [2,3,2]"),
    ("d loss/d Q = transpose(T, (2,1,0))[:,:,0:1]", "has the shape [2,3,1]"),
    ("d loss/d Q = transpose(T, (1,0,2))", "its axes are in another order"),
    ("d loss/d x = sum(T*d loss/d Z, axis=0, keepdims=0)", "sum(..., axis=1, keepdims=0)"),
    ("d loss/d x = T*d loss/d Z", "sum(..., axis=(0, 2), keepdims=0)"),
    ("d loss/d Q = reshape(T, [4,1,3])", "reshape(..., [2,3,2])"),
    ("d loss/d Q = [[[1,2],[3,4],[5]], [[1,-2],[3,-4],[5,-7]]]", "entry 2 has the shape [1]"),
]


def test_another_shape_is_a_wrong_claim() -> None:
    found = _claims("\n".join(f"claim {line}" for line, _ in MISFITS))
    for claim, (_, said) in zip(found, MISFITS, strict=True):
        assert claim.verdict is gc.Verdict.WRONG
        assert said in (claim.note or claim.diagnosis or "")


def test_axes_of_length_one_are_read_with_a_note() -> None:
    (claim,) = _claims("claim d loss/d x = sum(T*d loss/d Z, axis=(0,2)) + reshape(2*W' @ f, [1,3,1])")
    assert claim.verdict is gc.Verdict.OK
    assert "the shape [1,3,1] was read as [3]" in (claim.note or "")


def test_numbers_from_files(tmp_path: Path) -> None:
    right = np.array([[[1.0, 2], [3, 4], [5, 6]], [[1, -2], [3, -4], [5, -7]]])
    wrong = right.copy()
    wrong[1, 0, :] = 3
    np.save(tmp_path / "right.npy", right)
    np.save(tmp_path / "float32.npy", (right * np.float32(1)).astype(np.float32))
    np.savez(tmp_path / "both.npz", **{"d loss/d Q": wrong, "other": right})
    names = ["right.npy", "float32.npy", "both.npz"]
    found = _claims("\n".join(f'claim d loss/d Q from "{name}"' for name in names), tmp_path)
    assert [claim.verdict.value for claim in found] == ["ok", "ok", "WRONG"]
    assert found[2].place == "Q[1,0,:]"


COUNTS = [
    ("loss", "2*(y - T)", "18 (the number of entries of X)"),
    ("r", "2*(y - T)", "9 (the number of entries along axes 1 and 2 of X)"),
    ("r", "2*(y - T)/81", "1/9 (one over the number of entries along axes 1 and 2 of X)"),
]


@pytest.mark.parametrize(("of", "right_side", "said"), one_of(2, COUNTS))
def test_a_forgotten_count_is_named(of: str, right_side: str, said: str) -> None:
    text = f"""\
param X[2,3,3] ~ normal(0, 1)
data T[2,3,3] ~ normal(0, 1)
y = X^3
r = sum(mean((y - T)^2, axis=(1,2)))
loss = mean((y - T)^2) + 0*r
claim d {of}/d y = {right_side}
"""
    (claim,) = gc.check(gc.load(text), wrt=("loss",), points=2).claims
    assert claim.diagnosis == f"is {said} times the true value"


AXES = [  # an axis too few, too many, another one; a mean for a sum
    ("(G - mean(G, axis=(1,2)) - n*mean(n*G, axis=(0,1,2)))/s", "axis=(0, 1, 2)) where axis=(1, 2) belongs"),
    ("(G - mean(G, axis=(1,2)) - n*mean(n*G, axis=2))/s", "axis=2) where axis=(1, 2) belongs"),
    ("(G - mean(G, axis=(0,2)) - n*mean(n*G, axis=(1,2)))/s", "axis=(0, 2)) where axis=(1, 2) belongs"),
]


@pytest.mark.parametrize(("right_side", "said"), one_of(3, AXES))
def test_a_mean_over_other_axes_is_named(right_side: str, said: str) -> None:
    text = f"""\
param X[2,3,2] = [[[0.1, 0.5], [-0.7, 1.2], [0.3, 0.9]], [[1.1, -0.4], [0.8, 0.2], [-1.3, 0.6]]]
data T[2,3,2] = [[[1, 2], [3, 4], [5, 6]], [[1, -2], [3, -4], [5, -7]]]
c = X - mean(X, axis=(1,2))
s = sqrt(mean(c^2, axis=(1,2)))
n = c/s
loss = sum(T*n^3)
claim d loss/d X = {right_side.replace("G", "d loss/d n")}
"""
    (claim,) = gc.check(gc.load(text), wrt=("loss",), points=2).claims
    assert claim.verdict is gc.Verdict.WRONG
    assert said in (claim.diagnosis or "")
