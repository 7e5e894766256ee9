"""Reads a Model and options. Gives the Report: three methods, verdicts, claims, closing sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from gradcheck_cli.checking.claimed_values import claims_by_kind, explain_values, in_order, with_unread
from gradcheck_cli.checking.options import HINTS, Options
from gradcheck_cli.checking.run_plan import plan_run
from gradcheck_cli.checking.sentences import (
    budget_notes,
    coverage_of,
    free_notes,
    lacking,
    sentence_on_required_claims,
    sentences_on_claims,
    sentences_on_columns,
    summary_of,
    symmetric_part_notes,
    unseen_notes,
    unused_names,
    unused_notes,
)
from gradcheck_cli.common.errors import OptionError, plural
from gradcheck_cli.common.progress import Meter
from gradcheck_cli.derivatives import symbolic
from gradcheck_cli.derivatives.finite_differences.drivers.by_entry import scheme_by_name
from gradcheck_cli.derivatives.finite_differences.schemes import Scheme
from gradcheck_cli.derivatives.symbolic.program import Program
from gradcheck_cli.evaluation.tape import Tape, forward_pass
from gradcheck_cli.model.model import Claim, Model
from gradcheck_cli.model.point_values import PointValues
from gradcheck_cli.numerics.limits.table import LIMITS, Limits
from gradcheck_cli.numerics.work_budget import Budget
from gradcheck_cli.reference.hidden_sides import with_digits_for_sides
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.results.gradient_results import Block, ClaimResult, Report, Verdict, worst
from gradcheck_cli.verdicts.claims.grounds import Grounds
from gradcheck_cli.verdicts.claims.judge_claims import Judged, judge_claims
from gradcheck_cli.verdicts.gradients.judge import blocks
from gradcheck_cli.verdicts.gradients.points import Point, points_of
from gradcheck_cli.verdicts.gradients.value_check import Values, compare_values

if TYPE_CHECKING:
    from gradcheck_cli.against.elsewhere import Elsewhere

__all__ = ["check"]

_NO_DERIVATIVES = {
    Verdict.WRONG: "Nothing is said about derivatives while a value differs.",
    Verdict.UNRESOLVED: "Nothing is said about derivatives while a value may differ.",
}


@dataclass(frozen=True)
class _Run:
    """What is asked, with nothing left open: the plan of one check."""

    model: Model
    asked: Options
    judged: tuple[Claim, ...]
    unread: tuple[Claim, ...]
    most_points: int
    limits: Limits
    meter: Meter
    others: tuple[Elsewhere, ...] = ()

    @cached_property
    def names(self) -> list[str]:
        """By which the loss is differentiated."""
        return _names(self.model, self.asked.wrt or ())

    @cached_property
    def scheme(self) -> Scheme:
        """Of the finite differences."""
        return scheme_by_name(str(self.asked.scheme))


@dataclass(frozen=True)
class _Evidence:
    """What all verdicts of a run rest on: the symbolic program, the reference, and the points."""

    program: Program
    referee: Referee
    points: Sequence[Point]
    on_border: bool  # whether the given point lies on a kink or border

    @property
    def values(self) -> list[tuple[int, PointValues]]:
        """The points by number."""
        return [(point.number, point.values) for point in self.points]


@dataclass(frozen=True)
class _Claims:
    """The claims of a run: results in their order, what they rest on, and notes."""

    results: tuple[ClaimResult, ...]
    grounds: Grounds
    notes: tuple[str, ...]


def check(
    model: Model,
    options: Options,
    claims: Sequence[Claim] | None = None,
    progress: Callable[[float], None] | None = None,
    *,
    against: Sequence[Elsewhere] = (),
    limits: Limits = LIMITS,
) -> Report:
    """Compare the three methods at all points and judge the claims.

    Parameters
    ----------
    model, options
        What is checked, and how.
    claims
        Those of the model by default.
    progress
        Is told the fraction that is done, from 0 to 1.
    against
        Gradients that were computed elsewhere, by the names of the model.
    limits
        Tolerances, safety factors and work limits of the run.

    Raises
    ------
    OptionError
        For a name that the model does not have; if one pass over it does not fit into memory.
    """
    asked = options.fill_in(model.settings, limits.checking)
    given = model.claims if claims is None else tuple(claims)
    judged = tuple(claim for claim in given if claim.failure is None)
    unread = tuple(claim for claim in given if claim.failure is not None)
    plan = plan_run(model, _names(model, asked.wrt or ()), options, asked, limits)
    meter = Meter(progress or _nothing, 1 + plan.points + len(judged))  # values, points, claims
    run = _Run(model, asked, judged, unread, plan.points, plan.limits, meter, tuple(against))
    report = _check_points(run)
    meter.finish()
    if asked.hint == "verdict":
        from gradcheck_cli.checking.withheld import without_derivatives
        return without_derivatives(report)
    return report


def _check_points(run: _Run) -> Report:
    """The stages: values; where they are agreed, gradients, then claims; the report of all."""
    model, blank = run.model, _blank_report(run)
    tape = forward_pass(model, limits=run.limits.evaluation, meter=run.meter)
    failing = tape.failing()
    if failing is not None:
        from gradcheck_cli.checking.not_finite import unresolved_report

        return unresolved_report(
            model, blank, failing, run.names, (*run.judged, *run.unread),
            limits=run.limits.gradients,
        )  # fmt: skip
    evidence = _prepare(run, tape)
    given = evidence.points[0]
    values = compare_values(model, evidence.program, evidence.referee, given, run.limits.gradients)
    run.meter.part()
    blank = replace(
        blank, loss=tape.loss, loss_symbolic=values.loss_symbolic, points=len(evidence.points)
    )
    if values.verdict is not Verdict.OK:
        return replace(
            blank, verdict=values.verdict, value_note=values.note, summary=values.note,
            closing=(_NO_DERIVATIVES[values.verdict],),
        )  # fmt: skip
    found = _judge_gradients(run, evidence)
    claims = _judge_claims(run, evidence)
    of_model = *free_notes(model), *unused_notes(model), *symmetric_part_notes(tape)
    notes = *of_model, *unseen_notes(evidence.referee, run.names), *claims.notes
    notes = *notes, *budget_notes(evidence.referee)
    blank = replace(blank, notes=(*blank.notes, *notes))
    report = _conclude(run, blank, found, claims, values, len(evidence.points))
    return _compare(run, evidence, report) if run.others else report


def _compare(run: _Run, evidence: _Evidence, report: Report) -> Report:
    """The report with gradients that were computed elsewhere beside the others."""
    from gradcheck_cli.checking.comparisons import (
        compare,
        sentences_on_comparisons,
        with_agreements,
        with_columns,
    )

    def judge(claims: Sequence[Claim]) -> tuple[Sequence[Claim], Sequence[ClaimResult]]:
        judgement = _judge_derivatives(run, evidence, claims)
        return judgement.claims, _explain(run.model, judgement, run.asked, run.limits, evidence)

    def verdicts_on(claims: Sequence[Claim]) -> list[Verdict]:
        return [result.verdict for result in _judge_derivatives(run, evidence, claims).results]

    model, limits = run.model, run.limits.checking
    found = compare(model, run.others, evidence.points[0].tape.loss, judge, limits)
    results = tuple(each.result for each in found)
    said = sentences_on_comparisons(found)
    shown = with_columns(model, report.parameters, found, verdicts_on, limits)
    results = tuple(with_agreements(each, shown) for each in results)
    return replace(
        report, against=results, parameters=shown,
        verdict=worst([report.verdict, *(r.verdict for r in results)]),
        closing=(*report.closing, *said), summary="; ".join(filter(None, [report.summary, *said])),
    )  # fmt: skip


def _blank_report(run: _Run) -> Report:
    """What is known of a report before anything is computed."""
    model, asked = run.model, run.asked
    elsewhere = (c.file for c in run.judged if c.file and c.file != model.file)
    return Report(
        model=model.file,
        verdict=Verdict.OK,
        rows=model.rows,
        seed=model.seed,
        points=asked.points or 1,
        scheme=run.scheme.name,
        steps=len(model.steps),
        settings=dict(model.settings),
        notes=model.notes,
        claims_file=asked.claims_file or next(elsewhere, None),
    )


def _prepare(run: _Run, tape: Tape) -> _Evidence:
    model, limits = run.model, run.limits
    program = symbolic.lower(model, limits=limits.symbolic)
    referee = Referee(
        program, Budget(run.asked.budget, limits.numerics.digits), limits=limits.reference,
        evaluation=limits.evaluation, numerics=limits.numerics, meter=run.meter,
    )  # fmt: skip
    points = points_of(model, tape, run.most_points, limits=limits.gradients, numerics=limits.numerics)
    referee = with_digits_for_sides(referee, (point.values for point in points))
    return _Evidence(program, referee, points, bool(tape.borders_hit()))


def _judge_gradients(run: _Run, evidence: _Evidence) -> dict[str, Block]:
    asked, limits = run.asked, run.limits
    found = blocks(
        run.model, evidence.program, evidence.referee, evidence.points,
        names=run.names, scheme=run.scheme, digits=float(asked.digits or limits.checking.digits),
        of=run.model.loss, all_entries=asked.all_entries, limits=limits.gradients,
        differences=limits.finite_differences, done=run.meter.part,
    )  # fmt: skip
    return dict(zip(run.names, found, strict=True))


def _judge_derivatives(run: _Run, evidence: _Evidence, claims: Sequence[Claim]) -> Judged:
    asked, limits = run.asked, run.limits
    return judge_claims(
        run.model, claims, evidence.values, evidence.referee,
        layout=str(asked.layout), strict=bool(asked.strict), carry=bool(asked.carry),
        on_border=evidence.on_border, limits=limits.claims, done=run.meter.part,
    )  # fmt: skip


def _judge_claims(run: _Run, evidence: _Evidence) -> _Claims:
    """The claims of derivatives, then those of values, with what is wrong as far as is asked for."""
    model, asked, limits = run.model, run.asked, run.limits
    derivatives, of_values = claims_by_kind(run.judged)
    judgement = _judge_derivatives(run, evidence, derivatives)
    explained = _explain(model, judgement, asked, limits, evidence)
    if of_values:
        from gradcheck_cli.verdicts.claims.judge_values import judge_values

        forward = judge_values(
            model, of_values, evidence.values, evidence.referee,
            layout=judgement.layout, strict=bool(asked.strict), limits=limits.claims, done=run.meter.part,
        )  # fmt: skip
        explained = in_order(run.judged, explained, explain_values(model, forward, asked, limits))
    return _Claims(with_unread(explained, run.unread), judgement.grounds, judgement.notes)


def _nothing(fraction: float) -> None:
    """Nobody asked how far the run is."""


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


def _explain(
    model: Model, judgement: Judged, asked: Options, limits: Limits, evidence: _Evidence
) -> tuple[ClaimResult, ...]:
    """The claims with where they go wrong, what is wrong, and whose convention a number is."""
    explained = _diagnose(model, judgement, asked, limits)
    if not any(r.verdict in (Verdict.KINK, Verdict.WRONG) and r.kind == "number" for r in explained):
        return explained
    from gradcheck_cli.verdicts.conventions.recognize import name_conventions

    tape = evidence.points[0].tape
    return tuple(name_conventions(model, judgement.claims, explained, tape, limits.claims))


def _diagnose(
    model: Model, judgement: Judged, asked: Options, limits: Limits
) -> tuple[ClaimResult, ...]:
    """The claims with where they go wrong, what is wrong, and the truth, as far as is asked for."""
    if not any(result.verdict is Verdict.WRONG for result in judgement.results):
        return tuple(judgement.results)
    from gradcheck_cli.verdicts.diagnosis.diagnose import diagnose_claims

    given = HINTS.index(str(asked.hint))
    found = diagnose_claims(
        model, judgement.claims, judgement,
        where=given >= HINTS.index("where"), what=given >= HINTS.index("kind"),
        limits=limits.diagnosis, evaluation=limits.evaluation,
    )  # fmt: skip
    if asked.hint == "truth":
        from gradcheck_cli.formulas.passes import right_side

        right = partial(right_side, model, limits=limits.formulas)
        found = [
            replace(r, truth=right(r.of, r.by)) if r.verdict is Verdict.WRONG else r
            for r in found
        ]
    return tuple(found)


def _conclude(
    run: _Run, blank: Report, found: Mapping[str, Block], claims: _Claims, values: Values, points: int
) -> Report:
    """The verdict of all, and the sentences under the table."""
    model, results, grounds = run.model, claims.results, claims.grounds
    shown = _blocks_with_claims(run, found, grounds)
    coverage, unused = coverage_of(shown), sum(found[n].zero for n in unused_names(model) if n in found)
    verdict = worst([b.verdict for b in shown] + [r.verdict for r in results])
    is_compared = bool(run.others) and not results  # nobody asked for claims
    of_claims = [] if is_compared else sentences_on_claims(
        model, shown, results, grounds, run.asked.claims_file
    )  # fmt: skip
    closing = [
        *of_claims,
        *sentences_on_columns(shown, coverage, run.limits, unused, given=_are_given(model)),
    ]
    if coverage.entries and coverage.zero == coverage.entries and verdict in (Verdict.OK, Verdict.KINK):
        verdict = Verdict.UNRESOLVED
        small = " or below the range of float64" if any(b.below for b in shown) else ""
        closing.append(f"Every entry is zero{small} at all points: nothing was tested.")
    lacks_claims = bool(run.asked.claims_file) and not results
    if lacks_claims or not (coverage.entries or results):
        verdict = worst([verdict, Verdict.UNRESOLVED])  # an empty check must not look like a passed one
    demand = sentence_on_required_claims(model, grounds) if run.asked.require_claims else None
    if demand:
        verdict = worst([verdict, Verdict.WRONG])
        closing.append(demand)
    closing += _sentences_on_points(run, points)
    return replace(
        blank,
        verdict=verdict,
        value_note=values.note or f"symbolic and forward pass agree to {plural(int(values.digits), 'digit')}",
        parameters=shown,
        claims=results,
        coverage=coverage,
        closing=tuple(closing),
        summary=summary_of(shown, results, coverage) + ("; no claim" if lacks_claims else ""),
    )


def _are_given(model: Model) -> bool:
    """Whether no parameter was drawn, so that another seed leaves the given point as it is."""
    return all(p.origin not in ("free", "drawn") for p in model.parameters())


def _blocks_with_claims(run: _Run, found: Mapping[str, Block], grounds: Grounds) -> tuple[Block, ...]:
    """The blocks with whether they are claimed, and with what --require-claims finds missing."""
    model = run.model
    lines = {name: step.line for name, step in model.steps.items()}
    lines |= {name: given.line for name, given in model.inputs.items()}
    shown = tuple(
        replace(b, claimed=grounds.covers(name), line=lines.get(name)) for name, b in found.items()
    )
    if not run.asked.require_claims:
        return shown
    required = {p.display: lacking(p, grounds) for p in run.model.parameters()}
    return tuple(replace(b, lacks=required.get(b.name)) for b in shown)


def _sentences_on_points(run: _Run, points: int) -> list[str]:
    """Why there are fewer points than were asked for."""
    if points >= (run.asked.points or 1) or not run.model.parameters():
        return []
    finite = points == run.most_points
    why = "each takes long here; --points asks for more" if finite else "the loss is not finite elsewhere"
    return [f"Compared at {points} of {run.asked.points} points: {why}."]
