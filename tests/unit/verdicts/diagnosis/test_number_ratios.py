"""WRONG numbers: what they are instead, and which mistake they share."""

from __future__ import annotations

import pytest

from gradcheck_cli import api
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict

CHAIN = """data x = 0.5, y = 0.3
param a = 0.7, b = 1.2, c = -0.4
f0 = a*x
h1 = sin(f0)
f1 = b*h1
h2 = cos(f1)
f2 = c*h2
loss = (f2 - y)^2
"""
RIGHT = {
    "f2": -1.333224743300, "h2": 0.533289897320, "f1": -0.2132966636, "h1": -0.2559559963,
    "a": -0.1202190393, "b": -0.07313895829, "c": -1.221941713,
}  # fmt: skip


def judged(numbers: dict[str, float | str], **options: object) -> dict[str, ClaimResult]:
    lines = (f"claim d loss/d {name} = {value}\n" for name, value in numbers.items())
    report = api.check(api.load(CHAIN + "".join(lines)), **{"points": 2, **options})  # type: ignore[arg-type]
    return {claim.by: claim for claim in report.claims}


def test_the_numbers_of_the_chain_are_right() -> None:
    assert {c.verdict for c in judged(dict(RIGHT)).values()} == {Verdict.OK}


def test_the_first_wrong_number_is_named_and_the_others_inherit_it() -> None:
    wrong = RIGHT | {name: -RIGHT[name] for name in ("f1", "h1", "a", "b")}  # the minus of -sin(f1)
    found = judged(dict(wrong))
    assert (found["f1"].where, found["f1"].inherited) == ("h2", 2)
    assert found["f1"].diagnosis == "has the wrong sign"
    for name in ("h1", "a", "b"):
        said = "off by the same factor as d loss/d f1 (line 11), which it passes through"
        assert (found[name].note, found[name].diagnosis) == (said, None)


def test_numbers_that_are_off_by_factors_of_their_own_inherit_nothing() -> None:
    wrong = RIGHT | {"f1": -RIGHT["f1"], "a": 2 * RIGHT["a"]}
    found = judged(dict(wrong))
    assert found["a"].note == "passes through d loss/d f1 (line 11), which is wrong already"
    assert (found["a"].where, found["a"].inherited) == (None, 0)
    assert found["a"].diagnosis == "is 2 times the true value"


def test_parameters_alone_tell_through_which_step_the_mistake_comes() -> None:
    found = judged({"a": -RIGHT["a"], "b": -RIGHT["b"], "c": RIGHT["c"]})
    for name in ("a", "b"):
        assert found[name].note == "a and b are off by one factor, and all pass through d loss/d f1 (line 5)"
    other = judged({"a": -RIGHT["a"], "b": RIGHT["b"], "c": -RIGHT["c"]})  # b would have it too
    assert {other[name].note for name in "ac"} == {None}


@pytest.mark.parametrize(
    ("name", "number", "said"),
    [
        ("c", -RIGHT["c"], "has the wrong sign"),
        ("c", RIGHT["c"] / 2, "is 1/2 times the true value"),
        ("c", RIGHT["f2"], "misses the factor h2"),
        ("a", RIGHT["a"] / 0.5, "is 2 times the true value"),
        ("a", RIGHT["a"] * 0.7, "has the factor a once too often"),
        ("b", RIGHT["a"], "is d loss/d a"),
        ("c", RIGHT["c"] * 1.0001, None),
        ("c", RIGHT["c"] * 1.37, None),
    ],
)
def test_what_one_number_is_instead(name: str, number: float, said: str | None) -> None:
    found = judged(dict(RIGHT) | {name: f"{number:.10g}"})
    assert found[name].verdict is Verdict.WRONG
    assert found[name].diagnosis == said


def test_few_digits_explain_nothing() -> None:
    assert judged({"c": "1.222"})["c"].diagnosis is None
    assert judged({"c": "1.2219"})["c"].diagnosis == "has the wrong sign"


def test_hints() -> None:
    wrong = {"f2": RIGHT["f2"], "h2": RIGHT["h2"], "f1": -RIGHT["f1"], "a": -RIGHT["a"]}
    none, where, kind = (judged(dict(wrong), hint=h) for h in ("none", "where", "kind"))
    assert (none["f1"].where, none["f1"].diagnosis, none["a"].note) == (None, None, None)
    assert (where["f1"].where, where["f1"].diagnosis) == ("h2", None)
    assert kind["f1"].diagnosis == "has the wrong sign"
    assert all(found["f1"].verdict is Verdict.WRONG for found in (none, where, kind))


def test_the_number_of_rows() -> None:
    model = "rows x = [1, 2, 3, 4, 5]\nparam w = 0.7\nloss = mean_rows(sin(w*x))\n"
    truth = api.check(api.load(model)).parameters[0].entries[0].backprop
    assert truth is not None
    (claim,) = api.check(api.load(f"{model}claim d loss/d w = {5 * truth:.12g}\n")).claims
    assert claim.diagnosis == "is 5 (the number of rows) times the true value"
