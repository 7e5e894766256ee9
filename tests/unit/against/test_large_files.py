"""Files that unpack to more than they are, name the same bytes again or nest without end: one error, little
memory."""

from __future__ import annotations

import io
import json
import struct
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from gradcheck_cli.against.answers import parse_json
from gradcheck_cli.against.elsewhere import Asked
from gradcheck_cli.against.safetensors import read_safetensors
from gradcheck_cli.against.sources import gradients_elsewhere
from gradcheck_cli.common.errors import DataError, GradcheckError
from gradcheck_cli.language.data.text_layout import TextLayout
from gradcheck_cli.numerics.limits.against import AGAINST
from gradcheck_cli.tracing.points import read_point_file

V = np.array([1.0, 2.0])
SMALL = AGAINST._replace(most_file=1 << 16, most_numbers=1000)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradcheck_cli.against.files.AGAINST", SMALL)


def refusal(path: Path) -> str:
    tracemalloc.start()
    try:
        with pytest.raises(GradcheckError) as caught:
            gradients_elsewhere([str(path)], Asked({"v": V}, {"v": V}, 0.0))
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()
    return caught.value.message


def test_arrays_that_are_small_one_by_one(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "g.npz", **{f"a{k}": np.zeros(1 << 12) for k in range(100)})
    assert "has 96 KiB; at most 64 KiB are read" in refusal(tmp_path / "g.npz")


def packed_matlab(entries: int) -> bytes:
    """A MATLAB file with one compressed array of zeros."""
    def element(kind: int, data: bytes) -> bytes:
        return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)

    head = element(6, struct.pack("<II", 6, 0)) + element(5, struct.pack("<ii", 1, entries))
    head += element(1, b"v")
    array = zlib.compress(element(14, head + element(9, b"\0" * 8 * entries)))
    start = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    return start + struct.pack("<II", 15, len(array)) + array


def test_matlab_files(tmp_path: Path) -> None:
    from scipy.io import savemat
    from scipy.sparse import csc_matrix

    path = tmp_path / "g.mat"
    path.write_bytes(packed_matlab(1 << 14))
    assert "at most 64 KiB are read" in refusal(path)
    path.write_bytes(packed_matlab(2))
    (found,) = gradients_elsewhere([str(path)], Asked({"v": V}, {"v": V}, 0.0))
    assert found.gradient["v"].values.tolist() == [[0, 0]]
    savemat(path, {"v": csc_matrix(([1.0], ([0], [0])), shape=(10**6, 10**6))})
    assert "at most 64 KiB are read" in refusal(path)
    path.write_bytes(b"\0" * 1000)
    assert "no .mat file" in refusal(path)


def test_bytes_that_many_names_share() -> None:
    entry = {"dtype": "F64", "shape": [1 << 12], "data_offsets": [0, 1 << 15]}
    header = json.dumps({f"a{k}": entry for k in range(100)}).encode()
    content = len(header).to_bytes(8, "little") + header + b"\0" * (1 << 15)
    with pytest.raises(DataError, match="at most 64 KiB are read"):
        read_safetensors("g.safetensors", content, SMALL)
    assert len(read_safetensors("g.safetensors", content)) == 100


def test_texts_of_many_numbers() -> None:
    assert len(parse_json("[" + "1," * 999 + "1]", SMALL)) == 1000
    with pytest.raises(ValueError, match="more than 1,000 numbers"):
        parse_json("[" + "1," * 1000 + "1]", SMALL)


def test_a_long_field_is_looked_at_once() -> None:
    start = time.process_time()
    for field in ("1" * 100_000 + "x", "1" * 50_000 + "." + "1" * 50_000 + "x", "." + "1" * 100_000 + "D"):
        assert not TextLayout().is_number(field)
    assert time.process_time() - start < 1


def test_points(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, np.zeros(1 << 12))
    with zipfile.ZipFile(tmp_path / "point.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("w.npy", stream.getvalue() + bytes((1 << 28) + 1))
    for name, content, said in (
        ("point.npz", None, "at most 256 MiB are read"), ("raw.npz", b"raw", "File is not a zip file"),
        ("deep.json", b"[" * 100_000, "nested too deeply"), ("open.json", b"[", "cannot be read"),
    ):  # fmt: skip
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=said):
            read_point_file(str(tmp_path / name))
