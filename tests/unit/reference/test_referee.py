"""The referee's truth is mpmath's, its bounds cover what float64 programs are off by and say
something all the same, and the verdicts it settles are right: cancellation, kinks, poles."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from build import Sheet, exchanged, high
from gradcheck_cli import api
from gradcheck_cli.checking.check import check
from gradcheck_cli.checking.options import Options
from gradcheck_cli.derivatives import backprop, symbolic
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.numerics.mpmath_context import private_context
from gradcheck_cli.numerics.work_budget import Budget
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.results.gradient_results import Entry, Report, Verdict
from paths import MODELS

ULP = 2.0**-52
HIGH = mpmath.ctx_mp.MPContext()
HIGH.dps = 60


def lines(*steps: Callable[[Sheet, int], int], x: float) -> Model:
    """A chain: each step made from the one before, the first from the parameter x."""
    sheet = Sheet()
    node = sheet.param("x", x)
    for k, step in enumerate(steps):
        node = sheet.step("loss" if k == len(steps) - 1 else f"s{k}", step(sheet, node))
    return sheet.model()


def of_x(f: Callable[[Sheet, int], int], x: float) -> Model:
    return lines(f, x=x)


def ask(model: Model, points: int = 1) -> Report:
    return check(model, Options(points=points))


def entry(model: Model) -> Entry:
    return ask(model).parameters[0].entries[0]


# ---------------------------------------------------------------------------------------------
# Truth
# ---------------------------------------------------------------------------------------------

FORMULAS: list[tuple[str, Callable[[Sheet, int], int], Callable[[Any], Any], float]] = [
    ("x sin x", lambda s, x: s("mul", x, s("sin", x)), lambda x: x * HIGH.sin(x), 1.3),
    ("exp(-x^2)", lambda s, x: s("exp", s("neg", s("pow", x, 2.0))), lambda x: HIGH.exp(-(x**2)), 0.7),
    ("x^x", lambda s, x: s("pow", x, x), lambda x: x**x, 0.4),
    ("log(1+x^2)", lambda s, x: s("log1p", s("mul", x, x)), lambda x: HIGH.log(1 + x * x), -2.1),
    ("tan(x)/x", lambda s, x: s("div", s("tan", x), x), lambda x: HIGH.tan(x) / x, 1.1),
    ("sqrt(cosh x)", lambda s, x: s("sqrt", s("cosh", x)), lambda x: HIGH.sqrt(HIGH.cosh(x)), 3.0),
    ("asin(tanh x)", lambda s, x: s("asin", s("tanh", x)), lambda x: HIGH.asin(HIGH.tanh(x)), 0.9),
    ("atan2(x, x^2)", lambda s, x: s("atan2", x, s("mul", x, x)), lambda x: HIGH.atan2(x, x * x), 0.8),
    ("0.1*x", lambda s, x: s("mul", 0.1, x), lambda x: x / 10, 7.0),  # the decimal 0.1
    ("x^30", lambda s, x: s("pow", x, 30.0), lambda x: x**30, 1.7),
    ("x^-0.5", lambda s, x: s("pow", x, -0.5), lambda x: x ** HIGH.mpf(-0.5), 1.7),
]


@pytest.mark.parametrize(("f", "true", "x"), [c[1:] for c in FORMULAS], ids=[c[0] for c in FORMULAS])
def test_truth_is_mpmaths(f: Any, true: Any, x: float) -> None:
    model = of_x(f, x)
    referee = Referee(symbolic.lower(model))
    found = referee.derivative(model.point(), "loss", ["x"])["x"]
    h, at = HIGH.mpf(10) ** -20, HIGH.mpf(repr(x))
    expected = (true(at + h) - true(at - h)) / (2 * h)  # off by h^2 = 1e-40, 60 digits
    assert abs(HIGH.mpf(found.item()._mpf_) - expected) <= 1e-35 * abs(expected) + 1e-35
    left, right = (s.item() for s in referee.slopes(model.point(), "loss", "x", ()))
    assert abs(left - expected) <= 1e-35 * abs(expected) + 1e-35
    assert abs(right - expected) <= 1e-35 * abs(expected) + 1e-35


def test_the_context_is_private() -> None:
    before = mpmath.mp.prec
    private_context(80)
    assert mpmath.mp.prec == before
    with pytest.raises(ZeroDivisionError):
        mpmath.mpf(1) / 0  # division by zero was made harmless in our numbers only


def test_division_by_zero_at_high_precision_is_that_of_float64() -> None:
    m = high()
    zero, one = m.context.mpf(0), m.context.mpf(1)
    assert one / zero == m.context.inf
    assert -one / 0 == -m.context.inf
    assert 1 / zero == m.context.inf
    assert m.context.isnan(zero / zero)
    assert m.context.isnan(0 / zero)


# ---------------------------------------------------------------------------------------------
# Rounding
# ---------------------------------------------------------------------------------------------

_UNARY = ("sin", "cos", "tanh", "exp", "sqrt", "log", "sigmoid", "softplus", "atan", "neg", "abs")
_BINARY = ("add", "sub", "mul", "div", "add", "sub", "mul")


def random_model(seed: int) -> Model:
    """Up to 14 steps over three parameters; every value is used by something."""
    random = np.random.default_rng(seed)
    sheet = Sheet()
    scale = 10.0 ** random.integers(-2, 3)
    nodes = [sheet.param(f"p{k}", random.normal() * scale) for k in range(3)]
    for k in range(random.integers(4, 15)):
        if random.uniform() < 0.5:
            name = str(random.choice(_UNARY))
            x = nodes[-1] if random.uniform() < 0.7 else int(random.choice(nodes))
            if name in ("sqrt", "log"):
                x = sheet("add", sheet("mul", x, x), 0.1)
            if name == "exp":
                x = sheet("tanh", x)
            made = sheet(name, x)
        else:
            name = str(random.choice(_BINARY))
            a, b = nodes[-1], int(random.choice(nodes))
            if name == "div":
                b = sheet("add", sheet("mul", b, b), 0.1)
            made = sheet(name, a, b)
        nodes.append(sheet.step(f"s{k}", made))
    total = nodes[-1]
    for node in nodes[3:-1:4]:
        total = sheet("add", total, node)
    sheet.step("loss", total)
    return sheet.model()


@pytest.mark.slow
def test_rounding_bounds_cover_and_say_something(record_property: Callable[[str, object], None]) -> None:
    ratios, names = [], ["p0", "p1", "p2"]
    for seed in range(150):
        model = random_model(seed)
        program, tape = symbolic.lower(model), forward_pass(model)
        if not np.isfinite(tape.loss):
            continue
        referee, point = Referee(program), model.point()
        truth = referee.derivative(point, "loss", names)
        bounds = referee.rounding(point, "loss", names)
        found = backprop.derivative(model, tape, "loss", names)
        for name in names:
            error = float(abs(found[name] - truth[name].item()))
            assert error <= bounds[name], (seed, name, found[name], error, bounds[name])
            if error:
                ratios.append(float(bounds[name]) / error)
        value = referee.value_rounding(point, list(model.steps))
        exact = forward_pass(model, referee.high)
        for step in model.steps:
            off = float(abs(tape.value(step) - exact.value(step).item()))
            assert off <= value[step], (seed, step, off, value[step])
    record_property("median of bound/error", float(np.median(ratios)))
    assert len(ratios) > 200
    # 16 random walks of a jitter that is 8 times a rounding (2^-52 against 2^-53 at most), times 4,
    # and errors that often cancel: some 10 to 100 on the median
    assert np.median(ratios) < 300


@pytest.mark.slow
def test_symbolic_lies_within_the_bounds_too() -> None:
    names = ["p0", "p1", "p2"]
    for seed in range(150, 220):
        model = random_model(seed)
        program = symbolic.lower(model)
        referee, point = Referee(program), model.point()
        truth = referee.derivative(point, "loss", names)
        bounds = referee.rounding(point, "loss", names)
        found = symbolic.derivative(program, point, "loss", names)
        for name in names:
            assert float(abs(found[name] - truth[name].item())) <= bounds[name], (seed, name)


@pytest.mark.slow
def test_random_models_are_ok_at_all_points() -> None:
    for seed in range(220, 250):
        report = ask(random_model(seed), points=3)
        untested = report.coverage.zero == report.coverage.entries
        assert report.verdict is (Verdict.UNRESOLVED if untested else Verdict.OK), (seed, report)


# ---------------------------------------------------------------------------------------------
# Cancellation
# ---------------------------------------------------------------------------------------------


def regression(at: Callable[[np.ndarray, np.ndarray], tuple[float, float]]) -> Model:
    """loss = sum_rows((a + b*x - y)^2)."""
    random = np.random.default_rng(11)
    x = random.uniform(0, 10, 40)
    y = 3.1 - 0.7 * x + random.normal(size=40)
    a, b = at(x, y)
    sheet = Sheet(40)
    nodes = sheet.per_row("x", x), sheet.per_row("y", y), sheet.param("a", a), sheet.param("b", b)
    f = sheet.step("f", sheet("add", nodes[2], sheet("mul", nodes[3], nodes[0])))
    sheet.step("loss", sheet("sum_rows", sheet("pow", sheet("sub", f, nodes[1]), 2.0)))
    return sheet.model()


def optimum(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    b = float(((x - x.mean()) @ (y - y.mean())) / ((x - x.mean()) @ (x - x.mean())))
    return float(y.mean() - b * x.mean()), b


def test_at_an_optimum_all_digits_cancel_and_the_verdict_is_ok() -> None:
    model = regression(optimum)
    report = ask(model)
    assert report.verdict is Verdict.OK
    terms = np.abs(backprop.derivative(model, forward_pass(model), "loss", ["f"])["f"])
    for block in report.parameters:
        (found,) = block.entries
        assert abs(found.backprop or 0.0) <= 1e-12 * terms.sum() * 10  # x up to 10: it is an optimum
        assert found.note is not None
        assert "float64 carries" in found.note or "exactly 0" in found.note


def test_a_wrong_factor_is_seen_even_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of the terms is 1e-14 of them: a factor would be too small to see there, but a
    relative error in each term is not."""
    rule = PRIMITIVES["mul"].vjp[0]
    exchanged(
        monkeypatch, "mul",
        vjp=(lambda m, g, y, a, b: rule(m, g, y, a, b) * (1 + 1e-6 * np.sin(b)), PRIMITIVES["mul"].vjp[1]),
    )  # fmt: skip
    report = ask(regression(optimum))
    assert report.verdict is Verdict.WRONG
    assert "the vjp of mul" in (report.parameters[1].entries[0].note or "")


