"""`gradcheck init-stats` against what one would write instead: a loop over variances and networks.

Run with the Python of an environment that has gradcheck installed: python benchmarks/init_stats.py

The loop in NumPy, and in PyTorch with hooks where it is installed, take five variances, 20 networks each, of
50 layers of 100 units. First whole commands with all their imports, then the computation alone, on all
cores and on one: init-stats draws in two threads.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")  # before NumPy is imported

import numpy as np  # noqa: E402

from timing import Call, has, ratios, tell  # noqa: E402

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
VARIANCES = (0.001, 0.01, 0.02, 0.1, 1.0)
WIDTH, DEPTH, NETS = 100, 50, 20
RUNS = 5


def commands() -> None:
    def command(*arguments: str) -> Call:
        return lambda: subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)

    cases = {"gradcheck init-stats": command("-m", "gradcheck_cli", "init-stats")}
    found = ratios(command("-W", "ignore", "-c", LOOP), cases, RUNS)
    tell("INIT-STATS, whole commands", "the loop in NumPy", found)


def computation() -> None:
    from gradcheck_cli.api import init_stats

    loop = {"the loop in NumPy": _quietly(compile(LOOP, "loop", "exec"))}
    tell("INIT-STATS, the computation, all cores", "init-stats", ratios(init_stats, loop, RUNS))
    cases: dict[str, Call] = {**loop}
    if has("torch"):
        cases["PyTorch with hooks"] = lambda: _with_hooks(of_weights=True)
        cases["the same, no gradients of weights"] = lambda: _with_hooks(of_weights=False)
    for activation in ("relu", "tanh"):
        for count in (1, 5, 20):
            cases[f"init-stats, {activation}, variances: {count}"] = _with(activation, count)
    with _pinned():
        found = ratios(init_stats, cases, RUNS)
    tell("The same, one core", "init-stats", found)


@contextlib.contextmanager
def _pinned() -> Iterator[None]:
    """All threads on one core, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        print("cores cannot be chosen here: all are used")
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _quietly(code: Any) -> Call:
    def run() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(code, {})

    return run


def _with(activation: str, count: int) -> Call:
    from gradcheck_cli.api import init_stats
    from gradcheck_cli.initialization.options import InitOptions

    inits = tuple(f"normal:{variance:.6g}" for variance in np.geomspace(0.005, 0.2, count))
    return lambda: init_stats(InitOptions(activation=activation, inits=inits))


def _with_hooks(*, of_weights: bool) -> list[tuple[float, float]]:
    """What the loop prints. Weights are drawn once, without the drawing that torch.nn.Linear does itself."""
    import torch

    torch.set_num_threads(1)
    found = []
    for variance in VARIANCES:
        forward, backward = np.zeros((NETS, DEPTH)), np.zeros((NETS, DEPTH))
        for net in range(NETS):
            torch.manual_seed(net)
            model = _torch_network(torch, variance, of_weights)
            for k, layer in enumerate(model[1::2]):
                layer.register_forward_hook(_recorder(forward[net], k))
                layer.register_full_backward_hook(_recorder(backward[net], k))
            x = torch.randn(1, WIDTH, dtype=torch.float64, requires_grad=True)
            model(x).pow(2).sum().backward()
        found.append((float(np.median(forward[:, -1])), float(np.median(backward[:, 0]))))
    return found


def _torch_network(torch: Any, variance: float, of_weights: bool) -> Any:
    layers: list[Any] = []
    for outputs in (*[WIDTH] * DEPTH, 1):
        linear = torch.nn.utils.skip_init(torch.nn.Linear, WIDTH, outputs, bias=False, dtype=torch.float64)
        torch.nn.init.normal_(linear.weight, 0.0, variance**0.5)
        layers += [linear.requires_grad_(of_weights), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def _recorder(into: Any, k: int) -> Any:
    """A hook, forward or backward: both get the tensor last, one of them in a tuple."""

    def record(layer: Any, before: Any, after: Any) -> None:
        tensor = after[0] if isinstance(after, tuple) else after
        into[k] = tensor.var(unbiased=False).log10().item()

    return record


def both() -> None:
    commands()
    computation()


if __name__ == "__main__":
    both()
