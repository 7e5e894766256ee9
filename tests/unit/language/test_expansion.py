"""Definitions, loops and sums over an index: what is written out is what would have been typed."""

# ruff: noqa: E501, ISC004 (tables of texts)
from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck_cli import api
from gradcheck_cli.common.errors import GradcheckError, LanguageError
from gradcheck_cli.language import read_claims, read_model, read_values, show
from gradcheck_cli.numerics.limits.language import DEFAULTS

B = "data x = 0.7, n = 3\nparam w1 = 1, w2 = 2, w3 = 3\n"
V = "data x[4] = [1, 2, 3, 4], n = 4\nparam w = 2\n"
F = "data x = 0.7, n = 3, W[2,3] = 0.5, v[3] = [1, 2, 3]\nparam w = 1.3\n"

# what is written with loops, sums and definitions, and the same typed out
SAME = {
    "loop": (
        B + "h0 = x\nrepeat k = 1 to 3:\n    h{k} = h{k-1}*w{k}\nloss = h3",
        B + "h0 = x\nh1 = h0*w1\nh2 = h1*w2\nh3 = h2*w3\nloss = h3",
    ),
    "two lines, nothing between them, and comments": (
        B + "h0 = x\nrepeat k = 1 to 2:  # {k}\n\n  # to the right\n# and left\n  h{k} = h{k-1}  # {j}\n\n  g{k} = k\n"
        "loss = h2 + g2 + w1",
        B + "h0 = x\nh1 = h0\ng1 = 1\nh2 = h1\ng2 = 2\nloss = h2 + g2 + w1",
    ),
    "tabs and semicolons": (
        B + "repeat k = 1 to 2:\n\ta{k} = w{k}; b{k} = a{k}\nloss = b1*b2",
        B + "a1 = w1; b1 = a1; a2 = w2; b2 = a2\nloss = b1*b2",
    ),
    "on one line": (
        B + "repeat k = 1 to 2: a{k} = w{k}; b{k} = a{k}\nloss = b1*b2",
        B + "a1 = w1; b1 = a1; a2 = w2; b2 = a2\nloss = b1*b2",
    ),
    "at the end, without a line end": (
        B + "loss = w1^2 + w2^2\nrepeat k = 1 to 2:\n  claim d loss/d w{k} = 2*w{k}",
        B + "loss = w1^2 + w2^2\nclaim d loss/d w1 = 2*w1\nclaim d loss/d w2 = 2*w2",
    ),
    "windows line ends": (
        "param w1 = 1, w2 = 2\r\nrepeat k = 1 to 2:\r\n  a{k} = w{k}\r\nloss = a1*a2\r\n",
        "param w1 = 1, w2 = 2\na1 = w1\na2 = w2\nloss = a1*a2",
    ),
    "quotients": (
        "data x[4] = [1, 2, 3, 4], n = 4\nrepeat k = 1 to n/2:\n  h{4/k} = x[n/2 + k/1 - 1]\n"
        "loss = h4 + h2 + sum(reshape(x, [n/2, n/2]) @ [1, 2]) + sum(i = 1 to n/4: i/2)",
        "data x[4] = [1, 2, 3, 4], n = 4\nh4 = x[2]\nh2 = x[3]\n"
        "loss = h4 + h2 + sum(reshape(x, [2, 2]) @ [1, 2]) + 1/2",
    ),
    "nested": (
        B + "repeat k = 1 to 2:\n  repeat j = k to 2:\n    a{k}_{j} = k*w{j}\n  b{k} = a{k}_2\nloss = b1*b2",
        B + "a1_1 = 1*w1\na1_2 = 1*w2\nb1 = a1_2\na2_2 = 2*w2\nb2 = a2_2\nloss = b1*b2",
    ),
    "inputs": (
        "repeat k = 1 to 2:\n  data x{k}[2] = k\n  param W{k}[2,2] ~ he\n  param b{k}\nloss = sum(W1 @ x1 + W2 @ x2) + b1*b2",
        "data x1[2] = 1\nparam W1[2,2] ~ he\nparam b1\ndata x2[2] = 2\nparam W2[2,2] ~ he\nparam b2\n"
        "loss = sum(W1 @ x1 + W2 @ x2) + b1*b2",
    ),
    "shapes": (
        "repeat k = 1 to 2:\n  param W{k}[{k},{k+1}] = k\nloss = sum(W1) + sum(W2)",
        "param W1[1,2] = 1\nparam W2[2,3] = 2\nloss = sum(W1) + sum(W2)",
    ),
    "numbers in names": (
        B + "repeat k = 1 to 3:\n  h{2*k}{n-k} = w{k}\nloss = h22*h41*h60",
        B + "h22 = w1\nh41 = w2\nh60 = w3\nloss = h22*h41*h60",
    ),
    "outside loops": (B + "h{n} = w{n-1}\nloss = h3", B + "h3 = w2\nloss = h3"),
    "bounds": (
        B + "repeat k = n-2 to 2*n-4:\n  h{k} = w{k}\nloss = h1*h2",
        B + "h1 = w1\nh2 = w2\nloss = h1*h2",
    ),
    "index in a formula": (
        B + "repeat k = 1 to 2:\n  h{k} = -k^2*w1^k + 2*k*(k+1)/k\nloss = h1*h2",
        B + "h1 = -1^2*w1^1 + 2*1*(1+1)/1\nh2 = -2^2*w1^2 + 2*2*(2+1)/2\nloss = h1*h2",
    ),
    "negative index": (
        B + "repeat k = -1 to 0:\n  h{k+1} = w1^k*k\nloss = h0*h1",
        B + "h0 = w1^(-1)*(-1)\nh1 = w1^0*0\nloss = h0*h1",
    ),
    "index of an entry": (
        V + "repeat k = 1 to 2:\n  h{k} = w*x[k]*x[k-1]*x[3-k]*sum(x[k:k+2])*sum(x[:k])*sum(x[k:])\nloss = h1*h2",
        V + "h1 = w*x[1]*x[0]*x[2]*sum(x[1:3])*sum(x[:1])*sum(x[1:])\n"
        "h2 = w*x[2]*x[1]*x[1]*sum(x[2:4])*sum(x[:2])*sum(x[2:])\nloss = h1*h2",
    ),
    "index of a derivative": (
        V + "s = x[1]*w\nloss = s^2\nrepeat k = 0 to 1:\n  claim d loss/d x[k] = k*2*s*w",
        V + "s = x[1]*w\nloss = s^2\nclaim d loss/d x[0] = 0*2*s*w\nclaim d loss/d x[1] = 1*2*s*w",
    ),
    "constants": ("data m = 3.0, n = 2e0\nparam w = 1\nh32 = w\nloss = w*h{m}{n}*sum(i = 1 to m: i)",
                  "data m = 3, n = 2\nparam w = 1\nh32 = w\nloss = w*h32*((1) + (2) + (3))"),
    "constant in an index": (V + "loss = w*x[n-1]", V + "loss = w*x[3]"),
    "the index d": (
        B + "loss = w1^2\nrepeat d = 1 to 1:\n  claim d loss/d w{d} = 2*d*w1",
        B + "loss = w1^2\nclaim d loss/d w1 = 2*1*w1",
    ),
    "names repeat and to": ("param repeat = 3, to = 2\nloss = repeat*to", "param repeat = 3, to = 2\nloss = repeat*to"),
    "a step repeat": ("param w = 3\nrepeat = w\nloss = repeat", "param w = 3\nrepeat = w\nloss = repeat"),
    "indentation outside loops": ("  param w = 3\n    h = w\n loss = h", "param w = 3\nh = w\nloss = h"),
    # sums
    "sum": (V + "loss = w*sum(i = 0 to 2: x[i]*x[i+1])", V + "loss = w*((x[0]*x[1]) + (x[1]*x[2]) + (x[2]*x[3]))"),
    "sum of names": (B + "loss = sum(i=1 to n: w{i}*x^i)'", B + "loss = ((w1*x^1) + (w2*x^2) + (w3*x^3))'"),
    "sum of sums": (
        B + "loss = 2*sum(i = 1 to 2: sum(j = 1 to i: w{i}*w{j}))^2",
        B + "loss = 2*((((w1*w1))) + (((w2*w1) + (w2*w2))))^2",
    ),
    "sum in a loop": (
        B + "repeat k = 1 to 2:\n  h{k} = sum(i = 1 to k: w{i}*k)\nloss = h1*h2",
        B + "h1 = ((w1*1))\nh2 = ((w1*2) + (w2*2))\nloss = h1*h2",
    ),
    "product": (B + "loss = prod(i = 1 to 3: w{i} + 1)", B + "loss = (w1 + 1)*(w2 + 1)*(w3 + 1)"),
    "the function sum": ("param W[2,2] = 1\nloss = sum(sum(W, axis = 1))", "param W[2,2] = 1\nloss = sum(sum(W, axis=1))"),
}  # fmt: skip

