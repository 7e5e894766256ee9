#!/usr/bin/env bash
# pygmo==2.20.0, numpy==2.4.6
# Expected: estimate_sparsity tells which entries of the gradient can be different from zero: of 1 + x**2 + y the
# entries of x and y.
# Seen: it moves one entry by 1e-8 and looks whether the value changed at all. At x = 0 the square adds 1e-16 to 1, which
# is rounded away, and x is left out; x**2 + y, without the 1, has both. At (1, 1) x + 1e10 y loses x, too, where the
# slope is 1.
# Why it matters: a problem that declares its gradient by this pattern drops a partial derivative for good, at every
# later point; starting at 0 is common.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pygmo==2.20.0 numpy==2.4.6
cat > "$folder/expected" <<'EXPECTED'
x**2 + y at (0, 0) [0, 1]
1 + x**2 + y at (0, 0) [1]
1 + x**2 + y at (1, 0) [0, 1]
x + 1e10 y at (1, 1) [1]
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
from pygmo import estimate_sparsity

for name, f, at in (
    ("x**2 + y at (0, 0)", lambda v: [v[0] ** 2 + v[1]], [0.0, 0.0]),
    ("1 + x**2 + y at (0, 0)", lambda v: [1 + v[0] ** 2 + v[1]], [0.0, 0.0]),
    ("1 + x**2 + y at (1, 0)", lambda v: [1 + v[0] ** 2 + v[1]], [1.0, 0.0]),
    ("x + 1e10 y at (1, 1)", lambda v: [v[0] + 1e10 * v[1]], [1.0, 1.0]),
):
    print(name, estimate_sparsity(f, at)[:, 1].tolist())
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
