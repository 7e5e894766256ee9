"""Reads a statement around a place. Gives the operands beside it, as the author wrote them.

Advice names them, so that it can be put in as it stands. Knows nothing of which names exist, apart from
sizes that are written behind them.
"""

from __future__ import annotations

import re
from itertools import pairwise

from gradcheck_cli.language.function_names import is_defined_in
from gradcheck_cli.language.statement_words import LONG_LINE
from gradcheck_cli.numerics.limits.language import DEFAULTS

__all__ = [
    "declared_sizes", "first_parameter", "is_matrix", "operand_before", "operand_behind", "product_at",
    "segment_around", "with_products",
]  # fmt: skip

_CALL = r"(?:\[[^\[\]]*\]|\((?:[^()]|\([^()]*\))*\))"
_OPERAND = re.compile(
    rf"[^\W\d]\w*(?:\.T\b)?{_CALL}*'*|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    rf"|\((?:[^()]|\([^()]*\))*\){_CALL}*'*"
    r"|\[[^\[\]]*\]'*"
)
_WORD = re.compile(r"[^\W\d]\w*|[0-9.]+")
_RAISED_T = re.compile(r"\s*(?:\^|\*\*)\s*(?:T\b|\{T\})")
_BLANKS = re.compile(r"[ \t]*")
_NO_FACTORS = frozenset(("d", "to", "claim"))


def operand_before(code: str, end: int) -> str:
    """The operand that ends at a place, blanks left out; empty where none is read."""
    begin = max(0, end - LONG_LINE)
    part = code[begin:end].rstrip()
    found = [operand for operand in _OPERAND.finditer(part) if operand.end() == len(part)]
    return found[0][0] if found else ""


def operand_behind(code: str, start: int) -> str:
    """The operand that begins at a place, blanks left out; empty where none is read."""
    part = code[start : start + LONG_LINE].lstrip()
    found = _OPERAND.match(part) or _WORD.match(part)
    return found[0] if found else ""


def product_at(
    code: str, operand: str, start: int, all_code: str, most: int = DEFAULTS.most_factors
) -> str:
    """The product of an operand and of those that stand behind it without a sign: `u' @ A @ u`, `2*a*b`."""
    factors, at = [operand], start
    while len(factors) < most and (found := _OPERAND.match(code, at)) is not None:
        raised = _RAISED_T.match(code, found.end())
        factors.append(found[0] if raised is None else f"{found[0]}'")
        at = _BLANKS.match(code, (raised or found).end()).end()  # type: ignore[union-attr]
    product = factors[0]
    for left, right in pairwise(factors):
        product += f"{_sign_between(left, right, all_code)}{right}"
    return product


def with_products(text: str, all_code: str) -> str:
    """A formula with a sign between operands that stand beside each other."""
    done, last = "", None
    at = 0
    for found in _OPERAND.finditer(text):
        between = text[at : found.start()]
        are_factors = last is not None and not {last, found[0]} & _NO_FACTORS
        if last is not None and are_factors and not between.strip():
            between = _sign_between(last, found[0], all_code)
        done += between + _with_products_inside(found[0], all_code)
        last, at = found[0], found.end()
    return done + text[at:]


def _with_products_inside(operand: str, all_code: str) -> str:
    opening = operand.find("(")
    closing = operand.rfind(")")
    if not 0 <= opening < closing:
        return operand
    inner = with_products(operand[opening + 1 : closing], all_code)
    return f"{operand[: opening + 1]}{inner}{operand[closing:]}"


def _sign_between(left: str, right: str, all_code: str) -> str:
    is_array = left.endswith("'") or is_matrix(all_code, left) or is_matrix(all_code, right)
    is_array = is_array or left.startswith("inv(")
    return " @ " if is_array and not left[0].isdigit() else "*"


def segment_around(code: str, place: int) -> tuple[int, int]:
    """Where the part of a formula around a place begins and ends: at brackets, commas and =."""
    begin, depth = place, 0
    while begin > 0:
        sign = code[begin - 1]
        depth += (sign in ")]") - (sign in "([")
        if depth < 0 or (depth == 0 and (sign == "," or _is_equals(code, begin - 1))):
            break
        begin -= 1
    end, depth = place, 0
    while end < len(code):
        depth += (code[end] in "([") - (code[end] in ")]")
        if depth < 0 or (depth == 0 and code[end] == ","):
            break
        end += 1
    return begin, end


def _is_equals(code: str, place: int) -> bool:
    """Whether a sign is the = of a statement, not part of >= or ==."""
    return code[place] == "=" and code[place - 1] not in "<>!=" and code[place + 1 : place + 2] != "="


def is_matrix(all_code: str, name: str) -> bool:
    """Whether a name is declared with two axes; for a very long one nobody looks."""
    return len(declared_sizes(all_code, name.rstrip("'"))) == 2


def declared_sizes(all_code: str, name: str) -> tuple[str, ...]:
    """The sizes that stand behind a name where it is declared; none where that cannot be seen."""
    if len(name) > LONG_LINE or not name.isidentifier():
        return ()
    declared = rf"^[ \t]*(?:data|rows|param)\s[^\n#]*?(?<!\w){re.escape(name)}\s*\[([^\]]*)\]"
    found = re.search(declared, all_code, re.MULTILINE)
    return tuple(size.strip() for size in found[1].split(",")) if found else ()


def first_parameter(all_code: str) -> str:
    """A name by which the loss of this file is differentiated: the first that is declared."""
    found = re.search(r"^[ \t]*param\s+([^\W\d]\w*)", all_code, re.MULTILINE)
    return found[1] if found and is_defined_in(all_code, found[1]) else "w0"
