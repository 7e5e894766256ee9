#!/usr/bin/env bash
# daceypy==1.4.0, numpy==2.4.6
# Expected: trunc() of a differential algebra variable cuts towards 0 as numpy.trunc does, and abs() is the absolute
# value of the function.
# Seen: trunc(2.7 + x) is 3 + x: the constant is rounded to the nearest integer (0.5 goes to 0, to 1 with round()), and
# the slope stays 1 though a step function's is 0. abs(-2 + 3 x) is the plain number 3, the largest coefficient: a
# norm of the expansion, without any slope.
# Why it matters: both names exist in numpy with another meaning, and a program that is handed such a variable runs on
# with other numbers; its derivative is compared with that of another function.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check daceypy==1.4.0 numpy==2.4.6
cat > "$folder/expected" <<'EXPECTED'
trunc 2.3 -> 2.0 slope 1.0 | round -> 2.0
trunc 2.7 -> 3.0 slope 1.0 | round -> 3.0
trunc -2.7 -> -3.0 slope 1.0 | round -> -3.0
trunc 0.5 -> 0.0 slope 1.0 | round -> 1.0
abs of -2.0 + 3 x -> float 3.0
abs of -0.5 + 3 x -> float 3.0
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
from daceypy import DA

DA.init(2, 1)
x = DA(1)
for value in (2.3, 2.7, -2.7, 0.5):
    cut = (value + x).trunc()
    print("trunc", value, "->", cut.cons(), "slope", cut.getCoefficient([1]), "| round ->", (value + x).round().cons())
for value in (-2.0, -0.5):
    print("abs of", value, "+ 3 x ->", type(abs(value + 3 * x)).__name__, abs(value + 3 * x))
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
