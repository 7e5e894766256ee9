"""The formats of init-stats and gain, on reports made by hand: relu nets of width 100, roughly."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import jsonschema
import pytest
from rich.cells import cell_len

from build import one_of, part_of
from gradcheck_cli import api
from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.render import initialization_panels, numbers, plot
from gradcheck_cli.render.csv_tsv import INIT_FIELDS
from gradcheck_cli.render.initialization_panels import Panel, panels
from gradcheck_cli.render.registry import OutputOptions, formats, render
from gradcheck_cli.results.initialization_results import (
    FormatForecast,
    GainReport,
    InitReport,
    InitSummary,
    LayerStats,
    MatrixStats,
    Outcome,
    Series,
)
from paths import MODELS, PACKAGE

SCHEMA = json.loads(
    (PACKAGE / "schema.json").read_text(encoding="utf-8")
)
NASTY = '[/red][bold]\x1b[31m\x9b\u202e\r\n\t\udcff beta\u2080 \u6f22\u5b57 %$#&{}~^\\|<a>`"--'
CHAPTER = (
    *(("normal:0.001", "", 0.001), ("normal:0.01", "Glorot", 0.01), ("normal:0.02", "He", 0.02)),
    *(("normal:0.1", "", 0.1), ("normal:1", "", 1.0)),
)
USUAL = (
    *(("he", "", 0.02), ("auto", "", 0.02), ("glorot", "", 0.01), ("lecun", "", 0.01)),
    ("torch-default", "", 1 / 300),
)
Init = tuple[str, str, float]
FINITE_WIDTH = -0.011  # decades per layer that width 100 costs


def series(init: Init, quantity: str, depth: int, **more: Any) -> Series:
    """One relu network of width 100: every layer multiplies by 50 sigma^2, and a little less."""
    name, label, sigma2 = init
    backward = quantity.startswith("d")
    rate = math.log10(50 * sigma2) + FINITE_WIDTH
    layers = []
    for k in range(depth + 1):
        travelled = depth - k if backward else k
        wave = 0.3 * math.sin(1.7 * k + sigma2)
        middle, half = rate * travelled + wave, 0.1 + 0.16 * math.sqrt(travelled)
        low, high = middle - half, middle + 0.8 * half
        layers.append(LayerStats(k=k, median=middle, low=low, high=high, expected=rate * travelled))
    changed = abs(rate * depth) >= 1
    verdict = (Outcome.EXPLODES if rate > 0 else Outcome.VANISHES) if changed else Outcome.STABLE
    found = Series(
        init=name,
        label=label,
        sigma2=sigma2,
        quantity=quantity,
        stat="var",
        direction="backward" if backward else "forward",
        layers=tuple(layers),
        slope=rate + 0.002,
        slope_ci=0.0052,
        expected_slope=rate,
        verdict=verdict,
        networks=20,
    )
    return replace(found, **more)


def summary(init: Init, depth: int, verdict: Outcome | None) -> InitSummary:
    name, label, sigma2 = init
    causes = {
        Outcome.UNEXPECTED: "the measured slope contradicts the prediction",
        Outcome.STABLE: "each layer keeps the variance in both directions",
        Outcome.VANISHES: f"a layer multiplies the variance by {50 * sigma2:.3g}; "
        "keeping it takes sigma^2 = 2/fan_in = 0.02",
        Outcome.EXPLODES: f"a layer multiplies the variance by {50 * sigma2:.3g}; "
        "keeping it takes sigma^2 = 2/fan_in = 0.02",
    }
    return InitSummary(
        init=name,
        label=label,
        formula="2/fan_in" if name == "he" else f"{sigma2:.6g}",
        sigma2=sigma2,
        variances=(sigma2,) * (depth + 1),
        bias_variance=0.0,
        verdict=verdict,
        cause="" if verdict is None else causes[verdict],
        chi=50 * sigma2,
        depth_scale=None if sigma2 == 0.02 else -1 / math.log(50 * sigma2),
        scatter=0.69,
        expected_scatter=0.70,
        dead_units=0.5,
    )


def forecasts(inits: tuple[Init, ...]) -> list[FormatForecast]:
    """Roughly: the first number format to break is the one with the smallest range."""
    found = []
    for name, label, sigma2 in inits:
        rate = math.log10(50 * sigma2) / 2
        for number_format, decades in (("float16", 5), ("bfloat16", 38), ("float32", 38)):
            layer = math.ceil(decades / abs(rate)) if rate else 99
            event = None if layer > 49 else "overflow" if rate > 0 else "all zero"
            ahead = (event, layer if event else None)
            back = ("lost", None) if event else ahead
            for direction, (what, where) in (("forward", ahead), ("backward", back)):
                found.append(
                    FormatForecast(
                        init=name, label=label, format=number_format, direction=direction,
                        event=what, layer=where,
                    )
                )  # fmt: skip
    return found


def report(
    inits: tuple[Init, ...] = CHAPTER, depth: int = 50, quantities: tuple[str, ...] = ("h", "dh"), **more: Any
) -> InitReport:
    """What `gradcheck init-stats` finds, roughly."""
    rows = tuple(series(init, quantity, depth) for quantity in quantities for init in inits)
    config = {
        "activation": "relu", "arch": "mlp", "scale": 1.0, "depth": depth,
        "widths": [100, *[100] * depth, 1], "loss": "lsq", "bias_var": 0.0, "fan": "in", "stat": "var",
        "nets": 20, "inputs": 1, "seed": 0, "level": 0.9, "dtype": "float64", "every": None,
        "all_layers": False,
    }  # fmt: skip
    return InitReport(
        config=config | more.pop("config", {}),
        series=rows,
        inits=tuple(summary(init, depth, rows[number].verdict) for number, init in enumerate(inits)),
        formats=tuple(forecasts(inits)),
        dead_units=0.5,
        recommendation="He: sigma^2 = 2/fan_in = 0.02 (std 0.1414) keeps both directions "
        "within one decade over 50 layers.",
        **more,
    )


def shown(one: InitReport, name: str = "table", **options: Any) -> str:
    return render(one, name, OutputOptions(**options), of="init-stats")


def own_model() -> InitReport:
    """What --model finds: one initialization, steps with names, and the matrices themselves."""
    who = ("model", "net.txt", 0.02)
    found = report((who,), depth=4)
    names = ("f0", "h1", "a_rather_long_name_of_a_step", "h2", "f2")
    depths = (1, 1, 2, 2, 3)  # weight matrices before each

    def named(one: Series) -> Series:
        pairs = zip(one.layers, names, depths, strict=True)
        return replace(one, sigma2=None, layers=tuple(replace(x, name=n, k=k) for x, n, k in pairs))

    rows = tuple(map(named, found.series))
    shapes = ((100, 784), (100, 100), (100, 100), (10, 100))
    matrices = tuple(
        MatrixStats(
            name=f"W{number}",
            line=10 + number,
            shape=shape,
            mean=-1.2e-4 * number,
            variance=2 / shape[1],
            ratios={
                "he": 1.0, "glorot": sum(shape) / shape[1], "lecun": 2.0, "torch-default": 6.0
            },
            remark="He" if number else "6 times PyTorch's default, as if its variance were meant for a std",
        )
        for number, shape in enumerate(shapes)
    )  # fmt: skip
    return replace(
        found,
        series=rows,
        inits=(replace(found.inits[0], sigma2=None, variances=(2 / 784, 0.02, 0.02, 0.02, 0.02)),),
        matrices=matrices,
        config=found.config | {"model": "net.txt"},
        formats=(),
    )


def residual() -> InitReport:
    """Sums grow like a power of the depth: the words are longer than VANISHES x0.05."""
    found = report(USUAL, config={"arch": "residual", "scale": 0.1414})
    slow = {"slope": 0.034, "expected_slope": 0.034, "verdict": Outcome.STABLE}
    laws = {"forward": "k^1.0", "backward": "k^-0.9"}
    rows = [replace(one, growth=laws[one.direction], **slow) for one in found.series]
    return replace(found, series=tuple(rows))


def dead() -> InitReport:
    """Every network of the first initialization dies, two of the second overflow."""
    found = report()
    lost = LayerStats(k=50, median=-math.inf)
    first, second, *rest = found.series
    first = replace(
        first, layers=(*first.layers[:-1], lost), slope=None, slope_ci=None, dead=20, networks=0
    )
    over = LayerStats(k=50, median=math.inf, expected=math.nan)
    second = replace(second, layers=(*second.layers[:-1], over), overflowed=2)
    return replace(
        found,
        series=(first, second, *rest),
        inits=(replace(found.inits[0], dead_networks=20), *found.inits[1:]),
        dead_networks=20,
        notes=("the variance over a single unit means nothing; --stat ms takes the mean of squares",),
    )


TANH = GainReport(
    activation="tanh",
    formula="tanh(z)",
    gain=1.5925374197228312,
    torch_gain=5 / 3,
    mean=0.0,
    second_moment=0.39429449039746,
    slope_moment=0.46440284,
    chi=1.1778,
    chi_50=3590.0,
    fixed_point="attracts",
    fixed_point_slope=0.5513,
    kinks=(),
    bias_variance=0.0,
    critical_sigma_w=1.0,
    critical_q=None,
    critical_note="in the limit q -> 0",
)
RELU = replace(
    TANH,
    activation="relu",
    formula="relu(z)",
    gain=math.sqrt(2),
    torch_gain=math.sqrt(2),
    mean=0.39894228,
    second_moment=0.5,
    slope_moment=0.5,
    chi=1.0,
    chi_50=1.0,
    fixed_point="neutral",
    fixed_point_slope=1.0,
    kinks=(0.0,),
    critical_sigma_w=math.sqrt(2),
    critical_note="any q",
)
GELU = replace(
    TANH,
    activation="gelu",
    formula="gelu(z)",
    torch_gain=None,
    fixed_point="repels",
    critical_sigma_w=None,
    critical_note="no fixed point with chi = 1 attracts",
    notes=("variances collapse: q_50 is about 1e-12",),
)


def simulated() -> InitReport:
    """Forecasts beside what a run in the format showed: the same layer, another one, another event."""
    found = report()
    ran = [
        replace(one, simulated=True, simulated_event=one.event, simulated_layer=one.layer)
        if one.format == "float16"
        else one
        for one in found.formats
    ]
    ran[0] = replace(ran[0], simulated_layer=9)
    ran[6] = replace(ran[6], simulated_event=None, simulated_layer=None)
    ran[12] = replace(ran[12], simulated_event="overflow", simulated_layer=41)
    return replace(found, formats=tuple(ran))


def nasty(one: InitReport) -> InitReport:
    """The same with text that tries to do harm wherever a user, or a file, could have put it."""

    def named(init: str) -> str:
        return f"{NASTY}{init}"

    return replace(
        one,
        config=one.config | {"activation": NASTY, "model": NASTY},
        series=tuple(
            replace(s, init=named(s.init), layers=tuple(replace(k, name=NASTY) for k in s.layers))
            for s in one.series
        ),
        inits=tuple(replace(i, init=named(i.init), cause=NASTY, formula=NASTY) for i in one.inits),
        formats=tuple(replace(f, init=named(f.init)) for f in one.formats),
        matrices=tuple(replace(m, name=NASTY, remark=NASTY) for m in one.matrices),
        recommendation=NASTY,
        notes=(NASTY,),
    )


def deep() -> InitReport:
    """A thousand layers, of which the records hold every 25th: numbers are as wide as they get."""
    found = report(depth=1000)
    kept = [replace(s, layers=(s.layers[1], *s.layers[25::25])) for s in found.series]
    return replace(found, series=tuple(kept))


REPORTS: dict[str, Callable[[], InitReport]] = {
    "chapter": report,
    "usual": lambda: report(USUAL),
    "model": own_model,
    "residual": residual,
    "dead": dead,
    "simulated": simulated,
    "one layer": lambda: report(depth=1),
    "a thousand layers": deep,
    "every fifth": lambda: report(config={"every": 5}),
    "all": lambda: report(USUAL, depth=60, config={"all_layers": True}),
    "six quantities": lambda: report(depth=9, quantities=("h", "f", "dh", "df", "dW", "db")),
    "long names": lambda: report((("trunc:std=0.14142135623730951", "He", 0.02), USUAL[4])),
    "no layers": lambda: replace(report(), series=(replace(report().series[0], layers=()),)),
    "nothing": lambda: InitReport(config={}, series=()),
}


def gains(name: str = "table", **options: Any) -> str:
    return render((TANH, RELU, GELU), name, OutputOptions(**options), of="gain")


def section(text: str, title: str) -> list[str]:
    """The lines of a screen from a heading to the next empty line."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(title))
    return lines[start : [*lines, ""].index("", start)]


