"""Reads the table of primitives. Gives what a model is: Node, Graph, Model, Claim. Knows nothing of text.

    graph ::= node*                      in an order in which arguments come first
    node  ::= leaf key                   a value from outside: data, rows, param (in a claim any name)
            | literal number             the double nearest to its text
            | primitive node* options
    A named node is a step. Nothing here recurses: a chain of any length is no special case.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import ShapeError
from gradcheck_cli.numberformats import SIGNIFICANDS
from gradcheck_cli.primitives import PRIMITIVES, Primitive, Shape
from gradcheck_cli.progress import Meter

__all__ = [
    "Array",
    "Builder",
    "Claim",
    "Derivative",
    "Graph",
    "Input",
    "Key",
    "Misfit",
    "Model",
    "Node",
    "Step",
    "spell_shape",
]

Array = NDArray[Any]
LEAF, LITERAL = "leaf", "literal"
_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})
PI = "pi"  # the text of a literal that is more than the double nearest to it


@dataclass(frozen=True, slots=True)
class Derivative:
    """d of/d by, or the derivative by one entry of `by`: a leaf of a claim's formula."""

    of: str
    by: str
    index: tuple[int, ...] | None = None

    @property
    def whole(self) -> Derivative:
        """The derivative by all entries."""
        return Derivative(self.of, self.by)

    def __str__(self) -> str:
        entry = "" if self.index is None else f"[{','.join(map(str, self.index))}]"
        return f"d {self.of}/d {self.by}{entry}"


Key = str | Derivative


def spell_shape(shape: Shape) -> str:
    """The shape as it is written behind a name: `[4,3]`; nothing for a scalar."""
    return f"[{','.join(map(str, shape))}]" if shape else ""


@dataclass(frozen=True, slots=True)
class Node:
    """One value. `per_row`: one per training example; `reduced`: made from a sum over them."""

    index: int
    operation: str
    arguments: tuple[int, ...]
    shape: Shape
    per_row: bool = False
    reduced: bool = False
    options: Mapping[str, Any] = field(default_factory=lambda: _NO_OPTIONS)
    key: Key = ""
    value: float = 0.0
    text: str = ""

    @property
    def primitive(self) -> Primitive:
        """The record of its function. Raises KeyError for leaves and literals."""
        return PRIMITIVES[self.operation]

    @property
    def size(self) -> int:
        """How many entries it has, in one row if it is per row."""
        return math.prod(self.shape)

    @property
    def is_leaf(self) -> bool:
        """Whether its value comes from outside."""
        return self.operation == LEAF

    @property
    def is_literal(self) -> bool:
        """Whether it is a number of the text, or pi."""
        return self.operation == LITERAL

    @property
    def adds_rows(self) -> bool:
        """Whether it makes one value of those of all rows."""
        return not (self.is_leaf or self.is_literal) and self.primitive.rows == "reduce"

    @property
    def is_pi(self) -> bool:
        """Whether it is the number pi, which no double is."""
        return self.is_literal and self.text == PI


@dataclass(frozen=True)
class Graph:
    """Nodes in the order of definition, and the names some of them carry."""

    nodes: tuple[Node, ...]
    names: Mapping[str, int]
    output: int = -1

    def downstream(self, sources: Iterable[int]) -> list[bool]:
        """For each node whether a value of `sources` reaches it (a source reaches itself)."""
        reached = [False] * len(self.nodes)
        for source in sources:
            reached[source] = True
        for node in self.nodes:
            for argument in node.arguments:  # any() takes three times as long
                if reached[argument]:
                    reached[node.index] = True
                    break
        return reached

    def upstream(self, targets: Iterable[int]) -> list[bool]:
        """For each node whether `targets` are computed from it (a target from itself)."""
        needed = [False] * len(self.nodes)
        for target in targets:
            needed[target] = True
        for node in reversed(self.nodes):
            if needed[node.index]:
                for argument in node.arguments:
                    needed[argument] = True
        return needed

    def for_rows(self, count: int) -> Graph:
        """The same graph for another number of rows."""
        nodes = (replace(n, options=MappingProxyType({**n.options, "count": count})) if n.adds_rows else n
                 for n in self.nodes)  # fmt: skip
        return replace(self, nodes=tuple(nodes))

    def formula(self, index: int, shown: Mapping[int, str]) -> str:
        """The expression of one node, fully bracketed; nodes of `shown` appear by their name."""
        pieces: list[str] = []
        todo: list[int | str] = [index]
        first = True
        while todo:
            item = todo.pop()
            if isinstance(item, str):
                pieces.append(item)
            elif item in shown and not first:
                pieces.append(shown[item])
            else:
                todo.extend(reversed(_spelled(self.nodes, item)))
            first = False
        return "".join(pieces)


