"""Reads nothing. Gives the names under which programs keep gradients and step sizes.

From 172 losses of 55 public repositories. Knows nothing of values.
"""

from __future__ import annotations

import re

__all__ = ["CONTAINERS", "RATES", "dotted", "parameter_of", "spellings"]

CONTAINERS = ("grads", "grad", "gradients", "gradient", "dparams", "d_params", "derivatives")
RATES = ("lr", "learning_rate", "eta", "alpha", "step_size", "step", "rate")
_BEFORE = ("d_", "d", "grad_", "grad", "g_", "g", "dL_d", "dL", "dloss_d", "dJ_d", "dJd", "dE_d", "gradient_")
_BEHIND = ("_grad", "_gradient", "grad", "_g")


def spellings(name: str) -> tuple[str, ...]:
    """What a gradient by a parameter is called: dW, grad_W, W_grad and such."""
    return (*(before + name for before in _BEFORE), *(name + behind for behind in _BEHIND))


def parameter_of(name: str) -> list[str]:
    """The parameters whose gradient may have this name, the name itself first."""
    name = dotted(name) if "." in name else name
    found = [name, *(name.removeprefix(before) for before in _BEFORE if name.startswith(before))]
    return [each for each in (*found, *(name.removesuffix(b) for b in _BEHIND if name.endswith(b))) if each]


def dotted(name: str) -> str:
    """The name of a network's parameter: fc1.weight as fc1_weight, 0.weight as weight0, layers.0.bias as
    layers0_bias."""
    joined = re.sub(r"\.(\d+)", r"\1", name)
    number, dot, rest = joined.partition(".")
    joined = f"{rest}{number}" if dot and number.isdigit() else joined
    return joined.replace(".", "_")
