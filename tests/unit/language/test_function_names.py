"""Functions that came later give way to the names of a file; those of the first version stay reserved."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.checking.check import check
from gradcheck_cli.checking.options import Options
from gradcheck_cli.common.errors import GradcheckError, LanguageError
from gradcheck_cli.language import read_claims, read_expression, read_model, read_values, show
from gradcheck_cli.language.function_names import RESERVED, is_defined_in
from gradcheck_cli.model.primitives.table import PRIMITIVES, function_names
from gradcheck_cli.results.gradient_results import Verdict

LATER = sorted(function_names() - RESERVED)


def message(text: str) -> LanguageError:
    with pytest.raises(LanguageError) as caught:
        read_model(text)
    return caught.value


def test_the_functions_of_the_first_version_are_reserved() -> None:
    assert function_names() > RESERVED
    assert len(RESERVED) == 61
    for name in RESERVED:
        assert "is reserved" in message(f"param {name} = 1\nloss = {name}").message


@pytest.mark.parametrize("name", LATER)
def test_a_name_of_the_file_hides_a_later_function(name: str) -> None:
    for text in (
        f"param {name} = 0.5\nloss = {name}*sin({name})",
        f"param x = 2\n{name} = x^2\nloss = {name}/2",
        f"data {name}[2] = [1, 2]\nparam x = 2\nloss = x*{name}[1]",
        f"rows {name} = [1, 2]\nparam x = 2\nloss = sum_rows(x*{name})",
        f"{name}^2",
    ):
        model = read_model(text)
        assert name in {*model.inputs, *model.steps}
        assert show(read_model(show(model))) == show(model)


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ("param x = 1\ndata y = 2\nparam gamma = 3\nloss = gamma(x)*y", "a parameter here", 3),
        ("param x = 1\ngamma = x\nloss = gamma(x)", "a step here", 2),
        ("rows gamma = [1, 2]\nparam x = 1\nloss = sum_rows(x*gamma(x))", "a rows name here", 1),
        ("data gamma = 2\nparam x = gamma(3)\nloss = x", "data here", 1),
        ("param x = 1\nloss = gamma[x]\nparam gamma = 3", "", 0),  # an index that is none
    ],
)
def test_a_call_of_what_is_hidden_says_so(text: str, what: str, line: int) -> None:
    error = message(text)
    if not line:
        assert "used before its definition" in error.message
        return
    assert error.message == f'"gamma" is {what}, and hides the function gamma(...)'
    assert "gamma*(...)" in (error.help or "")
    assert "gamma_1" in (error.help or "")
    assert error.place is not None
    assert error.place.width == len("gamma")
    ((said, place),) = error.related
    assert (said, place.line) == ("defined here", line)


def test_a_lone_expression_hides_what_it_does_not_call() -> None:
    assert list(read_model("gamma*x").inputs) == ["gamma", "x"]
    assert list(read_model("gamma(x)*x").inputs) == ["x"]
    assert list(read_model("gamma[x]*x").inputs) == ["x"]
    assert "hides the function" in message("gamma(x)*gamma").message


def test_greek_letters_hide_too() -> None:
    assert list(read_model("param \N{GREEK SMALL LETTER GAMMA} = 2\nloss = gamma^2").inputs) == ["gamma"]
    assert list(read_model("\N{GREEK SMALL LETTER GAMMA}(x)").inputs) == ["x"]


def test_files_of_claims_see_the_names_of_their_model() -> None:
    plain = read_model("param x = 1.5\nloss = lgamma(x)")
    (claim,) = read_claims("claim d loss/d x = digamma(x)", file="c", model=plain)
    assert claim.text == "digamma(x)"
    hiding = read_model("param digamma = 1.5\nloss = lgamma(digamma)", file="m.txt")
    (claim,) = read_claims("claim d loss/d digamma = digamma(digamma)", file="c", model=hiding)
    assert claim.failure is not None
    assert claim.failure.message.startswith('"digamma" is a parameter of m.txt (line 1), and hides')
    (claim,) = read_claims("claim d loss/d digamma = psi(digamma)", file="c", model=hiding)
    assert show(hiding)
    claimed = read_model(f"{show(hiding)}claim d loss/d digamma = psi(digamma)")
    assert "psi(digamma)" in show(claimed)  # the other name, because the first is taken
    assert "digamma(digamma)" not in show(claimed)


def test_a_claim_that_is_a_hidden_name_is_a_formula() -> None:
    report = check(read_model("param gamma = 2\nloss = gamma^2/2\nclaim d loss/d gamma = gamma"), Options())
    assert [c.kind for c in report.claims] == ["formula"]
    assert report.verdict is Verdict.OK


def test_values_of_a_point_are_read_as_in_the_model() -> None:
    model = read_model("param x = 1, gamma = 2\nloss = gamma*x")
    assert read_values("gamma=3", model)[0] == "gamma"
    assert read_values("x=lgamma(3)", model)[1] == pytest.approx(0.6931471805599453)
    with pytest.raises(LanguageError, match="hides the function gamma"):
        read_values("x=gamma(3)", model)
    assert read_values("x=gamma(3)", read_model("param x = 1\nloss = x"))[1] == 2


def test_expressions_of_init_stats_call_them() -> None:
    assert read_expression("z*hard_sigmoid(z)", "z", "--activation").output > 0
    with pytest.raises(GradcheckError):
        read_expression("z*hard_sigmoi(z)", "z", "--activation")


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("tr(x)", "trace"), ("maximum(x, 2)", "max(x, 2)"), ("onehot(x)", "one_hot"), ("conv(x)", ""),
        ("lgama(x)", "lgamma"), ("sigma(x)", "sigmoid"),
        ("linsolve(x, x)", "solve"), ("triu(x)", "tril"), ("erfx(x)", "erf"),
        ("normcdf(x)", "normal_cdf(x)"), ("Phi(x)", "normal_cdf"), ("hardsigmoid_(x)", "hard"),
    ],
)
def test_unknown_functions_are_told_the_nearest_way(text: str, help: str) -> None:
    assert help in (message(f"param x = 1\nloss = {text}").help or "")


def test_a_name_that_nobody_defines_may_mean_a_function() -> None:
    help = message("param x = 1\nloss = gamma*x").help or ""
    assert "param gamma = 1" in help
    assert "gamma(...)" in help


def test_a_function_without_brackets() -> None:
    assert "needs brackets" in message("param x = 1\nloss = gamma x").message
    assert "missing operator" in message("param x = 1\nparam gamma = 2\nloss = gamma x").message
    assert is_defined_in("param a, gamma = 2", "gamma")
    assert not is_defined_in("loss = gamma x", "gamma")


@pytest.mark.parametrize(
    "text",
    ["polygamma(x, x)", "polygamma(1.5, x)", "polygamma(-1, x)", "polygamma(101, x)", "bessel_j(x, 1)",
     "gammainc(x, x)"],
)
def test_orders_are_written_out(text: str) -> None:
    error = message(f"param x = 1\nloss = {text}")
    assert "number that is written out" in error.message
    assert error.place is not None


def test_keywords_may_be_words() -> None:
    for given, stands_for in (("tanh", 1), ("none", 0), ("True", 1), ("1", 1)):
        model = read_model(f"param x = 1\nloss = gelu(x, approximate={given})")
        assert model.node("loss").options["approximate"] == stands_for
    assert read_model("param x = 1\nloss = softshrink(x, lambda=0.2)").node("loss").options == {"lambd": 0.2}
    with pytest.raises(LanguageError):
        read_model("param x = 1\nloss = gelu(x, approximate=sin)")


def test_every_later_name_calls_one_function() -> None:
    names = [n for r in PRIMITIVES.values() if r.infix is None for n in (r.function, *r.aliases)]
    of_any_count = [n for n in names if n.startswith("einsum")][1:]  # one record for each number of arrays
    assert len([n for n in names if n in LATER]) == len(LATER) + len(of_any_count)


def test_the_help_does_not_import_scipy(tmp_path: Path) -> None:
    import subprocess
    import sys

    model = tmp_path / "m.txt"
    model.write_text("param x = 0.5\nloss = exp(x)*sinc(x) + asinh(x) + clip(x, 0, 1)")
    program = (
        "import sys; from gradcheck_cli import api; api.check(api.load(sys.argv[1])); "
        "assert not any(m.split('.')[0] == 'scipy' for m in sys.modules), 'scipy'"
    )
    subprocess.run([sys.executable, "-c", program, str(model)], check=True)
