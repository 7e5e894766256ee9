"""Slips in derivations of whole arrays, each with its name and its right twin."""

from __future__ import annotations

import pytest

from claimed import judged_alone
from gradcheck_cli import api
from gradcheck_cli.results.gradient_results import Verdict

NORM = """param x[4] = [0.5, -1.2, 2, 0.3]
data g[4] = [1, 0.5, -1, 2], t[4] = [0, 1, 0, 1]
m = mean(x)
v = mean((x - m)^2)
h = (x - m)/sqrt(v + 1e-6)
loss = 0.5*sum((g*h - t)^2)
"""
ENTROPY = """param Z[3,3] = [[0.2, -0.4, 0.6], [0.1, 0.3, -0.2], [0.5, 0.1, -0.7]]
data T[3,3] one_hot = [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
P = softmax(Z, axis=1)
loss = -sum(T*log(P))/3
"""
ATTENTION = """param S[2,3] = [[0.5, -0.2, 0.1], [0.9, 0.3, -0.4]]
data V[3,2] = [[1, 2], [0, 1], [-1, 0.5]], G[2,2] = [[1, -1], [0.5, 2]]
A = softmax(S, axis=1)
O = A @ V
loss = sum(G*O)
"""
LOG = """param z[3] = [0.2, -1, 0.5]
data q[3] = [0.3, 1.1, -0.9]
l = log_softmax(z)
loss = dot(q, l)
"""
CASES = {
    NORM: [(
        "d loss/d x", "(d loss/d h - mean(d loss/d h) - h*mean(h * d loss/d h))/sqrt(v + 1e-6)", {
            "d loss/d h/sqrt(v + 1e-6)": "leaves out the paths through m (line 3) and v (line 4)",
            "(d loss/d h - mean(d loss/d h))/sqrt(v + 1e-6)": "leaves out the path through v (line 4)",
        },
    )],
    ENTROPY: [(
        "d loss/d Z", "(P - T)/3", {
            "(P + T)/3": "has P + T where P - T belongs",
            "P*(1 - P)*(P - T)/3": "has P*(1 - P)*(P - T) where P - T belongs",
            "-T/P/3": "is d loss/d P",
        },
    )],
    ATTENTION: [(
        "d loss/d A", "G @ V'", {"G @ V": "has G @ V where G @ V' belongs"},
    ), (
        "d loss/d S", "A*(d loss/d A - sum(A * d loss/d A, axis=1, keepdims=1))", {
            "A * d loss/d A":
                "has A*d loss/d A where A*(d loss/d A - sum(A*d loss/d A)) belongs, "
                "the derivative of softmax (line 3)",
            "A*(d loss/d A - sum(d loss/d A, axis=1, keepdims=1))":
                "has sum(d loss/d A, axis=1) where sum(A*d loss/d A, axis=1) belongs",
        },
    )],
}  # fmt: skip
# the formula that a program computes, and what is said of its numbers
NUMBERS = [
    (ENTROPY, "Z", "P*(1 - P)*(P - T)/3",
     "has the factor P*(1 - P) once too often, beside the derivative of softmax (line 3)"),
    (LOG, "z", "q - exp(l)",
     ("has d loss/d l - exp(l) where d loss/d l - exp(l)*sum(d loss/d l) belongs, "
      "the derivative of log_softmax (line 3)")),
    (LOG, "z", "q - exp(l)*sum(q)", None),
]  # fmt: skip


@pytest.mark.parametrize("model", CASES)
def test_a_slip_in_an_array_gets_its_name_and_what_is_right_none(model: str) -> None:
    claims = [(left, text) for left, right, slips in CASES[model] for text in (right, *slips)]
    results = iter(judged_alone(api.load(model + "".join(f"claim {a} = {b}\n" for a, b in claims))))
    for _, right, slips in CASES[model]:
        assert next(results).verdict is Verdict.OK, right
        for slip, said in slips.items():
            result = next(results)
            assert (result.verdict, result.diagnosis) == (Verdict.WRONG, said), slip


@pytest.mark.parametrize(("model", "name", "formula", "said"), NUMBERS)
def test_numbers_get_the_name_of_their_slip(model: str, name: str, formula: str, said: str | None) -> None:
    made = model.replace("loss =", f"made = {formula}\nloss =")
    forward = api.explain(api.load(made)).forward
    (value,) = (step.value for step in forward if step.name == "made")
    text = f"{model}claim d loss/d {name} = {value}\n"
    (result,) = judged_alone(api.load(text))
    assert result.verdict is (Verdict.WRONG if said else Verdict.OK)
    assert result.diagnosis == said
