"""Reads tasks. Gives their answers in their order, computed by so many processes of this command.

A task is the path of a model and the options of `run`; it goes down a pipe, its reports come back. A process
that dies is an error of its task, and another one takes its place. One whose pipe ends, because whoever
started it is gone, ends at once. Knows nothing of models.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any

from gradcheck_cli.cli.judging import Judged, judge, unread
from gradcheck_cli.common.errors import InternalError
from gradcheck_cli.numerics.limits.checking import CHECKING, CheckingLimits

__all__ = ["COMMAND", "judge_in_order", "processors", "serve"]

COMMAND = (sys.executable, "-P", "-c", "from gradcheck_cli.cli.workers import serve; serve()")
_Answer = list[Judged]


def processors() -> int:
    """How many of them this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def judge_in_order(
    paths: Sequence[str], chosen: Mapping[str, Any], jobs: int, here: Callable[[str], bool],
    *, command: Sequence[str] = COMMAND, limits: CheckingLimits = CHECKING,
) -> Generator[_Answer]:  # fmt: skip
    """The reports of each model, in the order of the paths.

    Parameters
    ----------
    paths : of models
    chosen : the options of `run`
    jobs : processes, at least 1
    here : of which paths the model is judged in this process, as of standard input
    command : what is started
    limits : of how far the processes run ahead

    Yields
    ------
    list of Judged
        One for each path.
    """
    workers: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
    every = [_Worker(command) for _ in range(jobs)]
    for worker in every:
        workers.put(worker)

    def ask(path: str) -> _Answer:
        worker = workers.get()
        try:
            return worker.ask(path, chosen)
        finally:
            workers.put(worker)

    pool = ThreadPoolExecutor(jobs, initializer=_leave_signals_to_others)
    waiting: deque[Future[_Answer] | str] = deque()
    left = iter(paths)
    try:
        while True:
            for path in left:
                waiting.append(path if here(path) else pool.submit(ask, path))
                if len(waiting) >= limits.most_ahead * jobs:
                    break
            if not waiting:
                return
            first = waiting.popleft()
            yield list(judge(first, chosen)) if isinstance(first, str) else first.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in every:
            worker.end()
        pool.shutdown()


def _leave_signals_to_others() -> None:
    """Ctrl-C is for the main thread; processes that this thread starts do not get it, either."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


class _Worker:
    """A process that is started with its first task."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._is_over = False

    def ask(self, path: str, chosen: Mapping[str, Any]) -> _Answer:
        """The answer of the process; where it dies, an error in place of it."""
        process = self._start()
        if process is None:
            return []
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            pickle.dump((path, dict(chosen)), process.stdin)
            process.stdin.flush()
            answer: _Answer = pickle.load(process.stdout)
            return answer
        except (OSError, EOFError, pickle.UnpicklingError):
            return [unread(self._why(process, path), path)]

    def _start(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._is_over:
                return None
            if self._process is None:
                folders = os.pathsep.join(path for path in sys.path if path)
                group = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)  # of Windows
                self._process = subprocess.Popen(
                    self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, creationflags=group,
                    env={**os.environ, "PYTHONPATH": folders},
                )  # fmt: skip
            return self._process

    def _why(self, process: subprocess.Popen[bytes], path: str) -> InternalError:
        self._close(process)
        with self._lock:
            self._process = None
        code = process.returncode
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return InternalError(
            f"the process that judged this model {how}", file=path,
            help="perhaps memory ran out: try a smaller -j, or --memory; if it happens with -j 1, please "
            "report it with the model",
        )  # fmt: skip

    def end(self) -> None:
        """Kill the process; none is started afterwards."""
        with self._lock:
            self._is_over = True
            process = self._process
        if process is not None:
            self._close(process)

    def _close(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


# ---------------------------------------------------------------------------------------------
# In the other process
# ---------------------------------------------------------------------------------------------


def serve() -> None:
    """Answer the tasks of standard input until it ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    with open(os.devnull, "wb") as nowhere:  # what a library prints is no answer
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    tasks: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, tasks), daemon=True).start()
    while True:
        path, chosen = tasks.get()
        answer = list(judge(path, chosen | {"quiet": 1}))  # no bar
        try:
            pickle.dump(answer, answers)
            answers.flush()
        except OSError:
            os._exit(0)


def _listen(source: IO[bytes], tasks: queue.SimpleQueue[tuple[str, dict[str, Any]]]) -> None:
    """Take tasks from the pipe; its end ends the process, whatever it is at."""
    while True:
        try:
            tasks.put(pickle.load(source))
        except Exception:
            os._exit(0)
