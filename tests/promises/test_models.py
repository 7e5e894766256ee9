"""The models that travel with the package: each is held to what its second line promises."""

from __future__ import annotations

import re
import string
from collections import Counter
from pathlib import Path

import pytest

from build import part_of
from gradcheck_cli import api
from gradcheck_cli.common import example_models
from gradcheck_cli.results.gradient_results import Report, Verdict
from paths import MODELS

FOLDER = MODELS
MODELS = sorted(FOLDER.glob("*.txt"), key=lambda path: path.stem)
PROMISE = re.compile(r"# expect: (ok|wrong at line (\d+)|kink|unresolved)")
WORDS = {
    "ok": Verdict.OK,
    "wrong": Verdict.WRONG,
    "kink": Verdict.KINK,
    "unresolved": Verdict.UNRESOLVED,
}

every_model = pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def reports() -> dict[Path, Report]:
    """Each model is checked once, at first use."""
    return {}


def report_of(path: Path, reports: dict[Path, Report]) -> Report:
    if path not in reports:
        reports[path] = api.check(api.load(path), points=1)
    return reports[path]


def promise(path: Path) -> re.Match[str]:
    found = PROMISE.fullmatch(path.read_text(encoding="ascii").splitlines()[1])
    assert found, f"{path.name}: the second line says what to expect"
    return found


def test_a_model_is_ascii_with_unix_line_ends() -> None:
    for path in MODELS:
        text = path.read_bytes().decode("ascii")
        assert set(text) <= set(string.printable) - set("\r\t\v\f"), path
        assert text.endswith("\n"), path


def test_a_model_opens_with_its_lesson() -> None:
    for path in MODELS:
        first = path.read_text(encoding="ascii").splitlines()[0]
        assert re.fullmatch(r"# [A-Za-z].{20,}", first)
        assert example_models.lesson(path.stem) == first[2:]


@every_model
def test_a_model_keeps_its_promise(path: Path, reports: dict[Path, Report]) -> None:
    keeps(promise(path), report_of(path, reports))


@pytest.mark.slow
@pytest.mark.parametrize("path", part_of(MODELS, 2), ids=lambda path: path.stem)
def test_a_model_keeps_its_promise_with_another_seed(path: Path) -> None:
    """Drawn weights and data are others; where none is, the point of comparison."""
    model = api.load(path, seed=12)
    drawn = " ~ " in path.read_text(encoding="ascii")
    keeps(promise(path), api.check(model, points=1 if drawn else 2))


def keeps(expected: re.Match[str], report: Report) -> None:
    assert report.error is None
    assert report.verdict is WORDS[expected[1].split()[0]], report
    lines = [claim.line for claim in report.claims if claim.verdict is Verdict.WRONG]
    wrong = list(dict.fromkeys(lines))  # a line of a loop is one mistake
    assert wrong == ([int(expected[2])] if expected[2] else [])
    entries = [entry for block in report.parameters for entry in block.entries]
    assert not [entry for entry in entries if "defect" in str(entry.note)]  # no method is blamed


def test_the_lessons_fit_into_a_terminal() -> None:
    width = max(len(name) for name in example_models.names()) + 2
    assert all(width + len(example_models.lesson(name)) <= 80 for name in example_models.names())


def test_the_examples_are_these_models() -> None:
    assert example_models.names() == [path.stem for path in MODELS]


def test_every_kind_of_verdict_is_promised() -> None:
    promised = Counter(promise(path)[1].split()[0] for path in MODELS)
    assert set(promised) == set(WORDS)


def test_every_data_file_belongs_to_a_model() -> None:
    texts = "".join(path.read_text(encoding="ascii") for path in MODELS)
    others = [path.name for path in FOLDER.iterdir() if path.suffix != ".txt"]
    assert others
    assert not [name for name in others if f'from "{name}"' not in texts]


# ---------------------------------------------------------------------------------------------
# What single models are there to show
# ---------------------------------------------------------------------------------------------


