"""Reads the options of `init-stats` and `gain`. Gives one library call and one rendering each."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from gradcheck_cli.cli.delivery import as_path, deliver, is_given, standard_input, with_progress
from gradcheck_cli.cli.group import commands
from gradcheck_cli.cli.options import Listed, Memory, Widths, file_type, output_options
from gradcheck_cli.common import atomic_output
from gradcheck_cli.common.errors import OptionError

if TYPE_CHECKING:
    from gradcheck_cli.initialization.options import InitOptions
    from gradcheck_cli.results.initialization_results import InitReport


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
@click.option("--widths", type=Widths(), metavar="N,N,...",
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
@click.option("--quantity", "quantities", type=Listed(("h", "f", "dh", "df", "dW", "db")), metavar="Q,Q,...",
              help="h, f, dh, df, dW, db (default: h,dh).")  # fmt: skip
@click.option("--nets", type=int, help="Networks that are drawn (default: 20).")
@click.option("--inputs", type=int, help="Inputs of each network (default: 1).")
@click.option("--seed", type=click.IntRange(0), help="Seed of all draws (default: 0).")
@click.option("--level", type=float, metavar="P", help="Probability of the intervals (default: 0.9).")
@click.option("--dtype", type=click.Choice(("float64", "float32")), help="Arithmetic of the measurement.")
@click.option("--simulate-dtype", "simulate", type=Listed((*_FORMATS_16, "all")), is_flag=False,
              flag_value="all", metavar="[NAME,...]",
              help="Run in float16, bfloat16, float32, or all.")  # fmt: skip
@click.option("--memory", type=Memory(), metavar="MIB|GIB",
              help="Most held at a time: 512MiB, 2GiB (default: 1GiB).")  # fmt: skip
@click.option("--every", type=int, metavar="N", help="Show every Nth layer.")
@click.option("--all-layers", is_flag=True, help="Show all layers.")
@click.option("--model", type=file_type, metavar="FILE", help="Look at the weights and steps of this model.")
@click.option("--plot", type=click.Path(), metavar="FILE.svg|png", help="Draw both panels into FILE.")
@click.option("--fail-on", type=Listed(_FAILURES), metavar="WORD,...",
              help="Exit 1 on vanish, explode, unexpected.")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="One line an initialization.")
@click.option("-v", "--verbose", is_flag=True, help="A sentence for each initialization.")
@output_options("init-stats")
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
            atomic_output.check_target(chosen[option], sources, f"--{option}")
    if chosen["model"] is None:
        report = with_progress(partial(api.init_stats, _init_options(chosen)), "drawing networks")
    else:
        report = _model_stats(chosen)
    deliver(report, "init-stats", chosen, 1 if chosen["verbose"] else -int(chosen["quiet"]))
    if picture is not None:
        from gradcheck_cli.render import plot

        atomic_output.save(chosen["plot"], plot.picture(report, picture))
    return int(_fails(report, chosen["fail_on"] or ()))


def _init_options(chosen: dict[str, Any]) -> InitOptions:
    """The options that were given; the others keep their defaults."""
    from dataclasses import fields

    from gradcheck_cli.initialization.options import InitOptions

    names = {field.name for field in fields(InitOptions)}
    given = {name: value for name, value in chosen.items() if name in names and is_given(value)}
    if "all" in given.get("simulate", ()):
        given["simulate"] = _FORMATS_16
    return InitOptions(**given)


def _model_stats(chosen: dict[str, Any]) -> InitReport:
    from gradcheck_cli import api

    extra = [flag for name, flag in _NETWORK.items() if is_given(chosen[name])]
    if extra:
        raise OptionError(f"{extra[0]} and --model exclude each other", help="the model has its own network")
    names = ("nets", "seed", "stat", "level", "quantities", "every", "all_layers", "memory")
    given = {name: chosen[name] for name in names if is_given(chosen[name])}
    path = chosen["model"]
    return api.model_stats(standard_input() if path == "-" else as_path(path), **given)


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
    from gradcheck_cli.results.initialization_results import Outcome

    outcomes = dict(zip(_FAILURES, (Outcome.VANISHES, Outcome.EXPLODES, Outcome.UNEXPECTED), strict=True))
    found = {series.verdict for series in report.series} | {one.verdict for one in report.inits}
    return any(outcomes[word] in found for word in words)


@commands.command()
@click.argument("activations", nargs=-1, required=True, metavar="ACTIVATION...")
@click.option("--bias-var", type=float, default=0.0, metavar="VAR",
              help="Variance of the biases at the critical point (default: 0).")  # fmt: skip
@output_options("gain")
def gain(activations: tuple[str, ...], bias_var: float, **chosen: Any) -> int:
    """Show the gain of an activation, its fixed point and its critical point.

    \b
    Example:  gradcheck gain tanh
              gradcheck gain gelu "z*erf(z)" --bias-var 0.05
    Exit codes: 0, or 2 if there is no such activation.
    """
    from gradcheck_cli import api

    if chosen["output"] not in (None, "-"):
        atomic_output.check_target(chosen["output"], ())
    deliver([api.gain(name, bias_var=bias_var) for name in activations], "gain", chosen)
    return 0
