"""Statements of one shape are parsed once, and each is read as its own: names, numbers, places, mistakes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lark
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chains import chain
from gradcheck_cli.common.errors import GradcheckError, LanguageError, ShapeError
from gradcheck_cli.language import read_model, show
from gradcheck_cli.language.automaton import build
from gradcheck_cli.language.expansion.definitions import Given
from gradcheck_cli.language.expansion.unrolling import write_out
from gradcheck_cli.language.grammar import Parser
from gradcheck_cli.language.parse_cache import outline_of
from gradcheck_cli.language.source_text import Source, decode, split
from gradcheck_cli.language.statements import Statement
from gradcheck_cli.language.tokens import STRANGE, Lexer
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.language import DEFAULTS as LIMITS
from gradcheck_cli.numerics.limits.language import LanguageLimits
from paths import MODELS
from problems import FOLDER

FILES = [*sorted(MODELS.glob("*.txt")), *sorted(FOLDER.glob("*.txt"))]
LARK = build()
ALONE = LIMITS._replace(longest_cached=-1)  # every statement is parsed by lark
LEXER = Lexer(LARK.lexer_conf.terminals, LARK.lexer_conf.ignore)


def statements(text: str, limits: LanguageLimits = LIMITS) -> tuple[Source, Iterator[Statement]]:
    """What parses, of a text that may hold more than models."""
    source = decode(text, "-", 1 << 20)
    spans, parser = split(source), Parser(source, limits)
    return source, (parser.parse(span) for span in spans)


def written_out(text: str, limits: LanguageLimits) -> list[Statement]:
    """The statements of a text with its loops and definitions."""
    source = decode(text, "-", 1 << 20)
    return write_out(source, split(source), Parser(source, limits), limits, Given()).statements


def outcome(text: str, limits: LanguageLimits = LIMITS) -> object:
    """The statements, or the error in full."""
    try:
        return list(statements(text, limits)[1])
    except GradcheckError as error:
        return str(error), error.place


def formulas(model: Model) -> dict[str, str]:
    shown = {i.node: i.name for i in model.inputs.values()} | {s.node: s.name for s in model.steps.values()}
    return {name: model.graph.formula(step.node, shown) for name, step in model.steps.items()}


# --- tokens --------------------------------------------------------------------------------------


def of_lark(text: str) -> list[tuple[str, int, int]]:
    """The tokens of lark's own lexer, up to the first character that it does not know."""
    found: list[tuple[str, int, int]] = []
    try:
        for token in LARK.lex(text):
            assert token.start_pos is not None
            assert token.end_pos is not None
            found.append((token.type, token.start_pos, token.end_pos))
    except lark.exceptions.UnexpectedCharacters as reason:
        at = reason.pos_in_stream or 0
        found.append((STRANGE, at, at + 1))
    return found


PIECES = st.sampled_from(
    [
        *"abdxT_.0123e+-*/^=<>()[],:~'\"@ \n%f",
        *("data", "rows", "param", "seed", "claim", "count", "from", "columns", "sin", "1e-3", ".5"),
        *("d f/d w", "\u2202f/\u2202w", ".T", "**", "==", ">=", "\u2265", '"a b"', "  ", "\u03b2", "\u2080"),
    ]
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join))
@example("datax data.T x.Tx 2x d x/d y2 d  x / d y from_1 count2 1e5e 1.e5 .5.5")
@example("claim \u2202a/\u2202b == 3*\u03b2\u2080' \"open")
def test_tokens_are_those_of_lark(text: str) -> None:
    expected = of_lark(text)
    ours = [(t.type, t.start, t.end) for t in LEXER.tokens(text, 0, len(text))]
    assert ours[: len(expected)] == expected
    assert len(ours) == len(expected) or expected[-1][0] == STRANGE
    texts = LEXER.texts(text, 0, len(text))
    assert "".join(texts) == text
    assert [t for t in texts if not t.isspace()] == [text[start:end] for _, start, end in ours]
    marks = [mark for mark in LEXER.shape(texts) if mark != " "]
    free = ("NAME", "NUMBER")
    assert marks == [kind if kind in free else text[start:end] for kind, start, end in ours]


# --- one parse for all of a shape ------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_are_read_as_statement_statement_by_statement(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    text = "\n".join(re.findall(r"(?ms)^--\n(.*?)(?=^==|\Z)", text)) or text  # the steps of all problems
    assert written_out(text, LIMITS) == written_out(text, ALONE)


