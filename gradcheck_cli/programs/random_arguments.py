"""Reads the arguments of a program, and a number. Gives those of a random point.

Knows nothing of what is called there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from gradcheck_cli.numerics.limits.programs import PROGRAMS, ProgramsLimits
from gradcheck_cli.numerics.limits.tracing import TRACING
from gradcheck_cli.tracing.replay import moved_arguments

__all__ = ["random_arguments"]


def random_arguments(
    number: int, arguments: Mapping[str, Any], parameters: Collection[str],
    limits: ProgramsLimits = PROGRAMS,
) -> dict[str, Any]:
    """The arguments at a random point, in a direction of its own, at one of a few distances.

    Parameters
    ----------
    number : of the point, from 1; the seed
    arguments : the given point
    parameters : the names of the arrays that are moved
    limits : how far they are moved, one point after the other

    Returns
    -------
    dict
        Arguments by name.
    """
    distances = limits.random_distances
    seeded = TRACING._replace(seed=number)
    return moved_arguments(arguments, parameters, distances[(number - 1) % len(distances)], seeded)
