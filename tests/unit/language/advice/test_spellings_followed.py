"""What people type leads here in one step: what the error says is put in, and the model is the one meant."""

from __future__ import annotations

import re

import pytest

from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.language import read_model, show
from tests.support.spellings import CLAIMS, EXPRESSIONS, FRAME, STATEMENTS, Row

_LEADS = re.compile(r"(?:^|write|written|is|are|mean|or|with|to|[:;,=.]|\()\s*$")
TABLES = {
    "expressions": (EXPRESSIONS, FRAME, "\nloss = a*x"),
    "statements": (STATEMENTS, FRAME, ""),
    "claims": (CLAIMS, f"{FRAME}f = A @ u\nloss = sum(f^2)\n", ""),
}


def typed(row: Row) -> str:
    return row[0].replace("`", "")


def followed(row: Row) -> str:
    before, _, behind = row[0].split("`")
    return before + row[1] + behind


def help_on(text: str) -> str:
    with pytest.raises(GradcheckError) as caught:
        read_model(text)
    return caught.value.help or ""


def is_said(told: str, help: str) -> bool:
    """Whether a help says what to put there: as a whole, not as a part of another text."""
    ends = (found.end() for found in re.finditer(re.escape(told), help))
    return any(_LEADS.search(help[: end - len(told)]) and not re.match(r"\w", help[end:]) for end in ends)


@pytest.mark.parametrize("table", TABLES)
def test_the_error_says_what_to_put_there(table: str) -> None:
    rows, above, below = TABLES[table]
    said = {row: help_on(above + typed(row) + below) for row in rows}
    assert not {row: help for row, help in said.items() if not is_said(row[1], help)}


def test_there_are_many() -> None:
    assert sum(len(rows) for rows, _, _ in TABLES.values()) > 165


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
def test_what_is_put_there_is_what_is_meant(table: str) -> None:
    rows, above, below = TABLES[table]
    for row in rows:
        model = show(read_model(above + followed(row) + below))
        if len(row) > 2:
            assert model == show(read_model(above + row[2] + below)), row
