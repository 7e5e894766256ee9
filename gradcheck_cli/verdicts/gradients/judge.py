"""Reads what three witnesses say at several points. Gives verdicts, entry by entry, with reasons.

Where the witnesses agree within the
error bound of the differences, and enough digits are proved, the entry is ok. Everything else goes to
the referee: its value must lie within each witness's own rounding bound. No absolute tolerance, no norm
over entries. Knows nothing of claims.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcheck_cli.derivatives.finite_differences.schemes import Scheme
from gradcheck_cli.derivatives.symbolic.program import Program
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.work_budget import BudgetSpent
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.reference.row_blocks import rounding_of_loss
from gradcheck_cli.results.gradient_results import Block, Verdict
from gradcheck_cli.verdicts.gradients.block_report import MOST_LISTED, assemble_blocks
from gradcheck_cli.verdicts.gradients.collect import Hearing
from gradcheck_cli.verdicts.gradients.columns import Testimonies, Testimony
from gradcheck_cli.verdicts.gradients.dispute import FLAT, Dispute
from gradcheck_cli.verdicts.gradients.plan import Way
from gradcheck_cli.verdicts.gradients.points import CLOSE, Point
from gradcheck_cli.verdicts.gradients.ruling import (
    Ruling,
    Rulings,
    carried_digits,
    near_a_kink,
    on_digits,
    proved_digits,
    within,
)

__all__ = ["blocks"]

_ROUNDING_MARGIN = 16.0  # the bound holds for any program; this is what one of them is off by

_LEAST_SHOWN = 1e-75  # of the value: smaller slopes are not seen in its differences at 140 digits

_MOST_EXAMINED = 16  # suspects of a large block that are looked at one by one

_SUBNORMAL = 1e-323  # what every rounding bound grants


# ---------------------------------------------------------------------------------------------
# The derivatives
# ---------------------------------------------------------------------------------------------


def blocks(
    model: Model,
    program: Program,
    referee: Referee,
    points: Sequence[Point],
    *,
    names: Sequence[str],
    scheme: Scheme,
    digits: float,
    of: str,
    all_entries: bool = False,
) -> list[Block]:
    """A Block for every name: all entries at the given point, and disagreements elsewhere.

    Of more than 10,000 entries only the disputed and some others are listed, unless `all_entries`.
    """
    listed = None if all_entries else MOST_LISTED
    hearing = Hearing(model, program, referee, names, scheme, of, digits)
    rulings = []
    for point in points:
        noise = _noise(model, referee, point, of)
        rulings.append(_judge(hearing, hearing.at(point, noise), noise))
        if model.meter is not None:
            model.meter.part()
    return assemble_blocks(model, names, rulings, listed)


def _noise(model: Model, referee: Referee, point: Point, of: str) -> Array:
    """How far rounding may take the value; over many rows measured block by block: what is granted where
    it is not measured hides digits, and in search of them differences take three times as long."""
    if referee.jitters_values() or model.rows is None or of != model.loss:
        return np.asarray(referee.value_rounding(point.values, [of])[of] / _ROUNDING_MARGIN)
    return np.asarray(rounding_of_loss(point.tape) / _ROUNDING_MARGIN)


def _judge(hearing: Hearing, heard: Testimonies, noise: Array) -> Rulings:
    """Settle every entry: the quick way where the differences prove enough, else by the referee."""
    t, sampled = heard.all, [part for part in heard.parts.values() if part.way is not Way.EACH]
    rulings, digits = Rulings(heard, np.full(len(t.backprop), np.nan)), hearing.digits
    for part in sampled:
        suspects = _suspects(hearing, part)
        if suspects.any():
            rulings.open(part.name).wrong = suspects
            hearing.examine(part, np.flatnonzero(suspects & ~part.examined)[:_MOST_EXAMINED], noise)
    _widen(heard, hearing)
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(t.symbolic), np.abs(t.backprop))
        apart = np.abs(t.symbolic - t.backprop)
        gap = np.maximum(np.abs(t.finite - t.backprop), np.abs(t.finite - t.symbolic))
        close = np.maximum(CLOSE * size, _measured(hearing, t))
        proved = (apart <= close) & (gap <= t.bound + CLOSE * size)
        proven = np.where(proved & (size > 0), proved_digits(np.maximum(gap, t.bound), size), np.nan)
        settled = (proved & (proven >= digits)) | (_flat(heard, hearing.of) & ~_cancelled(t, hearing))
        settled &= ~t.kink
        if hearing.referee.affords():
            settled &= ~(t.unseen & t.examined)  # the referee is the third
        proven[t.is_zero()] = np.nan  # not tested
        proven[~t.examined & ~(proven >= digits)] = np.nan  # answered for by all entries together
        settled |= ~t.examined
        if hearing.is_crowded:  # some that stand for others: no reason to do all of it at high precision
            room = hearing.rounding(t) + CLOSE * size
            settled |= (apart <= room) & (gap <= t.bound + room) & ~t.kink
    rulings.digits[:] = proven
    settled |= _settled_at_once(hearing, rulings, ~settled)
    for name, disputed in heard.by_name(np.flatnonzero(~settled)):
        Dispute(hearing, rulings.open(name)).settle(disputed)
    for part in sampled:
        shared = part.projections
        if part.by_node is not None or (shared is not None and (shared.differ or shared.stray)):
            _weigh_together(rulings.open(part.name), hearing, noise)
    return rulings


def _settled_at_once(hearing: Hearing, rulings: Rulings, disputed: Array) -> Array:
    """Settle the disputed entries about which there is no doubt left: the referee's two ways agree, as far as
    the second can be asked, and no witness is off by more than rounding. The others are looked at one by one,
    at a far higher price."""
    t = rulings.heard.all
    plain = disputed & ~near_a_kink(t)
    if not plain.any() or not hearing.referee.affords():
        return np.zeros_like(plain)
    try:
        said = hearing.truth(t.point)
    except BudgetSpent:
        return np.zeros_like(plain)
    truth, confirmed = (np.concatenate(list(part.values())) for part in (said.value, said.confirmed))
    bound = hearing.rounding(t)
    shown = np.abs(truth) > _LEAST_SHOWN * np.max(np.abs(t.point.tape.value(hearing.of)), initial=0.0)
    plain[np.flatnonzero(plain & shown & ~confirmed)[: hearing.slopes_left]] = False  # these can be asked for
    plain &= (truth != 0) & np.isfinite(truth) & np.isfinite(bound) & (t.unseen | (t.symbolic != 0))
    plain &= np.logical_and.reduce(within(t, slice(None), truth, bound))
    some = np.flatnonzero(plain)
    carried, rulings.digits[some] = carried_digits(t, some, truth[some], bound[some])
    notes = iter(on_digits(carried, hearing.digits, t.unseen[some]))
    for name, entries in rulings.heard.by_name(some):  # in order
        told = zip(entries.tolist(), notes, strict=False)
        rulings.open(name).notes.update({entry: note for entry, note in told if note})
    return plain


def _suspects(hearing: Hearing, t: Testimony) -> Array:
    """Entries of a large name that something speaks against: differences by node, or projections."""
    if t.suspects is not None:  # one of the crowd
        return t.suspects
    assert t.projections is not None
    with np.errstate(all="ignore"):
        gap = np.abs(t.finite - t.backprop)
        found = np.asarray(np.isfinite(t.finite) & (gap > t.bound + hearing.rounding(t)))
    return found | hearing.locate(t) if t.projections.differ else found


def _weigh_together(r: Ruling, hearing: Hearing, noise: Array) -> None:
    """What the projections, and differences by node beside those entry by entry, say of a large name."""
    t = r.t
    assert t.projections is not None
    if t.by_node is not None:
        off = _off_by_node(t, t.by_node)
        if off.any():  # before a step is blamed: the same with the whole ladder of step sizes
            t.by_node = hearing.by_node_again(t, noise)
            off &= _off_by_node(t, t.by_node)
        value = t.by_node[0]
        for entry in np.flatnonzero(off):
            r.verdicts[int(entry)] = Verdict.WRONG
            r.notes[int(entry)] = (
                f"differences by node give {value[entry]:.10g}, entry by entry {t.finite[entry]:.10g}: a "
                "step that is not affine although the table says so. A defect of gradcheck, not yours"
            )
    if t.projections.located or Verdict.WRONG in r.verdicts.values():
        return
    if t.projections.differ:
        r.together, r.note = Verdict.UNRESOLVED, "sums with random signs differ, but no entry was found"
    elif t.projections.stray:
        r.together = Verdict.UNRESOLVED
        r.note = "differences along a random direction see another slope than symbolic and backprop"


def _off_by_node(t: Testimony, by_node: Array) -> Array:
    """The examined entries for which differences by node give something else."""
    value, bound = by_node
    with np.errstate(all="ignore"):
        off = np.abs(value - t.finite) > bound + t.bound + CLOSE * np.abs(value)
    return np.asarray(off & t.examined & ~np.isnan(value))


def _flat(heard: Testimonies, of: str) -> Array:
    """Entries that are zero in all columns because nothing moves: differences of |x|/1000 that
    cancel at 0 are zero too, but then their bound is no smaller than the slope."""
    t, tape = heard.all, heard.all.point.tape
    zero = t.is_zero()
    if not zero.any():
        return zero
    x = np.abs(np.concatenate([np.ravel(tape.value(name)) for name in heard.parts]))
    size = np.max(np.abs(tape.value(of)), initial=0.0)
    return np.asarray(zero & (t.bound * np.where(x == 0, 1.0, x) <= FLAT * size))


def _widen(heard: Testimonies, hearing: Hearing) -> None:
    """Rounding inside the function is no noise where it is the same at all samples, as that of a factor
    or a residual: it moves the slope itself, and the bound of the differences has to cover it."""
    t = heard.all
    seen = heard.some(name for name, part in heard.parts.items() if part.way is Way.EACH)
    seen &= np.isfinite(t.finite)
    t.bound[seen] += _measured(hearing, t)[seen]


def _measured(hearing: Hearing, t: Testimony) -> Array:
    """What rounding may do, where it was measured: by so much right witnesses differ, and need no referee."""
    if not hearing.referee.jitters():
        return np.zeros_like(t.bound)
    bound = hearing.rounding(t)
    return np.where(np.isfinite(bound), bound, 0.0)


def _cancelled(t: Testimony, hearing: Hearing) -> Array:
    """Entries that are zero in all columns because terms cancel, which rounding would show: cos(x)/x -
    sin(x)/x^2 near 0. Where nothing arrives, rounding moves nothing either."""
    zero = t.is_zero()
    if not (zero & t.examined).any() or not hearing.referee.affords():
        return np.zeros_like(zero)
    bound = hearing.rounding(t)
    return np.asarray(zero & (bound > _SUBNORMAL))
