"""Values and slopes of functions in tails, at zeros and beside poles, against mpmath at many digits: every
method within its bounds, the reference exact to all digits.

The truth is that of the adversary's grammar, which shares no code with the package. A table of other numbers,
a JSON file in the form that `table_points` reads, is looked at where GRADCHECK_FUNCTION_VALUES names it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from build import high, part_of
from gradcheck_cli.checking.check import check
from gradcheck_cli.checking.options import Options
from gradcheck_cli.derivatives import backprop, symbolic
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.language import read_model
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.results.gradient_results import Verdict
from paths import PROJECT

sys.path.insert(0, str(PROJECT / "benchmarks"))

from adversary_matrices import OPERATIONS
from adversary_trees import C

DIGITS = 1e-24  # relative; tables have 25 digits


class Known(NamedTuple):
    """A formula, its arguments as decimals, its value and its slopes by the arguments (None: not asked)."""

    formula: str
    at: tuple[str, ...]
    value: str
    slopes: tuple[str | None, ...]

    def __str__(self) -> str:
        return f"{self.formula} at {', '.join(self.at)}"


# ---------------------------------------------------------------------------------------------
# Our own points
# ---------------------------------------------------------------------------------------------

POINTS: dict[str, str] = {
    "lgamma": "1e-8 0.1 1.5 3.7 100.5 1e6 -0.5 -2.3 -100.5",
    "gamma": "1e-6 0.5 3.7 50.5 -0.5 -2.3",
    "digamma": "1e-6 0.5 3.7 1e6 -0.5 -2.3 -50.25",
    "erfc": "-6 -1e-9 1e-9 3 20 26",
    "erfcx": "-3 1e-9 1 19.9 20.1 50 1e6",
    "erfinv": "-0.999999 1e-9 0.3 0.9999999999",
    "normal_cdf": "-37 -10 -1e-9 0.5 8",
    "log_normal_cdf": "-1e5 -100 -40 -10 -1 0.5 5 8",
    "normal_quantile": "1e-300 1e-20 0.02 0.3 0.999",
    "dawson": "-1 1e-9 0.5 3 19.9 20.1 50 1e6",
    "expint": "1e-9 0.1 1 20 100",
    "sinc": "1e-9 1e-4 0.5 0.4999 0.5001 1.25 10.25 -2.5",
    "j0": "1e-6 0.5 5 30 -2", "j1": "1e-6 0.5 5 30 -2", "y0": "1e-6 0.5 5 30", "y1": "1e-6 0.5 5 30",
    "i0": "1e-6 0.5 3 20 -2", "i1": "1e-6 0.5 3 20 -2",
    "bessel_j": "0.1 5 30", "bessel_y": "0.1 5 30", "bessel_i": "0.1 5 20",
    "trigamma": "1e-3 0.5 100.5 -0.5 -50.3",
    "gammainc": "1e-6 0.1 2 30",
    "sec": "-1 0.5 4", "csc": "1e-6 0.5 4", "cot": "1e-6 0.5 4",
    "asinh": "-1e8 -1e-9 0.5 1e8 1e200", "acosh": "1.0000001 2 1e8 1e200", "atanh": "-0.9999999 1e-9 0.3",
    "exp2": "-1000 0.5 1000", "rsqrt": "1e-200 0.001 7 1e200", "logit": "1e-300 1e-9 0.1 0.9",
    "log1mexp": "-1e-12 -0.001 -0.69 -0.71 -10 -50 -700", "log_sigmoid": "-800 -30 1 30 700",
    "gelu by tanh": "-8 -1 0.5 8", "celu": "-20 -1 -1e-9 0.5",
}  # fmt: skip


# decimal digits that the oracle's definition of a tail takes: 2*p - 1 at p = 1e-300, erfc at -1e5
WORKING = {"normal_quantile": 450, "log1mexp": 450, "log_sigmoid": 450}


OWN = [(name, text) for name, texts in POINTS.items() for text in texts.split()]


def own_point(name: str, text: str) -> Known:
    """The oracle's value at 200 digits, and a difference for its slope."""
    operation = OPERATIONS[name]
    with C.workdps(WORKING.get(name, 200)):
        x = C.mpf(text)
        h = abs(x) * C.mpf("1e-50")
        slope = (operation.function(x + h) - operation.function(x - h)) / (2 * h)
        value = C.nstr(operation.function(x), 30)
        return Known(operation.form.replace("{0}", "x"), (text,), value, (C.nstr(slope, 30),))


# ---------------------------------------------------------------------------------------------
# Another table
# ---------------------------------------------------------------------------------------------

FORMULAS = {
    "trigamma": "polygamma(1, x)", "polygamma(2, x)": "polygamma(2, x)",
    "gelu(approximate)": "gelu(x, approximate=1)", "celu(alpha=1.3)": "celu(x, alpha=1.3)",
    "softshrink(lambda=0.5)": "softshrink(x)", "squared relu": "squared_relu(x)",
    "clip(x, -1, 2)": "clip(x, -1, 2)", "mod(x, 3)": "mod(x, 3)",
}  # fmt: skip
# what an array of such a table begins with: the argument, what is made of it, and a loss
ARRAYS = {
    "cumsum([1, 2, 4])": ("[3] = [1, 2, 4]", "cumsum(x)", "dot(y, [1, 10, 100])"),
    "cumprod([2, 3, 5])": ("[3] = [2, 3, 5]", "cumprod(x)", "dot(y, [1, 10, 100])"),
    "cumprod([2, 0, 5])": ("[3] = [2, 0, 5]", "cumprod(x)", "dot(y, [1, 10, 100])"),
    "glu(": ("[4] = [1, 2, 0.5, -0.5]", "glu(x)", "sum(y)"),
    "std([1, 2, 4, 7])": ("[4] = [1, 2, 4, 7]", "[std(x), var(x)]", "sum(y)"),
    "mod by its divisor": (" = 3", "mod(7.5, x)", "y"),
}


