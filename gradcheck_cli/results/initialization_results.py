"""Reads nothing. Gives what `gradcheck init-stats` and `gradcheck gain` answer: frozen records.

Knows nothing of how an answer is found. Apart from results.py, so that `gradcheck run` need not make both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

__all__ = [
    "FormatForecast", "GainReport", "InitReport", "InitSummary", "LayerStats", "MatrixStats", "Outcome",
    "Series", "worst_outcome",
]  # fmt: skip


class Outcome(Enum):
    """What an initialization does to a deep network, mildest first.

    Examples
    --------
    >>> from gradcheck_cli import Outcome
    >>> [str(outcome) for outcome in Outcome]
    ['stable', 'VANISHES', 'EXPLODES', 'UNEXPECTED']
    """

    STABLE = "stable"
    VANISHES = "VANISHES"
    EXPLODES = "EXPLODES"
    UNEXPECTED = "UNEXPECTED"

    def __str__(self) -> str:
        return self.value

    def __bool__(self) -> NoReturn:
        raise TypeError("an outcome is not a truth value; compare it with Outcome.STABLE")


_OUTCOMES = list(Outcome)


def worst_outcome(found: Iterable[Outcome | None]) -> Outcome | None:
    """The most severe; None where nothing could be said of any."""
    return max((o for o in found if o is not None), key=_OUTCOMES.index, default=None)


@dataclass(frozen=True, kw_only=True)
class LayerStats:
    """One layer over all networks, as log10 of the statistic. None: meaningless, or not known.

    Between `low` and `high` lies one network's value with the probability asked for (--level).
    """

    k: int
    median: float | None
    low: float | None = None
    high: float | None = None
    expected: float | None = None
    name: str | None = None  # of the step, where the network is a user's model


@dataclass(frozen=True, kw_only=True)
class Series:
    """One quantity under one initialization, layer by layer.

    `slope`: decades per layer in the direction of travel (backward: towards the input), mean over the
    networks; `slope_ci`: half the width of its confidence interval; `factor`: 10^slope. `growth`: the
    law of change where it is a power of k, such as "k^1.0".
    """

    init: str
    label: str
    sigma2: float | None
    quantity: str  # h f dh df dW db
    stat: str  # var ms std
    direction: str  # forward | backward
    layers: tuple[LayerStats, ...]
    slope: float | None
    slope_ci: float | None
    expected_slope: float | None
    verdict: Outcome | None  # None: there are too few layers to say
    growth: str | None = None
    networks: int = 0  # that were counted
    dead: int = 0  # networks whose signal is exactly 0 at the end: counted apart, never averaged
    overflowed: int = 0
    slope_differs: bool = False  # from the prediction, by more than chance

    @property
    def factor(self) -> float | None:
        """What one layer multiplies the statistic by."""
        return None if self.slope is None else 10.0**self.slope


@dataclass(frozen=True, kw_only=True)
class FormatForecast:
    """Where a number format overflows or goes all zero, in the direction of travel."""

    init: str
    label: str
    format: str  # float16 bfloat16 float32
    direction: str  # forward | backward
    event: str | None  # "overflow", "all zero", or "lost" (the forward pass was lost before); None: neither
    layer: int | None
    simulated_event: str | None = None
    simulated_layer: int | None = None
    simulated: bool = False


@dataclass(frozen=True, kw_only=True)
class InitSummary:
    """One initialization: both directions together, with the cause in one sentence."""

    init: str
    label: str  # "He" where the variance is a known one; else empty
    formula: str
    sigma2: float | None  # variance of the weights between hidden layers; None: it differs by layer
    variances: tuple[float, ...]  # of W_0 ... W_K
    bias_variance: float | None
    verdict: Outcome | None
    cause: str
    chi: float | None = None  # infinite width, last layer: factor of the gradient's variance
    depth_scale: float | None = None  # -1/ln chi, in layers; None: infinite or unknown
    scatter: float | None = None  # decades: standard deviation of the forward total over networks
    expected_scatter: float | None = None
    dead_units: float | None = None  # fraction of hidden units that are 0 for every input
    dead_networks: int = 0


@dataclass(frozen=True, kw_only=True)
class MatrixStats:
    """One weight matrix of a user's model."""

    name: str
    line: int
    shape: tuple[int, ...]
    mean: float
    variance: float
    ratios: Mapping[str, float]  # variance over that of he, glorot, lecun, torch-default
    remark: str  # "He", or what the ratio looks like; empty if nothing fits


@dataclass(frozen=True, kw_only=True)
class InitReport:
    """What `gradcheck init-stats` found out."""

    config: Mapping[str, object]
    series: tuple[Series, ...]
    inits: tuple[InitSummary, ...] = ()
    formats: tuple[FormatForecast, ...] = ()
    dead_units: float | None = None
    dead_networks: int = 0
    recommendation: str = ""
    notes: tuple[str, ...] = ()
    matrices: tuple[MatrixStats, ...] = ()  # with --model

    def __bool__(self) -> NoReturn:
        raise TypeError("a report is not a truth value; look at its verdicts")


@dataclass(frozen=True, kw_only=True)
class GainReport:
    """What `gradcheck gain` says of an activation phi; E is over a standard normal z.

    The critical point is where variances AND gradients keep their size (edge of chaos): sigma_w^2 is
    the variance of a weight times fan_in, q the variance of the pre-activations.
    """

    activation: str
    formula: str
    gain: float  # 1/sqrt(E phi^2)
    torch_gain: float | None
    mean: float  # E phi
    second_moment: float  # E phi^2
    slope_moment: float  # E phi'^2
    chi: float  # gain^2 E phi'^2: factor of the gradient's variance in one layer
    chi_50: float
    fixed_point: str  # "attracts", "repels", "neutral": q = 1 under weights of this gain
    fixed_point_slope: float  # d ln q_{k+1}/d ln q_k there
    kinks: tuple[float, ...]
    bias_variance: float  # of the critical point
    critical_sigma_w: float | None
    critical_q: float | None
    critical_note: str  # "any q", "in the limit q -> 0", why there is none; or empty
    notes: tuple[str, ...] = ()