def _spelled(nodes: Sequence[Node], index: int) -> list[int | str]:
    """A node as pieces of text and the nodes between them."""
    node = nodes[index]
    if node.is_literal:
        return [node.text]
    if node.is_leaf:
        return [str(node.key)]
    arguments = node.arguments
    if node.operation in ("identity", "expand"):
        return [arguments[0]]
    if node.operation == "index":
        key = _spell_key(node.options["key"])
        if isinstance(nodes[arguments[0]].key, Derivative):  # d f/d w[0] is by an entry of w
            return ["(", arguments[0], ")", key]
        return [arguments[0], key]
    if node.operation == "stack":
        return ["[", *_separated(arguments), "]"]
    record = node.primitive
    if record.sizes:
        return [f"{record.function}({', '.join(map(str, node.options['sizes']))})"]
    if record.infix is not None and len(arguments) == 2:
        return ["(", arguments[0], f" {record.infix} ", arguments[1], ")"]
    if record.infix is not None:
        return ["(", record.infix, arguments[0], ")"]
    return [record.function, "(", *_separated(arguments), _spell_options(node), ")"]


def _separated(arguments: Sequence[int]) -> Iterator[int | str]:
    for position, argument in enumerate(arguments):
        if position:
            yield ", "
        yield argument


def _spell_key(key: tuple[Any, ...]) -> str:
    def part(k: Any) -> str:
        if isinstance(k, int):
            return str(k)
        return f"{'' if k.start is None else k.start}:{'' if k.stop is None else k.stop}"

    return f"[{','.join(part(k) for k in key)}]"


def _spell_options(node: Node) -> str:
    """The keyword arguments that differ from the record's defaults."""
    given = []
    for name, default in node.primitive.options.items():
        value = node.options.get(name, default)
        if value != default:
            given.append(f", {name}={value!r}")
    return "".join(given)


