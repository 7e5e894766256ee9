"""The text of a deep chain: f_k = b_k + w_k h_k, h_(k+1) = sin, exp, cos, tanh in turn.

Values stay near 0.6 and |d f_k / d f_(k-1)| near 1, so that differences can see all gradients.
"""

from __future__ import annotations

import math
import random

_FUNCTIONS = (
    ("sin", math.sin, math.cos),
    ("exp", math.exp, math.exp),
    ("cos", math.cos, lambda z: -math.sin(z)),
    ("tanh", math.tanh, lambda z: 1 - math.tanh(z) ** 2),
)


def chain(depth: int) -> str:
    """A model with `depth` steps of each kind and 2*depth + 2 parameters."""
    chance = random.Random(1)
    inputs, steps = ["data x = 0.5, y = 0.3"], []
    h, w = 0.5, 0.9
    for k in range(depth):
        name, function, slope = _FUNCTIONS[k % 4]
        b = round(0.6 - w * h + chance.uniform(-0.1, 0.1), 3)
        z = b + w * h
        inputs.append(f"param b{k} = {b}, w{k} = {w:.4g}")
        steps += [f"f{k} = b{k} + w{k}*{f'h{k}' if k else 'x'}", f"h{k + 1} = {name}(f{k})"]
        h = function(z)
        w = float(f"{chance.choice([1, -1]) * chance.uniform(0.95, 1.05) / abs(slope(z)):.4g}")
    inputs.append(f"param b{depth} = 0.1, w{depth} = 0.8")
    steps += [f"f{depth} = b{depth} + w{depth}*h{depth}", f"loss = (f{depth} - y)^2"]
    return "\n".join([*inputs, *steps]) + "\n"
