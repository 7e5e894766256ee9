"""Claims on a problem, right by construction or mutated, each with the verdicts that would be mistakes."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from adversary_assumed import FINITE, values_of
from adversary_problems import Index, Input, Problem, entry_of, indices_of
from adversary_trees import (
    REDUCERS,
    C,
    Outside,
    Pass,
    Rows,
    Tree,
    apply,
    contributions,
    name,
    number,
    written,
)

Verdicts = Mapping[str, str]  # the failure that a verdict would be
RIGHT: Verdicts = {"WRONG": "right called WRONG"}
NO_NUMBER: Verdicts = {"ok": "wrong passed", "KINK": "wrong passed"}
NOT_OK: Verdicts = {"ok": "wrong passed"}
AT_A_KINK: Verdicts = RIGHT | NOT_OK
UNKNOWN: Verdicts = {}
BY_LITTLE = "wrong by little passed"  # a failure where the format has the digits
SINGLE_PRECISION = UNKNOWN  # RIGHT once texts of float32 are read as such
_FOLDER = TemporaryDirectory(prefix="adversary-")  # the files of claims, as long as the program runs
_JUMPS = ("<", ">", "sign", "floor", "ceil", "round", "mod")
_SIMPLE = ("relu({0})", "abs({0})", "max({0}, {1})", "min({0}, {1})", "max({0})", "min({0})", "elu({0})",
           "leaky_relu({0})", "abs({0} - 0.3)", "relu({0} - 0.1 - 0.2)", "norm({0})")  # fmt: skip


@dataclass(frozen=True)
class Claimed:
    """A line, and which verdicts on it are which failure."""

    line: str
    mistakes: Verdicts


@dataclass(frozen=True)
class Recipe:
    """How a claim is made of a problem: a kind, of what by what, and a seed."""

    kind: str
    by: str
    seed: int
    of: str = "loss"

    def claims(self, problem: Problem) -> list[Claimed]:
        """The lines; none where this problem does not permit the kind."""
        if problem.base is None or self.by not in problem.base.names or self.of not in problem.base.names:
            return []
        try:
            return list(KINDS[self.kind](problem, self, random.Random(self.seed)))
        except Outside:
            return []


def claims_of(problem: Problem) -> list[Claimed]:
    """All claims of a problem's recipes."""
    return [claim for recipe in problem.recipes for claim in recipe.claims(problem)]


# ---------------------------------------------------------------------------------------------
# Numbers
# ---------------------------------------------------------------------------------------------


def _title(recipe: Recipe, index: Index = ()) -> str:
    at = f"[{','.join(map(str, index))}]" if index else ""
    return f"claim d {recipe.of}/d {recipe.by}{at}"


def _line(recipe: Recipe, right: str, mistakes: Verdicts, index: Index = ()) -> Claimed:
    return Claimed(f"{_title(recipe, index)} = {right}", mistakes)


def _smooth(problem: Problem, recipe: Recipe) -> dict[Index, Any]:
    """The true derivative; empty where one entry has none, or where it has one for each row."""
    if isinstance(problem.base.names[recipe.by], Rows) or np.shape(problem.base.names[recipe.of]):
        return {}
    slopes = problem.slopes(recipe.by, recipe.of)
    return {i: s.right for i, s in slopes.items()} if all(s.is_smooth for s in slopes.values()) else {}


def _shown(value: Any, digits: int = 17) -> str:
    """The nearest decimal. (nstr cuts off a few digits further on: just above a tie it goes down.)"""
    longer = str(C.nstr(value, 2 * digits + 10, min_fixed=0, max_fixed=0))
    return f"{Decimal(longer):.{digits - 1}e}" if C.isfinite(value) else longer


def nested(texts: Mapping[Index, str]) -> str:
    """Texts by index, as the language writes arrays."""
    if list(texts) == [()]:
        return texts[()]
    firsts = dict.fromkeys(i[0] for i in texts)
    rows = ({i[1:]: v for i, v in texts.items() if i[0] == k} for k in firsts)
    return f"[{', '.join(nested(row) for row in rows)}]"


