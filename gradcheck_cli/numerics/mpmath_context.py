"""Reads a number of digits. Gives a private context of mpmath for it."""

from __future__ import annotations

from typing import Any

__all__ = ["new_context"]


def new_context(digits: int) -> Any:
    """A private mpmath context: nobody else's precision is touched."""
    import mpmath

    context = mpmath.ctx_mp.MPContext()
    context.dps = digits
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
