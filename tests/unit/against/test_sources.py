"""Gradients from functions, commands and files: what is read, what is refused and with which way out."""

from __future__ import annotations

import json
import math
import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gradcheck_cli.against import files, named_numbers
from gradcheck_cli.against.commands import answer_of
from gradcheck_cli.against.elsewhere import Asked, Elsewhere, Numbers
from gradcheck_cli.against.sources import asked_twice, gradients_elsewhere
from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.numerics.limits.against import AgainstLimits

W, V, X = np.array([[0.1, -0.2], [0.4, 0.3]]), np.array([0.7, -0.4]), np.array([1.0, 2.0])
GRADIENT = {"W": np.array([[1.5, -2.25], [1 / 3, 4.0]]), "v": np.array([0.125, 1e-7])}
FLAT = np.concatenate([part.ravel() for part in GRADIENT.values()])
ASKED = Asked({"W": W, "v": V, "x": X}, {"W": W, "v": V}, 2.5)


def given(*sources: str, asked: Asked = ASKED) -> list[Elsewhere]:
    return gradients_elsewhere(sources, asked)


def is_gradient(found: Elsewhere, factor: float = 1.0) -> bool:
    return all(np.array_equal(found.gradient[name].values, factor * part) for name, part in GRADIENT.items())


def refusal(source: str, asked: Asked = ASKED) -> str:
    with pytest.raises(GradcheckError) as caught:
        given(source, asked=asked)
    assert caught.value.exit_code == 2
    return f"{caught.value.message} | {caught.value.help}"


# ---------------------------------------------------------------------------------------------
# Files of numbers
# ---------------------------------------------------------------------------------------------


def test_binary_files(tmp_path: Path) -> None:
    from scipy.io import savemat

    np.savez(tmp_path / "g.npz", **GRADIENT)
    np.savez(tmp_path / "d.npz", dW=GRADIENT["W"], v_grad=GRADIENT["v"], loss=2.5)
    np.save(tmp_path / "g.npy", FLAT)
    savemat(tmp_path / "g.mat", GRADIENT)
    paths = [str(tmp_path / name) for name in ("g.npz", "d.npz", "g.npy")]
    found = given(*paths)
    assert all(map(is_gradient, found))
    assert [each.loss for each in found] == [None, 2.5, None]
    (matlab,) = given(str(tmp_path / "g.mat"))
    assert np.array_equal(matlab.gradient["v"].values, [[0.125, 1e-7]])


def safetensors(arrays: dict[str, tuple[str, list[int], bytes]]) -> bytes:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, (kind, shape, content) in arrays.items():
        header[name] = {
            "dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(content)],
        }
        data += content
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def test_safetensors(tmp_path: Path) -> None:
    upper = (GRADIENT["W"].astype("<f4").view("<u4") >> np.uint32(16)).astype("<u2")
    path = tmp_path / "g.safetensors"
    path.write_bytes(safetensors({
        "W": ("BF16", [2, 2], upper.tobytes()), "v": ("F64", [2], GRADIENT["v"].tobytes()),
    }))  # fmt: skip
    (found,) = given(str(path))
    w, v = found.gradient["W"], found.gradient["v"]
    assert (w.bits, v.bits) == (8, None)
    assert np.array_equal(v.values, GRADIENT["v"])
    assert np.allclose(w.values, GRADIENT["W"], rtol=2**-7, atol=0)
    assert w.values[0, 0] == 1.5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"abc", "no safetensors file"),
        ((1 << 62).to_bytes(8, "little") + b"{}", "no safetensors file"),
        (safetensors({"W": ("F64", [2, 2], b"\0" * 8)}), "promises other bytes"),
        (safetensors({"W": ("F64", [-1], b"")}), "promises other bytes"),
        (safetensors({"W": ("F8_E5M2", [1], b"\0")}), "holds F8_E5M2"),
        ((2).to_bytes(8, "little") + b"[]", "no JSON object"),
        (safetensors({"W": ("F64", [math.inf], b"")}), "does not say type, shape and place"),
        (safetensors({"W": ("F64", [0, 10**30], b"")}), "a shape that no array has"),
        (safetensors({"W": ("F64", [1] * 100, b"\0" * 8)}), "a shape that no array has"),
    ],
)
def test_damaged_safetensors(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "g.safetensors").write_bytes(content)
    assert said in refusal(str(tmp_path / "g.safetensors"))


