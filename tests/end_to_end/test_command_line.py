"""The command line: options in, exit codes out, and what may never happen on the way."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import gradcheck_cli
import reports
from gradcheck_cli import api
from gradcheck_cli.cli import group
from gradcheck_cli.cli import main as cli
from gradcheck_cli.common import atomic_output, example_models
from gradcheck_cli.common.errors import GradcheckError, InternalError, OutputError
from gradcheck_cli.results.gradient_results import Report, Verdict
from paths import PROJECT

ROOT = PROJECT
GRADCHECK = [sys.executable, "-m", "gradcheck_cli"]
TOY = """\
data  x = 2.3, y = 2
param w0 = 0.1
f0 = w0*x
h1 = sin(f0)
loss = (h1 - y)^2
claim d loss/d h1 = 2*(h1 - y)
"""
WRONG = TOY + "claim d loss/d f0 = sin(f0) * d loss/d h1\n"
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "GRADCHECK_DEBUG")
} | {"PYTHONPATH": str(ROOT)}


def gradcheck(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    options = {"text": True, "env": ENVIRONMENT, "timeout": 60, **options}
    return subprocess.run([*GRADCHECK, *arguments], capture_output=True, check=False, **options)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with toy.txt, wrong.txt and bad.txt, where we are."""
    (tmp_path / "toy.txt").write_text(TOY)
    (tmp_path / "wrong.txt").write_text(WRONG)
    (tmp_path / "bad.txt").write_text(TOY.replace("w0*x", "w0 x"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


class File(str):
    """What stands for the model of a file."""

    rows = None


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> dict[str, Report | Exception]:
    """What api.check says of each file, without computing anything; and what it was asked."""
    table: dict[str, Any] = {report.model: report for report in reports.ALL}

    def check(model: str, **options: Any) -> Report:
        table["asked"] = options
        answer = table[model]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(api, "load", lambda path, **loading: File(path))
    monkeypatch.setattr(api, "check", check)
    return table


# ---------------------------------------------------------------------------------------------
# Exit codes
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ("toy.txt", 0),
        ("kink.txt", 0),
        ("toy_wrong.txt", 1),
        ("bad.txt", 2),
        ("log.txt", 3),
        ("toy.txt kink.txt", 0),
        ("log.txt toy_wrong.txt toy.txt", 1),
        ("log.txt toy_wrong.txt bad.txt", 2),
        ("log.txt toy.txt", 3),
    ],
)
def test_exit_codes_and_their_precedence(judged: dict[str, Any], files: str, code: int) -> None:
    assert cli.main(["run", *files.split()]) == code


