"""The population: problems from the literature and hard cases, and an oracle that knows their gradients.

Reads tests/population/*.txt. The text of a problem is Python and the model language at once, so that the
oracle shares no line with gradcheck: it walks Python's own syntax tree, in mpmath, and finds every
derivative in two ways that must agree to 25 digits: dual numbers with a table of derivatives, and
differences at 400 digits.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

FOLDER = Path(__file__).parent / "population"
AGREE = 25  # digits to which the two ways must agree
_DIGITS, _MORE = 120, 400  # of dual numbers and of differences
_STEP = 60  # differences: 10^-60 of a parameter's size, so that one-sided ones are right to 50 digits

_STAYS = 0.75  # of the gap between left and right, as the step is halved: a smooth one halves

HIGH, HIGHER = mpmath.MPContext(), mpmath.MPContext()
HIGH.dps, HIGHER.dps = _DIGITS, _MORE
_NOISE = HIGHER.mpf(10) ** -310  # what 400 digits leave of terms that cancel
_COMPLEX = (complex, HIGH.mpc, HIGHER.mpc)
KINKED = {"abs", "sign", "relu", "leaky_relu", "elu", "selu", "max", "min", "where"}


@dataclass(frozen=True)
class At:
    """A point: its parameters, and what is to be expected there. `kinks`: parameters without a
    derivative; `outside`: the loss is not finite."""

    values: Mapping[str, float]
    kinks: frozenset[str] = frozenset()
    outside: bool = False


@dataclass(frozen=True)
class Truth:
    """The left and right slope by a parameter; one number unless there is a kink."""

    left: Any
    right: Any
    kink: bool = False


@dataclass(frozen=True)
class Problem:
    """Steps, the last of which is the loss, with data and points."""

    family: str
    name: str
    source: str
    data: Mapping[str, Any]  # a number, or a list with one number a row
    steps: tuple[tuple[str, str], ...]
    points: tuple[At, ...]
    line: int = 0

    @cached_property
    def trees(self) -> list[tuple[str, ast.expr]]:
        """The steps as Python reads them."""
        return [(name, ast.parse(text, mode="eval").body) for name, text in self.steps]

    @property
    def kinked(self) -> bool:
        """Whether a function in it has a kink."""
        names = {n.id for _, tree in self.trees for n in ast.walk(tree) if isinstance(n, ast.Name)}
        kinds = (n for _, tree in self.trees for n in ast.walk(tree))
        return bool(names & KINKED) or any(isinstance(n, ast.Compare) for n in kinds)

    @property
    def parameters(self) -> list[str]:
        """Their names."""
        return list(self.points[0].values)

    def text(self, at: At, claims: Sequence[str] = ()) -> str:
        """The model file at a point."""
        lines = []
        for name, value in self.data.items():
            rows = f"[{', '.join(repr(v) for v in value)}]" if isinstance(value, list) else repr(value)
            lines.append(f"{'rows' if isinstance(value, list) else 'data'} {name} = {rows}")
        lines += [f"param {name} = {value!r}" for name, value in at.values.items()]
        lines += [f"{name} = {text}" for name, text in self.steps]
        return "\n".join([*lines, *claims]) + "\n"

    def value(self, m: Any, values: Mapping[str, Any]) -> Any:
        """The loss, in the numbers that it is given."""
        return self.all_values(m, values)[self.steps[-1][0]]

    def all_values(self, m: Any, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of all names; a step that is given is not computed."""
        known = {name: number(m, value) for name, value in self.data.items()}
        known.update(values)
        for name, tree in self.trees:
            if name not in values:
                known[name] = evaluated(m, tree, known)
        return known

    def adjoints(self, m: Any, values: Mapping[str, Any]) -> dict[str, Any]:
        """d loss/d step for every step, by dual numbers: a list for one with a value per row."""
        known = self.all_values(m, values)
        found = {}
        for name, _ in self.steps[:-1]:
            here = known[name]
            if not isinstance(here, np.ndarray):
                found[name] = _slope_of(self.value(m, {**values, name: Dual(m, here, m.mpf(1))}), m)
                continue
            found[name] = np.empty(len(here), dtype=object)
            for row in range(len(here)):
                moved = here.copy()
                moved[row] = Dual(m, here[row], m.mpf(1))
                found[name][row] = _slope_of(self.value(m, {**values, name: moved}), m)
        return found

    def gradient(self, at: At) -> dict[str, Truth]:
        """The true slopes by every parameter. Raises AssertionError where the two ways differ."""
        return {name: self._slope(at, name) for name in at.values}

    def _slope(self, at: At, name: str) -> Truth:
        wide, close = (self._sides(at, name, HIGHER.mpf(10) ** -_STEP / k) for k in (1, 2))
        exact = self.forward(HIGH, at, name)
        if max(map(abs, close)) < _NOISE and exact == 0:
            return Truth(exact, exact)
        left, right = (self._limit(*pair) for pair in zip(wide, close, strict=True))
        if not (is_finite(left) and is_finite(right)):
            return Truth(left, right, kink=True)
        tiny = HIGHER.mpf(10) ** -AGREE
        gap, before = abs(close[0] - close[1]), abs(wide[0] - wide[1])
        if gap > tiny * max(map(abs, close)) and gap > before * _STAYS:
            return Truth(left, right, kink=True)
        central = (left + right) / 2
        if self.kinked or HIGH.isnan(exact):  # a dual number takes one side, or meets 0/0
            falls = max(map(abs, close)) <= max(map(abs, wide)) * _STAYS
            return Truth(0 * central, 0 * central) if falls else Truth(central, central)
        assert abs(exact - central) <= tiny * abs(exact) + gap, (
            f"{self.family}:{self.line} {self.name}, d/d {name} at {dict(at.values)}: "
            f"{HIGH.nstr(exact, 30)} by dual numbers, {HIGH.nstr(central, 30)} by differences"
        )
        return Truth(exact, exact)

    def _sides(self, at: At, name: str, part: Any) -> tuple[Any, Any]:
        """Left and right difference, with a step that is a part of the parameter."""
        m = HIGHER
        given = {k: number(m, v) for k, v in at.values.items()}
        step = part * (abs(given[name]) or 1)
        here = self.value(m, given)
        sides = []
        for move in (-step, step):
            there = self.value(m, {**given, name: given[name] + move})
            sides.append((there - here) / move if is_finite(there) else m.nan)
        return sides[0], sides[1]

    def _limit(self, wide: Any, close: Any) -> Any:
        """Extrapolated from two steps; infinite where the slope grows as the step shrinks."""
        grows = abs(close) > abs(wide) * HIGHER.mpf("1.05")
        return HIGHER.inf * HIGHER.sign(close) if grows else 2 * close - wide

    def forward(self, m: Any, at: At, name: str) -> Any:
        """One slope by dual numbers, in any numbers: float64 with FLOATS."""
        given = {k: number(m, v) for k, v in at.values.items()}
        return _slope_of(self.value(m, {**given, name: Dual(m, given[name], m.mpf(1))}), m)


