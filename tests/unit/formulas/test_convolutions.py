"""The printed adjoints of convolutions and pools: claimed, they are right."""

from __future__ import annotations

import pytest

from build import one_of
from claimed import judged_alone
from gradcheck_cli import api
from gradcheck_cli.formulas.derivation import Derivation
from gradcheck_cli.results.gradient_results import Verdict

GIVEN = """param v[7] ~ normal(0, 1), k[3] ~ normal(0, 1), x[4,6] ~ normal(0, 1), w[2,3] ~ normal(0, 1)
param A[2,4,5] ~ normal(0, 1), W[4,1,2,3] ~ normal(0, 1), g[4,3] ~ normal(0, 1)
"""
# step: the adjoint of each name in it, as it is printed where that is shown here
STEPS: dict[str, dict[str, str | None]] = {
    "conv1d(v, k)": {"v": "conv1d_input(d loss/d z, k, 7)", "k": "conv1d_weight(v, d loss/d z, 3)"},
    "conv2d(x, w, stride=2, padding=(1, 0))": {
        "x": "conv2d_input(d loss/d z, w, (4, 6), stride=2, padding=(1, 0))", "w": None,
    },
    "conv2d(A, W, groups=2, stride=(1, 2))": {
        "A": "conv2d_input(d loss/d z, W, (4, 5), stride=(1, 2), groups=2)",
        "W": "conv2d_weight(A, d loss/d z, (2, 3), stride=(1, 2), groups=2)",
    },
    "conv1d(A, k, padding=1)": {"A": None, "k": None},
    "conv1d_input(g, k, 7, stride=2)": {
        "g": "conv1d(d loss/d z, k, stride=2)", "k": None,
    },
    "conv2d_weight(x, w, 3, 4)": {"x": "conv2d_input(w, d loss/d z, (4, 6))", "w": "conv2d(x, d loss/d z)"},
    "avg_pool(x, 2, stride=1)": {"x": "conv2d_input(1/4 * d loss/d z, ones(2, 2), (4, 6))"},
    "avg_pool(A, 2)": {"A": None},
    "max_pool(v, 2)": {"v": None},
    "max_pool(A, [1, 2], stride=2)": {"A": None},
    "max_pool(v, 5, stride=1)": {"v": None},
    "max_pool(A, [3, 2], stride=(1, 2))": {"A": None},
    "sort(A, axis=1)": {"A": None},
    "flip(x, axis=1)": {"x": "flip(d loss/d z, axis=1)"},
    "flip(A)": {"A": "flip(d loss/d z)"},
}  # fmt: skip


@pytest.mark.parametrize("step", one_of(3, STEPS))
def test_what_is_printed_is_right_as_a_claim(step: str) -> None:
    text = f"{GIVEN}z = {step}\nloss = sum(sin(z))"
    derivation = Derivation(api.load(text), "loss")
    links = derivation.contributions()
    terms = {by: derivation.term(by, links[by]).formula for by in STEPS[step]}
    for by, expected in STEPS[step].items():
        assert expected in (None, terms[by])
    claims = [f"claim d loss/d {by} = {formula}" for by, formula in terms.items()]
    results = judged_alone(api.load("\n".join([text, *claims])))
    assert [(r.verdict, r.note) for r in results] == [(Verdict.OK, None)] * len(claims), terms
