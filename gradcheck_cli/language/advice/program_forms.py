"""Reads a loop, a choice or a function of a program. Gives the line that says the same here.

Python, C, R, Julia and MATLAB. Knows nothing of the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gradcheck_cli.language.advice.operands import segment_around
from gradcheck_cli.language.function_names import is_defined_in
from gradcheck_cli.language.statement_words import LONG_LINE, Advice, View, cut

__all__ = ["PROGRAM_FORMS"]

_NAME = r"[^\W\d]\w*"
_BOUND = r"[\w+*-]+"
_RANGE = rf"range\(\s*(?:(?P<first>{_BOUND})\s*,\s*)?(?P<beyond>{_BOUND})\s*\)"
_COLON = rf"\(?\s*(?P<from>{_BOUND})\s*(?::|\.\.|\.\.\.|to)\s*(?P<to>{_BOUND})\s*\)?"
_LOOP = re.compile(
    rf"(?:for|foreach)\s*\(?\s*(?P<index>{_NAME})\s*(?:in|=|\u2208|<-)\s*(?:{_RANGE}|{_COLON})\s*\)?\s*(?:do\b|\{{|:)?"
    r"\s*$"
)
_REPEAT = re.compile(rf"repeat\s+(?P<index>{_NAME})\s*(?:in|=)\s*(?:{_RANGE}|{_COLON})\s*:?\s*$")
_EACH = re.compile(
    rf"(?P<what>sum|prod)\s*\(\s*\[?\s*(?P<term>[^=]+?)\s+for\s+(?P<index>{_NAME})\s+in\s+(?:{_RANGE}|{_COLON})\s*\]?\s*\)"
)
_FUNCTIONS = tuple(map(re.compile, (
    rf"def\s+(?P<name>{_NAME})\s*\((?P<of>[\w\s,]*)\)\s*:\s*(?:return\s+)?(?P<body>.+)$",
    rf"(?P<name>{_NAME})\s*(?:=|<-)\s*lambda\s+(?P<of>[\w\s,]*):\s*(?P<body>.+)$",
    rf"(?P<name>{_NAME})\s*(?:=|<-)\s*function\s*\((?P<of>[\w\s,]*)\)\s*(?P<body>.+)$",
    rf"(?P<name>{_NAME})\s*=\s*@\s*\((?P<of>[\w\s,]*)\)\s*(?P<body>.+)$",
    rf"(?P<name>{_NAME})\s*(?:=|:)\s*\(?(?P<of>[\w\s,]*)\)?\s*(?:->|=>)\s*(?P<body>.+)$",
    rf"(?P<name>{_NAME})\s*\((?P<of>[\w\s,]*)\)\s*:=\s*(?P<body>.+)$",
    rf"(?:function|fn|func|let)\s+(?P<name>{_NAME})\s*\((?P<of>[\w\s,]*)\)\s*=?\s*(?P<body>.+)$",
)))  # fmt: skip


def _bounds(found: re.Match[str]) -> tuple[str, str]:
    """The first and the last value of an index; range(a, b) ends before b."""
    if found["beyond"] is None:
        return found["from"], found["to"]
    beyond = found["beyond"]
    last = str(int(beyond) - 1) if beyond.isdigit() else f"{beyond}-1"
    return found["first"] or "0", last


def _head(found: re.Match[str]) -> str:
    first, last = _bounds(found)
    return f"repeat {found['index']} = {first} to {last}:"


def _advise_loop(view: View) -> Advice | None:
    """`for i in range(3):`, `for i = 1:3`."""
    line = view.code.split("\n", 1)[0].strip()
    if len(line) > LONG_LINE or view.words[0].text not in ("for", "foreach"):
        return None
    found = _LOOP.match(line)
    if found is None or is_defined_in(view.all_code, view.words[0].text):
        return None
    said = f"write {_head(found)} and indent the lines under it"
    return Advice("loops are written with repeat", said, view.at)


def repeat_meant(line: str) -> str | None:
    """`repeat i = 1 to 3:` for a line without its colon, and for `repeat i = 1..3:`."""
    found = _REPEAT.match(line.strip()) if len(line) <= LONG_LINE else None
    return None if found is None else _head(found)


def _advise_each(view: View) -> Advice | None:
    """`sum(v[i] for i in range(3))`."""
    if "for" not in (view.bad.text, view.before.text) or is_defined_in(view.all_code, "for"):
        return None
    begin = max(0, view.bad.start - LONG_LINE)
    found = _EACH.search(view.code[begin : view.bad.start + LONG_LINE])
    if found is None or not found.start() <= view.bad.start - begin <= found.end():
        return None
    first, last = _bounds(found)
    summed = f"{found['what']}({found['index']} = {first} to {last}: {found['term']})"
    return Advice('"for" is no operator here', f"write {cut(summed, LONG_LINE)}", int(view.bad.text != "for"))


def _advise_choice(view: View) -> Advice | None:
    """`b if a > 0 else c`, `a > 0 ? b : c`."""
    begin, end = segment_around(view.code, view.bad.start)
    text = view.code[begin:end].strip()
    if len(text) > LONG_LINE or is_defined_in(view.all_code, "if"):
        return None
    found = re.fullmatch(r"(?P<yes>.+?)\s+if\s+(?P<when>.+?)\s+else\s+(?P<no>.+)", text)
    found = found or re.fullmatch(r"(?P<when>[^?]+?)\s*\?\s*(?P<yes>.+?)\s*:\s*(?P<no>.+)", text)
    found = found or re.fullmatch(r"if\s+(?P<when>.+?)\s+then\s+(?P<yes>.+?)\s+else\s+(?P<no>.+)", text)
    if found is None:
        return None
    sign = next((w for w in ("if", "?") if w in (view.bad.text, view.before.text)), view.bad.text)
    help = f"write where({found['when']}, {found['yes']}, {found['no']})"
    message = f'"{sign}" is no operator here' if sign.isalpha() else f'"{cut(sign)}" does not fit here'
    return Advice(message, help, int(view.bad.text != sign))


def _advise_logic(view: View) -> Advice | None:
    """`x > 0 and y > 0`."""
    for back in (0, 1):
        word = view.words[view.at - back] if view.at >= back else view.bad
        if word.text not in ("and", "&&", "&") or is_defined_in(view.all_code, word.text):
            continue
        begin, end = segment_around(view.code, word.start)
        sides = view.code[begin : word.start].strip(), view.code[word.end : end].strip()
        is_plain = not re.search(r"\b(?:and|or|not)\b|[&|,]", "".join(sides))
        if all(sides) and is_plain and sum(map(len, sides)) < LONG_LINE:
            both = "*".join(f"({side})" for side in sides)
            return Advice(f'"{word.text}" is no operator here', f"write {both}", back)
    return None


def _advise_function(view: View) -> Advice | None:
    """`def f(s): return s^2`, `f = lambda s: s^2`, `f = @(s) s^2`."""
    line = view.code.strip()
    if len(line) > 2 * LONG_LINE:
        return None
    found = next((m for pattern in _FUNCTIONS if (m := pattern.match(line))), None)
    if found is None:
        return None
    arguments = ", ".join(part.strip() for part in found["of"].split(","))
    body = found["body"].strip()
    body = body[1:-1].strip() if body[0] == "{" and body[-1] == "}" else body
    help = f"write {found['name']}({arguments}) = {body.removeprefix('return ')}"
    return Advice("a function is defined by its formula", cut(help, 2 * LONG_LINE), view.at)


PROGRAM_FORMS: tuple[Callable[[View], Advice | None], ...] = (
    _advise_function,
    _advise_loop,
    _advise_each,
    _advise_choice,
    _advise_logic,
)
