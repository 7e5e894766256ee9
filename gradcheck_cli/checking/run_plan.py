"""Reads a Model and options. Gives how many points, directions and entries a run looks at, and within what
limits.

Work and memory are counted from the graph before anything is computed: what does not fit is sampled more
thinly, or refused. Knows nothing of derivatives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gradcheck_cli.checking.options import Options
from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.evaluation.evaluate import operations
from gradcheck_cli.evaluation.memory_plan import bytes_of_comparison, bytes_of_tape, require_memory
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.table import LIMITS, Limits
from gradcheck_cli.numerics.machine import spell_bytes
from gradcheck_cli.verdicts.gradients.plan import work_of_sample

__all__ = ["RunPlan", "plan_run"]


class RunPlan(NamedTuple):
    """Points of comparison, and the limits within which they are compared."""

    points: int
    limits: Limits


def plan_run(
    model: Model, names: Sequence[str], options: Options, asked: Options, limits: Limits = LIMITS
) -> RunPlan:
    """How many points to compare at, and how many sums and entries of large names at each.

    Parameters
    ----------
    model : the graph
    names : by which it is differentiated
    options, asked : as given, and with what the model and the defaults say
    limits : those of an ordinary run

    Returns
    -------
    RunPlan
        Fewer points than by default where there are hundreds of thousands of operations, thousands of names
        each of which moves thousands of them, or a million rows, or where sums and entries at so many take
        minutes, or their values more than the memory.

    Raises
    ------
    OptionError
        If not even one point fits into memory, or as many as are asked for do not.
    """
    limits = limits.within_memory(asked.memory)
    entries = sum(model.node(name).size for name in names)
    require_memory(model, asked.memory, limits.evaluation, entries=entries)
    fitting = _points_in_memory(model, asked, limits, entries)
    wanted, few = asked.points or 1, limits.checking
    cost = _cost_of_direction(model, names, limits)
    if options.points is None and "points" not in model.settings:
        nodes = len(model.graph.nodes)
        each = nodes * max(1, len(names), model.rows or 0)
        wanted = min(wanted, max(1, few.most_nodes // nodes), max(2, few.most_slopes // each))
        directions = _directions(limits)
        if cost * directions * wanted > few.most_sampled_work:
            wanted = min(wanted, 1 if cost * directions > few.most_sampled_work else 2)
        wanted = min(wanted, fitting)
    elif wanted > fitting:
        raise OptionError(
            f"the columns and values of {wanted} points do not fit into {spell_bytes(asked.memory << 20)}",
            help=f"--points {fitting}, or --memory with more",
        )
    return RunPlan(wanted, _thin_out(limits, cost * wanted))


def _directions(limits: Limits) -> int:
    """Sums and single entries of a large name, at one point."""
    found = limits.gradients
    return found.directions + found.largest_examined + found.random_examined


def _cost_of_direction(model: Model, names: Sequence[str], limits: Limits) -> int:
    """Multiplications that one sum, or one entry, of each large name takes at a point; 0 where all entries
    are differenced by themselves."""
    gradients, sizes = limits.gradients, [model.node(name).size for name in names]
    large = [size for size in sizes if size > gradients.small_name]
    weighed, samples = work_of_sample(model, gradients), gradients.samples_an_entry
    each = operations(model) * (sum(sizes) - sum(large)) + weighed * sum(large)
    return samples * weighed * max(1, len(large)) if samples * each > gradients.most_work else 0


def _thin_out(limits: Limits, cost: int) -> Limits:
    """Fewer sums and examined entries where all of them would take minutes, but one sum always."""
    found, usual = limits.gradients, _directions(limits)
    if cost * usual <= limits.checking.most_sampled_work:
        return limits
    fitting = limits.checking.most_sampled_work // cost
    sums = max(1, found.directions * fitting // usual)
    largest = min(found.largest_examined, max(0, fitting - sums + 1) // 2)
    others = min(found.random_examined, max(0, fitting - sums - largest))
    thinned = found._replace(directions=sums, largest_examined=largest, random_examined=others)
    return limits._replace(gradients=thinned)


def _points_in_memory(model: Model, asked: Options, limits: Limits, entries: int) -> int:
    """How many tapes, and columns of all entries, fit beside what the comparison of one point holds."""
    left = (asked.memory << 20) - bytes_of_comparison(model, limits.evaluation, entries=entries)
    one_more = bytes_of_tape(model, limits.evaluation) + limits.evaluation.entry_bytes * entries
    return 1 + left // max(1, one_more)
