"""Random problems and their true slopes: inputs, steps, and differences to both sides at 800 digits."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from adversary_assumed import assumed
from adversary_axes import OF_LABELS, OF_THREE, OPERATIONS, Labels
from adversary_trees import REDUCERS, C, Outside, Pass, Rows, Shape, Tree, apply, name, names_in, replaced
from adversary_writing import PLAIN, Style, lines_of

STEP = 250  # decimal places: truncation 1e-250 of the second derivative, round-off 1e-550
WIDER = 200  # where a slope is 0 or infinite in the limit, this step says otherwise
KNOWN_DIGITS = 25  # of a slope: more than any verdict needs
SPECIAL = (
    *("0", "0", "0", "1", "1", "-1", "0.5", "2", "3", "0.3", "0.3", "-0.3"),
    *("0.1", "1e-3", "20", "-7", "1e-9"),
)
EXTREME = (
    *("300", "-300", "170", "1e-160", "1e20", "1e30", "700", "1e-200"),
    *("0.9999999999999999", "1e-8", "40"),
)
_UNIT = C.mpf(10) ** -KNOWN_DIGITS
_LEAST = C.mpf(10) ** (KNOWN_DIGITS - STEP)
_VAST = C.mpf(10) ** (STEP // 5)


@dataclass(frozen=True)
class Input:
    """A parameter, a datum, or one value for each row, as texts of decimals; what is assumed of them, and of
    labels how many classes there are."""

    kind: str
    values: Any
    words: str = ""
    classes: int = 0

    @property
    def shape(self) -> Shape:
        """Of one row."""
        shape = np.shape(np.array(self.values, dtype=object))
        if self.classes:
            return Labels.of(shape, self.classes)
        return shape[1:] if self.kind == "rows" else shape

    @cached_property
    def numbers(self) -> Any:
        """As mpmath's."""
        found = np.frompyfunc(C.mpf, 1, 1)(np.array(self.values, dtype=object))
        return Rows(found) if self.kind == "rows" else found

    def written(self, title: str) -> str:
        """The line that declares it."""
        shape = f"[{','.join(map(str, self.shape))}]" if self.shape else ""
        words = f" {self.words}" if self.words else ""
        return f"{self.kind} {title}{shape}{words} = {listed(self.values)}"


def listed(values: Any) -> str:
    """Nested lists of texts in the language."""
    return f"[{', '.join(map(listed, values))}]" if isinstance(values, list) else str(values)


@dataclass(frozen=True)
class Slope:
    """The slopes along one entry, to both sides; None where one cannot be had, an infinity in the limit."""

    left: Any
    right: Any

    @property
    def is_smooth(self) -> bool:
        """Whether both are finite, the same, and not of the size of the truncation error."""
        sure = self.is_known and (self.right == 0 or abs(self.right) > _LEAST)
        return sure and abs(self.left - self.right) <= _UNIT * (1 + abs(self.left))

    @property
    def is_known(self) -> bool:
        """Whether both could be had and are finite."""
        return all(s is not None and C.isfinite(s) and abs(s) < _VAST for s in (self.left, self.right))

    @property
    def is_kink(self) -> bool:
        """Whether they are finite and differ."""
        return self.is_known and abs(self.left - self.right) > _UNIT * (1 + abs(self.left))


Index = tuple[int, ...]
Moves = Mapping[str, Any]  # what is added to inputs and steps


@dataclass(frozen=True)
class Problem:
    """Inputs, steps of which the last is the loss, and the recipes of claims."""

    inputs: Mapping[str, Input]
    steps: Mapping[str, Tree]
    recipes: tuple[Any, ...] = ()
    style: Style = PLAIN
    cache: dict[Any, Any] = field(default_factory=dict, compare=False)

    @property
    def parameters(self) -> list[str]:
        """Their names."""
        return [n for n, given in self.inputs.items() if given.kind == "param"]

    def text(self, claims: Iterator[str] | tuple[str, ...] = ()) -> str:
        """The model file."""
        return "\n".join([*lines_of(self.inputs, self.steps, tuple(claims), self.style), ""])

    def evaluated(self, moves: Moves | None = None) -> Pass:
        """All values, with something added to some. Raises Outside."""
        moves = moves or {}
        values: dict[str, Any] = {}
        run = Pass(values)
        for title, given in self.inputs.items():
            values[title] = _moved(given.numbers, moves.get(title))
        for title, tree in self.steps.items():
            values[title] = _moved(run.step(tree), moves.get(title))
        return run

    @cached_property
    def base(self) -> Pass | None:
        """All values at the point; None where there are none."""
        try:
            return self.evaluated()
        except Outside:
            return None

    def slopes(self, by: str, of: str = "loss", place: Index = (), around: Moves | None = None) -> Any:
        """The slopes of one entry of a step along all entries of a name: {index: Slope}; of Rows, with the
        row in front. Empty where the point itself has no value."""
        key = (by, of, place, id(around) if around else 0)
        if key not in self.cache:
            try:
                self.cache[key] = dict(self._slopes(by, of, place, around or {}))
            except Outside:
                self.cache[key] = {}
        return self.cache[key]

    def _slopes(self, by: str, of: str, place: Index, around: Moves) -> Iterator[tuple[Index, Slope]]:
        names = self.evaluated(around).names
        here, given = entry_of(names[of], place), names[by]
        for index in indices_of(given):
            one = _single(given, index)
            yield index, Slope(*(self._limit(of, place, here, around, by, one, way) for way in (-1, 1)))

    def along(self, by: str, direction: Any) -> Slope:
        """The slopes of the loss backward and forward along a direction."""
        here = self.evaluated().names["loss"]
        return Slope(*(self._limit("loss", (), here, {}, by, direction, way) for way in (-1, 1)))

    def _limit(
        self, of: str, place: Index, here: Any, around: Moves, by: str, direction: Any, way: int
    ) -> Any:
        def slope(places: int) -> Any:
            h = way * C.mpf(10) ** -places
            step = Rows(d * h for d in direction) if isinstance(direction, Rows) else direction * h
            moved = {**around, by: _moved(step, around.get(by))}
            return (entry_of(self.evaluated(moved).names[of], place) - here) / h

        try:
            near = slope(STEP)
            plain = near == 0 or C.mpf("1e-60") < abs(near) < C.mpf("1e60")
            if plain and (self.base is None or not self.base.ties):
                return near
            wide = slope(WIDER)
        except Outside:
            return None
        if abs(near) < abs(wide) * C.mpf("1e-10"):
            return C.mpf(0)
        if abs(near) > abs(wide) * C.mpf("1e10"):
            return C.inf * C.sign(near)
        return near if abs(near - wide) <= _UNIT * (1 + abs(near)) else None  # x^x at 0: as slow as log(h)