TABLES = {
    "one column": "1.5\n-2.25\n0.3333333333333333\n4.0\n0.125\n1e-7\n",
    "one row": "1.5,-2.25,0.3333333333333333,4.0,0.125,1e-7\n",
    "pandas": ",g\n0,1.5\n1,-2.25\n2,0.3333333333333333\n3,4.0\n4,0.125\n5,1e-07\n",
    "write.csv": '"","x"\n"1",1.5\n"2",-2.25\n"3",0.3333333333333333\n"4",4\n"5",0.125\n"6",1e-07\n',
    "write.table": '"x"\n"1" 1.5\n"2" -2.25\n"3" 0.3333333333333333\n"4" 4\n"5" 0.125\n"6" 1e-07\n',
    "named lines": "name;g\nW[0,0];1,5\nW[0,1];-2,25\nW[1,0];0,3333333333333333\nW[1,1];4\n"
    "v[0];0,125\nv[1];1e-7\n",
    "Octave": "# name: g\n 1.5\n -2.25\n 0.3333333333333333\n 4\n 0.125\n 1e-07\n",
    "Fortran": "  1.5D0\n -2.25\n  0.3333333333333333D+00\n  4.0\n  0.125\n  1.0d-7\n",
    "tabs, a mark": "\ufeff1.5\t-2.25\t0.3333333333333333\t4.0\t0.125\t1e-7\r\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_tables(name: str, tmp_path: Path) -> None:
    (tmp_path / "g.csv").write_text(TABLES[name], encoding="utf-8")
    assert is_gradient(given(str(tmp_path / "g.csv"))[0])


def test_tables_with_a_column_for_each_name(tmp_path: Path) -> None:
    asked = Asked({"w": 1.0, "b": 2.0}, {"w": np.array(1.0), "b": np.array(2.0)}, 0.0)
    for text in ("b,w\n3,4\n", '"w" "b"\n4 3\n', '"","w","b"\n"1",4,3\n', "db;dw\n3;4\n", "w,4\nb,3\n"):
        (tmp_path / "g.csv").write_text(text)
        (found,) = given(str(tmp_path / "g.csv"), asked=asked)
        assert {name: float(n.values) for name, n in found.gradient.items()} == {"w": 4, "b": 3}, text


def test_a_matrix_of_the_only_parameter(tmp_path: Path) -> None:
    asked = Asked({"W": W}, {"W": W}, 0.0)
    for text in ("1,2\n3,4\n", "a;b\n1;2\n3;4\n", "1 2\n3 4\n", "1,2,3,4\n"):
        (tmp_path / "g.csv").write_text(text)
        (found,) = given(str(tmp_path / "g.csv"), asked=asked)
        assert np.array_equal(found.gradient["W"].values, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("1,2\n3\n", "line 2 has 1 field, line 1 2"),
        ("W,v\n1,2\n3,4\n", "the gradient by W is [2], W is [2,2]"),
        ("a,b,c\n1,2,3\n3,4,5\n", "nothing tells of what"),
        ("1\n2\nx\n4\n5\n6\n", '"x" is not a number'),
        ("1\n2\nNA\n4\n5\n6\n", "line 3, column 1: NA is not a finite number"),
        ("W[0,0],1\nW[0,1],2\nW[1,0],3\nv[0],5\nv[1],6\n", "no line for some entries of W"),
        ("W[0,0],1\nW[0,1],2\nW[1,0],3\nW[1,2],3\nv[0],5\nv[1],6\n", "a line W[1,2]"),
        ("W[0,0],1\nW[0,0],2\n", "two lines W[0,0]"),
        ("1\n2\n3\n", "nothing tells of what"),
    ],
)
def test_tables_that_are_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "g.csv").write_text(text)
    assert said in refusal(str(tmp_path / "g.csv"))


