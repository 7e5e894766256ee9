"""What is computed of a gradient from elsewhere, and how often."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gradcheck_cli import api
from gradcheck_cli.verdicts.diagnosis import diagnose

PROGRAM = """
import numpy as np
def loss(w):
    return np.sum(w**2)
def right(w):
    return 2*w
def wrong(w):
    return np.array([2.0, 3.0, 5.0])*w
def point():
    return {"w": np.array([0.5, 1.2, 2.0])}
"""


def test_entries_have_verdicts_and_the_array_one_diagnosis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    own = diagnose.diagnose_claims

    def counted(model: Any, claims: Any, *rest: Any, **options: Any) -> Any:
        asked.append(len(claims))
        return own(model, claims, *rest, **options)

    monkeypatch.setattr(diagnose, "diagnose_claims", counted)
    file = tmp_path / "squares.py"
    file.write_text(PROGRAM)
    loss, grad, at, rival = (f"{file}:{name}" for name in ("loss", "right", "point", "wrong"))
    report = api.check_program(loss, grad=grad, at=at, against=[rival], points=1)
    found = [str(v) for entry in report.parameters[0].entries for v in entry.against_verdicts.values()]
    assert found == ["ok", "WRONG", "WRONG"]
    assert asked == [1]
