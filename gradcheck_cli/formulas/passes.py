"""Reads a Model. Gives the formulas of both backward passes, in the author's names, as text and LaTeX.

Every step is gone through in reverse once, node by node: the partials of a function are SymPy's, of
what its `symbolic` record is made of; contractions, sums and index maps follow from their patterns.
Knows nothing of vjps, values and verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.formulas.derivation import Derivation, Link, Term
from gradcheck_cli.formulas.node_adjoints import NodeAdjoint
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.formulas import DEFAULTS, FormulasLimits

__all__ = ["Spelling", "backward", "closed_formula", "closed_terms", "forward", "partial_text", "right_side"]


# ---------------------------------------------------------------------------------------------
# What others ask for
# ---------------------------------------------------------------------------------------------


def backward(model: Model, of: str = "loss", *, limits: FormulasLimits = DEFAULTS) -> list[Term]:
    """d of/d name for every step that `of` is computed from, last first, then for every parameter.

    Raises OptionError if `of` is an array: the adjoints of an array are Jacobians.
    """
    derivation = _derivation(model, of, limits)
    found = derivation.contributions()
    return [derivation.term(name, found.get(name, [])) for name in _order(derivation)]


def closed_terms(model: Model, of: str = "loss", *, limits: FormulasLimits = DEFAULTS) -> list[Term]:
    """The same with all steps written out. Raises OptionError beyond 2,000 operations."""
    derivation = _derivation(model, of, limits, whole=True)
    return [_close_term(derivation, name, arrived) for name, arrived in _contributions(derivation)]


def closed_formula(model: Model, of: str, by: str, *, limits: FormulasLimits = DEFAULTS) -> str:
    """The closed formula of d of/d by. Raises OptionError beyond 2,000 operations, KeyError."""
    model.node(by)
    derivation = _derivation(model, of, limits, whole=True)
    for name, arrived in _contributions(derivation):
        if name == by:
            return _close_term(derivation, name, arrived).formula
    return "0"


def right_side(model: Model, of: str, by: str, *, limits: FormulasLimits = DEFAULTS) -> str | None:
    """The right side of a true claim d of/d by, from the steps that mention `by`.

    None where `of` is an array: no formula of ours is a Jacobian. Raises KeyError.
    """
    by, _, entry = by.partition("[")
    model.node(by)
    if model.node(of).shape:
        return None
    derivation = _derivation(model, of, limits)
    parts = [link.part for link in derivation.contributions().get(by, [])]
    whole = derivation.formula(by, parts)
    if entry:
        key = tuple(int(k) for k in entry.rstrip("]").split(","))
        whole = derivation.algebra.index(whole, key)
    return derivation.to_text(whole)


def partial_text(model: Model, user: str, by: str) -> str | None:
    """The partial of a step that acts entry by entry, by a name it mentions: "(f3 > 0)"."""
    derivation = Derivation(model, user)
    node = derivation.node(derivation.target.index)
    contributions = derivation.pass_to_names(node.index, derivation.algebra.one, apart=node.per_row)
    index = model.graph.names[by]
    if index not in contributions:
        return None
    return derivation.text.text(derivation.add_contributions(contributions[index], derivation.node(index)))


class Spelling:
    """Nodes of a model in words: their values, and the partials of elementwise functions."""

    def __init__(self, model: Model) -> None:
        self._derivation = Derivation(model, model.loss)

    def value(self, index: int) -> str:
        """A node's name, or the author's expression."""
        return self._text(self._derivation.value(index))

    def partial(self, index: int, place: int) -> str:
        """d node/d argument, "cos(f0)"."""
        node = self._derivation.node(index)
        return self._text(NodeAdjoint(self._derivation, node, [place]).partial(place))

    def _text(self, e: int) -> str:
        return self._derivation.to_text(e)


def forward(model: Model, *, limits: FormulasLimits = DEFAULTS) -> dict[str, tuple[str, str]]:
    """Text and LaTeX of every step's formula, by name; the text as the author wrote it."""
    derivation, found = Derivation(model, model.loss, limits=limits), {}
    for step in model.steps.values():
        value = derivation.own_expression(step.node)
        found[step.name] = (step.text or derivation.to_text(value), derivation.to_latex(value))
    return found


def _derivation(model: Model, of: str, limits: FormulasLimits, *, whole: bool = False) -> Derivation:
    if model.node(of).shape:
        raise OptionError(
            f"{of} is an array; formulas are given for derivatives of a single number",
            help="name one entry of it as a step",
        )
    return Derivation(model, of, whole=whole, limits=limits)


def _order(derivation: Derivation) -> list[str]:
    """Steps before `of`, last first, then parameters."""
    model, above = derivation.model, derivation._above
    steps = [s for s in model.steps.values() if above[s.node] and s.name != derivation.of]
    steps.sort(key=lambda s: -s.node)
    return [s.name for s in steps] + [p.name for p in model.parameters()]


def _contributions(derivation: Derivation) -> Iterator[tuple[str, list[int]]]:
    one, apart = derivation.algebra.one, derivation.target.per_row
    contributions = derivation.pass_to_names(derivation.target.index, one, apart=apart)
    for name in _order(derivation):
        yield name, contributions.get(derivation.model.graph.names[name], [])


def _close_term(derivation: Derivation, name: str, arrived: Sequence[int]) -> Term:
    node = derivation.model.node(name)
    total = derivation.add_contributions(arrived, node)
    size, limits = derivation.algebra.operations(total), derivation.limits
    if size > limits.most_operations:
        raise OptionError(
            f"the closed formula of d {derivation.of}/d {name} has "
            f"{'more than ' if size >= limits.most_counted else ''}{size:,} operations; "
            f"at most {limits.most_operations:,} are written out",
            help="without --expand it is shown step by step",
        )
    return derivation.term(name, [Link(name, derivation.of, total, None)])
