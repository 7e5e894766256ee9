"""Models built by hand with graph.Builder, so that no test of the engine depends on the parser."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.model import Input, Model, Step
from gradcheck_cli.model.primitives import table
from gradcheck_cli.model.primitives.record import Primitive
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.numerics.mpmath_context import private_context
from gradcheck_cli.numerics.multiprecision import High

Shape = tuple[int, ...]
SWEEP_ALL = os.environ.get("GRADCHECK_SWEEPS") == "all"  # whole sweeps, which every run takes a part of


class Sheet:
    """A model as it is written down: names first, steps line by line."""

    def __init__(self, rows: int | None = None) -> None:
        self.builder = Builder()
        self.rows = rows
        self.inputs: dict[str, Input] = {}
        self.steps: dict[str, Step] = {}

    def param(self, name: str, values: Any) -> int:
        return self._input(name, "param", values)

    def data(self, name: str, values: Any) -> int:
        return self._input(name, "data", values)

    def per_row(self, name: str, values: Any) -> int:
        return self._input(name, "rows", values)

    def _input(self, name: str, kind: str, values: Any) -> int:
        array = np.array(values, dtype=np.float64)
        shape = array.shape[1:] if kind == "rows" else array.shape
        node = self.builder.leaf(name, shape, per_row=kind == "rows")
        self.inputs[name] = Input(name, name, kind, shape, array, len(self.inputs) + 1, node=node)
        return node

    def number(self, value: float) -> int:
        return self.builder.literal(value, repr(value))

    def __call__(self, operation: str, *arguments: int | float, **options: Any) -> int:
        nodes = [self.number(a) if isinstance(a, float) else a for a in arguments]
        return self.builder.apply(operation, nodes, options or None, rows=self.rows)

    def step(self, name: str, node: int) -> int:
        node = self.builder.name(name, node)
        line = len(self.inputs) + len(self.steps) + 1
        self.steps[name] = Step(name, name, node, line, name)
        return node

    def shape(self, node: int) -> Shape:
        return self.builder.nodes[node].shape

    def is_per_row(self, node: int) -> bool:
        return self.builder.nodes[node].per_row

    def model(self) -> Model:
        return Model("by hand", self.builder.graph(), self.inputs, self.steps, rows=self.rows)


def high(digits: int = 50) -> High:
    """A namespace of any precision, with a context of its own."""
    return High(private_context(digits))


# ---------------------------------------------------------------------------------------------
# How every record may be applied
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Application:
    """A record with shapes for its arguments and options a user may give."""

    record: Primitive
    shapes: tuple[Shape, ...]
    options: dict[str, Any] = field(default_factory=dict)
    per_row: tuple[bool, ...] = ()

    def __str__(self) -> str:
        shapes = ",".join("x".join(map(str, s)) or "scalar" for s in self.shapes)
        rows = "-rows" + "".join("sr"[r] for r in self.per_row) if any(self.per_row) else ""
        options = "".join(f"-{k}={v}" for k, v in self.options.items())
        return f"{self.record.name}-{shapes}{options}{rows}".replace(" ", "")

    def values(self, seed: int = 0, rows: int = 5) -> list[np.ndarray]:
        """Arguments drawn where the record's `sample` says."""
        random = np.random.default_rng([seed, len(self.record.name)])
        found = []
        for k, shape in enumerate(self.shapes):
            low, high_ = self.record.sample[min(k, len(self.record.sample) - 1)]
            lead = (rows,) if self.per_row and self.per_row[k] else ()
            found.append(random.uniform(low, high_, (*lead, *shape)))
            if k in self.record.whole:  # whole-number data: which entries are chosen, some of them twice
                found[-1] = random.integers(0, 2, (*lead, *shape)).astype(float)
            if self.record.eliminates and k == 0:  # far from the singular ones
                found[-1] += 1.3 * np.eye(shape[0])
        return found

    def model(self, seed: int = 0, rows: int = 5, at: Sequence[Any] | None = None) -> Model:
        """a0, a1, ...; y = f(a0, a1, ...); loss = sum of weights * sin(y), also over the rows if any."""
        sheet = Sheet(rows if any(self.per_row) else None)
        arguments = []
        for k, values in enumerate(self.values(seed, rows) if at is None else at):
            shared = sheet.data if k in self.record.whole else sheet.param
            make = sheet.per_row if self.per_row and self.per_row[k] else shared
            arguments.append(make(f"a{k}", values))
        y = sheet.step("y", sheet(self.record.name, *arguments, **self.options))
        weighed_loss(sheet, y, "cos" if self.record.name == "sin" else "sin")
        return sheet.model()


