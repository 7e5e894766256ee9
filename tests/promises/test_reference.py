"""Numbers that others computed: a toy model and a network in 30 digits, and NIST's regression problems.

The reference lies beside the checkout, not in it; without it these tests are skipped.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from build import one_of
from gradcheck_cli import api
from gradcheck_cli.cli.main import main
from gradcheck_cli.derivatives import backprop
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.model.model import Model
from gradcheck_cli.results.gradient_results import Report, Verdict
from paths import PROJECT

REFERENCE = PROJECT.parent / "shared" / "reference"

pytestmark = pytest.mark.skipif(
    not (REFERENCE / "udl.json").is_file(), reason="the reference numbers are not beside the checkout"
)


def reference(name: str) -> Any:
    """A part of udl.json."""
    return json.loads((REFERENCE / "udl.json").read_text(encoding="utf-8"))[name]


def command(*arguments: str, code: int = 0) -> Any:
    """What `gradcheck ... --format json` writes."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.chdir(PROJECT):
        ended = main([*arguments, "--format", "json"])
        out.flush()
        err.flush()
    written, said = (stream.detach().getvalue() for stream in (out, err))
    assert (ended, said) == (code, b"")
    return json.loads(written.decode("utf-8"))


# ---------------------------------------------------------------------------------------------
# The toy model: 23 values
# ---------------------------------------------------------------------------------------------

TOY = PROJECT / "models" / "toy.txt"
CLOSE = 1e-12  # relative


def ours(name: str) -> str:
    """The reference's name of a value as it is in models/toy.txt."""
    return name.replace("beta", "b").replace("omega", "w")


def toy_values() -> dict[str, dict[str, float]]:
    """The 23 values in three lists: forward pass, backward passes #1 and #2."""
    point = reference("toy_7_1")["float64_point"]
    lists = {
        "forward": point["forward"],
        "backward_steps": point["backward_intermediates"],
        "backward_parameters": point["backward_parameters"],
    }
    return {
        title: {
            ours(name.removeprefix("dl_d")): float(text)
            for name, text in values.items()
            if name != "dl_dx"
        }
        for title, values in lists.items()
    }


def test_there_are_23_values() -> None:
    assert [len(values) for values in toy_values().values()] == [8, 7, 8]


def test_all_values_in_explain() -> None:
    found = api.explain(api.load(TOY))
    for title, values in toy_values().items():
        steps = {step.name: step.value for step in getattr(found, title)}
        assert steps == {name: pytest.approx(value, rel=CLOSE) for name, value in values.items()}


def test_the_lists_are_in_the_order_of_the_book() -> None:
    found = api.explain(api.load(TOY))
    assert [s.name for s in found.forward] == ["f0", "h1", "f1", "h2", "f2", "h3", "f3", "loss"]
    assert [s.name for s in found.backward_steps] == ["f3", "h3", "f2", "h2", "f1", "h1", "f0"]


@pytest.mark.slow
def test_all_values_in_explain_as_json() -> None:
    found = command("explain", str(TOY))
    for title, values in toy_values().items():
        steps = {step["name"]: step["value"] for step in found[title]}
        assert steps == {name: pytest.approx(value, rel=CLOSE) for name, value in values.items()}


@pytest.mark.slow
@pytest.mark.parametrize("method", ["symbolic", "backprop"])
def test_all_parameters_in_run_as_json(method: str) -> None:
    (report,) = command("run", str(TOY))["reports"]
    assert report["verdict"] == "ok"
    assert report["loss"] == pytest.approx(toy_values()["forward"]["loss"], rel=CLOSE)
    found = {p["name"]: p["entries"][0][method] for p in report["parameters"]}
    expected = toy_values()["backward_parameters"]
    assert found == {name: pytest.approx(value, rel=CLOSE) for name, value in expected.items()}


@pytest.mark.slow
def test_all_intermediates_are_the_true_values_of_claims() -> None:
    (report,) = command("run", str(TOY))["reports"]
    found = {claim["by"]: claim["true"] for claim in report["claims"] if claim["of"] == "loss"}
    values = toy_values()
    expected = values["backward_steps"] | values["backward_parameters"]
    assert found == {name: pytest.approx(value, rel=CLOSE) for name, value in expected.items()}


