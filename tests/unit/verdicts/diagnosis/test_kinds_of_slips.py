"""Kinds of slips, each with its name, and its right twin of which nothing is said."""

from __future__ import annotations

import numpy as np
import pytest

from claimed import judged_alone
from gradcheck_cli import api
from gradcheck_cli.results.gradient_results import Verdict

# model, left side, right formula, slips and what is said of each; None: nothing may be said
Case = tuple[str, str, str, dict[str, str | None]]
CASES: dict[str, Case] = {
    "a factor that is 0 or 1 is not once too often": (
        "param a = 0.7, b = 1.3\ndata c = 0.8\nu = a*c\nv = b*a^2\nloss = min(u, v)\n", "d loss/d a",
        "c * d loss/d u + 2*a*b * d loss/d v", {
            "2*a*b * d loss/d v": "misses the term through u (line 3)",
        },
    ),
    "the power's rule for the exponent, and the reverse": (
        "data r = 1.4, c = 0.6\nparam k = 1.7\nloss = c*r^k + r\n", "d loss/d k", "c*r^k*log(r)", {
            "c*k*r^(k - 1)": "has k*r^(k - 1) where r^k*log(r) belongs (line 3)",
            "c*r^k": "has r^k where r^k*log(r) belongs (line 3)",
        },
    ),
    "a quotient by its divisor": (
        "param a = 1.4, b = 1.7\nloss = a/b + b^2\n", "d loss/d b", "-a/b^2 + 2*b", {
            "-a/b + 2*b": "has -a/b where -a/b^2 belongs (line 2)",
            "-1/b^2 + 2*b": "has -1/b^2 where -a/b^2 belongs (line 2)",
            "a/b^2 + 2*b": "the term through (a/b) (line 2) has the wrong sign",
        },
    ),
    "brackets of a divisor and an exponent": (
        "param x = 0.7, y = 1.3\nloss = x/(y^2 + 1) + y^(x + 1)\n", "d loss/d x",
        "1/(y^2 + 1) + y^(x + 1)*log(y)", {
            "1/y^2 + 1 + y^(x + 1)*log(y)": "has 1/y^2 + 1 where 1/(y^2 + 1) belongs",
            "1/(y^2 + 1) + (y^x + 1)*log(y)": "has y^x + 1 where y^(x + 1) belongs",
            "1/(y^2 + 1) + y^(x + 1)*x": None,
        },
    ),
    "a matrix that is not symmetric": (
        ("data A[2,2] = [[2, 0.3], [-0.4, 1.5]], b[2] = [1, -0.5]\nparam x[2] = [0.4, -0.9]\n"
        "loss = x' @ A @ x/2 - b' @ x\n"), "d loss/d x", "(A + A') @ x/2 - b", {
            "A @ x - b": "has A @ x where (A + A')/2 @ x belongs",
            "(A + A') @ x - b": "has A + A' where (A + A')/2 belongs",
        },
    ),
    "a transpose in one of several places": (
        ("param S[2,2] = [[2.2, 0.5], [0.3, 1.4]]\ndata B[2,2] = [[0.9, 0.2], [-0.4, 1.6]]\nP = inv(S)\n"
        "loss = log(det(S)) + trace(P @ B)\n"), "d loss/d S", "P' - P' @ B' @ P'", {
            "P - P' @ B' @ P'": "has P - P' @ B' @ P' where P' - P' @ B' @ P' belongs",
            "P' - P' @ B @ P'": "uses B where B' belongs",
        },
    ),
    "a softmax with the labels left out": (
        ("data t[3] one_hot = [0, 1, 0]\nparam z[3] = [0.3, -0.2, 0.9]\np = softmax(z)\n"
        "loss = -sum(t*log(p))\n"), "d loss/d z", "p - t", {
            "p": "has p where p - t belongs",
            "(p - t)*p*(1 - p)":
                "has the factor p*(1 - p) once too often, beside the derivative of softmax (line 3)",
        },
    ),
    "a norm taken for its square": (
        "param W[2,2] = [[0.8, -0.3], [0.5, 1.2]]\nloss = norm(W) + 0.3*sum(abs(W))\n", "d loss/d W",
        "W/norm(W) + 0.3*sign(W)", {
            "2*W + 0.3*sign(W)": "has 2*W in place of the derivative of norm (line 2)",
            "2.1*W + 0.3*sign(W)": None,
        },
    ),
    "a kernel turned round, a path of an entry": (
        ("data c[3] = [0.7, -1.2, 0.5], s[5] = [0.4, -0.9, 1.3, 0.2, -0.6]\nparam k[2] = [0.3, -0.5]\n"
        "a = k[0]*s[0] + k[1]*s[1]\nb = k[0]*s[1] + k[1]*s[2]\nd = k[0]*s[2] + k[1]*s[3]\n"
        "loss = c[0]*a + c[1]*b + c[2]*d\n"), "d loss/d k[0]", "c[0]*s[0] + c[1]*s[1] + c[2]*s[2]", {
            "c[0]*s[2] + c[1]*s[1] + c[2]*s[0]": "has c[0] and c[2] exchanged",
            "c[0]*s[0] + c[1]*s[1]": "leaves out the path through d (line 5)",
            "c[0]*s[0] + c[1]*s[1] - c[2]*s[0]": None,
        },
    ),
    "single entries": (
        "param W[2,3] = [[0.1, -0.4, 0.6], [0.7, 0.2, -0.5]]\nloss = sum(W^2)\n", "d loss/d W", "2*W", {
            "2*W*[[1, 1, 1], [1, -1, 1]]": "W[1,1] has the wrong sign, the other entries are right",
            "2*W*[[1, 1, 1], [0, 0, 0]]": "row 1 of W is 0 in yours",
            "2*W*[[1, 2, 1], [1, 2, 1]]":
                "column 1 of W is 2 times the true value, the other entries are right",
            "exp(W)*[[1, 2, 1], [1, -1, 1]]": None,
        },
    ),
    "a ratio near 1": (
        "param x[2] = [0.3, 0.8]\nloss = sum(exp(x))\n", "d loss/d x", "exp(x)", {
            "exp(x + 0.005)*exp(-0.00001)": "is 1.005 times the true value, in all entries",
            "exp(x - 0.0008)*exp(-0.00001)": "is 0.99919 times the true value, in all entries",
            "exp(x + 0.00001)*exp(-0.000008)": "is 1 + 2e-06 times the true value, in all entries",
        },
    ),
    "nothing that cancels is told": (
        ("rows x[2] = [[0.3, 1.2], [-0.8, 0.5]], y = [0.3, 0.7]\nparam w[2] = [0.5, -0.3]\n"
        "p = sigmoid(dot(w, x))\nl = -y*log(p) - (1 - y)*log(1 - p)\nloss = mean_rows(l)\n"), "d loss/d w",
        "mean_rows((-y/p + (1 - y)/(1 - p))*p*(1 - p)*x)", {
            "mean_rows((-y/p + (1 - y)/(1 - p))*p*x)": "has p where p*(1 - p) belongs",
            "mean_rows((-y/p + (1 - y)/(1 - p))*(1 - p)*x)":
                "has 1 - p where p*(1 - p) belongs",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", CASES)
def test_a_slip_gets_its_name_and_what_is_right_none(kind: str) -> None:
    model, left, right, slips = CASES[kind]
    claims = "".join(f"claim {left} = {formula}\n" for formula in (right, *slips))
    first, *others = judged_alone(api.load(model + claims))
    assert first.verdict is Verdict.OK
    for (formula, said), result in zip(slips.items(), others, strict=True):
        assert result.verdict is Verdict.WRONG, formula
        assert result.diagnosis == said, formula


PRODUCT = "param x = 0.73, y = 1.31\nloss = x^2*y + sin(x*y)\n"
WEIBULL = "data t = 1.43, lam = 2.17\nparam k = 1.61\nr = t/lam\nloss = r^k - log(k) - (k - 1)*log(r)\n"
QUADRATIC = (
    "data A[3,3] = [[2, 0.3, -0.4], [0.7, 1.5, 0.2], [0.1, -0.6, 1.1]], b[3] = [1, -0.5, 0.3]\n"
    "param x[3] = [0.41, -0.92, 1.37]\nloss = 0.5*x' @ A @ x - b' @ x\n"
)
STEPS = (
    "data x[2] = [0.37, -1.21]\nparam W[2,2] = [[0.8, -0.3], [0.5, 1.2]]\nz = W @ x\nh = tanh(2*z^3)\n"
    "y = tanh(z)\nloss = sum(h^2*y)\n"
)
# the formula that somebody computes, its digits, and what is said of its numbers
NUMBERS = [
    (PRODUCT, "y", "x^2 + x*cos(x)", 16, "has x where x*y belongs"),
    (PRODUCT, "y", "x^2 + x*cos(x)", 7, "has x where x*y belongs"),
    (PRODUCT, "y", "x^2 + x*cos(x)", 4, None),
    (PRODUCT, "y", "x^2 + x*cos(x) + 0.0017*x", 16, None),
    (PRODUCT, "y", "x^2 + x*cos(x*y)", 16, None),
    (WEIBULL, "k", "r^k*log(t) - 1/k - log(r)", 16, "has log(t) where log(r) belongs"),
    (WEIBULL, "k", "r^k*log(r) - 1/k - log(r)", 16, None),
    (QUADRATIC, "x", "A @ x - b", 16, "has 0.5*x' @ A' where 0.5*x' @ A belongs"),
    (QUADRATIC, "x", "0.5*(A + A') @ x - b", 16, None),
    (STEPS, "z", "2*h*y*(1 - h^2)*6*z^2 + h^2*(1 - y^2)", 16, None),
    (STEPS, "z", "2*h*y*(1 - h^2)*6*z^2 + h^2", 16, "leaves out the derivative of tanh (line 5)"),
    (STEPS, "W", "(2*h*y) @ x'", 16, "uses d loss/d h where d loss/d z belongs (line 3)"),
]


RIGHT = (
    "x^2 + x*cos(x*y)", "r^k*log(r) - 1/k - log(r)", "0.5*(A + A') @ x - b",
    "2*h*y*(1 - h^2)*6*z^2 + h^2*(1 - y^2)",
)  # fmt: skip


@pytest.mark.parametrize(("model", "by", "formula", "digits", "said"), NUMBERS)
def test_numbers_get_the_name_that_their_formula_would(
    model: str, by: str, formula: str, digits: int, said: str | None
) -> None:
    made = api.explain(api.load(model.replace("loss =", f"made = {formula}\nloss =")))
    (value,) = (step.value for step in made.forward if step.name == "made")
    spelled = str(value) if digits == 16 else f"{value:.{digits}g}"
    claim = f"claim d loss/d {by} = {spelled}\n"
    (result,) = judged_alone(api.load(model + claim))
    is_right = formula in RIGHT
    assert result.verdict is (Verdict.OK if is_right else Verdict.WRONG)
    assert result.diagnosis == said


def test_a_number_that_two_edits_make_has_no_name() -> None:
    """x is 1: x for x^3, 1 for x^3 and x^2 for x^3 are one number."""
    text = "param x = 1, y = 0.7312983\nloss = exp(y*x) + x^4*y\nclaim d loss/d x = {}\n"
    y = 0.7312983
    right, wrong = (y * np.exp(y) + exponent * y for exponent in (4, 3))
    first, second = (judged_alone(api.load(text.format(repr(float(v)))))[0] for v in (right, wrong))
    assert (first.verdict, first.diagnosis) == (Verdict.OK, None)
    assert (second.verdict, second.diagnosis) == (Verdict.WRONG, None)
