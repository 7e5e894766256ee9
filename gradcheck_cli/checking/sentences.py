"""Reads blocks, claims and coverage. Gives the notes and the closing sentences of a report."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gradcheck_cli.common.errors import plural
from gradcheck_cli.derivatives import symbolic
from gradcheck_cli.evaluation.tape import Tape
from gradcheck_cli.model.graph import spell_shape
from gradcheck_cli.model.model import Input, Model
from gradcheck_cli.numerics.limits.checking import CHECKING, CheckingLimits
from gradcheck_cli.numerics.limits.table import LIMITS, Limits
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.results.gradient_results import Block, ClaimResult, Coverage, Entry, Verdict
from gradcheck_cli.verdicts.claims.grounds import Grounds

__all__ = [
    "budget_notes", "coverage_of", "free_notes", "lacking", "sentence_on_required_claims",
    "sentences_on_claims", "sentences_on_columns", "summary_of", "symmetric_part_notes", "unseen_notes",
    "unused_names", "unused_notes",
]  # fmt: skip

_MOST_NAMED = 12  # names in a sentence

# ---------------------------------------------------------------------------------------------
# Sentences
# ---------------------------------------------------------------------------------------------


def free_notes(model: Model) -> list[str]:
    """The values that were drawn because the file gives none."""
    drawn = [p for p in model.parameters() if p.origin == "free"]
    shown = ", ".join(f"{p.display} = {float(p.values):.6g}" for p in drawn if not p.shape)
    return [f"drawn from seed {model.seed}: {shown}"] if shown else []


def unused_names(model: Model) -> list[str]:
    """The parameters that the loss is not made of."""
    used = model.graph.upstream([model.node(model.loss).index])
    return [p.name for p in model.parameters() if not used[p.node]]


def unused_notes(model: Model) -> list[str]:
    """That parameters are unused."""
    names = [model.display(name) for name in unused_names(model)]
    if not names:
        return []
    are, them = ("is", "it") if len(names) == 1 else ("are", "them")
    return [f"{_name_some(names)} {are} unused: the loss does not depend on {them}"]


def unseen_notes(referee: Referee, names: Sequence[str]) -> list[str]:
    """Why the symbolic column is empty, and who is left."""
    model, program = referee.model, referee.program
    found = {n.index: n for name in names for n in symbolic.unseen(program, model.loss, name)}
    if not found:
        return []
    shapes = {i: spell_shape(model.graph.nodes[n.arguments[0]].shape) for i, n in found.items()}
    lines = {i: model.step_around(i).where for i in found}
    told = (f"{n.primitive.function} of a matrix {shapes[i]} (line {lines[i]})" for i, n in found.items())
    others = "backprop and finite differences"
    if referee.affords() and not referee.budget.spent:
        others = "backprop, finite differences and high precision"
    most = spell_shape((program.limits.largest_matrix,) * 2)
    if any(n.operation == "eigvalsh" for n in found.values()):
        most += f", for eigenvalues up to {spell_shape((program.limits.largest_spectrum,) * 2)}"
    why = f"symbolic is not computed (-) where a derivative passes through {', '.join(told)}"
    return [f"{why}: SymPy is asked up to {most}; {others} remain"]


def symmetric_part_notes(tape: Tape, limits: CheckingLimits = CHECKING) -> list[str]:
    """That a function takes the symmetric part of a matrix that has another part at the given point."""
    model, found = tape.model, []
    for node in model.graph.nodes:
        if node.is_leaf or node.is_literal or not node.primitive.symmetrizes or tape.block_count > 1:
            continue
        matrix = np.asarray(tape.of_node(model.graph.nodes[node.arguments[0]]))
        apart = np.abs(matrix - matrix.swapaxes(-1, -2)).max()
        if apart > limits.symmetric * np.abs(matrix).max():
            line = model.step_around(node.index).where
            function = node.primitive.function
            found.append(f"{function} (line {line}) is that of (A + A')/2: its matrix is not symmetric")
    return found


def budget_notes(referee: Referee) -> list[str]:
    """That something was not looked into, which a verdict ok does not tell."""
    budget = referee.budget
    return [f"{budget.reason}; what is ok from there on is right within rounding"] if budget.spent else []


def coverage_of(shown: Sequence[Block]) -> Coverage:
    """How many entries were compared, and how."""
    total = sum(b.total for b in shown)
    return Coverage(
        entries=total,
        checked=sum(b.checked for b in shown),
        zero=sum(b.zero for b in shown),
        one_by_one=sum(b.one_by_one for b in shown),
        unseen=sum(b.unseen * b.total for b in shown) / max(1, total),
    )


def sentences_on_claims(
    model: Model, shown: Sequence[Block], results: Sequence[ClaimResult], grounds: Grounds,
    file: str | None = None,
) -> list[str]:  # fmt: skip
    """What is said of the claims, worst first; `file` is the one that they are to come from."""
    parameters = model.parameters()
    if not results and not shown:
        return ["UNRESOLVED: nothing was tested. Declare a parameter with param, or name data with --wrt."]
    if not results:
        name = parameters[0].display if parameters else shown[0].name if shown else "b0"
        if file:
            return [f"UNRESOLVED: {file} has no claim. A line of it is written  claim d loss/d {name} = ..."]
        return [f"Nothing of YOURS was judged: add a line such as  claim d loss/d {name} = ..."]
    return [f"{_on_verdicts(results)} {_on_coverage(parameters, grounds)}".rstrip()]


def _on_verdicts(results: Sequence[ClaimResult]) -> str:
    """How the claims fared, and in which lines those are that did not fare well."""
    wrong = [r for r in results if r.verdict is Verdict.WRONG]
    unread = [r for r in results if r.verdict is Verdict.ERROR]
    mine = plural(len(results), "claim")
    if len(results) == 1:
        how = "could not be read" if unread else f"is {results[0].verdict}"
        return f"Your only claim {how}: line {results[0].line}."
    if wrong:
        first = f"{len(wrong)} of your {mine} {'is' if len(wrong) == 1 else 'are'} WRONG: {_in_lines(wrong)}."
    else:
        others = [r for r in results if r.verdict not in (Verdict.OK, Verdict.ERROR)]
        first = f"All {mine} are ok." if not others else f"None of your {mine} is WRONG."
        if unread and not others:
            rest = len(results) - len(unread)
            first = ("", "The other one is ok.", f"The other {rest} are ok.")[min(rest, 2)]
    if not unread:
        return first
    return f"{len(unread)} of your {mine} could not be read: {_in_lines(unread)}. {first}".rstrip()


def _in_lines(results: Sequence[ClaimResult]) -> str:
    """The lines of some claims: those of a loop are many of one line."""
    lines = list(dict.fromkeys(str(r.line) for r in results))
    listed = ", ".join(lines[:8]) + (f" and {len(lines) - 8} more" if len(lines) > 8 else "")
    return f"line{'' if len(lines) == 1 else 's'} {listed}"


def sentence_on_required_claims(model: Model, grounds: Grounds) -> str | None:
    """What --require-claims asks for and does not find: a claim of each entry of each parameter's gradient
    that rests on nothing that is not claimed."""
    missing = [part for p in model.parameters() for part in _missing(p, grounds)]
    covered = [p for p in model.parameters() if grounds.covers(p.name)]
    resting = [f"{p.display} {end}" for p in covered if (end := lacking(p, grounds)) is not None]
    told = [f"no claim for {_name_some(missing)}"] if missing else []
    if resting:
        told.append(_join_some(resting, "; "))
    return f"--require-claims: {'; '.join(told)}." if told else None


def lacking(parameter: Input, grounds: Grounds) -> str | None:
    """What the claims of one parameter lack; None where it counts as claimed."""
    missing = _missing(parameter, grounds)
    return f"no claim for {_name_some(missing)}" if missing else grounds.open_end(parameter.name)


def _missing(parameter: Input, grounds: Grounds) -> list[str]:
    """What is not claimed of a parameter: itself, or some of its entries."""
    count, size = grounds.count_unclaimed(parameter.name), math.prod(parameter.shape)
    if count == size:
        return [parameter.display]
    if count > _MOST_NAMED:
        return [f"{parameter.display} ({count:,} of {size:,} entries)"]
    return [f"{parameter.display}{spell_shape(entry)}" for entry in grounds.unclaimed_entries(parameter.name)]


def _on_coverage(parameters: Sequence[Input], grounds: Grounds) -> str:
    """Which parameters have a claim of d loss/d parameter."""
    open_ones = [_missing(p, grounds) for p in parameters]
    missing = [part for parts in open_ones for part in parts]
    have, total = sum(not parts for parts in open_ones), len(parameters)
    noun = "parameter" if all(not p.shape for p in parameters) else "parameter block"
    if total == 1:
        some = parameters[0].display not in missing
        named = f" but for {_name_some(missing)}" if missing and some else ""
        return f"The only {noun} is {'not ' if missing and not some else ''}claimed{named}."
    if not missing:
        return f"All {total} {noun}s are claimed." if parameters else ""
    if have == 0 and missing == [p.display for p in parameters]:
        return f"0 of {total} {noun}s are claimed."
    return f"{have} of {total} {noun}s {'is' if have == 1 else 'are'} claimed, not {_name_some(missing)}."


def _agree(entry: Entry, limits: Limits) -> bool:
    """Whether the columns, as they were computed, show one number; an ok that the reference gave against one
    of them is not that."""
    if entry.verdict is not Verdict.OK:
        return False
    columns = [c for c in (entry.symbolic, entry.backprop) if c is not None]
    if not all(map(math.isfinite, columns)):
        return False
    if entry.finite is None or entry.bound is None or entry.backprop is None:
        return True
    close = limits.gradients.close * abs(entry.backprop)
    tolerance = limits.checking.agreeing_bounds * entry.bound + close
    decided = entry.reference is not None and entry.symbolic is not None
    others = (entry.finite, entry.symbolic) if decided else (entry.finite,)
    return all(other is not None and abs(other - entry.backprop) <= tolerance for other in others)


def sentences_on_columns(
    shown: Sequence[Block], coverage: Coverage, limits: Limits = LIMITS, unused: int = 0,
    *, given: bool = False,
) -> list[str]:  # fmt: skip
    """What is said of the columns: whether they agree, and to how many digits; `unused` entries are of
    parameters that the loss does not use; `given`: all values are the author's, and no seed changes them."""
    here = [e for b in shown for e in b.entries if e.point == 0]
    agreeing = coverage.entries - coverage.zero - sum(e.tested and not _agree(e, limits) for e in here)
    digits = [b.digits for b in shown if b.digits is not None]
    sentences = []
    if coverage.entries:
        proved = int(min(digits, default=0.0))
        least = f", to at least {plural(proved, 'digit')}" if proved and agreeing else ""
        counted = plural(coverage.entries, "entry")
        sentences.append(f"The columns above agree: {agreeing:,} of {counted}{least}.")
    sentences += _on_open_ones(shown)
    sentences += _on_ways(shown, coverage, limits.gradients.directions)
    below = sum(b.below for b in shown)
    if below:
        are = "entry is" if below == 1 else "entries are"
        sentences.append(f"{below:,} {are} below the range of float64: NOT tested.")
    dead = coverage.zero - unused - below
    if dead:
        name = next((b.name for b in shown if b.zero > b.below and not unused), "NAME")
        way_out = f"other values, --at {name}=VALUE" if given else "--points 8 or another --seed"
        are = "entry is" if dead == 1 else "entries are"
        sentences.append(
            f"{dead:,} {are} zero in all columns: NOT tested (dead units; try {way_out})."
        )
    return sentences


