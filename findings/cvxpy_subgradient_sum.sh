#!/usr/bin/env bash
# cvxpy==1.9.3, numpy==2.4.6
# Expected: .grad of maximum(x, 0) + minimum(x, 0), which is x, is 1 everywhere; between the slopes of both sides in each
# term.
# Seen: at 0 both terms answer 1 and the sum 2; pos(x) - neg(x) is 2 as well. Each 1 is a valid sub- or supergradient of its
# own term, the sum is no slope of the identity. abs, norm1 and huber answer 0 there. power(x, 1) answers 1 at 1 and None
# at -1, where it has the value -1.
# Why it matters: a kink that cancels in the function does not cancel in the answer, at the point where iterates of a
# sparse problem lie: exactly 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cvxpy==1.9.3 numpy==2.4.6
cat > "$folder/expected" <<'EXPECTED'
maximum(x,0) [0.0, 1.0, 1.0]
minimum(x,0) [1.0, 1.0, 0.0]
their sum [1.0, 2.0, 1.0]
pos(x)-neg(x) [1.0, 2.0, 1.0]
abs(x) [-1.0, 0.0, 1.0]
power(x,1) None 1.0
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
import cvxpy as cp
import numpy as np


def slope(make, at):
    x = cp.Variable(1)
    x.value = np.array([at])
    return make(x).grad[x]


for name, make in (
    ("maximum(x,0)", lambda x: cp.maximum(x, 0)),
    ("minimum(x,0)", lambda x: cp.minimum(x, 0)),
    ("their sum", lambda x: cp.maximum(x, 0) + cp.minimum(x, 0)),
    ("pos(x)-neg(x)", lambda x: cp.pos(x) - cp.neg(x)),
    ("abs(x)", cp.abs),
):
    print(name, [float(np.squeeze(slope(make, at))) for at in (-1.0, 0.0, 1.0)])
print("power(x,1)", slope(lambda x: cp.power(x, 1), -1.0), float(np.squeeze(slope(lambda x: cp.power(x, 1), 1.0))))
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
