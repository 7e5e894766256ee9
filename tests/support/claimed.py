"""Reads a model with claims. Gives what is said of the claims, without the columns of the parameters."""

from __future__ import annotations

from typing import Any

from gradcheck_cli import api
from gradcheck_cli.model.model import Model
from gradcheck_cli.results.gradient_results import ClaimResult


def judged_alone(model: Model, **options: Any) -> list[ClaimResult]:
    """The results of the claims, by default at the given point and one other. Of derivatives the run computes
    d loss/d loss, by the scheme with the fewest samples, and what claims need."""
    asked = {"points": 2, "wrt": (model.loss,), "scheme": "central", **options}
    return list(api.check(model, **asked).claims)
