"""Reads an Activation. Gives its expectations over z ~ N(0, 1), its gain, fixed and critical points.

Integrals are taken over panels with 16 Gauss-Legendre nodes each, not over Gauss-Hermite nodes: those
converge like 1/nodes where phi has a kink, and miss phi' altogether where sqrt(q) is so large that a tanh
is a step between two nodes. Panels end at kinks, and are as fine in sqrt(q) z as in z. Knows nothing of
networks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.initialization.activations import Activation
from gradcheck_cli.numerics.limits.initialization import DEFAULTS, InitializationLimits
from gradcheck_cli.results.initialization_results import GainReport

__all__ = ["Averages", "Critical", "Law", "averages", "critical", "depth_scale", "describe", "gain"]

Array = NDArray[np.float64]


# ---------------------------------------------------------------------------------------------
# Expectations
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Averages:
    """At pre-activation variance q: phi = phi(sqrt(q) z) and phi' = phi'(sqrt(q) z).

    `growth` = d ln E phi^2/d ln q = E[phi^2 (z^2 - 1)]/(2 E phi^2), which holds for kinks and jumps too;
    `spread_growth` and `slope_growth` are those of the variance of phi and of E phi'^2.
    """

    mean: float
    second: float  # E phi^2
    spread: float  # E (phi - E phi)^2
    slope: float  # E phi'^2
    growth: float
    spread_growth: float
    slope_growth: float
    kurtosis: float  # E phi^4/(E phi^2)^2
    central_kurtosis: float  # E (phi - E phi)^4/(E (phi - E phi)^2)^2
    slope_kurtosis: float  # E phi'^4/(E phi'^2)^2
    overlap: float  # E phi^2 phi'^2/E phi^2
    lever: float  # E (phi' x)^2/E phi^2 at x = sqrt(q) z


def averages(activation: Activation, q: float) -> Averages:
    """Give the expectations at pre-activation variance q > 0; 12 digits for the functions of ACTIVATIONS."""
    root = math.sqrt(q)
    z, weights = _nodes(activation, root)
    limits = activation.limits
    with np.errstate(all="ignore"):
        phi, dphi = activation.both(root * z)
        mean = float(weights @ phi)
        squares = [phi**2, (phi - mean) ** 2, dphi**2]
        seconds = [float(weights @ square) for square in squares]
        if any(_runs_away(weights * square, limits) for square in squares):
            seconds = [math.inf] * 3  # the integrals are beyond the last z: exp(z), or do not exist
        fourths = [float(weights @ square**2) for square in squares]
        bent = [float(weights @ (square * (z**2 - 1))) / 2 for square in squares]
        crossed = [float(weights @ (squares[0] * squares[2])), float(weights @ (squares[2] * q * z**2))]
    growths = [_ratio(b, m, 0.0) for b, m in zip(bent, seconds, strict=True)]
    kurtoses = [_ratio(f, m * m, 1.0) for f, m in zip(fourths, seconds, strict=True)]
    shares = [_ratio(c, seconds[0], 1.0) for c in crossed]
    return Averages(mean, *seconds, *growths, *kurtoses, *shares)


def _runs_away(terms: Array, limits: InitializationLimits) -> bool:
    """Whether the ends still count, or something is infinite."""
    nodes = limits.panel_nodes
    edges = np.abs(terms[[*range(nodes), *range(-nodes, 0)]]).sum()
    return not bool(edges <= limits.tail_share * np.abs(terms).sum())


def _ratio(above: float, below: float, otherwise: float) -> float:
    return above / below if below > 0 and math.isfinite(below) else otherwise


def _nodes(activation: Activation, root: float) -> tuple[Array, Array]:
    """z and weights that sum to 1. Where only a tail counts (a kink far out) panels go to the last z."""
    limits, kinks = activation.limits, np.array(activation.kinks) / root
    reach = limits.far_reach if (np.abs(kinks) > limits.near_reach / 2).any() else limits.near_reach
    bends = 2.0 ** np.arange(*limits.panel_exponents) / root  # panels end at powers of 2, where phi bends
    ends = np.concatenate([np.arange(-reach, reach + 1), bends, -bends, kinks, [0.0]])
    ends = np.array(sorted(set(ends[np.abs(ends) <= reach].tolist())))  # np.unique would import numpy.ma
    half = np.diff(ends)[:, None] / 2
    nodes, shares = _legendre(limits.panel_nodes)
    z = ends[:-1, None] + half * (1 + nodes)
    weights = half * shares * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return z.ravel(), weights.ravel()


@cache
def _legendre(nodes: int) -> tuple[Array, Array]:
    return np.polynomial.legendre.leggauss(nodes)


class Law:
    """Expectations at any ln q: from a table that is filled where it is used, with a straight line beyond.

    Interpolated logarithms are within 1e-5 of the integrals. Beyond q = 1e-60 and 1e60 phi is a power of
    |z|, so that logarithms continue as straight lines in ln q; homogeneous activations are that everywhere.
    """

    def __init__(self, activation: Activation) -> None:
        self.activation = activation
        self.limits = activation.limits
        self._end, self._step = self.limits.table_end, self.limits.table_step
        self._homogeneous = activation.homogeneous
        self._table: dict[int, Array] = {}  # the fields of Averages at one knot
        self._same = cache(self._constants)  # layer after layer asks for the same shape

    def __call__(self, log_q: Array) -> dict[str, Array]:
        """The expectations for normal preactivations.

        Parameters
        ----------
        log_q : float64 array, ln of their mean square

        Returns
        -------
        dict of str to float64 arrays of that shape
            "second", "spread" and "slope" as natural logarithms; growth and kurtoses as they are.
        """
        x = np.asarray(log_q, dtype=np.float64)
        if self._homogeneous:
            return self._scale_homogeneous(x)
        inside = np.clip(np.nan_to_num(x), -self._end, self._end)
        below = np.floor(inside / self._step).astype(int)
        t = inside / self._step - below
        low, high = self._knots(below), self._knots(below + 1)
        found = {name: (1 - t) * low[name] + t * high[name] for name in _RATIOS}
        for name, slope in _LOGS.items():
            beyond = _beyond(low[slope], x - inside, self.limits)
            found[name] = self._log(low, high, name, slope, t) + beyond
        return found

    def _scale_homogeneous(self, x: Array) -> dict[str, Array]:
        """Mean squares go with q, slopes and ratios do not change."""
        same = self._same(x.shape)
        return {**same, "second": x + same["second"], "spread": x + same["spread"]}

    def _constants(self, shape: tuple[int, ...]) -> dict[str, Array]:
        one = self._knots(np.zeros(shape, dtype=int))
        return {**{name: np.log(one[name]) for name in _LOGS}, **{name: one[name] for name in _RATIOS}}

    def _log(self, low: dict[str, Array], high: dict[str, Array], name: str, slope: str, t: Array) -> Array:
        """The cubic that has the values and slopes of both ends (Hermite)."""
        with np.errstate(all="ignore"):
            a, b = np.log(low[name]), np.log(high[name])
            rise = b - a
            left, right = self._step * low[slope] - rise, rise - self._step * high[slope]
            bent = a + t * rise + t * (1 - t) * ((1 - t) * left + t * right)
        return np.where(np.isfinite(bent), bent, np.where(t < 0.5, a, b))

    def _knots(self, numbers: Array) -> dict[str, Array]:
        known = sorted({int(k) for k in numbers.flat})
        fields = np.array([self._knot(k) for k in known]).T
        return dict(zip(_FIELDS, fields[:, np.searchsorted(known, numbers)], strict=True))

    def _knot(self, number: int) -> Array:
        if number not in self._table:
            found = averages(self.activation, math.exp(number * self._step))
            self._table[number] = np.array([getattr(found, name) for name in _FIELDS])
        return self._table[number]


_FIELDS = tuple(Averages.__dataclass_fields__)
_RATIOS = ("growth", "kurtosis", "central_kurtosis", "slope_kurtosis", "overlap", "lever")
_LOGS = {"second": "growth", "spread": "spread_growth", "slope": "slope_growth"}


def _beyond(growth: Array, distance: Array, limits: InitializationLimits) -> Array:
    """A slope that is 0 but for rounding is 0, also infinitely far away."""
    flat = (np.abs(growth) < limits.same_growth) | (distance == 0)
    with np.errstate(invalid="ignore"):
        return np.where(flat, 0.0, growth * distance)


# ---------------------------------------------------------------------------------------------
# Gain, fixed points, critical points
# ---------------------------------------------------------------------------------------------


def gain(activation: Activation) -> float:
    """1/sqrt(E phi(z)^2): weights of variance gain^2/fan_in keep the variance of pre-activations at 1."""
    return 1 / math.sqrt(averages(activation, 1.0).second)


def depth_scale(chi: float, limits: InitializationLimits = DEFAULTS) -> float | None:
    """-1/ln chi: layers in which the gradient's variance changes by a factor e (negative: grows).

    None where it does not change, or is lost at once. Schoenholz et al. 2017.
    """
    if not (chi > 0 and math.isfinite(chi)) or abs(math.log(chi)) < limits.same_chi:
        return None
    return -1 / math.log(chi)


@dataclass(frozen=True)
class Critical:
    """The edge of chaos: sigma_w and the q of its fixed point; None where there is none, and why."""

    sigma_w: float | None
    q: float | None
    note: str = ""


def critical(activation: Activation, bias_variance: float = 0.0) -> Critical:
    """sigma_w^2 = 1/E phi'^2 at the q that it leaves as it is: chi = 1 (Schoenholz et al. 2017).

    Searched between q = 1e-6 and 1e6, and in the limit q -> 0.
    """
    limits = activation.limits
    reach, step, zero = limits.critical_reach, limits.critical_step, limits.vanishing_variance
    grid = 10.0 ** np.arange(-reach, reach + step / 100, step)
    residuals = np.array([_residual(activation, q, bias_variance) for q in grid])
    if (np.abs(residuals) <= limits.same_variance).all():
        return Critical(_sigma(activation, 1.0), None, "any q")
    clear = np.abs(residuals) > limits.same_variance
    grid, residuals = grid[clear], residuals[clear]
    signs = np.flatnonzero(residuals[:-1] * residuals[1:] < 0)
    if len(signs):
        q = _root(activation, bias_variance, grid[signs[-1]], grid[signs[-1] + 1])
        return Critical(_sigma(activation, q), q)
    if bias_variance == 0 and abs(_residual(activation, zero, 0.0)) < limits.same_vanishing:
        return Critical(_sigma(activation, zero), 0.0, "in the limit q -> 0")
    return Critical(None, None, "no variance q is kept by weights that keep gradients")


def _residual(activation: Activation, q: float, bias_variance: float) -> float:
    """Of q what weights with chi = 1 leave over: 1 - (E phi^2/E phi'^2 + sigma_b^2)/q."""
    found = averages(activation, q)
    if math.isinf(found.second):
        return math.nan
    return 1 - (_ratio(found.second, found.slope, math.inf) + bias_variance) / q


def _sigma(activation: Activation, q: float) -> float:
    return 1 / math.sqrt(averages(activation, q).slope)


def _root(activation: Activation, bias_variance: float, low: float, high: float) -> float:
    before = _residual(activation, low, bias_variance)
    for _ in range(activation.limits.critical_bisections):
        middle = math.sqrt(low * high)
        same = _residual(activation, middle, bias_variance) * before > 0
        low, high = (middle, high) if same else (low, middle)
    return math.sqrt(low * high)


def describe(activation: Activation, bias_variance: float = 0.0) -> GainReport:
    """Everything about an activation at q = 1, under weights that keep it there."""
    found = averages(activation, 1.0)
    own = gain(activation)
    chi = own**2 * found.slope
    beside = found.growth
    point = critical(activation, bias_variance)
    words = {-1: "attracts", 0: "neutral", 1: "repels"}
    limits = activation.limits
    side = 0 if abs(beside - 1) <= limits.same_growth else int(math.copysign(1, beside - 1))
    return GainReport(
        activation=activation.name,
        formula=activation.formula,
        gain=own,
        torch_gain=activation.torch_gain,
        mean=found.mean if abs(found.mean) > limits.zero_mean * math.sqrt(found.second) else 0.0,
        second_moment=found.second,
        slope_moment=found.slope,
        chi=chi,
        chi_50=chi**50,
        fixed_point=words[side],
        fixed_point_slope=beside,
        kinks=activation.kinks,
        bias_variance=bias_variance,
        critical_sigma_w=point.sigma_w,
        critical_q=point.q,
        critical_note=point.note,
        notes=_notes(side),
    )


def _notes(side: int) -> tuple[str, ...]:
    if side <= 0:
        return ()
    drift = "below a fixed point that repels variances shrink layer by layer, above it they grow: weights "
    return (drift + "must meet the gain exactly, and even then networks of finite width drift away",)
