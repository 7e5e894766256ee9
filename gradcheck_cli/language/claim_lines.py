"""Reads a file of claims, line by line where one of its lines cannot be read. Gives its claims, what is wrong
with the others, and which lines are claims in the manner of programs.

Knows nothing of what a claim says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from gradcheck_cli.common.errors import DataError, GradcheckError, LanguageError, ShapeError
from gradcheck_cli.language.name_errors import gradient_meant
from gradcheck_cli.language.recovery import Removed, remove_statement
from gradcheck_cli.model.graph import Derivative
from gradcheck_cli.model.model import Claim
from gradcheck_cli.numerics.limits.language import DEFAULTS
from gradcheck_cli.results.gradient_results import Failure

__all__ = ["lines_meant_as_claims", "read_by_line"]

Read = Callable[[str], tuple[Claim, ...]]
_STEP = re.compile(r"^[ \t]*([^\W\d]\w*)[ \t]*=(?!=)[ \t]*([^#\n]*?)[ \t]*(?:#.*)?$", re.MULTILINE)
_CLAIM = re.compile(r"^[^\S\n]*(?:claim\b|(?:d|\u2202)\s*\w+\s*/)", re.MULTILINE)


def read_by_line(
    text: str, file: str, read: Read, most: int = DEFAULTS.most_unread, longest: int = DEFAULTS.longest_reread
) -> tuple[Claim, ...]:
    """The claims that `read` finds in a text, and one with a failure for each statement that it cannot read.

    Raises the first error where none of these is a claim, there are too many, or the text is too long.
    """
    failed: list[Claim] = []
    missing: dict[str, int] = {}  # names that nothing defines because their lines were taken out
    first: GradcheckError | None = None
    is_claim = False
    while True:
        try:
            found = read(text)
            break
        except (LanguageError, ShapeError, DataError) as error:
            first = first or error
            again = len(failed) < most and len(text) <= longest
            removed = remove_statement(text, error, file) if again else None
            if removed is None:
                raise first from None
            failed.append(_with_failure(removed, _on_missing(error, missing), file))
            missing |= dict.fromkeys(removed.names, removed.place.line)
            is_claim = is_claim or _CLAIM.search(removed.statement) is not None
            text = removed.text
    if first is not None and not (found or is_claim):
        raise first
    return _in_order(found, failed)


def _on_missing(error: GradcheckError, missing: Mapping[str, int]) -> GradcheckError:
    """The error; of a name whose own line could not be read, that alone."""
    place = error.place
    name = place.text[place.column - 1 : place.column - 1 + place.width] if place else ""
    if name not in missing:
        return error
    return LanguageError(f'"{name}" is named in line {missing[name]}, which could not be read', place=place)


def _with_failure(removed: Removed, error: GradcheckError, file: str) -> Claim:
    """A claim that cannot be read, as far as it can be shown."""
    words = " ".join(removed.statement.split()).removeprefix("claim ")
    left, sign, right = words.partition("=")
    return Claim(
        line=removed.place.line, target=Derivative(""), display=left.strip() or words, formulas={},
        text=right.strip() if sign else "", file=file, failure=Failure.of(error),
    )  # fmt: skip


def _in_order(found: tuple[Claim, ...], failed: list[Claim]) -> tuple[Claim, ...]:
    """All claims, those that failed in front of the first that stands below them."""
    claims = list(found)
    for claim in failed:
        place = next((k for k, other in enumerate(claims) if other.line > claim.line), len(claims))
        claims.insert(place, claim)
    return tuple(claims)


def lines_meant_as_claims(text: str, known: Collection[str]) -> list[tuple[int, str, str, str]]:
    """The lines `dW = ...`: number, name, by which of the `known` names it is a gradient, and right side."""
    found = []
    for line in _STEP.finditer(text):
        by = gradient_meant(line[1], known)
        if by is not None:
            found.append((text.count("\n", 0, line.start(1)) + 1, line[1], by, line[2]))
    return found
