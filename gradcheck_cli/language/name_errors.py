"""Reads a name that a text may not use, or that nothing defines. Gives the error that says so.

Knows nothing of the statements in which names stand.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping

from gradcheck_cli.common.errors import LanguageError, UnknownName, printable
from gradcheck_cli.language.function_names import RESERVED, is_function
from gradcheck_cli.language.identifiers import canonical, describe, foreign_letter, nearest, skeleton
from gradcheck_cli.language.known_names import PARAMETER_HERE, KnownNames
from gradcheck_cli.language.source_text import Source, Span
from gradcheck_cli.language.statement_words import derivative_meant
from gradcheck_cli.language.statements import Name

__all__ = [
    "TRUTH", "check_letters", "foreign_letter_of", "gradient_meant", "is_no_number", "not_finite", "show",
    "unknown_name",
]  # fmt: skip

_NUMBERS_BEHIND = re.compile(r"_?[0-9]+$")  # x1 and x2 are two names, and no slips of one another
_NUMBERS = frozenset({"nan", "inf", "infinity"})
_LONG = 40
_MANY = 12  # names in a sentence


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
    error = UnknownName(f'unknown name "{show(name.display)}"', help=_unknown_help(names, name))
    return source.locate(error, name.span)


def _unknown_help(names: KnownNames, name: Name) -> str:
    code = names.source.code[name.span.start : name.span.start + 200]
    meant = derivative_meant(code, names.source.code)
    if meant is not None:
        return f"write {meant} (in a claim)"
    known = {**names.later, **dict.fromkeys(names.known), **names.defined}
    meant = _other_notation(names, name, known, code)
    if meant is not None:
        return meant
    near = nearest(name.name, known)
    if near is not None:
        foreign = next((n for n in (name.name, near) if not n.isascii()), None)
        alike = "" if foreign is None else f" ({foreign} has {foreign_letter_of(foreign)})"
        is_numbered = _NUMBERS_BEHIND.sub("", near) == _NUMBERS_BEHIND.sub("", name.name)
        other = f" else declare it: param {show(name.display)} = 1" if is_numbered else ""
        return f"did you mean {near}?{alike}{other}"
    declared = f"declare it: param {show(name.display)} = 1"
    of_model = [known.display for known in names.known.values() if known.what != PARAMETER_HERE]
    if of_model:  # claims about a model: nothing is declared beside them
        declared = f"the model has {', '.join(of_model[:_MANY])}{', ...' if len(of_model) > _MANY else ''}"
    if is_function(name.name):
        return f"{declared}; the function is written {name.name}(...)"
    near = nearest(name.name, sorted(RESERVED)) if len(name.name) > 1 else None
    called = re.match(rf"{re.escape(name.display)}\[([^\[\]]*)\]", code)
    if near is not None and called is not None:  # Mathematica's Exp[x]
        return f"did you mean {near}({called[1]})?"
    return declared if near is None else f"did you mean the function {near}(...)?"


def _other_notation(names: KnownNames, name: Name, known: Mapping[str, object], code: str) -> str | None:
    """What stands for e^x, A^T, v_1, True and one half."""
    text, before = name.name, names.source.code[max(0, name.span.start - _LONG) : name.span.start]
    if text in TRUTH:
        return f"write {TRUTH[text]}"
    if text in ("None", "newaxis", "end"):
        return _index_of_programs(names.source.code, name.span.start, text)
    if text == "I":
        return "the identity matrix is written eye(3); or declare it: param I = 1"
    if text in _LOSSES and "loss" in known:
        return "did you mean loss?"
    if text in ("None", "null", "NULL", "NA", "undefined"):
        return "a parameter without a value is drawn: param w"
    if text == "e":
        is_power = re.match(r"e\s*(\^|\*\*)", code)
        declared = "write exp(1), or declare it: data e = 2.718281828459045"
        return "did you mean exp(x)?" if is_power else declared
    if text in ("T", "t", "H") and re.search(r"[\w)\]]\s*(?:\^|\*\*)\s*$", before):
        from gradcheck_cli.language.advice.operands import operand_before

        base = operand_before(before, before.rindex("^" if "^" in before else "*")).rstrip("*") or "A"
        return f"a transpose is written {base}'"
    is_derivative = re.search(r"\bd\s+$", before) is not None
    product = None if is_derivative else _product_meant(name.display, known)
    if product is not None:
        return f"write {product}"
    if len(name.display) == 1 and unicodedata.numeric(name.display, 0.0) > 0:
        return f"write {unicodedata.normalize('NFKC', name.display)}".replace("\u2044", "/")
    raised = re.fullmatch(r"(\w+?)[\u1d40\u22a4]", name.display)
    if raised is not None and raised[1] in known:
        return f"a transpose is written {raised[1]}'"
    entry = re.fullmatch(r"([^\W\d]\w*?)_?([0-9]{1,3})", text)
    siblings = re.compile(rf"{re.escape(entry[1])}_?[0-9]+") if entry else None
    if entry and siblings and _may_have_entries(names, entry[1]) and not any(map(siblings.fullmatch, known)):
        return (
            f"an entry of {entry[1]} is written {entry[1]}[{entry[2]}], counted from 0; "
            f"or declare it: param {show(name.display)} = 1"
        )
    return None


def _product_meant(display: str, known: Mapping[str, object]) -> str | None:
    """`w0*x` for w0x, where both are known."""
    for place in range(1, min(len(display), _LONG)):
        left, right = display[:place], display[place:]
        if left != right and canonical(left) in known and canonical(right) in known:
            return f"{left}*{right}"
    return None


def _index_of_programs(code: str, start: int, word: str) -> str:
    """What is said of `v[None, :]` and of `v[end]`, with the sizes that are declared."""
    from gradcheck_cli.language.advice.operands import declared_sizes

    found = re.search(r"([^\W\d]\w*)\s*\[([^\[\]]*)$", code[max(0, start - _LONG) : start])
    sizes = list(declared_sizes(code, found[1])) if found else []
    parts = code[start - len(found[2]) : code.find("]", start)].split(",") if found else []
    if word == "end":
        axis = found[2].count(",") if found else 0
        last = sizes[axis] if axis < len(sizes) else ""
        known = f"write {int(last) - 1}" if last.isdigit() else "the last of n entries is v[n-1]"
        return f"indices count from 0: {known}"
    if found is None or not sizes or sum(part.strip() == ":" for part in parts) != len(sizes):
        return "axes of length 1 are written by reshape(x, [3,1,4])"
    shape = ",".join(sizes.pop(0) if part.strip() == ":" else "1" for part in parts)
    return f"write reshape({found[1]}, [{shape}])"


def _may_have_entries(names: KnownNames, text: str) -> bool:
    """Whether a name is known, and not as a single number."""
    here = names.later.get(text)
    if here is None:
        return text in names.known
    behind = names.source.code[here.span.end : here.span.end + _LONG]
    return re.match(r"\s*=\s*[-+0-9.]", behind) is None


_LOSSES = frozenset(("L", "l", "J", "E", "cost", "Loss", "LOSS", "objective"))
TRUTH: Mapping[str, str] = {"True": "1", "False": "0", "true": "1", "false": "0", "TRUE": "1", "FALSE": "0"}


def gradient_meant(name: str, known: Collection[str]) -> str | None:
    """The name by which `dw`, `grad_w`, `w_grad` is the derivative of the loss, as programs write it."""
    for pattern in _GRADIENTS:
        found = re.fullmatch(pattern, name)
        if found is not None and found[1] in known and name not in known:
            return found[1]
    return None


_GRADIENTS = (
    r"(?:d_?|grad_?|gradient_|g_|dL_?d_?|dl_?d_?|dloss_?d_?)(\w+)",
    r"(\w+?)_?(?:grad|gradient|bar)",
)


def is_no_number(name: str) -> bool:
    """Whether a name is what other languages write for a number that is not finite."""
    return name.lower() in _NUMBERS


def not_finite(source: Source, text: str, span: Span) -> LanguageError:
    """The error of nan, or of infinity."""
    return source.error(
        f'"{text}" is not a number here', span, help="all values are finite numbers"
    )
