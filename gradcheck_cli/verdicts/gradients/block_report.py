"""Reads classified entries. Gives the Block of each name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.results.gradient_results import Block, Entry, Verdict, worst
from gradcheck_cli.results.index_patterns import picture, words
from gradcheck_cli.verdicts.gradients.plan import Way
from gradcheck_cli.verdicts.gradients.ruling import Ruling, Rulings

__all__ = ["MOST_LISTED", "assemble_blocks"]

MOST_LISTED = 10_000  # entries of a block that are reported one by one

SMALL_MISTAKE = 1e-3  # of an entry: how often one goes unseen in a large block is said
SMALL_BLOCK = 32  # entries; all are listed


# ---------------------------------------------------------------------------------------------
# Blocks
# ---------------------------------------------------------------------------------------------


def assemble_blocks(
    model: Model, names: Sequence[str], rulings: Sequence[Rulings], most: int | None = MOST_LISTED
) -> list[Block]:
    """All points of each name drawn together."""
    first, proven = rulings[0].heard.all, rulings[0].digits
    zero = np.logical_and.reduce([r.heard.all.is_zero() for r in rulings])
    compared = ~zero & (np.isfinite(first.finite) | first.kink | ~first.examined)
    drawn = _Drawn(
        zero=zero,
        compared=compared,
        digits=np.where(zero | np.isnan(proven), np.inf, proven),
        one_by_one=(first.examined | np.isfinite(proven)) & compared,
        unseen=[r.heard.unseen(SMALL_MISTAKE) for r in rulings],
    )
    places = rulings[0].heard.places
    return [_block(model, n, [r.of(n) for r in rulings], drawn, places[n], most) for n in names]


@dataclass(frozen=True)
class _Drawn:
    """What counts of each entry of all names: zero at all points; compared; its digits at the first, infinite
    where they are not known; looked at by itself; and of each point what could be off unseen."""

    zero: Array
    compared: Array
    digits: Array
    one_by_one: Array
    unseen: Sequence[Array]


def _block(
    model: Model, name: str, rulings: Sequence[Ruling], drawn: _Drawn, place: slice, most: int | None
) -> Block:
    first = rulings[0].t
    node = model.node(name)
    shape = (model.rows or 0, *node.shape) if node.per_row else node.shape
    zero, digits = drawn.zero[place], drawn.digits[place]
    verdicts = [v for r in rulings for v in (r.together, *r.verdicts.values())]
    entries = [_entry(shape, rulings[0], k, tested=not zero[k]) for k in _listed(rulings[0], most)]
    for r in rulings[1:]:
        entries += [_entry(shape, r, k) for k in sorted(r.verdicts)[:20]]
    lowest = int(digits.argmin()) if digits.size else 0
    known = digits.size > 0 and bool(np.isfinite(digits[lowest]))
    wrong = _wrong_entries(rulings).reshape(shape)
    several = np.count_nonzero(wrong) > 1
    display = model.display(name)
    return Block(
        name=display,
        shape=shape,
        verdict=worst(verdicts),
        total=len(first.backprop),
        checked=int(np.count_nonzero(drawn.compared[place])),
        zero=int(np.count_nonzero(zero)),
        digits=round(float(digits[lowest]), 1) if known else None,
        worst=_index(shape, lowest) if known else None,
        entries=tuple(entries),
        norm=_norm(first.backprop),
        way=str(first.way.value),
        one_by_one=int(np.count_nonzero(drawn.one_by_one[place])),
        unseen=max(np.count_nonzero(mask[place]) for mask in drawn.unseen) / max(1, digits.size),
        where=words(wrong, display, per_row=node.per_row) if several else None,
        map=tuple(picture(wrong, per_row=node.per_row)) if several else (),
        note=next((r.note for r in rulings if r.note), None),
    )


def _wrong_entries(rulings: Sequence[Ruling]) -> Array:
    """Those that are WRONG at some point."""
    found = np.zeros(len(rulings[0].t.backprop), dtype=bool)
    for r in rulings:
        if r.verdicts:
            found |= _wrong(r)
    return found


def _wrong(r: Ruling) -> Array:
    """Which entries are WRONG, also those that stand for others of a large name."""
    mask = np.zeros(len(r.t.backprop), dtype=bool)
    mask[[k for k, v in r.verdicts.items() if v is Verdict.WRONG]] = True
    return mask | r.wrong if mask.any() and r.wrong is not None else mask


def _norm(values: Array) -> float:
    if values.size < 2:  # one of thousands of single numbers
        return float(np.abs(values).sum())
    with np.errstate(all="ignore"):
        return float(FLOAT64.norm(values, (0,), False))


def _listed(r: Ruling, most: int | None) -> Iterable[int]:
    """Which entries are listed: all, or the disputed and some others, or those that were examined."""
    total, bad = len(r.t.backprop), sorted(r.verdicts)
    if r.t.way is not Way.EACH and total > SMALL_BLOCK and most is not None:
        return sorted({*bad[:most], *(int(k) for k in np.flatnonzero(r.t.examined))})
    if most is None or total <= most:
        return range(total)
    return sorted({*bad[:most], *range(0, total, total // 100)})


def _index(shape: tuple[int, ...], flat: int) -> tuple[int, ...]:
    return tuple(int(k) for k in np.unravel_index(flat, shape)) if shape else ()


def _entry(shape: tuple[int, ...], r: Ruling, k: int, *, tested: bool = True) -> Entry:
    t = r.t
    given = np.asarray(t.point.tape.value(t.name)).reshape(-1)
    verdict = r.verdicts.get(k, Verdict.OK)
    kink = verdict is Verdict.KINK
    return Entry(
        index=_index(shape, k),
        value=float(given[k]),
        symbolic=None if t.unseen[k] else float(t.symbolic[k]),
        backprop=float(t.backprop[k]),
        finite=_known(t.finite[k]),
        bound=None if np.isnan(t.finite[k]) and not t.examined[k] else _known(t.bound[k]),
        digits=None if np.isnan(r.digits[k]) else round(float(r.digits[k]), 1),
        verdict=verdict,
        note=r.notes.get(k),
        left=_known(t.left[k]) if kink else None,
        right=_known(t.right[k]) if kink else None,
        tested=tested,
        point=t.point.number,
    )


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
