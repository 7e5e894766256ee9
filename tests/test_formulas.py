"""The formulas of the backward passes: as a textbook prints them, and true as claims of the model."""

from __future__ import annotations

import re

import numpy as np
import pytest

from gradcheck_cli import formulas, notation
from gradcheck_cli.backprop import derivative
from gradcheck_cli.errors import OptionError
from gradcheck_cli.forward import FLOAT64, evaluate, forward_pass
from gradcheck_cli.graph import Array, Claim, Derivative, Graph, Model
from gradcheck_cli.language import read_claims, read_model
from gradcheck_cli.primitives import PRIMITIVES

TOY = """
data  x = 2.3, y = 2
param b0 = 1.0, b1 = 2.0, b2 = -3.0, b3 = 0.4
param w0 = 0.1, w1 = -0.4, w2 = 2.0, w3 = 3.0
f0 = b0 + w0*x
h1 = sin(f0);  f1 = b1 + w1*h1
h2 = exp(f1);  f2 = b2 + w2*h2
h3 = cos(f2);  f3 = b3 + w3*h3
loss = (f3 - y)^2
"""

TOY_BACKWARD = {
    "f3": ("2*(f3 - y)", ""),
    "h3": ("w3 * d loss/d f3", "d f3/d h3 = w3"),
    "f2": ("-sin(f2) * d loss/d h3", "d h3/d f2 = -sin(f2)"),
    "h2": ("w2 * d loss/d f2", "d f2/d h2 = w2"),
    "f1": ("h2 * d loss/d h2", "d h2/d f1 = exp(f1) = h2"),
    "h1": ("w1 * d loss/d f1", "d f1/d h1 = w1"),
    "f0": ("cos(f0) * d loss/d h1", "d h1/d f0 = cos(f0)"),
    "b0": ("d loss/d f0", "d f0/d b0 = 1"),
    "b1": ("d loss/d f1", "d f1/d b1 = 1"),
    "b2": ("d loss/d f2", "d f2/d b2 = 1"),
    "b3": ("d loss/d f3", "d f3/d b3 = 1"),
    "w0": ("x * d loss/d f0", "d f0/d w0 = x"),
    "w1": ("h1 * d loss/d f1", "d f1/d w1 = h1"),
    "w2": ("h2 * d loss/d f2", "d f2/d w2 = h2"),
    "w3": ("h3 * d loss/d f3", "d f3/d w3 = h3"),
}

NETWORK = """
data  x[3] = [0.5, -1.2, 0.3], y[2] = [1, -1]
param W0[4,3] ~ he, b0[4] = 0
param W1[2,4] ~ he, b1[2] = 0
f0 = b0 + W0 @ x
h1 = relu(f0)
f1 = b1 + W1 @ h1
loss = sum((f1 - y)^2)
"""

ROWS = """
rows x = [1, 2.5, 3], y = [2, 2, 1]
param b = 1.0, w = 0.3
f = b + w*x
h = tanh(f)
l = (h - y)^2
loss = mean_rows(l)
"""

