"""Finite differences: what the samples of a function prove about its derivative.

Reads a black-box function that can be sampled beside a base point, and is told for each sample
whether a kink, jump, pole or domain border lies in between. Gives a derivative with an error bound
(truncation and round-off), or the left and right slopes where there is a kink. Knows nothing of
models, graphs or derivative rules.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCHEMES", "Differences", "Function", "Samples", "Scheme", "differences", "find_scheme"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]
Number = int | float | Fraction

EPS = float(np.finfo(float).eps)
TINY = 5e-324  # the spacing of the denormals: no result is known better than that
COLUMNS = 9  # of the Richardson tableau: at most nine step sizes are combined
ROUNDS = 4  # the first ladder and at most three refinements
DENSE = 8  # rungs a factor 2 apart, where the answer is expected
MANTISSA = 0.234  # of every step: round borders (0, 1/2, 1) are never hit exactly
TRUNCATION_SAFETY = 3.0  # factors on the two estimates; measured on the population of the tests
ROUNDOFF_SAFETY = 3.0
CAUTION = 5.0  # on the noise, where no second order of extrapolation confirms it
ALL_NOISE = 2.0**-7  # of the size of f: beyond, the samples are noise or hide what f does
WIDEST = 2.0**10.5  # the ratio of the step sizes that may be combined
CLOSE = 1e-4  # relative: less than that apart, larger step sizes are heard too
WEAK = 1e-3  # relative: a bound above may have to give way to a far better one
SMALL = 1e-6  # a base point below that says little about the scale of f
_TOGETHER = 1 << 14  # samples
GOOD = 1e-12  # a relative bound that no refinement need improve


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


# --- what is asked and what is answered -----------------------------------------------------------


class Samples(NamedTuple):
    """What a function gives: `values` (e, S, *out), and `regular`, (e, S) or (e, S, *out).

    A sample is regular where no kink, jump, pole or domain border lies between the base point and
    it. At a base point exactly on a kink, the border that the base point itself lies on does not
    count. Values may be nan or inf; they are complex where the offsets are.
    """

    values: NDArray[Any]
    regular: Bools


class Function(Protocol):
    """A function that can be sampled beside its base point, for many entries at once."""

    def __call__(self, which: Ints, offsets: NDArray[Any]) -> Samples:
        """Sample f at base + offsets: row i of `offsets` (e, S) moves the entry which[i] alone."""


@dataclass(frozen=True)
class Differences:
    """Derivatives by E entries of a function with values of shape `out`; all arrays (E, *out).

    |value - f'| <= bound; where nothing can be said value is nan and bound inf. `left`, `right`
    and their bounds are filled (else nan) for entries on a kink, and where the base point has one
    side only (then value is that slope). `kink`: both slopes are known and differ, or one is
    infinite (its bound is then 0); value is nan there. `steps`: the smallest step size that went
    into the value. `evaluations`: the number of samples, in all.
    """

    value: Floats
    bound: Floats
    left: Floats
    left_bound: Floats
    right: Floats
    right_bound: Floats
    kink: Bools
    steps: Floats
    evaluations: int


def differences(
    function: Function,
    base: Floats,
    *,
    scheme: Scheme = EXTRAPOLATED,
    on_kink: Bools | None = None,
    noise: Floats | float = 0.0,
) -> Differences:
    """Derivatives of a function by each of E entries, from samples alone.

    `base` (E,) are the values of the entries. `on_kink` (E,) marks those at which the base point
    lies exactly on a kink or a border: their left and right slopes are found separately, whatever
    the scheme. `noise`, broadcastable to (E, *out), is what the caller knows f to be wrong by at
    the base point; the noise that is seen, and the rounding of f itself, are always allowed for,
    but errors that all samples share, and a slope that rounding flattened, are not seen. Sources:
    Ridders 1982 (the tableau), Squire and Trapp 1998 (complex step).
    """
    base = np.asarray(base, dtype=np.float64)
    kinked = np.zeros(base.shape, dtype=bool) if on_kink is None else np.asarray(on_kink, bool)
    sampler = _Sampler(function, base, noise)
    plain, corner = np.flatnonzero(~kinked), np.flatnonzero(kinked)
    with np.errstate(all="ignore"):
        parts = [_plain(sampler, plain, scheme)] if plain.size or not corner.size else []
        parts += [_corner(sampler, corner)] if corner.size else []
    order = np.argsort(np.concatenate([plain, corner]), kind="stable")
    merged = [np.concatenate(pair)[order] for pair in zip(*parts, strict=True)]
    shaped = [column.reshape(len(base), *sampler.shape) for column in merged]
    return _answer(sampler.count, *shaped)


def _answer(count: int, *arrays: NDArray[Any]) -> Differences:
    for array in arrays:
        array.flags.writeable = False
    names = [each.name for each in fields(Differences)[:-1]]
    return Differences(**dict(zip(names, arrays, strict=True)), evaluations=count)


def _plain(sampler: _Sampler, which: Ints, scheme: Scheme) -> tuple[NDArray[Any], ...]:
    """Entries off every kink: one value, and the slope of the side if there is only one."""
    best, ladder = _settle(sampler, which, scheme)
    nothing = np.full_like(best.value, np.nan)
    sides = [nothing, nothing, nothing, nothing]
    if scheme.sees_sides:
        below, above = np.moveaxis(np.isfinite(ladder.values).any(axis=1), 1, 0)
        for at, (here, there) in enumerate([(below, above), (above, below)]):
            alone = here & ~there & np.isfinite(best.value)
            sides[2 * at] = np.where(alone, best.value, np.nan)
            sides[2 * at + 1] = np.where(alone, best.bound, np.nan)
    kink = np.zeros(best.value.shape, dtype=bool)
    return best.value, best.bound, sides[0], sides[1], sides[2], sides[3], kink, best.step


def _corner(sampler: _Sampler, which: Ints) -> tuple[NDArray[Any], ...]:
    """Entries on a kink or a border: the slopes of both sides, and a value where they agree."""
    left, left_empty = _side(sampler, which, LEFT)
    right, right_empty = _side(sampler, which, RIGHT)
    apart = np.abs(left.value - right.value) > left.bound + right.bound
    infinite = np.isinf(left.value) | np.isinf(right.value)
    kink = apart | infinite
    both = ~np.isnan(left.value) & ~np.isnan(right.value)
    best = left.where(right.bound < left.bound, right)
    known = ~kink & (both | left_empty | right_empty)
    value, bound = np.where(known, best.value, np.nan), np.where(known, best.bound, np.inf)
    sides = left.value, _known(left), right.value, _known(right)
    return value, bound, *sides, kink, best.step


def _known(estimate: _Estimate) -> Floats:
    return np.where(np.isnan(estimate.value), np.nan, estimate.bound)


def _side(sampler: _Sampler, which: Ints, scheme: Scheme) -> tuple[_Estimate, Bools]:
    """The slope of one side, infinite where it grows without end; and whether there is no side."""
    best, ladder = _settle(sampler, which, scheme)
    (table,) = _tableaus(ladder, [scheme], sampler.floor(which))
    steep = _endless(table)
    slope = np.where(steep != 0, steep * np.inf, best.value)
    empty = ~np.isfinite(ladder.values).any(axis=(1, 2))
    return replace(best, value=slope, bound=np.where(steep != 0, 0.0, best.bound)), empty


# --- the ladder: samples at decreasing step sizes -------------------------------------------------


class _Sampler:
    """The caller's function with its outputs in one row, and a count of the samples."""

    def __init__(self, function: Function, base: Floats, noise: Floats | float) -> None:
        self.function, self.base, self.noise = function, base, noise
        self.count = 0
        self.shape: tuple[int, ...] = ()

    def __call__(self, which: Ints, offsets: NDArray[Any]) -> tuple[NDArray[Any], Bools]:
        values, regular = self.function(which, offsets)
        self.count += offsets.size
        self.shape = values.shape[2:]
        width = math.prod(self.shape)
        spread = regular.reshape(*offsets.shape, *regular.shape[2:] or (1,) * len(self.shape))
        spread = np.broadcast_to(spread, values.shape)
        return values.reshape(*offsets.shape, width), spread.reshape(*offsets.shape, width)

    def floor(self, which: Ints) -> Floats:
        """The noise that the caller knows of, (e, O)."""
        noise = np.broadcast_to(np.asarray(self.noise, float), (len(self.base), *self.shape))
        return noise.reshape(len(self.base), math.prod(self.shape))[which]


