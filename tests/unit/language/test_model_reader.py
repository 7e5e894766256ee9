"""What a text means: expressions, statements, claims, draws; and that no text is ever executed."""

from __future__ import annotations

import ast
import itertools
import subprocess
import sys
import textwrap
from pathlib import Path

import lark
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck_cli.common.errors import GradcheckError, LanguageError, OptionError, ShapeError
from gradcheck_cli.language import read_claims, read_model, read_values, show
from gradcheck_cli.language.automaton import Automaton, build
from gradcheck_cli.language.grammar import Parser
from gradcheck_cli.language.identifiers import canonical, nearest
from gradcheck_cli.model.graph import Derivative, Graph
from gradcheck_cli.model.initializers import INITIALIZERS
from gradcheck_cli.model.model import Misfit, Model
from gradcheck_cli.model.random_points import draw_normal, draw_uniform, moved_inputs
from paths import PROJECT

TOY = """
data  x = 2.3, y = 2
param b0 = 1.0, b1 = 2.0, b2 = -3.0, b3 = 0.4
param w0 = 0.1, w1 = -0.4, w2 = 2.0, w3 = 3.0

f0 = b0 + w0*x          # forward pass, one named step a line
h1 = sin(f0);  f1 = b1 + w1*h1
h2 = exp(f1);  f2 = b2 + w2*h2
h3 = cos(f2);  f3 = b3 + w3*h3
loss = (f3 - y)^2

claim d loss/d f3 = 2*(f3 - y)
claim d loss/d h3 = w3 * d loss/d f3
claim d loss/d f2 = -sin(f2) * d loss/d h3
claim d h3/d f2   = -sin(f2)
"""
NETWORK = """
seed 7
data  x[3] = [0.5, -1.2, 0.3], y[2] = [1, -1]
param W0[4,3] ~ he, b0[4] = 0
param W1[2,4] ~ he, b1[2] = 0
f0 = b0 + W0 @ x
h1 = relu(f0)
f1 = b1 + W1 @ h1
loss = sum((f1 - y)^2)
claim d loss/d f1 = 2*(f1 - y)
claim d loss/d W1 = d loss/d f1 @ h1'          # column @ row
claim d loss/d h1 = W1' @ d loss/d f1
claim d loss/d f0 = (f0 > 0) * d loss/d h1     # indicator, element by element
claim d loss/d W1[0,2] = (d loss/d f1)[0] * h1[2]
claim d f1/d h1 = W1
"""
ROWS = """
rows x = [1, 2, 3], y ~ normal(0, 1)
rows u[2] ~ uniform(-1, 1)
param w = 0.5, v[2] = [1, 2], g
l = (w*x + v' @ u - y)^2 + g^2
loss = mean_rows(l)
claim d loss/d l = 1/3*loss/loss
claim d loss/d w = sum_rows(2*x*(w*x + v' @ u - y))/3
claim d l/d g = 2*g
"""


def read(text: str, **options: object) -> Model:
    return read_model(text, **options)  # type: ignore[arg-type]


def spelled(model: Model, name: str = "loss") -> str:
    """A step, fully bracketed."""
    shown = {i.node: i.name for i in model.inputs.values()}
    shown |= {s.node: s.name for s in model.steps.values()}
    return model.graph.formula(model.steps[name].node, shown)


def formula(model: Model, claim: int, layout: str = "numerator") -> str:
    found = model.claims[claim].formulas[layout]
    assert isinstance(found, Graph), found
    return found.formula(found.output, {})


# --- expressions ---------------------------------------------------------------------------------

