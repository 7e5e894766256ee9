"""A file of claims is read line by line: one that cannot be read does not keep the others from judgement."""

from __future__ import annotations

import pytest

from gradcheck_cli import api
from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.language import read_claims
from gradcheck_cli.language.recovery import remove_statement
from gradcheck_cli.results.gradient_results import Report, Verdict, exit_code

MODEL = api.load("data x = 0.5\nparam w = 2, v[3] = [1, 2, 3]\nh = w*x\nloss = h^2 + sum(v)*h\n")
RIGHT = "claim d loss/d h = 2*h + sum(v)\n"
WRONG = "claim d loss/d h = h\n"


def judged(text: str) -> Report:
    claims = read_claims(text, file="a.txt", model=MODEL)
    return api.check(MODEL, claims=claims, claims_file="a.txt", points=2)


# a line that cannot be read, its column, a word of the message, and one of the help
UNREAD = [
    ("claim d loss/d w = 2*w x", 24, "missing operator", "w*x"),
    ("claim d loss/d q = 1", 16, "unknown name", "the model has x, w, v, h, loss"),
    ("d loss/d w = 1", 12, "claim", "claim d loss/d w"),
    ("claim d loss/d w = (1 + x", 20, "never closed", ")"),
    ("claim d loss/d w = [1, 2", 20, "never closed", "]"),
    ("claim d loss/d v = v[7]", 20, "outside", "from 0"),
    ('claim d loss/d w from "no.csv"', 18, "no file", "folder of the file of claims"),
    ("let g = d loss/d ww", 18, "unknown name", "w"),
    ("claim d loss/d w = np.exp(w)", 20, "module", "exp(w)"),
    ('claim d loss/d w from "no.csv', 23, "quote", '"'),
]


@pytest.mark.parametrize(("line", "column", "word", "help"), UNREAD)
def test_the_other_claims_are_judged(line: str, column: int, word: str, help: str) -> None:
    claims = read_claims(f"# mine\n{line}\n{RIGHT}{WRONG}", file="a.txt", model=MODEL)
    unread, right, wrong = claims
    failure = unread.failure
    if word == "outside":  # a right side that cannot be built is a wrong claim, as ever
        assert failure is None
        return
    assert failure is not None
    assert (failure.line, failure.column) == (2, column)
    assert word in failure.message
    assert help in (failure.help or "")
    assert "^" in failure.text
    assert (right.failure, wrong.failure) == (None, None)
    assert (right.line, wrong.line) == (3, 4)


def test_a_claim_that_cannot_be_read_is_an_error_and_counts() -> None:
    report = judged(f"{RIGHT}claim d loss/d w = 2*w x\n{WRONG}")
    assert [(c.line, c.verdict) for c in report.claims] == [
        (1, Verdict.OK), (2, Verdict.ERROR), (3, Verdict.WRONG),
    ]  # fmt: skip
    assert report.verdict is Verdict.ERROR
    assert report.error is None
    assert exit_code([report.verdict]) == 2
    first = "1 of your 3 claims could not be read: line 2. 1 of your 3 claims is WRONG"
    assert report.closing[0].startswith(first)
    assert report.claims[1].error is not None
    said = 'missing operator between "w" and "x" (column 24); a product is written w*x'
    assert report.claims[1].note == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("claim d loss/d w = 2 w\n", "Your only claim could not be read: line 1."),
        (f"{RIGHT}claim d loss/d w = 2 w\n", "could not be read: line 2. The other one is ok."),
        (f"{RIGHT}{RIGHT}claim d loss/d w = 2 w\n", "line 3. The other 2 are ok."),
        ("claim d loss/d w = 2 w\nclaim loss 3\n", "2 of your 2 claims could not be read: lines 1, 2."),
    ],
)
def test_how_many_could_not_be_read_is_said(text: str, said: str) -> None:
    assert said in judged(text).closing[0]


def test_what_rests_on_a_line_that_cannot_be_read_is_told_so() -> None:
    text = f"let g = d loss/d ww\nclaim d loss/d w = g\n{RIGHT}f(z) = 2*z z\nclaim d loss/d w = f(2)\n"
    notes = {claim.line: claim.note for claim in judged(text).claims}
    assert notes[2] == '"g" is named in line 1, which could not be read (column 20)'
    assert notes[5] == '"f" is named in line 4, which could not be read (column 20)'
    assert notes[3] is None


def test_loops_are_read_but_for_the_line_that_is_wrong() -> None:
    text = "repeat k = 0 to 2:\n    claim d loss/d v[k] = h\n    claim d loss/d v[k] = h h\n" + RIGHT
    found = [(claim.line, str(claim.verdict)) for claim in judged(text).claims]
    assert found == [(2, "ok"), (2, "ok"), (2, "ok"), (3, "ERROR"), (4, "ok")]
    text = "repeat k = 0 to kk:\n    claim d loss/d v[k] = h\n" + RIGHT
    assert [(claim.line, str(claim.verdict)) for claim in judged(text).claims] == [(1, "ERROR"), (3, "ok")]


@pytest.mark.parametrize(
    "text", ["import numpy as np\n", "(((", "<html>\n<body>\n", "claim d loss/d w = 1\n\0"]
)
def test_what_is_no_file_of_claims_is_refused(text: str) -> None:
    with pytest.raises(GradcheckError) as caught:
        read_claims(text, file="a.txt", model=MODEL)
    assert caught.value.place is not None


def test_too_many_lines_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(GradcheckError) as caught:
        read_claims("claim d loss/d w = 2 w\n" * 30 + RIGHT, file="a.txt", model=MODEL)
    assert caught.value.place is not None
    assert caught.value.place.line == 1


def test_what_is_taken_out_leaves_every_place_as_it_was() -> None:
    text = "param a = 1; b = 2 2; c = a\nloss = c\n"
    with pytest.raises(GradcheckError) as caught:
        api.load(text)
    removed = remove_statement(text, caught.value, "-")
    assert removed is not None
    assert (removed.statement, removed.names) == ("b = 2 2", {"b"})
    assert removed.text == "param a = 1;        ; c = a\nloss = c\n"
    assert remove_statement(text, caught.value, "other.txt") is None