@dataclass(frozen=True)
class _Ladder:
    """Samples of e entries at K step sizes, largest first; a step size 0 marks an unused rung."""

    steps: Floats  # (e, K)
    values: NDArray[Any]  # (e, K, n, O): nan where not usable
    base: NDArray[Any]  # (e, 1, O): the value at the base point
    reach: Floats  # (e, 1): the step size at which a change of f should show
    grid: tuple[Fraction, ...]  # the n offsets, in units of the step size

    def rows(self, keep: Bools) -> _Ladder:
        parts = self.steps[keep], self.values[keep], self.base[keep], self.reach[keep]
        return _Ladder(*parts, self.grid)

    def join(self, other: _Ladder) -> _Ladder:
        """Both, sorted; rungs of self within the span of `other` are dropped."""
        top, bottom = _span(other.steps)
        inside = (self.steps < 1.9 * top) & (self.steps > bottom / 1.9)
        steps = np.concatenate([np.where(inside, 0.0, self.steps), other.steps], axis=1)
        values = np.concatenate([self.values, other.values], axis=1)
        order = np.argsort(-steps, axis=1, kind="stable")
        steps = np.take_along_axis(steps, order, axis=1)
        values = np.take_along_axis(values, order[:, :, None, None], axis=1)
        values = np.where(steps[:, :, None, None] > 0, values, np.nan)
        return replace(self, steps=steps, values=values)


