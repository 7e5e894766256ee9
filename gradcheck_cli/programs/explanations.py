"""Reads the report on a program's gradients. Gives the report with what is wrong, in the program's words.

A diagnosis is kept only if it holds at other points, too, where the gradient is called again. Knows nothing
of how a model was traced.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from gradcheck_cli.model.model import Model
from gradcheck_cli.programs.mistakes import find_mistakes
from gradcheck_cli.programs.number_relations import relate, relate_difference
from gradcheck_cli.programs.observations import Observed, Sample
from gradcheck_cli.programs.other_losses import differenced, joined_otherwise, without_a_value
from gradcheck_cli.programs.program_lines import ProgramLines
from gradcheck_cli.programs.program_values import ProgramValues
from gradcheck_cli.results.gradient_results import ClaimResult, Report, Verdict
from gradcheck_cli.tracing.programs import Program

__all__ = ["TracedProgram", "explain", "in_words", "program_names"]

_FILE = r"[^\s()]+\.py:\d+"


@dataclass(frozen=True)
class TracedProgram:
    """A loss, its arguments, the model that was traced, and its gradients at several points."""

    program: Program
    arguments: Mapping[str, Any]
    text: str
    names: Mapping[str, str]  # of the program's arrays, those of the model
    samples: Sequence[Sample]
    notes: Sequence[str] = ()  # of the trace

    @property
    def model(self) -> Model:
        """At the given point."""
        return self.samples[0].model

    @cached_property
    def places(self) -> list[str]:
        """Of each line of the model, that of the program: FILE.py:14; empty where there is none."""
        return ProgramLines(self.text).places


def explain(report: Report, traced: TracedProgram, others: Sequence[Report]) -> Report:
    """The report, WRONG claims with what makes their numbers at every point.

    Parameters
    ----------
    report : of the given point
    traced : the program
    others : of the other points of the samples

    Returns
    -------
    Report
    """
    wrong = [c.by for c in report.claims if c.verdict is Verdict.WRONG and c.by in traced.samples[0].claimed]
    if not wrong:
        return report
    own = program_names(traced)
    values = ProgramValues(traced.model, traced.places, own)
    seen = Observed(traced.samples, wrong)
    kept = {c.by: c.diagnosis for c in report.claims if c.diagnosis and c.by in wrong}
    kept = {by: said for by, said in kept.items() if not _is_of_a_formula(said)}
    for other in others:
        elsewhere = {c.by: c for c in other.claims}
        kept = {by: said for by, said in kept.items() if _is_confirmed(said, elsewhere.get(by))}
    spoken = own | {name: values.formula(traced.model.node(name)) for name, said in own.items() if not said}
    found = _differenced(seen, traced) | {by: in_words(said, spoken) for by, said in kept.items()}
    if len(found) < len(wrong) or any(_is_weak(said) for said in kept.values()):
        found = _with_unexplained(seen, traced, values, found)
    return replace(report, claims=tuple(_with(claim, found, wrong) for claim in report.claims))


def _is_weak(said: str) -> bool:
    """Whether a mistake is told of some names alone, or of several places: of lines of the program one may be
    told that makes all."""
    return said.endswith("alone") or "in all" in said


def _is_of_a_formula(said: str) -> bool:
    """Whether two formulas are told, "has 2*w where w belongs": they stand in no line of the program."""
    return said.startswith("has ") and said.endswith(" belongs")


def _is_confirmed(said: str, elsewhere: ClaimResult | None) -> bool:
    """Whether another point says the same; one where the claim is right, or nothing is said, is silent."""
    if elsewhere is None or elsewhere.verdict is not Verdict.WRONG:
        return True
    return elsewhere.diagnosis == said


def _with(claim: ClaimResult, found: Mapping[str, str], wrong: Sequence[str]) -> ClaimResult:
    if claim.by not in wrong:
        return claim
    said = found.get(claim.by)
    note = claim.note
    if said and "difference of" in said and note and "float32" in note:
        note = None
    return replace(claim, diagnosis=said, note=note)


def _differenced(seen: Observed, traced: TracedProgram) -> dict[str, str]:
    found = {
        name: differenced(seen, traced.program, traced.arguments, traced.names, name)
        for name in seen.wrong
    }
    return {name: said for name, said in found.items() if said}


def _with_unexplained(
    seen: Observed, traced: TracedProgram, values: ProgramValues, found: Mapping[str, str]
) -> dict[str, str]:
    """What is said of names, with those of which nothing was known; one mistake that makes all of them comes
    first."""
    silent = replace(seen, wrong=[name for name in seen.wrong if name not in found])
    said = _without_passes(silent, traced, values) if silent.wrong else {}
    if silent.wrong and len(said) == len(silent.wrong):
        return {**found, **said}
    mistakes = find_mistakes(seen, values)
    is_one = len(mistakes) == len(seen.wrong) and len({*mistakes.values()}) == 1
    return mistakes if is_one else {**_related(silent, relate_difference), **mistakes, **said, **found}


def _without_passes(seen: Observed, traced: TracedProgram, values: ProgramValues) -> dict[str, str]:
    """What the numbers tell by themselves: another loss, a factor."""
    joined = joined_otherwise(seen, traced.program, traced.arguments, traced.names, traced.notes)
    if joined:
        return dict.fromkeys(seen.wrong, joined)
    said = _related(seen, relate)
    left_out = without_a_value(seen, values) if len(said) < len(seen.wrong) else None
    return dict.fromkeys(seen.wrong, left_out) if left_out else said


def _related(seen: Observed, relation: Callable[[Observed, str], str | None]) -> dict[str, str]:
    return {name: said for name in seen.wrong if (said := relation(seen, name))}


# --- names --------------------------------------------------------------------------------------


def program_names(traced: TracedProgram) -> dict[str, str]:
    """The program's variable of each name of the model; empty for names that the trace invented."""
    own = {model: name for name, model in traced.names.items()}
    sources: dict[str, list[str]] = {}
    for module in traced.program.modules:
        file = str(module.__file__)
        sources.setdefault(Path(file).name, _assigned(file))
    anywhere = " ".join(line for lines in sources.values() for line in lines).split()
    for step, place in ((step, traced.places[step.line - 1]) for step in traced.model.steps.values()):
        file, _, line = place.rpartition(":")
        assigned = sources.get(file, [])
        here = assigned[int(line) - 1].split() if line and int(line) <= len(assigned) else []
        here = here if place else anywhere  # before the first turn of a loop
        own[step.name] = next((each for each in _variables(step.name) if each in here), "")
    given = {*traced.arguments, *traced.program.names_of_file}
    for name in traced.model.inputs:
        own.setdefault(name, next((each for each in _variables(name) if each in given), ""))
    own[traced.model.loss] = traced.model.loss
    return own


