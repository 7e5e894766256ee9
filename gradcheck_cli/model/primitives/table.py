"""Reads the families. Gives THE table of functions: one record per function. Knows nothing of models."""

from __future__ import annotations

from collections.abc import Container, Mapping
from types import MappingProxyType

from gradcheck_cli.model.primitives import (
    activations,
    arithmetic,
    bounded_activations,
    choosing,
    convolutions,
    cumulative,
    elementary,
    factorizations,
    inverse_and_stable,
    jumps,
    linear_algebra,
    products,
    rearranging,
    reductions,
    rows,
    selections,
    special_functions,
    statistics,
)
from gradcheck_cli.model.primitives.record import Primitive
from gradcheck_cli.model.primitives.slopes import PRIME, slope_of

__all__ = ["PRIMITIVES", "function_names", "record_of", "resolve_function", "visible_name"]

_FAMILIES = (
    arithmetic, elementary, inverse_and_stable, selections, jumps, activations, bounded_activations,
    special_functions, reductions, statistics, cumulative, linear_algebra,
    factorizations, products, rearranging, choosing, convolutions, rows,
)  # fmt: skip
_TABLE: dict[str, Primitive] = {}
for _family in _FAMILIES:
    _TABLE |= _family.FAMILY
PRIMITIVES: Mapping[str, Primitive] = MappingProxyType(_TABLE)

_HIDDEN = {"identity", "expand", "index", "take", "take_pairs"}
_BY_FUNCTION: dict[tuple[str, int | None], Primitive] = {}
for _record in _TABLE.values():
    if _record.infix is None and _record.name not in _HIDDEN:
        for _name in (_record.function, *_record.aliases):
            if _record.listed:
                _BY_FUNCTION[_name, None] = _record
                continue
            for _count_given in _record.sizes or (_record.arguments,):
                _first = len(_record.orders)
                _BY_FUNCTION[_name, _count_given if _count_given is None else _count_given + _first] = _record


def record_of(operation: str) -> Primitive:
    """The record of an operation; of relu' that of the derivative of relu. Raises KeyError."""
    found = _TABLE.get(operation)
    return found if found is not None else slope_of(_TABLE[operation.removesuffix(PRIME)])


_NAMES = frozenset(name for name, _ in _BY_FUNCTION)


def function_names() -> frozenset[str]:
    """Every name a user may call, aliases included."""
    return _NAMES


def resolve_function(name: str, arguments: int) -> Primitive | None:
    """The record behind the user's `name` with this many arguments; None if there is none."""
    found = _BY_FUNCTION.get((name, arguments)) or _BY_FUNCTION.get((name, None))
    return None if found is not None and arguments < found.least else found


def visible_name(function: str, taken: Container[str]) -> str:
    """The name of a function, or the first of its other names, that is not taken by something else."""
    if function not in taken:
        return function
    records = (r for r in _TABLE.values() if function in (r.function, r.name))
    return next((name for r in records for name in (r.function, *r.aliases) if name not in taken), function)
