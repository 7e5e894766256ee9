"""Entries on kinks and borders that are alike have one verdict, however many; one that is not shows."""

from __future__ import annotations

from collections import Counter

import pytest

from build import one_of
from gradcheck_cli import Verdict, api
from gradcheck_cli.results.gradient_results import Entry

OK, KINK, UNRESOLVED = Verdict.OK, Verdict.KINK, Verdict.UNRESOLVED


def entries(text: str) -> tuple[Entry, ...]:
    return api.check(api.load(text), points=1).parameters[0].entries


@pytest.mark.parametrize(
    ("loss", "verdict", "left", "right"),
    one_of(3, [
        ("sum(relu(w))", KINK, 0.0, 1.0),
        ("sum(w*sqrt(w))", KINK, None, 0.0),
        ("sum(w^1.5)", KINK, None, 0.0),
        ("sum(sqrt(w))", UNRESOLVED, None, float("inf")),
        ("sum(relu(w) - relu(-w))", OK, None, None),  # kinks that cancel
        ("norm(w)", KINK, -1.0, 1.0),  # what passes through one unit
        ("sum(abs(w)) + 1e30", KINK, -1.0, 1.0),
    ]),
)
def test_entries_that_are_alike_have_one_verdict(
    loss: str, verdict: Verdict, left: float | None, right: float | None
) -> None:
    found = Counter((e.verdict, e.left, e.right) for e in entries(f"param w[150] = 0\nloss = {loss}\n"))
    assert found == {(verdict, left, right): 150}


@pytest.mark.parametrize(("odd", "left", "right"), [(2.0, 0.0, 2.0), (1e-3, 0.0, 1e-3), (-1.0, -0.0, -1.0)])
def test_one_entry_that_is_not_alike_has_its_own_slopes(odd: float, left: float, right: float) -> None:
    """At 0 all columns are the same: 0."""
    found = entries(f"param w[120] = 0\nloss = sum(relu(w)) + ({odd} - 1)*relu(w[77])\n")
    assert [(e.verdict, e.left) for e in found] == [(KINK, 0.0)] * 120
    assert {round(e.right or 0.0, 9) for k, e in enumerate(found) if k != 77} == {1.0}
    assert (found[77].left, found[77].right) == (pytest.approx(left), pytest.approx(right))


def test_an_entry_whose_kinks_cancel_among_others() -> None:
    found = entries("param w[90] = 0\nloss = sum(relu(w)) - relu(-w[5])\n")
    kinds = Counter(e.verdict for e in found)
    assert kinds == {KINK: 89, OK: 1}
    assert found[5].verdict is OK


@pytest.mark.slow
def test_slopes_that_are_all_different() -> None:
    """As many as 300: beyond the limit of exact slopes those of float64 count."""
    found = entries("data c[300] ~ uniform(1, 2)\nparam w[300] = 0\nloss = sum(c*relu(w))\n")
    assert {e.verdict for e in found} == {KINK}
    assert {e.left for e in found} == {0.0}
    assert len({round(e.right or 0.0, 5) for e in found}) > 250


def test_what_differences_do_not_see_is_not_ok_for_being_many() -> None:
    """Beside 1e30 the kinks do not show in float64, and their slopes are all different."""
    found = entries("data c[300] ~ uniform(1, 2)\nparam w[300] = 0\nloss = sum(c*relu(w)) + 1e30\n")
    kinds = {e.verdict for e in found}
    assert kinds <= {KINK, UNRESOLVED}
    assert KINK in kinds
