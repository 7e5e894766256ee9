"""The random models of golden.py: the language reads each, and they call what the build has."""

from __future__ import annotations

import contextlib
import io
import re
import sys

import pytest

from gradcheck_cli import load
from gradcheck_cli.cli.main import main
from paths import PROJECT

sys.path.insert(0, str(PROJECT / "benchmarks"))

from random_models import PAIRS, RandomModel, elementwise_functions, function_names

LATER = ("cumsum", "sort", "einsum", "conv1d", "solve", "cholesky", "hypot", "gamma", "one_hot")
FIRST_VERSION = frozenset((
    "sin", "exp", "log", "where", "max", "min", "sum", "mean", "norm", "prod", "softmax", "log_softmax",
    "logsumexp", "diag", "concat", "trace", "det", "inv", "eye", "dot", "outer", "atan2", "sum_rows",
    "mean_rows",
))  # fmt: skip


@pytest.fixture(scope="module")
def listing() -> str:
    """What `gradcheck functions` prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main(["functions"]) == 0
    return out.getvalue()


@pytest.mark.slow
def test_functions_of_one_argument_are_told_from_others(listing: str) -> None:
    found = dict(elementwise_functions(listing))
    assert {"leaky_relu", "normal_quantile", "lgamma"} <= set(found)
    assert not {"xlogy", "clip", "glu", "beta", "sum"} & set(found)


@pytest.mark.slow
def test_each_is_read(listing: str) -> None:
    functions, names = elementwise_functions(listing), function_names(listing)
    texts = ["\n".join(RandomModel(f"{seed}", functions, names).lines) for seed in range(200)]
    for text in texts:
        load(text)
    called = set(re.findall(r"([a-z]\w*)\(", " ".join(texts)))
    assert set(LATER) <= called


def test_a_build_that_lacks_functions_is_not_asked_for_them() -> None:
    functions = [("sin", "all numbers"), ("log", "x > 0")]
    texts = [RandomModel(f"{seed}", functions, FIRST_VERSION).lines for seed in range(40)]
    called = set(re.findall(r"([a-z]\w*)\(", " ".join(line for lines in texts for line in lines)))
    assert called <= FIRST_VERSION | {"abs", "relu", "leaky_relu", "sign", "cbrt", "normal", "uniform"}
    assert not any(line.startswith("data w") for lines in texts for line in lines)
    assert any(form.startswith("hypot") for form in PAIRS)
