#!/usr/bin/env bash
# torch==2.13.0 (PyPI), on the CPU
# Expected: torch.fx.symbolic_trace and make_fx give a function that computes what the traced one does, whatever its
# arguments are called.
# Seen: of two arguments whose names differ in upper and lower case alone, S and s, the code that is generated begins with
# s = S: the second is lost, and a wrong number comes out without an error or a warning. With names that differ otherwise
# the number is right.
# Why it matters: S and s, X and x, W and w stand side by side in formulas; what is built on such a graph (export,
# quantization, compilers, a traced loss) is wrong where shapes agree, and where they do not, the error is about shapes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
cat > "$folder/expected" <<'EXPECTED'
S - 2*s at 10, 3: 4.0, symbolic_trace -10.0, make_fx -10.0
S - 2*t at 10, 3: 4.0, symbolic_trace 4.0, make_fx 4.0
EXPECTED
cat > "$folder/program.py" <<'PROGRAM'
import torch
from torch.fx import symbolic_trace
from torch.fx.experimental.proxy_tensor import make_fx


def of_cases(S, s):
    return S - 2*s


def of_letters(S, t):
    return S - 2*t


at = torch.tensor(10.0), torch.tensor(3.0)
for text, function in ("S - 2*s", of_cases), ("S - 2*t", of_letters):
    symbolic, made = symbolic_trace(function)(*at), make_fx(function)(*at)(*at)
    print(f"{text} at 10, 3: {function(*at).item()}, symbolic_trace {symbolic.item()}, make_fx {made.item()}")
PROGRAM
"$folder/venv/bin/python" "$folder/program.py" > "$folder/seen" 2> /dev/null
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
