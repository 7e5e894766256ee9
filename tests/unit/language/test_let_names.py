"""let names a derivative, f'(z) is that of a function, and a claim may be of the value of a step."""

from __future__ import annotations

import pytest

from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.language import read_claims, read_model, show
from gradcheck_cli.model.graph import Derivative

MODEL = """param w[2] = [0.5, -0.3], b = 0.2
data x[2] = [1, 2], y = 1
param W[2,2] = [[1, 2], [3, 4]]
f = W @ x
h = tanh(f)
z = dot(w, h) + b
loss = (z - y)^2
"""


def bad(line: str) -> GradcheckError:
    with pytest.raises(GradcheckError) as caught:
        read_model(MODEL + line, file="model.txt")
    return caught.value


def test_a_name_stands_for_its_derivative_on_both_sides() -> None:
    model = read_model(MODEL + "let delta = d loss/d f\nclaim delta = 2*w\nclaim d loss/d W = delta @ x'")
    first, second = model.claims
    assert (first.target, first.display) == (Derivative("loss", "f"), "delta")
    keys = {node.key for node in second.formulas["numerator"].nodes if node.is_leaf}  # type: ignore[union-attr]
    assert keys == {Derivative("loss", "f"), "x"}
    assert model.lets["delta"].target == Derivative("loss", "f")


@pytest.mark.parametrize(("let", "claim", "target", "display"), [
    ("let d2 = d loss/d f", "claim d2[1] = 3", Derivative("loss", "f", (1,)), "d2[1]"),
    ("let d2 = d loss/d W[0,1]", "claim d2 = 3", Derivative("loss", "W", (0, 1)), "d2"),
    ("let \u03b42 = d loss/d f", "claim delta2 = 3", Derivative("loss", "f"), "\u03b42"),
    ("let let = d loss/d f", "claim let = 3", Derivative("loss", "f"), "let"),
    ("let  e=d loss/d f", "claim e = 3", Derivative("loss", "f"), "e"),
    ("let unused = d loss/d f", "claim loss = 3", Derivative("loss"), "loss"),
])  # fmt: skip
def test_what_is_claimed(let: str, claim: str, target: Derivative, display: str) -> None:
    for text in (f"{let}\n{claim}", f"{claim}\n{let}"):  # both may stand anywhere
        (found,) = read_model(MODEL + text).claims
        assert (found.target, found.display) == (target, display)


