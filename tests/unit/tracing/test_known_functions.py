"""What is sigmoid, tanh or softmax in other words is traced as that function, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradcheck_cli import api
from gradcheck_cli.results.gradient_results import Verdict
from gradcheck_cli.tracing.programs import load_program
from gradcheck_cli.tracing.trace import trace

POINT = {"v": np.array([0.8, -0.4, 1.2]), "A": np.array([[0.5, -1.0, 0.3], [0.2, 0.9, -0.7]])}
BY_MASKS = "z = np.zeros_like(v)\nz[v >= 0] = 1/(1 + np.exp(-v[v >= 0]))\nn = v < 0\n"
E = "e = np.exp(A - A.max(axis=1, keepdims=True))\n"


def steps(folder: Path, body: str) -> str:
    path = folder / "program.py"
    path.write_text("import numpy as np\ndef f(v, A):\n" + "".join(f"    {x}\n" for x in body.splitlines()))
    return trace(load_program(f"{path}:f"), POINT).text


@pytest.mark.parametrize(("body", "written"), [
    ("return (1/(1 + np.exp(-v))).sum()", "sigmoid(v)"),
    ("return (1/(np.exp(-1*v) + 1.0)).sum()", "sigmoid(v)"),
    ("return (1/(1 + np.exp(v))).sum()", "sigmoid(-v)"),
    ("return (np.exp(v)/(1 + np.exp(v))).sum()", "sigmoid(v)"),
    (BY_MASKS + "z[n] = np.exp(v[n])/(1 + np.exp(v[n]))\nreturn z.sum()", "sigmoid(v)"),
    ("return np.where(v > 0, 1/(1 + np.exp(-v)), np.exp(v)/(1 + np.exp(v))).sum()", "sigmoid(v)"),
    ("a, b = np.exp(v), np.exp(-v)\nreturn ((a - b)/(a + b)).sum()", "tanh(v)"),
    ("e = np.exp(v)\nreturn (e/e.sum())[0]", "softmax(v)"),
    (E + "return (e/e.sum(axis=1, keepdims=True))[0, 1]", "softmax(A, axis=1)"),
    (E + "return (e/e.sum(axis=1)[:, None])[0, 1]", "softmax(A, axis=1)"),
    ("e = np.exp(A)\nreturn (e/e.sum(axis=0))[0, 1]", "softmax(A, axis=0)"),
    ("e = np.exp(A)\nreturn (e/e.sum())[0, 1]", "softmax(A, axis=(0,1))"),
])
def test_it_is_named(tmp_path: Path, body: str, written: str) -> None:
    text = steps(tmp_path, body)
    assert written in text
    assert "exp(" not in text


@pytest.mark.parametrize("body", [
    "return (1/(2 + np.exp(-v))).sum()",
    "return (2/(1 + np.exp(-v))).sum()",
    "return (np.exp(v)/(1 + np.exp(2*v))).sum()",
    "a, b = np.exp(v), np.exp(-2*v)\nreturn ((a - b)/(a + b)).sum()",
    "a, b = np.exp(v), np.exp(-v)\nreturn ((a - b)/(a + 2*b)).sum()",
    "e = np.exp(v)\nreturn (e/(e.sum() + 1))[0]",
    "return (np.exp(v)/np.exp(2*v).sum())[0]",
    "B = A[:, :2]\ne = np.exp(B)\nreturn (e/e.sum(axis=1))[0, 1]",  # of another row: a square array
    BY_MASKS + "z[n] = np.exp(v[n])/(1 + np.exp(2*v[n]))\nreturn z.sum()",
])
def test_what_is_nearly_one_is_none(tmp_path: Path, body: str) -> None:
    text = steps(tmp_path, body)
    assert "exp(" in text or "where(" in text


def test_only_what_is_the_same_along_the_axis_is_left_out(tmp_path: Path) -> None:
    body = "e = np.exp(A - A.max(axis=0))\nreturn (e/e.sum(axis=1, keepdims=True))[0, 1]"
    assert "softmax(A - max(A, axis=0" in steps(tmp_path, body)


def test_the_gradient_of_a_saturated_unit_is_ok(tmp_path: Path) -> None:
    path = tmp_path / "unit.py"
    path.write_text(
        "import numpy as np\ndef s(x):\n    return 1/(1 + np.exp(-x))\ndef loss(x):\n    return s(x).sum()\n"
        "def grad(x):\n    return s(x)*(1 - s(x))\ndef wrong(x):\n    return s(x)*(1 - s(x)) + 1e-12\n"
        "def point():\n    return np.array([3.3, 5.1, 8.7, 12.3, 20.2])\n"
    )
    known = {"at": f"{path}:point", "points": 1}
    assert api.check_program(f"{path}:loss", grad=f"{path}:grad", **known).verdict is Verdict.OK
    assert api.check_program(f"{path}:loss", grad=f"{path}:wrong", **known).verdict is Verdict.WRONG
