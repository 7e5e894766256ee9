"""Reads finished text. Gives it to a file, whole or not at all, and says what a terminal can show.

Knows nothing of results.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TextIO

from gradcheck_cli.common.errors import OptionError, OutputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["abandon", "check_target", "encoding_of", "save", "wants_color", "width"]


def width() -> int:
    """The columns of the terminal, or those that COLUMNS says; 80 where the output is not one."""
    said = os.environ.get("COLUMNS", "")
    if said.isdigit() and int(said) > 0:
        return int(said)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return 80


def encoding_of(stream: TextIO | None) -> str:
    """The encoding of a text stream."""
    return getattr(stream, "encoding", None) or "utf-8"


def wants_color(choice: str, stream: TextIO | None, environment: Mapping[str, str]) -> bool:
    """Whether to color: the option decides, then NO_COLOR, FORCE_COLOR, and being a terminal."""
    if choice != "auto":
        return choice == "always"
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    terminal = stream is not None and stream.isatty()
    return terminal and environment.get("TERM") != "dumb"


def check_target(path: str, sources: Iterable[str], option: str = "--output") -> None:
    """Refuse, before any work, a target that cannot be written or that is one of the `sources`."""
    from pathlib import Path

    target = Path(path)
    if target.is_dir():
        raise OptionError(f"{option}: {path} is a folder", help="name a file in it")
    if not target.absolute().parent.is_dir():
        raise OptionError(f"{option}: there is no folder {target.parent}", help="create it first")
    for source in sources:
        if target.exists() and os.path.exists(source) and os.path.samefile(target, source):
            raise OptionError(f"{option}: {path} is also read", help="choose another name")


def save(path: str, content: bytes) -> None:
    """Put `content` into a file in one step: a failure leaves the old file, and nothing else.

    What is not a regular file (a pipe, /dev/null) is written to as it is. Raises OutputError.
    """
    from pathlib import Path

    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(content)
        else:
            _replace(target, content)
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}", help="no file was changed"
        ) from None


def abandon(stream: TextIO | None) -> None:
    """Send what is still in a stream's buffer nowhere, so that the exit does not fail on it."""
    try:
        if stream is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
    except (OSError, ValueError):  # no descriptor below: nothing to flush
        pass


def _replace(target: Path, content: bytes) -> None:
    import tempfile

    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, _mode(target))
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _mode(target: Path) -> int:
    """The permissions of the old file, or those a new one gets."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
