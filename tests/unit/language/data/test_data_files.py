"""CSV, .npy and .npz: what is read, and that no file can make us take memory or run code."""

from __future__ import annotations

import contextlib
import io
import pickle
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_cli import api
from gradcheck_cli.common.errors import DataError, GradcheckError
from gradcheck_cli.language import read_model, show
from gradcheck_cli.language.data.csv_columns import Columns
from gradcheck_cli.language.data.file_access import Access
from gradcheck_cli.language.data.text_layout import TextLayout, is_not_finite
from gradcheck_cli.model.graph import Graph
from gradcheck_cli.model.model import Misfit, Model
from gradcheck_cli.numerics.limits.language import LanguageLimits

CSV = "x,y, u ,beta0\n1,2,3,4\n5,6.5,-7e-1,.5\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "p.csv").write_text(CSV)
    (tmp_path / "long.csv").write_text("x,y\n" + "".join(f"{k},{k * k}\n" for k in range(20)))
    np.save(tmp_path / "m.npy", np.arange(6, dtype=np.float32).reshape(2, 3))
    np.savez(tmp_path / "w.npz", W0=np.eye(2), b0=np.array([1, 2]), flag=np.array(True))
    cube = np.array([[[1.0, 2]], [[3, 4]]])
    np.save(tmp_path / "cube.npy", cube)
    np.savez(
        tmp_path / "rows.npz",
        X=np.arange(6.0).reshape(2, 3), t=np.array([7.0, 8]), M=cube, s=np.array(2.0), t3=np.ones(3),
        deep=np.ones((2, 2, 2, 2)),
    )  # fmt: skip
    np.savez_compressed(tmp_path / "one.npz", only=np.asfortranarray(np.ones((2, 3))))
    return tmp_path


def read(folder: Path, text: str, **options: Any) -> Model:
    return read_model(text, file="model.txt", folder=folder, **options)


def values(folder: Path, text: str, name: str) -> Any:
    return read(folder, f"{text}\nparam one_ = 1\nloss = one_").inputs[name].values.tolist()


READ = [
    ('data x, y from "p.csv"', "y", [2, 6.5]),
    ('data u from "p.csv"', "u", [3, -0.7]),
    ('data \u03b2\u2080 from "p.csv"', "beta0", [4, 0.5]),
    ('data x[2] from "p.csv"', "x", [1, 5]),
    ('rows x, y from "p.csv"', "x", [1, 5]),
    ('rows z[3] from "p.csv" columns x, y, u', "z", [[1, 2, 3], [5, 6.5, -0.7]]),
    ('rows z from "p.csv" columns x, "u"', "z", [[1, 3], [5, -0.7]]),
    ('rows z[2], t from "p.csv" columns x, y, beta0', "t", [4, 0.5]),
    ('data X[2,2] from "p.csv" columns x, y', "X", [[1, 2], [5, 6.5]]),
    ('data a, b from "p.csv" columns y, x', "b", [1, 5]),
    ('rows z[1] from "p.csv" columns y', "z", [[2], [6.5]]),
    ('rows z[1,1] from "p.csv" columns y', "z", [[[2]], [[6.5]]]),
    ('rows z[2,2] from "p.csv" columns x, y, u, beta0', "z", [[[1, 2], [3, 4]], [[5, 6.5], [-0.7, 0.5]]]),
    ('rows X[3], t from "rows.npz"', "X", [[0, 1, 2], [3, 4, 5]]),
    ('rows X[3], t from "rows.npz"', "t", [7, 8]),
    ('rows M[1,2] from "rows.npz"', "M", [[[1, 2]], [[3, 4]]]),
    ('rows M from "rows.npz"', "M", [[[1, 2]], [[3, 4]]]),
    ('rows z[1,2], s from "rows.npz" columns M, t', "z", [[[1, 2]], [[3, 4]]]),
    ('rows z[1,2] from "cube.npy"', "z", [[[1, 2]], [[3, 4]]]),
    ('data M from "m.npy"', "M", [[0, 1, 2], [3, 4, 5]]),
    ('rows r[3] from "m.npy"', "r", [[0, 1, 2], [3, 4, 5]]),
    ('rows r from "m.npy"', "r", [[0, 1, 2], [3, 4, 5]]),
    ('param W0, b0 from "w.npz"', "b0", [1, 2]),
    ('param W0[2,2] from "w.npz"', "W0", [[1, 0], [0, 1]]),
    ('data f from "w.npz" columns flag', "f", 1.0),
    ('data only from "one.npz"', "only", [[1, 1, 1]] * 2),
]


