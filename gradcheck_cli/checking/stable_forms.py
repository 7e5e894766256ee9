"""Reads the graph of a model whose loss is not finite. Gives the form that does not overflow, if any.

`log(softmax(z))` is log(0) where a score is far below the others; `log_softmax(z)` is the same number without
the detour. Knows nothing of reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.evaluation.tape import Failing
from gradcheck_cli.language.function_names import is_function
from gradcheck_cli.model.graph import Graph, Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.language import DEFAULTS

__all__ = ["StableForm", "stable_form"]


class StableForm(NamedTuple):
    """What the author wrote, and how it is written without overflow."""

    written: str
    stable: str


class _Match(NamedTuple):
    """A pattern that was found: two texts, with {k} for the nodes in `parts`."""

    written: str
    stable: str
    parts: tuple[int, ...]


def stable_form(model: Model, failing: Failing) -> StableForm | None:
    """The stable form of the expression in which `failing` is the first value that is not finite, if one is
    finite there. Of patterns in one another the outermost counts."""
    graph = model.graph
    needed = graph.upstream([graph.names[model.loss]])
    view, best = _View(graph), None
    core = failing.node.index
    for node in graph.nodes[core:]:
        for rule in _RULES.get(node.operation, ()) if needed[node.index] else ():
            found = rule(view, node)
            if found is None or not _holds(graph, node, found, core):
                continue
            is_better = best is None or not found.stable.startswith("xlogy")  # 0*log(0) may be meant
            if is_better and _is_finite(found, failing):
                best, core = found, node.index
    return None if best is None else _spell(model, best)


def _is_finite(found: _Match, failing: Failing) -> bool:
    """Whether the stable form can be computed where the other one cannot: log(det(A)) of a singular matrix
    has none that can."""
    from gradcheck_cli.language import read_model

    lines, names = [], []
    for place, part in enumerate(found.parts):
        name = f"part_{place}"
        lines.append(f"data {name} = {failing.value_of(part).tolist()}")
        names.append(name)
    text = "\n".join([*lines, f"data form = {_fill(found.stable, names)}", "loss = 1"])
    if len(text) > DEFAULTS.longest_reread:
        return True  # it takes long, and what is large is seldom singular
    try:
        read_model(text)
    except GradcheckError:
        return False
    return True


def _holds(graph: Graph, root: Node, found: _Match, core: int) -> bool:
    """Whether the node `core` stands in the pattern, and every function of the stable form exists."""
    inside, waiting = set(), [root.index]
    while waiting:
        index = waiting.pop()
        if index not in inside and index not in found.parts:
            inside.add(index)
            waiting += graph.nodes[index].arguments
    return core in inside and all(map(is_function, _functions_in(found.stable)))


def _functions_in(text: str) -> Iterator[str]:
    """The functions that a form calls."""
    name = ""
    for sign in text:
        if sign == "(" and name:
            yield name
        name = name + sign if sign.isalnum() or sign == "_" else ""


def _spell(model: Model, found: _Match) -> StableForm:
    from gradcheck_cli.formulas.passes import Spelling

    spelling = Spelling(model)
    texts = [spelling.value(part) for part in found.parts]
    return StableForm(*(_fill(form, texts) for form in (found.written, found.stable)))


def _fill(form: str, texts: list[str]) -> str:
    """A form with texts in its places, in brackets where operators stand beside them."""
    if form == "{0}":
        return texts[0]
    for place, text in enumerate(texts):
        key = f"{{{place}}}"
        plain = text if text.replace("_", "").isalnum() else f"({text})"
        for before, after in (("(", ")"), ("(", ","), (" ", ")"), (" ", ",")):
            form = form.replace(f"{before}{key}{after}", f"{before}{text}{after}")
        form = form.replace(key, plain)
    return form


class _View:
    """A graph in which names and broadcasts do not count."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._names = {index: name for name, index in graph.names.items()}

    def inner(self, index: int) -> Node:
        """The node itself, behind identities."""
        node = self.graph.nodes[index]
        while node.operation in ("identity", "expand"):
            node = self.graph.nodes[node.arguments[0]]
        return node

    def arguments(self, node: Node) -> list[Node]:
        """Those of a node."""
        return [self.inner(a) for a in node.arguments]

    def only(self, node: Node, operation: str) -> int | None:
        """The argument of a node of this operation."""
        return self.inner(node.arguments[0]).index if node.operation == operation else None

    def same(self, a: int | None, b: int | None) -> bool:
        """Whether two nodes are one expression."""
        if a is None or b is None:
            return False
        return a == b or self.graph.formula(a, self._names) == self.graph.formula(b, self._names)

    def one_plus(self, node: Node) -> Node | None:
        """b of 1 + b, or of b + 1."""
        if node.operation != "add":
            return None
        left, right = self.arguments(node)
        if _is_one(left):
            return right
        return left if _is_one(right) else None

    def one_minus(self, node: Node) -> Node | None:
        """b of 1 - b."""
        if node.operation != "sub":
            return None
        left, right = self.arguments(node)
        return right if _is_one(left) else None

    def logistic(self, node: Node) -> _Logistic | None:
        """What sigmoid(x), 1/(1 + exp(-x)), 1/(1 + exp(x)) and exp(x)/(1 + exp(x)) are the sigmoid of."""
        x = self.only(node, "sigmoid")
        if x is not None:
            return _Logistic("sigmoid({0})", "{0}", "-{0}", x)
        if node.operation != "div":
            return None
        above, below = self.arguments(node)
        power = self.one_plus(below)
        exponent = None if power is None else self.only(power, "exp")
        if exponent is None:
            return None
        minus = self.only(self.graph.nodes[exponent], "neg")
        if _is_one(above) and minus is not None:
            return _Logistic("1/(1 + exp(-{0}))", "{0}", "-{0}", minus)
        if _is_one(above):
            return _Logistic("1/(1 + exp({0}))", "-{0}", "{0}", exponent)
        if self.same(self.only(above, "exp"), exponent):
            return _Logistic("exp({0})/(1 + exp({0}))", "{0}", "-{0}", exponent)
        return None


