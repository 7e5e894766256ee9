"""Reads a traced model and the gradients that a program gives at several points. Gives the mistakes that make
them: what was held constant, overwritten, or lacks a factor; in the words of the program.

Backprop is run with one mistake at a time; one is told only if it makes the numbers at every point. Knows
nothing of how programs are called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import combinations, islice

import numpy as np

from gradcheck_cli.programs.line_mistakes import Edge, Mistake, SlipAt, line_mistakes, slips_at
from gradcheck_cli.programs.observations import Observed
from gradcheck_cli.programs.program_values import ProgramValues
from gradcheck_cli.verdicts.diagnosis.rule_slips import NOTHING

__all__ = ["find_mistakes"]


def find_mistakes(seen: Observed, values: ProgramValues) -> dict[str, str]:
    """The first mistake that makes all wrong numbers, else those that make the most of them.

    Parameters
    ----------
    seen : the gradients at several points
    values : the values of the model in the words of the program

    Returns
    -------
    dict of str to str
        Of wrong names what is said of them; without those that nothing explains.
    """
    count = len(seen.model.graph.nodes)
    if count > seen.limits.most_nodes:
        return {}
    shifts, found = _shifts(seen), list[tuple[list[str], str]]()
    for slips, text in islice(_mistakes(values), seen.limits.most_passed_nodes // count):
        explained, is_alone = _explained(seen, {**shifts, **slips})
        if len(explained) == len(seen.wrong) and not is_alone:
            return dict.fromkeys(explained, text)
        if explained:
            found.append((explained, f"{text}, here alone" if is_alone else text))
    said = dict[str, str]()
    for explained, text in sorted(found, key=lambda each: -len(each[0])):
        said = {**dict.fromkeys(explained, text), **said}
    return said


def _shifts(seen: Observed) -> dict[Edge, SlipAt]:
    """Uses of largest entries that bring nothing, as in s - max(s) of a softmax: few differentiate them."""
    nodes, sample = seen.model.graph.nodes, seen.samples[0]
    largest = {n.index for n in nodes if len(n.arguments) == 1 and n.primitive.function == "max"}
    slips = {(n.index, k): NOTHING for n in nodes for k, a in enumerate(n.arguments) if a in largest}
    if not slips:
        return {}
    found = sample.gradient(sample.claimed, slips)
    apart = max(float(np.max(np.abs(found[n] - t), initial=0.0)) for n, t in sample.true.items())
    size = max(float(np.max(np.abs(t), initial=0.0)) for t in sample.true.values())
    return {**slips} if apart <= seen.limits.same * size else {}


def _explained(seen: Observed, slips: Mapping[Edge, SlipAt]) -> tuple[list[str], bool]:
    """The wrong names whose numbers a mistake makes at every point, and whether it would make right ones
    wrong."""
    first = seen.samples[0]
    made = first.gradient(first.claimed, slips_at(slips, first.tape))
    found = [name for name in seen.wrong if first.is_near(name, made[name], seen.limits)]
    if not found:
        return [], False
    later = [sample.gradient(found, slips_at(slips, sample.tape)) for sample in seen.samples[1:]]
    explained = [name for name in found if seen.are_made([name], [made, *later])]
    right = (name for name in first.claimed if name not in seen.wrong)
    return explained, any(not first.is_true(name, made[name], seen.limits) for name in right)


def _mistakes(values: ProgramValues) -> Iterator[Mistake]:
    held = _held(values)
    yield from _overwritten(values)
    yield from _carried(values)
    for slips, said in held.values():
        yield from _by_user(values, slips, said)
        yield slips, f"takes {said} for constant"
    yield from line_mistakes(values)
    for (one, said), (other, also) in combinations(held.values(), 2):
        yield {**one, **other}, f"takes {said} and {also} for constant"


def _overwritten(values: ProgramValues) -> Iterator[Mistake]:
    """What is chosen twice of a parameter, and its adjoint written, not added."""
    from gradcheck_cli.verdicts.diagnosis.overwritten_entries import overwrite

    for node in values.parameters():
        users = [n for n, k in values.edges(node.index) if not k and n.operation in ("take", "take_pairs")]
        if users:
            text = f"keeps the last of what is chosen twice of {values.name(node)}, where all of it adds up"
            slips = {(n.index, 0): partial(overwrite, n) for n in users}
            yield slips, f"{text} ({values.place(users[0])})"


def _carried(values: ProgramValues) -> Iterator[Mistake]:
    """What a line hands on to itself in the next turn of a loop, held constant there."""
    by_line: dict[tuple[str, str], set[int]] = {}
    for index, step in values.step_of.items():
        node = values.model.graph.nodes[index]
        if values.live[index] and (place := values.place(node)):
            by_line.setdefault((place, values.names.get(step, "")), set()).add(index)
    for (place, variable), own in by_line.items():
        edges = [(n, k) for index in own for n, k in values.edges(index)]
        # the last turn may stand in the line that uses it
        kinds = {values.kind(n, k) for n, k in edges if values.model.step_around(n.index).node in own}
        if len(own) > 1 and kinds:
            passed = f"what {variable} passes on" if variable else "what is passed on"
            text = f"leaves out {passed} from turn to turn of the loop ({place})"
            yield {(n.index, k): NOTHING for n, k in edges if values.kind(n, k) in kinds}, text


def _held(values: ProgramValues) -> dict[str, tuple[dict[Edge, SlipAt], str]]:
    """The uses of each variable, and what it is called, by the step of the model."""
    found = {}
    for index, name in values.step_of.items():
        node, variable = values.model.graph.nodes[index], values.names.get(name, "")
        if values.live[index] and variable and name != values.model.loss:
            slips: dict[Edge, SlipAt] = {(n.index, k): NOTHING for n, k in values.edges(index)}
            found[name] = slips, f"{variable} ({values.place(node)})"
    return found


def _by_user(values: ProgramValues, slips: Mapping[Edge, SlipAt], said: str) -> Iterator[Mistake]:
    """A variable that is taken for constant in one of the lines that use it."""
    found: dict[str, dict[Edge, SlipAt]] = {}
    for edge, slip in slips.items():
        found.setdefault(values.place(values.model.graph.nodes[edge[0]]), {})[edge] = slip
    for place, kept in found.items():
        if place and len(kept) < len(slips):
            yield kept, f"takes {said.partition(' (')[0]} for constant in {place}"
