"""Reads the functions of a program with rules of custom_vjp and custom_jvp. Gives their calls, to be tried.

Knows nothing of traces.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from gradcheck_cli.numerics.limits.tracing import TRACING
from gradcheck_cli.tracing.frameworks.custom_rules import RuleCall
from gradcheck_cli.tracing.program_gradients import Sightings
from gradcheck_cli.tracing.recording import watching

__all__ = ["called_rules", "rule_calls"]

Called = list[tuple[Any, tuple[Any, ...]]]  # a function with a rule, and its arguments


@contextmanager
def called_rules(modules: Iterable[ModuleType]) -> Iterator[Called]:
    """With which arguments the functions that have rules of their own are called in the block."""
    import jax

    calls: Called = []
    kept: list[tuple[Any, str, Any]] = []
    for function in _with_rules(modules):
        name = "jvp" if isinstance(function, jax.custom_jvp) else "fwd"
        rule = getattr(function, name, None)
        if rule is not None:
            kept.append((function, name, rule))
            setattr(function, name, _noted(function, rule, name == "jvp", calls))
    try:
        yield calls
    finally:
        for function, name, rule in kept:
            setattr(function, name, rule)


def rule_calls(calls: Called, files: Collection[str]) -> Iterator[RuleCall]:
    """Each call once more, with the line of what its rule gives."""
    import jax

    for function, arguments in calls[: TRACING.most_rules]:
        leaves, tree = jax.tree.flatten(arguments)
        if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
            continue
        moving = [k for k, leaf in enumerate(leaves) if np.asarray(leaf).dtype.kind == "f"]

        def flat(
            *values: Any, function: Any = function, tree: Any = tree, leaves: Any = leaves,
            moving: Any = moving,
        ) -> tuple[Any, ...]:
            given = list(leaves)
            for k, value in zip(moving, values, strict=True):
                given[k] = value
            return tuple(jax.tree.leaves(function(*jax.tree.unflatten(tree, given))))

        inputs = tuple(np.asarray(leaves[k]) for k in moving)
        seen = Sightings()
        returned: list[Any] = []
        with _watched(function, files, seen, returned):
            results, back = jax.vjp(flat, *map(jax.numpy.asarray, inputs))
            arrived = tuple(jax.numpy.ones_like(each) for each in results)
            found = tuple(map(np.asarray, back(arrived)))
        places = [seen.last_place(each) for each in returned]
        if len(places) != len(found):
            places = [places[-1] if places else seen.place(None)] * len(found)
        yield RuleCall(
            lambda *values, flat=flat: tuple(map(np.asarray, flat(*map(jax.numpy.asarray, values)))),
            inputs, tuple(map(np.asarray, arrived)), found, tuple(places),
        )  # fmt: skip


def _with_rules(modules: Iterable[ModuleType]) -> Iterator[Any]:
    import jax

    seen: list[Any] = []
    for module in modules:
        for held in vars(module).values():
            if isinstance(held, jax.custom_vjp | jax.custom_jvp) and not any(held is each for each in seen):
                seen.append(held)
                yield held


def _noted(function: Any, rule: Any, of_pairs: bool, calls: Called) -> Any:
    @functools.wraps(rule)
    def call(*args: Any, **options: Any) -> Any:
        calls.append((function, tuple(args[-2]) if of_pairs else args))
        return rule(*args, **options)

    return call


@contextmanager
def _watched(function: Any, files: Collection[str], seen: Sightings, returned: list[Any]) -> Iterator[None]:
    """Look at the variables of a rule, and keep what it returns."""
    import jax

    name = "jvp" if isinstance(function, jax.custom_jvp) else "bwd"
    rule = getattr(function, name)

    @functools.wraps(rule)
    def call(*args: Any, **options: Any) -> Any:
        with watching(files, seen):
            result = rule(*args, **options)
        returned[:] = jax.tree.leaves(result[1] if name == "jvp" else result)
        return result

    setattr(function, name, call)
    try:
        yield
    finally:
        setattr(function, name, rule)
