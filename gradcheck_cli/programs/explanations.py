"""Reads the report on a program's gradients. Gives the report with what is wrong, in the program's words.

A diagnosis is kept only if it holds at other points, too, where the gradient is called again. Knows nothing
of how a model was traced.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from gradcheck_cli.model.model import Model
from gradcheck_cli.programs.mistakes import find_mistake
from gradcheck_cli.programs.number_relations import relate
from gradcheck_cli.programs.observations import Observed, Sample
from gradcheck_cli.programs.other_losses import differenced, joined_otherwise, without_small_numbers
from gradcheck_cli.programs.program_lines import ProgramLines
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
    seen = Observed(traced.samples, wrong)
    kept = {c.by: c.diagnosis for c in report.claims if c.diagnosis and c.by in wrong}
    for other in others:
        elsewhere = {c.by: c for c in other.claims}
        kept = {by: said for by, said in kept.items() if _is_confirmed(said, elsewhere.get(by))}
    found = _differenced(seen, traced) | {by: in_words(said, own) for by, said in kept.items()}
    silent = [by for by in wrong if by not in found]
    found |= _explained(replace(seen, wrong=silent), traced, own) if silent else {}
    return replace(report, claims=tuple(_with(claim, found, wrong) for claim in report.claims))


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


def _explained(seen: Observed, traced: TracedProgram, own: Mapping[str, str]) -> dict[str, str]:
    """What is said of names of which nothing was known."""
    for said in (
        joined_otherwise(seen, traced.program, traced.arguments, traced.names, traced.notes),
        without_small_numbers(seen, traced.text, traced.places),
    ):
        if said:
            return dict.fromkeys(seen.wrong, said)
    found = {name: said for name in seen.wrong if (said := relate(seen, name))}
    silent = [name for name in seen.wrong if name not in found]
    while silent:
        mistake = find_mistake(replace(seen, wrong=silent), traced.places, own)
        if mistake is None:
            break
        found |= dict.fromkeys(*mistake)
        silent = [name for name in silent if name not in mistake[0]]
    return found


# --- names --------------------------------------------------------------------------------------


def program_names(traced: TracedProgram) -> dict[str, str]:
    """The program's variable of each name of the model; empty for names that the trace invented."""
    own = {model: name for name, model in traced.names.items()}
    sources: dict[str, list[str]] = {}
    for module in traced.program.modules:
        file = str(module.__file__)
        sources.setdefault(Path(file).name, _assigned(file))
    for step, place in ((step, traced.places[step.line - 1]) for step in traced.model.steps.values()):
        file, _, line = place.rpartition(":")
        assigned = sources.get(file, [])
        here = assigned[int(line) - 1].split() if line and int(line) <= len(assigned) else []
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
            names = [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
            last = node.lineno if isinstance(node, ast.For) else node.end_lineno or node.lineno
            for line in range(node.lineno, last + 1):
                found[line - 1] += " " + " ".join(names)
    return found


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
