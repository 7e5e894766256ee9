"""Where a black box is called, and how often."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gradcheck_cli import api
from gradcheck_cli.programs.sampled_loss import SampledLoss
from gradcheck_cli.tracing.live_functions import program_of


def test_random_points_lie_in_directions_of_their_own() -> None:
    given = np.array([0.5, -1.2, 2.0])
    points: list[Any] = []

    def loss(w: Any) -> float:
        return float(np.sum(np.fft.fft(w).real ** 2))

    def grad(w: Any) -> Any:
        points.append(np.array(w))
        return 2 * np.fft.fft(np.fft.fft(w).real).real

    report = api.check_program(loss, grad=grad, at={"w": given}, random=6, black_box=True)
    assert str(report.verdict) == "ok"
    moved = [p - given for p in points if np.max(np.abs(p - given)) > 1e-3]
    assert len(moved) == 6
    directions = np.array([d / np.linalg.norm(d) for d in moved])
    assert np.max(np.abs(np.triu(directions @ directions.T, 1))) < 0.999


def test_a_loss_at_another_point_has_its_own_arrays() -> None:
    program = program_of(lambda w: float(np.sum(w)))
    loss = SampledLoss(program, {"w": np.array([1.0, 2.0])}, ["w"])
    assert loss.x.tolist() == [1.0, 2.0]
    moved = replace(loss, arguments={"w": np.array([3.0, 4.0])})
    assert (moved.x.tolist(), loss.x.tolist()) == ([3.0, 4.0], [1.0, 2.0])
    assert {"w"} == set(moved.kept) == set(moved.blocks)


@pytest.mark.parametrize(("shift", "said"), [(0.0, "of 6 other points"), (50.0, "")])
def test_points_outside_a_domain_are_counted(shift: float, said: str) -> None:
    def loss(w: Any) -> float:
        return float(np.sum(np.log(w + shift)))

    def grad(w: Any) -> Any:
        return 1 / (w + shift)

    report = api.check_program(loss, grad=grad, at={"w": np.array([0.5, 0.7])}, random=6, black_box=True)
    told = [text for text in report.closing if "other points" in text]
    assert len(told) == bool(said)
    assert all(said in text and f"Compared at {report.points - 1} " in text for text in told)
