"""Reads a Model and options. Gives the Report: witnesses, verdicts, claims, and the closing sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from gradcheck_cli import symbolic
from gradcheck_cli.budget import DEFAULT, Budget
from gradcheck_cli.claims import Judged, judge_claims
from gradcheck_cli.errors import OptionError
from gradcheck_cli.forward import Failing, forward_pass
from gradcheck_cli.graph import Claim, Input, Model, Node, spell_shape
from gradcheck_cli.hearing import DIRECTIONS
from gradcheck_cli.judge import blocks
from gradcheck_cli.progress import Meter
from gradcheck_cli.recording import LARGEST_MATRIX
from gradcheck_cli.referee import Referee
from gradcheck_cli.results import Block, ClaimResult, Coverage, Entry, Report, Verdict, worst
from gradcheck_cli.sampling import scheme_named
from gradcheck_cli.values import Point, Values, compare_values, points_of

__all__ = ["HINTS", "Options", "check"]

_NO_DERIVATIVES = {
    Verdict.WRONG: "Nothing is said about derivatives while a value differs.",
    Verdict.UNRESOLVED: "Nothing is said about derivatives while a value may differ.",
}
_MOST_NODES = 1 << 19  # over all points, where the number of points is not asked for
_MOST_SLOPES = 1 << 24  # nodes times names, or times rows, in the same way; two points remain
HINTS = ("none", "where", "kind", "truth")  # what a wrong claim is told, each with those before it


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a run may be asked; None means the model's `set` line, else the default."""

    points: int | None = None
    digits: int | None = None
    scheme: str | None = None
    layout: str | None = None
    wrt: tuple[str, ...] | None = None
    strict: bool | None = None
    carry: bool | None = None
    hint: str | None = None
    require_claims: bool | None = None
    all_entries: bool = False
    budget: int = DEFAULT

    def settled(self, settings: Mapping[str, object]) -> Options:
        """The same with every None filled in. Raises OptionError for impossible values."""
        defaults: dict[str, object] = {
            "points": 4,
            "digits": 6,
            "scheme": "extrapolated",
            "layout": "auto",
            "strict": False,
            "carry": False,
            "require_claims": False,
            "wrt": (),
        }
        filled = {
            name: getattr(self, name) if getattr(self, name) is not None else settings.get(name, value)
            for name, value in defaults.items()
        }
        filled["require_claims"] = bool(self.require_claims or settings.get("require_claims"))
        usual = "truth" if settings.get("show_truth") else settings.get("hint", "kind")
        filled["hint"] = self.hint or usual
        filled["wrt"] = self.wrt or settings.get("wrt", ())
        result = replace(self, **filled)  # type: ignore[arg-type]
        if result.points is None or not 1 <= result.points <= 1000:
            raise OptionError("--points must be between 1 and 1000", help="the default is 4")
        if result.digits is None or not 1 <= result.digits <= 15:
            raise OptionError("--digits must be between 1 and 15", help="the default is 6")
        if result.budget < 1:
            raise OptionError("--budget must be 1 or more", help=f"the default is {DEFAULT:,}")
        if result.hint not in HINTS:
            known = ", ".join(HINTS)
            raise OptionError(f"--hint cannot be {str(result.hint)[:40]!r}", help=f"it is one of {known}")
        return result


