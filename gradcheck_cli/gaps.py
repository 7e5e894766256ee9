"""Reads claims, points and the referee. Gives claimed beside true values, and how far apart they are.

At high precision both sides are computed in it; in float64 rounding is granted to both, and rows that are
too many to be held are taken block by block. Knows nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import repeat
from typing import Any

import numpy as np

from gradcheck_cli import backprop
from gradcheck_cli.forward import Tape, evaluate
from gradcheck_cli.graph import Array, Claim, Derivative, Graph, Key, Model
from gradcheck_cli.namespaces import FLOAT64, floats
from gradcheck_cli.referee import Referee, unmeasured
from gradcheck_cli.rounding import Jittered, bound
from gradcheck_cli.rowwise import over_rows

__all__ = [
    "ROUNDING", "At", "Gap", "Knowledge", "are_many", "difference", "difference_in_blocks", "entry_of",
    "evaluated",
]  # fmt: skip

ROUNDING = 2.0**-44  # relative: what rounding of the data may make of a claim that is right
_EQUAL = 1e-30  # relative, of 50 digits: what 20 lost digits leave
_MOST_SWEPT = 1 << 18  # numbers
_MOST_AT_ONCE = 1 << 20  # numbers of one name that are looked at together
_JITTERED = 8  # samples of a formula over rows whose rounding is measured


@dataclass(frozen=True)
class At:
    """A point under the number that results show; `apart` names one that they do not show."""

    number: int
    values: Mapping[str, Array]
    apart: str = ""


@dataclass
class Knowledge:
    """True values and derivatives at one point and precision, each computed once."""

    model: Model
    referee: Referee
    at: At
    m: Any
    layout: str
    exact: bool
    tape: Tape
    known: dict[Derivative, Array] = field(default_factory=dict)
    _swept: dict[str, dict[str, Array]] = field(default_factory=dict)

    def leaf(self, key: Key) -> Array:
        """The value of a leaf of a claim's formula, with the two leading axes."""
        if isinstance(key, Derivative):
            return self._lead(self.derivative(key), self.is_per_row(key))
        node = self.model.node(key)
        return self._lead(self.tape.of_node(node), node.per_row)

    def has_rows(self, key: Key) -> bool:
        """Whether a leaf of a formula has one value per row."""
        return self.is_per_row(key) if isinstance(key, Derivative) else self.model.node(key).per_row

    def room(self, key: Key) -> Array:
        """What rounding may make of such a leaf in float64."""
        if isinstance(key, Derivative):
            bound = self.referee.rounding(self.at.values, key.of, [key.by])[key.by]
            bound = self._laid_out(key.of, key.by, bound)
            entry = key.index is not None and bool(self.model.node(key.by).shape)
            return self._lead(entry_of(bound, key.index or ()) if entry else bound, self.is_per_row(key))
        node = self.model.node(key)
        found = self._value_room.get(key, np.zeros(np.shape(self.tape.of_node(node))))
        return self._lead(found, node.per_row)

    @cached_property
    def _value_room(self) -> dict[str, Array]:
        return self.referee.value_rounding(self.at.values, list(self.model.steps))

    def is_per_row(self, target: Derivative) -> bool:
        """Whether a derivative has one value per row."""
        return self.model.node(target.of).per_row or self.model.node(target.by).per_row

    def derivative(self, target: Derivative) -> Array:
        """The true derivative in the layout of this file; an entry where it has an index."""
        found = self.known.get(target.whole)
        if found is None:
            found = self._computed(target.of, target.by)
            self.known[target.whole] = found
        return self._entry(found, target)

    def _entry(self, found: Array, target: Derivative) -> Array:
        has_one = target.index is not None and self.model.node(target.by).shape
        return entry_of(found, target.index or ()) if has_one else found

    def streams(self, claim: Claim, formula: Graph) -> bool:
        """Whether a claim and what it is made of have so many rows that they are taken block by block."""
        rows, leaves = self.model.rows or 0, [n for n in formula.nodes if n.is_leaf and n.per_row]
        widest = max((n.size for n in (*leaves, self.model.node(claim.target.by))), default=1)
        return not self.exact and are_many(rows * widest) and (
            bool(leaves) or self.is_per_row(claim.target)
        )  # fmt: skip

    def in_blocks(self, keys: Iterable[Key]) -> Iterator[dict[Key, Array]]:
        """Values of names and true derivatives that have one value per row, for each block of the tape."""
        wanted = list(keys)
        groups: dict[str, list[Derivative]] = {}
        for key in wanted:
            if isinstance(key, Derivative):
                groups.setdefault(key.of, []).append(key)
        sweep = backprop.derivative_in_blocks
        runs = [(some, sweep(self.model, self.tape, of, {d.by for d in some})) for of, some in groups.items()]
        for number in range(self.tape.block_count):
            values = self.tape.block(number)
            span = self.tape.rows_of(number)
            found: dict[Key, Array] = {}
            for key in wanted:
                if isinstance(key, str):
                    node = self.model.node(key)
                    shape = (1, span.stop - span.start, *node.shape)
                    found[key] = np.broadcast_to(values[node.index], shape)
            for some, run in runs:
                block = next(run)
                for d in some:
                    found[d] = self._entry(self._laid_out(d.of, d.by, block[d.by]), d)[None]
            yield found

    def leading_zeros(self, target: Derivative) -> int:
        """The most zeros behind the decimal point of an entry; an entry that is 0 has none."""
        logarithm = self.m.context.log10
        sizes = (abs(x) for x in np.ravel(self.derivative(target)))
        return max((int(-logarithm(x)) for x in sizes if 0 < x < 1), default=0)

    def prepare(self, wanted: Iterable[Derivative]) -> None:
        """Compute all derivatives of one step together."""
        groups: dict[str, list[str]] = {}
        for target in wanted:
            if target.whole not in self.known:
                groups.setdefault(target.of, []).append(target.by)
        for of, names in groups.items():
            for by, value in self._values(of, list(dict.fromkeys(names))).items():
                self.known[Derivative(of, by)] = self._laid_out(of, by, value)

    def _computed(self, of: str, by: str) -> Array:
        return self._laid_out(of, by, self._values(of, [by])[by])

    def _values(self, of: str, names: Sequence[str]) -> dict[str, Array]:
        if self.exact:
            return self.referee.derivative(self.at.values, of, names, self.m)
        if of not in self._swept:
            self._swept[of] = self._by_all_of_its_names(of)
        swept = self._swept[of]
        missing = [name for name in names if name not in swept]
        more = backprop.derivative(self.model, self.tape, of, missing) if missing else {}
        return {name: more[name] if name in more else swept[name] for name in names}

    def _by_all_of_its_names(self, of: str) -> dict[str, Array]:
        """A pass in reverse gives the derivatives by all names at once, kept if they are few numbers: whoever
        asks for one often asks for hundreds, one after the other."""
        model, target = self.model, self.model.node(of)
        needed, rows = model.graph.upstream([target.index]), model.rows or 1
        nodes = {name: model.node(name) for name in (*model.inputs, *model.steps)}
        nodes = {name: node for name, node in nodes.items() if needed[node.index]}
        numbers = sum(n.size * (rows if n.per_row or target.per_row else 1) for n in nodes.values())
        few = numbers * target.size <= _MOST_SWEPT
        return backprop.derivative(model, self.tape, of, nodes) if few else {}

    def _laid_out(self, of: str, by: str, value: Array) -> Array:
        jacobian = len(self.model.node(of).shape) == 1 and len(self.model.node(by).shape) == 1
        if jacobian and self.layout == "denominator":
            return value.swapaxes(-1, -2)
        return value

    def _lead(self, value: Array, per_row: bool) -> Array:
        return value[None] if per_row else np.asarray(value)[None, None]


