"""Reads a network of torch. Gives it as a function of its parameters, too.

Knows nothing of traces.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch.nn.utils.stateless import _reparametrize_module

from gradcheck_cli.tracing.gradient_names import dotted

__all__ = ["FunctionOfNetworks", "NetworkFunction"]


class NetworkFunction:
    """A method of a network, with its parameters as further arguments, and by these names in `held`:
    fc1.weight is fc1_weight, 0.weight is weight0."""

    def __init__(self, network: torch.nn.Module, method: Callable[..., Any]) -> None:
        self._called = _Called(network, method)
        self.__name__ = type(network).__name__
        self.__wrapped__ = method
        own = dict(network.named_parameters())
        self._own = {dotted(name): f"network.{name}" for name in own}
        self.held = {dotted(name): value for name, value in own.items()}
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


class FunctionOfNetworks:
    """A function that reads networks among the globals of its file, with their parameters as further
    arguments, and by these names in `held`; of several networks behind the network's own name."""

    def __init__(self, function: Callable[..., Any], networks: Mapping[str, torch.nn.Module]) -> None:
        self._function, self._networks = function, [network.double() for network in networks.values()]
        self.__name__, self.__wrapped__ = function.__name__, function
        self._own: list[dict[str, str]] = []  # of each network: the arguments that are its parameters
        self.held: dict[str, Any] = {}
        for name, network in networks.items():
            own = dict(network.named_parameters())
            behind = f"{name}_" if len(networks) > 1 else ""
            self._own.append({f"{behind}{dotted(each)}": each for each in own})
            self.held |= {f"{behind}{dotted(each)}": value for each, value in own.items()}
        signature = inspect.signature(function)
        more = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None) for name in self.held]
        self.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *more])

    def __call__(self, *values: Any, **named: Any) -> Any:
        """What the function returns; the networks' own numbers stay as they are."""
        with ExitStack() as held:
            for network, own in zip(self._networks, self._own, strict=True):
                given = {each: _leaf(named.pop(name)) for name, each in own.items() if name in named}
                buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
                held.enter_context(_reparametrize_module(network, {**buffers, **given}))
            return self._function(*values, **named)


def _leaf(tensor: Any) -> Any:
    """A parameter for the program's own backward."""
    return tensor.requires_grad_() if torch.is_grad_enabled() and tensor.is_leaf else tensor


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
