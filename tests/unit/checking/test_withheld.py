"""--hint verdict: no format shows a derivative that was computed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from gradcheck_cli.cli.group import commands

MODEL = """\
data  x = 0.5
param w = 0.7, v[3] = [0.2, 0.3, 0.4], q[3,4] = 0.25
h = tanh(w*x)
loss = h^2 + sum(exp(v)) + sum(exp(q)) + relu(w - 0.7)
claim d loss/d h = 3*h
claim d loss/d v = [1.2, 1.3, 1.491]
claim d loss/d v[0] = 1.2214
claim h = 0.337
claim d loss/d w = 0.5
claim d loss/d q = [1, 2]
claim d loss/d v[1] = 1.3498
"""
TRUE = r"0\.672|0\.3029|1\.302\d|1\.221[^4]|1\.349[^8]|1\.491[^]]|1\.284|0\.3363|4\.448"
FORMATS = ("table", "json", "jsonl", "csv", "tsv", "latex", "markdown", "github", "junit", "sarif")


def told(folder: Path, *options: str) -> str:
    (folder / "m.txt").write_text(MODEL, encoding="utf-8")
    found = CliRunner().invoke(commands, ["run", str(folder / "m.txt"), *options], standalone_mode=False)
    assert found.return_value == 1
    return found.output


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_no_format_shows_a_derivative(tmp_path: Path, format: str) -> None:
    shown = told(tmp_path, "--hint", "verdict", "--format", format, "-v")
    assert not re.findall(TRUE, shown)
    assert "WRONG" in shown


def test_the_table_shows_verdicts_and_places(tmp_path: Path) -> None:
    shown = told(tmp_path, "--hint", "verdict")
    assert not re.findall(TRUE, shown)
    assert "v[2] (1 of 3 entries)" in shown
    assert "belongs" not in shown
    assert "last digit" not in shown
    assert "The three methods agree" in shown
    assert re.search(TRUE, told(tmp_path, "--hint", "none"))
    assert "it is 1.3499 to the digits written" in told(tmp_path)
