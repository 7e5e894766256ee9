"""The adversary: its grammar holds the whole language, its oracle knows slopes, and it sees what is wrong."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from build import exchanged, one_of, part_of
from gradcheck_cli import Verdict, check, load
from gradcheck_cli.model.primitives.table import PRIMITIVES
from paths import PROJECT

sys.path.insert(0, str(PROJECT / "benchmarks"))

import adversary
from adversary_assumed import assumed
from adversary_axes import Labels
from adversary_claims import AT_A_KINK, KINDS, NO_NUMBER, NOT_OK, RIGHT, Recipe, claims_of
from adversary_matrices import OPERATIONS
from adversary_problems import Author, Input, Problem
from adversary_trees import C, Tree, apply, name, number

X, Y = name("p0"), name("p1")


def problem(loss: Tree, *values: object, recipes: tuple[Recipe, ...] = (), **steps: Tree) -> Problem:
    inputs = {f"p{k}": Input("param", v) for k, v in enumerate(values)}
    return Problem(inputs, {**steps, "loss": loss}, recipes)


def near(found: object, true: object) -> bool:
    return found == true or abs(found - true) < C.mpf("1e-240")


def test_every_function_of_the_language_occurs() -> None:
    covered = {primitive for operation in OPERATIONS.values() for primitive in operation.covers}
    assert covered == set(PRIMITIVES)


def test_slopes_are_known_to_hundreds_of_digits() -> None:
    (slope,) = problem(apply("sin", X), "0.3").slopes("p0").values()
    assert slope.is_smooth
    assert abs(slope.right - C.cos(C.mpf("0.3"))) < C.mpf("1e-240")


@pytest.mark.parametrize(("operation", "value", "left", "right"), [
    ("abs", "0", -1, 1), ("relu", "0", 0, 1), ("kink beside", "0.3", -1, 1), ("kink by steps", "0.3", 0, 1),
    ("two sides", "0", 1, 1), ("three halves", "0", None, 0), ("sqrt", "0", None, C.inf),
    ("root of square", "0", -1, 1), ("where continuous", "0", C.mpf("0.5"), 1), ("gt", "0", 0, 0),
])  # fmt: skip
def test_kinks_and_borders(operation: str, value: str, left: object, right: object) -> None:
    arguments = (X, number("1"))[: 2 if operation == "gt" else 1]
    (slope,) = problem(apply(operation, *arguments), value).slopes("p0").values()
    assert near(slope.left, left)
    assert near(slope.right, right)


def test_rows_are_added() -> None:
    rows = Problem(
        {"p0": Input("param", "2"), "x": Input("rows", ["1", "3"])},
        {"s0": apply("mul", X, name("x", (), True)), "loss": apply("mean_rows", name("s0", (), True))},
    )
    assert [near(s.right, 2) for s in rows.slopes("p0").values()] == [True]
    assert [near(s.right, C.mpf("0.5")) for s in rows.slopes("s0").values()] == [True] * 2


_RULED = [
    o for o, made in OPERATIONS.items()
    if made.entrywise and made.rules and any(made.rules) and o not in ("plus ones", "sum_rows", "mean_rows")
]  # fmt: skip


@pytest.mark.parametrize("operation", one_of(2, part_of(_RULED, 3)))
def test_its_formulas_are_right_claims(operation: str) -> None:
    """Of every function, at a place where it is smooth; a thousandth more is WRONG."""
    leaves = (X, Y, name("p2"), name("p3"))
    count = len({part[0] for part in OPERATIONS[operation].form.split("{")[1:]})
    loss = apply(operation, *leaves[:count])
    by = "p0" if (OPERATIONS[operation].rules or ())[0] else "p2"
    first = {"log1mexp": "-0.7", "acosh": "1.7", "mod": "0.9"}.get(operation, "0.7")
    made = problem(loss, *(first, "1.3", "0.9", "-0.4")[:count], recipes=(Recipe("formula", by, 1),))
    (claim,) = claims_of(made)
    assert claim.mistakes == RIGHT
    assert adversary.failure(made) is None


@pytest.mark.parametrize(("recipe", "mistakes"), [
    (Recipe("numbers", "p0", 1), RIGHT), (Recipe("mutated", "p0", 1), NO_NUMBER),
    (Recipe("rounded", "p0", 2), RIGHT), (Recipe("whole", "p0", 1), NO_NUMBER),
    (Recipe("circle", "p0", 1), NOT_OK), (Recipe("slip", "p0", 2), NO_NUMBER),
])  # fmt: skip
def test_claims_at_a_smooth_place(recipe: Recipe, mistakes: Mapping[str, str]) -> None:
    made = problem(apply("sin", apply("square", X)), "0.3", recipes=(recipe,))
    assert [set(c.mistakes) for c in claims_of(made)] == [set(mistakes)]
    assert adversary.failure(made) is None


@pytest.mark.parametrize(("operation", "value", "kind", "mistakes"), [
    ("relu", "0", "kink", AT_A_KINK), ("relu", "0", "outside", NO_NUMBER), ("sqrt", "0", "border", NO_NUMBER),
])  # fmt: skip
def test_claims_where_there_is_no_derivative(
    operation: str, value: str, kind: str, mistakes: object
) -> None:
    made = problem(apply(operation, X), value, recipes=(Recipe(kind, "p0", 1),))
    assert [c.mistakes for c in claims_of(made)] == [mistakes]
    assert adversary.failure(made) is None


@pytest.mark.parametrize(("operation", "shape", "values"), [
    ("concat", (2,), (["0.3", "0.4"], ["1.5", "-0.4"])),
    ("concat", (1, 2), ([["0.3", "0.4"]], [["1.5", "-0.4"]])), ("[0:2]", (3,), (["0.3", "0.4", "2"],)),
    ("[0,:]", (2, 2), ([["0.3", "0.4"], ["1", "2"]],)), ("[:,0]", (2, 2), ([["0.3", "0.4"], ["1", "2"]],)),
    ("concat1", (2, 2), ([["0.3", "0.4"], ["1", "2"]], [["1.5", "3"], ["1", "-2"]])),
])  # fmt: skip
def test_rules_that_take_entries(operation: str, shape: tuple[int, ...], values: tuple[object, ...]) -> None:
    leaves = [name(f"p{k}", shape) for k in range(len(values))]
    bent = apply("sum", apply("sin", apply(operation, *leaves)))
    recipes = tuple(Recipe("formula", f"p{k}", 1) for k in range(len(values)))
    made = problem(bent, *values, recipes=recipes)
    assert [c.mistakes for c in claims_of(made)] == [RIGHT] * len(values)
    assert adversary.failure(made) is None


def test_a_mean_over_rows_divides_by_their_number() -> None:
    inputs = {"p0": Input("param", "2"), "x": Input("rows", ["1", "3"])}
    steps = {"s0": apply("mul", X, name("x", (), True)), "loss": apply("mean_rows", name("s0", (), True))}
    made = Problem(inputs, steps, (Recipe("formula", "p0", 1), Recipe("slip", "p0", 3)))
    assert [c.mistakes for c in claims_of(made)] == [RIGHT, NO_NUMBER]
    assert adversary.failure(made) is None


@pytest.mark.parametrize(("operation", "values"), [
    ("order 201", [[["0.3", "1.4"], ["0.5", "2"]]]), ("apart", [["0.3", "1.4"], ["0.5", "2"]]),
    ("as one", [[["0.3", "1.4"], ["0.5", "2"]]]),
])  # fmt: skip
def test_rules_of_arrays_of_three_axes(operation: str, values: object) -> None:
    given = Input("param", values)
    loss = apply("sum", apply("sin", apply(operation, name("p0", given.shape))))
    made = problem(loss, values, recipes=(Recipe("formula", "p0", 1), Recipe("numbers", "p0", 1)))
    assert [c.mistakes for c in claims_of(made)] == [RIGHT, RIGHT]
    assert adversary.failure(made) is None


@pytest.mark.parametrize("wrong", [True, False])
def test_labels_choose_entries_and_what_is_chosen_twice_adds_up(wrong: bool) -> None:
    inputs = {"p0": Input("param", ["0.3", "1.4", "2"]), "y": Input("data", ["2", "0", "2"], "in 0 to 2", 3)}
    chosen = apply("chosen", name("p0", (3,)), name("y", Labels.of((3,), 3)))
    steps = {"s0": chosen, "loss": apply("sum", apply("sin", name("s0", (3,))))}
    made = Problem(inputs, steps, (Recipe("mutated" if wrong else "formula", "p0", 1),))
    (claim,) = claims_of(made)
    assert set(claim.mistakes) == set(NO_NUMBER if wrong else RIGHT)
    assert wrong or "one_hot(y, 3)" in claim.line
    assert "data y[3] in 0 to 2 = [2, 0, 2]" in adversary.text_of(made)
    assert adversary.failure(made) is None


def test_values_keep_what_is_assumed_of_them() -> None:
    draw = random.Random(1)
    found = {s: [assumed(s, draw) for _ in range(30)] for s in [(), (2,), (3,), (2, 2), (3, 3)]}
    words = {word for made in found.values() for word, _ in filter(None, made)}
    assert len(words) == 9
    lines = {Input("data", values, word).written("t") for made in found.values() for word, values in made}
    for line in lines:
        assert load(f"{line}\nparam w = 2\ns = t\nloss = w^2\n")


def test_loops_inside_loops_have_letters_of_their_own() -> None:
    nested = apply("power sum", apply("power sum", X))
    text = adversary.text_of(problem(nested, "0.3"))
    assert "sum(i1 = 1 to 3: i1*(sum(i = 1 to 3: i*(p0)^i))^i1)" in text
    assert adversary.failure(problem(nested, "0.3")) is None


def test_files_hold_claims() -> None:
    made = [
        c
        for seed in range(40)
        for c in claims_of(problem(apply("sin", X), "0.3", recipes=(Recipe("file", "p0", seed),)))
    ]
    assert {Path(c.line.split('"')[1]).suffix for c in made} == {".npy", ".csv"}
    assert [c.mistakes for c in made if set(c.mistakes) not in (set(RIGHT), set(NO_NUMBER))] == []
    assert {"WRONG" in c.mistakes for c in made} == {True, False}


def test_a_report_with_an_undecided_claim_is_not_ok() -> None:
    circle = problem(apply("sin", X), "0.3", recipes=(Recipe("circle", "p0", 1),))
    assert adversary.failure(circle) is None
    report = check(load(adversary.text_of(circle)))
    assert adversary.misjudged_report(report) is None
    found = adversary.misjudged_report(replace(report, verdict=Verdict.OK))
    assert found is not None
    assert found[0] == "undecided ok"


def test_ties_are_claimed_together() -> None:
    tied = problem(apply("largest", name("p0", (3,))), ["1", "1", "0.5"])
    seeds = range(8)
    lines = {c.line for s in seeds for c in Recipe("jointly", "p0", s).claims(tied)}
    tops = {tuple(float(x) for x in line.partition("= [")[2].strip("]").split(", ")) for line in lines}
    assert tops == {(1, 1, 0), (0, 0, 0)}


@pytest.mark.slow
def test_every_kind_of_claim_is_drawn() -> None:
    drawn = set()
    for seed in range(200):
        author = Author(seed)
        made = adversary.with_claims(author.problem(), author.random)
        drawn |= {recipe.kind for recipe in made.recipes}
        if drawn >= set(KINDS):
            break
    assert drawn == set(KINDS)


@pytest.mark.parametrize("wrong", [lambda rule: lambda *given: 1.001 * rule(*given)])
def test_a_wrong_rule_is_a_failure(monkeypatch: pytest.MonkeyPatch, wrong: Callable[..., object]) -> None:
    rule = PRIMITIVES["sin"].vjp[0]
    assert rule is not None
    exchanged(monkeypatch, "sin", vjp=(wrong(rule),))
    made = problem(apply("mul", apply("sin", X), Y), "0.3", "2")
    found = adversary.failure(made)
    assert found is not None
    assert found[0] == "right column blamed"
    small = adversary.minimized(made, found[0])
    assert adversary.text_of(small).endswith("loss = sin(p0)\n")


def test_a_few_random_models() -> None:
    outcome = adversary.examine_many(range(4, 10), show=3, extreme=0)
    assert not outcome.failures


@pytest.mark.slow
def test_more_random_models() -> None:
    outcome = adversary.examine_many(range(1_000, 1_012), show=3, extreme=0)
    assert not outcome.failures
