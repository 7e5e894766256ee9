"""Reads nothing. Gives the records of elementary functions that compositions lose digits of, and of the rarer
trigonometric ones."""

from __future__ import annotations

from functools import partial

from gradcheck_cli.model.primitives.arithmetic import ABOVE_ZERO, pole_margin
from gradcheck_cli.model.primitives.record import Primitive, enter

__all__ = ["FAMILY"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY)

# -- trigonometric and hyperbolic

define(
    "sec", "sec(x)", "1/cos(x)", sample=((-1.2, 1.2),),
    forward=lambda m, x: 1 / m.cos(x),
    vjp=(lambda m, g, y, x: g * y * m.tan(x),),
    symbolic=lambda s, x: s.sec(x),
    domain=lambda m, x: m.cos(x), domain_text="cos(x) != 0",
    within=lambda m, y, moved, x: m.abs(m.cos(x)) - m.abs(moved - x),
)  # fmt: skip
define(
    "csc", "csc(x)", "1/sin(x)", sample=((0.3, 2.0),),
    forward=lambda m, x: 1 / m.sin(x),
    vjp=(lambda m, g, y, x: -g * y * m.cos(x) * y,),
    symbolic=lambda s, x: s.csc(x),
    domain=lambda m, x: m.sin(x), domain_text="sin(x) != 0",
    within=lambda m, y, moved, x: m.where(m.eq(x, 0), 1 + 0 * x, m.abs(m.sin(x)) - m.abs(moved - x)),
)  # fmt: skip
define(
    "cot", "cot(x)", "cos(x)/sin(x)", sample=((0.3, 1.3),),
    forward=lambda m, x: m.cos(x) / m.sin(x),
    vjp=(lambda m, g, y, x: -g / m.sin(x) / m.sin(x),),
    symbolic=lambda s, x: s.cot(x),
    domain=lambda m, x: m.sin(x), domain_text="sin(x) != 0",
    within=lambda m, y, moved, x: m.where(m.eq(x, 0), 1 + 0 * x, m.abs(m.sin(x)) - m.abs(moved - x)),
)  # fmt: skip
define(
    "asinh", "asinh(x)", "inverse hyperbolic sine", aliases=("arcsinh",),
    forward=lambda m, x: m.named("asinh", x),
    vjp=(lambda m, g, y, x: g / m.named("hypot", x, 1 + 0 * x),),
    symbolic=lambda s, x: s.asinh(x),
)  # fmt: skip
define(
    "acosh", "acosh(x)", "inverse hyperbolic cosine", aliases=("arccosh",), sample=((1.3, 3.0),),
    forward=lambda m, x: m.named("acosh", x),
    vjp=(lambda m, g, y, x: g / (m.sqrt(x - 1) * m.sqrt(x + 1)),),
    symbolic=lambda s, x: s.acosh(x),
    domain=lambda m, x: x - 1, domain_text="x >= 1",
    within=lambda m, y, moved, x: pole_margin(m, moved - 1, x - 1),
)  # fmt: skip
define(
    "atanh", "atanh(x)", "inverse hyperbolic tangent", aliases=("arctanh",), sample=((-0.9, 0.9),),
    forward=lambda m, x: m.named("atanh", x),
    vjp=(lambda m, g, y, x: g / ((1 - x) * (1 + x)),),
    symbolic=lambda s, x: s.atanh(x),
    domain=lambda m, x: (1 - x) * (1 + x), domain_text="-1 < x < 1",
    within=lambda m, y, moved, x: pole_margin(m, moved - 1, x - 1) * m.gt(x, 0)
    + pole_margin(m, moved + 1, x + 1) * (1 - m.gt(x, 0)),
)  # fmt: skip
define(
    "hypot", "hypot(a, b)", "sqrt(a^2 + b^2), without overflow", arguments=2, analytic=False,
    sample=((0.3, 2.0), (-2.0, 2.0)),
    forward=lambda m, a, b: m.named("hypot", a, b),
    vjp=(
        lambda m, g, y, a, b: g * (a / m.where(m.eq(y, 0), 1 + y, y)),  # at 0 by convention 0
        lambda m, g, y, a, b: g * (b / m.where(m.eq(y, 0), 1 + y, y)),
    ),
    symbolic=lambda s, a, b: s.hypot(a, b),
    domain=lambda m, a, b: m.named("hypot", a, b),
    domain_text="all numbers; no derivative where both are 0",
)  # fmt: skip

