#!/usr/bin/env bash
# GTC==1.5.1
# Expected: abs() of an uncertain number is an uncertain number with slope sign(x), as in the package uncertainties.
# Seen: it is a plain float; the dependence on x ends there. abs(x)*x at -2 with standard uncertainty 0.1 is given the
# uncertainty 0.2, right is 0.4. GTC.magnitude(x) is the function with a slope.
# Why it matters: GTC propagates derivatives; in a longer formula the missing term shows as an uncertainty that is too
# small, and nothing is raised as long as another uncertain number is left in it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check GTC==1.5.1
cat > "$folder/expected" <<'EXPECTED'
float UncertainReal
abs(x)*x: 0.200000 magnitude(x)*x: 0.400000
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
from GTC import magnitude, ureal

x = ureal(-2.0, 0.1)
print(type(abs(x)).__name__, type(magnitude(x)).__name__)
print(f"abs(x)*x: {(abs(x) * x).u:.6f}", f"magnitude(x)*x: {(magnitude(x) * x).u:.6f}")
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
