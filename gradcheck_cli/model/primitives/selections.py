"""Reads nothing. Gives the records of absolute value, comparisons and selections: kinks and jumps."""

from __future__ import annotations

from functools import partial

from gradcheck_cli.model.primitives.record import Primitive, enter

__all__ = ["FAMILY"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY)

define(
    "abs", "abs(x)", "absolute value", analytic=False, sample=((0.2, 2.0),),
    rounds=False,
    forward=lambda m, x: m.abs(x),
    vjp=(lambda m, g, y, x: g * m.sign(x),),
    symbolic=lambda s, x: s.select(x > 0, x, s.select(x < 0, -x, 0)),
    kink=lambda m, x: x,
)  # fmt: skip
define(
    "sign", "sign(x)", "-1, 0 or 1", analytic=False, jump=True, sample=((0.2, 2.0),),
    rounds=False,
    forward=lambda m, x: m.sign(x),
    vjp=(None,),
    symbolic=lambda s, x: s.select(x > 0, 1, s.select(x < 0, -1, 0)),
    kink=lambda m, x: x,
)  # fmt: skip
_COMPARED = ((0.2, 0.9), (1.1, 2.0))
define(
    "gt", "a > b", "1 where a > b, else 0", infix=">", arguments=2, analytic=False, jump=True,
    sample=_COMPARED,
    rounds=False,
    forward=lambda m, a, b: m.gt(a, b),
    vjp=(None, None),
    symbolic=lambda s, a, b: s.select(a > b, 1, 0),
    kink=lambda m, a, b: m.sub(a, b),
)  # fmt: skip
define(
    "lt", "a < b", "1 where a < b, else 0", infix="<", arguments=2, analytic=False, jump=True,
    sample=_COMPARED,
    rounds=False,
    forward=lambda m, a, b: m.gt(b, a),
    vjp=(None, None),
    symbolic=lambda s, a, b: s.select(a < b, 1, 0),
    kink=lambda m, a, b: m.sub(a, b),
)  # fmt: skip
define(
    "ge", "a >= b", "1 where a >= b, else 0", infix=">=", arguments=2, analytic=False, jump=True,
    sample=_COMPARED,
    rounds=False,
    forward=lambda m, a, b: m.ge(a, b),
    vjp=(None, None),
    symbolic=lambda s, a, b: s.select(a >= b, 1, 0),
    kink=lambda m, a, b: m.sub(a, b),
)  # fmt: skip
define(
    "le", "a <= b", "1 where a <= b, else 0", infix="<=", arguments=2, analytic=False, jump=True,
    sample=_COMPARED,
    rounds=False,
    forward=lambda m, a, b: m.ge(b, a),
    vjp=(None, None),
    symbolic=lambda s, a, b: s.select(a <= b, 1, 0),
    kink=lambda m, a, b: m.sub(a, b),
)  # fmt: skip
define(
    "where", "where(c, a, b)", "a where c is not 0, else b", arguments=3, analytic=False,
    sample=((0.5, 1.5), (-2.0, 2.0), (-2.0, 2.0)), affine=(1, 2), selects=True,
    rounds=False,
    forward=lambda m, c, a, b: m.where(m.eq(c, 0), b, a),
    vjp=(
        None,
        lambda m, g, y, c, a, b: m.where(m.eq(c, 0), 0 * g, g),
        lambda m, g, y, c, a, b: m.where(m.eq(c, 0), g, 0 * g),
    ),
    symbolic=lambda s, c, a, b: s.select(c, a, b),
    kink=lambda m, c, a, b: 1 - m.eq(c, 0),  # beside c = 0, where it is not a comparison
)  # fmt: skip
define(
    "maximum", "max(a, b)", "the larger, entry by entry", function="max", arguments=2,
    tie="largest", analytic=False, sample=((-2.0, 0.4), (0.6, 2.0)),
    rounds=False,
    forward=lambda m, a, b: m.where(m.ge(a, b), a, b),
    vjp=(
        lambda m, g, y, a, b: m.where(m.ge(a, b), g, 0 * g),
        lambda m, g, y, a, b: m.where(m.ge(a, b), 0 * g, g),
    ),
    symbolic=lambda s, a, b: s.select(a >= b, a, b),
    kink=lambda m, a, b: m.sub(a, b),
)  # fmt: skip
define(
    "minimum", "min(a, b)", "the smaller, entry by entry", function="min", arguments=2,
    tie="smallest", analytic=False, sample=((-2.0, 0.4), (0.6, 2.0)),
    rounds=False,
    forward=lambda m, a, b: m.where(m.ge(b, a), a, b),
    vjp=(
        lambda m, g, y, a, b: m.where(m.ge(b, a), g, 0 * g),
        lambda m, g, y, a, b: m.where(m.ge(b, a), 0 * g, g),
    ),
    symbolic=lambda s, a, b: s.select(a <= b, a, b),
    kink=lambda m, a, b: m.sub(a, b),
)  # fmt: skip
