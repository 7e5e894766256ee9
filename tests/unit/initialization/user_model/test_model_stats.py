"""Weights and sizes of a user's own model: numbers against plain numpy, depths read off by hand, planted
mistakes that must be named, and right initializers that must not be accused."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.initialization.user_model.model_stats import model_stats
from gradcheck_cli.language import read_model
from gradcheck_cli.model.initializers import INITIALIZERS, unit_truncated
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.student_t import interval, student_t
from gradcheck_cli.results.initialization_results import InitReport, MatrixStats, Outcome, Series
from paths import MODELS

NETWORK = MODELS / "network.txt"


def drawn(text: str, count: int, first: int = 0) -> list[Model]:
    return [read_model(text, seed=seed) for seed in range(first, first + count)]


def stats(text: str, count: int = 1, **options: object) -> InitReport:
    return model_stats(drawn(text, count), **options)  # type: ignore[arg-type]


def deep(depth: int, width: int, how: str, activation: str = "relu") -> str:
    """f_k = W_k h_k, h_{k+1} = a(f_k), `depth` matrices behind one another."""
    lines = [f"data x[{width}] ~ normal(0, 1)"]
    lines += [f"param W{k}[{width},{width}] {how}" for k in range(depth)]
    for k in range(depth):
        lines += [f"f{k} = W{k} @ {f'h{k}' if k else 'x'}", f"h{k + 1} = {activation}(f{k})"]
    return "\n".join([*lines, f"loss = sum(f{depth - 1}^2)"])


def named(series: Series) -> dict[str, float]:
    return {at.name or "": math.nan if at.median is None else at.median for at in series.layers}


def depths(text: str) -> dict[str, int]:
    return {layer.name or "": layer.k for layer in stats(text).series[0].layers}


# ---------------------------------------------------------------------------------------------
# Sizes of steps and of gradients
# ---------------------------------------------------------------------------------------------


def by_hand(model: Model) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The forward pass and both gradients of models/network.txt, line by line."""
    p = {name: item.values for name, item in model.inputs.items()}
    f0 = p["b0"] + p["W0"] @ p["x"]
    h1 = np.maximum(f0, 0)
    f1 = p["b1"] + p["W1"] @ h1
    h2 = np.maximum(f1, 0)
    f2 = p["b2"] + p["W2"] @ h2
    df2 = 2 * (f2 - p["y"])
    dh2 = p["W2"].T @ df2
    df1 = (f1 > 0) * dh2
    dh1 = p["W1"].T @ df1
    df0 = (f0 > 0) * dh1
    names = ("f0", "h1", "f1", "h2", "f2")
    forward = dict(zip(names, (f0, h1, f1, h2, f2), strict=True))
    return forward, dict(zip(names, (df0, dh1, df1, dh2, df2), strict=True))


STATISTICS: dict[str, Callable[[np.ndarray], float]] = {
    "var": np.var,
    "ms": lambda v: float(np.mean(v**2)),
    "std": np.std,
}


@pytest.mark.parametrize("stat", STATISTICS)
def test_one_draw_has_the_numbers_of_numpy(stat: str) -> None:
    model = read_model(NETWORK.read_text(encoding="utf-8"))
    report = model_stats([model], stat=stat)
    for series, values in zip(report.series, by_hand(model), strict=True):
        found = named(series)
        assert list(found) == list(values)
        for name, value in values.items():
            # a mean of four numbers and a logarithm: a few units in the last place
            assert found[name] == pytest.approx(math.log10(STATISTICS[stat](value)), abs=1e-13)
        assert all(layer.low is None and layer.high is None for layer in series.layers)
        assert series.slope_ci is None
        assert series.networks == 1
    assert [s.quantity for s in report.series] == ["h", "dh"]
    assert [s.direction for s in report.series] == ["forward", "backward"]


