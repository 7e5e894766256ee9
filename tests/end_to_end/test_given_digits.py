"""Gradients of which some digits count, as of differences: in code, beside a model, and of a black box."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_cli import api
from gradcheck_cli.against.given_digits import agreed_digits, half_units
from gradcheck_cli.cli.main import main
from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.results.gradient_results import Report

FILE = Path(__file__).parents[1] / "programs" / "differences.py"


def report(grad: str, **options: Any) -> Report:
    return api.check_program(f"{FILE}:loss", grad=f"{FILE}:{grad}", at=f"{FILE}:point", points=1, **options)


@pytest.mark.parametrize("black_box", [False, True])
@pytest.mark.parametrize(("grad", "digits", "verdict"), [
    ("forward", 6, "ok"), ("forward_wrong", 6, "WRONG"),
    *(pytest.param(*each, marks=pytest.mark.slow) for each in (
        ("exact", None, "ok"), ("forward", None, "WRONG"), ("forward", 8, "WRONG"),
        ("forward_wrong", 4, "ok"), ("central", 8, "ok"),
    )),
])  # fmt: skip
def test_so_many_digits_count(grad: str, digits: int | None, verdict: str, *, black_box: bool) -> None:
    given = {} if digits is None else {"digits": digits}
    found = report(grad, black_box=black_box, against=[f"{FILE}:{grad}", f"{FILE}:forward_wrong"], **given)
    same, wrong = found.against
    assert str(found.claims[0].verdict) == verdict
    assert str(same.verdict) == verdict
    assert str(wrong.verdict) == ("ok" if digits == 4 else "WRONG")
    assert found.parameters[0].entries[1].against[same.name] == same_number(grad)


def same_number(grad: str) -> float:
    names: dict[str, Any] = {}
    exec(FILE.read_text(), names)
    return float(names[grad](names["point"]()["w"])[1])


def test_what_a_difference_agrees_to_is_said() -> None:
    forward, central, wrong = (report(grad).claims[0] for grad in ("forward", "central", "forward_wrong"))
    assert "is a forward difference of loss with step 1.49012e-08" in str(forward.diagnosis)
    assert forward.note == "--digits 6 asks for no more"
    assert "agrees to 10 digits, as a central difference would; --digits 10 asks for" in str(central.note)
    assert "digits" not in f"{wrong.note}{wrong.diagnosis}"


def test_a_black_box_beside_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exact = tmp_path / "exact.csv"
    exact.write_text("1.55048097\n-0.0219529666\n0.834273374\n")
    words = ["code", f"{FILE}:opaque", "--grad", f"{FILE}:exact", "--at", f"{FILE}:point", "--black-box"]
    assert main([*words, "--against", f"{FILE}:narrow", "--against", str(exact)]) == 0
    assert main([*words, "--against", f"{FILE}:forward"]) == 1
    said = capsys.readouterr().out
    assert "differences.py:narrow, in float32, is ok." in said
    assert "exact.csv, in float64, is ok." in said
    assert "agrees to 6 digits, as a forward difference would" in said
    assert main([*words, "--against", f"{FILE}:forward", "--digits", "6"]) == 0
    exact.write_text("1.55048097\n-0.0219529666\n0.834273380\n")
    assert main([*words, "--against", str(exact)]) == 1


def test_a_model_beside_a_difference(tmp_path: Path) -> None:
    text = api.trace(f"{FILE}:loss", at=f"{FILE}:point")
    verdicts = {
        digits: [str(each.verdict) for each in api.check(
            api.load(text), points=1, digits=digits, against=[f"{FILE}:forward", f"{FILE}:forward_wrong"],
        ).against] for digits in (None, 6)
    }  # fmt: skip
    assert verdicts == {None: ["WRONG", "WRONG"], 6: ["ok", "WRONG"]}


def test_half_a_unit_of_the_last_digit() -> None:
    values = np.array([1.0, -9.99, 0.002, 0.0, 1e-9])
    assert np.allclose(half_units(values, 3), [0.005, 0.005, 5e-5, 5e-5, 5e-5], rtol=1e-9, atol=0)
    assert agreed_digits(values, values) == 15
    assert agreed_digits(values, values * (1 + 4e-7)) == 6
    assert agreed_digits(values, -values) == 0


def test_digits_that_no_number_has() -> None:
    with pytest.raises(OptionError, match="digits must be between 1 and 15"):
        report("exact", digits=99, black_box=True)
