#!/usr/bin/env bash
# num-dual==0.15.1
# Expected: forward-mode derivatives are right to rounding, those of the spherical Bessel functions too; j2(x) is
# x**2/15 near 0, its slope 2x/15.
# Seen: 0 itself is right; next to it the closed form (3/x**2-1) sin(x)/x - 3 cos(x)/x**2 shows its cancellation, in
# value and derivatives alike. At x = 1e-4 the slope of j2 is -4.4e-4 where 1.3e-5 is right (wrong sign, 33 times
# too large), at 1e-5 it is 0.44, at 1e-8 the VALUE of j2 is -1.
# Why it matters: a dual number and a difference quotient of the exact function disagree, and the one to blame is not the
# difference quotient: dual numbers are exact only for the arithmetic that they are given.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check num-dual==0.15.1
cat > "$folder/expected" <<'EXPECTED'
x 1e-02  j2   6.7e-06 (right  6.7e-06)  slope   1.3e-03 (right  1.3e-03)
x 1e-04  j2   1.1e-08 (right  6.7e-10)  slope  -4.4e-04 (right  1.3e-05)
x 1e-05  j2  -1.4e-06 (right  6.7e-12)  slope   4.4e-01 (right  1.3e-06)
x 1e-08  j2  -1.0e+00 (right  6.7e-18)  slope   3.3e+08 (right  1.3e-09)
(0.0, 0.0)
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
from num_dual import first_derivative

for x in (1e-2, 1e-4, 1e-5, 1e-8):
    value, slope = first_derivative(lambda u: u.sph_j2(), x)
    print(f"x {x:.0e}  j2 {value:9.1e} (right {x * x / 15:8.1e})  slope {slope:9.1e} (right {2 * x / 15:8.1e})")
print(first_derivative(lambda u: u.sph_j2(), 0.0))
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
