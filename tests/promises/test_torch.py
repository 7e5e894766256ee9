"""PyTorch's autograd as a fourth method: the models of models/ written once more by hand, and every
differentiable function of the table. Nothing of gradcheck's arithmetic is used on torch's side.

Runs where torch is installed: pip install 'gradcheck-cli[torch]'."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from build import Application, applications, exchanged
from gradcheck_cli import api
from gradcheck_cli.derivatives import backprop, symbolic
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.results.gradient_results import Report, Verdict
from paths import MODELS

# importorskip silences what the import itself has to say, and nothing after it
torch = pytest.importorskip("torch", reason="an optional method: pip install 'gradcheck-cli[torch]'")
F = torch.nn.functional

FOLDER = MODELS
Arrays = Mapping[str, np.ndarray]
Tensors = Mapping[str, Any]

# Relative to the largest entry of the block, not to each: an entry may be what is left of terms as large
# as the largest one, torch adds them in another order, and the rounding left over is that of the terms.
# A thousand or so operations of 1e-16 each stay below 1e-12.
CLOSE = 1e-12


def assert_same(found: Any, expected: Any) -> None:
    """One block of a gradient against torch's; shapes count."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    gap = np.max(np.abs(found - expected), initial=0.0)
    assert gap <= CLOSE * np.max(np.abs(expected), initial=0.0), gap


def assert_same_blocks(found: Arrays, expected: Arrays) -> None:
    """All blocks, by name."""
    assert set(found) == set(expected)
    for name, block in expected.items():
        assert_same(found[name], block)


# ---------------------------------------------------------------------------------------------
# Models by hand, in the words of torch. Rows are the first axis, so W @ x is x @ W.T
# ---------------------------------------------------------------------------------------------


def softmax_cross_entropy(v: Tensors) -> Any:
    scores = v["x"] @ v["W"].T + v["b"]
    return F.cross_entropy(scores[None], v["t"][None])


def mlp_rows(v: Tensors) -> Any:
    h = v["x"]
    for k in range(3):
        h = torch.relu(F.linear(h, v[f"W{k}"], v[f"b{k}"]))
    return ((F.linear(h, v["W3"], v["b3"]) - v["y"]) ** 2).sum(dim=1).mean()


def contrastive(v: Tensors) -> Any:
    return F.cross_entropy(v["U"] @ v["V"].T, torch.arange(4))


def attention(v: Tensors) -> Any:
    heads = [(v["X"] @ v[name])[None] for name in "ABC"]
    output = F.scaled_dot_product_attention(*heads)[0]
    return F.mse_loss(output, v["T"], reduction="sum")


def layer_norm(v: Tensors) -> Any:
    y = F.layer_norm(v["x"], (5,), weight=v["g"], bias=v["b"], eps=0.0)
    return F.mse_loss(y, v["t"], reduction="sum")


def rnn_unrolled(v: Tensors) -> Any:
    h = torch.zeros(3, dtype=torch.float64)
    for t in range(1, 5):
        h = torch.tanh(v["b"] + torch.mv(v["U"], v[f"x{t}"]) + torch.mv(v["W"], h))
    return torch.linalg.vector_norm(v["c"] + torch.mv(v["V"], h) - v["y"]) ** 2


def deep_relu(v: Tensors) -> Any:
    h = v["h0"]
    for k in range(5):
        h = F.relu(F.linear(h, v[f"W{k}"], v[f"b{k}"]))
    return F.mse_loss(F.linear(h, v["W5"], v["b5"]), v["y"], reduction="sum")


def network(v: Tensors) -> Any:
    h = F.relu(F.linear(v["x"], v["W0"], v["b0"]))
    h = F.relu(F.linear(h, v["W1"], v["b1"]))
    return F.mse_loss(F.linear(h, v["W2"], v["b2"]), v["y"], reduction="sum")


def logistic_regression(v: Tensors) -> Any:
    return F.binary_cross_entropy_with_logits(v["x"] @ v["w"] + v["b"], v["passed"])


def linear_regression(v: Tensors) -> Any:
    return F.mse_loss(v["X"] @ v["w"] + v["c"], v["y"])


def toy_rows(v: Tensors) -> Any:
    f1 = v["b1"] + v["w1"] * torch.sin(v["b0"] + v["w0"] * v["x"])
    f3 = v["b3"] + v["w3"] * torch.cos(v["b2"] + v["w2"] * torch.exp(f1))
    return torch.sum((f3 - v["y"]) ** 2)


