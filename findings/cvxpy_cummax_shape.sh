#!/usr/bin/env bash
# cvxpy==1.9.3, numpy==2.4.6
# Expected: .grad of a map from n to n entries is n x n (one row for each entry of the variable), as for cumsum.
# Seen: of cummax with two entries it is 2 x 1, one column for both outputs; with three entries .grad raises ValueError
# inside numpy, so that gradients of cummax exist for two entries alone and in the wrong shape.
# Why it matters: 2 x 1 broadcasts against 2 x 2 in a comparison, and a check by differences then blames two entries.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cvxpy==1.9.3 numpy==2.4.6
cat > "$folder/expected" <<'EXPECTED'
cumsum [1.0, 3.0] [[1.0, 1.0], [0.0, 1.0]]
cummax [1.0, 2.0] [[1.0], [1.0]]
cumsum [1.0, 4.0, 6.0] [[1.0, 1.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]
cummax [1.0, 3.0, 3.0] ValueError
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
import cvxpy as cp
import numpy as np

for values in ([1.0, 2.0], [1.0, 3.0, 2.0]):
    x = cp.Variable(len(values))
    x.value = np.array(values)
    for make in (cp.cumsum, cp.cummax):
        try:
            print(make.__name__, make(x).value.tolist(), np.asarray(make(x).grad[x].todense()).tolist())
        except ValueError:
            print(make.__name__, make(x).value.tolist(), "ValueError")
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
