"""Reads a statement as another language would write it. Gives how it is written here.

Programs in Python, R, MATLAB and C, LaTeX, and the page of a book. Knows nothing of the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from gradcheck_cli.language.advice.declaration_advice import shape_meant
from gradcheck_cli.language.advice.latex import from_latex
from gradcheck_cli.language.advice.operands import (
    declared_sizes,
    operand_before,
    operand_behind,
    product_at,
)
from gradcheck_cli.language.function_names import is_defined_in, is_function
from gradcheck_cli.language.statement_words import LONG_LINE, Advice, View, cut

__all__ = ["SPELLINGS", "explain_braces"]

_COMMENTS = ("//", "--", "/*", "%", "!", "'''", '"""')
_COMMENT = "comments begin with #"

# Words that stand between or before operands elsewhere.
_BETWEEN: Mapping[str, str] = MappingProxyType({
    "and": "a product of comparisons is their and: (a > b)*(b > c)",
    "or": "the larger of two comparisons is their or: max(a > b, b > c)",
    "not": "1 minus a comparison is its not: 1 - (a > b)",
    "xor": "write (a > b) + (b > c) - 2*(a > b)*(b > c)",
    "mod": "write mod(a, b)",
    "rem": "write mod(a, b)",
    "div": "write a/b, or floor(a/b) for its whole part",
    "times": "a product is written a*b",
    "if": "write where(a > 0, b, c): b where a > 0, else c",
    "then": "write where(a > 0, b, c): b where a > 0, else c",
    "else": "write where(a > 0, b, c): b where a > 0, else c",
    "lambda": "a definition is written f(x, a) = ... on a line of its own",
    "for": "write a sum: sum(i = 0 to 2: v[i]), or repeat k = 1 to 50:",
    "in": "an index runs from one whole number to another: sum(i = 0 to 2: v[i])",
})  # fmt: skip

_SIGNS: Mapping[str, str] = MappingProxyType({
    "\u2299": "a product entry by entry is written u*v",
    "\u2218": "a product entry by entry is written u*v; f after g is f(g(x))",
    "\u2297": "write outer(u, v)",
    "\u2295": "a sum is written u + v",
    "\u2208": "a shape stands behind a name: x[3], W[4,3]; numbers that are allowed: data y in {0, 1} = 1",
    "\u22a4": "a transpose is written A'",
    "\u220f": "write prod(x), or prod(i = 1 to n: x{i})",
    "\u222b": "integrals are not computed",
    "\u2207": "a gradient is claimed by name: claim d loss/d w0 = ...",
    "\u2202": "a derivative is written d loss/d w0, in a claim",
    "\u2260": "the comparisons are > < >= <=",
    "\u2248": "a step is written name = ...",
    "\u2261": "a step is written name = ...",
    "\u2190": "a step is written name = ...",
    "\u221d": "a step is written name = ...",
    "\u27e8": "write dot(u, v)",
    "\u2016": "a norm is written norm(x)",
    "\u221b": "write cbrt(x)",
    "\u00bd": "write 1/2",
    "\u00b0": "an angle is in radians: x*pi/180",
    "$": "LaTeX is not read: formulas stand without $",
    "?": "write where(a > 0, b, c): b where a > 0, else c",
    "@": "a matrix product stands between two operands: A @ B",
    "->": "a definition is written f(x, a) = ... on a line of its own",
    "=>": "a definition is written f(x, a) = ... on a line of its own",
    "+=": "every name has one value: write loss = a + b with all terms",
    "-=": "every name has one value: take a new name for the new one",
})  # fmt: skip


_OF_NORMAL = {"cdf": "normal_cdf", "logcdf": "log_normal_cdf", "ppf": "normal_quantile", "pdf": "normal_pdf"}


