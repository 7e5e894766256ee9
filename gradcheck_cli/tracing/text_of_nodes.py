"""Reads the nodes of a trace. Gives the text of a model: inputs, steps, the loss, each with its line.

What has a variable's name, or is used more than once, is a step; all else stands in the formula that uses it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck_cli.language.function_names import RESERVED
from gradcheck_cli.language.statement_words import KEYWORDS
from gradcheck_cli.model.graph import spell_part, spell_shape
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.tracing import TRACING, TracingLimits
from gradcheck_cli.tracing.equal_turns import Step, fold_turns
from gradcheck_cli.tracing.recording import Recording, key_of_whole
from gradcheck_cli.tracing.traced_nodes import (
    TracedNode,
    TraceError,
    above,
    rows_of,
    sources,
    too_many_numbers,
)

__all__ = ["model_text"]

# how tight an operator binds: what stands in it and binds less is put in brackets
COMPARISON, SUM, SIGN, PRODUCT, POWER, ATOM = range(6)
_BINDING = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "@": PRODUCT, "^": POWER}
_WORDS = frozenset((*KEYWORDS, *RESERVED, "pi", "let", "repeat", "to", "loss", "in"))
_COMPARISONS = (">", "<", ">=", "<=")
_OF_TWO = ("where", "max", "min", "xlogy", "hypot", "logaddexp", "atan2", "mod", "copysign", "beta", "betaln")
_JOINED = frozenset(("+", "-", "*", "/", "^", *_COMPARISONS, *_OF_TWO))


@dataclass
class _Writer:
    names: Mapping[TracedNode, str]
    whole_numbers: Mapping[tuple[Any, bytes], str]
    loss: TracedNode
    parameters: Sequence[TracedNode] = ()
    limits: TracingLimits = TRACING
    reserved: frozenset[str] = _WORDS
    taken: set[str] = field(default_factory=set)
    known: dict[TracedNode, str] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    listed: set[str] = field(default_factory=set)  # names of data that nobody gave
    steps: list[Step] = field(default_factory=list)
    uses: Counter[TracedNode] = field(default_factory=Counter)
    kept: dict[tuple[Any, ...], str] = field(default_factory=dict)
    has_infinity: bool = False

    # -- names --------------------------------------------------------------------------------------

    def fresh(self, wanted: str) -> str:
        """A name of the language that nobody has yet."""
        base = wanted.strip("_") if wanted.isascii() else ""
        name, number = base or "t", 1
        while name in self.taken or name in self.reserved or not name.isidentifier():
            number += 1
            name = f"{base or 't'}_{number}"
        self.taken.add(name)
        return name

    def data(self, value: Array, wanted: str, assumed: str = "") -> str:
        """The name of an array of data; equal arrays are one."""
        key = (value.shape, value.dtype.str, value.tobytes(), assumed)
        if key not in self.kept:
            name = self.fresh(wanted)
            words = f" {assumed}" if assumed else ""
            self.inputs.append(f"data {name}{spell_shape(value.shape)}{words} = {self.written(value)}")
            self.kept[key] = name
        return self.kept[key]

    def written(self, value: Array) -> str:
        """The numbers of an array."""
        if value.size > self.limits.most_numbers:
            raise too_many_numbers(value.size)
        if value.size and bool(np.all(value == value.flat[0])):
            return _number(value.flat[0])  # one number for all entries
        return _numbers(value)

    # -- formulas -----------------------------------------------------------------------------------

    def atom(self, node: TracedNode) -> str:
        """A node where an index or a transpose may stand behind it."""
        return self.at_least(node, ATOM)

    def at_least(self, node: TracedNode, binding: int) -> str:
        """The text of a node, in brackets where it binds less."""
        text, own = self.formula(node)
        return text if own >= binding else f"({text})"

    def formula(self, node: TracedNode) -> tuple[str, int]:
        """A node as it stands in another's formula."""
        if node in self.known:
            return self.known[node], ATOM
        if node.operation == "data":
            return self.constant(node)
        return self.computed(node)

    def constant(self, node: TracedNode) -> tuple[str, int]:
        """A number, or the name of an array."""
        value = np.asarray(node.value, dtype=float)
        if np.isnan(value).any():
            raise TraceError("the program computes with nan, which is no number of a model")
        if np.isinf(value).any():
            value = np.where(np.isinf(value), np.sign(value)*self.limits.for_infinity, value)
            self.has_infinity = True
        if value.size == 1 and not value.ndim:
            return _number(value.item()), SIGN if value.item() < 0 else ATOM
        wanted = self.names.get(node, node.options.get("name", ""))
        name = self.data(value, wanted or "c")
        self.listed.update([] if wanted else [name])
        return name, ATOM

    def computed(self, node: TracedNode) -> tuple[str, int]:
        """The formula of a node."""
        operation, given = node.operation, node.arguments
        if operation in _JOINED and len(given) > 1:
            given = _joined(given, node.shape)
        if operation in _BINDING:
            binding = _BINDING[operation]
            left = self.at_least(given[0], ATOM if operation == "^" else binding)
            right = self.at_least(given[1], ATOM if operation == "^" else binding + 1 + (binding == SUM))
            return f"{left}{'^' if operation == '^' else f' {operation} '}{right}", binding
        if operation in _COMPARISONS:
            left, right = (self.at_least(each, ATOM) for each in given)  # others need brackets
            return f"{left} {operation} {right}", COMPARISON
        if operation == "neg":
            return f"-{self.at_least(given[0], PRODUCT)}", SIGN
        special = getattr(self, f"write_{operation}", None)
        if special is not None:
            return special(node), ATOM
        options = [f"{key}={_option(value)}" for key, value in node.options.items()]
        return f"{operation}({', '.join([*(self.formula(a)[0] for a in given), *options])})", ATOM

    def write_transpose(self, node: TracedNode) -> str:
        (x,) = node.arguments
        if x.value.ndim == 2:
            return f"{self.atom(x)}'"
        return f"transpose({self.formula(x)[0]}, {_option(node.options['axes'])})"

    def write_reshape(self, node: TracedNode) -> str:
        (x,) = node.arguments
        if not node.shape:
            return f"sum({self.formula(x)[0]})"  # of one entry
        if x.value.ndim == 1 and node.shape == (1, x.value.size):
            return f"{self.atom(x)}'"
        return f"reshape({self.formula(x)[0]}, {list(node.shape)})"

    def write_einsum(self, node: TracedNode) -> str:
        arrays = ", ".join(self.formula(a)[0] for a in node.arguments)
        return f'einsum("{node.options["text"]}", {arrays})'

    def write_ones(self, node: TracedNode) -> str:
        return f"ones({', '.join(map(str, node.shape))})"

    def write_index(self, node: TracedNode) -> str:
        (x,), parts = node.arguments, node.options["parts"]
        return f"{self.atom(x)}[{', '.join(map(spell_part, parts))}]"

    def write_take(self, node: TracedNode) -> str:
        (x,), axis, numbers = node.arguments, node.options["axis"], node.options["numbers"]
        name = self.numbers(numbers, x.shape[axis])
        if x.value.ndim == 2 and axis:  # [:,i] has two readings
            return f"{self.atom(x)}'[{name},:]'"
        parts = [name if k == axis else ":" for k in range(x.value.ndim)]
        return f"{self.atom(x)}[{','.join(parts)}]"

    def write_pairs(self, node: TracedNode) -> str:
        (x,), (rows, columns) = node.arguments, node.options["numbers"]
        name = self.numbers(columns, x.shape[1])
        if np.array_equal(rows, np.arange(x.shape[0])):
            return f"{self.atom(x)}[0:{x.shape[0]},{name}]"
        return f"{self.atom(x)}[{self.numbers(rows, x.shape[0])},{name}]"

    def numbers(self, values: Array, count: int) -> str:
        """The name of whole-number data, 0 to count - 1."""
        own = self.whole_numbers.get(key_of_whole(values), "i")
        return self.data(np.asarray(values), own, f"in 0 to {count - 1}")

    def write_max_pool(self, node: TracedNode) -> str:
        window, stride = (_axes_of(node.options[key]) for key in ("window", "stride"))
        return f"{node.operation}({self.formula(node.arguments[0])[0]}, {window}, stride={stride})"

    write_avg_pool = write_max_pool

    def write_stack(self, node: TracedNode) -> str:
        parts = ", ".join(self.formula(a)[0] for a in node.arguments)
        if not node.options["axis"] and node.value.ndim <= 2:
            return f"[{parts}]"
        return f"stack({parts}, axis={node.options['axis']})"

    def write_concat(self, node: TracedNode) -> str:
        parts = ", ".join(self.formula(a)[0] for a in node.arguments)
        return f"concat({parts}, axis={node.options['axis']})" if node.value.ndim > 1 else f"concat({parts})"

    def write_assembled(self, node: TracedNode) -> str:
        """An array that was filled part by part: of its parts in their order, or entry by entry."""
        nodes, which, where = sources(node)
        rows = rows_of(node)
        if rows and all(row is not None for row in rows):
            parts = ", ".join(self.formula(row)[0] for row in rows if row is not None)
            return f"[{parts}]" if node.value.ndim <= 2 else f"stack({parts}, axis=0)"
        starts = np.cumsum([0, *(each.value.size for each in nodes)])
        flat = [self.flat(each) for each in nodes]
        whole = f"concat({', '.join(flat)})" if len(flat) > 1 else flat[0]
        places = (starts[which] + where).reshape(-1)
        if not node.shape:
            return f"{whole}[{places[0]}]"
        entries = f"{whole}[{self.numbers(places, int(starts[-1]))}]"
        return entries if node.value.ndim == 1 else f"reshape({entries}, {list(node.shape)})"

    def flat(self, node: TracedNode) -> str:
        """The entries in reading order."""
        if node.value.ndim == 1:
            return self.atom(node)
        return f"reshape({self.formula(node)[0]}, [{node.value.size}])"

    # -- statements ---------------------------------------------------------------------------------

    def write(self) -> tuple[str, dict[str, str]]:
        """The whole model, and its names of parameters."""
        order = sorted({*above(self.loss), *self.parameters}, key=lambda node: node.number)
        parameters = {}
        self.reserved = _WORDS.union(node.operation for node in order)
        self.uses.update(argument for node in order for argument in node.arguments)
        self.taken.add("loss")
        for node in order:
            if node.operation == "param":
                given = str(node.options["name"])
                name = self.known[node] = parameters[given] = self.fresh(given)
                self.inputs.append(f"param {name}{spell_shape(node.shape)} = {self.written(node.value)}")
        for node in order:
            if not node.is_leaf and node is not self.loss and self._is_step(node):
                text, _ = self.formula(node)
                self.known[node] = self.fresh(self.names.get(node, "t"))
                self.steps.append(Step(self.known[node], text, node.place))
        self.steps.append(Step("loss", self.formula(self.loss)[0], self.loss.place))
        lines = fold_turns(self.inputs, self.steps, self.taken | self.reserved, self.listed)
        return "\n".join([*self.remarks(), *lines, ""]), parameters

    def remarks(self) -> list[str]:
        """What is written in other words."""
        return [f"# {self.limits.for_infinity:g} stands for an infinite number"] if self.has_infinity else []

    def _is_step(self, node: TracedNode) -> bool:
        if node in self.names or self.uses[node] > 1:
            return True
        return len(self.formula(node)[0]) > self.limits.longest_formula


