#!/usr/bin/env bash
# odrpack==0.7.0 (bindings of ODRPACK95), numpy==2.4.6
# Expected: in ordinary least squares (task="OLS") the x are fixed, so jac_beta is all the derivative there is: it is
# used, and a negated one is reported.
# Seen: jac_beta alone is called once, to look at its shape, and never again: finite differences take its place without
# a word. A negated Jacobian fits as well as the right one. Only when jac_x is given too, which plays no part with
# fixed x, is jac_beta used, and then a negated one is refused.
# Why it matters: a fit that converges with "my" Jacobian is no evidence about the Jacobian.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check odrpack==0.7.0 numpy==2.4.6
cat > "$folder/expected" <<'EXPECTED'
sign +1 alone called once [2.0, 1.3] True
sign +1 with jac_x called more than once [2.0, 1.3] True
sign -1 alone called once [2.0, 1.3] True
sign -1 with jac_x called more than once [1.5, 1.0] False
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
import numpy as np
from odrpack import odr_fit

x = np.linspace(0.0, 1.0, 7)
y = 2.0 * np.exp(1.3 * x) + 0.01 * np.array([1, -1, 2, 0, -2, 1, -1])
calls = 0


def model(x, b):
    return b[0] * np.exp(b[1] * x)


def jacobian(sign):
    def jac(x, b):
        global calls
        calls += 1
        return sign * np.array([[np.exp(b[1] * x), b[0] * x * np.exp(b[1] * x)]])
    return jac


def slope(x, b):
    return np.array([[b[0] * b[1] * np.exp(b[1] * x)]])


for sign in (1.0, -1.0):
    for other in (None, slope):
        calls = 0
        fit = odr_fit(model, x, y, np.array([1.5, 1.0]), jac_beta=jacobian(sign), jac_x=other, task="OLS")
        used = "called once" if calls == 1 else "called more than once"
        print(f"sign {sign:+.0f}", "alone" if other is None else "with jac_x", used, np.round(fit.beta, 2).tolist(), fit.success)
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
