"""The syntax trees of the package, each file parsed once for all tests that read them."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from paths import PACKAGE


@cache
def tree_of(path: Path) -> ast.Module:
    """Whoever reads it leaves it as it is."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """All nodes of a tree: to walk it takes longer than to look at them."""
    return tuple(ast.walk(tree_of(path)))


def trees() -> dict[Path, ast.Module]:
    """By file, in the order of their names."""
    return {path: tree_of(path) for path in sorted(PACKAGE.rglob("*.py"))}
