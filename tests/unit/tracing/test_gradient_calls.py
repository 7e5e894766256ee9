"""Where a gradient function leaves its gradients: returned, in attributes, and which arguments are wanted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.tracing.gradient_calls import Gradients, gradients_of
from gradcheck_cli.tracing.programs import Program

X = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.25]])


class Net:
    """A loss sum((X W)^2)/2 whose gradient by W is made in several ways."""

    def __init__(self) -> None:
        self.W = np.array([0.5, -1.0])
        self.dW = np.zeros(2)
        self.n = 0

    def loss(self, X: Any) -> Any:
        return 0.5*((X @ self.W)**2).sum()

    def returned(self, X: Any) -> Any:
        return X.T @ (X @ self.W)

    def left(self, X: Any) -> Any:
        self.dW = X.T @ (X @ self.W)
        return self.dW @ self.W

    def left_in_place(self, X: Any) -> Any:
        self.dW[:] = X.T @ (X @ self.W)
        return np.outer(X @ self.W, self.W)

    def left_for_nothing(self, X: Any) -> Any:
        self.dW[:] = 0.0
        return np.ones(7)


def gradients(grad: Any, arguments: dict[str, Any], *wanted: str, loss: Any = Net.loss) -> Gradients:
    programs = [Program("p.py", each.__name__, each) for each in (loss, grad)]
    return gradients_of(programs[0], programs[1:], arguments, wanted, 7.0, watched=False)


@pytest.mark.parametrize(("grad", "way"), [
    (Net.returned, "as returned returns it"), (Net.left, "as left leaves it"),
    (Net.left_in_place, "as left_in_place leaves it"),
])  # fmt: skip
def test_what_the_call_wrote_goes_before_what_it_returns(grad: Any, way: str) -> None:
    net = Net()
    found = gradients(grad, {"self": net, "X": X})
    assert found.ways == {"W": way}
    np.testing.assert_allclose(found.values["W"], X.T @ (X @ net.W))


def test_where_nothing_else_is_a_gradient_that_which_was_there_counts() -> None:
    found = gradients(Net.left_for_nothing, {"self": Net(), "X": X})
    assert found.ways == {"W": "as left_for_nothing leaves it"}


@pytest.mark.parametrize("wanted", [("self",), ("W",), ()])
@pytest.mark.parametrize("grad", [Net.left, Net.left_in_place])
def test_an_object_may_be_wanted_by_its_name(grad: Any, wanted: tuple[str, ...]) -> None:
    assert list(gradients(grad, {"self": Net(), "X": X}, *wanted).values) == ["W"]


def step(p: dict[str, Any], X: Any, lr: float = 0.5) -> None:
    p["W"] -= lr*X.T @ (X @ p["W"])


def of_dict(p: dict[str, Any], X: Any) -> Any:
    return 0.5*((X @ p["W"])**2).sum()


@pytest.mark.parametrize("wanted", [("p",), ("W",), ()])
def test_a_dict_that_is_updated_may_be_wanted_by_its_name(wanted: tuple[str, ...]) -> None:
    W = np.array([0.5, -1.0])
    found = gradients(step, {"p": {"W": W}, "X": X}, *wanted, loss=of_dict)
    assert found.ways == {"W": "as step steps"}
    np.testing.assert_allclose(found.values["W"], X.T @ (X @ W))


class Stack:
    """Two layers and a dict of their gradients."""

    def __init__(self) -> None:
        self.params = {"W": np.ones(2), "b": 1.0}
        self.grads: dict[str, Any] = {}

    def loss(self, X: Any) -> Any:
        return ((X @ self.params["W"] + self.params["b"])**2).sum()/2

    def grad(self, X: Any) -> None:
        error = X @ self.params["W"] + self.params["b"]
        self.grads = {"W": X.T @ error, "b": float(error.sum())}


@pytest.mark.parametrize(("wanted", "names"), [
    (("self",), ["W", "b"]), (("b",), ["b"]), (("params",), []), ((), ["W", "b"]),
])  # fmt: skip
def test_a_dict_of_gradients_of_an_object_that_is_wanted(wanted: tuple[str, ...], names: list[str]) -> None:
    arguments = {"self": Stack(), "X": X}
    if not names:
        with pytest.raises(Exception, match="there is no argument params"):
            gradients(Stack.grad, arguments, *wanted, loss=Stack.loss)
        return
    assert sorted(gradients(Stack.grad, arguments, *wanted, loss=Stack.loss).values) == names


def of_two(enc: dict[str, Any], dec: dict[str, Any], X: Any) -> Any:
    return ((X @ enc["W"])**2).sum()/2 + 3*dec["W"].sum()


def both(enc: dict[str, Any], dec: dict[str, Any], X: Any) -> Any:
    return {"enc_W": X.T @ (X @ enc["W"]), "dec_W": np.full(2, 3.0)}


def by_enc(enc: dict[str, Any], X: Any) -> Any:
    return X.T @ (X @ enc["W"])


def by_dec(dec: dict[str, Any]) -> Any:
    return np.full(2, 3.0)


def test_arguments_that_hold_arrays_of_one_name() -> None:
    arguments = {"enc": {"W": np.array([0.5, -1.0])}, "dec": {"W": np.ones(2)}, "X": X}
    assert list(gradients(both, arguments, loss=of_two).values) == ["enc_W", "dec_W"]
    for grad, argument in ((by_enc, "enc"), (by_dec, "dec")):
        assert list(gradients(grad, arguments, argument, loss=of_two).values) == [f"{argument}_W"]
    with pytest.raises(OptionError, match="returns W, which is no parameter"):
        gradients(lambda enc: {"W": np.ones(2)}, arguments, loss=of_two)


def test_objects_that_hold_arrays_of_one_name() -> None:
    """Each has its dW beside it; the name of what the call made meanwhile changes none."""
    def loss(one: Any, other: Any) -> Any:
        return (one.W * other.W).sum()

    def grad(one: Any, other: Any) -> None:
        one.dW, other.dW = other.W, one.W
        one.more = {"W": np.ones(2)}

    one, other = SimpleNamespace(W=np.array([1.0, 2.0])), SimpleNamespace(W=np.array([3.0, 4.0]))
    found = gradients(grad, {"one": one, "other": other}, loss=loss).values
    assert {name: list(each) for name, each in found.items()} == {"one_W": [3.0, 4.0], "other_W": [1.0, 2.0]}
