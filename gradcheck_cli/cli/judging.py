"""Reads the path of a model and the options of `run`. Gives its reports, also of what cannot be read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from gradcheck_cli.cli.delivery import as_path, load_model, with_progress
from gradcheck_cli.cli.failures import internal
from gradcheck_cli.cli.options import LOADING, Result
from gradcheck_cli.common.errors import GradcheckError, OptionError
from gradcheck_cli.numerics.limits.checking import CHECKING

if TYPE_CHECKING:
    from gradcheck_cli.model.model import Model
    from gradcheck_cli.results.gradient_results import Report

__all__ = ["Judged", "judge", "refuse_point", "unread"]

_OPTIONS = (
    "points", "digits", "budget", "memory", "scheme", "at", "wrt", "strict", "carry", "hint", "show_truth",
    "require_claims", "all_entries", "against", "flat", "seconds",
    "random",
)  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """A report, and the exit code of the error that it is on, 0 for others."""

    report: Report
    code: int = 0


def judge(
    path: str, chosen: Mapping[str, Any], used: list[Model] | None = None, *, raises: bool = False
) -> Iterator[Judged]:
    """One report, or one for each file of claims.

    Parameters
    ----------
    path
        Of the model; "-" is standard input.
    chosen
        The options of `run`.
    used
        Takes the model where its point is to be kept.
    raises
        Whether an error is raised, because there is no other file.
    """
    loading = {name: chosen[name] for name in LOADING}
    model = _attempt(path, None, partial(load_model, path, loading), raises)
    if isinstance(model, Judged):
        yield model
        return
    if chosen["save_point"] and used is not None:
        refuse_point(chosen, model.files)
        used.append(model)
    for claims in chosen["claims"] or (None,):
        found = _attempt(path, claims, partial(_check, model, claims, chosen), raises)
        yield found if isinstance(found, Judged) else Judged(found)


def refuse_point(chosen: Mapping[str, Any], sources: Sequence[str]) -> None:
    """Refuse, before any work, a file of --save-point that is read, or written for --output."""
    from gradcheck_cli import api

    target, text = chosen["save_point"], chosen["output"]
    if text and os.path.abspath(text) == os.path.abspath(target):
        raise OptionError("--output and --save-point name one file", help="name two")
    api.check_point_path(target, sources)


def unread(problem: GradcheckError, path: str, claims: str | None = None) -> Judged:
    """The report of a file that could not be judged."""
    from gradcheck_cli import api

    return Judged(api.unreadable(problem, path, claims), problem.exit_code)


def _check(model: Model, claims: str | None, chosen: Mapping[str, Any]) -> Report:
    from gradcheck_cli import api

    given = None
    if claims is not None:
        from gradcheck_cli.api.models import claims_and_notes

        given, notes = claims_and_notes(as_path(claims), model)
        model = replace(model, notes=(*model.notes, *notes))
    asked = {name: chosen[name] for name in _OPTIONS if chosen[name]}  # the rest: as `set`
    asked |= {} if claims is None else {"claims_file": claims}
    if "wrt" in asked:
        asked["wrt"] = tuple(name.strip() for text in asked["wrt"] for name in text.split(","))
    check = partial(api.check, model, claims=given, **asked)
    operations = model.rows * len(model.graph.nodes) if model.rows else 0
    long = operations >= CHECKING.long_run and not chosen["quiet"]
    return with_progress(check, "taking the rows") if long else check()


def _attempt(
    file: str, claims: str | None, work: Callable[[], Result], raises: bool
) -> Result | Judged:
    """What `work` gives, or a report on why it could not: the other files are still run."""
    try:
        return work()
    except GradcheckError as error:
        problem = error
    except MemoryError:
        problem = GradcheckError("there is not enough memory for this model", file=file)
    except Exception as error:
        problem = internal(error)
    if raises:
        raise problem
    return unread(problem, file, claims)