def _one_changed(numbers: dict[Index, Any], draw: random.Random) -> dict[Index, Any]:
    """One entry off by a thousandth, by its sign, by a factor, or by a half where it is 0."""
    index = draw.choice(list(numbers))
    true = numbers[index]
    if abs(true) < C.mpf("1e-280"):
        return {**numbers, index: true + C.mpf("0.5")}
    return {**numbers, index: true * C.mpf(draw.choice(["1.001", "-1", "2", "0.5", "1.000001"]))}


def _numbers(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    true = _smooth(problem, recipe)
    if true:
        yield _line(recipe, nested({i: _shown(v) for i, v in true.items()}), RIGHT)


def _wrong(problem: Problem) -> Verdicts:
    """Where kinks meet the point, a number may be a convention's."""
    return NOT_OK if problem.base.ties else NO_NUMBER


def _wrong_numbers(
    problem: Problem, recipe: Recipe, true: Mapping[Index, Any], changed: Mapping[Index, Any],
    place: Index = (),
) -> Verdicts:  # fmt: skip
    """Of numbers that are off; nothing is known where rounding takes a right program nearly as far. The
    derivative beside the point, all values moved by some units in their last place, says how far."""
    off = {i: abs(v - true[i]) for i, v in changed.items() if v != true[i]}
    if max(off.values()) < _BESIDE * max(map(abs, true.values())):
        return UNKNOWN  # an entry that is nothing beside the largest is judged with the others
    if all(gap > _COARSE * abs(true[i]) for i, gap in off.items()):
        return _wrong(problem)
    near = problem.slopes(recipe.by, recipe.of, place, around=_rounded_away(problem))
    if not near or not all(near[i].is_smooth and _FAR * abs(near[i].right - true[i]) < off[i] for i in off):
        return UNKNOWN
    return dict.fromkeys(_wrong(problem), BY_LITTLE)


_COARSE, _FAR, _BESIDE = C.mpf("1e-4"), 100, C.mpf("1e-13")


def _rounded_away(problem: Problem) -> dict[str, Any]:
    if "rounded" not in problem.cache:
        draw, unit = random.Random(0), C.mpf("1e-15")
        moved = np.frompyfunc(lambda v: unit * v * draw.choice([-1, 1]), 1, 1)
        problem.cache["rounded"] = {
            title: Rows(moved(row) for row in value) if isinstance(value, Rows) else moved(value)
            for title, value in problem.base.names.items()
        }
    return problem.cache["rounded"]  # type: ignore[no-any-return]


def _mutated(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    true = _smooth(problem, recipe)
    if true:
        changed = _one_changed(true, draw)
        mistakes = _wrong_numbers(problem, recipe, true, changed)
        yield _line(recipe, nested({i: _shown(v) for i, v in changed.items()}), mistakes)


def _rounded(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    """To a few digits: right; three units of the last one off: wrong."""
    true = _smooth(problem, recipe)
    if not true:
        return
    digits = draw.choice([2, 3, 4, 6, 9])
    if draw.random() < 0.5:
        yield _line(recipe, nested({i: _shown(v, digits) for i, v in true.items()}), RIGHT)
        return
    index = draw.choice(list(true))
    if true[index]:
        off = {**true, index: true[index] * (1 + draw.choice([-4, 4]) * C.mpf(10) ** (1 - digits))}
        texts = {i: _shown(v, digits) for i, v in off.items()}
        unit = C.mpf(10) ** (int(texts[index].partition("e")[2] or 0) + 1 - digits)
        if abs(C.mpf(texts[index]) - true[index]) > 3 * unit:
            yield _line(recipe, nested(texts), _wrong_numbers(problem, recipe, true, off))


def _entry(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    """Some entries one by one, the last one perhaps wrong."""
    if isinstance(problem.base.names[recipe.by], Rows) or np.shape(problem.base.names[recipe.of]):
        return
    for index, slope in problem.slopes(recipe.by, recipe.of).items():
        if not index or not slope.is_smooth or draw.random() < 0.4:
            continue
        if draw.random() < 0.6:
            yield _line(recipe, _shown(slope.right), RIGHT, index)
        else:
            (changed,) = _one_changed({(): slope.right}, draw).values()
            mistakes = _wrong_numbers(problem, recipe, {index: slope.right}, {index: changed})
            yield _line(recipe, _shown(changed), mistakes, index)


def _whole(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    """Whole numbers: right where the derivative is whole, wrong where it is not or is another one."""
    true = _smooth(problem, recipe)
    if not true or any(abs(v) > 1e6 for v in true.values()):
        return
    whole = {i: int(C.nint(v)) for i, v in true.items()}
    off = max(abs(v - whole[i]) for i, v in true.items())
    exact = off < C.mpf("1e-100") and not problem.base.lost
    if not exact and _is_of_rounding(problem, off, true):
        return
    if exact and draw.random() < 0.6:
        yield _line(recipe, nested({i: str(v) for i, v in whole.items()}), RIGHT)
        return
    if exact:
        whole[draw.choice(list(whole))] += draw.choice([-1, 1])
    yield _line(recipe, nested({i: str(v) for i, v in whole.items()}), _wrong(problem))


def _is_of_rounding(problem: Problem, off: Any, true: Mapping[Index, Any]) -> bool:
    """Whether what whole numbers are off by is the rounding of a value: a text with all digits of a double
    stands for what was rounded to it, 0.9999999999999999 for 1, and whole numbers are worked by hand from
    that. A shorter text is the number it says; but gelu'(20) is 1 to the digits of any computation."""
    size = max(1, *map(abs, true.values()))
    if off < size * C.mpf("1e-30"):
        return True
    texts = " ".join(str(given.values) for given in problem.inputs.values())
    return off < size * C.mpf("1e-14") and any(
        len(digits.replace(".", "").strip("0")) > 14 for digits in re.findall(r"[\d.]+", texts)
    )


def _other_shape(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    """[1,n] or [n,1] beside a vector and the other way round; one number for all entries."""
    true = _smooth(problem, recipe)
    if not true or len(true) < 2:
        return
    changed = true if draw.random() < 0.6 else _one_changed(true, draw)
    mistakes = RIGHT if changed is true else _wrong_numbers(problem, recipe, true, changed)
    texts = {i: _shown(v) for i, v in changed.items()}
    if len(set(texts.values())) == 1 and len(next(iter(true))) == 1:
        yield _line(recipe, texts[next(iter(true))], mistakes)
    elif len(next(iter(true))) == 1:
        column = draw.random() < 0.5
        turned = {(i[0], 0) if column else (0, i[0]): v for i, v in texts.items()}
        yield _line(recipe, nested(turned), mistakes)


def _single_precision(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    """The shortest texts of float32, where enough of them are long ones; one off by 1e-4 is wrong
    where float32 has the digits."""
    true = _smooth(problem, recipe)
    if not true or any(not 1e-30 < abs(v) < 1e30 for v in true.values()):
        return
    right = draw.random() < 0.5
    changed = true if right else {**true, next(iter(true)): next(iter(true.values())) * C.mpf("1.0001")}
    texts = {i: str(np.float32(float(v))) for i, v in changed.items()}
    long = {t for t in texts.values() if len(t.partition("e")[0].replace(".", "").strip("-0")) >= 8}
    if len(long) >= 4 or not right:
        yield _line(recipe, nested(texts), SINGLE_PRECISION if right else dict.fromkeys(NOT_OK, BY_LITTLE))


def _file(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    """What a program writes: a file of doubles or of floats, for NumPy or of texts; one number may be off."""
    true = _smooth(problem, recipe)
    if not true or any(v and not 1e-30 < abs(v) < 1e30 for v in true.values()):
        return
    right = draw.random() < 0.5
    changed = true if right else _one_changed(true, draw)
    made = np.empty(np.shape(problem.base.names[recipe.by]), dtype=draw.choice([np.float64, np.float32]))
    least = C.mpf("1e-4") if made.dtype == np.float32 else 0  # a program in float32 may be off by less
    for index, value in changed.items():
        made[index] = value
        if 0 < abs(value - true[index]) < least * abs(value):
            return
    kind = draw.choice(["npy", "csv"]) if made.ndim <= 2 else "npy"
    path = f"{_FOLDER.name}/{recipe.by}-{draw.randrange(10**9)}.{kind}"
    if kind == "npy":
        np.save(path, made)
    else:
        rows = made.reshape(made.shape[0] if made.shape else 1, -1)
        Path(path).write_text("".join(f"{','.join(map(str, row))}\n" for row in rows))
    said = " as float32" if kind == "csv" and made.dtype == np.float32 else ""
    mistakes = RIGHT if right else _wrong_numbers(problem, recipe, true, changed)
    yield Claimed(f'{_title(recipe)} from "{path}"{said}', mistakes)


def _jacobian(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    """A vector by a vector: numerators are rows."""
    of, by = problem.base.names[recipe.of], problem.base.names[recipe.by]
    if isinstance(of, Rows) or isinstance(by, Rows) or np.ndim(of) != 1 or np.ndim(by) != 1:
        return
    true = {}
    for i in range(len(of)):
        for j, slope in problem.slopes(recipe.by, recipe.of, (i,)).items():
            if not slope.is_smooth:
                return
            true[(i, *j)] = slope.right
    right = draw.random() < 0.5
    numbers = true if right else _one_changed(true, draw)
    yield Claimed("set layout = numerator", {})
    mistakes = RIGHT
    for (i, *j), value in numbers.items():
        if value != true[(i, *j)]:
            mistakes = _wrong_numbers(problem, recipe, {tuple(j): true[(i, *j)]}, {tuple(j): value}, (i,))
    yield _line(recipe, nested({i: _shown(v) for i, v in numbers.items()}), mistakes)


# ---------------------------------------------------------------------------------------------
# Formulas
# ---------------------------------------------------------------------------------------------


def _formula(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    for tree in _derived(problem, recipe, draw):
        yield _line(recipe, written(tree), RIGHT if _holds(problem, recipe, tree) else UNKNOWN)


def _slip(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    """The right formula with a mistake in it: wrong where its value at the point says so."""
    for tree in _derived(problem, recipe, draw):
        slipped = _with_a_slip(tree, draw)
        if slipped is not None and _names_something(slipped) and _holds(problem, recipe, slipped) is False:
            yield _line(recipe, written(slipped), _wrong(problem))


def _derived(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Tree]:
    """d loss/d name by the rules of the table, through the derivatives of the steps that use it."""
    if recipe.of != "loss" or recipe.by == "loss":
        return
    parts: list[Tree] = []
    primes = draw.random() < 0.3
    for title, tree in problem.steps.items():
        if title == recipe.by:
            parts = []
        adjoint = number("1") if title == "loss" else Tree(
            "derivative", (), f"d loss/d {title}", tree.shape, tree.rows)  # fmt: skip
        found = contributions(tree, adjoint, recipe.by, primes)
        if found is None:
            return
        parts += found
    if not parts:
        return
    total = parts[0]
    for part in parts[1:]:
        if part.shape != total.shape:
            return
        total = total + part
    yield total


_NOTHING = C.mpf("1e-200")  # what differences leave of a slope that is 0: truncation 1e-250


def _shares_a_tie(problem: Problem) -> bool:
    """Whether entries of one array tie as the largest or smallest."""
    ties = problem.base.ties if problem.base is not None else ()
    return any(t.startswith(("max({0}", "min({0}")) and "{1}" not in t for t in ties)


def _with_other_members(problem: Problem) -> Iterator[Problem]:
    """The problem at other values of parameters that are from a finite set."""
    finite = {t: i for t, i in problem.inputs.items() if i.kind == "param" and i.words in FINITE}
    for seed in range(8 if finite else 0):
        draw = random.Random(seed)
        moved = {t: replace(i, values=values_of(i.words, i.shape, draw)) for t, i in finite.items()}
        yield replace(problem, inputs={**problem.inputs, **moved}, cache={})


def _holds(problem: Problem, recipe: Recipe, tree: Tree) -> bool | None:
    """Whether a formula has the value of the derivative at the point; None where one is not known.

    At a kink a right formula gives what programs give by convention, so its derivatives are not looked up.
    """
    names: dict[str, Any] = dict(problem.base.names)
    for leaf in _leaves(tree):
        if leaf.operation == "derivative":
            names[leaf.text] = _looked_up(problem, leaf.text.rpartition(" ")[2])
    try:
        value = Pass(names).value(tree)
    except Outside:
        return None
    slopes = problem.slopes(recipe.by)
    if not slopes:
        return None
    if not all(s.is_smooth for s in slopes.values()):
        shared = _shares_a_tie(problem)
        return (not shared and all(s.is_known for s in slopes.values())) or None  # of a tie, one choice alone
    if any(map(_shares_a_tie, _with_other_members(problem))):
        return None  # the other points have such ties
    true = _array(_looked_up(problem, recipe.by))
    found = _array(value)
    try:
        fitting = found.reshape(true.shape) if found.size == true.size else found
        gap = np.max(np.abs(np.broadcast_to(fitting, true.shape) - true))
    except ValueError:
        return None
    size = np.max(np.abs(true))
    if max(size, gap) < _NOTHING:
        return True  # of a derivative that is 0, also -1 times it is right
    return True if gap <= C.mpf("1e-60") * size else False if gap > C.mpf("1e-7") * size else None


def _array(value: Any) -> Any:
    return np.array([np.asarray(v, dtype=object) for v in value] if isinstance(value, Rows) else value,
                    dtype=object)  # fmt: skip


def _looked_up(problem: Problem, by: str) -> Any:
    """The true derivative of the loss by a name, in the name's form. Raises Outside where there is none."""
    slopes = problem.slopes(by)
    if not slopes or not all(s.is_smooth for s in slopes.values()):
        raise Outside
    given = problem.base.names[by]
    shape = (len(given), *np.shape(given[0])) if isinstance(given, Rows) else np.shape(given)
    made = np.empty(shape, dtype=object)
    for index, slope in slopes.items():
        made[index] = slope.right
    return Rows(made) if isinstance(given, Rows) else made[()]


def _leaves(tree: Tree) -> Iterator[Tree]:
    if not tree.arguments:
        yield tree
    for argument in tree.arguments:
        yield from _leaves(argument)


def _with_a_slip(tree: Tree, draw: random.Random) -> Tree | None:
    """A factor, a sign, a lost operation or a neighbor of it."""
    kind = draw.choice(["factor", "sign", "lost", "lost", "swap"])
    if kind == "factor":
        return apply("mul", number("1.001"), tree)
    if kind == "sign":
        return -tree
    places = [t for t in _inner(tree) if t.operation not in REDUCERS]
    if not places:
        return None
    chosen = draw.choice(places)
    if kind == "lost":
        same = [a for a in chosen.arguments if (a.shape, a.rows) == (chosen.shape, chosen.rows)]
        return _replaced(tree, chosen, draw.choice(same)) if same else None
    partners = {"sin": "cos", "cos": "sin", "mul": "div", "add": "sub", "sub": "add", "gt": "lt", "ge": "lt",
                "exp": "expm1", "tanh": "sigmoid", "sum0": "sum1"}  # fmt: skip
    if chosen.operation not in partners:
        return None
    try:
        other = apply(partners[chosen.operation], *chosen.arguments)
    except ValueError:
        return None
    return _replaced(tree, chosen, other) if other.shape == chosen.shape else None


def _names_something(tree: Tree) -> bool:
    """Whether it is a formula: 0.0 alone is a number, and right for 0.01 to the digits written."""
    return any(leaf.operation in ("name", "derivative") for leaf in _leaves(tree))


def _inner(tree: Tree) -> Iterator[Tree]:
    if tree.arguments:
        yield tree
        for argument in tree.arguments:
            yield from _inner(argument)


def _replaced(tree: Tree, old: Tree, new: Tree) -> Tree:
    if tree == old:
        return new
    return replace(tree, arguments=tuple(_replaced(a, old, new) for a in tree.arguments))


# ---------------------------------------------------------------------------------------------
# Values of steps
# ---------------------------------------------------------------------------------------------


def _value(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    """The value of a step as numbers: all or some digits of it, or with one entry off; or one entry alone."""
    given = problem.base.names[recipe.by]
    true = {i: entry_of(given, i) for i in indices_of(given)}
    if recipe.by in problem.inputs or not all(v == 0 or 1e-250 < abs(v) < 1e250 for v in true.values()):
        return
    right = draw.random() < 0.5
    numbers = true if right else _one_changed(true, draw)
    digits = draw.choice([17, 17, 17, 9, 5])
    if not right and all(abs(numbers[i] - v) <= abs(v) * C.mpf(10) ** (2 - digits) for i, v in true.items()):
        return
    texts = {i: _shown(v, digits) for i, v in numbers.items()}
    alone = draw.choice(list(texts))
    if alone and not isinstance(given, Rows) and draw.random() < 0.3:
        at = f"[{','.join(map(str, alone))}]"
        mistakes = RIGHT if numbers[alone] == true[alone] else _wrong_values(true, numbers)
        yield Claimed(f"claim {recipe.by}{at} = {texts[alone]}", mistakes)
        return
    said = f"= {nested(texts)}"
    if len(alone) > 2:  # a matrix for each row stands in files alone
        path = f"{_FOLDER.name}/{recipe.by}-{draw.randrange(10**9)}.npy"
        np.save(path, np.array([float(v) for v in numbers.values()]).reshape(_array(given).shape))
        said = f'from "{path}"'
    yield Claimed(f"claim {recipe.by} {said}", RIGHT if right else _wrong_values(true, numbers))


def _wrong_values(true: Mapping[Index, Any], numbers: Mapping[Index, Any]) -> Verdicts:
    off = (abs(v - true[i]) > _COARSE * abs(true[i]) for i, v in numbers.items() if v != true[i])
    return NO_NUMBER if all(off) else dict.fromkeys(NO_NUMBER, BY_LITTLE)


def _whole_value(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    """The value of a step as whole numbers: right where it is whole, wrong where it is another one."""
    given = problem.base.names[recipe.by]
    true = {i: entry_of(given, i) for i in indices_of(given)}
    if recipe.by in problem.inputs or any(abs(v) > 1e6 or len(i) > 2 for i, v in true.items()):
        return
    whole = {i: int(C.nint(v)) for i, v in true.items()}
    off = max(abs(v - whole[i]) for i, v in true.items())
    if problem.base.lost or (off and _is_of_rounding(problem, off, true)):
        return
    right = off == 0 and draw.random() < 0.6
    if off == 0 and not right:
        whole[draw.choice(list(whole))] += draw.choice([-1, 1])
    yield Claimed(f"claim {recipe.by} = {nested({i: str(v) for i, v in whole.items()})}",
                  RIGHT if right else NO_NUMBER)  # fmt: skip


def _value_formula(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    """The right side of a step, or that with a mistake in it."""
    tree = problem.steps.get(recipe.by)
    if tree is None or not tree.arguments:
        return
    if draw.random() < 0.5:
        yield Claimed(f"claim {recipe.by} = {written(tree)}", RIGHT)
        return
    slipped = _with_a_slip(tree, draw)
    if slipped is None or not _names_something(slipped):
        return
    true, found = _array(problem.base.names[recipe.by]), _array(Pass(problem.base.names).value(slipped))
    if found.shape == true.shape and np.max(np.abs(found - true)) > C.mpf("1e-7") * np.max(np.abs(true)):
        yield Claimed(f"claim {recipe.by} = {written(slipped)}", NO_NUMBER)


# ---------------------------------------------------------------------------------------------
# Kinks, borders, circles
# ---------------------------------------------------------------------------------------------


def _kink(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    """The gradient beside the kink, the same place for all names of a report: no right program is refused."""
    slopes = problem.slopes(recipe.by)
    if not slopes or not all(s.is_known for s in slopes.values()):
        return
    if all(s.is_smooth for s in slopes.values()):
        return
    near = problem.slopes(recipe.by, around=_aside(problem, recipe.seed))
    if near and all(s.is_smooth and abs(s.right) < 1e30 for s in near.values()):
        there = {i: s.right if abs(s.right) > C.mpf("1e-100") else C.mpf(0) for i, s in near.items()}
        yield _line(recipe, nested({i: _shown(v) for i, v in there.items()}), AT_A_KINK)


def _aside(problem: Problem, seed: int) -> dict[str, Any]:
    key = ("aside", seed)
    if key not in problem.cache:
        draw = random.Random(seed)
        far = C.mpf(10) ** -180
        problem.cache[key] = {
            n: np.frompyfunc(lambda _: far * C.mpf(draw.uniform(-1, 1)), 1, 1)(problem.inputs[n].numbers)
            for n in problem.parameters
        }
    return problem.cache[key]


def _outside(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    """At one single tie: an entry beyond both slopes."""
    if isinstance(problem.base.names[recipe.by], Rows):
        return
    ties = problem.base.ties
    for index, slope in problem.slopes(recipe.by).items():
        if slope.is_kink and len(ties) == 1 and ties[0] in _SIMPLE:
            low, high = sorted([slope.left, slope.right])
            far = (1 + high - low) / 2
            yield _line(recipe, _shown(draw.choice([low - far, high + far])), NO_NUMBER, index)
            return


def _jointly(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    """At one single tie: each entry between its slopes, all together beyond the slope along a direction."""
    given, ties, slopes = problem.base.names[recipe.by], problem.base.ties, problem.slopes(recipe.by)
    if isinstance(given, Rows) or not np.shape(given) or len(ties) != 1 or ties[0] not in _SIMPLE:
        return
    if not slopes or not all(s.is_known for s in slopes.values()):
        return
    side = draw.choice([min, max])
    numbers = {i: side(s.left, s.right) for i, s in slopes.items()}
    direction = np.full(np.shape(given), C.mpf(1), dtype=object)
    along = problem.along(recipe.by, direction)
    total = sum(numbers.values())
    low, high = sorted([along.left, along.right]) if along.is_known else (0, 0)
    slack = 0.01 + 0.05 * sum(v == 0 for v in numbers.values())  # 0.0 has one decimal, and says so much
    if along.is_known and not low - slack <= total <= high + slack:
        yield _line(recipe, nested({i: _shown(v) for i, v in numbers.items()}), NO_NUMBER)


def _border(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    """Where a domain ends: the slope of its one side alone; where a slope is infinite no number at all."""
    if isinstance(problem.base.names[recipe.by], Rows):
        return
    for index, slope in problem.slopes(recipe.by).items():
        sides = [s for s in (slope.left, slope.right) if s is not None]
        if any(not C.isfinite(s) or abs(s) > C.mpf("1e100") for s in sides):
            jumps = any(sign in tie for tie in problem.base.ties for sign in _JUMPS)
            numbers = ["1.5", "-2.25"] if jumps else ["0", "1.5", "-2.25"]  # of a jump programs say 0
            yield _line(recipe, draw.choice(numbers), NO_NUMBER, index)
            return
        if len(sides) == 1 and (sides[0] == 0 or abs(sides[0]) > C.mpf("1e-30")):
            right = draw.random() < 0.5
            shown = _shown(sides[0] if right else sides[0] + draw.choice([-0.75, 5.25]))
            yield _line(recipe, shown, RIGHT if right else NO_NUMBER, index)
            return


def _circle(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    """A claim that rests on itself, at once or by way of an alias that is a step of its own."""
    if recipe.by == "loss":
        return
    others = [t for t, tree in problem.steps.items() if tree.operation in ("add", "alias") and t != "loss"
              and any((a.text, a.shape, a.rows) == (recipe.by, tree.shape, tree.rows)
                      for a in tree.arguments)]  # fmt: skip
    other = others[0] if others else None
    if other is not None and draw.random() < 0.7:
        yield Claimed(f"claim d loss/d {recipe.by} = d loss/d {other}", NOT_OK)
        yield Claimed(f"claim d loss/d {other} = d loss/d {recipe.by}", NOT_OK)
        return
    yield _line(recipe, draw.choice(["d loss/d {0}", "1*d loss/d {0}", "d loss/d {0} + 0"]).format(recipe.by),
                NOT_OK)  # fmt: skip


# ---------------------------------------------------------------------------------------------
# Symmetric matrices
# ---------------------------------------------------------------------------------------------


def _untransposed(problem: Problem, recipe: Recipe, draw: random.Random) -> Iterator[Claimed]:
    """The right formula without its transposes: right where transposing the matrix changes nothing."""
    given = problem.base.names.get("S")
    if np.ndim(given) != 2 or (given != given.T).any() or not given[0, -1]:
        return
    moves = np.frompyfunc(lambda _: C.mpf(draw.uniform(-1, 1)) * C.mpf("1e-180"), 1, 1)(given)
    there, mirrored = (problem.evaluated({"S": m}).names["loss"] for m in (moves, moves.T))
    symmetric = abs(there - mirrored) < C.mpf("1e-300") or problem.inputs["S"].words == "symmetric"
    for tree in _derived(problem, recipe, draw):
        plain = _without_transposes(tree)
        if plain != tree and _holds(problem, recipe, plain):
            yield _line(recipe, written(plain), RIGHT if symmetric else NOT_OK)


def _without_transposes(tree: Tree) -> Tree:
    if tree.operation == "transpose":
        return _without_transposes(tree.arguments[0])
    return replace(tree, arguments=tuple(map(_without_transposes, tree.arguments)))


def symmetric_problem(draw: random.Random) -> Problem:
    """A function of a symmetric matrix, or a map whose matrix happens to be symmetric."""
    a, b, c = (round(draw.uniform(0.5, 2), 2) for _ in range(3))
    matrix = [[str(round(3 + a, 2)), str(b)], [str(b), str(round(2 + c, 2))]]
    vector = [str(round(draw.uniform(-2, 2), 2)) for _ in range(2)]
    words = draw.choice(["", "", "symmetric"])
    inputs = {"S": Input("param", matrix, words), "v": Input("param", vector)}
    s, v, seed = name("S", (2, 2)), name("v", (2,)), draw.randrange(10**6)
    if draw.random() < 0.5:
        bent = apply("sin", name("s1", (2,)))
        mapped = apply("map", s, name("s0", (2,)))
        steps = {"s0": apply("tanh", v), "s1": mapped, "loss": apply("dot", bent, bent)}
        return Problem(inputs, steps, (Recipe("symmetric", "s0", seed),))
    value = draw.choice([apply("det", s), apply("log", apply("det", s)), apply("trace", apply("inv", s))])
    return Problem(inputs, {"loss": apply("mul", value, apply("sum", v))}, (Recipe("symmetric", "S", seed),))


KINDS: dict[str, Callable[[Problem, Recipe, random.Random], Iterator[Claimed]]] = {
    "numbers": _numbers, "mutated": _mutated, "rounded": _rounded, "entry": _entry, "whole": _whole,
    "shape": _other_shape, "float32": _single_precision, "jacobian": _jacobian, "formula": _formula,
    "slip": _slip, "kink": _kink, "outside": _outside, "jointly": _jointly, "border": _border,
    "circle": _circle, "symmetric": _untransposed, "file": _file, "value": _value,
    "whole value": _whole_value, "value formula": _value_formula,
}  # fmt: skip
_NUMBERS = ("numbers", "mutated", "rounded", "entry", "whole", "shape", "float32", "file", "file")
Groups = list[Recipe]


def with_claims(problem: Problem, draw: random.Random) -> Problem:
    """The problem with recipes: of numbers, of formulas, at kinks and borders, or of circles. In its place
    at times one of a symmetric matrix."""
    if draw.random() < 0.03:
        return symmetric_problem(draw)
    if problem.base is None:
        return problem
    seed = draw.randrange(10**6)
    names = problem.parameters
    steps = [t for t in problem.steps if t != "loss"]
    scalars = [t for t in steps if not problem.steps[t].shape and not problem.steps[t].rows]
    tied = bool(problem.base.ties)
    often = ["kinks"] * 4 if tied else ["numbers", "formulas"]
    group = draw.choice(["numbers", "formulas", "circle", "values", *often])
    if group == "formulas":
        kinds = ["formula"] if tied else ["formula", "slip"]
        recipes = [Recipe(draw.choice(kinds), by, seed + k) for k, by in enumerate([*names, *steps])]
    elif group == "values":
        kinds = ["value", "value", "whole value", "value formula"]
        recipes = [Recipe(draw.choice(kinds), by, seed + k) for k, by in enumerate([*steps, "loss"])]
    elif group == "circle":
        recipes = [Recipe("circle", draw.choice([*names, *steps]), seed)]
    elif group == "kinks":
        kind = draw.choice(["kink", "kink", "outside", "jointly", "border"])
        recipes = [Recipe(kind, by, seed) for by in (names if kind == "kink" else [draw.choice(names)])]
    else:
        pairs = [(of, by) for by in names for of in ("loss", *draw.sample(scalars, min(1, len(scalars))))]
        recipes = [Recipe(draw.choice(_NUMBERS), by, seed + k, of) for k, (of, by) in enumerate(pairs)]
        recipes += [Recipe("numbers", by, seed) for by in names[:1]]
        vectors = [t for t in steps if len(problem.steps[t].shape) == 1]
        if vectors and draw.random() < 0.5:
            recipes.append(Recipe("jacobian", draw.choice([*names, *steps]), seed, draw.choice(vectors)))
    return replace(problem, recipes=tuple(recipes[:8]), cache={})