# definitions, and the same without them
CALLED = {
    "one": (F + "f(z) = z*sin(z)\nloss = f(w*x)", F + "loss = (w*x)*sin(w*x)"),
    "below its use": (F + "loss = f(w)\nf(z) = z^2", F + "loss = w^2"),
    "of others": (F + "g(z) = f(z) + 1\nf(z) = z^2\nloss = g(f(w))", F + "loss = (w^2)^2 + 1"),
    "brackets": (F + "f(z) = z - 1\nloss = 2*f(w)^2 - f(-w)", F + "loss = 2*(w - 1)^2 - (-w - 1)"),
    "square brackets": (F + "f(z) = z^2\nloss = f[w]", F + "loss = w^2"),
    "names of the file": (F + "f(z) = z*x\nloss = f(w)", F + "loss = w*x"),
    "parameters hide names": (F + "f(x) = x^2\nloss = f(w)*x", F + "loss = w^2*x"),
    "keywords inside": (F + "f(A) = sum(A, axis=1)\nloss = sum(w*f(W))", F + "loss = sum(w*sum(W, axis=1))"),
    "matrices": (F + "f(A, z) = A @ z\nloss = w*sum(f(W, v))", F + "loss = w*sum(W @ v)"),
    "an index": (F + "f(u, i) = u[i]*u[i+1]\nloss = w*f(v, n-2)", F + "loss = w*(v[1]*v[2])"),
    "a size": (F + "f(k) = ones(k)\nloss = w*sum(v*f(n))", F + "loss = w*sum(v*ones(3))"),
    "a sum": (F + "f(a, b) = sum(i = 0 to n-1: a[i]*b[i])\nloss = w*f(v, v)",
              F + "loss = w*((v[0]*v[0]) + (v[1]*v[1]) + (v[2]*v[2]))"),
    "in values": ("f(z) = z^2\ndata x = f(3)\nparam u ~ normal(f(0), f(1)), w = f(x)\nloss = w*u*x",
                  "data x = 9\nparam u ~ normal(0^2, 1^2), w = 81\nloss = w*u*x"),
    "one expression": ("f(z) = z^2\nf(3*t) + b", "(3*t)^2 + b"),
    "in loops": (F + "f(z, a) = z*a\nh0 = w\nrepeat k = 1 to 2:\n  h{k} = f(h{k-1}, x)\nloss = h2",
                 F + "h0 = w\nh1 = h0*x\nh2 = h1*x\nloss = h2"),
    "Greek": (F + "\u03c6(z) = z^2\nloss = phi(w)", F + "loss = w^2"),
    "over lines": (F + "f(z,\n  a) = (z +\n  a)\nloss = f(w,\n  2)", F + "loss = w + 2"),
    "in claims": (F + "f(z) = z^3\ng(z) = 3*z^2\nloss = f(w)\nclaim d loss/d w = g(w)",
                  F + "loss = w^3\nclaim d loss/d w = 3*w^2"),
    "unused": (F + "f(z) = z^2\nloss = w", F + "loss = w"),
    "a call of many": (F + "".join(f"f{k}(z) = {'z' if not k else f'f{k - 1}(z)'}\n" for k in range(600))
                       + "loss = f599(w)", F + "loss = w"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_loops_and_sums_are_what_would_have_been_typed(name: str) -> None:
    written, typed = (show(read_model(text)) for text in SAME[name])
    assert written == typed
    assert show(read_model(written)) == written


@pytest.mark.parametrize("name", CALLED)
def test_calls_are_what_would_have_been_typed(name: str) -> None:
    given, typed = CALLED[name]
    written = show(read_model(given))
    definitions = read_model(given).definitions
    steps = [line for line in written.splitlines() if line not in definitions]
    known = show(read_model(typed)).splitlines()
    assert [line.replace("normal(f(0), f(1))", "normal(0^2, 1^2)") for line in steps] == known
    assert show(read_model(written)) == written


# text, line, column, a word of the message, a word of the help
BAD = [
    # blocks
    (B + "repeat k = 1 to 3:\nloss = w1", 3, 1, "repeats nothing", "indent"),
    (B + "loss = w1\nrepeat k = 1 to 3:", 4, 1, "repeats nothing", "indent"),
    (B + "repeat k = 1 to 3:\n  h{k} = x\n    g{k} = x\nloss = w1", 5, 5, "deeper", "alike"),
    (B + "repeat k = 1 to 3:\n    h{k} = x\n  g{k} = x\nloss = w1", 5, 3, "fits no block", "alike"),
    (B + "repeat k = 1 to 3:\n    h{k} = x\n\tg{k} = x\nloss = w1", 5, 2, "fits no block", "tabs"),
    (B + "repeat k = 1 to 3: h{k} = x\n  g{k} = x\nloss = w1", 4, 3, "ends with its line", "colon"),
    (B + "repeat k = 1 to 3\n  h{k} = x\nloss = w1", 3, 17, "colon is missing", "repeat k = 1 to 3:"),
    (B + "repeat 3:\n  h = x\nloss = w1", 3, 1, "no loop", "repeat k = 1 to 50:"),
    (B + "repeat k in 1..3:\n  h = x\nloss = w1", 3, 1, "no loop", "repeat k = 1 to 3:"),
    (B + "for k in range(3):\n  h = x\nloss = w1", 3, 1, "with repeat", "repeat k = 0 to 2:"),
    (B + "repeat k = 1 to 2: repeat j = 1 to 2: h{k}{j} = x\nloss = w1", 3, 20, "line of its own", "repeat"),
    (B + "repeat k = 1 to 2:\n  set points = 3\nloss = w1", 4, 3, "outside loops", "up"),
    (B + "repeat k = 1 to 2:\n  seed 3\nloss = w1", 4, 3, "outside loops", "up"),
    (B + "repeat k = 1 to 2:\n  f(z) = z\nloss = w1", 4, 3, "outside loops", "up"),
    (B + "repeat k = 1 to 2:\n  x^k\nloss = w1", 4, 3, "no name", "loss"),
    # bounds
    (B + "repeat k = 3 to 1:\n  h{k} = x\nloss = w1", 3, 1, "from 3 to 1", "upwards"),
    (B + "repeat k = 1 to m:\n  h{k} = x\nloss = w1", 3, 17, '"m" is no whole', "data n = 5"),
    (B + "repeat k = 1 to w1:\n  h{k} = x\nloss = w1", 3, 17, '"w1" is no whole', "data n = 5"),
    (B + "repeat k = 1 to x:\n  h{k} = x\nloss = w1", 3, 17, '"x" is no whole', "data n = 5"),
    (B + "repeat k = 1 to 1.5:\n  h{k} = x\nloss = w1", 3, 17, "1.5", "+ - *"),
    (B + "repeat k = 1 to 1000000000:\n  h{k} = x\nloss = w1", 3, 1, "1,000,000,000", "vectors"),
    (B + "repeat k = 1 to 1000000000000000000000:\n  h{k} = x\nloss = w1", 3, 17, "no whole number below", ""),
    (B + "repeat i = 1 to 1000:\n  repeat j = 1 to 1000:\n    h{i}_{j} = x\nloss = w1", 4, 3, "too many", "vectors"),
    # names
    (B + "h{k} = x\nloss = w1", 3, 2, '"{k}" is no whole', "repeat k"),
    (B + "loss = {w1 + x}*2", 3, 8, "braces", "(w1 + x)"),
    (B + "h{} = x\nloss = w1", 3, 2, '"{}" is no whole', "h{k}"),
    (B + "repeat k = 1 to 3:\n  h{k/2} = x\nloss = w1", 4, 5, '"k/2" is no whole', "+ - *"),
    (B + "repeat k = 1 to 3:\n  h{9^9^9} = x\nloss = w1", 4, 5, "is no whole", "+ - *"),
    (B + "repeat k = 1 to 3:\n  h{k = x\nloss = w1", 4, 4, "never closed", "}"),
    (B + "repeat k = 1 to 3:\n  h{k} = 2{k}*x\nloss = w1", 4, 10, "name stands before", "h{k}"),
    (B + "repeat k = 1 to 3:\n  h{k} = 2k*x\nloss = w1", 4, 11, "missing operator", "*"),
    (B + "repeat k = 1 to 3:\n  h{k} = k.5*x\nloss = w1", 4, 11, "missing operator", "*"),
    (B + "repeat k = 0 to 3:\n  h{k} = w{k-1}\nloss = w1", 4, 11, "-1 (k = 0)", "from 0"),
    (B + "repeat k = 1 to 3:\n  h{k} = h{k-1}\nloss = w1", 4, 10, 'unknown name "h0" (k = 1)', "h1"),
    (B + "repeat k = 1 to 3:\n  h{k} = x\n  h{k+1} = x\nloss = w1", 4, 3, '"h2" is defined twice (k = 2)', "new"),
    (B + "repeat k = 1 to 11:\n  repeat j = 1 to 11:\n    h{k}{j} = x\nloss = w1", 5, 5, "(k = 11, j = 1)", "new"),
    # the index
    (B + "repeat k = 1 to 3:\n  repeat k = 1 to 2:\n    h{k} = x\nloss = w1", 4, 10, "around it", "letter"),
    (B + "param k = 2\nrepeat k = 1 to 3:\n  h{k} = x\nloss = w1", 3, 7, "index of a loop", "letter"),
    (B + "repeat k = 1 to 3:\n  h{k} = x\nk = 3\nloss = w1", 5, 1, "index of a loop", "letter"),
    (B + "repeat k = 1 to 3:\n  k = 3\nloss = w1", 4, 3, "is an index", "k_1"),
    (B + "repeat sin = 1 to 3:\n  h{sin} = 3\nloss = w1", 3, 8, "reserved", "sin_1"),
    (B + "repeat data = 1 to 3:\n  h{data} = 3\nloss = w1", 3, 8, "reserved", "data_1"),
    (B + "loss = w1\nrepeat k = 1 to 3:\n  claim d loss/d k = 3", 5, 18, "no derivative", "k_1"),
    (B + "loss = sum(x = 1 to 3: w{x})", 1, 6, "index of a loop", "letter"),
    (V + "repeat k = 0 to 3:\n  h{k} = w*x[k-1]\nloss = w", 4, 15, "negative (k = 0)", "from 0"),
    (V + "repeat k = 1 to 4:\n  h{k} = w*x[k]\nloss = w", 4, 12, "index 4 is outside 0..3 (k = 4)", "from 0"),
    # sums
    (B + "loss = sum(i = 1 to 3, w{i})", 3, 8, "not complete", "sum(i = 1 to 3: x[i])"),
    (B + "loss = sum(i = 1: w{i})", 3, 8, "not complete", "sum(i = 1 to 3: x[i])"),
    (B + "loss = sum(i = 1 to 3:)", 3, 22, "no term", ""),
    (B + "loss = sum(i = 1 to 1000000000: w1)", 3, 8, "1,000,000,000", "vectors"),
    (B + "loss = sum(i = 3 to 1: w1)", 3, 8, "nothing is repeated from 3 to 1", "upwards"),
    (B + "loss = sum(i = 1 to 3: w{i}*q{i})", 3, 29, 'unknown name "q1" (i = 1)', ""),
    (B + "loss = sum(i = 1 to 3: sum(i = 1 to 3: w1))", 3, 28, "around it", "letter"),
    # definitions
    (F + "f(z) = z^2*q\nloss = w", 3, 12, 'unknown name "q"', "param q"),
    (F + "f(z) = f(z-1)\nloss = w", 3, 8, '"f" calls itself', "repeat"),
    (F + "f(z) = g(z)\ng(z) = h(z)\nh(z) = 2*f(z)\nloss = w", 3, 8, "calls itself by way of g, h", "repeat"),
    (F + "f(z, a) = z*a\nloss = f(w)", 4, 8, "does not take 1 argument", "f(z, a)"),
    (F + "f(z) = z\nloss = f(w, 2, x)", 4, 8, "does not take 3 arguments", "f(z)"),
    (F + "f(z, a) = z*a\nloss = f(w, a=2)", 4, 8, "no keywords", "f(z, a)"),
    (F + "f(z) = z\nloss = f + w", 4, 8, "is a function", "f(z)"),
    (F + "f(g, z) = g(z)\nloss = f(sin, w)", 3, 11, "is a parameter", "g*("),
    (F + "f(z) = d loss/d w\nloss = w", 3, 8, "a derivative cannot", "claim"),
    (F + "f(z) =\nloss = w", 3, 1, "no right side", "EXPRESSION"),
    (F + "f(z) = y = 3\nloss = w", 3, 8, "one expression", "f(x)"),
    (F + "f(2) = 3\nloss = w", 3, 6, "not a name", "f(x, a) ="),
    (F + "f(a, a) = 2\nloss = w", 3, 6, "twice", "another name"),
    (F + "f(a) = 2\nf(b) = 3\nloss = w", 4, 1, "defined twice", "new name"),
    (F + "f(a) = 2\nf = w\nloss = w", 4, 1, "defined twice", "new name"),
    (F + "sin(z) = z\nloss = w", 3, 1, "reserved", "sin_1"),
    (F + "f(sin) = 2\nloss = w", 3, 3, "reserved", "sin_1"),
    (F + "f(z) = z^2\nloss = f(w)\nclaim d f/d w = 2*w", 5, 9, "no step", "f_1"),
    (F + "square(z) = z^2\nloss = sqare(w)", 4, 8, "unknown function", "square"),
    (F + "loss(w) = w^2", 3, 1, "the loss is a step", "loss ="),
    (F + f"f(z) = z*sin(z)\nloss = {'f(' * 40}w{')' * 40}", 4, 50, "more than 1,000,000", "a step of its own"),
    ("param q = 1\nf(z) = z*q\nparam w = f(2)\nloss = w", 2, 10, "is a parameter", "step"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "word", "way_out"), BAD)
def test_bad_input(text: str, line: int, column: int, word: str, way_out: str) -> None:
    with pytest.raises(GradcheckError) as caught:
        read_model(text, file="model.txt")
    found = caught.value
    assert found.place is not None
    assert (found.place.line, found.place.column) == (line, column), str(found)
    assert word in found.message
    assert way_out in (found.help or ""), str(found)


def related_lines(text: str) -> list[tuple[str, int]]:
    with pytest.raises(GradcheckError) as caught:
        read_model(text)
    return [(label, place.line) for label, place in caught.value.related]


def test_a_mistake_in_a_definition_is_shown_where_it_is_used_too() -> None:
    text = F + "f(A, z) = A @ z\ng(z) = sum(f(W, z))\nloss = g(v[0:2])"
    assert related_lines(text) == [("f is used here", 4), ("g is used here", 5)]
    assert related_lines(F + "f(z) = z*h\na = f(w)\nh = w\nloss = a*h") == [("defined here", 5), ("f is used here", 4)]
    many = "f0(z) = W @ z\n" + "".join(f"f{k}(z) = f{k - 1}(z)\n" for k in range(1, 30))
    assert related_lines(F + many + "loss = f29(w)") == [
        ("f0 is used here", 4), ("f28 is used here", 32), ("f29 is used here", 33),
    ]  # fmt: skip


def test_two_turns_that_define_one_name_are_both_named() -> None:
    found = related_lines(B + "repeat k = 1 to 3:\n  h{k} = x\n  h{k+1} = x\nloss = w1")
    assert found == [("first defined here (k = 1)", 5)]


def test_a_step_of_a_loop_knows_its_line_and_turn() -> None:
    model = read_model(B + "h0 = x\nrepeat k = 1 to 3:\n\n  h{k} = (w{k}\n    * h{k-1})\nloss = h3")
    assert [step.where for step in model.steps.values()] == ["3", "6, k = 1", "6, k = 2", "6, k = 3", "8"]
    assert model.steps["h2"].text == "(w2 * h1)"


def test_a_text_that_stays_is_shown_as_it_was_typed() -> None:
    model = read_model("param w = 1\ndata x[3] = 1\nf = cos[w + sin[2*w]]*x[0]\nloss = sum(x[0:2])*f*x[3-1]")
    assert [step.text for step in model.steps.values()] == ["cos[w + sin[2*w]]*x[0]", ""]


def test_a_report_names_the_turn() -> None:
    model = read_model(B + "h0 = x\nrepeat k = 1 to 3:\n  h{k} = h{k-1} + w{k}*sin(h{k-1})\nloss = h3^2\n"
                       "claim d loss/d h1 = w2*cos(h1) * d loss/d h2")  # fmt: skip
    (claim,) = api.check(model, points=2).claims
    assert claim.diagnosis is not None
    assert "(line 5, k = 2)" in claim.diagnosis


def test_a_wrong_claim_of_a_loop_is_one_line() -> None:
    model = read_model(B + "loss = w1^2 + w2^2 + w3^2\nrepeat k = 1 to 3:\n  claim d loss/d w{k} = 3*w{k}")
    report = api.check(model, points=2)
    assert [claim.line for claim in report.claims] == [5, 5, 5]
    assert any("3 of your 3 claims are WRONG: line 5." in note for note in report.notes) or "3 WRONG" in report.summary


# --- claims in files of their own ----------------------------------------------------------------

MODEL = "data x = 0.7, n = 3\nparam w = 1.3, v[3] = [1, 2, 3]\nf(z) = z^3*x\nh = f(w)\nloss = h^2 + sum(v^2)\n"


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        ("claim d h/d w = ?*f(w)/w", "3", "2"),
        ("g(z) = ?*f(z)/z\nclaim d h/d w = g(w)", "3", "2"),
        ("f(z) = ?*z\nclaim d loss/d h = f(h)", "2", "3"),  # its own hides that of the model
        ("f(z) = ?*z\ng(z) = f(z)\nclaim d loss/d h = g(h)", "2", "3"),
        ("repeat k = 0 to n-1:\n\tclaim d loss/d v[k] = ?*v[k]", "2", "3"),
        ("claim d loss/d v[{n-1}] = ?*sum(i = 2 to 2: v[i])", "2", "3"),
    ],
)
def test_claims_use_definitions_and_loops(text: str, right: str, wrong: str) -> None:
    model = read_model(MODEL, file="model.txt")
    for factor, verdict in ((right, "ok"), (wrong, "WRONG")):
        claims = read_claims(text.replace("?", factor), file="alice.txt", model=model)
        assert {str(claim.verdict) for claim in api.check(model, claims=claims, points=2).claims} == {verdict}