def _advise_comment(view: View) -> Advice | None:
    """`// note`, `x^2 % note`."""
    start = view.code.lstrip()
    mark = next((m for m in _COMMENTS if start.startswith(m)), None)
    if mark is not None:
        return Advice(f'"{mark}" begins no comment', _as_comment(start, mark), view.at)
    if view.bad.text == "*" and view.before.text == "/" and view.before.end == view.bad.start:
        return Advice('"/*" begins no comment', _as_comment(view.code[view.before.start :], "/*"), 1)
    return None


def _as_comment(code: str, mark: str) -> str:
    line = code.split("\n", 1)[0].removeprefix(mark).strip().removesuffix("*/").removesuffix(mark).strip()
    return f"comments begin with #: write # {cut(line, LONG_LINE)}" if line else "comments begin with #"


def _advise_dotted(view: View) -> Advice | None:
    """`np.exp(x)`, `v.sum()`, `v.^2`."""
    if view.bad.text != ".":
        return None
    if view.after.text == "(" and is_function(view.before.text):  # Julia's sin.(x)
        called = re.match(r"\((?:[^()]|\([^()]*\))*\)", view.code[view.after.start :])
        behind = cut(called[0]) if called else "(x)"
        return Advice('"." is not used: functions act entry by entry', f"write {view.before.text}{behind}", 1)
    if view.ends_operand and view.before.end < view.bad.start:
        return Advice('"." is no product', "write dot(u, v), or u*v entry by entry")
    found = re.match(r"(?:\.\s*([^\W\d]\w*))+", view.code[view.bad.start :])
    if found is None or not view.ends_operand:
        return None
    return _of_method(view, found[1], view.bad.start + found.end())


def _of_method(view: View, name: str, end: int) -> Advice | None:
    """A function behind a module or behind the array that it acts on; its bracket would open at `end`."""
    from gradcheck_cli.language.advice.other_spellings import (
        arguments_behind,
        closing_bracket,
        is_module,
        signs_beside,
        spelled_here,
    )

    owner = view.before.text
    called = view.code.startswith("(", end)
    arguments = arguments_behind(view.code, end) if called else ()
    start = view.bad.start - len(operand_before(view.code, view.bad.start))
    beside = signs_beside(view.code, start, closing_bracket(view.code, end) if called else end)
    if is_module(owner) and not is_defined_in(view.all_code, owner):
        constant = {"pi": "write pi", "e": "write exp(1)"}.get(name)
        spelled = constant or spelled_here(name, arguments, beside)
        message = f'"{cut(owner)}" is a module of programs: functions stand without one'
        help = spelled or f"{name} is no function here: gradcheck functions lists them"
        return Advice(message, help, 1)
    if not called and is_defined_in(view.all_code, name) and view.after.text == name:
        left, right = cut(owner), cut(name)
        return Advice('"." is no product', f"write {left} @ {right}, or {left}*{right} entry by entry")
    if name == "backward":
        help = "remove the line: derivatives are computed without it"
        return Advice('".backward" is not used', help, 1)
    if name == "shape":
        axis = re.match(r"\[([0-9])\]", view.code[end:])
        sizes = declared_sizes(view.all_code, owner)
        help = "sizes are written out: v[3] has 3 entries"
        if axis is not None and int(axis[1]) < len(sizes):
            help = f"sizes are written out: write {sizes[int(axis[1])]}"
        return Advice('".shape" is not used', help, 0)
    if owner == "norm" and called and name in _OF_NORMAL:
        return Advice(f'"norm.{name}" is a function of SciPy', spelled_here(_OF_NORMAL[name], arguments), 1)
    spelled = spelled_here(name, (cut(_operand(view)), *arguments), beside)
    if spelled is None or not (called or name in ("real", "T")):
        return None
    return Advice(f'".{cut(name)}" is not used: a function stands in front', spelled)


def _operand(view: View) -> str:
    """The operand in front; what stands in brackets, without them."""
    found = operand_before(view.code, view.bad.start).replace(".T", "'") or "x"
    return found[1:-1] if re.fullmatch(r"\([^()]*\)", found) else found


