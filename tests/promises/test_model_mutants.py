"""`gradcheck run models/` is a test of gradcheck itself: whichever rule of whichever function is made wrong,
some model that travels with the package turns red."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from build import exchanged, one_of, part_of
from gradcheck_cli import api
from gradcheck_cli.checking.check import check
from gradcheck_cli.checking.options import Options
from gradcheck_cli.derivatives.backprop import reverse_mode
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.results.gradient_results import Verdict
from paths import MODELS

ONE_POINT = Options(points=1)
BRIEF = Options(points=1, budget=300)  # whom high precision would blame is not asked
RULES = [
    (name, place)
    for name, record in PRIMITIVES.items()
    for place, rule in enumerate(record.vjp)
    if rule is not None
]


@cache
def models() -> tuple[Model, ...]:
    """Those that promise to be right, as test_models holds them to, smallest first."""
    paths = sorted(MODELS.glob("*.txt"))
    fine = [path for path in paths if path.read_text().splitlines()[1] in ("# expect: ok", "# expect: kink")]
    return tuple(sorted(map(api.load, fine), key=lambda model: len(model.graph.nodes)))


def with_rule(name: str, place: int) -> list[Model]:
    """Models in which an adjoint passes through an argument of a function."""
    return [model for model in models() if _passes(model, name, place)]


def _passes(model: Model, name: str, place: int) -> bool:
    graph = model.graph
    moved = graph.downstream(graph.names[p.name] for p in model.parameters())
    needed = graph.upstream([graph.names[model.loss]])
    return any(
        node.operation == name and needed[node.index] and any(moved[a] for a in _taken(node, place))
        for node in graph.nodes
        if not (node.is_leaf or node.is_literal)
    )


def _taken(node: Node, place: int) -> tuple[int, ...]:
    return node.arguments if node.primitive.arguments is None else (node.arguments[place],)


def turn_red(some: list[Model], options: Options = BRIEF) -> bool:
    """In the columns alone: claims are judged by the reference, which reads no vjp."""
    return any(check(model, options, ()).verdict is Verdict.WRONG for model in some)


# one of eight in the core, a quarter of them in all; test_mutants makes each of them wrong
@pytest.mark.parametrize(("name", "place"), one_of(2, part_of(RULES, 4)))
def test_a_wrong_vjp_turns_a_model_red(name: str, place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    some = with_rule(name, place)
    assert some, "no model uses it"
    rules = list(PRIMITIVES[name].vjp)
    right = rules[place]
    assert right is not None
    rules[place] = lambda *given, **options: 1.001 * right(*given, **options)
    exchanged(monkeypatch, name, vjp=rules)
    assert turn_red(some)


FIELDS = [(name, ("forward", "symbolic")[k // 8 % 2]) for k, name in enumerate(PRIMITIVES)]


@pytest.mark.parametrize(("name", "field"), one_of(2, part_of(FIELDS, 4)))
def test_a_wrong_value_turns_a_model_red(
    name: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = [m for m in models() if any(n.operation == name for n in m.graph.nodes if not n.is_leaf)]
    assert some, "no model uses it"
    right: Callable[..., Any] = getattr(PRIMITIVES[name], field)

    def wrong(m: Any, *arguments: Any, **options: Any) -> Any:
        value = right(m, *arguments, **options)
        small = m.array(0.001) if field == "forward" else m.number(0.001)
        return value + small * (1 + value)

    exchanged(monkeypatch, name, **{field: wrong})
    assert turn_red(some, ONE_POINT)


def test_a_mean_with_an_axis_is_a_rule_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong only where there is an axis: the mean of all entries is used everywhere."""
    (right,) = PRIMITIVES["mean"].vjp
    assert right is not None

    def wrong(*given: Any, **options: Any) -> Any:
        return right(*given, **options) * (1 if options.get("axis") is None else 1.001)

    exchanged(monkeypatch, "mean", vjp=(wrong,))
    assert turn_red(with_rule("mean", 0))


def test_the_fields_of_a_record_share_no_number() -> None:
    """A constant that forward, vjp and symbolic read from one place is wrong in all columns alike."""
    for name, record in PRIMITIVES.items():
        for field in (record.forward, record.symbolic, *(rule for rule in record.vjp if rule is not None)):
            code = field.__code__
            read = {n: field.__globals__[n] for n in code.co_names if n in field.__globals__}
            shared = [n for n, value in read.items() if isinstance(value, int | float | str | tuple)]
            assert not shared, name


# ---------------------------------------------------------------------------------------------
# The engine
# ---------------------------------------------------------------------------------------------


def test_a_lost_sum_over_rows_turns_a_model_red(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the last block's contribution to what all rows share is kept."""
    rows = [model for model in models() if model.rows]
    plain = reverse_mode.BackwardPass.send

    def send(self: Any, node: Any, adjoint: Any, values: Any, adjoints: Any) -> None:
        before = dict(adjoints)
        plain(self, node, adjoint, values, adjoints)
        for index, part in adjoints.items():
            if index not in before and adjoint.shape[1] > 1 and part.shape[1] == 1:
                adjoints[index] = part / adjoint.shape[1]

    monkeypatch.setattr(reverse_mode.BackwardPass, "send", send)
    assert turn_red(rows)


def test_a_wrong_seed_turns_a_model_red(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = reverse_mode.BackwardPass.seed

    def seed(self: Any) -> Any:
        return {index: 2 * adjoint for index, adjoint in plain(self).items()}

    monkeypatch.setattr(reverse_mode.BackwardPass, "seed", seed)
    assert turn_red(list(models()[:3]))
