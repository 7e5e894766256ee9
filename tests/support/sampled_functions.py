"""Functions of one number in float64 and at 60 digits: what differences are to find, and the truth."""

import math
import random

import mpmath
import numpy as np

from gradcheck_cli.derivatives.finite_differences.differences import differences
from gradcheck_cli.derivatives.finite_differences.sampled_function import Samples

HIGH = mpmath.MPContext()  # private: no other test sees its precision
HIGH.dps = 60


class Doubles:
    """The functions of the tables in float64; Exact holds the same at 60 digits and more."""

    sin, cos, exp, log, tanh = np.sin, np.cos, np.exp, np.log, np.tanh
    sqrt, atan, abs = np.sqrt, np.arctan, np.abs
    number = staticmethod(float)


class Exact:
    sin, cos, exp, log, tanh = HIGH.sin, HIGH.cos, HIGH.exp, HIGH.log, HIGH.tanh
    sqrt, atan, abs, number = HIGH.sqrt, HIGH.atan, abs, HIGH.mpf


def sampled(f, x, borders=()):
    """The function f(m, x) as the engine would hand it over; borders are what lies in between."""

    def function(which, offsets):
        points = np.asarray(x, float)[which][:, None] + offsets
        with np.errstate(all="ignore"):
            values = np.asarray(f(Doubles, points)) + 0 * offsets
        smooth = np.ones(offsets.shape, bool)
        for border in borders:
            smooth &= np.sign(points - border) == np.sign(np.asarray(x)[which] - border)[:, None]
        return Samples(values, smooth)

    return function


def ask(f, x, borders=(), **options):
    return differences(sampled(f, [x], borders), np.array([float(x)]), **options)


def truth(f, x):
    """f'(x) by a central difference in as many digits as that takes."""
    with HIGH.workdps(120 if x == 0 or abs(x) > 1e-40 else 760):
        x = HIGH.mpf(x)
        h = HIGH.mpf(10) ** -25 * (abs(x) or 1)
        return (f(Exact, x + h) - f(Exact, x - h)) / (2 * h)


def covers(answer, true, shrink=1.0):
    value, bound = float(answer.value[0]), float(answer.bound[0]) * shrink
    return math.isinf(bound) or abs(HIGH.mpf(value) - true) <= bound


def digits(answer):
    value, bound = float(answer.value[0]), float(answer.bound[0])
    return -math.log10(bound / abs(value)) if value and math.isfinite(bound) else 0.0


# --- the population: name, function, point, borders ----------------------------------------------