@pytest.mark.parametrize(("line", "column", "word", "way_out"), [
    ("let d2 = d loss/d q", 19, "unknown name", "declare"),
    ("let d2 = d loss/d ff", 19, "unknown name", "did you mean f"),
    ("let d2 = 3", 5, "let names a derivative", "let delta2 = d loss/d f2"),
    ("let d2 = 2*d loss/d f", 5, "let names a derivative", "a step is written"),
    ("let d2 =", 9, "missing at the end", "expected"),
    ("let h = d loss/d f", 5, "defined twice", "d_h"),
    ("let w = d loss/d f", 5, "defined twice", "d_w"),
    ("let tanh = d loss/d f", 5, "reserved", "tanh_1"),
    ("let pi = d loss/d f", 5, "reserved", "pi_1"),
    ("let data = d loss/d f", 5, "reserved", "data_1"),
    ("let d2 = d w/d loss", 12, "declared", "step"),
    ("let d2 = d f/d W[0]", 10, "1 index", "a matrix takes two"),
    ("let d2 = d loss/d W[0,:]", 10, "by one entry", "parts of it"),
    ("let d2 = d loss/d f\nlet d2 = d loss/d h", 5, "defined twice", "take a new name"),
    ("let d2 = d loss/d f\nd2 = 3", 5, "defined twice", "d_d2"),
    ("let d2 = d loss/d f\ng = 2*d2", 7, "claim only", "claim d2"),
    ("let d2 = d loss/d f\nclaim d d2/d w = 1", 9, "second derivatives", "d2 is d loss/d f"),
    ("let d2 = d loss/d f\nclaim d loss/d d2 = 1", 16, "is a derivative", "d2 is d loss/d f"),
    ("let d2 = d loss/d f[0]\nclaim d2[0] = 1", 7, "by one entry", "claim d2 ="),
    ("let d2 = d loss/d f\nclaim d2[7] = 1", 7, "outside", "count from 0"),
    ("let J = d h/d f\nclaim J[0,1] = 1", 7, "part of the matrix", "d h/d f[0,1]"),
    ("claim d loss/d f = 2*w*tanh''(f)", 24, "second derivative", "tanh'(z)"),
    ("claim d loss/d f = 2*w*tanh''[f]", 24, "second derivative", "tanh'(z)"),
    ("claim d loss/d f = max'(f)", 20, "entry by entry", "d p/d z"),
    ("claim d loss/d f = softmax'(f)", 20, "entry by entry", "d p/d z"),
    ("claim d loss/d f = tanh'(f, f)", 20, "2 arguments", "tanh'(z)"),
    ("claim d loss/d f = nothing'(f)", 20, "unknown function", "W' @"),
    ("claim d loss/d f = W'(f)", 22, "missing operator", "W' @"),
    ("claim d loss/d f = (W)'(f)", 23, "missing operator", "@"),
    ("g = tanh'(f)", 5, "claim only", "claim"),
    ("claim q = 1", 7, "unknown name", "claim loss"),
    ("claim los = 1", 7, "unknown name", "did you mean loss"),
    ("claim w = [1, 2]", 7, "declared", "claim d loss/d w"),
    ("claim sin = 3", 7, "function", "claim loss"),
    ("claim pi = 3", 7, "number", "claim loss"),
    ("claim h[0:1] = 1", 7, "not of a slice", "claim h[0]"),
    ("claim h[9] = 1", 7, "outside", "count from 0"),
    ("claim loss[0] = 1", 7, "single number", "single number"),
    ("claim 3 = loss", 7, "derivative, or with the name of a step", "claim loss"),
    ("claim sum(h) = 1", 10, "not of a formula", "name the step"),
    ("claim h' = 1", 8, "not of a formula", "name the step"),
    ("claim loss 0.7", 12, "missing", "claim loss ="),
    ("claim loss == 1", 12, "==", "write claim loss = 1"),
    ("claim h = [1, nan]", 15, "not a number", "finite"),
    ("claim dloss_dw = 3", 7, "a derivative", "claim d loss/d w"),
])  # fmt: skip
def test_bad_lines(line: str, column: int, word: str, way_out: str) -> None:
    error = bad(line)
    assert error.place is not None
    assert error.place.column == column, str(error)
    assert word in error.message
    assert way_out in (error.help or "")


def test_a_name_of_the_model_is_known_in_a_file_of_claims() -> None:
    model = read_model(MODEL + "let d2 = d loss/d f")
    (claim,) = read_claims("claim d2 = 3", file="claims.txt", model=model)
    assert claim.target == Derivative("loss", "f")
    (claim,) = read_claims("let d2 = d loss/d f; let d3 = d loss/d h; claim d3 = d2", file="-", model=model)
    assert claim.target == Derivative("loss", "h")


@pytest.mark.parametrize(("line", "word"), [
    ("let d2 = d loss/d h", "d2\" is d loss/d f in the model"), ("let h = d loss/d f", "name of the model"),
])  # fmt: skip
def test_a_file_of_claims_gives_no_name_another_meaning(line: str, word: str) -> None:
    model = read_model(MODEL + "let d2 = d loss/d f")
    with pytest.raises(GradcheckError, match="another name") as caught:
        read_claims(line, file="claims.txt", model=model)
    assert word in caught.value.message


# what was a file before there was `let` is one still
@pytest.mark.parametrize("text", [
    "param let = 2\nloss = let^2", "param x = 1\nlet = x^2\nloss = let",
    "data let = 3\nparam w = 1\nloss = w*let",
    "let^2", "param let[2] = [1, 2]\nloss = let' @ let",
    "param W[2,2] = [[1, 2], [3, 4]]\ndata x[2] = [1, 2]\nloss = sum(W' @ (x))",
])  # fmt: skip
def test_let_is_no_reserved_word(text: str) -> None:
    model = read_model(text)
    assert show(read_model(show(model))) == show(model)


