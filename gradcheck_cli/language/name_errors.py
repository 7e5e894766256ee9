"""Reads a name that a text may not use, or that nothing defines. Gives the error that says so.

Knows nothing of the statements in which names stand.
"""

from __future__ import annotations

import re

from gradcheck_cli.common.errors import LanguageError, printable
from gradcheck_cli.language.function_names import RESERVED, is_function
from gradcheck_cli.language.identifiers import describe, foreign_letter, nearest, skeleton
from gradcheck_cli.language.known_names import KnownNames
from gradcheck_cli.language.source_text import Source, Span
from gradcheck_cli.language.statement_words import derivative_meant
from gradcheck_cli.language.statements import Name

__all__ = ["check_letters", "foreign_letter_of", "is_no_number", "not_finite", "show", "unknown_name"]

_NUMBERS = frozenset({"nan", "inf", "infinity"})
_LONG = 40


def foreign_letter_of(name: str) -> str:
    """The first letter of a name that is not ASCII, with its number."""
    return describe(next(c for c in name if not c.isascii()))


def check_letters(source: Source, name: Name) -> None:
    """Raise LanguageError for a name of letters of two alphabets."""
    letter = foreign_letter(name.display)
    if letter is not None:
        raise source.error(
            f'the name "{show(name.display)}" mixes alphabets: it has {describe(letter)}',
            name.span,
            help=f"type it again: {show(skeleton(name.name))}",
        )


def show(display: str) -> str:
    """A name as messages quote it: no longer than they can bear."""
    return printable(display, _LONG)


def unknown_name(names: KnownNames, name: Name) -> LanguageError:
    """The error of a name that nothing defines, with the one that was meant."""
    source = names.source
    check_letters(source, name)
    if is_no_number(name.name):
        return not_finite(source, name.name, name.span)
    if name.name in names.functions:
        return source.error(
            f'"{show(name.display)}" is a definition, no step', name.span,
            help=f"name its value: {show(name.display)}_1 = {names.functions[name.name].signature}",
        )  # fmt: skip
    return source.error(
        f'unknown name "{show(name.display)}"', name.span, help=_unknown_help(names, name)
    )


def _unknown_help(names: KnownNames, name: Name) -> str:
    code = names.source.code[name.span.start : name.span.start + 200]
    meant = derivative_meant(code, names.source.code)
    if meant is not None:
        return f"write {meant} (in a claim)"
    known = {**names.later, **dict.fromkeys(names.known), **names.defined}
    near = nearest(name.name, known)
    if near is not None:
        foreign = next((n for n in (name.name, near) if not n.isascii()), None)
        alike = "" if foreign is None else f" ({foreign} has {foreign_letter_of(foreign)})"
        return f"did you mean {near}?{alike}"
    if name.name == "e" and re.match(r"e\s*(\^|\*\*)", code):
        return "did you mean exp(x)?"
    declared = f"declare it: param {show(name.display)} = 1"
    if is_function(name.name):
        return f"{declared}; the function is written {name.name}(...)"
    near = nearest(name.name, sorted(RESERVED))
    return declared if near is None else f"did you mean the function {near}(...)?"


def is_no_number(name: str) -> bool:
    """Whether a name is what other languages write for a number that is not finite."""
    return name.lower() in _NUMBERS


def not_finite(source: Source, text: str, span: Span) -> LanguageError:
    """The error of nan, or of infinity."""
    return source.error(
        f'"{text}" is not a number here', span, help="all values are finite numbers"
    )
