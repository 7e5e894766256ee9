"""Reads claims that are numbers, with their results, at the given point. Gives whose convention they are.

A library's rule takes the place of a function's own in a backward pass; a claim whose numbers are what comes
out is that library's. Where a function has no derivative that is a convention, elsewhere a known fault. No
verdict is changed. Knows nothing of how claims are judged.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck_cli.derivatives.backprop.reverse_mode import Rule, Slip, derivative
from gradcheck_cli.evaluation.tape import Tape
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Claim, Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.claims import ClaimsLimits
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict
from gradcheck_cli.verdicts.conventions.table import CONVENTIONS, FAULTS, Convention, Site, another

__all__ = ["name_conventions"]

_Choice = Mapping[str, Convention]  # for each function the convention that a program follows
_Arguments = Sequence[tuple[Node, int]]  # nodes, with the places of their arguments


def name_conventions(
    model: Model, claims: Sequence[Claim], results: Sequence[ClaimResult], tape: Tape, limits: ClaimsLimits
) -> list[ClaimResult]:
    """The results, with whose convention the numbers are, where they are a known one.

    Parameters
    ----------
    model, tape : the graph, and its values at the given point
    claims, results : of derivatives, and how they fared, in one order
    limits : how near a number has to be, and how many combinations are tried

    Returns
    -------
    list of ClaimResult
        Those at a KINK and WRONG ones may have a longer note; nothing else is another.
    """
    found, groups = list(results), dict[str, list[int]]()
    functions = {node.operation for node in model.graph.nodes}
    if not any(convention.function in functions for convention in (*CONVENTIONS, *FAULTS)):
        return found
    for k, (claim, result) in enumerate(zip(claims, results, strict=True)):
        is_told = result.verdict in (Verdict.KINK, Verdict.WRONG)
        if is_told and claim.numbers is not None and not claim.target.is_value:
            groups.setdefault(claim.target.of, []).append(k)
    for of, numbers in groups.items():
        program = _Program(model, tape, of, [claims[k] for k in numbers], limits)
        for k, at_kink, fault in zip(numbers, program.conventions, program.faults, strict=True):
            said = at_kink or (fault if results[k].verdict is Verdict.WRONG else "")
            if said:
                found[k] = replace(found[k], note="; ".join(filter(None, (found[k].note, said))))
    return found


@dataclass(frozen=True)
class _Program:
    """Claims that one program makes of one step, and what the libraries make of these derivatives."""

    model: Model
    tape: Tape
    of: str
    claims: Sequence[Claim]
    limits: ClaimsLimits

    @cached_property
    def conventions(self) -> list[str]:
        """Whose convention each claim is; empty where it is none. A program follows one, so that claims which
        leave it open are told what the others say."""
        known = self._places_of(CONVENTIONS)
        known = {f: [*few, another(few[0])] if len(few) == 1 else few for f, few in known.items()}
        count = int(np.prod([len(few) for few in known.values()], dtype=float))
        if not known or count > self.limits.most_conventions:
            return [""] * len(self.claims)
        choices = [dict(zip(known, chosen, strict=True)) for chosen in itertools.product(*known.values())]
        predicted = [self._predict(choice) for choice in choices]
        fitting = [self._fitting([p[k] for p in predicted], claim) for k, claim in enumerate(self.claims)]
        together = set.intersection(*(few for few in fitting if few)) if any(fitting) else set()
        chosen = [few & together or few for few in fitting]
        return [_spell(known, [choices[k] for k in sorted(few)]) for few in chosen]

    def _fitting(self, predicted: Sequence[Array], claim: Claim) -> set[int]:
        """Which predictions a claim meets, in the entries in which they differ."""
        claimed = _numbers_of(claim, predicted[0].shape)
        if claimed is None:
            return set()
        with np.errstate(all="ignore"):
            gap = np.max(predicted, axis=0) - np.min(predicted, axis=0)
            telling = gap > self._tolerance(claim, claimed, np.asarray(predicted))
            off = [np.abs(claimed - p)[telling] for p in predicted]
            near = [self._tolerance(claim, claimed, p)[telling] for p in predicted]
        if not telling.any():
            return set()
        return {k for k, (a, b) in enumerate(zip(off, near, strict=True)) if (a <= b).all()}

    @cached_property
    def faults(self) -> list[str]:
        """Which library is known for the numbers of each claim; empty where none is."""
        found = [""] * len(self.claims)
        met = [fault for few in self._places_of(FAULTS).values() for fault in few]
        right = self._predict({}) if met else []
        for fault in met:
            wrong = self._predict({fault.function: fault})
            for k, claim in enumerate(self.claims):
                if not found[k] and self._is_fault(claim, wrong[k], right[k]):
                    are = "are" if len(fault.who) > 1 else "is"
                    found[k] = f"{_list_names(fault.who)} {are} known for it: {fault.at}"
        return found

    def _is_fault(self, claim: Claim, wrong: Array, right: Array) -> bool:
        """Whether numbers are what the fault makes of them, far nearer to that than to what is right."""
        claimed = _numbers_of(claim, right.shape)
        if claimed is None:
            return False
        with np.errstate(all="ignore"):
            off = np.abs(wrong - right)
            told = off > self.limits.same * np.abs(right)
            slack = np.where(told, self.limits.same_fault * off, self._tolerance(claim, claimed, wrong))
            near = np.abs(claimed - wrong) <= slack
        return bool(told.any() and near.all())

    # -- what the libraries make of it --------------------------------------------------------

    def _places_of(self, table: Sequence[Convention]) -> dict[str, list[Convention]]:
        """The records whose places this point meets, by function."""
        found: dict[str, list[Convention]] = {}
        for convention in table:
            if any(self._is_met(convention, node, k) for node, k in self._arguments(convention.function)):
                found.setdefault(convention.function, []).append(convention)
        return found

    def _arguments(self, function: str) -> _Arguments:
        """The nodes of a function on the way to the derivatives, with the places of their arguments."""
        graph = self.model.graph
        up = graph.upstream([self.model.node(self.of).index])
        down = graph.downstream([self.model.node(claim.target.by).index for claim in self.claims])
        nodes = [n for n in graph.nodes if n.operation == function and up[n.index]]
        return [(node, k) for node in nodes for k, argument in enumerate(node.arguments) if down[argument]]

    def _is_met(self, convention: Convention, node: Node, place: int) -> bool:
        value, *arguments = (self._value(k) for k in (node.index, *node.arguments))
        site = Site(node, place, np.ones_like(value), value, arguments, arguments[place])
        with np.errstate(all="ignore"):
            return bool(np.any(convention.where(site)))

    def _value(self, index: int) -> Array:
        """That of a node, (1, rows or 1, *shape)."""
        node = self.model.graph.nodes[index]
        value = np.asarray(self.tape.of_node(node))
        return value[None] if node.per_row else value[None, None]

    def _predict(self, choice: _Choice) -> list[Array]:
        """The claimed derivatives as a program gives them that follows these conventions."""
        slips = {
            (node.index, place): _slip(node, place, convention)
            for convention in choice.values() for node, place in self._arguments(convention.function)
        }  # fmt: skip
        targets = [claim.target for claim in self.claims]
        found = derivative(self.model, self.tape, self.of, {target.by for target in targets}, slips)
        wholes = [found[target.by] for target in targets]
        return [_entry(whole, target.index) for whole, target in zip(wholes, targets, strict=True)]

    def _tolerance(self, claim: Claim, claimed: Array, predicted: Array) -> Array:
        """How far a number may be from what a library gives: the digits of float32, and those not written."""
        written = 0.0 if claim.half_units is None else claim.half_units
        size = max(float(np.abs(part).max(initial=0.0)) for part in (claimed, predicted))
        return np.broadcast_to(self.limits.same_convention * size + written, claimed.shape)


def _entry(whole: Array, index: tuple[int, ...] | None) -> Array:
    key: Any = (..., *(index or ()))
    return whole if index is None else np.asarray(whole[key])


def _numbers_of(claim: Claim, shape: tuple[int, ...]) -> Array | None:
    """The numbers of a claim; None where they have another layout."""
    numbers = np.asarray(claim.numbers, dtype=float)
    return numbers if numbers.shape == shape else None


def _slip(node: Node, place: int, convention: Convention) -> Slip:
    """What the library passes on, in the places that are meant."""

    def slip(right: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]) -> Array:
        own = np.asarray(right(adjoint, value, arguments))
        site = Site(node, place, adjoint, value, arguments, own)
        found = np.asarray(np.where(convention.where(site), convention.part(site), own))
        return found if found.shape == own.shape else own

    return slip


# ---------------------------------------------------------------------------------------------
# What is said
# ---------------------------------------------------------------------------------------------


def _spell(known: Mapping[str, Sequence[Convention]], fitting: Sequence[_Choice]) -> str:
    """Who gives it so, and where: libraries that do so at all functions, else those of each function."""
    chosen = {f: [c for c in few if any(choice[f] is c for choice in fitting)] for f, few in known.items()}
    told = {f: few for f, few in chosen.items() if few and _matters(f, known[f], fitting)}
    if not told or any(not c.who for few in told.values() for c in few):
        return ""
    if len(told) > 1:
        common = [_libraries([choice[f] for f in told]) for choice in fitting]
        names = list(dict.fromkeys(name for few in common for name in few))
        if names:
            return _say(names, " and ".join(few[0].at for few in told.values()))
    return " and ".join(_say([n for c in few for n in c.who], few[0].at) for few in told.values())


def _matters(function: str, few: Sequence[Convention], fitting: Sequence[_Choice]) -> bool:
    """Whether it makes a difference which convention a program follows at a function."""
    others = {tuple(c for f, c in choice.items() if f != function) for choice in fitting}
    return len(fitting) < len(others) * len(few)


def _libraries(conventions: Sequence[Convention]) -> list[str]:
    """Those that follow all of these conventions, in some spelling."""
    first, *others = ([name.partition(" (")[0] for name in c.who] for c in conventions)
    return [name for name in dict.fromkeys(first) if all(name in other for other in others)]


def _say(names: Sequence[str], at: str) -> str:
    names = list(dict.fromkeys(names))
    return f"as {_list_names(names)} {'give' if len(names) > 1 else 'gives'} it at {at}"


def _list_names(names: Sequence[str], most: int = 4) -> str:
    """ "torch, jax and casadi"; of many the first, and how many more there are."""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} others"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