READINGS = [
    ("-x^2", "(-(x ^ 2))"),
    ("a/b/c", "((a / b) / c)"),
    ("a^b^c", "(a ^ (b ^ c))"),
    ("a**b**c", "(a ^ (b ^ c))"),
    ("2*x^-1", "(2 * (x ^ (-1)))"),
    ("2^-x^2", "(2 ^ (-(x ^ 2)))"),
    ("a-b-c", "((a - b) - c)"),
    ("a*b/c*d", "(((a * b) / c) * d)"),
    ("--x", "(-(-x))"),
    ("+x - +y", "(x - y)"),
    ("a - -b", "(a - (-b))"),
    ("sin[x]^2", "(sin(x) ^ 2)"),
    ("-2 f", None),
    ("sin(x)*cos [y]", "(sin(x) * cos(y))"),
    ("(x > 0) * y", "((x > 0) * y)"),
    ("where(x > -1, a, b)", "where((x > (-1)), a, b)"),
    ("where(1 - a*b > 0, a*b, 0)", "where(((1 - (a * b)) > 0), (a * b), 0)"),
    ("(a - 1 <= -b^2)*c", "(((a - 1) <= (-(b ^ 2))) * c)"),
    ("sum([a > b + 1, c])", "sum([(a > (b + 1)), c])"),
    ("max(a, b) + max([a, b])", "(max(a, b) + max([a, b]))"),
    ("ln(x) + arctan(y)", "(log(x) + atan(y))"),
    ("leaky_relu(z, slope=0.2)", "leaky_relu(z, slope=0.2)"),
    ("pi*d + e - T*lambda", "(((pi * d) + e) - (T * lambda))"),
    ("E*I*S*N*beta*gamma", "(((((E * I) * S) * N) * beta) * gamma)"),
    ("[a, b]' @ [c, d]", "dot([a, b], [c, d])"),
    ("[[a, b], [c, d]][1,0]", "[[a, b], [c, d]][1,0]"),
    ("a \u2212 b \u00b7 c \u00d7 d", "(a - ((b * c) * d))"),
    ("x\u2080 + x0", "(x0 + x0)"),
    ("\u03b2*\u03f5 + \u00b5*\u03d5 + beta", "(((beta * epsilon) + (mu * phi)) + beta)"),
    ("1e-3*x + .5 + 2.", "(((1e-3 * x) + .5) + 2.)"),
    ("(a +\n  b)  # c\n", "(a + b)"),
    ("sum([a, b, c][0:2])", "sum([a, b, c][0:2])"),
    ("exp(x) >= y", "(exp(x) >= y)"),
    ("exp(x) \u2264 y", "(exp(x) <= y)"),
]


@pytest.mark.parametrize(("text", "expected"), READINGS)
def test_reading(text: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(LanguageError):
            read(text)
        return
    assert spelled(read(text)) == expected


def python_reading(tree: ast.expr) -> str:
    """Python's reading of an expression, bracketed like ours."""
    signs = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "^"}
    if isinstance(tree, ast.BinOp):
        left, right = python_reading(tree.left), python_reading(tree.right)
        return f"({left} {signs[type(tree.op)]} {right})"
    if isinstance(tree, ast.UnaryOp):
        return f"(-{python_reading(tree.operand)})"
    if isinstance(tree, ast.Call):
        assert isinstance(tree.func, ast.Name)
        return f"{tree.func.id}({python_reading(tree.args[0])})"
    if isinstance(tree, ast.Compare):
        return f"({python_reading(tree.left)} > {python_reading(tree.comparators[0])})"
    return ast.unparse(tree)


ATOMS = st.sampled_from(["a", "b", "x1", "2", "3", "2.5", "(a)", "pi"])


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from([" + ", "-", "*", " / ", "^", "**"])
    return st.one_of(
        st.tuples(inner, signs, inner).map("".join),
        st.tuples(st.just("-"), inner).map("".join),
        inner.map("({})".format),
        inner.map("sin({})".format),
        st.tuples(inner, inner).map("({0[0]} > {0[1]})".format),
    )


EXPRESSIONS = st.recursive(ATOMS, _larger, max_leaves=12)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(EXPRESSIONS)
def test_precedence_is_that_of_python(text: str) -> None:
    expected = python_reading(ast.parse(text.replace("^", "**"), mode="eval").body)
    assert spelled(read(text)) == expected


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(EXPRESSIONS)
def test_print_parse_print_is_the_identity_for_expressions(text: str) -> None:
    printed = show(read(text))
    assert show(read(printed)) == printed


