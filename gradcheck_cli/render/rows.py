"""Reads reports. Gives the rows that people are shown: which, in what order, and what was left out.

Knows nothing of formats: the table, markdown and latex show the same rows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Generic, TypeVar

from gradcheck_cli.common.errors import plural
from gradcheck_cli.render import numbers
from gradcheck_cli.render.text_encoding import entry_name, join_parts
from gradcheck_cli.results.gradient_results import Block, ClaimResult, Entry, Report, Verdict

__all__ = [
    "ENTRY_HEADINGS",
    "SUMMARY_HEADINGS",
    "VERDICTS",
    "NamedEntry",
    "Selection",
    "block_map",
    "block_sentences",
    "claim_map",
    "claim_numbers",
    "claim_sentences",
    "claim_title",
    "claims_heading",
    "count_verdicts",
    "entry_cells",
    "entry_headings",
    "header_parts",
    "is_unread",
    "label",
    "other_cell",
    "other_names",
    "remarks",
    "select_claims",
    "select_gradients",
    "sentences",
    "shown_reference",
    "summary_cells",
    "value_line",
]  # fmt: skip

SMALL_BLOCK = 8  # entries; larger blocks are one line
MOST_ROWS, WORST_ROWS = 24, 10
ENTRY_HEADINGS = ("", "value", "symbolic", "backprop", "finite diff.", "+-", "digits", "")
_METHODS = ("symbolic", "backprop", "finite")
SUMMARY_HEADINGS = (
    *("block", "shape", "entries", "tested", "zero", "|grad|", "fewest digits", "at", ""),
)
VERDICTS = (Verdict.OK, Verdict.KINK, Verdict.UNRESOLVED, Verdict.WRONG, Verdict.ERROR)
Item = TypeVar("Item")


@dataclass(frozen=True)
class Selection(Generic[Item]):
    """The rows to show, and a sentence on those that are not."""

    shown: tuple[Item, ...]
    more: str = ""


@dataclass(frozen=True)
class NamedEntry:
    """One entry with the name it is shown under: "W0[1,2]"."""

    name: str
    entry: Entry
    methods: tuple[str, ...] = _METHODS

    @property
    def verdict(self) -> Verdict:
        """The entry's own."""
        return self.entry.verdict

    @property
    def digits(self) -> float | None:
        """The entry's own."""
        return self.entry.digits


# ---------------------------------------------------------------------------------------------
# A report in words
# ---------------------------------------------------------------------------------------------


def is_unread(report: Report) -> bool:
    """Whether nothing of it could be read, and its error is the whole story."""
    return report.verdict is Verdict.ERROR and report.error is not None


def header_parts(report: Report) -> list[str]:
    """The header line in parts: the file, what is in it, how it was run."""
    if is_unread(report):
        return [label(report)]
    entries = report.coverage.entries or sum(block.total for block in report.parameters)
    blocks = len(report.parameters)
    arrays = f" in {plural(blocks, 'block')}" if entries > blocks > 0 else ""
    contents = join_parts(
        (
            plural(entries, "parameter") + arrays if entries else "",
            plural(report.steps, "step") if "symbolic" in report.columns else "",
            plural(len(report.claims), "claim") if report.claims else "no claims",
            "" if "symbolic" not in report.columns else _rows(report),
        )
    )
    scheme = "" if report.scheme == "extrapolated" else f"scheme {report.scheme}"
    run = join_parts((f"seed {report.seed}", plural(report.points, "point"), scheme))
    given = join_parts(f"{name} = {value}" for name, value in report.settings.items())
    return [label(report), contents, run, *([f"set {given}"] if given else [])]


def _rows(report: Report) -> str:
    return "no rows" if report.rows is None else plural(report.rows, "row")


def label(report: Report) -> str:
    """The model as typed, and the file of claims judged against it."""
    claims = f", claims of {report.claims_file}" if report.claims_file else ""
    return f"{report.model}{claims}"


def value_line(report: Report) -> str:
    """The value of the loss, as both forward passes see it."""
    if report.loss is None:
        return report.value_note
    value, symbolic = numbers.number(report.loss), numbers.number(report.loss_symbolic)
    other = symbolic not in (value, numbers.ABSENT) and f" (symbolic {symbolic})"
    return f"loss = {value}{other or ''}   {report.value_note}".rstrip()


def sentences(report: Report) -> list[str]:
    """What was proved and what was not; the summary where there is nothing more to say."""
    if report.closing:
        return list(report.closing)
    told = report.summary.rstrip(".") in ("", report.value_note.rstrip("."))
    return [] if told else [report.summary]


def count_verdicts(verdicts: Iterable[Verdict], order: Sequence[Verdict] = VERDICTS) -> str:
    """ "1 WRONG, 14 ok"."""
    found = Counter(verdicts)
    return join_parts(f"{numbers.count(found[v])} {v}" for v in order if found[v])


# ---------------------------------------------------------------------------------------------
# Which rows
# ---------------------------------------------------------------------------------------------


