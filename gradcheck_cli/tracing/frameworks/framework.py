"""Reads the name of what a program is written with. Gives how its arrays are made, read and recorded.

One class, of NumPy itself; jax and torch have theirs in files that are read only where a program needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from gradcheck_cli.common.errors import OptionError

if TYPE_CHECKING:
    from gradcheck_cli.tracing.programs import Program
    from gradcheck_cli.tracing.recording import Recording

__all__ = ["Framework", "Place", "exchanged", "first_of", "leaves"]

Place = tuple[str, int]  # a file and a line


class Framework:
    """NumPy: arrays are what they are, and calls are recorded while the program runs."""

    name = "numpy"

    def doubles(self) -> AbstractContextManager[None]:
        """While a program is imported and runs: its numbers are float64."""
        return nullcontext()

    def own_precision(self) -> AbstractContextManager[None]:
        """With the type of floats that the program itself asks for."""
        return nullcontext()

    def notes(self, program: Program) -> tuple[str, ...]:
        """What is to be said of every model of such a program."""
        return ()

    def is_network(self, found: Any) -> bool:
        """Whether what a program names is a network, its class, or a method of one."""
        return False

    def network(self, found: Any) -> tuple[Callable[..., Any], Mapping[str, Any]]:
        """A network as a function, and those of its arguments that it holds, its parameters."""
        raise NotImplementedError

    def with_networks(self, function: Callable[..., Any]) -> tuple[Callable[..., Any], Mapping[str, Any]]:
        """A function with the parameters of the networks that it reads among globals as further arguments,
        and these."""
        return function, {}

    def converted(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments with arrays of the framework."""
        return dict(arguments)

    def plain(self, value: Any) -> Any:
        """NumPy arrays in place of those of the framework, also in dicts and lists."""
        return value

    def record(
        self, program: Program, recorded: Mapping[str, Any], recording: Recording, node_of: Any
    ) -> Any:
        """What a program returns of arrays that record."""
        from gradcheck_cli.tracing.module_names import exchanged_names

        with exchanged_names(program.modules, recording), recording.naming(node_of):
            return program.call(recorded)

    def gradient(
        self, program: Program, arguments: Mapping[str, Any], names: list[str]
    ) -> tuple[Any, Place]:
        """The gradient that the framework's own differentiation gives, by the names of arguments, and the
        line of the program that it is to be laid to."""
        raise OptionError(
            f"{program.name} is written with NumPy, which differentiates nothing",
            help="--grad FILE.py:GRAD names the function that returns the gradient",
        )


def exchanged(value: Any, is_leaf: Callable[[Any], bool], function: Callable[[Any], Any]) -> Any:
    """A value with others in place of its leaves, also in dicts, lists and tuples.

    Parameters
    ----------
    value : of any type
    is_leaf : tells which are exchanged
    function : gives what stands in their place

    Returns
    -------
    Like the value; what is neither leaf, dict, list nor tuple stays.
    """
    if is_leaf(value):
        return function(value)
    if isinstance(value, dict):
        return {key: exchanged(each, is_leaf, function) for key, each in value.items()}
    if isinstance(value, list | tuple):
        parts = [exchanged(each, is_leaf, function) for each in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def leaves(value: Any) -> Iterator[Any]:
    """What stands in dicts, lists and tuples, in their order."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from leaves(each)
    else:
        yield value


def first_of(result: Any) -> Any:
    """The loss of what a function returns: of a tuple the first, as in (loss, gradient)."""
    return first_of(result[0]) if isinstance(result, list | tuple) and result else result
