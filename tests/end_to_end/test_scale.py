"""More rows than memory holds: files are mapped or read in pieces, and everything is done block by block."""

from __future__ import annotations

import gc
import hashlib
import io
import os
import pickle
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from build import exchanged
from gradcheck_cli import api, language
from gradcheck_cli.checking import check
from gradcheck_cli.cli.main import main
from gradcheck_cli.common.errors import DataError, ShapeError
from gradcheck_cli.derivatives import symbolic
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.language.data.csv_columns import Columns
from gradcheck_cli.language.data.file_access import Access
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.numerics import chunked_arrays
from gradcheck_cli.numerics.limits.claims import ClaimsLimits
from gradcheck_cli.numerics.limits.evaluation import EvaluationLimits
from gradcheck_cli.numerics.limits.language import LanguageLimits
from gradcheck_cli.numerics.limits.numerics import NumericsLimits
from gradcheck_cli.numerics.limits.reference import ReferenceLimits
from gradcheck_cli.numerics.limits.table import LIMITS
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.reference.row_blocks import rounding_of_loss
from gradcheck_cli.results.gradient_results import Report, Verdict

ROWS = 2_000
TOY = """
rows x from "x.npy"
rows y from "y.npy"
param b0 = 1.0, w0 = 0.3, b1 = -0.5, w1 = 0.7
f0 = b0 + w0*x
h1 = sin(f0)
f1 = b1 + w1*h1
l = (f1 - y)^2
loss = mean_rows(l)
"""
CLAIMS = """
claim d loss/d f1 = 2*(f1 - y)/2000
claim d l/d w1 = 2*h1*f1 - 2*y*h1
claim d loss/d b1 = mean_rows(2*(f1 - y))
claim d loss/d w0 = sum_rows(x*cos(f0)*w1*d loss/d f1)
claim d loss/d b0 = sum_rows(d loss/d f0) + 0*mean_rows(x - mean_rows(x))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw = np.random.default_rng(7)
    for name in "xy":
        np.save(tmp_path / f"{name}.npy", draw.normal(size=ROWS))
    return tmp_path


FEW = ReferenceLimits(share=600)  # 20,000 operations
BLOCKS = EvaluationLimits(block_rows=300, cached_entries=0, kept_entries=0)
CHECK = check.check


def limit(monkeypatch: pytest.MonkeyPatch, reference: ReferenceLimits, **others: Any) -> None:
    """Let the whole pipeline run with other limits."""
    limits = LIMITS._replace(reference=reference, **others)
    monkeypatch.setattr(check, "check", partial(CHECK, limits=limits))


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the rows were a hundred million."""
    small = NumericsLimits(in_memory=1000, piece=512)
    claims = ClaimsLimits(most_at_once=100)
    limit(
        monkeypatch, FEW._replace(most_jittered=1000), evaluation=BLOCKS, claims=claims, numerics=small
    )
    monkeypatch.setattr(language, "read_model", partial(language.read_model, numerics=small))


def run(folder: Path, text: str, **options: Any) -> Report:
    return api.check(api.load_text(text, file="model.txt", folder=folder), **options)


def same(a: Report, b: Report, digits: float = 1e-12) -> bool:
    """Verdicts, and numbers but for rounding."""
    numbers = [
        [v for p in r.parameters for e in p.entries for v in (e.symbolic, e.backprop, e.value)]
        + [v for c in r.claims for v in (c.claimed, c.true)]
        for r in (a, b)
    ]
    verdicts = [[x.verdict for x in (*r.parameters, *r.claims)] for r in (a, b)]
    return verdicts[0] == verdicts[1] and bool(np.allclose(numbers[0], numbers[1], rtol=digits, atol=0))  # type: ignore[arg-type]


# --- .npy files are mapped -----------------------------------------------------------------------