def test_an_index_of_a_single_number(tmp_path: Path) -> None:
    asked = Asked({"w": 1.0, "v": X}, {"w": np.array(1.0), "v": X}, 0.0)
    path = tmp_path / "g.csv"
    for label in ("w", "w[0]", "w[7]", "w[0,0]", "w[7,6]"):
        path.write_text(f'"{label}",3\nv[0],1\nv[1],2\n')
        if label in ("w", "w[0]"):
            assert given(str(path), asked=asked)[0].gradient["w"].values == 3
        else:
            assert f"a line {label}, and the parameters are w, v[2]" in refusal(str(path), asked)


def test_what_json_holds_besides_numbers(tmp_path: Path) -> None:
    for value, said in (
        ([1, True], "no array of numbers"), (["6", 1], "no array of numbers"), ("6", "no array of numbers"),
        (True, "no array of numbers"), (None, "no array of numbers"), ({"a": 1}, "no array of numbers"),
        ([1, None], "the gradient by v[1] is nan"),
    ):  # fmt: skip
        (tmp_path / "g.json").write_text(json.dumps({"W": W.tolist(), "v": value}))
        assert said in refusal(str(tmp_path / "g.json")), value
    assert np.array_equal(of_json(tmp_path, {"W": W.tolist(), "v": [1, 6]}).gradient["v"].values, [1, 6])


def test_a_matlab_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scipy.io import savemat

    savemat(tmp_path / "g.mat", GRADIENT)
    opened: list[str] = []
    real = files.open_file
    monkeypatch.setattr(files, "open_file", lambda path, **more: opened.append(path) or real(path, **more))
    (found,) = given(str(tmp_path / "g.mat"))
    assert np.array_equal(found.gradient["W"].values, GRADIENT["W"])
    assert len(opened) == 1


def test_whether_all_are_float32_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(named_numbers, "are_float32", lambda values: bool(asked.append(values.size)))
    named_numbers.as_printed({name: Numbers(part) for name, part in GRADIENT.items()})
    assert asked == [6]


def test_files_that_are_refused(tmp_path: Path) -> None:
    assert "there is no file" in refusal(str(tmp_path / "none.npz"))
    (tmp_path / "g.xlsx").write_bytes(b"PK")
    assert "files of numbers end in .json" in refusal(str(tmp_path / "g.xlsx"))
    (tmp_path / "g.mat").write_bytes(b"MATLAB 7.3 MAT-file" + b" " * 200)
    assert "-v7" in refusal(str(tmp_path / "g.mat"))
    np.savez(tmp_path / "g.npz", **GRADIENT, q=1.0)
    assert "g.npz holds q, which is no parameter" in refusal(str(tmp_path / "g.npz"))
    np.savez(tmp_path / "g.npz", W=GRADIENT["W"])
    assert "no gradient by v" in refusal(str(tmp_path / "g.npz"))
    np.savez(tmp_path / "g.npz", W=GRADIENT["W"][:1], v=GRADIENT["v"])
    assert "W is [1,2], W is [2,2]" in refusal(str(tmp_path / "g.npz"))


def test_the_digits_of_a_format_are_those_of_its_longest_number(tmp_path: Path) -> None:
    asked = Asked({"v": X}, {"v": X}, 0.0)
    for text, half in (
        ("[0.333333, 1.25]", [5e-7, 5e-6]),  # %g
        ("[0.333333, 1.250000]", [5e-7, 5e-7]),  # %f
        ("[0.3333333333333333, 3]", [5e-17, 5e-16]),
        ("[2, 3]", [0, 0]),
    ):
        (tmp_path / "g.json").write_text(text)
        (found,) = given(str(tmp_path / "g.json"), asked=asked)
        assert np.allclose(np.asarray(found.gradient["v"].half_units), half, rtol=1e-6, atol=0)


def of_json(tmp_path: Path, value: object, asked: Asked = ASKED) -> Elsewhere:
    (tmp_path / "g.json").write_text(json.dumps(value))
    return given(str(tmp_path / "g.json"), asked=asked)[0]