class Builder:
    """Grows a Graph node by node; shapes are checked as it grows."""

    def __init__(self, *, rows_apart: bool = True) -> None:
        self.rows_apart = rows_apart  # steps; a claim's formula may use what is made of all rows
        self.nodes: list[Node] = []
        self.names: dict[str, int] = {}
        self.notes: list[str] = []  # readings that could surprise, found while building
        self._literals: dict[tuple[float, str], int] = {}
        self._steps: set[int] = set()

    def leaf(self, key: Key, shape: Shape, *, per_row: bool = False, reduced: bool = False) -> int:
        """A value from outside, entered under its key."""
        node = self._add(LEAF, (), shape, per_row=per_row, reduced=reduced, key=key)
        if isinstance(key, str):
            self.names[key] = node
        return node

    def literal(self, value: float, text: str) -> int:
        """A number of the text: the double nearest to it, and the text as the author wrote it."""
        found = self._literals.get((value, text))
        if found is None:
            found = self._add(LITERAL, (), (), value=value, text=text)
            self._literals[value, text] = found
        return found

    def name(self, name: str, node: int) -> int:
        """Make `node` the step `name`; a second name for a value becomes a node of its own."""
        if node in self._steps or self.nodes[node].operation in (LEAF, LITERAL):
            node = self.apply("identity", (node,))
        self._steps.add(node)
        self.names[name] = node
        return node

    def apply(
        self,
        operation: str,
        arguments: Sequence[int],
        options: Mapping[str, Any] | None = None,
        *,
        rows: int | None = None,
    ) -> int:
        """A primitive of earlier nodes. `rows`: how many training examples there are.

        Raises ShapeError where the arguments do not fit, with the way out.
        """
        record = PRIMITIVES[operation]
        given = [self.nodes[a] for a in arguments]
        if operation == "matmul" and given[0].operation == "transpose" and _is_inner(self, given):
            return self.apply("dot", (given[0].arguments[0], arguments[1]))
        per_row = reduced = has_shape = False
        for node in given:
            per_row = per_row or node.per_row
            reduced = reduced or node.reduced
            has_shape = has_shape or bool(node.shape)
        if self.rows_apart and per_row and reduced:
            raise ShapeError(
                "a value made from all rows is used in a step that has one value per row",
                help="rows do not see one another; declare the batch as data X[N,d] instead",
            )
        if record.rows == "reduce":
            if not per_row:
                raise ShapeError(
                    f"{record.function} needs a value that has one entry per row",
                    help="only steps that use a `rows` name have; sum and mean act on one array",
                )
            options = {**(options or {}), "count": rows or 1}
            per_row, reduced = False, True
        if not record.elementwise:
            shape, settings = record.shape(*(n.shape for n in given), **(options or {}))  # type: ignore[misc]
        else:
            shape, settings = (), {**record.options, **options} if options else record.options
            if has_shape:
                shape = _common_shape(record, [node.shape for node in given])
                self._note_surprises(record, given, shape)
                arguments = [self._expanded(a, shape) for a in arguments]
        return self._add(
            operation, tuple(arguments), shape, per_row=per_row, reduced=reduced,
            options=MappingProxyType(settings) if settings else _NO_OPTIONS,
        )  # fmt: skip

    def copy(self, node: Node, arguments: Sequence[int]) -> int:
        """A node of another graph; `arguments` must have the shapes that its own have there."""
        return self._add(
            node.operation, tuple(arguments), node.shape, per_row=node.per_row, reduced=node.reduced,
            options=node.options, key=node.key, value=node.value, text=node.text,
        )  # fmt: skip

    def graph(self, output: int = -1) -> Graph:
        """What was built so far."""
        return Graph(tuple(self.nodes), MappingProxyType(dict(self.names)), output)

    def _add(self, operation: str, arguments: tuple[int, ...], shape: Shape, **more: Any) -> int:
        index = len(self.nodes)
        self.nodes.append(Node(index, operation, arguments, shape, **more))
        return index

    def _expanded(self, argument: int, shape: Shape) -> int:
        if self.nodes[argument].shape == shape:
            return argument
        return self.apply("expand", (argument,), {"to": shape})

    def _note_surprises(self, record: Primitive, given: Sequence[Node], shape: Shape) -> None:
        if record.name == "pow" and len(shape) == 2 and shape[0] == shape[1]:
            self.notes.append("^ of a matrix acts entry by entry; A @ A is the product")
        ranks = {len(node.shape) for node in given}
        if record.name in ("add", "sub") and ranks == {1, 2}:
            self.notes.append(f"a vector was added to every row of a {spell_shape(shape)} matrix")


def _is_inner(builder: Builder, given: Sequence[Node]) -> bool:
    """Whether this is u' @ v of two vectors, which is a number."""
    return len(builder.nodes[given[0].arguments[0]].shape) == 1 and len(given[1].shape) == 1


def _common_shape(record: Primitive, shapes: Sequence[Shape]) -> Shape:
    """The shape of an elementwise result; LANGUAGE, "broadcasting": nothing beyond what is listed."""
    result: Shape = ()
    for shape in shapes:
        joined = _join(record, result, shape)
        if joined is None:
            raise ShapeError(
                f"the shapes {spell_shape(result)} and {spell_shape(shape)} do not fit "
                f"{record.infix or record.function}",
                help=_elementwise_help(record, result, shape),
            )
        result = joined
    return result


def _join(record: Primitive, a: Shape, b: Shape) -> Shape | None:
    if a == b or not b:
        return a
    if not a:
        return b
    if len(a) == len(b) == 2:
        if _stretches(a, b):
            return b
        if _stretches(b, a):
            return a
    if record.name in ("add", "sub") and {len(a), len(b)} == {1, 2} and a[-1] == b[-1]:
        return a if len(a) == 2 else b
    return None


def _stretches(small: Shape, large: Shape) -> bool:
    """Whether [m,1] or [1,n] goes into [m,n]."""
    return all(s in (1, n) for s, n in zip(small, large, strict=True))


def _elementwise_help(record: Primitive, a: Shape, b: Shape) -> str:
    if record.name == "mul" and (len(a) == 2 or len(b) == 2):
        return "* multiplies entry by entry; a matrix product is written with @"
    if {len(a), len(b)} == {1, 2}:
        matrix, vector = (a, b) if len(a) == 2 else (b, a)
        if matrix == (*vector, 1):
            whole = spell_shape(matrix)
            return f"the matrix M as a vector is M[:,0]; or declare the vector as {whole}"
        return "a vector is a column; v' is the row [1,n]"
    return "shapes must be equal, or one a single number, or [m,1] or [1,n] against [m,n]"


