"""Reads a Model. Gives its text, fully bracketed, with shapes as comments.

Reading the text again gives the same model: the printer shows how every line was understood. Knows
nothing of the author's spelling beyond names and numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gradcheck_cli.model.graph import Derivative, Graph, Node, spell_shape
from gradcheck_cli.model.model import Claim, Input, Let, Model

__all__ = ["show"]

_ROWS = 8  # inline up to here; more stand in their file, or are drawn again
_COLUMN = 40  # where comments begin


def show(model: Model) -> str:
    """The statements of a model, one a line."""
    lines = [f"seed {model.seed}"] if model.seed else []
    lines += [f"set {name} = {_setting(value)}" for name, value in model.settings.items()]
    lines += model.definitions
    lines += [_input(item) for item in model.inputs.values()]
    shown, taken = _names(model), _taken(model)
    lines += [
        _add_comment(
            f"{step.display} = {model.graph.formula(step.node, shown, taken)}",
            _shape_note(model.graph.nodes[step.node]),
        )
        for step in model.steps.values()
    ]
    lines += [f"let {let.display} = {_let(let)}" for let in model.lets.values()]
    lines += [_claim(model, claim) for claim in model.claims]
    lines += [f"# note: {note}" for note in model.notes]
    return "\n".join(lines) + "\n"


def _taken(model: Model) -> frozenset[str]:
    """Names that call no function in this model."""
    return frozenset((*model.graph.names, *model.lets))


def _names(model: Model) -> dict[int, str]:
    steps = {step.node: step.display for step in model.steps.values()}
    return steps | {item.node: item.display for item in model.inputs.values()}


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _add_comment(text: str, comment: str) -> str:
    return f"{text:<{_COLUMN}}  # {comment}" if comment else text


def _shape_note(node: Node) -> str:
    parts = [spell_shape(node.shape)] if node.shape else []
    return ", ".join(parts + (["per row"] if node.per_row else []))


def _input(item: Input) -> str:
    words = "".join(f" {assumption.text}" for assumption in item.assumptions)
    head = f"{item.kind:<5} {item.display}{spell_shape(item.shape)}{words}"
    if item.origin == "free":
        drawn = f" = {_numbers(item.values.tolist())}" if item.values.size <= _ROWS else ""
        return _add_comment(head, f"drawn from the seed{drawn}")
    if item.origin == "drawn":
        count = f" count {len(item.values)}" if item.kind == "rows" else ""
        return f"{head} ~ {item.text}{count}"
    is_long = item.values.ndim and (len(item.values) > _ROWS or item.values.size > 8 * _ROWS)
    if item.origin == "file" and is_long:  # longer than its name
        return f"{head} {item.text}"
    return f"{head} = {_numbers(item.values.tolist())}"


def _numbers(values: Any) -> str:
    if isinstance(values, list):
        return f"[{', '.join(map(_numbers, values))}]"
    return repr(values)


def _let(let: Let) -> str:
    return str(Derivative(let.of, let.by, let.target.index))


def _claim(model: Model, claim: Claim) -> str:
    head = f"claim {claim.display}"
    if claim.text.startswith("from"):
        return f"{head} {claim.text}"
    formula = claim.formulas["numerator"]
    if claim.numbers is not None or not isinstance(formula, Graph):
        return f"{head} = {claim.text}"
    leaves = dict(_leaves(model, formula))
    written = leaves.get(formula.output) or formula.formula(formula.output, leaves, _taken(model))
    return f"{head} = {written}"


def _leaves(model: Model, formula: Graph) -> Iterator[tuple[int, str]]:
    """The leaves of a claim under the author's names."""
    lets = {let.target: let.display for let in model.lets.values()}
    for node in formula.nodes:
        if isinstance(node.key, Derivative) and node.key in lets:
            yield node.index, lets[node.key]
        elif isinstance(node.key, Derivative):
            of, by = model.display(node.key.of), model.display(node.key.by)
            yield node.index, str(Derivative(of, by, node.key.index))
        elif node.is_leaf:
            yield node.index, model.display(str(node.key))