def _span(steps: Floats) -> tuple[Floats, Floats]:
    """The largest and the smallest step size in use, (e, 1) each."""
    smallest: Floats = np.where(steps > 0, steps, np.inf).min(axis=1, keepdims=True)
    return steps.max(axis=1, keepdims=True), smallest


def _representable(base: Floats, steps: Floats) -> Floats:
    """The nearest step sizes whose small multiples are added to the base point exactly."""
    quantum = 4 * np.spacing(np.abs(base))[:, None]
    rounded = np.where(steps < quantum * 2.0**52, np.rint(steps / quantum) * quantum, steps)
    distinct = np.diff(rounded, axis=1, prepend=np.inf) != 0
    return -np.sort(-np.where(distinct & np.isfinite(rounded), rounded, 0.0), axis=1)


def _climb(sampler: _Sampler, which: Ints, steps: Floats, scheme: Scheme) -> _Ladder:
    """Sample the rungs `steps` (e, K) of the entries `which`, and the base point."""
    grid = tuple(Fraction(o) for o in scheme.offsets if o)
    steps = steps if scheme.imaginary else _representable(sampler.base[which], steps)
    offsets = np.zeros((len(which), 1 + steps.shape[1] * len(grid)))
    moved = steps[:, :, None] * np.array([float(o) for o in grid])
    offsets[:, 1:] = moved.reshape(len(which), steps.shape[1] * len(grid))
    values, regular = sampler(which, offsets * 1j if scheme.imaginary else offsets)
    usable = regular & np.isfinite(values) & (offsets != 0)[:, :, None]
    rungs = np.where(usable, values, np.nan)[:, 1:]
    rungs = rungs.reshape(*steps.shape, len(grid), values.shape[2])
    reach = min(DENSE, steps.shape[1])
    return _Ladder(steps, rungs, values[:, :1], steps[:, reach - 1 : reach], grid)


def _first_rungs(base: Floats, scheme: Scheme) -> Floats:
    """A dense stretch where the answer is expected, then few rungs down to the last bits of x.

    Between 1e-6 and 1 the scale of f is as likely 1 (weights) as |x| (logarithms): start between.
    """
    x = np.abs(base)
    scale = np.where((x >= 1) | (x < SMALL), x, np.sqrt(x))
    scale = np.where(x < 1e4 * TINY, 1.0, scale)  # nothing fits between x and 0
    if scheme.rungs:
        powers = np.array(scheme.rungs)
    elif scheme.imaginary:  # odd ratios: at powers of two all imaginary parts are rounded alike
        powers = np.array([8, 14.6, 20.2, 26.8, 32.4, 40.6, 48.2, 60.8, 80.4, 100.6])
    elif scheme.extrapolated:
        powers = np.array([*range(DENSE), *range(DENSE + 4, 48, 5)])
    else:
        powers = np.array([*range(0, 28, 2), 33, 40])
    return np.asarray(MANTISSA * scale[:, None] * 2.0**-powers)


# --- the tableau: what one ladder says through one scheme -----------------------------------------


@dataclass(frozen=True)
class _Tableau:
    """Richardson's tableau: entry (m, :, i, :) extrapolates the rungs i ... i+m to step size 0.

    All (M, e, K, O), nan where there is no entry. Slopes are per 2^power, which is near the largest
    step size, so that nothing overflows.
    """

    value: Floats
    truncation: Floats
    roundoff: Floats
    second: Floats  # the bound if rungs taken for noise are not noise, else inf
    slopes: Floats  # (e, K, O), not extrapolated
    gains: Floats  # (e, K, 1): what they make of noise of size 1 in each sample
    size: Floats  # (e, K, O): the largest |f| that went in
    steps: Floats  # (e, K)
    reach: Floats  # (e, 1)
    order: int

    @property
    def bound(self) -> Floats:
        return TRUNCATION_SAFETY * self.truncation + ROUNDOFF_SAFETY * self.roundoff


