"""Reads what a program does with an array. Gives an array that looks like NumPy's and records it.

Operators, methods, indices and NumPy's two protocols lead to one table, numpy_operations. What is computed of
values that move with no parameter is computed at once. Knows nothing of the language of model files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.tracing import TRACING
from gradcheck_cli.tracing.recording import Recording
from gradcheck_cli.tracing.traced_nodes import TracedNode, constant

__all__ = ["Recorded", "fixed", "node_of", "plain"]


class Recorded:
    """An array of a traced program; `+=` and `x[i] = y` exchange its node, as NumPy does its entries."""

    __array_priority__ = TRACING.priority

    def __init__(self, node: TracedNode, recording: Recording) -> None:
        self._node, self.recording = node, recording
        self._whole: tuple[Recorded, Callable[[Any], Any]] | None = None  # of a view, and how it is read
        self._changes, self._seen = [0], 0  # of an array with all its views

    # -- views: what is written to one is read in all others ------------------------------------------

    @property
    def node(self) -> TracedNode:
        """What the array is now."""
        if self._seen != self._changes[0]:
            for view in reversed(self._wholes()):
                if view._whole is not None:
                    whole, read = view._whole
                    found = read(Recorded(whole._node, self.recording))
                    view._node = node_of(found) or constant(found)
                view._seen = self._changes[0]
        return self._node

    @node.setter
    def node(self, node: TracedNode) -> None:
        from gradcheck_cli.tracing.indexing import with_part

        self._node = node
        self._changes[0] += 1
        *views, whole = self._wholes()
        if views:
            reads = [view._whole[1] for view in reversed(views) if view._whole is not None]
            whole._node = with_part(Recorded(whole._node, self.recording), reads, node)
        self._seen = whole._seen = self._changes[0]

    def _wholes(self) -> list[Recorded]:
        """This array, what it is a view of, and so on."""
        found = [self]
        while (whole := found[-1]._whole) is not None:
            found.append(whole[0])
        return found

    def show(self, view: Recorded, read: Callable[[Any], Any]) -> None:
        """Note a view of this array.

        Parameters
        ----------
        view : what shares its entries
        read : gives the view of an array
        """
        view._whole, view._changes, view._seen = (self, read), self._changes, self._changes[0]

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # isinstance(x, np.ndarray) is what programs ask
        return np.ndarray

    # -- NumPy's protocols --------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """A ufunc, or one of its methods."""
        from gradcheck_cli.tracing.numpy_operations import apply_ufunc

        return apply_ufunc(self.recording, ufunc, method, inputs, options)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        """Any other function of NumPy."""
        return self._call(function.__name__, function, *args, **kwargs)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        """The plain numbers."""
        return np.array(self._plain("a plain array"), dtype=dtype)

    def _call(self, name: str, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        from gradcheck_cli.tracing.numpy_operations import apply

        return apply(self.recording, name, function, args, options)

    def _plain(self, what: str) -> Array:
        if self.node.depends:
            self.recording.leak(what)
        return self.node.value

    # -- what an array is ---------------------------------------------------------------------------

    shape = property(lambda self: self.node.value.shape)
    ndim = property(lambda self: self.node.value.ndim)
    size = property(lambda self: self.node.value.size)
    dtype = property(lambda self: self.node.value.dtype)
    itemsize = property(lambda self: self.node.value.itemsize)
    nbytes = property(lambda self: self.node.value.nbytes)
    real = property(lambda self: self)
    imag = property(lambda self: fixed(np.zeros(self.shape), self.recording))

    @property
    def T(self) -> Any:
        """The transpose."""
        return self._call("transpose", np.transpose, self)

    @property
    def flat(self) -> Any:
        """The entries in reading order."""
        return self.reshape(-1)

    def __len__(self) -> int:
        return len(self.node.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __repr__(self) -> str:
        return repr(self.node.value)

    def __str__(self) -> str:
        return str(self.node.value)

    def __format__(self, spec: str) -> str:
        value = self.node.value
        return format(value.item() if not value.ndim else value, spec)

    # -- plain numbers ------------------------------------------------------------------------------

    def __float__(self) -> float:
        return float(self._plain("float(...)"))

    def __int__(self) -> int:
        return int(self._plain("int(...)"))

    def __index__(self) -> int:
        return int(self._plain("an index"))

    def __complex__(self) -> complex:
        return complex(self._plain("complex(...)"))

    def __bool__(self) -> bool:
        return bool(self._plain("a branch"))

    def tolist(self) -> Any:
        """Plain lists, of what moves with no parameter; else of recorded numbers."""
        if not self.node.depends:
            return self.node.value.tolist()
        return [each.tolist() if each.ndim else each for each in self] if self.ndim else self

    def item(self, *index: int) -> Any:
        """One entry."""
        return self.reshape(-1)[index[0] if index else 0] if len(index) < 2 else self[index]

    # -- entries ------------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Any:
        from gradcheck_cli.tracing.indexing import entries

        found = entries(self, key)
        parts = key if isinstance(key, tuple) else (key,)
        is_basic = all(part is None or part is Ellipsis or isinstance(part, int | slice) for part in parts)
        if is_basic and type(found) is Recorded and found.ndim:
            self.show(found, lambda array: array[key])
        return found

    def __setitem__(self, key: Any, value: Any) -> None:
        from gradcheck_cli.tracing.indexing import put

        self.node = put(self, key, value)

    def fill(self, value: Any) -> None:
        """All entries alike."""
        self[...] = value

    # -- copies and shapes --------------------------------------------------------------------------

    def copy(self, order: str = "C") -> Any:
        """The same values in another array."""
        return Recorded(self.node, self.recording)

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def astype(self, dtype: Any, **options: Any) -> Any:
        """The same numbers; truth values as 0 and 1; other whole numbers are plain."""
        kind = np.dtype(dtype).kind
        if kind in "fc":
            return self.copy()
        if kind in "iu" and self.dtype == bool and self.node.depends:
            return self._call("multiply", np.multiply, self, 1)
        found = self._plain(f"astype({np.dtype(dtype).name})").astype(dtype, **options)
        return fixed(found, self.recording)

    def view(self, *given: Any) -> Any:
        """The same array; as an array of another class, or its bits read as others, it is not traced."""
        if given:
            raise self.recording.error("an array that moves, seen as another type, is not traced")
        return self

    def conjugate(self) -> Any:
        """The same numbers, which are real."""
        return self

    conj = conjugate

    def sort(self, axis: int = -1) -> None:
        """In place."""
        self.node = self._call("sort", np.sort, self, axis).node

    def __getattr__(self, name: str) -> Any:
        """What else an array has is that of the plain numbers."""
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"'numpy.ndarray' object has no attribute '{name}'")
        return getattr(self._plain(f".{name}"), name)

    def __round__(self, ndigits: int | None = None) -> Any:
        return self._call("round", np.round, self, ndigits or 0)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        """In another shape."""
        wanted = shape[0] if len(shape) == 1 else shape
        return self._call("reshape", np.reshape, self, wanted, order=order)

    def transpose(self, *axes: Any) -> Any:
        """With its axes in another order."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return self._call("transpose", np.transpose, self, order or None)

    def flatten(self, order: str = "C") -> Any:
        """A copy of the entries in reading order."""
        return self._call("ravel", np.ravel, self, order=order).copy()

    def dot(self, other: Any) -> Any:
        """The product with another array."""
        return self._call("dot", np.dot, self, other)