# (model, the name below, its formula)
PRINTED = [
    (NETWORK, "f1", "2*(f1 - y)"),
    (NETWORK, "h1", "W1' @ d loss/d f1"),
    (NETWORK, "f0", "(f0 > 0) * d loss/d h1"),
    (NETWORK, "W0", "d loss/d f0 @ x'"),
    (NETWORK, "b0", "d loss/d f0"),
    (NETWORK, "W1", "d loss/d f1 @ h1'"),
    (NETWORK.replace("h1 = relu(f0)", "").replace("@ h1", "@ relu(f0)"), "f0",
     "(f0 > 0) * (W1' @ d loss/d f1)"),
    (ROWS, "l", "1/3"),
    (ROWS, "h", "2*(h - y) * d loss/d l"),
    (ROWS, "f", "(1 - h^2) * d loss/d h"),
    (ROWS, "b", "sum_rows(d loss/d f)"),
    (ROWS, "w", "sum_rows(x * d loss/d f)"),
    ("param x = 1\nh = x*x\nloss = h*h", "x", "2*x * d loss/d h"),
    ("param x = 1\nh = x*x\nloss = h*h", "h", "2*h"),
    ("param x = 1\na = sin(x)\nb = x^3\nloss = a*b + x", "x",
     "cos(x) * d loss/d a + 3*x^2 * d loss/d b + 1"),
    ("param a = 1, b = 2\nv = sin(a) + a/b\nloss = v^2", "a", "(cos(a) + 1/b) * d loss/d v"),
    ("param a = 1, b = 2\nloss = a/b", "b", "-a/b^2"),
    ("param a = 1, b = 2\nloss = a - 2*b", "b", "-2"),
    ("param a = 1\nloss = 0.5*(a - 3)^2", "a", "a - 3"),
    ("param a = 1\nloss = 0.1*a^2", "a", "2*0.1*a"),
    ("param a = 1\nloss = a^1.5", "a", "1.5*a^0.5"),
    ("param a = 1\nloss = a^0.1", "a", "0.1*a^(0.1 - 1)"),
    ("param a = 1\nloss = -(-a)", "a", "1"),
    ("param a = 1\nh = sqrt(a)\nloss = h", "a", "1/(2*h) * d loss/d h"),
    ("param a = 1\nh = sigmoid(a)\nloss = h^2", "a", "h*(1 - h) * d loss/d h"),
    ("param a = 1\nloss = leaky_relu(a, slope=0.2)", "a", "where(a > 0, 1, 0.2)"),
    ("param a = 1\nloss = abs(a)", "a", "sign(a)"),
    ("param a = 1\nh = log(a)\nloss = where(a > 0.5, h, a)", "h", "where(a > 0.5, 1, 0)"),
    ("param a = 1, unused = 2\nloss = a", "unused", "0"),
    ("param u[2] = [1, 2]\nn = norm(u)\nloss = n^2", "u", "u/n * d loss/d n"),
    ("param u[2] = [1, 2], v[2] = [3, 4]\nloss = u' @ v", "u", "v"),
    ("param u[2] = [1, 2], v[2] = [3, 4]\nM = outer(u, v)\nloss = sum(M^2)", "v", "d loss/d M' @ u"),
    ("param u[3] = [1, 2, 4]\nv = u[0]*u[2]\nloss = v^2", "u", "[u[2], 0, u[0]] * d loss/d v"),
    ("param a = 1, b = 2\nv = [a, b]\nloss = sum(v^2)", "a", "d loss/d v[0]"),
    ("param u[2] = [1, 2]\ns = sum(u)\nloss = s^2", "u", "[1, 1] * d loss/d s"),
    ("param a = 1\nh = relu(a)\nloss = relu(a)", "a", "(a > 0)"),
    ("param u[2] = [1, 2]\nloss = max(u)", "u", "(u >= loss)"),
    ("param \u03b2\u2080 = 1\n\u03c3 = sin(\u03b2\u2080)\nloss = \u03c3^2", "beta0",
     "cos(\u03b2\u2080) * d loss/d \u03c3"),
]  # fmt: skip

SCALARS = "sin cos tan asin acos atan sinh cosh tanh exp expm1 log log1p log2 log10 sqrt cbrt abs sign"
ACTIVATIONS = "erf sigmoid softplus relu leaky_relu elu selu gelu silu mish softsign"