def _advise_word(view: View) -> Advice | None:
    """`x and y`, `x if x > 0 else 0`."""
    for back in (0, 1):
        place = view.at - back
        word = view.words[place]
        between = place > 0 and word.kind == "name" and word.text in _BETWEEN
        if between and not is_defined_in(view.all_code, word.text):
            return Advice(f'"{word.text}" is no operator here', _BETWEEN[word.text], back)
    return None


def _advise_power_of_function(view: View) -> Advice | None:
    """`sin^2(x)`, `sin^-1(x)`."""
    if view.bad.text != "(":
        return None
    found = re.search(r"([^\W\d]\w*)\s*(?:\^|\*\*)\s*(-?\s*[0-9]+)\s*$", view.code[: view.bad.start])
    if found is None or not is_function(found[1]):
        return None
    name, power = found[1], found[2].replace(" ", "")
    inverse = f"a{name.removeprefix('arc')}"
    if power == "-1" and is_function(inverse):
        help = f"the inverse is written {inverse}(x), a quotient 1/{name}(x)"
    else:
        help = f"write {name}(x)^{power}"
    return Advice("a power stands behind the argument of a function", help)


def _advise_transpose(view: View) -> Advice | None:
    """`u^T v`, `<u, v>`."""
    if view.before.text == "T" and view.at > 1 and view.words[view.at - 2].text in ("^", "**"):
        base = operand_before(view.code, view.words[view.at - 2].start) or "A"
        product = product_at(view.code, f"{base}'", view.bad.start, view.all_code)
        return Advice("a transpose is written with '", f"write {cut(product, LONG_LINE)}", 1)
    found = re.match(r"<\s*([^<>,=]+),([^<>,=]+)>", view.code[view.bad.start :])
    if found is not None and not view.ends_operand:
        left, right = cut(found[1].strip()), cut(found[2].strip())
        return Advice("an inner product is a function", f"write dot({left}, {right})")
    return None


_LATEX = MappingProxyType({
    "cdot": "*", "times": "*", "left": "(", "right": ")", "frac": "(a)/(b)", "sqrt": "sqrt(x)",
    "sum": "sum(i = 1 to n: ...)", "prod": "prod(i = 1 to n: ...)", "ln": "log(x)",
    "partial": "d loss/d w0, in a claim",
    "top": "A'", "odot": "*", "lVert": "norm(x)", "mathbf": "the letter alone", "le": "<=", "ge": ">=",
})  # fmt: skip


def _advise_latex(view: View) -> Advice | None:
    """`x \\cdot y`, `\\sigma(x)`."""
    found = re.match(r"\\([A-Za-z]+)", view.code[view.bad.start :])
    if view.code[view.bad.start : view.bad.end] in ("$", "&"):
        whole = from_latex(view.line or view.code, view.all_code)
        is_latex = whole is not None and ("$" in view.code or "\\" in view.code or "&=" in view.code)
        return Advice("LaTeX is not read", f"write {whole}") if is_latex else None
    if found is None and not view.code.startswith("\\|", view.bad.start):
        return None
    if found is not None and is_defined_in(view.all_code, found[1]) and view.ends_operand:
        left = cut(operand_before(view.code, view.bad.start))
        right = cut(operand_behind(view.code, view.bad.end))
        return Advice('"\\" is no operator', f"write solve({left}, {right})")
    whole = from_latex(view.line or view.code, view.all_code)
    if whole is not None and len(whole) <= LONG_LINE:
        return Advice("LaTeX is not read", f"write {whole}")
    if found is None:
        return None
    known = _LATEX.get(found[1])
    if known is None:
        known = f"{found[1]}(x)" if is_function(found[1]) else cut(found[1])
    return Advice('"\\" does not fit here', f"LaTeX is not read: write {known}")