@pytest.mark.parametrize("x", [1e-8, 1e-6, 1e-3])
def test_one_minus_cosine(x: float) -> None:
    """The loss has lost up to all of its digits, the derivative none."""
    found = entry(of_x(lambda s, a: s("sub", 1.0, s("cos", a)), x))
    assert found.verdict is Verdict.OK
    assert abs((found.backprop or 0.0) - math.sin(x)) <= 2 * ULP * x


# ---------------------------------------------------------------------------------------------
# Kinks, borders, poles
# ---------------------------------------------------------------------------------------------

Maker = Callable[[Sheet, int], int]
INF = math.inf
KINKS: dict[str, tuple[Maker, float, float | None, float | None]] = {
    "relu at 0": (lambda s, x: s("relu", x), 0.0, 0.0, 1.0),
    "abs at 0": (lambda s, x: s("abs", x), 0.0, -1.0, 1.0),
    "abs(x - 3) at 3": (lambda s, x: s("abs", s("sub", x, 3.0)), 3.0, -1.0, 1.0),
    "sqrt(x^2) at 0": (lambda s, x: s("sqrt", s("mul", x, x)), 0.0, -1.0, 1.0),
    "max(x, x^2) at 1": (lambda s, x: s("maximum", x, s("mul", x, x)), 1.0, 1.0, 2.0),
    "max([x, x^2]) at 1": (lambda s, x: s("max", s("stack", x, s("mul", x, x))), 1.0, 1.0, 2.0),
    "min(x, 2) at 2": (lambda s, x: s("minimum", x, 2.0), 2.0, 1.0, 0.0),
    "a jump": (lambda s, x: s("add", x, s("gt", x, 0.0)), 0.0, 1.0, INF),
    "sign at 0": (lambda s, x: s("sign", x), 0.0, INF, INF),
    "x^1.5 at 0": (lambda s, x: s("pow", x, 1.5), 0.0, None, 0.0),
    "norm at 0": (lambda s, x: s("norm", s("stack", x, 0.0)), 0.0, -1.0, 1.0),
    "a pole beside": (
        lambda s, x: s("where", s("gt", x, 0.0), s("div", 1.0, x), s("mul", x, 2.0)), 0.0, 2.0, INF),
}  # fmt: skip