def table_points(path: Path) -> Iterator[Known]:
    """{"one": {name: [[x, f, f', ...], ...]}, "two": {name: [[a, b, f, f_a, f_b], ...]}, "piecewise": as
    "one"}, numbers as text."""
    table = json.loads(path.read_text("utf-8"))
    for name, rows in (table["one"] | table["piecewise"]).items():
        short = name.split(" ")[0]
        formula = FORMULAS.get(name, FORMULAS.get(short, f"{short.split('(')[0]}(x)"))
        for x, value, slope, *_ in rows:
            if name in table["piecewise"] or _is_told(C.mpf(value), C.mpf(slope)):
                yield Known(formula, (x,), value, (slope,))
    for name, rows in table["two"].items():
        for a, b, value, *slopes in rows:
            if slopes[0] is None:  # by the second only
                yield Known(f"{name.split(' ')[0]}({a}, x)", (b,), value, tuple(slopes[1:]))
            else:
                yield Known(f"{name.split(' ')[0]}(x, y)", (a, b), value, tuple(slopes))


TABLE = os.environ.get("GRADCHECK_FUNCTION_VALUES", "")


def _is_told(value: object, slope: object) -> bool:
    """Whether the digits of a table reached: of log(1 - exp(-700)) 25 digits behind the point are all 0."""
    return bool(C.isfinite(value)) and (value, slope) != (0, 0)


def near(found: object, true: str, relative: float) -> bool:
    exact = C.mpf(true)
    return bool(abs(C.mpf(found) - exact) <= relative * abs(exact))


def hold_to(known: Known) -> None:
    """Every method within its bounds, the reference to all digits."""
    names = "xy"[: len(known.at)]
    declared = "".join(f"param {name} = {text}\n" for name, text in zip(names, known.at, strict=True))
    model = read_model(f"{declared}loss = {known.formula}")
    program, tape, point = symbolic.lower(model), forward_pass(model), model.point()
    referee = Referee(program)
    assert near(forward_pass(model, high()).value("loss").item(), known.value, DIGITS)
    allowed = referee.value_rounding(point, ["loss"], doubles=True)["loss"]
    assert abs(float(tape.value("loss")) - float(known.value)) <= allowed
    exact, rounding = referee.derivative(point, "loss", names), referee.rounding(point, "loss", names)
    ours = backprop.derivative(model, tape, "loss", names)
    report = check(model, Options(points=1))
    for block, name, slope in zip(report.parameters, names, known.slopes, strict=True):
        assert slope is not None
        true, (entry,) = float(slope), block.entries
        assert near(exact[name].item(), slope, DIGITS)
        assert np.isinf(true) or abs(float(ours[name]) - true) <= rounding[name]
        if not np.isinf(true) and true and abs(true) > np.finfo(float).tiny:
            assert entry.verdict is Verdict.OK, entry
            assert abs(entry.finite - true) <= entry.bound
            assert abs(entry.symbolic - true) <= max(rounding[name], 1e-6 * abs(true))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "text"), part_of(OWN, 2))
def test_own_points(name: str, text: str) -> None:
    hold_to(own_point(name, text))


@pytest.mark.skipif(not TABLE, reason="GRADCHECK_FUNCTION_VALUES names no table")
@pytest.mark.parametrize("known", list(table_points(Path(TABLE))) if TABLE else [], ids=str)
def test_another_table(known: Known) -> None:
    hold_to(known)


@pytest.mark.skipif(not TABLE, reason="GRADCHECK_FUNCTION_VALUES names no table")
def test_arrays_of_another_table() -> None:
    """{"arrays": {words: [values, slopes of the loss]}}; of a number that is asked for alone the slope."""
    for words, rows in json.loads(Path(TABLE).read_text("utf-8"))["arrays"].items():
        given, made, loss = next(parts for start, parts in ARRAYS.items() if words.startswith(start))
        model = read_model(f"param x{given}\ny = {made}\nloss = {loss}")
        values = forward_pass(model, high()).value("y").ravel()
        slopes = Referee(symbolic.lower(model)).derivative(model.point(), "loss", ["x"])["x"].ravel()
        for found, expected in zip((values, slopes) if len(values) > 1 else (slopes,), rows, strict=False):
            assert all(near(a, b, DIGITS) for a, b in zip(found, expected, strict=True)), words


@pytest.mark.parametrize("loss", ["sqrt(bessel_i(2, p)^2)", "sqrt(j0(p)^2)", "sqrt(dawson(p)^2)"])
def test_what_sympy_does_not_know_to_be_real(loss: str) -> None:
    """It writes sign(conjugate(y)) for the slope of the root of a square."""
    (block,) = check(read_model(f"param p = 2\nloss = {loss}"), Options(points=1)).parameters
    assert block.entries[0].verdict is Verdict.OK


@pytest.mark.parametrize("inner", ["digamma(p/p)", "polygamma(1, p/p)", "polygamma(2, p/p)", "gamma(p/p)"])
def test_constants_that_sympy_finds(inner: str) -> None:
    """Euler's constant, zeta(3)."""
    report = check(read_model(f"param p = 2\nloss = p^2 + {inner}"), Options(points=1))
    assert report.verdict is Verdict.OK
    assert "agree to 1" in report.value_note
