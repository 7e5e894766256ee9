"""Reads a lowered Program and a point. Gives truth: derivatives at 50 digits, and rounding bounds.

Two ways that must agree: SymPy's partials accumulated in REVERSE over the program, and differences of
the forward pass at 140 digits. The rounding bound says what a RIGHT float64 program may be off by: the
same reverse accumulation in float64 with every operation's result jittered by a relative 2^-46, scaled
back; the terms of a sum are jittered one by one, and the values are those of the operations in the
author's own order, so that cancellation is seen where SymPy's forms have none (stochastic arithmetic,
Vignes 1993). Knows nothing of vjps and of verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from gradcheck_cli.derivatives.symbolic.program import Program, lower
from gradcheck_cli.evaluation.borders import jumps_before
from gradcheck_cli.evaluation.evaluate import distances, margins
from gradcheck_cli.model.graph import Graph, Key, Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.point_values import PointValues
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64, Float64
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS
from gradcheck_cli.numerics.limits.reference import ReferenceLimits
from gradcheck_cli.numerics.machine import EPS
from gradcheck_cli.numerics.multiprecision import High
from gradcheck_cli.numerics.namespace import Namespace
from gradcheck_cli.reference.exact_differences import ExactDifferences
from gradcheck_cli.reference.jittered_arithmetic import Jittered, bound, bound_of_both
from gradcheck_cli.reference.operation_errors import local_errors
from gradcheck_cli.reference.program_pass import Pass, Users
from gradcheck_cli.reference.stochastic_rounding import formula_rounding, jittered_pass, unmeasured_rounding
from gradcheck_cli.reference.symbolic_reverse_mode import Reverse

__all__ = ["Referee"]

_DOUBLE = SIGNIFICANDS["float64"]
_LIMITS = ReferenceLimits()


class Referee(ExactDifferences):
    """Truth about one model, as far as the budget reaches. Nothing is kept beyond the object.

    Whatever is computed at high precision is paid for first, and may raise BudgetSpent.
    """

    def for_model(self, model: Model) -> Referee:
        """The referee of another model in the same run: the same budget, limits and meter."""
        return Referee(
            lower(model, limits=self.program.limits), self.budget,
            limits=self.limits, evaluation=self.evaluation, numerics=self.numerics, meter=self.meter,
        )  # fmt: skip

    def affords(self, seeds: int = 1) -> bool:
        """Whether a derivative at 50 digits is a small part of the budget: whether the model is one for high
        precision. Whether it can still be paid for shows when it is asked for."""
        return seeds <= self.afforded

    @property
    def afforded(self) -> int:
        """How many derivatives that is true of together."""
        held = self.held * self.numerics.bytes_at_high_precision
        if held > self.numerics.memory << 20:
            return 0
        return max(self.budget.most, self.numerics.budget) // self.limits.share // self.work

    # -- the first way: partials in reverse ---------------------------------------------------

    def derivative(
        self, point: Mapping[str, Array], of: str, by: Iterable[str], m: Namespace | None = None
    ) -> dict[str, Array]:
        """d of/d name at high precision.

        Parameters
        ----------
        point : name to float64 array
        of : a step
        by : names of inputs or steps
        m : the namespace of high precision; 50 digits by default

        Returns
        -------
        dict of str to (rows?, *of, *name) arrays, dtype object
            In units of `of` per unit of the name.

        Raises
        ------
        KeyError
            If the model has no such name.
        """
        target = self.model.node(of)
        reverse = self._reverse(point, target, m or self.high)
        return {name: reverse.by(self.model.node(name)) for name in by}

    def covers(
        self, point: PointValues, wanted: Mapping[str, Sequence[str]], m: High, *, values: bool
    ) -> bool:
        """Whether the budget reaches for derivatives of steps by names that are not known yet at a point, and
        with `values` for a forward pass before them. Nothing is computed."""
        operations = self.work if values else 0
        if wanted and (point, m) not in self._passes:
            operations += self.work
        forgets = len(self._recent) + len(wanted) > self._capacity
        for of, names in wanted.items():
            node = self.model.node(of)
            targets = [self.program.of_node[self.model.node(name).index] for name in names]
            reverse = None if forgets else self._recent.get((point, node.index, m))
            for seed in range(math.prod(node.shape)):
                known = {} if reverse is None else reverse.by_seed.get(seed, {})
                operations += self._users.price(targets, self.program.of_node[node.index], known)
        return self.budget.covers(operations, m.context.dps)

    def _reverse(self, point: Mapping[str, Array], of: Node, m: Namespace) -> Reverse:
        """The adjoints of one step at one point; the last few are kept for the next name."""
        values = PointValues.of(point)
        at, key = self._pass_at(values, m), (values, of.index, m)
        if key not in self._recent:
            self._drop_oldest(self._recent)
            self._recent[key] = Reverse(at, of)
        return self._recent[key]

    def _pass_at(self, point: PointValues, m: Namespace) -> Pass:
        """The values at one point, which the adjoints of all steps share."""
        key = (point, m)
        if key not in self._passes:
            self._drop_oldest(self._passes)
            self.pay(m)
            as_written = m is FLOAT64 or isinstance(m, Jittered)
            users = self._users_apart if as_written else self._users
            self._passes[key] = Pass(users.program, point, m, users, self._pay, self.limits, self.numerics)
        return self._passes[key]

    def pass_with(self, point: PointValues, m: Namespace, overrides: Mapping[int, Array]) -> Pass:
        """The values of the author's own operations at one point, with other values for some items.

        Parameters
        ----------
        point : the values of the inputs
        m : the namespace to compute in
        overrides : item of the program `apart` to array of `m`, (1, rows or 1, *shape)

        Returns
        -------
        passed : all values, for a pass in reverse
        """
        self.pay(m)
        users = self._users_apart
        return Pass(users.program, point, m, users, self._pay, self.limits, self.numerics, overrides)

    def _drop_oldest(self, kept: dict[Any, Any]) -> None:
        """Let go of what was found first. Of a small model more is kept: claims go from point to point, and
        what is forgotten in between is computed again for each of them."""
        while len(kept) >= self._capacity:
            kept.pop(next(iter(kept)))

    @cached_property
    def _capacity(self) -> int:
        limits = self.limits
        least = limits.most_recent if self.held <= limits.few_held else limits.few_recent
        return max(least, limits.most_kept // self.held)

    @cached_property
    def _users(self) -> Users:
        return Users(self.program)

    @cached_property
    def _users_apart(self) -> Users:
        return Users(self.apart)

    @cached_property
    def apart(self) -> Program:
        """The program for rounding: SymPy's simplifications would hide what the author's cancels."""
        return lower(self.model, apart=True, limits=self.program.limits)

    @cached_property
    def _recent(self) -> dict[tuple[PointValues, int, Namespace], Reverse]:
        return {}

    @cached_property
    def _passes(self) -> dict[tuple[PointValues, Namespace], Pass]:
        return {}

    @property
    def _jittered_samples(self) -> int:
        return min(self.limits.samples, max(2, self.limits.most_jittered // self.held))

    @property
    def samples(self) -> int:
        """From how many a rounding bound is made, with the one that is not jittered."""
        return 1 + self._jittered_samples

    @cached_property
    def _jitter(self) -> Jittered:
        return Jittered(self._jittered_samples, self.limits.jitter_seed, reference=self.limits)

    @cached_property
    def _finer_jitter(self) -> Jittered:
        limits = self.limits
        return Jittered(self._jittered_samples, limits.finer_seed, limits.finer_jitter, reference=limits)

    @cached_property
    def _narrow_jitter(self) -> Jittered:
        limits = self.limits
        return Jittered(self._jittered_samples, limits.narrow_seed, narrow=True, reference=limits)

    def formula_rounding(
        self, graph: Graph, leaves: Mapping[Key, Array], tolerance: Mapping[Key, Array]
    ) -> Array:
        """What a formula in float64 may be off by where its leaves are off.

        Parameters
        ----------
        graph : the formula
        leaves : key of the leaf to (1, rows or 1, *shape) float64
        tolerance : key of the leaf to an array of that shape: by how much it may be off

        Returns
        -------
        (rows or 1, *shape) float64, in the unit of the formula
        """
        return formula_rounding(graph, self.model.rows, leaves, tolerance, self._jitter)

    def jitters(self) -> bool:
        """Whether the model is small enough for the rounding of derivatives to be measured."""
        return self.jitters_values() and len(self.program.items) <= self.limits.most_stations

    def jitters_values(self) -> bool:
        """Whether it is small enough for that of values."""
        return 2 * self.held <= self.limits.most_jittered

    # -- rounding -----------------------------------------------------------------------------

    def rounding(
        self, point: Mapping[str, Array], of: str, by: Iterable[str], *, bits: int = _DOUBLE
    ) -> dict[str, Array]:
        """What a right program may be off by in d of/d name, entry by entry.

        Parameters
        ----------
        point : name to float64 array
        of : a step
        by : names of inputs or steps
        bits : of the significand in which the program computes; float32 has 24

        Returns
        -------
        dict of str to (rows?, *of, *name) float64 arrays, absolute
            inf where it is not known.
        """
        names = list(by)
        target = self.model.node(of)
        if not self.jitters():
            plain = self._reverse(point, target, FLOAT64)
            parts = ((name, plain.by(self.model.node(name))) for name in names)
            return {n: unmeasured_rounding(part, bits, limits=self.limits) for n, part in parts}
        wider = 2.0 ** (_DOUBLE - bits)
        jitters = (self._jitter, self._finer_jitter) if bits == _DOUBLE else (self._narrow_jitter,)
        found: dict[str, Array] = {}
        with np.errstate(all="ignore"):
            for name, node in ((name, self.model.node(name)) for name in names):
                sampled = ((self._reverse(point, target, j).samples(node), j) for j in jitters)
                found[name] = wider * bound_of_both(sampled, 1, partial(self._is_off_kinks, point, target))
        return found

    def rounding_is_linear(self, point: Mapping[str, Array], of: str, name: str | None) -> Array:
        """Where a rounding bound may be scaled back to the unit of float64: where smaller perturbations give
        the same one. sin(1e30) is another number however small they are.

        Parameters
        ----------
        point : name to float64 array
        of : a step
        name : of an input or step; None for the value of the step itself

        Returns
        -------
        (rows?, *of, *name) bool, or (rows?, *of)
            True where rounding is not measured.
        """
        target = self.model.node(of)
        measured = self.jitters() if name else self.jitters_values()
        first, second = (self._jitter, self._finer_jitter) if measured else (FLOAT64, FLOAT64)
        given = [np.asarray(self._samples(point, target, name, m)) for m in (first, second)]
        if not measured:
            return np.ones(given[0].shape[1:], dtype=bool)
        rounding, finer = bound(given[0], self._jitter, 1), bound(given[1], self._finer_jitter, 1)
        return np.asarray(~(finer > self.limits.linear * rounding))

    def _samples(self, point: Mapping[str, Array], of: Node, name: str | None, m: Float64) -> Array:
        """Of the derivative by a name, or of the value itself: (samples, rows?, ...)."""
        if name:
            return self._reverse(point, of, m).samples(self.model.node(name))
        values = jittered_pass(self.model, point, m)[of.index]
        return np.asarray(values[:, slice(None) if of.per_row else 0])

    def _is_off_kinks(self, point: Mapping[str, Array], of: Node) -> bool:
        return not jumps_before(self.model.graph, of) and not self.nodes_across_kinks(point)

    @cached_property
    def can_jump(self) -> bool:
        """Whether there are functions whose values jump."""
        return jumps_before(self.model.graph, *self.model.graph.nodes)

    def nodes_across_kinks(self, point: Mapping[str, Array]) -> list[Node]:
        """Nodes with a kink so near that rounding may put a right float64 program on its other side.

        Parameters
        ----------
        point : name to float64 array

        Returns
        -------
        list of Node
            Empty where rounding is not measured.
        """
        graph = self.model.graph
        if not self.jitters():
            return []
        tape = self.forward(point, FLOAT64)
        plain = {node.index: tape.with_both_axes(node) for node in graph.nodes}
        there = distances(graph, plain, FLOAT64)
        if not there:
            return []
        moved = distances(graph, self._jittered_values(point), FLOAT64)
        found = []
        with np.errstate(all="ignore"):
            for (node, base), (_, near) in zip(there, moved, strict=True):
                spread = np.max(np.abs(near - base), axis=0)
                if np.any(np.abs(base[0]) < self.limits.safety * spread * (EPS / self.limits.jitter)):
                    found.append(node)
        return found

    def nodes_on_other_sides(self, point: Mapping[str, Array]) -> list[Node]:
        """Nodes with a kink or jump on another side of which float64 stands than the decimals do: 0.3 - 0.1
        - 0.2 is 0, and below 0 in float64.

        Parameters
        ----------
        point : name to float64 array

        Returns
        -------
        list of Node

        Raises
        ------
        BudgetSpent
        """
        graph = self.model.graph
        tapes = self.forward(point, FLOAT64), self.tape(point, self.high)
        plain, exact = ({n.index: tape.with_both_axes(n) for n in graph.nodes} for tape in tapes)
        first, second = margins(graph, plain, FLOAT64, of="kink"), margins(graph, exact, self.high, of="kink")
        pairs = zip(first, second, strict=True)
        return [node for (node, a), (_, b) in pairs if np.any(_signs(a) != _signs(b))]

    def _jittered_values(self, point: Mapping[str, Array]) -> dict[int, Array]:
        return jittered_pass(self.model, point, self._jitter, local_errors(self.model, point, self.limits))

    def value_rounding(
        self, point: Mapping[str, Array], names: Sequence[str], *, doubles: bool = False
    ) -> dict[str, Array]:
        """What a right program may be off by in the values of steps, at this point and beside it, where
        nothing is exact.

        Parameters
        ----------
        point : name to float64 array
        names : of steps
        doubles : whether the point is what the doubles say, and not their decimals

        Returns
        -------
        dict of str to (*shape) or (N, *shape) float64 arrays, absolute
        """
        if not self.jitters_values():
            tape = self.forward(point, FLOAT64)
            return {name: unmeasured_rounding(tape.value(name), limits=self.limits) for name in names}
        passes: dict[Jittered, Any] = {}

        def sampled(node: Node) -> Iterator[tuple[Array, Jittered]]:
            for jitter in (self._jitter, self._finer_jitter):
                if jitter not in passes:
                    passes[jitter] = jittered_pass(self.model, point, jitter, doubles=doubles)
                yield passes[jitter][node.index][:, slice(None) if node.per_row else 0], jitter

        with np.errstate(all="ignore"):
            off_kinks = {name: partial(self._is_off_kinks, point, self.model.node(name)) for name in names}
            return {n: bound_of_both(sampled(self.model.node(n)), 2, off) for n, off in off_kinks.items()}


def _signs(values: Array) -> Array:
    """Of numbers of any kind, as integers: their range may be far beyond that of float64."""
    positive, negative = np.asarray(values > 0, dtype=int), np.asarray(values < 0, dtype=int)
    return np.asarray(positive - negative)
