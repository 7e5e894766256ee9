"""What claims rest on: circles are UNRESOLVED, and what is required is covered entry by entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from build import one_of
from gradcheck_cli import api
from gradcheck_cli.results.gradient_results import Report, Verdict

LINE = "data x = 4\nparam w = 3, b = 0.5\nf = w*x + b\nl = f^3\nloss = l\n"
VECTOR = "data x[2] = [3, -1]\nparam w[2] = [0.5, 0.25]\nf = dot(w, x)\nloss = f^3\n"
OK, OPEN, WRONG = Verdict.OK, Verdict.UNRESOLVED, Verdict.WRONG


def run(model: str, *claims: str, **options: object) -> Report:
    text = model + "".join(f"claim {claim}\n" for claim in claims)
    return api.check(api.load(text), **{"points": 2, **options})  # type: ignore[arg-type]


ROUND = ["d loss/d f = d loss/d b", "d loss/d b = d loss/d f"]
# (model, claims, their verdicts)
CIRCLES = [
    (LINE, ["d loss/d w = d loss/d w"], [OPEN]),
    (LINE, ["d loss/d w = d l/d w"], [OPEN]),  # the loss is l
    (LINE, ["d loss/d w = d l/d w", "d l/d w = 3*f^2*x"], [OK, OK]),
    (LINE, ROUND, [OPEN, OPEN]),
    (LINE, ["d loss/d f = d l/d b", "d loss/d b = d loss/d f"], [OPEN, OPEN]),
    (LINE, [*ROUND, "d loss/d f = 3*f^2"], [OK, OK, OK]),
    (LINE, [*ROUND, "d loss/d w = x*d loss/d f"], [OPEN, OPEN, OK]),
    (LINE, ["d loss/d f = d loss/d w/x", "d loss/d b = d loss/d f", "d loss/d w = x*d loss/d b"], [OPEN] * 3),
    (LINE, ["d loss/d b = d loss/d f"], [OK]),  # what nobody claims is given
    (LINE, ["d f/d w = x*d f/d b", "d f/d b = d f/d w/x"], [OPEN, OPEN]),
    (LINE, ["d loss/d w = 2*d loss/d w"], [WRONG]),
    (LINE, ["d loss/d w = 588", "d loss/d b = d loss/d w/x"], [WRONG, OK]),
    (VECTOR, ["d loss/d w = d loss/d w"], [OPEN]),
    (VECTOR, ["d loss/d w[0] = -3*d loss/d w[1]", "d loss/d w[1] = -d loss/d w[0]/3"], [OPEN, OPEN]),
    (VECTOR, ["d loss/d w[0] = -3*d loss/d w[1]"], [OK]),
    (VECTOR, ["d loss/d w = [3*f^2*x[0], -d loss/d w[0]/3]"], [OK]),  # entry by entry
    (VECTOR, ["d loss/d w = [-3*d loss/d w[1], -d loss/d w[0]/3]"], [OPEN]),
    (VECTOR, ["d loss/d w = x*(d loss/d w)[0]/3"], [OPEN]),
    (VECTOR, ["d loss/d w = x*d loss/d w[0]/3", "d loss/d w[0] = 9*f^2"], [OK, OK]),
]


@pytest.mark.parametrize(("model", "claims", "verdicts"), one_of(3, CIRCLES))
def test_claims_that_rest_on_themselves(model: str, claims: list[str], verdicts: list[Verdict]) -> None:
    report = run(model, *claims)
    assert [result.verdict for result in report.claims] == verdicts
    assert report.exit_code == (1 if WRONG in verdicts else 3 if OPEN in verdicts else 0)


def test_a_circle_names_its_lines() -> None:
    report = run(LINE, "d loss/d f = d loss/d b", "d loss/d w = x*d loss/d f", "d loss/d b = d loss/d f")
    both = "rests on itself (lines 6, 8)"
    assert [r.note for r in report.claims] == [both, None, both]
    assert run(LINE, "d loss/d w = d l/d w").claims[0].note == "rests on itself (line 6)"


def test_names_of_one_value_below() -> None:
    model = "data x = 2\nparam w = 3\nf = w*x\ng = f\nloss = g^2\n"
    assert run(model, "d loss/d f = d loss/d g").verdict is OPEN
    assert run(model, "d loss/d f = d loss/d g", "d loss/d g = 2*g").verdict is OK
    twice = model.replace("g^2", "g^2 + f")  # d loss/d f is more than d loss/d g
    assert run(twice, "d loss/d f = d loss/d g + 1").verdict is OK


def test_each_file_of_claims_stands_for_itself(tmp_path: Path) -> None:
    model = api.load(LINE + "claim d loss/d f = 3*f^2\n")
    (tmp_path / "a.txt").write_text("claim d loss/d f = d loss/d b\nclaim d loss/d b = d loss/d f\n")
    (tmp_path / "b.txt").write_text("claim d loss/d b = d loss/d f\n")
    found = [api.check(model, claims=api.load_claims(tmp_path / n, model)) for n in ("a.txt", "b.txt")]
    assert [report.verdict for report in found] == [OPEN, OK]
    assert found[0].claims[0].note == "rests on itself (lines 1, 2)"


def required(model: str, *claims: str) -> str:
    told = run(model, *claims, require_claims=True).closing
    said = next((sentence for sentence in told if sentence.startswith("--require")), "")
    return said.removeprefix("--require-claims: ")


STEP = "d loss/d f = 3*f^2"


@pytest.mark.parametrize(
    ("model", "claims", "said"),
    one_of(3, [
        (LINE, [STEP, "d loss/d w = x*d loss/d f", "d loss/d b = d loss/d f"], ""),
        (LINE, ["d l/d f = 3*f^2", "d l/d w = x*d loss/d f", "d loss/d b = d l/d f"], ""),
        (LINE, ["d loss/d w = x*d loss/d f", "d loss/d b = 3*f^2"],
         "w rests on d loss/d f, which you do not claim."),
        (LINE, ["d loss/d b = d loss/d b", "d loss/d w = x*d loss/d b"],
         "w rests on claims that rest on themselves; b rests on itself (line 6)."),
        (LINE, [STEP, "d loss/d w = d loss/d f*d f/d w"], "no claim for b."),
        (LINE, ["d loss/d f = d loss/d l*3*f^2", "d loss/d w = x*d l/d f", "d l/d b = d loss/d f"], ""),
        (VECTOR, ["d loss/d w[0] = 9*f^2", "d loss/d w[1] = -3*f^2"], ""),
        (VECTOR, ["d loss/d w[0] = 9*f^2"], "no claim for w[1]."),
        (VECTOR, ["d loss/d w[1] = x[1]*d loss/d f", "d loss/d w[0] = 9*f^2"],
         "w rests on d loss/d f, which you do not claim."),
        (VECTOR, ["d loss/d w = [9*f^2, -d loss/d w[0]/3]"], ""),
        ("param A[2,2] = [[1, 2], [3, 4]]\nloss = sum(A^2)\n", ["d loss/d A[0,1] = 4", "d loss/d A[1,1] = 8"],
         "no claim for A[0,0], A[1,0]."),
        ("param v[20] = 1\nloss = sum(v)\n", ["d loss/d v[3] = 1"], "no claim for v (19 of 20 entries)."),
    ]),
)  # fmt: skip
def test_what_is_required(model: str, claims: list[str], said: str) -> None:
    assert required(model, *claims) == said
    report = run(model, *claims, require_claims=True)
    assert (report.verdict is WRONG) is bool(said)
    assert any(block.lacks for block in report.parameters) is bool(said)
    assert not any(block.lacks for block in run(model, *claims).parameters)


def test_coverage_is_told() -> None:
    report = run(VECTOR, "d loss/d w[0] = 9*f^2", "d loss/d w[1] = -3*f^2")
    assert report.closing[0] == "All 2 claims are ok. The only parameter block is claimed."
    assert report.parameters[0].claimed
    half = run(VECTOR, "d loss/d w[0] = 9*f^2")
    assert half.closing[0].endswith("The only parameter block is claimed but for w[1].")
    assert not half.parameters[0].claimed
    assert run(LINE, "d l/d w = 3*f^2*x").closing[0].endswith("1 of 2 parameters is claimed, not b.")


def test_a_parameter_that_the_loss_does_not_use_is_said_to_be_unused() -> None:
    report = run("param w = 2, c = 3, d[2] = [-1, 1]\nloss = w^2 + sum(relu(d))\n")
    assert "c is unused: the loss does not depend on it" in report.notes
    assert any(s.startswith("1 entry is zero in all columns") for s in report.closing)
    assert not run("param w = 2, c = 3\nloss = w^2 + 0*c\n").notes


@pytest.mark.slow
def test_a_chain_of_a_thousand_claims_is_no_matter() -> None:
    steps = "\n".join(f"h{k} = 0.5*h{k - 1} + 1" for k in range(1, 1000))
    names = [f"d h999/d h{k}" for k in range(1000)]
    lines = "\n".join(f"claim {names[k]} = {names[k + 1]}*0.5" for k in range(900, 998))
    report = api.check(api.load(f"param h0 = 1\n{steps}\nloss = h999^2\n{lines}\n"), points=2)
    assert {result.verdict for result in report.claims} == {OK}
