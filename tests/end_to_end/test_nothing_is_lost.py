"""Files that exist stay as they are where there is nothing to write; closed streams are told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from terminal import gradcheck

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
BROKEN, RIGHT = "param x =\nloss = x\n", "param x = 2\nloss = x^2\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "broken.txt").write_text(BROKEN)
    (tmp_path / "right.txt").write_text(RIGHT)
    (tmp_path / "kept.txt").write_text("kept\n")
    return tmp_path


@pytest.mark.parametrize("words", [("broken.txt",), ("nowhere.txt",), ("broken.txt", "-qq")])
def test_a_model_that_cannot_be_read_leaves_the_output_file(folder: Path, words: tuple[str, ...]) -> None:
    code, printed = gradcheck(["run", *words, "--output", "kept.txt"], folder)
    assert code == 2
    assert (folder / "kept.txt").read_text() == "kept\n"
    assert (b"error" in printed) is ("-qq" not in words)


JSON = ("broken.txt", "--format", "json")


@pytest.mark.parametrize("words", [("right.txt",), ("broken.txt", "right.txt"), JSON])
def test_what_is_known_is_written(folder: Path, words: tuple[str, ...]) -> None:
    gradcheck(["run", *words, "--output", "kept.txt"], folder)
    assert words[0] in (folder / "kept.txt").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell closes the stream")
@pytest.mark.parametrize("words", ["run -", "explain -", "run right.txt --claims -"])
def test_closed_standard_input(folder: Path, words: str) -> None:
    command = f'"{sys.executable}" -m gradcheck_cli {words} <&-'
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    assert done.returncode == 2
    assert "standard input is closed" in done.stderr
    assert "internal" not in done.stderr
