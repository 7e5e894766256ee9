"""Points are keys: equal where every number is, bit by bit."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.model.point_values import PointValues


def values(**changed: object) -> PointValues:
    plain = {"x": np.arange(40.0).reshape(8, 5), "w": np.array(3.0), "v": np.zeros(2)}
    return PointValues({**plain, **{name: np.asarray(value) for name, value in changed.items()}})


def test_equal_numbers_make_equal_keys() -> None:
    assert values() == values()
    assert hash(values()) == hash(values())
    assert {values(): "known"}[values().with_values({"w": np.array(3.0)})] == "known"


@pytest.mark.parametrize(
    "changed",
    [
        {"w": np.nextafter(3.0, 4)},
        {"v": np.array([0.0, -0.0])},  # 1/v sees the sign
        {"x": np.where(np.arange(40).reshape(8, 5) == 13, 0.5, np.arange(40.0).reshape(8, 5))},
        {"v": np.zeros((2, 1))},
        {"u": 1.0},
    ],
)
def test_one_bit_more_or_less_makes_another_key(changed: dict[str, object]) -> None:
    assert values(**changed) != values()
    assert values(**changed) == values(**changed)


def test_a_nan_is_itself() -> None:
    assert values(w=np.nan) == values(w=np.nan) != values()


def test_a_key_cannot_be_written_to() -> None:
    point = values()
    with pytest.raises(ValueError, match="read-only"):
        point["x"][0] = 1
    with pytest.raises(TypeError):
        point["x"] = np.zeros(2)  # type: ignore[index]


def test_arrays_that_do_not_move_are_shared() -> None:
    point = values()
    assert point.with_values({"w": np.array(1.0)})["x"] is point["x"]
    assert PointValues.of(point) is point


def test_rows_taken_with_gaps_are_compared_by_their_numbers() -> None:
    whole = np.arange(80.0).reshape(16, 5)
    assert values(x=whole[::2]) == values(x=whole[::2].copy())
    assert hash(values(x=whole[::2])) == hash(values(x=whole[::2].copy()))
