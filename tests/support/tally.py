"""The population under examination: what gradcheck says at a point, counted against what is true.

One point is examined in three reports: the parameters with right claims as formulas, right and wrong claims
as numbers, wrong claims as formulas. Whatever is not as it should be is counted and kept as a sentence.
"""

from __future__ import annotations

import random
import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from gradcheck_cli.results.gradient_results import Block, ClaimResult, Verdict
from problems import At, Problem, Truth, is_finite
from slips import Slip
from trials import (
    Number,
    claims,
    knowable,
    programs,
    report,
    right_formulas,
    right_numbers,
    wrong_formulas,
    wrong_numbers,
)

# Kinds of slips that the diagnosis knows, with what names them. A mistake may be named in another way that
# is as true: a sign is a factor of -1, d loss/d b may be x times d loss/d w
NAMED = {
    "sign": r"wrong sign|belongs",
    "sign of a term": r"wrong sign|-?2 times",
    "constant": r"times|factor|belongs",
    "factor": r"factor|belongs|times",
    "exponent": r"factor|belongs|times|misses the term",
    "inverse": r"factor|belongs",
    "function": r"belongs|factor|wrong sign",
    "indicator": r"belongs|factor|wrong sign",
    "inner": r"inner|factor|times|belongs|wrong sign|is d loss",
    "term": r"misses the term|factor|times|belongs",
    "path": r"misses the term|factor|times",
    "rows": r"times|factor|rows",
    "doubled": r"once too often|times|misses the factor",
    "swapped": r"is d loss|factor|times|wrong sign|uses|term",
    "name": r"uses|factor|belongs|times|wrong sign",
}


