"""Reads nothing. Gives what an answer is: frozen records, from one number's Entry to a whole Report.

Knows nothing of how an answer is found. Arrays are read-only; verdicts are words with an order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NoReturn

from gradcheck_cli.common.errors import GradcheckError, OptionError, printable
from gradcheck_cli.common.fail_on import FAIL_ON
from gradcheck_cli.numerics.limits.checking import CHECKING

__all__ = [
    "Block", "ClaimResult", "Comparison", "Coverage", "Entry", "ExplainedStep", "Explanation",
    "Failure", "Report", "Restriction", "Verdict", "exit_code", "worst",
]  # fmt: skip


class Verdict(Enum):
    """The five words, mildest first; their order is their precedence within a report.

    Examples
    --------
    >>> from gradcheck_cli import Verdict
    >>> str(Verdict.KINK), Verdict.KINK.exit_code, Verdict.UNRESOLVED.exit_code
    ('KINK', 0, 3)
    """

    OK = "ok"
    KINK = "KINK"
    UNRESOLVED = "UNRESOLVED"
    WRONG = "WRONG"
    ERROR = "ERROR"

    def __str__(self) -> str:
        return self.value

    def __bool__(self) -> NoReturn:
        raise TypeError("a verdict is not a truth value; compare it with Verdict.OK")

    @property
    def exit_code(self) -> int:
        """What a process that found this returns."""
        return _EXIT_CODES[self]


class Restriction(Enum):
    """Where alone a claim is right. --strict accepts none of them."""

    DATA = "data"  # for these data
    POINT = "point"  # at the given point
    SIDE = "side"  # on one side of kinks
    CONVENTION = "convention"  # at a kink, by convention
    SYMMETRY = "symmetry"  # for symmetric matrices
    FORMAT = "format"  # if it was computed in float32, as it seems

    def __str__(self) -> str:
        return self.value


_SEVERITY = {verdict: rank for rank, verdict in enumerate(Verdict)}
_EXIT_CODES = {
    Verdict.OK: 0,
    Verdict.KINK: 0,
    Verdict.WRONG: 1,
    Verdict.ERROR: 2,
    Verdict.UNRESOLVED: 3,
}
_EXIT_PRECEDENCE = (70, 2, 1, 3, 0)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The most severe of them; OK if there are none. WRONG > UNRESOLVED > KINK > ok."""
    return max(verdicts, key=_SEVERITY.__getitem__, default=Verdict.OK)


def exit_code(verdicts: Iterable[Verdict], fail_on: str | None = None) -> int:
    """The exit code over several files: 2 > 1 > 3 > 0.

    With `fail_on`, a verdict's name in small letters, it is 1 for this verdict and WRONG, 0 for milder ones;
    what cannot be read stays 2. Raises OptionError for another word than FAIL_ON has.
    """
    if fail_on is not None and fail_on.lower() not in FAIL_ON:
        message = f"fail_on cannot be {printable(fail_on)!r}"
        raise OptionError(message, help=f"it is one of {', '.join(FAIL_ON)}")
    found = set(verdicts)
    if fail_on is None or Verdict.ERROR in found:
        codes = {verdict.exit_code for verdict in found}
        return next((code for code in _EXIT_PRECEDENCE if code in codes), 0)
    return int(_SEVERITY[worst(found)] >= _SEVERITY[Verdict[fail_on.upper()]])


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of one derivative at the point shown, as the three methods see it.

    `bound` bounds the error of `finite`; `digits` are those proved equal (None: none could be). `reference`
    is the value at high precision where it decided; the columns hold what each method computed, whatever it
    says. A number that was not computed is None.
    """

    index: tuple[int, ...]
    value: float
    symbolic: float | None
    backprop: float | None
    finite: float | None
    bound: float | None
    digits: float | None
    verdict: Verdict
    note: str | None = None
    left: float | None = None  # slopes at a kink
    right: float | None = None
    reference: float | None = None  # the value at 50 digits or more, where it decided
    against: Mapping[str, float] = field(default_factory=dict)  # what others gave, by their names
    against_verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    tested: bool = True  # False: zero in all columns at all points
    below: bool = False  # no zero: below the range of float64
    point: int = 0  # 0: the given point; a disagreement elsewhere is an entry of its own

    @property
    def true(self) -> float | None:
        """What stands for the derivative: at high precision, by backprop, else by differences."""
        known = (self.reference, self.backprop, self.finite)
        return next((value for value in known if value is not None), None)


@dataclass(frozen=True, kw_only=True)
class Block:
    """All entries of one parameter (or other name differentiated by)."""

    name: str
    shape: tuple[int, ...]
    verdict: Verdict
    total: int
    checked: int  # differenced one by one and not zero everywhere
    zero: int  # zero in all columns at all points: not tested
    digits: float | None
    worst: tuple[int, ...] | None
    entries: tuple[Entry, ...]
    below: int = 0  # of `zero`: below the range of float64
    norm: float = 0.0
    claimed: bool = False
    way: str = "each"  # how its entries were differenced: each, by node, sampled
    one_by_one: int = 0  # of `checked`: with a finite difference of their own; the others in sums
    unseen: float = 0.0  # the part of the entries in which a mistake of 1e-3 of itself goes unseen
    where: str | None = None  # "row 3 of W1", where more than one entry is WRONG
    map: tuple[str, ...] = ()
    note: str | None = None
    lacks: str | None = None  # with --require-claims: what a claim of it lacks
    line: int | None = None  # where it is declared


@dataclass(frozen=True, kw_only=True)
class ClaimResult:
    """How one claim fared; `claimed` and `true` at the worst place, `points` as "4 of 4"."""

    line: int
    of: str
    by: str  # empty where the claim is of the value of a step
    display: str  # "d loss/d f2" as the author wrote it
    formula: str
    kind: str  # formula | number | value
    verdict: Verdict
    claimed: float | None = None
    true: float | None = None
    point: int = 0
    row: int | None = None
    index: tuple[int, ...] | None = None
    wrong: int = 0  # entries
    total: int = 1
    points_wrong: int = 0
    points_total: int = 0
    where: str | None = None
    diagnosis: str | None = None
    note: str | None = None
    inherited: int = 0  # parameters whose gradients pass through this one and inherit its mistake
    truth: str | None = None  # the right formula, with --hint truth
    carried: float | None = None  # with --carry: the value of the author's own chain
    left: float | None = None
    right: float | None = None
    place: str | None = None  # which entries are wrong: "row 2 of W0"; None for a single number
    map: tuple[str, ...] = ()  # the wrong entries as lines of characters, where words do not say it
    only: tuple[Restriction, ...] = ()  # where alone it is right; the note says it in words
    error: Failure | None = None  # why it could not be read, where its verdict is ERROR
    file: str | None = None  # that the line is of, where it is not that of the other claims
    reading: str = ""  # how a right side of another shape was read; part of the note where nothing else is


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A gradient that was computed elsewhere, beside the true one: `results`, one for each parameter."""

    name: str  # heads its column
    source: str  # what was asked for
    verdict: Verdict
    results: tuple[ClaimResult, ...] = ()
    precision: str = "float64"  # in which it was computed, as far as it says
    loss: float | None = None  # the value that it gave with the gradient
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Coverage:
    """How many entries there are, were compared, and are zero in all columns at all points."""

    entries: int
    checked: int
    zero: int
    one_by_one: int = 0  # of `checked`: with a finite difference of their own
    unseen: float = 0.0  # probability that a single entry off by 1e-3 of itself goes unseen