# ---------------------------------------------------------------------------------------------
# The screen
# ---------------------------------------------------------------------------------------------


def test_the_screen_looks_as_designed() -> None:
    lines = section(shown(report(), width=100), "FORWARD")
    assert lines == [
        "FORWARD   log10 var h_k, median of 20 networks",
        "  sigma^2        k=1   k=10   k=20   k=30   k=40   k=50 |     per layer theory | verdict",
        "  0.001        -1.01 -13.41 -26.08 -39.16 -52.75 -65.65 | -1.310 ±0.005 -1.312 | VANISHES x0.049",
        "  0.01  Glorot -0.01  -3.41  -6.08  -9.16 -12.75 -15.66 | -0.310 ±0.005 -0.312 | VANISHES x0.49",
        "  0.02  He      0.29  -0.40  -0.07  -0.12  -0.71  -0.61 | -0.009 ±0.005 -0.011 | stable",
        "  0.1           0.98   6.58  13.89  20.86  27.26  34.32 | +0.690 ±0.005 +0.688 | EXPLODES x4.9",
        "  1             1.82  16.65  33.63  50.94  67.48  84.12 | +1.690 ±0.005 +1.688 | EXPLODES x49",
    ]
    assert section(shown(report(), width=100), "BACKWARD")[0] == (
        "BACKWARD  log10 var dl/dh_k, towards the input, median of 20 networks"
    )


