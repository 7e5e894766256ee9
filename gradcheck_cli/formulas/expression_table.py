"""Reads nothing. Gives a table of expressions: equal ones once, arguments before what is made of them.

Knows nothing of arithmetic, and not how a formula is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from gradcheck_cli.model.primitives.record import Shape
from gradcheck_cli.numerics.limits.formulas import DEFAULTS, FormulasLimits

__all__ = ["ExpressionTable", "Form"]


class Form(NamedTuple):
    """One expression. `derived`: a derivative stands in it. Its shape may be narrower than what it
    is used for: it is then repeated, as in a product with a number."""

    operation: str
    arguments: tuple[int, ...]
    data: Any
    shape: Shape
    per_row: bool
    derived: bool


class ExpressionTable:
    """Expressions by number. An expression is made once."""

    def __init__(self, limits: FormulasLimits = DEFAULTS) -> None:
        self.limits = limits
        self.forms: list[Form] = []
        self._known: dict[tuple[str, tuple[int, ...], Any, Shape], int] = {}

    def make(
        self,
        operation: str,
        arguments: Sequence[int] = (),
        data: Any = None,
        shape: Shape = (),
        *,
        per_row: bool | None = None,
        derived: bool | None = None,
    ) -> int:
        """The expression, made once."""
        key = (operation, tuple(arguments), data, shape)
        found = self._known.get(key)
        if found is None:
            given = [self.forms[a] for a in arguments]
            if per_row is None:
                per_row = any(g.per_row for g in given)
            if derived is None:
                derived = any(g.derived for g in given)
            found = self._known[key] = len(self.forms)
            self.forms.append(Form(operation, key[1], data, shape, per_row, derived))
        return found

    def shape(self, e: int) -> Shape:
        """The shape of an expression, possibly narrower than what it stands for."""
        return self.forms[e].shape

    def reachable(self, e: int, known: Mapping[int, Any] = MappingProxyType({})) -> list[int]:
        """All expressions that e is made of, arguments first, and not what is known already."""
        seen = set() if e in known else {e}
        todo = list(seen)
        while todo:
            for argument in self.forms[todo.pop()].arguments:
                if argument not in seen and argument not in known:
                    seen.add(argument)
                    todo.append(argument)
        return sorted(seen)

    def operations(self, e: int) -> int:
        """How many operations its text would hold, counted without writing it."""
        counts: dict[int, int] = {}
        for part in self.reachable(e):
            inner = sum(counts[a] for a in self.forms[part].arguments)
            counts[part] = min(1 + inner, self.limits.most_counted)
        return counts[e]
