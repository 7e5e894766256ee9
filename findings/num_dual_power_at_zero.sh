#!/usr/bin/env bash
# num-dual==0.15.1
# Expected: x**2.5 at 0 has value 0 and slope 0; at worst a second or third derivative is infinite or NaN.
# Seen: for exponents 0.5, 1.5 and 2.5 everything is NaN, the value included; 3.5 is right, as if x**(n-3) came first and
# were multiplied by x three times: a negative power of 0, times 0. The gradient of a sum that
# holds such a term is NaN in that entry and its value is NaN as a whole.
# Why it matters: x**1.5 (drag, Debye-Hueckel) starts at 0 in many models; the plain float function returns 0 there,
# so the program runs until it is differentiated.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check num-dual==0.15.1
cat > "$folder/expected" <<'EXPECTED'
0.5 0.0 (nan, nan)
1.5 0.0 (nan, nan)
2.5 0.0 (nan, nan)
3.5 0.0 (0.0, 0.0)
(nan, [nan, nan])
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
from num_dual import first_derivative, gradient

for power in (0.5, 1.5, 2.5, 3.5):
    print(power, 0.0**power, first_derivative(lambda u: u**power, 0.0))
print(gradient(lambda v: v[0] ** 1.5 + v[1], [0.0, 1.0]))
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
