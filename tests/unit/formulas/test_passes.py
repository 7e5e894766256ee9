"""The formulas of the backward passes: as a textbook prints them, and true as claims of the model."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from build import one_of, part_of
from claimed import judged_alone
from derivations import NETWORK, ROWS, TOY, TOY_BACKWARD
from gradcheck_cli import api
from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.derivatives.backprop.reverse_mode import derivative
from gradcheck_cli.evaluation.evaluate import evaluate
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.formulas import derivation, function_table, passes, writers
from gradcheck_cli.language import read_claims, read_model
from gradcheck_cli.model.graph import Derivative, Graph
from gradcheck_cli.model.model import Claim, Model
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.results.gradient_results import Verdict
from paths import MODELS

BATCH = """
data X[8,5] ~ normal(0, 1), Y[8,2] ~ normal(0, 1)
param W1[5,4] ~ he, b1[4] = 0.1, W2[4,2] ~ he, b2[2] = 0
F = X @ W1 + b1
H = relu(F)
O = H @ W2 + b2
loss = mean((O - Y)^2)
"""

MLP = """
seed 1
rows  x[3] ~ normal(0, 1) count 5, y ~ normal(0, 1) count 5
param W1[8,3] ~ he, b1[8] = 0.1, W2[8,8] ~ he, b2[8] = 0.1, w3[8] ~ normal(0, 0.5), b3 = 0
f1 = b1 + W1 @ x
f2 = b2 + W2 @ relu(f1)
h2 = relu(f2)
f3 = b3 + w3' @ h2
l = (f3 - y)^2
loss = mean_rows(l)
"""

RNN = """
seed 2
data x1[2] = [1, 0.5], x2[2] = [-1, 2], x3[2] = [0.3, 0.1], y[3] = [1, 0, -1]
param W[3,3] ~ xavier, U[3,2] ~ xavier, b[3] = 0
h1 = tanh(U @ x1 + b)
h2 = tanh(W @ h1 + U @ x2 + b)
h3 = tanh(W @ h2 + U @ x3 + b)
loss = sum((h3 - y)^2)
"""

RNN_ROWS = """
rows x1[2] ~ normal(0, 1) count 4, x2[2] ~ normal(0, 1) count 4, y[3] ~ normal(0, 1) count 4
param W[3,3] ~ xavier, U[3,2] ~ xavier, b[3] = 0
f1 = U @ x1 + b
h1 = tanh(f1)
f2 = W @ h1 + U @ x2 + b
h2 = tanh(f2)
f3 = W @ h2 + b
loss = sum_rows(sum((f3 - y)^2))
"""

ATTENTION = """
data X[5,4] ~ normal(0, 1), T[5,2] ~ normal(0, 1)
param A[4,3] ~ xavier, B[4,3] ~ xavier, C[4,2] ~ xavier
Q = X @ A; K = X @ B; V = X @ C
S = Q @ K' / sqrt(3)
P = softmax(S, axis=1)
O = P @ V
loss = sum((O - T)^2)
"""

CROSS_ENTROPY = """
rows x[4] ~ normal(0, 1) count 6, t[3] ~ uniform(0, 1) count 6
param W[3,4] ~ xavier, b[3] = 0
z = b + W @ x
l = -sum(t*log_softmax(z))
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

