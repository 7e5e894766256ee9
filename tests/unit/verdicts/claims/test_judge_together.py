"""Claims at ties: accepted if one choice of the units' slopes gives them all; also at random ties."""

from __future__ import annotations

import random

import numpy as np
import pytest

from claimed import judged_alone
from gradcheck_cli import ClaimResult, Restriction, Verdict, load

OK, KINK, WRONG = Verdict.OK, Verdict.KINK, Verdict.WRONG


def judged(model: str, *claims: str, strict: bool = False) -> list[ClaimResult]:
    return judged_alone(load(model + "".join(f"claim {claim}\n" for claim in claims)), strict=strict)


def verdicts(model: str, *claims: str, strict: bool = False) -> list[Verdict]:
    return [claim.verdict for claim in judged(model, *claims, strict=strict)]


LARGEST = "param w[4] = [2, -1, 2, 2]\nloss = 3*max(w) + w[1]\n"


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        ("[1.5, 1.0, 0.0, 1.5]", KINK), ("[3.0, 1.0, 0.0, 0.0]", KINK), ("[1.0, 1.0, 1.0, 1.0]", KINK),
        ("[3.0, 1.0, 3.0, 3.0]", WRONG), ("[0.0, 1.0, 0.0, 0.0]", WRONG), ("[1.5, 1.0, 0.0, 1.0]", WRONG),
        ("[4.0, 1.0, -1.0, 0.0]", WRONG), ("[1.5, 2.0, 0.0, 1.5]", WRONG),
    ],
)  # fmt: skip
def test_weights_of_a_tie_add_up_to_one(numbers: str, verdict: Verdict) -> None:
    assert verdicts(LARGEST, f"d loss/d w = {numbers}") == [verdict]
    assert verdicts(LARGEST.replace("max(w)", "(0 - min(-w))"), f"d loss/d w = {numbers}") == [verdict]


def test_the_message_gives_a_direction_and_its_slope() -> None:
    (claim,) = judged("param x[3] = [2, 2, 1]\nloss = max(x)\n", "d loss/d x = [1.0, 1.0, 0.0]")
    told = "no one choice of slopes at the kinks gives all its entries"
    whose = "as pytensor gives it at a tie of max"
    assert claim.note == f"{told}: along (1,1,0) the slope is 1, yours says 2; {whose}"
    (claim,) = judged("param x[2] = [0, 0]\nloss = 2*norm(x)\n", "d loss/d x = [1.5, 1.5]")
    assert claim.note == f"{told}: along (1,1) the slope lies between -2.82843 and 2.82843, yours says 3"


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        ("[1.2, -1.6]", KINK), ("[0.0, 0.0]", KINK), ("[1.4142, 1.4142]", KINK), ("[-2.0, 0.0]", KINK),
        ("[1.5, 1.5]", WRONG), ("[2.0, 2.0]", WRONG), ("[1.42, -1.42]", WRONG), ("[2.1, 0.0]", WRONG),
    ],
)  # fmt: skip
def test_a_norm_of_nothing_has_the_ball(numbers: str, verdict: Verdict) -> None:
    assert verdicts("param u[2] = [0, 0]\nloss = 2*norm(u)\n", f"d loss/d u = {numbers}") == [verdict]


def test_norms_along_an_axis_have_a_ball_each() -> None:
    model = "param A[2,2] = [[0, 0], [3, 4]]\nloss = sum(norm(A, axis=1))\n"
    assert verdicts(model, "d loss/d A = [[0.6, 0.8], [0.6, 0.8]]") == [KINK]
    assert verdicts(model, "d loss/d A = [[0.8, 0.8], [0.6, 0.8]]") == [WRONG]


