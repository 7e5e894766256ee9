"""Reads parsed statements. Gives the Model: inputs with their values, steps, claims.

Knows nothing of how values of steps and derivatives are computed.
"""

from __future__ import annotations

import math
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.common.errors import LanguageError, OptionError, ShapeError, printable
from gradcheck_cli.language.claim_reader import build_claim, build_let
from gradcheck_cli.language.data.file_access import Access
from gradcheck_cli.language.declared_inputs import DeclaredInputs
from gradcheck_cli.language.expansion.definitions import Definition
from gradcheck_cli.language.graph_assembly import assemble, evaluate
from gradcheck_cli.language.identifiers import nearest
from gradcheck_cli.language.input_values import InputReader
from gradcheck_cli.language.name_check import Checked
from gradcheck_cli.language.name_errors import gradient_meant
from gradcheck_cli.language.settings import setting
from gradcheck_cli.language.source_text import Source, Span, text_of
from gradcheck_cli.language.statements import Name, Op, Statement
from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import spell_shape
from gradcheck_cli.model.model import Model, Step
from gradcheck_cli.model.primitives.record import shape_in_words

__all__ = ["ModelReader", "value_for", "with_claims"]

Array = NDArray[np.float64]


class ModelReader:
    """Grows a Model statement by statement."""

    def __init__(
        self,
        source: Source,
        checked: Checked,
        *,
        access: Access,
        seed: int | None,
        ignore_set: bool,
    ) -> None:
        self.source, self.statements, self.free = source, checked.statements, checked.free
        self.definitions = checked.definitions
        self.access, self.ignore_set = access, ignore_set
        self.builder = Builder()
        self.steps: dict[str, Step] = {}
        self.settings: dict[str, Any] = {}
        self.notes: list[str] = []
        self.seed = self._seed(seed)
        limits = access.limits
        self.declared = DeclaredInputs(
            source, self.builder, limits.max_data, self.seed, limits.most_in_range
        )
        self.values = InputReader(source, self.declared, access=access, seed=self.seed)

    def model(self) -> Model:
        """The whole model. Raises LanguageError, ShapeError, DataError, OptionError."""
        for name in self.free:
            self.values.enter_free(name)
        for statement in self.statements:
            self._enter(statement)
            self._collect_notes(statement)
            if statement.kind not in ("let", "claim"):  # those are built on the model
                statement.ops = []  # more than half of what a long text takes
        self._check_loss()
        self._note_gradients()
        model = Model(
            file=self.source.file,
            graph=self.builder.graph(self.builder.names["loss"]),
            inputs=MappingProxyType(self.declared.inputs),
            steps=MappingProxyType(self.steps),
            seed=self.seed,
            rows=self.declared.rows,
            settings=MappingProxyType(self.settings),
            notes=tuple(self.notes),
            lines=tuple(self.source.lines),
            definitions=tuple(_definition(self.source, d) for d in self.definitions.values()),
            files=tuple(str(self.access.folder / s.source.path) for s in self.statements if s.source),
        )
        return with_claims(model, self.source, self.statements, self.access)

    def _enter(self, statement: Statement) -> None:
        if statement.kind == "set":
            self._set(statement)
        elif statement.kind == "step" and statement.name is not None:
            self._step(statement, statement.name)
        elif statement.kind == "expression":
            self._step(statement, Name("loss", "loss", statement.span))
        elif statement.declarations:
            self.values.declare(statement)

    def _collect_notes(self, statement: Statement) -> None:
        if self.builder.notes:
            line = self.source.line(statement.span.start)
            notes = [f"line {line}: {note}" for note in dict.fromkeys(self.builder.notes)]
            self.notes += [note for note in notes if note not in self.notes]
            self.builder.notes.clear()

    def _note_gradients(self) -> None:
        """Steps that look like derivatives, `dw = ...`, and are neither part of the loss nor claimed."""
        known = {*self.declared.inputs, *self.steps}
        used = self.builder.graph().upstream([self.builder.names["loss"]])
        claimed = {op.text for s in self.statements if s.kind == "claim" for op in s.ops if op.kind == "name"}
        for name, step in self.steps.items():
            by = gradient_meant(name, known - {name})
            if by is not None and not used[step.node] and name not in claimed:
                way_out = f"to judge it: claim d loss/d {by} = {step.display}"
                self.notes.append(f"line {step.line}: {step.display} is not used by the loss; {way_out}")

    # --- seed and settings ---------------------------------------------------------------------

    def _seed(self, given: int | None) -> int:
        found = [s for s in self.statements if s.kind == "seed"]
        if len(found) > 1:
            first = self.source.related("the first one", found[0].span)
            raise self.source.error("a second seed", found[1].span, related=(first,))
        if given is not None:
            return given
        return int(found[0].value) if found else 0

    def _set(self, statement: Statement) -> None:
        assert statement.name is not None
        try:
            name, value = setting(statement.name.name, statement.value)
        except OptionError as reason:
            raise self.source.locate(reason, statement.name.span) from None
        if not self.ignore_set:
            self.settings[name] = value

    # --- steps -----------------------------------------------------------------------------------

    def _step(self, statement: Statement, name: Name) -> None:
        assert statement.root is not None
        assert statement.text is not None
        node = assemble(
            self.source,
            self.builder,
            statement.ops,
            range(len(statement.ops)),
            statement.root,
            self._leaf,
            rows=self.declared.rows,
            limit=self.access.limits.max_data,
        )
        if name.name == "loss":
            node = self._single(node)
        node = self.builder.name(name.name, node)
        line = self.source.line(statement.span.start)
        text = "" if statement.is_rewritten else text_of(self.source, statement.text)
        values = self.source.values(statement.span.start)
        self.steps[name.name] = Step(name.name, name.display, node, line, text, values)

    def _leaf(self, op: Op) -> int:
        return self.builder.names[op.text]

    def _single(self, node: int) -> int:
        """A loss of one entry as a single number."""
        shape = self.builder.nodes[node].shape
        if shape and math.prod(shape) == 1:
            return self.builder.apply("index", (node,), {"key": (0,) * len(shape)})
        return node

    def _check_loss(self) -> None:
        step = self.steps.get("loss")
        if step is None:
            raise self._no_loss()
        node = self.builder.nodes[step.node]
        span = self._span_of("loss")
        if node.per_row:
            raise self.source.error(
                "the loss has one value per row, not one in all",
                span,
                help="add the rows: loss = sum_rows(...), or mean_rows(...)",
            )
        if node.shape:
            raise self.source.error(
                f"the loss has the shape {spell_shape(node.shape)}, it must be a single number",
                span,
                help="loss = sum(...) adds all entries",
            )

    def _span_of(self, name: str) -> Span:
        for statement in self.statements:
            if statement.kind == "expression":
                return statement.span
            if statement.kind == "step" and statement.name and statement.name.name == name:
                return statement.name.span
        return Span(0, 1)

    def _no_loss(self) -> LanguageError:
        if "loss" in self.declared.inputs:
            line = self.source.lines[self.declared.inputs["loss"].line - 1]
            start = self.source.text.index(line)
            return self.source.error(
                "the loss is declared, not computed", (start, start + len(line)),
                help="a step is written loss = EXPRESSION",
            )  # fmt: skip
        if not self.steps and self.definitions:
            last_one = list(self.definitions.values())[-1]
            return self.source.error(
                "no step is named loss", last_one.name.span,
                help=f"a definition computes nothing: add loss = {last_one.signature}",
            )  # fmt: skip
        if not self.steps:
            return LanguageError(
                "the file has no loss", file=self.source.file, help="write loss = EXPRESSION"
            )
        known = {*self.declared.inputs, *self.steps}
        steps = [s for s in self.steps.values() if gradient_meant(s.name, known - {s.name}) is None]
        last = (steps or list(self.steps.values()))[-1]
        near = last.name in ("L", "l", "J", "E", "cost") or nearest(last.name, ["loss"])
        help = f"write loss = ... in place of {last.display} = ..., or add the line loss = {last.display}"
        return self.source.error(
            "no step is named loss",
            self._span_of(last.name),
            help=help if near else f"add loss = {last.display}, or the step that gives the loss",
        )


