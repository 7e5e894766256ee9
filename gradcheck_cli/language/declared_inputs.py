"""Reads the values of names, one by one. Gives the inputs of a model, and counts their rows and their bytes.

Knows nothing of where the values come from.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.language.data.file_access import spell_size
from gradcheck_cli.language.source_text import Source, Span
from gradcheck_cli.language.statements import AssumedWord, Name
from gradcheck_cli.model.assumptions import KINDS, Assumption
from gradcheck_cli.model.builder import Builder
from gradcheck_cli.model.graph import spell_shape
from gradcheck_cli.model.model import Input
from gradcheck_cli.model.primitives.record import Shape
from gradcheck_cli.model.random_points import draw_kept
from gradcheck_cli.model.whole_ranges import assumed_range
from gradcheck_cli.numerics.machine import DOUBLE_BYTES

__all__ = ["DeclaredInputs"]

Array = NDArray[np.float64]


class DeclaredInputs:
    """The inputs that were declared so far; all rows names have as many rows, all together at most `limit`
    bytes."""

    def __init__(
        self, source: Source, builder: Builder, limit: int, seed: int = 0, most_in_range: int = 0
    ) -> None:
        self.source, self.builder, self.limit = source, builder, limit
        self.seed, self.most_in_range = seed, most_in_range
        self.inputs: dict[str, Input] = {}
        self.data: dict[str, Array] = {}
        self.rows: int | None = None
        self.rows_from: Name | None = None
        self.bytes = 0
        self.assumed: dict[str, tuple[AssumedWord, ...]] = {}  # words behind the names

    def count_rows(self, count: int, name: Name) -> None:
        """Every rows name has so many rows. Raises LanguageError where others have another number."""
        if count == 0:
            raise self.source.error("there are no rows", name.span)
        if self.rows is not None and self.rows != count and self.rows_from is not None:
            related = (self.source.related("declared here", self.rows_from.span),)
            raise self.source.error(
                f'"{name.display}" has {count} rows, "{self.rows_from.display}" has {self.rows}',
                name.span,
                help="all rows names have one value per training example",
                related=related,
            )
        if self.rows is None:
            self.rows, self.rows_from = count, name

    def reserve(self, name: Name, shape: Shape, *, counts: bool = True) -> None:
        """Refuse what would take more memory than allowed, before it is taken."""
        size = DOUBLE_BYTES * math.prod(shape) if counts else 0
        if self.bytes + size > self.limit:
            raise ShapeError(
                f'"{name.display}" of the shape {spell_shape(shape)} needs {spell_size(size)}; '
                f"at most {spell_size(self.limit)} are read",
                place=self.source.place(*name.span),
                help="--max-data raises the limit",
            )
        if len(shape) and 0 in shape:
            raise self.source.error(f'"{name.display}" has no entries', name.span)

    def check_finite(self, name: Name, values: Array) -> None:
        """Refuse values that are no finite numbers.

        Parameters
        ----------
        name : whose values they are
        values : float64 array

        Raises
        ------
        LanguageError
            Names the first entry that is not finite.
        """
        wrong = np.argwhere(~np.isfinite(values))
        if len(wrong):
            where = tuple(int(k) for k in wrong[0])
            entry = f"[{','.join(map(str, where))}]" if where else ""
            raise self.source.error(
                f'the value of "{name.display}{entry}" is {values[where]}',
                name.span,
                help="all values are finite numbers",
            )

    def enter(
        self,
        name: Name,
        kind: str,
        shape: Shape,
        values: Array,
        origin: str,
        *,
        mean: float = 0.0,
        text: str = "",
        mapped: bool = False,
    ) -> None:
        """Add an input.

        Parameters
        ----------
        name : of the input
        kind : "param", "data" or "rows"
        shape : of the input; without the rows
        values : float64 array, (*shape) or (rows, *shape); read-only from here on
        origin : where the values come from; those of a "file" are not copied
        mean : of the distribution that they were drawn from
        text : the value as it is written
        mapped : whether the array stays in its file and takes no memory

        Raises
        ------
        LanguageError
            If there are too many axes, no rows, or another number of them than elsewhere.
        """
        if len(shape) > self.builder.limits.most_axes:
            raise self.source.error(
                f'"{name.display}" has {len(shape)} axes, at most {self.builder.limits.most_axes} are read',
                name.span,
                help="NumPy's reshape joins axes",
            )
        if kind == "rows":
            self.count_rows(values.shape[0], name)
        assumptions, values = self._assume(name, shape, values, origin)
        array = values if origin == "file" else np.array(values, dtype=np.float64)  # a column is not copied
        self.bytes += 0 if mapped else array.nbytes
        if kind == "data":
            self.data[name.name] = array
        array.setflags(write=False)
        node = self.builder.leaf(name.name, shape, per_row=kind == "rows")
        self._note_whole(node, kind, assumptions)
        self.inputs[name.name] = Input(
            name=name.name,
            display=name.display,
            kind=kind,
            shape=shape,
            values=array,
            line=self.source.line(name.span.start),
            origin=origin,
            node=node,
            mean=mean,
            text=text,
            assumptions=assumptions,
        )

    def _note_whole(self, node: int, kind: str, assumptions: tuple[Assumption, ...]) -> None:
        """Whole-number data may stand in an index."""
        found = assumed_range(assumptions) if assumptions and kind != "param" else None
        if found is not None:
            self.builder.whole[node] = found

    def _assume(
        self, name: Name, shape: Shape, values: Array, origin: str
    ) -> tuple[tuple[Assumption, ...], Array]:
        """What is assumed of a name, and its values; drawn ones are made to keep it."""
        words = self.assumed.get(name.name, ())
        if not words:
            return (), values
        from gradcheck_cli.language.assumed_words import check_kept, read_assumptions

        assumptions = read_assumptions(self.source, name, words, self.most_in_range)
        if origin in ("drawn", "free") and all(KINDS[a.kind].takes(shape) for a in assumptions):
            values = draw_kept(assumptions, values, self.seed, name.name)
        span = Span(words[0].span.start, words[-1].span.end)
        check_kept(self.source, name, shape, values, [(a, span) for a in assumptions])
        return assumptions, values
