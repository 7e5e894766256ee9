"""Reads expressions. Gives those of arrays: transposes, products, entries, sums, contractions.

Knows nothing of models, and not how a formula is written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import Any

from gradcheck_cli.formulas.scalar_algebra import ScalarAlgebra
from gradcheck_cli.model.graph import spell_listed
from gradcheck_cli.model.primitives.record import Shape

__all__ = ["Algebra", "is_full", "spell_axis"]


class Algebra(ScalarAlgebra):
    """Expressions of numbers and of arrays."""

    def transpose(self, e: int) -> int:
        """The transpose; of a vector the row [1,n]."""
        form = self.forms[e]
        if not form.shape:
            return e
        if form.operation == "transpose" and len(self.shape(form.arguments[0])) == 2:
            return form.arguments[0]
        shape = (1, *form.shape) if len(form.shape) == 1 else form.shape[::-1]
        return self.make("transpose", (e,), None, shape)

    def transpose_derived(self, e: int) -> int:
        """The transpose of what was derived: (A @ B)' is B' @ A', (2*A)' is 2*A'."""
        form = self.forms[e]
        if form.operation == "matmul" and all(len(self.shape(a)) == 2 for a in form.arguments):
            left, right = form.arguments
            return self.matmul(self.transpose_derived(right), self.transpose_derived(left))
        arrays = [a for a in form.arguments if self.shape(a)]
        if form.operation == "product" and len(arrays) == 1:
            coefficient, powers = form.data
            factors = (self.transpose(a) if a in arrays else a for a in form.arguments)
            return self._product(coefficient, dict(zip(factors, powers, strict=True)))
        return self.transpose(e)

    def permute(self, e: int, axes: Sequence[int]) -> int:
        """The axes in another order."""
        shape = self.shape(e)
        if len(shape) < len(axes) or tuple(axes) == tuple(range(len(axes))):
            return e
        to = tuple(shape[k] for k in axes)
        return self.call("transpose", e, shape=to, more=spell_listed(axes))

    def reshape(self, e: int, shape: Shape) -> int:
        """The entries in another shape; one number for all of them stays one. What was reshaped before is
        reshaped once, and a sum drops its axes of length 1."""
        form = self.forms[e]
        if form.shape in ((), shape):
            return e
        function, more = form.data if form.operation == "call" else ("", "")
        if function == "reshape":
            return self.reshape(form.arguments[0], shape)
        if function == "sum" and _dropped(form.shape, more) == shape:
            return self.call("sum", *form.arguments, shape=shape, more=f"{more}, keepdims=0")
        return self.call("reshape", e, shape=shape, more=spell_listed(shape))

    def index(self, e: int, key: tuple[Any, ...]) -> int:
        """An entry or slice of it, or of what it repeats."""
        form = self.forms[e]
        if len(form.shape) < len(key):
            return e
        if form.operation == "transpose" and len(key) == 2 and key[0] == 0 and is_full(key[1]):
            inner = form.arguments[0]
            if len(self.shape(inner)) == 1:
                return inner
        shape = tuple(
            len(range(n)[k]) for k, n in zip(key, form.shape, strict=True) if isinstance(k, slice)
        )
        return self.make("index", (e,), _spell_key(key), shape)

    def stack(self, entries: Sequence[int]) -> int:
        """Numbers to a vector, vectors to the rows of a matrix."""
        inner = self.broadcast_shape(map(self.shape, entries))
        return self.make("stack", entries, None, (len(entries), *inner))

    def ones(self, shape: Shape) -> int:
        """An array of ones: written out if it is small."""
        if not shape:
            return self.one
        if prod(shape) <= self.limits.written_entries and len(shape) <= 2:
            return self._filled(self.one, shape)
        return self.call("ones", *map(self.number, shape), shape=shape)

    def _filled(self, e: int, shape: Shape) -> int:
        """One number for all entries, written out."""
        for n in reversed(shape):
            e = self.stack([e] * n)
        return e

    def eye(self, n: int) -> int:
        """The identity matrix."""
        return self.call("eye", self.number(n), shape=(n, n))

    def fit(self, e: int, shape: Shape) -> int:
        """The expression in its full shape."""
        if self.shape(e) == shape:
            return e
        if e == self.zero and prod(shape) <= self.limits.written_entries and len(shape) <= 2:
            return self._filled(e, shape)
        return self.make("product", *self._merge_repeated(e, shape))

    def full_or_number(self, e: int, shape: Shape) -> int:
        """The expression in its full shape, or the number that all its entries are."""
        return self.fit(e, shape) if self.shape(e) else e

    def _merge_repeated(self, e: int, shape: Shape) -> tuple[tuple[int, ...], Any, Shape]:
        coefficient, powers = self.parts(e)
        kept = {**dict(powers), self.ones(shape): 1}
        return tuple(kept), (coefficient, tuple(kept.values())), shape

    def matmul(self, a: int, b: int) -> int:
        """The matrix product."""
        left, right = self.shape(a), self.shape(b)
        shape = (left[0], right[1]) if len(right) == 2 else (left[0],)
        return self.make("matmul", (a, b), None, shape)

    def total_apart(self, e: int, shape: Shape, small: Shape) -> int:
        """`total` with what is the same in all copies in front of the sum."""
        coefficient, powers = self.parts(e)
        lag = len(shape) - len(small)
        summed = [k - len(shape) for k, n in enumerate(shape) if k < lag or n != small[k - lag]]
        same = {b: p for b, p in powers if all(self._is_repeated(b, k) for k in summed)}
        inner = self._product(1, {b: p for b, p in powers if b not in same})
        if self.broadcast_shape((self.shape(inner), small)) != self.broadcast_shape((self.shape(e), small)):
            return self.total(e, shape, small)
        return self.times(self._product(coefficient, same), self.total(inner, shape, small))

    def _is_repeated(self, e: int, axis: int) -> bool:
        shape = self.shape(e)
        return len(shape) < -axis or shape[axis] == 1

    def total(self, e: int, shape: Shape, small: Shape) -> int:
        """What comes back through a repetition from `small` to `shape`: the sum of all copies."""
        given = self.shape(e)
        given = (1,) * (len(shape) - len(given)) + given
        if len(shape) > 2:
            e = self.reshape(e, given)
        target = (1,) * (len(shape) - len(small)) + small
        axes = [k for k, (n, t) in enumerate(zip(shape, target, strict=True)) if n != t]
        copies = prod(shape[k] for k in axes if given[k] == 1)
        axes = [k for k in axes if given[k] != 1]
        if len(axes) == 1 and self.forms[e].operation == "call" and self.forms[e].data[0] == "eye":
            return self.times(self.number(copies), self.one)  # each row has one 1
        if axes and (not small or len(axes) == len(shape)):
            e = self._sum(e, (), "")
        elif axes:
            kept = tuple(1 if k in axes else n for k, n in enumerate(given))
            e = self._sum(e, kept, spell_axis(axes))
        if len(small) == 1 and len(self.shape(e)) == 2:
            e = self.index(e, (0, slice(None)))
        elif small and len(self.shape(e)) > len(small):
            e = self.reshape(e, self.shape(e)[len(self.shape(e)) - len(small) :])
        return e if copies == 1 else self.times(self.number(copies), e)

    def _sum(self, e: int, shape: Shape, more: str) -> int:
        """The sum over entries, single numbers in front of it: -sum(c*g)/s^2, not sum(-c/s^2*g)."""
        coefficient, powers = self.parts(e)
        same = {base: power for base, power in powers if not self.shape(base)}
        rest = self._product(1, {base: power for base, power in powers if base not in same})
        return self.times(
            self._product(coefficient, same), self.call("sum", rest, shape=shape, more=more)
        )

    def contract(self, a: tuple[str, int], b: tuple[str, int], out: str) -> int:
        """The einsum of two arrays as the matrix product a textbook writes."""
        if self.zero in (a[1], b[1]):
            return self.zero
        (x_letters, x), (y_letters, y) = self._lone(a, b[0] + out), self._lone(b, a[0] + out)
        present = "".join(c for c in out if c in x_letters + y_letters)
        if present != out:
            return self.transpose_derived(self.contract((x_letters, x), (y_letters, y), present))
        summed = [c for c in x_letters if c in y_letters and c not in out]
        if not x_letters or not y_letters or x_letters == y_letters == out:
            return self.times(x, y)
        if not summed:
            left, right = (x, y) if out == x_letters + y_letters else (y, x)
            return self.matmul(left, self.transpose(right))
        if len(x_letters) == len(y_letters) == 1:
            return self.call("dot", x, y, shape=())
        if len(summed) == 2:
            return self.call("sum", self.times(x, y), shape=())
        rest = [letters.replace(summed[0], "") for letters in (y_letters, x_letters)]
        if len(x_letters) == 1 or (all(rest) and out == "".join(rest)):
            (x_letters, x), (y_letters, y) = (y_letters, y), (x_letters, x)
        left = x if x_letters.endswith(summed[0]) else self.transpose(x)
        right = y if y_letters.startswith(summed[0]) else self.transpose(y)
        return self.matmul(left, right)

    def _lone(self, given: tuple[str, int], others: str) -> tuple[str, int]:
        """A letter that stands nowhere else is an axis of length 1."""
        letters, e = given
        lone = [c for c in letters if c not in others]
        if not lone:
            return given
        key = tuple(0 if c in lone else slice(None) for c in letters)
        return "".join(c for c in letters if c not in lone), self.index(e, key)


def is_full(part: Any) -> bool:
    """Whether an index part takes everything along its axis."""
    return isinstance(part, slice) and part.start is None and part.stop is None


def spell_axis(axes: Sequence[int]) -> str:
    """The keyword of a sum along axes: `axis=1`, `axis=(0, 2)`."""
    return f"axis={spell_listed(axes)}"


def _dropped(shape: Shape, more: str) -> Shape | None:
    """The shape of a sum without the axes that it runs along, which stay with length 1; None where `more`
    names none, or says what becomes of them."""
    axes = re.fullmatch(r"axis=\(?([0-9, ]+)\)?", more)
    summed = {int(k) for k in axes[1].split(",")} if axes else set()
    return tuple(n for k, n in enumerate(shape) if k not in summed) if axes else None


def _spell_key(key: tuple[Any, ...]) -> str:
    return ",".join(str(k) if isinstance(k, int) else _spell_slice(k) for k in key)


def _spell_slice(part: slice) -> str:
    start, stop = part.start, part.stop
    return f"{'' if start is None else start}:{'' if stop is None else stop}"
