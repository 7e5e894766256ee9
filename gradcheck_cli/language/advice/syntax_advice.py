"""Reads a statement that does not parse, and where. Gives the error that says what is wrong.

Looks at the words around the place, not at parser states. Knows nothing of which names exist, apart
from the functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gradcheck_cli.common.errors import LanguageError
from gradcheck_cli.language.advice.declaration_advice import DECLARATIONS, advise_values
from gradcheck_cli.language.advice.foreign_signs import FOREIGN_SIGNS
from gradcheck_cli.language.advice.index_advice import INDICES
from gradcheck_cli.language.advice.operator_advice import ARITHMETIC, advise_comparison, advise_operator
from gradcheck_cli.language.advice.pasted_numbers import PASTED
from gradcheck_cli.language.advice.program_forms import PROGRAM_FORMS
from gradcheck_cli.language.advice.spelling_advice import SPELLINGS
from gradcheck_cli.language.identifiers import describe, nearest
from gradcheck_cli.language.listed_values import listed_values
from gradcheck_cli.language.source_text import Source, Span
from gradcheck_cli.language.statement_words import (
    KEYWORDS,
    LONG_LINE,
    Advice,
    View,
    Word,
    cut,
    derivative_meant,
    words_of,
)
from gradcheck_cli.numerics.limits.language import DEFAULTS

__all__ = ["explain"]

_FORMS = "a line is NAME = EXPRESSION, or begins with data, rows, param, seed, set or claim"
_LOOPS = ("for", "foreach", "while", "loop", "do")


def explain(source: Source, span: Span, at: int, around: int = DEFAULTS.syntax_context) -> LanguageError:
    """The error for the statement at `span`, which is unexpected at its character `at`: so many characters
    `around` it are looked at."""
    code = source.code[span.start : span.end]
    words = words_of(code, at, around)
    position = next(k for k, word in enumerate(words) if word.end > at or word.kind == "end")
    line = source.place(span.start, span.end).text.split("#")[0].strip() if "\\" in code else ""
    view = View(words, position, code, source.code, line)
    is_known = any(rule(view) for rule in (*PASTED, advise_values))
    if "," in (view.bad.text, view.before.text) and not is_known:
        error = _without_brackets(source, span, view, around)
        if error is not None:
            return error
    for rule in _RULES:
        advice = rule(view)
        if advice is not None:
            break
    else:
        advice = Advice(f'"{cut(view.bad.text)}" does not fit here', _FORMS)
    bad = view.words[position - advice.back]
    place = (span.start + bad.start, span.start + bad.end)
    return source.error(advice.message, place, help=advice.help)


def _without_brackets(source: Source, span: Span, view: View, around: int) -> LanguageError | None:
    """`v[2] = 0.3, 1.2`: the vector or matrix that is meant."""
    code = view.code[: view.bad.end + around]
    following = source.code[span.end : span.end + around] if code == view.code else ""
    found = listed_values(code, view.bad.start, following)
    if found is None:
        return None
    what = "a matrix stands in brackets, row by row" if found.is_matrix else "a vector stands in brackets"
    place = (span.start + found.start, span.start + found.end)
    return source.error(what, place, help=f"write {cut(found.assignment, LONG_LINE)}")


# --- rules: each gives its advice, or None if the mistake is another ----------------------------


def _claim(view: View) -> Advice | None:
    """What a claim is of: a derivative, the value of a step, or an entry of one."""
    if view.words[0].text != "claim" or not 1 <= view.at <= 2 or view.bad.text == "=":
        return None
    first = view.words[1]
    meant = derivative_meant(view.code[first.start :], view.all_code)
    if meant is not None or view.at == 1:
        help = f"write claim {meant or 'd loss/d w0'} = ..." + ("" if meant else ", or claim loss = ...")
        return Advice("a claim begins with a derivative, or with the name of a step", help, view.at - 1)
    if first.kind != "name" or view.bad.text in _BEHIND_NAME:
        return None
    if view.bad.kind in ("sign", "compare"):
        said = "a claim is of a derivative or of the value of a step, not of a formula"
        return Advice(said, "name the step, s = ..., and write claim s = ...")
    return Advice('"=" is missing', f"write claim {cut(first.text)} = ...")


_BEHIND_NAME = ("[", "==", "!=", "<>", "as", "columns", "")


def _second(view: View) -> Advice | None:
    behind = view.before.kind == "derivative" and view.bad.text == "/"
    if behind or re.match(r"d\s*(\^|2|\*\*)\s*2?\s*\w+\s*/", view.code[view.bad.start :]):
        return Advice("second derivatives are not judged", "claim a first one, d loss/d w0")
    return None


_COMPARISONS = "comparisons are > < >= <="
_EQUAL = "(a >= b)*(a <= b) is 1 where a and b are equal; where m is 0 or 1, m > 0"


def _equals(view: View) -> Advice | None:
    if view.bad.text == "==" or (view.bad.text == "=" and view.before.text == "="):
        opened = [word.text for word in view.words[: view.at] if word.text in ("(", ")")]
        is_value = opened.count("(") > opened.count(")")
        step = f"a step is written name = ...; {_COMPARISONS}"
        return Advice("== is not used", f"{_COMPARISONS}; {_EQUAL}" if is_value else step)
    if view.bad.text in ("!=", "<>"):
        unequal = "1 - (a >= b)*(a <= b) is 1 where a is not b"
        return Advice(f"{view.bad.text} is not used", f"{_COMPARISONS}; {unequal}")
    if view.bad.text != "=":
        return None
    if view.words[0].kind == "derivative":
        return Advice('"claim" is missing', f"write claim {view.words[0].text} = ...")
    meant = derivative_meant(view.code, view.all_code)
    if meant:
        return Advice("the left side of = is not a name", f"write claim {meant} = ...")
    if any(word.text == "=" for word in view.words[: view.at]):
        return Advice("a second = in one statement", "statements end with ; or the line")
    if re.match(r"\w+\s*\(", view.code):
        return Advice("the left side of = is not a name", "a definition is written f(x, a) = ...")
    return Advice("the left side of = is not a name", "a step is written name = ...")


def _advise_reserved_word(view: View) -> Advice | None:
    word = view.bad.text
    if word not in KEYWORDS:
        return None
    if word in _PLACES and view.ends_operand:
        return Advice(f'"{word}" does not fit here', _PLACES[word])
    return Advice(f'"{word}" is a reserved word', f"take another name, {word}_1")


_PLACES = {
    "from": 'a file stands behind the names: data x, y from "FILE"',
    "columns": 'columns follow the file: from "FILE" columns u, v',
    "count": "count follows a distribution: rows x ~ normal(0, 1) count 8",
}


def _advise_reserved_name(view: View) -> Advice | None:
    """`data = 3`: the word before was taken for the beginning of a statement."""
    if view.at == 1 and view.before.text in KEYWORDS and view.bad.text == "=":
        word = view.before.text
        return Advice(f'"{word}" is a reserved word', f"take another name, {word}_1", back=1)
    return None


def _seed(view: View) -> Advice | None:
    if view.words[0].text == "seed" and view.at <= 2:
        return Advice("a seed is one whole number", "write seed 7")
    return None


def _name_with_digit(view: View) -> Advice | None:
    """`param 2x = 1`."""
    starts = view.before.text in ("data", "rows", "param", ",") and view.bad.kind == "number"
    if starts and view.after.kind == "name" and view.words[0].text in ("data", "rows", "param"):
        return Advice("a name begins with a letter", f"write {cut(view.after.text)}_1")
    return None


def _decimal(view: View) -> Advice | None:
    for k in (view.at, view.at - 1):
        if 1 <= k < len(view.words) - 1 and view.words[k].text == ",":
            left, right = view.words[k - 1], view.words[k + 1]
            near = left.end == view.words[k].start and right.start == view.words[k].end
            if near and left.kind == right.kind == "number":
                number = cut(f"{left.text}.{right.text}")
                return Advice("a comma inside a number", f"the decimal sign is a point: {number}")
    return None


def _prime(view: View) -> Advice | None:
    """A transpose that a bracket follows; f'(...) is a derivative where f is a function."""
    if view.bad.text == "'" and view.ends_operand and view.after.text in ("'", "("):
        message = f"missing operator between \"{cut(view.before.text)}'\" and \"(\""
        return Advice(message, "a product is written with @ or *; f'(z) is the derivative of a function f")
    return None


