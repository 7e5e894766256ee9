"""Deep chains: slopes too small for differences, and the referee's second way for all names at once."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chains import chain
from gradcheck_cli import api
from gradcheck_cli.checking.check import check
from gradcheck_cli.checking.options import Options
from gradcheck_cli.checking.run_plan import plan_run
from gradcheck_cli.derivatives import backprop
from gradcheck_cli.derivatives.finite_differences.drivers import by_entry
from gradcheck_cli.derivatives.symbolic.forward_mode import derivative
from gradcheck_cli.derivatives.symbolic.program import lower
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.model.random_points import moved_inputs
from gradcheck_cli.numerics.limits.table import LIMITS, Limits
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.results.gradient_results import Verdict
from gradcheck_cli.verdicts.gradients import collect, resolution


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 3])
def test_slopes_that_vanish_on_the_way_are_no_defect(seed: int) -> None:
    """At the moved points d loss/d b28 is 1e-13 of the loss, and at huge steps the chain is bounded."""
    report = api.check(api.load(chain(100), seed=seed))
    assert report.verdict is Verdict.OK
    assert len(report.parameters) == 202


def test_the_referee_confirms_all_names_together() -> None:
    model = api.load(chain(60))
    referee, names = Referee(lower(model)), [p.name for p in model.parameters()]
    for point in (model.point(), {**model.point(), **moved_inputs(model, 1)}):
        truth = referee.derivative(point, "loss", names)
        assert all(mask.all() for mask in referee.confirm(point, "loss", truth).values())
        wrong = {**truth, "w7": truth["w7"] * (1 + 1e-8)}
        assert not referee.confirm(point, "loss", wrong)["w7"].all()
        wrong = {**truth, "b40": -truth["b40"]}
        assert not referee.confirm(point, "loss", wrong)["b40"].all()


KINKED = "param x = 0, y = 2, z = 0\nf = abs(x) + y^2 + 3*x + z^2\nloss = f^2"


def test_the_referee_does_not_confirm_at_a_kink() -> None:
    model = api.load(KINKED)
    referee = Referee(lower(model))
    point = model.point()
    truth = referee.derivative(point, "loss", ["x", "y", "z"])
    found = referee.confirm(point, "loss", truth)
    assert not found["x"].any()
    assert not found["z"].any()  # 0: it is not asked for
    beside = {**point, "x": np.asarray(1e-7)}
    truth = referee.derivative(beside, "loss", ["x", "y"])
    assert all(mask.all() for mask in referee.confirm(beside, "loss", truth).values())


def test_what_cannot_be_crossed_is_not_watched() -> None:
    steps = "a = x^2\nb = x^0.5\nc = x/3\nd = 3/x\ne = x^n\nloss = a + b + c + d + e"
    model = api.load(f"param x = 2, n = 2\n{steps}")
    watched = forward_pass(model).bordered
    assert {s.name for s in model.steps.values() if s.node in watched} == {"b", "d", "e"}


ONE_POINT = Options(points=1)


def pooling(most_work: int) -> Limits:
    """Limits under which small names that take more work than this are pooled."""
    return LIMITS._replace(gradients=LIMITS.gradients._replace(most_work_small=most_work))


def test_many_small_names_are_pooled() -> None:
    report = check(api.load(chain(40)), ONE_POINT, limits=pooling(0))
    ways = [block.way for block in report.parameters]
    assert report.verdict is Verdict.OK
    assert (len(ways), ways.count("each")) == (82, 15)  # 8 largest, 8 others, one of them twice
    assert report.coverage.one_by_one == 15


@pytest.mark.parametrize("name", ["w7", "b33"])
def test_a_wrong_one_of_the_pooled_is_found(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    right = backprop.derivative

    def wrong(*arguments: Any, **options: Any) -> dict[str, np.ndarray]:
        found = right(*arguments, **options)
        return {n: each * (1 + 1e-3) if n == name else each for n, each in found.items()}

    monkeypatch.setattr(backprop, "derivative", wrong)
    report = check(api.load(chain(40)), ONE_POINT, limits=pooling(0))
    off = {block.name for block in report.parameters if block.verdict is not Verdict.OK}
    assert (report.verdict, off) == (Verdict.WRONG, {name})


def test_a_wrong_one_of_those_that_stand_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where names are pooled an entry is ok with few digits where all agree within rounding, only there."""
    limits = pooling(1 << 18)  # the first ones entry by entry, the others together
    right = backprop.derivative

    def wrong(*arguments: Any, **options: Any) -> dict[str, np.ndarray]:
        found = right(*arguments, **options)
        return {n: each * (1 + 1e-6) if n == "w0" else each for n, each in found.items()}

    text = chain(40)
    report = check(api.load(text), ONE_POINT, limits=limits)
    assert report.verdict is Verdict.OK
    assert {block.way for block in report.parameters} == {"each", "sampled"}
    monkeypatch.setattr(backprop, "derivative", wrong)
    report = check(api.load(text), ONE_POINT, limits=limits)
    off = {block.name: block for block in report.parameters if block.verdict is not Verdict.OK}
    assert (report.verdict, set(off), off["w0"].way) == (Verdict.WRONG, {"w0"}, "each")


