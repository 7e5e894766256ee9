"""The table of functions, record by record: symbolic, backprop, differences and high precision say
the same wherever a record may be used, margins lie on the right side, and nothing overflows far out."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from build import SWEEP_ALL, Application, Sheet, applications, high, one_of, part_of
from gradcheck_cli.checking.check import check
from gradcheck_cli.checking.options import Options
from gradcheck_cli.derivatives import backprop, symbolic
from gradcheck_cli.derivatives.finite_differences.drivers import by_entry
from gradcheck_cli.evaluation.evaluate import as_margins
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.primitives.record import Primitive
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.results.gradient_results import Verdict

ALL = list(PRIMITIVES.values())
by_name = pytest.mark.parametrize("record", ALL, ids=lambda r: r.name)
EXTRAPOLATED, COMPLEX = map(by_entry.scheme_by_name, ("extrapolated", "complex"))
ULP = 2.0**-52
# of the numbers compared at 50 digits: their arithmetic leaves 48, constants of doubles are exact
EXACT = 1e-45


def names(application: Application) -> list[str]:
    return [f"a{k}" for k in range(len(application.shapes))]


def floats(values: Any) -> np.ndarray:
    return np.asarray(np.asarray(values, dtype=object).astype(np.float64))


def close(a: Any, b: Any, relative: float) -> bool:
    """Entry by entry, in whatever numbers they are."""
    a, b = np.asarray(a, dtype=object), np.asarray(b, dtype=object)
    return a.shape == b.shape and bool(np.all(abs(a - b) <= relative * np.maximum(abs(a), abs(b))))


# ---------------------------------------------------------------------------------------------
# Values and derivatives
# ---------------------------------------------------------------------------------------------


# the fast part looks at the first application of a record, the slow one at the others
first_or_others = pytest.mark.parametrize("first", [True, pytest.param(False, marks=pytest.mark.slow)])


def some(record: Primitive, first: bool) -> list[Application]:
    """Of a function of numbers, arrays that are per row or meet what is: they hold what numbers show. Of one
    of arrays, all shapes, and some of the ways to be per row."""
    first_of_all, *others = applications(record)
    rows = [a for a in others if any(a.per_row)]
    if first:
        return [first_of_all]
    if SWEEP_ALL:
        return others
    if record.elementwise:
        return [a for a in rows if any(a.shapes)][::2]
    return [a for a in others if not any(a.per_row)] + rows[::4]


@first_or_others
@by_name
def test_values_agree(record: Primitive, first: bool) -> None:
    for application in some(record, first):
        model = application.model()
        program, tape = symbolic.lower(model), forward_pass(model)
        exact_tape, m = forward_pass(model, high()), high()
        exact = symbolic.values(program, model.point(), m)
        plain = symbolic.values(program, model.point())
        rounding = Referee(program).value_rounding(model.point(), list(model.steps))
        for step in model.steps:
            truth = exact_tape.value(step)
            assert close(exact[step], truth, EXACT), (str(application), step)
            for found in (tape.value(step), plain[step]):
                assert np.all(abs(found - floats(truth)) <= rounding[step]), (str(application), step)


@first_or_others
@by_name
def test_derivatives_agree(record: Primitive, first: bool) -> None:
    for application in some(record, first):
        model = application.model()
        program, tape = symbolic.lower(model), forward_pass(model)
        referee, point = Referee(program), model.point()
        small = model.node("y").size <= (16 if first else 4)  # beyond, a derivative of y has many entries
        for of in ("y", "loss") if small else ("loss",):
            by = names(application)
            truth = referee.derivative(point, of, by)
            rounding = referee.rounding(point, of, by)
            forward_way = symbolic.derivative(program, point, of, by, referee.high)
            found = (
                backprop.derivative(model, tape, of, by),
                symbolic.derivative(program, point, of, by),
            )
            # what is made of minors loses digits that elimination keeps: the referee asks for it at
            # high precision, as `forward_way` is here
            compared = found[:1] if record.name in ("inv", "solve", "eigvalsh") else found
            for name in by:
                assert close(forward_way[name], truth[name], EXACT), (str(application), of, name)
                for method in compared:
                    assert method[name].shape == truth[name].shape
                    gap = abs(method[name] - floats(truth[name]))
                    assert np.all(gap <= rounding[name]), (str(application), of, name)


@pytest.mark.slow
@pytest.mark.parametrize("record", part_of(ALL, 2), ids=lambda r: r.name)
def test_differences_agree_within_their_bounds(record: Primitive) -> None:
    for application in _uniform(record):
        model = application.model()
        referee, tape = Referee(symbolic.lower(model)), forward_pass(model)
        truth = referee.derivative(model.point(), "loss", names(application))
        # what rounding inside the loss does to all samples alike, no difference can see
        rounding = referee.rounding(model.point(), "loss", names(application))
        schemes = [EXTRAPOLATED, COMPLEX] if record.analytic else [EXTRAPOLATED]
        for scheme in schemes:
            found = by_entry.derivative(model, tape, "loss", names(application), scheme)
            for name in names(application):
                true, estimate = floats(truth[name]), found[name]
                bound = estimate.bound + rounding[name]
                assert np.all(abs(estimate.value - true) <= bound), (str(application), name)
                # a bound that says nothing would hold too; the loss and its slopes are of size 1
                wide = estimate.bound > 1e-9 * max(np.max(abs(true)), 1.0)
                assert not np.any(wide & (true != 0)), (str(application), scheme.name)


def _uniform(record: Primitive) -> list[Application]:
    """All shared, and one that is all per row; of numbers where arrays are many of them. What is mixed is
    compared above, without differences."""
    shared = [a for a in applications(record) if not any(a.per_row)]
    rows = [a for a in applications(record) if a.per_row and all(a.per_row)]
    if record.elementwise:
        shared, rows = ([a for a in found if not any(a.shapes)] for found in (shared, rows))
    return shared + (rows if SWEEP_ALL or not shared else rows[-1:])


@by_name
def test_differences_at_high_precision_agree(record: Primitive) -> None:
    """The referee's second way knows no derivative at all."""
    application = next(applications(record))
    model = application.model()
    referee, point = Referee(symbolic.lower(model)), model.point()
    for name in names(application):
        shape = model.node(name).shape
        row = 1 if model.node(name).per_row else None
        truth = referee.derivative(point, "loss", [name])[name]
        for index in np.ndindex(shape):
            left, right = referee.slopes(point, "loss", name, index, row)
            true = truth[(*(() if row is None else (row,)), *index)]
            assert abs(left - right) <= 1e-40  # h = 1e-45 and second derivatives up to 1e5
            assert abs(left - true) <= 1e-40


