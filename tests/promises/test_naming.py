"""Functions are verbs or nouns: a participle alone does not say of what it is told."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from layers import MODULES
from source_trees import tree_of

FOLDERS = ("verdicts", "render", "checking", "cli")
PARTICIPLE = re.compile(
    r"\w+ed|beaten|bought|broken|brought|built|chosen|done|drawn|driven|fallen|felt|forgotten|found|given|gone"
    r"|grown|held|hidden|kept|known|lent|lost|made|meant|met|paid|proven|said|seen|sent|shown|spent|spoken"
    r"|sunk|taken|taught|thought|told|understood|unknown|unseen|unwritten|won|worn|written"
)
# A participle may end a name that a verb or one of these words begins.
OPENING = ("are", "as", "count", "has", "is", "judge", "may", "test", "unless", "with", "without")
NOUNS = {
    "digits_given": "the digits that a text gives",
    "meaning_of_lost": "what the word `lost` means in a table",
    "seed": "a noun",
}  # fmt: skip


def bare_participles(tree: ast.AST) -> Iterator[str]:
    """Functions and methods that are called by a participle; a property is an adjective of its object."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        words = node.name.strip("_").split("_")
        is_adjective = any("property" in ast.unparse(d) for d in node.decorator_list)
        is_led = len(words) > 1 and words[0] in OPENING
        if PARTICIPLE.fullmatch(words[-1]) and not (is_adjective or is_led or node.name in NOUNS):
            yield node.name


def test_functions_are_verbs_or_nouns() -> None:
    modules = [m for m in MODULES if m.partition(".")[0] in FOLDERS]
    assert [(m, name) for m in modules for name in bare_participles(tree_of(MODULES[m]))] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def _used(): ...", ["_used"]),
        ("def made(): ...", ["made"]),
        ("def _ungrounded(): ...", ["_ungrounded"]),
        ("def f():\n    def claimed(): ...", ["claimed"]),
        ("def _value_unknown(): ...", ["_value_unknown"]),
        ("class A:\n    @property\n    def measured(self): ...", []),
        ("def is_known(): ...\ndef _used_entries(): ...\ndef seed(): ...", []),
    ],
)
def test_a_bare_participle_is_seen(text: str, found: list[str]) -> None:
    assert list(bare_participles(ast.parse(text))) == found
