"""Reads the bytes of a text, in pieces. Gives its lines, without comments. Knows nothing of columns."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import IO

from gradcheck_cli.common.errors import DataError
from gradcheck_cli.numerics.limits.language import LanguageLimits

__all__ = ["TextLines"]

_COMMENT = re.compile(r"^[^\S\n]*[#%]", re.MULTILINE)  # \s over many blank lines is quadratic


class TextLines:
    """The lines of an open file in UTF-8 or UTF-16, with their ends as they are.

    Comments, and blank lines above the first line, are left out. Every reading starts at the first line.
    """

    def __init__(self, file: str, stream: IO[bytes], limits: LanguageLimits) -> None:
        self.file, self.stream, self.limits = file, stream, limits
        self.left_out: list[int] = []  # numbers of lines, by the last reading
        self.comments: list[str] = []  # above the first line

    def __iter__(self) -> Iterator[str]:
        self.left_out, self.comments = [], []
        seen, has_begun = 0, False
        for lines, has_comments in self._pieces():
            if has_begun and not has_comments:
                yield from lines
            else:
                for k, line in enumerate(lines, start=seen + 1):
                    if self._is_kept(line, has_begun=has_begun):
                        has_begun = True
                        yield line
                    else:
                        self.left_out.append(k)
            seen += len(lines)

    def _is_kept(self, line: str, *, has_begun: bool) -> bool:
        if not _COMMENT.match(line):
            return has_begun or bool(line.strip())
        if not has_begun:
            self.comments.append(line.strip().lstrip("#% "))
        return False

    def number_of(self, kept: int) -> int:
        """The number in the file of a line that is the so manyth of those given."""
        for left_out in self.left_out:
            kept += left_out <= kept
        return kept

    def _pieces(self) -> Iterator[tuple[list[str], bool]]:
        """Lines, and whether comments are among them."""
        self.stream.seek(0)
        wide = self.stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        decoder = codecs.getincrementaldecoder("utf-16" if wide else "utf-8-sig")()
        self.stream.seek(0)
        number, rest = 1, ""
        while True:
            piece = self.stream.read(self.limits.piece_bytes)
            decoded = self._decode(decoder, piece, number)
            if "\0" in decoded:
                line = number + decoded[: decoded.index("\0")].count("\n")
                raise DataError(f"{self.file}, line {line}: a NUL character; this is no CSV file")
            number += decoded.count("\n")
            text = rest + decoded
            # an \r at the end may belong to an \n that is still to come
            cut = max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1 if piece else len(text)
            yield list(io.StringIO(text[:cut], newline="")), _COMMENT.search(text, 0, cut) is not None
            rest = text[cut:]
            longest = self.limits.longest_line
            if len(rest) > longest:
                raise DataError(f"{self.file}, line {number} has more than {longest:,} characters")
            if not piece:
                return

    def _decode(self, decoder: codecs.IncrementalDecoder, piece: bytes, line: int) -> str:
        waiting = decoder.getstate()[0]
        try:
            return decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as reason:
            whole = waiting + piece
            line += whole[: reason.start].count(b"\n")
            raise DataError(
                f"{self.file}, line {line}: byte 0x{whole[reason.start]:02x} is not UTF-8 text",
                help="a table is a CSV file in UTF-8, an .npy or an .npz",
            ) from None
