"""A kernel that is turned round, or is not; pools that pass on too much: named in formulas and in numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_cli import api
from gradcheck_cli.results.gradient_results import Verdict

TEXT = """data t[2,2] = [[0.3, -0.2], [0.5, 0.9]]
param x[5,5] ~ normal(0, 1), w[2,2] ~ normal(0, 1)
z = conv2d(x, w)
p = {pool}(z, 2)
loss = sum((tanh(p) - t)^2) + 0.05*sum(z^2)
"""


def program(pool: str, mistake: str = "") -> dict[str, Any]:
    """The gradients, with loops, as one writes them."""
    values = api.load(TEXT.format(pool=pool)).inputs
    x, w, t = (np.asarray(values[name].values) for name in ("x", "w", "t"))
    z = np.array([[np.sum(x[i : i + 2, j : j + 2] * w) for j in range(4)] for i in range(4)])
    blocks = z.reshape(2, 2, 2, 2).transpose(0, 2, 1, 3)
    p = blocks.max(axis=(2, 3)) if pool == "max_pool" else blocks.mean(axis=(2, 3))
    dp = 2 * (np.tanh(p) - t) * (1 - np.tanh(p) ** 2)
    share = blocks == p[..., None, None] if pool == "max_pool" else np.full(blocks.shape, 0.25)
    if mistake in ("all", "no mean"):
        share = np.ones(blocks.shape)
    dz = (dp[..., None, None] * share).transpose(0, 2, 1, 3).reshape(4, 4) + 0.1 * z
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    turned = w[::-1, ::-1] if mistake == "turned" else w
    for i in range(4):
        for j in range(4):
            dx[i : i + 2, j : j + 2] += dz[i, j] * turned
            dw += dz[i, j] * x[i : i + 2, j : j + 2]
    return {"x": dx, "w": dw[::-1, ::-1] if mistake == "gradient turned" else dw}


@pytest.mark.parametrize(("pool", "mistake", "said"), [
    ("max_pool", "", {}),
    ("avg_pool", "", {}),
    ("max_pool", "turned", {"x": "uses w turned round where w belongs (line 3)"}),
    ("avg_pool", "gradient turned", {"w": "turns w round (line 3)"}),
    ("max_pool", "all",
     dict.fromkeys("xw", "sends the adjoint of max_pool to all entries of a window (line 4)")),
    ("avg_pool", "no mean", dict.fromkeys("xw", "misses the factor 1/4 of avg_pool (line 4)")),
])  # fmt: skip
def test_numbers_of_programs(pool: str, mistake: str, said: dict[str, str], tmp_path: Path) -> None:
    claims = []
    for name, values in program(pool, mistake).items():
        np.save(tmp_path / f"{name}.npy", values)
        claims.append(f'claim d loss/d {name} from "{name}.npy"\n')
    (tmp_path / "m.txt").write_text(TEXT.format(pool=pool) + "".join(claims), encoding="utf-8")
    found = api.check(api.load(tmp_path / "m.txt"), wrt=("loss",), points=2).claims
    assert {c.by: c.diagnosis for c in found if c.verdict is Verdict.WRONG} == said


FORMULAS = {
    "conv2d(d loss/d z, flip(w), padding=1)": None,
    "conv2d(d loss/d z, w, padding=1)": "uses w where flip(w) belongs",
    "conv2d_input(d loss/d z, w, 5)": None,
    "conv2d_input(d loss/d z, flip(w), 5)": "uses flip(w) where w belongs",
    "-conv2d_input(d loss/d z, w, 5)": "has the wrong sign",
}


@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas(formula: str) -> None:
    model = api.load(f"{TEXT.format(pool='avg_pool')}claim d loss/d x = {formula}")
    (claim,) = api.check(model, wrt=("loss",), points=2).claims
    assert claim.diagnosis == FORMULAS[formula]
    assert claim.verdict is (Verdict.OK if claim.diagnosis is None else Verdict.WRONG)


TIES = """data c[3] = [1, 3, 5]
param x[4] = [1, 1, 0, 2]
z = max_pool(x, 2, stride=1)
loss = sum(z*c)
claim d loss/d x = {}"""


@pytest.mark.parametrize(("claimed", "verdict"), [
    ("[1, 3, 0, 5]", Verdict.KINK), ("[0.25, 3.75, 0, 5]", Verdict.KINK), ("[0, 4, 0, 5]", Verdict.KINK),
    ("[1, 4, 0, 5]", Verdict.WRONG), ("[1, 3, 1, 5]", Verdict.WRONG), ("[-1, 5, 0, 5]", Verdict.WRONG),
])  # fmt: skip
def test_ties_in_a_window_share_its_adjoint(claimed: str, verdict: Verdict) -> None:
    """x[0] and x[1] tie in the first window; x[1] is alone in the second."""
    report = api.check(api.load(TIES.format(claimed)), points=2)
    assert report.claims[0].verdict is verdict
    assert [e.verdict is Verdict.KINK for e in report.parameters[0].entries] == [True, True, False, False]
