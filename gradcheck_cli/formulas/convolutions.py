"""Reads nodes that are convolutions or pools, with the formula of their adjoint. Gives those of their
arguments.

A convolution, the adjoint of its input and that of its kernels pass their own adjoints on by one another.
Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from gradcheck_cli.formulas.array_algebra import Algebra
from gradcheck_cli.model.graph import Node, spell_listed
from gradcheck_cli.model.primitives.record import Shape
from gradcheck_cli.numerics.layout import Layout

__all__ = ["CONVOLUTIONS", "through_convolution"]

# of each function what its arguments are, and what it gives: image x, kernels w, result z
_GIVEN = {"": ("x", "w", "z"), "_input": ("z", "w", "x"), "_weight": ("x", "z", "w")}
CONVOLUTIONS = ("max_pool", "avg_pool", *(f"conv{d}d{kind}" for d in (1, 2) for kind in _GIVEN))


def through_convolution(
    algebra: Algebra, node: Node, adjoint: int, own: int, given: Sequence[int], position: int
) -> int:
    """The adjoint of one argument; `own`: the value of the node."""
    adjoint = algebra.fit(adjoint, node.shape)
    if node.operation == "avg_pool":
        return _spread(algebra, algebra.times(algebra.power(_count(algebra, node), -1), adjoint), node)
    if node.operation == "max_pool":
        return _to_largest(algebra, node, adjoint, own, given[0])
    base = node.operation.removesuffix("_input").removesuffix("_weight")
    kind = node.operation.removeprefix(base)
    *roles, result = _GIVEN[kind]
    values = dict(zip(roles, given, strict=True)) | {result: adjoint}
    return _call(algebra, base, node.options["layout"], values, roles[position])


def _call(algebra: Algebra, base: str, layout: Layout, values: dict[str, int], wanted: str) -> int:
    """The function that gives one of image, kernels and result from the two others."""
    d = len(layout.kernel)
    if wanted == "w" and len(layout.w) == d < len(layout.x):  # one kernel for all images: they are a batch
        batch = {role: algebra.reshape(values[role], (layout.batch, 1, *sizes))
                 for role, sizes in (("x", layout.sizes), ("z", layout.places))}  # fmt: skip
        of_batch = layout._replace(w=(1, 1, *layout.kernel))
        shape = (layout.batch, 1)
        of_batch = of_batch._replace(x=(*shape, *layout.sizes), z=(*shape, *layout.places))
        return algebra.reshape(_call(algebra, base, of_batch, batch, "w"), layout.w)
    kind = next(kind for kind, roles in _GIVEN.items() if roles[-1] == wanted)
    arguments = [values[role] for role in _GIVEN[kind][:-1]]
    sizes = {"z": (), "x": layout.sizes, "w": layout.kernel}[wanted]
    more = [*([spell_listed(sizes)] if sizes else []), *_keywords(layout)]
    result: Shape = getattr(layout, wanted)
    return algebra.call(f"{base}{kind}", *arguments, shape=result, more=", ".join(more))


def _keywords(layout: Layout) -> list[str]:
    found = []
    for name, each, default in (("stride", layout.stride, 1), ("padding", layout.padding, 0)):
        if set(each) != {default}:
            found.append(f"{name}={spell_listed(each if len(set(each)) > 1 else each[:1])}")
    return [*found, *([f"groups={layout.groups}"] if layout.groups > 1 else [])]


# --- pools: a kernel of ones spreads a number over its window ------------------------------------


def _count(algebra: Algebra, node: Node) -> int:
    return algebra.number(prod(node.options["layout"].kernel))


def _ones(algebra: Algebra, layout: Layout) -> int:
    return algebra.call("ones", *map(algebra.number, layout.kernel), shape=layout.kernel)


def _spread(algebra: Algebra, e: int, node: Node) -> int:
    layout: Layout = node.options["layout"]
    values = {"z": algebra.fit(e, layout.z), "w": _ones(algebra, layout)}
    return _call(algebra, f"conv{len(layout.sizes)}d", layout, values, "x")


def _to_largest(algebra: Algebra, node: Node, adjoint: int, own: int, x: int) -> int:
    """Equal parts for all that are largest in their window."""
    layout: Layout = node.options["layout"]
    if any(s < k for s, k in zip(layout.stride, layout.kernel, strict=True)):
        return _to_largest_of_each(algebra, layout, adjoint, own, x)
    at = algebra.compare("ge", x, _spread(algebra, own, node))
    ties = _call(algebra, f"conv{len(layout.sizes)}d", layout, {"x": at, "w": _ones(algebra, layout)}, "z")
    return algebra.times(at, _spread(algebra, algebra.times(adjoint, algebra.power(ties, -1)), node))


def _to_largest_of_each(algebra: Algebra, layout: Layout, adjoint: int, own: int, x: int) -> int:
    """The same where windows overlap: the entries of a window as channels, taken out by unit kernels."""
    count, base = prod(layout.kernel), f"conv{len(layout.sizes)}d"
    units = (count, 1, *layout.kernel)
    kernels = algebra.reshape(algebra.eye(count), units)
    windows = (layout.batch, count, *layout.places)
    apart = layout._replace(x=(layout.batch, 1, *layout.sizes), w=units, z=windows)
    lone = (layout.batch, 1, *layout.places)
    entries = _call(algebra, base, apart, {"x": algebra.reshape(x, apart.x), "w": kernels}, "z")
    at = algebra.compare("ge", entries, algebra.reshape(own, lone))
    ties = algebra.call("sum", at, shape=lone, more="axis=1")
    parts = algebra.times(at, algebra.reshape(adjoint, lone), algebra.power(ties, -1))
    return algebra.reshape(_call(algebra, base, apart, {"z": parts, "w": kernels}, "x"), layout.x)
