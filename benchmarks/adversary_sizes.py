"""Random models of large arrays: how much memory and time a report takes, and that nothing breaks.

    python benchmarks/adversary_sizes.py --models 100 --seed 0

Shapes of 1 to 3,000, a few operations over them, now and then a claim that is 0. There is no oracle: each
report is one process, which must end within a minute of the processor and within 1 GiB beyond what the toy
model takes and its data, without an exception that is no error of gradcheck's own, and blame nobody's rule.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections import Counter

import numpy as np

from adversary_table import OPERATIONS
from adversary_trees import REDUCERS, Shape, Tree, apply, name, written

SIZES = (1, 7, 50, 200, 600, 1000, 3000)
SECONDS = 60
MEMORY = 2**30
_DRAWN = [o for o, made in OPERATIONS.items() if made.drawn and o not in REDUCERS]


def text_of(seed: int) -> tuple[str, int]:
    """A model, and the bytes of its inputs."""
    draw = random.Random(seed)
    size, other = draw.choice(SIZES), draw.choice(SIZES)
    shapes: list[Shape] = [(), (size,), (size,), (size, other), (other, size), (size, size), (other,)]
    chosen = {f"p{k}": draw.choice(shapes) for k in range(draw.choice([1, 2, 2, 3]))}
    pool = [name(title, shape) for title, shape in chosen.items()]
    kinds = {title: "param" if k == 0 else draw.choice(["param", "data"]) for k, title in enumerate(chosen)}
    spread = draw.choice(["0.01", "1"])
    lines = [
        f"{kinds[title]} {title}{_bracketed(shape)} ~ normal(0, {spread})" for title, shape in chosen.items()
    ]
    for k in range(draw.randint(1, 4)):
        tree = _applied(pool, draw)
        lines.append(f"s{k} = {written(tree)}")
        pool.append(name(f"s{k}", tree.shape))
    last = pool[-1]
    lines.append(f"loss = {written(apply(draw.choice(['sum', 'mean']), last) if last.shape else last)}")
    if draw.random() < 0.3:
        lines.append(f"claim d {draw.choice(pool[len(chosen):]).text}/d p0 = 0*{draw.choice(list(chosen))}")
    return "\n".join([*lines, ""]), sum(8 * int(np.prod(s)) for s in chosen.values())


def _bracketed(shape: Shape) -> str:
    return f"[{','.join(map(str, shape))}]" if shape else ""


def _applied(pool: list[Tree], draw: random.Random) -> Tree:
    while True:
        operation = draw.choice(_DRAWN)
        count = len({part[0] for part in OPERATIONS[operation].form.split("{")[1:]})
        arguments = [draw.choice(pool[-3:]), *(draw.choice(pool) for _ in range(count - 1))]
        draw.shuffle(arguments)
        try:
            found = apply(operation, *arguments)
        except ValueError:
            continue
        if operation in ("det", "inv") or 8 * np.prod(found.shape) < MEMORY / 4:
            return found


def measured(text: str) -> tuple[int, str, float, int]:
    """Exit code, messages, seconds of the processor and bytes at most, of one report."""
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(
            [sys.executable, "-m", "gradcheck_cli", "run", "-", "--format", "json"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=messages, preexec_fn=_limited,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(text.encode())
        process.stdin.close()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        messages.seek(0)
        said = messages.read().decode(errors="replace")
    return process.returncode, said, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (3 * SECONDS, 3 * SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (8 * MEMORY, 8 * MEMORY))


def failure(text: str, data: int, plain: int) -> tuple[str, str] | None:
    """What is wrong with the report of a model, if anything is; `plain` is the memory of the toy model."""
    code, said, seconds, memory = measured(text)
    if code not in (0, 1, 2, 3) or "Traceback" in said:
        return "crash", f"exit {code}: {(said.strip() or '-').splitlines()[-1]}"
    if memory > plain + data + MEMORY:
        return "memory", f"{memory / 2**20:.0f} MiB"
    if seconds > SECONDS:
        return "slow", f"{seconds:.0f} s"
    if code == 1 and "claim" not in text:
        return "blamed", said.strip()
    return None


def main() -> int:
    """Examine as many models as are asked for, and count."""
    parser = argparse.ArgumentParser(description="Random models of large arrays: memory and time.")
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the first model; the others follow")
    asked = parser.parse_args()
    *_, plain = measured("param x = 2\nloss = x^2\n")
    counts: Counter[str] = Counter()
    for seed in range(asked.seed, asked.seed + asked.models):
        text, data = text_of(seed)
        found = failure(text, data, plain)
        if found is not None:
            counts[found[0]] += 1
            print(f"--- seed {seed}: {found[0]}: {found[1]}\n{text}", flush=True)
    print(f"{asked.models:,} models")
    for kind in ("crash", "memory", "slow", "blamed"):
        print(f"{kind:<20}{counts[kind]:>6}")
    return 1 if counts else 0


if __name__ == "__main__":
    sys.exit(main())
