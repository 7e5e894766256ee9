"""--save-point: the point that was used comes back, to the last bit, from the file it was kept in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_cli import check
from gradcheck_cli.api import load, save_point
from gradcheck_cli.cli import main as cli
from gradcheck_cli.common import atomic_output
from gradcheck_cli.common.errors import OptionError, OutputError
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.random_points import draw_normal

# Every way to a value: drawn, free and drawn again (log c), given, from a file, scalar to matrix, Greek.
MODEL = """seed 3
rows x[2] ~ normal(0, 1) count 4, y = [1, 2, 3, 0.1]
rows M[2,2] ~ uniform(0, 1) count 4
data \u03c3 = 0.1, file = -0.0; data t from "t.csv"
param W[3,2] ~ he, \u03b2\u2080 = 1/3, v[3], one[1] = 2, c
h = tanh(W @ (M @ x))
f = \u03b2\u2080 + v' @ h + one[0]*t[0] + file
loss = sum_rows((f - y)^2)/\u03c3 + log(c)
claim d loss/d f = 2*(f - y)/\u03c3
"""
DECLARATIONS = """seed 3
rows x[2], y from "point.npz"
rows M from "point.npz"
data sigma, t[2], file from "point.npz"
param W, beta0, v[3], one[1], c from "point.npz"
"""
AGAIN = DECLARATIONS + "\n".join(MODEL.splitlines()[5:]).replace("\u03b2\u2080", "beta0")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with model.txt, where we are."""
    (tmp_path / "model.txt").write_text(MODEL, encoding="utf-8")
    (tmp_path / "again.txt").write_text(AGAIN, encoding="utf-8")
    (tmp_path / "t.csv").write_text("t\n0.1\n1e-300\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bits(model: Model) -> dict[str, tuple[tuple[int, ...], bytes]]:
    return {name: (values.shape, values.tobytes()) for name, values in model.point().items()}


def judged(model: Model) -> dict[str, Any]:
    """The report, without the model's name and what tells how a number came about."""
    report = {**vars(check(model)), "model": "", "notes": ()}
    report["parameters"] = [{**vars(block), "name": ""} for block in report["parameters"]]
    report["claims"] = [{**vars(c), "line": 0, "formula": ""} for c in report["claims"]]
    return report


def test_the_point_comes_back_to_the_last_bit_and_so_does_the_report(folder: Path) -> None:
    model = load(folder / "model.txt")
    assert model.inputs["c"].values != load(folder / "model.txt", seed=4).inputs["c"].values
    save_point(model, "point.npz")
    again = load(folder / "again.txt")
    assert bits(again) == bits(model)
    assert judged(again) == judged(model)
    assert np.signbit(again.inputs["file"].values)


def test_what_was_drawn_again_is_kept_as_it_was_used(folder: Path) -> None:
    names = [f"c{k}" for k in range(3)]  # one of three first draws is negative
    sum_of_logs = " + ".join(f"log({n})" for n in names)
    model = load(f"param {', '.join(names)}\nloss = {sum_of_logs}")
    assert all(model.inputs[n].values > 0 for n in names)
    assert any(draw_normal(model.seed, n, ()) < 0 for n in names)
    save_point(model, "point.npz")
    (folder / "b.txt").write_text(f'param {", ".join(names)} from "point.npz"\nloss = {sum_of_logs}')
    assert bits(load(folder / "b.txt")) == bits(model)


def test_numpy_reads_it_by_the_author_s_names(folder: Path) -> None:
    save_point(load(folder / "model.txt"), "point.npz")
    with np.load("point.npz", allow_pickle=False) as kept:
        shapes = {name: kept[name].shape for name in kept.files}
        assert all(kept[name].dtype == np.float64 for name in kept.files)
    assert shapes == {
        "x": (4, 2), "y": (4,), "M": (4, 2, 2), "\u03c3": (), "t": (2,), "file": (),
        "W": (3, 2), "\u03b2\u2080": (), "v": (3,), "one": (1,), "c": (),
    }  # fmt: skip


def test_the_file_is_the_same_every_time(folder: Path) -> None:
    model = load(folder / "model.txt")
    save_point(model, "a.npz")
    save_point(model, "b.npz")
    assert Path("a.npz").read_bytes() == Path("b.npz").read_bytes()


def test_run_keeps_the_point_with_the_values_of_at_and_replaces_an_old_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("point.npz").write_text("old")
    asked = ["--at", "beta0=7", "--at", "W=[[1, 2], [3, 4], [5, 6]]", "--save-point", "point.npz"]
    assert cli.main(["run", "model.txt", *asked, "--format", "json"]) == 0
    first = json.loads(capsys.readouterr().out)
    again = load(folder / "again.txt")
    assert again.inputs["beta0"].values == 7
    assert again.inputs["W"].values.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert cli.main(["run", "again.txt", "--format", "json"]) == 0
    second = json.loads(capsys.readouterr().out)
    assert first["reports"][0]["loss"] == second["reports"][0]["loss"]
    entries = [[b["entries"] for b in r["reports"][0]["parameters"]] for r in (first, second)]
    assert entries[0] == entries[1]


def test_at_is_not_called_drawn(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "model.txt"]) == 0
    assert "drawn from seed 3: c = " in capsys.readouterr().out
    assert cli.main(["run", "model.txt", "--at", "c=0.7"]) == 0
    assert "drawn from" not in capsys.readouterr().out


