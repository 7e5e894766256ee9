"""Random models against an oracle that shares no code with the package: seeds in, minimized failures out.

    python benchmarks/adversary.py --models 2000 --seed 0

A model is a tree of operations over parameters (numbers, vectors, matrices) with special values among the
ordinary ones. The oracle evaluates the tree by itself in mpmath, every decimal as that decimal, and takes the
slopes to both sides with a step of 1e-250 at 800 digits. Claims are right by construction (the slope to 17
digits; the derivative as a formula from a table of its own) or mutated. Counted as failures:

    crash               an exception that is no error of gradcheck's own
    refused             a model of the language that cannot be read
    right called WRONG  a claim that holds
    wrong passed        a claim that does not hold, with verdict ok
    right column blamed an entry that is WRONG: here nobody changed a rule
    digits overstated   a column further from the truth than the digits of its row say
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import mpmath
import numpy as np

from gradcheck_cli import Report, Verdict, check, load
from gradcheck_cli.common.errors import GradcheckError

DIGITS = 800
STEP = 250  # decimal places: truncation 1e-250 of the second derivative, round-off 1e-550
SPECIAL = ("0", "1", "-1", "0.5", "2", "-0.3", "0.1", "1e-3", "20", "-7", "1e-9", "300")
FAILURES = (
    *("crash", "refused", "right called WRONG", "wrong passed"),
    *("right column blamed", "digits overstated"),
)
KNOWN_DIGITS = 25  # of a slope: more than any verdict needs

C = mpmath.MPContext()
C.dps = DIGITS
_UNIT = C.mpf(10) ** -KNOWN_DIGITS
_LEAST = C.mpf(10) ** (KNOWN_DIGITS - STEP)


# ---------------------------------------------------------------------------------------------
# Trees, and what they are worth
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tree:
    """An operation on trees; a leaf has a name, or is a decimal."""

    operation: str
    arguments: tuple[Tree, ...] = ()
    text: str = ""
    shape: tuple[int, ...] = ()


Scalar = Callable[..., Any]
# how it is written, what it is, and its derivatives as text: {0} and {1} are the arguments
ELEMENTWISE: dict[str, tuple[str, Scalar, tuple[str, ...]]] = {
    "add": ("({0} + {1})", lambda a, b: a + b, ("1", "1")),
    "sub": ("({0} - {1})", lambda a, b: a - b, ("1", "(-1)")),
    "mul": ("({0}*{1})", lambda a, b: a * b, ("{1}", "{0}")),
    "div": ("({0}/{1})", lambda a, b: a / b, ("(1/{1})", "(-{0}/({1})^2)")),
    "square": ("({0})^2", lambda a: a * a, ("(2*{0})",)),
    "cube": ("({0})^3", lambda a: a**3, ("(3*({0})^2)",)),
    "neg": ("(-{0})", lambda a: -a, ("(-1)",)),
    "sin": ("sin({0})", C.sin, ("cos({0})",)),
    "cos": ("cos({0})", C.cos, ("(-sin({0}))",)),
    "tan": ("tan({0})", C.tan, ("(1/cos({0})^2)",)),
    "tanh": ("tanh({0})", C.tanh, ("(1/cosh({0})^2)",)),
    "atan": ("atan({0})", C.atan, ("(1/(1 + ({0})^2))",)),
    "sinh": ("sinh({0})", C.sinh, ("cosh({0})",)),
    "exp": ("exp({0})", C.exp, ("exp({0})",)),
    "expm1": ("expm1({0})", C.expm1, ("exp({0})",)),
    "log": ("log({0})", lambda a: C.log(_positive(a)), ("(1/{0})",)),
    "log1p": ("log1p({0})", lambda a: C.log(_positive(1 + a)), ("(1/(1 + {0}))",)),
    "sqrt": ("sqrt({0})", lambda a: C.sqrt(_positive(a, zero=True)), ("(1/(2*sqrt({0})))",)),
    "sigmoid": ("sigmoid({0})", lambda a: 1 / (1 + C.exp(-a)), ("(sigmoid({0})*sigmoid(-({0})))",)),
    "softplus": ("softplus({0})", lambda a: C.log1p(C.exp(-abs(a))) + max(a, 0), ("sigmoid({0})",)),
    "erf": ("erf({0})", C.erf, ("(2*exp(-({0})^2)/sqrt(pi))",)),
    "silu": (
        "silu({0})", lambda a: a / (1 + C.exp(-a)), ("(sigmoid({0}) + {0}*sigmoid({0})*sigmoid(-({0})))",),
    ),
    "relu": ("relu({0})", lambda a: max(a, C.mpf(0)), ("(({0}) > 0)",)),
    "abs": ("abs({0})", abs, ("sign({0})",)),
    "max": ("max({0}, {1})", max, ("(({0}) >= ({1}))", "(({0}) < ({1}))")),
    "min": ("min({0}, {1})", min, ("(({0}) <= ({1}))", "(({0}) > ({1}))")),
}
# of arrays: how it is written and what it is, for object arrays
ARRAYS: dict[str, tuple[str, Callable[..., Any]]] = {
    "sum": ("sum({0})", np.sum),
    "mean": ("mean({0})", lambda a: np.sum(a) / a.size),
    "prod": ("prod({0})", np.prod),
    "norm": ("norm({0})", lambda a: C.sqrt(np.sum(a * a))),
    "largest": ("max({0})", lambda a: max(np.ravel(a))),
    "logsumexp": ("logsumexp({0})", lambda a: C.log(sum(C.exp(x) for x in np.ravel(a)))),
    "softmax": ("softmax({0})", lambda a: _exponentials(a) / np.sum(_exponentials(a))),
    "transpose": ("({0})'", lambda a: a.T if a.ndim == 2 else a[None]),
    "matmul": ("({0} @ {1})", lambda a, b: a @ b),
    "dot": ("dot({0}, {1})", lambda a, b: np.sum(a * b)),
    "outer": ("outer({0}, {1})", np.multiply.outer),
    "concat": ("concat({0}, {1})", lambda a, b: np.concatenate([a, b])),
    "first": ("({0})[0]", lambda a: a[0]),
    "trace": ("trace({0})", np.trace),
    "det": ("det({0})", lambda a: _determinant(a)),
}


class Outside(Exception):
    """A value outside a domain, or too large to go on with."""


def _positive(a: Any, zero: bool = False) -> Any:
    if a < 0 or (a == 0 and not zero):
        raise Outside
    return a


def _exponentials(a: Any) -> Any:
    return np.frompyfunc(C.exp, 1, 1)(a)


def _determinant(a: Any) -> Any:
    size = len(a)
    found = C.mpf(0)
    for places in itertools.permutations(range(size)):
        swaps = sum(places[i] > places[j] for i in range(size) for j in range(i + 1, size))
        found += (-1) ** swaps * np.prod([a[i, j] for i, j in enumerate(places)])
    return found


def value(tree: Tree, point: dict[str, Any], known: dict[Tree, Any]) -> Any:
    """The value of a tree: a number, or an object array. Raises Outside."""
    if tree in known:
        return known[tree]
    if tree.operation == "name":
        return point[tree.text]
    if tree.operation == "number":
        return C.mpf(tree.text)
    given = [value(a, point, known) for a in tree.arguments]
    try:
        if tree.operation in ELEMENTWISE:
            found = np.frompyfunc(ELEMENTWISE[tree.operation][1], len(given), 1)(*given)
        else:
            found = ARRAYS[tree.operation][1](*given)
    except (ZeroDivisionError, OverflowError, ValueError) as error:
        raise Outside from error
    if any(not C.isfinite(x) or abs(x) > C.mpf("1e300") for x in np.ravel(found)):
        raise Outside
    known[tree] = found
    return found


def written(tree: Tree) -> str:
    """A tree in the language of model files."""
    if tree.operation in ("name", "number"):
        return f"({tree.text})" if tree.text.startswith("-") else tree.text
    form = (ELEMENTWISE.get(tree.operation) or ARRAYS[tree.operation])[0]
    return form.format(*map(written, tree.arguments))


def derivative(tree: Tree, name: str) -> str | None:
    """The derivative of an elementwise tree by a name, as text; None where the table has no rule."""
    if tree.operation == "name":
        return "1" if tree.text == name else "0"
    if tree.operation == "number":
        return "0"
    if tree.operation not in ELEMENTWISE:
        return None
    parts = []
    for rule, argument in zip(ELEMENTWISE[tree.operation][2], tree.arguments, strict=True):
        inner = derivative(argument, name)
        if inner is None:
            return None
        if inner != "0":
            outer = rule.format(*map(written, tree.arguments))
            parts.append(outer if inner == "1" else f"{outer}*{inner}")
    return "0" if not parts else parts[0] if len(parts) == 1 else f"({' + '.join(parts)})"


# ---------------------------------------------------------------------------------------------
# Models and claims
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claimed:
    """A line, and whether it holds; None where that is not known."""

    line: str
    holds: bool | None


@dataclass(frozen=True)
class Problem:
    """Parameters with their decimals, the tree of the loss, and claims."""

    parameters: dict[str, Any]  # a text, or nested lists of texts
    loss: Tree
    claims: tuple[Claimed, ...] = ()

    def text(self) -> str:
        """The model file."""
        lines = [f"param {_declared(n, v)} = {_listed(v)}" for n, v in self.parameters.items()]
        return "\n".join([*lines, f"loss = {written(self.loss)}", *(c.line for c in self.claims), ""])

    def point(self) -> dict[str, Any]:
        """The values as mpmath numbers."""
        number = np.frompyfunc(C.mpf, 1, 1)
        return {n: number(np.array(v, dtype=object)) if isinstance(v, list) else C.mpf(v)
                for n, v in self.parameters.items()}  # fmt: skip


def _declared(name: str, values: Any) -> str:
    shape = np.shape(np.array(values, dtype=object))
    return f"{name}[{','.join(map(str, shape))}]" if shape else name


def _listed(values: Any) -> str:
    return f"[{', '.join(map(_listed, values))}]" if isinstance(values, list) else str(values)


class Author:
    """Draws problems from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def problem(self) -> Problem:
        """Parameters of small shapes and a tree over them."""
        draw = self.random
        size = draw.choice([1, 2, 3])
        shapes = [draw.choice([(), (), (size,), (size, size)]) for _ in range(draw.choice([1, 2, 2, 3]))]
        parameters = {f"p{k}": self._values(shape) for k, shape in enumerate(shapes)}
        pool = [Tree("name", text=n, shape=s) for n, s in zip(parameters, shapes, strict=True)]
        for _ in range(draw.randint(1, 6)):
            pool.append(self._applied(pool))
        loss = pool[-1]
        if loss.shape:
            loss = Tree(draw.choice(["sum", "sum", "mean", "norm"]), (loss,))
        return Problem(parameters, loss)

    def _values(self, shape: tuple[int, ...]) -> Any:
        if not shape:
            draw = self.random
            return draw.choice(SPECIAL) if draw.random() < 0.4 else str(round(draw.uniform(-2, 2), 3))
        return [self._values(shape[1:]) for _ in range(shape[0])]

    def _applied(self, pool: list[Tree]) -> Tree:
        """One more operation, the later trees more often."""
        draw = self.random
        first = draw.choice(pool[-3:])
        if first.shape and draw.random() < 0.35:
            found = self._of_arrays(first, pool)
            if found is not None:
                return found
        operation = draw.choice(list(ELEMENTWISE))
        if len(ELEMENTWISE[operation][2]) == 1:
            return Tree(operation, (first,), shape=first.shape)
        scalars = [t for t in pool if t.shape in ((), first.shape)]
        second = draw.choice([*scalars, Tree("number", text=draw.choice(SPECIAL))])
        pair = (first, second) if draw.random() < 0.6 else (second, first)
        return Tree(operation, pair, shape=first.shape)

    def _of_arrays(self, x: Tree, pool: list[Tree]) -> Tree | None:
        draw, rank, n = self.random, len(x.shape), x.shape[0]
        others = [t for t in pool if t.shape == x.shape]
        y = draw.choice(others)
        choices = [Tree(op, (x,)) for op in ("sum", "mean", "prod", "norm", "largest")]
        if rank == 1:
            choices += [Tree(op, (x,)) for op in ("logsumexp", "first")]
            choices += [Tree("softmax", (x,), shape=x.shape), Tree("dot", (x, y))]
            choices += [Tree("concat", (x, y), shape=(2 * n,)), Tree("outer", (x, y), shape=(n, n))]
        elif x.shape[0] == x.shape[1]:
            choices += [Tree("trace", (x,)), Tree("transpose", (x,), shape=x.shape),
                        Tree("matmul", (x, y), shape=x.shape)]  # fmt: skip
            choices += [Tree("det", (x,))] if n <= 3 else []
        return draw.choice(choices)


