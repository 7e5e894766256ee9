"""Witness 3's view of a model. Reads a Tape. Gives finite differences of any step by any name.

The engine (finite.py) sees a function that it may sample and nothing else; here that function is made
from the forward pass: one entry of one name is moved, only what lies downstream is computed again, and
all moved points are stacked along the first axis.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gradcheck_cli.errors import OptionError
from gradcheck_cli.finite import SCHEMES, Differences, Samples, Scheme, differences, find_scheme
from gradcheck_cli.forward import Tape, Varied, forward_pass, operations
from gradcheck_cli.graph import Array, Model, Node
from gradcheck_cli.namespaces import Complex128

__all__ = ["Estimates", "Sampled", "along", "derivative", "derivative_at", "estimates", "scheme_named"]

_MOST_ENTRIES = 1 << 18  # entries of one node held at a time, over all perturbations: 1 << 21 takes 1.3 times
_NAMES_AT_ONCE = 256  # times as many entries, all of which are held, where many names move together
_MOST_TOGETHER = 512  # entries of small names that are moved in one pass, through what any of them moves
_MOST_ROWS_TOGETHER = 1 << 19  # the same times rows: with many rows that costs more than a pass for each
_PROBE = 2.0**-20  # how far an entry is moved to see whether it stands on a kink
_DEAR = 1 << 20  # operations of a forward pass for every entry
_SHORT = ((10, 12, 14), (4, 6, 8))  # powers of 1/2, of the scale of an entry: fine, then where f moves little
_FLAT = 1e-6  # of f, as an entry moves by all of its size: far more than noise hides
MOST_ROWS = 64  # entries of per-row names that are moved one by one under a shared value


@dataclass(frozen=True)
class Estimates:
    """Values with error bounds, shapes as those of backprop; slopes are nan off kinks."""

    value: Array
    bound: Array
    left: Array
    right: Array
    kink: Array


def scheme_named(name: str) -> Scheme:
    """A scheme by name. Raises OptionError that lists the schemes."""
    try:
        return find_scheme(name)
    except (KeyError, ValueError):
        raise OptionError(
            f"there is no scheme {name!r}", help=f"the schemes are {', '.join(sorted(SCHEMES))}"
        ) from None


def derivative(
    model: Model,
    tape: Tape,
    of: str,
    by: Iterable[str],
    scheme: Scheme,
    noise: Array | float = 0.0,
    enough: float = 0.0,
) -> dict[str, Estimates]:
    """d of/d name by differences, with error bounds.

    `noise`, (*of), is what rounding may make of the value itself; `enough` a relative bound that will do:
    where samples take long, three step sizes are tried first. Raises OptionError where the complex step
    cannot pass a function.
    """
    target = model.node(of)
    names = list(by)
    tape = _taped(model, tape, of, names, scheme)
    shared = [name for name in names if not model.node(name).per_row]
    found: dict[str, Estimates] = {}
    with tape.held():
        for group in _groups(model, shared):
            moved = _Moved(tape, target, [model.node(n) for n in group])
            found.update(estimates(moved, group, scheme, noise, enough))
        for name in names:
            if name not in found:
                by_row = _MovedRows(tape, target, model.node(name))
                found.update(estimates(by_row, [name], scheme, noise, enough))
    return {name: found[name] for name in names}


def derivative_at(
    model: Model,
    tape: Tape,
    of: str,
    name: str,
    entries: Array,
    scheme: Scheme,
    noise: Array | float = 0.0,
    enough: float = 0.0,
) -> Estimates:
    """The same by some entries of one name, flat indices, which has one value for all rows: (*of, k)."""
    tape = _taped(model, tape, of, [name], scheme)
    moved = _Chosen(tape, model.node(of), [model.node(name)], np.asarray(entries))
    return estimates(moved, [name], scheme, noise, enough)[name]


def along(
    model: Model,
    tape: Tape,
    of: str,
    directions: Mapping[str, Array],
    scale: float,
    scheme: Scheme,
    noise: Array | float = 0.0,
    enough: float = 0.0,
) -> Estimates:
    """The slopes of `of` as names move together along directions, (D, *shape) each: (*of, D).

    `scale` is the size at which a step along a direction is large.
    """
    tape = _taped(model, tape, of, list(directions), scheme)
    nodes = {model.node(name).index: moves for name, moves in directions.items()}
    return estimates(_Along(tape, model.node(of), nodes, scale), [of], scheme, noise, enough)[of]


def _taped(model: Model, tape: Tape, of: str, names: list[str], scheme: Scheme) -> Tape:
    """The tape in the numbers that a scheme needs."""
    if not scheme.imaginary:
        return tape
    _refuse_unanalytic(model, model.node(of), names)
    return forward_pass(model, Complex128(), tape.point)


def _groups(model: Model, names: Iterable[str]) -> list[list[str]]:
    """Small inputs together, whose entries are then moved in one pass; large ones alone, and steps,
    because a step that is pinned stops what moves upstream of it."""
    groups: list[list[str]] = [[]]
    alone: list[list[str]] = []
    filled, most = 0, min(_MOST_TOGETHER, _MOST_ROWS_TOGETHER // (model.rows or 1))
    for name in names:
        size = model.node(name).size
        if not model.node(name).is_leaf:
            alone.append([name])
            continue
        if groups[-1] and filled + size > most:
            groups.append([])
            filled = 0
        groups[-1].append(name)
        filled += size
    return [group for group in (*groups, *alone) if group]


def _refuse_unanalytic(model: Model, of: Node, names: Iterable[str]) -> None:
    graph = model.graph
    down, up = graph.downstream(model.node(n).index for n in names), graph.upstream([of.index])
    for node in graph.nodes:
        inner = down[node.index] and up[node.index] and not (node.is_leaf or node.is_literal)
        if inner and not node.primitive.analytic:
            raise OptionError(
                f"the complex step cannot pass {node.primitive.function}, which is not analytic",
                help="use --scheme extrapolated",
            )


def estimates(
    moved: Sampled, names: Sequence[str], scheme: Scheme, noise: Array | float, enough: float = 0.0
) -> dict[str, Estimates]:
    """What the engine makes of a function, for each of the names that its entries belong to."""
    on_border = moved.on_border() if moved.tape.borders_hit() else None
    short = enough > 0 and on_border is None and scheme.sees_sides and not scheme.rungs and _is_dear(moved)
    ladders = [*(replace(scheme, rungs=rungs) for rungs in _SHORT if short), scheme]
    parts: list[Array] = []
    left = np.arange(len(moved.base))
    for ladder in ladders:
        part = _Part(moved, left)
        found = differences(part, part.base, scheme=ladder, on_kink=on_border, noise=noise)
        parts = parts or [np.array(column) for column in _parts(found)]
        for old, new in zip(parts, _parts(found), strict=True):
            old[left] = new
        if ladder is scheme:
            break
        with np.errstate(all="ignore"):
            good = (found.bound <= enough * np.abs(found.value)) | _is_flat(part, found)
        left = left[~good.reshape(len(good), -1).all(axis=1)]
        if not left.size:
            break
    shaped = zip(*(moved.shaped(part) for part in parts), strict=True)
    return {name: Estimates(*columns) for name, columns in zip(names, shaped, strict=True)}


def _parts(found: Differences) -> tuple[Array, ...]:
    return found.value, found.bound, found.left, found.right, found.kink


def _is_dear(moved: Sampled) -> bool:
    """Whether samples take so long that three step sizes are tried first: they prove ten digits where f is
    smooth and of the usual scale, with a fifth of the samples."""
    return len(moved.base) * operations(moved.tape.model) >= _DEAR


def _is_flat(part: _Part, found: Differences) -> Array:
    """Where f hardly moves, and only by its noise: larger and smaller steps show little more."""
    size = np.abs(part.base).reshape(-1, *(1,) * (found.bound.ndim - 1))
    change = found.bound * np.where(size == 0, 1.0, size)
    flat = change <= _FLAT * np.abs(part.moved.tape.of_node(part.moved.of))
    return np.asarray(flat & (np.abs(found.value) <= found.bound))


@dataclass(frozen=True)
class _Part:
    """Some of the entries."""

    moved: Sampled
    which: Array

    @property
    def base(self) -> Array:
        return self.moved.base[self.which]

    def __call__(self, which: Any, offsets: Array) -> Samples:
        return self.moved(self.which[which], offsets)


def _largest(rows: Array) -> Array:
    """Of each entry the value of largest size over the rows: what is added to it exactly is added to
    the others exactly too."""
    row = np.argmax(np.abs(rows), axis=0)
    return np.asarray(np.take_along_axis(rows, row[None], axis=0)[0])


@dataclass
class Sampled:
    """The function of the engine: `of` when single entries are moved. Subclasses say which."""

    tape: Tape
    of: Node

    base: Array = field(init=False)
    width: int = field(init=False)

    def pinned(self, entries: Array, offsets: Array) -> dict[int, Array]:
        """The nodes with one entry moved in each of `count` perturbations."""
        raise NotImplementedError

    def __call__(self, which: Any, offsets: Array) -> Samples:
        """Samples for the engine, as many entries at a time as memory allows; where nothing is moved,
        the value is known."""
        moves = offsets.any(axis=0)
        still = np.asarray(self.tape.of_node(self.of))
        values = np.array(np.broadcast_to(still, (*offsets.shape, *still.shape)))
        regular = np.ones(offsets.shape, dtype=bool)
        if moves.any():
            values[:, moves], inside, _ = self._sampled(which, offsets[:, moves])
            regular = np.ones((*offsets.shape, *inside.shape[2:]), dtype=bool)
            regular[:, moves] = inside
        return Samples(values, regular)

    def _sampled(self, which: Any, offsets: Array) -> tuple[Array, Array, Array]:
        samples = max(1, min(offsets.shape[1], _MOST_ENTRIES // self.width))
        most = max(1, _MOST_ENTRIES // (self.width * samples))
        lines = []
        for a in range(0, len(which), most):
            some, moves = which[a : a + most], offsets[a : a + most]
            columns = range(0, moves.shape[1], samples)
            parts = [self._some(some, moves[:, b : b + samples]) for b in columns]
            lines.append([np.concatenate(c, axis=1) for c in zip(*parts, strict=True)])
        values, regular, touched = (np.concatenate(c) for c in zip(*lines, strict=True))
        return values, regular, touched

    def _some(self, which: Any, offsets: Array) -> tuple[Array, Array, Array]:
        lead = offsets.shape
        entries = np.repeat(which, lead[1])
        varied = self.tape.vary(self.of, self.pinned(entries, offsets.reshape(-1)))
        return self.shaped_samples(varied, lead)

    def shaped_samples(self, varied: Varied, lead: tuple[int, int]) -> tuple[Array, Array, Array]:
        """Values, and what was crossed and touched, by (entries, samples)."""
        values = np.broadcast_to(varied.values, (lead[0] * lead[1], *varied.values.shape[1:]))
        values = values.reshape(*lead, *values.shape[1:])
        values = values if self.of.per_row else values[:, :, 0]
        regular = varied.regular.reshape(*lead, *varied.regular.shape[1:])
        spread = (1,) * (values.ndim - regular.ndim) if regular.ndim > 2 else ()
        return values, regular.reshape(*regular.shape, *spread), varied.touched.reshape(lead)

    def shaped(self, part: Array) -> list[Array]:
        """(entries, rows?, *of) in the shapes of the names."""
        raise NotImplementedError

    def on_border(self) -> Array:
        """For which entries a margin that is exactly zero moves off zero."""
        step = np.maximum(np.abs(self.base), 1e-3) * _PROBE
        offsets = np.stack([-step, step], axis=1)
        return np.asarray(self._sampled(np.arange(len(self.base)), offsets)[2].any(axis=1))


class _Moved(Sampled):
    """Entries of shared names: the entries of all nodes, one after the other."""

    def __init__(self, tape: Tape, of: Node, nodes: list[Node]) -> None:
        super().__init__(tape, of)
        self.nodes = nodes
        self.values = [np.asarray(tape.of_node(node)) for node in nodes]
        self.starts = np.cumsum([0, *(node.size for node in nodes)])
        self.base = np.concatenate([np.real(v).reshape(-1) for v in self.values]).astype(float)
        self.width = max(node.size for node in (of, *nodes))

    def pinned(self, entries: Array, offsets: Array) -> dict[int, Array]:
        """The nodes that have a moved entry."""
        found: dict[int, Array] = {}
        for node, value, start, stop in zip(
            self.nodes, self.values, self.starts[:-1], self.starts[1:], strict=True
        ):
            mine = np.flatnonzero((entries >= start) & (entries < stop))
            if len(mine):
                kind = np.result_type(value, offsets)
                flat = np.array(np.broadcast_to(value.reshape(-1), (len(entries), value.size)), kind)
                flat[mine, entries[mine] - start] += offsets[mine]
                found[node.index] = flat.reshape(len(entries), 1, *node.shape)
        return found

    def shaped(self, part: Array) -> list[Array]:
        """(entries, rows?, *of) as (rows?, *of, *by) for each node."""
        moved = np.moveaxis(part, 0, -1)
        return [
            moved[..., start:stop].reshape((*moved.shape[:-1], *node.shape))
            for node, start, stop in zip(self.nodes, self.starts[:-1], self.starts[1:], strict=True)
        ]


class _Chosen(_Moved):
    """Some entries of the nodes, by their places one after the other."""

    def __init__(self, tape: Tape, of: Node, nodes: list[Node], chosen: Array) -> None:
        super().__init__(tape, of, nodes)
        self.chosen = chosen
        self.base = self.base[chosen]

    def pinned(self, entries: Array, offsets: Array) -> dict[int, Array]:
        """The nodes that have a moved entry."""
        return super().pinned(self.chosen[entries], offsets)

    def shaped(self, part: Array) -> list[Array]:
        """(entries, rows?, *of) as (rows?, *of, entries)."""
        return [np.moveaxis(part, 0, -1)]


class _Along(Sampled):
    """Whole nodes that move together, one step in a direction being an entry."""

    def __init__(self, tape: Tape, of: Node, directions: Mapping[int, Array], scale: float) -> None:
        super().__init__(tape, of)
        self.nodes = [tape.model.graph.nodes[index] for index in directions]
        count = max(len(moves) for moves in directions.values())
        self.base = np.full(count, scale)
        self.ends = np.cumsum([node.size for node in self.nodes]).tolist()
        # entry by entry, so that the samples of one of thousands of single numbers lie side by side
        self.moves = np.concatenate([m.reshape(count, -1).T for m in directions.values()])
        self.still = np.concatenate([np.ravel(tape.of_node(node)) for node in self.nodes])[:, None]
        self.width = max(of.size, *(node.size for node in self.nodes), self.ends[-1] // _NAMES_AT_ONCE)

    def pinned(self, entries: Array, offsets: Array) -> dict[int, Array]:
        """All nodes, moved."""
        moved = self.still + self.moves[:, entries] * offsets
        starts, lead = [0, *self.ends], (len(entries), 1)
        return {
            node.index: moved[start:stop].T.reshape(*lead, *node.shape)
            for node, start, stop in zip(self.nodes, starts, self.ends, strict=False)
        }

    def shaped(self, part: Array) -> list[Array]:
        """(directions, rows?, *of) as (rows?, *of, directions)."""
        return [np.moveaxis(part, 0, -1)]


class _MovedRows(Sampled):
    """Entries of one per-row name: in all rows at once under a per-row value, because no row sees
    another; row by row, for the first rows, under a shared one."""

    def __init__(self, tape: Tape, of: Node, by: Node) -> None:
        super().__init__(tape, of)
        self.by = by
        self.value = np.asarray(tape.of_node(by))
        self.size, self.rows = by.size, len(self.value)
        self.each_row = not of.per_row
        moved = np.real(self.value[:MOST_ROWS] if self.each_row else _largest(self.value))
        self.base = moved.reshape(-1).astype(float)
        self.width = max(of.size, self.size) * self.rows

    def pinned(self, entries: Array, offsets: Array) -> dict[int, Array]:
        """The node with one entry moved, in one row or in all."""
        count, kind = len(entries), np.result_type(self.value, offsets)
        flat = self.value.reshape(1, self.rows, self.size)
        flat = np.array(np.broadcast_to(flat, (count, self.rows, self.size)), kind)
        at = np.arange(count)
        if self.each_row:
            flat[at, entries // self.size, entries % self.size] += offsets
        else:
            flat[at, :, entries] += offsets[:, None]
        return {self.by.index: flat.reshape(count, self.rows, *self.by.shape)}

    def shaped(self, part: Array) -> list[Array]:
        """(entries, rows?, *of) as (rows, *of, *by); rows that were not moved are nan."""
        moved = np.moveaxis(part, 0, -1)
        if not self.each_row:
            return [moved.reshape((*moved.shape[:-1], *self.by.shape))]
        missing = False if moved.dtype == bool else np.nan
        full = np.full((*moved.shape[:-1], self.rows * self.size), missing)
        full[..., : moved.shape[-1]] = moved
        full = full.reshape((*moved.shape[:-1], self.rows, *self.by.shape))
        return [np.moveaxis(full, len(self.of.shape), 0)]