def test_the_header_says_what_was_looked_at() -> None:
    lines = shown(report()).splitlines()
    assert lines[0] == "init-stats   relu mlp, 50 hidden layers of 100 units, input 100, output 1, lsq"
    assert lines[1] == "   20 networks, 1 input, seed 0"
    other = {
        "arch": "residual", "scale": 0.1414, "widths": [784, 300, 100, 10], "loss": "none",
        "bias_var": 0.05, "dtype": "float32", "nets": 1, "inputs": 1000,
    }  # fmt: skip
    text = " ".join(shown(report(config=other)).split())
    assert "relu residual:0.1414, 2 hidden layers of 300, 100 units, input 784, output 10, no loss" in text
    assert "bias variance 0.05, float32 1 network, 1,000 inputs, seed 0" in text


@pytest.mark.slow
@pytest.mark.parametrize("name", part_of(REPORTS, 2))
def test_no_line_is_wider_than_the_terminal(name: str) -> None:
    plain = REPORTS[name]()
    odd = nasty(plain)
    for one, encoding, verbosity, width in (
        *((plain, "utf-8", 0, 80), (plain, "ascii", 1, 100), (plain, "utf-8", -1, 80)),
        *((odd, "ascii", 0, 100), (odd, "utf-8", 1, 80), (odd, "ascii", -1, 80)),
    ):
        text = shown(one, width=width, encoding=encoding, verbosity=verbosity)
        assert max(map(cell_len, text.splitlines()), default=0) <= width, text


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        *(("chapter", "1 20 40 50"), ("usual", "1 20 40 50"), ("residual", "1 20 40 50")),
        *(("dead", "1 20 40 50"), ("a thousand layers", "1 500 1000")),
    ],
)
def test_at_80_columns_a_panel_is_one_block_with_four_layers(name: str, layers: str) -> None:
    for title in ("FORWARD", "BACKWARD"):
        lines = section(shown(REPORTS[name]()), title)
        assert re.findall(r"k=(\d+)", lines[1]) == layers.split()
        assert lines[1].endswith("| verdict")
        assert len(lines) == 7


def test_short_of_space_a_layer_with_large_numbers_has_one_decimal_in_every_row() -> None:
    def medians(number: int, **options: Any) -> list[str]:
        found = section(shown(steep, **options), "FORWARD")[2 + number]
        return found.split("|")[0].split()[1 + (number in (1, 2)) :]

    def grown(one: Series) -> Series:
        layers = (replace(layer, median=(layer.median or 0.0) * 2) for layer in one.layers)
        return replace(one, layers=tuple(layers))

    steep = replace(report(), series=tuple(map(grown, report().series)))
    assert medians(0, width=83) == ["-2.03", "-52.16", "-105.5", "-131.3"]  # beyond 100
    assert medians(2, width=83) == ["0.57", "-0.13", "-1.4", "-1.2"]
    assert medians(0, width=80) == ["-2.03", "-52.2", "-105.5", "-131.3"]  # beyond 10
    assert medians(2, width=80) == ["0.57", "-0.1", "-1.4", "-1.2"]
    assert "-105.5 " not in shown(steep, width=110)


@pytest.mark.parametrize(
    ("layers", "most", "expected"),
    [
        (range(1, 51), 7, [1, 10, 20, 30, 40, 50]),
        (range(1, 51), 4, [1, 20, 40, 50]),
        (range(1, 51), 3, [1, 25, 50]),
        (range(1, 61), 7, [1, 10, 20, 30, 40, 50, 60]),
        (range(1, 8), 7, [1, 2, 3, 4, 5, 6, 7]),
        (range(1, 12), 7, [1, 2, 4, 6, 8, 10, 11]),
        (range(1, 1001), 6, [1, 200, 400, 600, 800, 1000]),
        (range(1, 53), 7, [1, 10, 20, 30, 40, 52]),  # 50 and 52 would touch
        (range(51), 6, [0, 10, 20, 30, 40, 50]),
        (range(1, 2), 7, [1]),
        (range(1, 5), 3, [1, 2, 4]),
    ],
)
def test_the_layers_shown_are_round(layers: range, most: int, expected: list[int]) -> None:
    assert initialization_panels.round_layers(list(layers), most) == expected


def test_the_input_is_shown_only_with_all_layers() -> None:
    assert "k=0" not in shown(report())
    assert "k=0" not in shown(report(config={"every": 10}), width=100)
    assert "k=0" in shown(report(config={"all_layers": True}))
    assert "k=0" in shown(report(quantities=("f",)), width=100)  # f_0 = W_0 h_0 depends on W_0


def columns(text: str, title: str) -> list[int]:
    lines = text[text.index(title) : text.index("SHAPE")].split("\nBACKWARD")[0]
    return [int(k) for k in re.findall(r"k=(\d+)", lines)]


def test_layers_that_do_not_fit_go_into_blocks() -> None:
    text = shown(report(config={"every": 5}))
    assert columns(text, "FORWARD") == [1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50]
    assert text.count("| verdict") == text.count("per layer") == 2  # only in the last block of a panel
    assert text.count("-65.65") == 1
    wide = shown(report(config={"every": 25}))
    assert columns(wide, "FORWARD") == [1, 25, 50]
    assert wide.count("  sigma^2 ") < text.count("  sigma^2 ")
    every = shown(report(depth=120, config={"all_layers": True}))
    assert columns(every, "FORWARD") == list(range(121))


