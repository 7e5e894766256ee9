"""Reads the options of `run`. Gives the reports of all files, and the exit code."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from gradcheck_cli.cli.delivery import as_path, deliver, load_model, tell, with_progress
from gradcheck_cli.cli.failures import internal
from gradcheck_cli.cli.group import commands
from gradcheck_cli.cli.options import (
    LOADING,
    Count,
    Memory,
    Result,
    file_type,
    loading_options,
    output_options,
)
from gradcheck_cli.common import atomic_output
from gradcheck_cli.common.errors import GradcheckError, OptionError
from gradcheck_cli.numerics.limits.checking import CHECKING

if TYPE_CHECKING:
    from gradcheck_cli.model.model import Model
    from gradcheck_cli.results.gradient_results import Report


@commands.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...", type=file_type)
@output_options("run")
@click.option("-q", "--quiet", count=True, help="One line a model; -qq nothing but the exit code.")
@click.option("-v", "--verbose", is_flag=True, help="Every row, every claim, every table.")
@loading_options
@click.option("--points", type=click.IntRange(1, CHECKING.most_points),
              help="Points in all, the given one first.")  # fmt: skip
@click.option("--digits", type=click.IntRange(1, CHECKING.most_digits), help="Digits that must be proved.")
@click.option("--budget", type=Count(), metavar="OPERATIONS",
              help="High-precision work of a model; less is quicker (default: 12000000).")  # fmt: skip
@click.option("--memory", type=Memory(), metavar="MIB|GIB",
              help="Most held at a time beyond the data: 512MiB, 2GiB (default: 1GiB).")  # fmt: skip
@click.option("--scheme", metavar="NAME", help="Finite-difference scheme.")
@click.option("--at", multiple=True, metavar="NAME=VALUE", help="Another value for a name.")
@click.option("--wrt", multiple=True, metavar="NAME", help="Differentiate by these, also data.")
@click.option("--claims", multiple=True, metavar="FILE", type=file_type,
              help="Judge only the claims of FILE; one report each.")  # fmt: skip
@click.option("--require-claims", is_flag=True,
              help="A parameter is WRONG if it, or what it rests on, is unclaimed.")  # fmt: skip
@click.option("--hint", type=click.Choice(["none", "where", "kind", "truth"]),
              help="What a wrong claim is told (default: the kind of mistake).")  # fmt: skip
@click.option("--show-truth", is_flag=True, help="The same as --hint truth: the right formula.")
@click.option("--carry", is_flag=True, help="Show the value your own chain of claims carries.")
@click.option("--strict", is_flag=True, help="A claim that is right under a restriction only is WRONG.")
@click.option("--all-entries", is_flag=True, help="Every entry of blocks beyond 10,000.")
@click.option("--save-point", type=file_type, metavar="FILE.npz",
              help="Keep the values of all data and parameters in FILE.")  # fmt: skip
def run(models: tuple[str, ...], **chosen: Any) -> int:
    """Judge the gradients and the claims of model files ("-": standard input).

    \b
    Example:  gradcheck run toy.txt
              gradcheck run toy.txt --claims alice.txt --claims bob.txt
    Exit codes: 0 ok (or KINK), 1 WRONG, 3 UNRESOLVED, 2 a file could not be
    read; over several files 70 > 2 > 1 > 3 > 0.
    """
    _refuse_impossible(models, chosen)
    codes: list[int] | None = None if _is_told(models, chosen) else []
    used: list[Model] = []
    reports = [report for path in models for report in _reports(path, chosen, codes, used)]
    from gradcheck_cli.results.gradient_results import exit_code

    verbosity = 1 if chosen["verbose"] else -chosen["quiet"]
    if chosen["format_name"] == "table" and verbosity > -2:
        _tell_errors(reports)
    if verbosity > -2 or chosen["output"]:
        deliver(reports, "run", chosen, verbosity)
    if used and chosen["save_point"] and any(report.error is None for report in reports):
        _save_point(used[0], chosen)
    return 70 if codes and 70 in codes else exit_code(report.verdict for report in reports)


def _is_told(models: tuple[str, ...], chosen: dict[str, Any]) -> bool:
    """Whether the message says all there is to say of a file that cannot be read: then no report of it is
    made, which would take a tenth of the time."""
    plain = chosen["format_name"] == "table" and not (chosen["quiet"] or chosen["output"])
    return len(models) == 1 and not chosen["claims"] and plain


def _refuse_point(chosen: dict[str, Any], sources: Sequence[str]) -> None:
    from gradcheck_cli import api

    target, text = chosen["save_point"], chosen["output"]
    if text and os.path.abspath(text) == os.path.abspath(target):
        raise OptionError("--output and --save-point name one file", help="name two")
    api.check_point_path(target, sources)


def _save_point(model: Model, chosen: dict[str, Any]) -> None:
    from gradcheck_cli import api

    api.save_point(model, chosen["save_point"], at=chosen["at"])


def _refuse_impossible(models: tuple[str, ...], chosen: dict[str, Any]) -> None:
    if models.count("-") > 1:
        raise OptionError('"-" is given twice', help="standard input holds one model")
    if chosen["quiet"] and chosen["verbose"]:
        raise OptionError("-q and -v exclude each other", help="choose one of them")
    if chosen["show_truth"] and chosen["hint"] not in (None, "truth"):
        asked = f"--hint {chosen['hint']}"
        raise OptionError(f"--show-truth and {asked} exclude each other", help="choose one of them")
    if chosen["output"] not in (None, "-"):
        atomic_output.check_target(chosen["output"], (*models, *chosen["claims"]))
    if chosen["save_point"]:
        if len(models) > 1:
            raise OptionError(
                f"--save-point keeps the point of one model, and {len(models)} are given",
                help="run them one by one, each with a file of its own",
            )
        _refuse_point(chosen, (*models, *chosen["claims"]))


def _reports(
    path: str, chosen: dict[str, Any], codes: list[int] | None, used: list[Model]
) -> Iterator[Report]:
    """One report, or one for each file of claims; an unreadable file is a report, too.

    The model goes into `used` where its point is to be kept.
    """
    loading = {name: chosen[name] for name in LOADING}
    model = _attempt(path, None, partial(load_model, path, loading), codes)
    from gradcheck_cli.results.gradient_results import Report

    if isinstance(model, Report):
        yield model
        return
    if chosen["save_point"]:
        _refuse_point(chosen, model.files)
        used.append(model)
    for claims in chosen["claims"] or (None,):
        yield _attempt(path, claims, partial(_check, model, claims, chosen), codes)


def _check(model: Model, claims: str | None, chosen: dict[str, Any]) -> Report:
    from gradcheck_cli import api

    names = (
        "points", "digits", "budget", "memory", "scheme", "at", "wrt", "strict", "carry", "hint",
        "show_truth",
    )  # fmt: skip
    options = {name: chosen[name] for name in (*names, "require_claims", "all_entries")}
    given = None if claims is None else api.load_claims(as_path(claims), model)
    asked = {name: value for name, value in options.items() if value}  # the rest: as `set`
    asked |= {} if claims is None else {"claims_file": claims}
    check = partial(api.check, model, claims=given, **asked)
    operations = model.rows * len(model.graph.nodes) if model.rows else 0
    long = operations >= CHECKING.long_run and not chosen["quiet"]
    return with_progress(check, "taking the rows") if long else check()


def _attempt(
    file: str, claims: str | None, work: Callable[[], Result], codes: list[int] | None
) -> Result | Report:
    """What `work` gives, or a report on why it could not: the other files are still run.

    Without `codes` there is no other file, and the error is raised.
    """
    try:
        return work()
    except GradcheckError as error:
        problem = error
    except MemoryError:
        problem = GradcheckError("there is not enough memory for this model", file=file)
    except Exception as error:
        problem = internal(error)
    if codes is None:
        raise problem
    from gradcheck_cli import api

    codes.append(problem.exit_code)
    return api.unreadable(problem, file, claims)


def _tell_errors(reports: Sequence[Report]) -> None:
    from gradcheck_cli.results.gradient_results import Verdict

    for report in reports:
        if report.verdict is Verdict.ERROR and report.error is not None:
            tell("\n".join(failure.text or failure.message for failure in report.errors or (report.error,)))
