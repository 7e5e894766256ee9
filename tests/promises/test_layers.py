"""The folders are the pipeline: a module imports only from folders below its own, and walls stay closed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

import pytest

from layers import FOLDERS, GUESTS, MODULES, MOST_FILES_AT_THE_TOP, MOST_LINES, NOT_FROM, WALLS
from paths import PACKAGE
from source_trees import tree_of

ROOT = PACKAGE.name


def imports(module: str, text: str | None = None) -> Iterator[tuple[str, bool]]:
    """Each imported name and whether the import is late. TYPE_CHECKING blocks do not run."""
    yield from _imported(module) if text is None else _imports(ast.parse(text), False)


@cache
def _imported(module: str) -> list[tuple[str, bool]]:
    return list(_imports(tree_of(MODULES[module]), False))


def _imports(tree: ast.AST, late: bool) -> Iterator[tuple[str, bool]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the folder"
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


def is_in(module: str, folder: str) -> bool:
    return module == folder or module.startswith(f"{folder}.")


def upward(module: str, text: str | None = None) -> list[str]:
    """What a module imports that it must not: from above, or across a wall."""
    order = list(FOLDERS)
    found = []
    for name, _ in imports(module, text):
        other = inside(name)
        if not other:  # a guest, or the package itself
            continue
        here, there = (order.index(m.partition(".")[0]) for m in (module, other))
        walled = any(
            (is_in(module, a) and is_in(other, b)) or (is_in(module, b) and is_in(other, a)) for a, b in WALLS
        ) or any(is_in(module, a) and is_in(other, b) for a, b in NOT_FROM)
        if there > here or walled:
            found.append(other)
    return found


def test_a_module_imports_only_from_folders_below() -> None:
    modules = [m for m in MODULES if m]
    homeless = [m for m in modules if m.partition(".")[0] not in FOLDERS]
    assert not homeless, "give them a folder here and in CONTRIBUTING"
    assert {m: found for m in modules if (found := upward(m))} == {}


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("numerics.float64", "from gradcheck_cli.model.graph import Node"),
        ("derivatives.symbolic.program", "from gradcheck_cli.derivatives import backprop"),
        ("derivatives.symbolic.program", "from gradcheck_cli.evaluation.tape import forward_pass"),
        ("derivatives.finite_differences.schemes", "from gradcheck_cli.derivatives import symbolic"),
        ("verdicts.gradients.judge", "def f():\n    from gradcheck_cli.verdicts.claims import judge_claims"),
        ("verdicts.claims.context", "from gradcheck_cli.verdicts.diagnosis import diagnose"),
        ("render.rows", "from gradcheck_cli.cli.main import main"),
    ],
)
def test_an_import_across_a_wall_is_seen(module: str, statement: str) -> None:
    assert upward(module, statement)


def test_no_module_imports_itself_by_way_of_others() -> None:
    arrows = {m: {o for n, late in imports(m) if not late and (o := inside(n))} for m in MODULES if m}
    while arrows:
        free = [m for m, others in arrows.items() if not (others & arrows.keys()) - {m}]
        assert free, f"a cycle among {sorted(arrows)}"
        arrows = {m: others for m, others in arrows.items() if m not in free}


def test_guests_stay_in_their_folders() -> None:
    every = [(module, name, late) for module in MODULES for name, late in imports(module)]
    for module, name, late in every:
        folders = GUESTS.get(name.partition(".")[0])
        if folders is not None:
            home = next((f for f in folders if is_in(module, f)), None)
            assert home is not None, f"{module} imports {name}"
            assert late or folders[home] == "early", f"{module} imports {name} too early"


def test_the_table_of_primitives_imports_no_numbers() -> None:
    table = [m for m in MODULES if is_in(m, "model.primitives")]
    assert not [name for m in table for name, _ in imports(m) if name.startswith(("numpy", "sympy"))]


def knows_models(module: str, text: str | None = None) -> list[str]:
    """What a module imports of graphs and their values."""
    others = (inside(name) for name, _ in imports(module, text))
    return [o for o in others if o and any(is_in(o, f) for f in ("model", "evaluation", DRIVERS))]


DRIVERS = "derivatives.finite_differences.drivers"
IDEAS = [m for m in MODULES if is_in(m, "derivatives.finite_differences") and not is_in(m, DRIVERS)]


def test_differences_know_a_function_and_no_model() -> None:
    assert {m: found for m in IDEAS if (found := knows_models(m))} == {}


@pytest.mark.parametrize("name", ["model.graph", "evaluation.tape", f"{DRIVERS}.by_entry"])
def test_differences_that_import_a_model_are_seen(name: str) -> None:
    assert knows_models("derivatives.finite_differences.selection", f"import gradcheck_cli.{name}") == [name]


def test_the_top_folder_is_short() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= MOST_FILES_AT_THE_TOP


def test_a_module_has_one_idea_and_no_more_lines_than_it_takes() -> None:
    lines = {m: path.read_text(encoding="utf-8").count("\n") for m, path in MODULES.items()}
    assert {m: count for m, count in lines.items() if count > MOST_LINES} == {}, "split it by idea"


def test_a_module_says_what_it_reads_and_gives() -> None:
    modules = [m for m, path in MODULES.items() if m != "__main__" and path.name != "__init__.py"]
    texts = {module: ast.get_docstring(tree_of(MODULES[module])) or "" for module in modules}
    assert [m for m, text in texts.items() if not all(word in text for word in ("Reads", "Gives"))] == []
