"""Reads a model drawn with several seeds. Gives what its weight matrices are, and what they do to signals.

`gradcheck init-stats --model FILE`: the variance of every weight matrix beside those of the known
initializers, and the size of every step and of its gradient on the way to the loss. Everything is
measured; knows nothing of what an infinitely wide network would do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from gradcheck_cli.common.errors import OptionError, printable
from gradcheck_cli.initialization.architectures import STATS
from gradcheck_cli.initialization.user_model.layout import Layout
from gradcheck_cli.initialization.user_model.measurement import QUANTITIES, Measured, measure_model
from gradcheck_cli.initialization.user_model.trends import Trends
from gradcheck_cli.initialization.user_model.weight_matrices import display_names, matrix_stats
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.evaluation import EVALUATION, EvaluationLimits
from gradcheck_cli.numerics.limits.initialization import DEFAULTS, InitializationLimits
from gradcheck_cli.results.initialization_results import (
    InitReport,
    InitSummary,
    MatrixStats,
    Outcome,
    Series,
    worst_outcome,
)

__all__ = ["model_stats"]


def model_stats(
    draws: Sequence[Model],
    *,
    stat: str = "var",
    level: float = DEFAULTS.level,
    quantities: Sequence[str] = ("h", "dh"),
    every: int | None = None,
    all_layers: bool = False,
    limits: InitializationLimits = DEFAULTS,
    evaluation: EvaluationLimits = EVALUATION,
) -> InitReport:
    """Weights, sizes of steps ("h") and of d loss/d step ("dh") over `draws` of one model.

    `draws` are the same file read with different seeds, or one reading where nothing is drawn. Sizes are
    log10 of the variance ("var"), mean square ("ms") or standard deviation ("std") over all entries of a
    step and all rows together. Raises OptionError for an unknown quantity, and where no draw has a finite
    loss.
    """
    _check(draws, stat, level, quantities, every)
    layout = Layout(draws[0], limits=limits)
    measured = measure_model(draws, layout, stat, evaluation)
    matrices = [matrix_stats(layout, measured, name) for name in layout.matrices]
    trends = Trends(layout, measured, stat, level)
    series = {name: trends.series(name) for name in QUANTITIES}
    return InitReport(
        config={
            "model": draws[0].file,
            "nets": len(draws),
            "seed": draws[0].seed,
            "stat": stat,
            "level": level,
            "every": every,
            "all_layers": all_layers,
        },
        series=tuple(series[name] for name in dict.fromkeys(quantities)),
        inits=(_summary(layout, matrices, list(series.values()), measured),),
        dead_networks=measured.dead,
        notes=tuple(_notes(layout, measured, matrices)),
        matrices=tuple(matrices),
    )


def _check(
    draws: Sequence[Model], stat: str, level: float, quantities: Sequence[str], every: int | None
) -> None:
    if not draws:
        raise ValueError("there must be one draw or more")
    if every is not None and every < 1:
        raise OptionError(f"--every is {every}", help="it must be 1 or more")
    if stat not in STATS:
        raise OptionError(f'there is no stat "{printable(stat, 20)}"', help=f"known are {', '.join(STATS)}")
    if not 0 < level < 1:
        raise OptionError(f"--level is {level:g}", help="a probability, such as 0.9")
    for name in quantities:
        if name not in QUANTITIES:
            raise OptionError(
                f'of a model there is no quantity "{printable(name, 20)}"',
                help="h is the value of every step, dh is d loss/d step",
            )


def _summary(
    layout: Layout, matrices: Sequence[MatrixStats], series: Sequence[Series], measured: Measured
) -> InitSummary:
    outcome = worst_outcome(one.verdict for one in series)
    worst = next(one for one in series if one.verdict is outcome)
    used = [matrix for matrix in matrices if matrix.name in display_names(layout, layout.uses)]
    mistaken = [matrix for matrix in used if matrix.remark.startswith("looks like")]
    looks = f"{mistaken[0].name} {mistaken[0].remark}" if mistaken else ""
    return InitSummary(
        init="model",
        label=layout.model.file,
        formula="",
        sigma2=None,
        variances=tuple(matrix.variance for matrix in used),
        bias_variance=None,
        verdict=Outcome.UNEXPECTED if mistaken else worst.verdict,
        cause=_cause(worst, used, layout.limits.alike_ratios) or looks,
        dead_networks=measured.dead,
    )


def _cause(series: Series, used: Sequence[MatrixStats], alike: float) -> str:
    """The matrix that contributes most to a verdict, in one sentence."""
    if series.verdict in (None, Outcome.STABLE):
        return ""
    if not series.networks:
        what = "the last step" if series.direction == "forward" else "the gradient at the first step"
        return f"in every draw {what} is exactly 0"
    vanishes = series.verdict is Outcome.VANISHES
    ordered = sorted(used, key=lambda matrix: matrix.ratios["he"], reverse=not vanishes)
    least, most = sorted((ordered[0].ratios["he"], ordered[-1].ratios["he"]))
    first, ratio = ordered[0], ordered[0].ratios["he"]
    if abs(ratio - 1) < alike or (ratio < 1) is not vanishes:
        return (
            f"no weight matrix has {'less' if vanishes else 'more'} variance than He's ({first.name} has "
            f"{ratio:.2g} times that): what {'shrinks' if vanishes else 'grows'} does so between the products"
        )
    remark = f": {first.remark}" if first.remark else ""
    if len(used) > 1 and most < (1 + alike) * least:
        return f"all {len(used)} weight matrices have about {ratio:.2g} times the variance of He{remark}"
    return f"{first.name} has {ratio:.2g} times the variance of He{remark}"


_MOST_NAMED = 6  # names in a note


def _notes(
    layout: Layout, measured: Measured, matrices: Sequence[MatrixStats]
) -> Iterator[str]:
    yield from _on_matrices(layout, matrices)
    yield from _on_draws(layout, measured)
    if layout.model.rows:
        yield f"sizes are taken over the entries of a step and all {layout.model.rows:,} rows together"
    reasons: dict[str, list[str]] = {}
    for step in layout.model.steps.values():
        reasons.setdefault(layout.why_left_out(step), []).append(step.display)
    for reason in ("single numbers", "made of parameters only", "not on the way to the loss"):
        if reason in reasons:
            yield f"left out, {reason}: {_list_names(reasons[reason])}"


def _on_matrices(layout: Layout, matrices: Sequence[MatrixStats]) -> Iterator[str]:
    if not layout.uses:
        yield "the model has no weight matrix, a parameter with two axes in a product @: it has no layers"
        return
    if len(layout.behind_matrices) == 1:
        yield "one weight matrix has no change from layer to layer: there is no verdict"
    yield (
        f"remarks on variances allow {layout.limits.remark_errors:g} standard errors, sqrt(2/N) each for N "
        "normal entries; of fewer than 33 entries they say nothing"
    )
    turned = display_names(layout, [name for name, use in layout.uses.items() if use.first_axis])
    if turned:
        yield f"products sum over the first axis of {_list_names(turned)}: that is its fan_in, not the last"
    for name, use in layout.uses.items():
        if use.changed:
            shown = {i.node: i.display for i in layout.model.inputs.values()}
            form = printable(layout.graph.formula(use.node, shown), 60)
            yield f"{layout.model.display(name)} enters its product as {form}: the variance is that of this"


def _on_draws(layout: Layout, measured: Measured) -> Iterator[str]:
    count = measured.draws
    if measured.failing:
        first = layout.model.steps[measured.failing[0].step]
        yield (
            f"{len(measured.failing)} of {count + len(measured.failing)} draws have a loss that is not "
            f"finite and were not counted; the first such value is in {first.display} (line {first.where})"
        )
    if count == 1 and layout.uses:
        yield (
            f"one draw says little: its verdict allows {layout.limits.draw_sigmas:g} standard deviations of "
            "what chance does to random weights, sqrt(6 sum 1/width)/ln 10 decades each (Hanin and Nica 2018)"
        )
    if layout.narrowness > layout.limits.narrow:
        yield (
            f"the sum of 1/width is {layout.narrowness:.2g}: at any initialization the typical network loses "
            f"up to {2.5 * layout.narrowness / math.log(10):.1f} decades by chance (Hanin and Nica 2018); "
            "verdicts do not count them"
        )
    on_kinks = [functions for functions in measured.on_kinks if functions]
    if on_kinks:
        functions = sorted(set().union(*on_kinks))
        often = f"in {len(on_kinks)} of {count} draws " if count > 1 else ""
        yield (
            f"{often}an argument of {', '.join(functions)} lies exactly on the kink, where backprop's slope "
            "is a convention"
        )


def _list_names(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    shown = ", ".join(printable(name, 30) for name in names[:_MOST_NAMED])
    return f"{shown} and {more:,} more" if more > 0 else shown
