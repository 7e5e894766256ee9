"""A program's gradient beside the model that is traced of its loss, in one command."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from gradcheck_cli import api
from gradcheck_cli.cli.main import main
from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.results.gradient_results import Report, Verdict

NET = Path(__file__).parents[1] / "programs" / "net.py"


def report(function: str) -> Report:
    return api.check_program(f"{NET}:loss", grad=f"{NET}:{function}", at=f"{NET}:point", points=1)


@pytest.mark.parametrize("function", ["right", "by_name", "with_loss", "in_float32"])
def test_right_gradients_are_ok(function: str) -> None:
    found = report(function)
    assert found.verdict is Verdict.OK
    assert {claim.by for claim in found.claims} == {"W1", "b1", "W2", "b2"}
    assert all(block.claimed for block in found.parameters)


@pytest.mark.parametrize(("function", "wrong", "variable", "said"), [
    ("forgets_the_derivative", {"W1", "b1"}, "db1 =", "leaves out the derivative of tanh (net.py:14)"),
    ("takes_the_slope_at_z", {"W1", "b1"}, "db1 =",
     "has 1 - z^2 in place of the derivative of tanh (net.py:14)"),
    ("forgets_the_mean", {"b2"}, "db2 =", "is 5 (the length of axis 0 of X) times the true value"),
    ("forgets_the_penalty", {"W1"}, "dW1 =", "leaves out the path through sum(W1^2) (net.py:22)"),
    ("has_the_wrong_sign", {"W2"}, "dW2 =", "has the wrong sign"),
    ("adds_rows_once", {"b1"}, "db1 =", "is 1/2 times the true value"),
])  # fmt: skip
def test_a_mistake_is_found_at_its_line(
    function: str, wrong: set[str], variable: str, said: str
) -> None:
    found = report(function)
    claims = [claim for claim in found.claims if claim.verdict is Verdict.WRONG]
    assert {claim.by for claim in claims} == wrong
    text = NET.read_text().splitlines()
    lines = {text[claim.line - 1].strip() for claim in claims}
    assert any(line.startswith(variable) for line in lines), lines
    assert any(str(claim.diagnosis).startswith(said) for claim in claims), claims


@pytest.mark.parametrize(("function", "said"), [
    ("returns_too_many", "nothing tells of what"),
    ("names_another", "returns W3, which is no parameter"),
    ("takes_another", "takes eta, which is no argument of the loss"),
    ("raises", "raises raised ValueError"),
    ("nothing", "has no function nothing"),
])  # fmt: skip
def test_what_is_no_gradient_is_said(function: str, said: str) -> None:
    with pytest.raises(GradcheckError, match=re.escape(said)):
        report(function)


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["code", f"{NET}:loss", "--grad", f"{NET}:has_the_wrong_sign", "--at", f"{NET}:point", "-q"]
    assert main(words) == 1
    assert "WRONG" in capsys.readouterr().out
    assert main([*words[:3], f"{NET}:right", *words[4:]]) == 0
    assert main([*words[:3], f"{NET}:raises", *words[4:]]) == 2
    found = capsys.readouterr()
    assert "Traceback" not in found.out + found.err
    assert "net.py:" in found.err


def test_a_search_that_never_ends_away_from_the_point_has_no_value_there() -> None:
    found = api.check_program(f"{NET}:newton", grad=f"{NET}:newton_grad", at=f"{NET}:newton_point")
    assert found.verdict is Verdict.OK


def test_where_another_branch_is_near_only_the_given_point_is_compared() -> None:
    grad = f"{NET}:in_two_pieces_grad"
    found = api.check_program(f"{NET}:in_two_pieces", grad=grad, at=f"{NET}:newton_point")
    assert (found.verdict, found.points) == (Verdict.OK, 1)


def test_a_loss_that_is_not_finite_has_no_gradient() -> None:
    with pytest.raises(GradcheckError, match="undefined is nan at this point"):
        api.check_program(f"{NET}:undefined", grad=f"{NET}:newton_grad", at=f"{NET}:newton_point")


@pytest.mark.parametrize("words", [
    ["trace", "p.py:loss", "--at", "p.json", "--output", "p.py"],
    ["trace", "p.py:loss", "--at", "p.json", "--output", "p.json"],
    ["code", "p.py:loss", "--grad", "g.py:grad", "--at", "p.json", "--output", "g.py"],
])  # fmt: skip
def test_no_program_is_written_over(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    texts = {"p.py": "def loss(w): return w**2\n", "g.py": "def grad(w): return 2*w\n"}
    texts["p.json"] = '{"w": 0.5}'
    for name, text in texts.items():
        Path(name).write_text(text)
    assert main(words) == 2
    assert "is also read" in capsys.readouterr().err
    assert {name: Path(name).read_text() for name in texts} == texts
    assert main([*words[:-1], "kept.txt"]) == 0
    assert Path("kept.txt").read_text()


@pytest.mark.parametrize(("given", "verdict"), [("0.0*b", Verdict.OK), ("1 + 0.0*b", Verdict.WRONG)])
def test_an_argument_that_the_loss_does_not_use_has_the_gradient_zero(
    given: str, verdict: Verdict, tmp_path: Path
) -> None:
    text = f"def loss(w, b): return w**2\ndef grad(w, b): return 2*w, {given}\ndef at(): return 0.5, 0.25\n"
    path = tmp_path / "p.py"
    path.write_text(text)
    found = api.check_program(f"{path}:loss", grad=f"{path}:grad", at=f"{path}:at", points=1)
    assert [claim.verdict for claim in found.claims] == [Verdict.OK, verdict]
    assert "b is unused: the loss does not depend on it" in found.notes


def test_each_claim_is_annotated_in_the_file_of_its_array(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("layers_of_two.py").write_text("def backward(X, d):\n    dW = 2*X.T @ d\n    return dW\n")
    Path("net.py").write_text(
        "import numpy as np\nfrom layers_of_two import backward\n\n\n"
        "def loss(W, b, X):\n    return np.sum((X @ W + b)**2)\n\n\n"
        "def grad(W, b, X):\n    d = 2*(X @ W + b)\n    dW = backward(X, d)\n"
        "    db = 3*d.sum(axis=0)\n    return dW, db\n"
    )
    np.savez("point.npz", W=np.ones((2, 2)), b=np.ones(2), X=np.arange(6.0).reshape(3, 2))
    words = ["code", "net.py:loss", "--grad", "net.py:grad", "--at", "point.npz", "--points", "1"]
    assert main([*words, "--format", "github"]) == 1
    places = re.findall(r"file=([\w.]+),line=(\d+),title=WRONG%3A d loss/d (\w)", capsys.readouterr().out)
    assert places == [("layers_of_two.py", "2", "W"), ("net.py", "12", "b")]
    assert main([*words, "-q", "--fail-on", "kink"]) == 1
    assert "line 2: is 2 times the true value; and 1 other" in capsys.readouterr().out


def test_a_program_that_cannot_be_run_is_annotated_at_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.py").write_text("def loss(w):\n    return w.missing\n\n\ndef grad(w):\n    return w\n")
    Path("p.json").write_text('{"w": 0.5}')
    words = ["code", "p.py:loss", "--grad", "p.py:grad", "--at", "p.json"]
    assert main([*words, "--format", "github"]) == 2
    out, err = capsys.readouterr()
    assert out.startswith("::error file=p.py,line=2,col=")
    assert err == ""
    assert main([*words, "--format", "json"]) == 2
    assert json.loads(capsys.readouterr().out)["reports"][0]["error"]["file"] == "p.py"
    assert main([*words, "--fail-on", "wrong"]) == 2
    assert "p.py:2:" in capsys.readouterr().err
    assert main(["code", "p.py:loss", "--grad", "p.py:none", "--at", "p.json", "--format", "github"]) == 2
    assert capsys.readouterr().out.startswith("::error file=p.py,title=ERROR%3A p.py has no function none")


def test_arguments_may_go_by_their_place_alone(tmp_path: Path) -> None:
    path = tmp_path / "p.py"
    path.write_text("def loss(w, /, b): return w**2*b\ndef grad(w, /, b): return 2*w*b, w**2\n"
                    "def wrong(w, /, b): return w*b, w**2\ndef at(): return 0.5, 0.25\n")  # fmt: skip
    for grad, verdict in (("grad", Verdict.OK), ("wrong", Verdict.WRONG)):
        found = api.check_program(f"{path}:loss", grad=f"{path}:{grad}", at=f"{path}:at", points=1)
        assert found.verdict is verdict
