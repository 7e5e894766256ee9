#!/usr/bin/env bash
# mpmath==1.3.0 (PyPI)
# Expected: nstr(x, n) of a number with 50 digits is the decimal of n digits nearest to it.
# Seen: x is converted with a few digits more than n, and cut off there. A number that lies above the middle of two
# decimals by a millionth of their distance, or less, may go down: 2.6750000001 with 3 digits is 2.67. Where the cut is
# exact, as for 0.1250000001, or the distance larger, it goes up.
# Why it matters: tables of reference values are printed by nstr, and whoever holds a program's result to half a unit of
# the last digit printed finds the right result wrong.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mpmath==1.3.0
cat > "$folder/expected" <<'EXPECTED'
0.48302500000103514 with 5 digits: nstr 0.48302, nearest 0.48303
2.6750000001 with 3 digits: nstr 2.67, nearest 2.68
3.1450000001 with 3 digits: nstr 3.14, nearest 3.15
9.8650000001 with 3 digits: nstr 9.86, nearest 9.87
9.86501 with 3 digits: nstr 9.87, nearest 9.87
0.1250000001 with 2 digits: nstr 0.13, nearest 0.13
EXPECTED
cat > "$folder/program.py" <<'PROGRAM'
from decimal import Context, Decimal

from mpmath import mp, mpf, nstr

mp.dps = 50
for text, digits in (
    ("0.48302500000103514", 5), ("2.6750000001", 3), ("3.1450000001", 3), ("9.8650000001", 3), ("9.86501", 3),
    ("0.1250000001", 2),
):
    nearest = Context(prec=digits).create_decimal(Decimal(text))
    print(f"{text} with {digits} digits: nstr {nstr(mpf(text), digits)}, nearest {nearest}")
PROGRAM
"$folder/venv/bin/python" "$folder/program.py" > "$folder/seen"
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
