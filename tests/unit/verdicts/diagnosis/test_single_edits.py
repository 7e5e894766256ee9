"""Slips in textbook derivations, each with its name and its right twin, and what has no name."""

from __future__ import annotations

import pytest

from claimed import judged_alone
from gradcheck_cli import api
from gradcheck_cli.results.gradient_results import Verdict

# model: claims as (left side, right formula, {slip: what is said of it}); None: nothing may be said
Slips = dict[str, str | None]
CASES: dict[str, list[tuple[str, str, Slips]]] = {
    # one of several occurrences, the operator, the function
    "param x = 0.7, y = 1.3\nloss = x*sin(y) + x^2*y\n": [
        ("d loss/d y", "x*cos(y) + x^2", {
            "x*cos(x) + x^2": "has cos(x) where cos(y) belongs",
            "x*cos(y) + y^2": "has y^2 where x^2 belongs",
            "x*cos(y) - x^2": "has - where + belongs",
            "x*sin(y) + x^2": "uses sin where sin' belongs",
            "x*cosh(y) + x^2": "has cosh(y) where cos(y) belongs",
            "x*cos(y) + 2*x": "has 2*x where x^2 belongs",
            "x/cos(y) + x^2": "has x/cos(y) where x*cos(y) belongs",
            "x*cos(y) + x^3": "the term through (x^2*y) (line 2) has the factor x once too often",
            "x*(cos(y) + x^2)": "the term through (x^2*y) (line 2) has the factor x once too often",
            "x*cos(y)": "misses the term through (x^2*y) (line 2)",
            "cos(y) + x^2": "the term through sin(y) (line 2) misses the factor x (line 2)",
            "x*exp(y) + y^3*x": None,
        }),
        ("d loss/d x", "sin(y) + 2*x*y", {
            "sin(y) + 2*y*y": "has 2*y where 2*x belongs",
            "sin(y) + 2*x": "the term through (x^2) (line 2) misses the factor y (line 2)",
            "sin(y) + x*y": "the term through (x^2) (line 2) is 1/2 times what it should be",
            "sin(x) + 2*x*y": "has sin(x) where sin(y) belongs",
            "cos(y) + 2*x*y": "has cos(y) where sin(y) belongs",
            "sin(y) + 2*(x + y)": "has x + y where x*y belongs",
            "sin(y) + 2*x/y": "has 2*x/y where 2*x*y belongs",
            "1 + sin(y) + 2*x*y": "has 1 + sin(y) where sin(y) belongs",
            "log(y) + x*exp(y)": None,
        }),
    ],
    # inner derivatives and arguments of functions
    "data c = 0.4\nparam p = 0.6, q = 1.7\nloss = cos(p)^2*q + log1p(p)*c + exp(-p*q)\n": [
        ("d loss/d p", "-q*sin(2*p) + c/(1 + p) - q*exp(-p*q)", {
            "-q*cos(2*p) + c/(1 + p) - q*exp(-p*q)": "has cos(2*p) where sin(2*p) belongs",
            "-q*sin(2*q) + c/(1 + p) - q*exp(-p*q)": "has 2*q where 2*p belongs",
            "-q*sin(p) + c/(1 + p) - q*exp(-p*q)":
                "the term through cos(p) (line 3) misses the factor 2*cos(p) (line 3)",
            "-q*sin(2*p) + c/p - q*exp(-p*q)":
                "has 1/p where 1/(1 + p) belongs, the derivative of log1p in line 3",
            "-q*sin(2*p) + c/(1 + q) - q*exp(-p*q)": "has 1 + q where 1 + p belongs",
            "-q*sin(2*p) + c/(1 - p) - q*exp(-p*q)": "has 1 - p where 1 + p belongs",
            "-q*sin(2*p) + c/(1 + p) - q*expm1(-p*q)": "uses expm1 where expm1' belongs",
            "-q*sin(2*p) + c/(1 + p) - q*exp(p*q)": "has p*q where -p*q belongs",
            "-q*sin(2*p) + c/(1 + p) - p*exp(-p*q)": "has p*exp(-p*q) where q*exp(-p*q) belongs",
            "-q*sin(2*p) + 1/(1 + p) - q*exp(-p*q)":
                "the term through log1p(p) (line 3) misses the factor c (line 3)",
            "-q*sin(2*p) + c/(1 + p) - q*q*exp(-p/q)": None,
        }),
    ],
    # brackets and signs of sums of three
    "data t = 1.5, m = 0.2\nparam a = 0.8, b = -1.1\ne = t - a*b\nloss = e^2 + m*a^2 + b/a\n": [
        ("d loss/d a", "2*e*(-b) + 2*m*a - b/a^2", {
            "2*e*(-b + m*a) - b/a^2":
                "the term through (a^2) (line 4) has the factor e (line 3) once too often",
            "2*e*(-b) + 2*m*a + b/a^2": "the term through (b/a) (line 4) has the wrong sign",
            "2*e*(-b) - 2*m*a - b/a^2": "the term through (a^2) (line 4) has the wrong sign",
            "2*e*b + 2*m*a - b/a^2": "the term through (a*b) (line 3) has the wrong sign",
            "2*e*(-b) + m*a - b/a^2": "the term through (a^2) (line 4) is 1/2 times what it should be",
            "2*e*(-b) + 2*m*a - b/a": "has -b/a where -b/a^2 belongs (line 4)",
            "2*e*(-b) + 2*m*a": "misses the term through (b/a) (line 4)",
            "2*e*(-b) + 2*m*a - a/a^2": "has a/a^2 where b/a^2 belongs",
            "2*t*(-b) + 2*m*a - b/a^2": "uses t where e belongs",
            "2*(t - a)*(-b) + 2*m*a - b/a^2": "has t - a where t - b*a belongs",
        }),
    ],
    # constants and powers of one term, of arrays
    "data x[3] = [0.3, -1.2, 0.8]\nparam mu[3] = [0.1, 0.5, -0.4], s[3] = [0.9, 1.4, 0.7]\n"
    "loss = sum(log(s) + (x - mu)^2/(2*s^2))\n": [
        ("d loss/d s", "1/s - (x - mu)^2/s^3", {
            "1/s - (x - mu)^2/s^2": "has s^2 where s^3 belongs",
            "1/s - (x - mu)^2/(2*s^3)": "has 2*s^3 where s^3 belongs",
            "1/s + (x - mu)^2/s^3": "has 1/s + (x - mu)^2/s^3 where 1/s - (x - mu)^2/s^3 belongs",
            "1/s - (x - mu)/s^3": "has x - mu where (x - mu)^2 belongs",
            "1/s - (x + mu)^2/s^3": "has x + mu where x - mu belongs",
            "1/mu - (x - mu)^2/s^3": "has 1/mu where 1/s belongs",
            "s - (x - mu)^2/s^3": "has s - (x - mu)^2/s^3 where 1/s - (x - mu)^2/s^3 belongs",
            "1/s - x^2/s^3": "has x^2 where (x - mu)^2 belongs",
            "1/(s - (x - mu)^2/s^3)": "has 1/(s - (x - mu)^2/s^3) where 1/s - (x - mu)^2/s^3 belongs",
        }),
        ("d loss/d mu", "-(x - mu)/s^2", {
            "(x - mu)/s^2": "has the wrong sign",
            "-(x - mu)/s": "has the factor s once too often",
            "-0.37*(x - mu)/s^2": "is 0.37 times the true value, in all entries",
            "-x - mu/s^2": None,
        }),
    ],
    # activations: of the output, of another function
    "data x = 0.6\nparam w = 1.2, v = -0.7\ng = sigmoid(w*x)\nh = tanh(v*x)\nloss = g*h + g^2\n": [
        ("d g/d w", "g*(1 - g)*x", {
            "g*(1 - h)*x": "uses h where g belongs",
            "g*(1 + g)*x": "has 1 + g where 1 - g belongs",
            "g - (1 - g)*x": "has g - (1 - g)*x where g*(1 - g)*x belongs",
            "(1 - g^2)*x": "has 1 - g^2 where g*(1 - g) belongs",
        }),
        ("d h/d v", "(1 - h^2)*x", {
            "h*(1 - h)*x": "has h*(1 - h) where 1 - h^2 belongs",
            "(1 - h)*x": "has 1 - tanh(v*x) where 1 - h^2 belongs, the derivative of tanh in line 4",
            "(h^2 - 1)*x": "has the wrong sign",
            "(1 - g^2)*x": "uses g where h belongs",
        }),
        ("d loss/d g", "h + 2*g", {
            "h + g": "the term through (g^2) (line 5) is 1/2 times what it should be",
            "h - 2*g": "has - where + belongs",
            "g + 2*g": "has g + 2*g where h + 2*g belongs",
            "h + 2*loss": "uses loss where g belongs",
        }),
    ],
    # normal distribution and roots
    "data S = 1.2, K = 1.1, t = 0.5, r = 0.02, q = 0.05\nparam v = 0.25\n"
    "d1 = (log(S/K) + (r - q + v^2/2)*t)/(v*sqrt(t))\nN = normal_cdf(d1)\nloss = S*N\n": [
        ("d loss/d d1", "S*exp(-d1^2/2)/sqrt(2*pi)", {
            "S*N":
                "has N where exp(-d1^2/2)*sqrt(2)/(2*sqrt(pi)) belongs, the derivative of normal_cdf "
                "in line 4",
            "S*exp(-d1^2)/sqrt(2*pi)": "has -d1^2 where -d1^2/2 belongs",
            "S*exp(d1^2/2)/sqrt(2*pi)": "has d1^2/2 where -d1^2/2 belongs",
            "S*exp(-d1^2/2)/cbrt(2*pi)": "has cbrt(2*pi) where sqrt(2*pi) belongs",
        }),
        ("d d1/d v", "-(log(S/K) + (r - q)*t)/(v^2*sqrt(t)) + sqrt(t)/2", {
            "-(log(S/K) + r*t)/(v^2*sqrt(t)) + sqrt(t)/2": "has r*t where (r - q)*t belongs",
            "-(log(S/K) + (r + q)*t)/(v^2*sqrt(t)) + sqrt(t)/2": "has r + q where r - q belongs",
            "-(log(S/K) + (r - q)*t)/(v*sqrt(t)) + sqrt(t)/2":
                "misses the divisor v in -(log(S/K) + (r - q)*t)/(v*sqrt(t))",
            "-(log(S*K) + (r - q)*t)/(v^2*sqrt(t)) + sqrt(t)/2": "has S*K where S/K belongs",
            "-(log10(S/K) + (r - q)*t)/(v^2*sqrt(t)) + sqrt(t)/2": "has log10(S/K) where log(S/K) belongs",
        }),
    ],
}  # fmt: skip


