"""Gradients from elsewhere, from the command line: the column, the verdict, every format, other points."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from gradcheck_cli.api import check, load
from gradcheck_cli.cli.main import main
from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.results.gradient_results import Report, Verdict
from paths import PROJECT

MODEL = """data X[3,2] = [[0.5, 1], [1.5, 0.25], [0.75, 2]]
data t[3,1] = [[1], [0], [2]]
param W[2,2] = [[0.1, 0.2], [0.4, 0.3]]
param V[2,1] = [[0.7], [-0.4]]
h = relu(X @ W)
loss = 0.5*mean((h @ V - t)^2)
"""
PROGRAM = """
import numpy as np

def loss(W, V, X, t):
    h = np.maximum(X @ W, 0)
    return 0.5*np.mean((h @ V - t)**2)

def grad(W, V, X, t):
    h = np.maximum(X @ W, 0)
    e = (h @ V - t)/t.size
    dh = e @ V.T
    dh[h <= 0] = 0
    return X.T @ dh, h.T @ e

def lazy(W, V, X, t):
    h = np.maximum(X @ W, 0)
    e = (h @ V - t)/t.size
    return X.T @ (e @ V.T), h.T @ e

def doubled(W, V, X, t):
    dW, dV = grad(W, V, X, t)
    return dW, 2*dV

def near(W, V, X, t):
    if W[0, 1] not in (0.1, 0.2):
        raise ValueError("too far")
    return grad(W, V, X, t)

def other_loss(W, V, X, t):
    return loss(W, V, X, t) + 1, grad(W, V, X, t)

def narrow(W, V, X, t):
    return [part.astype(np.float32) for part in grad(*(a.astype(np.float32) for a in (W, V, X, t)))]

