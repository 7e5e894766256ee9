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
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.expectations import Law
from gradcheck_cli.networks import Network

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
) -> Expected:
    """What to expect of h_k, f_k, dl/dh_k, dl/df_k, dl/dW_k, dl/db_k.

    weight_variance, bias_variance: (K+1,), of the entries of W_k and b_k. `stat`: "ms", the mean of the
    squares of the entries, "var", their variance, "std", half of its log10. `orthogonal`: W_k has
    orthonormal rows or columns, times a number; non-square ones are treated like square ones. Entries are
    normal otherwise; other distributions differ in the second order.
    """
    law = Law(network.activation)
    with np.errstate(all="ignore"):
        finite, infinite = (
            _Pass(network, law, weight_variance, bias_variance, stat != "ms", orthogonal, width).run()
            for width in (True, False)
        )
        unit = _LN10 * (2 if stat == "std" else 1)
        chi = float(np.exp(infinite.mean["dh"][-2] - infinite.mean["dh"][-1]))
        return Expected(
            {name: values / unit for name, values in finite.mean.items()},
            {name: values / _LN10 for name, values in finite.squares.items()},
            {name: values / unit for name, values in infinite.mean.items()},
            {name: np.sqrt(values) / unit for name, values in finite.variance.items()},
            {name: value / unit for name, value in finite.increments().items()},
            chi if network.depth > 1 else math.nan,
        )


# ---------------------------------------------------------------------------------------------
# Logarithms of averages over few units: (mean, variance)
# ---------------------------------------------------------------------------------------------

Step = tuple[float, float]


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


def _averaged(kurtosis: float, n: int) -> Step:
    """Of ln(mean of n squares/its expectation), first order: relative variance (kurtosis - 1)/n.

    Beyond 1 the first order says nothing; logarithms grow like the logarithm of it.
    """
    relative = max(kurtosis - 1, 0.0) / n
    variance = relative if relative <= 1 else 1 + math.log(relative)
    return -variance / 2, variance


# ---------------------------------------------------------------------------------------------
# Forward pass and backward pass of means and variances of logarithms
# ---------------------------------------------------------------------------------------------