def select_gradients(
    report: Report, verbosity: int
) -> tuple[Selection[NamedEntry], Selection[Block]]:
    """Small blocks and disputes entry by entry, large blocks in one line each."""
    entries, blocks = list(_entries(report)), [b for b in report.parameters if not _small(b)]
    is_long = verbosity <= 0 and len(entries) + len(blocks) > MOST_ROWS
    return _select(entries, is_long), _select(blocks, is_long)


def select_claims(report: Report, verbosity: int) -> Selection[ClaimResult]:
    """The claims to list, worst first: all with -v, else those with something to say."""
    told = [c for c in report.claims if verbosity > 0 or c.verdict is not Verdict.OK or c.note]
    told.sort(key=lambda claim: (-VERDICTS.index(claim.verdict), claim.line))
    if verbosity > 0 or len(told) <= MOST_ROWS:
        return Selection(tuple(told))
    rest = count_verdicts(claim.verdict for claim in told[WORST_ROWS:])
    return Selection(tuple(told[:WORST_ROWS]), f"... {rest} more (-v)")


def claims_heading(report: Report, verbosity: int) -> str:
    """ "1 WRONG, 14 ok (-v lists them)"."""
    parts = count_verdicts((claim.verdict for claim in report.claims), VERDICTS[::-1])
    hidden = verbosity <= 0 and any(c.verdict is Verdict.OK and not c.note for c in report.claims)
    return parts + (" (-v lists them)" if hidden else "")


def _small(block: Block) -> bool:
    return block.total <= SMALL_BLOCK


def _entries(report: Report) -> Iterator[NamedEntry]:
    for block in report.parameters:
        for entry in block.entries:
            if _small(block) or entry.verdict is not Verdict.OK:
                yield NamedEntry(entry_name(block.name, entry.index), entry, report.columns)


Judged = TypeVar("Judged", NamedEntry, Block)


def _select(rows: list[Judged], is_long: bool) -> Selection[Judged]:
    if not is_long or len(rows) <= WORST_ROWS + 1:
        return Selection(tuple(rows))
    rows = sorted(rows, key=_worst_first)
    return Selection(tuple(rows[:WORST_ROWS]), _more(rows[WORST_ROWS:]))


def _worst_first(row: NamedEntry | Block) -> tuple[int, float]:
    return -VERDICTS.index(row.verdict), math.inf if row.digits is None else row.digits


def _more(rows: Sequence[NamedEntry | Block]) -> str:
    """ "... 1,992 more, all ok, at least 9 digits (-v)"."""
    fewest = math.floor(min((row.digits for row in rows if row.digits is not None), default=0))
    known = f"at least {plural(fewest, 'digit')}" if fewest else ""
    notes = (row.entry.note or "" for row in rows if isinstance(row, NamedEntry))
    settled = sum("settled by high precision" in note for note in notes)
    precise = f"{numbers.count(settled)} settled by high precision" if settled else ""
    verdicts = {row.verdict for row in rows}
    kinds = f"all {verdicts.pop()}" if len(verdicts) == 1 else count_verdicts(r.verdict for r in rows)
    return f"... {join_parts((f'{numbers.count(len(rows))} more', kinds, precise, known))} (-v)"


# ---------------------------------------------------------------------------------------------
# What stands in a row
# ---------------------------------------------------------------------------------------------


def entry_headings(others: Sequence[str] = (), methods: Sequence[str] = _METHODS) -> list[str]:
    """ENTRY_HEADINGS without methods that did not run, with a column for each gradient that was computed
    elsewhere before the verdict."""
    absent = {h for method, h in zip(_METHODS, ENTRY_HEADINGS[2:], strict=False) if method not in methods}
    own = [heading for heading in ENTRY_HEADINGS if not heading or heading not in absent]
    return [*own[:-1], *others, own[-1]]


def other_names(report: Report) -> list[str]:
    """What heads the columns of gradients that were computed elsewhere."""
    return [comparison.name for comparison in report.against]


def other_cell(entry: Entry, name: str, significant: int = 10) -> str:
    """What was computed elsewhere, with its verdict unless it is ok."""
    if name not in entry.against:
        return ""
    verdict = entry.against_verdicts.get(name, Verdict.OK)
    value = numbers.number(entry.against[name], significant)
    return value if verdict is Verdict.OK else f"{value} {verdict}"


def entry_cells(
    row: NamedEntry, value_digits: int = 10, significant: int = 10, others: Sequence[str] = ()
) -> list[str]:
    """The cells under entry_headings."""
    entry = row.entry
    columns = [getattr(entry, method) for method in row.methods]
    return [
        row.name,
        numbers.number(entry.value, value_digits),
        *numbers.alike(columns, significant),
        numbers.bound(entry.bound),
        numbers.digits(entry.digits),
        *(other_cell(entry, name, significant) for name in others),
        str(entry.verdict),
    ]


