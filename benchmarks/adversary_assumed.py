"""Values that keep what is assumed of them: symmetric matrices, probabilities, unit vectors, as decimals."""

from __future__ import annotations

import random
from typing import Any

__all__ = ["FINITE", "assumed", "values_of"]

FINITE = ("in {-1, 1}", "one_hot")

_UNIT = {1: (["1"], ["-1"]), 2: (["0.6", "0.8"], ["-0.8", "0.6"], ["0", "1"]),
         3: (["0.48", "0.64", "0.6"], ["0.6", "0", "-0.8"])}  # fmt: skip
_ROTATIONS = {1: ([["-1"]],), 2: ([["0.6", "-0.8"], ["0.8", "0.6"]], [["0", "1"], ["1", "0"]]),
              3: ([["0", "1", "0"], ["0.6", "0", "-0.8"], ["0.8", "0", "0.6"]],)}  # fmt: skip


def assumed(shape: tuple[int, ...], draw: random.Random) -> tuple[str, Any] | None:
    """Words that fit a shape, and values that keep them; None where none do."""
    words = ["positive", "in {-1, 1}"]
    if len(shape) == 1 and shape[0] <= 3:
        words += ["sum 1", "unit", "one_hot"]
    if len(shape) == 2 and shape[0] == shape[1] <= 3:
        words += ["symmetric", "symmetric", "lower", "orthogonal", "symmetric positive"]
    if len(shape) > 2:
        return None
    word = draw.choice(words)
    return word, values_of(word, shape, draw)


def values_of(word: str, shape: tuple[int, ...], draw: random.Random) -> Any:
    """Values of a shape that keep what a word assumes."""
    size = shape[0] if shape else 0
    if word == "sum 1":
        cuts = sorted(draw.choice([1, 2, 3, 5, 8]) for _ in range(size - 1))
        parts = [b - a for a, b in zip([0, *cuts], [*cuts, 10], strict=True)]
        return [str(part / 10) for part in parts]
    if word == "unit":
        return draw.choice(_UNIT[size])
    if word == "one_hot":
        place = draw.randrange(size)
        return ["1" if k == place else "0" for k in range(size)]
    if word == "orthogonal":
        return draw.choice(_ROTATIONS[size])
    if word == "in {-1, 1}":
        return _each(shape, lambda: draw.choice(["1", "-1"]))
    if word == "positive":
        return _each(shape, lambda: _positive(draw))
    return _square(word, size, draw)


def _square(word: str, size: int, draw: random.Random) -> Any:
    one = _positive if "positive" in word else _any
    made = [[one(draw) for _ in range(size)] for _ in range(size)]
    for i in range(size):
        for j in range(i + 1, size):
            made[i][j] = made[j][i] if "symmetric" in word else "0"
    return made


def _positive(draw: random.Random) -> str:
    return str(round(draw.uniform(0.1, 2), 2))


def _any(draw: random.Random) -> str:
    return str(round(draw.uniform(-2, 2), 1))


def _each(shape: tuple[int, ...], one: Any) -> Any:
    return [_each(shape[1:], one) for _ in range(shape[0])] if shape else one()