def test_several_draws_have_medians_and_intervals_over_those_that_live() -> None:
    models = drawn(NETWORK.read_text(encoding="utf-8"), 25)
    report = model_stats(models, level=0.8)
    for position, series in enumerate(report.series):
        values = [by_hand(model)[position] for model in models]
        with np.errstate(divide="ignore"):
            logs = {name: np.log10([np.var(v[name]) for v in values]) for name in values[0]}
        end = "f2" if position == 0 else "f0"
        dead = np.array([not v[end].any() for v in values])
        assert series.dead == dead.sum()
        assert series.networks == 25 - dead.sum()
        for layer in series.layers:
            known = logs[layer.name or ""][np.isfinite(logs[layer.name or ""])]
            assert layer.median == pytest.approx(float(np.median(known)), abs=1e-12)
            assert (layer.low, layer.high) == pytest.approx(interval(known, 0.8), abs=1e-12)
        rows = np.array([logs["f0"], logs["f1"], logs["f2"]])[:, ~dead].T
        rows = rows[np.isfinite(rows).all(axis=1)]
        slopes = np.polyfit([1, 2, 3], rows.T, 1)[0] * (1 if position == 0 else -1)
        assert series.slope == pytest.approx(slopes.mean(), abs=1e-12)
        half = student_t(0.8, len(slopes) - 1) * slopes.std(ddof=1) / math.sqrt(len(slopes))
        assert series.slope_ci == pytest.approx(half, rel=1e-10)


def test_rows_and_entries_count_together() -> None:
    rng = np.random.default_rng(1)
    x, w, v = rng.standard_normal((30, 3)), rng.standard_normal((4, 3)), rng.standard_normal((2, 4))
    columns = ", ".join(f"x{k}" for k in range(3))
    values = "; ".join(f"rows x{k} = [{', '.join(map(repr, x[:, k].tolist()))}]" for k in range(3))
    text = f"{values}\nparam W[4,3] ~ he, V[2,4] ~ he\nf = W @ [{columns}]\nh = tanh(f)\ng = V @ h\n"
    report = model_stats([read_model(text + "loss = mean_rows(sum(g^2))").at({"W": w, "V": v})])
    f = x @ w.T
    g = np.tanh(f) @ v.T
    dg = 2 * g / 30
    df = dg @ v * (1 - np.tanh(f) ** 2)
    assert named(report.series[0])["g"] == pytest.approx(math.log10(np.var(g)), abs=1e-12)
    assert named(report.series[1])["f"] == pytest.approx(math.log10(np.var(df)), abs=1e-12)
    assert any("all 30 rows together" in note for note in report.notes)


def test_nothing_overflows_in_between() -> None:
    text = "data x[3] = [1, -2, 0.5]\nparam W[4,3] ~ normal(0, 1)\nf = W @ x\nloss = sum(f)"
    model = read_model(text)
    large = model.at({"W": 1e200 * model.inputs["W"].values})
    for one in (model_stats([large]), model_stats([large], stat="ms")):
        plain = model_stats([model], stat="var" if one.config["stat"] == "var" else "ms")
        (found,), (base,) = one.series[0].layers, plain.series[0].layers
        assert found.median == pytest.approx((base.median or 0) + 400, abs=1e-10)  # of 400
    assert named(stats(text).series[1])["f"] == -math.inf  # d loss/d f is 1 everywhere
    assert named(stats(text, stat="ms").series[1])["f"] == 0


@pytest.mark.slow
def test_the_standard_deviation_is_half_the_variance_and_gets_the_same_verdict() -> None:
    for how in ("~ he", "~ normal(0, 0.08)", "~ normal(0, 0.2)"):  # the last: 2 decades, 1 of std
        models = drawn(deep(8, 30, how), 20)
        of_variance, of_std = model_stats(models), model_stats(models, stat="std")
        for one, other in zip(of_variance.series, of_std.series, strict=True):
            assert other.slope == pytest.approx((one.slope or 0) / 2, abs=1e-12)
            assert one.verdict is other.verdict


def test_slopes_begin_behind_the_first_matrix() -> None:
    """One point for each depth: what is done to the data, and what follows a layer, bends no line."""
    plain = stats(deep(5, 30, "~ he"), 5)
    text = deep(5, 30, "~ he").replace("f0 = W0 @ x", "z = x*1e-6; f0 = W0 @ (z*1e6); e = f0*1e3")
    beside = stats(text.replace("f1 = W1 @ h1", "f1 = W1 @ h1 + 0*e"), 5)
    assert {"z", "e"} <= set(named(beside.series[0]))
    for one, other in zip(plain.series, beside.series, strict=True):
        assert other.slope == pytest.approx(one.slope, rel=1e-9)
        assert other.verdict is one.verdict