def point():
    X = np.array([[0.5, 1.0], [1.5, 0.25], [0.75, 2.0]])
    return {"W": [[0.2, 0.1], [0.4, 0.3]], "V": [[0.7], [-0.4]], "X": X, "t": [[1], [0], [2]]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.txt").write_text(MODEL)
    (tmp_path / "net.py").write_text(PROGRAM)
    return tmp_path


def compared(*against: str, text: str = MODEL, **options: object) -> Report:
    return check(load(text), against=against, points=options.pop("points", 1), **options)  # type: ignore[arg-type]


def run(*arguments: str) -> tuple[int, str]:
    """The exit code, and what is written to both streams."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = main(arguments)
    out.flush()
    return code, out.buffer.getvalue().decode()  # type: ignore[attr-defined]


def test_a_right_gradient_and_a_wrong_one(folder: Path) -> None:
    report = compared("net.py:grad", "net.py:doubled")
    right, wrong = report.against
    assert (right.verdict, wrong.verdict, report.verdict) == (Verdict.OK, Verdict.WRONG, Verdict.WRONG)
    assert [r.verdict for r in wrong.results] == [Verdict.OK, Verdict.WRONG]
    assert "2" in (wrong.results[1].diagnosis or "")
    entry = report.parameters[1].entries[0]
    assert entry.against["net.py:doubled"] == 2*entry.against["net.py:grad"]
    assert entry.against_verdicts == {"net.py:grad": Verdict.OK, "net.py:doubled": Verdict.WRONG}
    assert report.parameters[0].entries[0].against_verdicts["net.py:doubled"] is Verdict.OK


def test_another_loss_is_another_function(folder: Path) -> None:
    (other,) = compared("net.py:other_loss").against
    assert (other.verdict, [r.verdict for r in other.results]) == (Verdict.WRONG, [Verdict.OK, Verdict.OK])
    assert "it is another function" in other.notes[0]


def test_what_is_computed_in_float32_is_judged_as_float32(folder: Path) -> None:
    (narrow,) = compared("net.py:narrow").against
    assert (narrow.verdict, narrow.precision) == (Verdict.OK, "float32")


def test_a_function_that_is_right_at_the_given_point_alone(folder: Path) -> None:
    assert compared("net.py:lazy").verdict is Verdict.OK
    report = compared("net.py:lazy", random=3)
    assert report.verdict is Verdict.WRONG
    assert "at random point 2, not at the given one" in (report.against[0].results[0].note or "")
    assert "worse there: d loss/d W" in report.closing[0]
    assert compared("net.py:grad", random=3).verdict is Verdict.OK


def test_a_program_that_is_right_at_the_given_point_alone(folder: Path) -> None:
    command = ("code", "net.py:loss", "--at", "net.py:point", "--points", "1")
    assert run(*command, "--grad", "net.py:lazy")[0] == 0
    code, output = run(*command[:-2], "--grad", "net.py:lazy", "--random", "2", "--against", "net.py:grad")
    assert code == 1
    assert "at random point 2, not at the given one" in output
    assert "AGAINST net.py:grad   2 ok" in output


def test_what_raises_at_random_points_is_said_not_to_be_compared_there(folder: Path) -> None:
    said = "Compared at 0 random points of 2: the others lie on another branch or outside a domain, or what"
    closing = compared("net.py:near", random=2).closing[-1]
    assert closing == f"{said} is compared gave no gradient there."
    code, output = run("code", "net.py:loss", "--grad", "net.py:grad", "--at", "net.py:point",
                       "--random", "2", "--against", "net.py:near")  # fmt: skip
    assert code == 0
    assert said in " ".join(output.split())


def test_every_format_shows_them(folder: Path) -> None:
    command = ("run", "net.txt", "--points", "1", "--against", "net.py:doubled")
    for name, said in (
        ("table", "AGAINST net.py:doubled   1 WRONG, 1 ok, in float64"),
        ("markdown", "### Against net.py:doubled: 1 WRONG, 1 ok, in float64"),
        ("latex", "Against net.py:doubled: 1 WRONG, 1 ok, in float64"),
        ("csv", 'net.txt,against net.py:doubled,"V[0,0]",'),
    ):
        code, output = run(*command, "--format", name)
        assert (code, said in output) == (1, True), output
    found = json.loads(run(*command, "--format", "json")[1])["reports"][0]
    assert found["against"][0]["name"] == "net.py:doubled"
    assert found["against"][0]["results"][1]["verdict"] == "WRONG"
    assert found["parameters"][1]["entries"][0]["against_verdicts"] == {"net.py:doubled": "WRONG"}
    assert "d loss/d V of net.py:doubled: is 2 times the true value" in run(*command, "-q")[1]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_tables_stay_within_80_columns(count: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    names = ("grad", "doubled", "lazy", "narrow")[:count]
    against = [word for name in names for word in ("--against", f"net.py:{name}")]
    _, output = run("run", "net.txt", "--points", "1", *against)
    assert max(map(len, output.splitlines())) <= 80
    assert all(f"net.py:{name}" in output for name in names)


def test_the_same_gradient_has_the_same_verdict_in_every_file(folder: Path) -> None:
    report = compared()
    exact = {b.name: np.array([e.backprop for e in b.entries]).reshape(b.shape) for b in report.parameters}
    for factor, verdict in ((1.0, Verdict.OK), (1 + 1e-5, Verdict.WRONG)):
        for kind in (np.float64, np.float32):
            arrays = {name: (factor*part).astype(kind) for name, part in exact.items()}
            flat = np.concatenate([part.ravel() for part in arrays.values()])
            np.savez("g.npz", **arrays)
            np.save("g.npy", flat)
            Path("g.csv").write_text("\n".join(map(str, flat)))
            Path("g.safetensors").write_bytes(_safetensors(arrays))
            found = compared("g.npz", "g.npy", "g.csv", "g.safetensors").against
            assert [each.verdict for each in found] == [verdict]*4, kind
            assert {each.precision for each in found} == {np.dtype(kind).name}


def _safetensors(arrays: dict[str, np.ndarray]) -> bytes:
    header, data = {}, b""
    for name, part in arrays.items():
        content = np.ascontiguousarray(part).tobytes()
        kind = {4: "F32", 8: "F64"}[part.itemsize]
        place = [len(data), len(data) + len(content)]
        header[name] = {"dtype": kind, "shape": list(part.shape), "data_offsets": place}
        data += content
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def test_a_number_at_a_kink_is_told_whose_it_is(folder: Path) -> None:
    for numbers, verdict, whose in (
        ([0, 0.5, 0.5], Verdict.KINK, "as torch (max(), amax), jax"),
        ([0, 1.0, 1.0], Verdict.WRONG, "as pytensor gives it at a tie of max"),
    ):
        np.save("g.npy", np.array(numbers))
        (found,) = compared("g.npy", text="param x[3] = [1, 2, 2]\nloss = max(x)").against
        assert (found.verdict, whose in (found.results[0].note or "")) == (verdict, True)


def test_what_is_refused(folder: Path) -> None:
    for arguments, said in (
        (("--flat",), "--flat is of --against, and there is none"),
        (("--random", "2", "--points", "3"), "exclude each other"),
        (("--against", "net.py:none"), "has no function none"),
        (("--against", "none.npz"), "there is no file none.npz"),
        (("--against", "net.py:grad", "--output", "net.py"), "net.py"),
        (("--against", "cmd: python3 net.py", "--output", "net.py"), "net.py"),
        (("--at", "net.py:point", "--output", "net.py"), "net.py"),
    ):
        code, output = run("run", "net.txt", *arguments)
        assert (code, said in output) == (2, True), output
    assert "def grad" in Path("net.py").read_text()


# ---------------------------------------------------------------------------------------------
# Points
# ---------------------------------------------------------------------------------------------


def test_points_of_files_and_functions(folder: Path) -> None:
    model = load(MODEL)
    W = [[0.2, 0.1], [0.4, 0.3]]
    np.savez("p.npz", W=W)
    Path("p.json").write_text(json.dumps({"W": W}))
    for at in (["p.npz"], ["p.json"], ["net.py:point"], [f"W={W}"]):
        report = check(model, at=at, points=1)
        assert report.parameters[0].entries[0].value == 0.2
    report = check(model, at=["p.npz", "V=[[1], [2]]"], points=1)
    assert [b.entries[0].value for b in report.parameters] == [0.2, 1.0]


def test_a_saved_point_is_read_back(folder: Path) -> None:
    text = "param w[3]\nloss = sum(w^2)"
    Path("drawn.txt").write_text(text)
    assert run("run", "drawn.txt", "--save-point", "p.npz", "--seed", "7")[0] == 0
    saved = check(load(text), at=["p.npz"], points=1).parameters[0].entries[0].value
    assert saved == check(load(text, seed=7), points=1).parameters[0].entries[0].value


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("none.npz", "no such file"),
        ("nothing", "neither a value nor a point"),
        ("p.json", "no data or parameter q"),
        ("shape.json", "W is [2], the model's is [2,2]"),
        ("nan.json", "W is not finite"),
        ("net.py:loss", "missing"),
        ("net.py:none", "has no function none"),
    ],
)
def test_points_that_are_refused(at: str, said: str, folder: Path) -> None:
    Path("p.json").write_text('{"q": 1}')
    Path("shape.json").write_text('{"W": [1, 2]}')
    Path("nan.json").write_text('{"W": [[1, 2], [3, NaN]]}')
    with pytest.raises(GradcheckError, match=said.replace("[", r"\[")):
        check(load(MODEL), at=[at], points=1)


def test_without_a_point_the_shapes_are_not_known(folder: Path) -> None:
    code, output = run("code", "net.py:loss", "--grad", "net.py:grad", "--random", "3")
    assert (code, "needs a value for W, V, X, t" in output) == (2, True)


# ---------------------------------------------------------------------------------------------
# Libraries and languages, where they are installed
# ---------------------------------------------------------------------------------------------

LOSSES = """
import {imports}

def loss(W, V, X, t):
    h = {relu}
    return 0.5*((h @ V - t)**2).mean()

def half(W, V, X, t):
    return loss(W, V, X, t)/2
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("library", "imports", "relu", "precision"),
    [
        ("torch", "torch", "torch.relu(X @ W)", "float64"),
        ("jax", "jax", "jax.nn.relu(X @ W)", "float32"),
    ],
)
def test_losses_are_differentiated_by_their_library(
    library: str, imports: str, relu: str, precision: str, folder: Path
) -> None:
    pytest.importorskip(library)
    Path("other.py").write_text(LOSSES.format(imports=imports, relu=relu))
    right, half = compared("other.py:loss", "other.py:half").against
    assert (right.verdict, right.precision, half.verdict) == (Verdict.OK, precision, Verdict.WRONG)
    if precision == "float32":
        assert "jax_enable_x64" in right.notes[0]