def _power(ladder: _Ladder) -> Ints:
    """The unit of step sizes, as a power of two; (e, 1)."""
    return np.frexp(ladder.steps[:, :1])[1].astype(np.intp)


def _tableaus(ladder: _Ladder, schemes: Sequence[Scheme], floor: Floats) -> list[_Tableau]:
    """That of each scheme, of which the first says how. Of few entries all at once: there a call takes longer
    than its numbers, and a third of the calls are left."""
    if ladder.values.size <= _TOGETHER or len(schemes) == 1:
        return _stacked(ladder, schemes, floor)
    return [table for scheme in schemes for table in _stacked(ladder, [scheme], floor)]


def _stacked(ladder: _Ladder, schemes: Sequence[Scheme], floor: Floats) -> list[_Tableau]:
    """The tableaus with the entries of one scheme after those of another."""
    scheme, times = schemes[0], len(schemes)
    seen = [(*_slopes(ladder, each), _moves(ladder, each)) for each in schemes]
    slopes, gains, size, moves = (np.concatenate(parts) for parts in zip(*seen, strict=True))
    steps, reach, base, floor = (
        np.concatenate([part] * times) for part in (ladder.steps, ladder.reach, ladder.base, floor)
    )
    count = min(COLUMNS, len(scheme.rungs) or steps.shape[1] - 1) if scheme.extrapolated else 2
    order = np.repeat([each.order for each in schemes], len(ladder.steps))[:, None, None]
    spans = _spans(steps, count)
    value, spread = _neville(slopes, spans**order, -1.0), _neville(gains, spans**order, 1.0)
    truncation = _truncation(value, lone=bool(scheme.rungs))
    residual = np.concatenate([_residual(ladder, scheme, count)] * times, axis=1)
    noise = np.fmax(_largest(EPS * size, count) + TINY, _quantum(moves, count))
    noise = np.fmax(noise, _each(_seen_below(steps, value[1], gains, scheme), count))
    noise = np.fmax(noise, residual) * (1 if scheme.extrapolated else CAUTION)
    nothing_else = noise > ALL_NOISE * _largest(size, count) + 1e3 * TINY
    nothing_else |= _levelled(steps, reach, moves, EPS * size + floor[:, None])
    noise = np.where(nothing_else | ~(spans < WIDEST), np.inf, noise)
    share = size / np.abs(base) if scheme.imaginary else 1.0
    # f never moves at all: inside it may be rounded at sizes near 1
    constant = ~(moves > 0).any(axis=1, keepdims=True) & np.isfinite(moves)
    noise = np.fmax(noise, np.fmax(floor[:, None] * share, np.where(constant, EPS, 0.0)))
    flat = _largest(moves, count) <= 4 * noise
    at_reach = gains[:, :1] * (steps[:, :1] / reach)[:, :, None]
    spread = np.where(flat, np.fmax(spread, at_reach), spread)
    roundoff = spread * noise + EPS * np.abs(value)
    hidden = _seen_above(steps, np.maximum(truncation / spread, np.nan_to_num(residual)), size)
    second = TRUNCATION_SAFETY * truncation + ROUNDOFF_SAFETY * roundoff
    second = np.where(hidden > noise, second, np.inf)
    roundoff = np.fmax(roundoff, spread * hidden)
    kept, found = slice(None if scheme.extrapolated else 1), []
    for number, each in enumerate(schemes):
        own = slice(number * len(ladder.steps), (number + 1) * len(ladder.steps))
        found.append(
            _Tableau(
                value[kept, own], truncation[kept, own], roundoff[kept, own], second[kept, own],
                slopes[own], gains[own], size[own], ladder.steps, ladder.reach, each.order,
            )
        )  # fmt: skip
    return found


def _columns(ladder: _Ladder, scheme: Scheme) -> tuple[NDArray[Any], list[int]]:
    """How far f rises above its base value at each sample of the scheme, and which samples."""
    columns = [ladder.grid.index(Fraction(o)) for o in scheme.offsets if o]
    values = ladder.values[:, :, columns]
    return values.imag if scheme.imaginary else values - ladder.base[:, :, None], columns


def _moves(ladder: _Ladder, scheme: Scheme) -> Floats:
    return np.asarray(np.abs(_columns(ladder, scheme)[0]).max(axis=2))


