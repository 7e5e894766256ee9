"""Reads a function of torch tensors or jax arrays. Gives the gradient that the library computes of its loss.

Each library is imported only where the program did so. Knows nothing of files.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcheck_cli.numerics.limits.checking import CHECKING
from gradcheck_cli.tracing.argument_trees import arrays_by_name, map_arguments

__all__ = ["as_tensors", "differentiate", "is_scalar_of", "library_of", "plain"]


def library_of(value: Any) -> str:
    """ "torch" or "jax", where a value, or what is in it, is an array of theirs; else empty."""
    if isinstance(value, dict):
        return next(filter(None, map(library_of, value.values())), "")
    if isinstance(value, list | tuple):
        return next(filter(None, map(library_of, value)), "")
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    if torch is not None and isinstance(value, torch.Tensor):
        return "torch"
    return "jax" if jax is not None and isinstance(value, jax.Array) else ""


def is_scalar_of(value: Any, loss: float, parameters: int) -> bool:
    """Whether a value is one number of a library, and can be the loss rather than a derivative."""
    if isinstance(value, dict | list | tuple) or int(np.prod(np.shape(value))) != 1:
        return False
    if getattr(value, "requires_grad", False) or parameters > 1:
        return True
    number = float(plain(value))
    return abs(number - loss) <= CHECKING.same_loss_narrow * max(abs(loss), abs(number))


def plain(value: Any) -> Any:
    """The same with NumPy arrays in place of those of a library."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(plain(part) for part in value) if type(value) in (list, tuple) else [
            plain(part) for part in value
        ]
    library = library_of(value)
    if library == "torch":
        value = value.detach().cpu().resolve_conj()
        return (value.float() if value.dtype.itemsize == 2 else value).numpy()
    if library == "jax":
        array = np.asarray(value)
        return array if array.dtype.kind in "fiub" else array.astype(np.float32)
    return value


def as_tensors(
    arguments: Mapping[str, Any], parameters: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments with float64 tensors in place of arrays of floats, and the parameters among them."""
    torch: Any = sys.modules["torch"]
    leaves: dict[str, Any] = {}

    def tensor(name: str, array: Any) -> Any:
        made = torch.tensor(np.asarray(array), dtype=torch.float64, requires_grad=name in parameters)
        if name in parameters:
            leaves[name] = made
        return made

    def whole(value: Any) -> Any:
        is_array = isinstance(value, np.ndarray) and value.dtype.kind in "iub"
        return torch.as_tensor(value) if is_array else value

    return map_arguments({name: whole(value) for name, value in arguments.items()}, tensor), leaves


def differentiate(
    library: str, function: Callable[..., Any], arguments: Mapping[str, Any], parameters: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """The loss, and its gradient by the parameters, as NumPy arrays.

    Parameters
    ----------
    library : "torch" or "jax"
    function : returns one number
    arguments : by name; NumPy arrays, or dicts and lists of them
    parameters : the arrays among them that are differentiated by

    Returns
    -------
    loss : array without axes, in the format in which it was computed
    gradients : dict of arrays
    """
    return (_by_torch if library == "torch" else _by_jax)(function, arguments, parameters)


def _by_torch(
    function: Callable[..., Any], arguments: Mapping[str, Any], parameters: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    torch: Any = sys.modules["torch"]
    given, leaves = as_tensors(arguments, parameters)
    loss = function(**given)
    found = torch.autograd.grad(loss.reshape(()), list(leaves.values()), allow_unused=True)
    pairs = zip(leaves.items(), found, strict=True)
    parts = {name: torch.zeros_like(leaf) if part is None else part for (name, leaf), part in pairs}
    return plain(loss).reshape(()), plain(parts)


def _by_jax(
    function: Callable[..., Any], arguments: Mapping[str, Any], parameters: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    jax: Any = sys.modules["jax"]

    def loss(moved: Mapping[str, Any]) -> Any:
        given = map_arguments(arguments, lambda leaf, array: moved.get(leaf, array))
        return function(**given).reshape(())

    leaves = arrays_by_name(arguments)
    start = {name: jax.numpy.asarray(np.asarray(leaves[name])) for name in parameters}
    value, found = jax.value_and_grad(loss)(start)
    return plain(value), {name: plain(found[name]) for name in parameters}
