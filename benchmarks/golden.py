"""Proves that a refactoring changes no output: two builds get the same commands, their answers are compared.

    python benchmarks/golden.py --old REV                       everything; about three minutes
    python benchmarks/golden.py --old REV --only models/toy     the commands that hold a text
    python benchmarks/golden.py --old REV --list-changes        names alone: a file for --expect

The old build is the commit REV, unpacked into a temporary folder; the new one is the checkout this script
stands in, as it is on disk. Each is served by one process of the same interpreter, finds its code by way of
PYTHONPATH and its command in its own pyproject.toml, and shares no module with the other. Both are asked in
the same run on the same machine, because last bits differ between processors. What is asked is the corpus
of the OLD build: its models, the commands and files of its documentation, and random models with fixed
seeds whose claims come from the old build's own derivations, some of them with a mistake. Exit code, standard
output, standard error and files written must be equal byte for byte.

Exit codes: 0 equal, or precisely the commands of --expect FILE differ; 1 otherwise.
"""

from __future__ import annotations

import argparse
import difflib
import io
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import golden_server
from golden_server import Answer, Command
from random_models import RandomModel, claims, damaged, elementwise_functions, function_names

PROJECT = Path(__file__).resolve().parents[1]
DIFF_LINES = 24  # of a difference that are shown
ENVIRONMENT = {
    "COLUMNS": "80", "NO_COLOR": "1", "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
}  # fmt: skip


