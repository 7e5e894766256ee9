"""Reads the comparisons. Gives the operations that are signs between two texts, and how tightly they hold.

Knows nothing of formulas.
"""

from __future__ import annotations

from gradcheck_cli.formulas.scalar_algebra import COMPARISONS

__all__ = ["ATOM", "COMPARED", "INFIX", "POWER", "PRODUCT", "SIGNED", "SUM", "Piece"]

COMPARED, SUM, SIGNED, PRODUCT, POWER, ATOM = range(6)  # how tightly a text holds together
Piece = tuple[str, int]

INFIX = {
    "add": (" + ", SUM, SUM, PRODUCT),
    "sub": (" - ", SUM, SUM, PRODUCT),
    "mul": ("*", PRODUCT, SIGNED, POWER),
    "div": ("/", PRODUCT, SIGNED, POWER),
    "matmul": (" @ ", PRODUCT, SIGNED, POWER),
    "pow": ("^", POWER, ATOM, POWER),
    **{name: (f" {sign} ", COMPARED, ATOM, ATOM) for name, sign in COMPARISONS.items()},
}  # operation: sign, its own tightness, and what it needs on either side
