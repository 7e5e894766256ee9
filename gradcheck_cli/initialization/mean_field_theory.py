"""Reads a Network and variances. Gives what theory PREDICTS: statistics of h_k, f_k and all gradients.

Infinite width: variances obey a recursion (Poole et al. 2016; Schoenholz et al. 2017). Finite width: a
statistic of one network is a product of random factors, so its logarithm wanders, about a mean that lies
below that of the recursion. Each layer's factor scatters like (kurtosis - 1)/width, which takes half of
that off the mean; logarithms are taken to be normal. This is first order in 1/width; for relu and linear
networks without biases the factors are known exactly (Hanin and Nica 2018). Natural logarithms inside.
Knows nothing of what is measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.initialization.architectures import Network
from gradcheck_cli.initialization.gaussian_expectations import Law

__all__ = ["Expected", "predict"]

Array = NDArray[np.float64]
_LN10 = math.log(10)
_POINTS, _SHARES = np.polynomial.hermite_e.hermegauss(9)  # of a normal distribution
_SHARES = _SHARES / _SHARES.sum()


@dataclass(frozen=True)
class Expected:
    """Statistics of ONE network and ONE input, over k = 0 ... K; nan where they mean nothing.

    `log10`: quantity -> the mean over networks of log10 of the statistic; `infinite`: log10 of its limit
    at infinite width; `scatter`: standard deviation of log10 over networks; `increment`: that of the
    decades per layer, first hidden layer to last. `chi`: factor of the gradient's variance in the last
    hidden layer at infinite width, dl/dh_{K-1} over dl/dh_K.
    """

    log10: Mapping[str, Array]
    squares: Mapping[str, Array]  # log10 of the mean squares of f_k and dl/dh_k, whatever the statistic
    infinite: Mapping[str, Array]
    scatter: Mapping[str, Array]
    increment: Mapping[str, float]
    chi: float


def predict(
    network: Network,
    weight_variance: Array,
    bias_variance: Array,
    *,
    stat: str = "var",
    orthogonal: bool = False,
) -> list[Expected]:
    """What to expect of h_k, f_k, dl/dh_k, dl/df_k, dl/dW_k, dl/db_k under each of S initializations.

    weight_variance, bias_variance: (S, K+1), of the entries of W_k and b_k. `stat`: "ms", the mean of the
    squares of the entries, "var", their variance, "std", half of its log10. `orthogonal`: W_k has
    orthonormal rows or columns, times a number; non-square ones are treated like square ones. Entries are
    normal otherwise; other distributions differ in the second order.
    """
    law = Law(network.activation)
    biased = (bias_variance != 0).any(axis=1)
    found: dict[int, Expected] = {}
    with np.errstate(all="ignore"):
        for rows in (np.flatnonzero(~biased), np.flatnonzero(biased)):
            if len(rows):
                given = weight_variance[rows], bias_variance[rows]
                both = _Pass(network, law, *given, stat != "ms", orthogonal).run()
                found.update(zip(rows.tolist(), both.expected(2 if stat == "std" else 1), strict=True))
    return [found[row] for row in range(len(weight_variance))]


# ---------------------------------------------------------------------------------------------
# Logarithms of averages over few units: (mean, variance)
# ---------------------------------------------------------------------------------------------

Step = tuple[Any, Any]  # numbers, or arrays with one for each row


def _digamma(x: Array) -> Array:
    """psi(x): recurrence, then the asymptotic series (Abramowitz and Stegun 6.3.5, 6.3.18)."""
    low = (1 / (x[..., None] + np.arange(10.0))).sum(axis=-1)
    y = x + 10.0
    r = 1 / y**2
    return np.asarray(np.log(y) - 1 / (2 * y) - r * (1 / 12 - r * (1 / 120 - r / 252)) - low)


def _trigamma(x: Array) -> Array:
    """psi'(x): recurrence, then the asymptotic series (Abramowitz and Stegun 6.4.6, 6.4.12)."""
    low = (1 / (x[..., None] + np.arange(10.0)) ** 2).sum(axis=-1)
    y = x + 10.0
    r = 1 / y**2
    return np.asarray((1 + 1 / (2 * y) + r * (1 / 6 - r * (1 / 30 - r / 42))) / y + low)


