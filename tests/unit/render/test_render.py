"""The formats, on reports made by hand (reports.py)."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reports
from gradcheck_cli.render import numbers, registry, table
from gradcheck_cli.render.csv_tsv import FIELDS
from gradcheck_cli.render.json_schema import explain_json
from gradcheck_cli.render.latex import escape, symbol
from gradcheck_cli.render.registry import OutputOptions, formats, render
from gradcheck_cli.render.text_encoding import safe, wrap
from gradcheck_cli.results.gradient_results import Explanation, Report, Verdict
from paths import MODELS, PACKAGE
from terminal import gradcheck

SCHEMA = json.loads(
    (PACKAGE / "schema.json").read_text(encoding="utf-8")
)
NASTY = '[/red][bold]\x1b[31m\x9b\u202e\r\n\t\udcff beta\u2080 \u6f22\u5b57 %$#&{}~^\\|<a>`"--'


def shown(*some: Report, **options: Any) -> str:
    return render(some, "table", OutputOptions(**options))


def nasty(report: Report) -> Report:
    """The same report with names that try to do harm."""
    return replace(
        report,
        model=NASTY,
        summary=NASTY,
        notes=(NASTY,),
        parameters=tuple(replace(b, name=b.name + NASTY) for b in report.parameters),
        claims=tuple(replace(c, formula=NASTY, note=NASTY) for c in report.claims),
    )


# ---------------------------------------------------------------------------------------------
# Numbers and words
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.2809006218364386, "2.280900622"),
        (-1.68305774999, "-1.683057750"),
        (1.0, "1"),
        (-3.0, "-3"),
        (0.4, "0.4"),
        (0.0, "0"),
        (-0.0, "0"),
        (1e22, "1e+22"),
        (1.2345678901e-5, "1.234567890e-05"),
        (12345678901.5, "1.234567890e+10"),
        (1234567890.5, "1234567890"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (None, "-"),
    ],
)
def test_a_number_has_ten_digits_unless_fewer_are_exact(value: float | None, text: str) -> None:
    assert numbers.number(value) == text


def test_two_numbers_that_differ_are_shown_with_the_digits_that_differ() -> None:
    assert numbers.pair(1.0, 1.00000000001) == ("1", "1.00000000001")
    assert numbers.pair(2.0, 2.0) == ("2", "2")
    assert len(set(numbers.pair(0.1, 0.1 + 2**-56))) == 2


@pytest.mark.slow
@given(st.floats())
def test_exact_numbers_round_trip(value: float) -> None:
    again = float(numbers.exact(value))
    assert again == value or (math.isnan(again) and math.isnan(value))


def test_arrays_are_cut() -> None:
    assert numbers.array([[0.5, -1.25], [1 / 3, 2.0]]) == "[[0.5, -1.25], [0.333333, 2]]"
    assert numbers.array([0.0] * 9) == f"[{', '.join('0' * 9)}]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1 / 3, "0.3333333333"),
        ([1.0, 2.0], "[1, 2]"),
        ([[1.0, 2.0, 3.0]] * 2, "[[1, 2, 3], [1, 2, 3]]"),  # 6 entries are printed
        ([2.0] * 7, "7 entries, norm 5.292"),
        ([[2.0] * 4] * 4, "4x4, norm 8"),
        ([[3e200], [4e200], *[[0.0]] * 5], "7x1, norm 5.000e+200"),  # squares would overflow
        ([1.0] * 1024, "1,024 entries, norm 32"),
        ([float("nan")] * 7, "7 entries, norm nan"),
    ],
)
def test_large_arrays_are_shown_by_shape_and_norm(value: object, text: str) -> None:
    assert numbers.brief(value) == text


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("\u03b2\u2080", "utf-8", "\u03b2\u2080"),
        ("\u03b2\u2080 \u00b1 \u03bb\u03f5", "ascii", "beta0 +- lambdaepsilon"),
        ("\u0393\u2202x", "cp1252", "Gammadx"),
        ("\u6f22", "ascii", "\\u6f22"),
        ("a\x1b[31m\nb", "utf-8", "a\\u001b[31m\\u000ab"),
        ("\u202e", "utf-8", "\\u202e"),
    ],
)
def test_text_is_made_harmless_and_gets_ascii_twins(
    text: str, encoding: str, expected: str
) -> None:
    assert safe(text, encoding) == expected


def test_wrapped_text_is_cut_beyond_the_longest() -> None:
    lines = wrap("word " * 100, 40, longest=3)
    assert len(lines) == 3
    assert lines[-1].endswith("...")
    assert all(len(line) <= 40 for line in lines)


# ---------------------------------------------------------------------------------------------
# The screen
# ---------------------------------------------------------------------------------------------


def test_a_wrong_claim_looks_as_designed() -> None:
    assert shown(reports.WRONG) == (
        """\
