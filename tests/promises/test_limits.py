"""Every limit says its unit, its reason, and the experiment that chose it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from gradcheck_cli.numerics.limits.table import LIMITS
from paths import PACKAGE

FOLDER = PACKAGE / "numerics" / "limits"


@pytest.mark.parametrize("part", LIMITS._fields)
def test_a_limit_has_a_unit_a_reason_and_an_experiment(part: str) -> None:
    lines = (FOLDER / f"{part}.py").read_text(encoding="utf-8").splitlines()
    for name in getattr(LIMITS, part)._fields:
        number = next(k for k, line in enumerate(lines) if re.match(rf"    {name}: ", line))
        above = []
        while lines[number - 1].startswith("    # "):
            number -= 1
            above.insert(0, lines[number].removeprefix("    # "))
        told = [part.strip() for part in " ".join(above).split("|")]
        assert len(told) == 3, f"{part}.{name}: unit | reason | experiment"
        assert all(told), f"{part}.{name}"


def test_limits_are_frozen() -> None:
    with pytest.raises(AttributeError):
        LIMITS.language = None  # type: ignore[misc]


# ---------------------------------------------------------------------------------------------
# Numbers that stand at the top of other modules decide nothing
# ---------------------------------------------------------------------------------------------

SHOWN = "characters, rows or names that are shown"
SAMPLES = "where a function is tried by its tests"
FACTS = {
    "checking/sentences.py": SHOWN,
    "common/errors.py": SHOWN,
    "common/progress.py": "how a bar grows",
    "formulas/function_table.py": "stands for n",
    "initialization/simulation/draws.py": "threads; the numbers are the same with any",
    "initialization/simulation/job.py": "mean, variance and exponent",
    "initialization/simulation/scaled_numbers.py": "how numbers with an exponent of their own are kept",
    "initialization/user_model/model_stats.py": SHOWN,
    "initialization/options.py": "the experiment of the textbook",
    "language/data/csv_columns.py": SHOWN,
    "language/data/file_access.py": SHOWN,
    "language/name_check.py": SHOWN,
    "language/printer.py": SHOWN,
    "language/source_text.py": SHOWN,
    "language/syntax_advice.py": SHOWN,
    "model/initializers.py": "where trunc:VAR is cut, by its definition",
    "model/primitives/activations.py": "constants of mathematics",
    "model/primitives/arithmetic.py": SAMPLES,
    "model/primitives/elementary.py": SAMPLES,
    "model/primitives/selections.py": SAMPLES,
    "model/random_points.py": "digits of what a seed draws: other ones are other numbers",
    "numerics/machine.py": "IEEE 754",
    "numerics/named_constants.py": "digits that constants are known to, and fractions with a name",
    "reference/exact_differences.py": "passes that one pair of slopes takes",
    "results/gradient_results.py": "exit codes",
    "results/index_patterns.py": SHOWN,
}

ARITHMETIC = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.Tuple, ast.operator, ast.unaryop, ast.expr_context)


def numbers_at_the_top(tree: ast.Module) -> Iterator[str]:
    """The names of module constants that are numbers, or arithmetic of numbers."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            parts = list(ast.walk(node.value))
            kinds = {type(p.value) for p in parts if isinstance(p, ast.Constant)}
            if all(isinstance(p, ARITHMETIC) for p in parts) and kinds & {int, float}:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield from map(ast.unparse, targets)


def test_numbers_that_decide_are_limits() -> None:
    found = {
        str(path.relative_to(PACKAGE)): list(numbers_at_the_top(ast.parse(path.read_text("utf-8"))))
        for path in PACKAGE.rglob("*.py")
        if FOLDER not in path.parents and PACKAGE / "render" not in path.parents
    }
    assert {name: numbers for name, numbers in found.items() if numbers and name not in FACTS} == {}


@pytest.mark.parametrize("text", ["_CLOSE = 1e-9", "_MOST: int = 1 << 20", "A, B = 4, 2.0**-40"])
def test_a_limit_in_another_module_is_seen(text: str) -> None:
    assert list(numbers_at_the_top(ast.parse(text)))
    assert not list(numbers_at_the_top(ast.parse(text.replace("=", "= f(") + ")")))
