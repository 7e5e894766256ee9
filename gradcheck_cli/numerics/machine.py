"""Reads nothing. Gives the constants of IEEE 754 double precision, and how bytes are spelled.

References
----------
IEEE 754-2019, table 3.5 (binary64); Higham 2002, section 2.1.
"""

from __future__ import annotations

__all__ = ["DOUBLE_BYTES", "EPS", "MOST_DIGITS", "SMALLEST_NORMAL", "TINY", "spell_bytes"]

DOUBLE_BYTES = 8  # of one number
EPS = 2.0**-52  # spacing of the numbers from 1 to 2; twice the unit roundoff
SMALLEST_NORMAL = 2.0**-1022  # below it digits are lost one by one
MOST_DIGITS = 15.9  # decimal digits that a number can carry: -log10 of half of EPS, rounded down
TINY = 2.0**-1074  # the smallest positive number, and the spacing of the subnormal ones


def spell_bytes(size: int) -> str:
    """A number of bytes as people read it, rounded up.

    Parameters
    ----------
    size : bytes

    Returns
    -------
    str
        Such as "300 MiB" or "2.3 GiB".
    """
    mebibytes = -(-size // 2**20)
    return f"{mebibytes} MiB" if mebibytes < 2**10 else f"{-(-mebibytes * 10 // 2**10) / 10:,.1f} GiB"