ATOMS = st.sampled_from(
    ["a", "b2", "x_1", "\u03b2", "2", ".5", "1e-3", "pi", "sin(a)", "max(a, 2)", "v[0]", "(b)'"]
)
SIGNS = st.sampled_from([" + ", "-", "*", " / ", "^", "**", " @ ", " > "])
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, SIGNS, inner).map("".join),
        inner.map("-{}".format),
        inner.map("({})".format),
        inner.map("exp( {} )".format),
        inner.map("[{0}, {0}]".format),
        inner.map("sum({}, axis=1)".format),
        inner.map("v[1:]*{}".format),
    ),
    max_leaves=6,
)
LINES = st.one_of(
    EXPRESSIONS.map("f = {}".format),
    EXPRESSIONS,
    EXPRESSIONS.map("param w = {}, u[3] = 2, t".format),
    EXPRESSIONS.map("claim d loss/d w = {}".format),
    st.sampled_from(["seed 3", "set points = 4", "rows x ~ normal(0, 1) count 8", 'data X, y from "a.npz"']),
)


def other_words(line: str, number: int) -> str:
    """The line with other names, numbers and blanks."""
    kept = "claim|loss|d\\b|param|seed|set|rows|data|from|count|axis"
    line = re.sub(rf"\b(?!{kept})([a-z]\w*)\b(?!\")", rf"\1_{number}", line)
    line = re.sub(r"\b([0-9]+)\b", r"1\1", line)
    return line.replace(" ", "   " if number % 2 else " ")


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=4), st.sampled_from(["\n", ";", "  # \u03b1\n\n"]))
def test_statements_of_one_shape_are_each_its_own(lines: list[str], end: str) -> None:
    text = end.join([*lines, *(other_words(line, k) for k in (1, 2) for line in lines)])
    assert outcome(text) == outcome(text, ALONE)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(LINES)
def test_an_outline_gives_back_the_statement_it_was_made_of(line: str) -> None:
    try:
        source, found = statements(line)
        statement = next(found)
    except LanguageError:
        return
    texts = LEXER.texts(source.code, *statement.span)
    starts = [statement.span.start]
    for text in texts:
        starts.append(starts[-1] + len(text))
    outline = outline_of(statement, starts)
    simple = not re.search(r"claim|seed|set|rows|data|u\[|v\[1:|axis", line)
    assert outline is None or outline.fill(texts, starts) == statement
    assert outline is not None or not simple


def test_a_shape_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    derived: list[str] = []
    derive = Parser.derive

    def noted(self: Parser, span: tuple[int, int]) -> Statement:
        derived.append(self.source.code[slice(*span)])
        return derive(self, span)  # type: ignore[arg-type]

    monkeypatch.setattr(Parser, "derive", noted)
    text = chain(40)
    printed = show(read_model(text))
    assert len(derived) < 12 < text.count("\n")
    derived.clear()
    few = LIMITS._replace(most_cached=2)  # no more are kept: the others are parsed again
    assert show(read_model(text, limits=few)) == printed
    assert len(derived) > 40


def test_precedence_stays_in_every_statement() -> None:
    text = """
    param a = 2, b = 3
    f1 = -a^2;      f2 = -b^3;      f3 = (-b)^2;    f4 = -2^b
    g1 = a - b - 1; g2 = b - a - 2; g3 = a - b*a;   g4 = b - a*b
    h1 = a^b^2;     h2 = b^a^3;     h3 = a/b/a;     h4 = b/a/b
    loss = f1 + h4
    """
    found = formulas(read_model(text))
    assert [found[f"f{k}"] for k in (1, 2, 3, 4)] == ["(-(a ^ 2))", "(-(b ^ 3))", "((-b) ^ 2)", "(-(2 ^ b))"]
    assert [found[f"g{k}"] for k in (2, 4)] == ["((b - a) - 2)", "(b - (a * b))"]
    assert [found[f"h{k}"] for k in (2, 4)] == ["(b ^ (a ^ 3))", "((b / a) / b)"]


def test_names_are_shown_as_each_was_typed() -> None:
    steps = "f = beta0*\u03b21\n\u03b3 = \u03b2\u2080*beta1\nloss = f*\u03b3"
    model = read_model(f"param beta0 = 1, \u03b2\u2081 = 2\n{steps}")
    assert formulas(model)["gamma"] == "(beta0 * beta1)"
    assert [(s.display, s.text, s.line) for s in model.steps.values()][:2] == [
        ("f", "beta0*\u03b21", 2), ("\u03b3", "\u03b2\u2080*beta1", 3),
    ]  # fmt: skip


# --- the second of two equal shapes is wrong -------------------------------------------------------

