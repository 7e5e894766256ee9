"""One mistake in backprop that makes a program's gradients."""

from __future__ import annotations

import numpy as np

from gradcheck_cli import api
from gradcheck_cli.numerics.limits.programs import PROGRAMS
from gradcheck_cli.programs.mistakes import find_mistakes
from gradcheck_cli.programs.observations import Observed, Sample
from gradcheck_cli.programs.program_values import ProgramValues

MODEL = api.load("param w = 0.7, b = 0.2\nh = tanh(1.5*w + b)\nloss = h^2\n")
H = np.tanh(1.25)
SAID = "leaves out the derivative of tanh (p.py:2)"


def found(b: float, *wrong: str, most: int = PROGRAMS.most_passed_nodes) -> dict[str, str]:
    """What is said of a gradient by w without the derivative of tanh, beside one by b."""
    sample = Sample(MODEL, {"w": np.asarray(3*H), "b": np.asarray(b)}, frozenset())
    seen = Observed([sample], wrong, PROGRAMS._replace(most_passed_nodes=most))
    return find_mistakes(seen, ProgramValues(MODEL, ["p.py:1", "p.py:2", "p.py:3"], {}))


def test_one_mistake_makes_all_wrong_gradients() -> None:
    assert found(2*H, "w", "b") == {"w": SAID, "b": SAID}


def test_what_would_make_a_right_gradient_wrong_stands_alone() -> None:
    assert found(2*H*(1 - H**2), "w") == {"w": f"{SAID}, here alone"}


def test_work_is_bounded() -> None:
    assert found(2*H, "w", "b", most=len(MODEL.graph.nodes) - 1) == {}
