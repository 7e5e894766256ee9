#!/usr/bin/env bash
# py-ubjson==0.16.1
# Expected: a list of floats comes back as a list of floats, bit for bit: the format has a type for float64.
# Seen: NaN and the infinities come back as None, and a subnormal number as a Decimal, written with all its decimal digits
# in 700 bytes and more. From 2.3e-308 on floats are floats of nine bytes.
# Why it matters: gradients hold NaN and underflow; numpy makes an array of objects of such a list, and isnan() of it is
# a TypeError far from the file.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check py-ubjson==0.16.1
cat > "$folder/expected" <<'EXPECTED'
0.1 -> float of nine bytes
2.3e-308 -> float of nine bytes
1e-310 -> Decimal of over 700 bytes
nan -> NoneType of one byte
-inf -> NoneType of one byte
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
import ubjson

for value in (0.1, 2.3e-308, 1e-310, float("nan"), float("-inf")):
    data = ubjson.dumpb(value)
    back = ubjson.loadb(data)
    print(value, "->", type(back).__name__, "of", "nine bytes" if len(data) == 9 else "one byte" if len(data) == 1 else "over 700 bytes")
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