def _quotes(view: View) -> Advice | None:
    if view.bad.text == "'":
        return Advice("single quotes do not enclose a text", 'write "..."; \' is the transpose')
    return None


def _file(view: View) -> Advice | None:
    """What stands behind `from`, and behind the file."""
    before, bad = view.before, view.bad
    if bad.text == "as" and view.ends_operand and (view.words[0].text == "claim" or before.kind == "string"):
        return _format(view)
    if before.text == "from" and bad.kind not in ("string", "end"):
        if bad.text == "'":
            path = view.code[bad.end :].split("'", 1)[0]
            return Advice("single quotes do not enclose a text", f'write from "{cut(path)}"')
        path = view.code[bad.start :].split(None, 1)[0]
        return Advice("the name of a file stands in double quotes", f'write from "{cut(path)}"')
    if any(w.text == "columns" for w in view.words[: view.at]) and bad.kind in ("name", "string"):
        listed = f"{cut(before.text)}, {cut(bad.text)}"
        return Advice("columns are separated by commas", f"write {listed}")
    behind = before.kind == "string" and any(w.text == "from" for w in view.words[: view.at])
    if behind and bad.kind == "name" and bad.text not in KEYWORDS:
        near = nearest(bad.text, ["columns"])
        return Advice(
            f'"{cut(bad.text)}" does not fit here',
            "did you mean columns?" if near else _PLACES["columns"],
        )
    if behind and bad.text == ",":
        return Advice("a file ends its statement", "go on with ; and another data, rows or param")
    return None


