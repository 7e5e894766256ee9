"""Differences by node: their bounds hold, no matter how a weight is used, and a step that is not affine
although the table says so is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from build import Application, applications, exchanged, one_of
from gradcheck_cli import api
from gradcheck_cli.checking.check import check
from gradcheck_cli.checking.options import Options
from gradcheck_cli.derivatives import backprop
from gradcheck_cli.derivatives.finite_differences.drivers import affine_routes, by_node
from gradcheck_cli.derivatives.finite_differences.drivers.by_entry import Estimates
from gradcheck_cli.derivatives.finite_differences.schemes import SCHEMES
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.primitives.record import Primitive
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.results.gradient_results import Report, Verdict
from paths import MODELS

BY_NODE = SCHEMES["by-node"]
FOLDER = MODELS
EPS = 2.0**-52


def estimated(model: Model, *names: str) -> dict[str, tuple[Estimates, np.ndarray]]:
    """Differences by node of all parameters that can be had, beside backprop's derivative."""
    tape = forward_pass(model)
    route = affine_routes.route(model, model.loss, names or [p.name for p in model.parameters()])
    covered = [p.name for p in model.parameters() if route.covers(p.name)]
    true = backprop.derivative(model, tape, model.loss, covered)
    noise = EPS * abs(tape.loss) * len(model.graph.nodes)
    found = by_node.derivative(tape, route, covered, BY_NODE, noise)
    return {name: (found[name], true[name]) for name in covered}


def held(found: Estimates, true: np.ndarray) -> np.ndarray:
    """Where the bound holds. Backprop's own rounding is a part in 1e14 of the terms that it adds, which
    in these models are not larger than a hundred times the largest entry."""
    bound = found.bound + 1e-12 * np.max(np.abs(true), initial=0.0)
    return np.abs(found.value - true) <= bound


@pytest.mark.parametrize("path", one_of(3, sorted(FOLDER.glob("*.txt"))), ids=lambda p: p.stem)
def test_the_bounds_hold_in_every_model(path: Path) -> None:
    model = api.load(path)
    if model.parameters():
        for found, true in estimated(model).values():
            assert found.value.shape == found.bound.shape == true.shape
            known = np.isfinite(found.bound)
            assert np.isnan(found.value[~known]).all()
            assert held(found, true)[known].all()


def of_text(text: str) -> Model:
    return api.load(text)


NETWORK = """
seed 4
rows x[3] ~ normal(0, 1) count 7
rows y ~ normal(0, 1) count 7
param W[4,3] ~ he, b[4] = 0.2
param v[4] ~ normal(0, 1)
"""

USES = {  # how W reaches the loss, and how many entries must have a difference
    "a layer": "l = (dot(v, tanh(b + W @ x)) - y)^2\nloss = mean_rows(l)",
    "twice": "h = sigmoid(b + W @ x)\ng = sin(h + W @ (2*x))\nl = dot(v, g)^2\nloss = sum_rows(l)",
    "its transpose": "l = sum((W' @ (W @ x))^2) + dot(v, b)\nloss = mean_rows(l)",
    "scaled and moved": "A = 3*W - 1\nl = sum(exp(-(A @ x)^2))\nloss = mean_rows(l) + dot(v, b)",
    "without rows": "f = W @ [1, 2, 3]\nloss = sum(tanh(f + b)) * dot(v, v)",
    "two sums": "f = W @ x\nl = sum(sin(f))\nm = sum(f^2)\nloss = mean_rows(l) * sqrt(mean_rows(m)) + v[0]",
    "a slice": "l = (dot(v[0:2], W[1:3,:] @ x) - y)^2\nloss = mean_rows(l) + sum(b*b)",
    "its rows chosen": "l = (dot(v, W[[2, 0, 2, 1],:] @ x + b) - y)^2\nloss = mean_rows(l)",
    "its rows moved": "B = concat(W[2:4,:], W[0:2,:])\nl = sum(tanh(B @ x))\nloss = mean_rows(l) + dot(b, v)",
}
NOT_AFFINE = {  # W itself would have to be moved entry by entry
    "a penalty": "l = (dot(v, relu(b + W @ x)) - y)^2\nloss = mean_rows(l) + 0.1*sum(W^2)",
    "a curve": "s = sum(sin(W))\nl = (s*y - dot(v, W @ x))^2\nloss = mean_rows(l) + b[1]^2",
    "a product with itself": "l = dot(v, (W * W) @ x)^2\nloss = mean_rows(l) + b[1]^2",
}


@pytest.mark.parametrize("use", USES)
def test_however_a_weight_is_used(use: str) -> None:
    model = of_text(NETWORK + USES[use])
    found, true = estimated(model)["W"]
    known = np.isfinite(found.bound)
    assert known.all(), use
    assert held(found, true).all()
    # at five step sizes six digits or so are proved of what is not small beside the others
    large = np.abs(true) > 1e-2 * np.max(np.abs(true))
    assert np.max(found.bound[large] / np.abs(true[large])) < 1e-5


@pytest.mark.parametrize("use", NOT_AFFINE)
def test_what_is_not_affine_is_differenced_entry_by_entry(use: str) -> None:
    model = of_text(NETWORK + NOT_AFFINE[use])
    assert not affine_routes.route(model, "loss", ["W"]).covers("W")
    report = check(model, Options(points=1, scheme="by-node"))
    assert report.verdict is Verdict.OK
    assert {b.name: b.way for b in report.parameters}["W"] == "each"


