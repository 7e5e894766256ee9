"""Reads a Model, points and the three methods. Gives a Block for every name: the stages in their order.

Collect the columns of a point; classify their entries; resolve the disputed ones at high precision; assemble
the blocks from all points. No stage calls back into an earlier one. Knows nothing of claims.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from gradcheck_cli.derivatives.finite_differences.schemes import Scheme
from gradcheck_cli.derivatives.symbolic.program import Program
from gradcheck_cli.evaluation.evaluate import operations
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.finite_differences import DEFAULTS as DIFFERENCES
from gradcheck_cli.numerics.limits.finite_differences import FiniteDifferencesLimits
from gradcheck_cli.numerics.limits.gradients import DEFAULTS, GradientsLimits
from gradcheck_cli.reference.referee import Referee
from gradcheck_cli.results.gradient_results import Block
from gradcheck_cli.verdicts.gradients.block_report import assemble_blocks
from gradcheck_cli.verdicts.gradients.classify import classify
from gradcheck_cli.verdicts.gradients.collect import Collector
from gradcheck_cli.verdicts.gradients.columns import Collected
from gradcheck_cli.verdicts.gradients.outcomes import PointOutcome
from gradcheck_cli.verdicts.gradients.plan import Strategy
from gradcheck_cli.verdicts.gradients.points import Point
from gradcheck_cli.verdicts.gradients.rounding_bounds import beside_jumps, measured_rounding

if TYPE_CHECKING:
    from gradcheck_cli.numerics.array_types import Array
    from gradcheck_cli.verdicts.gradients.reference_answers import SlopeBudget

__all__ = ["blocks"]


def blocks(
    model: Model,
    program: Program,
    referee: Referee,
    points: Sequence[Point],
    *,
    names: Sequence[str],
    scheme: Scheme,
    digits: float,
    of: str,
    all_entries: bool = False,
    limits: GradientsLimits = DEFAULTS,
    differences: FiniteDifferencesLimits = DIFFERENCES,
    done: Callable[[], None] = lambda: None,
) -> list[Block]:
    """A Block for every name: all entries at the given point, and disagreements elsewhere.

    Parameters
    ----------
    points
        Where the methods are compared, the given point first.
    names, of
        The derivatives: of the step `of` by each of the names.
    digits
        That are to be proved.
    all_entries
        List every entry, not only the disputed and some others of more than 10,000.
    done
        Called after each point.
    """
    collector = Collector(model, program, referee, names, scheme, of, digits, limits, differences)
    disputes = _Disputes(model, referee, names, of, digits, limits, referee.afforded)
    outcomes = []
    for point in points:
        outcomes.append(_judge(collector.collect(point), disputes))
        done()
    return assemble_blocks(model, names, outcomes, all_entries=all_entries, limits=limits)


@dataclass
class _Disputes:
    """What decides disputed entries. Its modules are imported with the first: most models have none."""

    model: Model
    referee: Referee
    names: Sequence[str]
    of: str
    digits: float
    limits: GradientsLimits
    afforded: int  # work at high precision, before any of it is done

    @cached_property
    def slopes(self) -> SlopeBudget:
        """One budget of exact slopes for all points."""
        from gradcheck_cli.verdicts.gradients.reference_answers import SlopeBudget

        return SlopeBudget(self.afforded // (self.limits.slope_share * self.limits.slope_passes))

    def resolve(self, outcome: PointOutcome, disputed: Array) -> None:
        """Conclude on the disputed entries of one point."""
        from gradcheck_cli.verdicts.gradients.reference_answers import PointReference
        from gradcheck_cli.verdicts.gradients.resolution import resolve

        reference = PointReference(
            self.model, self.referee, self.names, self.of, outcome.collected.all.point, self.slopes,
            operations(self.model), self.limits,
        )  # fmt: skip
        resolve(outcome, disputed, reference, self.digits, self.limits)


def _judge(collected: Collected, disputes: _Disputes) -> PointOutcome:
    """What is concluded of one point's columns."""
    referee, limits = disputes.referee, disputes.limits
    classified = classify(
        collected, measured_rounding(referee, collected.all.rounding),
        has_reference=referee.affords(), digits=disputes.digits, of=disputes.of, limits=limits,
    )  # fmt: skip
    outcome = PointOutcome(collected, classified.digits)
    disputed = classified.disputed | beside_jumps(referee, collected.all)
    if disputed.any():
        disputes.resolve(outcome, disputed)
    for name, part in collected.parts.items():
        shared = part.projections
        if part.strategy is Strategy.EACH or shared is None:
            continue
        if part.by_node is not None or shared.differ or shared.stray:
            from gradcheck_cli.verdicts.gradients.judge_sums import judge_sums

            judge_sums(outcome.open(name), limits)
    return outcome