def _slopes(ladder: _Ladder, scheme: Scheme) -> tuple[Floats, Floats, Floats]:
    """The plain values of the scheme, what they make of noise in f, and the size of f."""
    rises, columns = _columns(ladder, scheme)
    scale = math.lcm(*(c.denominator for c in scheme.coefficients))
    pairs = zip(scheme.offsets, scheme.coefficients, strict=True)
    weights = np.array([float(c * scale) for o, c in pairs if o])
    total = float(scale * sum(abs(c) for c in scheme.coefficients))
    runs = scale * np.ldexp(ladder.steps, -_power(ladder))[:, :, None]
    slopes = np.einsum("ekno,n->eko", rises, weights) / runs
    if scheme.imaginary:
        return slopes, total / runs, np.abs(rises).max(axis=2)
    size = np.abs(ladder.values[:, :, columns]).max(axis=2)
    return slopes, total / runs, np.maximum(size, np.abs(ladder.base))


def _shift(values: Floats, by: int) -> Floats:
    """values[..., i + by, :] at i, nan beyond the end."""
    k = values.shape[-2]
    moved = np.full(values.shape, np.nan)  # np.pad took half the time of a whole run
    if by < k:
        moved[..., : k - by, :] = values[..., by:, :]
    return moved


def _levelled(steps: Floats, reach: Floats, moves: Floats, noise: Floats) -> Bools:
    """Rungs far above those where the answer was expected, at which f hardly moves, or not much more than
    at smaller ones: a bounded f has tiny slopes there that agree, whatever the derivative is."""
    steps, reach, nothing = steps[:, :, None], reach[:, :, None], moves <= 16 * noise
    far = (steps > reach * 2.0**DENSE) & (reach > SMALL)
    straight = steps[:, :-1] / steps[:, 1:] * moves[:, 1:]
    nothing[:, :-1] |= (moves[:, :-1] < straight / 4) & ~nothing[:, 1:]
    return np.asarray(_from_below(np.where(far & nothing, 1.0, 0.0), np.fmax) > 0)


def _each(rungs: Floats, count: int) -> Floats:
    """What holds for the last rung i+m, at (m, i): (e, k, O) as (count, e, k, O), nan beyond the end."""
    k = rungs.shape[1]
    found = np.full((count, *rungs.shape), np.nan)
    for m in range(min(count, k)):
        found[m, :, : k - m] = rungs[:, m:]
    return found


def _largest(rungs: Floats, count: int) -> Floats:
    """The largest of the rungs i ... i+m, at (m, i)."""
    found = _each(rungs, count)
    for m in range(1, count):  # np.maximum.accumulate takes ten times as long
        np.maximum(found[m], found[m - 1], out=found[m])
    return found


def _spans(steps: Floats, count: int) -> Floats:
    """How much larger the rung i is than the rung i+m; to the power of the order, how much more it is off."""
    return np.asarray(steps[:, :, None] / _each(steps[:, :, None], count))


def _neville(rungs: Floats, ratios: Floats, sign: float) -> Floats:
    """The tableau (sign -1), or what it makes of a common bound on all rungs (sign 1)."""
    columns = [rungs]
    for ratio in ratios[1:]:
        fine, coarse = _shift(columns[-1], 1), columns[-1]
        columns.append(fine + (fine + sign * coarse) / (ratio - 1))
    return np.stack(columns)


def _truncation(table: Floats, *, lone: bool) -> Floats:
    """The change when the rung above is dropped, and when all move down by one (Ridders 1982). `lone`: of a
    short ladder the last entry counts, too, and its change when the rung below is dropped."""
    dropped = np.abs(table[1:] - _shift(table[:-1], 1))
    dropped = np.concatenate([np.abs(table[:1] - table[1:2]), dropped])
    moved = np.abs(table - _shift(table, 1))
    if lone:
        moved[1:] = np.where(np.isnan(moved[1:]), np.abs(table[1:] - table[:-1]), moved[1:])
    return np.asarray(np.maximum(dropped, moved))


def _from_below(values: Floats, merge: np.ufunc) -> Floats:
    """`merge` of each rung with all smaller step sizes."""
    found = np.array(values)
    for k in range(values.shape[-2] - 2, -1, -1):
        merge(found[..., k, :], found[..., k + 1, :], out=found[..., k, :])
    return found


# --- noise: what f is uncertain by, as its own samples tell --------------------------------------


def _seen_below(steps: Floats, column: Floats, gains: Floats, scheme: Scheme) -> Floats:
    """Noise of f for each rung, from rungs 64 times smaller, where truncation is negligible."""
    seen = np.abs(column - _shift(column, 1)) / (1 if scheme.imaginary else _shift(gains, 2))
    worst = np.nan_to_num(_from_below(np.where(np.isfinite(seen), seen, np.nan), np.fmax))
    worst = np.pad(worst, ((0, 0), (0, 1), (0, 0)))
    start = (steps[:, None, :] > steps[:, :, None] / 64).sum(axis=2)[:, :, None]
    found = np.take_along_axis(worst, start, axis=1)
    return np.asarray(found / gains if scheme.imaginary else found)