SMOOTH = [
    ("sin", lambda m, x: m.sin(x), 0.7, ()),
    ("exp", lambda m, x: m.exp(x), 0.0, ()),
    ("exp negative", lambda m, x: m.exp(x), -3.2, ()),
    ("log", lambda m, x: m.log(x), 2.5, (0,)),
    ("log large", lambda m, x: m.log(x), 1e12, (0,)),
    ("sqrt", lambda m, x: m.sqrt(x), 0.3, (0,)),
    ("tanh", lambda m, x: m.tanh(x), -0.8, ()),
    ("tanh bent", lambda m, x: m.tanh(x), 3.0, ()),
    ("sigmoid", lambda m, x: 1 / (1 + m.exp(-x)), 0.5, ()),
    ("sigmoid tail", lambda m, x: 1 / (1 + m.exp(-x)), -40.0, ()),
    ("softplus", lambda m, x: m.log(1 + m.exp(x)), 1.1, ()),
    ("softplus right", lambda m, x: m.log(1 + m.exp(x)), 20.0, ()),
    ("atan", lambda m, x: m.atan(x), 1.7, ()),
    ("Runge", lambda m, x: 1 / (1 + 25 * x * x), 0.2, ()),
    ("Runge narrow", lambda m, x: 1 / (1 + 10000 * x * x), 0.01, ()),
    ("line", lambda m, x: 3 * x, 0.3, ()),
    ("line with constant", lambda m, x: m.number(3.1) * x + 7, 0.3, ()),
    ("cubic", lambda m, x: x**3 - 2 * x + 1, 1.7, ()),
    ("degree 8", lambda m, x: x**8, 1.1, ()),
    ("degree 20", lambda m, x: x**20, 1.3, ()),
    ("square, huge", lambda m, x: x * x, 1e150, ()),
    ("square, large", lambda m, x: x * x, 1e12, ()),
    ("values 1e300", lambda m, x: m.number(1e300) * x * x, 1.3, ()),
    ("values 1e-300", lambda m, x: m.number(1e-300) * m.sin(x), 1.3, ()),
    ("x |x|", lambda m, x: x * m.abs(x), 0.3, (0,)),
    ("period 1", lambda m, x: m.sin(2 * m.number(math.pi) * x), 1.0, ()),
    ("gauss", lambda m, x: m.exp(-x * x / 2), 0.9, ()),
    ("product", lambda m, x: m.sin(x) * m.exp(x) / (1 + x * x), 0.4, ()),
    ("quotient", lambda m, x: x / m.sqrt(1 + x * x), -2.2, ()),
    ("tiny point, exp", lambda m, x: m.exp(x), 1e-12, ()),
    ("denormal point, sin", lambda m, x: m.sin(x), 1e-310, ()),
    ("denormal point, exp", lambda m, x: m.exp(x), 1e-310, ()),
    ("denormal point, sqrt", lambda m, x: m.sqrt(x), 1e-310, (0,)),
    ("last denormal", lambda m, x: m.exp(x), 5e-324, ()),
    ("zero point, scale 1e-8", lambda m, x: m.sin(x * 1e8), 0.0, ()),
    ("zero point, scale 1e-10", lambda m, x: m.exp(x * 1e10), 0.0, ()),
    ("zero point, scale 1e6", lambda m, x: m.exp(x * m.number(1e-6)), 0.0, ()),
    ("zero point, scale 1e10", lambda m, x: m.exp(x * m.number(1e-10)), 0.0, ()),
]
HARD = [
    ("oscillation", lambda m, x: m.sin(1000 * x), 1.0, ()),
    ("fast oscillation", lambda m, x: m.sin(1000000 * x), 1.0, ()),
    ("oscillation of oscillation", lambda m, x: m.sin(50 * m.sin(20 * x)), 0.4, ()),
    ("x^2 sin(1/x)", lambda m, x: x * x * m.sin(1 / x), 0.01, (0,)),
    ("period 1/4", lambda m, x: m.sin(8 * m.number(math.pi) * x) + x, 0.5, ()),
    ("period 1/32", lambda m, x: m.sin(64 * m.number(math.pi) * x) + x, 1.0, ()),
    ("ripple 1e-4", lambda m, x: m.sin(x) + m.number(1e-4) * m.sin(1000 * x), 1.0, ()),
    ("ripple 1e-8", lambda m, x: m.sin(x) + m.number(1e-8) * m.sin(1000000 * x), 1.0, ()),
    ("ripple 1e-12", lambda m, x: m.sin(x) + m.number(1e-12) * m.sin(100000 * x), 1.0, ()),
    ("sin at 1e12", lambda m, x: m.sin(x), 1e12, ()),
    ("steep exp", lambda m, x: m.exp(40 * x), 1.0, ()),
    ("exp of cube", lambda m, x: m.exp(x * x * x), 6.0, ()),
    ("exp, nearly overflowing", lambda m, x: m.exp(x), 700.0, ()),
    ("exp, steep at 0", lambda m, x: m.exp(x * m.number(1e20)), 0.0, ()),
    ("saturated, derivative 1e-26", lambda m, x: m.tanh(x), 30.0, ()),
    ("saturated, derivative 1e-13", lambda m, x: m.tanh(x), 15.0, ()),
    ("saturated sigmoid", lambda m, x: 1 / (1 + m.exp(-x)), 40.0, ()),
    ("underflowing sigmoid", lambda m, x: 1 / (1 + m.exp(-x)), -800.0, ()),
    ("softplus left, 1 + tiny", lambda m, x: m.log(1 + m.exp(x)), -30.0, ()),
    ("log near 0", lambda m, x: m.log(x), 1e-9, (0,)),
    ("log near 0, overflow", lambda m, x: m.log(x), 1e-310, (0,)),
    ("sqrt near 0", lambda m, x: m.sqrt(x), 1e-9, (0,)),
    ("sqrt 1e-7 inside", lambda m, x: m.sqrt(x - 1), 1 + 1e-7, (1.0,)),
    ("log 1e-12 inside", lambda m, x: m.log(x - 1), 1 + 1e-12, (1.0,)),
    ("1/x near 0", lambda m, x: 1 / x, 1e-3, (0,)),
    ("1/x nearer", lambda m, x: 1 / x, 1e-8, (0,)),
    ("pole beside", lambda m, x: 1 / (x - m.number(0.99)), 1.0, (0.99,)),
    ("minimum", lambda m, x: (x - 1) ** 2, 1.0, ()),
    ("minimum of cos", lambda m, x: m.cos(x), math.pi, ()),
    ("flat minimum", lambda m, x: x**4, 0.0, ()),
    ("minimum, tiny point", lambda m, x: m.cos(x), 1e-12, ()),
    ("cancellation 1e8", lambda m, x: (m.sin(x) + 1e8) - 1e8, 0.7, ()),
    ("cancellation 1e12", lambda m, x: (m.sin(x) + 1e12) - 1e12, 0.7, ()),
    ("cancellation of all", lambda m, x: m.exp(x + 30) - m.exp(x) * m.exp(m.number(30)), 0.7, ()),
    ("(1 - cos)/x^2", lambda m, x: (1 - m.cos(x)) / (x * x), 1e-4, (0,)),
    ("(1 - cos)/x^2 at 1e-3", lambda m, x: (1 - m.cos(x)) / (x * x), 1e-3, (0,)),
    ("values 1e-310", lambda m, x: m.number(1e-310) * m.sin(x), 1.3, ()),
    ("bump 1e-3", lambda m, x: m.sin(x) + m.exp(-(((x - 1) * 1000) ** 2)), 1.0005, ()),
    ("bump 1e-3, its tail", lambda m, x: m.sin(x) + m.exp(-(((x - 1) * 1000) ** 2)), 1.003, ()),
    ("bump 1e-5", lambda m, x: m.sin(x) + m.exp(-(((x - 1) * 100000) ** 2)), 1.000005, ()),
    ("low bump", lambda m, x: x + m.number(1e-6) * m.exp(-(((x - 1) * 10000) ** 2)), 1.00005, ()),
    ("step 1e-4", lambda m, x: m.atan(10000 * (x - 1)), 1.0, ()),
    ("step 1e-5", lambda m, x: m.tanh(100000 * (x - 1)), 1.00001, ()),
    ("kink 1e-7 to the left", lambda m, x: (m.abs(x - 1) + x - 1) * m.sin(x), 1 + 1e-7, (1.0,)),
    ("kink 1e-7 to the right", lambda m, x: m.abs(m.sin(x - 1)), 1 - 1e-7, (1.0,)),
    ("kink 1e-7 from 0", lambda m, x: m.abs(m.sin(x)), 1e-7, (0,)),
    ("constant", lambda m, x: 0 * x + 3, 0.3, ()),
    ("zero", lambda m, x: 0 * x, 0.3, ()),
    (
        "toy model of the chapter",
        lambda m, x: (3 * m.cos(2 * m.exp(2 - m.sin(1 + x * 2) / 3) - 3) - 2) ** 2,
        0.1,
        (),
    ),
]
POPULATION = SMOOTH + HARD


