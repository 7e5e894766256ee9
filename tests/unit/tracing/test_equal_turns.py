"""Loops in the text of a model that was traced: which turns are equal, and that they read back."""

from __future__ import annotations

import re

import pytest

from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.language import read_model
from gradcheck_cli.tracing.equal_turns import Step, fold_turns

CHAIN = """param W0 = 0.5
param W1 = 0.25
param W2 = -0.5
param W3 = 2
param x = 0.75
h = tanh(W0 * x)
h_2 = tanh(W1 * h)
h_3 = tanh(W2 * h_2)
h_4 = tanh(W3 * h_3)
loss = h_4^2 + h_2
"""
RECURRENT = """param u[2] = [0.5, -1]
data X[4,2] = [[1, 2], [3, 4], [0.5, 0.25], [2, 1]]
data h[2] = 0
data k = 2
x = X[0, :]
z = u[0] * x + h
h_2 = tanh(z)
x_2 = X[1, :]
z_2 = u[0] * x_2 + h_2
h_3 = tanh(z_2)
x_3 = X[2, :]
z_3 = u[0] * x_3 + h_3
h_4 = tanh(z_3)
x_4 = X[3, :]
z_4 = u[0] * x_4 + h_4
h_5 = tanh(z_4)
loss = sum(h_5^2) + sum(h_3) + u[1]
"""
LISTED = """param w[2] = [0.5, -1]
data c[2] = [1, 2]
data c_2[2] = [3, 4]
data c_3[2] = [5, 7]
data c_4[2] = [2, 7]
s = dot(w, c)^2
s_2 = s + dot(w, c_2)^2
s_3 = s_2 + dot(w, c_3)^2
s_4 = s_3 + dot(w, c_4)^2
s_5 = s_4 + dot(w, c)^2
loss = s_5
"""
TWO_LOOPS = CHAIN.replace("loss = h_4^2 + h_2\n", """g = sin(h_4 + h)
g_2 = sin(g + h_2)
g_3 = sin(g_2 + h_3)
g_4 = sin(g_3 + h_4)
loss = g_4
""")


def folded(text: str, listed: tuple[str, ...] = ()) -> str:
    """The text with its loops as loops."""
    lines = text.splitlines()
    inputs = [line for line in lines if line.startswith(("param", "data"))]
    parts = [re.match(r"(\w+) = (.*?)(?:  # (.*))?$", line) for line in lines[len(inputs) :]]
    steps = [Step(part[1], part[2], part[3] or "") for part in parts if part]
    names = {*(line.split()[1].partition("[")[0] for line in inputs), *(step.name for step in steps)}
    return "\n".join(fold_turns(inputs, steps, names, listed)) + "\n"


@pytest.mark.parametrize(("text", "listed", "loops"), [
    (CHAIN, (), ["h0 = x", "repeat k = 1 to 4:", "    h{k} = tanh(W{k-1} * h{k-1})", "loss = h4^2 + h2"]),
    (RECURRENT, (), ["h0 = h", "repeat i = 1 to 4:", "    x{i} = X[i-1, :]",
                     "    z{i} = u[0] * x{i} + h{i-1}", "    h{i} = tanh(z{i})"]),
    (LISTED, ("c", "c_2", "c_3", "c_4"), ["s0 = s", "    s{k} = s{k-1} + dot(w, c{k})^2"]),
    (TWO_LOOPS, (), ["    h{k} = tanh(W{k-1} * h{k-1})", "    g{k} = sin(g{k-1} + h{k})"]),
    (re.sub(r"\bh\b|\bh(?=_)", "h1", CHAIN), (), ["    h1_{k} = tanh(W{k-1} * h1_{k-1})"]),
])  # fmt: skip
def test_equal_turns_are_a_loop(text: str, listed: tuple[str, ...], loops: list[str]) -> None:
    found = folded(text, listed)
    assert [line for line in loops if line not in found] == []
    assert len(found.splitlines()) < len(text.splitlines())
    one, other = read_model(text, file="m"), read_model(found, file="m")
    assert forward_pass(one).loss == forward_pass(other).loss
    moved = {name: 1.5*one.point()[name] for name in (item.name for item in one.parameters())}
    assert forward_pass(one.at(moved)).loss == forward_pass(other.at(moved)).loss


@pytest.mark.parametrize(("old", "new"), [
    ("tanh(W2 * h_2)", "tanh(W2 * h)"), ("tanh(W2", "sin(W2"), ("W2 * h_2", "W3 * h_2"),
    ("W2 * h_2)", "W2 * h_2)  # p.py:3"), ("W1 * h)", "W1 * h + 0.5)"),
])  # fmt: skip
def test_turns_that_differ_stay_as_they_are(old: str, new: str) -> None:
    text = CHAIN.replace(old, new)
    assert text != CHAIN
    assert folded(text) == text
