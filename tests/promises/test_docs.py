"""The documentation is run: commands with their outputs, Python sessions, links, and what is missing.

In a ```console block every line that starts with "$ " is run, in a folder that holds models/ and the
files of the page; what follows must be what it prints. Numbers are compared as numbers, because the last
digits of an error bound differ between platforms. GRADCHECK_UPDATE_DOCS=1 rewrites the outputs.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import click
import pytest

from gradcheck_cli import __version__
from gradcheck_cli.cli.group import COMMANDS, commands
from gradcheck_cli.language.settings import SETTINGS
from gradcheck_cli.model.primitives.table import PRIMITIVES
from layers import FOLDERS, MODULES
from paths import PROJECT
from terminal import gradcheck

RUN_PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
PAGES = [*RUN_PAGES, PROJECT / "CHANGELOG.md", PROJECT / "CONTRIBUTING.md"]
UPDATE = bool(os.environ.get("GRADCHECK_UPDATE_DOCS"))

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
every_run_page = pytest.mark.parametrize("page", RUN_PAGES, ids=lambda page: page.name)


@dataclass
class Block:
    """A fenced block: its language, the comment right above it, and its lines from `start` on."""

    language: str
    marker: str
    start: int
    lines: list[str] = field(default_factory=list)


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page."""
    found: list[Block] = []
    inside = False
    before = ""
    for number, line in enumerate(text.splitlines()):
        if line.startswith("```"):
            inside = not inside
            if inside:
                comment = re.fullmatch(r"<!-- (.+) -->", before)
                found.append(Block(line[3:].strip(), comment[1] if comment else "", number + 1))
        elif inside:
            found[-1].lines.append(line)
        if line:
            before = line
    assert not inside, "a block is not closed"
    return found


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


# ---------------------------------------------------------------------------------------------
# Commands and their outputs
# ---------------------------------------------------------------------------------------------


def run(command: str, folder: Path) -> list[str]:
    """What a command line prints, as a person at a terminal of 80 columns sees it."""
    printed = b""
    for part in command.split(" | "):
        words = shlex.split(part)
        assert words[0] == "gradcheck", f"only gradcheck is run: {command}"
        code, printed = gradcheck(words[1:], folder, printed)
        assert code in (0, 1, 3), f"{command}: {printed.decode()}"
    return printed.decode("utf-8").replace("\r\n", "\n").rstrip("\n").split("\n")


def sessions(block: Block) -> Iterator[tuple[str, int, list[str]]]:
    """Each command of a block, the number of its line in the block, and the output below it."""
    starts = [k for k, line in enumerate(block.lines) if line.startswith("$ ")]
    for start, stop in zip(starts, [*starts[1:], len(block.lines)], strict=True):
        yield block.lines[start][2:], start, block.lines[start + 1 : stop]


_NUMBER = re.compile(r"([-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)")


# Above a block in which rounding, which differs between processors, decides what is counted and named.
_CHOSEN_BY_ROUNDING = "counts and indices: of one processor"


def alike(found: list[str], documented: list[str], *, counts: bool = True) -> bool:
    """Whether two outputs are the same but for rounding and the widths of columns; without `counts`
    whole numbers may be others."""
    first, second = (_NUMBER.split(" ".join(" ".join(lines).split())) for lines in (found, documented))
    numbers = zip(first[1::2], second[1::2], first[2::2], strict=False)
    pairs = (pair for pair in numbers if counts or "." in pair[0])
    return first[::2] == second[::2] and all(_near(a, b, after) for a, b, after in pairs)


def _near(a: str, b: str, after: str) -> bool:
    """Counts are equal; digits proved may differ by 3, error bounds by a factor, values by rounding."""
    x, y = float(a), float(b)
    in_csv = re.fullmatch(r"\d+\.\d", a) and after.startswith(",")
    if in_csv or re.match(" (digit|ok|WRONG)", after):
        return abs(x - y) <= 3
    if a.lstrip("+-").isdigit() and b.lstrip("+-").isdigit():
        return x == y
    tiny = max(abs(x), abs(y)) < 1e-8
    return tiny or abs(x - y) <= 1e-6 * max(abs(x), abs(y))


