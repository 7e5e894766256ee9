#!/usr/bin/env bash
# sympy==1.14.0, antlr4-python3-runtime==4.11.1
# Expected: the LaTeX that sympy writes for erf(x), asin(x), sign(x) is read back, or refused with an error.
# Seen: \operatorname{erf}{\left(x \right)} is accepted and becomes a product of five symbols, operatorname, x, e, f
# and r, in which e and x are factors: the derivative with respect to x is a constant. \arcsin, the other name of
# the same function, is read right, but sympy never writes it by default.
# Why it matters: GELU is written with erf, an absolute value's slope with sign; a gradient taken from the formula
# that came back is the slope of a linear function.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check sympy==1.14.0 antlr4-python3-runtime==4.11.1
cat > "$folder/expected" <<'EXPECTED'
\operatorname{erf}{\left(x \right)} -> e f operatorname r x | d/dx has x: False
\operatorname{asin}{\left(x \right)} -> a i n operatorname s x | d/dx has x: False
\operatorname{sign}{\left(x \right)} -> g i n operatorname s x | d/dx has x: False
asin(x)
\arcsin{\left(x \right)}
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
from sympy import asin, diff, erf, latex, sign, symbols
from sympy.parsing.latex import parse_latex

x = symbols("x")
for function in (erf(x), asin(x), sign(x)):
    back = parse_latex(latex(function))
    print(latex(function), "->", " ".join(sorted(map(str, back.free_symbols))), "| d/dx has x:", diff(back, x).has(x))
print(parse_latex(r"\arcsin{\left(x \right)}"))
print(latex(asin(x), inv_trig_style="full"))
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