# --- statements ----------------------------------------------------------------------------------


def test_toy_model() -> None:
    model = read(TOY, file="toy.txt")
    assert [p.name for p in model.parameters()] == ["b0", "b1", "b2", "b3", "w0", "w1", "w2", "w3"]
    assert list(model.steps) == ["f0", "h1", "f1", "h2", "f2", "h3", "f3", "loss"]
    assert float(model.inputs["b2"].values) == -3.0
    assert model.steps["f1"].line == 7
    assert model.steps["f1"].text == "b1 + w1*h1"
    assert [c.line for c in model.claims] == [12, 13, 14, 15]
    assert model.claims[2].display == "d loss/d f2"
    assert model.claims[2].text == "-sin(f2) * d loss/d h3"
    assert formula(model, 2) == "((-sin(f2)) * d loss/d h3)"
    both = model.claims[2].formulas
    assert both["numerator"] is both["denominator"]
    assert model.rows is None
    assert model.notes == ()


@pytest.mark.parametrize("text", [TOY, NETWORK, ROWS])
def test_print_parse_print_is_the_identity(text: str) -> None:
    model = read(text)
    printed = show(model)
    again = read(printed)
    assert show(again) == printed
    for name, item in model.inputs.items():
        assert again.inputs[name].values.tolist() == item.values.tolist()


def test_statements_of_every_kind() -> None:
    model = read(
        """
        set points = 8; set layout = book
        set strict = on
        seed 3
        data n = 2, X[2,2] = [[1, 2], [3, n^2]], c[3] = 0.5, v = [1, 2]
        rows t[2] ~ normal(0, 1), z ~ uniform(0, 1) count 5
        param W[2,2] ~ xavier, a ~ normal(1, 0), b
        h = W @ t + a
        l = sum(h^2) + z*b
        loss = sum_rows(l)
        """
    )
    assert dict(model.settings) == {"points": 8, "layout": "denominator", "strict": True}
    assert (model.seed, model.rows) == (3, 5)
    assert model.inputs["X"].values.tolist() == [[1, 2], [3, 4]]
    assert model.inputs["c"].values.tolist() == [0.5] * 3
    assert model.inputs["v"].shape == (2,)
    assert model.inputs["t"].values.shape == (5, 2)
    assert model.inputs["t"].shape == (2,)
    assert float(model.inputs["a"].values) == 1.0
    assert (model.inputs["a"].origin, model.inputs["b"].origin) == ("drawn", "free")
    assert model.inputs["a"].mean == 1.0
    assert model.node("l").per_row
    assert not model.node("loss").per_row
    assert read(show(model)).inputs["W"].values.tolist() == model.inputs["W"].values.tolist()


def test_ignore_set() -> None:
    assert dict(read("set points = 8\nx", ignore_set=True).settings) == {}


@pytest.mark.parametrize(
    "content",
    [
        TOY.encode(),
        b"\xef\xbb\xbf" + TOY.encode(),
        TOY.replace("\n", "\r\n").encode(),
        TOY.encode("utf-16"),
        b"\xfe\xff" + TOY.replace("\n", "\r\n").encode("utf-16-be"),
    ],
)
def test_encodings(content: bytes) -> None:
    assert show(read_model(content)) == show(read(TOY))


def test_one_expression() -> None:
    model = read("(w1*sin(w0*x) - y)^2\nclaim d loss/d y = -2*(w1*sin(w0*x) - y)")
    assert list(model.inputs) == ["w1", "w0", "x", "y"]
    assert {i.kind for i in model.inputs.values()} == {"param"}
    assert list(model.steps) == ["loss"]
    assert len(model.claims) == 1


def test_greek_is_shown_as_typed() -> None:
    model = read(
        "param \u03b2\u2080 = 1\nloss = \u03b2\u2080^2\nclaim \u2202loss/\u2202\u03b2\u2080 = 2*beta0"
    )
    assert model.inputs["beta0"].display == "\u03b2\u2080"
    assert model.claims[0].target == Derivative("loss", "beta0")
    assert model.claims[0].display == "d loss/d \u03b2\u2080"
    assert canonical("\u0393\u03c2\u2081") == "Gammasigma1"