def test_claims_of_several_names_are_judged_together() -> None:
    model = "param a = 1.5, b = 1.5, c = 2\nloss = c*max(a, b) + c^2\n"
    right, wrong = ("d loss/d a = 0.5", "d loss/d b = 1.5"), ("d loss/d a = 0.0", "d loss/d b = 0.0")
    assert verdicts(model, *right, "d loss/d c = max(a, b) + 2*c") == [KINK, KINK, OK]
    found = judged(model, *wrong, "d loss/d c = max(a, b) + 2*c")
    assert [claim.verdict for claim in found] == [WRONG, WRONG, OK]
    said = "no one choice of slopes at the kinks gives this and line {}: along (a, b) = (1,1) the slope is 2"
    assert [claim.note for claim in found[:2]] == [
        said.format(4) + ", yours say 0; as mygrad gives it at max(a, a)",
        said.format(3) + ", yours say 0; as mygrad gives it at max(a, a)",
    ]  # fmt: skip
    assert verdicts(model, wrong[0]) == [KINK]  # by itself
    assert verdicts(model, "d loss/d a = c*(a > b)", "d loss/d b = c*(b > a)") == [WRONG, WRONG]
    assert verdicts(model, "d loss/d a = c*(a > b)", "d loss/d b = c*(b >= a)") == [KINK, KINK]


def test_only_claims_that_contradict_one_another_are_wrong() -> None:
    model = "param a = 0, b = 0, u = 1, v = 1\nloss = relu(a) + abs(b) + max(u, v)\n"
    claims = ("d loss/d a = 0.5", "d loss/d b = -1.0", "d loss/d u = 1.0", "d loss/d v = 1.0")
    assert verdicts(model, *claims) == [KINK, KINK, WRONG, WRONG]


def test_one_unit_has_the_same_slope_in_all_derivatives() -> None:
    model = "param w = 0, x = 2\nh = relu(w*x)\nloss = 3*h\n"
    assert verdicts(model, "d h/d w = 2.0", "d loss/d w = 6.0") == [KINK, KINK]
    assert verdicts(model, "d h/d w = 2.0", "d loss/d w = 0.0") == [WRONG, WRONG]
    assert verdicts(model, "d h/d w = 1.0", "d loss/d w = 3.0", "d loss/d w = 3*d h/d w")[:2] == [KINK, KINK]


def test_a_relation_between_derivatives_holds_for_every_choice() -> None:
    model = "data x[2] = [1, -2]\nparam W[2,2] = [[2, 1], [1, 1]]\nf = W @ x\nh = relu(f)\nloss = sum(h)\n"
    chain = ("d loss/d f = [1.0, 0.0]", "d loss/d W = outer(d loss/d f, x)")
    assert verdicts(model, *chain) == [KINK, KINK]
    assert verdicts(model, chain[0], "d loss/d W = [[1.0, -2.0], [0.0, 0.0]]") == [KINK, KINK]
    assert verdicts(model, chain[0], "d loss/d W = [[0.0, 0.0], [0.0, 0.0]]") == [WRONG, WRONG]
    assert verdicts(model, chain[0], "d loss/d W = outer(d loss/d f, 2*x)")[1] is WRONG


@pytest.mark.parametrize("name", ["max", "min"])
def test_the_rule_that_is_printed_for_max_holds_at_ties(name: str) -> None:
    from gradcheck_cli.formulas.function_table import derivative_text
    from gradcheck_cli.model.primitives.table import PRIMITIVES

    rule = derivative_text(PRIMITIVES[name])
    assert rule.count("*g") == 1
    for values in ("[2, 2, 2]", "[2, 1, 2]", "[1, 2, 3]"):
        model = f"param x[3] = {values}\nloss = {name}(x)\n"
        assert verdicts(model, f"d loss/d x = {rule.replace('*g', '')}")[0] in (OK, KINK)
        tied = values != "[1, 2, 3]"
        without = f"d loss/d x = {rule.partition('*g')[0]}"
        assert verdicts(model, without)[0] is (WRONG if "2, 2" in values or (name == "max" and tied) else OK)


def test_branches_of_a_comparison_are_mixed_in_one_way() -> None:
    model = "param a[2] = [1, 1]\nloss = where(a[0] >= a[1], 2*a[0] + a[1], a[0] + 2*a[1])\n"
    for numbers in ("[2.0, 1.0]", "[1.0, 2.0]", "[1.5, 1.5]"):
        assert verdicts(model, f"d loss/d a = {numbers}") == [KINK], numbers
    for numbers in ("[2.0, 2.0]", "[1.0, 1.0]"):
        assert verdicts(model, f"d loss/d a = {numbers}") == [WRONG], numbers