def test_finite_differences_lie_within_their_own_bound() -> None:
    report = api.check(api.load(TOY))
    for block in report.parameters:
        (entry,) = block.entries
        true = toy_values()["backward_parameters"][block.name]
        assert entry.finite is not None
        assert entry.bound is not None
        rounding = 2e-14 * abs(true)  # of the forward pass, which is what was differenced
        assert abs(entry.finite - true) <= entry.bound + rounding
        assert entry.bound <= 1e-9 * abs(true)


def test_by_data() -> None:
    true = float(reference("toy_7_1")["float64_point"]["backward_parameters"]["dl_dx"])
    report = api.check(api.load(TOY), wrt=["x"])
    (entry,) = report.parameters[0].entries
    assert entry.backprop == pytest.approx(true, rel=CLOSE)
    assert entry.symbolic == pytest.approx(true, rel=CLOSE)


# ---------------------------------------------------------------------------------------------
# The chapter's closed formula, right and wrong
# ---------------------------------------------------------------------------------------------

CLOSED = (
    "-2*(f3 - y) * w1*w2*w3 * x * cos[b0 + w0*x] * exp[b1 + w1*sin[b0 + w0*x]]"
    " * sin[b2 + w2*exp[b1 + w1*sin[b0 + w0*x]]]"
)
TWINS = {
    "the minus sign lost": CLOSED.removeprefix("-"),
    "cos and sin exchanged": CLOSED.replace("* cos[b0 + w0*x]", "* sin[b0 + w0*x]").replace(
        "* sin[b2", "* cos[b2"
    ),
    "without the x": CLOSED.replace(" * x * ", " * "),
}


def with_claim(right_side: str) -> str:
    """models/toy.txt with one claim only."""
    lines = TOY.read_text(encoding="ascii").splitlines()
    kept = [line for line in lines if not line.startswith("claim")]
    return "\n".join([*kept, f"claim d loss/d w0 = {right_side}", ""])


def test_the_closed_formula_is_right() -> None:
    report = api.check(api.load(with_claim(CLOSED)))
    assert report.verdict is Verdict.OK
    assert report.claims[0].true == pytest.approx(toy_values()["backward_parameters"]["w0"], rel=CLOSE)


@pytest.mark.parametrize("twin", TWINS)
def test_a_wrong_twin_is_wrong(twin: str) -> None:
    assert TWINS[twin] != CLOSED
    report = api.check(api.load(with_claim(TWINS[twin])))
    assert (report.verdict, report.exit_code) == (Verdict.WRONG, 1)
    (claim,) = report.claims
    assert claim.verdict is Verdict.WRONG
    assert claim.points_wrong == claim.points_total == 4
    assert all(block.verdict is Verdict.OK for block in report.parameters)


@pytest.mark.slow
@pytest.mark.parametrize(("right_side", "code"), [(CLOSED, 0), *((t, 1) for t in TWINS.values())])
def test_the_closed_formula_on_the_command_line(right_side: str, code: int, tmp_path: Path) -> None:
    path = tmp_path / "closed.txt"
    path.write_text(with_claim(right_side), encoding="ascii")
    found = command("run", str(path), code=code)
    assert found["verdict"] == ("WRONG" if code else "ok")


# ---------------------------------------------------------------------------------------------
# The network: 187 gradients
# ---------------------------------------------------------------------------------------------

NETWORK = """
data  h0[1] = [1.2], y[1] = [20]
param W0, W1, W2, W3, W4, W5 from "weights.npz"
param b0, b1, b2, b3, b4, b5 from "weights.npz"

f0 = b0 + W0 @ h0
h1 = relu(f0);  f1 = b1 + W1 @ h1
h2 = relu(f1);  f2 = b2 + W2 @ h2
h3 = relu(f2);  f3 = b3 + W3 @ h3
h4 = relu(f3);  f4 = b4 + W4 @ h4
h5 = relu(f4);  f5 = b5 + W5 @ h5
loss = sum((f5 - y)^2)
"""