class _Logistic(NamedTuple):
    """A sigmoid as it is written, what it is the sigmoid of, the opposite of that, and the node {0}."""

    written: str
    argument: str
    opposite: str
    part: int


def _is_one(node: Node) -> bool:
    return node.is_literal and node.value == 1


def _axis(node: Node) -> str:
    axis = node.options.get("axis")
    return "" if axis is None else f", axis={axis}"


def _key(node: Node) -> str:
    parts = node.options["key"]
    return "[...]" if any(isinstance(part, slice) for part in parts) else f"[{','.join(map(str, parts))}]"


# --- rules: each gives what it finds at a node, or None -----------------------------------------


def _log_of_softmax(view: _View, node: Node) -> _Match | None:
    (inner,) = view.arguments(node)
    entry = ""
    if inner.operation == "index":
        entry, inner = _key(inner), view.inner(inner.arguments[0])
    z = view.only(inner, "softmax")
    if z is not None:
        axis = _axis(inner)
        return _Match(f"log(softmax({{0}}{axis}){entry})", f"log_softmax({{0}}{axis}){entry}", (z,))
    z = _softmax_by_hand(view, inner)
    if z is None:
        return None
    return _Match(f"log(exp({{0}})/sum(exp({{0}}))){entry}", f"log_softmax({{0}}){entry}", (z,))


def _softmax_by_hand(view: _View, node: Node) -> int | None:
    """The z of exp(z)/sum(exp(z))."""
    if node.operation != "div":
        return None
    above, below = view.arguments(node)
    z, total = view.only(above, "exp"), view.only(below, "sum")
    inside = None if total is None else view.only(view.inner(total), "exp")
    return z if view.same(z, inside) else None


def _log_of_sum(view: _View, node: Node) -> _Match | None:
    (inner,) = view.arguments(node)
    total = view.only(inner, "sum")
    z = None if total is None else view.only(view.inner(total), "exp")
    if z is not None:
        axis = _axis(inner)
        return _Match(f"log(sum(exp({{0}}){axis}))", f"logsumexp({{0}}{axis})", (z,))
    power = view.one_plus(inner)
    x = None if power is None else view.only(power, "exp")
    if x is not None:
        return _Match("log(1 + exp({0}))", "softplus({0})", (x,))
    if inner.operation == "add":
        a, b = (view.only(part, "exp") for part in view.arguments(inner))
        if a is not None and b is not None:
            return _Match("log(exp({0}) + exp({1}))", "logaddexp({0}, {1})", (a, b))
    return None


def _log_of_sigmoid(view: _View, node: Node) -> _Match | None:
    (inner,) = view.arguments(node)
    found = view.logistic(inner)
    if found is not None:
        return _Match(f"log({found.written})", f"log_sigmoid({found.argument})", (found.part,))
    rest = view.one_minus(inner)
    if rest is None:
        return None
    found = view.logistic(rest)
    if found is not None:
        return _Match(f"log(1 - {found.written})", f"log_sigmoid({found.opposite})", (found.part,))
    for inner_function, written, stable in (
        ("exp", "log(1 - exp({0}))", "log1mexp({0})"),
        ("normal_cdf", "log(1 - normal_cdf({0}))", "log_normal_cdf(-{0})"),
    ):
        x = view.only(rest, inner_function)
        if x is not None:
            return _Match(written, stable, (x,))
    return None


