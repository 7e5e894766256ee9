"""Vector-Jacobian and Jacobian-vector products of functions with array outputs, right and wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gradcheck_cli import api
from gradcheck_cli.cli.main import main
from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.results.gradient_results import Report, Verdict

FILE = Path(__file__).parents[1] / "programs" / "arrays.py"


def report(function: str, product: str, at: str, kind: str = "vjp") -> Report:
    named = {kind: f"{FILE}:{product}"}
    return api.check_program(f"{FILE}:{function}", at=f"{FILE}:{at}", points=1, **named)


@pytest.mark.slow
@pytest.mark.parametrize(("function", "product", "at", "wrong", "said"), [
    ("layer", "layer_vjp", "point", set(), ""),
    ("layer", "layer_vjp_wrong", "point", {"b"}, "is 1/4 times the true value"),
    ("layer", "layer_vjp_linear", "point", {"W", "b"}, "leaves out the derivative of tanh (arrays.py:12)"),
    ("two_outputs", "two_outputs_vjp", "vectors", set(), ""),
    ("two_outputs", "two_outputs_vjp_wrong", "vectors", {"u"}, "takes half the second term of the sum"),
    ("spectrum", "spectrum_vjp", "signal", set(), ""),
    ("spectrum", "spectrum_vjp_wrong", "signal", {"x"}, "is 1/4 times the true value"),
])  # fmt: skip
def test_vector_jacobian_products(
    function: str, product: str, at: str, wrong: set[str], said: str
) -> None:
    found = report(function, product, at)
    claims = [claim for claim in found.claims if claim.verdict is Verdict.WRONG]
    assert {claim.by for claim in claims} == wrong
    assert found.verdict is (Verdict.WRONG if wrong else Verdict.OK)
    assert {claim.diagnosis for claim in claims} == ({said} if wrong else set())


@pytest.mark.slow
@pytest.mark.parametrize(("product", "verdict"), [
    ("layer_jvp", Verdict.OK), ("layer_jvp_wrong", Verdict.WRONG),
])  # fmt: skip
def test_jacobian_vector_products(product: str, verdict: Verdict) -> None:
    found = report("layer", product, "point", "jvp")
    assert found.verdict is verdict
    assert (found.claims[0].note or "").endswith("all of the output" if verdict is Verdict.WRONG else "")


@pytest.mark.parametrize(("product", "kind", "said"), [
    ("layer", "vjp", "takes no argument beside those of the function"),
    ("two_outputs_vjp", "vjp", "takes u, v, gs, and layer has 1 output"),
    ("layer_jvp_of_one_row", "jvp", "returns the shapes [2]; the outputs have [4, 2]"),
])  # fmt: skip
def test_what_is_no_product_is_said(product: str, kind: str, said: str) -> None:
    with pytest.raises(GradcheckError) as caught:
        report("layer", product, "point", kind)
    assert said in str(caught.value)


def test_one_of_three_gives_the_gradient(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["code", f"{FILE}:layer", "--at", f"{FILE}:point"]
    assert main(words) == 2
    assert main([*words, "--vjp", f"{FILE}:layer_vjp", "--grad", f"{FILE}:layer_vjp"]) == 2
    assert capsys.readouterr().err.count("one of --grad, --vjp and --jvp") == 2


@pytest.mark.parametrize("kind", ["vjp", "jvp"])
def test_autograd_gives_no_products(kind: str) -> None:
    with pytest.raises(GradcheckError, match="autograd gives gradients, no products"):
        api.check_program(f"{FILE}:layer", at=f"{FILE}:point", **{kind: "autograd"})


PROGRAM = """
import time
import numpy as np

def outputs(x, /, c=2.0):
    print("heard")
    return np.fft.fft(x).real*c

def vjp(x, /, c, g):
    print("heard")
    return np.fft.fft(g).real*c

def jvp(x, /, c, dx):
    return np.fft.fft(dx).real*c

def jvp_wrong(x, /, c, dx):
    return np.fft.fft(dx).real*c*[1, 1, 2]

calls = []

def sleeps_first(x):
    calls.append(x)
    time.sleep(0.6 if len(calls) == 1 else 0.0)
    return x

def unchanged(x, g):
    return g

def point():
    return {"x": np.array([0.5, -1.0, 2.0]), "c": 2.0}

def short_point():
    return {"x": np.array([0.5, -1.0, 2.0])}
"""


@pytest.fixture
def words(tmp_path: Path) -> Callable[..., list[str]]:
    file = tmp_path / "loud.py"
    file.write_text(PROGRAM)

    def named(function: str, kind: str, product: str, at: str = "point") -> list[str]:
        return ["code", f"{file}:{function}", kind, f"{file}:{product}", "--at", f"{file}:{at}"]

    return named


@pytest.mark.parametrize(("kind", "product", "code"), [
    ("--vjp", "vjp", 0), ("--jvp", "jvp", 0), ("--jvp", "jvp_wrong", 1),
])  # fmt: skip
def test_what_prints_and_takes_arguments_by_place(
    kind: str, product: str, code: int, words: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--wrt", "x", "--format", "json", "--black-box"]
    assert main([*words("outputs", kind, product), *more]) == code
    found = json.loads(capsys.readouterr().out)
    assert ("other tangents than differences have: (the output)[2]" in str(found)) is bool(code)


@pytest.mark.parametrize("kind", ["--vjp", "--jvp"])
def test_the_first_call_has_a_time_limit(
    kind: str, words: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words("sleeps_first", kind, "unchanged", "short_point"), "--seconds", "0.1"]) == 2
    assert "sleeps_first did not return within 0.1 seconds" in capsys.readouterr().err
