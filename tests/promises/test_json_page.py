"""docs/json.md describes every field of the schema, in its order, and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from paths import PACKAGE, PROJECT

SCHEMA = json.loads((PACKAGE / "schema.json").read_text(encoding="utf-8"))
PAGE = (PROJECT / "docs" / "json.md").read_text(encoding="utf-8")


def objects() -> dict[str, list[str]]:
    """The fields of each object of the schema; an object in an object by its field's name."""
    found: dict[str, list[str]] = {}

    def visit(name: str, schema: Any) -> None:
        if isinstance(schema, dict) and "properties" in schema:
            found[name] = list(schema["properties"])
            for field, inner in schema["properties"].items():
                visit(field, inner)

    for name, schema in SCHEMA["$defs"].items():
        visit(name, schema)
    return found


def described(page: str) -> dict[str, list[str]]:
    """The fields in the table under each heading."""
    sections = re.findall(r"^## (\w+)\n(.*?)(?=^#|\Z)", page, re.M | re.S)
    return {name: re.findall(r"^\| `(\w+)` \| \S.* \|$", text, re.M) for name, text in sections}


def test_every_object_of_the_schema_has_a_table_and_there_is_no_other() -> None:
    assert sorted(described(PAGE)) == sorted(objects())


@pytest.mark.parametrize("name", objects())
def test_every_field_is_described_in_its_order(name: str) -> None:
    assert described(PAGE)[name] == objects()[name]


def test_the_fields_of_an_object_are_all_required() -> None:
    missing = {
        name: set(schema["properties"]) - set(schema.get("required", ()))
        for name, schema in SCHEMA["$defs"].items() if "properties" in schema
    }  # fmt: skip
    assert {name: fields for name, fields in missing.items() if fields} == {}


def test_a_field_without_a_description_is_seen() -> None:
    spoiled = PAGE.replace("| `diagnosis` | what is wrong |", "| `diagnosis` | |")
    assert described(spoiled)["claim"] != objects()["claim"]
    more = PAGE.replace("| `diagnosis` |", "| `remedy` | none |\n| `diagnosis` |", 1)
    assert described(more)["claim"] != objects()["claim"]


def test_the_words_of_the_schema_stand_in_the_page() -> None:
    words = [word for name in ("verdict", "outcome") for word in SCHEMA["$defs"][name]["enum"] if word]
    assert not [word for word in words if f"`{word}`" not in PAGE]
