#!/usr/bin/env bash
# numdifftools==0.11.2, numpy==2.4.6
# Expected: the error estimate of Derivative bounds the error, or is large where the steps are too long for the function.
# Seen: for sin(k x) at 0.3 it is good up to k = 300; at k = 1000 the slope is wrong by 22 (it is -22.1) with an estimated
# error below 1e-3, at k = 2000 wrong by 2009 with an estimated error below 0.1.
# Why it matters: steps start near 0.5 whatever the function's own scale is, and the estimate is believed just where it
# would be needed: for inputs that were not normalized.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numdifftools==0.11.2 numpy==2.4.6
cat > "$folder/expected" <<'EXPECTED'
100 error above 1: False | estimated below 0.1: True
300 error above 1: False | estimated below 0.1: True
1000 error above 1: True | estimated below 0.1: True
2000 error above 1: True | estimated below 0.1: True
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
import numpy as np
from numdifftools import Derivative

for k in (100, 300, 1000, 2000):
    right = k * np.cos(0.3 * k)
    result = Derivative(lambda x: np.sin(k * x), full_output=True)(0.3)
    error, estimate = abs(float(result.estimate) - right), float(result.error_estimate)
    print(k, "error above 1:", error > 1.0, "| estimated below 0.1:", estimate < 0.1)
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