LONGEST = "commands.md"


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, id=p.name, marks=[pytest.mark.slow] if p.name == LONGEST else []) for p in RUN_PAGES],
)
def test_commands_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "models", tmp_path / "models")
    text = read(page)
    lines, shift, wrong = text.splitlines(), 0, []
    for block in blocks(text):
        if block.marker.startswith("file: "):
            (tmp_path / block.marker[6:]).write_text("\n".join([*block.lines, ""]), encoding="utf-8")
        if block.language != "console":
            continue
        for command, place, documented in sessions(block):
            found = run(command, tmp_path)
            if UPDATE:
                start = block.start + place + 1 + shift
                lines[start : start + len(documented)] = found
                shift += len(found) - len(documented)
            elif not alike(found, documented, counts=block.marker != _CHOSEN_BY_ROUNDING):
                wrong.append("\n".join([f"$ {command}", *found]))
    if UPDATE:
        page.write_text("\n".join([*lines, ""]), encoding="utf-8")
    assert not wrong, "\n\n".join(wrong)


def test_rounding_is_no_difference_and_anything_else_is() -> None:
    shown = ["b0   1   2.280900622   3e-12   12  ok", "to at least 11 digits: 8 of 8 entries"]
    assert alike(["b0  1  2.280900623  5e-13  11  ok", shown[1].replace("11", "12")], shown)
    assert not alike([shown[0].replace("ok", "WRONG"), shown[1]], shown)
    assert not alike([shown[0].replace("2.28", "2.29"), shown[1]], shown)
    assert not alike([shown[0], shown[1].replace("8 of 8", "7 of 8")], shown)
    assert alike([shown[0], shown[1].replace("8 of 8", "7 of 8")], shown, counts=False)
    assert not alike([shown[0].replace("ok", "WRONG"), shown[1]], shown, counts=False)
    assert not alike([shown[0].replace("2.28", "2.29"), shown[1]], shown, counts=False)
    assert not alike([shown[0]], shown)
    assert not alike(["d f2 = sin(f2)"], ["d f2 = -sin(f2)"])


@every_run_page
def test_python_sessions_are_true(page: Path) -> None:
    for block in blocks(read(page)):
        if block.language == "pycon":
            text = "\n".join([*block.lines, ""])
            session = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), block.start)
            results = doctest.DocTestRunner().run(session)
            assert results.attempted
            assert not results.failed


# ---------------------------------------------------------------------------------------------
# Nothing is missing
# ---------------------------------------------------------------------------------------------


FOUND = {name: commands.get_command(click.Context(commands), name) for name in COMMANDS}


def test_the_list_of_commands_is_theirs() -> None:
    assert set(commands.commands) == set(COMMANDS)
    for name, command in FOUND.items():
        assert command is not None
        first = re.split(r"(?<=\.)\s", " ".join((command.help or "").split()), maxsplit=1)[0]
        assert COMMANDS[name][1] == first


