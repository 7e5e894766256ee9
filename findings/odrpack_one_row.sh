#!/usr/bin/env bash
# odrpack==0.7.0 (bindings of ODRPACK95), numpy==2.4.6
# Expected: ODRPACK compares Jacobians that the caller supplies with finite differences before it fits, and stops
# if a row of them is wrong ("error in derivatives").
# Seen: it compares one observation, here the second of seven. A Jacobian that is negated at every other observation
# passes, the fit stays at its start and ends with success and "Sum of squares convergence."; the one that is
# negated at the second observation alone is refused.
# Why it matters: a built-in derivative check is trusted to have looked at the Jacobian; this one has looked at one
# row of it, and mistakes that depend on the data (a branch, a clipped range) are in the rows it does not see.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check odrpack==0.7.0 numpy==2.4.6
cat > "$folder/expected" <<'EXPECTED'
right [2.0, 1.3] True Sum of squares convergence.
all but the second negated [1.5, 1.0] True Sum of squares convergence.
second negated [1.5, 1.0] False Fatal errors detected: error in derivatives.
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
import numpy as np
from odrpack import odr_fit

x = np.linspace(0.0, 1.0, 7)
y = 2.0 * np.exp(1.3 * x) + 0.01 * np.array([1, -1, 2, 0, -2, 1, -1])


def model(x, b):
    return b[0] * np.exp(b[1] * x)


def jacobian(signs):
    return lambda x, b: np.array([[np.exp(b[1] * x), b[0] * x * np.exp(b[1] * x)]]) * signs


def slope(x, b):
    return np.array([[b[0] * b[1] * np.exp(b[1] * x)]])


only_second = np.ones(7)
only_second[1] = -1.0
for name, signs in (("right", np.ones(7)), ("all but the second negated", -only_second), ("second negated", only_second)):
    fit = odr_fit(model, x, y, np.array([1.5, 1.0]), jac_beta=jacobian(signs), jac_x=slope)
    print(name, np.round(fit.beta, 2).tolist(), fit.success, fit.stopreason)
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
