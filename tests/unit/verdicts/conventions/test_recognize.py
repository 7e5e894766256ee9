"""Whose convention a number at a kink is, and which library is known for a wrong one; and neighbors."""

from __future__ import annotations

import re

import numpy as np
import pytest

from claimed import judged_alone
from gradcheck_cli.api import load
from gradcheck_cli.results.gradient_results import ClaimResult, Verdict
from gradcheck_cli.verdicts.conventions.table import CONVENTIONS, FAULTS, VERSIONS
from paths import PROJECT

TIE = "param x[3] = [1, 2, 2]\nloss = 3*max(x)"


def judged(text: str) -> ClaimResult:
    return judged_alone(load(text), points=1)[-1]


def note(text: str) -> str:
    return judged(text).note or ""


@pytest.mark.parametrize(
    ("claimed", "who", "verdict"),
    [
        ("[0, 1.5, 1.5]", "as torch (max(), amax), jax, tensorflow and 4 others give it at a tie of max",
         "KINK"),
        ("[0, 3, 0]", "as torch (max(dim)) and mygrad give it at a tie of max", "KINK"),
        ("[0, 0, 3]", "as torch (cummax) gives it at a tie of max", "KINK"),
        ("[0, 3, 3]", "as pytensor gives it at a tie of max", "WRONG"),
    ],
)  # fmt: skip
def test_a_tie_of_max(claimed: str, who: str, verdict: str) -> None:
    result = judged(f"{TIE}\nclaim d loss/d x = {claimed}")
    assert (str(result.verdict), (result.note or "").rpartition("; ")[2]) == (verdict, who)


@pytest.mark.parametrize("claimed", ["[0, 1, 2]", "[0, 2, 2]", "[3, 0, 0]", "[0, 0, 0]"])
def test_what_no_library_gives_has_no_name(claimed: str) -> None:
    assert " it at " not in note(f"{TIE}\nclaim d loss/d x = {claimed}")


def test_a_maximum_that_is_no_tie_has_no_convention() -> None:
    result = judged("param x[3] = [1, 2, 2.5]\nloss = 3*max(x)\nclaim d loss/d x = [0, 1.5, 1.5]")
    assert (result.verdict, " it at " in (result.note or "")) == (Verdict.WRONG, False)


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("param x = 0\nloss = 2*abs(x)\nclaim d loss/d x = 2",
         "jax, warp, uncertainties and 2 others give it at 0 of abs"),
        ("param x = 0\nloss = 2*abs(x)\nclaim d loss/d x = 0",
         "torch, tensorflow, autograd and 6 others give"),
        ("param x = 0\nloss = relu(x)\nclaim d loss/d x = 0.5",
         "jax (maximum(x, 0)), autograd (maximum(x, 0)) and casadi (fmax(x, 0)) give"),
        ("param x[2] = [0, 0]\nloss = norm(x)\nclaim d loss/d x = [0, 0]",
         "torch and paddle give it at the norm of"),
        ("param x[2] = [5, 5]\nloss = std(x)\nclaim d loss/d x = [0, 0]",
         "torch gives it at the std of equal"),
        ("param x[2] = [0, 1]\nloss = sum(clip(x, 0, 1))\nclaim d loss/d x = [1, 0]",
         "warp gives it at a bound of clip"),
        ("param x = 6\nloss = relu6(x)\nclaim d loss/d x = 1", "tinygrad gives it at a bound of relu6"),
        ("param x = 3\nloss = hard_swish(x)\nclaim d loss/d x = 1.5",
         "tinygrad gives it at a bound of hard_swish"),
        ("param x = 0\nloss = leaky_relu(x)\nclaim d loss/d x = 0", "mygrad gives it at 0 of leaky_relu"),
        ("param x = 0\nloss = leaky_relu(x)\nclaim d loss/d x = 0.01",
         "torch and tensorflow give it at 0 of leaky_relu"),
        ("param x = 0\nparam y = 0\nloss = hypot(x, y)\nclaim d loss/d x = 0.5",
         "jax gives it at hypot(0, 0)"),
        ("param x = 0\nloss = 2*relu(x) + abs(x)\nclaim d loss/d x = 1",
         "as autograd, casadi and jax give it at 0 of abs and 0 of relu"),
    ],
)  # fmt: skip
def test_other_kinks(text: str, who: str) -> None:
    assert who in note(text)


