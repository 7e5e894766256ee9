"""Each kind of docs/programs.md that does not trace is an error that says what, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.tracing.programs import load_program
from gradcheck_cli.tracing.trace import trace

DOCS = Path(__file__).parents[3] / "docs" / "programs.md"
HEAD = (
    "import numpy as np\nfrom scipy.integrate import quad\nfrom scipy.optimize import brentq\n"
    "from scipy.signal import lfilter\nclass Held:\n    pass\nheld = Held()\nheld.A = np.eye(3)\ncalls = []\n"
    "def f(x, s):\n"
)  # fmt: skip
POINT = {"x": np.array([0.5, -1.0, 2.0]), "s": 0.7}
KINDS = [
    ("plain numbers of a value that moves", "return x[int(s*3)]*s", "int(...)", True),
    ("an array out of reach", "held.A[0] = x\nreturn held.A.sum()", "does not record", True),
    ("subclasses of arrays", "return (np.asmatrix(np.eye(3))*x.reshape(3, 1)).sum()", "", True),
    ("subclasses of arrays", "return np.matrix(x).sum()", "seen as another type", True),
    ("an array of whole numbers", "a = np.zeros(3, int)\na[:] = x\nreturn a.sum()*s", "cuts off", True),
    ("an installed library", "return quad(lambda t: s*t, 0, 1)[0]", "scipy.integrate.quad is not", True),
    ("an installed library", "return s*brentq(lambda t: t - s, 0, 1)", "scipy.optimize.brentq", True),
    ("a function that the language has not", "return np.linalg.qr(np.outer(x, x))[1].sum()", "qr", True),
    ("a function that the language has not", "return np.linalg.eigh(np.outer(x, x))[1].sum()",
     "eigh for eigenvectors is not", True),
    ("a function that the language has not", "return np.einsum(x, [0], x, [0], [])", '"ij,j->i"', True),
    ("a function that the language has not", "return lfilter(x, 1.0, x).sum()", "scipy.signal.lfilter", True),
    ("a function that the language has not", "return np.interp(s, [0, 1], [2, 5])", "interp", True),
    ("complex arithmetic", "return np.abs(s*1j)", "complex numbers", True),
    ("random numbers", "return s*np.random.rand()", "random numbers", False),
    ("random numbers", "calls.append(1)\nreturn s*len(calls)", "keep values between calls", False),
    ("a choice so near", "return x[0]*s if s > 0.6999 else s", "a branch", True),
    ("a file that fails at a plain call", "return x.nothing()*s", "AttributeError", True),
    ("more than 20,000 operations", "return sum(s*k for k in range(20_001))", "more than 20,000 op", True),
    ("arrays of more than 50,000 numbers", "return (s*np.arange(50_001)).sum()", "50,001 numbers", False),
]


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize(("kind", "body", "words", "has_line"), KINDS)
def test_a_kind_of_the_table_is_an_error(
    tmp_path: Path, kind: str, body: str, words: str, has_line: bool
) -> None:
    assert kind in DOCS.read_text(encoding="utf-8")
    path = tmp_path / "program.py"
    path.write_text(HEAD + "".join(f"    {line}\n" for line in body.splitlines()))
    with pytest.raises(GradcheckError) as caught:
        trace(load_program(f"{path}:f"), POINT)
    assert words in str(caught.value), str(caught.value)
    assert (caught.value.place is not None) is has_line, str(caught.value)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("kind", [np.ma.masked_array, np.asmatrix])
def test_an_argument_of_a_subclass_is_an_error(tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "program.py"
    path.write_text(HEAD + "    return (x*s).sum()\n")
    with pytest.raises(GradcheckError, match="only plain arrays are traced"):
        trace(load_program(f"{path}:f"), {**POINT, "x": kind(POINT["x"])})