# ---------------------------------------------------------------------------------------------
# Which steps, and how deep they lie
# ---------------------------------------------------------------------------------------------

HEAD = "data x[3] = [0.5, -1.2, 0.3]\nparam V[4,3] ~ he, W[4,4] ~ he, U[4,4] ~ he, b[4] ~ normal(0, 1)\n"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("f = V @ x; h = relu(f); g = W @ h; loss = sum(g^2)", {"f": 1, "h": 1, "g": 2}),
        ("h = tanh(V @ x); s = h + W @ tanh(U @ h); t = s + h; loss = sum(t)", {"h": 1, "s": 3, "t": 3}),
        ("a = V @ x; s = U @ (W @ a); t = a + s; u = a*2; loss = sum(t*u)", {"a": 1, "s": 3, "t": 3, "u": 1}),
        ("z = x/2; f = V @ z; loss = sum(f^2)", {"z": 0, "f": 1}),
        ("f = (W @ V) @ x; loss = sum(f^2)", {"f": 2}),
        ("A = W @ V; f = A @ x; loss = sum(f^2)", {"f": 2}),
        ("f = V @ x; g = W @ W @ f; loss = sum(g^2)", {"f": 1, "g": 3}),
        ("f = V @ x; g = W'/2 @ f; loss = sum(g^2)", {"f": 1, "g": 2}),
        ("A = W @ U @ V; f = A @ x; g = W @ f; h = f + g; loss = sum(h^2)", {"f": 3, "g": 4, "h": 4}),
        ("u = V' @ (V @ x); loss = sum(u^2)", {"u": 2}),
        ("q = V @ x; k = q*b; S = outer(q, k); o = S @ k; loss = sum(o)", {"q": 1, "k": 1, "S": 1, "o": 1}),
        ("f = V @ x + b; c = b^2; loss = sum(f^2) + sum(c)", {"f": 1}),
    ],
)
def test_a_step_lies_as_deep_as_the_matrices_on_the_longest_path(
    steps: str, expected: dict[str, int]
) -> None:
    assert depths(HEAD + steps) == expected


def test_what_is_left_out_is_said() -> None:
    text = (
        "f = V @ x; s = sum(f); h = f*s; unused = W @ h; Wt = W'; g = Wt @ h; p = f[0]; loss = sum(g)*p"
    )
    report = stats(HEAD + text)
    assert [layer.name for layer in report.series[0].layers] == ["f", "h", "g"]
    assert "left out, single numbers: s, p" in report.notes
    assert "left out, made of parameters only: Wt" in report.notes
    assert "left out, not on the way to the loss: unused" in report.notes
    short = stats(HEAD + "f = V @ x; loss = sum(f^2)")
    assert not [note for note in short.notes if "left out" in note]


def test_many_names_are_cut() -> None:
    text = HEAD + "".join(f"s{k} = sum(x)*{k + 1}\n" for k in range(20)) + "f = V @ x*s0\nloss = sum(f)"
    (note,) = [n for n in stats(text).notes if "not on the way" in n]
    assert note.endswith("s6 and 13 more")


def test_names_are_shown_as_their_author_wrote_them() -> None:
    text = "data x[3] = [1, 2, 3]\nparam \u03a9[4,3] ~ he\n\u03c6 = \u03a9 @ x\nloss = sum(\u03c6^2)"
    report = stats(text)
    assert report.matrices[0].name == "\u03a9"
    assert report.series[0].layers[0].name == "\u03c6"


def test_a_model_without_data_has_layers_too() -> None:
    """Everything is a parameter: the input is the matrix that is multiplied first."""
    text = "param X[3,8] ~ normal(0, 1), W[4,3] ~ he, B[4,8] = 0\nF = B + W @ X\nloss = sum(F^2)"
    assert depths(text) == {"F": 1}


# ---------------------------------------------------------------------------------------------
# How a matrix enters its product
# ---------------------------------------------------------------------------------------------

BATCH = "data X[6,40] ~ normal(0, 1), M[50,40] ~ normal(0, 1)\n"


