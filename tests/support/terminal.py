"""The command line in this process, as a person at a terminal of 80 columns sees it: no start-up to pay."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from gradcheck_cli.cli.main import main


def gradcheck(words: list[str], folder: Path, given: bytes = b"") -> tuple[int, bytes]:
    """The exit code of `gradcheck WORDS` in a folder, and what it prints on both streams together."""
    printed = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("COLUMNS", "80")
        patch.setenv("NO_COLOR", "1")
        patch.delenv("FORCE_COLOR", raising=False)
        out = io.TextIOWrapper(printed, encoding="utf-8", newline="", write_through=True)
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", out)
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"))
        code = main(words)
        out.flush()
        out.detach()
    return code, printed.getvalue()