def test_mapped_rows_give_the_report_of_rows_that_were_read(folder: Path, narrow: None) -> None:
    np.savez(folder / "xy.npz", x=np.load(folder / "x.npy"), y=np.load(folder / "y.npy"))
    read = TOY.replace('rows x from "x.npy"\nrows y from "y.npy"', 'rows x, y from "xy.npz"')
    assert read != TOY
    mapped, given = run(folder, TOY + CLAIMS), run(folder, "\n" + read + CLAIMS)
    assert mapped.verdict is Verdict.OK
    assert mapped.parameters == given.parameters
    assert [c.true for c in mapped.claims] == [c.true for c in given.claims]


@pytest.mark.slow
def test_the_file_is_not_changed_and_let_go(folder: Path) -> None:
    before = hashlib.sha256((folder / "x.npy").read_bytes()).digest()
    model = api.load_text(TOY, file="model.txt", folder=folder)
    values = model.inputs["x"].values
    assert not values.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 1
    assert api.check(model).verdict is Verdict.OK
    assert hashlib.sha256((folder / "x.npy").read_bytes()).digest() == before
    maps = Path("/proc/self/maps")
    assert not maps.exists() or str(folder / "x.npy") in maps.read_text()
    del model, values
    gc.collect()
    os.rename(folder / "x.npy", folder / "z.npy")  # Windows refuses while it is mapped
    assert not maps.exists() or str(folder) not in maps.read_text()


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i8", "?", "<f2", "F"])
def test_other_arrays_are_converted_in_pieces(tmp_path: Path, narrow: None, dtype: str) -> None:
    whole = np.random.default_rng(0).normal(size=(10_000, 3)) * 8
    array = np.asfortranarray(whole) if dtype == "F" else whole.astype(dtype)
    np.save(tmp_path / "a.npy", array)
    model = api.load_text('rows a[3] from "a.npy"\nloss = sum_rows(sum(a))', file="m", folder=tmp_path)
    assert np.array_equal(model.inputs["a"].values, array.astype(float))
    assert not model.inputs["a"].values.flags.writeable


def test_converted_arrays_lie_in_a_temporary_file_that_is_gone(tmp_path: Path, narrow: None) -> None:
    np.save(tmp_path / "a.npy", np.ones(10_000, dtype=np.float32))
    before = set(Path(os.environ.get("TMPDIR", "/tmp")).glob("gradcheck.*"))
    model = api.load_text('rows a from "a.npy"\nloss = sum_rows(a)', file="m", folder=tmp_path)
    assert forward_pass(model).loss == 10_000
    assert set(Path(os.environ.get("TMPDIR", "/tmp")).glob("gradcheck.*")) <= before


@pytest.mark.parametrize(("bad", "spelled"), [(np.nan, "nan"), (np.inf, "inf")])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_bad_number_in_the_last_piece_is_found(
    tmp_path: Path, narrow: None, bad: float, spelled: str, dtype: Any
) -> None:
    array = np.ones((9_000, 2), dtype=dtype)
    array[8_998, 1] = bad
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError) as caught:
        api.load_text('rows a[2] from "a.npy"\nloss = sum_rows(sum(a))', file="m", folder=tmp_path)
    assert caught.value.message == f"a.npy: entry [8998,1] is {spelled}, not a finite number"
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.column) == (1, 11)


def test_an_integer_in_the_last_piece_that_is_no_double_is_found(tmp_path: Path, narrow: None) -> None:
    array = np.full(9_000, 2**53)
    array[8_999] += 1
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match="9007199254740993 is not a double"):
        api.load_text('rows a from "a.npy"\nloss = sum_rows(a)', file="m", folder=tmp_path)


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (self.path, "w"))