class Build:
    """The process that serves the build in `root`, working in `home`."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root, self.home = root, home
        self._asked: Command | None = None
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("GRADCHECK_", "FORCE_COLOR"))}
        self._process = subprocess.Popen(
            [sys.executable, "-P", golden_server.__file__, root],
            cwd=home, env={**kept, **ENVIRONMENT, "PYTHONPATH": str(root)}, text=True, encoding="utf-8",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def ask(self, command: Command) -> None:
        assert self._process.stdin is not None
        self._asked = command
        self._process.stdin.write(f"{json.dumps(command)}\n")
        self._process.stdin.flush()

    def answer(self) -> Answer:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the process of {self.root} died of {self._process.wait()} at {self._asked}")
        return Answer(*json.loads(line))

    def close(self) -> None:
        self._process.communicate()


# ---------------------------------------------------------------------------------------------
# The comparison
# ---------------------------------------------------------------------------------------------


class Comparison:
    """Puts commands to both builds, counts equal answers and tells of the others."""

    def __init__(self, old: Build, new: Build, given: argparse.Namespace) -> None:
        self.old, self.new, self.only, self.ignored = old, new, given.only, given.ignore
        self.verbose = not given.list_changes
        self.equal: Counter[str] = Counter()
        self.changed: list[str] = []

    def selected(self, command: Command) -> bool:
        return self.only in command.label

    def compare(self, part: str, words: str, folder: str = "") -> None:
        """Ask both builds, if the command is selected."""
        command = Command(part, folder, shlex.split(words))
        if self.selected(command):
            self.ask(command)

    def ask(self, command: Command) -> Answer:
        """The old build's answer; compared with the new one's if the command is selected."""
        builds = (self.old, self.new) if self.selected(command) else (self.old,)
        for build in builds:
            build.ask(command)
        answers = [build.answer() for build in builds]
        if len(answers) == 2:
            self._count(command, *map(self._without_ignored, answers))
        return answers[0]

    def _without_ignored(self, answer: Answer) -> Answer:
        text = re.sub(self.ignored, "", answer.stdout) if self.ignored else answer.stdout
        return answer._replace(stdout=text)

    def _count(self, command: Command, old: Answer, new: Answer) -> None:
        if old == new and old.code != "out of time":
            self.equal[command.part.partition(" ")[0]] += 1
        else:
            self.changed.append(command.label)
            shown = difference(command, old, new) if self.verbose else []
            print("\n".join([command.label, *shown]), flush=True)

    def write(self, name: str, text: str) -> None:
        """Put a file of the corpus into the folders of both builds."""
        for build in (self.old, self.new):
            (build.home / name).write_text(text, encoding="utf-8")


def difference(command: Command, old: Answer, new: Answer) -> list[str]:
    """What was read from standard input, and the first lines of a unified diff."""
    given = [f"    {line}" for line in command.stdin.splitlines()]
    diff = difflib.unified_diff(as_lines(old), as_lines(new), "old", "new", n=1, lineterm="")
    shown = [line.encode("utf-8", "backslashreplace").decode() for line in diff]
    rest = [f"... {len(shown) - DIFF_LINES} lines more"] if len(shown) > DIFF_LINES else []
    return [*given, *(shown[:DIFF_LINES] or ["out of time in both builds: nothing is known"]), *rest, ""]


def as_lines(answer: Answer) -> list[str]:
    errors = [f"stderr: {line}" for line in answer.stderr.split("\n")]
    files = [f"file {name}: {digest}" for name, digest in sorted(answer.files.items())]
    return [f"exit code {answer.code}", *answer.stdout.split("\n"), *errors, *files]


# ---------------------------------------------------------------------------------------------
# Models, documentation, other commands
# ---------------------------------------------------------------------------------------------

EACH_MODEL = (
    "run FILE", "run FILE -v --format json", "run FILE --strict", "run FILE --carry -v",
    "run FILE --hint truth --format json", "run FILE --hint where", "run FILE -q --format jsonl",
    "run FILE --format csv", "run FILE --format tsv -v", "run FILE --format latex",
    "run FILE --format markdown", "run FILE --points 2 --digits 11", "run FILE --scheme central --hint none",
    "run FILE --seed 7 --require-claims --color always", "run FILE --budget 10", "show FILE",
    "explain FILE", "explain FILE -v --expand", "explain FILE --format json", "explain FILE --format latex",
    "explain FILE --format markdown --expand", "init-stats --model FILE",
)  # fmt: skip
EACH_RANDOM_MODEL = (  # one of these, beside all in JSON
    "run - -v", "run - --strict", "run - --carry", "run - --hint truth", "run - --format latex",
    "run - --format csv", "run - --points 2 --digits 10", "run - --seed 3 -v", "show -", "explain -",
    "run - --budget 10 -v", "run - --budget 1000 -v",
    "explain - --expand --format json", "explain - --format markdown",
)  # fmt: skip
EACH_PAGE_MODEL = ("run FILE -v --hint truth --format json", "run FILE --carry", "explain FILE", "show FILE")
SMALL = "init-stats --depth 6 --width 12 --nets 3"
OTHERS = (
    "--help", "--version", "run", "run nothing.txt", "run models/toy.txt --points 0", "functions", "example",
    *(f"{name} --help" for name in ("run", "explain", "show", "init-stats", "gain", "example")),
    "run models/toy.txt models/kink.txt models/toy_wrong_claim.txt nothing.txt",
    "run models/toy.txt models/kink.txt --format csv", "run models/toy.txt --output report.txt",
    "run models/toy.txt --at x=0 --at w0=2", "run models/toy.txt --at nothing=1",
    "run models/toy.txt --wrt x", "run models/network.txt --save-point point.npz", "example toy",
    "example kink --save", "example nothing",
    *(f"{SMALL} --init {init}" for init in ("he", "glorot --activation tanh", "orthogonal", "normal:0.1")),
    *(f"{SMALL} --format {name}" for name in ("json", "csv", "markdown -v")),
    *(f"{SMALL} --arch {name} --activation gelu" for name in ("residual", "preln", "postln:0.5")),
    f"{SMALL} --critical --bias-var 0.05 --activation tanh --quantity h,f,dh,df,dW,db --stat std",
    f"{SMALL} --simulate-dtype all --fail-on vanish", f"{SMALL} --dtype float32 --inputs 2 --loss none -q",
    "gain relu", "gain leaky_relu:0.2 --bias-var 0.1", "gain 'z*erf(z)' --format json", "gain nothing",
    "gain tanh sigmoid softplus elu selu gelu silu mish softsign",
)  # fmt: skip


# Claims beside what rounding explains: beyond 1,000 rows without high precision, beyond 2^20 in blocks.
MANY_ROWS = """rows x ~ normal(0, 1) count {rows}
param w = 0.7
f = w*x
h = tanh(f)
loss = mean_rows(h)
claim d loss/d h = 1/{rows} * (1 + 1e-15)
""" + "".join(f"claim d loss/d f = (1 - h^2)/{{rows}} * (1 + {2.0**-k})\n" for k in range(26, 47))


def ask_models(both: Comparison, names: Iterable[str]) -> None:
    for name in names:
        for words in EACH_MODEL:
            both.compare("models", words.replace("FILE", f"models/{name}"))
    for words in OTHERS:
        both.compare("others", words)
    for rows in (1_500, 1_100_000):
        both.write(f"rows{rows}.txt", MANY_ROWS.format(rows=rows))
        both.compare("others", f"run rows{rows}.txt --points 1 --hint none --budget 1000 -v")


_BLOCK = re.compile(r"(?:^<!-- file: ([^\n]+) -->\n+)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def ask_page(both: Comparison, page: Path) -> None:
    """The console commands of a page, in its order, and further ones on the models it shows."""
    folder = page.name
    for name, language, text in _BLOCK.findall(page.read_text("utf-8")):
        if name:
            both.write(f"{folder}/{name}", text)
            for words in EACH_PAGE_MODEL:
                both.compare(folder, words.replace("FILE", name), folder)
        if language == "console":
            for line in re.findall(r"^\$ (.+)", text, re.MULTILINE):
                printed = ""
                for part in line.split(" | "):
                    command = Command(folder, folder, shlex.split(part)[1:], printed)
                    printed = both.ask(command).stdout


def ask_random_models(both: Comparison, count: int, seed: int) -> None:
    """Random models: derived, judged with claims made of what was derived, and with slips of the keyboard."""
    both.old.ask(Command("", "", ["functions"]))
    listing = both.old.answer().stdout
    functions, names = elementwise_functions(listing), function_names(listing)
    for k in range(count):
        part, chance = f"random {seed}/{k}", random.Random(f"claims {seed}/{k}")
        asked = ("explain - --format json", "run - -v --format json", chance.choice(EACH_RANDOM_MODEL))
        derive, *runs = (Command(part, "", words.split()) for words in asked)
        broken = Command(f"broken {seed}/{k}", "", ["show", "-"])
        if not any(map(both.selected, (derive, *runs, broken))):
            continue
        text = "\n".join(RandomModel(f"{seed}/{k}", functions, names).lines)
        explained = both.ask(derive._replace(stdin=text))
        lines = claims(explained.stdout, chance) if explained.code == 0 else []
        claimed = "\n".join([text, *lines])
        for command in (*runs, broken):
            given = damaged(claimed, chance) if command is broken else claimed
            if both.selected(command):
                both.ask(command._replace(stdin=given))


# ---------------------------------------------------------------------------------------------
# The whole run
# ---------------------------------------------------------------------------------------------


def unpack(revision: str, target: Path) -> None:
    """The files of a commit, without a worktree that would have to be cleaned up."""
    archive = subprocess.run(["git", "-C", PROJECT, "archive", revision], stdout=subprocess.PIPE, check=True)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(target, filter="data")


def start(root: Path, corpus: Path, home: Path, pages: Sequence[Path]) -> Build:
    """A build in a folder of its own that holds the models, and a folder with them for each page."""
    for folder in (home, *(home / page.name for page in pages)):
        shutil.copytree(corpus / "models", folder / "models")
    return Build(root, home)


def compare(given: argparse.Namespace, temporary: Path) -> Comparison:
    corpus = temporary / "corpus"
    unpack(given.old, corpus)
    pages = [corpus / "README.md", *sorted((corpus / "docs").glob("*.md"))]
    old, new = (
        start(root, corpus, temporary / name, pages) for root, name in ((corpus, "old"), (PROJECT, "new"))
    )
    both = Comparison(old, new, given)
    try:
        ask_models(both, sorted(path.name for path in (corpus / "models").glob("*.txt")))
        for page in pages:
            ask_page(both, page)
        ask_random_models(both, given.models, given.seed)
    finally:
        old.close()
        new.close()
    return both


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--old", metavar="REV", required=True, help="the commit whose output is right")
    parser.add_argument("--models", type=int, default=300, help="random models (default: 300)")
    parser.add_argument("--seed", type=int, default=0, help="of the random models (default: 0)")
    parser.add_argument("--only", default="", metavar="TEXT", help="only commands whose name holds it")
    parser.add_argument("--expect", type=Path, metavar="FILE", help="names of commands that shall differ")
    parser.add_argument("--ignore", metavar="REGEX", help="text left out of standard output before comparing")
    parser.add_argument("--list-changes", action="store_true", help="print names alone, no differences")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the temporary folder is removed
    start_time = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        both = compare(given, Path(folder))
    parts = ", ".join(f"{part} {count}" for part, count in both.equal.items())
    print(f"{both.equal.total()} answers are equal ({parts}), {len(both.changed)} differ", file=sys.stderr)
    print(f"{time.monotonic() - start_time:.0f} s", file=sys.stderr)
    return judge(both, expected_changes(given))


def expected_changes(given: argparse.Namespace) -> set[str]:
    """The lines of --expect that this run can meet; # starts a comment."""
    lines = given.expect.read_text("utf-8").splitlines() if given.expect else []
    return {line for line in lines if line and line[0] != "#" and given.only in line}


def judge(both: Comparison, expected: set[str]) -> int:
    """The exit code: whether precisely the expected commands differ."""
    missing = sorted(expected.difference(both.changed))
    unexpected = [label for label in both.changed if label not in expected]
    for label in missing:
        print(f"expected to differ, and does not: {label}", file=sys.stderr)
    if expected:
        print(f"{len(unexpected)} differ unexpectedly, {len(missing)} unexpectedly not", file=sys.stderr)
    if not both.equal and not both.changed:
        print("nothing was compared", file=sys.stderr)
    return 0 if both.equal.total() + len(both.changed) and not (missing or unexpected) else 1


if __name__ == "__main__":
    sys.exit(main())