def _moved(value: Any, move: Any) -> Any:
    if move is None:
        return value
    return Rows(a + b for a, b in zip(value, move, strict=True)) if isinstance(value, Rows) else value + move


def entry_of(value: Any, place: Index) -> Any:
    """One number of an array, or of Rows with the row in front."""
    if isinstance(value, Rows) and place:
        return entry_of(value[place[0]], place[1:])
    found = np.array(value, dtype=object)[place]
    return found if isinstance(found, C.mpf) else np.asarray(found, dtype=object)[()]


def indices_of(value: Any) -> Iterator[Index]:
    """All indices of an array, or of Rows with the row in front."""
    if isinstance(value, Rows):
        return ((r, *i) for r, row in enumerate(value) for i in np.ndindex(np.shape(row)))
    return np.ndindex(np.shape(value))


def _single(value: Any, index: Index) -> Any:
    """1 at one entry, 0 elsewhere."""
    if isinstance(value, Rows):
        zeros = [_zeros(row) for row in value]
        zeros[index[0]] = _single(value[index[0]], index[1:])
        return Rows(zeros)
    made = _zeros(value)
    if index == ():
        return C.mpf(1)
    made[index] = C.mpf(1)
    return made


def _zeros(value: Any) -> Any:
    shape = np.shape(value)
    return np.full(shape, C.mpf(0), dtype=object) if shape else C.mpf(0)


# ---------------------------------------------------------------------------------------------
# Drawing
# ---------------------------------------------------------------------------------------------

_OPERATIONS = [o for o, made in OPERATIONS.items() if made.drawn and o not in REDUCERS]
_SELDOM = {*OF_LABELS, *OF_THREE, "map", "matmul", "outer", "dot", "solve", "einsum of a product"}
_TRIES = 5  # of arguments for a product, whose shapes seldom fit