@dataclass(frozen=True)
class Slope:
    """The slopes of the loss along one entry, to both sides; None where one cannot be had."""

    left: Any
    right: Any

    @property
    def is_smooth(self) -> bool:
        """Whether both are finite, the same, and not of the size of the truncation error."""
        sure = self.right == 0 or (self.right is not None and abs(self.right) > _LEAST)
        return self.is_known and sure and abs(self.left - self.right) <= _UNIT * (1 + abs(self.left))

    @property
    def is_known(self) -> bool:
        """Whether both could be had and are no jump."""
        return all(s is not None and abs(s) < C.mpf(10) ** (STEP // 2) for s in (self.left, self.right))


Slopes = dict[str, dict[tuple[int, ...], Slope]]


def slopes(problem: Problem) -> Slopes:
    """The slopes of the loss along every entry of every parameter. Raises Outside at the point itself."""
    point, h = problem.point(), C.mpf(10) ** -STEP
    here = value(problem.loss, point, {})
    found: Slopes = {}
    for name, given in point.items():
        found[name] = {}
        for index in np.ndindex(np.shape(given)):
            sides = []
            for way in (-h, h):
                moved = np.array(given, dtype=object)
                moved[index] += way
                try:
                    there = value(problem.loss, {**point, name: moved if moved.shape else moved[()]}, {})
                    sides.append((there - here) / way)
                except Outside:
                    sides.append(None)
            found[name][index] = Slope(*sides)
    return found


def with_claims(problem: Problem, truth: Slopes, draw: random.Random) -> Problem:
    """The problem with right and mutated claims on each parameter whose slopes are smooth."""
    claims: list[Claimed] = []
    for name, entries in truth.items():
        known = [s for s in entries.values() if s.is_smooth]
        if len(known) < len(entries):
            continue
        title = f"claim d loss/d {name}"
        numbers = {i: s.right for i, s in entries.items()}
        claims.append(Claimed(f"{title} = {_nested(numbers, 17)}", True))
        claims += _mutated(title, numbers, draw)
        body = problem.loss.arguments[0] if problem.loss.operation == "sum" else problem.loss
        formula = derivative(body, name)
        if formula is not None and not body.shape and not isinstance(problem.parameters[name], list):
            claims.append(Claimed(f"{title} = {formula}", True))
            if any(number for number in numbers.values()):
                claims.append(Claimed(f"{title} = 1.001*({formula})", False))
    return replace(problem, claims=tuple(claims))


def _mutated(title: str, numbers: dict[tuple[int, ...], Any], draw: random.Random) -> Iterator[Claimed]:
    """One entry off by a thousandth, by its sign, or by a half where it is 0; for others it is as it was."""
    index = draw.choice(list(numbers))
    true = numbers[index]
    if abs(true) < C.mpf("1e-280"):
        yield Claimed(f"{title} = {_nested({**numbers, index: true + C.mpf('0.5')}, 17)}", False)
        return
    factor = draw.choice(["1.001", "-1", "2", "0.5"])
    yield Claimed(f"{title} = {_nested({**numbers, index: true * C.mpf(factor)}, 17)}", False)


def _nested(numbers: dict[tuple[int, ...], Any], digits: int) -> str:
    """Numbers by index, as the language writes them."""
    if list(numbers) == [()]:
        return str(C.nstr(numbers[()], digits, min_fixed=0, max_fixed=0, strip_zeros=False))
    firsts = dict.fromkeys(i[0] for i in numbers)
    rows = ({i[1:]: v for i, v in numbers.items() if i[0] == k} for k in firsts)
    return f"[{', '.join(_nested(row, digits) for row in rows)}]"


# ---------------------------------------------------------------------------------------------
# Failures
# ---------------------------------------------------------------------------------------------


def failure(problem: Problem) -> tuple[str, str] | None:
    """What goes wrong with this problem, if anything does, and a sentence on it."""
    try:
        truth = slopes(problem)
    except Outside:
        truth = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            report = check(load(problem.text()))
    except GradcheckError as error:
        return "refused", str(error).splitlines()[0]
    except Exception as error:  # whatever it is, it is a crash
        return "crash", f"{type(error).__name__}: {error}"
    if not report.claims:  # where the loss is not finite nothing is judged
        return misjudged(report, truth)
    for given, found in zip(problem.claims, sorted(report.claims, key=lambda c: c.line), strict=True):
        if given.holds and found.verdict is Verdict.WRONG:
            return "right called WRONG", f"{given.line}: {found.note or found.diagnosis}"
        if given.holds is False and found.verdict is Verdict.OK:
            return "wrong passed", f"{given.line}: {found.note}"
    return misjudged(report, truth)


def misjudged(report: Report, truth: Slopes) -> tuple[str, str] | None:
    """An entry that is WRONG, or ok although a column has fewer digits than its row says."""
    for block in report.parameters:
        for entry in block.entries:
            slope = truth.get(block.name, {}).get(tuple(entry.index))
            if slope is None or entry.point or not slope.is_smooth or not slope.right:
                continue
            if entry.verdict is Verdict.WRONG:
                return "right column blamed", f"{block.name}{list(entry.index)}: {entry.note}"
            if entry.verdict is not Verdict.OK:
                continue
            columns = [c for c in (entry.symbolic, entry.backprop) if c is not None]
            size = abs(slope.right)
            digits = int(entry.digits or 0)
            slack = 2 * size * C.mpf(10) ** -digits + C.mpf("1e-300")  # two units of the last digit said
            if any(not C.isfinite(C.mpf(c)) or abs(C.mpf(c) - slope.right) > slack for c in columns):
                true = C.nstr(slope.right, 17)
                return "digits overstated", f"{block.name}{list(entry.index)}: {columns}, true {true}"
    return None


def minimized(problem: Problem, kind: str) -> Problem:
    """The smallest problem found that fails in the same way: fewer claims, then fewer operations."""
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
    if len(problem.claims) > 1:
        yield from (replace(problem, claims=(claim,)) for claim in problem.claims)
    used = written(problem.loss)
    for name in problem.parameters:
        if name not in used and not any(f"d {name} " in c.line for c in problem.claims):
            yield replace(problem, parameters={n: v for n, v in problem.parameters.items() if n != name})
    if not problem.claims:  # a smaller tree has other derivatives
        yield from (replace(problem, loss=tree) for tree in _pruned(problem.loss) if not tree.shape)


def _pruned(tree: Tree) -> Iterator[Tree]:
    for place, argument in enumerate(tree.arguments):
        if argument.shape == tree.shape:
            yield argument
        for other in _pruned(argument):
            if other.shape == argument.shape:
                parts = (*tree.arguments[:place], other, *tree.arguments[place + 1 :])
                yield replace(tree, arguments=parts)


@dataclass
class Outcome:
    """What came of all models."""

    models: int = 0
    claims: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)


def examine(seed: int) -> tuple[Problem, tuple[str, str] | None]:
    """The problem of a seed, and its failure."""
    author = Author(seed)
    problem = author.problem()
    with suppress(Outside):
        problem = with_claims(problem, slopes(problem), author.random)
    return problem, failure(problem)


def main() -> int:
    """Examine as many models as are asked for; print each failure in its smallest form."""
    parser = argparse.ArgumentParser(description="Random models against an oracle of its own.")
    parser.add_argument("--models", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0, help="of the first model; the others follow")
    parser.add_argument("--show", type=int, default=10, help="failures of each kind that are printed")
    asked = parser.parse_args()
    outcome = Outcome()
    for seed in range(asked.seed, asked.seed + asked.models):
        problem, found = examine(seed)
        outcome.models += 1
        outcome.claims.update("right" if c.holds else "wrong" for c in problem.claims)
        if found is None:
            continue
        outcome.failures[found[0]] += 1
        if outcome.failures[found[0]] <= asked.show:
            small = minimized(problem, found[0])
            print(f"--- seed {seed}: {found[0]}: {(failure(small) or found)[1]}\n{small.text()}")
    right, wrong = outcome.claims["right"], outcome.claims["wrong"]
    print(f"{outcome.models:,} models, {right:,} right claims, {wrong:,} wrong ones")
    for kind in FAILURES:
        print(f"{kind:<20}{outcome.failures[kind]:>6}")
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
