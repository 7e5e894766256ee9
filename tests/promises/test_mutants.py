"""A checker is worth what it catches: every record is made wrong on purpose, one field at a time, and
a line of the report must turn red and name it; then the engine of backprop is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import pytest

from build import Application, Sheet, applications, exchanged, one_of, part_of
from gradcheck_cli import api
from gradcheck_cli.checking.check import check
from gradcheck_cli.checking.options import Options
from gradcheck_cli.derivatives.backprop import reverse_mode
from gradcheck_cli.derivatives.symbolic import program
from gradcheck_cli.derivatives.symbolic.kernels import Kernel
from gradcheck_cli.model.model import Model
from gradcheck_cli.model.primitives.record import Primitive
from gradcheck_cli.model.primitives.table import PRIMITIVES
from gradcheck_cli.results.gradient_results import Report, Verdict

ONE_POINT = Options(points=1)  # mutants are wrong everywhere; the other points only cost time
ALL = list(PRIMITIVES.values())

# what is done to a number; `small` is 0.001 in the numbers of the namespace at hand
MUTATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "factor": lambda value, small: value + small * value,
    "sign": lambda value, small: -value,
}
MUTATIONS["everywhere"] = MUTATIONS["factor"]


def models(record: Primitive) -> Iterator[Model]:
    """Where the record's mutants are looked for: its sample, and the other side of kinks."""
    for application in _few(record):
        yield application.model()
        if record.kink is not None or record.name == "where":
            yield application.model(at=_other_side(record, application))
        if record.name == "clip":  # it has two other sides
            x, low, high = application.values()
            yield application.model(at=[low - x, low, high])


def _few(record: Primitive) -> list[Application]:
    """One number, then arrays; per row only where that is what the record is about."""
    found = [a for a in applications(record) if not any(a.per_row) or record.rows == "reduce"]
    return found[:1] if record.elementwise else found


def _other_side(record: Primitive, application: Application) -> list[Any]:
    values = application.values()
    if record.name == "where":
        return [0 * values[0], *values[1:]]
    return values[::-1] if len(values) == 2 else [-v for v in values]


# "everywhere" is the factor, on all models of a record, where there is more than one; a sign is easier to see
# than a thousandth, but beside a kink it may be the slope of the other side
OTHERS = [(record, "everywhere") for record in ALL if record.kink is not None or len(_few(record)) > 1]
OTHERS += [(record, "sign") for record in ALL if record.kink is not None]
SLOW = [pytest.param(*other, marks=pytest.mark.slow) for other in part_of(OTHERS, 2)]
every_mutant = pytest.mark.parametrize(
    ("record", "mutation"), [*((record, "factor") for record in ALL), *SLOW],
    ids=lambda given: getattr(given, "name", given),
)  # fmt: skip


def ask(model: Model) -> Report:
    """By all arguments, also those that are per row."""
    return check(model, Options(points=1, wrt=tuple(n for n in model.inputs if n != "weights")))


def asked(record: Primitive, mutation: str) -> Iterator[Report]:
    """Those of the models up to the first that turns red; everywhere: all, whichever turn red, of arrays
    every second one behind the first, which the factor has had."""
    part = (1, None, 2) if mutation == "everywhere" and not record.elementwise else (None,)
    for model in islice(models(record), *part):
        report = ask(model)
        yield report
        if report.verdict is Verdict.WRONG and mutation != "everywhere":
            return


def notes(report: Report) -> list[str]:
    """What is said about entries that are wrong."""
    entries = [e for block in report.parameters for e in block.entries]
    return [e.note or "" for e in entries if e.verdict is Verdict.WRONG]


@pytest.mark.parametrize("part", [(0, 1), pytest.param((1, None, 2), marks=pytest.mark.slow)])
def test_every_record_is_ok_before_it_is_made_wrong(part: tuple[int | None, ...]) -> None:
    for record in ALL:
        for model in islice(models(record), *part):
            report = ask(model)
            if report.coverage.zero == report.coverage.entries:  # a > b; relu of negative numbers
                assert report.verdict is Verdict.UNRESOLVED, record.name
            elif report.verdict is Verdict.KINK:  # its condition is exactly 0 on the other side
                assert record.name == "where"
            else:
                assert report.verdict is Verdict.OK, (record.name, report)


# ---------------------------------------------------------------------------------------------
# Values: forward and symbolic are one another's check
# ---------------------------------------------------------------------------------------------


