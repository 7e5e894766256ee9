"""Finite differences of a ReLU network 10-32x5-1 over 8 rows, in units of one plain forward pass.

Run with the Python of an environment that has gradcheck installed: python benchmarks/finite_differences.py
Prints medians of runs that alternate with the plain forward pass, which is hand-written numpy. SciPy and
torch are measured, too, where they are installed.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck_cli import api
from gradcheck_cli.derivatives.finite_differences.drivers import affine_routes, by_node
from gradcheck_cli.derivatives.finite_differences.drivers.by_entry import derivative
from gradcheck_cli.derivatives.finite_differences.schemes import SCHEMES, Scheme
from gradcheck_cli.derivatives.symbolic.program import lower
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.reference.referee import Referee

LAYERS, UNITS = 5, 32
MODEL = "\n".join(
    [
        "seed 3",
        "rows x[10] ~ normal(0, 1) count 8\nrows y ~ normal(0, 1) count 8",
        *(f"param W{k}[32,{10 if k == 0 else 32}] ~ he, b{k}[32] ~ normal(0, 0.1)" for k in range(LAYERS)),
        "param W5[1,32] ~ he, b5[1] = 0",
        *(f"h{k + 1} = relu(b{k} + W{k} @ {f'h{k}' if k else 'x'})" for k in range(LAYERS)),
        "f5 = b5 + W5 @ h5\nl = (f5[0] - y)^2\nloss = mean_rows(l)",
    ]
)


def plain(point: dict[str, Any]) -> float:
    """The loss as one would write it."""
    h = point["x"]
    for k in range(LAYERS):
        h = np.maximum(h @ point[f"W{k}"].T + point[f"b{k}"], 0)
    f = h @ point["W5"].T + point["b5"]
    return float(np.mean((f[:, 0] - point["y"]) ** 2))


def ratio(measured: Callable[[], object], unit: Callable[[], object], runs: int) -> float:
    """The median time of one call, in units of the other, each measured right before."""
    found = []
    for _ in range(runs):
        units = []
        for _ in range(100):
            start = time.perf_counter()
            unit()
            units.append(time.perf_counter() - start)
        start = time.perf_counter()
        measured()
        found.append((time.perf_counter() - start) / statistics.median(units))
    return statistics.median(found)


def naive(point: dict[str, Any], names: list[str]) -> list[float]:
    """Central differences, one entry after the other."""
    found = []
    for name in names:
        flat = point[name].reshape(-1)
        for k in range(flat.size):
            old = flat[k]
            flat[k] = old + 1e-6
            above = plain(point)
            flat[k] = old - 1e-6
            found.append((above - plain(point)) / 2e-6)
            flat[k] = old
    return found


def peers(point: dict[str, Any], names: list[str]) -> dict[str, tuple[Callable[[], object], int]]:
    """Those that are installed; the others are named."""
    found: dict[str, tuple[Callable[[], object], int]] = {}
    sizes = [point[name].size for name in names]
    start = np.concatenate([point[name].reshape(-1) for name in names])

    def of_flat(flat: Any) -> float:
        parts = np.split(flat, np.cumsum(sizes)[:-1])
        shaped = {n: p.reshape(point[n].shape) for n, p in zip(names, parts, strict=True)}
        return plain({**point, **shaped})

    if importlib.util.find_spec("scipy"):
        from scipy.optimize import approx_fprime

        found["scipy.optimize.approx_fprime, one-sided"] = (lambda: approx_fprime(start, of_flat), 2)
    else:
        print("scipy is not installed")
    if importlib.util.find_spec("torch"):
        import torch

        data = {name: torch.tensor(point[name]) for name in ("x", "y")}

        def loss(*values: Any) -> Any:
            given = dict(zip(names, values, strict=True))
            h = data["x"]
            for k in range(LAYERS):
                h = torch.relu(h @ given[f"W{k}"].T + given[f"b{k}"])
            return ((h @ given["W5"].T + given["b5"])[:, 0] - data["y"]).square().mean()

        leaves = [torch.tensor(point[name], requires_grad=True) for name in names]
        check = torch.autograd.gradcheck
        found["torch.autograd.gradcheck"] = (lambda: check(loss, leaves), 1)
        found["the same, fast mode (names no entry)"] = (lambda: check(loss, leaves, fast_mode=True), 3)
    else:
        print("torch is not installed")
    return found


def main() -> None:
    model = api.load(MODEL)
    tape = forward_pass(model)
    names = [p.name for p in model.parameters()]
    point = {name: np.array(item.values) for name, item in model.inputs.items()}
    noise = Referee(lower(model)).value_rounding(model.point(), ["loss"])["loss"]
    route = affine_routes.route(model, "loss", names)
    single = Scheme((0, 1), "forward", rungs=(13,))
    cases: dict[str, tuple[Callable[[], object], int]] = {
        "gradcheck: forward pass": (lambda: forward_pass(model), 50),
        "by node, one step size, no bounds": (lambda: by_node.derivative(tape, route, names, single), 20),
        "by node, with error bounds": (
            lambda: by_node.derivative(tape, route, names, SCHEMES["by-node"], noise), 20,
        ),
        "entry by entry, with error bounds, as in a run": (
            lambda: derivative(model, tape, "loss", names, SCHEMES["extrapolated"], noise, 1e-8), 3,
        ),
        "entry by entry, the whole ladder of step sizes": (
            lambda: derivative(model, tape, "loss", names, SCHEMES["extrapolated"], noise), 1,
        ),
        "a loop over the entries, central": (lambda: naive(point, names), 2),
        **peers(point, names),
    }  # fmt: skip
    assert abs(plain(point) - tape.loss) < 1e-12 * tape.loss
    print(f"{sum(point[n].size for n in names):,} entries; one plain forward pass = 1")
    for name, (measured, runs) in cases.items():
        print(f"{ratio(measured, lambda: plain(point), runs):>10,.0f}  {name}")


if __name__ == "__main__":
    main()
