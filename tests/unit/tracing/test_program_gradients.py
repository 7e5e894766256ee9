"""Which array of what a gradient function returns belongs to which argument of the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.tracing.program_gradients import gradients_by_name
from gradcheck_cli.tracing.programs import Program

b, w, W, X = 0.5, np.array([1.0, 2.0]), np.ones((2, 3)), np.ones((4, 2))
SCALAR = {"b": b, "w": w, "X": X, "y": np.arange(4)}
NESTED = ["layers0_0", "layers0_1", "layers1_0", "layers1_1"]
LAYERS = {"layers": [(W, w), (W.T, np.ones(3))], "X": X}


def named(result: Any, arguments: dict[str, Any], *wanted: str) -> dict[str, tuple[int, ...]]:
    program = Program("p.py", "grad", lambda: None)
    found = gradients_by_name(program, result, arguments, wanted, 7.0)
    return {name: np.shape(value) for name, value in found.items()}


@pytest.mark.parametrize(("result", "arguments", "wanted", "names"), [
    (lambda: (b, w), SCALAR, (), ["b", "w"]),
    (lambda: np.concatenate([[b], w]), SCALAR, (), ["b", "w"]),  # flat, of the first arguments
    (lambda: (7.0, np.concatenate([[b], w])), SCALAR, (), ["b", "w"]),
    (lambda: (7.0, w), SCALAR, (), ["w"]),
    (lambda: (7.0, (b, w)), SCALAR, (), ["b", "w"]),
    (lambda: w, SCALAR, (), ["w"]),
    (lambda: w[:, None], SCALAR, (), ["w"]),
    (lambda: [1.0, 2.0], SCALAR, ("w",), ["w"]),
    (lambda: [1.0, 2.0], {"w": w, "x": w}, (), ["w"]),
    (lambda: (1.0, 2.0), {"a": 1.0, "c": 2.0}, (), ["a", "c"]),
    (lambda: X, SCALAR, (), ["X"]),
    (lambda: {"w": w, "db": b}, SCALAR, (), ["w", "b"]),
    (lambda: (W.T, w), {"W": W, "w": w}, (), ["W", "w"]),  # a transpose is told as one
    (lambda: [(W, w), (W.T, np.ones(3))], LAYERS, (), NESTED),
    (lambda: [W, w, W.T, np.ones(3)], LAYERS, ("layers",), NESTED),
    (lambda: [{"W": W, "b": w}], {"net": [{"W": W, "b": w}], "X": X}, (), ["W", "b"]),
])  # fmt: skip
def test_arrays_find_their_arguments(
    result: Callable[[], Any], arguments: dict[str, Any], wanted: tuple[str, ...], names: list[str]
) -> None:
    assert list(named(result(), arguments, *wanted)) == names


@pytest.mark.parametrize(("result", "wanted", "said"), [
    (np.ones(9), (), "nothing tells of what"),
    ((W, w, w, w, w), (), "nothing tells of what"),
    ((w, w), ("w",), "returns 2 arrays, and w is a parameter"),
    (w, ("nope",), "there is no argument nope"),
    (np.array([1.0, np.nan]), ("w",), "is nan for w[1]"),
    (np.array([1.0, 2j]), ("w",), "an array of complex128"),
    (None, ("w",), "returns None, and"),
    ((w, None), (), "returns None, and"),
    ((float, w), (), "a value of type type"),
    (("w", w), (), "a value of type str"),
    ((), (), "returns no array"),
    ({"v": w}, (), "returns v, which is no parameter"),
])  # fmt: skip
def test_what_belongs_to_none_is_said(result: Any, wanted: tuple[str, ...], said: str) -> None:
    with pytest.raises(OptionError) as caught:
        named(result, SCALAR, *wanted)
    assert said in str(caught.value)