@pytest.mark.parametrize("asked", [ASKED, Asked({"W": W}, {"W": W}, 2.5)])
def test_float32_numbers_are_seen_in_every_form(asked: Asked, tmp_path: Path) -> None:
    flat = [float(np.float32(1 / n)) for n in range(3, 3 + asked.size)]
    for form in (flat, {"gradient": flat}, {"gradient": {"all": flat}}):
        gradient = of_json(tmp_path, form, asked).gradient
        assert all(each.is_in_float32 and each.half_units is not None for each in gradient.values()), form
    wide = of_json(tmp_path, {"gradient": {"all": [1 / n for n in range(3, 3 + asked.size)]}}, asked)
    assert not any(each.is_in_float32 for each in wide.gradient.values())


def test_the_precision_is_told_of_every_form(tmp_path: Path) -> None:
    by_name = {name: part.tolist() for name, part in GRADIENT.items()}
    for form in (FLAT.tolist(), by_name, {"all": FLAT.tolist()}):
        found = of_json(tmp_path, {"gradient": form, "precision": "float32"})
        assert {each.bits for each in found.gradient.values()} == {24}, form
        assert {each.bits for each in of_json(tmp_path, {"gradient": form}).gradient.values()} == {None}
        for precision in ("nonsense", ["float32"], None):
            (tmp_path / "g.json").write_text(json.dumps({"gradient": form, "precision": precision}))
            assert "which is no format" in refusal(str(tmp_path / "g.json"))


# ---------------------------------------------------------------------------------------------
# Functions
# ---------------------------------------------------------------------------------------------

FUNCTIONS = """
import numpy as np

G = {"W": np.array([[1.5, -2.25], [1/3, 4.0]]), "v": np.array([0.125, 1e-7])}
def by_name(W, v): return dict(G)
def in_order(W, v, x): return G["W"], G["v"]
def with_loss(W, v): return 2.5, {"dW": G["W"], "grad_v": G["v"]}
def three(W, v): return 2.5, G["W"], G["v"]
def one_dict(p): return {name: G[name] for name in p if name in G}
def flat(W, v): return np.concatenate([G["W"].ravel(), G["v"]])
def of_flat(theta, x): return flat(None, None) if theta.shape == (6,) and len(x) == 2 else None
def narrow(W, v): return {name: part.astype(np.float32) for name, part in G.items()}
def prints(W, v): print("hello"); return dict(G)
def changes(W, v): W *= 0; return dict(G)
class Net:
    @staticmethod
    def grad(W, v): return dict(G)
def loss(W, v): return 2.5
def raises(W, v): raise ValueError("no data")
def nothing(W, v): return None
def fewer(W, v): return {"W": G["W"]}
def other(W, v): return {**G, "q": 1.0}
def unknown(W, v, q): return dict(G)
def without(W): return {"W": G["W"], "v": G["v"]}
def nan(W, v): return {**G, "v": np.array([0.0, np.nan])}
def empty(W, v): return {}
def empty_of_flat(theta): return {}
def word(W, v): return "a", dict(G)
def none_first(W, v): return None, G["W"], G["v"]
def ragged(W, v): return [[1, 2], [3]], G["v"]
def draws(W, v): return {**G, "v": G["v"] + 1e-6*np.random.rand(2)}
def hangs(W, v):
    while True: pass
held = []
def adds_up(W, v):
    held.append(G["v"])
    return {**G, "v": sum(held)}
"""


@pytest.fixture
def functions(tmp_path: Path) -> str:
    (tmp_path / "other.py").write_text(FUNCTIONS)
    return str(tmp_path / "other.py")


