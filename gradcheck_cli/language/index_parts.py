"""Reads the parts of an index: whole numbers, slices, and whole-number data that choose. Gives the key.

Knows nothing of values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gradcheck_cli.common.errors import LanguageError, ShapeError
from gradcheck_cli.language.source_text import Source
from gradcheck_cli.language.statements import Op
from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import spell_part
from gradcheck_cli.model.primitives.record import Primitive, Shape, shape_in_words

__all__ = ["INDEX_DIGITS", "Choice", "check_whole", "index_items", "read_choice"]

INDEX_DIGITS = 18  # of whole numbers that all fit into 64 bits
_PLAIN = ("number", "slice", "negative")
Choice = tuple[str, tuple[int, ...], dict[str, Any]]  # operation, arguments as nodes, options


def index_items(source: Source, ops: list[Op], positions: tuple[int, ...]) -> tuple[Any, ...]:
    """The parts of an index: whole numbers and slices."""
    return tuple(_index_item(source, ops, position) for position in positions)


def _index_item(source: Source, ops: list[Op], position: int) -> int | slice:
    op = ops[position]
    if op.kind == "slice":
        start, stop = op.options
        return slice(_bound(source, ops, start), _bound(source, ops, stop))
    return _index(source, op)


def _bound(source: Source, ops: list[Op], position: int | None) -> int | None:
    return None if position is None else _index(source, ops[position])


def _index(source: Source, op: Op) -> int:
    if op.kind == "negative":
        from gradcheck_cli.language.advice.index_advice import place_from_end

        help = place_from_end(source.code, op.start) or "the last of n entries is v[n-1]"
        raise source.error("an index is negative", op.span, help=f"indices count from 0: {help}")
    if op.kind != "number" or not op.text.isdigit() or len(op.text) > INDEX_DIGITS:
        raise _no_whole_number(source, op)
    return int(op.text)


# --- whole-number data -------------------------------------------------------------------------


def read_choice(
    source: Source, builder: Builder, ops: list[Op], op: Op, node_of: Callable[[int], int]
) -> Choice | None:
    """What an index with whole-number data in it stands for; None for one of numbers and slices.

    Raises LanguageError where a part is no whole number, ShapeError where the parts do not fit.
    """
    base, *positions = op.arguments
    computed = [p for p in positions if ops[p].kind not in _PLAIN]
    if not computed:
        return None
    array, nodes = node_of(base), [node_of(p) for p in computed]
    for position, node in zip(computed, nodes, strict=True):
        if builder.range_of(node) is None:
            raise _no_whole_number(source, ops[position])
    if len(nodes) > 2:
        raise source.error("an index holds at most two names of data", ops[computed[2]].span)
    shape = builder.nodes[array].shape
    if len(positions) != len(shape):
        raise ShapeError(
            f"{len(positions)} {'index' if len(positions) == 1 else 'indices'} for the shape "
            f"{shape_in_words(shape)}",
            help="each axis has an index: p[y], E[y,:], P[0:5,y]",
        )
    key = tuple(
        None if p in computed else _widen(_index_item(source, ops, p), n)
        for p, n in zip(positions, shape, strict=True)
    )
    given = [builder.nodes[node].shape for node in nodes]
    spelled = [
        _spell(source, ops[p]) if part is None else spell_part(part)
        for p, part in zip(positions, key, strict=True)
    ]
    _check_places(source, key, spelled, shape, given)
    for k, node in zip((k for k, part in enumerate(key) if part is None), nodes, strict=True):
        what = f"of axis {k}" if len(shape) > 1 else "of the vector"
        _check_range(builder, node, spelled[k], shape[k], what)
    if any(isinstance(part, range) for part in key):
        builder.notes.append(_note_of_pairs(key, spelled))
    return ("take", "take_pairs")[len(nodes) - 1], (array, *nodes), {"key": key}


def check_whole(
    source: Source, builder: Builder, op: Op, node: int, record: Primitive, options: Mapping[str, Any]
) -> None:
    """Refuse an argument that is no whole-number data, or lies outside of the classes of the function.

    Raises LanguageError, ShapeError.
    """
    if builder.range_of(node) is None:
        raise _no_whole_number(source, op, record.function)
    (classes,) = options["classes"]
    _check_range(builder, node, _spell(source, op), classes, f"of {classes}")


def _spell(source: Source, op: Op) -> str:
    """What stands in an index, for messages: a name, or that it is computed."""
    return source.code[op.start : op.end].strip() if op.kind == "name" else "the index"


def _no_whole_number(source: Source, op: Op, function: str = "") -> LanguageError:
    """What stands where whole-number data choose: in an index, or in a function."""
    help = "v[0], W[0,2], W[1,:]; products need *"
    if op.kind == "binary" and op.text in (">", "<", ">=", "<="):
        help = "a comparison is 1 or 0 by itself: (x > 0)"
    if op.kind == "name":
        name = source.code[op.start : op.end]
        help = f"data may choose entries if it says which: data {name} in 0 to 9 = ...; products need *"
    what = f"{function} takes whole numbers" if function else "an index is a whole number"
    return source.error(what, op.span, help=help)


def _widen(part: int | slice, size: int) -> int | slice | range:
    """A slice that is not the whole axis counts along with the data beside it."""
    if isinstance(part, int) or (part.start is None and part.stop is None):
        return part
    return range(part.start or 0, size if part.stop is None else part.stop)


def _check_places(
    source: Source, key: tuple[Any, ...], spelled: Sequence[str], shape: Shape, given: Sequence[Shape]
) -> None:
    """Refuse what programs read in two ways, and numbers outside. Raises ShapeError."""
    for part, n in zip(key, shape, strict=True):
        if isinstance(part, int) and part >= n:
            raise ShapeError(f"index {part} is outside 0..{n - 1}", help="indices count from 0")
        if isinstance(part, range) and not 0 <= part.start < part.stop <= n:
            raise ShapeError(
                f"the slice {part.start}:{part.stop} is empty or outside 0:{n}",
                help="v[a:b] takes the entries a, a+1, ..., b-1",
            )
    axes = [k for k, part in enumerate(key) if not isinstance(part, slice)]
    if any(isinstance(part, slice) for part in key[axes[0] : axes[-1]]):
        raise ShapeError(
            "a whole axis stands between indices: programs differ on the order of the axes",
            help="choose along one axis after the other: X[0,:,:][:,y]",
        )
    lengths = {s[0] for s in given if len(s) == 1}
    if axes[0] and not any(isinstance(part, range) for part in key) and shape[axes[0] - 1] in lengths:
        raise _two_readings(key, spelled, axes[0], shape)


def _two_readings(key: tuple[Any, ...], spelled: Sequence[str], axis: int, shape: Shape) -> ShapeError:
    """P[:,y] with as many rows as labels."""
    n, name = shape[axis - 1], spelled[axis]
    pairs = [*spelled[: axis - 1], f"0:{n}", *spelled[axis:]]
    every = f"; all columns {name} of every row: P'[{name},:]'" if len(shape) == 2 else ""
    return ShapeError(
        f"[{','.join(spelled)}] has two readings: axis {axis - 1} and {name} both have {n} entries",
        help=f"one entry of each row: P[{','.join(pairs)}]{every}",
    )


def _check_range(builder: Builder, node: int, spelled: str, size: int, what: str) -> None:
    """Refuse whole-number data that may lie outside of what it chooses from. Raises ShapeError."""
    found = builder.range_of(node)
    if found is None or (found.low >= 0 and found.high < size):
        return
    held = str(found.low) if found.low == found.high else f"in {found.low} to {found.high}"
    raise ShapeError(
        f"{spelled} is {held}, the entries {what} are 0 to {size - 1}",
        help=f"declare it in 0 to {size - 1}" if found.low < found.high else "indices count from 0",
    )


def _note_of_pairs(key: tuple[Any, ...], spelled: Sequence[str]) -> str:
    along = next(spelled[k] for k, part in enumerate(key) if isinstance(part, range))
    chosen = next(spelled[k] for k, part in enumerate(key) if part is None)
    return f"{along} beside {chosen} counts along with it: one entry of each row, not all columns {chosen}"