def test_a_loss_of_one_entry_is_a_number() -> None:
    assert read("param v[2] = 1\nloss = v' @ [[1], [2]]").node("loss").shape == ()


NOTES = [
    ("param A[2,2] = 1\nloss = sum(A^2)", "line 2: ^ of a matrix"),
    ("param A[2,3] = 1, v[3] = 2\nloss = sum(A + v)", "line 2: a vector was added to every row"),
]


@pytest.mark.parametrize(("text", "note"), NOTES)
def test_surprising_readings_get_a_note(text: str, note: str) -> None:
    notes = read(text).notes
    assert len(notes) == 1
    assert notes[0].startswith(note)


# --- claims --------------------------------------------------------------------------------------


def test_network_claims() -> None:
    model = read(NETWORK)
    assert formula(model, 1) == "(d loss/d f1 @ transpose(h1))"
    assert formula(model, 4) == "((d loss/d f1)[0] * h1[2])"
    assert model.claims[4].target == Derivative("loss", "W1", (0, 2))
    assert model.claims[4].display == "d loss/d W1[0,2]"
    jacobian = model.claims[5]
    assert jacobian.is_jacobian
    assert isinstance(jacobian.formulas["numerator"], Graph)
    assert isinstance(jacobian.formulas["denominator"], Misfit)
    shapes = {n.key: n.shape for n in model.claims[1].formulas["numerator"].nodes}  # type: ignore[union-attr]
    assert shapes[Derivative("loss", "f1")] == (2,)


def test_per_row_claims() -> None:
    model = read(ROWS)
    kinds = [c.formulas["numerator"] for c in model.claims]
    outputs = [g.nodes[g.output] for g in kinds if isinstance(g, Graph)]
    assert [n.per_row for n in outputs] == [False, False, False]
    per_row = read(ROWS + "claim d l/d w = 2*x*(w*x + v' @ u - y)").claims[-1]
    graph = per_row.formulas["numerator"]
    assert isinstance(graph, Graph)
    assert graph.nodes[graph.output].per_row


def test_claims_may_use_what_is_made_of_all_rows() -> None:
    model = read(
        "rows x = [1, 2]\nparam w = 1\nf = w*x\nloss = log(sum_rows(exp(f)))\n"
        "claim d loss/d f = exp(f)/sum_rows(exp(f))\nclaim d loss/d f = exp(f - loss)"
    )
    assert all(isinstance(c.formulas["numerator"], Graph) for c in model.claims)


MISFITS = [
    ("d loss/d W = b", "shape"),
    ("d loss/d w = b", "single number"),
    ("d loss/d b = W", "shape"),
    ("d loss/d b = W @ W", "do not fit @"),
    ("d loss/d W = b'", "shape"),
    ("d loss/d b = [1.5, 2.5, 3.5]", "shape"),
    ("d loss/d w = x", "one value per row"),
    ("d loss/d w = sum(x)", "one number already"),
    ("d loss/d w = b[7]", "outside"),
    ("d loss/d w = d loss/d b[7]", "outside"),
]


@pytest.mark.parametrize(("claim", "word"), MISFITS)
def test_a_claim_that_does_not_fit_is_no_bad_file(claim: str, word: str) -> None:
    text = (
        "rows x = [1, 2, 3]\nparam W[2,3] = 1, b[2] = 1, w = 1\n"
        "loss = sum_rows(w*x) + sum(W) + sum(b)\nclaim "
    )
    misfit = read(text + claim).claims[0].formulas["numerator"]
    assert isinstance(misfit, Misfit)
    assert word in misfit.message
    assert misfit.help is None or "fit" in misfit.help or misfit.help