_LOGS = {
    "normal_cdf": "log_normal_cdf({0})",
    "erfc": "log(erfcx({0})) - {0}^2",
    "gamma": "lgamma({0})",
    "cosh": "{0} + softplus(-2*{0}) - log(2)",
    "prod": "sum(log(abs({0})))",
    "exp": "{0}",
    "det": "logdet({0})",
}


def _log_of_function(view: _View, node: Node) -> _Match | None:
    (inner,) = view.arguments(node)
    written = "log({})"
    if inner.operation == "abs" and view.only(view.inner(inner.arguments[0]), "det") is not None:
        inner, written = view.inner(inner.arguments[0]), "log(abs({}))"
    if inner.operation in ("beta", "pow"):
        a, b = (part.index for part in view.arguments(inner))
        form = ("beta({0}, {1})", "betaln({0}, {1})") if inner.operation == "beta" else _LOG_OF_POWER
        return _Match(f"log({form[0]})", form[1], (a, b))
    stable = "slogdet({0})" if "abs" in written else _LOGS.get(inner.operation)
    if stable is None or inner.options.get("axis") is not None:
        return None
    argument = view.inner(inner.arguments[0]).index
    return _Match(written.format(f"{inner.operation}({{0}})"), stable, (argument,))


_LOG_OF_POWER = ("{0}^{1}", "{1}*log(abs({0}))")


def _log1p_of_exp(view: _View, node: Node) -> _Match | None:
    x = view.only(view.arguments(node)[0], "exp")
    return None if x is None else _Match("log1p(exp({0}))", "softplus({0})", (x,))


def _quotient(view: _View, node: Node) -> _Match | None:
    found = view.logistic(node)
    if found is not None and node.operation == "div":
        return _Match(found.written, f"sigmoid({found.argument})", (found.part,))
    z = _softmax_by_hand(view, node)
    if z is not None:
        return _Match("exp({0})/sum(exp({0}))", "softmax({0})", (z,))
    above, below = view.arguments(node)
    a, b = view.only(above, "gamma"), view.only(below, "gamma")
    if a is not None and b is not None:
        return _Match("gamma({0})/gamma({1})", "exp(lgamma({0}) - lgamma({1}))", (a, b))
    a, b = view.only(above, "sinh"), view.only(below, "cosh")
    if a is None or not view.same(a, b):
        return None
    return _Match("sinh({0})/cosh({0})", "tanh({0})", (a,))


def _product(view: _View, node: Node) -> _Match | None:
    left, right = view.arguments(node)
    for a, b in ((left, right), (right, left)):
        y = view.only(b, "log")
        if y is not None:
            return _Match("{0}*log({1})", "xlogy({0}, {1})", (a.index, y))
        x, power = view.only(b, "erfc"), view.only(a, "exp")
        if x is not None and power is not None and _is_square(view, power, x):
            return _Match("exp({0}^2)*erfc({0})", "erfcx({0})", (x,))
    return None


def _is_square(view: _View, index: int, of: int) -> bool:
    node = view.inner(index)
    if node.operation != "pow":
        return False
    base, exponent = view.arguments(node)
    return view.same(base.index, of) and exponent.is_literal and exponent.value == 2


def _root(view: _View, node: Node) -> _Match | None:
    (inner,) = view.arguments(node)
    total = view.only(inner, "sum")
    square = None if total is None else view.inner(total)
    if square is not None and square.operation == "pow" and inner.options.get("axis") is None:
        base = view.arguments(square)[0].index
        if _is_square(view, square.index, base):
            return _Match("sqrt(sum({0}^2))", "norm({0})", (base,))
    if inner.operation == "add" and all(part.operation == "pow" for part in view.arguments(inner)):
        a, b = (view.arguments(part)[0].index for part in view.arguments(inner))
        squares = zip(view.arguments(inner), (a, b), strict=True)
        if all(_is_square(view, part.index, base) for part, base in squares):
            return _Match("sqrt({0}^2 + {1}^2)", "hypot({0}, {1})", (a, b))
    return None


_RULES: dict[str, tuple[Callable[[_View, Node], _Match | None], ...]] = {
    "log": (_log_of_softmax, _log_of_sum, _log_of_sigmoid, _log_of_function),
    "log1p": (_log1p_of_exp,),
    "div": (_quotient,),
    "mul": (_product,),
    "sqrt": (_root,),
}