@dataclass(frozen=True)
class Failure:
    """Why a file could not be read, or at which step its value could not be computed."""

    message: str
    line: int | None = None
    column: int | None = None
    help: str | None = None
    text: str = ""  # the whole error as shown, with its caret
    file: str | None = None

    @classmethod
    def of(cls, error: GradcheckError) -> Failure:
        """What an error says."""
        place = error.place
        return cls(
            message=error.message,
            line=place.line if place else None,
            column=place.column if place else None,
            help=error.help,
            text=str(error),
            file=error.file,
        )


@dataclass(frozen=True, kw_only=True)
class Report:
    """What `gradcheck run` found out about one model.

    Examples
    --------
    >>> from gradcheck_cli import check, load
    >>> report = check(load("param w[2] = [1, 2]; loss = sum(w^3)"))
    >>> for block in report.parameters:
    ...     for entry in block.entries:
    ...         print(block.name, entry.index, entry.symbolic, entry.backprop, entry.verdict)
    w (0,) 3.0 3.0 ok
    w (1,) 12.0 12.0 ok
    """

    model: str
    verdict: Verdict
    summary: str = ""  # the last sentence, also the one line of an ok model among many
    error: Failure | None = None
    loss: float | None = None
    loss_symbolic: float | None = None
    value_note: str = ""  # "symbolic and forward pass agree to 15 digits"
    rows: int | None = None
    seed: int = 0
    points: int = CHECKING.points
    scheme: str = "extrapolated"
    steps: int = 0
    settings: Mapping[str, object] = field(default_factory=dict)
    parameters: tuple[Block, ...] = ()
    claims: tuple[ClaimResult, ...] = ()
    coverage: Coverage = Coverage(0, 0, 0)
    closing: tuple[str, ...] = ()  # sentences: what was proved and what was not
    notes: tuple[str, ...] = ()
    claims_file: str | None = None
    columns: tuple[str, ...] = ("symbolic", "backprop", "finite")  # of the methods that ran
    errors: tuple[Failure, ...] = ()  # all that were met in a text that cannot be read, by line
    against: tuple[Comparison, ...] = ()  # gradients that were computed elsewhere

    def __bool__(self) -> NoReturn:
        raise TypeError("a report is not a truth value; look at its verdict")

    def __str__(self) -> str:
        """The table, as `gradcheck run` prints it, without colors."""
        from gradcheck_cli import as_table  # the package knows who draws

        return as_table(self)

    def _repr_html_(self) -> str:
        """The table, as notebooks show it."""
        from gradcheck_cli import as_html

        return as_html(self)

    @property
    def exit_code(self) -> int:
        """What a process that found this returns."""
        return self.verdict.exit_code


@dataclass(frozen=True)
class ExplainedStep:
    """One line of a pass. In the backward lists `name` is the denominator of d loss/d name."""

    name: str
    formula: str
    value: object  # float, or nested lists; None where it is per row and no row was chosen
    line: int
    local: str = ""  # "d h3/d f2 = -sin(f2)"
    shape: tuple[int, ...] = ()
    latex: str = ""
    local_latex: str = ""
    title: str = ""  # "d loss/d f2", or the step's name as the author wrote it


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Three lists: forward pass, backward pass #1 (steps) and #2 (parameters)."""

    model: str
    row: int | None
    rows: int | None
    loss: float | None
    loss_formula: str
    inputs: tuple[ExplainedStep, ...]
    forward: tuple[ExplainedStep, ...]
    backward_steps: tuple[ExplainedStep, ...]
    backward_parameters: tuple[ExplainedStep, ...]
    notes: tuple[str, ...] = ()
