"""Reads a sign between or around operands as other languages have it. Gives how it is written here.

Python, R, MATLAB, Julia, and the signs of Unicode. Knows nothing of statements.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from gradcheck_cli.language.advice.operands import operand_before, operand_behind, product_at
from gradcheck_cli.language.function_names import is_defined_in, is_function
from gradcheck_cli.language.statement_words import LONG_LINE, Advice, View, cut

__all__ = ["FOREIGN_SIGNS"]

# Signs of other languages between two operands, and what is written here.
_OPERATORS: Mapping[str, str] = MappingProxyType({
    "//": "floor({0}/{1})", "%/%": "floor({0}/{1})", "%*%": "{0} @ {1}", "%o%": "outer({0}, {1})",
    "%x%": "kron({0}, {1})", "%%": "mod({0}, {1})", "%": "mod({0}, {1})",
    ".*": "{0}*{1}", "./": "{0}/{1}", ".^": "{0}^{1}", ".**": "{0}^{1}", ".+": "{0} + {1}", ".-": "{0} - {1}",
    "^^": "{0}^{1}", "\u2299": "{0}*{1}", "\u2218": "{0}*{1}", "\u2297": "outer({0}, {1})",
    "\u2295": "{0} + {1}",
})  # fmt: skip
_NOTES: Mapping[str, str] = MappingProxyType({
    "//": "; comments begin with #", "%": "; comments begin with #", "\u2218": "; f after g is f(g(x))",
    ".*": ": * acts entry by entry", "./": ": / acts entry by entry", ".^": ": ^ acts entry by entry",
})  # fmt: skip


def _advise_foreign_operator(view: View) -> Advice | None:
    """`x // y`, `W %*% u`, `u.^2`, `A\\u`."""
    for back in (0, 1):
        word = view.words[view.at - back] if view.at >= back else view.bad
        sign = _sign_at(view.code, word.start)
        left = operand_before(view.code, word.start)
        if sign is None or not left:
            continue
        behind = view.code[word.start + len(sign) :]
        right = operand_behind(behind, 0)
        if sign in ("%", "//") and _IS_NOTE.match(behind) and not _is_known(view, right):
            note = cut(behind.split("\n", 1)[0].strip(), LONG_LINE)
            return Advice(f'"{sign}" begins no comment', f"comments begin with #: write # {note}", back)
        if right:
            form = _OPERATORS[sign].format(cut(left), cut(right))
            return Advice(f'"{sign}" is not used', f"write {form}{_NOTES.get(sign, '')}", back)
    return None


_IS_NOTE = re.compile(r"\s*[^\W\d]\w*(?:\s+\w+|\s*$)")


def _sign_at(code: str, start: int) -> str | None:
    found = (code[start : start + size] for size in (3, 2, 1))
    return next((sign for sign in found if sign in _OPERATORS), None)


def _is_known(view: View, operand: str) -> bool:
    name = re.match(r"[^\W\d]\w*", operand)
    return name is None or is_function(name[0]) or is_defined_in(view.all_code, name[0])


def _advise_norm(view: View) -> Advice | None:
    """`||x||`, `|x|`, and what stands between the signs of Unicode."""
    for sign, function in _BARS:
        bars = re.compile(rf"{re.escape(sign)}([^|\u2016\u2225]+){re.escape(sign)}(?:_2\b)?")
        found = bars.match(view.code, view.bad.start)
        if found is not None and not view.ends_operand:
            return Advice(f'"{sign}" does not fit here', f"write {function}({cut(found[1].strip())})")
    return None


_BARS = (("||", "norm"), ("\u2016", "norm"), ("\u2225", "norm"), ("|", "abs"))


def _advise_prefix(view: View) -> Advice | None:
    """The root and the sum of Unicode in front of an operand, and what is raised behind one."""
    operand = operand_behind(view.code, view.bad.end)
    function = _PREFIXES.get(view.bad.text)
    if function is not None and operand:
        inner = operand[1:-1] if operand[0] == "(" and operand[-1] == ")" else operand
        return Advice(f'"{view.bad.text}" does not fit here', f"write {function}({cut(inner)})")
    if view.bad.text == "\u22a4":
        base = operand_before(view.code, view.bad.start).rstrip("^ ") or operand_before(
            view.code, view.code.rfind("^", 0, view.bad.start)
        )
        if base:
            product = product_at(view.code, f"{base}'", view.bad.end, view.all_code)
            return Advice('"\u22a4" does not fit here', f"a transpose is written {cut(product, LONG_LINE)}")
    return None


_PREFIXES = {"\u221a": "sqrt", "\u2211": "sum", "\u03a3": "sum", "\u220f": "prod", "\u221b": "cbrt"}

FOREIGN_SIGNS: tuple[Callable[[View], Advice | None], ...] = (
    _advise_foreign_operator,
    _advise_norm,
    _advise_prefix,
)