def _definition(source: Source, definition: Definition) -> str:
    return f"{definition.signature} = {text_of(source, definition.body)}"


def with_claims(
    model: Model, source: Source, statements: list[Statement], access: Access
) -> Model:
    """The model with the claims and the names of derivatives among `statements`."""
    claims = [
        build_claim(source, statement, model, access)
        for statement in statements
        if statement.kind == "claim"
    ]
    lets = [build_let(source, s, model, access) for s in statements if s.kind == "let"]
    return replace(model, claims=tuple(claims), lets=MappingProxyType({let.name: let for let in lets}))


def value_for(source: Source, statement: Statement, model: Model, limit: int) -> tuple[str, Array]:
    """The value of NAME=VALUE for an input of a model.

    Parameters
    ----------
    source, statement : the parsed assignment
    model : declares the name
    limit : how many bytes an array may take

    Returns
    -------
    name : str
    values : float64 array in the shape of the input
        A single number fills it.

    Raises
    ------
    OptionError
        If the model does not declare the name, or the value is not finite.
    ShapeError
        If the value has another shape.
    """
    (declaration,) = statement.declarations
    name = declaration.name
    known = model.inputs.get(name.name)
    if known is None or declaration.value is None:
        near = nearest(name.name, model.inputs)
        raise OptionError(
            f'the model declares no "{printable(name.display, 40)}"'
            if known is None
            else "a value is expected",
            help=f"did you mean {near}?" if near else "known are " + ", ".join(model.inputs)[:200],
        )
    positions = range(declaration.first, declaration.last)
    value = evaluate(source, statement.ops, positions, declaration.value, {}, limit=limit)
    if not np.isfinite(value).all():
        raise OptionError(f"{name.display} must be finite")
    needed = known.values.shape
    if value.shape not in (needed, ()) or (declaration.shape or known.shape) != known.shape:
        raise ShapeError(
            f"{name.display} has the shape {shape_in_words(needed)}, not {shape_in_words(value.shape)}"
        )
    if known.assumptions:
        from gradcheck_cli.language.assumed_words import check_kept

        assumed = [(assumption, name.span) for assumption in known.assumptions]
        check_kept(source, name, known.shape, np.broadcast_to(value, needed), assumed)
    return name.name, np.array(np.broadcast_to(value, needed))


