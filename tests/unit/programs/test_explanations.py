"""What is said of a program's gradient: confirmed at several points, in the program's words."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from gradcheck_cli import api
from gradcheck_cli.api.models import load_text
from gradcheck_cli.numerics.limits.programs import PROGRAMS
from gradcheck_cli.programs.explanations import in_words
from gradcheck_cli.programs.observations import Sample

RELU = """
import numpy as np
def loss(w):
    return np.sum(np.maximum(w, 0))
def ones(w):
    return np.ones_like(w)
def right(w):
    return np.where(w > 0, 1.0, 0.0)
def twice(w):
    return 2*right(w)
def point():
    return {"w": np.array([0.5, 1.2, 2.0, 0.3])}
def border():
    return {"w": np.array([0.0005, 1.2, 2.0, 0.3])}
"""


@pytest.mark.parametrize(("random", "said"), [(5, None), (6, "leaves out the derivative of max (relu.py:4)")])
def test_what_one_random_point_tells_is_not_said(random: int, said: str | None, tmp_path: Path) -> None:
    file = tmp_path / "relu.py"
    file.write_text(RELU)
    loss, grad, at = (f"{file}:{name}" for name in ("loss", "ones", "point"))
    (claim,) = api.check_program(loss, grad=grad, at=at, random=random).claims
    assert "at random point 3" in (claim.note or "")  # 6 changes signs, too
    assert claim.diagnosis == said


@pytest.mark.parametrize(("grad", "rival", "verdicts"), [
    ("ones", "right", ("WRONG", "ok")), ("ones", "twice", ("WRONG", "WRONG")),
    ("right", "twice", ("ok", "WRONG")), ("right", "right", ("ok", "ok")),
])  # fmt: skip
def test_a_gradient_beside_another_is_called_near_by_too(
    grad: str, rival: str, verdicts: tuple[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "relu.py"
    file.write_text(RELU)
    own, at, against = f"{file}:{grad}", f"{file}:border", [f"{file}:{rival}"]
    report = api.check_program(f"{file}:loss", grad=own, at=at, against=against)
    assert (str(report.claims[0].verdict), str(report.against[0].verdict)) == verdicts
    assert str(report.verdict) == ("WRONG" if "WRONG" in verdicts else "ok")
    assert report.claims[0].diagnosis is None  # of one point alone


@pytest.mark.parametrize("module", ["black_box_report", "explanations", "array_outputs"])
def test_a_right_gradient_needs_no_explanation(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, f"gradcheck_cli.programs.{module}", None)  # an import of it fails
    file = tmp_path / "relu.py"
    file.write_text(RELU)
    loss, grad, at = (f"{file}:{name}" for name in ("loss", "right", "point"))
    assert str(api.check_program(loss, grad=grad, at=at).verdict) == "ok"
    if module == "explanations":
        with pytest.raises(ImportError):
            api.check_program(loss, grad=f"{file}:twice", at=at)


@pytest.mark.parametrize(("claimed", "made", "near"), [
    ([2.0, 4.0], [2.0, 4.0], False), ([2.0, 8.0], [2.0, 8.0], True), ([2.0, 8.0], [2.0, 4.0], False),
])  # fmt: skip
def test_what_makes_true_numbers_is_no_mistake(claimed: list[float], made: list[float], near: bool) -> None:
    model = load_text("param w = [1, 2]\nloss = sum(w^2)\n", file="m.gradcheck", folder=Path())
    assert Sample(model, {"w": np.array(claimed)}).is_near("w", np.array(made), PROGRAMS) is near


@pytest.mark.parametrize(("said", "wanted"), [
    ("leaves out h (h.py:6)", "leaves out a value computed in h.py:6"),
    ("takes h for constant in h.py:6", "takes an unnamed value for constant in h.py:6"),
    ("takes h for constant in my-h.h.py:6", "takes an unnamed value for constant in my-h.h.py:6"),
    ("takes a (h.py:6) and b for constant", "takes b (h.py:6) and a for constant"),
    ("is d loss/d a", "is d loss/d b"),
    ("takes hh for constant", "takes hh for constant"),
])  # fmt: skip
def test_names_of_the_model_become_those_of_the_program(said: str, wanted: str) -> None:
    assert in_words(said, {"h": "", "a": "b", "b": "a", "loss": "loss"}) == wanted
