"""Reads claims of values. Gives those that rest on themselves, by the lines of their circle.

`claim h = h` says nothing, nor do two claims each of which is made of the other. Entries count one by one, a
claim as a whole; names of one value are one. Knows nothing of values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.model.aliases import Aliases
from gradcheck_cli.model.graph import Derivative, Graph, Node
from gradcheck_cli.model.model import Claim, Model
from gradcheck_cli.numerics.array_types import Array

__all__ = ["circles_of_values"]


@dataclass(frozen=True)
class _Line:
    """A claim: which entries of which value it is of, and which it uses."""

    number: int
    name: str
    entries: Array
    uses: dict[str, Array]


def circles_of_values(model: Model, claims: Sequence[Claim], layout: str) -> dict[int, list[int]]:
    """For each claim that rests on itself, by its place, the lines of the circle.

    Parameters
    ----------
    model : the graph, with its names
    claims : of values
    layout : of Jacobians in their formulas

    Returns
    -------
    dict of place to line numbers
    """
    aliases = Aliases(model)
    lines = [_line(model, aliases, claim, layout) for claim in claims]
    waiting = _ungrounded_claims(lines)
    ahead = {k: [n for n in waiting if _uses(lines[k], lines[n])] for k in waiting}
    reached = {k: _claims_behind(k, ahead) for k in waiting}
    circles = {k: [n for n in reached[k] if k in reached[n]] for k in waiting}
    return {k: sorted({lines[n].number for n in circle}) for k, circle in circles.items() if k in reached[k]}


def _line(model: Model, aliases: Aliases, claim: Claim, layout: str) -> _Line:
    target, formula, uses = claim.target, claim.formulas[layout], dict[str, Array]()
    if claim.numbers is None and isinstance(formula, Graph):
        needed = formula.upstream([formula.output])
        for node in (n for n in formula.nodes if needed[n.index] and isinstance(n.key, str) and n.key):
            name = aliases.first_name(str(node.key))
            before = uses.get(name, np.zeros(node.size, dtype=bool))
            uses[name] = _used_entries(formula, node, needed) | before
    return _Line(claim.line, aliases.first_name(target.of), _entries(model, target), uses)


def _entries(model: Model, target: Derivative) -> Array:
    shape = model.node(target.of).shape
    found = np.full(shape, target.index is None)
    if target.index is not None:
        found[target.index] = True
    return found.reshape(-1)


def _used_entries(formula: Graph, leaf: Node, needed: Sequence[bool]) -> Array:
    """The entries of a name that a formula uses: those of its indices, where nothing else takes it."""
    found, users = np.zeros(leaf.shape, dtype=bool), [n for n in formula.nodes if leaf.index in n.arguments]
    users = [n for n in users if needed[n.index]]
    for user in users:
        found[user.options["key"] if user.operation == "index" else ...] = True
    return (found if users else ~found).reshape(-1)


def _uses(line: _Line, other: _Line) -> bool:
    used = line.uses.get(other.name)
    return used is not None and bool((used & other.entries).any())


def _ungrounded_claims(lines: Sequence[_Line]) -> list[int]:
    """The claims that are not grounded: values that nobody claims are given."""
    waiting = list(range(len(lines)))
    while True:
        open_ones = {k: _open_entries(lines, waiting, lines[k].name) for k in waiting}
        by_name = {lines[k].name: entries for k, entries in open_ones.items()}
        left = [k for k in waiting if _rests_on(lines[k], by_name)]
        if len(left) == len(waiting):
            return left
        waiting = left


def _rests_on(line: _Line, entries: Mapping[str, Array]) -> bool:
    return any((used & entries[name]).any() for name, used in line.uses.items() if name in entries)


def _open_entries(lines: Sequence[_Line], waiting: Iterable[int], name: str) -> Array:
    """The entries of a value that are claimed, and by no grounded claim."""
    own = [k for k, line in enumerate(lines) if line.name == name]
    still = set(waiting)
    claimed = np.logical_or.reduce([lines[k].entries for k in own])
    done = [lines[k].entries for k in own if k not in still]
    return np.asarray(claimed & ~np.logical_or.reduce(done) if done else claimed)


def _claims_behind(start: int, ahead: dict[int, list[int]]) -> set[int]:
    """What is reached from a claim by what it uses."""
    found: set[int] = set()
    todo = list(ahead[start])
    while todo:
        place = todo.pop()
        if place not in found:
            found.add(place)
            todo += ahead[place]
    return found
