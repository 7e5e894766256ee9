"""The derivative of a function in a claim: SymPy's at 50 digits, at a kink the function's own rule."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.derivatives import symbolic
from gradcheck_cli.language import read_model
from gradcheck_cli.model.primitives.slopes import has_slope, slope_of
from gradcheck_cli.model.primitives.table import PRIMITIVES, record_of
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.reference.referee import Referee

SLOPES = [record for record in PRIMITIVES.values() if has_slope(record) and record.name != "identity"]


def value(function: str, x: float) -> float:
    record = record_of(f"{function}'")
    return float(record.forward(FLOAT64, np.full((1, 1), x), **record.options).item())


@pytest.mark.parametrize("name", [record.name for record in SLOPES])
def test_it_is_the_derivative_by_sympy_to_45_digits(name: str) -> None:
    record = PRIMITIVES[name]
    ((low, high),) = record.sample
    for part in (0.23, 0.61):
        x = round(low + part * (high - low), 3)
        orders = "".join(f"{record.options[order]}, " for order in record.orders)
        model = read_model(f"param x = {x}\nloss = {record.function}({orders}x)")
        referee = Referee(symbolic.lower(model))
        m = referee.high
        true = referee.derivative(model.point(), "loss", ["x"], m)["x"].item()
        at = referee.tape(model.point(), m).of_node(model.node("x"))
        found = slope_of(record).forward(m, np.asarray(at)[None, None], **record.options).item()
        assert abs(found - true) <= abs(true) * m.context.mpf(10) ** -45
        assert value(name, x) == pytest.approx(float(true), rel=1e-13)


@pytest.mark.parametrize(("function", "x", "slope"), [
    ("relu", 0, 0), ("abs", 0, 0), ("leaky_relu", 0, 0.01), ("sign", 0, 0), ("relu", 1, 1), ("relu", -1, 0),
])  # fmt: skip
def test_at_a_kink_it_is_what_backprop_passes_on(function: str, x: float, slope: float) -> None:
    assert value(function, x) == slope


def test_it_keeps_the_shape_and_has_the_options() -> None:
    x = np.array([[[-2.0, 3.0]]])
    assert record_of("leaky_relu'").forward(FLOAT64, x, slope=0.2).tolist() == [[[0.2, 1.0]]]
    assert record_of("sign'").forward(FLOAT64, x).shape == (1, 1, 2)


def test_it_is_not_differentiated() -> None:
    with pytest.raises(TypeError, match="claim"):
        record_of("tanh'").symbolic(None, None)


@pytest.mark.parametrize("name", ["leaf", "literal", "nothing'", ""])
def test_what_is_no_function_has_no_record(name: str) -> None:
    with pytest.raises(KeyError):
        record_of(name)
