"""init-stats as a whole: verdicts, causes, labels, options; planted wrong initializers are named."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from build import SWEEP_ALL
from gradcheck_cli.api import init_stats
from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.initialization.options import InitOptions
from gradcheck_cli.model.initializers import Initializer, unit_normal
from gradcheck_cli.results.initialization_results import InitReport, Outcome, Series


def run(**options: Any) -> InitReport:
    return init_stats(InitOptions(**options))


def series(report: InitReport, quantity: str, init: str | None = None) -> Series:
    return next(s for s in report.series if s.quantity == quantity and init in (None, s.init))


def verdicts(report: InitReport) -> dict[str, tuple[str, str]]:
    """Forward and backward verdict of each initialization."""
    names = [summary.init for summary in report.inits]
    return {
        name: (str(series(report, "h", name).verdict), str(series(report, "dh", name).verdict))
        for name in names
    }


# ---------------------------------------------------------------------------------------------
# The chapter's experiment
# ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chapter() -> InitReport:
    return run()


def test_the_default_is_the_chapters_experiment(chapter: InitReport) -> None:
    assert chapter.config["widths"] == [100] * 51 + [1]
    assert [s.sigma2 for s in chapter.inits] == [0.001, 0.01, 0.02, 0.1, 1.0]
    assert [s.label for s in chapter.inits] == ["", "LeCun", "He", "", ""]
    assert verdicts(chapter) == {
        "normal:0.001": ("VANISHES", "VANISHES"),
        "normal:0.01": ("VANISHES", "VANISHES"),
        "normal:0.02": ("stable", "stable"),
        "normal:0.1": ("EXPLODES", "EXPLODES"),
        "normal:1": ("EXPLODES", "EXPLODES"),
    }


def test_the_slopes_of_the_issue(chapter: InitReport) -> None:
    """-0.01104 decades per layer at width 100 beside log10(sigma^2 D/2), exactly."""
    for sigma2 in (0.001, 0.02, 1.0):
        found = series(chapter, "h", f"normal:{sigma2:g}")
        predicted = math.log10(sigma2 * 50) - 0.01104
        assert found.expected_slope == pytest.approx(predicted, abs=1e-5)  # four digits are given
        assert found.slope is not None
        # one network's slope scatters by 0.0990/sqrt(49): 5 standard errors of the mean of 20
        assert abs(found.slope - predicted) < 5 * 0.0990 / math.sqrt(49 * 20)
        assert found.slope_ci == pytest.approx(1.73 * 0.0990 / math.sqrt(49 * 20), rel=0.5)
        # t(19) at 90 % is 1.73; the standard deviation of 20 is itself known to 16 %


def test_variances_share_their_draws(chapter: InitReport) -> None:
    """ReLU without biases is homogeneous: slopes differ by exactly log10 of the ratio."""
    he, one = series(chapter, "h", "normal:0.02"), series(chapter, "h", "normal:1")
    assert he.slope is not None
    assert one.slope is not None
    assert one.slope - he.slope == pytest.approx(math.log10(50), abs=1e-10)


def test_the_recommendation_is_hes(chapter: InitReport) -> None:
    assert "He" in chapter.recommendation
    assert "0.02" in chapter.recommendation
    causes = {summary.init: summary.cause for summary in chapter.inits}
    assert "0.05" in causes["normal:0.001"]
    assert causes["normal:0.02"] == ""


def test_formats_of_the_chapter(chapter: InitReport) -> None:
    """sigma^2 = 1: log10 rms grows by 0.844 a layer, so float16 (65504) is left at f_4 or f_5."""
    found = {(f.init, f.format, f.direction): (f.event, f.layer) for f in chapter.formats}
    event, layer = found["normal:1", "float16", "forward"]
    assert event == "overflow"
    assert layer in (4, 5)  # log10 rms f_k = 1 + 0.844 k, the largest of 100 normals is 2.7 times that
    assert found["normal:1", "float16", "backward"] == ("lost", None)
    assert found["normal:0.02", "float32", "forward"] == (None, None)
    assert found["normal:0.001", "float16", "forward"][0] == "all zero"
    assert found["normal:0.001", "bfloat16", "forward"] == (None, None)  # 10^-33 is inside its range


@pytest.mark.slow
def test_a_simulation_is_right_to_one_layer() -> None:
    report = run(inits=("normal:1", "normal:0.001"), simulate=("float16", "float32"))
    seen = [f for f in report.formats if f.simulated]
    assert {f.format for f in seen} == {"float16", "float32"}
    assert any(f.event == "overflow" for f in seen)
    assert any(f.event == "all zero" for f in seen)
    for f in seen:
        assert f.simulated_event == f.event, f
        if f.layer is not None:
            assert f.simulated_layer is not None
            assert abs(f.simulated_layer - f.layer) <= 1, f


# ---------------------------------------------------------------------------------------------
# Verdicts
# ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_correct_initializers_are_not_accused() -> None:
    """100 repeats of He: at most 1 % UNEXPECTED. Small networks: their scatter is the same in kind."""
    accused = 0
    for seed in range(300 if SWEEP_ALL else 100):
        report = run(inits=("he",), depth=10, width=30, seed=seed)
        accused += any(s.verdict is Outcome.UNEXPECTED for s in report.series)
    assert accused <= (3 if SWEEP_ALL else 1)


@pytest.mark.slow
def test_a_single_network_of_he_never_vanishes() -> None:
    """It loses more than a decade in a quarter of all draws; that is scatter and no verdict."""
    lost = 0
    for seed in range(100):
        report = run(inits=("he",), nets=1, seed=seed, width=50, depth=25)  # as 100, 50: depth/width counts
        assert {s.verdict for s in report.series} == {Outcome.STABLE}
        lost += (series(report, "h").layers[-1].median or 0.0) < -1
    assert lost > 10


def uncorrected(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    """Truncated at 2 standard deviations, without the correction: variance 0.774."""
    found = rng.standard_normal(shape)
    while (outside := np.abs(found) > 2).any():
        found[outside] = rng.standard_normal(int(outside.sum()))
    return found


PLANTED = [
    ("uncorrected truncation", uncorrected, 0.7737, "truncated"),
    ("uniform", lambda rng, shape: rng.uniform(-1, 1, shape), 1 / 3, "uniform(-std, std)"),
    ("fans", lambda rng, shape: rng.standard_normal(shape) * math.sqrt(shape[1] / shape[0]), None, ""),
]


@pytest.mark.parametrize(("name", "unit", "factor", "words"), PLANTED, ids=[p[0] for p in PLANTED])
def test_planted_wrong_initializers_are_unexpected(
    name: str, unit: Any, factor: float | None, words: str
) -> None:
    """He that is drawn wrongly; `fans` divides by fan_out on layers that get narrower."""
    widths = (256, 256, 128, 64, 32, 1) if factor is None else (100,) * 17 + (1,)
    wrong = Initializer("wrong", lambda fan_in, fan_out: 2 / fan_in, "2/fan_in", unit=unit)
    right = Initializer("right", wrong.variance, "2/fan_in", unit=unit_normal)
    report = run(inits=(wrong, right), widths=widths)
    assert verdicts(report)["wrong"] == ("UNEXPECTED", "UNEXPECTED")
    assert "UNEXPECTED" not in verdicts(report)["right"]
    cause = report.inits[0].cause
    assert words in cause
    found = float(cause.partition("variance were ")[2].split()[0])
    assert found == pytest.approx(factor or 2.0, rel=0.1)  # widths halve: fan_in/fan_out is 2
    assert report.inits[0].verdict is Outcome.UNEXPECTED


def test_both_directions_decide() -> None:
    """Forward only, PyTorch's default with ReLU looks stable; its gradients fall to 10^-38.7."""
    report = run(inits=("torch-default",), quantities=("f", "h", "dh"))
    assert verdicts(report) == {"torch-default": ("stable", "VANISHES")}
    assert report.inits[0].verdict is Outcome.VANISHES
    assert report.inits[0].chi == pytest.approx(1 / 6, rel=1e-3)
    assert "biases" in report.inits[0].cause
    f, dh = series(report, "f").layers, series(report, "dh").layers
    assert f[49].median == pytest.approx(-2.4, abs=0.1)  # 20 networks of 100 units
    assert dh[50].median is not None
    assert dh[1].median is not None
    # 49 layers of log10(1/6), and the scatter of 20 networks: 5 * 0.099 * sqrt(49/20)
    assert dh[1].median - dh[50].median == pytest.approx(49 * math.log10(1 / 6), abs=1.0)