def are_many(numbers: int) -> bool:
    """Whether numbers are so many that they are taken in blocks, or not at all."""
    return numbers > _MOST_AT_ONCE


@dataclass(frozen=True)
class Gap:
    """Claimed and true values as floats, how far apart they are, and which entries are wrong."""

    claimed: Array
    true: Array
    size: Array
    wrong: Array
    per_row: bool = False
    known: Array | None = None  # where both sides are finite, in their own numbers
    own: Array | None = None  # `size` in their own numbers: a float64 of it would be 0 or infinite
    in_blocks: bool = False  # of too many rows to be looked at together
    rows: Array | None = None  # which rows these are, where they stand for many more
    counted: tuple[int, int] | None = None  # wrong and all entries, of all rows

    def row(self, place: int) -> int:
        """The number of the row at a place."""
        return int(place if self.rows is None else self.rows[place])

    def some(self, start: int) -> Gap:
        """The worst row of a block and a few others; `start` is the number of its first."""
        weight = np.where(self.wrong, np.nan_to_num(self.size, nan=0.0), -1.0).reshape(len(self.wrong), -1)
        chosen = np.unique([0, int(np.argmax(weight.max(axis=1))), len(self.wrong) - 1])
        some = {n: getattr(self, n)[chosen] for n in ("claimed", "true", "size", "wrong", "known")}
        return replace(self, **some, rows=start + chosen)

    def own_size(self) -> Array:
        """How far apart they are, in their own numbers."""
        return self.size if self.own is None else self.own

    def worst(self) -> tuple[int, ...]:
        """The entry that is farthest off, among the wrong ones if there are any."""
        if not self.wrong.ndim:
            return ()
        with np.errstate(all="ignore"):
            least = np.inf if not self.is_known() else 0.0  # a number rather than none
            weight = np.where(self.wrong | ~self.wrong.any(), np.nan_to_num(self.size, nan=least), -1)
        return tuple(int(k) for k in np.unravel_index(int(np.argmax(weight)), weight.shape))

    def is_known(self) -> bool:
        """Whether an entry is wrong for which both sides could be had."""
        finite = np.isfinite(self.claimed) & np.isfinite(self.true)
        return bool(np.any(self.wrong & (finite if self.known is None else self.known)))

    def is_small(self) -> bool:
        """Whether rounding of data could be the reason."""
        with np.errstate(all="ignore"):
            largest = np.max(np.abs(self.true), initial=0.0)
            shown = self.size[self.wrong]
            return bool(np.all((shown <= ROUNDING * largest) & (shown > 0)))

    def beyond(self, room: Array) -> Gap:
        """The same with only those entries wrong that are farther off than rounding explains."""
        return replace(self, wrong=~(self.size <= 4 * np.broadcast_to(room, self.size.shape)))


