"""The house is a test: every module has a rank and imports only from strictly lower ones."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "gradcheck_cli"
ROOT = PACKAGE.name

# The rank of each module; inside a package a second rank, in the order in which the data flows.
RANKS: dict[str, tuple[int, int]] = {
    "": (0, 0),  # the package itself: names of the library, fetched when used
    "errors": (0, 1),
    "primitives": (1, 0),
    "examples": (1, 0),
    "output": (1, 0),
    "progress": (1, 0),
    "scratch": (1, 0),  # columns in temporary files
    "budget": (1, 0),  # of work at high precision
    "patterns": (1, 0),  # which entries, in words: no model inside
    "elimination": (1, 0),  # determinants and inverses of any numbers
    "multilinear": (1, 0),  # products at high precision, by whole numbers
    "graph": (2, 0),
    "results": (2, 0),
    "initresults": (2, 0),
    "points": (2, 0),
    "initializers": (2, 0),
    "namespaces": (2, 0),
    "recording": (2, 0),  # what `symbolic` of a primitive says
    "finite": (2, 0),  # differences of a function: no model inside
    "language.files": (3, 1),
    "language.spelling": (3, 1),
    "language.grammar_table": (3, 1),
    "language.text": (3, 2),
    "language.tokens": (3, 1),
    "language.statements": (3, 3),
    "language.mistakes": (3, 3),
    "language.shapes": (3, 4),
    "language.grammar": (3, 5),
    "language.printer": (3, 1),
    "language.settings": (3, 2),
    "language.arrays": (3, 2),  # NumPy's format, read or mapped
    "language.columns": (3, 3),  # CSV, in pieces
    "language.tables": (3, 4),
    "language.names": (3, 6),
    "language.building": (3, 7),
    "language.claims": (3, 8),
    "language.reader": (3, 9),
    "language": (3, 10),
    "forward": (3, 0),
    "symbolic": (4, 0),
    "backprop": (4, 0),
    "sampling": (4, 0),  # the third witness: finite differences of a model
    "rounding": (4, 0),  # the forward pass with every result jittered
    "referee.contexts": (5, 1),
    "referee.reverse": (5, 2),
    "referee": (5, 3),
    "rowwise": (5, 0),  # formulas over blocks of rows
    "algebra": (4, 0),
    "notation": (5, 0),
    "substitutions": (5, 0),
    "templates": (5, 0),
    "formulas": (6, 0),
    "activations": (5, 0),
    "networks": (6, 0),
    "numberformats": (1, 0),
    "quantiles": (1, 0),
    "bynode": (5, 0),
    "values": (6, 0),
    "hearing": (7, 0),
    "culprit": (7, 0),
    "judge": (8, 0),
    "gaps": (6, 0),  # claimed beside true
    "claims.court": (7, 1),
    "claims.kinks": (7, 2),
    "claims.numbers": (7, 3),
    "claims.formulas": (7, 3),
    "claims.evidence": (7, 4),
    "claims": (7, 5),
    "links": (5, 0),
    "hypotheses": (7, 0),
    "relations": (8, 0),
    "wrongrule": (8, 0),
    "diagnose": (9, 0),
    "explain": (7, 0),
    "expectations": (6, 0),
    "predictions": (7, 0),
    "propagation": (7, 0),  # measured
    "outcomes": (7, 0),
    "modelstats": (7, 0),
    "initoptions": (7, 0),
    "initstats": (8, 0),
    "check": (10, 0),
    "api": (11, 0),
    "render.numbers": (12, 1),
    "render.registry": (12, 1),
    "render.words": (12, 1),
    "render.page": (12, 2),
    "render.rows": (12, 2),
    "render.panels": (12, 3),
    "render.contract": (12, 3),
    "render.explained": (12, 3),
    "render.latex": (12, 3),
    "render.reference": (12, 3),
    "render.sections": (12, 3),
    "render.table": (12, 3),
    "render.delimited": (12, 4),
    "render.findings": (12, 4),
    "render.gains": (12, 4),
    "render.sparklines": (12, 4),
    "render.initstats": (12, 5),
    "render.markdown": (12, 5),
    "render.plot": (12, 5),
    "render": (12, 6),
    "cli": (13, 0),
    "__main__": (14, 0),
}

# Who may import what from outside; "late" means inside functions only, so that it costs when used.
GUESTS: dict[str, dict[str, str]] = {
    "click": {"cli": "early"},
    "rich": {"render": "late"},
    "matplotlib": {"render": "late"},
    "lark": {"language": "early"},
    "sympy": dict.fromkeys(("symbolic", "referee", "templates", "diagnose"), "late"),
}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(module: str) -> Iterator[tuple[str, bool]]:
    """Each imported name and whether the import is late. TYPE_CHECKING blocks do not run."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    yield from _imports(tree, False)


def _imports(tree: ast.AST, late: bool) -> Iterator[tuple[str, bool]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the rank"
            yield from ((f"{node.module}.{alias.name}", late) for alias in node.names)
        elif not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)):
            yield from _imports(node, late or isinstance(node, ast.FunctionDef))


def inside(name: str) -> str | None:
    """The module of ours that an imported name is or stands in; None for guests."""
    if name != ROOT and not name.startswith(f"{ROOT}."):
        return None
    own = name.removeprefix(ROOT).removeprefix(".")
    while own not in MODULES:
        own = own.rpartition(".")[0]
    return own


def room(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_a_rank(module: str) -> None:
    assert module in RANKS, f"give {module} a rank here and in CONTRIBUTING"


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_lower_ranks(module: str) -> None:
    rank = RANKS[module]
    for name, _ in imports(module):
        other = inside(name)
        if other is None:
            continue
        lower = RANKS[other] < rank if room(other) == room(module) else RANKS[other][0] < rank[0]
        assert lower or other == "", f"{module} {rank} imports {other} {RANKS[other]}"


@pytest.mark.parametrize("module", MODULES)
def test_guests_stay_in_their_rooms(module: str) -> None:
    for name, late in imports(module):
        rooms = GUESTS.get(name.partition(".")[0])
        if rooms is not None:
            assert room(module) in rooms, f"{module} imports {name}"
            assert late or rooms[room(module)] == "early", f"{module} imports {name} too early"


def test_the_table_of_primitives_imports_no_numbers() -> None:
    assert not [name for name, _ in imports("primitives") if name.startswith(("numpy", "sympy"))]


@pytest.mark.parametrize("module", [m for m in MODULES if m not in ("", "__main__")])
def test_a_module_says_what_it_reads_and_gives(module: str) -> None:
    text = ast.get_docstring(ast.parse(MODULES[module].read_text(encoding="utf-8"))) or ""
    missing = [word for word in ("Reads", "Gives") if word not in text]
    assert not text or not missing, f"{module}: the docstring lacks {missing}"