def backward_pass() -> dict[str, str]:
    """The whole backward pass as matrix formulas: what is differentiated by, and the right side."""
    found = {"f5": "2*(f5 - y)"}
    for k in range(5, -1, -1):
        found[f"b{k}"] = f"d loss/d f{k}"
        found[f"W{k}"] = f"d loss/d f{k} @ h{k}'"
        found[f"h{k}"] = f"W{k}' @ d loss/d f{k}"
        if k:
            found[f"f{k - 1}"] = f"(f{k - 1} > 0) * d loss/d h{k}"
    return found


def wrong_backward_passes() -> dict[str, dict[str, str]]:
    """The same with one kind of mistake in every line where it can be made."""
    inner, layers = range(1, 5), range(5)
    return {
        "weights not transposed": {f"h{k}": f"W{k} @ d loss/d f{k}" for k in inner},
        "row times column": {f"W{k}": f"h{k} @ d loss/d f{k}'" for k in range(6)},
        "before the activation": {f"W{k + 1}": f"d loss/d f{k + 1} @ f{k}'" for k in layers},
        "of the layer below": {f"W{k + 1}": f"d loss/d f{k + 1} @ h{k}'" for k in inner},
        "no indicator": {f"f{k}": f"d loss/d h{k + 1}" for k in layers},
        "indicator of another layer": {f"f{k}": f"(f{k + 1} > 0) * d loss/d h{k + 1}" for k in range(4)},
        "value for indicator": {f"f{k}": f"h{k + 1} * d loss/d h{k + 1}" for k in layers},
        "by the activations": {f"b{k}": f"d loss/d h{k + 1}" for k in layers},
        "without the 2": {"f5": "f5 - y"},
    }


def claims_of(right_sides: dict[str, str]) -> str:
    return "".join(f"claim d loss/d {by} = {side}\n" for by, side in right_sides.items())


def claimed(right_sides: dict[str, str]) -> str:
    return NETWORK + claims_of(right_sides)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network's model file beside its weights."""
    folder = tmp_path_factory.mktemp("network")
    known = reference("network_7_2")
    arrays = {f"W{k}": np.array(values) for k, values in enumerate(known["weights"])}
    arrays |= {f"b{k}": np.array(values)[:, 0] for k, values in enumerate(known["biases"])}
    np.savez(folder / "weights.npz", **arrays)
    path = folder / "network.txt"
    path.write_text(claimed(backward_pass()), encoding="ascii")
    return path


@pytest.fixture(scope="module")
def network_report(network: Path) -> Report:
    return api.check(api.load(network))


def gradients() -> dict[str, np.ndarray[Any, Any]]:
    """The 187 gradients, by name and in the shapes of the model."""
    return {name: value for name, value in adjoints().items() if name[0] in "Wb"}


def adjoints() -> dict[str, np.ndarray[Any, Any]]:
    """All derivatives of the loss that the reference has, by name; columns are vectors here."""
    exact = reference("network_7_2")["exact"]
    lists = {"W": "dl_dweights", "b": "dl_dbiases", "f": "dl_df", "h": "dl_dh"}
    return {
        f"{letter}{k}": np.array(value, dtype=float)[:, ... if letter == "W" else 0]
        for letter, title in lists.items()
        for k, value in enumerate(exact[title])
    }


def test_the_network_has_187_parameters_and_the_value_of_the_reference(network: Path) -> None:
    known = reference("network_7_2")
    model = api.load(network)
    assert sum(p.values.size for p in model.parameters()) == known["n_parameters"] == 187
    tape = forward_pass(model)
    assert tape.value("f5") == pytest.approx([float(known["exact"]["network_output"])], rel=1e-13)
    assert tape.loss == pytest.approx(float(known["exact"]["loss"]), rel=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["symbolic", "backprop", "finite"])
