"""Reads a call of a function of jax in a jaxpr. Gives what it computes by the one function of the language.

One table, WHOLE_CALLS, by the names that jax gives its compiled functions; None is given for a form that is
read equation by equation. Knows nothing of primitives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck_cli.tracing.built_operations import BUILT
from gradcheck_cli.tracing.frameworks.jax_call import Build, Call
from gradcheck_cli.tracing.frameworks.jax_operations import by_name
from gradcheck_cli.tracing.new_nodes import moves, recorded
from gradcheck_cli.tracing.recorded_array import plain

__all__ = ["WHOLE_CALLS"]


def _solved(call: Call, a: Any, b: Any) -> Any:
    a, b = recorded(call.recording, call.full(a, 0)), call.full(b, 1)
    return np.linalg.solve(a, b) if a.ndim == 2 else None


def _of_matrix(function: Callable[..., Any]) -> Build:
    def build(call: Call, x: Any) -> Any:
        x = recorded(call.recording, call.full(x, 0))
        return function(x) if x.ndim == 2 else None

    return build


def _axes(call: Call, primitive: str) -> tuple[int, ...] | None:
    """The axes that the first equation of a function runs along; None, if it is another one."""
    first = call["jaxpr"].jaxpr.eqns[0]
    return tuple(first.params["axes"]) if first.primitive.name == primitive else None


def _variance(call: Call, x: Any, correction: Any) -> Any:
    axes = _axes(call, "reduce_sum")
    if axes is None or moves(correction):
        return None
    x = recorded(call.recording, call.full(x, 0))
    return np.var(x, axis=axes, ddof=int(plain(correction)), keepdims=len(call.shape) == x.ndim)


def _soft(name: str) -> Build:
    def build(call: Call, x: Any) -> Any:
        axes = _axes(call, "reduce_max")
        x = recorded(call.recording, call.full(x, 0))
        return None if axes is None else BUILT[name](call.recording, x, axis=axes)

    return build


WHOLE_CALLS: Mapping[str, Build] = MappingProxyType({
    **{jax: by_name(name) for jax, name in {
        "softplus": "softplus", "relu6": "relu6", "silu": "silu", "log_sigmoid": "log_sigmoid",
        "soft_sign": "softsign", "hard_tanh": "hard_tanh", "mish": "mish", "xlogy": "xlogy",
        "logit": "logit", "gammaln": "lgamma", "log_ndtr": "log_normal_cdf", "ndtr": "normal_cdf",
    }.items()},
    "remainder": lambda call, a, b: np.mod(a, b) if moves(a) else None,
    "solve": _solved, "inv": _of_matrix(np.linalg.inv), "det": _of_matrix(np.linalg.det),
    "slogdet": _of_matrix(lambda x: [np.sign(np.linalg.det(plain(x))), np.linalg.slogdet(x)[1]]),
    "_var": _variance, "log_softmax": _soft("log_softmax"), "softmax": _soft("softmax"),
})  # fmt: skip
