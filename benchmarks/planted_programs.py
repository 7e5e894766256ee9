"""The eight programs with planted mistakes, put to gradcheck and to other checkers as their users would.

Run where gradcheck is installed, and what else is to be measured: python benchmarks/planted_programs.py
Prints, for each program, whether the mistake is found and its repaired twin accepted, the lines that a user
writes (benchmarks/planted holds them), and the time of the verdict in units of one call of the loss in the
same run, the median of five; imports and compilers do not count. What is not installed is left out and named.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import io
import json
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gradcheck_cli.cli.main import main
from timing import has, ratios, seconds

SCRIPTS = Path(__file__).parent / "planted"
PROGRAMS = Path(__file__).parents[1] / "tests" / "programs"
PEERS = ("torch", "jax", "scipy")
RUNS = 5
_ANSWERS = {  # one that accepts, and one that refuses
    "gradcheck": ("exit 0$", "exit 1$"),
    "torch": ("^$", "^GradcheckError"),
    "jax": ("^$", "^AssertionError"),
}
SCIPY_TOLERANCE = 1e-5  # check_grad returns a norm and leaves the tolerance to its user
ASKED = json.dumps({
    "parameters": ["w", "b"], "shapes": {"x": [2], "w": [2], "b": []},
    "point": {"x": [1.0, 2.0], "w": [0.5, -1.0], "b": 0.25},
})  # fmt: skip


@dataclass(frozen=True)
class Planted:
    """A program with a mistake, the command that checks it, and the words that lead to its repaired twin."""

    name: str
    command: str
    wrong: str
    right: str
    loss: str = "loss"
    needs: str = "numpy"
    compiler: str = ""  # of a source of tests/programs/protocol, in which `right` is replaced

    @property
    def scripts(self) -> str:
        return "line" if self.compiler else self.name


def _numpy(name: str, more: str = "") -> Planted:
    at = f"{name}.py"
    command = f"code {at}:loss --grad {at}:grad --at {at}:point --points 1{more}"
    return Planted(name, command, "grad", "repaired")


def _framework(framework: str) -> Planted:
    at, loss = f"clip_in_{framework}.py", "forgets_the_derivative"
    command = f"code {at}:{loss} --grad autograd --at {at}:point --wrt w,width --points 1"
    return Planted(f"clip_in_{framework}", command, loss, "right", loss, framework)


def _compiled(source: str, compiler: str, wrong: str, right: str) -> Planted:
    command = "run line.txt --against 'cmd: ./line' --points 1"
    return Planted(source, command, wrong, right, compiler=compiler)


ALL = (
    _numpy("mlp"), _numpy("single"), _numpy("camera", " --wrt t"), _numpy("catmull_rom"),
    _framework("torch"), _framework("jax"),
    _compiled("line.cpp", "g++", '", x[k]', '", error*x[k]'),
    _compiled("line.f90", "gfortran", "error*w(2)", "error*x(2)"),
)  # fmt: skip


def build(planted: Planted, repaired: bool) -> None:
    """The compiled program in this folder, with its mistake or without."""
    text = (PROGRAMS / "protocol" / planted.name).read_text()
    assert planted.right in text
    source = Path(planted.name)
    source.write_text(text if repaired else text.replace(planted.right, planted.wrong))
    subprocess.run([planted.compiler, "-O2", "-o", "line", source], check=True)


def answer(call: Callable[[], object]) -> str:
    """What is printed, or the error that is raised."""
    printed = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        warnings.simplefilter("ignore")
        try:
            call()
        except (ArithmeticError, AssertionError, RuntimeError, TypeError, ValueError) as error:
            return f"{type(error).__name__}: {error}"
    return printed.getvalue().strip()


def finds(peer: str, said: str) -> bool:
    """Whether an answer refuses the gradient; an error that is none of the checker's is raised."""
    if peer == "scipy":
        return float(said) > SCIPY_TOLERANCE
    accepted, refused = _ANSWERS[peer]
    found = re.search(refused, said) is not None
    if not found and not re.search(accepted, said):
        raise RuntimeError(said)
    return found


