"""Reads what `symbolic` of a primitive says. Gives Items: values, and what each is made of.

The Recorder is the namespace `s` of the table: arithmetic on its Handles adds items. Those that act
entry by entry are parts of formulas for SymPy; the others move, choose, add up or contract entries.
Knows nothing of SymPy, models and numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from operator import mul
from typing import Any

import numpy as np

from gradcheck_cli.derivatives.symbolic.sympy_names import FUNCTIONS
from gradcheck_cli.derivatives.symbolic.windows import places_back, places_of_windows
from gradcheck_cli.model.primitives.axes import axes_from_end, reduced
from gradcheck_cli.model.primitives.record import Axis, Shape
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.layout import Layout
from gradcheck_cli.numerics.limits.symbolic import SymbolicLimits

__all__ = ["CONSTANT", "WHOLE", "Handle", "Item", "Recorder"]

CONSTANT = ("constant", "integer", "pi")
# items that SymPy cannot look into
WHOLE = ("determinant", "inverse", "log_determinant", "cholesky", "eigenvalues")


@dataclass(frozen=True, slots=True)
class Item:
    """One value of the lowered program. `operation`: leaf, constant, a kernel's part or structural."""

    index: int
    operation: str
    arguments: tuple[int, ...]
    shape: Shape
    per_row: bool = False
    reduced: bool = False
    data: Any = None  # a leaf's name, a constant's decimal text, a pattern, a key
    source: int = -1  # the model's node it came from


# ---------------------------------------------------------------------------------------------
# Recording: what `symbolic` of a primitive says it is made of
# ---------------------------------------------------------------------------------------------


class Handle:
    """A value being recorded; arithmetic on it adds items."""

    __slots__ = ("index", "recorder")

    def __init__(self, recorder: Recorder, index: int) -> None:
        self.recorder = recorder
        self.index = index

    @property
    def item(self) -> Item:
        """The item behind it."""
        return self.recorder.items[self.index]

    @property
    def shape(self) -> Shape:
        """The value's shape."""
        return self.item.shape

    def __add__(self, other: Any) -> Handle:
        return self.recorder.entrywise("add", self, other)

    def __radd__(self, other: Any) -> Handle:
        return self.recorder.entrywise("add", other, self)

    def __sub__(self, other: Any) -> Handle:
        return self.recorder.entrywise("sub", self, other)

    def __rsub__(self, other: Any) -> Handle:
        return self.recorder.entrywise("sub", other, self)

    def __mul__(self, other: Any) -> Handle:
        return self.recorder.entrywise("mul", self, other)

    def __rmul__(self, other: Any) -> Handle:
        return self.recorder.entrywise("mul", other, self)

    def __truediv__(self, other: Any) -> Handle:
        return self.recorder.entrywise("div", self, other)

    def __rtruediv__(self, other: Any) -> Handle:
        return self.recorder.entrywise("div", other, self)

    def __neg__(self) -> Handle:
        return self.recorder.entrywise("neg", self)

    def __gt__(self, other: Any) -> Handle:
        return self.recorder.compare("gt", self, other)

    def __lt__(self, other: Any) -> Handle:
        return self.recorder.compare("lt", self, other)

    def __ge__(self, other: Any) -> Handle:
        return self.recorder.compare("ge", self, other)

    def __le__(self, other: Any) -> Handle:
        return self.recorder.compare("le", self, other)