BY_HAND: tuple[Callable[[Tensors], Any], ...] = (
    softmax_cross_entropy, mlp_rows, contrastive, attention, layer_norm, rnn_unrolled, deep_relu,
    network, logistic_regression, linear_regression, toy_rows,
)  # fmt: skip
every_model = pytest.mark.parametrize("by_hand", BY_HAND, ids=lambda function: function.__name__)


def load(by_hand: Callable[[Tensors], Any]) -> Model:
    return api.load(FOLDER / f"{by_hand.__name__}.txt")


def autograd(
    model: Model, loss: Callable[[Tensors], Any], names: Sequence[str] | None = None
) -> tuple[float, Arrays]:
    """torch's loss and its gradient by some inputs (else the parameters), at the values of the model."""
    names = [p.name for p in model.parameters()] if names is None else names
    v = {name: torch.tensor(item.values, dtype=torch.float64) for name, item in model.inputs.items()}
    wanted = [v[name].requires_grad_() for name in names]
    value = loss(v)
    gradient = torch.autograd.grad(value, wanted, materialize_grads=True)  # where's condition: 0
    return value.item(), {name: g.numpy() for name, g in zip(names, gradient, strict=True)}


def column(report: Report, method: str) -> Arrays:
    """A column of the report as arrays, by name."""
    found = {}
    for block in report.parameters:
        found[block.name] = np.full(block.shape, np.nan)
        for entry in block.entries:
            found[block.name][entry.index] = getattr(entry, method)
    return found


@every_model
def test_loss_and_gradient_of_a_model_are_those_of_torch(by_hand: Callable[[Tensors], Any]) -> None:
    model = load(by_hand)
    report = api.check(model, points=1, claims=())
    assert report.verdict is Verdict.OK
    loss, gradient = autograd(model, by_hand)
    assert report.loss == pytest.approx(loss, rel=CLOSE)
    assert report.loss_symbolic == pytest.approx(loss, rel=CLOSE)
    for method in ("backprop", "symbolic"):
        assert_same_blocks(column(report, method), gradient)


@every_model
def test_a_gradient_that_is_a_little_off_is_seen_in_every_block(by_hand: Callable[[Tensors], Any]) -> None:
    _, gradient = autograd(load(by_hand), by_hand)
    assert_same_blocks(gradient, gradient)
    for name, block in gradient.items():
        for change in (block * (1 + 1e-9), off_in_one_entry(block), -block):
            with pytest.raises(AssertionError):
                assert_same_blocks({**gradient, name: change}, gradient)


def off_in_one_entry(block: np.ndarray, by: float = 1e-9) -> np.ndarray:
    """The block with its last entry off by 1e-9 of the largest."""
    changed = block.copy()
    changed[(-1,) * block.ndim] += by * np.max(np.abs(block))
    return changed


def test_a_wrong_rule_of_backprop_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two columns are read apart: softmax without its second term is wrong in one of them only."""
    exchanged(monkeypatch, "softmax", vjp=(lambda m, g, y, x, rank, axis: y * g,))
    model = load(attention)
    report = api.check(model, points=1, claims=())
    _, gradient = autograd(model, attention)
    assert_same_blocks(column(report, "symbolic"), gradient)
    with pytest.raises(AssertionError):
        assert_same_blocks(column(report, "backprop"), gradient)


# ---------------------------------------------------------------------------------------------
# The table of functions
# ---------------------------------------------------------------------------------------------


def along(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of torch that reduces, for axis=none and for an axis that stays."""

    def twin(x: Any, axis: Any = None, keepdims: int | None = None) -> Any:
        dim = tuple(range(x.ndim)) if axis is None else axis
        kept = axis is not None if keepdims is None else bool(keepdims)
        if isinstance(dim, int) or function is not torch.prod:
            return function(x, dim=dim, keepdim=kept)
        dim = [k % x.ndim for k in dim]
        shape = [1 if k in dim else n for k, n in enumerate(x.shape)]
        rest = [k for k in range(x.ndim) if k not in dim]
        found = function(x.permute(*rest, *dim).reshape(*(x.shape[k] for k in rest), -1), dim=-1)
        return found.reshape(shape) if kept else found

    return twin


