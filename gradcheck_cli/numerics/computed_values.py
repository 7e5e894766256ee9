"""Reads a function of an mpmath context. Gives it with a memory of its values.

The stages of a run ask for the same values, five times of six. Knows nothing of what is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits

__all__ = ["remember", "remember_numbers"]

_VALUES: dict[tuple[Any, ...], Any] = {}  # by name, precision and arguments, for all contexts and threads

_NUMBERS: dict[tuple[Any, ...], tuple[Any, ...]] = {}  # the same of functions that give several numbers


def remember(
    context: Any, name: str, function: Callable[..., Any], limits: NumericsLimits = NUMERICS
) -> Callable[..., Any]:
    """A function that computes each value once.

    The memory is emptied when it is full, of values or, where they have many digits, of bits.

    Parameters
    ----------
    context : of mpmath
    name : of the function, which no other one has
    function : takes and gives numbers of the context; its values depend on nothing but their digits and the
        precision
    limits : how many values are kept

    Returns
    -------
    the function, with None in place of a value that is no real number
    """
    real, make = context.mpf, context.make_mpf

    def value(*xs: Any) -> Any:
        try:
            key = name, context.prec, *[x._mpf_ for x in xs]
        except AttributeError:  # a plain number among them
            return value(*map(real, xs))
        try:
            found = _VALUES[key]
        except KeyError:
            if len(_VALUES) >= min(limits.most_values, limits.most_value_bits // context.prec):
                _VALUES.clear()
            computed = function(*xs)
            found = _VALUES[key] = computed._mpf_ if isinstance(computed, real) else None
        return None if found is None else make(found)

    return value


def remember_numbers(
    context: Any, name: str, function: Callable[[], Sequence[Any]], given: Sequence[Any],
    limits: NumericsLimits = NUMERICS,
) -> list[Any]:  # fmt: skip
    """What a function makes of some numbers, computed once; as `remember`, of several numbers at a time.

    Parameters
    ----------
    context, name, limits : as those of `remember`
    function : gives numbers of the context, which depend on nothing but `given` and the precision
    given : numbers of the context

    Returns
    -------
    list of numbers of the context
    """
    key = name, context.prec, *[context.mpf(x)._mpf_ for x in given]
    found = _NUMBERS.get(key)
    if found is None:
        found = tuple(x._mpf_ for x in function())
        kept = sum(map(len, [*_NUMBERS, *_NUMBERS.values()]))
        if kept > min(limits.most_values, limits.most_value_bits // context.prec):
            _NUMBERS.clear()
        _NUMBERS[key] = found
    return [context.make_mpf(x) for x in found]
