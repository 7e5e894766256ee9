"""Reads the autograd functions of a program. Gives their calls, to be tried.

Knows nothing of traces.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from gradcheck_cli.numerics.limits.tracing import TRACING
from gradcheck_cli.tracing.frameworks.custom_rules import RuleCall
from gradcheck_cli.tracing.program_gradients import Sightings
from gradcheck_cli.tracing.recording import watching

__all__ = ["called_rules", "rule_calls"]

Called = list[tuple[Any, tuple[Any, ...]]]  # a Function, and its arguments


@contextmanager
def called_rules(modules: Iterable[ModuleType]) -> Iterator[Called]:
    """With which arguments the autograd functions of the modules are called in the block."""
    calls: Called = []
    kept: list[tuple[Any, Any]] = []
    for function in _functions(modules):
        kept.append((function, vars(function)["forward"]))
        function.forward = staticmethod(_noted(function, function.forward, calls))
    try:
        yield calls
    finally:
        for function, forward in kept:
            function.forward = forward


def rule_calls(calls: Called, files: Collection[str]) -> Iterator[RuleCall]:
    """Each call once more, with the lines of what its backward gives."""
    import torch

    for function, arguments in calls[: TRACING.most_rules]:
        moving = [k for k, each in enumerate(arguments) if torch.is_tensor(each) and each.is_floating_point()]
        given = list(arguments)
        for k in moving:
            given[k] = arguments[k].detach().clone().requires_grad_()
        results = _as_tuple(function.apply(*given))
        arrived = tuple(torch.ones_like(each) for each in results)
        seen = Sightings()
        returned: list[Any] = []
        with _watched(function, files, seen, returned):
            torch.autograd.backward(results, arrived)
        found = tuple(_numbers(given[k].grad) for k in moving)
        own = [seen.last_place(returned[k] if k < len(returned) else None) for k in moving]
        yield RuleCall(
            _of_numbers(function, arguments, moving),
            tuple(_numbers(arguments[k]) for k in moving), tuple(map(_numbers, arrived)), found, tuple(own),
        )  # fmt: skip


def _of_numbers(function: Any, arguments: tuple[Any, ...], moving: list[int]) -> Callable[..., Any]:
    """A Function of NumPy arrays in place of those arguments that move."""
    import torch

    def call(*values: Any) -> Any:
        given = list(arguments)
        for k, value in zip(moving, values, strict=True):
            given[k] = torch.tensor(value)
        with torch.no_grad():
            return tuple(map(_numbers, _as_tuple(function.apply(*given))))

    return call


def _functions(modules: Iterable[ModuleType]) -> Iterator[Any]:
    import torch

    seen: set[type] = set()
    for module in modules:
        for held in vars(module).values():
            is_one = isinstance(held, type) and issubclass(held, torch.autograd.Function)
            if is_one and "forward" in vars(held) and held not in seen:
                seen.add(held)
                yield held


def _noted(function: Any, forward: Any, calls: Called) -> Callable[..., Any]:
    has_context = "setup_context" not in vars(function)

    def call(*args: Any, **options: Any) -> Any:
        calls.append((function, tuple(args[1:] if has_context else args)))
        return forward(*args, **options)

    return call


@contextmanager
def _watched(function: Any, files: Collection[str], seen: Sightings, returned: list[Any]) -> Iterator[None]:
    """Look at the variables of a backward, and keep what it returns."""
    kept, backward = vars(function).get("backward"), function.backward

    def call(*args: Any) -> Any:
        with watching(files, seen):
            result = backward(*args)
        returned[:] = _as_tuple(result)
        return result

    function.backward = staticmethod(call)
    try:
        yield
    finally:
        function.backward = kept


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _numbers(tensor: Any) -> Any:
    return None if tensor is None else np.array(tensor.detach().numpy())