def test_a_model_on_standard_input_and_claims_of_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.txt").write_text("claim d loss/d c = 1/c\n")
    Path("b.txt").write_text("claim d loss/d c = 1 c\n")
    assert cli.main(["run", "model.txt", "--claims", "nowhere.txt", "--save-point", "p.npz"]) == 2
    assert not Path("p.npz").exists()  # nothing was judged at it
    both = ["--claims", "a.txt", "--claims", "b.txt"]
    assert cli.main(["run", "model.txt", *both, "--save-point", "p.npz"]) == 2
    assert Path("p.npz").exists()
    with open("model.txt", encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert cli.main(["run", "-", "--save-point", "q.npz", "-qq"]) == 0
    assert Path("q.npz").read_bytes() == Path("p.npz").read_bytes()


@pytest.mark.parametrize("loss", ["log(-w)", "(w - 1)^2"], ids=["unresolved", "ok"])
def test_the_point_is_kept_whatever_the_verdict(folder: Path, loss: str) -> None:
    Path("m.txt").write_text(f"param w = 2\nset points = 2\nloss = {loss}")
    assert cli.main(["run", "m.txt", "--save-point", "p.npz"]) == (3 if "log" in loss else 0)
    with np.load("p.npz") as kept:
        assert {name: kept[name].tolist() for name in kept.files} == {"w": 2}


def test_an_unreadable_model_writes_nothing(folder: Path) -> None:
    Path("bad.txt").write_text("param w = 1\nloss = w w")
    Path("point.npz").write_text("old")
    assert cli.main(["run", "bad.txt", "--save-point", "point.npz"]) == 2
    assert cli.main(["run", "model.txt", "--at", "nil=1", "--save-point", "point.npz"]) == 2
    assert Path("point.npz").read_text() == "old"


REFUSED = [
    ("model.txt again.txt --save-point p.npz", "one model, and 2 are given", "one by one"),
    ("model.txt --save-point -", "- is standard output", "--save-point point.npz"),
    ("model.txt --save-point p.csv", "p.csv has another ending", "--save-point point.npz"),
    ("model.txt --save-point p", "p has another ending", "--save-point point.npz"),
    ("model.txt --save-point no/p.npz", "there is no folder no", "create it first"),
    ("model.txt --save-point f.npz", "f.npz is a folder", "name a file in it"),
    ("model.txt --save-point p.npz --output ./p.npz", "name one file", "name two"),
    ("reads.txt --save-point w.npz", "w.npz is also read", "another name"),
    ("model.txt --claims c.npz --save-point c.npz", "c.npz is also read", "another name"),
]


@pytest.mark.parametrize(("line", "message", "way_out"), REFUSED)
def test_what_cannot_be_is_refused_before_any_work(
    folder: Path, capsys: pytest.CaptureFixture[str], line: str, message: str, way_out: str
) -> None:
    Path("f.npz").mkdir()
    Path("c.npz").write_text("claim d loss/d c = 1/c")
    np.savez("w.npz", w=1.0, other=2.0)
    Path("reads.txt").write_text('param w from "w.npz"\nloss = w^2')
    before = sorted(folder.rglob("*"))
    assert cli.main(["run", *line.split()]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert way_out in err
    assert out == ""
    assert sorted(folder.rglob("*")) == before
    with np.load("w.npz") as kept:
        assert kept.files == ["w", "other"]


def test_the_library_refuses_what_the_command_line_refuses(folder: Path) -> None:
    np.savez("w.npz", w=1.0, other=2.0)
    Path("reads.txt").write_text('param w from "w.npz"\nloss = w^2')
    model = load(folder / "reads.txt")
    with pytest.raises(OptionError, match="also read"):
        save_point(model, folder / "w.npz")
    with pytest.raises(OptionError, match="no folder"):
        save_point(model, folder / "no" / "p.npz")
    with pytest.raises(OptionError, match=r"\.npz file"):
        save_point(model, folder / "p.txt")


def test_a_full_disk_loses_neither_the_report_nor_the_old_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: str, content: bytes) -> None:
        raise OutputError(f"cannot write {path}: No space left on device")

    Path("point.npz").write_text("old")
    monkeypatch.setattr(atomic_output, "save", full)
    assert cli.main(["run", "model.txt", "--save-point", "point.npz"]) == 2
    out, err = capsys.readouterr()
    assert "The columns above agree" in out
    assert "No space left" in err
    assert Path("point.npz").read_text() == "old"
