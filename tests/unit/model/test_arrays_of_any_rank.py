"""Arrays of three and more axes: values, derivatives, claims, and what is said of shapes that do not fit.

The oracle is NumPy, written out here: values as they stand, derivatives by the complex step.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradcheck_cli as gc
from build import one_of, part_of
from gradcheck_cli import api
from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.render.registry import OutputOptions, render

X = np.random.default_rng(1).uniform(0.3, 1.7, (2, 3, 2, 4)).round(3)
G = np.random.default_rng(2).uniform(0.3, 1.7, (3,)).round(3)
WEIGHTS = np.cos(np.arange(400.0))  # every entry counts with a weight of its own


def _text(array: Any) -> str:
    return repr(np.asarray(array).tolist())


HEAD = f"param X[2,3,2,4] = {_text(X)}\nparam G[3] = {_text(G)}\n"


def _slope(function: Callable[..., Any], values: list[Any], place: int) -> Any:
    """d sum(weights*function)/d values[place] by the complex step."""
    found = np.zeros(values[place].shape)
    for index in np.ndindex(found.shape):
        moved = [np.array(value, dtype=complex) for value in values]
        moved[place][index] += 1e-30j
        result = np.asarray(function(*moved))
        found[index] = (result * WEIGHTS[: result.size].reshape(result.shape)).sum().imag / 1e-30
    return found


EXPRESSIONS: list[tuple[str, Callable[..., Any]]] = [
    ("X*X[0:1,:,1:2,:]", lambda x, g: x * x[0:1, :, 1:2, :]),
    ("sin(X[1,0:2,:,3])", lambda x, g: np.sin(x[1, 0:2, :, 3])),
    ("X*reshape(G, [3,1,1])", lambda x, g: x * g.reshape(3, 1, 1)),
    ("reshape(G, 1, -1, 1, 1)/X", lambda x, g: g.reshape(1, -1, 1, 1) / x),
    ("exp(X - mean(X, axis=(0,2,3)))", lambda x, g: np.exp(x - x.mean((0, 2, 3), keepdims=True))),
    ("sum(X^2, axis=(0,-1), keepdims=0)", lambda x, g: (x**2).sum((0, 3))),
    ("prod(X, axis=(1,3))", lambda x, g: x.prod((1, 3), keepdims=True)),
    ("prod(X, axis=(0,2), keepdims=0)*reshape(G, [3,1])", lambda x, g: x.prod((0, 2)) * g.reshape(3, 1)),
    ("X[0,0,0,:] - mean(X[0,0,0,:], axis=0)", lambda x, g: x[0, 0, 0] - x[0, 0, 0].mean()),
    ("log(mean(X*X, axis=-2, keepdims=0))", lambda x, g: np.log((x * x).mean(2))),
    ("X[:,:,:,0:1]*X[0,0,:,:]", lambda x, g: x[:, :, :, :1] * x[0, 0]),
    ("transpose(X, (2,0,3,1))*G", lambda x, g: x.transpose(2, 0, 3, 1) * g),
    ("reshape(X, [6,8]) @ reshape(X, 8, 6)", lambda x, g: x.reshape(6, 8) @ x.reshape(8, 6)),
    ("stack(X[0,:,0,1], sqrt(G), axis=1)", lambda x, g: np.stack([x[0, :, 0, 1], np.sqrt(g)], 1)),
    ("stack(X, X^2, axis=-2)", lambda x, g: np.stack([x, x**2], -2)),
    ("[X[0,:,:,:], X[1,:,:,:]^3]", lambda x, g: np.stack([x[0], x[1] ** 3])),
    ("concat(X, sin(X), axis=2)", lambda x, g: np.concatenate([x, np.sin(x)], 2)),
    ("cumsum(X^2, axis=1)", lambda x, g: np.cumsum(x**2, 1)),
    ("X[:,:,0,:]*(X[:,:,1,:] > 1)", lambda x, g: x[:, :, 0, :] * (x[:, :, 1, :].real > 1)),
    ("where(X > 1, X^2, reshape(G, [3,1,1]))", lambda x, g: np.where(x.real > 1, x**2, g.reshape(3, 1, 1))),
    ("softmax(X, axis=(1,2))", lambda x, g: np.exp(x) / np.exp(x).sum((1, 2), keepdims=True)),
    ("ones(2,1,3)*G", lambda x, g: np.ones((2, 1, 3)) * g),
]  # fmt: skip


@pytest.mark.parametrize(("text", "function"), one_of(2, EXPRESSIONS))
def test_values_and_derivatives_are_those_of_numpy(text: str, function: Callable[..., Any]) -> None:
    wanted = np.asarray(function(X, G))
    weights = WEIGHTS[: wanted.size].reshape(wanted.shape)
    model = gc.load(f"{HEAD}data W = {_text(weights)}\ny = {text}\nloss = sum(W*y)")
    report = gc.check(model, points=1, all_entries=True)
    assert report.verdict is gc.Verdict.OK
    assert report.loss == pytest.approx((weights * wanted).sum(), rel=1e-12)
    for place, name in enumerate(("X", "G")):
        block = next(b for b in report.parameters if b.name == name)
        slopes = _slope(function, [X, G], place)
        for entry in block.entries:
            found = [entry.symbolic, entry.backprop, entry.finite]
            assert found == pytest.approx([slopes[entry.index]] * 3, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("text", one_of(2, [text for text, _ in part_of(EXPRESSIONS, 2)]))
def test_formulas_are_claims_that_are_right(text: str) -> None:
    """What explain writes is read back as claims; the wrong twin is not accepted."""
    model = f"{HEAD}y = {text}\nloss = sum(y^2*(1 + y))\n"
    explained = gc.explain(gc.load(model))
    steps = [*explained.backward_steps, *explained.backward_parameters]
    claims = [f"claim d loss/d {step.name} = {step.formula}" for step in steps]
    used = [step for step in steps if step.name in f"y, {text}"]
    twins = [f"claim d loss/d {step.name} = 1.5*({step.formula})" for step in used]
    report = gc.check(gc.load(model + "\n".join([*claims, *twins])), points=2)
    found = [claim.verdict.value for claim in sorted(report.claims, key=lambda claim: claim.line)]
    assert found == ["ok"] * len(claims) + ["WRONG"] * len(twins)


@pytest.mark.parametrize("text", [text for text, _ in EXPRESSIONS])
def test_what_is_shown_is_the_model(text: str) -> None:
    model = gc.load(f"{HEAD}y = {text}\nloss = sum(y)\nclaim d loss/d X[0,1,1,2] = 1")
    shown = api.show(model)
    again = gc.load(shown)
    assert api.show(again) == shown
    assert again.node("y").shape == model.node("y").shape


# --- what does not fit --------------------------------------------------------------------------

BAD = [  # what is written; what is said; the way out
    ("[[[1, 2], [3, 4]], [[5, 6]]]", "entry 1 has the shape [1,2], entry 0 [2,2]", "have one shape"),
    ("[[[1, 2], [3]]]", "entry 1 has the shape [1], entry 0 [2]", "have one shape"),
    ("[[[1, 2]], 3]", "entry 1 has the shape a single number", "have one shape"),
    ("[" * 31 + "1" + "]" * 31, "at most 30 axes", "reshape"),
    ("X[0,1,2]", "3 indices for the shape [2,3,2,4]", "X[i,i,i,:]"),
    ("X[0,:]", "2 indices", "X[i,:,:,:]"),
    ("X[0,1,0,1,0]", "5 indices", "one for each axis"),
    ("X[0,3,0,0]", "index 3 is outside 0..2 of axis 1", "count from 0"),
    ("X[0,0,0,4]", "index 4 is outside 0..3 of axis 3", "count from 0"),
    ("X[:,1:1,:,:]", "the slice 1:1 is empty or outside 0:3 of axis 1", "v[a:b]"),
    ("X[-1,0,0,0]", "an index is negative", "count from 0"),
    ("sum(X, axis=4)", "axis=4 does not fit the shape [2,3,2,4]", "-4 to -1"),
    ("sum(X, axis=-5)", "axis=-5 does not fit", "0 to 3"),
    ("sum(X, axis=(0,7))", "axis=7 does not fit", "0 to 3"),
    ("sum(X, axis=(0,2,0))", "axis 0 is given twice", "once"),
    ("sum(X, axis=(1,-3))", "axis -3 is axis 1, which is given, too", "once"),
    ("sum(X, axis=1.5)", "an axis is a whole number", "numbers"),
    ("sum(X, keepdims=G)", "a keyword takes a number", ""),
    ("sum(X, axis=0, keepdims=7)", "keepdims is 0 or 1", "drops"),
    ("transpose(X, axes=(0,2,1,3))", "no keyword axes", "transpose(x, (0, 2, 1))"),
    ("reshape(X, shape=(6,8))", "does not take 1 argument", "reshape(x, [2, 3])"),
    ("max(X, (1,2))", "round brackets", "sum(x, axis=(0, 1))"),
    ("cumsum(X)", "cumsum of 4 axes, here [2,3,2,4], needs an axis", "axis=-1"),
    ("cumsum(X, axis=(0,1))", "axis=(0, 1) is not one axis", "axis=-1"),
    ("softmax(X)", "softmax of 4 axes", "axis=-1"),
    ("reshape(X, [6,9])", "reshape to [6,9] needs 54 entries, [2,3,2,4] has 48", "[6,8] fits"),
    ("reshape(X, 5, -1)", "no multiple of 5", "-1 stands for"),
    ("reshape(X, -1, -1)", "is no shape", "one may be -1"),
    ("reshape(X, 0, 4)", "is no shape", "1 or more"),
    ("reshape(X)", "reshape does not take 1 argument", "reshape(x, [2, 3])"),
    ("reshape(X, G)", "whole numbers that are written out", "no value"),
    ("transpose(X)", "the transpose of 4 axes", "transpose(x, (0, 1, 3, 2))"),
    ("X'", "is read in two ways", "(3, 2, 1, 0)"),
    ("transpose(X, (0,1))", "2 axes for the shape [2,3,2,4]", "all 4 axes"),
    ("transpose(X, (0,1,2,2))", "axis 2 is given twice", ""),
    ("transpose(X, (0,1,2,4))", "axis=4 does not fit", "0 to 3"),
    ("stack(X, G)", "entry 1 has the shape [3]", "one shape"),
    ("stack(G, G, axis=2)", "axis=2 does not fit", "axis"),
    ("concat(X, X[:,:,0:1,:], axis=1)", "do not fit along axis=1", "axis=2 fits"),
    ("X @ G", "@ multiplies vectors and matrices, [2,3,2,4] has 4 axes", 'einsum("abij,j->abi", A, B)'),
    ("reshape(X, [2,3,8]) @ reshape(X, [2,8,3])", "has 3 axes", 'einsum("aij,ajk->aik", A, B)'),
    ("reshape(X, [2,3,8]) @ reshape(X, [8,6])", "has 3 axes", 'einsum("aij,jk->aik", A, B)'),
    ("G @ transpose(X[:,:,:,0], (0,1,2))", "has 3 axes", 'einsum("j,ajk->ak", A, B)'),
    ("reshape(X, [6,8]) @ reshape(X, [2,8,3])", "has 3 axes", 'einsum("ij,ajk->aik", A, B)'),
    ("X*G", "the shapes [2,3,2,4] and [3] do not fit *", "write reshape(x, [1,3,1,1])"),
    ("G/reshape(G, 1, 3)", "the shapes [3] and [1,3] do not fit /", "all pairs are reshape(v, [3,1]) / A"),
    ("max(K, G)", "the shapes [3,1] and [3] do not fit max", "all pairs are max(A, v')"),
    ("Y*G", "the shapes [2,3,3] and [3] do not fit *", "reshape(x, [1,3,1]) or reshape(x, [1,1,3])"),
    ("reshape(G, [1,3,1]) + G", "the shapes [1,3,1] and [3] do not fit +", "write reshape(x, [1,3,1])"),
    ("(1, 2)", "round brackets", "write [1, 2]; the decimal"),
    ("trace(X)", "trace needs a square matrix", "A[0,0,:,:]"),
    ("S*G", "the shapes [3,3] and [3] do not fit *", "the product is S @ G; S*G' multiplies"),
    ("G - G'", "the column [3] and the row [1,3] are read in two ways", "reshape(s, [3,1]) - s'"),
    ("K*G", "the shapes [3,1] and [3] do not fit *", "all pairs are K * G'"),
    ("S^-1", "A^-1 of a square matrix", "inv(A)"),
]


@pytest.mark.parametrize(("text", "said", "way_out"), BAD, ids=[text[:40] for text, *_ in BAD])
def test_what_does_not_fit_has_a_place_and_a_way_out(text: str, said: str, way_out: str) -> None:
    head = f"{HEAD}param S[3,3] = 0.5, K[3,1] = 2, Y[2,3,3] = 1\n"
    with pytest.raises(GradcheckError) as caught:
        gc.load(f"{head}y = {text}\nloss = sum(y)")
    assert said in caught.value.message
    assert way_out in (caught.value.help or "")
    assert caught.value.place is not None
    assert caught.value.place.line == 4


@pytest.mark.parametrize(("text", "note"), [
    ("Z + G", "a value of the shape [3] was repeated to [2,2,3], as in NumPy"),
    ("Y + G", "a value of the shape [3] was repeated to [2,3,3], as in NumPy"),
    ("max(X, reshape(G, [3,1,1]))", "a value of the shape [3,1,1] was repeated to [2,3,2,4], as in NumPy"),
    ("Z[0,:,:]*G", "* of a [2,3] matrix and a vector takes each row by itself; the product is A @ v"),
    ("Z[0,:,:] > G", "> of a [2,3] matrix and a vector takes each row by itself"),
    ("Z[0,:,:] - G", "a vector was added to every row of a [2,3] matrix"),
    ("reshape(G, [3,1]) - G'", "- of [3,1] and [1,3] takes all pairs of their entries, [3,3], as in NumPy"),
    ("max(G', reshape(G, [3,1]))", "max of [1,3] and [3,1] takes all pairs of their entries, [3,3]"),
])  # fmt: skip
def test_a_value_that_is_repeated_is_noted(text: str, note: str) -> None:
    model = gc.load(f"{HEAD}param Y[2,3,3] = 1, Z[2,2,3] = 1\ny = {text}\nloss = sum(y)")
    assert [n for n in model.notes if note in n]


# --- files, rows, and what is printed -------------------------------------------------------------


def test_rows_of_arrays_from_files_and_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    images, kernel = rng.normal(size=(5, 2, 3, 3)), rng.normal(size=(2, 3, 3))
    np.save(tmp_path / "images.npy", images)
    np.savez(tmp_path / "kernel.npz", K=kernel)
    model = api.load_text(
        'rows I[2,3,3] from "images.npy"\nparam K from "kernel.npz"\n'
        "h = sum(I*K, axis=(1,2), keepdims=0)\nl = tanh(h[0])*h[1]\nloss = mean_rows(l)\n"
        "claim d l/d h = [(1 - tanh(h[0])^2)*h[1], tanh(h[0])]\n"
        "claim d loss/d K = sum_rows(I*reshape(d loss/d h, [2,1,1]))\n"
        "claim d loss/d K = 2*sum_rows(I*reshape(d loss/d h, [2,1,1]))\n",
        file="-", folder=tmp_path,
    )  # fmt: skip
    report = gc.check(model, points=2, all_entries=True)
    claims = sorted(report.claims, key=lambda claim: claim.line)
    assert [claim.verdict.value for claim in claims] == ["ok", "ok", "WRONG"]
    sums = (images * kernel).sum((2, 3))
    inner = np.stack([(1 - np.tanh(sums[:, 0]) ** 2) * sums[:, 1], np.tanh(sums[:, 0])], 1)
    wanted = (images * inner[:, :, None, None]).mean(0)
    for entry in report.parameters[0].entries:
        assert entry.symbolic == pytest.approx(wanted[entry.index], rel=1e-11)
    api.save_point(model, tmp_path / "point.npz")
    again = api.load_text('param K from "point.npz"\nloss = sum(K)', file="-", folder=tmp_path)
    np.testing.assert_array_equal(again.inputs["K"].values, kernel)


def test_values_are_printed_one_matrix_row_by_row() -> None:
    model = gc.load("param X[2,2,2] = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]\ny = X^2\nloss = sum(y)")
    explained = gc.explain(model)
    table = render(explained, of="explain", options=OutputOptions(verbosity=1))
    assert "[[[1, 2], [3, 4]],\n       [[5, 6], [7, 8]]]" in table
    latex = render(explained, "latex", of="explain", options=OutputOptions(verbosity=1))
    matrix = r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}"
    assert rf"\left[{matrix}" in latex


@pytest.mark.parametrize("step", [
    "where(t >= t, C, A)", "where(A > 2, t, C)", "clip(t, C, A)", "clip(C, t, A)", "clip(A, C, t)",
])  # fmt: skip
def test_a_row_and_a_column_go_into_a_matrix_whichever_comes_first(step: str) -> None:
    text = "param A[2,2] = [[1, 2], [3, 4]], C[2,1] = [[2.5], [1.5]]\ndata t[1,2] = [[2, 3]]\n"
    model = api.load(f"{text}s = {step}\nloss = sum(s^2)\n")
    assert model.node("s").shape == (2, 2)
    assert api.load(f"{text}s = where(t >= t, C, 1)\nloss = sum(s*A)\n").node("s").shape == (2, 2)


def test_small_values_of_a_file_are_shown_as_lists_that_read_back(tmp_path: Path) -> None:
    np.save(tmp_path / "small.npy", np.arange(8.0).reshape(2, 2, 2))
    np.save(tmp_path / "large.npy", np.zeros((2, 10, 10)))
    (tmp_path / "model.txt").write_text(
        'param X[2,2,2] from "small.npy"\nparam Z[2,10,10] from "large.npy"\nloss = sum(X^2) + sum(Z)\n'
    )
    shown = api.show(api.load(tmp_path / "model.txt"))
    assert "param X[2,2,2] = [[[0.0, 1.0], [2.0, 3.0]], [[4.0, 5.0], [6.0, 7.0]]]\n" in shown
    assert 'param Z[2,10,10] from "large.npy"\n' in shown
    (tmp_path / "again.txt").write_text(shown)
    assert api.show(api.load(tmp_path / "again.txt")) == shown


def test_arrays_of_one_entry_join_whatever_their_axes() -> None:
    model = gc.load("param v[1] = 2, S[1,1] = 4, T[1,1,1] = 8\nr = v/S\nq = T*v\nloss = sum(r) + sum(q)")
    assert (model.node("r").shape, model.node("q").shape) == ((1, 1), (1, 1, 1))


def test_a_column_and_a_row_make_all_pairs() -> None:
    """The squared distances of a kernel, as it is typed; without a cross term nothing brings the pairs."""
    text = (
        "param X[4,2] ~ normal(0, 1)\ndata s[4] = [1, -2, 0.5, 3]\n"
        "n = sum(X^2, axis=1)\nD = n + n' - 2*X @ X'\nloss = sum(exp(-D/2)*max(reshape(s, [4,1]), s'))\n"
        "let G = d loss/d D\nclaim G = -exp(-D/2)*max(reshape(s, [4,1]), s')/2\n"
        "claim d loss/d n = sum(G, axis=1) + sum(G, axis=0)'\nclaim d loss/d n = sum(G, axis=1)\n"
    )
    report = gc.check(gc.load(text), points=2)
    assert report.parameters[0].verdict.value == "ok"
    claims = sorted(report.claims, key=lambda claim: claim.line)
    assert [claim.verdict.value for claim in claims] == ["ok", "ok", "WRONG"]
    assert any("+ of [4,1] and [1,4] takes all pairs" in note for note in report.notes)
    shown = api.show(gc.load(text))
    assert api.show(gc.load(shown)) == shown
