"""Reads claims. Gives which derivatives they ground, which claims rest on themselves, and what a parameter's
claim rests on that nobody claims.

A derivative is grounded if some claim of it has a right side whose claimed derivatives are all grounded;
derivatives that nobody claims are given. Entry by entry; names of one value are one. Knows nothing of values.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradcheck_cli.model.aliases import Aliases
from gradcheck_cli.model.graph import Derivative, Graph, Node
from gradcheck_cli.model.model import Claim, Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.claims import ClaimsLimits
from gradcheck_cli.verdicts.claims.dependence import dependence

__all__ = ["Grounds", "in_lines"]


@dataclass(frozen=True)
class _Use:
    """A derivative that a right side mentions: which entries, and which entries of the target are made of
    which of these; None where all are taken to be made of all."""

    target: Derivative
    entries: Array
    made: Array | None = None


@dataclass(frozen=True)
class _Line:
    """A claim: which entries of which derivative it is of, and what it uses."""

    place: int
    target: Derivative
    entries: Array
    uses: tuple[_Use, ...]


class Grounds:
    """What the claims of one report rest on."""

    def __init__(self, model: Model, claims: Sequence[Claim], layout: str, limits: ClaimsLimits) -> None:
        self.model, self.claims, self.layout, self.limits = model, claims, layout, limits
        self.aliases = Aliases(model)
        self.loss = self.aliases.first_name(model.loss)
        self.lines = [self._line(place) for place in range(len(claims))]
        self.claimed: dict[Derivative, Array] = {}
        for line in self.lines:
            known = self.claimed.get(line.target)
            self.claimed[line.target] = line.entries if known is None else known | line.entries

    # -- what is asked --------------------------------------------------------------------------

    def covers(self, name: str) -> bool:
        """Whether all entries of d loss/d name are claimed."""
        return not self._missing(name).any()

    def count_unclaimed(self, name: str) -> int:
        """How many entries of d loss/d name nobody claims."""
        return int(self._missing(name).sum())

    def unclaimed_entries(self, name: str) -> list[tuple[int, ...]]:
        """The entries of d loss/d name that nobody claims."""
        missing, shape = self._missing(name), self.model.node(name).shape
        return [tuple(int(k) for k in np.unravel_index(place, shape)) for place in np.flatnonzero(missing)]

    @cached_property
    def circles(self) -> dict[int, list[int]]:
        """For each claim that rests on itself, by its place, the lines of the circle."""
        lines, grounded = self._lines_with_grounds
        edges = list(self._ungrounded_edges(lines, grounded))
        component = _components([(source, to) for _, source, to in edges])
        inner = [(place, component[one]) for place, one, other in edges if component[one] == component[other]]
        rounds: dict[int, set[int]] = {}
        for place, one in inner:
            rounds.setdefault(one, set()).add(self.claims[place].line)
        found: dict[int, set[int]] = {}
        for place, one in inner:
            found.setdefault(place, set()).update(rounds[one])
        return {place: sorted(numbers) for place, numbers in found.items()}

    def open_end(self, name: str) -> str | None:
        """Why a claim of d loss/d name does not count: what it rests on; None where it counts."""
        target = self._one(Derivative(self.model.loss, name))
        lines, closed = self._lines_from_data
        if closed[target].all():
            return None
        if target in self._open_ends:
            return f"rests on {self._open_ends[target]}, which you do not claim"
        own = {n for line in lines if line.target == target for n in self.circles.get(line.place, ())}
        return f"rests on itself ({in_lines(own)})" if own else "rests on claims that rest on themselves"

    @cached_property
    def _open_ends(self) -> dict[Derivative, str]:
        """For each derivative whose claims rest on one of the loss that nobody claims, that one."""
        lines, closed = self._lines_from_data
        found: dict[Derivative, str] = {}
        users: dict[Derivative, list[Derivative]] = {}
        for line in lines:
            for use in line.uses:
                waits = self._open_entries(use, closed, is_closed=True)
                missing = waits & ~self._claims_of(use.target)
                if missing.any():
                    found.setdefault(line.target, self._spell(use.target, missing))
                elif waits.any():
                    users.setdefault(use.target, []).append(line.target)
        todo = deque(found)
        while todo:
            current = todo.popleft()
            for user in users.get(current, ()):
                if user not in found:
                    found[user] = found[current]
                    todo.append(user)
        return found

    # -- claims as lines ------------------------------------------------------------------------

    def _line(self, place: int) -> _Line:
        claim = self.claims[place]
        formula = claim.formulas[self.layout]
        leaves = _derivatives(formula) if isinstance(formula, Graph) else ()
        uses = tuple(_Use(self._one(key), self._entries(key)) for _, key in leaves)
        return _Line(place, self._one(claim.target), self._entries(claim.target), uses)

    def _one(self, target: Derivative) -> Derivative:
        return self.aliases.one(target)

    def _entries(self, target: Derivative) -> Array:
        """Which entries of the name below are meant."""
        shape = self.model.node(target.by).shape
        found = np.full(shape, target.index is None or not shape)
        if target.index is not None and shape:
            found[target.index] = True
        return found.reshape(-1)

    def _claims_of(self, target: Derivative) -> Array:
        none = np.zeros(self.model.node(target.by).size, dtype=bool)
        return self.claimed.get(target, none)

    def _missing(self, name: str) -> Array:
        return ~self._claims_of(self._one(Derivative(self.model.loss, name)))

    def _spell(self, target: Derivative, entries: Array) -> str:
        """A derivative of the loss, or its only entry that is meant."""
        display, shape = self.model.display, self.model.node(target.by).shape
        index = None
        if shape and entries.sum() == 1:
            index = tuple(int(k) for k in np.unravel_index(int(np.argmax(entries)), shape))
        return str(Derivative(display(self.model.loss), display(target.by), index))

    def _refine(self, line: _Line, settled: dict[Derivative, Array]) -> _Line:
        """The same, with which entries are made of which, where that may decide."""
        formula = self.claims[line.place].formulas[self.layout]
        if not isinstance(formula, Graph):
            return line
        held = sum(node.size for node in formula.nodes)
        uses = []
        for use, (leaf, key) in zip(line.uses, _derivatives(formula), strict=True):
            is_open = use.target not in settled or not settled[use.target].all()
            if is_open and leaf.size * held <= self.limits.most_dependence:
                use = _Use(use.target, use.entries, self._dependence(line, formula, leaf, key))
            uses.append(use)
        return _Line(line.place, line.target, line.entries, tuple(uses))

    def _dependence(self, line: _Line, formula: Graph, leaf: Node, key: Derivative) -> Array:
        """(entries of the target, entries of the use), True where the first is made of the second."""
        found = dependence(formula, leaf)
        by_target = self._by_entry(found, self.claims[line.place].target)
        of_leaf = np.moveaxis(by_target.reshape(*leaf.shape, -1), -1, 0)
        return self._by_entry(of_leaf, key)

    def _by_entry(self, marks: Array, target: Derivative) -> Array:
        """Marks (some, *shape of the derivative) as (some, entries of the name below)."""
        of, by = self.model.node(target.of), self.model.node(target.by)
        flat = marks.reshape(len(marks), -1)
        if target.index is not None and by.shape:
            found = np.zeros((len(marks), by.size), dtype=bool)
            found[:, np.ravel_multi_index(target.index, by.shape)] = flat.any(axis=1)
            return found
        order = (of.size, by.size) if self.layout == "numerator" or not (of.shape and by.shape) else (
            by.size, of.size
        )
        split = flat.reshape(len(marks), *order)
        return np.asarray(split.any(axis=1 if order == (of.size, by.size) else 2))

    # -- what is grounded -----------------------------------------------------------------------

    @cached_property
    def _lines_with_grounds(self) -> tuple[list[_Line], dict[Derivative, Array]]:
        return self._settle(is_closed=False)

    @cached_property
    def _lines_from_data(self) -> tuple[list[_Line], dict[Derivative, Array]]:
        return self._settle(is_closed=True)

    def _settle(self, *, is_closed: bool) -> tuple[list[_Line], dict[Derivative, Array]]:
        """The lines, refined if need be, and which entries they ground."""
        lines, found = self.lines, self._fixed_point(self.lines, is_closed)
        if any((self.claimed[target] & ~entries).any() for target, entries in found.items()):
            lines = [self._refine(line, found) for line in lines]
            found = self._fixed_point(lines, is_closed)
        return lines, found

    def _fixed_point(self, lines: Sequence[_Line], is_closed: bool) -> dict[Derivative, Array]:
        """The least set of entries that contains what rests on it and on what is given; `is_closed`:
        derivatives of the loss are never given."""
        found = {target: np.zeros_like(entries) for target, entries in self.claimed.items()}
        users: dict[Derivative, list[_Line]] = {}
        for line in lines:
            for use in line.uses:
                users.setdefault(use.target, []).append(line)
        todo = deque(lines)
        while todo:
            line = todo.popleft()
            new = line.entries & ~found[line.target]
            for use in line.uses if new.any() else ():
                new &= ~self._rest_on(line, use, self._open_entries(use, found, is_closed))
            if new.any():
                found[line.target] = found[line.target] | new
                todo.extend(users.get(line.target, ()))
        return found

    def _open_entries(self, use: _Use, found: dict[Derivative, Array], is_closed: bool) -> Array:
        claimed = self._claims_of(use.target)
        is_own = use.target.by == self.loss  # d loss/d loss is 1
        given = ~claimed & (not is_closed or is_own or use.target.of != self.loss)
        return use.entries & ~given & ~found.get(use.target, np.zeros_like(claimed))

    def _rest_on(self, line: _Line, use: _Use, entries: Array) -> Array:
        """Which entries of the target are made of one of these entries of a use."""
        if use.made is None:
            return np.full(line.entries.shape, entries.any())
        return np.asarray(use.made[:, entries].any(axis=1))

    def _ungrounded_edges(
        self, lines: Sequence[_Line], grounded: dict[Derivative, Array]
    ) -> Iterator[tuple[int, tuple[Derivative, int], tuple[Derivative, int]]]:
        """(claim, an entry that it is of, an entry that this one rests on), none of them grounded."""
        open_ones = {target: self.claimed[target] & ~entries for target, entries in grounded.items()}
        pairs = [
            (line, use, line.entries & open_ones[line.target], use.entries & open_ones[use.target])
            for line in lines for use in line.uses if use.target in open_ones
        ]  # fmt: skip
        counts = [
            mine.sum() * theirs.sum() if use.made is None else (mine[:, None] & theirs & use.made).sum()
            for _, use, mine, theirs in pairs
        ]  # fmt: skip
        too_many = sum(counts) > self.limits.most_edges
        for (line, use, mine, theirs), count in zip(pairs, counts, strict=True):
            if too_many:
                places: Iterable[tuple[int, int]] = [(0, 0)] * bool(count)
            else:
                made = np.outer(mine, theirs) if use.made is None else mine[:, None] & theirs & use.made
                places = ((int(entry), int(other)) for entry, other in np.argwhere(made))
            for entry, other in places:
                yield line.place, (line.target, entry), (use.target, other)


def in_lines(numbers: Iterable[int]) -> str:
    """The lines in words, "lines 3, 4"."""
    listed = sorted(numbers)
    return f"line{'' if len(listed) == 1 else 's'} {', '.join(map(str, listed))}"


def _derivatives(formula: Graph) -> list[tuple[Node, Derivative]]:
    needed = formula.upstream([formula.output]) if formula.nodes else []
    return [(n, n.key) for n in formula.nodes if isinstance(n.key, Derivative) and needed[n.index]]


Entry = tuple[Derivative, int]


def _components(edges: Iterable[tuple[Entry, Entry]]) -> dict[Entry, int]:
    """The strongly connected component of each node (Kosaraju: depth first, then backwards)."""
    ahead: dict[Entry, list[Entry]] = {}
    behind: dict[Entry, list[Entry]] = {}
    for source, to in edges:
        for table, key, value in ((ahead, source, to), (behind, to, source)):
            table.setdefault(key, []).append(value)
            table.setdefault(value, [])
    order: list[Entry] = []
    seen: set[Entry] = set()
    for start in ahead:
        order += _finishing_order(start, ahead, seen)
    component: dict[Entry, int] = {}
    seen = set()
    for number, start in enumerate(reversed(order)):
        component.update(dict.fromkeys(_finishing_order(start, behind, seen), number))
    return component


def _finishing_order(start: Entry, edges: dict[Entry, list[Entry]], seen: set[Entry]) -> list[Entry]:
    """What is reached for the first time, in the order in which depth first is done with it."""
    if start in seen:
        return []
    seen.add(start)
    found, path = [], [(start, iter(edges[start]))]
    while path:
        node, others = path[-1]
        following = next((other for other in others if other not in seen), None)
        if following is None:
            found.append(node)
            path.pop()
        else:
            seen.add(following)
            path.append((following, iter(edges[following])))
    return found
