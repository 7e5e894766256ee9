"""Reads the limits of all parts. Gives them together, as they are handed down a run."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradcheck_cli.numerics.limits.checking import CheckingLimits
from gradcheck_cli.numerics.limits.claims import ClaimsLimits
from gradcheck_cli.numerics.limits.diagnosis import DiagnosisLimits
from gradcheck_cli.numerics.limits.evaluation import EvaluationLimits
from gradcheck_cli.numerics.limits.finite_differences import FiniteDifferencesLimits
from gradcheck_cli.numerics.limits.formulas import FormulasLimits
from gradcheck_cli.numerics.limits.gradients import GradientsLimits
from gradcheck_cli.numerics.limits.initialization import InitializationLimits
from gradcheck_cli.numerics.limits.language import LanguageLimits
from gradcheck_cli.numerics.limits.numerics import NumericsLimits
from gradcheck_cli.numerics.limits.reference import ReferenceLimits
from gradcheck_cli.numerics.limits.symbolic import SymbolicLimits
from gradcheck_cli.numerics.limits.tracing import TracingLimits

__all__ = ["LIMITS", "Limits"]


class Limits(NamedTuple):
    """All limits of a run."""

    numerics: NumericsLimits = NumericsLimits()
    language: LanguageLimits = LanguageLimits()
    evaluation: EvaluationLimits = EvaluationLimits()
    symbolic: SymbolicLimits = SymbolicLimits()
    finite_differences: FiniteDifferencesLimits = FiniteDifferencesLimits()
    reference: ReferenceLimits = ReferenceLimits()
    formulas: FormulasLimits = FormulasLimits()
    initialization: InitializationLimits = InitializationLimits()
    gradients: GradientsLimits = GradientsLimits()
    claims: ClaimsLimits = ClaimsLimits()
    diagnosis: DiagnosisLimits = DiagnosisLimits()
    checking: CheckingLimits = CheckingLimits()
    tracing: TracingLimits = TracingLimits()


    def within_memory(self, mebibytes: int) -> Limits:
        """The limits where a report may hold so much at a time: what is held is in proportion.

        Parameters
        ----------
        mebibytes : of all arrays beyond the data

        Returns
        -------
        Limits
        """
        usual = self.numerics.memory
        if mebibytes == usual:
            return self

        def scale(part: Any, *names: str) -> Any:
            scaled = {name: max(1, getattr(part, name) * mebibytes // usual) for name in names}
            return part._replace(**scaled)

        return self._replace(
            numerics=self.numerics._replace(memory=mebibytes),
            evaluation=scale(self.evaluation, "block_held", "kept_entries"),
            symbolic=scale(self.symbolic, "most_entries"),
            finite_differences=scale(self.finite_differences, "most_held"),
            reference=scale(self.reference, "most_jittered", "most_kept"),
            gradients=scale(self.gradients, "most_held"),
            initialization=scale(self.initialization, "most_entries", "most_planned"),
        )


LIMITS = Limits()