toy_wrong.txt   8 parameters, 8 steps, 4 claims, no rows   seed 0, 4 points
loss = 0.1385805664   symbolic and forward pass agree to 15 digits

    value      symbolic      backprop  finite diff.     +-  digits
b0      1   2.280900622   2.280900622   2.280900622  4e-13      12  ok
b1      2  -17.06046653  -17.06046653  -17.06046653  3e-13      13  ok
b2     -3  -1.683057750  -1.683057750  -1.683057750  5e-14      13  ok
b3    0.4  0.7445282168  0.7445282168  0.7445282168  2e-15      14  ok
w0    0.1   5.246071430   5.246071430   5.246071430  6e-13      12  ok
w1   -0.4  -16.07948867  -16.07948867  -16.07948867  3e-13      13  ok
w2      2  -8.529734590  -8.529734590  -8.529734590  4e-13      13  ok
w3      3  0.5583961601  0.5583961601  0.5583961601  2e-14      13  ok

YOUR CLAIMS   1 WRONG, 3 ok (-v lists them)
line 13   d loss/d f2 = sin(f2) * d loss/d h3                            WRONG
          yours  1.683057750     true -1.683057750     at 4 of 4 points
          has the wrong sign: d cos(z)/dz = -sin(z); cos stands in line 8
          right down to d loss/d h3
          The 1 claim that builds on this one was judged with its true value
