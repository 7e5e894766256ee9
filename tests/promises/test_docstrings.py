"""What a caller reads: every public function has an example that is run, every citation a reference."""

from __future__ import annotations

import ast
import calendar
import doctest
import inspect
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

import gradcheck_cli
from paths import PACKAGE, PROJECT
from source_trees import trees

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
# Arrays: what goes in and what comes out
# ---------------------------------------------------------------------------------------------

ARRAYS = re.compile(r"\b(Array|NDArray|Floats|Ints|Bools)\b")
TEXTS = {path: path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
WORDS = {path: set(re.findall(r"\w+", text)) for path, text in TEXTS.items()}


# Classes whose methods are functions of numbers, named as NumPy names them: what they take is said there.
NAMESPACES = {"Namespace", "High"}


def is_property(node: ast.FunctionDef) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in node.decorator_list)


@cache
def functions_of_arrays() -> dict[str, ast.FunctionDef]:
    """The functions and methods without an underscore whose annotations name an array, and which others use.

    A property says it in its sentence, a method that overrides another in the base class.
    """
    everything = [node for tree in trees().values() for node in tree.body]
    classes = {node.name: node for node in everything if isinstance(node, ast.ClassDef)}
    public = {name for name in classes if not name.startswith("_")} - NAMESPACES

    def inherited(node: ast.ClassDef) -> set[str]:
        bases = [classes[name] for base in node.bases if (name := ast.unparse(base)) in classes]
        own = {each.name for base in bases for each in base.body if isinstance(each, ast.FunctionDef)}
        return own.union(*(inherited(base) for base in bases))

    def is_public(path: Path, node: ast.FunctionDef) -> bool:
        given = f"{ast.unparse(node.args)} {ast.unparse(node.returns) if node.returns else ''}"
        if node.name.startswith("_") or is_property(node) or not ARRAYS.search(given):
            return False
        return any(node.name in words for other, words in WORDS.items() if other != path)

    found = {}
    for path, tree in trees().items():
        for node in tree.body:
            owner, members, known = "", [node], set()
            if isinstance(node, ast.ClassDef) and node.name in public:
                owner, members, known = f"{node.name}.", node.body, inherited(node)
            for each in members:
                if isinstance(each, ast.FunctionDef) and each.name not in known and is_public(path, each):
                    found[f"{path.relative_to(PACKAGE).as_posix()}: {owner}{each.name}"] = each
    return found


def not_said(node: ast.FunctionDef) -> list[str]:
    """The sections that the docstring of an array function lacks, and parameters that it does not name."""
    text = ast.get_docstring(node) or ""
    given = ast.unparse(node.returns) if node.returns else "None"
    everything = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    names = [a.arg for a in everything if a.arg not in ("self", "cls")]
    result = [] if given == "None" else ["Yields" if "Iterator" in given else "Returns"]
    wanted = ["Parameters", *result] if names else result
    described = re.split(r"\n\n\w+\n-+\n", text.partition("Parameters\n")[2])[0]
    return [word for word in wanted if not re.search(rf"^{word}\n-+$", text, re.M)] + [
        name for name in names if not re.search(rf"\b{name}\b", described)
    ]


def test_a_function_of_arrays_says_what_they_are() -> None:
    lacking = {name: not_said(node) for name, node in functions_of_arrays().items()}
    assert {name: missing for name, missing in lacking.items() if missing} == {}


def test_functions_of_arrays_are_found() -> None:
    found = functions_of_arrays()
    assert len([name for name in found if "." in name.partition(": ")[2]]) > 60
    assert len(found) > 180


_TAKES = "Parameters\n    ----------\n    {} : (n,) float64\n"


@pytest.mark.parametrize(
    ("signature", "text", "missing"),
    [
        ("x: Array) -> Array", "", ["Parameters", "Returns", "x"]),
        ("x: Array) -> Array", _TAKES.format("x"), ["Returns"]),
        ("x: Array) -> None", _TAKES.format("y"), ["x"]),
        ("x: Array) -> None", _TAKES.format("x"), []),
        (") -> Array", "", ["Returns"]),
        (") -> Iterator[Array]", "Returns\n    -------\n    (n,) float64\n", ["Yields"]),
    ],
)
def test_what_is_not_said_is_seen(signature: str, text: str, missing: list[str]) -> None:
    (node,) = ast.parse(f'def f({signature}:\n    """Does it.\n\n    {text}    """').body
    assert isinstance(node, ast.FunctionDef)
    assert not_said(node) == missing


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
