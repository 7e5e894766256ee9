"""The budget of work at high precision: what it counts, and that beyond it nothing is guessed."""

from __future__ import annotations

import csv
import io
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from build import exchanged
from chains import chain
from gradcheck_cli import api
from gradcheck_cli.cli import main as cli
from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.derivatives import backprop
from gradcheck_cli.derivatives.symbolic.program import lower
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.numerics.limits.numerics import NUMERICS
from gradcheck_cli.numerics.work_budget import Budget, BudgetSpent
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.render.registry import render
from gradcheck_cli.results.gradient_results import Entry, Report, Verdict
from paths import PROJECT

ROOT = PROJECT
REASON = "operations at high precision is spent; --budget raises it"
TINY = 2
ROWS = """rows x ~ normal(0, 1) count 12
rows y ~ normal(0, 1) count 12
param b0 = 1, w0 = 0.1, b1 = 2, w1 = 3
f0 = b0 + w0*x
h1 = {h1}
f1 = b1 + w1*h1
l = (f1 - y)^2
loss = sum_rows(l)
"""
PLAIN = ROWS.format(h1="sin(f0)")
CANCELS = ROWS.format(h1="(1 - cos(1e-7*f0))*1e13")  # float64 keeps 2 digits of 1 - cos
RIGHT_PLAIN = "claim d loss/d f0 = 2*(f1 - y) * w1 * cos(f0)\n"
RIGHT = "claim d loss/d f0 = 2*(f1 - y) * w1 * sin(1e-7*f0)*1e13*1e-7\n"


def slip(claim: str, by: str) -> str:
    return claim.replace("2*(f1 - y)", f"{by}*2*(f1 - y)")


def judged(text: str, budget: int | None = None, **options: Any) -> Report:
    return api.check(api.load(text), budget=budget, **{"points": 2, **options})


def claimed(text: str, budget: int | None = None, **options: Any) -> tuple[Verdict, str]:
    report = judged(text, budget, **options)
    return report.claims[0].verdict, report.claims[0].note or ""


def entries(report: Report) -> dict[Any, Entry]:
    return {(b.name, e.index, e.point): e for b in report.parameters for e in b.entries}


# ---------------------------------------------------------------------------------------------
# What is counted
# ---------------------------------------------------------------------------------------------


def test_work_is_paid_for_before_it_is_done_and_the_first_refusal_is_the_last_word() -> None:
    budget = Budget(100)
    budget.pay(60, 50)
    with pytest.raises(BudgetSpent, match="the budget of 100 operations at high precision is spent"):
        budget.pay(41, 50)
    assert (budget.left, budget.spent) == (40, True)
    with pytest.raises(BudgetSpent):
        budget.pay(1, 50)  # although it is left: else a larger budget could decide less


@pytest.mark.parametrize(("digits", "price"), [(50, 10), (51, 20), (140, 30), (800, 160)])
def test_more_digits_count_in_proportion(digits: int, price: int) -> None:
    budget = Budget(1000)
    budget.pay(10, digits)
    assert budget.left == 1000 - price


def spent(monkeypatch: pytest.MonkeyPatch, text: str, **options: Any) -> int:
    made: list[Budget] = []

    def kept(*given: int) -> Budget:
        made.append(Budget(*given))
        return made[-1]

    monkeypatch.setattr(import_module("gradcheck_cli.checking.check"), "Budget", kept)
    model = api.load(text) if "\n" in text else api.load(ROOT / "models" / text)
    api.check(model, **{"points": 2, **options})
    (budget,) = made
    assert not budget.spent
    return budget.most - budget.left


@pytest.mark.slow
def test_a_pass_counts_every_number_of_every_row() -> None:
    few, many = (api.load(CANCELS.replace("count 12", f"count {n}")) for n in (10, 1000))
    used = []
    for model in (few, many):
        referee = Referee(lower(model), Budget())
        referee.derivative(model.point(), "loss", ["w0"])
        used.append(NUMERICS.budget - referee.budget.left)
    assert 10 * 8 < used[0] < 10 * 40  # x, f0, h1 in four operations, f1, l; and once more in reverse
    assert 95 * used[0] < used[1] < 100 * used[0]