TRUE = [
    TOY,
    NETWORK,
    ROWS,
    *(
        f"param x = 0.6\nf = 1.2*x\nh = {name}(f)\n"
        f"loss = {name}(h*x) + max(x, h) + min(x, f) + atan2(x, h) + where(x > 0.2, h, x^2)"
        for name in f"{SCALARS} {ACTIVATIONS}".split()
    ),
    "a*sin(b*x)^2 + sqrt(1 + a^2 + b^2)/exp(c) + log(1 + b^2)*2^x",
    """param x = -0.6, p = 1.5
       h = leaky_relu(x, slope=0.2) + elu(x, alpha=1.5) + cbrt(x) + selu(x)
       g = p^x + x^2*p^-1.5
       loss = h^2 + g*h""",
    """param u[3] ~ normal(0, 1), v[3] ~ normal(0, 1), A[3,2] ~ normal(0, 1), s = 1.5
       param B[3,3] ~ normal(0, 1), r[2] ~ normal(0, 1)
       M = outer(u, v); t = u' @ v; n = norm(u); q = u' @ A; R = A' @ B @ A; z = A @ r
       N = norm(A, axis=1); P = sum(A, axis=0); C = A + r; D = A*N; E = A/P; g = z*s + t
       first = sum(M*B) + n*t + sum(q) + sum(R) + sum(g) + max(z) - min(u) + mean(C^2)
       loss = first + sum(D) + sum(E) + dot(u, g) + sum(C' @ A) + mean(sum(C, axis=1)^2)""",
    """param w[3] ~ normal(0, 1), W[2,3] ~ normal(0, 1), L[20] ~ normal(0, 1)
       param K[8,5] ~ normal(0, 1)
       a = w[0]*w[1] + w[2]^2
       b = W[0,1]*a + sum(W[1,:]) + sum(W[:,2]^2)
       v = [a, b, a*b]
       m = [v, w]
       e = L[3]*L[4] + sum(L[2:7]^2)
       k = K[1,2]*a + sum(K[:,3]^2) + sum(K[2,:]^3) + sum(K[1:3,0:2]^2) + sum(K[4,1:3])
       loss = sum(m @ w) + v[1]*b + sum(W @ v) + e + k*sum(W[0,:]*w)""",
    """rows x[2] ~ normal(0, 1) count 5, y ~ normal(0, 1) count 5
       param W[3,2] ~ normal(0, 1), b[3] = [1, 2, -1], v[3] ~ normal(0, 1), c = 0.3
       f = b + W @ x; h = tanh(f); g = c + dot(v, h); l = (g - y)^2 + c*norm(W)
       loss = mean_rows(l) + 0.1*sum(W^2)""",
    """rows x = [0.1, 0.2]
       param W[2,2] ~ normal(0, 1), s = 0.2
       h = W*s + x; k = s + 2*x; q = W + 1; l = sum(h); m = sum(W @ W')
       loss = sum_rows(l*k*sum(q)) + m + sum_rows(s + 0.1*x)""",
    """param x[4] = [1, -2, 0.5, 2]
       h = where(x > 0, log(x), x^2)
       g = where(x > 0.7, sqrt(x)*2, 0*x)
       loss = sum(h) + sum(g*h)""",
    """param A[1,1] = [[2]], b[1] = [3], c[1,4] = [[1, 2, 3, 4]], d[4,1] = [[1], [2], [1], [0.5]]
       param e[4] ~ normal(0, 1)
       f = A @ b; S = c @ d; Q = d @ c; t = e @ c; p = c'*e[0]; y = p*d
       loss = f + sum(S) + sum(Q*t) + sum(y)""",
    """param z[4] ~ normal(0, 1), Z[3,4] ~ normal(0, 1), A[2,2] = [[2, 0.5], [-1, 1]], L[9] = 1.5
       p = softmax(z); Q = softmax(Z, axis=1)*Z + log_softmax(Z, axis=0); r = logsumexp(Z, axis=1)
       k = prod(z)*logsumexp(z) + prod(L); R = prod(Z, axis=0); B = inv(A @ A' + eye(2)); v = concat(p, z, z)
       D = concat(B, diag([k, 2*k]), axis=1); E = concat(D, ones(1, 4), Q)
       first = sum(p^2) + trace(Q[:,0:3]) + sum(r^2) + log(det(A)) + sum(E^2) + sum(v^3)/k + sum(R)
       loss = first + sum(diag(A)^2) + sum(log_softmax(z)*p)""",
    """rows z[3] ~ normal(0, 1) count 4, t[3] ~ uniform(0, 1) count 4
       param W[3,3] ~ normal(0, 1)
       s = W @ z; p = softmax(s); l = -sum(t*log(p)) + det(W + diag(s)) + prod(p)
       loss = mean_rows(l)""",
    """param x[7] ~ normal(0, 1), X[3,4] ~ normal(0, 1), u[3] ~ normal(0, 1)
       s = sum(x); t = 2*mean(x); r = sum(u); p = sum(X)
       loss = s*t + r + p^2""",
]


def plain(text: str) -> str:
    """ones(...) and eye(n) as literals: the formulas do not wait for these functions."""
    text = re.sub(r"ones\((\d+)\)", lambda m: str([1] * int(m[1])), text)
    text = re.sub(
        r"ones\((\d+), (\d+)\)", lambda m: str([[1] * int(m[2])] * int(m[1])), text
    )
    return re.sub(r"eye\((\d+)\)", lambda m: str(np.eye(int(m[1]), dtype=int).tolist()), text)


