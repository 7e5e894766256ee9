"""How long things take, as ratios against something that is measured in the same run.

Run with the Python of an environment that has gradcheck installed:

    python benchmarks/speed.py                 all sections
    python benchmarks/speed.py startup rows    some of them

torch, jax, scipy and casadi are measured, too, where they are installed; the others are named.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")  # before NumPy is imported
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import lark  # noqa: E402
import numpy as np  # noqa: E402

import finite_differences  # noqa: E402
import init_stats  # noqa: E402
from chains import chain  # noqa: E402
from gradcheck_cli import api, language  # noqa: E402
from gradcheck_cli.common import example_models  # noqa: E402
from gradcheck_cli.derivatives import backprop, symbolic  # noqa: E402
from gradcheck_cli.derivatives.finite_differences.drivers import by_entry  # noqa: E402
from gradcheck_cli.evaluation.tape import forward_pass  # noqa: E402
from timing import Call, has, ratios, tell  # noqa: E402

TOY = """rows x ~ normal(0, 1) count {rows}
rows y ~ normal(0, 1) count {rows}
param b0 = 1, b1 = 2, b2 = -3, b3 = 0.4, w0 = 0.1, w1 = -0.4, w2 = 2, w3 = 3
f0 = b0 + w0*x
h1 = sin(f0)
f1 = b1 + w1*h1
h2 = exp(f1)
f2 = b2 + w2*h2
h3 = cos(f2)
f3 = b3 + w3*h3
l = (f3 - y)^2
loss = mean_rows(l)
"""


# ---------------------------------------------------------------------------------------------
# Start-up
# ---------------------------------------------------------------------------------------------


def _command(*arguments: str) -> Call:
    return lambda: subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _run(path: Path) -> Call:
    """The whole command on a model."""
    return _command(str(Path(sys.executable).parent / "gradcheck"), "run", str(path))


def startup() -> None:
    """Whole commands, in units of an interpreter that does nothing."""
    python, ours = sys.executable, str(Path(sys.executable).parent / "gradcheck")
    toy = example_models.folder() / "toy.txt"
    with tempfile.TemporaryDirectory() as folder:
        wrong = Path(folder) / "wrong.txt"
        wrong.write_text("param w = 3\nloss = (w + 2\n")
        everything = "import click, rich.table, numpy, sympy, lark"
        cases = {
            "import click": _command(python, "-c", "import click"),
            "--help": _command(ours, "--help"),
            "--version": _command(ours, "--version"),
            "a syntax error": _run(wrong),
            "init-stats --depth 5": _command(ours, "init-stats", "--depth", "5"),
            "run models/toy.txt": _run(toy),
            everything: _command(python, "-c", everything),
        }
        tell("START-UP", "python -c pass", ratios(_command(python, "-c", "pass"), cases, 15))
        cases = {"run models/toy.txt": _run(toy)}
        tell("the same", everything, ratios(_command(python, "-c", everything), cases, 15))


# ---------------------------------------------------------------------------------------------
# Deep chains
# ---------------------------------------------------------------------------------------------


def chains() -> None:
    """Whole commands, in units of the command on the toy model; and the symbolic stage alone."""
    toy = example_models.folder() / "toy.txt"
    with tempfile.TemporaryDirectory() as folder:
        cases = {}
        for depth in (10, 100, 1000):
            path = Path(folder) / f"{depth}.txt"
            path.write_text(chain(depth))
            cases[f"K = {depth:,}, {2 * depth + 2:,} parameters"] = _run(path)
        tell("DEEP CHAINS, whole commands", "run models/toy.txt", ratios(_run(toy), cases, 3))
    if not has("casadi"):
        return
    model = api.load(chain(1000))
    names = [p.name for p in model.parameters()]
    point = model.point()

    def ours() -> object:
        return symbolic.derivative(symbolic.lower(model), point, "loss", names)

    found = ratios(_casadi(1000), {"symbolic": ours}, 5)
    tell("the symbolic stage at K = 1,000", "casadi SX, gradient", found)


def _casadi(depth: int) -> Call:
    import casadi

    functions = (casadi.sin, casadi.exp, casadi.cos, casadi.tanh)

    def run() -> object:
        b, w = casadi.SX.sym("b", depth + 1), casadi.SX.sym("w", depth + 1)
        h: Any = 0.5
        for k in range(depth):
            h = functions[k % 4](b[k] + w[k] * h)
        loss = (b[depth] + w[depth] * h - 0.3) ** 2
        gradient = casadi.gradient(loss, casadi.vertcat(b, w))
        return casadi.Function("g", [b, w], [gradient])(np.full(depth + 1, 0.1), np.full(depth + 1, 0.5))

    return run


def long() -> None:
    """A chain of 100,000 steps, in units of what lark alone takes for its statements. Some minutes."""
    text = chain(100_000)
    grammar = Path(language.__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    parser = lark.Lark(grammar, parser="lalr", lexer="basic", maybe_placeholders=False)

    def alone() -> object:
        return [parser.parse(line) for line in text.splitlines()]

    cases: dict[str, Call] = {"reading": lambda: api.load(text), "the run": lambda: api.check(api.load(text))}
    tell("A CHAIN OF 100,000 STEPS", "lark alone", ratios(alone, cases, 1))


# ---------------------------------------------------------------------------------------------
# Rows
# ---------------------------------------------------------------------------------------------


def rows() -> None:
    """Loss and gradient of the toy model over rows, in units of NumPy written by hand."""
    torch_, jax_ = has("torch"), has("jax")
    for count in (100, 10_000, 1_000_000):
        model = api.load(TOY.format(rows=count), max_data=1 << 34)
        point = {name: np.asarray(item.values) for name, item in model.inputs.items()}
        names = [p.name for p in model.parameters()]
        cases: dict[str, Call] = {
            "gradcheck": lambda m=model, n=names: backprop.derivative(m, forward_pass(m), "loss", n),
            "gradcheck, loss alone": lambda m=model: forward_pass(m),
        }
        if torch_:
            cases["torch"] = _torch_toy(point, names)
        if jax_:
            cases["jax, jit"] = _jax_toy(point, names)
        runs = 5 if count > 100_000 else 50
        found = ratios(lambda p=point: _by_hand(p), cases, runs)
        tell(f"ROWS, N = {count:,}, one thread", "NumPy by hand", found)
    tape, scheme = forward_pass(model), by_entry.scheme_by_name("extrapolated")

    def differences() -> object:
        return by_entry.derivative(model, tape, "loss", names, scheme, enough=1e-8)

    found = ratios(lambda: forward_pass(model), {"differences, with bounds": differences}, 3)
    tell(f"ROWS, N = {count:,}, all 8 parameters", "a forward pass", found)
    found = ratios(lambda: _by_hand(point), {"the whole run": lambda: api.check(model)}, 1)
    tell(f"ROWS, N = {count:,}", "NumPy by hand", found)


def _by_hand(p: dict[str, Any]) -> tuple[float, dict[str, float]]:
    f0 = p["b0"] + p["w0"] * p["x"]
    h1 = np.sin(f0)
    h2 = np.exp(p["b1"] + p["w1"] * h1)
    f2 = p["b2"] + p["w2"] * h2
    h3 = np.cos(f2)
    off = p["b3"] + p["w3"] * h3 - p["y"]
    g3 = 2 * off / len(off)
    g2 = -np.sin(f2) * p["w3"] * g3
    g1 = h2 * p["w2"] * g2
    g0 = np.cos(f0) * p["w1"] * g1
    return float(np.mean(off**2)), {
        "b3": g3.sum(), "w3": (g3 * h3).sum(), "b2": g2.sum(), "w2": (g2 * h2).sum(),
        "b1": g1.sum(), "w1": (g1 * h1).sum(), "b0": g0.sum(), "w0": (g0 * p["x"]).sum(),
    }  # fmt: skip


def _loss(lib: Any, p: dict[str, Any]) -> Any:
    h1 = lib.sin(p["b0"] + p["w0"] * p["x"])
    h2 = lib.exp(p["b1"] + p["w1"] * h1)
    h3 = lib.cos(p["b2"] + p["w2"] * h2)
    return ((p["b3"] + p["w3"] * h3 - p["y"]) ** 2).mean()


def _torch_toy(point: dict[str, Any], names: list[str]) -> Call:
    import torch

    torch.set_num_threads(1)
    given = {name: torch.tensor(value, requires_grad=name in names) for name, value in point.items()}
    return lambda: torch.autograd.grad(_loss(torch, given), [given[n] for n in names])


def _jax_toy(point: dict[str, Any], names: list[str]) -> Call:
    import jax

    jax.config.update("jax_enable_x64", True)
    data = {name: jax.numpy.asarray(value) for name, value in point.items() if name not in names}
    run = jax.jit(jax.value_and_grad(lambda params: _loss(jax.numpy, {**data, **params})))
    params = {name: jax.numpy.asarray(point[name]) for name in names}
    return lambda: jax.block_until_ready(run(params))


# ---------------------------------------------------------------------------------------------
# A deep net
# ---------------------------------------------------------------------------------------------


def net() -> None:
    """The gradient of a ReLU network with 50 layers of 100 units over 1,000 rows, in units of torch's."""
    if not has("torch"):
        return
    import torch

    torch.set_num_threads(1)
    depth, width, count = 50, 100, 1000
    lines = [
        f"seed 1\nrows x[{width}] ~ normal(0, 1) count {count}",
        *(f"param W{k}[{width},{width}] ~ he, b{k}[{width}] = 0" for k in range(depth)),
        *(f"h{k + 1} = relu(b{k} + W{k} @ {f'h{k}' if k else 'x'})" for k in range(depth)),
        f"l = sum(h{depth}^2)\nloss = mean_rows(l)",
    ]
    model = api.load("\n".join(lines))
    names = [p.name for p in model.parameters()]
    given = {n: torch.tensor(np.asarray(i.values)) for n, i in model.inputs.items()}
    leaves = [given[name].requires_grad_() for name in names]

    def theirs() -> object:
        h = given["x"]
        for k in range(depth):
            h = torch.relu(torch.nn.functional.linear(h, given[f"W{k}"], given[f"b{k}"]))
        return torch.autograd.grad((h**2).sum(dim=1).mean(), leaves)

    def ours() -> object:
        return backprop.derivative(model, forward_pass(model), "loss", names)

    found = ratios(theirs, {"gradcheck": ours}, 5)
    tell("A DEEP NET, 50 x 100 over 1,000 rows, one thread", "torch", found)


SECTIONS: dict[str, Callable[[], None]] = {
    "startup": startup,
    "chains": chains,
    "long": long,
    "rows": rows,
    "net": net,
    "differences": finite_differences.main,
    "init-stats": init_stats.both,
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("sections", nargs="*", help=f"some of {', '.join(SECTIONS)}")
    for name in options.parse_args().sections or SECTIONS:
        SECTIONS[name]()


if __name__ == "__main__":
    main()
