"""Every limit says its unit, its reason, and the experiment that chose it."""

from __future__ import annotations

import re

import pytest

from gradcheck_cli.numerics.limits.table import LIMITS
from paths import PACKAGE

FOLDER = PACKAGE / "numerics" / "limits"


@pytest.mark.parametrize("part", LIMITS._fields)
def test_a_limit_has_a_unit_a_reason_and_an_experiment(part: str) -> None:
    lines = (FOLDER / f"{part}.py").read_text(encoding="utf-8").splitlines()
    for name in getattr(LIMITS, part)._fields:
        number = next(k for k, line in enumerate(lines) if re.match(rf"    {name}: ", line))
        above = []
        while lines[number - 1].startswith("    # "):
            number -= 1
            above.insert(0, lines[number].removeprefix("    # "))
        told = [part.strip() for part in " ".join(above).split("|")]
        assert len(told) == 3, f"{part}.{name}: unit | reason | experiment"
        assert all(told), f"{part}.{name}"


def test_limits_are_frozen() -> None:
    with pytest.raises(AttributeError):
        LIMITS.language = None  # type: ignore[misc]
