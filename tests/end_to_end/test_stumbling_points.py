"""Where new users stumbled: nothing passes that was not judged, and the message shows the way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gradcheck_cli import api
from gradcheck_cli.cli.group import commands
from gradcheck_cli.common.errors import DataError, LanguageError, OptionError
from gradcheck_cli.results.gradient_results import Report, Verdict

MODEL = "data x = 0.5\nparam w = 2\nloss = w^2*x\n"
MATRIX = "param A[2,2] = [[1.5, 2], [2.5, 3]]\nloss = sum(A*A)/2\n"


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    (folder / "model.txt").write_text(MODEL, encoding="utf-8")
    given = ["run", str(folder / "model.txt"), *arguments]
    found = CliRunner().invoke(commands, given, standalone_mode=False)
    return found.return_value, found.output


@pytest.mark.parametrize(
    ("claims", "code", "word"),
    [
        ("", 3, "has no claim"),
        ("# mine\n", 3, "has no claim"),
        ("dw = 2*w*x\n", 3, "has no claim"),
        ("claim d loss/d w = 2*w*x\n", 0, "is ok"),
        ("claim d loss/d w = w*x\n", 1, "is WRONG"),
    ],
)
def test_a_file_without_a_claim_does_not_pass(tmp_path: Path, claims: str, code: int, word: str) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text(claims, encoding="utf-8")
    found, output = run(tmp_path, "--claims", str(mine))
    assert found == code
    assert word in " ".join(output.split())


@pytest.mark.parametrize(("line", "notes"), [
    ("dw = 3*w*x  # mine", ["dw is no claim, and not judged; to have it judged: claim d loss/d w = 3*w*x"]),
    ("grad_w = w*x", ["grad_w is no claim, and not judged; to have it judged: claim d loss/d w = w*x"]),
    ("dq = 3*w*x", []),  # the model has no q
    ("# dw = 3*w*x", []),
])
def test_a_line_that_is_meant_as_a_claim_is_not_passed_over(
    tmp_path: Path, line: str, notes: list[str]
) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text(f"claim d loss/d w = 2*w*x\n{line}\n", encoding="utf-8")
    code, output = run(tmp_path, "--claims", str(mine), "--format", "json")
    (report,) = json.loads(output)["reports"]
    assert (code, report["notes"]) == (0, [f"line 2 of {mine}: {note}" for note in notes])


def test_a_model_without_claims_still_passes(tmp_path: Path) -> None:
    assert run(tmp_path)[0] == 0


@pytest.mark.parametrize("claims", ["claim d loss/d w = 2*\n", None])
def test_a_file_of_claims_that_cannot_be_read_keeps_its_name(tmp_path: Path, claims: str | None) -> None:
    mine = tmp_path / "mine.txt"
    if claims is not None:
        mine.write_text(claims, encoding="utf-8")
    code, output = run(tmp_path, "--claims", str(mine), "--format", "jsonl")
    report = json.loads(output.splitlines()[-1])
    assert (code, report["verdict"], report["claims_file"]) == (2, "ERROR", str(mine))
    assert report["model"].endswith("model.txt")


@pytest.mark.parametrize("at", [("w=1", "w=3"), ("w=1", "w = 1"), ("x=1", "w=2", "x=2")])
def test_a_name_has_one_value(at: tuple[str, ...]) -> None:
    with pytest.raises(OptionError, match=f"gives {at[0][0]} twice") as caught:
        api.check(api.load(MODEL), at=at)
    assert "--at" in (caught.value.help or "")


def test_two_names_have_two_values() -> None:
    assert api.check(api.load(MODEL), at=("w=1", "x=3"), points=1).loss == 3


@pytest.mark.parametrize(
    ("line", "shape", "help"),
    [
        ("param A[2,2]", (4,), "save a.reshape(2, 2)"),
        ("param A[2,2]", (1, 4), "save a.reshape(2, 2)"),
        ("data A[4]", (2, 2), "save a.reshape(4)"),
        ("rows A[2]", (3, 1, 2), "save a.reshape(-1, 2)"),
        ("param A[2,3]", (3, 2), "A' in the steps"),
        ("param A[2,2]", (5,), "write param A[5]"),
    ],
)
def test_an_array_of_another_shape_is_told_how_to_reshape(
    tmp_path: Path, line: str, shape: tuple[int, ...], help: str
) -> None:
    np.save(tmp_path / "a.npy", np.ones(shape))
    with pytest.raises(DataError) as caught:
        api.load_text(f'{line} from "a.npy"\nloss = 1', file="m", folder=tmp_path)
    assert help in (caught.value.help or "")
    assert ("reshape" in (caught.value.help or "")) == ("reshape" in help)


def judged(folder: Path, text: str, claim: str = "g.csv", model: str = MATRIX) -> Report:
    (folder / claim).write_text(text, encoding="utf-8")
    text = f'{model}claim d loss/d A from "{claim}"'
    return api.check(api.load_text(text, file="m", folder=folder), points=1)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("0,1\n1.5,2\n2.5,3\n", "counts the columns"),
        ("1,7\n1.5,2\n2.5,3\n", ""),
        ("0,1.5,2\n1,2.5,3\n", "counts the lines"),
        ("1,1.5,2\n0,2.5,3\n", ""),
        ("0,1.5\n1,2.5\n", "counts the lines"),  # it fits by accident
        ("0,1\n1.5,2.5\n", "counts the columns"),
        ("0,1.5\n2,2.5\n", ""),
        ("i,a,b\n0,1.5,2\n1,2.5,3\n", ""),
    ],
)
def test_what_pandas_writes_beside_the_numbers_is_told(tmp_path: Path, text: str, word: str) -> None:
    (claim,) = judged(tmp_path, text).claims
    assert claim.verdict is Verdict.WRONG
    assert ("pandas" in str(claim.note)) == bool(word)
    assert word in str(claim.note)


@pytest.mark.parametrize("header", [",a,b", ",0,1"])
def test_the_index_that_pandas_writes_is_no_column(tmp_path: Path, header: str) -> None:
    (claim,) = judged(tmp_path, f"{header}\n0,1.5,2\n1,2.5,3\n").claims
    assert claim.verdict is Verdict.OK
    (claim,) = judged(tmp_path, f"{header}\n0,1.5,2\n1,2.5,4\n").claims
    assert claim.verdict is Verdict.WRONG


def test_the_header_of_a_single_numbered_column_is_told(tmp_path: Path) -> None:
    model = "param A[2] = [1.5, 2.5]\nloss = sum(A*A)/2\n"
    (claim,) = judged(tmp_path, "0\n1.5\n2.5\n", model=model).claims
    assert "counts the columns" in str(claim.note)
    for right in (",0\n0,1.5\n1,2.5\n", "1.5\n2.5\n"):
        (claim,) = judged(tmp_path, right, model=model).claims
        assert claim.verdict is Verdict.OK


@pytest.mark.parametrize("text", ["1.5,2\n2.5,3\n", "a,b\n1.5,2\n2.5,3\n"])
def test_a_table_of_the_right_shape_is_judged(tmp_path: Path, text: str) -> None:
    (claim,) = judged(tmp_path, text).claims
    assert claim.verdict is Verdict.OK


def test_a_column_without_a_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(",a,b\n0,1.5,2\n1,2.5,3\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        api.load_text('rows x from "p.csv"\nloss = 1', file="m", folder=tmp_path)
    assert "(no name), a, b" in caught.value.message
    assert "columns a; the first column has no name" in (caught.value.help or "")


@pytest.mark.parametrize(
    ("steps", "notes"),
    [
        ("dw = 2*w*x", ["line 4: dw is not used by the loss; to judge it: claim d loss/d w = dw"]),
        ("w_grad = 1", ["line 4: w_grad is not used by the loss; to judge it: claim d loss/d w = w_grad"]),
        ("dw = 2*w*x\nclaim d loss/d w = dw", []),
        ("other = 2*w*x", []),
        ("dq = 2*w*x", []),
    ],
)
def test_a_derivative_that_is_a_step_is_told_how_to_be_judged(steps: str, notes: list[str]) -> None:
    assert list(api.load(MODEL + steps).notes) == notes


def test_a_derivative_is_not_taken_for_the_loss() -> None:
    with pytest.raises(LanguageError, match="no step is named loss") as caught:
        api.load("param w = 2\nl = w^2\ndw = 2*w\n")
    assert "add the line loss = l" in (caught.value.help or "")


@pytest.mark.parametrize(
    ("name", "content", "word", "help"),
    [
        ("net.py", "import numpy as np\n", "a program, and not a model", "claim d loss/d W from"),
        ("t.csv", "a,b\n1,2\n", "data, and not a model", 'data X from "FILE.csv"'),
        ("m.txt", "import numpy as np\n", '"import" begins no statement', "exp(x)"),
        ("c.txt", "claim d loss/d w = 1\n", "claims and no model", "gradcheck run MODEL --claims"),
        ("e.py", "", "a program", "formulas"),
    ],
)
def test_what_is_no_model_is_told_what_it_is(
    tmp_path: Path, name: str, content: str, word: str, help: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(LanguageError, match=word) as caught:
        api.load(tmp_path / name)
    assert help in (caught.value.help or "")


def test_a_program_by_name_that_is_a_model_is_read(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(MODEL, encoding="utf-8")
    assert api.load(tmp_path / "m.py").loss == "loss"


@pytest.mark.parametrize(
    ("asked", "meant"), [("model", "model.txt"), ("modle.txt", "model.txt"), ("other.txt", "")]
)
def test_a_file_that_is_missing_is_sought_in_its_folder(tmp_path: Path, asked: str, meant: str) -> None:
    (tmp_path / "model.txt").write_text(MODEL, encoding="utf-8")
    with pytest.raises(DataError, match="no file") as caught:
        api.load(tmp_path / asked)
    assert ("did you mean" in (caught.value.help or "")) == bool(meant)
    assert meant in (caught.value.help or "")


@pytest.mark.parametrize(
    ("command", "help"),
    [("m.txt", "write gradcheck run m.txt"), ("check", "did you mean run?"), ("runn", "did you mean run?")],
)
def test_a_command_that_is_none_is_told_which_is_meant(command: str, help: str) -> None:
    found = CliRunner().invoke(commands, [command], standalone_mode=False)
    assert isinstance(found.exception, OptionError)
    assert found.exception.help == help


@pytest.mark.parametrize(
    ("value", "way_out"), [("[1, 2]", "--at w=VALUE"), ("~ normal(1, 0.1)", "another --seed")]
)
def test_dead_units_are_told_what_can_help(value: str, way_out: str) -> None:
    sign = "~" if value[0] == "~" else "="
    text = f"param w[2] {sign} {value.lstrip('~ ')}\nh = relu(-w)\nloss = sum(h)\n"
    assert any(way_out in sentence for sentence in api.check(api.load(text), points=1).closing)
