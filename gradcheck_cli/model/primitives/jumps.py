"""Reads nothing. Gives the records of rounding, remainders, bounds and signs: where values jump or bend."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from gradcheck_cli.model.primitives.arithmetic import pole_margin
from gradcheck_cli.model.primitives.record import Primitive, enter

if TYPE_CHECKING:
    from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["FAMILY"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY, analytic=False)


def _sides_of_whole(m: Namespace, q: Any) -> tuple[Any, ...]:
    """Margins of the whole numbers: between two of them one of eight patterns of signs, so that a move over
    one to seven is seen."""
    return tuple(m.named("sinpi", q / part) for part in (1, 2, 4, 8))

define(
    "floor", "floor(x)", "largest whole number that is not above x", jump=True, rounds=False,
    sample=((1.2, 1.8),),
    forward=lambda m, x: m.floor(x),
    vjp=(None,),
    symbolic=lambda s, x: s.whole("floor", x),
    kink=_sides_of_whole,
)  # fmt: skip
define(
    "ceil", "ceil(x)", "smallest whole number that is not below x", jump=True, rounds=False,
    sample=((1.2, 1.8),),
    forward=lambda m, x: m.ceil(x),
    vjp=(None,),
    symbolic=lambda s, x: s.whole("ceil", x),
    kink=_sides_of_whole,
)  # fmt: skip
define(
    "round", "round(x)", "nearest whole number; of two the even one", jump=True, rounds=False,
    sample=((1.7, 2.3),),
    forward=lambda m, x: m.round(x),
    vjp=(None,),
    symbolic=lambda s, x: s.whole("round", x),
    kink=lambda m, x: _sides_of_whole(m, x + 0.5),
)  # fmt: skip
define(
    "mod", "mod(a, b)", "a - b*floor(a/b): the remainder, with the sign of b", aliases=("remainder",),
    arguments=2, sample=((3.3, 3.9), (1.3, 1.6)),
    forward=lambda m, a, b: m.mod(a, b),
    vjp=(lambda m, g, y, a, b: g, lambda m, g, y, a, b: -g * m.floor(a / b)),
    symbolic=lambda s, a, b: a - b * s.whole("floor", a / b),
    kink=lambda m, a, b: _sides_of_whole(m, a / b), breaks=True,
    domain=lambda m, a, b: b, domain_text="b != 0",
    within=lambda m, y, to_a, to_b, a, b: pole_margin(m, to_b, b),
)  # fmt: skip
define(
    "clip", "clip(x, a, b)", "x, or the nearest number from a to b: min(max(x, a), b)", aliases=("clamp",),
    arguments=3, sample=((0.3, 0.7), (-0.5, 0.2), (0.8, 1.5)), rounds=False,
    forward=lambda m, x, a, b: m.where(m.gt(m.where(m.gt(a, x), a, x), b), b, m.where(m.gt(a, x), a, x)),
    vjp=(
        lambda m, g, y, x, a, b: m.where(m.ge(x, a) * m.ge(b, x), g, 0 * g),
        lambda m, g, y, x, a, b: m.where(m.gt(a, x) * m.ge(b, a), g, 0 * g),
        lambda m, g, y, x, a, b: m.where(m.gt(m.where(m.gt(a, x), a, x), b), g, 0 * g),
    ),
    symbolic=lambda s, x, a, b: s.select(
        s.select(x < a, a, x) > b, b, s.select(x < a, a, x)
    ),
    kink=lambda m, x, a, b: (m.sub(x, a), m.sub(x, b)),
)  # fmt: skip
define(
    "copysign", "copysign(a, b)", "abs(a) where b >= 0, else -abs(a)", arguments=2,
    sample=((0.3, 2.0), (0.3, 2.0)), rounds=False,
    forward=lambda m, a, b: m.where(m.ge(b, 0), m.abs(a), -m.abs(a)),
    vjp=(lambda m, g, y, a, b: m.where(m.ge(b, 0), g * m.sign(a), -g * m.sign(a)), None),
    symbolic=lambda s, a, b: s.select(
        b >= 0, s.select(a > 0, a, s.select(a < 0, -a, 0)), -s.select(a > 0, a, s.select(a < 0, -a, 0))
    ),
    kink=lambda m, a, b: (a, b), breaks=True,
)  # fmt: skip
