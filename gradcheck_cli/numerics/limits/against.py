"""Reads nothing. Gives the limits of gradients that are computed elsewhere."""

from typing import NamedTuple

__all__ = ["AGAINST", "AgainstLimits"]


class AgainstLimits(NamedTuple):
    """Time and sizes of commands and files of numbers."""

    # seconds | a command that runs longer is ended; --seconds changes it | set by hand: starting R, Julia or
    # torch takes up to ten
    seconds: float = 60.0
    # seconds | a function or command that took longer is not asked again, to see that it gives the same | set
    # by hand, not measured
    asked_again: float = 5.0
    # seconds | that are waited for the output of a command that has ended, which its children may hold open |
    # set by hand, not measured
    last_words: float = 0.5
    # seconds | between two looks at a command that writes nothing | set by hand, not measured
    pause: float = 0.05
    # bytes | a command that writes more is ended: a million numbers of 20 digits are 24 MB | set by hand
    most_output: int = 1 << 26
    # bytes | of its messages that are kept, of which the last line is shown | set by hand, not measured
    most_errors: int = 1 << 16
    # bytes | that are read or written at a time | the size of a pipe
    piece: int = 1 << 16
    # bytes | of a file of numbers: as of data files | set by hand, not measured
    most_file: int = 1 << 28
    # part | of what the largest entry may be off by, where digits are counted, that any other may be: where a
    # slope is 0, a difference leaves 1e-9 of those beside it | set by hand
    part_of_largest: float = 0.01
    # digits | that two numbers can agree to | float64 has no more
    most_digits: int = 15
    # digits | from which on it is said to how many a wrong number agrees | set by hand: slips change the
    # fourth
    least_agreed: int = 5
    # digits | up to which it may be a forward difference of float64; up to the next a central one | their
    # errors at the best step sizes are 1e-8 and 1e-11 of the function
    most_forward: int = 8
    most_central: int = 12
    # numbers | of a JSON text: each takes some eighty bytes | set by hand, not measured
    most_numbers: int = 10_000_000
    # bytes | of the header of a safetensors file | set by hand: a hundred thousand arrays
    most_header: int = 1 << 24


AGAINST = AgainstLimits()
