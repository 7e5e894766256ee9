"""Which framework a program is written with: what its files import, each of which is read once."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.tracing.frameworks import choice
from gradcheck_cli.tracing.frameworks.framework import Framework


def folder_of(folder: Path, count: int) -> Path:
    """Modules m0, m1 ... of which each imports all later ones, the last one the first."""
    for k in range(count):
        later = "".join(f"import m{n}\n" for n in range(k + 1, count))
        (folder / f"m{k}.py").write_text(later or "import m0\nimport numpy\n")
    return folder / "m0.py"


def test_each_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    read_bytes = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path) or read_bytes(path))
    path = folder_of(tmp_path, 6)
    for _ in range(2):
        assert type(choice.framework_of(path)) is Framework
    assert len(read) == 6


def test_a_framework_behind_many_files_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = folder_of(tmp_path, 6)
    asked: list[str] = []
    monkeypatch.setattr(choice, "find_spec", asked.append)
    (tmp_path / "m5.py").write_text("import m0\nfrom torch.nn import Linear\n")
    choice.framework_of(start)
    assert asked == ["torch"]
