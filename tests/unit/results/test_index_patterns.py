"""Words and maps for marked entries, against a table."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from gradcheck_cli.results.index_patterns import MARKED, UNMARKED, entry, numbers, picture, words


def mask(text: str) -> np.ndarray:
    """Lines of # and ., one number or a vector without a line break."""
    lines = [[c == "#" for c in line] for line in text.split("/")]
    return np.array(lines if "/" in text else lines[0])


# (marked entries, words, whether a map is drawn)
TABLE = [
    ("###", "all of W", False),
    (".#.", "W[1]", False),
    ("##...", "entries 0 and 1 of W", False),
    ("#.##", "all but W[1]", False),
    ("###......", "entries 0 to 2 of W", False),
    ("#.#.#.#.#.#.", "6 of 12 entries", True),
    ("##/##", "all of W", False),
    ("../.#", "W[1,1]", False),
    ("##/#.", "all but W[1,1]", False),
    ("...../#####/.....", "row 1 of W", False),
    ("#####/...../#####/.....", "rows 0 and 2 of W", False),
    ("###/###/.../###/###/###", "rows 0, 1, 3, 4 and 5 of W", False),
    ("#../#../#..", "column 0 of W", False),
    (".##/.##", "columns 1 and 2 of W", False),
    ("#../.#./..#", "the diagonal of W", False),
    (".##/#.#/##.", "all but the diagonal of W", False),
    ("##../..../....", "2 of 4 entries of row 0 of W", True),
    (".#/.#/..", "2 of 3 entries of column 1 of W", True),
    ("#..#/.##.", "4 of 8 entries", True),
]


@pytest.mark.parametrize(("text", "said", "drawn"), TABLE)
def test_words_and_whether_there_is_more_to_see(text: str, said: str, drawn: bool) -> None:
    if said == "rows 0, 1, 3, 4 and 5 of W":
        said = "all but row 2 of W"  # five are too many to name, one is not
    assert words(mask(text), "W") == said
    assert bool(picture(mask(text))) is drawn


STACKS = [
    ([True, True], "f in all rows"),
    ([False, True, False, False, False, False, True], "f in rows 1 and 6"),
    ([True, False, True, True, True, True, True], "f in all but row 1"),
    ([[False, True], [False, True]], "f[1] in all rows"),
    ([[True, True], [False, False]], "all of f in row 0"),
    ([[True, False], [False, True]], "2 of 4 entries"),
    ([[[True, True], [False, False]]] * 3, "row 0 of f in all training rows"),
]


@pytest.mark.parametrize(("marks", "said"), STACKS)
def test_words_for_one_array_per_training_example(marks: list[object], said: str) -> None:
    assert words(np.array(marks), "f", per_row=True) == said


BLOCKS = [  # an index of an array of 3 x 4 x 5 entries, and what is said of them
    (np.s_[1, 2, 3], "W[1,2,3]"),
    (np.s_[1], "W[1,:,:]"),
    (np.s_[:, :, 2:4], "W[:,:,2:4]"),
    (np.s_[0, 1:3, ::], "W[0,1:3,:]"),
    (np.s_[:, [0, 2], :], "slices 0 and 2 along axis 1 of W"),
    (np.s_[:, [0, 3], :], "all but W[:,1:3,:]"),
    (np.s_[[0, 2]], "all but W[1,:,:]"),
    (np.s_[:], "all of W"),
    (np.s_[[0, 2], [0, 3], [1, 1]], "2 of 60 entries"),
]


@pytest.mark.parametrize(("index", "said"), BLOCKS)
def test_words_for_blocks_of_three_axes(index: object, said: str) -> None:
    marks = np.zeros((3, 4, 5), dtype=bool)
    marks[index] = True  # type: ignore[index]
    assert words(marks, "W") == said
    assert picture(marks) == []
    stack = np.stack([marks, marks, np.zeros_like(marks)])
    if said.startswith("W["):
        assert words(stack, "f", per_row=True) == f"{said.replace('W', 'f')} in training rows 0 and 1"


def test_a_scalar_is_its_own_name() -> None:
    assert words(np.array(True), "b") == "b"
    assert words(np.array(False), "b") == "no entry of b"
    assert picture(np.array(True)) == picture(np.array(False)) == []


def test_the_map_shows_every_entry_of_a_small_matrix() -> None:
    lines = picture(mask("#..#/.##."))
    assert lines == [f"{MARKED}{UNMARKED}{UNMARKED}{MARKED}", f"{UNMARKED}{MARKED}{MARKED}{UNMARKED}"]


def test_a_vector_is_one_line_and_a_stack_of_vectors_a_map() -> None:
    assert picture(mask("#.#.#.#.#.")) == [(MARKED + UNMARKED) * 5]
    stack = np.array([[True, False], [False, True]])
    assert picture(stack, per_row=True) == [MARKED + UNMARKED, UNMARKED + MARKED]


@pytest.mark.parametrize(("m", "n"), [(16, 32), (17, 33), (100, 7), (3, 1000), (512, 785)])
def test_a_large_map_stays_small_and_loses_no_marked_entry(m: int, n: int) -> None:
    random = np.random.default_rng(m * n)
    for _ in range(20):
        marks = np.zeros((m, n), dtype=bool)
        spots = [(int(random.integers(0, m)), int(random.integers(0, n))) for _ in range(2)]
        for spot in spots:
            marks[spot] = True
        lines = picture(marks)
        if not lines:
            assert marks.sum() == 1 or len({i for i, _ in spots}) == 1 == min(m, n)
            continue
        drawn = [line for line in lines if line[0] in (MARKED, UNMARKED)]
        assert len(drawn) <= 16
        assert {len(line) for line in drawn} <= set(range(1, 33))
        height, width = -(-m // 16), -(-n // 32)
        expected = {(i // height, j // width) for i, j in spots}
        seen = {(i, j) for i, line in enumerate(drawn) for j, c in enumerate(line) if c == MARKED}
        assert seen == expected
        assert (len(lines) > len(drawn)) is (height > 1 or width > 1)


def test_words_say_exactly_what_is_marked() -> None:
    # every pattern of a 3 x 3 matrix: no two different ones may share words without a map
    told: dict[str, int] = {}
    for bits in product((False, True), repeat=9):
        marks = np.array(bits).reshape(3, 3)
        if not picture(marks):
            said = words(marks, "W")
            told[said] = told.get(said, 0) + 1
    assert set(told.values()) == {1}


def test_names_of_entries_and_numbers() -> None:
    assert entry("W2", (17, 203)) == "W2[17,203]"
    assert entry("d f1/d h1", (0, 1)) == "(d f1/d h1)[0,1]"
    assert entry("b", ()) == "b"
    found = [numbers(k) for k in ([3], [3, 7], [0, 2, 5], [4, 5, 6])]
    assert found == ["3", "3 and 7", "0, 2 and 5", "4 to 6"]
