"""Programs of NumPy are traced into models with the same loss, near and far; what is no model says so."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from build import added_up, grouped
from gradcheck_cli import api
from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.results.gradient_results import Verdict
from gradcheck_cli.tracing.argument_trees import arrays_by_name
from gradcheck_cli.tracing.programs import load_program
from gradcheck_cli.tracing.trace import Trace, trace

HEAD = "import math\nimport numpy as np\nfrom numpy import exp, zeros\nimport scipy.special as special\n\n"
ARGUMENTS = "A, B, S, v, u, s, X, y, m"


def point() -> dict[str, Any]:
    """Parameters A[2,3], B[3,2], S[2,2], v[3], u[2], s; data X[4,3], y, m."""
    random = np.random.default_rng(7)
    draw = {name: random.normal(size=shape) for name, shape in {
        "A": (2, 3), "B": (3, 2), "S": (2, 2), "v": (3,), "u": (2,), "X": (4, 3)}.items()}  # fmt: skip
    draw["S"] = draw["S"] @ draw["S"].T + np.eye(2)
    draw["v"] = np.array([0.8, -0.4, 1.2])
    return {**draw, "s": 0.7, "y": np.array([0, 2, 1, 1]), "m": np.array([True, False, True])}


def traced(folder: Path, body: str) -> Trace:
    path = folder / "program.py"
    path.write_text(f"{HEAD}def f({ARGUMENTS}):\n" + "".join(f"    {line}\n" for line in body.splitlines()))
    return trace(load_program(f"{path}:f"), point(), ("A", "B", "S", "v", "u", "s"))


# each is one number, and moves with a parameter
LOSSES = [
    # operators
    "(v + s)[0] - v[1]*s + v[2]/s", "(-v*v - (s - (v - s))).sum()",
    "(2**v).sum() + (v**2 - abs(v)**1.5).sum()",
    "1/(1 + np.exp(-s)) - s*-2", "(A + v).sum() + (A*v).max()", "(A.T + u).mean() + (u[:, None]*A).sum()",
    "(v[:, None] - v[None, :]**2).sum()", "(X - v).sum() * s", "((v > 0.1)*v).sum() + np.sum((v <= s)*1.0*v)",
    "np.sum(v*(v > 0) & True) if False else s", "(s < 1)*s + (~(v > 0)*v).sum()",
    "((v > 0) & (v < 1)).sum()*s + (((v > 1) | (v < 0))*v).sum()", "np.divide(np.add(v, s), 2.0).sum()",
    # products
    "v @ v + np.dot(v, v) + v.dot(v)", "(A @ v).sum()", "(u @ A).sum()", "(A @ B).sum()", "X.dot(B).sum()",
    "np.trace(S @ S)", "np.outer(u, v).sum()", "np.multiply.outer(u, v).max()", "u @ S @ u",
    "(X @ A.T).std()",
    "np.dot(s, v).sum()", "np.inner(v, v)", "np.matmul(A, v)[0]",
    "np.inner(A, B.T)[0, 1]", "np.vdot(A, A)", "(X[None] @ B)[0, 1, 1]", "(np.stack([A, A*s]) @ v).sum()",
    "(np.stack([A, A*s]) @ np.stack([B, B**2]))[1, 0, 1]",
    # sums and their kin
    "A.sum(axis=0)[1]", "A.sum(1)[0] + A.sum(axis=-1)[1]", "np.sum(A**2, axis=(0, 1))",
    "(A - A.mean(axis=1, keepdims=True)).max()", "np.prod(v)", "A.prod(axis=0).sum()",
    "np.max(A, axis=1).sum()",
    "A.min()", "np.linalg.norm(v)", "np.linalg.norm(A - 1)", "np.linalg.norm(A, axis=1).sum()",
    "np.linalg.norm(v, 1)", "np.linalg.norm(v, np.inf)", "v.var() + v.std()", "A.var(axis=0, ddof=1).sum()",
    "np.average(v, weights=v**2)", "sum(v)", "sum(x*x for x in v)", "np.add.reduce(v)", "np.cumsum(v)[1]",
    "v.cumprod()[2]", "np.mean(A.ravel())", "A.flatten()[4]", "np.maximum.reduce(v)",
    # functions
    "np.exp(v).sum() + exp(s)", "np.log(v**2).sum()", "np.tanh(s) + math.tanh(s) + math.exp(s)", "np.sqrt(s)",
    "np.log1p(s) + np.expm1(s)", "np.sin(s)*np.cos(s)", "np.arctan2(v, 2.0).sum()", "np.maximum(v, 0).sum()",
    "np.minimum(0.3, v).sum()", "np.abs(v).sum() + np.fabs(s)", "np.square(v).sum() + np.reciprocal(s)",
    "np.clip(v, -0.5, 0.5).sum()", "v.clip(min=0).sum()", "np.where(v > 0, v, 0.1*v).sum()",
    "np.where(m, v, s).sum()", "special.expit(v).sum()", "special.logsumexp(v)",
    "special.logsumexp(A, axis=1).sum()", "special.softmax(A, axis=1)[0, 1]", "special.gammaln(s)",
    "special.erf(s) + special.digamma(s)", "special.xlogy(2.0, s)", "np.logaddexp(v, 0).sum()",
    "np.hypot(s, 2)",
    "math.pow(s, 3) + math.sqrt(s)", "np.sign(v) @ v", "np.power(v, 3).sum()", "special.log_softmax(v)[1]",
    # entries
    "v[0]*v[-1]", "A[0, 1] + A[-1, -1]", "A[:, 1].sum()", "A[0].sum()", "A[..., 2].sum()", "v[1:].sum()",
    "v[:-1] @ u", "v[::-1] @ X[0]", "A[:, ::2].sum()", "v[[0, 2, 2]].sum()", "A[:, [2, 0]].sum()",
    "v[m].sum()",
    "X.dot(B)[np.arange(4), y % 2].sum()", "v[y].sum()", "B[y[:2]].sum()", "v[None].sum()",
    "np.take(v, y).sum()", "A[np.newaxis].sum()", "A[A > -9].sum()", "v[np.array([[0, 1], [2, 0]])].max()",
    # shapes and joins
    "A.reshape(3, 2).sum(axis=0)[0]", "A.reshape(-1)[1]", "A.T.reshape((2, -1))[0, 1]",
    "np.transpose(A)[2, 0]",
    "A.swapaxes(0, 1)[2, 1]", "np.squeeze(A[:, :1])[1]", "np.expand_dims(v, 1)[2, 0]",
    "np.hstack([v, u]).max()",
    "np.concatenate([A, B.T]).sum()", "np.concatenate((v, [1.0])).sum()", "np.vstack([v, X[0]])[0, 1]",
    "np.column_stack([v, v**2])[1, 1]", "np.stack([v, v*s], axis=1)[2, 1]", "np.array([s, s**2, 1.0]) @ v",
    "np.array([[s, 1], [0, s]])[0] @ u", "np.append(v, s).sum()", "np.r_[1.0, 2.0, 3.0] @ v",
    "np.tile(u, 2).sum()",
    "np.repeat(v, 2)[3]", "np.diag(S).sum()", "np.diag(v)[1, 1]", "np.broadcast_to(u, (3, 2)).sum()",
    "np.diff(v) @ u", "np.roll(v, 1) @ X[0]", "np.asarray(v).sum() + np.array(v, copy=True)[0]",
    "np.atleast_2d(v)[0, 1]", "np.apply_along_axis(lambda r: r @ r, 1, A).sum()",
    "np.linalg.solve(S, u) @ u", "np.linalg.cholesky(S)[1, 0]", "np.linalg.eigvalsh(S)[1]", "np.sort(v)[1]",
    "np.kron(u, v)[4]", "np.cross(v, X[0])[2]", "np.einsum('ij,jk->ik', A, B)[0, 1]", "np.einsum('ii', S)",
    "np.tril(S).sum()", "np.var(A, axis=1, ddof=1)[0] + np.std(v, ddof=1)",
    "A.std(axis=0, keepdims=True).sum()",
    "np.linalg.det(S)", "np.linalg.inv(S)[0, 1]", "np.linalg.slogdet(S)[1]", "np.eye(2)[0] @ S @ u",
    "np.zeros_like(v).sum() + s", "np.ones(3) @ v", "np.full(3, 2.0) @ v", "np.linspace(0, 1, 3) @ v",
    "float(np.pi)*s", "float(s)", "float(v @ v)*max(s, 0.1)", "min(s, 1, v[0]) + max(2, 3)*s", "max(v)",
    "y.dot(np.exp(X @ v))", "(1 - y).dot(np.log(X @ v + 9))", "np.eye(3)[y].dot(v).sum()",
    "(X @ v)[y == 1].sum()*s",
    "np.insert(A, 0, 1, axis=1)[1] @ np.ones(4)", "np.c_[v, X[0]][1, 0]", "np.r_[v, u].sum()",
    "np.r_[0:3] @ v",
    "v.reshape((3, 1), order='F')[2, 0]", "A.reshape((3, 2), order='F')[2, 0]", "A.ravel(order='F')[1]",
    "A.flatten('F')[2]", "sum(v[k] for k in y)", "((y == 1)*(X @ v)).sum()", "{2: s}[y[1]]",
    "np.pad(v, 1)[1]", "(np.pad(A, ((1, 0), (0, 2))) @ np.ones(5)).max()",
    "np.zeros(2, dtype=float) @ u + s", "len(v)*s", "v.shape[0]*s + v.size*s + A.ndim*s", "v.copy()[0]",
    "v.astype(float)[1]",
    "(v if isinstance(v, np.ndarray) else None).sum()", "np.nan*0 if s < -99 else s",
]  # fmt: skip
BODIES = [
    "h = np.tanh(A @ v)\nh += u\nh *= 2\nreturn h.sum()",

    "H = np.zeros((3, 2))\nfor t in range(3):\n    H[t] = np.cos(S @ H[t - 1] + u*v[t])\nreturn (H**2).sum()",
    "G = zeros((2, 2))\nG[0, 1] = s\nG[1] += u\nreturn (G @ G).sum()",
    "q = v*v\nq[q < 0.5] = 0.5\nreturn np.log(q).sum()",
    "z = np.ones(3)\nz[v > 1] = v[v < 0]\nreturn z @ v",  # one entry each
    "q = v.copy()\nq[m] = 0\nq[1] *= 3\nreturn q.sum()",
    "q = np.empty(3)\nq[:] = v\nq[1:] = u\nreturn (q**2).sum() + v[2]",
    "total = 0\nfor row, label in zip(X, y):\n    total += (row @ v - label)**2\nreturn total/len(y)",
    "p = special.softmax(X @ B, axis=1)\nk = y % 2\nreturn -np.mean(np.log(p[range(len(k)), k]))",
    "def g(a):\n    return a*s\nreturn sum(g(a) for a in v), 3 * v",
    "w = dict(a=v, b=u)\nreturn w['a'].sum()*w['b'].prod()",
    "out = np.zeros(3)\nnp.add(v, 1, out=out)\nreturn out.sum()",
    "loss = s\nfor loss_i in v:\n    loss = loss + loss_i**2\nreturn loss",
    "z = A @ v\nz = z - z.max()\np = np.exp(z)/np.exp(z).sum()\nreturn -np.log(p[1])",
    "q = A.copy()\nq[0][1:] = u\nrow = q[1]\nrow *= s\nk = q[1, 0]\nk += 1\nreturn (q**2).sum()",
    "q = A.copy()\nq[:, 0] = u\nq[:, 1:] -= s\nreturn (q**3).sum()",
]


def held(folder: Path, found: Trace) -> None:
    """The text runs, and its three methods agree."""
    report = api.check(api.load(found.text), points=1)
    assert report.verdict in (Verdict.OK, Verdict.KINK), found.text
    assert report.loss == pytest.approx(found.loss, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("loss", LOSSES[::10])  # the slow test below takes all
def test_an_expression_becomes_a_model(tmp_path: Path, loss: str) -> None:
    found = traced(tmp_path, f"return {loss}")
    assert api.load(found.text).loss == "loss"


@pytest.mark.parametrize("body", BODIES)
def test_a_program_becomes_a_model(tmp_path: Path, body: str) -> None:
    held(tmp_path, traced(tmp_path, body))


@pytest.mark.slow
@pytest.mark.parametrize("losses", grouped(LOSSES, 6))
def test_the_methods_agree_on_what_was_traced(tmp_path: Path, losses: list[str]) -> None:
    held(tmp_path, traced(tmp_path, added_up(losses)))


@pytest.mark.parametrize(("body", "line", "words"), [
    ("if s > 0.6999:\n    return s**2\nreturn -s", 7, "a branch"),
    ("return v[int(s*3)]*s", 7, "int(...)"),
    ("return v[0] if s > 0.6999 else s", 7, "a branch"),
    ("k = np.argmax(v - [0, 0, 0.3999])\nreturn v[k]*float(s)", 7, "np.argmax"),
    ("return s + np.random.rand()", None, "random"),
    ("return np.fft.fft(v).real.sum()", 7, "fft is not traced"),
    ("return np.linalg.norm(v, 0)", 7, "ord=0"),
    ("return v[v < 0.7999].size*s", 7, "a mask"),
    ("if s != 0.7:\n    raise ValueError\nreturn s", None, "no value away from the point"),
    ("return (s*np.linspace(0, 1, 50_001)).sum()", None, "an array of 50,001 numbers is too long"),
    ("return v", None, "a loss is one number"),
    ("return 3.0", None, "does not move"),
    ("return s.__float__()**2", None, "float(...)"),
    ("return v.nothing()", 7, "AttributeError"),
    ("return v[7]", 7, "IndexError"),
    ("return np.where(m, v, np.nan*v[0]).max()", None, "nan"),
])  # fmt: skip
def test_what_is_no_model_is_said(tmp_path: Path, body: str, line: int | None, words: str) -> None:
    with pytest.raises(GradcheckError) as caught:
        traced(tmp_path, body)
    assert words in str(caught.value), str(caught.value)
    assert "Traceback" not in str(caught.value)
    place = caught.value.place
    assert line is None or (place is not None and place.line == line), str(caught.value)


def test_a_choice_that_holds_near_and_far_is_told_in_the_model(tmp_path: Path) -> None:
    found = traced(tmp_path, "if s > -1e9:\n    return s**2\nreturn -s")
    assert "# program.py:7: a branch of a value that moves, taken as at this point" in found.text


def test_a_branch_near_by_bounds_what_is_believed(tmp_path: Path) -> None:
    found = traced(tmp_path, "if s > 0.69:\n    return s**2\nreturn -s")
    assert not found.holds_far
    assert "# 0.03 away from the point the program takes another way, as at program.py:7" in found.text
    assert traced(tmp_path, "return s**2").holds_far


def test_a_mask_is_read_and_set(tmp_path: Path) -> None:
    body = "p = v >= 0\nz = np.zeros_like(v)\nt = np.exp(-v[p])\nz[v >= 0] = 1/(2 + t)\n"
    found = traced(tmp_path, body + "z[~p] = np.exp(v[~p])\nreturn z @ X[0]")
    assert found.holds_far
    assert "where(v >= 0," in found.text
    assert "where(1 - p," in found.text
    assert found.notes == ()  # no side is left out


def test_a_vector_beside_a_column_is_told(tmp_path: Path) -> None:
    said = "program.py:7: the shapes [4] and [4, 1] were joined to [4, 4]"
    body = "return ((y - (X @ v)[:, None])**2).mean()"
    assert traced(tmp_path, body).notes == (said,)
    assert traced(tmp_path, "return ((y - X @ v)**2).mean()").notes == ()
    assert traced(tmp_path, "return (A*u[:, None]).sum() + (v[:, None]*u).sum()").notes == ()


def test_names_and_lines_are_those_of_the_program(tmp_path: Path) -> None:
    text = traced(tmp_path, "h = np.tanh(A @ v)\nreturn (h*u).sum()").text
    steps = [line for line in text.splitlines() if not re.match(r"(param|data|#)", line)]
    assert steps == ["h = tanh(A @ v)  # program.py:7", "loss = sum(h * u)  # program.py:8"]


def test_the_modules_are_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(f"{HEAD}C = np.ones(3)\ndef f(v):\n    return (exp(v)*C).sum()\n")
    program = load_program(f"{path}:f")
    text = trace(program, {"v": np.arange(3.0)}).text
    (module,) = program.modules
    assert vars(module)["np"] is np
    assert vars(module)["exp"] is np.exp
    assert type(vars(module)["C"]) is np.ndarray
    assert "data C" in text or "loss = sum(exp(v)" in text


def test_parameters_in_dicts_and_lists_have_names_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text("def f(p, layers):\n    return (p['W1'] @ layers[0]).sum() + layers[1].sum()*p['b 1']\n")
    arguments = {"p": {"W1": np.eye(2), "b 1": 0.5}, "layers": [np.ones(2), np.ones(1)]}
    model = api.load(trace(load_program(f"{path}:f"), arguments).text)
    assert [p.name for p in model.parameters()] == ["W1", "p_b_1", "layers0", "layers1"]


@pytest.mark.parametrize(("loss", "held", "names"), [
    ("(p['w'][0]**2).sum() + 3*p['w'][1].sum() + (p['w0']**3).sum()",
     {"w": [np.array([1.0]), np.array([2.0])], "w0": np.array([5.0])}, ["w0_2", "w1", "w0"]),
    ("p['w 1'].sum() + 2*p['w-1'].sum()", {"w 1": np.array([1.0]), "w-1": np.array([2.0])},
     ["w_1", "w_1_2"]),
    ("p['w 1']*p['w-1']*p['w_1_2']", {"w 1": 1.0, "w-1": 2.0, "w_1_2": 3.0},
     ["w_1", "w_1_3", "w_1_2"]),
])  # fmt: skip
def test_no_two_arrays_have_one_name(
    tmp_path: Path, loss: str, held: dict[str, Any], names: list[str]
) -> None:
    assert list(arrays_by_name({"p": held})) == names
    path = tmp_path / "program.py"
    path.write_text(f"def f(p):\n    return {loss}\n")
    found = trace(load_program(f"{path}:f"), {"p": held})
    assert sorted(found.names) == sorted(names)


def test_arguments_that_hold_arrays_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text("def f(enc, dec, W):\n    return (enc['W']**2).sum() + dec['W'].prod()*W - dec['b']\n")
    arguments = {"enc": {"W": np.ones(2)}, "dec": {"W": np.array([2.0, 3.0]), "b": 1.0}, "W": 2.0}
    program = load_program(f"{path}:f")
    assert sorted(trace(program, arguments).names) == ["W", "b", "dec_W", "enc_W"]
    assert sorted(trace(program, arguments, ["dec", "W"]).names) == ["W", "b", "dec_W"]
    assert list(arrays_by_name({"W": 1.0, "x": {"W": 2.0}, "x_W": 3.0})) == ["W", "x_W_2", "x_W"]
    assert arrays_by_name({"dec": {"W": 7.0}}, arguments) == {"dec_W": 7.0}


def test_one_array_that_objects_hold_twice_has_one_name() -> None:
    w = np.ones(2)
    assert list(arrays_by_name({"p": {"a": SimpleNamespace(w=w), "b": SimpleNamespace(w=w)}})) == ["w"]


def test_a_file_of_a_package_finds_what_it_imports_by_dots(tmp_path: Path) -> None:
    package = tmp_path / "some" / "models"
    package.mkdir(parents=True)
    (tmp_path / "some" / "__init__.py").write_text("")
    (tmp_path / "some" / "parts.py").write_text("def half(x):\n    return 0.5*x.sum()\n")
    (package / "__init__.py").write_text("import no_such_module_of_anybody\n")  # not needed here
    (package / "one.py").write_text(
        "from ..parts import half\nfrom .two import low\ndef f(v):\n    return half(v*v) + low(v[0])\n"
    )
    (package / "two.py").write_text("def low(x):\n    return float(x)*min(x, 2.0)\n")
    found = trace(load_program(f"{package / 'one.py'}:f"), {"v": np.arange(3.0) + 1})
    assert "min(x_2, 2)" in found.text


def test_float64_is_the_type_that_it_was(tmp_path: Path) -> None:
    body = (
        "assert np.dtype(np.float64) == v.dtype and np.finfo(np.float64).eps < 1e-9\n"
        "q = np.zeros(3, dtype=np.float64) + v.astype(np.float64)\nassert isinstance(q[0]*0 + 1, object)\n"
        "return np.float64(s)*q.sum() + np.array([s, 1], dtype=np.float64).sum()"
    )
    assert "loss = s * sum(" in traced(tmp_path, body).text
