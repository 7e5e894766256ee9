"""Values at high precision are computed once, and no more of them are kept than fit."""

from __future__ import annotations

from typing import Any

import mpmath

from gradcheck_cli.numerics.computed_values import remember, remember_numbers
from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits


def counted(name: str, digits: int, limits: NumericsLimits = NUMERICS) -> tuple[Any, list[Any], Any]:
    """The square root with a memory, what it was asked for, and its context."""
    context, asked = mpmath.MPContext(), []
    context.dps = digits

    def root(x: Any) -> Any:
        asked.append(x)
        return context.sqrt(x)

    return remember(context, name, root, limits), asked, context


def test_a_value_is_computed_once_at_each_precision() -> None:
    root, asked, context = counted("a root", 50)
    assert root(2) == root(context.mpf(2)) == context.sqrt(2)
    assert len(asked) == 1
    context.dps = 60
    assert root(2) == context.sqrt(2)
    assert len(asked) == 2


def test_what_is_no_real_number_is_none() -> None:
    root, asked, _ = counted("another root", 50)
    assert root(-2) is root(-2) is None
    assert len(asked) == 1


def test_many_values_and_long_ones_are_not_kept() -> None:
    for name, digits, limits in (
        ("many", 50, NumericsLimits(most_values=3)),
        ("long", 3000, NumericsLimits(most_value_bits=3 * 10_000)),
    ):
        root, asked, _ = counted(name, digits, limits)
        for x in (2, 3, 5, 7, 2):
            root(x)
        assert len(asked) == 5  # the first was forgotten
    root, asked, _ = counted("few", 50)
    for x in (2, 3, 5, 7, 2):
        root(x)
    assert len(asked) == 4


def test_several_numbers_are_computed_once_at_each_precision() -> None:
    context, asked = mpmath.MPContext(), []

    def squares() -> list[Any]:
        asked.append(context.prec)
        return [context.mpf(4), context.mpf(9)]

    for digits in (50, 60, 50):
        context.dps = digits
        assert remember_numbers(context, "squares", squares, [context.mpf(2), 3]) == [4, 9]
    assert len(asked) == 2
    limits = NumericsLimits(most_values=1)
    assert remember_numbers(context, "squares", squares, [context.mpf(3)], limits) == [4, 9]
    assert remember_numbers(context, "squares", squares, [context.mpf(2), 3], limits) == [4, 9]
    assert len(asked) == 4
