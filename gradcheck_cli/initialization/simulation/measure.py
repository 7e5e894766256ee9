"""Reads a Network and variances. Gives what was MEASURED: statistics of h_k, f_k and all gradients.

Every network is drawn and run forward and backward. Numbers are mantissas times a carried power of two,
so a thousand layers neither overflow nor vanish; `simulate` runs the same pass in a number format, where
they do. Scaling the weights of a homogeneous network scales every layer, so one pass serves all
variances. Knows nothing of what theory predicts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.initialization.architectures import QUANTITIES, Network
from gradcheck_cli.initialization.simulation.draws import Draws
from gradcheck_cli.initialization.simulation.job import Job, UnitDraw, blocks, memory_sizes
from gradcheck_cli.initialization.simulation.moments import Moments, Record, entry_counts
from gradcheck_cli.initialization.simulation.passes import Pass
from gradcheck_cli.initialization.simulation.scaled_activations import ScaledActivation
from gradcheck_cli.initialization.simulation.scaled_arithmetic import ScaledArithmetic
from gradcheck_cli.initialization.simulation.scaled_numbers import Array, carry_scale
from gradcheck_cli.model.initializers import unit_normal
from gradcheck_cli.numerics.limits.initialization import DEFAULTS

__all__ = ["Measured", "measure", "measure_each"]


@dataclass(frozen=True)
class Measured:
    """Statistics of every network, and of every layer k = 0 ... K in it.

    `log10`: quantity -> (S, nets, K + 1), log10 of the statistic. -inf: it is exactly 0; +inf: it is
    beyond any number (only activations that grow faster than z do that); nan: it is meaningless, the
    variance of a single entry. `dead_units`: (S, nets), the fraction of the units of h_1 ... h_K that
    are exactly 0 for every input. `dead`: (S, nets), whether all of h_K is.
    """

    log10: Mapping[str, Array]
    dead_units: Array
    dead: Array


def measure(
    network: Network,
    weight_variance: Array,
    bias_variance: Array,
    *,
    unit: UnitDraw = unit_normal,
    bias_unit: UnitDraw = unit_normal,
    nets: int = DEFAULTS.networks,
    inputs: int = 1,
    seed: int = 0,
    stat: str = "var",
    dtype: str = "float64",
    quantities: Sequence[str] = QUANTITIES,
    progress: Callable[[float], None] | None = None,
) -> Measured:
    """Run `nets` networks forward and backward under each of S initializations.

    h_0 is standard normal. Gradients are those of one input's loss: dl/db_k is dl/df_k, and dl/dW_k its
    outer product with what W_k multiplies.

    Parameters
    ----------
    network : Network
    weight_variance, bias_variance : ndarray, (S, K + 1), float64
        Of the entries of W_k and b_k; the draws that they scale are the same for all S.
    unit, bias_unit : callable
        Draw an array of variance 1 from a Generator and a shape (fan_out, fan_in).
    nets, inputs, seed : int
        Networks, inputs of each, seed of all draws.
    stat : str
        Over all entries and inputs of one network: "var" (divided by their number), "std", or "ms", the
        mean square.
    dtype : str
        With "float32" products and sums are in single precision, activations are evaluated in double
        precision and rounded, statistics are in double precision.
    quantities : sequence of str
        Those that are taken.
    progress : callable, optional
        Called with the fraction that is done, 0 to 1.

    Returns
    -------
    Measured
        Arrays (S, nets, K + 1), float64, in decades (log10).

    Raises
    ------
    OptionError
        `unit` draws another shape.
    """
    weights = np.asarray(weight_variance, dtype=np.float64)
    biases = np.asarray(bias_variance, dtype=np.float64)
    job = Job(network, unit, bias_unit, nets, inputs, seed, stat, np.dtype(dtype), tuple(quantities))
    alike = network.homogeneous & (weights > 0).all(axis=1) & (biases == 0).all(axis=1)
    passes = [_scale_from_one] * bool(alike.any()) + [measure_each] * (not alike.all())
    done = _counter(progress, nets * len(passes))
    rows = {_scale_from_one: np.flatnonzero(alike), measure_each: np.flatnonzero(~alike)}
    with np.errstate(all="ignore"):
        found = [run(job, weights[rows[run]], biases[rows[run]], done) for run in passes]
    order = np.argsort(np.concatenate([rows[run] for run in passes]))
    return _join(found, axis=0, order=order)


def _counter(progress: Callable[[float], None] | None, total: int) -> Callable[[int], None]:
    """Counts networks that are done, and reports which fraction of `total` they are."""
    finished = 0

    def done(count: int) -> None:
        nonlocal finished
        finished += count
        if progress:
            progress(finished / total)

    return done


def _scale_from_one(
    job: Job, weights: Array, biases: Array, done: Callable[[int], None]
) -> Measured:
    """A homogeneous network under S variances, from one pass with variance 1.

    Multiplying W_j by c multiplies every layer after it by c, every gradient before it, and with the
    loss f_K^2 all of them once more.
    """
    base = measure_each(job, np.ones((1, weights.shape[1])), biases[:1], done)
    logs = np.log10(weights) * (0.5 if job.stat == "std" else 1.0)
    after = np.cumsum(logs[:, ::-1], axis=1)[:, ::-1]
    upto = np.cumsum(logs, axis=1)
    loss = after[:, :1] if job.network.loss == "lsq" else 0.0
    before, beyond = upto - logs, after - logs
    shifts = {"h": before, "f": upto, "dh": after + loss, "df": beyond + loss}
    shifts |= {"db": shifts["df"], "dW": before + beyond + loss}
    return Measured(
        {name: found + shifts[name][:, None] for name, found in base.log10.items()},
        np.repeat(base.dead_units, len(weights), axis=0),
        np.repeat(base.dead, len(weights), axis=0),
    )


def _join(parts: Sequence[Measured], axis: int, order: Array | None = None) -> Measured:
    """Several as one, along the axis of initializations (0) or networks (1)."""

    def join(arrays: list[Array]) -> Array:
        whole = np.concatenate(arrays, axis=axis)
        return whole if order is None else whole.take(order, axis=axis)

    return Measured(
        {name: join([part.log10[name] for part in parts]) for name in parts[0].log10},
        join([part.dead_units for part in parts]),
        join([part.dead for part in parts]),
    )


def measure_each(job: Job, weights: Array, biases: Array, done: Callable[[int], None]) -> Measured:
    """Every network under every initialization, without a shortcut."""
    sizes = memory_sizes(job, len(weights))
    batches = []
    for numbers in blocks(job.nets, sizes.networks):
        draws = Draws(job, numbers, sizes.keep)
        parts = [
            _batch(job, draws, weights[rows], biases[rows], sizes.inputs)
            for rows in blocks(len(weights), sizes.variances)
        ]
        batches.append(_join(parts, axis=0))
        done(len(numbers))
    return _join(batches, axis=1)


def _batch(job: Job, draws: Draws, weights: Array, biases: Array, inputs: int) -> Measured:
    """A batch of networks under some initializations, a block of inputs after the other."""
    activation, every = ScaledActivation(job.network.activation), draws.inputs()
    pooled, counts, alive = [], [], []
    for span in blocks(job.inputs, inputs):
        columns = len(span)
        h = every[:, :, None, span.start : span.stop].repeat(len(weights), axis=2)
        sds = [np.frexp(np.sqrt(v).T.repeat(columns, axis=1)) for v in (weights, biases)]
        record = Record(job, len(draws.numbers), len(weights), columns)
        arithmetic = ScaledArithmetic(job.network, draws, activation, sds[0], sds[1])
        Pass(job.network, arithmetic, record.see).run(carry_scale(h.reshape(*h.shape[:2], -1)))
        pooled.append(record.pool())
        counts.append(columns)
        alive.append(record.alive())
    log10 = {}
    for name in job.quantities:
        whole = Moments.stack([part[name] for part in pooled]).pool(np.array(counts))
        log10[name] = whole.log10(job.stat, entry_counts(name, job.network, job.inputs))
    units = np.logical_or.reduce(alive)
    silent = ~units[:, -job.network.widths[-2] :].any(axis=1)
    return Measured(log10, 1 - units.mean(axis=1).T, silent.T)
