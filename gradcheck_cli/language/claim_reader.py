"""Reads the parsed claims of a file. Gives Claims: formulas for each Jacobian layout, or numbers.

A right side that cannot be built, or has another shape than the derivative, is a Misfit: a wrong
claim, not a bad file. Knows nothing of true values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.language.claim_numbers import claim_from_file, claim_of_numbers, names_nothing
from gradcheck_cli.language.claim_shapes import (
    LAYOUTS,
    Built,
    ClaimStatement,
    Fit,
    fit_of,
    other_shape,
    reading_of,
    target_op,
)  # fmt: skip
from gradcheck_cli.language.data.file_access import Access
from gradcheck_cli.language.graph_assembly import assemble
from gradcheck_cli.language.index_parts import index_items
from gradcheck_cli.language.source_text import Source
from gradcheck_cli.language.statements import Op, Statement
from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import Derivative, Key
from gradcheck_cli.model.model import Claim, Let, Misfit, Model
from gradcheck_cli.model.primitives.record import Shape
from gradcheck_cli.model.whole_ranges import WholeRange

__all__ = ["build_claim", "build_let"]


def build_claim(
    source: Source, statement: Statement, model: Model, access: Access
) -> Claim:
    """The claim of a statement. Raises LanguageError where what it claims is neither a derivative nor the
    value of a step."""
    context = ClaimStatement(source, model, access, statement)
    op = target_op(statement)
    target = _value(context, op) if op.kind == "value" else _derivative(context, op)
    _check_alias(context, target, op)
    fit = fit_of(context, target, op)
    claim = Claim(
        line=source.line(statement.span.start),
        target=target,
        display=statement.alias or _display(op, target),
        text=_text(source, statement),
        formulas={},
        is_jacobian=fit.is_jacobian,
        file=source.file,
    )
    if statement.source is not None:
        return claim_from_file(context, claim)
    if names_nothing(statement):
        return claim_of_numbers(context, claim)
    built = _formulas(context, target)
    return replace(
        claim,
        formulas={layout: found.formula for layout, found in built.items()},
        readings={layout: found.reading for layout, found in built.items()},
    )


def _text(source: Source, statement: Statement) -> str:
    assert statement.text is not None
    start, end = statement.text
    text = source.text[start:end]
    return text if "\n" not in text else " ".join(source.code[start:end].split())


def _display(op: Op, target: Derivative) -> str:
    if target.is_value:
        return str(Derivative(op.options[0].display, index=target.index))
    of, by, _ = op.options
    return str(Derivative(of.display, by.display, target.index))


# --- derivatives and their shapes -------------------------------------------------------------


def _derivative(context: ClaimStatement, op: Op) -> Derivative:
    """The derivative an operation names. Its numerator is a step."""
    of, by, has_index = op.options
    if of.name in context.model.inputs:
        raise context.source.error(
            f'"{of.display}" is declared, not computed: it has no derivatives',
            of.span,
            help="above stands a step, as in d loss/d w0",
        )
    if not has_index:
        return Derivative(of.name, by.name)
    key = index_items(context.source, context.statement.ops, op.arguments)
    if key == (0,) and context.model.node(by.name).index in context.model.graph.products:
        return Derivative(of.name, by.name)
    return Derivative(of.name, by.name, key)


def _value(context: ClaimStatement, op: Op) -> Derivative:
    """The value, or entry of a value, that an operation names: that of a step."""
    name, has_index = op.options
    if name.name in context.model.inputs:
        raise context.source.error(
            f'"{name.display}" is declared, not computed: a claim of a value is of a step', name.span,
            help=f"its derivative is claimed by claim d loss/d {name.display} = ...",
        )  # fmt: skip
    if not has_index:
        return Derivative(name.name)
    key = index_items(context.source, context.statement.ops, op.arguments)
    is_product = context.model.node(name.name).index in context.model.graph.products
    return Derivative(name.name) if key == (0,) and is_product else Derivative(name.name, index=key)


def _check_alias(context: ClaimStatement, target: Derivative, op: Op) -> None:
    """An entry of a name of a derivative is by an entry of one vector or matrix."""
    if not context.statement.alias or target.index is None or not context.model.node(target.of).shape:
        return
    if "[" in context.statement.alias:
        raise context.source.error(
            f"{context.statement.alias} is a part of the matrix {target.whole}", op.span,
            help=f"claim {target} = ... is its derivative by one entry",
        )  # fmt: skip


def build_let(source: Source, statement: Statement, model: Model, access: Access) -> Let:
    """The name of a derivative. Raises LanguageError where it is none."""
    assert statement.name is not None
    assert statement.root is not None
    context, op = ClaimStatement(source, model, access, statement), statement.ops[statement.root]
    target = _derivative(context, op)
    fit_of(context, target, op)
    of, by, _ = op.options
    name, line = statement.name, source.line(statement.span.start)
    return Let(name.name, name.display, target, of.display, by.display, line)


# --- formulas ---------------------------------------------------------------------------------


def _formulas(context: ClaimStatement, target: Derivative) -> Mapping[str, Built]:
    """The right side for each layout; built once where no Jacobian is involved."""
    first = _formula(context, target)
    if not any(_is_jacobian(context.model, op) for op in context.statement.ops):
        return dict.fromkeys(LAYOUTS, first)
    return {LAYOUTS[0]: first, LAYOUTS[1]: _formula(replace(context, layout=LAYOUTS[1]), target)}


def _is_jacobian(model: Model, op: Op) -> bool:
    """Whether an operation is the derivative of a vector by a vector."""
    if op.kind != "derivative":
        return False
    of, by, has_index = op.options
    return not has_index and len(model.node(of.name).shape) == len(model.node(by.name).shape) == 1


def _is_sliced(op: Op, statement: Statement) -> bool:
    return any(statement.ops[position].kind == "slice" for position in op.arguments)


def _formula(context: ClaimStatement, target: Derivative) -> Built:
    statement = context.statement
    assert statement.root is not None
    assert statement.target is not None
    fit = fit_of(context, target, target_op(statement))
    builder = Builder(rows_apart=False)
    leaves: dict[Key, int] = {}
    try:
        root = assemble(
            context.source,
            builder,
            statement.ops,
            range(statement.target + 1, len(statement.ops)),
            statement.root,
            lambda op: _leaf(context, builder, leaves, op),
            rows=context.model.rows,
            limit=context.access.limits.max_data,
        )
    except ShapeError as reason:
        return Built(Misfit(reason.message, reason.help))
    return _fit_to_shape(builder, root, fit, str(target))


def _leaf(context: ClaimStatement, builder: Builder, leaves: dict[Key, int], op: Op) -> int:
    """The value of a name, or of a derivative."""
    if op.kind == "name":
        node = context.model.node(op.text)
        if op.text not in leaves:
            leaves[op.text] = builder.leaf(op.text, node.shape, per_row=node.per_row)
            if node.index in context.model.graph.products:
                builder.products.add(leaves[op.text])
            if node.index in context.model.graph.whole:
                builder.whole[leaves[op.text]] = WholeRange(*context.model.graph.whole[node.index])
        return leaves[op.text]
    if _is_sliced(op, context.statement):
        return _slice(context, builder, leaves, op)
    target = _derivative(context, op)
    fit = fit_of(context, target, op)
    if target not in leaves:
        leaves[target] = builder.leaf(target, fit.shape, per_row=fit.per_row)
        ends = {context.model.node(name).index for name in (target.of, target.by)}
        if not fit.shape and ends & context.model.graph.products:
            builder.products.add(leaves[target])
    return leaves[target]


def _slice(context: ClaimStatement, builder: Builder, leaves: dict[Key, int], op: Op) -> int:
    """d loss/d W[0,:] is a slice of d loss/d W; only where the numerator is one number."""
    of, by, _ = op.options
    if context.model.node(of.name).shape:
        raise context.source.error("a derivative is by one entry, not by a slice", op.span)
    whole = _leaf(context, builder, leaves, op._replace(arguments=(), options=(of, by, False)))
    key = index_items(context.source, context.statement.ops, op.arguments)
    return builder.apply("index", (whole,), {"key": key})


def _fit_to_shape(builder: Builder, root: int, fit: Fit, target: str) -> Built:
    """The graph with its output in the derivative's shape, or why it has another."""
    node = builder.nodes[root]
    if node.per_row and not fit.per_row:
        return Built(
            Misfit(
                f"the right side has one value per row, {target} is one for all rows",
                "the rows are added by sum_rows(...), or averaged by mean_rows(...)",
            )
        )
    if node.shape == fit.shape:
        return Built(builder.graph(root))
    if node.size == math.prod(fit.shape) == 1:
        if node.shape:
            root = builder.apply("index", (root,), {"key": (0,) * len(node.shape)})
        if fit.shape:
            root = builder.apply("expand", (root,), {"to": fit.shape})
        return Built(builder.graph(root))
    reading = reading_of(node.shape, fit, target)
    if reading:
        return Built(builder.graph(_reshape(builder, root, fit.shape)), reading)
    return Built(other_shape(node.shape, fit.shape, target))


def _reshape(builder: Builder, root: int, to: Shape) -> int:
    """One number for all entries, or the same entries with other axes of length 1: a row as a vector."""
    given = builder.nodes[root].shape
    if not given:
        return builder.apply("expand", (root,), {"to": to})
    if max(len(given), len(to)) > 2:
        return builder.apply("reshape", (root,), {"to": to})
    if len(given) == 2:
        key = (0, slice(None)) if given[0] == 1 else (slice(None), 0)
        return builder.apply("index", (root,), {"key": key})
    row = builder.apply("transpose", (root,))
    return row if to[0] == 1 else builder.apply("transpose", (row,))