def weighed_loss(sheet: Sheet, y: int, bend: str = "sin") -> None:
    """Steps down to a scalar: every entry counts with a weight of its own, and not linearly."""
    shape = sheet.shape(y)
    weights = 0.5 + np.random.default_rng(7).uniform(0, 1, shape)
    part = sheet("mul", sheet.data("weights", weights), sheet(bend, y))
    if shape:
        part = sheet("sum", part)
    if sheet.is_per_row(y):
        part = sheet("sum_rows", part)
    sheet.step("loss", part)


_REDUCTIONS: list[tuple[tuple[Shape, ...], dict[str, Any]]] = [
    (((4,),), {}), (((4,),), {"axis": 0}), (((1,),), {}),
    (((2, 3),), {}), (((2, 3),), {"axis": 0}), (((2, 3),), {"axis": 1}),
    (((2, 3, 2),), {"axis": (0, 2)}), (((2, 1, 2),), {"axis": (-1, 0), "keepdims": 0}),
    (((2, 2),), {"keepdims": 1}),
]  # fmt: skip
_NORMALIZED: list[tuple[tuple[Shape, ...], dict[str, Any]]] = [
    (((4,),), {}), (((4,),), {"axis": 0}), (((2, 3),), {"axis": 0}), (((2, 3),), {"axis": 1}),
    (((2, 2, 2),), {"axis": (0, 2)}),
]  # fmt: skip
_SQUARES: list[tuple[tuple[Shape, ...], dict[str, Any]]] = [
    (((3, 3),), {}), (((1, 1),), {}), (((2, 2),), {}), (((5, 5),), {}),
]  # fmt: skip
_CUMULATIVE: list[tuple[tuple[Shape, ...], dict[str, Any]]] = [
    (((4,),), {}), (((1,),), {}), (((5,),), {"axis": 0}), (((3, 2),), {"axis": 0}), (((2, 3),), {"axis": 1}),
    (((2, 3, 2),), {"axis": -2}),
]  # fmt: skip
_VARIANCES: list[tuple[tuple[Shape, ...], dict[str, Any]]] = [
    (((4,),), {}), (((4,),), {"axis": 0, "correction": 1}), (((2, 3),), {"correction": 1}),
    (((2, 3),), {"axis": 0}), (((2, 3),), {"axis": 1, "correction": 1}),
    (((2, 3, 2),), {"axis": (0, 2), "keepdims": 0}),
]  # fmt: skip
_POOLED: list[tuple[tuple[Shape, ...], dict[str, Any]]] = [
    (((4,),), {"window": (2,)}), (((3, 5),), {"window": (2,), "stride": (1, 3)}),
    (((2, 2, 3),), {"window": (1, 2)}), (((4, 4),), {"window": (3,), "stride": 1}),
]  # fmt: skip
_WHOLE = slice(None)
_ARRAYS: dict[str, list[tuple[tuple[Shape, ...], dict[str, Any]]]] = {
    **dict.fromkeys(("sum", "mean", "prod", "norm", "max", "min"), _REDUCTIONS),
    **dict.fromkeys(("det", "inv", "logdet", "slogdet", "cholesky"), _SQUARES),
    "solve": [(((3, 3), (3,)), {}), (((1, 1), (1,)), {}), (((2, 2), (2, 3)), {}), (((5, 5), (5,)), {})],
    "eigvalsh": _SQUARES,
    "einsum1": [
        (((2, 3),), {"subscripts": "ij->ji"}), (((2, 3),), {"subscripts": "ij->j"}),
        (((3, 3),), {"subscripts": "ii"}), (((3, 3),), {"subscripts": "ii->i"}),
        (((2, 3),), {"subscripts": "ij->"}),
    ],
    "einsum2": [
        (((2, 3), (3, 2)), {"subscripts": "ij,jk->ik"}), (((2, 3), (3,)), {"subscripts": "ij,j"}),
        (((3, 3), (3, 2)), {"subscripts": "ii,ij->j"}), (((2, 3), (2, 3)), {"subscripts": "ij,ij->"}),
        (((2,), (3,)), {"subscripts": "a,b->ba"}), (((2, 3), (3,)), {"subscripts": "ij,k->i"}),
        (((2, 3), (2, 3)), {"subscripts": "ij,ij->ij"}),
        (((2, 2, 3), (2, 3, 2)), {"subscripts": "bij,bjk->bik"}),
    ],
    "einsum3": [
        (((2,), (2, 3), (3,)), {"subscripts": "i,ij,j->"}), (((2,), (3,), (2,)), {"subscripts": "i,j,i->j"}),
        (((2, 3), (3, 2), (2, 2)), {"subscripts": "ij,jk,kl->il"}),
    ],
    "kron": [(((2, 2), (2, 3)), {}), (((2,), (3,)), {}), (((1, 2), (2, 1)), {})],
    "cross": [(((3,), (3,)), {}), (((2, 3), (2, 3)), {})],
    **dict.fromkeys(("var", "std"), _VARIANCES),
    "sort": _CUMULATIVE,
    "tril": [(((3, 3),), {}), (((2, 4),), {}), (((3, 2),), {})],
    "trace": [(((3, 3),), {}), (((1, 1),), {})],
    "diag": [(((3,),), {}), (((3, 3),), {}), (((1,),), {}), (((1, 1),), {})],
    **dict.fromkeys(("softmax", "log_softmax", "logsumexp"), _NORMALIZED),
    "transpose": [(((),), {}), (((3,),), {}), (((2, 3),), {})],
    "matmul": [
        (((2, 3), (3, 2)), {}), (((2, 3), (3,)), {}), (((3,), (1, 2)), {}), (((1, 3), (3, 1)), {}),
    ],
    "dot": [(((3,), (3,)), {}), (((1,), (1,)), {})],
    "outer": [(((2,), (3,)), {})],
    "expand": [
        (((),), {"to": (2, 3)}), (((3,),), {"to": (2, 3)}), (((1, 3),), {"to": (2, 3)}),
        (((2, 1),), {"to": (2, 3)}), (((),), {"to": (3,)}), (((3, 1),), {"to": (2, 3, 2)}),
    ],
    "index": [
        (((4,),), {"key": (2,)}), (((4,),), {"key": (slice(1, 3),)}), (((2, 3),), {"key": (1, 0)}),
        (((2, 3),), {"key": (1, _WHOLE)}), (((2, 3),), {"key": (_WHOLE, 2)}),
        (((2, 3),), {"key": (_WHOLE, slice(0, 2))}), (((2, 3, 2),), {"key": (1, slice(1, 3), _WHOLE)}),
    ],
    "stack": [
        (((), (), ()), {}), (((2,), (2,)), {}), (((),), {}), (((2, 3), (2, 3)), {"axis": 1}),
    ],
    "concat": [
        (((3,), (2,)), {}), (((2,),), {}), (((2, 3), (1, 3)), {}), (((2, 1), (2, 3)), {"axis": 1}),
        (((2,), (1,), (2,)), {"axis": 0}), (((2, 1, 2), (2, 2, 2)), {"axis": -2}),
    ],
    "take": [
        (((4,), ()), {"key": (None,)}), (((3,), (4,)), {"key": (None,)}),
        (((3, 2), (2,)), {"key": (None, _WHOLE)}), (((3, 2), ()), {"key": (_WHOLE, None)}),
        (((3, 4), (3,)), {"key": (range(3), None)}), (((3, 4), (2,)), {"key": (1, None)}),
        (((3,), (2, 2)), {"key": (None,)}),
    ],
    "take_pairs": [
        (((2, 3), (4,), (4,)), {"key": (None, None)}), (((2, 3), (4,), ()), {"key": (None, None)}),
    ],
    "conv1d": [
        (((5,), (3,)), {}), (((2, 5), (4, 1, 2)), {"groups": 2, "padding": 1}),
        (((2, 1, 6), (2, 1, 3)), {"stride": 2, "padding": 1}),
    ],
    "conv1d_input": [
        (((3,), (3,)), {"sizes": (5,)}), (((4, 3), (4, 1, 2)), {"sizes": (4,), "groups": 2, "padding": 1,
                                                                 "stride": 2}),
    ],
    "conv1d_weight": [
        (((5,), (3,)), {"kernel": (3,)}), (((2, 4), (4, 3)), {"kernel": (2,), "groups": 2, "padding": 1,
                                                               "stride": 2}),
    ],
    "conv2d": [
        (((3, 3), (2, 2)), {}), (((2, 3, 4), (2, 2, 2, 3)), {"padding": (0, 1), "stride": (1, 2)}),
        (((2, 2, 3, 3), (2, 1, 2, 2)), {"groups": 2, "stride": 2, "padding": 1}),
    ],
    "conv2d_input": [
        (((2, 2), (2, 2)), {"sizes": (3, 3)}),
        (((2, 2, 2), (2, 2, 2, 3)), {"sizes": (3, 4), "padding": (0, 1), "stride": (1, 2)}),
        (((1, 2, 2, 2), (2, 1, 2, 2)), {"sizes": (3, 3), "groups": 2, "stride": 2, "padding": 1}),
    ],
    "conv2d_weight": [
        (((3, 3), (2, 2)), {"kernel": (2, 2)}),
        (((2, 2, 3, 3), (2, 2, 2, 2)), {"kernel": (2, 2), "groups": 2, "stride": 2, "padding": 1}),
    ],
    **dict.fromkeys(("max_pool", "avg_pool"), _POOLED),
    "flip": [(((3,),), {}), (((2, 3),), {}), (((2, 3),), {"axis": 1}), (((2, 2, 2),), {"axis": (0, -1)})],
    "one_hot": [(((),), {"classes": (3,)}), (((4,),), {"classes": (2,)})],
    "reshape": [(((2, 3),), {"to": (3, 2)}), (((4,),), {"to": (2, 1, -1)}), (((),), {"to": (1, 1)})],
    "permute": [(((2, 3, 1),), {"axes": (2, 0, 1)}), (((2, 3),), {"axes": (1, 0)})],
    "ones": [((), {"sizes": (3,)}), ((), {"sizes": (2, 3)}), ((), {"sizes": (2, 1, 3)})],
    "eye": [((), {"sizes": (3,)}), ((), {"sizes": (1,)})],
    **dict.fromkeys(("cumsum", "cumprod"), _CUMULATIVE),
    "glu": [(((4,),), {}), (((2,),), {"axis": 0}), (((2, 4),), {}), (((4, 3),), {"axis": 0})],
    "sum_rows": [(((),), {}), (((3,),), {}), (((2, 3),), {})],
    "mean_rows": [(((),), {}), (((3,),), {}), (((2, 3),), {})],
}  # fmt: skip
_OPTIONS: dict[str, list[dict[str, Any]]] = {
    "leaky_relu": [{}, {"slope": 0.3}],
    "elu": [{}, {"alpha": 0.7}],
    "gelu": [{}, {"approximate": 1}],
    "celu": [{}, {"alpha": 1.3}],
    "softshrink": [{}, {"lambd": 0.3}],
    "polygamma": [{"n": 1}, {"n": 2}],
    **{name: [{"n": 0}, {"n": 3}] for name in ("bessel_j", "bessel_y", "bessel_i")},
    "gammainc": [{"a": 1.0}, {"a": 3.7}],
}