def test_names_stand_in_front_where_there_are_names() -> None:
    text = shown(report(USUAL), width=110)
    assert "  init          sigma^2    k=1" in text
    assert "  torch-default 0.003333 -0.49" in text
    narrow = section(shown(report(USUAL)), "FORWARD")
    assert narrow[1].startswith("  init ")  # the variance stands under SHAPE
    assert "torch-default  0.003333  0.05774" in shown(report(USUAL))
    mixed = shown(report((*USUAL[:1], ("normal:0.02", "He", 0.02), ("uniform:0.02", "", 0.02))), width=110)
    assert "normal:0.02 (He)" in mixed
    plain = shown(report((("uniform:0.02", "He", 0.02), CHAPTER[0])))
    assert "0.02  uniform, He" in plain
    assert "init  " not in plain


def test_variances_and_standard_deviations_are_both_shown() -> None:
    assert "0.02  He      0.1414" in shown(report())
    assert "by layer  0.05051 to 0.1414" in shown(own_model(), width=110)
    assert "variance (std) 0.00255" not in shown(own_model())
    assert "he: sigma^2 = 2/fan_in; variance (std) 0.02 (0.1414)" in shown(report(USUAL), verbosity=1)
    assert "sigma^2 = 0.001: variance (std) 0.001 (0.03162)" in shown(report(), verbosity=1)
    said = " ".join(shown(own_model(), verbosity=1).split())
    assert "variance (std) 0.002551 (0.05051) of W_0, 0.02 (0.1414) of W_1 to W_4" in said


@pytest.mark.parametrize(
    ("slope", "text"),
    [
        (math.log10(0.05), "0.05"),
        (math.log10(50), "50"),
        (math.log10(0.5), "0.5"),
        (math.log10(2), "2.0"),
        (math.log10(1.2e-5), "1.2e-5"),
        (math.log10(123), "120"),
        (math.log10(123456), "1.2e5"),
        (0.02, "1.05"),  # next to 1, two digits would say x1.0
        (-0.001, "0.998"),
        (400.25, "1.8e400"),  # beyond a double
        (-400.25, "5.6e-401"),
    ],
)
def test_a_factor_has_two_digits(slope: float, text: str) -> None:
    assert numbers.factor(slope) == text


def test_verdicts_carry_their_factor_or_law() -> None:
    def verdict(what: str = "h", **more: Any) -> str:
        return initialization_panels.verdict(series(CHAPTER[0], what, 50, **more))[0]

    assert verdict() == "VANISHES x0.049"
    assert verdict(slope=None) == "VANISHES"
    assert verdict(verdict=None) == "-"
    assert verdict(verdict=Outcome.UNEXPECTED, growth="k^1.0") == "UNEXPECTED"
    assert verdict(verdict=Outcome.STABLE, growth="k^1.0") == "stable, grows like k^1.0"
    assert verdict(verdict=Outcome.STABLE, growth="k^-0.9") == "stable, shrinks like k^-0.9"
    # backward, what grows with k shrinks on the way to the input
    assert verdict("dh", verdict=Outcome.STABLE, growth="k^1.0") == "stable, like k^1.0"
    assert verdict("dW", verdict=Outcome.STABLE, growth="k^-0.9") == "stable, like k^-0.9"
    assert "stable, grows like k^1.0" in shown(residual(), width=110)
    assert "stable, like k^-0.9" in shown(residual(), width=110)
    assert "stable, ~k^1.0" in shown(residual())
    assert "stable, ~k^-0.9" in shown(residual())


def test_what_is_not_known_is_a_dash_and_what_died_is_minus_infinity() -> None:
    lines = section(shown(dead()), "FORWARD")
    assert lines[2] == "  0.001        -1.01 -26.08 -52.75  -inf |             - -1.312 | VANISHES"
    assert "   inf |" in lines[3]
    said = " ".join(shown(dead()).split())
    assert "dead networks: 20 under sigma^2 = 0.001: their signal is exactly 0" in said
    assert "dead networks" not in shown(report())
    one = series(CHAPTER[2], "h", 3)
    unknown = replace(one, layers=(*one.layers[:-1], LayerStats(k=3, median=None)), slope_ci=None)
    assert section(shown(replace(report(), series=(unknown,))), "FORWARD")[2] == (
        "  0.02  He 0.29 -0.10   - |    -0.009 -0.011 | stable"
    )


def test_dead_units_are_told() -> None:
    assert "dead units: 50 % of the hidden units are 0 for the input\n" in shown(report())
    assert "are 0 for all 10 inputs\n" in shown(report(config={"inputs": 10}))
    assert "dead units" not in shown(replace(report(), dead_units=0.0))
    assert "dead units" not in shown(replace(report(), dead_units=None))


def test_causes_and_the_recommendation_are_sentences() -> None:
    said = " ".join(shown(report()).split())
    assert "sigma^2 = 0.001 and 0.01 (Glorot): VANISHES: a layer multiplies the variance by 0.05 and" in said
    assert "sigma^2 = 0.1 and 1: EXPLODES: a layer multiplies the variance by 5 and 50; keeping it" in said
    assert "He: sigma^2 = 2/fan_in = 0.02 (std 0.1414) keeps both directions" in said
    assert "each layer keeps the variance" not in said
    assert "sigma^2 = 0.02 (He): stable: each layer keeps" in " ".join(
        shown(report(), verbosity=1).split()
    )
    assert "note: the variance over a single unit" in shown(dead())


@pytest.mark.parametrize(
    ("causes", "said"),
    [
        (("it loses 0.5.", "it loses 0.5."), ["he and auto: VANISHES: it loses 0.5."]),
        (("by 1e-05, at 1/3", "by 0.5, at 1/3"), ["he and auto: VANISHES: by 1e-05 and 0.5, at 1/3"]),
        (("", ""), ["he and auto: VANISHES"]),
        # two numbers, or words, that differ: which belongs to which would be hard to read
        (("by 2 and 3", "by 4 and 5"), ["he: VANISHES: by 2 and 3", "auto: VANISHES: by 4 and 5"]),
        (("as 1/3", "as 1/4"), ["he: VANISHES: as 1/3", "auto: VANISHES: as 1/4"]),
    ],
)
def test_neighbors_with_one_cause_share_its_sentence(causes: tuple[str, str], said: list[str]) -> None:
    found = report(USUAL[:2])
    inits = tuple(
        replace(one, cause=cause, verdict=Outcome.VANISHES)
        for one, cause in zip(found.inits, causes, strict=True)
    )
    text = shown(replace(found, inits=inits), width=110)
    assert section(text, "he")[: len(said) + 1] == [*said, found.recommendation]
    other = (inits[0], replace(inits[1], verdict=Outcome.EXPLODES))
    assert "he and auto" not in shown(replace(found, inits=other))