# ---------------------------------------------------------------------------------------------
# Margins of kinks and domains
# ---------------------------------------------------------------------------------------------

# arguments with a positive margin, a margin of 0, and a negative one
KINKS: dict[str, tuple[Any, Any, Any]] = {
    **dict.fromkeys(("abs", "sign", "relu", "leaky_relu", "elu", "selu"), ((1e-9,), (0.0,), (-1e-9,))),
    **dict.fromkeys(("squared_relu", "celu"), ((1e-9,), (0.0,), (-1e-9,))),
    **dict.fromkeys(("floor", "ceil"), ((1e-9,), (0.0,), (-1e-9,))),
    "round": ((-0.5 + 1e-9,), (-0.5,), (-0.5 - 1e-9,)),
    "mod": ((0.3, 0.5), (0.0, 0.5), (-0.3, 0.5)),
    "clip": ((1e-9, 0.0, 1.0), (0.0, 0.0, 1.0), (-1e-9, 0.0, 1.0)),
    "copysign": ((1e-9, 1.0), (0.0, 1.0), (-1e-9, 1.0)),
    "hard_tanh": ((-1 + 1e-9,), (-1.0,), (-1 - 1e-9,)),
    **dict.fromkeys(("hard_sigmoid", "hard_swish"), ((-3 + 1e-9,), (-3.0,), (-3 - 1e-9,))),
    "relu6": ((1e-9,), (0.0,), (-1e-9,)),
    "softshrink": ((0.5 + 1e-9,), (0.5,), (0.5 - 1e-9,)),
    **dict.fromkeys(
        ("gt", "lt", "ge", "le", "maximum", "minimum"), ((2.0, 1.0), (1.0, 1.0), (1.0, 2.0))
    ),
}
DOMAINS: dict[str, tuple[Any, Any, Any]] = {
    **dict.fromkeys(("log", "log2", "log10", "sqrt", "cbrt"), ((1e-9,), (0.0,), (-1e-9,))),
    "div": ((1.0, 1e-9), (1.0, 0.0), (1.0, -1e-9)),
    "pow": ((1e-9, 0.5), (0.0, 0.5), (-1e-9, 0.5)),
    "log1p": ((-1 + 1e-9,), (-1.0,), (-1 - 1e-9,)),
    "asin": ((1 - 1e-9,), (1.0,), (1 + 1e-9,)),
    "acos": ((-1 + 1e-9,), (-1.0,), (-1 - 1e-9,)),
    "atan2": ((1e-9, -1.0), (0.0, -1.0), (-1e-9, -1.0)),
    **dict.fromkeys(("lgamma", "gamma", "digamma", "polygamma"), ((1e-9,), (0.0,), (-1e-9,))),
    **dict.fromkeys(("beta", "betaln"), ((1e-9, 1.0), (0.0, 1.0), (-1e-9, 1.0))),
    "gammainc": ((1e-9,), (0.0,), (-1e-9,)),
    **dict.fromkeys(("erfinv", "atanh"), ((1 - 1e-9,), (1.0,), (1 + 1e-9,))),
    **dict.fromkeys(("normal_quantile", "logit"), ((1e-9,), (0.0,), (-1e-9,))),
    **dict.fromkeys(("expint", "y0", "y1", "bessel_y", "rsqrt"), ((1e-9,), (0.0,), (-1e-9,))),
    **dict.fromkeys(("csc", "cot"), ((1e-9,), (0.0,), (-1e-9,))),
    "sec": ((np.pi / 2 - 1e-9,), None, (np.pi / 2 + 1e-9,)),
    "acosh": ((1 + 1e-9,), (1.0,), (1 - 1e-9,)),
    "log1mexp": ((-1e-9,), (0.0,), (1e-9,)),
    "xlogy": ((1.0, 1e-9), (1.0, 0.0), (1.0, -1e-9)),
    "mod": ((1.0, 1e-9), (1.0, 0.0), (1.0, -1e-9)),
    "tan": ((np.pi / 2 - 1e-9,), None, (np.pi / 2 + 1e-9,)),  # no double is pi/2
}
VALUE_BEYOND = {  # defined beyond the border, but not connected to it
    "cbrt", "div", "tan", "atan2", "sec", "csc", "cot", "mod", "lgamma", "gamma", "digamma", "polygamma",
}  # fmt: skip


