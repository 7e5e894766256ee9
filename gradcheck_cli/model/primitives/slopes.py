"""Reads the record of a function of one number. Gives the record of its derivative, f'(z) in a claim.

Its value is what an adjoint of 1 becomes on its way back, so at a kink it is what the function passes on
there: relu'(0) is 0. Claims are evaluated, never differentiated. Knows nothing of models.
"""

from __future__ import annotations

from typing import Any, NoReturn

from gradcheck_cli.model.primitives.record import Primitive

__all__ = ["PRIME", "has_slope", "slope_of"]

PRIME = "'"  # behind the name of a function: its derivative


def has_slope(record: Primitive) -> bool:
    """Whether a function acts entry by entry on one argument, so that f'(z) is one number for each."""
    return record.elementwise and record.arguments == 1 and record.infix is None


def slope_of(record: Primitive) -> Primitive:
    """The record of the derivative of a function of one number."""
    (rule,) = record.vjp

    def forward(m: Any, x: Any, **options: Any) -> Any:
        if rule is None:
            return _filled(m, x, 0.0)
        return rule(m, _filled(m, x, 1.0), record.forward(m, x, **options), x, **options)

    return Primitive(
        name=record.name + PRIME, function=record.function + PRIME, signature=f"{record.function}{PRIME}(x)",
        summary=f"the derivative of {record.function}", forward=forward, vjp=(None,), symbolic=_refuse,
        options=record.options, orders=record.orders, kink=record.kink, jump=True, domain=record.domain,
        domain_text=record.domain_text, analytic=False,
    )  # fmt: skip


def _filled(m: Any, x: Any, value: float) -> Any:
    """One number in the shape of x."""
    number = m.number(value)
    return m.where(m.eq(x, x), number, number)


def _refuse(*arguments: Any, **options: Any) -> NoReturn:
    raise TypeError("the derivative of a function stands in a claim, which is not differentiated")