KINDS = [
    *("sin", "cos", "tanh", "exp", "log", "sqrt", "cube", "sigmoid", "softplus"),
    *("scale", "square", "+", "+", "*", "*", "/"),
]


def random_function(draw, depth):
    """A composition of the primitives of the language, up to `depth` deep."""
    number = float(f"{draw.gauss(0, 1):.6g}")
    if depth == 0:
        other = float(f"{draw.gauss(0, 1):.6g}")
        if draw.random() < 0.1:
            return lambda m, x: m.number(3 * number) + 0 * x
        return lambda m, x: m.number(number) * x + m.number(other)
    kind = draw.choice(KINDS)
    f = random_function(draw, depth - 1)
    g = random_function(draw, draw.randrange(depth))
    return {
        "sin": lambda m, x: m.sin(f(m, x)),
        "cos": lambda m, x: m.cos(f(m, x)),
        "tanh": lambda m, x: m.tanh(f(m, x)),
        "exp": lambda m, x: m.exp(f(m, x)),
        "log": lambda m, x: m.log(m.number(0.1) + f(m, x) ** 2),
        "sqrt": lambda m, x: m.sqrt(m.number(0.01) + f(m, x) ** 2),
        "cube": lambda m, x: f(m, x) ** 3,
        "sigmoid": lambda m, x: 1 / (1 + m.exp(-f(m, x))),
        "softplus": lambda m, x: m.log(1 + m.exp(f(m, x))),
        "scale": lambda m, x: m.number(10 * number) * f(m, x),
        "square": lambda m, x: (f(m, x) - m.number(0.5)) ** 2,
        "+": lambda m, x: f(m, x) + g(m, x),
        "*": lambda m, x: f(m, x) * g(m, x),
        "/": lambda m, x: f(m, x) / (1 + g(m, x) ** 2),
    }[kind]


def random_population(count, seed, depth=6):
    draw = random.Random(seed)
    for _ in range(count):
        f, x = random_function(draw, draw.randrange(1, depth)), float(f"{draw.gauss(0, 1):.6g}")
        with np.errstate(all="ignore"):
            if math.isfinite(f(Doubles, np.float64(x))):
                yield f, x