def _quantum(moves: Floats, count: int) -> Floats:
    """Where f does not move at all, it may hide the least move that is seen elsewhere."""
    least = np.where(moves > 0, moves, np.inf).min(axis=1, keepdims=True)
    still = np.where(moves == 0, 1.0, 0.0)
    near = np.fmax(still, np.fmax(_shift(still, 1), _shift(still, 2)))
    near = _largest(np.where(np.isnan(moves), np.nan, near), count)
    return np.where((near > 0) & np.isfinite(least), least, 0.0)


def _residual(ladder: _Ladder, scheme: Scheme, count: int) -> Floats:
    """Noise of f from its even part, extrapolated in the same way to what is known: f(x)."""
    if ladder.grid != EXTRAPOLATED.offsets or not scheme.extrapolated:
        return np.full((count, *ladder.values.shape[:2], ladder.values.shape[3]), np.nan)
    even = (ladder.values[:, :, 0] - ladder.base) / 2 + (ladder.values[:, :, 1] - ladder.base) / 2
    miss = np.abs(_neville(even, _spans(ladder.steps, count) ** 2, -1.0))
    return np.fmax(miss, _shift(miss, 1))


def _seen_above(steps: Floats, apart: Floats, size: Floats) -> Floats:
    """Noise of f at larger steps, for rungs so small that it explains all that they see.

    Rounding inside f makes a staircase whose single steps may look smooth: (1 - cos(x)) / x^2 at
    1e-4 has the slope -1e4 within 1e-12 of x, and the true one, -8e-6, only beyond.
    """
    count, k = len(apart), steps.shape[1]
    if count < 4:
        return np.zeros_like(apart)
    m = np.arange(2, count)[:, None]
    ends = np.arange(k) - m  # the first rung of what ends at i
    least = np.fmin.reduce(np.where((ends < 0)[:, :, None, None], np.nan, apart[m, :, ends]))
    least = least.transpose(1, 0, 2)
    quiet = np.full_like(least, np.nan)
    quiet[:, 1:] = np.fmin.accumulate(np.maximum(least[:, 1:], least[:, :-1]), axis=1)
    above = (steps[:, None, :] >= 4 * steps[:, :, None]).sum(axis=2)[:, :, None] - 1
    quiet = np.where(above < 0, np.nan, np.take_along_axis(quiet, np.maximum(above, 0), axis=1))
    top = np.where(np.isfinite(size), steps[:, :, None], 0).max(axis=1, keepdims=True)
    share = quiet / size
    hidden = (share < 16 * ALL_NOISE) & (steps[:, :, None] < 32 * share * top)
    return np.broadcast_to(np.where(hidden, 4 * quiet, 0.0), apart.shape)


# --- the estimate: the best entry of the tableau, and doubts about it -----------------------------


@dataclass(frozen=True)
class _Estimate:
    """The entry with the least bound; all (e, O)."""

    value: Floats
    bound: Floats
    truncation: Floats
    roundoff: Floats
    first: Ints  # the rung of the largest step size in it
    step: Floats  # the smallest step size in it

    def parts(self) -> tuple[NDArray[Any], ...]:
        return self.value, self.bound, self.truncation, self.roundoff, self.first, self.step

    def where(self, wins: Bools, other: _Estimate) -> _Estimate:
        pairs = zip(self.parts(), other.parts(), strict=True)
        return _Estimate(*(np.where(wins, theirs, ours) for ours, theirs in pairs))

    def better(self, other: _Estimate) -> _Estimate:
        """The one with the smaller bound, which covers both where they contradict each other."""
        apart = np.abs(self.value - other.value)
        clash = apart > self.bound + other.bound
        best = self.where(other.bound < self.bound, other)
        cover = apart + np.maximum(self.bound, other.bound)
        return replace(best, bound=np.where(clash, cover, best.bound))

    def scaled(self, power: Ints) -> _Estimate:
        """All slopes times 2^power; what is out of range then is not known."""
        value, bound = np.ldexp(self.value, power), np.ldexp(self.bound, power) + TINY
        known = np.isfinite(value) & np.isfinite(bound)
        value, bound = np.where(known, value, np.nan), np.where(known, bound, np.inf)
        cut, noise = np.ldexp(self.truncation, power), np.ldexp(self.roundoff, power)
        return _Estimate(value, bound, cut, noise, self.first, self.step)

    def rows(self, keep: Ints) -> _Estimate:
        return _Estimate(*(part[keep] for part in self.parts()))

    def put(self, at: Ints, rows: _Estimate) -> None:
        for part, new in zip(self.parts(), rows.parts(), strict=True):
            part[at] = new


