"""Reads what gain found out about activations. Gives its screen. Knows nothing of integrals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from gradcheck_cli.render import numbers
from gradcheck_cli.render.page import Page
from gradcheck_cli.render.registry import OutputOptions, output_format
from gradcheck_cli.render.sections import hung
from gradcheck_cli.render.text_encoding import join_parts
from gradcheck_cli.results.initialization_results import GainReport

__all__ = ["gain_table"]

_LABEL, _VALUE = 13, 11
_FIXED_POINTS = {
    "attracts": "variances return to q = 1",
    "repels": "variances drift away from q = 1",
    "neutral": "every q stays where it is",
}


@output_format("table", of="gain")
def gain_table(gains: Sequence[GainReport], options: OutputOptions) -> str:
    """Each activation with its gain, what that does to gradients, and its critical point."""
    page = Page(options)
    for one in gains if options.verbosity > -2 else ():
        page.blank()
        page.wrap(one.formula)
        for label, value, text in _gain_lines(one):
            hung(page, f"  {label:<{_LABEL}}{value:<{_VALUE}}", text)
        for note in one.notes:
            page.wrap(f"note: {note}", indent=2, hanging=6)
    return page.text()


def _gain_lines(one: GainReport) -> Iterator[tuple[str, str, str]]:
    yield "gain", f"{one.gain:.7g}", f"1/sqrt(E phi^2); {_torch(one)}"
    moments = (("E phi", one.mean), ("E phi^2", one.second_moment), ("E phi'^2", one.slope_moment))
    yield "moments", "", ", ".join(f"{name} = {value:.6g}" for name, value in moments)
    multiplies = "gain^2 E phi'^2: what one layer multiplies the gradient's variance by"
    yield "chi", f"{one.chi:.4g}", multiplies
    yield "chi^50", f"{one.chi_50:.2g}", "over 50 layers"
    meaning = _FIXED_POINTS.get(one.fixed_point, "")
    slope = f"d ln q'/d ln q = {numbers.decimals(one.fixed_point_slope, 3)}"
    yield "fixed point", one.fixed_point, "; ".join(filter(None, (meaning, slope)))
    yield "critical", "", _critical(one)
    if one.kinks:
        yield "kinks", "", f"z = {', '.join(f'{z:.6g}' for z in one.kinks)}"


def _torch(one: GainReport) -> str:
    if one.torch_gain is None:
        return "PyTorch's calculate_gain does not know it"
    if math.isclose(one.torch_gain, one.gain, rel_tol=1e-6):
        return "PyTorch's calculate_gain says the same"
    return f"PyTorch's calculate_gain says {numbers.number(one.torch_gain, 7)}"


def _critical(one: GainReport) -> str:
    """Where neither variances nor gradients change, with the bias variance it holds for."""
    biases = f"bias variance {one.bias_variance:.4g}"
    if one.critical_sigma_w is None:
        return f"none ({biases}){f': {one.critical_note}' if one.critical_note else ''}"
    where = "" if one.critical_q is None else f"at q = {one.critical_q:.4g}"
    words = " ".join(filter(None, (f"sigma_w = {one.critical_sigma_w:.6g}", where)))
    return f"{join_parts((words, one.critical_note))} ({biases}); a weight's variance is sigma_w^2/fan_in"
