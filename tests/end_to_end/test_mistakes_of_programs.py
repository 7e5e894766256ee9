"""Mistakes that people make in gradients of NumPy programs: each named at once, in the program's words."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli import api
from gradcheck_cli.cli.main import main
from gradcheck_cli.results.gradient_results import Report, Verdict

PROGRAMS = Path(__file__).parents[1] / "programs"


def report(file: str, loss: str, grad: str, at: str, *wrt: str) -> Report:
    named = (f"{PROGRAMS / file}:{name}" for name in (loss, grad, at))
    loss, grad, at = named
    return api.check_program(loss, grad=grad, at=at, parameters=wrt, points=1)


@pytest.mark.slow
@pytest.mark.parametrize(("file", "wrt", "wrong", "said"), [
    ("mlp.py", (), {"W1", "b1"}, "has 1 - z^2 in place of the derivative of tanh (mlp.py:14)"),
    ("single.py", (), {"W"}, "takes half the second term of the sum (single.py:17)"),
    ("camera.py", ("t",), {"t"},
     "has -z/depth in place of the derivative of the quotient by its divisor (camera.py:24)"),
    ("catmull_rom.py", (), {"P"},
     "keeps the last of what is chosen twice of P, where all of it adds up (catmull_rom.py:17)"),
])  # fmt: skip
def test_one_command_finds_a_planted_mistake(
    file: str, wrt: tuple[str, ...], wrong: set[str], said: str
) -> None:
    found = report(file, "loss", "grad", "point", *wrt)
    claims = [claim for claim in found.claims if claim.verdict is Verdict.WRONG]
    assert {claim.by for claim in claims} == wrong
    assert {claim.diagnosis for claim in claims} == {said}
    assert report(file, "loss", "repaired", "point", *wrt).verdict is Verdict.OK


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "grad", "at", "said"), [
    ("square", "square_wrong_sign", "square_at", "has the wrong sign"),
    ("ridge", "ridge_by_differences", "ridge_at", "is a central difference of ridge with step 1e-05"),
    ("joined", "joined_grad", "joined_at", "is right for another loss, and the loss is not what it seems"),
    ("product", "product_transposed", "product_at", "is transposed"),
    ("product", "product_exchanged", "product_at", "is d loss/d B"),
    ("entropy", "entropy_grad", "entropy_at", "leaves out the 0.001 that the loss adds (slips.py:"),
    ("relu", "relu_grad", "weights_at", "leaves out the derivative of max (slips.py:"),
    ("flat", "flat_in_columns", "flat_at", "has theta[0:12] in column order (Fortran)"),
    ("flat", "flat_swapped", "flat_at", "has its blocks in another order: theta[12:15], theta[0:12]"),
    ("flat", "flat_by_a_factor", "flat_at", "is right but for theta[12:15], which is 1/2 times the true"),
    ("recurrent", "recurrent_not_carried", "recurrent_at",
     "leaves out what h passes on from turn to turn of the loop (slips.py:"),
    ("softmax", "softmax_diagonal", "weights_at", "takes only the diagonal p*(1 - p)"),
    ("batch_norm", "batch_norm_held", "weights_at", "leaves out the paths through mean (slips.py:"),
])  # fmt: skip
def test_a_mistake_has_a_name(loss: str, grad: str, at: str, said: str) -> None:
    claims = [c for c in report("slips.py", loss, grad, at).claims if c.verdict is Verdict.WRONG]
    assert claims
    assert str(claims[0].diagnosis).startswith(said), claims


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "wrong", "at", "said"), [
    ("elman", "elman_wrong", "cells_at",
     "leaves out what is passed on from turn to turn of the loop (loops.py:14)"),
    ("gate", "gate_wrong", "cells_at", "uses h where r*h belongs (loops.py:42)"),
    ("pairs", "pairs_wrong", "pairs_at",
     "has the wrong sign for the second term of the difference (loops.py:78)"),
    ("poisson", "poisson_penalty", "poisson_at", "adds 0.1*w, in w[0]: a penalty?"),
    ("poisson", "poisson_offset", "poisson_at", "leaves out the data that the loss adds (loops.py:106)"),
    ("poisson", "poisson_entry", "poisson_at", "is 2 times the true value, in w[1]"),
    ("network", "network_wrong", "network_at", "takes 0.1*... for constant in loops.py:137"),
])  # fmt: skip
def test_a_mistake_that_a_line_makes_each_time_has_a_name(loss: str, wrong: str, at: str, said: str) -> None:
    claims = [c for c in report("loops.py", loss, wrong, at).claims if c.verdict is Verdict.WRONG]
    assert claims
    assert {claim.diagnosis for claim in claims} == {said}
    assert report("loops.py", loss, f"{loss}_grad", at).verdict is Verdict.OK


def test_the_sign_of_one_number_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    file = PROGRAMS / "slips.py"
    words = ["code", f"{file}:square", "--grad", f"{file}:square_wrong_sign", "--at", f"{file}:square_at"]
    assert main(words) == 1
    assert "has the wrong sign" in capsys.readouterr().out


def test_a_factor_of_another_shape_is_no_explanation(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(
        "import numpy as np\ndef loss(w):\n    a = 0.5*np.linalg.norm(w)\n    b = 0.25*w.T.dot(w)\n"
        "    return a + b\ndef grad(w):\n    return 0.5*np.sign(w) + 0.5*w\n"
        "def point():\n    return (np.array([0.5, -0.2, 0.9]),)\n"
    )
    named = (f"{tmp_path / 'm.py'}:{name}" for name in ("loss", "grad", "point"))
    loss, grad, at = named
    assert api.check_program(loss, grad=grad, at=at, points=1).verdict is Verdict.WRONG


@pytest.mark.slow
def test_a_gradient_is_called_at_other_points_too() -> None:
    file = PROGRAMS / "slips.py"
    for grad, verdict in (("hinge_grad", Verdict.OK), ("hinge_without_mask", Verdict.WRONG)):
        found = api.check_program(f"{file}:hinge", grad=f"{file}:{grad}", at=f"{file}:hinge_at")
        assert found.verdict is verdict
        assert ("at the given one it is ok" in str(found.notes)) == (verdict is Verdict.WRONG)