def _guards(tables: Sequence[_Tableau]) -> tuple[Floats, Floats]:
    """For each rung, the interval that the plain slopes of all smaller step sizes leave open."""
    pairs = [(t.value[m], t.bound[m]) for t in tables for m in range(min(2, len(t.value)))]
    low = np.fmax.reduce([value - bound for value, bound in pairs])
    high = np.fmin.reduce([value + bound for value, bound in pairs])
    return _shift(_from_below(low, np.fmax), 1), _shift(_from_below(high, np.fmin), 1)


def _select(table: _Tableau, guards: tuple[Floats, Floats]) -> _Estimate:
    """The entry with the least bound, after it was widened to what the guards leave open."""
    low, high = (_each(guard, len(table.value)) for guard in guards)
    outside = np.fmax(low - table.value, table.value - high) > 0
    open_ = np.fmax(np.abs(high - table.value), np.abs(table.value - low))
    bound = table.bound + np.where(outside, open_, 0)
    bound = np.where(np.isfinite(bound) & np.isfinite(table.value), bound, np.inf)
    m, e, k, o = bound.shape
    best = bound.transpose(1, 3, 0, 2).reshape(e, o, m * k).argmin(axis=2)
    level, first = np.divmod(best, k)
    at = (level, np.arange(e)[:, None], first, np.arange(o))
    last = np.minimum(first + level, k - 1)
    least = bound[at] + _doubt(table, table.value[at], table.roundoff[at], last)
    step = np.take_along_axis(table.steps, last, axis=1)
    return _Estimate(
        table.value[at],
        np.where(np.isnan(least), np.inf, least),
        table.truncation[at],
        table.roundoff[at],
        first,
        step,
    )


def _doubt(table: _Tableau, value: Floats, roundoff: Floats, last: Ints) -> Floats:
    """By how much slopes at smaller step sizes miss a value more than they may; (e, O)."""
    at, steps = last[:, None], table.steps[:, :, None]
    miss = np.abs(table.slopes - value[:, None])
    step = np.take_along_axis(steps + 0 * miss, at, axis=1)
    truncation = 2 * np.take_along_axis(miss, at, axis=1) * (steps / step) ** table.order
    noise = np.fmax(table.roundoff[0], roundoff[:, None] * step / steps)
    excess = miss - truncation - ROUNDOFF_SAFETY * noise
    smaller = np.arange(miss.shape[1])[:, None] > at
    return np.asarray(np.fmax.reduce(np.where(smaller & (excess > 0), excess, 0.0), axis=1))


def _endless(table: _Tableau) -> Floats:
    """The sign of slopes that go on growing, by steps that do not shrink, else 0; (e, O)."""
    grown = _shift(table.slopes, 1) - table.slopes
    ratio = (_shift(table.steps[:, :, None], 1) / table.steps[:, :, None]) ** 0.25
    clear = np.abs(grown) > 1e3 * EPS * table.size * _shift(table.gains, 1)
    clear &= (table.steps <= table.reach)[:, :, None]
    pairs = clear & (_shift(clear.astype(float), 1) == 1)
    endless = np.where(pairs, _shift(grown, 1) / grown > ratio, True).all(axis=1)
    endless &= pairs.sum(axis=1) >= 3
    return np.where(endless, np.sign(np.where(pairs, grown, 0.0).sum(axis=1)), 0.0)


def _contradicted(best: _Estimate, tables: Sequence[_Tableau]) -> _Estimate:
    """The bound widened to cover what else the samples may mean.

    That is the value at larger step sizes where it differs a little (a step of a staircase that
    rounding made in one small term of f is smooth, and wrong by little) or is far better known, and
    the value at smaller ones that were taken for noise although they agree among themselves.
    """
    value, bound, wider = best.value[:, None], best.bound[:, None], best.bound
    for table in tables:
        apart = np.abs(table.value - value)
        weak = (bound > WEAK * np.abs(value)) & (table.bound < bound / 32)
        clash = (apart > table.bound + bound) & (weak | (apart < CLOSE * np.abs(value)))
        firm = (apart > bound) & (8 * table.second < np.minimum(apart, np.abs(table.value)))
        firm &= table.steps[:, :, None] < best.step[:, None]
        firm[0] = False
        cover = np.where(firm, table.second, np.where(clash, table.bound, -np.inf)) + apart
        wider = np.fmax(wider, np.fmax.reduce(cover, axis=(0, 2)))
    return replace(best, bound=wider)


