"""Ratios of times, measured in turns: what one takes in units of what the other takes right before."""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable, Mapping

Call = Callable[[], object]


def seconds(call: Call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def ratios(unit: Call, cases: Mapping[str, Call], runs: int) -> dict[str, float]:
    """The median over the runs of the time of each case, in units of `unit` in the same run. One run that
    does not count goes before, if there are several."""
    found: dict[str, list[float]] = {name: [] for name in cases}
    for run in range(-1 if runs > 1 else 0, runs):
        base = seconds(unit)
        for name, call in cases.items():
            taken = seconds(call)
            if run >= 0:
                found[name].append(taken / base)
    return {name: statistics.median(each) for name, each in found.items()}


def tell(title: str, unit: str, found: Mapping[str, float]) -> None:
    print(f"\n{title}; {unit} = 1")
    for name, ratio in found.items():
        print(f"{ratio:>12,.2f}  {name}")


def has(peer: str) -> bool:
    found = importlib.util.find_spec(peer) is not None
    if not found:
        print(f"{peer} is not installed")
    return found
