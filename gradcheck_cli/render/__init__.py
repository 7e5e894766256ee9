"""Reads results. Gives their text in one of the formats. Knows nothing of how they arose."""

from gradcheck_cli.render.registry import OutputOptions, formats, output_format, render

__all__ = ["OutputOptions", "formats", "output_format", "render"]
