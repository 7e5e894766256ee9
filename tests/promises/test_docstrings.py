"""What a caller reads: every public function has an example that is run, every citation a reference."""

from __future__ import annotations

import calendar
import doctest
import inspect
import re
from collections import defaultdict
from pathlib import Path

import pytest

import gradcheck_cli
from paths import PACKAGE, PROJECT

FUNCTIONS = [name for name in gradcheck_cli.__all__ if inspect.isfunction(getattr(gradcheck_cli, name))]
WITH_EXAMPLES = [*FUNCTIONS, "InitOptions", "Initializer", "Outcome", "Report", "Verdict"]
REFERENCES = PROJECT / "docs" / "references.md"
ANYWHERE = {"api", "numerics/limits"}  # what uses a work lies elsewhere
_NAMES = r"([A-Z][a-z]\w*(?: et al\.| and [A-Z]\w+)|[A-Z][a-z]\w{2,})"
_CITATION = re.compile(rf"{_NAMES},? \(?((?:18|19|20)\d\d)\b(?!-)")
_MONTHS = set(calendar.month_name)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_are_true(name: str) -> None:
    found = getattr(gradcheck_cli, name)
    tests = doctest.DocTestFinder(exclude_empty=False).find(found, name, globs={})
    results = [doctest.DocTestRunner().run(test) for test in tests]
    assert sum(result.attempted for result in results), f"{name} has no example"
    assert not sum(result.failed for result in results)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_what_it_takes_gives_and_raises(name: str) -> None:
    function = getattr(gradcheck_cli, name)
    text = inspect.getdoc(function) or ""
    sections = re.findall(r"^(\w+)\n-+$", text, re.M)
    wanted = ["Parameters", "Returns", "Raises", "Examples"]
    if inspect.signature(function).return_annotation == "None":
        wanted.remove("Returns")
    assert [section for section in sections if section in wanted] == wanted
    described = text.partition("Parameters\n")[2].partition("\nRaises\n")[0]
    assert not [p for p in inspect.signature(function).parameters if not re.search(rf"\b{p}\b", described)]


# ---------------------------------------------------------------------------------------------
# References
# ---------------------------------------------------------------------------------------------


def entries() -> dict[str, set[str]]:
    """Each work in the list of references, and the folders said to use it."""
    text = REFERENCES.read_text(encoding="utf-8")
    found = re.findall(r"^- \*\*(.+?)\*\*(.+?)(?=\n- |\n\n|\Z)", text, re.M | re.S)
    return {name: set(re.findall(r"`([\w/]+)`", text)) for name, text in found}


def running_text(path: Path) -> str:
    """A file with its line breaks, and the marks of comments, taken for spaces."""
    return re.sub(r"\s+(?:# ?)?", " ", path.read_text(encoding="utf-8")).replace(" & ", " and ")


def cited() -> dict[str, set[str]]:
    """Each "name year" of the package's modules, and the folders where it stands."""
    found = defaultdict(set)
    for path in sorted(PACKAGE.rglob("*.py")):
        for name, year in _CITATION.findall(running_text(path)):
            if name not in _MONTHS:
                found[f"{name} {year}"].add(path.parent.relative_to(PACKAGE).as_posix())
    return found


def test_every_citation_has_a_reference_and_says_where_it_is_used() -> None:
    known = entries()
    assert not set(cited()) - set(known)
    missing = {name: folders - known[name] - ANYWHERE for name, folders in cited().items()}
    assert not {name: folders for name, folders in missing.items() if folders}


def test_every_reference_is_used_where_it_says() -> None:
    for name, folders in entries().items():
        authors = name.rpartition(" ")[0]
        for folder in folders:
            texts = [running_text(path) for path in (PACKAGE / folder).glob("*.py")]
            assert any(authors in text for text in texts), f"{name}: {folder}"


def test_citations_on_pages_have_references() -> None:
    known = entries()
    for page in (PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))):
        found = {f"{name} {year}" for name, year in _CITATION.findall(running_text(page))}
        assert page == REFERENCES or not found - set(known), page.name


def test_a_citation_is_recognized() -> None:
    text = "(Higham 2002, 14.3); He et al. 2015, equation 10. Griewank and Walther 2008; in 2026, 1998 rows"
    names = [f"{name} {year}" for name, year in _CITATION.findall(text)]
    assert names == ["Higham 2002", "He et al. 2015", "Griewank and Walther 2008"]
