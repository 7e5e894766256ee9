"""Reads the shapes of the arguments of an elementwise function. Gives the shape of its result, and notes.

Shapes are joined as NumPy joins them, from the last axis on. What two traditions read differently is refused,
with both ways to write it. Knows nothing of graphs and values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.model.primitives.record import Primitive, Shape, shape_in_words

__all__ = ["common_shape", "notes_on_shapes"]

_ADDED = ("add", "sub")  # of a matrix and a vector: every row by itself, also where the matrix is square


def common_shape(record: Primitive, shapes: Sequence[Shape]) -> Shape:
    """The shape of an elementwise result. Raises ShapeError where shapes do not fit, or fit in two ways.

    The largest come first: [1,2] and [2,1] both go into [2,2], whichever of the three is named first.
    """
    whole: Shape | None = ()
    for shape in sorted(shapes, key=math.prod, reverse=True):
        whole = None if whole is None else _join(record, whole, shape)
    return _in_order(record, shapes) if whole is None else whole


def _in_order(record: Primitive, shapes: Sequence[Shape]) -> Shape:
    """The same one by one, as they are written: what does not fit is named by the first that does not."""
    result: Shape = ()
    for shape in shapes:
        joined = _join(record, result, shape)
        if joined is None:
            raise ShapeError(
                f"the shapes {shape_in_words(result)} and {shape_in_words(shape)} do not fit {_sign(record)}",
                help=_help(record, result, shape),
            )
        result = joined
    return result


def notes_on_shapes(record: Primitive, shapes: Sequence[Shape], result: Shape) -> Iterator[str]:
    """What is said of arguments that were repeated because they have fewer axes than the result, or because
    one is a column and the other a row."""
    sign, whole = _sign(record), shape_in_words(result)
    if len(result) == 2 and result not in shapes and all(len(shape) in (0, 2) for shape in shapes):
        parts = " and ".join(shape_in_words(shape) for shape in dict.fromkeys(shapes) if shape)
        yield f"{sign} of {parts} takes all pairs of their entries, {whole}, as in NumPy"
    for shape in dict.fromkeys(shapes):
        if not 0 < len(shape) < len(result):
            continue
        if len(result) > 2:
            yield f"a value of the shape {shape_in_words(shape)} was repeated to {whole}, as in NumPy"
        elif record.name in _ADDED:
            yield f"a vector was added to every row of a {whole} matrix"
        else:
            product = "; the product is A @ v" if sign == "*" else ""
            yield f"{sign} of a {whole} matrix and a vector takes each row by itself{product}"


def _sign(record: Primitive) -> str:
    return record.infix or record.function


def _join(record: Primitive, a: Shape, b: Shape) -> Shape | None:
    if a == b or not b:
        return a
    if not a:
        return b
    small, large = sorted((a, b), key=len)
    if math.prod(a) == math.prod(b) == 1:  # one entry each: there is no other reading
        return large
    if len(large) > 2:
        return _as_numpy(record, small, large)
    if len(small) == len(large):
        fit = all(m == n or 1 in (m, n) for m, n in zip(a, b, strict=True))
        return tuple(map(max, a, b)) if fit else None
    if small != large[1:]:
        return None
    is_clear = large[0] not in (1, large[1]) or record.name in _ADDED
    return large if is_clear else None


def _as_numpy(record: Primitive, small: Shape, large: Shape) -> Shape | None:
    """The common shape from the last axis on; None if there is none, or another place fits as well: as that
    of [n] beside [1,n,1], which would be repeated to [1,n,n]."""
    padded = (1,) * (len(large) - len(small)) + small
    pairs = list(zip(padded, large, strict=True))
    if any(s != n and 1 not in (s, n) for s, n in pairs):
        return None
    places = _places(small, large)
    if (places and any(n == 1 < s for s, n in pairs)) or (record.name not in _ADDED and len(places) > 1):
        return None
    return tuple(max(s, n) for s, n in zip(padded, large, strict=True))


def _places(small: Shape, large: Shape) -> list[int]:
    """The axes of a larger shape at which a smaller one could begin. With an axis of length 1 it is meant to
    stand at the end."""
    if len(small) == len(large) or 1 in small:
        return []
    width = len(small)
    return [k for k in range(len(large) - width + 1) if large[k : k + width] == small]


# --- what is said of shapes that do not fit -------------------------------------------------------


def _help(record: Primitive, a: Shape, b: Shape) -> str:
    small, large = sorted((a, b), key=len)
    if len(large) > 2:
        return _help_with_axes(small, large)
    if len(small) == 1 and len(large) == 2:
        return _help_with_vector(record, small, large)
    if record.name == "mul" and len(large) == 2:
        return "* multiplies entry by entry; a matrix product is written with @"
    return "shapes must be equal, or one a single number, or [m,1] or [1,n] against [m,n]"


def _help_with_vector(record: Primitive, vector: Shape, matrix: Shape) -> str:
    if matrix == (*vector, *vector) and record.name == "mul":
        return f"the product is A @ v; A*v' multiplies its columns, A*reshape(v, [{vector[0]},1]) its rows"
    if matrix == (*vector, *vector):
        return f"v' stands for the columns, reshape(v, [{vector[0]},1]) for the rows"
    if matrix == (*vector, 1):
        declared = f"declare the vector as {shape_in_words(matrix)}"
        pairs = _written(record, "A", "v'")
        return f"a matrix of one column is a vector as (...)[:,0]; or {declared}; all pairs are {pairs}"
    if matrix == (1, *vector):
        pairs = _written(record, f"reshape(v, [{vector[0]},1])", "A")
        return f"v' is the row [1,{vector[0]}], (...)[0,:] of one row a vector; all pairs are {pairs}"
    if record.name == "mul":
        return "* multiplies entry by entry; a matrix product is written with @"
    return "a vector is a column; v' is the row [1,n]"


def _written(record: Primitive, a: str, b: str) -> str:
    """The function of two arguments as it is typed."""
    return f"{a} {record.infix} {b}" if record.infix else f"{record.function}({a}, {b})"


def _help_with_axes(small: Shape, large: Shape) -> str:
    rank = len(large)
    fitting = [_spread(small, k, rank) for k in _places(small, large)]
    ways = " or ".join(f"reshape(x, {shape})" for shape in fitting[:3])
    if len(fitting) > 1:
        return f"along which axes? write {ways}"
    rule = "shapes are joined from the last axis on, as in NumPy"
    return f"{rule}: write {ways}" if fitting else f"{rule}: lengths are equal, or one of them is 1"


def _spread(small: Shape, at: int, rank: int) -> str:
    """A shape with 1 for the axes that others have, too."""
    return shape_in_words((*(1,) * at, *small, *(1,) * (rank - at - len(small))))
