"""Reads nothing. Gives the records of activations that are made of pieces, and of gated ones."""

from __future__ import annotations

from functools import partial
from typing import Any

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.model.primitives.axes import one_axis
from gradcheck_cli.model.primitives.record import Primitive, Shape, enter, shape_in_words

__all__ = ["FAMILY"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY, analytic=False)

_BELOW_ZERO = ((-2.0, -0.2),)

define(
    "hard_tanh", "hard_tanh(x)", "min(max(x, -1), 1)", aliases=("hardtanh",), sample=((-0.8, 0.8),),
    rounds=False,
    forward=lambda m, x: m.where(m.gt(m.abs(x), 1), m.sign(x), x),
    vjp=(lambda m, g, y, x: m.where(m.gt(1, m.abs(x)), g, 0 * g),),
    symbolic=lambda s, x: s.select(x > 1, 1, s.select(x < -1, -1, x)),
    kink=lambda m, x: (x + 1, x - 1),
)  # fmt: skip
define(
    "relu6", "relu6(x)", "min(max(x, 0), 6)", sample=((0.3, 5.0),), rounds=False,
    forward=lambda m, x: m.where(m.gt(x, 6), 0 * x + 6, m.positive_part(x)),
    vjp=(lambda m, g, y, x: m.where(m.gt(x, 0) * m.gt(6, x), g, 0 * g),),
    symbolic=lambda s, x: s.select(x > 6, 6, s.select(x > 0, x, 0)),
    kink=lambda m, x: (x, x - 6),
)  # fmt: skip
define(
    "hard_sigmoid", "hard_sigmoid(x)", "relu6(x + 3)/6", aliases=("hardsigmoid",),
    forward=lambda m, x: m.where(m.gt(m.abs(x), 3), m.gt(x, 0), (x + 3) / 6),
    vjp=(lambda m, g, y, x: m.where(m.gt(3, m.abs(x)), g / 6, 0 * g),),
    symbolic=lambda s, x: s.select(x > 3, 1, s.select(x < -3, 0, (x + 3) / 6)),
    kink=lambda m, x: (x + 3, x - 3),
)  # fmt: skip
define(
    "hard_swish", "hard_swish(x)", "x*relu6(x + 3)/6", aliases=("hardswish", "hard_silu"),
    forward=lambda m, x: x * m.where(m.gt(m.abs(x), 3), m.gt(x, 0), (x + 3) / 6),
    vjp=(lambda m, g, y, x: g * m.where(m.ge(m.abs(x), 3), m.gt(x, 0), (2 * x + 3) / 6),),
    symbolic=lambda s, x: s.select(x > 3, x, s.select(x < -3, 0, x * (x + 3) / 6)),
    kink=lambda m, x: (x + 3, x - 3),
)  # fmt: skip
define(
    "softshrink", "softshrink(x, lambd=0.5)", "x moved towards 0 by lambd, 0 where it would pass it",
    options={"lambd": 0.5}, sample=((0.8, 2.0),),
    forward=lambda m, x, lambd: m.where(
        m.gt(m.abs(x), m.number(lambd)), m.sub(x, m.sign(x) * m.number(lambd)), 0 * x
    ),
    vjp=(lambda m, g, y, x, lambd: m.where(m.gt(m.abs(x), m.number(lambd)), g, 0 * g),),
    symbolic=lambda s, x, lambd: s.select(
        x > s.number(lambd), x - s.number(lambd), s.select(x < -s.number(lambd), x + s.number(lambd), 0)
    ),
    kink=lambda m, x, lambd: (m.sub(x, m.number(lambd)), m.add(x, m.number(lambd))),
)  # fmt: skip
define(
    "squared_relu", "squared_relu(x)", "max(x, 0)^2", aliases=("relu2",), sample=((0.2, 2.0),),
    forward=lambda m, x: m.positive_part(x) * m.positive_part(x),
    vjp=(lambda m, g, y, x: 2 * g * m.positive_part(x),),
    symbolic=lambda s, x: s.select(x > 0, x * x, 0),
    kink=lambda m, x: x,
)  # fmt: skip
define(
    "celu", "celu(x, alpha=1)", "x where x > 0, else alpha*(exp(x/alpha) - 1)",
    options={"alpha": 1.0}, sample=_BELOW_ZERO,
    forward=lambda m, x, alpha: m.where(
        m.gt(x, 0), x, m.number(alpha) * m.expm1(m.negative_part(x) / m.number(alpha))
    ),
    vjp=(
        lambda m, g, y, x, alpha: m.where(
            m.gt(x, 0), g, g * m.exp(m.negative_part(x) / m.number(alpha))
        ),
    ),
    symbolic=lambda s, x, alpha: s.select(
        x > 0, x, s.number(alpha) * (s.exp(x / s.number(alpha)) - 1)
    ),
    kink=lambda m, x, alpha: x,
)  # fmt: skip
define(
    "log_sigmoid", "log_sigmoid(x)", "log(sigmoid(x)), without overflow", aliases=("logsigmoid",),
    analytic=True,
    forward=lambda m, x: -m.softplus(-x),
    vjp=(lambda m, g, y, x: g * m.exp(-m.softplus(x)),),
    symbolic=lambda s, x: -s.log(1 + s.exp(-x)),
)  # fmt: skip


def _halves(shape: Shape, *, axis: int | None = None) -> tuple[Shape, dict[str, Any]]:
    """The shape of one half along an axis, the last one by default."""
    if not shape:
        raise ShapeError("glu takes an array, not a single number", help="a*sigmoid(b) is the glu of [a, b]")
    axis = one_axis(-1 if axis is None else axis, shape)
    if shape[axis] % 2:
        raise ShapeError(
            f"glu halves an axis of even length, this is {shape_in_words(shape)}",
            help="the first half is multiplied by the sigmoid of the second",
        )
    half = shape[axis] // 2
    kept = tuple(half if k == axis else n for k, n in enumerate(shape))
    return kept, {"axis": axis, "along": axis - len(shape), "half": half}


def _cut(x: Any, along: int, start: int, stop: int) -> Any:
    return x[(..., slice(start, stop), *(slice(None),) * (-1 - along))]


def _glu_back(m: Any, g: Any, x: Any, along: int, half: int) -> Any:
    a, b = _cut(x, along, 0, half), _cut(x, along, half, 2 * half)
    gate = m.exp(-m.softplus(-b))
    return m.concat([g * gate, g * a * gate * m.exp(-m.softplus(b))], along)

define(
    "glu", "glu(x, axis=last)", "first half along an axis times the sigmoid of the second",
    shape=_halves, options={"axis": None}, analytic=True,
    forward=lambda m, x, axis, along, half: _cut(x, along, 0, half)
    * m.exp(-m.softplus(-_cut(x, along, half, 2 * half))),
    vjp=(lambda m, g, y, x, axis, along, half: _glu_back(m, g, x, along, half),),
    symbolic=lambda s, x, axis, along, half: s.part(x, axis, 0, half)
    / (1 + s.exp(-s.part(x, axis, half, 2 * half))),
)  # fmt: skip