def test_rows_have_units_of_their_own() -> None:
    model = "rows x = [1, 2, -1]\nparam w = 0, b = 0\nh = relu(w*x + b)\nloss = sum_rows(h)\n"
    assert verdicts(model, "d loss/d w = 2.0", "d loss/d b = 2.0") == [KINK, KINK]  # slopes 1, 0.5 and 0.5...
    assert verdicts(model, "d loss/d w = 3.0", "d loss/d b = 2.0") == [KINK, KINK]  # the first two
    assert verdicts(model, "d loss/d w = 3.0", "d loss/d b = 1.0") == [WRONG, WRONG]
    assert verdicts(model, "d loss/d w = 3.5", "d loss/d b = 2.0")[0] is WRONG
    assert verdicts(model, "d h/d b = [1.0, 0.0, 0.5]", "d loss/d b = 1.5") == [KINK, KINK]
    assert verdicts(model, "d h/d b = [1.0, 0.0, 0.5]", "d loss/d b = 2.5") == [WRONG, WRONG]


def test_units_behind_units_are_judged_entry_by_entry() -> None:
    model = "param a = 0, b = 0\nloss = relu(relu(a) + relu(b))\n"
    found = judged(model, "d loss/d a = 1.0", "d loss/d b = 0.0")
    assert [claim.verdict for claim in found] == [KINK, KINK]
    assert "each entry was judged by itself" in (found[0].note or "")
    assert verdicts(model, "d loss/d a = 1.5") == [WRONG]
    assert verdicts(model, "d loss/d a = -0.5") == [WRONG]


def test_comparisons_behind_comparisons_may_come_out_in_any_way() -> None:
    """Which of four combinations gives most is none of those with one outcome high, or all."""
    model = """param a = 0, b = 0
s = where(b > 0, 2*b + a, a - b)
u = where(s >= 0, 2*s + b, b - s)
v = min(u, b)
w = where(v >= 0, 2*v + u, u - v)
loss = 3*w + 2*v
"""
    assert WRONG not in verdicts(model, "d loss/d a = -6.5", "d loss/d b = -6.5")
    assert verdicts(model, "d loss/d a = 99.5") == [WRONG]


def test_a_step_on_its_kink_is_moved_as_a_whole() -> None:
    model = "param a = 0\nh = relu(a)\ng = abs(h)\nloss = g + 2*h\n"
    assert verdicts(model, "d loss/d h = 1.0") == [KINK]
    assert verdicts(model, "d loss/d h = 3.5") == [WRONG]


def test_conventions_outside_the_slopes_are_refused_by_strict_alone() -> None:
    """A program with relu'(0) = 1 prints 1 + 1 for relu(a) - relu(-a)."""
    model = "param a = 0\nloss = relu(a) - relu(-a) + relu(2*a)\n"
    (claim,) = judged(model, "d loss/d a = 4.0")
    assert (claim.verdict, claim.only) == (KINK, (Restriction.CONVENTION,))
    assert verdicts(model, "d loss/d a = 4.0", strict=True) == [WRONG]
    assert verdicts(model, "d loss/d a = 4.5") == [WRONG]


def test_many_units_at_once() -> None:
    model = "param v[100] = 0\nloss = sum(abs(v)) + max(v)\n"
    assert verdicts(model, "d loss/d v = concat(ones(99) - 0.5, [0.5]) + 1/100") == [KINK]
    assert verdicts(model, "d loss/d v = concat(ones(99) - 0.5, [0.5]) + 1/20") == [KINK]  # abs makes up
    assert verdicts(model, "d loss/d v = ones(100) + 1/20") == [WRONG]


# ---------------------------------------------------------------------------------------------
# Random ties; the oracle knows the slopes that it chose
# ---------------------------------------------------------------------------------------------


