"""gradcheck on the population: right and wrong claims, as formulas and as numbers, each with what is true."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli import api
from gradcheck_cli.results.gradient_results import ClaimResult, Report
from problems import FLOATS, HIGH, At, Problem, Truth, evaluated, is_finite, number
from slips import Author, Slip

SAME = 20  # digits to which two formulas must agree to be one: 120 are carried
POINTS = 3  # moved points at which a slip may show
WITHIN = 1e-8  # of the truth: what float64 programs must reach for a wrong number to be knowable
ZERO = 1e-16  # 0 is claimed with 17 decimals, and a number is judged to the digits given
SIZES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 3e-8)


def report(problem: Problem, at: At, lines: Sequence[str] = (), **options: Any) -> Report:
    """What gradcheck says of the problem with these claims."""
    return api.check(api.load(problem.text(at, lines)), **options)


def claims(problem: Problem, at: At, lines: Sequence[str], **options: Any) -> list[ClaimResult]:
    """What it says of each claim."""
    return list(report(problem, at, lines, **options).claims)


# ---------------------------------------------------------------------------------------------
# Formulas
# ---------------------------------------------------------------------------------------------


def right_formulas(problem: Problem) -> list[Slip]:
    """The claims without a slip."""
    author = Author(problem)
    return [author.right(target) for target in author.targets()]


def wrong_formulas(problem: Problem, at: At) -> Iterator[Slip]:
    """All slips that make a claim wrong, at this point or with the parameters moved; in an order that is
    random and the same every time."""
    author, judge = Author(problem), Equivalence(problem, at)
    slips = [slip for target in author.targets() for slip in author.slips(target)]
    random.Random(problem.name).shuffle(slips)
    for slip in slips:
        if not re.search("[a-z]", slip.formula):
            continue  # it names nothing: a number, judged to the digits written
        if not judge.same(author.right(slip.target).formula, slip.formula):
            yield slip


class Equivalence:
    """Whether two formulas are one at a point and around it, filled with true derivatives."""

    def __init__(self, problem: Problem, at: At) -> None:
        chance = random.Random(problem.name)
        values = at.values
        moved = (
            {n: v * (1 + chance.uniform(-0.3, 0.3)) or chance.uniform(-0.1, 0.1) for n, v in values.items()}
            for _ in range(POINTS)
        )
        self.known = [self._known(problem, one) for one in (values, *moved)]

    def _known(self, problem: Problem, values: Mapping[str, float]) -> dict[str, Any]:
        given = {k: HIGH.mpf(v) for k, v in values.items()}
        slopes = {f"adjoint_{k}": v for k, v in problem.adjoints(HIGH, given).items()}
        return {**problem.all_values(HIGH, given), **slopes}

    def same(self, one: str, other: str) -> bool:
        """Whether they give the same numbers wherever both can be evaluated."""
        first, second = (
            ast.parse(text.replace("d loss/d ", "adjoint_"), mode="eval").body for text in (one, other)
        )
        for known in self.known:
            if _differ(*(evaluated(HIGH, tree, known) for tree in (first, second)), _noise(known)):
                return False
        return True


def _noise(known: Mapping[str, Any]) -> Any:
    """What 120 digits leave of derivatives that are zero because terms cancel."""
    sizes = [abs(v) for k, value in known.items() if k.startswith("adjoint_") for v in np.ravel(value)]
    return max((s for s in sizes if is_finite(s)), default=0) * HIGH.mpf(10) ** -100


def _differ(one: Any, other: Any, noise: Any) -> bool:
    a, b = np.broadcast_arrays(np.asarray(one, dtype=object), np.asarray(other, dtype=object))
    for x, y in zip(a.flat, b.flat, strict=True):
        allowed = (
            max(abs(x), abs(y)) * HIGH.mpf(10) ** -SAME + noise if is_finite(x) and is_finite(y) else HIGH.inf
        )
        if abs(x - y) > allowed:
            return True
    return False


# ---------------------------------------------------------------------------------------------
# Numbers
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Number:
    """A number claimed for d loss/d parameter; `kind` is "" where right programs print it."""

    parameter: str
    value: float
    kind: str

    @property
    def line(self) -> str:
        """As it stands in a model file, with all digits of a float64."""
        return f"claim d loss/d {self.parameter} = {self.value:.17e}"


def programs(problem: Problem, at: At) -> dict[str, list[float]]:
    """What three right float64 programs print: dual numbers, the chain of textbook formulas, the same with
    the rows in reverse."""
    found: dict[str, list[float]] = {name: [] for name in at.values}
    turned = Problem(
        problem.family, problem.name, problem.source,
        {k: v[::-1] if isinstance(v, list) else v for k, v in problem.data.items()},
        problem.steps, problem.points,
    )  # fmt: skip
    for name in at.values:
        found[name].append(problem.forward(FLOATS, at, name))
    for each in (problem, turned):
        for name, value in _by_chain(each, at).items():
            found[name].append(value)
    return found


def _by_chain(problem: Problem, at: At) -> dict[str, float]:
    """Backward through the textbook formulas in float64."""
    author = Author(problem)
    known = problem.all_values(FLOATS, {k: number(FLOATS, v) for k, v in at.values.items()})
    for target in author.targets():
        text = author.right(target).formula.replace("d loss/d ", "adjoint_")
        value = evaluated(FLOATS, ast.parse(text, mode="eval").body, known)
        if target in author.per_row and not isinstance(value, np.ndarray):
            value = np.array([value] * author.count, dtype=object)
        known[f"adjoint_{target}"] = value
    return {name: float(known[f"adjoint_{name}"]) for name in at.values}


def right_numbers(truth: Mapping[str, Truth], printed: Mapping[str, Sequence[float]]) -> list[Number]:
    """The truth rounded to a double, and what right programs print."""
    return [
        Number(name, value, "")
        for name, one in truth.items()
        if not one.kink
        for value in dict.fromkeys((float(one.left), *printed[name]))
        if np.isfinite(value)
    ]


def wrong_numbers(truth: Mapping[str, Truth]) -> Iterator[Number]:
    """Numbers with a mistake, down to 3e-8 of the truth."""
    for name, one in truth.items():
        value = float(one.left)
        if one.kink or not np.isfinite(value):
            continue
        if value == 0:
            continue
        for kind, wrong in (("sign", -value), ("twice", 2 * value), ("half", value / 2)):
            yield Number(name, wrong, kind)
        if abs(value) > ZERO:
            yield Number(name, 0.0, "zero")
        for size in SIZES:
            yield Number(name, value * (1 + size), f"{size:g}")
            yield Number(name, value * (1 - size), f"{size:g}")


def knowable(truth: Truth, printed: Sequence[float]) -> bool:
    """Whether float64 carries the number: three programs within 1e-8 of the truth."""
    value = float(truth.left)
    return bool(value) and all(abs(p - value) <= WITHIN * abs(value) for p in printed)
