"""Reads a place between two operands. Gives the advice on a missing operator, and on one beside another.

Knows nothing of statements.
"""

from __future__ import annotations

import re

from gradcheck_cli.language.advice.operands import operand_before, product_at
from gradcheck_cli.language.function_names import is_defined_in, is_function
from gradcheck_cli.language.statement_words import LONG_LINE, OPERANDS, Advice, View, Word, cut

__all__ = ["ARITHMETIC", "advise_comparison", "advise_operator"]

ARITHMETIC = ("+", "-", "*", "/", "@", "^", "**")


def advise_operator(view: View) -> Advice | None:
    """`2x`, `W x`, `sin x`."""
    left, right = view.before, view.bad
    begins = right.kind in OPERANDS or right.text in ("(", "[")
    if not (view.ends_operand and begins):
        return None
    if is_function(left.text) and not is_defined_in(view.all_code, left.text):
        return Advice(f'"{left.text}" needs brackets', f"write {left.text}({_argument(view)})")
    message = f'missing operator between "{cut(left.text)}" and "{cut(right.text)}"'
    if left.kind == right.kind == "number":
        product, vector = f"{cut(left.text)}*{cut(right.text)}", f"[{cut(left.text)}, {cut(right.text)}]"
        return Advice(message, f"a product is written {product}, a vector {vector}")
    factor = operand_before(view.code, right.start)
    if not factor or right.text == "[":
        return Advice(message, "a product is written with *")
    product = product_at(view.code, factor, right.start, view.all_code)
    if "@" in product:
        entries = cut(product.replace(" @ ", "*"))
        help = f"a product is written {cut(product, LONG_LINE)}, or {entries} entry by entry"
        return Advice(message, help)
    in_front = view.code[: right.start].rstrip()[: -len(factor)].rstrip()[-1:]
    group = f"; to divide by all of it, ({cut(product)})" if in_front == "/" else ""
    return Advice(message, f"a product is written {cut(product, LONG_LINE)}{group}")


def _argument(view: View) -> str:
    """What a function without brackets is taken of: the product that begins there."""
    code = view.code[view.bad.start : view.bad.start + LONG_LINE]
    found = re.match(r"[\w.]+(?:\[[^\[\]]*\])?(?:\s*(?:[*/@^]|\*\*)\s*[\w.]+(?:\[[^\[\]]*\])?)*", code)
    return cut(found[0] if found else view.bad.text)


def advise_comparison(view: View) -> Advice | None:
    """`0 < x < 1`, `x > 0 * y`."""
    if view.bad.kind != "compare" and view.bad.text not in ARITHMETIC:
        return None
    level = _same_level(view)
    compared = any(word.kind == "compare" for word in level)
    message = "a comparison beside another operator needs brackets"
    if view.bad.kind == "compare" and compared:
        return Advice("comparisons do not chain", "write (a < b)*(b < c)")
    if view.bad.kind == "compare" and any(word.text in ARITHMETIC for word in level):
        return Advice(message, "write (a + b) > c, or a + (b > c)")
    if compared and view.before.kind != "compare":
        return Advice(message, "write (a > b)*c, or a > (b*c)")
    return None


def _same_level(view: View) -> list[Word]:
    """The words in front, back to the open bracket or comma around them, without inner brackets."""
    depth, level = 0, []
    for word in reversed(view.words[: view.at]):
        if word.text in (")", "]"):
            depth += 1
        elif word.text in ("(", "["):
            depth -= 1
        if depth < 0 or (depth == 0 and word.text in (",", "=")):
            break
        if depth == 0:
            level.append(word)
    return level