def test_three_neighbors_are_a_list() -> None:
    text = " ".join(shown(report((*CHAPTER[:2], ("normal:0.005", "", 0.005)))).split())
    assert "sigma^2 = 0.001, 0.01 (Glorot) and 0.005: VANISHES: a layer multiplies the variance by" in text
    assert "by 0.05, 0.5 and 0.25; keeping" in text
    assert shown(report(), verbosity=1).count("variance (std) ") == 5  # with -v each tells what was drawn


def test_v_shows_what_was_expected_and_the_interval_under_each_row() -> None:
    lines = section(shown(report(CHAPTER[2:3]), width=100, verbosity=1), "FORWARD")
    assert lines[0].endswith("low to high: 90 %")
    assert [line.split()[0] for line in lines[2:]] == ["0.02", "theory", "low", "high"]
    assert lines[3].split()[1:7] == ["-0.01", "-0.11", "-0.22", "-0.33", "-0.44", "-0.55"]
    assert len(section(shown(report(CHAPTER[2:3]), width=100), "FORWARD")) == 3


def test_q_is_a_line_for_each_initialization() -> None:
    assert shown(report(), verbosity=-1) == (
        "normal:0.001          VANISHES\n"
        "normal:0.01 (Glorot)  VANISHES\n"
        "normal:0.02 (He)      stable\n"
        "normal:0.1            EXPLODES\n"
        "normal:1              EXPLODES\n"
    )
    assert shown(report(), verbosity=-2) == ""


def test_the_scatter_is_that_of_the_most_stable_initialization() -> None:
    sentence = "one network of He has log10 var h_50 in about [-1.84, 0.38] (90 % probability)\n"
    assert sentence in shown(report())
    assert "(50 % probability)" in shown(report(config={"level": 0.5}))
    last = report().series[2].layers[-1]
    assert (f"{last.low:.2f}", f"{last.high:.2f}") == ("-1.84", "0.38")
    assert "one network of" not in shown(replace(report(), series=report().series[5:]))  # no forward one
    alone = replace(report(), series=tuple(replace(s, networks=1) for s in report().series))
    assert "one network of" not in shown(alone)
    assert "one network of sigma^2 = 0.1 has log10" in shown(report(CHAPTER[3:]))
    # its gradients explode: forward alone, it would be the most stable
    forward, *rest = report(CHAPTER[1:3]).series
    calm = replace(forward, slope=0.0, verdict=Outcome.STABLE)
    assert "one network of He" in shown(replace(report(), series=(calm, *rest)))


# ---------------------------------------------------------------------------------------------
# Sparklines
# ---------------------------------------------------------------------------------------------


def drawn(one: InitReport, **options: Any) -> list[list[str]]:
    lines = section(shown(one, **options), "SHAPE")
    heading = next(number for number, line in enumerate(lines) if "forward:" in line)
    return [re.split(" {2,}", line.strip())[-2:] for line in lines[heading + 1 :]]


def test_sparklines_share_one_scale_so_that_flat_is_flat() -> None:
    lines = drawn(report())
    assert [len(line) for pair in lines for line in pair] == [24] * 10
    assert "layer 1 left, layer 50 right; one scale: ▁ 10^-66, █ 10^84\n" in shown(report())
    assert lines[2] == ["▄" * 24] * 2
    forward, backward = lines[0]
    assert list(forward) == sorted(forward, reverse=True)  # layer 1 left
    assert list(backward) == sorted(backward)  # the gradient has vanished at layer 1
    assert (forward[-1], lines[4][0][-1]) == ("▁", "█")
    assert "layer 50 right; one scale: 8 decades from ▁ to █\n" in shown(report(CHAPTER[2:3]))
    assert "one scale: 8 decades from _ to #\n" in shown(report(CHAPTER[2:3]), encoding="ascii")
    # alone it is still flat: its decade and a half is not blown up to the whole height
    assert set("".join(drawn(report(CHAPTER[2:3]))[0])) <= set("▄▅")
    assert len(set(drawn(report(CHAPTER[:1]))[0][0])) == 8


def test_sparklines_show_the_first_quantity_of_each_direction() -> None:
    lines = section(shown(report(quantities=("f", "dh", "h", "dW")), width=100), "SHAPE")
    assert "first layer left, last layer right" not in shown(report(quantities=("f", "dW")))
    assert "first layer left, last layer right" in lines[0]  # layer 0 of one, layer 1 of the other
    heads = re.split(" {2,}", lines[1].strip())
    assert heads == ["sigma^2", "std", "forward: var f_k", "backward: var dl/dh_k"]


def test_sparklines_take_one_bar_per_layer_while_there_are_few() -> None:
    assert [len(line) for line in drawn(report(depth=7))[0]] == [7, 7]
    assert [len(line) for line in drawn(report(depth=1000))[0]] == [24, 24]


def test_bars_have_twins_all_or_none() -> None:
    ascii_lines = drawn(report(), encoding="ascii")
    assert ascii_lines[2] == ["-" * 24] * 2
    assert (ascii_lines[0][0][-1], ascii_lines[4][0][-1]) == ("_", "#")
    blocks = dict(zip("▁▂▃▄▅▆▇█", "_.:-=+*#", strict=True))
    twins = [["".join(blocks[bar] for bar in line) for line in pair] for pair in drawn(report())]
    assert ascii_lines == twins
    assert "▄".encode("cp437")  # it has some of the blocks: half of them would not line up
    assert drawn(report(), encoding="cp437") == twins


def test_the_dead_lie_at_the_bottom_and_the_unknown_leaves_a_gap() -> None:
    one = series(CHAPTER[2], "h", 4)
    known, *_ = one.layers
    values = (0.0, -math.inf, None, math.inf)
    layers = tuple(LayerStats(k=k, median=value) for k, value in enumerate(values, 1))
    lines = section(shown(replace(report(), series=(replace(one, layers=(known, *layers)),))), "SHAPE")
    assert lines[-1].endswith("▅▁ █")


# ---------------------------------------------------------------------------------------------
# Number formats
# ---------------------------------------------------------------------------------------------


