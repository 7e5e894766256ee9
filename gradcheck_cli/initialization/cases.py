"""Reads options and settings. Gives cases: what was measured and predicted for each initialization.

Knows nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.initialization.architectures import Network
from gradcheck_cli.initialization.mean_field_theory import Expected, predict
from gradcheck_cli.initialization.options import InitOptions, Setting
from gradcheck_cli.initialization.simulation.measure import Measured, measure
from gradcheck_cli.model.initializers import unit_orthogonal
from gradcheck_cli.results.initialization_results import Series

__all__ = ["Case", "measure_cases", "shown_quantities"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """What was measured and what was predicted for one initialization."""

    setting: Setting
    measured: Mapping[str, Array]  # quantity -> (nets, K+1)
    dead: Array  # (nets,)
    dead_units: float
    expected: Expected
    series: dict[str, Series] = field(default_factory=dict)


def shown_quantities(options: InitOptions) -> tuple[str, ...]:
    """What is asked for, and what verdicts stand on."""
    return tuple(dict.fromkeys((*options.quantities, "h", "dh")))


def measure_cases(
    options: InitOptions,
    network: Network,
    settings: list[Setting],
    progress: Callable[[float], None],
) -> list[Case]:
    """Settings with the same distributions share their draws, and often the whole pass."""
    groups: dict[tuple[Any, Any], list[int]] = {}
    for position, setting in enumerate(settings):
        groups.setdefault(setting.distributions, []).append(position)
    found: dict[int, Case] = {}
    for positions in groups.values():
        group = [settings[position] for position in positions]
        before = len(found)

        def part(done: float, before: int = before, size: int = len(group)) -> None:
            progress((before + done * size) / len(settings))

        measured, expected = _measure(options, network, group, part), _predict(options, network, group)
        for row, position in enumerate(positions):
            found[position] = _case(settings[position], measured, expected[row], row)
    return [found[position] for position in range(len(settings))]


def _measure(
    options: InitOptions, network: Network, group: list[Setting], progress: Callable[[float], None]
) -> Measured:
    first = group[0].initializer
    return measure(
        network,
        np.stack([setting.weights for setting in group]),
        np.stack([setting.biases for setting in group]),
        unit=first.unit,
        bias_unit=first.bias_unit,
        nets=options.nets,
        inputs=options.inputs,
        seed=options.seed,
        stat=options.stat,
        dtype=options.dtype,
        quantities=shown_quantities(options),
        progress=progress,
    )


def _predict(options: InitOptions, network: Network, group: list[Setting]) -> list[Expected]:
    return predict(
        network,
        np.stack([setting.weights for setting in group]),
        np.stack([setting.biases for setting in group]),
        stat=options.stat,
        orthogonal=group[0].initializer.unit is unit_orthogonal,
    )


def _case(setting: Setting, measured: Measured, expected: Expected, row: int) -> Case:
    return Case(
        setting,
        {name: found[row] for name, found in measured.log10.items()},
        measured.dead[row],
        float(np.mean(measured.dead_units[row])),
        expected,
    )
