"""Folders of models: which files are run, in what order, by how many processes, and when a run stops."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import reports
from gradcheck_cli import api
from gradcheck_cli.cli import main as cli
from gradcheck_cli.cli import workers
from gradcheck_cli.cli.judging import Judged
from gradcheck_cli.cli.model_files import find_models
from gradcheck_cli.common.errors import GradcheckError, OptionError
from gradcheck_cli.numerics.limits.checking import CHECKING
from gradcheck_cli.results.gradient_results import Report, Verdict
from paths import PROJECT

RIGHT = "param w = 3\nloss = w^2\nclaim d loss/d w = 2*w\n"
WRONG = "param w = 3\nloss = w^2\n\nclaim d loss/d w = w\n"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {
    "PYTHONPATH": str(PROJECT)
}
GRADCHECK = [sys.executable, "-P", "-m", "gradcheck_cli", "run"]


# ---------------------------------------------------------------------------------------------
# Which files
# ---------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project: models among texts that are none; we are in it."""
    files = {
        "b.gradcheck": RIGHT, "a.txt": RIGHT, "sub/deep/c.txt": "# text\n data x[2] = [1, 2]\r\nloss = x\n",
        "requirements.txt": "numpy>=2\nloss = 3\n", "notes.txt": "data are given\nparameters: w\n",
        "alice.txt": "claim d loss/d w = w\n", "report.txt": "loss = 0.13   symbolic\nd = 1\n",
        ".venv/lib/d.txt": RIGHT, "sub/.hidden.gradcheck": RIGHT, "node_modules/e.txt": RIGHT,
        "points.csv": "x\n1\n", "bom.txt": "\ufeffparam w = 1\nloss = w\n", "greek.txt": "data \u03b2 = 1\n",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_stands_for_its_models(folder: Path) -> None:
    found = find_models(["."])
    assert found.files == (
        "a.txt", "b.gradcheck", "bom.txt", "greek.txt", os.path.join("sub", "deep", "c.txt")
    )  # fmt: skip
    assert found.left_out == ("alice.txt", "notes.txt", "report.txt", "requirements.txt")
    assert find_models(["sub"]).files[-1] == os.path.join("sub", "deep", "c.txt")


def test_a_file_stands_for_itself(folder: Path) -> None:
    assert find_models(["notes.txt", "missing.txt", "-", "a.txt", "a.txt"]).files == (
        "notes.txt", "missing.txt", "-", "a.txt", "a.txt"
    )  # fmt: skip
    assert find_models(["notes.txt", "sub", "sub"]).files.count(os.path.join("sub", "deep", "c.txt")) == 1


def test_patterns_that_no_shell_expanded(folder: Path) -> None:
    assert find_models(["*.gradcheck"]).files == ("b.gradcheck",)
    assert find_models(["**/c.txt"]).files == (os.path.join("sub", "deep", "c.txt"),)
    (folder / "[odd].txt").write_text(RIGHT)
    assert find_models(["[odd].txt"]).files == ("[odd].txt",)
    with pytest.raises(OptionError, match=r"nothing matches \*\.model"):
        find_models(["*.model"])


def test_a_folder_without_models_is_an_error(folder: Path) -> None:
    (folder / "empty").mkdir()
    (folder / "empty" / "notes.txt").write_text("no model")
    with pytest.raises(OptionError, match="empty has no model in it"):
        find_models(["a.txt", "empty"])


def test_only_the_beginning_of_a_text_is_searched(folder: Path) -> None:
    few = CHECKING._replace(most_searched=8)
    assert "bom.txt" in find_models(["."]).files
    assert "sub/deep/c.txt" not in find_models(["."], few).files


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX pipes")
def test_a_pipe_in_a_folder_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.txt")
    assert "pipe.txt" not in find_models(["."]).files


# ---------------------------------------------------------------------------------------------
# In order, as they come, until they fail
# ---------------------------------------------------------------------------------------------


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that were judged, in their order; reports made by hand."""
    table = {report.model: report for report in reports.ALL}
    asked: list[str] = []

    def check(model: str, **options: Any) -> Report:
        asked.append(model)
        if model == "bad.txt":
            raise GradcheckError("bad", file="bad.txt")
        return table.get(model, reports.OK)

    class File(str):
        rows = None

    monkeypatch.setattr(api, "load", lambda path, **loading: File(path))
    monkeypatch.setattr(api, "check", check)
    return asked


@pytest.mark.parametrize(
    ("fail_on", "codes"),
    [
        ([], {"toy.txt": 0, "kink.txt": 0, "log.txt": 3, "toy_wrong.txt": 1, "bad.txt": 2}),
        (["wrong"], {"toy.txt": 0, "kink.txt": 0, "log.txt": 0, "toy_wrong.txt": 1, "bad.txt": 2}),
        (["unresolved"], {"toy.txt": 0, "kink.txt": 0, "log.txt": 1, "toy_wrong.txt": 1, "bad.txt": 2}),
        (["kink"], {"toy.txt": 0, "kink.txt": 1, "log.txt": 1, "toy_wrong.txt": 1, "bad.txt": 2}),
    ],
)
def test_fail_on_decides_what_is_exit_code_1(
    judged: list[str], fail_on: list[str], codes: dict[str, int]
) -> None:
    options = [f"--fail-on={word}" for word in fail_on]
    assert {name: cli.main(["run", name, "-qq", *options]) for name in codes} == codes
    assert cli.main(["run", *codes, "-qq", *options]) == 2
    milder = [name for name in codes if name != "bad.txt"]
    assert cli.main(["run", *milder, "-qq", *options]) == 1


@pytest.mark.parametrize("format_name", ["table", "json", "csv", "junit"])
def test_exitfirst_stops_after_the_first_that_fails(
    judged: list[str], format_name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ["toy.txt", "kink.txt", "toy_wrong.txt", "toy.txt"]
    assert cli.main(["run", *files, "-x", "--format", format_name]) == 1
    assert judged == files[:3]
    if format_name == "table":
        assert capsys.readouterr().out.endswith("3 models: 1 ok, 1 KINK, 1 WRONG; 1 not run\n")
    judged.clear()
    assert cli.main(["run", *files, "-x", "--fail-on", "kink", "-qq"]) == 1
    assert judged == files[:2]


def test_each_report_is_written_before_the_next_is_asked_for(
    judged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[str, int]] = []

    def write(text: str, color: bool = False) -> bool:
        written.append((text, len(judged)))
        return True

    monkeypatch.setattr("gradcheck_cli.cli.delivery.write_output", write)
    cli.main(["run", "toy.txt", "kink.txt", "toy.txt", "-q"])
    assert [(text.split()[0], count) for text, count in written[:3]] == [
        ("toy.txt", 1), ("kink.txt", 2), ("toy.txt", 3)
    ]  # fmt: skip


def test_once_nobody_reads_no_more_are_judged(judged: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradcheck_cli.cli.delivery.write_output", lambda *_: False)
    assert cli.main(["run", "toy_wrong.txt", "toy.txt", "toy.txt", "-q"]) == 1
    assert judged == ["toy_wrong.txt"]


def test_what_a_folder_leaves_out_is_said(
    folder: Path, judged: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["run", "sub", "."]) == 0
    assert judged[0] == os.path.join("sub", "deep", "c.txt")
    assert "note: left out, with no param, data or rows: alice.txt, notes.txt" in capsys.readouterr().err
    assert cli.main(["run", ".", "-q"]) == 0
    assert "left out" not in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------
# Several processes
# ---------------------------------------------------------------------------------------------

CHOSEN = {"save_point": None}
# Stand in for a process of ours: each answers in its own way.
ANSWERS = """
import os, pickle, sys, time
while True:
    try:
        path, chosen = pickle.load(sys.stdin.buffer)
    except EOFError:
        break
    if path == "dies":
        os.kill(os.getpid(), 9)
    if path == "leaves":
        sys.exit(7)
    if path == "hangs":
        time.sleep(60)
    if path == "babbles":
        sys.stdout.buffer.write(b"hello, world")
        sys.stdout.buffer.close()
        sys.exit(0)
    time.sleep(0.1 if path == "slow" else 0)
    pickle.dump([path, os.getpid()], sys.stdout.buffer)
    sys.stdout.buffer.flush()
"""


def in_order(paths: Sequence[str], jobs: int = 2) -> list[Any]:
    command = [sys.executable, "-I", "-S", "-c", ANSWERS]
    return list(workers.judge_in_order(paths, CHOSEN, jobs, lambda path: False, command=command))


def test_answers_come_in_the_order_of_the_paths() -> None:
    paths = ["slow", *(f"m{k}" for k in range(40))]
    found = in_order(paths)
    assert [path for path, _ in found] == paths
    assert len({process for _, process in found}) == 2


@pytest.mark.parametrize(
    ("path", "said"), [("dies", "killed by signal 9"), ("leaves", "exit code 7"), ("babbles", "ended with")]
)
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_process_that_dies_is_one_error_and_the_others_are_judged(path: str, said: str) -> None:
    found = in_order(["a", path, "b", "c", path, "d"])
    assert [each[0] for k, each in enumerate(found) if k not in (1, 4)] == ["a", "b", "c", "d"]
    for answer in (found[1], found[4]):
        (error,) = answer
        assert isinstance(error, Judged)
        assert (error.code, error.report.verdict) == (70, Verdict.ERROR)
        assert path in error.report.model
        assert error.report.error is not None
        assert error.report.error.text.startswith(f"{path}: error: the process that judged this model ")
        assert path == "babbles" or said in error.report.error.message


def test_whoever_leaves_early_leaves_no_process() -> None:
    command = [sys.executable, "-I", "-S", "-c", ANSWERS]
    found = workers.judge_in_order(["a", "hangs", "b"], CHOSEN, 2, lambda path: False, command=command)
    (_, process), *_ = [next(found)]
    started = time.monotonic()
    found.close()
    assert time.monotonic() - started < 20
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_no_more_reports_wait_than_the_limit_says() -> None:
    asked: list[str] = []

    def paths() -> Any:
        for k in range(100):
            asked.append(str(k))
            yield str(k)

    command = [sys.executable, "-I", "-S", "-c", ANSWERS]
    limits = CHECKING._replace(most_ahead=3)
    found = workers.judge_in_order(
        paths(), CHOSEN, 2, lambda path: False, command=command, limits=limits
    )
    next(found)
    assert len(asked) == 6
    found.close()


def run(folder: Path, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GRADCHECK, *words], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False,
        timeout=120, **options,
    )  # fmt: skip


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for k in range(8):
        (tmp_path / f"m{k:02}.gradcheck").write_text(WRONG if k == 5 else RIGHT.replace("3", f"{k}/7"))
    (tmp_path / "queue.py").write_text("raise SystemExit('a file of the user, not of the library')")
    (tmp_path / "syntax.gradcheck").write_text("param w = = 3\n")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--format", "json"], ["-x"]])
def test_several_processes_say_what_one_says(
    models: Path, words: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models)
    one, two = ((cli.main(["run", ".", *words, f"-j{jobs}"]), capfd.readouterr()) for jobs in (1, 2))
    assert one == two
    assert one[0] == (1 if words == ["-x"] else 2)
    assert one[1].out


@pytest.mark.slow
def test_standard_input_is_judged_among_files(models: Path) -> None:
    done = run(models, "m00.gradcheck", "-", "m01.gradcheck", "-j2", "--format", "json", input=RIGHT)
    assert [r["model"] for r in json.loads(done.stdout)["reports"]] == ["m00.gradcheck", "-", "m01.gradcheck"]
    assert done.returncode == 0, done.stderr


def children_of(process: int) -> list[str]:
    command = ["ps", "-o", "pid=", "--ppid", str(process)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs ps")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_whatever_ends_the_run(models: Path, number: signal.Signals) -> None:
    """Ctrl-C goes to all processes of a terminal; the others to the first alone."""
    (models / "m01.gradcheck").write_text("param W[60,60] ~ normal(0, 1)\nloss = logdet(W @ W')\n")
    process = subprocess.Popen(
        [*GRADCHECK, ".", "-j2"], cwd=models, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"m00")
    children = children_of(process.pid)
    assert children
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert b"Traceback" not in err
    deadline = time.monotonic() + 10
    while any(Path("/proc", child).exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [child for child in children if Path("/proc", child).exists()]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
def test_a_reader_that_leaves_ends_the_run_quietly(models: Path) -> None:
    command = f"'{sys.executable}' -P -m gradcheck_cli run . -j2 -q | head -n 1"
    done = subprocess.run(
        ["sh", "-c", command], cwd=models, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert (done.stdout.split()[:2], done.stderr) == (["m00.gradcheck", "ok"], "")
