"""Claims from CSV files: a header is not needed, and a number that is wrong is found at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from claimed import judged_alone
from gradcheck_cli import Verdict
from gradcheck_cli.api.models import load_text
from gradcheck_cli.common.errors import DataError

MODEL = """param w[2] = [1, 2]
param M[2,2] = [[1, 2], [3, 4]]
param s = 3
loss = sum(w^2) + sum(M^2) + s^2
"""


def verdict(folder: Path, name: str, content: str) -> tuple[Verdict, str]:
    (folder / "g.csv").write_text(content)
    text = f'{MODEL}claim d loss/d {name} from "g.csv"\n'
    (claim,) = judged_alone(load_text(text, file="model.txt", folder=folder), points=1)
    return claim.verdict, claim.note or claim.diagnosis or ""


@pytest.mark.parametrize(("name", "right", "wrong"), [
    ("w", "2.0\n4.0\n", "2.0\n4.5\n"),
    ("w", "2.0,4.0\n", "4.0,2.0\n"),
    ("w", "2.000000000000000000e+00\n4.000000000000000000e+00\n", "2.0e+00\n4.1e+00\n"),
    ("M", "2.0,4.0\n6.0,8.0\n", "2.0,6.0\n4.0,8.0\n"),
    ("M", "2,4\n6,8\n\n", "2,4\n6,9\n"),
    ("s", "6.0\n", "6.5\n"),
    ("M", "a,b\n2.0,4.0\n6.0,8.0\n", "a,b\n2.0,4.0\n6.0,8.5\n"),
])  # fmt: skip
def test_with_and_without_a_header(tmp_path: Path, name: str, right: str, wrong: str) -> None:
    assert verdict(tmp_path, name, right)[0] is Verdict.OK
    assert verdict(tmp_path, name, wrong)[0] is Verdict.WRONG


def test_a_numbered_header_is_read_as_a_line(tmp_path: Path) -> None:
    found, said = verdict(tmp_path, "M", "0,1\n2.0,4.0\n6.0,8.0\n")
    assert found is Verdict.WRONG
    shapes, help = said.split("; ")
    assert shapes == "the right side has the shape [3,2], d loss/d M [2,2]"
    counted = "its first line counts the columns, as pandas does unless header=False"
    assert help == f"{counted}: it was read as numbers"


@pytest.mark.parametrize(("content", "columns", "message"), [
    ("2.0,4.0\n6.0\n", "", "line 2 has 1 field, line 1 2"),
    ("2.0,4.0\n6.0,x\n", "", 'line 2, column 2: "x" is not a number'),
    ("2.0,4.0\n6.0,8.0\n", " columns a, b", "line 1 holds numbers"),
    ("2.0,4.0\n6.0,1e999\n", "", "line 2, column 2: 1e999 is not a finite number"),
])  # fmt: skip
def test_bad_tables(tmp_path: Path, content: str, columns: str, message: str) -> None:
    (tmp_path / "g.csv").write_text(content)
    text = f'{MODEL}claim d loss/d M from "g.csv"{columns}\n'
    with pytest.raises(DataError) as caught:
        load_text(text, file="model.txt", folder=tmp_path)
    assert message in caught.value.message
    assert caught.value.place is not None
    assert caught.value.place.line == 5