def matrix(text: str, count: int = 1, at: dict[str, np.ndarray] | None = None) -> MatrixStats:
    models = [model.at(at or {}) for model in drawn(text, count)]
    return model_stats(models).matrices[0]


@pytest.mark.parametrize(
    ("declared", "product", "fan_in", "fan_out"),
    [
        ("W[50,40]", "X @ W'", 40, 50),
        ("W[40,50]", "X @ W", 40, 50),
        ("W[50,40]", "W @ X'", 40, 50),
        ("W[40,50]", "W' @ X'", 40, 50),
        ("W[40,50]", "(-W)' @ X'", 40, 50),
        ("W[50,40]", "(X @ W') @ W", 40, 50),  # where it is first used
    ],
)
def test_the_fans_are_those_of_the_product(declared: str, product: str, fan_in: int, fan_out: int) -> None:
    found = matrix(f"{BATCH}param {declared} ~ normal(0, 1)\nF = {product}\nloss = sum(F^2)")
    assert found.ratios["lecun"] == pytest.approx(found.variance * fan_in, rel=1e-12)
    assert found.ratios["he"] == pytest.approx(found.variance * fan_in / 2, rel=1e-12)
    assert found.ratios["glorot"] == pytest.approx(found.variance * (fan_in + fan_out) / 2, rel=1e-12)
    assert found.ratios["torch-default"] == pytest.approx(found.variance * fan_in * 3, rel=1e-12)


def test_he_of_the_last_axis_is_wrong_where_the_first_is_summed_over() -> None:
    """`~ he` takes the last axis for fan_in, as for W @ x."""
    text = "data X[6,300] ~ normal(0, 1)\nparam W[300,100] ~ he\nF = X @ W\nloss = sum(F^2)"
    report = stats(text)
    assert report.matrices[0].remark == "looks like He with fan_out in the place of fan_in"
    assert any("the first axis of W" in note for note in report.notes)
    right = stats(text.replace("W[300,100]", "W[100,300]").replace("X @ W", "X @ W'"))
    assert right.matrices[0].remark == "He"
    assert not any("first axis" in note for note in right.notes)


def test_a_matrix_that_is_scaled_counts_as_it_enters() -> None:
    text = f"{BATCH}param W[50,40] ~ normal(0, 1)\nF = X @ (W*sqrt(2/40))'\nloss = sum(F^2)"
    report = stats(text)
    assert report.matrices[0].remark == "He"
    assert any(note.startswith("W enters its product as ") for note in report.notes)
    plain = stats(text.replace("(W*sqrt(2/40))'", "W'"))
    assert plain.matrices[0].remark == "looks like a standard normal that was not divided by fan_in"
    assert not any("enters its product as" in note for note in plain.notes)


def test_a_mask_is_no_signal_and_a_signal_is_no_mask() -> None:
    masked = "param W[50,40] ~ he\nF = X @ (W*M)'\nloss = sum(F^2)"
    assert depths(BATCH + masked) == {"F": 1}
    gated = "param W[6,40] ~ he, V[50,40] ~ he\nG = W*tanh(X)\nF = V @ G'\nloss = sum(F^2)"
    assert depths(BATCH + gated) == {"G": 0, "F": 1}
    added = "param P[6,40] ~ normal(0, 1), V[50,40] ~ he\nZ = X + P\nF = V @ Z'\nloss = sum(F^2)"
    assert depths(BATCH + added) == {"Z": 0, "F": 1}


def test_a_matrix_in_no_product_is_no_weight_matrix() -> None:
    report = stats(f"{BATCH}param P[6,40] ~ normal(0, 1), W[60,40] ~ he\nF = (X + P) @ W'\nloss = sum(F^2)")
    assert [one.remark for one in report.matrices] == ["in no product @ on the way to the loss", "He"]
    assert report.inits[0].variances == (report.matrices[1].variance,)
    beside = stats(f"{BATCH}param V[60,40] ~ he, W[60,40] ~ he\nG = X @ V'\nF = X @ W'\nloss = sum(F^2)")
    assert [one.remark for one in beside.matrices] == ["in no product @ on the way to the loss", "He"]


# ---------------------------------------------------------------------------------------------
# Remarks: the right ones are not accused
# ---------------------------------------------------------------------------------------------

