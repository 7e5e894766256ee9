"""Reads a call of a function. Gives an error where nothing of that name can be called so.

A name of the file hides a function, and says so where it is called. Knows nothing of values and shapes.
"""

from __future__ import annotations

import re

from gradcheck_cli.common.errors import LanguageError, UnknownName, printable
from gradcheck_cli.language.expansion.definitions import check_call
from gradcheck_cli.language.function_names import is_function
from gradcheck_cli.language.identifiers import canonical, nearest
from gradcheck_cli.language.known_names import CONSTANTS, KINDS, KnownNames
from gradcheck_cli.language.statement_words import derivative_meant
from gradcheck_cli.language.statements import Op
from gradcheck_cli.model.primitives.table import PRIMITIVES, function_names, resolve_function

__all__ = ["check_function_call"]

_LONG = 40
_ENTRY = re.compile(r"\(\s*([0-9]{1,9}(?:\s*,\s*[0-9]{1,9})?)\s*\)")
_ALONG = (
    "sum", "mean", "prod", "softmax", "log_softmax", "logsumexp", "cumsum", "cumprod", "var", "std", "sort",
)  # fmt: skip
_SIZES = ("len", "length", "numel")
_POOLS = ("max_pool", "avg_pool")
_OTHER_COUNTS = {
    **{(name, 2): f"{name}(x, axis=1)" for name in _ALONG},
    ("reshape", 1): "reshape(x, [2, 3]): the shape stands behind the array",
    ("stack", 1): "stack(a, b, axis=0), without the brackets of a list",
    ("log", 2): "log(x)/log(b) for the base b",
    ("solve", 1): "inv({0})",
    ("atan", 2): "atan2(y, x)",
    **{(name, 3): f"{name}({name}(a, b), c)" for name in ("max", "min")},
    **{("einsum", n): 'einsum("ij,jk->ik", A, B) of two of them first, as a step: it takes up to three arrays'
       for n in range(5, 12)},
    ("norm", 2): "norm({0}), or sum(abs({0})^p)^(1/p)",
}


def check_function_call(names: KnownNames, function: str, op: Op, arguments: tuple[int, ...]) -> None:
    """Raise LanguageError where a call is none of a function, or has other arguments."""
    source = names.source
    definition = names.functions.get(function)
    if definition is not None:
        check_call(source, definition, op, len(arguments))
        return
    if names.is_call(function):
        if resolve_function(function, len(arguments)) is None:
            given = f"{len(arguments)} argument{'' if len(arguments) == 1 else 's'}"
            forms = " or ".join(_signatures(function))
            count = len(arguments)
            other = _with_keyword(source.code, op, count) or _other_form(source.code, op, count)
            help = f"write {other or forms}"
            raise source.error(f"{function} does not take {given}", op.span, help=help)
        if function in _POOLS and len(arguments) > 2:
            raise source.error(
                f"{function} with two numbers has two readings: a window of both, or a window and a step",
                op.span,
                help=f"write {function}(x, [3, 2]), or {function}(x, 3, stride=2)",
            )
        return
    if is_function(function):
        raise _hidden(names, function, op)
    display = source.code[op.start : op.end]
    if function in CONSTANTS or function in names.defined or function in names.known:
        bracket = source.code.index("(", op.end)
        shown = printable(display, _LONG)
        index = _ENTRY.match(source.code[bracket : bracket + _LONG])
        entry = f"; {_entry_of(shown, index[1])}" if index else ""
        raise source.error(
            f'missing operator between "{shown}" and "("',
            (bracket, bracket + 1),
            help=f"a product is written {shown}*(...){entry}",
        )
    if function not in names.assumed:
        error = UnknownName(f'unknown function "{printable(display, _LONG)}"', help=_function_help(names, op))
        raise source.locate(error, op.span)


def _entry_of(name: str, index: str) -> str:
    """What W(1,2) is, counted from 1 and from 0."""
    places = [int(place) for place in index.split(",")]
    from_zero = f"{name}[{','.join(map(str, places))}]"
    if 0 in places:
        return f"an entry is written {from_zero}"
    from_one = f"{name}[{','.join(str(place - 1) for place in places)}]"
    return f"indices count from 0: if you count from 1, write {from_one}, else {from_zero}"


def _other_form(code: str, op: Op, count: int) -> str | None:
    """What stands for a call with so many arguments, with the author's own."""
    from gradcheck_cli.language.advice.other_spellings import arguments_behind, with_names

    form = _OTHER_COUNTS.get((op.text, count))
    opening = code.find("(", op.end)
    given = arguments_behind(code, opening) if form is not None and "{0}" in form and opening >= 0 else ()
    return form and with_names(form, given)


def _with_keyword(code: str, op: Op, count: int) -> str | None:
    """The same call, with a keyword for its last number."""
    from gradcheck_cli.language.advice.other_spellings import arguments_behind, with_keyword

    opening = code.find("(", op.end)
    given = arguments_behind(code, opening) if opening >= 0 else ()
    return with_keyword(op.text, given) if len(given) == count else None


def _hidden(names: KnownNames, function: str, op: Op) -> LanguageError:
    """A call of a function that a name of the file, or of its model, hides."""
    source, display = names.source, printable(names.source.code[op.start : op.end], _LONG)
    here = names.later.get(function)
    if here is not None:
        what = f"{KINDS[names.ways[function]]} here"
    else:
        elsewhere = names.known.get(function) or names.hiding.get(function)
        what = KINDS["let"] if elsewhere is None else elsewhere.what
    return source.error(
        f'"{display}" is {what}, and hides the function {function}(...)',
        op.span,
        help=f"a product is written {display}*(...); for the function give that name up: {function}_1",
        related=() if here is None else (source.related("defined here", here.span),),
    )


def _signatures(function: str) -> list[str]:
    records = [r for r in PRIMITIVES.values() if r.infix is None]
    return [r.signature for r in records if function == r.function or function in r.aliases]


def _function_help(names: KnownNames, op: Op) -> str:
    source = names.source
    meant = derivative_meant(source.code[op.start : op.start + 200], source.code)
    if meant is not None:
        return f"write {meant}"
    from gradcheck_cli.language.advice.declaration_advice import drawn_meant
    from gradcheck_cli.language.advice.operands import declared_sizes
    from gradcheck_cli.language.advice.other_spellings import (
        arguments_behind,
        closing_bracket,
        signs_beside,
        spelled_here,
    )

    line = source.code[source.code.rfind("\n", 0, op.start) + 1 : op.end]
    drawn = drawn_meant(line)
    if drawn is not None:
        return drawn
    opening = source.code.index("(", op.end)
    sizes = declared_sizes(source.code, (arguments_behind(source.code, opening) or ("",))[0])
    if op.text in _SIZES and sizes:
        return f"sizes are written out: write {sizes[0] if op.text != 'numel' else '*'.join(sizes)}"
    beside = signs_beside(source.code, op.start, closing_bracket(source.code, opening))
    spelled = spelled_here(op.text, arguments_behind(source.code, opening), beside)
    if spelled is not None:
        return spelled
    near = nearest(canonical(op.text), [*names.functions, *sorted(function_names())])
    if near is not None:
        return f"did you mean {near}?"
    lower = spelled_here(op.text.lower())
    if lower is not None:
        return lower
    return "gradcheck functions lists them; a product is written with *"