def summary_cells(block: Block) -> list[str]:
    """The cells under SUMMARY_HEADINGS."""
    return [
        block.name,
        "x".join(map(str, block.shape)),
        *map(numbers.count, (block.total, block.checked, block.zero)),
        numbers.norm(block.norm),
        numbers.digits(block.digits),
        "" if block.worst is None else entry_name(block.name, block.worst),
        str(block.verdict),
    ]


def block_sentences(block: Block) -> list[str]:
    """What is said under a block's row: which entries are WRONG, and what all together show."""
    return [text for text in (f"WRONG: {block.where}" if block.where else "", block.note or "") if text]


def block_map(block: Block) -> list[str]:
    """The lines of the map of WRONG entries, with what they mean; none where words say it all."""
    return _draw(block.map)


def remarks(entry: Entry) -> list[str]:
    """What is said beside or under an entry's row."""
    at = f"at point {entry.point}" if entry.point else ""
    value = shown_reference(entry)
    reference = "" if value is None else f"reference {numbers.number(value)}"
    told = (at, _zero(entry), _slopes(entry), reference, entry.note or "")
    return [text for text in told if text]


def shown_reference(entry: Entry) -> float | None:
    """The reference's value where it decided: not the 0 of an entry that is zero in all columns."""
    return None if entry.reference == 0 and _zero(entry) else entry.reference


def _zero(entry: Entry) -> str:
    """What is said where all columns are zero and no digits can be counted."""
    if not entry.tested:
        return "not tested" if entry.below else "zero, not tested"
    columns = (entry.symbolic, entry.backprop, entry.finite)
    known = entry.digits is not None or entry.verdict is not Verdict.OK or entry.below
    return "" if known or any(columns) else "zero here, tested at other points"


def claim_title(claim: ClaimResult) -> str:
    """ "d loss/d f2 = sin(f2) * d loss/d h3"."""
    equals = " " if claim.formula.startswith("from ") else " = "
    return f"{claim.display}{equals}{claim.formula}" if claim.formula else claim.display


def claim_numbers(claim: ClaimResult, whose: str = "yours") -> list[str]:
    """The lines of numbers under a claim: how many, where, `whose` and true."""
    lines = []
    if claim.total > 1 and claim.wrong:
        lines.append(_entries_at(claim))
    if claim.claimed is not None or claim.true is not None:
        yours, true = numbers.pair(claim.claimed, claim.true)
        gap = "" if yours.startswith("-") else " "
        parts = f"{whose} {gap}{yours}", f"true {'' if true.startswith('-') else ' '}{true}"
        lines.append("     ".join(chain(parts, filter(None, [_points(claim)]))))
    if claim.carried is not None:
        lines.append(f"your own chain carries {numbers.number(claim.carried)}")
    return lines + ([_slopes(claim)] if _slopes(claim) else [])


def claim_map(claim: ClaimResult) -> list[str]:
    """The lines of the map of wrong entries, with what they mean; none where words say it all."""
    return _draw(claim.map)


def _draw(lines: Sequence[str]) -> list[str]:
    return [*lines, "█ wrong   ░ right"] if lines else []


def claim_sentences(claim: ClaimResult) -> list[str]:
    """What is said under a claim's numbers: what is wrong, where, and what would be right."""
    diagnosis = claim.diagnosis or ""
    return [
        *([diagnosis] if diagnosis else []),
        *([_chain(claim)] if claim.where else []),
        *([claim.note] if claim.note else []),
        *([f"right: {claim.truth}"] if claim.truth else []),
    ]


def _chain(claim: ClaimResult) -> str:
    """Where the backward pass goes wrong: "right down to d loss/d h3, wrong from d loss/d f2; ..."."""
    said = f"right down to d {claim.of}/d {claim.where}"
    if not claim.inherited:
        return said
    inherit = "parameters inherit" if claim.inherited > 1 else "parameter inherits"
    return f"{said}, wrong from {claim.display}; {claim.inherited:,} {inherit} it"


def _entries_at(claim: ClaimResult) -> str:
    """ "row 2 of W0 (3 of 12 entries); worst at W0[2,1]"; one entry is its own worst."""
    counted = f"{numbers.count(claim.wrong)} of {numbers.count(claim.total)} entries"
    said = claim.place or counted
    if said != counted:
        said += f" ({counted})"
    if claim.wrong == 1 and claim.place:
        return said
    row = "" if claim.row is None else f" in row {claim.row}"
    named = claim.by if claim.by and claim.of == "loss" else "" if claim.by else claim.of
    name = entry_name(named, claim.index)
    place = f" at {name}" if claim.index else ""
    return said + (f"; worst{row}{place}" if row + place else "")


def _points(claim: ClaimResult) -> str:
    if not claim.points_wrong:
        return ""
    first = f"first at point {claim.point}, " if claim.point else ""
    return f"{first}at {claim.points_wrong} of {plural(claim.points_total, 'point')}"


def _slopes(judged: Entry | ClaimResult) -> str:
    if judged.left is None and judged.right is None:
        return ""
    left, right = numbers.pair(judged.left, judged.right)
    return f"left slope {left}, right slope {right}"