def difference(knowledge: Knowledge, claim: Claim, formula: Graph) -> Gap:
    """A formula beside the derivative that it is claimed to be, all rows at once. Raises BudgetSpent."""
    leaves = [n.key for n in formula.nodes if n.is_leaf and isinstance(n.key, Derivative)]
    knowledge.prepare([claim.target, *leaves])
    true = knowledge.derivative(claim.target)
    per_row = knowledge.is_per_row(claim.target)
    value = evaluated(knowledge, formula)
    value = value[0] if per_row else value[0, 0, ...]
    value = np.asarray(np.broadcast_to(value, np.shape(true)))
    with np.errstate(all="ignore"):
        size = np.abs(np.asarray(value - true))
        near = size <= (_EQUAL if knowledge.exact else 0.0) * np.maximum(np.abs(value), np.abs(true))
        wrong = ~np.asarray(near, dtype=bool)
        known = np.asarray((value - value == 0) & (true - true == 0), dtype=bool)
    return Gap(floats(value), floats(true), floats(size), wrong, per_row, known, size)


def difference_in_blocks(knowledge: Knowledge, claim: Claim, formula: Graph) -> Gap:
    """The difference where the rows are too many to be held: every row is looked at, some are kept. Before a
    claim is called wrong, its own rounding is measured."""
    leaves = {n.key for n in formula.nodes if n.is_leaf}
    of_rows = {key for key in leaves if knowledge.has_rows(key)}
    gradient = [Derivative(knowledge.model.loss, p.name) for p in knowledge.model.parameters()]
    knowledge.prepare([*gradient, *(d for d in leaves - of_rows if isinstance(d, Derivative))])
    shared = {key: knowledge.leaf(key) for key in leaves - of_rows}
    sides = _Sides(knowledge, claim, formula, shared, of_rows)
    gap = sides.compare()
    return sides.compare(Jittered(_JITTERED, 20)) if gap.wrong.any() else gap