@pytest.mark.parametrize("activation", ["gelu", "silu"])
def test_he_on_smooth_relatives_of_relu_collapses(activation: str) -> None:
    report = run(inits=("he",), activation=activation, depth=50, width=60, nets=5)
    assert report.inits[0].verdict is Outcome.VANISHES
    assert "repels" in report.inits[0].cause


def test_saturation_has_a_cause_of_its_own() -> None:
    """tanh with large weights: activations settle, gradients explode."""
    report = run(inits=("normal:0.09",), activation="tanh", nets=5)
    assert verdicts(report) == {"normal:0.09": ("stable", "EXPLODES")}
    assert "fixed point" in report.inits[0].cause


ADDED = [
    ("residual", "he", "EXPLODES", None),
    ("residual:1/sqrt(K)", "he", "stable", None),
    ("preln", "he", "stable", "k^1.0"),
]


@pytest.mark.parametrize(("arch", "init", "expected", "growth"), ADDED, ids=[a[0] for a in ADDED])
def test_only_exponential_change_vanishes_or_explodes(
    arch: str, init: str, expected: str, growth: str | None
) -> None:
    report = run(inits=(init,), activation="gelu", arch=arch, depth=60, width=64, nets=5)
    assert str(series(report, "h").verdict) == expected
    assert series(report, "h").growth == growth


