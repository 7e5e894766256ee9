"""The folders of the package and the walls between them: one table for the test and for CONTRIBUTING."""

from __future__ import annotations

from pathlib import Path

from paths import PACKAGE

# The folders in the order in which data flows, and what each gives.
FOLDERS: dict[str, str] = {
    "common": "errors, progress, files written whole, the example models",
    "numerics": "arrays, precisions, elimination, sums, number formats, the budget of work",
    "results": "what an answer is: frozen records",
    "model": "what a model is: nodes, graph, points, initializers",
    "language": "text and data files to a Model",
    "evaluation": "a Model to values: forward pass, tape, perturbed passes",
    "tracing": "a program to the text of a model",
    "against": "gradients that are computed elsewhere: by functions, by commands, in files",
    "derivatives": "three methods that share no derivative",
    "reference": "truth at high precision, and rounding bounds",
    "formulas": "formulas for reading",
    "initialization": "the other command: what an initialization does to a network",
    "verdicts": "verdicts on gradients and on claims, and what is wrong with a claim",
    "checking": "the pipeline: a Model and options to a Report",
    "programs": "what is wrong with a program's gradient; differences of a program itself",
    "api": "the library",
    "render": "results to text",
    "testing": "assertions for pytest and unittest, and the plugin of pytest",
    "cli": "the command line",
    "__main__": "python -m gradcheck_cli",
}

# Folders of one level that never import one another; each pair in both directions.
WALLS: tuple[tuple[str, str], ...] = (
    ("derivatives.symbolic", "derivatives.backprop"),
    ("derivatives.symbolic", "derivatives.finite_differences"),
    ("derivatives.backprop", "derivatives.finite_differences"),
    ("derivatives.symbolic", "evaluation"),  # it has its own way to values
    ("verdicts.gradients", "verdicts.claims"),
    ("verdicts.gradients", "verdicts.diagnosis"),
)
NOT_FROM: tuple[tuple[str, str], ...] = (("verdicts.claims", "verdicts.diagnosis"),)

# Who may import what from outside; "late" means inside functions only, so that it costs when used.
GUESTS: dict[str, dict[str, str]] = {
    "click": {"cli": "early"},
    "rich": {"render": "late"},
    "matplotlib": {"render": "late"},
    "lark": {"language": "early"},
    "pytest": {"testing.plugin": "early"},
    "scipy": {"numerics": "late", "verdicts.claims": "late", "against": "late"},
    "jax": {"tracing.frameworks": "late", "against": "late"},
    "torch": {"tracing.frameworks.torch_calls": "early", "tracing.frameworks.torch_networks": "early",
              "tracing.frameworks": "late", "against": "late"},
    "sympy": dict.fromkeys(("derivatives.symbolic", "formulas", "verdicts.diagnosis"), "late"),
}
MOST_FILES_AT_THE_TOP = 8
MOST_LINES = 400  # of a module


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
