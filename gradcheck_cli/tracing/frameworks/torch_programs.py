"""Reads a program that is written with torch. Gives its arrays, the nodes of its calls, and its gradient.

A network is a function, too: of the arguments of its forward, and of its parameters by name.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.tracing.frameworks.custom_rules import first_line, first_wrong
from gradcheck_cli.tracing.frameworks.framework import Framework, Place, exchanged, first_of
from gradcheck_cli.tracing.frameworks.torch_networks import FunctionOfNetworks, NetworkFunction
from gradcheck_cli.tracing.frameworks.torch_rules import called_rules, rule_calls
from gradcheck_cli.tracing.global_values import all_globals_read
from gradcheck_cli.tracing.recorded_array import Recorded
from gradcheck_cli.tracing.recording import Recording, watching

if TYPE_CHECKING:
    from gradcheck_cli.tracing.programs import Program

__all__ = ["Torch"]


class Torch(Framework):
    """Programs of torch, whose default type of floats is float64."""

    name = "torch"

    def __init__(self) -> None:
        import torch

        self._torch = torch

    @contextmanager
    def doubles(self) -> Iterator[None]:
        """With float64 as the default type, and as it was afterwards."""
        torch = self._torch
        before, fast = torch.get_default_dtype(), torch.backends.mha.get_fastpath_enabled()
        torch.set_default_dtype(torch.float64)
        torch.backends.mha.set_fastpath_enabled(False)  # it has no parts
        try:
            yield
        finally:
            torch.set_default_dtype(before)
            torch.backends.mha.set_fastpath_enabled(fast)

    def is_network(self, found: Any) -> bool:
        """Whether it is a network, its class, or a method of one."""
        module = self._torch.nn.Module
        if isinstance(found, type):
            return issubclass(found, module)
        return isinstance(getattr(found, "__self__", found), module)

    def network(self, found: Any) -> tuple[Callable[..., Any], Mapping[str, Any]]:
        """A method of a network, forward by default, as a function, and the network's parameters."""
        method: Any = found if inspect.ismethod(found) else found.forward
        network = NetworkFunction(method.__self__.double(), method)
        return network, self.plain(network.held)

    def with_networks(self, function: Callable[..., Any]) -> tuple[Callable[..., Any], Mapping[str, Any]]:
        """A function with the parameters of the networks that it reads among globals as further arguments,
        and these."""
        read = all_globals_read(function)
        networks = {k: v for k, v in read.items() if isinstance(v, self._torch.nn.Module)}
        if not networks:
            return function, {}
        found = FunctionOfNetworks(function, networks)
        return found, self.plain(found.held)

    def converted(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Floats as tensors, arrays as tensors that share their numbers."""
        torch = self._torch

        def tensor(value: Any) -> Any:
            if isinstance(value, float):
                return torch.tensor(value)
            return torch.from_numpy(np.array(value, copy=None))

        return {name: exchanged(value, _is_number, tensor) for name, value in arguments.items()}

    def plain(self, value: Any) -> Any:
        """NumPy's arrays in place of tensors."""
        is_tensor = self._torch.is_tensor
        return exchanged(value, is_tensor, lambda each: np.asarray(each.detach().resolve_neg().numpy()))

    def record(
        self, program: Program, recorded: Mapping[str, Any], recording: Recording, node_of: Any
    ) -> Any:
        """What the calls of a program compute of tensors whose arrays record."""
        from gradcheck_cli.tracing.frameworks.torch_calls import Calls

        torch = self._torch
        calls = Calls(recording, program.files)
        tensors = exchanged(dict(recorded), lambda each: type(each) is Recorded, calls.tensor_of)
        with torch.no_grad(), watching(program.files, calls.name), calls.plain_numbers(), calls:
            result = program.call(tensors)
        return exchanged(result, torch.is_tensor, calls.array_of)

    def gradient(
        self, program: Program, arguments: Mapping[str, Any], names: list[str]
    ) -> tuple[Any, Place]:
        """What backward leaves in the parameters, with the program's own autograd functions."""
        torch = self._torch
        with self.doubles():
            given = self.converted(copy.deepcopy(dict(arguments)))
            leaves: list[Any] = []

            def leaf(tensor: Any) -> Any:
                leaves.append(tensor.requires_grad_())
                return tensor

            moving = {name: exchanged(given[name], torch.is_tensor, leaf) for name in names}
            with called_rules(program.modules) as calls:
                loss = first_of(program.call({**given, **moving}))
                if not getattr(loss, "requires_grad", False):
                    raise OptionError(f"what {program.name} returns has no backward")
                loss.backward()
            place = first_wrong(rule_calls(calls, program.files))

        def gradient_of(tensor: Any) -> Any:
            return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad

        found = exchanged(moving, torch.is_tensor, gradient_of)
        return self.plain(found), place or first_line(program)


def _is_number(value: Any) -> bool:
    return isinstance(value, np.ndarray | float)