ONE = "data x[{n}] ~ normal(0, 1)\nparam W[{m},{n}] {how}\nf = W @ x\nloss = sum(f^2)"


def remark(m: int, n: int, how: str = "~ he", values: np.ndarray | None = None, count: int = 1) -> str:
    at = {} if values is None else {"W": values}
    return matrix(ONE.format(m=m, n=n, how=how), count, at).remark


@pytest.mark.slow
def test_he_is_called_he() -> None:
    text = ONE.format(m=100, n=100, how="~ he")
    remarks = [model_stats([model]).matrices[0].remark for model in drawn(text, 300)]
    assert sum(remark != "He" for remark in remarks) <= 3  # 4 standard errors: 0.02 are expected


def test_another_matrix_of_the_same_size_is_not() -> None:
    text = ONE.format(m=100, n=100, how="~ normal(0, 0.16)")  # 1.28 times the variance
    assert all(model_stats([model]).matrices[0].remark != "He" for model in drawn(text, 20))


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("~ he", "He"),
        ("~ xavier", "Glorot"),
        ("~ lecun", "LeCun"),
        ("~ normal(0, 0.0816496580927726)", "He"),  # sqrt(2/300)
        ("~ uniform(-0.1414213562373095, 0.1414213562373095)", "He"),  # sqrt(6/300)
        ("~ uniform(-0.0577350269189626, 0.0577350269189626)", "torch-default"),  # 1/sqrt(300)
    ],
)
def test_known_initializers_are_known(how: str, expected: str) -> None:
    assert remark(100, 300, how) == expected


def test_of_a_square_matrix_glorot_and_lecun_are_the_same() -> None:
    assert remark(100, 100, "~ xavier") == "Glorot or LeCun"


@pytest.mark.parametrize("how", ["~ he", "~ lecun", "~ normal(0, 1)", "~ normal(0, 0.3)"])
def test_small_matrices_say_nothing(how: str) -> None:
    assert {remark(4, 3, how), remark(4, 8, how), remark(1, 32, how)} == {""}


def test_entries_of_many_draws_count_together() -> None:
    assert remark(4, 3, "~ he", count=60) == "He"
    assert remark(4, 3, "~ he", count=1) == ""
    fixed = np.random.default_rng(0).standard_normal((4, 3)) * math.sqrt(2 / 3)
    assert remark(4, 3, "~ he", values=fixed, count=60) == ""  # the same 12 numbers 60 times


def test_between_two_that_fit_both_are_named_and_of_three_none() -> None:
    rng = np.random.default_rng(3)
    exact = rng.standard_normal((20, 24))  # 480 entries: 4 standard errors are 0.26
    exact /= exact.std()
    assert remark(20, 24, values=exact * math.sqrt(1 / 23)) == "Glorot or LeCun"
    few = exact.reshape(-1)[:72].reshape(6, 12)
    few = (few - few.mean()) / few.std()
    assert remark(6, 12, values=few * math.sqrt(1.3 / 12)) == ""  # He, LeCun and Glorot within 0.67
    square = exact.reshape(-1)[:64].reshape(8, 8)
    square = (square - square.mean()) / square.std()
    assert remark(8, 8, values=square * math.sqrt(0.6)) == ""  # 2 He, the roots of all, 1: within 0.71


@pytest.mark.parametrize(("value", "expected"), [(0.0, "all entries are 0"), (0.1, "all entries are equal")])
def test_constant_matrices_are_seen(value: float, expected: str) -> None:
    assert remark(4, 3, values=np.full((4, 3), value)) == expected


@pytest.mark.slow
def test_heavy_tails_are_allowed_for() -> None:
    """The product of two normal numbers has a kurtosis of 9: its variance scatters twice as much."""
    pairs = np.random.default_rng(2).standard_normal((2, 100, 40, 40))
    values = pairs[0] * pairs[1] * math.sqrt(2 / 40)
    assert all(remark(40, 40, values=one) == "He" for one in values)


def test_extreme_entries_do_not_warn() -> None:
    values = np.random.default_rng(0).standard_normal((40, 40))
    for scale in (1e300, 1e-300):
        text = "data x[40] = 0.5\nparam W[40,40] ~ he\nf = tanh(W @ x)\nloss = sum(f)"
        found = model_stats([read_model(text).at({"W": scale * values})]).matrices[0]
        assert found.remark == ""