def _chi_squared(freedom: int, n: int) -> Step:
    """Of ln(chi^2/n); -inf without a degree of freedom."""
    if freedom < 1:
        return -math.inf, 0.0
    half = np.array(freedom / 2)
    return float(_digamma(half)) + math.log(2 / n), float(_trigamma(half))


def _halved(n: int) -> Step:
    """Of ln(chi^2_B/(n/2)), B ~ Binomial(n, 1/2) and not 0: n squares of which each is kept or not."""
    b = np.arange(1, n + 1)
    log_p = np.cumsum(np.log((n - b + 1) / b))
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    given = _digamma(b / 2) + math.log(4 / n)
    mean = float(p @ given)
    return mean, float(p @ ((given - mean) ** 2 + _trigamma(b / 2)))


def _averaged(kurtosis: Array, n: int) -> Step:
    """Of ln(mean of n squares/its expectation), first order: relative variance (kurtosis - 1)/n.

    Beyond 1 the first order says nothing; logarithms grow like the logarithm of it.
    """
    relative = np.maximum(kurtosis - 1, 0.0) / n
    variance = np.where(relative <= 1, relative, 1 + np.log(relative))
    return -variance / 2, variance


# ---------------------------------------------------------------------------------------------
# Forward pass and backward pass of means and variances of logarithms
# ---------------------------------------------------------------------------------------------


