#!/usr/bin/env bash
# sympy==1.14.0
# Expected: the derivative of a scalar with respect to a 2 x 2 matrix has the shape (2, 2). That of Trace(X .* A) is diag(A)
# as a matrix: A on the diagonal, 0 beside it.
# Seen: it has the shape (2,): the diagonal alone, as a vector, for Trace(X .* A) and for the trace of a function applied
# entry by entry. Trace(X*A), the same kind of scalar, gives (2, 2), and so does Trace(A*exp.(X)).
# Why it matters: subtracted from a (2, 2) gradient the vector broadcasts along the rows, and a right gradient seems wrong
# beside the diagonal.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check sympy==1.14.0
cat > "$folder/expected" <<'EXPECTED'
Trace(X*A) -> Transpose (2, 2)
Trace(A*exp.(X)) -> HadamardProduct (2, 2)
Trace(X.*A) -> ArrayDiagonal (2,)
Trace(exp.(X)) -> ArrayDiagonal (2,)
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
from sympy import MatrixSymbol, Trace, diff, exp, hadamard_product

X, A = MatrixSymbol("X", 2, 2), MatrixSymbol("A", 2, 2)
for name, scalar in (
    ("Trace(X*A)", Trace(X * A)),
    ("Trace(A*exp.(X))", Trace(A * X.applyfunc(exp))),
    ("Trace(X.*A)", Trace(hadamard_product(X, A))),
    ("Trace(exp.(X))", Trace(X.applyfunc(exp))),
):
    slope = diff(scalar, X)
    print(name, "->", type(slope).__name__, tuple(map(int, slope.shape)))
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
