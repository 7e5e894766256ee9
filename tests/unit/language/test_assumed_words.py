"""Words behind a declared name: what is assumed of its values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradcheck_cli import api
from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.language import read_model, read_values, show

W = "\nparam w = 1\nloss = w"
GOOD = [
    "param S[2,2] symmetric = [[2, 0.5], [0.5, 1]]",
    "param S[2,2] symmetric positive = [[2, 1], [1, 2]]",
    "param s positive = 2",
    "param L[2,2] lower = [[1, 0], [2, 3]]",
    "param Q[2,2] orthogonal = [[0.6, -0.8], [0.8, 0.6]]",
    "data t[3] one_hot = [0, 1, 0], u = 3",
    "data t[3,3] one_hot = eye(3)",
    "data y in {-1, 1} = 1",
    "data y in {-1} = -1",
    "data y[3] in {.5, -1e3, +2} = [2, 0.5, -1000]",
    "data k[2] in 0 to 9 = [0, 9]",
    "data q[3] sum 1 = [0.2, 0.5, 0.3]",
    "data q[2] sum -2.5 = [-2, -0.5]",
    "data u[2] unit = [0.6, 0.8]",
    "data u unit = [1, 1]/norm([1, 1])",
    "rows y in {-1, 1} = [1, -1, 1]",
    "rows t[2] one_hot = [[1, 0], [0, 1]]",
    "data unit = 1, lower = 2, positive = 3, symmetric = 4, one_hot = 5, orthogonal = 6, in = 7, to = 8",
    # drawn values are made to keep it
    "param S[3,3] symmetric",
    "param S[3,3] symmetric ~ he",
    "param s[4] positive ~ normal(0, 1)",
    "param L[3,3] lower ~ normal(0, 1)",
    "param Q[3,3] orthogonal",
    "data t[2,5] one_hot ~ normal(0, 1)",
    "data y[6] in {-1, 1} ~ uniform(0, 1)",
    "data q[5] sum 1 ~ uniform(0, 1)",
    "data u[3] unit ~ normal(0, 1)",
    "rows y in {-1, 1} ~ normal(0, 1) count 6",
    "repeat k = 1 to 2:\n  param S{k}[{k},{k}] symmetric = {k}\n  data y{k} in {-1, 1} = 1",
]


@pytest.mark.parametrize("text", GOOD)
def test_it_is_read_shown_and_kept(text: str) -> None:
    model = api.load(text + W)
    assert show(read_model(show(model))) == show(model)
    for item in model.inputs.values():
        assert all(assumption.broken_by(item.values) is None for assumption in item.assumptions)


# text, column, a word of the message, a word of the help
BAD = [
    ("param S[2,2] symmetric = [[2, 0.5], [0.4, 1]]", 14, "S[0,1] is 0.5, S[1,0] is 0.4", "symmetric out"),
    ("param s positive = -2", 9, "s is -2", "leave positive out"),
    ("param s[2] positive = [1, 0]", 12, "s[1] is 0", "positive"),
    ("param L[2,2] lower = 1", 14, "L[0,1] is 1", "lower"),
    ("param Q[2,2] orthogonal = [[0.6, -0.8], [0.8, 0.7]]", 14, "Q' @ Q is not eye(2)", "orthogonal"),
    ("data t[3] one_hot = [0, 0.5, 0.5]", 11, "not a single 1", "one_hot"),
    ("rows t[2] one_hot = [[1, 0], [1, 1]]", 11, "t[1] is not a single 1", "one_hot"),
    ("data y in {-1, 1} = 2", 8, "y is 2", "in {-1, 1}"),
    ("data k in 0 to 9 = 10", 8, "k is 10", "in 0 to 9"),
    ("data q[3] sum 1 = [0.2, 0.5, 0.2]", 11, "the sum of q is 0.9", "sum 1"),
    ("data u[2] unit = [1, 1]", 11, "the norm of u is 1.414213562", "unit"),
    ("param S[2,3] symmetric = 1", 14, "said of a square matrix", ""),
    ("param s orthogonal = 1", 9, "said of a square matrix", ""),
    ("param s one_hot = 1", 9, "said of a vector or a matrix", ""),
    ("param S[2,2] symetric = 1", 14, '"symetric" is nothing', "symmetric?"),
    ("param a b = 1", 9, '"b" is nothing that can be assumed of "a"', "commas"),
    ("param S[2,2] symmetric symmetric = 1", 24, "said twice", "once"),
    ("data x sum = 1", 8, "before its numbers", "sum 1"),
    ("data x in = 1", 8, "before its numbers", "in {-1, 1}"),
    ("data x[1] unit 1 = 1", 11, "takes no numbers", "unit"),
    ("data x in {} = 1", 12, "does not fit", ""),
    ("data x in {a, b} = 1", 12, "does not fit", ""),
    ("data x in 0 to 1000000000 = 1", 8, "more than 100,000", ""),
    ("data x in 5 to 1 = 1", 8, "no range", "in 0 to 9"),
    ("data x in 0.5 to 1 = 1", 8, "no range", "in 0 to 9"),
    ("data x to 9 = 1", 8, '"to" is nothing', ""),
    ("data x in {1e999} = 1", 8, "too large", ""),
]


@pytest.mark.parametrize(("text", "column", "word", "way_out"), BAD)
def test_bad_input(text: str, column: int, word: str, way_out: str) -> None:
    with pytest.raises(GradcheckError) as caught:
        read_model(text + W)
    found = caught.value
    assert found.place is not None
    assert (found.place.line, found.place.column) == (1, column), str(found)
    assert word in found.message
    assert way_out in (found.help or "")


def test_other_values_have_to_keep_it() -> None:
    model = read_model("param s positive = 2\ndata t[3] one_hot = [1, 0, 0]\nloss = s*sum(t)")
    assert np.array_equal(read_values("t = [0, 1, 0]", model)[1], [0, 1, 0])
    single = "not a single 1"
    for text, word in (("s = -1", "s is -1"), ("t = [0, 1, 1]", single), ("t = 0", single)):
        with pytest.raises(GradcheckError, match=word.replace("[", "\\[")):
            read_values(text, model)


def test_columns_of_files_keep_it(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,b,c,y\n1,0,0,1\n0,1,0,-1\n0,0,1,1\n")
    text = 'rows y in {-1, 1}, t[3] one_hot from "d.csv" columns y, a, b, c' + W
    assert len(read_model(text, folder=tmp_path).inputs["t"].assumptions) == 1
    (tmp_path / "d.csv").write_text("a,b,c,y\n1,0,0,1\n0,1,1,-1\n0,0,1,1\n")
    with pytest.raises(GradcheckError, match=r"t\[1\] is not a single 1"):
        read_model(text, folder=tmp_path)