@dataclass
class Tally:
    """Counts by what was asked and what came of it, and the sentences on what went wrong."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    complaints: list[tuple[str, str]] = field(default_factory=list)  # (what went wrong, where)
    digits: list[float] = field(default_factory=list)  # proved by finite differences, smooth problems

    def __getitem__(self, key: tuple[str, str]) -> int:
        return self.counts[key]

    def count(self, asked: str, came: str) -> None:
        self.counts[asked, "all"] += 1
        self.counts[asked, came] += 1

    def totals(self, asked: str, *came: str) -> tuple[int, int]:
        """How often that came of all that begins so, and how often it was asked."""
        kinds = self.kinds(asked)
        return sum(self[k, c] for k in kinds for c in came), sum(self[k, "all"] for k in kinds)

    def kinds(self, asked: str) -> set[str]:
        """What was asked and begins so."""
        return {kind for kind, _ in self.counts if kind.startswith(asked)}

    def complain(self, what: str, where: str) -> None:
        self.complaints.append((what, where))

    def complaints_of(self, *what: str) -> list[str]:
        """The sentences of these kinds."""
        return [where for kind, where in self.complaints if kind in what]

    @property
    def median_digits(self) -> float:
        return statistics.median(self.digits)


def examine(problem: Problem, at: At, tally: Tally, *, formulas: int, numbers: int) -> None:
    """All parts at one point, with at most so many wrong formulas and wrong numbers."""
    if at.outside:
        _outside(problem, at, tally)
        return
    truth = problem.gradient(at)
    _right_formulas(problem, at, truth, tally)
    _numbers(problem, at, truth, tally, numbers)
    if not any(one.kink for one in truth.values()):
        _wrong_formulas(problem, at, tally, formulas)


def _title(problem: Problem, at: At) -> str:
    return f"{problem.family}.txt:{problem.line} {problem.name} {dict(at.values)}"


def chosen(items: Sequence[Any], most: int, problem: Problem) -> list[Any]:
    """At most so many, the same every time."""
    return random.Random(problem.name).sample(items, min(most, len(items)))


def _outside(problem: Problem, at: At, tally: Tally) -> None:
    verdict = report(problem, at).verdict
    tally.count("point outside", str(verdict))
    if verdict is not Verdict.UNRESOLVED:
        tally.complain("outside", f"{_title(problem, at)}: {verdict}")


def _right_formulas(problem: Problem, at: At, truth: Mapping[str, Truth], tally: Tally) -> None:
    slips = right_formulas(problem)
    found = report(problem, at, [slip.line for slip in slips])
    _parameters(problem, at, found.parameters, truth, tally)
    for slip, result in zip(slips, found.claims, strict=True):
        _alarm("right formula", result, f"{_title(problem, at)}: {slip.line}", tally)


def _parameters(
    problem: Problem, at: At, blocks: Sequence[Block], truth: Mapping[str, Truth], tally: Tally
) -> None:
    for block in blocks:
        one, where = truth[block.name], f"{_title(problem, at)}, d/d {block.name}"
        kink = one.kink or not is_finite(one.left)
        tally.count("parameter at a kink" if kink else "parameter", str(block.verdict))
        if block.verdict is Verdict.WRONG:
            tally.complain("false alarm", f"{where}: {block.entries[0].note}")
        if kink:
            if block.verdict is not Verdict.KINK:
                tally.complain("kink", f"{where}: {block.verdict}")
            continue
        _bound(problem, block, one, where, tally)


def _bound(problem: Problem, block: Block, one: Truth, where: str, tally: Tally) -> None:
    entry = next((e for e in block.entries if e.point == 0), None)
    if entry is None or entry.finite is None or entry.bound is None:
        return
    true = float(one.left)
    held = abs(entry.finite - true) <= entry.bound + 2.0**-52 * abs(true)
    tally.count("finite difference", "within its bound" if held else "outside its bound")
    if not held:
        tally.complain("bound", f"{where}: {entry.finite!r} +- {entry.bound!r}, but {true!r}")
    if not problem.kinked and entry.digits is not None and true:
        tally.digits.append(entry.digits)


def _judged(
    problem: Problem, at: At, given: Sequence[Slip | Number], **options: Any
) -> list[tuple[Any, ClaimResult]]:
    found = claims(problem, at, [one.line for one in given], **options) if given else []
    return list(zip(given, found, strict=True))


def _alarm(what: str, found: ClaimResult, where: str, tally: Tally) -> None:
    tally.count(what, str(found.verdict))
    if found.verdict is Verdict.WRONG:
        tally.complain("false alarm", f"{where}: {found.diagnosis or found.note}")


def _numbers(problem: Problem, at: At, truth: Mapping[str, Truth], tally: Tally, most: int) -> None:
    printed = programs(problem, at)
    right = right_numbers(truth, printed)
    wrong = chosen(list(wrong_numbers(truth)), most, problem)
    for one, found in _judged(problem, at, [*right, *wrong], points=1):
        if not one.kind:
            _alarm("right number", found, f"{_title(problem, at)}: {one.line}", tally)
            continue
        known = knowable(truth[one.parameter], printed[one.parameter])
        asked = f"wrong number, {one.kind}" if known else "wrong number that float64 cannot carry"
        says = found.verdict is Verdict.WRONG or bool(found.note)
        apart = found.verdict is Verdict.WRONG
        tally.count(asked, "told apart" if apart else "said so" if says else "missed")
        where = f"{_title(problem, at)}: {one.line}: {found.verdict} {found.note}"
        if known and not apart:
            tally.complain("number missed", where)
        elif not says:
            tally.complain("not said", where)


def _wrong_formulas(problem: Problem, at: At, tally: Tally, most: int) -> None:
    for slip, found in _judged(problem, at, list(islice(wrong_formulas(problem, at), most))):
        asked, where = f"wrong formula, {slip.kind}", f"{_title(problem, at)}: {slip.line}"
        if found.verdict is not Verdict.WRONG:
            # a slip that only shows on another side of a kink, or on the kink, is told in a note
            said = "side" if found.note else "missed"
            tally.count(asked, said)
            if said == "missed":
                tally.complain("formula missed", where)
            continue
        names = NAMED.get(slip.kind)
        named = bool(names and found.diagnosis and re.search(names, found.diagnosis))
        tally.count(asked, "named" if named else "told" if found.diagnosis else "silent")
        if names and not named:
            tally.complain("not named", f"{where}: {found.diagnosis}")
