"""Reads widths, an activation and an architecture. Gives the deep network that init-stats looks at.

h_0 is the input, h_1 ... h_K are the hidden layers, f_K is the output:

    mlp           f_k = b_k + W_k h_k,         h_{k+1} = a[f_k]
    residual:s    f_k = b_k + W_k a[h_k],      h_{k+1} = h_k + s f_k
    preln:s       f_k = b_k + W_k a[LN(h_k)],  h_{k+1} = h_k + s f_k
    postln:s      f_k = b_k + W_k a[h_k],      h_{k+1} = LN(h_k + s f_k)

for k < K, and f_K = b_K + W_K h_K. LN subtracts the mean over the units and divides by their standard
deviation. Knows nothing of how weights are drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gradcheck_cli.common.errors import OptionError, printable
from gradcheck_cli.initialization.activations import Activation
from gradcheck_cli.numerics.limits.initialization import InitializationLimits

__all__ = ["ARCHITECTURES", "QUANTITIES", "STATS", "Network", "find_architecture"]

QUANTITIES = ("h", "f", "dh", "df", "dW", "db")  # h_k, f_k, dl/dh_k, dl/df_k, dl/dW_k, dl/db_k
STATS = ("var", "ms", "std")  # of the entries of one of them: variance, mean square, root of the variance
ARCHITECTURES = ("mlp", "residual", "preln", "postln")


@dataclass(frozen=True)
class Network:
    """widths = (n_0, n_1, ..., n_K, n_out); `loss`: "lsq" is (f_K - 0)^2 summed over the outputs,
    "none" a fixed random direction v: l = v . f_K with |v|^2 = n_out."""

    widths: tuple[int, ...]
    activation: Activation
    architecture: str = "mlp"
    scale: float = 1.0  # s
    loss: str = "lsq"

    @property
    def limits(self) -> InitializationLimits:
        """The limits of everything that looks at it."""
        return self.activation.limits

    @property
    def depth(self) -> int:
        """K, the number of hidden layers."""
        return len(self.widths) - 2

    def fans(self, k: int) -> tuple[int, int]:
        """(fan_in, fan_out) of W_k, k = 0 ... K."""
        return self.widths[k], self.widths[k + 1]

    @property
    def homogeneous(self) -> bool:
        """Whether scaling the weights scales every layer: then one pass serves all variances."""
        return self.architecture == "mlp" and self.activation.homogeneous


def find_architecture(text: str, depth: int) -> tuple[str, float]:
    """(architecture, s) of "mlp", "residual", "residual:0.5", "preln:1/sqrt(K)", ... Raises OptionError."""
    name, colon, argument = text.partition(":")
    if name not in ARCHITECTURES:
        raise OptionError(
            f'there is no architecture "{printable(text, 40)}"',
            help=f"known are {', '.join(ARCHITECTURES)}; a scale stands behind a colon",
        )
    if not colon:
        return name, 1.0
    if name == "mlp":
        raise OptionError("mlp has no scale", help="write --arch mlp, or residual:0.5")
    if argument.replace(" ", "") in ("1/sqrt(K)", "1/sqrt(depth)"):
        return name, 1 / math.sqrt(depth)
    try:
        scale = float(argument)
    except ValueError:
        scale = math.nan
    if not (math.isfinite(scale) and scale >= 0):
        raise OptionError(
            f'--arch {name}: "{printable(argument, 20)}" is no scale',
            help=f"a number that is 0 or larger, or 1/sqrt(K): {name}:1/sqrt(K)",
        )
    return name, scale
