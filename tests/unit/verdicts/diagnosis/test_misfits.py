"""Products whose shapes do not fit: what belongs there by value comes first, and fits when it is followed."""

from __future__ import annotations

import pytest

from claimed import judged_alone
from gradcheck_cli import api
from gradcheck_cli.results.gradient_results import Verdict

MODEL = """param x[2,2] = [[1, 2], [-1, 0.5]], w[2,3] = [[0.3, -0.2, 1], [0.7, 0.1, -0.4]]
data H[3,4] ~ normal(0, 1), t[2,4] ~ normal(0, 1)
y = x @ w
p = sigmoid(y @ H)
loss = sum(y^2) + sum((p - t)^2)/2
"""


@pytest.mark.parametrize(("claim", "said"), [
    ("d loss/d x = d loss/d y @ x'", "has d loss/d y @ x' where d loss/d y @ w' belongs"),
    ("d loss/d w = d loss/d y @ x", "has d loss/d y @ x where x' @ d loss/d y belongs"),
    ("d loss/d w = x @ d loss/d y' + 0*w", "has x @ d loss/d y' where x' @ d loss/d y belongs"),
    ("d loss/d y = 2*y + (p*(1 - p)*(p - t)) @ H",
     "has (p*(1 - p)*(p - t)) @ H where (p*(1 - p)*(p - t)) @ H' belongs"),
    ("d loss/d w = x' @ (p*(1 - p)*(p - t)) @ H + 2*x' @ y",
     "has x' @ (p*(1 - p)*(p - t)) @ H where x' @ (p*(1 - p)*(p - t)) @ H' belongs"),
    ("d loss/d p = p @ t", None),
])  # fmt: skip
def test_the_product_that_belongs_is_said(claim: str, said: str | None) -> None:
    (result,) = judged_alone(api.load(f"{MODEL}claim {claim}\n"))
    assert (result.verdict, result.diagnosis) == (Verdict.WRONG, said)
    if said is not None:
        mine, _, right = said.removeprefix("has ").removesuffix(" belongs").partition(" where ")
        (mended,) = judged_alone(api.load(f"{MODEL}claim {claim.replace(mine, right)}\n"))
        assert mended.verdict is Verdict.OK


@pytest.mark.parametrize("hint", ["none", "where"])
def test_what_would_fit_is_not_given_away(hint: str) -> None:
    (result,) = judged_alone(api.load(f"{MODEL}claim d loss/d x = d loss/d y @ x'\n"), hint=hint)
    assert (result.diagnosis, result.note) == (None, "the shapes [2,3] and [2,2] do not fit @")
