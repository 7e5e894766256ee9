"""Derivatives as a person works them out, and the slips people make: claims with known mistakes.

A textbook differentiator over Python's syntax trees. It writes `d loss/d name = ...` line by line, in terms
of the steps that use the name; every place where it applies a rule is a place to slip, and the slip's kind
is known. Shares nothing with gradcheck.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from problems import Problem

# d f(u)/du as text
_DERIVATIVES: dict[str, tuple[str, ...]] = {
    "sin": ("cos({0})",),
    "cos": ("-sin({0})",),
    "tan": ("1 + tan({0})**2",),
    "asin": ("1/sqrt(1 - ({0})**2)",),
    "acos": ("-1/sqrt(1 - ({0})**2)",),
    "atan": ("1/(1 + ({0})**2)",),
    "atan2": ("({1})/(({0})**2 + ({1})**2)", "-({0})/(({0})**2 + ({1})**2)"),
    "sinh": ("cosh({0})",),
    "cosh": ("sinh({0})",),
    "tanh": ("1 - tanh({0})**2",),
    "exp": ("exp({0})",),
    "expm1": ("exp({0})",),
    "log": ("1/({0})",),
    "log1p": ("1/(1 + {0})",),
    "log2": ("1/(({0})*log(2))",),
    "log10": ("1/(({0})*log(10))",),
    "sqrt": ("1/(2*sqrt({0}))",),
    "cbrt": ("1/(3*cbrt({0})**2)",),
    "abs": ("sign({0})",),
    "erf": ("2/sqrt(pi)*exp(-({0})**2)",),
    "sigmoid": ("sigmoid({0})*(1 - sigmoid({0}))",),
    "softplus": ("sigmoid({0})",),
    "relu": ("({0} > 0)",),
    "leaky_relu": ("where({0} > 0, 1, 0.01)",),
    "elu": ("where({0} > 0, 1, exp({0}))",),
    "selu": ("where({0} > 0, 1.0507009873554804934, 1.0507009873554804934*1.6732632423543772848*exp({0}))",),
    "gelu": ("(1 + erf(({0})/sqrt(2)))/2 + ({0})*exp(-({0})**2/2)/sqrt(2*pi)",),
    "silu": ("sigmoid({0})*(1 + ({0})*(1 - sigmoid({0})))",),
    "max": ("({0} >= {1})", "({0} < {1})"),
    "min": ("({0} <= {1})", "({0} > {1})"),
}
# slips in these: (kind, text)
_SLIPPED: dict[str, tuple[tuple[str, str], ...]] = {
    "sin": (("sign", "-cos({0})"), ("function", "sin({0})")),
    "cos": (("sign", "sin({0})"), ("function", "-cos({0})")),
    "tanh": (("function", "1 - tanh({0})"),),
    "exp": (("function", "({0})*exp({0})"),),
    "log": (("inverse", "({0})"),),
    "log1p": (("function", "1/({0})"),),
    "sigmoid": (("factor", "sigmoid({0})"), ("factor", "1 - sigmoid({0})")),
    "sqrt": (("constant", "1/sqrt({0})"), ("inverse", "2*sqrt({0})"), ("exponent", "1/(2*({0}))")),
    "log10": (("constant", "1/({0})"),),
    "log2": (("constant", "1/({0})"),),
    "erf": (("constant", "exp(-({0})**2)"),),
    "acos": (("sign", "1/sqrt(1 - ({0})**2)"),),
    "abs": (("factor", "1"), ("indicator", "({0} > 0)")),
    "relu": (("factor", "1"), ("indicator", "({0} < 0)")),
    "sinh": (("function", "sinh({0})"),),
    "cosh": (("sign", "-sinh({0})"),),
    "atan": (("function", "1/(1 - ({0})**2)"),),
}


@dataclass(frozen=True)
class Slip:
    """A claim with a mistake of a known kind; `kind` is "" where it is right."""

    target: str
    formula: str
    kind: str

    @property
    def line(self) -> str:
        """As it stands in a model file."""
        return f"claim d loss/d {self.target} = {self.formula}"


@dataclass
class _Rules:
    """The rules of differentiation; the `chosen` opportunity to slip is taken."""

    per_row: frozenset[str]
    count: int
    by: str
    chosen: int = -1
    met: list[str] = field(default_factory=list)  # the kinds of all opportunities so far

    def slips(self, kind: str) -> bool:
        """One more opportunity; whether this is it."""
        self.met.append(kind)
        return len(self.met) - 1 == self.chosen

    def of(self, tree: ast.expr) -> str:
        """The derivative as text; "0" and "1" are recognized."""
        match tree:
            case ast.Constant():
                return "0"
            case ast.Name(id=name):
                return "1" if name == self.by else "0"
            case ast.UnaryOp(operand=operand):
                return _negative(self.of(operand))
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._sum("+", self.of(left), self.of(right))
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                return self._sum("-", self.of(left), self.of(right))
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                a, b = self.of(left), self.of(right)
                return self._sum("+", _times(a, _text(right)), _times(_text(left), b))
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self._quotient(left, right)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._power(left, right)
            case ast.Call(func=ast.Name(id=name), args=args):
                return self._call(name, args)
        return "0"  # a comparison

    def _sum(self, sign: str, a: str, b: str) -> str:
        if b == "0":
            return a
        if a == "0":
            return b if sign == "+" else _negative(b)
        if self.slips("term"):
            return a
        if self.slips("term"):
            return b if sign == "+" else _negative(b)
        if self.slips("sign of a term"):
            return f"({a} {'-' if sign == '+' else '+'} ({b}))"
        return f"({a} {sign} ({b}))"

    def _quotient(self, left: ast.expr, right: ast.expr) -> str:
        a, b = self.of(left), self.of(right)
        u, v = _text(left), _text(right)
        if b == "0":
            return "0" if a == "0" else f"({a})/({v})"
        if a == "0":
            if self.slips("sign"):
                return f"({u})*({b})/({v})**2"
            if self.slips("exponent"):
                return f"-({u})*({b})/({v})"
            return f"-({u})*({b})/({v})**2"
        if self.slips("sign of a term"):
            return f"(({a})*({v}) + ({u})*({b}))/({v})**2"
        if self.slips("exponent"):
            return f"(({a})*({v}) - ({u})*({b}))/({v})"
        if self.slips("term"):
            return f"({a})*({v})/({v})**2"
        return f"(({a})*({v}) - ({u})*({b}))/({v})**2"

    def _power(self, left: ast.expr, right: ast.expr) -> str:
        a, b, u, n = self.of(left), self.of(right), _text(left), _text(right)
        if b != "0":
            first = "0" if a == "0" else _times(f"({n})*({u})**(({n}) - 1)", a)
            return self._sum("+", first, _times(f"({u})**({n})*log({u})", b))
        if a == "0":
            return "0"
        if isinstance(right, ast.Constant) and float(right.value) == 2:
            outer = f"2*({u})"
            raised = f"2*({u})**2"
            bare = f"({u})"
        else:
            outer, raised, bare = f"({n})*({u})**(({n}) - 1)", f"({n})*({u})**({n})", f"({u})**(({n}) - 1)"
        lowered = f"({n})*({u})**(({n}) - 2)"
        if self.slips("exponent"):
            outer = raised
        elif self.slips("exponent"):
            outer = lowered
        elif self.slips("constant"):
            outer = bare
        if a != "1" and self.slips("inner"):
            return outer
        return _times(outer, a)

    def _call(self, name: str, args: list[ast.expr]) -> str:
        if name in ("sum_rows", "mean_rows"):
            return self._over_rows(name, args[0])
        if name == "where":
            a, b = (self.of(part) for part in args[1:])
            return "0" if (a, b) == ("0", "0") else f"where({_text(args[0])}, {a}, {b})"
        inner = [self.of(part) for part in args]
        texts = [_text(part) for part in args]
        if name == "sign" or all(part == "0" for part in inner):
            return "0"
        outer = [rule.format(*texts) for rule in _DERIVATIVES[name]]
        for kind, rule in _SLIPPED.get(name, ()):
            if self.slips(kind):
                outer = [rule.format(*texts)]
        if len(inner) == 1:
            if inner[0] not in ("1", "0") and self.slips("inner"):
                return f"({outer[0]})"
            return _times(f"({outer[0]})", inner[0])
        terms = [_times(f"({o})", i) for o, i in zip(outer, inner, strict=True)]
        return self._sum("+", *terms)

    def _over_rows(self, name: str, inner: ast.expr) -> str:
        found = self.of(inner)
        if found == "0":
            return "0"
        count = str(self.count)
        if self.by in self.per_row:
            if name == "sum_rows":
                return f"({found})/{count}" if self.slips("rows") else found
            if self.slips("rows"):
                return found
            return f"({found})/{count}/{count}" if self.slips("rows") else f"({found})/{count}"
        if self.slips("rows"):
            name = "mean_rows" if name == "sum_rows" else "sum_rows"
        if found == "1":
            return count if name == "sum_rows" else "1"
        return self.summed(name, found)

    def summed(self, name: str, text: str) -> str:
        """A sum over the rows, also of what is the same in all of them."""
        if _names(ast.parse(_parsable(text), mode="eval").body) & self.per_row:
            return f"{name}({text})"
        return f"{self.count}*({text})" if name == "sum_rows" else text


def _text(tree: ast.expr) -> str:
    text = ast.unparse(tree)
    return text if isinstance(tree, ast.Name | ast.Constant | ast.Call) else f"({text})"


def _negative(text: str) -> str:
    return "0" if text == "0" else f"-({text})"


def _times(a: str, b: str) -> str:
    if "0" in (a, b):
        return "0"
    return b if a == "1" else a if b == "1" else f"{a}*({b})"


def _names(tree: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


@dataclass
class Author:
    """Somebody who works out the derivatives of a problem."""

    problem: Problem

    def __post_init__(self) -> None:
        per_row = {name for name, value in self.problem.data.items() if isinstance(value, list)}
        self.count = max((len(v) for v in self.problem.data.values() if isinstance(v, list)), default=0)
        for name, tree in self.problem.trees:
            if self._is_per_row(tree, per_row):
                per_row.add(name)
        self.per_row = frozenset(per_row)

    def _is_per_row(self, tree: ast.expr, per_row: set[str]) -> bool:
        if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id.endswith("_rows"):
            return False
        if isinstance(tree, ast.Name):
            return tree.id in per_row
        parts = (part for part in ast.iter_child_nodes(tree) if isinstance(part, ast.expr))
        return any(self._is_per_row(part, per_row) for part in parts)

    def targets(self) -> list[str]:
        """Parameters and steps but the loss, last first."""
        return [*self.problem.parameters, *(name for name, _ in self.problem.steps[:-1])][::-1]

    def right(self, target: str) -> Slip:
        """The claim without a slip."""
        return Slip(target, self._claim(target, -1)[0] or "0", "")

    def slips(self, target: str) -> Iterator[Slip]:
        """One claim for every opportunity to slip."""
        right, met = self._claim(target, -1)
        if right is None:
            return
        for k, kind in enumerate(met):
            found = self._claim(target, k)[0]
            if found is not None and found != right:
                yield Slip(target, found, kind)
        yield from self._whole(target, right)

    def _whole(self, target: str, right: str) -> Iterator[Slip]:
        """What is wrong with a line as a whole."""
        yield Slip(target, f"-({right})", "sign")
        for factor in ("2", "1/2", "3", "pi", "log(10)"):
            yield Slip(target, f"{factor}*({right})", "constant")
        per_row = target in self.per_row
        users = [name for name, tree in self.problem.trees if target in _names(tree)]
        near = [
            n for n in (*self.problem.data, *self.problem.parameters, *self._before(users)) if n != target
        ]
        near = [n for n in near if per_row or n not in self.per_row][:3]
        for name in near:
            yield Slip(target, f"{name}*({right})", "doubled")
            yield Slip(target, f"({right}) + {name}", "another term")
        for other in self._siblings(target)[:2]:
            formula = self._claim(other, -1)[0]
            if formula is not None:
                yield Slip(target, formula, "swapped")
        for name in sorted(_names(ast.parse(_parsable(right), mode="eval").body) & self._values()):
            other = self._neighbor(name)
            if other is not None:
                yield Slip(target, _renamed(right, name, other), "name")
        for size in ("1e-3", "1e-6", "1e-8"):
            yield Slip(target, f"(1 + {size})*({right})", "tiny")
            yield Slip(target, f"(1 - {size})*({right})", "tiny")

    def _before(self, users: list[str]) -> list[str]:
        return [name for name, _ in self.problem.steps if name not in users][:2]

    def _siblings(self, target: str) -> list[str]:
        """Other names of the same kind."""
        own = self.problem.parameters if target in self.problem.parameters else self._values()
        return [
            n
            for n in own
            if n != target and (n in self.per_row) == (target in self.per_row) and n in self.targets()
        ]

    def _values(self) -> set[str]:
        return {name for name, _ in self.problem.steps[:-1]}

    def _neighbor(self, name: str) -> str | None:
        """The step before, as h for f."""
        order = [n for n, _ in self.problem.steps[:-1]]
        place = order.index(name)
        near = order[place - 1] if place else (order[1] if len(order) > 1 else None)
        return near if near is not None and (near in self.per_row) == (name in self.per_row) else None

    def _claim(self, target: str, chosen: int) -> tuple[str | None, list[str]]:
        """The sum over the steps that use the target, of their partials times d loss/d step."""
        rules = _Rules(self.per_row, self.count, target, chosen)
        terms = []
        for name, tree in self.problem.trees:
            if target not in _names(tree):
                continue
            partial = rules.of(tree)
            if partial == "0":
                continue
            term = partial if name == "loss" else _times(partial, f"d loss/d {name}")
            if name in self.per_row and target not in self.per_row:
                term = rules.summed("sum_rows", term)
            terms.append(term)
        if not terms:
            return None, rules.met
        if len(terms) > 1:
            for k in range(len(terms)):
                if rules.slips("path"):
                    terms = terms[:k] + terms[k + 1 :]
                    break
        return " + ".join(terms), rules.met


def _parsable(formula: str) -> str:
    return formula.replace("d loss/d ", "")


def _renamed(formula: str, old: str, new: str) -> str:
    import re

    return re.sub(rf"(?<![\w.])(?<!/d ){old}(?!\w)", new, formula)
