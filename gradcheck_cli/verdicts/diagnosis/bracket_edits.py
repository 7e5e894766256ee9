"""Reads the bench of a formula. Gives its edits of brackets: a factor, a power, a function reaches one part
too few or too many.

Knows nothing of values and verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradcheck_cli.model.graph import Node
from gradcheck_cli.verdicts.diagnosis.operator_edits import is_function
from gradcheck_cli.verdicts.diagnosis.single_edits import Edit, EditBench, Rank

__all__ = ["edit_brackets"]

_SUMS = ("add", "sub")


def edit_brackets(bench: EditBench) -> Iterator[Edit]:
    """The same names, operators and functions with other brackets."""
    for use in bench.uses():
        for new in _regroup(bench, bench.nodes[use.inner]):
            yield from bench.edit(Rank.OTHER_BRACKETS, use, new)


def _regroup(bench: EditBench, node: Node) -> Iterator[int | None]:
    if node.operation == "mul":
        a, b = node.arguments
        yield from _out_of_sum(bench, "mul", a, b)
        yield from _out_of_sum(bench, "mul", b, a)
        yield from _out_of_quotient(bench, a, b)
        yield from _into_power(bench, a, b)
    elif node.operation == "div":
        a, b = node.arguments
        yield from _out_of_divisor(bench, a, b)
        yield from _sum_over(bench, a, b)
    elif node.operation in _SUMS:
        yield from _into_sum(bench, node)
    elif node.operation == "pow":
        yield from _out_of_power(bench, node)
    elif is_function(node):
        yield from _out_of_function(bench, node)
    if node.operation in ("mul", "div", *_SUMS):
        yield from _into_function(bench, node)


def _out_of_sum(bench: EditBench, operation: str, factor: int, total: int) -> Iterator[int | None]:
    """a*(b + c) as a*b + c and b + a*c; of a = f*g one of both alone too."""
    inner, own = bench.nodes[bench.plain(total)], bench.nodes[bench.plain(factor)]
    if inner.operation not in _SUMS:
        return
    b, c = inner.arguments
    yield bench.apply(inner.operation, bench.apply(operation, factor, b), c)
    yield bench.apply(inner.operation, b, bench.apply(operation, factor, c))
    if own.operation == "mul":
        for kept, moved in (own.arguments, own.arguments[::-1]):
            first = bench.apply(inner.operation, bench.apply("mul", moved, b), c)
            second = bench.apply(inner.operation, b, bench.apply("mul", moved, c))
            yield bench.apply("mul", kept, first)
            yield bench.apply("mul", kept, second)


def _sum_over(bench: EditBench, total: int, divisor: int) -> Iterator[int | None]:
    """(b + c)/a as b/a + c and b + c/a."""
    inner = bench.nodes[bench.plain(total)]
    if inner.operation in _SUMS:
        b, c = inner.arguments
        yield bench.apply(inner.operation, bench.apply("div", b, divisor), c)
        yield bench.apply(inner.operation, b, bench.apply("div", c, divisor))


def _into_sum(bench: EditBench, node: Node) -> Iterator[int | None]:
    """a*b + c as a*(b + c), a/b + c as (a + c)/b, and the same of the second term; a/b + c as a/(b + c) and
    a^b + c as a^(b + c)."""
    first = bench.nodes[bench.plain(node.arguments[0])]
    if first.operation in ("div", "pow"):
        below = bench.apply(node.operation, first.arguments[1], node.arguments[1])
        yield bench.apply(first.operation, first.arguments[0], below)
    for place in (0, 1):
        term, other = bench.nodes[bench.plain(node.arguments[place])], node.arguments[1 - place]
        if term.operation not in ("mul", "div"):
            continue
        a, b = term.arguments
        for factor, rest in ((a, b), (b, a)) if term.operation == "mul" else ((b, a),):
            pair = (rest, other) if place == 0 else (other, rest)
            total = bench.apply(node.operation, *pair)
            order = (factor, total) if term.operation == "mul" else (total, factor)
            yield bench.apply(term.operation, *order)


def _out_of_quotient(bench: EditBench, a: int, b: int) -> Iterator[int | None]:
    """a/b*c as a/(b*c)."""
    left = bench.nodes[bench.plain(a)]
    if left.operation == "div":
        yield bench.apply("div", left.arguments[0], bench.apply("mul", left.arguments[1], b))


def _out_of_divisor(bench: EditBench, a: int, b: int) -> Iterator[int | None]:
    """a/(b*c) as a/b*c and a/c*b, a/(b + c) as a/b + c."""
    divisor = bench.nodes[bench.plain(b)]
    if divisor.operation in _SUMS:
        first, second = divisor.arguments
        yield bench.apply(divisor.operation, bench.apply("div", a, first), second)
    if divisor.operation == "mul":
        for first, second in (divisor.arguments, divisor.arguments[::-1]):
            yield bench.apply("mul", bench.apply("div", a, first), second)


def _into_power(bench: EditBench, a: int, b: int) -> Iterator[int | None]:
    """a*b^n as (a*b)^n."""
    for factor, other in ((a, b), (b, a)):
        power = bench.nodes[bench.plain(other)]
        if power.operation == "pow":
            base, exponent = power.arguments
            yield bench.apply("pow", bench.apply("mul", factor, base), exponent)


def _out_of_power(bench: EditBench, node: Node) -> Iterator[int | None]:
    """(a*b)^n as a*b^n and a^n*b; (a + b)^n as a + b^n and a^n + b; x^(n - 1) as x^n - 1."""
    base, exponent = node.arguments
    inner, above = bench.nodes[bench.plain(base)], bench.nodes[bench.plain(exponent)]
    if inner.operation in ("mul", "div", *_SUMS):
        a, b = inner.arguments
        yield bench.apply(inner.operation, a, bench.apply("pow", b, exponent))
        yield bench.apply(inner.operation, bench.apply("pow", a, exponent), b)
    if above.operation in _SUMS:
        n, rest = above.arguments
        yield bench.apply(above.operation, bench.apply("pow", base, n), rest)


def _out_of_function(bench: EditBench, node: Node) -> Iterator[int | None]:
    """f(a*b) as a*f(b) and f(a)*b, f(a + b) as f(a) + b and a + f(b)."""
    inner = bench.nodes[bench.plain(node.arguments[0])]
    if inner.operation in ("mul", "div", *_SUMS):
        a, b = inner.arguments
        yield bench.apply(inner.operation, a, bench.apply(node.operation, b))
        yield bench.apply(inner.operation, bench.apply(node.operation, a), b)


def _into_function(bench: EditBench, node: Node) -> Iterator[int | None]:
    """a*f(b) as f(a*b), f(a) + b as f(a + b)."""
    a, b = node.arguments
    left, right = bench.nodes[bench.plain(a)], bench.nodes[bench.plain(b)]
    if is_function(left):
        yield bench.apply(left.operation, bench.apply(node.operation, left.arguments[0], b))
    if is_function(right):
        yield bench.apply(right.operation, bench.apply(node.operation, a, right.arguments[0]))
