"""Reads the options of `run`. Gives the reports of all files, and the exit code."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from gradcheck_cli.cli.delivery import deliver_each, files_in, tell
from gradcheck_cli.cli.group import commands
from gradcheck_cli.cli.judging import Judged, judge, refuse_point
from gradcheck_cli.cli.model_files import find_models
from gradcheck_cli.cli.options import (
    Count,
    Memory,
    against_options,
    check_against,
    fail_on_option,
    file_type,
    loading_options,
    output_options,
    random_option,
    refuse_two_counts,
)
from gradcheck_cli.cli.own_output import keep_output
from gradcheck_cli.common import atomic_output
from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.numerics.limits.checking import CHECKING

if TYPE_CHECKING:
    from gradcheck_cli.model.model import Model
    from gradcheck_cli.results.gradient_results import Report, Verdict

_MOST_NAMED = 4  # files in a note

@commands.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...", type=file_type)
@output_options("run")
@click.option("-q", "--quiet", count=True, help="One line a model; -qq nothing but the exit code.")
@click.option("-v", "--verbose", is_flag=True, help="Every row, every claim, every table.")
@loading_options
@click.option("--points", type=click.IntRange(1, CHECKING.most_points),
              help="Points in all, the given one first.")  # fmt: skip
@random_option
@click.option("--digits", type=click.IntRange(1, CHECKING.most_digits), help="Digits that must be proved.")
@click.option("--budget", type=Count(), metavar="OPERATIONS",
              help="High-precision work of a model; less is quicker (default: 12000000).")  # fmt: skip
@click.option("--memory", type=Memory(), metavar="MIB|GIB",
              help="Most held at a time beyond the data: 512MiB, 2GiB (default: 1GiB).")  # fmt: skip
@click.option("--scheme", metavar="NAME", help="Finite-difference scheme.")
@click.option("--at", multiple=True, metavar="NAME=VALUE|POINT",
              help="Another value, or all of FILE.npz, FILE.json, FILE.py:FUNCTION.")  # fmt: skip
@click.option("--wrt", multiple=True, metavar="A,B", help="Differentiate by these, also data.")
@click.option("--claims", multiple=True, metavar="FILE", type=file_type,
              help="Judge only the claims of FILE; one report each.")  # fmt: skip
@click.option("--require-claims", is_flag=True,
              help="A parameter is WRONG if it, or what it rests on, is unclaimed.")  # fmt: skip
@click.option("--hint", type=click.Choice(["verdict", "none", "where", "kind", "truth"]),
              help="What a wrong claim is told (default: the kind of mistake).")  # fmt: skip
@click.option("--show-truth", is_flag=True, help="The same as --hint truth: the right formula.")
@click.option("--carry", is_flag=True, help="Show the value your own chain of claims carries.")
@click.option("--strict", is_flag=True, help="A claim that is right under a restriction only is WRONG.")
@click.option("--all-entries", is_flag=True, help="Every entry of blocks beyond 10,000.")
@against_options
@click.option("--save-point", type=file_type, metavar="FILE.npz",
              help="Keep the values of all data and parameters in FILE.")  # fmt: skip
@click.option("-x", "--exitfirst", is_flag=True, help="Stop after the first model that fails.")
@click.option("-j", "--jobs", type=click.IntRange(0), default=1, metavar="N",
              help="Judge N models at a time; 0: as many as there are processors.")  # fmt: skip
@fail_on_option
def run(models: tuple[str, ...], **chosen: Any) -> int:
    """Judge the gradients and the claims of model files ("-": standard input).

    A folder stands for its models: *.gradcheck, and *.txt with a declaration.

    \b
    Example:  gradcheck run toy.txt
              gradcheck run toy.txt --claims alice.txt --claims bob.txt
              gradcheck run models -q -j 2
    Exit codes: 0 ok (or KINK), 1 WRONG, 3 UNRESOLVED, 2 a file could not be
    read; over several files 70 > 2 > 1 > 3 > 0.
    """
    if chosen["against"] or chosen["at"]:
        keep_output()
    found = find_models(models)
    _refuse_impossible(found.files, chosen)
    _tell_left_out(found.left_out, chosen)
    used: list[Model] = []
    outcome = _Outcome(chosen)
    reports = outcome.watch(_judge_all(found.files, chosen, used))
    if outcome.verbosity > -2 or chosen["output"]:
        deliver_each(reports, "run", chosen, outcome.verbosity, _labels(found.files, chosen))
    deque(reports, maxlen=0)  # what nobody reads is judged, too
    if used and outcome.is_read:
        _save_point(used[0], chosen)
    return outcome.code


class _Outcome:
    """What the reports of a run add up to."""

    def __init__(self, chosen: dict[str, Any]) -> None:
        self._chosen = chosen
        self._codes: set[int] = set()
        self._verdicts: set[Verdict] = set()
        self.is_read = False  # whether any model was
        self.verbosity: int = 1 if chosen["verbose"] else -chosen["quiet"]

    def watch(self, judged: Generator[Judged]) -> Generator[Report]:
        """The reports as they come; with --exitfirst up to the first that makes the exit code."""
        tells = self._chosen["format_name"] == "table" and self.verbosity > -2
        with closing(judged):
            for each in judged:
                self._codes.add(each.code)
                self._verdicts.add(each.report.verdict)
                self.is_read = self.is_read or each.report.error is None
                if tells:
                    _tell_error(each.report)
                yield each.report
                if self._chosen["exitfirst"] and self.code:
                    return

    @property
    def code(self) -> int:
        """The exit code."""
        from gradcheck_cli.results.gradient_results import exit_code

        return 70 if 70 in self._codes else exit_code(self._verdicts, self._chosen["fail_on"])


def _judge_all(files: Sequence[str], chosen: dict[str, Any], used: list[Model]) -> Generator[Judged]:
    """The reports of all files in their order, by this process, or by several."""
    jobs = chosen["jobs"]
    if len(files) > 1 and jobs != 1:
        from gradcheck_cli.cli.workers import judge_in_order, processors

        jobs = min(jobs or processors(), len(files))
    if len(files) == 1 or jobs == 1:
        for path in files:
            yield from judge(path, chosen, used, raises=_is_told(files, chosen))
        return
    with closing(judge_in_order(files, chosen, jobs, lambda path: path == "-")) as answers:
        for answer in answers:
            yield from answer


def _labels(files: Sequence[str], chosen: dict[str, Any]) -> list[str]:
    """What the reports will be of."""
    judged = chosen["claims"]
    return [f"{path}, claims of {claims}" for path in files for claims in judged] if judged else list(files)


def _tell_left_out(paths: Sequence[str], chosen: dict[str, Any]) -> None:
    """That texts of a folder are no models."""
    if paths and not chosen["quiet"]:
        more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
        tell(f"note: left out, with no param, data or rows: {', '.join(paths[:_MOST_NAMED])}{more}")


def _is_told(models: Sequence[str], chosen: dict[str, Any]) -> bool:
    """Whether the message says all there is to say of a file that cannot be read: then no report of it is
    made, which would take a tenth of the time."""
    plain = chosen["format_name"] == "table" and not (chosen["quiet"] or chosen["output"])
    return len(models) == 1 and not chosen["claims"] and plain


def _save_point(model: Model, chosen: dict[str, Any]) -> None:
    from gradcheck_cli import api

    api.save_point(model, chosen["save_point"], at=chosen["at"])


def _refuse_impossible(models: Sequence[str], chosen: dict[str, Any]) -> None:
    if models.count("-") > 1:
        raise OptionError('"-" is given twice', help="standard input holds one model")
    if chosen["quiet"] and chosen["verbose"]:
        raise OptionError("-q and -v exclude each other", help="choose one of them")
    if chosen["show_truth"] and chosen["hint"] not in (None, "truth"):
        asked = f"--hint {chosen['hint']}"
        raise OptionError(f"--show-truth and {asked} exclude each other", help="choose one of them")
    check_against(chosen, ("flat",) if chosen["at"] else ("flat", "seconds"))
    refuse_two_counts(chosen["points"], chosen["random"])
    if chosen["output"] not in (None, "-"):
        read = (*models, *chosen["claims"], *files_in((*chosen["against"], *chosen["at"])))
        atomic_output.check_target(chosen["output"], read)
    if chosen["save_point"]:
        if len(models) > 1:
            raise OptionError(
                f"--save-point keeps the point of one model, and {len(models)} are given",
                help="run them one by one, each with a file of its own",
            )
        refuse_point(chosen, (*models, *chosen["claims"]))


def _tell_error(report: Report) -> None:
    if report.error is not None:
        tell("\n".join(failure.text or failure.message for failure in report.errors or (report.error,)))