def test_each_method_finds_all_gradients(method: str, network_report: Report) -> None:
    assert network_report.verdict is Verdict.OK
    true = gradients()
    count = 0
    for block in network_report.parameters:
        for entry in block.entries:
            expected = true[block.name][entry.index]
            assert abs(getattr(entry, method) - expected) <= 1e-11 * abs(expected)
            count += 1
    assert count == 187


def test_zeros_are_reported_as_not_tested(network_report: Report) -> None:
    known = reference("network_7_2")["zero_gradient_entries"]
    at_the_point = sum(known["weights"]) + sum(known["biases"])
    assert at_the_point == 133
    coverage = network_report.coverage
    assert (coverage.entries, coverage.checked, coverage.zero) == (187, 187 - 133, 133)
    assert "133 entries are zero in all columns: NOT tested" in " ".join(
        network_report.closing
    )


def test_the_whole_backward_pass_is_ok_and_shows_the_numbers_of_the_reference(
    network_report: Report,
) -> None:
    true = adjoints()
    assert {claim.by for claim in network_report.claims} == set(true)
    assert len(true) == 4 * 6  # W, b, f and h of six layers
    for claim in network_report.claims:
        assert (claim.verdict, claim.points_total, claim.note) == (Verdict.OK, 4, None)
        # both are 50 digits rounded once; the reference has 30, of the same doubles
        expected = pytest.approx(true[claim.by][claim.index], rel=1e-15)
        assert claim.true == expected
        assert claim.claimed == expected


def test_every_adjoint_of_the_network_in_explain(network: Path) -> None:
    found = api.explain(api.load(network))
    steps = {step.name: step.value for step in (*found.backward_steps, *found.backward_parameters)}
    true = adjoints()
    assert set(steps) == set(true) - {"h0"}  # which is data
    for name, value in steps.items():
        # relative to the largest: an entry may be what is left of a sum of six products
        assert np.max(np.abs(np.array(value) - true[name])) <= 1e-14 * np.max(np.abs(true[name]))


@pytest.fixture(scope="module")
def wrong_lines(network: Path) -> Report:
    """The right backward pass, and below it the lines of all wrong ones."""
    wrong = "".join(claims_of(changed) for changed in wrong_backward_passes().values())
    path = network.with_name("twin.txt")
    path.write_text(claimed(backward_pass()) + wrong, encoding="ascii")
    return api.check(api.load(path))


@pytest.mark.slow
@pytest.mark.parametrize("kind", wrong_backward_passes())
def test_a_wrong_backward_pass_is_wrong_in_every_line(kind: str, wrong_lines: Report) -> None:
    changed = wrong_backward_passes()[kind]
    assert all(backward_pass()[by] != side for by, side in changed.items())
    found = {(claim.by, claim.formula): claim.verdict for claim in wrong_lines.claims}
    assert {found[line] for line in changed.items()} == {Verdict.WRONG}
    assert {found[line] for line in backward_pass().items()} == {Verdict.OK}
    assert wrong_lines.exit_code == 1


@pytest.mark.slow
def test_the_network_on_the_command_line(network: Path) -> None:
    found = command("run", str(network))
    (report,) = found["reports"]
    counts = {"entries": 187, "checked": 54, "zero": 133, "one_by_one": 54, "unseen": 0.0}
    assert report["coverage"] == counts
    assert [claim["verdict"] for claim in report["claims"]] == ["ok"] * 24


# ---------------------------------------------------------------------------------------------
# NIST's problems of nonlinear regression
# ---------------------------------------------------------------------------------------------

NIST = REFERENCE / "nist"
NAMES = ("Misra1a", "Chwirut2", "Lanczos3", "Gauss1", "MGH17", "Thurber", "Nelson")

GAUSS1_SECOND_PEAK = " + b6*exp( -(x-b7)**2 / b8**2 )"  # NIST's second line, lost in problems.json

every_problem = pytest.mark.parametrize("problem", NAMES)


def problems() -> Any:
    """The problems by name."""
    return json.loads((NIST / "problems.json").read_text(encoding="utf-8"))["problems"]


