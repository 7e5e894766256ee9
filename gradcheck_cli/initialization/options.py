"""Reads options of init-stats. Gives the Network and its settings: variances for every initialization.

Knows nothing of what is done with them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.common.errors import OptionError, printable
from gradcheck_cli.initialization.activations import find_activation
from gradcheck_cli.initialization.architectures import QUANTITIES, STATS, Network, find_architecture
from gradcheck_cli.initialization.gaussian_expectations import critical, gain
from gradcheck_cli.model.initializers import INITIALIZERS, Initializer, check_bias_variance, find_initializer
from gradcheck_cli.numerics.float_formats import FORMATS
from gradcheck_cli.numerics.limits.initialization import DEFAULTS, InitializationLimits
from gradcheck_cli.numerics.limits.numerics import NUMERICS
from gradcheck_cli.numerics.machine import DOUBLE_BYTES, spell_bytes

__all__ = ["CHOICES", "InitOptions", "Setting", "network_of", "settings_of"]

Array = NDArray[np.float64]
CHAPTER = (0.001, 0.01, 0.02, 0.1, 1.0)  # of the experiment at width 100 in Prince 2023, chapter 7
USUAL = ("he", "auto", "glorot", "lecun", "torch-default")
_LABELS = {"he": "He", "lecun": "LeCun", "glorot": "Glorot"}


@dataclass(frozen=True, kw_only=True)
class InitOptions:
    """What init_stats looks at; the options of `gradcheck init-stats`.

    Parameters
    ----------
    depth, width, input_dim : int, optional
        Hidden layers (default 50), units of each (100), dimensions of the input (the width).
    widths : tuple of int, optional
        Input, every hidden layer, output; excludes the three above.
    inits : tuple of str or Initializer
        Such as "he", "normal:0.01"; none: the experiment of Prince 2023, chapter 7, at width 100, else
        the usual ones.
    sweep : str, optional
        "0.001:1:9log": nine variances of a normal distribution, spaced in their logarithm.
    critical : bool
        Whether to add the edge of chaos for `bias_var`.
    fan : str
        What initializers divide by: "in", "out" or "avg".
    bias_var : float
        Variance of the biases.
    activation, arch : str
        "relu", "z*erf(z)", ...; "mlp", "residual:0.5", "preln:1/sqrt(K)", "postln".
    loss : str
        "lsq", the sum of f_K^2, or "none", a fixed random direction.
    stat : str
        Over the entries of a layer: "var", "ms" (mean square) or "std".
    quantities : tuple of str
        Of "h", "f", "dh", "df", "dW", "db".
    nets, inputs, seed : int
        Networks that are drawn, inputs of each, seed of all draws.
    level : float
        Probability of the intervals.
    dtype : str
        Arithmetic of the measurement: "float64" or "float32".
    every, all_layers : int, bool
        Which layers tables show.
    simulate : tuple of str
        Number formats to run in: "float16", "bfloat16", "float32".
    memory : int
        MiB that may be held at a time.

    Examples
    --------
    >>> from gradcheck_cli import InitOptions
    >>> InitOptions(depth=20, inits=("he", "glorot")).nets
    20
    """

    depth: int | None = None
    width: int | None = None
    widths: tuple[int, ...] | None = None
    input_dim: int | None = None
    inits: tuple[str | Initializer, ...] = ()
    sweep: str | None = None
    critical: bool = False
    fan: str = "in"
    bias_var: float = 0.0
    activation: str = "relu"
    arch: str = "mlp"
    loss: str = "lsq"
    stat: str = "var"
    quantities: tuple[str, ...] = ("h", "dh")
    nets: int = DEFAULTS.networks
    inputs: int = 1
    seed: int = 0
    level: float = DEFAULTS.level
    dtype: str = "float64"
    every: int | None = None
    all_layers: bool = False
    simulate: tuple[str, ...] = ()
    memory: int = NUMERICS.memory


@dataclass(frozen=True)
class Setting:
    """One initialization of the network at hand: the variances of W_0 ... W_K and b_0 ... b_K."""

    initializer: Initializer
    weights: Array
    biases: Array
    label: str = ""
    limits: InitializationLimits = DEFAULTS

    @property
    def sigma2(self) -> float | None:
        """The variance of the weights between hidden layers; None where it differs from layer to layer."""
        return self._common(self.weights)

    @property
    def bias_variance(self) -> float | None:
        """The same of the biases."""
        return self._common(self.biases)

    @property
    def distributions(self) -> tuple[Any, Any]:
        """Settings that share these share the draws."""
        return self.initializer.unit, self.initializer.bias_unit

    def _common(self, values: Array) -> float | None:
        inner = values[1:-1] if len(values) > 2 else values[:1]
        return float(inner[0]) if np.ptp(inner) <= self.limits.same_layers * inner[0] else None


def network_of(options: InitOptions, limits: InitializationLimits = DEFAULTS) -> Network:
    """The network that is asked for. Raises OptionError for what is impossible or excludes itself."""
    _check_numbers(options)
    _check_words(options)
    _check_memory(options, limits)
    widths = _widths(options, limits)
    _check_sizes(widths, options.inputs, limits.most_entries)
    depth = len(widths) - 2
    architecture, scale = find_architecture(options.arch, depth)
    if architecture != "mlp" and len(set(widths[:-1])) > 1:
        raise OptionError(
            f"{architecture} adds layers, which need equal widths",
            help="leave --widths and --input-dim out: --width 100 gives all of them 100",
        )
    activation = find_activation(options.activation, limits)
    return Network(widths, activation, architecture, scale, options.loss)


def _widths(options: InitOptions, limits: InitializationLimits) -> tuple[int, ...]:
    if options.widths is None:
        width = limits.width if options.width is None else options.width
        depth = limits.depth if options.depth is None else options.depth
        first = width if options.input_dim is None else options.input_dim
        return (first, *[width] * depth, 1)
    for name in ("depth", "width", "input_dim"):
        if getattr(options, name) is not None:
            flag = name.replace("_", "-")
            raise OptionError(
                f"--widths and --{flag} exclude each other",
                help="--widths lists the input, every hidden layer and the output",
            )
    if len(options.widths) < 3:
        raise OptionError(
            "--widths needs three numbers or more", help="input, hidden layers, output: 784,300,100,10"
        )
    return options.widths


CHOICES = {
    "stat": STATS,
    "loss": ("lsq", "none"),
    "fan": ("in", "out", "avg"),
    "dtype": ("float64", "float32"),
}
_LOWEST = {"depth": 1, "width": 1, "input_dim": 1, "nets": 1, "inputs": 1, "every": 1, "seed": 0}


def _check_numbers(options: InitOptions) -> None:
    for name, lowest in _LOWEST.items():
        value = getattr(options, name)
        if value is not None and value < lowest:
            flag = name.replace("_", "-")
            raise OptionError(f"--{flag} is {value}", help=f"it must be {lowest} or more")
    if options.widths is not None and min(options.widths, default=1) < 1:
        raise OptionError("--widths holds a width below 1", help="such as 784,300,100,10")
    check_bias_variance(options.bias_var)
    if not 0 < options.level < 1:
        raise OptionError(f"--level is {options.level:g}", help="a probability, such as 0.9")


def _check_words(options: InitOptions) -> None:
    several = (("quantity", options.quantities, QUANTITIES), ("format", options.simulate, tuple(FORMATS)))
    single = ((name, (getattr(options, name),), known) for name, known in CHOICES.items())
    for name, given, known in (*several, *single):
        for word in given:
            if word not in known:
                raise OptionError(
                    f'there is no {name} "{printable(str(word), 20)}"', help=f"known are {', '.join(known)}"
                )


def planned_bytes(options: InitOptions, limits: InitializationLimits = DEFAULTS) -> int:
    """What a report takes: its layers, and one number of every network for each quantity and initialization.

    Parameters
    ----------
    options : depth or widths, networks, quantities, initializations
    limits : what a layer takes

    Returns
    -------
    int, bytes
    """
    layers = len(options.widths) - 2 if options.widths else options.depth or limits.depth
    settings = max(len(options.inits), limits.most_swept if options.sweep else len(CHAPTER))
    series = settings * max(1, len(options.quantities))
    return layers * (limits.layer_bytes + DOUBLE_BYTES * options.nets * series)


def _check_memory(options: InitOptions, limits: InitializationLimits) -> None:
    """Refuse before anything is made: a list of 10^9 widths alone takes 8 GB."""
    needed = planned_bytes(options, limits)
    if needed > limits.most_planned:
        raise OptionError(
            f"so many layers and networks take {spell_bytes(needed)} at a time, more than the "
            f"{spell_bytes(limits.most_planned)} of --memory",
            help="a smaller --depth or --nets; --memory raises the limit",
        )


def _check_sizes(widths: tuple[int, ...], inputs: int, most: int) -> None:
    """Networks may be deep as they like; one matrix, or one layer of all inputs, must fit into memory."""
    largest = max(a * b for a, b in pairwise(widths))
    if max(largest, max(widths) * inputs) > most:
        what = f"a weight matrix has {largest:,} entries" if largest > most else "too many inputs"
        raise OptionError(what, help=f"the limit is {most:,} numbers in one array")


def settings_of(options: InitOptions, network: Network) -> tuple[list[Setting], list[str]]:
    """Every initialization asked for, each once, in the order asked for."""
    found: dict[str, Initializer] = {}
    notes: list[str] = []
    own = gain(network.activation)
    for text in (*options.inits, *_swept(options.sweep, network.limits.most_swept)):
        one = text if isinstance(text, Initializer) else _initializer(options, own, text)
        found.setdefault(one.name, one)
    if options.critical:
        found["critical"] = _critical(network, options.bias_var, notes)
    if not found:
        usual = (network.limits.width,) * network.depth
        chapter = network.widths[1:-1] == usual and options.activation == "relu"
        names = [f"normal:{v:g}" for v in CHAPTER] if chapter and network.architecture == "mlp" else USUAL
        found = {name: _initializer(options, own, name) for name in names}
    return [_setting(options, network, one) for one in found.values()], notes


def _initializer(options: InitOptions, own_gain: float, text: str) -> Initializer:
    return find_initializer(text, own_gain).with_fan(options.fan)


def _critical(network: Network, bias_var: float, notes: list[str]) -> Initializer:
    point = critical(network.activation, bias_var)
    if point.sigma_w is None:
        raise OptionError(
            f"{network.activation.name} has no critical point at --bias-var {bias_var:g}: {point.note}",
            help="leave --critical out, or choose another --bias-var",
        )
    sigma_w = point.sigma_w
    where = f"q = {point.q:.4g}" if point.q is not None else point.note
    notes.append(
        f"edge of chaos of {network.activation.name} at bias variance {bias_var:g}: "
        f"sigma_w = {sigma_w:.4f} ({where}), that is sigma^2 = {sigma_w**2:.4g}/fan_in"
    )
    formula = f"{sigma_w**2:.6g}/fan_in"
    return Initializer("critical", lambda fan_in, fan_out: sigma_w**2 / fan_in, formula, "chi = 1")


def _swept(sweep: str | None, most: int) -> list[str]:
    """ "0.001:1:9log": nine variances from 0.001 to 1, evenly spaced in their logarithm ("lin": in them)."""
    if sweep is None:
        return []
    try:
        low, high, rest = sweep.split(":")
        count, kind = int(rest[:-3]), rest[-3:]
        first, last = float(low), float(high)
    except ValueError:
        kind, count, first, last = "", 0, 0.0, 0.0
    fits = 0 < first < math.inf or (first == 0 and kind == "lin")
    if kind not in ("log", "lin") or not (2 <= count <= most and fits and first < last < math.inf):
        raise OptionError(
            f'--sweep "{printable(sweep, 40)}" is no range',
            help="from:to:how many, from below to, then log or lin: 0.001:1:9log",
        )
    spaced = np.geomspace if kind == "log" else np.linspace
    return [f"normal:{value:.6g}" for value in spaced(first, last, count)]


def _setting(options: InitOptions, network: Network, one: Initializer) -> Setting:
    fans = [network.fans(k) for k in range(network.depth + 1)]
    weights = np.array([one.variance(*pair) for pair in fans], dtype=np.float64)
    own = one.bias_variance
    biases = [options.bias_var if own is None else own(fan_in) for fan_in, _ in fans]
    if not all(math.isfinite(v) and v >= 0 for v in (*weights, *biases)):
        raise OptionError(f"{printable(one.name, 40)} has no such variance", help="it must be 0 or more")
    return Setting(one, weights, np.array(biases), _label(one, weights, fans, network.limits), network.limits)


def _label(
    one: Initializer, weights: Array, fans: Sequence[tuple[int, int]], limits: InitializationLimits
) -> str:
    """The name of a known initializer where a plain variance equals its variance."""
    if one.name in INITIALIZERS or not one.name.startswith(("normal:", "uniform:", "trunc:")):
        return ""
    for name, label in _LABELS.items():
        known = [INITIALIZERS[name].variance(*pair) for pair in fans]
        inner = slice(1, -1) if len(fans) > 2 else slice(None)
        if np.allclose(weights[inner], known[inner], rtol=limits.same_typed, atol=0):
            return label
    return ""