@dataclass
class _Sides:
    """A claim's formula over blocks of rows, and what is true there."""

    knowledge: Knowledge
    claim: Claim
    formula: Graph
    shared: Mapping[Key, Array]
    of_rows: set[Key]

    def compare(self, jitter: Jittered | None = None) -> Gap:
        """The difference; with what jitter makes of the formula as room."""
        if not self.knowledge.is_per_row(self.claim.target):
            true = self.knowledge.derivative(self.claim.target)
            (value,) = self._values(FLOAT64)
            return self._gap(value[0, 0, ...], true, next(self._rooms(jitter)))
        values, rooms = self._values(FLOAT64), self._rooms(jitter)
        if not self.formula.nodes[self.formula.output].per_row:
            values, rooms = repeat(next(values)), repeat(next(rooms))
        truths = self.knowledge.in_blocks([self.claim.target])
        kept, start, wrong, total = [], 0, 0, 0
        for value, room, truth in zip(values, rooms, truths, strict=False):
            true = truth[self.claim.target][0]
            gap = self._gap(np.broadcast_to(value[0], true.shape), true, room)
            kept.append(gap.some(start))
            start, wrong, total = start + len(true), wrong + int(gap.wrong.sum()), total + gap.wrong.size
        return _joined(kept, (wrong, total))

    def _values(self, m: Any) -> Iterator[Array]:
        return over_rows(self.formula, self.shared, lambda: self.knowledge.in_blocks(self.of_rows), m)

    def _rooms(self, jitter: Jittered | None) -> Iterator[Array | float]:
        """What rounding may do to the formula, in each block; both sides are granted it."""
        if jitter is None:
            yield from repeat(0.0)
            return
        for samples in self._values(jitter):
            found = 2 * bound(samples, jitter, 1)
            yield found if self.knowledge.is_per_row(self.claim.target) else found[0, ...]

    def _gap(self, value: Array, true: Array, room: Array | float) -> Gap:
        value = np.asarray(np.broadcast_to(value, true.shape))
        with np.errstate(all="ignore"):
            size = np.asarray(np.abs(value - true))
            wrong = ~(size <= 4 * unmeasured(true, self.claim.bits) + room)
            known = np.isfinite(value) & np.isfinite(true)
        per_row = self.knowledge.is_per_row(self.claim.target)
        return Gap(value, true, size, np.asarray(wrong), per_row, known, in_blocks=True)


def _joined(parts: Sequence[Gap], counted: tuple[int, int]) -> Gap:
    """Rows of many blocks."""
    def together(name: str) -> Array:
        return np.concatenate([getattr(part, name) for part in parts])

    return replace(
        parts[0], claimed=together("claimed"), true=together("true"), size=together("size"),
        wrong=together("wrong"), known=together("known"), rows=together("rows"), counted=counted,
    )  # fmt: skip


def evaluated(knowledge: Knowledge, formula: Graph) -> Array:
    """A claim's formula filled with true values, with the two leading axes."""
    leaves = {n.key: knowledge.leaf(n.key) for n in formula.nodes if n.is_leaf}
    return evaluate(formula, leaves, knowledge.m)


def entry_of(values: Array, index: tuple[int, ...]) -> Array:
    """One entry along the last axes."""
    key: Any = (..., *index)
    return np.asarray(values[key])