@pytest.mark.parametrize(
    ("text", "word", "place", "others"),
    [
        ("claim d h/d w = f(w, 2)", "does not take 2", "1:17", 0),
        ("repeat w = 1 to 2:\n  claim d loss/d v[w] = 0", "name of the model", "1:8", 0),
        ("h(z) = z\nclaim d loss/d h = 2*h", "name of the model", "1:1", 1),
        ("g(z) = z*q\nclaim d loss/d h = 2*h", 'unknown name "q"', "1:10", 1),
        ("claim d f/d w = 2", 'unknown name "f"', "1:9", 0),
    ],
)
def test_bad_claims(text: str, word: str, place: str, others: int) -> None:
    claims = read_claims(text, file="alice.txt", model=read_model(MODEL, file="model.txt"))
    (failure,) = [claim.failure for claim in claims if claim.failure is not None]
    assert word in failure.message
    assert failure.text.startswith(f"alice.txt:{place}: error: ")
    assert len(claims) == 1 + others


# --- limits, time, values ------------------------------------------------------------------------


def test_the_limits_are_handed_down() -> None:
    limits = DEFAULTS._replace(most_copies=5, deepest_loops=2)
    text = B + "repeat k = 1 to 3:\n  h{k} = x\n  g{k} = x\nloss = w1"
    with pytest.raises(LanguageError, match="6 lines and terms"):
        read_model(text, limits=limits)
    nested = B + "repeat i = 1 to 1:\n repeat j = 1 to 1:\n  repeat k = 1 to 1:\n   h{k} = x\nloss = w1"
    with pytest.raises(LanguageError, match="more than 2 deep"):
        read_model(nested, limits=limits)
    with pytest.raises(LanguageError, match="characters"):
        read_model(B + "repeat k = 1 to 99:\n  h{k} = x\nloss = w1", limits=DEFAULTS._replace(max_text=300))


