"""Reads results. Gives their text in one of the formats. Knows nothing of how they arose."""

from gradcheck_cli.render import (  # each registers its formats
    contract,
    delimited,
    explained,
    gains,
    initstats,
    latex,
    markdown,
    plot,
    reference,
    table,
)
from gradcheck_cli.render.registry import OutputOptions, formats, output_format, render

__all__ = [
    "OutputOptions",
    "contract",
    "delimited",
    "explained",
    "formats",
    "gains",
    "initstats",
    "latex",
    "markdown",
    "output_format",
    "plot",
    "reference",
    "render",
    "table",
]
