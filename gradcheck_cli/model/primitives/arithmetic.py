"""Reads nothing. Gives the records of arithmetic: sums, products, quotients, powers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from gradcheck_cli.model.primitives.record import Primitive, enter

if TYPE_CHECKING:
    from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["ABOVE_ZERO", "FAMILY", "pole_margin"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY)


def pole_margin(m: Namespace, moved: Any, x: Any) -> Any:
    """The margin of a pole at 0: positive while a move is shorter than the way there. Where x is 0 the
    pole is met at once, which `domain` tells."""
    return m.where(m.eq(x, 0), 1 + 0 * x, m.abs(x) - m.abs(moved - x))


# The fields of a record whose domain is x > 0, with a pole at 0.
ABOVE_ZERO: dict[str, Any] = {
    "domain": lambda m, x: x,
    "domain_text": "x > 0",
    "within": lambda m, y, moved, x: pole_margin(m, moved, x),
}

_BOTH = ((-2.0, 2.0), (-2.0, 2.0))

define(
    "add", "a + b", "sum", infix="+", arguments=2, sample=_BOTH, affine=(0, 1),
    forward=lambda m, a, b: m.add(a, b),
    vjp=(lambda m, g, y, a, b: g, lambda m, g, y, a, b: g),
    symbolic=lambda s, a, b: a + b,
)  # fmt: skip
define(
    "sub", "a - b", "difference", infix="-", arguments=2, sample=_BOTH, affine=(0, 1),
    forward=lambda m, a, b: m.sub(a, b),
    vjp=(lambda m, g, y, a, b: g, lambda m, g, y, a, b: -g),
    symbolic=lambda s, a, b: a - b,
)  # fmt: skip
define(
    "mul", "a*b", "product, entry by entry", infix="*", arguments=2, sample=_BOTH, affine=(0, 1),
    forward=lambda m, a, b: a * b,
    vjp=(lambda m, g, y, a, b: g * b, lambda m, g, y, a, b: g * a),
    symbolic=lambda s, a, b: a * b,
)  # fmt: skip
define(
    "div", "a/b", "quotient, entry by entry", infix="/", arguments=2, affine=(0,),
    sample=((-2.0, 2.0), (0.5, 2.0)),
    forward=lambda m, a, b: a / b,
    vjp=(lambda m, g, y, a, b: g / b, lambda m, g, y, a, b: -g * y / b),
    symbolic=lambda s, a, b: a / b,
    domain=lambda m, a, b: b, domain_text="b != 0", borderless=lambda a, b: bool(b),
    within=lambda m, y, to_a, to_b, a, b: pole_margin(m, to_b, b),
)  # fmt: skip
define(
    "pow", "a^b", "power, entry by entry", infix="^", arguments=2,
    sample=((0.5, 2.0), (-2.0, 2.0)),
    forward=lambda m, a, b: m.pow(a, b),
    vjp=(
        lambda m, g, y, a, b: g * m.slope_of_pow(a, b),
        lambda m, g, y, a, b: g * m.where(m.eq(a, 0), 0 * b, y * m.log(a)),
    ),
    symbolic=lambda s, a, b: s.pow(a, b),
    domain=lambda m, a, b: m.where(m.is_power_of_any(b), 1.0 + 0 * a, a),
    domain_text="a > 0, or b an integer",
    borderless=lambda a, b: b is not None and b >= 0 and b == int(b),
    within=lambda m, y, to_a, to_b, a, b: m.where(
        m.is_power_of_any(b) * m.ge(b, 0), 1 + 0 * a, pole_margin(m, to_a, a)
    ),
)  # fmt: skip
define(
    "neg", "-x", "negative", infix="-", affine=(0,),
    rounds=False,
    forward=lambda m, x: -x,
    vjp=(lambda m, g, y, x: -g,),
    symbolic=lambda s, x: -x,
)  # fmt: skip
define(
    "identity", "x", "another name for a value", affine=(0,),
    rounds=False,
    forward=lambda m, x: x,
    vjp=(lambda m, g, y, x: g,),
    symbolic=lambda s, x: s.copy(x),
)  # fmt: skip