def test_dw_does_not_depend_on_the_layer_where_df_explodes() -> None:
    report = run(inits=("normal:0.1",), quantities=("df", "dW"))
    df, dw = series(report, "df"), series(report, "dW")
    assert df.slope == pytest.approx(math.log10(5) - 0.011, abs=0.03)
    # forward and backward factors of a network are the same, so even the scatter cancels in part
    assert dw.slope == pytest.approx(0, abs=0.03)
    assert (str(df.verdict), str(dw.verdict)) == ("EXPLODES", "stable")


@pytest.mark.slow
def test_the_gain_scatters_less_than_the_raw_gradient() -> None:
    """(2 f)^2 is in the gradient of (f - y)^2: 1.7 decades over networks."""

    def scatter(loss: str) -> float:
        report = run(inits=("he",), loss=loss, nets=200, quantities=("dh",), width=50, depth=25)
        layer = series(report, "dh").layers[1]
        assert layer.low is not None
        assert layer.high is not None
        return (layer.high - layer.low) / (2 * 1.645)

    raw, plain = scatter("lsq"), scatter("none")
    assert raw == pytest.approx(1.7, rel=0.2)  # quantiles of 200 values: 10 %, and chi^2 is skew
    assert plain == pytest.approx(0.7, rel=0.2)


# ---------------------------------------------------------------------------------------------
# Intervals
# ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_intervals_cover_what_they_say() -> None:
    """[low, high] holds the value of the next network, slope +- ci the true mean: 90 +- 6 %."""
    inside, slopes, count = 0, 0, 0
    for seed in range(150):
        report = run(inits=("he",), depth=6, width=30, seed=seed, quantities=("h", "dh"))
        other = run(inits=("he",), depth=6, width=30, seed=10_000 + seed, nets=1, quantities=("h", "dh"))
        for quantity, k in (("h", 6), ("dh", 1)):
            layer = series(report, quantity).layers[k]
            value = series(other, quantity).layers[k].median
            assert layer.low is not None
            assert layer.high is not None
            assert value is not None
            inside += layer.low <= value <= layer.high
            found = series(report, quantity)
            assert found.slope is not None
            assert found.slope_ci is not None
            assert found.expected_slope is not None
            slopes += abs(found.slope - found.expected_slope) <= found.slope_ci
            count += 1
    assert 0.84 <= inside / count <= 0.96
    assert 0.84 <= slopes / count <= 0.96


def test_a_level_is_obeyed() -> None:
    narrow = series(run(inits=("he",), depth=5, level=0.5, nets=40), "h")
    wide = series(run(inits=("he",), depth=5, level=0.95, nets=40), "h")
    assert narrow.slope_ci is not None
    assert wide.slope_ci is not None
    assert narrow.slope_ci < 0.5 * wide.slope_ci


