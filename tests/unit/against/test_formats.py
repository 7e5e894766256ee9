"""One gradient in many files: the verdict is the same, of a claim and of a gradient from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gradcheck_cli import check
from gradcheck_cli.api.models import load_text

X = np.array([[0.5, -1.0, 0.25], [1.5, 0.25, -0.5], [-0.75, 2.0, 0.125]])
W = np.array([[0.1, -0.2], [0.4, 0.3], [-0.6, 0.7]])
MODEL = f"data X[3,3] = {X.tolist()}\nparam W[3,2] = {W.tolist()}\nloss = 0.5*sum(tanh(X @ W)^2)\n"
H = np.tanh(X @ W)
TRUE = X.T @ (H * (1 - H**2))
PLACES = [f"W[{i},{j}]" for i in range(3) for j in range(2)]


def cells(g: np.ndarray) -> list[list[str]]:
    """The shortest decimals of each number in its own format."""
    return [[np.format_float_scientific(v, trim="0") for v in line] for line in g]


def flat(g: np.ndarray) -> list[str]:
    return cells(g.reshape(1, -1))[0]


def lines(g: np.ndarray, sign: str = ",", head: str = "", index: Callable[[int], str] = lambda k: "") -> str:
    return head + "".join(index(k) + sign.join(line) + "\n" for k, line in enumerate(cells(g)))


TABLES: dict[str, Callable[[np.ndarray], str]] = {
    "savetxt.csv": lines,
    "semicolon.csv": lambda g: lines(g, ";", "a;b\n"),
    "comma.csv": lambda g: lines(g, ";", "a;b\n").replace(".", ","),
    "tabs.tsv": lambda g: lines(g, "\t", "a\tb\n"),
    "blanks.txt": lambda g: lines(g, "   "),
    "pandas.csv": lambda g: lines(g, ",", ",0,1\n", lambda k: f"{k},"),
    "write_csv.csv": lambda g: lines(g, ",", '"","V1","V2"\n', lambda k: f'"{k + 1}",'),
    "write_table.dat": lambda g: lines(g, " ", '"V1" "V2"\n', lambda k: f'"{k + 1}" '),
    "savetxt_header.csv": lambda g: lines(g, ",", "# a,b\n"),
    "octave.txt": lambda g: lines(g, " ", "# name: g\n# type: matrix\n# rows: 3\n# columns: 2\n") + "\n\n",
    "fortran.dat": lambda g: lines(g, "  ").replace("e", "D"),
    "two_names.csv": lambda g: lines(g, ",", "a,a\n"),
}
NAMED: dict[str, Callable[[np.ndarray], str]] = {  # claims take no names of lines, and no list of all entries
    "labels.csv": lambda g: "".join(f"{p},{v}\n" for p, v in zip(PLACES, flat(g), strict=True)),
    "one_row.csv": lambda g: ",".join(flat(g)) + "\n",
    "one_column.csv": lambda g: "W\n" + "\n".join(flat(g)) + "\n",
}


def save(folder: Path, g: np.ndarray) -> dict[str, list[str]]:
    """Files with a gradient in them: those that claims read, and all."""
    for name, write in (TABLES | NAMED).items():
        (folder / name).write_text(write(g), encoding="utf-8")
    np.save(folder / "g.npy", g)
    np.savez(folder / "g.npz", W=g)
    np.savez_compressed(folder / "turned.npz", W=np.asfortranarray(g))
    kind, data = {"float64": "F64", "float32": "F32"}[g.dtype.name], g.tobytes()
    entry = {"dtype": kind, "shape": list(g.shape), "data_offsets": [0, len(data)]}
    header = json.dumps({"W": entry}).encode()
    (folder / "g.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + data)
    (folder / "g.json").write_text("[[" + "],[".join(",".join(line) for line in cells(g)) + "]]")
    read = [*TABLES, "g.npy", "g.npz", "turned.npz"]
    return {"claims": read, "against": [*read, *NAMED, "g.safetensors", "g.json"]}


def verdicts(folder: Path, g: np.ndarray) -> dict[str, str]:
    files = save(folder, g)
    claims = "".join(f'claim d loss/d W from "{name}"\n' for name in files["claims"])
    model = load_text(MODEL + claims, file="model.txt", folder=folder)
    report = check(model, against=[str(folder / name) for name in files["against"]], points=1)
    found = {f"claim {name}": str(c.verdict) for name, c in zip(files["claims"], report.claims, strict=True)}
    return found | {each.name: str(each.verdict) for each in report.against}


@pytest.mark.parametrize(("kind", "slip"), [("float64", 1e-10), ("float32", 1e-4)])
def test_one_gradient_has_one_verdict_in_all_formats(tmp_path: Path, kind: str, slip: float) -> None:
    right = TRUE.astype(kind)
    wrong = right.copy()
    wrong[1, 1] *= 1 + slip
    assert set(verdicts(tmp_path, right).values()) == {"ok"}, verdicts(tmp_path, right)
    assert set(verdicts(tmp_path, wrong).values()) == {"WRONG"}, verdicts(tmp_path, wrong)


def test_an_exchange_of_two_lines_is_wrong_in_all_formats(tmp_path: Path) -> None:
    assert set(verdicts(tmp_path, TRUE[[1, 0, 2]]).values()) == {"WRONG"}
