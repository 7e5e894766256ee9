"""Memory is counted from shapes before it is taken; what does not fit is refused or sampled."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from gradcheck_cli import api
from gradcheck_cli.checking.check import check
from gradcheck_cli.checking.options import Options
from gradcheck_cli.checking.run_plan import RunPlan, plan_run
from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.derivatives.finite_differences.drivers.perturbed_inputs import Along, Moved
from gradcheck_cli.derivatives.symbolic.program import lower
from gradcheck_cli.evaluation.memory_plan import (
    bytes_of_comparison,
    bytes_of_tape,
    peak_entries,
    require_memory,
    rows_of_block,
)
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.initialization.options import InitOptions
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.evaluation import EVALUATION
from gradcheck_cli.numerics.limits.table import LIMITS
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.results.gradient_results import Verdict

WIDE = "param v[{n}] = 0.1\nloss = sum(outer(v, v) @ outer(v, v))\n"
JACOBIAN = "param v[{n}] ~ normal(0, 1)\ny = tanh(v)\nloss = sum(y^2)\nclaim d y/d v = diag({formula})\n"


def planned(model: Model, **options: Any) -> RunPlan:
    given = Options(**options)
    return plan_run(model, [p.name for p in model.parameters()], given, given.fill_in({}))


def test_the_tape_is_counted_before_it_is_made() -> None:
    model = api.load(WIDE.format(n=40))
    made = forward_pass(model).shared
    inner = {n.index for n in model.graph.nodes if not n.is_leaf}
    assert bytes_of_tape(model) == sum(made[k].nbytes for k in inner)


def test_rows_count_as_far_as_they_are_kept() -> None:
    text = "rows x ~ normal(0, 1) count 3000\nparam w = 2\nloss = mean_rows((w*x)^2)\n"
    model = api.load(text)
    few = EVALUATION._replace(kept_entries=100, block_rows=50)
    assert bytes_of_tape(model, few) < bytes_of_tape(model) / 50


def test_all_nodes_of_a_block_together_stay_within_the_limit() -> None:
    steps = "".join(f"h{k} = tanh({f'h{k - 1}' if k else 'x'})\n" for k in range(50))
    model = api.load(f"rows x ~ normal(0, 1) count 3000\nparam w = 2\n{steps}loss = mean_rows(w*h49)\n")
    held = sum(n.size for n in model.graph.nodes if n.per_row)
    assert rows_of_block(model, EVALUATION._replace(block_held=100 * held)) == 100


def test_the_peak_counts_what_is_let_go() -> None:
    chain = api.load("param v[9] = 1\na = sin(v)\nb = sin(a)\nc = sin(b)\nloss = sum(c)\n")
    assert peak_entries(chain.graph.nodes, 1, 0) == 2 * 9
    kept = api.load("param v[9] = 1\na = sin(v)\nb = sin(a)\nc = sin(b)\nloss = sum(a + b + c)\n")
    assert peak_entries(kept.graph.nodes, 1, 0) > 3 * 9


def test_perturbed_passes_hold_no_more_than_the_limit() -> None:
    """Of 50 numbers, whose product has 2,500: what is counted is what lies behind them."""
    model = api.load(WIDE.format(n=50))
    tape, of, v = forward_pass(model), model.node("loss"), model.node("v")
    limits, peak = LIMITS.finite_differences, peak_entries(model.graph.nodes, 1, EVALUATION.copies)
    assert Moved(tape, of, [v], limits._replace(most_held=8 * peak)).most_together(5000) == 8
    few = limits._replace(most_held=3 * peak)
    assert Along(tape, of, {v.index: np.ones((4, 50))}, 0.1, few).most_together(5000) == 3
    assert Moved(tape, of, [v], limits).most_together(100) == 100


@pytest.mark.slow
def test_a_comparison_stays_within_its_memory() -> None:
    """Measured, not planned: the arrays of NumPy at their peak."""
    model = api.load(WIDE.format(n=300))
    check(api.load(WIDE.format(n=3)), Options())  # imports
    tracemalloc.start()
    report = check(model, Options(memory=64, points=1))
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    assert report.verdict is Verdict.OK
    assert peak < 64


def test_high_precision_is_left_out_where_its_numbers_do_not_fit() -> None:
    model = api.load("param v[3000] ~ normal(0, 1)\nloss = sum(tanh(v)^2)\n")
    for memory, affords in ((1, False), (1024, True)):
        limits = LIMITS.within_memory(memory)
        referee = Referee(lower(model), limits=limits.reference, numerics=limits.numerics)
        assert referee.affords() == affords


def test_what_does_not_fit_is_refused_with_the_way_out() -> None:
    model = api.load(WIDE.format(n=1000))
    needed = -(-bytes_of_comparison(model, entries=1000) // 2**20)
    with pytest.raises(OptionError, match=r"largest value has shape \[1000,1000\]") as refused:
        api.check(model, memory=50)
    assert refused.value.exit_code == 2
    assert refused.value.help == f"--memory {needed}MiB, or smaller shapes"
    require_memory(model, needed, entries=1000)
    with pytest.raises(OptionError):
        require_memory(model, needed - 1, entries=1000)


def test_the_columns_of_many_entries_are_counted() -> None:
    """Here no node is larger than the parameter; refused before anything is computed."""
    model = api.load("param v[400000] ~ normal(0, 1)\nloss = mean(v)\n")
    with pytest.raises(OptionError, match=r"the columns of 400,000 entries take") as refused:
        api.check(model, memory=50)
    enough = int((refused.value.help or "").partition("MiB")[0].rpartition(" ")[2])
    assert planned(model, memory=enough).points == 1
    assert planned(model, memory=2 * enough).points == 2


def test_large_values_are_compared_at_fewer_points() -> None:
    model = api.load(WIDE.format(n=1000))
    least = -(-bytes_of_comparison(model, entries=1000) // 2**20)
    assert planned(model, memory=least).points == 1
    assert planned(model, memory=2 * least, points=3).points == 3
    with pytest.raises(OptionError, match="3 points do not fit") as refused:
        planned(model, memory=least, points=3)
    assert refused.value.help == "--points 1, or --memory with more"
    assert planned(api.load(WIDE.format(n=10))).points == 4


@pytest.mark.parametrize(("n", "thin"), [(10, False), (1000, True)])
def test_heavy_models_are_sampled_more_thinly(n: int, thin: bool) -> None:
    usual, found = LIMITS.gradients, planned(api.load(WIDE.format(n=n))).limits.gradients
    assert (found.directions < usual.directions) == thin
    assert (found.largest_examined < usual.largest_examined) == thin
    assert found.directions >= 1


@pytest.mark.parametrize(("n", "thin"), [(40, False), (200, True)])
def test_elimination_counts_its_work(n: int, thin: bool) -> None:
    """A determinant is one number, and n^3 operations."""
    found = planned(api.load(f"param A[{n},{n}] ~ normal(0, 1)\nloss = det(A)\n")).limits.gradients
    assert (found.directions < LIMITS.gradients.directions) == thin


def test_sums_that_symbolic_has_no_formula_for_do_not_differ() -> None:
    """det beyond [8,8], sampled, with derivatives whose squares are no doubles."""
    few = LIMITS.gradients._replace(most_work=1, small_name=4)
    model = api.load("seed 1\nparam A[12,12] ~ normal(0, 1)\nloss = det(A)*1e180\n")
    report = check(model, Options(points=1), limits=LIMITS._replace(gradients=few))
    assert report.verdict is Verdict.OK


def test_a_derivative_that_does_not_fit_leaves_its_claim_unresolved() -> None:
    model = api.load(JACOBIAN.format(n=300, formula="1 - y^2"))
    (claim,) = api.check(model, memory=2, points=1).claims
    assert claim.verdict is Verdict.UNRESOLVED
    assert "--memory allows 2 MiB" in (claim.note or "")


@pytest.mark.parametrize(("formula", "verdict"), [("1 - y^2", Verdict.OK), ("1 - y^3", Verdict.WRONG)])
def test_large_jacobians_are_compared_in_float64(formula: str, verdict: Verdict) -> None:
    few = LIMITS.claims._replace(most_exact_entries=100)
    model = api.load(JACOBIAN.format(n=20, formula=formula))
    report = check(model, Options(), limits=LIMITS._replace(claims=few))
    assert report.claims[0].verdict is verdict


@pytest.mark.parametrize("options", [{"depth": 10**9}, {"depth": 10**30}, {"nets": 10**12}])
def test_a_billion_layers_are_refused_before_they_are_made(options: dict[str, int]) -> None:
    with pytest.raises(OptionError, match="--memory") as refused:
        api.init_stats(InitOptions(**options))
    assert refused.value.exit_code == 2