def test_misfits_name_the_way_out() -> None:
    text = "rows x = [1, 2]\nparam W[2,3] = 1, w = 1\nloss = sum_rows(w*x) + sum(W)\nclaim "
    transposed = read(text + "d loss/d W = W'").claims[0].formulas["numerator"]
    assert isinstance(transposed, Misfit)
    assert "[3,2]" in transposed.message
    assert "[2,3]" in transposed.message
    assert "transpose" in str(transposed.help)
    shared = read(text + "d loss/d w = x").claims[0].formulas["numerator"]
    assert isinstance(shared, Misfit)
    assert "sum_rows" in str(shared.help)


NUMBERS = [
    ("2.281", 2.281, 0.0005),
    ("-0.50", -0.5, 0.005),
    ("1.2e-3", 1.2e-3, 0.5e-4),
    ("-(2.5)", -2.5, 0.05),
    ("1.5E+2", 150.0, 5.0),
    ("1e-99999999", 0.0, 0.0),  # below all doubles
    ("1/3", 1 / 3, None),
    ("sqrt(2)", 2**0.5, None),
    ("pi", np.pi, None),
]


@pytest.mark.parametrize(("text", "value", "half"), NUMBERS)
def test_claimed_numbers(text: str, value: float, half: float | None) -> None:
    claim = read(f"param w = 1\nloss = w^2\nclaim d loss/d w = {text}").claims[0]
    assert claim.kind == "number"
    assert claim.numbers == pytest.approx(value, rel=1e-15)
    if half is None:
        assert claim.half_units is None
    else:
        assert claim.half_units == pytest.approx(half)


def test_claimed_integers_are_exact_and_arrays_have_digits() -> None:
    text = "param w[2] = 1\nloss = sum(w^2)\nclaim d loss/d w = "
    whole = read(text + "-[2, -(99999999999999999999)]").claims[0]
    assert (whole.kind, whole.integers is not None) == ("number", True)
    assert whole.integers.tolist() == [-2, 99999999999999999999]  # type: ignore[union-attr]
    for formula in ("2*ones(2)", "[2, -2] + 0*w"):
        assert read(text + formula).claims[0].kind == "formula"
    for number in ("[2, -2.0]", "[1 + 1, -2]"):
        claim = read(text + number).claims[0]
        assert (claim.kind, claim.integers) == ("number", None)
    claim = read(text + "[2.0, -2.25]").claims[0]
    assert claim.numbers is not None
    assert claim.numbers.tolist() == [2.0, -2.25]
    assert claim.half_units is not None
    assert claim.half_units.tolist() == [0.05, 0.005]


def test_claims_of_another_file() -> None:
    model = read(TOY)
    text = "# Alice\nparam zz = 1\nclaim d loss/d w0 = x * d loss/d f0\nqq = zz\n"
    (claim,) = read_claims(text, file="alice.txt", model=model)
    assert (claim.line, claim.file, claim.target.by) == (3, "alice.txt", "w0")
    (claim,) = read_claims("claim d loss/d w9 = 1", file="bob.txt", model=model)
    assert claim.failure is not None
    assert "unknown name" in claim.failure.message


def test_zero_derivatives_and_second_claims_are_allowed() -> None:
    model = read("param w = 1, v = 2\nf = w\nloss = w^2\nclaim d f/d v = 0\nclaim d f/d v = 1")
    assert len(model.claims) == 2


def test_values_for_another_point() -> None:
    model = read("param w = 1, W[2,2] = 1\nrows x = [1, 2, 3]\nloss = sum_rows(x)*w + sum(W)")
    assert read_values("w=2/4", model)[1].tolist() == 0.5
    assert read_values("W=[[1,2],[3,4]]", model)[1].tolist() == [[1, 2], [3, 4]]
    assert read_values("W=7", model)[1].tolist() == [[7, 7], [7, 7]]
    assert read_values("x=[4,5,6]", model)[1].shape == (3,)
    with pytest.raises(ShapeError):
        read_values("w=[1,2]", model)
    for text in ("v=1", "w", "w=1,W=2", "w=1\nW=2", "loss=1"):
        with pytest.raises(OptionError):
            read_values(text, model)
    with pytest.raises(GradcheckError):
        read_values("w=1e999", model)


# --- draws ---------------------------------------------------------------------------------------