def test_one_pass_for_each_node_not_for_each_weight() -> None:
    model = of_text(NETWORK + USES["a layer"])
    route = affine_routes.route(model, "loss", ["W", "b"])
    assert route.entries == 4  # of f = b + W @ x, which has one entry for each row of W
    assert route.covers("W")
    assert route.covers("b")
    assert not affine_routes.route(model, "loss", ["v"]).covers("W")


def test_a_kink_concerns_its_row_alone() -> None:
    model = of_text(
        "data  one = 1\nrows x[2] = [[1, 2], [-1, 1], [1, -1]]\nparam W[2,2] = [[1, -0.5], [0.5, 1]]\n"
        "l = sum(relu(W @ x))\nloss = sum_rows(one*l)"
    )
    found, true = estimated(model)["W"]
    assert np.isnan(found.value[0]).all()  # 1 - 2*0.5 is 0 in the first row: a kink for W[0,:]
    assert np.isinf(found.bound[0]).all()
    assert held(found, true)[1].all()


def test_a_kink_in_another_unit_costs_nothing() -> None:
    """A step that crosses the kink of one unit in one row is not thrown away for the others."""
    model = of_text(
        "seed 1\nrows x[3] ~ normal(0, 1) count 200\nparam W[20,3] ~ he, b[20] = 0, v[20] ~ normal(0, 1)\n"
        "l = dot(v, relu(b + W @ x))^2\nloss = mean_rows(l)"
    )
    found, true = estimated(model)["W"]
    assert np.isfinite(found.bound).all()
    assert held(found, true).all()
    assert np.median(found.bound / np.abs(true)) < 1e-6  # some of 4,000 units stand near their kink


def block_notes(report: Report, name: str) -> list[str]:
    (block,) = (b for b in report.parameters if b.name == name)
    assert block.verdict is Verdict.WRONG
    return [e.note or "" for e in block.entries if e.verdict is Verdict.WRONG]


@pytest.mark.parametrize(
    ("function", "step"),
    [("tanh", "tanh(W @ x)"), ("sin", "sin(W) @ x"), ("exp", "exp(W @ x)")],
)
def test_a_function_that_is_called_affine_and_is_not(
    function: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = NETWORK + f"l = sum(({step} + b)^2) + dot(v, v)\nloss = mean_rows(l)"
    options = Options(points=1, scheme="by-node")
    assert check(of_text(text), options).verdict is Verdict.OK
    exchanged(monkeypatch, function, affine=(0,))
    report = check(of_text(text), options)
    assert report.verdict is Verdict.WRONG
    notes = block_notes(report, "W")
    assert notes
    assert all(note.startswith("differences by node give") for note in notes)
    assert all("not affine although the table says so" in note for note in notes)


def on_a_line(record: Primitive, application: Application, place: int) -> bool:
    """Whether f(0), f(a) and f(3a) lie on a line as one argument runs through them."""
    model = application.model()
    (node,) = (n for n in model.graph.nodes if n.index == model.steps["y"].node)
    given = application.values()
    found = []
    for factor in (0.0, 1.0, 3.0):
        moved = [factor * v if k == place else v for k, v in enumerate(given)]
        tape = forward_pass(model, FLOAT64, {**model.point(), **{f"a{k}": v for k, v in enumerate(moved)}})
        found.append(tape.of_node(node))
    start, middle, end = found
    # a dozen operations on numbers of size 1: their rounding is below 1e-14
    return np.allclose(end - start, 3 * (middle - start), rtol=1e-13, atol=1e-13)


PLACES = [
    (record, application, place)
    for record in PRIMITIVES.values()
    for application in applications(record)
    for place in range(len(application.shapes))
    if record.affine and (record.arguments is None or place in record.affine)
]


def test_a_short_ladder_is_asked_again_before_a_step_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, schemes = by_node.derivative, []

    def short_of_the_truth(tape: Any, route: Any, by: Any, scheme: Any, *given: Any) -> Any:
        schemes.append(scheme.name)
        found = plain(tape, route, by, scheme, *given)
        if scheme.name == "by-node":
            return {name: replace(e, value=1.01 * e.value, bound=0 * e.bound) for name, e in found.items()}
        return found

    monkeypatch.setattr(by_node, "derivative", short_of_the_truth)
    report = check(of_text(NETWORK + USES["a layer"]), Options(points=1, scheme="by-node"))
    assert report.verdict is Verdict.OK
    assert set(schemes) == {"by-node", "extrapolated"}


def test_what_the_table_calls_affine_is() -> None:
    assert {record.name for record, _, _ in PLACES} > {"add", "matmul", "sum", "concat", "where"}
    wrong = [f"{a} {k}" for record, a, k in PLACES if not on_a_line(record, a, k)]
    assert not wrong


def test_the_test_of_lines_sees_a_curve() -> None:
    for name in ("mul", "tanh", "prod"):
        record = PRIMITIVES[name]
        application = next(a for a in applications(record) if a.shapes[0] != (1,))
        assert on_a_line(record, application, 0) == (name != "tanh" and name != "prod")


def test_a_wrong_vjp_stands_against_differences_by_node(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = PRIMITIVES["tanh"].vjp[0]
    exchanged(monkeypatch, "tanh", vjp=(lambda m, g, y, x, **o: 1.001 * rule(m, g, y, x, **o),))
    model = of_text(NETWORK + USES["a layer"])
    report = check(model, Options(points=1, scheme="by-node"))
    assert any("the vjp of tanh" in note for note in block_notes(report, "W"))
    verdicts = {b.name: b.verdict for b in report.parameters}
    assert verdicts == {"W": Verdict.WRONG, "b": Verdict.WRONG, "v": Verdict.OK}
