"""Reads text and data files. Gives Models, Claims and values. Knows nothing of derivatives.

Text flows from source_text (bytes to statements) through expansion (loops and definitions written out),
tokens, grammar and parse_cache (statements of one shape are parsed once) and name_check (statements to
checked operations) to model_reader, claim_reader and graph_assembly (operations to a graph). NumPy is
imported when the whole text has been parsed and every name is known: a syntax error costs nothing.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradcheck_cli.common.errors import GradcheckError, LanguageError, OptionError, printable
from gradcheck_cli.language.data.file_access import Access, read_path
from gradcheck_cli.numerics.limits.language import DEFAULTS, LanguageLimits
from gradcheck_cli.numerics.limits.numerics import NUMERICS, NumericsLimits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gradcheck_cli.common.errors import Place
    from gradcheck_cli.language.expansion.definitions import Given, WrittenOut
    from gradcheck_cli.language.known_names import Elsewhere
    from gradcheck_cli.language.source_text import Source
    from gradcheck_cli.model.graph import Graph
    from gradcheck_cli.model.model import Claim, Model
    from gradcheck_cli.numerics.array_types import Array

__all__ = [
    "notes_on_claims",
    "other_errors",
    "read_claims",
    "read_expression",
    "read_model",
    "read_path",
    "read_values",
    "show",
]

_AT = "param "  # makes a statement of NAME=VALUE
_LOSS = "loss = "  # makes one of an expression
_OF_FILES = ("param", "claim", "rows", "data", "line", "statement", "step", "loss")  # advice on these


def _parse(
    text: str | bytes, file: str, limits: LanguageLimits, model: Model | None = None
) -> tuple[Source, WrittenOut]:
    """The statements of a text, written out; it may use the definitions and whole numbers of `model`."""
    from gradcheck_cli.language.grammar import Parser
    from gradcheck_cli.language.plain_statements import plain_statements
    from gradcheck_cli.language.source_text import decode, split

    source = decode(text, file, limits.max_text)
    spans = split(source)
    plain = plain_statements(source, spans, Parser(source, limits)) if model is None else None
    from gradcheck_cli.language.expansion.definitions import Given, WrittenOut

    if plain is not None:
        return source, WrittenOut(plain)
    from gradcheck_cli.language.expansion.unrolling import write_out

    given = Given() if model is None else _given_by(model, limits)
    return source, write_out(source, spans, Parser(source, limits), limits, given)


def _given_by(model: Model, limits: LanguageLimits) -> Given:
    """The definitions of a model's text, the whole numbers that its data are, and its names."""
    from gradcheck_cli.language.expansion.definitions import Given, may_define
    from gradcheck_cli.language.expansion.unrolling import definitions_of
    from gradcheck_cli.language.grammar import Parser
    from gradcheck_cli.language.source_text import Source, split

    numbers = {n: item.values for n, item in model.inputs.items() if item.kind == "data" and not item.shape}
    constants = {name: int(value) for name, value in numbers.items() if value == int(value) and value >= 0}
    source = Source("\n".join(model.lines), model.file)
    names = frozenset((*model.inputs, *model.steps))
    choices = frozenset(name for name in constants if model.inputs[name].assumptions)
    if not may_define(source.text):
        return Given({}, constants, names, choices)
    spans = split(source)
    found = definitions_of(source, spans, Parser(source, limits), limits, constants)
    return Given(found, constants, names, choices)


def read_model(
    text: str | bytes,
    *,
    file: str = "-",
    folder: Path | None = None,
    seed: int | None = None,
    ignore_set: bool = False,
    limits: LanguageLimits = DEFAULTS,
    numerics: NumericsLimits = NUMERICS,
) -> Model:
    """The model of a text. `file` is for messages; data files are sought from `folder`.

    Raises LanguageError, ShapeError, DataError, OptionError, each with its place.
    """
    source, written = _parse(text, file, limits)
    from gradcheck_cli.language.name_check import check_names

    checked = check_names(source, written)
    from gradcheck_cli.language.model_reader import ModelReader

    return ModelReader(
        source,
        checked,
        access=Access(folder or Path(), limits, numerics),
        seed=seed,
        ignore_set=ignore_set,
    ).model()


def other_errors(
    text: str | bytes, error: GradcheckError, *, file: str, limits: LanguageLimits = DEFAULTS
) -> tuple[GradcheckError, ...]:
    """The errors of a model's text beside the first that was met.

    Where that is one of syntax or names, so are the others: nothing is computed for them. Where it is one of
    shapes, the text is read whole, unless it takes values from files.
    """
    from gradcheck_cli.language.further_errors import further_errors
    from gradcheck_cli.language.name_check import check_names
    from gradcheck_cli.language.source_text import decode

    def check(text: str, assumed: frozenset[str] = frozenset()) -> object:
        return check_names(*_parse(text, file, limits), assumed=assumed)

    def read(text: str, assumed: frozenset[str]) -> object:
        return read_model(text, file=file, limits=limits)

    try:
        plain = decode(text, file, limits.max_text).text
    except LanguageError:  # a character that no text has: nothing behind it is read
        return ()
    if len(plain) > limits.longest_reread or error.place is None:
        return ()
    try:
        check(plain)
    except LanguageError:
        return further_errors(plain, error, file, check, limits)
    return () if re.search(r"\bfrom\s*\"", plain) else further_errors(plain, error, file, read, limits)


