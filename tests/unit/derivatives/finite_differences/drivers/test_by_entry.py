"""Differences entry by entry: shapes of names and rows, some entries, directions, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.api import load
from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.derivatives import backprop
from gradcheck_cli.derivatives.finite_differences.drivers.by_entry import (
    Estimates,
    along,
    derivative,
    derivative_at,
    scheme_by_name,
)
from gradcheck_cli.derivatives.finite_differences.schemes import SCHEMES
from gradcheck_cli.evaluation.tape import Tape, forward_pass
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.finite_differences import DEFAULTS

NET = """
rows x[2] = [[1, 2], [3, -4], [0.5, 0.25]]
param W[3,2] = [[0.1, -0.2], [0.3, 0.4], [-0.5, 0.6]]
param b[3] = [0.1, 0.2, 0.3]
h = tanh(W @ x + b)
each = sum(h^2)
loss = mean_rows(each)
"""
EXTRAPOLATED = SCHEMES["extrapolated"]


@pytest.fixture
def net() -> tuple[Model, Tape]:
    model = load(NET)
    return model, forward_pass(model)


def covers(found: Estimates, true: np.ndarray) -> bool:
    assert found.value.shape == found.bound.shape == true.shape
    return bool(np.all(np.abs(found.value - true) <= found.bound) and np.all(found.bound < 1e-8))


def test_values_have_the_shapes_of_backprop_and_bounds_cover_it(net: tuple[Model, Tape]) -> None:
    model, tape = net
    for of in ("loss", "each", "h"):
        true = backprop.derivative(model, tape, of, ["W", "b", "x"])
        found = derivative(model, tape, of, ["W", "b", "x"], EXTRAPOLATED)
        assert list(found) == ["W", "b", "x"]
        assert all(covers(found[name], true[name]) for name in found), of


def test_a_wrong_derivative_lies_outside(net: tuple[Model, Tape]) -> None:
    model, tape = net
    true = backprop.derivative(model, tape, "loss", ["W"])["W"]
    true[1, 0] *= 1 + 1e-6
    found = derivative(model, tape, "loss", ["W"], EXTRAPOLATED)["W"]
    assert (np.abs(found.value - true) > found.bound).tolist() == [[False] * 2, [True, False], [False] * 2]


def test_rows_beyond_the_limit_are_not_moved_under_a_shared_value(net: tuple[Model, Tape]) -> None:
    model, tape = net
    limits = DEFAULTS._replace(most_rows=2)
    found = derivative(model, tape, "loss", ["x"], EXTRAPOLATED, limits=limits)["x"]
    true = backprop.derivative(model, tape, "loss", ["x"])["x"]
    assert np.isfinite(found.value[:2]).all()
    assert np.isnan(found.value[2]).all()
    assert (np.abs(found.value[:2] - true[:2]) <= found.bound[:2]).all()


def test_some_entries_are_those_of_all(net: tuple[Model, Tape]) -> None:
    model, tape = net
    every = derivative(model, tape, "loss", ["W"], EXTRAPOLATED)["W"]
    some = derivative_at(model, tape, "loss", "W", np.array([4, 1]), EXTRAPOLATED)
    assert np.array_equal(some.value, every.value.reshape(-1)[[4, 1]])


def test_slopes_along_directions_are_sums_over_entries(net: tuple[Model, Tape]) -> None:
    model, tape = net
    moves = {"W": np.stack([np.ones((3, 2)), np.eye(3, 2)]), "b": np.stack([np.ones(3), np.zeros(3)])}
    true = backprop.derivative(model, tape, "each", ["W", "b"])
    wanted = [np.sum(true["W"] * moves["W"][d], axis=(1, 2)) + true["b"] @ moves["b"][d] for d in range(2)]
    found = along(model, tape, "each", moves, 0.3, EXTRAPOLATED)
    assert covers(found, np.stack(wanted, axis=-1))


def test_the_complex_step_passes_analytic_functions_only(net: tuple[Model, Tape]) -> None:
    model, tape = net
    scheme = scheme_by_name("complex")
    true = backprop.derivative(model, tape, "loss", ["W"])["W"]
    assert covers(derivative(model, tape, "loss", ["W"], scheme)["W"], true)
    kinked = load("param x = 2\nloss = relu(x)^2")
    with pytest.raises(OptionError, match="the complex step cannot pass relu"):
        derivative(kinked, forward_pass(kinked), "loss", ["x"], scheme)


def test_an_unknown_scheme_lists_the_known_ones() -> None:
    with pytest.raises(OptionError, match="there is no scheme 'centrl'") as caught:
        scheme_by_name("centrl")
    assert "central4" in str(caught.value.help)
