"""Reads products of SciPy's sparse matrices with arrays that record. Gives those of the dense matrices.

A sparse matrix takes what calls itself an array for one, and reads its numbers; so its classes multiply in
another way for a while. Knows nothing of nodes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gradcheck_cli.tracing.recorded_array import Recorded, fixed, plain
from gradcheck_cli.tracing.recording import Recording

__all__ = ["sparse_products"]

_PRODUCTS: dict[str, Callable[[Any, Any], Any]] = {
    "_matmul_dispatch": lambda matrix, x: np.matmul(matrix, x),
    "_rmatmul_dispatch": lambda matrix, x: np.matmul(x, matrix),
    "multiply": lambda matrix, x: matrix*x,
}


@contextmanager
def sparse_products(recording: Recording) -> Iterator[None]:
    """Products of sparse matrices record, where a program has imported scipy.sparse."""
    base = getattr(sys.modules.get("scipy.sparse._base"), "_spbase", None)
    kept: list[tuple[type, str, Any]] = []
    try:
        for kind in () if base is None else {base, *_below(base)}:
            for name, product in _PRODUCTS.items():
                if (method := vars(kind).get(name)) is not None:
                    kept.append((kind, name, method))
                    setattr(kind, name, _recording(recording, method, product))
        yield
    finally:
        for kind, name, method in kept:
            setattr(kind, name, method)


def _below(kind: type) -> Iterator[type]:
    own: list[type] = kind.__subclasses__()
    for each in own:
        yield each
        yield from _below(each)


def _recording(
    recording: Recording, method: Callable[..., Any], product: Callable[[Any, Any], Any]
) -> Callable[..., Any]:
    def multiply(self: Any, other: Any, *args: Any, **options: Any) -> Any:
        if type(other) is Recorded and other.node.depends:
            return product(fixed(self.toarray(), recording), other)
        return method(self, plain(other), *args, **options)

    return multiply
