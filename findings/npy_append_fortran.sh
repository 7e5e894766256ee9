#!/usr/bin/env bash
# npy-append-array==0.9.19, numpy==2.4.6
# Expected: append() adds rows, whatever the order of the array is in memory: two blocks of 2 x 3 make 4 x 3.
# Seen: blocks in Fortran order, X.T among them, are appended along the last axis: 2 x 6, the second block beside the first.
# C order gives 4 x 3.
# Why it matters: whether data is written as rows depends on how it was computed (a transpose, a solver's result); the
# sum over examples then runs over pairs of examples.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check npy-append-array==0.9.19 numpy==2.4.6
cat > "$folder/expected" <<'EXPECTED'
C order (2, 3) twice -> (4, 3) rows: True
Fortran order (2, 3) twice -> (2, 6) rows: False
transpose (2, 3) twice -> (2, 6) rows: False
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
import os
import tempfile

import numpy as np
from npy_append_array import NpyAppendArray

block = np.arange(6.0).reshape(2, 3)
for name, array in (("C order", block), ("Fortran order", np.asfortranarray(block)), ("transpose", block.reshape(3, 2).T)):
    path = os.path.join(tempfile.mkdtemp(dir=os.environ.get("TMPDIR")), "rows.npy")
    with NpyAppendArray(path) as file:
        file.append(array)
        file.append(array)
    back = np.load(path)
    print(name, array.shape, "twice ->", back.shape, "rows:", back.shape == (4, 3))
    os.remove(path)
    os.rmdir(os.path.dirname(path))
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
