"""Reads which entries of an array are marked. Gives words for them, and a small map.

For vectors, matrices, and stacks of them (one array per row, that is training example). Knows nothing
of models, claims and verdicts: an entry is marked or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["MARKED", "UNMARKED", "entry", "numbers", "picture", "words"]

Mask = NDArray[np.bool_]
MARKED, UNMARKED = "█", "░"
_MOST_DOWN, _MOST_ACROSS = 16, 32  # characters of a map
_MOST_NAMED = 4  # lines or entries that are named one by one


def words(mask: Mask, name: str, *, per_row: bool = False) -> str:
    """Which entries are marked: "row 3 of W1", "all of b2", "W2[17,203]", "134 of 256 entries".

    `mask` has the shape of the array; with `per_row` the rows stand in front. Of more than two axes blocks
    are named by their index, X[0,:,1:3].
    """
    if not mask.any():
        return f"no entry of {name}"
    if per_row:
        return _in_rows(mask, name) or _count(mask)
    return _describe(mask, name) or _one_line(mask, name) or _count(mask)


def picture(mask: Mask, *, per_row: bool = False) -> list[str]:
    """A map of a matrix, or of a stack of vectors, in lines; none where `words` say all there is.

    Each character stands for one entry, or for a bin of a larger array, marked if any entry in it is;
    then the last line says how large the bins are. Of a stack of matrices: marked in any of the rows.
    """
    flat: Mask = np.any(mask, axis=0) if mask.ndim == 3 else np.atleast_2d(mask)
    if not 1 <= mask.ndim - per_row <= 2 and not (per_row and mask.ndim == 1):
        return []
    if not mask.any() or (_in_rows(mask, "") if per_row else _describe(mask, "")):
        return []
    down, height = _bins(flat.shape[0], _MOST_DOWN)
    across, width = _bins(flat.shape[1], _MOST_ACROSS)
    lines = [
        "".join(MARKED if flat[a:b, c:d].any() else UNMARKED for c, d in pairwise(across))
        for a, b in pairwise(down)
    ]
    if height > 1 or width > 1:
        lines.append(f"one mark: up to {height:,} x {width:,} entries, at least one of them wrong")
    return lines


def entry(name: str, index: Sequence[int]) -> str:
    """One entry as it is written: W0[1,2], (d f/d h)[0,1]; the name itself for a scalar."""
    if not len(index):
        return name
    return f"{_held(name)}[{','.join(str(int(k)) for k in index)}]"


def _held(name: str) -> str:
    return f"({name})" if " " in name else name


def numbers(found: Sequence[int]) -> str:
    """Numbers in a sentence: "3", "3 and 7", "0, 2 and 5", "4 to 9"."""
    given = [int(k) for k in found]
    if len(given) > 2 and given[-1] - given[0] == len(given) - 1:
        return f"{given[0]} to {given[-1]}"
    *first, last = map(str, given)
    return f"{', '.join(first)} and {last}" if first else last


def _describe(mask: Mask, name: str) -> str | None:
    """Words that say exactly which entries are marked; None if there are none so short."""
    if mask.all():
        return f"all of {name}" if mask.ndim else name
    plain, reverse = _short(mask, name), _short(~mask, name)
    found = [said for said in (plain, reverse and f"all but {reverse}") if said]
    return min(found, key=len, default=None) or _many_lines(mask, name)


def _short(mask: Mask, name: str) -> str | None:
    """One entry, whole lines, or a few entries of a vector; some are marked and some are not."""
    found = np.argwhere(mask)
    if len(found) == 1:
        return entry(name, found[0])
    if mask.ndim == 2:
        return _lines(mask, name)
    if mask.ndim > 2:
        return _block(mask, name) or _slices(mask, name)
    return _some(found[:, 0], len(mask), f"entries {{}} of {name}") if mask.ndim == 1 else None


def _block(mask: Mask, name: str) -> str | None:
    """A block of an array of three axes and more, by its index."""
    inside = [np.flatnonzero(_along(mask, axis)) for axis in range(mask.ndim)]
    if any(part[-1] - part[0] != len(part) - 1 for part in inside):
        return None
    if mask.sum() != np.prod([len(part) for part in inside]):
        return None
    parts = (_spell(int(p[0]), int(p[-1]) + 1, n) for p, n in zip(inside, mask.shape, strict=True))
    return f"{_held(name)}[{','.join(parts)}]"


def _spell(start: int, stop: int, length: int) -> str:
    """A part of an index: all, one entry, or from one to another."""
    if stop - start == length:
        return ":"
    return str(start) if stop - start == 1 else f"{start}:{stop}"


def _along(mask: Mask, axis: int) -> Mask:
    """Where along an axis something is marked."""
    return np.asarray(mask.any(axis=tuple(k for k in range(mask.ndim) if k != axis)))


def _slices(mask: Mask, name: str) -> str | None:
    """Whole slices along one axis of three and more, which do not lie side by side."""
    for axis, count in enumerate(mask.shape):
        found = np.flatnonzero(_along(mask, axis))
        if len(found) * (mask.size // count) == mask.sum():
            return _some(found, count, f"slices {{}} along axis {axis} of {name}")
    return None


def _lines(mask: Mask, name: str) -> str | None:
    """Whole rows, whole columns, or the diagonal of a matrix."""
    for axis, noun in ((1, "row"), (0, "column")):
        whole: Mask = np.all(mask, axis=axis)
        if np.array_equal(mask.any(axis=axis), whole):
            if whole.sum() == 1:
                return f"{noun} {int(np.argmax(whole))} of {name}"
            return _some(np.flatnonzero(whole), len(whole), f"{noun}s {{}} of {name}")
    if mask.shape[0] == mask.shape[1] and np.array_equal(mask, np.eye(len(mask), dtype=bool)):
        return f"the diagonal of {name}"
    return None


def _many_lines(mask: Mask, name: str) -> str | None:
    if mask.ndim == 2:
        for axis, noun in ((1, "rows"), (0, "columns")):
            whole: Mask = np.all(mask, axis=axis)
            if np.array_equal(mask.any(axis=axis), whole):
                return f"{int(whole.sum()):,} of {len(whole):,} {noun} of {name}"
    return None


def _some(found: NDArray[np.intp], total: int, form: str) -> str | None:
    """The numbers in the form, if they are few or lie side by side."""
    side_by_side = found[-1] - found[0] == len(found) - 1
    if len(found) <= _MOST_NAMED or (side_by_side and 2 * len(found) <= total):
        return form.format(numbers([int(k) for k in found]))
    return None


def _one_line(mask: Mask, name: str) -> str | None:
    """Entries of one row or column of a matrix."""
    if mask.ndim == 2:
        for axis, noun in ((1, "row"), (0, "column")):
            found = np.flatnonzero(mask.any(axis=axis))
            if len(found) == 1:
                total = mask.shape[axis]
                return f"{int(mask.sum()):,} of {total:,} entries of {noun} {found[0]} of {name}"
    return None


def _count(mask: Mask) -> str:
    return f"{int(mask.sum()):,} of {mask.size:,} entries"


def _in_rows(mask: Mask, name: str) -> str | None:
    """Words for a stack: the same entries in some of its rows."""
    inside = tuple(range(1, mask.ndim))
    rows: Mask = np.any(mask, axis=inside)
    pattern = mask[rows][0] if rows.any() else mask[0]
    if not (mask[rows] == pattern).all():
        return None
    noun = "training row" if mask.ndim > 2 else "row"  # a matrix has rows of its own
    said, where = _describe(pattern, name), _rows(rows, noun)
    return None if said is None else f"{said} in {where}"


def _rows(rows: Mask, noun: str) -> str:
    if rows.all():
        return f"all {noun}s" if len(rows) > 1 else f"{noun} 0"
    for here, all_but in ((rows, ""), (~rows, "all but ")):
        found = np.flatnonzero(here)
        if len(found) == 1:
            return f"{all_but}{noun} {int(found[0])}"
        said = _some(found, len(rows), f"{noun}s {{}}")
        if said:
            return all_but + said
    return f"{int(rows.sum()):,} of {len(rows):,} {noun}s"


def _bins(length: int, most: int) -> tuple[list[int], int]:
    """Where bins begin and end, and how many entries the largest holds."""
    size = -(-length // most)
    count = -(-length // size)
    return [min(k * size, length) for k in range(count + 1)], size