def test_an_internal_error_is_one_message_and_the_other_files_are_run(
    judged: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    judged["toy.txt"] = ZeroDivisionError("boom")
    assert cli.main(["run", "toy.txt", "bad.txt", "toy_wrong.txt"]) == 70
    out, err = capsys.readouterr()
    assert "internal error: ZeroDivisionError: boom" in err
    assert "please report" in err
    assert "Traceback" not in err
    assert "3 models: 1 WRONG, 2 ERROR" in out


def test_debugging_shows_the_traceback(
    judged: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    judged["toy.txt"] = ZeroDivisionError("boom")
    monkeypatch.setenv("GRADCHECK_DEBUG", "1")
    assert cli.main(["run", "toy.txt"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_an_internal_error_of_the_library_is_70(judged: dict[str, Any]) -> None:
    judged["toy.txt"] = InternalError("two methods are one")
    assert cli.main(["run", "toy.txt"]) == 70


def test_ctrl_c_is_130(judged: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    judged["toy.txt"] = KeyboardInterrupt()
    assert cli.main(["run", "toy.txt"]) == 130
    assert capsys.readouterr().out == ""


def test_no_memory_is_an_error_of_that_file(judged: dict[str, Any]) -> None:
    judged["toy.txt"] = MemoryError()
    assert cli.main(["run", "toy.txt"]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "missing argument 'MODEL...'"),
        (["runn"], "no such command 'runn'"),
        (["run", "--pints", "3", "a"], "did you mean --points"),
        (["run", "--points", "0", "a"], "0 is not in the range 1<=x<=1000"),
        (["run", "--points", "x", "a"], "'x' is not a whole number"),
        (["run", "--budget", "0", "a"], "'0' is not a whole number of 1 or more"),
        (["run", "--budget", "1,5", "a"], "'1,5' is not a whole number"),
        (["run", "--budget", "1e999", "a"], "'1e999' is not a whole number"),
        (["run", "nowhere.txt"], "paths are relative to the current folder"),
        (["run", "no/toy"], "gradcheck example toy prints the example"),
        (["run", "--bugdet", "5", "a"], "did you mean --budget?"),
        (["run", "--digits", "99", "a"], "--digits"),
        (["run", "--format", "xml", "a"], "'xml' is not one of 'table', 'json'"),
        (["run", "--color", "x", "a"], "--color"),
        (["run", "--seed", "-1", "a"], "--seed"),
        (["run", "-q", "-v", "a"], "exclude each other"),
        (["run", "--hint", "none", "--show-truth", "a"], "exclude each other"),
        (["run", "-", "-"], "given twice"),
        (["run", "a", "--output", "no/such/folder.txt"], "there is no folder"),
        (["run", "a", "--output", "."], "is a folder"),
        (["explain"], "missing argument"),
        (["explain", "a", "--row", "x"], "--row"),
        (["example", "--save"], "needs a name"),
        (["example", "no such thing"], 'there is no example "no such thing"'),
    ],
)
def test_bad_options_are_told_in_our_own_style(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert "= help: " in err
    assert message in err
    assert len(err.splitlines()) == 2


# ---------------------------------------------------------------------------------------------
# Options reach the library, results the right stream
# ---------------------------------------------------------------------------------------------


def test_options_reach_the_library(judged: dict[str, Any]) -> None:
    text = "--points 2 --digits 9 --budget 7000 --scheme central --at w0=1 --at w1=2 --wrt x --strict --carry"
    cli.main(["run", "toy.txt", *text.split(), "--show-truth", "--require-claims", "--hint", "truth"])
    assert judged["asked"] == {
        "points": 2,
        "digits": 9,
        "budget": 7000,
        "scheme": "central",
        "at": ("w0=1", "w1=2"),
        "wrt": ("x",),
        "strict": True,
        "carry": True,
        "hint": "truth",
        "show_truth": True,
        "require_claims": True,
        "claims": None,
    }


@pytest.mark.parametrize("text", ["1000000", "1e6", "1,000,000", "1_000_000"])
def test_large_numbers_are_written_as_one_likes(judged: dict[str, Any], text: str) -> None:
    cli.main(["run", "toy.txt", "--budget", text])
    assert judged["asked"]["budget"] == 1_000_000


def test_what_is_not_asked_is_left_to_the_model(judged: dict[str, Any]) -> None:
    cli.main(["run", "toy.txt"])
    assert judged["asked"] == {"claims": None}


def test_each_file_of_claims_gets_a_report(
    judged: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load_claims(path: Path, model: str) -> tuple[str, ...]:
        if path.name == "eve.txt":
            raise GradcheckError("there is no file eve.txt", file="eve.txt")
        return (path.name,)

    def check(model: str, claims: tuple[str, ...] = (), **options: Any) -> Report:
        return replace(reports.OK, claims_file=claims[0])

    monkeypatch.setattr(api, "load_claims", load_claims)
    monkeypatch.setattr(api, "check", check)
    files = [f"--claims={name}.txt" for name in ("alice", "eve", "bob")]
    assert cli.main(["run", "toy.txt", *files, "--format", "json"]) == 2
    found = json.loads(capsys.readouterr().out)["reports"]
    assert [report["claims_file"] for report in found] == ["alice.txt", "eve.txt", "bob.txt"]
    assert [report["model"] for report in found] == ["toy.txt", "toy.txt", "toy.txt"]


def test_errors_go_to_stderr_and_into_the_json(
    judged: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["run", "bad.txt"])
    out, err = capsys.readouterr()
    assert (out, err) == ("", reports.ERROR.error.text + "\n" if reports.ERROR.error else "")
    cli.main(["run", "bad.txt", "--format", "json"])
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out)["reports"][0]["error"]["line"] == 3


def test_quiet_and_quieter(judged: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["run", "-q", "toy.txt", "toy_wrong.txt"])
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert cli.main(["run", "-qq", "bad.txt", "toy_wrong.txt"]) == 2
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("choice", "environment", "terminal", "colored"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": ""}, False, False),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_color(choice: str, environment: dict[str, str], terminal: bool, colored: bool) -> None:
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    assert atomic_output.wants_color(choice, Stream(), environment) is colored


@pytest.mark.slow
def test_an_ascii_terminal_gets_twins_and_json_stays_utf8(toy: Path) -> None:
    (toy / "greek.txt").write_text("param \u03b2\u2080 = 2\nloss = \u03b2\u2080^2\n", "utf-8")
    environment = ENVIRONMENT | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    table = gradcheck("run", "greek.txt", env=environment)
    assert "beta0" in table.stdout, table
    found = gradcheck("run", "greek.txt", "--format", "json", env=environment, text=False)
    assert json.loads(found.stdout.decode("utf-8"))["reports"][0]["verdict"] == "ok"


# ---------------------------------------------------------------------------------------------
# --output
# ---------------------------------------------------------------------------------------------


def test_output_goes_into_the_file_and_nowhere_else(
    judged: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "report.json"
    target.write_text("old")
    target.chmod(0o640)
    assert cli.main(["run", "toy.txt", "--format", "json", "--output", str(target)]) == 0
    assert json.loads(target.read_text())["verdict"] == "ok"
    assert target.stat().st_mode & 0o777 == 0o640
    assert capsys.readouterr().out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_a_full_disk_leaves_the_old_file_whole(
    judged: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    target = tmp_path / "report.txt"
    target.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    assert cli.main(["run", "toy.txt", "--output", str(target)]) == 2
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.txt"]
    assert "No space left on device" in capsys.readouterr().err


def test_output_never_replaces_a_model(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "toy.txt", "--output", "./toy.txt"]) == 2
    assert (toy / "toy.txt").read_text() == TOY
    assert "is also read" in capsys.readouterr().err


def test_output_follows_links_and_writes_to_devices(
    judged: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    assert cli.main(["run", "toy.txt", "--output", str(tmp_path / "link.txt")]) == 0
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() != "old"
    assert cli.main(["run", "toy.txt", "--output", os.devnull]) == 0
    assert not Path(os.devnull).is_file()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_exit_2(toy: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*GRADCHECK, "run", "toy.txt"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.decode() == "error: cannot write the result: No space left on device\n"


# ---------------------------------------------------------------------------------------------
# Pipes, signals, imports
# ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
@pytest.mark.parametrize(
    "command", ["run wrong.txt", "run --help", "example"]
)
def test_a_closed_pipe_is_quiet(toy: Path, command: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*GRADCHECK, *command.split()],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        check=False,
    )
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == (1 if "wrong" in command else 0)


@pytest.mark.slow
def test_a_closed_stdout_is_quiet(toy: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{' '.join(GRADCHECK)} run toy.txt >&-"],
        capture_output=True,
        env=ENVIRONMENT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_an_interrupt_ends_quietly_with_130(toy: Path) -> None:
    code = (
        "import signal, sys, time; from gradcheck_cli import api; from gradcheck_cli.cli import main as cli; "
        "signal.signal(signal.SIGINT, signal.default_int_handler); "  # a background job ignores it
        "api.load = lambda *a, **k: (print('ready', flush=True), time.sleep(60)); "
        "sys.exit(cli.main(['run', 'toy.txt']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"ready"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err.strip()) == (130, b"", b"")


# What the toy model does not ask for: each comes with the first model, entry or claim that does.
FEATURES = re.sub(
    r"(\S+)", r"gradcheck_cli.\1", """
    initialization formulas verdicts.diagnosis language.advice.syntax_advice language.assumed_words
    language.file_values language.drawn_values language.data.tables language.data.csv_columns
    language.expansion.unrolling language.expansion.calls
    derivatives.finite_differences.drivers.by_node numerics.complex_step numerics.exact_contraction
    numerics.special_functions numerics.special_multiprecision numerics.float32_evidence
    numerics.named_constants reference.tied_derivatives reference.tied_units reference.unit_passes
    verdicts.gradients.random_sums verdicts.gradients.resolution verdicts.gradients.reference_answers
    verdicts.gradients.standing verdicts.gradients.fault_localization verdicts.gradients.alike_entries
    verdicts.claims.judge_values verdicts.claims.value_circles verdicts.claims.numbers
    verdicts.claims.claimed_numbers verdicts.claims.whole_numbers verdicts.claims.claim_samples
    verdicts.claims.judge_together verdicts.claims.choice_of_slopes verdicts.claims.tied_entries
    verdicts.claims.one_sided_slopes verdicts.claims.symmetric verdicts.claims.long_literals
    results.index_patterns render.latex render.markdown render.json_schema
    """
)  # fmt: skip


def test_the_features_are_modules() -> None:
    assert [name for name in FEATURES.split() if find_spec(name) is None] == []


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--help"], "numpy sympy rich lark dataclasses pathlib"),
        (["--version"], "numpy sympy rich lark dataclasses pathlib"),
        (["run", "--help"], "numpy sympy rich lark"),
        (["example"], "numpy sympy rich lark"),
        (["run", "bad.txt"], "numpy sympy rich gradcheck_cli.results gradcheck_cli.render.table"),
        pytest.param(["init-stats", "--depth", "5"], "sympy lark mpmath", marks=pytest.mark.slow),
        pytest.param(["run", "toy.txt"], FEATURES, marks=pytest.mark.slow),
    ],
)
def test_what_is_cheap_imports_nothing_dear(
    toy: Path, arguments: list[str], absent: str
) -> None:
    code = (
        "import sys; from gradcheck_cli.cli.main import main; code = main(sys.argv[1:]); "
        "print(','.join(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=False,
    )
    loaded = done.stdout.splitlines()[-1].split(",")
    assert not set(absent.split()) & set(loaded)


def test_importing_the_package_imports_neither_numpy_nor_sympy() -> None:
    code = "import sys, gradcheck_cli; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, check=True
    )
    assert not {"numpy", "sympy", "click", "rich"} & set(done.stdout.split())


def test_the_library_has_its_names() -> None:
    for name in gradcheck_cli.__all__:
        assert getattr(gradcheck_cli, name) is not None
    assert set(gradcheck_cli.__all__) <= set(dir(gradcheck_cli))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = gradcheck_cli.no_such_name


# ---------------------------------------------------------------------------------------------
# Help and completion
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", group.COMMANDS)
def test_each_command_has_help_with_an_example_and_its_exit_codes(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for flag in ("-h", "--help"):
        assert cli.main([name, flag]) == 0
        text = capsys.readouterr().out
        assert f"Example:  gradcheck {name}" in text
        assert "Exit codes: 0" in text
        assert max(map(len, text.splitlines())) <= 80


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"gradcheck {gradcheck_cli.__version__}\n"


def test_without_arguments_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "Usage: gradcheck" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    done = gradcheck(env=ENVIRONMENT | {"_GRADCHECK_COMPLETE": f"{shell}_source"})
    assert done.returncode == 0
    assert "_GRADCHECK_COMPLETE" in done.stdout


@pytest.mark.slow
def test_formats_and_examples_are_completed() -> None:
    def completed(words: str) -> str:
        line = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
        return gradcheck(env=ENVIRONMENT | line | {"_GRADCHECK_COMPLETE": "bash_complete"}).stdout

    assert "plain,markdown" in completed("gradcheck run --format m")
    found = completed("gradcheck example m").splitlines()
    assert found == [f"plain,{name}" for name in example_models.names() if name.startswith("m")]


# ---------------------------------------------------------------------------------------------
# Examples
# ---------------------------------------------------------------------------------------------


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of examples of our own; we are in an empty one beside it."""
    models = tmp_path / "models"
    models.mkdir()
    (models / "toy.txt").write_text("# the toy model\n# expect: ok\n" + TOY)
    (models / "rows.txt").write_text(
        '# many rows\nrows x, y from "p.csv"  # and from "no.csv"\nparam w from "q.npy"\n'
    )
    (models / "p.csv").write_text("x,y\n1,2\n")
    (models / "q.npy").write_bytes(b"\x93NUMPY")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.setattr(example_models, "folder", lambda: models)
    monkeypatch.chdir(here)
    return here


def test_examples_are_listed_with_what_they_teach(
    shelf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["example"]) == 0
    assert capsys.readouterr().out == "rows  many rows\ntoy   the toy model\n"


def test_an_example_is_printed_as_it_is(shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["example", "toy"]) == 0
    assert capsys.readouterr().out.endswith(TOY)


def test_an_unknown_example_gets_a_suggestion(
    shelf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["example", "toi"]) == 2
    assert "did you mean toy?" in capsys.readouterr().err


def test_an_example_is_saved_with_its_data(
    shelf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["example", "rows", "--save"]) == 0
    assert sorted(path.name for path in shelf.iterdir()) == ["p.csv", "q.npy", "rows.txt"]
    assert "wrote p.csv" in capsys.readouterr().out


def test_saving_is_never_over_a_file_and_leaves_nothing(
    shelf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shelf / "q.npy").write_text("mine")
    assert cli.main(["example", "rows", "--save"]) == 2
    assert "q.npy exists" in capsys.readouterr().err
    assert [path.name for path in shelf.iterdir()] == ["q.npy"]
    assert (shelf / "q.npy").read_text() == "mine"


def test_the_examples_of_the_project_are_found() -> None:
    assert example_models.folder().name == "models"


# ---------------------------------------------------------------------------------------------
# End to end
# ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_model_is_judged_in_the_same_words_every_time(toy: Path) -> None:
    done, again = (gradcheck("run", "wrong.txt") for _ in range(2))
    assert done.returncode == 1, done.stderr
    assert "YOUR CLAIMS   1 WRONG, 1 ok" in done.stdout
    assert done.stderr == ""
    assert again.stdout == done.stdout
    assert str(toy) not in done.stdout


@pytest.mark.slow
def test_a_model_comes_through_a_pipe(toy: Path) -> None:
    done = gradcheck("run", "-", "--format", "json", input=TOY)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)["reports"][0]
    assert report["model"] == "-"
    assert report["parameters"][0]["entries"][0]["verdict"] == str(Verdict.OK)


def test_a_syntax_error_is_shown_with_a_caret(toy: Path) -> None:
    done = gradcheck("run", "bad.txt")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("bad.txt:3:")
    assert "^" in done.stderr


def test_several_files_end_with_a_count(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "toy.txt", "wrong.txt", "bad.txt", "missing.txt"]) == 2
    out, err = capsys.readouterr()
    assert out.endswith("4 models: 1 ok, 1 WRONG, 2 ERROR\n")
    assert "there is no file missing.txt" in err


@pytest.mark.parametrize("command", ["explain", "show"])
def test_the_other_commands_read_models(
    toy: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command, "toy.txt"]) == 0
    out, err = capsys.readouterr()
    assert ("h1" in out, err) == (True, "")
    assert cli.main([command, "bad.txt"]) == 2
    assert capsys.readouterr().out == ""


def test_the_functions_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["functions"]) == 0
    out, err = capsys.readouterr()
    assert ("log1p" in out, err) == (True, "")


def test_save_reports_what_the_system_says(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        atomic_output.save(str(tmp_path / "no" / "file"), b"")


@pytest.mark.slow
def test_limits_of_size_can_be_lowered_and_raised(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "\n".join(str(k / 7) for k in range(100_000))
    (tmp_path / "x.csv").write_text(f"x\n{rows}\n")
    model = tmp_path / "m.txt"
    model.write_text(f'rows x from "x.csv"\nparam w = 1\nloss = mean_rows(w*x)\n#{"." * (1 << 20)}\n')
    for option in ("--max-text", "--max-data"):
        assert cli.main(["run", str(model), option, "1"]) == 2
        assert option in capsys.readouterr().err
    assert cli.main(["run", str(model), "--max-text", "2", "--max-data", "64", "-q"]) == 0