def test_two_claims_say_together_whose_convention_it_is() -> None:
    claims = "claim d loss/d a = 0\nclaim d loss/d b = 0"
    results = judged_alone(load(f"param a = 1\nparam b = 1\nloss = 3*max(a, b)\n{claims}"), points=1)
    assert all((r.note or "").endswith("as mygrad gives it at max(a, a)") for r in results)


def test_a_formula_has_no_convention() -> None:
    assert " it at " not in note("param x = 0\nloss = 2*abs(x)\nclaim d loss/d x = 2*x/abs(x + 1)")


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("param x = 0\nloss = erf(x) + x\nclaim d loss/d x = 1", "tinygrad is known for it: erf at 0"),
        ("param A[2,2] = [[1,2],[2,4]]\nloss = det(A) + sum(A)\nclaim d loss/d A = [[1,1],[1,1]]",
         "torch and paddle are known for it: det of a singular matrix"),
        ("param x[3] = [2,0,3]\nloss = sum(cumprod(x))\nclaim d loss/d x = [1,0,0]",
         "tensorflow is known for it"),
        ("param x = 0\nloss = i1(x)\nclaim d loss/d x = 1", "tensorflow is known for it: i1 at 0"),
        ("param x = 0\nloss = i0(x)\nclaim d loss/d x = 1",
         "jax and pytensor (iv(0, x)) are known for it: i0 at 0"),
        ("param x = 0.25\nloss = hard_sigmoid(x)^2\nclaim d loss/d x = 0.18055556094",
         "torch is known for it: the 1/6 of hard_sigmoid"),
        ("param x = 0\nloss = softplus(x) - 0.25*x\nclaim d loss/d x = -0.75",
         "paddle is known for it: softplus"),
    ],
)  # fmt: skip
def test_known_faults(text: str, who: str) -> None:
    result = judged(text)
    assert result.verdict is Verdict.WRONG
    assert who in (result.note or "")


@pytest.mark.parametrize(
    "text",
    [
        "param x = 0\nloss = erf(x) + x\nclaim d loss/d x = 1.05",
        "param x = 0.5\nloss = erf(x) + x\nclaim d loss/d x = 1",
        "param x = 0.25\nloss = hard_sigmoid(x)^2\nclaim d loss/d x = 0.1805555576",
        "param x[2] = [0, 1]\nloss = sum(erf(x))\nclaim d loss/d x = [0, 1]",
    ],
)
def test_other_mistakes_at_the_same_places_are_nobodys(text: str) -> None:
    result = judged(text)
    assert (result.verdict, "known for it" in (result.note or "")) == (Verdict.WRONG, False)


def test_every_record_names_measured_libraries() -> None:
    named = {name.partition(" (")[0] for record in (*CONVENTIONS, *FAULTS) for name in record.who}
    assert named - set(VERSIONS) == {"nearly all others", "C++"}


def test_the_page_shows_every_record() -> None:
    page = (PROJECT / "docs" / "conventions.md").read_text(encoding="utf-8")
    lines = (line for line in page.splitlines() if line.startswith("| "))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    for record in (*CONVENTIONS, *FAULTS):
        assert [record.at, record.gives, ", ".join(record.who)] in rows
    assert all(re.search(rf"\b{name}\s{version}\b", page) for name, version in VERSIONS.items())
    assert np.unique([f"{c.function} {c.gives} {c.who}" for c in CONVENTIONS]).size == len(CONVENTIONS)
