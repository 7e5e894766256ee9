#!/usr/bin/env bash
# pyomo==6.10.1, sympy==1.14.0
# Expected: differentiate() gives the slope of |y| + tanh(y) at y = 2, a smooth point, in each of its three modes; they
# differ in speed alone.
# Seen: each mode knows another set of functions. The two reverse modes know abs but neither tanh nor asinh nor acosh; the
# sympy mode knows those but cannot bring back sign, the slope of abs, and calls it an internal error. No mode can
# differentiate the sum.
# Why it matters: cross-checking one mode against another, the natural way to test a derivative here, is impossible
# for models that hold both kinds.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyomo==6.10.1 sympy==1.14.0
cat > "$folder/expected" <<'EXPECTED'
abs reverse_numeric 1.000000
abs reverse_symbolic 1.000000
abs sympy DeveloperError
tanh reverse_numeric DifferentiationException
tanh reverse_symbolic DifferentiationException
tanh sympy 0.070651
abs+tanh reverse_numeric DifferentiationException
abs+tanh reverse_symbolic DifferentiationException
abs+tanh sympy DeveloperError
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
import pyomo.environ as pe
from pyomo.core.expr.calculus.derivatives import Modes, differentiate

model = pe.ConcreteModel()
model.y = pe.Var(initialize=2.0)
y = model.y
for name, expression in (("abs", abs(y)), ("tanh", pe.tanh(y)), ("abs+tanh", abs(y) + pe.tanh(y))):
    for mode in (Modes.reverse_numeric, Modes.reverse_symbolic, Modes.sympy):
        try:
            answer = f"{pe.value(differentiate(expression, wrt=y, mode=mode)):.6f}"
        except Exception as error:
            answer = type(error).__name__
        print(name, mode.name, answer)
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
