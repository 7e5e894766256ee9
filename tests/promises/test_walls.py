"""Each field of a record has one reader: whoever else reads it would raise here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import pytest

from build import Application, applications, exchanged
from gradcheck_cli.derivatives import backprop, symbolic
from gradcheck_cli.derivatives.finite_differences.drivers import affine_routes, by_entry
from gradcheck_cli.derivatives.finite_differences.drivers import by_node as by_node_module
from gradcheck_cli.derivatives.finite_differences.schemes import SCHEMES
from gradcheck_cli.evaluation.tape import Tape, forward_pass
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.reference.referee import Referee

EXTRAPOLATED = by_entry.scheme_by_name("extrapolated")
# one scalar or array application of every record, and one per row
APPLICATIONS: list[Application] = [
    found
    for record in PRIMITIVES.values()
    for rows in (False, True)
    for found in [next((a for a in applications(record) if any(a.per_row) is rows), None)]
    if found is not None
]


class Poison(AssertionError):
    """Raised by a field that a stranger reads."""


def poisoned(patch: pytest.MonkeyPatch, fields: Iterable[str]) -> None:
    """Every record raises when one of these fields is used."""

    def raising(*arguments: Any, **options: Any) -> NoReturn:
        raise Poison

    for name, record in PRIMITIVES.items():
        bad: dict[str, Any] = {}
        for field in fields:
            value = getattr(record, field)
            bad[field] = tuple(raising for _ in value) if field == "vjp" else value and raising
        exchanged(patch, name, **bad)


def names(application: Application) -> list[str]:
    return [f"a{k}" for k in range(len(application.shapes))]


def by_symbolic(application: Application, tape: Tape) -> None:
    model = application.model()
    program = symbolic.lower(model)
    symbolic.values(program, model.point())
    symbolic.derivative(program, model.point(), "loss", names(application))


def by_backprop(application: Application, tape: Tape) -> None:
    backprop.derivative(application.model(), tape, "loss", names(application))


def by_sampling(application: Application, tape: Tape) -> None:
    by_entry.derivative(application.model(), tape, "loss", names(application), EXTRAPOLATED)


def by_node(application: Application, tape: Tape) -> None:
    model = application.model()
    shared = [name for name in names(application) if not model.node(name).per_row]
    route = affine_routes.route(model, "loss", shared)
    by_node_module.derivative(tape, route, [n for n in shared if route.covers(n)], SCHEMES["by-node"])


def by_referee(application: Application, tape: Tape) -> None:
    model = application.model()
    Referee(symbolic.lower(model)).derivative(model.point(), "loss", names(application))


def by_differences_at_high_precision(application: Application, tape: Tape) -> None:
    model = application.model()
    referee = Referee(symbolic.lower(model))
    if not application.shapes:  # ones(n): nothing can be moved
        return
    node = model.node("a0")
    row = 0 if node.per_row else None
    referee.slopes(model.point(), "loss", "a0", (0,) * len(node.shape), row)


# who may read what; the Tape is given, made before the poison
METHODS: dict[Callable[[Application, Tape], None], tuple[str, ...]] = {
    by_symbolic: ("forward", "kink", "domain", "vjp"),
    by_backprop: ("kink", "domain", "forward", "symbolic"),
    by_sampling: ("vjp", "symbolic"),
    by_node: ("vjp", "symbolic"),
    by_referee: ("forward", "kink", "domain", "vjp"),
    by_differences_at_high_precision: ("vjp",),
}


@pytest.mark.parametrize("some", [
    pytest.param(APPLICATIONS[::3], id="a third"),
    pytest.param(APPLICATIONS[1::3], id="another third", marks=pytest.mark.slow),
])  # fmt: skip
@pytest.mark.parametrize("method", METHODS, ids=lambda f: f.__name__)
def test_a_method_reads_no_foreign_field(
    method: Callable[[Application, Tape], None], some: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    tapes = [forward_pass(application.model()) for application in some]
    poisoned(monkeypatch, METHODS[method])
    for application, tape in zip(some, tapes, strict=True):
        method(application, tape)


OWN = {
    by_symbolic: "symbolic",
    by_backprop: "vjp",
    by_sampling: "forward",
    by_node: "forward",
    by_referee: "symbolic",
    by_differences_at_high_precision: "forward",
}


@pytest.mark.parametrize("method", OWN, ids=lambda f: f.__name__)
def test_the_poison_works(
    method: Callable[[Application, Tape], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    application = next(applications(PRIMITIVES["mul"]))
    tape = forward_pass(application.model())
    poisoned(monkeypatch, [OWN[method]])
    with pytest.raises(Poison):
        method(application, tape)


def test_margins_are_read_by_the_forward_side_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    application = next(applications(PRIMITIVES["relu"]))
    model = application.model()
    tape = forward_pass(model)
    poisoned(monkeypatch, ["kink", "domain"])
    forward_pass(model)  # values alone do not look at margins
    with pytest.raises(Poison):
        tape.borders_hit()
