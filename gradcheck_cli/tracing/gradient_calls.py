"""Reads gradient functions and the arguments of a loss. Gives the gradients by the names of the arguments.

A gradient is returned, left in attributes, dicts or globals, or what an update in place took off. Knows
nothing of traces.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.tracing.argument_trees import (
    Identities,
    arrays_by_name,
    holders,
    is_object,
    leaves_by_argument,
)  # fmt: skip
from gradcheck_cli.tracing.gradient_names import CONTAINERS, RATES, spellings
from gradcheck_cli.tracing.program_gradients import Sightings, gradients_by_name
from gradcheck_cli.tracing.programs import Program
from gradcheck_cli.tracing.recording import watching

__all__ = ["Gradients", "gradients_of"]


@dataclass(frozen=True)
class Gradients:
    """The gradients by name, the file and line of each, and what is to be said of how they were found."""

    values: dict[str, Any]
    places: dict[str, tuple[str, int]]
    ways: dict[str, str]  # "as grad returns it"
    notes: tuple[str, ...] = ()
    rounding: dict[str, Any] = field(default_factory=dict)  # absolute, of those that an update took off


@dataclass(frozen=True)
class _Called:
    """A call of a gradient function: what it returned, and its arguments before and after."""

    program: Program
    result: Any
    seen: Sightings
    held: dict[str, Any]  # the floats by name before the call
    before: dict[str, Any]  # copies of them
    given: dict[str, Any]
    known: dict[str, Any]  # the arguments, which tell the names

    @property
    def after(self) -> dict[str, Any]:
        return arrays_by_name(self.given, self.known)

    def wrote(self, arrays: Iterable[Any]) -> bool:
        """Whether the call made or changed one of these arrays."""
        own = [(array, self.before[name]) for name, array in self.held.items()]
        return not all(
            any(array is each and np.array_equal(array, old, equal_nan=True) for each, old in own)
            for array in arrays
        )


def gradients_of(
    loss: Program, functions: Sequence[Program], arguments: Mapping[str, Any], wanted: Sequence[str],
    value: float, lr: float | None = None, watched: bool = True,
) -> Gradients:
    """The gradients that functions compute.

    Parameters
    ----------
    loss : the loss, which is called before a function that shares its object
    functions : one that gives all gradients, or one for each argument
    arguments : of the loss, by name
    wanted : the names that are parameters, in their order; none, if the gradients decide
    value : of the loss
    lr : the step size of an update in place; None, if the function has it
    watched : whether the lines are told at which arrays came to be; calls then take longer

    Returns
    -------
    Gradients

    Raises
    ------
    OptionError
        If nothing tells which array belongs to which argument, or a function needs one that is not given.
    ProgramError
        If a function raises an error.
    """
    if len(functions) == 1:
        return _of_one(loss, functions[0], arguments, wanted, value, lr, watched)
    found = Gradients({}, {}, {})
    for k, function in enumerate(functions):
        names = [wanted[k]] if len(wanted) == len(functions) else _named_by(function, arguments)
        each = _of_one(loss, function, arguments, names, value, lr, watched)
        for name in each.values:
            if name in found.values:
                message = f"{function.name} gives the gradient by {name}, and so does one before it"
                raise OptionError(message, help="--wrt A,B names what each --grad differentiates by")
        found.values.update(each.values)
        found.places.update(each.places)
        found.ways.update(each.ways)
        found.rounding.update(each.rounding)
        found = replace(found, notes=(*found.notes, *each.notes))
    return found


def _named_by(function: Program, arguments: Mapping[str, Any]) -> list[str]:
    """The array that the name of a function tells, as dW and grad_W; none otherwise."""
    last = function.name.split(".")[-1]
    return [name for name in arrays_by_name(arguments) if last in spellings(name)][:1]


def _of_one(
    loss: Program, function: Program, arguments: Mapping[str, Any], wanted: Sequence[str], value: float,
    lr: float | None, watched: bool,
) -> Gradients:  # fmt: skip
    wanted = _wanted(arguments, wanted)
    called = _call(loss, function, arguments, watched)
    stored = _stored(called, wanted)
    if stored and (called.result is None or called.wrote(stored.values.values())):
        return stored
    if stepped := _updated(called, wanted, lr):
        return stepped
    try:
        values = gradients_by_name(function, called.result, arguments, wanted, value)
    except OptionError:
        if stored:  # the function wrote what was there before, and returned something else
            return stored
        raise
    return _gradients(called, values, f"as {function.name} returns it")


def _wanted(arguments: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """The names of arrays, where an argument holds several."""
    inside = leaves_by_argument(arguments)
    arrays = {leaf for leaves in inside.values() for leaf in leaves}
    wanted = ([name] if name in arrays else list(inside.get(name, ())) or [name] for name in names)
    return [leaf for each in wanted for leaf in each]


def _gradients(called: _Called, values: dict[str, Any], way: str) -> Gradients:
    places = {name: called.seen.place(array) for name, array in values.items()}
    return Gradients(values, places, dict.fromkeys(values, way))


def _call(loss: Program, function: Program, arguments: Mapping[str, Any], watched: bool) -> _Called:
    """Call a function with those arguments that it takes, copied; where it shares an object with the loss,
    the loss is called first."""
    known = dict(arguments)
    copies = copy.deepcopy(known)
    if function.instance is not None and function.first not in known:
        known[function.first] = function.instance
        copies[function.first] = copy.deepcopy(function.instance)
    given = {
        name: each for name, each in copies.items() if function.takes_all or name in function.parameters
    }
    if missing := function.missing(given):
        message = f"{function.name} takes {missing[0]}, which is no argument of the loss"
        raise OptionError(message, help=f"it has {', '.join(arguments)}")
    shares = any(is_object(each) for each in given.values()) and function.function is not loss.function
    if shares:
        first = {name: each if is_object(each) else copy.deepcopy(each) for name, each in copies.items()}
        with loss.errors(), np.errstate(all="ignore"), contextlib.redirect_stdout(sys.stderr):
            loss.run({name: first[name] for name in arguments})
    held, seen = arrays_by_name(given, known), Sightings()
    before = copy.deepcopy(held)
    with (
        function.errors(), np.errstate(all="ignore"), contextlib.redirect_stdout(sys.stderr),
        watching(function.files, seen) if watched else contextlib.nullcontext(),
    ):  # fmt: skip
        result = function.run(given)
    plain = function.framework.plain(result)
    seen.know(result, plain)
    return _Called(function, plain, seen, held, before, given, known)


# --- gradients that are left in something -------------------------------------------------------


def _stored(called: _Called, wanted: Sequence[str]) -> Gradients | None:
    """Those in attributes and dicts: dW beside W, or a dict or list `grads`; in globals, of a function that
    returns nothing."""
    after = called.after
    objects = [value for value in called.given.values() if is_object(value)]
    found: dict[str, Any] = {}
    for each in objects:
        for held in holders(each):
            found |= _beside(held if isinstance(held, dict) else vars(held), after, called, wanted)
    if not found and called.result is None:
        found = _beside(called.program.names_of_file, after, called, wanted)
    found = {name: each for name, each in found.items() if not wanted or name in wanted}
    if not found:
        return None
    return _gradients(called, found, f"as {called.program.name} leaves it")


def _beside(
    held: Mapping[str, Any], leaves: Mapping[str, Any], called: _Called, wanted: Sequence[str]
) -> dict[str, Any]:
    """The gradients in one object or dict, by the names of the arrays that they belong to."""
    found: dict[str, Any] = {}
    is_global = held is called.program.names_of_file
    for name, leaf in leaves.items():
        keys = [key for key, each in held.items() if each is leaf] or [name] * is_global
        for spelled in (s for key in keys for s in spellings(str(key))):
            if _is_gradient(held.get(spelled)) and np.size(held[spelled]) == np.size(leaf):
                found.setdefault(name, held[spelled])
    for key in CONTAINERS:
        if held.get(key) is not None:
            own = _arrays_of(held, leaves) or dict(leaves)
            inside = {name: own[name] for name in wanted if name in own}
            inside = inside or {name: leaves[name] for name in wanted if name in leaves} or own
            found = _of_container(called, held[key], inside) | found
    return found


def _arrays_of(held: Mapping[str, Any], leaves: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays that an object holds, also in its dicts and lists, by name."""
    names = Identities()
    for name, leaf in leaves.items():
        names.put(leaf, name)
    inner = arrays_by_name({"": {key: each for key, each in held.items() if key not in CONTAINERS}})
    return {name: each for each in inner.values() if (name := names.get(each, ""))}