ELIMINATION = ("inv", "solve", "logdet", "slogdet", "cholesky")  # domains of matrices


def leading(*values: Any) -> list[np.ndarray]:
    return [np.asarray(v, dtype=float)[None, None] for v in values]


def test_the_tables_are_complete() -> None:
    arrays = {"max", "min", "where", "sort", "eigvalsh", "max_pool"}
    assert {r.name for r in ALL if r.kink} == set(KINKS) | arrays
    assert {r.name for r in ALL if r.domain} == set(DOMAINS) | {"norm", "std", "hypot", *ELIMINATION}


@pytest.mark.parametrize("name", KINKS)
def test_kink_margins_change_sign_at_the_kink(name: str) -> None:
    record = PRIMITIVES[name]
    for point, expected in zip(KINKS[name], (1, 0, -1), strict=True):
        for m in (FLOAT64, high()):
            given = [m.array(x) for x in leading(*point)]
            margin = as_margins(record.kink(m, *given, **record.options))[0]
            assert np.sign(margin).item() == expected


@pytest.mark.parametrize("name", DOMAINS)
def test_domain_margins_change_sign_at_the_border(name: str) -> None:
    record = PRIMITIVES[name]
    for point, expected in zip(DOMAINS[name], (1, 0, -1), strict=True):
        if point is None:
            continue
        for m in (FLOAT64, high()):
            given = [m.array(x) for x in leading(*point)]
            assert np.sign(record.domain(m, *given, **record.options)).item() == expected
    with np.errstate(all="ignore"):
        inside, _, beyond = (
            p and record.forward(FLOAT64, *leading(*p), **record.options).item() for p in DOMAINS[name]
        )
    assert np.isfinite(inside)
    assert np.isfinite(beyond) == (name in VALUE_BEYOND)


def test_any_number_has_an_integer_power() -> None:
    for b in (-2.0, 0.0, 3.0):
        assert PRIMITIVES["pow"].domain(FLOAT64, *leading(-1.5, b)).item() > 0


@pytest.mark.parametrize(
    ("values", "signs"),
    [
        ([1.0, 3.0, 2.0], [-1, 1, -1]),
        ([1.0, 3.0, 3.0], [-1, 0, 0]),
        ([2.0], [1]),  # one entry is the largest wherever it is
        ([0.0, -0.0], [0, 0]),
    ],
)
def test_the_margin_of_a_maximum(values: list[float], signs: list[int]) -> None:
    for m in (FLOAT64, high()):
        for name, sign in (("max", 1.0), ("min", -1.0)):
            (x,) = leading(sign * np.array(values))
            margin = PRIMITIVES[name].kink(m, m.array(x), rank=1, axis=None, keepdims=None)
            assert np.sign(margin).reshape(-1).tolist() == signs