def model_text(
    loss: TracedNode, recording: Recording, parameters: Sequence[TracedNode] = ()
) -> tuple[str, dict[str, str]]:
    """The model whose loss is a node.

    Parameters
    ----------
    loss : a number
    recording : with the names of the program's variables
    parameters : those that are declared, also where the loss does not depend on them

    Returns
    -------
    text
        Of the model.
    names
        Of its parameters, by those of the program.

    Raises
    ------
    TraceError
        If a constant is not finite.
    """
    return _Writer(recording.names, recording.whole_numbers, loss, parameters).write()


def _joined(given: tuple[TracedNode, ...], shape: tuple[int, ...]) -> tuple[TracedNode, ...]:
    """Arguments as the language joins their shapes: a column beside a row is written out in full."""
    found = tuple(_in_axes(a, len(shape)) for a in given)
    if not shape or any(a.shape == shape for a in found):
        return found
    k = next(k for k, a in enumerate(found) if a.shape)
    full = TracedNode("ones", (), np.ones(shape), {"shape": shape})
    whole = TracedNode("*", (found[k], full), np.broadcast_to(found[k].value, shape))
    return (*found[:k], whole, *found[k + 1 :])


def _in_axes(node: TracedNode, count: int) -> TracedNode:
    """An array with axes of length 1 in front, as NumPy joins it; single numbers as they are."""
    missing = count - node.value.ndim
    if not node.value.ndim or not missing:
        return node
    value = node.value.reshape((1,) * missing + node.shape)
    if node.operation == "data":
        return TracedNode("data", (), value, node.options)
    return TracedNode("reshape", (node,), value, {}, node.place)


def _number(value: float) -> str:
    if float(value).is_integer() and abs(value) < TRACING.longest_whole:
        return str(int(value))
    return repr(float(value))


def _numbers(value: Array) -> str:
    if not value.ndim:
        return _number(value.item())
    return f"[{', '.join(map(_numbers, value))}]"


def _axes_of(sizes: list[int]) -> str:
    """One number for both axes, or one for each."""
    return str(sizes[0]) if len(set(sizes)) == 1 else str(sizes)


def _option(value: Any) -> str:
    if isinstance(value, tuple):
        return _option(value[0]) if len(value) == 1 else f"({','.join(map(str, value))})"
    return str(value)