FIRST = "param a = 1, v[2] = 1, u[3] = 1\nf = a + 2*a\nh = sin(f)\nm = max(f, h)\nq = v' @ v\n"
WRONG = [
    ("g = f + 3*b", LanguageError, 7, 11, 'unknown name "b"'),
    ("g = c + 3*f", LanguageError, 7, 5, 'unknown name "c"'),
    ("  g   =  f +  3 * b  # b", LanguageError, 7, 19, 'unknown name "b"'),
    ("g = f + 3*g", LanguageError, 7, 11, "before its definition"),
    ("g = f + 3*sin", LanguageError, 7, 11, "is a function"),
    ("g = f + 3*data", LanguageError, 7, 11, '"data" is a reserved word'),
    ("data = f + 3*f", LanguageError, 7, 1, '"data" is a reserved word'),
    ("sin = f + 3*f", LanguageError, 7, 1, "it is a function sin"),
    ("pi = f + 3*f", LanguageError, 7, 1, "it is the number pi"),
    ("f = a + 3*a", LanguageError, 7, 1, "defined twice"),
    ("g = f + 1e999*f", LanguageError, 7, 9, "too large for a double"),
    ("g = f + 3*nan", LanguageError, 7, 11, "not a number"),
    ("g = f + 3*\u0445", LanguageError, 7, 11, "unknown name"),
    ("g = sn(f)", LanguageError, 7, 5, "unknown function"),
    ("g = f(h)", LanguageError, 7, 6, "missing operator"),
    ("g = sin(f, h)", LanguageError, 7, 5, "does not take 2 arguments"),
    ("g = v' @ u", ShapeError, 7, 8, "dot takes two vectors of one length"),
    ("g = f + 3*v*u", ShapeError, 7, 12, "do not fit *"),
    ("param z = 1, w[2] = 1, y[2.5] = 1", LanguageError, 7, 26, "not a whole number"),
    ("param z = 1, w[2] = 1, y[3] = f", LanguageError, 7, 31, "is a step"),
    ("g = f + 3 a", LanguageError, 7, 11, "missing operator"),
    ("g = f + 3f", LanguageError, 7, 10, "missing operator"),
    ("g = f + 3*", LanguageError, 7, 11, ""),
    ("g = f + f*3 = 2", LanguageError, 7, 13, "a second ="),
    ("param t = 1e999", LanguageError, 7, 11, "too large for a double"),
    ("param t = -1e999", LanguageError, 7, 12, "too large for a double"),
    ("param t = a", LanguageError, 7, 11, "is a parameter"),
]


@pytest.mark.parametrize(("line", "error", "number", "column", "message"), WRONG)
def test_the_second_of_a_shape_gets_its_own_error(
    line: str,
    error: type[GradcheckError],
    number: int,
    column: int,
    message: str,
) -> None:
    text = f"{FIRST}param s = -2\n{line}\nloss = f"
    with pytest.raises(error) as found:
        read_model(text)
    place = found.value.place
    assert place is not None
    assert (place.line, place.column, place.text) == (number, column, line)
    assert message in found.value.message
    with pytest.raises(error) as alone:
        read_model(text, limits=ALONE)
    assert str(alone.value) == str(found.value)


def test_operations_of_shared_statements_count() -> None:
    text = "param a = 1\nf = a + a\ng = a + f\nloss = f + g\n"
    enough, few = (LIMITS._replace(most_operations=n) for n in (10, 9))
    assert read_model(text, limits=enough).node("loss").shape == ()
    with pytest.raises(LanguageError, match="more than 9 numbers, names and operators"):
        read_model(text, limits=few)


@pytest.mark.parametrize("text", ["3", "-3", "+3", "- 0", "--3", "1e-400", "-(3)", "1.5e3", "2*3", "pi"])
def test_a_number_written_out_has_the_value_of_the_expression(text: str) -> None:
    model = read_model(f"param a = {text}, b = ({text})*1, c[1] = {text}\nloss = a + b + c[0]")
    values = [model.inputs[name].values for name in "abc"]
    assert [value.shape for value in values] == [(), (), (1,)]
    assert len({float(value).hex() for value in (v.reshape(()) for v in values)}) == 1
    assert not any(value.flags.writeable for value in values)


def test_parsers_of_one_thread_and_of_several_do_not_mix() -> None:
    """All parsers of a thread share one automaton; a statement's rules run for the parser that reads it."""
    texts = [f"param a{k} = {k}\nloss{k} = tanh(a{k}) + {k}*a{k}^2" for k in range(8)]
    expected = [outcome(text) for text in texts]
    readers = [statements(text)[1] for text in texts]
    turns = zip(*([next(reader), next(reader)] for reader in readers), strict=True)
    by_turns = [list(pair) for pair in zip(*turns, strict=True)]
    assert by_turns == expected
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(outcome, texts * 8)) == expected * 8
