"""Reads a series layer by layer. Gives its slope, its growth, and where it begins and ends."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.initialization.architectures import Network

__all__ = ["direction", "first_layer", "growth", "last_layer", "late_slope", "per_layer"]

Array = NDArray[np.float64]


# ---------------------------------------------------------------------------------------------
# Slopes
# ---------------------------------------------------------------------------------------------


def direction(quantity: str) -> str:
    """ "forward" for h and f, "backward" for gradients."""
    return "forward" if quantity in ("h", "f") else "backward"


def _hidden_layers(quantity: str, values: Array) -> Array:
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
    """Decades per layer of each network, from the first hidden layer to the last.

    The best estimate where layers multiply by independent factors, as in a network without biases.

    Parameters
    ----------
    quantity : "h", "f", or a gradient, such as "dh"
    values : (..., K + 1) float64, log10 of it layer by layer

    Returns
    -------
    (...) float64, decades per layer
        nan where there is one layer alone, or a value is not finite.
    """
    found = _hidden_layers(quantity, values)
    steps = found.shape[-1] - 1
    if steps < 1:
        return np.full(values.shape[:-1], np.nan)
    with np.errstate(invalid="ignore"):
        return np.asarray((found[..., -1] - found[..., 0]) / steps)


def late_slope(network: Network, quantity: str, infinite: Array) -> float:
    """log10 chi: decades per layer in the deeper half, where a fixed point has been reached.

    With unequal widths every layer has a factor of its own, and all of them count.

    Parameters
    ----------
    network : its widths
    quantity : "h", "f", or a gradient, such as "dh"
    infinite : (K + 1,) float64, log10 of it at infinite width

    Returns
    -------
    float
        Decades per layer; nan where there is one layer alone.
    """
    found = _hidden_layers(quantity, infinite)
    steps = found.shape[-1] - 1
    if steps < 1:
        return math.nan
    half = (steps + 1) // 2 if len(set(network.widths[1:-1])) == 1 else steps
    deep = found[-half - 1 :] if direction(quantity) == "forward" else found[: half + 1]
    with np.errstate(invalid="ignore"):
        return float((deep[-1] - deep[0]) / half)


def growth(network: Network, quantity: str, infinite: Array) -> str | None:
    """Whether the deeper half is a straight line in log k rather than in k: growth by a power of the depth.

    Parameters
    ----------
    network : its architecture, and the limits
    quantity : "h", "f", or a gradient, such as "dh"
    infinite : (K + 1,) float64, log10 of it at infinite width

    Returns
    -------
    str or None
        Such as "k^1.0"; None where the growth is exponential, too small, or the layers too few.
    """
    y = _hidden_layers(quantity, infinite)
    y = y if direction(quantity) == "forward" else y[::-1]
    plain, limits = network.architecture == "mlp", network.limits
    if len(y) < limits.fewest_for_growth or not np.isfinite(y).all():
        return None
    if abs(y[-1] - y[0]) < limits.named_trend:
        return None
    deep = slice((len(y) - 1) // 2, None)
    k = np.arange(1.0, len(y) + 1)[deep]
    exponent, by_power = _line(np.log10(k), y[deep])
    _, by_layer = _line(k, y[deep])
    if by_power <= by_layer or (plain and by_power < limits.straight):
        return None
    return f"k^{exponent:.1f}"


def _line(x: Array, y: Array) -> tuple[float, float]:
    """Slope and R^2 of the straight line through the points."""
    across, up = x - x.mean(), y - y.mean()
    slope = float(across @ up) / float(across @ across)
    rest, around = up - slope * across, float(up @ up)
    return slope, 1 - float(rest @ rest) / around if around > 0 else 0.0