@pytest.mark.parametrize("bound", ["1000000000", "99999*99999"])
def test_a_long_loop_is_refused_at_once(bound: str) -> None:
    begin = time.process_time()
    with pytest.raises(LanguageError, match="too many"):
        read_model(f"param w = 1\nrepeat k = 1 to {bound}:\n  repeat j = 1 to {bound}:\n    h{{k}}{{j}} = w\nloss = w")
    assert time.process_time() - begin < 0.5


@pytest.mark.parametrize(
    "text",
    [
        "repeat k = " + "a to " * 20_000 + "\n  h{k} = w",
        "h" + "{1}" * 5_000 + " = w",
        "repeat k = 1 to 2:\n  h{k} = " + "k*" * 5_000 + "w",
        "f(" + ", ".join(f"a{k}" for k in range(10_000)) + ") = w",
        "".join(f"f{k}(z) = f{(k + 1) % 2000}(z)\n" for k in range(2000)),
        "h = " + "sum(i = 1 to 3 " * 2_000 + "w" + ")" * 2_000,
        "repeat k = 1 to " + "(" * 5_000 + "2" + ")" * 5_000 + ":\n  h{k} = w",
        "h = " + "sin(" * 2_000 + "w" + ")" * 2_000,
    ],
    ids=range(8),
)
def test_hostile_texts_take_no_time(text: str) -> None:
    begin = time.process_time()
    with contextlib.suppress(LanguageError):
        read_model(f"param w = 1\n{text}\nloss = w")
    assert time.process_time() - begin < 2


