"""Reads measured variances. Gives the trends of a user's model, step by step, and verdicts on them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.initialization.user_model.layout import Layout
from gradcheck_cli.initialization.user_model.measurement import QUANTITIES, Array, Measured
from gradcheck_cli.numerics.student_t import student_t, typical
from gradcheck_cli.results.initialization_results import LayerStats, Outcome, Series

__all__ = ["Trends"]


@dataclass(frozen=True)
class Trends:
    """Slopes and verdicts.

    What chance does to random weights is not counted against them: of a ReLU network of widths n_j,
    ln |h_K|^2 has the mean -(5/2) sum 1/n_j and the variance 5 sum 1/n_j (Hanin and Nica 2018).
    """

    layout: Layout
    measured: Measured
    stat: str
    level: float

    @property
    def shift(self) -> float:
        """Decades of variance that the typical network loses to its narrowness."""
        return 2.5 * self.layout.narrowness / math.log(10)

    @property
    def scatter(self) -> float:
        """Decades of variance by which one network differs from the next, a standard deviation.

        By a line of least squares: through a random walk its slope has 6/5 the variance of the ends'.
        """
        return math.sqrt(6 * self.layout.narrowness) / math.log(10)

    def series(self, quantity: str) -> Series:
        """One direction, step by step."""
        dead = self.measured.dead_in(quantity)
        slopes = self._slopes(quantity, self.measured.log10[quantity][~dead])
        slope, ci = self._mean(slopes)
        return Series(
            init="model",
            label=self.layout.model.file,
            sigma2=None,
            quantity=quantity,
            stat=self.stat,
            direction=QUANTITIES[quantity],
            layers=tuple(self._layers(self.measured.log10[quantity])),
            slope=slope,
            slope_ci=ci,
            expected_slope=None,
            verdict=Outcome.VANISHES if dead.all() else self._verdict(slope, ci),
            networks=int((~dead).sum()),
            dead=int(dead.sum()),
            overflowed=len(self.measured.failing),
        )

    def _layers(self, values: Array) -> Iterator[LayerStats]:
        """Median and interval over the draws in which the step is not 0; all of them 0: -inf."""
        median, low, high = typical(values, self.level)
        median = np.where(np.isfinite(values).any(axis=0), median, values[0])
        for step, *found in zip(self.layout.steps, median.tolist(), low.tolist(), high.tolist(), strict=True):
            middle, bottom, top = (None if math.isnan(value) else value for value in found)
            yield LayerStats(
                k=self.layout.depth(step), median=middle, low=bottom, high=top, name=step.display
            )

    def _slopes(self, quantity: str, values: Array) -> Array:
        """Decades per weight matrix of each draw, in the direction of travel; least squares."""
        places = self.layout.behind_matrices
        k = np.array([self.layout.depth(self.layout.steps[p]) for p in places], dtype=np.float64)
        sign = 1.0 if QUANTITIES[quantity] == "forward" else -1.0
        found = [_line(k, row[places]) for row in values]
        return sign * np.array([slope for slope in found if math.isfinite(slope)])

    def _mean(self, slopes: Array) -> tuple[float | None, float | None]:
        count = len(slopes)
        if not count:
            return None, None
        if count == 1:
            return float(slopes[0]), None
        error = float(np.std(slopes, ddof=1)) / math.sqrt(count)
        return float(np.mean(slopes)), student_t(self.level, count - 1) * error

    def _verdict(self, slope: float | None, ci: float | None) -> Outcome | None:
        """Beyond one decade of variance with the whole interval, and not by chance; else stable."""
        if slope is None:
            return None
        depth = self.layout.depth(self.layout.steps[self.layout.behind_matrices[-1]])
        of_variance = 2 if self.stat == "std" else 1
        decades = slope * depth * of_variance
        limits = self.layout.limits
        margin = limits.draw_sigmas * self.scatter if ci is None else ci * depth * of_variance
        if decades + margin + self.shift < -limits.stable_decades:
            return Outcome.VANISHES
        return Outcome.EXPLODES if decades - margin > limits.stable_decades else Outcome.STABLE


def _line(x: Array, y: Array) -> float:
    """The slope of the straight line through the points that are finite; nan for fewer than two."""
    known = np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < 2:
        return math.nan
    away = x - x.mean()
    return float(away @ y / (away @ away))