def spread(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of torch that keeps the shape: of a vector, or along an axis."""

    def twin(x: Any, axis: Any = None) -> Any:
        dim = (axis,) if isinstance(axis, int) else tuple(range(x.ndim)) if axis is None else axis
        rest = [k for k in range(x.ndim) if k not in dim]
        turned = x.permute(*rest, *dim)
        found = function(turned.reshape(*(x.shape[k] for k in rest), -1), dim=-1).reshape(turned.shape)
        return found.permute(*np.argsort([*rest, *dim]).tolist())

    return twin


def deviating(function: Callable[..., Any]) -> Callable[..., Any]:
    """torch.var or torch.std with the defaults that are ours."""

    def twin(x: Any, axis: Any = None, keepdims: int | None = None, correction: float = 0) -> Any:
        dim = tuple(range(x.ndim)) if axis is None else axis
        kept = axis is not None if keepdims is None else bool(keepdims)
        return function(x, dim=dim, correction=correction, keepdim=kept)

    return twin


def transposed(x: Any) -> Any:
    return x.T if x.ndim == 2 else x[None] if x.ndim == 1 else x


def multiplied(a: Any, b: Any) -> Any:
    return torch.outer(a, b[0]) if a.ndim == 1 else a @ b


def chosen(x: Any, *numbers: Any, key: tuple[Any, ...]) -> Any:
    """As PyTorch indexes: a range that runs along is an array of its own."""
    waiting = iter(n.long() for n in numbers)
    parts = (torch.arange(k.start, k.stop) if isinstance(k, range) else k for k in key)
    return x[tuple(next(waiting) if part is None else part for part in parts)]


def convolved(d: int) -> Callable[..., Any]:
    """conv1d or conv2d; a kernel without channels slides over the last axes of any array."""
    function = F.conv1d if d == 1 else F.conv2d

    def twin(x: Any, w: Any, stride: Any = 1, padding: Any = 0, groups: int = 1) -> Any:
        if w.ndim > d:
            return function(x, w, stride=stride, padding=padding, groups=groups)
        images = x.reshape(-1, 1, *x.shape[-d:])
        found = function(images, w[None, None], stride=stride, padding=padding)
        return found.reshape(*x.shape[:-d], *found.shape[-d:])

    return twin


def of_input(d: int) -> Callable[..., Any]:
    """The adjoint of the input, by torch's own."""

    def twin(g: Any, w: Any, sizes: Any = (), groups: int = 1, **options: Any) -> Any:
        lead = g.shape[:-d] if w.ndim == d else (*g.shape[: -d - 1], w.shape[1] * groups)
        x = torch.zeros(*lead, *sizes, dtype=torch.float64, requires_grad=True)
        z = convolved(d)(x, w, groups=groups, **options)
        return torch.autograd.grad(z, x, g, create_graph=True)[0]

    return twin


def of_weight(d: int) -> Callable[..., Any]:
    """The adjoint of the kernels."""

    def twin(x: Any, g: Any, kernel: Any = (), groups: int = 1, **options: Any) -> Any:
        lead = () if x.ndim == d else (g.shape[-d - 1], x.shape[-d - 1] // groups)
        w = torch.zeros(*lead, *kernel, dtype=torch.float64, requires_grad=True)
        z = convolved(d)(x, w, groups=groups, **options)
        return torch.autograd.grad(z, w, g, create_graph=True)[0]

    return twin


def pooled(one: Callable[..., Any], two: Callable[..., Any]) -> Callable[..., Any]:
    """A pool of the last axes of any array."""

    def twin(x: Any, window: Any = (), stride: Any = None) -> Any:
        window = window * min(2, x.ndim) if len(window) == 1 else window
        d = len(window)
        images = x.reshape(1, -1, *x.shape[-d:])
        found = (one if d == 1 else two)(images, window, stride)
        return found.reshape(*x.shape[:-d], *found.shape[-d:])

    return twin


def log_beta(a: Any, b: Any) -> Any:
    return torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)


TWINS: dict[str, Callable[..., Any]] = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "pow": torch.pow,
    "neg": torch.neg, "identity": torch.clone,
    "sin": torch.sin, "cos": torch.cos, "tan": torch.tan, "asin": torch.asin, "acos": torch.acos,
    "atan": torch.atan, "atan2": torch.atan2, "sinh": torch.sinh, "cosh": torch.cosh, "tanh": torch.tanh,
    "exp": torch.exp, "expm1": torch.expm1, "log": torch.log, "log1p": torch.log1p, "log2": torch.log2,
    "log10": torch.log10, "sqrt": torch.sqrt, "cbrt": lambda x: torch.sign(x) * torch.abs(x) ** (1 / 3),
    "abs": torch.abs, "sign": torch.sign, "where": lambda c, a, b: torch.where(c != 0, a, b),
    "maximum": torch.maximum, "minimum": torch.minimum,
    "erf": torch.erf, "sigmoid": torch.sigmoid, "softplus": F.softplus, "relu": torch.relu,
    "leaky_relu": lambda x, slope=0.01: F.leaky_relu(x, slope),
    "elu": lambda x, alpha=1.0: F.elu(x, alpha), "selu": F.selu, "silu": F.silu,
    "gelu": lambda x, approximate=0: F.gelu(x, approximate="tanh" if approximate else "none"),
    "mish": F.mish, "softsign": F.softsign,
    "sec": lambda x: 1 / torch.cos(x), "csc": lambda x: 1 / torch.sin(x), "cot": lambda x: 1 / torch.tan(x),
    "asinh": torch.asinh, "acosh": torch.acosh, "atanh": torch.atanh, "hypot": torch.hypot,
    "exp2": torch.exp2, "rsqrt": torch.rsqrt, "logit": torch.logit, "logaddexp": torch.logaddexp,
    "log1mexp": lambda x: torch.log(-torch.expm1(x)), "xlogy": torch.xlogy,
    "floor": torch.floor, "ceil": torch.ceil, "round": torch.round, "mod": torch.remainder,
    "clip": torch.clamp, "copysign": torch.copysign,
    "hard_tanh": F.hardtanh, "relu6": F.relu6, "hard_swish": F.hardswish,
    # the gradient of F.hardsigmoid holds 1/6 in float32, also of doubles (torch 2.14)
    "hard_sigmoid": lambda x: F.relu6(x + 3) / 6,
    "softshrink": lambda x, lambd=0.5: F.softshrink(x, lambd), "squared_relu": lambda x: torch.relu(x) ** 2,
    # so does that of F.celu hold 1/alpha
    "celu": lambda x, alpha=1.0: torch.where(x > 0, x, alpha * torch.expm1(torch.minimum(x, 0 * x) / alpha)),
    "log_sigmoid": F.logsigmoid,
    "glu": lambda x, axis=-1: F.glu(x, dim=axis),
    "cumsum": lambda x, axis=0: torch.cumsum(x, axis), "cumprod": lambda x, axis=0: torch.cumprod(x, axis),
    "lgamma": torch.lgamma, "gamma": lambda x: torch.exp(torch.lgamma(x)),
    "beta": lambda a, b: torch.exp(log_beta(a, b)), "betaln": log_beta,
    "gammainc": lambda x, a=1.0: torch.special.gammainc(torch.full_like(x, a), x),
    "erfc": torch.erfc, "erfcx": torch.special.erfcx, "erfinv": torch.erfinv,
    "normal_cdf": torch.special.ndtr, "log_normal_cdf": torch.special.log_ndtr,
    "normal_quantile": torch.special.ndtri, "sinc": torch.sinc, "i0": torch.special.i0,
    "i1": torch.special.i1,
    "sum": along(torch.sum), "mean": along(torch.mean), "prod": along(torch.prod),
    "norm": along(torch.linalg.vector_norm), "max": along(torch.amax), "min": along(torch.amin),
    "softmax": spread(torch.softmax), "log_softmax": spread(torch.log_softmax),
    "logsumexp": along(torch.logsumexp),
    "transpose": transposed, "trace": torch.trace, "det": torch.linalg.det, "inv": torch.linalg.inv,
    "solve": torch.linalg.solve, "logdet": torch.logdet, "slogdet": lambda a: torch.linalg.slogdet(a)[1],
    "cholesky": lambda a: torch.linalg.cholesky((a + a.T) / 2), "tril": torch.tril,
    "eigvalsh": lambda a: torch.linalg.eigvalsh((a + a.T) / 2), "kron": torch.kron,
    "cross": lambda u, v: torch.linalg.cross(u, v, dim=-1),
    **{f"einsum{k}": lambda *xs, subscripts: torch.einsum(subscripts, *xs) for k in (1, 2, 3)},
    "var": deviating(torch.var), "std": deviating(torch.std),
    "sort": lambda x, axis=0: torch.sort(x, dim=axis).values,
    "diag": torch.diag, "matmul": multiplied, "dot": torch.dot, "outer": torch.outer,
    "expand": lambda x, to: torch.broadcast_to(x, to), "index": lambda x, key: x[key],
    "reshape": lambda x, to: torch.reshape(x, to), "permute": lambda x, axes: torch.permute(x, axes),
    "take": chosen, "take_pairs": chosen,
    **{f"conv{d}d": convolved(d) for d in (1, 2)},
    **{f"conv{d}d_input": of_input(d) for d in (1, 2)},
    **{f"conv{d}d_weight": of_weight(d) for d in (1, 2)},
    "max_pool": pooled(F.max_pool1d, F.max_pool2d), "avg_pool": pooled(F.avg_pool1d, F.avg_pool2d),
    "flip": lambda x, axis=None: torch.flip(
        x, (axis,) if isinstance(axis, int) else axis or tuple(range(x.ndim))
    ),
    "stack": lambda *xs, axis=0: torch.stack(xs, dim=axis),
    "concat": lambda *xs, axis=0: torch.cat(xs, dim=axis),
    "sum_rows": lambda x: torch.sum(x, dim=0), "mean_rows": lambda x: torch.mean(x, dim=0),
}  # fmt: skip
NOTHING_TO_DIFFERENTIATE = {"gt", "lt", "ge", "le", "ones", "eye", "one_hot"}
# torch has no gradient of these, or does not have them at all, or has trigamma(x) to 10 digits only
NO_TWIN = {
    "j0", "j1", "y0", "y1", "bessel_j", "bessel_y", "bessel_i", "expint", "dawson", "digamma", "polygamma",
}  # fmt: skip
FLAT = {"sign", "floor", "ceil", "round"}  # the gradient is 0
# asked on both sides of 0
BENT = {"abs", "relu", "leaky_relu", "elu", "selu", "softsign", "squared_relu", "celu"}


