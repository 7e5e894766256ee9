"""Reads f'(z) in a parsed statement. Gives an error where it is no derivative that a claim may use.

Knows nothing of values and shapes.
"""

from __future__ import annotations

from gradcheck_cli.common.errors import LanguageError
from gradcheck_cli.language.source_text import Source
from gradcheck_cli.language.statements import Op
from gradcheck_cli.model.primitives.slopes import PRIME, has_slope
from gradcheck_cli.model.primitives.table import function_names, resolve_function

__all__ = ["check_slope"]


def check_slope(source: Source, op: Op, context: str, *, is_name: bool, is_defined: bool) -> None:
    """Raise LanguageError unless f'(z) stands in a claim, is of a function of one number, and a first one.
    `is_name`: whether the file or the model defines that name, so that a transpose is meant; `is_defined`:
    whether the function is one of the file."""
    function = op.text.rstrip(PRIME)
    if is_defined:
        raise source.error(
            f"the derivative of {function}, a function of this file, is not known by a name", op.span,
            help=f"give a step its value, h = {function}(z), and write d h/d z",
        )  # fmt: skip
    if is_name or function not in function_names():
        raise _no_function(source, op, is_name=is_name)
    if context != "claim":
        raise source.error(
            "a derivative can stand in a claim only", op.span, help="write claim d loss/d z = ... with it"
        )
    if len(op.text) > len(function) + len(PRIME):
        raise source.error(
            f"{op.text} is a second derivative: the language has first ones", op.span,
            help=f"{function}{PRIME}(z) is a first one; write what you derived from it as a formula",
        )  # fmt: skip
    forms = _forms(function)
    if not forms:
        raise source.error(
            f"{op.text} is not one number for each entry: {function} does not act entry by entry on one "
            "argument", op.span, help="name the step, p = ..., and write d p/d z",
        )  # fmt: skip
    if len(op.arguments) not in forms:
        given = f"{len(op.arguments)} argument{'' if len(op.arguments) == 1 else 's'}"
        written = " or ".join(f"{op.text}({', '.join(forms[count])})" for count in forms)
        raise source.error(f"{op.text} does not take {given}", op.span, help=f"write {written}")


def _forms(function: str) -> dict[int, tuple[str, ...]]:
    """What f'(...) may be given, by the number of arguments: (z), or (n, z) behind an order."""
    records = (resolve_function(function, count) for count in (1, 2))
    slopes = (record for record in records if record is not None and has_slope(record))
    return {1 + len(record.orders): (*record.orders, "z") for record in slopes}


def _no_function(source: Source, op: Op, *, is_name: bool) -> LanguageError:
    """A transpose of a name with a bracket behind it, or an unknown function."""
    display = source.code[op.start : op.end]
    bracket = source.code.index("(", op.end)
    if is_name:
        return source.error(
            f'missing operator between "{display}" and "("', (bracket, bracket + 1),
            help=f"a product is written {display} @ (...)",
        )  # fmt: skip
    return source.error(
        f'unknown function "{op.text.rstrip(PRIME)}"', op.span,
        help="gradcheck functions lists them; a product with a transpose is written W' @ (...)",
    )  # fmt: skip