def _consult(
    ladder: _Ladder, scheme: Scheme, floor: Floats, known: _Estimate | None = None
) -> tuple[_Estimate, _Estimate]:
    """What this ladder says, and the better of that and what was known.

    By default central, right and left differences are asked together.
    """
    schemes = [scheme, RIGHT, LEFT] if scheme.sees_sides else [scheme]
    tables = _tableaus(ladder, schemes, floor)
    guards, power = _guards(tables), _power(ladder)
    now = _select(tables[0], guards)
    for table in tables[1:]:
        now = now.better(_select(table, guards))
    endless = np.any([_endless(table) for table in tables[-2:]], axis=0)
    now = replace(now, bound=np.where(endless, np.inf, now.bound))
    best = now.better(known.scaled(power)) if known else now
    return now.scaled(-power), _contradicted(best, tables).scaled(-power)


# --- where to sample next -------------------------------------------------------------------------


def _settle(sampler: _Sampler, which: Ints, scheme: Scheme) -> tuple[_Estimate, _Ladder]:
    """Sample, estimate, and sample again where that can help; the result and the first ladder."""
    base = sampler.base[which]
    first = ladder = _climb(sampler, which, _first_rungs(base, scheme), scheme)
    floor = sampler.floor(which)
    now, best = _consult(ladder, scheme, floor)
    best, active = best.rows(np.arange(len(which))), np.arange(len(which))
    for _ in range(0 if scheme.rungs else ROUNDS - 1):
        rungs = _more_rungs(ladder, now, base[active])
        keep = rungs[:, 0] > 0
        active = active[keep]
        if not active.size:
            break
        more = _climb(sampler, which[active], rungs[keep], scheme)
        ladder = ladder.rows(keep).join(more)
        now, better = _consult(ladder, scheme, floor[active], best.rows(active))
        best.put(active, better)
    return best, first


def _more_rungs(ladder: _Ladder, now: _Estimate, base: Floats) -> Floats:
    """New step sizes for each entry, (e, DENSE); a row of 0 where there is nothing to gain."""
    start, ratio = _wishes(ladder, now, np.abs(base)[:, None])
    need = np.where(np.isfinite(now.bound), now.bound / np.abs(now.value), np.inf)
    need = np.where(start > 0, np.nan_to_num(need, nan=0.0), -1.0)
    worst = need.argmax(axis=1)[:, None]
    first, factor = np.take_along_axis(start, worst, 1), np.take_along_axis(ratio, worst, 1)
    return np.asarray(first * factor ** -np.arange(1.0, DENSE + 1))


def _wishes(ladder: _Ladder, now: _Estimate, x: Floats) -> tuple[Floats, Floats]:
    """For each output the step size to start below, 0 for none, and the ratio of the rungs.

    Up if f looked straight at all step sizes, down if none was small enough, else densely into the
    gap above the largest step size that was of use.
    """
    steps, last = ladder.steps, ladder.steps.shape[1] - 1
    usable = np.isfinite(ladder.values).any(axis=2)
    some, (top, bottom) = usable.any(axis=1), _span(steps)
    lost = ~np.isfinite(now.bound)
    poor = lost | (now.bound > GOOD * np.abs(now.value))
    cut = TRUNCATION_SAFETY * now.truncation > ROUNDOFF_SAFETY * now.roundoff
    first = np.where(lost, usable.argmax(axis=1), now.first)
    here = np.take_along_axis(steps, first, 1)
    above = np.where(first > 0, np.take_along_axis(steps, np.maximum(first - 1, 0), 1), np.inf)
    below = np.take_along_axis(steps, np.minimum(first + 4, last), 1)
    # a constant f is flat at every step size: only a tiny x is worth another try
    up = poor & ~lost & ~cut & (first == 0) & ((now.value != 0) | (x < SMALL))
    unsure = now.bound > 1e4 * GOOD * np.abs(now.value)
    up |= unsure & ~lost & (x > 0) & (top < SMALL)
    ended = ~some | (first >= (steps > 0).sum(axis=1, keepdims=True) - 4)
    down = poor & (lost | cut) & ended & ((x == 0) | (bottom > x))
    gap = poor & some & (first > 0) & ((above > 3 * here) | (here > 20 * below))
    start, ratio = np.where(gap, above, 0.0), np.maximum(2, (above / here) ** (1 / 6))
    start = np.where(up, np.where(top < SMALL**2, MANTISSA * 2.0**15, top * 2.0**45), start)
    start = np.where(down, np.where((x > 0) & (x < bottom), x, bottom), start)
    return start, np.where(up | (down & (x > 0)), 32.0, np.where(down, 2.0**12, ratio))
