"""Reads nothing. Gives the records of variances, standard deviations and sorted entries."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.model.primitives.axes import all_kept, axes_from_end
from gradcheck_cli.model.primitives.cumulative import along_rule
from gradcheck_cli.model.primitives.record import Axis, Options, Primitive, Shape, enter
from gradcheck_cli.model.primitives.reductions import axes_of, count, keeps, reduce_shape, spread

if TYPE_CHECKING:
    from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["FAMILY"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY)
_GIVEN = {"axis": None, "keepdims": None, "correction": 0}


def _variance_shape(
    shape: Shape, *, axis: Axis = None, keepdims: int | None = None, correction: float = 0
) -> tuple[Shape, dict[str, Any]]:
    reduced, options = reduce_shape(shape, axis=axis, keepdims=keepdims)
    entries = prod(shape[k] for k in axes_from_end(len(shape), options["axis"]))
    if correction >= entries:
        given = "one entry" if entries == 1 else f"{entries} entries"
        raise ShapeError(
            f"the variance of {given} with correction={correction:g} is divided by {entries - correction:g}",
            help="correction=0 divides by the number of entries, correction=1 by one less",
        )
    whole = int(correction)
    return reduced, {**options, "correction": whole if correction == whole else correction}


def _centered(m: Namespace, x: Any, o: Options) -> Any:
    return m.sub(x, m.sum(x, axis=axes_of(o), keepdims=True) / count(x, o))


def _divisor(x: Any, o: Options) -> Any:
    return count(x, o) - o["correction"]


def _variance(m: Namespace, x: Any, o: Options) -> Any:
    centered = _centered(m, x, o)
    return m.sum(centered * centered, axis=axes_of(o), keepdims=keeps(o)) / _divisor(x, o)


def _variance_of(s: Any, x: Any, o: Options) -> Any:
    entries = prod(x.shape[k] for k in axes_from_end(len(x.shape), o["axis"]))
    mean = s.total(x, o["axis"]) / entries
    whole = all_kept(x.shape, o["axis"])
    centered = x - s.expand(s.reshape(mean, whole), x.shape)
    return s.total(centered * centered, o["axis"], o["keepdims"]) / s.number(entries - o["correction"])

define(
    "var", "var(x, axis=none)", "variance: mean((x - mean(x))^2); correction=1 divides by n - 1",
    shape=_variance_shape, options=_GIVEN,
    forward=lambda m, x, **o: _variance(m, x, o),
    vjp=(lambda m, g, y, x, **o: 2 * spread(m, g / _divisor(x, o), x, o) * _centered(m, x, o),),
    symbolic=lambda s, x, **o: _variance_of(s, x, o),
)  # fmt: skip


def _deviation(m: Namespace, x: Any, o: Options) -> Any:
    """The norm of x - mean(x): nothing overflows."""
    return m.norm(_centered(m, x, o), axes_of(o), keeps(o))

define(
    "std", "std(x, axis=none)", "standard deviation: sqrt(var(x)); correction=1 divides by n - 1",
    shape=_variance_shape, options=_GIVEN, analytic=False,
    forward=lambda m, x, **o: _deviation(m, x, o) / m.sqrt(m.array(_divisor(x, o))),
    vjp=(
        lambda m, g, y, x, **o: spread(m, g / _divisor(x, o), x, o)
        * (_centered(m, x, o) / spread(m, m.where(m.eq(y, 0), 1 + y, y), x, o)),  # at 0 by convention 0
    ),
    symbolic=lambda s, x, **o: s.sqrt(_variance_of(s, x, o)),
    domain=lambda m, x, **o: _deviation(m, x, o),
    domain_text="all numbers; no derivative where all entries are alike",
)  # fmt: skip
define(
    "sort", "sort(x, axis=none)", "the entries of a vector, the smallest first; of a matrix along an axis",
    shape=along_rule("sort"), options={"axis": None}, analytic=False, rounds=False,
    tie="rank",
    forward=lambda m, x, axis, along: m.ordered(x, m.order(x, along), along),
    vjp=(lambda m, g, y, x, axis, along: m.unordered(g, m.order(x, along), along),),
    symbolic=lambda s, x, axis, along: s.sorted(x, along),
    kink=lambda m, x, axis, along: m.rank_margins(x, along),
)  # fmt: skip
