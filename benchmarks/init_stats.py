"""`gradcheck init-stats` against the straightforward loop over variances and networks, as commands.

Run with the Python of an environment that has gradcheck installed: python benchmarks/init_stats.py
Prints the median ratio of alternating runs; 1 means equal, less means that gradcheck is faster. First whole
commands with all their imports, then the computation alone.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import subprocess
import sys
import time

LOOP = """
import numpy as np
D, K, NETS = 100, 50, 20
for sigma2 in (0.001, 0.01, 0.02, 0.1, 1.0):
    forward, backward = np.zeros((NETS, K)), np.zeros((NETS, K))
    for net in range(NETS):
        rng = np.random.default_rng(net)
        weights = [rng.standard_normal((D, D)) * sigma2**0.5 for _ in range(K)]
        weights.append(rng.standard_normal((1, D)) * sigma2**0.5)
        h, active = rng.standard_normal(D), []
        for k in range(K):
            f = weights[k] @ h
            active.append(f > 0)
            h = np.where(active[-1], f, 0.0)
            forward[net, k] = np.log10(h.var())
        g = 2 * (weights[K] @ h)
        for k in range(K, 0, -1):
            g = weights[k].T @ g
            backward[net, k - 1] = np.log10(g.var())
            g = g * active[k - 1]
    print(sigma2, np.median(forward, axis=0)[-1], np.median(backward, axis=0)[0])
"""
COMMANDS = {
    "loop": [sys.executable, "-W", "ignore", "-c", LOOP],
    "gradcheck": [sys.executable, "-m", "gradcheck_cli", "init-stats"],
}
RUNS = 11


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS):
        for name, command in COMMANDS.items():
            taken[name].append(seconds(command))
    tell("commands", taken)


def compute() -> None:
    from gradcheck_cli import init_stats

    loop = compile(LOOP, "loop", "exec")
    works = {"loop": lambda: exec(loop, {}), "gradcheck": init_stats}
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(RUNS):
        for name, work in works.items():
            start = time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                work()
            taken[name].append(time.perf_counter() - start)
    tell("computation", taken)


def tell(what: str, taken: dict[str, list[float]]) -> None:
    pairs = zip(taken["gradcheck"], taken["loop"], strict=True)
    ratios = sorted(ours / theirs for ours, theirs in pairs)
    low, high = ratios[1], ratios[-2]
    print(f"{what}: init-stats / loop = {statistics.median(ratios):.2f}   [{low:.2f}, {high:.2f}]")


def both() -> None:
    main()
    compute()


if __name__ == "__main__":
    both()