@pytest.mark.parametrize(
    "name",
    ["by_name", "in_order", "with_loss", "three", "one_dict", "flat", "prints", "changes", "Net.grad"],
)
def test_what_functions_return(name: str, functions: str, capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = given(f"{functions}:{name}")
    assert is_gradient(found)
    assert found.name == f"other.py:{name}"
    assert found.loss == (2.5 if name in ("with_loss", "three") else None)
    assert capsys.readouterr().out == ""
    assert W[0, 0] == 0.1


def test_a_function_of_one_vector(functions: str) -> None:
    flat = Asked(ASKED.arguments, ASKED.parameters, 2.5, flat=True)
    assert is_gradient(given(f"{functions}:of_flat", asked=flat)[0])


def test_a_narrow_function(functions: str) -> None:
    (found,) = given(f"{functions}:narrow")
    assert [numbers.bits for numbers in found.gradient.values()] == [24, 24]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("loss", "returns its loss, 2.5, and no gradient"),
        ("raises", "raises raised ValueError: no data"),
        ("nothing", "nothing returns None"),
        ("fewer", "no gradient by v"),
        ("other", "returns q, which is no parameter"),
        ("unknown", "takes q, which has no value here"),
        ("without", "does not take v"),
        ("nan", "nan"),
        ("missing", "has no function missing"),
        ("empty", "no gradient by W, but nothing"),
        ("word", "returns a value of type str"),
        ("none_first", "returns None"),
        ("ragged", "returns 4 arrays, and W, v are parameters"),
        ("draws", "two gradients by v in two calls"),
        ("hangs", "hangs did not return within 0.2 seconds | --seconds gives it more time"),
    ],
)
def test_functions_that_are_refused(name: str, said: str, functions: str) -> None:
    assert said in refusal(f"{functions}:{name}", replace(ASKED, seconds=0.2))


def test_calls_that_add_up(functions: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(functions).parent))
    assert "the second is twice the first" in refusal("other:adds_up")
    assert is_gradient(given(f"{functions}:adds_up")[0])  # a file is imported anew


def test_what_is_slow_is_asked_once() -> None:
    asked: list[int] = []
    found = Elsewhere("slow", "slow", {"v": Numbers(V)})

    def ask() -> Elsewhere:
        asked.append(1)
        return found

    for limit, times in ((-1.0, 1), (60.0, 2)):
        asked.clear()
        assert asked_twice(ask, AgainstLimits(asked_again=limit)) is found
        assert len(asked) == times


def test_no_gradient_of_one_vector(functions: str) -> None:
    flat = Asked(ASKED.arguments, ASKED.parameters, 2.5, flat=True)
    assert "no gradient by W, but nothing" in refusal(f"{functions}:empty_of_flat", flat)


def test_a_module_that_changes_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    text = FUNCTIONS + "import os; os.chdir('elsewhere')\n"
    (tmp_path / "module_that_moves.py").write_text(text)
    assert is_gradient(given("module_that_moves:by_name")[0])
    assert str(tmp_path) not in sys.path


def test_functions_of_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "module_of_gradients.py").write_text(FUNCTIONS)
    assert is_gradient(given("module_of_gradients:by_name")[0])
    assert "has no function no" in refusal("module_of_gradients:no")
    assert "could not be imported" in refusal("no_such_module:grad")


# ---------------------------------------------------------------------------------------------
# Commands
# ---------------------------------------------------------------------------------------------

PROGRAM = """
import json, os, subprocess, sys, time
asked = json.loads(sys.stdin.readline())
answer = {"gradient": {"W": [[1.5, -2.25], [1/3, 4.0]], "v": [0.125, 1e-7]}, "loss": 2.5}
assert asked["parameters"] == ["W", "v"] and asked["shapes"]["x"] == [2] and asked["point"]["x"] == [1.0, 2.0]
exec(sys.argv[1])
print(json.dumps(answer))
"""


CHILD = "child = subprocess.Popen(['sleep', '60']); open(sys.path[0] + '/pid', 'w').write(str(child.pid))"


def command(tmp_path: Path, code: str = "pass") -> str:
    (tmp_path / "program.py").write_text(PROGRAM)
    return f"cmd: {sys.executable} {tmp_path / 'program.py'} {json.dumps(code)}"


def test_a_command(tmp_path: Path) -> None:
    (found,) = given(command(tmp_path))
    assert is_gradient(found)
    assert (found.name, found.loss) == ("program.py", 2.5)