def test_an_assignment_has_no_loops() -> None:
    model = read_model("param w1 = 1\nloss = w1")
    assert read_values("w{1} = 3", model)[1] == 3
    with pytest.raises(GradcheckError):
        read_values("w{k} = 3", model)


def test_names_of_files_have_indices_in_loops_only(tmp_path: Path) -> None:
    names = ("x1.csv", "x2.csv", "y{1}.csv")
    for name in names:
        (tmp_path / name).write_text("a\n1\n2\n")
    text = (
        'data y[2] from "y{1}.csv" columns a\nrepeat k = 1 to 2:\n  data x{k}[2] from "x{k}.csv" columns a\n'
        "param w = 1\nloss = sum(w*x1*x2*y)"
    )
    assert sorted(read_model(text, folder=tmp_path).files) == [str(tmp_path / name) for name in names]


# --- random loops against Python's own ------------------------------------------------------------

INDICES = ("i", "j", "k")
WHOLE = st.sampled_from(["{0}", "{0}+1", "2*{0}", "{0}*{0} + 1", "3 - {0} + 2", "n + 2 - {0}", "(n + {0})*2"])
TERMS = st.sampled_from(["{0}*w", "w^{0}", "x[{0}-{0}]", "-{0}^2", "w/({0} + 5)", "sin({0})", "x[{1}]*{0}", "2"])
GAPS = st.sampled_from(["", "\n", "  # a comment {k}\n", "\n\n# to the left\n"])


