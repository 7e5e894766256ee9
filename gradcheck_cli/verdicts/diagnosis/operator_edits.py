"""Reads the bench of a formula. Gives its edits of one name, one number, one operator, one function.

Knows nothing of values and verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.primitives.slopes import has_slope
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.verdicts.diagnosis.single_edits import Edit, EditBench, Rank, Use

__all__ = [
    "edit_calls", "edit_functions", "edit_names", "edit_numbers", "edit_operators", "edit_transposes",
    "is_function",
]  # fmt: skip

# functions that are taken for one another
_CONFUSED = (
    ("sin", "cos", "tan"), ("sinh", "cosh", "tanh"), ("sin", "sinh"), ("cos", "cosh"), ("tan", "tanh"),
    ("sec", "csc", "cot", "tan"), ("asin", "acos", "atan"), ("asinh", "acosh", "atanh"),
    ("asin", "asinh"), ("acos", "acosh"), ("atan", "atanh"), ("exp", "expm1", "exp2"),
    ("log", "log1p", "log2", "log10"), ("sqrt", "cbrt", "rsqrt"), ("abs", "sign", "relu"),
    ("sigmoid", "tanh", "softplus", "relu", "log_sigmoid"), ("erf", "erfc", "normal_cdf"),
    ("gamma", "lgamma", "digamma"), ("j0", "j1"), ("y0", "y1"), ("i0", "i1"), ("maximum", "minimum"),
    ("gt", "lt", "ge", "le"),
)  # fmt: skip
_ALWAYS = ("abs", "sqrt", "exp", "log")  # what may have been left out, beside the functions that stand there
_NEUTRAL = {"mul": 1.0, "div": 1.0, "pow": 1.0, "add": 0.0, "sub": 0.0}
_LINEAR = ("mul", "div", "neg", "add", "sub")  # a sign is passed on: it is that of a term


def edit_names(bench: EditBench) -> Iterator[Edit]:
    """Another name at one place, an input for an output too."""
    model = bench.model
    names = {name: model.node(name) for name in (*model.inputs, *model.steps)}
    for use in bench.uses():
        node = bench.nodes[use.inner]
        if not (node.is_leaf and isinstance(node.key, str)) or use.user is None:
            continue
        for name, other in names.items():
            if name != node.key and (other.shape, other.per_row) == (node.shape, node.per_row):
                yield from bench.edit(Rank.OTHER_NAME, use, bench.leaf(name, other))


def edit_numbers(bench: EditBench) -> Iterator[Edit]:
    """Another number or a name in place of a number."""
    for use in bench.uses():
        node = bench.nodes[use.inner]
        if not node.is_literal or node.is_pi or use.user is None:
            continue
        neutral = _NEUTRAL.get(bench.nodes[use.user].operation)
        for number in _numbers_beside(node.value, neutral, bench.limits):
            yield from bench.edit(Rank.OTHER_NUMBER, use, bench.number(number))
        if node.value:
            inverse = bench.apply("div", bench.literal(1.0), use.inner)
            yield from bench.edit(Rank.OTHER_NUMBER, use, inverse)
        for name in bench.names():
            yield from bench.edit(Rank.NAME_FOR_NUMBER, use, name)
            yield from bench.edit(Rank.NAME_FOR_NUMBER, use, bench.apply("neg", name))


def _numbers_beside(value: float, neutral: float | None, limits: DiagnosisLimits) -> list[float]:
    """Numbers that may belong where another stands; not the one that changes nothing there."""
    scaled = (value * scale for scale in limits.edit_scales)
    found = (*scaled, *(value + step for step in limits.edit_steps), -value)
    return [number for number in dict.fromkeys(found) if number not in (value, neutral)]


def edit_operators(bench: EditBench) -> Iterator[Edit]:
    """Another operator between the same two, these turned round, or one of them alone."""
    for use in bench.uses():
        node = bench.nodes[use.inner]
        if node.operation in _OPERATORS:
            a, b = node.arguments
            for operation in _OPERATORS[node.operation]:
                is_sign = {node.operation, operation} == {"add", "sub"}
                rank = Rank.OTHER_SIGN if is_sign else Rank.OTHER_OPERATOR
                yield from bench.edit(rank, use, bench.apply(operation, a, b))
            if node.operation == "mul" and bench.nodes[bench.plain(a)].is_literal:
                yield from bench.edit(Rank.OTHER_OPERATOR, use, bench.apply("pow", b, a))
            yield from _parts(bench, use, node)
        elif node.operation == "neg":
            yield from bench.edit(Rank.TURNED_ROUND, use, node.arguments[0])
        if use.user is not None and bench.nodes[use.user].operation not in _LINEAR and not node.is_literal:
            yield from bench.edit(Rank.TURNED_ROUND, use, bench.apply("neg", use.inner))


_OPERATORS = {
    "add": ("sub", "mul", "div"), "sub": ("add", "mul", "div"), "mul": ("div", "add", "sub"),
    "div": ("mul", "sub"), "pow": ("mul",),
}  # fmt: skip


def _parts(bench: EditBench, use: Use, node: Node) -> Iterator[Edit]:
    """One of two alone, and the two turned round."""
    a, b = node.arguments
    match node.operation:
        case "add":
            yield from bench.edit(Rank.TURNED_ROUND, use, bench.apply("add", bench.apply("neg", a), b))
        case "sub":
            yield from bench.edit(Rank.TURNED_ROUND, use, bench.apply("sub", b, a))
            yield from bench.edit(Rank.ONE_TOO_MANY, use, bench.apply("neg", b))
        case "div" | "pow":
            yield from bench.edit(Rank.OTHER_OPERATOR, use, bench.apply(node.operation, b, a))
    yield from bench.edit(Rank.ONE_TOO_MANY, use, a)
    if node.operation in ("add", "mul"):
        yield from bench.edit(Rank.ONE_TOO_MANY, use, b)


def edit_transposes(bench: EditBench) -> Iterator[Edit]:
    """The transpose of a square matrix in one place, and its symmetric part: A @ x for (A + A')/2 @ x."""
    for use in bench.uses():
        node = bench.nodes[use.inner]
        if len(node.shape) != 2 or len(set(node.shape)) > 1 or node.operation == "expand":
            continue
        if node.operation == "transpose":
            yield from bench.edit(Rank.TURNED_ROUND, use, node.arguments[0])
        elif use.user is None or bench.nodes[use.user].operation != "transpose":
            turned = bench.apply("transpose", use.inner)
            yield from bench.edit(Rank.TURNED_ROUND, use, turned)
            if node.is_leaf:
                total = bench.apply("add", use.inner, turned)
                yield from bench.edit(Rank.OTHER_OPERATOR, use, bench.apply("div", total, bench.literal(2.0)))


def edit_functions(bench: EditBench) -> Iterator[Edit]:
    """Another function of the same argument."""
    for use in bench.uses():
        node = bench.nodes[use.inner]
        others = (other for group in _CONFUSED if node.operation in group for other in group)
        for other in dict.fromkeys(others):
            if other != node.operation:
                yield from bench.edit(Rank.OTHER_FUNCTION, use, bench.apply(other, *node.arguments))


def edit_calls(bench: EditBench) -> Iterator[Edit]:
    """A function too many, or one that was left out; an inverse too."""
    met = {n.operation for n in (*bench.model.graph.nodes, *bench.graph.nodes) if is_function(n)}
    for use in bench.uses():
        node = bench.nodes[use.inner]
        if is_function(node):
            yield from bench.edit(Rank.NO_FUNCTION, use, node.arguments[0])
        if not node.is_literal and use.user is not None:
            for other in sorted(met.union(_ALWAYS)):
                yield from bench.edit(Rank.FUNCTION_LEFT_OUT, use, bench.apply(other, use.inner))
            inverse = bench.apply("div", bench.literal(1.0), use.inner)
            yield from bench.edit(Rank.FUNCTION_LEFT_OUT, use, inverse)


def is_function(node: Node) -> bool:
    """Whether it acts entry by entry on one argument, under a name."""
    is_none = node.is_leaf or node.is_literal or node.operation == "identity"
    return not is_none and has_slope(node.primitive)
