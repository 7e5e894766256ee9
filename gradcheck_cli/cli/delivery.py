"""Reads paths, streams and results. Gives models, and texts written to where they were asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import click

from gradcheck_cli.cli.options import BINARY, Result
from gradcheck_cli.common import atomic_output
from gradcheck_cli.common.errors import LanguageError, OutputError

if TYPE_CHECKING:
    from pathlib import Path

    from gradcheck_cli.model.model import Model
    from gradcheck_cli.render.registry import OutputOptions

__all__ = [
    "as_path", "check_program_target", "deliver", "deliver_each", "files_in", "is_given", "load_model",
    "print_text", "standard_input", "tell", "with_progress", "write_output",
]  # fmt: skip


def tell(text: str) -> None:
    """A message on standard error, harmless whatever it quotes."""
    from gradcheck_cli.render.text_encoding import safe

    encoding = atomic_output.encoding_of(sys.stderr)
    try:
        click.echo("\n".join(safe(line, encoding) for line in text.split("\n")), err=True)
    except OSError:
        atomic_output.abandon(sys.stderr)


def as_path(text: str) -> Path:
    """A Path; pathlib is imported only when one is needed."""
    from pathlib import Path  # a tenth of the time that --help takes

    return Path(text)


def load_model(path: str, loading: dict[str, Any]) -> Model:
    """The model in a file, or on standard input for "-"."""
    from gradcheck_cli import api

    for limit in ("max_text", "max_data"):
        mebibytes = loading.get(limit)
        loading = {**loading, limit: None if mebibytes is None else mebibytes << 20}
    if path != "-":
        return api.load(as_path(path), **loading)
    text = standard_input(loading["max_text"])
    return api.load_text(text, file="-", folder=as_path(os.getcwd()), **loading)


def standard_input(most: int | None = None) -> bytes:
    """The text of a model; not more than `most` bytes of it, by default those that a file may have."""
    from gradcheck_cli.numerics.limits.language import DEFAULTS

    most = most or DEFAULTS.max_text
    if sys.stdin is None:  # closed by the caller: <&-
        help_text = "give the model as a file, or by a pipe"
        raise LanguageError("standard input is closed", file="-", help=help_text)
    if sys.stdin.isatty():
        click.echo("reading the model from the keyboard; Ctrl-D ends it", err=True)
    try:
        text = sys.stdin.buffer.read(most + 1)
    except OSError as error:
        reason = error.strerror or error
        raise LanguageError(f"standard input cannot be read: {reason}", file="-") from None
    if len(text) > most:
        raise LanguageError(
            f"the model is longer than {most >> 20} MiB", file="-", help="--max-text raises the limit"
        )
    return text


def deliver(result: Any, of: str, chosen: dict[str, Any], verbosity: int = 0) -> None:
    """Render a result and write it where it shall go."""
    from gradcheck_cli.render.registry import render

    name, options = chosen.get("format_name", "table"), _output_options(chosen, verbosity)
    text = render(result, name, options, of=of)
    if _is_file(chosen):
        _save(text, chosen)
    else:
        _print(text, name, options)


def deliver_each(
    results: Generator[Any], of: str, chosen: dict[str, Any], verbosity: int, expected: Sequence[str]
) -> None:
    """Render results and write each as it comes, where the format can; once nobody reads, no more are asked
    for.

    `expected` says what they will be of. A file is written when all are there.
    """
    first = list(islice(results, 1))  # before a format is imported: an error needs none
    from gradcheck_cli.render.registry import pieces

    name, options = chosen["format_name"], _output_options(chosen, verbosity, expected)
    texts = pieces(chain(first, results), name, options, of=of)
    if _is_file(chosen):
        _save("".join(texts), chosen)
        return
    for text in texts:
        if text and not _print(text, name, options):
            results.close()
            return


def _is_file(chosen: dict[str, Any]) -> bool:
    return chosen.get("output") not in (None, "-")


def _output_options(chosen: dict[str, Any], verbosity: int, expected: Sequence[str] = ()) -> OutputOptions:
    """What a format may know of where its text goes."""
    from gradcheck_cli.render.registry import OutputOptions

    name, to_file = chosen.get("format_name", "table"), _is_file(chosen)
    stream = None if to_file else sys.stdout
    return OutputOptions(
        width=atomic_output.width(),
        color=name == "table" and atomic_output.wants_color(chosen.get("color", "auto"), stream, os.environ),
        encoding="utf-8" if to_file or name in BINARY else atomic_output.encoding_of(sys.stdout),
        verbosity=verbosity, is_cut=stream is not None and stream.isatty(), expected=tuple(expected),
    )  # fmt: skip


def _save(text: str, chosen: dict[str, Any]) -> None:
    """Into the file; where nothing was found out, as of a model that cannot be read, what it holds stays."""
    if text:
        atomic_output.save(str(chosen["output"]), _encode(text, "utf-8"))


def _print(text: str, name: str, options: OutputOptions) -> bool:
    """Whether somebody reads it."""
    if name in BINARY:
        return write_output(_encode(text, options.encoding))
    from gradcheck_cli.render.text_encoding import encodable

    return write_output(encodable(text, options.encoding), options.color)


def _encode(text: str, encoding: str) -> bytes:
    from gradcheck_cli.render.text_encoding import encodable

    return encodable(text, encoding).encode("utf-8", "backslashreplace")


def write_output(text: str | bytes, color: bool = False) -> bool:
    """To standard output, and whether somebody reads it. A reader that has gone away is no error, a full disk
    is."""
    try:
        click.echo(text, nl=False, color=color)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        atomic_output.abandon(sys.stdout)
        return False
    except OSError as error:
        atomic_output.abandon(sys.stdout)
        raise OutputError(f"cannot write the result: {error.strerror or error}") from None
    return True


def check_program_target(output: str | None, *named: str | None) -> None:
    """Refuse, before any program runs, an --output that is the file of one: FILE.py:FUNCTION, or a POINT."""
    if output not in (None, "-"):
        atomic_output.check_target(str(output), files_in(named))


def files_in(named: Iterable[str | None]) -> list[str]:
    """The files that FILE.py:FUNCTION, a POINT, a file of numbers or a command may name."""
    given = [text for text in named if text]
    words = (word for text in given if text.startswith("cmd:") for word in text.split())
    return [*given, *(text.rpartition(":")[0] for text in given if ":" in text), *words]


def is_given(value: Any) -> bool:
    """Whether an option was given on the command line."""
    return value is not None and value is not False and value != ()


def with_progress(work: Callable[..., Result], label: str) -> Result:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return work()
    with click.progressbar(length=1000, file=sys.stderr, label=label) as bar:
        return work(progress=lambda done: bar.update(int(1000 * done) - bar.pos))


def print_text(text: str) -> None:
    """Lines of text on standard output, harmless whatever names are in them."""
    from gradcheck_cli.render.text_encoding import safe

    encoding = atomic_output.encoding_of(sys.stdout)
    lines = text.removesuffix("\n").split("\n")
    write_output("".join(f"{safe(line, encoding)}\n" for line in lines))
