"""Reads the command line. Gives the commands. Knows nothing of gradients.

Each is thin: options in, one library call, one rendering, an exit code. Help, version and
completion import click only; numpy and SymPy arrive with the first model.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gradcheck_cli import __version__, output
from gradcheck_cli.errors import (
    GradcheckError,
    InternalError,
    LanguageError,
    OptionError,
    OutputError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from gradcheck_cli.graph import Model
    from gradcheck_cli.initoptions import InitOptions
    from gradcheck_cli.initresults import InitReport
    from gradcheck_cli.results import Report

__all__ = ["commands", "main"]

_MOST_BYTES = 16 * 2**20  # of model text on standard input
_BINARY = ("json", "jsonl")  # always UTF-8
Command = TypeVar("Command", bound=Callable[..., Any])
Result = TypeVar("Result")

file_type = click.Path(allow_dash=True, readable=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code. Writes, but never raises."""
    try:
        return _finished(_dispatched(arguments))
    except (KeyboardInterrupt, click.Abort):
        output.abandon(sys.stdout)
        return 130
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        return _failed(_own_style(error))
    except GradcheckError as error:
        return _failed(error)
    except Exception as error:
        return _failed(_internal(error))


def _dispatched(arguments: Sequence[str] | None) -> int:
    try:
        # the width that click would find by way of shutil: a twentieth of the time that --help takes
        narrow = max(50, min(output.width(), 80) - 2)
        code = commands.main(
            arguments, prog_name="gradcheck", standalone_mode=False, terminal_width=narrow
        )
    except SystemExit as stop:  # click gave up on a closed pipe, or completed a word
        closed = type(sys.stdout).__name__.endswith("PacifyFlushWrapper")
        code = 0 if closed else stop.code
    return code if isinstance(code, int) else 0


def _finished(code: int) -> int:
    """Flush now, so that a closed pipe is met here and not at the interpreter's shutdown."""
    _write("")
    return code


def _failed(error: GradcheckError) -> int:
    _tell(str(error))
    return error.exit_code


def _tell(text: str) -> None:
    """A message on standard error, harmless whatever it quotes."""
    from gradcheck_cli.render.words import safe

    encoding = output.encoding_of(sys.stderr)
    try:
        click.echo("\n".join(safe(line, encoding) for line in text.split("\n")), err=True)
    except OSError:
        output.abandon(sys.stderr)