LAYER_NORM = """
rows x[6] ~ normal(0, 1) count 4, y[6] ~ normal(0, 1) count 4
param g[6] = 1, b[6] = 0, W[6,6] ~ xavier
z = W @ x
m = mean(z)
s = sqrt(mean((z - m)^2) + 1e-5)
n = (z - m)/s
o = g*n + b
loss = mean_rows(sum((o - y)^2))
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
    (BATCH, "F", "(F > 0) * d loss/d H"),
    (BATCH, "H", "d loss/d O @ W2'"),
    (BATCH, "O", "(O - Y)/8"),
    (BATCH, "W1", "X' @ d loss/d F"),
    (BATCH, "b1", "sum(d loss/d F, axis=0)[0,:]"),
    (MLP, "f1", "(f1 > 0) * (W2' @ d loss/d f2)"),
    (MLP, "h2", "w3 * d loss/d f3"),
    (MLP, "W1", "sum_rows(d loss/d f1 @ x')"),
    (MLP, "W2", "sum_rows(d loss/d f2 @ relu(f1)')"),
    (MLP, "b2", "sum_rows(d loss/d f2)"),
    (RNN, "h2", "W' @ ((1 - h3^2) * d loss/d h3)"),
    (RNN, "W", "((1 - h2^2) * d loss/d h2) @ h1' + ((1 - h3^2) * d loss/d h3) @ h2'"),
    (RNN_ROWS, "W", "sum_rows(d loss/d f2 @ h1' + d loss/d f3 @ h2')"),
    (RNN_ROWS, "b", "sum_rows(d loss/d f1 + d loss/d f2 + d loss/d f3)"),
    (ATTENTION, "P", "d loss/d O @ V'"),
    (ATTENTION, "S", "P * (d loss/d P - sum(P * d loss/d P, axis=1))"),
    (ATTENTION, "V", "P' @ d loss/d O"),
    (ATTENTION, "K", "1/sqrt(3) * d loss/d S' @ Q"),
    (ATTENTION, "Q", "1/sqrt(3) * d loss/d S @ K"),
    (CROSS_ENTROPY, "z", "(softmax(z)*sum(t) - t) * d loss/d l"),
    (CONTRASTIVE, "S", "(softmax(S, axis=1) - eye(8))/8"),
    (CONTRASTIVE, "Yn", "1/tau * d loss/d S' @ Zn"),
    (LAYER_NORM, "s", "-1/s^2 * sum((z - m) * d loss/d n)"),
    (LAYER_NORM, "g", "sum_rows(n * d loss/d o)"),
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
    ("param u[2] = [1, 2]\nloss = max(u)", "u", "(u >= loss)/sum(u >= loss)"),
    ("param \u03b2\u2080 = 1\n\u03c3 = sin(\u03b2\u2080)\nloss = \u03c3^2", "beta0",
     "cos(\u03b2\u2080) * d loss/d \u03c3"),
]  # fmt: skip

SCALARS = "sin cos tan asin acos atan sinh cosh tanh exp expm1 log log1p log2 log10 sqrt cbrt abs sign"
ACTIVATIONS = "erf sigmoid softplus relu leaky_relu elu selu gelu silu mish softsign"

ARRAYS = (BATCH, MLP, RNN, RNN_ROWS, ATTENTION, CROSS_ENTROPY, CONTRASTIVE, LAYER_NORM)

TRUE = [
    TOY,
    NETWORK,
    ROWS,
    *ARRAYS,
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
    """param A[3,3] = [[2, 0.5, 0.1], [0.2, 1.5, 0.3], [0.4, 0.3, 1]], b[3] = [1, 2, 0.5]
       param B[2,3] ~ normal(0, 1)
       x = solve(A, b); L = cholesky(A); w = eigvalsh(A @ A'); c = cross(x, b); K = kron(B, A); k = kron(b, x)
       E = einsum("ij,jk->ik", B, A); q = einsum("i,ij,j", b, A, x); d = einsum("ii", A)
       r = einsum("ij->j", B); e = einsum("ij,k->i", B, b); s = sort(b); S = sort(B, axis=1)
       V = var(B, axis=0, ddof=1); X = solve(A, B')
       first = sum(sin(x)) + sum(L^2*w[0]) + logdet(A) - slogdet(A)/3 + sum(w^2) + dot(c, s) + sum(K^2) + q*d
       second = sum(E^2) + std(b)*sum(V^2) + dot(r, s) + sum(e^3) + sum(S^2) + sum(tril(A)^3) + sum(X^2)
       loss = first + second + sum(k^2) + var(B) + sum(std(B, axis=1, keepdims=0)^3)""",
    """param x[7] ~ normal(0, 1), X[3,4] ~ normal(0, 1), u[3] ~ normal(0, 1)
       s = sum(x); t = 2*mean(x); r = sum(u); p = sum(X)
       loss = s*t + r + p^2""",
]


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
    (claim,) = read_claims(f"claim {title} = {formula}", file="claims", model=model)
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


def of(text: str) -> dict[str, derivation.Term]:
    return {term.name: term for term in passes.backward(read_model(text))}


# --- as a textbook prints them -----------------------------------------------------------------------


def test_the_toy_model_as_in_the_chapter() -> None:
    found = passes.backward(read_model(TOY))
    assert {t.name: (t.formula, t.local) for t in found} == TOY_BACKWARD
    assert [t.name for t in found] == list(TOY_BACKWARD)


@pytest.mark.parametrize(("text", "by", "formula"), PRINTED)
def test_printed(text: str, by: str, formula: str) -> None:
    assert of(text)[by].formula == formula


def test_fan_out_in_one_step_is_collected_and_over_steps_is_a_sum() -> None:
    text = "param w = 2\na = w^2\nb = sin(w)\nloss = a*b*w"
    assert of(text)["w"].formula == "2*w * d loss/d a + cos(w) * d loss/d b + a*b"
    assert of(text)["w"].local == "d a/d w = 2*w, d b/d w = cos(w)"


def test_an_order_is_written_once() -> None:
    formula = of("param x = 1.3\nloss = bessel_j(3, x)*exp(x)")["x"].formula
    assert formula == "(bessel_j(2, x)/2 - bessel_j(4, x)/2)*exp(x) + exp(x)*bessel_j(3, x)"


def test_closed_formula_of_the_chapter() -> None:
    inner = "cos(b0 + w0*x)*w1*exp(b1 + w1*sin(b0 + w0*x))*w2"
    f2 = "b2 + w2*exp(b1 + w1*sin(b0 + w0*x))"
    closed = passes.closed_formula(read_model(TOY), "loss", "w0")
    assert closed == f"-2*x*{inner}*sin({f2})*w3*(b3 + w3*cos({f2}) - y)"


def test_closed_formula_refuses_beyond_a_size() -> None:
    steps = "\n".join(f"h{k + 1} = sin(h{k}) + h{k}^2" for k in range(60))
    model = read_model(f"param w = 0.5\nh0 = w\n{steps}\nloss = h60")
    with pytest.raises(OptionError, match="at most 2,000"):
        passes.closed_formula(model, "loss", "w")


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
    assert of("param a = 1\nloss = 1e-5*a")["a"].latex == r"1 \times 10^{-5}"
    # three factors side by side: without brackets the reader could not see what is multiplied how
    assert r"\odot \frac{\partial \ell}{\partial h_{2}}\right) \, h_{1}^{T}" in of(RNN)["W"].latex
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
        ("\u0394", r"\Delta"),
        ("\u00e9", "e"),
        ("\u6f22\u5b57", r"\mathrm{u6f22u5b57}"),
        ("W1[0,2]", "W_{1, 0,2}"),
        ("a_b", r"\mathrm{a\_b}"),
    ],
)
def test_latex_names(name: str, latex: str) -> None:
    assert writers.latex_name(name) == latex


# --- true ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", one_of(3, TRUE))
def test_every_formula_is_a_true_claim(text: str) -> None:
    model = read_model(text)
    for term in passes.backward(model):
        assert_true(model, term.title, term.formula)


@pytest.mark.parametrize("text", one_of(3, TRUE))
def test_every_closed_formula_is_a_true_claim(text: str) -> None:
    model = read_model(text)
    for term in passes.closed_terms(model):
        assert_true(model, term.title, term.formula)


def test_a_partial_says_what_it_holds_fixed() -> None:
    text = "param x = 1.5, y = -0.7\nu = x*x\nv = x*sin(y) + u\nloss = u*v"
    found = of(text)
    assert found["x"].local == "d u/d x = 2*x, d v/d x = sin(y) at fixed u"
    assert found["y"].local == "d v/d y = cos(y)*x"
    assert found["u"].local == "d v/d u = 1"
    assert found["x"].local_latex.endswith(
        r"\left.\frac{\partial v}{\partial x}\right|_{u} = \sin\left(y\right)"
    )
    claims = ["claim d v/d x = sin(y)", "claim d v/d x = sin(y) + d u/d x"]
    assert list(judged(read_model(text), claims).values()) == [Verdict.WRONG, Verdict.OK]
    two = of("param x = 1\na = x*2\nb = a*x\nc = x*b*a\nloss = c^2")
    assert two["x"].local == "d a/d x = 2, d b/d x = a at fixed a, d c/d x = b*a at fixed a and b"


def typed_back(model: Model) -> list[str]:
    """Every formula that is shown, as the lines of a file of claims."""
    lines = []
    for term in passes.backward(model):
        lines.append(f"claim {term.title} = {term.formula}")
        for chain in re.split(r", (?=d \S+/d )", term.local) if term.local else ():
            if " at fixed " in chain:  # a claim of it would speak of the whole derivative
                continue
            title, *equal = chain.split(" = ")
            lines += [f"claim {title} = {formula}" for formula in equal]
    return lines


def judged(model: Model, lines: list[str]) -> dict[str, Verdict]:
    claims = read_claims("\n".join(lines), file="claims", model=model)
    found = judged_alone(model, claims=claims, points=1)
    return {f"claim {c.display} = {c.formula}": c.verdict for c in found}


MODELS = sorted((MODELS).glob("*.txt"))


@pytest.mark.slow
@pytest.mark.parametrize("text", [*part_of(MODELS, 2), *ARRAYS], ids=lambda t: str(t)[-40:].strip())
def test_what_is_shown_is_ok_as_a_claim(text: str | Path) -> None:
    model = api.load(text)
    lines = typed_back(model)
    assert len(lines) >= len(model.parameters())
    found = judged(model, lines)
    assert set(found) == set(lines)
    assert {line: v for line, v in found.items() if v not in (Verdict.OK, Verdict.KINK)} == {}


TWINS = [  # one slip each in what is shown
    (ATTENTION, "d loss/d S' @ Q", "d loss/d S @ Q"),
    (ATTENTION, "sum(P * d loss/d P, axis=1)", "sum(P * d loss/d P, axis=0)"),
    (BATCH, "(F > 0)", "(H >= 0)"),
    (CONTRASTIVE, " - eye(8)", " - ones(8, 8)/8"),
    (CROSS_ENTROPY, "softmax(z)*sum(t) - t) *", "softmax(z) - t) *"),
    (LAYER_NORM, "-1/s^2 * sum((z - m) *", "-1/s * sum((z - m) *"),
    (MLP, "sum_rows(d loss/d f2 @ relu(f1)')", "sum_rows(d loss/d f2 @ f1')"),
    (MLP, "sum_rows(d loss/d f2)", "mean_rows(d loss/d f2)"),
    (RNN, " @ h1' + ", " @ h2' + "),
    (RNN_ROWS, "d loss/d f1 + d loss/d f2 + d loss/d f3", "d loss/d f1 + d loss/d f3"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("text", "right", "wrong"), TWINS, ids=[wrong for *_, wrong in TWINS])
def test_a_slip_in_what_is_shown_is_wrong(text: str, right: str, wrong: str) -> None:
    model = read_model(text)
    (line,) = [line for line in typed_back(model) if right in line]
    assert list(judged(model, [line.replace(right, wrong)]).values()) == [Verdict.WRONG]


@pytest.mark.slow
def test_local_derivatives_are_true_claims() -> None:
    model = read_model(TOY)
    for term in passes.backward(model):
        title, *equal = term.local.split(" = ")
        for formula in equal:
            assert_true(model, title, formula)


@pytest.mark.slow
@pytest.mark.parametrize("text", [TOY, ROWS, NETWORK])
def test_right_sides_of_other_derivatives(text: str) -> None:
    model = read_model(text)
    for above in model.steps:
        for below in (*model.steps, *model.inputs):
            formula = passes.right_side(model, above, below)
            if model.node(above).shape:
                assert formula is None
            elif formula is not None and above != below:
                assert_true(model, f"d {above}/d {below}", formula)


def test_right_side_of_one_entry() -> None:
    model = read_model("param W[2,2] = [[1, 2], [3, 4]]\nM = W^2\nloss = sum(M @ M)")
    formula = passes.right_side(model, "loss", "W[0,1]")
    assert formula == "(2*W * d loss/d M)[0,1]"
    assert_true(model, "d loss/d W[0,1]", formula)


def test_an_array_above_has_no_terms() -> None:
    with pytest.raises(OptionError, match="is an array"):
        passes.backward(read_model(NETWORK), "f1")


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
    "max": "(x >= max(x))*g/sum(x >= max(x))",
    "stack": "d/da: g[0], d/db: g[1]",
    "softmax": "softmax(x)*(g - sum(softmax(x)*g))",
    "log_softmax": "g - softmax(x)*sum(g)",
    "logsumexp": "softmax(x)*g",
    "prod": "g*prod(x)/x",
    "trace": "g*eye(n)",
    "diag": "diag(g)",
    "det": "g*det(A)*inv(A)'",
    "inv": "-inv(A)' @ g @ inv(A)'",
    "solve": "d/dA: -solve(A', g) @ solve(A, b)', d/db: solve(A', g)",
    "logdet": "g*inv(A)'", "slogdet": "g*inv(A)'",
    "tril": "tril(g)", "cross": "d/du: cross(v, g), d/dv: cross(g, u)",
    "var": "2*g*(x - mean(x))/n", "std": "g*(x - mean(x))/(n*std(x))",
    "concat": "of each its own part of g",
    "eye": "0",
}


def test_derivative_text() -> None:
    texts = {name: function_table.derivative_text(record) for name, record in PRIMITIVES.items()}
    assert DERIVATIVES.items() <= texts.items()
    assert all(texts.values())


# --- size ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_chain_of_steps_is_no_special_case() -> None:
    steps = "\n".join(f"h{k + 1} = sin(w*h{k})" for k in range(1000))
    found = of(f"param w = 0.5\nh0 = w\n{steps}\nloss = h1000^2")
    assert found["h7"].formula == "w*cos(w*h7) * d loss/d h8"
    assert "more than 4,000 characters" in found["w"].formula


@pytest.mark.slow
def test_long_and_deep_steps() -> None:
    names = [f"a{k}" for k in range(2000)]
    declared = "\n".join(f"param {name} = 0.5" for name in names)
    added = of(f"{declared}\nloss = {'+'.join(f'{n}^2' for n in names)}")
    assert added["a1999"].formula == "2*a1999"
    nested = "".join(f"sin({n} + " for n in names) + "a0" + ")" * len(names)
    assert "more than 4,000 characters" in of(f"{declared}\nloss = {nested}")["a7"].formula
