"""Reads nothing. Gives the records of trigonometric functions, exponentials, logarithms and roots."""

from __future__ import annotations

from functools import partial

from gradcheck_cli.model.primitives.arithmetic import ABOVE_ZERO, pole_margin
from gradcheck_cli.model.primitives.record import Primitive, enter

__all__ = ["FAMILY"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY)

# -- trigonometric and hyperbolic

define(
    "sin", "sin(x)", "sine",
    forward=lambda m, x: m.sin(x),
    vjp=(lambda m, g, y, x: g * m.cos(x),),
    symbolic=lambda s, x: s.sin(x),
)  # fmt: skip
define(
    "cos", "cos(x)", "cosine",
    forward=lambda m, x: m.cos(x),
    vjp=(lambda m, g, y, x: -g * m.sin(x),),
    symbolic=lambda s, x: s.cos(x),
)  # fmt: skip
define(
    "tan", "tan(x)", "tangent", sample=((-1.2, 1.2),),
    forward=lambda m, x: m.tan(x),
    vjp=(lambda m, g, y, x: g * (1 + y * y),),
    symbolic=lambda s, x: s.tan(x),
    domain=lambda m, x: m.cos(x), domain_text="cos(x) != 0",
    within=lambda m, y, moved, x: m.abs(m.cos(x)) - m.abs(moved - x),  # no pole is nearer than cos(x)
)  # fmt: skip
define(
    "asin", "asin(x)", "inverse sine", aliases=("arcsin",), sample=((-0.9, 0.9),),
    forward=lambda m, x: m.asin(x),
    vjp=(lambda m, g, y, x: g / m.sqrt((1 - x) * (1 + x)),),
    symbolic=lambda s, x: s.asin(x),
    domain=lambda m, x: (1 - x) * (1 + x), domain_text="-1 <= x <= 1",
)  # fmt: skip
define(
    "acos", "acos(x)", "inverse cosine", aliases=("arccos",), sample=((-0.9, 0.9),),
    forward=lambda m, x: m.acos(x),
    vjp=(lambda m, g, y, x: -g / m.sqrt((1 - x) * (1 + x)),),
    symbolic=lambda s, x: s.acos(x),
    domain=lambda m, x: (1 - x) * (1 + x), domain_text="-1 <= x <= 1",
)  # fmt: skip
define(
    "atan", "atan(x)", "inverse tangent", aliases=("arctan",),
    forward=lambda m, x: m.atan(x),
    vjp=(lambda m, g, y, x: g / (1 + x * x),),
    symbolic=lambda s, x: s.atan(x),
)  # fmt: skip
define(
    "atan2", "atan2(y, x)", "angle of the point (x, y)", aliases=("arctan2",), arguments=2,
    sample=((-2.0, 2.0), (0.3, 2.0)), analytic=False,
    forward=lambda m, y, x: m.atan2(y, x),
    vjp=(
        lambda m, g, a, y, x: g * x / (x * x + y * y),
        lambda m, g, a, y, x: -g * y / (x * x + y * y),
    ),
    symbolic=lambda s, y, x: s.atan2(y, x),
    domain=lambda m, y, x: m.where(m.ge(x, 0), m.abs(x) + m.abs(y), y),
    domain_text="not on the negative x axis",
)  # fmt: skip
define(
    "sinh", "sinh(x)", "hyperbolic sine",
    forward=lambda m, x: m.sinh(x),
    vjp=(lambda m, g, y, x: g * m.cosh(x),),
    symbolic=lambda s, x: s.sinh(x),
)  # fmt: skip
define(
    "cosh", "cosh(x)", "hyperbolic cosine",
    forward=lambda m, x: m.cosh(x),
    vjp=(lambda m, g, y, x: g * m.sinh(x),),
    symbolic=lambda s, x: s.cosh(x),
)  # fmt: skip
define(
    "tanh", "tanh(x)", "hyperbolic tangent",
    forward=lambda m, x: m.tanh(x),
    vjp=(lambda m, g, y, x: g * m.sech(x) ** 2,),
    symbolic=lambda s, x: s.tanh(x),
)  # fmt: skip

# -- exponentials, logarithms, roots

_POSITIVE = ((0.3, 2.5),)

define(
    "exp", "exp(x)", "exponential", sample=((-2.0, 2.0),),
    forward=lambda m, x: m.exp(x),
    vjp=(lambda m, g, y, x: g * y,),
    symbolic=lambda s, x: s.exp(x),
)  # fmt: skip
define(
    "expm1", "expm1(x)", "exp(x) - 1, accurate near 0",
    forward=lambda m, x: m.expm1(x),
    vjp=(lambda m, g, y, x: g * m.exp(x),),
    symbolic=lambda s, x: s.exp(x) - 1,
)  # fmt: skip
define(
    "log", "log(x)", "natural logarithm", aliases=("ln",), sample=_POSITIVE,
    forward=lambda m, x: m.log(x),
    vjp=(lambda m, g, y, x: g / x,),
    symbolic=lambda s, x: s.log(x),
    **ABOVE_ZERO,
)  # fmt: skip
define(
    "log1p", "log1p(x)", "log(1 + x), accurate near 0", sample=((-0.5, 2.0),),
    forward=lambda m, x: m.log1p(x),
    vjp=(lambda m, g, y, x: g / (1 + x),),
    symbolic=lambda s, x: s.log(1 + x),
    domain=lambda m, x: 1 + x, domain_text="x > -1",
    within=lambda m, y, moved, x: pole_margin(m, 1 + moved, 1 + x),
)  # fmt: skip
define(
    "log2", "log2(x)", "logarithm to base 2", sample=_POSITIVE,
    forward=lambda m, x: m.log2(x),
    vjp=(lambda m, g, y, x: g / (x * m.log(2.0)),),
    symbolic=lambda s, x: s.log(x) / s.log(2),
    **ABOVE_ZERO,
)  # fmt: skip
define(
    "log10", "log10(x)", "logarithm to base 10", sample=_POSITIVE,
    forward=lambda m, x: m.log10(x),
    vjp=(lambda m, g, y, x: g / (x * m.log(10.0)),),
    symbolic=lambda s, x: s.log(x) / s.log(10),
    **ABOVE_ZERO,
)  # fmt: skip
define(
    "sqrt", "sqrt(x)", "square root", sample=_POSITIVE,
    forward=lambda m, x: m.sqrt(x),
    vjp=(lambda m, g, y, x: g / (2 * y),),
    symbolic=lambda s, x: s.sqrt(x),
    domain=lambda m, x: x, domain_text="x >= 0",
    within=lambda m, y, moved, x: pole_margin(m, moved, x),
)  # fmt: skip
define(
    "cbrt", "cbrt(x)", "cube root, also of negative numbers", sample=_POSITIVE, analytic=False,
    forward=lambda m, x: m.cbrt(x),
    vjp=(lambda m, g, y, x: g / (3 * y * y),),
    symbolic=lambda s, x: s.select(x > 0, s.root(x, 3), -s.root(-x, 3)),
    domain=lambda m, x: x, domain_text="all numbers; no derivative at 0",
)  # fmt: skip