def _advise_sign(view: View) -> Advice | None:
    for back in (0, 1):
        word = view.words[view.at - back] if view.at >= back else view.bad
        if word.kind != "string" and word.text in _SIGNS and not (back and word.text.isascii()):
            return Advice(f'"{word.text}" does not fit here', _SIGNS[word.text], back)
    return None


def _advise_brackets(view: View) -> Advice | None:
    """`(1, 2, 3)`."""
    if view.bad.text != ",":
        return None
    opening = view.code.rfind("(", 0, view.bad.start)
    found = re.match(r"\(([^(){}\[\]]*)\)", view.code[max(opening, 0) :])
    if opening < 0 or found is None or opening + found.end() <= view.bad.start:
        return None
    return Advice("a vector stands in square brackets", f"write [{cut(found[1].strip())}]")


def explain_braces(code: str, opening: int, closing: int) -> Advice | None:
    """What is meant by braces around what is no whole number, as in `max{x, 0}` and `{1, 2}`."""
    inner, before = code[opening + 1 : closing].strip(), code[:opening].rstrip()
    name = re.search(r"([^\W\d]\w*)$", before)
    line_start = code.rfind("\n", 0, opening) + 1
    line_end = code.find("\n", opening)
    line = code[line_start : line_end if line_end >= 0 else len(code)].split("#")[0].strip()
    shape = shape_meant(line)
    if shape is not None:
        return Advice("a shape stands behind a name", shape)
    if re.match(r"\\(?:begin|end)\s*\{", line):
        return Advice("LaTeX is not read", "remove the line")
    if re.match(r"\{\s*\"\w+\"\s*:", line):
        return Advice("a model is no JSON", "write a line for each name: param w = 2, loss = w^2")
    if re.search(r"\\[A-Za-z]|[\^_]\{", line):
        whole = from_latex(line, code)
        if whole is not None and whole != line and len(whole) <= LONG_LINE:
            return Advice("LaTeX is not read", f"write {whole}")
    if re.search(r"\\[A-Za-z]+(?:\{[^{}]*\})*$", before):
        return Advice("LaTeX is not read", "write (a)/(b) for a quotient, sqrt(a) for a root")
    counted = re.match(r"([^\W\d]\w*)\s*=\s*(\w+)$", inner)
    if counted is not None and re.search(r"(?:sum|prod|\u2211|\u220f)_$", before):
        function = "prod" if re.search(r"(?:prod|\u220f)_$", before) else "sum"
        return Advice("a sum over an index is a function", f"write {function}({inner} to n: ...)")
    if name is not None and is_function(name[1]):
        return Advice("a function takes round brackets", f"write {name[1]}({cut(inner)})")
    if before.endswith("\u2208"):
        return Advice("what a value may be stands behind in", f"write in {{{cut(inner)}}}")
    if re.search(r"(?<![\w.])1$", before) and re.search("[<>]", inner):
        return Advice("a comparison is 1 or 0 by itself", f"write ({cut(inner)})")
    if "," in inner and before.endswith("{"):
        return Advice("a matrix stands in square brackets, row by row", "write [[1, 2], [3, 4]]")
    if "," in inner and before[-1:] in ("", "=", "(", "[", ",", "+", "-", "*", "@"):
        return Advice("a vector stands in square brackets", f"write [{cut(inner)}]")
    if name is None and inner and before[-1:] in _OPENS:
        return Advice("braces hold the number of a name, as h{k}", f"group with ( ): write ({cut(inner)})")
    return None


_OPENS = ("", "=", "(", ",", "+", "-", "*", "/", "^", "@")


SPELLINGS: tuple[Callable[[View], Advice | None], ...] = (
    _advise_comment,
    _advise_dotted,
    _advise_word,
    _advise_power_of_function,
    _advise_brackets,
    _advise_transpose,
    _advise_latex,
    _advise_sign,
)
