"""Every limit says its unit, its reason, and the experiment that chose it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from gradcheck_cli.numerics.limits.table import LIMITS
from paths import PACKAGE
from source_trees import tree_of

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
    "against/files.py": "the format of a MATLAB file",
    "checking/sentences.py": SHOWN,
    "cli/run_command.py": SHOWN,
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
    "language/assumed_words.py": SHOWN,
    "language/graph_assembly.py": "the largest of the doubles that are whole numbers one by one",
    "language/index_parts.py": "digits of whole numbers that fit into 64 bits",
    "language/call_check.py": SHOWN,
    "language/name_errors.py": SHOWN,
    "language/printer.py": SHOWN,
    "language/source_text.py": SHOWN,
    "language/statement_words.py": SHOWN,
    "model/initializers.py": "where trunc:VAR is cut, by its definition",
    "model/primitives/activations.py": "constants of mathematics",
    "model/primitives/arithmetic.py": SAMPLES,
    "model/primitives/bounded_activations.py": SAMPLES,
    "model/primitives/elementary.py": SAMPLES,
    "model/primitives/inverse_and_stable.py": SAMPLES,
    "model/primitives/selections.py": SAMPLES,
    "model/random_points.py": "digits of what a seed draws: other ones are other numbers",
    "numerics/machine.py": "IEEE 754",
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
        str(path.relative_to(PACKAGE)): list(numbers_at_the_top(tree_of(path)))
        for path in PACKAGE.rglob("*.py")
        if FOLDER not in path.parents and PACKAGE / "render" not in path.parents
    }
    assert {name: numbers for name, numbers in found.items() if numbers and name not in FACTS} == {}


@pytest.mark.parametrize("text", ["_CLOSE = 1e-9", "_MOST: int = 1 << 20", "A, B = 4, 2.0**-40"])
def test_a_limit_in_another_module_is_seen(text: str) -> None:
    assert list(numbers_at_the_top(ast.parse(text)))
    assert not list(numbers_at_the_top(ast.parse(text.replace("=", "= f(") + ")")))


# ---------------------------------------------------------------------------------------------
# Numbers inside functions: the facts that they are
# ---------------------------------------------------------------------------------------------

DECIMAL = "decimal digits"
BYTES = "bytes of a MiB"
FORMAT = "the format of a file, or of a number"
FORMULA = "coefficients of a formula that the docstring cites"
SMALL = {0, 1, 2, 3, 0.5}
FACTS_INSIDE = {
    "against/answers.py": (SHOWN, {40}),
    "against/commands.py": (f"{SHOWN}; bits of a MiB", {20, 80, 200}),
    "against/files.py": (FORMAT, {4, 8, 126, 128}),
    "against/named_numbers.py": (SHOWN, {60}),
    "against/safetensors.py": (f"{FORMAT}; {SHOWN}", {8, 16, 20, 60}),
    "against/sources.py": (SHOWN, {60}),
    "checking/check.py": (SHOWN, {12}),
    "checking/options.py": (SHOWN, {40}),
    "checking/run_plan.py": (BYTES, {20}),
    "checking/sentences.py": (SHOWN, {8}),
    "cli/delivery.py": (f"{BYTES}, and steps of a bar", {20, 1000}),
    "cli/group.py": ("the columns around names and first sentences", {6}),
    "cli/main.py": ("widths of help pages, an exit code", {50, 80, 130}),
    "cli/options.py": ("MiB of a GiB", {1024}),
    "cli/run_command.py": ("an exit code", {70}),
    "common/atomic_output.py": ("the width of a terminal, permissions", {80, 0o666}),
    "common/errors.py": ("an exit code", {70}),
    "derivatives/finite_differences/one_sided_slopes.py": ("four sides of a point", {4}),
    "derivatives/symbolic/sympy_names.py": (FORMULA, {4}),
    "evaluation/memory_plan.py": (BYTES, {20}),
    "formulas/sympy_functions.py": (FORMULA, {4}),
    "formulas/function_table.py": ("shapes that stand for all", {4}),
    "initialization/activations.py": (SHOWN, {20, 40}),
    "initialization/architectures.py": (SHOWN, {20, 40}),
    "initialization/experiment.py": (DECIMAL, {10}),
    "initialization/gaussian_expectations.py": ("chi_50; the end of a grid", {50, 100}),
    "initialization/log_averages.py": (FORMULA, {4, 6, 12, 30, 42, 120, 252}),
    "initialization/mean_field_pass.py": (FORMULA, {4}),
    "initialization/mean_field_residual.py": (FORMULA, {4}),
    "initialization/options.py": (SHOWN, {20, 40}),
    "initialization/user_model/model_stats.py": (f"{SHOWN}; {FORMULA}", {2.5, 10, 20, 30, 60}),
    "initialization/user_model/trends.py": (FORMULA, {2.5, 6, 10}),
    "initialization/user_model/weight_matrices.py": ("the fourth moment", {4}),
    "language/__init__.py": (SHOWN, {40}),
    "language/assumed_words.py": (SHOWN, {40}),
    "language/call_check.py": ("characters of a text that are looked at for advice", {200}),
    "language/data/csv_columns.py": (SHOWN, {20}),
    "language/data/file_access.py": ("bytes of KiB, MiB and GiB", {10, 20, 30}),
    "language/data/npy.py": (FORMAT, {4, 6, 8, 53}),
    "language/data/tables.py": (f"{FORMAT}; {SHOWN}", {8, 200}),
    "language/drawn_values.py": (SHOWN, {40}),
    "language/expansion/definitions.py": (SHOWN, {4, 8, 40}),
    "language/expansion/templates.py": (SHOWN, {40}),
    "language/expansion/unrolling.py": (SHOWN, {40}),
    "language/expansion/whole_numbers.py": ("whole numbers have at most 18 digits", {18}),
    "language/file_values.py": (SHOWN, {5}),
    "language/grammar.py": (f"{SHOWN}; the end of a keyword", {4, 40}),
    "language/model_reader.py": (SHOWN, {40, 200}),
    "language/name_errors.py": ("characters of a text that are looked at for advice", {200}),
    "language/printer.py": (SHOWN, {8}),
    "language/settings.py": (SHOWN, {60}),
    "language/source_text.py": (f"{SHOWN}; the width of a mark", {4, 80}),
    "language/statement_words.py": ("characters of a text that are looked at for advice", {200}),
    "model/initializers.py": (SHOWN, {20, 40}),
    "model/primitives/activations.py": (FORMULA, {8}),
    "model/primitives/bounded_activations.py": ("hard_sigmoid is relu6(x + 3)/6", {6}),
    "model/primitives/elementary.py": ("log to base 10", {10}),
    "model/primitives/inverse_and_stable.py": ("about log(2), where log1mexp changes its form", {0.7}),
    "model/primitives/jumps.py": ("of eight patterns of signs each is one", {4, 8}),
    "model/random_points.py": (FORMAT, {11, 16, 22, 53}),
    "numerics/complex_special.py": ("where no function has a pole", {1.5}),
    "numerics/complex_step.py": (FORMULA, {4, 10}),
    "numerics/float32_evidence.py": ("nine tenths of decimals end in no 0", {0.9, 10}),
    "numerics/float64.py": (FORMAT, {1020}),
    "numerics/float_formats.py": (FORMAT, {16, 0x7FFF, 0xFFFF0000}),
    "numerics/machine.py": (BYTES, {10, 20}),
    "numerics/multiprecision.py": ("log to base 10", {10}),
    "numerics/named_constants.py": (f"the constants themselves; {DECIMAL}", {4, 5, 10, 180}),
    "numerics/special_functions.py": (FORMULA, {1.5}),
    "numerics/special_multiprecision.py": (FORMULA, {4, 5, 8}),
    "numerics/student_t.py": (FORMULA, {4, 5, 7, 15, 16, 17, 19, 96, 384}),
    "reference/exact_differences.py": (DECIMAL, {10}),
    "reference/jittered_arithmetic.py": ("bits of a byte", {8}),
    "reference/referee.py": (BYTES, {20}),
    "reference/tied_units.py": (DECIMAL, {10}),
    "reference/zeros.py": (DECIMAL, {10}),
    "tracing/frameworks/common_operations.py": (FORMULA, {4}),
    "tracing/library_functions.py": (FORMULA, {4}), "tracing/more_operations.py": ("percent", {100}),
    "verdicts/claims/held_to_slopes.py": (SHOWN, {10}),
    "verdicts/claims/known_values.py": (BYTES, {20}),
    "verdicts/conventions/recognize.py": (SHOWN, {4}),
    "verdicts/conventions/table.py": ("where relu6 bends", {6}),
    "verdicts/diagnosis/chain_rule_slips.py": (
        "the order in which slips are tried", {10, 20, 30, 31, 32, 33, 34, 35, 40, 50, 51}
    ),
    "verdicts/diagnosis/number_ratios.py": (SHOWN, {7}),
    "verdicts/gradients/standing.py": (SHOWN, {10}),
}  # fmt: skip


@cache
def numbers_in_file(path: Path) -> set[float]:
    return numbers_inside(tree_of(path))


def numbers_inside(tree: ast.Module) -> set[float]:
    """The numbers in functions and classes, but for the smallest, and for bases of powers."""
    parts = list(_inside(tree))
    bases = {p.left for p in parts if isinstance(p, ast.BinOp) and isinstance(p.op, ast.Pow)}
    found = (p.value for p in parts if isinstance(p, ast.Constant) and p not in bases)
    return {value for value in found if type(value) in (int, float)} - SMALL  # type: ignore[misc]


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """The functions and classes, and all that they are made of, each once."""
    if isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
        yield from ast.walk(node)
    else:
        for part in ast.iter_child_nodes(node):
            yield from _inside(part)


def test_numbers_inside_functions_are_limits_or_known_facts() -> None:
    unknown = {}
    for path in PACKAGE.rglob("*.py"):
        if FOLDER not in path.parents and PACKAGE / "render" not in path.parents:
            name = str(path.relative_to(PACKAGE))
            _, facts = FACTS_INSIDE.get(name, ("", set()))
            if found := numbers_in_file(path) - facts:
                unknown[name] = found
    assert unknown == {}


def test_facts_are_of_numbers_that_are_there() -> None:
    for name, (reason, facts) in FACTS_INSIDE.items():
        assert reason
        assert facts <= numbers_in_file(PACKAGE / name), name
    for name in FACTS:
        assert list(numbers_at_the_top(tree_of(PACKAGE / name))), name


@pytest.mark.parametrize("text", ["x < 1e-9", "x * 4.0", "range(16)"])
def test_a_number_inside_a_function_is_seen(text: str) -> None:
    assert numbers_inside(ast.parse(f"def f(x):\n    return {text}"))
    handed_down = re.sub(r"[0-9][-.e0-9]*", "limits.close", text)
    assert not numbers_inside(ast.parse(f"def f(x, limits):\n    return {handed_down}"))