def locally_claimed(depth: int) -> str:
    slopes = ("cos(f{0})", "exp(f{0})", "-sin(f{0})", "1 - tanh(f{0})^2")
    claims = (f"claim d h{k + 1}/d f{k} = {slopes[k % 4].format(k)}\n" for k in range(depth))
    return chain(depth) + "".join(claims)


def test_local_claims_of_a_chain_cost_one_pass_and_not_one_each(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = (
        spent(monkeypatch, locally_claimed(depth), wrt=[f"b{depth}"]) for depth in (20, 80)
    )
    assert few > 20
    assert many < 5 * few  # 4 times as many; 16 times were each to pay for the whole chain


@pytest.mark.slow
def test_disputed_rows_cost_in_proportion_to_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    text = CANCELS + slip(RIGHT, "1.001")
    few, more, many = (  # slopes at 800 digits are bounded in number, and up to 48 rows take all of them
        spent(monkeypatch, text.replace("count 12", f"count {n}"), wrt=["f0", "w0"]) for n in (48, 96, 192)
    )
    assert 1.5 * (more - few) < many - more < 2.5 * (more - few)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp_rows.txt", "deep_relu.txt", "logistic_wrong_claim.txt"])
def test_ordinary_models_are_far_from_the_budget(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < spent(monkeypatch, name) < NUMERICS.budget / 100


# ---------------------------------------------------------------------------------------------
# Claims
# ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("budget", [TINY, 500])
def test_what_float64_cannot_decide_is_unresolved_for_want_of_budget(budget: int) -> None:
    wrong = CANCELS + slip(RIGHT, "1.001")
    assert claimed(wrong)[0] is Verdict.WRONG
    assert claimed(CANCELS + RIGHT) == (Verdict.OK, "")
    for text in (wrong, CANCELS + RIGHT):
        verdict, note = claimed(text, budget)
        assert verdict is Verdict.UNRESOLVED
        assert note == f"the budget of {budget:,} {REASON}"
        assert judged(text, budget).claims[0].true is None


def test_what_float64_can_decide_is_decided() -> None:
    """Wrong by more than all bounds, or right to more digits than are asked for."""
    assert claimed(PLAIN + RIGHT_PLAIN, TINY) == (Verdict.OK, "")
    assert claimed(PLAIN + slip(RIGHT_PLAIN, "1.001"), TINY) == (Verdict.WRONG, "")
    assert claimed(CANCELS + slip(RIGHT, "2"), TINY) == (Verdict.WRONG, "")
    (result,) = judged(PLAIN + slip(RIGHT_PLAIN, "2"), TINY).claims
    assert (result.wrong, result.diagnosis) == (12, "is 2 times the true value")


def test_a_right_formula_that_cancels_is_not_blamed() -> None:
    """In float64 this factor is 0 and not 1."""
    text = PLAIN + slip(RIGHT_PLAIN, "(1e16*h1 + 1 - 1e16*h1)")
    assert claimed(text) == (Verdict.OK, "")
    assert claimed(text, TINY)[0] is Verdict.UNRESOLVED
    assert claimed(text.replace(" + 1 -", " + 3 -"))[0] is Verdict.WRONG


def test_numbers() -> None:
    true = judged(CANCELS + "claim d loss/d w0 = 1.5\n").claims[0].true
    for text, budget, verdict in (
        (f"{true:.12g}", None, Verdict.OK),
        (f"{true:.12g}", TINY, Verdict.UNRESOLVED),
        (f"{3 * (true or 0):.12g}", None, Verdict.WRONG),
        (f"{3 * (true or 0):.12g}", TINY, Verdict.WRONG),
    ):
        assert claimed(f"{CANCELS}claim d loss/d w0 = {text}\n", budget)[0] is verdict, (text, budget)


KINK = "param x = 0, y = 2\nf = abs(x)\nloss = f + y^2\n"


def test_at_a_kink_nobody_is_blamed_for_want_of_budget() -> None:
    between, outside = "claim d loss/d x = 0.5\n", "claim d loss/d x = 1.5\n"
    assert claimed(KINK + between)[0] is Verdict.KINK
    assert claimed(KINK + outside)[0] is Verdict.WRONG
    for text in (between, outside):
        report = judged(KINK + text, TINY)
        assert report.claims[0].verdict is Verdict.UNRESOLVED
        found = entries(report)
        assert found["x", (), 0].verdict is Verdict.UNRESOLVED
        assert found["x", (), 0].note == f"the budget of {TINY} {REASON}"
        assert found["y", (), 0].verdict is Verdict.OK


def test_carried_values_need_no_budget() -> None:
    text = PLAIN + "claim d loss/d f1 = 2*(f1 - y)\nclaim d loss/d h1 = w1 * d loss/d f1\n"
    exact, rounded = (judged(text, budget, carry=True).claims for budget in (None, TINY))
    for one, other in zip(exact, rounded, strict=True):
        assert one.carried == pytest.approx(other.carried, rel=1e-14)  # some ulps: three operations


# ---------------------------------------------------------------------------------------------
# Entries
# ---------------------------------------------------------------------------------------------


def test_without_a_dispute_the_budget_makes_no_difference() -> None:
    plenty, tiny = judged(PLAIN), judged(PLAIN, TINY)
    assert plenty == tiny
    assert render([plenty], "json") == render([tiny], "json")


def test_disputed_entries_say_why() -> None:
    known = entries(judged(CANCELS))["w0", (), 0]
    assert (known.verdict, known.reference is None) == (Verdict.UNRESOLVED, False)  # 1 - cos lost the digits
    assert str(known.note).startswith("float64 arithmetic keeps")
    report = judged(CANCELS, TINY)
    found = entries(report)["w0", (), 0]
    assert (report.verdict, report.exit_code) == (Verdict.UNRESOLVED, 3)
    assert found.note == f"the budget of {TINY} {REASON}"
    assert found.digits is not None
    assert found.digits < 6


@pytest.mark.slow
def test_what_a_budget_decides_a_larger_one_decides_alike() -> None:
    text = CANCELS + RIGHT + slip(RIGHT, "1.001")
    last: dict[Any, Any] = {}
    counts = []
    for budget in (TINY, 3_000, 10_000, 30_000, 300_000):
        report = judged(text, budget, wrt=["b0", "w0", "f0"])
        now: dict[Any, Any] = {key: (e.verdict, e.reference) for key, e in entries(report).items()}
        now |= {c.line: (c.verdict, None) for c in report.claims}
        known = {key: found for key, found in now.items() if found != (Verdict.UNRESOLVED, None)}
        assert last.items() <= known.items(), budget
        last = known
        counts.append(len(known))
    assert counts == sorted(counts)
    assert len(set(counts)) >= 3  # nothing, some, and all
    assert report.verdict is Verdict.WRONG
    assert report == judged(text, wrt=["b0", "w0", "f0"])


@pytest.mark.parametrize("budget", [TINY, 7_000])
def test_the_same_budget_gives_the_same_report(budget: int) -> None:
    model: Model = api.load(CANCELS + RIGHT)
    first, second = (api.check(model, budget=budget, wrt=["f0", "w0"], points=2) for _ in range(2))
    assert render([first], "json") == render([second], "json")


def with_a_wrong_sine(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = PRIMITIVES["sin"].vjp[0]
    exchanged(monkeypatch, "sin", vjp=(lambda *given: 1.01 * rule(*given),))


def test_two_methods_settle_a_dispute_with_the_third(monkeypatch: pytest.MonkeyPatch) -> None:
    with_a_wrong_sine(monkeypatch)
    report = judged(PLAIN, TINY)
    found = entries(report)["w0", (), 0]
    assert found.verdict is Verdict.WRONG
    assert "backprop stands alone: symbolic and finite differences give" in (found.note or "")
    assert "the vjp of sin (line 5)" in (found.note or "")
    assert entries(report)["w1", (), 0].verdict is Verdict.OK


def test_where_differences_see_too_little_none_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = PRIMITIVES["cos"].vjp[0]
    exchanged(monkeypatch, "cos", vjp=(lambda *given: 1.2 * rule(*given),))
    assert "backprop stands alone" in (entries(judged(CANCELS))["w0", (), 0].note or "")
    assert entries(judged(CANCELS, TINY))["w0", (), 0].verdict is Verdict.UNRESOLVED


def test_a_value_that_may_differ_is_not_called_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """SymPy's form of a value may cancel in float64: only high precision can say that it is another."""
    exchanged(monkeypatch, "sin", symbolic=lambda s, x: s.cos(x))
    assert judged(PLAIN).verdict is Verdict.WRONG
    report = judged(PLAIN, TINY)
    assert (report.verdict, report.exit_code) == (Verdict.UNRESOLVED, 3)
    assert report.value_note.endswith(f"on h1 (line 5) is not known: the budget of {TINY} {REASON}")


DETERMINANT = "seed 3\nparam A[9,9] ~ normal(0, 1)\nloss = log(det(A)^2)\n"


@pytest.mark.slow
def test_what_symbolic_does_not_see_is_left_to_two_methods() -> None:
    exact, rounded = judged(DETERMINANT), judged(DETERMINANT, TINY)
    assert exact.verdict is rounded.verdict is Verdict.OK
    assert any("finite differences and high precision remain" in note for note in exact.notes)
    assert any("backprop and finite differences remain" in note for note in rounded.notes)


# ---------------------------------------------------------------------------------------------
# Options and outputs
# ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_format_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.txt"
    path.write_text(CANCELS + slip(RIGHT, "1.001"))
    said = f"the budget of {TINY} {REASON}"
    shown = {}
    for name in ("table", "json", "csv"):
        assert cli.main(["run", str(path), "--format", name]) == 1
        assert "--budget" not in capsys.readouterr().out
        assert cli.main(["run", str(path), "--budget", str(TINY), "--format", name]) == 3
        shown[name] = capsys.readouterr().out
    assert said in " ".join(shown["table"].split())
    (report,) = json.loads(shown["json"])["reports"]
    assert report["claims"][0]["note"] == said
    assert report["notes"] == [f"{said}; what is ok from there on is right within rounding"]
    lines = list(csv.DictReader(io.StringIO(shown["csv"])))
    undecided = [line["diagnosis"] for line in lines if line["verdict"] == "UNRESOLVED"]
    assert len(undecided) > 4
    assert all(text.endswith(said) for text in undecided)
    assert lines[-1]["kind"] == "claim"


@pytest.mark.parametrize("text", ["0", "-5", "1.5", "1e-6", "many"])
def test_a_budget_is_a_whole_number(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "model.txt", "--budget", text]) == 2
    assert "--budget" in capsys.readouterr().err


def test_the_library_refuses_what_is_no_budget() -> None:
    with pytest.raises(OptionError, match="--budget must be 1 or more"):
        judged(PLAIN, 0)


def test_a_file_does_not_choose_its_own_budget() -> None:
    with pytest.raises(OptionError, match="budget"):
        api.load(f"set budget = 1000000000\n{PLAIN}")


def test_without_high_precision_a_pass_in_reverse_tells_all_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong is looked for among hundreds of derivatives: not by a pass for each."""
    model = api.load(chain(60) + "claim d loss/d w7 = 2*(f60 - y)\n")
    passes = []
    backward = backprop.derivative

    def counted(*arguments: Any, **options: Any) -> Any:
        passes.append(arguments[2])
        return backward(*arguments, **options)

    monkeypatch.setattr(backprop, "derivative", counted)
    report = api.check(model, budget=1, points=2)
    assert report.claims[0].diagnosis == "is d loss/d b60"
    assert len(passes) < 40


@pytest.mark.slow
def test_open_entries_are_told_at_the_end() -> None:
    report = api.check(api.load(chain(60)), budget=1)
    assert report.verdict is Verdict.UNRESOLVED
    (said,) = (s for s in report.closing if "UNRESOLVED" in s)
    assert said.endswith("entries are UNRESOLVED; why stands beside them.")
    assert not any("UNRESOLVED" in s for s in api.check(api.load(chain(60))).closing)


def test_a_model_without_claims_pays_for_none() -> None:
    report = api.check(api.load(PROJECT / "models" / "one_expression.txt"), budget=10)
    assert [note for note in report.notes if "budget" in note] == []
