"""Reads parsed statements, and the definitions of a file. Gives the statements with every call written out.

A parameter is replaced by what is given for it, so a definition means the same wherever it is used. Whole
numbers in an index, x[k-1], are computed. Knows nothing of values and shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from gradcheck_cli.language.copied_text import Piece
from gradcheck_cli.language.expansion.definitions import Definition, called_name, check_call
from gradcheck_cli.language.expansion.sizes import Sizes, parts_of
from gradcheck_cli.language.expansion.whole_numbers import NotWhole, whole_number
from gradcheck_cli.language.function_names import RESERVED
from gradcheck_cli.language.plain_statements import LISTS, first_whole, is_counted
from gradcheck_cli.language.source_text import Source
from gradcheck_cli.language.statements import Op, Statement
from gradcheck_cli.model.primitives.table import PRIMITIVES

__all__ = ["CallWriter"]

_FIRST = {name: first_whole(r) for r in PRIMITIVES.values() for name in (r.function, *r.aliases)}


@dataclass(frozen=True)
class _Frame:
    """Operations with their places: those of a statement, or of a body for the arguments of one call.

    `given` are the arguments, each an operation of the frame that calls, `whole` those that are whole
    numbers.
    """

    ops: list[Op]
    shift: int
    given: Mapping[str, tuple[_Frame, int]]
    whole: Mapping[str, int | None]
    scope: Mapping[str, Definition]


class _Task(NamedTuple):
    """An operation to be written: as it is, as a whole number, or once so many arguments are."""

    frame: _Frame
    position: int
    is_whole: bool = False
    arguments: int | None = None
    chooses: bool = False  # whole-number data stay there: at other points they are other numbers


class CallWriter:
    """Writes out the calls in the statements of a source; at most so many operations."""

    def __init__(
        self, source: Source, definitions: Mapping[str, Definition], constants: Mapping[str, int], most: int,
        choices: frozenset[str] = frozenset(),
    ) -> None:
        self.source, self.definitions, self.constants, self.most = source, definitions, constants, most
        self.choices = choices
        self.ops: list[Op] = []
        self.total = 0
        self.sizes = Sizes()

    def write(self, statement: Statement) -> None:
        """Put what calls stand for into a statement. Raises LanguageError."""
        if not any(self._is_written(statement, op) for op in statement.ops):
            return
        self._check_size(statement.ops)
        frame = _Frame(statement.ops, 0, {}, {}, self.definitions)
        self.ops = []
        if statement.target is not None:
            statement.target = self._put(frame, statement.target)
        if statement.root is not None:
            statement.root = self._put(frame, statement.root)
        declared = []
        for item in statement.declarations:
            first = len(self.ops)
            value = None if item.value is None else self._put(frame, item.value)
            draw = item.draw
            if draw is not None:
                draw = draw._replace(arguments=tuple(self._put(frame, a) for a in draw.arguments))
            declared.append(item._replace(value=value, draw=draw, first=first, last=len(self.ops)))
        statement.declarations = tuple(declared)
        statement.is_rewritten = self.ops != statement.ops
        statement.ops = self.ops

    def _is_written(self, statement: Statement, op: Op) -> bool:
        """Whether an operation may have to be written anew."""
        if op.kind in ("name", "call") and op.text in self.definitions:
            return True
        return is_counted(statement.ops, op, _FIRST)

    def _check_size(self, ops: list[Op]) -> None:
        """Refuse what is too large before it is written."""
        sizes = self.sizes.of(ops, self.definitions)
        self.total += max(sizes)
        if self.total > self.most:
            large = next((k for k, size in enumerate(sizes) if size > self.most), len(ops) - 1)
            raise self.source.error(
                f"written out, the calls have {self.total:,} numbers, names and operators, "
                f"more than {self.most:,}", ops[large].span,
                help="give the inner value a name: a step of its own",
            )  # fmt: skip

    # --- one operation after the other ----------------------------------------------------------

    def _put(self, frame: _Frame, root: int) -> int:
        """Write an operation and all it is made of; gives its position."""
        waiting = [_Task(frame, root)]
        done: list[int] = []
        while waiting:
            task = waiting.pop()
            if task.arguments is not None:
                count = len(done) - task.arguments
                made = done[count:]
                del done[count:]
                done.append(self._add(_with_children(self._placed(task), made)))
                continue
            found = self._resolve(task)
            if found is not None:
                waiting.append(found)
                continue
            if task.is_whole and self._put_whole(task, done):
                continue
            children = self._children(task)
            waiting.append(task._replace(arguments=len(children)))
            waiting += reversed(children)
        return done[0]

    def _placed(self, task: _Task) -> Op:
        op = task.frame.ops[task.position]
        shift = task.frame.shift
        return Op(op.kind, op.arguments, op.text, op.start + shift, op.end + shift, op.options)

    def _add(self, op: Op) -> int:
        self.ops.append(op)
        return len(self.ops) - 1

    def _resolve(self, task: _Task) -> _Task | None:
        """What stands for a parameter, or for a call."""
        frame = task.frame
        op = frame.ops[task.position]
        if op.kind == "name" and op.text in frame.given:
            other, position = frame.given[op.text]
            return _Task(other, position, task.is_whole, chooses=task.chooses)
        name, arguments = called_name(frame.ops, op)
        placed = self._placed(task)
        if op.kind == "call" and name in frame.given:
            raise self.source.error(
                f'"{name}" is a parameter: it cannot be called', placed.span,
                help=f"a product is written {name}*(...)",
            )  # fmt: skip
        definition = frame.scope.get(name) if name not in frame.given else None
        if definition is None:
            return None
        if op.kind == "name":
            raise self.source.error(
                f'"{definition.name.display}" is a function', placed.span,
                help=f"write {definition.signature} with its arguments",
            )  # fmt: skip
        inner = self._enter(definition, frame, placed, arguments)
        return _Task(inner, definition.root, task.is_whole, chooses=task.chooses)

    def _enter(
        self, definition: Definition, frame: _Frame, placed: Op, arguments: tuple[int, ...]
    ) -> _Frame:
        """The body of a definition for the arguments of a call. Raises LanguageError."""
        check_call(self.source, definition, placed, len(arguments))
        body = definition.body
        text = definition.source.code[body.start : body.end]
        piece = Piece(text, body.start, body.end, True, "")
        call = f"{definition.name.display} is used here", placed.span
        copy = self.source.copy(text, definition.source, lambda: (piece,), call)
        given_for = {p.name: (frame, a) for p, a in zip(definition.parameters, arguments, strict=True)}
        whole = {name: self._whole(*argument) for name, argument in given_for.items()}
        return _Frame(definition.ops, copy.start - body.start, given_for, whole, definition.scope)

    def _put_whole(self, task: _Task, done: list[int]) -> bool:
        """Write an index as the whole number that it is; False where it is none."""
        op = self._placed(task)
        if op.kind in ("number", "slice") or (task.chooses and self._is_chosen(task.frame, task.position)):
            return False
        value = self._whole(task.frame, task.position)
        if value is None:
            return False
        done.append(self._add(Op("number", (), str(abs(value)), op.start, op.end)))
        if value < 0:
            done.append(self._add(Op("negative", (done.pop(),), "-", op.start, op.end)))
        return True

    def _is_chosen(self, frame: _Frame, root: int) -> bool:
        """Whether an operation is made of whole-number data."""
        waiting = [(frame, root)] if self.choices else []
        while waiting:
            inner, position = waiting.pop()
            op = inner.ops[position]
            if op.kind == "name" and op.text in inner.given:
                waiting.append(inner.given[op.text])
            elif op.kind == "name" and op.text in self.choices:
                return True
            else:
                waiting += [(inner, a) for a in parts_of(op)]
        return False

    def _whole(self, frame: _Frame, position: int) -> int | None:
        """The whole number that an operation is; None if it is none."""
        try:
            return whole_number(frame.ops, position, lambda op: self._constant(frame, op))
        except NotWhole:
            return None

    def _constant(self, frame: _Frame, op: Op) -> int | None:
        return frame.whole.get(op.text) if op.text in frame.given else self.constants.get(op.text)

    def _children(self, task: _Task) -> list[_Task]:
        """The operations that one is made of."""
        frame, op = task.frame, task.frame.ops[task.position]
        if op.kind == "slice":
            return [_Task(frame, a, True) for a in parts_of(op)]
        is_index = op.kind == "bracket" and not self._is_call(frame, op)
        first = 0 if op.kind in ("derivative", "value") or (task.is_whole and op.kind in LISTS) else None
        first = 1 if is_index else _FIRST.get(op.text) if op.kind == "call" else first
        wholes = range(len(op.arguments))[first:] if first is not None else range(0)
        chooses = op.kind != "call"
        return [_Task(frame, a, k in wholes, chooses=chooses) for k, a in enumerate(parts_of(op))]

    def _is_call(self, frame: _Frame, op: Op) -> bool:
        base = frame.ops[op.arguments[0]]
        return base.kind == "name" and base.text not in frame.given and base.text in RESERVED


def _with_children(op: Op, made: list[int]) -> Op:
    """An operation of others, at their new positions."""
    if op.kind == "slice":
        positions = iter(made)
        return op._replace(options=tuple(None if a is None else next(positions) for a in op.options))
    count = len(op.arguments)
    options: tuple[Any, ...] = op.options
    if op.kind in ("call", "bracket", "slope"):
        options = tuple((name, new) for (name, _), new in zip(op.options, made[count:], strict=True))
    return Op(op.kind, tuple(made[:count]), op.text, op.start, op.end, options)