def _variables(name: str) -> list[str]:
    """What a name of the model may be in the program: h_2_1, h_2, h, as a trace numbers steps and turns."""
    found = [name]
    while (shorter := re.sub(r"_?\d+$", "", found[-1])) not in ("", found[-1]):
        found.append(shorter)
    return found


def _assigned(file: str) -> list[str]:
    """The variables that each line of a file assigns."""
    try:
        text = Path(file).read_text(encoding="utf-8", errors="replace")
        tree = ast.parse(text)
    except (OSError, SyntaxError):
        return []
    found = [""] * (text.count("\n") + 2)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.For | ast.NamedExpr):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [name for target in targets for name in _names_in(target)]
            last = node.lineno if isinstance(node, ast.For) else node.end_lineno or node.lineno
            for line in range(node.lineno, last + 1):
                found[line - 1] += " " + " ".join(names)
    return found


def _names_in(target: ast.expr) -> Iterator[str]:
    """The variables that an assignment changes: of `hs[t]` hs."""
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _names_in(part)
        case ast.Starred(value=value) | ast.Subscript(value=value) | ast.Attribute(value=value):
            yield from _names_in(value)


def in_words(said: str, own: Mapping[str, str]) -> str:
    """A sentence with the program's variables; of a value without a name, what it is.

    Parameters
    ----------
    said : with names of the model, and files of the program
    own : of names of the model, those of the program, or none
    """
    names = "|".join(re.escape(name) for name, variable in own.items() if variable != name)
    if not names:
        return said

    def in_program(found: re.Match[str]) -> str:
        name, place = found.groups()
        if name is None:
            return found[0]
        variable = own[name]
        if place is None:
            return variable or "an unnamed value"
        return f"{variable} ({place})" if variable else f"a value computed in {place}"

    return re.sub(rf"{_FILE}|\b({names})\b(?: \(({_FILE})\))?", in_program, said)