@pytest.mark.parametrize("lines", [
    "let d2 = d loss/d f\nclaim d2 = 2*(z - y)*w * tanh'(f)\nclaim d loss/d W = d2 @ x'\nclaim d2[0] = d2[1]",
    "let \u03b4 = d loss/d W[0,1]\nclaim \u03b4 = 3\nclaim d loss/d W[0,1] = delta",
    "let d2 = d loss/d f\nlet d3 = d loss/d h\nclaim d2 = d3 * tanh'[f]\nclaim d loss/d f = d2",
    "claim h = tanh(f)\nclaim h[1] = 0.5\nclaim f = W @ x\nclaim z = leaky_relu'(z, slope=0.2)",
])  # fmt: skip
def test_it_is_shown_and_read_back(lines: str) -> None:
    model = read_model(MODEL + lines)
    shown = show(model)
    again = read_model(shown)
    assert show(again) == shown
    assert again.lets.keys() == model.lets.keys()
    assert [c.target for c in again.claims] == [c.target for c in model.claims]
    for one, other in zip(model.claims, again.claims, strict=True):
        assert one.formulas["numerator"] == other.formulas["numerator"] or one.numbers is not None


# later functions give way to names of the file: beta and gamma of a layer norm
HIDDEN = """data x[2] = [1, 2]
param gamma[2,2] = [[1, 2], [3, 4]], beta[2] = [0.1, 0.2]
f = gamma @ x + beta
loss = sum(f^2)
"""


def test_a_name_that_hides_a_function_keeps_its_transpose() -> None:
    model = read_model(HIDDEN + "let digamma = d loss/d f\nclaim digamma = gamma'[0,:] + gamma'[1,:]*0")
    (claim,) = model.claims
    assert claim.display == "digamma"
    assert not any("'" in n.operation for n in claim.formulas["numerator"].nodes)  # type: ignore[union-attr]
    with pytest.raises(GradcheckError, match="missing operator"):
        read_model(HIDDEN + "claim d loss/d f = gamma'(f)")
    (claim,) = read_claims("claim d loss/d f = gamma'[0,:] + digamma'(f)", file="-", model=read_model(HIDDEN))
    used = {n.operation for n in claim.formulas["numerator"].nodes}  # type: ignore[union-attr]
    assert {"digamma'", "transpose", "index"} <= used


def test_a_function_of_an_order_has_a_slope() -> None:
    model = read_model("param x = 1.5\nloss = bessel_j(2, x)\nclaim d loss/d x = bessel_j'(2, x)")
    assert show(read_model(show(model))) == show(model)
    with pytest.raises(GradcheckError, match="does not take 1") as caught:
        read_model("param x = 1.5\nloss = x\nclaim d loss/d x = bessel_j'(x)")
    assert caught.value.help == "write bessel_j'(n, z)"


LOOP = """data x[2] = [0.5, -1.2], y[2] = [1, -1]
param h0[2] = [0.3, 0.2], W[2,2] = [[0.4, -0.3], [0.7, 0.2]]
twice(u) = 2*u
repeat k = 1 to 3:
    f{k} = W @ h{k-1} + x
    h{k} = tanh(f{k})
    let delta{k} = d loss/d f{k}
loss = sum((h3 - y)^2)
claim delta3 = twice(h3 - y) * tanh'(f3)
repeat k = 1 to 2:
    claim delta{k} = (W' @ delta{k+1}) * tanh'(f{k})
    claim h{k}[k-1] = tanh(f{k}[k-1])
"""


def test_loops_write_names_of_derivatives() -> None:
    model = read_model(LOOP)
    assert list(model.lets) == ["delta1", "delta2", "delta3"]
    displays = [claim.display for claim in model.claims]
    assert displays == ["delta3", "delta1", "h1[0]", "delta2", "h2[1]"]
    assert show(read_model(show(model))) == show(model)


@pytest.mark.parametrize(("line", "word"), [
    ("claim d loss/d f3 = twice'(f3)", "is not known by a name"), ("half(u) = tanh'(u)", "in a definition"),
    ("repeat k = 1 to 2: let e = d loss/d h{k}", "defined twice"),
    ("let twice = d loss/d f1", "defined twice"),
    ("repeat k = 1 to 2: claim h{k}[k+5] = 1", "outside"),
])  # fmt: skip
def test_bad_lines_beside_loops(line: str, word: str) -> None:
    with pytest.raises(GradcheckError, match=word):
        read_model(LOOP + line)