@pytest.mark.parametrize(("text", "name", "expected"), READ)
def test_files_are_read(folder: Path, text: str, name: str, expected: Any) -> None:
    assert values(folder, text, name) == expected
    model = read(folder, f"{text}\nparam one_ = 1\nloss = one_")
    assert show(read(folder, show(model))) == show(model)


def test_rows_of_a_file_are_counted_and_named_in_what_is_shown(folder: Path) -> None:
    model = read(folder, 'rows x, t from "long.csv" columns x, y\nloss = sum_rows(x*t)')
    assert model.rows == 20
    assert model.inputs["t"].origin == "file"
    assert 'rows  t from "long.csv" columns "y"' in show(model)
    assert show(read(folder, show(model))) == show(model)


def test_a_file_of_one_line_holds_numbers(folder: Path) -> None:
    (folder / "p1.csv").write_text("a,b\n1,2\n")
    assert values(folder, 'param a, b from "p1.csv"', "b") == 2
    assert values(folder, 'param a[1], b from "p1.csv"', "a") == [1]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfx,y\r\n1,2\r\n3,4\r\n",
        b'"x","y"\n"1","2"\n3,4\n\n',
        "x,y\n1,2\n3,4".encode("utf-16"),
        b" x , y\n 1 , +2\n3,4e0\n",
    ],
)
def test_csv_dialects(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    assert values(tmp_path, 'data y from "a.csv"', "y") == [2, 4]


LAYOUTS = [  # what is written; the columns that can be named; whether the first of them is an index
    ("x;y\n1;2\n3;4\n", ["x", "y"], False),
    ("x;y\n1,5;2\n3;4\n", ["x", "y"], False),
    ("x\ty\n1\t2\n3\t4\n", ["x", "y"], False),
    ("  x   y\n 1.0   2\n 3    4\n", ["x", "y"], False),
    ("# x,y\n1,2\n3,4\n", ["x", "y"], False),
    ("% made by hand\n\nx,y\n1,2\n# so far\n3,4\n", ["x", "y"], False),
    ('"x" "y"\n"1" 0.5 2\n"2" 3 4\n', ["", "x", "y"], True),
    ('"","x","y"\n"a",0.5,2\n"b",3,4\n', ["", "x", "y"], True),
    ("Unnamed: 0,x,y\n0,1,2\n1,3,4\n", ["Unnamed: 0", "x", "y"], True),
    ("index,x,y\n0,1,2\n1,3,4\n", ["index", "x", "y"], True),
    ("index,x,y\n0.5,1,2\n1,3,4\n", ["index", "x", "y"], False),
    ("a name,x,y\n1,2,2\n3,4,4\n", ["a name", "x", "y"], False),
    ('t,"x;z",y\n"a;b",2,2\nc,4,4\n', ["t", "x;z", "y"], False),
    ("year,2019,y\nDE,1,2\nFR,3,4\n", ["year", "2019", "y"], False),
    ('"W[0,1]",y\n1,2\n3,4\n', ["W[0,1]", "y"], False),
    ("W[0, 1],y\n1,2\n3,4\n", ["W[0,1]", "y"], False),
]


@pytest.mark.parametrize(("text", "names", "has_index"), LAYOUTS, ids=[each[0] for each in LAYOUTS])
def test_layouts(text: str, names: list[str], *, has_index: bool, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    assert values(tmp_path, 'rows y from "a.csv"', "y") == [2, 4]
    columns = Columns("a.csv", io.BytesIO(text.encode()), Access())
    assert (list(columns.names), columns.layout.has_index) == (names, has_index)


@pytest.mark.parametrize("text", ["x,y\n1,2,\n3,4,\n", "x,y\n.1,.2,.3\n.4,.5,.6\n", "a b\n1\n2\n"])
def test_what_is_no_index(text: str, tmp_path: Path) -> None:
    """A comma behind the last number, and a name that was forgotten, shift no column."""
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=r"line 2 has 3 fields, the header 2|no column \"y\"; it has a b"):
        read(tmp_path, 'rows y from "a.csv"\nloss = mean_rows(y)')


def test_numbers_as_other_languages_write_them() -> None:
    fortran = ("1.5D+00", "1.5d0", "-.25-100", "1.+308", " 2.5D-3 ")
    assert [float(TextLayout().spelled(text)) for text in fortran] == [1.5, 1.5, -0.25e-100, 1e308, 0.0025]
    assert [TextLayout(";").spelled(text) for text in ("1,5", "-,5e3", "1.5")] == ["1.5", "-.5e3", "1.5"]
    for text in ("1,5", "1.5-10", "1-5", "1.5D", "D5", "0x1p-3"):
        assert TextLayout().spelled(text) == text
    assert all(map(is_not_finite, ("NA", "nan", "-Inf", "-nan(ind)", "1.#QNAN", "Infinity")))


def test_lines_are_counted_with_comments(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("# one\n\n# three\nx,y\n1,2\n# six\n3,q\n")
    with pytest.raises(DataError, match="line 7, column y"):
        read(tmp_path, 'rows y from "a.csv"\nloss = mean_rows(y)')


BAD_CSV = [
    (b"", "empty", "names the columns"),
    (b"\n\n", "empty", "names the columns"),
    (b"x,y\n", "no lines of numbers", ""),
    (b"x,y\n1,2\n3\n", "line 3 has 1 field, the header 2", "every line"),
    (b"x,y\n1,2\n\n3,4\n", "line 3 has 0 fields", "every line"),
    (b"x,y\n1,2\n3,4,5\n", "line 3 has 3 fields", "every line"),
    (b"x,y\n1,2\ntwo,4\n", 'line 3, column x: "two" is not a number', ""),
    (b"x,y\n1,2\n,4\n", "line 3, column x", "fill"),
    (b'x,y\n1,2\n"2,5",4\n', "line 3, column x", "point"),
    (b"x,y\n1_0,2\n", "line 2, column x", ""),
    ("x,y\n\u0661,2\n".encode(), "line 2, column x", ""),
    (b"x,y\nnan,2\n", "line 2, column x: nan is not a finite", ""),
    (b"x,y\n-inf,2\n", "line 2, column x: -inf is not a finite", ""),
    (b"x,y\n1e999,2\n", "line 2, column x: 1e999 is not a finite", ""),
    (b"1,2\n3,4\n", "line 1 holds numbers", "names the columns"),
    (b"a,y\n1,2\n", 'no column "x"; it has a, y', "from"),
    (b"X1,y\n1,2\n", 'no column "x"; it has X1, y', ""),
    (b"x,x\n1,2\n", "2 columns named", ""),
    (b'x,y\n1,"2\n3,4\n5,6\n', "line 2: a quote opens that nothing closes", ""),
    (b"x,y\n1,\xff\n", "line 2: byte 0xff", "UTF-8"),
    (b"x,y\n1,2\0\n", "NUL", ""),
]


@pytest.mark.parametrize(("content", "word", "way_out"), BAD_CSV)
def test_bad_csv(tmp_path: Path, content: bytes, word: str, way_out: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(tmp_path, '\ndata x from "a.csv"\nloss = x')
    assert word in caught.value.message
    assert way_out in (caught.value.help or "")
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.column) == (2, 8)


def header(descr: str, shape: str, *, fortran: str = "False", extra: str = "") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, {extra}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (open, ("/tmp/gradcheck_bomb", "w"))


def saved(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


BAD_NPY = [
    (saved(np.array([Bomb()], dtype=object)), "objects"),
    (saved(np.array([1 + 2j])), "complex"),
    (saved(np.array(["a"])), "texts"),
    (saved(np.zeros(2, dtype=[("a", "f8")])), "plain array"),
    (saved(np.array([1.0, np.nan])), "entry [1] is nan"),
    (saved(np.array([[1.0, 2], [np.inf, 2]])), "entry [1,0] is inf"),
    (saved(np.array([2**53 + 1])), "not a double"),
    (saved(np.ones((1,) * 31)), "31 axes"),
    (saved(np.ones(0)), "no entries"),
    (header("'<f8'", "(10000000000,)") + b"\0" * 64, "10,000,000,000 entries"),
    (header("'<f8'", "(1000000, 1000000)"), "1,000,000,000,000 entries"),
    (header("'<f8'", "(-1,)"), "plain array"),
    (header("'<f8'", "(2 3)"), "plain array"),
    (header("'<f8'", "(2,)", extra="'shape': (2,)"), "plain array"),
    (header("'<f8'", "(2,)", extra="'x': __import__('os')"), "plain array"),
    (header("'O'", "(1,)") + pickle.dumps([Bomb()]), "objects"),
    (header("'<f16'", "(1,)") + b"\0" * 16, "long doubles"),
    (header("'<M8[s]'", "(1,)") + b"\0" * 8, "type"),
    (b"\x93NUMPY\x01\x00\xff\xff", "header"),
    (b"\x93NUMPY", "NumPy's format"),
    (saved(np.ones(3))[:-1], "promises"),
    (saved(np.ones(3)) + b"\0", "promises"),
]


@pytest.mark.parametrize(("content", "word"), BAD_NPY)
def test_bad_npy(tmp_path: Path, content: bytes, word: str) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(GradcheckError) as caught:
        read(tmp_path, 'data x from "a.npy"\nloss = 1')
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()
    assert word in caught.value.message
    assert not Path("/tmp/gradcheck_bomb").exists()


@pytest.mark.parametrize("text", [
    "{'shape': (2,), 'fortran_order': False, 'descr': '<f8'}",
    '{"descr":"<f8","fortran_order":False,"shape":(2,)}',
])  # fmt: skip
def test_headers_of_other_writers(tmp_path: Path, text: str) -> None:
    start = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()
    (tmp_path / "a.npy").write_bytes(start + np.array([1.5, -2.0]).tobytes())
    assert values(tmp_path, 'data x from "a.npy"', "x") == [1.5, -2.0]


def test_exact_conversions(tmp_path: Path) -> None:
    for array in (
        np.array([True, False]),
        np.array([1, -3], dtype=np.int8),
        np.array([2**53, -(2**53)]),
        np.array([1.5, 0.1], dtype=np.float32),
        np.array([1.5], dtype=np.float16),
        np.array([1.5, 2], dtype=">f8"),
    ):
        np.save(tmp_path / "a.npy", array)
        assert values(tmp_path, 'data x from "a.npy"', "x") == array.astype(float).tolist()


@pytest.mark.slow
def test_half_a_gigabyte_in_some_megabytes_is_refused(tmp_path: Path) -> None:
    size = 2**29
    with (
        zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("x.npy", "w", force_zip64=True) as stream,
    ):
        stream.write(header("'<f8'", f"({size // 8},)"))
        for _ in range(2**6):
            stream.write(b"\0" * 2**23)
    assert (tmp_path / "bomb.npz").stat().st_size < 3e6
    tracemalloc.start()
    with pytest.raises(DataError, match="at most 256 MiB"):
        read(tmp_path, 'data x from "bomb.npz"\nloss = 1')
    assert tracemalloc.get_traced_memory()[1] < 2e7
    tracemalloc.stop()


def test_a_zip_that_lies_about_its_sizes(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", header("'<f8'", "(2,)") + b"\0" * 10_000_000)
    content = bytearray(stream.getvalue())
    true = (10_000_000 + len(header("'<f8'", "(2,)"))).to_bytes(4, "little")
    small = (16 + len(header("'<f8'", "(2,)"))).to_bytes(4, "little")
    assert content.count(true) == 2
    (tmp_path / "a.npz").write_bytes(bytes(content).replace(true, small))
    tracemalloc.start()
    with contextlib.suppress(DataError):
        read(tmp_path, 'data x from "a.npz"\nloss = 1')
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"PK\x03\x04nonsense", "no .npz file"),
        (b"", "no .npz file"),
        (b"nonsense", "no .npz file"),
    ],
)
def test_bad_npz(tmp_path: Path, content: bytes, word: str) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=word):
        read(tmp_path, 'data x from "a.npz"\nloss = 1')


