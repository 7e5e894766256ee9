"""Reads a command line. Gives what the program answers: one JSON object in, one out, no shell.

The program has so much time and may write so much; with it end the processes that it started. Knows nothing
of gradients.
"""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from gradcheck_cli.against.elsewhere import ElsewhereError
from gradcheck_cli.common.errors import printable
from gradcheck_cli.numerics.limits.against import AGAINST, AgainstLimits

__all__ = ["answer_of"]


def answer_of(
    command: str, question: str, name: str, seconds: float | None = None, limits: AgainstLimits = AGAINST
) -> str:
    """What a program writes to standard output when it is asked.

    Parameters
    ----------
    command : the program and its arguments, quoted as in a shell; none is run
    question : what it finds on standard input
    name : what messages call it
    seconds : how long it may run; by default as the limits say
    limits : how much it may write

    Returns
    -------
    str

    Raises
    ------
    ElsewhereError
        If it cannot be started, runs or writes too long, or ends with another status than 0.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ElsewhereError(f"the command cannot be read: {error}", help="quote it as in a shell") from None
    if not words:
        raise ElsewhereError("the command is empty", help="write 'cmd: ./program arguments'")
    try:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise _not_started(words[0], error) from None
    talk = _Talk(process, question.encode(), limits.seconds if seconds is None else seconds, limits)
    try:
        talk.run()
    finally:
        _end(process)
    return talk.result(printable(name, 80))


def _not_started(program: str, error: Exception) -> ElsewhereError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    help = None
    if isinstance(error, FileNotFoundError) and os.path.isfile(program):
        is_bare = os.path.dirname(program) == ""
        help = f"it is here: write ./{program}" if is_bare else "its interpreter is missing"
    elif isinstance(error, PermissionError):
        help = f"chmod +x {program}, or name its interpreter: 'cmd: python3 {program}'"
    return ElsewhereError(f"{printable(program, 80)} cannot be started: {reason}", help=help)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program, and what it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    process.wait()


@dataclass
class _Talk:
    """A running program: what it has still to be told, and what it wrote."""

    process: subprocess.Popen[bytes]
    rest: bytes
    seconds: float
    limits: AgainstLimits
    output: bytearray = field(default_factory=bytearray)
    errors: bytearray = field(default_factory=bytearray)
    problem: str = ""
    is_late: bool = False

    def run(self) -> None:
        """Until it has ended and its streams are closed, or something is wrong."""
        end = time.monotonic() + self.seconds
        with selectors.DefaultSelector() as selector:
            for stream, event in (
                (self.process.stdin, selectors.EVENT_WRITE), (self.process.stdout, selectors.EVENT_READ),
                (self.process.stderr, selectors.EVENT_READ),
            ):  # fmt: skip
                assert stream is not None
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, event)
            while selector.get_map() and not self.problem:
                if self.process.poll() is not None:  # its children may hold the streams open
                    end = min(end, time.monotonic() + self.limits.last_words)
                left = end - time.monotonic()
                if left <= 0:
                    break
                for key, _ in selector.select(min(left, self.limits.pause)):
                    if not self._step(key.fileobj):
                        selector.unregister(key.fileobj)
        self._wait(end)

    def _wait(self, end: float) -> None:
        if self.problem:
            return
        try:
            self.process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.problem, self.is_late = f"runs for more than {self.seconds:g} seconds", True

    def _step(self, stream: Any) -> bool:
        """Write or read a piece. Gives whether more can follow."""
        if stream is self.process.stdin:
            return self._write()
        is_output, limits = stream is self.process.stdout, self.limits
        into, most = (self.output, limits.most_output) if is_output else (self.errors, limits.most_errors)
        piece = os.read(stream.fileno(), self.limits.piece)
        if len(into) < most:
            into += piece
        if is_output and len(into) >= most:
            self.problem = f"writes more than {most >> 20} MiB"
        return bool(piece)

    def _write(self) -> bool:
        assert self.process.stdin is not None
        try:
            written = os.write(self.process.stdin.fileno(), self.rest[: self.limits.piece])
        except BrokenPipeError:  # it reads nothing, or ended
            written = len(self.rest)
        self.rest = self.rest[written:]
        if not self.rest:
            self.process.stdin.close()
        return bool(self.rest)

    def result(self, name: str) -> str:
        """What it answered. Raises ElsewhereError."""
        if self.problem:
            help = "--seconds gives it more time" if self.is_late else "one JSON object is the answer"
            raise ElsewhereError(f"{name} {self.problem}; it was ended", help=self._last_line() or help)
        status = self.process.returncode
        if status:
            how = f"exits with status {status}" if status > 0 else f"was ended by {_signal(-status)}"
            raise ElsewhereError(f"{name} {how}", help=self._last_line())
        try:
            return self.output.decode("utf-8-sig")
        except UnicodeDecodeError:
            help = "one JSON object is the answer"
            raise ElsewhereError(f"{name} writes what is no UTF-8 text", help=help) from None

    def _last_line(self) -> str | None:
        lines = [line for line in self.errors.decode("utf-8", "replace").splitlines() if line.strip()]
        return f"it says: {printable(lines[-1].strip(), 200)}" if lines else None


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
