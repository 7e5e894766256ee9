#!/usr/bin/env bash
# symengine==0.15.0, sympy==1.14.0
# Expected: symengine, a fast stand-in for sympy's core, differentiates Abs, sign and Max of a symbol in closed form (sympy:
# sign(x) for a real x, Heaviside(x)), and what it returns can be evaluated.
# Seen: it answers Derivative(Abs(x), x) and stops there; with 2 put in for x it is "Derivative(2.0, 2.0)", which is no
# number, and n() leaves it so. Piecewise is differentiated.
# Why it matters: ReLU as Max(x, 0) has no gradient here, as a Piecewise it has; and the failure comes late, when numbers
# are wanted.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check symengine==0.15.0 sympy==1.14.0
cat > "$folder/expected" <<'EXPECTED'
Abs(x) symengine: Derivative(abs(x), x) | sympy: sign(x)
Max(x, 0) symengine: Derivative(max(0, x), x) | sympy: Heaviside(x)
Piecewise((x, x > 0), (0, True)) symengine: Piecewise((1, 0 < x), (0, True)) | sympy: Piecewise((1, x > 0), (0, True))
Derivative(2.0, 2.0)
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
import symengine as se
import sympy as sp

x, r = se.Symbol("x"), sp.Symbol("x", real=True)
for name in ("Abs(x)", "Max(x, 0)", "Piecewise((x, x > 0), (0, True))"):
    ours, theirs = eval(name, vars(se), {"x": x}), eval(name, vars(sp), {"x": r})
    print(name, "symengine:", ours.diff(x), "| sympy:", theirs.diff(r))
print(se.Abs(x).diff(x).subs(x, 2.0).n())
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