# ---------------------------------------------------------------------------------------------
# Edges
# ---------------------------------------------------------------------------------------------

EDGES: list[tuple[dict[str, Any], str]] = [
    ({"width": 2}, ""),
    ({"width": 1}, "single unit"),
    ({"width": 1, "stat": "ms"}, ""),
    ({"depth": 1}, "no verdict"),
    ({"depth": 2}, ""),
    ({"input_dim": 1}, ""),
    ({"inits": ("normal:0",)}, ""),
    ({"nets": 1}, "one network"),
    ({"nets": 2}, ""),
    ({"widths": (784, 300, 100, 10)}, ""),
    ({"depth": 1, "width": 1, "input_dim": 1, "nets": 1}, ""),
    ({"width": 5, "depth": 100, "nets": 5}, "deeper than wide"),
    ({"arch": "preln", "width": 1, "depth": 5}, ""),
    ({"arch": "postln", "depth": 5, "activation": "tanh"}, ""),
    ({"activation": "z^2", "depth": 30, "width": 10}, ""),
    ({"inits": ("orthogonal", "orthogonal:1.4142135")}, ""),
    ({"inits": ("trunc:0.02", "uniform:0.02", "normal:std=0.1")}, ""),
    ({"inputs": 7}, "7 inputs"),
    ({"dtype": "float32", "depth": 5}, ""),
    ({"activation": "sigmoid", "critical": True, "bias_var": 0.1, "depth": 10}, "edge of chaos"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("options", "note"), EDGES, ids=[str(e[0]) for e in EDGES])
def test_edges_say_what_is_meaningless(options: dict[str, Any], note: str) -> None:
    report = run(**(options if "widths" in options else {"depth": 20, **options}))
    assert report.series
    assert any(note in text for text in report.notes) or not note
    for one in report.series:
        assert all(layer.median is None or not math.isnan(layer.median) for layer in one.layers)


def test_dead_networks_are_counted_apart() -> None:
    """Width 2: a layer is dead with probability 1/4, so few networks reach layer 10."""
    report = run(inits=("he",), width=2, depth=10, nets=100, stat="ms")
    found = series(report, "h")
    assert found.dead == report.dead_networks > 50
    assert found.networks == 100 - found.dead
    last = found.layers[-1].median
    assert last is None or math.isfinite(last) or found.dead == 100


def test_zero_variance_is_a_dead_network() -> None:
    report = run(inits=("normal:0",), depth=3)
    assert series(report, "h").layers[-1].median == -math.inf
    assert report.inits[0].verdict is Outcome.VANISHES
    assert "dead" in report.inits[0].cause
    assert report.dead_networks == 20


def test_dead_units_are_those_that_no_input_reaches() -> None:
    one = run(inits=("he",), depth=5)
    many = run(inits=("he",), depth=5, inputs=50)
    assert one.dead_units == pytest.approx(0.5, abs=0.05)  # 10,000 units: 10 standard deviations
    assert many.dead_units is not None
    assert many.dead_units < 0.2


# ---------------------------------------------------------------------------------------------
# Options
# ---------------------------------------------------------------------------------------------


def test_other_networks_have_other_defaults() -> None:
    for options in ({"width": 50}, {"activation": "tanh"}, {"arch": "preln"}):
        report = run(depth=3, nets=2, **options)
        assert [s.init for s in report.inits] == ["he", "auto", "glorot", "lecun", "torch-default"]


def test_auto_is_the_gain_of_this_activation() -> None:
    report = run(inits=("auto",), activation="tanh", depth=3, width=64, nets=2)
    assert report.inits[0].sigma2 == pytest.approx(1.592537**2 / 64, rel=1e-5)


def test_a_sweep_and_its_labels() -> None:
    report = run(sweep="0.001:1:4log", depth=3, nets=2)
    assert [s.sigma2 for s in report.inits] == pytest.approx([0.001, 0.01, 0.1, 1])
    report = run(sweep="0:0.04:3lin", depth=3, nets=2)
    assert [(s.sigma2, s.label) for s in report.inits] == [(0, ""), (0.02, "He"), (0.04, "")]


@pytest.mark.parametrize(("fan", "expected"), [("in", 2 / 300), ("out", 2 / 100), ("avg", 2 / 200)])
def test_fans(fan: str, expected: float) -> None:
    report = run(inits=("he", "glorot"), fan=fan, widths=(784, 300, 100, 10), nets=2)
    assert report.inits[0].variances[1] == pytest.approx(expected)
    assert report.inits[1].variances[1] == pytest.approx(2 / 400)


def test_the_critical_point_of_tanh() -> None:
    report = run(critical=True, activation="tanh", depth=20, nets=5)
    assert report.inits[0].sigma2 == pytest.approx(1 / 100, rel=1e-3)
    assert report.inits[0].verdict is Outcome.STABLE


def test_std_is_half_of_var() -> None:
    var, std = (series(run(inits=("normal:1",), depth=5, stat=s), "h") for s in ("var", "std"))
    assert std.slope == pytest.approx((var.slope or 0) / 2)
    assert std.expected_slope == pytest.approx((var.expected_slope or 0) / 2)


def test_seeds_decide() -> None:
    first, again, other = (series(run(depth=4, seed=s), "h").layers for s in (1, 1, 2))
    assert first == again
    assert first != other


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"depth": 0}, "--depth is 0", "1 or more"),
    ({"width": 0}, "--width is 0", "1 or more"),
    ({"input_dim": -1}, "--input-dim is -1", "1 or more"),
    ({"nets": 0}, "--nets is 0", "1 or more"),
    ({"widths": (3, 4)}, "--widths", "784,300,100,10"),
    ({"widths": (3, 0, 4)}, "--widths", "784,300,100,10"),
    ({"widths": (3, 4, 5), "depth": 3}, "exclude", "every hidden layer"),
    ({"inits": ("normal:-1",)}, "no variance", "0 or larger"),
    ({"inits": ("normal",)}, "needs a variance", "normal:0.02"),
    ({"inits": ("normal:var=1",)}, "there is no var", "std=S"),
    ({"inits": ("hee",)}, 'no initializer "hee"', "did you mean he?"),
    ({"inits": ("qqq",)}, "no initializer", "known are"),
    ({"bias_var": -0.1}, "--bias-var", "0 or more"),
    ({"bias_var": math.nan}, "--bias-var", "0 or more"),
    ({"activation": "rellu"}, 'no activation "rellu"', "did you mean relu?"),
    ({"activation": "z*erff(z)"}, 'unknown function "erff"', "did you mean"),
    ({"activation": "log(z)"}, "not finite", "every number"),
    ({"activation": "tan(z)"}, "a pole near z = 1.57", "every number"),
    ({"activation": "1/(z - 0.3003)"}, "a pole near z = 0.3", "every number"),
    ({"arch": "resnet"}, "no architecture", "residual"),
    ({"arch": "mlp:2"}, "no scale", "residual:0.5"),
    ({"arch": "preln:x"}, "no scale", "1/sqrt(K)"),
    ({"arch": "residual", "widths": (3, 4, 5, 1)}, "equal widths", "--width"),
    ({"sweep": "1:2"}, "no range", "0.001:1:9log"),
    ({"sweep": "1:0.1:5log"}, "no range", "from below to"),
    ({"sweep": "0:1:5log"}, "no range", "0.001:1:9log"),
    ({"level": 1.0}, "--level", "0.9"),
    ({"quantities": ("g",)}, 'no quantity "g"', "dW"),
    ({"stat": "sd"}, 'no stat "sd"', "var, ms, std"),
    ({"loss": "mse"}, "no loss", "lsq, none"),
    ({"fan": "both"}, "no fan", "in, out, avg"),
    ({"dtype": "float16"}, "no dtype", "float32"),
    ({"simulate": ("float8",)}, "no format", "bfloat16"),
    ({"width": 100_000}, "10,000,000,000 entries", "the limit"),
    ({"inputs": 10**9}, "too many inputs", "the limit"),
    ({"critical": True, "bias_var": 0.1}, "no critical point", "--bias-var"),
]


