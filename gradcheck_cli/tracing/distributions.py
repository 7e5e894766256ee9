"""Reads distributions of scipy.stats in a program. Gives ones whose densities and probabilities record.

Of z = (x - loc)/scale: the logarithm of the density, or of the probability of a number; and the distribution
function, where the language has it. Knows nothing of nodes.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck_cli.tracing.built_operations import of_lower_triangle
from gradcheck_cli.tracing.new_nodes import moves, recorded
from gradcheck_cli.tracing.numpy_operations import ENTRY_BY_ENTRY, apply
from gradcheck_cli.tracing.recorded_array import plain
from gradcheck_cli.tracing.recording import Recording

__all__ = ["Distribution", "distributions"]

Formula = Callable[..., Any]


class _Special:
    """Functions of scipy.special, of what records."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any) -> Any:
            function = getattr(sys.modules["scipy.special"], name)  # imported by scipy.stats
            return apply(self._recording, name, function, args, {})

        assert name in (*ENTRY_BY_ENTRY, "xlog1py")
        return call


# of z and the shapes: the logarithm of the density
_LOG_DENSITY: Mapping[str, Formula] = MappingProxyType({
    "norm": lambda s, z: -z**2/2 - math.log(2*math.pi)/2,
    "t": lambda s, z, df: (
        s.gammaln((df + 1)/2) - s.gammaln(df/2) - np.log(df*math.pi)/2 - (df + 1)/2*np.log1p(z**2/df)
    ),
    "expon": lambda s, z: -z,
    "laplace": lambda s, z: -np.abs(z) - math.log(2),
    "logistic": lambda s, z: -z - 2*np.log1p(np.exp(-z)),
    "cauchy": lambda s, z: -math.log(math.pi) - np.log1p(z**2),
    "halfnorm": lambda s, z: math.log(2/math.pi)/2 - z**2/2,
    "gumbel_r": lambda s, z: -z - np.exp(-z),
    "gamma": lambda s, z, a: s.xlogy(a - 1, z) - z - s.gammaln(a),
    "invgamma": lambda s, z, a: -(a + 1)*np.log(z) - 1/z - s.gammaln(a),
    "chi2": lambda s, z, df: s.xlogy(df/2 - 1, z) - z/2 - s.gammaln(df/2) - df/2*math.log(2),
    "beta": lambda s, z, a, b: s.xlogy(a - 1, z) + s.xlog1py(b - 1, -z) - s.betaln(a, b),
    "lognorm": lambda s, z, sd: -(np.log(z)/sd)**2/2 - np.log(sd*z) - math.log(2*math.pi)/2,
    "weibull_min": lambda s, z, c: np.log(c) + s.xlogy(c - 1, z) - z**c,
    "pareto": lambda s, z, b: np.log(b) - (b + 1)*np.log(z),
})  # fmt: skip
_LOG_PROBABILITY: Mapping[str, Formula] = MappingProxyType({
    "poisson": lambda s, k, mu: s.xlogy(k, mu) - s.gammaln(k + 1) - mu,
    "bernoulli": lambda s, k, p: s.xlogy(k, p) + s.xlog1py(1 - k, -p),
    "binom": lambda s, k, n, p: (
        s.gammaln(n + 1) - s.gammaln(k + 1) - s.gammaln(n - k + 1) + s.xlogy(k, p) + s.xlog1py(n - k, -p)
    ),
    "nbinom": lambda s, k, n, p: (
        s.gammaln(n + k) - s.gammaln(k + 1) - s.gammaln(n) + n*np.log(p) + s.xlog1py(k, -p)
    ),
    "geom": lambda s, k, p: s.xlog1py(k - 1, -p) + np.log(p),
})  # fmt: skip
# of z and the shapes: the distribution function, and what is left of 1
_BELOW: Mapping[str, tuple[Formula, Formula]] = MappingProxyType({
    "norm": (lambda s, z: s.ndtr(z), lambda s, z: s.ndtr(-z)),
    "expon": (lambda s, z: -np.expm1(-z), lambda s, z: np.exp(-z)),
    "logistic": (lambda s, z: s.expit(z), lambda s, z: s.expit(-z)),
    "cauchy": (lambda s, z: 0.5 + np.arctan(z)/math.pi, lambda s, z: 0.5 - np.arctan(z)/math.pi),
    "gumbel_r": (lambda s, z: np.exp(-np.exp(-z)), lambda s, z: -np.expm1(-np.exp(-z))),
    "lognorm": (lambda s, z, sd: s.ndtr(np.log(z)/sd), lambda s, z, sd: s.ndtr(-np.log(z)/sd)),
    "weibull_min": (lambda s, z, c: -np.expm1(-z**c), lambda s, z, c: np.exp(-z**c)),
    "pareto": (lambda s, z, b: 1 - z**-b, lambda s, z, b: z**-b),
})  # fmt: skip


