"""Reads primitives. Gives their derivatives as text, for `gradcheck functions`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from gradcheck_cli.formulas.derivation import Derivation
from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.model import Input, Model, Step
from gradcheck_cli.model.primitives.record import Primitive, Shape

__all__ = ["derivative_text"]


_IN_WORDS = {
    "index": "g at the index, 0 elsewhere",
    "expand": "the sum over all copies of g",
    "reshape": "g in the shape of x",
    "permute": "g with its axes back in their order",
    "concat": "of each its own part of g",
    "take": "g at its places, added where one is chosen twice; 0 elsewhere",
    "take_pairs": "g at its places, added where a pair is chosen twice; 0 elsewhere",
    "one_hot": "0",
    "conv1d": "d/dx: conv1d_input(g, w, size of x), d/dw: conv1d_weight(x, g, size of w)",
    "conv2d": "d/dx: conv2d_input(g, w, sizes of x), d/dw: conv2d_weight(x, g, sizes of w)",
    "conv1d_input": "d/dg: conv1d(h, w), d/dw: conv1d_weight(h, g, size of w), for the adjoint h",
    "conv2d_input": "d/dg: conv2d(h, w), d/dw: conv2d_weight(h, g, sizes of w), for the adjoint h",
    "conv1d_weight": "d/dx: conv1d_input(g, h, size of x), d/dg: conv1d(x, h), for the adjoint h",
    "conv2d_weight": "d/dx: conv2d_input(g, h, sizes of x), d/dg: conv2d(x, h), for the adjoint h",
    "max_pool": "g at the largest entry of each window, 0 elsewhere",
    "avg_pool": "g over the entries of a window, added where windows overlap",
    "ones": "0",
    "eye": "0",
    "polygamma": "polygamma(n + 1, x)",
    "bessel_j": "(bessel_j(n - 1, x) - bessel_j(n + 1, x))/2; -j1(x) for n = 0",
    "bessel_y": "(bessel_y(n - 1, x) - bessel_y(n + 1, x))/2; -y1(x) for n = 0",
    "bessel_i": "(bessel_i(n - 1, x) + bessel_i(n + 1, x))/2; i1(x) for n = 0",
    "gammainc": "x^(a - 1)*exp(-x)/gamma(a)",
    "glu": "of the first half g*sigmoid(b), of the second g*a*sigmoid(b)*(1 - sigmoid(b)), for x = [a, b]",
    "eigvalsh": "V @ diag(g) @ V' for the eigenvectors V",
    "einsum1": "g at the axes of A, the same along the others",
    "einsum2": "of each the einsum of g with the other",
    "einsum3": "of each the einsum of g with the others",
    "kron": "of each the sums of g times the other, over its entries",
    "sort": "g in the places that the entries have in x",
    "floor": "0", "ceil": "0", "round": "0",
}


def derivative_text(primitive: Primitive) -> str:
    """A function's derivative in its own arguments, from SymPy: "cos(x)", or one for each argument.

    Of a function of arrays, the adjoints of its arguments where g = d loss/d result is given.
    """
    if primitive.name in _IN_WORDS:
        return _IN_WORDS[primitive.name]
    names, shapes = _arguments(primitive)
    derivation, root = _of_one_call(primitive, names, shapes)
    algebra = derivation.algebra
    result = derivation.node(root).shape
    start = algebra.one if primitive.elementwise else algebra.make("name", (), "g", result)
    contributions = derivation.pass_to_names(root, start, apart=True)
    texts = []
    for name in names:
        index = derivation.model.graph.names[name]
        part = derivation.add_contributions(contributions.get(index, []), derivation.node(index))
        texts.append((name, (derivation.text.text(part) or "").replace(str(_COUNT), "n")))
    if len({text for _, text in texts}) == 1:
        return texts[0][1]
    return ", ".join(f"d/d{name}: {text}" for name, text in texts)


_COUNT = 97  # entries of the arrays in derivative_text; stands for n


def _arguments(primitive: Primitive) -> tuple[list[str], list[Shape]]:
    """Names as in the signature, and shapes that fit."""
    _, bracket, inside = primitive.signature.rpartition("(")
    words = re.findall(r"\b[A-Za-z]\b(?!=)", inside if bracket else primitive.signature)
    names = list(dict.fromkeys(words))
    if primitive.elementwise or primitive.name == "stack":
        return names, [()] * len(names)
    matrices: dict[str, list[Shape]] = {
        "matmul": [(2, 3), (3, 4)],
        "transpose": [(2, 3)],
        "trace": [(_COUNT, _COUNT)],
        "det": [(2, 2)],
        "inv": [(2, 2)],
        "solve": [(_COUNT, _COUNT), (_COUNT,)],
        "logdet": [(2, 2)],
        "slogdet": [(2, 2)],
        "cholesky": [(_COUNT, _COUNT)],
        "tril": [(_COUNT, _COUNT)],
        "cross": [(3,), (3,)],
    }
    return names, matrices.get(primitive.name, [(_COUNT,)] * len(names))


def _of_one_call(
    primitive: Primitive, names: Sequence[str], shapes: Sequence[Shape]
) -> tuple[Derivation, int]:
    builder = Builder()
    over_rows = primitive.rows == "reduce"
    pairs = zip(names, shapes, strict=True)
    leaves = [builder.leaf(name, shape, per_row=over_rows) for name, shape in pairs]
    options = primitive.options if primitive.elementwise else {}
    root = builder.name("result", builder.apply(primitive.name, leaves, options, rows=_COUNT))
    step = Step("result", "result", root, 0, "")
    inputs = {name: _input(name, shape) for name, shape in zip(names, shapes, strict=True)}
    model = Model("", builder.graph(), inputs, {"result": step}, loss="result")
    return Derivation(model, "result", whole=True), root


def _input(name: str, shape: Shape) -> Input:
    return Input(name, name, "param", shape, np.zeros(shape), 0)
