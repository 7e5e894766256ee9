"""What is said of a wrong claim is applied to it, and must make it right."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from build import part_of
from claimed import judged_alone
from gradcheck_cli import api
from gradcheck_cli.language import read_claims
from gradcheck_cli.model.graph import Derivative, Graph
from gradcheck_cli.model.model import Model
from gradcheck_cli.render.registry import render
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict
from gradcheck_cli.verdicts.diagnosis.chain_rule_slips import of_arguments
from gradcheck_cli.verdicts.diagnosis.formula_edits import replace_node
from paths import MODELS

FOLDER = MODELS
MODELS = ("deep_relu", "network", "mlp_rows", "rnn_unrolled", "attention", "layer_norm", "contrastive")
NAME = r"(?<![\w.])[A-Za-z]\w*"
MUTANTS = 20  # of each model: all six rules of `mutated` occur


def judged(model: Model, lines: list[str], **options: object) -> list[ClaimResult]:
    text = "".join(f"claim {line}\n" for line in lines).encode()
    claims = tuple(read_claims(text, file="-", folder=FOLDER, model=model))
    return judged_alone(model, claims=claims, **options)


def alike(model: Model, name: str) -> list[str]:
    """Other names with values of the same kind."""
    node = model.node(name)
    others = (n for n in (*model.inputs, *model.steps) if n not in (name, model.loss))
    return [n for n in others if (model.node(n).shape, model.node(n).per_row) == (node.shape, node.per_row)]


def mutated(model: Model, formula: str, chance: random.Random) -> str:
    """A formula with one slip, which may or may not make it wrong."""
    known = [n for n in re.findall(NAME, formula) if n in model.graph.names and n != model.loss]
    rule = chance.randrange(6)
    if not known or rule == 0:
        factor = chance.choice(["2", "-1", "0.5", *model.steps, *model.inputs])
        return f"{factor} * ({formula})"
    name = chance.choice(known)
    others = alike(model, name)
    if rule in (1, 2) and others:
        other = chance.choice(others)
        return re.sub(rf"(?<![\w.]){name}(?!\w)", other, formula)
    if rule == 3:
        return re.sub(rf"(?<![\w.]){name}(?!\w)'", name, formula)
    if rule == 4:
        return re.sub(rf"(?<![\w.]){name}(?![\w'])", f"{name}'", formula)
    return re.sub(r"^\([^()]*\) \* ", "", formula).replace("sum_rows", "mean_rows")


def applied(said: str, formula: str) -> str | None:
    """The formula as what is said of it wants it; None where the words give no formula."""
    if said.startswith("has the wrong sign"):
        return f"-({formula})"
    if said == "is transposed":
        return f"({formula})'"
    found = re.match(r"is (\S+)(?: \(.*\))? times the true value$", said)
    if found:
        return f"({formula}) / ({found[1]})"
    found = re.match(r"misses the factor (.*?)(?:,| \(line \d+\)|$)", said)
    if found:
        return f"({found[1]}) * ({formula})"
    found = re.match(r"has the factor (.*?)(?:,| \(line \d+\)| once)", said)
    if found:
        return f"({formula}) / ({found[1]})"
    found = re.match(r"(?:uses|has) (.*) where (.*) belongs$", said)
    if found is None or "(...)" in said:
        another = r"is d \w+/d \w+$|^leaves out the paths? through |\(\.\.\.\)"
        assert re.search(rf" (is|are) 0 in yours$|{another}", said), said
        return None
    old, new = found.groups()
    behind = r"(?![\w'])" if new.endswith("'") or old.endswith("'") else r"(?!\w)"
    spaced = r"\s*".join(map(re.escape, re.findall(r"[\w.]+|\S", old)))
    return re.sub(rf"(?<![\w.])(?<!/d ){spaced}{behind}", new, formula)


@pytest.mark.slow
@pytest.mark.parametrize("name", part_of(MODELS, 2))
def test_what_is_said_makes_the_claim_right(name: str) -> None:
    model = api.load(FOLDER / f"{name}.txt")
    chance = random.Random(name)
    right = [(str(c.target), c.text) for c in model.claims]
    wrong = []
    for _ in range(MUTANTS):
        target, formula = chance.choice(right)
        wrong.append((target, mutated(model, formula, chance)))
    results = judged(model, [f"{target} = {formula}" for target, formula in wrong])
    repaired = []
    for (target, formula), result in zip(wrong, results, strict=True):
        if result.verdict is Verdict.WRONG and result.diagnosis:
            found = applied(result.diagnosis, formula)
            if found is not None:
                repaired.append((f"{target} = {found}", f"{formula}: {result.diagnosis}"))
    assert len(repaired) >= MUTANTS // 5  # else this test would be about little
    other = api.load(FOLDER / f"{name}.txt", seed=1)
    again = judged(other, [line for line, _ in repaired])
    for result, (line, said) in zip(again, repaired, strict=True):
        divided = "once too often" in said and result.verdict is Verdict.UNRESOLVED  # 0/0
        assert result.verdict is Verdict.OK or divided, (line, said)
        assert not (result.note or "").startswith("right only for"), (line, said, result.note)


SAID = [  # each beside a neighbor of which nothing may be said
    ("f2", "d loss/d h3", "misses the factor (f2 > 0), the derivative of relu in line"),
    ("f2", "1.5 * d loss/d h3", None),
    ("h3", "W3 @ d loss/d f3", "uses W3 where W3' belongs"),
    ("h3", "W3 @ d loss/d f2", None),
    ("W3", "d loss/d f3 @ f2'", "uses f2 where h3 belongs"),
    ("W3", "d loss/d f3 @ f2' + d loss/d f2 @ h2'", None),
    ("f3", "(f2 > 0) * d loss/d h4", "uses f2 where f3 belongs"),
    ("W5", "[2*(f5[0] - y[0]), 0] @ h5'", "row 1 of W5 is 0 in yours"),
    ("W5", "[3*(f5[0] - y[0]), 0] @ h5'", None),
    ("W2", "d loss/d f2 @ h2' + (h2 @ d loss/d f2' - d loss/d f2 @ h2')", "is transposed"),
]


@pytest.mark.slow
def test_what_is_said_and_when_nothing_is() -> None:
    model = api.load(FOLDER / "deep_relu.txt")
    results = judged(model, [f"d loss/d {by} = {formula}" for by, formula, _ in SAID])
    for result, (_, formula, said) in zip(results, SAID, strict=True):
        assert result.verdict is Verdict.WRONG
        assert (result.diagnosis or "").startswith(said) if said else result.diagnosis is None, formula


def test_a_product_turned_round_in_a_sum() -> None:
    model = api.load(FOLDER / "rnn_unrolled.txt")
    formula = "d loss/d f2 @ h1' + h2 @ d loss/d f3' + d loss/d f4 @ h3'"
    (result,) = judged(model, [f"d loss/d W = {formula}"])
    assert result.diagnosis == "has h2 @ d loss/d f3' where d loss/d f3 @ h2' belongs"


def test_a_sum_over_rows_for_a_mean_in_one_term(tmp_path: Path) -> None:
    file = tmp_path / "m.txt"
    file.write_text(
        "rows x[2] ~ normal(0, 1) count 5\nparam w[2] ~ normal(0, 1)\n"
        "loss = mean_rows(dot(w, x)^2) + sum(w^2)\n"
        "claim d loss/d w = sum_rows(2*dot(w, x)*x) + 2*w\n"
        "claim d loss/d w = sum_rows(3*dot(w, x)*x) + 2*w\n"
    )
    one, two = judged_alone(api.load(file))
    assert one.diagnosis == "uses sum_rows where mean_rows belongs"
    assert two.diagnosis is None


def wide(folder: Path, claims: Iterable[str]) -> list[ClaimResult]:
    """A network beyond a small budget of high precision: the evidence is float64."""
    file = folder / "wide.txt"
    file.write_text(
        "seed 2\nrows x[6] ~ normal(0, 1) count 8\nrows y ~ normal(0, 1) count 8\n"
        "param W0[12,6] ~ he\nparam W1[12,12] ~ he\nparam W2[12,12] ~ he\nparam w[12] ~ normal(0, 0.2)\n"
        "f0 = W0 @ x\nh1 = relu(f0)\nf1 = W1 @ h1\nh2 = tanh(f1)\nf2 = W2 @ h2\nh3 = relu(f2)\n"
        "l = (dot(w, h3) - y)^2\nloss = mean_rows(l)\n" + "".join(f"claim {claim}\n" for claim in claims)
    )
    return judged_alone(api.load(file), budget=30_000)


WIDE_CLAIMS = {
    "d loss/d f2 = d loss/d h3": "misses the factor (f2 > 0), the derivative of relu in line 13",
    "d loss/d h1 = W1 @ d loss/d f1": "uses W1 where W1' belongs",
    "d loss/d W2 = sum_rows(d loss/d f2 @ f1')": "uses f1 where h2 belongs",
    "d loss/d f1 = 1.5 * d loss/d h2": "None",
}


@pytest.mark.slow
def test_evidence_of_doubles(tmp_path: Path) -> None:
    found = wide(tmp_path, WIDE_CLAIMS)
    assert {result.verdict for result in found} == {Verdict.WRONG}
    assert [str(result.diagnosis) for result in found] == list(WIDE_CLAIMS.values())


def test_a_formula_made_anew_is_the_same_formula() -> None:
    for name in MODELS:
        for claim in api.load(FOLDER / f"{name}.txt").claims:
            graph = claim.formulas["numerator"]
            assert isinstance(graph, Graph)
            leaf = next((n for n in graph.nodes if n.is_leaf or n.is_literal), None)
            if leaf is None:  # 1/6 is a number, not a formula
                continue
            again = replace_node(graph, leaf.index, lambda b, a, leaf=leaf: b.copy(leaf, a))
            assert again is not None
            assert [(n.operation, n.arguments) for n in again.nodes] == [
                (n.operation, n.arguments) for n in graph.nodes
            ]
            other = replace_node(graph, leaf.index, lambda b, _: b.leaf(Derivative("p", "q"), (7, 7)))
            assert other is None  # another shape


def test_the_words_of_zero_lines_are_about_your_claim(tmp_path: Path) -> None:
    file = tmp_path / "m.txt"
    file.write_text(
        "data c[3] = [1, 2, 3]\ndata x[2] = [1, -1]\nparam W[3,2] ~ normal(0, 1)\nloss = dot(c, W @ x)\n"
        "claim d loss/d W = [c[0], 0, 0] @ x'\nclaim d loss/d W = [c[0], 0, 1] @ x'\n"
    )
    one, two = judged_alone(api.load(file))
    assert one.diagnosis == "rows 1 and 2 of W are 0 in yours"
    assert two.diagnosis is None
    assert np.isfinite(two.claimed or 0.0)


SIGNS = """data x = 0.7
param w = 0.5
h = tanh(w*x)
loss = (h - 2)^2
"""


@pytest.mark.parametrize(
    ("claim", "diagnosis"),
    [
        ("d loss/d h = 2*(h + 2)", "has h + 2 where h - 2 belongs"),
        ("d h/d w = (1 + h^2)*x", "has 1 + h^2 where 1 - h^2 belongs"),
        ("d loss/d w = 2*(h - 2)*(1 + h^2)*x", "has 1 + h^2 where 1 - h^2 belongs"),
        ("d loss/d h = 2*(h - 3)", "has h - 3 where h - 2 belongs"),  # another number is no sign
        ("d loss/d h = 2*(h + 3)", "has h + 3 where h - 2 belongs"),  # which stands in the model
        ("d loss/d h = 2*(h - 2)", None),
    ],
)
def test_a_sign_inside_a_factor_has_a_name(claim: str, diagnosis: str | None) -> None:
    (result,) = judged_alone(api.load(f"{SIGNS}claim {claim}\n"))
    assert (result.verdict is Verdict.OK) is (claim == "d loss/d h = 2*(h - 2)")
    assert result.diagnosis == diagnosis


def test_what_is_confused_is_spelled_without_needless_brackets() -> None:
    assert of_arguments("1 - ({0})^2", "f") == "1 - f^2"
    assert of_arguments("1 - ({0})^2", "a + b") == "1 - (a + b)^2"
    assert of_arguments("-cos({0})", "f") == "-cos(f)"
    assert of_arguments("({0})*exp({0})", "-x^2") == "(-x^2)*exp(-x^2)"
    assert of_arguments("({1})*({0})^({1} - 1)", "r", "2*k") == "(2*k)*r^(2*k - 1)"


@pytest.mark.slow
def test_rows_that_are_not_shown_say_what_high_precision_settled() -> None:
    steps = "\n".join(f"h{k + 1} = sin(w{k}*h{k})" for k in range(40))
    weights = ", ".join(f"w{k} = 0.1" for k in range(40))
    report = api.check(api.load(f"data h0 = 1\nparam {weights}\n{steps}\nloss = h40 + w0\n"), points=2)
    (more,) = [line for line in render([report]).splitlines() if line.startswith("... ")]
    assert re.search(r"30 more, all ok, \d+ settled by high precision", more)


def test_arrays_of_each_row_behind_a_step_are_no_chain_of_numbers() -> None:
    text = "param p[3] = [2, 2, 0.5]\nrows x = [2, 2, 0.5]\ns = x\nh = lgamma(s)\n"
    text += "loss = sum_rows(sum(hypot(h, p)))\n"
    (claim,) = api.check(api.load(f"{text}claim d loss/d s = d loss/d h*s\n"), points=2).claims
    assert claim.verdict is Verdict.WRONG


@pytest.mark.parametrize(("values", "claimed", "is_shift"), [
    ("0.5, 1.5, 2, 3, -1", [1.0, 1.0, 1.0, 1.0, 1.0], False),  # each is as the one before, being all 1
    ("-1, 1.5, 2, 3, 0.5", [1.0, 1.0, 1.0, 1.0, 1.0], False),
    ("0.5, 1.5, -2, 3, 1", [0.0, 1.0, 1.0, 0.0, 1.0], True),
])  # fmt: skip
def test_equal_entries_are_no_evidence_of_a_shift(
    tmp_path: Path, values: str, claimed: list[float], is_shift: bool
) -> None:
    np.save(tmp_path / "g.npy", np.array(claimed))
    text = f'param w[5] = [{values}]\nloss = sum(relu(w))\nclaim d loss/d w from "g.npy"\n'
    (result,) = judged_alone(api.load_text(text, file="-", folder=tmp_path), points=1)
    assert result.verdict is Verdict.WRONG
    assert ("is off by one entry" in (result.diagnosis or "")) is is_shift


@pytest.mark.parametrize(("claim", "verdict"), [
    ("d loss/d s*digamma(p)", Verdict.OK), ("d loss/d s*p", Verdict.WRONG),
])  # fmt: skip
def test_numbers_that_are_put_into_a_vector_behind_a_step(claim: str, verdict: Verdict) -> None:
    text = "param q = 2, p = 0.5\ns = lgamma(p)\nloss = norm([q, s])\n"
    report = api.check(api.load(f"{text}claim d loss/d p = {claim}\n"), points=2)
    assert report.claims[0].verdict is verdict
