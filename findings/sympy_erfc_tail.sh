#!/usr/bin/env bash
# sympy==1.14.0 with scipy==1.17.1 (PyPI)
# Expected: erfc(-x/sqrt(2))/2, the normal distribution function as texts write it so that the left tail keeps its digits,
# stays what it is, and lambdify(..., "scipy") evaluates scipy.special.erfc there: 1.13e-19 at -9.
# Seen: erfc of an argument that starts with a minus is rewritten to 2 - erfc on construction. The function that lambdify
# makes is 7 % off at -8 and 0 at -9 and beyond; its logarithm is infinite. UnevaluatedExpr around the argument keeps the
# digits.
# Why it matters: erfc exists for the tail, and whoever chose it for that reason loses it without a word; in the right
# tail, where nothing was to be won, all digits are there.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet sympy==1.14.0 scipy==1.17.1
cat > "$folder/expected" <<'EXPECTED'
erfc(-x/sqrt(2))/2 is 1 - erfc(sqrt(2)*x/2)/2
at -5: 2.866515719e-07, the tail is 2.866515719e-07
at -8: 6.661338148e-16, the tail is 6.220960574e-16
at -9: 0, the tail is 1.128588406e-19
with UnevaluatedExpr at -9: 1.128588406e-19
EXPECTED
cat > "$folder/program.py" <<'PROGRAM'
import sympy
from scipy.special import erfc

x = sympy.Symbol("x", real=True)
cdf = sympy.erfc(-x / sympy.sqrt(2)) / 2
print("erfc(-x/sqrt(2))/2 is", cdf)
made = sympy.lambdify(x, cdf, "scipy")
for at in (-5, -8, -9):
    print(f"at {at}: {made(at):.10g}, the tail is {erfc(-at / 2**0.5) / 2:.10g}")
kept = sympy.erfc(sympy.UnevaluatedExpr(-x / sympy.sqrt(2))) / 2
print(f"with UnevaluatedExpr at -9: {sympy.lambdify(x, kept, 'scipy')(-9):.10g}")
PROGRAM
"$folder/venv/bin/python" "$folder/program.py" > "$folder/seen"
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
