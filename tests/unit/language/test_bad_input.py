"""Every text that is no model ends in one error with line, column, caret and the way out."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from gradcheck_cli.common.errors import DataError, GradcheckError, LanguageError, OptionError, ShapeError
from gradcheck_cli.language import read_claims, read_model, read_values
from gradcheck_cli.language.data.file_access import read_path

L, S = LanguageError, ShapeError
X = "param x = 1\n"
W = "param W[3,2] = 1, v[2] = 1\n"
R = "rows x = [1, 2, 3]\nparam w = 1\n"
C = "param w0 = 1\nf3 = w0\nloss = f3^2\n"

# text, error, line, column, a word of the message, a word of the help
BAD = [
    # brackets
    ("f = (a + b", L, 1, 5, "never closed", ")"),
    ("param a = 1\nf = [a, (a\nloss = f[0]", L, 2, 5, "never closed", "]"),
    ("f = a + b)", L, 1, 10, "no open bracket", "remove"),
    ("f = (a + b]", L, 1, 5, "not closed", ")"),
    ("loss = {x}", L, 1, 8, "{", "( )"),
    ("x = [1, 2; 3, 4]", L, 1, 10, "; inside", "[[1, 2], [3, 4]]"),
    (X + "loss = ()", L, 2, 9, "nothing between", "value"),
    (X + "loss = sin()", L, 2, 12, "nothing between", "value"),
    # products are written
    ("param w0 = 1, x = 2\nloss = w0 x", L, 2, 11, 'missing operator between "w0" and "x"', "w0*x"),
    (X + "loss = 2x", L, 2, 9, 'missing operator between "2" and "x"', "2*x"),
    (X + "loss = 2(x)", L, 2, 9, "missing operator", "*"),
    (X + "loss = x(x + 1)", L, 2, 9, "missing operator", "x*("),
    (X + "loss = x (x + 1)", L, 2, 10, "missing operator", "x*("),
    (X + "loss = (x)(x)", L, 2, 11, "missing operator", "*"),
    (X + "loss = x' x", L, 2, 11, "missing operator", "*"),
    (X + "loss = sin x", L, 2, 12, "needs brackets", "sin(x)"),
    (X + "loss = x 2", L, 2, 10, "missing operator", "x*2"),
    # names
    (X + "loss = sn(x)", L, 2, 8, "unknown function", "sin"),
    (X + "loss = f(x)", L, 2, 8, "unknown function", "functions"),
    ("param weight = 1\nloss = wieght^2", L, 2, 8, "unknown name", "weight"),
    ("param b0 = 1\nloss = bO^2", L, 2, 8, "unknown name", "b0"),
    ("param h1 = 1\nloss = hl^2", L, 2, 8, "unknown name", "h1"),
    (X + "loss = zz", L, 2, 8, "unknown name", "param zz"),
    (X + "loss = e^x", L, 2, 8, "unknown name", "exp(x)"),
    ("param sin = 1", L, 1, 7, "reserved", "sin_1"),
    ("param pi = 3", L, 1, 7, "reserved", "pi_1"),
    ("param \u03c0 = 3", L, 1, 7, "reserved", "pi_1"),
    ("param data = 1", L, 1, 7, "reserved", "data_1"),
    ("param count = 1", L, 1, 7, "reserved", "count_1"),
    ("param from = 1", L, 1, 7, "reserved", "from_1"),
    ("param set = 1", L, 1, 7, "reserved", "set_1"),
    ("data = 3", L, 1, 1, "reserved", "data_1"),
    ("claim = 3", L, 1, 1, "reserved", "claim_1"),
    (X + "loss = rows*x", L, 2, 8, "reserved", "rows_1"),
    (X + "loss = sin + 1", L, 2, 8, "is a function", "sin("),
    ("param 2x = 1", L, 1, 7, "begins with a letter", "x_1"),
    ("param x = 1, x = 2", L, 1, 14, "defined twice", "new name"),
    (X + "x = 2", L, 2, 1, "defined twice", "new name"),
    ("param beta0 = 1, \u03b2\u2080 = 2", L, 1, 18, "defined twice", "new name"),
    ("loss = y\nparam y = 1", L, 1, 8, "before its definition", "move"),
    (X + "loss = loss + x", L, 2, 8, "before its definition", "move"),
    ("parma x = 1", L, 1, 1, "no statement", "param"),
    # letters and characters
    ("param \u0430b = 1", L, 1, 7, "U+0430", "ab"),
    (X + "loss = \u0445", L, 2, 8, "unknown name", "U+0445"),
    ("param \u0445 = 1\nloss = x", L, 2, 8, "unknown name", "U+0445"),
    ("param x = 1, \u0445 = 1", L, 1, 14, "looks like", "U+0445"),
    ("a\u200bb", L, 1, 2, "U+200B", "invisible"),
    ("a\u200db", L, 1, 2, "U+200D", "invisible"),
    ("x = 1 # \u202e", L, 1, 9, "U+202E", "invisible"),
    ("e\u0301 = 1", L, 1, 2, "U+0301", "type"),
    (X + "loss = x\u00b2", L, 2, 9, "power", "x^2"),
    (X + "loss = (x)\u00b2\u00b3", L, 2, 11, "power", "^23"),
    (X + "loss = x\0", L, 2, 9, "NUL", "plain text"),
    (X + "loss = x \x1b[31m", L, 2, 10, "U+001B", "invisible"),
    (X + "loss = \u2211(x)", L, 2, 8, "\u2211", "sum"),
    (X + "loss = x + [/red]", L, 2, 13, "missing", "there"),
    ("[/red]", L, 1, 2, "missing", "there"),
    (X + "loss = x % 2", L, 2, 10, "%", "#"),
    (X + "loss = x!", L, 2, 9, "!", "factorial"),
    (X + "loss = |x|", L, 2, 8, "|", "abs"),
    (X + "loss = x && x", L, 2, 10, "&&", "(x)*(x)"),
    (X + "loss = \\sin(x)", L, 2, 8, "LaTeX", "sin(x)"),
    # numbers
    ("param x = 2,3", L, 1, 13, "comma", "2.3"),
    ("loss = 2,3*4", L, 1, 9, "comma", "2.3"),
    ("param x = 1_000", L, 1, 12, "no _", "1000"),
    ("param x = 1.2.3", L, 1, 14, "1.2.3", "point"),
    ("param x = nan", L, 1, 11, "nan", "finite"),
    ("param x = -inf", L, 1, 12, "inf", "finite"),
    ("nan", L, 1, 1, "nan", "finite"),
    ("param x = 1e999", L, 1, 11, "too large", "1.8e308"),
    ("data x = 1/0", L, 1, 6, "is inf", "finite"),
    ("data x = log(-1)", L, 1, 6, "is nan", "finite"),
    ("data x = 9**9**9**9", L, 1, 6, "is inf", "finite"),
    # operators
    (X + "loss == x", L, 2, 6, "==", "write loss = x"),
    (X + "loss = x == 1", L, 2, 10, "==", "comparisons"),
    (X + "loss = where(x == 1, x, 2)", L, 2, 16, "==", "1 where a and b are equal"),
    (X + "loss = where(x != 1, x, 2)", L, 2, 16, "!=", "1 - (a >= b)"),
    ("data n = 4\nparam w[n*2, 3] = 1\nloss = sum(w)", L, 2, 9, "whole numbers", "w[{n*2},3]"),
    (X + "loss = x != 1", L, 2, 10, "!=", "comparisons"),
    (X + "loss = 0 < x < 1", L, 2, 14, "chain", "(a < b)"),
    (X + "loss = x > 0 * x", L, 2, 14, "brackets", "(a > b)*c"),
    (X + "loss = x*2 > 0", L, 2, 12, "brackets", "(a + b) > c"),
    (X + "loss = exp(1 < x + 1 < 2)", L, 2, 22, "chain", "(a < b)"),
    (X + "loss = x +", L, 2, 11, "missing at the end", "+"),
    (X + "loss = ", L, 2, 7, "missing at the end", "="),
    (X + "loss = x +* 2", L, 2, 11, "missing", "there"),
    (X + "loss = x^^2", L, 2, 9, "^^", "write x^2"),
    (X + "loss = x^2 = 3", L, 2, 12, "second =", ";"),
    (X + "loss = x, x", L, 2, 9, "comma", ";"),
    # vectors and matrices without brackets
    ("param v[2] = 0.3, 1.2", L, 1, 14, "a vector stands in brackets", "v[2] = [0.3, 1.2]"),
    ("param a = 1, v = 0.3, -1.2, c = 2", L, 1, 18, "a vector", "v = [0.3, -1.2]"),
    ("param v[2] = 1,2", L, 1, 14, "a vector", "v[2] = [1, 2]"),
    ("param X[2,1,2] = 1, 2, 3, 4", L, 1, 18, "a matrix stands", "X[2,1,2] = [[[1, 2]], [[3, 4]]]"),
    ("param X[2,1,2] ~ he", L, 1, 18, "3 axes are read in different ways", "normal(0, sqrt(2/2))"),
    ("param v[2] = 0,3, 1,2", L, 1, 16, "comma inside a number", "0.3"),
    ("param A[2,2] = 1, 2; 3, 4", L, 1, 16, "a matrix stands", "A[2,2] = [[1, 2], [3, 4]]"),
    ("param A[2,3] = 1, 2, 3, 4, 5, 6", L, 1, 16, "a matrix", "[[1, 2, 3], [4, 5, 6]]"),
    ("rows x = 1, 2, 3", L, 1, 10, "a vector", "x = [1, 2, 3]"),
    (X + "v = 1, 2", L, 2, 5, "a vector", "v = [1, 2]"),
    (X + "loss = x\nclaim d loss/d x = 1, 2", L, 3, 20, "a vector", "d loss/d x = [1, 2]"),
    ("param v[2] = 1, x2, 3", L, 1, 21, "does not fit", "NAME = EXPRESSION"),
    # statements
    ("L(w) = w^2", L, 1, 1, "no step is named loss", "loss = L(w)"),
    (X + "f[0] = x", L, 2, 6, "not a name", "name ="),
    (X + "x*x", L, 2, 1, "no name", "loss ="),
    ("x*x\ny*y", L, 1, 1, "second expression", "loss ="),
    ("loss*2", L, 1, 1, "whole expression", "another name"),
    ("data x", L, 1, 6, "no value", "from"),
    ("param", L, 1, 6, "missing at the end", "param NAME"),
    ("seed x", L, 1, 6, "whole number", "seed 7"),
    ("seed 1.5", L, 1, 6, "whole number", "0, 1, 2"),
    ("seed 1\nseed 2\nx", L, 2, 1, "second seed", ""),
    ("set points\nx", L, 1, 1, "no setting", "NAME = VALUE"),
    ("set atol = 3\nx", OptionError, 1, 5, "no atol", "digits"),
    ("set pionts = 3\nx", OptionError, 1, 5, "pionts", "points"),
    ("set points = many\nx", OptionError, 1, 5, "many", "whole number"),
    ("set layout = sideways\nx", OptionError, 1, 5, "sideways", "numerator"),
    ("set seed = 3\nx", OptionError, 1, 5, "own", "seed 3"),
    # single quotes, Python
    ("data x from 'a.csv'", L, 1, 13, "single quotes", '"'),
    ("__import__('os').system('x')", L, 1, 12, "single quotes", '"'),
    ("().__class__", L, 1, 2, "nothing between", "value"),
    (X + "loss = x.__class__", L, 2, 9, ".", ".T"),
    ('data x from "a.csv', L, 1, 13, "quote", '"'),
    (X + 'loss = "x"', L, 2, 8, "quotes", "files"),
    (X + "loss = __import__(x)", L, 2, 8, "unknown function", "functions"),
    # the loss
    ("param y = 1\nL = y^2", L, 2, 1, "no step is named loss", "write loss = ... in place of L"),
    ("param y = 1\nl = y^2", L, 2, 1, "no step is named loss", "add the line loss = l"),
    ("param y = 1\nf = y^2", L, 2, 1, "no step is named loss", "loss = f"),
    ("param loss = 1", L, 1, 1, "declared", "loss = EXPRESSION"),
    (W + "loss = v^2", L, 2, 1, "[2]", "sum"),
    (R + "loss = w*x", L, 3, 1, "per row", "sum_rows"),
    (R + "loss = sum(w*x)", S, 3, 8, "one number", "sum_rows"),
    (R + "loss = sum_rows(w)", S, 3, 8, "per row", "rows"),
    (R + "f = w - mean_rows(w*x)\nloss = mean_rows(f*x)", S, 4, 19, "all rows", "data X[N,d]"),
    # shapes
    ("param A[2,2] = 1, v[2] = 1\nloss = sum(A*v)", S, 2, 13, "[2,2]", "A @ v"),
    (W + "loss = sum(v @ v)", S, 2, 14, "ambiguous", "dot"),
    (W + "loss = sum(v @ W)", S, 2, 14, "do not fit", "'"),
    (W + "loss = v[2]", S, 2, 8, "outside", "from 0"),
    (W + "loss = v[-1]", L, 2, 10, "negative", "from 0"),
    (W + "loss = W[0]", S, 2, 8, "index", "two"),
    (W + "loss = v[x]", L, 2, 10, "", ""),
    (W + "loss = v[1.0]", L, 2, 10, "whole number", "v[0]"),
    (X + "loss = x[0]", S, 2, 8, "index", "single number"),
    (W + "loss = sum(v, axis=1)", S, 2, 8, "axis=1", "axis=0"),
    (W + "loss = sum(v, axis=1.5)", L, 2, 20, "axis", "no value"),
    (W + "loss = sum(v, axes=0)", L, 2, 15, "axes", "axis"),
    (X + "loss = atan2(x)", L, 2, 8, "1 argument", "atan2(y, x)"),
    (X + "loss = sin(x, x)", L, 2, 8, "2 arguments", "sin(x)"),
    ("param v[2] = [1, 2, 3]", S, 1, 7, "[3]", "declared shape"),
    ("param W ~ he", L, 1, 11, "fan_in", "W[4,3]"),
    ("param v[3] ~ xavier", L, 1, 14, "fan_in", "W[4,3]"),
    ("param W[2,2] ~ hee", L, 1, 16, "hee", "he?"),
    ("param w ~ normal(1)", L, 1, 11, "two numbers", "normal(mean, sd)"),
    ("param w ~ normal(0, -1)", L, 1, 11, "negative", ""),
    ("rows x ~ normal(0, 1)", L, 1, 6, "how many", "count"),
    ("data x ~ normal(0, 1) count 3", L, 1, 10, "count", "x[3]"),
    ("rows x = [1, 2], y = [1, 2, 3]", L, 1, 18, "3 rows", "training example"),
    ("param W[100000,100000] = 0", S, 1, 7, "74.51 GiB", "max-data"),
    (f"param W[{'1,' * 30}1] ~ normal(0, 1)", L, 1, 7, "31 axes", "reshape"),
    ("param W[0] = 1", L, 1, 7, "no entries", ""),
    ("data u[9000] = 1\nloss = sum(u @ u')", S, 2, 14, "618", "max-data"),
    (X + "param y = 2*x", L, 2, 13, "parameter", "step"),
    # claims
    (C + "claim dL/dw0 = 1", L, 4, 7, "begins with a derivative", "d loss/d w0"),
    (C + "claim dl_df3 = 1", L, 4, 7, "begins with a derivative", "d loss/d f3"),
    (C + "claim d(loss)/d(f3) = 1", L, 4, 7, "begins with a derivative", "d loss/d f3"),
    (C + "dL/dw0 = 1", L, 4, 8, "not a name", "claim d loss/d w0"),
    (C + "d loss/d w0 = 1", L, 4, 13, "claim", "claim d loss/d w0"),
    (C + "claim d loss/d f3 = dloss/df3", L, 4, 21, "unknown name", "d loss/d f3"),
    (C + "claim d loss/d f3 = d(loss)/d(f3)", L, 4, 21, "unknown", "d loss/d f3"),
    (C + "claim d loss/d w0", L, 4, 18, "missing at the end", "d loss/d w0 ="),
    (C + "claim d loss/d w1 = 1", L, 4, 16, "unknown name", "w0"),
    (C + "claim d w0/d f3 = 1", L, 4, 9, "declared", "step"),
    (C + "claim d loss/d f3/d w0 = 1", L, 4, 18, "second", "first"),
    (C + "claim d loss/d w0[0] = 1", S, 4, 7, "index", "single number"),
    (W + "f = W @ v\nloss = sum(f)\nclaim d f/d W[0,2] = 1", S, 4, 7, "outside 0..1", "count from 0"),
    (C + "g = d loss/d w0", L, 4, 5, "claim only", "claim d loss/d w0"),
    (C + 'claim d loss/d w0 from "no.npy"', DataError, 4, 19, "no file", "folder"),
    # data files
    ('data x from "no.csv"', DataError, 1, 8, "no file", "folder"),
    ('data x from "."', DataError, 1, 8, "directory", "regular"),
    ('data x = 1, y from "a.csv"', L, 1, 6, "value and a file", "two statements"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "error", "line", "column", "word", "way_out"), BAD)
def test_bad_input(
    text: str, error: type[GradcheckError], line: int, column: int, word: str, way_out: str
) -> None:
    with pytest.raises(error) as caught:
        read_model(text, file="model.txt")
    found = caught.value
    assert found.exit_code == 2
    assert found.place is not None
    assert (found.place.line, found.place.column) == (line, column), str(found)
    assert word in found.message
    assert way_out in (found.help or "")
    shown = str(found).split("\n")
    assert shown[0].startswith(f"model.txt:{line}:{column}: error: ")
    assert "^" in shown[2]
    assert all(c.isprintable() or c == "\n" for c in str(found))


@pytest.mark.slow
def test_the_message_of_the_contract() -> None:
    text = "param w0 = 1, x = 2, b0 = 3\n\nf0 = b0 + w0 x\n"
    with pytest.raises(LanguageError) as caught:
        read_model(text, file="model.txt")
    assert str(caught.value) == (
        'model.txt:3:14: error: missing operator between "w0" and "x"\n'
        "    3 | f0 = b0 + w0 x\n"
        "      |              ^\n"
        "      = help: a product is written w0*x"
    )


def test_a_second_definition_shows_both_lines() -> None:
    with pytest.raises(LanguageError) as caught:
        read_model("param x = 1\nparam y = 2, x = 3\n", file="m")
    assert str(caught.value).split("\n")[:7] == [
        'm:2:14: error: "x" is defined twice',
        "    2 | param y = 2, x = 3",
        "      |              ^",
        "      = first defined here:",
        "    1 | param x = 1",
        "      |       ^",
        "      = help: every name has one value; take a new name for the new one",
    ]


@pytest.mark.parametrize(
    ("content", "line", "column", "word"),
    [
        (b"param x = 1\nloss = x\xff", 2, 9, "0xff"),
        (b"param x = 1\r\nloss = \xc3\xa4 + \xe4", 2, 12, "0xe4"),
        (b"\xef\xbb\xbfloss \xff", 1, 6, "0xff"),
        (b"x = 1\0", 1, 6, "NUL"),
        (b"x\0=\0", 1, 2, "NUL"),
        ("\ufeffx y".encode("utf-16-le"), 1, 3, "missing operator"),
    ],
)
def test_bad_bytes(content: bytes, line: int, column: int, word: str) -> None:
    with pytest.raises(LanguageError) as caught:
        read_model(content)
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.column) == (line, column)
    assert word in str(caught.value)


def test_columns_count_characters_of_the_line_as_typed() -> None:
    text = "param \u03b2\u2080 = 1  # \u00e9\r\nloss = \u03b2\u2080 \u00b7 \u03b2\u2080 \u03b2\u2080\r\n"
    with pytest.raises(LanguageError) as caught:
        read_model(text.encode())
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.column) == (2, 16)
    assert "\u03b2\u2080*\u03b2\u2080" in str(caught.value.help)


def test_errors_inside_brackets_over_several_lines() -> None:
    with pytest.raises(LanguageError) as caught:
        read_model("param x = 1\nloss = (x +  # first\n  2 x)\n")
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.column) == (3, 5)


@pytest.mark.parametrize("text", ["", "\n\n# nothing\n", ";;", "param w = 1"])
def test_a_file_without_a_loss(text: str) -> None:
    with pytest.raises(LanguageError, match="no loss") as caught:
        read_model(text)
    assert "loss =" in str(caught.value.help)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "x+" * 10_000_000,
        "(" * 20_000_000,
        "1 " * 1_000_000,
        "d " * 1_000_000,
        "x" * 2_000_000 + " y",
        "param x=1\nloss=" + "(" * 1_000_000,
        "d" + " " * 2_000_000 + "x",
    ],
    ids=lambda text: text[:20],
)
def test_large_nonsense_is_refused_quickly(text: str) -> None:
    start = time.process_time()
    with pytest.raises(LanguageError) as caught:
        read_model(text)
    assert time.process_time() - start < 2  # what grows as the square of its length takes hours
    assert len(str(caught.value)) < 1000


def test_long_names_are_cut() -> None:
    name = "n" * 100_000
    for text in (f"{name} {name}", f"param x = 1\nloss = {name}", f"{name}(1)"):
        with pytest.raises(LanguageError) as caught:
            read_model(text)
        assert len(str(caught.value)) < 1000


def test_a_file_that_is_too_large_is_refused_by_its_size(tmp_path: Path) -> None:
    large = tmp_path / "large.txt"
    with large.open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(DataError, match="1024 GiB"):
        read_path(large)


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="directory"):
        read_path(tmp_path)
    with pytest.raises(DataError, match="no file"):
        read_path(tmp_path / "missing.txt")
    with pytest.raises(DataError):
        read_path("nul\0byte")


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices in the file system")
def test_pipes_devices_and_sockets_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    for path in (tmp_path / "pipe", "/dev/zero", "/dev/null", tmp_path / "s"):
        with pytest.raises(DataError):
            read_path(path)
    listener.close()


def test_bad_claim_files_and_values_have_places_too() -> None:
    model = read_model(C)
    (claim,) = read_claims("# mine\nclaim d loss/d w0 = 2 w0", file="alice.txt", model=model)
    assert claim.failure is not None
    assert claim.failure.text.startswith("alice.txt:2:23: error: missing operator")
    with pytest.raises(GradcheckError, match="missing operator"):
        read_values("w0=2 3", model)