@pytest.mark.parametrize(("options", "message", "help"), BAD, ids=[str(b[0]) for b in BAD])
def test_bad_options_have_a_way_out(options: dict[str, Any], message: str, help: str) -> None:
    with pytest.raises(GradcheckError) as caught:
        run(**options)
    assert message in caught.value.message
    assert help in (caught.value.help or "")
    assert caught.value.exit_code == 2


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["mlp", "residual", "residual:1/sqrt(K)", "preln", "postln"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "z*erf(z)"])
def test_nothing_correct_is_unexpected(activation: str, arch: str) -> None:
    """Every distribution, in every architecture: predictions hold, or allow for what they do not know."""
    inits = ("he", "auto", "torch-default", "uniform:0.05", "trunc:0.05", "orthogonal")
    loss, inputs = (("lsq", 1), ("none", 3))[(len(activation) + len(arch)) % 2]
    report = run(
        activation=activation, arch=arch, width=20, depth=10, inits=inits, loss=loss, inputs=inputs,
        quantities=("h", "f", "dh", "df", "dW"),
    )  # fmt: skip
    accused = [(s.init, s.quantity) for s in report.series if s.verdict is Outcome.UNEXPECTED]
    assert not accused


# ---------------------------------------------------------------------------------------------
# What is not a number, and what is wrong in one layer only
# ---------------------------------------------------------------------------------------------