# -- exponentials, logarithms, roots

_PROBABILITY = ((0.05, 0.95),)

define(
    "exp2", "exp2(x)", "2^x",
    forward=lambda m, x: m.named("exp2", x),
    vjp=(lambda m, g, y, x: g * y * m.log(0 * x + 2),),
    symbolic=lambda s, x: s.pow(s.lift(2), x),
)  # fmt: skip
define(
    "rsqrt", "rsqrt(x)", "1/sqrt(x)", sample=((0.3, 2.5),),
    forward=lambda m, x: 1 / m.sqrt(x),
    vjp=(lambda m, g, y, x: -g * (y / (2 * x)),),
    symbolic=lambda s, x: 1 / s.sqrt(x),
    **ABOVE_ZERO,
)  # fmt: skip
define(
    "logit", "logit(p)", "log(p/(1 - p)), the inverse of sigmoid", sample=((0.05, 0.45),),
    forward=lambda m, p: m.named("logit", p),
    vjp=(lambda m, g, y, p: g / (p * (1 - p)),),
    symbolic=lambda s, p: s.log(p) - s.log(1 - p),
    domain=lambda m, p: p * (1 - p), domain_text="0 < p < 1",
    within=lambda m, y, moved, p: m.where(
        m.gt(p, 0.5), pole_margin(m, moved - 1, p - 1), pole_margin(m, moved, p)
    ),
)  # fmt: skip
define(
    "logaddexp", "logaddexp(a, b)", "log(exp(a) + exp(b)), without overflow", arguments=2,
    sample=((-2.0, 2.0), (0.5, 2.5)),
    forward=lambda m, a, b: m.named("logaddexp", a, b),
    vjp=(
        lambda m, g, y, a, b: g * m.exp(-m.softplus(b - a)),
        lambda m, g, y, a, b: g * m.exp(-m.softplus(a - b)),
    ),
    symbolic=lambda s, a, b: s.log(s.exp(a) + s.exp(b)),
)  # fmt: skip
define(
    "log1mexp", "log1mexp(x)", "log(1 - exp(x)) for negative x", sample=((-2.5, -0.1),),
    forward=lambda m, x: m.where(m.gt(x, -0.7), m.log(-m.expm1(x)), m.log1p(-m.exp(x))),
    vjp=(lambda m, g, y, x: g * m.exp(x) / m.expm1(x),),
    symbolic=lambda s, x: s.log(-s.expm1(x)),
    domain=lambda m, x: -x, domain_text="x < 0",
    within=lambda m, y, moved, x: pole_margin(m, moved, x),
)  # fmt: skip
define(
    "xlogy", "xlogy(x, y)", "x*log(y), 0 where x is 0", arguments=2, sample=((-2.0, 2.0), (1.3, 2.5)),
    forward=lambda m, x, y: m.where(m.eq(x, 0), 0 * x, x * m.log(y)),
    vjp=(
        lambda m, g, z, x, y: g * m.log(y),
        lambda m, g, z, x, y: g * m.where(m.eq(x, 0), 0 * x, x / y),
    ),
    symbolic=lambda s, x, y: s.select(y > 0, x * s.log(y), 0 * x),
    domain=lambda m, x, y: y, domain_text="y > 0, or x = 0 and y = 0",
    within=lambda m, z, to_x, to_y, x, y: pole_margin(m, to_y, y),
)  # fmt: skip
