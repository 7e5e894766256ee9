"""Reads calls of torch for matrices and layers. Gives what they compute of arrays that record.

One table, LAYERS, by the names of ATen. Knows nothing of tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from gradcheck_cli.tracing.built_operations import BUILT
from gradcheck_cli.tracing.frameworks.common_operations import convolution, named, pooled
from gradcheck_cli.tracing.frameworks.torch_call import Build, Call
from gradcheck_cli.tracing.new_nodes import recorded
from gradcheck_cli.tracing.recorded_array import Recorded, plain
from gradcheck_cli.tracing.traced_nodes import TracedNode, constant

__all__ = ["LAYERS"]

# -- products and matrices ----------------------------------------------------------------------------


def _product(call: Call, a: Any, b: Any) -> Any:
    a, b = recorded(call.recording, a), recorded(call.recording, b)
    if a.ndim == b.ndim == 3 and len(a) == len(b) == 1:
        one, other = (Recorded(_only(each.node), call.recording) for each in (a, b))
        found = np.matmul(one, other)
        return found.reshape(1, *found.shape)
    return np.matmul(a, b)


def _only(node: TracedNode) -> TracedNode:
    """The only one of a batch of matrices, computed without the batch where that is as short."""
    value, given = node.value[0], node.arguments
    if node.operation == "reshape" and given[0].shape == value.shape:
        return given[0]
    if node.operation == "transpose" and tuple(node.options["axes"]) == (0, 2, 1):
        return TracedNode("transpose", (_only(given[0]),), value, {"axes": (1, 0)}, node.place)
    if node.operation == "softmax" and tuple(node.options["axis"]) == (2,):
        return TracedNode("softmax", (_only(given[0]),), value, {"axis": (1,)}, node.place)
    if node.operation == "*" and given[0].shape == node.shape and not given[1].shape:
        return TracedNode("*", (_only(given[0]), given[1]), value, {}, node.place)
    if node.operation == "data":
        return constant(value)
    return TracedNode("reshape", (node,), value, {}, node.place)


def _added_product(call: Call, c: Any, a: Any, b: Any, beta: float = 1, alpha: float = 1) -> Any:
    """c + a @ b, with the product in front."""
    found = np.matmul(a, b)
    found = found if alpha == 1 else found * float(alpha)
    return found if beta == 0 else found + (c if beta == 1 else c * float(beta))


def _of_each(function: Callable[..., Any]) -> Build:
    """A function of matrices, of several one by one."""

    def build(call: Call, *given: Any, **options: Any) -> Any:
        arrays = [recorded(call.recording, each) for each in given]
        if arrays[0].ndim == 2:
            return function(*arrays, **options)
        lead = arrays[0].shape[:-2]
        flat = [each.reshape(-1, *each.shape[len(lead) :]) for each in arrays]
        found = [function(*parts, **options) for parts in zip(*flat, strict=True)]
        whole = found[0] if len(found) == 1 else np.stack(found)
        return whole.reshape(*lead, *found[0].shape)

    return build


def _triangular(
    a: Any, b: Any, upper: bool = False, left: bool = True, unitriangular: bool = False, **options: Any
) -> Any:
    if unitriangular:
        raise ValueError("unitriangular")
    kept = np.triu if upper else np.tril
    a = a if np.array_equal(plain(a), kept(plain(a))) else a * kept(np.ones(a.shape))
    return np.linalg.solve(a, b) if left else np.linalg.solve(a.T, b.T).T


def _solve(call: Call, a: Any, b: Any, left: bool = True, **options: Any) -> Any:
    if not left:
        raise ValueError("left=False")
    return [_of_each(np.linalg.solve)(call, a, b), None, None, None]


def _factor(call: Call, a: Any, upper: bool = False, **options: Any) -> Any:
    found = _of_each(np.linalg.cholesky)(call, a)
    return [np.swapaxes(found, -1, -2) if upper else found, None]


def _signed_log_det(call: Call, a: Any) -> Any:
    value = np.linalg.slogdet(plain(a))
    return [value[0], np.linalg.slogdet(a)[1], None, None]


def _factor_solve(b: Any, a: Any, upper: bool = False) -> Any:
    low = a.T if upper else a
    return np.linalg.solve(low.T, np.linalg.solve(low, b))


def _triangle(kept: Any) -> Build:
    return lambda call, x, diagonal=0: x * kept(np.ones(x.shape), diagonal)


def _diagonal_matrix(call: Call, x: Any, offset: int = 0, *axes: int) -> Any:
    if offset or x.ndim != 1:
        raise ValueError("of a vector, on the diagonal itself")
    return np.diag(x)


# -- layers -------------------------------------------------------------------------------------------


def _convolved(
    call: Call, x: Any, w: Any, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool,
    output_padding: Any, groups: int,
) -> Any:
    count = np.ndim(plain(x)) - 2
    if count > 2:
        raise ValueError("of volumes")
    stride, padding, dilation, more = (
        [*given] * (count if len(given) == 1 else 1) for given in (stride, padding, dilation, output_padding)
    )
    if not transposed:
        found = convolution(call.recording, x, w, stride, [(n, n) for n in padding], groups, dilation)
    else:
        found = _transposed_convolution(call, x, w, stride, padding, dilation, more, groups)
    return found if bias is None else found + np.reshape(bias, (1, -1, *[1] * (found.ndim - 2)))


def _transposed_convolution(
    call: Call, x: Any, w: Any, stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int],
    more: Sequence[int], groups: int,
) -> Any:  # fmt: skip
    """The adjoint of a convolution: one with kernels turned round, of images with zeros between."""
    w = recorded(call.recording, w)
    sizes = w.shape[2:]
    parts = w.reshape(groups, w.shape[0] // groups, *w.shape[1:]).swapaxes(1, 2)
    turned = np.flip(parts.reshape(-1, w.shape[0] // groups, *sizes), tuple(range(2, w.ndim)))
    reach = [gap * (n - 1) - p for gap, n, p in zip(dilation, sizes, padding, strict=True)]
    sides = [(n, n + extra) for n, extra in zip(reach, more, strict=True)]
    return convolution(call.recording, x, turned, [1] * len(sizes), sides, groups, dilation, stride)


def _pooled(name: str) -> Build:
    def build(
        call: Call, x: Any, window: Sequence[int], stride: Sequence[int] = (), padding: Sequence[int] = (0,),
        *more: Any, **options: Any,
    ) -> Any:
        gaps = more[0] if name == "max_pool" and more else [1]
        if any(padding) or (name == "max_pool" and any(n != 1 for n in gaps)):
            raise ValueError("with padding or gaps")
        window = [*window] * (2 if len(window) == 1 else 1)
        stride = [*stride] * (2 if len(stride) == 1 else 1) or window
        found = pooled(call.recording, name, recorded(call.recording, x), window, stride)
        return [found, None] if name == "max_pool" else found

    return build


def _layer_norm(call: Call, x: Any, shape: Sequence[int], weight: Any, bias: Any, eps: float) -> Any:
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    found = (x - x.mean(axis=axes, keepdims=True)) / np.sqrt(x.var(axis=axes, keepdims=True) + eps)
    found = found if weight is None else found * weight
    return [found if bias is None else found + bias, None, None]


def _group_norm(
    call: Call, x: Any, weight: Any, bias: Any, count: int, channels: int, size: int, groups: int, eps: float
) -> Any:
    parts = np.reshape(x, (count, groups, -1))
    spread = np.sqrt(parts.var(axis=2, keepdims=True) + eps)
    found = np.reshape((parts - parts.mean(axis=2, keepdims=True)) / spread, x.shape)
    column = (1, -1, *[1] * (x.ndim - 2))
    found = found if weight is None else found * np.reshape(weight, column)
    return [found if bias is None else found + np.reshape(bias, column), None, None]


def _distances(call: Call, a: Any, b: Any, p: float, mode: Any = None) -> Any:
    """Of each row of a from each row of b."""
    rows, others = (*a.shape[:-1], 1, a.shape[-1]), (*b.shape[:-2], 1, *b.shape[-2:])
    return _length(np.reshape(a, rows) - np.reshape(b, others), p)


def _own_distances(call: Call, x: Any, p: float = 2) -> Any:
    """Of the rows from one another, each pair once."""
    first, second = np.triu_indices(len(x), 1)
    return _length(x[first] - x[second], p)


def _length(x: Any, p: float) -> Any:
    if p == 1:
        return abs(x).sum(axis=-1)
    return np.linalg.norm(x, axis=-1) if p == 2 else (abs(x) ** p).sum(axis=-1) ** (1 / p)


def _batch_norm(
    call: Call, x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, momentum: float,
    eps: float,
) -> Any:
    axes = (0, *range(2, x.ndim))
    column = (1, -1, *[1] * (x.ndim - 2))
    if training:
        center, spread = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    else:
        center, spread = np.reshape(mean, column), np.reshape(var, column)
    found = (x - center) / np.sqrt(spread + eps)
    found = found if weight is None else found * _beside(weight, column)
    return [found if bias is None else found + _beside(bias, column), None, None]


def _beside(x: Any, column: tuple[int, ...]) -> Any:
    return np.reshape(x, column) if len(column) > 2 else x


def _running_batch_norm(
    call: Call, x: Any, weight: Any, bias: Any, mean: Any, var: Any, momentum: float, eps: float
) -> Any:
    return [*_batch_norm(call, x, weight, bias, None, None, True, momentum, eps), None]


def _attended(
    call: Call, q: Any, k: Any, v: Any, dropout: float = 0.0, is_causal: bool = False, attn_mask: Any = None,
    scale: float | None = None,
) -> Any:
    """softmax(q @ k' + mask) @ v."""

    if dropout:
        raise ValueError("with dropout")
    scores = np.matmul(q, np.swapaxes(k, -1, -2)) * (1 / np.sqrt(q.shape[-1]) if scale is None else scale)
    if is_causal:
        attn_mask = np.where(np.tril(np.ones(scores.shape[-2:])) > 0, 0.0, -np.inf)
    if attn_mask is not None:
        scores = scores + attn_mask
    return [np.matmul(BUILT["softmax"](call.recording, scores, axis=-1), v), None]


def _reduction(found: Any, kind: int) -> Any:
    """By torch's numbers: none, the mean, the sum."""
    return (found, found.mean(), found.sum())[kind]


def _squares(call: Call, x: Any, y: Any, reduction: int = 1) -> Any:
    return _reduction((x - y) ** 2, reduction)


def _likelihood(
    call: Call, logp: Any, target: Any, weight: Any, reduction: int, ignored: int
) -> Any:
    """The negative log-probability of each row's class."""
    target = plain(target)
    if weight is not None or np.any(target == ignored):
        raise ValueError("with weights, or ignored classes")
    logp = recorded(call.recording, logp)
    if logp.ndim == 1:
        return [-logp[int(target)], None]
    return [_reduction(-logp[np.arange(len(target)), target], reduction), None]


def _cross_entropy_of_logits(
    call: Call, x: Any, y: Any, weight: Any = None, pos_weight: Any = None, reduction: int = 1
) -> Any:
    if weight is not None or pos_weight is not None:
        raise ValueError("with weights")
    return _reduction(named(call.recording, "softplus", x) - x * y, reduction)


LAYERS: Mapping[str, Build] = MappingProxyType({
    **dict.fromkeys(("mm", "bmm", "mv", "matmul"), _product), "addmm": _added_product,
    "baddbmm": _added_product, "addmv": _added_product,
    "linalg_solve_triangular": _of_each(_triangular), "_linalg_solve_ex": _solve,
    "linalg_cholesky_ex": _factor, "_linalg_slogdet": _signed_log_det,
    "cholesky_solve": _of_each(_factor_solve),
    "linalg_inv_ex": lambda call, a, **options: [_of_each(np.linalg.inv)(call, a), None],
    "_linalg_eigh": lambda call, a, *rest: [np.linalg.eigvalsh(recorded(call.recording, a)), None],
    "cholesky_inverse": lambda call, a, upper=False: np.linalg.inv(a.T @ a if upper else a @ a.T),
    "_linalg_det": lambda call, a: [_of_each(np.linalg.det)(call, a), None, None],
    "tril": _triangle(np.tril), "triu": _triangle(np.triu), "diag_embed": _diagonal_matrix,
    "convolution": _convolved, "max_pool2d_with_indices": _pooled("max_pool"),
    "avg_pool2d": _pooled("avg_pool"), "native_layer_norm": _layer_norm,
    "native_group_norm": _group_norm, "_cdist_forward": _distances, "_pdist_forward": _own_distances,
    "native_batch_norm": _batch_norm,
    "_native_batch_norm_legit": _batch_norm, "_batch_norm_with_update": _running_batch_norm,
    "_scaled_dot_product_flash_attention_for_cpu": _attended, "mse_loss": _squares,
    "nll_loss_forward": _likelihood, "binary_cross_entropy_with_logits": _cross_entropy_of_logits,
})  # fmt: skip
