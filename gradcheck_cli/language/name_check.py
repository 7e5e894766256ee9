"""Reads parsed statements. Gives them back when every name is known, defined once, before use.

Runs over the whole file before a value is computed, so that the commonest mistakes cost no
start-up. Knows nothing of values and shapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from gradcheck_cli.common.errors import LanguageError, printable
from gradcheck_cli.language.advice.other_spellings import REMARKS
from gradcheck_cli.language.call_check import check_function_call
from gradcheck_cli.language.expansion.definitions import Definition, WrittenOut
from gradcheck_cli.language.function_names import RESERVED, WORDS, is_function
from gradcheck_cli.language.identifiers import nearest, skeleton
from gradcheck_cli.language.known_names import CONSTANTS, KINDS, PARAMETER_HERE, Elsewhere, KnownNames
from gradcheck_cli.language.let_names import LetName, as_derivatives, let_names
from gradcheck_cli.language.name_errors import (
    TRUTH,
    check_letters,
    foreign_letter_of,
    gradient_meant,
    is_no_number,
    not_finite,
    show,
    unknown_name,
)
from gradcheck_cli.language.slope_names import check_slope
from gradcheck_cli.language.source_text import Source
from gradcheck_cli.language.statement_words import KEYWORDS, derivative_meant
from gradcheck_cli.language.statements import Name, Op, Statement
from gradcheck_cli.model.primitives.slopes import PRIME

__all__ = ["Checked", "check_claims", "check_names"]

_CLAIMED = "a claim is of a derivative or of a step"
_CLAIM_FORMS = "write claim d loss/d w0 = ..., or claim loss = ..."
_OF_DERIVATIVES = ("claim", "let")  # statements that speak of all steps, wherever they stand


@dataclass
class Checked:
    """Statements in which every name is known; `free` are the parameters of a one-expression file,
    `definitions` its functions."""

    statements: list[Statement]
    free: list[Name] = field(default_factory=list)
    definitions: Mapping[str, Definition] = field(default_factory=dict)


def check_names(
    source: Source, written: WrittenOut, hiding: Mapping[str, Elsewhere] = MappingProxyType({}),
    assumed: frozenset[str] = frozenset(),
) -> Checked:
    """The statements of a model file, or values for the names that a model has; of names that are `assumed`
    nothing is said. Raises LanguageError."""
    statements = written.statements
    alone = [s for s in statements if s.kind == "expression"]
    defining = [s for s in statements if s.declarations or s.kind == "step"]
    claimed = next((s for s in statements if s.kind == "claim"), None)
    if claimed is not None and not (alone or defining or written.definitions):
        raise source.error(
            "there are claims and no model", claimed.span,
            help=f"write gradcheck run MODEL --claims {printable(source.file)}: --claims in front of each",
        )  # fmt: skip
    lets = let_names(source, statements)
    for name, kind in _definitions(statements):
        if name.name in lets and kind != "let":
            raise _has_two_meanings(source, lets[name.name].name, name)
    names = KnownNames(
        source, is_ascii=source.code.isascii(), hiding=hiding, functions=written.definitions,
        indices=written.indices, lets=lets, assumed=assumed,
    )  # fmt: skip
    free: list[Name] = []
    if len(alone) == 1 and not defining:
        free = list(_free_names(source, alone[0]))
        for name in free:
            names.later[name.name], names.ways[name.name] = name, "param"
            _define(names, name, "param")
        names.later["loss"] = Name("loss", "loss", alone[0].span)
    elif alone:
        raise _lonely(source, alone[0], bool(defining))
    for name, kind in _definitions(statements):
        names.later.setdefault(name.name, name)
        names.ways.setdefault(name.name, kind)
    as_derivatives(source, statements, lets, names.is_call)
    for statement in statements:
        _check(names, statement)
    _check_definitions(names)
    return Checked(statements, free, written.definitions)


def check_claims(
    source: Source, written: WrittenOut, known: Mapping[str, Elsewhere], lets: Mapping[str, LetName]
) -> None:
    """Claims about a model whose names are `known` (canonical: as displayed), and names of derivatives, of
    which the model gives some. Raises LanguageError."""
    every = let_names(source, written.statements, lets)
    names = KnownNames(
        source, known=known, functions=written.definitions, indices=written.indices, lets=every
    )
    as_derivatives(source, written.statements, every, names.is_call)
    for claim in written.statements:
        _check(names, claim)
    _check_definitions(names)


def _check_definitions(names: KnownNames) -> None:
    """A definition has a name of its own, and mentions nothing that is unknown, even if nobody uses it."""
    source = names.source
    for definition in names.functions.values():
        check_letters(source, definition.name)
        if definition.name.name in names.indices:
            raise _index_too(names, definition.name)
        parameters = {p.name: Elsewhere(p.display, PARAMETER_HERE) for p in definition.parameters}
        known = {**names.known, **parameters}
        inner = replace(names, known=known, functions=definition.scope)
        _settle_brackets(inner, definition.ops)
        _check_uses(inner, definition.ops, range(len(definition.ops)), "claim")


def _has_two_meanings(source: Source, let: Name, other: Name) -> LanguageError:
    """A name of a derivative that is defined as a step or an input, too."""
    return source.error(
        f'"{show(let.display)}" is defined twice: it has a value, and names a derivative', let.span,
        help=f"take another name for the derivative, d_{show(let.display)}",
        related=(("it has its value here", source.place(*other.span)),),
    )  # fmt: skip


def _lonely(source: Source, statement: Statement, defining: bool) -> LanguageError:
    code = source.code[statement.span.start :]
    if code.startswith("--"):
        return source.error('"--" begins no comment', statement.span, help="comments begin with #")
    arrow = re.match(r"([^\W\d]\w*)\s*<\s*-\s*([^\n;]{1,60})", code)
    if arrow is not None:
        return source.error('"<-" is not used', statement.span, help=f"write {arrow[1]} = {arrow[2].strip()}")
    if re.match(r"(?:print|disp)\s*\(", code):
        return source.error("nothing is printed here", statement.span, help=REMARKS["print"])
    if not defining:
        return source.error(
            "a second expression: a file has one loss",
            statement.span,
            help="name the steps: f = ..., loss = ...",
        )
    return source.error(
        "this expression has no name", statement.span, help="a step is written loss = ..."
    )


def _definitions(statements: Iterable[Statement]) -> Iterator[tuple[Name, str]]:
    for statement in statements:
        if statement.kind in ("step", "let") and statement.name is not None:
            yield statement.name, statement.kind
        for declaration in statement.declarations:
            yield declaration.name, statement.kind


def _check(names: KnownNames, statement: Statement) -> None:
    """Uses first, then what the statement defines."""
    _settle_brackets(names, statement.ops)
    for declaration in statement.declarations:
        positions = range(declaration.first, declaration.last)
        _check_uses(names, statement.ops, positions, "value")
        _define(names, declaration.name, statement.kind)
    if statement.declarations:
        return
    _check_uses(names, statement.ops, range(len(statement.ops)), statement.kind)
    if statement.kind in ("step", "let") and statement.name is not None:
        _define(names, statement.name, statement.kind)


def _define(names: KnownNames, name: Name, kind: str) -> None:
    source = names.source
    check_letters(source, name)
    if name.name in RESERVED or name.name in CONSTANTS or name.name in KEYWORDS:
        what = "the number" if name.name in CONSTANTS else "a function"
        raise source.error(
            f'"{name.display}" is reserved: it is {what} {name.name}',
            name.span,
            help=f"take another name, {name.name}_1",
        )
    if name.name in names.indices:
        raise _index_too(names, name)
    if name.name in names.known:
        raise source.error(
            f'"{show(name.display)}" is a name of the model', name.span,
            help=f"take another name, {show(name.display)}_1",
        )  # fmt: skip
    function = names.functions.get(name.name)
    before = names.defined.get(name.name) if function is None else function.name
    if before is not None:
        raise source.error(
            f'"{show(name.display)}" is defined twice',
            name.span,
            help="every name has one value; take a new name for the new one",
            related=(source.related("first defined here", before.span),),
        )
    if not names.is_ascii:
        _check_look(names, name)
    names.defined[name.name] = name
    names.kinds[name.name] = kind


def _index_too(names: KnownNames, name: Name) -> LanguageError:
    """A name that is the index of a loop, too."""
    index = names.indices[name.name]
    return names.source.error(
        f'"{show(name.display)}" is the index of a loop or a sum', name.span,
        help="take another letter for the index", related=(names.source.related("the index", index.span),),
    )  # fmt: skip


def _check_look(names: KnownNames, name: Name) -> None:
    """No other name looks like it because of a letter of another alphabet."""
    source, look = names.source, skeleton(name.name)
    twin = names.alike.get(look)
    if twin is not None and (not name.name.isascii() or not twin.name.isascii()):
        raise source.error(
            f'"{show(name.display)}" looks like "{show(twin.display)}" but is another name',
            name.span,
            help=f"it has {foreign_letter_of(twin.name if name.name.isascii() else name.name)}",
            related=(source.related("the other one", twin.span),),
        )
    names.alike[look] = name


def _free_names(source: Source, statement: Statement) -> Iterator[Name]:
    """The names of a one-expression file that are not functions, by first use."""
    seen: set[str] = set()
    called = {op.arguments[0] for op in statement.ops if op.kind == "bracket"}
    for position, op in enumerate(statement.ops):
        if op.kind != "name" or op.text in seen or op.text in CONSTANTS:
            continue
        if is_function(op.text) and position in called:
            continue
        if is_no_number(op.text):
            raise not_finite(source, op.text, op.span)
        if op.text == "loss":
            raise source.error(
                '"loss" is the name of the whole expression', op.span, help="take another name"
            )
        seen.add(op.text)
        yield Name(op.text, source.code[op.start : op.end], op.span)


# --- uses -------------------------------------------------------------------------------------


def _settle_brackets(names: KnownNames, ops: list[Op]) -> None:
    """Make a call of what is written with square brackets behind a function: sin[x]."""
    for position, op in enumerate(ops):
        if op.kind == "bracket":
            base = ops[op.arguments[0]]
            if base.kind == "name" and names.is_call(base.text):
                ops[position] = Op("call", op.arguments[1:], base.text, base.start, base.end, op.options)
                ops[op.arguments[0]] = base._replace(kind="function")


def _check_uses(names: KnownNames, ops: list[Op], positions: range, context: str) -> None:
    calls = (op for op in ops if op.kind in ("call", "slope"))
    words = {
        place for op in calls for name, place in op.options
        if name.name in WORDS or ops[place].text in TRUTH or not (op.kind != "call" or names.is_call(op.text))
    }  # fmt: skip
    for position in positions:
        op = ops[position]
        if op.kind == "name" and position not in words:
            _check_name(names, op, context)
        elif op.kind == "call":
            check_function_call(names, op.text, op, op.arguments)
        elif op.kind == "derivative":
            _check_derivative(names, op, context)
        elif op.kind == "value":
            _check_value(names, op)
        elif op.kind == "slope":
            function = op.text.rstrip(PRIME)
            check_slope(
                names.source, op, context, is_name=_is_defined(names, function),
                is_defined=function in names.functions,
            )  # fmt: skip


def _stands_in_claims(source: Source, op: Op) -> LanguageError:
    """The name of a derivative in a step or a value."""
    display = show(source.code[op.start : op.end])
    return source.error(
        f'"{display}" is a derivative: it can stand in a claim only', op.span,
        help=f"write claim {display} = ..., or take another name",
    )  # fmt: skip


def _check_value(names: KnownNames, op: Op) -> None:
    """The name on the left of a claim is that of a step; dl_dw0 is none, and means a derivative."""
    source, known = names.source, {**names.later, **dict.fromkeys(names.known), **names.defined}
    display = show(source.code[op.start : op.end])
    if op.text in known or op.text in names.assumed:
        return
    if op.text in CONSTANTS or is_function(op.text):
        what = "the number" if op.text in CONSTANTS else "a function"
        raise source.error(f'"{display}" is {what} {op.text}: {_CLAIMED}', op.span, help=_CLAIM_FORMS)
    by = gradient_meant(op.text, known)
    meant = derivative_meant(op.text, source.code) or (by and f"d loss/d {show(by)}")
    near = nearest(op.text, known)
    if meant is not None:
        message = "a claim begins with a derivative, or with the name of a step"
        raise source.error(message, op.span, help=f"write claim {meant} = ...")
    check_letters(source, op.options[0])
    help = f"did you mean {near}?" if near else _CLAIM_FORMS
    raise source.error(f'unknown name "{display}": {_CLAIMED}', op.span, help=help)


def _is_defined(names: KnownNames, name: str) -> bool:
    return name in names.later or name in names.defined or name in names.known


def _check_name(names: KnownNames, op: Op, context: str) -> None:
    source = names.source
    if op.text in names.lets:
        raise _stands_in_claims(source, op)
    kind = names.kinds.get(op.text)
    if (kind is not None and context != "value") or op.text in CONSTANTS:
        return
    display = source.code[op.start : op.end]
    if op.text in RESERVED:
        raise source.error(
            f'"{display}" is a function', op.span, help=f"write {op.text}(...) with its arguments"
        )
    _require(names, Name(op.text, display, op.span), context)
    if context == "value" and kind != "data" and op.text not in names.assumed:
        what = KINDS[kind or "step"]
        raise source.error(
            f'"{show(display)}" is {what}: a value is made of numbers and earlier data',
            op.span,
            help="a value that depends on others is a step: NAME = EXPRESSION",
        )


def _require(names: KnownNames, name: Name, context: str) -> None:
    """The name is defined above; for claims, anywhere."""
    if any(name.name in those for those in (names.defined, names.known, names.assumed)):
        return
    later = names.later.get(name.name)
    if later is None:
        raise unknown_name(names, name)
    if context not in _OF_DERIVATIVES:
        raise names.source.error(
            f'"{show(name.display)}" is used before its definition',
            name.span,
            help="names are defined before they are used: move its line up",
            related=(names.source.related("defined here", later.span),),
        )


def _check_derivative(names: KnownNames, op: Op, context: str) -> None:
    of, by, _ = op.options
    if context not in _OF_DERIVATIVES:
        raise names.source.error(
            "a derivative can stand in a claim only",
            op.span,
            help=f"write claim d {show(of.display)}/d {show(by.display)} = ...",
        )
    for name in (of, by):
        if name.name in names.lets:
            raise _of_a_derivative(names, name, of)
        _require(names, name, context)


def _of_a_derivative(names: KnownNames, name: Name, of: Name) -> LanguageError:
    """d delta2/d w, or d loss/d delta2."""
    is_above, meant = name is of, names.lets[name.name].target
    return names.source.error(
        "second derivatives are not judged" if is_above else f'"{show(name.display)}" is a derivative',
        name.span, help=f"{show(name.display)} is {meant}: a claim is of the derivative of a step by a name",
    )  # fmt: skip
