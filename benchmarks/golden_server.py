"""Answers gradcheck's command lines for one build, in one process: what golden.py asks of two.

Run as `python -P golden_server.py ROOT` with PYTHONPATH=ROOT. Reads a Command a line as JSON, runs it by the
function that ROOT/pyproject.toml names for the script `gradcheck`, and writes an Answer a line.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import os
import shlex
import signal
import sys
import tomllib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

CPU_SECONDS = 30  # of one command; the longest takes about 3


class Command(NamedTuple):
    """One call of gradcheck: `part` of the corpus, its folder there, the words, and standard input."""

    part: str
    folder: str
    words: list[str]
    stdin: str = ""

    @property
    def label(self) -> str:
        return f"{self.part}: gradcheck {shlex.join(self.words)}"


class Answer(NamedTuple):
    """All that a command did; `code` is a word where it did not end by itself."""

    code: int | str
    stdout: str
    stderr: str
    files: dict[str, str]


class _OutOfTime(BaseException):
    """Not an Exception, so that no handler of the command takes it for a defect."""


def serve(root: Path) -> None:
    """Answer the commands that come in on standard input, one JSON line each."""
    script = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]["gradcheck"]
    module, _, function = script.partition(":")
    run = getattr(importlib.import_module(module), function)
    package = Path(str(sys.modules["gradcheck_cli"].__file__))
    assert package.is_relative_to(root), f"{package} is not of the build {root}"
    warnings.simplefilter("always", RuntimeWarning)  # not once a place: places differ between builds
    warnings.formatwarning = lambda message, category, *place: f"{category.__name__}: {message}\n"
    signal.signal(signal.SIGPROF, _stop)
    asked, answers, home = sys.stdin, sys.stdout, Path.cwd()
    for line in asked:
        answer = answered(run, home, Command(*json.loads(line)))
        print(json.dumps(answer), file=answers, flush=True)


def _stop(number: int, frame: object) -> None:
    raise _OutOfTime


def answered(run: Callable[[list[str]], int], home: Path, command: Command) -> Answer:
    """What the command does in its folder, in this process."""
    os.chdir(home / command.folder)
    before, streams = fingerprints(), (sys.stdin, sys.stdout, sys.stderr)
    given, out, err = (io.BytesIO(text) for text in (command.stdin.encode(), b"", b""))
    captured = [io.TextIOWrapper(raw, "utf-8", write_through=True) for raw in (given, out, err)]
    sys.stdin, sys.stdout, sys.stderr = captured
    code: int | str
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        code = run(command.words)
    except _OutOfTime:
        code = "out of time"
    except BaseException as error:
        code = f"raised {type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdin, sys.stdout, sys.stderr = streams
    written = {name: value for name, value in fingerprints().items() if before.get(name) != value}
    for stream in captured:
        stream.detach()  # or it would close what is below
    text, errors = (raw.getvalue().decode("utf-8", "surrogateescape") for raw in (out, err))
    return Answer(code, text, errors, written)


def fingerprints() -> dict[str, str]:
    """The files of this folder, each with a digest of its bytes."""
    found = (path for path in Path().iterdir() if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