class Ties:
    """A sum of units on their kinks over a few numbers, as text, with its derivative for chosen slopes."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.size = self.random.randint(2, 4)
        self.point = [self.random.randint(-2, 2) for _ in range(self.size)]
        self.terms: list[str] = []
        self.columns: list[np.ndarray] = []
        self.inside: list[float] = []
        self.outside: list[float] = []
        for _ in range(self.random.randint(1, 4)):
            getattr(self, self.random.choice(["relu", "abs", "largest", "where", "norm"]))()

    def line(self) -> tuple[str, np.ndarray]:
        """A linear function that is 0 at the point."""
        weights = [self.random.choice([-2, -1, 1, 2]) for _ in range(self.size)]
        shift = -sum(w * x for w, x in zip(weights, self.point, strict=True))
        text = " + ".join(f"({w})*v[{k}]" for k, w in enumerate(weights))
        return f"({text} + ({shift}))", np.array(weights, dtype=float)

    def add(self, text: str, rows: list[np.ndarray], inside: list[float], outside: list[float]) -> None:
        weight = self.random.choice([-2, -1, 1, 3])
        self.terms.append(f"({weight})*{text}")
        self.columns += [weight * row for row in rows]
        self.inside += inside
        self.outside += outside

    def relu(self) -> None:
        text, row = self.line()
        self.add(f"relu{text}", [row], [self.random.randint(0, 4) / 4], [self.random.choice([-0.25, 1.25])])

    def abs(self) -> None:
        text, row = self.line()
        self.add(f"abs{text}", [row], [self.random.randint(-4, 4) / 4], [self.random.choice([-1.5, 1.25])])

    def where(self) -> None:
        text, row = self.line()
        self.add(f"where({text} >= 0, 2*{text}, {text}/2)", [row], [self.random.choice([0.5, 1, 2])], [2.5])

    def largest(self) -> None:
        parts = [self.line() for _ in range(2)]
        weight = self.random.randint(0, 4) / 4
        texts, rows = ", ".join(text for text, _ in parts), [row for _, row in parts]
        self.add(f"max({texts})", rows, [weight, 1 - weight], [weight + 0.5, 1 - weight])

    def norm(self) -> None:
        parts = [self.line() for _ in range(2)]
        texts, rows = ", ".join(text for text, _ in parts), [row for _, row in parts]
        self.add(f"norm([{texts}])", rows, [0.6, -0.8], [0.75, -0.75])

    def verdict(self, slopes: list[float]) -> Verdict:
        numbers = np.array(self.columns).T @ np.array(slopes)
        claim = f"claim d loss/d v = [{', '.join(f'{x:.12f}' for x in numbers)}]\n"
        model = f"param v[{self.size}] = {self.point}\nloss = {' + '.join(self.terms)}\n"
        return judged_alone(load(model + claim))[0].verdict

    @property
    def tells(self) -> bool:
        """Whether only one choice of slopes gives a derivative."""
        return bool(np.linalg.matrix_rank(np.array(self.columns)) == len(self.columns))


MORE = [pytest.param(seed, marks=pytest.mark.slow) for seed in range(8, 14)]


@pytest.mark.parametrize("seed", [*range(8), *MORE])
def test_random_ties(seed: int) -> None:
    ties = Ties(seed)
    assert ties.verdict(ties.inside) in (OK, KINK)
    if ties.tells:
        assert ties.verdict(ties.outside) is WRONG


NESTED = "param p = 2, w = 2, v = 0.5\nh = where(p >= p, p, w)\nloss = where(h >= h, {}, v)\n"


@pytest.mark.parametrize(("number", "verdict"), [("1", OK), ("0", WRONG), ("0.5", WRONG)])
def test_comparisons_that_stand_behind_others_do_not_hide_the_derivative(
    number: str, verdict: Verdict
) -> None:
    assert verdicts(NESTED.format("h"), f"d loss/d p = {number}") == [verdict]


@pytest.mark.parametrize(("number", "verdict"), [("0.5", KINK), ("1.5", WRONG)])
def test_sides_that_depend_on_a_comparison_are_those_of_the_function(number: str, verdict: Verdict) -> None:
    text = "param p = 2, q = 2, z = 0\nloss = where(p >= q, relu(z), -relu(z))\n"
    assert verdicts(text, f"d loss/d z = {number}") == [verdict]
