#!/usr/bin/env bash
# iminuit==2.33.0, numpy==2.4.6
# Expected: a minimization with a wrong gradient ends with valid = False: Minuit checks gradients that it is given.
# Seen: for Rosenbrock's function from (-1.2, 1), minimum at (1, 1), strategy 0: with a gradient of zeros the fit is valid at
# (-1.11, 1.24), its estimated distance to the minimum exactly 0; with both entries exchanged it is valid there, too.
# With the negated gradient it is valid at the right minimum, to two digits, since the curvature is measured
# without it.
# Why it matters: neither a valid fit nor the right minimum says anything about the gradient; only a comparison does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check iminuit==2.33.0 numpy==2.4.6
cat > "$folder/expected" <<'EXPECTED'
right valid: True [1.0, 1.0] distance below 0.01: True
zeros valid: True [-1.1, 1.2] distance below 0.01: True
exchanged valid: True [-1.1, 1.2] distance below 0.01: True
negated valid: True [1.0, 1.0] distance below 0.01: True
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
import numpy as np
from iminuit import Minuit


def rosenbrock(a, b):
    return (1 - a) ** 2 + 100 * (b - a * a) ** 2


def right(a, b):
    return np.array([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)])


for name, gradient in (
    ("right", right),
    ("zeros", lambda a, b: 0 * right(a, b)),
    ("exchanged", lambda a, b: right(a, b)[::-1]),
    ("negated", lambda a, b: -right(a, b)),
):
    fit = Minuit(rosenbrock, a=-1.2, b=1.0, grad=gradient)
    fit.errordef = 1
    fit.strategy = 0
    fit.migrad()
    print(name, "valid:", fit.valid, [round(value, 1) for value in fit.values], "distance below 0.01:", fit.fmin.edm < 0.01)
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
