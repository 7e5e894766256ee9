"""Gradients of float32 programs, as text or in float64 files: right ones, and wrong twins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from claimed import judged_alone
from gradcheck_cli import ClaimResult, Restriction, Verdict, api
from gradcheck_cli.common.errors import LanguageError

MODEL = """data A[5,4] ~ normal(0, 1)
param W[4,3] ~ normal(0, 1)
param b[3] = [0.3, -0.7, 1.1]
loss = sum(tanh(A @ W)^2) + dot(b, b^3)
"""
NOTE = "judged as float32: each entry is the shortest text of one"
WRONG, OK = Verdict.WRONG, Verdict.OK


def gradient(name: str) -> Any:
    model = api.load_text(MODEL, file="m", folder=Path())
    (block,) = (block for block in api.check(model, points=2).parameters if block.name == name)
    found = np.zeros(block.shape)
    for entry in block.entries:
        found[entry.index] = entry.symbolic
    return found


@pytest.fixture(scope="module")
def weights() -> Any:
    return gradient("W")


def judge(folder: Path, claim: str, model: str = MODEL, **options: Any) -> list[ClaimResult]:
    return judged_alone(api.load_text(model + claim, file="m", folder=folder), **options)


def spell(values: Any, dtype: Any = np.float32) -> Any:
    whole = np.asarray(values, dtype=dtype)
    return np.array([str(value) for value in whole.flat], dtype=object).reshape(whole.shape)


def write_csv(folder: Path, texts: Any, name: str = "g.csv") -> None:
    lines = [",".join(f"c{k}" for k in range(texts.shape[1])), *map(",".join, texts)]
    (folder / name).write_text("\n".join(lines) + "\n")


def typed(texts: Any) -> str:
    return "[" + ", ".join(typed(part) if isinstance(part, np.ndarray) else part for part in texts) + "]"


def with_one_off(values: Any, by: float) -> Any:
    """The largest entry is wrong: in small ones terms may cancel, and float32 has fewer digits."""
    changed = np.array(values)
    changed.flat[np.argmax(np.abs(changed))] *= 1 + by
    return changed


@pytest.mark.parametrize(("off", "verdict"), [(0, OK), (1e-5, WRONG), (-1e-5, WRONG), (1e-3, WRONG)])
def test_a_table_and_a_typed_matrix(tmp_path: Path, weights: Any, off: float, verdict: Verdict) -> None:
    texts = spell(with_one_off(weights, off))
    write_csv(tmp_path, texts)
    for claim in ('claim d loss/d W from "g.csv"', f"claim d loss/d W = {typed(texts)}"):
        (found,) = judge(tmp_path, claim)
        assert found.verdict is verdict
        assert NOTE in str(found.note)
        assert found.only == ((Restriction.FORMAT,) if verdict is OK else ())
        assert found.wrong == (verdict is WRONG)
        (found,) = judge(tmp_path, claim, strict=True)
        assert found.verdict is WRONG
    (found,) = judge(tmp_path, 'claim d loss/d W from "g.csv" as float32', strict=True)
    assert (found.verdict, found.only) == (verdict, ())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float32_values_in_a_file_of_doubles(tmp_path: Path, weights: Any, dtype: Any) -> None:
    narrow = weights.astype(np.float32).astype(dtype)
    np.savez(tmp_path / "g.npz", W=narrow)
    (found,) = judge(tmp_path, 'claim d loss/d W from "g.npz"')
    assert found.verdict is OK
    guess = dtype is np.float64
    assert found.only == ((Restriction.FORMAT,) if guess else ())
    (found,) = judge(tmp_path, 'claim d loss/d W from "g.npz"', strict=True)
    assert found.verdict is (WRONG if guess else OK)
    np.savez(tmp_path / "g.npz", W=with_one_off(narrow, 1e-5).astype(np.float32).astype(dtype))
    (found,) = judge(tmp_path, 'claim d loss/d W from "g.npz"')
    assert (found.verdict, found.wrong) == (WRONG, 1)


@pytest.mark.parametrize("off", [1e-8, 1e-5])
def test_doubles_that_are_off_stay_wrong(tmp_path: Path, weights: Any, off: float) -> None:
    np.savez(tmp_path / "g.npz", W=weights * (1 + off))
    write_csv(tmp_path, spell(weights * (1 + off), np.float64))
    for name in ("g.npz", "g.csv"):
        (found,) = judge(tmp_path, f'claim d loss/d W from "{name}"')
        assert (found.verdict, found.only) == (WRONG, ())
        (found,) = judge(tmp_path, f'claim d loss/d W from "{name}" as float32')
        assert found.verdict is (OK if off == 1e-8 else WRONG)


def test_as_float32_it_would_be_right_is_said_where_it_is(tmp_path: Path, weights: Any) -> None:
    for off, is_said in ((1e-8, True), (1e-5, False)):
        np.savez(tmp_path / "g.npz", W=with_one_off(weights, off))
        (found,) = judge(tmp_path, 'claim d loss/d W from "g.npz"')
        assert found.verdict is WRONG
        assert ("as float32 it would be right" in str(found.note)) is is_said
    tiny = "param w[2] = [1, 2]\nloss = 1e-60*sum(w)\n"  # beyond the range of float32
    np.savez(tmp_path / "g.npz", w=np.array([1e-60, 1e-60 * (1 + 1e-8)]))
    (found,) = judge(tmp_path, 'claim d loss/d w from "g.npz"', tiny)
    assert found.verdict is WRONG
    assert "float32" not in str(found.note)


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("claim d loss/d w = 4.2000003", WRONG),  # a single number
        ("claim d loss/d w = 4.2", OK),
        ("claim d loss/d v = [4.200001, 2.400001]", WRONG),  # 7 digits
        ("claim d loss/d v = [4.2, 2.4]", OK),
    ],
)
def test_single_numbers_and_short_ones_mean_their_digits(
    tmp_path: Path, claim: str, verdict: Verdict
) -> None:
    model = "param w = 0.3\nparam v[2] = [0.3, 0.6]\nloss = 7*w^2 + 7*v[0]^2 + 2*v[1]^2\n"
    (found,) = judge(tmp_path, claim, model)
    assert (found.verdict, found.only) == (verdict, ())
    assert "judged as float32" not in str(found.note)


def test_numbers_that_are_right_as_written_need_no_guess(tmp_path: Path) -> None:
    model = "param w[4] = [1.2345679, 3.1415927, 0.57721565, 2.7182817]\nloss = sum(w^2)/2\n"
    claim = "claim d loss/d w = [1.2345679, 3.1415927, 0.57721565, 2.7182817]"
    (found,) = judge(tmp_path, claim, model, strict=True)
    assert (found.verdict, found.only) == (OK, ())


@pytest.mark.parametrize("first", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (10, 20))])
def test_random_gradients_as_a_float32_program_prints_them(tmp_path: Path, first: int) -> None:
    """Two claims each in one file: right, and one entry wrong."""
    random, size = np.random.default_rng(first), 16
    lines, expected = [], []
    for k in range(first, first + 10):
        a, w = random.normal(size=size).round(3), random.normal(size=size).round(3)
        true = a * np.cos(a * w) + 3 * w**2
        wrong = with_one_off(true, random.choice([-1e-5, 1e-5, 1e-4]))
        lines.append(f"data a{k}[{size}] = {typed(spell(a, float))}")
        lines.append(f"param w{k}[{size}] = {typed(spell(w, float))}")
        lines.append(f"s{k} = sum(sin(a{k}*w{k}) + w{k}^3)")
        for values, verdict in ((true, OK), (wrong, WRONG)):
            shown = [repr(x).removeprefix("np.float32(").rstrip(")") for x in values.astype(np.float32)]
            lines.append(f"claim d s{k}/d w{k} = {typed(shown)}")
            expected.append(verdict)
    lines.append("loss = " + " + ".join(f"s{k}" for k in range(first, first + 10)))
    found = judge(tmp_path, "", "\n".join(lines), points=1)
    assert [claim.verdict for claim in found] == expected


@pytest.mark.parametrize(("name", "bits"), [("float16", 11), ("bfloat16", 8), ("float32", 24)])
def test_a_format_that_is_said(tmp_path: Path, weights: Any, name: str, bits: int) -> None:
    for off, verdict in ((0.4, OK), (100, WRONG)):
        write_csv(tmp_path, spell(with_one_off(weights, off * 2.0**-bits), float))
        (found,) = judge(tmp_path, f'claim d loss/d W from "g.csv" as {name}', strict=True)
        assert found.verdict is verdict
    claim = f'claim d loss/d W from "g.csv" columns c0, c1, c2 as {name}'
    model = api.load_text(MODEL + claim, file="m", folder=tmp_path)
    assert model.claims[0].bits == bits
    assert claim in api.show(model)


@pytest.mark.parametrize(
    ("text", "column", "message", "help"),
    [
        ('claim d loss/d w from "g.csv" as float8', 34, '"float8" is no format of numbers', "float32"),
        ('claim d loss/d w from "g.csv" as double', 34, '"double" is no format of numbers', "as bfloat16"),
        ('claim d loss/d w from "g.csv" as', 31, "as names a format of numbers", "as float32"),
        ('claim d loss/d w from "g.csv" as 32', 31, "as names a format of numbers", "as float32"),
        ("claim d loss/d w = [1, 2] as float32", 27, '"as" does not fit here', 'from "FILE" as float32'),
        ('data x from "g.csv" as float32', 21, '"as float32" does not fit here', "claim d loss/d w from"),
    ],
)
def test_a_format_that_does_not_fit(
    tmp_path: Path, text: str, column: int, message: str, help: str
) -> None:
    with pytest.raises(LanguageError) as caught:
        api.load_text(f"param w[2] = [1, 2]\nloss = sum(w^2)\n{text}", file="m", folder=tmp_path)
    error = caught.value
    assert error.message == message
    assert help in str(error.help)
    assert error.place is not None
    assert (error.place.line, error.place.column) == (3, column)


def test_as_is_a_name_like_others(tmp_path: Path) -> None:
    model = "param as = 2\nbias = as + 1\nloss = as * bias\n"
    (found,) = judge(tmp_path, "claim d loss/d as = 2*as + 1", model)
    assert found.verdict is OK


def test_a_short_text_among_those_of_float32_is_no_rounded_one(tmp_path: Path) -> None:
    model = "param w[5] = [0.3, 0.6, 0.7, 1.1, 2.3]\nloss = sum(exp(w)) + w[4]^2\n"
    true = np.exp([0.3, 0.6, 0.7, 1.1, 2.3])
    true[4] += 4.6
    texts = spell(true)
    for last, verdict in ((texts[-1], OK), ("14.574", WRONG)):  # true: 14.574182
        shown = np.array([[*texts[:-1], last]], dtype=object)
        write_csv(tmp_path, shown)
        for claim in (f"= {typed(shown[0])}", 'from "g.csv"', 'from "g.csv" as float32'):
            (found,) = judge(tmp_path, f"claim d loss/d w {claim}", model)
            assert found.verdict is verdict


@pytest.mark.parametrize(("wrong", "is_said"), [(False, True), (True, False)])
def test_of_decimals_too_few_to_tell_the_way_out_is_named(
    tmp_path: Path, wrong: bool, is_said: bool
) -> None:
    model = "param w[2] = [0.3, 0.6]\nloss = sum(w^2)\n"
    write_csv(tmp_path, np.array([["0.60000014", "1.2001" if wrong else "1.2"]], dtype=object))
    (found,) = judge(tmp_path, 'claim d loss/d w from "g.csv"', model)
    assert found.verdict is WRONG
    assert ('write from "FILE" as float32' in str(found.note)) is is_said
    (found,) = judge(tmp_path, 'claim d loss/d w from "g.csv" as float32', model)
    assert found.verdict is (WRONG if wrong else OK)


@pytest.mark.parametrize(
    ("numbers", "verdict", "is_said"),
    [
        # 0.31 * 0.31 = 0.096: three entries, of which one has 7 digits, are no evidence
        ("[0.06666667, 0.26666668, 1.4000001]", Verdict.WRONG, True),
        ("[0.06666667, 0.26666668, 1.5000001]", Verdict.WRONG, False),  # nor would they be right
        ("[0.06666667, 0.26666667, 1.4000000]", Verdict.OK, False),
    ],
)
def test_few_numbers_are_judged_as_float64_and_told(
    tmp_path: Path, numbers: str, verdict: Verdict, is_said: bool
) -> None:
    text = "data c[3] = [0.1, 0.2, 0.7]\nparam v[3] = [1, 2, 3]\nloss = sum(c*v^2/3)\n"
    (found,) = judge(tmp_path, f"claim d loss/d v = {numbers}", text)
    assert found.verdict is verdict
    told = 'judged as float64; as float32 it would be right: if it is, write from "FILE" as float32'
    assert (told in str(found.note)) is is_said
