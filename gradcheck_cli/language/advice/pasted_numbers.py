"""Reads numbers as programs print them. Gives them as they are written here.

Arrays without commas, thousands with commas, the exponents of Fortran, the suffixes of C. Knows nothing of
which names exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gradcheck_cli.language.function_names import is_defined_in
from gradcheck_cli.language.statement_words import LONG_LINE, Advice, View, cut

__all__ = ["PASTED"]

_NUMBER = r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+"  # read in one way only
_FORTRAN = re.compile(r"([0-9.]+)[dD]([+-]?[0-9]+)(?!\w)")
_SUFFIX = re.compile(rf"({_NUMBER})(?P<suffix>[fFlLuU]{{1,2}}|j)(?!\w)")
_HEX = re.compile(r"0[xX]([0-9a-fA-F]{1,15})(?!\w)")
_THOUSANDS = re.compile(r"(?<![\w.,])([0-9]{1,3})((?:,[0-9]{3})+)(\.[0-9]+)?(?![\w,.])")
_PRINTED = re.compile(r"(?:tensor|array|Array|Parameter)\(\s*([^=<]*?)\s*,\s*\w+=<")
_WHOLE = re.compile(_NUMBER)


def _advise_missing_commas(view: View) -> Advice | None:
    """`[1 2 3]`, `[[1. 2.] [3. 4.]]`."""
    opening = view.code.find("[", view.code.rfind("=", 0, view.bad.start) + 1)
    if not 0 <= opening < view.bad.start or re.search(r"[\w)\]]\s*$", view.code[:opening]):
        return None
    closing = _closing(view.code, opening)
    array = view.code[opening : closing + 1]
    if closing < view.bad.start or not all(map(_WHOLE.fullmatch, re.sub(r"[\[\],]", " ", array).split())):
        return None
    commas = re.sub(r"(?<=[0-9.\]])[\s,]+(?=[0-9.\[+-])", ", ", re.sub(r"\s+(?=\])|(?<=\[)\s+", "", array))
    if view.bad.text == "]" and view.before.text == ",":
        whole = cut(re.sub(r",\s*(?=\])", "", commas), LONG_LINE)
        return Advice("a comma without an entry behind it", f"write {whole}")
    if len(commas) > LONG_LINE:
        said = f"put them in: {cut(commas, LONG_LINE)}; NumPy prints them with print(a.tolist())"
    else:
        said = f"write {commas}"
    return Advice("entries are separated by commas", said)


def _closing(code: str, opening: int) -> int:
    """Where a square bracket closes; -1 if nowhere."""
    depth = 0
    for place in range(opening, len(code)):
        depth += (code[place] == "[") - (code[place] == "]")
        if depth == 0:
            return place
    return -1


def _advise_names_without_commas(view: View) -> Advice | None:
    """`[x y]`."""
    inside = re.search(r"(?:^|[=(\[,+*/-])\s*\[[^\[\]]*$", view.code[: view.bad.start])
    is_entry = view.bad.kind in ("name", "number") and view.before.kind in ("name", "number")
    if inside is None or not is_entry or view.before.end == view.bad.start:
        return None
    left, right = cut(view.before.text), cut(view.bad.text)
    return Advice("entries are separated by commas", f"write {left}, {right}; a product is {left}*{right}")


def _advise_print_of_r(view: View) -> Advice | None:
    """`[1] 0.5 0.2`."""
    found = re.search(rf"=\s*\[1\]\s+({_NUMBER}(?:\s+{_NUMBER})*)\s*$", view.code)
    if found is None or view.bad.start < found.start():
        return None
    numbers = found[1].split()
    meant = numbers[0] if len(numbers) == 1 else f"[{', '.join(numbers)}]"
    return Advice("R prints the place of the first entry", f"write {cut(meant, LONG_LINE)}")


def _advise_left_out(view: View) -> Advice | None:
    """`[0.5, ..., 0.2]`: what NumPy prints of a long array."""
    if view.bad.text != "." or not view.code.startswith("...", view.bad.start):
        return None
    return Advice("entries were left out when this was printed", 'save the array: data X from "X.npy"')


def _advise_printed(view: View) -> Advice | None:
    """`tensor(0.5, grad_fn=<MulBackward0>)`."""
    found = _PRINTED.search(view.code[: view.bad.end])
    if found is None or view.bad.text != "<":
        return None
    return Advice("a printed array keeps its numbers alone", f"write {cut(found[1], LONG_LINE)}")


def _advise_thousands(view: View) -> Advice | None:
    """`1,000` and `1,000,000`; `v[2] = 1,000` may be a vector."""
    if view.before.kind == "number" and re.fullmatch(r"[0-9]{1,3}", view.before.text):
        blank = re.match(r"([0-9]{3})(?![\w.])", view.code[view.bad.start :])
        if blank is not None and view.code[view.before.end : view.bad.start] == " ":
            whole = view.before.text + blank[1]
            return Advice("a blank inside a number", f"thousands are not separated: write {whole}", 1)
    if "," not in (view.bad.text, view.before.text):
        return None
    begin = view.code.rfind("=", 0, view.bad.start) + 1
    if re.search(r"\]\s*=$", view.code[:begin]):
        return None
    for found in _THOUSANDS.finditer(view.code, begin):
        if found.start() <= view.bad.start <= found.end():
            whole = cut(found[0].replace(",", ""))
            help = f"thousands are not separated: write {whole}"
            if found[2].count(",") == 1:
                help += f", or {found[1]}.{found[2][1:]} if the comma is a decimal sign"
            return Advice("a comma inside a number", help)
    return None


def _advise_foreign_number(view: View) -> Advice | None:
    """`9.95D-01`, `1.5f`, `0x10`."""
    if view.before.kind != "number" or view.before.end != view.bad.start:
        return None
    text = view.code[view.before.start : view.before.start + LONG_LINE]
    for pattern, write in _FOREIGN:
        found = pattern.match(text)
        suffix = found.groupdict().get("suffix") if found else None
        if found is not None and not (suffix and is_defined_in(view.all_code, suffix)):
            return Advice(f'"{cut(found[0])}" is no number here', f"write {cut(write(found))}", back=1)
    return None


_FOREIGN: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (_FORTRAN, lambda found: f"{found[1]}e{found[2]}"),
    (_HEX, lambda found: str(int(found[0], 0))),
    (_SUFFIX, lambda found: found[1]),
)

PASTED: tuple[Callable[[View], Advice | None], ...] = (
    _advise_missing_commas,
    _advise_names_without_commas,
    _advise_print_of_r,
    _advise_left_out,
    _advise_printed,
    _advise_thousands,
    _advise_foreign_number,
)
