"""gradcheck on the population of tests/support/population, and other checkers side by side.

Run with the Python of an environment that has gradcheck installed:

    python benchmarks/population.py               every problem; hours
    python benchmarks/population.py --every 12    every twelfth

Prints first what gradcheck says, counted against what is true, then the same numbers put to other checkers
where they are installed: a gradient as right float64 programs print it, which must not be refused, and the
same with one entry wrong, which must not be accepted. Only wrong numbers count that float64 can tell from
right ones: where three independent programs are within 1e-8 of the truth. Last, the time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import peers
from gradcheck_cli import api
from gradcheck_cli.results.gradient_results import Verdict
from problems import At, Problem, population
from tally import NAMED, Tally, chosen, examine
from timing import Call, seconds
from trials import Number, claims, knowable, programs, right_formulas, wrong_numbers

RUNS = 5


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--every", type=int, default=1, help="a part of the problems")
    options.add_argument("--formulas", type=int, default=30, help="wrong formulas a point")
    options.add_argument("--numbers", type=int, default=60, help="wrong numbers a point")
    options.add_argument("--peers", type=int, default=8, help="wrong numbers a point for all checkers")
    given = options.parse_args()
    problems = population()[:: given.every]
    points = [(problem, at) for problem in problems for at in problem.points]
    print(f"{len(problems)} problems, {len(points)} points\n")
    found = Tally()
    for k, (problem, at) in enumerate(points):
        progress("gradcheck", k, len(points))
        examine(problem, at, found, formulas=given.formulas, numbers=given.numbers)
    tell(found)
    side_by_side(points, given.peers)
    timed(points[:: max(1, len(points) // 100)])


def percent(part: int, whole: int, decimals: int = 2) -> str:
    return f"{100 * part / whole:.{decimals}f} %" if whole else "-"


def progress(what: str, done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{what}: {done} of {of} points ", end="", file=sys.stderr, flush=True)


# ---------------------------------------------------------------------------------------------
# What gradcheck says
# ---------------------------------------------------------------------------------------------


def tell(found: Tally) -> None:
    """The counts, and every sentence on what is not as it should be."""
    rows = [
        ("right formulas flagged", *found.totals("right formula", "WRONG")),
        ("right numbers flagged", *found.totals("right number", "WRONG")),
        ("wrong formulas that passed", *found.totals("wrong formula, ", "missed")),
        ("wrong numbers that passed, knowable", *found.totals("wrong number, ", "missed", "said so")),
        ("wrong numbers, not knowable, said nothing", *found.totals("wrong number that", "missed")),
        ("parameters on a kink, not KINK", *found.totals("parameter at a kink", "ok", "WRONG", "UNRESOLVED")),
        ("points outside the domain, decided", *found.totals("point outside", "ok", "WRONG", "KINK")),
        ("finite differences outside their bound", *found.totals("finite difference", "outside its bound")),
    ]
    for what, bad, of in rows:
        print(f"{what:<42} {bad:>6,} of {of:>7,}  {percent(bad, of, 3):>9}")
    print(f"digits proved by finite differences, median  {found.median_digits:.1f}\n")
    print(f"{'wrong formulas by kind':<24} {'tried':>7} {'passed':>7} {'diagnosed':>10} {'by its name':>12}")
    for asked in sorted(found.kinds("wrong formula, ")):
        kind = asked.removeprefix("wrong formula, ")
        shown = found[asked, "all"] - found[asked, "side"]
        told = found[asked, "named"] + found[asked, "told"]
        named = percent(found[asked, "named"], shown, 1) if kind in NAMED else "-"
        print(f"{kind:<24} {shown:>7,} {found[asked, 'missed']:>7} {percent(told, shown, 1):>10} {named:>12}")
    print()
    for what, where in found.complaints:
        if what not in ("not named", "number missed"):
            print(f"{what}: {where}")


# ---------------------------------------------------------------------------------------------
# Side by side
# ---------------------------------------------------------------------------------------------


def side_by_side(points: Sequence[tuple[Problem, At]], most: int) -> None:
    """Every checker on the same gradients."""
    judges, missing = peers.peers()
    asked: Counter[str] = Counter()
    said: Counter[tuple[str, str, str]] = Counter()
    for k, (problem, at) in enumerate(points):
        progress("side by side", k, len(points))
        for kind, gradient, ours in questions(problem, at, most):
            asked[kind] += 1
            said["gradcheck", kind, ours] += 1
            for name, judge in judges.items():
                said[name, kind, peers.answer(judge, problem, at, gradient)] += 1
    print(f"\n{asked['right']:,} gradients as right programs print them, {asked['wrong']:,} wrong ones")
    print(f"{'':<14} {'false alarms':>13} {'missed':>9} {'failed':>8}")
    for name in ("gradcheck", *judges):
        alarms, missed = said[name, "right", "refused"], said[name, "wrong", "accepted"]
        failed = said[name, "right", "failed"] + said[name, "wrong", "failed"]
        of_right = asked["right"] - said[name, "right", "failed"]
        of_wrong = asked["wrong"] - said[name, "wrong", "failed"]
        print(f"{name:<14} {percent(alarms, of_right):>13} {percent(missed, of_wrong):>9} {failed:>8,}")
    for name in missing:
        print(f"{name:<14} is not installed")


def questions(problem: Problem, at: At, most: int) -> Iterator[tuple[str, list[float], str]]:
    """Right and wrong gradients at a point where there is one, each with what gradcheck says of it."""
    if at.outside:
        return
    truth = problem.gradient(at)
    if any(one.kink or not np.isfinite(float(one.left)) for one in truth.values()):
        return
    printed = programs(problem, at)
    exact = {name: float(one.left) for name, one in truth.items()}
    ours = [exact, *({n: p[k] for n, p in printed.items()} for k in range(3))]
    right = [dict(pairs) for pairs in dict.fromkeys(tuple(g.items()) for g in ours)]
    right = [g for g in right if all(map(np.isfinite, g.values()))]
    wrong = [w for w in wrong_numbers(truth) if knowable(truth[w.parameter], printed[w.parameter])]
    for gradient in right:
        numbers = [Number(name, value, "") for name, value in gradient.items()]
        yield "right", list(gradient.values()), _ours(problem, at, numbers)
    for one in chosen(wrong, most, problem):
        gradient = exact | {one.parameter: one.value}
        numbers = [Number(name, value, "") for name, value in gradient.items()]
        yield "wrong", list(gradient.values()), _ours(problem, at, numbers)


def _ours(problem: Problem, at: At, numbers: Sequence[Number]) -> str:
    found = claims(problem, at, [n.line for n in numbers], points=1)
    return "refused" if any(one.verdict is Verdict.WRONG for one in found) else "accepted"


# ---------------------------------------------------------------------------------------------
# Time
# ---------------------------------------------------------------------------------------------


def timed(points: Sequence[tuple[Problem, At]]) -> None:
    """Verdicts on a whole gradient, in units of one scipy.optimize.check_grad of the same problem."""
    if "scipy" not in peers.peers()[0]:
        return
    from scipy.optimize import check_grad

    ratios: dict[str, list[float]] = {}
    for k, (problem, at) in enumerate(points):
        progress("time", k, len(points))
        if at.outside:
            continue
        gradient = [float(one.left) for one in problem.gradient(at).values()]
        if not np.all(np.isfinite(gradient)):
            continue
        lines = [f"claim d loss/d {n} = {v:.17e}" for n, v in zip(at.values, gradient, strict=True)]
        formulas = [f"claim d loss/d {s.target} = {s.formula}" for s in right_formulas(problem)]
        function, here = peers.of_vector(problem), np.array(list(at.values.values()))
        derived = peers.gradient_of(problem)
        unit = shortest(lambda f=function, g=derived, x=here: check_grad(f, g, x))
        for what, text, options in (
            ("the plain report at one point", problem.text(at), {"points": 1}),
            ("numbers claimed, one point", problem.text(at, lines), {"points": 1}),
            ("formulas claimed, all points", problem.text(at, formulas), {}),
        ):
            model = api.load(text)
            taken = shortest(lambda m=model, o=options: api.check(m, **o))
            ratios.setdefault(what, []).append(taken / unit)
    print("\none scipy.optimize.check_grad = 1; median over the problems, and the range of nine in ten")
    for what, found in ratios.items():
        low, high = np.quantile(found, [0.05, 0.95])
        print(f"{what:<32} {statistics.median(found):>8,.0f}   {low:,.0f} to {high:,.0f}")


def shortest(call: Call) -> float:
    """Of some runs, in seconds."""
    return min(seconds(call) for _ in range(RUNS))


if __name__ == "__main__":
    main()
