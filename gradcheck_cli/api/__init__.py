"""The library: models, gradients, initialization. The command line is a skin over these functions.

A function's module is imported when the function is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradcheck_cli.api.gradient_arrays import at_arrays, check_gradient
    from gradcheck_cli.api.gradients import FunctionRecord, check, explain, functions, unreadable
    from gradcheck_cli.api.initialization import gain, init_stats, model_stats
    from gradcheck_cli.api.models import (
        check_point_path,
        load,
        load_claims,
        load_text,
        save_point,
        show,
    )
    from gradcheck_cli.api.programs import check_program, trace

__all__ = [
    "FunctionRecord", "at_arrays", "check", "check_gradient", "check_point_path", "check_program",
    "explain", "functions", "gain", "init_stats", "load", "load_claims", "load_text", "model_stats",
    "save_point", "show", "trace", "unreadable",
]  # fmt: skip

_HOMES = {
    **dict.fromkeys(("FunctionRecord", "check", "explain", "functions", "unreadable"), "gradients"),
    **dict.fromkeys(("at_arrays", "check_gradient"), "gradient_arrays"),
    **dict.fromkeys(("gain", "init_stats", "model_stats"), "initialization"),
    **dict.fromkeys(("check_program", "trace"), "programs"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'models')}"), name)
