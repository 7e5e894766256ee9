"""Reads nothing until it is asked. Gives the library: load, check, explain and the results' names.

Importing the package imports neither numpy nor sympy; a name is fetched when it is first used.

>>> from gradcheck_cli import check, load
>>> report = check(load("x = (a - 2)^2"))  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradcheck_cli.api import (
        check,
        explain,
        gain,
        init_stats,
        load,
        load_claims,
        model_stats,
        save_point,
    )
    from gradcheck_cli.common.errors import GradcheckError
    from gradcheck_cli.initialization.options import InitOptions
    from gradcheck_cli.model.initializers import Initializer
    from gradcheck_cli.render.notebook import as_html as as_html
    from gradcheck_cli.render.table import as_table as as_table
    from gradcheck_cli.results.gradient_results import (
        Block,
        ClaimResult,
        Coverage,
        Entry,
        ExplainedStep,
        Explanation,
        Failure,
        Report,
        Restriction,
        Verdict,
    )
    from gradcheck_cli.results.initialization_results import (
        FormatForecast,
        GainReport,
        InitReport,
        InitSummary,
        LayerStats,
        MatrixStats,
        Outcome,
        Series,
    )

__version__ = "0.1.0"

__all__ = [
    "Block",
    "ClaimResult",
    "Coverage",
    "Entry",
    "ExplainedStep",
    "Explanation",
    "Failure",
    "FormatForecast",
    "GainReport",
    "GradcheckError",
    "InitOptions",
    "InitReport",
    "InitSummary",
    "Initializer",
    "LayerStats",
    "MatrixStats",
    "Outcome",
    "Report",
    "Restriction",
    "Series",
    "Verdict",
    "__version__",
    "check",
    "explain",
    "gain",
    "init_stats",
    "load",
    "load_claims",
    "model_stats",
    "save_point",
]

_HOMES = {
    **dict.fromkeys(
        (
            *("check", "explain", "gain", "init_stats"),
            *("load", "load_claims", "model_stats", "save_point"),
        ),
        "api",
    ),
    "GradcheckError": "common.errors",
    "as_html": "render.notebook",
    "as_table": "render.table",
    **dict.fromkeys(
        (
            *("FormatForecast", "GainReport", "InitReport", "InitSummary"),
            *("LayerStats", "MatrixStats", "Outcome", "Series"),
        ),
        "results.initialization_results",
    ),
    "InitOptions": "initialization.options",
    "Initializer": "model.initializers",
}


def __getattr__(name: str) -> Any:
    if name not in __all__ and name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home = import_module(f"{__name__}.{_HOMES.get(name, 'results.gradient_results')}")
    return getattr(home, name)


def __dir__() -> list[str]:
    return sorted(__all__)