def test_fewer_points_where_each_takes_long_and_it_is_said() -> None:
    model = api.load(chain(5))
    few = LIMITS.checking._replace(most_nodes=2 * len(model.graph.nodes))
    limits = LIMITS._replace(checking=few)
    said = check(model, Options(), limits=limits).closing[-1]
    assert said.startswith("Compared at 2 of 4 points: each takes long here")
    asked = api.load("set points = 4\n" + chain(5))
    for report in (check(model, Options(points=4), limits=limits), check(asked, Options(), limits=limits)):
        assert not any("Compared at" in sentence for sentence in report.closing)


def test_a_million_rows_are_compared_at_two_points() -> None:
    few = LIMITS.checking._replace(most_slopes=12_000)  # 1,000 rows stand for a million
    limits = LIMITS._replace(checking=few)
    text = "rows x ~ normal(0, 1) count {}\nparam w = 2, b = 1\nloss = mean_rows((w*x + b)^2)\n"
    report = check(api.load(text.format(300)), Options(), limits=limits)
    assert not any("Compared at" in sentence for sentence in report.closing)
    report = check(api.load(text.format(1000)), Options(), limits=limits)
    assert report.closing[-1].startswith("Compared at 2 of 4 points")
    assert report.points == 2


def test_thousands_of_names_that_each_move_thousands_of_nodes_are_compared_at_two_points() -> None:
    options = Options()
    for depth, points in ((100, 4), (1000, 2)):
        model = api.load(chain(depth))
        names = [p.name for p in model.parameters()]
        assert plan_run(model, names, options, options.fill_in({})).points == points
    few = options.fill_in({"wrt": ("b0",)})
    assert plan_run(model, ["b0"], options, few).points == 4


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 1e-6])
def test_what_high_precision_settles_at_once_it_settles_as_one_by_one(
    monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """Hundreds of slopes too small for differences: the same report, entry by entry, right and wrong."""
    right = backprop.derivative

    def wrong(*arguments: Any, **options: Any) -> dict[str, np.ndarray]:
        found = right(*arguments, **options)
        return {n: each * (1 + share) if n == "w7" else each for n, each in found.items()}

    monkeypatch.setattr(backprop, "derivative", wrong)
    model = api.load(chain(60))
    together, settled = resolution.resolve_together, []

    def counted(*arguments: Any) -> np.ndarray:
        found = together(*arguments)
        settled.append(np.count_nonzero(found))
        return found

    monkeypatch.setattr(resolution, "resolve_together", counted)
    at_once = check(model, Options())
    assert sum(settled) > 50
    never = LIMITS._replace(gradients=LIMITS.gradients._replace(fewest_together=1_000_000))
    one_by_one = check(model, Options(), limits=never)
    assert sum(settled[len(settled) // 2 :]) == 0
    assert replace(at_once, parameters=()) == replace(one_by_one, parameters=())
    for block, other in zip(at_once.parameters, one_by_one.parameters, strict=True):
        assert [repr(e) for e in block.entries] == [repr(e) for e in other.entries]
    off = [block.name for block in at_once.parameters if block.verdict is not Verdict.OK]
    assert off == ([] if share == 0 else ["w7"])


def test_a_name_moves_alike_with_others_and_alone() -> None:
    """Single numbers are moved together, long arrays by themselves; each by its own stream."""
    text = "param a = 1, b[3] = [0, 2, -3], c[70] = 1.5\nloss = a + sum(b) + sum(c)"
    together = moved_inputs(api.load(text), 2)
    alone = moved_inputs(api.load("param b[3] = [0, 2, -3]\nloss = sum(b)"), 2)
    assert np.array_equal(together["b"], alone["b"])
    assert together["c"].shape == (70,)
    assert all(not np.array_equal(together[name], api.load(text).point()[name]) for name in together)


@pytest.mark.slow
def test_tangents_of_a_long_chain_do_not_pile_up() -> None:
    """200 directions through 3,000 items are 5 MB where all are kept, half a percent of it where they go."""
    model = api.load(chain(500))
    program, names = lower(model), [p.name for p in model.parameters()][:200]
    tracemalloc.start()
    found = derivative(program, model.point(), "loss", names)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    ours = backprop.derivative(model, forward_pass(model), "loss", names)
    assert all(abs(found[n] - ours[n]) <= 1e-9 * abs(ours[n]) for n in names)  # 500 products round
    assert peak < 2_500_000


@pytest.mark.parametrize(("share", "verdict"), [("1e-13", Verdict.OK), ("1e-2", Verdict.WRONG)])
def test_differences_astray_are_no_defect_where_the_loss_hardly_changes(
    monkeypatch: pytest.MonkeyPatch, share: str, verdict: Verdict
) -> None:
    """At steps at which an entry of 1e-13 of the loss is seen, the loss may be another."""
    right = by_entry.derivative

    def astray(*arguments: Any, **options: Any) -> dict[str, Any]:
        found = right(*arguments, **options)
        off = replace(found["b"], value=found["b"].value / 600, bound=np.abs(found["b"].value) / 200)
        return {**found, "b": off}

    monkeypatch.setattr(collect, "derivative", astray)
    report = api.check(api.load(f"param a = 1, b = 1\nloss = a^2 + {share}*sin(b)"), points=1)
    entry = report.parameters[1].entries[0]
    assert (report.verdict, entry.verdict) == (verdict, verdict)
    assert ("only rounding" if verdict is Verdict.OK else "finite differences stand alone") in str(entry.note)
