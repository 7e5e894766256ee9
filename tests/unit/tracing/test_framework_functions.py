"""What frameworks have beyond NumPy has the values that the language gives it, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli import api
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.tracing.frameworks.common_operations import named
from gradcheck_cli.tracing.recorded_array import Recorded
from gradcheck_cli.tracing.recording import Recording
from gradcheck_cli.tracing.traced_nodes import TracedNode


@pytest.mark.parametrize("x", [-30.0, -0.3, 0.0, 0.6])
@pytest.mark.parametrize("call", [
    "sigmoid(x)", "softplus(x)", "log_sigmoid(x)", "relu6(x)", "gelu(x)", "gelu(x, approximate=1)", "silu(x)",
    "mish(x)", "softsign(x)", "hard_tanh(x)", "leaky_relu(x)", "leaky_relu(x, slope=0.2)", "elu(x)", "erf(x)",
    "elu(x, alpha=0.5)", "erfc(x)", "normal_cdf(x)", "log_normal_cdf(x)",
])  # fmt: skip
def test_one_value_in_the_program_and_in_the_model(call: str, x: float) -> None:
    name, _, given = call.rstrip(")").partition("(x")
    options = {key.strip(", "): float(value) for key, _, value in [given.partition("=")] if key}
    recording = Recording([])
    found = named(recording, name, Recorded(TracedNode("param", (), np.array(x), {"name": "x"}), recording),
                  **options)  # fmt: skip
    assert found.node.value == forward_pass(api.load(f"param x = {x}\nloss = {call}")).loss
    many = named(recording, name, np.full((2, 1, 3), x), **options)
    assert np.array_equal(many.node.value, np.full((2, 1, 3), found.node.value))
