"""Reads what `symbolic` of a primitive says of matrices. Gives Items: what elimination makes, by minors and
columns where the matrix is small, else as one item that SymPy cannot look into.

Knows nothing of SymPy, models and numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from gradcheck_cli.derivatives.symbolic.recording import Handle, Recorder
from gradcheck_cli.numerics.limits.symbolic import SymbolicLimits

__all__ = ["MatrixRecorder"]


class MatrixRecorder(Recorder):
    """The namespace `s` of a primitive's `symbolic` field. `by_minors`: the largest matrix of which SymPy is
    shown how its determinant, inverse, factor and eigenvalues are made."""

    def __init__(self, limits: SymbolicLimits, *, by_minors: int) -> None:
        super().__init__(limits)
        self.by_minors = by_minors

    def determinant(self, x: Handle) -> Handle:
        """By minors of the first 1, 2, ... rows, each expanded along its last row: no division."""
        if x.shape[0] > self.by_minors:
            return self.structural("determinant", (x,), ())
        return self.index(self._minors(self._rows(x), last=True)[-1], (0,))

    def inverse(self, x: Handle) -> Handle:
        """Transposed cofactors over the determinant."""
        n = x.shape[0]
        if n > self.by_minors:
            return self.structural("inverse", (x,), x.shape)
        rows = self._rows(x)
        above, below = self._minors(rows[:-1], last=True), self._minors(rows[:0:-1], last=False)
        cofactors = [self._cofactors(n, i, above[i], below[n - 1 - i]) for i in range(n)]
        whole = self.total(cofactors[0] * rows[0], None)
        return self.transpose(self.stack(cofactors)) / self.expand(whole, (n, n))

    def _rows(self, x: Handle) -> list[Handle]:
        return [self.index(x, (k, slice(None))) for k in range(x.shape[0])]

    def _minors(self, rows: Sequence[Handle], *, last: bool) -> list[Handle]:
        """For k = 0, 1, ... the minors of the first k rows, by their columns in the order of
        `combinations`; a row that is added stands last, or first."""
        found = [self.expand(self.lift(1), (1,))]
        n = rows[0].shape[0] if rows else 1
        for k, row in enumerate(rows):
            smaller = {columns: place for place, columns in enumerate(combinations(range(n), k))}
            chosen = list(combinations(range(n), k + 1))
            rests = [smaller[c[:p] + c[p + 1 :]] for c in chosen for p in range(k + 1)]
            signs = [(-1) ** (p + k * last) for _ in chosen for p in range(k + 1)]
            shape = (len(chosen), k + 1)
            entries = self.gather(row, [j for c in chosen for j in c], [1] * len(rests), shape)
            found.append(self._sum_of_rows(entries * self.gather(found[-1], rests, signs, shape)))
        return found

    def _cofactors(self, n: int, i: int, above: Handle, below: Handle) -> Handle:
        """Row i of the cofactors, from the minors of the i rows above it and of those below it
        (Laplace's expansion by several rows)."""
        tops = {columns: place for place, columns in enumerate(combinations(range(n), i))}
        rest = {columns: place for place, columns in enumerate(combinations(range(n), n - 1 - i))}
        upper, lower, signs = [], [], []
        for j in range(n):
            others = [c for c in range(n) if c != j]
            for chosen in combinations(range(n - 1), i):
                upper.append(tops[tuple(others[p] for p in chosen)])
                lower.append(rest[tuple(c for p, c in enumerate(others) if p not in chosen)])
                signs.append((-1) ** (i + j + sum(chosen) - i * (i - 1) // 2))
        shape = (n, len(upper) // n)
        terms = self.gather(above, upper, [1] * len(upper), shape)
        return self._sum_of_rows(terms * self.gather(below, lower, signs, shape))

    def _sum_of_rows(self, terms: Handle) -> Handle:
        """The sums of the rows of a matrix, as a vector."""
        return self.index(self.total(terms, 1), (slice(None), 0))

    def log_determinant(self, x: Handle, *, absolute: bool) -> Handle:
        """log(det(x)), or that of the absolute value."""
        if x.shape[0] > self.by_minors:
            return self.structural("log_determinant", (x,), (), absolute)
        found = self.determinant(x)
        return self.entrywise("log", self.select(found > 0, found, -found) if absolute else found)

    def cholesky(self, x: Handle) -> Handle:
        """The lower factor of the symmetric part, column by column."""
        n = x.shape[0]
        if n > self.by_minors:
            return self.structural("cholesky", (x,), x.shape)
        rest, columns = (x + self.transpose(x)) / 2, []
        for k in range(n):
            first = self.index(rest, (slice(None), 0))
            column = first / self.expand(self.entrywise("sqrt", self.index(first, (0,))), (n - k,))
            columns.append(self.concat([self.expand(self.lift(0), (k,)), column], 0) if k else column)
            if k < n - 1:
                below = self.part(column, 0, 1, n - k)
                rest = self.index(rest, (slice(1, None), slice(1, None)))
                rest = rest - self.contract("i,j->ij", below, below)
        return self.transpose(self.stack(columns))

    def eigenvalues(self, x: Handle) -> Handle:
        """Those of the symmetric part, as zeros of its characteristic polynomial: one Newton step for each,
        from its value, which no entry moves. One that is repeated, or nearly so, is no simple zero as far as
        float64 can tell; it is v' A v with its eigenvector held still."""
        n = x.shape[0]
        if n > min(self.by_minors, self.limits.largest_spectrum):
            return self.structural("eigenvalues", (x,), (n,))
        a = (x + self.transpose(x)) / 2
        start = self.structural("constant_eigenvalues", (x,), (n,))
        vectors = self.structural("constant_eigenvectors", (x,), (n, n))
        still = self.index(self.total(vectors * self.contract("ij,jk->ik", a, vectors), 0), (0, slice(None)))
        simple = self.structural("simple", (start,), (n,), self.limits.near_eigenvalues)
        steps, slopes = zip(*(self._newton_step(a, self.index(start, (k,))) for k in range(n)), strict=True)
        slope = self.select(simple, self.stack(slopes), self.expand(self.lift(1), (n,)))
        return self.select(simple, start + self.stack(steps) / slope, still)

    def _newton_step(self, a: Handle, start: Handle) -> tuple[Handle, Handle]:
        """det(A - z), and its slope by z with a minus: the sum of the principal minors."""
        n = a.shape[0]
        moved = a - self.on_diagonal(self.expand(start, (n,)))
        if n == 1:
            return self.index(moved, (0, 0)), self.lift(1)
        rows = self._rows(moved)
        above, below = self._minors(rows[:-1], last=True), self._minors(rows[:0:-1], last=False)
        cofactors = [self._cofactors(n, i, above[i], below[n - 1 - i]) for i in range(n)]
        slope = self.total(self.diagonal(self.stack(cofactors)), None)
        return self.total(cofactors[0] * rows[0], None), slope
