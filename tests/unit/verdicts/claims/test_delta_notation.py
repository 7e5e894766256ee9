"""Names of derivatives in claims: true on the right, judged on the left, one with what they stand for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from build import exchanged, one_of
from claimed import judged_alone
from gradcheck_cli import api
from gradcheck_cli.derivatives import backprop
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.results.gradient_results import Report, Verdict

NET = """data x[2] = [0.5, -1.2], y[2] = [1, -1]
param W1[3,2] = [[0.4, -0.3], [0.7, 0.2], [-0.5, 0.1]], b1[3] = [0.1, 0.2, -0.3]
param W2[3,3] = [[0.5, -0.4, 0.3], [0.2, 0.8, -0.6], [-0.1, 0.6, 0.9]], b2[3] = 0.1
param W3[2,3] = [[0.3, -0.8, 0.5], [0.6, 0.1, -0.2]]
f1 = W1 @ x + b1
h1 = sigmoid(f1)
f2 = W2 @ h1 + b2
h2 = tanh(f2)
f3 = W3 @ h2
loss = sum((f3 - y)^2)/2
let delta3 = d loss/d f3
let delta2 = d loss/d f2
let delta1 = d loss/d f1
"""
RIGHT = [
    "delta3 = f3 - y", "delta2 = (W3' @ delta3) * tanh'(f2)", "delta1 = (W2' @ delta2) * sigmoid'(f1)",
    "d loss/d W3 = delta3 @ h2'", "d loss/d W2 = delta2 @ h1'", "d loss/d b2 = delta2",
    "d loss/d W1 = delta1 @ x'", "d loss/d b1 = delta1",
]  # fmt: skip
OK, OPEN, WRONG = Verdict.OK, Verdict.UNRESOLVED, Verdict.WRONG


def run(*claims: str, model: str = NET, **options: object) -> Report:
    text = model + "".join(f"claim {claim}\n" for claim in claims)
    return api.check(api.load(text), **{"points": 2, **options})  # type: ignore[arg-type]


def verdicts(*claims: str) -> list[Verdict]:
    text = NET + "".join(f"claim {claim}\n" for claim in claims)
    return [result.verdict for result in judged_alone(api.load(text))]


@pytest.mark.parametrize("options", [{}, {"strict": True}, {"require_claims": True}, {"points": 1}])
def test_a_chain_in_delta_notation_is_right(options: dict[str, object]) -> None:
    report = run(*RIGHT, **options)
    assert report.verdict is OK, report
    assert [r.display for r in report.claims[:3]] == ["delta3", "delta2", "delta1"]
    assert all(block.claimed and not block.lacks for block in report.parameters)


@pytest.mark.parametrize("wrong", one_of(3, [
    "delta2 = (W3 @ delta3) * tanh'(f2)", "delta2 = W3' @ delta3", "delta2 = (W3' @ delta3) * sigmoid'(f2)",
    "delta2 = (W3' @ delta3) * tanh'(h2)", "delta2 = (W3' @ delta2) * tanh'(f2)", "delta2[0] = 0.7",
    "delta1 = (W2' @ delta2) * sigmoid'(h1)", "delta1 = (W2 @ delta2) * sigmoid'(f1)", "delta3 = y - f3",
    "delta1 = (W2' @ delta2) * (h1 - h1^3)", "d loss/d b1 = delta2", "d loss/d W2 = h1 @ delta2'",
]))  # fmt: skip
def test_its_wrong_twins(wrong: str) -> None:
    others = [claim for claim in RIGHT if claim.split(" =")[0] != wrong.split(" =")[0]]
    assert verdicts(wrong, *others) == [WRONG, *[OK] * len(others)]  # one slip is one wrong line


def test_a_slip_is_named_as_with_the_derivative_itself() -> None:
    (short,) = run("delta1 = (W2 @ delta2) * sigmoid'(f1)").claims
    (long,) = run("d loss/d f1 = (W2 @ d loss/d f2) * h1*(1 - h1)").claims
    assert short.diagnosis == long.diagnosis == "uses W2 where W2' belongs"
    assert (short.of, short.by, short.display) == ("loss", "f1", "delta1")


@pytest.mark.parametrize(("claim", "words"), one_of(3, [
    ("delta2 = (W3' @ delta3) * sigmoid'(f2)", "uses sigmoid' where tanh' belongs"),
    ("delta2 = (W3' @ delta3) * tanh(f2)", "uses tanh where tanh' belongs"),
    ("delta2 = (W3' @ delta3) * tanh'(h2)", "uses h2 where f2 belongs"),
    ("delta2 = (W3' @ delta3) * tanh'(f2)^2",
     "has the factor 1 - h2^2, the derivative of tanh in line 8: once too often"),
    ("delta1 = (W2' @ delta2) * sigmoid(f1)", "uses sigmoid where sigmoid' belongs"),
    ("delta1 = (W2' @ delta2) * h1", "has h1 where h1*(1 - h1) belongs"),
    ("delta2 = (W3' @ delta3) * relu'(f2)", "uses relu' where tanh' belongs"),
]))  # fmt: skip
def test_slips_around_a_slope_are_named(claim: str, words: str | None) -> None:
    (result,) = run(claim).claims
    assert (result.verdict, result.diagnosis) == (WRONG, words)


@pytest.mark.parametrize(("claims", "found"), one_of(3, [
    (["delta2 = delta2"], [OPEN]),
    (["delta2 = d loss/d f2"], [OPEN]),
    (["d loss/d f2 = delta2"], [OPEN]),
    (["delta2 = d loss/d b2", "d loss/d b2 = delta2"], [OPEN, OPEN]),
    (["delta2 = d loss/d b2", "d loss/d b2 = delta2", "delta2 = (W3' @ delta3) * (1 - h2^2)"], [OK, OK, OK]),
    (["delta2[0] = delta2[0]"], [OPEN]),
    (["d loss/d b2 = delta2"], [OK]),
]))  # fmt: skip
def test_circles_of_names(claims: list[str], found: list[Verdict]) -> None:
    report = run(*claims)
    assert [r.verdict for r in report.claims] == found
    notes = [r.note for r in report.claims if r.verdict is OPEN]
    assert all(note and note.startswith("rests on itself (line") for note in notes)


def test_what_a_parameter_rests_on_is_named_by_the_derivative() -> None:
    report = run("d loss/d b2 = delta2", require_claims=True)
    lacks = {block.name: block.lacks for block in report.parameters}
    assert lacks["b2"] == "rests on d loss/d f2, which you do not claim"
    assert report.verdict is WRONG


def test_carry_passes_names_on() -> None:
    wrong = ["delta3 = 2*(f3 - y)", *RIGHT[1:]]
    first, second, *_ = run(*wrong, carry=True).claims
    assert (first.verdict, second.verdict) == (WRONG, OK)
    assert second.carried == pytest.approx(2 * second.true)
    (truth, *_) = run("delta2 = W3' @ delta3", hint="truth").claims
    assert truth.truth == "(1 - h2^2) * d loss/d h2"


KINKED = "param w = 0, v = 0.5\nr = relu(w)\ns = abs(w)\nloss = {}*v\nlet g = d loss/d w\n"


@pytest.mark.parametrize(("loss", "claim", "verdict"), [
    ("r", "g = relu'(w)*v", Verdict.KINK), ("r", "g = abs'(w)*v", WRONG), ("r", "g = v", WRONG),
    ("s", "g = abs'(w)*v", Verdict.KINK), ("s", "g = relu'(w)*v", WRONG),
    ("s", "g = sign(w)*v", Verdict.KINK),
])  # fmt: skip
def test_at_a_kink_a_slope_is_the_functions_own_rule(loss: str, claim: str, verdict: Verdict) -> None:
    (result,) = run(claim, model=KINKED.format(loss), points=4).claims  # at a kink others tell what is wrong
    assert result.verdict is verdict, result


def test_a_slope_is_right_only_for_sides_if_its_function_is() -> None:
    model = "param a = 0.7\nr = relu(a)\nloss = r^2\nlet g = d loss/d a\n"
    (right,), (sided,) = run("g = 2*r*relu'(a)", model=model).claims, run("g = 2*a", model=model).claims
    assert (right.verdict, right.note) == (OK, None)
    assert sided.note == "right only for these sides of the kinks of relu"


ROWS = """rows X[2] = [[1, 2], [3, -1], [0.5, 0.2]], y = [1, 0, 1]
param w[2] = [0.3, -0.2], b = 0.1
z = dot(w, X) + b
p = sigmoid(z)
l = -(y*log(p) + (1 - y)*log(1 - p))
loss = mean_rows(l)
let delta = d loss/d z
"""


def test_names_have_a_value_for_each_row() -> None:
    claims = ["delta = (p - y)/3", "d loss/d w = sum_rows(delta * X)", "d loss/d b = sum_rows(delta)"]
    assert [r.verdict for r in run(*claims, model=ROWS).claims] == [OK, OK, OK]
    (wrong,) = run("delta = sigmoid'(z)", model=ROWS).claims
    assert wrong.verdict is WRONG


def test_names_in_a_file_of_claims(tmp_path: Path) -> None:
    model, claims = tmp_path / "model.txt", tmp_path / "claims.txt"
    model.write_text(NET, encoding="utf-8")
    claims.write_text("let g = d loss/d h2\nclaim g = W3' @ delta3\nclaim delta2 = g * tanh'(f2)\n")
    loaded = api.load(model)
    report = api.check(loaded, claims=api.load_claims(claims, loaded), points=2)
    assert [(r.display, r.verdict) for r in report.claims] == [("g", OK), ("delta2", OK)]
    claims.write_text("claim delta2 = W3' @ delta3\n")
    report = api.check(loaded, claims=api.load_claims(claims, loaded), points=2)
    assert [r.verdict for r in report.claims] == [WRONG]


def test_numbers_and_files_under_a_name(tmp_path: Path) -> None:
    model, loaded = tmp_path / "model.txt", api.load(NET)
    exact = backprop.derivative(loaded, forward_pass(loaded), "loss", ["f3"])["f3"]
    np.save(tmp_path / "g.npy", exact)
    np.save(tmp_path / "bad.npy", -exact)
    model.write_text(NET + 'claim delta3 from "g.npy"\nclaim delta3 from "bad.npy"\n', encoding="utf-8")
    good, bad = api.check(api.load(model), points=2).claims
    assert (good.verdict, bad.verdict, bad.diagnosis) == (OK, WRONG, "has the wrong sign")


def test_explain_shows_the_names() -> None:
    titles = [step.title for step in api.explain(api.load(NET)).backward_steps]
    assert titles == ["delta3 = d loss/d f3", "d loss/d h2", "delta2 = d loss/d f2", "d loss/d h1",
                      "delta1 = d loss/d f1"]


def test_a_slope_is_the_rule_of_backprop_and_judged_by_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = PRIMITIVES["tanh"].vjp[0]
    assert rule is not None
    exchanged(monkeypatch, "tanh", vjp=(lambda m, g, y, x: 1.001 * rule(m, g, y, x),))
    (result,) = run("delta2 = (W3' @ delta3) * tanh'(f2)").claims
    assert result.verdict is WRONG
    assert result.true == pytest.approx(result.claimed / 1.001)
    assert verdicts("delta2 = (W3' @ delta3) * (1 - h2^2)") == [OK]


def test_the_transpose_of_rows_of_numbers_is_pointed_out() -> None:
    model = ROWS.replace("let delta = d loss/d z\n", "q = [p, z]\n")
    (result,) = run("q = [[1, 2, 3], [4, 5, 6]]", model=model).claims
    assert (result.note or "").endswith("its transpose fits, one line for each row")


def test_a_named_derivative_in_math() -> None:
    from gradcheck_cli.render.latex import symbol

    assert symbol("delta2 = d loss/d f2") == r"\delta_{2} = \frac{\partial \ell}{\partial f_{2}}"
    assert symbol("d loss/d f2") == r"\frac{\partial \ell}{\partial f_{2}}"
    assert symbol("f2") == "f_{2}"