def check(
    model: Model,
    options: Options,
    claims: Sequence[Claim] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Report:
    """Compare the three witnesses at all points and judge the claims (those of the model by default).

    `progress` is told the fraction that is done. Raises OptionError for a name that the model does not have.
    """
    asked = options.settled(model.settings)
    judged = model.claims if claims is None else tuple(claims)
    points = _affordable_points(model, options, asked)
    if progress is None:
        return _checked(model, asked, judged, points)
    meter = Meter(progress, 1 + points + len(judged))  # values, points, claims
    report = _checked(replace(model, meter=meter), asked, judged, points)
    meter.finish()
    return report


def _checked(model: Model, asked: Options, judged: tuple[Claim, ...], most_points: int) -> Report:
    scheme = scheme_named(str(asked.scheme))
    names = _names(model, asked.wrt or ())
    blank = Report(
        model=model.file,
        verdict=Verdict.OK,
        rows=model.rows,
        seed=model.seed,
        points=asked.points or 1,
        scheme=scheme.name,
        steps=len(model.steps),
        settings=model.settings,
        notes=model.notes,
        claims_file=next((c.file for c in judged if c.file and c.file != model.file), None),
    )
    tape = forward_pass(model)
    failing = tape.failing()
    if failing is not None:
        return _unresolved(model, blank, failing)
    program = symbolic.lower(model)
    referee = Referee(program, Budget(asked.budget))
    points = points_of(model, tape, most_points)
    values = compare_values(model, program, referee, points[0])
    if model.meter is not None:
        model.meter.part()
    blank = replace(blank, loss=tape.loss, loss_symbolic=values.loss_symbolic, points=len(points))
    if values.verdict is not Verdict.OK:
        return replace(
            blank, verdict=values.verdict, value_note=values.note, summary=values.note,
            closing=(_NO_DERIVATIVES[values.verdict],),
        )  # fmt: skip
    found = blocks(
        model, program, referee, points,
        names=names, scheme=scheme, digits=float(asked.digits or 6), of=model.loss,
        all_entries=asked.all_entries,
    )  # fmt: skip
    court = judge_claims(
        model, judged, [(p.number, p.values) for p in points], referee,
        layout=str(asked.layout), strict=bool(asked.strict), carry=bool(asked.carry),
        on_border=bool(tape.borders_hit()),
    )  # fmt: skip
    results = _explained(model, judged, court, asked)
    notes = *_free_notes(model), *_unseen_notes(referee, names), *court.notes, *_budget_notes(referee)
    blank = replace(blank, notes=(*blank.notes, *notes))
    by_name = dict(zip(names, found, strict=True))
    return _concluded(model, blank, by_name, results, values, asked, points, most_points)


def _affordable_points(model: Model, options: Options, asked: Options) -> int:
    """How many points to compare at: fewer than by default where there are hundreds of thousands of
    operations, thousands of names each of which moves thousands of them, or a million rows."""
    wanted = asked.points or 1
    if options.points is not None or "points" in model.settings:
        return wanted
    nodes, names = len(model.graph.nodes), len(_names(model, asked.wrt or ()))
    each = nodes * max(1, names, model.rows or 0)
    return min(wanted, max(1, _MOST_NODES // nodes), max(2, _MOST_SLOPES // each))


def _names(model: Model, wrt: Sequence[str]) -> list[str]:
    """The parameters, and the names of --wrt; only those of --wrt where it is given."""
    if not wrt:
        return [p.name for p in model.parameters()]
    for name in wrt:
        if name not in model.inputs and name not in model.steps:
            raise OptionError(
                f"--wrt: the model has no name {name!r}",
                help=f"it has {', '.join([*model.inputs, *model.steps][:12])}",
            )
    return list(dict.fromkeys(wrt))


def _explained(
    model: Model, claims: Sequence[Claim], court: Judged, asked: Options
) -> tuple[ClaimResult, ...]:
    """The claims with where they go wrong, what is wrong, and the truth, as far as is asked for."""
    if not any(result.verdict is Verdict.WRONG for result in court.results):
        return tuple(court.results)
    from gradcheck_cli.diagnose import diagnosed

    given = HINTS.index(str(asked.hint))
    found = diagnosed(
        model, claims, court, where=given >= HINTS.index("where"), what=given >= HINTS.index("kind")
    )
    if asked.hint == "truth":
        from gradcheck_cli.formulas import right_side

        found = [
            replace(r, truth=right_side(model, r.of, r.by)) if r.verdict is Verdict.WRONG else r
            for r in found
        ]
    return tuple(found)


# ---------------------------------------------------------------------------------------------
# Sentences
# ---------------------------------------------------------------------------------------------


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _unresolved(model: Model, blank: Report, failing: Failing) -> Report:
    """The loss is not finite at the given point: the step and its arguments are named."""
    node = failing.node
    step = model.steps.get(failing.step)
    where = f"step {step.display} (line {step.line})" if step else "the loss"
    row = f" in row {failing.row}" if failing.row is not None else ""
    what = "the value"
    if not (node.is_leaf or node.is_literal):
        record = node.primitive
        given = ", ".join(f"{a:.6g}" for a in failing.arguments)
        what = (
            f"{record.function} of {_shapes(model, node)}"
            if not (record.elementwise or record.infix)
            else f"{failing.arguments[0]:.6g} {record.infix} {failing.arguments[1]:.6g}"
            if record.infix and len(failing.arguments) == 2
            else f"{record.function}({given})"
        )
        if record.domain_text != "all numbers" and failing.value != failing.value:
            what += f", which is outside its domain ({record.domain_text}),"
    note = f"{where}: {what} is {failing.value:g}{row} at the given point"
    way_out = (
        "UNRESOLVED: where the loss is not finite nothing can be said of its derivatives. "
        "Choose other values, or try --at NAME=VALUE."
    )
    return replace(
        blank, verdict=Verdict.UNRESOLVED, loss=None, value_note=note, summary=f"{note}.",
        closing=(way_out,),
    )  # fmt: skip


def _shapes(model: Model, node: Node) -> str:
    """What a function of arrays was given: "an array [3,3]"."""
    shapes = [spell_shape(model.graph.nodes[a].shape) for a in node.arguments]
    return " and ".join(f"an array {shape}" if shape else "a number" for shape in shapes)


def _free_notes(model: Model) -> list[str]:
    drawn = [p for p in model.parameters() if p.origin == "free"]
    shown = ", ".join(f"{p.display} = {float(p.values):.6g}" for p in drawn if not p.shape)
    return [f"drawn from seed {model.seed}: {shown}"] if shown else []


def _unseen_notes(referee: Referee, names: Sequence[str]) -> list[str]:
    """Why the symbolic column is empty, and who is left."""
    model, program = referee.model, referee.program
    found = {n.index: n for name in names for n in symbolic.unseen(program, model.loss, name)}
    if not found:
        return []
    shapes = {i: spell_shape(model.graph.nodes[n.arguments[0]].shape) for i, n in found.items()}
    lines = {i: model.step_around(i).line for i in found}
    told = (f"{n.primitive.function} of a matrix {shapes[i]} (line {lines[i]})" for i, n in found.items())
    others = "backprop and finite differences"
    if referee.affords() and not referee.budget.spent:
        others = "backprop, finite differences and high precision"
    most = f"[{LARGEST_MATRIX},{LARGEST_MATRIX}]"
    why = f"symbolic is not computed (-) where a derivative passes through {', '.join(told)}"
    return [f"{why}: SymPy is asked up to {most}; {others} remain"]


def _budget_notes(referee: Referee) -> list[str]:
    """That something was not looked into, which a verdict ok does not tell."""
    budget = referee.budget
    return [f"{budget.reason}; what is ok from there on is right within rounding"] if budget.spent else []


def _concluded(
    model: Model,
    blank: Report,
    found: Mapping[str, Block],
    results: Sequence[ClaimResult],
    values: Values,
    asked: Options,
    points: Sequence[Point],
    most_points: int,
) -> Report:
    """The verdict of all, and the sentences under the table."""
    claimed = {r.by for r in results if r.of == model.loss}
    shown = tuple(replace(b, claimed=name in claimed) for name, b in found.items())
    coverage = _coverage(shown)
    verdict = worst([b.verdict for b in shown] + [r.verdict for r in results])
    closing = [*_on_claims(model, shown, results), *_on_columns(shown, coverage)]
    if coverage.entries and coverage.zero == coverage.entries and verdict in (Verdict.OK, Verdict.KINK):
        verdict = Verdict.UNRESOLVED
        closing.append("Every entry is exactly zero at all points: nothing was tested.")
    if not coverage.entries and not results:
        verdict = Verdict.UNRESOLVED  # an empty check must not look like a passed one
    unclaimed = [p.display for p in model.parameters() if p.name not in claimed]
    if asked.require_claims and unclaimed:
        verdict = worst([verdict, Verdict.WRONG])
        closing.append(f"--require-claims: no claim for {', '.join(unclaimed)}.")
    if len(points) < (asked.points or 1) and model.parameters():
        finite = len(points) == most_points
        why = "each takes long here; --points asks for more" if finite else "the loss is not finite elsewhere"
        closing.append(f"Compared at {len(points)} of {asked.points} points: {why}.")
    return replace(
        blank,
        verdict=verdict,
        value_note=values.note or f"symbolic and forward pass agree to {int(values.digits)} digits",
        parameters=shown,
        claims=tuple(results),
        coverage=coverage,
        closing=tuple(closing),
        summary=_summary(shown, results, coverage),
    )


def _coverage(shown: Sequence[Block]) -> Coverage:
    total = sum(b.total for b in shown)
    return Coverage(
        entries=total,
        checked=sum(b.checked for b in shown),
        zero=sum(b.zero for b in shown),
        one_by_one=sum(b.one_by_one for b in shown),
        unseen=sum(b.unseen * b.total for b in shown) / max(1, total),
    )


def _on_claims(
    model: Model, shown: Sequence[Block], results: Sequence[ClaimResult]
) -> list[str]:
    parameters = model.parameters()
    if not results and not shown:
        return ["UNRESOLVED: nothing was tested. Declare a parameter with param, or name data with --wrt."]
    if not results:
        name = parameters[0].display if parameters else shown[0].name if shown else "b0"
        return [f"Nothing of YOURS was judged: add a line such as  claim d loss/d {name} = ..."]
    wrong = [r for r in results if r.verdict is Verdict.WRONG]
    mine = _plural(len(results), "claim")
    if len(results) == 1:
        first = f"Your only claim is {results[0].verdict}: line {results[0].line}."
    elif wrong:
        lines = ", ".join(str(r.line) for r in wrong[:8]) + (" ..." if len(wrong) > 8 else "")
        first = (
            f"{len(wrong)} of your {mine} {'is' if len(wrong) == 1 else 'are'} WRONG: "
            f"line{'' if len(wrong) == 1 else 's'} {lines}."
        )
    else:
        others = [r for r in results if r.verdict is not Verdict.OK]
        first = f"All {mine} are ok." if not others else f"None of your {mine} is WRONG."
    return [f"{first} {_on_coverage(parameters, results, model.loss)}".rstrip()]


def _on_coverage(
    parameters: Sequence[Input], results: Sequence[ClaimResult], loss: str
) -> str:
    """Which parameters have a claim of d loss/d parameter."""
    claimed = {r.by for r in results if r.of == loss}
    missing = [p.display for p in parameters if p.name not in claimed]
    have, total = len(parameters) - len(missing), len(parameters)
    noun = "parameter" if all(not p.shape for p in parameters) else "parameter block"
    if total == 1:
        return f"The only {noun} is {'not ' if missing else ''}claimed."
    if not missing:
        return f"All {total} {noun}s are claimed." if parameters else ""
    if have == 0:
        return f"0 of {total} {noun}s are claimed."
    return f"{have} of {total} {noun}s {'is' if have == 1 else 'are'} claimed, not {_named(missing)}."


def _agree(entry: Entry) -> bool:
    """Whether the columns show one number; an ok that the referee gave against them is not that."""
    if entry.verdict is not Verdict.OK:
        return False
    if entry.finite is None or entry.bound is None or entry.backprop is None:
        return True
    room = 2 * entry.bound + 2.0**-44 * abs(entry.backprop)  # its own bound on both sides, rounding
    return abs(entry.finite - entry.backprop) <= room


def _on_columns(shown: Sequence[Block], coverage: Coverage) -> list[str]:
    here = [e for b in shown for e in b.entries if e.point == 0]
    agreeing = coverage.entries - coverage.zero - sum(not _agree(e) for e in here)
    digits = [b.digits for b in shown if b.digits is not None]
    sentences = []
    if coverage.entries:
        proved = int(min(digits, default=0.0))
        least = f", to at least {_plural(proved, 'digit')}" if proved and agreeing else ""
        sentences.append(f"The columns above agree: {agreeing:,} of {coverage.entries:,} entries{least}.")
    sentences += _on_open_ones(shown)
    sentences += _on_ways(shown, coverage)
    if coverage.zero:
        sentences.append(
            f"{coverage.zero:,} entries are exactly zero in all columns: NOT tested "
            "(dead units; try --points 8 or another --seed)."
        )
    return sentences


def _on_open_ones(shown: Sequence[Block]) -> list[str]:
    """That some entries are UNRESOLVED at some point, where all else agrees."""
    found = {(b.name, e.index) for b in shown for e in b.entries if e.verdict is Verdict.UNRESOLVED}
    are, them = ("entry is", "it") if len(found) == 1 else ("entries are", "them")
    return [f"{len(found):,} {are} UNRESOLVED; why stands beside {them}."] if found else []


def _on_ways(shown: Sequence[Block], coverage: Coverage) -> list[str]:
    """Which blocks were too large to move every entry by itself, and what was done instead."""
    by_node = [b.name for b in shown if b.way == "by node"]
    large = [b for b in shown if b.way != "each"]
    sentences = []
    if by_node:
        sentences.append(
            f"By node: {_named(by_node)}. One difference by f = W @ h + b serves all of W and b, and some "
            "entries were moved one by one beside it."
        )
    if large:
        rest = coverage.checked - coverage.one_by_one
        others = f"; the other {rest:,} only count in {DIRECTIONS} sums of all entries with random signs"
        sentences.append(
            f"{coverage.one_by_one:,} of {coverage.checked:,} entries have a difference of their own that "
            f"proves enough digits{others if rest else ''}. {_chance(coverage.unseen)}"
        )
    return sentences


def _chance(unseen: float) -> str:
    """What a single wrong entry of a large block can hope for."""
    if not unseen:
        return "A single entry off by 1e-3 of itself would be seen, whichever it is."
    return f"A single entry off by 1e-3 of itself goes unseen with probability {unseen:.1g}."


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12:,} more" if len(names) > 12 else "")


def _summary(
    shown: Sequence[Block], results: Sequence[ClaimResult], coverage: Coverage
) -> str:
    """One line for a model among many."""
    digits = [b.digits for b in shown if b.digits is not None]
    least = f", at least {_plural(int(min(digits)), 'digit')}" if digits else ""
    parts = [f"{_plural(coverage.entries - coverage.zero, 'entry').replace('entrys', 'entries')}{least}"]
    if results:
        wrong = sum(r.verdict is Verdict.WRONG for r in results)
        parts.append(_plural(len(results), "claim") + (f", {wrong} WRONG" if wrong else ""))
    if coverage.zero:
        parts.append(f"{coverage.zero:,} not tested")
    return "; ".join(parts)
