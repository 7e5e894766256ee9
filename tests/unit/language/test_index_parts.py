"""Whole-number data in an index: what is read, and what is refused with both ways to write it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradcheck_cli import api
from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.language import read_model, show

Y = "data y[3] in 0 to 2 = [2, 0, 2], k in 0 to 2 = 1\n"
P = "param p[3] = [0.3, -0.7, 1.1], P[3,4] = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]\n"
P_ = np.arange(1.0, 13.0).reshape(3, 4)
p_ = np.array([0.3, -0.7, 1.1])
y_ = np.array([2, 0, 2])
# formula: its value by NumPy
GOOD = {
    "p[y]": p_[y_],
    "p[k]": p_[1],
    "p[y[1]]": p_[0],
    "p[y[0:2]]": p_[[2, 0]],
    "p[2 - y]": p_[2 - y_],
    "p[y*1 - 0*k]": p_[y_],
    "P[y,:]": P_[y_],
    "P[0:3,y]": P_[np.arange(3), y_],
    "P'[y,:]'": P_[:, y_],
    "P[1,y]": P_[1, y_],
    "P[k,:]": P_[1],
    "P[:,k]": P_[:, 1],
    "P[k,2]": P_[1, 2],
    "P[y,y]": P_[y_, y_],
    "P[y,k]": P_[y_, 1],
    "(P @ P')[0:3,y]": (P_ @ P_.T)[np.arange(3), y_],
    "one_hot(y, 4)": np.eye(4)[y_],
    "one_hot(k, 3)": np.eye(3)[1],
    "one_hot(2, 3)": np.eye(3)[2],
    "one_hot(y + 1, 4) @ [1, 2, 3, 4]": y_ + 2.0,
    "p[[k, 2, 0]]": p_[[1, 2, 0]],
    "p[[2, 0, 2]]": p_[[2, 0, 2]],
    "one_hot([2, 0], 3)": np.eye(3)[[2, 0]],
}


@pytest.mark.parametrize("formula", GOOD)
def test_what_is_chosen(formula: str) -> None:
    model = read_model(Y + P + f"z = {formula}\nloss = {'sum(z^2)' if np.ndim(GOOD[formula]) else 'z^2'}")
    np.testing.assert_array_equal(forward_pass(model).value("z"), GOOD[formula])
    text = show(model)
    assert show(read_model(text)).split("# note")[0] == text.split("# note")[0]


def test_constants_of_sizes_and_indices_stay_what_they_were() -> None:
    text = "data n = 2, K = 3\nparam p[3] = [1, 2, 3]\nloss = p[n] + p[n-1] + sum(one_hot(2, K)*p)"
    assert "p[2]" in show(read_model(text))
    assert "one_hot(2, 3)" in show(read_model(text))
    moving = "data n in 0 to 2 = 2\nparam p[3] = [1, 2, 3]\nloss = p[n] + sum(p[0:n])"
    assert "p[n] + sum(p[0:2])" in show(read_model(moving))


def test_of_rows_each_has_its_own(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("x,label\n0.5,2\n-1,0\n2,2\n", encoding="utf-8")
    np.save(tmp_path / "label.npy", np.array([2, 0, 2]))
    body = "param w[3] = [1, 2, 3]\nl = w[label]*x\nloss = sum_rows(l)"
    for declared in ('rows x, label in 0 to 2 from "d.csv"',
                     'rows x from "d.csv"\nrows label in 0 to 2 from "label.npy"'):  # fmt: skip
        (tmp_path / "m.txt").write_text(f"{declared}\n{body}", encoding="utf-8")
        model = api.load(tmp_path / "m.txt")
        assert forward_pass(model).value("l").tolist() == [1.5, -1.0, 6.0]


NAMED = "one_hot = [1, 2, 3]"


def test_a_name_of_the_file_hides_the_function() -> None:
    read_model(f"data {NAMED}\nparam w[3] = 1\nloss = sum(w*one_hot)")
    with pytest.raises(GradcheckError, match="one_hot"):
        read_model(f"data {NAMED}\nparam w[3] = 1\nloss = sum(w*one_hot(1, 3))")


# declaration, formula, word of the message, word of the way out
BAD = [
    ("data y[2] in 0 to 3 = 1", "p[y]", "in 0 to 3, the entries of the vector are 0 to 2", "in 0 to 2"),
    ("data y[2] in {-1, 1} = 1", "p[y]", "in -1 to 1", "in 0 to 2"),
    ("data y[2] in 0 to 2 = 1", "p[y+1]", "in 1 to 3", "in 0 to 2"),
    ("data y[2] = 1", "p[y]", "whole number", "data y in 0 to 9"),
    ("data y[2] in {0.5, 1} = 1", "p[y]", "whole number", "data y in 0 to 9"),
    ("param y in 0 to 2 = 1", "p[y]", "whole number", "data y in 0 to 9"),
    ("data y[2] in 0 to 2 = 1", "p[y/1]", "whole number", ""),
    ("data y[2] in 0 to 2 = 1", "p[-y]", "negative", ""),
    ("data y[2] in 0 to 2 = 1", "P[y]", "1 index for the shape [3,4]", "E[y,:]"),
    ("data y[2] in 0 to 2 = 1", "p[y,0]", "2 indices", "p[y]"),
    ("data y[3] in 0 to 2 = 1", "P[:,y]", "two readings", "P[0:3,y]; all columns y of every row: P'[y,:]'"),
    ("data y[2] in 0 to 2 = 1", "P[0:3,y]", "0:3 has 3 numbers, the index beside it is [2]", "pairs"),
    ("data y[2] in 0 to 2 = 1", "P[y,0:3]", "0:3 has 3 numbers", "pairs"),
    ("data y in 0 to 2 = 1", "P[0:3,y]", "is a single number", "pairs"),
    ("data y[2] in 0 to 2 = 1", "P[3,y]", "index 3 is outside 0..2", ""),
    ("data y[4] in 0 to 2 = 1", "P[0:4,y]", "outside 0:3", ""),
    ("data y[2] in 0 to 2 = 1, z[3] in 0 to 2 = 1", "P[y,z]", "shapes [2] and [3]", "P[y,z]"),
    ("data y[2] in 0 to 2 = 1", "one_hot(y, 2)", "the entries of 2 are 0 to 1", "in 0 to 1"),
    ("data y[2] = 1", "one_hot(y, 2)", "one_hot takes whole numbers", "data y in 0 to 9"),
    ("data y[2] in 0 to 2 = 1, K = 0.5", "one_hot(y, K)", "whole numbers that are written out", ""),
    ("data y[2] in 0 to 2 = 1", "one_hot(y)", "does not take 1 argument", "one_hot(y, n)"),
    ("data y[6] in 0 to 2 = [3, 0.5, -1, 7, 8, 9]", "p[y]",
     "y[0] is 3, y[1] is 0.5, y[2] is -1, y[3] is 7, y[4] is 8, and 1 more", "leave in 0 to 2 out"),
]  # fmt: skip


@pytest.mark.parametrize(("declared", "formula", "word", "way_out"), BAD)
def test_bad_input(declared: str, formula: str, word: str, way_out: str) -> None:
    with pytest.raises(GradcheckError) as caught:
        read_model(f"{declared}\n{P}loss = sum({formula})")
    assert word in caught.value.message
    assert way_out in (caught.value.help or "")
    assert caught.value.place is not None


def test_a_derivative_by_a_chosen_entry_is_refused() -> None:
    with pytest.raises(GradcheckError, match="whole number"):
        api.load(Y + P + "loss = p[k]^2\nclaim d loss/d p[k] = 2*p[k]")


def test_pairs_are_told() -> None:
    model = read_model(Y + P + "loss = sum(P[0:3,y])")
    assert ["0:3 beside y counts along with it" in note for note in model.notes] == [True]
