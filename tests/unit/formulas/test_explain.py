"""The three lists of `explain`: names, formulas, values, lines, rows."""

from __future__ import annotations

import numpy as np
import pytest

from derivations import NETWORK, ROWS, TOY, TOY_BACKWARD
from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.derivatives.backprop.reverse_mode import derivative
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.formulas.explain import explain
from gradcheck_cli.language import read_model

VALUES = {  # SCREENS: the toy model of the chapter
    "f3": 0.7445282168,
    "h3": 2.233584650,
    "f2": -1.683057750,
    "h2": -3.366115499,
    "f1": -17.06046653,
    "b0": 2.280900622,
    "w0": 5.246071431,
}


def test_the_toy_model() -> None:
    found = explain(read_model(TOY))
    assert found.loss == pytest.approx(0.1385805664, rel=1e-9)
    assert found.loss_formula == "(f3 - y)^2"
    assert (found.row, found.rows, found.notes) == (None, None, ())
    assert [s.name for s in found.inputs[:2]] == ["x", "y"]
    forward = {s.name: s for s in found.forward}
    assert list(forward) == ["f0", "h1", "f1", "h2", "f2", "h3", "f3", "loss"]
    assert (forward["f0"].formula, forward["f0"].line) == ("b0 + w0*x", 5)
    assert forward["h1"].value == pytest.approx(0.9424888019, rel=1e-9)
    assert forward["h1"].latex == r"\sin\left(f_{0}\right)"
    both = [*found.backward_steps, *found.backward_parameters]
    assert {s.name: (s.formula, s.local) for s in both} == TOY_BACKWARD
    assert [s.name for s in found.backward_parameters] == [
        "b0", "b1", "b2", "b3", "w0", "w1", "w2", "w3"
    ]  # fmt: skip
    by_name = {s.name: s for s in both}
    assert by_name["f2"].title == "d loss/d f2"
    assert by_name["f2"].line == 7
    for name, value in VALUES.items():
        assert by_name[name].value == pytest.approx(value, rel=1e-9)


def test_arrays_are_nested_lists() -> None:
    model = read_model(NETWORK)
    found = explain(model)
    true = derivative(model, forward_pass(model), "loss", ["W1"])["W1"]
    (shown,) = [s for s in found.backward_parameters if s.name == "W1"]
    assert shown.value == true.tolist()
    assert shown.shape == (2, 4)


@pytest.mark.parametrize(("row", "shown"), [(None, 0), (0, 0), (2, 2)])
def test_rows(row: int | None, shown: int) -> None:
    model = read_model(ROWS)
    tape = forward_pass(model)
    found = explain(model, row=row)
    assert (found.row, found.rows) == (shown, 3)
    true = derivative(model, tape, "loss", ["f", "w"])
    backward = {s.name: s.value for s in (*found.backward_steps, *found.backward_parameters)}
    assert backward["f"] == true["f"][shown]
    assert backward["w"] == true["w"]
    assert {s.name: s.value for s in found.forward}["h"] == tape.value("h")[shown]
    assert found.inputs[0].value == [1, 2.5, 3][shown]


@pytest.mark.parametrize(("text", "row"), [(ROWS, 3), (ROWS, -1), (TOY, 0)])
def test_a_row_that_does_not_exist(text: str, row: int) -> None:
    with pytest.raises(OptionError):
        explain(read_model(text), row=row)


def test_expanded() -> None:
    found = explain(read_model("param a = 1, b = 2\nf = a*b\nloss = sin(f)"), expand=True)
    assert [(s.name, s.formula) for s in found.backward_parameters] == [
        ("a", "b*cos(a*b)"),
        ("b", "a*cos(a*b)"),
    ]
    assert np.isclose(found.backward_parameters[0].value, 2 * np.cos(2))  # type: ignore[arg-type]


def test_steps_beside_the_loss_are_named_in_a_note() -> None:
    found = explain(read_model("param a = 1\nb = a + 1\nc = a*2\nloss = c^2"))
    assert [s.name for s in found.backward_steps] == ["c"]
    assert found.notes == ("loss is not computed from b",)


def test_a_model_that_does_not_fit_into_memory_is_refused() -> None:
    model = read_model("param v[600] ~ normal(0, 1)\nloss = sum(outer(v, v) @ outer(v, v))\n")
    with pytest.raises(OptionError, match="--memory allows 8 MiB"):
        explain(model, memory=8)
    assert explain(model, memory=64).forward[0].name == "loss"