# ---------------------------------------------------------------------------------------------
# A model: a graph, the values of its leaves, and what its author claims
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Input:
    """A declared name and its value: shape (*shape), for `rows` (N, *shape); float64, read-only."""

    name: str
    display: str
    kind: str  # data | rows | param
    shape: Shape
    values: Array
    line: int
    origin: str = "given"  # given | drawn | file | free (no value in the file: drawn, may be redrawn)
    node: int = -1
    mean: float = 0.0  # of the draw, where origin is "drawn"
    text: str = ""  # the value as the author wrote it


@dataclass(frozen=True)
class Step:
    """A named line of the model."""

    name: str
    display: str
    node: int
    line: int
    text: str  # the right side as the author wrote it


@dataclass(frozen=True)
class Misfit:
    """Why a claim's formula cannot be built: a WRONG claim, not a bad file."""

    message: str
    help: str | None = None


@dataclass(frozen=True)
class Claim:
    """What the author asserts: d of/d by equals a formula, or numbers.

    `formulas` holds the right side for each Jacobian layout ("numerator": J[i,j] = d num_i/d den_j;
    "denominator": its transpose); where no Jacobian of a vector by a vector is involved both are the
    same object. `numbers` holds the values of a right side that names nothing; `half_units` half a
    unit of the last digit written, None where bounds on rounding apply instead: those of arithmetic
    with `bits` significand bits.
    """

    line: int
    target: Derivative
    display: str  # "d loss/d f2" as the author wrote it
    text: str  # the right side as the author wrote it
    formulas: Mapping[str, Graph | Misfit]
    numbers: Array | None = None
    half_units: Array | None = None
    bits: int = SIGNIFICANDS["float64"]
    is_jacobian: bool = False
    file: str = ""

    @property
    def kind(self) -> str:
        """"formula" or "number"."""
        return "formula" if self.numbers is None else "number"


@dataclass(frozen=True)
class Model:
    """A graph with a point (the values of its inputs), its steps and its author's claims."""

    file: str
    graph: Graph
    inputs: Mapping[str, Input]
    steps: Mapping[str, Step]
    claims: tuple[Claim, ...] = ()
    seed: int = 0
    rows: int | None = None
    all_rows: int | None = None  # of which `rows` are some
    settings: Mapping[str, Any] = field(default_factory=dict)  # the file's `set` lines
    notes: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()  # the source, for messages
    loss: str = "loss"
    files: tuple[str, ...] = ()  # paths of the data files that were read
    meter: Meter | None = field(default=None, repr=False, compare=False)  # told of blocks that are taken

    def parameters(self) -> list[Input]:
        """The differentiated inputs, in the order of the file."""
        return [i for i in self.inputs.values() if i.kind == "param"]

    def node(self, name: str) -> Node:
        """The node of a step or input. Raises KeyError."""
        return self.graph.nodes[self.graph.names[name]]

    def display(self, name: str) -> str:
        """A name as the author wrote it."""
        found = self.steps.get(name) or self.inputs.get(name)
        return found.display if found else name

    def step_around(self, index: int) -> Step:
        """The step in whose line a node stands: the first one at or after it, else that of the loss."""
        later = (step for step in self.steps.values() if step.node >= index)
        return min(later, key=lambda step: step.node, default=self.steps[self.loss])

    def point(self) -> dict[str, Array]:
        """The values of all inputs by name."""
        return {name: item.values for name, item in self.inputs.items()}

    def of_rows(self, chosen: Any) -> Model:
        """The same model, without its claims, over some of its rows."""
        inputs = {
            name: replace(item, values=item.values[chosen]) if item.kind == "rows" else item
            for name, item in self.inputs.items()
        }
        rows = next(len(item.values) for item in inputs.values() if item.kind == "rows")
        return replace(
            self, inputs=MappingProxyType(inputs), graph=self.graph.for_rows(rows), rows=rows,
            all_rows=self.all_rows or self.rows, claims=(),
        )  # fmt: skip

    def at(self, values: Mapping[str, Array]) -> Model:
        """The same model at another point. Shapes must be those of the model."""
        inputs = dict(self.inputs)
        for name, value in values.items():
            array = np.array(value, dtype=np.float64)
            if array.shape != inputs[name].values.shape:
                raise ShapeError(
                    f"{name} has the shape {inputs[name].values.shape}, not {array.shape}"
                )
            array.setflags(write=False)
            inputs[name] = replace(inputs[name], values=array)
        return replace(self, inputs=MappingProxyType(inputs))