class Recorder:
    """The namespace `s` of a primitive's `symbolic` field, but for what is made by elimination."""

    def __init__(self, limits: SymbolicLimits) -> None:
        self.items: list[Item] = []
        self.limits = limits
        self.source = -1

    def __getattr__(self, name: str) -> Callable[..., Handle]:
        if name not in FUNCTIONS:
            raise AttributeError(name)
        return lambda *arguments: self.entrywise(name, *arguments)

    def add(self, operation: str, handles: Sequence[Handle], shape: Shape, data: Any = None) -> Handle:
        """A new item made from others."""
        given = [h.item for h in handles]
        item = Item(
            len(self.items),
            operation,
            tuple(h.index for h in handles),
            shape,
            any(i.per_row for i in given) and operation != "over_rows",
            any(i.reduced for i in given) or operation == "over_rows",
            data,
            self.source,
        )
        self.items.append(item)
        return Handle(self, item.index)

    def lift(self, value: Any, shape: Shape = ()) -> Handle:
        """A handle for an exact integer of a formula; handles stay as they are."""
        return value if isinstance(value, Handle) else self.add("integer", (), shape, int(value))

    def entrywise(self, name: str, *arguments: Any) -> Handle:
        """A kernel's part."""
        handles = [self.lift(a) for a in arguments]
        shape = next((h.shape for h in handles if h.shape), ())
        return self.add(name, handles, shape)

    def structural(self, name: str, arguments: Sequence[Any], shape: Shape, data: Any = None) -> Handle:
        """An item between kernels."""
        return self.add(name, [self.lift(a, shape) for a in arguments], shape, data)

    def compare(self, how: str, a: Handle, b: Any) -> Handle:
        """1 where a comparison holds, else 0; a number is compared with every entry."""
        shape = a.shape or (b.shape if isinstance(b, Handle) else ())
        sides = [self.expand(h, shape) if h.shape != shape else h for h in (a, self.lift(b, shape))]
        return self.structural("compare", sides, shape, how)

    def number(self, value: float) -> Handle:
        """An opaque number: the shortest decimal that gives this double."""
        return self.decimal(repr(float(value)))

    def decimal(self, text: str) -> Handle:
        """An opaque number, by its decimal text."""
        return self.add("constant", (), (), text)

    def pow(self, a: Handle, b: Handle) -> Handle:
        """a^b; a small integer of the text stays an integer exponent."""
        exponent = self._constant(b)
        most = self.limits.largest_exponent
        if exponent is not None and exponent == int(exponent) and abs(exponent) <= most:
            return self.add("power", (a,), a.shape, int(exponent))
        return self.entrywise("pow", a, b)

    def _constant(self, handle: Handle) -> float | None:
        item = handle.item
        while item.operation == "expand":
            item = self.items[item.arguments[0]]
        value = float(item.data) if item.operation == "constant" else math.inf
        return value if abs(value) < self.limits.largest_constant else None

    def of_order(self, name: str, n: int, x: Handle) -> Handle:
        """A function with a whole number as its order: polygamma and the Bessel functions."""
        return self.add(name, (self.lift(x),), x.shape, n)

    def whole(self, rounding: str, x: Handle) -> Handle:
        """The floor, ceil or round of x: constant but where it jumps."""
        return self.structural("whole", (x,), x.shape, rounding)

    def root(self, x: Handle, n: int) -> Handle:
        """x^(1/n) for positive x."""
        return self.add("root", (self.lift(x),), x.shape, n)

    def select(self, condition: Handle, a: Any, b: Any) -> Handle:
        """a where the condition is not 0, else b."""
        shape = next(
            (h.shape for h in (condition, a, b) if isinstance(h, Handle) and h.shape), ()
        )
        return self.structural("select", (condition, a, b), shape)

    def copy(self, x: Handle) -> Handle:
        """The same value as an item of its own."""
        return self.structural("copy", (x,), x.shape)

    def contract(self, pattern: str, *arguments: Handle) -> Handle:
        """The einsum of the pattern."""
        inputs, output = pattern.split("->")
        sizes: dict[str, int] = {}
        for letters, handle in zip(inputs.split(","), arguments, strict=True):
            sizes.update(zip(letters, handle.shape, strict=True))
        return self.structural("contract", arguments, tuple(sizes[c] for c in output), pattern)

    def total(self, x: Handle, axis: Axis, keepdims: int | None = None) -> Handle:
        """The sum of all entries, or along axes, which stay with length 1."""
        return self._reduction("total", x, axis, keepdims)

    def _reduction(self, name: str, x: Handle, axis: Axis, keepdims: int | None) -> Handle:
        shape = reduced(x.shape, axis, None)
        found = self.structural(name, (x,), shape, (len(x.shape), axis))
        return self.reshape(found, reduced(x.shape, axis, keepdims))

    def product(self, x: Handle, axis: Axis, keepdims: int | None = None) -> Handle:
        """The product of all entries, or along axes, which stay with length 1: one half times the
        other half, and so on."""
        kept = x
        for along in axes_from_end(len(x.shape), axis):
            kept = self._product_by_halves(kept, len(x.shape) + along)
        if axis is None and not keepdims:
            return self.index(kept, (0,) * len(x.shape))
        return self.reshape(kept, reduced(x.shape, axis, keepdims))

    def _product_by_halves(self, x: Handle, axis: int) -> Handle:
        odd: list[Handle] = []
        while (n := x.shape[axis]) > 1:
            half = n // 2
            if n % 2:
                odd.append(self.part(x, axis, n - 1, n))
            x = self.part(x, axis, 0, half) * self.part(x, axis, half, 2 * half)
        for rest in odd:
            x = x * rest
        return x

    def part(self, x: Handle, axis: int, start: int, stop: int) -> Handle:
        """The entries from start to stop along an axis."""
        key = tuple(slice(start, stop) if k == axis else slice(None) for k in range(len(x.shape)))
        return self.index(x, key)

    def gather(self, x: Handle, places: Any, signs: Any, shape: Shape) -> Handle:
        """Entries of a vector by their places, times 1, -1 or 0, in another shape."""
        return self.structural("gather", (x,), shape, (np.array(places), np.array(signs), shape))

    def windows(self, x: Handle, layout: Layout) -> Handle:
        """The windows of images, a matrix for each group: a row for each image and window."""
        return self._entries(x, places_of_windows(layout))

    def windows_back(self, z: Handle, layout: Layout) -> Handle:
        """The entries of a result in whose window each entry of an image lies, a row for each of these."""
        return self._entries(z, places_back(layout))

    def _entries(self, x: Handle, places: Array) -> Handle:
        """Entries by their places in reading order, 0 at the place -1."""
        flat = places.reshape(-1)
        vector = self.reshape(x, (math.prod(x.shape),))
        return self.gather(vector, np.maximum(flat, 0), (flat >= 0).astype(int), places.shape)

    def flip(self, x: Handle, axes: Sequence[int]) -> Handle:
        """The order of the entries turned round along axes."""
        steps = (range(n)[::-1] if k in axes else range(n) for k, n in enumerate(x.shape))
        strides = [math.prod(x.shape[k + 1 :]) for k in range(len(x.shape))]
        places = [sum(map(mul, at, strides)) for at in product(*steps)]
        return self.gather(self.reshape(x, (len(places),)), places, [1] * len(places), x.shape)

    def sorted(self, x: Handle, along: int) -> Handle:
        """The entries along an axis, counted from the end, the smallest first."""
        return self.structural("sorted", (x,), x.shape, along)

    def lower(self, x: Handle) -> Handle:
        """A matrix with 0 above its diagonal."""
        return self.structural("lower", (x,), x.shape)

    def diagonal(self, x: Handle) -> Handle:
        """The diagonal of a square matrix."""
        return self.structural("diagonal", (x,), x.shape[:1])

    def on_diagonal(self, x: Handle) -> Handle:
        """The matrix with a vector on its diagonal, 0 elsewhere."""
        return self.structural("on_diagonal", (x,), (*x.shape, *x.shape))

    def largest(self, x: Handle, axis: Axis, keepdims: int | None = None) -> Handle:
        """The largest entry, or along axes, which stay with length 1."""
        return self._reduction("largest", x, axis, keepdims)

    def reshape(self, x: Handle, to: Shape) -> Handle:
        """The entries in another shape, in reading order."""
        return x if x.shape == to else self.structural("reshape", (x,), to, (len(x.shape), to))

    def permute(self, x: Handle, axes: Sequence[int]) -> Handle:
        """The axes in another order."""
        return self.structural("permute", (x,), tuple(x.shape[k] for k in axes), tuple(axes))

    def transpose(self, x: Handle) -> Handle:
        """The transpose; of a vector the row [1,n]."""
        shape = (1, *x.shape) if len(x.shape) == 1 else x.shape[::-1]
        return self.structural("transpose", (x,), shape, len(x.shape))

    def expand(self, x: Handle, to: Shape) -> Handle:
        """Repeated to a larger shape."""
        return self.structural("expand", (x,), to, (len(x.shape), to))

    def index(self, x: Handle, key: tuple[Any, ...]) -> Handle:
        """An entry or slice."""
        shape = tuple(
            len(range(n)[k]) for k, n in zip(key, x.shape, strict=True) if isinstance(k, slice)
        )
        return self.structural("index", (x,), shape, key)

    def take(self, x: Handle, chosen: Sequence[Handle], key: tuple[Any, ...]) -> Handle:
        """Entries at a key in which whole numbers that are computed stand for None."""
        axes = [k for k, part in enumerate(key) if not isinstance(part, slice)]
        along = max((c.shape for c in chosen), key=len)
        shape = (*x.shape[: axes[0]], *along, *x.shape[axes[-1] + 1 :])
        return self.structural("take", (x, *chosen), shape, key)

    def one_hot(self, y: Handle, count: int) -> Handle:
        """1 at the places y of a new last axis, 0 elsewhere."""
        return self.structural("one_hot", (y,), (*y.shape, count), count)

    def stack(self, xs: Sequence[Handle], axis: int = 0) -> Handle:
        """Numbers to a vector, vectors to the rows of a matrix; `axis`: the new one."""
        inner = xs[0].shape
        shape = (*inner[:axis], len(xs), *inner[axis:])
        return self.structural("stack", xs, shape, axis - len(shape))

    def concat(self, xs: Sequence[Handle], axis: int) -> Handle:
        """Arrays one behind the other along an axis."""
        shape = list(xs[0].shape)
        shape[axis] = sum(x.shape[axis] for x in xs)
        return self.structural("concat", xs, tuple(shape), axis - len(shape))

    def over_rows(self, x: Handle) -> Handle:
        """The sum over the rows."""
        return self.structural("over_rows", (x,), x.shape)

    def cumulated(self, x: Handle, axis: int, *, product: bool) -> Handle:
        """The sums, or products, of the first 1, 2, ... entries along an axis: those of 1, 2, 4, ... entries
        side by side are joined (Hillis and Steele 1986)."""
        n, reach = x.shape[axis], 1
        while reach < n:
            lead = tuple(reach if k == axis else m for k, m in enumerate(x.shape))
            nothing = self.expand(self.lift(int(product)), lead)
            before = self.concat([nothing, self.part(x, axis, 0, n - reach)], axis)
            x = x * before if product else x + before
            reach *= 2
        return x
