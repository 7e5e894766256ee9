"""Reads the frames of a running program. Gives each recorded value its line, and its variable's name.

Knows nothing of operations.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np

from gradcheck_cli.common.errors import Place
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.tracing import TRACING
from gradcheck_cli.tracing.traced_nodes import TracedNode, TraceError, rows_of
from gradcheck_cli.tracing.value_numbers import ValueNumbers

__all__ = [
    "WAY_OUT", "Leak", "Recording", "TooLong", "at_most", "key_of_whole", "last_line_in", "line_of",
    "watching",
]  # fmt: skip

WAY_OUT = 'write it with functions that gradcheck functions lists, or compare numbers: claim ... from "g.npy"'
_WRAPPED = ("f", "func", "fun", "function")  # what decorators call what they decorate
_CALLS_OF_CLASSES = ("__init__", "__new__", "__call__")


@dataclass(frozen=True)
class Leak:
    """Where a value that moves with the parameters became a plain number."""

    file: str
    line: int
    what: str
    by: str = ""  # the function of a library that took it

    @property
    def untraced(self) -> str:
        """The function that has no counterpart in a model; empty for numbers that the program took itself."""
        return self.by or (self.what if self.what.endswith("vectors") else "")

    @property
    def place(self) -> str:
        """As FILE.py:14."""
        return f"{os.path.basename(self.file)}:{self.line}"


@dataclass
class Recording:
    """What is noted while a program runs."""

    files: Collection[str]  # of the program: others are libraries
    operations: int = 0
    leaks: list[Leak] = field(default_factory=list)
    # of x[mask], and of what is computed of it entry by entry: the mask, and the same of all entries
    wholes: dict[TracedNode, tuple[TracedNode, TracedNode]] = field(default_factory=dict)
    notes: list[Leak] = field(default_factory=list)
    names: dict[TracedNode, str] = field(default_factory=dict)
    whole_numbers: dict[tuple[Any, bytes], str] = field(default_factory=dict)  # names of arrays of them
    numbers: ValueNumbers = field(default_factory=ValueNumbers)
    here: tuple[str, int] | None = None  # of what is recorded after the program ran
    reads: dict[Leak, list[TracedNode]] = field(default_factory=dict)  # what was read by a mask that moves

    def place(self) -> str:
        """Where the program is running, as FILE.py:14."""
        file, line = self._running()
        return f"{os.path.basename(file)}:{line}" if line else ""

    def _running(self) -> tuple[str, int]:
        if self.here is not None:
            return self.here
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename not in self.files:
            frame = frame.f_back
        return ("", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)

    def error(self, message: str, help: str = WAY_OUT) -> TraceError:
        """An error at the line that is running."""
        file, line = self._running()
        return TraceError(message, place=line_of(file, line) if line else None, help=help)

    def _library(self) -> str:
        """The function of a library that the program is calling, if it is written in Python."""
        found, frame = "", None if self.here is not None else sys._getframe(1)
        while frame is not None and frame.f_code.co_filename not in self.files:
            found, frame = _public_name(frame) or found, frame.f_back
        return "" if frame is None else found

    def count(self) -> None:
        """One more operation. Raises TraceError beyond the limit."""
        self.operations += 1
        if self.operations > TRACING.most_operations:
            message = f"more than {TRACING.most_operations:,} operations were recorded"
            raise self.error(message, "trace it for less data, or fewer turns of a loop")

    def leak(self, what: str) -> Leak:
        """Note that a plain number was taken of a value that moves."""
        found = Leak(*self._running(), what, self._library())
        if found not in self.leaks:
            self.leaks.append(found)
        return found

    def leaks_of(self, nodes: Collection[TracedNode]) -> list[Leak]:
        """The leaks on which some of the nodes depend: what was read by a mask, and put back where it came
        from, is none of them."""
        return [
            leak for leak in self.leaks
            if leak not in self.reads or any(node in nodes for node in self.reads[leak])
        ]  # fmt: skip

    def give_name(self, node: TracedNode, name: str) -> None:
        """The name of a variable; the parts that an array was filled with are called by their place."""
        self.names[node] = name
        if node.operation == "assembled" and node.shape:
            for k, row in enumerate(rows_of(node)):
                if row is not None and not row.is_leaf:
                    self.names.setdefault(row, f"{name}{k}")

    def name_whole(self, values: Array, name: str) -> None:
        """Note the name of a variable that holds whole numbers; of two with the same ones the first.

        Parameters
        ----------
        values : array; of others than integers nothing is noted
        name : of the variable
        """
        if values.dtype.kind in "iu":
            self.whole_numbers.setdefault(key_of_whole(values), name)

    def note(self, what: str) -> None:
        """Note something to be told of the line that is running."""
        found = Leak(*self._running(), what)
        if found not in self.notes:
            self.notes.append(found)

    @contextmanager
    def naming(self, node_of: Any) -> Iterator[None]:
        """Note the names of the program's variables while it runs.

        Parameters
        ----------
        node_of
            The node that a variable holds; None for other variables.
        """

        def look(name: str, held: Any, file: str, line: int) -> None:
            node = node_of(held)
            if node is not None and node not in self.names:
                self.give_name(node, name)
            values = held if node is None else node.value
            if type(values) is np.ndarray:
                self.name_whole(values, name)

        with watching(self.files, look):
            yield


@contextmanager
def watching(files: Collection[str], look: Callable[[str, Any, str, int], None]) -> Iterator[None]:
    """Look at the variables of a program after each of its lines.

    Parameters
    ----------
    files : of the program
    look : is told a variable's name, what it holds, and the file and the line that ran last there
    """
    last: dict[FrameType, int] = {}

    def follow(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in files:
            return None
        if event in ("line", "return"):
            line = last.get(frame, frame.f_lineno)
            for name, held in list(frame.f_locals.items()):
                look(name, held, frame.f_code.co_filename, line)
            last[frame] = frame.f_lineno
        if event == "return":
            look("", argument, frame.f_code.co_filename, frame.f_lineno)
            last.pop(frame, None)
        return follow

    before = sys.gettrace()
    sys.settrace(follow)
    try:
        yield
    finally:
        sys.settrace(before)


class TooLong(BaseException):
    """A program ran on and on; no `except Exception` of its own catches it."""


@contextmanager
def at_most(files: Collection[str], most: float) -> Iterator[list[int]]:
    """Count the lines that a program runs, and stop it beyond a number of them.

    Parameters
    ----------
    files : of the program
    most : lines

    Yields
    ------
    list of one int
        The lines so far.

    Raises
    ------
    TooLong
        Inside the program.
    """
    count = [0]

    def follow(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in files:
            return None
        if event == "line":
            count[0] += 1
            if count[0] > most:
                raise TooLong
        return follow

    before = sys.gettrace()
    sys.settrace(follow)
    try:
        yield count
    finally:
        sys.settrace(before)


def key_of_whole(values: Array) -> tuple[tuple[int, ...], bytes]:
    """What tells arrays of whole numbers apart.

    Parameters
    ----------
    values : integers of any format

    Returns
    -------
    shape, bytes
        The same for the same numbers in another format.
    """
    return values.shape, values.astype(int).tobytes()


def last_line_in(error: BaseException, files: Collection[str]) -> tuple[str, int] | None:
    """File and line of a program where an error came to be, the innermost; None, if it was elsewhere."""
    trace, found = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in files:
            found = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
    return found


def _public_name(frame: FrameType) -> str:
    """A function of a library as its users call it; empty for what is its own affair, or ours."""
    module, name = str(frame.f_globals.get("__name__", "")), frame.f_code.co_qualname
    if "<locals>" in name:  # around a function, as a decorator puts it there
        wrapped = next((frame.f_locals[key] for key in _WRAPPED if callable(frame.f_locals.get(key))), None)
        home = str(getattr(wrapped, "__module__", ""))
        if home.partition(".")[0] == module.partition(".")[0]:
            module, name = home, str(getattr(wrapped, "__qualname__", name))
    parts = [part for part in name.split(".") if part not in _CALLS_OF_CLASSES]
    is_inner = module.startswith("gradcheck_cli") or "._lib" in module
    if is_inner or any(part.startswith(("_", "<")) for part in parts):
        return ""
    home = module.partition("._")[0]
    return ".".join(["np" if home in ("numpy", "numpy.lib") else home, *parts])


def line_of(file: str, line: int) -> Place:
    """A whole line of a program, for an error."""
    try:
        with open(file, encoding="utf-8", errors="replace") as opened:
            text = opened.read().splitlines()[line - 1]
    except (OSError, IndexError):
        text = ""
    indent = len(text) - len(text.lstrip())
    return Place(file, line, indent + 1, text, max(1, len(text.strip())))
