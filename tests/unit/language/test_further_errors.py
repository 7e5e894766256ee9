"""Up to five errors of a model are told at once, and none that only follows from another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gradcheck_cli import api
from gradcheck_cli.cli.group import commands
from gradcheck_cli.cli.main import main
from gradcheck_cli.common.errors import GradcheckError

X = "param x = 1\n"


def lines_of(text: str) -> list[int]:
    with pytest.raises(GradcheckError) as caught:
        api.load(text)
    return [error.place.line for error in caught.value.together if error.place]


# a text, and the lines of its errors
TEXTS = [
    # independent ones, in the order of the file
    (X + "f = x x\ng = 2 x\nloss = f + g\n", [2, 3]),
    (X + "f = sn(x)\ng = coss(x)\nloss = x\n", [2, 3]),
    (X + "f = (x + 1\ng = 2 x\nloss = x\n", [2, 3]),
    (X + "f = [x,\n  1\nparam w = 2 2\nloss = x\n", [2, 4]),
    (X + 'data y from "a.csv\nf = x x\nloss = x\n', [2, 3]),
    (X + "f = x x; g = 2 x\nloss = x\n", [2, 2]),
    ("param v[2] = 1, u[3] = 1\nf = v @ u\ng = u[7]\nloss = 1\n", [2, 3]),
    # what follows from another is none
    ("param w = 1 2\nf = w^2\nloss = f\n", [1]),
    ("param a = 1, b = 2 2\nf = a*b\nloss = f\n", [1]),
    (X + "f(z) = z z\nloss = f(x)\n", [2]),
    (X + "h0 = x x\nrepeat k = 1 to 3:\n    h{k} = h{k-1}\nloss = h3\n", [2]),
    (X + "repeat k = 1 to 3:\n    repeat j = 1 to 2:\n        h{k}_{j} = x x\nloss = h1_1\n", [4]),
    (X + "repeat k = 1 to 400:\n    repeat j = 1 to 400:\n        h{k}_{j} = x\nloss = h1_1\n", [3]),
    (X + "repeat k = 1 to kk:\n    h{k} = x\nloss = h3\n", [2]),
    (X + "loss = x x\nclaim d loss/d x = 1\n", [2]),
    ("let d = 2\nparam d1 = 1\nloss = d1 + d\n", [1]),
    # several names of one line, and what stands beside a name that follows
    (X + "f = sn(x) + u*v\nloss = f + u\n", [2, 2, 2]),
    (X + "f = sn(x)\nloss = f + u\n", [2, 3]),
    ("param a = 1, b = 2 2\nf = a*b\nloss = f + q\n", [1, 3]),
    (X + "data q = u\nloss = x*q + v(x)\nclaim d loss/d x = q + t\n", [2, 3, 4]),
    (X + "f = \u03b8 + theta + u\nloss = f\n", [2, 2]),
    (X + "g(z) = z + u\nloss = g(x) + g(2)\n", [2]),
    ("parm w = 2\nloss = w^2\n", [1]),
    ("f(x = x^2\nparam w = 1\nloss = f(w)\n", [1]),
    (X + "repeat k = 1 to 3:\nh{k} = x\nloss = x\n", [2]),
    # another name that is missing is one
    ("parm w = 2\nloss = q^2\n", [1, 2]),
    # syntax and names first: shapes are looked at when these are right
    ("param v[2] = 1, u[3] = 1\nf = v @ u\ng = v v\nloss = 1\n", [3]),
    # one alone
    (X + "loss = x x\n", [2]),
    (X, []),
    # no more than five
    (X + "f = x x\n" * 9 + "loss = x\n", [2, 3, 4, 5, 6]),
]


@pytest.mark.parametrize(("text", "lines"), TEXTS)
def test_the_errors_of_a_text(text: str, lines: list[int]) -> None:
    assert lines_of(text) == lines


def test_a_long_text_is_told_its_first_error_alone() -> None:
    assert lines_of(X + "f = x x\n" * 9 + "# a line\n" * 10_000) == [2]


@pytest.mark.parametrize("sign", ["\x7f", "\u202e", "\x1b[31m"])
def test_a_sign_that_no_text_has_is_told_alone(sign: str) -> None:
    assert lines_of(f"{X}f = x x\ng = 1 # {sign}\n") == [3]


def test_a_model_with_files_reads_them_once(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("t\n1\n2\n", encoding="utf-8")
    text = 'rows t from "a.csv"\nparam v[2] = 1, u[3] = 1\nf = v @ u\ng = u[7]\nloss = 1\n'
    with pytest.raises(GradcheckError) as caught:
        api.load_text(text, file="m", folder=tmp_path)
    assert caught.value.others == ()


def test_all_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.txt").write_text(X + "f = x x\ng = 2 x\nloss = f\n", encoding="utf-8")
    for options in ((), ("-q",)):
        assert main(["run", str(tmp_path / "m.txt"), *options]) == 2
        told = capsys.readouterr().err
        assert told.count(": error: ") == told.count("= help: ") == 2


def test_all_stand_in_the_json(tmp_path: Path) -> None:
    (tmp_path / "m.txt").write_text(X + "f = x x\ng = 2 x\nloss = f\n", encoding="utf-8")
    found = CliRunner().invoke(
        commands, ["run", str(tmp_path / "m.txt"), "--format", "json"], standalone_mode=False
    )
    (report,) = json.loads(found.stdout)["reports"]
    assert found.return_value == 2
    assert [error["line"] for error in report["errors"]] == [2, 3]
    assert report["error"] == report["errors"][0]
