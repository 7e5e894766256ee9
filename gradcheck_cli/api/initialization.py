"""Reads options, a user's model, or an activation. Gives what an initialization does to a deep network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gradcheck_cli.api.models import load, load_text
from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.numerics.limits.initialization import DEFAULTS

if TYPE_CHECKING:
    from gradcheck_cli.initialization.options import InitOptions
    from gradcheck_cli.model.model import Model
    from gradcheck_cli.results.initialization_results import GainReport, InitReport

__all__ = ["gain", "init_stats", "model_stats"]


def init_stats(
    options: InitOptions | None = None, *, progress: Callable[[float], None] | None = None
) -> InitReport:
    """Measure and predict what an initialization does to activations and gradients of a deep network.

    Parameters
    ----------
    options : InitOptions, optional
        Network, initializers and statistics; default: 50 ReLU layers of 100 units under five variances.
    progress : callable, optional
        Called with the fraction that is done, 0 to 1.

    Returns
    -------
    InitReport
        One Series for each quantity under each initializer, in log10 of the statistic layer by layer,
        measured beside predicted, and one InitSummary with verdict and cause for each initializer.

    Raises
    ------
    OptionError
        An option is impossible, or two exclude each other.

    Examples
    --------
    >>> from gradcheck_cli import InitOptions, init_stats
    >>> report = init_stats(InitOptions(depth=20, width=50, inits=("he", "lecun"), nets=5))
    >>> [(summary.init, str(summary.verdict)) for summary in report.inits]
    [('he', 'stable'), ('lecun', 'VANISHES')]
    """
    from gradcheck_cli.initialization.experiment import init_stats as run
    from gradcheck_cli.initialization.options import InitOptions
    from gradcheck_cli.numerics.limits.table import LIMITS

    options = options or InitOptions()
    return run(options, progress, LIMITS.within_memory(options.memory).initialization)


def model_stats(
    path_or_text: Path | bytes,
    *,
    nets: int = DEFAULTS.networks,
    seed: int | None = None,
    stat: str = "var",
    level: float = DEFAULTS.level,
    quantities: Sequence[str] = ("h", "dh"),
    every: int | None = None,
    all_layers: bool = False,
    memory: int | None = None,
) -> InitReport:
    r"""Measure the weight matrices of a user's model, and the sizes of its steps and their gradients.

    Parameters
    ----------
    path_or_text : Path or bytes
        A path, or the text of a model.
    nets : int
        How many seeds it is read with, so that what it draws is drawn again; once where it draws nothing.
    seed : int, optional
        The first of them; default: that of the model.
    stat : str
        Of the entries of a step: "var", their variance, "ms", their mean square, "std".
    level : float
        Probability of the intervals, between 0 and 1.
    quantities : sequence of str
        "h", the values of steps, and "dh", the loss differentiated by them.
    every, all_layers : int, bool
        Which layers tables show.
    memory : int, optional
        MiB that one draw may hold at a time beyond the data; default 1,024.

    Returns
    -------
    InitReport
        One MatrixStats for each parameter with two axes, one Series for each quantity.

    Raises
    ------
    LanguageError, DataError
        The model or its data cannot be read.
    OptionError
        An option is impossible, one draw needs more memory, or no draw has a finite loss.

    Examples
    --------
    >>> from gradcheck_cli import model_stats
    >>> text = b"data x[3] = [1, -2, 1]\nparam W[400, 3] ~ he\nloss = sum(relu(W @ x)^2)"
    >>> [(matrix.name, matrix.shape, matrix.remark) for matrix in model_stats(text).matrices]
    [('W', (400, 3), 'He')]
    """
    from gradcheck_cli.evaluation.memory_plan import require_memory
    from gradcheck_cli.initialization.user_model.model_stats import model_stats as run
    from gradcheck_cli.numerics.limits.numerics import NUMERICS

    def draw(seed: int | None) -> Model:
        if isinstance(path_or_text, bytes):
            return load_text(path_or_text, file="-", folder=Path(), seed=seed)
        return load(path_or_text, seed=seed)

    if nets < 1:
        raise OptionError(f"--nets is {nets}", help="it must be 1 or more")
    first = draw(seed)
    require_memory(first, NUMERICS.memory if memory is None else memory)
    drawn = any(p.origin in ("drawn", "free") for p in first.parameters())
    more = range(first.seed + 1, first.seed + nets) if drawn else range(0)
    draws = [first, *map(draw, more)]
    return run(
        draws, stat=stat, level=level, quantities=quantities, every=every, all_layers=all_layers
    )


def gain(activation: str, *, bias_var: float = 0.0) -> GainReport:
    """Give gain, fixed point and critical point of an activation function.

    Parameters
    ----------
    activation : str
        A name ("relu", "leaky_relu:0.2") or an expression in z ("z*sigmoid(z)").
    bias_var : float
        Variance of the biases at the critical point, sigma_b^2.

    Returns
    -------
    GainReport
        Expectations over a standard normal z, without unit; `gain` is 1/sqrt(E phi(z)^2).

    Raises
    ------
    OptionError
        The name is unknown, the function is not finite everywhere, or the variance is negative.
    LanguageError
        The expression cannot be read.

    References
    ----------
    Schoenholz et al. 2017 (fixed and critical points).

    Examples
    --------
    >>> from gradcheck_cli import gain
    >>> found = gain("relu")
    >>> round(found.gain**2, 9), found.fixed_point
    (2.0, 'neutral')
    """
    from gradcheck_cli.initialization.activations import find_activation
    from gradcheck_cli.initialization.gaussian_expectations import describe
    from gradcheck_cli.model.initializers import check_bias_variance

    return describe(find_activation(activation), check_bias_variance(bias_var))
