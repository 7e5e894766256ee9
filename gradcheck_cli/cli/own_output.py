"""Reads standard output. Gives a process in which it is gradcheck's alone, and in which no program ends it.

What a program that was named writes to descriptor 1, out of C, too, would spoil JSON. Knows nothing of
what is written.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import NoReturn

__all__ = ["keep_output"]


def keep_output() -> None:
    """What others write to standard output goes to standard error from now on; os._exit is an exception."""
    with contextlib.suppress(OSError, ValueError):  # no descriptor below, as in a test
        if sys.stdout is not None and sys.stdout.fileno() == 1:
            sys.stdout.flush()
            own = os.fdopen(
                os.dup(1), "w", buffering=1 if sys.stdout.isatty() else -1,
                encoding=sys.stdout.encoding, errors=sys.stdout.errors,
            )  # fmt: skip
            os.dup2(2, 1)
            sys.stdout = own
            _refuse_to_end()


def _refuse_to_end() -> None:
    process, leave = os.getpid(), os._exit

    def end(status: int) -> NoReturn:
        if os.getpid() != process:  # a child that the program started
            leave(status)
        raise SystemExit(f"os._exit({status})")

    os._exit = end