def options_of(command: click.Command) -> list[str]:
    return [name for p in command.params for name in (*p.opts, *p.secondary_opts) if name[0] == "-"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    assert f"gradcheck {name}" in read(PROJECT / "README.md")
    reference = read(PROJECT / "docs" / "commands.md")
    assert f"## {name}\n\n```console\n$ gradcheck {name} --help\n" in reference


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_an_example_and_exit_codes(name: str) -> None:
    text = commands.commands[name].help or ""
    assert f"Example:  gradcheck {name}" in text
    assert "Exit codes: 0" in text


@pytest.mark.parametrize("name", [name for name, command in FOUND.items() if command])
def test_every_option_is_documented(name: str) -> None:
    reference = read(PROJECT / "docs" / "commands.md")
    section = reference.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    documented = set(re.findall(r"(?<![\w-])-[\w-]+", section))
    assert set(options_of(FOUND[name])) <= documented


def test_every_scheme_and_setting_is_documented() -> None:
    from gradcheck_cli.derivatives.finite_differences.schemes import SCHEMES

    texts = "".join(map(read, RUN_PAGES))
    assert not [name for name in (*SCHEMES, *SETTINGS) if f"`{name}`" not in texts]


def test_every_function_is_documented() -> None:
    text = read(PROJECT / "docs" / "language.md")
    assert not [p.signature for p in PRIMITIVES.values() if p.infix is None and not _is_known(p, text)]


def _is_known(primitive: object, text: str) -> bool:
    hidden = ("identity", "expand", "transpose", "index", "stack", "take", "take_pairs")
    name, function = getattr(primitive, "name"), getattr(primitive, "function")  # noqa: B009
    return name in hidden or f"{function}(" in text


def folder_lines() -> list[str]:
    """The picture in CONTRIBUTING: each folder, what it gives, and its modules."""
    lines = []
    for folder, gives in FOLDERS.items():
        inside = sorted(m.partition(".")[2] for m in MODULES if m.startswith(f"{folder}."))
        packages = {m for m in inside if any(other.startswith(f"{m}.") for other in inside)}
        lines.append(f"{folder + ('/' if inside else '.py'):<16}{gives}")
        names = ", ".join(m.replace(".", "/") for m in inside if m not in packages)
        lines += textwrap.wrap(names, 100, initial_indent=" " * 16, subsequent_indent=" " * 16)
    return lines


def test_the_picture_of_the_folders_is_that_of_the_layer_test() -> None:
    path = PROJECT / "CONTRIBUTING.md"
    picture = re.compile(r"(<!-- folders -->\n```\n).*?(```\n)", re.S)
    expected = picture.sub(lambda m: m[1] + "\n".join([*folder_lines(), m[2]]), read(path), count=1)
    if UPDATE:
        path.write_text(expected, encoding="utf-8")
    assert read(path) == expected


def test_paths_in_the_guide_exist() -> None:
    named = r"`((?:gradcheck_cli|tests|models|docs|benchmarks)/[\w./-]*)`"
    found = re.findall(named, read(PROJECT / "CONTRIBUTING.md"))
    paths = [path for path in found if not re.search("NAME|FAMILY", path)]
    assert len(paths) > 15
    assert not [path for path in paths if not (PROJECT / path).exists()]


# Words of a private language that the code once had, and what it says instead.
PRIVATE_WORDS = {
    "court": "claim context",
    "testimony": "columns",
    "hearing": "collect",
    "crowd": "pooled",
    "culprit": "fault localization",
    "astride": "across a kink",
    "pinned": "overrides",
    "passage": "adjoint of a node",
    "room": "tolerance, or space",
    "testimonies": "columns",
    "wrongrule": "backward-pass mistake",
    "witness": "method",
    "witnesses": "methods",
}
HELP_LINE = "three independent witnesses"  # of `gradcheck --help`, which stays as it is


def words_of_the_package() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in MODULES.values())


def test_the_glossary_holds_words_of_the_code() -> None:
    table = read(PROJECT / "CONTRIBUTING.md").partition("## Glossary")[2]
    words = re.findall(r"^\| ([a-z ]+) \| ", table, re.M)[1:]
    assert words == sorted(words)
    text = words_of_the_package().lower()
    spellings = {word: {word.replace(" ", between) for between in (" ", "_", "")} for word in words}
    assert not [word for word, spelled in spellings.items() if not any(one in text for one in spelled)]


@cache
def all_words() -> frozenset[str]:
    """Of the package, the pages and the tests."""
    texts = [words_of_the_package(), *(read(page) for page in PAGES)]
    texts += [read(path) for path in (PROJECT / "tests").rglob("*.py") if path != Path(__file__)]
    return frozenset(words_in("\n".join(texts)))


def words_in(text: str) -> list[str]:
    return re.findall("[a-z]+", text.replace(HELP_LINE, "").lower())


@pytest.mark.parametrize("word", PRIVATE_WORDS)
def test_the_code_speaks_the_words_of_the_field(word: str) -> None:
    assert word not in all_words(), f"say {PRIVATE_WORDS[word]}"
    assert word in words_in(f"def _the_{word.upper()}2(x)")


def test_the_two_commands_are_marked() -> None:
    marked = {block.marker: block.lines for block in blocks(read(PROJECT / "README.md"))}
    assert marked["command: run"][-1].endswith("gradcheck run models/toy.txt")
    assert "pytest" in marked["command: test"][-1]


def test_the_changelog_knows_this_version() -> None:
    assert f"\n## {__version__}" in read(PROJECT / "CHANGELOG.md")


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", read(page))
    assert not [t for t in targets if "://" not in t and not (page.parent / t).exists()]


@every_page
def test_a_page_names_no_place_on_somebodys_disk(page: Path) -> None:
    assert not re.search(r"/(home|root|Users|tmp|work)/|[A-Z]:\\", read(page))
