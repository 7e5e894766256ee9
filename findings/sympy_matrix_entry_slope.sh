#!/usr/bin/env bash
# sympy==1.14.0
# Expected: the derivative of (v.T*X*w)[0, 0]**2 with respect to the matrix symbol X is 2 (v.T*X*w) v*w.T; as an error
# would do, where an entry of a matrix expression is not supported.
# Seen: it is 0, without a word, like those of X[0, 0]**2 and exp((v.T*A*v)[0, 0]). The 1 x 1 matrix v.T*X*w itself, and
# a trace of it, are differentiated right; so is the entry with respect to the entry X[0, 0].
# Why it matters: [0, 0] is the way to make a scalar of a quadratic form, as for a Gaussian density; its gradient is then
# zero, a value that looks like an answer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check sympy==1.14.0
cat > "$folder/expected" <<'EXPECTED'
(v.T*X*w)[0, 0]**2 -> 0
exp((v.T*A*v)[0, 0]) -> 0
X[0, 0]**2 -> 0 | with respect to X[0, 0] -> 2*X[0, 0]
v.T*X*w -> v*w.T
Trace(v.T*X*w) -> v*w.T
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
from sympy import MatrixSymbol, Trace, diff, exp

X, A = MatrixSymbol("X", 2, 2), MatrixSymbol("A", 2, 2)
v, w = MatrixSymbol("v", 2, 1), MatrixSymbol("w", 2, 1)
form = v.T * X * w
print("(v.T*X*w)[0, 0]**2 ->", diff(form[0, 0] ** 2, X))
print("exp((v.T*A*v)[0, 0]) ->", diff(exp((v.T * A * v)[0, 0]), v))
print("X[0, 0]**2 ->", diff(X[0, 0] ** 2, X), "| with respect to X[0, 0] ->", diff(X[0, 0] ** 2, X[0, 0]))
print("v.T*X*w ->", diff(form, X))
print("Trace(v.T*X*w) ->", diff(Trace(form), X))
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