def _on_open_ones(shown: Sequence[Block]) -> list[str]:
    """That some entries are UNRESOLVED at some point, where all else agrees."""
    found = {(b.name, e.index) for b in shown for e in b.entries if e.verdict is Verdict.UNRESOLVED}
    are, them = ("entry is", "it") if len(found) == 1 else ("entries are", "them")
    return [f"{len(found):,} {are} UNRESOLVED; why stands beside {them}."] if found else []


def _on_ways(shown: Sequence[Block], coverage: Coverage, directions: int) -> list[str]:
    """Which blocks were too large to move every entry by itself, and what was done instead."""
    by_node = [b.name for b in shown if b.way == "by node"]
    large = [b for b in shown if b.way != "each"]
    sentences = []
    if by_node:
        sentences.append(
            f"By node: {_name_some(by_node)}. One difference by f = W @ h + b serves all of W and b, and "
            "some entries were moved one by one beside it."
        )
    if large:
        rest = coverage.checked - coverage.one_by_one
        others = f"; the other {rest:,} only count in {_sums(directions)} of all entries with random signs"
        sentences.append(
            f"{coverage.one_by_one:,} of {coverage.checked:,} entries have a difference of their own that "
            f"proves enough digits{others if rest else ''}. {_chance(coverage.unseen)}"
        )
    return sentences


