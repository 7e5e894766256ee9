"""Reads a name as typed. Gives the one name it stands for, and the known name nearest to it.

Greek letters are spelled out and subscripts lowered (beta with a subscript 0 is beta0), so that a
name can be typed in both ways. Knows nothing of statements.
"""

# ruff: noqa: RUF001 (letters that look alike are what this file is about)
from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from gradcheck_cli.numerics.limits.language import DEFAULTS

__all__ = ["canonical", "describe", "foreign_letter", "nearest", "skeleton"]

_GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"),
    *("lambda", "mu", "nu", "xi", "omicron", "pi", "rho", "sigma", "sigma", "tau", "upsilon"),
    *("phi", "chi", "psi", "omega"),
)
_LETTERS = {chr(0x3B1 + k): name for k, name in enumerate(_GREEK)}
_LETTERS |= {low.upper(): name.capitalize() for low, name in _LETTERS.items() if low != "ς"}
_VARIANTS = {"ϵ": "epsilon", "ϕ": "phi", "ϑ": "theta", "ϱ": "rho", "ϰ": "kappa", "ϖ": "pi"}
_TABLE = str.maketrans(_LETTERS | _VARIANTS)

# Letters of other alphabets that look like Latin ones, and what they look like.
_ALIKE = str.maketrans(
    "аеорсухіјѕԁһкмтвнАВЕКМНОРСТУХІЈЅοΟΑΒΕΖΗΙΚΜΝΡΤΥΧνιхո",
    "aeopcyxijsdhkmtbhABEKMHOPCTYXIJSoOABEZHIKMNPTYXvixn",
)
_DIGITS = str.maketrans("O0oIl1|", "0001111")


def canonical(name: str) -> str:
    """The ASCII spelling of a name where there is one."""
    if name.isascii():
        return str(name)  # a plain str, not lark's token
    plain = "".join(c if c in _VARIANTS else unicodedata.normalize("NFKC", c) for c in name)
    return plain.translate(_TABLE)


def foreign_letter(name: str) -> str | None:
    """The first letter of another alphabet in a name that also has Latin letters."""
    if name.isascii():
        return None
    letters = [c for c in canonical(name) if c.isalpha()]
    foreign = [c for c in letters if not unicodedata.name(c, "").startswith("LATIN")]
    return foreign[0] if foreign and len(foreign) < len(letters) else None


def describe(character: str) -> str:
    """`U+0430 CYRILLIC SMALL LETTER A`."""
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X} {name or '(a control character)'}"


def skeleton(name: str) -> str:
    """What a name looks like: equal for names that cannot be told apart on most screens."""
    return name.translate(_ALIKE).translate(_DIGITS)


def nearest(
    name: str, known: Iterable[str], longest: int = DEFAULTS.longest_corrected
) -> str | None:
    """The known name that was most likely meant; None if none is near, or `name` is longer than `longest`."""
    if len(name) > longest:
        return None
    best: tuple[int, int, int] | None = None
    found = None
    for position, candidate in enumerate(known):
        distance = _distance(name, candidate)
        if distance is None:
            continue
        rank = (distance, int(name[:1] != candidate[:1]), position)
        if best is None or rank < best:
            best, found = rank, candidate
    return found


def _distance(name: str, candidate: str) -> int | None:
    """0 for look-alikes and other capitals, else the number of edits if they are few."""
    if skeleton(name) == skeleton(candidate) or name.lower() == candidate.lower():
        return 0
    if _bare(name) == _bare(candidate):
        return 1
    allowed = 1 if min(len(name), len(candidate)) < DEFAULTS.short_name else 2
    if len(name) == len(candidate) == 1 or abs(len(name) - len(candidate)) > allowed:
        return None
    edits = _edits(name, candidate)
    return edits if edits <= allowed else None


def _bare(name: str) -> str:
    return re.sub("_", "", name).lower()


def _edits(a: str, b: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbors (Damerau 1964)."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        before, last, row = row, before, [i]
        for j, y in enumerate(b, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if last and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
