#!/usr/bin/env bash
# torch==2.14.1 (PyPI), float64 tensors on the CPU
# Expected: gradients of float64 tensors have 15 digits. That of hardsigmoid inside is 1/6, that of celu(x, alpha) for
# x < 0 is exp(x/alpha), that of digamma(x) is trigamma(x).
# Seen: hardsigmoid gives 1/6 and celu 1/alpha as float32 holds them, an error of 3e-8 relative; trigamma(2.5), which is
# the gradient of digamma and what polygamma(1, x) returns, is off by 1e-10 absolute. The values themselves (hardsigmoid,
# celu, digamma) have all digits.
# Why it matters: torch.autograd.gradcheck asks for float64 and a tolerance of 1e-3 relative: it does not see it, and a
# comparison of two programs to 9 digits blames the other one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.14.1 mpmath==1.3.0
cat > "$folder/expected" <<'EXPECTED'
hardsigmoid: gradient off by 3e-08 relative
celu, alpha=1.3: gradient off by 2e-08 relative
digamma: gradient off by 3e-10 relative
EXPECTED
cat > "$folder/program.py" <<'PROGRAM'
import mpmath
import torch
import torch.nn.functional as F

mpmath.mp.dps = 30


def show(name, function, at, true):
    x = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(function(x), x)
    print(f"{name}: gradient off by {float(abs(mpmath.mpf(slope.item()) / true - 1)):.0e} relative")


show("hardsigmoid", F.hardsigmoid, 0.5, mpmath.mpf(1) / 6)
show("celu, alpha=1.3", lambda x: F.celu(x, 1.3), -0.7, mpmath.exp(mpmath.mpf(-0.7) / mpmath.mpf("1.3")))
show("digamma", torch.digamma, 2.5, mpmath.psi(1, mpmath.mpf("2.5")))
PROGRAM
"$folder/venv/bin/python" "$folder/program.py" > "$folder/seen" 2> /dev/null
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