def test_missing_keys_are_listed(folder: Path) -> None:
    with pytest.raises(DataError, match="it has W0, b0, flag") as caught:
        read(folder, 'param W_0 from "w.npz"\nloss = 1')
    assert caught.value.help == "did you mean W0?"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('data x[3] from "p.csv"', "declared as [3], the file holds [2]"),
        ('rows x[3] from "p.csv"', "declared as [3]"),
        ('rows x[3] from "p.csv" columns x, y', '"x[3]" takes 3 columns, 2 are left'),
        ('data a, b from "p.csv" columns x, y, u', "left over"),
        ('data x from "m.npy" columns a', "no columns"),
        ('rows f from "w.npz" columns flag', "one number"),
        ('rows x from "p.csv"\nrows z = [1, 2, 3]', "3 rows"),
        ('data x from "p.csv"\ndata y from "sub/none.csv"', "no file sub/none.csv"),
    ],
)
def test_files_that_do_not_fit(folder: Path, text: str, word: str) -> None:
    with pytest.raises(GradcheckError) as caught:
        read(folder, text + "\nloss = 1")
    assert word in caught.value.message


MISFITS = [  # what is typed in line 2; where the caret stands; the message; the way out
    ('rows X[4], t from "rows.npz"', 6, '"X" is declared as [4], the file holds [3] in each row',
     "write rows X[3]"),
    ('rows t, X[4] from "rows.npz"', 9, "declared as [4]", "write rows X[3]"),
    ('rows M[2,1] from "rows.npz"', 6, "the file holds [1,2] in each row", "rows M[1,2], and M' in the"),
    ('rows X[2,3] from "rows.npz"', 6, "holds [3] in each row", "that of one row: write rows X[3]"),
    ('rows t[2] from "rows.npz"', 6, "a single number in each row", "that of one row: write rows t"),
    ('rows t[1] from "rows.npz"', 6, "a single number in each row", "write rows t"),
    ('rows deep[2,2] from "rows.npz"', 6, '"deep" is declared as [2,2], the file holds', "rows deep["),
    ('rows s from "rows.npz"', 8, '"s" is one number, not one for every row', ""),
    ('rows X, t3 from "rows.npz"', 9, '"t3" has 3 rows, "X" has 2', "one value per training example"),
    ('rows X[3], y from "rows.npz"', 14, 'rows.npz has no key "y"', 'from "rows.npz" columns X'),
    ('rows x[3] from "rows.npz"', 11, 'no key "x"', "did you mean X?"),
    ('rows z[3] from "rows.npz" columns X, t', 11, "1 column is left over: t", "takes one key"),
    ('rows x, y from "m.npy"', 11, "holds one array, 2 names are given", "one name for each .npy"),
    ('rows x[4] from "m.npy"', 6, "the file holds [3] in each row", "write rows x[3]"),
    ('rows x[2] from "m.npy"', 6, "the file holds [3] in", "save the transpose, which has [3,2]; or"),
    ('data M[3,2] from "m.npy"', 6, "the file holds [2,3]", "write data M[2,3], and M' in the steps"),
    ('rows z[3], t from "p.csv" columns x, y, u', 12, '"t" takes 1 column, none is left', "scalar"),
    ('rows z[2,2] from "p.csv" columns x, y, u', 6, '"z[2,2]" takes 4 columns, 3 are left', "three"),
    ('rows z[2] from "p.csv" columns x, y, u', 11, "1 column is left over: u", "rows x[3]"),
    ('rows z[2] from "p.csv" columns x, why', 11, 'p.csv has no column "why"; it has x, y', ""),
    ('rows y[2] from "p.csv"', 6, "a single number in each row", "several columns fill it"),
    ('data y[3] from "p.csv"', 6, "the file holds [2]", "write data y[2]"),
    ("rows x from p.csv", 13, "stands in double quotes", 'write from "p.csv"'),
    ("rows x from 'p.csv'", 13, "single quotes do not enclose", 'write from "p.csv"'),
    ("rows x from", 12, "something is missing", 'write from "FILE"'),
    ('rows z[2] from "p.csv" column x, y', 24, '"column" does not fit here', "did you mean columns?"),
    ('rows z[2] from "p.csv" using x, y', 24, '"using" does not fit here', "columns follow the file"),
    ('rows z[2] from "p.csv" columns x y', 34, "columns are separated by commas", "write x, y"),
    ('rows z[2] from "p.csv" columns', 31, "something is missing", "columns u, v"),
    ('rows x from "p.csv", t = 1', 20, "a file ends its statement", "go on with ;"),
]