def test_number_formats_are_a_table() -> None:
    lines = section(shown(report()), "NUMBER FORMATS")
    assert lines[1:4] == [
        "  sigma^2       direction  float16           bfloat16          float32",
        "  0.001         forward    all zero at f_8   -                 -",
        "  0.001         backward   lost              -                 -",
    ]
    assert "  0.02  He      both       -                 -                 -" in lines
    assert lines[-1] == "  lost: the forward pass was lost before, and the gradient with it"
    calm = report(CHAPTER[2:3])
    assert "lost" not in shown(calm)
    late = replace(calm.formats[1], event="overflow", layer=3)
    assert "overflow at h_3" in shown(replace(calm, formats=(calm.formats[0], late)))
    assert "NUMBER FORMATS" not in shown(replace(calm, formats=()))


def test_what_was_simulated_stands_beside_the_forecast() -> None:
    said = " ".join(shown(simulated(), width=110).split())
    assert "all zero at f_8 (simulated: f_9)" in said
    assert "all zero at f_34 (simulated: neither)" in said
    assert "- (simulated: overflow at f_41)" in said
    assert "lost (simulated: lost)" in said
    narrow = section(shown(simulated()), "NUMBER FORMATS")
    assert "  0.001         float16   forward    all zero at f_8 (simulated: f_9)" in narrow
    assert "  nothing happens in the other cases" in narrow
    assert "simulated" not in shown(report())


# ---------------------------------------------------------------------------------------------
# A user's own model
# ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_model_shows_its_matrices_and_the_names_of_its_steps() -> None:
    text = shown(own_model(), width=90)
    assert text.startswith("init-stats   net.txt   20 networks")
    lines = section(text, "WEIGHTS")
    assert lines[1] == "  matrix line shape       mean variance    std   he glorot lecun torch"
    assert lines[2] == "  W0       10 100x784        0  0.00255 0.0505 x1.0   x1.1  x2.0  x6.0"
    assert lines[3] == "      6 times PyTorch's default, as if its variance were meant for a std"
    assert lines[4].endswith("x6.0  He")
    heading = section(text, "FORWARD")[1]
    assert heading.split()[2:7] == ["f0", "h1", "a_rather_...", "h2", "f2"]
    values = [f"{layer.median:.2f}" for layer in own_model().series[0].layers]
    assert section(text, "FORWARD")[2].split()[3:8] == values  # f0 and h1 share their k
    assert "k=" not in text
    assert section(text, "FORWARD")[0] == "FORWARD   log10 var of each step, median of 20 networks"
    assert "log10 var of dl/d step, towards the input" in text
    assert "log10 var f2 in about" in text
    figure = axes_of(own_model())
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == heading.split()[2:7]
    assert [f"{y:.2f}" for y in figure.axes[0].containers[0][0].get_ydata()] == values
    assert section(text, "FORWARD")[2].startswith("  model by layer")  # its file stands in the header
    assert "WEIGHTS" not in shown(report())


def test_a_model_has_a_column_for_each_step_also_where_two_share_their_k() -> None:
    found = api.model_stats(MODELS / "network.txt", nets=20, seed=0)
    lines = list(csv.DictReader(io.StringIO(shown(found, "csv"))))
    for direction in ("forward", "backward"):
        steps = [line for line in lines if line["direction"] == direction]
        assert [step["k"] for step in steps] == ["1", "1", "2", "2", "3"]
        rows = section(shown(found, width=110), direction.upper())
        assert rows[1].split()[2:7] == [step["name"] for step in steps] == ["f0", "h1", "f1", "h2", "f2"]
        medians = [f"{float(step['median']):.2f}" for step in steps]
        assert rows[2].split()[3:8] == medians
        assert len(set(medians)) == 5  # a value in the wrong column would show


def test_matrices_too_wide_for_a_row_have_their_ratios_under_it() -> None:
    found = own_model()
    wide = replace(
        found.matrices[0], shape=(16384, 16384), variance=1.23e-7, mean=-1.23e-9, line=10_000,
        ratios=dict.fromkeys(found.matrices[0].ratios, 1.2e-5),
    )  # fmt: skip
    text = shown(replace(found, matrices=(wide,)))
    assert "he x1.2e-5, glorot x1.2e-5, lecun x1.2e-5, torch-default x1.2e-5" in text


# ---------------------------------------------------------------------------------------------
# Color, encodings, harm
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", one_of(3, REPORTS))
def test_color_adds_nothing_but_color(name: str) -> None:
    plain, colored = (shown(REPORTS[name](), color=color) for color in (False, True))
    assert "\x1b[" not in plain
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == plain


def test_verdicts_have_colors_of_their_own() -> None:
    colored = shown(report(), color=True)
    styles = {
        word: re.findall(rf"\x1b\[([\d;]+)m{word}", colored)[0]
        for word in ("stable", "VANISHES", "EXPLODES")
    }
    assert len(set(styles.values())) == 3


@pytest.mark.parametrize("name", REPORTS)
def test_the_screen_is_ascii_on_an_ascii_terminal(name: str) -> None:
    assert shown(REPORTS[name](), encoding="ascii").isascii()


@pytest.mark.parametrize("name", one_of(3, formats("init-stats")))
@pytest.mark.parametrize("which", ["usual", "model", "simulated"])
def test_hostile_text_comes_out_harmless(name: str, which: str) -> None:
    for verbosity in (0, 1, -1):
        text = shown(nasty(REPORTS[which]()), name, verbosity=verbosity)
        assert all(c.isprintable() or c in "\n\t" for c in text)
        assert "[bold]" in text or name == "markdown"  # not markup


def test_a_hostile_activation_comes_out_harmless() -> None:
    one = replace(TANH, activation=NASTY, formula=NASTY, notes=(NASTY,), critical_note=NASTY)
    for name, color in product(formats("gain"), (False, True)):
        text = render([one], name, OutputOptions(color=color, encoding="ascii"), of="gain")
        assert all(c.isprintable() or c == "\n" for c in re.sub(r"\x1b\[[\d;]*m", "", text))


# ---------------------------------------------------------------------------------------------
# The contract
# ---------------------------------------------------------------------------------------------


WHOLE = jsonschema.Draft202012Validator(SCHEMA)
ONE_SERIES = jsonschema.Draft202012Validator({"$ref": "#/$defs/series", "$defs": SCHEMA["$defs"]})


