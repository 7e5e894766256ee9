#!/usr/bin/env bash
# numdifftools==0.11.2, numpy==2.4.6
# Expected: method="multicomplex" gives second derivatives to rounding for analytic functions; x**3 is one.
# Seen: at negative x the second derivative of x**3 is off by 10 % (-6.62 for -6 at x = -1; -15.2 for -12 at -2), with
# an error estimate of 4e-14. x*x*x, the same polynomial, is right. x**2, x**4 and x**-1 written as powers fail
# alike, as if ** went through a logarithm on the wrong branch. x > 0 is right.
# Why it matters: this is the method that is chosen when differences are not exact enough, and its tiny error
# estimate makes the right second derivative look wrong.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numdifftools==0.11.2 numpy==2.4.6
cat > "$folder/expected" <<'EXPECTED'
x**3 at  1: right  6, seen 6.0000 estimated error below 1e-12: True
x**3 at -1: right -6, seen -6.6205 estimated error below 1e-12: True
x*x*x   -1: right -6, seen -6.0000 estimated error below 1e-12: True
x**2 at -1: right  2, seen 2.2758 estimated error below 1e-12: True
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
from numdifftools import Derivative


def second(f, x):
    result = Derivative(f, n=2, method="multicomplex", full_output=True)(x)
    return f"{float(result.estimate):.4f}", "estimated error below 1e-12:", bool(result.error_estimate < 1e-12)


print("x**3 at  1: right  6, seen", *second(lambda x: x**3, 1.0))
print("x**3 at -1: right -6, seen", *second(lambda x: x**3, -1.0))
print("x*x*x   -1: right -6, seen", *second(lambda x: x * x * x, -1.0))
print("x**2 at -1: right  2, seen", *second(lambda x: x**2, -1.0))
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
