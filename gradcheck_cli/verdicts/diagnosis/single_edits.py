"""Reads a claim's formula and its claim samples. Gives the bench on which single edits of it are tried.

An edit puts another node in one place where the formula uses a node. All that are tried at one place are
evaluated together, on the first axis, up to the output. Knows nothing of which edits people need.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from enum import IntEnum, auto
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.evaluation.evaluate import compute
from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import Graph, Key, Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.primitives.record import Shape
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.verdicts.claims.claim_samples import ClaimSample
from gradcheck_cli.verdicts.diagnosis.formula_text import FormulaText

__all__ = ["Edit", "EditBench", "Rank", "Use"]

_SIGNS = {"add": "+", "sub": "-"}
_PARTS = {"add": "term", "sub": "term", "mul": "factor", "div": "divisor"}


class Rank(IntEnum):
    """How likely an edit is, the likeliest first: what changes one sign before what adds a term."""

    OTHER_NAME = auto()
    OTHER_FUNCTION = OTHER_NAME
    OTHER_SIGN = OTHER_NAME
    TURNED_ROUND = auto()
    SLOPE = auto()
    OTHER_NUMBER = auto()
    OTHER_BRACKETS = auto()
    ONE_TOO_MANY = OTHER_BRACKETS
    OTHER_OPERATOR = auto()
    NO_FUNCTION = auto()
    NUMBER_AS_FACTOR = NO_FUNCTION
    ONE_AS_TERM = auto()
    FUNCTION_LEFT_OUT = auto()
    NAME_FOR_NUMBER = FUNCTION_LEFT_OUT
    FACTOR = auto()
    DIVISOR = auto()
    TERM = auto()
    PART_OF_MODEL = auto()
    LONG_FACTOR = auto()


class Use(NamedTuple):
    """A place where a formula uses a node: the argument `place` of `user`, None for the output itself.

    `inner` is the node before it is repeated to a larger shape.
    """

    user: int | None
    place: int
    node: int
    inner: int


class Edit(NamedTuple):
    """Another node at one use; the simplest has the lowest rank. `text`: that of the new node where it is not
    what the node would be written as."""

    rank: Rank
    use: Use
    new: int
    text: Callable[[], str | None] | None = None


class EditBench:
    """The nodes of a formula, to which those of edits are added, with their values at one point."""

    def __init__(self, model: Model, sample: ClaimSample, limits: DiagnosisLimits) -> None:
        self.model, self.sample, self.graph, self.limits = model, sample, sample.formula, limits
        self.builder = Builder(rows_apart=False)
        self._made: dict[Any, int | None] = {}
        for node in self.graph.nodes:
            made = self.builder.copy(node, node.arguments)
            if node.is_leaf:
                self._made[node.key] = made
        self.nodes: list[Node] = self.builder.nodes
        self.count = len(self.nodes)
        self.output = self.graph.nodes[self.graph.output].index
        self.text = FormulaText(model, self.nodes, limits)
        self._values: dict[int, Array] = {}

    # -- nodes --------------------------------------------------------------------------------

    def apply(self, operation: str, *arguments: int | None, **options: Any) -> int | None:
        """A new node; None where an argument is missing, or the shapes do not fit."""
        if None in arguments:
            return None
        key = (operation, arguments, tuple(options.items()))
        if key not in self._made:
            try:
                self._made[key] = self.builder.apply(operation, arguments, options)  # type: ignore[arg-type]
            except ShapeError:
                self._made[key] = None
        return self._made[key]

    def copy(self, node: Node, arguments: Sequence[int | None]) -> int | None:
        """A node of another graph, with arguments of the shapes that its own have there."""
        if None in arguments:
            return None
        return self.builder.copy(node, arguments)  # type: ignore[arg-type]

    def literal(self, value: float) -> int:
        """A number without a sign."""
        return self.builder.literal(value, f"{value:.12g}")

    def number(self, value: float) -> int | None:
        """A number with its sign."""
        return self.literal(value) if value >= 0 else self.apply("neg", self.literal(-value))

    def leaf(self, key: Key, like: Node) -> int:
        """A name or a derivative, with the shape of another node."""
        if key not in self._made:
            self._made[key] = self.builder.leaf(key, like.shape, per_row=like.per_row, reduced=like.reduced)
        found = self._made[key]
        assert found is not None
        return found

    def names(self) -> list[int]:
        """The names of the model and the derivatives of the formula, as nodes."""
        model = self.model
        own = [n.index for n in self.graph.nodes if n.is_leaf and not isinstance(n.key, str)]
        return [*(self.leaf(name, model.node(name)) for name in (*model.inputs, *model.steps)), *own]

    def is_name(self, index: int) -> bool:
        """Whether a node is a name or a derivative."""
        return self.nodes[index].is_leaf

    def names_in(self, index: int) -> set[str]:
        """The names of the model that an expression mentions."""
        keys = (self.nodes[k].key for k in self._needed_by([index]) if self.nodes[k].is_leaf)
        return {key for key in keys if isinstance(key, str)}

    def uses(self) -> Iterator[Use]:
        """Every use of a node, the output's own first."""
        needed = self.graph.upstream([self.output])
        yield Use(None, 0, self.output, self.plain(self.output))
        for node in self.graph.nodes:
            if needed[node.index] and node.operation != "expand":
                for place, argument in enumerate(node.arguments):
                    yield Use(node.index, place, argument, self.plain(argument))

    def plain(self, index: int) -> int:
        """A node before it is repeated to a larger shape."""
        while self.nodes[index].operation == "expand":
            index = self.nodes[index].arguments[0]
        return index

    def edit(
        self, rank: Rank, use: Use, new: int | None, text: Callable[[], str | None] | None = None
    ) -> Iterator[Edit]:
        """The edit that puts a node at a use; none where there is no such node, or its shape does not fit."""
        fitted = None if new is None else self._fit(use, new)
        if fitted is not None:
            yield Edit(rank, use, fitted, text)

    def _fit(self, use: Use, new: int) -> int | None:
        wanted, made = self.nodes[use.node], self.nodes[new]
        if made.per_row and not wanted.per_row:
            return None
        if made.shape == wanted.shape:
            return new
        if not _repeats_to(made.shape, wanted.shape):
            return None
        return self.apply("expand", new, to=wanted.shape)

    # -- values -------------------------------------------------------------------------------

    def value(self, index: int) -> Array:
        """The value of a node at the point.

        Parameters
        ----------
        index : of the node on the bench

        Returns
        -------
        (1, rows, *shape) float64
        """
        if index in self._values:
            return self._values[index]
        for node in (self.nodes[k] for k in self._needed_by([index], self._values)):
            known = self.sample.leaf(node.key) if node.is_leaf else compute(node, self._values, FLOAT64)
            self._values[node.index] = known
        return self._values[index]

    def outputs(self, use: Use, new: Sequence[int]) -> Array:
        """What the formula is with each of several nodes at one use.

        Parameters
        ----------
        use : where they stand
        new : the nodes, in the shape that the use needs

        Returns
        -------
        (nodes, rows, *shape) float64
        """
        shape = self.nodes[use.node].shape
        values = [self.value(index) for index in new]
        rows = max(value.shape[1] for value in values)
        stacked = np.concatenate([np.broadcast_to(v, (1, rows, *shape)) for v in values])
        if use.user is None:
            return stacked
        moved: dict[int, Array] = {}
        for node in self._behind(use):
            given = [moved[a] if a in moved else self.value(a) for a in node.arguments]
            if node.index == use.user:
                given[use.place] = stacked
            moved[node.index] = node.primitive.forward(FLOAT64, *given, **node.options)
        return moved[self.output]

    def _behind(self, use: Use) -> list[Node]:
        """The nodes that change with what stands at a use, in order."""
        if use.user is None:
            return []
        reached, above = self.graph.downstream([use.user]), self.graph.upstream([self.output])
        return [n for n in self.graph.nodes[use.user :] if reached[n.index] and above[n.index]]

    def fitting(self, edits: Iterable[Edit], factors: Sequence[float]) -> list[list[Edit]]:
        """For each factor the edits that give so many times what is true at the point, the simplest first."""
        size = max(sum(n.size for n in self.graph.nodes) * (self.model.rows or 1), 1)
        most = min(self.limits.most_single_edits, self.limits.most_edit_entries // size)
        at: dict[Use, list[Edit]] = {}
        for edit in islice(edits, most):
            at.setdefault(edit.use, []).append(edit)
        found: list[list[Edit]] = [[] for _ in factors]
        for use, group in at.items():
            for fitting, factor in zip(found, self._near(use, group, factors), strict=True):
                fitting += [edit for edit, is_near in zip(group, factor, strict=True) if is_near]
        return [sorted(fitting, key=lambda edit: edit.rank) for fitting in found]

    @np.errstate(all="ignore")
    def _near(self, use: Use, edits: Sequence[Edit], factors: Sequence[float]) -> list[Array]:
        """For each factor whether the edits at a use give so many times what is true."""
        made = self.outputs(use, [edit.new for edit in edits])
        value = made if self.sample.per_row else made[:, 0]
        true = self.sample.true
        tolerance = self.limits.near * np.max(np.abs(true))
        return [
            (np.abs(value / factor - true) <= tolerance).reshape(len(value), -1).all(axis=1)
            for factor in factors
        ]

    def formula(self, edit: Edit, factor: float = 1.0) -> Graph:
        """The formula with an edit, times a factor."""
        behind = self._behind(edit.use)
        changed = {node.index for node in behind}
        todo = [edit.new, *(a for node in behind for a in node.arguments if a not in changed)]
        builder, kept, edited = Builder(rows_apart=False), dict[int, int](), dict[int, int]()
        for node in (self.nodes[k] for k in self._needed_by(todo)):
            kept[node.index] = builder.copy(node, [kept[a] for a in node.arguments])
        for node in behind:
            arguments = [edited[a] if a in edited else kept[a] for a in node.arguments]
            if node.index == edit.use.user:
                arguments[edit.use.place] = kept[edit.new]
            edited[node.index] = builder.copy(node, arguments)
        output = edited[self.output] if behind else kept[edit.new]
        if factor != 1.0:
            output = builder.apply("mul", (builder.literal(factor, repr(factor)), output))
        return builder.graph(output)

    def _needed_by(self, indices: Sequence[int], known: Container[int] = ()) -> list[int]:
        """These nodes and all that they are computed from, in order; nothing behind those that are known."""
        todo, found = list(indices), set[int]()
        while todo:
            index = todo.pop()
            if index not in found and index not in known:
                found.add(index)
                todo += self.nodes[index].arguments
        return sorted(found)

    # -- words --------------------------------------------------------------------------------

    def words(self, edit: Edit, *, is_made: bool = False) -> str:
        """What stands there and what belongs there; of a name or a number with what it stands in. `is_made`:
        the formula is right, and the edit makes what the author has."""
        use, inner = edit.use, self.nodes[edit.use.inner]
        old = self.text.of(use.inner)
        new = (edit.text and edit.text()) or self.text.of(edit.new)
        nodes = inner, self.nodes[self.plain(edit.new)]
        is_long = len(old) + len(new) > self.limits.longest_part
        if edit.text is None and use.user is not None and (inner.is_leaf or inner.is_literal):
            around = self.text.of(use.user)
            if len(around) <= self.limits.longest_part:
                old, new, is_long = around, self.text.with_argument(use.user, use.place, edit.new), False
        mine, right = (new, old) if is_made else (old, new)
        part = self._part(*(nodes[::-1] if is_made else nodes)) if is_long else None
        return part or f"has {mine} where {right} belongs"

    def _part(self, old: Node, new: Node) -> str | None:
        """The sign, the term or the factor that two long expressions differ in."""
        if old.operation in _SIGNS and new.operation in _SIGNS and new.arguments == old.arguments:
            mine, right = _SIGNS[old.operation], _SIGNS[new.operation]
            return f"has {mine} where {right} belongs before {self.text.of(old.arguments[1])}"
        for whole, part, is_lost in ((old, new, False), (new, old, True)):
            places = [k for k, a in enumerate(whole.arguments) if self.plain(a) == part.index]
            if whole.operation in _PARTS and places and len(whole.arguments) == 2:
                other = self.text.of(whole.arguments[1 - places[0]])
                what = f"the {_PARTS[whole.operation]} {other}"
                around = self.text.of(part.index)
                inside = f" in {around}" if len(around) <= self.limits.longest_part else ""
                return f"misses {what}{inside}" if is_lost else f"has {what} too many"
        return None


def _repeats_to(shape: Shape, wanted: Shape) -> bool:
    try:
        return np.broadcast_shapes(shape, wanted) == wanted
    except ValueError:
        return False
