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

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.initialization.architectures import Network
from gradcheck_cli.initialization.gaussian_expectations import Law
from gradcheck_cli.initialization.mean_field_pass import MeanFieldPass
from gradcheck_cli.initialization.mean_field_plain import PlainPass
from gradcheck_cli.initialization.mean_field_residual import ResidualPass

__all__ = ["Expected", "predict"]

Array = NDArray[np.float64]
_LN10 = math.log(10)


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
    """Predict the statistics of h_k, f_k, dl/dh_k, dl/df_k, dl/dW_k, dl/db_k under S initializations.

    Parameters
    ----------
    network : Network
    weight_variance, bias_variance : ndarray, (S, K+1), float64
        Of the entries of W_k and b_k; entries are normal, other distributions differ in the second order.
    stat : str
        "ms", the mean of the squares of the entries, "var", their variance, "std", half of its log10.
    orthogonal : bool
        W_k has orthonormal rows or columns, times a number; non-square ones are treated like square ones.

    Returns
    -------
    list of Expected
        One for each initialization; arrays are (K+1,), float64, in decades (log10).

    References
    ----------
    Poole et al. 2016; Schoenholz et al. 2017; Hanin and Nica 2018.
    """
    law = Law(network.activation)
    kind = PlainPass if network.architecture == "mlp" else ResidualPass
    biased = (bias_variance != 0).any(axis=1)
    found: dict[int, Expected] = {}
    with np.errstate(all="ignore"):
        for rows in (np.flatnonzero(~biased), np.flatnonzero(biased)):
            if len(rows):
                given = weight_variance[rows], bias_variance[rows]
                both = kind(network, law, *given, stat != "ms", orthogonal)
                both.run()
                expected = _predictions(both, 2 if stat == "std" else 1)
                found.update(zip(rows.tolist(), expected, strict=True))
    return [found[row] for row in range(len(weight_variance))]


def _predictions(both: MeanFieldPass, per: int) -> Iterator[Expected]:
    """Of each initialization, in decades; `per` is 2 where a statistic is a square root."""
    increments = _increments(both)
    count = len(both.weights)
    before, last = both.mean["dh"][-2:] if both.depth > 1 else np.full((2, 2 * count), np.nan)
    chi = np.exp(before - last)
    for row, limit in enumerate(range(count, 2 * count)):
        yield Expected(
            {name: values[:, row] / (_LN10 * per) for name, values in both.mean.items()},
            {name: values[:, row] / _LN10 for name, values in both.squares.items()},
            {name: values[:, limit] / (_LN10 * per) for name, values in both.mean.items()},
            {name: np.sqrt(values[:, row]) / (_LN10 * per) for name, values in both.variance.items()},
            {name: float(values[row]) / (_LN10 * per) for name, values in increments.items()},
            float(chi[limit]),
        )


def _increments(both: MeanFieldPass) -> dict[str, Array]:
    """Standard deviations of the decades per layer, times ln 10, from independent layers."""
    steps = max(both.depth - 1, 1)
    apart = both.scatter[-1] + both.scatter[min(1, both.depth)] - 2 * both.covariance
    forward = np.sqrt(np.maximum(apart, 0.0)) / steps
    lost = both.scatter_behind(1) - both.scatter_behind(both.depth)
    backward = np.sqrt(np.maximum(lost, 0.0)) / steps
    either = np.maximum(forward, backward)
    return {"h": forward, "f": forward, "dh": backward, "df": backward, "db": backward, "dW": either}
