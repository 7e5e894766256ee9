"""Reads a number of seconds. Gives a block of code that may not run longer.

By a signal, where there are signals and the main thread runs; elsewhere there is no limit. Python code is
stopped, and calls that give signals a chance; others are as they return. Knows nothing of what runs.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.numerics.limits.programs import PROGRAMS, ProgramsLimits

__all__ = ["TimeError", "within"]


class TimeError(GradcheckError):
    """A program ran longer than it may."""


class _OutOfTime(BaseException):
    """No `except Exception` of a program catches it, and one that catches everything is told again."""


@contextmanager
def within(
    seconds: float, said: str, file: str | None = None, limits: ProgramsLimits = PROGRAMS
) -> Iterator[None]:
    """Let a program run for some time.

    Parameters
    ----------
    seconds : of the clock on the wall; 0 sets no limit, and within another limit there is none of its own
    said : what it did not do, for the message
    file : that the message is of
    limits : how soon it is told again

    Raises
    ------
    TimeError
        If it runs longer.
    """
    able = hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
    if not seconds or not able or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise _OutOfTime

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, limits.told_again)
    try:
        yield
    except _OutOfTime:
        signal.setitimer(signal.ITIMER_REAL, 0)
        message = f"{said} within {seconds:g} seconds"
        raise TimeError(message, file=file, help="--seconds gives it more time") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
