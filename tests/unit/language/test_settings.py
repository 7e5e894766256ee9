"""What a file may set counts as if it had been typed; and rounding in the author's own order."""

from __future__ import annotations

import pytest

from gradcheck_cli import api
from gradcheck_cli.checking.check import check
from gradcheck_cli.checking.options import HINTS, Options
from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.language.settings import SETTINGS
from gradcheck_cli.numerics.limits.table import LIMITS
from gradcheck_cli.results.gradient_results import Verdict

MODEL = "data x = 2\nparam w = 3, b = 1\nloss = w^2*x + b\n"
WRONG = MODEL + "claim d loss/d w = w\n"
ROWS = "rows x = [1, 2, 3]\nparam w = 3\nl = w*x\nloss = sum_rows(l)\n"


def test_points_digits_and_scheme() -> None:
    report = api.check(api.load("set points = 2\nset scheme = central4\nset digits = 4\n" + MODEL))
    assert (report.points, report.scheme) == (2, "central4")
    assert api.check(api.load("set points = 2\n" + MODEL), points=3).points == 3


def test_wrt() -> None:
    model = api.load("set wrt = x, w\n" + MODEL)
    assert [block.name for block in api.check(model).parameters] == ["x", "w"]
    assert [block.name for block in api.check(model, wrt=["b"]).parameters] == ["b"]


def test_show_truth() -> None:
    assert api.check(api.load(WRONG)).claims[0].truth is None
    assert api.check(api.load("set show_truth = on\n" + WRONG)).claims[0].truth == "2*w*x"


def test_hint() -> None:
    signed = MODEL + "claim d loss/d w = -2*w*x\n"
    told = {h: api.check(api.load(f"set hint = {h}\n" + signed)).claims[0] for h in HINTS}
    assert [told[h].diagnosis is not None for h in HINTS] == [False, False, False, True, True]
    assert [told[h].truth is not None for h in HINTS] == [False, False, False, False, True]
    assert api.check(api.load("set hint = none\n" + signed), hint="truth").claims[0].truth is not None
    with pytest.raises(OptionError, match="--hint cannot be 'much'"):
        api.check(api.load(WRONG), hint="much")


@pytest.mark.parametrize("wrt", ["", "set wrt = x\n"])
def test_require_claims_asks_for_parameters(wrt: str) -> None:
    claimed = MODEL + "claim d loss/d w = 2*w*x\n"
    report = api.check(api.load("set require_claims = on\n" + wrt + claimed))
    assert report.verdict is Verdict.WRONG
    assert "--require-claims: no claim for b." in report.closing
    both = claimed + "claim d loss/d b = 1\n"
    assert api.check(api.load("set require_claims = on\n" + wrt + both)).verdict is Verdict.OK


def test_row_and_expand() -> None:
    found = api.explain(api.load("set row = 2\n" + ROWS))
    assert found.row == 2
    assert api.explain(api.load("set row = 2\n" + ROWS), row=0).row == 0
    chain = "param w = 3\nf = w^2\nloss = sin(f)\n"
    plain, closed = (api.explain(api.load(s + chain)) for s in ("", "set expand = on\n"))
    assert plain.backward_parameters[0].formula != closed.backward_parameters[0].formula


def test_every_setting_is_used_above_or_judged_elsewhere() -> None:
    elsewhere = {"layout", "strict", "carry"}
    here = {"points", "digits", "scheme", "wrt", "hint", "show_truth", "require_claims", "row", "expand"}
    assert set(SETTINGS) == here | elsewhere


def test_all_entries() -> None:
    limits = LIMITS._replace(gradients=LIMITS.gradients._replace(most_listed=150))  # instead of 10,000
    model = api.load("param W[20,10] ~ normal(0, 1)\nloss = sum(W*W)\n")
    few, every = (
        check(model, Options(points=1, all_entries=flag), limits=limits) for flag in (False, True)
    )
    assert len(few.parameters[0].entries) == 100
    assert len(every.parameters[0].entries) == 200


@pytest.mark.parametrize(
    "text",
    [
        "param x = 1e-10\ny = (1 + x) - 1\nloss = y^2\n",
        "param x = 1e-20\nloss = (1 + x) - 1 + x\n",
        "param a = 1000, b = 0.1\nr = 1000.3 - (a + 3*b)\nloss = r^2 + b\n",
    ],
)
def test_rounding_is_that_of_the_authors_operations(text: str) -> None:
    """SymPy's forms of these have no cancellation; the forward pass has, and is not blamed for it."""
    report = api.check(api.load(text))
    assert report.verdict is Verdict.OK, report