def nist_model(problem: str, which: str, folder: Path) -> Model:
    """A problem as a model file beside its data, at "certified", "start1" or "start2"."""
    known = problems()[problem]
    shutil.copy(NIST / known["csv"], folder)
    published = " ".join(known["model_as_published"]).replace("+  e", "")
    if problem == "Gauss1" and "b8" not in published:
        published += GAUSS1_SECOND_PEAK
    left, _, right = published.partition("=")
    header = (folder / known["csv"]).read_text(encoding="ascii").splitlines()[0]
    values = ", ".join(f"{name} = {p[which]}" for name, p in known["parameters"].items())
    path = folder / f"{problem}.txt"
    path.write_text(
        f'rows {header} from "{known["csv"]}"\n'
        f"param {values}\n"
        f"f = {right.strip()}\n"
        f"r = {left.strip()} - f\n"
        "loss = sum_rows(r^2)\n",
        encoding="ascii",
    )
    return api.load(path)


def last_digit(text: str) -> float:
    """Half a unit of the last digit of a certified value, such as 2.3894212918E+02."""
    mantissa, _, exponent = text.partition("E")
    return float(0.5 * 10.0 ** (int(exponent) - len(mantissa.partition(".")[2])))


@every_problem
def test_at_the_certified_values_the_loss_is_the_certified_one(problem: str, tmp_path: Path) -> None:
    report = api.check(nist_model(problem, "certified", tmp_path), points=1)
    assert report.verdict is Verdict.OK
    assert report.loss == pytest.approx(float(problems()[problem]["certified_rss"]), rel=1e-9)
    assert report.coverage.checked == report.coverage.entries


@every_problem
def test_at_the_certified_values_the_gradient_is_zero_to_the_digits_published(
    problem: str, tmp_path: Path
) -> None:
    """d loss/d b_i = -2 sum of r df/db_i, and r = y - f: each entry is what is left of its terms.

    The true minimum is within half a unit of the eleventh digit of each certified value, so an entry
    may be as large as sum_j |d2 loss/d b_i d b_j| times those halves, and no larger. That is below
    1e-10 of the sum of the terms' absolute values, y and f counted apart, except for Thurber: its
    denominator is down to 4 % of its terms at one end, and eleven digits permit 4e-9.

    The sum of |r df/db_i| alone would be too small a measure: at Lanczos3's certified minimum, where
    the loss is 1.6e-8, r itself is a difference in which five digits are gone.
    """
    model = nist_model(problem, "certified", tmp_path)
    tape, names = forward_pass(model), [p.name for p in model.parameters()]
    slopes = backprop.derivative(model, tape, "f", names)
    jacobian = np.stack([slopes[name] for name in names], axis=1)
    gradient = np.array([backprop.derivative(model, tape, "loss", [n])[n] for n in names])

    certified = problems()[problem]["parameters"]
    halves = np.array([last_digit(certified[name]["certified"]) for name in names])
    permitted = 2 * np.abs(jacobian.T @ jacobian) @ halves  # Gauss and Newton: r is nearly 0
    assert (np.abs(gradient) <= permitted).all()

    size = np.abs(tape.value("r") + tape.value("f")) + np.abs(tape.value("f"))
    terms = 2 * np.abs(jacobian).T @ size
    assert (np.abs(gradient) <= (4e-9 if problem == "Thurber" else 1e-10) * terms).all()


@every_problem
@pytest.mark.parametrize("start", one_of(3, ["start1", "start2"]))
def test_at_the_starting_points_the_methods_agree(
    problem: str, start: str, tmp_path: Path
) -> None:
    report = api.check(nist_model(problem, start, tmp_path), points=2)
    assert report.verdict is Verdict.OK
    assert report.coverage.checked == report.coverage.entries
    entries = [entry for block in report.parameters for entry in block.entries if entry.point == 0]
    for entry in entries:  # fewer digits only where float64 differences can see no more
        assert entry.digits is not None
        assert entry.digits >= 6 or "high precision" in str(entry.note)
        assert entry.symbolic == pytest.approx(entry.backprop, rel=1e-10)  # sums of up to 250 rows
