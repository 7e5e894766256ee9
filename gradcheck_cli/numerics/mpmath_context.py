"""Reads a number of digits. Gives a private context of mpmath for it."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

from gradcheck_cli.numerics.limits.numerics import NUMERICS

__all__ = ["private_context"]


def private_context(digits: int) -> Any:
    """An mpmath context of this thread: nobody else's precision is touched.

    One for each number of digits, kept: to make one takes longer than most of what is computed in it.
    """
    context = _make(digits, threading.get_ident())
    context.dps = digits
    return context


@lru_cache(maxsize=NUMERICS.most_contexts)
def _make(digits: int, thread: int) -> Any:
    import mpmath

    context = mpmath.ctx_mp.MPContext()
    _divide_by_zero(context)
    return context


def _divide_by_zero(context: Any) -> None:
    """Let x/0 be infinite and 0/0 nan, as in float64: a branch that is not chosen may hold either.

    Every context has a class of numbers of its own: nobody else's division changes.
    """
    number = context.mpf
    plain, reflected = number.__truediv__, number.__rtruediv__

    def divide(a: Any, b: Any) -> Any:
        try:
            return plain(a, b)
        except ZeroDivisionError:
            return a * context.inf

    def dividing(b: Any, a: Any) -> Any:
        try:
            return reflected(b, a)
        except ZeroDivisionError:
            return a * context.inf

    number.__truediv__, number.__rtruediv__ = divide, dividing