1 of your 4 claims is WRONG: line 13.
The columns above agree: 8 of 8 entries, to at least 12 digits.
"""
    )


def test_large_blocks_are_one_line_each() -> None:
    text = shown(reports.NETWORK)
    assert "W0     32x10      320     310    10  0.9796              9  W0[16,5]   ok" in text
    assert "b2[3]" in text
    assert "134 of 256 entries; worst in row 0 at f3[15]" in text
    assert "yours  0.3782993296     true  0" in text
    assert "set points = 8" in text
    assert "note: gelu is the erf form" in text


def test_a_deep_chain_shows_its_worst_ten_rows() -> None:
    text = shown(reports.chain(2002))
    assert "... 1,992 more, all ok, at least 9 digits (-v)" in text
    assert len(text.splitlines()) < 20
    assert len(shown(reports.chain(2002), verbosity=1).splitlines()) > 2002
    assert "more" not in shown(reports.chain(24))


def test_a_kink_shows_both_slopes() -> None:
    assert "left slope 0, right slope 1" in shown(reports.KINK)


def test_a_disagreement_elsewhere_names_its_point() -> None:
    assert "at point 3" in shown(reports.DISPUTED)


def test_disputed_entries_of_a_large_block_are_shown() -> None:
    block = reports.NETWORK.parameters[0]
    bad = replace(block.entries[0], backprop=1.0, verdict=Verdict.WRONG, digits=0.0)
    report = replace(
        reports.NETWORK, parameters=(replace(block, entries=(bad,), verdict=Verdict.WRONG),)
    )
    assert re.search(r"^W0\[16,5\].* WRONG$", shown(report), re.MULTILINE)


def test_the_value_at_the_point_of_failure_is_shown_with_its_error() -> None:
    text = shown(reports.UNRESOLVED)
    assert "    2 | f0 = log(b0)\n      |      ^\n" in text
    assert "nan" in text


def test_several_files_give_a_line_for_each_ok_one_and_a_count() -> None:
    text = shown(reports.OK, reports.WRONG, reports.OK, reports.ERROR)
    assert text.startswith("toy.txt        ok          8 entries, at least 12 digits; 4 claims\n")
    assert text.endswith("4 models: 2 ok, 1 WRONG, 1 ERROR\n")
    assert text.count("symbolic and forward pass agree") == 1
    assert 'bad.txt        ERROR       line 3: missing operator between "w0" and "x"' in text
    assert shown(reports.OK, reports.OK, verbosity=1).count("symbolic and forward") == 2
    assert len(shown(*reports.ALL, verbosity=-1).splitlines()) == len(reports.ALL) + 1
    assert shown(reports.OK, verbosity=-1).count("\n") == 1
    assert shown(*reports.ALL, verbosity=-2) == ""


def test_the_widest_of_many_names_is_sought_once(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def width(text: str) -> int:
        measured.append(text)
        return len(text)

    monkeypatch.setattr(table, "width_of", width)
    some = [replace(reports.OK, model=f"{k}.txt") for k in range(100)]
    assert len(shown(*some).splitlines()) == len(some) + 1
    assert len(measured) < 5*len(some)


def test_files_of_claims_are_told_apart() -> None:
    text = shown(*(replace(reports.OK, claims_file=f"{name}.txt") for name in ("alice", "bob")))
    assert "toy.txt, claims of bob.txt    ok          8 entries" in text
    assert text.endswith("2 files of claims: 2 ok\n")


def test_all_claims_are_listed_with_v() -> None:
    assert "line 11   d loss/d f3 = 2*(f3 - y)" in shown(reports.OK, verbosity=1)
    assert "YOUR CLAIMS   4 ok (-v lists them)\n" in shown(reports.OK)
    noted = replace(reports.OK.claims[0], note="right only for this x: x = 1")
    text = shown(replace(reports.OK, claims=(noted, *reports.OK.claims[1:])))
    assert "right only for this x" in text


@pytest.mark.parametrize("report", reports.ALL, ids=lambda report: report.model)
@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("change", [lambda report: report, nasty], ids=["plain", "nasty"])
def test_no_line_is_wider_than_the_terminal(
    report: Report, width: int, change: Callable[[Report], Report]
) -> None:
    from rich.cells import cell_len

    lines = shown(change(report), reports.OK, width=width).splitlines()
    assert max(map(cell_len, lines)) <= width


def test_numbers_with_exponents_fit_80_columns() -> None:
    tiny = reports.block("weights", reports.entry(1.23456789012e-7, -1.23456789012e-105, 1e-120))
    text = shown(replace(reports.OK, parameters=(tiny,)))
    assert max(map(len, text.splitlines())) <= 80
    assert "-1.2346e-105" in text


@pytest.mark.parametrize("name", formats())
def test_hostile_names_come_out_harmless(name: str) -> None:
    for encoding in ("utf-8", "ascii"):
        text = render(
            [nasty(report) for report in reports.ALL], name, OutputOptions(encoding=encoding)
        )
        assert all(c.isprintable() or c in "\n\t" for c in text)
        assert name in ("table",) or encoding == "ascii" or "\u6f22" in text or name == "latex"


def test_user_text_is_never_markup() -> None:
    plain, colored = (shown(reports.DISPUTED, color=color) for color in (False, True))
    assert "[/red].txt" in plain
    assert "\x1b[" not in plain
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == plain
    assert "\x1b[1;31mWRONG\x1b[0m" in colored


def test_the_table_is_ascii_on_an_ascii_terminal() -> None:
    report = replace(reports.OK, model="\u03b2\u2080.txt", summary="\u00b1 \u6f22")
    text = shown(report, encoding="ascii")
    assert text.isascii()
    assert "beta0.txt" in text


# ---------------------------------------------------------------------------------------------
# The contract
# ---------------------------------------------------------------------------------------------


def validate(value: Any, part: str | None = None) -> None:
    schema = SCHEMA if part is None else {"$ref": f"#/$defs/{part}", "$defs": SCHEMA["$defs"]}
    jsonschema.Draft202012Validator(schema).validate(value)


def of_a_matrix(place: str, wrong: int, *lines: str) -> Report:
    """A wrong claim on a matrix of 3 x 4 entries."""
    claim = replace(
        reports.WRONG.claims[2], by="W0", wrong=wrong, total=12, index=(2, 1), place=place, map=lines
    )
    return replace(reports.WRONG, claims=(claim,))


def test_which_entries_are_wrong_is_said_and_drawn() -> None:
    row = of_a_matrix("row 2 of W0", 3)
    for name in ("table", "markdown", "latex"):
        text = render([row], name, OutputOptions()).replace("\\", "")
        assert "row 2 of W0 (3 of 12 entries); worst at W0[2,1]" in text
        assert "right" not in text.split("row 2 of W0")[1].split("right down to")[0]
    assert "W0[2,1] (1 of 12 entries)\n" in shown(of_a_matrix("W0[2,1]", 1))
    scattered = of_a_matrix("2 of 12 entries", 2, "░█░░", "░░░█")
    told = shown(scattered)
    assert "          2 of 12 entries; worst at W0[2,1]\n" in told
    assert "          ░█░░\n          ░░░█\n          █ wrong   ░ right\n" in told
    twin = shown(scattered, encoding="ascii")
    assert "          .#..\n          ...#\n          # wrong   . right\n" in twin
    assert "Line 13:\n\n    ░█░░\n    ░░░█\n" in render([scattered], "markdown", OutputOptions())
    assert r"\newline \texttt{.\#..}\newline \texttt{...\#}" in render([scattered], "latex", OutputOptions())
    found = json.loads(render([scattered], "json", OutputOptions()))["reports"][0]["claims"][0]
    assert list(found)[-4:] == ["map", "only", "error", "file"]
    assert (found["place"], found["map"]) == ("2 of 12 entries", ["░█░░", "░░░█"])


def with_a_wrong_block(where: str | None, *lines: str) -> Report:
    """A network of which a block of 32 x 10 entries is WRONG."""
    first, *others = reports.NETWORK.parameters
    bad = replace(first, verdict=Verdict.WRONG, where=where, map=lines, note="what all together say")
    return replace(reports.NETWORK, parameters=(bad, *others))


def test_which_entries_of_a_block_are_wrong_is_said_and_drawn() -> None:
    report = with_a_wrong_block("row 3 of W0")
    for name in ("table", "markdown", "latex"):
        text = render([report], name, OutputOptions()).replace("\\", "")
        assert "WRONG: row 3 of W0" in text
        assert "what all together say" in text
        assert "WRONG: row" not in render([with_a_wrong_block(None)], name, OutputOptions())
    scattered = with_a_wrong_block("2 of 320 entries", "░█░░", "░░░█")
    assert "░█░░\n" in shown(scattered)
    assert "    ░█░░\n    ░░░█\n" in render([scattered], "markdown", OutputOptions())
    assert r"\newline \texttt{.\#..}\newline \texttt{...\#}" in render([scattered], "latex", OutputOptions())
    found = json.loads(render([scattered], "json", OutputOptions()))["reports"][0]["parameters"][0]
    validate(found, "parameter")
    assert (found["wrong"], found["map"]) == ("2 of 320 entries", ["░█░░", "░░░█"])


def test_zero_at_this_point_only_is_not_untested() -> None:
    zero = replace(reports.entry(0.5, 0.0, digits=12.0), symbolic=0.0, finite=0.0, digits=None)
    here = shown(replace(reports.OK, parameters=(reports.block("a", zero),)))
    assert "a: zero here, tested at other points\n" in here
    never = shown(replace(reports.OK, parameters=(reports.block("a", replace(zero, tested=False)),)))
    assert "  ok  zero, not tested\n" in never


def test_json_follows_its_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    value = json.loads(render(reports.ALL, "json"))
    validate(value)
    assert value["verdict"] == "ERROR"
    assert list(value) == ["schema", "version", "verdict", "reports"]


def test_json_keys_have_a_fixed_order() -> None:
    report = json.loads(render([reports.WRONG], "json"))["reports"][0]
    assert list(report)[:6] == ["model", "verdict", "summary", "error", "loss", "loss_symbolic"]
    assert list(report["parameters"][0]["entries"][0])[:6] == [
        *("index", "value", "symbolic", "backprop", "finite", "bound")
    ]
    for part, record in [
        ("report", report),
        ("parameter", report["parameters"][0]),
        ("entry", report["parameters"][0]["entries"][0]),
        ("claim", report["claims"][0]),
    ]:
        assert list(record) == list(SCHEMA["$defs"][part]["properties"])


def test_json_numbers_round_trip_and_infinities_are_words() -> None:
    value = json.loads(render([reports.UNRESOLVED, reports.OK], "json"))
    entry = value["reports"][0]["parameters"][0]["entries"][0]
    assert (entry["symbolic"], entry["finite"], entry["bound"]) == ("nan", None, "inf")
    parameters = value["reports"][1]["parameters"]
    backprop = [p["entries"][0]["backprop"] for p in parameters]
    assert backprop == [b.entries[0].backprop for b in reports.OK.parameters]


def test_jsonl_is_one_report_a_line() -> None:
    lines = render(reports.ALL, "jsonl").splitlines()
    assert len(lines) == len(reports.ALL)
    for line in lines:
        validate(json.loads(line), "report")
    whole = json.loads(render(reports.ALL, "json"))
    assert [json.loads(line) for line in lines] == whole["reports"]


def test_json_survives_hostile_names() -> None:
    report = json.loads(render([nasty(reports.WRONG)], "json"))["reports"][0]
    assert report["model"] == NASTY


@pytest.mark.parametrize(("name", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_delimited_has_one_header_and_a_line_per_entry_claim_and_error(
    name: str, delimiter: str
) -> None:
    table = list(csv.DictReader(io.StringIO(render(reports.ALL, name)), delimiter=delimiter))
    assert tuple(table[0]) == FIELDS
    kinds = [line["kind"] for line in table]
    entries = sum(len(b.entries) for r in reports.ALL for b in r.parameters)
    claims = sum(len(r.claims) for r in reports.ALL)
    assert (kinds.count("entry"), kinds.count("claim")) == (entries, claims)
    assert kinds.count("error") == 2
    first = next(line for line in table if line["model"] == "toy.txt" and line["name"] == "b0")
    assert float(first["backprop"]) == reports.OK.parameters[0].entries[0].backprop


def test_the_header_of_csv_is_the_contract() -> None:
    assert render([], "csv").strip() == (
        "model,kind,name,line,value,symbolic,backprop,finite,bound,digits,claimed,true,"
        "verdict,diagnosis"
    )


# ---------------------------------------------------------------------------------------------
# Markdown and LaTeX
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("of", ["run", "explain"])
def test_markdown_tables_are_regular(of: str) -> None:
    result = [nasty(r) for r in reports.ALL] if of == "run" else reports.EXPLANATION
    lines = render(result, "markdown", of=of).splitlines()
    tables = [line for line in lines if line.startswith("| ")]
    assert tables
    for line, after in pairwise(lines):
        if line.startswith("| ") and after.startswith("| "):
            assert len(re.findall(r"(?<!\\)\|", line)) == len(re.findall(r"(?<!\\)\|", after))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("f2", "f_{2}"),
        ("loss", r"\ell"),
        ("\u03b2\u2080", r"\beta_{0}"),
        ("W1[0,2]", "W_{1, 0,2}"),
        ("d loss/d f2", r"\frac{\partial \ell}{\partial f_{2}}"),
        ("a_b_c", r"\mathrm{a\_b\_c}"),
    ],
)
def test_names_become_symbols(name: str, expected: str) -> None:
    assert symbol(name) == expected


def test_latex_text_is_escaped() -> None:
    assert escape("50% of {x_1} & \\input") == r"50\% of \{x\_1\} \& \textbackslash{}input"
    assert "--" not in escape("a--b---c")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
@pytest.mark.parametrize("of", ["run", "explain"])
def test_latex_compiles(of: str, tmp_path: Path) -> None:
    everything = [*reports.ALL, *map(nasty, reports.ALL), reports.chain(100)]
    result: Any = everything if of == "run" else reports.EXPLANATION
    text = render(result, "latex", OutputOptions(verbosity=1), of=of)
    (tmp_path / "report.tex").write_text(text, encoding="utf-8")
    (tmp_path / "main.tex").write_text(
        "\\documentclass{article}\\usepackage{amsmath,booktabs}"
        "\\begin{document}\\input{report}\\end{document}"
    )
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "main.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]


# ---------------------------------------------------------------------------------------------
# Explanations, functions, and new formats
# ---------------------------------------------------------------------------------------------


def test_an_explanation_looks_as_designed() -> None:
    assert render(reports.EXPLANATION, of="explain") == (
        """\
