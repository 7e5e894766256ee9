"""Reads records of functions. Gives the page of `gradcheck functions`. Knows nothing of models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradcheck_cli.render.page import Page
from gradcheck_cli.render.registry import OutputOptions, output_format

__all__ = ["functions_table"]


@output_format("table", of="functions")
def functions_table(functions: Sequence[Any], options: OutputOptions) -> str:
    """Two lines a function: how it is written and what it is, then its domain and derivative.

    A record has the texts name, signature, summary, domain and derivative, and aliases.
    """
    page = Page(options)
    width = min(max((len(function.signature) for function in functions), default=0), 28)
    for function in functions:
        aliases = f" (also {', '.join(function.aliases)})" if function.aliases else ""
        first = f"{page.safe(function.signature):<{width}}  {function.summary}{aliases}"
        page.wrap(first, hanging=width + 2)
        known = [
            f"domain: {function.domain}" if function.domain else "",
            f"derivative: {function.derivative}" if function.derivative else "",
        ]
        if any(known):
            page.wrap("; ".join(filter(None, known)), indent=width + 2)
    return page.text()
