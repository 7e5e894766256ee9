"""Reads the models that travel with the package. Gives their names, lessons, texts and data files.

Knows nothing of what is in a model, beyond its first comment and the files it names.
"""

from __future__ import annotations

import re
from pathlib import Path

from gradcheck_cli.common.errors import OptionError, OutputError

__all__ = ["folder", "lesson", "names", "save", "text"]

_PACKAGE = Path(__file__).resolve().parents[1]


def folder() -> Path:
    """Where the models are: in the installed package, or beside it in a source checkout."""
    installed = _PACKAGE / "models"
    return installed if installed.is_dir() else _PACKAGE.parent / "models"


def names() -> list[str]:
    """The names of all models, sorted."""
    return sorted(path.stem for path in folder().glob("*.txt"))


def text(name: str) -> str:
    """The text of a model. Raises OptionError with the nearest names if there is none."""
    known = names()
    if name not in known:
        from difflib import get_close_matches

        near = get_close_matches(name.removesuffix(".txt"), known, 3, 0.5)
        help = f"did you mean {' or '.join(near)}?" if near else "gradcheck example lists them"
        raise OptionError(f'there is no example "{name}"', help=help)
    return (folder() / f"{name}.txt").read_text(encoding="utf-8")


def lesson(name: str) -> str:
    """The first comment of a model: what it teaches."""
    comments = (line.lstrip("# ").strip() for line in text(name).splitlines() if line[:1] == "#")
    return next((comment for comment in comments if comment), "")


def save(name: str, to: Path) -> list[Path]:
    """Write a model and the data files it names into the folder `to`; return their paths.

    Raises OutputError, and leaves nothing behind, if one of them exists or cannot be written.
    """
    lines = (line.partition("#")[0] for line in text(name).splitlines())
    data = dict.fromkeys(match for line in lines for match in re.findall(r'from\s+"([^"]+)"', line))
    written: list[Path] = []
    try:
        for file in (f"{name}.txt", *data):
            _copy(folder() / file, to / file)
            written.append(to / file)
    except BaseException:
        for path in written:
            path.unlink()
        raise
    return written


def _copy(source: Path, target: Path) -> None:
    """Copy a file to where there is none."""
    content = source.read_bytes()
    try:
        with target.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise OutputError(
            f"{target.name} exists and is not overwritten", help="move it, or use another folder"
        ) from None
    except OSError as error:
        raise OutputError(f"cannot write {target.name}: {error.strerror}") from None
