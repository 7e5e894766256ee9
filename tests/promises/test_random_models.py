"""Random models: the three methods agree wherever the loss is finite, and nobody is blamed."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from gradcheck_cli import api
from gradcheck_cli.results.gradient_results import Verdict

NAMES = st.sampled_from(["a", "b", "c", "u", "0.5", "2", "3"])
SMOOTH = ("sin", "cos", "tanh", "exp", "sigmoid", "softplus", "erf", "gelu", "atan", "relu", "abs")


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    calls = st.builds("{}({})".format, st.sampled_from(SMOOTH), inner)
    pairs = st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner)
    powers = st.builds("{}^{}".format, inner.map("({})".format), st.sampled_from("23"))
    return st.one_of(calls, pairs, powers)


EXPRESSIONS = st.recursive(NAMES, grown, max_leaves=8)
MODEL = "data u = 0.7\nparam a = 0.3, b = -1.2, c = 1.7\nf = {}\ng = {} + f*a\nloss = g*g + f\n"


# derandomized: a failure is the same on every machine; the seeds of a search are not
@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(EXPRESSIONS, EXPRESSIONS)
def test_the_methods_agree(first: str, second: str) -> None:
    text = MODEL.format(first, second)
    report = api.check(api.load(text), points=2)
    assert report.verdict is not Verdict.WRONG, text
    if report.loss is not None:
        undecided = [e for b in report.parameters for e in b.entries if e.verdict is Verdict.UNRESOLVED]
        assert not undecided, text
