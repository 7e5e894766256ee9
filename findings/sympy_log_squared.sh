#!/usr/bin/env bash
# sympy==1.14.0, antlr4-python3-runtime==4.11.1, lark==1.3.1
# Expected: parse_latex reads back what sympy.latex writes, so log(x)**2 comes back as log(x)**2.
# Seen: the default reader takes the exponent into the logarithm and returns log(x**2), silently; the lark
# reader returns no expression but a tree of both readings. sin(x)**2 comes back right, since it is written
# \sin^{2}. Slopes at x = 3: 2 log(x)/x = 0.7324 becomes 2/x = 0.6667.
# Why it matters: log-likelihoods and log-normal densities are full of log(x)**2, and a formula that went through
# LaTeX once is a different function; a check of its gradient afterwards finds nothing wrong.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check sympy==1.14.0 antlr4-python3-runtime==4.11.1 lark==1.3.1
cat > "$folder/expected" <<'EXPECTED'
\log{\left(x \right)}^{2}
log(x**2, E)
0.7324
0.6667
Tree ['log(x)**2', 'log(x**2)']
sin(x)**2*cos(x)
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
from sympy import cos, diff, latex, log, sin, symbols
from sympy.parsing.latex import parse_latex

x = symbols("x")
text = latex(log(x) ** 2)
print(text)
back = parse_latex(text)
print(back)
for slope in (diff(log(x) ** 2, x), diff(back, x)):
    print(f"{float(slope.subs(x, 3).n()):.4f}")
tree = parse_latex(text, backend="lark")
print(type(tree).__name__, sorted(map(str, tree.children)))
print(parse_latex(latex(sin(x) ** 2 * cos(x))))
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