def test_every_function_has_a_twin() -> None:
    assert set(TWINS) | NOTHING_TO_DIFFERENTIATE | NO_TWIN == set(PRIMITIVES)
    assert not set(TWINS) & (NOTHING_TO_DIFFERENTIATE | NO_TWIN)


def asked(name: str) -> list[Application]:
    """How a function is applied: to shared values, and to rows where it reduces them."""
    found = list(applications(PRIMITIVES[name]))
    shared = [application for application in found if not any(application.per_row)]
    return shared or found


def at_a_point(application: Application, seed: int) -> Model:
    """Drawn where the table says; an activation with a kink at 0 from both sides of it."""
    if application.record.name not in BENT:
        return application.model(seed)
    random = np.random.default_rng(seed)
    return application.model(at=[2 * random.normal(size=shape) for shape in application.shapes])


def twin_gradient(application: Application, model: Model) -> Arrays:
    """torch's gradient of the sum of weights * sin(f(a0, a1, ...)), the loss of an application."""

    names = [f"a{k}" for k in range(len(application.shapes)) if k not in application.record.whole]
    every = [f"a{k}" for k in range(len(application.shapes))]
    bend = torch.cos if application.record.name == "sin" else torch.sin

    def loss(v: Tensors) -> Any:
        y = TWINS[application.record.name](*(v[name] for name in every), **application.options)
        return torch.sum(v["weights"] * bend(y))

    return autograd(model, loss, names)[1]


@pytest.mark.parametrize("name", TWINS)
def test_the_gradient_of_a_function_is_that_of_torch(name: str) -> None:
    for application in asked(name):
        for seed in range(3):
            model = at_a_point(application, seed)
            expected = twin_gradient(application, model)
            names, tape, program = list(expected), forward_pass(model), symbolic.lower(model)
            assert_same_blocks(backprop.derivative(model, tape, "loss", names), expected)
            assert_same_blocks(symbolic.derivative(program, model.point(), "loss", names), expected)


@pytest.mark.parametrize("name", sorted(set(TWINS) - FLAT))
def test_a_rule_that_is_a_little_off_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = PRIMITIVES[name].vjp
    off = [None if rule is None else lambda *a, rule=rule, **o: rule(*a, **o) * (1 + 1e-9) for rule in rules]
    for application in asked(name):
        model = at_a_point(application, 0)
        expected = twin_gradient(application, model)
        with monkeypatch.context() as patch:
            exchanged(patch, name, vjp=tuple(off))
            found = backprop.derivative(model, forward_pass(model), "loss", list(expected))
        with pytest.raises(AssertionError):
            assert_same_blocks(found, expected)
