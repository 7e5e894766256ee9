"""Reads a network. Gives one forward and one backward pass in some arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from gradcheck_cli.initialization.architectures import Network

__all__ = ["Pass"]

V = TypeVar("V")


class _Arithmetic(Protocol[V]):
    """Operations on values V, arrays (networks, units, columns) in some form."""

    def affine(self, k: int, x: V) -> V: ...  # b_k + W_k x
    def multiply_transposed(self, k: int, x: V) -> V: ...  # W_k^T x
    def activate(self, x: V) -> tuple[V, V]: ...  # phi(x), phi'(x)
    def sum(self, x: V, y: V) -> V: ...
    def times(self, x: V, y: V) -> V: ...
    def scale(self, s: float, x: V) -> V: ...
    def normalize(self, x: V) -> tuple[V, V]: ...  # LN(x) and the standard deviation of x
    def through_norm(self, adjoint: V, normal: V, sd: V) -> V: ...
    def loss_adjoint(self, f: V) -> V: ...  # dl/df_K


@dataclass
class Pass(Generic[V]):
    """Forward and backward pass through the architectures of architectures.py.

    `see` is shown h_k, f_k, what W_k multiplies (g), dl/dh_k (dh) and dl/df_k (df) as they come.
    """

    network: Network
    arithmetic: _Arithmetic[V]
    see: Callable[[str, int, V], None]
    _slopes: dict[int, V] = field(default_factory=dict)
    _norms: dict[int, tuple[V, V]] = field(default_factory=dict)

    def run(self, h: V) -> None:
        """From h_0 to f_K and back to dl/dh_0."""
        depth = self.network.depth
        step, back = (
            (self._plain, self._plain_back)
            if self.network.architecture == "mlp"
            else (self._residual, self._residual_back)
        )
        for k in range(depth):
            self.see("h", k, h)
            h = step(k, h)
        self.see("h", depth, h)
        adjoint = self._plain_back(depth, self.arithmetic.loss_adjoint(self._affine(depth, h)))
        self.see("dh", depth, adjoint)
        for k in reversed(range(depth)):
            adjoint = back(k, adjoint)
            self.see("dh", k, adjoint)

    def _affine(self, k: int, g: V) -> V:
        self.see("g", k, g)
        f = self.arithmetic.affine(k, g)
        self.see("f", k, f)
        return f

    def _plain(self, k: int, h: V) -> V:
        h, self._slopes[k] = self.arithmetic.activate(self._affine(k, h))
        return h

    def _plain_back(self, k: int, adjoint: V) -> V:
        if k in self._slopes:  # all but the last, which has no activation behind it
            adjoint = self.arithmetic.times(adjoint, self._slopes.pop(k))
        self.see("df", k, adjoint)
        return self.arithmetic.multiply_transposed(k, adjoint)

    def _residual(self, k: int, h: V) -> V:
        a, kind = self.arithmetic, self.network.architecture
        inner = h
        if kind == "preln":
            inner, sd = a.normalize(h)
            self._norms[k] = inner, sd
        g, self._slopes[k] = a.activate(inner)
        after = a.sum(h, a.scale(self.network.scale, self._affine(k, g)))
        if kind == "postln":
            after, sd = a.normalize(after)
            self._norms[k] = after, sd
        return after

    def _residual_back(self, k: int, adjoint: V) -> V:
        a, kind = self.arithmetic, self.network.architecture
        if kind == "postln":
            adjoint = a.through_norm(adjoint, *self._norms.pop(k))
        df = a.scale(self.network.scale, adjoint)
        self.see("df", k, df)
        branch = a.times(a.multiply_transposed(k, df), self._slopes.pop(k))
        if kind == "preln":
            branch = a.through_norm(branch, *self._norms.pop(k))
        return a.sum(adjoint, branch)