@pytest.mark.parametrize("model", CASES)
def test_a_slip_gets_its_name_and_what_is_right_none(model: str) -> None:
    lines = [line for _, right, slips in CASES[model] for line in (right, *slips)]
    lefts = [left for left, _, slips in CASES[model] for _ in range(len(slips) + 1)]
    claims = "".join(f"claim {left} = {line}\n" for left, line in zip(lefts, lines, strict=True))
    results = iter(judged_alone(api.load(model + claims)))
    for _, right, slips in CASES[model]:
        assert next(results).verdict is Verdict.OK, right
        for slip, said in slips.items():
            result = next(results)
            assert result.verdict is Verdict.WRONG, slip
            assert result.diagnosis == said, slip


def test_the_term_that_goes_straight_into_the_loss_is_called_so() -> None:
    text = "param x = 0.7, y = 1.3\nh = sin(x)\nloss = h*y + x\nclaim d loss/d x = y*cos(x)\n"
    (result,) = judged_alone(api.load(text))
    assert result.diagnosis == "misses the term straight into loss (line 3)"


@pytest.mark.parametrize(("number", "said"), [("0", "is 0: every path from x is left out"), ("0.31", None)])
def test_of_a_number_that_is_0_every_path_is_left_out(number: str, said: str | None) -> None:
    (result,) = judged_alone(api.load(f"param x = 0.7\nloss = sin(x)*exp(x)\nclaim d loss/d x = {number}\n"))
    assert (result.verdict, result.diagnosis) == (Verdict.WRONG, said)


