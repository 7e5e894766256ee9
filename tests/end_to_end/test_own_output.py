"""Programs that write to standard output, out of C, too, or end the process: the report stands alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import ctypes, os

def loss(w):
    os.write(1, b"noise ")
    return w*w

def grad(w):
    if os.name == "posix":
        ctypes.CDLL(None).printf(b"buffered until the process ends")
    print("printed")
    return 2*w

def twice(w):
    return 4*w

def ends(w):
    os._exit(0)

def point():
    return {"w": 3.0}
"""


@pytest.mark.slow
@pytest.mark.parametrize(("grad", "code", "verdict"), [
    ("grad", 0, "ok"), ("twice", 1, "WRONG"), ("ends", 2, "ERROR"),
])  # fmt: skip
def test_the_report_stands_alone(grad: str, code: int, verdict: str, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(PROGRAM)
    words = ["code", "p.py:loss", "--grad", f"p.py:{grad}", "--at", "p.py:point", "--format", "json"]
    command = [sys.executable, "-m", "gradcheck_cli", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    (report,) = json.loads(done.stdout)["reports"]
    assert report["verdict"] == verdict
    assert ("os._exit(0)" in done.stdout + done.stderr) is (grad == "ends")
    assert grad == "ends" or "noise" in done.stderr