def test_a_flat_list_goes_row_by_row(tmp_path: Path) -> None:
    answer = "answer = {'gradient': [1.5, -2.25, 1/3, 4.0, 0.125, 1e-7], 'precision': 'float32'}"
    (found,) = given(command(tmp_path, answer))
    assert is_gradient(found)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("sys.stderr.write('oh\\nno data\\n'); sys.exit(3)", "exits with status 3 | it says: no data"),
        ("os.kill(os.getpid(), 9)", "was ended by SIGKILL"),
        ("print('loading')", "writes more than its answer: loading"),
        ("print(json.dumps(answer))", "more than one JSON object"),
        ("print('1 2 3'); sys.exit(0)", "writes no JSON object, but: 1 2 3"),
        ("sys.exit(0)", "writes nothing"),
        ("answer['gradient']['v'] = [1, float('nan')]", "the gradient by v[1] is nan"),
        ("answer['gradient']['v'] = [1, 2, 3]", "v is [3], v is [2]"),
        ("answer['gradient']['v'] = 'abc'", "no array of numbers: abc"),
        ("answer['gradient']['v'] = None", "no array of numbers"),
        ("del answer['gradient']['v']", "no gradient by v"),
        ("answer['gradient']['q'] = 1", "holds q, which is no parameter"),
        ("answer['protocol'] = 'gradcheck.gradient/2'", "answers by the protocol gradcheck.gradient/2"),
        ("answer['precision'] = 'float99'", "float99, which is no format"),
        ("sys.stdout.buffer.write(b'\\xff\\xfe'); sys.exit(0)", "no UTF-8 text"),
        ("os.close(1); sys.exit(0)", "writes nothing"),
        ("answer['gradient']['v'][0] += time.time() % 1", "two gradients by v in two calls"),
    ],
)
def test_commands_that_are_refused(code: str, said: str, tmp_path: Path) -> None:
    assert said in refusal(command(tmp_path, code))


def test_a_command_that_hangs_ends_with_its_children(tmp_path: Path) -> None:
    asked = Asked(ASKED.arguments, ASKED.parameters, 2.5, seconds=0.3)
    said = refusal(command(tmp_path, f"{CHILD}; time.sleep(60)"), asked)
    assert "more than 0.3 seconds; it was ended | --seconds gives it more time" in said
    assert not is_alive(int((tmp_path / "pid").read_text()))


def test_a_command_that_writes_without_end_is_ended() -> None:
    limits = AgainstLimits(most_output=1 << 20)
    endless = shlex.join([sys.executable, "-c", "while True: print('0'*65536)"])
    with pytest.raises(GradcheckError, match="endless writes more than 1 MiB") as caught:
        answer_of(endless, "{}", "endless", 60, limits)
    assert caught.value.help == "one JSON object is the answer"
    enough = shlex.join([sys.executable, "-c", "print('0'*65536)"])
    assert len(answer_of(enough, "{}", "enough", 60, limits)) > 1 << 16


def test_a_child_that_stays_holds_nothing_up(tmp_path: Path) -> None:
    assert is_gradient(given(command(tmp_path, CHILD))[0])
    assert not is_alive(int((tmp_path / "pid").read_text()))


def is_alive(process: int) -> bool:
    """Whether it still runs a second later."""
    for _ in range(50):
        try:
            if Path(f"/proc/{process}/stat").read_text().split()[2] == "Z":
                return False
        except FileNotFoundError:
            return False
        time.sleep(0.02)
    return True


def test_commands_that_cannot_be_started(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    assert "cannot be started: No such file" in refusal(f"cmd: {tmp_path / 'none'}")
    assert "chmod +x" in refusal(f"cmd: {tmp_path / 'text'}")
    assert "the command is empty" in refusal("cmd: ")
    assert "No closing quotation" in refusal("cmd: 'a")


# ---------------------------------------------------------------------------------------------
# Names
# ---------------------------------------------------------------------------------------------


def test_two_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        np.savez(tmp_path / folder / "g.npz", **GRADIENT)
    a, b = (str(tmp_path / folder / "g.npz") for folder in ("a", "b"))
    assert [each.name for each in given(a, b)] == [a, b]
    assert [each.name for each in given(a, a)] == ["g.npz #1", "g.npz #2"]
    assert [each.name for each in given(a)] == ["g.npz"]
