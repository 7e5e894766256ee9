"""Reads a number of seconds. Gives a block of code that may not run longer.

By a signal, where there are signals and the main thread runs; elsewhere there is no limit. Knows nothing of
what runs.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gradcheck_cli.tracing.programs import Program, ProgramError
from gradcheck_cli.tracing.recording import TooLong

__all__ = ["within"]


@contextmanager
def within(seconds: float, program: Program, what: str = "") -> Iterator[None]:
    """Let a program run for some time.

    Parameters
    ----------
    seconds : of the clock on the wall; 0 sets no limit
    program, what : for the message

    Raises
    ------
    ProgramError
        If it runs longer.
    """
    able = hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
    if not seconds or not able or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except TooLong:
        message = f"{what or program.name} did not return within {seconds:g} seconds"
        raise ProgramError(message, file=program.file, help="--seconds gives it more time") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
