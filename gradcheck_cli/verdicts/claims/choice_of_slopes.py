"""Reads claimed entries as functions of the slopes of tied units. Gives whether one choice of them makes all.

A small bounded linear problem: every unit's slopes from their own set, every entry within its tolerance, or
beyond it by as little as possible. Balls, of norms, and matrices without negative eigenvalues are cut off by
planes where a solution leaves them. Knows nothing of models.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.claims import ClaimsLimits
from gradcheck_cli.reference.tied_units import Choice, Unit

__all__ = ["Demand", "Outside", "slopes_outside"]


@dataclass(frozen=True)
class _Plane:
    """normal @ (these slopes) is at most `most`."""

    part: slice
    normal: Array
    most: float


@dataclass(frozen=True)
class Demand:
    """Entries that are claimed, (entries,), each `base` + `columns` @ slopes, (entries, slopes), within a
    tolerance. `units`: whose slopes these are, with the number of the first."""

    claimed: Array
    tolerance: Array
    base: Array
    columns: Array
    units: Sequence[tuple[int, Unit]]


@dataclass(frozen=True)
class Outside:
    """A direction in which no choice of slopes gives what is claimed: weights of the entries of each demand,
    the slopes there, from `low` to `high`, and that of the claim."""

    weights: tuple[Array, ...]
    low: float
    high: float
    claimed: float


def slopes_outside(demands: Sequence[Demand], limits: ClaimsLimits) -> Outside | None:
    """Where the demands leave all choices of slopes; None where one choice meets them all."""
    problem = _Problem([_finite(demand) for demand in demands], limits)
    cuts: list[_Plane] = []
    for _ in range(limits.most_cuts):
        slopes, excess, weights = problem.solve(cuts)
        if excess > limits.feasible:
            return problem.outside(weights)
        left = problem.planes_before(slopes)
        if not left:
            return None
        cuts += left
    return None  # as far as planes can tell


_FEASIBILITY = ("primal_feasibility_tolerance", "dual_feasibility_tolerance")


def _finite(demand: Demand) -> Demand:
    """The demand without the entries of which nothing finite is known, as at a jump to 1e300: they ask for
    nothing."""
    known = np.isfinite(demand.base) & np.isfinite(demand.columns).all(axis=1)
    if known.all():
        return demand
    claimed, base = (np.where(known, part, 0.0) for part in (demand.claimed, demand.base))
    return replace(
        demand, claimed=claimed, base=base, columns=np.where(known[:, None], demand.columns, 0.0)
    )


def _length(x: Array) -> float:
    return float(np.sqrt(np.sum(x * x)))


class _Problem:
    """The linear problem of some demands; their units, where they are the same, have the same slopes."""

    def __init__(self, demands: Sequence[Demand], limits: ClaimsLimits) -> None:
        self.demands, self.limits = demands, limits
        self.places: dict[Hashable, slice] = {}
        self.units: list[Unit] = []
        self.count = 0
        for demand in demands:
            for _, unit in demand.units:
                if _key(unit) not in self.places:
                    self.places[_key(unit)] = slice(self.count, self.count + unit.size)
                    self.units.append(unit)
                    self.count += unit.size
        self.columns = np.concatenate([self._spread(demand) for demand in demands])
        self.base, self.claimed, self.tolerance = (
            np.concatenate([getattr(demand, name) for demand in demands])
            for name in ("base", "claimed", "tolerance")
        )
        sizes = (np.abs(self.columns).max(axis=1, initial=0.0), np.abs(self.claimed), np.abs(self.base))
        self.scale = np.maximum.reduce(sizes)
        self.scale[self.scale == 0] = 1.0

    def planes_before(self, slopes: Array) -> list[_Plane]:
        """Planes beyond which slopes lie that are no choice of their unit."""
        found = []
        for unit in self.units:
            part = self.places[_key(unit)]
            at = slopes[part]
            if unit.choice is Choice.LENGTH and _length(at) > 1 + self.limits.feasible:
                found.append(_Plane(part, at / _length(at), 1.0))
            if unit.choice is Choice.EIGENVALUE:
                values, vectors = np.linalg.eigh(_symmetric(at))
                if values[0] < -self.limits.feasible:
                    found.append(_Plane(part, -np.outer(vectors[:, 0], vectors[:, 0]).ravel(), 0.0))
        return found

    def _spread(self, demand: Demand) -> Array:
        found = np.zeros((len(demand.claimed), self.count))
        for start, unit in demand.units:
            found[:, self.places[_key(unit)]] = demand.columns[:, start : start + unit.size]
        return found

    @cached_property
    def _blocks(self) -> dict[Hashable, list[Unit]]:
        found: dict[Hashable, list[Unit]] = {}
        for unit in self.units:
            found.setdefault(unit.block, []).append(unit)
        return found

    def _totals(self) -> tuple[list[tuple[Array, Array]], list[float]]:
        """The equations that the slopes of ties meet, of each unit by itself and of the units of a block: the
        factors with their places, and the sums."""
        rows, sums = list[tuple[Array, Array]](), list[float]()
        for block in self._blocks.values():
            total = block[0].total
            if total is None:
                continue
            places = np.array([self.places[_key(unit)].start for unit in block])
            rows += [(total, place + np.arange(len(total))) for place in places]
            sums += [1.0] * len(block)
            if block[0].first is not None:
                rows += [(np.ones(len(block)), places + k) for k in range(len(total))]
                sums += total.tolist()
        return rows, sums

    def solve(self, cuts: Sequence[_Plane]) -> tuple[Array, float, Array]:
        """The slopes that leave least, by how much of its scale an entry is off then, and the weights of the
        entries that keep it from being less."""
        from scipy import sparse
        from scipy.optimize import linprog

        rows = sparse.csr_array(self.columns / self.scale[:, None])
        least = -np.ones((len(self.scale), 1))
        gap, allowed = (self.claimed - self.base) / self.scale, self.tolerance / self.scale
        parts = [sparse.hstack([rows, least]), sparse.hstack([-rows, least])]
        most = [gap + allowed, allowed - gap]
        if cuts:
            planes = np.zeros((len(cuts), self.count + 1))
            for k, plane in enumerate(cuts):
                planes[k, plane.part] = plane.normal
            parts.append(sparse.csr_array(planes))
            most.append(np.array([plane.most for plane in cuts]))
        totals, sums = self._totals()
        ends = np.cumsum([0, *(len(factors) for factors, _ in totals)])
        equations = sparse.csr_array(
            (*(np.concatenate(part) for part in zip(*totals, strict=True)), ends), (len(sums), self.count + 1)
        ) if sums else None  # fmt: skip
        found = linprog(
            np.append(np.zeros(self.count), 1.0), A_ub=sparse.vstack(parts), b_ub=np.concatenate(most),
            A_eq=equations, b_eq=sums or None,
            bounds=[*self._bounds(), (0, None)], method="highs",
            options=dict.fromkeys(_FEASIBILITY, self.limits.solver_tolerance),
        )  # fmt: skip
        marginals = np.asarray(found.ineqlin.marginals)
        n = len(self.scale)
        return found.x[:-1], float(found.x[-1]), (marginals[n : 2 * n] - marginals[:n]) / self.scale

    def _bounds(self) -> list[tuple[float, float]]:
        found: list[tuple[float, float]] = []
        for unit in self.units:
            match unit.choice:
                case Choice.BETWEEN:
                    found.append((min(unit.low, unit.high), max(unit.low, unit.high)))
                case Choice.LENGTH | Choice.EIGENVALUE:
                    found += [(-1.0, 1.0)] * unit.size
                case _:
                    found += [(0.0, 1.0)] * unit.size
        return found

    def outside(self, weights: Array) -> Outside:
        """What the slopes are along a direction, and what is claimed."""
        largest = float(np.abs(weights).max(initial=0.0)) or 1.0
        weights = np.where(np.abs(weights) > self.limits.feasible * largest, weights, 0)
        first = weights[np.flatnonzero(weights)[0]] if weights.any() else 1.0
        weights = weights / (largest * np.sign(first)) + 0.0
        low = high = float(weights @ self.base)
        along = weights @ self.columns
        for block in self._blocks.values():
            a, b = _range(block, np.stack([along[self.places[_key(unit)]] for unit in block]))
            low, high = low + a, high + b
        ends = np.cumsum([len(demand.claimed) for demand in self.demands])[:-1]
        return Outside(tuple(np.split(weights, ends)), low, high, float(weights @ self.claimed))


def _key(unit: Unit) -> Hashable:
    return unit.node.index, unit.row, unit.place


def _symmetric(slopes: Array) -> Array:
    """A matrix of slopes; only its symmetric part counts."""
    m = math.isqrt(len(slopes))
    square = slopes.reshape(m, m)
    return np.asarray((square + square.T) / 2)


def _range(block: Sequence[Unit], along: Array) -> tuple[float, float]:
    """The least and the most that the units of a block add along a direction, (units, slopes); of repeated
    eigenvalues bounds of it."""
    unit = block[0]
    match unit.choice:
        case Choice.BETWEEN:
            ends = (unit.low * float(along[0, 0]), unit.high * float(along[0, 0]))
            return min(ends), max(ends)
        case Choice.LENGTH:
            return -_length(along), _length(along)
        case Choice.OUTCOME:
            return min(0.0, float(along[0, 0])), max(0.0, float(along[0, 0]))
        case Choice.RANK:
            return _least_assignment(along), -_least_assignment(-along)
        case Choice.EIGENVALUE:
            values = np.stack([np.linalg.eigvalsh(_symmetric(part)) for part in along])
            return float(values[:, 0].sum()), float(values[:, -1].sum())
    return float(along.min()), float(along.max())


def _least_assignment(along: Array) -> float:
    """The least sum of entries, one from each row and each column."""
    from scipy.optimize import linear_sum_assignment

    return float(along[linear_sum_assignment(along)].sum())