def _format(view: View) -> Advice:
    """`as` without a format, or not behind a file."""
    follows = any(word.text == "from" for word in view.words[: view.at])
    if follows and view.after.kind != "name":
        return Advice("as names a format of numbers", "write as float32, as float16 or as bfloat16")
    return Advice('"as" does not fit here', 'a format stands behind a file: claim ... from "FILE" as float32')


def _number(view: View) -> Advice | None:
    if view.before.kind != "number" or view.bad.start != view.before.end:
        return None
    if re.fullmatch("_[0-9_]+", view.bad.text):
        whole = view.before.text + view.bad.text.replace("_", "")
        return Advice("a number has no _", f"write {cut(whole)}")
    if view.bad.kind == "number":
        whole = cut(view.before.text + view.bad.text)
        return Advice(f'"{whole}" is not a number', "a number has one decimal point")
    return None


def _first_word(view: View) -> Advice | None:
    first = view.words[0]
    if view.at != 1 or first.kind != "name" or view.bad.kind not in ("name", "derivative"):
        return None
    words = ("let", "repeat", *KEYWORDS)
    meant = nearest(first.text, ("claim",) if view.bad.kind == "derivative" else words)
    if meant is None:
        return None
    return Advice(f'"{cut(first.text)}" begins no statement', f"did you mean {meant}?", back=1)


def _loop(view: View) -> Advice | None:
    if view.words[0].text in _LOOPS and view.at == 1 and view.bad.kind in ("name", "number"):
        form = "write repeat k = 1 to 50: and indent the lines under it"
        return Advice("loops are written with repeat", form, back=1)
    return None


def _missing(view: View) -> Advice | None:
    left, right = view.before, view.bad
    if left.text in ("(", "[") and right.text in (")", "]"):
        return Advice("there is nothing between the brackets", "write a value there")
    if right.kind == "end":
        return Advice("something is missing at the end", _end_help(left))
    expecting = (*ARITHMETIC, "(", "[", ",", "=", "start")
    if (left.text in expecting or left.kind in ("start", "compare")) and (
        right.text in (*ARITHMETIC, ")", "]", ",") or right.kind == "compare"
    ):
        before = f'before "{right.text}"' if left.kind == "start" else f'after "{left.text}"'
        return Advice(f"a value is missing {before}", "write a number, a name or (...) there")
    return None


def _end_help(left: Word) -> str:
    if left.text in (*ARITHMETIC, "=") or left.kind == "compare":
        return f'a value is expected after "{left.text}"; a line goes on inside brackets only'
    if left.text in ("from", "columns"):
        return 'write from "FILE", or from "FILE" columns u, v'
    if left.text in ("data", "rows", "param"):
        return f"write {left.text} NAME = VALUE"
    if left.kind == "derivative":
        return f"write claim {left.text} = ..."
    return _FORMS


_STRANGE = {
    "{": "group with ( )",
    "}": "group with ( )",
    "%": "comments begin with #",
    "!": "a factorial is written gamma(x + 1), a negation 1 - (a > b); comments begin with #",
    "&": "a product of comparisons is their and: (a > b)*(b > c)",
    "&&": "a product of comparisons is their and: (a > b)*(b > c)",
    "|": "an absolute value is written abs(x)",
    "||": "a norm is written norm(x)",
    "√": "write sqrt(x)",
    "∑": "write sum(x), or sum_rows(x) over the rows",
    "∞": "infinity is not a number here",
    "~": "a drawn value is written param w ~ normal(0, 1)",
    '"': "names of files and columns are the only texts",
    "\\": "A\\b is written solve(A, b); a line goes on inside brackets; LaTeX commands are not read",
    ":": "slices stand in brackets behind a name: v[0:2]",
    ".": "only numbers and .T have a point",
}


def _strange(view: View) -> Advice | None:
    if view.bad.kind == "string":
        return Advice("a text in quotes does not fit here", _STRANGE['"'])
    if view.bad.kind != "sign":
        return None
    if view.bad.text in _STRANGE:
        return Advice(f'"{view.bad.text}" does not fit here', _STRANGE[view.bad.text])
    if len(view.bad.text) == 1 and not view.bad.text.isascii():
        return Advice(f"the character {describe(view.bad.text)} is not used", "remove it")
    return None


def _comma(view: View) -> Advice | None:
    if view.bad.text == "," and "=" not in view.all_code and re.fullmatch(r"\w+(?:\s*,\s*\w+)+", view.code):
        help = f'a model reads it: rows {cut(view.code)} from "FILE"'
        return Advice("a table is no model", help)
    if view.bad.text == ",":
        return Advice("a comma outside brackets", "statements end with ; or the line")
    return None


_RULES: tuple[Callable[[View], Advice | None], ...] = (
    *INDICES,
    *PASTED,
    *PROGRAM_FORMS,
    *DECLARATIONS,
    *FOREIGN_SIGNS,
    *SPELLINGS,
    _decimal,
    _advise_reserved_name,
    _seed,
    _claim,
    _second,
    _equals,
    _file,
    _prime,
    _quotes,
    _number,
    _name_with_digit,
    _advise_reserved_word,
    _first_word,
    _loop,
    advise_operator,
    advise_comparison,
    _missing,
    _strange,
    _comma,
)