def he(fan_in: float, fan_out: float) -> float:
    return 2 / fan_in


def one_bad_entry(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    found = rng.standard_normal(shape)
    found[0, 0] = np.nan
    return found


SPOILED = [
    ("nan", lambda rng, shape: np.full(shape, np.nan)),
    ("inf", lambda rng, shape: np.full(shape, np.inf)),
    ("one nan", one_bad_entry),
    ("constant", lambda rng, shape: np.ones(shape)),
]


@pytest.mark.parametrize(("name", "unit"), SPOILED, ids=[s[0] for s in SPOILED])
def test_what_is_not_a_number_is_never_stable(name: str, unit: Any) -> None:
    report = run(inits=(Initializer(name, he, "2/fan_in", unit=unit),), depth=6, width=20)
    assert report.inits[0].verdict is Outcome.UNEXPECTED
    assert report.inits[0].cause


@pytest.mark.parametrize(("bad", "matrix"), [(0, "W_0"), (3, "W_3")])
def test_a_bug_in_one_layer_is_found(bad: int, matrix: str) -> None:
    """The slope does not see the first and the last matrix; the size of the first layer does."""
    widths = (50, 40, 40, 40, 5)

    def unit(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
        wrong = shape == ((40, 50), (0, 0), (0, 0), (5, 40))[bad]
        return rng.standard_normal(shape) * (30 if wrong else 1)

    report = run(inits=(Initializer("mine", he, "2/fan_in", unit=unit),), widths=widths)
    assert report.inits[0].verdict is Outcome.UNEXPECTED
    assert matrix in report.inits[0].cause


def test_fan_out_is_named_on_widths_that_shrink() -> None:
    wrong = Initializer.drawn(
        "mine", lambda rng, shape: rng.standard_normal(shape) * math.sqrt(2 / shape[0]), he
    )
    report = run(inits=(wrong,), widths=(512, 512, 256, 128, 64, 10))
    assert "fan_out in the place of fan_in" in report.inits[0].cause


def test_everything_overflowing_explodes() -> None:
    report = run(inits=("he",), activation="exp(z)", depth=20)
    assert report.inits[0].verdict is Outcome.EXPLODES
    assert series(report, "h").overflowed > 0


@pytest.mark.parametrize("variance", [-1.0, math.nan, math.inf])
def test_impossible_variances_are_refused(variance: float) -> None:
    with pytest.raises(GradcheckError, match="variance"):
        run(inits=(Initializer("mine", lambda fan_in, fan_out: variance, "x"),))


def test_a_transposed_draw_is_refused() -> None:
    turned = Initializer("mine", he, "x", unit=lambda rng, shape: rng.standard_normal(shape[::-1]))
    with pytest.raises(GradcheckError, match="drew the shape"):
        run(inits=(turned,), widths=(4, 5, 6, 1))


def test_advice_is_not_what_was_tried() -> None:
    report = run(activation="gelu", critical=True, depth=40, width=30, nets=3)
    assert "--critical" not in report.recommendation
    assert run(inits=("he",), depth=1).recommendation == ""