def test_the_whole_derivation_of_the_toy_model_is_claimed() -> None:
    report = api.check(api.load(FOLDER / "toy.txt"), require_claims=True)
    assert report.verdict is Verdict.OK
    assert len(report.claims) == 15
    assert all(block.claimed for block in report.parameters)


def test_one_slip_gives_one_wrong_line() -> None:
    right, wrong = ((FOLDER / f"{name}.txt").read_text() for name in ("toy", "toy_wrong_claim"))
    pairs = zip(right.splitlines()[2:], wrong.splitlines()[2:], strict=True)
    changed = [(a, b) for a, b in pairs if a != b]
    assert len(changed) == 1
    assert changed[0][0].replace("-sin", "sin") == changed[0][1]


def test_a_sum_in_place_of_a_mean_is_named() -> None:
    report = api.check(api.load(FOLDER / "logistic_wrong_claim.txt"))
    (wrong,) = [claim for claim in report.claims if claim.verdict is Verdict.WRONG]
    assert wrong.diagnosis == "is 16 (the number of rows) times the true value"
    assert wrong.claimed == pytest.approx(16 * (wrong.true or 0.0), rel=1e-13)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cox_wrong_claim", "misses the factor d"),
        ("markov_wrong_claim", "uses P2 where P2' belongs"),
        ("binomial_wrong_claim", "misses the factor -1/alpha^2, d r/d alpha in line 9"),
        ("student_t_wrong_claim", "is 2 times the true value"),
        ("vae_wrong_claim", "leaves out the path through kl (line 16)"),
    ],
)
def test_the_slip_of_a_statistical_model_is_named(name: str, said: str, reports: dict[Path, Report]) -> None:
    report = report_of(FOLDER / f"{name}.txt", reports)
    wrong = [claim for claim in report.claims if claim.verdict is Verdict.WRONG]
    assert str(wrong[0].diagnosis).split("\n")[0] == said


def test_almost_all_digits_cancel_and_it_is_said() -> None:
    report = api.check(api.load(FOLDER / "cancellation.txt"))
    assert report.verdict is Verdict.OK
    for block in report.parameters:
        (entry,) = block.entries
        assert entry.digits is not None
        assert entry.digits < 6
        assert "high precision" in str(entry.note)


def test_a_kink_shows_both_slopes() -> None:
    report = api.check(api.load(FOLDER / "kink.txt"))
    slopes = {block.name: (e.left, e.right) for block in report.parameters for e in block.entries}
    assert slopes == {
        "b": (pytest.approx(0), pytest.approx(-2)),
        "w": (pytest.approx(0), pytest.approx(-4)),
    }


def test_a_kink_of_the_second_order_is_differentiable() -> None:
    report = api.check(api.load(FOLDER / "x_abs_x.txt"))
    assert report.parameters[0].entries[0].symbolic == 3.0


def test_zeros_are_counted_as_not_tested() -> None:
    report = api.check(api.load(FOLDER / "dead_units.txt"))
    assert (report.coverage.entries, report.coverage.checked, report.coverage.zero) == (6, 0, 6)


def test_the_deep_chain_is_one() -> None:
    model = api.load(FOLDER / "deep_chain.txt")
    assert len(model.steps) >= 50


def test_the_rows_of_the_toy_model_add_up() -> None:
    """A row alone, as `toy.txt` at its x and y; the sum over rows is the gradient of toy_rows."""
    rows = api.load(FOLDER / "toy_rows.txt")
    together = {b.name: b.entries[0].backprop for b in api.check(rows, points=1).parameters}
    one = api.load(FOLDER / "toy.txt")
    added = dict.fromkeys(together, 0.0)
    data = zip(rows.inputs["x"].values, rows.inputs["y"].values, strict=True)
    for x, y in data:
        report = api.check(one.at({"x": x, "y": y}), points=1, claims=())
        for block in report.parameters:
            added[block.name] += block.entries[0].backprop or 0.0
    assert together == {name: pytest.approx(value, rel=1e-12) for name, value in added.items()}