def claimed(model: Model, claim: Claim) -> Array:
    """The value of a claim's right side, true derivatives filled in: (rows or 1, *shape)."""
    graph = claim.formulas["numerator"]
    assert isinstance(graph, Graph), graph
    tape = forward_pass(model)
    leaves = {}
    for node in graph.nodes:
        if isinstance(node.key, Derivative):
            by, entry = node.key.by, node.key.index
            values = derivative(model, tape, node.key.of, [by])[by]
            values = values if entry is None else values[(..., *entry)]
        elif node.is_leaf:
            values = tape.value(str(node.key))
        else:
            continue
        leaves[node.key] = values[None] if node.per_row else values[None, None]
    return np.asarray(evaluate(graph, leaves, FLOAT64)[0])


def assert_true(model: Model, title: str, formula: str) -> None:
    """The formula, read as a claim of the model, has backprop's value."""
    (claim,) = read_claims(f"claim {title} = {plain(formula)}", file="claims", model=model)
    by, entry = claim.target.by, claim.target.index
    true = derivative(model, forward_pass(model), claim.target.of, [by])[by]
    true = true if entry is None else true[(..., *entry)]
    per_row = model.node(by).per_row or model.node(claim.target.of).per_row
    if claim.numbers is not None:
        found = claim.numbers
    else:
        found = claimed(model, claim) if per_row else claimed(model, claim)[0]
    scale = np.abs(true).max(initial=0)
    np.testing.assert_allclose(
        np.broadcast_to(found, true.shape), true, rtol=1e-11, atol=1e-12 * scale
    )


def of(text: str) -> dict[str, formulas.Term]:
    return {term.name: term for term in formulas.backward(read_model(text))}


# --- as a textbook prints them -----------------------------------------------------------------------


def test_the_toy_model_as_in_the_chapter() -> None:
    found = formulas.backward(read_model(TOY))
    assert {t.name: (t.formula, t.local) for t in found} == TOY_BACKWARD
    assert [t.name for t in found] == list(TOY_BACKWARD)


@pytest.mark.parametrize(("text", "by", "formula"), PRINTED)
def test_printed(text: str, by: str, formula: str) -> None:
    assert of(text)[by].formula == formula


def test_fan_out_in_one_step_is_collected_and_over_steps_is_a_sum() -> None:
    text = "param w = 2\na = w^2\nb = sin(w)\nloss = a*b*w"
    assert of(text)["w"].formula == "2*w * d loss/d a + cos(w) * d loss/d b + a*b"
    assert of(text)["w"].local == "d a/d w = 2*w, d b/d w = cos(w)"


def test_closed_formula_of_the_chapter() -> None:
    inner = "cos(b0 + w0*x)*w1*exp(b1 + w1*sin(b0 + w0*x))*w2"
    f2 = "b2 + w2*exp(b1 + w1*sin(b0 + w0*x))"
    closed = formulas.closed(read_model(TOY), "loss", "w0")
    assert closed == f"-2*x*{inner}*sin({f2})*w3*(b3 + w3*cos({f2}) - y)"


def test_closed_formula_refuses_beyond_a_size() -> None:
    steps = "\n".join(f"h{k + 1} = sin(h{k}) + h{k}^2" for k in range(60))
    model = read_model(f"param w = 0.5\nh0 = w\n{steps}\nloss = h60")
    with pytest.raises(OptionError, match="at most 2,000"):
        formulas.closed(model, "loss", "w")


def test_latex() -> None:
    found = of(TOY)
    assert found["f3"].latex == r"2 \, \left(f_{3} - y\right)"
    assert found["f2"].latex == (
        r"-\sin\left(f_{2}\right) \, \frac{\partial \ell}{\partial h_{3}}"
    )
    assert found["f2"].local_latex == (
        r"\frac{\partial h_{3}}{\partial f_{2}} = -\sin\left(f_{2}\right)"
    )
    found = of(NETWORK)
    assert found["h1"].latex == r"W_{1}^{T} \, \frac{\partial \ell}{\partial f_{1}}"
    assert found["f0"].latex == (
        r"\left[f_{0} > 0\right] \odot \frac{\partial \ell}{\partial h_{1}}"
    )
    assert of("param a = 1, b = 2\nloss = a/b")["b"].latex == r"-\frac{a}{b^{2}}"


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("f2", "f_{2}"),
        ("loss", r"\ell"),
        ("beta0", r"\beta_{0}"),
        ("\u03b2\u2080", r"\beta_{0}"),
        ("W_1", "W_{1}"),
        ("total", r"\mathrm{total}"),
        ("a_b", r"\mathrm{a\_b}"),
    ],
)
def test_latex_names(name: str, latex: str) -> None:
    assert notation.latex_name(name) == latex