@pytest.mark.parametrize("name", one_of(3, REPORTS))
def test_json_follows_its_schema(name: str) -> None:
    found = REPORTS[name]()
    WHOLE.validate(json.loads(shown(found, "json")))
    for line in shown(nasty(found), "jsonl").splitlines():
        ONE_SERIES.validate(json.loads(line))


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("key", "value"),
    [("verdict", "VANISHED"), ("quantity", "g"), ("direction", "sideways"), ("slope", "?"), ("layers", None)],
)
def test_the_schema_refuses_what_is_not_in_the_contract(key: str, value: Any) -> None:
    whole = json.loads(shown(report(), "json"))
    whole["series"][0][key] = value
    with pytest.raises(jsonschema.ValidationError):
        WHOLE.validate(whole)


def test_json_keys_stand_in_the_order_of_the_contract() -> None:
    whole = json.loads(shown(own_model(), "json"))
    assert list(whole) == [
        *("schema", "version", "config", "series", "formats", "dead_units", "dead_networks"),
        *("recommendation", "inits", "matrices", "notes"),
    ]
    assert whole["schema"] == "gradcheck.init-stats/1"
    assert list(whole["series"][0]) == [
        *("init", "label", "sigma2", "quantity", "stat", "direction", "layers", "slope", "slope_ci"),
        *("expected_slope", "verdict", "growth", "networks", "dead", "overflowed", "slope_differs"),
    ]
    layer = whole["series"][0]["layers"][1]
    assert list(layer) == ["k", "median", "low", "high", "expected", "name"]
    assert (layer["k"], layer["name"]) == (1, "h1")
    full = json.loads(shown(report(), "json"))
    for part, record in [
        ("init_stats", whole), ("series", whole["series"][0]), ("layer", layer),
        ("format", full["formats"][0]), ("init", whole["inits"][0]), ("matrix", whole["matrices"][0]),
        ("gain", json.loads(gains("json"))), ("activation", json.loads(gains("json"))["activations"][0]),
    ]:  # fmt: skip
        assert list(record) == list(SCHEMA["$defs"][part]["properties"]) == SCHEMA["$defs"][part]["required"]


def test_json_numbers_round_trip_and_infinities_are_words() -> None:
    found = report()
    layers = json.loads(shown(found, "json"))["series"][3]["layers"]
    assert [one["median"] for one in layers] == [one.median for one in found.series[3].layers]
    first, second = json.loads(shown(dead(), "json"))["series"][:2]
    assert (first["layers"][-1]["median"], first["slope"], first["dead"]) == ("-inf", None, 20)
    assert (second["layers"][-1]["median"], second["layers"][-1]["expected"]) == ("inf", "nan")
    assert json.loads(shown(found, "json"))["dead_units"] == 0.5
    unsure = replace(found, series=(replace(found.series[0], verdict=None),))
    assert json.loads(shown(unsure, "json"))["series"][0]["verdict"] is None


def test_jsonl_is_one_series_a_line() -> None:
    lines = [json.loads(line) for line in shown(report(), "jsonl").splitlines()]
    assert lines == json.loads(shown(report(), "json"))["series"]
    assert len(lines) == 10


@pytest.mark.parametrize(("name", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_delimited_round_trips(name: str, delimiter: str) -> None:
    found = dead()
    rows = list(csv.DictReader(io.StringIO(shown(found, name)), delimiter=delimiter))
    assert tuple(rows[0]) == INIT_FIELDS
    pairs = [(s, layer) for s in found.series for layer in s.layers]
    assert len(rows) == len(pairs)
    for row, (one, layer) in zip(rows, pairs, strict=True):
        assert (row["init"], row["label"], int(row["k"])) == (one.init, one.label, layer.k)
        assert row["verdict"] == str(one.verdict)
        for field in ("median", "low", "high", "expected"):
            value = getattr(layer, field)
            assert row[field] == "" if value is None else repr(value) == repr(float(row[field]))
        assert row["slope"] == ("" if one.slope is None else repr(one.slope))


def test_delimited_has_the_layers_that_were_asked_for() -> None:
    def shown_layers(**config: Any) -> set[int]:
        text = shown(report(config=config), "csv")
        return {int(row["k"]) for row in csv.DictReader(io.StringIO(text))}

    assert shown_layers() == set(range(51))
    assert shown_layers(every=20) == {1, 20, 40, 50}


def test_the_gain_as_json() -> None:
    whole = json.loads(gains("json"))
    WHOLE.validate(whole)
    assert [one["activation"] for one in whole["activations"]] == ["tanh", "relu", "gelu"]
    assert whole["activations"][0]["gain"] == TANH.gain
    assert whole["activations"][2]["critical_sigma_w"] is None
    whole["activations"][0]["fixed_point"] = "wobbles"
    with pytest.raises(jsonschema.ValidationError):
        WHOLE.validate(whole)


# ---------------------------------------------------------------------------------------------
# Markdown
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", one_of(3, REPORTS))
@pytest.mark.parametrize("change", [lambda r: r, nasty], ids=["plain", "nasty"])
def test_markdown_tables_are_well_formed(name: str, change: Callable[[InitReport], InitReport]) -> None:
    text = shown(change(REPORTS[name]()), "markdown", verbosity=1)
    tables = [block.split("\n") for block in text.split("\n\n") if block.startswith("|")]
    for lines in tables:
        bars = [len(re.findall(r"(?<!\\)\|", line)) for line in lines]
        assert len(set(bars)) == 1
        assert re.fullmatch(r"\|( --- \|)+", lines[1])
    assert text.count("\n|") == sum(map(len, tables)) - text.startswith("|")  # none outside a table


def test_markdown_shows_what_the_screen_shows() -> None:
    text = shown(report(), "markdown")
    assert "| 0.001 | -1.01 | -13.41 | -26.08 |" in text
    assert "| -1.310 ±0.005 | -1.312 | VANISHES x0.049 |" in text
    assert "### Forward: log10 var h\\_k, median of 20 networks" in text
    assert "`▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄`" in text
    assert "| 0.001 | forward | all zero at f\\_8 | - | - |" in text
    screen = " ".join(shown(report()).split())
    for paragraph in text.split("\n\n"):
        if not paragraph.startswith(("|", "#")) and ";" not in paragraph:
            assert paragraph.replace("\\", "").strip().rstrip(".") in screen
    assert "| matrix | line | shape |" in shown(own_model(), "markdown")


# ---------------------------------------------------------------------------------------------
# gradcheck gain
# ---------------------------------------------------------------------------------------------


def test_the_gain_of_an_activation_is_a_page() -> None:
    assert gains(width=100).split("\n\n")[0] == (
        """\
tanh(z)
  gain         1.592537   1/sqrt(E phi^2); PyTorch's calculate_gain says 1.666667
  moments                 E phi = 0, E phi^2 = 0.394294, E phi'^2 = 0.464403
  chi          1.178      gain^2 E phi'^2: what one layer multiplies the gradient's variance by
  chi^50       3.6e+03    over 50 layers
  fixed point  attracts   variances return to q = 1; d ln q'/d ln q = 0.551
  critical                sigma_w = 1, in the limit q -> 0 (bias variance 0); a weight's variance is
                          sigma_w^2/fan_in"""
    )


def test_the_gain_says_what_pytorch_knows_and_where_kinks_are() -> None:
    _, relu, gelu = (" ".join(one.split()) for one in gains().split("\n\n"))
    assert "calculate_gain says the same" in relu
    assert "kinks z = 0" in relu
    assert "sigma_w = 1.41421, any q" in relu
    assert "calculate_gain does not know it" in gelu
    assert "repels variances drift away from q = 1" in gelu
    assert "none (bias variance 0): no fixed point with chi = 1 attracts" in gelu
    assert "note: variances collapse" in gelu
    assert "kinks" not in gelu


@pytest.mark.parametrize("width", [80, 100, 200])
def test_no_line_of_a_gain_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, gains(width=width).splitlines())) <= width
    assert gains(verbosity=-2) == ""