@pytest.mark.parametrize(("f", "x", "left", "right"), KINKS.values(), ids=KINKS)
def test_kinks_show_both_slopes(f: Maker, x: float, left: float | None, right: float | None) -> None:
    found = entry(of_x(f, x))
    assert found.verdict is Verdict.KINK
    for shown, expected in ((found.left, left), (found.right, right)):
        assert (shown is None) == (expected is None)
        # the step is 1e-45 of x: nothing of it is left in a float64
        assert shown == pytest.approx(expected, rel=1e-15) if expected is not None else True


INFINITE: dict[str, tuple[Maker, float, float | None, float | None]] = {
    "cbrt at 0": (lambda s, x: s("cbrt", x), 0.0, INF, INF),
    "sqrt at 0": (lambda s, x: s("sqrt", x), 0.0, None, INF),
    "asin at 1": (lambda s, x: s("asin", x), 1.0, INF, None),
    "x^0.001 at 0": (lambda s, x: s("pow", x, 0.001), 0.0, None, INF),
    "sqrt(|x|) at 0": (lambda s, x: s("sqrt", s("abs", x)), 0.0, -INF, INF),
}  # fmt: skip


@pytest.mark.parametrize(("f", "x", "left", "right"), INFINITE.values(), ids=INFINITE)
def test_an_infinite_derivative_is_not_known(
    f: Maker, x: float, left: float | None, right: float | None
) -> None:
    found = entry(of_x(f, x))
    assert (found.verdict, found.left, found.right) == (Verdict.UNRESOLVED, left, right)
    assert found.note == "the derivative is infinite here"


