"""Reads a Model. Gives its weight matrices and where they are used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from gradcheck_cli.model.graph import Graph, Node
from gradcheck_cli.model.model import Model, Step
from gradcheck_cli.numerics.limits.initialization import DEFAULTS, InitializationLimits

__all__ = ["Layout"]


@dataclass(frozen=True)
class _Factor:
    """A value made of weight matrices and no signal: a matrix, its transpose, a multiple, a product."""

    name: str  # the first of them
    transposed: bool = False
    count: int = 1
    changed: bool = False  # by more than being transposed or negated


@dataclass(frozen=True)
class _Use:
    """Where a matrix first enters a product: as which node, and whether its first axis is summed over."""

    node: int
    first_axis: bool
    depth: int  # of the product
    changed: bool


@dataclass
class Layout:
    """Which matrices enter products, and how many lie before each step: the same in every draw."""

    model: Model
    factors: dict[int, _Factor] = field(default_factory=dict)
    uses: dict[str, _Use] = field(default_factory=dict)
    depths: list[int] = field(default_factory=list)  # of every node
    limits: InitializationLimits = DEFAULTS

    def __post_init__(self) -> None:
        inputs = self.model.inputs.values()
        data = [i.node for i in inputs if i.kind != "param"]
        self.has_data = bool(data)
        self.fed = self.graph.downstream(data or [i.node for i in inputs])
        self.needed = self.graph.upstream([self.graph.names[self.model.loss]])
        self.factors.update({self.model.inputs[n].node: _Factor(n) for n in self.matrices})
        for node in self.graph.nodes:
            self._enter(node)

    @property
    def graph(self) -> Graph:
        """The model's graph."""
        return self.model.graph

    @cached_property
    def matrices(self) -> list[str]:
        """The parameters with two axes, in the order of the file."""
        return [p.name for p in self.model.parameters() if len(p.shape) == 2]

    def _enter(self, node: Node) -> None:
        given = [self.factors.get(a) for a in node.arguments]
        made = self._factor_of(node, given)
        if made is not None:
            self.factors[node.index] = made
        before = max((self.depths[a] for a in node.arguments), default=0)
        entering = [factor for factor in given if factor] if node.operation == "matmul" else []
        if entering and made is None:
            before += entering[0].count
        self.depths.append(before)
        if entering and self.needed[node.index]:
            self._use(node, given, max(before, 1))

    def _use(self, node: Node, given: Sequence[_Factor | None], depth: int) -> None:
        for position, factor in enumerate(given):
            if factor is not None:
                summed_first = (position == 1) is not factor.transposed
                use = _Use(node.arguments[position], summed_first, depth, factor.changed)
                self.uses.setdefault(factor.name, use)

    def _factor_of(self, node: Node, given: Sequence[_Factor | None]) -> _Factor | None:
        """What matrix a node is a form of; None if it is a signal."""
        found = [factor for factor in given if factor is not None]
        others = [a for a, factor in zip(node.arguments, given, strict=True) if factor is None]
        if not found:
            return None
        first = found[0]
        if node.operation in ("identity", "neg"):
            return first
        if node.operation == "transpose":
            return replace(first, transposed=not first.transposed)
        if node.operation == "matmul":  # without data, one of two matrices is the input
            both = self.has_data and not others
            return replace(first, count=sum(f.count for f in found), changed=True) if both else None
        if node.operation in ("mul", "div"):
            return replace(first, changed=True) if all(map(self._is_plain, others)) else None
        added = node.operation in ("add", "sub") and not any(self.fed[a] for a in others)
        return replace(first, changed=True) if added else None

    def _is_plain(self, index: int) -> bool:
        """Whether a value may multiply a matrix without making it a signal: a number, a mask."""
        node = self.graph.nodes[index]
        if node.operation == "expand" and not self.graph.nodes[node.arguments[0]].shape:
            node = self.graph.nodes[node.arguments[0]]
        return node.is_leaf or not self.fed[index]

    # -- steps --------------------------------------------------------------------------------

    @cached_property
    def steps(self) -> list[Step]:
        """The steps that are measured, in the order of the file."""
        return [s for s in self.model.steps.values() if not self.why_left_out(s)]

    def why_left_out(self, step: Step) -> str:
        """Why a step is not measured; empty if it is."""
        node = self.graph.nodes[step.node]
        if step.name == self.model.loss:
            return "the loss"
        if not self.needed[step.node]:
            return "not on the way to the loss"
        if step.node in self.factors or not (self.fed[step.node] or self.depths[step.node]):
            return "made of parameters only"
        size = node.size * ((self.model.rows or 0) if node.per_row else 1)
        return "single numbers" if size < 2 else ""

    def depth(self, step: Step) -> int:
        """How many weight matrices lie on the longest path to a step."""
        return self.depths[step.node]

    @cached_property
    def behind_matrices(self) -> list[int]:
        """The place of the first step behind each further weight matrix: one for every depth from 1 on.

        What follows it at the same depth (an activation, a residual) is of another kind, and a line
        through both would bend.
        """
        first: dict[int, int] = {}
        for place, step in enumerate(self.steps):
            if self.depth(step):
                first.setdefault(self.depth(step), place)
        return [first[k] for k in sorted(first)]

    def fans(self, name: str) -> tuple[int, int]:
        """(fan_in, fan_out): how many values are added up, and how many results there are."""
        first, last = self.model.inputs[name].shape
        use = self.uses.get(name)
        return (first, last) if use is not None and use.first_axis else (last, first)

    @cached_property
    def narrowness(self) -> float:
        """The sum of 1/n_j over the layers; of several products at one depth the narrowest counts."""
        widths: dict[int, int] = {}
        for name, use in self.uses.items():
            width = self.fans(name)[1]
            widths[use.depth] = min(width, widths.get(use.depth, width))
        return sum(1 / width for width in widths.values())