def read_claims(
    text: str | bytes,
    *,
    file: str,
    folder: Path | None = None,
    model: Model,
    limits: LanguageLimits = DEFAULTS,
    numerics: NumericsLimits = NUMERICS,
) -> tuple[Claim, ...]:
    """The claims of a text, about the steps and inputs of `model`; its other lines are not used.

    A claim that cannot be read is one with a failure.
    """
    from gradcheck_cli.language.claim_lines import read_by_line
    from gradcheck_cli.language.source_text import decode

    def read(text: str) -> tuple[Claim, ...]:
        return _claims_in(text, file, access, model)

    access = Access(folder or Path(), limits, numerics, "the folder of the file of claims")
    return read_by_line(decode(text, file, limits.max_text).text, file, read)


def notes_on_claims(text: str | bytes, *, file: str, model: Model) -> tuple[str, ...]:
    """What is said of the lines of a text of claims that look like one and are none, `dW = ...`."""
    from gradcheck_cli.language.claim_lines import lines_meant_as_claims
    from gradcheck_cli.language.source_text import decode

    lines = decode(text, file, DEFAULTS.max_text).text
    loss = model.display(model.loss)
    return tuple(
        f"line {number} of {file}: {name} is no claim, and not judged; to have it judged: "
        f"claim d {loss}/d {model.display(by)} = {printable(right, 40)}"
        for number, name, by, right in lines_meant_as_claims(lines, {*model.inputs, *model.steps})
    )


def _claims_in(text: str, file: str, access: Access, model: Model) -> tuple[Claim, ...]:
    """The claims of a text, all of which can be read. Raises LanguageError, ShapeError, DataError."""
    from gradcheck_cli.language.let_names import names_of_model
    from gradcheck_cli.language.name_check import check_claims

    source, written = _parse(text, file, access.limits, model)
    claims = [statement for statement in written.statements if statement.kind in ("let", "claim")]
    lets = names_of_model(model.lets)
    check_claims(source, replace(written, statements=claims), _names_of(model), lets)
    from gradcheck_cli.language.model_reader import with_claims

    return with_claims(model, source, claims, access).claims


def _names_of(model: Model) -> Mapping[str, Elsewhere]:
    """The names of a model, for texts about it."""
    from gradcheck_cli.language.known_names import Elsewhere

    where = f"of {printable(model.file, 40)}" if model.file else "of the model"
    kinds = {"param": "a parameter", "rows": "a rows name", "data": "data"}
    inputs = {n: f"{kinds[item.kind]} {where} (line {item.line})" for n, item in model.inputs.items()}
    steps = {n: f"a step {where} (line {step.line})" for n, step in model.steps.items()}
    return {n: Elsewhere(model.display(n), what) for n, what in (inputs | steps).items()}


def read_values(text: str, model: Model, *, limits: LanguageLimits = DEFAULTS) -> tuple[str, Array]:
    """The name and the array of "NAME=VALUE".

    Parameters
    ----------
    text : one assignment
    model : declares the name
    limits : how much may be written

    Returns
    -------
    name : str
    values : float64 array in the shape that the model has for this name

    Raises
    ------
    LanguageError
        If the text cannot be parsed.
    OptionError
        If it is no assignment, or the model does not declare the name.
    ShapeError
        If the value has another shape.
    """
    if "=" not in text:
        parts = text.replace(":", " ").split(maxsplit=1)
        form = f"--at {'='.join(parts)}" if len(parts) == 2 else "NAME=VALUE"
        raise OptionError(f'"{printable(text, 40)}" gives no value', help=f"write {printable(form, 40)}")
    source, written = _parse(f"{_AT}{text}", "--at", limits)
    statements = written.statements
    if len(statements) != 1 or len(statements[0].declarations) != 1:
        raise OptionError(
            f'"{printable(text, 40)}" is not one assignment', help="write --at once for each name"
        )
    from gradcheck_cli.language.name_check import check_names

    check_names(source, written, _names_of(model))
    from gradcheck_cli.language.model_reader import value_for

    return value_for(source, statements[0], model, limits.max_data)


def read_expression(text: str, variable: str, option: str) -> Graph:
    """The graph of an expression in one variable, all of whose values are single numbers.

    The leaf's key is `variable`, the result is the graph's output; `option` is for messages. Raises
    LanguageError with the place in `text`.
    """
    if not text.strip() or any(mark in text for mark in "\n\r;"):
        raise OptionError(f"{option} takes one expression", help=f"such as tanh({variable})")
    try:
        model = read_model(f"param {variable} = 1\n{_LOSS}{text}", file=option)
    except GradcheckError as error:
        place = error.place and _in_expression(error.place, text)
        advice = f"write an expression in {variable}, such as {variable}*sigmoid({variable})"
        kept = advice if any(word in (error.help or "param") for word in _OF_FILES) else error.help
        message = error.message.replace("the loss", "it")
        raise LanguageError(message, place=place, help=kept) from None
    graph = model.graph
    if any(node.shape for node in graph.nodes) or len(model.steps) != 1 or len(model.inputs) != 1:
        raise OptionError(f"{option} takes a function of one number", help=f"such as tanh({variable})")
    return replace(graph, output=graph.names[model.loss])


def _in_expression(place: Place, text: str) -> Place:
    """A place in the statement around an expression: what points at its name means all of `text`."""
    column = place.column - len(_LOSS)
    if place.line == 1 or column < 1:
        return place._replace(line=1, column=1, width=len(text), text=text)
    return place._replace(line=1, column=column, text=text)


def show(model: Model) -> str:
    """The model as it was read, fully bracketed; reading it again gives the same model."""
    from gradcheck_cli.language.printer import show as printed

    return printed(model)