# ---------------------------------------------------------------------------------------------
# Remarks: planted mistakes are named
# ---------------------------------------------------------------------------------------------

M, N = 150, 400  # 60,000 entries: 4 standard errors are 2.3 %
RNG = np.random.default_rng(11)
STD = math.sqrt(2 / N)

PLANTED = {
    "truncated at 2 std, its variance not corrected": unit_truncated(RNG, (M, N)) * 0.8796256610342398 * STD,
    "He from uniform(-std, std)": RNG.uniform(-STD, STD, (M, N)),
    "He with fan_out in the place of fan_in": RNG.standard_normal((M, N)) * math.sqrt(2 / M),
    "He with a factor 2 too many": RNG.standard_normal((M, N)) * math.sqrt(4 / N),
    "He with the variance taken for the standard deviation": RNG.standard_normal((M, N)) * 2 / N,
    "He with the standard deviation taken for the variance": RNG.standard_normal((M, N)) * math.sqrt(STD),
    "Glorot without its factor 2": RNG.standard_normal((M, N)) * math.sqrt(1 / (M + N)),
    "Glorot from uniform(-std, std)": RNG.uniform(-1, 1, (M, N)) * math.sqrt(2 / (M + N)),
    "half of LeCun": RNG.standard_normal((M, N)) * math.sqrt(0.5 / N),
    "LeCun with fan_out in the place of fan_in": RNG.standard_normal((M, N)) * math.sqrt(1 / M),
    "a standard normal that was not divided by fan_in": RNG.standard_normal((M, N)),
}


@pytest.mark.parametrize("mistake", PLANTED)
def test_planted_mistakes_are_named(mistake: str) -> None:
    found = remark(M, N, values=PLANTED[mistake])
    assert found.startswith("looks like ")
    assert found.endswith(mistake)
    assert ", or " not in found


def test_a_variance_that_fits_nothing_gets_no_name() -> None:
    values = RNG.standard_normal((M, N))
    for factor in (0.6, 1.4, 3.0, 100.0):
        assert remark(M, N, values=values * math.sqrt(factor * 2 / N)) == ""


def test_where_two_mistakes_give_one_variance_both_are_named() -> None:
    values = RNG.standard_normal((100, 200)) * math.sqrt(2 / 100)  # 2/fan_out = 2 * 2/fan_in
    assert remark(100, 200, values=values) == (
        "looks like He with a factor 2 too many, or He with fan_out in the place of fan_in"
    )


# ---------------------------------------------------------------------------------------------
# Verdicts and causes
# ---------------------------------------------------------------------------------------------


def outcomes(report: InitReport) -> list[Outcome | None]:
    return [series.verdict for series in report.series]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("~ he", Outcome.STABLE),
        ("~ normal(0, 0.1)", Outcome.VANISHES),
        ("~ lecun", Outcome.VANISHES),
        ("~ normal(0, 0.6)", Outcome.EXPLODES),
    ],
)
def test_verdicts_of_relu_networks(how: str, expected: Outcome) -> None:
    report = stats(deep(12, 25, how), 20)
    assert outcomes(report) == [expected, expected]
    assert report.inits[0].verdict is expected
    assert bool(report.inits[0].cause) is (expected is not Outcome.STABLE)
    per_layer = report.series[0].slope or 0.0
    variance = report.matrices[0].variance
    # decades per layer: log10 of variance times fan_in over 2, and -5/2 of 1/width by narrowness
    expected_slope = math.log10(variance * 25 / 2) - 2.5 / 25 / math.log(10)
    assert per_layer == pytest.approx(expected_slope, abs=0.1)  # 3 of 20 x sqrt(5/25/12)/ln 10


@pytest.mark.slow
def test_one_correct_network_is_never_accused_and_a_wrong_one_is() -> None:
    for seed in range(40):
        (model,) = drawn(deep(15, 25, "~ he"), 1, seed)
        assert Outcome.VANISHES not in outcomes(model_stats([model]))
        (wrong,) = drawn(deep(15, 25, "~ normal(0, 0.1)"), 1, seed)
        assert outcomes(model_stats([wrong])) == [Outcome.VANISHES] * 2