def _method(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Recorded, *args: Any, **options: Any) -> Any:
        return self._call(name, function, self, *args, **options)

    return method


for _name in (
    "all", "any", "argmax", "argmin", "argsort", "clip", "cumprod", "cumsum", "diagonal", "max", "mean",
    "min", "prod", "ravel", "repeat", "round", "squeeze", "std", "sum", "swapaxes", "take", "trace", "var",
):  # fmt: skip
    setattr(Recorded, _name, _method(_name, getattr(np, _name)))

_OPERATORS = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide, "pow": np.power,
    "matmul": np.matmul, "floordiv": np.floor_divide, "mod": np.mod, "and": np.bitwise_and,
    "or": np.bitwise_or, "xor": np.bitwise_xor,
}  # fmt: skip
_COMPARISONS = {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal,
    "ne": np.not_equal,
}  # fmt: skip
_SIGNS = {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}


def _operator(ufunc: Any, swapped: bool) -> Callable[..., Any]:
    def operator(self: Recorded, other: Any) -> Any:
        if other is None or isinstance(other, str):
            return NotImplemented
        if hasattr(other, "toarray"):  # of a sparse matrix
            other = fixed(other.toarray(), self.recording)
        pair = (other, self) if swapped else (self, other)
        return self.__array_ufunc__(ufunc, "__call__", *pair)

    return operator


def _in_place(ufunc: Any) -> Callable[..., Any]:
    def operator(self: Recorded, other: Any) -> Any:
        found = self.__array_ufunc__(ufunc, "__call__", self, other)
        self.node = node_of(found) or constant(found)
        return self

    return operator


def _sign(ufunc: Any) -> Callable[..., Any]:
    return lambda self: self.__array_ufunc__(ufunc, "__call__", self)


for _name, _ufunc in _OPERATORS.items():
    setattr(Recorded, f"__{_name}__", _operator(_ufunc, False))
    setattr(Recorded, f"__r{_name}__", _operator(_ufunc, True))
    setattr(Recorded, f"__i{_name}__", _in_place(_ufunc))
for _name, _ufunc in _COMPARISONS.items():
    setattr(Recorded, f"__{_name}__", _operator(_ufunc, False))
for _name, _ufunc in _SIGNS.items():
    setattr(Recorded, f"__{_name}__", _sign(_ufunc))


def node_of(value: Any) -> TracedNode | None:
    """The node of a recorded array, None of anything else."""
    return value.node if type(value) is Recorded else None


def fixed(value: Any, recording: Recording, name: str = "") -> Any:
    """What moves with no parameter: arrays and floats of NumPy record, so that products with what moves do;
    whole numbers stay plain, for they count and choose."""
    if not isinstance(value, np.ndarray | np.generic) or value.dtype.kind not in "fiub":
        return value
    is_array = np.ndim(value) > 0 or value.dtype.kind == "f"
    return Recorded(constant(value, name), recording) if is_array else value


def plain(value: Any) -> Any:
    """Lists, tuples and dicts with plain numbers in place of recorded arrays."""
    if type(value) is Recorded:
        return value.node.value
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    if type(value) is dict:
        return {key: plain(each) for key, each in value.items()}
    return value

