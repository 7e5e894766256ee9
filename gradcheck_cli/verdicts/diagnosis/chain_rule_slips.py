"""Reads what is claimed and what is true at several points. Gives the one edge that was derived wrongly.

For every edge of the chain the slips are tried that people make: a wrong sign, a factor left out or taken
twice, the function itself in place of its derivative, a term left out. Each says what the claim would be;
one is told only if that is what is claimed, at every point. Knows nothing of how truth was found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.formulas.passes import Spelling
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.float64 import FLOAT64
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.verdicts.diagnosis.chain_rule import Chain, Edge

__all__ = [
    "CONFUSED", "CONFUSED_OF_TWO", "CONSTANTS", "SIGNED", "Observation", "counts", "explain_by_edge",
    "of_arguments",
]  # fmt: skip

CONSTANTS = (
    (2.0, "2"), (3.0, "3"), (4.0, "4"), (0.5, "1/2"), (1 / 3, "1/3"), (0.25, "1/4"),
    (np.pi, "pi"), (2 * np.pi, "2*pi"), (float(np.log(10)), "log(10)"), (float(1 / np.log(10)), "1/log(10)"),
    (float(np.log(2)), "log(2)"), (float(1 / np.log(2)), "1/log(2)"), (-2.0, "-2"), (-0.5, "-1/2"),
)  # fmt: skip
# what differentiates to its negative partner: the usual place of a lost sign
SIGNED = {"cos": "d cos(z)/dz = -sin(z)", "acos": "d acos(z)/dz = -1/sqrt(1 - z^2)"}
# what stands in place of a derivative by mistake: text, and its value from the argument and the function
CONFUSED: dict[str, tuple[tuple[str, Callable[[Any, Any], Any]], ...]] = {
    "sin": (("-cos({0})", lambda z, y: -np.cos(z)),),
    "cos": (("sin({0})", lambda z, y: np.sin(z)), ("-cos({0})", lambda z, y: -y)),
    "tan": (("1 + tan({0})", lambda z, y: 1 + y), ("1/cos({0})", lambda z, y: 1 / np.cos(z))),
    "tanh": (("1 - tanh({0})", lambda z, y: 1 - y), ("1 - ({0})^2", lambda z, y: 1 - z * z),
             ("1 + tanh({0})^2", lambda z, y: 1 + y * y)),
    "sigmoid": (
        ("1 - sigmoid({0})", lambda z, y: 1 - y),
        ("({0})*(1 - ({0}))", lambda z, y: z * (1 - z)),
        ("sigmoid({0})*(1 + sigmoid({0}))", lambda z, y: y * (1 + y)),
    ),
    "sinh": (("-cosh({0})", lambda z, y: -np.cosh(z)),),
    "cosh": (("-sinh({0})", lambda z, y: -np.sinh(z)),),
    "atan": (("1/(1 - ({0})^2)", lambda z, y: 1 / (1 - z * z)),),
    "exp": (("({0})*exp({0})", lambda z, y: z * y),),
    "sqrt": (("1/(2*({0}))", lambda z, y: 1 / (2 * z)), ("1/sqrt({0})", lambda z, y: 1 / y),
             ("2*sqrt({0})", lambda z, y: 2 * y)),
    "log1p": (("1/({0})", lambda z, y: 1 / z),),
    "erf": (("exp(-({0})^2)", lambda z, y: np.exp(-z * z)),),
    "erfc": (("exp(-({0})^2)", lambda z, y: np.exp(-z * z)),),
    "normal_cdf": (("exp(-({0})^2/2)", lambda z, y: np.exp(-z * z / 2)),),
    "asinh": (("1/sqrt(({0})^2 - 1)", lambda z, y: 1 / np.sqrt(z * z - 1)),
              ("1/sqrt(1 - ({0})^2)", lambda z, y: 1 / np.sqrt(1 - z * z))),
    "acosh": (("1/sqrt(({0})^2 + 1)", lambda z, y: 1 / np.sqrt(z * z + 1)),),
    "atanh": (("1/(1 + ({0})^2)", lambda z, y: 1 / (1 + z * z)),),
    "logit": (("({0})*(1 - ({0}))", lambda z, y: z * (1 - z)), ("1/({0})", lambda z, y: 1 / z)),
    "rsqrt": (("1/(2*sqrt({0}))", lambda z, y: y / 2), ("-1/(2*sqrt({0}))", lambda z, y: -y / 2)),
    "log_sigmoid": (("sigmoid({0})", lambda z, y: np.exp(y)),),
    "gamma": (("digamma({0})", lambda z, y: FLOAT64.named("digamma", z)),),
    "lgamma": (("gamma({0})*digamma({0})", lambda z, y: np.exp(y) * FLOAT64.named("digamma", z)),),
    "digamma": (("digamma({0})^2", lambda z, y: y * y),),
    "squared_relu": (("2*({0})", lambda z, y: 2 * z),),
    "sinc": (("cos(pi*({0}))/({0})", lambda z, y: np.cos(np.pi * z) / z),),
}
# the same of functions of two: the place of the argument, and values from both and the function
CONFUSED_OF_TWO: dict[tuple[str, int], tuple[tuple[str, Callable[[Any, Any, Any], Any]], ...]] = {
    ("pow", 0): (("({0})^({1})*log({0})", lambda a, b, y: y * np.log(a)),),
    ("pow", 1): (
        ("({1})*({0})^({1} - 1)", lambda a, b, y: b * y / a), ("({0})^({1})", lambda a, b, y: y),
    ),
    ("div", 1): (("-({0})/({1})", lambda a, b, y: -y), ("-1/({1})^2", lambda a, b, y: -1 / (b * b))),
}
Partial = Callable[[Chain], Array]


@dataclass(frozen=True)
class Observation:
    """A point: its chain, and what is claimed and true there; (1,), or one number a row."""

    chain: Chain
    claimed: Array
    true: Array


@dataclass(frozen=True)
class _Slip:
    """A partial that somebody may have taken for the true one; the mildest has the lowest rank."""

    rank: int
    edge: Edge
    partial: Partial
    text: Callable[[], str]


def of_arguments(text: str, *arguments: str) -> str:
    """What is confused, spelled with the arguments: without brackets round a name or a number, but for those
    of a function."""
    for k, argument in enumerate(arguments):
        if argument.replace(".", "").isalnum() or argument.isidentifier():
            text = re.sub(rf"(?<![a-z0-9])\(\{{{k}\}}\)", f"{{{k}}}", text)
    return text.format(*arguments)


def counts(model: Model) -> Iterator[tuple[float, str]]:
    """The number of rows and its inverse: sum for mean, or the reverse."""
    if model.rows and model.rows > 1:
        count = model.all_rows or model.rows
        yield float(model.rows), f"{count:,} (the number of rows)"
        yield 1.0 / model.rows, f"1/{count:,} (one over the number of rows)"


def explain_by_edge(
    model: Model, edges: Sequence[Edge], points: Sequence[Observation], limits: DiagnosisLimits
) -> str | None:
    """The sentence for the likeliest slip that explains what is claimed at every point."""
    seen = [p for p in points if np.isfinite(p.claimed).all() and np.isfinite(p.true).all()]
    telling = sum(
        bool(np.any(_mistake(p) > limits.visible_mistake * np.abs(p.true)))
        for p in seen
    )
    if not edges or telling < min(2, len(points)):
        return None
    tried = _Slips(model, edges, seen, limits)
    fitting = (s for s in tried.all() if _is_explained_by(s, seen, limits))
    found = min(fitting, key=lambda s: s.rank, default=None)
    return found.text() if found is not None else None


def _mistake(point: Observation) -> Array:
    return np.asarray(np.abs(point.claimed - point.true))


def _is_explained_by(slip: _Slip, points: Sequence[Observation], limits: DiagnosisLimits) -> bool:
    """Whether it gives what is claimed at every point; where it is 0/0, as a factor x left out at x = 0, the
    other points decide."""
    telling = 0
    with np.errstate(all="ignore"):
        for point in points:
            made = point.chain.change(slip.edge, slip.partial(point.chain))
            known, size = np.isfinite(made), np.maximum(np.abs(point.claimed), np.abs(point.true))
            is_clear = np.abs(point.claimed) > limits.visible_mistake * size
            known &= (point.claimed == 0) | is_clear  # nothing, not a trifle
            off = np.abs(made - (point.claimed - point.true))
            tolerance = limits.same_slip * _mistake(point) + limits.slip_rounding * size
            if not np.all((off <= tolerance) | ~known):
                return False
            is_seen = _mistake(point) > limits.visible_mistake * np.abs(point.true)
            telling += bool(np.any(known & is_seen))
    return telling >= min(2, len(points))


@dataclass
class _Slips:
    """Everything that is tried."""

    model: Model
    edges: Sequence[Edge]
    points: Sequence[Observation]
    limits: DiagnosisLimits

    def __post_init__(self) -> None:
        self.spelling = Spelling(self.model)
        self.nodes = self.model.graph.nodes
        self.by = self.edges[0].argument
        self.named = [self.model.node(name) for name in (*self.model.inputs, *self.model.steps)]
        self.own = {node.index for node in self.named}

    def all(self) -> Iterator[_Slip]:
        """The slips of all edges, as far as the work allows."""
        factors = self._factors()
        rows = max(len(p.true) for p in self.points) * len(self.points) * (self.model.rows or 1)
        left = self.limits.most_slip_work // max(1, rows)
        for edge in self.edges:
            for slip in self._of(edge, factors):
                left -= 1
                if left < 0:
                    return
                yield slip

    def _factors(self) -> list[Node]:
        """Numbers that a derivation may drop or repeat: names first, then what has none."""
        near = {n for edge in self.edges for n in (edge.user, *self.nodes[edge.user].arguments)}
        inner = [self.nodes[k] for k in sorted(near - self.own)]
        loss = self.model.node(self.model.loss)
        names = [node for node in self.named if not node.shape and node is not loss]
        return [*names, *(n for n in inner if not n.shape)][: self.limits.most_factors]

    def _of(self, edge: Edge, factors: Sequence[Node]) -> Iterator[_Slip]:
        user, argument = edge.user, edge.argument
        node = self.nodes[user]

        def slip(rank: int, partial: Partial, text: Callable[[], str]) -> _Slip:
            return _Slip(rank, edge, partial, text)

        def own(c: Chain) -> Array:
            return c.partials[edge]

        yield slip(10 - self._is_signed(edge), lambda c: -own(c), lambda: self._sign(edge))
        yield slip(30, lambda c: 0 * own(c), lambda: self._term(edge, "misses"))
        for text, function in CONFUSED.get(node.operation, ()):
            yield slip(
                20, lambda c, f=function: f(_of(c, argument), _of(c, user)),  # type: ignore[misc]
                lambda t=text: self._in_place(edge, self._of_arguments(edge, t)),  # type: ignore[misc]
            )
        for text, of_two in CONFUSED_OF_TWO.get((node.operation, edge.place), ()):
            yield slip(
                20, lambda c, f=of_two: f(*(_of(c, a) for a in (*node.arguments, user))),  # type: ignore[misc]
                lambda t=text: self._in_place(edge, self._of_arguments(edge, t)),  # type: ignore[misc]
            )
        if not self._is_plain(edge):
            yield slip(31, lambda c: np.ones(1), lambda: self._factor(edge, "misses"))
            yield slip(32, lambda c: own(c) ** 2, lambda: self._factor(edge, "repeats"))
            if len(node.arguments) == 1:
                for rank, other in ((33, user), (34, argument)):
                    yield slip(
                        rank, lambda c, i=other: _of(c, i),  # type: ignore[misc]
                        lambda i=other: self._in_place(edge, self.spelling.value(i)),  # type: ignore[misc]
                    )
        for value, text in (*CONSTANTS, *counts(self.model)):
            yield slip(
                40, lambda c, v=value: v * own(c),  # type: ignore[misc]
                lambda t=text: f"{self._part(edge)} is {t} times what it should be",  # type: ignore[misc]
            )
        if argument != self.by:
            yield slip(35, lambda c: own(c) / c.slopes[argument], lambda: self._inner(edge))
        for k, factor in enumerate(factors):
            index = factor.index
            yield slip(
                50 + k, lambda c, i=index: own(c) / _of(c, i),  # type: ignore[misc]
                lambda i=index: f"{self._part(edge)} misses the factor {self._value(i)}",  # type: ignore[misc]
            )
            yield slip(
                51 + k, lambda c, i=index: own(c) * _of(c, i),  # type: ignore[misc]
                lambda i=index: f"{self._part(edge)} has the factor {self._value(i)} once too often",  # type: ignore[misc]
            )

    def _is_plain(self, edge: Edge) -> bool:
        """Whether the partial is 1, -1, or a name: then other words are better."""
        return self.nodes[edge.user].operation in ("add", "sub", "neg", "identity")

    def _is_signed(self, edge: Edge) -> bool:
        operation = self.nodes[edge.user].operation
        minus = operation in ("sub", "div") and edge.place == 1
        return operation in SIGNED or minus or operation == "neg"

    # -- words --------------------------------------------------------------------------------

    def _value(self, index: int) -> str:
        """ "w0", "h1 (line 4)", "(1 - x1) (line 3)"."""
        text = self.spelling.value(index)
        node = self.nodes[index]
        text = text if index in self.own or node.is_literal or _is_call(text) else f"({text})"
        return text if node.is_leaf else f"{text} (line {self.model.step_around(index).where})"

    def _whole(self, edge: Edge) -> bool:
        """Whether all of the derivative passes through this edge."""
        with np.errstate(all="ignore"):
            parts = ((p.chain.change(edge, 0 * p.chain.partials[edge]), p.true) for p in self.points)
            rtol = self.limits.whole
            return all(np.allclose(-part, true, rtol=rtol, atol=0) for part, true in parts)

    def _through(self, edge: Edge) -> str:
        """ "f1 (line 3)": the value that a term comes through."""
        index = edge.argument if edge.argument != self.by else edge.user
        return self._value(index)

    def _part(self, edge: Edge) -> str:
        if edge.argument == self.by and edge.user == self.model.node(self.model.loss).index:
            return f"the term straight into {self._through(edge)}"
        return f"the term through {self._through(edge)}"

    def _term(self, edge: Edge, verb: str) -> str:
        return f"{verb} {self._part(edge)}"

    def _sign(self, edge: Edge) -> str:
        operation = self.nodes[edge.user].operation
        line = self.model.step_around(edge.user).where
        rule = f": {SIGNED[operation]} (line {line})" if operation in SIGNED else ""
        if self._whole(edge):
            return f"has the wrong sign{rule}"
        return f"{self._part(edge)} has the wrong sign{rule}"

    def _partial(self, edge: Edge) -> tuple[str, str]:
        """ "cos(f0)" and ", the derivative of sin in line 7"."""
        record, line = self.nodes[edge.user].primitive, self.model.step_around(edge.user).where
        where = f" (line {line})" if record.infix else f", the derivative of {record.function} in line {line}"
        return self.spelling.partial(edge.user, edge.place), where

    def _factor(self, edge: Edge, verb: str) -> str:
        start = "" if self._whole(edge) else f"{self._part(edge)} "
        text, where = self._partial(edge)
        if verb == "misses":
            return f"{start}misses the factor {text}{where}"
        return f"{start}has the factor {text}{where}: once too often"

    def _of_arguments(self, edge: Edge, text: str) -> str:
        arguments = self.nodes[edge.user].arguments
        return of_arguments(text, *(self.spelling.value(a) for a in arguments))

    def _inner(self, edge: Edge) -> str:
        return f"misses the inner derivative, that of {self._value(edge.argument)}"

    def _in_place(self, edge: Edge, text: str) -> str:
        true, where = self._partial(edge)
        return f"has {text} where {true} belongs{where}"


def _is_call(text: str) -> bool:
    return text.isidentifier() or (text.endswith(")") and text.partition("(")[0].isidentifier())


def _of(chain: Chain, index: int) -> Array:
    """A node's value: one number, or one a row."""
    return chain.values[index].reshape(-1)