# ---------------------------------------------------------------------------------------------
# Reading
# ---------------------------------------------------------------------------------------------


def population() -> list[Problem]:
    """All problems, by file."""
    return [problem for path in sorted(FOLDER.glob("*.txt")) for problem in read(path)]


def read(path: Path) -> Iterator[Problem]:
    """The problems of a file: "== name | source", data and points, "--", steps."""
    blocks: list[tuple[int, list[str]]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.split("#")[0].strip()
        if text.startswith("=="):
            blocks.append((number, []))
        if text:
            blocks[-1][1].append(text)
    for number, lines in blocks:
        yield _problem(path.stem, number, lines)


def _problem(family: str, number: int, lines: list[str]) -> Problem:
    name, source = lines[0].removeprefix("==").split("|", 1)
    cut = lines.index("--")
    data: dict[str, Any] = {}
    points = []
    for line in lines[1:cut]:
        if line.startswith(("data ", "rows ")):
            key, value = line[5:].split("=", 1)
            data[key.strip()] = ast.literal_eval(value.strip())
        else:
            points.append(_point(line))
    steps = tuple(_step(line) for line in lines[cut + 1 :])
    assert steps[-1][0] == "loss", f"{family}:{number}"
    assert points, f"{family}:{number}"
    return Problem(family, name.strip(), source.strip(), data, steps, tuple(points), number)


def _point(line: str) -> At:
    numbers, _, expected = line.partition("!")
    values = {}
    for part in numbers.split(","):
        key, value = part.split("=")
        values[key.strip()] = float(value)
    words = expected.replace(",", " ").split()
    kinks = frozenset(words[1:]) if words[:1] == ["kink"] else frozenset()
    assert kinks <= values.keys(), line
    return At(values, kinks, words == ["outside"])


def _step(line: str) -> tuple[str, str]:
    name, text = line.split("=", 1)
    return name.strip(), text.strip()


# ---------------------------------------------------------------------------------------------
# Evaluating, in mpmath, floats or dual numbers
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Dual:
    """A value with one slope."""

    m: Any = field(repr=False)
    value: Any
    slope: Any


class Floats:
    """float64 in the words of mpmath."""

    pi, nan, inf = float(np.pi), float("nan"), float("inf")

    def __getattr__(self, name: str) -> Callable[..., float]:
        import math

        names = {"atan2": "arctan2", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "log": "log"}
        if name == "erf":
            return math.erf
        function = getattr(np, names.get(name, name))

        def call(*arguments: float) -> float:
            with np.errstate(all="ignore"):
                return float(function(*arguments))

        return call

    def mpf(self, value: float) -> float:
        """A float."""
        return float(value)


FLOATS = Floats()


def number(m: Any, value: Any) -> Any:
    """A number of m, or an array with one a row: of mpmath the decimal that is written."""
    if isinstance(value, list):
        found = np.empty(len(value), dtype=object)
        found[:] = [m.mpf(repr(float(v))) for v in value]
        return found
    return m.mpf(repr(float(value)))


def _slope_of(value: Any, m: Any) -> Any:
    return value.slope if isinstance(value, Dual) else m.mpf(0)


def is_finite(value: Any) -> bool:
    """Neither nan nor infinite nor complex."""
    return value == value and abs(value) != HIGH.inf and not isinstance(value, HIGHER.mpc)


Partials = Callable[..., tuple[Any, ...]]


def _sigmoid(m: Any, x: Any) -> Any:
    return 1 / (1 + m.exp(-x)) if x >= 0 else m.exp(x) / (1 + m.exp(x))


def _cbrt(m: Any, x: Any) -> Any:
    return m.mpf(0) if x == 0 else (1 if x > 0 else -1) * abs(x) ** (m.mpf(1) / 3)


def _normal(m: Any, x: Any) -> Any:
    return m.exp(-x * x / 2) / m.sqrt(2 * m.pi)


def _cdf(m: Any, x: Any) -> Any:
    return (1 + m.erf(x / m.sqrt(m.mpf(2)))) / 2


_SELU = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717

# name: (value, partials by each argument; y is the value)
FUNCTIONS: dict[str, tuple[Callable[..., Any], Partials]] = {
    "sin": (lambda m, x: m.sin(x), lambda m, y, x: (m.cos(x),)),
    "cos": (lambda m, x: m.cos(x), lambda m, y, x: (-m.sin(x),)),
    "tan": (lambda m, x: m.tan(x), lambda m, y, x: (1 + y * y,)),
    "asin": (lambda m, x: m.asin(x), lambda m, y, x: (1 / m.sqrt((1 - x) * (1 + x)),)),
    "acos": (lambda m, x: m.acos(x), lambda m, y, x: (-1 / m.sqrt((1 - x) * (1 + x)),)),
    "atan": (lambda m, x: m.atan(x), lambda m, y, x: (1 / (1 + x * x),)),
    "atan2": (lambda m, x, z: m.atan2(x, z), lambda m, y, x, z: (z / (x * x + z * z), -x / (x * x + z * z))),
    "sinh": (lambda m, x: m.sinh(x), lambda m, y, x: (m.cosh(x),)),
    "cosh": (lambda m, x: m.cosh(x), lambda m, y, x: (m.sinh(x),)),
    "tanh": (lambda m, x: m.tanh(x), lambda m, y, x: (1 / m.cosh(x) ** 2,)),
    "exp": (lambda m, x: m.exp(x), lambda m, y, x: (y,)),
    "expm1": (lambda m, x: m.expm1(x), lambda m, y, x: (m.exp(x),)),
    "log": (lambda m, x: m.log(x), lambda m, y, x: (1 / x,)),
    "log1p": (lambda m, x: m.log1p(x), lambda m, y, x: (1 / (1 + x),)),
    "log2": (lambda m, x: m.log(x) / m.log(m.mpf(2)), lambda m, y, x: (1 / x / m.log(m.mpf(2)),)),
    "log10": (lambda m, x: m.log10(x), lambda m, y, x: (1 / x / m.log(m.mpf(10)),)),
    "sqrt": (lambda m, x: m.sqrt(x), lambda m, y, x: (1 / (2 * y),)),
    "cbrt": (_cbrt, lambda m, y, x: (1 / (3 * y * y),)),
    "abs": (lambda m, x: abs(x), lambda m, y, x: ((x > 0) - (x < 0),)),
    "sign": (lambda m, x: m.mpf((x > 0) - (x < 0)), lambda m, y, x: (0,)),
    "erf": (lambda m, x: m.erf(x), lambda m, y, x: (2 / m.sqrt(m.pi) * m.exp(-x * x),)),
    "sigmoid": (_sigmoid, lambda m, y, x: (_sigmoid(m, x) * _sigmoid(m, -x),)),
    "softplus": (lambda m, x: max(x, 0) + m.log1p(m.exp(-abs(x))), lambda m, y, x: (_sigmoid(m, x),)),
    "relu": (lambda m, x: x if x > 0 else 0 * x, lambda m, y, x: (int(x > 0),)),
    "leaky_relu": (
        lambda m, x: x if x > 0 else m.mpf(0.01) * x,
        lambda m, y, x: (1 if x > 0 else m.mpf(0.01),),
    ),
    "elu": (lambda m, x: x if x > 0 else m.expm1(x), lambda m, y, x: (1 if x > 0 else m.exp(x),)),
    "selu": (
        lambda m, x: m.mpf(_SELU[0]) * (x if x > 0 else m.mpf(_SELU[1]) * m.expm1(x)),
        lambda m, y, x: (m.mpf(_SELU[0]) * (1 if x > 0 else m.mpf(_SELU[1]) * m.exp(x)),),
    ),
    "gelu": (lambda m, x: x * _cdf(m, x), lambda m, y, x: (_cdf(m, x) + x * _normal(m, x),)),
    "silu": (
        lambda m, x: x * _sigmoid(m, x),
        lambda m, y, x: (_sigmoid(m, x) * (1 + x * _sigmoid(m, -x)),),
    ),
    "max": (lambda m, x, z: x if x >= z else z, lambda m, y, x, z: (int(x >= z), int(x < z))),
    "min": (lambda m, x, z: x if x <= z else z, lambda m, y, x, z: (int(x <= z), int(x > z))),
}
_OPERATORS: dict[type, tuple[Callable[[Any, Any], Any], Callable[[Any, Any, Any], tuple[Any, Any]]]] = {
    ast.Add: (operator.add, lambda y, a, b: (1, 1)),
    ast.Sub: (operator.sub, lambda y, a, b: (1, -1)),
    ast.Mult: (operator.mul, lambda y, a, b: (b, a)),
    ast.Div: (operator.truediv, lambda y, a, b: (1 / b, -y / b)),
}
_COMPARED = {ast.Gt: operator.gt, ast.Lt: operator.lt, ast.GtE: operator.ge, ast.LtE: operator.le}


def evaluated(m: Any, tree: ast.expr, known: Mapping[str, Any]) -> Any:
    """The value of an expression from those of its names."""
    match tree:
        case ast.Constant(value=value):
            return number(m, value)
        case ast.Name(id="pi"):
            return +m.pi
        case ast.Name(id=name):
            return known[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _spread(
                lambda x: _lifted(m, lambda a: -a, lambda y, a: (-1,), x), evaluated(m, operand, known)
            )
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            arguments = [evaluated(m, part, known) for part in (left, right)]
            return _spread(lambda a, b: _power(m, a, b), *arguments)
        case ast.BinOp(left=left, op=op, right=right):
            value, partials = _OPERATORS[type(op)]
            arguments = [evaluated(m, part, known) for part in (left, right)]
            return _spread(lambda a, b: _lifted(m, value, partials, a, b), *arguments)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            arguments = [evaluated(m, part, known) for part in (left, right)]
            return _spread(lambda a, b: m.mpf(int(_COMPARED[type(op)](_plain(a), _plain(b)))), *arguments)
        case ast.Call(func=ast.Name(id=name), args=args):
            return _called(m, name, [evaluated(m, part, known) for part in args])
    raise ValueError(ast.dump(tree))


def _called(m: Any, name: str, arguments: list[Any]) -> Any:
    if name in ("sum_rows", "mean_rows"):
        total = arguments[0][0]
        for term in arguments[0][1:]:
            total = _lifted(m, operator.add, lambda y, a, b: (1, 1), total, term)
        count = m.mpf(len(arguments[0])) if name == "mean_rows" else m.mpf(1)
        return _lifted(m, operator.truediv, _OPERATORS[ast.Div][1], total, count)
    if name == "where":
        return _spread(lambda c, a, b: a if _plain(c) != 0 else b, *arguments)
    value, partials = FUNCTIONS[name]
    return _spread(
        lambda *xs: _lifted(m, lambda *a: value(m, *a), lambda y, *a: partials(m, y, *a), *xs), *arguments
    )


def _spread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Row by row where an argument has rows."""
    if not any(isinstance(a, np.ndarray) for a in arguments):
        return function(*arguments)
    return np.frompyfunc(function, len(arguments), 1)(*arguments)


def _plain(x: Any) -> Any:
    return x.value if isinstance(x, Dual) else x


def _lifted(m: Any, value: Callable[..., Any], partials: Partials, *arguments: Any) -> Any:
    """A function of numbers that may be dual."""
    plain = [_plain(a) for a in arguments]
    try:
        y = value(*plain)
    except (ZeroDivisionError, OverflowError):
        y = m.nan
    if isinstance(y, _COMPLEX):  # the root of a negative number: not a value of the real function
        y = m.nan
    if not any(isinstance(a, Dual) for a in arguments):
        return y
    try:
        slopes = partials(y, *plain)
        slope = sum(
            s * a.slope
            for s, a in zip(slopes, arguments, strict=True)
            if isinstance(a, Dual) and a.slope != 0
        )
    except (ZeroDivisionError, OverflowError):
        slope = m.nan
    return Dual(m, y, m.mpf(slope))


def _power(m: Any, a: Any, b: Any) -> Any:
    """a ** b; a whole exponent may have any base."""
    base, exponent = _plain(a), _plain(b)

    def value(x: Any, n: Any) -> Any:
        if n == int(n) and abs(n) < 1000:
            return x ** int(n)
        return x**n if x > 0 else m.mpf(0) if x == 0 and n > 0 else m.nan

    def partials(y: Any, x: Any, n: Any) -> tuple[Any, Any]:
        by_base = n * value(x, n - 1) if n != 0 else 0
        return by_base, (y * m.log(x) if x > 0 and isinstance(b, Dual) else 0)

    if not (isinstance(a, Dual) or isinstance(b, Dual)):
        try:
            return value(base, exponent)
        except (ZeroDivisionError, OverflowError):
            return m.nan
    return _lifted(m, value, partials, a, b)