def test_the_margin_of_a_norm() -> None:
    for values, sign in (([0.0, 0.0], 0), ([0.0, 1e-200], 1)):
        (x,) = leading(values)
        assert np.sign(PRIMITIVES["norm"].domain(FLOAT64, x, rank=1, axis=None, keepdims=None)).item() == sign


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ([1.0, -1.0], [2.0, -0.5], True),
        ([1.0, -1.0], [2.0, 0.5], False),
        ([0.0, -1.0], [0.0, -2.0], True),
    ],
)
def test_points_on_the_same_side_are_known(before: Any, after: Any, same: bool) -> None:
    model = Application(PRIMITIVES["relu"], ((2,),)).model(at=[before])
    there = forward_pass(model, point={**model.point(), "a0": np.array(after)})
    assert forward_pass(model).same_sides(there) is same


# ---------------------------------------------------------------------------------------------
# Far out and very near: nothing overflows, no digit is lost that the argument has
# ---------------------------------------------------------------------------------------------

HIGH = mpmath.ctx_mp.MPContext()
HIGH.dps = 1000  # 1 + exp(-800) keeps 650 digits of the second term
_PHI = {
    "sigmoid": lambda x: 1 / (1 + HIGH.exp(-x)),
    "softplus": lambda x: HIGH.log(1 + HIGH.exp(x)),
    "tanh": lambda x: HIGH.sinh(x) / HIGH.cosh(x),
    "gelu": lambda x: x * HIGH.erfc(-x / HIGH.sqrt(2)) / 2,
    "silu": lambda x: x / (1 + HIGH.exp(-x)),
    "mish": lambda x: x * HIGH.tanh(HIGH.log(1 + HIGH.exp(x))),
    "softsign": lambda x: x / (1 + abs(x)),
    "log1p": lambda x: HIGH.log(1 + x),
    "expm1": lambda x: HIGH.exp(x) - 1,
    "elu": lambda x: x if x > 0 else HIGH.exp(x) - 1,
    "atan": HIGH.atan,
    "sinh": HIGH.sinh,
    "asin": HIGH.asin,
    "acos": HIGH.acos,
    "sqrt": HIGH.sqrt,
    "cos": HIGH.cos,
    "erf": HIGH.erf,
}
# argument, and what an ulp of intermediate rounding may become in value and derivative: exp turns
# the half ulp of an argument of 700 into 700 half ulps; asin(1 - t) has 1 - x**2 to the digits of t
FAR: list[tuple[str, float, float, float]] = [
    *[("sigmoid", x, 4 * max(1, abs(x)), 4 * max(1, abs(x))) for x in (-700.0, -40.0, 40.0, 700.0, -1e-9)],
    *[("softplus", x, 4 * max(1, abs(x)), 4 * max(1, abs(x))) for x in (-700.0, -40.0, 40.0, 800.0)],
    *[("silu", x, 4 * max(1, abs(x)), 8 * max(1, abs(x))) for x in (-700.0, -40.0, 40.0, 800.0)],
    *[("mish", x, 4 * max(1, abs(x)), 8 * max(1, abs(x))) for x in (-700.0, -40.0, 1e-20, 40.0, 800.0)],
    *[("softsign", x, 2, 4) for x in (-1e150, -1e-300, 1e-20, 1e9, 1e150)],
    *[("gelu", x, 4 * x * x, 8 * x * x) for x in (-37.0, -30.0, -8.0, 8.0, 30.0)],
    *[("tanh", x, 4, 4 * max(1, x)) for x in (1e-20, 5.0, 30.0, 300.0)],
    *[("log1p", x, 2, 2) for x in (1e-300, -1e-20, 1e-20, 1e-9, 1e300)],
    *[("expm1", x, 2, 2) for x in (1e-300, -1e-20, 1e-20, 1e-9, -40.0)],
    *[("elu", x, 2, 2) for x in (-1e-300, -1e-20, -40.0)],
    ("atan", 1e150, 2, 4),
    ("sinh", 1e-20, 2, 2),
    ("sinh", 700.0, 4, 4),
    ("asin", 1 - 2.0**-40, 4, 4),
    ("acos", 1 - 2.0**-40, 4, 4),
    ("sqrt", 1e-300, 2, 2),
    ("cos", 1e22, 4, 4),
    ("erf", 1e-300, 4, 4),
    ("erf", 5.9, 4, 40),
]


