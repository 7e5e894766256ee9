"""`gradcheck init-stats` and `gradcheck gain` on the command line: options, exit codes, files, costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from gradcheck_cli.cli.main import main

SMALL = ("init-stats", "--depth", "4", "--width", "10", "--nets", "3")


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    found = capsys.readouterr()
    return code, found.out, found.err


# ---------------------------------------------------------------------------------------------
# Exit codes
# ---------------------------------------------------------------------------------------------

EXITS = [
    (("--init", "he"), 0),
    (("--init", "lecun"), 0),  # it vanishes, and nobody asked to fail on that
    (("--init", "lecun", "--fail-on", "vanish"), 1),
    (("--init", "lecun", "--fail-on", "explode,unexpected"), 0),
    (("--init", "normal:1", "--fail-on", "explode"), 1),
    (("--init", "he", "--fail-on", "vanish,explode,unexpected"), 0),
    (("--init", "torch-default", "--fail-on", "vanish", "--quantity", "h"), 1),  # backward, unseen
]


@pytest.mark.parametrize(("options", "code"), EXITS, ids=[" ".join(e[0]) for e in EXITS])
def test_fail_on(capsys: pytest.CaptureFixture[str], options: tuple[str, ...], code: int) -> None:
    found, out, _ = call(capsys, *SMALL, *options)
    assert found == code, out


BAD = [
    (("--depth", "0"), "--depth is 0", "1 or more"),
    (("--width", "-3"), "--width is -3", "1 or more"),
    (("--bias-var", "-1"), "--bias-var is -1", "0 or more"),
    (("--init", "normal:-0.1"), "no variance", "0 or larger"),
    (("--activation", "rellu"), 'no activation "rellu"', "did you mean relu?"),
    (("--activation", "z*erff(z)"), "--activation:1:3", "did you mean erf"),
    (("--widths", "3,x"), "no list of whole numbers", "--help"),
    (("--widths", "3,4"), "--widths", "784,300,100,10"),
    (("--quantity", "h,g"), '"g" is none of', "--help"),
    (("--fail-on", "vanishes"), '"vanishes" is none of', "--help"),
    (("--simulate-dtype", "float8"), '"float8" is none of', "--help"),
    (("--plot", "x.pdf"), "no picture", ".svg or .png"),
    (("-q", "-v"), "exclude", "one of them"),
    (("--model", "models/toy.txt", "--depth", "3"), "exclude each other", "its own network"),
    (("--model", "models/toy.txt", "--simulate-dtype"), "exclude each other", "its own network"),
    (("--model", "nowhere.txt"), "nowhere.txt", ""),
    (("--model", "models/toy.txt", "--every", "0"), "--every is 0", "1 or more"),
    (("--output", "nowhere/x.txt"), "no folder", "create it"),
    (("--format", "latex"), "latex", "--help"),
]


@pytest.mark.parametrize(("options", "message", "help"), BAD, ids=[" ".join(b[0]) for b in BAD])
def test_bad_options_exit_with_2(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str, help: str
) -> None:
    code, out, err = call(capsys, "init-stats", *options)
    assert (code, out) == (2, "")
    assert message in err
    assert help in err
    assert "Traceback" not in err


def test_a_caret_stands_under_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, err = call(capsys, "init-stats", "--activation", "z*erff(z)")
    lines = err.splitlines()
    shown = next(k for k, line in enumerate(lines) if "| z*erff(z)" in line)
    assert lines[shown + 1].index("^") == lines[shown].index("erff")


# ---------------------------------------------------------------------------------------------
# Formats and files
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["table", "json", "jsonl", "csv", "tsv", "markdown"])
def test_every_format_is_written_to_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    target = tmp_path / "found"
    code, out, err = call(capsys, *SMALL, "--format", name, "--output", str(target))
    assert (code, out, err) == (0, "", "")
    code, out, _ = call(capsys, *SMALL, "--format", name)
    assert target.read_text(encoding="utf-8") == out


def test_options_reach_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--activation", "tanh", "--arch", "residual:0.5", "--loss", "none", "--stat", "ms",
               "--seed", "7", "--inputs", "2", "--level", "0.8", "--bias-var", "0.1", "--fan", "out",
               "--quantity", "f,dW", "--dtype", "float32", "--init", "he", "--every", "2")  # fmt: skip
    _, out, _ = call(capsys, *SMALL, *options, "--format", "json")
    found = json.loads(out)
    expected = {
        "activation": "tanh", "arch": "residual", "scale": 0.5, "loss": "none", "stat": "ms", "seed": 7,
        "inputs": 2, "level": 0.8, "bias_var": 0.1, "fan": "out", "dtype": "float32", "nets": 3, "depth": 4,
        "widths": [10, 10, 10, 10, 10, 1], "every": 2, "all_layers": False,
    }  # fmt: skip
    assert {name: found["config"][name] for name in expected} == expected
    assert [series["quantity"] for series in found["series"]] == ["f", "dW"]
    assert found["schema"] == "gradcheck.init-stats/1"


CHANGING = [
    ("--activation", "tanh"), ("--arch", "preln"), ("--arch", "residual:0.1"), ("--loss", "none"),
    ("--stat", "ms"), ("--stat", "std"), ("--seed", "7"), ("--inputs", "3"), ("--bias-var", "0.1"),
    ("--fan", "out", "--widths", "10,20,5,1"), ("--nets", "4"), ("--input-dim", "20"), ("--width", "12"),
    ("--dtype", "float32"), ("--level", "0.5"),
]  # fmt: skip


@pytest.mark.parametrize("options", CHANGING, ids=" ".join)
def test_no_option_is_ignored(capsys: pytest.CaptureFixture[str], options: tuple[str, ...]) -> None:
    base = ["--init", "he", "--depth", "3", "--width", "10", "--nets", "3", "--format", "json"]
    if "--widths" in options:
        base[2:6] = []
    plain = [*base, "--widths", "10,20,5,1"] if "--widths" in options else base
    numbers = []
    for given in (plain, [*base, *options]):
        _, out, _ = call(capsys, "init-stats", *given)
        numbers.append(json.loads(out)["series"])
    assert numbers[0] != numbers[1]


@pytest.mark.slow
def test_a_picture_is_drawn(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for kind, magic in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        target = tmp_path / f"x.{kind}"
        code, out, _ = call(capsys, *SMALL, "--plot", str(target))
        assert code == 0
        assert "FORWARD" in out
        assert target.read_bytes().startswith(magic)


def test_a_missing_matplotlib_is_said_before_any_work(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, out, err = call(capsys, *SMALL, "--plot", str(tmp_path / "x.png"))
    assert (code, out) == (2, "")
    assert "matplotlib" in err
    assert "[plot]" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_shows_progress_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    code, out, err = call(capsys, *SMALL)
    assert code == 0
    assert "FORWARD" in out
    assert ("drawing networks" in err) is terminal


def test_the_words_of_the_command_line_are_those_of_the_library() -> None:
    """They stand twice, because --help must not import NumPy."""
    from gradcheck_cli.cli import group
    from gradcheck_cli.cli import options as cli_options
    from gradcheck_cli.initialization import architectures
    from gradcheck_cli.initialization import options as init_options
    from gradcheck_cli.numerics import float_formats

    command = group.commands.get_command(click.Context(group.commands), "init-stats")
    assert command is not None
    choices = {
        p.name: tuple(p.type.choices)
        for p in command.params
        if type(p.type) is click.Choice
    }
    assert {name: choices[name] for name in init_options.CHOICES} == init_options.CHOICES
    listed = {p.name: p.type.known for p in command.params
              if isinstance(p.type, cli_options.Listed)}  # fmt: skip
    assert listed["quantities"] == architectures.QUANTITIES
    assert listed["simulate"] == (*float_formats.FORMATS, "all")


def test_quiet_and_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    _, quiet, _ = call(capsys, *SMALL, "-q")
    _, plain, _ = call(capsys, *SMALL)
    _, verbose, _ = call(capsys, *SMALL, "-v")
    assert len(quiet.splitlines()) < len(plain.splitlines()) < len(verbose.splitlines())


def test_two_runs_are_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, *SMALL) == call(capsys, *SMALL)


def test_simulations_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--init", "normal:1", "--depth", "6", "--nets", "3", "--simulate-dtype")
    _, out, _ = call(capsys, "init-stats", *options)
    assert "simulated" in out


# ---------------------------------------------------------------------------------------------
# A model of the user's own
# ---------------------------------------------------------------------------------------------

MODEL = """\
data x[30] ~ normal(0, 1)
param W0[40,30] ~ he
param W1[40,40] ~ normal(0, {sd})
param v[40] ~ normal(0, 0.2)
h1 = relu(W0 @ x)
h2 = relu(W1 @ h1)
loss = (v' @ h2)^2
"""


@pytest.mark.parametrize(("sd", "remark"), [(0.2236, "He"), (0.1291, "uniform(-std, std)")])
def test_the_weights_of_a_model_are_recognized(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, sd: float, remark: str
) -> None:
    """sqrt(2/40) is He's; a third of its variance is what uniform(-std, std) has."""
    file = tmp_path / "mine.txt"
    file.write_text(MODEL.format(sd=sd), encoding="utf-8")
    code, out, _ = call(capsys, "init-stats", "--model", str(file), "--format", "json")
    assert code == 0
    matrices = {m["name"]: m for m in json.loads(out)["matrices"]}
    assert remark in matrices["W1"]["remark"]


@pytest.mark.parametrize("option", [("--all-layers",), ("--every", "2")])
def test_layers_of_a_model_can_be_chosen(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, option: tuple[str, ...]
) -> None:
    steps = [f"h{k + 1} = relu(W{k} @ h{k})" for k in range(1, 30)]
    weights = [f"param W{k}[5,5] ~ he" for k in range(30)]
    lines = ["data x[5] ~ normal(0, 1)", *weights, "h1 = relu(W0 @ x)", *steps, "loss = sum(h30)"]
    file = tmp_path / "deep.txt"
    file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    base = ("init-stats", "--model", str(file), "--nets", "2")
    _, plain, _ = call(capsys, *base)
    _, chosen, _ = call(capsys, *base, *option)
    shown = (option == ("--all-layers",) and "h24") or "h23"
    assert shown not in plain.partition("SHAPE")[0]
    assert shown in chosen.partition("SHAPE")[0]


@pytest.mark.slow
def test_a_model_on_standard_input(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gradcheck_cli", "init-stats", "--model", "-", "--nets", "2"],
        input=MODEL.format(sd=0.2).encode(), capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert b"W1" in done.stdout


def test_a_model_that_cannot_be_read_exits_with_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "bad.txt"
    file.write_text("param W[3,3] ~ hee\nloss = sum(W)\n", encoding="utf-8")
    code, out, err = call(capsys, "init-stats", "--model", str(file))
    assert (code, out) == (2, "")
    assert "did you mean he?" in err


# ---------------------------------------------------------------------------------------------
# gain
# ---------------------------------------------------------------------------------------------


def test_gain(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "gain", "tanh", "z*erf(z)")
    assert code == 0
    assert "1.5925" in out
    assert "1.6666" in out  # PyTorch's
    assert "z*erf(z)" in out
    code, out, _ = call(capsys, "gain", "gelu", "--bias-var", "0.1", "--format", "json")
    found = json.loads(out)
    assert found["schema"] == "gradcheck.gain/1"
    assert found["activations"][0]["gain"] == pytest.approx(1.5335, abs=5e-5)
    assert found["activations"][0]["bias_variance"] == 0.1


def test_gain_of_nothing_known(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "gain", "tahn")
    assert (code, out) == (2, "")
    assert "did you mean tanh?" in err


@pytest.mark.parametrize("value", ["-1", "nan"])
def test_gain_refuses_impossible_variances(capsys: pytest.CaptureFixture[str], value: str) -> None:
    code, _, err = call(capsys, "gain", "tanh", "--bias-var", value)
    assert code == 2
    assert "--bias-var" in err


# ---------------------------------------------------------------------------------------------
# What it costs
# ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["relu", "z*erf(z)"])
def test_sympy_is_never_imported(activation: str) -> None:
    code = (
        "import sys; from gradcheck_cli.cli.main import main; "
        f"main(['init-stats', '--depth', '3', '--width', '5', '--activation', {activation!r}]); "
        f"main(['gain', '{activation}']); assert 'sympy' not in sys.modules; print('without')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60)
    assert done.stdout.decode().endswith("without\n"), done.stderr.decode()


@pytest.mark.slow
def test_a_thousand_layers_end_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings are errors here; a bound on memory is in the plan of the pass, not in this test."""
    code, out, err = call(capsys, "init-stats", "--depth", "1000", "--width", "20", "--nets", "3")
    assert (code, err) == (0, "")
    assert "nan" not in out