@pytest.mark.parametrize(("text", "column", "message", "way_out"), MISFITS, ids=[m[0] for m in MISFITS])
def test_what_does_not_fit_is_shown_with_the_way_out(
    folder: Path, text: str, column: int, message: str, way_out: str
) -> None:
    with pytest.raises(GradcheckError) as caught:
        read(folder, f"\n{text}\nloss = 1")
    assert message in caught.value.message
    assert way_out in (caught.value.help or "")
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.column) == (2, column)


def test_the_limit_of_data_holds_for_all_files_together(folder: Path) -> None:
    np.save(folder / "big.npy", np.ones(1000))
    text = 'data a from "big.npy"\ndata b from "big.npy"\nloss = 1'
    read(folder, text, limits=LanguageLimits(max_data=20_000))
    with pytest.raises(GradcheckError, match=r"max_data|at most"):
        read(folder, text, limits=LanguageLimits(max_data=12_000))
    with pytest.raises(DataError, match="at most"):
        read(folder, text, limits=LanguageLimits(max_data=5_000))


# --- claims as numbers from files ----------------------------------------------------------------


def test_claims_from_files(folder: Path) -> None:
    np.save(folder / "g.npy", np.array([[1.0, 2, 3], [4, 5, 6]]))
    np.savez(folder / "g.npz", **{"W": np.ones((2, 3)), "d loss/d b": np.zeros(2)})
    (folder / "g.csv").write_text("a,b,c\n1,2,3\n4,5,6\n")
    (folder / "b.csv").write_text("b\n1\n2\n")
    (folder / "w.csv").write_text("w\n7\n")
    text = """
        rows x = [1, 2]
        param W[2,3] = 1, b[2] = 0, w = 1
        f = w*x
        loss = sum(W) + sum(b) + sum_rows(f)
        claim d loss/d W from "g.npy"
        claim d loss/d W from "g.npz"
        claim d loss/d b from "g.npz"
        claim d loss/d W from "g.csv"
        claim d loss/d b from "b.csv"
        claim d loss/d w from "w.csv"
        claim d loss/d f from "b.csv"
        claim d loss/d b from "g.csv" columns c
        claim d loss/d W from "b.csv"
    """
    *fitting, last = read(folder, text).claims
    numbers = [c.numbers.tolist() for c in fitting if c.numbers is not None]
    matrix = [[1, 2, 3], [4, 5, 6]]
    assert numbers == [matrix, [[1.0] * 3] * 2, [0, 0], matrix, [1, 2], 7, [1, 2], [3, 6]]
    assert {c.kind for c in fitting} == {"number"}
    assert [None if c.half_units is None else c.half_units.any() for c in fitting] == [None] * 3 + [False] * 5
    assert all(isinstance(c.formulas["numerator"], Graph) for c in fitting)
    misfit = last.formulas["numerator"]
    assert isinstance(misfit, Misfit)
    assert "[2,3]" in misfit.message
    assert last.text == 'from "b.csv"'


