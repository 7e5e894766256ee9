"""Random models against an oracle that shares no code with the package: seeds in, minimized failures out.

    python benchmarks/adversary.py --models 2000 --seed 0

`adversary_table.py` is the grammar: every function of the language, what it is, in mpmath at 800 digits, and
its rule as a formula. `adversary_problems.py` draws inputs (numbers, vectors, matrices, rows; values at
kinks, at borders, of extraordinary size) and takes the slopes of every step to both sides with a step of
1e-250. `adversary_claims.py` makes claims that are right by construction, and mutated ones. Failures:

    crash               an exception that is no error of gradcheck's own
    refused             a model of the language that cannot be read
    right called WRONG  a claim that holds
    wrong passed        a claim that does not hold, with verdict ok, or KINK where there is no choice
    right column blamed an entry that is WRONG: here nobody changed a rule
    digits overstated   a column further from the truth than the digits of its row say
    kink missed         an entry that is ok where left and right slopes differ
    slow                a report of more than a minute of the processor
    undecided ok        a report that reads ok although a claim is undecided
    claim not found     a report that does not hold a claim as it was written

`adversary_writing.py` writes a problem in other ways that say the same: with definitions, loops, and names of
derivatives.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from adversary_claims import BY_LITTLE, Claimed, claims_of, with_claims
from adversary_problems import Author, Input, Problem, Slope
from adversary_trees import C, Tree, names_in
from adversary_writing import Style
from gradcheck_cli import Report, Verdict, check, load
from gradcheck_cli.common.errors import GradcheckError

FAILURES = (
    *("crash", "refused", "right called WRONG", "wrong passed"),
    *("right column blamed", "digits overstated", "kink missed", "slow", "undecided ok", "claim not found"),
)
SECONDS = 60  # of one report
_TINY = C.mpf("1e-300")
_DIGITS = 10  # tell a number that is off by 4 units of the ninth digit from a right one

Failure = tuple[str, str]


def examine(seed: int, extreme: float = 0.02) -> tuple[Problem, Failure | None]:
    """The problem of a seed, and its failure."""
    author = Author(seed, extreme)
    problem = with_claims(author.problem(), author.random)
    return problem, failure(problem)


def failure(problem: Problem) -> Failure | None:
    """What goes wrong with this problem, if anything does, and a sentence on it."""
    claims = claims_of(problem)
    try:
        with warnings.catch_warnings(), interrupted(SECONDS):
            warnings.simplefilter("error")
            report = check(load(text_of(problem, claims)))
    except GradcheckError as error:
        return "refused", str(error).splitlines()[0]
    except Overdue:
        return "slow", f"more than {SECONDS} seconds"
    except Exception as error:  # whatever it is, it is a crash
        where = traceback.extract_tb(error.__traceback__)[-1]
        return "crash", f"{type(error).__name__}: {error} ({where.name})"
    misjudged = misjudged_claim(report, claims, problem.style)
    return misjudged or misjudged_entry(report, problem) or misjudged_report(report)


class Overdue(BaseException):
    """A report takes too long; nothing else catches it."""


@contextmanager
def interrupted(seconds: float) -> Iterator[None]:
    """Raises Overdue in what runs longer than some seconds of the processor."""
    def overdue(*_: object) -> None:
        raise Overdue

    signal.signal(signal.SIGVTALRM, overdue)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def text_of(problem: Problem, claims: list[Claimed] | None = None) -> str:
    """The model file with its claims."""
    lines = claims_of(problem) if claims is None else claims
    return problem.text(tuple(dict.fromkeys(c.line for c in lines)))


def misjudged_claim(report: Report, claims: list[Claimed], style: Style) -> Failure | None:
    """A claim with a verdict that is a mistake. Where the loss is not finite no claim is judged."""
    given = {style.claim(c.line).replace(" ", ""): c for c in claims}
    summed = {line.partition("=")[0]: c for line, c in given.items() if "(i=" in line}  # shown term by term
    for found in report.claims:
        sign = "" if found.formula.startswith("from ") else "="
        left = f"claim{found.display}".replace(" ", "")
        claim = given.get(f"{left}{sign}{found.formula}".replace(" ", ""), summed.get(left))
        if claim is None:
            return "claim not found", f"{found.display} = {found.formula}"
        mistake = claim.mistakes.get(str(found.verdict))
        if mistake == BY_LITTLE:
            few = "carries no more" in (found.note or "") or _are_few(report, claim)
            mistake = None if few else "wrong passed"
        if mistake is not None:
            said = found.note or found.diagnosis
            return mistake, f"{claim.line}: {found.verdict}, {said}"
    return None


def _are_few(report: Report, claim: Claimed) -> bool:
    """Whether the report says that float64 has fewer digits than tell the claim from a right one; whether it
    overstates them is looked at elsewhere."""
    by = re.match(r"claim (?:d \w+/d )?(\w+)", claim.line)
    entries = [e for b in report.parameters if by and b.name == by[1] for e in b.entries if not e.point]
    return any(e.verdict is not Verdict.OK or (e.digits or 0) < _DIGITS for e in entries)


def misjudged_report(report: Report) -> Failure | None:
    """A report that reads ok although one of its claims does not."""
    if report.verdict is not Verdict.OK:
        return None
    left = [c for c in report.claims if c.verdict not in (Verdict.OK, Verdict.KINK)]
    return ("undecided ok", f"{left[0].display}: {left[0].verdict}") if left else None


def misjudged_entry(report: Report, problem: Problem) -> Failure | None:
    """An entry that is WRONG, or ok although a column has fewer digits than its row says."""
    for block in report.parameters:
        slopes = problem.slopes(block.name) if problem.base is not None else {}
        for entry in block.entries:
            slope = slopes.get(tuple(entry.index))
            if slope is None or entry.point:
                continue
            found = _misjudged(entry, slope)
            if found is not None:
                return found[0], f"{block.name}{list(entry.index)}: {found[1]}"
    return None


def _misjudged(entry: Any, slope: Slope) -> Failure | None:
    if entry.verdict is Verdict.WRONG:
        return "right column blamed", str(entry.note)
    if entry.verdict is not Verdict.OK:
        return None
    if slope.is_kink:
        return "kink missed", f"slopes {C.nstr(slope.left, 9)} and {C.nstr(slope.right, 9)}"
    if not slope.is_smooth or not slope.right:
        return None
    size, true = abs(slope.right), C.nstr(slope.right, 17)
    slack = 2 * size * C.mpf(10) ** -int(entry.digits or 0) + _TINY  # two units of the last digit said
    shown = [entry.symbolic, entry.backprop, entry.reference]
    if entry.reference is not None and "overflows" in (entry.note or ""):
        shown[0] = None  # nan is what SymPy's form gives, and what the note says
    if entry.reference is not None and "float64 carries 0 digits" in (entry.note or ""):
        shown = [entry.reference]
    columns = [c for c in shown if c is not None]
    if any(not C.isfinite(C.mpf(c)) or abs(C.mpf(c) - slope.right) > slack for c in columns):
        return "digits overstated", f"{columns}, true {true}, {entry.digits} digits said"
    unseen = ("differences see only rounding", "which differences do not see")  # waves between doubles
    told = any(words in (entry.note or "") for words in unseen)
    if entry.finite is not None and entry.bound is not None and not told:
        off = abs(C.mpf(entry.finite) - slope.right)
        if off > 2 * C.mpf(entry.bound) + 64 * size * C.mpf(2) ** -53 + _TINY:
            return "digits overstated", f"{entry.finite} +- {entry.bound}, true {true}"
    return None


# ---------------------------------------------------------------------------------------------
# Minimized failures
# ---------------------------------------------------------------------------------------------


def minimized(problem: Problem, kind: str) -> Problem:
    """The smallest problem found that fails in the same way: fewer claims, steps, inputs, plainer values."""
    best, again = problem, True
    while again:
        again = False
        for smaller in _smaller(best):
            found = failure(smaller)
            if found is not None and found[0] == kind:
                best, again = smaller, True
                break
    return best


def _smaller(problem: Problem) -> Iterator[Problem]:
    if len(problem.recipes) > 1:
        yield from (replace(problem, recipes=(r,), cache={}) for r in problem.recipes)
    elif problem.recipes:
        yield replace(problem, recipes=(), cache={})
    if problem.style != Style():
        yield replace(problem, style=Style(), cache={})
        for part in ({"defined": frozenset()}, {"named": frozenset()}, {"halved": False}, {"loops": False}):
            yield replace(problem, style=replace(problem.style, **part), cache={})
    used = frozenset().union(*map(names_in, problem.steps.values()))
    claimed = {name for r in problem.recipes for name in (r.by, r.of)}
    for title in {**problem.inputs, **problem.steps}:
        if title not in used | claimed | {"loss"} and len(problem.inputs) + len(problem.steps) > 2:
            yield _without(problem, title)
    for title, tree in problem.steps.items():
        for other in _pruned(tree):
            yield replace(problem, steps={**problem.steps, title: other}, cache={})
    for title, given in problem.inputs.items():
        for values in () if given.words else _plainer(given.values):
            changed = {**problem.inputs, title: Input(given.kind, values)}
            yield replace(problem, inputs=changed, cache={})


def _without(problem: Problem, title: str) -> Problem:
    inputs = {n: v for n, v in problem.inputs.items() if n != title}
    steps = {n: v for n, v in problem.steps.items() if n != title}
    return replace(problem, inputs=inputs, steps=steps, cache={})


def _pruned(tree: Tree) -> Iterator[Tree]:
    for place, argument in enumerate(tree.arguments):
        if (argument.shape, argument.rows) == (tree.shape, tree.rows):
            yield argument
        for other in _pruned(argument):
            parts = (*tree.arguments[:place], other, *tree.arguments[place + 1 :])
            yield replace(tree, arguments=parts)


def _plainer(values: Any) -> Iterator[Any]:
    if not isinstance(values, list):
        if values not in ("0", "1", "2", "0.5"):
            yield from ("2", "1", "0", "0.5")
        return
    for place, value in enumerate(values):
        for other in _plainer(value):
            yield [*values[:place], other, *values[place + 1 :]]


# ---------------------------------------------------------------------------------------------
# Many of them
# ---------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What came of all models."""

    models: int = 0
    without_value: int = 0
    claims: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)