@st.composite
def loops(draw: st.DrawFn, depth: int = 0) -> list[object]:
    """Lines, and loops (index, first, last, lines): what a block holds."""
    lines: list[object] = []
    for _ in range(draw(st.integers(1, 3))):
        if depth < 3 and draw(st.booleans()):
            bounds = draw(st.integers(0, 2)), draw(st.integers(2, 4))
            lines.append((INDICES[depth], *bounds, draw(loops(depth + 1))))
        else:
            index = INDICES[draw(st.integers(0, depth - 1))] if depth else "n"
            term = draw(TERMS).format(index, f"{index}-{index}+1")
            suffix = "".join(f"_{{{draw(WHOLE).format(i)}}}" for i in (INDICES[:depth] or ("n",)))
            lines.append((draw(st.integers(0, 10**6)), suffix, term, draw(GAPS)))
    return lines


def as_loops(lines: list[object], indent: str, tab: str) -> Iterator[str]:
    for line in lines:
        if isinstance(line[0], str):  # type: ignore[index]
            index, first, last, body = line  # type: ignore[misc]
            yield f"{indent}repeat {index} = {first} to {last}:\n"
            yield from as_loops(body, indent + tab, tab)
        else:
            number, suffix, term, gap = line  # type: ignore[misc]
            yield f"{indent}s{number}{suffix} = {term}\n{gap}"


