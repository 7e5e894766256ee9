"""Reads a line that declares, claims or names something as elsewhere. Gives how it is written here.

Knows nothing of the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from gradcheck_cli.language.advice.operands import first_parameter
from gradcheck_cli.language.function_names import is_defined_in
from gradcheck_cli.language.statement_words import KEYWORDS, LONG_LINE, Advice, View, cut

__all__ = ["DECLARATIONS", "advise_values", "drawn_meant", "setting_meant", "shape_meant", "step_meant"]

_DECLARES = ("data", "rows", "param")
_CLAIM_BEGINS = "a claim begins with a derivative, or with the name of a step"

# Words that begin a statement elsewhere, and what is written here.
_BEGIN: Mapping[str, str] = MappingProxyType({
    "parameter parameters weight weights theta": "write param {rest}",
    "params paramters": "write param {rest}",
    "where with": "write {rest} on a line of its own, or data {rest}",
    "constant const constants given known input inputs observed": "write data {rest}",
    "var variable variables": "write param {rest}; a step is written NAME = EXPRESSION",
    "assert check prove show verify expect": "a derivative is judged by claim d loss/d w0 = ...",
    "def function fn func define fun": "a definition is written f(x, a) = ...",
    "step compute calculate": "write {rest}",
    "return": "write loss = {rest}",
    "minimize maximise maximize minimise minimum objective optimize": "write loss = {rest}",
    "print disp": "nothing is printed here: gradcheck run -v shows every step",
    "grad gradient derivative deriv": "a derivative is judged by claim d loss/d w0 = ...",
    "dataset sample samples example examples": "write rows {rest}",
})  # fmt: skip
_BEGINS = MappingProxyType({word: form for words, form in _BEGIN.items() for word in words.split()})

_LEFT = re.compile(r"(?:(?:data|rows|param|claim)\s+)?(?:d\s*\w+\s*/\s*d\s*\w+|\w+)\s*(?:\[[^\]]*\])?")


def _advise_assignment(view: View) -> Advice | None:
    """`param w: 2`, `w := 2`, `claim d loss/d w <- 2`, `param w 2`."""
    words, sign = view.words, view.bad.text
    first = words[0].text
    arrow = sign == "<" and view.after.text == "-" and view.after.start == view.bad.end
    if not (sign in _EQUALS or arrow or (sign == "~" and first == "claim")):
        return _without_sign(view)
    left = view.code[: view.bad.start].strip()
    if _LEFT.fullmatch(left) is None:
        return None
    if sign == "==" and "=" in view.code[view.bad.end :]:
        return None
    right = view.code[view.after.end if arrow else view.bad.end :].strip()
    word = _BEGINS.get(left.lower(), "").format(rest="").removeprefix("write ").strip()
    if left in KEYWORDS or word in KEYWORDS:
        left = left if left in KEYWORDS else word
        return Advice(f'"{sign}" is not used', f"write {cut(f'{left} {right}', LONG_LINE)}")
    right = right.split("=")[-1].strip()
    if words[0].kind == "derivative":
        left = f"claim {left}"
    return Advice(f'"{"<-" if arrow else sign}" is not used: a value stands behind =', _line(left, right))


_EQUALS = (":", ":=", "==", "is", "equals", "\u2248", "\u2190", "\u2261")


def _advise_arrow(view: View) -> Advice | None:
    """`k <- 2*x`: a comparison with -2, until * comes."""
    found = re.match(r"(\w+)\s*<-\s*(?=\S)(.+)$", view.code)
    if found is None or view.bad.kind == "name":
        return None
    return Advice('"<-" is not used: a value stands behind =', _line(found[1], found[2]), max(0, view.at - 1))


def _without_sign(view: View) -> Advice | None:
    """`param w 2`, `claim d loss/d w 2`."""
    declares = view.words[0].text in _DECLARES and view.at == 2 and view.before.kind == "name"
    claims = view.words[0].text == "claim" and view.at == 2 and view.before.kind == "derivative"
    if not (declares or claims) or view.bad.kind != "number":
        return None
    left, right = view.code[: view.bad.start].strip(), view.code[view.bad.start :].strip()
    return Advice('"=" is missing', _line(left, right))


def _line(left: str, right: str) -> str:
    dots = "..."
    return f"write {cut(f'{left} = {right or dots}', LONG_LINE)}"


def _advise_first_word(view: View) -> Advice | None:
    """`parameter w = 1`, `import numpy`, `clam d loss/d w = 2`."""
    first, second = view.words[0], view.words[min(1, len(view.words) - 1)]
    if view.at != 1 or first.kind != "name" or second.kind not in ("name", "derivative", "sign"):
        return None
    if second.text == "." and view.after.text == "grad":
        return Advice("a derivative is claimed", f"write claim d loss/d {cut(first.text)} = ...", back=1)
    if is_defined_in(view.all_code, first.text):
        return None
    form = _BEGINS.get(first.text.lower())
    if form is not None and second.kind != "sign":
        rest = cut(view.code[second.start :].strip(), LONG_LINE)
        return Advice(f'"{cut(first.text)}" begins no statement', form.format(rest=rest), back=1)
    return None


def _advise_claim(view: View) -> Advice | None:
    """`claim grad loss = ...`, `claim d loss d w = ...`, `claim loss' = ...`."""
    if view.words[0].text != "claim":
        return None
    rest = view.code[view.words[0].end :].split("=")[0].strip()
    if re.match(r"(?:d|\u2202)\s*(?:\^|\*\*)?\s*2\s*\w+\s*/", rest):
        return Advice("second derivatives are not judged", "claim a first one, d loss/d w0", view.at - 1)
    if re.match(r"(?:d\s+\w+\s*/\s*d\s+\w+)\s*(?:\[[^\]]*\])?\s*,", rest + view.code[len(rest) :]):
        return Advice("a line claims one derivative", "write a line for each: claim d loss/d w0 = ...")
    for pattern in _CLAIMED:
        found = re.fullmatch(pattern, rest)
        if found is not None:
            of, by = found.groupdict().get("of") or "loss", found.groupdict().get("by")
            if by is None and of in _declared(view.all_code):
                of, by = "loss", of
            by = first_parameter(view.all_code) if by in (None, of) else by
            if of in ("L", "l", "J", "E", "C") and not is_defined_in(view.all_code, of):
                of = "loss"
            return Advice(_CLAIM_BEGINS, f"write claim d {cut(of)}/d {cut(by)} = ...", view.at - 1)
    return None


def _declared(all_code: str) -> list[str]:
    lines = re.findall(r"^[ \t]*(?:data|rows|param)\s+([^\n#]*)", all_code, re.MULTILINE)
    return [name for line in lines for name in re.findall(r"(?:^|,\s*)([^\W\d]\w*)", line)]


_CLAIMED = (
    r"(?:grad|gradient|nabla|\u2207)\s*_?\(?\s*(?P<of>[^\W_]\w*)?\s*\)?",
    r"(?:grad|gradient|\u2207)_(?P<by>\w+)\s+(?P<of>\w+)",
    r"(?:d|\u2202)\s*(?P<of>\w+)\s+(?:by|d|wrt|over|\u2202)\s+d?\s*(?P<by>\w+)",
    r"(?:d|\u2202)\s*/\s*(?:d|\u2202)\s*_?(?P<by>\w+)\s+(?:of\s+)?(?P<of>\w+)",
    r"(?P<of>\w+)'\s*\((?P<by>\w+)\)",
    r"(?P<of>loss)'",
    r"\\+partial\s*(?P<of>\w+)\s*/\s*\\+partial\s*(?P<by>\w+)",
    r"\\+frac\{\s*(?:d|\\+partial)\s*(?P<of>\w+)\s*\}\{\s*(?:d|\\+partial)\s*(?P<by>\w+)\s*\}",
    r"D\s+(?P<of>\w+)\s*/\s*D\s+(?P<by>\w+)",
    r"(?:diff|grad|gradient|derivative|D)\s*\(\s*(?P<of>\w+)\s*,\s*(?P<by>\w+)\s*\)",
    r"(?P<by>\w+)\.grad",
    r"d\s*\(?\s*(?P<of>\w+)\s*\)?\s*/\s*d\s*\(\s*(?P<by>\w+)\s*\)",
)


def _advise_shape(view: View) -> Advice | None:
    """`param w(2) = 1`."""
    found = re.match(r"\(([0-9,\s]+)\)", view.code[view.bad.start :])
    if view.words[0].text in _DECLARES and view.before.kind == "name" and found is not None:
        shape = f"write {cut(view.before.text)}[{found[1].strip()}]"
        return Advice("a shape stands in square brackets", shape)
    return None


_TOGETHER = re.compile(
    r"(data|rows|param)\s+([^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)+)\s*=\s*([^()\[\]=]+)$"
)


def advise_values(view: View) -> Advice | None:
    """`param m, q = 2, 3`."""
    found = _TOGETHER.match(view.code)
    if found is None:
        return None
    names, values = ([part.strip() for part in found[k].split(",")] for k in (2, 3))
    if len(names) != len(values):
        return None
    pairs = ", ".join(f"{name} = {value}" for name, value in zip(names, values, strict=True))
    return Advice("each name has a value of its own", f"write {cut(f'{found[1]} {pairs}', LONG_LINE)}")


def _advise_last_comma(view: View) -> Advice | None:
    """`param m = 2,`, `loss = x^2,`."""
    if view.words[-2:][0].text == "," and view.at >= len(view.words) - 2 and len(view.words) > 2:
        back = int(view.bad.kind == "end")
        return Advice("a comma at the end", "remove it: statements end with the line", back)
    return None


_SPACE = re.compile(
    r"(?:(?P<word>data|rows|param)\s+)?(?P<name>[^\W\d]\w*)\s*(?:\u2208|in)\s*[R\u211d]\s*(?:\^\s*)?[{(\[]?\s*"
    r"(?P<sizes>[0-9]+(?:\s*[x*\u00d7,]\s*[0-9]+)*)\s*[})\]]?\s*(?P<rest>[=~].*)?$"
)


def shape_meant(code: str) -> str | None:
    """`param k[3]` for `k \u2208 R^3`, with what follows."""
    found = _SPACE.match(code.strip()) if len(code) <= 2 * LONG_LINE else None
    if found is None:
        return None
    sizes = ",".join(re.findall("[0-9]+", found["sizes"]))
    rest = f" {found['rest']}" if found["rest"] else ""
    return f"write {found['word'] or 'param'} {found['name']}[{sizes}]{rest}"


_DRAWN = re.compile(
    r"(?P<left>(?:data|rows|param)\s+\w+\s*(?:\[[^\]]*\])?)\s*[=~]\s*(?:\w+\.)*"
    r"(?P<how>randn|standard_normal|normal|gaussian|N|rand|random|uniform|U)\b"
)


def drawn_meant(line: str) -> str | None:
    """`param w[3] ~ normal(0, 1)` for `param w[3] = randn(3)`."""
    found = _DRAWN.match(line[:LONG_LINE].strip())
    if found is None:
        return None
    form = "uniform(0, 1)" if found["how"] in ("rand", "random", "uniform", "U") else "normal(0, 1)"
    return f"write {found['left']} ~ {form}"


def _advise_drawn(view: View) -> Advice | None:
    """`param w[3] = np.random.randn(3)`."""
    help = drawn_meant(view.code) if view.bad.text == "." else None
    return None if help is None else Advice("what is drawn stands behind ~", help)


_IMPORTED = re.compile(r"\s*(?:from\s+[\w.]+\s+import|import|using|include|library|require)\b[^=]*$")


def _advise_import(view: View) -> Advice | None:
    """`from numpy import exp`."""
    if _IMPORTED.match(view.code.split("\n", 1)[0]) is None:
        return None
    word = view.words[0].text
    help = "remove the line: functions stand without a module, exp(x)"
    return Advice(f'"{word}" begins no statement', help, view.at)


def _advise_space(view: View) -> Advice | None:
    """`x \u2208 R^3`."""
    help = shape_meant(view.code)
    return None if help is None else Advice("a shape stands behind a name", help)


def _advise_range(view: View) -> Advice | None:
    """`param m > 0 = 2`, `param m[n] = 1`, `param m[3][2] = 1`, `param m[3x2] = 1`."""
    if view.words[0].text not in _DECLARES:
        return None
    name = re.match(r"\w+\s+([^\W\d]\w*)", view.code)
    if name is None:
        return None
    if view.bad.text in (">", ">=") and view.at == 2:
        positive = f"write {view.words[0].text} {cut(name[1])} positive = ..."
        return Advice("what is assumed is said in words", positive)
    inside = re.match(r"\w+\s+\w+\s*\[([^\[\]]*)\]\s*(?:\[([^\[\]]*)\])?", view.code)
    if inside is None or view.bad.start > inside.end():
        return None
    if inside[2] is not None:
        shape = f"write {cut(name[1])}[{inside[1]},{inside[2]}]"
        return Advice("a shape stands in one pair of brackets", shape)
    sizes = re.split(r"\s*[x*\u00d7]\s*", inside[1].strip())
    if len(sizes) > 1 and all(map(str.isdigit, sizes)):
        return Advice("sizes are separated by commas", f"write {cut(name[1])}[{','.join(sizes)}]")
    if view.bad.kind == "name" or re.search(r"[^\W\d]", inside[1]):
        sizes = [size.strip() for size in inside[1].split(",")]
        braces = ",".join(size if size.isdigit() else f"{{{size}}}" for size in sizes)
        known = (re.search(r"[^\W\d]\w*", inside[1]) or name)[0]
        shape = f"write {cut(name[1])}[3], or after  data {known} = 3  {cut(name[1])}[{braces}]"
        return Advice("a shape is made of whole numbers", shape)
    return None


_SETTINGS = ("points", "digits", "layout", "scheme", "strict", "hint")


def _advise_setting(view: View) -> Advice | None:
    """`seed = 1`, `points 8`."""
    found = re.fullmatch(r"(\w+)\s*[=:]?\s*([\w.]+)", view.code.strip())
    if found is None or view.at > 2:
        return None
    if found[1] == "seed" and found[2].isdigit():
        return Advice("a seed has no =", f"write seed {cut(found[2])}", view.at)
    if found[1] in _SETTINGS and not is_defined_in(view.all_code, found[1]):
        return Advice("an option of the run is set", f"write set {found[1]} = {cut(found[2])}", view.at)
    return None


def setting_meant(code: str) -> str:
    """The line that is meant by `set points 8`."""
    found = re.fullmatch(r"set\s+(\w+)(?:\s*[:=]\s*|\s+)([\w.]+)", code)
    if found is None:
        return "write set NAME = VALUE"
    name, value = cut(found[1]), cut(found[2])
    return f"write seed {value}" if name == "seed" else f"write set {name} = {value}"


def step_meant(code: str) -> str:
    """What is said of `let k = 2*x`."""
    step = code.strip() if 0 < len(code) <= LONG_LINE else "NAME = EXPRESSION"
    return f"write let delta2 = d loss/d f2; a step is written {step}"


def _advise_markup(view: View) -> Advice | None:
    """Code fences, bullets and headings around a model."""
    if view.code.startswith("```"):
        return Advice("code fences are no part of a model", "remove the line")
    found = re.match(r"(?:[-*>\u2022]|[0-9]+[.)])\s+((?:param|data|rows|claim|set|seed|let)\b.*)", view.code)
    if found is not None:
        return Advice("a list has no bullets here", f"write {cut(found[1], LONG_LINE)}", view.at)
    if re.fullmatch(r"(?!(?:for|foreach|while|loop|do|repeat|if|else)\b)[\w ]+:", view.code.strip()):
        return Advice("a heading is a comment", f"write # {cut(view.code.strip())}", view.at)
    return None


_READS = re.compile(r"=\s*(?:from\s+|[\w.]+\s*\(\s*)?(?:\"([^\"\n]*)\"|'([^'\n]*)')")


def _advise_file(view: View) -> Advice | None:
    """`data x = "t.csv"`, `claim d loss/d w = load("g.npz")`, `rows from "t.csv"`."""
    first = view.words[0].text
    if first in ("import", "include", "source", "load") and view.after.kind in ("string", "end"):
        form = 'a file is read into names: data x, y from "FILE"'
        return Advice(f'"{first}" begins no statement', form, view.at)
    if first not in (*_DECLARES, "claim"):
        return None
    found = _READS.search(view.code)
    left = view.code[: found.start()].strip() if found else ""
    if found is not None and view.bad.start >= found.start():
        line = f'{left} from "{found[1] or found[2]}"'
        return Advice("a file stands behind from", f"write {cut(line, LONG_LINE)}")
    if first in _DECLARES and view.at == 1 and view.bad.text == "from" and view.after.kind == "string":
        return Advice("the names of the columns are missing", f'write {first} x, y from "FILE"')
    if first in _DECLARES and view.before.text == "in" and view.bad.kind == "string":
        left = view.code[: view.before.start].strip()
        return Advice("a file stands behind from", f"write {cut(left, LONG_LINE)} from {cut(view.bad.text)}")
    return None


def _advise_claimed_value(view: View) -> Advice | None:
    """`claim d loss/d w = ?`, `= 1 +- 0.1`, `~1`."""
    if view.words[0].text != "claim" or "=" not in view.code[: view.bad.end]:
        return None
    if view.bad.text == "?":
        way_out = "write a number or a formula; gradcheck explain shows the true one"
        return Advice("a claim says what the derivative is", way_out)
    if view.bad.text in ("\u00b1", "~", "\u2248"):
        way_out = "a number is judged to the digits that are written: 1.23 to 3 digits"
        return Advice(f'"{view.bad.text}" is not used', way_out)
    return None


DECLARATIONS: tuple[Callable[[View], Advice | None], ...] = (
    _advise_markup,
    advise_values,
    _advise_setting,
    _advise_file,
    _advise_claimed_value,
    _advise_import,
    _advise_drawn,
    _advise_space,
    _advise_range,
    _advise_arrow,
    _advise_assignment,
    _advise_claim,
    _advise_first_word,
    _advise_shape,
    _advise_last_comma,
)
assert not set(_BEGINS) & (set(KEYWORDS) - {"from"})