@dataclass
class _Pass:
    """One pass for all initializations, each twice: row s at the given widths, row S + s at infinite width.

    Arrays are over k and rows. `weights`, `biases`: (S, K+1).
    """

    network: Network
    law: Law
    weights: Array
    biases: Array
    var: bool
    orthogonal: bool

    def __post_init__(self) -> None:
        self.depth = self.network.depth
        self.widths = self.network.widths
        self.finite = np.repeat([True, False], len(self.weights))
        own = self._own  # widths come again
        self.chi_squared = cache(lambda freedom, n: own(_chi_squared(freedom, n)))
        self.halved = cache(lambda n: own(_halved(n)))
        weights, biases = (np.log(np.tile(v, (2, 1)).T) for v in (self.weights, self.biases))
        widths = np.log(self.widths)[:, None]
        self.reach = weights + widths[:-1]  # sigma^2 fan_in
        self.back = weights + widths[1:]  # sigma^2 fan_out
        self.held = biases
        self.log_s2 = 2 * math.log(self.network.scale) if self.network.scale else -math.inf
        shape = (self.depth + 1, len(self.finite))
        names = ("h", "f", "dh", "df", "dW", "db")
        self.mean = {name: np.zeros(shape) for name in names}
        self.variance = {name: np.zeros(shape) for name in names}
        self.squares = {name: np.zeros(shape) for name in ("f", "dh")}
        # ln of the mean square of h_k, of what W_k multiplies, and of the gradients
        self.u, self.v = np.zeros(shape), np.zeros(shape)
        self.echo = np.zeros(shape[1])
        self.total = np.zeros(shape)  # ln of the mean square of h_k + s f_k
        self.kept = np.zeros(shape[1])  # covariance of ln of the mean squares of h_1 and h_k
        self.into = np.zeros(shape)
        self.share = np.zeros(shape)  # (mean)^2/mean square of what W_k multiplies
        shared = self.network.activation.homogeneous and not self.biases.any()
        self.is_relu = shared and _is_relu(self.network)
        self.is_linear = shared and _is_linear(self.network)
        many = self.network.loss == "lsq" and self.widths[-1] > 1
        normal = self.network.architecture == "mlp" and not self.orthogonal
        self.splits = normal and (many or not self.network.activation.homogeneous)

    def run(self) -> _Pass:
        """Both passes."""
        plain = self.network.architecture == "mlp"
        self._input()
        for k in range(self.depth):
            (self._layer if plain else self._block)(k)
        self._output()
        for k in range(self.depth, -1, -1):
            self._gradient(k)
            if k:
                (self._back_layer if plain else self._back_block)(k)
        self._meaningless()
        return self

    def expected(self, per: int) -> Iterator[Expected]:
        """Of each initialization, in decades; `per` is 2 where a statistic is a square root."""
        increments = self._increments()
        before, last = self.mean["dh"][-2:] if self.depth > 1 else np.full((2, 2 * len(self.weights)), np.nan)
        chi = np.exp(before - last)
        for row, limit in enumerate(range(len(self.weights), 2 * len(self.weights))):
            yield Expected(
                {name: values[:, row] / (_LN10 * per) for name, values in self.mean.items()},
                {name: values[:, row] / _LN10 for name, values in self.squares.items()},
                {name: values[:, limit] / (_LN10 * per) for name, values in self.mean.items()},
                {name: np.sqrt(values[:, row]) / (_LN10 * per) for name, values in self.variance.items()},
                {name: float(values[row]) / (_LN10 * per) for name, values in increments.items()},
                float(chi[limit]),
            )

    def _increments(self) -> dict[str, Array]:
        """Standard deviations of the decades per layer, times ln 10, from independent layers."""
        steps = max(self.depth - 1, 1)
        apart = self.v[-1] + self.v[min(1, self.depth)] - 2 * self.kept
        forward = np.sqrt(np.maximum(apart, 0.0)) / steps
        backward = np.sqrt(np.maximum(self._lost(1) - self._lost(self.depth), 0.0)) / steps
        either = np.maximum(forward, backward)
        return {"h": forward, "f": forward, "dh": backward, "df": backward, "db": backward, "dW": either}

    def _lost(self, k: int) -> Array:
        return np.asarray(self._back_variance[min(k, self.depth)])

    # --- forward -----------------------------------------------------------------------------

    def _input(self) -> None:
        n = self.widths[0]
        self._enter("h", 0, self.chi_squared(n, n), self.chi_squared(n - 1, n))
        self.u[0], self.v[0] = self.chi_squared(n, n)

    def _at_width(self, value: Any) -> Array:
        """What only a finite width adds."""
        return np.where(self.finite, value, 0.0)

    def _own(self, step: Step) -> Step:
        return self._at_width(step[0]), self._at_width(step[1])

    def _enter(self, name: str, k: int, ms: Step, var: Step) -> None:
        self.mean[name][k], self.variance[name][k] = var if self.var else ms

    def _over(self, k: int) -> Array:
        """ln of the mean square of h_k at points of its distribution: (rows, points)."""
        return np.asarray(self.u[k][:, None] + np.sqrt(self.v[k])[:, None] * _POINTS)

    def _pre(self, k: int, log_square: Array) -> Array:
        """ln q_k from ln of the mean square of what W_k multiplies."""
        reach, held = (part[k].reshape(-1, *[1] * (log_square.ndim - 1)) for part in (self.reach, self.held))
        return np.asarray(np.logaddexp(reach + log_square, held))

    def _normal(self, name: str, k: int, log_square: Array, n: int) -> None:
        """n entries that are normal given the layers before, with ln of their variance at points."""
        mean, variance = _mean(log_square), _spread(log_square)
        own, apart = self.chi_squared(n, n), self.chi_squared(n - 1, n)
        self.squares[name][k] = mean + own[0]
        self._enter(name, k, (mean + own[0], variance + own[1]), (mean + apart[0], variance + apart[1]))

    def _layer(self, k: int) -> None:
        """h_{k+1} = a[f_k] from h_k."""
        points = self._over(k)
        q = self._pre(k, points)
        self.into[k] = self.u[k]
        at = self.law(q)
        n = self.widths[k + 1]
        self._normal("f", k, q, n)
        self._advance(k, points, at["second"], self._layer_noise(n, at))
        if self.is_linear:
            own = self.chi_squared(n - 1, n)
            spread = _mean(at["second"]) + own[0], _spread(at["second"]) + own[1]
        else:
            mean, variance = self._own(_averaged(_mean(at["central_kurtosis"]), n))
            spread = _mean(at["spread"]) + mean - self._at_width(1 / n), _spread(at["spread"]) + variance
        self._enter("h", k + 1, (self.u[k + 1], self.v[k + 1]), spread)
        self.share[k + 1] = _share(at)

    def _advance(self, k: int, points: Array, after: Array, noise: Step) -> None:
        """ln of the mean square of h_{k+1}: `after`, where h_k has `points`, and noise of its own."""
        self.u[k + 1] = _mean(after) + noise[0]
        self.v[k + 1] = self._at_width(_spread(after) + noise[1])
        centered = points - self.u[k][:, None]
        passed = _mean(centered * after) / self.v[k]  # d after/d point, by regression
        self.kept = self.v[k + 1] if k == 0 else np.where(np.isfinite(passed), self.kept * passed, 0.0)

    def _layer_noise(self, n: int, at: dict[str, Array]) -> Step:
        """Of ln of the mean of n squares of a[f_k] over its expectation."""
        if self.is_relu and not self.orthogonal:
            return self.halved(n)
        if self.is_linear and not self.orthogonal:
            return self.chi_squared(n, n)
        mean, variance = _averaged(_mean(at["kurtosis"]), n)
        if self.orthogonal:
            growth = _mean(at["growth"])  # a vector of known length: no scatter of q_k by 2/n
            mean, variance = mean + growth / n, np.maximum(variance - 2 * growth**2 / n, 0.0)
        return self._own((mean, variance))

    def _block(self, k: int) -> None:
        """h_{k+1} = h_k + s f_k, perhaps normalized before or after."""
        kind, n = self.network.architecture, self.widths[k + 1]
        points = self._over(k)
        at = self.law(np.zeros_like(points) if kind == "preln" else points)
        self.into[k] = _mean(at["second"])
        self.share[k] = _share(at)
        q = self._pre(k, at["second"])
        self._normal("f", k, q, n)
        branch = q + self.log_s2
        total = np.logaddexp(points, branch)
        c = np.exp(np.minimum(_mean(branch - points), 300.0))
        noise = self._own(_added(4 * c + 2 * c * c + self._persistent(c, at), 1 + c, n))
        self.total[k] = _mean(total) + noise[0]
        self._advance(k, points, total, noise)
        if kind == "postln":
            self.u[k + 1] = self.v[k + 1] = self.kept = np.zeros_like(self.kept)
        less = 0.0 if kind == "postln" else self._at_width(-1 / n)
        self._enter("h", k + 1, (self.u[k + 1], self.v[k + 1]), (self.u[k + 1] + less, self.v[k + 1]))

    def _persistent(self, c: Array, at: dict[str, Array]) -> Array:
        """What the chance share of a[h_k] in h_k adds to `relative` of _added.

        h_{k+1} keeps the part 1/(1 + c) of h_k, and with it of that chance: shares of several layers add up.
        """
        if self.network.architecture == "preln":  # what is normalized has little of it
            return np.zeros_like(c)
        found = _mean(at["kurtosis"]) - 1 - 2 * _mean(at["growth"]) ** 2
        part = c * c * np.maximum(found, 0.0) * (1 + 2 * self.echo)
        self.echo = (1 + self.echo) / (1 + c)
        return np.asarray(part)

    # --- backward ----------------------------------------------------------------------------

    def _output(self) -> None:
        """f_K and dl/df_K."""
        k, n = self.depth, self.widths[-1]
        q = self._pre(k, self._over(k))
        self.into[k] = self.u[k]
        self._normal("f", k, q, n)
        self.g = np.zeros_like(self.u)  # ln of the mean square of dl/df_k
        self._back_variance = np.zeros_like(self.u)  # of ln of the mean square of dl/dh_k, the loss apart
        self._drift = np.zeros_like(self.kept)  # standard deviation of what the forward scatter does to phi'
        self._forward_scatter = self._loss_scatter = np.zeros_like(self.kept)
        outputs = 1 if self.network.loss == "none" else n
        if self.network.loss == "lsq":
            own = self.chi_squared(n, n)
            self.g[k] = math.log(4) + _mean(q) + own[0]
            self._forward_scatter, self._loss_scatter = _spread(q), own[1]
        # ln (f_K . dl/df_K)^2: of lsq its largest, |f_K|^2 |dl/df_K|^2, of a random direction 1/n of that
        self.aligned = self.g[k] + math.log(n) + _mean(q) + math.log(outputs)

    def _gradient(self, k: int) -> None:
        """Enter df, db, dW of layer k and dh_k = W_k' dl/df_k (of a block: what came over the branch)."""
        n, m = self.widths[k], self.widths[k + 1]
        across, along = self._returned(k)
        lost = self._lost(k + 1) if k < self.depth else np.zeros_like(self.kept)
        scatter = self._with_loss(lost)
        less = self._at_width(-1 / m) if self.var else 0.0
        for name in ("df", "db"):
            self.mean[name][k], self.variance[name][k] = self.g[k] + less, scatter
        self.mean["dW"][k] = self.g[k] + self.into[k]
        self.variance["dW"][k] = scatter + self.v[k]
        if self.var:  # of a single output the mean square is all mean
            share = self.share[k]
            self.mean["dW"][k] += self._at_width(
                np.log1p(-np.minimum(share, 1 - 1e-15)) if m == 1 else -share / m
            )
        if self.network.architecture == "mlp" or k == self.depth:
            mean, own = np.logaddexp(across, along), self._turned(n)
            apart = own[0] - self._at_width(1 / n) if self.orthogonal else self.chi_squared(n - 1, n)[0]
            self.mean["dh"][k] = mean + (apart if self.var else own[0])
            self.squares["dh"][k] = mean + own[0]
            self._back_variance[k] = lost + own[1]
            self.variance["dh"][k] = self._with_loss(self._back_variance[k])

    def _turned(self, n: int) -> Step:
        """Of ln |W'g|^2 over its expectation."""
        return (0.0, 0.0) if self.orthogonal else self.chi_squared(n, n)

    def _with_loss(self, lost: Array) -> Array:
        """The forward pass and the backward pass meet the same units: their logarithms scatter together."""
        return np.asarray((np.sqrt(lost) + np.sqrt(self._forward_scatter)) ** 2 + self._loss_scatter)

    def _back_layer(self, k: int) -> None:
        """dl/df_{k-1} = dl/dh_k phi'(f_{k-1})."""
        at = self.law(self._pre(k - 1, self._over(k - 1)))
        across, along = self._returned(k)
        noise = self._slope_noise(self.widths[k], at)
        kept = np.logaddexp(across + _mean(at["slope"]), along + np.log(_mean(at["overlap"])))
        self.g[k - 1] = kept + noise[0]
        if self.splits:
            self._align(k, across, at)
        before = self._back_variance[k + 1] if k < self.depth else 0.0
        self._back_variance[k] = before + noise[1] + self._drifted(at["slope"])

    def _slope_noise(self, n: int, at: dict[str, Array]) -> Step:
        """Of ln of the mean of n squares of (dl/dh_k phi') over its expectation."""
        if self.is_relu:
            mean, variance = self.halved(n)
        elif self.is_linear:
            mean, variance = self.chi_squared(n, n)
        else:
            mean, variance = self._own(_averaged(3 * _mean(at["slope_kurtosis"]), n))
        if not self.orthogonal:
            return mean, variance
        return self._own((mean + 1 / n, np.maximum(variance - 2 / n, 0.0)))

    def _returned(self, k: int) -> tuple[Array, Array]:
        """ln of the mean square of W_k' dl/df_k, across h_k and along it.

        Given f_k = W_k h_k, the part of W_k' g along h_k is h_k (f_k . g)/|h_k|^2, and the rest is as if
        W_k had been drawn again. f_K . dl/df_K = 2 |f_K|^2 is large for "lsq" over many outputs. Where phi
        is homogeneous and there is one output, both parts together are as if W_k were new.
        """
        n, across = self.widths[k], self.back[k] + self.g[k]
        if not self.splits:
            return across, np.full_like(across, -np.inf)
        along = self.aligned + 2 * self._weighted(k) - self.u[k] - 2 * math.log(n)
        return across + self._at_width(np.log1p(-1 / n)), np.where(self.finite, along, -np.inf)

    def _weighted(self, k: int) -> Array:
        """ln of the part of q_k that is not of b_k."""
        return np.asarray(self.reach[k] + self.u[k] - self._pre(k, self.u[k]))

    def _align(self, k: int, across: Array, at: dict[str, Array]) -> None:
        """ln (f_{k-1} . dl/df_{k-1})^2: what of f_k . dl/df_k passes phi', and chance."""
        growth = _mean(at["growth"])
        chance = np.maximum(_mean(at["lever"]) - growth**2, 0.0)
        passed = self.aligned + 2 * self._weighted(k) + 2 * np.log(np.abs(growth))
        random = across + self.u[k] + math.log(self.widths[k]) + np.log(chance)
        self.aligned = np.logaddexp(passed, random)

    def _drifted(self, slopes: Array) -> Array:
        """What one more layer adds to the variance: the layers' shares go together, so deviations add."""
        before = self._drift
        self._drift = before + np.sqrt(_spread(slopes))
        return np.asarray(self._drift**2 - before**2)

    def _back_block(self, k: int) -> None:
        """dl/dh_{k-1} = dl/du + s phi' W' dl/du, dl/du being dl/dh_k or what LN makes of it."""
        kind, n = self.network.architecture, self.widths[k]
        points = self._over(k - 1)
        at = self.law(np.zeros_like(points) if kind == "preln" else points)
        two = self._at_width(-2 / n)  # LN takes two directions away
        into = self.squares["dh"][k]
        if kind == "postln":
            into = into + two - self.total[k - 1]
        log_c = self.back[k - 1][:, None] + at["slope"] + self.log_s2
        if kind == "preln":
            log_c = log_c - points + two[:, None]
        c = np.exp(np.minimum(_mean(log_c), 300.0))
        kurtosis = 3 * _mean(at["slope_kurtosis"])
        noise = self._own(_added(4 * c + c * c * (kurtosis - 1), 1 + c, n))
        gained = np.logaddexp(0.0, log_c)
        self.g[k - 1] = into + self.log_s2
        mean = into + _mean(gained) + noise[0]
        self._back_variance[k - 1] = self._back_variance[k] + noise[1] + self._drifted(gained)
        self.squares["dh"][k - 1] = mean
        self.mean["dh"][k - 1] = mean - (self._at_width(1 / n) if self.var else 0.0)
        self.variance["dh"][k - 1] = self._with_loss(self._back_variance[k - 1])

    def _meaningless(self) -> None:
        """The variance of a single entry."""
        if self.var:
            ins, outs = np.array(self.widths[:-1]), np.array(self.widths[1:])
            entries = {"h": ins, "dh": ins, "f": outs, "df": outs, "db": outs, "dW": ins * outs}
            for name, count in entries.items():
                self.mean[name][count == 1] = self.variance[name][count == 1] = np.nan


def _added(relative: Array, total: Array, n: int) -> Step:
    """Of ln of a mean square whose relative variance is relative/(n total^2)."""
    variance = relative / (n * total**2)
    return -variance / 2, variance


def _mean(values: Array) -> Array:
    """Over the points of each row."""
    return np.asarray(values @ _SHARES)


def _spread(values: Array) -> Array:
    """The variance over the points of each row; 0 where they are infinite."""
    mean = _mean(values)
    return np.where(np.isfinite(mean), _mean((values - mean[:, None]) ** 2), 0.0)


def _share(at: dict[str, Array]) -> Array:
    """(mean)^2/mean square of the activations."""
    return np.asarray(-np.expm1(np.minimum(_mean(at["spread"] - at["second"]), 0.0)))


def _is_relu(network: Network) -> bool:
    z = np.linspace(-2, 2, 41)
    return bool(np.array_equal(network.activation.value(z), np.maximum(z, 0)))


def _is_linear(network: Network) -> bool:
    z = np.linspace(-2, 2, 41)
    return bool(np.array_equal(network.activation.value(z), z))
