"""Reads a path. Gives the bytes of a regular file, never too many. Knows nothing of models."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from gradcheck_cli.common import example_models
from gradcheck_cli.common.errors import DataError, printable
from gradcheck_cli.language.identifiers import nearest
from gradcheck_cli.numerics.limits.language import DEFAULTS, LanguageLimits
from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits

__all__ = ["Access", "check_size", "open_file", "read_path", "size_of", "spell_size"]

_NAME = 200  # characters of a path that are shown
_FLAGS = ("O_NONBLOCK", "O_NOCTTY", "O_BINARY", "O_CLOEXEC")  # where the system has them


@dataclass(frozen=True)
class Access:
    """Where data files are found, and how much of them may be read."""

    folder: Path = Path()
    limits: LanguageLimits = DEFAULTS
    numerics: NumericsLimits = NUMERICS
    beside: str = "the folder of the model file"  # in messages


def read_path(path: str | os.PathLike[str], *, limits: LanguageLimits = DEFAULTS) -> bytes:
    """The bytes of a regular file, as it was typed, or of standard input for "-". Raises DataError."""
    name = os.fspath(path)
    if name == "-":
        return _read_stream(limits)
    with open_file(name, beside="the current folder") as stream:
        size = size_of(stream)
        check_size(name, size, limits.max_text)
        content = stream.read(size + 1)  # read allocates all it is asked for
    if len(content) > size:
        raise DataError(f"{printable(name, _NAME)} grows while it is read", help="try again")
    return content


@contextmanager
def open_file(name: str, *, beside: str = "the folder of the model file") -> Iterator[IO[bytes]]:
    """A regular file, open for reading; `beside`: what its path is relative to. Raises DataError, also where
    reading fails later."""
    stream = _open(name, beside)
    with stream:
        try:
            yield stream
        except OSError as reason:
            raise _refusal(name, reason, beside) from None


def _open(name: str, beside: str) -> IO[bytes]:
    """The kind of file is looked at after opening: before, it could still be exchanged."""
    flags = os.O_RDONLY
    for flag in _FLAGS:
        flags |= getattr(os, flag, 0)
    try:
        descriptor = os.open(name, flags)
    except (OSError, ValueError) as reason:
        raise _refusal(name, reason, beside) from None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
    help = "only regular files are read, and standard input as -"
    raise DataError(f"{printable(name, _NAME)} is {kind}", help=help)


def size_of(stream: IO[bytes]) -> int:
    """How many bytes an open file has."""
    return os.fstat(stream.fileno()).st_size


def check_size(name: str, size: int, limit: int) -> None:
    """Refuse a file before memory is taken for it."""
    if size > limit:
        raise _too_large(name, size, limit)


def _read_stream(limits: LanguageLimits) -> bytes:
    pieces: list[bytes] = []
    size = 0
    if sys.stdin is None:  # closed by the caller
        raise DataError("standard input is closed", help="give the data as a file, or by a pipe")
    while piece := sys.stdin.buffer.read(limits.piece_bytes):
        pieces.append(piece)
        size += len(piece)
        if size > limits.max_text:
            raise _too_large("standard input", None, limits.max_text)
    return b"".join(pieces)


def _too_large(name: str, size: int | None, limit: int) -> DataError:
    has = f"is larger than {spell_size(limit)}" if size is None else f"has {spell_size(size)}"
    return DataError(
        f"{printable(name, _NAME)} {has}; at most {spell_size(limit)} are read",
        help="--max-text raises the limit for models, --max-data for data files",
    )


def _refusal(name: str, reason: Exception, beside: str) -> DataError:
    if isinstance(reason, FileNotFoundError):
        example = Path(name).stem
        known = ""
        if example in example_models.names():
            known = f"; gradcheck example {example} prints the example"
        near = _near_file(Path(name))
        meant = f"did you mean {printable(near, _NAME)}? " if near else ""
        help = f"{meant}paths are relative to {beside}{known}"
        return DataError(f"there is no file {printable(name, _NAME)}", help=help)
    what = reason.strerror if isinstance(reason, OSError) else str(reason)
    return DataError(f"{printable(name, _NAME)} cannot be read: {what}")


def _near_file(path: Path, most: int = DEFAULTS.most_neighbors) -> str | None:
    """The name of a file in the same folder that was most likely meant."""
    try:
        with os.scandir(path.parent) as entries:
            names = sorted(entry.name for entry in islice(entries, most) if entry.is_file())
    except (OSError, ValueError):
        return None
    alike = [name for name in names if name != path.name and Path(name).stem == path.name]
    return alike[0] if alike else nearest(path.name, names)


def spell_size(size: int) -> str:
    """A number of bytes as people read it."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= factor:
            return f"{size / factor:.4g} {unit}"
    return f"{size} bytes"
