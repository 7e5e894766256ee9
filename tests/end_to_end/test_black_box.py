"""Programs that cannot be traced are differenced themselves, with bounds; and programs that misbehave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gradcheck_cli import api
from gradcheck_cli.cli.main import main
from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.results.gradient_results import Report, Verdict

FILE = Path(__file__).parents[1] / "programs" / "opaque.py"


def report(loss: str, grad: str, at: str, **options: Any) -> Report:
    return api.check_program(f"{FILE}:{loss}", grad=f"{FILE}:{grad}", at=f"{FILE}:{at}", **options)


def words(loss: str, grad: str, at: str = "point", *more: str) -> list[str]:
    return ["code", f"{FILE}:{loss}", "--grad", f"{FILE}:{grad}", "--at", f"{FILE}:{at}", *more]


@pytest.mark.parametrize(("grad", "verdict", "wrong", "diagnosis"), [
    ("spectrum_grad", Verdict.OK, 0, None),
    ("spectrum_wrong", Verdict.WRONG, 1, None),
    ("spectrum_scaled", Verdict.WRONG, 6, "is 1/6 times the true value"),
])  # fmt: skip
def test_what_no_trace_sees_through_is_differenced(
    grad: str, verdict: Verdict, wrong: int, diagnosis: str | None
) -> None:
    found = report("spectrum", grad, "point", points=2)
    assert (found.verdict, found.claims[0].wrong, found.claims[0].diagnosis) == (verdict, wrong, diagnosis)
    assert "fft is not traced" in found.notes[0]
    assert all(e.symbolic is None and e.backprop is None and e.digits for e in found.parameters[0].entries)


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "grad", "at", "verdict"), [
    ("narrow", "narrow_grad", "narrow_point", Verdict.OK),
    ("narrow", "narrow_wrong", "narrow_point", Verdict.WRONG),
    ("kinked", "kinked_grad", "kinked_point", Verdict.KINK),
    ("kinked", "kinked_outside", "kinked_point", Verdict.WRONG),
])  # fmt: skip
def test_float32_and_kinks(loss: str, grad: str, at: str, verdict: Verdict) -> None:
    found = report(loss, grad, at, black_box=True)
    assert found.verdict is verdict
    if verdict is not Verdict.OK:
        assert found.claims[0].index == (1,)


@pytest.mark.slow
@pytest.mark.parametrize(("grad", "verdict"), [("large_grad", Verdict.OK), ("large_wrong", Verdict.WRONG)])
def test_a_million_entries_take_sixty_calls(grad: str, verdict: Verdict) -> None:
    found = report("large", grad, "large_point", black_box=True)
    (said,) = (text for text in found.closing if " calls" in text)
    assert found.verdict is verdict
    assert int(said.partition(" calls")[0].split()[-1]) <= 60
    assert found.claims[0].index == ((17, 203) if verdict is Verdict.WRONG else None)


@pytest.mark.parametrize(("loss", "grad", "said"), [
    ("counted", "double", "in the first call and"),
    ("noisy", "double", "in the first call and"),
    ("square", "noisy_grad", "gives two gradients by w in two calls"),
])  # fmt: skip
def test_several_values_are_a_verdict_of_their_own(
    loss: str, grad: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(loss, grad)) == 3
    assert said in capsys.readouterr().out.replace("\n", " ")


@pytest.mark.parametrize(("loss", "grad", "said"), [
    ("square", "hangs", "hangs did not return within 0.2 seconds"),
    ("hangs", "double", "hangs did not return within 0.2 seconds"),
    ("square", "leaves", "leaves raised SystemExit: 7"),
    ("square", "raises", "raises raised ZeroDivisionError"),
    ("returns_nan", "double", "returns_nan is nan at this point"),
    ("square", "nan_grad", "is nan for w[0]"),
    ("square", "too_long", "has the shape [7], and w has [6]"),
    ("too_long", "double", "returns an array of shape [7]"),
])  # fmt: skip
def test_a_program_that_misbehaves_is_one_error(
    loss: str, grad: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(loss, grad, "point", "--black-box", "--seconds", "0.2")) == 2
    found = capsys.readouterr()
    assert said in found.err
    assert "Traceback" not in found.out + found.err


def test_columns_that_do_not_exist_are_absent(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("table", "markdown", "latex"):
        main(words("spectrum", "spectrum_grad", "point", "--points", "1", "--format", name))
        found = capsys.readouterr().out
        assert "finite diff" in found
        assert "backprop" not in found
        assert "symbolic" not in found


@pytest.mark.parametrize(("options", "error", "said"), [
    ({"digitz": 3}, TypeError, "digitz"),
    ({"strict": True}, OptionError, "strict needs a model of the loss; it is a black box"),
    ({"digits": 99}, OptionError, "digits must be between 1 and 15"),
    ({"hint": "none", "random": 2}, OptionError, "hint needs a model of the loss"),
    ({"points": 0}, OptionError, "points must be between 1 and"),
])  # fmt: skip
def test_what_a_black_box_cannot_follow_is_refused(
    options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        report("square", "double", "point", black_box=True, **options)
    kept = {"digits": None, "strict": False, "budget": 10**6, "points": 1}
    assert report("square", "double", "point", black_box=True, **kept).verdict is Verdict.OK


@pytest.mark.parametrize(("grad", "wrong"), [("blocks_grad", set()), ("blocks_wrong", {"A", "C"})])
def test_blocks_that_are_tested_jointly_are_told_apart(grad: str, wrong: set[str]) -> None:
    found = report("blocks", grad, "blocks_point", black_box=True)
    assert {claim.by for claim in found.claims if claim.verdict is Verdict.WRONG} == wrong
    assert {claim.verdict for claim in found.claims if claim.by not in wrong} == {Verdict.OK}
