"""How often differences are off by more than a factor times their estimates of truncation and round-off.

    python benchmarks/error_bounds.py --points 400 --seed 0

Functions of one number are sampled in float64 at random points of all sizes; the truth is a difference at 120
digits. A bound is a safety factor times the sum of the two estimates; with factors 1, 2 and 3 it is exceeded
as often as the table says. The page docs/finite-differences.md quotes it.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from gradcheck_cli.derivatives.finite_differences.differences import differences
from gradcheck_cli.derivatives.finite_differences.sampled_function import Samples
from gradcheck_cli.derivatives.finite_differences.schemes import SCHEMES
from gradcheck_cli.numerics.limits.finite_differences import DEFAULTS

FACTORS = (1, 2, 3)
C = mpmath.MPContext()
C.dps = 120


class Exact:
    """NumPy's names for mpmath's functions."""

    sin, cos, tan, exp, log, sqrt = C.sin, C.cos, C.tan, C.exp, C.log, C.sqrt
    tanh, arctan, log1p, sinh = C.tanh, C.atan, C.log1p, C.sinh


Function = Callable[[Any, Any], Any]
FUNCTIONS: dict[str, Function] = {
    "smooth": lambda m, x: m.sin(x) + m.cos(2 * x),
    "steep": lambda m, x: m.exp(3 * x) / (1 + m.exp(3 * x)),
    "polynomial": lambda m, x: ((x - 2) * x + 3) * x - 1,
    "logarithm": lambda m, x: m.log(1 + x * x) * x,
    "root": lambda m, x: m.sqrt(x * x + 1e-4),
    "quotient": lambda m, x: (1 + x) / (3 + x * x),
    "oscillating": lambda m, x: m.sin(20 * x) / (1 + x * x),
    "bell": lambda m, x: m.exp(-x * x),
    "saturated": lambda m, x: m.tanh(5 * x) + x / 10,
    "cancelling": lambda m, x: (x + 1000.0) * (x + 1000.0) - 1e6,
    "offset": lambda m, x: 1e6 + m.arctan(x),
    "chain": lambda m, x: m.cos(2.0 - 3.0 * m.exp(1.0 - 0.4 * m.sin(x))),
}


def truth(function: Function, x: float) -> Any:
    """The derivative by a central difference of 1e-30 at 120 digits: 60 of them are right."""
    at, h = C.mpf(x), C.mpf(10) ** -30
    return (function(Exact, at + h) - function(Exact, at - h)) / (2 * h)


def sampled(function: Function, base: np.ndarray) -> Callable[..., Samples]:
    """The function as the engine samples it: no kinks lie in between."""

    def samples(which: np.ndarray, offsets: np.ndarray) -> Samples:
        with np.errstate(all="ignore"):
            values = np.asarray(function(np, base[which][:, None] + offsets)) + 0 * offsets
        return Samples(values, np.ones(offsets.shape, dtype=bool))

    return samples


def main() -> None:
    """Print, for each function, how often the bound with each factor is exceeded."""
    factors = {DEFAULTS.truncation_safety, DEFAULTS.roundoff_safety}
    assert factors == {FACTORS[-1]}, "a bound is one factor times the sum of both"
    parser = argparse.ArgumentParser(description="Errors of finite differences in units of their estimates.")
    parser.add_argument("--points", type=int, default=400, help="for each function")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    random = np.random.default_rng(asked.seed)
    print(f"{'':<14}{'points':>7}" + "".join(f"{f'beyond {f}x':>12}" for f in FACTORS) + f"{'digits':>9}")
    every: list[float] = []
    for name, function in FUNCTIONS.items():
        base = random.choice([-1.0, 1.0], asked.points) * 10 ** random.uniform(-3, 0.7, asked.points)
        found = differences(sampled(function, base), base, scheme=SCHEMES["extrapolated"])
        units, digits = [], []
        for x, value, bound in zip(base, found.value, found.bound, strict=True):
            true = truth(function, float(x))
            error = float(abs(C.mpf(float(value)) - true))
            units.append(FACTORS[-1] * error / float(bound))
            digits.append(-math.log10(max(float(bound) / abs(float(true)), 1e-16)))
        every += units
        print(row(name, units, float(np.median(digits))))
    print(row("all", every, float("nan")))


def row(name: str, units: list[float], digits: float) -> str:
    """One line of the table."""
    shares = "".join(f"{np.mean(np.array(units) > factor):>12.2%}" for factor in FACTORS)
    shown = "" if math.isnan(digits) else f"{digits:>9.1f}"
    return f"{name:<14}{len(units):>7}{shares}{shown}"


if __name__ == "__main__":
    main()