def in_python(lines: list[object], values: dict[str, int]) -> Iterator[str]:
    def number(found: re.Match[str]) -> str:
        return str(eval(found[1], {}, {**values, "n": 3}))

    for line in lines:
        if isinstance(line[0], str):  # type: ignore[index]
            index, first, last, body = line  # type: ignore[misc]
            for value in range(first, last + 1):
                yield from in_python(body, {**values, index: value})
        else:
            count, suffix, term, _ = line  # type: ignore[misc]
            term = re.sub(r"\b[ijk]\b", lambda m: str(values[m[0]]), term)
            key = re.sub(r"\[([^\]]*)\]", lambda m: f"[{eval(m[1], {}, {'n': 3})}]", term)
            yield f"s{count}{re.sub('{([^}]*)}', number, suffix)} = {key}\n"


@settings(max_examples=25, deadline=None)
@given(loops(), st.sampled_from(["  ", "\t", "        "]))
def test_random_loops_are_those_of_python(lines: list[object], tab: str) -> None:
    head = "data x[2] = [1, 2], n = 3\nparam w = 1.5\n"
    typed = list(in_python(lines, {}))
    names = [line.split(" = ")[0] for line in typed]
    text = head + "".join(as_loops(lines, "", tab)) + "loss = w"
    if len(set(names)) < len(names):
        with pytest.raises(LanguageError, match="defined twice"):
            read_model(text)
    else:
        assert show(read_model(text)) == show(read_model(head + "".join(typed) + "loss = w"))
