"""Reads the calls that reach torch while a program runs. Gives each tensor an array that records.

They are the operations that `make_fx` writes down, each at its line, with its numbers at hand. What an
operation gives is compared with what the table says of it. Knows nothing of single operations.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch._C._functorch import is_functorch_wrapped_tensor
from torch.utils._python_dispatch import TorchDispatchMode

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.tracing import TRACING, TracingLimits
from gradcheck_cli.tracing.frameworks.framework import leaves
from gradcheck_cli.tracing.frameworks.moved_entries import filled
from gradcheck_cli.tracing.frameworks.torch_call import Call
from gradcheck_cli.tracing.frameworks.torch_operations import MOVES, OPERATIONS, RANDOM, SHAPES, TAKEN
from gradcheck_cli.tracing.new_nodes import moves
from gradcheck_cli.tracing.recorded_array import Recorded, plain
from gradcheck_cli.tracing.recording import Recording
from gradcheck_cli.tracing.replay import DRAWN
from gradcheck_cli.tracing.traced_nodes import constant

__all__ = ["Calls"]

_TAKES_NUMBERS = {name: getattr(torch.Tensor, name) for name in ("numpy", "__array__", "tolist")}


class Calls(TorchDispatchMode):  # type: ignore[misc]
    """What a program asks of torch, while it runs."""

    def __init__(self, recording: Recording, files: Collection[str], limits: TracingLimits = TRACING) -> None:
        super().__init__()
        self.recording, self._files, self._limits = recording, files, limits
        self._known: dict[Any, Recorded] = {}  # a tensor is a key by itself, not by its numbers
        self._families: dict[int, list[Any]] = {}  # tensors of one storage

    @contextmanager
    def plain_numbers(self) -> Iterator[None]:
        """Note where a program takes numbers out of torch."""

        def noting(name: str) -> Any:
            def taken(tensor: Any, *args: Any, **options: Any) -> Any:
                found = self._found(tensor)
                if found is not None and found.node.depends:
                    self.recording.leak(f"{name} of a tensor")
                return _TAKES_NUMBERS[name](tensor, *args, **options)

            return taken

        for name in _TAKES_NUMBERS:
            setattr(torch.Tensor, name, noting(name))
        try:
            yield
        finally:
            for name, own in _TAKES_NUMBERS.items():
                setattr(torch.Tensor, name, own)

    # -- tensors ------------------------------------------------------------------------------------

    def tensor_of(self, array: Recorded) -> Any:
        """A tensor with the numbers of an array."""
        found = torch.tensor(plain(array))
        self._know(found, array)
        return found

    def array_of(self, tensor: Any) -> Any:
        """The array of a tensor; a constant, if nothing of it moves."""
        found = self._found(tensor)
        numbers = _numbers(tensor)
        if found is None:
            return numbers if numbers.dtype.kind in "iub" else Recorded(constant(numbers), self.recording)
        if not self._same(plain(found), numbers):
            if found.node.depends:
                raise self.recording.error(
                    "a tensor was changed through another, and that is not traced", "clone() before it"
                )
            return Recorded(constant(numbers), self.recording)
        return found

    def _found(self, tensor: Any) -> Recorded | None:
        known = self._known.get(tensor)
        if known is not None:
            return known
        for other in self._families.get(_storage(tensor), ()):
            if _lie(other) == _lie(tensor) and other in self._known:
                return self._known[other]
        return None

    def _know(self, tensor: Any, array: Any) -> None:
        is_whole = not (tensor.dtype.is_floating_point or tensor.dtype is torch.bool)
        if type(array) is Recorded and (array.node.depends or not is_whole):
            self._known[tensor] = array

    def _keep(self, tensor: Any) -> None:
        family = self._families.setdefault(_storage(tensor), [])
        if not any(each is tensor for each in family):
            family.append(tensor)

    def name(self, name: str, held: Any, file: str, line: int) -> None:
        """Note the name of a variable."""
        if isinstance(held, torch.Tensor) and name and not is_functorch_wrapped_tensor(held):
            with torch._C._DisableTorchDispatch():
                self._name(name, held)

    def _name(self, name: str, held: Any) -> None:
        found = self._found(held)
        if found is not None and found.node not in self.recording.names and not found.node.is_leaf:
            self.recording.give_name(found.node, name)
        if held.dtype is torch.int64:
            self.recording.name_whole(_numbers(held), name)

    # -- calls --------------------------------------------------------------------------------------

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """One call, and what it computes of arrays that record."""
        options = kwargs or {}
        name = func._schema.name.partition("::")[2]
        tensors = [each for each in leaves((args, options)) if isinstance(each, torch.Tensor)]
        for each in tensors:
            self._keep(each)
        arrays = self._arrays((args, options))
        moving = any(moves(each) for each in leaves(arrays))
        is_change = func._schema.is_mutable and name.endswith("_") and not name.startswith("_")
        changed = args[0] if is_change else None
        named = self._found(tensors[0]) is not None if tensors and name in MOVES else False
        if torch.Tag.nondeterministic_seeded in func.tags:
            self.recording.leak(DRAWN)
        if name in SHAPES or not (moving or named):
            return self._result(func(*args, **options))
        if name in TAKEN and moving:
            self._leak(TAKEN[name], tensors[0])
            return self._result(func(*args, **options))
        operation = name.rstrip("_") if changed is not None else name
        if operation in OPERATIONS or operation in MOVES:
            before = None if changed is None else self._keep_family(changed)
            built = self._built(func, operation, arrays, args, options)
            result = self._result(func(*args, **options))
            if changed is not None:
                self._change(changed, built[0], before or [])
            else:
                self._tell(func, result, built)
            return result
        return self._decomposed(func, name, args, options)

    def _arrays(self, value: Any) -> Any:
        """Arguments with arrays in place of tensors."""
        if isinstance(value, torch.Tensor):
            return self.array_of(value)
        if isinstance(value, list | tuple):
            return type(value)(map(self._arrays, value))
        return {key: self._arrays(each) for key, each in value.items()} if isinstance(value, dict) else value

    def _result(self, result: Any) -> Any:
        for each in leaves(result):
            if isinstance(each, torch.Tensor):
                self._keep(each)
        return result

    def _built(self, func: Any, name: str, arrays: Any, args: Any, options: Any) -> list[Any]:
        call = Call(self.recording, func, args, options)
        try:
            found = (OPERATIONS.get(name) or call.moved)(call, *arrays[0], **arrays[1])
        except (TypeError, ValueError, IndexError, np.linalg.LinAlgError) as error:
            raise self.recording.error(f"this form of torch's {name} is not traced: {error}") from error
        return list(found) if isinstance(found, list | tuple) else [found]

    def _tell(self, func: Any, result: Any, built: list[Any]) -> None:
        """What was computed belongs to the tensors that torch gave, if the numbers are the same."""
        for tensor, array in zip(leaves(result), built, strict=False):
            if array is None or not isinstance(tensor, torch.Tensor):
                continue
            if not self._same(plain(array), _numbers(tensor)):
                raise self.recording.error(f"torch's {func} gives other numbers than the model has for it")
            self._know(tensor, array)

    def _decomposed(self, func: Any, name: str, args: Any, options: Any) -> Any:
        """An operation that torch itself writes in others."""
        if name in RANDOM:
            help_text = "net.eval(), or draw them at the point"
            raise self.recording.error(f"{name} draws random numbers", help_text)
        from torch._decomp import decomposition_table

        function = decomposition_table.get(func)
        with self:
            found = NotImplemented if function is None else function(*args, **options)
            if found is NotImplemented:
                found = func.decompose(*args, **options)
        if found is NotImplemented:
            raise self.recording.error(
                f"torch's {name} is not traced",
                "write it with functions that gradcheck functions lists, or compare numbers",
            )
        return found

    def _leak(self, what: str, tensor: Any) -> None:
        """What is asked by the program itself; torch's checks of its arguments change nothing."""
        frame: Any = sys._getframe(2)
        while frame is not None and "torch/_" in frame.f_code.co_filename.replace("\\", "/"):
            frame = frame.f_back
        is_own = frame is not None and frame.f_code.co_filename in self._files
        number = what == "a branch" and tensor.dtype is not torch.bool
        self.recording.leak(("a number" if number else what) if is_own else "a check of torch")

    # -- changes in place ---------------------------------------------------------------------------

    def _keep_family(self, tensor: Any) -> list[tuple[Any, Any]]:
        """The tensors that show the same numbers, and what they are before one is changed."""
        family = self._families.get(_storage(tensor), ())
        others = (each for each in family if each is not tensor and each.dtype == tensor.dtype)
        return [(each, self.array_of(each)) for each in others]

    def _change(self, tensor: Any, array: Any, family: list[tuple[Any, Any]]) -> None:
        """A tensor has other numbers, and with it all that show them."""
        array = array if type(array) is Recorded else Recorded(constant(array), self.recording)
        array = array if array.shape == tuple(tensor.shape) else array + np.zeros(tuple(tensor.shape))
        self._know(tensor, array)
        own = _places(tensor)
        number = dict(zip(own.reshape(-1).tolist(), range(own.size), strict=True))
        for other, before in family:
            there = np.array([number.get(p, -1) for p in _places(other).reshape(-1).tolist()], dtype=int)
            if np.any(there >= 0):
                size = there.size
                places = np.where(there >= 0, size + there, np.arange(size)).reshape(tuple(other.shape))
                self._know(other, filled(self.recording, before, array, places))
        if not self._same(plain(array), _numbers(tensor)):
            raise self.recording.error("torch gives other numbers than the model has for this change")

    def _same(self, ours: Any, theirs: Array) -> bool:
        ours = np.asarray(ours)
        if ours.shape != theirs.shape:
            return False
        return bool(np.allclose(ours, theirs, self._limits.same_call, self._limits.same_call, equal_nan=True))


def _numbers(tensor: Any) -> Array:
    with torch._C._DisableTorchDispatch():
        return np.array(_TAKES_NUMBERS["numpy"](tensor.detach().resolve_neg().resolve_conj()))


def _storage(tensor: Any) -> int:
    return int(tensor.untyped_storage()._cdata)


def _lie(tensor: Any) -> tuple[Any, ...]:
    return tuple(tensor.shape), tensor.stride(), tensor.storage_offset(), tensor.dtype


def _places(tensor: Any) -> Array:
    """Where in the storage each entry lies."""
    found = np.full(tuple(tensor.shape), tensor.storage_offset(), dtype=int)
    for axis, (n, step) in enumerate(zip(tensor.shape, tensor.stride(), strict=True)):
        found += (np.arange(n) * step).reshape((n,) + (1,) * (tensor.ndim - axis - 1))
    return found
