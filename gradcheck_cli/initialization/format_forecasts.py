"""Reads a case. Gives where its typical network leaves each number format, forecast and simulated.

Knows nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from gradcheck_cli.initialization.architectures import Network
from gradcheck_cli.initialization.cases import Case
from gradcheck_cli.initialization.mean_field_theory import Expected
from gradcheck_cli.initialization.options import InitOptions
from gradcheck_cli.initialization.simulation.number_formats import simulate
from gradcheck_cli.numerics.float_formats import FORMATS, NumberFormat, forecast
from gradcheck_cli.results.initialization_results import FormatForecast

__all__ = ["format_forecasts"]


def format_forecasts(
    options: InitOptions, network: Network, cases: Iterable[Case]
) -> Iterator[FormatForecast]:
    """Where the typical network leaves each number format, in both directions."""
    for case in cases:
        for name, number_format in FORMATS.items():
            predicted = _forecast(network, case.expected, number_format)
            seen: Mapping[str, Any] = {}
            if name in options.simulate:
                seen = simulate(
                    network,
                    case.setting.weights,
                    case.setting.biases,
                    number_format,
                    unit=case.setting.initializer.unit,
                    bias_unit=case.setting.initializer.bias_unit,
                    nets=options.nets,
                    inputs=options.inputs,
                    seed=options.seed,
                )
            for direction, (event, layer) in predicted.items():
                event_seen, layer_seen = seen.get(direction, (None, None))
                yield FormatForecast(
                    init=case.setting.initializer.name,
                    label=case.setting.label,
                    format=name,
                    direction=direction,
                    event=event,
                    layer=layer,
                    simulated_event=event_seen,
                    simulated_layer=layer_seen,
                    simulated=direction in seen,
                )


def _forecast(
    network: Network, expected: Expected, number_format: NumberFormat
) -> dict[str, tuple[str | None, int | None]]:
    """Event and layer: f_0 ... f_{K-1} forward, then dl/dh_K ... dl/dh_1 backward."""
    depth, widths = network.depth, network.widths[1:]
    none: tuple[str | None, int | None] = (None, None)
    ahead = forecast(expected.squares["f"] / 2, widths, number_format)
    forward = none if ahead is None or ahead[1] == depth else ahead
    if ahead is not None and (network.loss == "lsq" or ahead[0] == "overflow"):
        return {"forward": forward, "backward": ("lost", None)}
    if forward != none and not network.activation.slope(np.zeros(1)).any():  # relu'(0) = 0
        return {"forward": forward, "backward": ("all zero", depth - 1) if depth > 1 else none}
    back = forecast(expected.squares["dh"][:0:-1] / 2, widths[-2::-1], number_format)
    return {"forward": forward, "backward": none if back is None else (back[0], depth - back[1])}