# ---------------------------------------------------------------------------------------------
# The picture
# ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["chapter", "model", "dead", "nothing"])
def test_a_picture_is_a_picture(name: str) -> None:
    found = REPORTS[name]()
    if name in ("chapter", "nothing"):
        assert plot.picture(found, "png").startswith(b"\x89PNG\r\n\x1a\n")
    assert plot.picture(nasty(found), "svg").startswith(b"<?xml")


@pytest.mark.slow
def test_the_same_report_gives_the_same_picture_whatever_the_user_likes() -> None:
    import matplotlib

    short = report(CHAPTER[:3], depth=8)
    svg = plot.picture(short, "svg")
    with matplotlib.rc_context({"axes.facecolor": "red", "font.size": 30}):
        assert plot.picture(short, "svg") == svg
        assert matplotlib.rcParams["font.size"] == 30
    assert plot.picture(report(CHAPTER[:2], depth=8), "svg") != svg
    assert b"<dc:date>" not in svg


def axes_of(one: InitReport) -> Any:
    from matplotlib.figure import Figure

    return plot.draw_figure(Figure, one)


def test_theory_is_a_line_and_measurement_marks_with_intervals() -> None:
    figure = axes_of(report())
    forward, backward = figure.axes
    assert forward.get_title("left") == "Forward: var $h_k$"
    assert "towards the input" in backward.get_xlabel()
    assert "towards the input" not in forward.get_xlabel()
    he = report().series[2]
    lines = [line for line in forward.lines if line.get_linestyle() == "-"]
    assert [list(line.get_ydata()) for line in lines][2] == [layer.expected for layer in he.layers]
    marks, _, bars = forward.containers[2]
    ks = [int(k) for k in marks.get_xdata()]
    assert len(ks) <= 25
    assert list(marks.get_ydata()) == [he.layers[k].median for k in ks]
    for k, bar in zip(ks, bars[0].get_segments(), strict=True):
        # yerr is a difference and the end a sum: an ulp or two of numbers of size 2
        assert list(bar[:, 1]) == pytest.approx([he.layers[k].low, he.layers[k].high], abs=1e-14)
    assert len({line.get_color() for line in lines}) == 5
    assert len({mark[0].get_marker() for mark in forward.containers}) == 5
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["0.001", "0.01  Glorot", "0.02  He", "0.1", "1"]


@pytest.mark.slow
@pytest.mark.parametrize("text", [r"$\frac{$", "_hidden", "\u6f22\u5b57", "{}%", r"a_b^c $x$"])
def test_what_a_user_typed_is_drawn_as_it_is(text: str) -> None:
    one = own_model()
    rows = [
        replace(s, init=text, layers=tuple(replace(k, name=text) for k in s.layers)) for s in one.series
    ]
    odd = replace(one, config=one.config | {"model": text}, series=tuple(rows), inits=())
    assert plot.picture(odd, "svg").startswith(b"<?xml")
    shown_names = [label.get_text() for label in axes_of(odd).legends[0].get_texts()]
    assert len(shown_names) == 1
    assert shown_names[0].isascii()
    assert not shown_names[0].startswith("_")  # matplotlib 3.8 leaves such names out


def test_the_picture_says_what_lines_and_marks_are() -> None:
    def title(one: InitReport) -> str:
        return axes_of(one).get_suptitle()

    assert title(report(depth=4)).endswith(
        "\nlines: theory; marks: medians of 20 networks; bars: where one network lies with 90 % probability"
    )
    bare = tuple(replace(layer, expected=None) for layer in report().series[0].layers)
    unknown = replace(report(), series=(replace(report().series[0], layers=bare, networks=1),))
    assert "marks: one network; " in " ".join(title(unknown).split())
    assert "theory" not in title(unknown)


def test_very_many_initializations_are_thinned_in_the_legend_only() -> None:
    many = tuple((f"normal:{k / 100}", "", k / 100) for k in range(1, 31))
    figure = axes_of(report(many, depth=4))
    assert len(figure.legends[0].get_texts()) == 12
    assert len(figure.axes[0].containers) == 30
    assert len({line.get_color() for line in figure.axes[0].lines if line.get_linestyle() == "-"}) == 30


def test_each_quantity_has_its_panel() -> None:
    figure = axes_of(report(depth=4, quantities=("h", "dh", "dW")))
    assert [axes.get_visible() for axes in figure.axes] == [True, True, True, False]
    assert len(axes_of(report(depth=4, quantities=("h",))).axes) == 1


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    plot.require()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for attempt in (plot.require, lambda: plot.picture(report(), "svg")):
        with pytest.raises(OptionError, match="--plot needs matplotlib") as caught:
            attempt()
        assert caught.value.help == "pip install 'gradcheck-cli[plot]'"


def test_only_a_picture_needs_matplotlib() -> None:
    script = "import sys, gradcheck_cli.render; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_panels_stand_in_the_order_of_the_series() -> None:
    found = panels(report(quantities=("dW", "h")))
    assert [panel.series[0].quantity for panel in found] == ["dW", "h"]
    assert all(isinstance(panel, Panel) and len(panel.series) == 5 for panel in found)
