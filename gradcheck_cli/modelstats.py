"""Reads a model drawn with several seeds. Gives what its weight matrices are, and what they do to signals.

`gradcheck init-stats --model FILE`: the variance of every weight matrix beside those of the known
initializers, and the size of every step and of its gradient on the way to the loss. Everything is
measured; knows nothing of what an infinitely wide network would do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.backprop import derivative
from gradcheck_cli.errors import OptionError, printable
from gradcheck_cli.forward import Failing, Tape, forward_pass
from gradcheck_cli.graph import Graph, Model, Node, Step
from gradcheck_cli.initializers import INITIALIZERS, TRUNCATED_VARIANCE, find_initializer
from gradcheck_cli.initresults import (
    InitReport,
    InitSummary,
    LayerStats,
    MatrixStats,
    Outcome,
    Series,
    worst_outcome,
)
from gradcheck_cli.networks import STATS
from gradcheck_cli.quantiles import student_t, typical

__all__ = ["model_stats"]

Array = NDArray[np.float64]
QUANTITIES: Mapping[str, str] = {"h": "forward", "dh": "backward"}


def model_stats(
    draws: Sequence[Model],
    *,
    stat: str = "var",
    level: float = 0.9,
    quantities: Sequence[str] = ("h", "dh"),
    every: int | None = None,
    all_layers: bool = False,
) -> InitReport:
    """Weights, sizes of steps ("h") and of d loss/d step ("dh") over `draws` of one model.

    `draws` are the same file read with different seeds, or one reading where nothing is drawn. Sizes are
    log10 of the variance ("var"), mean square ("ms") or standard deviation ("std") over all entries of a
    step and all rows together. Raises OptionError for an unknown quantity, and where no draw has a finite
    loss.
    """
    _check(draws, stat, level, quantities, every)
    layout = _Layout(draws[0])
    measured = _measured(draws, layout, stat)
    matrices = [_matrix(layout, measured, name) for name in layout.matrices]
    judge = _Judge(layout, measured, stat, level)
    series = {name: judge.series(name) for name in QUANTITIES}
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


# ---------------------------------------------------------------------------------------------
# The model as a network: which matrices enter products, and how many lie before each step
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Factor:
    """A value made of weight matrices and no signal: a matrix, its transpose, a multiple, a product."""

    name: str  # the first of them
    transposed: bool = False
    count: int = 1
    changed: bool = False  # by more than being transposed or negated


@dataclass(frozen=True)
class _Use:
    """Where a matrix first enters a product: as which node, and whether its first axis is summed over."""

    node: int
    first_axis: bool
    depth: int  # of the product
    changed: bool


@dataclass
class _Layout:
    """What is the same in every draw."""

    model: Model
    factors: dict[int, _Factor] = field(default_factory=dict)
    uses: dict[str, _Use] = field(default_factory=dict)
    depths: list[int] = field(default_factory=list)  # of every node

    def __post_init__(self) -> None:
        inputs = self.model.inputs.values()
        data = [i.node for i in inputs if i.kind != "param"]
        self.has_data = bool(data)
        self.fed = self.graph.downstream(data or [i.node for i in inputs])
        self.needed = self.graph.upstream([self.graph.names[self.model.loss]])
        self.factors.update({self.model.inputs[n].node: _Factor(n) for n in self.matrices})
        for node in self.graph.nodes:
            self._enter(node)

    @property
    def graph(self) -> Graph:
        return self.model.graph

    @cached_property
    def matrices(self) -> list[str]:
        """The parameters with two axes, in the order of the file."""
        return [p.name for p in self.model.parameters() if len(p.shape) == 2]

    def _enter(self, node: Node) -> None:
        given = [self.factors.get(a) for a in node.arguments]
        made = self._made(node, given)
        if made is not None:
            self.factors[node.index] = made
        before = max((self.depths[a] for a in node.arguments), default=0)
        entering = [factor for factor in given if factor] if node.operation == "matmul" else []
        if entering and made is None:
            before += entering[0].count
        self.depths.append(before)
        if entering and self.needed[node.index]:
            self._use(node, given, max(before, 1))

    def _use(self, node: Node, given: Sequence[_Factor | None], depth: int) -> None:
        for position, factor in enumerate(given):
            if factor is not None:
                summed_first = (position == 1) is not factor.transposed
                use = _Use(node.arguments[position], summed_first, depth, factor.changed)
                self.uses.setdefault(factor.name, use)

    def _made(self, node: Node, given: Sequence[_Factor | None]) -> _Factor | None:
        """What matrix a node is a form of; None if it is a signal."""
        found = [factor for factor in given if factor is not None]
        others = [a for a, factor in zip(node.arguments, given, strict=True) if factor is None]
        if not found:
            return None
        first = found[0]
        if node.operation in ("identity", "neg"):
            return first
        if node.operation == "transpose":
            return replace(first, transposed=not first.transposed)
        if node.operation == "matmul":  # without data, one of two matrices is the input
            both = self.has_data and not others
            return replace(first, count=sum(f.count for f in found), changed=True) if both else None
        if node.operation in ("mul", "div"):
            return replace(first, changed=True) if all(map(self._is_plain, others)) else None
        added = node.operation in ("add", "sub") and not any(self.fed[a] for a in others)
        return replace(first, changed=True) if added else None

    def _is_plain(self, index: int) -> bool:
        """Whether a value may multiply a matrix without making it a signal: a number, a mask."""
        node = self.graph.nodes[index]
        if node.operation == "expand" and not self.graph.nodes[node.arguments[0]].shape:
            node = self.graph.nodes[node.arguments[0]]
        return node.is_leaf or not self.fed[index]

    # -- steps --------------------------------------------------------------------------------

    @cached_property
    def steps(self) -> list[Step]:
        """The steps that are measured, in the order of the file."""
        return [s for s in self.model.steps.values() if not self.why_left_out(s)]

    def why_left_out(self, step: Step) -> str:
        """Why a step is not measured; empty if it is."""
        node = self.graph.nodes[step.node]
        if step.name == self.model.loss:
            return "the loss"
        if not self.needed[step.node]:
            return "not on the way to the loss"
        if step.node in self.factors or not (self.fed[step.node] or self.depths[step.node]):
            return "made of parameters only"
        size = node.size * ((self.model.rows or 0) if node.per_row else 1)
        return "single numbers" if size < 2 else ""

    def depth(self, step: Step) -> int:
        """How many weight matrices lie on the longest path to a step."""
        return self.depths[step.node]

    @cached_property
    def behind_matrices(self) -> list[int]:
        """The place of the first step behind each further weight matrix: one for every depth from 1 on.

        What follows it at the same depth (an activation, a residual) is of another kind, and a line
        through both would bend.
        """
        first: dict[int, int] = {}
        for place, step in enumerate(self.steps):
            if self.depth(step):
                first.setdefault(self.depth(step), place)
        return [first[k] for k in sorted(first)]

    def fans(self, name: str) -> tuple[int, int]:
        """(fan_in, fan_out): how many values are added up, and how many results there are."""
        first, last = self.model.inputs[name].shape
        use = self.uses.get(name)
        return (first, last) if use is not None and use.first_axis else (last, first)

    @cached_property
    def narrowness(self) -> float:
        """The sum of 1/n_j over the layers; of several products at one depth the narrowest counts."""
        widths: dict[int, int] = {}
        for name, use in self.uses.items():
            width = self.fans(name)[1]
            widths[use.depth] = min(width, widths.get(use.depth, width))
        return sum(1 / width for width in widths.values())


# ---------------------------------------------------------------------------------------------
# Measuring
# ---------------------------------------------------------------------------------------------


@dataclass
class _Measured:
    """log10 of every step in every draw with a finite loss, (draws, steps); and whether it is all 0."""

    log10: dict[str, Array]
    zero: dict[str, NDArray[np.bool_]]
    weights: dict[str, list[Array]]  # by matrix, as they enter the product; of every draw
    failing: list[Failing]
    on_kinks: list[set[str]]  # functions that stand exactly on their kink, of every draw counted

    @property
    def draws(self) -> int:
        """How many were counted."""
        return len(self.on_kinks)

    def dead_in(self, quantity: str) -> NDArray[np.bool_]:
        """The draws in which nothing arrives: 0 at the last step, or in the gradient at the first."""
        zero = self.zero[quantity]
        if not zero.size:
            return np.zeros(len(zero), dtype=bool)
        return zero[:, -1] if quantity == "h" else zero[:, 0]

    @property
    def dead(self) -> int:
        """How many draws are dead in either direction."""
        return int((self.dead_in("h") | self.dead_in("dh")).sum())


def _measured(draws: Sequence[Model], layout: _Layout, stat: str) -> _Measured:
    names = [step.name for step in layout.steps]
    found: dict[str, list[list[float]]] = {name: [] for name in QUANTITIES}
    zero: dict[str, list[list[bool]]] = {name: [] for name in QUANTITIES}
    result = _Measured({}, {}, {name: [] for name in layout.matrices}, [], [])
    for model in draws:
        tape = forward_pass(model)
        for name, kept in result.weights.items():
            kept.append(_weights(layout, tape, name))
        if (failing := tape.failing()) is not None:
            result.failing.append(failing)
            continue
        slopes = derivative(model, tape, model.loss, names)
        for quantity, of in (("h", tape.value), ("dh", slopes.__getitem__)):
            found[quantity].append([_log10(of(name), stat) for name in names])
            zero[quantity].append([not of(name).any() for name in names])
        result.on_kinks.append(_on_kinks(layout, tape))
    if not result.draws:
        raise _never_finite(draws[0], result.failing)
    shape = (result.draws, len(names))
    result.log10.update({name: np.reshape(rows, shape) for name, rows in found.items()})
    result.zero.update({name: np.array(rows, dtype=bool).reshape(shape) for name, rows in zero.items()})
    return result


def _weights(layout: _Layout, tape: Tape, name: str) -> Array:
    """The matrix as it enters its product; as it is declared where that differs from row to row."""
    use = layout.uses.get(name)
    if use is None or layout.graph.nodes[use.node].per_row:
        return tape.model.inputs[name].values
    return np.asarray(tape.of_node(layout.graph.nodes[use.node]))


def _on_kinks(layout: _Layout, tape: Tape) -> set[str]:
    hit = [n for n in tape.borders_hit() if layout.needed[n.index] and n.primitive.kink]
    return {n.primitive.function for n in hit}


def _never_finite(model: Model, failing: Sequence[Failing]) -> OptionError:
    first = failing[0]
    line = model.steps[first.step].line
    many = "" if len(failing) == 1 else f" in any of {len(failing)} draws"
    return OptionError(
        f"{printable(model.file)}: the loss is not finite{many}: the first value that is not is in "
        f"{model.display(first.step)} (line {line})",
        help="sizes need finite numbers: begin with smaller weights or inputs",
    )


def _log10(values: Array, stat: str) -> float:
    """log10 of the statistic; nothing overflows. -inf where it is 0, nan where a value is not finite."""
    largest = float(np.max(np.abs(values)))
    if not math.isfinite(largest):
        return math.nan
    if not largest:
        return -math.inf
    scaled = values / largest
    found = float(np.mean(scaled**2) if stat == "ms" else np.var(scaled))
    if not found:
        return -math.inf
    return (math.log10(found) + 2 * math.log10(largest)) / (2 if stat == "std" else 1)


# ---------------------------------------------------------------------------------------------
# Judging
# ---------------------------------------------------------------------------------------------

_DECADES = 1.0  # a change of variance over all layers that is still stable
_SIGMAS = 4.0  # of one draw, whose scatter cannot be measured; the tails are heavier than normal ones


@dataclass(frozen=True)
class _Judge:
    """Slopes and verdicts.

    What chance does to random weights is no fault of theirs: of a ReLU network of widths n_j,
    ln |h_K|^2 has the mean -(5/2) sum 1/n_j and the variance 5 sum 1/n_j (Hanin and Nica 2018).
    """

    layout: _Layout
    measured: _Measured
    stat: str
    level: float

    @property
    def shift(self) -> float:
        """Decades of variance that the typical network loses to its narrowness."""
        return 2.5 * self.layout.narrowness / math.log(10)

    @property
    def scatter(self) -> float:
        """Decades of variance by which one network differs from the next, a standard deviation.

        By a line of least squares: through a random walk its slope has 6/5 the variance of the ends'.
        """
        return math.sqrt(6 * self.layout.narrowness) / math.log(10)

    def series(self, quantity: str) -> Series:
        """One direction, step by step."""
        dead = self.measured.dead_in(quantity)
        slopes = self._slopes(quantity, self.measured.log10[quantity][~dead])
        slope, ci = self._mean(slopes)
        return Series(
            init="model",
            label=self.layout.model.file,
            sigma2=None,
            quantity=quantity,
            stat=self.stat,
            direction=QUANTITIES[quantity],
            layers=tuple(self._layers(self.measured.log10[quantity])),
            slope=slope,
            slope_ci=ci,
            expected_slope=None,
            verdict=Outcome.VANISHES if dead.all() else self._verdict(slope, ci),
            networks=int((~dead).sum()),
            dead=int(dead.sum()),
            overflowed=len(self.measured.failing),
        )

    def _layers(self, values: Array) -> Iterator[LayerStats]:
        """Median and interval over the draws in which the step is not 0; all of them 0: -inf."""
        median, low, high = typical(values, self.level)
        median = np.where(np.isfinite(values).any(axis=0), median, values[0])
        for step, *found in zip(self.layout.steps, median.tolist(), low.tolist(), high.tolist(), strict=True):
            middle, bottom, top = (None if math.isnan(value) else value for value in found)
            yield LayerStats(
                k=self.layout.depth(step), median=middle, low=bottom, high=top, name=step.display
            )

    def _slopes(self, quantity: str, values: Array) -> Array:
        """Decades per weight matrix of each draw, in the direction of travel; least squares."""
        places = self.layout.behind_matrices
        k = np.array([self.layout.depth(self.layout.steps[p]) for p in places], dtype=np.float64)
        sign = 1.0 if QUANTITIES[quantity] == "forward" else -1.0
        found = [_line(k, row[places]) for row in values]
        return sign * np.array([slope for slope in found if math.isfinite(slope)])

    def _mean(self, slopes: Array) -> tuple[float | None, float | None]:
        count = len(slopes)
        if not count:
            return None, None
        if count == 1:
            return float(slopes[0]), None
        error = float(np.std(slopes, ddof=1)) / math.sqrt(count)
        return float(np.mean(slopes)), student_t(self.level, count - 1) * error

    def _verdict(self, slope: float | None, ci: float | None) -> Outcome | None:
        """Beyond one decade of variance with the whole interval, and not by chance; else stable."""
        if slope is None:
            return None
        depth = self.layout.depth(self.layout.steps[self.layout.behind_matrices[-1]])
        of_variance = 2 if self.stat == "std" else 1
        decades = slope * depth * of_variance
        margin = _SIGMAS * self.scatter if ci is None else ci * depth * of_variance
        if decades + margin + self.shift < -_DECADES:
            return Outcome.VANISHES
        return Outcome.EXPLODES if decades - margin > _DECADES else Outcome.STABLE


def _line(x: Array, y: Array) -> float:
    """The slope of the straight line through the points that are finite; nan for fewer than two."""
    known = np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < 2:
        return math.nan
    away = x - x.mean()
    return float(away @ y / (away @ away))


def _summary(
    layout: _Layout, matrices: Sequence[MatrixStats], series: Sequence[Series], measured: _Measured
) -> InitSummary:
    outcome = worst_outcome(one.verdict for one in series)
    worst = next(one for one in series if one.verdict is outcome)
    used = [matrix for matrix in matrices if matrix.name in _displayed(layout, layout.uses)]
    mistaken = [matrix for matrix in used if matrix.remark.startswith("looks like")]
    return InitSummary(
        init="model",
        label=layout.model.file,
        formula="",
        sigma2=None,
        variances=tuple(matrix.variance for matrix in used),
        bias_variance=None,
        verdict=Outcome.UNEXPECTED if mistaken else worst.verdict,
        cause=_cause(worst, used) or (f"{mistaken[0].name} {mistaken[0].remark}" if mistaken else ""),
        dead_networks=measured.dead,
    )


def _cause(series: Series, used: Sequence[MatrixStats]) -> str:
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
    if abs(ratio - 1) < _ALIKE or (ratio < 1) is not vanishes:
        return (
            f"no weight matrix has {'less' if vanishes else 'more'} variance than He's ({first.name} has "
            f"{ratio:.2g} times that): what {'shrinks' if vanishes else 'grows'} does so between the products"
        )
    remark = f": {first.remark}" if first.remark else ""
    if len(used) > 1 and most < (1 + _ALIKE) * least:
        return f"all {len(used)} weight matrices have about {ratio:.2g} times the variance of He{remark}"
    return f"{first.name} has {ratio:.2g} times the variance of He{remark}"


_ALIKE = 0.1  # relative: ratios that are told as one


def _displayed(layout: _Layout, names: Iterable[str]) -> list[str]:
    return [layout.model.display(name) for name in names]


# ---------------------------------------------------------------------------------------------
# Weight matrices
# ---------------------------------------------------------------------------------------------

_NOT_USED = "in no product @ on the way to the loss"
_ERRORS = 4.0  # standard errors of a variance that a remark allows
_KNOWN = {"he": "He", "glorot": "Glorot", "lecun": "LeCun", "torch-default": "torch-default"}
_FORMULAS: Mapping[str, Callable[[float, float], float]] = {
    name: INITIALIZERS[name].variance if name in INITIALIZERS else find_initializer(name, 1.0).variance
    for name in _KNOWN
}


def _matrix(layout: _Layout, measured: _Measured, name: str) -> MatrixStats:
    """Over all draws together, if they differ."""
    drawn = measured.weights[name]
    same = all(np.array_equal(one, drawn[0]) for one in drawn)
    values = np.ravel(drawn[0] if same else np.stack(drawn))
    item = layout.model.inputs[name]
    fans = layout.fans(name)
    with np.errstate(all="ignore"):
        mean, variance = float(np.mean(values)), float(np.var(values))
        remark = _remark(values, variance, fans) if name in layout.uses else _NOT_USED
    return MatrixStats(
        name=item.display,
        line=item.line,
        shape=item.shape,
        mean=mean,
        variance=variance,
        ratios={known: variance / formula(*fans) for known, formula in _FORMULAS.items()},
        remark=remark,
    )


def _remark(values: Array, variance: float, fans: tuple[int, int]) -> str:
    """Whose variance this is; else the mistake that gives it. At most two names, none if more would fit."""
    if values.min() == values.max():
        return "all entries are equal" if values.any() else "all entries are 0"
    reach = _ERRORS * _relative_error(values)
    if not reach < 1:
        return ""

    def fitting(known: Iterable[tuple[float, str]]) -> list[str]:
        return [text for target, text in known if abs(variance / target - 1) <= reach]

    right = fitting((formula(*fans), _KNOWN[name]) for name, formula in _FORMULAS.items())
    if right:
        return " or ".join(right) if len(right) < 3 else ""
    wrong = fitting(_mistakes(*fans))
    return f"looks like {', or '.join(wrong)}" if 0 < len(wrong) < 3 else ""


def _relative_error(values: Array) -> float:
    """Of the variance of N numbers: sqrt(2/N) for normal ones, more where their tails are heavier."""
    away = values - values.mean()
    away /= np.max(np.abs(away))
    kurtosis = float(np.mean(away**4) / np.mean(away**2) ** 2)
    return math.sqrt(max(2.0, kurtosis - 1) / len(values))


def _mistakes(fan_in: int, fan_out: int) -> Iterator[tuple[float, str]]:
    """Variances that come of known mistakes, and what each looks like."""
    for name in ("he", "glorot", "lecun"):
        target, label = _FORMULAS[name](fan_in, fan_out), _KNOWN[name]
        yield (
            TRUNCATED_VARIANCE * target,
            f"{label} from a normal truncated at 2 std, its variance not corrected",
        )
        yield target / 3, f"{label} from uniform(-std, std)"
        yield target / 2, f"{label} without its factor 2" if name != "lecun" else f"half of {label}"
        yield 2 * target, f"{label} with a factor 2 too many"
        yield target**2, f"{label} with the variance taken for the standard deviation"
        yield math.sqrt(target), f"{label} with the standard deviation taken for the variance"
        if name != "glorot" and fan_in != fan_out:
            swapped = _FORMULAS[name](fan_out, fan_in)
            yield swapped, f"{label} with fan_out in the place of fan_in"
    yield 1.0, "a standard normal that was not divided by fan_in"


# ---------------------------------------------------------------------------------------------
# Notes
# ---------------------------------------------------------------------------------------------

_MOST_NAMED = 6
_NARROW = 0.5  # sum of 1/width from which chance takes half a decade


def _notes(
    layout: _Layout, measured: _Measured, matrices: Sequence[MatrixStats]
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
            yield f"left out, {reason}: {_listed(reasons[reason])}"


def _on_matrices(layout: _Layout, matrices: Sequence[MatrixStats]) -> Iterator[str]:
    if not layout.uses:
        yield "the model has no weight matrix, a parameter with two axes in a product @: it has no layers"
        return
    if len(layout.behind_matrices) == 1:
        yield "one weight matrix has no change from layer to layer: there is no verdict"
    yield (
        f"remarks on variances allow {_ERRORS:g} standard errors, sqrt(2/N) each for N normal entries; "
        "of fewer than 33 entries they say nothing"
    )
    turned = _displayed(layout, [name for name, use in layout.uses.items() if use.first_axis])
    if turned:
        yield f"products sum over the first axis of {_listed(turned)}: that is its fan_in, not the last"
    for name, use in layout.uses.items():
        if use.changed:
            shown = {i.node: i.display for i in layout.model.inputs.values()}
            form = printable(layout.graph.formula(use.node, shown), 60)
            yield f"{layout.model.display(name)} enters its product as {form}: the variance is that of this"


def _on_draws(layout: _Layout, measured: _Measured) -> Iterator[str]:
    count = measured.draws
    if measured.failing:
        first = layout.model.steps[measured.failing[0].step]
        yield (
            f"{len(measured.failing)} of {count + len(measured.failing)} draws have a loss that is not "
            f"finite and were not counted; the first such value is in {first.display} (line {first.line})"
        )
    if count == 1 and layout.uses:
        yield (
            f"one draw says little: its verdict allows {_SIGMAS:g} standard deviations of what chance does "
            "to random weights, sqrt(6 sum 1/width)/ln 10 decades each (Hanin and Nica 2018)"
        )
    if layout.narrowness > _NARROW:
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


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    shown = ", ".join(printable(name, 30) for name in names[:_MOST_NAMED])
    return f"{shown} and {more:,} more" if more > 0 else shown
