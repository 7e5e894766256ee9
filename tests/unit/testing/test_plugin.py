"""The plugin of pytest: a test for each *.gradcheck file, and nothing for those who have none."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from paths import PROJECT

RIGHT = "param w = 3\nloss = w^2\nclaim d loss/d w = 2*w\n"
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(PROJECT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "COLUMNS": "100",
}  # fmt: skip


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", *words], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_the_plugin_imports_nothing_of_gradcheck_until_there_is_a_model() -> None:
    done = python(PROJECT, "-c", "import sys, gradcheck_cli.testing.plugin; print(*sys.modules)")
    ours = {name for name in done.stdout.split() if name.startswith("gradcheck_cli")}
    assert ours == {"gradcheck_cli", "gradcheck_cli.testing", "gradcheck_cli.testing.plugin"}
    assert not {"numpy", "sympy", "click", "rich", "lark"} & set(done.stdout.split())


def test_the_project_names_the_plugin_to_pytest() -> None:
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    assert '[project.entry-points.pytest11]\ngradcheck = "gradcheck_cli.testing.plugin"\n' in text


@pytest.mark.slow
def test_each_file_is_a_test(tmp_path: Path) -> None:
    (tmp_path / "right.gradcheck").write_text(RIGHT)
    (tmp_path / "wrong.gradcheck").write_text(RIGHT.replace("2*w", "w"))
    (tmp_path / "broken.gradcheck").write_text("param w = = 3\n")
    (tmp_path / "model.txt").write_text("no test")
    (tmp_path / "test_it.py").write_text("def test_it(): pass\n")
    done = python(tmp_path, "-m", "pytest", "-p", "gradcheck_cli.testing.plugin", "-W", "error", "-rA")
    assert done.returncode == 1
    assert re.search(r"2 failed, 2 passed in", done.stdout), done.stdout
    assert "PASSED right.gradcheck::right" in done.stdout
    assert "FAILED wrong.gradcheck::wrong - WRONG: line 3: is 1/2 times the true value" in done.stdout
    assert "FAILED broken.gradcheck::broken - broken.gradcheck:1:11: error: " in done.stdout
    assert "line 3    d loss/d w = w" in done.stdout
    assert "Traceback" not in done.stdout
    one = python(tmp_path, "-m", "pytest", "-p", "gradcheck_cli.testing.plugin", "-q", "right.gradcheck")
    assert (one.returncode, one.stderr) == (0, "")


@pytest.mark.slow
def test_pytest_prints_what_the_page_shows(tmp_path: Path) -> None:
    page = (PROJECT / "docs" / "continuous-integration.md").read_text(encoding="utf-8")
    for name, text in re.findall(r"<!-- file: (\S+\.py) -->\n```python\n(.*?)```\n", page, re.S):
        (tmp_path / name).write_text(text)
    (documented,) = re.findall(r"<!-- of pytest -->\n```\n(.*?)```\n", page, re.S)
    done = python(tmp_path, "-m", "pytest", "-q")
    printed = [" ".join(line.split()) for line in done.stdout.splitlines()]
    shown = [" ".join(line.split()) for line in documented.splitlines()]
    assert not [line for line in shown if line not in printed], done.stdout


@pytest.mark.slow
def test_a_project_without_models_collects_what_it_did(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import sys\ndef test_it(): assert not {'numpy', 'gradcheck_cli.api'} & set(sys.modules)\n"
    )
    done = python(tmp_path, "-m", "pytest", "-p", "gradcheck_cli.testing.plugin", "-W", "error", "-q")
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


@pytest.mark.slow
def test_unittest_shows_the_table_and_no_frame_of_ours(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import unittest\nfrom gradcheck_cli.testing import assert_gradient\n\n\n"
        "class Test(unittest.TestCase):\n    def test_it(self):\n"
        '        assert_gradient("param w = 3.141593\\nloss = w^2", {"w": 3.141593})\n\n'
        '    def test_right(self):\n        assert_gradient("param w = 3\\nloss = w^2", {"w": 6.0})\n'
    )
    done = python(tmp_path, "-c", "import sys, unittest; sys.path.insert(0, '.'); unittest.main('test_it')")
    assert "AssertionError: WRONG: line 7: misses the factor 2 of the power" in done.stderr
    assert "the model, claims of test_it.py" in done.stderr
    assert "gradcheck_cli" not in done.stderr
    assert "FAILED (failures=1)" in done.stderr
