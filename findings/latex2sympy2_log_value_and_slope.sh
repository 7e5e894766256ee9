#!/usr/bin/env bash
# latex2sympy2_extended==1.11.0, sympy==1.14.0, antlr4-python3-runtime==4.13.2
# Expected: \log of the LaTeX that sympy writes is the natural logarithm, as it is in sympy; or, if it is read to base 10, value
# and slope are those of the logarithm to base 10.
# Seen: the value is that of base 10 and the slope is 1/x, that of the natural one. The reader makes log(x, 10) without
# evaluation, and sympy's derivative of a logarithm of two arguments leaves the base out; log(x, 10, evaluate=False) of
# sympy alone does the same, after doit() it is right. \ln is natural in both.
# Why it matters: value and gradient of one object contradict each other by a factor of 2.3026; differences of the
# formula blame a derivative that is right for the formula that was meant.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check latex2sympy2_extended==1.11.0 sympy==1.14.0 antlr4-python3-runtime==4.13.2
cat > "$folder/expected" <<'EXPECTED'
sympy's log(x), read back | at 2: value 0.3010 slope 0.5000
\ln{x} | at 2: value 0.6931 slope 0.5000
log(x, 10, evaluate=False) | at 2: value 0.3010 slope 0.5000
the same after doit() | at 2: value 0.3010 slope 0.2171
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
from latex2sympy2_extended import latex2sympy
from sympy import diff, latex, log, symbols

x = symbols("x")
cases = (
    ("sympy's log(x), read back", latex2sympy(latex(log(x)))),
    (r"\ln{x}", latex2sympy(r"\ln{x}")),
    ("log(x, 10, evaluate=False)", log(x, 10, evaluate=False)),
    ("the same after doit()", log(x, 10, evaluate=False).doit()),
)
for name, formula in cases:
    value, slope = formula.subs(x, 2).n(), diff(formula, x).subs(x, 2).n()
    print(name, "| at 2: value", f"{float(value):.4f}", "slope", f"{float(slope):.4f}")
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
