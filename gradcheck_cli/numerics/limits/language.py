"""Reads nothing. Gives the limits of language: how large texts and tables may be."""

from typing import NamedTuple

__all__ = ["DEFAULTS", "LanguageLimits"]


class LanguageLimits(NamedTuple):
    """Tolerances, safety factors and work limits of language."""

    # bytes | a model's text beyond it is refused before it is read; --max-text raises it | set by hand,
    # not measured
    max_text: int = 16 * 2**20
    # bytes | a data file beyond it is refused before memory is taken for it; --max-data raises it | set by
    # hand, not measured
    max_data: int = 256 * 2**20
    # operations | numbers, names and operators of one text: they take half a GiB | set by hand, not measured
    most_operations: int = 1_000_000
    # lines and terms | that loops and sums over an index write: 10^9 are refused at once | set by hand:
    # as many assignments were read in 4 s, 20,000 steps of a chain in 2 s
    most_copies: int = 100_000
    # loops and sums | in one another: each level is a call of a function | set by hand, not measured
    deepest_loops: int = 20
    # numbers | that `in A to B` may name: the words of a vocabulary | set by hand, not measured
    most_in_range: int = 100_000
    # characters | longer statements are parsed one by one, and the cache keeps none of them | set by hand,
    # not measured
    longest_cached: int = 1000
    # statements | shapes that the parse cache keeps: with the line above, at most a few MB | set by hand,
    # not measured
    most_cached: int = 1000
    # characters | names beyond it get no suggestions: the edit distance is quadratic | set by hand, not
    # measured
    longest_corrected: int = 64
    # characters | before and after the place of a syntax error that are looked at for advice | set by hand,
    # not measured
    syntax_context: int = 10_000
    # pairs of braces | in one another, of a formula in LaTeX that is written out | set by hand, not measured
    deepest_braces: int = 12
    # factors | without signs between them that are written out as a product | set by hand, not measured
    most_factors: int = 8
    # draws | of the parameters without a value, until the loss is finite | set by hand, not measured
    most_draws: int = 100
    # bytes | standard input and the text of a CSV file are read in pieces of it | set by hand, not measured
    piece_bytes: int = 1 << 16
    # lines | of a CSV file that are parsed at a time: line by line takes twice as long | set by hand, not
    # measured
    piece_lines: int = 1 << 12
    # lines | of a CSV file that show its layout: two records, one of them a header of several lines | set by
    # hand, not measured
    layout_lines: int = 20
    # characters | a longer line is no line of a table: bounds the memory of a piece | set by hand, not
    # measured
    longest_line: int = 1 << 24
    # characters | of the header of an .npy file: bounds the work before the shape is known | set by hand,
    # not measured
    longest_npy_header: int = 10_000
    # errors | of one text that are told at once: they fit a screen | set by hand, not measured
    most_errors: int = 5
    # characters | a longer text is told its first error alone: it is read again for each | set by hand, not
    # measured
    longest_reread: int = 50_000
    # lines | of a file of claims that cannot be read: it is read again without each of them | set by hand,
    # not measured
    most_unread: int = 20
    # files | of a folder that are compared with the name of one that is missing | set by hand, not measured
    most_neighbors: int = 1000
    # characters | a shorter name is corrected by one edit, others by two: a short one is near too many | set
    # by hand, not measured
    short_name: int = 5
    # whole number | the first argument of polygamma and of the Bessel functions: beyond it values leave the
    # range of float64 | set by hand, not measured
    largest_order: int = 100


DEFAULTS = LanguageLimits()