SMOOTH: dict[str, tuple[Maker, float, float]] = {
    "x |x| at 0": (lambda s, x: s("mul", x, s("abs", x)), 0.0, 0.0),
    "relu(x)^2 at 0": (lambda s, x: s("pow", s("relu", x), 2.0), 0.0, 0.0),
    "norm^2 at 0": (lambda s, x: s("pow", s("norm", s("stack", x, 0.0)), 2.0), 0.0, 0.0),
    "elu at 0": (lambda s, x: s("elu", x), 0.0, 1.0),
    "max(x, x)": (lambda s, x: s("maximum", x, x), 2.0, 1.0),
    "x^2 at 0": (lambda s, x: s("pow", x, 2.0), 0.0, 0.0),
    "x^1 at 0": (lambda s, x: s("pow", x, 1.0), 0.0, 1.0),
    "x + x^0 at 0": (lambda s, x: s("add", x, s("pow", x, 0.0)), 0.0, 1.0),
    "(-2)^3": (lambda s, x: s("pow", x, 3.0), -2.0, 12.0),
    "x/x": (lambda s, x: s("add", x, s("div", x, x)), 0.5, 1.0),
    "relu beside its kink": (lambda s, x: s("add", x, s("relu", x)), -1e-9, 1.0),
    "log beside its border": (lambda s, x: s("log", x), 1e-12, 1e12),
    "an unchosen pole": (
        lambda s, x: s("where", s("gt", x, 0.0), s("log", x), s("mul", x, 2.0)), -1.0, 2.0),
    "an unchosen overflow": (
        lambda s, x: s("where", s("lt", x, 100.0), s("exp", x), s("mul", x, 2.0)), 800.0, 2.0),
}  # fmt: skip