def scaled(name: str, x: float) -> Model:
    sheet = Sheet()
    y = sheet.step("y", sheet(name, sheet.param("x", x)))
    sheet.step("loss", sheet("mul", y, 2.5))
    return sheet.model()


@pytest.mark.parametrize(("name", "x", "in_value", "in_slope"), FAR)
def test_far_out_every_digit_is_right(name: str, x: float, in_value: float, in_slope: float) -> None:
    model = scaled(name, x)
    function = _PHI[name]
    tape = forward_pass(model)
    value, slope = function(HIGH.mpf(x)), _slope(function, HIGH.mpf(x))
    found = backprop.derivative(model, tape, "y", ["x"])["x"]
    assert abs(float(tape.value("y")) - value) <= in_value * ULP * abs(value)
    assert abs(float(found) - slope) <= in_slope * ULP * abs(slope)


def _slope(function: Any, x: Any) -> Any:
    """A central difference: h = 1e-330 |x|, truncation h^2, of 1000 digits 300 remain."""
    h = abs(x) * HIGH.mpf(10) ** -330
    return (function(x + h) - function(x - h)) / (2 * h)


@pytest.mark.parametrize(("name", "x"), one_of(3, [(f, x) for f, x, *_ in FAR]))
def test_far_out_the_verdict_is_ok(name: str, x: float) -> None:
    """Or UNRESOLVED, where SymPy's form cancels in float64 and its column shows it: 1 - tanh(30)^2 is 0."""
    report = check(scaled(name, x), Options(points=1))
    (entry,) = report.parameters[0].entries
    if entry.verdict is Verdict.UNRESOLVED and not report.coverage.zero:
        true = 2.5 * float(_slope(_PHI[name], HIGH.mpf(x)))
        assert entry.reference == pytest.approx(true, rel=1e-12, abs=0)
        assert entry.symbolic != pytest.approx(entry.reference, rel=1e-6, abs=0)
        return
    if report.coverage.zero:  # the derivative is below the smallest double
        assert report.verdict is Verdict.UNRESOLVED
    else:
        assert report.verdict is Verdict.OK


@pytest.mark.parametrize(
    ("name", "x", "value"),
    [("sigmoid", -800.0, 0.0), ("sigmoid", 800.0, 1.0), ("tanh", 1e4, 1.0), ("softplus", -1e4, 0.0),
     ("gelu", -50.0, 0.0), ("silu", -1e4, 0.0), ("elu", -1e4, -1.0), ("selu", 1e300, 1.0507009873554805e300),
     ("mish", -1e4, 0.0), ("mish", 1e300, 1e300), ("softsign", 1e308, 1.0), ("softsign", -1e308, -1.0)],
)  # fmt: skip
def test_beyond_the_doubles_values_are_limits(name: str, x: float, value: float) -> None:
    model = scaled(name, x)
    tape = forward_pass(model)
    assert tape.value("y") == value
    assert np.isfinite(backprop.derivative(model, tape, "y", ["x"])["x"])


# ---------------------------------------------------------------------------------------------
# softsign: the second derivative jumps at 0, the first does not
# ---------------------------------------------------------------------------------------------

AROUND_ZERO = [0.0, *(sign * 10.0**k for sign in (1, -1) for k in range(-12, 1))]


@pytest.mark.parametrize("scheme", ["extrapolated", "forward2", "central", "central8"])
def test_bounds_hold_where_the_second_derivative_jumps(scheme: str) -> None:
    for x in AROUND_ZERO:
        model = scaled("softsign", x)
        found = by_entry.derivative(
            model, forward_pass(model), "loss", ["x"], by_entry.scheme_by_name(scheme)
        )["x"]
        gap = abs(float(found.value) - 2.5 / (1 + abs(x)) ** 2)
        assert gap <= float(found.bound) + 4 * ULP  # the right side is itself rounded a few times
        assert float(found.bound) < 0.01  # a bound that says nothing would hold too


@pytest.mark.slow
def test_a_jump_of_the_second_derivative_is_no_kink_and_one_of_the_first_is() -> None:
    for x in AROUND_ZERO:
        assert check(scaled("softsign", x), Options()).verdict is Verdict.OK
    assert check(scaled("abs", 0.0), Options()).verdict is Verdict.KINK
