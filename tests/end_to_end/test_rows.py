"""Models over many rows, against plain numpy: sums, gradients, per-row steps; blocks do not show."""

from __future__ import annotations

import math
import tracemalloc
from functools import partial
from typing import Any

import numpy as np
import pytest

from build import Sheet
from gradcheck_cli import api
from gradcheck_cli.derivatives import backprop, symbolic
from gradcheck_cli.derivatives.finite_differences import differences
from gradcheck_cli.derivatives.finite_differences.drivers import by_entry, perturbed_inputs
from gradcheck_cli.evaluation import perturbed_pass
from gradcheck_cli.evaluation import tape as tapes
from gradcheck_cli.evaluation.tape import Tape, forward_pass
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.evaluation import EvaluationLimits
from gradcheck_cli.numerics.limits.finite_differences import DEFAULTS
from gradcheck_cli.numerics.limits.symbolic import SymbolicLimits
from gradcheck_cli.reference.referee import Referee

MANY = 20_000  # more than the 16,384 rows of one block
EXTRAPOLATED = by_entry.scheme_by_name("extrapolated")
ULP = 2.0**-52
USUAL = EvaluationLimits()


def logistic(rows: int, seed: int = 3) -> tuple[Model, dict[str, np.ndarray]]:
    """f = x @ w + b per row; l = softplus(f) - y*f; loss = sum_rows(l)/rows + |w|^2/100."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 3))
    y = (random.uniform(size=rows) > 0.4).astype(float)
    w, b = np.array([0.3, -0.7, 1.1]), 0.2
    sheet = Sheet(rows)
    nodes = {"x": sheet.per_row("x", x), "y": sheet.per_row("y", y)}
    nodes |= {"w": sheet.param("w", w), "b": sheet.param("b", b)}
    f = sheet.step("f", sheet("add", sheet("dot", nodes["x"], nodes["w"]), nodes["b"]))
    each = sheet.step("each", sheet("sub", sheet("softplus", f), sheet("mul", nodes["y"], f)))
    mean = sheet.step("mean", sheet("mean_rows", each))
    size = sheet.step("size", sheet("div", sheet("dot", nodes["w"], nodes["w"]), 100.0))
    sheet.step("loss", sheet("add", mean, size))
    return sheet.model(), {"x": x, "y": y, "w": w, "b": np.array(b)}


def by_numpy(v: dict[str, np.ndarray]) -> dict[str, Any]:
    """Values and gradients as one would write them down; sums exactly rounded."""
    f = v["x"] @ v["w"] + v["b"]
    p = 1 / (1 + np.exp(-f))
    each = np.logaddexp(0, f) - v["y"] * f
    rows = len(f)
    loss = math.fsum(each) / rows + v["w"] @ v["w"] / 100
    slope = (p - v["y"]) / rows
    return {
        "f": f, "each": each, "loss": loss, "d_f": slope, "d_each": np.full(rows, 1 / rows),
        "d_b": math.fsum(slope),
        "d_w": np.array([math.fsum(slope * v["x"][:, k]) for k in range(3)]) + v["w"] / 50,
        "d_x": slope[:, None] * v["w"], "p": p,
    }  # fmt: skip


def near(found: Any, expected: Any, terms: int = 1) -> bool:
    """Equal but for rounding: |f| < 5 enters everywhere, some 30 operations a row, and pairwise sums
    of `terms` numbers of size at most 1, whose errors grow like their square root."""
    scale = np.maximum(np.abs(expected), 1.0)
    allowed = (30 + 4 * math.sqrt(terms)) * ULP * scale + 1e-300
    return bool(np.all(np.abs(np.asarray(found) - expected) <= allowed))


@pytest.mark.parametrize("rows", [1, 7, MANY])
def test_values_and_gradients_are_those_of_numpy(rows: int) -> None:
    model, values = logistic(rows)
    expected, tape = by_numpy(values), forward_pass(model)
    assert tape.block_count == (2 if rows == MANY else 1)
    assert tape.value("f").shape == (rows,)
    assert np.allclose(tape.value("f"), expected["f"], rtol=0, atol=10 * ULP * 5)  # |x_k w_k| < 5
    assert near(tape.loss, expected["loss"])
    program = symbolic.lower(model)
    names = ["w", "b"]
    for found in (
        backprop.derivative(model, tape, "loss", names),
        symbolic.derivative(program, model.point(), "loss", names),
    ):
        assert near(found["w"], expected["d_w"], rows)
        assert near(found["b"], expected["d_b"], rows)


@pytest.mark.parametrize("rows", [1, 7, MANY])
def test_per_row_names_and_steps_have_one_derivative_per_row(rows: int) -> None:
    model, values = logistic(rows)
    expected, tape = by_numpy(values), forward_pass(model)
    program, names = symbolic.lower(model), ["f", "each", "x"]
    # f of size 5 has 5 ulp of absolute rounding, which p and p - y feel
    for found in (
        backprop.derivative(model, tape, "loss", names),
        symbolic.derivative(program, model.point(), "loss", names),
    ):
        for name in names:
            assert found[name].shape == expected[f"d_{name}"].shape
            assert np.allclose(found[name], expected[f"d_{name}"], rtol=0, atol=60 * ULP / rows)


@pytest.mark.parametrize("rows", [1, 7, MANY])
def test_a_per_row_step_by_anything(rows: int) -> None:
    model, values = logistic(rows)
    expected, tape = by_numpy(values), forward_pass(model)
    slope = expected["p"] - values["y"]
    right = {"w": slope[:, None] * values["x"], "b": slope, "f": slope, "x": slope[:, None] * values["w"]}
    for found in (
        backprop.derivative(model, tape, "each", list(right)),
        symbolic.derivative(symbolic.lower(model), model.point(), "each", list(right)),
    ):
        for name, true in right.items():
            assert found[name].shape == true.shape
            assert np.allclose(found[name], true, rtol=0, atol=300 * ULP)  # |f|, |x| < 5: see above


@pytest.mark.slow
@pytest.mark.parametrize("rows", [7, MANY])
def test_differences_over_rows(rows: int) -> None:
    model, values = logistic(rows)
    expected, tape = by_numpy(values), forward_pass(model)
    most = 4
    limits = DEFAULTS._replace(most_rows=most)  # each moved row costs a pass over all rows
    found = by_entry.derivative(model, tape, "loss", ["w", "b", "x"], EXTRAPOLATED, limits=limits)
    for name in ("w", "b"):
        gap = np.abs(found[name].value - expected[f"d_{name}"])
        assert np.all(gap <= found[name].bound + 1e-14)  # plus what numpy's own sums are off by
    moved = np.isfinite(found["x"].value).all(axis=1)
    assert moved.sum() == most
    gap = np.abs(found["x"].value - expected["d_x"])[moved]
    assert np.all(gap <= found["x"].bound[moved] + 1e-16)
    assert found["x"].kink.dtype == bool


def test_few_step_sizes_where_they_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where samples take long, three step sizes come first, then three larger ones where f moves little; the
    whole ladder where these do not prove enough, and for all if no bound is named that will do."""
    text = (
        "rows x ~ normal(0, 1) count 50\nparam a = 0.8, b = 0.7, c = 0.6\n"
        "l = tanh(a*x)^2 + sin(3e3*b)*x^2 + 1e-3*sin(c)\nloss = mean_rows(l)"
    )
    model = api.load(text)
    tape = forward_pass(model)
    limits = DEFAULTS._replace(many_operations=0)
    asked: list[tuple[int, int]] = []

    def counted(moved: Any, base: np.ndarray, **options: Any) -> Any:
        found = differences.differences(moved, base, **options)
        asked.append((len(base), found.evaluations // len(base)))
        return found

    monkeypatch.setattr(by_entry, "differences", counted)
    ask = partial(by_entry.derivative, model, tape, "loss", ["a", "b", "c"], EXTRAPOLATED)
    whole, few = ask(limits=limits), ask(enough=1e-8, limits=limits)
    assert asked[0][1] >= 33
    assert asked[1:] == [(3, 7), (2, 7), (1, asked[3][1])]
    assert asked[3][1] >= 33  # b is looked at once more
    true = backprop.derivative(model, tape, "loss", ["a", "b", "c"])
    for found in (whole, few):
        assert all(abs(found[n].value - true[n]) <= found[n].bound <= 1e-8 * abs(true[n]) for n in "abc")


def test_what_does_not_move_is_not_sampled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a dead unit a smaller bound says nothing new; of one that lives beside it, it does."""
    model = api.load(
        "rows x ~ normal(0, 1) count 50\nparam d = 0.8, b = 0.7\n"
        "loss = mean_rows(relu(d - 9) + x^2 + sin(3e3*b))"
    )
    limits = DEFAULTS._replace(many_operations=0)
    asked: list[list[float]] = []

    def noted(moved: Any, base: np.ndarray, **options: Any) -> Any:
        asked.append(base.tolist())
        return differences.differences(moved, base, **options)

    monkeypatch.setattr(by_entry, "differences", noted)
    by_entry.derivative(
        model, forward_pass(model), "loss", ["d", "b"], EXTRAPOLATED, enough=1e-8, limits=limits
    )
    assert asked == [[0.8, 0.7], [0.7], [0.7]]


def test_blocks_are_held_while_differences_come_back_to_them_and_then_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "rows x ~ normal(0, 1) count 60000\nparam a = 0.8, b = 0.7\nloss = mean_rows((sin(a*x) + b)^2)"
    model = api.load(text)
    filled: list[float] = []
    compute = tapes.compute

    def counted(node: Any, values: Any, m: Any) -> Any:
        if not (node.is_leaf or node.is_literal) and node.primitive.name == "sin":
            filled.append(float(values[node.arguments[0]].flat[0]))  # another one in every block
        return compute(node, values, m)

    limits = DEFAULTS._replace(most_rows_together=1)  # so that each name is a pass of its own
    ask = partial(by_entry.derivative, model, enough=1e-8, limits=limits)
    tape = forward_pass(model)
    again = forward_pass(model, limits=EvaluationLimits(kept_entries=0))  # none are held
    assert not tape._blocks  # so many are not kept for one more pass
    monkeypatch.setattr(tapes, "compute", counted)
    found = ask(tape, "loss", ["a", "b"], EXTRAPOLATED)
    assert len(filled) == len(set(filled)) == 4
    assert not tape._blocks
    filled.clear()
    other = ask(again, "loss", ["a", "b"], EXTRAPOLATED)
    assert len(filled) == 8 == 2 * len(set(filled))
    for name in "ab":
        assert np.array_equal(found[name].value, other[name].value)


def test_with_many_rows_each_name_moves_only_what_follows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that are moved together take what any of them moves; with many rows that costs more than a pass
    for each."""
    text = (
        "rows x ~ normal(0, 1) count {}\nparam a = 0.8, b = 0.7\n"
        "f = sin(a*x)\nl = (f + b)^2\nloss = mean_rows(l)"
    )
    moves: list[tuple[int, int]] = []

    def watched(tape: Tape, of: Any, overrides: Any) -> Any:
        moves.append((len(overrides), max(map(len, overrides.values()))))
        return perturbed_pass.vary(tape, of, overrides)

    monkeypatch.setattr(perturbed_inputs, "vary", watched)
    limits = DEFAULTS._replace(most_rows_together=1000)
    for rows, together in ((500, 2), (501, 1)):
        model = api.load(text.format(rows))
        moves.clear()
        tape = forward_pass(model)
        by_entry.derivative(model, tape, "loss", ["a", "b"], EXTRAPOLATED, limits=limits)
        assert {count for count, _ in moves} == {together}


@pytest.mark.slow
def test_differences_of_a_per_row_step() -> None:
    """All rows are moved at once, each row of the step by its own: they do not mix."""
    model, values = logistic(1_000)
    expected, tape = by_numpy(values), forward_pass(model)
    each = by_entry.derivative(model, tape, "each", ["x"], EXTRAPOLATED)["x"]
    slope = (expected["p"] - values["y"])[:, None] * values["w"]
    assert np.all(np.abs(each.value - slope) <= each.bound + 1e-14)


def test_seven_rows_at_high_precision() -> None:
    model, values = logistic(7)
    truth = Referee(symbolic.lower(model)).derivative(model.point(), "loss", ["w", "b", "f", "x"])
    expected = by_numpy(values)
    for name, found in truth.items():
        assert np.allclose(found.astype(float), expected[f"d_{name}"], rtol=0, atol=60 * ULP)


def in_blocks(model: Model, rows: int, limits: EvaluationLimits = USUAL) -> Tape:
    """The forward pass with blocks of this many rows."""
    widest = max(math.prod(n.shape) for n in model.graph.nodes if n.per_row)
    return forward_pass(model, limits=limits._replace(block_entries=rows * widest))


def test_the_size_of_blocks_does_not_show() -> None:
    model, _ = logistic(5_000)
    whole = forward_pass(model)
    assert whole.block_count == 1
    gradients = backprop.derivative(model, whole, "loss", ["w", "b", "f"])
    for size in (1_000, 777, 64):
        tape = in_blocks(model, size)
        assert tape.block_count == -(-5_000 // size)
        assert abs(tape.loss - whole.loss) <= ULP * abs(whole.loss)
        assert np.array_equal(tape.value("each"), whole.value("each"))
        found = backprop.derivative(model, tape, "loss", ["w", "b", "f"])
        assert np.array_equal(found["f"], gradients["f"])
        for name in ("w", "b"):  # sums of 5,000 terms of size 1/5,000 in another order
            assert np.allclose(found[name], gradients[name], rtol=0, atol=8 * ULP)


def test_a_tape_that_is_not_kept_says_the_same() -> None:
    model, _ = logistic(3_000)
    kept = forward_pass(model)
    tape = in_blocks(model, 500, EvaluationLimits(kept_entries=0))
    assert np.array_equal(tape.value("f"), kept.value("f"))
    assert not tape._blocks
    names = ["w", "b", "x"]
    first = backprop.derivative(model, tape, "loss", names)
    second = backprop.derivative(model, kept, "loss", names)
    for name in names:
        assert np.allclose(first[name], second[name], rtol=0, atol=8 * ULP)


def test_a_compensated_sum_over_blocks() -> None:
    """1e16 in the first block and -1e16 in the last: the ones between are not lost."""
    values = np.ones(300)
    values[0], values[-1] = 1e16, -1e16
    sheet = Sheet(300)
    sheet.step("loss", sheet("sum_rows", sheet.per_row("x", values)))
    assert in_blocks(sheet.model(), 1).loss == 298.0


@pytest.mark.slow
def test_memory_stays_bounded() -> None:
    """A million rows in blocks of 4,096: the forward and backward pass hold blocks, not columns."""
    rows = 1_000_000
    sheet = Sheet(rows)
    x = sheet.per_row("x", np.linspace(0, 1, rows))
    w = sheet.param("w", 0.7)
    h = sheet("mul", x, w)
    for _ in range(10):
        h = sheet("sin", h)
    sheet.step("loss", sheet("sum_rows", h))
    model = sheet.model()
    program = symbolic.lower(model, limits=SymbolicLimits(most_entries=4_096))
    tracemalloc.start()
    tape = forward_pass(model, limits=EvaluationLimits(kept_entries=0, block_entries=4_096))
    first = backprop.derivative(model, tape, "loss", ["w"])["w"]
    second = symbolic.derivative(program, model.point(), "loss", ["w"])["w"]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # one column is 8 MB, the twelve steps 96 MB; a block of all of them is 0.4 MB
    assert peak < 6e6
    # the same million positive terms, 12 roundings each, in another order: blocks of blocks
    assert abs(first - second) <= 1e-13 * abs(first)