# --- true ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TRUE)
def test_every_formula_is_a_true_claim(text: str) -> None:
    model = read_model(text)
    for term in formulas.backward(model):
        assert_true(model, term.title, term.formula)


@pytest.mark.parametrize("text", TRUE)
def test_every_closed_formula_is_a_true_claim(text: str) -> None:
    model = read_model(text)
    for term in formulas.closed_terms(model):
        assert_true(model, term.title, term.formula)


def test_local_derivatives_are_true_claims() -> None:
    model = read_model(TOY)
    for term in formulas.backward(model):
        title, *equal = term.local.split(" = ")
        for formula in equal:
            assert_true(model, title, formula)


@pytest.mark.parametrize("text", [TOY, ROWS, NETWORK])
def test_right_sides_of_other_derivatives(text: str) -> None:
    model = read_model(text)
    for above in model.steps:
        for below in (*model.steps, *model.inputs):
            formula = formulas.right_side(model, above, below)
            if model.node(above).shape:
                assert formula is None
            elif formula is not None and above != below:
                assert_true(model, f"d {above}/d {below}", formula)


def test_right_side_of_one_entry() -> None:
    model = read_model("param W[2,2] = [[1, 2], [3, 4]]\nM = W^2\nloss = sum(M @ M)")
    formula = formulas.right_side(model, "loss", "W[0,1]")
    assert formula == "(2*W * d loss/d M)[0,1]"
    assert_true(model, "d loss/d W[0,1]", formula)


def test_an_array_above_has_no_terms() -> None:
    with pytest.raises(OptionError, match="is an array"):
        formulas.backward(read_model(NETWORK), "f1")


# --- the table of functions ---------------------------------------------------------------------------

DERIVATIVES = {
    "sin": "cos(x)",
    "cos": "-sin(x)",
    "tan": "1 + tan(x)^2",
    "tanh": "1 - tanh(x)^2",
    "exp": "exp(x)",
    "log": "1/x",
    "sqrt": "1/(2*sqrt(x))",
    "sigmoid": "sigmoid(x)*(1 - sigmoid(x))",
    "softplus": "sigmoid(x)",
    "relu": "(x > 0)",
    "abs": "sign(x)",
    "sign": "0",
    "mul": "d/da: b, d/db: a",
    "pow": "d/da: b*a^(b - 1), d/db: a^b*log(a)",
    "atan2": "d/dy: x/(y^2 + x^2), d/dx: -y/(y^2 + x^2)",
    "matmul": "d/dA: g @ B', d/dB: A' @ g",
    "dot": "d/du: g*v, d/dv: u*g",
    "norm": "x*g/norm(x)",
    "mean": "g/n",
    "max": "(x >= max(x))*g",
    "stack": "d/da: g[0], d/db: g[1]",
    "softmax": "softmax(x)*(g - sum(softmax(x)*g))",
    "log_softmax": "g - softmax(x)*sum(g)",
    "logsumexp": "softmax(x)*g",
    "prod": "g*prod(x)/x",
    "trace": "g*eye(n)",
    "diag": "diag(g)",
    "det": "g*det(A)*inv(A)'",
    "inv": "-inv(A)' @ g @ inv(A)'",
    "concat": "of each its own part of g",
    "eye": "0",
}


@pytest.mark.parametrize("name", PRIMITIVES)
def test_derivative_text(name: str) -> None:
    text = formulas.derivative_text(PRIMITIVES[name])
    assert text == DERIVATIVES.get(name, text)
    assert text


# --- size ----------------------------------------------------------------------------------------


def test_a_chain_of_steps_is_no_special_case() -> None:
    steps = "\n".join(f"h{k + 1} = sin(w*h{k})" for k in range(3000))
    found = of(f"param w = 0.5\nh0 = w\n{steps}\nloss = h3000^2")
    assert found["h7"].formula == "w*cos(w*h7) * d loss/d h8"
    assert "more than 4,000 characters" in found["w"].formula


def test_long_and_deep_steps() -> None:
    names = [f"a{k}" for k in range(2000)]
    declared = "\n".join(f"param {name} = 0.5" for name in names)
    added = of(f"{declared}\nloss = {'+'.join(f'{n}^2' for n in names)}")
    assert added["a1999"].formula == "2*a1999"
    nested = "".join(f"sin({n} + " for n in names) + "a0" + ")" * len(names)
    assert "more than 4,000 characters" in of(f"{declared}\nloss = {nested}")["a7"].formula