class Distribution:
    """A distribution of scipy.stats, of which some arguments may be given."""

    def __init__(
        self, recording: Recording, name: str, real: Any, args: tuple[Any, ...] = (),
        options: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self._recording, self._name, self._real = recording, name, real
        self._args, self._options = args, dict(options or {})

    def __call__(self, *args: Any, **options: Any) -> Any:
        """The distribution with these arguments."""
        return Distribution(self._recording, self._name, self._real, args, options)

    def __getattr__(self, name: str) -> Any:
        if name in ("pdf", "logpdf", "pmf", "logpmf", "cdf", "logcdf", "sf", "logsf"):
            return lambda x, *args, **options: self._of(
                name, x, (*self._args, *args), {**self._options, **options}
            )
        held = getattr(self._real, name)
        if not (self._args or self._options) or not callable(held):
            return held
        return getattr(self._real(*self._args, **self._options), name)

    def _of(self, asked: str, x: Any, args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        given = (x, *args, *options.values())
        if not any(map(moves, given)):
            return getattr(self._real, asked)(x, *args, **options)
        formula = self._formula(asked)
        shapes, loc, scale = self._arguments(args, options)
        z = (recorded(self._recording, x) - loc)/scale
        found = formula(_Special(self._recording), z, *shapes)
        if asked in ("pdf", "logpdf"):
            found = found - np.log(recorded(self._recording, scale))
        return np.exp(found) if asked in ("pdf", "pmf") else found

    def _formula(self, asked: str) -> Formula:
        """Of the logarithm for densities, of itself for distribution functions."""
        if asked.endswith("pdf") and self._name in _LOG_DENSITY:
            return _LOG_DENSITY[self._name]
        if asked.endswith("pmf") and self._name in _LOG_PROBABILITY:
            return _LOG_PROBABILITY[self._name]
        if asked in ("cdf", "sf", "logcdf", "logsf") and self._name in _BELOW:
            plain_one = _BELOW[self._name][asked.endswith("sf")]
            if self._name == "norm" and asked.startswith("log"):
                return lambda s, z: s.log_ndtr(-z if asked == "logsf" else z)
            return (lambda s, z, *a: np.log(plain_one(s, z, *a))) if asked.startswith("log") else plain_one
        raise self._recording.error(
            f"scipy.stats.{self._name}.{asked} of a value that moves is not traced",
            "write it with functions that gradcheck functions lists",
        )

    def _arguments(self, args: tuple[Any, ...], options: Mapping[str, Any]) -> tuple[list[Any], Any, Any]:
        """The shapes, where it is, and how wide."""
        names = [each.strip() for each in (self._real.shapes or "").split(",") if each.strip()]
        given = {**dict(zip((*names, "loc", "scale"), args, strict=False)), **options}
        given = {
            name: recorded(self._recording, each) if isinstance(each, list | tuple) else each
            for name, each in given.items()
        }
        return [given[name] for name in names], given.get("loc", 0.0), given.get("scale", 1.0)


class _NormalOfVectors:
    """scipy.stats.multivariate_normal, of which some arguments may be given."""

    def __init__(self, recording: Recording, real: Any, **given: Any) -> None:
        self._recording, self._real, self._given = recording, real, given

    def __call__(self, mean: Any = None, cov: Any = 1.0, **options: Any) -> Any:
        """The distribution with these arguments."""
        if any(map(moves, (mean, cov))):
            return _NormalOfVectors(self._recording, self._real, mean=mean, cov=cov)
        return self._real(plain(mean), plain(cov), **options)

    def __getattr__(self, name: str) -> Any:
        if name not in ("pdf", "logpdf"):
            return getattr(self._real, name)
        return lambda x, *args, **options: self._of(name, x, *args, **{**self._given, **options})

    def _of(self, asked: str, x: Any, mean: Any = None, cov: Any = 1.0, **options: Any) -> Any:
        if not any(map(moves, (x, mean, cov))):
            return getattr(self._real, asked)(plain(x), plain(mean), plain(cov), **options)
        gap = recorded(self._recording, x) - (0.0 if mean is None else recorded(self._recording, mean))
        cov = recorded(self._recording, cov)
        if cov.ndim != 2 or gap.ndim not in (1, 2):
            raise self._recording.error("multivariate_normal without a matrix cov is not traced")
        cov, rows = of_lower_triangle(self._recording, cov), gap.reshape(-1, len(cov))
        squares = (rows.T*np.linalg.solve(cov, rows.T)).sum(axis=0)
        found = -(squares + np.linalg.slogdet(cov)[1] + len(cov)*math.log(2*math.pi))/2
        found = found.reshape(gap.shape[:-1])
        return np.exp(found) if asked == "pdf" else found


def distributions(recording: Recording) -> dict[Any, Any]:
    """What records in place of scipy.stats, where a program has imported it.

    Parameters
    ----------
    recording : of the program

    Returns
    -------
    dict
        By the distributions themselves, and by their methods.
    """
    stats = sys.modules.get("scipy.stats")
    found: dict[Any, Any] = {}
    if stats is None:
        return found
    found[stats.multivariate_normal] = _NormalOfVectors(recording, stats.multivariate_normal)
    for name in (*_LOG_DENSITY, *_LOG_PROBABILITY):
        real = getattr(stats, name)
        found[real] = own = Distribution(recording, name, real)
        for method in ("pdf", "logpdf", "pmf", "logpmf", "cdf", "logcdf", "sf", "logsf"):
            if inspect.ismethod(held := getattr(real, method, None)):
                found[held] = getattr(own, method)
    return found
