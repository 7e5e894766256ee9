"""Reads nothing. Gives the records of activation functions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from gradcheck_cli.model.primitives.record import Primitive, enter

if TYPE_CHECKING:
    from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["FAMILY"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY)

_BESIDE_ZERO = ((0.2, 2.0),)

define(
    "erf", "erf(x)", "error function",
    forward=lambda m, x: m.erf(x),
    vjp=(lambda m, g, y, x: g * (2 / m.sqrt(m.pi)) * m.exp(-x * x),),
    symbolic=lambda s, x: s.erf(x),
)  # fmt: skip
define(
    "sigmoid", "sigmoid(x)", "1/(1 + exp(-x))", aliases=("logistic", "expit"),
    forward=lambda m, x: m.exp(-m.softplus(-x)),
    vjp=(lambda m, g, y, x: g * y * m.exp(-m.softplus(x)),),
    symbolic=lambda s, x: 1 / (1 + s.exp(-x)),
)  # fmt: skip
define(
    "softplus", "softplus(x)", "log(1 + exp(x))",
    forward=lambda m, x: m.softplus(x),
    vjp=(lambda m, g, y, x: g * m.exp(-m.softplus(-x)),),
    symbolic=lambda s, x: s.log(1 + s.exp(x)),
)  # fmt: skip
define(
    "relu", "relu(x)", "max(x, 0); relu'(0) = 0 by convention", analytic=False, sample=_BESIDE_ZERO,
    rounds=False,
    forward=lambda m, x: m.positive_part(x),
    vjp=(lambda m, g, y, x: m.gate(g, x),),
    symbolic=lambda s, x: s.select(x > 0, x, 0),
    kink=lambda m, x: x,
)  # fmt: skip
define(
    "leaky_relu", "leaky_relu(x, slope=0.01)", "x where x > 0, else slope*x", analytic=False,
    options={"slope": 0.01}, sample=((-2.0, -0.2),),
    forward=lambda m, x, slope: m.where(m.gt(x, 0), x, m.number(slope) * x),
    vjp=(lambda m, g, y, x, slope: m.where(m.gt(x, 0), g, m.number(slope) * g),),
    symbolic=lambda s, x, slope: s.select(x > 0, x, s.number(slope) * x),
    kink=lambda m, x, slope: x,
)  # fmt: skip
define(
    "elu", "elu(x, alpha=1)", "x where x > 0, else alpha*(exp(x) - 1)", analytic=False,
    options={"alpha": 1.0}, sample=((-2.0, -0.2),),
    forward=lambda m, x, alpha: m.where(
        m.gt(x, 0), x, m.number(alpha) * m.expm1(m.negative_part(x))
    ),
    vjp=(
        lambda m, g, y, x, alpha: m.where(
            m.gt(x, 0), g, g * m.number(alpha) * m.exp(m.negative_part(x))
        ),
    ),
    symbolic=lambda s, x, alpha: s.select(x > 0, x, s.number(alpha) * (s.exp(x) - 1)),
    kink=lambda m, x, alpha: x,
)  # fmt: skip
# each way to compute it holds scale and alpha by itself: a wrong digit in one shows beside the others
define(
    "selu", "selu(x)", "scaled elu (Klambauer et al. 2017)", analytic=False, sample=((-2.0, -0.2),),
    forward=lambda m, x: m.decimal("1.0507009873554804934193349852946")
    * m.where(m.gt(x, 0), x, m.decimal("1.6732632423543772848170429916717") * m.expm1(m.negative_part(x))),
    vjp=(
        lambda m, g, y, x: g
        * m.decimal("1.0507009873554804934193349852946")
        * m.where(
            m.gt(x, 0), 1 + 0 * x,
            m.decimal("1.6732632423543772848170429916717") * m.exp(m.negative_part(x)),
        ),
    ),
    symbolic=lambda s, x: s.decimal("1.0507009873554804934193349852946")
    * s.select(x > 0, x, s.decimal("1.6732632423543772848170429916717") * (s.exp(x) - 1)),
    kink=lambda m, x: x,
)  # fmt: skip


def _gelu_by_tanh(m: Namespace, x: Any) -> Any:
    """Hendrycks and Gimpel 2016: x/2*(1 + tanh(t)), written with the sigmoid of 2 t."""
    return x * m.exp(-m.softplus(-m.sqrt(8 / m.pi) * x * (1 + m.decimal("0.044715") * x * x)))


def _slope_of_gelu_by_tanh(m: Namespace, x: Any) -> Any:
    twice = m.sqrt(8 / m.pi) * x * (1 + m.decimal("0.044715") * x * x)
    moves = m.sqrt(8 / m.pi) * (1 + 3 * m.decimal("0.044715") * x * x)
    return m.exp(-m.softplus(-twice)) * (1 + x * moves * m.exp(-m.softplus(twice)))

define(
    "gelu", "gelu(x, approximate=0)", "x*(1 + erf(x/sqrt(2)))/2; approximate=1: by tanh",
    options={"approximate": 0},
    forward=lambda m, x, approximate: _gelu_by_tanh(m, x)
    if approximate else x * m.erfc(-x * m.sqrt(0.5)) / 2,
    vjp=(
        lambda m, g, y, x, approximate: g * _slope_of_gelu_by_tanh(m, x)
        if approximate else g
        * (m.erfc(-m.sqrt(0.5) * x) / 2 + x / m.sqrt(2 * m.pi) * m.exp(-x * x / 2)),
    ),
    symbolic=lambda s, x, approximate: s.gelu_by_tanh(x, s.decimal("0.044715"))
    if approximate else x * (1 + s.erf(x / s.sqrt(2))) / 2,
)  # fmt: skip
define(
    "silu", "silu(x)", "x*sigmoid(x)", aliases=("swish",),
    forward=lambda m, x: x * m.exp(-m.softplus(-x)),
    vjp=(
        lambda m, g, y, x: g
        * m.exp(-m.softplus(-x))
        * (1 + x * m.exp(-m.softplus(x))),
    ),
    symbolic=lambda s, x: x / (1 + s.exp(-x)),
)  # fmt: skip
define(
    "mish", "mish(x)", "x*tanh(softplus(x)) (Misra 2019)",
    forward=lambda m, x: x * m.tanh(m.softplus(x)),
    vjp=(
        lambda m, g, y, x: g
        * (m.tanh(m.softplus(x)) + x * m.sech(m.softplus(x)) ** 2 * m.exp(-m.softplus(-x))),
    ),
    symbolic=lambda s, x: x * s.tanh(s.log(1 + s.exp(x))),
)  # fmt: skip
define(
    "softsign", "softsign(x)", "x/(1 + abs(x))", analytic=False,
    forward=lambda m, x: x / (1 + m.abs(x)),
    vjp=(lambda m, g, y, x: g / (1 + m.abs(x)) / (1 + m.abs(x)),),
    symbolic=lambda s, x: x / (1 + s.select(x > 0, x, -x)),
)  # fmt: skip