toy.txt   loss = (f3 - y)^2 = 0.1385805664   x = 2.3   y = 2   v = [0.5, -1.25]

FORWARD PASS
  f0 = b0 + w0*x                        1.23           b0 = 1    w0 = 0.1
  h1 = sin(f0)                          0.9424888019
  f1 = b1 + w1*h1                       1.623004479    b1 = 2    w1 = -0.4
BACKWARD PASS #1: intermediates, last first
  d loss/d f3 = 2*(f3 - y)              0.7445282168
  d loss/d f2 = -sin(f2) * d loss/d h3  -1.683057750   d h3/d f2 = -sin(f2)
BACKWARD PASS #2: parameters
  d loss/d b0 = d loss/d f0             2.280900622    d f0/d b0 = 1
  d loss/d w0 = x * d loss/d f0         5.246071430    d f0/d w0 = x
note: d loss/d f0 is shown for the only row
"""
    )


def test_long_formulas_and_arrays_of_an_explanation_fit_80_columns() -> None:
    step = replace(
        reports.EXPLANATION.backward_steps[0],
        formula=" + ".join(f"sin(f{k})*w{k}" for k in range(40)),
        value=[[0.123456] * 20] * 3,
        local="d f3/d h3 = " + "w3 * " * 30 + "1",
    )
    explanation = replace(reports.EXPLANATION, backward_steps=(step,) * 3)
    lines = render(explanation, of="explain").splitlines()
    assert max(map(len, lines)) <= 80
    assert "sin(f39)*w39" in " ".join(lines)


def _arrays() -> Explanation:
    """A vector of 6, a matrix of 8 and one of 6 entries, in every list."""
    vector, matrix, small = [0.5] * 6, [[1.0, -2.0, 3.0, 0.25]] * 2, [[1.0, 2.0, 3.0]] * 2
    first = reports.EXPLANATION.forward[0]
    values = {"v": vector, "W": matrix, "M": small}
    steps = tuple(replace(first, name=k, title=k, value=v, local="") for k, v in values.items())
    return replace(
        reports.EXPLANATION, inputs=steps, forward=steps, backward_steps=steps, backward_parameters=steps
    )


def test_arrays_of_an_explanation_are_short_everywhere_and_whole_with_v() -> None:
    text = render(_arrays(), of="explain")
    assert text.count("2x4, norm 5.303") == 4  # the header and three lists
    assert text.count("[0.5, 0.5, 0.5, 0.5, 0.5, 0.5]") == 4
    assert text.count("[[1, 2, 3], [1, 2, 3]]") == 4
    assert "-2" not in text
    whole = render(_arrays(), options=OutputOptions(verbosity=1), of="explain")
    assert whole.count("    = [[1, -2, 3, 0.25],\n       [1, -2, 3, 0.25]]\n") == 4
    assert "norm" not in whole
    assert whole.splitlines()[0] == "toy.txt   loss = (f3 - y)^2 = 0.1385805664"
    assert "POINT: data and parameters\n  v " in whole


def test_arrays_of_an_explanation_in_markdown_and_latex() -> None:
    whole = OutputOptions(verbosity=1)
    text = render(_arrays(), "markdown", of="explain")
    assert text.count("2x4, norm 5.303") == 4
    assert render(_arrays(), "markdown", whole, of="explain").count("-2, 3, 0.25") == 8
    text = render(_arrays(), "latex", of="explain")
    assert text.count(r"\left(2 \times 4,\ \text{norm } 5.303\right)") == 4
    assert text.count(r"\begin{pmatrix} 1 & 2 & 3 \\ 1 & 2 & 3 \end{pmatrix}") == 4
    assert text.count(r"0.5 \end{pmatrix}^{T}") == 4
    text = render(_arrays(), "latex", whole, of="explain")
    assert text.count(r"\begin{pmatrix} 1 & -2 & 3 & 0.25 \\ 1") == 4


def test_what_has_no_space_beside_an_equation_goes_below_it() -> None:
    step = reports.EXPLANATION.backward_steps[1]
    long = replace(step, formula="(1 - h2^2) * d loss/d f2 + " * 4 + "d loss/d f2")
    wide = replace(step, value=[0.1234567] * 6, local="")
    explanation = replace(reports.EXPLANATION, backward_steps=(step, long, wide))
    lines = render(explanation, of="explain").splitlines()
    assert max(map(len, lines)) <= 80
    assert not any(line.endswith((" d", "/d")) for line in lines)  # no derivative is broken
    at = lines.index(next(line for line in lines if "(1 - h2^2)" in line))
    assert lines[at + 2 : at + 4] == ["    = -1.683057750", "      d h3/d f2 = -sin(f2)"]
    assert "    = [0.123457, 0.123457, 0.123457, 0.123457, 0.123457, 0.123457]" in lines


def test_an_explanation_as_json_follows_its_schema() -> None:
    value = json.loads(explain_json(reports.EXPLANATION, OutputOptions()))
    validate(value)
    assert list(value["forward"][0]) == ["name", "formula", "value", "line", "local"]


def test_the_page_of_functions_fits_80_columns() -> None:
    class Record:
        name, signature, aliases = "leaky_relu", "leaky_relu(z, slope=0.01)", ("lrelu",)
        summary, domain, derivative = "z where positive, else slope * z " * 3, "all", "1 or slope"

    lines = render([Record(), Record()], of="functions").splitlines()
    assert max(map(len, lines)) <= 80
    assert "domain: all; derivative: 1 or slope" in lines[-1]


def test_a_new_format_is_one_function() -> None:
    known = registry.Formats(registry.HOMES)

    @known.register("names")
    def names(some: list[Report], options: OutputOptions) -> str:
        return " ".join(report.model for report in some)

    assert known.names() == (*formats(), "names")
    assert render([reports.OK, reports.KINK], "names", known=known) == "toy.txt kink.txt"


def test_every_format_is_registered_by_the_module_that_is_said_to() -> None:
    for of, homes in registry.HOMES.items():
        for name, module in homes.items():
            found = import_module(f"gradcheck_cli.render.{module}")
            assert registry.FORMATS.find(name, of).__module__ == found.__name__
    said = {(of, name) for of, homes in registry.HOMES.items() for name in homes}
    assert said == set(registry.FORMATS.known)


def test_a_reference_of_zero_is_not_told_of_entries_that_are_exactly_zero(tmp_path: Path) -> None:
    """It decided nothing there; where the columns lost digits it is told."""
    (tmp_path / "lost.txt").write_text("param x = 20\nloss = tanh(x)\n")
    _, dead = gradcheck(["run", str(MODELS / "dead_units.txt")], tmp_path)
    assert b"zero in all columns" in dead
    assert b"reference" not in dead
    _, lost = gradcheck(["run", "lost.txt"], tmp_path)
    assert b"reference 1.699341702e-17" in lost