PROTOCOL = PROJECT / "tests" / "programs" / "protocol"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "command"),
    [
        (["g++", "-O1", "-o", "line", "line.cpp"], "./line"),
        (["gfortran", "-O1", "-o", "line", "line.f90"], "./line"),
        (["Rscript", "-e", "library(jsonlite)"], "Rscript line.R"),
        (["octave-cli", "--eval", "1;"], "octave-cli line.m"),
    ],
)
def test_programs_of_the_protocol(build: list[str], command: str, folder: Path) -> None:
    import subprocess

    if shutil.which(build[0]) is None:
        pytest.skip(f"{build[0]} is not installed")
    shutil.copytree(PROTOCOL, folder, dirs_exist_ok=True)
    if subprocess.run(build, capture_output=True, check=False).returncode:
        pytest.skip(f"{' '.join(build)} fails")
    text = Path("line.txt").read_text()
    assert compared(f"cmd: {command}", text=text).verdict is Verdict.OK
    other = text.replace("^2/2", "^2")
    assert compared(f"cmd: {command}", text=other).verdict is Verdict.WRONG


def test_fewer_names_are_asked_for(folder: Path) -> None:
    code, output = run("run", "net.txt", "--points", "1", "--wrt", "W,V", "--against", "net.py:grad")
    assert (code, "net.py:grad, in float64, is ok." in output) == (0, True), output
    np.savez("g.npz", W=np.zeros((2, 2)))
    assert "--wrt W asks for fewer" in run("run", "net.txt", "--against", "g.npz")[1]
    assert run("run", "net.txt", "--points", "1", "--wrt", "W", "--against", "g.npz")[0] == 1
    assert run("run", "net.txt", "--wrt", "none", "--against", "net.py:grad")[0] == 2


def test_whole_numbers_of_a_model_are_indices_of_a_function(tmp_path: Path) -> None:
    (tmp_path / "m.txt").write_text(
        "param s[2,3] = [[0.5, -1, 2], [0.3, 0.1, -0.4]]\ndata y[2] in 0 to 2 = [2, 0]\n"
        "loss = -sum(log_softmax(s, axis=1)[0:2,y])\n"
    )
    (tmp_path / "g.py").write_text(
        "import numpy as np\n\n\ndef grad(s, y):\n    p = np.exp(s)/np.exp(s).sum(1, keepdims=True)\n"
        "    p[np.arange(2), y] -= 1\n    return {'s': p}\n"
    )
    report = check(load(tmp_path / "m.txt"), against=[f"{tmp_path / 'g.py'}:grad"], points=1)
    assert report.verdict is Verdict.OK
