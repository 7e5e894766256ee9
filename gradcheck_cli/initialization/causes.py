"""Reads series and their predictions. Gives the likely cause of an unexpected trend, and the advice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradcheck_cli.initialization.architectures import Network
from gradcheck_cli.initialization.layer_trends import first_layer
from gradcheck_cli.model.initializers import TRUNCATED_VARIANCE
from gradcheck_cli.numerics.limits.initialization import InitializationLimits
from gradcheck_cli.results.initialization_results import InitSummary, Outcome, Series

__all__ = ["cause", "recommendation"]

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
        return _explain_branches(network, factors)
    if network.homogeneous and not biases and len(set(network.widths[1:-1])) == 1:
        return (
            f"each layer multiplies the variance by sigma^2*fan_in/gain^2 = {factors[0]:.3g}, "
            f"forward and backward; sigma^2 = {needed:.4g}/fan_in makes it 1"
        )
    if forward.verdict in (Outcome.STABLE, None):
        return _only_backward(factors[1], biases, backward)
    if repels and not biases:
        return _explain_unstable_variance(network, sigma_w2, needed, factors[0], forward)
    return f"one layer multiplies the variance by {factors[0]:.3g}, and the gradient's by {factors[1]:.3g}"


def _explain_branches(network: Network, factors: tuple[float, float]) -> str:
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


def _explain_unstable_variance(
    network: Network, sigma_w2: float, needed: float, factor: float, forward: Series
) -> str:
    name = network.activation.name
    less = forward.verdict is Outcome.VANISHES
    if abs(sigma_w2 / needed - 1) < network.limits.same_gain:
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
    per, limits = 2.0 if series.stat == "std" else 1.0, network.limits
    ratio = _power(per * (measured - expected), limits)
    near = max(limits.near_factor, _power(2 * per * (series.slope_ci or 0.0), limits) - 1)
    known = [text for factor, text in MISTAKES.items() if abs(ratio / factor - 1) < near]
    inner = network.widths[1:-1]
    swapped = (inner[0] / inner[-1]) ** (1 / max(len(inner) - 1, 1))  # fan_in/fan_out, geometric mean
    if inner[0] != inner[-1] and abs(ratio / swapped - 1) < max(near, limits.near_fan):
        known = ["fan_out in the place of fan_in"]
    hint = f", as from {known[0]}" if len(known) == 1 else ""
    return (
        f"measured {measured:+.3f} decades per layer, predicted {expected:+.3f}: the weights act as if their "
        f"variance were {ratio:.3g} times what it should be{hint}"
    )


def _power(decades: float, limits: InitializationLimits) -> float:
    """10^decades, as large as a double goes."""
    return float(10 ** min(decades, limits.largest_decades))


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