def examine_many(seeds: range, show: int, extreme: float) -> Outcome:
    """Examine the problems of seeds; print each failure in its smallest form."""
    outcome = Outcome()
    for seed in seeds:
        problem, found = examine(seed, extreme)
        outcome.models += 1
        outcome.without_value += problem.base is None
        for claim in claims_of(problem):
            kind = "right" if "WRONG" in claim.mistakes else "wrong" if claim.mistakes else "other"
            outcome.claims[kind] += 1
        if found is None:
            continue
        outcome.failures[found[0]] += 1
        if outcome.failures[found[0]] <= show:
            small = minimized(problem, found[0])
            said = (failure(small) or found)[1]
            print(f"--- seed {seed}: {found[0]}: {said}\n{text_of(small)}", flush=True)
    return outcome


def main() -> int:
    """Examine as many models as are asked for, and count."""
    parser = argparse.ArgumentParser(description="Random models against an oracle of its own.")
    parser.add_argument("--models", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0, help="of the first model; the others follow")
    parser.add_argument("--show", type=int, default=10, help="failures of each kind that are printed")
    parser.add_argument("--extreme", type=float, default=0.02, help="part of values of extraordinary size")
    asked = parser.parse_args()
    seeds = range(asked.seed, asked.seed + asked.models)
    outcome = examine_many(seeds, asked.show, asked.extreme)
    right, wrong = outcome.claims["right"], outcome.claims["wrong"]
    print(f"{outcome.models:,} models ({outcome.without_value:,} without a value), "
          f"{right:,} right claims, {wrong:,} wrong ones")  # fmt: skip
    for kind in FAILURES:
        print(f"{kind:<20}{outcome.failures[kind]:>6}")
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
