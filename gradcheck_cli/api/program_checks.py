"""Reads a program and what gives its gradient. Gives the report: of a traced model, or by differences.

Functions are called twice first. Knows nothing of how programs are named.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradcheck_cli.common.errors import GradcheckError, OptionError
from gradcheck_cli.common.shown_paths import as_typed

if TYPE_CHECKING:
    from gradcheck_cli.against.elsewhere import Elsewhere
    from gradcheck_cli.checking.options import Options
    from gradcheck_cli.model.model import Model
    from gradcheck_cli.programs.explanations import TracedProgram
    from gradcheck_cli.programs.observations import Sample
    from gradcheck_cli.programs.program_lines import ProgramLines
    from gradcheck_cli.results.gradient_results import Block, ClaimResult, Comparison, Report
    from gradcheck_cli.tracing.gradient_calls import Gradients
    from gradcheck_cli.tracing.programs import Program
    from gradcheck_cli.tracing.trace import Trace

__all__ = [
    "ProgramCheck", "RandomPoints", "check_traced", "others_at", "prepare", "program_of", "slowly",
    "with_globals",
]  # fmt: skip

Function = Callable[..., Any]
_NEEDS_NO_MODEL = ("points", "digits", "budget", "memory", "progress")  # options that hold of a black box


@dataclass(frozen=True)
class ProgramCheck:
    """A loss and its gradients at a point: how they are called again, and what they gave."""

    program: Program
    arguments: dict[str, Any]
    value: float
    before: Gradients  # of the first call
    given: Gradients  # of the second, with the lines at which they came to be
    giver: str
    call: Callable[..., Gradients]  # for other arguments, with the value of the loss there
    outputs: Callable[[], str]  # which outputs have a wrong tangent

    @property
    def where(self) -> str:
        """The file of the first gradient."""
        return as_typed(next((file for file, _ in self.given.places.values()), self.program.file))

    def unrepeatable(self, named: str) -> Report | None:
        """The report on functions that have other values when they are called again."""
        from gradcheck_cli.tracing.repeated_calls import between_gradients, between_losses
        from gradcheck_cli.tracing.replay import loss_of

        again = loss_of(self.program, self.arguments, quiet=True)
        said = between_losses(self.program.name, self.value, again)
        said = said or between_gradients(self.giver, self.before.values, self.given.values)
        if not said:
            return None
        from gradcheck_cli.programs.black_box_report import unrepeatable

        return unrepeatable(named, self.where, said, self.value)

    def trace(self) -> tuple[Trace | None, str]:
        """The model; or why there is none."""
        from gradcheck_cli.tracing.trace import trace as traced
        from gradcheck_cli.tracing.traced_nodes import TraceError

        try:
            with slowly(self.program):
                return traced(self.program, self.arguments, list(self.given.values)), ""
        except TraceError as error:
            place = f"{Path(error.place.file).name}:{error.place.line}: " if error.place else ""
            return None, f"not traced: {place}{error.message}"

    def black_box(
        self, named: str, reason: str, options: Mapping[str, Any], rivals: Sequence[Elsewhere]
    ) -> Report:
        """The report by differences of the loss itself."""
        from gradcheck_cli.programs.black_box import check_black_box
        from gradcheck_cli.programs.sampled_loss import SampledLoss

        asked = _needs_no_model(options, reason)
        sampled = SampledLoss(self.program, self.arguments, list(self.given.values))
        return check_black_box(
            sampled, self.value, self.given, self.call, model=named, claims_file=self.where, reason=reason,
            points=int(asked.points or 1), digits=options.get("digits"), others=rivals,
        )  # fmt: skip

    def with_agreement(self, claim: ClaimResult, blocks: Sequence[Block]) -> ClaimResult:
        """A claim with how many digits agree, where these are as many as a difference has."""
        import numpy as np

        from gradcheck_cli.checking.agreement import with_agreement

        values = np.asarray(self.given.values.get(claim.by))
        block = next((block for block in blocks if block.name == claim.by), None)
        if block is None or values.shape != block.shape:
            return claim
        return with_agreement(claim, block, lambda entry: float(values[entry.index]))

    def with_outputs(self, claim: ClaimResult) -> ClaimResult:
        """A claim of a slope along tangents, with the outputs that are wrong."""
        if str(claim.verdict) != "WRONG":
            return claim
        return replace(claim, note=claim.note or self.outputs() or None)


@dataclass(frozen=True)
class RandomPoints:
    """How many there are, and what gives gradients from elsewhere there: of arguments, names and the loss."""

    count: int
    ask: Callable[..., list[Elsewhere]]


def prepare(
    program: Program, named: Sequence[str | Function], at: Any, parameters: Collection[str], product: str,
    lr: float | None, setup: str | None,
) -> ProgramCheck:  # fmt: skip
    """Call a loss and its gradients for the first time."""
    from gradcheck_cli.tracing.frameworks.autograd import AUTOGRAD, gradients_by_autograd
    from gradcheck_cli.tracing.gradient_calls import gradients_of
    from gradcheck_cli.tracing.points import arguments_at
    from gradcheck_cli.tracing.replay import loss_of

    by_autograd = named == [AUTOGRAD]
    if by_autograd and product:
        raise OptionError("autograd gives gradients, no products", help="--grad autograd")
    backward = [program_of(each, beside=program, setup=setup) for each in ([] if by_autograd else named)]
    arguments = arguments_at(program, at)
    parameters = parameters or tuple(program.held)
    program, backward, arguments = with_globals(program, backward, arguments, parameters)
    outputs: Callable[[], str] = str
    if product == "vjp":
        from gradcheck_cli.programs.array_outputs import pull_back

        program, backward[0] = pull_back(program, backward[0], arguments)
    elif product == "jvp":
        from gradcheck_cli.programs.array_outputs import STEP, push_forward, wrong_outputs

        moved = program, backward[0], arguments, tuple(parameters)
        outputs = partial(wrong_outputs, *moved)
        program, backward[0], arguments = push_forward(*moved)
        parameters = (STEP,)
    value = loss_of(program, arguments)  # first: a gradient reads what the loss left
    if not math.isfinite(value):
        raise OptionError(f"{program.name} is {value} at this point: there is no gradient", file=program.file)
    watched: Callable[..., Gradients] = partial(gradients_of, program, backward, lr=lr)
    unwatched = partial(watched, watched=False)
    if by_autograd:
        watched = unwatched = partial(gradients_by_autograd, program)
    giver = backward[0].name if backward else AUTOGRAD
    before = unwatched(arguments, wanted=tuple(parameters), value=value)
    with slowly(program, giver):
        given = watched(arguments, wanted=tuple(parameters), value=value)

    def again(arguments: Mapping[str, Any], value: float) -> Gradients:
        found = unwatched(arguments, wanted=tuple(given.values), value=value)
        return replace(found, places={**found.places, **given.places})

    return ProgramCheck(program, arguments, value, before, given, giver, again, outputs)


def check_traced(
    task: ProgramCheck, found: Trace, named: str, rivals: Sequence[Elsewhere], options: dict[str, Any],
    random: RandomPoints,
) -> Report:
    """The report on a model that was traced, with what is wrong in the words of the program."""
    from gradcheck_cli.api.claimed_gradients import claims_of
    from gradcheck_cli.api.gradients import check
    from gradcheck_cli.api.models import load_text
    from gradcheck_cli.api.other_points import at_another_point, at_random_points
    from gradcheck_cli.programs.observations import elsewhere, point_at
    from gradcheck_cli.programs.program_lines import ProgramLines

    model = load_text(found.text, file=named, folder=Path())
    options = options if found.holds_far else {**options, "points": 1}
    own = {shown: name for name, shown in found.names.items()}
    told = ProgramLines(found.text)

    def judge(there: Model, gradients: Gradients, **asked: Any) -> Report:
        """The report on gradients at a point, with lines of the program."""
        claims = claims_of(gradients, found.names, there, options.get("digits"))
        report = check(there, claims=claims, claims_file=task.where, **asked)
        return replace(
            report, notes=tuple(told(note) for note in report.notes if note not in model.notes),
            claims=tuple(
                replace(c, diagnosis=c.diagnosis and told(c.diagnosis), note=c.note and told(c.note),
                        formula=gradients.ways[own[c.by]])
                for c in report.claims
            ),
            against=tuple(_in_lines(each, told) for each in report.against),
        )  # fmt: skip

    def judge_there(number: int) -> Report | None:
        """The report at a random point; None where there is nothing to compare."""
        point = point_at(number, task.program, task.arguments, model, found, task.call)
        if point is None:
            return None
        try:
            others = random.ask(point.arguments, list(task.given.values), point.loss, anywhere=True)
        except GradcheckError:
            return None
        there = judge(point.model, point.gradients, others=_renamed(others, found.names), points=1)
        return _in_words(there, _traced(task, model, found))

    report = judge(model, task.given, others=_renamed(rivals, found.names), **options)
    if _is_wrong(report):
        from gradcheck_cli.programs.explanations import explain

        others = elsewhere(task.program, task.arguments, model, found, task.call)
        traced = _traced(task, model, found, [sample for sample, _ in others])
        report = explain(report, traced, [judge(s.model, g, points=1) for s, g in others])
    if random.count:
        report = at_random_points(report, random.count, judge_there)
    if not _is_wrong(report) and options.get("points") != 1:
        others = elsewhere(task.program, task.arguments, model, found, task.call)
        apart = (judge(sample.model, g, points=1) for sample, g in others if sample.is_apart)
        if wrong := list(filter(_is_wrong, apart)):
            report = _in_words(at_another_point(report, wrong), _traced(task, model, found))
    places = task.given.places
    files = {shown: as_typed(places[name][0]) for shown, name in own.items() if name in places}
    return _in_files(report, files, task.where)


def _needs_no_model(options: Mapping[str, Any], reason: str) -> Options:
    """What options of `check` ask for; what differences of a program cannot follow is refused.

    Raises OptionError; TypeError of names that `check` has not.
    """
    import inspect

    from gradcheck_cli.api.gradients import check
    from gradcheck_cli.checking.options import Options

    known = inspect.signature(check)
    known.bind(None, **options)
    for name, value in options.items():
        is_asked = value is not None and value is not False and value != known.parameters[name].default
        if is_asked and name not in _NEEDS_NO_MODEL:
            raise OptionError(f"{name} needs a model of the loss; {reason or 'it is a black box'}")
    return Options(points=options.get("points"), digits=options.get("digits")).fill_in({})


def _is_wrong(report: Report) -> bool:
    """Whether a claim is WRONG, whatever is said of gradients from elsewhere."""
    return any(str(claim.verdict) == "WRONG" for claim in report.claims)


def _traced(
    task: ProgramCheck, model: Model, found: Trace, others: Sequence[Sample] = ()
) -> TracedProgram:
    """The program with its model, at the given point and at others."""
    from gradcheck_cli.programs.explanations import TracedProgram
    from gradcheck_cli.programs.observations import sample_of

    samples = [sample_of(model, task.given, found.names), *others]
    return TracedProgram(task.program, task.arguments, found.text, found.names, samples, found.notes)


def _in_words(report: Report, traced: TracedProgram) -> Report:
    """The report with the variables of the program in what is wrong."""
    if not _is_wrong(report):
        return report
    from gradcheck_cli.programs.explanations import in_words, program_names

    names = program_names(traced)
    claims = (replace(c, diagnosis=c.diagnosis and in_words(c.diagnosis, names)) for c in report.claims)
    return replace(report, claims=tuple(claims))


def _in_files(report: Report, files: Mapping[str, str], where: str) -> Report:
    """The report with the file of each claim that is not in the one `where` the others are. A parameter of a
    program has no line of its own."""
    others = {name: file for name, file in files.items() if file != where}
    return replace(
        report, claims=tuple(replace(c, file=others.get(c.by)) for c in report.claims),
        parameters=tuple(replace(b, line=None) for b in report.parameters),
    )  # fmt: skip


def slowly(program: Program, name: str = "") -> AbstractContextManager[None]:
    """The time in which a call has to return that is recorded, or whose lines are watched."""
    from gradcheck_cli.numerics.limits.programs import PROGRAMS
    from gradcheck_cli.tracing.time_limit import within

    seconds = PROGRAMS.calls_of_a_trace * program.seconds
    return within(seconds, f"{name or program.name} did not return", program.file)


def program_of(function: str | Function, **options: Any) -> Program:
    """A function that is named, or there."""
    if isinstance(function, str):
        from gradcheck_cli.tracing.programs import load_program

        return load_program(function, **options)
    from gradcheck_cli.tracing.live_functions import program_of as live

    found = live(function, options.get("beside"), options.get("framework"))
    seconds = options.get("seconds")
    return found if seconds is None else replace(found, seconds=seconds)


def _in_lines(comparison: Comparison, told: ProgramLines) -> Comparison:
    """The comparison with lines of the program in what is said of it."""
    results = (
        replace(r, diagnosis=r.diagnosis and told(r.diagnosis), note=r.note and told(r.note))
        for r in comparison.results
    )
    return replace(comparison, results=tuple(results))


def _renamed(others: Sequence[Elsewhere], names: Mapping[str, str]) -> list[Elsewhere]:
    """The gradients by the names of the model."""
    return [replace(o, gradient={names[n]: g for n, g in o.gradient.items()}) for o in others]


def others_at(
    arguments: Mapping[str, Any], names: Sequence[str], loss: float, *, against: Sequence[str], flat: bool,
    seconds: float | None, digits: int | None, anywhere: bool = False,
) -> list[Elsewhere]:
    """Other gradients of the loss, by the names of its arrays; `anywhere`: without files, which are of one
    point."""
    if not against:
        return []
    import numpy as np

    from gradcheck_cli.against.elsewhere import Asked
    from gradcheck_cli.against.sources import gradients_elsewhere, is_file

    against = [source for source in against if not (anywhere and is_file(source))]
    from gradcheck_cli.tracing.argument_trees import arrays_by_name

    leaves = arrays_by_name(arguments)
    parameters = {name: np.array(leaves[name], dtype=float) for name in names}
    asked = Asked(arguments, parameters, loss, flat, seconds, digits)
    return gradients_elsewhere(against, asked, again=not anywhere)


def with_globals(
    program: Program, backward: list[Program], arguments: dict[str, Any], wanted: Collection[str]
) -> tuple[Program, list[Program], dict[str, Any]]:
    """The programs with globals as arguments: those that are wanted; all that the loss reads, where it has no
    float argument."""
    from gradcheck_cli.tracing.argument_trees import arrays_by_name, is_float
    from gradcheck_cli.tracing.global_values import globals_read
    from gradcheck_cli.tracing.global_values import with_globals as setting

    own = {*arguments, *arrays_by_name(arguments)}
    read = globals_read(program)
    floats = any(map(is_float, arguments.values()))
    names = [name for name in read if (name in wanted if wanted else not floats) and name not in own]
    more = {name: read[name] for name in names}
    return setting(program, names), [setting(b, names) for b in backward], {**arguments, **more}
