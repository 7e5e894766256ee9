"""Reads offsets. Gives finite-difference schemes with exact rational coefficients and their order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

__all__ = ["EXTRAPOLATED", "LEFT", "RIGHT", "SCHEMES", "Scheme", "find_scheme"]

Number = int | float | Fraction


# --- schemes ------------------------------------------------------------------------------------


def _solve(rows: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    """Solve a square linear system exactly, by Gauss-Jordan elimination in rationals."""
    table = [[*row, b] for row, b in zip(rows, right, strict=True)]
    for k in range(len(table)):
        pivot = next(i for i in range(k, len(table)) if table[i][k])
        table[k], table[pivot] = table[pivot], table[k]
        table[k] = [entry / table[k][k] for entry in table[k]]
        for i, row in enumerate(table):
            if i != k:
                table[i] = [a - row[k] * b for a, b in zip(row, table[k], strict=True)]
    return [row[-1] for row in table]


def _moment(coefficients: Iterable[Fraction], offsets: Iterable[Fraction], power: int) -> Fraction:
    pairs = zip(coefficients, offsets, strict=True)
    return sum((c * o**power for c, o in pairs), start=Fraction(0))


@dataclass(frozen=True)
class Scheme:
    """f'(x) = sum_i c_i f(x + o_i h) / h + O(h^order): a finite-difference scheme.

    `offsets` are distinct rationals o_i; the c_i are the solution of the moment (Vandermonde)
    conditions sum_i c_i o_i^n = [n == 1], exact, and the order is what the moments say. With
    `imaginary`, f is sampled at x + i o_i h and its imaginary part is taken (Squire and Trapp
    1998): only odd powers n count and nothing cancels. With `extrapolated`, the values of the
    scheme on a ladder of step sizes are extrapolated to h = 0 (Richardson 1911, Ridders 1982). `rungs`
    makes it a short ladder, 2^-rung of the usual first step size each, and no more is sampled.
    Raises ValueError if there are too few offsets or an offset twice.
    """

    offsets: Sequence[Number]
    name: str = ""
    imaginary: bool = False
    extrapolated: bool = False
    rungs: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        offsets = tuple(Fraction(o) for o in self.offsets)
        # an imaginary part is odd in h: 0 gives nothing, -o the same as o
        distinct = {o**2 for o in offsets} - {0} if self.imaginary else set(offsets)
        if len(distinct) < max(len(offsets), 1 if self.imaginary else 2):
            raise ValueError(f"no scheme has the offsets {', '.join(map(str, offsets))}")
        object.__setattr__(self, "offsets", offsets)

    @cached_property
    def coefficients(self) -> tuple[Fraction, ...]:
        """The c_i."""
        powers = self._powers(len(self.offsets))
        matrix = [[Fraction(o) ** n for o in self.offsets] for n in powers]
        return tuple(_solve(matrix, [Fraction(n == 1) for n in powers]))

    @cached_property
    def order(self) -> int:
        """The power of h that the truncation error goes with."""
        offsets = [Fraction(o) for o in self.offsets]
        powers = self._powers(2 * len(offsets) + 2)
        return next(n for n in powers if n > 1 and _moment(self.coefficients, offsets, n)) - 1

    @property
    def sees_sides(self) -> bool:
        """Whether the samples of right and left differences are among its own."""
        return self.extrapolated and set(self.offsets) == {-1, 1}

    def _powers(self, count: int) -> list[int]:
        return [1 + 2 * n for n in range(count)] if self.imaginary else list(range(count))

    def __str__(self) -> str:
        scale = math.lcm(*(c.denominator for c in self.coefficients))
        pairs = sorted(zip(self.offsets, self.coefficients, strict=True), reverse=True)
        terms = [_term(int(c * scale), Fraction(o), self.imaginary) for o, c in pairs if c]
        total = "".join(terms).removeprefix(" + ").replace(" - ", "-", terms[0].startswith(" - "))
        numerator = f"({total})" if len(terms) > 1 else total
        step = "h" if scale == 1 else f"{scale}h"
        kind = "extrapolated from " if self.extrapolated else ""
        return f"{self.name or 'scheme'}: {kind}{numerator} / {step}, order {self.order}"


def _term(factor: int, offset: Fraction, imaginary: bool) -> str:
    sign = "-" if factor < 0 else "+"
    size = "" if abs(factor) == 1 else f"{abs(factor)} "
    many = f"({abs(offset)})" if offset.denominator > 1 else str(abs(offset))
    step = f"{'+' if offset > 0 else '-'}{many if many != '1' else ''}{'i' * imaginary}h"
    step = step if offset else ""
    return f" {sign} {size}{'Im ' if imaginary else ''}f(x{step})"


def _registry(*schemes: Scheme) -> dict[str, Scheme]:
    return {scheme.name: scheme for scheme in schemes}


SCHEMES = _registry(
    Scheme((-1, 1), "extrapolated", extrapolated=True),
    Scheme((0, 1), "forward"),
    Scheme((0, 1, 2), "forward2"),
    Scheme((0, 1, 2, 3, 4), "forward4"),
    Scheme((0, -1), "backward"),
    Scheme((0, -1, -2), "backward2"),
    Scheme((0, -1, -2, -3, -4), "backward4"),
    Scheme((-1, 1), "central"),
    Scheme((-2, -1, 1, 2), "central4"),
    Scheme((-3, -2, -1, 1, 2, 3), "central6"),
    Scheme((-4, -3, -2, -1, 1, 2, 3, 4), "central8"),
    Scheme((1,), "complex", imaginary=True),
    Scheme((1, 2), "complex4", imaginary=True),
    Scheme((-1, 1), "by-node", extrapolated=True, rungs=(11, 13, 15)),
)
EXTRAPOLATED = SCHEMES["extrapolated"]
RIGHT = Scheme((0, 1), "right", extrapolated=True)
LEFT = Scheme((0, -1), "left", extrapolated=True)


def find_scheme(name: str) -> Scheme:
    """The scheme of that name; raises ValueError that lists the known ones."""
    try:
        return SCHEMES[name]
    except KeyError:
        known = ", ".join(SCHEMES)
        raise ValueError(f"unknown scheme {name!r}; known: {known}") from None