@pytest.mark.slow
def test_narrow_networks_are_not_blamed_for_their_narrowness() -> None:
    report = stats(NETWORK.read_text(encoding="utf-8"), 100)
    assert 3 * (report.series[0].slope or 0) < -1.2  # beyond one decade in three layers
    assert outcomes(report) == [Outcome.STABLE, Outcome.STABLE]
    assert any("by chance" in note for note in report.notes)
    assert not any("by chance" in note for note in stats(deep(3, 40, "~ he"), 2).notes)


def test_of_parallel_layers_the_narrowest_counts() -> None:
    text = HEAD + "param N[2,4] ~ he, P[8,4] ~ he\nh = V @ x; n = N @ h; p = P @ h; loss = sum(n)*sum(p)"
    assert any(note.startswith("the sum of 1/width is 0.75") for note in stats(text).notes)


def test_sigmoids_shrink_gradients_whatever_the_weights_are() -> None:
    report = stats(deep(8, 30, "~ he", "sigmoid"), 20)
    assert outcomes(report)[1] is Outcome.VANISHES
    assert report.inits[0].verdict is Outcome.VANISHES
    assert "no weight matrix has less variance than He's" in report.inits[0].cause


def planted(depth: int, width: int, bad: int, factor: float) -> list[Model]:
    """He networks one of whose matrices has `factor` times the variance, uniform."""
    found = []
    for seed in range(20):
        (model,) = drawn(deep(depth, width, "~ he"), 1, seed)
        rng = np.random.default_rng(seed)
        half = math.sqrt(3 * factor * 2 / width)
        found.append(model.at({f"W{bad}": rng.uniform(-half, half, (width, width))}))
    return found


def test_the_matrix_that_contributes_most_is_named() -> None:
    report = model_stats(planted(5, 40, 3, 1e-3))
    assert outcomes(report) == [Outcome.VANISHES] * 2
    assert report.inits[0].cause == "W3 has 0.001 times the variance of He"
    report = model_stats(planted(5, 40, 2, 1e4))
    assert report.inits[0].cause == "W2 has 1e+04 times the variance of He"


def test_the_cause_says_what_the_mistake_looks_like() -> None:
    one = stats(deep(12, 40, "~ uniform(-0.22360679774997896, 0.22360679774997896)"), 20)  # sqrt(2/40)
    assert one.inits[0].cause == (
        "all 12 weight matrices have about 0.33 times the variance of He: "
        "looks like He from uniform(-std, std)"
    )


def test_dead_networks_are_counted_apart() -> None:
    text = "param c[10] = {bias}\ndata x[5] ~ normal(0, 1)\nparam W[10,5] ~ he, V[5,10] ~ he\n"
    text += "f = W @ x + c\nh = relu(f)\ng = V @ h\nloss = sum(g^2)"
    dead = stats(text.format(bias=-100), 6)
    assert [series.dead for series in dead.series] == [6, 6]
    assert [series.networks for series in dead.series] == [0, 0]
    assert outcomes(dead) == [Outcome.VANISHES] * 2
    assert named(dead.series[0])["h"] == -math.inf
    assert dead.dead_networks == dead.inits[0].dead_networks == 6
    assert dead.inits[0].cause == "in every draw the last step is exactly 0"
    alive = stats(text.format(bias=1), 6)
    assert [series.dead for series in alive.series] == [0, 0]
    assert alive.dead_networks == 0


@pytest.mark.slow
def test_a_network_that_is_sometimes_dead_has_a_slope_of_the_living() -> None:
    text = "data x[2] ~ normal(0, 1)\nparam W[2,2] ~ he, V[3,2] ~ he\n"
    report = stats(text + "f = W @ x\nh = relu(f)\ng = V @ h\nloss = sum(g^2)", 40)
    forward = report.series[0]
    assert 0 < forward.dead < 40
    assert forward.networks == 40 - forward.dead
    assert math.isfinite(forward.slope or math.nan)
    assert math.isfinite(named(forward)["g"])
    assert any("of relu lies exactly on the kink" in n for n in report.notes) is False


