"""Reads classified entries. Gives the Block of each name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.limits.gradients import DEFAULTS, GradientsLimits
from gradcheck_cli.results.gradient_results import Block, Entry, Verdict, worst
from gradcheck_cli.verdicts.gradients.outcomes import NameOutcome, Outcome, PointOutcome
from gradcheck_cli.verdicts.gradients.plan import Strategy

__all__ = ["assemble_blocks"]

def assemble_blocks(
    model: Model,
    names: Sequence[str],
    outcomes: Sequence[PointOutcome],
    *,
    all_entries: bool = False,
    limits: GradientsLimits = DEFAULTS,
) -> list[Block]:
    """All points of each name drawn together; `outcomes` are those of the points, the given one first.

    Of a block with many entries only the disputed and some others are listed, unless `all_entries`.
    """
    first, proven = outcomes[0].collected.all, outcomes[0].digits
    zero = np.logical_and.reduce([r.collected.all.is_zero for r in outcomes]) & ~_entries_not_zero(outcomes)
    compared = ~zero & (np.isfinite(first.finite) | first.kink | ~first.examined)
    drawn = _Drawn(
        zero=zero,
        compared=compared,
        digits=np.where(zero | np.isnan(proven), np.inf, proven),
        one_by_one=(first.examined | np.isfinite(proven)) & compared,
        unseen=[r.collected.unseen_entries(limits.small_mistake) for r in outcomes],
        most=None if all_entries else limits.most_listed,
        limits=limits,
    )
    places = outcomes[0].collected.places
    return [_block(model, n, [r.of(n) for r in outcomes], drawn, places[n]) for n in names]


def _entries_not_zero(outcomes: Sequence[PointOutcome]) -> Array:
    """Entries whose derivative, or one of whose slopes, high precision knows to be something else than zero
    at some point, whatever the columns say."""
    mask = np.zeros(len(outcomes[0].digits), dtype=bool)
    for r in outcomes:
        for name, found in r.opened.items():
            start = r.collected.places[name].start
            mask[[start + k for k, o in found.outcomes.items() if o.reference or o.left or o.right]] = True
    return mask


@dataclass(frozen=True)
class _Drawn:
    """What counts of each entry of all names: zero at all points; compared; its digits at the first, infinite
    where they are not known; looked at by itself; and of each point what could be off unseen."""

    zero: Array
    compared: Array
    digits: Array
    one_by_one: Array
    unseen: Sequence[Array]
    most: int | None  # entries listed of a block
    limits: GradientsLimits


def _block(
    model: Model, name: str, found: Sequence[NameOutcome], drawn: _Drawn, place: slice
) -> Block:
    first = found[0].columns
    node = model.node(name)
    shape = (model.rows or 0, *node.shape) if node.per_row else node.shape
    zero, digits = drawn.zero[place], drawn.digits[place]
    verdicts = [v for r in found for v in (r.together, *(verdict for _, verdict in r.verdicts()))]
    entries = [_entry(shape, found[0], k, tested=not zero[k]) for k in _listed_entries(found[0], drawn)]
    for r in found[1:]:
        disputed = sorted(k for k, _ in r.verdicts())[: drawn.limits.most_listed_elsewhere]
        entries += [_entry(shape, r, k) for k in disputed]
    lowest = int(digits.argmin()) if digits.size else 0
    known = digits.size > 0 and bool(np.isfinite(digits[lowest]))
    wrong = _wrong_entries(found).reshape(shape)
    display = model.display(name)
    where, picture = _pattern(wrong, display, node.per_row)
    return Block(
        name=display,
        shape=shape,
        verdict=worst(verdicts),
        total=len(first.backprop),
        checked=int(np.count_nonzero(drawn.compared[place])),
        zero=int(np.count_nonzero(zero)),
        below=sum(bool(zero[k]) for k, outcome in found[0].outcomes.items() if outcome.below),
        digits=round(float(digits[lowest]), 1) if known else None,
        worst=_index(shape, lowest) if known else None,
        entries=tuple(entries),
        norm=_norm(first.backprop),
        way=str(first.strategy.value),
        one_by_one=int(np.count_nonzero(drawn.one_by_one[place])),
        unseen=max(np.count_nonzero(mask[place]) for mask in drawn.unseen) / max(1, digits.size),
        where=where,
        map=picture,
        note=next((r.note for r in found if r.note), None),
    )


def _pattern(wrong: Array, display: str, per_row: bool) -> tuple[str | None, tuple[str, ...]]:
    """Where several entries are WRONG, which: in words, and as a map."""
    if np.count_nonzero(wrong) < 2:
        return None, ()
    from gradcheck_cli.results.index_patterns import picture, words

    return words(wrong, display, per_row=per_row), tuple(picture(wrong, per_row=per_row))


def _wrong_entries(found: Sequence[NameOutcome]) -> Array:
    """Those that are WRONG at some point, also those that stand for others of a large name."""
    mask = np.zeros(len(found[0].columns.backprop), dtype=bool)
    for r in found:
        wrong = [k for k, verdict in r.verdicts() if verdict is Verdict.WRONG]
        mask[wrong] = True
        if wrong and r.columns.suspects is not None:
            mask |= r.columns.suspects
    return mask


def _norm(values: Array) -> float:
    if values.size < 2:  # one of thousands of single numbers
        return float(np.abs(values).sum())
    with np.errstate(all="ignore"):
        return float(FLOAT64.norm(values, (0,), False))


def _listed_entries(r: NameOutcome, drawn: _Drawn) -> Iterable[int]:
    """Which entries are listed: all, or the disputed and some others, or those that were examined."""
    total, bad, most = len(r.columns.backprop), sorted(k for k, _ in r.verdicts()), drawn.most
    if r.columns.strategy is not Strategy.EACH and total > drawn.limits.small_block and most is not None:
        return sorted({*bad[:most], *(int(k) for k in np.flatnonzero(r.columns.examined))})
    if most is None or total <= most:
        return range(total)
    return sorted({*bad[:most], *range(0, total, total // drawn.limits.listed_others)})


def _index(shape: tuple[int, ...], flat: int) -> tuple[int, ...]:
    return tuple(int(k) for k in np.unravel_index(flat, shape)) if shape else ()


_SETTLED = Outcome(Verdict.OK)


def _entry(shape: tuple[int, ...], r: NameOutcome, k: int, *, tested: bool = True) -> Entry:
    t, outcome = r.columns, r.outcomes.get(k, _SETTLED)
    given = np.asarray(t.point.tape.value(t.name)).reshape(-1)
    left, right = (t.left[k], t.right[k]) if outcome.left is None else (outcome.left, outcome.right)
    kink = outcome.verdict is Verdict.KINK or outcome.left is not None
    return Entry(
        index=_index(shape, k),
        value=float(given[k]),
        symbolic=None if t.unseen[k] else float(t.symbolic[k]),
        backprop=float(t.backprop[k]),
        finite=_number_or_none(t.finite[k]),
        bound=None if np.isnan(t.finite[k]) and not t.examined[k] else _number_or_none(t.bound[k]),
        digits=None if np.isnan(r.digits[k]) else round(float(r.digits[k]), 1),
        verdict=outcome.verdict,
        note=outcome.note or (_PRECISE if t.precise[k] else None),
        left=_number_or_none(left) if kink else None,
        right=_number_or_none(right) if kink else None,
        reference=outcome.reference,
        tested=tested,
        below=outcome.below,
        point=t.point.number,
    )


_PRECISE = "symbolic at 50 digits: its form leaves the range of float64"


def _number_or_none(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