class Author:
    """Draws problems from a seed; `extreme` is the part of values of extraordinary size."""

    def __init__(self, seed: int, extreme: float = 0.02) -> None:
        self.random = random.Random(seed)
        self.extreme = extreme
        self.plain = self.random.random() < 0.3  # values without ties and borders

    def problem(self) -> Problem:
        """Inputs of small shapes and steps over them, at a point where the loss has a value if possible."""
        for _ in range(20):
            found = self._drawn()
            if found.base is not None:
                return found
        return found

    def _drawn(self) -> Problem:
        draw = self.random
        size, other = draw.choice([1, 2, 2, 3]), draw.choice([1, 2, 3])
        shapes = [(), (), (size,), (size, size), (other,), (size, other), (1, size), (size, 1)]
        if draw.random() < 0.15:
            shapes += [(2, size, 2), (size, 2, 2), (1, size, other)] * 2
        inputs = {f"p{k}": self._input("param", draw.choice(shapes))
                  for k in range(draw.choice([1, 2, 2, 3]))}  # fmt: skip
        if draw.random() < 0.3:
            inputs["t"] = self._input("data", draw.choice(shapes))
        if draw.random() < 0.15:
            inputs["y"] = self._labels(draw.choice([(), (size,), (other,), (2,), (3,)]))
        if draw.random() < 0.25:
            count = draw.choice([1, 2, 3])
            inputs["x"] = Input("rows", self._values((count, *draw.choice([(), (), (size,)]))))
        pool = [name(title, given.shape, given.kind == "rows") for title, given in inputs.items()]
        steps: dict[str, Tree] = {}
        for k in range(draw.randint(1, 6)):
            tree = self._applied(pool)
            if draw.random() < 0.3:
                tree = self._applied([*pool, tree])
            steps[f"s{k}"] = tree
            pool.append(name(f"s{k}", tree.shape, tree.rows))
        if draw.random() < 0.15:
            pool += self._chain(inputs, steps, pool)
        return Problem(inputs, self._closed(steps, pool[-1]), style=self._style([*inputs, *steps]))

    def _style(self, titles: list[str]) -> Style:
        draw = self.random
        defined, named = (
            frozenset(t for t in titles if draw.random() < part)
            for part in (draw.choice([0, 0, 0.6]), draw.choice([0, 0, 0, 0.6]))
        )
        seed, halved, loops = draw.randrange(10**6), draw.random() < 0.1, draw.random() < 0.8
        return Style(seed, defined, named - {"t", "loss"}, halved, loops)

    def _chain(self, inputs: dict[str, Input], steps: dict[str, Tree], pool: list[Tree]) -> list[Tree]:
        """Steps h1, h2, ... of one form, each of the one before, its own weight and its number."""
        draw = self.random
        start = draw.choice(pool[-3:])
        before, weight = name("h", tuple(start.shape), start.rows), name("w")
        for _ in range(20):
            tree = self._applied([before, weight, Tree("turn", (), "k")])
            if draw.random() < 0.7:
                other = draw.choice([weight, Tree("turn", (), "k")])
                tree = apply(draw.choice(["mul", "add", "sub"]), tree, other)
            if (tree.shape, tree.rows) == (start.shape, start.rows) and "h" in names_in(tree):
                break
        else:
            return []
        count, first = draw.choice([2, 3, 3, 4]), draw.choice(["-0.5", "0", "0.5"])
        steps["h0"] = apply("alias", start)
        for k in range(1, count + 1):
            if "w" in names_in(tree):
                inputs[f"w{k}"] = Input("param", str(float(first) + 0.25 * k))
            leaves = {before: replace(before, text=f"h{k - 1}"), weight: name(f"w{k}"),
                      Tree("turn", (), "k"): Tree("turn", (), str(k))}  # fmt: skip
            steps[f"h{k}"] = replaced(tree, leaves)
        return [name(f"h{count}", start.shape, start.rows)]

    def _closed(self, steps: dict[str, Tree], last: Tree) -> dict[str, Tree]:
        """The loss: the last step as a number, in one step or in several."""
        draw = self.random
        loss = last
        if loss.shape:
            loss = apply(draw.choice(["sum", "sum", "mean", "norm", "largest", "prod"]), loss)
        if loss.rows:
            loss = apply(draw.choice(["sum_rows", "mean_rows"]), loss)
        if loss is last and draw.random() < 0.8:
            *others, (_, tree) = steps.items()
            return {**dict(others), "loss": tree}
        return {**steps, "loss": apply("alias", loss) if loss is last else loss}

    def _input(self, kind: str, shape: Shape) -> Input:
        """Values of a shape, at times with something that is assumed of them."""
        if self.random.random() < 0.1:
            found = assumed(shape, self.random)
            if found is not None:
                return Input(kind, found[1], found[0])
        return Input(kind, self._values(shape))

    def _labels(self, shape: Shape) -> Input:
        """Whole-number data, of few classes."""
        classes = self.random.choice([2, 3])
        chosen = [str(self.random.randrange(classes)) for _ in np.ndindex(shape)]
        values = np.array(chosen).reshape(shape).tolist()
        return Input("data", values, f"in 0 to {classes - 1}", classes)

    def _values(self, shape: Shape) -> Any:
        if shape:
            return [self._values(shape[1:]) for _ in range(shape[0])]
        draw = self.random
        if draw.random() < self.extreme:
            return draw.choice(EXTREME)
        if not self.plain and draw.random() < 0.4:
            return draw.choice(SPECIAL)
        return str(round(draw.uniform(-2, 2), draw.choice([1, 3])))

    def _applied(self, pool: list[Tree]) -> Tree:
        """One more operation over the pool, the later trees more often; labels and arrays of three axes have
        their turn among the few operations that take them."""
        draw = self.random
        while True:
            operation = draw.choice(_OPERATIONS)
            if draw.random() < 0.3 and any(isinstance(tree.shape, Labels) for tree in pool):
                operation = draw.choice(OF_LABELS)
            elif draw.random() < 0.4 and any(len(tree.shape) == 3 for tree in pool):
                operation = draw.choice(OF_THREE)
            count = OPERATIONS[operation].form.count("{") and len(
                {part[0] for part in OPERATIONS[operation].form.split("{")[1:]}
            )
            for _ in range(1 if operation not in _SELDOM else _TRIES):
                first = draw.choice(pool[-3:])
                others = [draw.choice([*pool, self._constant()]) for _ in range(count - 1)]
                arguments = [first, *others]
                draw.shuffle(arguments)
                try:
                    return apply(operation, *arguments)
                except ValueError:
                    continue

    def _constant(self) -> Tree:
        return Tree("number", (), self.random.choice(SPECIAL))
