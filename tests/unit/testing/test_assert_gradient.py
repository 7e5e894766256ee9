"""An assertion for tests: of functions, models and arrays; each right one has a wrong twin."""

from __future__ import annotations

import doctest
import functools
import inspect
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reports
from gradcheck_cli import api, load
from gradcheck_cli.api.gradient_arrays import save_array
from gradcheck_cli.common.errors import GradcheckError, OptionError
from gradcheck_cli.render.registry import render
from gradcheck_cli.results.gradient_results import Report, Verdict
from gradcheck_cli.testing import assert_gradient, assert_report
from gradcheck_cli.tracing.live_functions import program_of

NET = Path(__file__).parents[2] / "programs" / "net.py"
MODEL = "param w[2] = [3, -1]\ndata x = 2\nloss = x*sum(w^2)"


def loss(w: Any, x: float = 2.0) -> Any:
    return x*np.sum(np.tanh(w)**2)


def grad(w: Any, x: float = 2.0) -> Any:
    h = np.tanh(w)
    return 2*x*h*(1 - h**2)


def forgets_tanh(w: Any, x: float = 2.0) -> Any:
    h = np.tanh(w)
    dw = 2*x*h
    return dw


class Scaled:
    """A loss and a gradient of an object."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def loss(self, v: Any) -> Any:
        return self.factor*np.sum(v**2)

    def grad(self, v: Any) -> Any:
        return 2*self.factor*v

    def __call__(self, v: Any) -> Any:
        return self.loss(v)


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def inner(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)

    return inner


W = np.array([0.4, -1.3])


# ---------------------------------------------------------------------------------------------
# Functions
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "gradient", "at"),
    [
        (loss, grad, {"w": W}),
        (loss, grad, (W, 3.0)),
        (wrapped(loss), wrapped(grad), {"w": W}),
        (Scaled(3.0).loss, Scaled(3.0).grad, {"v": W}),
        (Scaled(3.0), lambda v: 6*v, (W,)),
        (loss, [grad], {"w": W}),
        (f"{NET}:newton", f"{NET}:newton_grad", f"{NET}:newton_point"),
    ],
)
def test_a_right_gradient_passes(function: Any, gradient: Any, at: Any) -> None:
    assert assert_gradient(function, gradient, at=at, points=1).verdict is Verdict.OK


def test_a_wrong_gradient_fails_with_the_table_and_its_line() -> None:
    lines, start = inspect.getsourcelines(forgets_tanh)
    line = start + next(k for k, text in enumerate(lines) if "dw =" in text)
    with pytest.raises(AssertionError) as raised:
        assert_gradient(loss, forgets_tanh, at={"w": W}, points=1)
    first, _, table = str(raised.value).partition("\n\n")
    assert first.startswith(f"WRONG: line {line}: leaves out the derivative of tanh ({Path(__file__).name}:")
    assert f"line {line}" in table.partition("YOUR CLAIMS")[2]
    assert re.search("symbolic +backprop +finite diff", table)


@pytest.mark.parametrize(
    ("function", "gradient"),
    [
        (Scaled(3.0).loss, Scaled(2.0).grad), (Scaled(3.0), lambda v: 2*v),
        (wrapped(loss), wrapped(forgets_tanh)),
    ],
)
def test_wrong_twins_of_methods_and_wrapped_functions_fail(function: Any, gradient: Any) -> None:
    with pytest.raises(AssertionError, match="WRONG"):
        assert_gradient(function, gradient, at=(W,), points=1)


def test_what_is_exchanged_while_it_is_traced_is_put_back() -> None:
    before = dict(globals())
    assert_gradient(loss, grad, at=(W,), points=1)
    assert {name: held for name, held in globals().items() if before.get(name) is not held} == {}


def test_what_cannot_be_judged_is_an_error_and_no_failure() -> None:
    with pytest.raises(GradcheckError, match="raised ValueError"):
        assert_gradient(lambda w: np.sum(w @ np.ones(3)), grad, at=(W,))
    with pytest.raises(OptionError, match="needs a value for w"):
        assert_gradient(loss, grad)
    with pytest.raises(TypeError, match="needs the function"):
        assert_gradient(loss, at=(W,))
    typed: dict[str, Any] = {}
    exec("def f(w): return w", typed)
    with pytest.raises(OptionError, match="is not written in a file"):
        assert_gradient(typed["f"], grad, at=(W,))


@pytest.mark.parametrize("function", [len, np.sin, int, functools.partial(loss, x=1.0)])
def test_functions_without_lines_are_refused(function: Any) -> None:
    with pytest.raises(OptionError, match="is not written in a file"):
        program_of(function)


# ---------------------------------------------------------------------------------------------
# Models
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gradient", [{"w": [12, -4]}, {"w": np.float32([12, -4]), "x": 10.0}])
def test_the_right_gradient_of_a_model_passes(gradient: Any) -> None:
    assert {c.verdict for c in assert_gradient(MODEL, gradient, points=1).claims} == {Verdict.OK}


@pytest.mark.parametrize("gradient", [{"w": [12, 4]}, {"w": [12.0001, -4]}, {"w": [[12], [-4], [1]]}])
def test_a_wrong_gradient_of_a_model_fails_at_the_line_of_the_test(gradient: Any) -> None:
    with pytest.raises(AssertionError) as raised:
        assert_gradient(MODEL, gradient, points=1)
    line = raised.traceback[0].lineno + 1
    assert f"line {line}" in str(raised.value)
    assert "claims of " in str(raised.value)
    assert "d loss/d w = as given" in str(raised.value)


def test_a_model_at_another_point() -> None:
    assert_gradient(MODEL, {"w": [4, 8]}, at={"w": [1, 2]}, points=1)
    assert_gradient(MODEL, {"w": [4, 8]}, at="w=[1, 2]", points=1)
    with pytest.raises(AssertionError):
        assert_gradient(MODEL, {"w": [4, 8]}, at={"w": [1, 3]}, points=1)
    with pytest.raises(OptionError, match="no data or parameter 'v'"):
        assert_gradient(MODEL, {"w": [4, 8]}, at={"v": 1})
    with pytest.raises(OptionError, match="shape"):
        assert_gradient(MODEL, {"w": [4, 8]}, at={"w": [1, 2, 3]})


def test_the_claims_of_a_model(tmp_path: Path) -> None:
    path = tmp_path / "m.gradcheck"
    path.write_text("param w = 3\nloss = w^2\nclaim d loss/d w = 2*w\n")
    assert_gradient(path)
    with pytest.raises(AssertionError, match="line 2: is 1/2 times the true value"):
        assert_gradient(load("param w = 3; loss = w^2\nclaim d loss/d w = w"))
    with pytest.raises(OptionError, match="no name 'v'"):
        assert_gradient(path, {"v": 1.0})
    with pytest.raises(TypeError, match="dict of arrays"):
        assert_gradient(path, grad)
    with pytest.raises(OptionError, match="no array of numbers"):
        assert_gradient(path, {"w": "6"})


@pytest.mark.parametrize(
    ("report", "fails"), [(reports.OK, ""), (reports.KINK, "kink"), (reports.WRONG, "wrong unresolved kink")]
)
def test_fail_on_says_which_verdicts_fail(report: Report, fails: str) -> None:
    for word in ("wrong", "unresolved", "kink"):
        if word in fails.split():
            with pytest.raises(AssertionError):
                assert_report(report, fail_on=word)
        else:
            assert_report(report, fail_on=word)


@pytest.mark.parametrize("report", [reports.OK, reports.ERROR])
def test_other_words_to_fail_on_are_refused(report: Report) -> None:
    for word in ("bogus", "ok", "error"):
        with pytest.raises(OptionError, match=f"'{word}'") as caught:
            assert_report(report, fail_on=word)
        assert caught.value.help == "it is one of wrong, unresolved, kink"


def test_all_that_is_named_is_there() -> None:
    names: dict[str, Any] = {}
    exec("from gradcheck_cli.testing import *", names)
    assert names["assert_gradient"] is assert_gradient


def test_the_point_of_a_model_is_not_changed() -> None:
    model = load(MODEL)
    api.at_arrays(model, {"w": [1, 2]})
    assert model.point()["w"].tolist() == [3, -1]


def test_what_is_moved_was_not_drawn() -> None:
    model = load("param w[2], v[2] ~ normal(0, 1)\nloss = sum(w*v)")
    moved = api.at_arrays(model, {"w": [1, 2]})
    assert moved.point()["w"].tolist() == [1, 2]
    assert {name: given.origin for name, given in moved.inputs.items()} == {"w": "given", "v": "drawn"}


@pytest.mark.parametrize(("kind", "words"), [
    ("float16", " as float16"), ("float32", " as float32"), ("float64", ""), ("int32", ""),
])  # fmt: skip
def test_a_saved_array_says_its_format(kind: str, words: str, tmp_path: Path) -> None:
    assert save_array(tmp_path / "3", np.ones(2, kind)) == f'"3.npy"{words}'
    assert np.load(tmp_path / "3.npy").dtype == kind


def test_its_example_is_true() -> None:
    (example,) = doctest.DocTestFinder().find(assert_gradient, globs={})
    assert doctest.DocTestRunner().run(example).failed == 0
    assert example.examples


# ---------------------------------------------------------------------------------------------
# A report as text and in notebooks
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("report", reports.ALL, ids=lambda report: report.model)
def test_a_report_as_text_is_the_table(report: Report) -> None:
    assert str(report) == render([report]).rstrip("\n")


class Tags(HTMLParser):
    """The tags of a page, its attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[tuple[str, str | None]] = set()
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(attrs)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("report", reports.ALL, ids=lambda report: report.model)
def test_in_a_notebook_every_name_is_text(report: Report) -> None:
    from dataclasses import replace

    evil = '"\'><script>alert(1)</script><img src=x onerror=y>&amp;\x1b[31m'
    nasty = replace(
        report, model=evil, notes=(evil,), closing=(evil,), value_note=evil,
        error=report.error and replace(report.error, text=evil),
        parameters=tuple(replace(b, name=evil, where=evil) for b in report.parameters),
        claims=tuple(replace(c, formula=evil, diagnosis=evil, verdict=Verdict.WRONG) for c in report.claims),
    )  # fmt: skip
    page = Tags(nasty._repr_html_())
    assert set(page.tags) <= {"div", "p", "b", "pre", "table", "tr", "th", "td", "br"}
    assert {name for name, _ in page.attributes} <= {"style"}
    assert page.open == []
    assert "alert(1)" in "".join(page.text)
    assert "\x1b" not in "".join(page.text)


def test_a_notebook_shows_the_rows_of_the_table() -> None:
    text = " ".join(Tags(reports.WRONG._repr_html_()).text)
    claim = next(c for c in reports.WRONG.claims if c.verdict is Verdict.WRONG)
    for shown in ("toy_wrong.txt", "symbolic", "finite diff.", "YOUR CLAIMS", str(claim.diagnosis)):
        assert shown in text
