"""Reads weight matrices. Gives what they were drawn from, and known mistakes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from gradcheck_cli.initialization.user_model.layout import Layout
from gradcheck_cli.initialization.user_model.measurement import Array, Measured
from gradcheck_cli.model.initializers import INITIALIZERS, TRUNCATED_VARIANCE, find_initializer
from gradcheck_cli.results.initialization_results import MatrixStats

__all__ = ["display_names", "matrix_stats"]


def display_names(layout: Layout, names: Iterable[str]) -> list[str]:
    """Names as the author wrote them."""
    return [layout.model.display(name) for name in names]


_NOT_USED = "in no product @ on the way to the loss"
_KNOWN = {"he": "He", "glorot": "Glorot", "lecun": "LeCun", "torch-default": "torch-default"}
_FORMULAS: Mapping[str, Callable[[float, float], float]] = {
    name: INITIALIZERS[name].variance if name in INITIALIZERS else find_initializer(name, 1.0).variance
    for name in _KNOWN
}


def matrix_stats(layout: Layout, measured: Measured, name: str) -> MatrixStats:
    """Over all draws together, if they differ."""
    drawn = measured.weights[name]
    same = all(np.array_equal(one, drawn[0]) for one in drawn)
    values = np.ravel(drawn[0] if same else np.stack(drawn))
    item = layout.model.inputs[name]
    fans = layout.fans(name)
    with np.errstate(all="ignore"):
        mean, variance = float(np.mean(values)), float(np.var(values))
        allowed = layout.limits.remark_errors
        remark = _remark(values, variance, fans, allowed) if name in layout.uses else _NOT_USED
    return MatrixStats(
        name=item.display,
        line=item.line,
        shape=item.shape,
        mean=mean,
        variance=variance,
        ratios={known: variance / formula(*fans) for known, formula in _FORMULAS.items()},
        remark=remark,
    )


def _remark(values: Array, variance: float, fans: tuple[int, int], allowed: float) -> str:
    """Whose variance this is; else the mistake that gives it. At most two names, none if more would fit."""
    if values.min() == values.max():
        return "all entries are equal" if values.any() else "all entries are 0"
    reach = allowed * _relative_error(values)
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