def test_objects_are_refused_and_nothing_is_executed(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([Bomb(tmp_path / "went_off")], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="holds objects"):
        api.load_text('rows a from "a.npy"\nloss = sum_rows(a)', file="m", folder=tmp_path)
    assert not (tmp_path / "went_off").exists()
    with warnings.catch_warnings(), (tmp_path / "a.npy").open("rb") as file:
        warnings.simplefilter("ignore")
        file.seek(128)
        pickle.load(file)  # the wrong twin: who unpickles it is hit
    assert (tmp_path / "went_off").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said", "way_out"),
    [
        (lambda b: b[:-5], ": its header promises 2,000 entries of 8 bytes, but 15,995", "it was cut short"),
        (lambda b: b + b"more", ": its header promises 2,000 entries of 8 bytes, but 16,004", "added to it"),
        (lambda b: b[:60], " ends within its header", "it was cut short"),
    ],
    ids=["cut", "longer", "header"],
)
def test_a_file_of_the_wrong_length_is_one_error(
    folder: Path, change: Callable[[bytes], bytes], said: str, way_out: str,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (folder / "m.txt").write_text(TOY)
    (folder / "y.npy").write_bytes(change((folder / "y.npy").read_bytes()))
    monkeypatch.chdir(folder)
    assert main(["run", "m.txt"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"m.txt:3:8: error: y.npy{said}" in err
    assert way_out in err
    assert "Traceback" not in err
    assert err.count("error:") == 1


def test_what_is_mapped_does_not_count_and_what_is_read_does(folder: Path) -> None:
    size = 8 * ROWS
    np.save(folder / "f.npy", np.ones(ROWS, dtype=np.float32))
    text = 'rows x from "x.npy"\nrows y from "y.npy"\nloss = sum_rows(x*y)'
    assert api.load_text(text, file="m", folder=folder, max_data=1000).rows == ROWS
    for other in ('rows x from "f.npy"\nloss = sum_rows(x)', 'data x from "x.npy"\nloss = sum(x)'):
        api.load_text(other, file="m", folder=folder, max_data=size + 200)
        with pytest.raises(DataError, match="at most") as caught:
            api.load_text(other, file="m", folder=folder, max_data=size - 8)
        assert "--max-data" in (caught.value.help or "")
    twice = 'rows x from "f.npy"\nrows y from "f.npy"\nloss = sum_rows(x*y)'
    with pytest.raises(ShapeError, match="at most"):
        api.load_text(twice, file="m", folder=folder, max_data=size + 200)


# --- CSV is read in pieces -----------------------------------------------------------------------


def long_csv(folder: Path, lines: int = 30_000) -> list[str]:
    text = ["x,y", *(f"{k}.5,{k % 7}" for k in range(lines))]
    (folder / "p.csv").write_text("\n".join(text) + "\n")
    return text


def test_a_csv_of_many_pieces(tmp_path: Path, narrow: None) -> None:
    long_csv(tmp_path)
    model = api.load_text('rows x, y from "p.csv"\nloss = sum_rows(x*y)', file="m", folder=tmp_path)
    assert np.array_equal(model.inputs["x"].values, np.arange(30_000) + 0.5)
    assert np.array_equal(model.inputs["y"].values, np.arange(30_000) % 7)


LATE = [
    ("29999.5", "line 25001 has 1 field, the header 2", None),
    ("a,1", 'line 25001, column x: "a" is not a number', None),
    ("1,", 'line 25001, column y: "" is not a number', "fill"),
    ('"2,5",4', 'line 25001, column x: "2,5" is not a number', "point"),
    ("1,inf", "line 25001, column y: inf is not a finite number", None),
    ('1,"2', "line 25001: a quote opens that nothing closes", None),
]


@pytest.mark.slow
@pytest.mark.parametrize(("bad", "message", "way_out"), LATE, ids=[late[0] for late in LATE])
def test_a_late_mistake_has_its_line_and_column(
    tmp_path: Path, bad: str, message: str, way_out: str | None
) -> None:
    text = long_csv(tmp_path)
    for content in ([*text[:25_000], bad, *text[25_001:]], ["x,y", *text[1:25_000], bad]):
        (tmp_path / "p.csv").write_text("\n".join(content) + "\n")
        with pytest.raises(DataError) as caught:
            api.load_text('\nrows x, y from "p.csv"\nloss = sum_rows(x*y)', file="m", folder=tmp_path)
        assert message in caught.value.message
        assert way_out is None or way_out in (caught.value.help or "")
        assert caught.value.place is not None
        assert (caught.value.place.line, caught.value.place.column) == (2, 11)


def csv_of(content: bytes, limits: LanguageLimits) -> Columns:
    return Columns("p.csv", io.BytesIO(content), Access(limits=limits))


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_bytes_and_line_ends_across_the_border_of_a_piece(cut: int) -> None:
    limits = LanguageLimits(piece_bytes=5 + cut)
    for end in ("\n", "\r\n", "\r"):
        lines = ["n\u00e4me,y", "1,2", '"3",4', "5,6", "", ""]
        for encoding in ("utf-8", "utf-8-sig", "utf-16"):
            columns = csv_of(end.join(lines).encode(encoding), limits)
            assert columns.names == ("n\u00e4me", "y")
            assert columns.take("y").tolist() == [2, 4, 6]
    with pytest.raises(DataError, match="line 4: byte 0xff is not UTF-8"):
        csv_of(b"x,y\n1,2\n3,\xc3\xa4\n5,\xff\n", limits).take("y")
    with pytest.raises(DataError, match="line 4: a NUL"):
        csv_of(b"x,y\n1,2\n3,4\n5,\0\n", limits).take("y")


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(DataError, match="line 3 has more than 1,000 characters"):
        csv_of(b"x\n1\n" + b"1" * (1 << 18), LanguageLimits(longest_line=1000))


# --- everything block by block -------------------------------------------------------------------


def test_claims_over_blocks_are_judged_as_over_all_rows(
    folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    limit(monkeypatch, FEW)
    whole = run(folder, TOY + CLAIMS, points=2)
    request.getfixturevalue("narrow")
    blocks = run(folder, TOY + CLAIMS, points=2)
    assert [c.verdict for c in blocks.claims] == [Verdict.OK] * 5
    assert [c.total for c in blocks.claims] == [c.total for c in whole.claims] == [ROWS, ROWS, 1, 1, 1]
    assert blocks.verdict is whole.verdict is Verdict.OK
    for a, b in zip(whole.claims[2:], blocks.claims[2:], strict=True):
        assert a.claimed == pytest.approx(b.claimed, rel=1e-13)
        assert a.true == pytest.approx(b.true, rel=1e-13)


WRONG = [
    ("claim d loss/d b1 = mean_rows(f1 - y)", "is 1/2 times the true value"),
    ("claim d loss/d b1 = sum_rows(2*(f1 - y))", "is 2,000 (the number of rows) times the true value"),
    ("claim d loss/d b1 = mean_rows(2*(y - f1))", "has the wrong sign"),
    ("claim d l/d w1 = 2*(f1 - y)", "misses the factor h1"),
    ("claim d loss/d w0 = sum_rows(x*w1*d loss/d f1)", "misses the factor cos(f0)"),
]


@pytest.mark.slow
def test_a_wrong_claim_over_blocks_is_wrong_and_explained(folder: Path, narrow: None) -> None:
    report = run(folder, TOY + CLAIMS.rstrip("\n") + "\n" + "\n".join(claim for claim, _ in WRONG))
    assert [c.verdict for c in report.claims] == [Verdict.OK] * 5 + [Verdict.WRONG] * len(WRONG)
    for wrong, (_, diagnosis) in zip(report.claims[5:], WRONG, strict=True):
        assert diagnosis in str(wrong.diagnosis)


def test_one_wrong_row_among_many_is_found_with_its_number(folder: Path, narrow: None) -> None:
    x = np.array(np.load(folder / "x.npy"))
    x[1_313] = 9.0
    np.save(folder / "x.npy", x)
    report = run(folder, TOY + "claim d l/d b1 = 2*(f1 - y) + 1e-3*(x > 8)")
    (claim,) = report.claims
    assert (claim.verdict, claim.row, claim.wrong, claim.total) == (Verdict.WRONG, 1_313, 1, ROWS)
    assert run(folder, TOY + "claim d l/d b1 = 2*(f1 - y) + 1e-3*(x > 10)").verdict is Verdict.OK


def test_a_claim_right_for_these_rows_only_is_noted(folder: Path, narrow: None) -> None:
    np.save(folder / "x.npy", np.ones(ROWS))
    report = run(folder, TOY + "claim d loss/d w0 = sum_rows(cos(f0)*w1*d loss/d f1)")
    assert report.claims[0].note == "right only for this x"
    right = run(folder, TOY + "claim d loss/d w0 = sum_rows(x*cos(f0)*w1*d loss/d f1)")
    assert right.claims[0].note is None


@pytest.mark.slow
def test_cancellation_is_no_mistake(folder: Path, narrow: None) -> None:
    """At the best b1 the sum is 1e-16 of its terms; what is 1e-8 of them is a mistake."""
    x, y = np.load(folder / "x.npy"), np.load(folder / "y.npy")
    best = float(np.mean(y - 0.7 * np.sin(1 + 0.3 * x)))
    text = TOY.replace("b1 = -0.5", f"b1 = {best!r}")
    claim = "claim d loss/d b1 = mean_rows(2*f1) - mean_rows(2*y)"
    right, wrong = run(folder, f"{text}{claim}\n{claim} + 1e-8", points=1).claims
    assert (right.verdict, wrong.verdict) == (Verdict.OK, Verdict.WRONG)


def test_near_zeros_of_a_step_are_no_defect(folder: Path, narrow: None) -> None:
    """f1 - y falls to 1e-9 of its terms in a row: SymPy adds them in another order."""
    x, y = np.load(folder / "x.npy"), np.array(np.load(folder / "y.npy"))
    f1 = -0.5 + 0.7 * np.sin(1 + 0.3 * x)
    y[1_700:1_710] = f1[1_700:1_710] * (1 + 1e-13)
    np.save(folder / "y.npy", y)
    assert run(folder, TOY.replace("(f1 - y)^2", "(b1 + w1*h1 - y)^2")).verdict is Verdict.OK


def test_a_wrong_value_in_a_late_block_is_found(
    folder: Path, narrow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of a primitive that shows in one row of 2,000 only."""
    x = np.array(np.load(folder / "x.npy"))
    x[1_750] = 30.0
    np.save(folder / "x.npy", x)
    assert run(folder, TOY).verdict is Verdict.OK
    plain = PRIMITIVES["sin"].forward
    exchanged(monkeypatch, "sin", forward=lambda m, x: m.where(x > 9, plain(m, x) * (1 + 1e-6), plain(m, x)))
    report = run(folder, TOY)
    assert report.verdict is Verdict.WRONG
    assert "the value of h1 (line 6) differs" in report.value_note
    assert "(from row 1,750)" in report.value_note


@pytest.mark.parametrize("rows", [37, 500, 1_999])
def test_the_block_size_changes_no_digit(
    folder: Path, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, FEW)
    usual = run(folder, TOY, points=1)
    limit(monkeypatch, FEW, evaluation=EvaluationLimits(block_rows=rows, cached_entries=0))
    assert same(usual, run(folder, TOY, points=1), 1e-14)
    assert not same(usual, run(folder, TOY.replace("b0 = 1.0", "b0 = 1.0000000001"), points=1), 1e-14)


def test_kinks_are_seen_block_by_block(folder: Path, narrow: None) -> None:
    x = np.abs(np.load(folder / "x.npy")) + 0.1
    np.save(folder / "x.npy", x)
    text = 'rows x from "x.npy"\nparam w = 0.5\nh = relu(w*x - 0.05)\nloss = mean_rows(h)'
    right = run(folder, text.replace("0.05", "0.01"))
    assert right.verdict is Verdict.OK
    x[1_999] = 0.5
    np.save(folder / "x.npy", x)
    kinked = run(folder, text.replace("0.05", "0.25"))
    assert kinked.parameters[0].verdict is not Verdict.WRONG
    model = api.load_text(text.replace("0.05", "0.25"), file="m", folder=folder)
    assert [n.operation for n in forward_pass(model, limits=BLOCKS).borders_hit()] == ["relu"]


LIMITED = """
    import resource, sys
    from gradcheck_cli import api, language
from gradcheck_cli.checking import check
    from gradcheck_cli.results.gradient_results import Verdict
    import numpy, sympy, lark, mpmath
    if {limited}:
        used = int(open("/proc/self/statm").read().split()[5]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (used + {extra}, used + {extra}))
    report = api.check(api.load("m.txt"), points=1)
    assert report.verdict is Verdict.OK, report
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory in use from /proc")
@pytest.mark.skipif(not os.environ.get("GRADCHECK_SCALE"), reason="takes minutes; GRADCHECK_SCALE=1 runs it")
def test_columns_that_do_not_fit_into_memory(tmp_path: Path) -> None:
    """Two columns of 160 MB, and extra for 200 MB in all: they would not fit, and every row is checked."""
    rows = 20_000_000
    for name in "xy":
        array = np.lib.format.open_memmap(tmp_path / f"{name}.npy", "w+", np.float64, (rows,))
        for piece in chunked_arrays.pieces((rows,)):
            array[piece] = np.sin(np.arange(piece.start, piece.stop))
    text = 'rows x from "x.npy"\nrows y from "y.npy"\nparam w = 0.3\nl = (w*x - y)^2\nloss = mean_rows(l)\n'
    (tmp_path / "m.txt").write_text(text + "claim d loss/d w = mean_rows(2*x*(w*x - y))\n")
    code = textwrap.dedent(LIMITED).format(limited=True, extra=200 << 20)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    hoarding = "import numpy\na = [numpy.array(numpy.load(f, mmap_mode='r')) for f in ('x.npy', 'y.npy')]\n"
    twin = code.split("report =")[0] + hoarding
    assert subprocess.run([sys.executable, "-c", twin], cwd=tmp_path, check=False).returncode != 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("terminal", "arguments", "shown"), [(True, [], True), (False, ["-q"], False)]
)
def test_a_bar_on_a_terminal_only(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    terminal: bool, arguments: list[str], shown: bool,
) -> None:  # fmt: skip
    (folder / "m.txt").write_text(TOY)
    monkeypatch.chdir(folder)
    limit(monkeypatch, FEW)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert main(["run", "m.txt", "--points", "1", *arguments]) == 0
    out, err = capsys.readouterr()
    assert ("taking the rows" in err) is False  # a short run needs none
    for name in "xy":
        given = np.load(folder / f"{name}.npy")
        np.save(folder / f"{name}.npy", np.tile(given, LIMITS.checking.long_run // ROWS // 8))
    assert main(["run", "m.txt", "--points", "1", *arguments]) == 0
    again, err = capsys.readouterr()
    assert ("rows" in out) is ("rows" in again)
    assert ("taking the rows" in err) is shown
    assert ("100%" in err) is shown


def test_progress_grows_to_one_and_is_silent_by_default(folder: Path, narrow: None) -> None:
    model = api.load_text(TOY + CLAIMS, file="m", folder=folder)
    told: list[float] = []
    report = api.check(model, points=2, progress=told.append)
    assert told == sorted(set(told))
    assert told[-1] == 1.0
    assert len(told) > 20
    assert report == api.check(model, points=2)


def test_a_value_that_is_not_finite_in_a_late_block_is_named(folder: Path, narrow: None) -> None:
    x = np.array(np.load(folder / "x.npy"))
    x[1_234] = -2.0
    np.save(folder / "x.npy", np.where(x < -1.9, x, np.abs(x) + 1))
    text = 'rows x from "x.npy"\nparam w = 2\nf = log(w*x)\nloss = mean_rows(f)'
    first = int(np.flatnonzero(np.load(folder / "x.npy") < 0)[0])
    report = run(folder, text)
    assert report.verdict is Verdict.UNRESOLVED
    assert f"in row {first} " in report.value_note


def test_rounding_of_the_loss_is_measured_in_blocks(folder: Path) -> None:
    def measured(text: str) -> tuple[float, float]:
        model = api.load_text(text, file="m", folder=folder)
        tape = forward_pass(model, limits=EvaluationLimits(block_rows=300))
        whole = Referee(symbolic.lower(model)).value_rounding(model.point(), ["loss"])["loss"]
        return float(rounding_of_loss(tape) / tape.loss), float(whole / tape.loss)

    blocks, whole = measured(TOY)
    assert whole / 30 < blocks < 4 * whole  # sums one by one round more than compensated ones
    cancelling, _ = measured(TOY.replace("(f1 - y)^2", "(1e6 + (f1 - y)^2) - 1e6"))
    assert cancelling > 1e3 * blocks
