"""Reads log10 values layer by layer, measured and predicted. Gives slopes, verdicts and their causes.

Forward quantities travel from the input, backward ones towards it; slopes are in decades per layer in the
direction of travel. Knows nothing of how values were measured or predicted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.initializers import TRUNCATED_VARIANCE
from gradcheck_cli.initresults import InitSummary, Outcome, Series
from gradcheck_cli.networks import Network
from gradcheck_cli.quantiles import student_t

__all__ = [
    "allowance",
    "best",
    "cause",
    "contradicts",
    "direction",
    "first_layer",
    "growth",
    "last_layer",
    "late_slope",
    "per_layer",
    "recommendation",
    "start_allowance",
    "verdict",
]

Array = NDArray[np.float64]
Quantile = Callable[[float, int], float]
STABLE_DECADES = 1.0  # |depth * log10 chi| below this is stable
_SURE = 1 - 6e-7  # two-sided level of UNEXPECTED: five standard deviations of a normal distribution
_SIGMAS = 5.0
_NAMED_FROM = 0.5  # decades over all layers; below, a power of k is not worth a name
_STRAIGHT = 0.98  # R^2 from which a curve of an mlp is called a power of k

# factors between the variance that was meant and the one that is there, and the mistake behind each
MISTAKES: Mapping[float, str] = {
    TRUNCATED_VARIANCE: (
        "a normal distribution truncated at 2 standard deviations whose variance was not corrected"
    ),
    1 / 3: "uniform(-std, std) in the place of uniform(-sqrt(3)*std, sqrt(3)*std)",
    0.5: "a forgotten factor 2",
    2.0: "a factor 2 too many",
    3.0: "uniform(-3*std, 3*std) in the place of uniform(-sqrt(3)*std, sqrt(3)*std)",
}
_NEAR = 0.02  # relative: how near a measured factor must be to be named, where it is known well enough


# ---------------------------------------------------------------------------------------------
# Slopes
# ---------------------------------------------------------------------------------------------


def direction(quantity: str) -> str:
    """ "forward" for h and f, "backward" for gradients."""
    return "forward" if quantity in ("h", "f") else "backward"


def _travelled(quantity: str, values: Array) -> Array:
    """The hidden layers of (..., K+1) values in the direction of travel.

    h, dh: k = 1 ... K; f, df, db: k = 0 ... K-1; dW: k = 1 ... K-1, where widths are those of hidden layers.
    """
    if quantity in ("h", "dh"):
        found = values[..., 1:]
    elif quantity == "dW":
        found = values[..., 1:-1]
    else:
        found = values[..., :-1]
    return found if direction(quantity) == "forward" else found[..., ::-1]


def first_layer(quantity: str, depth: int) -> int:
    """The k of the hidden layer where it sets out."""
    if direction(quantity) == "forward":
        return min(1, depth) if quantity == "h" else 0
    return depth if quantity == "dh" else max(depth - 1, 0)


def last_layer(quantity: str, depth: int) -> int:
    """The k of the last layer in the direction of travel."""
    if direction(quantity) == "forward":
        return depth if quantity == "h" else depth - 1
    return 0 if quantity in ("df", "db") else min(1, depth)


def per_layer(quantity: str, values: Array) -> Array:
    """Decades per layer of each network, from the first hidden layer to the last; nan where unknown.

    The best estimate where layers multiply by independent factors, as in a network without biases.
    """
    found = _travelled(quantity, values)
    steps = found.shape[-1] - 1
    if steps < 1:
        return np.full(values.shape[:-1], np.nan)
    with np.errstate(invalid="ignore"):
        return np.asarray((found[..., -1] - found[..., 0]) / steps)


def late_slope(network: Network, quantity: str, infinite: Array) -> float:
    """log10 chi: decades per layer in the deeper half, where a fixed point has been reached.

    With unequal widths every layer has a factor of its own, and all of them count.
    """
    found = _travelled(quantity, infinite)
    steps = found.shape[-1] - 1
    if steps < 1:
        return math.nan
    half = (steps + 1) // 2 if len(set(network.widths[1:-1])) == 1 else steps
    deep = found[-half - 1 :] if direction(quantity) == "forward" else found[: half + 1]
    with np.errstate(invalid="ignore"):
        return float((deep[-1] - deep[0]) / half)


def growth(network: Network, quantity: str, infinite: Array) -> str | None:
    """ "k^1.0" where log10 of the deeper half is a straight line in log k rather than in k; else None."""
    y = _travelled(quantity, infinite)
    y = y if direction(quantity) == "forward" else y[::-1]
    plain = network.architecture == "mlp"
    if len(y) < 4 or not np.isfinite(y).all() or abs(y[-1] - y[0]) < _NAMED_FROM:
        return None
    deep = slice((len(y) - 1) // 2, None)
    k = np.arange(1.0, len(y) + 1)[deep]
    exponent, by_power = _line(np.log10(k), y[deep])
    _, by_layer = _line(k, y[deep])
    if by_power <= by_layer or (plain and by_power < _STRAIGHT):
        return None
    return f"k^{exponent:.1f}"


def _line(x: Array, y: Array) -> tuple[float, float]:
    """Slope and R^2 of the straight line through the points."""
    across, up = x - x.mean(), y - y.mean()
    slope = float(across @ up) / float(across @ across)
    rest, around = up - slope * across, float(up @ up)
    return slope, 1 - float(rest @ rest) / around if around > 0 else 0.0


# ---------------------------------------------------------------------------------------------
# Verdicts
# ---------------------------------------------------------------------------------------------


def contradicts(
    values: Array, expected: float | None, scatter: float, allowance: float, t: Quantile = student_t
) -> bool:
    """Whether the networks' slopes, or their values at one layer, cannot come from the predicted mean.

    `scatter` is the predicted standard deviation of one network, `allowance` how far the prediction
    itself may be off, `t` gives Student's quantiles. Five standard errors, by the larger of both
    scatters: one in a million correct initializers is accused.
    """
    count = len(values)
    if not count or expected is None:
        return False
    margin = _SIGMAS * scatter / math.sqrt(count) if math.isfinite(scatter) else 0.0
    if count > 1:
        own = float(np.std(values, ddof=1)) / math.sqrt(count)
        margin = max(margin, t(_SURE, count - 1) * own)
    rounding = 1e-9 * (1 + abs(expected))
    return abs(float(np.mean(values)) - expected) > margin + allowance + rounding


def allowance(network: Network, correction: float, *, pooled: bool, normal: bool) -> float:
    """How far the predicted slope may be off, in decades per layer.

    `correction` is what finite width takes off it, to first order: half of that bounds the second order;
    `pooled` inputs scatter less within a network, and how much of it remains is unknown. The ends are
    known to about 1/width, each layer of a sum h + s f to as much; where biases are not `normal`, neither
    are pre-activations, and phi(z)^2 of a uniform z may differ by half a decade.
    """
    narrow = 1 / min(network.widths[1:-1])
    steps = max(network.depth - 1, 1)
    found = narrow / (steps if network.architecture == "mlp" else 2)
    if math.isfinite(correction):
        found += abs(correction) * (1.0 if pooled else 0.5)
    if not normal:
        found += 0.5 / steps
    return found


def start_allowance(network: Network, *, normal: bool) -> float:
    """The same for log10 of the first layer, in the direction of travel: a fifth of a decade and more."""
    return 0.2 + 2 / min(network.widths[1:-1]) + (0.0 if normal else 0.5)


def verdict(
    network: Network, late: float, stat: str, *, surprise: bool, dead: bool, overflowed: bool
) -> Outcome | None:
    """stable where the deep layers' factor, taken depth times, stays within one decade of variance.

    `dead`, `overflowed`: whether all networks are.
    """
    if surprise:
        return Outcome.UNEXPECTED
    if dead or overflowed:
        return Outcome.VANISHES if dead else Outcome.EXPLODES
    if math.isnan(late):
        return None
    decades = late * network.depth * (2 if stat == "std" else 1)
    if abs(decades) < STABLE_DECADES:
        return Outcome.STABLE
    return Outcome.VANISHES if decades < 0 else Outcome.EXPLODES


def best(cases: Sequence[Mapping[str, Series]]) -> int | None:
    """The number of the stable case that changes least in both directions; None if none is stable."""
    ranked = []
    for number, series in enumerate(cases):
        both = (series["h"], series["dh"])
        if all(one.verdict is Outcome.STABLE for one in both):
            ranked.append((max(abs(one.slope or 0.0) for one in both), number))
    return min(ranked)[1] if ranked else None


# ---------------------------------------------------------------------------------------------
# Words
# ---------------------------------------------------------------------------------------------


def cause(
    network: Network,
    forward: Series,
    backward: Series,
    factors: tuple[float, float],
    *,
    sigma_w2: float,
    needed: float,
    biases: bool,
    repels: bool,
    dead: bool,
) -> str:
    """Why an initialization got its verdict, in one sentence.

    `factors`: of the variance forward and backward, one deep layer, infinite width. `sigma_w2`: variance
    of a weight times fan_in; `needed`: gain^2, where a layer keeps the mean square. `repels`: whether
    variances beside that fixed point move away from it; `dead`: whether every network is.
    """
    outcomes = (forward.verdict, backward.verdict)
    if Outcome.UNEXPECTED in outcomes:
        return _surprise(network, forward if forward.verdict is Outcome.UNEXPECTED else backward)
    if dead:
        return "every network is dead: its last layer is exactly 0"
    if not (forward.networks or forward.dead) and forward.overflowed:
        return "every network leaves the range of all numbers"
    if all(outcome in (Outcome.STABLE, None) for outcome in outcomes):
        return ""
    if network.architecture != "mlp":
        return _added(network, factors)
    if network.homogeneous and not biases and len(set(network.widths[1:-1])) == 1:
        return (
            f"each layer multiplies the variance by sigma^2*fan_in/gain^2 = {factors[0]:.3g}, "
            f"forward and backward; sigma^2 = {needed:.4g}/fan_in makes it 1"
        )
    if forward.verdict in (Outcome.STABLE, None):
        return _only_backward(factors[1], biases, backward)
    if repels and not biases:
        return _repelled(network, sigma_w2, needed, factors[0], forward)
    return f"one layer multiplies the variance by {factors[0]:.3g}, and the gradient's by {factors[1]:.3g}"


def _added(network: Network, factors: tuple[float, float]) -> str:
    return (
        f"each layer adds its branch to what came before: one multiplies the variance by {factors[0]:.3g} "
        f"and the gradient's by {factors[1]:.3g}; --arch {network.architecture}:1/sqrt(K) scales the branch"
    )


def _only_backward(chi: float, biases: bool, backward: Series) -> str:
    held = "the biases hold the activations up" if biases else "the activations settle at a fixed point"
    change = "shrinks" if backward.verdict is Outcome.VANISHES else "grows"
    return (
        f"{held}, so the forward pass looks stable; but the gradient's variance {change} by "
        f"chi = {chi:.3g} in each layer"
    )


def _repelled(
    network: Network, sigma_w2: float, needed: float, factor: float, forward: Series
) -> str:
    name = network.activation.name
    less = forward.verdict is Outcome.VANISHES
    if abs(sigma_w2 / needed - 1) < 1e-6:
        return (
            f"gain^2/fan_in keeps the variance where pre-activations have variance 1, but with {name} that "
            f"fixed point repels, and the input is beside it: in the end a layer multiplies by {factor:.3g}"
        )
    return (
        f"sigma^2*fan_in = {sigma_w2:.4g} is {'less' if less else 'more'} than the {needed:.4g} that {name} "
        f"needs, and its fixed point repels: the {'smaller' if less else 'larger'} the activations, the "
        f"{'less' if less else 'more'} of them a layer passes on, in the end {factor:.3g}"
    )


def _surprise(network: Network, series: Series) -> str:
    """The factor that is wrong, where it is the same in all layers; else the layer that is."""
    if series.slope is None or series.expected_slope is None:
        return "no network has finite values, although it should: look at what the initializer draws"
    measured, expected = series.slope, series.expected_slope
    start = series.layers[first_layer(series.quantity, network.depth)]
    if not series.slope_differs and start.median is not None and start.expected is not None:
        matrix = start.k - 1 if series.direction == "forward" else start.k
        return (
            f"log10 {series.stat} of layer {start.k} is {start.median:.2f}, predicted {start.expected:.2f}, "
            f"while the change from layer to layer is right: look at W_{matrix}"
        )
    per = 2.0 if series.stat == "std" else 1.0
    ratio = _power(per * (measured - expected))
    near = max(_NEAR, _power(2 * per * (series.slope_ci or 0.0)) - 1)
    known = [text for factor, text in MISTAKES.items() if abs(ratio / factor - 1) < near]
    inner = network.widths[1:-1]
    swapped = (inner[0] / inner[-1]) ** (1 / max(len(inner) - 1, 1))  # fan_in/fan_out, geometric mean
    if inner[0] != inner[-1] and abs(ratio / swapped - 1) < max(near, 0.1):
        known = ["fan_out in the place of fan_in"]
    hint = f", as from {known[0]}" if len(known) == 1 else ""
    return (
        f"measured {measured:+.3f} decades per layer, predicted {expected:+.3f}: the weights act as if their "
        f"variance were {ratio:.3g} times what it should be{hint}"
    )


def _power(decades: float) -> float:
    """10^decades, as large as a double goes."""
    return float(10 ** min(decades, 300.0))


def recommendation(network: Network, summaries: Sequence[InitSummary], chosen: int | None) -> str:
    """What to take, and what no initialization can mend."""
    if any(summary.verdict is Outcome.UNEXPECTED for summary in summaries):
        return "first find out why the measurement contradicts the prediction: a defect of an initializer"
    if chosen is not None:
        found = summaries[chosen]
        sigma2 = found.sigma2
        sigma = "" if sigma2 is None else f" (sigma^2 = {sigma2:.4g}, std = {sigma2**0.5:.4g})"
        name = f"{found.init}, that is {found.label}'s" if found.label else found.init
        return f"{name}{sigma} keeps activations and gradients stable over {network.depth} layers"
    if all(summary.verdict is None for summary in summaries):
        return ""
    tried = {summary.init for summary in summaries} | {summary.label.lower() for summary in summaries}
    if network.architecture != "mlp":
        return f"none of these is stable: try --arch {network.architecture}:1/sqrt(K), or preln"
    if network.homogeneous and not tried & {"he", "auto"}:
        return "none of these is stable: try --init auto, which is gain^2/fan_in"
    critical = "" if "critical" in tried else "--critical, or "
    return (
        f"none of these is stable in both directions: try {critical}--arch residual:1/sqrt(K), "
        f"which does not rely on {network.activation.name} keeping variances"
    )
