"""Parameters and gradients where programs keep them: objects, globals, updates; each right and wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from gradcheck_cli import api
from gradcheck_cli.cli.main import main
from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.results.gradient_results import Report, Verdict

FILE = Path(__file__).parents[1] / "programs" / "conventions.py"
DATA, ALL = {"at": "point"}, {"at": "both"}
BUILT = {**DATA, "setup": "Model(2, 0.1)"}


def report(loss: str, grads: str, options: dict[str, Any]) -> Report:
    options = {**options, **({"at": f"{FILE}:{options['at']}"} if "at" in options else {})}
    named = [f"{FILE}:{grad}" for grad in grads.split()]
    return api.check_program(f"{FILE}:{loss}", grad=named, points=1, **options)


def line(claim: Any) -> str:
    return FILE.read_text().splitlines()[claim.line - 1].strip()


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "grads", "options", "claimed"), [
    ("Model.loss", "Model.backward", BUILT, {"W", "b"}),
    ("Model.loss", "Model.into_grads", BUILT, {"W", "b"}),
    ("Model.loss", "Model.gradient", BUILT, {"W", "b"}),
    ("net.loss", "net.backward", DATA, {"layers0_W", "layers0_b", "layers1_W", "layers1_b"}),
    ("Net.loss", "Net.backward", {**DATA, "parameters": ("layers1_W",)}, {"layers1_W"}),
    ("global_loss", "global_gradient", {}, {"W", "b"}),
    ("global_loss", "into_globals", {}, {"W", "b"}),
    ("loss", "grad_W grad_b", ALL, {"W", "b"}),
    ("loss", "update", ALL, {"W", "b"}),
    ("loss", "fixed_update", {**ALL, "lr": 0.1}, {"W", "b"}),
    ("loss", "stepped", {**ALL, "lr": 0.1}, {"W", "b"}),
    ("product", "slopes", {"at": "two"}, {"a", "c"}),
    ("global_loss", "anew", {}, {"W", "b"}),
    ("Estimator.loss", "Estimator.gradient", DATA, {"coef", "intercept"}),
])  # fmt: skip
def test_a_convention_is_found(loss: str, grads: str, options: dict[str, Any], claimed: set[str]) -> None:
    found = report(loss, grads, options)
    assert found.verdict is Verdict.OK
    assert {claim.by for claim in found.claims} == claimed


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "grads", "options", "wrong", "at", "said"), [
    ("Model.loss", "Model.backward_wrong", BUILT, {"b"}, "self.db *= 2", "is 2 times"),
    ("Model.loss", "Model.into_grads_wrong", BUILT, {"W"}, 'self.grads["W"] =', "has the wrong sign"),
    ("Model.loss", "Model.step_wrong", BUILT, {"W"}, "self.W += lr*dW", "has the wrong sign"),
    ("Net.loss", "Net.backward_wrong", DATA, {"layers0_W", "layers0_b"}, "self.grad_",
     "leaves out the derivative of tanh"),
    ("global_loss", "global_gradient_wrong", {}, {"W"}, "return 3*dW", "is 3 "),
    ("loss", "grad_b_wrong grad_W", {**ALL, "parameters": ("b", "W")}, {"b"}, "return of(", "is 3 "),
    ("loss", "update_wrong", ALL, {"W"}, "W -= lr*dW*len(y)", "is 3 "),
    ("product", "slopes_wrong", {"at": "two"}, {"c"}, "return np.cos(a)", ""),
    ("global_loss", "anew_wrong", {}, {"b"}, "", "is 2 times"),
    ("Estimator.loss", "Estimator.gradient_wrong", DATA, {"coef"}, "return np.append",
     "leaves out the factor 0.25"),
])  # fmt: skip
def test_its_wrong_twin_is_found(
    loss: str, grads: str, options: dict[str, Any], wrong: set[str], at: str, said: str
) -> None:
    claims = [c for c in report(loss, grads, options).claims if c.verdict is Verdict.WRONG]
    assert {claim.by for claim in claims} == wrong
    for claim in claims:
        assert line(claim).startswith(at)
        assert str(claim.diagnosis).startswith(said) or not said


@pytest.mark.parametrize(("loss", "grads", "options", "said"), [
    ("Model.loss", "Model.backward", DATA, 'help: --setup "Model(n)" builds it'),
    ("Model.loss", "Model.backward", {**DATA, "setup": "Model(m)"}, "Model(m) raised NameError"),
    ("Model.loss", "Model.backward", {**DATA, "setup": "Net()"}, "--setup gives a Net"),
    ("loss", "fixed_update", ALL, "its step size is not known"),
    ("loss", "grad_W grad_W", ALL, "and so does one before it"),
])  # fmt: skip
def test_what_is_missing_is_said(loss: str, grads: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(GradcheckError, match=re.escape(said)):
        report(loss, grads, options)


@pytest.mark.parametrize(("more", "said"), [
    (["-q", "-v"], "-q and -v exclude each other"), (["--lr", "0"], "--lr 0 is no step"),
    (["--lr", "nan"], "--lr nan is no step"), (["--lr", "inf"], "--lr inf is no step"),
])  # fmt: skip
def test_options_that_do_not_go_together(
    more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["code", f"{FILE}:loss", "--grad", f"{FILE}:update", "--at", f"{FILE}:both", *more]) == 2
    assert said in capsys.readouterr().err
