"""Reads a traced model and the gradients that a program gives at several points. Gives the mistake that makes
them: what was held constant, overwritten, or lacks a factor; in the words of the program.

Backprop is run with one mistake at a time; one is told only if it makes the numbers at every point, and
leaves what is right as it is. Knows nothing of how programs are called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations, islice

import numpy as np

from gradcheck_cli.derivatives.backprop.reverse_mode import Rule, Slip
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.programs.observations import Observed

__all__ = ["find_mistake"]

_PRODUCTS = ("mul", "div", "pow", "dot", "sqrt", "exp", "log")
_OPPOSITE = {-1: "multiplies", 1: "divides"}
Slips = Mapping[tuple[int, int], Slip]
Mistake = tuple[Slips, str]


def find_mistake(
    seen: Observed, places: Sequence[str], names: Mapping[str, str]
) -> tuple[list[str], str] | None:
    """The first mistake that makes the wrong numbers, all or some of them.

    Parameters
    ----------
    seen : the gradients at several points
    places : of each line of the model, the line of the program, FILE.py:14; empty where it has none
    names : of the model's steps and data, the program's variables

    Returns
    -------
    names, text
        Whose gradients it explains, and the sentence.
    """
    model = seen.model
    if len(model.graph.nodes) > seen.limits.most_nodes:
        return None
    best: tuple[list[str], str] | None = None
    shifts = _shifts(seen)
    for slips, text in islice(_mistakes(model, places, names), seen.limits.most_tried):
        explained = _explained(seen, {**shifts, **slips})
        if explained and (best is None or len(explained) > len(best[0])):
            best = explained, text
        if best and len(best[0]) == len(seen.wrong):
            break
    return best


def _shifts(seen: Observed) -> Slips:
    """Uses of largest entries that bring nothing, as in s - max(s) of a softmax: few differentiate them."""
    nodes, sample = seen.model.graph.nodes, seen.samples[0]
    largest = {n.index for n in nodes if len(n.arguments) == 1 and n.primitive.function == "max"}
    slips: Slips = {(n.index, k): _nothing for n in nodes for k, a in enumerate(n.arguments) if a in largest}
    if not slips:
        return {}
    found = sample.gradient(sample.claimed, slips)
    apart = max(float(np.max(np.abs(found[n] - t), initial=0.0)) for n, t in sample.true.items())
    size = max(float(np.max(np.abs(t), initial=0.0)) for t in sample.true.values())
    return slips if apart <= seen.limits.same * size else {}


def _explained(seen: Observed, slips: Slips) -> list[str]:
    """The wrong names whose numbers a mistake makes at every point; none, if it changes a right one."""
    first = seen.samples[0]
    made = first.gradient(first.claimed, slips)
    found = [name for name in seen.wrong if first.is_near(name, made[name], seen.limits)]
    if not found:
        return []
    later = [sample.gradient(found, slips) for sample in seen.samples[1:]]
    return [name for name in found if seen.are_made([name], [made, *later])]


def _mistakes(model: Model, places: Sequence[str], names: Mapping[str, str]) -> Iterator[Mistake]:
    about = _About(model, places, names)
    yield from about.overwritten()
    yield from about.carried()
    yield from about.held()
    yield from about.factors()


class _About:
    """The graph of a model, with the program's names and lines."""

    def __init__(self, model: Model, places: Sequence[str], names: Mapping[str, str]) -> None:
        self.model, self.places, self.names = model, places, names
        reached = model.graph.upstream([model.node(model.loss).index])
        self.nodes = [n for n in model.graph.nodes if reached[n.index]]
        self.live = model.graph.downstream([p.index for p in self._parameters()])
        self.step_of = {step.node: name for name, step in model.steps.items()}

    def _parameters(self) -> list[Node]:
        return [self.model.node(item.name) for item in self.model.parameters()]

    def place(self, node: Node) -> str:
        """The line of the program that computes a node."""
        number = self.model.step_around(node.index).line
        return self.places[number - 1] if 0 < number <= len(self.places) else ""

    def edges(self, index: int) -> list[tuple[Node, int]]:
        """Where a node is used: the nodes, and the place of the argument."""
        return [(n, k) for n in self.nodes for k, a in enumerate(n.arguments) if a == index]

    def overwritten(self) -> Iterator[Mistake]:
        """What is chosen twice of a parameter, and its adjoint written, not added."""
        from gradcheck_cli.verdicts.diagnosis.overwritten_entries import overwrite

        for node in self._parameters():
            users = [n for n, k in self.edges(node.index) if not k and n.operation in ("take", "take_pairs")]
            if users:
                named = self.names_of(node)
                text = f"keeps the last of what is chosen twice of {named}, where all of it adds up"
                slips = {(n.index, 0): partial(overwrite, n) for n in users}
                yield slips, f"{text} ({self.place(users[0])})"

    def names_of(self, node: Node) -> str:
        """The program's name of an input or step."""
        while node.operation in ("expand", "identity") and node.index not in self.step_of:
            node = self.model.graph.nodes[node.arguments[0]]
        named = next((name for name, index in self.model.graph.names.items() if index == node.index), "")
        return self.names.get(named, named)

    def carried(self) -> Iterator[Mistake]:
        """What a line hands on to itself in the next turn of a loop, held constant there."""
        by_place: dict[str, set[int]] = {}
        for index in self.step_of:
            node = self.model.graph.nodes[index]
            if self.live[index] and (place := self.place(node)):
                by_place.setdefault(place, set()).add(index)
        for place, steps in by_place.items():
            variables = {self.names.get(self.step_of[i], "") for i in steps} - {""}
            for variable in sorted(variables):
                own = {i for i in steps if self.names.get(self.step_of[i]) == variable}
                cut = [(n.index, k) for i in own for n, k in self.edges(i) if self._is_in(n, own)]
                if len(own) > 1 and cut:
                    yield dict.fromkeys(cut, _nothing), (
                        f"leaves out what {variable} passes on from turn to turn of the loop ({place})")

    def _is_in(self, node: Node, steps: set[int]) -> bool:
        """Whether a node belongs to the formula of one of these steps."""
        return self.model.step_around(node.index).node in steps

    def held(self) -> Iterator[Mistake]:
        """A variable, or two, that the gradient takes for constant."""
        cuts: dict[str, tuple[dict[tuple[int, int], Slip], str]] = {}
        for index, name in self.step_of.items():
            node = self.model.graph.nodes[index]
            variable = self.names.get(name, "")
            if self.live[index] and variable and name != self.model.loss:
                slips: dict[tuple[int, int], Slip] = {(n.index, k): _nothing for n, k in self.edges(index)}
                cuts[name] = slips, f"{variable} ({self.place(node)})"
                for step, kept in self._by_user(slips).items():
                    if len(kept) < len(slips):
                        yield kept, f"takes {variable} for constant in {step}"
        for slips, said in cuts.values():
            yield slips, f"takes {said} for constant"
        for (one, said), (other, also) in combinations(cuts.values(), 2):
            yield {**one, **other}, f"takes {said} and {also} for constant"
        yield from self._inner()

    def _by_user(self, slips: Slips) -> dict[str, Slips]:
        """The uses of a value by the line that uses it."""
        found: dict[str, dict[tuple[int, int], Slip]] = {}
        for (index, k), slip in slips.items():
            found.setdefault(self.place(self.model.graph.nodes[index]), {})[index, k] = slip
        return {place: each for place, each in found.items() if place}

    def _inner(self) -> Iterator[Mistake]:
        """A value without a name that is taken for constant: a sum, a mean, a largest entry."""
        for node in self.nodes:
            if node.index in self.step_of or node.is_leaf or node.is_literal or not self.live[node.index]:
                continue
            slips = {(n.index, k): _nothing for n, k in self.edges(node.index)}
            if node.operation in ("sum", "mean", "var", "std", "max_of", "norm") and self.place(node):
                yield slips, f"takes the {node.primitive.function} in {self.place(node)} for constant"

    def factors(self) -> Iterator[Mistake]:
        """A factor that a rule forgets, or takes twice: one of the values that it computes with."""
        for node in reversed(self.nodes):
            if node.operation not in _PRODUCTS:
                continue
            for place, argument in enumerate(node.arguments):
                if not self.live[argument] or not (where := self.place(node)):
                    continue
                for k, other in enumerate(node.arguments):
                    named = self.names_of(self.model.graph.nodes[other])
                    yield from self._factor(node, place, k, named, where)

    def _factor(self, node: Node, place: int, k: int, named: str, where: str) -> Iterator[Mistake]:
        kind = {"div": ("numerator", "denominator"), "pow": ("base", "exponent")}.get(node.operation)
        own = "the factor itself" if k == place else "the other factor"
        said = named or (f"the {kind[k]}" if kind else own)
        for power, words in ((-1, "divides once too often by"), (1, "multiplies once too often by")):
            slip = {(node.index, place): partial(_times, k, power)}
            yield slip, f"{words} {said}, or {_OPPOSITE[power]} once too seldom ({where})"


def _nothing(rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]) -> Array:
    return np.asarray(0.0 * rule(adjoint, value, arguments))


def _times(
    place: int, power: int, rule: Rule, adjoint: Array, value: Array, arguments: Sequence[Array]
) -> Array:
    """The contribution of a rule with an argument once more, or once less, as a factor of the adjoint; none,
    where that has another shape."""
    factor, right = arguments[place], rule(adjoint, value, arguments)
    try:
        found = rule(adjoint * factor if power > 0 else adjoint / factor, value, arguments)
    except ValueError:
        found = np.zeros(0)
    return found if np.shape(found) == np.shape(right) else np.asarray(0.0 * right)