@every_mutant
def test_a_wrong_value_is_seen_and_named(
    record: Primitive, mutation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = MUTATIONS[mutation]

    def forward(m: Any, *arguments: Any, **options: Any) -> Any:
        return change(record.forward(m, *arguments, **options), m.array(0.001))

    def symbolic(s: Any, *arguments: Any, **options: Any) -> Any:
        return change(record.symbolic(s, *arguments, **options), s.number(0.001))

    for field, made in (("forward", forward), ("symbolic", symbolic)):
        with monkeypatch.context() as patch:
            exchanged(patch, record.name, **{field: made})
            reports = list(asked(record, mutation))
        red = [r for r in reports if r.verdict is Verdict.WRONG]
        assert red, f"{field}, {mutation}: nothing turned red"
        for report in red:
            assert "the value of y (line" in report.value_note
            functions = report.value_note.rsplit(": ", 1)[1].split(", ")
            assert record.name in functions


# ---------------------------------------------------------------------------------------------
# vjps: backprop must stand alone, and the rule be named
# ---------------------------------------------------------------------------------------------


@every_mutant
def test_a_wrong_vjp_is_seen_and_named(
    record: Primitive, mutation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for position, rule in enumerate(record.vjp):
        if rule is not None and position not in record.whole:  # by what chooses nothing is differentiated
            is_named(record, position, _mutated(rule, MUTATIONS[mutation]), mutation, monkeypatch)


def is_named(
    record: Primitive, position: int, rule: Any, mutation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another rule for one argument models turn red, and it is blamed."""
    made = list(record.vjp)
    made[position] = rule
    with monkeypatch.context() as patch:
        exchanged(patch, record.name, vjp=made)
        reports = list(asked(record, mutation))
    red = [note for report in reports for note in notes(report)]
    assert red, f"argument {position}, {mutation}: nothing turned red"
    for note in red:
        assert note.startswith("backprop stands alone")
        assert f"the vjp of {record.name} (line" in note


def _mutated(rule: Callable[..., Any], change: Callable[[Any, Any], Any]) -> Any:
    return lambda m, g, *rest, **options: change(rule(m, g, *rest, **options), 0.001)


WITHOUT_RULE = [
    (record, position) for record in ALL for position, rule in enumerate(record.vjp)
    if rule is None and position not in record.whole
]  # fmt: skip


@pytest.mark.parametrize(("record", "position"), WITHOUT_RULE)
def test_a_derivative_where_none_passes_is_seen_and_named(
    record: Primitive, position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_named(record, position, lambda m, g, *rest, **options: 0.001 + 0 * g, "factor", monkeypatch)


def test_the_right_one_of_several_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """h is used by tanh, sin and the product of both: only the tanh is wrong."""
    rule = PRIMITIVES["tanh"].vjp[0]
    exchanged(monkeypatch, "tanh", vjp=(lambda *given: 1.001 * rule(*given),))
    sheet = Sheet()
    x = sheet.param("x", 0.7)
    h = sheet.step("h", sheet("mul", x, x))
    t = sheet.step("t", sheet("mul", sheet("sin", h), h))
    sheet.step("loss", sheet("add", sheet("mul", t, sheet("tanh", h)), h))
    (note,) = notes(check(sheet.model(), ONE_POINT))
    assert "The fault lies in the vjp of tanh (line 4)." in note


# ---------------------------------------------------------------------------------------------
# Kinks and domains
# ---------------------------------------------------------------------------------------------

ON_THE_KINK: dict[str, tuple[float, ...]] = {
    **dict.fromkeys(("abs", "relu", "leaky_relu", "elu", "selu", "sign"), (0.0,)),
    "where": (0.0, 1.0, 2.0),
    **dict.fromkeys(("floor", "ceil"), (2.0,)),
    "round": (0.5,),
    "mod": (1.5, 0.5),
    "clip": (0.7, 0.7, 2.0),
    "copysign": (0.0, 1.0),
    "hard_tanh": (1.0,),
    **dict.fromkeys(("hard_sigmoid", "hard_swish"), (-3.0,)),
    "relu6": (6.0,),
    "softshrink": (-0.5,),
    **dict.fromkeys(("gt", "lt", "ge", "le", "maximum", "minimum"), (0.7, 0.7)),
}
IN_AN_ARRAY = {"max", "min", "max_pool", "sort", "eigvalsh"}
ONE_SLOPE = {"celu", "squared_relu"}  # only the second derivative jumps


def at_the_kink(name: str) -> Model:
    """The record exactly on its kink, where an ok would be a lie."""
    sheet = Sheet()
    if name in IN_AN_ARRAY:
        given = {"eigvalsh": np.eye(2), "max_pool": [[0.5, 0.5]]}.get(name, np.full(2, 0.5))
        y = sheet(name, sheet.param("a", given), **({"window": (1, 2)} if name == "max_pool" else {}))
        y = sheet("index", y, key=(0,) * len(sheet.shape(y))) if sheet.shape(y) else y
    else:
        options = {"alpha": 0.7} if name == "elu" else {}  # with alpha = 1 there is no kink at all
        given = [sheet.param(f"a{k}", v) for k, v in enumerate(ON_THE_KINK[name])]
        y = sheet(name, *given, **options)
        y = sheet("add", y, given[0])  # so that the slope beside a jump is not 0
    sheet.step("loss", y)
    return sheet.model()


def test_the_kinks_listed_are_those_of_the_table() -> None:
    assert {r.name for r in ALL if r.kink} == set(ON_THE_KINK) | IN_AN_ARRAY | ONE_SLOPE


@pytest.mark.parametrize("name", [*ON_THE_KINK, *sorted(IN_AN_ARRAY)])
def test_a_kink_that_is_not_declared_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = check(at_the_kink(name), ONE_POINT)
    assert declared.verdict is Verdict.KINK
    exchanged(monkeypatch, name, kink=None)
    bare = check(at_the_kink(name), ONE_POINT)
    assert bare.verdict is Verdict.WRONG
    assert all(f"border that {name} (line" in note for note in notes(bare))


def test_a_kink_declared_elsewhere_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moved by 1: the true kink at 0 is then not known."""
    for name in ("relu", "abs", "leaky_relu"):
        with monkeypatch.context() as patch:
            exchanged(patch, name, kink=lambda m, x, **options: x - 1)
            assert check(at_the_kink(name), ONE_POINT).verdict is Verdict.WRONG


BORDERS: dict[str, tuple[Any, ...]] = {
    "sqrt": (0.0,), "cbrt": (0.0,), "asin": (1.0,), "acos": (-1.0,),
    "pow": (0.0, 0.5), "atan2": (0.0, -1.0), "norm": ([0.0, 0.0],), "hypot": (0.0, 0.0), "acosh": (1.0,),
    "std": ([0.7, 0.7],),
}  # fmt: skip
# Without its domain margin the record gives the same answers: finite differences meet nan or an
# infinite value beyond the border and stay on this side of it, and at the border the value itself
# is not finite (UNRESOLVED before anybody differentiates). The margin only saves them samples.
EQUIVALENT_DOMAINS = {
    "div", "tan", "log", "log1p", "log2", "log10", "inv", "sec", "csc", "cot", "atanh", "rsqrt", "logit",
    "log1mexp", "xlogy", "mod", "lgamma", "gamma", "digamma", "polygamma", "beta", "betaln", "erfinv",
    "normal_quantile", "expint", "y0", "y1", "bessel_y", "gammainc", "solve", "logdet", "slogdet", "cholesky",
}  # fmt: skip


def test_the_borders_listed_are_those_of_the_table() -> None:
    assert {r.name for r in ALL if r.domain} == set(BORDERS) | EQUIVALENT_DOMAINS


def at_the_border(name: str) -> Model:
    sheet = Sheet()
    first, *others = BORDERS[name]
    sheet.step("loss", sheet(name, sheet.param("a", first), *others))
    return sheet.model()


@pytest.mark.parametrize("name", BORDERS)
def test_a_border_that_is_not_declared_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = check(at_the_border(name), ONE_POINT)
    bent = name in ("atan2", "norm", "hypot", "std")  # else the derivative is infinite
    assert declared.verdict is (Verdict.KINK if bent else Verdict.UNRESOLVED)
    exchanged(monkeypatch, name, domain=None)
    bare = check(at_the_border(name), ONE_POINT)
    assert bare.verdict is Verdict.WRONG
    assert all(f"border that {name} (line" in note for note in notes(bare))


@pytest.mark.parametrize("name", one_of(3, sorted(EQUIVALENT_DOMAINS)))
def test_the_equivalent_mutants_are_equivalent(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Close to the border: the answer is the same with and without the margin, and right."""
    near = {"div": (1.0, 1e-9), "tan": (np.pi / 2 - 1e-9,), "log1p": (-1 + 1e-9,)}
    near |= {"sec": (np.pi / 2 - 1e-9,), "log1mexp": (-1e-9,), "xlogy": (1.0, 1e-9), "mod": (3e-10, 1e-9)}
    near |= dict.fromkeys(("atanh", "erfinv"), (1 - 1e-9,)) | dict.fromkeys(("beta", "betaln"), (1e-9, 1.0))
    nearly_singular = [[2.0, 4.0], [1.0, 2.0 + 1e-6]]
    near |= dict.fromkeys(("inv", "logdet", "slogdet"), (nearly_singular,))
    near["solve"] = (nearly_singular, [1.0, 2.0])
    near["cholesky"] = ([[1.0, 2.0], [2.0, 4.0 + 1e-6]],)
    verdicts = []
    for fields in ({}, {"domain": None}):
        exchanged(monkeypatch, name, **fields)
        sheet = Sheet()
        given = [sheet.param(f"a{k}", v) for k, v in enumerate(near.get(name, (1e-9,)))]
        y = sheet(name, *given)
        sheet.step("loss", sheet("sum", y) if sheet.shape(y) else y)
        verdicts.append(check(sheet.model(), ONE_POINT).verdict)
    assert verdicts == [Verdict.OK, Verdict.OK]


# ---------------------------------------------------------------------------------------------
# The engine
# ---------------------------------------------------------------------------------------------


def fan_out() -> Model:
    """loss = x*x: one value used twice by one node."""
    sheet = Sheet()
    x = sheet.param("x", 1.3)
    sheet.step("loss", sheet("mul", x, x))
    return sheet.model()


def diamond() -> Model:
    """h = x*x, loss = h*h."""
    sheet = Sheet()
    x = sheet.param("x", 1.3)
    h = sheet.step("h", sheet("mul", x, x))
    sheet.step("loss", sheet("mul", h, h))
    return sheet.model()


def crossed() -> Model:
    """h = sin(x), loss = h*exp(h) + x: users of a value at different depths."""
    sheet = Sheet()
    x = sheet.param("x", 1.3)
    h = sheet.step("h", sheet("sin", x))
    e = sheet.step("e", sheet("exp", h))
    sheet.step("loss", sheet("add", sheet("mul", h, e), x))
    return sheet.model()


def chain() -> Model:
    """loss = exp(sin(w*x)): what a demonstration usually is. No engine mutant shows here but order."""
    sheet = Sheet()
    x, w = sheet.data("x", 1.3), sheet.param("w", 0.4)
    h = sheet.step("h", sheet("sin", sheet("mul", w, x)))
    sheet.step("loss", sheet("exp", h))
    return sheet.model()


def assign(patch: pytest.MonkeyPatch) -> None:
    """= instead of += into adjoints."""
    patch.setattr(reverse_mode, "add_adjoint", lambda adjoints, index, part: adjoints.update({index: part}))


def stale(patch: pytest.MonkeyPatch) -> None:
    """Adjoints of an earlier call are not cleared."""
    kept: dict[int, Any] = {}
    plain = reverse_mode.add_adjoint

    def add(adjoints: Any, index: int, part: Any) -> None:
        plain(adjoints, index, part)
        if index in kept:
            adjoints[index] = adjoints[index] + kept[index]
        if part.dtype != object:  # the checker looks again at 50 digits; those are not to be mixed in
            kept[index] = part

    patch.setattr(reverse_mode, "add_adjoint", add)


def wrong_order(patch: pytest.MonkeyPatch) -> None:
    """Nodes as a queue finds them: an adjoint is passed on before all of its users have sent theirs."""

    def order(self: Any, down: Any, up: Any) -> list[Any]:
        nodes, found, todo = self.model.graph.nodes, list[int](), [self.of.index]
        allowed = {n.index for n in plain(self, down, up)}
        while todo:
            index = todo.pop(0)
            if index in allowed and index not in found:
                found.append(index)
                todo += nodes[index].arguments
        return [nodes[i] for i in found]

    plain = reverse_mode.BackwardPass.order
    patch.setattr(reverse_mode.BackwardPass, "order", order)


def visited_twice(patch: pytest.MonkeyPatch) -> None:
    """A value with two users sends its adjoint on twice."""
    plain = reverse_mode.BackwardPass.send

    def send(self: Any, node: Any, adjoint: Any, values: Any, adjoints: Any) -> None:
        users = sum(a == node.index for n in self.model.graph.nodes for a in n.arguments)
        for _ in range(2 if users > 1 else 1):
            plain(self, node, adjoint, values, adjoints)

    patch.setattr(reverse_mode.BackwardPass, "send", send)


ENGINES = {  # the mutant, and the models on which it must be caught
    assign: (fan_out, diamond, crossed),
    stale: (fan_out, diamond, crossed),
    wrong_order: (crossed,),
    visited_twice: (diamond, crossed),
}


@pytest.mark.parametrize("mutant", ENGINES, ids=lambda f: f.__name__)
def test_engine_mutants_are_caught(mutant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for made in (fan_out, diamond, crossed, chain):
        assert check(made(), ONE_POINT).verdict is Verdict.OK
    mutant(monkeypatch)
    for made in ENGINES[mutant]:
        report = check(made(), ONE_POINT)
        assert report.verdict is Verdict.WRONG, made.__name__
        assert all("backprop stands alone" in note for note in notes(report))


def test_a_chain_shows_no_fan_out_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Why models/ holds fan_out and diamond: the famous defects leave a chain green."""
    assign(monkeypatch)
    visited_twice(monkeypatch)
    assert check(chain(), ONE_POINT).verdict is Verdict.OK


def test_what_is_added_up_wrongly_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assign(monkeypatch)
    (note,) = notes(check(crossed(), ONE_POINT))
    assert "in the adding up of adjoints" in note


# ---------------------------------------------------------------------------------------------
# The symbolic method, whose kernels the reference shares
# ---------------------------------------------------------------------------------------------


def two_steps() -> Model:
    """h = sin(x)*x, loss = exp(h)*cos(x): kernels of several slots."""
    sheet = Sheet()
    x = sheet.param("x", 1.3)
    h = sheet.step("h", sheet("mul", sheet("sin", x), x))
    sheet.step("loss", sheet("mul", sheet("exp", h), sheet("cos", x)))
    return sheet.model()


@pytest.mark.parametrize("place", [0, 1])
def test_a_dropped_partial_of_the_symbolic_method_is_no_kink(
    place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference rests on the same kernels; its differences at 140 digits decide who stands alone."""
    plain = Kernel.partials.func

    def dropped(self: Any) -> Any:
        found = plain(self)
        if len([part for part in found if part is not None]) == 2:
            found[place] = None
        return found

    fresh = cached_property(dropped)
    fresh.__set_name__(Kernel, "partials")
    monkeypatch.setattr(Kernel, "partials", fresh)
    monkeypatch.setattr(program, "kernel", Kernel)  # those that are kept have their partials
    (note,) = notes(check(two_steps(), ONE_POINT))
    assert note.startswith("symbolic stands alone: differences at 140 digits give")
    assert "The fault lies in SymPy's partials of mul (line" in note
    assert "kink" not in note


# ---------------------------------------------------------------------------------------------
# Parts of the engine that no rule is to be blamed for
# ---------------------------------------------------------------------------------------------


def over_rows(text: str = "sin(w*x) + b") -> Model:
    return api.load(f"rows x = [1, 2, 4]\nparam w = 0.7, b = 0.3\nf = {text}\nloss = mean_rows(f^2)\n")


class LastRow:
    """NumPy, whose sums along an axis keep the last entry alone."""

    class add:
        @staticmethod
        def reduce(part: Any, axis: int, keepdims: bool) -> Any:
            return part[:, -1:]

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


@pytest.mark.parametrize("text", ["sin(w*x) + b", "sin(w*x)*cos(b*x)"])
def test_a_lost_sum_over_rows_is_named(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reverse_mode, "np", LastRow())
    found = notes(check(over_rows(text), ONE_POINT))
    assert len(found) == 2
    user = "add" if "+" in text else "mul"
    assert all(f"the sum over the rows of what {user} (line 3) sends back" in note for note in found)


def test_a_wrong_vjp_behind_rows_is_no_lost_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = PRIMITIVES["sin"].vjp[0]
    exchanged(monkeypatch, "sin", vjp=(lambda *given: 1.001 * rule(*given),))
    (note,) = notes(check(over_rows(), ONE_POINT))
    assert "The fault lies in the vjp of sin (line 3)." in note


def test_a_wrong_vjp_into_what_rows_share_is_no_lost_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = PRIMITIVES["mul"].vjp
    exchanged(monkeypatch, "mul", vjp=(lambda *given: 1.001 * rules[0](*given), rules[1]))
    (note,) = notes(check(over_rows(), ONE_POINT))
    assert "The fault lies in the vjp of mul (line 3)." in note


@pytest.mark.parametrize("made", [chain, crossed, over_rows], ids=lambda f: f.__name__)
def test_a_wrong_seed_is_named(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = reverse_mode.BackwardPass.seed

    def seed(self: Any) -> Any:
        return {index: 2 * adjoint for index, adjoint in plain(self).items()}

    monkeypatch.setattr(reverse_mode.BackwardPass, "seed", seed)
    found = notes(check(made(), ONE_POINT))
    assert found
    assert all("The fault lies in the seed of backprop, d loss/d loss, which is 1." in n for n in found)