@dataclass
class _Pass:
    """One pass; `finite` says whether widths count. Lists and arrays are over k."""

    network: Network
    law: Law
    weights: Array
    biases: Array
    var: bool
    orthogonal: bool
    finite: bool

    def __post_init__(self) -> None:
        self.chi_squared, self.halved = cache(_chi_squared), cache(_halved)  # widths come again
        self.depth = self.network.depth
        self.widths = self.network.widths
        self.reach = np.log(self.weights) + np.log(self.widths[:-1])  # sigma^2 fan_in
        self.back = np.log(self.weights) + np.log(self.widths[1:])  # sigma^2 fan_out
        self.held = np.log(self.biases)
        self.log_s2 = 2 * math.log(self.network.scale) if self.network.scale else -math.inf
        names = ("h", "f", "dh", "df", "dW", "db")
        self.mean = {name: np.zeros(self.depth + 1) for name in names}
        self.variance = {name: np.zeros(self.depth + 1) for name in names}
        self.squares = {name: np.zeros(self.depth + 1) for name in ("f", "dh")}
        # ln of the mean square of h_k, of what W_k multiplies, and of the gradients
        self.u, self.v = np.zeros(self.depth + 1), np.zeros(self.depth + 1)
        self.echo = 0.0
        self.total = np.zeros(self.depth + 1)  # ln of the mean square of h_k + s f_k
        self.kept = 0.0  # covariance of ln of the mean squares of h_1 and h_k
        self.into = np.zeros(self.depth + 1)
        self.share = np.zeros(self.depth + 1)  # (mean)^2/mean square of what W_k multiplies
        self.shared = self.network.activation.homogeneous and bool((self.biases == 0).all())
        self.is_relu = self.shared and _is_relu(self.network)
        self.is_linear = self.shared and _is_linear(self.network)
        many = self.network.loss == "lsq" and self.widths[-1] > 1
        normal = self.network.architecture == "mlp" and not self.orthogonal
        self.splits = self.finite and normal and (many or not self.network.activation.homogeneous)

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

    def increments(self) -> dict[str, float]:
        """Standard deviations of the decades per layer, times ln 10, from independent layers."""
        steps = max(self.depth - 1, 1)
        apart = self.v[-1] + self.v[min(1, self.depth)] - 2 * self.kept
        forward = math.sqrt(max(apart, 0.0)) / steps
        backward = math.sqrt(max(self._lost(1) - self._lost(self.depth), 0.0)) / steps
        either = max(forward, backward)
        return {"h": forward, "f": forward, "dh": backward, "df": backward, "db": backward, "dW": either}

    def _lost(self, k: int) -> float:
        return float(self._back_variance[min(k, self.depth)])

    # --- forward -----------------------------------------------------------------------------

    def _input(self) -> None:
        n = self.widths[0]
        self._enter("h", 0, self._own(self.chi_squared(n, n)), self._own(self.chi_squared(n - 1, n)))
        self.u[0], self.v[0] = self._own(self.chi_squared(n, n))

    def _own(self, step: Step) -> Step:
        return step if self.finite else (0.0, 0.0)

    def _enter(self, name: str, k: int, ms: Step, var: Step) -> None:
        self.mean[name][k], self.variance[name][k] = var if self.var else ms

    def _over(self, k: int) -> tuple[Array, Array]:
        """ln of the mean square of h_k at points of its distribution, and their shares."""
        if self.v[k] == 0:
            return np.array([self.u[k]]), np.ones(1)
        return self.u[k] + math.sqrt(self.v[k]) * _POINTS, _SHARES

    def _pre(self, k: int, log_square: Array) -> Array:
        """ln q_k from ln of the mean square of what W_k multiplies."""
        return np.asarray(np.logaddexp(self.reach[k] + log_square, self.held[k]))

    def _normal(self, name: str, k: int, mean: float, variance: float, n: int) -> None:
        """n entries that are normal given the layers before: ln of their variance has this mean."""
        own, apart = self._own(self.chi_squared(n, n)), self._own(self.chi_squared(n - 1, n))
        self.squares[name][k] = mean + own[0]
        self._enter(name, k, (mean + own[0], variance + own[1]), (mean + apart[0], variance + apart[1]))

    def _layer(self, k: int) -> None:
        """h_{k+1} = a[f_k] from h_k."""
        points, shares = self._over(k)
        q = self._pre(k, points)
        self.into[k] = self.u[k]
        at = self.law(q)
        n = self.widths[k + 1]
        self._normal("f", k, float(shares @ q), _spread(q, shares), n)
        second = at["second"]
        one = float(shares @ second)
        noise = self._own(self._layer_noise(n, at, shares))
        self._advance(k, points, second, shares, noise)
        central = _averaged(float(shares @ at["central_kurtosis"]), n)
        apart = self._own((central[0] - 1 / n, central[1]))
        spread = (float(shares @ at["spread"]) + apart[0], _spread(at["spread"], shares) + apart[1])
        if self.is_linear:
            own = self._own(self.chi_squared(n - 1, n))
            spread = (one + own[0], _spread(second, shares) + own[1])
        self._enter("h", k + 1, (self.u[k + 1], self.v[k + 1]), spread)
        self.share[k + 1] = -math.expm1(min(float(shares @ (at["spread"] - second)), 0.0))

    def _advance(self, k: int, points: Array, after: Array, shares: Array, noise: Step) -> None:
        """ln of the mean square of h_{k+1}: `after`, where h_k has `points`, and noise of its own."""
        self.u[k + 1] = float(shares @ after) + noise[0]
        self.v[k + 1] = _spread(after, shares) + noise[1]
        passed = 0.0
        if self.v[k] > 0:
            centered = shares * (points - self.u[k])
            passed = float(centered @ after) / self.v[k]  # d after/d point, by regression
        self.kept = self.v[k + 1] if k == 0 else self.kept * passed

    def _layer_noise(self, n: int, at: dict[str, Array], shares: Array) -> Step:
        """Of ln of the mean of n squares of a[f_k] over its expectation."""
        if self.is_relu and not self.orthogonal:
            return self.halved(n)
        if self.is_linear and not self.orthogonal:
            return self.chi_squared(n, n)
        mean, variance = _averaged(float(shares @ at["kurtosis"]), n)
        if not self.orthogonal:
            return mean, variance
        growth = float(shares @ at["growth"])  # a vector of known length: no scatter of q_k by 2/n
        return mean + growth / n, max(variance - 2 * growth**2 / n, 0.0)

    def _block(self, k: int) -> None:
        """h_{k+1} = h_k + s f_k, perhaps normalized before or after."""
        kind, n = self.network.architecture, self.widths[k + 1]
        points, shares = self._over(k)
        inner = np.zeros_like(points) if kind == "preln" else points
        at = self.law(inner)
        self.into[k] = float(shares @ at["second"])
        self.share[k] = -math.expm1(min(float(shares @ (at["spread"] - at["second"])), 0.0))
        q = self._pre(k, at["second"])
        self._normal("f", k, float(shares @ q), _spread(q, shares), n)
        branch = q + self.log_s2
        total = np.logaddexp(points, branch)
        c = math.exp(min(float(shares @ (branch - points)), 300.0))
        noise = self._own(_added(4 * c + 2 * c * c + self._persistent(c, at, shares), 1 + c, n))
        self.total[k] = float(shares @ total) + noise[0]
        self._advance(k, points, total, shares, noise)
        if kind == "postln":
            self.u[k + 1] = self.v[k + 1] = self.kept = 0.0
        less = 0.0 if kind == "postln" or not self.finite else -1 / n
        ms = float(self.u[k + 1]), float(self.v[k + 1])
        self._enter("h", k + 1, ms, (ms[0] + less, ms[1]))

    def _persistent(self, c: float, at: dict[str, Array], shares: Array) -> float:
        """What the chance share of a[h_k] in h_k adds to `relative` of _added.

        h_{k+1} keeps the part 1/(1 + c) of h_k, and with it of that chance: shares of several layers add up.
        """
        if self.network.architecture == "preln":  # what is normalized has little of it
            return 0.0
        found = float(shares @ at["kurtosis"]) - 1 - 2 * float(shares @ at["growth"]) ** 2
        part = c * c * max(found, 0.0) * (1 + 2 * self.echo)
        self.echo = (1 + self.echo) / (1 + c)
        return part

    # --- backward ----------------------------------------------------------------------------

    def _output(self) -> None:
        """f_K and dl/df_K."""
        k, n = self.depth, self.widths[-1]
        points, shares = self._over(k)
        q = self._pre(k, points)
        self.into[k] = self.u[k]
        self._normal("f", k, float(shares @ q), _spread(q, shares), n)
        self.g = np.zeros(k + 1)  # ln of the mean square of dl/df_k
        self._back_variance = np.zeros(k + 1)  # of ln of the mean square of dl/dh_k, the loss apart
        self._drift = 0.0  # standard deviation of what the forward pass's scatter does to phi'
        self._loss_scatter = 0.0
        outputs = 1 if self.network.loss == "none" else n
        if self.network.loss == "lsq":
            own = self._own(self.chi_squared(n, n))
            self.g[k] = math.log(4) + float(shares @ q) + own[0]
            self._forward_scatter, self._loss_scatter = _spread(q, shares), own[1]
        else:
            self._forward_scatter = 0.0
        # ln (f_K . dl/df_K)^2: of lsq its largest, |f_K|^2 |dl/df_K|^2, of a random direction 1/n of that
        self.aligned = float(self.g[k] + math.log(n) + float(shares @ q) + math.log(outputs))

    def _gradient(self, k: int) -> None:
        """Enter df, db, dW of layer k and dh_k = W_k' dl/df_k (of a block: what came over the branch)."""
        n, m = self.widths[k], self.widths[k + 1]
        across, along = self._returned(k)
        lost = self._back_variance[min(k + 1, self.depth)] if k < self.depth else 0.0
        scatter = self._with_loss(lost)
        less = -1 / m if self.finite and self.var else 0.0
        for name in ("df", "db"):
            self.mean[name][k], self.variance[name][k] = self.g[k] + less, scatter
        self.mean["dW"][k] = self.g[k] + self.into[k]
        self.variance["dW"][k] = scatter + self.v[k]
        if self.var and self.finite:  # of a single output the mean square is all mean
            self.mean["dW"][k] += math.log1p(-min(self.share[k], 1 - 1e-15)) if m == 1 else -self.share[k] / m
        if self.network.architecture == "mlp" or k == self.depth:
            mean, own = float(np.logaddexp(across, along)), self._own(self._turned(n))
            apart = self.chi_squared(n - 1, n)[0] if not self.orthogonal else own[0] - 1 / n
            self.mean["dh"][k] = mean + (self._own((apart, 0.0))[0] if self.var else own[0])
            self.squares["dh"][k] = mean + own[0]
            self._back_variance[k] = lost + own[1]
            self.variance["dh"][k] = self._with_loss(self._back_variance[k])

    def _turned(self, n: int) -> Step:
        """Of ln |W'g|^2 over its expectation."""
        return (0.0, 0.0) if self.orthogonal else self.chi_squared(n, n)

    def _with_loss(self, lost: float) -> float:
        """The forward pass and the backward pass meet the same units: their logarithms scatter together."""
        return (math.sqrt(lost) + math.sqrt(self._forward_scatter)) ** 2 + self._loss_scatter

    def _back_layer(self, k: int) -> None:
        """dl/df_{k-1} = dl/dh_k phi'(f_{k-1})."""
        points, shares = self._over(k - 1)
        at = self.law(self._pre(k - 1, points))
        n = self.widths[k]
        kurtosis = 3 * float(shares @ at["slope_kurtosis"])
        mean, variance = _averaged(kurtosis, n)
        if self.is_relu:
            mean, variance = self.halved(n)
        if self.is_linear:
            mean, variance = self.chi_squared(n, n)
        if self.orthogonal:
            mean, variance = mean + 1 / n, max(variance - 2 / n, 0.0)
        noise = self._own((mean, variance))
        across, along = self._returned(k)
        kept = float(np.logaddexp(across + float(shares @ at["slope"]), along + _log(at["overlap"], shares)))
        self.g[k - 1] = kept + noise[0]
        self._align(k, across, at, shares)
        before = self._back_variance[k + 1] if k < self.depth else 0.0
        self._back_variance[k] = before + noise[1] + self._drifted(at["slope"], shares)

    def _returned(self, k: int) -> tuple[float, float]:
        """ln of the mean square of W_k' dl/df_k, across h_k and along it.

        Given f_k = W_k h_k, the part of W_k' g along h_k is h_k (f_k . g)/|h_k|^2, and the rest is as if
        W_k had been drawn again. f_K . dl/df_K = 2 |f_K|^2 is large for "lsq" over many outputs. Where phi
        is homogeneous and there is one output, both parts together are as if W_k were new.
        """
        n, across = self.widths[k], self.back[k] + self.g[k]
        if not self.splits:
            return float(across), -math.inf
        along = self.aligned + 2 * self._weighted(k) - self.u[k] - 2 * math.log(n)
        return float(across + (math.log1p(-1 / n) if n > 1 else -math.inf)), float(along)

    def _weighted(self, k: int) -> float:
        """ln of the part of q_k that is not of b_k."""
        return float(self.reach[k] + self.u[k] - self._pre(k, self.u[k]))

    def _align(self, k: int, across: float, at: dict[str, Array], shares: Array) -> None:
        """ln (f_{k-1} . dl/df_{k-1})^2: what of f_k . dl/df_k passes phi', and chance."""
        growth = float(shares @ at["growth"])
        chance = max(float(shares @ at["lever"]) - growth**2, 0.0)
        passed = self.aligned + 2 * self._weighted(k) + (2 * math.log(abs(growth)) if growth else -math.inf)
        random = across + self.u[k] + math.log(self.widths[k]) + (math.log(chance) if chance else -math.inf)
        self.aligned = float(np.logaddexp(passed, random))

    def _drifted(self, slopes: Array, shares: Array) -> float:
        """What one more layer adds to the variance: the layers' shares go together, so deviations add."""
        before = self._drift
        self._drift += math.sqrt(_spread(slopes, shares))
        return self._drift**2 - before**2

    def _back_block(self, k: int) -> None:
        """dl/dh_{k-1} = dl/du + s phi' W' dl/du, dl/du being dl/dh_k or what LN makes of it."""
        kind, n = self.network.architecture, self.widths[k]
        points, shares = self._over(k - 1)
        inner = np.zeros_like(points) if kind == "preln" else points
        at = self.law(inner)
        two = -2 / n if self.finite else 0.0  # LN takes two directions away
        into = float(self.squares["dh"][k])
        if kind == "postln":
            into += two - self.total[k - 1]
        log_c = self.back[k - 1] + at["slope"] + self.log_s2
        if kind == "preln":
            log_c = log_c - points + two
        c = math.exp(min(float(shares @ log_c), 300.0))
        kurtosis = 3 * float(shares @ at["slope_kurtosis"])
        noise = self._own(_added(4 * c + c * c * (kurtosis - 1), 1 + c, n))
        gained = np.logaddexp(0.0, log_c)
        self.g[k - 1] = into + self.log_s2
        mean = into + float(shares @ gained) + noise[0]
        self._back_variance[k - 1] = self._back_variance[k] + noise[1] + self._drifted(gained, shares)
        self.squares["dh"][k - 1] = mean
        self.mean["dh"][k - 1] = mean - (1 / n if self.finite and self.var else 0.0)
        self.variance["dh"][k - 1] = self._with_loss(self._back_variance[k - 1])

    def _meaningless(self) -> None:
        """The variance of a single entry."""
        if self.var:
            ins, outs = np.array(self.widths[:-1]), np.array(self.widths[1:])
            entries = {"h": ins, "dh": ins, "f": outs, "df": outs, "db": outs, "dW": ins * outs}
            for name, count in entries.items():
                self.mean[name][count == 1] = self.variance[name][count == 1] = np.nan


def _added(relative: float, total: float, n: int) -> Step:
    """Of ln of a mean square whose relative variance is relative/(n total^2)."""
    variance = relative / (n * total**2)
    return -variance / 2, variance


def _log(values: Array, shares: Array) -> float:
    """ln of the mean; -inf for 0."""
    mean = float(shares @ values)
    return math.log(mean) if mean > 0 else -math.inf


def _spread(values: Array, shares: Array) -> float:
    """The variance of values with these shares; 0 for one, and where they are infinite."""
    mean = float(shares @ values)
    if len(values) == 1 or not math.isfinite(mean):
        return 0.0
    return float(shares @ (values - mean) ** 2)


def _is_relu(network: Network) -> bool:
    z = np.linspace(-2, 2, 41)
    return bool(np.array_equal(network.activation.value(z), np.maximum(z, 0)))


def _is_linear(network: Network) -> bool:
    z = np.linspace(-2, 2, 41)
    return bool(np.array_equal(network.activation.value(z), z))