def test_draws_are_the_same_everywhere() -> None:
    assert draw_normal(0, "x", (3,)).tolist() == [-0.358386, -0.127064, -0.266124]
    assert draw_uniform(0, "x", (3,)).tolist() == [0.860517, 0.108454, 0.891819]


def test_every_name_has_its_own_stream() -> None:
    short = read("seed 5\nparam a, b\nloss = a*b")
    long = read("seed 5\nparam c, b, a\nloss = a*b*c")
    assert short.inputs["a"].values == long.inputs["a"].values
    assert read("param a, b\nloss = a*b", seed=5).inputs["a"].values == short.inputs["a"].values
    assert read("param a, b\nloss = a*b").inputs["a"].values != short.inputs["a"].values


def test_draws_have_six_digits_and_the_right_moments() -> None:
    z = draw_normal(1, "z", (20_000,), 3.0, 2.0)
    assert all(float(f"{v:.6g}") == v for v in z[:1000])
    assert abs(z.mean() - 3) < 0.06
    assert abs(z.std() - 2) < 0.04
    u = draw_uniform(1, "u", (20_000,), -1, 3)
    assert u.min() > -1
    assert u.max() < 3
    assert abs(u.mean() - 1) < 0.03


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializers(name: str) -> None:
    model = read(f"param W[100,300] ~ {name}\nloss = sum(W)")
    expected = INITIALIZERS[name].variance(300, 100)
    assert np.var(model.inputs["W"].values) == pytest.approx(expected, rel=0.05)


def test_moved_points() -> None:
    model = read("data x = 4\nparam a = 2, b = 0\nloss = a*b*x")
    point = moved_inputs(model, 1)
    assert set(point) == {"a", "b"}
    assert 1 <= point["a"] <= 3
    assert -0.1 <= point["b"] <= 0.1
    assert moved_inputs(model, 2)["a"] != point["a"]
    assert moved_inputs(model, 1)["a"] == point["a"]
    assert set(moved_inputs(model, 1, kinds=("data", "param"))) == {"a", "b", "x"}
    assert abs(moved_inputs(model, 1, reach=1e-3)["a"] - 2) < 2e-3


# --- sizes ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_chain_of_three_thousand_steps() -> None:
    lines = [f"h{k + 1} = sin(w*h{k}) + x" for k in range(3_000)]
    model = read("\n".join(["param w = 0.5, x = 1", "h0 = x", *lines, "loss = h3000"]))
    assert len(model.steps) == 3_002
    text = show(model)
    assert len(show(read(text))) == len(text)


DEEP = [("sin(", ")", 10_000), ("-", "", 10_000), ("x^", "", 10_000)]


@pytest.mark.parametrize(
    ("opening", "closing", "n"),
    [
        ("(", ")", 10_000),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in DEEP),
    ],
)
def test_nested_brackets(opening: str, closing: str, n: int) -> None:
    model = read(f"param x = 0.5\nloss = {opening * n}x{closing * n}")
    assert model.node("loss").shape == ()
    text = show(model)
    assert show(read(text)) == text


# --- the saved table, imports, safety ------------------------------------------------------------


def automaton(parser: lark.Lark) -> list[tuple[object, ...]]:
    """The parse table with its states numbered in the order in which a walk meets them."""
    table = parser.parser.parser._parse_table  # type: ignore[attr-defined]
    start = table.start_states["start"]
    order = {start: 0}
    todo, lines = [start], []
    for state in todo:
        for token, (action, target) in sorted(table.states[state].items(), key=lambda i: i[0]):
            if str(action) == "Shift" or isinstance(target, int):
                if target not in order:
                    order[target] = len(order)
                    todo.append(target)
                lines.append((order[state], token, order[target]))
            else:
                lines.append((order[state], token, str(target), str(target.alias)))
    return lines


def test_saved_table_is_that_of_the_grammar() -> None:
    saved = Automaton(Parser).lark
    fresh = build()
    assert automaton(saved) == automaton(fresh)
    terminals = [sorted((t.name, str(t.pattern)) for t in p.terminals) for p in (saved, fresh)]
    assert terminals[0] == terminals[1]


