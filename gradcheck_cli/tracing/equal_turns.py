"""Reads the steps of a model, written out one by one. Gives its lines, equal turns of a loop as a `repeat`.

Turns are equal where their lines are, but for names and indices that count, and for what one turn hands on to
the next. Knows nothing of nodes and of what a line means.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count

from gradcheck_cli.numerics.limits.tracing import TRACING, TracingLimits

__all__ = ["Step", "base_name", "fold_turns"]

_TOKEN = re.compile(r'"[^"]*"|[A-Za-z_]\w*|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|\s+|.')
_INDICES = ("k", "i", "j", "n", "m", "turn")


def base_name(name: str) -> str:
    """The variable of the program that a step or one of its turns is called by: h of h_2, W1 of W1_3."""
    return re.sub(r"_\d+$", "", name)


@dataclass(frozen=True)
class Step:
    """A line NAME = TEXT, and the line of the program that it stands for."""

    name: str
    text: str
    place: str


@dataclass
class _Line:
    """A step in tokens; `varies` are the places of names, and of whole numbers that are an index."""

    step: Step
    tokens: list[str]
    varies: list[int]

    @cached_property
    def shape(self) -> tuple[object, ...]:
        """What is alike in all turns."""
        fixed = list(self.tokens)
        for k in self.varies:
            fixed[k] = ""
        return (base_name(self.step.name), tuple(fixed), self.step.place)


def _line(step: Step, names: Collection[str]) -> _Line:
    tokens = _TOKEN.findall(f"{step.name} = {step.text}")
    visible = [k for k, token in enumerate(tokens) if token.strip()]
    beside = {k: (tokens[a], tokens[b]) for a, k, b in zip(visible, visible[1:], visible[2:], strict=False)}
    varies = [
        k for k in visible
        if tokens[k] in names
        or (tokens[k].isdigit() and k in beside and beside[k][0] in "[,:" and beside[k][1] in "],:")
    ]  # fmt: skip
    return _Line(step, tokens, varies)


# --- what a token is in each turn ---------------------------------------------------------------


@dataclass(frozen=True)
class _Same:
    """A name or number that no turn changes."""

    text: str


@dataclass(frozen=True)
class _Own:
    """What a line of a turn before, or of the turn itself, computes."""

    offset: int
    back: int = 0
    start: str = ""  # in the first turn


@dataclass(frozen=True)
class _Counted:
    """W1, W2, W3, or an index 0, 2, 4."""

    before: str
    first: int
    step: int
    behind: str

    def text(self, turn: int) -> str:
        """In a turn, counted from 1."""
        return f"{self.before}{self.first + (turn - 1) * self.step}{self.behind}"


@dataclass(frozen=True)
class _Listed:
    """Arrays of data that nothing but this line tells apart."""

    first: str


_Relation = _Same | _Own | _Counted | _Listed


def _counted(one: str, two: str) -> _Counted | None:
    """Two texts that differ in one whole number."""
    parts, others = re.split(r"(\d+)", one), re.split(r"(\d+)", two)
    differ = [k for k, (a, b) in enumerate(zip(parts, others, strict=False)) if a != b]
    if len(parts) != len(others) or len(differ) != 1 or not differ[0] % 2:
        return None
    k = differ[0]
    first, step = int(parts[k]), int(others[k]) - int(parts[k])
    found = _Counted("".join(parts[:k]), first, step, "".join(parts[k + 1 :]))
    return found if step > 0 and found.text(1) == one and found.text(2) == two else None


@dataclass
class _Loop:
    """Turns of one length from a line on, as many as are equal; the loss, the last line, stands alone."""

    lines: Sequence[_Line]
    start: int
    length: int
    listed: Collection[str]  # names of data that may be called otherwise
    turns: int = 0
    relations: dict[tuple[int, int], _Relation] = field(default_factory=dict)
    starts: dict[int, str] = field(default_factory=dict)  # what the first turn has of one before it
    members: dict[tuple[int, int], list[str]] = field(default_factory=dict)

    def turn(self, number: int) -> Sequence[_Line]:
        """The lines of a turn, counted from 1."""
        first = self.start + (number - 1) * self.length
        return self.lines[first : min(first + self.length, len(self.lines) - 1)]

    def read(self) -> bool:
        """Whether the first turns are equal; counts all that are."""
        shapes = [line.shape for line in self.turn(1)]
        if [line.shape for line in self.turn(2)] != shapes:
            return False
        places = {
            line.tokens[0]: (turn, offset)
            for turn in (1, 2) for offset, line in enumerate(self.turn(turn))
        }  # fmt: skip
        for offset, (one, two) in enumerate(zip(self.turn(1), self.turn(2), strict=True)):
            for k in one.varies:
                relation = self.relation(one.tokens[k], two.tokens[k], places)
                if relation is None:
                    return False
                self.relations[offset, k] = relation
        for number in count(1):
            lines = self.turn(number)
            if [line.shape for line in lines] != shapes or not self.is_equal(number, lines):
                break
            self.turns = number
        return True

    def relation(self, one: str, two: str, places: dict[str, tuple[int, int]]) -> _Relation | None:
        """What a token is that has these texts in the first two turns."""
        here, there = places.get(one), places.get(two)
        if one == two:
            return _Same(one)
        if there is not None and here is not None:
            return _Own(there[1]) if here[1] == there[1] and (here[0], there[0]) == (1, 2) else None
        if there is not None:
            known = self.starts.setdefault(there[1], one)
            return _Own(there[1], 1, one) if there[0] == 1 and known == one else None
        if one in self.listed and two in self.listed:
            return _Listed(one)
        return None if here else _counted(one, two)

    def is_equal(self, number: int, lines: Sequence[_Line]) -> bool:
        """Whether a turn is as the first two tell."""
        found = {}
        for (offset, k), relation in self.relations.items():
            token = lines[offset].tokens[k]
            if isinstance(relation, _Listed):
                if token not in self.listed or any(token in each for each in self.members.values()):
                    return False
                found[offset, k] = token
            elif token != self.expected(relation, number):
                return False
        if len(set(found.values())) < len(found):
            return False
        for key, token in found.items():
            self.members.setdefault(key, []).append(token)
        return True

    def expected(self, relation: _Same | _Own | _Counted, number: int) -> str:
        """The text of a token in a turn."""
        if isinstance(relation, _Same):
            return relation.text
        if isinstance(relation, _Counted):
            return relation.text(number)
        turn = number - relation.back
        return self.turn(turn)[relation.offset].tokens[0] if turn else relation.start

    @cached_property
    def saved(self) -> int:
        """Lines less than written out."""
        return (self.turns - 1) * self.length - len(self.starts) - 1


def _order(place: str) -> tuple[str, int]:
    """Where FILE.py:14 stands in a program."""
    file, _, line = place.rpartition(":")
    return file, int(line or 0)


# --- the lines ----------------------------------------------------------------------------------


def fold_turns(
    inputs: Sequence[str], steps: Sequence[Step], names: Collection[str], listed: Collection[str],
    limits: TracingLimits = TRACING,
) -> list[str]:
    """The lines of a model, loops written as loops.

    Parameters
    ----------
    inputs : lines that declare parameters and data
    steps : in their order, the loss last; what is called by another name in a loop is so everywhere
    names : of inputs and steps, and words that are no names
    listed : names of data that nobody gave, which may be called otherwise
    limits : how long a turn may be

    Returns
    -------
    list of str
    """
    folder = _Folder([_line(step, names) for step in steps], {*names}, listed, limits)
    lines = folder.fold()
    return [*(folder.input(line) for line in inputs), *map(folder.written, lines)]


_Written = tuple[list[str], str]  # tokens, and what stands behind them


class _Folder:
    """Finds loops, and the names of what they compute."""

    def __init__(
        self, lines: Sequence[_Line], names: set[str], listed: Collection[str], limits: TracingLimits
    ) -> None:
        self.lines, self.names, self.listed, self.limits = lines, names, listed, limits
        self.index = next((each for each in _INDICES if each not in names), "")
        self.places: dict[tuple[object, ...], list[int]] = {}
        for k, line in enumerate(lines):
            self.places.setdefault(line.shape, []).append(k)
        self.renamed: dict[str, str] = {}
        self.numbers: dict[str, int] = {}  # how many loops have a variable
        self.uses: dict[str, list[tuple[_Line, int]]] = {}
        for line in lines:
            for k in line.varies:
                self.uses.setdefault(line.tokens[k], []).append((line, k))

    def fold(self) -> list[_Written]:
        """All lines; names are those before loops."""
        found: list[_Written] = []
        at = 0
        while at < len(self.lines):
            loop = self.loop_at(at) if self.index else None
            if loop is None or self.begins_later(at, loop):
                found.append((self.lines[at].tokens, self.lines[at].step.place))
                at += 1
            else:
                found += self.loop_lines(loop)
                at += loop.turns * loop.length
        return found

    def loop_at(self, at: int) -> _Loop | None:
        """The loop that saves most lines of those that begin here."""
        same = self.places[self.lines[at].shape]
        begin = bisect_right(same, at)
        loops = []
        for other in same[begin : begin + self.limits.most_lengths]:
            if other - at <= self.limits.longest_turn:
                loop = _Loop(self.lines, at, other - at, self.listed)
                loops += [loop] if loop.read() and loop.saved > 0 else []
        return max(loops, key=lambda loop: loop.saved, default=None)

    def begins_later(self, at: int, loop: _Loop) -> bool:
        """Whether as much is saved by a loop that begins with the line of its turn that is first in the
        program: the turn before it is not whole."""
        first = min(range(loop.length), key=lambda offset: _order(self.lines[at + offset].step.place))
        other = self.loop_at(at + first) if first else None
        return other is not None and other.length == loop.length and other.saved >= loop.saved

    def loop_lines(self, loop: _Loop) -> list[_Written]:
        """What goes before a loop, its head, and its body."""
        turns = [loop.turn(number) for number in range(1, loop.turns + 1)]
        bases = [self.name([line.tokens[0] for line in lines]) for lines in zip(*turns, strict=True)]
        members = {key: self.name(each) for key, each in loop.members.items()}
        found: list[_Written] = [
            ([f"{bases[offset]}0", " = ", start], "") for offset, start in loop.starts.items()
        ]
        found.append(([f"repeat {self.index} = 1 to {loop.turns}:"], ""))
        for offset, line in enumerate(loop.turn(1)):
            tokens = list(line.tokens)
            for k in line.varies:
                relation = loop.relations[offset, k]
                base = bases[relation.offset] if isinstance(relation, _Own) else members.get((offset, k), "")
                tokens[k] = self.in_loop(relation, base)
            found.append((["    ", *tokens], line.step.place))
        return found

    def in_loop(self, relation: _Relation, base: str) -> str:
        """A token in the body."""
        if isinstance(relation, _Same):
            return relation.text
        if isinstance(relation, _Counted):
            number = self.count(relation.step, relation.first - relation.step)
            is_index = not relation.before and not relation.behind
            return number if is_index else f"{relation.before}{{{number}}}{relation.behind}"
        return f"{base}{{{self.count(1, -relation.back if isinstance(relation, _Own) else 0)}}}"

    def count(self, step: int, more: int) -> str:
        """The index times a whole number and another added: k, k-1, 2*k+3."""
        times = self.index if step == 1 else f"{step}*{self.index}"
        return f"{times}{more:+d}" if more else times

    def name(self, own: Sequence[str]) -> str:
        """The name, but for its number, of what belongs to the turns."""
        base = base_name(own[0])
        while True:
            number = self.numbers[base] = self.numbers.get(base, 0) + 1
            wanted = f"{base}_{number}_" if number > 1 else f"{base}_" if base[-1:].isdigit() else base
            numbered = [f"{wanted}{k}" for k in range(len(own) + 1)]
            others = self.names.intersection(numbered)
            if all(new not in others or new == old for new, old in zip(numbered, ("", *own), strict=True)):
                break
        self.names.update(numbered)
        for old, new in zip(own, numbered[1:], strict=True):
            self.renamed[old] = new
            for line, k in self.uses.get(old, ()):
                line.tokens[k] = new
        return wanted

    def input(self, line: str) -> str:
        """A declaration with the name that its loop gives it."""
        return re.sub(r"^(data )(\w+)", lambda m: m[1] + self.renamed.get(m[2], m[2]), line)

    def written(self, line: _Written) -> str:
        tokens, place = line
        text = "".join(self.renamed.get(token, token) for token in tokens)
        return text + (f"  # {place}" if place else "")
