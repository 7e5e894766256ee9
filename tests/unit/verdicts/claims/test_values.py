"""Claims of the values of steps: a program's forward pass, by the rules that hold for numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from build import one_of
from claimed import judged_alone
from gradcheck_cli import api
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.render.registry import OutputOptions, render
from gradcheck_cli.results.gradient_results import ClaimResult, Report, Restriction, Verdict
from paths import PACKAGE

NET = """data x[2] = [1, 2], y[3] = [1, 0, 2]
param W1[3,2] = [[0.5, -0.3], [0.2, 0.8], [-0.6, 0.1]], b1[3] = [0.2, 0.2, 0.3]
param W2[3,3] = [[0.5, -0.3, 0.1], [0.2, 0.8, 0.4], [-0.6, 0.1, 0.9]]
f1 = W1 @ x + b1
h1 = relu(f1)
f2 = W2 @ h1
h2 = tanh(f2)
loss = sum((h2 - y)^2)
"""
ROWS = """rows X[2] = [[1, 2], [3, 4], [5, 6], [0.5, -1]], y = [1, 0, 1, 0]
param w[2] = [0.3, -0.2], b = 0.1
z = dot(w, X) + b
p = sigmoid(z)
l = (p - y)^2
loss = mean_rows(l)
"""
OK, OPEN, WRONG = Verdict.OK, Verdict.UNRESOLVED, Verdict.WRONG


def run(*claims: str, model: str = NET, **options: object) -> Report:
    text = model + "".join(f"claim {claim}\n" for claim in claims)
    return api.check(api.load(text), **{"points": 2, **options})  # type: ignore[arg-type]


def only(claim: str, model: str = NET, **options: object) -> ClaimResult:
    (result,) = judged_alone(api.load(f"{model}claim {claim}\n"), **options)
    return result


RIGHT = [
    "f1 = [0.1, 2, -0.1]", "f1[1] = 2", "f1[0] = 0.1", "h1 = [0.1, 2, 0]", "h1 = [0.1, 2.0, 0.0]",
    "f1 = [[0.1, 2, -0.1]]", "f2 = [-0.55, 1.62, 0.14]", "h2[0] = -0.5005", "h2[0] = -0.50052021119",
    "h2 = [-0.5005, 0.9246, 0.1391]", "loss = 6.569467768", "loss = 6.6", "loss = 7e0",
    "h1 = relu(f1)", "h1 = where(f1 > 0, f1, 0)", "f1 = b1 + W1 @ x", "h2 = sinh(f2)/cosh(f2)",
    "h2[1] = tanh(f2[1])", "loss = (h2 - y)' @ (h2 - y)", "loss = dot(h2, h2) - 2*dot(h2, y) + dot(y, y)",
]  # fmt: skip
BAD = [
    "f1 = [0.1, 2, 0.1]", "f1[1] = 3", "f1[0] = 0.10001", "h1 = [0.1, 2, -0.1]", "h1 = [0.1, 2.0]",
    "f1 = [2, 0.1, -0.1]", "f2 = [-0.55, 1.62, 0.15]", "h2[0] = -0.5004", "h2[0] = 0.9246",
    "h2 = [-0.5005, 0.9246, 0.1392]", "loss = 6.5696", "loss = 6.5", "loss = 7", "loss = 0",
    "h1 = relu(W1 @ x)", "h1 = where(f1 > 0, f1, 0.01*f1)", "f1 = b1 - W1 @ x", "h2 = cosh(f2)/sinh(f2)",
    "h2[1] = tanh(f2[0])", "loss = (h2 + y)' @ (h2 - y)", "loss = dot(h2, h2) - 2*dot(h2, y) + 4",
]  # fmt: skip


@pytest.mark.parametrize("claim", one_of(3, RIGHT))
def test_right_values(claim: str) -> None:
    for strict in (False, True):
        report = run(claim, strict=strict, wrt=("loss",))
        (result,) = report.claims
        assert (result.verdict, report.exit_code) == (OK, 0), result
        assert result.kind == "value"
        assert not result.by


@pytest.mark.parametrize("claim", one_of(3, BAD))
def test_their_wrong_twins(claim: str) -> None:
    report = run(claim, wrt=("loss",))
    assert (report.claims[0].verdict, report.exit_code) == (WRONG, 1), report.claims[0]


def test_whole_numbers_are_met_exactly_and_say_nothing_of_other_points() -> None:
    model = "param a = 3, b = 4\nc = a^2 + b^2\nr = sqrt(c)\nt = r + 1e-12\nloss = t\n"
    for claim in ("c = 25", "r = 5"):
        result = only(claim, model, strict=True)
        assert (result.verdict, result.note, result.only) == (OK, None, ())
    assert only("t = 5", model).verdict is WRONG
    assert only("t = 5.0", model).verdict is OK
    assert "whole numbers are met exactly" in (only("t = 5", model).note or "")


@pytest.mark.parametrize(("claim", "verdict"), one_of(3, [
    ("u = 0", OK), ("u = 5.551115123125783e-17", OK), ("u = 1e-15", WRONG), ("k = 0", OK),
    ("k = 1.2246e-16", OK), ("k = 1e-12", WRONG), ("e = 0.0", OK), ("q = 0.5", OK), ("q = 0", WRONG),
    ("q = 0.0", OPEN), ("q = 0.9", OPEN), ("q = 9e4", WRONG),
]))  # fmt: skip
def test_decimals_are_exact_and_rounding_is_granted(claim: str, verdict: Verdict) -> None:
    model = (
        "param x = 0.3, y = -800, s = 1e-9\nu = x - 0.1 - 0.2\ne = exp(y)\nk = sin(pi*x/0.3)\n"
        "q = (1 - cos(s))/s^2\nloss = u + e + k + q\n"
    )
    assert only(claim, model).verdict is verdict, only(claim, model)


KINKS = "param a = 0, v[3] = [1, 1, 0.5]\nr = relu(a)\ns = sign(a)\nm = max(v)\nloss = r + s + m\n"


@pytest.mark.parametrize("claim", ["r = 0", "s = 0", "m = 1", "loss = 1", "loss = r + s + m"])
def test_a_value_has_no_kink(claim: str) -> None:
    assert [only(claim, KINKS, strict=strict).verdict for strict in (False, True)] == [OK, OK]


@pytest.mark.parametrize("claim", ["r = 1", "s = 1", "m = 0.5", "r = a", "loss = 2"])
def test_and_its_wrong_twin(claim: str) -> None:
    assert only(claim, KINKS).verdict is WRONG


def test_a_formula_that_is_right_on_one_side_only() -> None:
    model = "param a = 0.7\nr = relu(a)\nloss = r^2\n"
    result = only("r = a", model)
    assert (result.verdict, result.only) == (OK, (Restriction.SIDE,))
    assert only("r = a", model, strict=True).verdict is WRONG
    assert only("r = 0.7", model, strict=True).verdict is OK  # a number is of this point


def true_value(text: str, name: str) -> Array:
    return np.array(forward_pass(api.load(text)).value(name))


def test_values_for_each_row(tmp_path: Path) -> None:
    p = true_value(ROWS, "p")
    arrays = {
        "good": p, "column": p[:, None], "half": p.astype(np.float16), "single": p.astype(np.float32),
        "swapped": p[[1, 0, 2, 3]], "short": p[:3], "off": p + 1e-9,
    }  # fmt: skip
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    np.savez(tmp_path / "all.npz", p=p, z=true_value(ROWS, "z"), loss=true_value(ROWS, "loss"))
    np.savetxt(tmp_path / "p.csv", p, fmt="%.4f", header="p", comments="")
    model = tmp_path / "model.txt"

    def verdicts(*claims: str, strict: bool = False) -> list[Verdict]:
        model.write_text(ROWS + "".join(f"claim {claim}\n" for claim in claims), encoding="utf-8")
        return [result.verdict for result in judged_alone(api.load(model), strict=strict)]

    good = [f'p from "{name}.npy"' for name in ("good", "column", "half", "single")]
    assert verdicts(*good, strict=True) == [OK] * 4
    bad = [f'p from "{name}.npy"' for name in ("swapped", "short", "off")]
    assert verdicts(*bad, 'z from "p.csv"') == [WRONG] * 4
    right = 'p from "p.csv"', 'p from "all.npz"', 'z from "all.npz"', 'loss from "all.npz"'
    assert verdicts(*right, "p = 1/(1 + exp(-z))") == [OK] * 5
    assert verdicts("p = 1/(1 + exp(z))", "loss = p") == [WRONG] * 2  # one value for all rows


def test_float32_is_seen_and_refused_by_strict(tmp_path: Path) -> None:
    values = true_value(ROWS, "p").astype(np.float32).astype(float)
    np.save(tmp_path / "p.npy", values)
    model = tmp_path / "model.txt"
    model.write_text(ROWS + 'claim p from "p.npy"\n', encoding="utf-8")
    loaded = api.load(model)
    (result,) = api.check(loaded, points=2).claims
    assert (result.verdict, result.only) == (OK, (Restriction.FORMAT,))
    (result,) = api.check(loaded, strict=True, points=2).claims
    assert (result.verdict, result.diagnosis) == (WRONG, None)
    model.write_text(ROWS + 'claim p from "p.npy" as float32\n', encoding="utf-8")
    assert api.check(api.load(model), strict=True, points=2).claims[0].verdict is OK


@pytest.mark.parametrize(("claims", "verdicts"), [
    (["h1 = h1"], [OPEN]),
    (["h1 = h1 + 0*f1"], [OPEN]),
    (["h2 = tanh(f2)", "f2 = log((1 + h2)/(1 - h2))/2"], [OPEN, OPEN]),
    (["h2 = tanh(f2)", "f2 = log((1 + h2)/(1 - h2))/2", "f2 = W2 @ h1"], [OK, OK, OK]),
    (["h2 = tanh(f2)", "f2 = W2 @ h1"], [OK, OK]),
    (["h1[0] = h1[0]"], [OPEN]),
    (["h1[0] = 0.05*h1[1]"], [WRONG]),
    (["h1 = h1", "loss = sum((h2 - y)^2)"], [OPEN, OK]),
    (["h1 = 2*h1"], [WRONG]),
])  # fmt: skip
def test_a_value_that_rests_on_itself(claims: list[str], verdicts: list[Verdict]) -> None:
    report = run(*claims)
    assert [r.verdict for r in report.claims] == verdicts
    assert all((r.note or "").startswith("rests on itself") for r in report.claims if r.verdict is OPEN)


def test_names_of_one_value_are_one() -> None:
    model = "param w = 0.5\nf = 3*w\nl = f\nloss = l\n"
    assert only("loss = l", model).note == "rests on itself (line 5)"
    assert only("loss = 3*w", model).verdict is OK


def test_it_covers_no_derivative() -> None:
    report = run("loss = 6.569467768", "d loss/d b1 = 2*((W2' @ ((h2 - y)*(1 - h2^2))) * (f1 > 0))")
    assert report.verdict is OK
    assert [block.claimed for block in report.parameters] == [False, True, False]
    assert "1 of 3 parameter blocks is claimed, not W1, W2." in report.closing[0]
    required = run("loss = 6.569467768", require_claims=True)
    assert required.verdict is WRONG
    assert "no claim for W1, b1, W2" in required.closing[-1]


def test_claims_keep_their_order_and_every_format_shows_them() -> None:
    report = run("d loss/d b1 = 3", "loss = 7.5", "h1 = relu(f1)", "d loss/d f2 = 2*(h2 - y)*(1 - h2^2)")
    assert [(r.display, r.kind) for r in report.claims] == [
        ("d loss/d b1", "number"), ("loss", "value"), ("h1", "value"), ("d loss/d f2", "formula"),
    ]  # fmt: skip
    for name in ("table", "markdown", "latex", "csv", "tsv", "json", "jsonl"):
        text = render([report], name, OutputOptions(verbosity=1))
        assert "7.5" in text, name
        assert "6.569" in text, name
    record = json.loads(render([report], "json", OutputOptions()))["reports"][0]["claims"][1]
    assert (record["of"], record["by"], record["kind"]) == ("loss", None, "value")
    assert (record["claimed"], record["true"], record["verdict"]) == (7.5, pytest.approx(6.5694677), "WRONG")
    assert list(record)[:5] == ["line", "of", "by", "formula", "kind"]
    entry = json.loads(render([run("h1[1] = 2")], "json", OutputOptions()))["reports"][0]["claims"][0]
    assert (entry["of"], entry["by"], entry["verdict"]) == ("h1[1]", None, "ok")


def test_each_record_obeys_the_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((PACKAGE / "schema.json").read_text(encoding="utf-8"))
    report = run("loss = 7.5", "h1 = relu(f1)", "h1[1] = 2", "h2 = h2", "f1 = W1")
    jsonschema.validate(json.loads(render([report], "json", OutputOptions())), schema)


def test_the_words_under_a_wrong_value() -> None:
    text = render([run("f1 = [2, 0.1, -0.1]")], "table", OutputOptions())
    assert "all but f1[2] (2 of 3 entries); worst at f1[0]" in text
    quiet = render([run("loss = 7.5")], "table", OutputOptions(verbosity=-1))
    assert "WRONG       line 9: yours 7.5 true 6.569467768" in quiet


BESIDE = "param a[2] = [0.1, 0.4]\ns = xlogy((a + 0.2) > 0.3, 5)\nloss = sum(s)\n"
EQUAL = "param a = 1e30, b[2] = [1e30, 0.4]\ns = xlogy(a > b, a)\nloss = sum(s)\n"


@pytest.mark.parametrize(("model", "numbers", "verdict"), [
    (BESIDE, "[0.0, 1.6094379124341003]", OK), (BESIDE, "[0.05, 1.6094379124341003]", OPEN),
    (BESIDE, "[0.3, 1.6094379124341003]", WRONG), (EQUAL, "[0.0, 69.07755278982137]", OK),
    (EQUAL, "[0.5, 69.07755278982137]", WRONG), (EQUAL, "[0.01, 69.07755278982137]", WRONG),
])  # fmt: skip
def test_the_height_of_a_jump_is_no_rounding_of_a_value(model: str, numbers: str, verdict: Verdict) -> None:
    assert only(f"s = {numbers}", model.replace("(a + 0.2) > 0.3", "((a + 0.2) > 0.3)")).verdict is verdict


def test_nor_is_it_one_of_a_file_of_floats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.csv").write_text("0.25\n1\n")
    model = "param a[2] = [0.1, 0.4]\ns = ((a + 0.2) > 0.3)\nloss = sum(s)\n"
    assert only('s from "s.csv" as float32', model).verdict is OPEN


@pytest.mark.parametrize(("first", "verdict"), [
    ("-9.4337770415602761e-1", Verdict.OK), ("0.5", Verdict.WRONG),
])  # fmt: skip
def test_the_tangent_of_1e54_takes_more_than_50_digits(first: str, verdict: Verdict) -> None:
    text = "data t[2] = [1e-9, 2]\nparam w = 2\nh = tan(bessel_y(2, t)^3)\nloss = norm(h - w)\n"
    (claim,) = api.check(api.load(f"{text}claim h = [{first}, -2.3979538817898089e-1]\n"), points=1).claims
    assert claim.verdict is verdict


@pytest.mark.parametrize(("numbers", "verdict", "said"), [
    ("[-1.20211820554268, -2.77258872223978e18]", OK, "14 digits"),  # the second is inf in float64
    ("[-1.20211820554268, -2.772591494828e18]", OK, "undecidable here beyond 6 digits in 1 of 2 entries"),
    ("[-1.20211820554268, -2.7726e18]", OK, "agrees to the digits given: 5 or more"),
    ("[-1.20211820554268, -2.775e18]", OPEN, "carries no digit"),
    ("[-1.20211820554268, 2.77258872223978e18]", WRONG, ""),
])  # fmt: skip
def test_where_float64_has_no_number_the_digits_written_are_held_to(
    numbers: str, verdict: Verdict, said: str
) -> None:
    claim = only(f"h = {numbers}", "param p[2] = [2, 1e-9]\nh = csc(log2(j0(p)))\nloss = sum(h > 0)\n")
    assert (claim.verdict, said in (claim.note or "")) == (verdict, True)
