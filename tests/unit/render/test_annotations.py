"""The formats for continuous integration: what is not ok, at its line, as the published schemas want it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import reports
from gradcheck_cli.render.findings import findings, reason
from gradcheck_cli.render.registry import OutputOptions, pieces, render
from gradcheck_cli.results.gradient_results import Comparison, Failure, Report, Verdict

SCHEMAS = Path(__file__).parents[2] / "support" / "schemas"
NASTY = "[/red]\x1b[31m\r\n::error::x%0A\u202e]]><a>&\"',:%\udcff\ufffe::set-output name=a::b"


def nasty(report: Report) -> Report:
    """The same report with names that try to be commands, tags, or ends of what they stand in."""
    return replace(
        report,
        model=NASTY, summary=NASTY,
        claims=tuple(replace(c, formula=NASTY, note=NASTY, diagnosis=NASTY) for c in report.claims),
        error=report.error and replace(report.error, message=NASTY, help=NASTY, file=NASTY),
    )  # fmt: skip


EVERY = [*reports.ALL, *map(nasty, reports.ALL)]


# ---------------------------------------------------------------------------------------------
# Findings
# ---------------------------------------------------------------------------------------------


def test_an_ok_report_has_no_finding_and_says_what_was_compared() -> None:
    assert findings(reports.OK) == []
    assert reason(reports.OK) == reports.OK.summary


def test_a_wrong_claim_is_found_at_its_line_with_its_diagnosis() -> None:
    claim = next(c for c in reports.WRONG.claims if c.verdict is Verdict.WRONG)
    found = [f for f in findings(reports.WRONG) if f.verdict is Verdict.WRONG]
    assert [(f.file, f.line, f.is_claim) for f in found] == [(reports.WRONG.model, claim.line, True)]
    assert claim.diagnosis in found[0].reasons
    assert reason(reports.WRONG).startswith(f"line {claim.line}: {claim.diagnosis}")


def test_claims_of_a_file_stand_in_that_file() -> None:
    report = replace(reports.WRONG, claims_file="alice.txt")
    assert {f.file for f in findings(report) if f.is_claim} == {"alice.txt"}


def test_a_claim_whose_line_is_of_another_file_stands_there() -> None:
    claims = tuple(replace(c, file="layers.py") for c in reports.WRONG.claims)
    report = replace(reports.WRONG, claims=claims, claims_file="net.py")
    assert {f.file for f in findings(report) if f.is_claim} == {"layers.py"}
    line = next(c.line for c in claims if c.verdict is Verdict.WRONG)
    assert reason(report).startswith(f"layers.py:{line}: ")
    assert f"layers.py:{line}" in render([report])


def test_a_claim_that_cannot_be_read_says_what_is_wrong_before_the_way_out() -> None:
    error = Failure("== is not used", line=1, column=3, help="write =")
    claim = replace(reports.OK.claims[0], verdict=Verdict.ERROR, error=error, line=1)
    report = replace(reports.OK, verdict=Verdict.ERROR, claims=(claim,))
    assert reason(report) == "line 1: == is not used"
    assert 'message="== is not used"' in render([report], "junit")
    assert "help: write =" in render([report], "junit")


def test_what_cannot_be_read_is_found_where_it_stands() -> None:
    data = Failure("no number", line=3, column=2, file="points.csv")
    report = replace(reports.ERROR, error=data, errors=(data, replace(data, line=5)))
    places = [(f.file, f.line, f.column) for f in findings(report)]
    assert places == [("points.csv", 3, 2), ("points.csv", 5, 2)]
    assert reason(report) == "line 3: no number; and 1 other"


def test_a_claim_that_is_missing_is_found_where_the_parameter_is_declared() -> None:
    block = replace(reports.OK.parameters[0], lacks="no claim for b0", line=7)
    report = replace(reports.OK, parameters=(block,), verdict=Verdict.WRONG)
    assert [(f.line, f.reasons) for f in findings(report)] == [(7, ("no claim for b0",))]


def test_a_verdict_that_no_claim_and_no_name_has_is_told_in_the_report_s_words() -> None:
    report = replace(reports.OK, verdict=Verdict.UNRESOLVED, closing=("All is well.", "Nothing was tested."))
    assert [(f.about, f.line) for f in findings(report)] == [("Nothing was tested.", None)]


@pytest.mark.parametrize(
    ("source", "file", "line"),
    [("net.py:grad", "net.py", None), ("g.npz", "g.npz", None), ("cmd: ./p.out", "toy.txt", 6),
     ("scipy.optimize:f", "toy.txt", 6)],
)  # fmt: skip
def test_a_gradient_from_elsewhere_is_found_in_its_own_file(source: str, file: str, line: int | None) -> None:
    wrong = replace(reports.OK.claims[0], by="b0", verdict=Verdict.WRONG, diagnosis="is twice it", line=0)
    other = Comparison(name="g", source=source, verdict=Verdict.WRONG, results=(wrong,))
    blocks = tuple(replace(block, line=6) for block in reports.OK.parameters)
    report = replace(reports.OK, parameters=blocks, verdict=Verdict.WRONG, against=(other,))
    assert [(f.file, f.line, f.reasons[0]) for f in findings(report)] == [(file, line, "is twice it")]
    assert "is twice it" in reason(report)
    assert "is twice it" in render([report], "junit")
    assert "AGAINST" in report._repr_html_()
    twin = replace(report, against=(replace(other, results=(), notes=("the loss is another",)),))
    assert [f.reasons for f in findings(twin)] == [("the loss is another",)]


def test_standard_input_is_no_file() -> None:
    assert {f.file for f in findings(replace(reports.WRONG, model="-"))} == {None}


# ---------------------------------------------------------------------------------------------
# GitHub
# ---------------------------------------------------------------------------------------------

COMMAND = re.compile(r"::(error|warning|notice) ((?:\w+=[^,:\r\n]*)(?:,\w+=[^,:\r\n]*)*)::([^\r\n]*)")


def unescape(text: str) -> str:
    """As the runner does."""
    for escaped, plain in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(escaped, plain)
    return text


def commands(*some: Report) -> list[tuple[str, dict[str, str], str]]:
    """The commands as GitHub reads them, each of one line; the last line is the count."""
    *lines, count = render(some, "github").splitlines()
    assert not count.startswith("::")
    found = [COMMAND.fullmatch(line) for line in lines]
    assert None not in found, lines
    return [
        (m[1], {k: unescape(v) for k, _, v in (p.partition("=") for p in m[2].split(","))}, unescape(m[3]))
        for m in found if m
    ]  # fmt: skip


def test_github_is_told_the_line_of_a_wrong_claim() -> None:
    claim = next(c for c in reports.WRONG.claims if c.verdict is Verdict.WRONG)
    (kind, properties, message), = commands(reports.OK, reports.WRONG)
    assert (kind, properties["file"], properties["line"]) == ("error", "toy_wrong.txt", str(claim.line))
    assert properties["title"].startswith("WRONG: d loss/d ")
    assert claim.diagnosis in message.splitlines()


def test_milder_verdicts_are_milder_annotations() -> None:
    kinds = {report.model: {kind for kind, _, _ in commands(report)} for report in reports.ALL}
    assert kinds["kink.txt"] == {"notice"}
    assert kinds["log.txt"] == {"warning"}
    assert kinds["bad.txt"] == {"error"}
    assert kinds["toy.txt"] == set()


@pytest.mark.parametrize("report", EVERY)
def test_no_name_is_a_command_of_its_own(report: Report) -> None:
    assert len(commands(report)) == len(findings(report))
    for _, properties, _ in commands(report):
        assert set(properties) <= {"file", "line", "col", "title"}


# ---------------------------------------------------------------------------------------------
# SARIF
# ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sarif_schema() -> Any:
    schema = json.loads((SCHEMAS / "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
    return jsonschema.Draft4Validator(schema)


def sarif(*some: Report) -> Any:
    return json.loads(render(some, "sarif"))


def test_sarif_follows_its_schema(sarif_schema: Any) -> None:
    sarif_schema.validate(sarif(*EVERY))
    sarif_schema.validate(sarif())
    spoiled = sarif(reports.WRONG)
    spoiled["runs"][0]["results"][0]["line"] = 3
    assert list(sarif_schema.iter_errors(spoiled))


def test_sarif_says_rule_level_and_region() -> None:
    run = sarif(*reports.ALL)["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
    wrong = next(r for r in run["results"] if r["ruleId"] == "wrong-claim")
    place = wrong["locations"][0]["physicalLocation"]
    claim = next(c for c in reports.WRONG.claims if c.verdict is Verdict.WRONG)
    assert place == {"artifactLocation": {"uri": "toy_wrong.txt"}, "region": {"startLine": claim.line}}
    assert wrong["level"] == "error"
    assert sarif(reports.OK)["runs"][0]["results"] == []


def test_sarif_paths_are_references() -> None:
    for model, uri in (("a b/c#1%.txt", "a%20b/c%231%25.txt"), ("/x/y z.txt", "file:///x/y%20z.txt")):
        result = sarif(replace(reports.WRONG, model=model))["runs"][0]["results"][0]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri
    assert "locations" not in sarif(replace(reports.WRONG, model="-"))["runs"][0]["results"][0]


def test_sarif_shows_what_is_of_the_whole_file_at_its_first_line() -> None:
    report = replace(reports.OK, verdict=Verdict.UNRESOLVED, closing=("Nothing was tested.",))
    place = sarif(report)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 1}


# ---------------------------------------------------------------------------------------------
# JUnit
# ---------------------------------------------------------------------------------------------


def test_junit_follows_the_schema_of_jenkins() -> None:
    etree = pytest.importorskip("lxml.etree")
    schema = etree.XMLSchema(etree.parse(str(SCHEMAS / "junit-10.xsd")))
    for some in ((), EVERY, *((report,) for report in EVERY)):
        root = etree.fromstring(render(some, "junit").encode("utf-8"))
        schema.assertValid(root)
    root.find("testsuite")[0].set("file", "x")
    assert not schema.validate(root)


def test_junit_has_a_case_for_each_claim_and_name_and_fails_the_wrong_one() -> None:
    from xml.etree import ElementTree

    root = ElementTree.fromstring(render([reports.WRONG, reports.OK, reports.ERROR, reports.KINK], "junit"))
    wrong, ok, error, kink = root
    claim = next(c for c in reports.WRONG.claims if c.verdict is Verdict.WRONG)
    failed = wrong.findall("testcase[failure]")
    assert [case.get("name", "").partition(":")[0] for case in failed] == [f"line {claim.line}"]
    text = failed[0].findtext("failure") or ""
    assert text.startswith(f"toy_wrong.txt:{claim.line}: WRONG: ")
    assert len(wrong) == len(reports.WRONG.claims) + len(reports.WRONG.parameters)
    assert (ok.get("failures"), ok.get("errors")) == ("0", "0")
    assert error.get("errors") == "1"
    assert kink.get("failures") == "0"
    assert kink.find("testcase/system-out") is not None
    assert root.get("failures") == "1"


# ---------------------------------------------------------------------------------------------
# One by one
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["table", "jsonl", "csv", "tsv", "github"])
@pytest.mark.parametrize("verbosity", [-1, 0, 1])
def test_text_that_comes_piece_by_piece_is_the_whole_text(name: str, verbosity: int) -> None:
    asked: list[str] = []
    expected = tuple(r.model for r in reports.ALL)
    options = OutputOptions(verbosity=verbosity, expected=expected)
    texts = pieces((asked.append(r.model) or r for r in reports.ALL), name, options)
    first = next(texts)
    assert len(asked) <= 1
    assert first + "".join(texts) == render(reports.ALL, name, OutputOptions(verbosity=verbosity))


def test_one_line_reports_are_cut_on_a_terminal_only() -> None:
    whole = render([reports.WRONG], options=OutputOptions(verbosity=-1, is_cut=False))
    claim = next(c for c in reports.WRONG.claims if c.verdict is Verdict.WRONG)
    assert whole.rstrip().endswith(f"WRONG       line {claim.line}: {claim.diagnosis}")
    cut = render([reports.WRONG], options=OutputOptions(verbosity=-1, width=40))
    assert len(cut.rstrip("\n")) <= 40
    assert cut.rstrip().endswith("...")
