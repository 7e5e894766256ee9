"""Reads a network of torch. Gives it as a function of its parameters, too.

Knows nothing of traces.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import torch

__all__ = ["NetworkFunction"]


class NetworkFunction:
    """A method of a network, with its parameters as further arguments, and by these names in `held`:
    fc1.weight is fc1_weight, 0.weight is weight0."""

    def __init__(self, network: torch.nn.Module, method: Callable[..., Any]) -> None:
        self._called = _Called(network, method)
        self.__name__ = type(network).__name__
        self.__wrapped__ = method
        own = dict(network.named_parameters())
        self._own = {_spelled(name): f"network.{name}" for name in own}
        self.held = {_spelled(name): value for name, value in own.items()}
        many = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        given = [p for p in inspect.signature(method).parameters.values() if p.kind not in many]
        more = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None) for name in self._own]
        self.__signature__ = inspect.Signature([*given, *more])

    def __call__(self, *values: Any, **named: Any) -> Any:
        """What the method returns; the network's own numbers stay as they are."""
        arguments = {**dict(zip(self.__signature__.parameters, values, strict=False)), **named}
        own = {name: arguments.pop(key) for key, name in self._own.items() if key in arguments}
        buffers = {name: buffer.clone() for name, buffer in self._called.named_buffers()}
        return torch.func.functional_call(self._called, {**buffers, **own}, kwargs=arguments)


class _Called(torch.nn.Module):  # type: ignore[misc]
    """A network whose forward is one of its methods."""

    def __init__(self, network: torch.nn.Module, method: Callable[..., Any]) -> None:
        super().__init__()
        self.network = network
        self._method = method
        self.train(network.training)

    def forward(self, **arguments: Any) -> Any:
        """The method."""
        return self._method(**arguments)


def _spelled(name: str) -> str:
    """fc1.weight as fc1_weight, 0.weight as weight0, layers.0.bias as layers0_bias."""
    joined = re.sub(r"\.(\d+)", r"\1", name)
    number, dot, rest = joined.partition(".")
    joined = f"{rest}{number}" if dot and number.isdigit() else joined
    return joined.replace(".", "_")
