"""Where a black box is called, and how often."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck_cli import api


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