def _own_style(error: click.ClickException) -> OptionError:
    """A bad option, in the words of our own errors."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    help = f"{context.command_path if context else 'gradcheck'} --help shows what there is"
    message = error.format_message().replace("a valid integer range", "a whole number")
    near = getattr(error, "possibilities", None)
    if near:
        message, help = error.message, f"did you mean {near[0]}?"  # the nearest comes first
    return OptionError(f"{message[:1].lower()}{message[1:]}".rstrip("."), help=help)


def _internal(error: Exception) -> InternalError:
    """A defect of gradcheck, in one message; with GRADCHECK_DEBUG or -v the traceback before it."""
    if os.environ.get("GRADCHECK_DEBUG") or {"-v", "--verbose"} & set(sys.argv):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, InternalError):
        return error
    return InternalError(
        f"internal error: {type(error).__name__}: {error}",
        help=f"this is a defect of gradcheck {__version__}; please report the command, the model "
        "file and what GRADCHECK_DEBUG=1 prints",
    )


# ---------------------------------------------------------------------------------------------
# What several commands share
# ---------------------------------------------------------------------------------------------


class _FormatName(click.Choice[str]):
    """The registered formats of a command, looked up when they are needed."""

    name = "format"

    def __init__(self, of: str) -> None:
        self._of = of
        self.case_sensitive = True

    @property
    def choices(self) -> tuple[str, ...]:  # type: ignore[override]
        from gradcheck_cli.render import formats

        return formats(self._of)


class _Count(click.ParamType[int]):
    """A whole number that is not small: 1000000, 1,000,000 and 1e6 are the same."""

    name = "count"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> int:
        """The number. Fails below 1."""
        with suppress(ValueError):
            number = float(re.sub(r",(?=\d{3}(,|$))", "", str(value)))
            if 1 <= number < math.inf and number == int(number):
                return int(number)
        self.fail(f"'{value}' is not a whole number of 1 or more", parameter, context)


_LONG = 1 << 21  # rows times nodes: a run that takes seconds and shows how far it is
_LOADING = ("seed", "ignore_set", "max_text", "max_data")


def _loading_options(command: Command) -> Command:
    """The options that decide how a model file is read."""
    seed = click.option("--seed", type=click.IntRange(0), help="Seed of drawn values and points.")
    ignore = click.option("--ignore-set", is_flag=True, help="Ignore `set` lines of the file.")
    text = click.option(
        "--max-text", type=click.IntRange(1), metavar="MIB", help="Largest model file (default: 16)."
    )
    data = click.option(
        "--max-data", type=click.IntRange(1), metavar="MIB", help="Most data in all (default: 256)."
    )
    return seed(ignore(text(data(command))))


def _output_options(of: str) -> Callable[[Command], Command]:
    """The options that decide what the result looks like and where it goes."""
    options = (
        click.option(
            "--format",
            "format_name",
            type=_FormatName(of),
            default="table",
            help="What to write (default: table).",
        ),
        click.option("--output", type=file_type, metavar="FILE", help="Write to FILE, whole."),
        click.option(
            "--color",
            type=click.Choice(("auto", "always", "never")),
            default="auto",
            help="Color the table (default: on a terminal; NO_COLOR and FORCE_COLOR count).",
        ),
    )

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def _path(text: str) -> Path:
    from pathlib import Path  # a tenth of the time that --help takes

    return Path(text)


def _load(path: str, loading: dict[str, Any]) -> Model:
    """The model in a file, or on standard input for "-"."""
    from gradcheck_cli import api

    for limit in ("max_text", "max_data"):
        mebibytes = loading.get(limit)
        loading = {**loading, limit: None if mebibytes is None else mebibytes << 20}
    if path != "-":
        return api.load(_path(path), **loading)
    text = _standard_input(loading["max_text"] or _MOST_BYTES)
    return api.load_text(text, file="-", folder=_path(os.getcwd()), **loading)


def _standard_input(most: int) -> bytes:
    """The text of a model; not more than `most` bytes of it."""
    if sys.stdin.isatty():
        click.echo("reading the model from the keyboard; Ctrl-D ends it", err=True)
    text = sys.stdin.buffer.read(most + 1)
    if len(text) > most:
        raise LanguageError(
            f"the model is longer than {most >> 20} MiB", file="-", help="--max-text raises the limit"
        )
    return text


def _deliver(result: Any, of: str, chosen: dict[str, Any], verbosity: int = 0) -> None:
    """Render a result and write it where it shall go."""
    from gradcheck_cli.render import OutputOptions, render
    from gradcheck_cli.render.words import encodable

    target, name = chosen.get("output"), chosen.get("format_name", "table")
    to_file = target not in (None, "-")
    stream = None if to_file else sys.stdout
    color = name == "table" and output.wants_color(chosen.get("color", "auto"), stream, os.environ)
    encoding = "utf-8" if to_file or name in _BINARY else output.encoding_of(sys.stdout)
    options = OutputOptions(
        width=output.width(), color=color, encoding=encoding, verbosity=verbosity
    )
    text = encodable(render(result, name, options, of=of), encoding)
    if to_file:
        output.save(str(target), text.encode("utf-8", "backslashreplace"))
    else:
        _write(text.encode("utf-8", "backslashreplace") if name in _BINARY else text, color)


def _write(text: str | bytes, color: bool = False) -> None:
    """To standard output. A reader that has gone away is no error, a full disk is."""
    try:
        click.echo(text, nl=False, color=color)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        output.abandon(sys.stdout)
    except OSError as error:
        output.abandon(sys.stdout)
        raise OutputError(f"cannot write the result: {error.strerror or error}") from None


# ---------------------------------------------------------------------------------------------
# The commands
# ---------------------------------------------------------------------------------------------


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True
)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
def commands() -> None:
    """Check gradients, and derivations by hand, with three independent witnesses.

    A model file reads like the page of a textbook. Its gradient is computed symbolically, by
    backprop and by finite differences; claims in it are judged line by line.

    \b
    Example:  gradcheck example toy | gradcheck run -
    Exit codes: 0 ok, 1 WRONG, 2 a file or option could not be read,
    3 UNRESOLVED, 70 a defect of gradcheck, 130 Ctrl-C.
    """


@commands.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...", type=file_type)
@_output_options("run")
@click.option("-q", "--quiet", count=True, help="One line a model; -qq nothing but the exit code.")
@click.option("-v", "--verbose", is_flag=True, help="Every row, every claim, every table.")
@_loading_options
@click.option("--points", type=click.IntRange(1, 1000), help="Points in all, the given one first.")
@click.option("--digits", type=click.IntRange(1, 15), help="Digits that must be proved.")
@click.option("--budget", type=_Count(), metavar="OPERATIONS",
              help="High-precision work of a model; less is quicker (default: 12000000).")  # fmt: skip
@click.option("--scheme", metavar="NAME", help="Finite-difference scheme.")
@click.option("--at", multiple=True, metavar="NAME=VALUE", help="Another value for a name.")
@click.option("--wrt", multiple=True, metavar="NAME", help="Differentiate by these, also data.")
@click.option("--claims", multiple=True, metavar="FILE", type=file_type,
              help="Judge only the claims of FILE; one report each.")  # fmt: skip
@click.option("--require-claims", is_flag=True, help="An unclaimed parameter is WRONG.")
@click.option("--hint", type=click.Choice(["none", "where", "kind", "truth"]),
              help="What a wrong claim is told (default: the kind of mistake).")  # fmt: skip
@click.option("--show-truth", is_flag=True, help="The same as --hint truth: the right formula.")
@click.option("--carry", is_flag=True, help="Show the value your own chain of claims carries.")
@click.option("--strict", is_flag=True, help="A claim right only for this data or side of a kink is WRONG.")
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
    from gradcheck_cli.results import exit_code

    verbosity = 1 if chosen["verbose"] else -chosen["quiet"]
    if chosen["format_name"] == "table" and verbosity > -2:
        _tell_errors(reports)
    if verbosity > -2 or chosen["output"]:
        _deliver(reports, "run", chosen, verbosity)
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
        output.check_target(chosen["output"], (*models, *chosen["claims"]))
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
    loading = {name: chosen[name] for name in _LOADING}
    model = _attempt(path, partial(_load, path, loading), codes)
    from gradcheck_cli.results import Report

    if isinstance(model, Report):
        yield model
        return
    if chosen["save_point"]:
        _refuse_point(chosen, model.files)
        used.append(model)
    for claims in chosen["claims"] or (None,):
        yield _attempt(claims or path, partial(_checked, model, claims, chosen), codes)


def _checked(model: Model, claims: str | None, chosen: dict[str, Any]) -> Report:
    from dataclasses import replace

    from gradcheck_cli import api

    names = ("points", "digits", "budget", "scheme", "at", "wrt", "strict", "carry", "hint", "show_truth")
    options = {name: chosen[name] for name in (*names, "require_claims", "all_entries")}
    given = None if claims is None else api.load_claims(_path(claims), model)
    asked = {name: value for name, value in options.items() if value}  # the rest: as `set`
    check = partial(api.check, model, claims=given, **asked)
    operations = model.rows * len(model.graph.nodes) if model.rows else 0
    long = operations >= _LONG and not chosen["quiet"]
    report = _with_progress(check, "taking the rows") if long else check()
    return report if claims is None else replace(report, claims_file=claims)


def _attempt(file: str, work: Callable[[], Result], codes: list[int] | None) -> Result | Report:
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
        problem = _internal(error)
    if codes is None:
        raise problem
    from gradcheck_cli import api

    codes.append(problem.exit_code)
    return api.unreadable(problem, file)


def _tell_errors(reports: Sequence[Report]) -> None:
    from gradcheck_cli.results import Verdict

    for report in reports:
        if report.verdict is Verdict.ERROR and report.error is not None:
            _tell(report.error.text or report.error.message)


@commands.command()
@click.argument("model", type=file_type)
@click.option("--row", type=click.IntRange(0), help="The training example to show, from 0.")
@click.option("--expand", is_flag=True, help="The closed formula of each derivative.")
@click.option("-v", "--verbose", is_flag=True, help="All numbers of large arrays, not shape and norm.")
@_output_options("explain")
@_loading_options
def explain(model: str, row: int | None, expand: bool, **chosen: Any) -> int:
    """Show forward pass, backward pass #1 and backward pass #2 with formulas and numbers.

    \b
    Example:  gradcheck explain toy.txt
    Exit codes: 0, or 2 if the file could not be read.
    """
    from gradcheck_cli import api

    if chosen["output"] not in (None, "-"):
        output.check_target(chosen["output"], (model,))
    loading = {name: chosen[name] for name in _LOADING}
    found = api.explain(_load(model, loading), row=row, expand=expand)
    _deliver(found, "explain", chosen, int(chosen["verbose"]))
    return 0


@commands.command()
@click.argument("model", type=file_type)
@_loading_options
def show(model: str, **loading: Any) -> int:
    """Print the model as it was read, fully bracketed, with shapes.

    \b
    Example:  gradcheck show toy.txt
    Exit codes: 0, or 2 if the file could not be read.
    """
    from gradcheck_cli import api

    _print(api.show(_load(model, loading)))
    return 0


class _Listed(click.ParamType[tuple[str, ...]]):
    """Words with commas between them, each one of the known ones if there are any."""

    name = "list"

    def __init__(self, known: tuple[str, ...] = ()) -> None:
        self.known = known

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[str, ...]:
        """The words. Fails with the known ones."""
        words = tuple(word.strip() for word in str(value).split(","))
        unknown = [word for word in words if self.known and word not in self.known]
        if unknown:
            self.fail(f'"{unknown[0]}" is none of {", ".join(self.known)}', parameter, context)
        return words


class _Widths(_Listed):
    """Whole numbers with commas between them."""

    name = "widths"

    def convert(self, value: Any, parameter: Any, context: Any) -> Any:
        """The numbers."""
        try:
            return tuple(int(word) for word in super().convert(value, parameter, context))
        except ValueError:
            self.fail(f'"{value}" is no list of whole numbers', parameter, context)


_FAILURES = ("vanish", "explode", "unexpected")
_FORMATS_16 = ("float16", "bfloat16", "float32")
_NETWORK = {  # options that describe a network; a user's own model has one
    "depth": "--depth", "width": "--width", "widths": "--widths", "input_dim": "--input-dim",
    "inits": "--init", "sweep": "--sweep", "critical": "--critical", "fan": "--fan",
    "bias_var": "--bias-var", "activation": "--activation", "arch": "--arch", "loss": "--loss",
    "inputs": "--inputs", "dtype": "--dtype", "simulate": "--simulate-dtype",
}  # fmt: skip


@commands.command("init-stats")
@click.option("--depth", type=int, help="Hidden layers (default: 50).")
@click.option("--width", type=int, help="Units of each hidden layer (default: 100).")
@click.option("--widths", type=_Widths(), metavar="N,N,...",
              help="Input, every hidden layer, output: 784,300,100,10.")  # fmt: skip
@click.option("--input-dim", type=int, help="Dimensions of the input (default: the width).")
@click.option("--init", "inits", multiple=True, metavar="NAME",
              help="he, glorot, xavier, lecun, auto, torch-default, orthogonal[:GAIN], normal:VAR, "
              "normal:std=S, uniform:VAR, trunc:VAR; repeatable.")  # fmt: skip
@click.option("--sweep", metavar="FROM:TO:Nlog", help="Variances of a normal distribution: 0.001:1:9log.")
@click.option("--critical", is_flag=True, help="Add the edge of chaos for this --bias-var.")
@click.option("--fan", type=click.Choice(("in", "out", "avg")), help="What he, lecun, auto divide by.")
@click.option("--bias-var", type=float, metavar="VAR", help="Variance of the biases (default: 0).")
@click.option("--activation", metavar="NAME", help='relu, tanh, gelu, leaky_relu:0.2, ..., or "z*erf(z)".')
@click.option("--arch", metavar="NAME[:S]", help="mlp, residual, preln, postln; S a number or 1/sqrt(K).")
@click.option("--loss", type=click.Choice(("lsq", "none")),
              help="lsq: (f - 0)^2; none: the gain |df_K/df_k|^2.")  # fmt: skip
@click.option("--stat", type=click.Choice(("var", "ms", "std")), help="Variance, mean square, or std.")
@click.option("--quantity", "quantities", type=_Listed(("h", "f", "dh", "df", "dW", "db")), metavar="Q,Q,...",
              help="h, f, dh, df, dW, db (default: h,dh).")  # fmt: skip
@click.option("--nets", type=int, help="Networks that are drawn (default: 20).")
@click.option("--inputs", type=int, help="Inputs of each network (default: 1).")
@click.option("--seed", type=click.IntRange(0), help="Seed of all draws (default: 0).")
@click.option("--level", type=float, metavar="P", help="Probability of the intervals (default: 0.9).")
@click.option("--dtype", type=click.Choice(("float64", "float32")), help="Arithmetic of the measurement.")
@click.option("--simulate-dtype", "simulate", type=_Listed((*_FORMATS_16, "all")), is_flag=False,
              flag_value="all", metavar="[NAME,...]",
              help="Run in float16, bfloat16, float32, or all.")  # fmt: skip
@click.option("--every", type=int, metavar="N", help="Show every Nth layer.")
@click.option("--all-layers", is_flag=True, help="Show all layers.")
@click.option("--model", type=file_type, metavar="FILE", help="Look at the weights and steps of this model.")
@click.option("--plot", type=click.Path(), metavar="FILE.svg|png", help="Draw both panels into FILE.")
@click.option("--fail-on", type=_Listed(_FAILURES), metavar="WORD,...",
              help="Exit 1 on vanish, explode, unexpected.")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="One line an initialization.")
@click.option("-v", "--verbose", is_flag=True, help="A sentence for each initialization.")
@_output_options("init-stats")
def init_stats_command(**chosen: Any) -> int:
    """Show what an initialization does to activations and gradients of a deep network.

    Without options: relu, 50 hidden layers of 100 units, five variances; 0.02 = 2/100 is He's.

    \b
    Example:  gradcheck init-stats --depth 50
              gradcheck init-stats --activation gelu --init he --init auto
    Exit codes: 0, 1 if --fail-on applies, 2 if an option or a file could not
    be read.
    """
    from gradcheck_cli import api

    picture = _picture_kind(chosen)
    if chosen["quiet"] and chosen["verbose"]:
        raise OptionError("-q and -v exclude each other", help="choose one of them")
    for option in ("output", "plot"):
        if chosen[option] not in (None, "-"):
            sources = [path for path in (chosen["model"],) if path]
            output.check_target(chosen[option], sources, f"--{option}")
    if chosen["model"] is None:
        report = _with_progress(partial(api.init_stats, _init_options(chosen)), "drawing networks")
    else:
        report = _model_stats(chosen)
    _deliver(report, "init-stats", chosen, 1 if chosen["verbose"] else -int(chosen["quiet"]))
    if picture is not None:
        from gradcheck_cli.render import plot

        output.save(chosen["plot"], plot.picture(report, picture))
    return int(_fails(report, chosen["fail_on"] or ()))


def _init_options(chosen: dict[str, Any]) -> InitOptions:
    """The options that were given; the others keep their defaults."""
    from dataclasses import fields

    from gradcheck_cli import InitOptions

    names = {field.name for field in fields(InitOptions)}
    given = {name: value for name, value in chosen.items() if name in names and _is_given(value)}
    if "all" in given.get("simulate", ()):
        given["simulate"] = _FORMATS_16
    return InitOptions(**given)


def _is_given(value: Any) -> bool:
    return value is not None and value is not False and value != ()


def _model_stats(chosen: dict[str, Any]) -> InitReport:
    from gradcheck_cli import api

    extra = [flag for name, flag in _NETWORK.items() if _is_given(chosen[name])]
    if extra:
        raise OptionError(f"{extra[0]} and --model exclude each other", help="the model has its own network")
    names = ("nets", "seed", "stat", "level", "quantities", "every", "all_layers")
    given = {name: chosen[name] for name in names if _is_given(chosen[name])}
    path = chosen["model"]
    return api.model_stats(_standard_input(_MOST_BYTES) if path == "-" else _path(path), **given)


def _with_progress(work: Callable[..., Result], label: str) -> Result:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return work()
    with click.progressbar(length=1000, file=sys.stderr, label=label) as bar:
        return work(progress=lambda done: bar.update(int(1000 * done) - bar.pos))


def _picture_kind(chosen: dict[str, Any]) -> str | None:
    """ "svg" or "png", from the name of the file; refused before any work."""
    if chosen["plot"] is None:
        return None
    kind = str(os.path.splitext(chosen["plot"])[1]).lower().removeprefix(".")
    if kind not in ("svg", "png"):
        raise OptionError(
            f"--plot {chosen['plot']}: no picture has this ending", help="end it in .svg or .png"
        )
    from gradcheck_cli.render import plot

    plot.require()
    return kind


def _fails(report: InitReport, words: tuple[str, ...]) -> bool:
    from gradcheck_cli import Outcome

    outcomes = dict(zip(_FAILURES, (Outcome.VANISHES, Outcome.EXPLODES, Outcome.UNEXPECTED), strict=True))
    found = {series.verdict for series in report.series} | {one.verdict for one in report.inits}
    return any(outcomes[word] in found for word in words)


@commands.command()
@click.argument("activations", nargs=-1, required=True, metavar="ACTIVATION...")
@click.option("--bias-var", type=float, default=0.0, metavar="VAR",
              help="Variance of the biases at the critical point (default: 0).")  # fmt: skip
@_output_options("gain")
def gain(activations: tuple[str, ...], bias_var: float, **chosen: Any) -> int:
    """Show the gain of an activation, its fixed point and its critical point.

    \b
    Example:  gradcheck gain tanh
              gradcheck gain gelu "z*erf(z)" --bias-var 0.05
    Exit codes: 0, or 2 if there is no such activation.
    """
    from gradcheck_cli import api

    if chosen["output"] not in (None, "-"):
        output.check_target(chosen["output"], ())
    _deliver([api.gain(name, bias_var=bias_var) for name in activations], "gain", chosen)
    return 0


@commands.command()
def functions() -> int:
    """List the functions with their arguments, domains and derivatives.

    \b
    Example:  gradcheck functions
    Exit codes: 0.
    """
    from gradcheck_cli import api

    _deliver(api.functions(), "functions", {})
    return 0


def _complete_example(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    from gradcheck_cli import examples

    return [name for name in examples.names() if name.startswith(incomplete)]


@commands.command()
@click.argument("name", required=False, shell_complete=_complete_example)
@click.option("--save", is_flag=True, help="Write it, with its data files, into this folder.")
def example(name: str | None, save: bool) -> int:
    """List the example models, print one, or save it with its data files.

    \b
    Example:  gradcheck example toy | gradcheck run -
              gradcheck example toy_rows --save
    Exit codes: 0, or 2 if there is no such model or a file is in the way.
    """
    from gradcheck_cli import examples

    if name is None and save:
        raise OptionError("--save needs a name", help="gradcheck example lists them")
    if name is None:
        known = examples.names()
        room = max(map(len, known), default=0)
        _print("\n".join(f"{each:<{room}}  {examples.lesson(each)}".rstrip() for each in known))
    elif save:
        _print("\n".join(f"wrote {path.name}" for path in examples.save(name, _path(os.getcwd()))))
    else:
        _write(examples.text(name))
    return 0


def _print(text: str) -> None:
    """Lines of text on standard output, harmless whatever names are in them."""
    from gradcheck_cli.render.words import safe

    encoding = output.encoding_of(sys.stdout)
    lines = text.removesuffix("\n").split("\n")
    _write("".join(f"{safe(line, encoding)}\n" for line in lines))
