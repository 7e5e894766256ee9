"""Deep chains: slopes too small for differences, and the referee's second way for all names at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from chains import chain

from gradcheck_cli import api, backprop, hearing
from gradcheck_cli.forward import forward_pass
from gradcheck_cli.points import moved
from gradcheck_cli.referee import Referee
from gradcheck_cli.results import Verdict
from gradcheck_cli.symbolic import lower


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_slopes_that_vanish_on_the_way_are_no_defect(seed: int) -> None:
    """At the moved points d loss/d b28 is 1e-13 of the loss, and at huge steps the chain is bounded."""
    report = api.check(api.load(chain(100), seed=seed))
    assert report.verdict is Verdict.OK
    assert len(report.parameters) == 202


def test_the_referee_confirms_all_names_together() -> None:
    model = api.load(chain(60))
    referee, names = Referee(lower(model)), [p.name for p in model.parameters()]
    for point in (model.point(), {**model.point(), **moved(model, 1)}):
        truth = referee.derivative(point, "loss", names)
        assert all(mask.all() for mask in referee.confirmed(point, "loss", truth).values())
        wrong = {**truth, "w7": truth["w7"] * (1 + 1e-8)}
        assert not referee.confirmed(point, "loss", wrong)["w7"].all()
        wrong = {**truth, "b40": -truth["b40"]}
        assert not referee.confirmed(point, "loss", wrong)["b40"].all()


KINKED = "param x = 0, y = 2, z = 0\nf = abs(x) + y^2 + 3*x + z^2\nloss = f^2"


def test_the_referee_does_not_confirm_at_a_kink() -> None:
    model = api.load(KINKED)
    referee = Referee(lower(model))
    point = model.point()
    truth = referee.derivative(point, "loss", ["x", "y", "z"])
    found = referee.confirmed(point, "loss", truth)
    assert not found["x"].any()
    assert not found["z"].any()  # 0: it is not asked for
    beside = {**point, "x": np.asarray(1e-7)}
    truth = referee.derivative(beside, "loss", ["x", "y"])
    assert all(mask.all() for mask in referee.confirmed(beside, "loss", truth).values())


def test_what_cannot_be_crossed_is_not_watched() -> None:
    steps = "a = x^2\nb = x^0.5\nc = x/3\nd = 3/x\ne = x^n\nloss = a + b + c + d + e"
    model = api.load(f"param x = 2, n = 2\n{steps}")
    watched = forward_pass(model).bordered
    assert {s.name for s in model.steps.values() if s.node in watched} == {"b", "d", "e"}


def test_many_small_names_are_heard_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "_MOST_SMALL", 0)
    report = api.check(api.load(chain(40)), points=1)
    ways = [block.way for block in report.parameters]
    assert report.verdict is Verdict.OK
    assert (len(ways), ways.count("each")) == (82, 15)  # 8 largest, 8 others, one of them twice
    assert report.coverage.one_by_one == 15


@pytest.mark.parametrize("name", ["w7", "b33"])
def test_a_wrong_one_in_the_crowd_is_found(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(hearing, "_MOST_SMALL", 0)
    right = backprop.derivative

    def wrong(*arguments: Any, **options: Any) -> dict[str, np.ndarray]:
        found = right(*arguments, **options)
        return {n: each * (1 + 1e-3) if n == name else each for n, each in found.items()}

    monkeypatch.setattr(backprop, "derivative", wrong)
    report = api.check(api.load(chain(40)), points=1)
    off = {block.name for block in report.parameters if block.verdict is not Verdict.OK}
    assert (report.verdict, off) == (Verdict.WRONG, {name})
