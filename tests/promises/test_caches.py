"""Caches are keyed by values: no key is an address, and a Model holds nothing that changes."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import fields

import pytest

from gradcheck_cli import load
from gradcheck_cli.derivatives.symbolic import lower
from gradcheck_cli.model.model import Model
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.verdicts.claims.true_values import At
from paths import PACKAGE
from source_trees import nodes_of, trees


def uses_of_id(nodes: Iterable[ast.AST]) -> Iterator[int]:
    """The lines where the builtin id is named: called, or handed to map."""
    for node in nodes:
        if isinstance(node, ast.Name) and node.id == "id" and isinstance(node.ctx, ast.Load):
            yield node.lineno


def test_no_address_of_an_object_is_a_key() -> None:
    found = [(str(path.relative_to(PACKAGE)), list(uses_of_id(nodes_of(path)))) for path in trees()]
    assert not [place for place in found if place[1]]


@pytest.mark.parametrize("text", ["kept[id(point)] = 1", "dict(zip(map(id, a), b))", "key = (id(m), 2)"])
def test_an_address_as_a_key_is_seen(text: str) -> None:
    assert list(uses_of_id(ast.walk(ast.parse(text)))) == [1]


def test_an_attribute_of_that_name_is_no_address() -> None:
    assert not list(uses_of_id(ast.walk(ast.parse("node.id == 'x'; row = {'id': 1}"))))


def spelled_keys(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Format strings that are a key, or one of its parts: d[f"far {n}"], d[f"far {n}", 2]."""
    for node in nodes:
        if isinstance(node, ast.Subscript):
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            yield from (ast.unparse(part) for part in parts if isinstance(part, ast.JoinedStr))


def test_no_two_modules_spell_the_key_of_a_cache() -> None:
    spelled: dict[str, set[str]] = {}
    for path in trees():
        for text in spelled_keys(nodes_of(path)):
            spelled.setdefault(text, set()).add(path.name)
    assert not {text: names for text, names in spelled.items() if len(names) > 1}


def test_a_point_has_no_name_to_be_spelled() -> None:
    assert [field.name for field in fields(At)] == ["number", "values"]


def test_a_model_is_data() -> None:
    assert "meter" not in {field.name for field in fields(Model)}


def test_what_is_known_at_a_point_is_found_by_its_values() -> None:
    """Two equal points share their pass in reverse; the wrong twin differs in one bit."""
    model = load("param w = 3\nloss = w^2")
    referee, point = Referee(lower(model)), model.point()
    referee.derivative(point, "loss", ["w"])
    spent = referee.budget.most - referee.budget.left
    referee.derivative(model.point(), "loss", ["w"])
    assert referee.budget.most - referee.budget.left == spent > 0
    moved = point.with_values({"w": point["w"] + 2**-51})
    assert float(referee.derivative(moved, "loss", ["w"])["w"]) == 6 + 2**-50
    assert referee.budget.most - referee.budget.left == 2 * spent
