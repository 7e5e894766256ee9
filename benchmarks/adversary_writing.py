"""How a problem is written: plainly, or with definitions, loops and names of derivatives."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from adversary_trees import Tree, filled, written

HALF = "half"  # a definition for claims: half(F) + half(F) is F
_LETTERS = ("a", "b", "c", "u", "p0", "p1", "s0", "x", "t", "loss", "y", "z", "q", "r")  # some hide names
Lines = list[str]


@dataclass(frozen=True)
class Style:
    """Which steps are written as calls of definitions, which derivatives have names, whether loops are."""

    seed: int = 0
    defined: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    halved: bool = False
    loops: bool = False

    def claim(self, line: str) -> str:
        """The line of a claim."""
        left, sign, right = line.partition(" = ")
        if self.halved and sign and "d loss" in right:
            line = f"{left} = {HALF}({right}) + {HALF}({right})"
        return re.sub(r"d loss/d (\w+)", self._derivative, line)

    def _derivative(self, found: re.Match[str]) -> str:
        return f"g_{found[1]}" if found[1] in self.named else found[0]


PLAIN = Style()


def lines_of(
    inputs: Mapping[str, Any], steps: Mapping[str, Tree], claims: Sequence[str], style: Style
) -> Iterator[str]:
    """The lines of a model file: definitions, inputs, steps, names of derivatives, claims."""
    definitions: Lines = [f"{HALF}(a) = a/2"] if style.halved else []
    bodies = {title: _body(title, tree, style, definitions) for title, tree in steps.items()}
    plain = [given.written(title) for title, given in inputs.items()]
    known = sorted(style.named & {*inputs, *steps})
    names = [f"let g_{title} = d loss/d {title}" for title in known]
    said = [style.claim(line) for line in claims]
    yield from definitions
    if style.loops:
        yield from _looped(plain, _input_template)
        yield from _looped([f"{title} = {body}" for title, body in bodies.items()], _step_template)
        said = list(_looped(said, _claim_template))
    else:
        yield from plain
        yield from (f"{title} = {body}" for title, body in bodies.items())
    yield from [*names, *said] if style.seed % 2 else [*said, *names]


# ---------------------------------------------------------------------------------------------
# Definitions
# ---------------------------------------------------------------------------------------------


def _body(title: str, tree: Tree, style: Style, definitions: Lines) -> str:
    """The right side of a step: as it is, or a call of a definition that is added to the others."""
    if title not in style.defined or not tree.arguments or tree.operation == "alias":
        return written(tree)
    draw = random.Random(f"{style.seed} {title}")
    letters = draw.sample(_LETTERS, len(_LETTERS))
    given: dict[Tree, str] = {}
    body = _with_letters(tree, given, letters, draw)
    if not 0 < len(given) <= len(_LETTERS):
        return written(tree)
    definitions.append(f"f_{title}({', '.join(given.values())}) = {body}")
    return f"f_{title}({', '.join(map(written, given))})"


def _with_letters(tree: Tree, given: dict[Tree, str], letters: Lines, draw: random.Random) -> str:
    """A tree with letters for its names, and for some of its parts."""
    leaf = tree.operation in ("name", "derivative")
    if tree in given or leaf or (given and tree.arguments and draw.random() < 0.25):
        place = len(given)
        return given.setdefault(tree, letters[place] if place < len(letters) else f"v{place}")
    if not tree.arguments:
        return written(tree)
    parts = [_with_letters(a, given, letters, draw) for a in tree.arguments]
    return filled(tree.operation, parts)


# ---------------------------------------------------------------------------------------------
# Loops
# ---------------------------------------------------------------------------------------------

Template = Callable[[str], tuple[int, str] | None]  # of a line: its turn, and how the loop writes it


def _looped(lines: Lines, template: Template) -> Iterator[str]:
    """Lines with a loop for those that follow one another and are alike."""
    place = 0
    while place < len(lines):
        first, length = template(lines[place]), 1
        while first and place + length < len(lines):
            if template(lines[place + length]) != (first[0] + length, first[1]):
                break
            length += 1
        if first and length > 1:
            yield f"repeat k = {first[0]} to {first[0] + length - 1}:"
            yield f"    {first[1]}"
        else:
            yield from lines[place : place + length]
        place += length


def _counted(text: str, turn: int) -> str:
    def counted(found: re.Match[str]) -> str:
        off = int(found[2]) - turn
        return f"{found[1]}{{k{off:+}}}" if off else f"{found[1]}{{k}}"

    return re.sub(r"\b((?:g_)?[hw])(\d+)\b", counted, text).replace(f"({turn})", "(k)")


def _step_template(line: str) -> tuple[int, str] | None:
    found = re.match(r"h(\d+) = ", line)
    return (int(found[1]), _counted(line, int(found[1]))) if found and found[1] != "0" else None


def _claim_template(line: str) -> tuple[int, str] | None:
    found = re.match(r"claim (?:d loss/d |g_)[hw](\d+) = ", line)
    return (int(found[1]), _counted(line, int(found[1]))) if found else None


def _input_template(line: str) -> tuple[int, str] | None:
    """Of a weight that lies on 0.25*k - 0.5, or on another line of slope 0.25."""
    found = re.fullmatch(r"param w(\d+) = (\S+)", line)
    if found is None:
        return None
    turn = int(found[1])
    start = Fraction(found[2]) - Fraction(turn, 4)
    return (turn, f"param w{{k}} = 0.25*k + ({float(start)})") if start.denominator in (1, 2, 4) else None