def test_a_choice_whose_second_value_is_derived_wrongly_is_judged() -> None:
    text = "param x = 0.7, y = 1.3\nloss = where(x > 1, x, exp(x*y))*y\nclaim d loss/d x = y^3*x*log(y)\n"
    (result,) = judged_alone(api.load(text))
    assert (result.verdict, result.diagnosis) == (Verdict.WRONG, None)


@pytest.mark.parametrize(("loss", "claim", "points"), [
    ("x^2*y + 1e-13*x", "2*x*x", 4),  # 2*x*y is nearly right
    ("sin(x)*y", "cos(x)*x + exp(-300*x)", 4),  # of the second term nothing is known
    ("x*sin(y) + x^2*y", "sin(y) + 2*x*x", 1),  # at one point much is right
    ("x^3*y", "3.00000000000003*x^2*y", 4),  # -1 times -3 is written in few digits, and changes nothing
])  # fmt: skip
def test_no_edit_is_told_that_is_not_known_to_be_right(loss: str, claim: str, points: int) -> None:
    text = f"param x = 1.7, y = 1.3\nloss = {loss}\nclaim d loss/d x = {claim}\n"
    (result,) = judged_alone(api.load(text), points=points)
    assert result.verdict is Verdict.WRONG
    assert not str(result.diagnosis).startswith("has ")


def test_an_edit_is_told_that_is_right_at_two_points() -> None:
    text = "param x = 1.7, y = 1.3\nloss = x*sin(y) + x^2*y\nclaim d loss/d x = sin(y) + 2*x*x\n"
    (result,) = judged_alone(api.load(text), points=2)
    assert result.diagnosis == "has 2*x where 2*y belongs"


@pytest.mark.parametrize("claim", [
    "sin(" * 1100 + "x" + ")" * 1100, " + ".join(["x"] * 1100), "-" * 1100 + "x*y",
    "(" + " + ".join(["A"] * 1100) + ") @ u", "A @ " * 1100 + "u", "A @ " * 1100 + "u'",
])  # fmt: skip
def test_long_formulas_are_judged_however_deep(claim: str) -> None:
    text = "param x = 0.7, y = 1.3\ndata A[2,2] = [[1, 2], [3, 4.5]]\nparam u[2] = [1, 2]\n"
    by = "u" if "u" in claim else "x"
    text += f"loss = x^2*y + sum((A @ u)^2)\nclaim d loss/d {by} = {claim}\n"
    (result,) = judged_alone(api.load(text), points=1)
    assert result.verdict is Verdict.WRONG