def applications(record: Primitive) -> Iterator[Application]:
    """All shapes, options and ways to be per row or shared of a record."""
    for shapes, options in _settings(record):
        if record.rows != "reduce":
            yield Application(record, shapes, options)
        for rows in itertools.product((False, True), repeat=len(shapes)):
            if any(rows) and (len(shapes) < 3 or sum(rows) != 2):
                yield Application(record, shapes, options, rows)


def _settings(record: Primitive) -> list[tuple[tuple[Shape, ...], dict[str, Any]]]:
    if record.elementwise:
        count = record.arguments or 1
        given = _OPTIONS.get(record.name, [dict(record.options)] if not record.options else None)
        assert given is not None, f"say in tests/build.py which options of {record.name} to test"
        return [((shape,) * count, options) for shape in ((), (2, 3)) for options in given]
    assert record.name in _ARRAYS, f"say in tests/build.py which shapes {record.name} takes"
    return _ARRAYS[record.name]


def every_application() -> list[Application]:
    return [a for record in PRIMITIVES.values() for a in applications(record)]


def one_of(count: int, cases: Iterable[Any]) -> list[Any]:
    """The cases, an argument or a tuple of arguments each; all but one of so many are marked slow."""
    given = (case if isinstance(case, tuple) else (case,) for case in cases)
    slow = pytest.mark.slow
    return [pytest.param(*case, marks=[slow] if k % count else []) for k, case in enumerate(given)]


def part_of(cases: Iterable[Any], every: int) -> list[Any]:
    """One of so many cases of one kind; GRADCHECK_SWEEPS=all takes all of them."""
    return list(cases) if SWEEP_ALL else list(cases)[::every]


def grouped(cases: Sequence[str], count: int) -> list[list[str]]:
    """So many at a time, where a run by itself costs more than what a case adds to it."""
    return [list(cases[k : k + count]) for k in range(0, len(cases), count)]


def added_up(losses: Sequence[str]) -> str:
    """The body of a program whose loss is the sum of others, each in a line of its own."""
    lines = [f"loss_{k} = {loss}" for k, loss in enumerate(losses)]
    return "\n".join([*lines, "return " + " + ".join(f"{k}.5*loss_{k}" for k in range(len(losses)))])


def exchanged(patch: pytest.MonkeyPatch, name: str, **fields: Any) -> None:
    """Put a record with other fields into the table, for the time of one test."""
    patch.setitem(table._TABLE, name, replace(PRIMITIVES[name], **fields))