def calls(planted: Planted, repaired: bool) -> dict[str, Callable[[], object]]:
    """What each checker is asked: the command, and the scripts of its peers, compiled once."""
    there = planted.right if repaired and not planted.compiler else planted.wrong
    words = shlex.split(planted.command.replace(f":{planted.wrong}", f":{there}"))
    found: dict[str, Callable[[], object]] = {"gradcheck": lambda: print(f"exit {main(words)}")}
    for peer in PEERS:
        script = SCRIPTS / f"{planted.scripts}_{peer}.py"
        if script.exists() and importlib.util.find_spec(peer):
            text = script.read_text()
            if there != planted.wrong:
                text = re.sub(rf"import {planted.wrong}\b", f"import {there} as {planted.wrong}", text)
            found[peer] = partial(exec, compile(text, str(script), "exec"), {"__name__": script.stem})
    return found


def loss_of(planted: Planted) -> Callable[[], object]:
    """One call of the loss."""
    if planted.compiler:
        return lambda: subprocess.run(["./line"], input=ASKED, capture_output=True, text=True, check=True)
    module = importlib.import_module(planted.name)
    loss, at = getattr(module, planted.loss), module.point()
    return lambda: loss(**at) if isinstance(at, dict) else loss(*at)


def lines(planted: Planted, peer: str) -> int:
    """Lines that are not blank: of the script; of the model, where gradcheck traces none."""
    if peer == "gradcheck":
        text = Path("line.txt").read_text() if planted.compiler else ""
        return sum(bool(line) and not line.startswith("#") for line in text.splitlines())
    return sum(map(bool, (SCRIPTS / f"{planted.scripts}_{peer}.py").read_text().splitlines()))


def measure(planted: Planted) -> tuple[dict[str, str], str]:
    """A cell for each checker, and what gradcheck says."""
    cells, found = {}, {}
    for repaired in (False, True):
        if planted.compiler:
            build(planted, repaired)
        found[repaired] = {peer: answer(call) for peer, call in calls(planted, repaired).items()}
    times = ratios(loss_of(planted), {k: partial(answer, v) for k, v in calls(planted, True).items()}, RUNS)
    for peer, said in found[False].items():
        verdict = "found" if finds(peer, said) else "missed"
        twin = ", twin refused" if finds(peer, found[True][peer]) else ""
        cells[peer] = f"{verdict}{twin}; {lines(planted, peer)}; {times[peer]:,.0f}"
    return cells, found[False]["gradcheck"]


def tell() -> None:
    """Measure all that can be had here, in a folder of copies."""
    peers = ["gradcheck", *filter(has, PEERS)]
    print("  ".join(f"{peer} {importlib.metadata.version(peer)}" for peer in [*peers[1:], "numpy"]))
    print(f"\n| program | loss | {' | '.join(peers)} |\n|{' --- |' * (len(peers) + 2)}")
    said = {}
    for planted in ALL:
        if not importlib.util.find_spec(planted.needs) or not shutil.which(planted.compiler or "python3"):
            print(f"{planted.name} is left out: {planted.compiler or planted.needs} is not installed")
            continue
        cells, said[planted.name] = measure(planted)
        micro = 1e6 * statistics.median(seconds(loss_of(planted)) for _ in range(RUNS))
        print(f"| {planted.name} | {micro:,.0f} | {' | '.join(cells.get(peer, '') for peer in peers)} |")
    for name, text in said.items():
        print(f"\n{name}\n{text}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(PROGRAMS, folder, dirs_exist_ok=True)
        shutil.copy(PROGRAMS / "protocol" / "line.txt", folder)
        os.chdir(folder)
        sys.path.insert(0, folder)
        tell()