def test_a_column_that_is_a_vector_of_one_number_is_noted(tmp_path: Path) -> None:
    np.save(tmp_path / "y.npy", np.arange(6.0).reshape(-1, 1))
    file = tmp_path / "m.txt"
    note = "line 1: y is a vector [1], as in the file; its number is y[0]"
    for name, notes in (("y", (note,)), ("y[1]", ())):
        file.write_text(f'rows {name} from "y.npy"\nparam w = 1\nl = (w - y[0])^2\nloss = mean_rows(l)\n')
        assert api.load(file).notes == notes


FIELDS = ("1", "-2.5", "+.5", "3.", "1e5", "1E-07", " 4 ", "12345678901234567890", "0.1", "1e-320", "-0.0")
STRANGE = ("1_0", "0x10", "1d", "1-5", "1f", "--1", "1e", "\u0661", "", "1 2", "(1)", "1e5.5", "\u22121")


def test_numpy_reads_what_float_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Columns are read at once where that goes; what Python's float makes of each field is the truth."""
    monkeypatch.delattr("gradcheck_cli.language.data.csv_columns.Columns.by_field")
    exact = np.random.default_rng(0).standard_normal(500) * 10.0 ** np.arange(-250, 250)
    fields = [*FIELDS, *(repr(x) for x in exact.tolist()), *(f"{x:.25e}" for x in exact.tolist())]
    lines = "".join(f'{field},"{field}"\n' for field in fields)
    (tmp_path / "a.csv").write_text(f"x,y\n{lines}\n\n")
    found = read(tmp_path, 'rows x, y from "a.csv"\nloss = sum_rows(x*y)')
    true = np.array([float(field) for field in fields])
    for name in "xy":
        assert np.array_equal(found.inputs[name].values, true)


@pytest.mark.parametrize("field", STRANGE)
def test_numpy_reads_no_more_than_numbers(tmp_path: Path, field: str) -> None:
    (tmp_path / "a.csv").write_text(f"x,y\n1,2\n{field},4\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 3, column x"):
        read(tmp_path, 'rows x from "a.csv"\nloss = sum_rows(x)')
