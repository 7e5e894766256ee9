"""Reads a formula in LaTeX. Gives it as it is written here, or nothing where a command has no counterpart.

Knows nothing of the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from gradcheck_cli.language.advice.operands import is_matrix, with_products
from gradcheck_cli.language.function_names import is_defined_in, is_function
from gradcheck_cli.language.statement_words import LONG_LINE
from gradcheck_cli.numerics.limits.language import DEFAULTS

__all__ = ["from_latex"]

_SIGNS: Mapping[str, str] = MappingProxyType({
    "cdot": "*", "times": "*", "odot": "*", "circ": "*", "ast": "*", "div": "/", "le": "<=", "leq": "<=",
    "ge": ">=", "geq": ">=", "left": "", "right": "", "big": "", "bigl": "", "bigr": "", "Big": "",
    "quad": " ", "displaystyle": "", "lVert": "\\|", "rVert": "\\|", "Vert": "\\|",
    "lvert": "|", "rvert": "|", "tfrac": "\\frac", "dfrac": "\\frac", "intercal": "\\top",
})  # fmt: skip
_DRESS = "mathbf|boldsymbol|bm|mathrm|mathit|vec|text|operatorname|mathsf|textbf|hat|tilde|bar"
_INNER = r"\{((?:[^{}])*)\}"
_DERIVATIVE = (
    r"\\frac\s*\{\s*(?:d|\\partial)\s*(\w+)\s*\}\s*\{\s*(?:d|\\partial)\s*(\w+)\s*\}"
)
_SUM = re.compile(
    r"\\(?P<what>sum|prod)\s*_\s*\{?\s*(?P<index>\w+)\s*=\s*(?P<first>\w+)\s*\}?\s*"
    r"\^\s*\{?\s*(?P<last>\w+)\s*\}?"
)
_STATEMENT = re.compile(r"(?:[a-z]+ )?(?:d \w+/d )?\w+(?:\[[^\]]*\])? = ")
_NAMES: Mapping[str, str] = MappingProxyType({"sigma": "sigmoid", "ln": "log", "lg": "log10"})


def from_latex(text: str, all_code: str, deepest: int = DEFAULTS.deepest_braces) -> str | None:
    """A formula without commands and braces. None where it is long, or something in it is not known."""
    if len(text) > 2 * LONG_LINE:
        return None
    text = re.sub(r"\\\\\s*$|\\[,;!:> ]|\$|&(?==)", " ", text)
    text = re.sub(r"\\([A-Za-z]+)", lambda m: _SIGNS.get(m[1], m[0]), text)
    for _ in range(deepest):
        before, text = text, _without_braces(text, all_code)
        if text == before:
            break
    text = re.sub(r"\\\|(.+?)\\\|(?:_2)?", r"norm(\1)", text)
    text = re.sub(r"\\([A-Za-z]+)\s*(\(?)([\w']*)", lambda m: _of_command(m, all_code), text)
    text = _with_sums(text)
    text = re.sub(r"\s+", " ", text).strip()
    left, equals, right = text.partition(" = ") if _STATEMENT.match(text) else ("", "", text)
    found = f"{left}{equals}{with_products(right, all_code)}"
    return None if re.search(r"[\\{}$]", found) or not found else found


def _without_braces(text: str, all_code: str) -> str:
    """The text without its innermost braces."""
    text = re.sub(rf"\\(?:{_DRESS})\s*{_INNER}", r"\1", text)
    text = re.sub(r"\^\s*(?:\{\s*(?:\\top|T)\s*\}|\\top|T\b)", "'", text)
    text = re.sub(_DERIVATIVE, r"d \1/d \2", text)
    text = re.sub(rf"\\frac\s*{_INNER}\s*{_INNER}", lambda m: f"{_group(m[1])}/{_group(m[2])}", text)
    text = re.sub(rf"\\sqrt\s*{_INNER}", r"sqrt(\1)", text)
    if not is_defined_in(all_code, "e"):
        text = re.sub(rf"(?<!\w)e\s*\^\s*(?:{_INNER}|(\w))", lambda m: f"exp({m[1] or m[2]})", text)
    text = re.sub(r"(\w+)\^\{\s*-1\s*\}", lambda m: _inverse(m[1], all_code), text)
    text = re.sub(rf"(?<!\\sum_)(?<!\\prod_)(?<!\}})\^\s*{_INNER}", lambda m: f"^{_group(m[1])}", text)
    return re.sub(r"(?<=[A-Za-z])_\{(\w+)\}", r"_\1", text) if "\\sum" not in text else text


def _group(text: str) -> str:
    text = text.strip()
    return text if re.fullmatch(r"\w+|[0-9.]+", text) else f"({text})"


def _inverse(name: str, all_code: str) -> str:
    return f"inv({name})" if is_matrix(all_code, name) else f"{name}^(-1)"


def _of_command(found: re.Match[str], all_code: str) -> str:
    """`\\sin x` as sin(x); a Greek letter is its name; of a sum and what is not known nothing changes."""
    command, bracket, argument = found[1], found[2], found[3]
    if command in ("sum", "prod", "frac", "partial", "nabla", "top"):
        return found[0]
    name = command
    if not is_defined_in(all_code, command) and (command != "sigma" or bracket):
        name = _NAMES.get(command, command)
    if bracket or not is_function(name) or is_defined_in(all_code, name):
        gap = " " if argument and not bracket else ""
        return f"{name}{gap}{bracket}{argument}"
    return f"{name}({argument})" if argument else found[0]


def _with_sums(text: str) -> str:
    """`\\sum_{i=1}^{n} TERM` as sum(i = 1 to n: TERM).

    The term ends before the next + or - outside brackets.
    """
    while (found := _SUM.search(text)) is not None:
        end = _end_of_term(text, found.end())
        term = text[found.end() : end].strip()
        head = f"{found['what']}({found['index']} = {found['first']} to {found['last']}: {term})"
        text = text[: found.start()] + head + text[end:]
    return text


def _end_of_term(text: str, start: int) -> int:
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] in "([") - (text[place] in ")]")
        if depth < 0 or (depth == 0 and text[place] in "+-" and text[start:place].strip()):
            return place
    return len(text)
