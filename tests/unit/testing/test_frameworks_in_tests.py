"""assert_gradient of functions of torch and jax, where these are installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck_cli.results.gradient_results import Verdict
from gradcheck_cli.testing import assert_gradient

POINT = {"W": np.array([[0.1, 0.5], [0.3, -0.2]]), "x": np.array([[1.0, 2.0], [0.5, -1.0]])}


@pytest.fixture(params=["torch", "jax"])
def functions(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A loss and gradients of a framework, by name."""
    library = pytest.importorskip(request.param)
    m = library.numpy if request.param == "jax" else library

    def loss(W: Any, x: Any) -> Any:
        return m.sum(m.tanh(x @ W)**2)

    def right(W: Any, x: Any) -> Any:
        h = m.tanh(x @ W)
        return 2*x.T @ (h*(1 - h**2))

    def wrong(W: Any, x: Any) -> Any:
        return 2*x.T @ m.tanh(x @ W)

    return {"loss": loss, "right": right, "wrong": wrong, "name": request.param, "library": library}


@pytest.mark.slow
def test_a_right_gradient_passes_and_a_wrong_one_is_named(functions: dict[str, Any]) -> None:
    loss, framework = functions["loss"], functions["name"]
    assert assert_gradient(loss, functions["right"], at=POINT, framework=framework).verdict is Verdict.OK
    with pytest.raises(AssertionError, match="leaves out the derivative of tanh"):
        assert_gradient(loss, functions["wrong"], at=POINT, framework=framework)


@pytest.mark.slow
def test_a_point_tells_the_framework(functions: dict[str, Any]) -> None:
    library = functions["library"]
    array = library.tensor if functions["name"] == "torch" else library.numpy.asarray
    point = {name: array(value) for name, value in POINT.items()}
    assert_gradient(functions["loss"], functions["right"], at=point)
    assert_gradient("param w[2] = [3, -1]\nloss = sum(w^2)", {"w": array([6.0, -2.0])})
    with pytest.raises(AssertionError):
        assert_gradient("param w[2] = [3, -1]\nloss = sum(w^2)", {"w": array([6.0, -3.0])})


@pytest.mark.slow
def test_the_gradient_that_jax_makes_of_a_loss() -> None:
    jax = pytest.importorskip("jax")

    def loss(W: Any, x: Any) -> Any:
        return jax.numpy.sum(jax.numpy.tanh(x @ W)**2)

    assert_gradient(loss, jax.grad(loss), at=POINT, framework="jax")
    assert_gradient(loss, jax.grad(loss, argnums=1), at=POINT, framework="jax", wrt=["x"])
    with pytest.raises(AssertionError):
        assert_gradient(loss, jax.grad(lambda W, x: 2*loss(W, x)), at=POINT, framework="jax")
