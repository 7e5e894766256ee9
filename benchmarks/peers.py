"""Other gradient checkers, each asked the question that a user would ask: is this the gradient here?

A peer is given the loss as a program in its own library and the numbers that somebody's backward pass
returned, with the tolerances that it has on its own. What is not installed is left out and named.
"""

from __future__ import annotations

import ast
import importlib.util
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import CodeType
from typing import Any

import numpy as np

from problems import At, Problem
from slips import Author

Words = Mapping[str, Any]
Judge = Callable[[Problem, At, Sequence[float]], bool]  # whether the gradient is accepted

SCIPY_TOLERANCE = 1e-6  # check_grad returns a norm and leaves the tolerance to its user
TEXTBOOK_STEP, TEXTBOOK_TOLERANCE = 1e-5, 1e-7  # central differences, relative error (Stanford CS231n, notes)
ERROR_ESTIMATES = 10  # numdifftools: so many of its own error estimates are allowed


PLAIN = (
    "exp", "expm1", "log", "log1p", "log10", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "abs",
    "sign", "where",
)  # fmt: skip


def words(
    library: Any, erf: Callable[[Any], Any], lift: Callable[[Any], Any] = lambda x: x
) -> dict[str, Any]:
    """The functions of the population in a library with NumPy's names."""

    def lifted(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments: function(*map(lift, arguments))

    found = {name: lifted(getattr(library, name)) for name in PLAIN}
    for name, theirs in (("asin", "arcsin"), ("acos", "arccos"), ("atan", "arctan"), ("atan2", "arctan2")):
        found[name] = lifted(getattr(library, theirs))
    high, low = lifted(library.maximum), lifted(library.minimum)
    exp, expm1, log1p, where, size = (found[name] for name in ("exp", "expm1", "log1p", "where", "abs"))

    def sigmoid(x: Any) -> Any:
        return (1 + found["tanh"](x / 2)) / 2

    def elu(x: Any) -> Any:
        return where(x > 0, x, expm1(low(x, 0.0)))

    found["erf"] = lifted(erf)
    return found | {
        "pi": math.pi,
        "max": high,
        "min": low,
        "sigmoid": sigmoid,
        "silu": lambda x: x * sigmoid(x),
        "softplus": lambda x: high(x, 0.0) + log1p(exp(-size(x))),
        "relu": lambda x: high(x, 0.0),
        "leaky_relu": lambda x: where(x > 0, x, 0.01 * x),
        "elu": elu,
        "selu": lambda x: 1.0507009873554805 * where(x > 0, x, 1.6732632423543772 * elu(x)),
        "gelu": lambda x: x * (1 + found["erf"](x / math.sqrt(2))) / 2,
        "cbrt": lambda x: found["sign"](x) * size(x) ** (1 / 3),
        "sum_rows": lifted(library.sum),
        "mean_rows": lifted(library.mean),
    }


class _Counted(ast.NodeTransformer):
    """Comparisons as numbers, which the libraries do not subtract; but for the condition of `where`."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        condition = node.args[0] if ast.unparse(node.func) == "where" else None
        found = self.generic_visit(node)
        if isinstance(condition, ast.Compare) and isinstance(found, ast.Call):
            found.args[0] = condition
        return found

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        return ast.Call(ast.Name("where", ast.Load()), [node, ast.Constant(1.0), ast.Constant(0.0)], [])


def compiled(text: str) -> CodeType:
    """An expression of the population for the functions of a library."""
    tree = _Counted().visit(ast.parse(text, mode="eval"))
    return compile(ast.fix_missing_locations(tree), text, "eval")


def program(problem: Problem, words: Words, lift: Callable[[Any], Any]) -> Callable[..., Any]:
    """The loss as a function of the parameters, in order."""
    given = {name: lift(value) for name, value in problem.data.items()}
    steps = [(name, compiled(text)) for name, text in problem.steps]
    return lambda *values: _run(steps, words, given | dict(zip(problem.parameters, values, strict=True)))


def _run(steps: Sequence[tuple[str, CodeType]], words: Words, known: dict[str, Any]) -> Any:
    names = {"__builtins__": {}, **words, **known}
    for name, code in steps:
        names[name] = eval(code, names)
    return names[steps[-1][0]]


# ---------------------------------------------------------------------------------------------
# NumPy: the textbook's rule, SciPy, numdifftools
# ---------------------------------------------------------------------------------------------


def _array(value: Any) -> Any:
    return np.asarray(value, dtype=float) if isinstance(value, list) else np.float64(value)


NUMPY = words(np, np.vectorize(math.erf, otypes=[float]))


def of_vector(problem: Problem) -> Callable[[Any], float]:
    """The loss as a function of one array with all parameters."""
    loss = program(problem, NUMPY, _array)

    def function(x: Any) -> float:
        with np.errstate(all="ignore"):
            return float(loss(*x))

    return function


def gradient_of(problem: Problem) -> Callable[[Any], Any]:
    """Its gradient by the chain of textbook formulas, as one would write it by hand."""
    author = Author(problem)
    forward = [(name, compiled(text)) for name, text in problem.steps]
    given = {name: _array(value) for name, value in problem.data.items()}
    backward = []
    for target in author.targets():
        text = author.right(target).formula.replace("d loss/d ", "adjoint_")
        backward.append((target, compiled(text)))

    def function(x: Any) -> Any:
        names = {"__builtins__": {}, **NUMPY, **given, **dict(zip(problem.parameters, x, strict=True))}
        with np.errstate(all="ignore"):
            for name, code in forward:
                names[name] = eval(code, names)
            for name, code in backward:
                names[f"adjoint_{name}"] = eval(code, names)
        return np.array([names[f"adjoint_{name}"] for name in problem.parameters], dtype=float)

    return function


def _vector(at: At) -> Any:
    return np.array(list(at.values.values()))


def textbook(problem: Problem, at: At, gradient: Sequence[float]) -> bool:
    """Central differences with one step, and the relative error."""
    function, here = of_vector(problem), _vector(at)
    for k, given in enumerate(gradient):
        step = np.zeros_like(here)
        step[k] = TEXTBOOK_STEP
        found = (function(here + step) - function(here - step)) / (2 * TEXTBOOK_STEP)
        if not abs(found - given) <= TEXTBOOK_TOLERANCE * max(abs(found), abs(given)):
            return False
    return True


def scipy(problem: Problem, at: At, gradient: Sequence[float]) -> bool:
    """scipy.optimize.check_grad, with the tolerance relative to the gradient where that is large."""
    from scipy.optimize import check_grad

    given = np.array(gradient)
    error = check_grad(of_vector(problem), lambda x: given, _vector(at))
    return bool(error <= SCIPY_TOLERANCE * max(1.0, float(np.linalg.norm(given))))


def numdifftools(problem: Problem, at: At, gradient: Sequence[float]) -> bool:
    """numdifftools.Gradient (0.11 or newer) with its own error estimate."""
    import numdifftools as nd

    found = nd.Gradient(of_vector(problem), full_output=True)(_vector(at))
    allowed = ERROR_ESTIMATES * np.ravel(found.error_estimate)
    return bool(np.all(np.abs(np.ravel(found.estimate) - np.array(gradient)) <= allowed))


# ---------------------------------------------------------------------------------------------
# Frameworks: the loss with a backward pass that returns the numbers
# ---------------------------------------------------------------------------------------------


def torch(problem: Problem, at: At, gradient: Sequence[float]) -> bool:
    """torch.autograd.gradcheck with its own tolerances."""
    import torch as library

    def lift(value: Any) -> Any:
        if isinstance(value, library.Tensor):
            return value
        return library.as_tensor(value, dtype=library.bool if isinstance(value, bool) else library.float64)

    loss = program(problem, words(library, library.special.erf, lift), lift)

    class Claimed(library.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(context: Any, *values: Any) -> Any:
            return loss(*values) + 0.0 * values[0]

        @staticmethod
        def backward(context: Any, upstream: Any) -> Any:
            return tuple(upstream * value for value in gradient)

    here = [lift(v).requires_grad_() for v in at.values.values()]
    return bool(library.autograd.gradcheck(Claimed.apply, here, raise_exception=False))


def jax(problem: Problem, at: At, gradient: Sequence[float]) -> bool:
    """jax.test_util.check_grads with its own tolerances, in 64 bits."""
    import jax as library
    from jax.scipy.special import erf
    from jax.test_util import check_grads

    library.config.update("jax_enable_x64", True)
    numbers = library.numpy

    def lift(value: Any) -> Any:
        return numbers.asarray(value, dtype=float) if isinstance(value, list) else value

    loss = program(problem, words(numbers, erf), lift)
    claimed = library.custom_vjp(loss)
    claimed.defvjp(
        lambda *values: (loss(*values), None),
        lambda _, upstream: tuple(upstream * value for value in gradient),
    )
    here = tuple(numbers.float64(v) for v in at.values.values())
    return _accepts(lambda: check_grads(claimed, here, order=1, modes=["rev"]))


def autograd(problem: Problem, at: At, gradient: Sequence[float]) -> bool:
    """autograd.test_util.check_grads with its own tolerances."""
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    function = of_vector(problem)
    claimed = primitive(lambda *values: function(values))
    defvjp(claimed, *(lambda y, *_, g=value: lambda upstream: upstream * g for value in gradient))
    return _accepts(lambda: check_grads(claimed, modes=["rev"], order=1)(*at.values.values()))


def _accepts(check: Callable[[], object]) -> bool:
    try:
        check()
    except AssertionError:
        return False
    return True


_PEERS: dict[str, tuple[str, Judge]] = {
    "textbook": ("numpy", textbook),
    "scipy": ("scipy", scipy),
    "numdifftools": ("numdifftools", numdifftools),
    "torch": ("torch", torch),
    "jax": ("jax", jax),
    "autograd": ("autograd", autograd),
}


def peers() -> tuple[dict[str, Judge], list[str]]:
    """Those that are installed, and the names of the others."""
    found = {name: judge for name, (needs, judge) in _PEERS.items() if importlib.util.find_spec(needs)}
    return found, [name for name in _PEERS if name not in found]


def answer(judge: Judge, problem: Problem, at: At, gradient: Sequence[float]) -> str:
    """ "accepted", "refused", or "failed" where it ends with an error of another kind."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return "accepted" if judge(problem, at, gradient) else "refused"
        except (ArithmeticError, ValueError, TypeError, RuntimeError, IndexError, np.linalg.LinAlgError):
            return "failed"
