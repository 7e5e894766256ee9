"""Views of arrays and products of arrays that do not record: what is written to one is read in the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradcheck_cli.tracing.programs import load_program
from gradcheck_cli.tracing.trace import Trace, trace

HEAD = (
    "import numpy as np\nrng = np.random.default_rng(0)\n"
    "def make():\n    A = rng.normal(size=(3, 3))\n    return lambda x: A.dot(x)\n"
    "class Held:\n    def __init__(self):\n        self.A = rng.normal(size=(3, 3))\n"
    "    def __call__(self, x):\n        return self.A.dot(x)\nheld, times = Held(), make()\ndef f(A, v):\n"
)
POINT = {"A": np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]]), "v": np.array([0.8, -0.4, 1.2])}
BODIES = [
    "r = A[0]\nA[0, 1] = v[2]**3\nreturn (r**2).sum()",  # the whole is written to, a part is read
    "r = A[0]\nr *= v\nreturn (A**2).sum()",
    "B = A.T\nB[2] += v[:2]\nreturn A[1].prod() + A[0, 2]",
    "f = A.reshape(-1)\nf[::2] = v\nreturn (A[0]*A[1]).sum()",
    "f = A.ravel()\nA *= 2\nk = A.flatten()\nA += 1\nreturn (f*k).sum()",
    "B = np.asarray(A)\nB[1] -= v\nreturn (A**3).sum()",
    "for row in A:\n    row /= np.linalg.norm(row)\nreturn (A @ v).sum()",
    "B = A.T[1:][::-1]\nB[0] -= A[0, :2]\nA[1] = v\nreturn (B**2).sum() + (A**2).sum()",
    "p = A.copy()\nq = p\nq -= v\nreturn (p*A).sum()",
    "A.flat[::2] = v\nA.sort()\nreturn (A*np.arange(3.0)).sum()",
    "H = np.zeros((2, 3))\nfirst, second = H\nfirst[:] = v\nsecond[1:] = first[:2]**2\nreturn (H @ v).prod()",
    "return (times(v)**2).sum() + held(v)[0] + held.A.dot(A.T).sum() + np.ones(3).dot(v)",
]


def traced(folder: Path, body: str) -> Trace:
    path = folder / "program.py"
    path.write_text(HEAD + "".join(f"    {line}\n" for line in body.splitlines()))
    return trace(load_program(f"{path}:f"), POINT, ("A", "v"))


@pytest.mark.parametrize("body", BODIES)
def test_a_view_is_traced(tmp_path: Path, body: str) -> None:
    found = traced(tmp_path, body)
    assert found.holds_far or "sort" in body


LISTS = [
    "np.linalg.norm([a, b]) + np.exp([a, b]).sum() + np.diag([a, b, c]).sum() + np.outer([a], [b, 1])[0, 0]",
    "np.linalg.det([[a, 1], [1, b]]) + np.add.reduce([a, b]) + np.multiply([a, b], 2)[1]",
    "np.where([True, False], [a, b], [c, 0]).sum() + np.cross([a, b, c], [1, b, 2])[1]",
    "np.linalg.solve([[a, 1], [0, b]], [c, 1])[0] + np.interp(0.5, [0, 1], [a, b]) + np.maximum([a], c)[0]",
    "a*(ACT[np.tanh] == 2) + b*(Held.act == np.tanh) + Held.act([a, c])[1] + np.einsum('i,i', v, [a, b, c])",
]


@pytest.mark.parametrize("value", LISTS)
def test_lists_of_numbers_are_arrays(tmp_path: Path, value: str) -> None:
    names = "ACT = {np.tanh: 2}\nHeld.act = np.tanh\na, b, c = v\n"
    assert traced(tmp_path, f"{names}return {value}").holds_far


@pytest.mark.slow
def test_a_chain_of_views_is_no_recursion(tmp_path: Path) -> None:
    chain = "y = np.zeros(1200)\nz = y\nfor _ in range(1100):\n    z = z[1:]\n"
    body = f"{chain}z[0] = v[1]\ny[1100] *= 2\nreturn z[0]"
    assert traced(tmp_path, body).loss == 2*POINT["v"][1]