def run_python(code: str, *arguments: str) -> str:
    root = PROJECT
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        cwd=root,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_syntax_error_imports_neither_numpy_nor_sympy() -> None:
    out = run_python(
        """
        import sys
        from gradcheck_cli.common.errors import GradcheckError
        from gradcheck_cli.language import read_model
        for text in ("param w0 = 1\\nloss = w0 x", "loss = sn(x)\\nparam x = 1", "(a", "x = 1; x = 2"):
            try:
                read_model(text)
            except GradcheckError as error:
                print(error.place.line)
        print([name for name in ("numpy", "sympy", "mpmath", "rich") if name in sys.modules])
        """
    )
    assert out.split("\n") == ["2", "1", "1", "1", "[]", ""]


CANARY = "canary_q7"


def test_no_text_of_a_model_is_executed(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", **{f"{CANARY}_k": np.ones(2)})
    (tmp_path / "d.csv").write_text(f"{CANARY}_c\n1\n2\n")
    model = tmp_path / "model.txt"
    model.write_text(
        f'data {CANARY}_c from "d.csv"\ndata {CANARY}_k from "d.npz"\n'
        f"set scheme = {CANARY}\nparam {CANARY}_p = 1, {CANARY}_q ~ normal(0, 1)\n"
        f"{CANARY}_s = {CANARY}_p*sum({CANARY}_c)  # {CANARY}\nloss = {CANARY}_s + {CANARY}_q\n"
        f"claim d loss/d {CANARY}_p = sum({CANARY}_c)\n"
    )
    bad = ["__import__('os').system('touch {0}')", "().__class__.{0}", "{0} {0}", "{0}(1)", 'x = "{0}"']
    (tmp_path / "bad.txt").write_text("\n---\n".join(bad).format(CANARY))
    out = run_python(
        """
        import sys
        import numpy
        import gradcheck_cli.language.model_reader, gradcheck_cli.language.printer
        from pathlib import Path
        from gradcheck_cli.common.errors import GradcheckError
        from gradcheck_cli.language import read_model, read_path, show
        seen = []
        WATCHED = ("compile", "exec", "import", "open", "socket", "subprocess", "os.system", "ctypes")
        def hook(event, arguments):
            if event.startswith(WATCHED) and sys.argv[2] in repr(arguments):
                seen.append((event, repr(arguments)[:100]))
        sys.addaudithook(hook)
        folder = Path(sys.argv[1])
        show(read_model(read_path(folder / "model.txt"), folder=folder))
        for text in read_path(folder / "bad.txt").decode().split("\\n---\\n"):
            try:
                read_model(text)
                print("read", text)
            except GradcheckError as error:
                str(error)
        print(seen)
        """,
        str(tmp_path),
        CANARY,
    )
    assert out == "[]\n"


# --- suggestions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("wieght", ["weight", "height"], "weight"),
        ("bO", ["b0", "b1"], "b0"),
        ("hl", ["h1", "h2"], "h1"),
        ("x", ["y", "z"], None),
        ("X", ["x"], "x"),
        ("w_0", ["w0"], "w0"),
        ("sn", ["ln", "sin"], "sin"),
        ("\u0430b", ["ab"], "ab"),
        ("completely", ["different"], None),
    ],
)
def test_nearest(name: str, known: list[str], meant: str | None) -> None:
    assert nearest(name, known) == meant


def test_every_operator_between_every_pair_of_shapes_reads_or_raises_our_error() -> None:
    shapes = ["s", "v", "u", "A", "B"]
    for left, sign, right in itertools.product(shapes, ["+", "*", "@", "^", ">"], shapes):
        text = "param s = 1, v[2] = 1, u[3] = 1, A[2,3] = 1, B[3,2] = 1\nf = "
        places = []
        try:
            read(f"{text}{left} {sign} {right}\nloss = sum([f][0:1])")
        except GradcheckError as error:
            places.append(error.place)
        assert None not in places