def _of_container(called: _Called, grads: Any, leaves: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found = gradients_by_name(called.program, grads, leaves, (), np.nan)
    except OptionError:
        if not isinstance(grads, dict):
            return {}
        of: dict[Any, str] = {}
        for spelled in (name.rpartition("_")[2] for name in leaves), leaves:
            of |= {key: name for name, s in zip(leaves, spelled, strict=True) for key in (s, *spellings(s))}
        return {of[key]: each for key, each in grads.items() if key in of and _is_gradient(each)}
    return found


def _is_gradient(value: Any) -> bool:
    return isinstance(value, np.ndarray | float | np.floating) and np.asarray(value).dtype.kind in "fiu"


# --- updates ------------------------------------------------------------------------------------


def _updated(called: _Called, wanted: Sequence[str], lr: float | None) -> Gradients | None:
    """Of a function that steps, theta -= lr*g: (before - after)/lr."""
    after = called.after
    if lr is not None and not _changed(called, after, wanted) and called.result is not None:
        returned = gradients_by_name(called.program, called.result, called.before, wanted, np.nan)
        after = {**called.before, **returned}
    changed = _changed(called, after, wanted)
    if not changed or (called.result is not None and lr is None):
        return None
    rate, said = _rate(called, lr)
    values = {name: (np.asarray(called.before[name]) - after[name])/rate for name in changed}
    eps = {name: np.finfo(np.asarray(called.before[name]).dtype).eps for name in changed}
    rounding = {
        name: eps[name] * np.maximum(np.abs(called.before[name]), np.abs(after[name])) / abs(rate)
        for name in changed
    }
    places = {name: called.seen.place(after[name]) for name in changed}
    ways = dict.fromkeys(changed, f"as {called.program.name} steps")
    note = f"{called.program.name} changes {', '.join(changed)}: the gradient is (before - after)/lr, {said}"
    return Gradients(values, places, ways, (note,), rounding)


def _changed(called: _Called, after: Mapping[str, Any], wanted: Sequence[str]) -> list[str]:
    return [
        name for name, old in called.before.items()
        if name in after and (not wanted or name in wanted) and np.shape(old) == np.shape(after[name])
        and not np.array_equal(old, after[name], equal_nan=True)
    ]  # fmt: skip


def _rate(called: _Called, lr: float | None) -> tuple[float, str]:
    """The step size of an update, and where it was found."""
    if lr is not None:
        return lr, f"lr = {lr:g} as given"
    defaults = {name: p.default for name, p in called.program.parameters.items()}
    for place, held in (
        ("an argument", called.given), ("the default of an argument", defaults),
        *(("an attribute", _read(called, vars(v))) for v in called.given.values() if is_object(v)),
        ("a global", _read(called, called.program.names_of_file)),
    ):  # fmt: skip
        for name in RATES:
            rate = held.get(name)
            if isinstance(rate, float | np.floating) and rate:
                return float(rate), f"lr = {float(rate):g}, {place}, {name}"
    message = f"{called.program.name} changes its parameters in place, and its step size is not known"
    raise OptionError(message, help="--lr 0.1 gives it: the gradient is (before - after)/lr")


def _read(called: _Called, held: Mapping[str, Any]) -> dict[str, Any]:
    """Those that the function names."""
    code = getattr(inspect.unwrap(called.program.function), "__code__", None)
    return {name: held[name] for name in getattr(code, "co_names", ()) if name in held}
