"""Reads the table of primitives. Gives what a model is: Node, Graph, Model, Claim. Knows nothing of text.

    graph ::= node*                      in an order in which arguments come first
    node  ::= leaf key                   a value from outside: data, rows, param (in a claim any name)
            | literal number             the double nearest to its text
            | primitive node* options
    A named node is a step. Nothing here recurses: a chain of any length is no special case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.model.assumptions import Assumption
from gradcheck_cli.model.graph import Derivative, Graph, Node
from gradcheck_cli.model.point_values import PointValues
from gradcheck_cli.model.primitives.record import Shape
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float_formats import SIGNIFICANDS

if TYPE_CHECKING:
    from gradcheck_cli.results.gradient_results import Failure

__all__ = ["Claim", "Input", "Let", "Misfit", "Model", "Step"]


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
    assumptions: tuple[Assumption, ...] = ()  # what all its values keep


@dataclass(frozen=True)
class Step:
    """A named line of the model."""

    name: str
    display: str
    node: int
    line: int
    text: str  # the right side as the author wrote it; empty if it was written out
    values: str = ""  # of the indices of the loops around it: "k = 3"

    @property
    def where(self) -> str:
        """Its line, behind the word line: "7", "7, k = 3"."""
        return f"{self.line}, {self.values}" if self.values else str(self.line)


@dataclass(frozen=True)
class Let:
    """A derivative under a name of its own: `let delta2 = d loss/d f2`."""

    name: str
    display: str
    target: Derivative
    of: str  # as the author wrote the names of the derivative
    by: str
    line: int


@dataclass(frozen=True)
class Misfit:
    """Why a claim's formula cannot be built: a WRONG claim, not a bad file."""

    message: str
    help: str | None = None


@dataclass(frozen=True)
class Claim:
    """What the author asserts: d of/d by, or the value of a step, equals a formula, or numbers.

    `formulas` holds the right side for each Jacobian layout ("numerator": J[i,j] = d num_i/d den_j;
    "denominator": its transpose); where no Jacobian of a vector by a vector is involved both are the
    same object. `numbers` holds the values of a right side that names nothing; `half_units` half a
    unit of the last digit written, None where bounds on rounding apply instead: those of arithmetic
    with `bits` significand bits. `integers` holds them where digits are all that is written: they are met
    exactly. `is_in_float32`: all are float32 numbers, and not by accident, but nobody says so. `readings`
    says, for each layout, how a right side of another shape was read; `doubt`, what a table of numbers that
    fits may hold besides them.
    """

    line: int
    target: Derivative
    display: str  # "d loss/d f2" as the author wrote it
    text: str  # the right side as the author wrote it
    formulas: Mapping[str, Graph | Misfit]
    numbers: Array | None = None
    half_units: Array | None = None
    integers: Array | None = None  # Python integers of any length
    bits: int = SIGNIFICANDS["float64"]
    is_in_float32: bool = False
    is_jacobian: bool = False
    file: str = ""
    readings: Mapping[str, str] = field(default_factory=dict)
    doubt: str = ""
    failure: Failure | None = None  # why it cannot be read: nothing else of it is known

    @property
    def kind(self) -> str:
        """"value", or of a derivative "formula" or "number"."""
        if self.target.is_value:
            return "value"
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
    definitions: tuple[str, ...] = ()  # functions of the file; its steps have them written out
    loss: str = "loss"
    files: tuple[str, ...] = ()  # paths of the data files that were read
    lets: Mapping[str, Let] = field(default_factory=dict)  # derivatives that have a name

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

    def point(self) -> PointValues:
        """The values of all inputs.

        Returns
        -------
        dict of str to read-only float64 arrays
            (*shape), or (N, *shape) for data with rows.
        """
        return PointValues({name: item.values for name, item in self.inputs.items()})

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
        """The same model at another point.

        Parameters
        ----------
        values : name to array of the shape of the input; inputs that are not in it stay

        Returns
        -------
        Model

        Raises
        ------
        KeyError
            If the model has no such input.
        ShapeError
            If a value has another shape.
        """
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
