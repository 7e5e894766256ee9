"""What pre-commit and GitHub Actions read of the repository: it says commands that there are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gradcheck_cli.cli.model_files import ENDING
from paths import PROJECT

HOOKS = (PROJECT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
ACTION = (PROJECT / "action.yml").read_text(encoding="utf-8")


def values(text: str, key: str) -> list[str]:
    return re.findall(rf"^[ -]*{key}: (.+)$", text, re.M)


def test_the_hook_runs_gradcheck_on_models() -> None:
    assert values(HOOKS, "entry") == ["gradcheck run"]
    (pattern,) = values(HOOKS, "files")
    assert re.search(pattern, f"models/toy{ENDING}")
    assert not re.search(pattern, "models/toy.txt")


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("models", "options", "words"),
    [
        (".", "", "run --format github -- ."),
        ("a b/*.txt", "-j 0 --strict", "run --format github -j 0 --strict -- a b/*.txt"),
        ("$(touch evil) ; touch evil", "", "run --format github -- $(touch evil) ; touch evil"),
    ],
)
def test_the_action_hands_words_on_and_runs_none(
    tmp_path: Path, models: str, options: str, words: str
) -> None:
    """In a shell whose python says what it was given."""
    (tmp_path / "a.txt").touch()
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    environment = {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}", "GITHUB_ACTION_PATH": "a b"}
    for script, said in zip(
        values(ACTION, "run"),
        ("-m pip install --quiet --disable-pip-version-check a b", f"-P -m gradcheck_cli {words}"),
        strict=True,
    ):
        done = subprocess.run(
            ["bash", "-e", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True,
            env=environment | {"MODELS": models, "OPTIONS": options},
        )  # fmt: skip
        assert done.stdout == f"{said}\n"
    assert not (tmp_path / "evil").exists()


def test_the_action_defines_the_inputs_that_it_uses() -> None:
    used = set(re.findall(r"\$\{\{ inputs\.(\w+) \}\}", ACTION))
    defined = re.findall(r"^  (\w+):\n    description", ACTION, re.M)
    assert used == set(defined) == {"models", "options"}