def _sums(directions: int) -> str:
    return "one sum" if directions == 1 else f"{directions} sums"


def _chance(unseen: float) -> str:
    """What a single wrong entry of a large block can hope for."""
    if not unseen:
        return "A single entry off by 1e-3 of itself would be seen, whichever it is."
    return f"A single entry off by 1e-3 of itself goes unseen with probability {unseen:.1g}."


def _name_some(names: Sequence[str]) -> str:
    return _join_some(names, ", ")


def _join_some(parts: Sequence[str], between: str) -> str:
    more = f" and {len(parts) - _MOST_NAMED:,} more" if len(parts) > _MOST_NAMED else ""
    return between.join(parts[:_MOST_NAMED]) + more


def summary_of(
    shown: Sequence[Block], results: Sequence[ClaimResult], coverage: Coverage
) -> str:
    """One line for a model among many."""
    digits = [b.digits for b in shown if b.digits is not None]
    least = f", at least {plural(int(min(digits)), 'digit')}" if digits else ""
    parts = [f"{plural(coverage.entries - coverage.zero, 'entry')}{least}"]
    if results:
        counts = {v: sum(r.verdict is v for r in results) for v in (Verdict.WRONG, Verdict.UNRESOLVED)}
        told = "".join(f", {count} {verdict}" for verdict, count in counts.items() if count)
        parts.append(plural(len(results), "claim") + told)
    if coverage.zero:
        parts.append(f"{coverage.zero:,} not tested")
    return "; ".join(parts)