def test_a_kink_that_is_met_is_told() -> None:
    text = "data x[3] = 0\nparam W[4,3] ~ he\nf = W @ x\nh = relu(f)\nloss = sum(h)"
    assert any(n.startswith("an argument of relu lies exactly on the kink") for n in stats(text).notes)
    assert any(n.startswith("in 3 of 3 draws") for n in stats(text, 3).notes)
    assert not any("kink" in n for n in stats(text.replace("x[3] = 0", "x[3] = 1")).notes)


# ---------------------------------------------------------------------------------------------
# Nothing to measure
# ---------------------------------------------------------------------------------------------


def test_a_model_without_matrices_says_so() -> None:
    report = stats("param w[3] = [1, 2, 3]\ndata x[3] = [1, 0, -1]\nu = w*x\nloss = sum(u^2)")
    assert any("the model has no weight matrix" in note for note in report.notes)
    assert report.matrices == ()
    assert outcomes(report) == [None, None]
    assert report.inits[0].verdict is None
    assert math.isfinite(named(report.series[0])["u"])
    assert not any("no weight matrix" in n for n in stats(HEAD + "f = V @ x; loss = sum(f)").notes)


def test_a_model_without_steps_has_no_layers() -> None:
    report = stats("a*sin(b)^2")
    assert [series.layers for series in report.series] == [(), ()]


def test_one_matrix_gives_no_verdict() -> None:
    report = stats(ONE.format(m=20, n=20, how="~ he"), 20)
    assert outcomes(report) == [None, None]
    assert report.series[0].slope is None
    assert any("one weight matrix" in note for note in report.notes)


def test_a_loss_that_is_never_finite_is_an_error_that_names_the_step() -> None:
    text = "data x[2] = 1\nparam W[3,2] ~ he\nf = W @ x\ng = exp(f*f*1e6)\nloss = sum(g)"
    with pytest.raises(OptionError) as caught:
        stats(text, 5)
    assert "the loss is not finite in any of 5 draws" in caught.value.message
    assert "g (line 4)" in caught.value.message
    with pytest.raises(OptionError) as caught:
        stats(text)
    assert "in any of" not in caught.value.message
    assert stats(text.replace("1e6", "1e-6"), 5).series[0].overflowed == 0


def test_draws_without_a_finite_loss_are_left_out_and_counted() -> None:
    text = "data x[2] = 1\nparam W[3,2] ~ he\nf = W @ x\ng = exp(f*f*200)\nloss = sum(g)"
    report = stats(text, 30)
    lost = report.series[0].overflowed
    assert 0 < lost < 30
    assert report.series[0].networks == 30 - lost
    (note,) = [n for n in report.notes if "not finite" in n]
    assert note.startswith(f"{lost} of 30 draws")
    assert "g (line 4)" in note


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantities": ("h", "dW")}, 'no quantity "dW"'),
        ({"stat": "median"}, 'no stat "median"'),
        ({"level": 1.0}, "--level is 1"),
        ({"level": 0.0}, "--level is 0"),
    ],
)
def test_impossible_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        stats(HEAD + "f = V @ x; loss = sum(f)", **options)


def test_quantities_come_in_the_order_asked_for() -> None:
    text = HEAD + "f = V @ x; loss = sum(f^2)"
    report = stats(text, quantities=("dh",))
    assert [series.quantity for series in report.series] == ["dh"]
    both = stats(text, quantities=("dh", "h"))
    assert [series.quantity for series in both.series] == ["dh", "h"]
    with pytest.raises(ValueError, match="one draw"):
        model_stats([])


def test_the_report_knows_the_file_and_what_was_asked() -> None:
    model = read_model(HEAD + "f = V @ x; loss = sum(f^2)", file="my.txt", seed=4)
    report = model_stats([model], stat="ms", level=0.5)
    asked = {"model": "my.txt", "nets": 1, "seed": 4, "stat": "ms", "level": 0.5}
    assert report.config == {**asked, "every": None, "all_layers": False}
    assert {series.init for series in report.series} == {report.inits[0].init} == {"model"}
    assert report.inits[0].label == "my.txt"
    he = INITIALIZERS["he"].variance(3, 4)
    assert report.matrices[0].ratios["he"] == pytest.approx(report.matrices[0].variance / he)
    assert (report.matrices[0].line, report.matrices[0].shape) == (2, (4, 3))