@pytest.mark.parametrize(("f", "x", "slope"), SMOOTH.values(), ids=SMOOTH)
def test_smooth_points_beside_kinks_are_no_kinks(f: Maker, x: float, slope: float) -> None:
    report = ask(of_x(f, x))
    (found,) = report.parameters[0].entries
    assert found.verdict is Verdict.OK
    for value in (found.symbolic, found.backprop):
        assert value == pytest.approx(slope, rel=4 * ULP, abs=1e-40)


def test_a_tie_of_a_maximum_names_the_entries_that_tie() -> None:
    sheet = Sheet()
    sheet.step("loss", sheet("max", sheet.param("v", [1.0, 3.0, 3.0, 2.0])))
    (block,) = ask(sheet.model()).parameters
    assert [e.verdict.value for e in block.entries] == ["ok", "KINK", "KINK", "ok"]


@pytest.mark.parametrize(
    ("f", "x", "words"),
    [
        (lambda s, x: s("div", 1.0, x), 0.0, "1 / 0"),
        (lambda s, x: s("div", x, x), 0.0, "0 / 0"),
        (lambda s, x: s("log", x), -1.0, "log(-1)"),
        (lambda s, x: s("exp", x), 1e3, "exp(1000)"),
        (lambda s, x: s("pow", x, 0.5), -1.0, "-1 ^ 0.5"),
        (lambda s, x: s("mul", x, s("log", x)), 0.0, "log(0)"),
    ],
)
def test_outside_a_domain_the_step_is_named(f: Maker, x: float, words: str) -> None:
    report = ask(of_x(f, x), points=3)
    assert report.verdict is Verdict.UNRESOLVED
    assert words in report.value_note
    assert "line 2" in report.value_note


@pytest.mark.parametrize("x", [0.0, 1.0])
def test_a_step_that_divides_by_zero_aside(x: float) -> None:
    """A named step may be infinite where the loss does not choose it: no traceback at any precision."""
    sheet = Sheet()
    a = sheet.param("x", x)
    q = sheet.step("q", sheet("div", 1.0, sheet("mul", a, a)))
    w = sheet.step("w", sheet("softplus", sheet("mul", a, 1e-3)))
    chosen = sheet("where", sheet("gt", a, 0.0), q, sheet("sub", w, a))
    sheet.step("loss", chosen)
    assert ask(sheet.model(), points=3).verdict in (Verdict.OK, Verdict.KINK)


@pytest.mark.parametrize("name", ["toy.txt", "network.txt", "mlp_rows.txt"])
def test_derivatives_cost_what_was_counted_before(name: str) -> None:
    """So that their precision is chosen before they are computed; one operation less does not do."""
    model = api.load(MODELS / name)
    point, names = model.point(), [parameter.name for parameter in model.parameters()]
    first = Referee(symbolic.lower(model))
    first.tape(point, first.high)
    first.derivative(point, model.loss, names)
    cost = first.budget.most - first.budget.left
    for most, reaches in ((cost, True), (cost - 1, False)):
        referee = Referee(symbolic.lower(model), Budget(most))
        assert referee.covers(point, {model.loss: names}, referee.high, values=True) is reaches
        assert referee.budget.left == most
        assert referee.budget.spent is not reaches
    first.budget.left = 0
    assert first.covers(point, {model.loss: names}, first.high, values=False)  # what is known costs nothing
    assert not first.covers(point, {model.loss: names}, first.higher, values=False)
