"""Random steps of arrays with up to five axes, against NumPy by the complex step; formulas as claims."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradcheck_cli as gc
from build import one_of, part_of

Value = tuple[str, Callable[[Any], Any], tuple[int, ...]]  # its text, what NumPy computes, its shape
SHAPE = (2, 3, 2)
X = np.random.default_rng(5).uniform(0.4, 1.6, SHAPE).round(3)


def _tuple(numbers: Any) -> str:
    return f"({', '.join(map(str, numbers))})"


def _reshape(rng: random.Random, value: Value) -> Value:
    text, of, shape = value
    long = [n for n in shape if n > 1]
    rng.shuffle(long)
    for _ in range(rng.randrange(3)):
        long.insert(rng.randrange(len(long) + 1), 1)
    to = tuple(long[:5]) if np.prod(long[:5]) == np.prod(shape) else shape
    return f"reshape({text}, {list(to)})", lambda x: of(x).reshape(to), to


def _transpose(rng: random.Random, value: Value) -> Value:
    text, of, shape = value
    axes = rng.sample(range(len(shape)), len(shape))
    if len(shape) < 2:
        return value
    made = tuple(shape[k] for k in axes)
    return f"transpose({text}, {_tuple(axes)})", lambda x: of(x).transpose(axes), made


def _index(rng: random.Random, value: Value) -> Value:
    text, of, shape = value
    parts: list[Any] = []
    for n in shape:
        start = rng.randrange(n)
        stop = rng.randrange(start + 1, n + 1)
        parts.append(rng.choice([start, slice(start, stop), slice(None), slice(None)]))
    if all(isinstance(part, int) for part in parts):
        parts[0] = slice(None)
    spelled = ",".join(
        str(p) if isinstance(p, int) else ":" if p.stop is None else f"{p.start}:{p.stop}" for p in parts
    )
    key = tuple(parts)
    return f"({text})[{spelled}]", lambda x: of(x)[key], np.zeros(shape)[key].shape


def _reduce(rng: random.Random, value: Value) -> Value:
    text, of, shape = value
    axes = tuple(rng.sample(range(-len(shape), 0), rng.randrange(1, len(shape) + 1)))
    keep = rng.random() < 0.5 or len(axes) == len(shape)
    name, reduce = rng.choice([("sum", np.sum), ("mean", np.mean), ("prod", np.prod)])
    spelled = axes[0] if len(axes) == 1 else _tuple(axes)
    whole = f"{name}({text}, axis={spelled}{'' if keep else ', keepdims=0'})"
    made = np.sum(np.zeros(shape), axes, keepdims=keep).shape
    return whole, lambda x: reduce(of(x), axis=axes, keepdims=keep), made


def _join(rng: random.Random, value: Value) -> Value:
    text, of, shape = value
    axis = rng.randrange(-len(shape), len(shape))
    if len(shape) < 5 and rng.random() < 0.5:
        return f"stack({text}, sin({text}), axis={axis})", lambda x: np.stack(
            [of(x), np.sin(of(x))], axis
        ), np.stack([np.zeros(shape)] * 2, axis).shape
    made = np.concatenate([np.zeros(shape)] * 2, axis).shape
    return f"concat(cos({text}), {text}, axis={axis})", lambda x: np.concatenate(
        [np.cos(of(x)), of(x)], axis
    ), made


def _unary(rng: random.Random, value: Value) -> Value:
    text, of, shape = value
    name, function = rng.choice([("tanh", np.tanh), ("sin", np.sin), ("exp", np.exp)])
    return f"{name}({text}/3)", lambda x: function(of(x) / 3), shape


def _centered(rng: random.Random, value: Value) -> Value:
    """Beside what has axes of length 1, or fewer axes."""
    text, of, shape = value
    axes = tuple(rng.sample(range(len(shape)), rng.randrange(1, len(shape) + 1)))
    sign, function = rng.choice([("+", np.add), ("-", np.subtract), ("*", np.multiply), ("/", np.divide)])
    spelled = axes[0] if len(axes) == 1 else _tuple(axes)
    whole = f"({text} {sign} (2 + mean(({text})^2, axis={spelled})))"
    return whole, lambda x: function(of(x), 2 + (of(x) ** 2).mean(axes, keepdims=True)), shape


MOVES = (_reshape, _transpose, _index, _reduce, _join, _unary, _centered, _centered)


def random_step(seed: int) -> Value:
    """A step of up to five operations, with an axis at least."""
    rng = random.Random(seed)
    value: Value = ("X", lambda x: x, SHAPE)
    for _ in range(rng.randrange(2, 6)):
        made = rng.choice(MOVES)(rng, value)
        if made[2] and np.prod(made[2]) <= 60 and len(made[0]) < 500:
            value = made
    return value


def _slope(of: Callable[[Any], Any], weights: Any) -> Any:
    found = np.zeros(SHAPE)
    for index in np.ndindex(SHAPE):
        moved = X.astype(complex)
        moved[index] += 1e-30j
        found[index] = (of(moved) * weights).sum().imag / 1e-30
    return found


@pytest.mark.parametrize("seed", one_of(4, part_of(range(40), 2)))
def test_random_steps_are_those_of_numpy(seed: int) -> None:
    text, of, shape = random_step(seed)
    weights = np.cos(np.arange(np.prod(shape))).round(3).reshape(shape)
    head = f"param X[2,3,2] = {X.tolist()}\ndata A = {weights.tolist()}\ny = {text}\nloss = sum(A*y)\n"
    formula = gc.explain(gc.load(head)).backward_parameters[0].formula
    claim = "" if formula.startswith("(more than") else f"claim d loss/d X = {formula}"
    report = gc.check(gc.load(head + claim), points=2)
    assert report.verdict is gc.Verdict.OK
    assert report.loss == pytest.approx((weights * of(X)).sum(), rel=1e-11, abs=1e-13)
    wanted = _slope(of, weights)
    for entry in report.parameters[0].entries:
        for found in (entry.symbolic, entry.backprop):
            assert found == pytest.approx(wanted[entry.index], rel=1e-6, abs=1e-9)
        assert entry.finite == pytest.approx(wanted[entry.index], rel=1e-6, abs=(entry.bound or 0) + 1e-9)
